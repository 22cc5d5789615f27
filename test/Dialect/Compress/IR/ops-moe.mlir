// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s
// RUN: compress-opt %s --emit-bytecode | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @moe_swiglu
func.func @moe_swiglu(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w3: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) -> tensor<?x4xf32> {
  // CHECK: compress.moe %{{.+}} router %{{.+}} experts %{{.+}} times %{{.+}}, %{{.+}} {k = 2 : i64, name = "moe0"} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  %0 = compress.moe %x router %r experts %w1 times %w3, %w2 {k = 2 : i64, name = "moe0"} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @moe_plain_with_bias
func.func @moe_plain_with_bias(%x: tensor<5x4xf16>, %r: tensor<3x4xf16>, %b: tensor<3xf16>, %w1: tensor<3x4x8xf16>, %w2: tensor<3x8x4xf16>) -> tensor<5x4xf16> {
  // CHECK: compress.moe %{{.+}} router %{{.+}} bias %{{.+}} experts %{{.+}}, %{{.+}} {activation = #compress<moe_activation gelu>, k = 1 : i64, normalization = #compress<moe_normalization softmax>}
  %0 = compress.moe %x router %r bias %b experts %w1, %w2 {k = 1 : i64, activation = #compress<moe_activation gelu>, normalization = #compress<moe_normalization softmax>} : (tensor<5x4xf16>, tensor<3x4xf16>, tensor<3xf16>, tensor<3x4x8xf16>, tensor<3x8x4xf16>) -> tensor<5x4xf16>
  return %0 : tensor<5x4xf16>
}

// CHECK-LABEL: func.func @moe_skip_and_parts
func.func @moe_skip_and_parts(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) -> tensor<?x4xf32> {
  // CHECK: {k = 2 : i64, parts = {router = {name = "gate"}, w1 = {name = "up", plan = #compress.plan<prune = "expert:1">}}, skip_threshold = 5.000000e-01 : f32}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64, skip_threshold = 0.5 : f32, parts = {router = {name = "gate"}, w1 = {name = "up", plan = #compress.plan<prune = "expert:1">}}} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @moe_empty
func.func @moe_empty(%x: tensor<0x4xf32>, %r: tensor<2x4xf32>, %w1: tensor<2x4x0xf32>, %w2: tensor<2x0x4xf32>) -> tensor<0x4xf32> {
  // CHECK: compress.moe
  // CHECK-SAME: -> tensor<0x4xf32>
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 1 : i64} : (tensor<0x4xf32>, tensor<2x4xf32>, tensor<2x4x0xf32>, tensor<2x0x4xf32>) -> tensor<0x4xf32>
  return %0 : tensor<0x4xf32>
}
