//===- CalibrationData.cpp - samples from files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Calibration/Calibration.h"
#include "compress/ExecutionEngine/NumpyIO.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mlir::compress;

/// More samples than anybody calibrates with; a list of more paths is a mistake.
static constexpr size_t kMaxSamples = size_t(1) << 24;

std::string CalibrationData::getSampleName(uint64_t index) const {
  return ("sample " + llvm::Twine(index + 1) + " of " + llvm::Twine(getNumSamples())).str();
}

using Sample = std::vector<std::pair<std::string, HostTensor>>;

static llvm::Error makeError(const llvm::Twine &file, const llvm::Twine &message) {
  return llvm::createStringError("calibration data '" + file + "': " + message);
}

/// As in messages: `f32[64,3]`.
static std::string describe(const HostTensor &tensor) {
  std::string text = (getName(tensor.getType()) + "[").str();
  text += llvm::join(
      llvm::map_range(tensor.getShape(), [](int64_t size) { return std::to_string(size); }), ",");
  return text + "]";
}

/// Whether a sample of `shape` fits the input.
static bool fits(const TensorSpec &spec, llvm::ArrayRef<int64_t> shape) {
  return shape.size() == spec.shape.size() &&
         llvm::all_of(llvm::zip_equal(spec.shape, shape), [](auto pair) {
           auto [wanted, given] = pair;
           return ShapedType::isDynamic(wanted) ? given > 0 : given == wanted;
         });
}

/// `tensors` in the order of `specs`; errors for missing, unknown and double names, and wrong
/// types.
static llvm::Expected<Sample> matchNames(llvm::StringRef file, Sample tensors,
                                         llvm::ArrayRef<TensorSpec> specs) {
  std::string wanted = llvm::join(
      llvm::map_range(specs, [](const TensorSpec &spec) { return "'" + spec.name + "'"; }), ", ");
  Sample sorted(specs.size());
  std::vector<bool> isFound(specs.size());
  for (auto &[name, tensor] : tensors) {
    auto spec = llvm::find_if(
        specs, [&, &name = name](const TensorSpec &spec) { return spec.name == name; });
    if (spec == specs.end())
      return makeError(file, "the model has no input '" + name + "'; its inputs are " + wanted);
    size_t index = spec - specs.begin();
    if (isFound[index])
      return makeError(file, "input '" + name + "' is there twice");
    if (tensor.getType() != spec->type)
      return makeError(file, "input '" + name + "': expected " + getName(spec->type) +
                                 ", as the model has it, found " + getName(tensor.getType()));
    isFound[index] = true;
    sorted[index] = {name, std::move(tensor)};
  }
  for (auto [spec, found] : llvm::zip_equal(specs, isFound))
    if (!found)
      return makeError(file, "input '" + spec.name + "' is missing (expected " +
                                 spec.getTypeString() + ")");
  return sorted;
}

static llvm::Expected<uint64_t> hashFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError(path, buffer.getError().message());
  return llvm::xxh3_64bits((*buffer)->getBuffer());
}

static uint64_t combine(llvm::ArrayRef<uint64_t> values) {
  return llvm::xxh3_64bits(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(values.data()),
                                          values.size() * sizeof(uint64_t)));
}

namespace {
/// One `.npz` file with arrays that are cut along their leading dim.
class ArraysData : public CalibrationData {
public:
  static llvm::Expected<std::unique_ptr<CalibrationData>>
  open(llvm::StringRef path, llvm::ArrayRef<TensorSpec> specs, uint64_t limit, uint64_t batch);

  uint64_t getNumSamples() const override { return numSamples; }
  std::string getSampleName(uint64_t index) const override {
    return CalibrationData::getSampleName(index) + " of '" + path + "'";
  }
  llvm::Expected<Sample> getSample(uint64_t index) const override;
  llvm::Expected<uint64_t> getFingerprint() const override;

private:
  /// How an array is cut: `rows` of its leading dim are a run; 0: all runs use all of it.
  struct Cut {
    int64_t rows = 0;
    /// Whether the leading dim is no dim of the input.
    bool dropsDim = false;
  };
  llvm::Error cutArray(const TensorSpec &spec, const HostTensor &array, uint64_t batch);

  std::string path;
  Sample arrays;
  std::vector<Cut> cuts;
  /// Runs that the arrays hold; only those of some arrays: 0.
  uint64_t numSamples = 0, batch = 0;
  std::string counted;
};

/// Files, one run each.
class FilesData : public CalibrationData {
public:
  FilesData(std::vector<std::string> paths, llvm::ArrayRef<TensorSpec> specs)
      : paths(std::move(paths)), specs(specs.begin(), specs.end()) {}

  uint64_t getNumSamples() const override { return paths.size(); }
  std::string getSampleName(uint64_t index) const override {
    return CalibrationData::getSampleName(index) + " ('" + paths[index] + "')";
  }
  llvm::Expected<Sample> getSample(uint64_t index) const override;
  llvm::Expected<uint64_t> getFingerprint() const override;

private:
  std::vector<std::string> paths;
  std::vector<TensorSpec> specs;
};
} // namespace

//===----------------------------------------------------------------------===//
// One file
//===----------------------------------------------------------------------===//

llvm::Error ArraysData::cutArray(const TensorSpec &spec, const HostTensor &array, uint64_t batch) {
  llvm::ArrayRef<int64_t> shape = array.getShape();
  auto mismatch = [&](const llvm::Twine &expected) {
    return makeError(path, "input '" + spec.name + "': expected " + expected + ", found " +
                               describe(array));
  };
  std::string type = spec.getTypeString();
  Cut cut;
  int64_t count = 1;
  if (shape.size() == spec.shape.size() + 1) {
    if (!fits(spec, shape.drop_front()))
      return mismatch("samples of type " + type);
    cut = {1, true};
    count = shape[0];
  } else if (shape.size() == spec.shape.size()) {
    if (shape.empty()) {
      cuts.push_back(cut);
      return llvm::Error::success();
    }
    bool isFixed = !ShapedType::isDynamic(spec.shape[0]);
    if (isFixed && batch && static_cast<uint64_t>(spec.shape[0]) != batch)
      return makeError(path, "input '" + spec.name + "' has type " + type + ", which no batch of " +
                                 llvm::Twine(batch) + " fits");
    int64_t rows = isFixed ? spec.shape[0] : std::max<int64_t>(batch, 1);
    llvm::SmallVector<int64_t> run(shape);
    run[0] = rows;
    if (!fits(spec, run))
      return mismatch("arrays of type " + type + ", or with one more leading dim");
    if (rows == 0 || shape[0] % rows != 0)
      return mismatch("a leading dim that is a multiple of " + llvm::Twine(rows));
    cut.rows = rows;
    count = shape[0] / rows;
    // An input without a batch, such as a table of positions, is the same in all runs.
    if (isFixed && count == 1)
      cut.rows = 0;
  } else {
    return mismatch("arrays of type " + type + ", or with one more leading dim");
  }
  if (count == 0)
    return makeError(path, "input '" + spec.name + "' has no samples: it is " + describe(array));
  cuts.push_back(cut);
  if (!cut.rows)
    return llvm::Error::success();
  if (numSamples && numSamples != static_cast<uint64_t>(count))
    return makeError(path, "input '" + spec.name + "' has " + llvm::Twine(count) +
                               " samples, but input '" + counted + "' has " +
                               llvm::Twine(numSamples));
  numSamples = count;
  counted = spec.name;
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<CalibrationData>> ArraysData::open(llvm::StringRef path,
                                                                  llvm::ArrayRef<TensorSpec> specs,
                                                                  uint64_t limit, uint64_t batch) {
  llvm::Expected<Sample> read = readNpz(path);
  if (!read)
    return read.takeError();
  if (read->empty())
    return makeError(path, "is empty: it has no arrays");
  llvm::Expected<Sample> arrays = matchNames(path, std::move(*read), specs);
  if (!arrays)
    return arrays.takeError();
  auto data = std::make_unique<ArraysData>();
  data->path = path.str();
  data->batch = batch;
  for (auto [spec, array] : llvm::zip_equal(specs, *arrays))
    if (llvm::Error error = data->cutArray(spec, array.second, batch))
      return error;
  data->numSamples = std::max<uint64_t>(data->numSamples, 1);
  if (limit)
    data->numSamples = std::min(data->numSamples, limit);
  data->arrays = std::move(*arrays);
  return data;
}

llvm::Expected<Sample> ArraysData::getSample(uint64_t index) const {
  Sample sample;
  for (const auto &[named, cut] : llvm::zip_equal(arrays, cuts)) {
    const HostTensor &array = named.second;
    if (!cut.rows) {
      sample.push_back(named);
      continue;
    }
    llvm::SmallVector<int64_t> shape(array.getShape());
    int64_t rowBytes = array.getByteSize() / shape[0];
    if (cut.dropsDim)
      shape.erase(shape.begin());
    else
      shape[0] = cut.rows;
    char *begin = array.data() + static_cast<int64_t>(index) * cut.rows * rowBytes;
    sample.emplace_back(
        named.first,
        HostTensor::wrap(array.getType(), shape, std::shared_ptr<char>(array.getStorage(), begin)));
  }
  return sample;
}

llvm::Expected<uint64_t> ArraysData::getFingerprint() const {
  llvm::Expected<uint64_t> hash = hashFile(path);
  if (!hash)
    return hash.takeError();
  return combine({*hash, numSamples, batch});
}

//===----------------------------------------------------------------------===//
// Several files
//===----------------------------------------------------------------------===//

llvm::Expected<Sample> FilesData::getSample(uint64_t index) const {
  llvm::Expected<Sample> read = readNpz(paths[index]);
  if (!read)
    return read.takeError();
  llvm::Expected<Sample> sample = matchNames(paths[index], std::move(*read), specs);
  if (!sample)
    return sample.takeError();
  for (auto [spec, named] : llvm::zip_equal(specs, *sample))
    if (!fits(spec, named.second.getShape()))
      return makeError(paths[index], "input '" + spec.name + "': expected " + spec.getTypeString() +
                                         ", found " + describe(named.second));
  return sample;
}

llvm::Expected<uint64_t> FilesData::getFingerprint() const {
  std::vector<uint64_t> hashes;
  for (const std::string &path : paths) {
    llvm::Expected<uint64_t> hash = hashFile(path);
    if (!hash)
      return hash.takeError();
    hashes.push_back(llvm::xxh3_64bits(llvm::sys::path::filename(path)));
    hashes.push_back(*hash);
  }
  return combine(hashes);
}

/// The `.npz` files of a folder, by name.
static llvm::Expected<std::vector<std::string>> listFolder(llvm::StringRef path) {
  std::vector<std::string> paths;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(path, error), end; it != end && !error;
       it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".npz")
      paths.push_back(it->path());
  if (error)
    return makeError(path, error.message());
  if (paths.empty())
    return makeError(path, "is empty: the folder has no .npz files");
  llvm::sort(paths);
  return paths;
}

/// The paths of a list.
static llvm::Expected<std::vector<std::string>> readList(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return makeError(path, buffer.getError().message());
  llvm::SmallVector<llvm::StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n');
  std::vector<std::string> paths;
  for (llvm::StringRef line : lines) {
    line = line.trim();
    if (line.empty() || line.starts_with("#"))
      continue;
    if (!line.ends_with(".npz"))
      return makeError(path, "expected a list with the path of a .npz file per line, found '" +
                                 line.take_front(80) + "'");
    llvm::SmallString<128> file(line);
    if (!llvm::sys::path::is_absolute(file)) {
      file = llvm::sys::path::parent_path(path);
      llvm::sys::path::append(file, line);
    }
    paths.push_back(file.str().str());
    if (paths.size() > kMaxSamples)
      return makeError(path, "has more than " + llvm::Twine(kMaxSamples) + " lines");
  }
  if (paths.empty())
    return makeError(path, "is empty: the list has no paths");
  return paths;
}

llvm::Expected<std::unique_ptr<CalibrationData>>
compress::openCalibrationData(llvm::StringRef path, llvm::ArrayRef<TensorSpec> specs,
                              uint64_t limit, uint64_t batch) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return makeError(path, error.message());
  bool isFolder = llvm::sys::fs::is_directory(status);
  if (!isFolder && path.ends_with(".npz"))
    return ArraysData::open(path, specs, limit, batch);
  llvm::Expected<std::vector<std::string>> paths = isFolder ? listFolder(path) : readList(path);
  if (!paths)
    return paths.takeError();
  if (limit && paths->size() > limit)
    paths->resize(limit);
  return std::make_unique<FilesData>(std::move(*paths), specs);
}
