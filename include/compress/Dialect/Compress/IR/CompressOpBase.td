//===- CompressOpBase.td - op base classes -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSOPBASE_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSOPBASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "compress/Dialect/Compress/IR/CompressBase.td"
include "compress/Dialect/Compress/IR/CompressTypes.td"
include "compress/Dialect/Compress/IR/CompressAttributes.td"
include "compress/Dialect/Compress/IR/CompressInterfaces.td"

class Compress_Op<string mnemonic, list<Trait> traits = []>
    : Op<Compress_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Type constraints
//===----------------------------------------------------------------------===//

/// Ranked tensors of numbers or bools.
def Compress_Tensor : RankedTensorOf<[AnyFloat, AnyInteger, AnyComplex, Compress_StringType]>;
def Compress_NumericTensor : RankedTensorOf<[AnyFloat, AnyInteger]>;
def Compress_FloatTensor : RankedTensorOf<[AnyFloat]>;
def Compress_BoolTensor : RankedTensorOf<[I1]>;
def Compress_IntTensor : RankedTensorOf<[AnyInteger]>;
def Compress_IndexTensor : RankedTensorOf<[I64, I32]>;
def Compress_I64Vector : TensorRankOf<[I64], [1]>;
def Compress_ByteTensor : RankedTensorOf<[I8]>;

//===----------------------------------------------------------------------===//
// Base classes
//===----------------------------------------------------------------------===//

/// An op of the model: pure, with inferred types, executable semantics and a dimension relation.
/// Result types may be more or less static than the inferred ones, but not contradict them.
/// `relationMethods` are optional methods of the relation that the op implements.
class Compress_ModelOp<string mnemonic, list<Trait> traits = [],
                       list<string> relationMethods = []>
    : Compress_Op<mnemonic, [
        Pure, InferTypeOpAdaptorWithIsCompatible,
        DeclareOpInterfaceMethods<ReferenceOpInterface>,
        DeclareOpInterfaceMethods<DimensionRelationOpInterface, relationMethods>] # traits> {
  let extraClassDefinition = [{
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual) {
      return ::mlir::compress::areCompatibleResultTypes(inferred, actual);
    }
  }];
}

/// A model op that contracts an activation with a constant. `name` identifies it in recipes,
/// statistics and reports; it is unique and kept by rewrites.
class Compress_WeightedOp<string mnemonic, list<Trait> traits = [],
                          list<string> relationMethods = []>
    : Compress_ModelOp<mnemonic,
                       [DeclareOpInterfaceMethods<WeightedOpInterface>,
                        DeclareOpInterfaceMethods<FactorableOpInterface>] # traits,
                       relationMethods>;

/// An op that turns codes into values (or back). It has no constant folder on purpose.
class Compress_EncodingOp<string mnemonic, list<Trait> traits = []>
    : Compress_Op<mnemonic, [
        Pure, DeclareOpInterfaceMethods<ReferenceOpInterface>,
        DeclareOpInterfaceMethods<DimensionRelationOpInterface>] # traits>;

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSOPBASE_TD
