//===- Report.h - what compression did to each layer ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_REPORT_H
#define COMPRESS_SUPPORT_REPORT_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

/// How the zeros of a pruned weight are stored.
enum class SparseForm : uint8_t {
  /// It was not pruned.
  None,
  /// Kept values with their positions: fewer bytes. Time only with kernels that know the pattern;
  /// others get a weight that is decoded when the model is compiled.
  NM,
  /// Kept values with a bitmap: fewer bytes, no less time.
  Bitmap,
  /// As values like any other: neither.
  Dense,
};

/// One weighted layer: what it cost, what it costs now, and what was done or why nothing was.
struct LayerReport {
  /// The layer's `name` property.
  std::string name;
  /// Kind of op: `linear`, `conv`, ...
  std::string op;
  /// Symbol of the weight before compression, without `@`.
  std::string weight;
  /// The layer whose weight this was a part of before it was split in two; empty: none. The bytes
  /// before are then those of that weight for one of its parts, and 0 for the others.
  std::string origin;
  /// Dense shape of the weight, outermost first.
  llvm::SmallVector<int64_t, 4> shape;
  /// Stored bytes of the weight before and after, scales, zero points and positions included.
  uint64_t bytesBefore = 0;
  uint64_t bytesAfter = 0;
  /// Fraction of exact zeros in the decoded weight, in [0, 1].
  std::optional<double> sparsity;
  SparseForm sparseForm = SparseForm::None;
  /// Relative error of the decoded weight, `sqrt(sum((w' - w)^2) / sum(w^2))`.
  std::optional<double> relativeError;
  /// Signal to quantization noise of the layer's output on the calibration data, in dB: `10
  /// log10(tr(W G W^T) / tr(E G E^T))` with the Gram matrix G of its input. Infinite if the output
  /// did not change.
  std::optional<double> outputSqnr;
  /// What was done, for example `int4 group 128, 2:4`; empty if the layer was left alone.
  std::string action;
  /// Why the layer, or a part of the request for it, was left alone; empty if nothing was skipped.
  std::string reason;
  /// Whether the weight was already counted with an earlier layer (tied weights): its bytes are
  /// then left out of the totals.
  bool shared = false;

  /// The layer that recipes know: `origin`, else `name`.
  llvm::StringRef getRecipeName() const { return origin.empty() ? name : origin; }
  /// Elements of the dense weight (0 for an empty shape product that overflows).
  uint64_t getNumElements() const;
  /// Stored bits per weight after compression, `8 * bytesAfter / elements`; 0 for an empty weight.
  double getBitsPerWeight() const;
  /// `outputSqnr`, else that of the weight, `-20 log10(relativeError)`; what culprits are ranked
  /// by.
  std::optional<double> getSqnr() const;
};

/// What a mixed-precision pass saw of one weight.
struct SensitivityReport {
  std::string layer;
  /// In the order of the recipe: format, stored bytes, and what it costs.
  struct Candidate {
    std::string format;
    uint64_t bytes = 0;
    double sensitivity = 0;
  };
  std::vector<Candidate> candidates;
  /// Index of the format that the layer got.
  unsigned chosen = 0;

  /// The largest of the sensitivities; 0 without candidates.
  double getWorst() const;
};

/// What a mixed-precision pass decided.
struct AllocationReport {
  /// As planned: `mixed,avg=5.2,...`.
  std::string request;
  /// `output` or `weights`.
  std::string metric;
  uint64_t weights = 0, bytes = 0, budget = 0;
  /// Whether nothing better exists.
  bool exact = true;
  /// Those that suffer most in their worst format first.
  std::vector<SensitivityReport> layers;
};

/// One attempt to hold `--max-drop`.
struct TrialReport {
  /// Layers that were left alone, worst first.
  std::vector<std::string> excluded;
  double metric = 0;
  /// How much worse than the original, in the unit of the gate.
  double drop = 0;
  bool passed = false;
};

/// What the accuracy gate did.
struct GateReport {
  /// As given: `0.5%`.
  std::string maxDrop;
  double originalMetric = 0;
  bool passed = false;
  /// Index of the trial whose model was written.
  size_t best = 0;
  std::vector<TrialReport> trials;
};

/// Totals of a report; shared weights are counted once.
struct ReportTotals {
  uint64_t layers = 0;
  uint64_t compressed = 0;
  uint64_t weights = 0;
  uint64_t bytesBefore = 0;
  uint64_t bytesAfter = 0;
};

/// The report of one run.
struct Report {
  /// Version of the JSON form.
  static constexpr int version = 1;

  /// Input file or module name.
  std::string model;
  /// The resolved recipe, in canonical form.
  std::string recipe;
  /// Size in bytes of all weights of the model, also those of no weighted layer, before and after.
  uint64_t modelBytesBefore = 0;
  uint64_t modelBytesAfter = 0;
  std::vector<LayerReport> layers;
  /// Operators that have no model op and were kept as they are, with the number of nodes.
  std::map<std::string, uint64_t> opaque;
  /// Mixed precision, one entry per request of the recipe.
  std::vector<AllocationReport> allocations;
  std::optional<GateReport> gate;

  /// Adds what a pass did to a layer. If an earlier pass did something to it already (channels were
  /// removed, and now the rest is quantized), the two become one line, which goes from what was
  /// there first to what there is now. Whether there is something new to show.
  bool addLayer(const LayerReport &layer);
  /// Compressed layers with a known error, those that suffer most first; weights that were counted
  /// before are left out, and so are parts of a layer after the first one. Equal ones stay in
  /// order.
  std::vector<const LayerReport *> getCulprits() const;
  ReportTotals getTotals() const;
  /// The report with its keys in a fixed order; a number that is not finite becomes `null`.
  void writeJSON(llvm::raw_ostream &os) const;
  /// `writeJSON` as a string, for tests.
  std::string toJSON() const;
};

/// Prints a table while work goes on: the header with the first row, one aligned line per layer,
/// the totals at the end. Column widths are fixed beforehand; longer cells push their line to the
/// right.
class TablePrinter {
public:
  /// `nameWidth` is the width of the first column, at most 60 of which are used.
  explicit TablePrinter(llvm::raw_ostream &os, unsigned nameWidth = 32);

  /// Prints one line and flushes, so that progress is seen.
  void printRow(const LayerReport &layer);
  /// Prints the totals line.
  void printTotals(const Report &report);

private:
  void printHeader();
  llvm::raw_ostream &os;
  unsigned nameWidth;
  bool headerPrinted = false;
};

/// Prints what was decided about mixed precision: the sensitivities of the worst layers.
void printAllocation(const AllocationReport &allocation, llvm::raw_ostream &os);
/// Prints what the zeros of pruned layers bring: bytes, time or neither; nothing if there are none.
void printSparsity(const Report &report, llvm::raw_ostream &os);
/// Prints the worst compressed layers, one line; nothing if no error is known.
void printCulprits(const Report &report, llvm::raw_ostream &os);

/// Prints the whole report as a table: every layer, then the totals.
void printTable(const Report &report, llvm::raw_ostream &os);

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_REPORT_H
