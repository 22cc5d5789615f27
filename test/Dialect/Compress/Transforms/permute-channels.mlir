// RUN: compress-opt %s --split-input-file --compress-permute-channels=prune=1:2 | FileCheck %s
// The second time nothing is left to do.
// RUN: compress-opt %s --split-input-file --compress-permute-channels=prune=1:2 --compress-permute-channels | FileCheck %s

// The inputs of "down" are 0 1 | 2 3, of which 1:2 keeps 9 + 2 and 7 + 2. The sums of the columns are 16, 14,
// 2 and 4: reallocation puts the small ones 2 and 3 first in each block, then 0 and 1. Everything is kept of
// 0 and 1 then.
// CHECK-DAG: compress.weight private @up.permuted : tensor<4x1xf32> = dense<{{\[\[}}3.000000e+00], [1.000000e+00], [4.000000e+00], [2.000000e+00]]>
// CHECK-DAG: compress.weight private @up.b.permuted : tensor<4xf32> = dense<[3.000000e-01, 1.000000e-01, 4.000000e-01, 2.000000e-01]>
// CHECK-DAG: compress.weight private @down.permuted : tensor<2x4xf32> = dense<{{\[\[}}1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00], [1.000000e+00, 7.000000e+00, 2.000000e+00, 6.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @up : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [4.0]]>
compress.weight private @up.b : tensor<4xf32> = dense<[0.1, 0.2, 0.3, 0.4]>
compress.weight private @down : tensor<2x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0], [7.0, 6.0, 1.0, 2.0]]>
// CHECK-LABEL: func.func @mlp
func.func @mlp(%x: tensor<?x1xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[H:.+]] = compress.linear nk %{{.+}}, %up.permuted bias %up.b.permuted
  // CHECK: %[[G:.+]] = compress.gelu none %[[H]]
  // CHECK: compress.linear nk %[[G]], %down.permuted {compress.plan = #compress.plan<prune = "1:2,method=auto">, name = "down"}
  %up = compress.load @up : tensor<4x1xf32>
  %b = compress.load @up.b : tensor<4xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %h = compress.linear nk %x, %up bias %b {name = "up"} : (tensor<?x1xf32>, tensor<4x1xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %g = compress.gelu none %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = compress.linear nk %g, %down {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Gate and up come out of one linear: both halves are reordered alike.
// CHECK-DAG: compress.weight private @gateup.permuted : tensor<1x8xf32> = dense<{{\[\[}}3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00, 7.000000e+00, 5.000000e+00, 8.000000e+00, 6.000000e+00]]>
// CHECK-DAG: compress.weight private @down.permuted : tensor<4x1xf32> = dense<{{\[\[}}1.000000e+00], [9.000000e+00], [2.000000e+00], [8.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @gateup : tensor<1x8xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]>
compress.weight private @down : tensor<4x1xf32> = dense<[[9.0], [8.0], [1.0], [2.0]]>
// CHECK-LABEL: func.func @gated
func.func @gated(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %w = compress.load @gateup : tensor<1x8xf32>
  %down = compress.load @down : tensor<4x1xf32>
  %h = compress.linear kn %x, %w {name = "gateup"} : (tensor<?x1xf32>, tensor<1x8xf32>) -> tensor<?x8xf32>
  %gate, %up = compress.split %h {axis = 1 : i64, sizes = array<i64: 4, 4>} : (tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  %a = compress.sigmoid %gate : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.mul %a, %up : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = compress.linear kn %m, %down {name = "down"} : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Channels of a head stay in it: each head of "o" has its own order, 2 0 3 1 for the first and 0 2 1 3 (the
// other way round) for the second.
// CHECK-DAG: compress.weight private @v.permuted : tensor<1x8xf32> = dense<{{\[\[}}3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00, 5.000000e+00, 7.000000e+00, 6.000000e+00, 8.000000e+00]]>
// CHECK-DAG: compress.weight private @o.permuted : tensor<1x8xf32> = dense<{{\[\[}}1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00, 1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00]]>
compress.weight private @v : tensor<1x8xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]>
compress.weight private @o : tensor<1x8xf32> = dense<[[9.0, 8.0, 1.0, 2.0, 1.0, 2.0, 9.0, 8.0]]>
compress.weight private @split : tensor<4xi64> = dense<[0, 0, 2, 4]>
compress.weight private @merge : tensor<3xi64> = dense<[0, 0, 8]>
// CHECK-LABEL: func.func @heads
func.func @heads(%x: tensor<?x?x1xf32>, %q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>) -> tensor<?x?x1xf32> {
  %v = compress.load @v : tensor<1x8xf32>
  %o = compress.load @o : tensor<1x8xf32>
  %split = compress.load @split : tensor<4xi64>
  %merge = compress.load @merge : tensor<3xi64>
  %0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x?x1xf32>, tensor<1x8xf32>) -> tensor<?x?x8xf32>
  %1 = compress.reshape %0, %split : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  %2 = compress.attention bshd %q, %k, %1 {scale = 0.5 : f32} : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32>
  %3 = compress.reshape %2, %merge : (tensor<?x?x2x4xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %4 = compress.linear nk %3, %o {name = "o"} : (tensor<?x?x8xf32>, tensor<1x8xf32>) -> tensor<?x?x1xf32>
  return %4 : tensor<?x?x1xf32>
}

// -----

// Two heads of queries share a head of values, and so an order: by the sum of their scores, 10, 10, 4 and 6.
// CHECK-DAG: compress.weight private @v.permuted : tensor<1x4xf32> = dense<{{\[\[}}3.000000e+00, 2.000000e+00, 4.000000e+00, 1.000000e+00]]>
// CHECK-DAG: compress.weight private @o.permuted : tensor<1x8xf32> = dense<{{\[\[}}1.000000e+00, 8.000000e+00, 2.000000e+00, 9.000000e+00, 3.000000e+00, 2.000000e+00, 4.000000e+00, 1.000000e+00]]>
compress.weight private @v : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @o : tensor<1x8xf32> = dense<[[9.0, 8.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0]]>
compress.weight private @split : tensor<4xi64> = dense<[0, 0, 1, 4]>
compress.weight private @merge : tensor<3xi64> = dense<[0, 0, 8]>
// CHECK-LABEL: func.func @shared_heads
func.func @shared_heads(%x: tensor<?x?x1xf32>, %q: tensor<?x?x2x4xf32>, %k: tensor<?x?x1x4xf32>) -> tensor<?x?x1xf32> {
  %v = compress.load @v : tensor<1x4xf32>
  %o = compress.load @o : tensor<1x8xf32>
  %split = compress.load @split : tensor<4xi64>
  %merge = compress.load @merge : tensor<3xi64>
  %0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x?x1xf32>, tensor<1x4xf32>) -> tensor<?x?x4xf32>
  %1 = compress.reshape %0, %split : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x1x4xf32>
  %2 = compress.attention bshd %q, %k, %1 {scale = 0.5 : f32} : (tensor<?x?x2x4xf32>, tensor<?x?x1x4xf32>, tensor<?x?x1x4xf32>) -> tensor<?x?x2x4xf32>
  %3 = compress.reshape %2, %merge : (tensor<?x?x2x4xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %4 = compress.linear nk %3, %o {name = "o"} : (tensor<?x?x8xf32>, tensor<1x8xf32>) -> tensor<?x?x1xf32>
  return %4 : tensor<?x?x1xf32>
}

// -----

// The same with the parts of an attention written out: a softmax of scores times the values.
// CHECK-DAG: compress.weight private @v.permuted : tensor<1x8xf32> = dense<{{\[\[}}3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00, 5.000000e+00, 7.000000e+00, 6.000000e+00, 8.000000e+00]]>
compress.weight private @v : tensor<1x8xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]>
compress.weight private @o : tensor<1x8xf32> = dense<[[9.0, 8.0, 1.0, 2.0, 1.0, 2.0, 9.0, 8.0]]>
compress.weight private @split : tensor<4xi64> = dense<[0, 0, 2, 4]>
compress.weight private @merge : tensor<3xi64> = dense<[0, 0, 8]>
// CHECK-LABEL: func.func @written_out
func.func @written_out(%x: tensor<?x?x1xf32>, %p: tensor<?x2x?x?xf32>) -> tensor<?x?x1xf32> {
  %v = compress.load @v : tensor<1x8xf32>
  %o = compress.load @o : tensor<1x8xf32>
  %split = compress.load @split : tensor<4xi64>
  %merge = compress.load @merge : tensor<3xi64>
  %0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x?x1xf32>, tensor<1x8xf32>) -> tensor<?x?x8xf32>
  %1 = compress.reshape %0, %split : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  %2 = compress.transpose %1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x4xf32>) -> tensor<?x2x?x4xf32>
  %s = compress.softmax %p {axis = 3 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %3 = compress.matmul %s, %2 {name = "pv"} : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %4 = compress.transpose %3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x4xf32>) -> tensor<?x?x2x4xf32>
  %5 = compress.reshape %4, %merge : (tensor<?x?x2x4xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %6 = compress.linear nk %5, %o {name = "o"} : (tensor<?x?x8xf32>, tensor<1x8xf32>) -> tensor<?x?x1xf32>
  return %6 : tensor<?x?x1xf32>
}

// -----

// Convolutions: every kernel position is a row of scores. Parameters of the batch norm and the depthwise
// convolution go along; @same is used for two of them, and by another op that keeps it.
// CHECK-DAG: compress.weight private @same : tensor<4xf32> = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK-DAG: compress.weight private @same.permuted{{.*}} : tensor<4xf32> = dense<[3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00]>
// CHECK-DAG: compress.weight private @c1.permuted : tensor<4x1x1xf32> = dense<{{\[\[\[}}3.000000e+00]], {{\[\[}}1.000000e+00]], {{\[\[}}4.000000e+00]], {{\[\[}}2.000000e+00]]]>
// CHECK-DAG: compress.weight private @dw.permuted : tensor<4x1x2xf32> = dense<{{\[\[\[}}3.000000e+00, 3.500000e+00]], {{\[\[}}1.000000e+00, 1.500000e+00]], {{\[\[}}4.000000e+00, 4.500000e+00]], {{\[\[}}2.000000e+00, 2.500000e+00]]]>
// CHECK-DAG: compress.weight private @c2.permuted : tensor<1x4x2xf32> = dense<{{\[\[\[}}1.000000e+00, 1.000000e+00], [9.000000e+00, 7.000000e+00], [2.000000e+00, 2.000000e+00], [8.000000e+00, 6.000000e+00]]]>
compress.weight private @same : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
compress.weight private @c1 : tensor<4x1x1xf32> = dense<[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]>
compress.weight private @dw : tensor<4x1x2xf32> = dense<[[[1.0, 1.5]], [[2.0, 2.5]], [[3.0, 3.5]], [[4.0, 4.5]]]>
compress.weight private @c2 : tensor<1x4x2xf32> = dense<[[[9.0, 7.0], [8.0, 6.0], [1.0, 1.0], [2.0, 2.0]]]>
// CHECK-LABEL: func.func @convolutions
func.func @convolutions(%x: tensor<?x1x8xf32>, %z: tensor<4xf32>) -> (tensor<?x1x?xf32>, tensor<4xf32>) {
  // CHECK: compress.add %{{.+}}, %same{{(_[0-9]+)?}} :
  %same = compress.load @same : tensor<4xf32>
  %c1 = compress.load @c1 : tensor<4x1x1xf32>
  %dw = compress.load @dw : tensor<4x1x2xf32>
  %c2 = compress.load @c2 : tensor<1x4x2xf32>
  %0 = compress.conv %x, %c1 {name = "c1", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<?x1x8xf32>, tensor<4x1x1xf32>) -> tensor<?x4x8xf32>
  %1 = compress.batch_norm %0, %same, %same, %same, %same {epsilon = 1.0e-5 : f32} : (tensor<?x4x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8xf32>
  %2 = compress.relu %1 : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %3 = compress.conv %2, %dw {name = "dw", groups = 4 : i64, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<?x4x8xf32>, tensor<4x1x2xf32>) -> tensor<?x4x7xf32>
  %4 = compress.conv %3, %c2 {name = "c2", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<?x4x7xf32>, tensor<1x4x2xf32>) -> tensor<?x1x?xf32>
  %5 = compress.add %z, %same : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %4, %5 : tensor<?x1x?xf32>, tensor<4xf32>
}

// -----

// Inputs of the model cannot be reordered: a gather does it, once for both.
// CHECK-DAG: compress.weight private @q.order : tensor<4xi64> = dense<[2, 0, 3, 1]>
// CHECK-DAG: compress.weight private @q.permuted : tensor<1x4xf32> = dense<{{\[\[}}1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00]]>
// CHECK-DAG: compress.weight private @k.permuted : tensor<4x1xf32> = dense<{{\[\[}}1.000000e+00], [7.000000e+00], [2.000000e+00], [6.000000e+00]]>
compress.weight private @q : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
compress.weight private @k : tensor<4x1xf32> = dense<[[7.0], [6.0], [1.0], [2.0]]>
// CHECK-LABEL: func.func @gathered
// CHECK-SAME: (%[[X:.+]]: tensor<?x4xf32>)
func.func @gathered(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x4xf32>) {
  // CHECK: %[[G:.+]] = compress.gather %[[X]], %q.order {axis = 1 : i64}
  // CHECK-NOT: compress.gather
  // CHECK: compress.linear nk %[[G]], %q.permuted
  // CHECK: compress.linear kn %[[G]], %k.permuted
  // CHECK: compress.relu %[[X]]
  %q = compress.load @q : tensor<1x4xf32>
  %k = compress.load @k : tensor<4x1xf32>
  %0 = compress.linear nk %x, %q {name = "q"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %1 = compress.linear kn %x, %k {name = "k"} : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
  %2 = compress.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %1, %2 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x4xf32>
}

// -----

// Channels of a concat stay in their part.
// CHECK-DAG: compress.weight private @a.permuted : tensor<1x4xf32> = dense<{{\[\[}}3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00]]>
// CHECK-DAG: compress.weight private @b.permuted : tensor<1x4xf32> = dense<{{\[\[}}5.000000e+00, 7.000000e+00, 6.000000e+00, 8.000000e+00]]>
// CHECK-DAG: compress.weight private @fc.permuted : tensor<1x8xf32> = dense<{{\[\[}}1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00, 1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @a : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[5.0, 6.0, 7.0, 8.0]]>
compress.weight private @fc : tensor<1x8xf32> = dense<[[9.0, 8.0, 1.0, 2.0, 1.0, 2.0, 9.0, 8.0]]>
// CHECK-LABEL: func.func @parts
func.func @parts(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %a = compress.load @a : tensor<1x4xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %fc = compress.load @fc : tensor<1x8xf32>
  %0 = compress.linear kn %x, %a {name = "a"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear kn %x, %b {name = "b"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %2 = compress.concat %0, %1 {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  %3 = compress.tanh %2 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %4 = compress.linear nk %3, %fc {name = "fc"} : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %4 : tensor<?x1xf32>
}

// -----

// Two values of the same channels meet in another order (a b + b a): an order of the one part is that of the
// other.
// CHECK-DAG: compress.weight private @a.permuted : tensor<1x4xf32> = dense<{{\[\[}}3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00]]>
// CHECK-DAG: compress.weight private @b.permuted : tensor<1x4xf32> = dense<{{\[\[}}7.000000e+00, 5.000000e+00, 8.000000e+00, 6.000000e+00]]>
// CHECK-DAG: compress.weight private @fc.permuted : tensor<1x8xf32> = dense<{{\[\[}}1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00, 1.000000e+00, 9.000000e+00, 2.000000e+00, 8.000000e+00]]>
compress.weight private @a : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[5.0, 6.0, 7.0, 8.0]]>
compress.weight private @fc : tensor<1x8xf32> = dense<[[9.0, 8.0, 1.0, 2.0, 9.0, 8.0, 1.0, 2.0]]>
// CHECK-LABEL: func.func @crossed
func.func @crossed(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %a = compress.load @a : tensor<1x4xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %fc = compress.load @fc : tensor<1x8xf32>
  %0 = compress.linear kn %x, %a {name = "a"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear kn %x, %b {name = "b"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %2 = compress.concat %0, %1 {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  %3 = compress.concat %1, %0 {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  %4 = compress.add %2, %3 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %5 = compress.linear nk %4, %fc {name = "fc"} : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %5 : tensor<?x1xf32>
}
