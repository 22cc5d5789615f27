//===- CollectStreams.cpp - values between the blocks of a network ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileDialects.h"
#include "PassData.h"
#include "PoolParallelFor.h"
#include "compress/Algorithms/BlockInfluence.h"
#include "compress/Analysis/GraphFingerprint.h"
#include "compress/Analysis/ResidualBlocks.h"
#include "compress/Calibration/ObservedSession.h"
#include "compress/Calibration/Passes.h"
#include "compress/Calibration/Streams.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Support/Progress.h"
#include "llvm/ADT/MapVector.h"
#include <deque>

namespace mlir::compress {
#define GEN_PASS_DEF_COLLECTSTREAMS
#include "compress/Calibration/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Streams of functions
//===----------------------------------------------------------------------===//

namespace {
/// A value of a stream, and its vectors that have not been compared yet, one entry per run of the
/// function.
struct Point {
  Value value;
  std::string name;
  /// Whether vectors are along dim 1.
  bool isImage = false;
  std::deque<std::vector<float>> waiting;
};

/// The points of one run of blocks, all of one width.
struct Chain {
  std::vector<Point> points;
  StreamSums sums{0};
  size_t width = 0;

  void add(ParallelFor parallelFor);
};

/// The streams of a function: one chain for each of its runs of blocks.
struct FunctionStream {
  std::string name;
  Location loc;
  std::vector<Chain> chains;

  StreamStatistics takeStatistics() const;
};
} // namespace

/// Compares what all points have.
void Chain::add(ParallelFor parallelFor) {
  while (llvm::all_of(points, [](const Point &point) { return !point.waiting.empty(); })) {
    SmallVector<const float *> values;
    size_t size = points.front().waiting.front().size();
    for (const Point &point : points) {
      values.push_back(point.waiting.front().data());
      size = std::min(size, point.waiting.front().size());
    }
    if (width)
      sums.add(values, size / width, width, parallelFor);
    for (Point &point : points)
      point.waiting.pop_front();
  }
}

/// Points of different runs are not compared: their widths may differ.
StreamStatistics FunctionStream::takeStatistics() const {
  StreamStatistics result;
  size_t total = 0, at = 0;
  for (const Chain &chain : chains)
    total += chain.points.size();
  result.cosine.resize(total * total);
  result.angle.resize(total * total);
  for (const Chain &chain : chains) {
    size_t count = chain.points.size();
    // Runs of blocks see the same samples, but an image has other positions in each stage: sums
    // are for as many vectors as the first one has.
    double scale = 1;
    if (&chain == &chains.front())
      result.vectors = chain.sums.vectors;
    else if (chain.sums.vectors)
      scale = static_cast<double>(result.vectors) / static_cast<double>(chain.sums.vectors);
    for (size_t i = 0; i < count; ++i) {
      result.points.push_back(chain.points[i].name);
      for (size_t j = 0; j < count; ++j) {
        result.cosine[(at + i) * total + at + j] = scale * chain.sums.cosine[i * count + j];
        result.angle[(at + i) * total + at + j] = scale * chain.sums.angle[i * count + j];
      }
    }
    at += count;
  }
  return result;
}

/// The streams of all functions of `module`; the reasons of those that have none.
static std::vector<FunctionStream> findStreams(ModuleOp module, std::string &reasons) {
  std::vector<FunctionStream> streams;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    ResidualBlocks blocks = findResidualBlocks(function);
    if (blocks.runs.empty()) {
      reasons += ("; function '" + function.getSymName() + "': " + blocks.reason).str();
      continue;
    }
    FunctionStream &stream =
        streams.emplace_back(FunctionStream{function.getSymName().str(), function.getLoc(), {}});
    for (const ResidualRun &run : blocks.runs) {
      Chain &chain = stream.chains.emplace_back();
      bool isImage = llvm::any_of(run.front().ops, llvm::IsaPred<ConvOp>);
      for (const ResidualBlock &block : run)
        chain.points.push_back({block.input, block.name, isImage, {}});
      chain.points.push_back({run.back().output, run.back().name + "/end", isImage, {}});
      chain.sums = StreamSums(chain.points.size());
    }
  }
  return streams;
}

static std::string getId(size_t function, size_t chain, size_t point) {
  return ("stream/" + Twine(function) + "/" + Twine(chain) + "/" + Twine(point)).str();
}

static void observe(Value value, StringRef id) {
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  ObserveOp::create(builder, value.getLoc(), value, builder.getStrArrayAttr({id}),
                    builder.getStrArrayAttr({"minmax"}), /*index=*/nullptr,
                    /*element_type=*/nullptr);
}

/// Vectors of a value, one after the other.
static std::vector<float> getVectors(const TensorView &view, bool isImage, size_t &width) {
  const float *data = static_cast<const float *>(view.data);
  int64_t count = 1, inner = 1;
  for (int64_t size : view.shape)
    count *= size;
  if (!isImage || view.shape.size() < 3) {
    width = view.shape.back();
    return std::vector<float>(data, data + count);
  }
  width = view.shape[1];
  for (int64_t size : ArrayRef<int64_t>(view.shape).drop_front(2))
    inner *= size;
  std::vector<float> vectors(count);
  for (int64_t i = 0; i < count; ++i) {
    int64_t position = i % inner, channel = i / inner % width, image = i / inner / width;
    vectors[(image * inner + position) * width + channel] = data[i];
  }
  return vectors;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

llvm::Error mlir::compress::collectStreams(ModuleOp module, const CalibrationData &data,
                                           const CalibrationOptions &options,
                                           Statistics &statistics) {
  uint64_t numSamples = data.getNumSamples();
  if (!numSamples)
    return llvm::createStringError("the calibration data have no samples");
  OwningOpRef<ModuleOp> clone = module.clone();
  std::string reasons;
  std::vector<FunctionStream> streams = findStreams(*clone, reasons);
  if (streams.empty())
    return llvm::createStringError("there are no repeated residual blocks" + reasons);
  llvm::StringMap<std::pair<Chain *, Point *>> byId;
  for (auto [f, stream] : llvm::enumerate(streams))
    for (auto [c, chain] : llvm::enumerate(stream.chains))
      for (auto [p, point] : llvm::enumerate(chain.points)) {
        std::string id = getId(f, c, p);
        byId[id] = {&chain, &point};
        observe(point.value, id);
      }

  SessionOptions sessionOptions;
  sessionOptions.threads = options.threads;
  sessionOptions.dims = options.dims;
  sessionOptions.liveModules.push_back(module);
  llvm::Expected<std::unique_ptr<ObservedSession>> session =
      ObservedSession::create(*clone, {}, sessionOptions);
  if (!session)
    return session.takeError();
  llvm::DefaultThreadPool pool(
      llvm::hardware_concurrency((*session)->getSession().getPlan().threads));
  auto parallelFor = makeParallelFor(pool);
  (*session)->setTap([&](StringRef id, const TensorView &view) -> llvm::Error {
    auto it = byId.find(id);
    if (it == byId.end() || view.type != DataType::F32)
      return llvm::Error::success();
    auto [chain, point] = it->second;
    point->waiting.push_back(getVectors(view, point->isImage, chain->width));
    chain->add(parallelFor);
    return llvm::Error::success();
  });

  if (llvm::Error error = (*session)->runAll(data, options.progress, "compare blocks"))
    return error;

  for (const FunctionStream &stream : streams) {
    uint64_t nonFinite = 0;
    for (const Chain &chain : stream.chains)
      nonFinite += chain.sums.nonFinite;
    if (nonFinite)
      mlir::emitWarning(stream.loc) << "function '" << stream.name << "': " << nonFinite
                                    << " vectors between its blocks have NaN or infinite values; "
                                       "they are left out";
    StreamStatistics entry = stream.takeStatistics();
    if (!entry.vectors)
      mlir::emitWarning(stream.loc) << "the blocks of function '" << stream.name
                                    << "' were never computed: no sample reached them";
    statistics.setStream(stream.name, std::move(entry));
  }
  statistics.samples = std::max(statistics.samples, numSamples);
  statistics.fingerprint = getGraphFingerprint(module);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct CollectStreamsPass : public compress::impl::CollectStreamsBase<CollectStreamsPass> {
  using CollectStreamsBase::CollectStreamsBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    CollectStreamsBase::getDependentDialects(registry);
    addCompileDialects(registry);
  }

  llvm::Error collect(Statistics &statistics) {
    auto samplesOfData = openPassData(getOperation(), "compress-collect-streams", data, samples);
    if (!samplesOfData)
      return samplesOfData.takeError();
    CalibrationOptions options;
    options.threads = threads;
    if (llvm::Error error = collectStreams(getOperation(), **samplesOfData, options, statistics))
      return error;
    return output.empty() ? llvm::Error::success() : statistics.save(output);
  }

  void runOnOperation() override {
    auto *dialect = getContext().getLoadedDialect<CompressDialect>();
    auto statistics = dialect->getStatistics()
                          ? std::make_shared<Statistics>(*dialect->getStatistics())
                          : std::make_shared<Statistics>();
    if (llvm::Error error = collect(*statistics)) {
      getOperation().emitError() << llvm::toString(std::move(error));
      return signalPassFailure();
    }
    dialect->setStatistics(std::move(statistics));
    markAllAnalysesPreserved();
  }
};
} // namespace
