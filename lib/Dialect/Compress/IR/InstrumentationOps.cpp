//===- InstrumentationOps.cpp - what calibration looks at -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::compress;

/// Names of statistics, as in `--collect`.
static constexpr StringLiteral kStatistics[] = {"minmax", "moving_average", "moments", "histogram",
                                                "gram"};

LogicalResult ObserveOp::verify() {
  // C1
  if (getId().empty())
    return emitOpError("expects at least one id");
  llvm::StringSet<> names;
  for (StringRef name : getId().getAsValueRange<StringAttr>()) {
    if (name.empty())
      return emitOpError("expects ids that are not empty");
    if (!names.insert(name).second)
      return emitOpError("has id \"") << name << "\" twice";
  }
  // C2
  for (StringRef name : getStatistics().getAsValueRange<StringAttr>())
    if (!llvm::is_contained(kStatistics, name)) {
      InFlightDiagnostic diagnostic = emitOpError("expects statistics out of ");
      llvm::interleaveComma(kStatistics, diagnostic);
      return diagnostic << ", got \"" << name << "\"";
    }
  // C3
  if (auto type = dyn_cast<MemRefType>(getInput().getType());
      type && !type.getLayout().isIdentity())
    return emitOpError("expects a dense row-major buffer, got ") << type;
  // C4
  if (std::optional<uint64_t> index = getIndex(); index && static_cast<int64_t>(*index) < 0)
    return emitOpError("expects an index that is not negative, got ")
           << static_cast<int64_t>(*index);
  return success();
}
