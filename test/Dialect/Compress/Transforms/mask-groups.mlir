// RUN: compress-opt %s --compress-mask-groups=prune=neuron:0.5,method=l1 --split-input-file --verify-diagnostics --remarks-filter=prune | FileCheck %s
// Running it again changes nothing.
// RUN: compress-opt %s --compress-mask-groups=prune=neuron:0.5,method=l1 --split-input-file > %t.once
// RUN: compress-opt %t.once --compress-mask-groups --split-input-file | diff %t.once -

// Rows of "up" and columns of "down": 2 + 2, 0.5 + 1, 3 + 2, 2 + 2. Of the two equal ones the later
// one goes. The mask is on the weight whose output channels the neurons are.
// CHECK: compress.weight private @up.w.mask : tensor<4x1xi1> = dense<{{\[}}[true], [false], [true], [false]]>
compress.weight private @up.w : tensor<4x2xf32> = dense<[[1.0, 1.0], [0.5, 0.0], [3.0, 0.0], [0.0, 2.0]]>
compress.weight private @up.b : tensor<4xf32> = dense<[0.0, 1.0, 2.0, 3.0]>
compress.weight private @down.w : tensor<2x4xf32> = dense<[[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]>
// CHECK-LABEL: func.func @mlp
func.func @mlp(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.+]] = compress.load @up.w : tensor<4x2xf32>
  // CHECK: %[[M:.+]] = compress.load @up.w.mask : tensor<4x1xi1>
  // CHECK: %[[P:.+]] = compress.mask %[[W]], %[[M]] : tensor<4x2xf32>, tensor<4x1xi1>
  // CHECK: %[[D:.+]] = compress.load @down.w
  // CHECK: compress.linear nk %arg0, %[[P]]
  // CHECK: compress.linear nk %{{.+}}, %[[D]]
  %w0 = compress.load @up.w : tensor<4x2xf32>
  %b0 = compress.load @up.b : tensor<4xf32>
  %w1 = compress.load @down.w : tensor<2x4xf32>
  // expected-remark@+2 {{100.0% of the parameters are in prunable groups; 2 of 4 selected units are removed (50.0%); parameters 20 -> 10 (-50.0%); multiply-accumulates 16 -> 8 (-50.0%) with unknown dims counted as 1}}
  // expected-remark@+1 {{removes 2 of 4 neurons of "up" (scores 1.5 to 5)}}
  %0 = compress.linear nk %x, %w0 bias %b0 {name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %w1 {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// Weights stored as [K, N], in f16, and behind a transpose: the mask goes below the transpose.
// CHECK: compress.weight private @a.mask : tensor<1x3xi1> = dense<{{\[}}[false, false, true]]>
compress.weight private @a : tensor<2x3xf16> = dense<[[1.0, 0.0, 1.0], [1.0, 0.5, 2.0]]>
compress.weight private @b : tensor<2x3xf16> = dense<[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]>
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<?x2xf16>) -> tensor<?x2xf16> {
  // CHECK: %[[P:.+]] = compress.mask {{.+}} : tensor<2x3xf16>, tensor<1x3xi1>
  // CHECK: compress.matmul %arg0, %[[P]]
  %a = compress.load @a : tensor<2x3xf16>
  %b = compress.load @b : tensor<2x3xf16>
  %bt = compress.transpose %b {perm = array<i64: 1, 0>} : (tensor<2x3xf16>) -> tensor<3x2xf16>
  // expected-remark@+2 {{2 of 3 selected units}}
  // expected-remark@+1 {{removes 2 of 3 neurons of "first" (scores 2.5 to 5)}}
  %0 = compress.matmul %x, %a {name = "first"} : (tensor<?x2xf16>, tensor<2x3xf16>) -> tensor<?x3xf16>
  %1 = compress.relu %0 : (tensor<?x3xf16>) -> tensor<?x3xf16>
  %2 = compress.matmul %1, %bt {name = "second"} : (tensor<?x3xf16>, tensor<3x2xf16>) -> tensor<?x2xf16>
  return %2 : tensor<?x2xf16>
}
