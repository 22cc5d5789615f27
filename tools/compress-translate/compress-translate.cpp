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
  cl::opt<std::string> form("form", cl::init("qdq"),
                            cl::desc("Quantized weights in ONNX: qdq, matmulnbits or dense"));
  cl::opt<int64_t> opset("opset", cl::init(0), cl::desc("Opset of the exported model"));
  cl::opt<bool> externalData("external-data", cl::init(false),
                             cl::desc("Write weights of the exported model to <output>.data"));
  cl::list<std::string> dims("dim", cl::CommaSeparated, cl::value_desc("name=size"),
                             cl::desc("Fix a symbolic dim, for example batch=1"));
  cl::opt<WeightsMode> weights(
      "weights", cl::init(WeightsMode::Auto), cl::desc("Where weights of an MLIR output go"),
      cl::values(
          clEnumValN(WeightsMode::Auto, "auto", "Files they are in, else a sidecar"),
          clEnumValN(WeightsMode::Sidecar, "sidecar", "A safetensors file beside the output"),
          clEnumValN(WeightsMode::Reference, "reference", "The files they came from"),
          clEnumValN(WeightsMode::Inline, "inline", "The module itself")));
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

  DialectRegistry registry;
  registerAllDialects(registry);
  registerCore(registry);
  std::string folder = llvm::sys::path::parent_path(input).str();
  ToolContext::add(registry, folder, nullptr, 0);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);

  if (importOnnx) {
    onnx::ImportOptions options;
    for (StringRef dim : dims) {
      auto [name, size] = dim.rsplit('=');
      int64_t value;
      if (name.empty() || size.getAsInteger(10, value) || value < 1)
        return fail("--dim: expects name=size with a positive size, got '" + dim + "'", 2);
      options.dims[name] = value;
    }
    context.loadAllAvailableDialects();
    FailureOr<OwningOpRef<ModuleOp>> module = onnx::importOnnx(input, &context, options);
    if (failed(module))
      return 2;
    return writeModule(**module, output, weights, folder);
  }

  onnx::ExportOptions options;
  std::optional<onnx::ExportForm> parsed = onnx::parseExportForm(form);
  if (!parsed)
    return fail("--form: expects qdq, matmulnbits or dense, got '" + form + "'", 2);
  options.form = *parsed;
  options.opset = opset;
  options.forceExternalData = externalData;
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(input, sources, &context);
  if (!module)
    return 2;
  if (output == "-")
    return fail("--export-onnx needs an output file; use -o", 2);
  return succeeded(onnx::exportOnnx(*module, output, options)) ? 0 : 2;
}
