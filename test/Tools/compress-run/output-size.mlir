// What is written straight into an output is checked before it is written.

// RUN: compress-run %s --random-inputs=n=65 | FileCheck %s
// CHECK: f32[65,48]
// RUN: not compress-run %s --random-inputs=n=9 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: not compress-run %s --random-inputs=n=9 --kernels=false 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: compress-run: {{.*}} changes the number of elements

compress.weight private @shape : tensor<2xi64> = dense<[65, -1]>

func.func @main(%x: tensor<?x3x16xf32> {compress.name = "x", compress.dims = ["n", "", ""]})
    -> tensor<65x?xf32> {
  %s = compress.load @shape : tensor<2xi64>
  %r = compress.relu %x : (tensor<?x3x16xf32>) -> tensor<?x3x16xf32>
  %y = compress.reshape %r, %s : (tensor<?x3x16xf32>, tensor<2xi64>) -> tensor<65x?xf32>
  return %y : tensor<65x?xf32>
}
