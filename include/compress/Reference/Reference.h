//===- Reference.h - all reference operations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_REFERENCE_H
#define COMPRESS_REFERENCE_REFERENCE_H

#include "compress/Reference/Contraction.h"
#include "compress/Reference/DataMovement.h"
#include "compress/Reference/Elementwise.h"
#include "compress/Reference/Indexing.h"
#include "compress/Reference/Moe.h"
#include "compress/Reference/Normalization.h"
#include "compress/Reference/Quantization.h"
#include "compress/Reference/Reduce.h"
#include "compress/Reference/Tensor.h"

#endif // COMPRESS_REFERENCE_REFERENCE_H
