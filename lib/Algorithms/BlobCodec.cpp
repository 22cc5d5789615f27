//===- BlobCodec.cpp - lossless storage of compressed weights -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BlobCodec.h"
#include "compress/Algorithms/SparseCodes.h"
#include "compress/Support/MappedFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::MutableArrayRef;
using llvm::StringRef;
namespace endian = llvm::support::endian;

static constexpr uint64_t kHeader = 32, kChunk = 65536, kMaxValues = 65536;
static constexpr unsigned kIndexBits[] = {4, 5, 8};

/// The element of `width` bytes at `data`.
template <unsigned width>
static uint32_t load(const char *data) {
  if constexpr (width == 1)
    return static_cast<uint8_t>(*data);
  else if constexpr (width == 2)
    return endian::read16le(data);
  else
    return endian::read32le(data);
}

template <unsigned width>
static void store(char *data, uint32_t value) {
  if constexpr (width == 1)
    *data = static_cast<char>(value);
  else if constexpr (width == 2)
    endian::write16le(data, static_cast<uint16_t>(value));
  else
    endian::write32le(data, value);
}

/// Calls `function` with the width as a constant.
template <typename Function>
static auto dispatch(unsigned width, Function &&function) {
  switch (width) {
  case 1:
    return function(std::integral_constant<unsigned, 1>());
  case 2:
    return function(std::integral_constant<unsigned, 2>());
  default:
    return function(std::integral_constant<unsigned, 4>());
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

namespace {
/// The distinct values of a blob: a hash table, or for short elements an array.
class ValueTable {
public:
  explicit ValueTable(unsigned width) : isDirect(width <= 2) {
    slots.resize(isDirect ? size_t(1) << (8 * width) : size_t(1) << 10);
    shift = 32 - llvm::Log2_64(slots.size());
  }

  /// Counts a value; false if there are too many.
  bool count(uint32_t value) {
    uint32_t &slot = find(value);
    if (LLVM_LIKELY(slot != 0)) {
      ++counts[slot - 1];
      return true;
    }
    if (values.size() == kMaxValues)
      return false;
    values.push_back(value);
    counts.push_back(1);
    slot = static_cast<uint32_t>(values.size());
    if (!isDirect && 2 * values.size() > slots.size())
      rehash(2 * slots.size());
    return true;
  }

  /// Puts the values in ascending order.
  void sort() {
    std::vector<uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::sort(order, [&](uint32_t a, uint32_t b) { return values[a] < values[b]; });
    std::vector<uint32_t> sortedValues;
    std::vector<uint64_t> sortedCounts;
    for (uint32_t place : order) {
      sortedValues.push_back(values[place]);
      sortedCounts.push_back(counts[place]);
    }
    values = std::move(sortedValues);
    counts = std::move(sortedCounts);
    rehash(slots.size());
  }

  /// Place of a value that was counted.
  uint16_t getCode(uint32_t value) { return static_cast<uint16_t>(find(value) - 1); }

  std::vector<uint32_t> values;
  std::vector<uint64_t> counts;

private:
  uint32_t &find(uint32_t value) {
    if (isDirect)
      return slots[value];
    size_t place = (value * 0x9E3779B1u) >> shift;
    while (slots[place] && values[slots[place] - 1] != value)
      place = (place + 1) % slots.size();
    return slots[place];
  }
  void rehash(size_t size) {
    slots.assign(size, 0);
    shift = 32 - llvm::Log2_64(size);
    for (auto [place, value] : llvm::enumerate(values))
      find(value) = static_cast<uint32_t>(place + 1);
  }

  bool isDirect;
  unsigned shift;
  /// Place of the value plus one; 0: free.
  std::vector<uint32_t> slots;
};

/// What is known about a blob before it is coded.
struct Plan {
  explicit Plan(unsigned width) : table(width) {}

  BlobEstimate estimate;
  ValueTable table;
  uint32_t zero = 0;
  HuffmanCode values, steps;
};
} // namespace

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Bits before the code: header, values, last bytes, chunks.
static uint64_t getFixedBits(BlobForm form, uint64_t size, unsigned width, uint64_t numValues) {
  uint64_t chunks = llvm::divideCeil(size / width, kChunk);
  return 8 *
         (kHeader + width * numValues + size % width + (form == BlobForm::Codes ? 4 : 8) * chunks);
}

/// Bits that no code for these counts is below.
static uint64_t getEntropyBits(ArrayRef<uint64_t> counts) {
  double sum = 0, bits = 0;
  for (uint64_t count : counts)
    sum += static_cast<double>(count);
  for (uint64_t count : counts)
    if (count)
      bits += static_cast<double>(count) * std::log2(sum / static_cast<double>(count));
  return static_cast<uint64_t>(bits * (1 - 1e-6));
}

/// Takes the codes if they are smaller than what the plan has.
static void tryCodes(Plan &plan, uint64_t size, unsigned width) {
  uint64_t fixed = getFixedBits(BlobForm::Codes, size, width, plan.table.values.size());
  if (fixed + getEntropyBits(plan.table.counts) >= 8 * plan.estimate.bytes)
    return;
  HuffmanCode code = makeHuffmanCode(plan.table.counts);
  uint64_t bytes = llvm::divideCeil(
      fixed + code.getDescriptionBits() + code.getBits(plan.table.counts), uint64_t(8));
  if (bytes >= plan.estimate.bytes)
    return;
  plan.values = std::move(code);
  plan.estimate = {BlobForm::Codes, width, 0, bytes, plan.table.values.size(), 0, 0};
}

/// The same for codes with relative indices.
static void trySparse(Plan &plan, const GapCounts &gaps, uint64_t size, unsigned width,
                      unsigned indexBits) {
  RelativeIndexCounts index = countRelativeIndices(gaps, indexBits);
  if (index.entries == 0)
    return;
  std::vector<uint64_t> counts = plan.table.counts;
  uint64_t zeros = std::exchange(counts[plan.zero], index.paddings);
  uint64_t fixed = getFixedBits(BlobForm::Sparse, size, width, counts.size());
  if (fixed + getEntropyBits(counts) + getEntropyBits(index.steps) >= 8 * plan.estimate.bytes)
    return;
  HuffmanCode values = makeHuffmanCode(counts), steps = makeHuffmanCode(index.steps);
  uint64_t bytes =
      llvm::divideCeil(fixed + values.getDescriptionBits() + steps.getDescriptionBits() +
                           values.getBits(counts) + steps.getBits(index.steps),
                       uint64_t(8));
  if (bytes >= plan.estimate.bytes)
    return;
  plan.values = std::move(values);
  plan.steps = std::move(steps);
  plan.estimate = {BlobForm::Sparse, width, indexBits, bytes, counts.size(), zeros, index.paddings};
}

/// Calls `function` with the codes of each chunk.
template <typename Function>
static void forEachChunk(Plan &plan, ArrayRef<char> bytes, unsigned width, Function &&function) {
  std::vector<uint16_t> codes;
  uint64_t numElements = bytes.size() / width;
  for (uint64_t begin = 0; begin < numElements; begin += kChunk) {
    codes.resize(std::min(kChunk, numElements - begin));
    const char *data = bytes.data() + begin * width;
    dispatch(width, [&](auto constant) {
      for (auto [i, code] : llvm::enumerate(codes))
        code = plan.table.getCode(load<constant.value>(data + i * constant.value));
    });
    function(ArrayRef<uint16_t>(codes));
  }
}

/// The smallest form for elements of `width` bytes.
static Plan makePlan(ArrayRef<char> bytes, unsigned width) {
  Plan plan(width);
  plan.estimate.bytes = bytes.size();
  plan.estimate.width = width;
  uint64_t numElements = bytes.size() / width;
  bool isCounted = dispatch(width, [&](auto constant) {
    for (uint64_t i = 0; i < numElements; ++i)
      if (!plan.table.count(load<constant.value>(bytes.data() + i * constant.value)))
        return false;
    return true;
  });
  if (numElements == 0 || !isCounted ||
      getFixedBits(BlobForm::Codes, bytes.size(), width, plan.table.values.size()) >=
          8 * bytes.size())
    return plan;
  plan.table.sort();
  const std::vector<uint64_t> &counts = plan.table.counts;
  plan.zero = static_cast<uint32_t>(llvm::max_element(counts) - counts.begin());
  tryCodes(plan, bytes.size(), width);
  // An index takes a bit for each entry; leaving out a rare zero saves less.
  if (counts[plan.zero] < numElements / 16)
    return plan;
  GapCounts gaps;
  forEachChunk(plan, bytes, width, [&](ArrayRef<uint16_t> codes) {
    gaps.add(codes, static_cast<uint16_t>(plan.zero));
  });
  for (unsigned indexBits : kIndexBits)
    trySparse(plan, gaps, bytes.size(), width, indexBits);
  return plan;
}

/// The smallest form for this or any width.
static Plan makeBestPlan(ArrayRef<char> bytes, unsigned width) {
  if (width != 0)
    return makePlan(bytes, width);
  Plan best = makePlan(bytes, 4);
  for (unsigned other : {2, 1})
    if (Plan plan = makePlan(bytes, other); plan.estimate.bytes < best.estimate.bytes)
      best = std::move(plan);
  return best;
}

BlobEstimate mlir::compress::estimateBlob(ArrayRef<char> bytes, unsigned width) {
  return makeBestPlan(bytes, width).estimate;
}

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

static void append(std::string &out, uint64_t value, unsigned numBytes) {
  for (unsigned i = 0; i < numBytes; ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

/// Writes a chunk; the number of its entries.
static uint64_t writeChunk(BitWriter &writer, const Plan &plan, ArrayRef<uint16_t> codes) {
  auto write = [&](const HuffmanCode &code, uint32_t symbol) {
    writer.write(code.codes[symbol], code.lengths[symbol]);
  };
  if (plan.estimate.form == BlobForm::Codes) {
    for (uint16_t code : codes)
      write(plan.values, code);
    return codes.size();
  }
  uint64_t entries = 0;
  forEachSparseEntry(codes, static_cast<uint16_t>(plan.zero), plan.estimate.indexBits,
                     [&](uint32_t step, uint32_t code) {
                       write(plan.steps, step);
                       write(plan.values, code);
                       ++entries;
                     });
  return entries;
}

std::optional<std::string> mlir::compress::encodeBlob(ArrayRef<char> bytes, unsigned width) {
  Plan plan = makeBestPlan(bytes, width);
  const BlobEstimate &estimate = plan.estimate;
  if (estimate.form == BlobForm::Raw)
    return std::nullopt;
  bool isSparse = estimate.form == BlobForm::Sparse;
  width = estimate.width;

  std::string out;
  append(out, static_cast<uint8_t>(estimate.form), 1);
  append(out, width, 1);
  append(out, estimate.indexBits, 2);
  append(out, estimate.values, 4);
  append(out, bytes.size(), 8);
  append(out, contentHash(StringRef(bytes.data(), bytes.size())), 8);
  append(out, isSparse ? plan.zero : 0, 8);
  for (uint32_t value : plan.table.values)
    append(out, value, width);
  size_t tail = bytes.size() % width;
  out.append(bytes.end() - tail, bytes.end());

  BitWriter writer;
  writeHuffmanCode(writer, plan.values);
  if (isSparse)
    writeHuffmanCode(writer, plan.steps);
  forEachChunk(plan, bytes, width, [&](ArrayRef<uint16_t> codes) {
    uint64_t begin = writer.getPosition(), entries = writeChunk(writer, plan, codes);
    if (isSparse)
      append(out, entries, 4);
    append(out, writer.getPosition() - begin, 4);
  });
  out += writer.finish();
  return out;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

struct BlobDecoder::Impl {
  struct Chunk {
    /// Position of the first bit, and of the end.
    uint64_t begin, end;
    uint32_t entries;
  };

  BlobForm form = BlobForm::Codes;
  unsigned width = 1;
  uint64_t size = 0, hash = 0;
  std::vector<uint32_t> values;
  uint32_t zero = 0;
  /// The bytes after the last element, and the bits.
  ArrayRef<char> tail, stream;
  std::vector<Chunk> chunks;
  std::optional<HuffmanDecoder> valueDecoder, stepDecoder;

  llvm::Error read(ArrayRef<char> bytes);
  llvm::Error readChunks(const char *directory, uint64_t numChunks, uint64_t begin);
  template <unsigned elementBytes>
  bool decode(const Chunk &chunk, char *out, size_t numElements) const;
};

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

llvm::Error BlobDecoder::Impl::readChunks(const char *directory, uint64_t numChunks,
                                          uint64_t begin) {
  uint64_t numElements = size / width;
  for (uint64_t i = 0; i < numChunks; ++i) {
    auto elements = static_cast<uint32_t>(std::min(kChunk, numElements - i * kChunk));
    uint32_t entries = elements;
    if (form == BlobForm::Sparse) {
      entries = endian::read32le(directory);
      directory += 4;
      if (entries > elements)
        return makeError("expected at most " + llvm::Twine(elements) + " entries in chunk " +
                         llvm::Twine(i) + ", found " + llvm::Twine(entries));
    }
    uint64_t end = begin + endian::read32le(directory);
    directory += 4;
    if (end > 8 * stream.size())
      return makeError("chunk " + llvm::Twine(i) + " ends at bit " + llvm::Twine(end) + " of " +
                       llvm::Twine(8 * stream.size()));
    chunks.push_back({begin, end, entries});
    begin = end;
  }
  if (llvm::divideCeil(begin, uint64_t(8)) != stream.size())
    return makeError("expected " + llvm::Twine(begin) + " bits, found " +
                     llvm::Twine(stream.size()) + " bytes");
  return llvm::Error::success();
}

llvm::Error BlobDecoder::Impl::read(ArrayRef<char> bytes) {
  if (bytes.size() < kHeader)
    return makeError("expected a header of 32 bytes, found " + llvm::Twine(bytes.size()));
  const char *header = bytes.data();
  unsigned formCode = static_cast<uint8_t>(header[0]), indexBits = static_cast<uint8_t>(header[2]);
  width = static_cast<uint8_t>(header[1]);
  if (formCode != 1 && formCode != 2)
    return makeError("expected form 1 or 2, found " + llvm::Twine(formCode));
  form = static_cast<BlobForm>(formCode);
  bool isSparse = form == BlobForm::Sparse;
  if (width != 1 && width != 2 && width != 4)
    return makeError("expected elements of 1, 2 or 4 bytes, found " + llvm::Twine(width));
  if (isSparse ? !llvm::is_contained(kIndexBits, indexBits) : indexBits != 0)
    return makeError("relative indices of " + llvm::Twine(indexBits) + " bits do not exist");
  uint64_t numValues = endian::read32le(header + 4);
  size = endian::read64le(header + 8);
  hash = endian::read64le(header + 16);
  uint64_t zeroAndRest = endian::read64le(header + 24);
  zero = static_cast<uint32_t>(zeroAndRest);
  if (header[3] != 0 || zeroAndRest >= kMaxValues || (!isSparse && zero != 0))
    return makeError("unused bytes of the header are not zero");
  if (numValues == 0 || numValues > kMaxValues || zero >= numValues)
    return makeError("expected 1 to 65536 values and a zero among them, found " +
                     llvm::Twine(numValues) + " and " + llvm::Twine(zero));

  // All sizes are compared before anything is allocated.
  uint64_t room = bytes.size() - kHeader, chunkBytes = isSparse ? 8 : 4, tailBytes = size % width;
  uint64_t numChunks = size / width / kChunk + (size / width % kChunk != 0);
  if (numValues * width + tailBytes > room ||
      numChunks > (room - numValues * width - tailBytes) / chunkBytes)
    return makeError(llvm::Twine(numValues) + " values and " + llvm::Twine(numChunks) +
                     " chunks do not fit into " + llvm::Twine(bytes.size()) + " bytes");
  const char *data = header + kHeader;
  values.resize(numValues);
  dispatch(width, [&](auto constant) {
    for (uint32_t &value : values) {
      value = load<constant.value>(data);
      data += constant.value;
    }
  });
  tail = ArrayRef<char>(data, tailBytes);
  const char *directory = data + tailBytes;
  stream = ArrayRef<char>(directory + numChunks * chunkBytes, bytes.end());

  BitReader reader(stream);
  llvm::Expected<HuffmanCode> code = readHuffmanCode(reader, numValues, 8 * stream.size());
  if (!code)
    return code.takeError();
  valueDecoder.emplace(*code);
  if (isSparse) {
    code = readHuffmanCode(reader, size_t(1) << indexBits, 8 * stream.size());
    if (!code)
      return code.takeError();
    stepDecoder.emplace(*code);
  }
  return readChunks(directory, numChunks, reader.getPosition());
}

template <unsigned elementBytes>
bool BlobDecoder::Impl::decode(const Chunk &chunk, char *out, size_t numElements) const {
  // Copies, which stores through `out` cannot change.
  BitReader reader(stream, chunk.begin);
  const uint32_t *table = values.data();
  const HuffmanDecoder &decoder = *valueDecoder;
  auto put = [&](size_t place, uint32_t code) {
    store<elementBytes>(out + place * elementBytes, table[code]);
  };
  bool isInside = true;
  if (form == BlobForm::Codes) {
    size_t i = 0;
    // 3 * 16 bits are less than 56.
    for (; i + 3 <= numElements; i += 3) {
      reader.refill();
      put(i, decoder.decode(reader));
      put(i + 1, decoder.decode(reader));
      put(i + 2, decoder.decode(reader));
    }
    reader.refill();
    for (; i < numElements; ++i)
      put(i, decoder.decode(reader));
  } else {
    if (table[zero] == 0)
      std::memset(out, 0, numElements * elementBytes);
    else
      for (size_t i = 0; i < numElements; ++i)
        put(i, zero);
    const HuffmanDecoder &steps = *stepDecoder;
    isInside = expandSparseEntries(
        chunk.entries, numElements,
        [&](uint32_t &step, uint32_t &code) {
          reader.refill();
          step = steps.decode(reader);
          code = decoder.decode(reader);
        },
        put);
  }
  return isInside && reader.getPosition() == chunk.end;
}

BlobDecoder::BlobDecoder(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
BlobDecoder::BlobDecoder(BlobDecoder &&) = default;
BlobDecoder &BlobDecoder::operator=(BlobDecoder &&) = default;
BlobDecoder::~BlobDecoder() = default;

llvm::Expected<BlobDecoder> BlobDecoder::create(ArrayRef<char> bytes) {
  auto impl = std::make_unique<Impl>();
  if (llvm::Error error = impl->read(bytes))
    return error;
  return BlobDecoder(std::move(impl));
}

uint64_t BlobDecoder::getSize() const { return impl->size; }

size_t BlobDecoder::getNumChunks() const { return impl->chunks.size(); }

bool BlobDecoder::decodeChunk(size_t index, MutableArrayRef<char> out) const {
  uint64_t first = index * kChunk, width = impl->width;
  size_t numElements = std::min(kChunk, impl->size / width - first);
  return dispatch(impl->width, [&](auto constant) {
    return impl->decode<constant.value>(impl->chunks[index], out.data() + first * width,
                                        numElements);
  });
}

llvm::Error BlobDecoder::finish(MutableArrayRef<char> out) const {
  llvm::copy(impl->tail, out.end() - impl->tail.size());
  if (uint64_t hash = contentHash(StringRef(out.data(), out.size())); hash != impl->hash)
    return makeError("the decoded bytes differ: expected hash " + llvm::Twine(impl->hash) +
                     ", found " + llvm::Twine(hash));
  return llvm::Error::success();
}

llvm::Error mlir::compress::decodeBlobs(ArrayRef<BlobDecoder> blobs,
                                        ArrayRef<MutableArrayRef<char>> outputs,
                                        ParallelFor parallelFor) {
  std::vector<std::pair<size_t, size_t>> chunks;
  for (auto [index, blob] : llvm::enumerate(blobs))
    for (size_t chunk = 0; chunk < blob.getNumChunks(); ++chunk)
      chunks.emplace_back(index, chunk);
  // Several chunks may belong to one blob: one byte for each.
  std::vector<uint8_t> isGood(chunks.size());
  parallelFor(chunks.size(), [&](size_t i) {
    auto [blob, chunk] = chunks[i];
    isGood[i] = blobs[blob].decodeChunk(chunk, outputs[blob]);
  });
  std::vector<std::string> messages(blobs.size());
  for (auto [chunk, good] : llvm::zip_equal(chunks, isGood))
    if (!good && messages[chunk.first].empty())
      messages[chunk.first] = "chunk " + std::to_string(chunk.second) + " is damaged";
  parallelFor(blobs.size(), [&](size_t i) {
    if (messages[i].empty())
      messages[i] = llvm::toString(blobs[i].finish(outputs[i]));
  });
  for (auto [index, message] : llvm::enumerate(messages))
    if (!message.empty())
      return makeError("blob " + llvm::Twine(index) + ": " + message);
  return llvm::Error::success();
}
