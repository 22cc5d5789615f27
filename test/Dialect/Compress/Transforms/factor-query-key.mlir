// RUN: compress-opt %s --compress-factor-query-key='low-rank=rank:1' --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-factor-query-key='low-rank=rank:1' --split-input-file --remarks-filter=low-rank --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-factor-query-key='low-rank=rank:1' --compress-factor-query-key='low-rank=rank:1' --split-input-file 2>&1 | FileCheck %s
// RUN: compress-opt %s --compress-factor-query-key='low-rank=ratio:0.5' --split-input-file | FileCheck %s
// RUN: not compress-opt %s --compress-factor-query-key='low-rank=energy:0.5' --split-input-file 2>&1 | FileCheck %s --check-prefix=ENERGY

// ENERGY: error: option 'low-rank': expects rank:K or ratio:R, got 'energy:0.5'

// One head of size 2; the product of its weights is diag(4, 1), of which the 4 stays.
// CHECK-LABEL: func.func @head
// CHECK: %[[WQ:.*]] = compress.load @wq.qk : tensor<2x1xf32>
// CHECK: %[[Q:.*]] = compress.linear kn %arg0, %[[WQ]] {name = "q"} : (tensor<1x3x2xf32>, tensor<2x1xf32>) -> tensor<1x3x1xf32>
// CHECK: %[[QS:.*]] = compress.constant dense<[0, 3, 1, 1]>
// CHECK: %[[QH:.*]] = compress.reshape %[[Q]], %[[QS]] : {{.*}} -> tensor<1x3x1x1xf32>
// CHECK: %[[WK:.*]] = compress.load @wk.qk : tensor<1x2xf32>
// CHECK: %[[K:.*]] = compress.linear nk %arg0, %[[WK]] {name = "k"}
// CHECK: %[[KH:.*]] = compress.reshape %[[K]]
// The scale stays that of heads of size 2.
// CHECK: compress.attention bshd %[[QH]], %[[KH]], %{{.*}} {scale = 5.000000e-01 : f32}
// REMARK: "q" and "k": heads of 2 get 1 channels (svd), relative error of the products 0.2425
compress.weight private @wq : tensor<2x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0]]>
compress.weight private @wk : tensor<2x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0]]>
func.func @head(%x: tensor<1x3x2xf32>) -> tensor<1x3x1x2xf32> {
  %shape = compress.constant dense<[0, 3, 1, 2]> : tensor<4xi64>
  %wq = compress.load @wq : tensor<2x2xf32>
  %q = compress.linear kn %x, %wq {name = "q"} : (tensor<1x3x2xf32>, tensor<2x2xf32>) -> tensor<1x3x2xf32>
  %qh = compress.reshape %q, %shape : (tensor<1x3x2xf32>, tensor<4xi64>) -> tensor<1x3x1x2xf32>
  %wk = compress.load @wk : tensor<2x2xf32>
  %k = compress.linear nk %x, %wk {name = "k"} : (tensor<1x3x2xf32>, tensor<2x2xf32>) -> tensor<1x3x2xf32>
  %kh = compress.reshape %k, %shape : (tensor<1x3x2xf32>, tensor<4xi64>) -> tensor<1x3x1x2xf32>
  %vh = compress.reshape %x, %shape : (tensor<1x3x2xf32>, tensor<4xi64>) -> tensor<1x3x1x2xf32>
  %y = compress.attention bshd %qh, %kh, %vh {scale = 0.5 : f32} : (tensor<1x3x1x2xf32>, tensor<1x3x1x2xf32>, tensor<1x3x1x2xf32>) -> tensor<1x3x1x2xf32>
  return %y : tensor<1x3x1x2xf32>
}

// -----

// Dynamic batch, transposed heads, and a bias on one side: both get one.
// CHECK-LABEL: func.func @transposed
// CHECK: compress.linear kn %arg0, %{{.*}} bias %{{.*}} {name = "q"} : (tensor<?x3x2xf32>, tensor<2x1xf32>, tensor<1xf32>) -> tensor<?x3x1xf32>
// CHECK: compress.transpose %{{.*}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x1x1xf32>) -> tensor<?x1x3x1xf32>
// CHECK: compress.linear kn %arg0, %{{.*}} bias %{{.*}} {name = "k"} : (tensor<?x3x2xf32>, tensor<2x1xf32>, tensor<1xf32>) -> tensor<?x3x1xf32>
// CHECK: compress.attention bhsd
compress.weight private @wq : tensor<2x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0]]>
compress.weight private @wk : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.5, 1.0]]>
compress.weight private @bq : tensor<2xf32> = dense<[0.5, -1.0]>
func.func @transposed(%x: tensor<?x3x2xf32>, %vh: tensor<?x1x3x2xf32>) -> tensor<?x1x3x2xf32> {
  %shape = compress.constant dense<[-1, 3, 1, 2]> : tensor<4xi64>
  %wq = compress.load @wq : tensor<2x2xf32>
  %bq = compress.load @bq : tensor<2xf32>
  %mm = compress.linear kn %x, %wq {name = "q"} : (tensor<?x3x2xf32>, tensor<2x2xf32>) -> tensor<?x3x2xf32>
  %q = compress.add %mm, %bq : (tensor<?x3x2xf32>, tensor<2xf32>) -> tensor<?x3x2xf32>
  %qs = compress.reshape %q, %shape : (tensor<?x3x2xf32>, tensor<4xi64>) -> tensor<?x3x1x2xf32>
  %qh = compress.transpose %qs {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x1x2xf32>) -> tensor<?x1x3x2xf32>
  %wk = compress.load @wk : tensor<2x2xf32>
  %k = compress.linear kn %x, %wk {name = "k"} : (tensor<?x3x2xf32>, tensor<2x2xf32>) -> tensor<?x3x2xf32>
  %ks = compress.reshape %k, %shape : (tensor<?x3x2xf32>, tensor<4xi64>) -> tensor<?x3x1x2xf32>
  %kh = compress.transpose %ks {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x1x2xf32>) -> tensor<?x1x3x2xf32>
  %y = compress.attention bhsd %qh, %kh, %vh {scale = 0.5 : f32} : (tensor<?x1x3x2xf32>, tensor<?x1x3x2xf32>, tensor<?x1x3x2xf32>) -> tensor<?x1x3x2xf32>
  return %y : tensor<?x1x3x2xf32>
}

// -----

// What comes between stays.
// CHECK-LABEL: func.func @rotary
// CHECK: compress.linear kn %arg0, %{{.*}} {name = "q"} : (tensor<1x3x2xf32>, tensor<2x2xf32>) -> tensor<1x3x2xf32>
// REMARK: queries and keys stay as they are: they are not a reshaped linear op: rotary positions, norms or several users are in between
compress.weight private @wq : tensor<2x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0]]>
func.func @rotary(%x: tensor<1x3x2xf32>, %kh: tensor<1x3x1x2xf32>) -> tensor<1x3x1x2xf32> {
  %shape = compress.constant dense<[0, 3, 1, 2]> : tensor<4xi64>
  %wq = compress.load @wq : tensor<2x2xf32>
  %q = compress.linear kn %x, %wq {name = "q"} : (tensor<1x3x2xf32>, tensor<2x2xf32>) -> tensor<1x3x2xf32>
  %qh = compress.reshape %q, %shape : (tensor<1x3x2xf32>, tensor<4xi64>) -> tensor<1x3x1x2xf32>
  %turned = compress.neg %qh : (tensor<1x3x1x2xf32>) -> tensor<1x3x1x2xf32>
  %y = compress.attention bshd %turned, %kh, %kh {scale = 0.5 : f32} : (tensor<1x3x1x2xf32>, tensor<1x3x1x2xf32>, tensor<1x3x1x2xf32>) -> tensor<1x3x1x2xf32>
  return %y : tensor<1x3x1x2xf32>
}
