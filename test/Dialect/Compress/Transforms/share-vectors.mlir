// RUN: compress-opt %s --compress-share-weights --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --compress-share-weights --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-weights --compress-fold-decode --split-input-file | FileCheck %s --check-prefix=DENSE
// RUN: compress-opt %s --compress-share-weights --split-input-file --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-share-weights --compress-share-weights --split-input-file --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=AGAIN

// Rows are cut into vectors of four; there are only two different ones, so that nothing is lost. Additive
// codebooks have scales of rows.
// CHECK-DAG: @w.q : tensor<16x2x1xui1>
// CHECK-DAG: @w.tables{{.*}} : tensor<1x1x2x4xf32>
// CHECK-DAG: @w.scale{{.*}} : tensor<16x1xf32> = dense<1.000000e+00>
// CHECK-LABEL: func.func @additive
// CHECK: %[[W:.+]] = compress.lookup_vectors %w.q, %w.tables{{.*}}, %w.scale{{.*}} {axis = 1 : i64, block = array<i64: 1, -1>} : (tensor<16x2x1xui1>, tensor<1x1x2x4xf32>, tensor<16x1xf32>) -> tensor<16x8xf32>
// CHECK: compress.linear nk %{{.+}}, %[[W]]
// DENSE: dense<"0x0000803F000080BF0000803F0000803F0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF000080BF000080BF0000803F000080BF0000803F000080BF0000803F0000803F000080BF000080BF0000803F000080BF">
// REMARK: remark: [Passed] {{.*}}weight 'w' of "fc": codebook 1x2x4, additive", bytes=100
// AGAIN: remark: [Missed] {{.*}}stored as a codebook of vectors already
compress.weight private @w : tensor<16x8xf32> = dense<[[1.0, -1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0]]>
func.func @additive(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %w = compress.load @w : tensor<16x8xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:2,dim=4">} : (tensor<?x8xf32>, tensor<16x8xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// Product codebooks: one for each vector along the contraction, which is the first dim here.
// CHECK-DAG: @w.q : tensor<2x16x1xui1>
// CHECK-DAG: @w.tables{{.*}} : tensor<2x1x2x4xf32>
// CHECK-LABEL: func.func @product
// CHECK: compress.lookup_vectors %w.q, %w.tables{{.*}} {axis = 0 : i64} : (tensor<2x16x1xui1>, tensor<2x1x2x4xf32>) -> tensor<8x16xf32>
// DENSE: dense<"0x0000803F000080BF000080BF0000803F0000803F0000803F0000803F000080BF000080BF0000803F0000803F0000803F0000803F000080BF000080BF0000803F000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F000080BF000080BF0000803F0000803F0000803F0000803F000080BF000080BF0000803F0000803F0000803F0000803F000080BF000080BF0000803F0000803F000080BF000080BF000080BF000080BF000080BF0000803F000080BF000080BF000080BF000080BF000080BF0000803F000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F000080BF000080BF000080BF000080BF000080BF0000803F000080BF000080BF000080BF000080BF000080BF0000803F000080BF000080BF000080BF">
// REMARK: remark: [Passed] {{.*}}weight 'w' of "fc": codebook 2x4, product", bytes=68
compress.weight private @w : tensor<8x16xf32> = dense<[[1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0], [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0], [1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0], [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0]]>
func.func @product(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %w = compress.load @w : tensor<8x16xf32>
  %y = compress.linear kn %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:2,dim=4,method=product">} : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// Convolutions: vectors lie along the input channels of a kernel position, 3 of which fill one up.
// CHECK-DAG: @w.q : tensor<8x2x2x2x1xui1>
// CHECK-DAG: @w.tables{{.*}} : tensor<1x1x2x3xf32>
// CHECK-DAG: @v.q : tensor<8x1x2x2x1xui1>
// CHECK-DAG: @v.tables{{.*}} : tensor<1x1x2x4xf32>
// CHECK-LABEL: func.func @conv
// CHECK: compress.lookup_vectors %w.q, {{.*}} {axis = 1 : i64, block = array<i64: 1, -1, -1, -1>}
// CHECK: compress.lookup_vectors %v.q, {{.*}} {axis = 1 : i64}
// DENSE: @v.dense : tensor<8x4x2x2xf32> = dense<"0x000080BF0000803F0000803F000080BF000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F000080BF0000803F0000803F000080BF0000803F000080BF000080BF0000803F000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F0000803F000080BF000080BF0000803F000080BF0000803F0000803F000080BF000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F000080BF0000803F0000803F000080BF0000803F000080BF000080BF0000803F000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F0000803F000080BF000080BF0000803F000080BF0000803F0000803F000080BF000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F000080BF0000803F0000803F000080BF0000803F000080BF000080BF0000803F000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F0000803F000080BF000080BF0000803F000080BF0000803F0000803F000080BF000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F000080BF0000803F0000803F000080BF0000803F000080BF000080BF0000803F000080BF000080BF000080BF000080BF0000803F0000803F0000803F0000803F0000803F000080BF000080BF0000803F">
// REMARK: remark: [Passed] {{.*}}weight 'w' of "a": codebook 1x2x3, additive
// REMARK: remark: [Passed] {{.*}}weight 'v' of "b": codebook 2x4, product
compress.weight private @w : tensor<8x4x2x2xf32> = dense<[[[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]]]>
compress.weight private @v : tensor<8x4x2x2xf32> = dense<[[[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, -1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]]]>
func.func @conv(%x: tensor<?x4x?x?xf32>) -> (tensor<?x8x?x?xf32>, tensor<?x8x?x?xf32>) {
  %w = compress.load @w : tensor<8x4x2x2xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "a", compress.plan = #compress.plan<share = "codebook:2,dim=3">} : (tensor<?x4x?x?xf32>, tensor<8x4x2x2xf32>) -> tensor<?x8x?x?xf32>
  %v = compress.load @v : tensor<8x4x2x2xf32>
  %z = compress.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "b", compress.plan = #compress.plan<share = "codebook:2,dim=4,method=product">} : (tensor<?x4x?x?xf32>, tensor<8x4x2x2xf32>) -> tensor<?x8x?x?xf32>
  return %y, %z : tensor<?x8x?x?xf32>, tensor<?x8x?x?xf32>
}

// -----

// What is pruned, too short, or not smaller stays.
// CHECK-LABEL: func.func @skipped
// CHECK-NOT: compress.lookup_vectors
// DENSE-LABEL: func.func @skipped
// REMARK: remark: [Missed] {{.*}}weight 'w.q' of "pruned": pruned weights get no codebook of vectors
// REMARK: remark: [Missed] {{.*}}weight 'v' of "short": no codebook of 2 vectors of 8: there are only 4 input channels
// REMARK: remark: [Missed] {{.*}}weight 'u' of "small": no codebook of 4 vectors of 2: codes and tables take 41 bytes, its values 32
compress.weight private @w.q : tensor<1x2xf32> = dense<1.0>
compress.weight private @w.meta : tensor<1x1xi8> = dense<9>
compress.weight private @v : tensor<2x4xf32> = dense<2.0>
compress.weight private @u : tensor<2x4xf32> = dense<3.0>
func.func @skipped(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %q = compress.load @w.q : tensor<1x2xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %q, %m {axis = 1 : i64, m = 4 : i64, n = 2 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  %0 = compress.linear nk %x, %w {name = "pruned", compress.plan = #compress.plan<share = "codebook:2,dim=2">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %v = compress.load @v : tensor<2x4xf32>
  %1 = compress.linear nk %x, %v {name = "short", compress.plan = #compress.plan<share = "codebook:2,dim=8">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %u = compress.load @u : tensor<2x4xf32>
  %2 = compress.linear nk %x, %u {name = "small", compress.plan = #compress.plan<share = "codebook:4,dim=2">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x1xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
