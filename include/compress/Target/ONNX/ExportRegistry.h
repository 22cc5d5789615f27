//===- ExportRegistry.h - op exporters by operation name -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How ops become ONNX nodes: one small function per op class, which appends nodes
// to the graph that `GraphExporter` builds.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_EXPORTREGISTRY_H
#define COMPRESS_TARGET_ONNX_EXPORTREGISTRY_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Support/DataType.h"
#include "compress/Target/ONNX/Export.h"
#include "compress/Target/ONNX/Proto.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::compress::onnx {

class GraphExporter;
class ModelExporter;
struct LazyTensor;

/// Names of the inputs of a node; "" is an omitted one.
using NameList = llvm::SmallVector<StringRef, 4>;

/// Attributes of a node. Names must be literals; texts and arrays are copied or kept by the caller
/// until the file is written (`GraphExporter::save`).
AttributeProto intAttribute(StringRef name, int64_t value);
AttributeProto floatAttribute(StringRef name, float value);
AttributeProto stringAttribute(StringRef name, StringRef value);
AttributeProto intsAttribute(StringRef name, ArrayRef<int64_t> values);

/// Exporters by operation name.
class ExportRegistry {
public:
  using Function = LogicalResult (*)(Operation *, GraphExporter &);

  /// Uses `function` for ops of class `OpTy`.
  template <typename OpTy, LogicalResult (*function)(OpTy, GraphExporter &)>
  void add() {
    functions[OpTy::getOperationName()] = [](Operation *op, GraphExporter &graph) {
      return function(llvm::cast<OpTy>(op), graph);
    };
  }
  void add(StringRef operation, Function function) { functions[operation] = function; }

  /// The exporter of `operation`, or null.
  Function lookup(StringRef operation) const { return functions.lookup(operation); }

private:
  llvm::DenseMap<StringRef, Function> functions;
};

void registerElementwiseExports(ExportRegistry &registry);
void registerContractionExports(ExportRegistry &registry);
void registerNormalizationExports(ExportRegistry &registry);
void registerMovementExports(ExportRegistry &registry);
void registerQuantizationExports(ExportRegistry &registry);

/// One ONNX graph (main graph, subgraph or function body) while it is built. All names it hands
/// out live as long as the export.
///
/// An error inside a method is reported where it is found and makes the export fail; methods then
/// return harmless values, so that exporters need no checks.
class GraphExporter {
public:
  GraphExporter(ModelExporter &model, GraphExporter *parent, Block *block, bool isFunction)
      : model(model), parent(parent), block(block), isFunction(isFunction) {}

  ModelExporter &getModel() { return model; }
  MLIRContext *getContext() const { return block->getParentOp()->getContext(); }
  const ExportOptions &getOptions() const;

  /// Opset of the default domain that is written.
  int64_t getOpset() const;
  /// Says that `op` needs at least this opset. If the current one is older, the whole export is
  /// done again with a newer one, or fails if the user chose it.
  void requireOpset(int64_t opset, Operation *op);
  /// Says that `op` needs com.microsoft operators.
  void requireMicrosoftDomain();

  /// The ONNX name of a value, "" for `compress.none`. Constants, loads and decode chains are
  /// written when they are first used.
  StringRef getName(Value value);
  NameList getNames(ValueRange values);

  /// Appends a node for `op` with one output, under a new name. `suffix` tells it from the other
  /// nodes of `op`.
  StringRef addNode(Operation *op, StringRef suffix, StringRef opType, ArrayRef<StringRef> inputs,
                    ArrayRef<AttributeProto> attributes = {});
  /// The same with `numOutputs` outputs.
  NameList addNode(Operation *op, StringRef suffix, StringRef opType, unsigned numOutputs,
                   ArrayRef<StringRef> inputs, ArrayRef<AttributeProto> attributes = {});
  /// Appends the node of `op` whose outputs are the results of `op`. Always succeeds.
  LogicalResult addResultNode(Operation *op, StringRef opType, ArrayRef<StringRef> inputs,
                              ArrayRef<AttributeProto> attributes = {}, StringRef domain = "");
  /// The results of `op` are the values `names` ("" for an unused one), outputs of nodes that were
  /// added for `op`; these outputs get the names of the results. Always succeeds.
  LogicalResult finish(Operation *op, ArrayRef<StringRef> names);
  /// Appends a node with everything given. Operators that the written opset does not have make the
  /// export ask for a newer one.
  void appendNode(Operation *op, StringRef name, StringRef opType, ArrayRef<StringRef> inputs,
                  ArrayRef<StringRef> outputs, ArrayRef<AttributeProto> attributes = {},
                  StringRef domain = "");

  /// New initializers (Constant nodes in functions) that belong to `op`.
  StringRef addInts(Operation *op, StringRef what, ArrayRef<int64_t> values);
  StringRef addScalarInt(Operation *op, StringRef what, DataType type, int64_t value);
  StringRef addScalarFloat(Operation *op, StringRef what, DataType type, double value);
  /// `count` zeros of `type`, of shape `dims`.
  StringRef addZeros(Operation *op, StringRef what, DataType type, ArrayRef<int64_t> dims);

  /// The initializer with the contents of `tensor`; one per graph for equal keys. What comes from a
  /// weight is in the main graph, or in the body that the weight belongs to; all else in this
  /// graph.
  StringRef addTensor(Operation *op, const LazyTensor &tensor);

  /// Copies text into memory that lives until the file is written.
  StringRef save(const llvm::Twine &text);

  /// Gives `value` the name of another one: nothing is to be computed.
  void setName(Value value, StringRef name);

  /// A name that nothing else has: `wanted`, or `wanted` with a number.
  StringRef makeName(const llvm::Twine &wanted);

  /// Remarks that `op` could not be written in the wanted form.
  void remark(Operation *op, const llvm::Twine &message);
  /// Ends the export with an error at `op`, if it has not failed already.
  void fail(Operation *op, const Twine &message);

  /// Writes all ops of the block. `wanted` are the names that the terminator's operands must get
  /// (none for bodies without recorded names, which choose); `outputNames` are those that they
  /// have.
  LogicalResult exportBlock(ArrayRef<StringRef> wanted);

  GraphProto graph;
  NameList outputNames;

private:
  friend class ModelExporter;
  GraphExporter &getRoot() { return parent ? parent->getRoot() : *this; }
  /// The graph that has the initializers made from `weight`, or from nothing if that is null.
  GraphExporter &getHome(Operation *weight);
  /// True for a function, which has no initializers; bodies in it have.
  bool hasConstantNodes() const { return isFunction && !parent; }
  /// Names for the terminator's operands, the wanted ones (null or empty for none) where possible.
  NameList chooseOutputNames(ArrayRef<StringAttr> wanted);
  /// Puts the initializers in the order of their weights.
  void sortInitializers();
  LogicalResult exportOp(Operation *op);
  LogicalResult exportOnnxNode(OnnxOp op);
  GraphProto exportBody(OnnxOp node, unsigned index);
  void prepareWeights(ArrayAttr symbols);
  std::optional<AttributeProto> exportAttribute(Operation *op, NamedAttribute attribute);
  StringRef addConstantTensor(Operation *op, StringRef wanted, TensorProto tensor,
                              Operation *weight);
  StringRef nameResult(OpResult result);
  /// `wanted` if no name in sight is the same, else a new name.
  StringRef keepName(StringRef wanted);
  bool isNameTaken(StringRef name) const;
  GraphExporter &findOwner(Block *owner);

  ModelExporter &model;
  GraphExporter *parent;
  Block *block;
  bool isFunction;
  /// A function of opaque nodes only, which keeps its own opset.
  bool keepsOpset = false;
  llvm::StringSet<> usedNames;
  /// Initializers and constants written to this graph, by key.
  llvm::StringMap<StringRef> tensors;
  /// For each initializer the position of its weight in the module, the largest number for none.
  std::vector<unsigned> initializerOrder;
};

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_EXPORTREGISTRY_H
