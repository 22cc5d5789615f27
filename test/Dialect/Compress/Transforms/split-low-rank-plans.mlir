// RUN: compress-opt %s --split-input-file --compress-split-low-rank | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-split-low-rank --compress-split-low-rank | FileCheck %s

// Only what the plans say, each its own; the rest of the plan is that of both ops.
// CHECK-DAG: compress.weight private @a :
// CHECK-DAG: compress.weight private @"b/u" : tensor<4x1xf32>
// CHECK-DAG: compress.weight private @"c/u" : tensor<6x2xf32>
compress.weight private @a : tensor<4x4xf32> = dense<1.0>
compress.weight private @b : tensor<4x4xf32> = dense<1.0>
compress.weight private @c : tensor<6x6xf32> = dense<[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 6.0]]>
// CHECK-LABEL: func.func @planned
func.func @planned(%x: tensor<?x4xf32>, %z: tensor<?x6xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x6xf32>) {
  %a = compress.load @a : tensor<4x4xf32>
  %b = compress.load @b : tensor<4x4xf32>
  %c = compress.load @c : tensor<6x6xf32>
  // CHECK: compress.linear nk %{{.+}}, %a {name = "a"}
  %0 = compress.linear nk %x, %a {name = "a"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // CHECK: {compress.plan = #compress.plan<quantize = "int8", prune = "2:4">, name = "b/v"}
  // CHECK: {compress.plan = #compress.plan<quantize = "int8", prune = "2:4">, name = "b/u"}
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<quantize = "int8", prune = "2:4", low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // Ratio 0.8: rank 0.8 * 36 / 12 = 2.4.
  // CHECK: {name = "c/v"} : (tensor<?x6xf32>, tensor<2x6xf32>)
  %2 = compress.linear nk %z, %c {name = "c", compress.plan = #compress.plan<low_rank = "ratio:0.8,method=svd">} : (tensor<?x6xf32>, tensor<6x6xf32>) -> tensor<?x6xf32>
  return %0, %1, %2 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x6xf32>
}

// -----

// 36 + 25 of 91 are 67 % of the energy, 36 are 40 %.
// CHECK-DAG: compress.weight private @"half/u" : tensor<6x2xf32>
// CHECK-DAG: compress.weight private @"third/u" : tensor<6x1xf32>
// CHECK-DAG: compress.weight private @"even/u" : tensor<8x2xf32>
compress.weight private @half : tensor<6x6xf32> = dense<[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 6.0]]>
compress.weight private @third : tensor<6x6xf32> = dense<[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 6.0]]>
compress.weight private @even : tensor<8x8xf32> = dense<[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0]]>
// CHECK-LABEL: func.func @energy_and_multiples
func.func @energy_and_multiples(%x: tensor<?x6xf32>, %z: tensor<?x8xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?x8xf32>) {
  %half = compress.load @half : tensor<6x6xf32>
  %third = compress.load @third : tensor<6x6xf32>
  %even = compress.load @even : tensor<8x8xf32>
  %0 = compress.linear nk %x, %half {name = "a", compress.plan = #compress.plan<low_rank = "energy:0.5,method=svd">} : (tensor<?x6xf32>, tensor<6x6xf32>) -> tensor<?x6xf32>
  %1 = compress.linear nk %x, %third {name = "b", compress.plan = #compress.plan<low_rank = "energy:0.33,method=svd">} : (tensor<?x6xf32>, tensor<6x6xf32>) -> tensor<?x6xf32>
  %2 = compress.linear nk %z, %even {name = "c", compress.plan = #compress.plan<low_rank = "rank:3,method=svd,round_to=2">} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %0, %1, %2 : tensor<?x6xf32>, tensor<?x6xf32>, tensor<?x8xf32>
}

// -----

// A table and a head that share it share factors: U [rows, k] is looked up, V is a linear op.
// CHECK-DAG: compress.weight private @"table/v" : tensor<1x4xf32>
// CHECK-DAG: compress.weight private @"table/u" : tensor<6x1xf32>
// CHECK-NOT: compress.weight
compress.weight private @table : tensor<6x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 4.0], [-1.0, -2.0, -3.0, -4.0], [0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0]]>
// CHECK-LABEL: func.func @tied
func.func @tied(%i: tensor<?xi64>) -> tensor<?x6xf32> {
  // CHECK: %[[V:.+]] = compress.load @"table/v"
  // CHECK: %[[U:.+]] = compress.load @"table/u"
  // CHECK: %[[R:.+]] = compress.embedding %[[U]], %arg0 {name = "emb/v"} : (tensor<6x1xf32>, tensor<?xi64>) -> tensor<?x1xf32>
  // CHECK: %[[X:.+]] = compress.linear kn %[[R]], %[[V]] {name = "emb/u"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %t = compress.load @table : tensor<6x4xf32>
  %x = compress.embedding %t, %i {name = "emb", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<6x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  // CHECK: %[[V2:.+]] = compress.load @"table/v"
  // CHECK: %[[U2:.+]] = compress.load @"table/u"
  // CHECK: %[[Z:.+]] = compress.linear nk %[[X]], %[[V2]] {name = "head/v"}
  // CHECK: compress.linear nk %[[Z]], %[[U2]] {name = "head/u"}
  %t2 = compress.load @table : tensor<6x4xf32>
  %y = compress.linear nk %x, %t2 {name = "head", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// -----

// A public weight stays.
// CHECK-DAG: compress.weight @w : tensor<3x3xf32>
// CHECK-DAG: compress.weight private @"w/v"
compress.weight @w : tensor<3x3xf32> = dense<1.0>
func.func @public(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
