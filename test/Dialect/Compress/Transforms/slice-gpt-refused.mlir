// Streams that stay as they are: types, and that plans are gone, so that no later pass waits for them.
// RUN: compress-opt %s --split-input-file --compress-slice-gpt --verify-diagnostics --remarks-filter=prune | FileCheck %s

// CHECK-NOT: compress.plan = #compress.plan<prune = "slice
// CHECK-NOT: tensor<?x2xf32>

// A layer without a plan, which no rule speaks of.
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_plan(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: "down" is not planned for it}}
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @other_plan(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: "down" is not planned for it}}
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "2:4">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @different_plans(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: "head" and "down" have different plans}}
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.25">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @nothing_to_remove(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: 'slice:0,method=pca' leaves all of them}}
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

// Post-norm: the stream goes on from what a norm with a scale gives.
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @post_norm(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @scale : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: the scale of 'compress.rms_norm' cannot be folded into 'compress.add', which uses its result}}
  %y = compress.add %n, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @result(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: a value is a result of the function}}
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @element_wise(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: 'compress.relu' does not commute with a rotation of the channels}}
  %r = compress.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %q = compress.linear nk %r, %w {name = "q"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %o = compress.add %q, %h : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @size_is_read(%ids: tensor<?xi64>) -> (tensor<?x4xf32>, tensor<1xi64>) {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @+1 {{residual stream of 4 channels is not sliced: the number of channels is read}}
  %s = compress.shape %x {start = 1 : i64, end = 2 : i64} : (tensor<?x4xf32>) -> tensor<1xi64>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h, %s : tensor<?x4xf32>, tensor<1xi64>
}

// -----

// No residual connection.
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_stream(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{"up" is not sliced: it neither reads nor writes a residual stream with norms}}
  %a = compress.linear nk %x, %w {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// -----

// Without a plan nothing is looked at.
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @nobody_asks(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}
