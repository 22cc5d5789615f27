//===- MathTest.cpp - accuracy and bits of expanded math functions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Math/IR/Math.h"
#include "KernelHarness.h"
#include "compress/Math/ExpandMath.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/bit.h"
#include <chrono>
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

static constexpr float kInf = std::numeric_limits<float>::infinity();
static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

namespace {

using Emit = Value (*)(KernelBuilder &, Value, Value);

struct Function {
  const char *name;
  Emit emit;
  double (*exact)(double, double);
  /// Largest error that the header promises.
  double ulps;
};

} // namespace

template <typename OpTy>
static Value emitUnary(KernelBuilder &b, Value x, Value) {
  return OpTy::create(b, x);
}

static Value emitPowf(KernelBuilder &b, Value x, Value y) { return math::PowFOp::create(b, x, y); }

#define COMPRESS_UNARY(name, Op, ulps)                                                             \
  {#name, emitUnary<math::Op>, [](double x, double) { return std::name(x); }, ulps}

static const Function kUnary[] = {
    COMPRESS_UNARY(exp, ExpOp, 1),       COMPRESS_UNARY(exp2, Exp2Op, 1),
    COMPRESS_UNARY(expm1, ExpM1Op, 1.5), COMPRESS_UNARY(log, LogOp, 1),
    COMPRESS_UNARY(log1p, Log1pOp, 1),   COMPRESS_UNARY(tanh, TanhOp, 2.9),
    COMPRESS_UNARY(erf, ErfOp, 1.1),     COMPRESS_UNARY(sin, SinOp, 1.6),
    COMPRESS_UNARY(cos, CosOp, 1.6),
};
static const Function kPow = {"pow", emitPowf, [](double x, double y) { return std::pow(x, y); },
                              0.51};

static float fromBits(uint32_t bits) { return llvm::bit_cast<float>(bits); }

/// Distance to `exact` in units of the last place of a float near it; 0 if both are NaN or one
/// infinity.
static double getUlps(float value, double exact) {
  if (std::isnan(exact) || std::isnan(value))
    return std::isnan(exact) && std::isnan(value) ? 0 : kInf;
  auto rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || std::isinf(value))
    return rounded == value ? 0 : kInf;
  if (exact == 0 && value == 0)
    return std::signbit(exact) == std::signbit(value) ? 0 : kInf;
  int exponent = std::max(std::ilogb(exact == 0 ? 0x1p-149 : exact), -126);
  return std::fabs(value - exact) / std::ldexp(1.0, exponent - 23);
}

/// z[i] = f(x[i], y[i]) in vectors of `lanes`, or in a loop over scalars (`lanes` = 0).
static void addKernel(KernelHarness &harness, const Function &function, int64_t lanes) {
  Type array = MemRefType::get({ShapedType::kDynamic}, Float32Type::get(harness.context.get()));
  harness.library->getOrCreate(
      function.name + std::to_string(lanes), "test", {array, array, array},
      [&](KernelBuilder &b, ValueRange args) {
        b.forLoop(b.index(0), b.dim(args[0], 0), std::max<int64_t>(lanes, 1), [&](Value i) {
          if (lanes == 0) {
            Value x = b.loadScalar(args[0], i), y = b.loadScalar(args[1], i);
            b.storeScalar(function.emit(b, x, y), args[2], i);
          } else {
            Value x = b.load(lanes, args[0], i), y = b.load(lanes, args[1], i);
            b.store(function.emit(b, x, y), args[2], i);
          }
        });
      });
}

static void expandAndCompile(KernelHarness &harness) {
  RewritePatternSet patterns(harness.context.get());
  populateExpandMathPatterns(patterns);
  ASSERT_TRUE(succeeded(applyPatternsGreedily(*harness.module, std::move(patterns))));
  harness.module->walk([](Operation *op) {
    EXPECT_TRUE(
        !isa<math::MathDialect>(op->getDialect()) ||
        (isa<math::FmaOp, math::AbsFOp, math::CopySignOp, math::RoundEvenOp, math::SqrtOp>(op)))
        << op->getName().getStringRef().str();
  });
  harness.compile();
}

static constexpr int64_t kLanes[] = {0, 8, 16, 64};

/// All variants of `function` on the inputs: one result, close to the exact one.
static void checkFunctions(ArrayRef<Function> functions, std::vector<float> x,
                           std::vector<float> y) {
  // Full vectors only.
  x.resize(x.size() / 64 * 64);
  y.resize(x.size());
  std::vector<std::vector<float>> expected(functions.size());
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    for (const Function &function : functions)
      for (int64_t lanes : kLanes)
        addKernel(harness, function, lanes);
    expandAndCompile(harness);
    for (auto [function, first] : llvm::zip_equal(functions, expected))
      for (int64_t lanes : kLanes) {
        std::vector<float> z(x.size());
        auto size = static_cast<int64_t>(x.size());
        MemRef<float, 1> xs(x.data(), {size}), ys(y.data(), {size}), zs(z.data(), {size});
        harness.call(function.name + std::to_string(lanes), xs, ys, zs);
        if (first.empty()) {
          first = z;
          continue;
        }
        for (size_t i = 0; i < z.size(); ++i)
          ASSERT_TRUE(llvm::bit_cast<uint32_t>(z[i]) == llvm::bit_cast<uint32_t>(first[i]) ||
                      (std::isnan(z[i]) && std::isnan(first[i])))
              << function.name << "(" << x[i] << ", " << y[i] << ") is " << z[i] << " in "
              << target.getName().str() << " with " << lanes << " lanes, else " << first[i];
      }
  }
  for (auto [function, values] : llvm::zip_equal(functions, expected)) {
    double worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      double ulps = getUlps(values[i], function.exact(x[i], y[i]));
      if (ulps > worst) {
        worst = ulps;
        where = i;
      }
    }
    EXPECT_LE(worst, function.ulps)
        << function.name << "(" << x[where] << ", " << y[where] << ") = " << values[where];
    ::testing::Test::RecordProperty((std::string(function.name) + "_ulps").c_str(),
                                    std::to_string(worst).c_str());
  }
}

/// Every `stride`-th float, and the special ones.
static std::vector<float> sampleFloats(uint32_t stride) {
  std::vector<float> samples = {0.0f,
                                -0.0f,
                                1.0f,
                                -1.0f,
                                kInf,
                                -kInf,
                                kNan,
                                -kNan,
                                0x1p-149f,
                                -0x1p-149f,
                                0x1p-126f,
                                0x1.fffffep127f,
                                -0x1.fffffep127f,
                                88.722839f,
                                88.72284f,
                                -103.97208f,
                                -103.97209f,
                                128.0f,
                                -149.0f,
                                -150.0f,
                                9.0109f,
                                0.9375f,
                                3.92f,
                                0x1.f9cbe2p+72f};
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += stride)
    samples.push_back(fromBits(bits));
  while (samples.size() % 64 != 0)
    samples.push_back(0.5f);
  return samples;
}

TEST(Math, SameBitsAndSmallErrors) {
  std::vector<float> x = sampleFloats(16411);
  checkFunctions(kUnary, x, x);
}

/// The short form has the bits of exp, or 0 where the result is hardly normal.
TEST(Math, ExpOfNonPositive) {
  const Function functions[] = {
      {"exp", emitUnary<math::ExpOp>, [](double x, double) { return std::exp(x); }, 1},
      {"short", [](KernelBuilder &b, Value x, Value) { return emitExpOfNonPositive(b, x); },
       [](double x, double) { return x < -87.33f ? 0 : double(std::exp(x)); }, 1}};
  std::vector<float> x;
  for (float value : sampleFloats(4099))
    if (!(value > 0))
      x.push_back(value);
  checkFunctions(functions, x, x);
  KernelHarness harness(KernelHarness::getTargets().front());
  for (const Function &function : functions)
    addKernel(harness, function, 0);
  expandAndCompile(harness);
  std::vector<float> full(x.size()), brief(x.size());
  auto size = static_cast<int64_t>(x.size());
  MemRef<float, 1> xs(x.data(), {size}), fulls(full.data(), {size}), briefs(brief.data(), {size});
  harness.call("exp0", xs, xs, fulls);
  harness.call("short0", xs, xs, briefs);
  for (size_t i = 0; i < x.size(); ++i)
    if (x[i] >= -87.33f)
      ASSERT_EQ(full[i], brief[i]) << x[i];
}

/// Positions times frequencies of rotary embeddings.
TEST(Math, SinCosOfLargeAngles) {
  std::vector<float> x;
  for (int i = 0; i < 64 * 2048; ++i)
    x.push_back(static_cast<float>(i) * (i % 3 == 0 ? 1.0f : 0.8659643f));
  checkFunctions(ArrayRef<Function>(kUnary).take_back(2), x, x);
}

TEST(Math, Pow) {
  std::mt19937 random(7);
  std::vector<float> x, y;
  const float specials[] = {0.0f,
                            -0.0f,
                            1.0f,
                            -1.0f,
                            kInf,
                            -kInf,
                            kNan,
                            2.0f,
                            -2.0f,
                            0.5f,
                            -0.5f,
                            3.0f,
                            -3.0f,
                            1.5f,
                            -1.5f,
                            0x1p-149f,
                            -0x1p-149f,
                            0x1p24f,
                            -0x1p24f,
                            16777215.0f,
                            0x1.fffffep127f,
                            -0x1.fffffep127f,
                            0x1.000002p0f,
                            0x1.fffffep-1f};
  for (float a : specials)
    for (float b : specials) {
      x.push_back(a);
      y.push_back(b);
    }
  for (int i = 0; i < 200000; ++i) {
    auto base = fromBits(random());
    float exponents[] = {fromBits(random()), static_cast<float>(int(random() % 64) - 32),
                         float(random() % 100000) * 1e-4f, -float(random() % 100000) * 1e-5f};
    x.push_back(i % 2 ? base : float(random() % 1000000) * 1e-4f);
    y.push_back(exponents[random() % 4]);
  }
  checkFunctions(kPow, x, y);
}

/// Constant exponents, which become products and roots.
TEST(Math, PowWithConstantExponent) {
  std::vector<Function> functions;
#define COMPRESS_POW(label, exponent)                                                              \
  functions.push_back({label,                                                                      \
                       [](KernelBuilder &b, Value x, Value) -> Value {                             \
                         return math::PowFOp::create(b, x, b.splat(x.getType(), exponent));        \
                       },                                                                          \
                       [](double x, double) { return std::pow(x, double(exponent)); }, 1.5})
  COMPRESS_POW("zero", 0);
  COMPRESS_POW("one", 1);
  COMPRESS_POW("two", 2);
  COMPRESS_POW("three", 3);
  COMPRESS_POW("root", 0.5);
  COMPRESS_POW("inverse", -1);
  COMPRESS_POW("inverseRoot", -0.5);
  COMPRESS_POW("fraction", 0.25);
#undef COMPRESS_POW
  std::vector<float> x = sampleFloats(65537);
  checkFunctions(functions, x, x);
}

/// f64 stays a call of the C library.
TEST(Math, LeavesF64) {
  KernelHarness harness(KernelHarness::getTargets().front());
  Type array = MemRefType::get({ShapedType::kDynamic}, Float64Type::get(harness.context.get()));
  func::FuncOp kernel =
      harness.library->getOrCreate("f64", "test", {array}, [](KernelBuilder &b, ValueRange args) {
        Value x = b.loadScalar(args[0], b.index(0));
        b.storeScalar(math::ExpOp::create(b, x), args[0], b.index(0));
      });
  RewritePatternSet patterns(harness.context.get());
  populateExpandMathPatterns(patterns);
  ASSERT_TRUE(succeeded(applyPatternsGreedily(*harness.module, std::move(patterns))));
  EXPECT_EQ(std::distance(kernel.getOps<math::ExpOp>().begin(), kernel.getOps<math::ExpOp>().end()),
            1);
}

/// Every fifth float, one variant; prints errors and times. Takes minutes: run with
/// --gtest_also_run_disabled_tests.
TEST(Math, DISABLED_DenseSample) {
  KernelHarness harness(llvm::cantFail(CpuTarget::getHost()));
  for (const Function &function : kUnary)
    addKernel(harness, function, 16);
  expandAndCompile(harness);
  constexpr int64_t chunk = 1 << 16, stride = 5;
  std::vector<float> x(chunk), y(chunk);
  for (const Function &function : kUnary) {
    double worst = 0, seconds = 0;
    float where = 0;
    for (uint64_t first = 0; first < uint64_t(1) << 32; first += chunk * stride) {
      for (int64_t i = 0; i < chunk; ++i)
        x[i] = fromBits(first + i * stride);
      MemRef<float, 1> xs(x.data(), {chunk}), ys(y.data(), {chunk});
      auto start = std::chrono::steady_clock::now();
      harness.call(std::string(function.name) + "16", xs, xs, ys);
      seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      for (int64_t i = 0; i < chunk; ++i)
        if (double ulps = getUlps(y[i], function.exact(x[i], x[i])); ulps > worst) {
          worst = ulps;
          where = x[i];
        }
    }
    printf("%-6s %.3f ulp at %a, %.3f ns\n", function.name, worst, where,
           seconds * stride / 4.294967296);
    fflush(stdout);
    EXPECT_LE(worst, function.ulps);
  }
}
