// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s
// RUN: compress-opt %s --emit-bytecode | compress-opt | FileCheck %s

// CHECK: compress.weight private @fc.w : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]>
compress.weight private @fc.w : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
// Names of files may be anything.
// CHECK: compress.weight @"model/fc 1:0" : tensor<2xi4> = dense<[-8, 7]> {note = "kept"}
compress.weight @"model/fc 1:0" : tensor<2xi4> = dense<[-8, 7]> {note = "kept"}
// CHECK: compress.weight private @blob : tensor<4xi8> = dense_resource<blob>
compress.weight private @blob : tensor<4xi8> = dense_resource<blob>
// CHECK: compress.weight nested @file : tensor<3x2xbf16> = #compress.file<"sub/model.safetensors", 128, 12, 18446744073709551615>
compress.weight nested @file : tensor<3x2xbf16> = #compress.file<"sub/model.safetensors", 128, 12, 18446744073709551615>
// CHECK: compress.weight private @empty : tensor<0x3xf32> = dense<>
compress.weight private @empty : tensor<0x3xf32> = dense<>
// CHECK: compress.weight private @scalar : tensor<f8E4M3FN> = dense<1.000000e+00>
compress.weight private @scalar : tensor<f8E4M3FN> = dense<1.0>
// CHECK: compress.weight private @names : tensor<2x!compress.string> = dense<["a", "b\0A"]>
compress.weight private @names : tensor<2x!compress.string> = dense<["a", "b\n"]>

// CHECK-LABEL: func.func @load
func.func @load() -> tensor<2x2xf32> {
  // Results have the names of their weights.
  // CHECK: %fc.w = compress.load @fc.w : tensor<2x2xf32>
  // CHECK: compress.load @"model/fc 1:0" : tensor<2xi4>
  // CHECK: return %fc.w
  %0 = compress.load @fc.w : tensor<2x2xf32>
  %1 = compress.load @"model/fc 1:0" : tensor<2xi4>
  return %0 : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @constant
func.func @constant() -> (tensor<2xi64>, none) {
  // CHECK: %cst = compress.constant dense<[0, -1]> : tensor<2xi64>
  // CHECK: compress.none
  %0 = compress.constant dense<[0, -1]> : tensor<2xi64>
  %1 = compress.none
  return %0, %1 : tensor<2xi64>, none
}

// CHECK-LABEL: func.func @onnx
func.func @onnx(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %relu.out = compress.onnx "Relu"(%{{.+}}) {node_name = "relu1", result_names = ["relu.out"], version = 17 : i64} : (tensor<?x8xf32>) -> !compress.onnx_value
  %0 = compress.onnx "Relu"(%x) {node_name = "relu1", result_names = ["relu.out"], version = 17 : i64} : (tensor<?x8xf32>) -> !compress.onnx_value
  // Every kind of attribute, no input, two results of which one is omitted.
  // CHECK: %{{.+}}:2 = compress.onnx "Custom"()
  // CHECK-SAME: domain = "com.acme"
  // CHECK-SAME: onnx_attributes = {f = 1.500000e+00 : f32, fs = array<f32: 1.000000e+00>, g = #compress.onnx_raw<"\08\01">, i = -2 : i64, is = array<i64: 1, 2>, s = "text", ss = ["a", ""], t = dense<1> : tensor<2xi64>}
  // CHECK-SAME: result_names = ["a", ""]
  // CHECK-SAME: : () -> (tensor<?x8xf32>, none)
  %1:2 = compress.onnx "Custom"() {
    domain = "com.acme", version = 1 : i64, overload = "o", doc_string = "why", metadata = [["key", "value"]],
    onnx_attributes = {f = 1.5 : f32, i = -2 : i64, s = "text", t = dense<1> : tensor<2xi64>,
                       fs = array<f32: 1.0>, is = array<i64: 1, 2>, ss = ["a", ""], g = #compress.onnx_raw<"\08\01">},
    result_names = ["a", ""]
  } : () -> (tensor<?x8xf32>, none)
  return %1#0 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @bodies
func.func @bodies(%c: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
  // Regions see the values around them; block arguments are the inputs of a graph.
  // CHECK: compress.onnx "If"(%{{.+}}) {{.*}} : (tensor<i1>) -> tensor<f32> {
  // CHECK-NEXT: compress.yield %{{.+}} : tensor<f32>
  // CHECK-NEXT: }, {
  // CHECK: compress.onnx "Loop"() {{.*}} : () -> tensor<f32> {
  // CHECK-NEXT: ^bb0(%{{.+}}: tensor<i64>, %[[STATE:.+]]: tensor<f32>):
  // CHECK-NEXT: compress.yield %[[STATE]], %{{.+}} : tensor<f32>, tensor<f32>
  %0 = compress.onnx "If"(%c) {version = 17 : i64, body_names = [["then_branch", "t"], ["else_branch", "e"]], result_names = ["y"]} : (tensor<i1>) -> tensor<f32> {
    compress.yield %x : tensor<f32>
  }, {
    %1 = compress.onnx "Loop"() {version = 17 : i64, body_names = [["body", "b"]], result_names = ["z"]} : () -> tensor<f32> {
    ^bb0(%i: tensor<i64>, %s: tensor<f32>):
      compress.yield %s, %x : tensor<f32>, tensor<f32>
    }
    compress.yield %1 : tensor<f32>
  }
  // CHECK: compress.onnx "Empty"() {{.*}} : () -> () {
  // CHECK-NEXT: compress.yield
  compress.onnx "Empty"() {version = 17 : i64, body_names = [["body", ""]], result_names = []} : () -> () {
    compress.yield
  }
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @plan
func.func @plan(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.plan = #compress.plan<quantize = "int4,group=32", prune = "2:4">
  // CHECK: compress.plan = #compress.plan<prune = "1:4">
  // CHECK: compress.plan = #compress.plan<>
  %w = compress.load @fc.w : tensor<2x2xf32>
  %0 = compress.linear kn %x, %w {compress.plan = #compress.plan<prune = "2:4", quantize = "int4,group=32">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = compress.linear kn %0, %w {compress.plan = #compress.plan<prune = "1:4">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %2 = compress.linear kn %1, %w {compress.plan = #compress.plan<>} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// CHECK: blob: "0x0400000001020304"
{-#
  dialect_resources: {
    builtin: {
      blob: "0x0400000001020304"
    }
  }
#-}
