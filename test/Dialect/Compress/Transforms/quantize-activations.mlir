// RUN: compress-opt %s --compress-quantize=format=int8 --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-quantize=format=int8 --compress-quantize=format=int8 --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-quantize='format=int8 activations=none' --split-input-file | FileCheck %s --check-prefix=NONE
// RUN: compress-opt %s --compress-quantize='format=int4 activations=dynamic' --split-input-file | FileCheck %s --check-prefix=INT4
// RUN: compress-opt %s --compress-quantize='format=int8 activations=dynamic more=activation_bits=4' --split-input-file | FileCheck %s --check-prefix=BITS4
// RUN: compress-opt %s --compress-quantize='format=w8' --compress-quantize-activations='activations=dynamic more=activation_bits=4' --split-input-file | FileCheck %s --check-prefix=BITS4
// RUN: compress-opt %s --compress-quantize=format=int8 --split-input-file --remarks-filter=quantize -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

compress.weight private @w : tensor<2x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @rows_of_linear
// NONE-LABEL: func.func @rows_of_linear
// INT4-LABEL: func.func @rows_of_linear
// BITS4-LABEL: func.func @rows_of_linear
func.func @rows_of_linear(%x: tensor<?x3x4xf32>) -> tensor<?x3x2xf32> {
  // CHECK: %[[CODES:.+]], %[[SCALE:.+]], %{{.+}} = compress.dynamic_quantize %{{.+}} row : (tensor<?x3x4xf32>) -> (tensor<?x3x4xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>)
  // CHECK: %[[X:.+]] = compress.dequantize %[[CODES]], %[[SCALE]] {block = array<i64: 1, 1, -1>} : (tensor<?x3x4xi8>, tensor<?x3x1xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.linear nk %[[X]], %{{.+}}
  // NONE-NOT: compress.dynamic_quantize
  // INT4: compress.dynamic_quantize %{{.+}} row
  // BITS4: %[[CODES:.+]], %[[SCALE:.+]], %{{.+}} = compress.dynamic_quantize %{{.+}} row : (tensor<?x3x4xf32>) -> (tensor<?x3x4xi4>, tensor<?x3x1xf32>, tensor<?x3x1xi4>)
  // BITS4: %[[X:.+]] = compress.dequantize %[[CODES]], %[[SCALE]] {block = array<i64: 1, 1, -1>} : (tensor<?x3x4xi4>, tensor<?x3x1xf32>) -> tensor<?x3x4xf32>
  // BITS4: compress.linear nk %[[X]], %{{.+}}
  %w = compress.load @w : tensor<2x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x3x4xf32>, tensor<2x4xf32>) -> tensor<?x3x2xf32>
  return %y : tensor<?x3x2xf32>
}

// -----

compress.weight private @w : tensor<2x1x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @tensor_of_conv
// BITS4-LABEL: func.func @tensor_of_conv
func.func @tensor_of_conv(%x: tensor<?x1x?x4xf32>) -> tensor<?x2x?x4xf32> {
  // CHECK: %[[CODES:.+]], %[[SCALE:.+]], %[[ZERO:.+]] = compress.dynamic_quantize %{{.+}} tensor : (tensor<?x1x?x4xf32>) -> (tensor<?x1x?x4xui8>, tensor<f32>, tensor<ui8>)
  // CHECK: %[[X:.+]] = compress.dequantize %[[CODES]], %[[SCALE]], %[[ZERO]] : (tensor<?x1x?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x1x?x4xf32>
  // CHECK: compress.conv %[[X]], %{{.+}}
  // BITS4: compress.dynamic_quantize %{{.+}} tensor : (tensor<?x1x?x4xf32>) -> (tensor<?x1x?x4xui4>, tensor<f32>, tensor<ui4>)
  %w = compress.load @w : tensor<2x1x1x1xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x1x?x4xf32>, tensor<2x1x1x1xf32>) -> tensor<?x2x?x4xf32>
  return %y : tensor<?x2x?x4xf32>
}

// -----

// Two ops with one activation share its codes.
compress.weight private @q : tensor<2x4xf32> = dense<1.0>
compress.weight private @k : tensor<2x4xf32> = dense<2.0>
// CHECK-LABEL: func.func @one_activation
func.func @one_activation(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: compress.dynamic_quantize
  // CHECK: %[[X:.+]] = compress.dequantize {{.*}} {block = array<i64: 1, -1>} : (tensor<?x4xi8>
  // CHECK: compress.linear nk %[[X]], %{{.+}}
  // CHECK-NOT: compress.dynamic_quantize
  // CHECK: compress.linear nk %[[X]], %{{.+}}
  %q = compress.load @q : tensor<2x4xf32>
  %y = compress.linear nk %x, %q : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %k = compress.load @k : tensor<2x4xf32>
  %z = compress.linear nk %x, %k : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// The activation of an f16 model stays float; its weights are quantized.
compress.weight private @half : tensor<2x4xf16> = dense<1.0>
// CHECK-LABEL: func.func @no_f16
// REMARK: remark: {{.*}}of "fc": the activation stays float: expects an f32 tensor, got tensor<?x4xf16>
func.func @no_f16(%x: tensor<?x4xf16>) -> tensor<?x2xf16> {
  // CHECK-NOT: compress.dynamic_quantize
  // CHECK: compress.dequantize {{.*}} -> tensor<2x4xf16>
  %w = compress.load @half : tensor<2x4xf16>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf16>, tensor<2x4xf16>) -> tensor<?x2xf16>
  return %y : tensor<?x2xf16>
}
