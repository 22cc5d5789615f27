// RUN: compress-opt %s --compress-apply-slices --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-apply-slices --split-input-file --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Only one of the two weights is masked: it stays, and computes what it did.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
// REMARK: [Missed] compress-apply-slices {{.*}}1 neuron of the group of "a" stays: only some of the weights and parameters are masked
func.func @alone(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %m = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %am = compress.mask %a, %m : tensor<4x3xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %am {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %b {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-DAG: compress.weight private @a : tensor<4x3xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @b : tensor<2x4xf32> = dense<1.000000e+00>
// CHECK-LABEL: func.func @alone
// CHECK-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// CHECK: compress.constant dense<{{\[\[}}true], [false], [true], [true]]> : tensor<4x1xi1>
// CHECK: compress.mask %a, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
// CHECK: compress.linear nk %{{.+}}, %b {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>

// -----

// The mean counts sigmoid(0) = 0.5 of each masked channel.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
// REMARK: [Missed] compress-apply-slices {{.*}}1 neuron of the group of "a" stays: its masked values are not zero where they are summed up
func.func @not_zero(%x: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %rows = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %columns = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %am = compress.mask %a, %rows : tensor<4x3xf32>, tensor<4x1xi1>
  %bm = compress.mask %b, %columns : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %am {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.sigmoid %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.reduce mean %1 {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %3 = compress.linear nk %1, %bm {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %3, %2 : tensor<?x2xf32>, tensor<?x1xf32>
}

// CHECK-DAG: compress.weight private @a : tensor<4x3xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @b : tensor<2x4xf32> = dense<1.000000e+00>
// CHECK-LABEL: func.func @not_zero
// CHECK-SAME: (%{{.+}}: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>)
// CHECK: compress.constant dense<{{\[\[}}true], [false], [true], [true]]> : tensor<4x1xi1>
// CHECK: compress.constant dense<{{\[\[}}true, false, true, true]]> : tensor<1x4xi1>
// CHECK: compress.mask %a, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// CHECK: compress.mask %b, %{{.+}} : tensor<2x4xf32>, tensor<1x4xi1>
// CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
// CHECK: compress.sigmoid %{{.+}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK: compress.reduce mean %{{.+}} {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
// CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
