//===- ActivationCollector.cpp - activations to statistics -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ActivationCollector.h"

using namespace mlir;
using namespace mlir::compress;

/// Bytes that a Gram matrix may take.
static constexpr uint64_t kMaxGramBytes = uint64_t(16) << 30;

static bool has(Collect set, Collect one) { return (set & one) != Collect::None; }

llvm::Error ActivationCollector::start(int64_t channels) {
  ActivationReducer::Options options;
  options.moments = has(collect, Collect::Moments);
  options.movingRange = has(collect, Collect::MovingAverage);
  options.histogram = has(collect, Collect::Histogram);
  if (has(collect, Collect::Gram) && layout.hasGram) {
    int64_t kernelSize = 1;
    for (int64_t size : layout.kernel)
      kernelSize *= size;
    llvm::Expected<GramReducer> created =
        GramReducer::create(channels, layout.groups, kernelSize, cross, kMaxGramBytes);
    if (!created)
      return created.takeError();
    gram.emplace(std::move(*created));
  }
  reducer.emplace(channels, options);
  knownChannels = channels;
  return llvm::Error::success();
}

llvm::Error ActivationCollector::add(const float *values, llvm::ArrayRef<int64_t> shape,
                                     ParallelFor parallelFor, const float *full) {
  // A scalar is a vector of one channel.
  static constexpr int64_t kScalar[] = {1};
  if (shape.empty())
    shape = kScalar;
  size_t channelDim = layout.channelDim;
  if (channelDim >= shape.size())
    return llvm::createStringError("expected channels in dim " + llvm::Twine(channelDim) +
                                   ", found a value of rank " + llvm::Twine(shape.size()));
  if (!reducer)
    if (llvm::Error error = start(shape[channelDim]))
      return error;
  ActivationView view = ActivationView::getDense(values, shape, channelDim);
  if (llvm::Error error = reducer->add(view, parallelFor))
    return error;
  if (!gram)
    return llvm::Error::success();
  std::optional<ActivationView> fullView;
  if (cross && full)
    fullView = ActivationView::getDense(full, shape, channelDim);
  if (!layout.hasWindows())
    return gram->addVectors(view, fullView ? &*fullView : nullptr, parallelFor);
  size_t rank = layout.kernel.size();
  ConvWindows windows;
  windows.kernel = layout.kernel;
  windows.strides = layout.strides;
  windows.dilations = layout.dilations;
  windows.padsBegin.assign(layout.pads.begin(), layout.pads.begin() + rank);
  windows.padsEnd.assign(layout.pads.begin() + rank, layout.pads.end());
  windows.groups = layout.groups;
  return gram->addWindows(view, windows, fullView ? &*fullView : nullptr, parallelFor);
}

TensorStatistics ActivationCollector::take() {
  TensorStatistics result;
  result.channels = knownChannels;
  if (reducer)
    reducer->store(result);
  if (gram)
    std::move(*gram).store(result);
  reducer.reset();
  gram.reset();
  return result;
}
