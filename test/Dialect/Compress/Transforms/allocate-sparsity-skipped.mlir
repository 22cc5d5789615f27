// RUN: %python %S/Inputs/make-statistics.py %t.st '{"a:input": {"channels": 4, "vectors": 4, "sum_squares": [4, 4, 4, 4]}, "never:input": {"channels": 4, "vectors": 0, "runs": 0}, "a:weight": {"gradient_squares": [[1, 1, 1, 1], [1, 1, 1, 1]]}, "b:weight": {"gradient_squares": [[4, 4, 4, 4], [4, 4, 4, 4]], "hessian_trace": [3]}, "c:weight": {"hessian_trace": [40]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-allocate-sparsity --verify-diagnostics --remarks-filter=prune | FileCheck %s

// b has a Hessian trace, a has not; both have squared gradients.
compress.weight private @a : tensor<2x4xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<0.5>
// CHECK-LABEL: func.func @fisher
func.func @fisher(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: prune = "unstructured:0.75,method=magnitude,scope=layer">, name = "a"
  // CHECK: prune = "unstructured:0.25,method=magnitude,scope=layer">, name = "b"
  %a = compress.load @a : tensor<2x4xf32>
  // expected-remark @+2 {{8 of 16 weights in 2 tensors go, shares from 0.25 to 0.75, by squared gradients (Fisher), since there are no Hessian traces}}
  // expected-remark @+1 {{weight 'a' of "a": 6 of 8 weights go, sensitivity 1.000e+00}}
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-remark @+1 {{weight 'b' of "b": 2 of 8 weights go, sensitivity 4.000e+00}}
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// Both have Hessian traces: 3/8 and 5. What calibration never ran is left out.
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
compress.weight private @c : tensor<2x4xf32> = dense<0.5>
compress.weight private @d : tensor<2x4xf32> = dense<0.5>
// CHECK-LABEL: func.func @hessian
func.func @hessian(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: prune = "unstructured:0.75,method=magnitude,scope=layer">, name = "b"
  // CHECK: prune = "unstructured:0.25,method=magnitude,scope=layer">, name = "c"
  // CHECK: prune = "unstructured:0.5,method=magnitude,scope=layer">, name = "never"
  %b = compress.load @b : tensor<2x4xf32>
  // expected-remark @+2 {{8 of 16 weights in 2 tensors go, shares from 0.25 to 0.75, by traces of the Hessian}}
  // expected-remark @+1 {{weight 'b' of "b": 6 of 8 weights go, sensitivity 3.750e-01}}
  %0 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %c = compress.load @c : tensor<2x4xf32>
  // expected-remark @+1 {{weight 'c' of "c": 2 of 8 weights go, sensitivity 5.000e+00}}
  %1 = compress.linear nk %x, %c {name = "c", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %d = compress.load @d : tensor<2x4xf32>
  // expected-remark @+1 {{weight 'd' of "never" has the share of all: the calibration data never reach it}}
  %2 = compress.linear nk %x, %d {name = "never", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @a : tensor<2x4xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<0.5>
func.func @nothing_known(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = compress.load @a : tensor<2x4xf32>
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-error @+1 {{allocation=sensitivity needs, for every weight, the trace of the Hessian, gradients or moments of its input in the statistics; nothing is known of "unknown"}}
  %1 = compress.linear nk %x, %b {name = "unknown", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,allocation=sensitivity">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @a : tensor<2x4xf32> = dense<1.0>
func.func @no_scores(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<2x4xf32>
  // expected-error @+1 {{scope=global needs a method that scores weights one by one, found sparsegpt}}
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=sparsegpt,scope=global">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

compress.weight private @a : tensor<2x4xf32> = dense<1.0>
func.func @both(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<2x4xf32>
  // expected-error @+1 {{scope=global and allocation=sensitivity contradict each other}}
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=global,allocation=sensitivity">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

compress.weight private @a : tensor<2x4xf32> = dense<[[1.0, 2.0, 0x7FC00000, 1.0], [1.0, 1.0, 1.0, 1.0]]>
func.func @nan(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<2x4xf32>
  // expected-error @+1 {{cannot prune weight 'a': element 2 is not finite}}
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=global">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// A weight of nothing but small values keeps one of them.
compress.weight private @small : tensor<1x4xf32> = dense<0.1>
compress.weight private @large : tensor<1x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @one_stays
func.func @one_stays(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  // CHECK: prune = "unstructured:0.75,method=magnitude,scope=layer">, name = "small"
  // CHECK: prune = "unstructured:0,method=magnitude,scope=layer">, name = "large"
  %a = compress.load @small : tensor<1x4xf32>
  // expected-remark @+3 {{3 of 8 weights in 2 tensors go, shares from 0 to 0.75}}
  // expected-remark @+2 {{weight 'small' of "small" would have lost all of its weights; one stays}}
  // expected-remark @+1 {{weight 'small' of "small": 3 of 4 weights go}}
  %0 = compress.linear nk %x, %a {name = "small", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=global">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %b = compress.load @large : tensor<1x4xf32>
  // expected-remark @+1 {{weight 'large' of "large": 0 of 4 weights go}}
  %1 = compress.linear nk %x, %b {name = "large", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=global">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// One of two users asks for something else.
compress.weight private @tied : tensor<1x4xf32> = dense<0.1>
// CHECK-LABEL: func.func @other_plan
func.func @other_plan(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  // CHECK: prune = "unstructured:0.5,method=magnitude,scope=global">, name = "first"
  %a = compress.load @tied : tensor<1x4xf32>
  // expected-remark @+1 {{weight 'tied' of "first" gets no share: "second" shares it and has another plan}}
  %0 = compress.linear nk %x, %a {name = "first", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=global">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %1 = compress.linear nk %x, %a {name = "second"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}
