//===- SliceBasis.h - coordinates of a segment from statistics --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICEBASIS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICEBASIS_H

#include "RotateWeights.h"
#include "SliceStream.h"

namespace mlir {
namespace compress {

/// The first `count` principal components of what the norms of `segment` give, without their scale
/// and bias, from the Gram matrices of the inputs of the segment's readers. Where there is no norm,
/// of these inputs. The parameters of norms come from `plan`. `gram` is the matrix of the segment
/// before, or empty, and becomes that of this one: if fewer vectors than channels were seen, it
/// orders the directions that they say nothing of. A diagnostic at the reader whose statistics are
/// missing; `request` names what needs them.
FailureOr<PrincipalComponents> getSegmentBasis(const StreamSegment &segment, int64_t size,
                                               int64_t count, RotationPlan &plan, StringRef request,
                                               std::vector<double> &gram);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICEBASIS_H
