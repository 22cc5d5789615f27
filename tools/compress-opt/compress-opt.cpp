//===- compress-opt.cpp - the optimizer driver -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A complete `mlir-opt` that also reads and writes ONNX and has flags for compression. Exit codes:
// 0 done, 1 internal error (such as an output that cannot be written), 2 bad input, 3 recognised
// but not supported, 4 --max-drop missed.
//
//===----------------------------------------------------------------------===//

#include "Gate.h"
#include "ToolOptions.h"
#include "ToolReport.h"

#include "compress/Calibration/Passes.h"
#include "compress/Codegen/Lowering.h"
#include "compress/Codegen/Passes.h"
#include "compress/Conversion/Passes.h"
#include "compress/ExternalInterfaces/Register.h"
#include "compress/Math/Passes.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Pipelines/Sidecar.h"
#include "compress/Pipelines/ToolContext.h"
#include "compress/Support/OutputFile.h"
#include "compress/Target/ONNX/Import.h"
#include "compress/Target/ONNX/Passes.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Writes the module where the output flags say; runs last.
struct OutputPass : public PassWrapper<OutputPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OutputPass)
  OutputPass(const ToolOptions &options, StringRef folder, ToolReport &report)
      : options(options), folder(folder), report(report) {}
  StringRef getName() const final { return "compress-output"; }
  StringRef getArgument() const final { return "compress-output"; }

  void runOnOperation() final {
    report.measureAfter(getOperation());
    if (!options.writesFile())
      return markAllAnalysesPreserved();
    LogicalResult written =
        options.writesOnnx()
            ? onnx::exportOnnx(getOperation(), options.output, options.getExportOptions())
            : placeWeights(getOperation(), options.weights, options.output, folder);
    if (failed(written))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

  const ToolOptions &options;
  StringRef folder;
  ToolReport &report;
};
} // namespace

namespace {
/// Looks at the module before the first pass.
struct MeasurePass : public PassWrapper<MeasurePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MeasurePass)
  explicit MeasurePass(ToolReport &report) : report(report) {}
  StringRef getName() const final { return "compress-measure"; }
  StringRef getArgument() const final { return "compress-measure"; }

  void runOnOperation() final {
    report.measureBefore(getOperation());
    markAllAnalysesPreserved();
  }

  ToolReport &report;
};
} // namespace

/// Imports an ONNX file in a context of its own and hands the module over as bytecode, which is
/// small: weights stay in their files.
static FailureOr<std::unique_ptr<llvm::MemoryBuffer>> importAsBytecode(const ToolOptions &options,
                                                                       DialectRegistry &registry) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  FailureOr<OwningOpRef<ModuleOp>> module =
      onnx::importOnnx(options.input, &context, options.getImportOptions());
  if (failed(module))
    return failure();
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  if (failed(writeBytecodeToFile(**module, os)))
    return failure();
  // The bytecode reader wants the alignment of the largest blob.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(bytes.size(), options.input,
                                                                  llvm::Align(4096));
  if (!buffer) {
    llvm::errs() << "out of memory: cannot hold " << bytes.size() << " bytes of bytecode\n";
    return failure();
  }
  llvm::copy(bytes, buffer->getBufferStart());
  return std::unique_ptr<llvm::MemoryBuffer>(std::move(buffer));
}

/// Reads the module, runs the passes that the options ask for, and writes the output; the exit
/// code.
static int runPasses(const ToolOptions &options, const MlirOptMainConfig &given,
                     DialectRegistry &registry, std::unique_ptr<llvm::MemoryBuffer> buffer,
                     ToolReport &report) {
  std::string folder = llvm::sys::path::parent_path(options.input).str();
  MlirOptMainConfig config = given;
  config.setPassPipelineSetupFn([&](PassManager &pm) -> LogicalResult {
    if (options.compresses()) {
      pm.addPass(std::make_unique<MeasurePass>(report));
      CompressPipelineOptions pipeline;
      options.setPipelineOptions(pipeline);
      buildCompressPipeline(pm, pipeline);
      if (given.shouldDumpPassPipeline()) {
        pm.dump();
        llvm::errs() << "\n";
      }
    } else if (failed(given.setupPassPipeline(pm))) {
      return failure();
    }
    if (options.writesFile() || options.compresses())
      pm.addPass(std::make_unique<OutputPass>(options, folder, report));
    return success();
  });
  LogicalResult result = failure();
  if (options.writesOnnx()) {
    llvm::raw_null_ostream none;
    config.emitBytecode(true);
    result = MlirOptMain(none, std::move(buffer), registry, config);
  } else {
    llvm::Expected<std::unique_ptr<OutputFile>> output = OutputFile::create(options.output);
    if (!output) {
      llvm::errs() << "compress-opt: " << llvm::toString(output.takeError()) << "\n";
      return 1;
    }
    if (StringRef(options.output).ends_with(".mlirbc"))
      config.emitBytecode(true);
    result = MlirOptMain((*output)->os(), std::move(buffer), registry, config);
    if (succeeded(result))
      if (llvm::Error error = (*output)->keep()) {
        llvm::errs() << "compress-opt: " << llvm::toString(std::move(error)) << "\n";
        return 1;
      }
  }
  return succeeded(result) ? 0 : 2;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerAllPasses();
  registerCorePasses();
  onnx::registerCompressOnnxPasses();
  registerCompressConversionPasses();
  registerCompressCodegenPasses();
  registerCompressMathPasses();
  registerCompressCalibrationPasses();
  registerCodegenPipelines();
  registerCompressPipelines();
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerCore(registry);
  registerCodegenInterfaces(registry);

  ToolOptions options;
  if (int code = options.parse(argc, argv, registry))
    return code;
  std::string folder = llvm::sys::path::parent_path(options.input).str();
  ToolReport report(options.input);
  ToolContext::add(registry, folder, options.compresses() ? &report : nullptr, options.memoryLimit);

  FailureOr<std::unique_ptr<llvm::MemoryBuffer>> buffer;
  if (options.readsOnnx()) {
    buffer = importAsBytecode(options, registry);
    if (failed(buffer))
      return 2;
  } else {
    std::string error;
    buffer = openInputFile(options.input, &error);
    if (!*buffer) {
      llvm::errs() << error << "\n";
      return 2;
    }
  }

  MlirOptMainConfig given = MlirOptMainConfig::createFromCLOptions();
  if (options.compresses()) {
    MLIRContext scratchContext(registry);
    PassManager scratch(&scratchContext);
    MlirOptMainConfig quiet = given;
    if (failed(quiet.dumpPassPipeline(false).setupPassPipeline(scratch)) || !scratch.empty()) {
      llvm::errs() << argv[0]
                   << ": --quantize, --prune, --low-rank, --share and --recipe cannot be combined "
                      "with passes; use "
                      "--pass-pipeline='builtin.module(compress-pipeline{...})'\n";
      return 2;
    }
    report.begin(options.recipe);
  }

  if (!options.maxDrop.empty())
    return runGate(options, report, [&](const ToolOptions &trial) {
      llvm::MemoryBufferRef bytes = **buffer;
      return runPasses(trial, given, registry,
                       llvm::MemoryBuffer::getMemBuffer(bytes, /*RequiresNullTerminator=*/false),
                       report);
    });
  if (int code = runPasses(options, given, registry, std::move(*buffer), report))
    return code;
  if (options.compresses() && failed(report.finish(options.reportFile)))
    return 1;
  return 0;
}
