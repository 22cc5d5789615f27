// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// An embedding and a head that share their table lose the same columns of it, once.
compress.weight private @table : tensor<7x4xf32> = dense<1.0>
compress.weight private @n : tensor<4xf32> = dense<1.0>
func.func @tied(%ids: tensor<?x?xi64>) -> tensor<?x?x7xf32> {
  %table = compress.load @table : tensor<7x4xf32>
  %head = compress.load @table : tensor<7x4xf32>
  %n = compress.load @n : tensor<4xf32>
  %head.m = compress.constant dense<[[true, true, false, true]]> : tensor<1x4xi1>
  %head.masked = compress.mask %head, %head.m : tensor<7x4xf32>, tensor<1x4xi1>
  %0 = compress.embedding %table, %ids {name = "embedding"} : (tensor<7x4xf32>, tensor<?x?xi64>) -> tensor<?x?x4xf32>
  %1 = compress.rms_norm %0, %n {axis = 2 : i64} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %2 = compress.linear nk %1, %head.masked {name = "head"} : (tensor<?x?x4xf32>, tensor<7x4xf32>) -> tensor<?x?x7xf32>
  return %2 : tensor<?x?x7xf32>
}

// MASKED-DAG: compress.weight private @table.mask : tensor<1x4xi1> = dense<{{\[\[}}true, true, false, true]]>
// MASKED-DAG: compress.weight private @n.mask : tensor<4xi1> = dense<[true, true, false, true]>
// MASKED-LABEL: func.func @tied(
// MASKED: compress.mask %table_0, %{{.+}} : tensor<7x4xf32>, tensor<1x4xi1>
// MASKED: compress.mask %table, %table.mask : tensor<7x4xf32>, tensor<1x4xi1>
// MASKED: compress.mask %n, %n.mask : tensor<4xf32>, tensor<4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @n.scaled : tensor<3xf32> = dense<1.15470052>
// SLICED-DAG: compress.weight private @table : tensor<7x3xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @tied
// SLICED-SAME: (%{{.+}}: tensor<?x?xi64>) -> tensor<?x?x7xf32>
// SLICED: compress.embedding %table, %{{.+}} {name = "embedding"} : (tensor<7x3xf32>, tensor<?x?xi64>) -> tensor<?x?x3xf32>
// SLICED: compress.rms_norm %{{.+}}, %n.scaled {axis = 2 : i64, epsilon = 1.33333333E-5 : f32} : (tensor<?x?x3xf32>, tensor<3xf32>) -> tensor<?x?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %table_0 {name = "head"} : (tensor<?x?x3xf32>, tensor<7x3xf32>) -> tensor<?x?x7xf32>
