// RUN: compress-opt %s --compress-load-statistics=file=%S/Inputs/fc1-statistics.safetensors | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%S/Inputs/fc1-statistics.safetensors --compress-load-statistics=file=%S/Inputs/fc1-statistics.safetensors | FileCheck %s
// RUN: not compress-opt %s --compress-load-statistics=file=%S/Inputs/absent.safetensors 2>&1 | FileCheck %s --check-prefix=ABSENT
// ABSENT: absent.safetensors

// The statistics of the dialect change, the module does not. This file has no fingerprint.
compress.weight private @w : tensor<2x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[W:.+]] = compress.load @w
// CHECK-NEXT: %[[Y:.+]] = compress.linear nk %{{.+}}, %[[W]] {name = "fc1"}
// CHECK-NEXT: return %[[Y]]
func.func @main(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x3xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
