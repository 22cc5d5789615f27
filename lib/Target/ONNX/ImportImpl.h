//===- ImportImpl.h - state of an import of an ONNX model -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_IMPORTIMPL_H
#define COMPRESS_LIB_TARGET_ONNX_IMPORTIMPL_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Target/ONNX/Import.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::compress {
class MappedFile;
} // namespace mlir::compress

namespace mlir::compress::onnx {

//===----------------------------------------------------------------------===//
// Types and attributes
//===----------------------------------------------------------------------===//

/// An ONNX type in MLIR.
struct ImportedType {
  /// Type of a value: a ranked tensor, a sequence or optional, or `!compress.onnx_value`.
  Type value;
  /// The declared type, which may also be an unranked tensor; null if nothing is declared.
  Type declared;
  /// Names of dims ("" for none), one per dim.
  SmallVector<StringRef> dimNames;
  /// Denotations of dims, one per dim.
  SmallVector<StringRef> dimDenotations;
};

/// `dims` fixes symbolic dims by name.
ImportedType importType(const TypeProto *type, MLIRContext *context,
                        const llvm::StringMap<int64_t> &dims);

/// The type as a serialized `AttributeProto` if `importType` does not keep all that it says (names
/// of dims in sequences, maps, ...), else null.
OnnxRawAttr importWholeType(const TypeProto &type, MLIRContext *context,
                            const llvm::StringMap<int64_t> &dims);

/// [{tensor_name, parameters}, ...], or null if there are none.
ArrayAttr importAnnotations(ArrayRef<TensorAnnotation> annotations, Builder &builder);

/// [[key, value], ...], or null if there are no entries.
ArrayAttr importEntries(ArrayRef<StringStringEntry> entries, Builder &builder);
/// [[domain, version], ...].
ArrayAttr importOpsets(ArrayRef<OperatorSetId> opsets, Builder &builder);
/// Serialized messages, or null if there are none.
ArrayAttr importRaw(ArrayRef<StringRef> messages, Builder &builder);

//===----------------------------------------------------------------------===//
// Importer
//===----------------------------------------------------------------------===//

/// Names that a block sees: its own and those of the blocks around it.
struct ImportScope {
  const ImportScope *parent = nullptr;
  llvm::StringMap<Value> values;
  llvm::StringMap<WeightOp> weights;
  /// Loads that this block has already.
  DenseMap<Operation *, Value> loads;
  /// The `compress.none` of this block.
  Value none;
  /// Opset imports that hold in the block, by domain.
  const llvm::StringMap<int64_t> *opsets = nullptr;
};

class Importer {
public:
  Importer(const LoadedModel &loaded, StringRef fileName, MLIRContext *context,
           const ImportOptions &options);
  FailureOr<OwningOpRef<ModuleOp>> run();

private:
  // Import.cpp
  DictionaryAttr importModelAttributes();
  LogicalResult importMain();
  LogicalResult importFunction(const FunctionProto &function);
  DictionaryAttr importValueAttributes(const ValueInfoProto &info, const ImportedType &type,
                                       bool isResult);

  // ImportGraph.cpp
  /// Appends the symbols of the new weights to `made`.
  LogicalResult importInitializers(const GraphProto &graph, ImportScope &scope, OpBuilder &at,
                                   SmallVectorImpl<Attribute> &made);
  LogicalResult importNodes(ArrayRef<NodeProto> nodes, ImportScope &scope, OpBuilder &at);
  LogicalResult importNode(const NodeProto &node, ImportScope &scope, OpBuilder &at);
  /// Fills `region`; gives what else there is to say about the graph, for `body_names`.
  FailureOr<DictionaryAttr> importBody(const GraphProto &graph, Region &region,
                                       const ImportScope &outer);
  /// The value called `name`, loaded or made in the block of `scope` if need be; null after an
  /// error.
  Value lookup(StringRef name, ImportScope &scope, OpBuilder &at);
  FailureOr<Attribute> importAttribute(const AttributeProto &attribute, const NodeProto &node);
  Location getLocation(const NodeProto &node);

  // ImportTensor.cpp
  /// Value attribute of a tensor, of type `type`.
  FailureOr<Attribute> importTensor(const TensorProto &tensor, RankedTensorType &type);
  FailureOr<Attribute> importSparseTensor(const SparseTensorProto &tensor, RankedTensorType &type);
  FailureOr<Attribute> importExternal(const TensorProto &tensor, RankedTensorType type);
  FailureOr<Attribute> importBytes(StringRef bytes, StringRef name, RankedTensorType type);
  /// A reference to a range of a file below the model's folder, with its content hash.
  FailureOr<Attribute> makeFileAttr(StringRef relativePath, StringRef path, uint64_t offset,
                                    uint64_t length, RankedTensorType type);

  InFlightDiagnostic emitError() { return mlir::emitError(fileLocation); }
  std::string makeSymbol(StringRef name);

  const LoadedModel &loaded;
  MLIRContext *context;
  const ImportOptions &options;
  Builder builder;
  WeightStore store;
  /// Name of the model's file without its folder; "" if it is not read from a file.
  std::string fileName;
  Location fileLocation;
  OwningOpRef<ModuleOp> module;
  llvm::StringSet<> symbols;
  /// Next suffix for a symbol that exists already.
  llvm::StringMap<unsigned> symbolSuffixes;
  llvm::StringMap<int64_t> opsets;
  llvm::StringMap<std::shared_ptr<MappedFile>> files;
  /// Where the next weight or function goes.
  std::unique_ptr<OpBuilder> weightBuilder;
};

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_IMPORTIMPL_H
