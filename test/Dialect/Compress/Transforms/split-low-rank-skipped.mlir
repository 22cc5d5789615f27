// What is not split, and why.
// RUN: compress-opt %s --split-input-file --compress-split-low-rank --remarks-filter=low-rank --verify-diagnostics

compress.weight private @w : tensor<4x6xf32> = dense<1.0>
func.func @no_break_even(%x: tensor<?x6xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x6xf32>
  // expected-remark @+1 {{weight 'w' of "fc" stays whole: rank 3 is above 2, the largest with which factors of [4, 6] have fewer elements than the weight}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:3,method=svd">} : (tensor<?x6xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]>
func.func @no_energy(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{weight 'w' of "fc" stays whole: rank 1, the largest with which factors have fewer elements than the weight, keeps only 0.2500 of the energy}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "energy:0.9,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w.q : tensor<4x4xi8> = dense<1>
compress.weight private @w.scale : tensor<1x1xf32> = dense<1.0>
func.func @no_codes(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %q = compress.load @w.q : tensor<4x4xi8>
  %s = compress.load @w.scale : tensor<1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, -1>} : (tensor<4x4xi8>, tensor<1x1xf32>) -> tensor<4x4xf32>
  // expected-remark @+1 {{stays whole: it is quantized already}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @m : tensor<4x1xi1> = dense<[[true], [true], [false], [true]]>
func.func @no_mask(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = compress.load @w : tensor<4x4xf32>
  %m = compress.load @m : tensor<4x1xi1>
  %w = compress.mask %0, %m : tensor<4x4xf32>, tensor<4x1xi1>
  // A mask is part of the weight: its zeros are a lower rank.
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 4, svd}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_common_plan(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{weight 'w' of "a" stays whole: "b" shares it and has another plan}}
  %y = compress.linear nk %x, %w {name = "a", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %z = compress.linear nk %y, %w {name = "b"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_common_form(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{weight 'w' of "a" stays whole: "b" shares it and uses it in another way}}
  %y = compress.linear nk %x, %w {name = "a", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %w {name = "b", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_other_use(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<4x4xf32>) {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{weight 'w' of "a" stays whole: 'compress.relu' uses it, too, which is not a weighted op}}
  %y = compress.linear nk %x, %w {name = "a", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %r = compress.relu %w : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y, %r : tensor<?x4xf32>, tensor<4x4xf32>
}

// -----

compress.weight private @w : tensor<8x4x3x3xf32> = dense<1.0>
func.func @no_such_form(%x: tensor<?x8x8x8xf32>) -> tensor<?x8x6x6xf32> {
  %w = compress.load @w : tensor<8x4x3x3xf32>
  // expected-remark @+1 {{weight 'w' of "conv" stays whole: it has no form spatial, only channel, depthwise}}
  %y = compress.conv %x, %w {name = "conv", groups = 2 : i64, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, compress.plan = #compress.plan<low_rank = "rank:1,method=svd,form=spatial">} : (tensor<?x8x8x8xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x6x6xf32>
  return %y : tensor<?x8x6x6xf32>
}

// -----

compress.weight private @w : tensor<3x4x4xf32> = dense<1.0>
func.func @no_stacked_vector(%x: tensor<4xf32>) -> tensor<3x4xf32> {
  %w = compress.load @w : tensor<3x4x4xf32>
  // expected-remark @+1 {{weight 'w' of "mm" stays whole: 'compress.matmul' cannot be written as two ops}}
  %y = compress.matmul %x, %w {name = "mm", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<4xf32>, tensor<3x4x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

compress.weight private @w : tensor<0x4xf32> = dense<>
func.func @no_elements(%x: tensor<?x4xf32>) -> tensor<?x0xf32> {
  %w = compress.load @w : tensor<0x4xf32>
  // expected-remark @+1 {{weight 'w' of "fc" stays whole: it is empty}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x4xf32>, tensor<0x4xf32>) -> tensor<?x0xf32>
  return %y : tensor<?x0xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @method_without_statistics(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+2 {{weight 'w' of "fc": svd_llm is replaced by svd: there are no statistics}}
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 4, svd}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd_llm">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @auto_without_statistics(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 4, svd}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=auto">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<3x3xf32> = dense<[[4.0, 0.0, 1.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]>
func.func @no_pruning_beside_lqer(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  // expected-remark @+2 {{weight 'w' of "fc": the weight is quantized beside its factors, so that it is neither pruned nor shared}}
  // expected-remark @+1 {{weight 'w' of "fc" gets a branch: lqer rank 1 of 3, svd}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "w8,method=rtn", prune = "2:4", low_rank = "rank:1,method=svd,residual=lqer">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
