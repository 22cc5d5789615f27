// With the identity as Gram matrix every method keeps the largest weights, with the values that they have:
// blocks run along input channels at each kernel position, and the last one of six channels has two.
// RUN: %python %S/Inputs/make-identity.py %t.st conv 12 1
// RUN: compress-opt %s --compress-prune=pattern=2:4,method=magnitude --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune=pattern=2:4,method=sparsegpt --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune=pattern=2:4,method=wanda --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune=pattern=2:4,method=isc --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune=pattern=2:4,method=magnitude --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Position 0: 1, 2, 3, 4 | 5, 6 and position 1: 8, 7, 6, 5 | 4, 3.
// REMARK: weight 'conv' of "conv": 2:4, the last block is of 2
// CHECK: @conv.kept : tensor<1x4x1x2xf32> = dense<{{\[\[\[\[}}3.000000e+00, 8.000000e+00]], {{\[\[}}4.000000e+00, 7.000000e+00]], {{\[\[}}5.000000e+00, 4.000000e+00]], {{\[\[}}6.000000e+00, 3.000000e+00]]]]>
compress.weight private @conv : tensor<1x6x1x2xf32> = dense<[[[[1.0, 8.0]], [[2.0, 7.0]], [[3.0, 6.0]], [[4.0, 5.0]], [[5.0, 4.0]], [[6.0, 3.0]]]]>
// CHECK-LABEL: func.func @blocks_of_channels
func.func @blocks_of_channels(%x: tensor<?x6x?x?xf32>) -> tensor<?x1x?x?xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  %w = compress.load @conv : tensor<1x6x1x2xf32>
  %y = compress.conv %x, %w {name = "conv", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x6x?x?xf32>, tensor<1x6x1x2xf32>) -> tensor<?x1x?x?xf32>
  return %y : tensor<?x1x?x?xf32>
}
