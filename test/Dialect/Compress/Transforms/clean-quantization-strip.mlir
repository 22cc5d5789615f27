// RUN: compress-opt %s --compress-clean-quantization=strip --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-clean-quantization=strip --compress-clean-quantization=strip --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-clean-quantization=strip --split-input-file --remarks-filter=clean -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-clean-quantization=strip --compress-quantize=format=int4 --split-input-file | FileCheck %s --check-prefix=AGAIN

// Weight, bias and activations of a QDQ model are floats again, and can be quantized anew.
compress.weight private @q : tensor<2x4xi8> = dense<3>
compress.weight private @ws : tensor<2x1xf32> = dense<0.5>
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK: compress.weight private @[[W:.+]] : tensor<2x4xf32> = dense<1.500000e+00>
// CHECK-LABEL: func.func @linear
// AGAIN-LABEL: func.func @linear
// REMARK: quantization is taken out
func.func @linear(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: quantize
  // CHECK: compress.linear nk %arg0, %{{.+}}
  // CHECK-NOT: quantize
  // AGAIN: compress.dequantize {{.*}}xi4>
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %wq = compress.load @q : tensor<2x4xi8>
  %ws = compress.load @ws : tensor<2x1xf32>
  %w = compress.dequantize %wq, %ws {block = array<i64: 1, -1>} : (tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %c = compress.quantize %x, %s, %z : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  %d = compress.dequantize %c, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %y = compress.linear nk %d, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %yc = compress.quantize %y, %s, %z : (tensor<?x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x2xui8>
  %yd = compress.dequantize %yc, %s, %z : (tensor<?x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x2xf32>
  return %yd : tensor<?x2xf32>
}

// -----

// Through ops that move codes; dynamic and fake quantization.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK-LABEL: func.func @moved
func.func @moved(%x: tensor<?x2x4x4xf32>) -> (tensor<?x32xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>) {
  // CHECK-NOT: quantize
  // CHECK: %[[P:.+]] = compress.pad constant %arg0, %{{[^ ]+}} : {{.*}} -> tensor<?x2x6x6xf32>
  // CHECK: %[[M:.+]] = compress.pool max %[[P]] {{.*}} -> tensor<?x2x4x4xf32>
  // CHECK: %[[R:.+]] = compress.reshape %[[M]], {{.*}} -> tensor<?x32xf32>
  // CHECK: return %[[R]], %arg0, %arg0
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %pads = compress.constant dense<[0, 0, 1, 1, 0, 0, 1, 1]> : tensor<8xi64>
  %shape = compress.constant dense<[-1, 32]> : tensor<2xi64>
  %c = compress.quantize %x, %s, %z : (tensor<?x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x2x4x4xui8>
  %p = compress.pad constant %c, %pads value %z : (tensor<?x2x4x4xui8>, tensor<8xi64>, tensor<ui8>) -> tensor<?x2x6x6xui8>
  %m = compress.pool max %p {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x6x6xui8>) -> tensor<?x2x4x4xui8>
  %r = compress.reshape %m, %shape : (tensor<?x2x4x4xui8>, tensor<2xi64>) -> tensor<?x32xui8>
  %d = compress.dequantize %r, %s, %z : (tensor<?x32xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x32xf32>
  %qc, %qs, %qz = compress.dynamic_quantize %x tensor : (tensor<?x2x4x4xf32>) -> (tensor<?x2x4x4xui8>, tensor<f32>, tensor<ui8>)
  %qd = compress.dequantize %qc, %qs, %qz : (tensor<?x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x2x4x4xf32>
  %f = compress.fake_quantize %x, %s, %z as ui8 : (tensor<?x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x2x4x4xf32>
  return %d, %qd, %f : tensor<?x32xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>
}

// -----

// Codes that are results, or are read with another scale, are the model's own.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @t : tensor<f32> = dense<0.25>
// CHECK-LABEL: func.func @no_other_scale
// REMARK: quantize stays: its codes are used as they are, or with other parameters
// REMARK: dequantize stays: its codes do not come from quantization with the same parameters
func.func @no_other_scale(%x: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: compress.quantize
  // CHECK: compress.dequantize
  %s = compress.load @s : tensor<f32>
  %t = compress.load @t : tensor<f32>
  %c = compress.quantize %x, %s : (tensor<?xf32>, tensor<f32>) -> tensor<?xi8>
  %d = compress.dequantize %c, %t : (tensor<?xi8>, tensor<f32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// -----

// The smallest code stands for 0: a relu or clip that the quantizer folded. Not where there is one.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<0>
compress.weight private @m : tensor<i8> = dense<-128>
// CHECK-LABEL: func.func @saturation
func.func @saturation(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  // CHECK-DAG: %[[LOW:.+]] = compress.constant dense<0.000000e+00> : tensor<f32>
  // CHECK-DAG: %[[HIGH:.+]] = compress.constant dense<1.275000e+02> : tensor<f32>
  // CHECK: %[[Y:.+]] = compress.clip %arg0 min %[[LOW]] max %[[HIGH]]
  // CHECK: %[[Z:.+]] = compress.clip %arg0
  // CHECK: %[[R:.+]] = compress.relu %arg0
  // CHECK: return %[[Y]], %[[Z]], %[[R]]
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %m = compress.load @m : tensor<i8>
  %c = compress.quantize %x, %s, %z : (tensor<?xf32>, tensor<f32>, tensor<ui8>) -> tensor<?xui8>
  %0 = compress.dequantize %c, %s, %z : (tensor<?xui8>, tensor<f32>, tensor<ui8>) -> tensor<?xf32>
  %d = compress.quantize %x, %s, %m : (tensor<?xf32>, tensor<f32>, tensor<i8>) -> tensor<?xi8>
  %1 = compress.dequantize %d, %s, %m : (tensor<?xi8>, tensor<f32>, tensor<i8>) -> tensor<?xf32>
  %r = compress.relu %x : (tensor<?xf32>) -> tensor<?xf32>
  %e = compress.quantize %r, %s, %z : (tensor<?xf32>, tensor<f32>, tensor<ui8>) -> tensor<?xui8>
  %2 = compress.dequantize %e, %s, %z : (tensor<?xui8>, tensor<f32>, tensor<ui8>) -> tensor<?xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}
