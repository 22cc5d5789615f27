// The second input is 10 times as large as the first one.
// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"channels": 3, "features": 3, "groups": 1, "gram_vectors": 2, "sum_abs": [2, 20, 2], "gram": [[[1, 0, 0], [0, 100, 0], [0, 0, 1]]]}, "fc:weight": {"gradient_squares": [[0, 0, 0], [100, 100, 100], [0, 0, 0]]}, "means:input": {"channels": 3, "sum_abs": [2, 20, 2]}, "never:input": {"channels": 3, "vectors": 0, "runs": 0}, "other:input": {"channels": 4, "features": 4, "groups": 1, "gram_vectors": 2, "gram": [[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-split-low-rank --verify-diagnostics --remarks-filter=low-rank | FileCheck %s

// 2 * 10 is more than 4 * 1.
// CHECK: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}0.000000e+00,
// CHECK-LABEL: func.func @auto
compress.weight private @w : tensor<3x3xf32> = dense<[[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]>
func.func @auto(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 3, svd_llm}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=auto">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// CHECK: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}0.000000e+00,
// CHECK-LABEL: func.func @drone
compress.weight private @w : tensor<3x3xf32> = dense<[[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]>
func.func @drone(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 3, drone}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=drone">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// Roots of magnitudes, 2 * 3.16 is still more than 4 * 1; powers of 0.1 are not.
// CHECK: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}0.000000e+00,
// CHECK: compress.weight private @"z/v" : tensor<1x3xf32> = dense<{{\[\[}}2.000000e+00,
// CHECK-LABEL: func.func @asvd
compress.weight private @w : tensor<3x3xf32> = dense<[[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]>
compress.weight private @z : tensor<3x3xf32> = dense<[[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]>
func.func @asvd(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  %z = compress.load @z : tensor<3x3xf32>
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 3, asvd}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=asvd">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  // expected-remark @+1 {{weight 'z' of "means" becomes two: rank 1 of 3, asvd}}
  %r = compress.linear nk %y, %z {name = "means", compress.plan = #compress.plan<low_rank = "rank:1,method=asvd,alpha=0.1">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
}

// -----

// The gradients of the second row.
// CHECK: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}0.000000e+00,
// CHECK-LABEL: func.func @fisher
compress.weight private @w : tensor<3x3xf32> = dense<[[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 1.0]]>
func.func @fisher(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  // expected-remark @+1 {{weight 'w' of "fc" becomes two: rank 1 of 3, fisher}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=fisher">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// CHECK-LABEL: func.func @what_is_missing
compress.weight private @a : tensor<3x3xf32> = dense<1.0>
compress.weight private @b : tensor<3x3xf32> = dense<2.0>
compress.weight private @c : tensor<3x3xf32> = dense<3.0>
compress.weight private @d : tensor<3x3xf32> = dense<4.0>
compress.weight private @e : tensor<3x3xf32> = dense<5.0>
func.func @what_is_missing(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %a = compress.load @a : tensor<3x3xf32>
  %b = compress.load @b : tensor<3x3xf32>
  %c = compress.load @c : tensor<3x3xf32>
  %d = compress.load @d : tensor<3x3xf32>
  %e = compress.load @e : tensor<3x3xf32>
  // expected-remark @+2 {{weight 'a' of "means": svd_llm is replaced by svd: the statistics have no Gram matrix}}
  // expected-remark @+1 {{weight 'a' of "means" becomes two: rank 1 of 3, svd}}
  %0 = compress.linear nk %x, %a {name = "means", compress.plan = #compress.plan<low_rank = "rank:1,method=auto">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  // expected-remark @+2 {{weight 'b' of "never": drone is replaced by svd: the calibration data never reach "never"}}
  // expected-remark @+1 {{weight 'b' of "never" becomes two: rank 1 of 3, svd}}
  %1 = compress.linear nk %0, %b {name = "never", compress.plan = #compress.plan<low_rank = "rank:1,method=drone">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  // expected-remark @+2 {{weight 'c' of "other": svd_llm is replaced by svd: the Gram matrix has 4 features, expects 3}}
  // expected-remark @+1 {{weight 'c' of "other" becomes two: rank 1 of 3, svd}}
  %2 = compress.linear nk %1, %c {name = "other", compress.plan = #compress.plan<low_rank = "rank:1,method=svd_llm">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  // expected-remark @+2 {{weight 'd' of "unknown": asvd is replaced by svd: there are no statistics of the input of "unknown"}}
  // expected-remark @+1 {{weight 'd' of "unknown" becomes two: rank 1 of 3, svd}}
  %3 = compress.linear nk %2, %d {name = "unknown", compress.plan = #compress.plan<low_rank = "rank:1,method=asvd">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  // expected-remark @+2 {{weight 'e' of "none": fisher is replaced by svd: there are no statistics of the gradients of "none"}}
  // expected-remark @+1 {{weight 'e' of "none" becomes two: rank 1 of 3, svd}}
  %4 = compress.linear nk %3, %e {name = "none", compress.plan = #compress.plan<low_rank = "rank:1,method=fisher">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %4 : tensor<?x3xf32>
}
