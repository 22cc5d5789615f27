//===- ExportEncoding.h - nodes of encoding ops ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_EXPORTENCODING_H
#define COMPRESS_LIB_TARGET_ONNX_EXPORTENCODING_H

#include "ExportDequantize.h"

namespace mlir::compress::onnx {

inline DataType dataTypeOf(Value value) {
  return *getDataType(cast<RankedTensorType>(value.getType()).getElementType());
}

inline ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

inline ArrayRef<int64_t> blockOf(std::optional<ArrayRef<int64_t>> block) {
  return block.value_or(ArrayRef<int64_t>());
}

/// Writes a chain on weights as one initializer if that is wanted or if nothing else is possible.
LogicalResult exportDecoded(Operation *op, GraphExporter &graph);

/// Whether `op` is a chain on weights that is to be written as floats.
bool wantsDense(Operation *op, GraphExporter &graph);

/// True if scales are broadcast to the tensor without repeating any.
bool canBroadcast(ScaleGrid grid);

/// Nodes of one op that has to be written as several. Values are named by what they hold.
class NodeBuilder {
public:
  NodeBuilder(Operation *op, GraphExporter &graph) : op(op), graph(graph) {}

  StringRef node(StringRef what, StringRef opType, ArrayRef<StringRef> inputs,
                 ArrayRef<AttributeProto> attributes = {}) {
    return graph.addNode(op, what, opType, inputs, attributes);
  }
  StringRef cast(StringRef what, StringRef input, DataType from, DataType to);
  StringRef number(StringRef what, DataType type, double value) {
    return graph.addScalarFloat(op, what, type, value);
  }
  /// Reduction over the last dim (kept), or over all dims to rank 0.
  StringRef reduce(StringRef what, StringRef opType, StringRef input, bool lastDim, int64_t rank);

private:
  Operation *op;
  GraphExporter &graph;
};

/// `lookup` and `lookup_vectors`.
void registerTableExports(ExportRegistry &registry);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_EXPORTENCODING_H
