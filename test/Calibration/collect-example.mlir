// RUN: compress-opt %s --compress-collect-statistics='data=%S/Inputs/samples.npz collect=moments' | FileCheck %s
// RUN: compress-opt %s --compress-collect-statistics='data=%S/Inputs/samples.npz collect=moments' --compress-collect-statistics='data=%S/Inputs/samples.npz collect=moments samples=1' | FileCheck %s

// The statistics of the dialect change, the module does not.
compress.weight private @w : tensor<2x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[W:.+]] = compress.load @w
// CHECK-NEXT: %[[Y:.+]] = compress.linear nk %{{.+}}, %[[W]] {name = "fc1"}
// CHECK-NEXT: return %[[Y]]
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
