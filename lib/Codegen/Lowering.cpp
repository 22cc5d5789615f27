//===- Lowering.cpp - pipelines from model ops to the LLVM dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Lowering.h"
#include "compress/Codegen/Passes.h"
#include "compress/Conversion/Passes.h"
#include "compress/Math/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::compress;

/// Folding casts into the values that a loop carries would fix sizes that change from iteration to
/// iteration at that of the first.
static std::unique_ptr<Pass> createTensorCanonicalizer() {
  return createCanonicalizerPass(GreedyRewriteConfig(),
                                 {"(anonymous namespace)::ForOpTensorCastFolder"});
}

static void addBufferization(OpPassManager &pm) {
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createPrepareBufferization());
  // Sizes of results become sizes of destinations; without it, concatenations are copied.
  functions.addPass(createTensorCanonicalizer());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createEmptyTensorToAllocTensorPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  // Values that loops carry in changing sizes.
  options.allowReturnAllocsFromLoops = true;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
}

void mlir::compress::buildGluePipeline(OpPassManager &pm) {
  pm.addPass(createRecordInterface());
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createTensorCanonicalizer());
  // Unit dims first: more ops fuse.
  functions.addPass(createLinalgGeneralizeNamedOpsPass());
  functions.addPass(createLinalgFoldUnitExtentDimsPass());
  functions.addPass(createFuseGlue());
  functions.addPass(memref::createResolveShapedTypeResultDimsPass());
  functions.addPass(createTensorCanonicalizer());
  // No cse from here to bufferization: it would merge destinations.
  addBufferization(pm);
  OpPassManager &buffers = pm.nest<func::FuncOp>();
  buffers.addPass(createCanonicalizerPass());
  buffers.addPass(createCSEPass());
  buffers.addPass(createCanonicalizerPass());
  buffers.addPass(createPlaceOutputs());
  buffers.addPass(createPlanMemory());
}

/// Loops on memrefs to branches, with parallel bodies as functions.
static void addLoopLowering(OpPassManager &pm) {
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createLowerCopies());
  functions.addPass(createGlueToLoops());
  functions.addPass(createExpandMath());
  pm.addPass(createCallMath());
  pm.addPass(createOutlineParallel());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
}

static void addLLVMLowering(OpPassManager &pm) {
  pm.addPass(createLowerRuntime());
  pm.addNestedPass<func::FuncOp>(createLowerExpandShape());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  // convert-to-llvm alone leaves masks of vectors.
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createVerifyLowered());
}

void mlir::compress::buildLowerToLLVMPipeline(OpPassManager &pm) {
  addLoopLowering(pm);
  addLLVMLowering(pm);
}

void mlir::compress::buildTensorsToLLVMPipeline(OpPassManager &pm) {
  buildGluePipeline(pm);
  addLoopLowering(pm);
  pm.addPass(createLowerEntry());
  addLLVMLowering(pm);
}

void mlir::compress::buildLowerToBinaryPipeline(OpPassManager &pm,
                                                const LowerPipelineOptions &options) {
  // Types of the model, before they are types of memory.
  pm.addPass(createRecordInterface());
  ConvertCompressToLinalgOptions conversion;
  conversion.kernels = options.kernels;
  conversion.target = options.target;
  pm.addPass(createConvertCompressToLinalg(conversion));
  pm.addPass(createWeightsToArguments());
  buildTensorsToLLVMPipeline(pm);
}

void mlir::compress::registerCodegenPipelines() {
  PassPipelineRegistration<>("compress-glue-pipeline",
                             "linalg and kernel calls on tensors to functions on planned buffers",
                             buildGluePipeline);
  PassPipelineRegistration<>("compress-llvm-pipeline", "functions on buffers to the LLVM dialect",
                             buildLowerToLLVMPipeline);
  PassPipelineRegistration<>("compress-tensors-pipeline",
                             "linalg and kernel calls on tensors to a compiled model's entry",
                             buildTensorsToLLVMPipeline);
  PassPipelineRegistration<LowerPipelineOptions>("compress-lower-pipeline",
                                                 "A normalised model to the LLVM dialect",
                                                 buildLowerToBinaryPipeline);
}
