// RUN: %python %S/Inputs/make-statistics.py %t.st '{"up:input": {"channels": 3, "vectors": 1, "sum_squares": [1, 1, 1]}, "down:input": {"channels": 6, "vectors": 1, "sum_squares": [100, 9, 1, 1, 9, 4]}, "down:weight": {"gradient": [[9, 5, 1, 1, 5, -3], [1, 5, 1, 1, 5, 3]]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-apply-slices --compress-prune='pattern=2:4 method=wanda' | FileCheck %s --check-prefixes=CHECK,WANDA
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-apply-slices --compress-prune='pattern=2:4 method=taylor' | FileCheck %s --check-prefixes=CHECK,TAYLOR

// Norms of the four inputs that are left: 10, 1, 1, 2. Their gradients: 9, 1, 1, -3 and 1, 1, 1, 3.
// WANDA-DAG: @down.kept : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, -4.000000e+00], [8.000000e+00, 5.000000e+00]]>
// TAYLOR-DAG: @down.kept : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00], [8.000000e+00, 5.000000e+00]]>
compress.weight private @up : tensor<6x3xf32> = dense<1.0>
compress.weight private @down : tensor<2x6xf32> = dense<[[1.0, 9.0, -4.0, 3.0, 9.0, 2.0], [8.0, 9.0, -7.0, 6.0, 9.0, 5.0]]>
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.expand_nm %down.kept
  %up = compress.load @up : tensor<6x3xf32>
  %down = compress.load @down : tensor<2x6xf32>
  %rows = compress.constant dense<[[true], [false], [true], [true], [false], [true]]> : tensor<6x1xi1>
  %columns = compress.constant dense<[[true, false, true, true, false, true]]> : tensor<1x6xi1>
  %up.masked = compress.mask %up, %rows : tensor<6x3xf32>, tensor<6x1xi1>
  %down.masked = compress.mask %down, %columns : tensor<2x6xf32>, tensor<1x6xi1>
  %0 = compress.linear nk %x, %up.masked {name = "up"} : (tensor<?x3xf32>, tensor<6x3xf32>) -> tensor<?x6xf32>
  %1 = compress.linear nk %0, %down.masked {name = "down"} : (tensor<?x6xf32>, tensor<2x6xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}
