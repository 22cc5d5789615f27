// RUN: compress-opt %s --compress-rotate=rotate=residual --split-input-file | FileCheck %s

// With seed 0 the signs of four channels are -, +, +, -, so that the rows of Q are
// -[1 1 1 1]/2, [1 -1 1 -1]/2, [1 1 -1 -1]/2 and -[1 -1 -1 1]/2.
// The table is both embedding and head. Rows of the embedding: 2 e0, 4 e1, 2 e2; those of the head are multiplied by
// the scale of the last norm, 1 2 1 1, before.
// CHECK-DAG: compress.weight private @table.rot : tensor<3x4xf32> = dense<{{\[\[}}-1.000000e+00, -1.000000e+00, -1.000000e+00, -1.000000e+00], [2.000000e+00, -2.000000e+00, 2.000000e+00, -2.000000e+00], [1.000000e+00, 1.000000e+00, -1.000000e+00, -1.000000e+00]]>
// CHECK-DAG: compress.weight private @table.rot_0 : tensor<3x4xf32> = dense<{{\[\[}}-1.000000e+00, -1.000000e+00, -1.000000e+00, -1.000000e+00], [4.000000e+00, -4.000000e+00, 4.000000e+00, -4.000000e+00], [1.000000e+00, 1.000000e+00, -1.000000e+00, -1.000000e+00]]>
// The first layer reads with rows 2 e0 and 2 e3, times the scale 1 1 1 3.
// CHECK-DAG: compress.weight private @up.rot : tensor<2x4xf32> = dense<{{\[\[}}-1.000000e+00, -1.000000e+00, -1.000000e+00, -1.000000e+00], [-3.000000e+00, 3.000000e+00, 3.000000e+00, -3.000000e+00]]>
// The second one writes, with inputs as rows: 2 e0 and 2 e1; its bias is 2 e2.
// CHECK-DAG: compress.weight private @down.rot : tensor<2x4xf32> = dense<{{\[\[}}-1.000000e+00, -1.000000e+00, -1.000000e+00, -1.000000e+00], [1.000000e+00, -1.000000e+00, 1.000000e+00, -1.000000e+00]]>
// CHECK-DAG: compress.weight private @bias.rot : tensor<4xf32> = dense<[1.000000e+00, 1.000000e+00, -1.000000e+00, -1.000000e+00]>
// CHECK-DAG: compress.weight private @rotated_norm.ones : tensor<4xf32> = dense<1.000000e+00>
// CHECK-NOT: compress.weight
compress.weight private @table : tensor<3x4xf32> = dense<[[2.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]>
compress.weight private @up : tensor<2x4xf32> = dense<[[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]>
compress.weight private @down : tensor<2x4xf32> = dense<[[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]>
compress.weight private @bias : tensor<4xf32> = dense<[0.0, 0.0, 2.0, 0.0]>
compress.weight private @n0 : tensor<4xf32> = dense<[1.0, 1.0, 1.0, 3.0]>
compress.weight private @n1 : tensor<4xf32> = dense<[1.0, 2.0, 1.0, 1.0]>
// CHECK-LABEL: func.func @decoder
func.func @decoder(%ids: tensor<?x?xi64>) -> tensor<?x?x3xf32> {
  // CHECK: %[[TABLE:.+]] = compress.load @table.rot :
  // CHECK: %[[X:.+]] = compress.embedding %[[TABLE]]
  // CHECK: %[[ONES:.+]] = compress.load @rotated_norm.ones
  // CHECK: %[[N:.+]] = compress.rms_norm %[[X]], %[[ONES]]
  // CHECK: %[[UP:.+]] = compress.load @up.rot
  // CHECK: compress.linear nk %[[N]], %[[UP]] {name = "up"}
  // CHECK: %[[BIAS:.+]] = compress.load @bias.rot
  // CHECK: compress.linear kn %{{.+}}, %{{.+}} bias %[[BIAS]] {name = "down"}
  // CHECK: %[[HEAD:.+]] = compress.load @table.rot_0
  // CHECK: compress.linear nk %{{.+}}, %[[HEAD]] {name = "head"}
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?x?xi64>) -> tensor<?x?x4xf32>
  %n0 = compress.load @n0 : tensor<4xf32>
  %n = compress.rms_norm %x, %n0 {axis = 2 : i64} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %up = compress.load @up : tensor<2x4xf32>
  %h = compress.linear nk %n, %up {name = "up"} : (tensor<?x?x4xf32>, tensor<2x4xf32>) -> tensor<?x?x2xf32>
  %r = compress.relu %h : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %bias = compress.load @bias : tensor<4xf32>
  %d = compress.linear kn %r, %down bias %bias {name = "down"} : (tensor<?x?x2xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %y = compress.add %x, %d : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %n1 = compress.load @n1 : tensor<4xf32>
  %m = compress.rms_norm %y, %n1 {axis = 2 : i64} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %logits = compress.linear nk %m, %table {name = "head"} : (tensor<?x?x4xf32>, tensor<3x4xf32>) -> tensor<?x?x3xf32>
  return %logits : tensor<?x?x3xf32>
}

// -----

// Without a scale to fold, embedding and head stay one weight.
// CHECK: compress.weight private @table.rot :
// CHECK-NOT: compress.weight private @table
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @down : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
// CHECK-LABEL: func.func @stays_tied
func.func @stays_tied(%ids: tensor<?xi64>) -> tensor<?x3xf32> {
  // CHECK: compress.embedding %table.rot
  // CHECK: compress.rms_norm %{{.+}}, %one
  // CHECK: compress.linear nk %{{.+}}, %table.rot{{.*}} {name = "head"}
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %down = compress.load @down : tensor<4x4xf32>
  %d = compress.linear kn %n, %down {name = "down"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %logits = compress.linear nk %m, %table {name = "head"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %logits : tensor<?x3xf32>
}

// -----

// What writes the stream loses its mean: the patch [4 0 0 0] becomes [3 -1 -1 -1], and times Q
// [-2 -2 -2 0]; positions and the class token likewise. The bias of the norm, 1 everywhere, times the
// weight is the bias of what reads: 2 and 1. Its columns 2 e0 and e1 times the scale 1 2 are those of -Q and Q.
// CHECK-DAG: compress.weight private @patch.rot : tensor<1x4xf32> = dense<{{\[\[}}-2.000000e+00, -2.000000e+00, -2.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @positions.rot : tensor<1x3x4xf32> = dense<{{\[\[\[}}2.000000e+00, -2.000000e+00, 2.000000e+00, 0.000000e+00],
// CHECK-DAG: compress.weight private @token.rot : tensor<1x4xf32> = dense<{{\[\[}}2.000000e+00, 2.000000e+00, -2.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @head.rot : tensor<4x2xf32> = dense<{{\[\[}}-1.000000e+00, 1.000000e+00], [-1.000000e+00, -1.000000e+00], [-1.000000e+00, 1.000000e+00], [-1.000000e+00, -1.000000e+00]]>
// CHECK-DAG: compress.weight private @head.bias.rot : tensor<2xf32> = dense<[2.000000e+00, 1.000000e+00]>
// CHECK-DAG: compress.weight private @rotated_norm.ones : tensor<4xf32>
compress.weight private @patch : tensor<1x4xf32> = dense<[[4.0, 0.0, 0.0, 0.0]]>
compress.weight private @token : tensor<1x4xf32> = dense<[[0.0, 0.0, 4.0, 0.0]]>
compress.weight private @positions : tensor<1x3x4xf32> = dense<[[[-1.0, 3.0, -1.0, -1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]>
compress.weight private @scale : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
compress.weight private @shift : tensor<4xf32> = dense<1.0>
compress.weight private @head : tensor<4x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]>
// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<1x2x1xf32>) -> tensor<1x2xf32> {
  // CHECK: compress.linear kn %{{.+}}, %patch.rot {name = "patch"}
  // CHECK: compress.concat %{{.+}}, %{{.+}} {axis = 1 : i64}
  // CHECK: %[[POS:.+]] = compress.load @positions.rot
  // CHECK: %[[S:.+]] = compress.add %{{.+}}, %[[POS]]
  // CHECK: %[[N:.+]] = compress.rms_norm %{{.+}}, %rotated_norm.ones {axis = 2 : i64, epsilon = 9.99999997E-7 : f32}
  // CHECK-NOT: compress.layer_norm
  // CHECK: %[[G:.+]] = compress.gather %[[N]]
  // CHECK: compress.linear kn %[[G]], %head.rot bias %head.bias.rot {name = "head"}
  %wp = compress.load @patch : tensor<1x4xf32>
  %p = compress.linear kn %x, %wp {name = "patch"} : (tensor<1x2x1xf32>, tensor<1x4xf32>) -> tensor<1x2x4xf32>
  %token = compress.load @token : tensor<1x4xf32>
  %shape = compress.constant dense<[1, 1, 4]> : tensor<3xi64>
  %t = compress.broadcast %token, %shape : (tensor<1x4xf32>, tensor<3xi64>) -> tensor<1x1x4xf32>
  %c = compress.concat %t, %p {axis = 1 : i64} : (tensor<1x1x4xf32>, tensor<1x2x4xf32>) -> tensor<1x3x4xf32>
  %pos = compress.load @positions : tensor<1x3x4xf32>
  %s = compress.add %c, %pos : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %y = compress.add %s, %s : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %g = compress.load @scale : tensor<4xf32>
  %b = compress.load @shift : tensor<4xf32>
  %n = compress.layer_norm %y, %g bias %b {axis = 2 : i64, epsilon = 1.0e-6 : f32} : (tensor<1x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x3x4xf32>
  %zero = compress.constant dense<0> : tensor<i64>
  %first = compress.gather %n, %zero {axis = 1 : i64} : (tensor<1x3x4xf32>, tensor<i64>) -> tensor<1x4xf32>
  %wh = compress.load @head : tensor<4x2xf32>
  %o = compress.linear kn %first, %wh {name = "head"} : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  return %o : tensor<1x2xf32>
}

// -----

// The norm as exporters write it. The experts, three-dimensional weights, read and write.
// CHECK: compress.weight private @experts.rot : tensor<2x4x4xf32>
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @experts : tensor<2x4x4xf32> = dense<1.0>
compress.weight private @head : tensor<4x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @decomposed
func.func @decomposed(%ids: tensor<?xi64>, %gate: tensor<2x?x1xf32>) -> tensor<?x3xf32> {
  // CHECK: compress.rms_norm
  // CHECK: compress.matmul %{{.+}}, %experts.rot
  // CHECK: compress.rms_norm
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %two = compress.constant dense<2.0> : tensor<f32>
  %eps = compress.constant dense<1.0e-6> : tensor<f32>
  %square = compress.pow %x, %two : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %mean = compress.reduce mean %square {axes = array<i64: 1>, keepdims = true} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %shifted = compress.add %mean, %eps : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %root = compress.sqrt %shifted : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %unit = compress.div %x, %root : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %scale = compress.load @scale : tensor<4xf32>
  %n = compress.mul %unit, %scale : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @experts : tensor<2x4x4xf32>
  %e = compress.matmul %n, %w {name = "experts"} : (tensor<?x4xf32>, tensor<2x4x4xf32>) -> tensor<2x?x4xf32>
  %gated = compress.mul %e, %gate : (tensor<2x?x4xf32>, tensor<2x?x1xf32>) -> tensor<2x?x4xf32>
  %sum = compress.reduce sum %gated {axes = array<i64: 0>, keepdims = false} : (tensor<2x?x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %sum : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %scale {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %head = compress.load @head : tensor<4x3xf32>
  %o = compress.linear kn %m, %head {name = "head"} : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  return %o : tensor<?x3xf32>
}
