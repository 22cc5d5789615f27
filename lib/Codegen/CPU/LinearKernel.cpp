//===- LinearKernel.cpp - matrix products with a packed f32 weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/LinearKernel.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace mlir::compress;

RankedTensorType compress::getPanelType(const CpuTarget &target, int64_t inputs, int64_t outputs,
                                        Type elementType) {
  int64_t width = target.getPanelWidth();
  return RankedTensorType::get({(outputs + width - 1) / width, inputs, width}, elementType);
}

void compress::packPanels(const uint32_t *source, int64_t strideK, int64_t strideN, int64_t inputs,
                          int64_t outputs, int64_t width, uint32_t *panels) {
  // A block of this many inputs of a panel stays in the L1 cache, whichever stride is 1.
  constexpr int64_t kBlock = 64;
  for (int64_t first = 0; first < outputs; first += width, panels += inputs * width) {
    int64_t columns = std::min(width, outputs - first);
    for (int64_t begin = 0; begin < inputs; begin += kBlock) {
      int64_t end = std::min(begin + kBlock, inputs);
      if (strideN == 1) {
        for (int64_t k = begin; k < end; ++k)
          std::copy_n(source + k * strideK + first, columns, panels + k * width);
        continue;
      }
      for (int64_t column = 0; column < columns; ++column)
        for (int64_t k = begin; k < end; ++k)
          panels[k * width + column] = source[k * strideK + (first + column) * strideN];
    }
  }
}

static void emitLinear(KernelBuilder &b, const LinearRequest &request, ValueRange args) {
  Value x = args[0], weight = args[1];
  EpilogueOperands operands = EpilogueOperands::take(request.epilogue, args);
  int64_t lanes = b.getTarget().getLanes(), width = b.getTarget().getPanelWidth();
  Value zero = b.splat(b.getVectorType(lanes), 0);
  forEachPanel(
      b, b.dim(x, 0), request.inputs, request.outputs,
      [&](Value panel, Value begin, Value end, int64_t columns) {
        int64_t vectors = (columns + lanes - 1) / lanes;
        forEachRowTile(b, begin, end, [&](Value row, int64_t rows, Value) {
          TileShape shape{rows, columns};
          SmallVector<Value> init(rows * vectors, zero);
          SmallVector<Value> sums = emitTileProduct(
              b, shape, b.index(0), b.index(request.inputs), init,
              [&](int64_t r, Value k) { return b.loadSplat(lanes, x, {b.add(row, r), k}); },
              [&](Value k, int64_t vector) {
                return b.load(lanes, weight, {panel, k, b.index(vector * lanes)});
              });
          storeTile(b, request.epilogue, shape, sums, row, b.mul(panel, width), operands);
        });
      });
}

func::FuncOp compress::getLinearKernel(KernelLibrary &library, const LinearRequest &request) {
  const CpuTarget &target = library.getTarget();
  MLIRContext *context = library.getContext();
  Type f32 = Float32Type::get(context);
  RankedTensorType panels = getPanelType(target, request.inputs, request.outputs, f32);
  MemRefType output = getActivationType({ShapedType::kDynamic, request.outputs}, f32);
  SmallVector<Type> arguments{getActivationType({ShapedType::kDynamic, request.inputs}, f32),
                              MemRefType::get(panels.getShape(), f32)};
  EpilogueOperands::addTypes(request.epilogue, MemRefType::get({request.outputs}, f32), output,
                             arguments);
  std::string shape = std::to_string(request.inputs) + "x" + std::to_string(request.outputs);
  std::string name =
      "linear_f32_" + shape + request.epilogue.getName() + "_" + target.getName().str();
  std::string description = "linear " + shape + ", f32 weight" + request.epilogue.getDescription();
  return library.getOrCreate(name, description, arguments, [&](KernelBuilder &b, ValueRange args) {
    emitLinear(b, request, args);
  });
}
