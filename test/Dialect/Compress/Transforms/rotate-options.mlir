// RUN: compress-opt %s --compress-rotate=rotate=residual+values --split-input-file | FileCheck %s --check-prefixes=CHECK,VALUES
// RUN: compress-opt %s --compress-rotate=rotate=all --split-input-file | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-rotate{rotate=all},compress-rotate{rotate=all})' --split-input-file | FileCheck %s --check-prefixes=ALL
// RUN: compress-opt %s --compress-rotate --split-input-file | FileCheck %s --check-prefixes=PLANNED
// RUN: not compress-opt %s --compress-rotate=rotate=values 2>&1 | FileCheck %s --check-prefix=BAD-ROTATE
// RUN: not compress-opt %s --compress-rotate=hadamard=walsh 2>&1 | FileCheck %s --check-prefix=BAD-HADAMARD
// BAD-ROTATE: expects rotate to be one of residual, residual+values, all, got 'values'
// BAD-HADAMARD: expects hadamard to be one of randomized, random_orthogonal, got 'walsh'

// Four heads share two heads of values of size 2; with seed 0, Q is -[1 1], [1 -1] over sqrt(2). Weights are
// multiples of sqrt(2).
// CHECK-DAG: compress.weight private @v.rot : tensor<1x4xf32> = dense<{{\[\[}}-2.000000e+00, -2.000000e+00, 2.000000e+00, -2.000000e+00]]>
// CHECK-DAG: compress.weight private @vb.rot : tensor<4xf32> = dense<[-1.000000e+00, -1.000000e+00, 0.000000e+00, 0.000000e+00]>
// CHECK-DAG: compress.weight private @o.rot : tensor<8x1xf32> = dense<{{\[\[}}-1.000000e+00], [-1.000000e+00], [1.000000e+00], [-1.000000e+00], [0.000000e+00], [0.000000e+00], [0.000000e+00], [0.000000e+00]]>
// Nothing is planned, and the values are no residual stream.
// PLANNED-NOT: .rot
compress.weight private @q : tensor<1x8xf32> = dense<1.0>
compress.weight private @k : tensor<1x4xf32> = dense<1.0>
compress.weight private @v : tensor<1x4xf32> = dense<[[2.82842712, 0.0, 0.0, 2.82842712]]>
compress.weight private @vb : tensor<4xf32> = dense<[1.41421356, 0.0, 0.0, 0.0]>
compress.weight private @o : tensor<8x1xf32> = dense<[[1.41421356], [0.0], [0.0], [1.41421356], [0.0], [0.0], [0.0], [0.0]]>
// CHECK-LABEL: func.func @values
// PLANNED-LABEL: func.func @values
func.func @values(%x: tensor<?x?x1xf32>) -> tensor<?x?x1xf32> {
  // CHECK: compress.linear kn %{{.+}}, %v.rot {name = "v"}
  // CHECK: compress.add %{{.+}}, %vb.rot
  // CHECK: compress.attention
  // CHECK: compress.linear kn %{{.+}}, %o.rot {name = "o"}
  %wq = compress.load @q : tensor<1x8xf32>
  %wk = compress.load @k : tensor<1x4xf32>
  %wv = compress.load @v : tensor<1x4xf32>
  %b = compress.load @vb : tensor<4xf32>
  %qh = compress.constant dense<[0, 0, 4, 2]> : tensor<4xi64>
  %kh = compress.constant dense<[0, 0, 2, 2]> : tensor<4xi64>
  %q0 = compress.linear kn %x, %wq {name = "q"} : (tensor<?x?x1xf32>, tensor<1x8xf32>) -> tensor<?x?x8xf32>
  %q = compress.reshape %q0, %qh : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x4x2xf32>
  %k0 = compress.linear kn %x, %wk {name = "k"} : (tensor<?x?x1xf32>, tensor<1x4xf32>) -> tensor<?x?x4xf32>
  %k = compress.reshape %k0, %kh : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %v0 = compress.linear kn %x, %wv {name = "v"} : (tensor<?x?x1xf32>, tensor<1x4xf32>) -> tensor<?x?x4xf32>
  %v1 = compress.add %v0, %b : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %v = compress.reshape %v1, %kh : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %a = compress.attention bshd %q, %k, %v {scale = 0.5 : f32} : (tensor<?x?x4x2xf32>, tensor<?x?x2x2xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x4x2xf32>
  %flat = compress.constant dense<[0, 0, 8]> : tensor<3xi64>
  %m = compress.reshape %a, %flat : (tensor<?x?x4x2xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %wo = compress.load @o : tensor<8x1xf32>
  %o = compress.linear kn %m, %wo {name = "o"} : (tensor<?x?x8xf32>, tensor<8x1xf32>) -> tensor<?x?x1xf32>
  return %o : tensor<?x?x1xf32>
}

// -----

// 96 channels, 4 x 24. A second run adds no second product.
// ALL-DAG: compress.weight private @hadamard.4 : tensor<4x4xf32> = dense<{{\[\[}}5.000000e-01, 5.000000e-01, 5.000000e-01, 5.000000e-01], [5.000000e-01, -5.000000e-01, 5.000000e-01, -5.000000e-01],
// ALL-DAG: compress.weight private @hadamard.24 : tensor<24x24xf32>
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @up : tensor<4x96xf32> = dense<1.0>
compress.weight private @down : tensor<96x4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
// ALL-LABEL: func.func @online
// PLANNED-LABEL: func.func @online
func.func @online(%ids: tensor<?x?xi64>) -> tensor<?x?x3xf32> {
  // ALL: %[[R:.+]] = compress.relu
  // ALL: %[[SHAPE:.+]] = compress.constant dense<[0, 0, 1, 4, 24]>
  // ALL: %[[SPLIT:.+]] = compress.reshape %[[R]], %[[SHAPE]] : (tensor<?x?x96xf32>, tensor<5xi64>) -> tensor<?x?x1x4x24xf32>
  // ALL: %[[INNER:.+]] = compress.linear kn %[[SPLIT]], %hadamard.24{{[_0-9]*}} {name = "down.hadamard"}
  // ALL: %[[OUTER:.+]] = compress.matmul %hadamard.4{{[_0-9]*}}, %[[INNER]] {name = "down.hadamard.outer"}
  // ALL: %[[BACK:.+]] = compress.constant dense<[0, 0, 96]>
  // ALL: %[[WHOLE:.+]] = compress.reshape %[[OUTER]], %[[BACK]]
  // ALL: compress.linear kn %[[WHOLE]], %down.rot{{[_0-9]*}} {compress.plan = {{.+}}, name = "down"}
  // ALL-NOT: down.hadamard
  // VALUES-NOT: hadamard
  // PLANNED-NOT: hadamard
  // PLANNED: compress.linear kn %{{.+}}, %down.rot {{.*}}name = "down"
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?x?xi64>) -> tensor<?x?x4xf32>
  %s = compress.load @scale : tensor<4xf32>
  %n = compress.rms_norm %x, %s {axis = 2 : i64} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %up = compress.load @up : tensor<4x96xf32>
  %h = compress.linear kn %n, %up {name = "up"} : (tensor<?x?x4xf32>, tensor<4x96xf32>) -> tensor<?x?x96xf32>
  %r = compress.relu %h : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %down = compress.load @down : tensor<96x4xf32>
  %d = compress.linear kn %r, %down {name = "down", compress.plan = #compress.plan<quantize = "int4,transform=rotate">} : (tensor<?x?x96xf32>, tensor<96x4xf32>) -> tensor<?x?x4xf32>
  %y = compress.add %x, %d : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %m = compress.rms_norm %y, %s {axis = 2 : i64} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %logits = compress.linear nk %m, %table {name = "head"} : (tensor<?x?x4xf32>, tensor<3x4xf32>) -> tensor<?x?x3xf32>
  return %logits : tensor<?x?x3xf32>
}
