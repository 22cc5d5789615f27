// RUN: compress-opt %s --compress-remove-dead-weights | FileCheck %s
// RUN: compress-opt %s --compress-remove-dead-weights --compress-remove-dead-weights | FileCheck %s

// CHECK-DAG: compress.weight private @used
// CHECK-DAG: compress.weight @public
// CHECK-DAG: compress.weight private @referred
// CHECK-NOT: @unused
// CHECK-NOT: @of_a_dead_chain
compress.weight private @used : tensor<2xf32> = dense<1.0>
compress.weight private @unused : tensor<2xf32> = dense<1.0>
compress.weight private @of_a_dead_chain : tensor<2xi8> = dense<1>
compress.weight private @of_a_dead_chain_scale : tensor<f32> = dense<1.0>
compress.weight private @referred : tensor<2xf32> = dense<1.0>
compress.weight @public : tensor<2xf32> = dense<1.0>
// CHECK-LABEL: func.func @main
func.func @main() -> tensor<2xf32> attributes {test.weight = @referred} {
  // CHECK-NEXT: %[[W:.+]] = compress.load @used
  // What is not pure stays: nobody knows what an opaque node does.
  // CHECK-NEXT: compress.onnx "Print"(%[[W]])
  // CHECK-NEXT: return %[[W]]
  %w = compress.load @used : tensor<2xf32>
  %q = compress.load @of_a_dead_chain : tensor<2xi8>
  %s = compress.load @of_a_dead_chain_scale : tensor<f32>
  %d = compress.dequantize %q, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %r = compress.relu %d : (tensor<2xf32>) -> tensor<2xf32>
  compress.onnx "Print"(%w) {version = 17 : i64, result_names = []} : (tensor<2xf32>) -> ()
  return %w : tensor<2xf32>
}

// Other symbols stay.
// CHECK: func.func private @helper
func.func private @helper()
