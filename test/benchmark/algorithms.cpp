//===- algorithms.cpp - speed of the weight kernels -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints million weights per second of each kernel on one thread, best of a few
// runs, with the speed of memcpy of the same f32 weights as the ceiling.
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitPacking.h"
#include "compress/Algorithms/CodeTables.h"
#include "compress/Algorithms/Gptq.h"
#include "compress/Algorithms/KMeans.h"
#include "compress/Algorithms/KMeans1D.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Algorithms/LowRank.h"
#include "compress/Algorithms/NMPacking.h"
#include "compress/Algorithms/Palette.h"
#include "compress/Algorithms/SparseGpt.h"
#include "compress/Algorithms/UniformQuantization.h"
#include "compress/Algorithms/VectorCodebook.h"
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

using namespace mlir::compress;

template <typename Body>
static void measure(const char *name, uint64_t numWeights, Body body) {
  double best = 1e30;
  for (int i = 0; i < 4; ++i) {
    auto start = std::chrono::steady_clock::now();
    body();
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  std::printf("%-52s %8.0f M weights/s\n", name, numWeights / best * 1e-6);
}

int main() {
  const uint64_t rows = 4096, columns = 4096, count = rows * columns;
  std::vector<float> weights(count), dense(count);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float &weight : weights)
    weight = normal(random);
  std::vector<uint16_t> narrow(count);
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, &weights[i], 4);
    narrow[i] = bits >> 16;
  }
  std::vector<uint8_t> codes(count), other(count), mask(count), meta(count);
  std::vector<float> scales(count);

  measure("memcpy f32", count, [&] {
    std::memcpy(dense.data(), weights.data(), count * 4);
    asm volatile("" ::"r"(dense.data()) : "memory");
  });

  struct Case {
    const char *name;
    BlockView view;
    uint64_t group;
    DataType type;
    GridConvention convention;
  };
  const Case cases[] = {
      {"int4 group 128, contiguous K",
       {rows, columns, 1},
       128,
       DataType::I4,
       GridConvention::SymSignedMax},
      {"int4 group 32, contiguous K",
       {rows, columns, 1},
       32,
       DataType::I4,
       GridConvention::SymSignedMax},
      {"int4 group 128, K outermost",
       {1, rows, columns},
       128,
       DataType::I4,
       GridConvention::SymSignedMax},
      {"int4 group 32, K outermost",
       {1, rows, columns},
       32,
       DataType::I4,
       GridConvention::SymSignedMax},
      {"int4 group 128 asymmetric, K outermost",
       {1, rows, columns},
       128,
       DataType::I4,
       GridConvention::AsymZeroIn},
      {"int4 group 128, inner 9", {14563, 128, 9}, 128, DataType::I4, GridConvention::SymSignedMax},
      {"int8 per channel, contiguous K",
       {rows, columns, 1},
       columns,
       DataType::I8,
       GridConvention::SymRestricted},
      {"int8 per channel, K outermost",
       {1, rows, columns},
       rows,
       DataType::I8,
       GridConvention::SymRestricted},
      {"int8 per tensor", {1, count, 1}, count, DataType::I8, GridConvention::SymRestricted},
      {"int2 group 64, contiguous K",
       {rows, columns, 1},
       64,
       DataType::I2,
       GridConvention::SymSignedMax},
  };
  for (const Case &c : cases) {
    char name[96];
    uint64_t numElements = c.view.getNumElements();
    std::snprintf(name, sizeof(name), "quantize %s", c.name);
    measure(name, numElements, [&] {
      quantizeUniform({c.type, c.convention}, c.view, c.group, DataType::F32, weights.data(),
                      DataType::F32, codes.data(), scales.data(),
                      isAsymmetric(c.convention) ? other.data() : nullptr);
    });
    std::snprintf(name, sizeof(name), "dequantize %s", c.name);
    measure(name, numElements, [&] {
      QuantizedTensor tensor{c.view,
                             c.group,
                             c.type,
                             DataType::F32,
                             codes.data(),
                             scales.data(),
                             isAsymmetric(c.convention) ? other.data() : nullptr};
      dequantizeUniform(tensor, DataType::F32, dense.data());
    });
  }
  measure("quantize bf16 to int4 group 128, contiguous K", count, [&] {
    quantizeUniform({DataType::I4, GridConvention::SymSignedMax}, {rows, columns, 1}, 128,
                    DataType::BF16, narrow.data(), DataType::BF16, codes.data(), scales.data());
  });

  struct GridCase {
    const char *name;
    CodeGrid grid;
    size_t group;
  };
  const GridCase grids[] = {
      {"int4 group 128",
       CodeGrid::makeUniform({DataType::I4, GridConvention::SymSignedMax}, DataType::F32), 128},
      {"int4 group 128 asymmetric",
       CodeGrid::makeUniform({DataType::U4, GridConvention::AsymZeroIn}, DataType::F32), 128},
      {"int8 per channel", CodeGrid::makeUniform({DataType::I8}), columns},
      {"nf4 group 64", makeNF4Grid(), 64},
      {"mxfp4 group 32", makeFloatGrid(DataType::F4E2M1FN, ScaleRule::PowerOfTwo), 32},
      {"fp8 per channel", makeFloatGrid(DataType::F8E4M3FN, ScaleRule::AbsMax), columns},
  };
  for (WeightRange range : {WeightRange::MinMax, WeightRange::Mse})
    for (const GridCase &c : grids) {
      char name[96];
      std::snprintf(name, sizeof(name), "grid %s%s", c.name,
                    range == WeightRange::Mse ? ", least error" : "");
      measure(name, count / 8,
              [&] { quantizeMatrix(c.grid, weights.data(), rows / 8, columns, c.group, range); });
    }
  for (unsigned bits : {4, 8})
    measure(bits == 4 ? "palette of 4 bits" : "palette of 8 bits", count, [&] {
      PaletteOptions options;
      options.bits = bits;
      fitPalette(weights, {}, options);
    });
  for (unsigned k : {16, 256})
    measure(k == 16 ? "best table of 16" : "best table of 256", count,
            [&] { solveKMeans1D(weights, {}, {k}); });
  measure("best table of 16 with zero", count, [&] { solveKMeans1D(weights, {}, {16, true}); });
  measure("best tables of 16, per channel", count / 8, [&] {
    PaletteOptions options;
    options.start = PaletteStart::Exact;
    fitBlockPalettes({rows / 8, columns, 1}, columns,
                     llvm::ArrayRef<float>(weights).take_front(count / 8), {}, options);
  });

  measure("k-means of vectors of 8, 256 centers", size_t(1) << 20, [&] {
    KMeansOptions options;
    options.maxIterations = 10;
    options.tolerance = 0;
    fitKMeans(llvm::ArrayRef<float>(weights).take_front(1 << 20), 8, {}, options);
  });

  const BlockView contiguous{rows, columns, 1}, strided{1, rows, columns}, conv{14563, 128, 9};
  auto prune = [&](const char *layout, BlockView view, NMPattern pattern) {
    char name[96];
    uint64_t numElements = view.getNumElements();
    uint64_t rowLength = view.inner == 1 ? getCompactLength(pattern, view.k) : view.inner;
    std::snprintf(name, sizeof(name), "mask %u:%u, %s", pattern.n, pattern.m, layout);
    measure(name, numElements,
            [&] { computeNMMask(pattern, view, DataType::F32, weights.data(), mask.data()); });
    std::snprintf(name, sizeof(name), "compact int4 %u:%u, %s", pattern.n, pattern.m, layout);
    measure(name, numElements, [&] {
      compactNM(pattern, view, 4, codes.data(), mask.data(), rowLength, other.data(), meta.data());
    });
    std::snprintf(name, sizeof(name), "expand int4 %u:%u, %s", pattern.n, pattern.m, layout);
    std::vector<uint8_t> expanded(numElements);
    measure(name, numElements, [&] {
      expandNM(pattern, view, 4, other.data(), meta.data(), rowLength, 0, expanded.data());
    });
    std::snprintf(name, sizeof(name), "verify %u:%u, %s", pattern.n, pattern.m, layout);
    measure(name, numElements, [&] { verifyNMCodes(pattern, view, 4, expanded.data(), 0); });
  };
  prune("contiguous K", contiguous, {2, 4});
  prune("K outermost", strided, {2, 4});
  prune("inner 9", conv, {2, 4});
  prune("contiguous K", contiguous, {4, 8});
  prune("K outermost", strided, {4, 8});
  prune("K outermost", strided, {8, 32});

  for (bool perRow : {false, true}) {
    SparsityTarget half;
    half.ratio = 0.5;
    half.perRow = perRow;
    measure(perRow ? "mask 50 % of each row" : "mask 50 % of a layer", count,
            [&] { chooseMask(weights.data(), rows, columns, half); });
  }

  const size_t side = 1024, size = side * side;
  std::vector<float> gram(size), part(size);
  addGram(gram.data(), side, weights.data(), side, 4 * side);
  CodeGrid int4 = CodeGrid::makeUniform({DataType::I4, GridConvention::SymSignedMax});
  measure("gptq int4 group 128, 1024 x 1024", size, [&] {
    llvm::cantFail(gptq(int4, weights.data(), side, side, 128, gram.data()).takeError());
  });
  for (bool isNM : {false, true})
    measure(isNM ? "sparsegpt 2:4, 1024 x 1024" : "sparsegpt 50 %, 1024 x 1024", size, [&] {
      SparseGptOptions options;
      options.target.ratio = 0.5;
      if (isNM)
        options.target.nm = NMPattern{2, 4};
      std::copy_n(weights.begin(), size, part.begin());
      llvm::cantFail(sparseGpt(part.data(), side, side, gram.data(), options).takeError());
    });

  LowRankOptions rank256;
  rank256.maxRank = 256;
  measure("svd of rank 256, randomised, 4096 x 4096", count,
          [&] { llvm::cantFail(decomposeSvd(weights, rows, columns, rank256).takeError()); });
  llvm::ArrayRef<float> corner = llvm::ArrayRef(weights).take_front(size);
  measure("svd, exact, 1024 x 1024", size,
          [&] { llvm::cantFail(decomposeSvd(corner, side, side, {}).takeError()); });
  measure("svd-llm, exact, 1024 x 1024", size,
          [&] { llvm::cantFail(decomposeSvdLlm(corner, side, side, gram, {}).takeError()); });
  measure("drone, exact, 1024 x 1024", size,
          [&] { llvm::cantFail(decomposeDrone(corner, side, side, gram, {}).takeError()); });

  measure("additive codes 2 x 256 x 8, one round, 1024 x 1024", size, [&] {
    VectorCodebookOptions options = getAdditiveOptions(8, 256, 2);
    options.startIterations = 1;
    options.maxRounds = 1;
    fitVectorCodes(llvm::ArrayRef<float>(weights).take_front(size), side, side, gram, options);
  });

  measure("apply mask f32", count,
          [&] { applyMask(weights.data(), 4, count, mask.data(), dense.data()); });
  measure("transpose packed int4", count,
          [&] { transposePackedCodes(codes.data(), rows, columns, 4, rows, 8, other.data()); });
  return 0;
}
