// RUN: compress-opt %s --compress-expand-composites | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-expand-composites{ops=moe})' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-expand-composites{ops=rms_norm,attention})' | FileCheck %s --check-prefix=OTHER
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-expand-composites{ops=experts})' 2>&1 | FileCheck %s --check-prefix=INVALID

// INVALID: error: option 'ops': expects rms_norm, rotary_embedding, attention or moe, got 'experts'
// OTHER: compress.moe

// The second expert's weight moves to the first one where it is small.
// CHECK-LABEL: func.func @skip
// CHECK: %[[L:.+]] = compress.linear nk %{{.+}}, %{{.+}} {name = "moe0/router"}
// CHECK: %[[P:.+]] = compress.softmax %[[L]]
// CHECK: %[[V:.+]], %[[I:.+]] = compress.top_k %[[P]]
// CHECK: %[[SUM:.+]] = compress.reduce sum %[[V]]
// CHECK: %[[N:.+]] = compress.div %[[V]], %[[SUM]]
// CHECK: %[[ZERO:.+]] = compress.constant dense<0.000000e+00>
// CHECK: %[[FIRST:.+]] = compress.slice %[[N]]
// CHECK: %[[SECOND:.+]] = compress.slice %[[N]]
// CHECK: %[[T:.+]] = compress.constant dense<2.500000e-01>
// CHECK: %[[LIMIT:.+]] = compress.mul %[[FIRST]], %[[T]]
// CHECK: %[[SKIP:.+]] = compress.less %[[SECOND]], %[[LIMIT]]
// CHECK: %[[BOTH:.+]] = compress.add %[[FIRST]], %[[SECOND]]
// CHECK: %[[A:.+]] = compress.where %[[SKIP]], %[[BOTH]], %[[FIRST]]
// CHECK: %[[B:.+]] = compress.where %[[SKIP]], %[[ZERO]], %[[SECOND]]
// CHECK: %[[W:.+]] = compress.concat %[[A]], %[[B]] {axis = 1 : i64}
// CHECK: compress.scatter_elements none %{{.+}}, %[[I]], %[[W]]
// CHECK: compress.matmul {{.+}} {name = "moe0/w1"}
// CHECK: compress.matmul {{.+}} {name = "moe0/w2"}
// CHECK: %[[Y:.+]] = compress.reduce sum %{{.+}} {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
// CHECK: return %[[Y]]
func.func @skip(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) -> tensor<?x4xf32> {
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64, name = "moe0", skip_threshold = 0.25 : f32} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
