//===- EntryHarness.h - runs compiled entry functions in tests -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_LOWERING_ENTRYHARNESS_H
#define COMPRESS_TEST_UNIT_LOWERING_ENTRYHARNESS_H

#include "compress/Codegen/Lowering.h"
#include "compress/ExecutionEngine/JitModule.h"
#include "compress/ExternalInterfaces/Register.h"
#include "compress/Runtime/compress_rt.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <cstring>
#include <vector>

namespace mlir::compress::test {

/// An input, or a copy of an output.
template <typename T>
struct HostArray {
  std::vector<int64_t> sizes;
  std::vector<T> data;
  bool operator==(const HostArray &) const = default;
};

template <typename T>
void PrintTo(const HostArray<T> &array, std::ostream *os) {
  *os << testing::PrintToString(array.sizes) << " " << testing::PrintToString(array.data);
}

/// A module on tensors (with memref kernels), compiled to `compress_entry`.
class EntryHarness {
public:
  explicit EntryHarness(StringRef text, int threads = 2) : rt(compress_rt_create(threads)) {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerCore(registry);
    registerCodegenInterfaces(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    module = parseSourceString<ModuleOp>(text, context.get());
    if (!module)
      return;
    PassManager pm(context.get());
    buildTensorsToLLVMPipeline(pm);
    if (failed(pm.run(*module)))
      return;
    CpuTarget host = llvm::cantFail(CpuTarget::parse("host"));
    llvm::Expected<std::unique_ptr<JitModule>> compiled = JitModule::compile(*module, host);
    if (!compiled) {
      ADD_FAILURE() << llvm::toString(compiled.takeError());
      return;
    }
    jit = std::move(*compiled);
    entry = reinterpret_cast<compress_rt_entry>(llvm::cantFail(jit->lookup("compress_entry")));
  }
  ~EntryHarness() { compress_rt_destroy(rt); }

  /// A number of the attribute `compress.plan`.
  int64_t getPlan(StringRef name) {
    auto plan = (*module)->getAttrOfType<DictionaryAttr>("compress.plan");
    return plan.getAs<IntegerAttr>(name).getInt();
  }

  /// Runs the model; true if it succeeded.
  template <typename... Arrays>
  bool run(Arrays &&...arrays) {
    if (!entry) {
      ADD_FAILURE() << "not compiled";
      return false;
    }
    std::vector<compress_rt_tensor> inputs = {compress_rt_tensor{
        const_cast<void *>(static_cast<const void *>(arrays.data.data())), arrays.sizes.data()}...};
    return compress_rt_run(rt, entry, weights.data(), inputs.data()) == 0;
  }

  template <typename T>
  HostArray<T> take(int64_t index) {
    compress_rt_result result;
    HostArray<T> array;
    if (compress_rt_take_output(rt, index, &result)) {
      ADD_FAILURE() << "no output " << index;
      return array;
    }
    EXPECT_EQ(result.element_bytes, static_cast<int64_t>(sizeof(T)));
    array.sizes.assign(result.sizes, result.sizes + result.rank);
    array.data.resize(result.bytes / sizeof(T));
    if (result.bytes)
      std::memcpy(array.data.data(), result.data, result.bytes);
    compress_rt_free(result.data);
    return array;
  }

  std::string getError() {
    const char *message = compress_rt_get_error(rt);
    return message ? message : "";
  }

  compress_rt_context *rt;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<JitModule> jit;
  compress_rt_entry entry = nullptr;
  std::vector<const void *> weights;
};

} // namespace mlir::compress::test

#endif // COMPRESS_TEST_UNIT_LOWERING_ENTRYHARNESS_H
