//===- StatisticsFile.cpp - statistics as safetensors files ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tensors of an entry: "counts" U64 [7] (vectors, runs, non-finite values,
// channels, groups, features, vectors of the Gram matrix), and those of "min",
// "max", "moving_range", "sum", "sum_abs", "sum_squares", "histogram",
// "histogram_range", "gram", "cross" and "index_counts" that were collected. Entries of weights
// have "gradient" and "gradient_squares" (F32, of the weight's shape) and
// "hessian_trace" (F64 [1]), as far as they are known. Entries of streams have
// "vectors" (U64 [1]), "cosine" and "angle" (F64, square), and the metadata
// "compress.<entry>": the names of the points as a JSON array. Metadata of the
// file: "compress.statistics" (the version, 1), "compress.fingerprint" (16 hex
// digits), "compress.samples", and "compress.alias.<entry>" (the entry that has
// the tensors).
//
//===----------------------------------------------------------------------===//

#include "compress/Support/OutputFile.h"
#include "compress/Support/SafeTensors.h"
#include "compress/Support/Statistics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir::compress;
using namespace llvm;

static constexpr StringLiteral versionKey("compress.statistics"), version("1"),
    fingerprintKey("compress.fingerprint"), samplesKey("compress.samples"),
    aliasPrefix("compress.alias."), weightSuffix(":weight"), streamPrefix("stream/"),
    streamPointsPrefix("compress.stream/");
/// Largest channel count and number of bins that a file may have.
static constexpr uint64_t maxChannels = uint64_t(1) << 31, maxBins = 1 << 16;
/// Most points of a stream.
static constexpr size_t maxPoints = 1 << 14;

namespace {
/// One tensor of an entry in memory.
struct Part {
  StringRef name;
  DataType type;
  SmallVector<int64_t, 3> shape;
  const void *data;
  size_t bytes;
};
} // namespace

static std::array<uint64_t, 7> getCounts(const TensorStatistics &entry) {
  return {entry.vectors,
          entry.runs,
          entry.nonFinite,
          static_cast<uint64_t>(entry.channels),
          static_cast<uint64_t>(entry.groups),
          static_cast<uint64_t>(entry.features),
          entry.gramVectors};
}

/// Tensors of the entry; `counts` and `range` are storage of two of them.
static SmallVector<Part> getParts(const TensorStatistics &entry,
                                  const std::array<uint64_t, 7> &counts,
                                  const std::array<double, 2> &range) {
  SmallVector<Part> parts;
  auto add = [&](StringRef name, DataType type, const auto &values, ArrayRef<int64_t> shape = {}) {
    if (values.empty())
      return;
    SmallVector<int64_t, 3> dims(shape.begin(), shape.end());
    if (dims.empty())
      dims.push_back(values.size());
    parts.push_back({name, type, dims, values.data(), values.size() * sizeof(values[0])});
  };
  SmallVector<int64_t, 3> square{entry.groups, entry.features, entry.features};
  add("counts", DataType::U64, counts);
  add("min", DataType::F32, entry.min);
  add("max", DataType::F32, entry.max);
  add("moving_range", DataType::F32, entry.movingRange);
  add("sum", DataType::F64, entry.sum);
  add("sum_abs", DataType::F64, entry.sumAbs);
  add("sum_squares", DataType::F64, entry.sumSquares);
  if (!entry.histogram.counts.empty()) {
    add("histogram", DataType::U64, entry.histogram.counts);
    add("histogram_range", DataType::F64, range);
  }
  add("gram", DataType::F32, entry.gram, square);
  add("cross", DataType::F32, entry.cross, square);
  add("index_counts", DataType::U64, entry.counts);
  return parts;
}

/// Tensors of the entry of a weight.
static SmallVector<Part> getParts(const WeightStatistics &entry) {
  SmallVector<Part> parts;
  for (auto [name, values] : {std::pair<StringRef, ArrayRef<float>>{"gradient", entry.gradient},
                              {"gradient_squares", entry.gradientSquares}})
    if (!values.empty())
      parts.push_back({name, DataType::F32,
                       SmallVector<int64_t, 3>(entry.shape.begin(), entry.shape.end()),
                       values.data(), values.size() * sizeof(float)});
  if (entry.hessianTrace)
    parts.push_back({"hessian_trace", DataType::F64, {1}, &*entry.hessianTrace, sizeof(double)});
  if (entry.outputSensitivity)
    parts.push_back(
        {"output_sensitivity", DataType::F64, {1}, &*entry.outputSensitivity, sizeof(double)});
  return parts;
}

/// Tensors of the entry of a stream.
static SmallVector<Part> getParts(const StreamStatistics &entry) {
  SmallVector<int64_t, 3> square(2, static_cast<int64_t>(entry.points.size()));
  size_t bytes = entry.cosine.size() * sizeof(double);
  return {{"vectors", DataType::U64, {1}, &entry.vectors, sizeof(uint64_t)},
          {"cosine", DataType::F64, square, entry.cosine.data(), bytes},
          {"angle", DataType::F64, square, entry.angle.data(), bytes}};
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static Error checkStream(const Twine &where, const StreamStatistics &entry) {
  auto fail = [&](const Twine &what) {
    return createStringError(inconvertibleErrorCode(), where + ": " + what);
  };
  size_t count = entry.points.size();
  if (count < 2 || count > maxPoints)
    return fail("expects 2 to " + Twine(maxPoints) + " points, got " + Twine(count));
  double limit = static_cast<double>(entry.vectors) * (1 + 1e-9);
  for (auto [name, values] :
       {std::pair<StringRef, ArrayRef<double>>{"cosine", entry.cosine}, {"angle", entry.angle}}) {
    if (values.size() != count * count)
      return fail("'" + name + "': expects " + Twine(count) + "x" + Twine(count) +
                  " elements, got " + Twine(values.size()));
    for (auto [i, value] : enumerate(values))
      if (!(std::abs(value) <= limit))
        return fail("'" + name + "' is no sum over " + Twine(entry.vectors) +
                    " vectors at element " + Twine(i));
  }
  return Error::success();
}

static Error checkWeight(const Twine &where, const WeightStatistics &entry) {
  auto fail = [&](const Twine &what) {
    return createStringError(inconvertibleErrorCode(), where + ": " + what);
  };
  if (entry.gradient.empty() && entry.gradientSquares.empty() && !entry.hessianTrace &&
      !entry.outputSensitivity)
    return fail("has none of 'gradient', 'gradient_squares', 'hessian_trace' and "
                "'output_sensitivity'");
  unsigned __int128 size = 1;
  for (int64_t dim : entry.shape) {
    if (dim < 1 || size > std::numeric_limits<uint64_t>::max() / 2)
      return fail("expects positive dims of a tensor that fits in memory");
    size *= static_cast<uint64_t>(dim);
  }
  for (auto [name, values] : {std::pair<StringRef, ArrayRef<float>>{"gradient", entry.gradient},
                              {"gradient_squares", entry.gradientSquares}}) {
    if (!values.empty() && size != values.size())
      return fail("'" + name + "': expects as many elements as the shape has, got " +
                  Twine(values.size()));
    for (auto [i, value] : enumerate(values))
      if (!std::isfinite(value))
        return fail("'" + name + "' is not finite at element " + Twine(i));
  }
  for (auto [i, value] : enumerate(entry.gradientSquares))
    if (value < 0)
      return fail("'gradient_squares' is negative at element " + Twine(i));
  if (entry.hessianTrace && !std::isfinite(*entry.hessianTrace))
    return fail("'hessian_trace' is not finite");
  if (entry.outputSensitivity &&
      !(*entry.outputSensitivity >= 0 && std::isfinite(*entry.outputSensitivity)))
    return fail("'output_sensitivity': expects a finite number of at least 0");
  return Error::success();
}

namespace {
/// Checks an entry; errors name it.
class EntryCheck {
public:
  EntryCheck(const Twine &where, const TensorStatistics &entry)
      : where(where.str()), entry(entry) {}

  Error run() const {
    for (auto [name, value] : {std::pair<StringRef, int64_t>{"channels", entry.channels},
                               {"groups", entry.groups},
                               {"features", entry.features}})
      if (static_cast<uint64_t>(value) > maxChannels)
        return fail(name + ": expects at most " + Twine(maxChannels) + ", got " + Twine(value));
    if (Error error = checkChannels<float>("min", entry.min))
      return error;
    if (Error error = checkChannels<float>("max", entry.max))
      return error;
    if (entry.min.size() != entry.max.size())
      return fail("has only one of 'min' and 'max'");
    for (auto [c, low, high] : enumerate(entry.min, entry.max))
      if (low > high)
        return fail("min is greater than max at channel " + Twine(c));
    if (Error error = checkMoving())
      return error;
    if (Error error = checkChannels<double>("sum", entry.sum))
      return error;
    if (Error error = checkChannels<double>("sum_abs", entry.sumAbs, /*positive=*/true))
      return error;
    if (Error error = checkChannels<double>("sum_squares", entry.sumSquares,
                                            /*positive=*/true))
      return error;
    if (Error error = checkHistogram())
      return error;
    unsigned __int128 used = 0;
    for (uint64_t count : entry.counts)
      used += count;
    if (!entry.counts.empty() && used != entry.vectors)
      return fail("'index_counts': expects a sum of " + Twine(entry.vectors));
    return checkMatrices();
  }

private:
  Error fail(const Twine &what) const {
    return createStringError(inconvertibleErrorCode(), where + ": " + what);
  }

  template <typename T>
  Error checkFinite(StringRef name, ArrayRef<T> values) const {
    for (auto [i, value] : enumerate(values))
      if (!std::isfinite(value))
        return fail("'" + name + "' is not finite at element " + Twine(i));
    return Error::success();
  }

  template <typename T>
  Error checkChannels(StringRef name, ArrayRef<T> values, bool positive = false) const {
    if (!values.empty() && values.size() != static_cast<uint64_t>(entry.channels))
      return fail("'" + name + "': expects " + Twine(entry.channels) + " channels, got " +
                  Twine(values.size()));
    for (auto [i, value] : enumerate(values))
      if (positive && value < 0)
        return fail("'" + name + "' is negative at channel " + Twine(i));
    return checkFinite(name, values);
  }

  Error checkMoving() const {
    ArrayRef<float> range = entry.movingRange;
    if (range.empty())
      return Error::success();
    if (range.size() != 2)
      return fail("'moving_range': expects 2 elements, got " + Twine(range.size()));
    if (Error error = checkFinite("moving_range", range))
      return error;
    return range[0] <= range[1] ? Error::success() : fail("'moving_range' is reversed");
  }

  Error checkHistogram() const {
    const HistogramData &histogram = entry.histogram;
    if (histogram.counts.empty())
      return Error::success();
    if (histogram.counts.size() > maxBins)
      return fail("'histogram': expects at most " + Twine(maxBins) + " bins, got " +
                  Twine(histogram.counts.size()));
    if (!std::isfinite(histogram.low) || !std::isfinite(histogram.high) ||
        !std::isfinite(histogram.high - histogram.low) || !(histogram.low < histogram.high))
      return fail("'histogram_range': expects two finite ascending values");
    unsigned __int128 total = entry.nonFinite;
    for (uint64_t count : histogram.counts)
      total += count;
    if (total > static_cast<unsigned __int128>(entry.vectors) * entry.channels)
      return fail("'histogram' counts more values than were seen");
    return Error::success();
  }

  Error checkMatrices() const {
    if (entry.gram.empty() && entry.cross.empty())
      return Error::success();
    if (entry.groups < 1 || entry.features < 1 || entry.channels < 1 ||
        entry.channels % entry.groups || entry.features % (entry.channels / entry.groups))
      return fail("expects features of whole channels in whole groups, got " + Twine(entry.groups) +
                  " groups of " + Twine(entry.features) + " features for " + Twine(entry.channels) +
                  " channels");
    for (auto [name, matrix] :
         {std::pair<StringRef, ArrayRef<float>>{"gram", entry.gram}, {"cross", entry.cross}}) {
      unsigned __int128 size = static_cast<unsigned __int128>(entry.features) * entry.features;
      if (!matrix.empty() && size * entry.groups != matrix.size())
        return fail("'" + name + "': expects " + Twine(entry.groups) + "x" + Twine(entry.features) +
                    "x" + Twine(entry.features) + " elements, got " + Twine(matrix.size()));
      if (Error error = checkFinite(name, matrix))
        return error;
    }
    return entry.gram.empty() ? Error::success() : checkSymmetric();
  }

  /// Compares blocks with their mirror images, so that both stay in the cache.
  Error checkSymmetric() const {
    size_t size = entry.features;
    for (size_t group = 0; group < static_cast<size_t>(entry.groups); ++group) {
      const float *gram = entry.gram.data() + group * size * size;
      constexpr size_t block = 32;
      for (size_t i0 = 0; i0 < size; i0 += block)
        for (size_t j0 = 0; j0 <= i0; j0 += block)
          for (size_t i = i0; i < std::min(size, i0 + block); ++i)
            for (size_t j = j0; j < std::min(i, j0 + block); ++j)
              if (gram[i * size + j] != gram[j * size + i])
                return fail("'gram' is not symmetric at row " + Twine(i) + ", column " + Twine(j));
      for (size_t i = 0; i < size; ++i)
        if (gram[i * size + i] < 0)
          return fail("'gram' is negative on the diagonal at row " + Twine(i));
    }
    return Error::success();
  }

  std::string where;
  const TensorStatistics &entry;
};

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

class Reader {
public:
  Reader(StringRef path, const SafeTensorsFile &file) : path(path), file(file) {}

  Expected<Statistics> read() {
    const SafeTensorsHeader &header = file.getHeader();
    Statistics statistics;
    if (Error error = readMetadata(statistics))
      return std::move(error);
    std::map<std::string, std::shared_ptr<TensorStatistics>> made;
    std::map<std::string, WeightStatistics> weights;
    std::map<std::string, StreamStatistics> streams;
    for (const SafeTensorInfo &tensor : header.tensors) {
      auto [key, part] = StringRef(tensor.name).rsplit('/');
      if (key.empty() || part.empty())
        return fail("tensor '" + tensor.name + "': expects a name of the form <entry>/<statistic>");
      if (key.starts_with(streamPrefix) && !key.ends_with(":input") && !key.ends_with(":output") &&
          !key.ends_with(weightSuffix)) {
        if (Error error =
                readPart(streams[key.drop_front(streamPrefix.size()).str()], part, tensor))
          return std::move(error);
        continue;
      }
      if (StringRef op = key; op.consume_back(weightSuffix) && !op.empty()) {
        if (Error error = readPart(weights[op.str()], part, tensor))
          return std::move(error);
        continue;
      }
      std::shared_ptr<TensorStatistics> &entry = made[key.str()];
      if (!entry)
        entry = std::make_shared<TensorStatistics>();
      if (Error error = readPart(*entry, part, tensor))
        return std::move(error);
    }
    for (auto &[key, entry] : made) {
      if (!header.find(key + "/counts"))
        return fail("entry '" + key + "' has no tensor 'counts'");
      if (Error error =
              EntryCheck("statistics file '" + path + "': entry '" + key + "'", *entry).run())
        return std::move(error);
      statistics.set(key, entry);
    }
    for (auto &[op, entry] : weights) {
      if (Error error = checkWeight("statistics file '" + path + "': entry '" +
                                        Statistics::getWeightKey(op) + "'",
                                    entry))
        return std::move(error);
      statistics.setWeight(op, std::move(entry));
    }
    for (auto &[function, entry] : streams) {
      if (Error error = readPoints(entry, function))
        return std::move(error);
      if (Error error = checkStream(
              "statistics file '" + path + "': entry '" + streamPrefix + function + "'", entry))
        return std::move(error);
      statistics.setStream(function, std::move(entry));
    }
    for (const auto &[name, target] : header.metadata) {
      StringRef key = name;
      if (!key.consume_front(aliasPrefix))
        continue;
      if (key.empty() || made.count(key.str()))
        return fail("alias '" + key + "' is an entry itself");
      auto it = made.find(target);
      if (it == made.end())
        return fail("alias '" + key + "' refers to '" + target + "', which is no entry with " +
                    "tensors");
      statistics.set(key, it->second);
    }
    return statistics;
  }

private:
  Error fail(const Twine &what) const {
    return createStringError(inconvertibleErrorCode(), "statistics file '" + path + "': " + what);
  }

  Error readMetadata(Statistics &statistics) {
    const std::map<std::string, std::string> &metadata = file.getHeader().metadata;
    auto get = [&](StringRef key) -> StringRef {
      auto it = metadata.find(key.str());
      return it == metadata.end() ? StringRef() : StringRef(it->second);
    };
    StringRef found = get(versionKey);
    if (found.empty())
      return fail("is no statistics file: it has no metadata '" + versionKey + "'");
    if (found != version)
      return fail("expects version " + version + ", got '" + found + "'");
    if (get(fingerprintKey).getAsInteger(16, statistics.fingerprint))
      return fail("metadata '" + fingerprintKey + "': expects hexadecimal digits, got '" +
                  get(fingerprintKey) + "'");
    if (get(samplesKey).getAsInteger(10, statistics.samples))
      return fail("metadata '" + samplesKey + "': expects a number, got '" + get(samplesKey) + "'");
    return Error::success();
  }

  /// Copies a tensor of `rank` dims into `values`.
  template <typename T>
  Error copy(std::vector<T> &values, const SafeTensorInfo &tensor, StringRef dtype, size_t rank) {
    if (tensor.dtype != dtype || tensor.shape.size() != rank)
      return fail("tensor '" + tensor.name + "': expects rank " + Twine(rank) + " of " + dtype +
                  ", got rank " + Twine(tensor.shape.size()) + " of " + tensor.dtype);
    StringRef bytes = file.getBytes(tensor);
    if (bytes.empty())
      return fail("tensor '" + tensor.name + "' is empty");
    values.resize(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return Error::success();
  }

  Error readCounts(TensorStatistics &entry, const SafeTensorInfo &tensor) {
    std::vector<uint64_t> counts;
    if (Error error = copy(counts, tensor, "U64", 1))
      return error;
    if (counts.size() != 7)
      return fail("tensor '" + tensor.name + "': expects 7 elements, got " + Twine(counts.size()));
    entry.vectors = counts[0];
    entry.runs = counts[1];
    entry.nonFinite = counts[2];
    entry.channels = counts[3];
    entry.groups = counts[4];
    entry.features = counts[5];
    entry.gramVectors = counts[6];
    return Error::success();
  }

  Error readMatrix(std::vector<float> &matrix, const SafeTensorInfo &tensor) {
    if (tensor.shape.size() == 3 && tensor.shape[1] != tensor.shape[2])
      return fail("tensor '" + tensor.name + "': expects square matrices, got " +
                  Twine(tensor.shape[1]) + "x" + Twine(tensor.shape[2]));
    return copy(matrix, tensor, "F32", 3);
  }

  Error readPart(WeightStatistics &entry, StringRef part, const SafeTensorInfo &tensor) {
    if (part == "hessian_trace" || part == "output_sensitivity") {
      std::vector<double> number;
      if (Error error = copy(number, tensor, "F64", 1))
        return error;
      if (number.size() != 1)
        return fail("tensor '" + tensor.name + "': expects 1 element, got " + Twine(number.size()));
      (part == "hessian_trace" ? entry.hessianTrace : entry.outputSensitivity) = number.front();
      return Error::success();
    }
    if (part != "gradient" && part != "gradient_squares")
      return fail("tensor '" + tensor.name + "': unknown statistic '" + part + "' of a weight");
    ArrayRef<int64_t> shape = tensor.shape;
    if (!entry.shape.empty() && shape != ArrayRef(entry.shape))
      return fail("tensor '" + tensor.name + "': expects the shape of the other statistics of " +
                  "the weight");
    entry.shape.assign(shape.begin(), shape.end());
    return copy(part == "gradient" ? entry.gradient : entry.gradientSquares, tensor, "F32",
                shape.size());
  }

  Error readPart(StreamStatistics &entry, StringRef part, const SafeTensorInfo &tensor) {
    if (part == "cosine")
      return copy(entry.cosine, tensor, "F64", 2);
    if (part == "angle")
      return copy(entry.angle, tensor, "F64", 2);
    if (part != "vectors")
      return fail("tensor '" + tensor.name + "': unknown statistic '" + part + "' of a stream");
    std::vector<uint64_t> vectors;
    if (Error error = copy(vectors, tensor, "U64", 1))
      return error;
    if (vectors.size() != 1)
      return fail("tensor '" + tensor.name + "': expects 1 element, got " + Twine(vectors.size()));
    entry.vectors = vectors.front();
    return Error::success();
  }

  Error readPoints(StreamStatistics &entry, StringRef function) {
    std::string key = (streamPointsPrefix + function).str();
    const std::map<std::string, std::string> &metadata = file.getHeader().metadata;
    auto it = metadata.find(key);
    if (it == metadata.end())
      return fail("entry '" + streamPrefix + function + "' has no metadata '" + key + "'");
    Expected<json::Value> names = json::parse(it->second);
    const json::Array *array = names ? names->getAsArray() : nullptr;
    if (!names)
      consumeError(names.takeError());
    for (const json::Value &name : array ? *array : json::Array()) {
      std::optional<StringRef> text = name.getAsString();
      if (!text)
        array = nullptr;
      if (!array)
        break;
      entry.points.push_back(text->str());
    }
    return array ? Error::success() : fail("metadata '" + key + "': expects an array of strings");
  }

  Error readPart(TensorStatistics &entry, StringRef part, const SafeTensorInfo &tensor) {
    if (part == "counts")
      return readCounts(entry, tensor);
    if (part == "min")
      return copy(entry.min, tensor, "F32", 1);
    if (part == "max")
      return copy(entry.max, tensor, "F32", 1);
    if (part == "moving_range")
      return copy(entry.movingRange, tensor, "F32", 1);
    if (part == "sum")
      return copy(entry.sum, tensor, "F64", 1);
    if (part == "sum_abs")
      return copy(entry.sumAbs, tensor, "F64", 1);
    if (part == "sum_squares")
      return copy(entry.sumSquares, tensor, "F64", 1);
    if (part == "gram")
      return readMatrix(entry.gram, tensor);
    if (part == "cross")
      return readMatrix(entry.cross, tensor);
    if (part == "index_counts")
      return copy(entry.counts, tensor, "U64", 1);
    StringRef other = part == "histogram" ? "histogram_range" : "histogram";
    if (part != "histogram" && part != "histogram_range")
      return fail("tensor '" + tensor.name + "': unknown statistic '" + part + "'");
    if (!file.getHeader().find((StringRef(tensor.name).rsplit('/').first + "/" + other).str()))
      return fail("tensor '" + tensor.name + "' without '" + other + "'");
    if (part == "histogram")
      return copy(entry.histogram.counts, tensor, "U64", 1);
    std::vector<double> range;
    if (Error error = copy(range, tensor, "F64", 1))
      return error;
    if (range.size() != 2)
      return fail("tensor '" + tensor.name + "': expects 2 elements, got " + Twine(range.size()));
    entry.histogram.low = range[0];
    entry.histogram.high = range[1];
    return Error::success();
  }

  StringRef path;
  const SafeTensorsFile &file;
};
} // namespace

Expected<Statistics> Statistics::load(StringRef path) {
  Expected<SafeTensorsFile> file = SafeTensorsFile::open(path);
  if (!file)
    return file.takeError();
  return Reader(path, *file).read();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Declares everything and writes it; the callback order is that of the writer.
static Error write(raw_ostream &os, const Statistics &statistics, StringRef path) {
  SafeTensorsWriter writer(os);
  writer.setMetadata(versionKey, version);
  writer.setMetadata(fingerprintKey, utohexstr(statistics.fingerprint, /*LowerCase=*/true, 16));
  writer.setMetadata(samplesKey, std::to_string(statistics.samples));
  std::map<const TensorStatistics *, StringRef> owners;
  std::vector<std::unique_ptr<std::pair<std::array<uint64_t, 7>, std::array<double, 2>>>> storage;
  std::vector<Part> parts;
  for (const auto &[key, entry] : statistics.getEntries()) {
    auto [owner, isNew] = owners.try_emplace(entry.get(), key);
    if (!isNew) {
      writer.setMetadata((aliasPrefix + key).str(), owner->second);
      continue;
    }
    if (Error error =
            EntryCheck("statistics file '" + path + "': entry '" + key + "'", *entry).run())
      return error;
    storage.push_back(std::make_unique<std::pair<std::array<uint64_t, 7>, std::array<double, 2>>>(
        getCounts(*entry), std::array<double, 2>{entry->histogram.low, entry->histogram.high}));
    for (Part &part : getParts(*entry, storage.back()->first, storage.back()->second)) {
      if (Error error =
              writer.declare((StringRef(key) + "/" + part.name).str(), part.type, part.shape))
        return error;
      parts.push_back(std::move(part));
    }
  }
  for (const auto &[op, entry] : statistics.getWeights()) {
    std::string key = Statistics::getWeightKey(op);
    if (Error error = checkWeight("statistics file '" + path + "': entry '" + key + "'", *entry))
      return error;
    for (Part &part : getParts(*entry)) {
      if (Error error = writer.declare(key + "/" + part.name.str(), part.type, part.shape))
        return error;
      parts.push_back(std::move(part));
    }
  }
  for (const auto &[function, entry] : statistics.getStreams()) {
    std::string key = (streamPrefix + function).str();
    if (Error error = checkStream("statistics file '" + path + "': entry '" + key + "'", entry))
      return error;
    json::Array points(entry.points);
    std::string text;
    raw_string_ostream(text) << json::Value(std::move(points));
    writer.setMetadata((streamPointsPrefix + function).str(), text);
    for (Part &part : getParts(entry)) {
      if (Error error = writer.declare(key + "/" + part.name.str(), part.type, part.shape))
        return error;
      parts.push_back(std::move(part));
    }
  }
  if (Error error = writer.writeHeader())
    return error;
  for (size_t i : writer.getWriteOrder())
    if (Error error =
            writer.append(i, StringRef(static_cast<const char *>(parts[i].data), parts[i].bytes)))
      return error;
  return writer.finish();
}

Error Statistics::save(StringRef path) const {
  Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = write((*file)->os(), *this, path))
    return error;
  return (*file)->keep();
}
