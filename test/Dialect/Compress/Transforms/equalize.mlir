// RUN: compress-opt %s --split-input-file --compress-equalize | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-equalize --compress-equalize | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-equalize='powers-of-two=true max-sweeps=1' | FileCheck %s --check-prefix=POWER

// Rows of the first have the ranges 8 and 1, columns of the second 2 and 4: both become 4 and 2.
// CHECK-DAG: compress.weight private @w1.scaled : tensor<2x2xf32> = dense<{{\[\[}}4.000000e+00, -1.500000e+00], [2.000000e+00, 1.000000e+00]]>
// CHECK-DAG: compress.weight private @b1.scaled : tensor<2xf32> = dense<[5.000000e-01, 2.000000e+00]>
// CHECK-DAG: compress.weight private @w2.scaled : tensor<2x2xf32> = dense<{{\[\[}}-4.000000e+00, 2.000000e+00], [2.000000e+00, -1.500000e+00]]>
// POWER-DAG: compress.weight private @w1.scaled : tensor<2x2xf32> = dense<{{\[\[}}4.000000e+00, -1.500000e+00], [2.000000e+00, 1.000000e+00]]>
compress.weight private @w1 : tensor<2x2xf32> = dense<[[8.0, -3.0], [1.0, 0.5]]>
compress.weight private @b1 : tensor<2xf32> = dense<1.0>
compress.weight private @w2 : tensor<2x2xf32> = dense<[[-2.0, 4.0], [1.0, -3.0]]>
// CHECK-LABEL: func.func @pair
func.func @pair(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[H:.+]] = compress.linear nk %{{.+}}, %w1.scaled bias %b1.scaled {name = "fc1"}
  // CHECK: %[[R:.+]] = compress.relu %[[H]]
  // CHECK: compress.linear nk %[[R]], %w2.scaled {name = "fc2"}
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %b1 = compress.load @b1 : tensor<2xf32>
  %w2 = compress.load @w2 : tensor<2x2xf32>
  %h = compress.linear nk %x, %w1 bias %b1 {name = "fc1"} : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %r = compress.relu %h : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = compress.linear nk %r, %w2 {name = "fc2"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Three layers: the one in the middle is changed on both sides. With one channel everywhere the ranges 64,
// 1 and 1 become 4 each.
// CHECK-DAG: compress.weight private @a.scaled : tensor<1x1x1xf32> = dense<4.000{{.*}}>
// CHECK-DAG: compress.weight private @b.scaled{{.*}} : tensor<1x1x1xf32> = dense<{{3.999.*|4.000.*}}>
// CHECK-DAG: compress.weight private @c.scaled : tensor<1x1x1xf32> = dense<{{3.999.*|4.000.*}}>
compress.weight private @a : tensor<1x1x1xf32> = dense<64.0>
compress.weight private @b : tensor<1x1x1xf32> = dense<1.0>
compress.weight private @c : tensor<1x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @chain
func.func @chain(%x: tensor<1x1x?xf32>) -> tensor<1x1x?xf32> {
  %a = compress.load @a : tensor<1x1x1xf32>
  %b = compress.load @b : tensor<1x1x1xf32>
  %c = compress.load @c : tensor<1x1x1xf32>
  %0 = compress.conv %x, %a {name = "a", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x1x?xf32>, tensor<1x1x1xf32>) -> tensor<1x1x?xf32>
  %1 = compress.conv %0, %b {name = "b", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x1x?xf32>, tensor<1x1x1xf32>) -> tensor<1x1x?xf32>
  %2 = compress.conv %1, %c {name = "c", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x1x?xf32>, tensor<1x1x1xf32>) -> tensor<1x1x?xf32>
  return %2 : tensor<1x1x?xf32>
}
