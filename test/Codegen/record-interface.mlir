// RUN: compress-opt %s --compress-record-interface --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-record-interface --compress-record-interface --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: module attributes {
// CHECK-SAME: compress.inputs = [{dims = ["batch", ""], name = "ids", type = tensor<?x4xui8>},
// CHECK-SAME: {dims = [], name = "input1", type = tensor<f32>}]
// CHECK-SAME: compress.outputs = [{dims = [""], name = "logits", type = tensor<?xf32>}]
func.func @names_and_dims(%x: tensor<?x4xui8> {compress.name = "ids", compress.dims = ["batch", "four"]},
                          %s: tensor<f32>, %w: tensor<3xf32> {compress.weight = @w})
    -> (tensor<?xf32> {compress.name = "logits"}) {
  %0 = tensor.cast %w : tensor<3xf32> to tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func private @not_the_model(%x: memref<4xf32>) {
  return
}

// -----

// A module that was described before stays as it is.
// CHECK: module attributes {compress.inputs = [], compress.outputs = []} {
module attributes {compress.inputs = [], compress.outputs = []} {
  func.func @described(%x: tensor<f32>) {
    return
  }
}

// -----

func.func @one() {
  return
}
// expected-error @+1 {{is a second public function; expects one, the model; the first is @one}}
func.func @invalid_two() {
  return
}

// -----

// expected-error @+1 {{has no public function, the model}}
module {
  func.func private @invalid_none()
}
