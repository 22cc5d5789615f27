//===- UniformDequantization.cpp - values of a uniform grid ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "UniformDequantization.h"
#include "UniformKernels.h"
#include "compress/Algorithms/BitPacking.h"

using namespace mlir::compress;

template <typename T>
void Dequantizer<T>::read(uint64_t begin, uint64_t count, T *result) {
  const bool isCodeSigned = isSigned(tensor.codeType);
  const unsigned bits = getBitWidth(tensor.codeType);
  const uint64_t inner = tensor.view.inner;
  const uint64_t end = begin + count;
  while (begin < end) {
    uint64_t index = slabs.getSlabOfElement(begin);
    Slab slab = slabs.getSlab(index);
    uint64_t stop = std::min(end, slab.begin + slab.rows * inner);
    if (index != current)
      loadParameters(slab);
    current = index;
    forEachPiece(slab, begin, stop, width, [&](uint64_t at, uint64_t n, uint64_t phase) {
      unpackCodes(static_cast<const uint8_t *>(tensor.codes), at, n, bits, isCodeSigned, codes);
      if (width)
        decodeRow(codes, isCodeSigned, n, scales.data() + phase, zeroPoints.data() + phase, result);
      else
        decodeRun(codes, isCodeSigned, n, scales[0], zeroPoints[0], result);
      result += n;
      return true;
    });
    begin = stop;
  }
}

template <typename T>
void Dequantizer<T>::loadParameters(const Slab &slab) {
  const bool isCodeSigned = isSigned(tensor.codeType);
  const uint64_t inner = tensor.view.inner, lanes = std::max<uint64_t>(width, 1);
  scales.resize(lanes);
  zeroPoints.assign(lanes, 0);
  readFloats(tensor.scales, tensor.scaleType, slab.firstBlock, inner, scales.data());
  for (uint64_t i = inner; i < lanes; ++i)
    scales[i] = scales[i - inner];
  if (!tensor.zeroPoints)
    return;
  for (uint64_t first = 0; first < inner; first += kTile) {
    uint64_t count = std::min(kTile, inner - first);
    unpackCodes(static_cast<const uint8_t *>(tensor.zeroPoints), slab.firstBlock + first, count,
                getBitWidth(tensor.codeType), isCodeSigned, codes);
    for (uint64_t i = 0; i < count; ++i)
      zeroPoints[first + i] =
          isCodeSigned ? static_cast<T>(static_cast<int8_t>(codes[i])) : static_cast<T>(codes[i]);
  }
  for (uint64_t i = inner; i < lanes; ++i)
    zeroPoints[i] = zeroPoints[i - inner];
}

namespace mlir::compress {
template class Dequantizer<float>;
template class Dequantizer<double>;
} // namespace mlir::compress

template <typename T>
static void dequantize(const QuantizedTensor &tensor, DataType valueType, void *values,
                       ParallelFor parallelFor) {
  constexpr DataType native = sizeof(T) == 8 ? DataType::F64 : DataType::F32;
  uint64_t numElements = tensor.view.getNumElements();
  uint64_t chunk = std::max<uint64_t>(kSection, 8 * tensor.view.inner);
  bool isDirect = valueType == native && reinterpret_cast<uintptr_t>(values) % alignof(T) == 0;
  parallelFor((numElements + chunk - 1) / chunk, [&](size_t c) {
    Dequantizer<T> source(tensor);
    T tile[kTile];
    uint64_t end = std::min(numElements, (c + 1) * chunk);
    for (uint64_t at = c * chunk; at < end; at += kTile) {
      uint64_t count = std::min(kTile, end - at);
      if (isDirect) {
        source.read(at, count, static_cast<T *>(values) + at);
        continue;
      }
      source.read(at, count, tile);
      writeFloats(tile, count, values, valueType, at);
    }
  });
}

void mlir::compress::dequantizeUniform(const QuantizedTensor &tensor, DataType valueType,
                                       void *values, ParallelFor parallelFor) {
  if (tensor.view.getNumElements() == 0)
    return;
  if (valueType == DataType::F64 || tensor.scaleType == DataType::F64)
    dequantize<double>(tensor, valueType, values, parallelFor);
  else
    dequantize<float>(tensor, valueType, values, parallelFor);
}
