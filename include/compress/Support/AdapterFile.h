//===- AdapterFile.h - LoRA adapters in safetensors files -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An adapter as the PEFT library writes it (Hu et al., "LoRA", ICLR 2022): a safetensors file with
// two tensors for every adapted module, and `adapter_config.json` in the same folder.
//
//   [base_model.model.]<module>.lora_A[.<adapter>].weight   [r, in], convolutions [r, in,
//   kernel...] [base_model.model.]<module>.lora_B[.<adapter>].weight   [out, r], convolutions [out,
//   r, 1...] [base_model.model.]<module>.lora_embedding_A[.<adapter>]   [r, vocabulary]
//   [base_model.model.]<module>.lora_embedding_B[.<adapter>]   [width, r]
//
// The module computes `op(x, W) + s B(A(x))` with `s = lora_alpha / r`, or `lora_alpha / sqrt(r)`
// with `use_rslora`.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_ADAPTERFILE_H
#define COMPRESS_SUPPORT_ADAPTERFILE_H

#include "compress/Support/SafeTensors.h"
#include <optional>

namespace mlir::compress {

/// One factor of an adapter, f64 or shorter floats.
struct AdapterTensor {
  /// Key in the file, for diagnostics.
  std::string key;
  DataType type = DataType::F32;
  llvm::SmallVector<int64_t, 4> shape;
};

/// The adapter of one module.
struct AdapterEntry {
  /// Path of the module, without prefix and suffix: `model.layers.0.self_attn.q_proj`.
  std::string module;
  /// Whether the module is an embedding: `a` is then `[r, vocabulary]`.
  bool isEmbedding = false;
  AdapterTensor a, b;
  int64_t rank = 0;
  /// What the product of the factors is multiplied by.
  double scale = 1;
};

/// What `adapter_config.json` says; absent where it says nothing.
struct AdapterConfig {
  std::optional<double> alpha;
  std::optional<int64_t> rank;
  bool useRsLora = false;
  /// The base weight is stored `[in, out]`. The factors are stored in the same way regardless, and
  /// the layout of weights in a module is known, so nothing depends on it.
  bool fanInFanOut = false;
  /// Other values for modules whose path is the key, or ends with a dot and the key.
  std::map<std::string, double> alphaPattern;
  std::map<std::string, int64_t> rankPattern;

  /// Values for a module.
  std::optional<double> getAlpha(llvm::StringRef module) const;
  std::optional<int64_t> getRank(llvm::StringRef module) const;
};

/// Reads the JSON text of an `adapter_config.json`. Errors: no JSON object, more than 64 levels, a
/// value of the wrong kind or out of range, another kind of adapter than LoRA, DoRA, biases.
llvm::Expected<AdapterConfig> parseAdapterConfig(llvm::StringRef text);

/// An adapter file with its keys, shapes and scales checked.
class AdapterFile {
public:
  /// Opens the safetensors file at `path`. `alpha` (finite) is used instead of `lora_alpha`; with 0
  /// it comes from `adapter_config.json` beside the file, which must then be there. Errors name the
  /// file and the key: no adapter, a key that is not of one, a factor without the other, several
  /// adapters of one module, element types that are no floats, shapes whose ranks disagree or are
  /// not those of the configuration.
  static llvm::Expected<AdapterFile> open(llvm::StringRef path, double alpha = 0);

  /// In alphabetical order of the modules.
  const std::vector<AdapterEntry> &getEntries() const { return entries; }
  /// Elements of a factor in row-major order. An error if one is not finite.
  llvm::Expected<std::vector<double>> read(const AdapterTensor &tensor) const;

private:
  explicit AdapterFile(SafeTensorsFile file) : file(std::move(file)) {}
  llvm::Error addKeys();
  llvm::Error addScales(double alpha, const std::optional<AdapterConfig> &config);

  SafeTensorsFile file;
  std::string path;
  std::vector<AdapterEntry> entries;
};

/// How well a name of a module says that an op or a weight belongs to it.
enum class ModuleMatch : uint8_t {
  None,
  /// The path goes on in front of the name: `model.layers.0.fc` and "layers.0.fc".
  Inner,
  /// The name goes on in front of the path: `layers.0.fc` and "/model/layers.0/fc/MatMul".
  Outer,
  /// They are the same.
  Exact,
};

/// Compares a module path with the name of an op or of a weight. Both are cut into words at `/`,
/// `.`, `_` and `:`; what exporters add behind a name is left out: the operator ("MatMul", "Gemm",
/// "Conv", "Gather", with a number), "base_layer", "weight", and endings of rewritten weights.
/// Names that the dynamo exporter makes up ("node_linear_3") only match as a whole.
ModuleMatch matchModule(llvm::StringRef module, llvm::StringRef name);

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_ADAPTERFILE_H
