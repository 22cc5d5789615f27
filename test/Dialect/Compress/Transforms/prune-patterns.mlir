// RUN: compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune{pattern=1:4},compress-verify-chains)' | FileCheck %s --check-prefix=ONE
// RUN: compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune{pattern=4:8 method=magnitude},compress-verify-chains)' | FileCheck %s --check-prefix=FOUR
// RUN: compress-opt %s --split-input-file --compress-prune | FileCheck %s --check-prefix=NONE

// 1:4 keeps one position of two bits per group; 4:8 keeps four of three bits.
// ONE: @w.kept : tensor<1x2xf32> = dense<{{\[\[}}4.000000e+00, -8.000000e+00]]>
// ONE: @w.meta : tensor<1x1xi8> = dense<7>
// FOUR: @w.kept : tensor<1x4xf32> = dense<{{\[\[}}4.000000e+00, 5.000000e+00, -8.000000e+00, 6.000000e+00]]>
// FOUR: @w.meta : tensor<1x2xi8> = dense<{{\[\[}}99, 13]]>
// Without a pattern and without plans nothing is done.
// NONE: compress.weight private @w :
compress.weight private @w : tensor<1x8xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, -8.0, 6.0, 0.5]]>
// ONE-LABEL: func.func @patterns
// FOUR-LABEL: func.func @patterns
// NONE-LABEL: func.func @patterns
func.func @patterns(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  // ONE: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 1 : i64}
  // FOUR: compress.expand_nm {{.*}} {axis = 1 : i64, m = 8 : i64, n = 4 : i64}
  // NONE: %[[W:.+]] = compress.load @w :
  // NONE-NEXT: compress.linear nk %{{.+}}, %[[W]] :
  %w = compress.load @w : tensor<1x8xf32>
  %y = compress.linear nk %x, %w : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Plans in the IR say what is done to which op; a pattern of the pass is for all, and wins.
// ONE-DAG: @a.kept : tensor<1x1xf32>
// ONE-DAG: @b.kept : tensor<1x1xf32>
// NONE-DAG: @a.kept : tensor<1x2xf32>
// NONE-DAG: compress.weight private @b :
compress.weight private @a : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
// ONE-LABEL: func.func @plans
// NONE-LABEL: func.func @plans
func.func @plans(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  // NONE: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // NONE-NOT: compress.expand_nm
  %a = compress.load @a : tensor<1x4xf32>
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "2:4">}
     : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // A plan that only quantizes is none of this pass's business.
  %b = compress.load @b : tensor<1x4xf32>
  %z = compress.linear nk %x, %b {compress.plan = #compress.plan<quantize = "int8">}
     : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// A weight with another pattern gets the new one: it is expanded first.
// ONE: @w.kept_{{.*}} : tensor<1x1xf32> = dense<4.000000e+00>
// ONE: @w.meta_{{.*}} : tensor<1x1xi8> = dense<3>
compress.weight private @w.kept : tensor<1x2xf32> = dense<[[3.0, 4.0]]>
compress.weight private @w.meta : tensor<1x1xi8> = dense<14>
// NONE-LABEL: func.func @other_pattern_before
// ONE-LABEL: func.func @other_pattern_before
func.func @other_pattern_before(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %k = compress.load @w.kept : tensor<1x2xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
