// RUN: not compress-translate --export-onnx %s -o %t.onnx 2>&1 | FileCheck %s
// RUN: not ls %t.onnx

// CHECK: error: 'compress.lookup_vectors' op cannot be written: its shapes are empty or not known
func.func @main(%c: tensor<?x2x1xui8> {compress.name = "c"}, %t: tensor<1x1x256x2xf32> {compress.name = "t"}) -> tensor<?x4xf32> {
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<?x2x1xui8>, tensor<1x1x256x2xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
