//===- ShareCodebooks.cpp - weights as entries of codebooks -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeight.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Algorithms/BitmapPacking.h"
#include "compress/Algorithms/Palette.h"
#include "compress/Algorithms/VectorCodebook.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Descriptions
//===----------------------------------------------------------------------===//

/// The largest number of values of a table, of which the last is repeated.
static size_t countEntries(const StoredTensor &table) {
  std::vector<float> values = readFloats(table);
  size_t size = table.getType().getShape().back(), most = 0;
  for (size_t begin = 0; begin < values.size(); begin += size) {
    size_t count = size;
    while (count > 1 && values[begin + count - 1] == values[begin + count - 2])
      --count;
    most = std::max(most, count);
  }
  return most;
}

std::string mlir::compress::explainCodes(const EncodedWeight &weight) {
  if (weight.vectors)
    return "stored as a codebook of vectors already";
  if (weight.table && !weight.scales)
    return "stored as a codebook of " + std::to_string(countEntries(*weight.table)) +
           " values already";
  return "it is quantized already";
}

static std::string describeCodebook(const ShareSpec &spec, size_t entries) {
  std::string text = "codebook ";
  if (spec.method == CodebookMethod::Additive)
    text += std::to_string(spec.codebooks) + "x";
  text += std::to_string(entries);
  if (spec.isVector())
    text += "x" + std::to_string(spec.dim);
  text += (", " + getName(spec.method)).str();
  if (spec.method == CodebookMethod::Lloyd)
    text += (" " + getName(spec.start)).str();
  if (spec.scope == CodebookScope::Channel)
    text += ", per channel";
  else if (spec.scope == CodebookScope::Group)
    text += ", group " + std::to_string(spec.group);
  return text;
}

//===----------------------------------------------------------------------===//
// Single values
//===----------------------------------------------------------------------===//

/// The byte mask of pruned elements, or nothing.
static ArrayRef<uint8_t> getMask(const EncodedWeight &weight) {
  if (weight.pattern && weight.pattern->isDense())
    return weight.pattern->mask;
  return {};
}

/// Number of different values, at most `limit`.
static size_t countDistinct(ArrayRef<float> values, size_t limit) {
  llvm::SmallDenseSet<uint32_t, 512> seen;
  for (float value : values) {
    // The largest two integers are no keys; as floats they are NaN. 0 and -0 are one value.
    seen.insert(llvm::bit_cast<uint32_t>(value == 0 ? 0.0f : value));
    if (seen.size() == limit)
      break;
  }
  return seen.size();
}

/// Why codes and tables are no gain; empty if they are.
static std::string explainNoGain(const EncodedWeight &weight, unsigned codeBits,
                                 uint64_t tableBytes) {
  uint64_t count = weight.type.getNumElements(), kept = count, bitmap = 0;
  if (ArrayRef<uint8_t> mask = getMask(weight); !mask.empty()) {
    kept = llvm::count(mask, 1);
    if (weight.pattern->isBitmap())
      bitmap = getBitmapBytes(count);
  }
  uint64_t before = kept * (getStorageBitWidth(weight.values.getDataType()) / 8) + bitmap;
  uint64_t after = getPackedBytes(kept, codeBits) + bitmap;
  if (weight.pattern && weight.pattern->isBitmap())
    after = std::min<uint64_t>(after, getPackedBytes(count, codeBits));
  if (after + tableBytes < before)
    return "";
  return "codes and tables take " + std::to_string(after + tableBytes) + " bytes, its values " +
         std::to_string(before);
}

/// Makes zero the first entry of each table, so that one code means it in all blocks.
static void moveZerosFirst(BlockView view, uint64_t group, size_t size, BlockPalettes &palettes) {
  uint64_t groups = view.getNumGroups(group);
  std::vector<uint8_t> zeros(view.getNumBlocks(group));
  for (auto [block, zero] : llvm::enumerate(zeros)) {
    auto table = MutableArrayRef(palettes.tables).slice(block * size, size);
    auto entry = llvm::find(table, 0.0f);
    zero = static_cast<uint8_t>(entry - table.begin());
    std::rotate(table.begin(), entry, std::next(entry));
  }
  uint64_t element = 0;
  for (uint64_t o = 0; o < view.outer; ++o)
    for (uint64_t j = 0; j < view.k; ++j)
      for (uint64_t i = 0; i < view.inner; ++i) {
        uint8_t zero = zeros[(o * groups + j / group) * view.inner + i];
        uint8_t &code = palettes.codes[element++];
        code = code == zero ? 0 : code < zero ? code + 1 : code;
      }
}

/// Element type of codes of up to 16 bits.
static DataType getCodeType(unsigned bits) {
  static constexpr DataType types[] = {DataType::U1, DataType::U2, DataType::U3, DataType::U4,
                                       DataType::U5, DataType::U6, DataType::U7, DataType::U8};
  return bits <= 8 ? types[bits - 1] : DataType::U16;
}

/// Blocks of a scope of single values.
static SmallVector<int64_t> chooseTableBlock(const ShareSpec &spec, const WeightedOp &op,
                                             SmallVectorImpl<std::string> &notes) {
  if (spec.scope == CodebookScope::Tensor)
    return SmallVector<int64_t>(op.chain.getType().getRank(), -1);
  QuantizeSpec blocks;
  blocks.granularity =
      spec.scope == CodebookScope::Channel ? ScaleGranularity::Channel : ScaleGranularity::Group;
  blocks.group = spec.group;
  BlockChoice choice = chooseBlock(blocks, op);
  if (choice.perChannelInstead)
    notes.push_back("a codebook per channel instead of group " + std::to_string(spec.group) +
                    ": the contraction is shorter than that");
  if (choice.perPosition)
    notes.push_back("each kernel position has codebooks of its own");
  return choice.block;
}

/// Puts codes of single values, with their tables, into the place of dense floats, which become
/// `before`; `decoded` is what they stand for now. Says in `outcome.skipped` if they are no gain.
static LogicalResult makePalette(WeightStore &store, const WeightTask &task, const ShareSpec &spec,
                                 ArrayRef<float> values, StoredTensor &before,
                                 std::vector<float> &decoded, WeightOutcome &outcome) {
  EncodedWeight &weight = outcome.weight;
  RankedTensorType type = weight.type;
  auto emitError = [&] { return task.emitError(); };
  SmallVector<std::string> notes;
  SmallVector<int64_t> block = chooseTableBlock(spec, task.first(), notes);
  FailureOr<std::pair<BlockView, uint64_t>> found = getBlockView(type.getShape(), block);
  if (failed(found))
    return emitError() << "internal error: no view for the blocks of weight '"
                       << task.first().chain.getSourceName() << "'";
  auto [view, group] = *found;

  PaletteOptions options;
  options.keepZero = !getMask(weight).empty() || llvm::is_contained(values, 0.0f);
  // A table of all the values that there are loses nothing.
  size_t distinct = countDistinct(values, spec.entries + 1);
  distinct += options.keepZero && !llvm::is_contained(values, 0.0f);
  size_t entries = std::max<size_t>(2, std::min<size_t>(spec.entries, distinct));
  options.bits = llvm::Log2_64_Ceil(entries);
  options.entries = entries;
  options.seed = spec.seed;
  options.start = spec.method == CodebookMethod::Exact   ? PaletteStart::Exact
                  : spec.start == CodebookStart::Linear  ? PaletteStart::Linear
                  : spec.start == CodebookStart::Density ? PaletteStart::Density
                                                         : PaletteStart::Random;
  size_t size = size_t(1) << options.bits;
  uint64_t numBlocks = view.getNumBlocks(group);
  unsigned width = type.getElementTypeBitWidth() / 8;
  if (std::string reason = explainNoGain(weight, options.bits, numBlocks * size * width);
      !reason.empty()) {
    outcome.skipped.push_back("no codebook of " + std::to_string(spec.entries) +
                              " values: " + reason);
    return success();
  }

  // Grids work in f32; tables of f64 weights hold f32 numbers.
  DataType tableType = *getDataType(type.getElementType());
  BlockPalettes palettes = fitBlockPalettes(view, group, values, {}, options,
                                            tableType == DataType::F64 ? DataType::F32 : tableType,
                                            [&](size_t n, llvm::function_ref<void(size_t)> body) {
                                              parallelFor(type.getContext(), 0, n, body);
                                            });
  if (options.keepZero)
    moveZerosFirst(view, group, size, palettes);
  SmallVector<int64_t> tableShape;
  if (numBlocks > 1)
    tableShape = getScaleShape(type.getShape(), block);
  tableShape.push_back(size);
  FailureOr<StoredTensor> codes =
      makeCodes(store, type.clone(getElementType(getCodeType(options.bits), type.getContext())),
                palettes.codes, emitError);
  FailureOr<StoredTensor> table = makeFloats(
      store, RankedTensorType::get(tableShape, type.getElementType()), palettes.tables, emitError);
  if (failed(codes) || failed(table))
    return failure();

  decoded.resize(values.size());
  uint64_t groups = view.getNumGroups(group), element = 0;
  for (uint64_t o = 0; o < view.outer; ++o)
    for (uint64_t j = 0; j < view.k; ++j)
      for (uint64_t i = 0; i < view.inner; ++i, ++element)
        decoded[element] = palettes.tables[((o * groups + j / group) * view.inner + i) * size +
                                           palettes.codes[element]];
  before = std::exchange(weight.values, std::move(*codes));
  weight.table = std::move(*table);
  weight.tableBlock = numBlocks > 1 ? block : SmallVector<int64_t>();
  outcome.done.push_back(describeCodebook(spec, entries));
  llvm::append_range(outcome.skipped, notes);
  return success();
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

/// Share of the mean of a Gram matrix's diagonal that is added to it.
static constexpr double gramDamping = 0.01;

namespace {
/// A weight as the matrix that vector codebooks are fitted to. Vectors lie along the input
/// channels: the channels of a kernel position are filled up with zeros to whole vectors. Product
/// codebooks, one for each vector of channels, are those of all kernel positions, which then are
/// rows.
class VectorLayout {
public:
  VectorLayout(const MatrixView &view, const ShareSpec &spec)
      : view(view), channels(view.getChannels()), positions(view.getPositions()), dim(spec.dim),
        hasPositionRows(spec.method == CodebookMethod::Product && positions > 1) {}

  size_t getVectors() const { return (channels + dim - 1) / dim; }
  size_t getRows() const {
    return view.getBatches() * view.getRows() * (hasPositionRows ? positions : 1);
  }
  size_t getColumns() const { return getWidth() * (hasPositionRows ? 1 : positions); }

  /// Calls `visit` with the element of the matrix, and of the weight, for all elements.
  void forEach(llvm::function_ref<void(size_t, uint64_t)> visit) const {
    size_t width = getWidth(), index = 0;
    for (size_t batch = 0; batch < view.getBatches(); ++batch)
      for (size_t row = 0; row < view.getRows(); ++row)
        for (size_t position = 0; position < positions; ++position, index += width)
          for (size_t channel = 0; channel < channels; ++channel)
            visit(index + channel, view.getIndex(batch, row, position * channels + channel));
  }
  /// The Gram matrix of the columns, damped as GPTQ does it: where there are few samples,
  /// directions that none of them has would be free, and weights there grow without limit. Nothing
  /// where rows are kernel positions.
  std::vector<float> getGram(const InputStatistics &input) const {
    std::vector<float> result;
    if (hasPositionRows || input.gram.empty())
      return result;
    size_t size = view.getColumns(), width = getWidth(), columns = getColumns();
    result.resize(columns * columns);
    auto place = [&](size_t column) { return column / channels * width + column % channels; };
    for (int64_t group = 0; group < input.groups; ++group) {
      ArrayRef<float> gram = input.gram.slice(group * size * size, size * size);
      std::vector<float> own = view.orderGram(gram);
      if (!own.empty())
        gram = own;
      for (size_t i = 0; i < size; ++i)
        for (size_t j = 0; j < size; ++j)
          result[place(i) * columns + place(j)] += gram[i * size + j];
    }
    double trace = 0;
    for (size_t i = 0; i < size; ++i)
      trace += result[place(i) * columns + place(i)];
    for (size_t i = 0; i < size; ++i)
      result[place(i) * columns + place(i)] += float(gramDamping * trace / double(size));
    return result;
  }

private:
  /// Columns of a kernel position.
  size_t getWidth() const { return positions > 1 ? getVectors() * dim : channels; }

  const MatrixView &view;
  size_t channels, positions, dim;
  bool hasPositionRows;
};
} // namespace

/// Scales of the rows, which the weight's blocks repeat where they are smaller than a row.
static FailureOr<EncodedWeight::Scales> makeRowScales(WeightStore &store, const WeightedOp &op,
                                                      const MatrixView &view,
                                                      ArrayRef<float> scales,
                                                      EmitErrorFn emitError) {
  QuantizeSpec channels;
  channels.granularity = ScaleGranularity::Channel;
  SmallVector<int64_t> block = chooseBlock(channels, op).block;
  RankedTensorType type = op.chain.getType();
  std::vector<float> values(ShapedType::getNumElements(getScaleShape(type.getShape(), block)));
  MatrixView::ScaleIndex index = view.getScaleIndex(block);
  for (size_t batch = 0; batch < view.getBatches(); ++batch)
    for (size_t row = 0; row < view.getRows(); ++row)
      for (size_t column = 0; column < view.getColumns(); ++column)
        values[index.get(batch, row, column)] = scales[batch * view.getRows() + row];
  return makeScales(store, type, block, values, emitError);
}

/// Puts codes of vectors, with their tables, into the place of dense floats, as `makePalette` does.
static LogicalResult makeVectorCodebook(WeightStore &store, const WeightTask &task,
                                        const ShareSpec &spec, ArrayRef<float> values,
                                        const MatrixView &view, const InputStatistics &input,
                                        StoredTensor &before, std::vector<float> &decoded,
                                        WeightOutcome &outcome) {
  EncodedWeight &weight = outcome.weight;
  RankedTensorType type = weight.type;
  MLIRContext *context = type.getContext();
  auto emitError = [&] { return task.emitError(); };
  bool isProduct = spec.method == CodebookMethod::Product;
  DataType tableType = *getDataType(type.getElementType());
  VectorCodebookOptions options = isProduct
                                      ? getProductOptions(spec.dim, spec.entries)
                                      : getAdditiveOptions(spec.dim, spec.entries, spec.codebooks);
  options.type = tableType == DataType::F64 ? DataType::F32 : tableType;
  options.seed = spec.seed;
  VectorLayout layout(view, spec);

  // Codes of up to 8 bits have an entry each.
  unsigned bits = llvm::Log2_64_Ceil(options.entries), codeBits = bits <= 8 ? bits : 16;
  size_t size = bits <= 8 ? size_t(1) << bits : options.entries;
  size_t subspaces = isProduct ? layout.getVectors() : 1, numTables = subspaces * options.codebooks;
  uint64_t width = type.getElementTypeBitWidth() / 8, count = type.getNumElements();
  uint64_t numCodes = count / view.getChannels() * layout.getVectors() * options.codebooks;
  uint64_t bytes = getPackedBytes(numCodes, codeBits) + numTables * size * options.dim * width;
  if (options.rowScales)
    bytes += view.getBatches() * view.getRows() * width;
  uint64_t bytesBefore = weight.values.bytes().size();
  std::string reason;
  if (view.getChannels() < options.dim)
    reason = "there are only " + std::to_string(view.getChannels()) + " input channels";
  else if (bytes >= bytesBefore)
    reason = "codes and tables take " + std::to_string(bytes) + " bytes, its values " +
             std::to_string(bytesBefore);
  if (!reason.empty()) {
    outcome.skipped.push_back("no codebook of " + std::to_string(options.entries) + " vectors of " +
                              std::to_string(options.dim) + ": " + reason);
    return success();
  }

  std::vector<float> matrix(layout.getRows() * layout.getColumns());
  layout.forEach([&](size_t to, uint64_t from) { matrix[to] = values[from]; });
  VectorCodes found = fitVectorCodes(
      matrix, layout.getRows(), layout.getColumns(), layout.getGram(input), options,
      [&](size_t n, llvm::function_ref<void(size_t)> body) { parallelFor(context, 0, n, body); });

  // A code lies where the first element of its vector does.
  int64_t axis = task.first().contractionDims.front();
  BlockView along = getAxisView(type.getShape(), axis);
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = layout.getVectors();
  shape.push_back(options.codebooks);
  std::vector<uint16_t> codes(numCodes);
  const uint16_t *from = found.codes.data();
  for (size_t batch = 0; batch < view.getBatches(); ++batch)
    for (size_t row = 0; row < view.getRows(); ++row)
      for (size_t position = 0; position < view.getPositions(); ++position)
        for (size_t vector = 0; vector < layout.getVectors(); ++vector) {
          uint64_t first = view.getIndex(batch, row, position * view.getChannels());
          uint64_t outer = first / along.inner / along.k, inner = first % along.inner;
          uint64_t to = (outer * layout.getVectors() + vector) * along.inner + inner;
          for (size_t codebook = 0; codebook < options.codebooks; ++codebook)
            codes[to * options.codebooks + codebook] = *from++;
        }
  std::vector<float> tables;
  size_t used = options.entries * options.dim;
  for (size_t table = 0; table < numTables; ++table) {
    ArrayRef<float> entries = ArrayRef(found.tables).slice(table * used, used);
    tables.insert(tables.end(), entries.begin(), entries.end());
    for (size_t entry = options.entries; entry < size; ++entry)
      tables.insert(tables.end(), entries.end() - options.dim, entries.end());
  }
  auto tableShape = RankedTensorType::get(
      {static_cast<int64_t>(subspaces), static_cast<int64_t>(options.codebooks),
       static_cast<int64_t>(size), static_cast<int64_t>(options.dim)},
      type.getElementType());
  FailureOr<StoredTensor> stored = makeWideCodes(
      store, RankedTensorType::get(shape, getElementType(getCodeType(codeBits), context)), codes,
      emitError);
  FailureOr<StoredTensor> storedTables = makeFloats(store, tableShape, tables, emitError);
  if (failed(stored) || failed(storedTables))
    return failure();
  if (options.rowScales) {
    FailureOr<EncodedWeight::Scales> scales =
        makeRowScales(store, task.first(), view, found.scales, emitError);
    if (failed(scales))
      return failure();
    weight.scales = std::move(*scales);
  }

  decoded.resize(count);
  std::vector<float> result = decodeVectorCodes(found);
  layout.forEach([&](size_t from, uint64_t to) { decoded[to] = result[from]; });
  before = std::exchange(weight.values, std::move(*stored));
  weight.vectors.emplace();
  weight.vectors->tables = std::move(*storedTables);
  weight.vectors->axis = axis;
  outcome.done.push_back(describeCodebook(spec, options.entries));
  return success();
}

//===----------------------------------------------------------------------===//
// The step
//===----------------------------------------------------------------------===//

LogicalResult mlir::compress::shareStep(WeightStore &store, const WeightTask &task,
                                        WeightOutcome &outcome) {
  if (!task.share)
    return success();
  EncodedWeight &weight = outcome.weight;
  ShareSpec spec = resolveAuto(*task.share);
  std::string reason = weight.hasCodes() ? explainCodes(weight) : explainUnfit(weight.type);
  if (reason.empty() && spec.isVector() && weight.pattern)
    reason = "pruned weights get no codebook of vectors";
  if (!reason.empty()) {
    outcome.skipped.push_back(reason);
    return success();
  }
  auto emitError = [&] { return task.emitError(); };
  if (weight.pattern && !weight.pattern->isDense() &&
      failed(expandPattern(store, weight, emitError)))
    return failure();
  std::vector<float> values = readFloats(weight.values), decoded;
  for (auto [index, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return emitError() << "cannot make a codebook of weight '"
                         << task.first().chain.getSourceName() << "': element " << index
                         << " is not finite";

  MatrixView view(task.first());
  std::string noGram;
  auto *dialect = weight.type.getContext()->getLoadedDialect<CompressDialect>();
  InputStatistics input = getInputStatistics(dialect->getStatistics(), task.users, view, noGram);
  StoredTensor before;
  LogicalResult result =
      spec.isVector()
          ? makeVectorCodebook(store, task, spec, values, view, input, before, decoded, outcome)
          : makePalette(store, task, spec, values, before, decoded, outcome);
  if (failed(result))
    return failure();
  if (decoded.empty())
    return success();
  FailureOr<StoredTensor> after = makeFloats(store, weight.type, decoded, emitError);
  if (failed(after))
    return failure();
  if (spec.isVector() && dialect->getStatistics() && input.gram.empty())
    outcome.skipped.push_back("the codebook is fitted to the weights, not to the outputs: " +
                              noGram);
  const StoredTensor &original = outcome.original ? *outcome.original : before;
  std::tie(outcome.squaredError, outcome.sumSquares) = compareFloats(original, *after);
  if (!input.gram.empty())
    std::tie(outcome.outputError, outcome.outputSquares) =
        getOutputError(view, original, *after, input);
  outcome.changed = true;
  return success();
}
