// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"channels": 2, "sum": [20, 8]}, "fc:output": {"channels": 2, "sum": [3, 6]}, "mm:input": "fc:input", "mm:output": "fc:output", "c:input": "fc:input", "c:output": "fc:output", "dense:input": "fc:input"}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-correct-bias --remarks-filter=quantize --verify-diagnostics | FileCheck %s

// Means are 10 and 4 in, 1.5 and 3 out. Without a bias the rows (1, 0) and (0, 1) give 10 and 4.
// CHECK-DAG: compress.weight private @fc.bias.corrected : tensor<2xf32> = dense<[-8.500000e+00, -1.000000e+00]>
compress.weight private @q : tensor<2x2xi8> = dense<[[1, 0], [0, 1]]>
compress.weight private @s : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.linear nk %{{.+}}, %{{.+}} bias %fc.bias.corrected {name = "fc"}
  %q = compress.load @q : tensor<2x2xi8>
  %s = compress.load @s : tensor<2x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<2x2xi8>, tensor<2x1xf32>) -> tensor<2x2xf32>
  // expected-remark@+1 {{the bias of "fc" is corrected}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A matmul has no bias: an addition follows it.
// CHECK-DAG: compress.weight private @mm.bias.corrected : tensor<2xf32> = dense<[-8.500000e+00, -1.000000e+00]>
compress.weight private @q : tensor<2x2xi8> = dense<[[1, 0], [0, 1]]>
compress.weight private @s : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[M:.+]] = compress.matmul
  // CHECK: %[[Y:.+]] = compress.add %[[M]], %mm.bias.corrected
  // CHECK: return %[[Y]]
  %q = compress.load @q : tensor<2x2xi8>
  %s = compress.load @s : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  // expected-remark@+1 {{the bias of "mm" is corrected}}
  %y = compress.matmul %x, %w {name = "mm"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The old bias stays for its other user. A kernel of size 1 sees every pixel once.
// CHECK-DAG: compress.weight private @b : tensor<2xf32> = dense<[1.000000e+00, 2.000000e+00]>
// CHECK-DAG: compress.weight private @b.corrected : tensor<2xf32> = dense<[-8.500000e+00, -1.000000e+00]>
compress.weight private @q : tensor<2x2x1xi8> = dense<[[[1], [0]], [[0], [1]]]>
compress.weight private @s : tensor<2x1x1xf32> = dense<1.0>
compress.weight private @b : tensor<2xf32> = dense<[1.0, 2.0]>
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x2x?xf32>) -> (tensor<?x2x?xf32>, tensor<2xf32>) {
  // CHECK: compress.conv %{{.+}}, %{{.+}} bias %b.corrected
  %q = compress.load @q : tensor<2x2x1xi8>
  %s = compress.load @s : tensor<2x1x1xf32>
  %b = compress.load @b : tensor<2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1>} : (tensor<2x2x1xi8>, tensor<2x1x1xf32>) -> tensor<2x2x1xf32>
  // expected-remark@+1 {{the bias of "c" is corrected}}
  %y = compress.conv %x, %w bias %b {name = "c", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<?x2x?xf32>, tensor<2x2x1xf32>, tensor<2xf32>) -> tensor<?x2x?xf32>
  return %y, %b : tensor<?x2x?xf32>, tensor<2xf32>
}

// -----

// Skipped: a kernel that also sees the border, and a layer of which nothing is known. Dense weights have no
// error.
compress.weight private @q : tensor<2x2x3xi8> = dense<1>
compress.weight private @q2 : tensor<2x2xi8> = dense<1>
compress.weight private @s : tensor<2x1x1xf32> = dense<1.0>
compress.weight private @s2 : tensor<2x1xf32> = dense<1.0>
compress.weight private @d : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @skipped
func.func @skipped(%x: tensor<?x2x?xf32>, %v: tensor<?x2xf32>) -> (tensor<?x2x?xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK-NOT: bias
  %q = compress.load @q : tensor<2x2x3xi8>
  %s = compress.load @s : tensor<2x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1>} : (tensor<2x2x3xi8>, tensor<2x1x1xf32>) -> tensor<2x2x3xf32>
  // expected-remark@+1 {{the bias of "c" is left alone: the mean of what its kernel sees is not in the statistics}}
  %0 = compress.conv %x, %w {name = "c", strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>} : (tensor<?x2x?xf32>, tensor<2x2x3xf32>) -> tensor<?x2x?xf32>
  %q2 = compress.load @q2 : tensor<2x2xi8>
  %s2 = compress.load @s2 : tensor<2x1xf32>
  %w2 = compress.dequantize %q2, %s2 {block = array<i64: 1, -1>} : (tensor<2x2xi8>, tensor<2x1xf32>) -> tensor<2x2xf32>
  // expected-remark@+1 {{the bias of "unseen" is left alone: there are no sums of its activation in the statistics}}
  %1 = compress.linear nk %v, %w2 {name = "unseen"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %d = compress.load @d : tensor<2x2xf32>
  %2 = compress.linear nk %v, %d {name = "dense"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2x?xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
