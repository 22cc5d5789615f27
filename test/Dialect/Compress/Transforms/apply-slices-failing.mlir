// RUN: compress-opt %s --compress-apply-slices --verify-diagnostics
// RUN: not compress-opt %s --compress-apply-slices --mlir-print-ir-after-failure 2>&1 | FileCheck %s

// Bytes that are not there are an error, and the module is as it was before.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = #compress.file<"absent.bin", 0, 32, 0>
// CHECK: IR Dump After {{.*}}Failed
// CHECK: compress.weight private @a : tensor<4x3xf32>
// CHECK: compress.weight private @b : tensor<2x4xf32>
// CHECK: compress.mask
// CHECK: compress.mask
// CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
func.func @main(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  // expected-error @+1 {{absent.bin}}
  %b = compress.load @b : tensor<2x4xf32>
  %rows = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %columns = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %a.m = compress.mask %a, %rows : tensor<4x3xf32>, tensor<4x1xi1>
  %b.m = compress.mask %b, %columns : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %a.m {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %0, %b.m {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}
