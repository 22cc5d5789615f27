// RUN: compress-opt %s --compress-clean-quantization --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-clean-quantization --compress-clean-quantization --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-clean-quantization --split-input-file --remarks-filter=clean -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Two pairs with the same numbers, of which one has other weights with the same bytes.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @s2 : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK-LABEL: func.func @redundant
// REMARK: quantize of dequantized codes with the same parameters is removed
func.func @redundant(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[Q:.+]] = compress.quantize
  // CHECK-NEXT: %[[D:.+]] = compress.dequantize %[[Q]]
  // CHECK-NEXT: return %[[D]]
  %s = compress.load @s : tensor<f32>
  %s2 = compress.load @s2 : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %q = compress.quantize %x, %s, %z : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  %d = compress.dequantize %q, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %q2 = compress.quantize %d, %s2, %z : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  %d2 = compress.dequantize %q2, %s2, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  return %d2 : tensor<?x4xf32>
}

// -----

// No zero point is a zero point of 0.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<i8> = dense<0>
// CHECK-LABEL: func.func @no_zero_point
func.func @no_zero_point(%c: tensor<4xi8>) -> tensor<4xi8> {
  // CHECK-NEXT: return %arg0
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<i8>
  %d = compress.dequantize %c, %s : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %q = compress.quantize %d, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<i8>) -> tensor<4xi8>
  return %q : tensor<4xi8>
}

// -----

// Other scale, other zero point, other codes; a scale that is no constant or too large.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @t : tensor<f32> = dense<0.25>
compress.weight private @huge : tensor<f32> = dense<3.0e38>
compress.weight private @z : tensor<ui8> = dense<3>
compress.weight private @y : tensor<ui8> = dense<4>
// CHECK-LABEL: func.func @no_other_parameters
func.func @no_other_parameters(%c: tensor<4xui8>, %i: tensor<4xi8>, %v: tensor<f32>) -> (tensor<4xui8>, tensor<4xui8>, tensor<4xui8>, tensor<4xui8>, tensor<4xi8>) {
  // CHECK-COUNT-5: compress.quantize
  %s = compress.load @s : tensor<f32>
  %t = compress.load @t : tensor<f32>
  %h = compress.load @huge : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %y = compress.load @y : tensor<ui8>
  %d = compress.dequantize %c, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %0 = compress.quantize %d, %t, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %1 = compress.quantize %d, %s, %y : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %e = compress.dequantize %i, %s : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %2 = compress.quantize %e, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xui8>
  %f = compress.dequantize %c, %v, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %3 = compress.quantize %f, %v, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %g = compress.dequantize %i, %h : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %4 = compress.quantize %g, %h : (tensor<4xf32>, tensor<f32>) -> tensor<4xi8>
  return %0, %1, %2, %3, %4 : tensor<4xui8>, tensor<4xui8>, tensor<4xui8>, tensor<4xui8>, tensor<4xi8>
}

// -----

// A pair for each user becomes one.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @s2 : tensor<f32> = dense<0.5>
// CHECK-LABEL: func.func @repeated
// REMARK: repeated quantize is removed
// REMARK: repeated dequantize is removed
func.func @repeated(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  // CHECK: %[[Q:.+]] = compress.quantize
  // CHECK: %[[D:.+]] = compress.dequantize %[[Q]]
  // CHECK-NOT: compress.quantize
  // CHECK: compress.relu %[[D]]
  // CHECK: compress.neg %[[D]]
  %s = compress.load @s : tensor<f32>
  %s2 = compress.load @s2 : tensor<f32>
  %q = compress.quantize %x, %s : (tensor<?xf32>, tensor<f32>) -> tensor<?xi8>
  %d = compress.dequantize %q, %s : (tensor<?xi8>, tensor<f32>) -> tensor<?xf32>
  %0 = compress.relu %d : (tensor<?xf32>) -> tensor<?xf32>
  %q2 = compress.quantize %x, %s2 : (tensor<?xf32>, tensor<f32>) -> tensor<?xi8>
  %d2 = compress.dequantize %q2, %s2 : (tensor<?xi8>, tensor<f32>) -> tensor<?xf32>
  %1 = compress.neg %d2 : (tensor<?xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// -----

// Codes are moved: around a reshape, a transpose and a max pooling nothing is left of the pairs.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK-LABEL: func.func @moved
// REMARK: dequantize moves below pool
func.func @moved(%c: tensor<?x2x4x4xui8>) -> tensor<?x8xui8> {
  // CHECK: %[[P:.+]] = compress.pool max %arg0 {{.*}} : (tensor<?x2x4x4xui8>) -> tensor<?x2x2x2xui8>
  // CHECK: %[[T:.+]] = compress.transpose %[[P]] {{.*}} -> tensor<?x2x2x2xui8>
  // CHECK: %[[R:.+]] = compress.reshape %[[T]], {{.*}} -> tensor<?x8xui8>
  // CHECK: return %[[R]]
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %shape = compress.constant dense<[-1, 8]> : tensor<2xi64>
  %d = compress.dequantize %c, %s, %z : (tensor<?x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x2x4x4xf32>
  %p = compress.pool max %d {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
  %q1 = compress.quantize %p, %s, %z : (tensor<?x2x2x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x2x2x2xui8>
  %d1 = compress.dequantize %q1, %s, %z : (tensor<?x2x2x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x2x2x2xf32>
  %t = compress.transpose %d1 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
  %r = compress.reshape %t, %shape : (tensor<?x2x2x2xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %q = compress.quantize %r, %s, %z : (tensor<?x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x8xui8>
  return %q : tensor<?x8xui8>
}

// -----

compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @t : tensor<f32> = dense<0.25>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK-LABEL: func.func @concat
func.func @concat(%a: tensor<?x4xui8>, %b: tensor<?x4xui8>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK: %[[C:.+]] = compress.concat %arg0, %arg1 {axis = 0 : i64} : (tensor<?x4xui8>, tensor<?x4xui8>) -> tensor<?x4xui8>
  // CHECK: compress.dequantize %[[C]]
  // Not with other scales.
  // CHECK: compress.concat {{.*}} -> tensor<?x4xf32>
  %s = compress.load @s : tensor<f32>
  %s2 = compress.load @s : tensor<f32>
  %t = compress.load @t : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %0 = compress.dequantize %a, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %1 = compress.dequantize %b, %s2, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %2 = compress.concat %0, %1 {axis = 0 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = compress.dequantize %b, %t, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %4 = compress.concat %0, %3 {axis = 0 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %2, %4 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Zeros that are padded become the code of zero; other values have no code. Slices and splits.
compress.weight private @s : tensor<f32> = dense<0.5>
compress.weight private @z : tensor<ui8> = dense<3>
// CHECK-LABEL: func.func @padded
func.func @padded(%c: tensor<4xui8>) -> (tensor<6xf32>, tensor<6xf32>, tensor<2xf32>, tensor<1xf32>) {
  // CHECK: %[[P:.+]] = compress.pad constant %arg0, %{{.+}} value %z
  // CHECK: compress.dequantize %[[P]]
  // CHECK: compress.pad constant {{.*}} -> tensor<6xf32>
  // CHECK: compress.split %arg0 {{.*}} -> (tensor<2xui8>, tensor<2xui8>)
  // CHECK: compress.slice {{.*}} -> tensor<1xui8>
  %s = compress.load @s : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %pads = compress.constant dense<[1, 1]> : tensor<2xi64>
  %one = compress.constant dense<1.0> : tensor<f32>
  %from = compress.constant dense<[0]> : tensor<1xi64>
  %to = compress.constant dense<[1]> : tensor<1xi64>
  %d = compress.dequantize %c, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %0 = compress.pad constant %d, %pads : (tensor<4xf32>, tensor<2xi64>) -> tensor<6xf32>
  %1 = compress.pad constant %d, %pads value %one : (tensor<4xf32>, tensor<2xi64>, tensor<f32>) -> tensor<6xf32>
  %2:2 = compress.split %d {axis = 0 : i64, sizes = array<i64: 2, 2>} : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  %3 = compress.slice %2#1, %from, %to {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<2xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<1xf32>
  return %0, %1, %2#0, %3 : tensor<6xf32>, tensor<6xf32>, tensor<2xf32>, tensor<1xf32>
}

// -----

// A quantized constant becomes a chain on stored codes, which stays in its normal form.
compress.weight private @w : tensor<2x2xf32> = dense<[[1.0, -2.0], [0.4, 100.0]]>
compress.weight private @s : tensor<f32> = dense<0.5>
// CHECK: compress.weight private @w.q : tensor<2x2xi8> = dense<{{\[\[}}2, -4], [1, 127]]>
// CHECK-NOT: @w :
// CHECK-LABEL: func.func @weight
// REMARK: weight 'w' is stored as codes
func.func @weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[Q:.+]] = compress.load @w.q
  // CHECK: %[[D:.+]] = compress.dequantize %[[Q]]
  // CHECK: %[[T:.+]] = compress.transpose %[[D]]
  // CHECK: compress.linear nk %{{.+}}, %[[T]]
  %w = compress.load @w : tensor<2x2xf32>
  %s = compress.load @s : tensor<f32>
  %q = compress.quantize %w, %s : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  %d = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %t = compress.transpose %d {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = compress.linear nk %x, %t : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
