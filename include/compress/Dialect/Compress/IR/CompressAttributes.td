//===- CompressAttributes.td - enums and attributes -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSATTRIBUTES_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSATTRIBUTES_TD

include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "compress/Dialect/Compress/IR/CompressBase.td"

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

class Compress_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::compress";
  let genSpecializedAttr = 0;
}

class Compress_EnumAttr<EnumAttrInfo info, string mnemonic>
    : EnumAttr<Compress_Dialect, info, mnemonic> {
  let assemblyFormat = "$value";
}

def Compress_WeightLayout : Compress_Enum<"WeightLayout", "order of a linear weight's dims", [
  I32EnumAttrCase<"KN", 0, "kn">, I32EnumAttrCase<"NK", 1, "nk">]>;
def Compress_WeightLayoutAttr : Compress_EnumAttr<Compress_WeightLayout, "weight_layout">;

def Compress_ReduceKind : Compress_Enum<"ReduceKind", "reduction", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
  I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
  I32EnumAttrCase<"Prod", 4, "prod">, I32EnumAttrCase<"SumSquare", 5, "sum_square">,
  I32EnumAttrCase<"L1", 6, "l1">, I32EnumAttrCase<"L2", 7, "l2">,
  I32EnumAttrCase<"LogSum", 8, "log_sum">, I32EnumAttrCase<"LogSumExp", 9, "log_sum_exp">]>;
def Compress_ReduceKindAttr : Compress_EnumAttr<Compress_ReduceKind, "reduce_kind">;

def Compress_PoolKind : Compress_Enum<"PoolKind", "pooling", [
  I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Average", 1, "average">]>;
def Compress_PoolKindAttr : Compress_EnumAttr<Compress_PoolKind, "pool_kind">;

def Compress_PadMode : Compress_Enum<"PadMode", "value outside of the padded tensor", [
  I32EnumAttrCase<"Constant", 0, "constant">, I32EnumAttrCase<"Reflect", 1, "reflect">,
  I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]>;
def Compress_PadModeAttr : Compress_EnumAttr<Compress_PadMode, "pad_mode">;

def Compress_ScatterReduction : Compress_Enum<"ScatterReduction", "how updates are combined", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
  I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
  I32EnumAttrCase<"Min", 4, "min">]>;
def Compress_ScatterReductionAttr
    : Compress_EnumAttr<Compress_ScatterReduction, "scatter_reduction">;

def Compress_GeluApproximation : Compress_Enum<"GeluApproximation", "form of gelu", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Tanh", 1, "tanh">]>;
def Compress_GeluApproximationAttr
    : Compress_EnumAttr<Compress_GeluApproximation, "gelu_approximation">;

def Compress_AttentionLayout : Compress_Enum<"AttentionLayout",
    "order of the dims batch, heads, sequence and dim", [
  I32EnumAttrCase<"BHSD", 0, "bhsd">, I32EnumAttrCase<"BSHD", 1, "bshd">]>;
def Compress_AttentionLayoutAttr : Compress_EnumAttr<Compress_AttentionLayout, "attention_layout">;

def Compress_MoeActivation : Compress_Enum<"MoeActivation", "activation of an expert", [
  I32EnumAttrCase<"Silu", 0, "silu">, I32EnumAttrCase<"Gelu", 1, "gelu">,
  I32EnumAttrCase<"GeluTanh", 2, "gelu_tanh">, I32EnumAttrCase<"Relu", 3, "relu">]>;
def Compress_MoeActivationAttr : Compress_EnumAttr<Compress_MoeActivation, "moe_activation">;

def Compress_MoeNormalization : Compress_Enum<"MoeNormalization",
    "how scores become the weights of the selected experts", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Sum", 1, "sum">,
  I32EnumAttrCase<"Softmax", 2, "softmax">]>;
def Compress_MoeNormalizationAttr
    : Compress_EnumAttr<Compress_MoeNormalization, "moe_normalization">;

def Compress_DynamicGranularity : Compress_Enum<"DynamicGranularity",
    "which elements share the parameters that dynamic_quantize computes", [
  I32EnumAttrCase<"Tensor", 0, "tensor">, I32EnumAttrCase<"Row", 1, "row">]>;
def Compress_DynamicGranularityAttr
    : Compress_EnumAttr<Compress_DynamicGranularity, "dynamic_granularity">;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class Compress_Attr<string cppName, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Compress_Dialect, cppName, traits> {
  let mnemonic = attrMnemonic;
}

def Compress_FileAttr : Compress_Attr<"File", "file", [TypedAttrInterface]> {
  let summary = "a weight's bytes in a file beside the module";
  let description = [{
    `#compress.file<"model.safetensors", offset, length, hash>`: `length` bytes at `offset` of a
    file whose path is relative to the module's folder. The bytes are in storage order (little
    endian, sub-byte types packed low bits first). `hash` is `compress::contentHash` of the bytes,
    checked at first touch; 0 means unchecked.
  }];
  let parameters = (ins
    AttributeSelfTypeParameter<"">:$type,
    StringRefParameter<>:$path,
    "uint64_t":$offset,
    "uint64_t":$length,
    "uint64_t":$hash
  );
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Compress_OnnxRawAttr : Compress_Attr<"OnnxRaw", "onnx_raw"> {
  let summary = "a serialized ONNX `AttributeProto` (or other message) that is kept as it is";
  let parameters = (ins StringRefParameter<>:$bytes);
  let assemblyFormat = "`<` $bytes `>`";
}

def Compress_PlanAttr : Compress_Attr<"Plan", "plan"> {
  let summary = "what is to be done to a weighted op";
  let description = [{
    Written by `compress-apply-recipe` as the discardable attribute `compress.plan`; compression
    passes read only this. The texts are those of the flags `--quantize`, `--prune`, `--low-rank`
    and `--share` (docs/Recipes.md), fully spelled out.

    ```mlir
    #compress.plan<quantize = "int4,group=128", prune = "2:4">
    ```
  }];
  let parameters = (ins
    OptionalParameter<"::mlir::StringAttr">:$quantize,
    OptionalParameter<"::mlir::StringAttr">:$prune,
    OptionalParameter<"::mlir::StringAttr">:$low_rank,
    OptionalParameter<"::mlir::StringAttr">:$share
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The parsed texts; nothing where the plan does not speak of it.
    ::std::optional<::mlir::compress::QuantizeSpec> getQuantizeSpec() const;
    ::mlir::compress::PruneSpecs getPruneSpecs() const;
    /// The first one that `accept` accepts; without it, the one for single weights.
    ::std::optional<::mlir::compress::PruneSpec>
    getPruneSpec(::llvm::function_ref<bool(const ::mlir::compress::PruneSpec &)> accept) const;
    ::std::optional<::mlir::compress::PruneSpec> getPruneSpec() const;
    ::std::optional<::mlir::compress::LowRankSpec> getLowRankSpec() const;
    ::mlir::compress::ShareSpecs getShareSpecs() const;
    ::std::optional<::mlir::compress::ShareSpec>
    getShareSpec(::mlir::compress::ShareKind kind) const;

    /// Plans that speak of one thing, and plans with one thing replaced (null: without it).
    static PlanAttr getQuantizing(::mlir::StringAttr text);
    static PlanAttr getPruning(::mlir::StringAttr text);
    static PlanAttr getSplitting(::mlir::StringAttr text);
    static PlanAttr getSharing(::mlir::StringAttr text);
    PlanAttr withQuantize(::mlir::StringAttr text) const;
    PlanAttr withPrune(::mlir::StringAttr text) const;
    PlanAttr withLowRank(::mlir::StringAttr text) const;
    PlanAttr withShare(::mlir::StringAttr text) const;
    /// This plan, and what `other` says where it says nothing.
    PlanAttr getMerged(PlanAttr other) const;
    bool isEmpty() const { return !getQuantize() && !getPrune() && !getLowRank() && !getShare(); }
  }];
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSATTRIBUTES_TD
