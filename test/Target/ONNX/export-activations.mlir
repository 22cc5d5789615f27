// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// Quantization of activations: one operator where ONNX has it, arithmetic of the same meaning where
// it has none.

// CHECK: opset_import = {{\[\[}}"", 21]]
module {
  compress.weight private @s : tensor<f32> = dense<0.1>
  compress.weight private @z : tensor<ui8> = dense<5>
  compress.weight private @channel : tensor<1x4xf32> = dense<[[0.1, 0.2, 0.3, 0.4]]>
  // CHECK-LABEL: func.func @main
  // CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4xf32>
  func.func @main(%x: tensor<?x4xf32> {compress.name = "x"})
      -> (tensor<?x4xf32> {compress.name = "static"}, tensor<?x4xf32> {compress.name = "dynamic"},
          tensor<?x4xf32> {compress.name = "rows"}, tensor<?x4xf32> {compress.name = "fake"},
          tensor<?x4xf32> {compress.name = "rows4"}, tensor<?x4xf32> {compress.name = "tensor4"}) {
    %s = compress.load @s : tensor<f32>
    %z = compress.load @z : tensor<ui8>
    // CHECK: compress.onnx "QuantizeLinear"(%[[X]], %s, %z)
    // CHECK: compress.onnx "DequantizeLinear"
    // CHECK-SAME: result_names = ["static"]
    %q0 = compress.quantize %x, %s, %z
      : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
    %0 = compress.dequantize %q0, %s, %z
      : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>

    // CHECK: %[[D:.*]], %[[DS:.*]], %[[DZ:.*]] = compress.onnx "DynamicQuantizeLinear"(%[[X]])
    // CHECK: compress.onnx "DequantizeLinear"(%[[D]], %[[DS]], %[[DZ]])
    // CHECK-SAME: result_names = ["dynamic"]
    %q1, %s1, %z1 = compress.dynamic_quantize %x tensor
      : (tensor<?x4xf32>) -> (tensor<?x4xui8>, tensor<f32>, tensor<ui8>)
    %1 = compress.dequantize %q1, %s1, %z1
      : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>

    // A scale per row: max |x| / 127, or 1.
    // CHECK: compress.onnx "Abs"(%[[X]])
    // CHECK: compress.onnx "ReduceMax"
    // CHECK: %[[R:.*]] = compress.onnx "Div"
    // CHECK: compress.onnx "Equal"(%[[R]],
    // CHECK: %[[S:.*]] = compress.onnx "Where"
    // CHECK: compress.onnx "Div"(%[[X]], %[[S]])
    // CHECK: compress.onnx "Round"
    // CHECK: compress.onnx "Clip"
    // CHECK: compress.onnx "Cast"
    // CHECK-SAME: to = 3
    // The zero point is known to be zero.
    // CHECK-NEXT: %[[C:.*]] = compress.onnx "Cast"
    // CHECK-SAME: to = 1
    // CHECK-NEXT: compress.onnx "Mul"(%[[C]], %[[S]])
    // CHECK-SAME: result_names = ["rows"]
    %q2, %s2, %z2 = compress.dynamic_quantize %x row
      : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?x1xf32>, tensor<?x1xi8>)
    %2 = compress.dequantize %q2, %s2 {block = array<i64: 1, -1>}
      : (tensor<?x4xi8>, tensor<?x1xf32>) -> tensor<?x4xf32>

    // The scales become a vector and the zero points say the type of the codes.
    // CHECK: %[[V:.*]] = compress.load @{{.*}} : tensor<4xf32>
    // CHECK: %[[Z:.*]] = compress.load @{{.*}} : tensor<4xi4>
    // CHECK: compress.onnx "QuantizeLinear"(%[[X]], %[[V]], %[[Z]])
    // CHECK-SAME: axis = 1
    // CHECK: compress.onnx "DequantizeLinear"
    // CHECK-SAME: axis = 1
    // CHECK-SAME: result_names = ["fake"]
    %c = compress.load @channel : tensor<1x4xf32>
    %3 = compress.fake_quantize %x, %c as i4 {block = array<i64: -1, 1>}
      : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>

    // Codes of 4 bits: max |x| / 7, and 0 to 15.
    // CHECK: compress.onnx "Clip"
    // CHECK: compress.onnx "Cast"
    // CHECK-SAME: to = 22
    // CHECK: compress.onnx "Mul"
    // CHECK-SAME: result_names = ["rows4"]
    %q4, %s4, %z4 = compress.dynamic_quantize %x row
      : (tensor<?x4xf32>) -> (tensor<?x4xi4>, tensor<?x1xf32>, tensor<?x1xi4>)
    %4 = compress.dequantize %q4, %s4 {block = array<i64: 1, -1>}
      : (tensor<?x4xi4>, tensor<?x1xf32>) -> tensor<?x4xf32>
    // CHECK-NOT: DynamicQuantizeLinear
    // CHECK: %[[C4:.*]] = compress.onnx "Cast"
    // CHECK-SAME: to = 21
    // CHECK: %[[Z4:.*]] = compress.onnx "Cast"
    // CHECK-SAME: to = 21
    // CHECK: compress.onnx "DequantizeLinear"(%[[C4]], %{{.*}}, %[[Z4]])
    // CHECK-SAME: result_names = ["tensor4"]
    %q5, %s5, %z5 = compress.dynamic_quantize %x tensor
      : (tensor<?x4xf32>) -> (tensor<?x4xui4>, tensor<f32>, tensor<ui4>)
    %5 = compress.dequantize %q5, %s5, %z5
      : (tensor<?x4xui4>, tensor<f32>, tensor<ui4>) -> tensor<?x4xf32>
    return %0, %1, %2, %3, %4, %5
      : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  }
}
