//===- Quantize.cpp - quantization of weights and activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeight.h"
#include "compress/Dialect/Compress/Transforms/ActivationQuantization.h"
#include "compress/Dialect/Compress/Transforms/BiasCorrection.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_QUANTIZE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

FailureOr<QuantizeSpec> mlir::compress::makeQuantizeSpec(Location loc, StringRef format,
                                                         int64_t group, StringRef granularity,
                                                         StringRef convention, bool asymmetric,
                                                         StringRef activations, StringRef method,
                                                         StringRef more) {
  std::string text = (format + ",method=" + method).str();
  if (group != 0)
    text += ",group=" + std::to_string(group);
  if (!granularity.empty())
    text += (",granularity=" + granularity).str();
  if (asymmetric)
    text += ",asymmetric";
  if (!convention.empty())
    text += (",convention=" + convention).str();
  if (!activations.empty())
    text += (",activations=" + activations).str();
  if (!more.empty())
    text += "," + llvm::join(llvm::split(more, ';'), ",");
  llvm::Expected<QuantizeSpec> spec = parseQuantizeSpec(text);
  if (!spec)
    return emitError(loc) << llvm::toString(spec.takeError());
  auto *dialect = loc.getContext()->getLoadedDialect<CompressDialect>();
  return resolveAuto(*spec, dialect && dialect->getStatistics());
}

BlockChoice mlir::compress::chooseBlock(const QuantizeSpec &spec, const WeightedOp &op) {
  ArrayRef<int64_t> shape = op.chain.getType().getShape();
  BlockChoice choice;
  if (spec.granularity == ScaleGranularity::Tensor ||
      spec.granularity == ScaleGranularity::InputChannel) {
    choice.block.assign(shape.size(), -1);
    if (spec.granularity == ScaleGranularity::Tensor)
      return choice;
    choice.block[op.contractionDims.front()] = 1;
    for (int64_t dim : op.batchDims)
      choice.block[dim] = 1;
    if (failed(getBlockView(shape, choice.block))) {
      choice.block.assign(shape.size(), 1);
      for (int64_t dim : op.outputDims)
        choice.block[dim] = -1;
      choice.perPosition = true;
    }
    return choice;
  }
  choice.block.assign(shape.size(), 1);
  int64_t channels = op.contractionDims.front();
  bool grouped = spec.granularity == ScaleGranularity::Group && shape[channels] >= spec.group;
  if (grouped) {
    choice.block[channels] = spec.group;
    return choice;
  }
  for (int64_t dim : op.contractionDims)
    choice.block[dim] = -1;
  choice.perChannelInstead = spec.granularity == ScaleGranularity::Group;
  if (failed(getBlockView(shape, choice.block))) {
    choice.block.assign(shape.size(), 1);
    choice.block[channels] = -1;
    choice.perPosition = true;
  }
  return choice;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static std::string describeFormat(const QuantizeSpec &spec, const BlockChoice &choice,
                                  bool isMethodUsed) {
  std::string text = getName(spec.format).str();
  if (spec.format == WeightFormat::Pow2 || spec.format == WeightFormat::Palette)
    text += " " + std::to_string(spec.bits) + "-bit";
  FormatFamily family = spec.getInfo().family;
  if (family == FormatFamily::Cast || family == FormatFamily::Palette)
    return text;
  if (spec.granularity == ScaleGranularity::Tensor)
    text += " per tensor";
  else if (spec.granularity == ScaleGranularity::InputChannel)
    text += " per input channel";
  else if (spec.granularity == ScaleGranularity::Channel || choice.perChannelInstead)
    text += " per channel";
  else
    text += " group " + std::to_string(spec.group);
  if (spec.doubleQuantize)
    text += ", scales too";
  if (isMethodUsed && spec.method != QuantizeMethod::Rtn)
    text += (" " + getName(spec.method)).str();
  return text;
}

/// Calls `body` on the threads of the context.
static auto getParallelFor(MLIRContext *context) {
  return [context](size_t n, llvm::function_ref<void(size_t)> body) {
    parallelFor(context, 0, n, body);
  };
}

/// The byte mask of pruned elements, or nothing.
static ArrayRef<uint8_t> getMask(const EncodedWeight &weight) {
  if (weight.pattern && weight.pattern->isDense())
    return weight.pattern->mask;
  return {};
}

/// Notes what quantization does to the outputs: their error, and what has to be added to the bias.
/// `decoded` is the quantized weight if it is known already.
static LogicalResult judge(WeightStore &store, const WeightTask &task, const MatrixView &view,
                           const StoredTensor &dense, FailureOr<StoredTensor> decoded,
                           const InputStatistics &input, WeightOutcome &outcome) {
  const QuantizeSpec &spec = *task.quantize;
  bool wantsError = !input.gram.empty();
  if (!wantsError && !spec.biasCorrection)
    return success();
  if (failed(decoded))
    decoded = decodeWeight(store, outcome.weight, [&] { return task.emitError(); });
  if (failed(decoded))
    return failure();
  if (wantsError)
    std::tie(outcome.outputError, outcome.outputSquares) =
        getOutputError(view, dense, *decoded, input);
  if (!spec.biasCorrection)
    return success();
  std::string reason = explainUnknownMean(task.first(), input.first);
  for (const WeightedOp &user : task.users)
    if (reason.empty())
      reason = explainFixedBias(user);
  if (reason.empty() && task.users.size() > 1)
    reason = "several ops use the weight";
  if (!reason.empty()) {
    outcome.skipped.push_back("the bias is not corrected: " + reason);
    return success();
  }
  outcome.biasDelta = computeBiasDelta(task.first(), dense, *decoded, *input.first);
  outcome.done.push_back("bias corrected");
  return success();
}

LogicalResult mlir::compress::quantizeStep(WeightStore &store, const WeightTask &task,
                                           WeightOutcome &outcome) {
  if (!task.quantize)
    return success();
  EncodedWeight &weight = outcome.weight;
  if (weight.hasCodes()) {
    outcome.skipped.push_back(explainCodes(weight));
    return success();
  }
  if (std::string reason = explainUnfit(weight.type); !reason.empty()) {
    outcome.skipped.push_back(reason);
    return success();
  }
  auto emitError = [&] { return task.emitError(); };
  const QuantizeSpec &spec = *task.quantize;
  const WeightedOp &op = task.first();
  MLIRContext *context = op.op->getContext();
  std::string name = op.chain.getSourceName();
  if (spec.format == WeightFormat::Mixed)
    return emitError() << "weight '" << name
                       << "' has the format mixed; run compress-allocate-bits first";
  if (spec.getInfo().family == FormatFamily::Cast &&
      weight.type.getElementType().getIntOrFloatBitWidth() <= 16) {
    outcome.skipped.push_back("it is stored in 16 bits already");
    return success();
  }
  BlockChoice choice = chooseBlock(spec, op);
  if (failed(widenValues(store, weight, emitError)))
    return failure();
  if (weight.pattern && !weight.pattern->isDense() &&
      failed(expandPattern(store, weight, emitError)))
    return failure();

  MatrixView view(op);
  std::string noGram;
  auto *dialect = context->getLoadedDialect<CompressDialect>();
  InputStatistics input = getInputStatistics(dialect->getStatistics(), task.users, view, noGram);
  std::optional<QuantizedParts> parts;
  std::string note;
  if (spec.method != QuantizeMethod::Rtn && spec.method != QuantizeMethod::Auto) {
    if (std::optional<uint64_t> index = findNonFinite(weight.values))
      return emitError() << "cannot quantize weight '" << name << "': element " << *index
                         << " is not finite";
    std::string reason = noGram;
    auto parallel = getParallelFor(context);
    FailureOr<std::optional<QuantizedParts>> chosen =
        quantizeByMethod(store, weight.values, spec, view, choice.block, getMask(weight), input,
                         parallel, reason, note, emitError);
    if (failed(chosen))
      return failure();
    parts = std::move(*chosen);
    if (!parts)
      outcome.skipped.push_back(
          (getName(spec.method) + " is replaced by rounding to nearest: " + reason).str());
  }
  bool isMethodUsed = parts.has_value();
  if (!parts) {
    FailureOr<QuantizedParts> rounded =
        quantizeDense(store, weight.values, spec, choice.block, name, emitError);
    if (failed(rounded))
      return failure();
    parts = std::move(*rounded);
  }
  StoredTensor dense = std::move(weight.values);
  weight.values = std::move(parts->codes);
  weight.table = std::move(parts->table);
  weight.scales = std::move(parts->scales);
  // What is pruned stays zero, also where no code says so.
  if (ArrayRef<uint8_t> mask = getMask(weight);
      !mask.empty() && !explainNoZeroCode(weight).empty() &&
      failed(applyDenseMask(store, weight, mask, emitError)))
    return failure();
  FailureOr<StoredTensor> decoded = failure();
  const StoredTensor &original = outcome.original ? *outcome.original : dense;
  if (isMethodUsed || outcome.hasNewValues) {
    decoded = decodeWeight(store, weight, emitError);
    if (failed(decoded))
      return failure();
    std::tie(parts->squaredError, parts->sumSquares) = compareFloats(original, *decoded);
    outcome.squaredError = 0;
  }
  if (outcome.sumSquares == 0)
    outcome.sumSquares = parts->sumSquares;
  outcome.squaredError += parts->squaredError;
  outcome.changed = true;
  outcome.done.push_back(describeFormat(spec, choice, isMethodUsed));
  if (!note.empty())
    outcome.done.push_back(note);
  if (failed(judge(store, task, view, original, std::move(decoded), input, outcome)))
    return failure();
  if (choice.perChannelInstead && op.contractionDims.size() > 1)
    outcome.skipped.push_back(
        "per output channel instead of group " + std::to_string(spec.group) + ": only " +
        std::to_string(weight.type.getDimSize(op.contractionDims.front())) + " input channels");
  if (choice.perPosition)
    outcome.skipped.push_back("each kernel position has scales of its own");
  if (spec.activations != ActivationMode::None)
    for (const WeightedOp &user : task.users)
      if (std::string reason = explainFloatActivation(user); !reason.empty())
        outcome.skipped.push_back(reason);
  return success();
}

namespace {
struct Quantize : public compress::impl::QuantizeBase<Quantize> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!format.empty()) {
      FailureOr<QuantizeSpec> spec =
          makeQuantizeSpec(module.getLoc(), format, group, granularity, convention, asymmetric,
                           activations, method, more);
      if (failed(spec))
        return signalPassFailure();
      planAll(module, PlanAttr::getQuantizing(StringAttr::get(&getContext(), toString(*spec))));
    }
    WeightRewriteOptions options{"compress-quantize", "quantize", /*prunes=*/false,
                                 /*quantizes=*/true};
    if (failed(rewriteWeights(module, options, quantizeStep)))
      return signalPassFailure();
    if (failed(quantizeActivations(module)))
      return signalPassFailure();
  }
};
} // namespace
