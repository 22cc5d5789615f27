// RUN: %python %S/Inputs/make-statistics.py %t.st '{"moments:input": {"channels": 4, "sum_squares": [1, 1, 1, 1]}, "other:input": {"channels": 3, "groups": 1, "features": 3, "gram_vectors": 2, "gram": [[[1, 0, 0], [0, 1, 0], [0, 0, 1]]]}, "never:input": {"channels": 4, "vectors": 0, "runs": 0, "groups": 1, "features": 4, "gram_vectors": 0, "gram": [[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]}, "good:input": {"channels": 4, "groups": 1, "features": 4, "gram_vectors": 2, "gram": [[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-slice-gpt --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-slice-gpt{prune=2:4})' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-slice-gpt{prune=slice:1.5})' 2>&1 | FileCheck %s --check-prefix=RATIO

// PATTERN: option 'prune': expects slice:R, got '2:4'
// RATIO: slice:1.5

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_entry(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{'slice:0.5,method=pca' needs the Gram matrix of the inputs of "unknown" in the statistics, and there are none of "unknown:input"; collect it with compress-collect-statistics{collect=gram,moments ops=*}}}
  %a = compress.linear nk %n, %w {name = "unknown", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_gram(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{'slice:0.5,method=pca' needs the Gram matrix of the inputs of "moments" in the statistics, and they were collected without it; collect it with compress-collect-statistics{collect=gram,moments ops=*}}}
  %a = compress.linear nk %n, %w {name = "moments", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @other_size(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{'slice:0.5,method=pca' needs the Gram matrix of the inputs of "other" in the statistics, and they have one of [1, 3, 3], expected [1, 4, 4]; collect it with compress-collect-statistics{collect=gram,moments ops=*}}}
  %a = compress.linear nk %n, %w {name = "other", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @never_reached(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{'slice:0.5,method=pca' needs the Gram matrix of the inputs of "never" in the statistics, and no sample reached it; collect it with compress-collect-statistics{collect=gram,moments ops=*}}}
  %a = compress.linear nk %n, %w {name = "never", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}

// -----

compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @no_sums(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.layer_norm %x, %one bias %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{'slice:0.5,method=pca' needs the Gram matrix of the inputs of "good" in the statistics, and they have no sums, which the bias of the norm needs; collect it with compress-collect-statistics{collect=gram,moments ops=*}}}
  %a = compress.linear nk %n, %w {name = "good", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.layer_norm %y, %one bias %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %m, %w {name = "head", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}
