// RUN: compress-opt %s --compress-raise-moe | FileCheck %s
// RUN: compress-opt %s --compress-raise-moe --compress-raise-moe | FileCheck %s
// RUN: compress-opt %s --compress-raise-moe --remarks-filter=raise --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-raise-moe,compress-expand-composites{ops=moe})' | FileCheck %s --check-prefix=BACK

// REMARK-COUNT-4: remark: [Passed] compress-raise-moe | Category:raise | Remark="mixture of 3 experts, 2 per token"

compress.weight private @router : tensor<3x4xf32> = dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5]]>
compress.weight private @w1 : tensor<3x4x8xf32> = dense<0.25>
compress.weight private @w3 : tensor<3x4x8xf32> = dense<0.5>
compress.weight private @w2 : tensor<3x8x4xf32> = dense<0.125>
compress.weight private @router_kn : tensor<4x3xf32> = dense<1.0>

// CHECK-LABEL: func.func @swiglu
// CHECK-SAME: (%[[X:.+]]: tensor<?x4xf32>)
// CHECK-DAG: %[[R:.+]] = compress.load @router
// CHECK-DAG: %[[W1:.+]] = compress.load @w1
// CHECK-DAG: %[[W3:.+]] = compress.load @w3
// CHECK-DAG: %[[W2:.+]] = compress.load @w2
// CHECK: %[[Y:.+]] = compress.moe %[[X]] router %[[R]] experts %[[W1]] times %[[W3]], %[[W2]]
// CHECK-SAME: k = 2 : i64, name = "gate"
// CHECK-SAME: parts = {router = {name = "gate", plan = #compress.plan<prune = "expert:1">}, w1 = {name = "up", plan = #compress.plan<prune = "expert:1">}, w2 = {name = "down", plan = #compress.plan<prune = "expert:1">}, w3 = {name = "lin", plan = #compress.plan<prune = "expert:1">}}
// CHECK-NOT: skip_threshold
// CHECK-NEXT: return %[[Y]]
// Names and plans come back.
// BACK-LABEL: func.func @swiglu
// BACK: compress.linear nk {{.+}} {compress.plan = #compress.plan<prune = "expert:1">, name = "gate"}
// BACK: compress.softmax
// BACK: compress.top_k
// BACK: compress.scatter_elements
// BACK: compress.matmul {{.+}} {compress.plan = #compress.plan<prune = "expert:1">, name = "up"}
// BACK: compress.matmul {{.+}} {compress.plan = #compress.plan<prune = "expert:1">, name = "lin"}
// BACK: compress.matmul {{.+}} {compress.plan = #compress.plan<prune = "expert:1">, name = "down"}
// BACK: compress.reduce sum
func.func @swiglu(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %r = compress.load @router : tensor<3x4xf32>
  %logits = compress.linear nk %x, %r {name = "gate", compress.plan = #compress.plan<prune = "expert:1">} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
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
  %h = compress.matmul %t, %w1 {name = "up", compress.plan = #compress.plan<prune = "expert:1">} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %sg = compress.sigmoid %h : (tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %a = compress.mul %h, %sg : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w3 = compress.load @w3 : tensor<3x4x8xf32>
  %g = compress.matmul %t, %w3 {name = "lin", compress.plan = #compress.plan<prune = "expert:1">} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %hid = compress.mul %a, %g : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w2 = compress.load @w2 : tensor<3x8x4xf32>
  %o = compress.matmul %hid, %w2 {name = "down", compress.plan = #compress.plan<prune = "expert:1">} : (tensor<3x?x8xf32>, tensor<3x8x4xf32>) -> tensor<3x?x4xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// The router's weight is transposed for the op, and used as it was by its parts.
// CHECK-LABEL: func.func @softmax_of_selected
// CHECK: %[[R:.+]] = compress.transpose
// CHECK: compress.moe %{{.+}} router %[[R]] bias %{{.+}} experts %{{.+}}, %{{.+}} {activation = #compress<moe_activation relu>, k = 2 : i64, name = "gate", normalization = #compress<moe_normalization softmax>
// BACK-LABEL: func.func @softmax_of_selected
// BACK: compress.linear kn
// BACK-NEXT: compress.constant
// BACK-NEXT: %[[V:.+]], %{{.+}} = compress.top_k
// BACK-NEXT: compress.softmax %[[V]]
func.func @softmax_of_selected(%x: tensor<?x4xf32>, %b: tensor<3xf32>) -> tensor<?x4xf32> {
  %r = compress.load @router_kn : tensor<4x3xf32>
  %logits = compress.linear kn %x, %r bias %b {name = "gate"} : (tensor<?x4xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %logits, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %n = compress.softmax %v {axis = 1 : i64} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %z = compress.constant dense<0.0> : tensor<f32>
  %shape = compress.shape %logits {start = 0 : i64, end = 2 : i64} : (tensor<?x3xf32>) -> tensor<2xi64>
  %zeros = compress.broadcast %z, %shape : (tensor<f32>, tensor<2xi64>) -> tensor<?x3xf32>
  %sc = compress.scatter_elements none %zeros, %i, %n {axis = 1 : i64} : (tensor<?x3xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x3xf32>
  %t = compress.unsqueeze %x {axes = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<1x?x4xf32>
  %w1 = compress.load @w1 : tensor<3x4x8xf32>
  %h = compress.matmul %t, %w1 {name = "up"} : (tensor<1x?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %a = compress.relu %h : (tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w2 = compress.load @w2 : tensor<3x8x4xf32>
  %o = compress.matmul %a, %w2 {name = "down"} : (tensor<3x?x8xf32>, tensor<3x8x4xf32>) -> tensor<3x?x4xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @not_normalized
// CHECK: compress.moe {{.+}} {activation = #compress<moe_activation gelu_tanh>, k = 2 : i64, name = "gate", normalization = #compress<moe_normalization none>
func.func @not_normalized(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %r = compress.load @router : tensor<3x4xf32>
  %logits = compress.linear nk %x, %r {name = "gate"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %p = compress.softmax %logits {axis = 1 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %p, %k {axis = 1 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %z = compress.constant dense<0.0> : tensor<f32>
  %shape = compress.shape %p {start = 0 : i64, end = 2 : i64} : (tensor<?x3xf32>) -> tensor<2xi64>
  %zeros = compress.broadcast %z, %shape : (tensor<f32>, tensor<2xi64>) -> tensor<?x3xf32>
  %sc = compress.scatter_elements none %zeros, %i, %v {axis = 1 : i64} : (tensor<?x3xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x3xf32>
  %w1 = compress.load @w1 : tensor<3x4x8xf32>
  %h = compress.matmul %x, %w1 {name = "up"} : (tensor<?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %a = compress.gelu tanh %h : (tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w3 = compress.load @w3 : tensor<3x4x8xf32>
  %g = compress.matmul %x, %w3 {name = "lin"} : (tensor<?x4xf32>, tensor<3x4x8xf32>) -> tensor<3x?x8xf32>
  %hid = compress.mul %a, %g : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x8xf32>
  %w2 = compress.load @w2 : tensor<3x8x4xf32>
  %o = compress.matmul %hid, %w2 {name = "down"} : (tensor<3x?x8xf32>, tensor<3x8x4xf32>) -> tensor<3x?x4xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @other_order
// CHECK: compress.moe
// CHECK-NEXT: return
func.func @other_order(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
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
  %us = compress.unsqueeze %sc {axes = array<i64: 2>} : (tensor<?x3xf32>) -> tensor<?x3x1xf32>
  %u = compress.transpose %us {perm = array<i64: 1, 0, 2>} : (tensor<?x3x1xf32>) -> tensor<3x?x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
