// RUN: compress-opt %s --split-input-file --compress-decouple-conv | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-decouple-conv --compress-decouple-conv | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-decouple-conv=terms=3 | FileCheck %s --check-prefix=THREE

// Channel 0 is the outer product of (4, 0) and the first position, channel 1 of (0, 1) and the second.
// CHECK-DAG: compress.weight private @"w/v" : tensor<2x1x1x2xf32> = dense<{{\[\[\[\[}}2.000000e+00, 0.000000e+00]]], {{\[\[\[}}0.000000e+00, 1.000000e+00]]]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<2x2x1x1xf32> = dense<{{\[\[\[\[}}2.000000e+00]], {{\[\[}}0.000000e+00]]], {{\[\[\[}}0.000000e+00]], {{\[\[}}1.000000e+00]]]]>
compress.weight private @w : tensor<2x2x1x2xf32> = dense<[[[[4.0, 0.0]], [[0.0, 0.0]]], [[[0.0, 0.0]], [[0.0, 1.0]]]]>
compress.weight private @b : tensor<2xf32> = dense<1.0>
// CHECK-LABEL: func.func @one_term
// THREE-LABEL: func.func @one_term
func.func @one_term(%x: tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32> {
  // CHECK: %[[Z:.+]] = compress.conv %arg0, %{{.+}} {dilations = array<i64: 1, 2>, groups = 2 : i64, name = "conv/v", pads = array<i64: 0, 1, 0, 1>, strides = array<i64: 2, 1>} : (tensor<?x2x?x?xf32>, tensor<2x1x1x2xf32>) -> tensor<?x2x?x?xf32>
  // CHECK: compress.conv %[[Z]], %{{.+}} bias %{{.+}} {dilations = array<i64: 1, 1>, name = "conv/u", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x2x?x?xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<?x2x?x?xf32>
  // There are no more than 2 terms, and here only one that is not zero.
  // THREE: compress.conv %arg0, %{{.+}} : (tensor<?x2x?x?xf32>, tensor<2x1x1x2xf32>)
  %w = compress.load @w : tensor<2x2x1x2xf32>
  %b = compress.load @b : tensor<2xf32>
  %y = compress.conv %x, %w bias %b {name = "conv", strides = array<i64: 2, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 2>} : (tensor<?x2x?x?xf32>, tensor<2x2x1x2xf32>, tensor<2xf32>) -> tensor<?x2x?x?xf32>
  return %y : tensor<?x2x?x?xf32>
}

// -----

// Only convolutions with several input channels per group and a kernel of several positions. The
// plan is that of both.
compress.weight private @depthwise : tensor<4x1x3x3xf32> = dense<1.0>
compress.weight private @pointwise : tensor<4x4x1x1xf32> = dense<1.0>
compress.weight private @groups : tensor<4x2x3x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @selected
func.func @selected(%x: tensor<1x4x9x9xf32>) -> tensor<1x4x5x5xf32> {
  // CHECK: compress.conv %arg0, %depthwise {{.*}}name = "depthwise"
  %depthwise = compress.load @depthwise : tensor<4x1x3x3xf32>
  %0 = compress.conv %x, %depthwise {name = "depthwise", groups = 4 : i64, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x9x9xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x7x7xf32>
  // CHECK: compress.conv %{{.+}}, %pointwise {{.*}}name = "pointwise"
  %pointwise = compress.load @pointwise : tensor<4x4x1x1xf32>
  %1 = compress.conv %0, %pointwise {name = "pointwise", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x7x7xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x7x7xf32>
  // CHECK: compress.conv {{.*}}compress.plan = #compress.plan<quantize = "w8">{{.*}}groups = 4 : i64, name = "groups/v"{{.*}}tensor<4x1x3x3xf32>
  // CHECK: compress.conv {{.*}}compress.plan = #compress.plan<quantize = "w8">{{.*}}groups = 2 : i64, name = "groups/u"{{.*}}tensor<4x2x1x1xf32>
  %groups = compress.load @groups : tensor<4x2x3x3xf32>
  %2 = compress.conv %1, %groups {name = "groups", groups = 2 : i64, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, compress.plan = #compress.plan<quantize = "w8">} : (tensor<1x4x7x7xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x5x5xf32>
  return %2 : tensor<1x4x5x5xf32>
}
