// RUN: compress-opt %s --compress-quantize --compress-verify-chains --split-input-file | FileCheck %s

// Without a format the plans in the IR decide, op by op. A plan that only prunes is no business of this pass.
// CHECK: compress.weight private @a.q : tensor<1x4xi2> = dense<{{\[\[}}-2, 1, 0, 0]]>
// CHECK: compress.weight private @a.scale : tensor<1x1xf32> = dense<5.000000e-01>
// CHECK: compress.weight private @b.q : tensor<1x4xi8> = dense<{{\[\[}}-127, 64, 0, 0]]>
// CHECK: compress.weight private @c : tensor<1x4xf32>
// CHECK: compress.weight private @d : tensor<1x4xf32>
compress.weight private @a : tensor<1x4xf32> = dense<[[-1.0, 0.5, 0.0, 0.125]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[-1.0, 0.5, 0.0, 0.0]]>
compress.weight private @c : tensor<1x4xf32> = dense<1.0>
compress.weight private @d : tensor<1x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @plans
func.func @plans(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %a = compress.load @a : tensor<1x4xf32>
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<quantize = "int2,group=-1">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %1 = compress.linear nk %x, %b {compress.plan = #compress.plan<quantize = "w8", prune = "2:4">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %c = compress.load @c : tensor<1x4xf32>
  %2 = compress.linear nk %x, %c {compress.plan = #compress.plan<prune = "2:4">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %d = compress.load @d : tensor<1x4xf32>
  %3 = compress.linear nk %x, %d : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1, %2, %3 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Both users have the same plan and contract the same dim, the embedding by plan: one rewrite for both.
// CHECK: compress.weight private @tied.q : tensor<2x4xi8>
// CHECK: compress.weight private @tied.scale : tensor<2x1xf32>
// CHECK-NOT: compress.weight
compress.weight private @tied : tensor<2x4xf32> = dense<1.0>
#plan = #compress.plan<quantize = "w8">
// CHECK-LABEL: func.func @tied_with_one_plan
func.func @tied_with_one_plan(%i: tensor<?xi64>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.+]] = compress.dequantize
  // CHECK: compress.embedding %[[W]]
  // CHECK-NOT: compress.dequantize
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  %w = compress.load @tied : tensor<2x4xf32>
  %x = compress.embedding %w, %i {name = "tok", compress.plan = #plan} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %y = compress.linear nk %x, %w {name = "head", compress.plan = #plan} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Nodes behind an operator that is not modelled have weights all the same.

// CHECK-LABEL: func.func @opaque
// CHECK:         %[[W:.*]] = compress.dequantize %{{.*}}, %{{.*}} {block = array<i64: -1, 1>}
// CHECK:         %[[V:.*]] = compress.dequantize %{{.*}}, %{{.*}} {block = array<i64: 1, -1>}
// CHECK:         compress.onnx "MatMul"(%{{.*}}, %[[W]])
// CHECK:         compress.onnx "Gemm"(%{{.*}}, %[[V]])
compress.weight private @w : tensor<4x2xf32> = dense<1.0>
compress.weight private @v : tensor<3x2xf32> = dense<1.0>
func.func @opaque(%x: !compress.onnx_value) -> !compress.onnx_value {
  %w = compress.load @w : tensor<4x2xf32>
  %v = compress.load @v : tensor<3x2xf32>
  %y = compress.onnx "MatMul"(%x, %w) {node_name = "a", result_names = ["y"], version = 17 : i64, compress.plan = #compress.plan<quantize = "int4,group=8">}
     : (!compress.onnx_value, tensor<4x2xf32>) -> !compress.onnx_value
  %z = compress.onnx "Gemm"(%y, %v) {node_name = "b", onnx_attributes = {transB = 1 : i64}, result_names = ["z"], version = 17 : i64, compress.plan = #compress.plan<quantize = "int4,group=8">}
     : (!compress.onnx_value, tensor<3x2xf32>) -> !compress.onnx_value
  return %z : !compress.onnx_value
}
