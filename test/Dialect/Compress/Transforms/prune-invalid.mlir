// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=4:2 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=unstructured:0.5 2>&1 | FileCheck %s --check-prefix=FUTURE
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune{pattern=2:4 method=wanda})' 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune{pattern=2:4 method=random})' 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// PATTERN: error: prune=4:2,method=magnitude: pattern is '4:2', expected N:M with 1 <= N < M
// FUTURE: error: prune=unstructured:0.5,method=magnitude: recognised but not supported yet: pattern 'unstructured:0.5'
// METHOD: error: prune=2:4,method=wanda: recognised but not supported yet: method 'wanda' (supported: magnitude)
// UNKNOWN: error: prune=2:4,method=random: unknown method 'random', expected one of: magnitude

compress.weight private @nan : tensor<1x4xf32> = dense<[[1.0, 2.0, 0x7FC00000, 4.0]]>
func.func @invalid_nan(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @nan : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'nan': element 2 is NaN}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @kept : tensor<1x2xf32> = dense<[[3.0, 4.0]]>
compress.weight private @meta : tensor<1x1xi8> = dense<5>
func.func @invalid_positions(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %k = compress.load @kept : tensor<1x2xf32>
  %m = compress.load @meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  %mask = compress.constant dense<true> : tensor<1x4xi1>
  %s = compress.mask %w, %mask : tensor<1x4xf32>, tensor<1x4xi1>
  // expected-error @+1 {{position 1 of the 2:4 pattern is outside of its group or not larger than the one before}}
  %y = compress.linear nk %x, %s {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
