//===- Register.h - our interfaces on ops of other dialects -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXTERNALINTERFACES_REGISTER_H
#define COMPRESS_EXTERNALINTERFACES_REGISTER_H

namespace mlir {
class DialectRegistry;
namespace compress {

/// `WeightSourceOpInterface` on `arith.constant`.
void registerArithModels(DialectRegistry &registry);
/// `WeightedOpInterface` on linalg contractions and convolutions, generic ones included.
void registerLinalgModels(DialectRegistry &registry);
/// `WeightSourceOpInterface` on `ml_program.global_load_const`.
void registerMLProgramModels(DialectRegistry &registry);
/// Both interfaces on `tosa.const`, `tosa.conv2d`, `tosa.conv3d` and `tosa.matmul`.
void registerTosaModels(DialectRegistry &registry);

/// `DimensionRelationOpInterface` on linalg ops (named and generic, from their indexing maps), on
/// tensor, arith and math ops, and on tosa ops.
void registerLinalgRelations(DialectRegistry &registry);
void registerTensorRelations(DialectRegistry &registry);
void registerTosaRelations(DialectRegistry &registry);

/// `FactorableOpInterface` on linalg contractions and convolutions (named and generic, from their
/// indexing maps), and on `tosa.matmul`, `tosa.conv2d` and `tosa.conv3d`.
void registerLinalgFactors(DialectRegistry &registry);
void registerTosaFactors(DialectRegistry &registry);

/// All of the above. A model is attached when its dialect is loaded.
void registerExternalModels(DialectRegistry &registry);

/// The dialect, the external models and the passes of the core tier: what a plug-in or a host
/// compiler needs.
void registerCore(DialectRegistry &registry);
/// The passes and pipelines of the core tier.
void registerCorePasses();

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXTERNALINTERFACES_REGISTER_H
