//===- ExportTables.cpp - codes of tables to ONNX --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Codes are indices of a Gather. Several tables are one, which lie one after the other; where the
// table of an element begins is added to its code.
//
//===----------------------------------------------------------------------===//

#include "ExportEncoding.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

/// A constant with `values` as 32- or 64-bit integers; equal ones are shared by their `name`.
static StringRef addIntegers(Operation *op, const std::string &name, DataType type,
                             ArrayRef<int64_t> dims, std::vector<int64_t> values,
                             GraphExporter &graph) {
  LazyTensor tensor;
  tensor.type = type;
  tensor.dims = SmallVector<int64_t>(dims);
  tensor.name = tensor.key = name;
  tensor.read = [values = std::move(values),
                 size = getStorageBitWidth(type) / 8]() -> FailureOr<HeldBytes> {
    SmallVector<char, 0> bytes(values.size() * size);
    for (auto [i, value] : llvm::enumerate(values))
      std::memcpy(bytes.data() + i * size, &value, size);
    return HeldBytes::own(std::move(bytes));
  };
  return graph.addTensor(op, tensor);
}

/// Scales in a form that broadcasts to a tensor of `shape`: a blocked dim gets one for each index.
/// Nothing if several dims are blocked.
static std::optional<StringRef> getSpread(Operation *op, Value scale, ArrayRef<int64_t> shape,
                                          ArrayRef<int64_t> block, GraphExporter &graph) {
  ScaleGrid grid = getScaleGrid(shape, block);
  if (canBroadcast(grid))
    return graph.getName(scale);
  if (grid.kind != ScaleGrid::Blocked || ShapedType::isDynamic(shape[grid.axis]))
    return std::nullopt;
  // Weights of one size share the indices.
  int64_t size = shape[grid.axis];
  std::vector<int64_t> blocks(size);
  for (auto [index, value] : llvm::enumerate(blocks))
    value = static_cast<int64_t>(index) / grid.blockSize;
  std::string name = "blocks_of_" + std::to_string(grid.blockSize) + "_in_" + std::to_string(size);
  StringRef indices = addIntegers(op, name, DataType::I64, size, std::move(blocks), graph);
  return graph.addNode(op, "scales", "Gather", {graph.getName(scale), indices},
                       {intAttribute("axis", grid.axis)});
}

/// `indices` of shape `shape`, plus `stride` times the number of the block that an element is in.
/// The number is a sum of what each dim gives. Nothing if a blocked dim is dynamic.
static std::optional<StringRef> addBlockOffsets(Operation *op, StringRef indices, DataType type,
                                                ArrayRef<int64_t> shape, ArrayRef<int64_t> block,
                                                int64_t stride, GraphExporter &graph) {
  for (int64_t dim = static_cast<int64_t>(block.size()) - 1; dim >= 0; --dim) {
    int64_t size = shape[dim], extent = block[dim];
    if (extent == -1 || (ShapedType::isStatic(size) && size <= extent))
      continue;
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    SmallVector<int64_t> dims(shape.size() - dim, 1);
    dims.front() = size;
    std::vector<int64_t> offsets(size);
    for (auto [index, offset] : llvm::enumerate(offsets))
      offset = static_cast<int64_t>(index) / extent * stride;
    std::string name = "offsets_of_" + std::to_string(extent) + "_in_" + std::to_string(size) +
                       "_by_" + std::to_string(stride);
    for (size_t i = 1; i < dims.size(); ++i)
      name += "_1";
    if (type == DataType::I64)
      name += "_i64";
    StringRef constant = addIntegers(op, name, type, dims, std::move(offsets), graph);
    indices = graph.addNode(op, "indices", "Add", {indices, constant});
    stride *= (size - 1) / extent + 1;
  }
  return indices;
}

/// Name of `table` with `dims` (the first may be -1 if it is not stored); ops whose tables are
/// equal share one.
static FailureOr<StringRef> getTable(Operation *op, Value table, ArrayRef<int64_t> dims,
                                     GraphExporter &graph) {
  std::optional<LazyTensor> stored = graph.getModel().weights.getStored(table);
  bool isSame = shapeOf(table) == dims;
  if (!stored && !isSame)
    return graph.addNode(op, "table", "Reshape",
                         {graph.getName(table), graph.addInts(op, "table_shape", dims)});
  if (stored && !isSame)
    stored = reshaped(*stored, dims);
  if (!stored || (stored->getBytes() > 4096 && isSame))
    return graph.getName(table);
  if (stored->getBytes() <= 4096) {
    FailureOr<HeldBytes> bytes = stored->read();
    if (failed(bytes))
      return failure();
    stored->key = "table " + getName(stored->type).str() + ' ';
    for (int64_t dim : ArrayRef(stored->dims).drop_front())
      stored->key += std::to_string(dim) + ' ';
    stored->key += std::string(bytes->data.begin(), bytes->data.end());
  }
  return graph.addTensor(op, *stored);
}

/// The codes of `op` as integers of type `type`.
static StringRef getIndices(Operation *op, Value codes, DataType type, GraphExporter &graph) {
  StringRef name;
  DataType codeType = dataTypeOf(codes);
  if (auto stored = graph.getModel().weights.getStored(codes)) {
    LazyTensor wide = widened(*stored);
    codeType = wide.type;
    name = graph.addTensor(op, wide);
  } else {
    name = graph.getName(codes);
  }
  if (std::optional<int64_t> opset = getOpsetOfCodes(codeType);
      opset && getStorageBitWidth(codeType) <= 8)
    graph.requireOpset(*opset, op);
  return NodeBuilder(op, graph).cast("indices", name, codeType, type);
}

/// Integers that hold the places in tables of these sizes.
static DataType getIndexType(ArrayRef<int64_t> sizes) {
  bool isDynamic = llvm::is_contained(sizes, ShapedType::kDynamic);
  return isDynamic || ShapedType::getNumElements(sizes) > INT32_MAX ? DataType::I64 : DataType::I32;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static LogicalResult exportLookup(LookupOp op, GraphExporter &graph) {
  if (wantsDense(op, graph))
    return exportDecoded(op, graph);
  auto fail = [&] {
    return op.emitOpError("cannot be written: ONNX has no form for these blocks");
  };
  NodeBuilder build(op, graph);
  ArrayRef<int64_t> tableShape = shapeOf(op.getTable()), tableBlock = blockOf(op.getTableBlock());
  DataType type = tableBlock.empty() ? DataType::I32 : getIndexType(tableShape);
  StringRef indices = getIndices(op, op.getCodes(), type, graph);
  SmallVector<int64_t> flat(tableShape);
  if (!tableBlock.empty()) {
    if (ShapedType::isDynamic(tableShape.back()))
      return fail();
    std::optional<StringRef> places = addBlockOffsets(op, indices, type, shapeOf(op.getCodes()),
                                                      tableBlock, tableShape.back(), graph);
    if (!places)
      return fail();
    indices = *places;
    flat = {op.getTable().getType().hasStaticShape() ? ShapedType::getNumElements(tableShape) : -1};
  }
  FailureOr<StringRef> table = getTable(op, op.getTable(), flat, graph);
  if (failed(table))
    return failure();
  StringRef values = build.node("values", "Gather", {*table, indices}, {intAttribute("axis", 0)});
  if (!op.getScale())
    return graph.finish(op, values);
  std::optional<StringRef> scale =
      getSpread(op, op.getScale(), shapeOf(op.getCodes()), blockOf(op.getBlock()), graph);
  if (!scale)
    return fail();
  return graph.finish(op, build.node("scaled", "Mul", {values, *scale}));
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

/// Vectors of shape [..., numVectors, ..., dim] as values of shape [..., numVectors * dim, ...],
/// cut to `shape`.
static StringRef addRows(LookupVectorsOp op, StringRef vectors, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  SmallVector<int64_t> shape(op.getType().getShape());
  auto rank = static_cast<int64_t>(shape.size()), axis = static_cast<int64_t>(op.getAxis());
  if (axis != rank - 1) {
    SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    perm.insert(perm.begin() + axis + 1, rank);
    vectors = build.node("moved", "Transpose", {vectors}, {intsAttribute("perm", perm)});
  }
  int64_t length = shape[axis];
  shape[axis] = shapeOf(op.getCodes())[axis] * shapeOf(op.getTables())[3];
  StringRef rows = build.node("rows", "Reshape", {vectors, graph.addInts(op, "rows_shape", shape)});
  if (shape[axis] == length)
    return rows;
  return build.node("cut", "Slice",
                    {rows, graph.addInts(op, "starts", 0), graph.addInts(op, "ends", length),
                     graph.addInts(op, "axes", axis)});
}

static LogicalResult exportLookupVectors(LookupVectorsOp op, GraphExporter &graph) {
  RankedTensorType result = op.getType(), codes = op.getCodes().getType();
  bool isEmpty = result.hasStaticShape() && result.getNumElements() == 0;
  if (wantsDense(op, graph) || (isEmpty && WeightReader::isWeightChain(op.getResult())))
    return exportDecoded(op, graph);
  ArrayRef<int64_t> tables = shapeOf(op.getTables());
  if (isEmpty || !result.hasStaticShape() || !codes.hasStaticShape() ||
      ShapedType::isDynamicShape(tables) || tables[1] == 0)
    return op.emitOpError("cannot be written: its shapes are empty or not known");
  NodeBuilder build(op, graph);
  int64_t rank = result.getRank(), books = tables[1];
  DataType type = getIndexType(tables.drop_back());
  SmallVector<int64_t> block(rank + 1, -1);
  block.back() = 1;
  if (tables[0] > 1)
    block[op.getAxis()] = 1;
  StringRef indices = *addBlockOffsets(op, getIndices(op, op.getCodes(), type, graph), type,
                                       codes.getShape(), block, tables[2], graph);
  FailureOr<StringRef> table =
      getTable(op, op.getTables(), {tables[0] * books * tables[2], tables[3]}, graph);
  if (failed(table))
    return failure();
  // Sums and products of short floats are rounded once.
  DataType element = dataTypeOf(op.getResult());
  bool isShort = getStorageBitWidth(element) < 32 && books + (op.getScale() ? 1 : 0) > 2;
  DataType compute = isShort ? DataType::F32 : element;
  StringRef sum;
  for (int64_t book = 0; book < books; ++book) {
    std::string number = std::to_string(book);
    StringRef index = graph.addScalarInt(op, "book" + number, DataType::I64, book);
    StringRef places =
        build.node("codes" + number, "Gather", {indices, index}, {intAttribute("axis", rank)});
    StringRef values =
        build.node("vectors" + number, "Gather", {*table, places}, {intAttribute("axis", 0)});
    values = build.cast("floats" + number, values, element, compute);
    sum = book == 0 ? values : build.node("sum" + number, "Add", {sum, values});
  }
  StringRef values = addRows(op, sum, graph);
  if (op.getScale()) {
    std::optional<StringRef> scale =
        getSpread(op, op.getScale(), result.getShape(), blockOf(op.getBlock()), graph);
    if (!scale)
      return op.emitOpError("cannot be written: ONNX has no form for these blocks");
    values =
        build.node("scaled", "Mul", {values, build.cast("scale_float", *scale, element, compute)});
  }
  return graph.finish(op, build.cast("result", values, compute, element));
}

void onnx::registerTableExports(ExportRegistry &registry) {
  registry.add<LookupOp, exportLookup>();
  registry.add<LookupVectorsOp, exportLookupVectors>();
}
