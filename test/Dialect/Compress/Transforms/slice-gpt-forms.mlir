// RUN: %python %S/Inputs/make-statistics.py %t.st '{"up:input": {"channels": 4, "sum": [2, 2, 2, 2], "groups": 1, "features": 4, "gram_vectors": 2, "gram": [[[3, 2, 2, 2], [2, 18, 2, 2], [2, 2, 20, 2], [2, 2, 2, 2]]]}, "head:input": "up:input", "raw:input": "up:input", "down:input": "up:input"}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-slice-gpt | FileCheck %s

// layer_norm, positions, a token of its own. Without the scale 1 2 3 4 and the bias 1 the Gram matrix is the diagonal 1 4 2 0:
// left are e1, e2 and e0. What writes loses its mean: the patch [4 0 0 0] becomes [3 -1 -1 -1].
// CHECK-DAG: compress.weight private @patch.sliced : tensor<1x3xf32> = dense<{{\[\[}}-1.000000e+00, -1.000000e+00, 3.000000e+00]]>
// CHECK-DAG: compress.weight private @token.sliced : tensor<1x3xf32> = dense<{{\[\[}}-1.000000e+00, 3.000000e+00, -1.000000e+00]]>
// CHECK-DAG: compress.weight private @positions.sliced : tensor<1x3x3xf32> = dense<{{\[\[\[}}3.000000e+00, -1.000000e+00, -1.000000e+00],
// The bias of the norm times the weight, 2 and 1, is the bias of what reads.
// CHECK-DAG: compress.weight private @head.sliced : tensor<3x2xf32> = dense<{{\[\[}}0.000000e+00, 2.000000e+00], [0.000000e+00, 0.000000e+00], [2.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @head.bias.sliced : tensor<2xf32> = dense<[2.000000e+00, 1.000000e+00]>
// CHECK-DAG: compress.weight private @sliced_norm.4 : tensor<3xf32> = dense<1.15470052>
compress.weight private @patch : tensor<1x4xf32> = dense<[[4.0, 0.0, 0.0, 0.0]]>
compress.weight private @token : tensor<1x4xf32> = dense<[[0.0, 0.0, 4.0, 0.0]]>
compress.weight private @positions : tensor<1x3x4xf32> = dense<[[[-1.0, 3.0, -1.0, -1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]>
compress.weight private @scale : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
compress.weight private @shift : tensor<4xf32> = dense<1.0>
compress.weight private @up : tensor<4x2xf32> = dense<1.0>
compress.weight private @down : tensor<2x4xf32> = dense<1.0>
compress.weight private @head : tensor<4x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]>
// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<1x2x1xf32>) -> tensor<1x2xf32> {
  // CHECK: compress.linear kn %{{.+}}, %patch.sliced {name = "patch"} : {{.+}} -> tensor<1x2x3xf32>
  // CHECK: %[[SHAPE:.+]] = compress.constant dense<[1, 1, 3]>
  // CHECK: compress.broadcast %token.sliced, %[[SHAPE]] : {{.+}} -> tensor<1x1x3xf32>
  // CHECK: %[[S:.+]] = compress.add %{{.+}}, %positions.sliced
  // CHECK: compress.rms_norm %[[S]], %sliced_norm.4{{.*}} {axis = 2 : i64, epsilon = 1.33333333E-6 : f32}
  // CHECK: compress.linear kn %[[S]], %{{.+}} {name = "down.shortcut"}
  // CHECK: %[[N:.+]] = compress.rms_norm
  // CHECK-NOT: compress.layer_norm
  // CHECK: %[[G:.+]] = compress.gather %[[N]]
  // CHECK: compress.linear kn %[[G]], %head.sliced bias %head.bias.sliced {name = "head"} : (tensor<1x3xf32>
  %wp = compress.load @patch : tensor<1x4xf32>
  %p = compress.linear kn %x, %wp {name = "patch", compress.plan = #compress.plan<prune = "slice:0.25">} : (tensor<1x2x1xf32>, tensor<1x4xf32>) -> tensor<1x2x4xf32>
  %token = compress.load @token : tensor<1x4xf32>
  %shape = compress.constant dense<[1, 1, 4]> : tensor<3xi64>
  %t = compress.broadcast %token, %shape : (tensor<1x4xf32>, tensor<3xi64>) -> tensor<1x1x4xf32>
  %c = compress.concat %t, %p {axis = 1 : i64} : (tensor<1x1x4xf32>, tensor<1x2x4xf32>) -> tensor<1x3x4xf32>
  %pos = compress.load @positions : tensor<1x3x4xf32>
  %s = compress.add %c, %pos : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %g = compress.load @scale : tensor<4xf32>
  %b = compress.load @shift : tensor<4xf32>
  %n = compress.layer_norm %s, %g bias %b {axis = 2 : i64, epsilon = 1.0e-6 : f32} : (tensor<1x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x3x4xf32>
  %up = compress.load @up : tensor<4x2xf32>
  %h = compress.linear kn %n, %up {name = "up", compress.plan = #compress.plan<prune = "slice:0.25">} : (tensor<1x3x4xf32>, tensor<4x2xf32>) -> tensor<1x3x2xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %d = compress.linear kn %h, %down {name = "down", compress.plan = #compress.plan<prune = "slice:0.25">} : (tensor<1x3x2xf32>, tensor<2x4xf32>) -> tensor<1x3x4xf32>
  %y = compress.add %s, %d : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %m = compress.layer_norm %y, %g bias %b {axis = 2 : i64, epsilon = 1.0e-6 : f32} : (tensor<1x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x3x4xf32>
  %zero = compress.constant dense<0> : tensor<i64>
  %first = compress.gather %m, %zero {axis = 1 : i64} : (tensor<1x3x4xf32>, tensor<i64>) -> tensor<1x4xf32>
  %wh = compress.load @head : tensor<4x2xf32>
  %o = compress.linear kn %first, %wh {name = "head", compress.plan = #compress.plan<prune = "slice:0.25">} : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  return %o : tensor<1x2xf32>
}

// -----

// Norms as exporters write them, branches that are added one after the other (one shortcut), the last addition has no norm after
// it: it keeps the coordinates, and what reads it does so without a scale. Tied weights that change alike stay one.
// CHECK-COUNT-1: compress.weight private @w.sliced : tensor<2x4xf32>
// CHECK-NOT: @w.sliced_0
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @v : tensor<4x4xf32> = dense<2.0>
// CHECK-LABEL: func.func @parallel
func.func @parallel(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  // CHECK: %[[X:.+]] = compress.embedding {{.+}} -> tensor<?x2xf32>
  // CHECK: %[[N:.+]] = compress.rms_norm %[[X]]
  // CHECK-DAG: compress.linear nk %[[N]], %{{.+}} {name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  // CHECK-DAG: compress.linear nk %[[N]], %{{.+}} {name = "raw"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  // CHECK-NOT: shortcut
  // CHECK: compress.add %[[X]], %{{.+}} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: %[[Z:.+]] = compress.sub
  // CHECK: compress.linear nk %[[Z]], %{{.+}} {name = "head"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %two = compress.constant dense<2.0> : tensor<f32>
  %eps = compress.constant dense<1.0e-6> : tensor<f32>
  %square = compress.pow %x, %two : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %mean = compress.reduce mean %square {axes = array<i64: 1>, keepdims = true} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %shifted = compress.add %mean, %eps : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %root = compress.sqrt %shifted : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %unit = compress.div %x, %root : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.mul %unit, %one : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %v = compress.load @v : tensor<4x4xf32>
  %a = compress.linear nk %n, %v {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %b = compress.linear nk %n, %v {name = "raw", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %ra = compress.relu %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %rb = compress.relu %b : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %da = compress.linear nk %ra, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %db = compress.linear nk %rb, %w {name = "down2", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %da : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %z = compress.sub %y, %db : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %z, %v {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

// A convolution writes, with the channels as dim 1; the number of channels in a reshape follows. The quantization part of a plan
// stays. round_to=2 leaves 2 of 4 channels where 3 are asked for.
// CHECK-DAG: compress.weight private @patch.sliced : tensor<2x1x1x1xf32>
// CHECK-DAG: compress.weight private @patch_bias.sliced : tensor<2xf32>
compress.weight private @patch : tensor<4x1x1x1xf32> = dense<1.0>
compress.weight private @patch_bias : tensor<4xf32> = dense<2.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @conv
func.func @conv(%image: tensor<?x1x2x2xf32>) -> tensor<?x4x4xf32> {
  // CHECK: compress.conv {{.+}} -> tensor<?x2x2x2xf32>
  // CHECK: compress.constant dense<[0, 2, -1]>
  // CHECK: compress.reshape {{.+}} -> tensor<?x2x4xf32>
  // CHECK: compress.transpose {{.+}} -> tensor<?x4x2xf32>
  // CHECK: {name = "up"} : (tensor<?x4x2xf32>, tensor<4x2xf32>) -> tensor<?x4x4xf32>
  // CHECK: compress.plan = #compress.plan<quantize = "int8">, name = "down"
  // CHECK: {name = "down.shortcut"}
  %cw = compress.load @patch : tensor<4x1x1x1xf32>
  %cb = compress.load @patch_bias : tensor<4xf32>
  %i = compress.conv %image, %cw bias %cb {dilations = array<i64: 1, 1>, groups = 1 : i64, name = "patch", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x1x2x2xf32>, tensor<4x1x1x1xf32>, tensor<4xf32>) -> tensor<?x4x2x2xf32>
  %shape = compress.constant dense<[0, 4, -1]> : tensor<3xi64>
  %r = compress.reshape %i, %shape : (tensor<?x4x2x2xf32>, tensor<3xi64>) -> tensor<?x4x4xf32>
  %x = compress.transpose %r {perm = array<i64: 0, 2, 1>} : (tensor<?x4x4xf32>) -> tensor<?x4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 2 : i64} : (tensor<?x4x4xf32>, tensor<4xf32>) -> tensor<?x4x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.25,round_to=2">} : (tensor<?x4x4xf32>, tensor<4x4xf32>) -> tensor<?x4x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<quantize = "int8", prune = "slice:0.25,round_to=2">} : (tensor<?x4x4xf32>, tensor<4x4xf32>) -> tensor<?x4x4xf32>
  %y = compress.add %x, %d : (tensor<?x4x4xf32>, tensor<?x4x4xf32>) -> tensor<?x4x4xf32>
  %m = compress.rms_norm %y, %one {axis = 2 : i64} : (tensor<?x4x4xf32>, tensor<4xf32>) -> tensor<?x4x4xf32>
  %h = compress.linear nk %m, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.25,round_to=2">} : (tensor<?x4x4xf32>, tensor<4x4xf32>) -> tensor<?x4x4xf32>
  return %h : tensor<?x4x4xf32>
}
