// RUN: compress-opt %s --split-input-file --compress-normalize-onnx | FileCheck %s

// A convolution of codes is one of dequantized codes; the bias has the scale of the products.
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @xz : tensor<ui8> = dense<3>
compress.weight private @w : tensor<2x3x1x1xi8> = dense<2>
compress.weight private @ws : tensor<2xf32> = dense<[0.25, 0.5]>
compress.weight private @wz : tensor<2xi8> = dense<0>
compress.weight private @ys : tensor<f32> = dense<2.0>
compress.weight private @yz : tensor<ui8> = dense<128>
compress.weight private @b : tensor<2xi32> = dense<[8, 16]>
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x3x4x4xui8>) -> tensor<?x2x4x4xui8> {
  // CHECK: %[[X:.+]] = compress.dequantize %arg0, %{{.+}}, %{{.+}} : (tensor<?x3x4x4xui8>, tensor<f32>, tensor<ui8>)
  // CHECK: %[[W:.+]] = compress.dequantize %{{.+}} {block = array<i64: 1, -1, -1, -1>} : (tensor<2x3x1x1xi8>
  // CHECK: %[[B:.+]] = compress.dequantize %{{.+}} {block = array<i64: 1>} : (tensor<2xi32>, tensor<2xf32>) -> tensor<2xf32>
  // CHECK: %[[Y:.+]] = compress.conv %[[X]], %[[W]] bias %[[B]]
  // CHECK: compress.quantize %[[Y]], %{{.+}}, %{{.+}} : (tensor<?x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x2x4x4xui8>
  %xs = compress.load @xs : tensor<f32>
  %xz = compress.load @xz : tensor<ui8>
  %w = compress.load @w : tensor<2x3x1x1xi8>
  %ws = compress.load @ws : tensor<2xf32>
  %wz = compress.load @wz : tensor<2xi8>
  %ys = compress.load @ys : tensor<f32>
  %yz = compress.load @yz : tensor<ui8>
  %b = compress.load @b : tensor<2xi32>
  %y = compress.onnx "QLinearConv"(%x, %xs, %xz, %w, %ws, %wz, %ys, %yz, %b) {node_name = "c", result_names = ["y"], version = 10 : i64}
     : (tensor<?x3x4x4xui8>, tensor<f32>, tensor<ui8>, tensor<2x3x1x1xi8>, tensor<2xf32>, tensor<2xi8>, tensor<f32>, tensor<ui8>, tensor<2xi32>) -> tensor<?x2x4x4xui8>
  return %y : tensor<?x2x4x4xui8>
}

// -----

compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
compress.weight private @w : tensor<4x2xui8> = dense<2>
// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<?x4xui8>) -> tensor<?x2xui8> {
  // CHECK: %[[X:.+]] = compress.dequantize %arg0
  // CHECK: %[[Y:.+]] = compress.linear kn %[[X]], %{{.+}} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: compress.quantize %[[Y]]
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %w = compress.load @w : tensor<4x2xui8>
  %y = compress.onnx "QLinearMatMul"(%x, %s, %z, %w, %s, %z, %s, %z) {node_name = "m", result_names = ["y"], version = 10 : i64}
     : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>, tensor<4x2xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<?x2xui8>
  return %y : tensor<?x2xui8>
}

// -----

compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK-LABEL: func.func @add
func.func @add(%x: tensor<?x4xui8>, %y: tensor<?x4xui8>) -> tensor<?x4xui8> {
  // CHECK-COUNT-2: compress.dequantize
  // CHECK: %[[Y:.+]] = compress.add
  // CHECK: compress.quantize %[[Y]]
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %r = compress.onnx "QLinearAdd"(%x, %s, %z, %y, %s, %z, %s, %z) {domain = "com.microsoft", node_name = "a", result_names = ["y"], version = 1 : i64}
     : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>, tensor<?x4xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  return %r : tensor<?x4xui8>
}

// -----

// Scales that are no constants stay as they are.
// CHECK-LABEL: func.func @no_constant_scale
func.func @no_constant_scale(%x: tensor<1x3x4x4xui8>, %s: tensor<f32>, %z: tensor<ui8>, %w: tensor<2x3x1x1xui8>) -> tensor<1x2x4x4xui8> {
  // CHECK: compress.onnx "QLinearConv"
  %r = compress.onnx "QLinearConv"(%x, %s, %z, %w, %s, %z, %s, %z) {node_name = "c", result_names = ["y"], version = 10 : i64}
     : (tensor<1x3x4x4xui8>, tensor<f32>, tensor<ui8>, tensor<2x3x1x1xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %r : tensor<1x2x4x4xui8>
}
