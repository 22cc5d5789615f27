//===- MemoryPlan.cpp - packing of buffers by live range -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/MemoryPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <algorithm>
#include <functional>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::SmallVector;

int64_t mlir::compress::getPeakBytes(ArrayRef<LiveBuffer> buffers) {
  // Changes of the living bytes; what ends at a position is still alive there.
  SmallVector<std::pair<int64_t, int64_t>> changes;
  for (const LiveBuffer &buffer : buffers) {
    changes.push_back({buffer.begin, alignBytes(buffer.bytes)});
    changes.push_back({buffer.end + 1, -alignBytes(buffer.bytes)});
  }
  llvm::sort(changes);
  int64_t alive = 0, peak = 0;
  for (auto [position, change] : changes)
    peak = std::max(peak, alive += change);
  return peak;
}

/// Places buffers in `order`, each into the smallest gap that holds it between those it overlaps.
static MemoryPlan placeInOrder(ArrayRef<LiveBuffer> buffers, ArrayRef<unsigned> order) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  SmallVector<unsigned> placed; // by offset
  for (unsigned index : order) {
    const LiveBuffer &buffer = buffers[index];
    int64_t bytes = alignBytes(buffer.bytes), end = 0, best = -1, bestGap = 0;
    for (unsigned other : placed) {
      if (!buffer.overlaps(buffers[other]))
        continue;
      int64_t gap = plan.offsets[other] - end;
      if (gap >= bytes && (best < 0 || gap < bestGap)) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, plan.offsets[other] + alignBytes(buffers[other].bytes));
    }
    int64_t offset = best < 0 ? end : best;
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    auto after =
        std::upper_bound(placed.begin(), placed.end(), offset, [&](int64_t value, unsigned other) {
          return value < plan.offsets[other];
        });
    placed.insert(after, index);
  }
  return plan;
}

/// Tries again with a buffer that reaches the top of the arena first, while work is left.
static void improve(ArrayRef<LiveBuffer> buffers, SmallVector<unsigned> order, int64_t peak,
                    MemoryPlan &best) {
  MemoryPlan plan = placeInOrder(buffers, order);
  int64_t tries = std::min<int64_t>(200, 20'000'000 / (1 + buffers.size() * buffers.size()));
  for (; tries > 0 && best.bytes > peak; --tries) {
    auto *top = llvm::find_if(order, [&](unsigned index) {
      return plan.offsets[index] + alignBytes(buffers[index].bytes) == plan.bytes;
    });
    if (top == order.begin())
      return;
    std::rotate(order.begin(), top, top + 1);
    plan = placeInOrder(buffers, order);
    if (plan.bytes < best.bytes)
      best = plan;
  }
}

MemoryPlan mlir::compress::planMemory(ArrayRef<LiveBuffer> buffers) {
  using Key = std::function<std::pair<int64_t, int64_t>(const LiveBuffer &)>;
  auto life = [](const LiveBuffer &buffer) { return buffer.end - buffer.begin + 1; };
  const Key keys[] = {
      [&](const LiveBuffer &buffer) { return std::pair(-buffer.bytes, -life(buffer)); },
      [&](const LiveBuffer &buffer) { return std::pair(-buffer.bytes * life(buffer), int64_t(0)); },
      [&](const LiveBuffer &buffer) { return std::pair(buffer.begin, -buffer.bytes); },
      [&](const LiveBuffer &buffer) { return std::pair(-life(buffer), -buffer.bytes); }};
  int64_t peak = getPeakBytes(buffers);
  MemoryPlan best;
  best.bytes = std::numeric_limits<int64_t>::max();
  SmallVector<SmallVector<unsigned>> orders;
  for (const Key &key : keys) {
    auto &order = orders.emplace_back(llvm::to_vector(llvm::seq<unsigned>(0, buffers.size())));
    llvm::sort(order, [&](unsigned a, unsigned b) {
      return std::pair(key(buffers[a]), a) < std::pair(key(buffers[b]), b);
    });
    MemoryPlan plan = placeInOrder(buffers, order);
    if (plan.bytes < best.bytes)
      best = std::move(plan);
    if (best.bytes == peak)
      return best;
  }
  for (const SmallVector<unsigned> &order : orders)
    improve(buffers, order, peak, best);
  return best;
}

SmallVector<int64_t> mlir::compress::assignSlots(ArrayRef<LiveBuffer> buffers) {
  struct Slot {
    int64_t bytes, sizeClass;
    SmallVector<unsigned> members;
  };
  SmallVector<Slot> slots;
  SmallVector<int64_t> result(buffers.size());
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, buffers.size()));
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::pair(-buffers[a].bytes, a) < std::pair(-buffers[b].bytes, b);
  });
  for (unsigned index : order) {
    const LiveBuffer &buffer = buffers[index];
    auto getCost = [&](const Slot &slot) {
      return std::pair(slot.sizeClass != buffer.sizeClass, std::abs(slot.bytes - buffer.bytes));
    };
    Slot *best = nullptr;
    for (Slot &slot : slots) {
      bool isFree = llvm::none_of(
          slot.members, [&](unsigned member) { return buffer.overlaps(buffers[member]); });
      if (isFree && (!best || getCost(slot) < getCost(*best)))
        best = &slot;
    }
    if (!best)
      best = &slots.emplace_back(Slot{buffer.bytes, buffer.sizeClass, {}});
    best->members.push_back(index);
    result[index] = best - slots.data();
  }
  return result;
}
