//===- CompressAttributes.cpp - parsing and checks of attributes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressAttributes.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

#include "compress/Dialect/Compress/IR/CompressEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/Compress/IR/CompressAttributes.cpp.inc"

void CompressDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compress/Dialect/Compress/IR/CompressAttributes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// FileAttr
//===----------------------------------------------------------------------===//

Attribute FileAttr::parse(AsmParser &parser, Type type) {
  std::string path;
  uint64_t numbers[3];
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseString(&path))
    return {};
  for (uint64_t &number : numbers) {
    APInt value;
    SMLoc numberLoc;
    if (parser.parseComma())
      return {};
    numberLoc = parser.getCurrentLocation();
    OptionalParseResult parsed = parser.parseOptionalInteger(value);
    if (!parsed.has_value() || failed(*parsed) || value.isNegative() ||
        value.getActiveBits() > 64) {
      parser.emitError(numberLoc, "expected a non-negative 64-bit integer");
      return {};
    }
    number = value.getZExtValue();
  }
  if (parser.parseGreater())
    return {};
  if (!type && parser.parseColonType(type))
    return {};
  return FileAttr::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), type,
                              path, numbers[0], numbers[1], numbers[2]);
}

void FileAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printer.printString(getPath());
  printer << ", " << getOffset() << ", " << getLength() << ", " << getHash() << ">";
}

LogicalResult FileAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type type,
                               StringRef path, uint64_t offset, uint64_t length, uint64_t hash) {
  if (!isa_and_nonnull<RankedTensorType>(type))
    return emitError() << "expects a ranked tensor type, got " << type;
  if (path.empty())
    return emitError() << "expects a file path";
  if (offset + length < offset)
    return emitError() << "expects offset + length to fit into 64 bits";
  return success();
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

LogicalResult PlanAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr quantize,
                               StringAttr prune, StringAttr lowRank, StringAttr share) {
  if (quantize)
    if (llvm::Expected<QuantizeSpec> spec = parseQuantizeSpec(quantize.getValue()); !spec)
      return emitError() << llvm::toString(spec.takeError());
  if (prune)
    if (llvm::Expected<PruneSpecs> specs = parsePruneSpecs(prune.getValue()); !specs)
      return emitError() << llvm::toString(specs.takeError());
  if (lowRank)
    if (llvm::Expected<LowRankSpec> spec = parseLowRankSpec(lowRank.getValue()); !spec)
      return emitError() << llvm::toString(spec.takeError());
  if (share)
    if (llvm::Expected<ShareSpecs> specs = parseShareSpecs(share.getValue()); !specs)
      return emitError() << llvm::toString(specs.takeError());
  return success();
}

std::optional<QuantizeSpec> PlanAttr::getQuantizeSpec() const {
  if (!getQuantize())
    return std::nullopt;
  return llvm::cantFail(parseQuantizeSpec(getQuantize().getValue()));
}

PruneSpecs PlanAttr::getPruneSpecs() const {
  if (!getPrune())
    return {};
  return llvm::cantFail(parsePruneSpecs(getPrune().getValue()));
}

std::optional<PruneSpec>
PlanAttr::getPruneSpec(llvm::function_ref<bool(const PruneSpec &)> accept) const {
  for (const PruneSpec &spec : getPruneSpecs())
    if (accept(spec))
      return spec;
  return std::nullopt;
}

std::optional<PruneSpec> PlanAttr::getPruneSpec() const {
  return getPruneSpec([](const PruneSpec &spec) { return spec.isElements(); });
}

std::optional<LowRankSpec> PlanAttr::getLowRankSpec() const {
  if (!getLowRank())
    return std::nullopt;
  return llvm::cantFail(parseLowRankSpec(getLowRank().getValue()));
}

ShareSpecs PlanAttr::getShareSpecs() const {
  if (!getShare())
    return {};
  return llvm::cantFail(parseShareSpecs(getShare().getValue()));
}

std::optional<ShareSpec> PlanAttr::getShareSpec(ShareKind kind) const {
  for (const ShareSpec &spec : getShareSpecs())
    if (spec.kind == kind)
      return spec;
  return std::nullopt;
}

PlanAttr PlanAttr::getQuantizing(StringAttr text) {
  return get(text.getContext(), text, StringAttr(), StringAttr(), StringAttr());
}
PlanAttr PlanAttr::getPruning(StringAttr text) {
  return get(text.getContext(), StringAttr(), text, StringAttr(), StringAttr());
}
PlanAttr PlanAttr::getSplitting(StringAttr text) {
  return get(text.getContext(), StringAttr(), StringAttr(), text, StringAttr());
}
PlanAttr PlanAttr::getSharing(StringAttr text) {
  return get(text.getContext(), StringAttr(), StringAttr(), StringAttr(), text);
}

PlanAttr PlanAttr::withQuantize(StringAttr text) const {
  return get(getContext(), text, getPrune(), getLowRank(), getShare());
}
PlanAttr PlanAttr::withPrune(StringAttr text) const {
  return get(getContext(), getQuantize(), text, getLowRank(), getShare());
}
PlanAttr PlanAttr::withLowRank(StringAttr text) const {
  return get(getContext(), getQuantize(), getPrune(), text, getShare());
}
PlanAttr PlanAttr::withShare(StringAttr text) const {
  return get(getContext(), getQuantize(), getPrune(), getLowRank(), text);
}

PlanAttr PlanAttr::getMerged(PlanAttr other) const {
  auto choose = [](StringAttr own, StringAttr theirs) { return own ? own : theirs; };
  return get(getContext(), choose(getQuantize(), other.getQuantize()),
             choose(getPrune(), other.getPrune()), choose(getLowRank(), other.getLowRank()),
             choose(getShare(), other.getShare()));
}
