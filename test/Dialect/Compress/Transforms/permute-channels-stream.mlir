// RUN: compress-opt %s --split-input-file --compress-permute-channels=prune=1:2 | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-permute-channels='prune=1:2 gather=false' | FileCheck %s --check-prefix=FOLD
// RUN: compress-opt %s --split-input-file --compress-permute-channels=prune=1:2 --compress-permute-channels | FileCheck %s

// The channels of a residual stream: "a" wants the order 2 0 3 1 and "b" 0 2 1 3. With gathers each gets its
// own; without, the stream has the order that the sums 17, 11, 13 and 9 lead to, from the embedding over the
// norm and what is added to the head.
// CHECK-DAG: compress.weight private @a.order : tensor<4xi64> = dense<[2, 0, 3, 1]>
// CHECK-DAG: compress.weight private @b.order : tensor<4xi64> = dense<[0, 2, 1, 3]>
// CHECK-DAG: compress.weight private @table : tensor<2x4xf32>
// CHECK-DAG: compress.weight private @a.permuted : tensor<1x4xf32> = dense<{{\[\[}}1.000000e+00, 1.600000e+01, 2.000000e+00, 8.000000e+00]]>
// CHECK-DAG: compress.weight private @b.permuted : tensor<1x4xf32> = dense<{{\[\[}}1.000000e+00, 1.200000e+01, 3.000000e+00, 7.000000e+00]]>
// CHECK-NOT: compress.weight private @{{.*}}permuted
// FOLD-DAG: compress.weight private @table.permuted : tensor<2x4xf32> = dense<{{\[\[}}4.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00], [8.000000e+00, 5.000000e+00, 6.000000e+00, 7.000000e+00]]>
// FOLD-DAG: compress.weight private @scale.permuted : tensor<4xf32> = dense<[4.000000e-01, 1.000000e-01, 2.000000e-01, 3.000000e-01]>
// FOLD-DAG: compress.weight private @a.permuted : tensor<1x4xf32> = dense<{{\[\[}}2.000000e+00, 1.600000e+01, 8.000000e+00, 1.000000e+00]]>
// FOLD-DAG: compress.weight private @b.permuted : tensor<1x4xf32> = dense<{{\[\[}}7.000000e+00, 1.000000e+00, 3.000000e+00, 1.200000e+01]]>
// FOLD-DAG: compress.weight private @out.permuted : tensor<1x4xf32> = dense<{{\[\[}}4.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00]]>
// FOLD-NOT: compress.weight
// FOLD-NOT: compress.gather
compress.weight private @table : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]>
compress.weight private @scale : tensor<4xf32> = dense<[0.1, 0.2, 0.3, 0.4]>
compress.weight private @a : tensor<1x4xf32> = dense<[[16.0, 8.0, 1.0, 2.0]]>
compress.weight private @out : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[1.0, 3.0, 12.0, 7.0]]>
// CHECK-LABEL: func.func @stream
func.func @stream(%ids: tensor<?xi64>) -> (tensor<?x1xf32>, tensor<?xf32>) {
  // CHECK: %[[S:.+]] = compress.embedding
  // CHECK: %[[N:.+]] = compress.rms_norm %[[S]]
  // CHECK: %[[A:.+]] = compress.gather %[[N]], %a.order {axis = 1 : i64}
  // CHECK: compress.linear nk %[[A]], %a.permuted
  // CHECK: %[[U:.+]] = compress.add %[[S]]
  // CHECK: %[[B:.+]] = compress.gather %[[U]], %b.order {axis = 1 : i64}
  // CHECK: compress.linear nk %[[B]], %b.permuted
  %table = compress.load @table : tensor<2x4xf32>
  %scale = compress.load @scale : tensor<4xf32>
  %a = compress.load @a : tensor<1x4xf32>
  %out = compress.load @out : tensor<1x4xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %s = compress.embedding %table, %ids {name = "embed"} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.rms_norm %s, %scale {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %n, %a {name = "a"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %r = compress.linear kn %h, %out {name = "out"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %u = compress.add %s, %r : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = compress.linear nk %u, %b {name = "b"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // A sum over all channels has no order.
  %t = compress.reduce sum %u {axes = array<i64: 1>, keepdims = false} : (tensor<?x4xf32>) -> tensor<?xf32>
  return %y, %t : tensor<?x1xf32>, tensor<?xf32>
}
