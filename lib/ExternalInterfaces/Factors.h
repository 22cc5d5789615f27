//===- Factors.h - what models of factorable ops share ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_EXTERNALINTERFACES_FACTORS_H
#define COMPRESS_LIB_EXTERNALINTERFACES_FACTORS_H

#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"

namespace mlir {
namespace compress {

/// The rank of a form: what the first op's factor has beyond its other axes. 0 if the form makes no
/// sense.
inline int64_t getFactorRank(const FactorForm &form) {
  int64_t others = 1, all = 1;
  for (int64_t axis : form.columnFactor.axes)
    if (axis != FactorForm::rankAxis)
      others *= axis < static_cast<int64_t>(form.view.size()) ? form.view[axis] : 0;
  for (int64_t size : form.columnFactor.shape)
    all *= size;
  return others > 0 ? all / others : 0;
}

/// Gives one of the two ops the discardable attributes of the op `from` that is split, but not its
/// plan, and its name with `suffix` behind. Ops without a name are known by that of their weight.
inline void inheritAttributes(Operation *from, Operation *op, StringRef suffix) {
  for (NamedAttribute attribute : from->getDiscardableAttrs())
    op->setDiscardableAttr(attribute.getName(), attribute.getValue());
  CompressDialect::PlanAttrHelper(op->getContext()).removeAttr(op);
  bool hasName = false;
  for (StringRef key : {"node_name", "name"})
    if (auto name = from->getAttrOfType<StringAttr>(key); name && !name.empty()) {
      op->setAttr(key, StringAttr::get(op->getContext(), name.getValue() + suffix));
      hasName = true;
    }
  if (FailureOr<WeightedOp> weighted = getWeighted(from); !hasName && succeeded(weighted))
    op->setAttr("node_name", StringAttr::get(op->getContext(), weighted->name + suffix));
}

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_EXTERNALINTERFACES_FACTORS_H
