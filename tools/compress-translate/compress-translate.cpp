//===- compress-translate.cpp - ONNX to MLIR and back -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `compress-translate --import-onnx m.onnx -o m.mlir` and `--export-onnx m.mlir -o m.onnx`, without
// any pass in between. Exit codes as compress-opt.
//
//===----------------------------------------------------------------------===//

#include "compress/ExternalInterfaces/Register.h"
#include "compress/Pipelines/ModelFlags.h"
#include "compress/Pipelines/Sidecar.h"
#include "compress/Pipelines/ToolContext.h"
#include "compress/Support/OutputFile.h"
#include "compress/Target/ONNX/Export.h"
#include "compress/Target/ONNX/Import.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::compress;
namespace cl = llvm::cl;

static int fail(const Twine &message, int code) {
  llvm::errs() << "compress-translate: " << message << "\n";
  return code;
}

/// Writes the module as text or, for `.mlirbc`, as bytecode.
static int writeModule(ModuleOp module, StringRef path, WeightsMode weights, StringRef folder) {
  if (failed(placeWeights(module, weights, path, folder)))
    return 2;
  llvm::Expected<std::unique_ptr<OutputFile>> output = OutputFile::create(path);
  if (!output)
    return fail(llvm::toString(output.takeError()), 1);
  if (path.ends_with(".mlirbc")) {
    if (failed(writeBytecodeToFile(module, (*output)->os())))
      return 1;
  } else {
    module.print((*output)->os());
    (*output)->os() << "\n";
  }
  if (llvm::Error error = (*output)->keep())
    return fail(llvm::toString(std::move(error)), 1);
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::opt<std::string> input(cl::Positional, cl::desc("<input>"), cl::init("-"));
  cl::opt<std::string> output("o", cl::desc("Output"), cl::value_desc("filename"), cl::init("-"));
  cl::opt<bool> importOnnx("import-onnx", cl::desc("ONNX to MLIR"));
  cl::opt<bool> exportOnnx("export-onnx", cl::desc("MLIR to ONNX"));
  cl::OptionCategory category("Models", "How models are read and written");
  ModelFlags flags(category);
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  std::string errors;
  llvm::raw_string_ostream errorStream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv, "compress-translate: ONNX to MLIR and back\n",
                                   &errorStream)) {
    llvm::errs() << errors;
    return 2;
  }
  if (importOnnx == exportOnnx)
    return fail("expects one of --import-onnx and --export-onnx", 2);

  onnx::ImportOptions importOptions;
  onnx::ExportOptions exportOptions;
  if (llvm::Error error = flags.getOptions(importOptions, exportOptions))
    return fail(llvm::toString(std::move(error)), 2);

  DialectRegistry registry;
  registerAllDialects(registry);
  registerCore(registry);
  std::string folder = llvm::sys::path::parent_path(input).str();
  ToolContext::add(registry, folder, nullptr, 0);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);

  if (importOnnx) {
    context.loadAllAvailableDialects();
    FailureOr<OwningOpRef<ModuleOp>> module = onnx::importOnnx(input, &context, importOptions);
    if (failed(module))
      return 2;
    return writeModule(**module, output, flags.getWeightsMode(), folder);
  }

  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(input, sources, &context);
  if (!module)
    return 2;
  if (output == "-")
    return fail("--export-onnx needs an output file; use -o", 2);
  return succeeded(onnx::exportOnnx(*module, output, exportOptions)) ? 0 : 2;
}
