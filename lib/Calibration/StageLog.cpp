//===- StageLog.cpp - what is done of a sequential run -------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StageLog.h"
#include "compress/Support/OutputFile.h"
#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;
namespace json = llvm::json;

static constexpr StringLiteral kMagic = "CMPRSTG1";

//===----------------------------------------------------------------------===//
// Folder and files
//===----------------------------------------------------------------------===//

static llvm::Error writeFile(StringRef path, ArrayRef<StringRef> pieces) {
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  for (StringRef piece : pieces)
    (*file)->os() << piece;
  return (*file)->keep();
}

llvm::Expected<std::unique_ptr<StageLog>> StageLog::open(StringRef folder, uint64_t fingerprint) {
  if (std::error_code code = llvm::sys::fs::create_directories(folder))
    return llvm::createStringError("cannot make the folder '" + folder +
                                   "' to resume from: " + code.message());
  auto log = std::make_unique<StageLog>();
  log->folder = folder.str();
  SmallString<128> path(folder);
  llvm::sys::path::append(path, "run");
  std::string text = "compress sequential run 1 " + llvm::utohexstr(fingerprint, true, 16) + "\n";
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    std::error_code code;
    llvm::sys::fs::directory_iterator first(folder, code);
    if (!code && first != llvm::sys::fs::directory_iterator())
      return llvm::createStringError("the folder '" + folder +
                                     "' is not empty and holds no run to resume from");
    if (llvm::Error error = writeFile(path, {text}))
      return error;
    return log;
  }
  if ((*buffer)->getBuffer() != text)
    return llvm::createStringError(
        "the folder '" + folder +
        "' holds a run with another model, other calibration data or another recipe; resume with "
        "those, or name another folder");
  return log;
}

std::string StageLog::getPath(size_t stage) const {
  SmallString<128> path(folder);
  std::string number = std::to_string(stage);
  llvm::sys::path::append(
      path, "stage-" + std::string(number.size() < 5 ? 5 - number.size() : 0, '0') + number);
  return std::string(path);
}

llvm::Error StageLog::begin(size_t number) {
  stage = number;
  replay = false;
  records.clear();
  std::string path = getPath(stage);
  if (!llvm::sys::fs::exists(path))
    return llvm::Error::success();
  auto damaged = [&](const Twine &what) {
    return llvm::createStringError("'" + path + "' is damaged (" + what +
                                   "); remove it to do the stage again");
  };
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return damaged(buffer.getError().message());
  StringRef text = (*buffer)->getBuffer();
  if (text.size() < 24 || !text.starts_with(kMagic))
    return damaged("it is no stage");
  uint64_t hash = llvm::support::endian::read64le(text.end() - 8);
  text = text.drop_back(8);
  if (llvm::xxh3_64bits(text) != hash)
    return damaged("its hash is wrong");
  uint64_t length = llvm::support::endian::read64le(text.data() + 8);
  text = text.drop_front(16);
  if (length > text.size())
    return damaged("it is too short");
  llvm::Expected<json::Value> parsed = json::parse(text.take_front(length));
  if (!parsed)
    return damaged(llvm::toString(parsed.takeError()));
  text = text.drop_front(length);
  json::Array *list = parsed->getAsArray();
  if (!list)
    return damaged("it has no list of weights");
  for (json::Value &value : *list) {
    json::Object *object = value.getAsObject();
    std::optional<StringRef> key = object ? object->getString("key") : std::nullopt;
    std::optional<int64_t> size = object ? object->getInteger("bytes") : std::nullopt;
    if (!key || !size || *size < 0 || static_cast<uint64_t>(*size) > text.size())
      return damaged("a weight has no name or too few bytes");
    std::string name = key->str();
    records[name] = {std::move(*object), text.take_front(*size).str()};
    text = text.drop_front(*size);
  }
  replay = true;
  return llvm::Error::success();
}

llvm::Error StageLog::finish() {
  if (replay)
    return llvm::Error::success();
  json::Array list;
  std::string bytes;
  for (auto &[key, record] : records) {
    record.description["key"] = key;
    record.description["bytes"] = static_cast<int64_t>(record.bytes.size());
    list.push_back(std::move(record.description));
    bytes += record.bytes;
  }
  records.clear();
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(list));
  std::string whole = kMagic.str();
  whole.resize(16);
  llvm::support::endian::write64le(whole.data() + 8, text.size());
  whole += text;
  whole += bytes;
  char hash[8];
  llvm::support::endian::write64le(hash, llvm::xxh3_64bits(whole));
  return writeFile(getPath(stage), {whole, StringRef(hash, 8)});
}

//===----------------------------------------------------------------------===//
// Writing outcomes
//===----------------------------------------------------------------------===//

static std::string toText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static std::string toText(double value) {
  return llvm::utohexstr(llvm::bit_cast<uint64_t>(value), true, 16);
}

/// Adds bytes to those of the record and says where they are.
static json::Object addBytes(std::string &bytes, const void *data, size_t size) {
  json::Object place{{"offset", static_cast<int64_t>(bytes.size())},
                     {"size", static_cast<int64_t>(size)}};
  bytes.append(static_cast<const char *>(data), size);
  return place;
}

/// A new tensor with its bytes; one that the module had stays what it was.
static json::Value describe(std::string &bytes, const StoredTensor &tensor) {
  if (!tensor.isNewTensor())
    return json::Value("kept");
  json::Object place = addBytes(bytes, tensor.bytes().data(), tensor.bytes().size());
  place["type"] = toText(tensor.getType());
  return place;
}

static json::Object describe(std::string &bytes, const EncodedWeight::Scales &scales) {
  json::Object result{{"block", json::Array(scales.block)},
                      {"scale", describe(bytes, scales.scale)}};
  if (scales.zeroPoint)
    result["zero_point"] = describe(bytes, *scales.zeroPoint);
  if (auto *nested = std::get_if<NestedScales>(&scales.storage))
    result["nested"] = json::Object{{"codes", describe(bytes, nested->codes)},
                                    {"factor", describe(bytes, nested->factor)}};
  else if (auto *twice = std::get_if<DoubleScales>(&scales.storage))
    result["double"] = json::Object{{"codes", describe(bytes, twice->codes)},
                                    {"table", describe(bytes, twice->table)},
                                    {"scale", describe(bytes, twice->scale)},
                                    {"offset", describe(bytes, twice->offset)},
                                    {"block", twice->block}};
  else if (std::holds_alternative<ScaleExpression>(scales.storage))
    result["expression"] = "kept";
  return result;
}

static json::Object describe(std::string &bytes, const EncodedWeight &weight) {
  json::Object result{{"type", toText(weight.type)}, {"values", describe(bytes, weight.values)}};
  if (weight.pattern) {
    const EncodedWeight::Pattern &pattern = *weight.pattern;
    json::Object description{{"kind", pattern.isBitmap() ? "bitmap" : "n:m"},
                             {"n", static_cast<int64_t>(pattern.nm.n)},
                             {"m", static_cast<int64_t>(pattern.nm.m)},
                             {"axis", pattern.axis},
                             {"fill", pattern.fill}};
    if (pattern.isDense())
      description["mask"] = addBytes(bytes, pattern.mask.data(), pattern.mask.size());
    else
      description["positions"] = describe(bytes, pattern.positions);
    result["pattern"] = std::move(description);
  }
  if (weight.table)
    result["table"] = describe(bytes, *weight.table);
  if (!weight.tableBlock.empty())
    result["table_block"] = json::Array(weight.tableBlock);
  if (weight.vectors)
    result["vectors"] = json::Object{{"tables", describe(bytes, weight.vectors->tables)},
                                     {"axis", weight.vectors->axis}};
  if (weight.scales)
    result["scales"] = describe(bytes, *weight.scales);
  if (weight.mask)
    result["mask"] = describe(bytes, *weight.mask);
  return result;
}

static json::Array toJson(ArrayRef<std::string> texts) {
  json::Array result;
  for (const std::string &text : texts)
    result.push_back(json::fixUTF8(text));
  return result;
}

//===----------------------------------------------------------------------===//
// Reading outcomes
//===----------------------------------------------------------------------===//

namespace {
/// Reads what `describe` has written. After the first problem everything fails.
class OutcomeReader {
public:
  OutcomeReader(StringRef bytes, WeightStore &store, MLIRContext *context, EmitErrorFn emitError)
      : bytes(bytes), store(store), context(context), emitError(emitError) {}

  FailureOr<ArrayRef<char>> readBytes(const json::Object *place) {
    std::optional<int64_t> offset = place ? place->getInteger("offset") : std::nullopt;
    std::optional<int64_t> size = place ? place->getInteger("size") : std::nullopt;
    if (!offset || !size || *offset < 0 || *size < 0 ||
        static_cast<uint64_t>(*offset) > bytes.size() ||
        static_cast<uint64_t>(*size) > bytes.size() - static_cast<uint64_t>(*offset))
      return fail("bytes are missing");
    return ArrayRef(bytes.data() + *offset, static_cast<size_t>(*size));
  }

  FailureOr<RankedTensorType> readType(const json::Object &object) {
    std::optional<StringRef> text = object.getString("type");
    auto type =
        text ? dyn_cast_or_null<RankedTensorType>(parseType(*text, context)) : RankedTensorType();
    if (!type)
      return fail("a type is missing");
    return type;
  }

  /// The tensor `name`; `kept` is what the weight had before.
  LogicalResult read(const json::Object &object, StringRef name, StoredTensor *kept,
                     StoredTensor &result) {
    const json::Value *value = object.get(name);
    if (value && value->getAsString() == "kept") {
      if (!kept)
        return fail("the weight had no tensor '" + name + "'");
      result = std::move(*kept);
      return success();
    }
    const json::Object *place = value ? value->getAsObject() : nullptr;
    if (!place)
      return fail("the tensor '" + name + "' is missing");
    FailureOr<RankedTensorType> type = readType(*place);
    FailureOr<ArrayRef<char>> data = readBytes(place);
    if (failed(type) || failed(data))
      return failure();
    FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, *type, emitError);
    if (failed(tensor))
      return failure();
    if (tensor->bytes().size() != data->size())
      return fail("the tensor '" + name + "' has a wrong size");
    if (!data->empty())
      std::memcpy(tensor->mutableBytes().data(), data->data(), data->size());
    result = std::move(*tensor);
    return success();
  }

  LogicalResult read(const json::Object &object, EncodedWeight::Scales *kept,
                     EncodedWeight::Scales &result) {
    const json::Array *block = object.getArray("block");
    if (!block)
      return fail("a block is missing");
    for (const json::Value &size : *block)
      result.block.push_back(size.getAsInteger().value_or(0));
    if (failed(read(object, "scale", kept ? &kept->scale : nullptr, result.scale)))
      return failure();
    if (object.get("zero_point")) {
      StoredTensor *old = kept && kept->zeroPoint ? &*kept->zeroPoint : nullptr;
      if (failed(read(object, "zero_point", old, result.zeroPoint.emplace())))
        return failure();
    }
    if (const json::Object *nested = object.getObject("nested")) {
      auto *old = kept ? std::get_if<NestedScales>(&kept->storage) : nullptr;
      NestedScales scales;
      if (failed(read(*nested, "codes", old ? &old->codes : nullptr, scales.codes)) ||
          failed(read(*nested, "factor", old ? &old->factor : nullptr, scales.factor)))
        return failure();
      result.storage = std::move(scales);
    } else if (const json::Object *twice = object.getObject("double")) {
      auto *old = kept ? std::get_if<DoubleScales>(&kept->storage) : nullptr;
      DoubleScales scales;
      scales.block = twice->getInteger("block").value_or(256);
      if (failed(read(*twice, "codes", old ? &old->codes : nullptr, scales.codes)) ||
          failed(read(*twice, "table", old ? &old->table : nullptr, scales.table)) ||
          failed(read(*twice, "scale", old ? &old->scale : nullptr, scales.scale)) ||
          failed(read(*twice, "offset", old ? &old->offset : nullptr, scales.offset)))
        return failure();
      result.storage = std::move(scales);
    } else if (object.get("expression")) {
      if (!kept)
        return fail("the weight had no scales");
      result.storage = std::move(kept->storage);
    }
    return success();
  }

  LogicalResult read(const json::Object &object, EncodedWeight &kept, EncodedWeight &result) {
    FailureOr<RankedTensorType> type = readType(object);
    if (failed(type))
      return failure();
    result.type = *type;
    if (failed(read(object, "values", &kept.values, result.values)))
      return failure();
    if (const json::Object *description = object.getObject("pattern")) {
      EncodedWeight::Pattern &pattern = result.pattern.emplace();
      std::optional<StringRef> kind = description->getString("kind");
      if (!kind || (*kind != "bitmap" && *kind != "n:m"))
        return fail("a pattern is of another kind");
      pattern.kind = *kind == "bitmap" ? EncodedWeight::Pattern::Kind::Bitmap
                                       : EncodedWeight::Pattern::Kind::NM;
      pattern.nm.n = description->getInteger("n").value_or(0);
      pattern.nm.m = description->getInteger("m").value_or(0);
      pattern.axis = description->getInteger("axis").value_or(0);
      pattern.fill = description->getInteger("fill").value_or(0);
      if (!pattern.nm.isValid())
        return fail("a pattern is wrong");
      if (const json::Object *place = description->getObject("mask")) {
        FailureOr<ArrayRef<char>> mask = readBytes(place);
        if (failed(mask))
          return failure();
        pattern.mask.assign(mask->begin(), mask->end());
      } else {
        StoredTensor *old = kept.pattern ? &kept.pattern->positions : nullptr;
        if (failed(read(*description, "positions", old, pattern.positions)))
          return failure();
      }
    }
    if (object.get("table"))
      if (failed(
              read(object, "table", kept.table ? &*kept.table : nullptr, result.table.emplace())))
        return failure();
    if (const json::Array *block = object.getArray("table_block"))
      for (const json::Value &size : *block)
        result.tableBlock.push_back(size.getAsInteger().value_or(0));
    if (const json::Object *vectors = object.getObject("vectors")) {
      EncodedWeight::Vectors &read = result.vectors.emplace();
      read.axis = vectors->getInteger("axis").value_or(-1);
      StoredTensor *old = kept.vectors ? &kept.vectors->tables : nullptr;
      if (read.axis < 0 || read.axis >= result.type.getRank())
        return fail("the axis of vectors is wrong");
      if (failed(this->read(*vectors, "tables", old, read.tables)))
        return failure();
      if (read.tables.getType().getRank() != 4)
        return fail("the tables of vectors are wrong");
    }
    if (const json::Object *scales = object.getObject("scales"))
      if (failed(read(*scales, kept.scales ? &*kept.scales : nullptr, result.scales.emplace())))
        return failure();
    if (object.get("mask"))
      if (failed(read(object, "mask", kept.mask ? &*kept.mask : nullptr, result.mask.emplace())))
        return failure();
    return success();
  }

  LogicalResult readNumber(const json::Object &object, StringRef name, double &result) {
    std::optional<StringRef> text = object.getString(name);
    uint64_t bits = 0;
    if (!text || text->getAsInteger(16, bits))
      return fail("the number '" + name + "' is missing");
    result = llvm::bit_cast<double>(bits);
    return success();
  }

  template <typename Texts>
  LogicalResult readTexts(const json::Object &object, StringRef name, Texts &result) {
    const json::Array *texts = object.getArray(name);
    if (!texts)
      return fail("the list '" + name + "' is missing");
    result.clear();
    for (const json::Value &text : *texts)
      result.push_back(text.getAsString().value_or("").str());
    return success();
  }

private:
  LogicalResult fail(const Twine &what) {
    return emitError() << "the folder to resume from does not fit: " << what;
  }

  StringRef bytes;
  WeightStore &store;
  MLIRContext *context;
  EmitErrorFn emitError;
};
} // namespace

LogicalResult StageLog::restore(const Record &record, WeightStore &store, const WeightTask &task,
                                WeightOutcome &outcome) const {
  const json::Object &object = record.description;
  auto emitError = [&] { return task.emitError(); };
  OutcomeReader reader(record.bytes, store, task.first().op->getContext(), emitError);
  if (failed(reader.readTexts(object, "done", outcome.done)) ||
      failed(reader.readTexts(object, "skipped", outcome.skipped)) ||
      failed(reader.readNumber(object, "squared_error", outcome.squaredError)) ||
      failed(reader.readNumber(object, "sum_squares", outcome.sumSquares)))
    return failure();
  if (object.get("output_error") &&
      failed(reader.readNumber(object, "output_error", outcome.outputError.emplace())))
    return failure();
  if (object.get("output_squares") &&
      failed(reader.readNumber(object, "output_squares", outcome.outputSquares.emplace())))
    return failure();
  if (object.get("sparsity") &&
      failed(reader.readNumber(object, "sparsity", outcome.sparsity.emplace())))
    return failure();
  if (const json::Object *place = object.getObject("bias_delta")) {
    FailureOr<ArrayRef<char>> data = reader.readBytes(place);
    if (failed(data))
      return failure();
    outcome.biasDelta.resize(data->size() / sizeof(double));
    std::memcpy(outcome.biasDelta.data(), data->data(),
                data->size() / sizeof(double) * sizeof(double));
  }
  const json::Object *weight = object.getObject("weight");
  outcome.changed = weight;
  if (!weight)
    return success();
  EncodedWeight kept = std::move(outcome.weight);
  outcome.weight = EncodedWeight();
  return reader.read(*weight, kept, outcome.weight);
}

LogicalResult StageLog::runStep(WeightStep step, WeightStore &store, const WeightTask &task,
                                WeightOutcome &outcome) {
  std::string key = task.first().name + "/" + task.first().chain.getSourceName();
  if (replay) {
    auto record = records.find(key);
    if (record == records.end())
      return task.emitError() << "the folder to resume from has nothing for weight '"
                              << task.first().chain.getSourceName() << "' of \""
                              << task.first().name << "\"";
    return restore(record->second, store, task, outcome);
  }
  if (failed(step(store, task, outcome)))
    return failure();
  Record record;
  json::Object &object = record.description;
  object["done"] = toJson(outcome.done);
  object["skipped"] = toJson(outcome.skipped);
  object["squared_error"] = toText(outcome.squaredError);
  object["sum_squares"] = toText(outcome.sumSquares);
  if (outcome.outputError)
    object["output_error"] = toText(*outcome.outputError);
  if (outcome.outputSquares)
    object["output_squares"] = toText(*outcome.outputSquares);
  if (outcome.sparsity)
    object["sparsity"] = toText(*outcome.sparsity);
  if (!outcome.biasDelta.empty())
    object["bias_delta"] =
        addBytes(record.bytes, outcome.biasDelta.data(), outcome.biasDelta.size() * sizeof(double));
  if (outcome.changed)
    object["weight"] = describe(record.bytes, outcome.weight);
  std::lock_guard lock(mutex);
  records[key] = std::move(record);
  return success();
}
