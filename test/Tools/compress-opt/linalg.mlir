// RUN: compress-opt --quantize=int4 --prune=2:4 %s 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=TABLE < %t.err
// RUN: compress-opt --prune=2:4 --quantize=int4 %s 2>/dev/null | FileCheck %s

// The flags work on a module of another compiler: weights stay constants of its own kind, and the
// order of the flags does not matter.

// CHECK-NOT: compress.weight
// CHECK-LABEL: func.func @main
// CHECK-DAG:     %[[Q:.*]] = arith.constant dense<{{\[\[}}4, -8], [-8, 4]]> : tensor<2x2xi4>
// CHECK-DAG:     %[[P:.*]] = arith.constant dense<{{\[\[}}2], [11]]> : tensor<2x1xi8>
// CHECK:         %[[E:.*]] = compress.expand_nm %[[Q]], %[[P]] {{.*}} -> tensor<4x2xi4>
// CHECK:           %[[S:.*]] = arith.constant dense<-1.000000e+00> : tensor<1x2xf32>
// CHECK:         %[[W:.*]] = compress.dequantize %[[E]], %[[S]] {block = array<i64: -1, 1>}
// CHECK:         linalg.matmul {{.*}}ins(%{{.*}}, %[[W]] :
func.func @main(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %w = arith.constant dense<[[1.0, 8.0], [2.0, 3.0], [-4.0, -4.0], [8.0, 2.0]]> : tensor<4x2xf32>
  %z = arith.constant dense<0.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x4xf32>, tensor<4x2xf32>) outs(%z : tensor<2x2xf32>)
    -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// The recipe is shown before the layers.
// TABLE:      recipe:
// TABLE:      quantize: { format: int4, group: 128
// TABLE:      prune: { pattern: "2:4", method: magnitude }
// TABLE:      layer {{.*}}done
// TABLE-NEXT: constant linear 4x2 {{.*}}2:4, int4 per channel
// TABLE-NEXT: total {{.*}}1 of 1 layers compressed
// TABLE:      pruned: 1 layer (50.0% zeros) with an N:M pattern: fewer bytes
