//===- NaiveFloats.h - plain float storage for the tests of algorithms -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ALGORITHMS_NAIVEFLOATS_H
#define COMPRESS_TEST_UNIT_ALGORITHMS_NAIVEFLOATS_H

#include "compress/Support/DataType.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstring>
#include <thread>
#include <vector>

namespace naive {

using mlir::compress::DataType;

inline const llvm::fltSemantics &getSemantics(DataType type) {
  switch (type) {
  case DataType::F64:
    return llvm::APFloat::IEEEdouble();
  case DataType::F16:
    return llvm::APFloat::IEEEhalf();
  case DataType::BF16:
    return llvm::APFloat::BFloat();
  default:
    return llvm::APFloat::IEEEsingle();
  }
}

inline unsigned getBytes(DataType type) {
  return llvm::APFloat::getSizeInBits(getSemantics(type)) / 8;
}

/// Stores one number, rounded half to even, and loads it.
inline void put(std::vector<char> &data, DataType type, size_t index, double value) {
  llvm::APFloat number(value);
  bool loses;
  number.convert(getSemantics(type), llvm::APFloat::rmNearestTiesToEven, &loses);
  uint64_t bits = number.bitcastToAPInt().getZExtValue();
  std::memcpy(data.data() + index * getBytes(type), &bits, getBytes(type));
}
inline double get(const std::vector<char> &data, DataType type, size_t index) {
  uint64_t bits = 0;
  std::memcpy(&bits, data.data() + index * getBytes(type), getBytes(type));
  llvm::APFloat number(getSemantics(type), llvm::APInt(getBytes(type) * 8, bits));
  bool loses;
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return number.convertToDouble();
}

/// Code `index` of a packed tensor, bit by bit.
inline int getCode(const std::vector<uint8_t> &packed, unsigned bits, bool isSigned, size_t index) {
  int code = 0;
  for (unsigned i = 0; i < bits; ++i) {
    size_t bit = index * bits + i;
    code |= (packed[bit / 8] >> (bit % 8) & 1) << i;
  }
  return isSigned && code >> (bits - 1) ? code - (1 << bits) : code;
}

/// A parallel for of three threads that runs chunks backwards.
inline void threadedFor(size_t n, llvm::function_ref<void(size_t)> body) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = n; i-- > 0;)
        if (i % 3 == t)
          body(i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace naive

#endif // COMPRESS_TEST_UNIT_ALGORITHMS_NAIVEFLOATS_H
