//===- ExportImpl.h - state of one ONNX export -----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_EXPORTIMPL_H
#define COMPRESS_LIB_TARGET_ONNX_EXPORTIMPL_H

#include "ExportWeights.h"
#include "compress/Target/ONNX/ExportRegistry.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/StringSaver.h"

namespace mlir::compress::onnx {

/// Name of the domain of onnxruntime's own operators.
inline constexpr llvm::StringLiteral microsoftDomain = "com.microsoft";

/// The names that the import left in a location: of the node and of its first output.
struct NodeNames {
  StringRef node, output;
};
NodeNames getNodeNames(Operation *op);

/// The name of a weight in the original model.
StringRef getWeightName(WeightOp weight);

/// What `body_names` records about region `index` of `node` as array `key`, maybe empty.
ArrayAttr getBodyInfo(OnnxOp node, size_t index, StringRef key);

/// True for ops that are written when their result is first used: loads, constants and decode
/// chains on them.
bool isWrittenOnUse(Operation *op);

/// Smallest IR version that has the operators of `opset` and tensors of type `elementType`.
int64_t getIrVersionOfOpset(int64_t opset);
int64_t getIrVersionOfType(int32_t elementType);

/// The attribute of a node written for opset `from` that is an input (the second) in opset `to`; ""
/// if there is none.
StringRef getMovedAttribute(StringRef opType, int64_t from, int64_t to);

/// True if a node of the default domain written for opset `from` means the same in opset `to`.
bool meansTheSame(StringRef opType, int64_t from, int64_t to);

/// Builds the `ModelProto` of a module for one opset. Its text and the functions that produce
/// tensor contents live as long as this object and the module.
class ModelExporter {
public:
  ModelExporter(ModuleOp module, const ExportOptions &options, const ExportRegistry &registry,
                int64_t opset);

  /// Builds `model`. After success `requiredOpset` says whether it has to be built again.
  LogicalResult build();

  ModuleOp module;
  const ExportOptions &options;
  const ExportRegistry &registry;
  WeightReader weights;
  ModelProto model;

  /// Opset of the default domain that is written.
  int64_t opset;
  /// The newest opset that an op asked for.
  int64_t requiredOpset = 0;
  bool usesMicrosoftDomain = false;
  /// Set by whoever reported an error.
  bool hasFailed = false;
  /// The recorded model attributes (`compress.onnx`), maybe null.
  DictionaryAttr origin;
  /// Remarks about weights that could not be written in the wanted form.
  SmallVector<std::pair<Location, std::string>> remarks;

  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver saver{allocator};
  DenseMap<Value, StringRef> names;
  /// Names of the original model and all invented ones: no new name may be one of them.
  llvm::StringSet<> reservedNames;
  llvm::StringMap<unsigned> nameCounters;
  /// Names of the nodes of model ops so far.
  llvm::StringSet<> nodeNames;
  /// Last suffix for a node name that exists already.
  llvm::StringMap<unsigned> nodeNameSuffixes;
  /// `wanted`, or a name made from it if another node has that one.
  StringRef makeNodeName(StringRef wanted);
  /// Names of the initializers of weights, not yet used by a tensor if in `freeWeightNames`.
  DenseMap<Operation *, StringRef> weightNames;
  DenseSet<Operation *> freeWeightNames;
  /// Position of a weight in the module.
  DenseMap<Operation *, unsigned> weightOrder;
  /// Number of uses of all loads of a weight.
  DenseMap<Operation *, unsigned> weightUses;
  /// Keys of `metadata_props` entries that describe sparse weights, with their values.
  std::vector<std::pair<StringRef, StringRef>> sparsity;

  /// The bodies that weights are initializers of; other weights belong to the main graph.
  DenseMap<Operation *, Region *> bodyWeights;
  /// True if there is nothing but what the import makes.
  bool isPlainImport = true;

private:
  void reserveNames();
  void findBodyWeights();
  void prepareWeights(GraphExporter &graph, func::FuncOp main);
  LogicalResult buildMain(func::FuncOp main);
  LogicalResult buildFunction(func::FuncOp func, FunctionProto &function);
  void addIrThreeInputs(GraphProto &graph);
  LogicalResult setModelFields();
  LogicalResult checkOpaqueNodes();

public:
  /// Writes a weight that no op loads.
  void writeUnused(GraphExporter &graph, WeightOp weight);
  /// `attrs` (maybe null) is what the import recorded about the value.
  ValueInfoProto makeValueInfo(DictionaryAttr attrs, Type type, StringRef name);
  /// The same for an input or output of a body, of which the recorded type is used if the value can
  /// have it.
  ValueInfoProto makeBodyValueInfo(DictionaryAttr attrs, Type type, bool isResult, StringRef name);
  std::vector<TensorAnnotation> makeAnnotations(ArrayAttr entries);
  TypeProto makeType(Type type, ArrayRef<Attribute> dimNames = {},
                     ArrayRef<Attribute> denotations = {});
  /// [[key, value], ...] as a message; null gives no entries.
  std::vector<StringStringEntry> makeEntries(ArrayAttr entries);
};

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_EXPORTIMPL_H
