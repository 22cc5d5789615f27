// RUN: compress-opt %s --compress-raise-moe --remarks-filter=raise --remark-format=emitRemark 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --input-file=%t.remarks --check-prefix=REMARK
// CHECK-NOT: compress.moe

// REMARK: [Missed] compress-raise-moe | Category:raise | Remark="no mixture of experts was recognised: tokens are given to its experts one by one"
// REMARK: Remark="no mixture of experts was recognised: what 'compress.softmax' computes in it is also used elsewhere"
// REMARK: Remark="no mixture of experts was recognised: its experts have no known activation of a product with a stacked weight"
// REMARK: Remark="no mixture of experts was recognised: the weights of the experts are no softmax"
// REMARK: Remark="no mixture of experts was recognised: its scores come from no linear op with a weight"

compress.weight private @router : tensor<3x4xf32> = dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5]]>
compress.weight private @w1 : tensor<3x4x8xf32> = dense<0.25>
compress.weight private @w3 : tensor<3x4x8xf32> = dense<0.5>
compress.weight private @w2 : tensor<3x8x4xf32> = dense<0.125>

func.func @no_scatter(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %r = compress.load @router : tensor<3x4xf32>
  %logits = compress.linear nk %x, %r {name = "gate"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %p = compress.softmax %logits {axis = 1 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %p, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %sum = compress.reduce sum %v {axes = array<i64: 1>} : (tensor<?x2xf32>) -> tensor<?x1xf32>
  %n = compress.div %v, %sum : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
  %pos = compress.constant dense<1> : tensor<i64>
  %is = compress.equal %i, %pos : (tensor<?x2xi64>, tensor<i64>) -> tensor<?x2xi1>
  %f = compress.cast %is : (tensor<?x2xi1>) -> tensor<?x2xf32>
  %m = compress.mul %n, %f : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %g = compress.reduce sum %m {axes = array<i64: 1>} : (tensor<?x2xf32>) -> tensor<?x1xf32>
  %y = compress.mul %x, %g : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

func.func @no_other_use(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x3xf32>) {
  %r = compress.load @router : tensor<3x4xf32>
  %logits = compress.linear nk %x, %r {name = "gate"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %p = compress.softmax %logits {axis = 1 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %p, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %sum = compress.reduce sum %v {axes = array<i64: 1>} : (tensor<?x2xf32>) -> tensor<?x1xf32>
  %n = compress.div %v, %sum : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
  %z = compress.constant dense<0.0> : tensor<f32>
  %shape = compress.shape %p {start = 0 : i64, end = 2 : i64} : (tensor<?x3xf32>) -> tensor<2xi64>
  %zeros = compress.broadcast %z, %shape : (tensor<f32>, tensor<2xi64>) -> tensor<?x3xf32>
  %sc = compress.scatter_elements none %zeros, %i, %n {axis = 1 : i64} : (tensor<?x3xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x3xf32>
  %t = compress.unsqueeze %x {axes = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %w1 = compress.load @w1 : tensor<3x4x8xf32>
  %h = compress.matmul %t, %w1 {name = "up"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %sg = compress.sigmoid %h : (tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %a = compress.mul %h, %sg : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w3 = compress.load @w3 : tensor<3x4x8xf32>
  %g = compress.matmul %t, %w3 {name = "lin"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %hid = compress.mul %a, %g : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w2 = compress.load @w2 : tensor<3x8x4xf32>
  %o = compress.matmul %hid, %w2 {name = "down"} : (tensor<3x?x8xf32>, tensor<3x8x4xf32>) -> tensor<3x?x4xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y, %p : tensor<?x4xf32>, tensor<?x3xf32>
}

func.func @no_activation(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %r = compress.load @router : tensor<3x4xf32>
  %logits = compress.linear nk %x, %r {name = "gate"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %p = compress.softmax %logits {axis = 1 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %p, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %sum = compress.reduce sum %v {axes = array<i64: 1>} : (tensor<?x2xf32>) -> tensor<?x1xf32>
  %n = compress.div %v, %sum : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
  %z = compress.constant dense<0.0> : tensor<f32>
  %shape = compress.shape %p {start = 0 : i64, end = 2 : i64} : (tensor<?x3xf32>) -> tensor<2xi64>
  %zeros = compress.broadcast %z, %shape : (tensor<f32>, tensor<2xi64>) -> tensor<?x3xf32>
  %sc = compress.scatter_elements none %zeros, %i, %n {axis = 1 : i64} : (tensor<?x3xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x3xf32>
  %t = compress.unsqueeze %x {axes = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %w1 = compress.load @w1 : tensor<3x4x8xf32>
  %h = compress.matmul %t, %w1 {name = "up"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %a = compress.tanh %h : (tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w3 = compress.load @w3 : tensor<3x4x8xf32>
  %g = compress.matmul %t, %w3 {name = "lin"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %hid = compress.mul %a, %g : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w2 = compress.load @w2 : tensor<3x8x4xf32>
  %o = compress.matmul %hid, %w2 {name = "down"} : (tensor<3x?x8xf32>, tensor<3x8x4xf32>) -> tensor<3x?x4xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

func.func @no_softmax(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %r = compress.load @router : tensor<3x4xf32>
  %logits = compress.linear nk %x, %r {name = "gate"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %logits, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %z = compress.constant dense<0.0> : tensor<f32>
  %shape = compress.shape %logits {start = 0 : i64, end = 2 : i64} : (tensor<?x3xf32>) -> tensor<2xi64>
  %zeros = compress.broadcast %z, %shape : (tensor<f32>, tensor<2xi64>) -> tensor<?x3xf32>
  %sc = compress.scatter_elements none %zeros, %i, %v {axis = 1 : i64} : (tensor<?x3xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x3xf32>
  %t = compress.unsqueeze %x {axes = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %w1 = compress.load @w1 : tensor<3x4x8xf32>
  %h = compress.matmul %t, %w1 {name = "up"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %sg = compress.sigmoid %h : (tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %a = compress.mul %h, %sg : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w3 = compress.load @w3 : tensor<3x4x8xf32>
  %g = compress.matmul %t, %w3 {name = "lin"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %hid = compress.mul %a, %g : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w2 = compress.load @w2 : tensor<3x8x4xf32>
  %o = compress.matmul %hid, %w2 {name = "down"} : (tensor<3x?x8xf32>, tensor<3x8x4xf32>) -> tensor<3x?x4xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

func.func @no_router(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %x, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  return %v : tensor<?x2xf32>
}
