// RUN: compress-opt %s --compress-prune=pattern=2:4 --compress-verify-chains --split-input-file | FileCheck %s
// Pruning again changes nothing.
// RUN: compress-opt %s --compress-prune=pattern=2:4 --compress-prune=pattern=2:4 --split-input-file | FileCheck %s

// Two of every four weights along the contraction stay: those of largest magnitude. Positions take two
// bits each, low bits first: 1, 2 are 0b1001 and 0, 1 are 0b0100.
// CHECK: compress.weight private @w.kept : tensor<2x2xf32> = dense<{{\[\[}}-4.000000e+00, 3.000000e+00], [8.000000e+00, -7.000000e+00]]>
// CHECK: compress.weight private @w.meta : tensor<2x1xi8> = dense<{{\[\[}}9], [4]]>
// CHECK-NOT: compress.weight
compress.weight private @w : tensor<2x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0], [8.0, -7.0, 6.0, 5.0]]>
// CHECK-LABEL: func.func @keeps_largest
func.func @keeps_largest(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[KEPT:.+]] = compress.load @w.kept
  // CHECK: %[[META:.+]] = compress.load @w.meta
  // CHECK: %[[W:.+]] = compress.expand_nm %[[KEPT]], %[[META]] {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  %w = compress.load @w : tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Of equal magnitudes the lower index stays; a group of zeros keeps its first two.
// CHECK: @ties.kept : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, -1.000000e+00], [0.000000e+00, 0.000000e+00]]>
// CHECK: @ties.meta : tensor<2x1xi8> = dense<4>
compress.weight private @ties : tensor<2x4xf32> = dense<[[1.0, -1.0, 1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]>
// CHECK-LABEL: func.func @ties_keep_the_lower_index
func.func @ties_keep_the_lower_index(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = compress.load @ties : tensor<2x4xf32>
  %y = compress.linear nk %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// In layout kn the contraction is dim 0, so groups run down the columns: rows 2, 3 of column 0, rows 0, 2
// of column 1. The positions of a row of kept values are packed together: 2 + 0 * 4 and 3 + 2 * 4.
// CHECK: @kn.kept : tensor<2x2xf32> = dense<{{\[\[}}3.000000e+00, 8.000000e+00], [4.000000e+00, 7.000000e+00]]>
// CHECK: @kn.meta : tensor<2x1xi8> = dense<{{\[\[}}2], [11]]>
compress.weight private @kn : tensor<4x2xf32> = dense<[[1.0, 8.0], [2.0, 6.0], [3.0, 7.0], [4.0, 5.0]]>
// CHECK-LABEL: func.func @kn_layout
func.func @kn_layout(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 0 : i64, m = 4 : i64, n = 2 : i64}
  %w = compress.load @kn : tensor<4x2xf32>
  %y = compress.linear kn %x, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Of seven weights the last group has three and still keeps two: four positions, 0 1 1 2.
// CHECK: @odd.kept : tensor<1x4xf32> = dense<{{\[\[}}4.000000e+00, 3.000000e+00, 6.000000e+00, 7.000000e+00]]>
// CHECK: @odd.meta : tensor<1x1xi8> = dense<-108>
compress.weight private @odd : tensor<1x7xf32> = dense<[[4.0, 3.0, 2.0, 1.0, 5.0, 6.0, 7.0]]>
// CHECK-LABEL: func.func @short_last_group
func.func @short_last_group(%x: tensor<?x7xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.expand_nm {{.*}} -> tensor<1x7xf32>
  %w = compress.load @odd : tensor<1x7xf32>
  %y = compress.linear nk %x, %w : (tensor<?x7xf32>, tensor<1x7xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// The weight is stored as [out, in] and used as [in, out]: groups run along dim 1 of what is stored.
// CHECK: @transposed.kept : tensor<2x2xf32> = dense<{{\[\[}}3.000000e+00, 4.000000e+00], [8.000000e+00, 7.000000e+00]]>
compress.weight private @transposed : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [8.0, 7.0, 6.0, 5.0]]>
// CHECK-LABEL: func.func @through_a_transpose
func.func @through_a_transpose(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.+]] = compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // CHECK: %[[T:.+]] = compress.transpose %[[W]]
  // CHECK: compress.matmul %{{.+}}, %[[T]]
  %w = compress.load @transposed : tensor<2x4xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %y = compress.matmul %x, %t : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Groups of a convolution run along the input channels, at each kernel position on its own.
// CHECK: @conv.kept : tensor<1x2x1x2xf32> = dense<{{\[\[\[\[}}3.000000e+00, 8.000000e+00]], {{\[\[}}4.000000e+00, 7.000000e+00]]]]>
// CHECK: @conv.meta : tensor<1x2x1x1xi8> = dense<{{\[\[\[\[}}2]], {{\[\[}}7]]]]>
compress.weight private @conv : tensor<1x4x1x2xf32> = dense<[[[[1.0, 8.0]], [[2.0, 7.0]], [[3.0, 6.0]], [[4.0, 5.0]]]]>
// CHECK-LABEL: func.func @conv_channels
func.func @conv_channels(%x: tensor<?x4x?x?xf32>) -> tensor<?x1x?x?xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  %w = compress.load @conv : tensor<1x4x1x2xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x4x?x?xf32>, tensor<1x4x1x2xf32>) -> tensor<?x1x?x?xf32>
  return %y : tensor<?x1x?x?xf32>
}

// -----

// Stacked experts: each matrix of the batch on its own.
// CHECK: @experts.kept : tensor<2x2x1xf32> = dense<{{\[\[\[}}3.000000e+00], [4.000000e+00]], {{\[\[}}8.000000e+00], [7.000000e+00]]]>
// CHECK: @experts.meta : tensor<2x2x1xi8> = dense<{{\[\[\[}}2], [3]], {{\[\[}}0], [1]]]>
compress.weight private @experts : tensor<2x4x1xf32> = dense<[[[1.0], [2.0], [3.0], [4.0]], [[8.0], [7.0], [6.0], [5.0]]]>
// CHECK-LABEL: func.func @expert_matmul
func.func @expert_matmul(%x: tensor<2x?x4xf32>) -> tensor<2x?x1xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  %w = compress.load @experts : tensor<2x4x1xf32>
  %y = compress.matmul %x, %w : (tensor<2x?x4xf32>, tensor<2x4x1xf32>) -> tensor<2x?x1xf32>
  return %y : tensor<2x?x1xf32>
}

// -----

// CHECK: @half.kept : tensor<1x2xf16> = dense<{{\[\[}}5.000000e-01, -6.499200e+04]]>
// CHECK: @half.meta : tensor<1x1xi8> = dense<13>
compress.weight private @half : tensor<1x4xf16> = dense<[[0.25, 0.5, 0.125, -64992.0]]>
// CHECK-LABEL: func.func @f16
func.func @f16(%x: tensor<?x4xf16>) -> tensor<?x1xf16> {
  %w = compress.load @half : tensor<1x4xf16>
  %y = compress.linear nk %x, %w : (tensor<?x4xf16>, tensor<1x4xf16>) -> tensor<?x1xf16>
  return %y : tensor<?x1xf16>
}

// -----

// A splat literal is as good as any other.
// CHECK: @splat.kept : tensor<2x2xf32> = dense<2.500000e+00>
// CHECK: @splat.meta : tensor<2x1xi8> = dense<4>
compress.weight private @splat : tensor<2x4xf32> = dense<2.5>
// CHECK-LABEL: func.func @splat_weight
func.func @splat_weight(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = compress.load @splat : tensor<2x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A body of a control-flow node is walked like any other region.
// CHECK: compress.weight private @branch.kept
compress.weight private @branch : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
// CHECK-LABEL: func.func @inside_a_branch
func.func @inside_a_branch(%c: tensor<i1>, %x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.onnx "If"
  // CHECK: %[[W:.+]] = compress.expand_nm
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  // CHECK: compress.yield
  %y = compress.onnx "If"(%c)
     {version = 17 : i64, body_names = [["then_branch", "t"], ["else_branch", "e"]], result_names = ["y"]}
     : (tensor<i1>) -> tensor<?x1xf32> {
    %w = compress.load @branch : tensor<1x4xf32>
    %t = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
    compress.yield %t : tensor<?x1xf32>
  }, {
    %e = compress.onnx "Other"(%x) {version = 17 : i64, result_names = ["e"]} : (tensor<?x4xf32>) -> tensor<?x1xf32>
    compress.yield %e : tensor<?x1xf32>
  }
  return %y : tensor<?x1xf32>
}
