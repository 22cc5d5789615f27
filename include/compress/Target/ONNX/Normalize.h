//===- Normalize.h - ONNX nodes into model ops ------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How `compress-normalize-onnx` is extended: one small function per operator and
// range of versions, registered by name. A new operator is one function and one
// `registry.add` in the file of its category (lib/Target/ONNX/Normalize*.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_NORMALIZE_H
#define COMPRESS_TARGET_ONNX_NORMALIZE_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Reference/Tensor.h"
#include "llvm/ADT/StringMap.h"
#include <climits>

namespace mlir::compress::onnx {

class Normalizer;

/// What becomes of a node: one value per output (null for an output that has no users), or a
/// failure after `OnnxNode::keep` or after an error.
using NodeResult = FailureOr<SmallVector<Value>>;

/// One `compress.onnx` node while it is normalised. All ops that its methods make are inserted
/// before the node; they are removed again if the node is kept.
class OnnxNode {
public:
  OnnxNode(OnnxOp op, Normalizer &normalizer);

  OnnxOp getOp() const { return op; }
  /// Opset version of the node's domain.
  int64_t getVersion() const { return version; }
  MLIRContext *getContext() const { return op.getContext(); }
  OpBuilder &getBuilder() { return builder; }
  Normalizer &getNormalizer() { return normalizer; }

  // Inputs. Types are ranked tensors, unless the operator was registered with `untyped`.
  unsigned getNumInputs() const { return op.getInputs().size(); }
  bool hasInput(unsigned index) const;
  /// Null if the input is omitted.
  Value getInput(unsigned index) const;
  RankedTensorType getType(unsigned index) const;
  int64_t getRank(unsigned index) const { return getType(index).getRank(); }
  bool isOutputUsed(unsigned index) const;

  // Attributes of the node.
  int64_t getInt(StringRef name, int64_t defaultValue) const;
  float getFloat(StringRef name, float defaultValue) const;
  StringRef getString(StringRef name, StringRef defaultValue) const;
  std::optional<SmallVector<int64_t>> getInts(StringRef name) const;

  // Constants.
  /// Elements of an integer tensor that is known at compile time and small.
  std::optional<SmallVector<int64_t>> getConstantInts(Value value) const;
  std::optional<reference::Tensor> getConstant(Value value) const;
  /// Ints given as an attribute (older versions) or as an input. Nothing if neither is there;
  /// a failure (after `keep`) if the input is not a constant.
  FailureOr<std::optional<SmallVector<int64_t>>> getIntsOrInput(StringRef attribute,
                                                                unsigned input);
  /// A value of at most 1 KiB that shapes the graph as `compress.constant`, if it is a constant;
  /// otherwise the value itself.
  Value structural(Value value);
  Value getConstant(ElementsAttr value);
  Value constantInts(ArrayRef<int64_t> values);
  /// A tensor of rank 0.
  Value scalar(Type elementType, double value);

  // New ops.
  NamedAttribute attr(StringRef name, Attribute value);
  NamedAttribute attr(StringRef name, int64_t value);
  NamedAttribute attr(StringRef name, bool value);
  NamedAttribute attr(StringRef name, float value);
  NamedAttribute attr(StringRef name, ArrayRef<int64_t> values);
  /// A name for a weighted op, unique in the module.
  NamedAttribute nameAttr();

  /// Makes an op with inferred types, simplifies and folds it. A failure is an error of the model,
  /// which was reported, or a type that the op does not take, after which the node is kept.
  FailureOr<SmallVector<Value>> build(StringRef opName, ValueRange operands,
                                      ArrayRef<NamedAttribute> attributes, unsigned numResults = 1,
                                      TypeRange resultTypes = {});
  template <typename OpTy>
  FailureOr<Value> make(ValueRange operands, ArrayRef<NamedAttribute> attributes = {}) {
    FailureOr<SmallVector<Value>> values = build(OpTy::getOperationName(), operands, attributes);
    if (failed(values))
      return failure();
    return values->front();
  }
  /// An op whose result type is not inferred.
  template <typename OpTy>
  FailureOr<Value> makeTyped(Type type, ValueRange operands,
                             ArrayRef<NamedAttribute> attributes = {}) {
    FailureOr<SmallVector<Value>> values =
        build(OpTy::getOperationName(), operands, attributes, 1, type);
    if (failed(values))
      return failure();
    return values->front();
  }
  /// `value` with the dims of `shape`, at most one of them dynamic (-1).
  FailureOr<Value> reshape(Value value, ArrayRef<int64_t> shape);
  /// A constant under another shape with as many elements. The stored bytes are not touched.
  FailureOr<Value> reshapeConstant(Value value, ArrayRef<int64_t> shape);

  /// Says why the node stays as it is; always a failure.
  LogicalResult keep(const Twine &reason);
  /// Reports an error of the model; always a failure.
  LogicalResult error(const Twine &message);

private:
  mutable OnnxOp op;
  Normalizer &normalizer;
  int64_t version;
  OpBuilder builder;
};

/// The one result of a node, as a `NodeResult`.
inline NodeResult single(FailureOr<Value> value) {
  if (failed(value))
    return failure();
  return SmallVector<Value>{*value};
}

/// Normalisers by domain, operator and version.
class NormalizerRegistry {
public:
  using Function = NodeResult (*)(OnnxNode &);
  struct Entry {
    Function function;
    int64_t since, until;
    /// Operands may have unknown types.
    bool untyped;
  };

  /// `function` handles versions `since` up to but without `until` of an operator. Later calls win.
  void add(StringRef op, Function function, int64_t since = 1, int64_t until = INT64_MAX,
           StringRef domain = "", bool untyped = false);
  const Entry *lookup(StringRef domain, StringRef op, int64_t version) const;

private:
  llvm::StringMap<SmallVector<Entry, 1>> entries;
};

void registerElementwiseNormalizers(NormalizerRegistry &registry);
void registerContractionNormalizers(NormalizerRegistry &registry);
void registerNormalizationNormalizers(NormalizerRegistry &registry);
void registerMovementNormalizers(NormalizerRegistry &registry);
void registerIndexingNormalizers(NormalizerRegistry &registry);
void registerShapeNormalizers(NormalizerRegistry &registry);
void registerQuantizationNormalizers(NormalizerRegistry &registry);

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_NORMALIZE_H
