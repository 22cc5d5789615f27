// RUN: %python %S/Inputs/make-statistics.py %t.st '{"conv:input": {"channels": 8, "vectors": 1, "sum_squares": [16, 1, 1, 1, 1, 1, 1, 16]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune=pattern=2:4,method=wanda --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune=pattern=unstructured:0.5,method=wanda --compress-verify-chains | FileCheck %s --check-prefix=ROW
// RUN: %python %S/Inputs/make-identity.py %t.gram conv 4 2
// RUN: compress-opt %s --compress-load-statistics=file=%t.gram --compress-prune=pattern=unstructured:0.4,method=sparsegpt --compress-verify-chains | FileCheck %s --check-prefix=SHARE

// Each group sees its own input channels, with norms 4, 1, 1, 1 and 1, 1, 1, 4: scores 4, 2, 3, 2.5 and 3, 2, 1, 4.
// CHECK: @conv.w.kept : tensor<2x2x1x1xf32> = dense<{{\[\[\[\[}}1.000000e+00]], {{\[\[}}3.000000e+00]]], {{\[\[\[}}3.000000e+00]], {{\[\[}}1.000000e+00]]]]>
// ROW: @conv.w.kept : tensor<4xf32> = dense<[1.000000e+00, 3.000000e+00, 3.000000e+00, 1.000000e+00]>
// Three of eight go, in both groups together.
// SHARE: @conv.w.kept : tensor<5xf32> = dense<[2.000000e+00, 3.000000e+00, 2.500000e+00, 3.000000e+00, 2.000000e+00]>
compress.weight private @conv.w : tensor<2x4x1x1xf32> = dense<[[[[1.0]], [[2.0]], [[3.0]], [[2.5]]], [[[3.0]], [[2.0]], [[1.0]], [[1.0]]]]>
// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<?x8x?x?xf32>) -> tensor<?x2x?x?xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // ROW: compress.expand_bitmap
  %w = compress.load @conv.w : tensor<2x4x1x1xf32>
  %y = compress.conv %x, %w {name = "conv", groups = 2 : i64, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x8x?x?xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x?x?xf32>
  return %y : tensor<?x2x?x?xf32>
}
