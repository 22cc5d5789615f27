//===- AdapterFile.cpp - LoRA adapters in safetensors files ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/AdapterFile.h"
#include "compress/Support/NumericFormats.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <cstring>

using namespace llvm;
using namespace mlir;
using namespace mlir::compress;

/// Largest `adapter_config.json`, in bytes.
static constexpr uint64_t kMaxConfigBytes = 1 << 20;
/// Deepest nesting of its JSON.
static constexpr unsigned kMaxConfigDepth = 64;
/// Largest alpha and rank that make sense; products with them stay finite.
static constexpr double kMaxAlpha = 1e30;
static constexpr int64_t kMaxRank = int64_t(1) << 31;

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// Configuration
//===----------------------------------------------------------------------===//

/// The value for `module`, or null: that of the longest key that it is or ends with.
template <typename T>
static const T *findPattern(const std::map<std::string, T> &pattern, StringRef module) {
  const T *found = nullptr;
  size_t length = 0;
  for (const auto &[key, value] : pattern)
    if ((module == key || module.ends_with("." + key)) && (!found || key.size() > length)) {
      found = &value;
      length = key.size();
    }
  return found;
}

std::optional<double> AdapterConfig::getAlpha(StringRef module) const {
  const double *special = findPattern(alphaPattern, module);
  return special ? *special : alpha;
}

std::optional<int64_t> AdapterConfig::getRank(StringRef module) const {
  const int64_t *special = findPattern(rankPattern, module);
  return special ? *special : rank;
}

/// Whether brackets nest deeper than the parser should follow.
static bool isTooDeep(StringRef text) {
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inString = false;
    } else if (c == '"') {
      inString = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxConfigDepth)
        return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

static std::string describe(const json::Value &value) {
  std::string text;
  raw_string_ostream(text) << value;
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

static Error expects(const Twine &key, StringRef what, const json::Value &value) {
  return makeError("'" + key + "' expects " + what + ", got " + describe(value));
}

static Expected<double> getAlphaValue(const Twine &key, const json::Value &value) {
  std::optional<double> number = value.getAsNumber();
  if (!number || !(*number > 0 && *number <= kMaxAlpha))
    return expects(key, "a positive number", value);
  return *number;
}

static Expected<int64_t> getRankValue(const Twine &key, const json::Value &value) {
  std::optional<int64_t> number = value.getAsInteger();
  if (!number || *number < 1 || *number > kMaxRank)
    return expects(key, "a positive integer", value);
  return *number;
}

/// Reads an object of values for some modules.
template <typename T, typename Read>
static Error readPattern(const json::Object &object, StringRef key, Read read,
                         std::map<std::string, T> &pattern) {
  const json::Value *value = object.get(key);
  if (!value || value->kind() == json::Value::Null)
    return Error::success();
  const json::Object *entries = value->getAsObject();
  if (!entries)
    return expects(key, "an object", *value);
  for (const auto &[module, entry] : *entries) {
    StringRef name = module;
    if (name.find_first_of("\\*+?[](){}|^$") != StringRef::npos)
      return makeError("'" + key + "' has the regular expression '" + name +
                       "', which is not supported; write the module's path");
    auto number = read(key + "." + name, entry);
    if (!number)
      return number.takeError();
    pattern[name.str()] = *number;
  }
  return Error::success();
}

static Expected<bool> readFlag(const json::Object &object, StringRef key) {
  const json::Value *value = object.get(key);
  if (!value || value->kind() == json::Value::Null)
    return false;
  std::optional<bool> flag = value->getAsBoolean();
  if (!flag)
    return expects(key, "true or false", *value);
  return *flag;
}

Expected<AdapterConfig> mlir::compress::parseAdapterConfig(StringRef text) {
  if (isTooDeep(text))
    return makeError("its JSON nests deeper than " + Twine(kMaxConfigDepth) + " levels");
  Expected<json::Value> parsed = json::parse(text);
  if (!parsed)
    return parsed.takeError();
  const json::Object *object = parsed->getAsObject();
  if (!object)
    return makeError("expects a JSON object");
  auto isGiven = [&](StringRef key) -> const json::Value * {
    const json::Value *value = object->get(key);
    return value && value->kind() != json::Value::Null ? value : nullptr;
  };

  AdapterConfig config;
  if (const json::Value *type = isGiven("peft_type"))
    if (type->getAsString() != StringRef("LORA"))
      return expects("peft_type", "\"LORA\"", *type);
  if (const json::Value *bias = isGiven("bias"))
    if (bias->getAsString() != StringRef("none"))
      return expects("bias", "\"none\"", *bias);
  for (StringRef key : {"use_dora", "lora_bias"}) {
    Expected<bool> flag = readFlag(*object, key);
    if (!flag)
      return flag.takeError();
    if (*flag)
      return makeError("'" + key + "' is not supported");
  }
  for (auto [key, target] : {std::make_pair("use_rslora", &config.useRsLora),
                             std::make_pair("fan_in_fan_out", &config.fanInFanOut)}) {
    Expected<bool> flag = readFlag(*object, key);
    if (!flag)
      return flag.takeError();
    *target = *flag;
  }
  if (const json::Value *value = isGiven("lora_alpha")) {
    Expected<double> alpha = getAlphaValue("lora_alpha", *value);
    if (!alpha)
      return alpha.takeError();
    config.alpha = *alpha;
  }
  if (const json::Value *value = isGiven("r")) {
    Expected<int64_t> rank = getRankValue("r", *value);
    if (!rank)
      return rank.takeError();
    config.rank = *rank;
  }
  if (Error error = readPattern(*object, "alpha_pattern", getAlphaValue, config.alphaPattern))
    return std::move(error);
  if (Error error = readPattern(*object, "rank_pattern", getRankValue, config.rankPattern))
    return std::move(error);
  return config;
}

/// The configuration in the folder of `path`; nothing if there is none.
static Expected<std::optional<AdapterConfig>> readConfig(StringRef path) {
  SmallString<128> config = sys::path::parent_path(path);
  sys::path::append(config, "adapter_config.json");
  if (!sys::fs::exists(config))
    return std::nullopt;
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(config);
  if (!file)
    return file.takeError();
  if ((*file)->getSize() > kMaxConfigBytes)
    return makeError("'" + config + "' has " + Twine((*file)->getSize()) +
                     " bytes, more than an adapter configuration can have");
  Expected<AdapterConfig> parsed = parseAdapterConfig((*file)->bytes());
  if (!parsed)
    return makeError("'" + config + "': " + toString(parsed.takeError()));
  return *parsed;
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

namespace {
/// A key taken apart.
struct Key {
  StringRef module;
  /// Of "default" in `fc.lora_A.default.weight`; empty if there is none.
  StringRef adapter;
  bool isEmbedding, isB;
};
} // namespace

static std::optional<Key> parseKey(StringRef key) {
  key.consume_front("base_model.model.");
  for (bool isEmbedding : {false, true})
    for (bool isB : {false, true}) {
      std::string word =
          std::string(isEmbedding ? ".lora_embedding_" : ".lora_") + (isB ? "B" : "A");
      size_t at = key.rfind(word);
      if (at == StringRef::npos || at == 0)
        continue;
      StringRef rest = key.drop_front(at + word.size());
      if (!isEmbedding && !rest.consume_back(".weight"))
        continue;
      if (!rest.empty() && (!rest.consume_front(".") || rest.empty()))
        continue;
      return Key{key.take_front(at), rest, isEmbedding, isB};
    }
  return std::nullopt;
}

Error AdapterFile::addKeys() {
  const SafeTensorsHeader &header = file.getHeader();
  struct Pair {
    std::string adapter;
    bool isEmbedding = false;
    std::optional<AdapterTensor> factors[2];
  };
  std::map<std::string, Pair> pairs;
  for (const SafeTensorInfo &info : header.tensors) {
    std::optional<Key> key = parseKey(info.name);
    if (!key)
      return makeError("'" + info.name +
                       "' is not a factor of a LoRA adapter: expects <module>.lora_A.weight, "
                       "<module>.lora_B.weight, <module>.lora_embedding_A or _B");
    Expected<SafeTensorType> type = header.getType(info);
    if (!type)
      return type.takeError();
    if (!llvm::is_contained({DataType::F64, DataType::F32, DataType::F16, DataType::BF16},
                            type->dataType))
      return makeError("'" + info.name + "' has elements of " + info.dtype +
                       "; expects F64, F32, F16 or BF16");
    auto [position, isNew] = pairs.try_emplace(key->module.str());
    Pair &pair = position->second;
    if (isNew) {
      pair.adapter = key->adapter.str();
      pair.isEmbedding = key->isEmbedding;
    }
    if (pair.adapter != key->adapter)
      return makeError("'" + key->module + "' has several adapters, '" + pair.adapter + "' and '" +
                       key->adapter + "'");
    if (pair.isEmbedding != key->isEmbedding || pair.factors[key->isB])
      return makeError("'" + info.name + "' is given twice");
    pair.factors[key->isB] = AdapterTensor{info.name, type->dataType, type->shape};
  }
  if (pairs.empty())
    return makeError("it has no adapters");
  for (auto &[module, pair] : pairs) {
    for (bool isB : {false, true})
      if (!pair.factors[isB])
        return makeError("'" + module + "' has a factor " + (isB ? "A" : "B") + " but no factor " +
                         (isB ? "B" : "A"));
    AdapterEntry entry;
    entry.module = module;
    entry.isEmbedding = pair.isEmbedding;
    entry.a = std::move(*pair.factors[0]);
    entry.b = std::move(*pair.factors[1]);
    for (const AdapterTensor *tensor : {&entry.a, &entry.b})
      if (tensor->shape.size() < 2 || (pair.isEmbedding && tensor->shape.size() != 2) ||
          llvm::is_contained(tensor->shape, 0))
        return makeError("'" + tensor->key + "' expects a matrix that is not empty, got a tensor " +
                         "of rank " + Twine(tensor->shape.size()) + " with " +
                         Twine(tensor->shape.empty() ? 0 : tensor->shape[0]) + " rows");
    // The groups of a convolution leave B only some of the ranks.
    if (entry.a.shape.size() != entry.b.shape.size() || entry.a.shape[0] > kMaxRank ||
        entry.a.shape[0] % entry.b.shape[1] != 0 ||
        (entry.a.shape.size() == 2 && entry.a.shape[0] != entry.b.shape[1]))
      return makeError("the factors of '" + module + "' do not fit together: A has rank " +
                       Twine(entry.a.shape[0]) + ", B " + Twine(entry.b.shape[1]));
    entry.rank = entry.a.shape[0];
    entries.push_back(std::move(entry));
  }
  return Error::success();
}

Error AdapterFile::addScales(double alpha, const std::optional<AdapterConfig> &config) {
  for (AdapterEntry &entry : entries) {
    std::optional<double> chosen = config ? config->getAlpha(entry.module) : std::nullopt;
    if (alpha != 0)
      chosen = alpha;
    if (!chosen)
      return makeError("lora_alpha is not known: give it as the option alpha, or in "
                       "adapter_config.json beside the file");
    if (config)
      if (std::optional<int64_t> rank = config->getRank(entry.module); rank && *rank != entry.rank)
        return makeError("'" + entry.module + "' has the rank " + Twine(entry.rank) +
                         ", but adapter_config.json says " + Twine(*rank));
    double rank = static_cast<double>(entry.rank);
    entry.scale = *chosen / (config && config->useRsLora ? std::sqrt(rank) : rank);
  }
  return Error::success();
}

Expected<AdapterFile> AdapterFile::open(StringRef path, double alpha) {
  if (!std::isfinite(alpha) || std::fabs(alpha) > kMaxAlpha)
    return makeError("alpha expects a finite number");
  Expected<SafeTensorsFile> file = SafeTensorsFile::open(path);
  if (!file)
    return file.takeError();
  auto explain = [&](Error error) {
    return makeError("adapter '" + path + "': " + toString(std::move(error)));
  };
  Expected<std::optional<AdapterConfig>> config = readConfig(path);
  if (!config)
    return config.takeError();
  AdapterFile adapter(std::move(*file));
  adapter.path = path.str();
  if (Error error = adapter.addKeys())
    return explain(std::move(error));
  if (Error error = adapter.addScales(alpha, *config))
    return explain(std::move(error));
  return adapter;
}

Expected<std::vector<double>> AdapterFile::read(const AdapterTensor &tensor) const {
  const SafeTensorInfo *info = file.getHeader().find(tensor.key);
  if (!info)
    return makeError("adapter '" + path + "': '" + tensor.key + "' is gone");
  StringRef bytes = file.getBytes(*info);
  size_t size = getStorageBitWidth(tensor.type) / 8;
  std::vector<double> values(bytes.size() / size);
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * size, size);
    value = decodeFloat(tensor.type, bits);
    if (!std::isfinite(value))
      return makeError("adapter '" + path + "': element " + Twine(i) + " of '" + tensor.key +
                       "' is not finite");
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static SmallVector<StringRef> getWords(StringRef name) {
  SmallVector<StringRef> words;
  while (!name.empty()) {
    size_t end = name.find_first_of("/._:");
    if (StringRef word = name.take_front(end); !word.empty())
      words.push_back(word);
    name = end == StringRef::npos ? StringRef() : name.drop_front(end + 1);
  }
  return words;
}

/// Takes what exporters and passes put behind the name of a module off.
static void dropEndings(SmallVectorImpl<StringRef> &words) {
  static constexpr StringLiteral operators[] = {"MatMul", "Gemm", "Conv", "Gather"};
  static constexpr StringLiteral endings[] = {"weight", "bn", "q", "kept", "dense", "f16", "bf16"};
  unsigned number;
  if (words.size() > 2 && !words.back().getAsInteger(10, number) &&
      llvm::is_contained(operators, words[words.size() - 2]))
    words.pop_back();
  if (words.size() > 1 && llvm::is_contained(operators, words.back()))
    words.pop_back();
  // Endings of weights come behind "weight": a module may be called "q" or "dense".
  auto *weight = llvm::find(llvm::reverse(words), StringRef("weight")).base();
  if (weight != words.begin() && weight - 1 != words.begin() &&
      std::all_of(weight - 1, words.end(),
                  [](StringRef word) { return llvm::is_contained(endings, word); }))
    words.erase(weight - 1, words.end());
  if (words.size() > 2 && words.back() == "layer" && words[words.size() - 2] == "base")
    words.truncate(words.size() - 2);
}

ModuleMatch mlir::compress::matchModule(StringRef module, StringRef name) {
  if (name.empty() || module.empty())
    return ModuleMatch::None;
  SmallVector<StringRef> path = getWords(module), words = getWords(name);
  if (path.empty() || words.empty())
    return ModuleMatch::None;
  if (path == words)
    return ModuleMatch::Exact;
  if (words.front() == "node" || path.front() == "node")
    return ModuleMatch::None;
  dropEndings(words);
  auto endsWith = [](ArrayRef<StringRef> longer, ArrayRef<StringRef> shorter) {
    return longer.size() >= shorter.size() && longer.take_back(shorter.size()) == shorter;
  };
  if (path == words)
    return ModuleMatch::Exact;
  if (endsWith(words, path))
    return ModuleMatch::Outer;
  // One word says little.
  if (words.size() > 1 && endsWith(path, words))
    return ModuleMatch::Inner;
  return ModuleMatch::None;
}
