//===- CompressInterfaces.td - op interfaces -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSINTERFACES_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSINTERFACES_TD

include "mlir/IR/OpBase.td"

def WeightedOpInterface : OpInterface<"WeightedOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    "I contract an activation with a constant." Says which operands could be that constant and how
    its dims are used. Whether the operand really is a weight is found by `getWeighted(op)`
    (compress/Analysis/WeightChain.h), which walks its decode chain.
  }];
  let methods = [
    InterfaceMethod<"Operands that may be the weight, most likely first.",
      "::llvm::SmallVector<::mlir::compress::WeightOperand>", "getWeightOperands">,
    InterfaceMethod<"Kind of the op in recipes and reports: linear, matmul, conv, ...",
      "::llvm::StringRef", "getWeightedKind">,
  ];
}

def FactorableOpInterface : OpInterface<"FactorableOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A weighted op whose weight can be a product: `op(x, U V)` is one op with the factor V and one with
    the factor U, one after the other.
  }];
  let methods = [
    InterfaceMethod<[{
        The ways to write the op with factors of rank `rank` (at least 1), best known first; empty
        if there is none (the weight is not constant, the op has integer elements, ...). Shapes are
        those of the dense value that the op uses.
      }],
      "::std::vector<::mlir::compress::FactorForm>", "getFactorForms", (ins "int64_t":$rank)>,
    InterfaceMethod<[{
        Makes the two ops in front of this one and returns what replaces its result; this op stays.
        `rowFactor` and `columnFactor` have the shapes of `form`. Without `addend` the bias (or what
        the op accumulates into) is part of the result; with one, a value of the result's type, that
        is added instead. Ops with a name get it with "/v" (the first) and "/u" (the second) behind.
      }],
      "::mlir::FailureOr<::mlir::Value>", "createFactors",
      (ins "::mlir::OpBuilder &":$builder, "const ::mlir::compress::FactorForm &":$form,
           "::mlir::Value":$rowFactor, "::mlir::Value":$columnFactor, "::mlir::Value":$addend)>,
  ];
}

def WeightSourceOpInterface : OpInterface<"WeightSourceOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    "Here are the bytes": an op with one tensor result whose value is known at compile time.
  }];
  let methods = [
    InterfaceMethod<"The value: a `dense<...>`, `dense_resource<...>` or `#compress.file<...>` "
      "attribute; null if it cannot be found.", "::mlir::Attribute", "getWeightValue">,
    InterfaceMethod<"Name for reports and new symbols.", "::std::string", "getWeightName">,
    InterfaceMethod<[{
        A new source of the same kind holding `value` of type `type`, named after `name`; a module
        level symbol it needs is created too, in the symbol table that `symbols` caches.
      }],
      "::mlir::Value", "createLike",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::compress::WeightSymbols &":$symbols,
           "::llvm::StringRef":$name, "::mlir::RankedTensorType":$type,
           "::mlir::Attribute":$value)>,
  ];
}

def DimensionRelationOpInterface : OpInterface<"DimensionRelationOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    How the indices of operand dims relate to the indices of result dims: the basis of the
    dependency graph of structured pruning. A dim without any relation is independent.
  }];
  let methods = [
    InterfaceMethod<"Adds this op's relations to `relations`.", "void", "getDimensionRelations",
      (ins "::mlir::compress::DimensionRelations &":$relations)>,
    InterfaceMethod<[{
        Called when indices of dims are gone and operands and results have their new types: brings
        attributes, shape operands and other constants of the op in line, such that the op computes
        what it did if what is gone was zero. May replace the op; then it erases it. Ops whose types
        say everything need nothing. A failure comes with a diagnostic.
      }],
      "::llvm::LogicalResult", "removeIndices",
      (ins "::mlir::OpBuilder &":$builder, "const ::mlir::compress::DimensionRemoval &":$removal),
      "", "return ::mlir::success();">,
  ];
}

def ReferenceOpInterface : OpInterface<"ReferenceOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    Executable semantics (lib/Reference): the value of the results for given values of the
    operands. It folds constant sub-graphs and is the oracle of generated code.
  }];
  let methods = [
    InterfaceMethod<"Values of the results. `operands` holds the present operands in order.",
      "::llvm::Expected<::llvm::SmallVector<::mlir::compress::reference::Tensor>>", "evaluate",
      (ins "::llvm::ArrayRef<::mlir::compress::reference::Tensor>":$operands)>,
  ];
}

def DecodeOpInterface : OpInterface<"DecodeOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A link of a decode chain: an encoding op that turns stored codes into (more) dense values.
    These ops have no constant folder; only `compress-fold-decode` makes weights dense again. An op
    may be a link in some places only: `compress.cast` is one where it widens what is stored.
  }];
  let methods = [
    InterfaceMethod<"The operand that comes from the link before: codes or values.",
      "::mlir::OpOperand &", "getEncodedOperand">,
    InterfaceMethod<"Whether the op is a link where it stands; others are no instance of the "
      "interface.", "bool", "isDecodeLink", (ins), "", "return true;">,
  ];
  let extraClassOf = "return $_op.isDecodeLink();";
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSINTERFACES_TD
