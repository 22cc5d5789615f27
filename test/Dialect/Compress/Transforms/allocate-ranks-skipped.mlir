// What gets no rank has no low rank in its plan any more. The other weight of each model makes up for it.
// RUN: compress-opt %s --compress-allocate-ranks --split-input-file --remarks-filter-missed=low-rank --verify-diagnostics | FileCheck %s

compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @small
func.func @small(%x: tensor<?x8xf32>, %s: tensor<?x2xf32>) -> (tensor<?x8xf32>, tensor<?x2xf32>) {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<2x2xf32>
  // CHECK: "rank:2,method=svd">, name = "fc"
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<prune = "2:4">, name = "small"}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.6,method=svd">, name = "fc"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  // expected-remark@below {{weight 'b' of "small" gets no rank: factors of [2, 2] are not smaller, whatever their rank}}
  %z = compress.linear nk %s, %b {compress.plan = #compress.plan<prune = "2:4", low_rank = "budget:params=0.6,method=svd">, name = "small"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// CHECK-LABEL: func.func @other_plan
func.func @other_plan(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  // CHECK: "rank:2,method=svd">, name = "fc"
  // CHECK: compress.linear {{.*}} {name = "tied1"}
  // CHECK: compress.linear {{.*}} {name = "tied2"}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.8,method=svd">, name = "fc"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  // expected-remark@below {{weight 'b' of "tied1" gets no rank: "tied2" shares it and has another plan}}
  %z = compress.linear nk %y, %b {compress.plan = #compress.plan<low_rank = "budget:params=0.8,method=svd">, name = "tied1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %t = compress.linear nk %z, %b {name = "tied2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %t : tensor<?x8xf32>
}

// -----

compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @q : tensor<8x8xi8> = dense<1>
compress.weight private @s : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @quantized
func.func @quantized(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %q = compress.load @q : tensor<8x8xi8>
  %s = compress.load @s : tensor<f32>
  %b = compress.dequantize %q, %s : (tensor<8x8xi8>, tensor<f32>) -> tensor<8x8xf32>
  // CHECK: "rank:2,method=svd">, name = "fc"
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.8,method=svd">, name = "fc"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  // expected-remark@below {{weight 'q' of "codes" gets no rank: it is quantized already}}
  %z = compress.linear nk %y, %b {compress.plan = #compress.plan<low_rank = "budget:params=0.8,method=svd">, name = "codes"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @t : tensor<8x4x3x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_form
func.func @no_form(%x: tensor<?x8xf32>, %i: tensor<1x8x9x9xf32>) -> (tensor<?x8xf32>, tensor<1x8x7x7xf32>) {
  %a = compress.load @a : tensor<8x8xf32>
  %t = compress.load @t : tensor<8x4x3x3xf32>
  // CHECK: "rank:1,method=svd,form=spatial">, name = "fc"
  // CHECK: compress.conv {{.*}}, name = "conv", pads
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.9,method=svd,form=spatial">, name = "fc"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  // expected-remark@below {{weight 't' of "conv" gets no rank: it has no form spatial, only channel, depthwise}}
  %z = compress.conv %i, %t {compress.plan = #compress.plan<low_rank = "budget:params=0.9,method=svd,form=spatial">, dilations = array<i64: 1, 1>, groups = 2 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, name = "conv"} : (tensor<1x8x9x9xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x7x7xf32>
  return %y, %z : tensor<?x8xf32>, tensor<1x8x7x7xf32>
}

// -----

// A weight of zeros has no error at all.
compress.weight private @t : tensor<8x4xf32> = dense<0.0>
// CHECK-LABEL: func.func @zeros
func.func @zeros(%x: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %t = compress.load @t : tensor<8x4xf32>
  // CHECK: "rank:1,method=svd">, name = "fc"
  %y = compress.linear nk %x, %t {compress.plan = #compress.plan<low_rank = "budget:params=1,method=svd">, name = "fc"} : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
