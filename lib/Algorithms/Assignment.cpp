//===- Assignment.cpp - linear sum assignment -----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Assignment.h"
#include <cassert>
#include <limits>

using namespace mlir::compress;

namespace {
/// Minimises the sum of cost = -value. Potentials satisfy u[i] + v[j] <= cost[i][j], with equality
/// for assigned pairs.
class Assignment {
public:
  Assignment(llvm::ArrayRef<double> value, size_t n)
      : value(value.data()), n(n), v(n, 0), rowOf(n, kNone), columnOf(n, kNone), distance(n),
        previous(n), isDone(n) {}

  std::vector<uint32_t> run() {
    start();
    for (size_t row = 0; row < n; ++row)
      if (columnOf[row] == kNone)
        augment(row);
    return columnOf;
  }

private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  /// Column reduction: v[j] is the least cost of column j. Rows whose own column has that cost get
  /// it, which is most of them when there is little to gain.
  void start() {
    for (size_t j = 0; j < n; ++j)
      v[j] = -value[j];
    for (size_t i = 1; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        v[j] = -value[i * n + j] < v[j] ? -value[i * n + j] : v[j];
    for (size_t i = 0; i < n; ++i)
      if (-value[i * n + i] == v[i])
        match(i, i);
  }

  void match(size_t row, size_t column) {
    rowOf[column] = static_cast<uint32_t>(row);
    columnOf[row] = static_cast<uint32_t>(column);
  }

  /// Reduced cost of a column as seen from `row`; the potential of the row is what makes that of
  /// its own column 0.
  double getPotential(size_t row) const {
    size_t column = columnOf[row];
    return -value[row * n + column] - v[column];
  }

  /// Dijkstra's algorithm from an unassigned row to an unassigned column.
  void augment(size_t start) {
    std::fill(isDone.begin(), isDone.end(), 0);
    std::fill(previous.begin(), previous.end(), static_cast<uint32_t>(start));
    const double *from = value + start * n;
    for (size_t j = 0; j < n; ++j)
      distance[j] = -from[j] - v[j];
    std::vector<uint32_t> settled;
    for (;;) {
      size_t next = kNone;
      double least = std::numeric_limits<double>::infinity();
      for (size_t j = 0; j < n; ++j)
        if (!isDone[j] && distance[j] < least) {
          least = distance[j];
          next = j;
        }
      assert(next != kNone && "values must be finite");
      if (rowOf[next] == kNone) {
        for (uint32_t j : settled)
          v[j] += distance[j] - least;
        flip(start, next);
        return;
      }
      isDone[next] = 1;
      settled.push_back(static_cast<uint32_t>(next));
      size_t row = rowOf[next];
      const double *values = value + row * n;
      double base = least - getPotential(row);
      for (size_t j = 0; j < n; ++j) {
        double through = base - values[j] - v[j];
        if (!isDone[j] && through < distance[j]) {
          distance[j] = through;
          previous[j] = static_cast<uint32_t>(row);
        }
      }
    }
  }

  /// Moves every row on the path to `column` one column further.
  void flip(size_t start, size_t column) {
    for (;;) {
      size_t row = previous[column], free = columnOf[row];
      match(row, column);
      if (row == start)
        return;
      column = free;
    }
  }

  const double *value;
  size_t n;
  std::vector<double> v;
  std::vector<uint32_t> rowOf, columnOf;
  std::vector<double> distance;
  std::vector<uint32_t> previous;
  std::vector<uint8_t> isDone;
};
} // namespace

std::vector<uint32_t> mlir::compress::assignRows(llvm::ArrayRef<double> value, size_t n) {
  assert(value.size() == n * n && n < std::numeric_limits<uint32_t>::max());
  if (n == 0)
    return {};
  return Assignment(value, n).run();
}
