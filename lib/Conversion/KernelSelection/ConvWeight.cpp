//===- ConvWeight.cpp - packs weights for convolution kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvWeight.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Packs one weight.
class Packer {
public:
  Packer(OpBuilder &builder, KernelContext &kernels, Operation *op, const WeightChain &chain,
         ConvRequest &request)
      : builder(builder), kernels(kernels), op(op), chain(chain), request(request),
        shape(chain.getType().getShape()), outputs(shape[0]),
        k(chain.getType().getNumElements() / shape[0]), taps(k / shape[1]),
        name(kernels.getPackName(chain) + ".conv" + std::to_string(kConvRows) + "g" +
             std::to_string(request.groups)) {}

  FailureOr<SmallVector<Value>> pack();
  FailureOr<SmallVector<Value>> packInteger();

private:
  using Fill = function_ref<void(MutableArrayRef<char>)>;

  FailureOr<EncodedWeight> read();
  std::string chooseFormat(const EncodedWeight &weight);
  FailureOr<SmallVector<Value>> packCodes(const EncodedWeight &weight);
  FailureOr<SmallVector<Value>> packDense();
  LogicalResult add(SmallVectorImpl<Value> &operands, const Twine &suffix, RankedTensorType type,
                    Fill fill);
  InFlightDiagnostic emitError() { return op->emitOpError("weight: "); }
  SmallVector<float> getBlockValues(const EncodedWeight &weight, int64_t groups,
                                    function_ref<double(int64_t)> value);

  OpBuilder &builder;
  KernelContext &kernels;
  Operation *op;
  const WeightChain &chain;
  ConvRequest &request;
  ArrayRef<int64_t> shape;
  /// Elements of the contraction, and those of one input channel.
  int64_t outputs, k, taps;
  std::string name;
};
} // namespace

LogicalResult Packer::add(SmallVectorImpl<Value> &operands, const Twine &suffix,
                          RankedTensorType type, Fill fill) {
  FailureOr<Value> value = kernels.createPackedWeight(builder, op->getLoc(), (name + suffix).str(),
                                                      type, [&](MutableArrayRef<char> bytes) {
                                                        fill(bytes);
                                                        return success();
                                                      });
  if (failed(value))
    return failure();
  operands.push_back(*value);
  return success();
}

/// The weight with dense codes.
FailureOr<EncodedWeight> Packer::read() {
  FailureOr<EncodedWeight> weight =
      readEncodedWeight(kernels.store, chain, [&] { return emitError(); });
  if (failed(weight) || !weight->pattern || weight->pattern->isDense())
    return weight;
  if (failed(expandPattern(kernels.store, *weight, [&] { return emitError(); })))
    return failure();
  return weight;
}

/// Sets the format of the codes; why there is none otherwise.
std::string Packer::chooseFormat(const EncodedWeight &weight) {
  if (weight.vectors)
    return "its codes stand for vectors";
  if (weight.table)
    return "its codes are entries of a table";
  if (weight.isCast())
    return "its values are floats of another type";
  if (!weight.scales)
    return "it has no scales";
  DataType type = weight.values.getDataType();
  if (!isInteger(type) || getBitWidth(type) > 8)
    return "its codes are not integers of at most 8 bits";
  if (weight.scales->scale.getDataType() == DataType::F64)
    return "its scales are f64";
  ConvWeight format{ConvWeight::Format::Codes};
  format.bits = getBitWidth(type) <= 2 ? 2 : getBitWidth(type) <= 4 ? 4 : 8;
  format.hasZeroPoints = weight.scales->zeroPoint || !isSigned(type);
  ArrayRef<int64_t> block = weight.scales->block;
  for (auto [dim, size] : llvm::enumerate(block)) {
    if (dim == 0 || size < 0 || size >= shape[dim])
      continue;
    if (dim > 1)
      return "its scales are per tap";
    format.group = size * taps;
  }
  if (format.group % 8)
    return "its groups are no multiple of 8 elements";
  request.weight = format;
  return "";
}

/// A value for every output and each of its `groups` scale groups.
SmallVector<float> Packer::getBlockValues(const EncodedWeight &weight, int64_t groups,
                                          function_ref<double(int64_t)> value) {
  ArrayRef<int64_t> block = weight.scales->block;
  SmallVector<float> values;
  for (int64_t output = 0; output < outputs; ++output) {
    int64_t row = block.empty() || block[0] < 0 ? 0 : output / block[0];
    for (int64_t group = 0; group < groups; ++group)
      values.push_back(static_cast<float>(value(row * groups + group)));
  }
  return values;
}

FailureOr<SmallVector<Value>> Packer::packCodes(const EncodedWeight &weight) {
  MLIRContext *context = builder.getContext();
  DataType type = weight.values.getDataType();
  const ConvWeight &format = request.weight;
  // Packed codes are unsigned.
  int64_t excess = isSigned(type) ? int64_t(1) << (format.bits - 1) : 0;
  std::string suffix = "." + format.getName();
  SmallVector<Value> operands;
  auto fillCodes = [&](MutableArrayRef<char> bytes) {
    std::vector<uint8_t> codes(outputs * k);
    for (int64_t i = 0; i < outputs * k; ++i)
      codes[i] = static_cast<uint8_t>(readPacked(type, weight.values.bytes(), i) + excess);
    packConvCodes(request, k, codes.data(), reinterpret_cast<uint8_t *>(bytes.data()));
  };
  RankedTensorType codesType = getConvCodesType(request, k, IntegerType::get(context, 8));
  if (failed(add(operands, suffix, codesType, fillCodes)))
    return failure();

  int64_t groups = format.group ? (k + format.group - 1) / format.group : 1;
  RankedTensorType scalesType = getConvScalesType(request, k, Float32Type::get(context));
  auto addBlocks = [&](const Twine &kind, function_ref<double(int64_t)> value) {
    return add(operands, suffix + kind, scalesType, [&](MutableArrayRef<char> bytes) {
      SmallVector<float> values = getBlockValues(weight, groups, value);
      packConvScales(request, k, values.data(), reinterpret_cast<float *>(bytes.data()));
    });
  };
  std::vector<double> scales = toDoubles(weight.scales->scale);
  if (failed(addBlocks(".scale", [&](int64_t i) { return scales[i]; })))
    return failure();
  SmallVector<int64_t> zeros = getZeroPoints(weight);
  auto getZero = [&](int64_t i) {
    return static_cast<double>((zeros.empty() ? 0 : zeros[i]) + excess);
  };
  if (format.hasZeroPoints && failed(addBlocks(".zero", getZero)))
    return failure();
  return operands;
}

FailureOr<SmallVector<Value>> Packer::packDense() {
  request.weight = {};
  SmallVector<Value> operands;
  RankedTensorType type = getConvPanelType(request, k, builder.getF32Type());
  FailureOr<Value> value = kernels.createPackedWeight(
      builder, op->getLoc(), name, type, [&](MutableArrayRef<char> bytes) -> LogicalResult {
        auto onError = [&] { return emitError(); };
        FailureOr<StoredTensor> dense =
            chain.isDense() ? StoredTensor::read(kernels.store, chain.source, onError)
                            : decodeChain(kernels.store, chain, onError);
        if (failed(dense))
          return failure();
        packConvPanels(request, k, reinterpret_cast<const float *>(dense->bytes().data()),
                       reinterpret_cast<float *>(bytes.data()));
        return success();
      });
  if (failed(value))
    return failure();
  operands.push_back(*value);
  return operands;
}

FailureOr<SmallVector<Value>> Packer::pack() {
  if (chain.isDense())
    return packDense();
  std::string reason = explainUnsupported(chain);
  if (reason.empty()) {
    FailureOr<EncodedWeight> weight = read();
    if (failed(weight))
      return failure();
    reason = chooseFormat(*weight);
    ConvRequest dense = request;
    dense.weight = {};
    if (reason.empty() && dense.isDepthwise())
      reason = "kernels for single channels read f32";
    if (reason.empty())
      return packCodes(*weight);
  }
  std::string text = "'" + chain.getSourceName() + "' is decoded at compile time: " + reason;
  remark::missed(op->getLoc(), remark::RemarkOpts::name("dense-weight").category("kernels"))
      << text;
  return packDense();
}

FailureOr<SmallVector<Value>> Packer::packInteger() {
  SmallVector<Value> operands;
  if (chain.isDense() || !explainUnsupported(chain).empty())
    return operands;
  FailureOr<EncodedWeight> weight = read();
  if (failed(weight))
    return failure();
  if (!chooseFormat(*weight).empty() || request.weight.group)
    return operands;
  // Codes without their zero point.
  DataType type = weight->values.getDataType();
  SmallVector<int64_t> zeros = getZeroPoints(*weight);
  SmallVector<float> zeroOf =
      getBlockValues(*weight, 1, [&](int64_t i) { return zeros.empty() ? 0.0 : double(zeros[i]); });
  std::vector<int8_t> codes(outputs * k);
  std::vector<int32_t> sums(outputs);
  for (int64_t i = 0; i < outputs * k; ++i) {
    int64_t code =
        readPacked(type, weight->values.bytes(), i) - static_cast<int64_t>(zeroOf[i / k]);
    if (!llvm::isInt<8>(code))
      return operands;
    codes[i] = static_cast<int8_t>(code);
    sums[i / k] += static_cast<int32_t>(code);
  }
  request.weight = {ConvWeight::Format::Integer};
  const CpuTarget &target = kernels.library.getTarget();
  Type i32 = builder.getI32Type();
  std::string suffix = target.vnni ? ".int8" : ".int16";
  RankedTensorType codesType = getConvIntegerType(target, request, shape[1], i32);
  if (request.isDepthwise()) {
    suffix = ".float8";
    codesType = getConvPanelType(request, k, builder.getF32Type());
  }
  auto fillCodes = [&](MutableArrayRef<char> bytes) {
    if (request.isDepthwise()) {
      std::vector<float> floats(codes.begin(), codes.end());
      packConvPanels(request, k, floats.data(), reinterpret_cast<float *>(bytes.data()));
      return;
    }
    packConvInteger(target, request, shape[1], codes.data(),
                    reinterpret_cast<uint32_t *>(bytes.data()));
  };
  std::vector<double> scales = toDoubles(weight->scales->scale);
  auto fillScales = [&](MutableArrayRef<char> bytes) {
    SmallVector<float> values = getBlockValues(*weight, 1, [&](int64_t i) { return scales[i]; });
    llvm::copy(values, reinterpret_cast<float *>(bytes.data()));
  };
  auto fillSums = [&](MutableArrayRef<char> bytes) {
    llvm::copy(sums, reinterpret_cast<int32_t *>(bytes.data()));
  };
  if (failed(add(operands, suffix, codesType, fillCodes)) ||
      failed(add(operands, suffix + ".scale",
                 RankedTensorType::get({outputs}, builder.getF32Type()), fillScales)) ||
      failed(add(operands, suffix + ".sum", RankedTensorType::get({outputs}, i32), fillSums)))
    return failure();
  return operands;
}

FailureOr<SmallVector<Value>> compress::packConvWeight(OpBuilder &builder, KernelContext &kernels,
                                                       Operation *op, const WeightChain &chain,
                                                       ConvRequest &request) {
  return Packer(builder, kernels, op, chain, request).pack();
}

FailureOr<SmallVector<Value>> compress::packIntegerConvWeight(OpBuilder &builder,
                                                              KernelContext &kernels, Operation *op,
                                                              const WeightChain &chain,
                                                              ConvRequest &request) {
  return Packer(builder, kernels, op, chain, request).packInteger();
}
