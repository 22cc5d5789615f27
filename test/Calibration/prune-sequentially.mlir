// Pruning layer after layer, with what pruned layers compute; joined with quantization, and resumed.
// RUN: compress-opt %s --compress-apply-recipe='prune=1:2 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz' --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-apply-recipe='prune=1:2 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz' --remarks-filter=compress -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-apply-recipe='prune=1:2 quantize=int8,method=gptq calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz' --compress-verify-chains --remarks-filter=compress 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: compress-opt %s --compress-apply-recipe='prune=unstructured:0.6,method=wanda calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz' --compress-verify-chains | FileCheck %s --check-prefix=WANDA

// RUN: rm -rf %t && mkdir %t
// RUN: compress-opt %s --compress-apply-recipe='prune=1:2 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz' -o %t/a.mlir
// RUN: compress-opt %s --compress-apply-recipe='prune=1:2 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/run' -o %t/b.mlir
// RUN: rm %t/run/stage-00001
// RUN: compress-opt %s --compress-apply-recipe='prune=1:2 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/run' -o %t/c.mlir
// RUN: cmp %t/a.mlir %t/b.mlir
// RUN: cmp %t/a.mlir %t/c.mlir
// Options of pruning are part of the comparison.
// RUN: not compress-opt %s --compress-apply-recipe='prune=1:2,damping=0.5 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/run' 2>&1 | FileCheck %s --check-prefix=OTHER
// Zeros anywhere go through the folder, too.
// RUN: compress-opt %s --compress-apply-recipe='prune=unstructured:0.6 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/bits' -o %t/d.mlir
// RUN: compress-opt %s --compress-apply-recipe='prune=unstructured:0.6 calibrated=true' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/bits' -o %t/e.mlir
// RUN: cmp %t/d.mlir %t/e.mlir
// RUN: FileCheck %s --check-prefix=BITS --input-file=%t/e.mlir

// OTHER: error: the folder '{{.*}}run' holds a run with another model, other calibration data or another recipe

compress.weight private @w : tensor<4x3xf32> = dense<[[0.3, -1.0, 0.7], [1.0, 0.2, 0.1], [0.5, 0.25, -2.0], [1.5, 0.1, 0.2]]>
compress.weight private @v : tensor<2x4xf32> = dense<[[0.5, 1.0, -0.25, 3.0], [-1.0, 0.4, 0.1, 0.2]]>
compress.weight private @unused : tensor<1x4xf32> = dense<[[1.0, 2.0, 4.0, 3.0]]>

// REMARK: weight 'w' of "fc1": 1:2 sparsegpt, the last block is of 1
// REMARK: weight 'v' of "fc2": 1:2 sparsegpt
// REMARK: weight 'unused' of "unused": sparsegpt is replaced by magnitude: the calibration data never reach "unused"

// BOTH: weight 'w' of "fc1": 1:2 sparsegpt, the last block is of 1, int8
// BOTH: weight 'v' of "fc2": 1:2 sparsegpt, int8
// BITS: compress.expand_bitmap
// BITS: compress.expand_bitmap

// CHECK: compress.weight private @unused.kept : tensor<1x2xf32> = dense<{{\[\[}}2.000000e+00, 4.000000e+00]]>
// CHECK-LABEL: func.func @main
// CHECK: %[[W:.+]] = compress.expand_nm {{.*}} -> tensor<4x3xf32>
// CHECK: compress.linear nk %{{.+}}, %[[W]] {{.*}}name = "fc1"
// CHECK: %[[V:.+]] = compress.expand_nm {{.*}} -> tensor<2x4xf32>
// CHECK: compress.linear nk {{.*}}, %[[V]] {{.*}}name = "fc2"
// WANDA-LABEL: func.func @main
// WANDA: %[[W:.+]] = compress.expand_bitmap {{.*}} -> tensor<4x3xf32>
// WANDA: compress.linear nk %{{.+}}, %[[W]] {{.*}}name = "fc1"
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<4x3xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %v = compress.load @v : tensor<2x4xf32>
  %2 = compress.linear nk %1, %v {name = "fc2"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

func.func private @other(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @unused : tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "unused"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
