//===- ImportMutationTest.cpp - broken models, to the end ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// 20,000 seeded mutations of small models go through import, normalisation, folding, compression
// and (some) export. Each step must end with a valid module or with an error that says why.
//
//===----------------------------------------------------------------------===//

#include "MutationModels.h"
#include "ProtoMutator.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Target/ONNX/Export.h"
#include "compress/Target/ONNX/Import.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <sys/resource.h>
#include <time.h>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;

namespace {

/// How far a model got.
enum Stage { Unreadable, Invalid, Imported, Normalized, Compressed, Exported, NumStages };

/// What the passes are asked for, one after the other.
struct Method {
  const char *quantize, *prune;
};
constexpr Method methods[] = {
    {"int4,group=32", "2:4"}, {"int8", ""}, {"int4,group=4,asymmetric", ""}, {"int2", "1:4"}};

/// A context with the passes, for some hundreds of models.
class Session {
public:
  explicit Session(unsigned index) : context(MLIRContext::Threading::DISABLED) {
    context.loadDialect<CompressDialect, func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error && error.empty())
        error = diagnostic.str();
      return success();
    });
    const Method &method = methods[index % std::size(methods)];
    normalize = std::make_unique<PassManager>(&context);
    compressWeights = std::make_unique<PassManager>(&context);
    // Invalid IR is to be found here and not to pass as an error of the model.
    normalize->enableVerifier(false);
    compressWeights->enableVerifier(false);
    buildNormalizePipeline(*normalize);
    ApplyRecipeOptions recipe;
    recipe.quantize = method.quantize;
    recipe.prune = method.prune;
    compressWeights->addPass(createApplyRecipe(recipe));
    compressWeights->addPass(createCompressWeights());
    compressWeights->addPass(createVerifyChains());
    exportOptions.form = index % 2 ? ExportForm::QDQ : ExportForm::MatMulNBits;
  }

  /// `path` is where the model is exported to; "" for nowhere.
  Stage run(StringRef bytes, StringRef path) {
    {
      auto loaded = readModel(llvm::MemoryBufferRef(bytes, "m"));
      if (!loaded) {
        EXPECT_FALSE(llvm::toString(loaded.takeError()).empty());
        return Unreadable;
      }
    }
    error.clear();
    FailureOr<OwningOpRef<ModuleOp>> module =
        importOnnx(llvm::MemoryBufferRef(bytes, "m"), &context);
    if (!check(succeeded(module), module, "import"))
      return Invalid;
    if (!check(succeeded(normalize->run(**module)), module, "normalisation"))
      return Imported;
    if (!check(succeeded(compressWeights->run(**module)), module, "compression"))
      return Normalized;
    if (path.empty())
      return Compressed;
    bool written = succeeded(exportOnnx(**module, path, exportOptions));
    EXPECT_TRUE(written || !error.empty()) << "export failed without an error";
    return written ? Exported : Compressed;
  }

  /// The first error of the last run.
  std::string error;

private:
  /// A step ends with a valid module, or with an error.
  bool check(bool done, FailureOr<OwningOpRef<ModuleOp>> &module, const char *step) {
    if (!done) {
      EXPECT_FALSE(error.empty()) << step << " failed without an error";
      return false;
    }
    LogicalResult valid = verify(**module);
    EXPECT_TRUE(succeeded(valid)) << step << " made an invalid module: " << error;
    return succeeded(valid);
  }

  MLIRContext context;
  std::unique_ptr<PassManager> normalize, compressWeights;
  ExportOptions exportOptions;
};

double cpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

uint64_t peakMemory() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) << 10;
}

class ImportMutationTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("compress-mutation", folder));
  }
  void TearDown() override { (void)llvm::sys::fs::remove_directories(folder); }

  std::string path() {
    SmallString<128> result(folder);
    llvm::sys::path::append(result, "model.onnx");
    return result.str().str();
  }

  SmallString<128> folder;
};

} // namespace

/// The models that are mutated: those of the test, and a real one.
static std::vector<NamedModel> getModels() {
  std::vector<NamedModel> models = makeMutationModels();
  SmallString<128> path(llvm::sys::path::parent_path(__FILE__));
  llvm::sys::path::append(path, "../../models/mnist_resdw/mnist_resdw.onnx");
  auto file = llvm::MemoryBuffer::getFile(path);
  if (file)
    models.push_back({"mnist", (*file)->getBuffer().str()});
  else
    ADD_FAILURE() << path.c_str() << ": " << file.getError().message();
  return models;
}

TEST_F(ImportMutationTest, ModelsThemselvesAreExported) {
  for (const NamedModel &model : getModels())
    for (unsigned i = 0; i < std::size(methods); ++i) {
      Session session(i);
      EXPECT_EQ(session.run(model.bytes, path()), Exported)
          << model.name << ", method " << i << ": " << session.error;
    }
}

TEST_F(ImportMutationTest, EachGivesAModuleOrAnError) {
  constexpr unsigned count = 20000, perSession = 250;
  std::vector<Mutator> mutators;
  for (const NamedModel &model : getModels())
    mutators.emplace_back(model.bytes, Mutations::Meaning);
  unsigned reached[NumStages] = {};
  std::unique_ptr<Session> session;
  for (unsigned i = 0; i < count; ++i) {
    if (i % perSession == 0)
      session = std::make_unique<Session>(i / perSession);
    SCOPED_TRACE("mutation " + std::to_string(i));
    // Exactly as large as the contents, so that a sanitizer sees reads past the end.
    std::string mutated = mutators[i % mutators.size()].mutate(i);
    std::unique_ptr<char[]> bytes(new char[mutated.size()]);
    std::copy(mutated.begin(), mutated.end(), bytes.get());
    double start = cpuSeconds();
    Stage stage = session->run(StringRef(bytes.get(), mutated.size()),
                               i % 20 == i / 20 % 20 ? path() : std::string());
    EXPECT_LT(cpuSeconds() - start, 2.0);
    for (int before = 0; before <= stage; ++before)
      ++reached[before];
  }
  EXPECT_GE(reached[Invalid], count / 3);
  EXPECT_GE(reached[Imported], count / 5);
  EXPECT_GE(reached[Compressed], count / 10);
  EXPECT_GE(reached[Exported], count / 400);
#if !__has_feature(address_sanitizer)
  EXPECT_LE(peakMemory(), uint64_t(512) << 20);
#endif
  static const char *const names[] = {"",           "read",       "imported",
                                      "normalized", "compressed", "exported"};
  for (unsigned i = 1; i < NumStages; ++i)
    RecordProperty(names[i], static_cast<int>(reached[i]));
}
