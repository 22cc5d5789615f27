//===- ModelFlags.cpp - flags about model files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/ModelFlags.h"
#include "compress/Pipelines/FlagValues.h"

using namespace mlir;
using namespace mlir::compress;
namespace cl = llvm::cl;

ModelFlags::ModelFlags(cl::OptionCategory &category)
    : form("form", cl::cat(category), cl::init("qdq"),
           cl::desc("Form of quantized weights in ONNX: qdq, matmulnbits or dense")),
      opset("opset", cl::cat(category), cl::init(0),
            cl::desc("Opset of an exported model; 0 chooses the lowest that works")),
      externalData("external-data", cl::cat(category), cl::init(false),
                   cl::desc("Write weights of an exported model to <output>.data")),
      dim("dim", cl::cat(category), cl::CommaSeparated, cl::value_desc("name=size"),
          cl::desc("Fix a symbolic dim of an ONNX model, for example batch=1")),
      weights(
          "weights", cl::cat(category), cl::init(WeightsMode::Auto),
          cl::desc("Where weights of an MLIR output go"),
          cl::values(
              clEnumValN(WeightsMode::Auto, "auto", "Files they are in, else a sidecar"),
              clEnumValN(WeightsMode::Sidecar, "sidecar", "A safetensors file beside the output"),
              clEnumValN(WeightsMode::Reference, "reference", "The files they came from"),
              clEnumValN(WeightsMode::Inline, "inline", "The module itself"))) {}

llvm::Error ModelFlags::getOptions(onnx::ImportOptions &importOptions,
                                   onnx::ExportOptions &exportOptions) const {
  auto fail = [](const Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
  };
  std::optional<onnx::ExportForm> parsed = onnx::parseExportForm(form);
  if (!parsed)
    return fail("--form: expects qdq, matmulnbits or dense, got '" + form + "'");
  if (opset < 0)
    return fail("--opset: expects a positive number");
  exportOptions.form = *parsed;
  exportOptions.opset = opset;
  exportOptions.forceExternalData = externalData;
  for (StringRef text : dim)
    if (llvm::Error error = parseDim(text, importOptions.dims))
      return error;
  return llvm::Error::success();
}
