//===- Report.cpp - what compression did to each layer --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Report.h"
#include "compress/Support/ByteSize.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace llvm;

namespace mlir::compress {

uint64_t LayerReport::getNumElements() const {
  uint64_t count = 1;
  for (int64_t dim : shape) {
    bool overflow = false;
    count = dim < 0 ? 0 : SaturatingMultiply(count, static_cast<uint64_t>(dim), &overflow);
    if (overflow)
      return 0;
  }
  return count;
}

double LayerReport::getBitsPerWeight() const {
  uint64_t count = getNumElements();
  return count == 0 ? 0.0 : 8.0 * static_cast<double>(bytesAfter) / static_cast<double>(count);
}

std::optional<double> LayerReport::getSqnr() const {
  if (outputSqnr)
    return outputSqnr;
  if (!relativeError)
    return std::nullopt;
  return -20 * std::log10(*relativeError);
}

double SensitivityReport::getWorst() const {
  double worst = 0;
  for (const Candidate &candidate : candidates)
    worst = std::max(worst, candidate.sensitivity);
  return worst;
}

/// Puts `more` behind `text`.
static void append(std::string &text, StringRef more, StringRef separator) {
  if (!text.empty() && !more.empty())
    text += separator;
  text += more;
}

bool Report::addLayer(const LayerReport &layer) {
  // The first part of a layer takes the place of what was said of the layer.
  if (!layer.origin.empty() && layer.bytesBefore) {
    auto whole = llvm::find_if(layers, [&](const LayerReport &other) {
      return other.name == layer.origin && other.origin.empty();
    });
    if (whole != layers.end()) {
      LayerReport part = layer;
      part.bytesBefore = whole->bytesBefore;
      part.action = whole->action;
      append(part.action, layer.action, ", ");
      part.reason = whole->reason;
      append(part.reason, layer.reason, "; ");
      *whole = std::move(part);
      return true;
    }
  }
  // Names need not be unique: where nothing was done, the weight must be the same, too.
  auto earlier = llvm::find_if(layers, [&](const LayerReport &other) {
    return other.name == layer.name && other.op == layer.op &&
           (!other.action.empty() || other.weight == layer.weight);
  });
  if (earlier == layers.end()) {
    layers.push_back(layer);
    return true;
  }
  if (earlier->action.empty())
    earlier->shared = layer.shared;
  // Bytes that are stored with another layer now are counted there.
  earlier->bytesAfter = layer.shared && !earlier->shared ? 0 : layer.bytesAfter;
  if (layer.action.empty())
    return false;
  append(earlier->action, layer.action, ", ");
  append(earlier->reason, layer.reason, "; ");
  earlier->shared &= layer.shared;
  earlier->sparsity = layer.sparsity;
  earlier->sparseForm = layer.sparseForm;
  if (layer.origin.empty() && earlier->origin.empty()) {
    earlier->relativeError = layer.relativeError;
    earlier->outputSqnr = layer.outputSqnr;
    return true;
  }
  // Errors of a split, and of what is done to its parts: the larger one tells more.
  auto worst = [](std::optional<double> a, std::optional<double> b, bool largest) {
    if (!a || !b)
      return a ? a : b;
    return std::optional(largest ? std::max(*a, *b) : std::min(*a, *b));
  };
  earlier->relativeError = worst(earlier->relativeError, layer.relativeError, true);
  earlier->outputSqnr = worst(earlier->outputSqnr, layer.outputSqnr, false);
  return true;
}

std::vector<const LayerReport *> Report::getCulprits() const {
  std::vector<std::pair<double, size_t>> ranked;
  for (auto [index, layer] : llvm::enumerate(layers))
    if (std::optional<double> sqnr = layer.getSqnr();
        sqnr && !layer.shared && !layer.action.empty())
      // What is not a number is the worst of all.
      ranked.emplace_back(std::isnan(*sqnr) ? -std::numeric_limits<double>::infinity() : *sqnr,
                          index);
  llvm::sort(ranked);
  std::vector<const LayerReport *> culprits;
  llvm::StringSet<> known;
  for (auto [sqnr, index] : ranked)
    if (known.insert(layers[index].getRecipeName()).second)
      culprits.push_back(&layers[index]);
  return culprits;
}

ReportTotals Report::getTotals() const {
  ReportTotals totals;
  for (const LayerReport &layer : layers) {
    ++totals.layers;
    totals.compressed += !layer.action.empty();
    if (layer.shared)
      continue;
    totals.weights += layer.getNumElements();
    totals.bytesBefore += layer.bytesBefore;
    totals.bytesAfter += layer.bytesAfter;
  }
  return totals;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// JSON numbers are finite; unknown and infinite values are `null`.
static json::Value makeNumber(std::optional<double> value) {
  if (!value || !std::isfinite(*value))
    return nullptr;
  return *value;
}

/// llvm::json wants UTF-8; names come from files.
static std::string makeText(StringRef text) { return json::fixUTF8(text); }

static StringRef getName(SparseForm form) {
  switch (form) {
  case SparseForm::None:
    return "none";
  case SparseForm::NM:
    return "n:m";
  case SparseForm::Bitmap:
    return "bitmap";
  case SparseForm::Dense:
    return "dense";
  }
  llvm_unreachable("unknown form");
}

static void writeLayer(json::OStream &json, const LayerReport &layer) {
  json.object([&] {
    json.attribute("name", makeText(layer.name));
    json.attribute("op", makeText(layer.op));
    json.attribute("weight", makeText(layer.weight));
    if (!layer.origin.empty())
      json.attribute("origin", makeText(layer.origin));
    json.attributeArray("shape", [&] {
      for (int64_t dim : layer.shape)
        json.value(dim);
    });
    json.attribute("shared", layer.shared);
    json.attribute("bytes_before", layer.bytesBefore);
    json.attribute("bytes_after", layer.bytesAfter);
    json.attribute("bits_per_weight", makeNumber(layer.getBitsPerWeight()));
    json.attribute("sparsity", makeNumber(layer.sparsity));
    if (layer.sparseForm != SparseForm::None)
      json.attribute("sparse_form", getName(layer.sparseForm));
    json.attribute("relative_error", makeNumber(layer.relativeError));
    json.attribute("output_sqnr_db", makeNumber(layer.outputSqnr));
    json.attribute("action", makeText(layer.action));
    json.attribute("reason", makeText(layer.reason));
  });
}

static void writeAllocation(json::OStream &json, const AllocationReport &allocation) {
  json.object([&] {
    json.attribute("request", makeText(allocation.request));
    json.attribute("metric", makeText(allocation.metric));
    json.attribute("weights", allocation.weights);
    json.attribute("bytes", allocation.bytes);
    json.attribute("budget", allocation.budget);
    json.attribute("exact", allocation.exact);
    json.attributeArray("layers", [&] {
      for (const SensitivityReport &layer : allocation.layers)
        json.object([&] {
          json.attribute("name", makeText(layer.layer));
          json.attribute("chosen", layer.chosen < layer.candidates.size()
                                       ? makeText(layer.candidates[layer.chosen].format)
                                       : "");
          json.attributeArray("candidates", [&] {
            for (const SensitivityReport::Candidate &candidate : layer.candidates)
              json.object([&] {
                json.attribute("format", makeText(candidate.format));
                json.attribute("bytes", candidate.bytes);
                json.attribute("sensitivity", makeNumber(candidate.sensitivity));
              });
          });
        });
    });
  });
}

static void writeGate(json::OStream &json, const GateReport &gate) {
  json.attributeObject("accuracy_gate", [&] {
    json.attribute("max_drop", makeText(gate.maxDrop));
    json.attribute("original_metric", makeNumber(gate.originalMetric));
    json.attribute("passed", gate.passed);
    json.attribute("best", static_cast<uint64_t>(gate.best));
    json.attributeArray("trials", [&] {
      for (const TrialReport &trial : gate.trials)
        json.object([&] {
          json.attributeArray("excluded", [&] {
            for (StringRef name : trial.excluded)
              json.value(makeText(name));
          });
          json.attribute("metric", makeNumber(trial.metric));
          json.attribute("drop", makeNumber(trial.drop));
          json.attribute("passed", trial.passed);
        });
    });
  });
}

void Report::writeJSON(raw_ostream &os) const {
  ReportTotals totals = getTotals();
  json::OStream json(os, /*IndentSize=*/2);
  json.object([&] {
    json.attribute("version", Report::version);
    json.attribute("model", makeText(model));
    json.attribute("recipe", makeText(recipe));
    json.attributeObject("totals", [&] {
      json.attribute("layers", totals.layers);
      json.attribute("layers_compressed", totals.compressed);
      json.attribute("weights", totals.weights);
      json.attribute("bytes_before", totals.bytesBefore);
      json.attribute("bytes_after", totals.bytesAfter);
      json.attribute("model_bytes_before", modelBytesBefore);
      json.attribute("model_bytes_after", modelBytesAfter);
    });
    if (!opaque.empty())
      json.attributeObject("kept_onnx_nodes", [&] {
        for (const auto &[name, count] : opaque)
          json.attribute(makeText(name), count);
      });
    json.attributeArray("layers", [&] {
      for (const LayerReport &layer : layers)
        writeLayer(json, layer);
    });
    json.attributeArray("culprits", [&] {
      for (const LayerReport *layer : getCulprits())
        json.object([&] {
          json.attribute("name", makeText(layer->getRecipeName()));
          json.attribute("sqnr_db", makeNumber(layer->getSqnr()));
          json.attribute("of", layer->outputSqnr ? "output" : "weight");
        });
    });
    if (!allocations.empty())
      json.attributeArray("mixed_precision", [&] {
        for (const AllocationReport &allocation : allocations)
          writeAllocation(json, allocation);
      });
    if (gate)
      writeGate(json, *gate);
  });
  os << '\n';
}

std::string Report::toJSON() const {
  std::string text;
  raw_string_ostream os(text);
  writeJSON(os);
  return text;
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

TablePrinter::TablePrinter(raw_ostream &os, unsigned nameWidth)
    : os(os), nameWidth(std::clamp(nameWidth, 5u, 60u)) {}

/// One cell: `text` with control characters shown as `?`, padded to `width`.
static void printCell(raw_ostream &os, StringRef text, unsigned width, bool right = false) {
  std::string clean;
  for (char c : text)
    clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  unsigned padding = clean.size() < width ? width - static_cast<unsigned>(clean.size()) : 0;
  if (right)
    os.indent(padding) << clean;
  else
    (os << clean).indent(padding);
}

/// A whole line of cells; the last one is not padded.
static void printLine(raw_ostream &os, unsigned nameWidth, ArrayRef<std::string> cells) {
  static constexpr unsigned widths[] = {0, 14, 18, 10, 10, 6, 7, 10, 6};
  std::string line;
  raw_string_ostream lineOs(line);
  for (auto [i, cell] : llvm::enumerate(cells)) {
    if (i != 0)
      lineOs << "  ";
    bool last = i == std::size(widths);
    printCell(lineOs, cell,
              last     ? 0
              : i == 0 ? nameWidth
                       : widths[i],
              /*right=*/i >= 3 && !last);
  }
  os << StringRef(line).rtrim(' ') << '\n';
  os.flush();
}

void TablePrinter::printHeader() {
  if (headerPrinted)
    return;
  headerPrinted = true;
  printLine(os, nameWidth,
            {"layer", "op", "shape", "before", "after", "bits", "zeros", "error", "sqnr", "done"});
}

static std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return shape.empty() ? "scalar" : text;
}

/// "2.6x" or "" when there is nothing to compare.
static std::string formatRatio(uint64_t before, uint64_t after) {
  if (before == 0 || after == 0)
    return "";
  return formatv("{0:F2}x", static_cast<double>(before) / static_cast<double>(after)).str();
}

static std::string formatError(std::optional<double> error) {
  if (!error)
    return "-";
  if (!std::isfinite(*error))
    return std::isnan(*error) ? "nan" : "inf";
  return formatv("{0:e3}", *error).str();
}

/// Decibels of the output; "-" if they are not known.
static std::string formatSqnr(std::optional<double> sqnr) {
  if (!sqnr)
    return "-";
  if (!std::isfinite(*sqnr))
    return std::isnan(*sqnr) ? "nan" : "inf";
  return formatv("{0:F1}dB", *sqnr).str();
}

void TablePrinter::printRow(const LayerReport &layer) {
  printHeader();
  std::string done = layer.action;
  if (layer.action.empty())
    done = "left alone" + (layer.reason.empty() ? "" : ": " + layer.reason);
  else if (!layer.reason.empty())
    done += " (" + layer.reason + ")";
  if (layer.shared)
    done += " [shared weight]";
  printLine(os, nameWidth,
            {layer.name, layer.op, formatShape(layer.shape), formatBytes(layer.bytesBefore),
             formatBytes(layer.bytesAfter), formatv("{0:F2}", layer.getBitsPerWeight()).str(),
             layer.sparsity ? formatv("{0:F1}%", 100 * *layer.sparsity).str() : "-",
             formatError(layer.relativeError), formatSqnr(layer.outputSqnr), done});
}

void TablePrinter::printTotals(const Report &report) {
  printHeader();
  ReportTotals totals = report.getTotals();
  double bits = totals.weights == 0 ? 0.0
                                    : 8.0 * static_cast<double>(totals.bytesAfter) /
                                          static_cast<double>(totals.weights);
  std::string done = formatv("{0} of {1} layers compressed", totals.compressed, totals.layers);
  std::string ratio = formatRatio(totals.bytesBefore, totals.bytesAfter);
  if (!ratio.empty())
    done += ", " + ratio + " smaller";
  printLine(os, nameWidth,
            {"total", "", formatv("{0} weights", totals.weights).str(),
             formatBytes(totals.bytesBefore), formatBytes(totals.bytesAfter),
             formatv("{0:F2}", bits).str(), "", "", "", done});
  if (report.modelBytesBefore == 0)
    return;
  ratio = formatRatio(report.modelBytesBefore, report.modelBytesAfter);
  printLine(os, nameWidth,
            {"model", "", "", formatBytes(report.modelBytesBefore),
             formatBytes(report.modelBytesAfter), "", "", "", "",
             ratio.empty() ? "all weights" : "all weights, " + ratio + " smaller"});
}

void printAllocation(const AllocationReport &allocation, raw_ostream &os) {
  static constexpr size_t maxLayers = 10;
  double bits = allocation.weights == 0 ? 0.0
                                        : 8.0 * static_cast<double>(allocation.bytes) /
                                              static_cast<double>(allocation.weights);
  os << formatv("mixed precision: {0:F3} bits per weight, {1} of {2}{3}\n", bits,
                formatBytes(allocation.bytes), formatBytes(allocation.budget),
                allocation.exact ? "" : " (not the best one: too many layers)");
  os << "most sensitive layers (" << allocation.metric
     << " error by format; the chosen one in brackets):\n";
  size_t width = 5;
  ArrayRef<SensitivityReport> worst = ArrayRef(allocation.layers).take_front(maxLayers);
  for (const SensitivityReport &layer : worst)
    width = std::max(width, std::min<size_t>(layer.layer.size(), 60));
  for (const SensitivityReport &layer : worst) {
    os << "  ";
    printCell(os, layer.layer, static_cast<unsigned>(width));
    for (auto [i, candidate] : llvm::enumerate(layer.candidates))
      os << "  " << (i == layer.chosen ? "[" : "") << candidate.format << " "
         << formatError(candidate.sensitivity) << (i == layer.chosen ? "]" : "");
    os << "\n";
  }
  if (allocation.layers.size() > maxLayers)
    os << "  and " << allocation.layers.size() - maxLayers << " more\n";
}

void printSparsity(const Report &report, raw_ostream &os) {
  static constexpr std::pair<SparseForm, StringLiteral> texts[] = {
      {SparseForm::NM, "an N:M pattern: fewer bytes; decoded when the model is compiled, since no "
                       "kernel of ours for CPUs uses the pattern, so no less time"},
      {SparseForm::Bitmap, "zeros anywhere (bitmap): fewer bytes in .mlirbc files and archives; no "
                           "less time"},
      {SparseForm::Dense, "zeros stored like other values: neither fewer bytes nor less time"}};
  bool isFirst = true, isSparse = false;
  for (const auto &[form, text] : texts) {
    size_t layers = 0;
    double zeros = 0, weights = 0;
    for (const LayerReport &layer : report.layers)
      if (layer.sparseForm == form && !layer.shared) {
        ++layers;
        zeros += layer.sparsity.value_or(0) * static_cast<double>(layer.getNumElements());
        weights += static_cast<double>(layer.getNumElements());
      }
    if (!layers)
      continue;
    os << (isFirst ? "pruned: " : "        ")
       << formatv("{0} {1} ({2:F1}% zeros) with ", layers, layers == 1 ? "layer" : "layers",
                  weights > 0 ? 100 * zeros / weights : 0.0)
       << text << "\n";
    isFirst = false;
    isSparse |= form != SparseForm::Dense;
  }
  if (isSparse)
    os << "        ONNX files get dense values, and the pattern as metadata\n";
}

void printCulprits(const Report &report, raw_ostream &os) {
  static constexpr size_t maxLayers = 5;
  std::vector<const LayerReport *> culprits = report.getCulprits();
  if (culprits.empty())
    return;
  os << "largest errors:";
  StringRef separator = " ";
  for (const LayerReport *layer : ArrayRef(culprits).take_front(maxLayers)) {
    os << separator;
    printCell(os, layer->name, 0);
    os << " " << formatSqnr(layer->getSqnr()) << (layer->outputSqnr ? "" : " (weight)");
    separator = ", ";
  }
  os << "\n";
}

void printTable(const Report &report, raw_ostream &os) {
  size_t width = 5;
  for (const LayerReport &layer : report.layers)
    width = std::max(width, layer.name.size());
  TablePrinter printer(os, static_cast<unsigned>(std::min<size_t>(width, 60)));
  for (const LayerReport &layer : report.layers)
    printer.printRow(layer);
  printer.printTotals(report);
}

} // namespace mlir::compress
