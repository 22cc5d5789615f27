// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s
// RUN: compress-opt %s --emit-bytecode | compress-opt | FileCheck %s
// RUN: compress-opt %s --canonicalize --cse --symbol-dce | FileCheck %s

// Nothing removes, merges or moves an observer.
// CHECK-LABEL: func.func @tensors
// CHECK: compress.observe %{{.*}} {id = ["fc1:input", "fc2:input"], statistics = ["minmax", "gram"]} : tensor<?x4xf32>
// CHECK-NEXT: compress.observe %{{.*}} {id = ["a"]} : tensor<?x4xf32>
// CHECK-NEXT: compress.observe %{{.*}} {id = ["a"]} : tensor<?x4xf32>
// CHECK-NEXT: compress.observe %{{.*}} {element_type = ui8, id = ["b"], index = 3 : i64} : tensor<i8>
func.func @tensors(%x: tensor<?x4xf32>, %y: tensor<i8>) {
  compress.observe %x {id = ["fc1:input", "fc2:input"], statistics = ["minmax", "gram"]} : tensor<?x4xf32>
  compress.observe %x {id = ["a"]} : tensor<?x4xf32>
  compress.observe %x {id = ["a"]} : tensor<?x4xf32>
  compress.observe %y {id = ["b"], index = 3 : i64, element_type = ui8} : tensor<i8>
  return
}

// CHECK-LABEL: func.func @buffer
// CHECK: compress.observe %{{.*}} {id = ["a"]} : memref<4x?xf16>
func.func @buffer(%x: memref<4x?xf16>) {
  compress.observe %x {id = ["a"]} : memref<4x?xf16>
  return
}
