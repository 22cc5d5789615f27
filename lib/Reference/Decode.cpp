//===- Decode.cpp - tables, masks and sparse codes ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BlockGrid.h"
#include "Common.h"
#include "compress/Reference/Quantization.h"
#include "compress/Support/NumericFormats.h"

#include "llvm/ADT/bit.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

Expected<Tensor> reference::lookup(const Tensor &codes, const Tensor &table,
                                   ArrayRef<int64_t> block) {
  StringRef op = "lookup";
  if (codes.getType() != DataType::Bool)
    if (llvm::Error error = checkInteger(op, codes, "codes"))
      return std::move(error);
  Expected<BlockMap> blocks = BlockMap::create(op, codes.getShape(), block);
  if (!blocks)
    return blocks.takeError();
  size_t lead = blocks->grid.size();
  if (table.getRank() != static_cast<int64_t>(lead) + 1 ||
      table.getShape().take_front(lead) != ArrayRef<int64_t>(blocks->grid))
    return opError(op, "table has shape " + shapeToString(table.getShape()) +
                           ", expected the block grid " + shapeToString(blocks->grid) +
                           " and one more dim");
  Expected<Tensor> dense = table.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  Expected<Tensor> result = Tensor::create(table.getType(), codes.getShape());
  if (!result)
    return inOp(op, result.takeError());
  auto size = static_cast<uint64_t>(table.getShape().back());
  uint64_t mask = ~uint64_t(0) >> (64 - getBitWidth(codes.getType()));
  int64_t next = 0;
  std::optional<uint64_t> wrong;
  forEachIndex(codes.getShape(), [&](ArrayRef<int64_t> index) {
    uint64_t code = static_cast<uint64_t>(codes.loadInt(codes.getSlot(index))) & mask;
    int64_t slot = next++;
    if (code >= size) {
      wrong = code;
      return;
    }
    int64_t first = dense->getOffset() + blocks->getSlot(index) * static_cast<int64_t>(size);
    result->copySlot(slot, *dense, first + static_cast<int64_t>(code));
  });
  if (wrong)
    return opError(op,
                   "code " + Twine(*wrong) + " is outside a table of " + Twine(size) + " entries");
  return result;
}

int64_t reference::getNmCodeLength(int64_t length, int64_t n, int64_t m) {
  return length / m * n + std::min(n, length % m);
}

unsigned reference::getNmPositionBits(int64_t m) {
  return m <= 2 ? 1 : llvm::bit_width(static_cast<uint64_t>(m - 1));
}

SmallVector<int64_t> reference::getNmMetaShape(ArrayRef<int64_t> codesShape, int64_t m) {
  SmallVector<int64_t> shape(codesShape);
  if (!shape.empty()) {
    // ceil(dim * bits / 8) without overflow.
    auto bits = static_cast<int64_t>(getNmPositionBits(m));
    shape.back() = shape.back() / 8 * bits + (shape.back() % 8 * bits + 7) / 8;
  }
  return shape;
}

static llvm::Error checkBytes(StringRef op, const Tensor &x, StringRef what) {
  if (x.getType() == DataType::I8 || x.getType() == DataType::U8)
    return llvm::Error::success();
  return opError(op, what + " has type " + getName(x.getType()) + ", expected i8 or ui8");
}

static llvm::Error checkFill(StringRef op, const Tensor &fill, DataType type) {
  if (llvm::Error error = checkType(op, fill, type, "fill"))
    return error;
  return checkOneElement(op, fill, "fill");
}

/// The bytes of a contiguous tensor of one-byte slots.
static ArrayRef<char> getBytes(const Tensor &x) {
  if (x.getNumElements() == 0)
    return {};
  return {x.getData<char>() + x.getOffset(), static_cast<size_t>(x.getNumElements())};
}

static Expected<Tensor> createFilled(StringRef op, ArrayRef<int64_t> shape, const Tensor &fill) {
  Expected<Tensor> result = Tensor::create(fill.getType(), shape);
  if (!result)
    return inOp(op, result.takeError());
  for (int64_t i = 0; i < result->getNumElements(); ++i)
    result->copySlot(i, fill, getOnlySlot(fill));
  return result;
}

Expected<Tensor> reference::expandNm(const Tensor &codes, const Tensor &meta, int64_t n, int64_t m,
                                     int64_t axis, int64_t denseLength, const Tensor &fill) {
  StringRef op = "expand_nm";
  Expected<int64_t> normal = normalizeAxis(axis, codes.getRank());
  if (!normal)
    return inOp(op, normal.takeError());
  if (n < 1 || n > m || m > 256)
    return opError(op, "expected 1 <= n <= m <= 256, found n = " + Twine(n) + ", m = " + Twine(m));
  if (denseLength < 0 || codes.getDim(*normal) != getNmCodeLength(denseLength, n, m))
    return opError(op, "codes of shape " + shapeToString(codes.getShape()) + " are no " + Twine(n) +
                           ":" + Twine(m) + " of length " + Twine(denseLength) + " along axis " +
                           Twine(axis));
  if (llvm::Error error = checkFill(op, fill, codes.getType()))
    return std::move(error);
  if (llvm::Error error = checkBytes(op, meta, "metadata"))
    return std::move(error);
  if (llvm::Error error = checkShape(op, meta, getNmMetaShape(codes.getShape(), m), "metadata"))
    return std::move(error);
  SmallVector<int64_t> shape(codes.getShape());
  shape[*normal] = denseLength;
  Expected<Tensor> result = createFilled(op, shape, fill);
  if (!result || codes.getNumElements() == 0)
    return result;
  Expected<Tensor> packed = meta.contiguous();
  if (!packed)
    return inOp(op, packed.takeError());
  ArrayRef<char> bytes = getBytes(*packed);

  unsigned bits = getNmPositionBits(m);
  uint64_t rowBits = static_cast<uint64_t>(meta.getShape().back()) * 8;
  int64_t last = codes.getRank() - 1;
  // Position, inside its group, of the kept code at an index.
  auto readPosition = [&](ArrayRef<int64_t> index) {
    int64_t row = 0;
    for (int64_t i = 0; i < last; ++i)
      row = row * codes.getDim(i) + index[i];
    return static_cast<int64_t>(
        readBits(bytes, static_cast<uint64_t>(row) * rowBits + index[last] * bits, bits));
  };
  int64_t fullGroups = denseLength / m;
  std::optional<int64_t> wrong;
  SmallVector<int64_t> where;
  forEachIndex(codes.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t kept = index[*normal], group = std::min(kept / n, fullGroups);
    int64_t groupSize = std::min(m, denseLength - group * m);
    int64_t position = readPosition(index);
    where.assign(index.begin(), index.end());
    int64_t previous = -1;
    if (kept > group * n) {
      --where[*normal];
      previous = readPosition(where);
    }
    if (position >= groupSize || position <= previous) {
      wrong = position;
      return;
    }
    where[*normal] = group * m + position;
    result->copySlot(result->getSlot(where), codes, codes.getSlot(index));
  });
  if (wrong)
    return opError(op, "position " + Twine(*wrong) +
                           " is out of range or does not increase inside its group");
  return result;
}

Expected<Tensor> reference::expandBitmap(const Tensor &codes, const Tensor &bitmap,
                                         ArrayRef<int64_t> shape, const Tensor &fill) {
  StringRef op = "expand_bitmap";
  if (codes.getRank() != 1)
    return opError(op, "codes have shape " + shapeToString(codes.getShape()) + ", expected rank 1");
  if (llvm::Error error = checkFill(op, fill, codes.getType()))
    return std::move(error);
  if (llvm::Error error = checkBytes(op, bitmap, "bitmap"))
    return std::move(error);
  Expected<Tensor> result = createFilled(op, shape, fill);
  if (!result)
    return result;
  int64_t count = result->getNumElements();
  if (llvm::Error error = checkShape(op, bitmap, {(count + 7) / 8}, "bitmap"))
    return std::move(error);
  Expected<Tensor> packed = bitmap.contiguous();
  if (!packed)
    return inOp(op, packed.takeError());
  ArrayRef<char> bytes = getBytes(*packed);
  int64_t kept = 0, available = codes.getDim(0);
  for (int64_t i = 0; i < count; ++i) {
    if (!readBits(bytes, static_cast<uint64_t>(i), 1))
      continue;
    if (kept < available)
      result->copySlot(i, codes, codes.getSlot({kept}));
    ++kept;
  }
  if (kept != available)
    return opError(op, "the bitmap keeps " + Twine(kept) + " elements, found " + Twine(available) +
                           " codes");
  return result;
}

Expected<Tensor> reference::mask(const Tensor &x, const Tensor &mask) {
  if (x.getType() == DataType::String)
    return opError("mask", "input has type string, expected a numeric type");
  if (llvm::Error error = checkType("mask", mask, DataType::Bool, "mask"))
    return std::move(error);
  Expected<Tensor> wide = mask.broadcastTo(x.getShape());
  if (!wide)
    return inOp("mask", wide.takeError());
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result)
    return inOp("mask", result.takeError());
  int64_t next = 0;
  forEachSlot<2>(x.getShape(), {&x, &*wide}, [&](auto slots) {
    int64_t slot = next++;
    if (wide->loadInt(slots[1]))
      result->copySlot(slot, x, slots[0]);
  });
  return result;
}
