//===- ElementwiseOps.td - element-wise ops -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_ELEMENTWISEOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_ELEMENTWISEOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

/// `getOnnxName()` is the ONNX operator of the same meaning: import and export of element-wise ops
/// without attributes need nothing else.
class Compress_ElementwiseOp<string mnemonic, string onnxName>
    : Compress_ModelOp<mnemonic> {
  let extraClassDeclaration = [{
    static ::llvm::StringRef getOnnxName() { return "}] # onnxName # [{"; }
  }];
}

/// y = f(x), same type.
class Compress_UnaryOp<string mnemonic, string onnxName, Type type = Compress_NumericTensor,
                       string reference = mnemonic>
    : Compress_ElementwiseOp<mnemonic, onnxName> {
  let summary = onnxName # ", element by element";
  let arguments = (ins type:$input);
  let results = (outs type:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = [{
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual) {
      return ::mlir::compress::areCompatibleResultTypes(inferred, actual);
    }
    ::mlir::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, ::std::optional<::mlir::Location>, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      types.push_back(adaptor.getInput().getType());
      return ::mlir::success();
    }
    ::llvm::Expected<::llvm::SmallVector<::mlir::compress::reference::Tensor>>
    $cppClass::evaluate(::llvm::ArrayRef<::mlir::compress::reference::Tensor> operands) {
      return ::mlir::compress::single(::mlir::compress::reference::}] # reference # [{(operands[0]));
    }
    void $cppClass::getDimensionRelations(::mlir::compress::DimensionRelations &relations) {
      relations.elementwise(*this);
    }
  }];
}

/// z = f(x, y) with NumPy broadcasting. `resultType` is the element type of the result, or null
/// for that of the operands.
class Compress_BinaryOp<string mnemonic, string onnxName, Type operandType, Type resultType,
                        string reference, string elementType>
    : Compress_ElementwiseOp<mnemonic, onnxName> {
  let summary = onnxName # ", element by element with broadcasting";
  let arguments = (ins operandType:$lhs, operandType:$rhs);
  let results = (outs resultType:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = [{
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual) {
      return ::mlir::compress::areCompatibleResultTypes(inferred, actual);
    }
    ::mlir::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location> location, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return ::mlir::compress::inferBroadcast(context, location, getOperationName(),
          adaptor.getOperands(), /*elementType=*/}] # elementType # [{, types);
    }
    ::llvm::Expected<::llvm::SmallVector<::mlir::compress::reference::Tensor>>
    $cppClass::evaluate(::llvm::ArrayRef<::mlir::compress::reference::Tensor> operands) {
      return ::mlir::compress::single(
          ::mlir::compress::reference::}] # reference # [{(operands[0], operands[1]));
    }
    void $cppClass::getDimensionRelations(::mlir::compress::DimensionRelations &relations) {
      relations.elementwise(*this);
    }
  }];
}

class Compress_ArithmeticOp<string mnemonic, string onnxName, string reference = mnemonic>
    : Compress_BinaryOp<mnemonic, onnxName, Compress_NumericTensor, Compress_NumericTensor,
                        reference, "nullptr">;
class Compress_CompareOp<string mnemonic, string onnxName>
    : Compress_BinaryOp<mnemonic, onnxName, Compress_NumericTensor, Compress_BoolTensor, mnemonic,
                        "::mlir::IntegerType::get(context, 1)">;
class Compress_LogicalOp<string mnemonic, string onnxName, string reference>
    : Compress_BinaryOp<mnemonic, onnxName, Compress_BoolTensor, Compress_BoolTensor, reference,
                        "nullptr">;

def Compress_AbsOp : Compress_UnaryOp<"abs", "Abs">;
def Compress_AcosOp : Compress_UnaryOp<"acos", "Acos", Compress_FloatTensor>;
def Compress_AcoshOp : Compress_UnaryOp<"acosh", "Acosh", Compress_FloatTensor>;
def Compress_AsinOp : Compress_UnaryOp<"asin", "Asin", Compress_FloatTensor>;
def Compress_AsinhOp : Compress_UnaryOp<"asinh", "Asinh", Compress_FloatTensor>;
def Compress_AtanOp : Compress_UnaryOp<"atan", "Atan", Compress_FloatTensor>;
def Compress_AtanhOp : Compress_UnaryOp<"atanh", "Atanh", Compress_FloatTensor>;
def Compress_CeilOp : Compress_UnaryOp<"ceil", "Ceil", Compress_FloatTensor>;
def Compress_CosOp : Compress_UnaryOp<"cos", "Cos", Compress_FloatTensor>;
def Compress_CoshOp : Compress_UnaryOp<"cosh", "Cosh", Compress_FloatTensor>;
def Compress_ErfOp : Compress_UnaryOp<"erf", "Erf">;
def Compress_ExpOp : Compress_UnaryOp<"exp", "Exp", Compress_FloatTensor>;
def Compress_FloorOp : Compress_UnaryOp<"floor", "Floor", Compress_FloatTensor>;
def Compress_HardSwishOp : Compress_UnaryOp<"hard_swish", "HardSwish", Compress_FloatTensor,
                                            "hardSwish">;
def Compress_LogOp : Compress_UnaryOp<"log", "Log", Compress_FloatTensor>;
def Compress_MishOp : Compress_UnaryOp<"mish", "Mish", Compress_FloatTensor>;
def Compress_NegOp : Compress_UnaryOp<"neg", "Neg">;
def Compress_NotOp : Compress_UnaryOp<"not", "Not", Compress_BoolTensor, "logicalNot">;
def Compress_ReciprocalOp : Compress_UnaryOp<"reciprocal", "Reciprocal", Compress_FloatTensor>;
def Compress_ReluOp : Compress_UnaryOp<"relu", "Relu">;
def Compress_RoundOp : Compress_UnaryOp<"round", "Round", Compress_FloatTensor>;
def Compress_SigmoidOp : Compress_UnaryOp<"sigmoid", "Sigmoid", Compress_FloatTensor>;
def Compress_SignOp : Compress_UnaryOp<"sign", "Sign">;
def Compress_SinOp : Compress_UnaryOp<"sin", "Sin", Compress_FloatTensor>;
def Compress_SinhOp : Compress_UnaryOp<"sinh", "Sinh", Compress_FloatTensor>;
def Compress_SoftplusOp : Compress_UnaryOp<"softplus", "Softplus", Compress_FloatTensor>;
def Compress_SoftsignOp : Compress_UnaryOp<"softsign", "Softsign", Compress_FloatTensor>;
def Compress_SqrtOp : Compress_UnaryOp<"sqrt", "Sqrt", Compress_FloatTensor>;
def Compress_TanOp : Compress_UnaryOp<"tan", "Tan", Compress_FloatTensor>;
def Compress_TanhOp : Compress_UnaryOp<"tanh", "Tanh", Compress_FloatTensor>;

def Compress_AddOp : Compress_ArithmeticOp<"add", "Add">;
def Compress_SubOp : Compress_ArithmeticOp<"sub", "Sub">;
def Compress_MulOp : Compress_ArithmeticOp<"mul", "Mul">;
def Compress_DivOp : Compress_ArithmeticOp<"div", "Div">;
def Compress_MaxOp : Compress_ArithmeticOp<"max", "Max">;
def Compress_MinOp : Compress_ArithmeticOp<"min", "Min">;
def Compress_PowOp : Compress_ArithmeticOp<"pow", "Pow">;
def Compress_PReluOp : Compress_ArithmeticOp<"prelu", "PRelu">;

def Compress_EqualOp : Compress_CompareOp<"equal", "Equal">;
def Compress_GreaterOp : Compress_CompareOp<"greater", "Greater">;
def Compress_GreaterEqualOp : Compress_BinaryOp<"greater_equal", "GreaterOrEqual",
    Compress_NumericTensor, Compress_BoolTensor, "greaterEqual",
    "::mlir::IntegerType::get(context, 1)">;
def Compress_LessOp : Compress_CompareOp<"less", "Less">;
def Compress_LessEqualOp : Compress_BinaryOp<"less_equal", "LessOrEqual",
    Compress_NumericTensor, Compress_BoolTensor, "lessEqual",
    "::mlir::IntegerType::get(context, 1)">;

def Compress_AndOp : Compress_LogicalOp<"and", "And", "logicalAnd">;
def Compress_OrOp : Compress_LogicalOp<"or", "Or", "logicalOr">;
def Compress_XorOp : Compress_LogicalOp<"xor", "Xor", "logicalXor">;

def Compress_WhereOp : Compress_ModelOp<"where"> {
  let summary = "choose between two tensors, element by element with broadcasting";
  let description = [{
    Constraints: (C1) the three shapes broadcast; (C2) both values have the same element type.
  }];
  let arguments = (ins Compress_BoolTensor:$condition, Compress_Tensor:$on_true,
                       Compress_Tensor:$on_false);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $on_true `,` $on_false attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_ClipOp : Compress_ModelOp<"clip", [AttrSizedOperandSegments]> {
  let summary = "limit values to [min, max]";
  let description = [{
    A missing bound does not limit; `min > max` gives `max`, as in ONNX. Constraints: (C1) bounds have
    rank 0 and the input's element type.
  }];
  let arguments = (ins Compress_NumericTensor:$input, Optional<Compress_NumericTensor>:$min,
                       Optional<Compress_NumericTensor>:$max);
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = [{
    $input (`min` $min^)? (`max` $max^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_GeluOp : Compress_ModelOp<"gelu"> {
  let summary = "Gaussian error linear unit (exact with erf, or its tanh form)";
  let arguments = (ins Compress_FloatTensor:$input,
    DefaultValuedAttr<Compress_GeluApproximationAttr,
                      "::mlir::compress::GeluApproximation::None">:$approximate);
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "`` $approximate $input attr-dict `:` functional-type(operands, results)";
}

def Compress_LeakyReluOp : Compress_ModelOp<"leaky_relu"> {
  let summary = "x where x >= 0, else alpha * x";
  let arguments = (ins Compress_FloatTensor:$input, DefaultValuedAttr<F32Attr, "0.01f">:$alpha);
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_EluOp : Compress_ModelOp<"elu"> {
  let summary = "x where x >= 0, else alpha * (exp(x) - 1)";
  let arguments = (ins Compress_FloatTensor:$input, DefaultValuedAttr<F32Attr, "1.0f">:$alpha);
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_HardSigmoidOp : Compress_ModelOp<"hard_sigmoid"> {
  let summary = "max(0, min(1, alpha * x + beta))";
  let arguments = (ins Compress_FloatTensor:$input, DefaultValuedAttr<F32Attr, "0.2f">:$alpha,
                       DefaultValuedAttr<F32Attr, "0.5f">:$beta);
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_CastOp : Compress_Op<"cast", [
    Pure, DeclareOpInterfaceMethods<ReferenceOpInterface>,
    DeclareOpInterfaceMethods<DimensionRelationOpInterface>,
    DeclareOpInterfaceMethods<DecodeOpInterface, ["isDecodeLink"]>]> {
  let summary = "change the element type, by the rules of ONNX Cast";
  let description = [{
    `saturate` holds for 8-bit float results only. Constraints: (C1) the shape stays.

    From f16 or bf16 to f32, on a stored weight of two or more elements (or the expansion of one), a
    cast is a link of a decode chain: the weight is stored in half the bytes, and constant folding
    leaves it so.
  }];
  let arguments = (ins Compress_Tensor:$input, DefaultValuedAttr<BoolAttr, "true">:$saturate);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_ELEMENTWISEOPS_TD
