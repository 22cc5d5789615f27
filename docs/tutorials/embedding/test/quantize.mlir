// RUN: foo-opt %s --pass-pipeline='builtin.module(compress-prune{pattern=2:4},compress-quantize{format=int4 group=4})' | FileCheck %s

// Codes, positions and scales are parameters of the host.
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[CODES:.+]] = foo.parameter "fc1.q" dense<{{.*}}> : tensor<1x4xi4>
// CHECK-DAG: %[[META:.+]] = foo.parameter "fc1.meta" dense<{{.*}}> : tensor<1x1xi8>
// CHECK-DAG: %[[SCALE:.+]] = foo.parameter "fc1.scale" dense<{{.*}}> : tensor<1x2xf32>
// CHECK-DAG: %[[DENSE:.+]] = compress.expand_nm %[[CODES]], %[[META]]
// CHECK: %[[W:.+]] = compress.dequantize %[[DENSE]], %[[SCALE]] {block = array<i64: 1, 4>}
// CHECK: foo.dense %{{.+}}, %[[W]],
func.func @main(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  %w = foo.parameter "fc1" dense<[[1.0, 2.0, 4.0, -3.0, -8.0, 6.0, 5.0, 0.0]]> : tensor<1x8xf32>
  %b = foo.parameter "fc1.bias" dense<[0.5]> : tensor<1xf32>
  %y = foo.dense %x, %w, %b : (tensor<?x8xf32>, tensor<1x8xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
