// RUN: compress-opt %s --compress-insert-fake-quant='format=int4 group=4' --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-insert-fake-quant='format=int4 group=4' --compress-insert-fake-quant='format=int4 group=4' --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-insert-fake-quant='format=int4 group=4 asymmetric' --split-input-file | FileCheck %s --check-prefix=ASYM
// RUN: compress-opt %s --compress-insert-fake-quant --split-input-file | FileCheck %s --check-prefix=NONE

// The float weight stays; its scales are those that compress-quantize would store.
// CHECK-DAG: compress.weight private @w : tensor<1x6xf32>
// CHECK-DAG: compress.weight private @w.scale : tensor<1x2xf32> = dense<{{\[\[}}1.000000e+00, -5.000000e-01]]>
// ASYM-DAG: compress.weight private @w.zp : tensor<1x2xi4> = dense<{{\[\[}}0, -3]]>
compress.weight private @w : tensor<1x6xf32> = dense<[[-8.0, 4.0, 2.5, 7.0, 4.0, -2.0]]>
// CHECK-LABEL: func.func @linear
// ASYM-LABEL: func.func @linear
// NONE-LABEL: func.func @linear
func.func @linear(%x: tensor<?x6xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[W:.+]] = compress.load @w :
  // CHECK: %[[SCALE:.+]] = compress.load @w.scale
  // CHECK: %[[FAKE:.+]] = compress.fake_quantize %[[W]], %[[SCALE]] as i4 {block = array<i64: 1, 4>}
  // CHECK-NOT: compress.fake_quantize
  // CHECK: compress.linear nk %{{.+}}, %[[FAKE]]
  // ASYM: compress.fake_quantize %{{.+}}, %{{.+}}, %{{.+}} as i4 {block = array<i64: 1, 4>}
  // NONE-NOT: compress.fake_quantize
  %w = compress.load @w : tensor<1x6xf32>
  %y = compress.linear nk %x, %w : (tensor<?x6xf32>, tensor<1x6xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// On a pruned weight: after the pattern, before the transpose.
compress.weight private @w.kept : tensor<1x2xf32> = dense<[[-4.0, 3.0]]>
compress.weight private @w.meta : tensor<1x1xi8> = dense<9>
// CHECK-LABEL: func.func @pruned_and_transposed
func.func @pruned_and_transposed(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[W:.+]] = compress.expand_nm
  // CHECK: %[[FAKE:.+]] = compress.fake_quantize %[[W]], %{{.+}} as i4 {block = array<i64: 1, 4>}
  // CHECK: compress.transpose %[[FAKE]]
  %k = compress.load @w.kept : tensor<1x2xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<1x4xf32>) -> tensor<4x1xf32>
  %y = compress.linear kn %x, %t : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
