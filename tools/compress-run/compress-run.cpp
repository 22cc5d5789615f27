//===- compress-run.cpp - compile a model and run it -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunInputs.h"
#include "RunOptions.h"

#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Pipelines/ToolContext.h"
#include "compress/Support/NumericFormats.h"
#include "compress/Target/ONNX/Import.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include <chrono>

using namespace mlir;
using namespace mlir::compress;

static int fail(const Twine &message, int code) {
  llvm::errs() << "compress-run: " << message << "\n";
  return code;
}

static int fail(llvm::Error error, int code) {
  return fail(llvm::toString(std::move(error)), code);
}

/// Whether the file starts as an archive does.
static bool isArchive(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFileSlice(path, 8, 0);
  return buffer && (*buffer)->getBuffer() == StringRef("CMPRARC\0", 8);
}

/// Reads and compresses the model; a null module after a message.
static OwningOpRef<ModuleOp> readModel(const RunOptions &options, MLIRContext &context,
                                       llvm::SourceMgr &sources) {
  OwningOpRef<ModuleOp> module;
  if (StringRef(options.model).ends_with(".onnx")) {
    context.loadAllAvailableDialects();
    onnx::ImportOptions import;
    // The module does not outlive this process.
    import.hashWeights = false;
    FailureOr<OwningOpRef<ModuleOp>> imported = onnx::importOnnx(options.model, &context, import);
    if (succeeded(imported))
      module = std::move(*imported);
  } else {
    module = parseSourceFile<ModuleOp>(options.model, sources, &context);
  }
  if (!module || !options.compresses())
    return module;
  PassManager pm(&context, ModuleOp::getOperationName());
  CompressPipelineOptions pipeline;
  pipeline.setFlags(options.flags);
  buildCompressPipeline(pm, pipeline);
  if (failed(pm.run(*module)))
    return {};
  WeightStore(&context).collect(*module);
  return module;
}

/// Compiles the model; all that only the compiler needs is freed. An exit code after a message.
static int makeSession(const RunOptions &options, std::unique_ptr<Session> &session) {
  if (isArchive(options.model)) {
    if (options.compresses() || !options.session.dims.empty())
      return fail("a compiled model cannot be compressed, and its dims are fixed already", 2);
    llvm::Expected<std::unique_ptr<Session>> loaded =
        Session::load(options.model, options.session.threads);
    if (!loaded)
      return fail(loaded.takeError(), 2);
    session = std::move(*loaded);
    return 0;
  }
  DialectRegistry registry;
  Session::registerDialects(registry);
  ToolContext::add(registry, llvm::sys::path::parent_path(options.model), nullptr,
                   options.memoryLimit);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = readModel(options, context, sources);
  if (!module)
    return 2;
  llvm::Expected<std::unique_ptr<Session>> created =
      Session::create(std::move(module), options.session);
  if (created) {
    session = std::move(*created);
    return 0;
  }
  llvm::Error error = created.takeError();
  int code = error.isA<UnsupportedError>() ? 3 : 2;
  std::string message = llvm::toString(std::move(error));
  return fail(message, StringRef(message).starts_with("internal error") ? 1 : code);
}

/// One line about an output: name, type, smallest, largest and mean value.
static void summarise(llvm::raw_ostream &os, const TensorSpec &spec, const HostTensor &tensor) {
  os << spec.name << ": " << getName(tensor.getType()) << "[";
  llvm::interleave(tensor.getShape(), os, ",");
  os << "]";
  int64_t count = tensor.getNumElements();
  DataTypeClass kind = getClass(tensor.getType());
  if (count == 0 || kind == DataTypeClass::Complex)
    return void(os << "\n");
  int64_t bytes = llvm::cantFail(getMemoryBytes(tensor.getType()));
  double least = INFINITY, most = -INFINITY, sum = 0;
  int64_t nans = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, tensor.data() + i * bytes, bytes);
    double value = kind == DataTypeClass::Float ? decodeFloat(tensor.getType(), bits)
                   : kind == DataTypeClass::Signed
                       ? static_cast<double>(llvm::SignExtend64(bits, 8 * bytes))
                       : static_cast<double>(bits);
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
  }
  if (nans < count)
    os << " min " << llvm::format("%.6g", least) << " max " << llvm::format("%.6g", most)
       << " mean " << llvm::format("%.6g", sum / static_cast<double>(count - nans));
  if (nans)
    os << " nan " << nans;
  os << "\n";
}

/// One line about an archive: raw bytes, stored bytes, ratio; of all blobs and of weights.
static void print(llvm::raw_ostream &os, const ArchiveSizes &sizes) {
  auto ratio = [](uint64_t raw, uint64_t stored) {
    return llvm::format("%.2f", static_cast<double>(raw) / std::max<uint64_t>(stored, 1));
  };
  os << "archive: " << sizes.raw << " bytes stored in " << sizes.stored << " (ratio "
     << ratio(sizes.raw, sizes.stored) << "), of them weights " << sizes.rawWeights << " in "
     << sizes.storedWeights << " (ratio " << ratio(sizes.rawWeights, sizes.storedWeights)
     << "); file " << sizes.file << " bytes\n";
}

/// Runs `repeat` times and prints the times.
static llvm::Error measure(Session &session, ArrayRef<std::pair<StringRef, TensorView>> inputs,
                           int repeat) {
  std::vector<double> times;
  for (int i = 0; i < repeat; ++i) {
    auto begin = std::chrono::steady_clock::now();
    llvm::Expected<std::vector<HostTensor>> outputs = session.run(inputs);
    auto end = std::chrono::steady_clock::now();
    if (!outputs)
      return outputs.takeError();
    times.push_back(std::chrono::duration<double, std::milli>(end - begin).count());
  }
  llvm::sort(times);
  double median = (times[times.size() / 2] + times[(times.size() - 1) / 2]) / 2;
  llvm::outs() << llvm::format(
      "{\"min_ms\":%.4f,\"median_ms\":%.4f,\"max_ms\":%.4f,\"repeat\":%d,\"threads\":%d}\n",
      times.front(), median, times.back(), repeat, session.getPlan().threads);
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  RunOptions options;
  if (int code = options.parse(argc, argv))
    return code;
  std::unique_ptr<Session> session;
  if (int code = makeSession(options, session))
    return code;
  if (options.printPlan)
    session->getPlan().print(llvm::outs());
  if (!options.saveFile.empty()) {
    ArchiveSizes sizes;
    if (llvm::Error error = session->save(options.saveFile, options.archiveEncoding, &sizes))
      return fail(std::move(error), 1);
    if (options.printSizes)
      print(llvm::outs(), sizes);
    if (options.inputsFile.empty() && options.inputs.empty() && !options.randomInputs)
      return 0;
  }

  llvm::Expected<std::vector<NamedTensor>> inputs = readInputs(options, session->getInputs());
  if (!inputs)
    return fail(inputs.takeError(), 2);
  std::vector<std::pair<StringRef, TensorView>> views;
  for (const NamedTensor &input : *inputs)
    views.emplace_back(input.first, input.second.view());
  llvm::Expected<std::vector<HostTensor>> outputs = session->run(views);
  if (!outputs)
    return fail(outputs.takeError(), 2);

  if (!options.outputsFile.empty()) {
    std::vector<std::pair<std::string, TensorView>> named;
    for (auto [spec, output] : llvm::zip_equal(session->getOutputs(), *outputs))
      named.emplace_back(spec.name, output.view());
    if (llvm::Error error = writeNpz(options.outputsFile, named))
      return fail(std::move(error), 1);
  } else if (!options.repeat) {
    for (auto [spec, output] : llvm::zip_equal(session->getOutputs(), *outputs))
      summarise(llvm::outs(), spec, output);
  }
  if (options.repeat)
    if (llvm::Error error = measure(*session, views, options.repeat))
      return fail(std::move(error), 1);
  return 0;
}
