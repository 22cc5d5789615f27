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
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

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

static void writeLayer(json::OStream &json, const LayerReport &layer) {
  json.object([&] {
    json.attribute("name", makeText(layer.name));
    json.attribute("op", makeText(layer.op));
    json.attribute("weight", makeText(layer.weight));
    json.attributeArray("shape", [&] {
      for (int64_t dim : layer.shape)
        json.value(dim);
    });
    json.attribute("shared", layer.shared);
    json.attribute("bytes_before", layer.bytesBefore);
    json.attribute("bytes_after", layer.bytesAfter);
    json.attribute("bits_per_weight", makeNumber(layer.getBitsPerWeight()));
    json.attribute("sparsity", makeNumber(layer.sparsity));
    json.attribute("relative_error", makeNumber(layer.relativeError));
    json.attribute("action", makeText(layer.action));
    json.attribute("reason", makeText(layer.reason));
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
  static constexpr unsigned widths[] = {0, 14, 18, 10, 10, 6, 7, 10};
  std::string line;
  raw_string_ostream lineOs(line);
  for (auto [i, cell] : llvm::enumerate(cells)) {
    if (i != 0)
      lineOs << "  ";
    bool last = i == std::size(widths);
    printCell(lineOs, cell, last ? 0 : i == 0 ? nameWidth : widths[i], /*right=*/i >= 3 && !last);
  }
  os << StringRef(line).rtrim(' ') << '\n';
  os.flush();
}

void TablePrinter::printHeader() {
  if (headerPrinted)
    return;
  headerPrinted = true;
  printLine(os, nameWidth,
            {"layer", "op", "shape", "before", "after", "bits", "zeros", "error", "done"});
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
             formatError(layer.relativeError), done});
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
             formatv("{0:F2}", bits).str(), "", "", done});
  if (report.modelBytesBefore == 0)
    return;
  ratio = formatRatio(report.modelBytesBefore, report.modelBytesAfter);
  printLine(os, nameWidth,
            {"model", "", "", formatBytes(report.modelBytesBefore),
             formatBytes(report.modelBytesAfter), "", "", "",
             ratio.empty() ? "all weights" : "all weights, " + ratio + " smaller"});
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
