// RUN: %python %S/Inputs/make-statistics.py %t.st '{"q:input": {"min": [-16, -1], "max": [4, 1], "sum": [4, 2], "moving_range": [-16, 4]}, "k:input": "q:input", "fc2:input": {"min": [0, 0], "max": [0, 4]}, "c2:input": {"min": [-1, -4], "max": [4, 2]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-smooth | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-smooth --compress-smooth | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-smooth=alpha=1.0 | FileCheck %s --check-prefix=ALL
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-smooth='alpha=0.75 powers-of-two=true' | FileCheck %s --check-prefix=POWER

// The largest activations are 16 and 1, the largest weights 4 and 1: s = sqrt(16) / sqrt(4) = 2, and 1.
// With alpha = 1, s = 16 and 1; with alpha = 0.75, 8 / 4^0.25 = 5.66, rounded to 4 in the exponent (8 is
// farther away), and 1.
// CHECK-DAG: compress.weight private @g.scaled : tensor<2xf32> = dense<[5.000000e-01, 3.000000e+00]>
// CHECK-DAG: compress.weight private @q.scaled : tensor<1x2xf32> = dense<{{\[\[}}8.000000e+00, 1.000000e+00]]>
// CHECK-DAG: compress.weight private @k.scaled : tensor<2x1xf32> = dense<{{\[\[}}-4.000000e+00], [5.000000e-01]]>
// CHECK-NOT: compress.weight
// ALL-DAG: compress.weight private @g.scaled : tensor<2xf32> = dense<[6.250000e-02, 3.000000e+00]>
// ALL-DAG: compress.weight private @q.scaled : tensor<1x2xf32> = dense<{{\[\[}}6.400000e+01, 1.000000e+00]]>
// POWER-DAG: compress.weight private @q.scaled : tensor<1x2xf32> = dense<{{\[\[}}{{.+}}, 1.000000e+00]]>
compress.weight private @g : tensor<2xf32> = dense<[1.0, 3.0]>
compress.weight private @q : tensor<1x2xf32> = dense<[[4.0, 1.0]]>
compress.weight private @k : tensor<2x1xf32> = dense<[[-2.0], [0.5]]>
// CHECK-LABEL: func.func @rms_norm
func.func @rms_norm(%x: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  // CHECK: %[[N:.+]] = compress.rms_norm %{{.+}}, %g.scaled
  // CHECK: compress.linear nk %[[N]], %q.scaled
  // CHECK: compress.linear kn %[[N]], %k.scaled
  %g = compress.load @g : tensor<2xf32>
  %q = compress.load @q : tensor<1x2xf32>
  %k = compress.load @k : tensor<2x1xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %0 = compress.linear nk %n, %q {name = "q"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %1 = compress.linear kn %n, %k {name = "k"} : (tensor<?x2xf32>, tensor<2x1xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Nothing was seen of channel 0, which keeps its scale; s = sqrt(4) / sqrt(1) = 2 for channel 1. The bias is
// divided with the rows, before relu.
// CHECK-DAG: compress.weight private @w1.scaled : tensor<2x1xf32> = dense<{{\[\[}}3.000000e+00], [2.000000e+00]]>
// CHECK-DAG: compress.weight private @b1.scaled : tensor<2xf32> = dense<[1.000000e+00, -5.000000e-01]>
// CHECK-DAG: compress.weight private @w2.scaled : tensor<1x2xf32> = dense<{{\[\[}}1.000000e+00, -2.000000e+00]]>
compress.weight private @w1 : tensor<2x1xf32> = dense<[[3.0], [4.0]]>
compress.weight private @b1 : tensor<2xf32> = dense<[1.0, -1.0]>
compress.weight private @w2 : tensor<1x2xf32> = dense<[[1.0, -1.0]]>
// CHECK-LABEL: func.func @linear_and_relu
func.func @linear_and_relu(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.linear nk %{{.+}}, %w1.scaled bias %b1.scaled {name = "fc1"}
  %w1 = compress.load @w1 : tensor<2x1xf32>
  %b1 = compress.load @b1 : tensor<2xf32>
  %w2 = compress.load @w2 : tensor<1x2xf32>
  %h = compress.linear nk %x, %w1 bias %b1 {name = "fc1"} : (tensor<?x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %r = compress.relu %h : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = compress.linear nk %r, %w2 {name = "fc2"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Only ops whose plan has the transform are looked at, with the plan's alpha of 1: s = 4. The batch
// normalization is on constant weights that another one uses, too, which keeps its own.
// CHECK-DAG: compress.weight private @one : tensor<2xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @one.scaled : tensor<2xf32> = dense<2.500000e-01>
// CHECK-DAG: compress.weight private @two.scaled : tensor<2xf32> = dense<5.000000e-01>
// CHECK-DAG: compress.weight private @w.scaled : tensor<1x2x1xf32> = dense<4.000000e+00>
compress.weight private @one : tensor<2xf32> = dense<1.0>
compress.weight private @two : tensor<2xf32> = dense<2.0>
compress.weight private @w : tensor<1x2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @planned_conv
func.func @planned_conv(%x: tensor<1x2x?xf32>) -> tensor<1x1x?xf32> {
  // CHECK: %[[N:.+]] = compress.batch_norm %{{.+}}, %one{{.*}}, %two{{.*}}, %one{{.*}}, %one
  // CHECK: compress.batch_norm %[[N]], %one.scaled, %two.scaled, %one{{.*}}, %one
  %one = compress.load @one : tensor<2xf32>
  %two = compress.load @two : tensor<2xf32>
  %w = compress.load @w : tensor<1x2x1xf32>
  %m = compress.batch_norm %x, %one, %two, %one, %one : (tensor<1x2x?xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x?xf32>
  %n = compress.batch_norm %m, %one, %two, %one, %one : (tensor<1x2x?xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x?xf32>
  %y = compress.conv %n, %w {name = "c2", compress.plan = #compress.plan<quantize = "int8,transform=smoothquant,alpha=1">, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>}
     : (tensor<1x2x?xf32>, tensor<1x2x1xf32>) -> tensor<1x1x?xf32>
  return %y : tensor<1x1x?xf32>
}
