// RUN: compress-opt %s --compress-propagate-masks --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-propagate-masks --split-input-file --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// A pattern says nothing about structure, although a column is gone.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
// REMARK-NOT: mask of "b"
func.func @pattern(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %m = compress.constant dense<[[true, false, false, true], [true, false, true, false]]> : tensor<2x4xi1>
  %bm = compress.mask %b, %m : tensor<2x4xf32>, tensor<2x4xi1>
  %0 = compress.linear nk %x, %a {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %bm {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @pattern(
// CHECK: compress.mask %b, %{{.+}} : tensor<2x4xf32>, tensor<2x4xi1>
// CHECK-NOT: compress.mask

// -----

// A mask that is an input is not known.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @unknown(%x: tensor<?x3xf32>, %m: tensor<1x4xi1>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %bm = compress.mask %b, %m : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %a {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %bm {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @unknown(
// CHECK: compress.mask %b, %{{.+}} : tensor<2x4xf32>, tensor<1x4xi1>
// CHECK-NOT: compress.mask

// -----

// Outputs of the model stay.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
// REMARK: [Missed] compress-propagate-masks {{.*}}mask of "a" is not extended along dim 0: a result of the model ('func.return')
func.func @blocked(%x: tensor<?x3xf32>) -> tensor<?x4xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %m = compress.constant dense<[[true], [false], [false], [true]]> : tensor<4x1xi1>
  %am = compress.mask %a, %m : tensor<4x3xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %am {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @blocked(
// CHECK: compress.mask %a, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// CHECK-NOT: compress.mask

// -----

// One channel of a head is not the head. The other head is masked in full.
compress.weight private @q : tensor<6x6xf32> = dense<1.0>
compress.weight private @o : tensor<6x6xf32> = dense<1.0>
// REMARK: [Missed] compress-propagate-masks {{.*}}mask of "q" is not extended to 1 head of which it has only a part along dim 0
// REMARK: [Passed] compress-propagate-masks {{.*}}mask of "q" extended to 1 weight and 0 parameters: 1 of 3 heads
func.func @part_of_a_head(%x: tensor<?x5x6xf32>) -> tensor<?x5x6xf32> {
  %q = compress.load @q : tensor<6x6xf32>
  %o = compress.load @o : tensor<6x6xf32>
  %m = compress.constant dense<[[true], [true], [true], [false], [false], [false]]> : tensor<6x1xi1>
  %qm = compress.mask %q, %m : tensor<6x6xf32>, tensor<6x1xi1>
  %heads = compress.constant dense<[0, 5, 3, 2]> : tensor<4xi64>
  %flat = compress.constant dense<[0, 5, 6]> : tensor<3xi64>
  %0 = compress.linear nk %x, %qm {name = "q"} : (tensor<?x5x6xf32>, tensor<6x6xf32>) -> tensor<?x5x6xf32>
  %1 = compress.reshape %0, %heads : (tensor<?x5x6xf32>, tensor<4xi64>) -> tensor<?x5x3x2xf32>
  %2 = compress.attention bshd %1, %1, %1 {scale = 1.0 : f32} : (tensor<?x5x3x2xf32>, tensor<?x5x3x2xf32>, tensor<?x5x3x2xf32>) -> tensor<?x5x3x2xf32>
  %3 = compress.reshape %2, %flat : (tensor<?x5x3x2xf32>, tensor<3xi64>) -> tensor<?x5x6xf32>
  %4 = compress.linear nk %3, %o {name = "o"} : (tensor<?x5x6xf32>, tensor<6x6xf32>) -> tensor<?x5x6xf32>
  return %4 : tensor<?x5x6xf32>
}

// CHECK-DAG: compress.weight private @o.mask : tensor<1x6xi1> = dense<{{\[\[}}true, true, true, true, false, false]]>
// CHECK-LABEL: func.func @part_of_a_head(
// CHECK: compress.mask %q, %{{.+}} : tensor<6x6xf32>, tensor<6x1xi1>
// CHECK: compress.mask %o, %o.mask : tensor<6x6xf32>, tensor<1x6xi1>
// CHECK-NOT: compress.mask
