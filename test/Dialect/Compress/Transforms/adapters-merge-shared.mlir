// RUN: compress-opt %s --split-input-file --compress-merge-adapters --remarks-filter=adapters --verify-diagnostics | FileCheck %s

// A module that runs twice, with its adapter: one weight.
// CHECK: compress.weight private @w : tensor<2x2xf32> = dense<2.000000e+00>
// CHECK-NOT: compress.weight
compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @one_weight
// CHECK: %[[W1:.+]] = compress.load @w
// CHECK: compress.linear nk %{{.+}}, %[[W1]]
// CHECK: %[[W2:.+]] = compress.load @w
// CHECK: compress.linear nk %{{.+}}, %[[W2]]
// CHECK-NOT: compress.linear
func.func @one_weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  // expected-remark@below {{weight 'w' of "fc1": adapter of rank 1 is merged}}
  %y = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %y2 = compress.linear nk %r, %w {name = "fc2"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h2 = compress.linear nk %r, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d2 = compress.linear nk %h2, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r2 = compress.add %y2, %d2 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r2 : tensor<?x2xf32>
}

// -----

// The head has an adapter, the table that it is tied to has none.
// CHECK: compress.weight private @w.dense : tensor<2x2xf32> = dense<2.000000e+00>
// CHECK: compress.weight private @w : tensor<2x2xf32> = dense<1.000000e+00>
// CHECK-NOT: compress.weight
compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @own_copy
// CHECK: %[[T:.+]] = compress.load @w :
// CHECK: compress.embedding %[[T]]
// CHECK: %[[W:.+]] = compress.load @w.dense :
// CHECK: compress.linear nk %{{.+}}, %[[W]]
func.func @own_copy(%ids: tensor<?xi64>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %x = compress.embedding %w, %ids {name = "embed"} : (tensor<2x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
  // expected-remark@below {{weight 'w' of "head": adapter of rank 1 is merged, in a copy of the weight, which other ops use as it was}}
  %y = compress.linear nk %x, %w {name = "head"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
