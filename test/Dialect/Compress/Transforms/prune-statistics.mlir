// What methods need and do not find: an error where it is not known, another method where it was looked for.
// RUN: %python %S/Inputs/make-statistics.py %t.st '{"moments:input": {"channels": 4, "sum_squares": [1, 1, 1, 1]}, "range:input": {"min": [0, 0, 0, 0], "max": [1, 1, 1, 1]}, "other:input": {"channels": 3, "sum_squares": [1, 1, 1]}, "never:input": {"channels": 4, "vectors": 0, "runs": 0}, "other:weight": {"gradient": [[1, 2, 3]]}, "zeros:input": {"channels": 4, "sum_squares": [0, 0, 0, 0], "groups": 1, "features": 4, "gram_vectors": 2, "gram": [[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-prune --verify-diagnostics --remarks-filter=prune

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_entry(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': method=wanda needs statistics of the input of "unknown", and there are none}}
  %y = compress.linear nk %x, %w {name = "unknown", compress.plan = #compress.plan<prune = "2:4,method=wanda">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_gram(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': method=sparsegpt needs the Gram matrix of the input of "moments": the statistics have no Gram matrix}}
  %y = compress.linear nk %x, %w {name = "moments", compress.plan = #compress.plan<prune = "2:4,method=sparsegpt">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_moments(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': the statistics of the input of "range" have no moments}}
  %y = compress.linear nk %x, %w {name = "range", compress.plan = #compress.plan<prune = "2:4,method=ria">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @other_channels(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': the statistics of the input of "other" have 3 channels, expects a multiple of 4}}
  %y = compress.linear nk %x, %w {name = "other", compress.plan = #compress.plan<prune = "2:4,method=wanda">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_gradients(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': there are no gradients of the weight of "moments" in the statistics}}
  %y = compress.linear nk %x, %w {name = "moments", compress.plan = #compress.plan<prune = "2:4,method=taylor">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @gradients_of_another_shape(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': the gradients of the weight of "other" are of shape 1x3, expects 1x4}}
  %y = compress.linear nk %x, %w {name = "other", compress.plan = #compress.plan<prune = "2:4,method=taylor">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_squared_gradients(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': the statistics of the weight of "other" have no mean of squared gradients}}
  %y = compress.linear nk %x, %w {name = "other", compress.plan = #compress.plan<prune = "2:4,method=pruner_zero">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_tree(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': }}
  %y = compress.linear nk %x, %w {name = "moments", compress.plan = #compress.plan<prune = "2:4,method=pruner_zero,tree=/nowhere/tree.json">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Calibration never ran this op.
compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @never_reached(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-remark @+2 {{weight 'w' of "never": 2:4"}}
  // expected-remark @+1 {{weight 'w' of "never": sparsegpt is replaced by magnitude: the calibration data never reach "never"}}
  %y = compress.linear nk %x, %w {name = "never", compress.plan = #compress.plan<prune = "2:4,method=sparsegpt">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Its inputs were always zero.
compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @zero_inputs(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-remark @+2 {{weight 'w' of "zeros": unstructured:0.5"}}
  // expected-remark-re @+1 {{weight 'w' of "zeros": sparsegpt is replaced by magnitude: {{.*}}}}
  %y = compress.linear nk %x, %w {name = "zeros", compress.plan = #compress.plan<prune = "unstructured:0.5,method=sparsegpt">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Values of codes are what they are.
compress.weight private @w.q : tensor<1x4xi8> = dense<[[1, 2, 3, 4]]>
compress.weight private @w.scale : tensor<f32> = dense<0.5>
func.func @quantized(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x4xi8>
  %s = compress.load @w.scale : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<1x4xi8>, tensor<f32>) -> tensor<1x4xf32>
  // expected-remark @+1 {{weight 'w.q' of "zeros": not pruned: 2:4 sparsegpt changes values, but the weight is quantized already}}
  %y = compress.linear nk %x, %w {name = "zeros", compress.plan = #compress.plan<prune = "2:4,method=sparsegpt">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 0x7F800000, 4.0]]>
func.func @infinite(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': element 2 is not finite}}
  %y = compress.linear nk %x, %w {name = "moments", compress.plan = #compress.plan<prune = "2:4,method=wanda">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @no_gram_for_the_update(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'w': update=obs needs the Gram matrix of the input of "moments": the statistics have no Gram matrix}}
  %y = compress.linear nk %x, %w {name = "moments", compress.plan = #compress.plan<prune = "2:4,method=magnitude,update=obs">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
