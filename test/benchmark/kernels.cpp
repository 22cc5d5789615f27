//===- kernels.cpp - speed of generated kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Times linear kernels on one thread, in CPU time, next to two ceilings of the same run: fused
// multiply-adds in registers, and reading memory. Prints one line per kernel.
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/LinearKernel.h"
#include "compress/Codegen/CPU/QuantizedLinearKernel.h"
#include "compress/Codegen/Lowering.h"
#include "compress/ExecutionEngine/JitModule.h"
#include "compress/ExecutionEngine/Session.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"
#include <ctime>
#include <random>
#include <vector>

using namespace mlir;
using namespace mlir::compress;

static double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

/// Least time of a call of `work`, in seconds.
template <typename Work>
static double measure(Work work) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 200 && (i < 5 || total < 0.5); ++i) {
    double start = now();
    work();
    double time = now() - start;
    best = std::min(best, time);
    total += time;
  }
  return best;
}

/// The descriptor of a memref.
template <typename T, size_t Rank>
struct MemRef {
  T *base, *data;
  int64_t offset = 0;
  int64_t sizes[Rank], strides[Rank];
  MemRef(std::vector<T> &values, std::initializer_list<int64_t> shape)
      : base(values.data()), data(values.data()) {
    std::copy(shape.begin(), shape.end(), sizes);
    int64_t stride = 1;
    for (size_t dim = Rank; dim-- > 0; stride *= sizes[dim])
      strides[dim] = stride;
  }
};

template <typename T>
static std::vector<T> fill(int64_t size) {
  std::vector<T> values(size);
  std::mt19937 random(1);
  for (T &value : values)
    value = static_cast<T>(static_cast<int32_t>(random()) / 4096) / T(sizeof(T) == 4 ? 1024 : 1);
  return values;
}

/// Sum of multiply-adds in 24 registers.
static void emitPeak(KernelBuilder &b, ValueRange args) {
  int64_t lanes = b.getTarget().getLanes(), sums = b.getTarget().avx512 ? 24 : 12;
  Value x = b.load(lanes, args[0], {b.index(0)});
  SmallVector<Value> init(sums, x);
  SmallVector<Value> last =
      b.forLoop(b.index(0), b.index(100000), 1, init, [&](Value, ValueRange carried) {
        SmallVector<Value> next;
        for (Value sum : carried)
          next.push_back(b.fma(x, sum, x));
        return next;
      });
  Value total = last[0];
  for (Value sum : ArrayRef(last).drop_front())
    total = b.addf(total, sum);
  b.store(total, args[0], {b.index(0)});
}

int main() {
  CpuTarget target = llvm::cantFail(CpuTarget::getHost());
  DialectRegistry registry;
  Session::registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  SymbolTable symbols(*module);
  KernelLibrary library(*module, symbols, target);
  Type f32 = Float32Type::get(&context);
  library.getOrCreate("peak", "peak", {MemRefType::get({16}, f32)}, emitPeak);

  struct Case {
    int64_t rows, inputs, outputs;
    int64_t bits, group;
    std::string name;
  };
  std::vector<Case> cases;
  for (int64_t bits : {32, 8, 4})
    for (auto [rows, inputs, outputs] :
         {std::tuple<int64_t, int64_t, int64_t>(256, 128, 384), {256, 384, 128}, {256, 128, 64},
          {256, 128, 1024}, {197, 192, 768}, {512, 1024, 1024}, {1, 128, 384}, {1, 1024, 4096},
          {1, 4096, 4096}}) {
      Case entry{rows, inputs, outputs, bits, bits == 4 ? 32 : inputs, ""};
      CodeFormat format{inputs, outputs, bits, bits == 4 ? 8 : 0, entry.group};
      func::FuncOp kernel = bits == 32 ? getLinearKernel(library, {inputs, outputs, {}})
                                       : getQuantizedLinearKernel(library, {format, {}});
      entry.name = kernel.getSymName().str();
      cases.push_back(entry);
    }
  for (func::FuncOp kernel : module->getOps<func::FuncOp>()) {
    kernel.setPublic();
    kernel->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(&context));
  }
  PassManager pm(&context);
  buildLowerToLLVMPipeline(pm);
  if (failed(pm.run(*module)))
    return 1;
  std::unique_ptr<JitModule> jit = llvm::cantFail(JitModule::compile(*module, target));
  auto lookup = [&](const std::string &name) {
    return llvm::cantFail(jit->lookup("_mlir_ciface_" + name));
  };

  std::vector<float> vector = fill<float>(16);
  MemRef<float, 1> one(vector, {16});
  auto *peakKernel = reinterpret_cast<void (*)(MemRef<float, 1> *)>(lookup("peak"));
  double peak = 2.0 * 100000 * (target.avx512 ? 24 : 12) * target.getLanes() /
                measure([&] { peakKernel(&one); });
  std::vector<float> large = fill<float>(1 << 27);
  double sum = 0;
  double bandwidth = large.size() * 4 / measure([&] {
                       float lanes[64] = {};
                       for (size_t i = 0; i < large.size(); i += 64)
                         for (int lane = 0; lane < 64; ++lane)
                           lanes[lane] += large[i + lane];
                       sum += lanes[0];
                     });
  llvm::outs() << llvm::format("ceilings: %.0f GF/s, %.1f GB/s\n", peak * 1e-9, bandwidth * 1e-9);

  for (const Case &entry : cases) {
    int64_t width = target.getPanelWidth(), panels = (entry.outputs + width - 1) / width;
    int64_t groups = entry.inputs / entry.group;
    std::vector<float> x = fill<float>(entry.rows * entry.inputs), y(entry.rows * entry.outputs);
    std::vector<float> w = fill<float>(panels * entry.inputs * width * entry.bits / 32),
                       s = fill<float>(panels * groups * width);
    std::vector<int8_t> bytes(entry.bits == 8 ? panels * entry.inputs * width : 0);
    std::vector<int32_t> words(entry.bits == 4 ? panels * entry.inputs * width / 8 : 0);
    MemRef<float, 2> in(x, {entry.rows, entry.inputs}), out(y, {entry.rows, entry.outputs});
    MemRef<float, 3> weights(w, {panels, entry.inputs, width}), scales(s, {panels, groups, width});
    MemRef<int8_t, 3> codes8(bytes, {panels, entry.inputs, width});
    MemRef<int32_t, 3> codes4(words, {panels, entry.inputs / 8, width});
    void *address = lookup(entry.name);
    double time = measure([&] {
      if (entry.bits == 32)
        reinterpret_cast<void (*)(void *, void *, void *)>(address)(&in, &weights, &out);
      else
        reinterpret_cast<void (*)(void *, void *, void *, void *)>(address)(
            &in, entry.bits == 8 ? static_cast<void *>(&codes8) : &codes4, &scales, &out);
    });
    double flops = 2.0 * entry.rows * entry.inputs * entry.outputs / time;
    double traffic = 1.0 * entry.inputs * entry.outputs * entry.bits / 8 / time;
    llvm::outs() << llvm::format("%2d bit  %4d x %4d x %4d  %9.1f us  %5.1f%% of FMA  %6.1f GB/s "
                                 "of weights\n",
                                 int(entry.bits), int(entry.rows), int(entry.inputs),
                                 int(entry.outputs), time * 1e6, 100 * flops / peak,
                                 traffic * 1e-9);
  }
  return sum == 1 ? 1 : 0;
}
