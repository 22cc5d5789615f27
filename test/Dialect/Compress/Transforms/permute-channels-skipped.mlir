// RUN: compress-opt %s --split-input-file --compress-permute-channels='gather=false' --remarks-filter=prune --verify-diagnostics | FileCheck %s --implicit-check-not=permuted --implicit-check-not=compress.gather

// CHECK-LABEL: func.func @not_planned
compress.weight private @w : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
func.func @not_planned(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "1:2">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// CHECK-LABEL: func.func @input
compress.weight private @w : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
func.func @input(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-remark @below {{the inputs of "fc" are not reordered: the channels reach an input of the model}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// CHECK-LABEL: func.func @result
compress.weight private @up : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [4.0]]>
compress.weight private @w : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
func.func @result(%x: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x4xf32>) {
  %up = compress.load @up : tensor<4x1xf32>
  %w = compress.load @w : tensor<1x4xf32>
  %h = compress.linear nk %x, %up {name = "up"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "fc" are not reordered: the channels reach 'func.return'}}
  %y = compress.linear nk %h, %w {name = "fc", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %h : tensor<?x1xf32>, tensor<?x4xf32>
}

// -----

// Which channel is largest depends on their order.
// CHECK-LABEL: func.func @argmax
compress.weight private @up : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [4.0]]>
compress.weight private @w : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
func.func @argmax(%x: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?xi64>) {
  %up = compress.load @up : tensor<4x1xf32>
  %w = compress.load @w : tensor<1x4xf32>
  %h = compress.linear nk %x, %up {name = "up"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{are not reordered: 'compress.argmax': positions along this dim are the result}}
  %y = compress.linear nk %h, %w {name = "fc", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %i = compress.argmax %h {axis = 1 : i64, keepdims = false} : (tensor<?x4xf32>) -> tensor<?xi64>
  return %y, %i : tensor<?x1xf32>, tensor<?xi64>
}

// -----

// The producer's weight is the consumer's, too.
// CHECK-LABEL: func.func @tied
compress.weight private @w : tensor<4x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0], [9.0, 8.0, 1.0, 2.0], [9.0, 8.0, 1.0, 2.0], [9.0, 8.0, 1.0, 2.0]]>
func.func @tied(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @below {{the inputs of "a" are not reordered: the channels reach an input of the model}}
  %h = compress.linear nk %x, %w {name = "a", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "b" are not reordered: weight 'w' of 'compress.linear' "a" is shared with 'compress.linear' "b"}}
  %y = compress.linear nk %h, %w {name = "b", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @unsuited
compress.weight private @up : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [4.0]]>
compress.weight private @w : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
compress.weight private @codes : tensor<1x4xi8> = dense<[[9, 8, 1, 2]]>
compress.weight private @s : tensor<1x1xf32> = dense<1.0>
func.func @unsuited(%x: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %up = compress.load @up : tensor<4x1xf32>
  %w = compress.load @w : tensor<1x4xf32>
  %codes = compress.load @codes : tensor<1x4xi8>
  %s = compress.load @s : tensor<1x1xf32>
  %q = compress.dequantize %codes, %s {block = array<i64: 1, 4>} : (tensor<1x4xi8>, tensor<1x1xf32>) -> tensor<1x4xf32>
  %h = compress.linear nk %x, %up {name = "up"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  %a = compress.relu %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "short" are not reordered: it has only 4 input channels}}
  %0 = compress.linear nk %a, %w {name = "short", compress.plan = #compress.plan<prune = "2:4,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %b = compress.linear nk %x, %up {name = "up2"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "codes" are not reordered: its weight is compressed already}}
  %1 = compress.linear nk %b, %q {name = "codes", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// CHECK-LABEL: func.func @values
compress.weight private @up : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [4.0]]>
compress.weight private @up2 : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [5.0]]>
compress.weight private @equal : tensor<1x4xf32> = dense<1.0>
compress.weight private @nan : tensor<1x4xf32> = dense<[[9.0, 8.0, 0x7FC00000, 2.0]]>
func.func @values(%x: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %up = compress.load @up : tensor<4x1xf32>
  %up2 = compress.load @up2 : tensor<4x1xf32>
  %equal = compress.load @equal : tensor<1x4xf32>
  %nan = compress.load @nan : tensor<1x4xf32>
  %a = compress.linear nk %x, %up {name = "up"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "equal" are not reordered: no order keeps more}}
  %0 = compress.linear nk %a, %equal {name = "equal", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %b = compress.linear nk %x, %up2 {name = "up2"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "nan" are not reordered: the weight of "nan" is not finite}}
  %1 = compress.linear nk %b, %nan {name = "nan", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Three heads of two channels each: blocks of four would be of two heads.
// CHECK-LABEL: func.func @odd_heads
compress.weight private @v : tensor<1x6xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]>
compress.weight private @o : tensor<1x6xf32> = dense<[[9.0, 8.0, 1.0, 2.0, 1.0, 2.0]]>
compress.weight private @split : tensor<4xi64> = dense<[0, 0, 3, 2]>
compress.weight private @merge : tensor<3xi64> = dense<[0, 0, 6]>
func.func @odd_heads(%x: tensor<?x?x1xf32>, %q: tensor<?x?x3x2xf32>, %k: tensor<?x?x3x2xf32>) -> tensor<?x?x1xf32> {
  %v = compress.load @v : tensor<1x6xf32>
  %o = compress.load @o : tensor<1x6xf32>
  %split = compress.load @split : tensor<4xi64>
  %merge = compress.load @merge : tensor<3xi64>
  %0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x?x1xf32>, tensor<1x6xf32>) -> tensor<?x?x6xf32>
  %1 = compress.reshape %0, %split : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %2 = compress.attention bshd %q, %k, %1 {scale = 0.5 : f32} : (tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>) -> tensor<?x?x3x2xf32>
  %3 = compress.reshape %2, %merge : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  // expected-remark @below {{the inputs of "o" are not reordered: channels that can change places are not in blocks of 4}}
  %4 = compress.linear nk %3, %o {name = "o", compress.plan = #compress.plan<prune = "2:4,permute=true">} : (tensor<?x?x6xf32>, tensor<1x6xf32>) -> tensor<?x?x1xf32>
  return %4 : tensor<?x?x1xf32>
}

// -----

// A rotary embedding pairs the halves of a head.
// CHECK-LABEL: func.func @rotated_values
compress.weight private @v : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @o : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
func.func @rotated_values(%x: tensor<?x1xf32>, %c: tensor<?x1xf32>, %s: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %v = compress.load @v : tensor<1x4xf32>
  %o = compress.load @o : tensor<1x4xf32>
  %0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x1xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  %1 = compress.rotary_embedding %0, %c, %s : (tensor<?x4xf32>, tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{the inputs of "o" are not reordered: 'compress.rotary_embedding': rotary positions pair its halves}}
  %2 = compress.linear nk %1, %o {name = "o", compress.plan = #compress.plan<prune = "1:2,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %2 : tensor<?x1xf32>
}
