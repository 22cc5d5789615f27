// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"min": [-1, 0, 0, 0], "max": [1, 0, 0, 1.55]}, "q:input": {"min": [0.5, 1], "max": [2.55, 2]}, "k:input": "q:input", "conv:input": {"min": [-127], "max": [63], "moving_range": [-6, 249]}, "zero:input": {"min": [0, 0], "max": [0, 0]}, "unseen:input": {"vectors": 0, "channels": 2}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static' | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static' --compress-quantize-activations | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-quantize='format=w8' --compress-quantize-activations=activations=static | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_symmetric=true' | FileCheck %s --check-prefix=SYM
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_bits=4;activation_range=moving_average' | FileCheck %s --check-prefix=BITS4
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_range=entropy' --remarks-filter=activations -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --split-input-file --compress-quantize='format=int8 activations=static' --remarks-filter=activations -o /dev/null 2>&1 | FileCheck %s --check-prefix=NONE

// Zero is a code: -1 is 0, 1.55 is 255 at a scale of 0.01.
compress.weight private @w : tensor<2x4xf32> = dense<1.0>
// CHECK-DAG: compress.weight private @fc.input.scale : tensor<f32> = dense<0.00999999977>
// CHECK-DAG: compress.weight private @fc.input.zero_point : tensor<ui8> = dense<100>
// SYM-DAG: compress.weight private @fc.input.scale : tensor<f32> = dense<0.0122047244>
// CHECK-LABEL: func.func @linear
// SYM-LABEL: func.func @linear
// BITS4-LABEL: func.func @linear
// REMARK: "fc": the statistics have no histogram for the range entropy: smallest and largest value are used
// REMARK: "fc": ui8 static, entropy [-1, 1.55], scale 0.01, zero point 100
// NONE: "fc": it has dynamic scales: there are no statistics
func.func @linear(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[SCALE:.+]] = compress.load @fc.input.scale
  // CHECK-DAG: %[[ZERO:.+]] = compress.load @fc.input.zero_point
  // CHECK: %[[CODES:.+]] = compress.quantize %{{.+}}, %[[SCALE]], %[[ZERO]] : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  // CHECK: %[[X:.+]] = compress.dequantize %[[CODES]], %[[SCALE]], %[[ZERO]] : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  // CHECK-NOT: compress.quantize
  // CHECK: compress.linear nk %[[X]]
  // SYM: compress.quantize %{{.+}}, %{{.+}} : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xi8>
  // The range has no moving average, so it is the whole one.
  // BITS4: compress.quantize %{{.+}}, %{{.+}}, %{{.+}} : (tensor<?x4xf32>, tensor<f32>, tensor<ui4>) -> tensor<?x4xui4>
  %w = compress.load @w : tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// One pair for both users of the value; zero is in the range though no value was below 0.5.
compress.weight private @qw : tensor<2x2xf32> = dense<1.0>
compress.weight private @kw : tensor<2x2xf32> = dense<2.0>
// CHECK-DAG: compress.weight private @q.input.scale : tensor<f32> = dense<0.00999999977>
// CHECK-DAG: compress.weight private @q.input.zero_point : tensor<ui8> = dense<0>
// CHECK-NOT: k.input
// CHECK-LABEL: func.func @one_activation
func.func @one_activation(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: %[[X:.+]] = compress.dequantize {{.*}}(tensor<?x2xui8>
  // CHECK: compress.linear nk %[[X]]
  // CHECK-NOT: compress.quantize
  // CHECK: compress.linear nk %[[X]]
  %qw = compress.load @qw : tensor<2x2xf32>
  %y = compress.linear nk %x, %qw {name = "q"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %kw = compress.load @kw : tensor<2x2xf32>
  %z = compress.linear nk %x, %kw {name = "k"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// SYM-DAG: compress.weight private @conv.input.scale : tensor<f32> = dense<1.000000e+00>
// BITS4-DAG: compress.weight private @conv.input.scale : tensor<f32> = dense<1.700000e+01>
// BITS4-DAG: compress.weight private @conv.input.zero_point : tensor<ui4> = dense<0>
compress.weight private @cw : tensor<2x1x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x1x?x4xf32>) -> tensor<?x2x?x4xf32> {
  // CHECK: compress.quantize %{{.+}} : (tensor<?x1x?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x1x?x4xui8>
  %w = compress.load @cw : tensor<2x1x1x1xf32>
  %y = compress.conv %x, %w {name = "conv", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x1x?x4xf32>, tensor<2x1x1x1xf32>) -> tensor<?x2x?x4xf32>
  return %y : tensor<?x2x?x4xf32>
}

// -----

// What calibration says nothing of is dynamic, and said so.
compress.weight private @a : tensor<2x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x2xf32> = dense<1.0>
compress.weight private @c : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_statistics
func.func @no_statistics(%x: tensor<?x2xf32>, %y: tensor<?x2xf32>, %z: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK-NOT: compress.quantize
  // CHECK-COUNT-3: compress.dynamic_quantize %{{.+}} row
  // REMARK: "missing": it has dynamic scales: the statistics have no entry for it
  // REMARK: "unseen": it has dynamic scales: it was never computed while calibrating
  // REMARK: "zero": {{.*}}it has dynamic scales: it was 0 throughout calibration
  %a = compress.load @a : tensor<2x2xf32>
  %0 = compress.linear nk %x, %a {name = "missing"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x2xf32>
  %1 = compress.linear nk %y, %b {name = "unseen"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %c = compress.load @c : tensor<2x2xf32>
  %2 = compress.linear nk %z, %c {name = "zero"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// A float weight has no integer activation.
compress.weight private @empty : tensor<0x2xf32> = dense<0.0>
// CHECK-LABEL: func.func @no_float_weight
func.func @no_float_weight(%x: tensor<?x2xf32>) -> tensor<?x0xf32> {
  // CHECK-NOT: quantize
  // CHECK: compress.linear
  %w = compress.load @empty : tensor<0x2xf32>
  %y = compress.linear nk %x, %w {name = "q"} : (tensor<?x2xf32>, tensor<0x2xf32>) -> tensor<?x0xf32>
  return %y : tensor<?x0xf32>
}
