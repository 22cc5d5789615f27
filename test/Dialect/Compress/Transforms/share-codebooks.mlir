// RUN: compress-opt %s --compress-share-weights --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-weights --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{codebooks=false})' --split-input-file | FileCheck %s --check-prefix=LATER
// RUN: compress-opt %s --compress-share-weights --compress-share-weights --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --mlir-disable-threading --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --split-input-file --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-share-weights --compress-share-weights --split-input-file --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=AGAIN

// Three values instead of twelve: the means of {1, 2}, {5, 6} and {-4, -4}, in codes of two bits.
// CHECK-DAG: @w.q : tensor<3x4xui2> = dense<{{\[\[}}1, 1, 2, 2], [0, 0, 1, 1], [2, 2, 0, 0]]>
// CHECK-DAG: @w.table{{.*}} : tensor<4xf32> = dense<[-4.000000e+00, 1.500000e+00, 5.500000e+00, 5.500000e+00]>
// LATER-LABEL: func.func @exact
// LATER: compress.load @w : tensor<3x4xf32>
// CHECK-LABEL: func.func @exact
// CHECK: %[[W:.+]] = compress.lookup %w.q, %w.table{{.*}} : (tensor<3x4xui2>, tensor<4xf32>) -> tensor<3x4xf32>
// CHECK: compress.linear nk %{{.+}}, %[[W]]
// REMARK: remark: [Passed] compress-share-weights | Category:share | Remark="weight 'w' of "fc": codebook 3, exact", bytes=19
// AGAIN: remark: [Missed] {{.*}}weight 'w.q' of "fc": stored as a codebook of 3 values already
compress.weight private @w : tensor<3x4xf32> = dense<[[1.0, 2.0, 5.0, 6.0], [-4.0, -4.0, 1.0, 2.0], [5.0, 6.0, -4.0, -4.0]]>
func.func @exact(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:3">} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// Zeros stay zeros: an entry is zero. More entries than there are values are not stored.
// CHECK-DAG: @w.q : tensor<2x8xui2> = dense<{{\[\[}}0, 1, 0, 2, 0, 0, 1, 2], [2, 1, 0, 0, 0, 0, 0, 1]]>
// CHECK-DAG: @w.table{{.*}} : tensor<4xf32> = dense<[0.000000e+00, -1.000000e+00, 3.000000e+00, 3.000000e+00]>
// CHECK-LABEL: func.func @zeros
// REMARK: weight 'w' of "fc": codebook 3, exact
compress.weight private @w : tensor<2x8xf32> = dense<[[0.0, -1.0, 0.0, 3.0, 0.0, 0.0, -1.0, 3.0], [3.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]]>
func.func @zeros(%x: tensor<?x8xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x8xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:16">} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A table for each output channel, and zero is the same code in all.
// CHECK-DAG: @w.q : tensor<2x12xui1> = dense<{{\[\[}}false, true, false, true, false, true, false, true, false, true, false, true], [true, false, true, true, true, true, true, true, true, true, true, true]]>
// CHECK-DAG: @w.table{{.*}} : tensor<2x1x2xf32> = dense<{{\[\[\[}}0.000000e+00, 2.000000e+00]], {{\[\[}}0.000000e+00, -3.000000e+00]]]>
// CHECK-LABEL: func.func @channel
// CHECK: compress.lookup %w.q, %w.table{{.*}} {table_block = array<i64: 1, -1>} : (tensor<2x12xui1>, tensor<2x1x2xf32>) -> tensor<2x12xf32>
// REMARK: weight 'w' of "fc": codebook 2, exact, per channel", bytes=19
compress.weight private @w : tensor<2x12xf32> = dense<[[0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0], [-3.0, 0.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0]]>
func.func @channel(%x: tensor<?x12xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x12xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:2,scope=channel">} : (tensor<?x12xf32>, tensor<2x12xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Groups along the contraction, which is the first dim here; Lloyd's iteration from the density.
// CHECK-DAG: @w.q : tensor<8x1xui1> = dense<{{\[\[}}false], [true], [false], [true], [true], [false], [false], [false]]>
// CHECK-DAG: @w.table{{.*}} : tensor<2x1x2xf32> = dense<{{\[\[\[}}1.000000e+00, 2.000000e+00]], {{\[\[}}5.000000e+00, 7.000000e+00]]]>
// CHECK-LABEL: func.func @group
// CHECK: compress.lookup {{.*}} {table_block = array<i64: 4, 1>}
// REMARK: weight 'w' of "fc": codebook 2, lloyd density, group 4
compress.weight private @w : tensor<8x1xf32> = dense<[[1.0], [2.0], [1.0], [2.0], [7.0], [5.0], [5.0], [5.0]]>
func.func @group(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<8x1xf32>
  %y = compress.linear kn %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:2,method=lloyd,start=density,scope=group,group=4">} : (tensor<?x8xf32>, tensor<8x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Convolutions, weights in branches, tied weights, f16; what would not be smaller stays.
// CHECK-DAG: @conv.q : tensor<2x2x2x2xui1>
// CHECK-DAG: @tied.q : tensor<4x4xui1>
// CHECK-DAG: @tied.table{{.*}} : tensor<2xf16> = dense<[1.000000e+00, 2.000000e+00]>
// CHECK-DAG: @small : tensor<1x2x1x1xf32>
// CHECK-LABEL: func.func @forms
// REMARK: remark: [Passed] {{.*}}weight 'conv' of "conv": codebook 2, exact
// REMARK: remark: [Missed] {{.*}}weight 'small' of "small": no codebook of 4 values: codes and tables take 9 bytes, its values 8
// REMARK: remark: [Passed] {{.*}}weight 'tied' of "t0": codebook 2, exact
compress.weight private @conv : tensor<2x2x2x2xf32> = dense<[[[[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]]], [[[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]]]]>
compress.weight private @small : tensor<1x2x1x1xf32> = dense<[[[[1.0]], [[2.0]]]]>
compress.weight private @tied : tensor<4x4xf16> = dense<[[1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 2.0, 2.0]]>
func.func @forms(%x: tensor<?x2x4x4xf32>, %z: tensor<?x4xf16>, %c: i1) -> (tensor<?x1x3x3xf32>, tensor<?x4xf16>) {
  %w = compress.load @conv : tensor<2x2x2x2xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "conv", compress.plan = #compress.plan<share = "codebook:2">} : (tensor<?x2x4x4xf32>, tensor<2x2x2x2xf32>) -> tensor<?x2x3x3xf32>
  %s = compress.load @small : tensor<1x2x1x1xf32>
  %v = compress.conv %y, %s {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "small", compress.plan = #compress.plan<share = "codebook:4">} : (tensor<?x2x3x3xf32>, tensor<1x2x1x1xf32>) -> tensor<?x1x3x3xf32>
  %t0 = compress.load @tied : tensor<4x4xf16>
  %u = compress.linear nk %z, %t0 {name = "t0", compress.plan = #compress.plan<share = "codebook:2">} : (tensor<?x4xf16>, tensor<4x4xf16>) -> tensor<?x4xf16>
  %r = scf.if %c -> tensor<?x4xf16> {
    %t1 = compress.load @tied : tensor<4x4xf16>
    %q = compress.linear nk %u, %t1 {name = "t1", compress.plan = #compress.plan<share = "codebook:2">} : (tensor<?x4xf16>, tensor<4x4xf16>) -> tensor<?x4xf16>
    scf.yield %q : tensor<?x4xf16>
  } else {
    scf.yield %u : tensor<?x4xf16>
  }
  return %v, %r : tensor<?x1x3x3xf32>, tensor<?x4xf16>
}
