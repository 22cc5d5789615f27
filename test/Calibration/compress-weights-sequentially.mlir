// RUN: compress-opt %s --compress-apply-recipe='quantize=int8,method=gptq' --compress-weights-sequentially='data=%S/Inputs/samples.npz' | FileCheck %s
// RUN: compress-opt %s --compress-apply-recipe='quantize=int8,method=gptq' --compress-weights-sequentially='data=%S/Inputs/samples.npz' --remarks-filter=compress 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// A run that goes on from a folder gives the same bytes, with the statistics not needed again.
// RUN: rm -rf %t && mkdir %t
// RUN: compress-opt %s --compress-apply-recipe='quantize=int8,method=gptq' --compress-weights-sequentially='data=%S/Inputs/samples.npz' -o %t/a.mlir
// RUN: compress-opt %s --compress-apply-recipe='quantize=int8,method=gptq' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/run memory-limit=1' -o %t/b.mlir
// RUN: rm %t/run/stage-00001
// RUN: compress-opt %s --compress-apply-recipe='quantize=int8,method=gptq' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/run' -o %t/c.mlir
// RUN: cmp %t/a.mlir %t/b.mlir
// RUN: cmp %t/a.mlir %t/c.mlir
// RUN: not compress-opt %s --compress-apply-recipe='quantize=int4' --compress-weights-sequentially='data=%S/Inputs/samples.npz resume=%t/run' 2>&1 | FileCheck %s --check-prefix=OTHER

// Nothing is left to do the second time.
// RUN: compress-opt %t/a.mlir --compress-weights-sequentially='data=%S/Inputs/samples.npz' -o %t/d.mlir
// RUN: cmp %t/a.mlir %t/d.mlir

// RUN: not compress-opt %s --compress-weights-sequentially 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not compress-opt %s --compress-weights-sequentially='data=%S/Inputs/samples.npz memory-limit=much' 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: not compress-opt %s --compress-weights-sequentially='data=%S/Inputs/samples.npz progress=loud' 2>&1 | FileCheck %s --check-prefix=PROGRESS
// RUN: not compress-opt %s --compress-weights-sequentially='data=%S/Inputs/samples.npz dims=batch' 2>&1 | FileCheck %s --check-prefix=DIMS

// OTHER: error: the folder '{{.*}}run' holds a run with another model, other calibration data or another recipe; resume with those, or name another folder
// NODATA: error: compress-weights-sequentially: expects the option 'data'
// LIMIT: error: compress-weights-sequentially: expected a number of bytes such as 512M as the option 'memory-limit', found 'much'
// PROGRESS: error: compress-weights-sequentially: expected off, plain or json as the option 'progress', found 'loud'
// DIMS: error: compress-weights-sequentially: expected name=size as the option 'dims', found 'batch'

compress.weight private @w : tensor<2x3xf32> = dense<[[0.3, -1.0, 0.7], [1.0, 0.2, 0.1]]>
compress.weight private @v : tensor<2x2xf32> = dense<[[0.5, 1.0], [-1.0, 0.4]]>

// REMARK: weight 'w' of "fc1": int8
// REMARK: weight 'v' of "fc2": int8

// CHECK-LABEL: func.func @main
// CHECK: %[[W:.+]] = compress.dequantize
// CHECK: compress.linear nk %{{.+}}, %[[W]] {{.*}}name = "fc1"
// CHECK: compress.relu
// CHECK: compress.linear nk {{.*}}name = "fc2"
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %v = compress.load @v : tensor<2x2xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  %1 = compress.relu %0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = compress.linear nk %1, %v {name = "fc2"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}
