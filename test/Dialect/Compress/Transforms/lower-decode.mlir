// RUN: compress-opt %s --compress-lower-decode --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-lower-decode --compress-lower-decode --split-input-file | FileCheck %s
// Nothing is folded back to floats.
// RUN: compress-opt %s --compress-lower-decode --canonicalize --cse --sccp --split-input-file | FileCheck %s

// Codes stay packed, two of a byte.
// CHECK-LABEL: func.func @int4_matmul
// CHECK-NOT: compress.
func.func @int4_matmul(%x: tensor<?x4xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[Q:.+]] = arith.constant dense<[33, -61, -121, 1]> : tensor<4xi8>
  // CHECK-DAG: %[[S:.+]] = arith.constant dense<{{\[\[}}5.000000e-01, 2.000000e+00], [1.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
  // CHECK: %[[W:.+]] = linalg.generic {{.*}} outs(%{{.+}} : tensor<4x2xf32>)
  // CHECK: tensor.extract %[[Q]]
  // CHECK: arith.shrui
  // CHECK: tensor.extract %[[S]]
  // CHECK: arith.sitofp
  // CHECK: arith.mulf
  // CHECK: linalg.matmul ins(%{{.+}}, %[[W]] :
  %q = arith.constant dense<[[1, 2], [3, -4], [7, -8], [1, 0]]> : tensor<4x2xi4>
  %s = arith.constant dense<[[0.5, 2.0], [1.0, 4.0]]> : tensor<2x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 2, 1>} : (tensor<4x2xi4>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func.func @symbols
// CHECK-NOT: compress.
compress.weight private @w.q : tensor<2x4xi8> = dense<[[1, 2, 3, 4], [5, 6, 7, 8]]>
compress.weight private @w.scale : tensor<f32> = dense<0.5>
compress.weight private @dense : tensor<2xf32> = dense<[1.0, 2.0]>
func.func @symbols() -> (tensor<2x4xf32>, tensor<2xf32>) {
  // CHECK-DAG: %[[Q:.+]] = arith.constant dense<{{.*}}> : tensor<2x4xi8>
  // CHECK-DAG: %[[D:.+]] = arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  // CHECK: %[[W:.+]] = linalg.generic {{.*}} ins(%[[Q]] : tensor<2x4xi8>)
  // CHECK: return %[[W]], %[[D]]
  %d = compress.load @dense : tensor<2xf32>
  %q = compress.load @w.q : tensor<2x4xi8>
  %s = compress.load @w.scale : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2x4xi8>, tensor<f32>) -> tensor<2x4xf32>
  return %w, %d : tensor<2x4xf32>, tensor<2xf32>
}

// -----

// A blob keeps its key: bytes are not copied. Two users share it.
// CHECK-LABEL: func.func @blob
// CHECK: arith.constant dense_resource<codes> : tensor<4xi8>
func.func @blob() -> (tensor<8xf32>, tensor<8xi4>) {
  %q = arith.constant dense_resource<codes> : tensor<8xi4>
  %s = arith.constant dense<0.5> : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<8xi4>, tensor<f32>) -> tensor<8xf32>
  return %w, %q : tensor<8xf32>, tensor<8xi4>
}
{-# dialect_resources: { builtin: { codes: "0x0400000021436587" } } #-}

// -----

// Activations of a dynamic size; codes that another op wants get their type.
// CHECK-LABEL: func.func @activations
// CHECK-NOT: compress.
func.func @activations(%x: tensor<?x4xf32>, %c: tensor<?x4xui8>) -> (tensor<?x4xf32>, tensor<?x4xui8>, tensor<?x4xf32>, tensor<?x4xi4>) {
  // CHECK-DAG: tensor.bitcast %{{.+}} : tensor<?x4xui8> to tensor<?x4xi8>
  // CHECK-DAG: %[[OUT:.+]] = tensor.bitcast %{{.+}} : tensor<?x4xi8> to tensor<?x4xui8>
  // CHECK: arith.trunci %{{.+}} : i8 to i4
  // CHECK: return %{{.+}}, %[[OUT]], %{{.+}}, %{{.+}}
  %s = arith.constant dense<0.25> : tensor<f32>
  %z = arith.constant dense<128> : tensor<ui8>
  %f = compress.fake_quantize %x, %s, %z as ui8 : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %q = compress.quantize %x, %s, %z : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  %d = compress.dequantize %c, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %q4 = compress.quantize %x, %s : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xi4>
  return %f, %q, %d, %q4 : tensor<?x4xf32>, tensor<?x4xui8>, tensor<?x4xf32>, tensor<?x4xi4>
}

// -----

// Globals of the codes are gone when nothing uses them any more.
// CHECK-NOT: ml_program.global private @codes
// CHECK: ml_program.global private @scale
// CHECK-LABEL: func.func @globals
// CHECK: arith.constant dense<[33, -61]> : tensor<2xi8>
// CHECK: ml_program.global_load_const @scale
ml_program.global private @codes(dense<[[1, 2], [3, -4]]> : tensor<2x2xi4>) : tensor<2x2xi4>
ml_program.global private @scale(dense<0.5> : tensor<f32>) : tensor<f32>
func.func @globals() -> tensor<2x2xf32> {
  %q = ml_program.global_load_const @codes : tensor<2x2xi4>
  %s = ml_program.global_load_const @scale : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2x2xi4>, tensor<f32>) -> tensor<2x2xf32>
  return %w : tensor<2x2xf32>
}

// -----

// Model ops and their constants stay; plans go.
// CHECK-LABEL: func.func @model_ops
// CHECK-NOT: compress.plan
// CHECK-DAG: compress.constant dense<4> : tensor<1xi64>
// CHECK-DAG: %[[W:.+]] = linalg.generic
// CHECK-DAG: compress.linear nk %{{.+}}, %[[W]]
// CHECK: compress.reshape
func.func @model_ops(%x: tensor<2x4xf32>) -> tensor<4xf32> {
  %q = compress.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %s = compress.constant dense<0.5> : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2x4xi8>, tensor<f32>) -> tensor<2x4xf32>
  %y = compress.linear nk %x, %w {compress.plan = #compress.plan<quantize = "int8">, name = "fc"} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xf32>
  %shape = compress.constant dense<4> : tensor<1xi64>
  %r = compress.reshape %y, %shape : (tensor<2x2xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// A host of tosa: its constants of codes go, too.
// CHECK-LABEL: func.func @tosa
// CHECK-NOT: tosa.const
// CHECK: %[[Q:.+]] = arith.constant dense<[33, -61]> : tensor<2xi8>
// CHECK: tensor.extract %[[Q]]
// CHECK: tosa.abs
func.func @tosa(%s: tensor<f32>) -> tensor<2x2xf32> {
  %q = "tosa.const"() <{values = dense<[[1, 2], [3, -4]]> : tensor<2x2xi4>}> : () -> tensor<2x2xi4>
  %w = compress.dequantize %q, %s : (tensor<2x2xi4>, tensor<f32>) -> tensor<2x2xf32>
  %a = tosa.abs %w : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %a : tensor<2x2xf32>
}
