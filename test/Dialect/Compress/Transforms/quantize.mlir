// RUN: compress-opt %s --compress-quantize=format=w8 --compress-verify-chains --split-input-file | FileCheck %s
// Quantizing again changes nothing.
// RUN: compress-opt %s --compress-quantize=format=w8 --compress-quantize=format=w8 --split-input-file | FileCheck %s

// One scale per output channel: the largest magnitude is 127. Halves are rounded to even: 0.5 to 0, 1.5 and
// 2.5 to 2, -63.5 to -64.
// CHECK: compress.weight private @w.q : tensor<2x4xi8> = dense<{{\[\[}}127, -64, 0, 2], [-127, 1, 2, 4]]>
// CHECK: compress.weight private @w.scale : tensor<2x1xf32> = dense<{{\[\[}}5.000000e-01], [1.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @w : tensor<2x4xf32> = dense<[[63.5, -31.75, 0.25, 0.75], [-127.0, 1.0, 2.5, 3.5]]>
// CHECK-LABEL: func.func @per_channel
func.func @per_channel(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[Q:.+]] = compress.load @w.q
  // CHECK: %[[S:.+]] = compress.load @w.scale
  // CHECK: %[[W:.+]] = compress.dequantize %[[Q]], %[[S]] {block = array<i64: 1, -1>}
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  %w = compress.load @w : tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// In layout kn an output channel is a column.
// CHECK: @kn.q : tensor<2x2xi8> = dense<{{\[\[}}127, -64], [-6, 127]]>
// CHECK: @kn.scale : tensor<1x2xf32> = dense<{{\[\[}}1.000000e+00, 5.000000e-01]]>
compress.weight private @kn : tensor<2x2xf32> = dense<[[127.0, -32.0], [-5.5, 63.5]]>
// CHECK-LABEL: func.func @kn_layout
func.func @kn_layout(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.dequantize {{.*}} {block = array<i64: -1, 1>}
  %w = compress.load @kn : tensor<2x2xf32>
  %y = compress.linear kn %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Scales have the float type of the model: 100 / 127 is 0.78740 and the nearest f16 is 0.78760.
// CHECK: @half.q : tensor<1x2xi8> = dense<{{\[\[}}127, -63]]>
// CHECK: @half.scale : tensor<1x1xf16> = dense<7.875970e-01>
compress.weight private @half : tensor<1x2xf16> = dense<[[100.0, -50.0]]>
// CHECK-LABEL: func.func @f16
func.func @f16(%x: tensor<?x2xf16>) -> tensor<?x1xf16> {
  %w = compress.load @half : tensor<1x2xf16>
  %y = compress.linear nk %x, %w : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
  return %y : tensor<?x1xf16>
}

// -----

// A channel of zeros has scale 1; a splat has codes of one value.
// CHECK: @zeros.q : tensor<2x2xi8> = dense<0>
// CHECK: @zeros.scale : tensor<2x1xf32> = dense<1.000000e+00>
// CHECK: @splat.q : tensor<2x2xi8> = dense<-127>
// CHECK: @splat.scale : tensor<2x1xf32> = dense<2.000000e+00>
compress.weight private @zeros : tensor<2x2xf32> = dense<0.0>
compress.weight private @splat : tensor<2x2xf32> = dense<-254.0>
// CHECK-LABEL: func.func @splats
func.func @splats(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @zeros : tensor<2x2xf32>
  %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v = compress.load @splat : tensor<2x2xf32>
  %z = compress.linear nk %y, %v : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// All of a filter shares a scale.
// CHECK: @conv.q : tensor<2x1x1x2xi8> = dense<{{\[\[\[\[}}127, -127]]], {{\[\[\[}}64, 127]]]]>
// CHECK: @conv.scale : tensor<2x1x1x1xf32> = dense<{{\[\[\[\[}}1.000000e+00]]], {{\[\[\[}}2.000000e+00]]]]>
compress.weight private @conv : tensor<2x1x1x2xf32> = dense<[[[[127.0, -127.0]]], [[[127.0, 254.0]]]]>
// CHECK-LABEL: func.func @conv_op
func.func @conv_op(%x: tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32> {
  // CHECK: compress.dequantize {{.*}} {block = array<i64: 1, -1, -1, -1>}
  %w = compress.load @conv : tensor<2x1x1x2xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x1x?x?xf32>, tensor<2x1x1x2xf32>) -> tensor<?x2x?x?xf32>
  return %y : tensor<?x2x?x?xf32>
}

// -----

// Each expert and each of its output channels has a scale.
// CHECK: @experts.q : tensor<2x2x1xi8> = dense<{{\[\[\[}}127], [1]], {{\[\[}}-127], [64]]]>
// CHECK: @experts.scale : tensor<2x1x1xf32> = dense<{{\[\[\[}}1.000000e+00]], {{\[\[}}2.000000e+00]]]>
compress.weight private @experts : tensor<2x2x1xf32> = dense<[[[127.0], [1.0]], [[-254.0], [127.0]]]>
// CHECK-LABEL: func.func @expert_matmul
func.func @expert_matmul(%x: tensor<2x?x2xf32>) -> tensor<2x?x1xf32> {
  // CHECK: compress.dequantize {{.*}} {block = array<i64: 1, -1, 1>}
  %w = compress.load @experts : tensor<2x2x1xf32>
  %y = compress.matmul %x, %w : (tensor<2x?x2xf32>, tensor<2x2x1xf32>) -> tensor<2x?x1xf32>
  return %y : tensor<2x?x1xf32>
}

// -----

// A weight may be the left operand of a matmul, and be used transposed: output channels are then columns of
// what is stored.
// CHECK: @left.q : tensor<2x2xi8> = dense<{{\[\[}}127, 64], [-1, 127]]>
// CHECK: @left.scale : tensor<1x2xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00]]>
compress.weight private @left : tensor<2x2xf32> = dense<[[127.0, 127.0], [-1.0, 254.0]]>
// CHECK-LABEL: func.func @transposed_left_operand
func.func @transposed_left_operand(%x: tensor<2x?xf32>) -> tensor<2x?xf32> {
  // CHECK: %[[W:.+]] = compress.dequantize {{.*}} {block = array<i64: -1, 1>}
  // CHECK: %[[T:.+]] = compress.transpose %[[W]]
  // CHECK: compress.matmul %[[T]], %{{.+}}
  %w = compress.load @left : tensor<2x2xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = compress.matmul %t, %x : (tensor<2x2xf32>, tensor<2x?xf32>) -> tensor<2x?xf32>
  return %y : tensor<2x?xf32>
}

// -----

// CHECK: compress.weight private @branch.q
compress.weight private @branch : tensor<1x2xf32> = dense<[[127.0, 2.0]]>
// CHECK-LABEL: func.func @inside_a_branch
func.func @inside_a_branch(%c: tensor<i1>, %x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.onnx "If"
  // CHECK: %[[W:.+]] = compress.dequantize
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  // CHECK: compress.yield
  %y = compress.onnx "If"(%c)
     {version = 17 : i64, body_names = [["then_branch", "t"], ["else_branch", "e"]], result_names = ["y"]}
     : (tensor<i1>) -> tensor<?x1xf32> {
    %w = compress.load @branch : tensor<1x2xf32>
    %t = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    compress.yield %t : tensor<?x1xf32>
  }, {
    %e = compress.onnx "Other"(%x) {version = 17 : i64, result_names = ["e"]} : (tensor<?x2xf32>) -> tensor<?x1xf32>
    compress.yield %e : tensor<?x1xf32>
  }
  return %y : tensor<?x1xf32>
}
