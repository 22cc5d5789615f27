// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"min": [-1], "max": [1.55]}, "then:input": {"min": [0], "max": [2.55]}, "else:input": "then:input"}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-insert-fake-quant='format=int8 activations=static' --remarks-filter=fake-quant 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-insert-fake-quant='format=int8 activations=static' --compress-insert-fake-quant='format=int8 activations=static' | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-insert-fake-quant='format=int8 activations=dynamic' | FileCheck %s --check-prefix=DYNAMIC
// RUN: not compress-opt %s --split-input-file --compress-load-statistics=file=%t.missing --compress-insert-fake-quant='format=int8 activations=static' 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: {{.*}}missing

// The range is that of compress-quantize-activations, in float to float form.
compress.weight private @w : tensor<2x1xf32> = dense<1.0>
// CHECK-DAG: compress.weight private @fc.input.scale : tensor<f32> = dense<0.00999999977>
// CHECK-DAG: compress.weight private @fc.input.zero_point : tensor<ui8> = dense<100>
// CHECK-LABEL: func.func @linear
// DYNAMIC-LABEL: func.func @linear
// REMARK: activation of "fc": ui8 static, minmax [-1, 1.55], scale 0.01, zero point 100
func.func @linear(%x: tensor<?x1xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[W:.+]] = compress.fake_quantize %{{.+}}, %{{.+}} as i8 {block = array<i64: 1, -1>}
  // CHECK-DAG: %[[S:.+]] = compress.load @fc.input.scale
  // CHECK-DAG: %[[Z:.+]] = compress.load @fc.input.zero_point
  // CHECK: %[[X:.+]] = compress.fake_quantize %{{.+}}, %[[S]], %[[Z]] as ui8 : (tensor<?x1xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x1xf32>
  // CHECK-NOT: fake_quantize
  // CHECK: compress.linear nk %[[X]], %[[W]]
  // DYNAMIC: compress.dynamic_quantize %{{.+}} row
  // DYNAMIC: %[[X:.+]] = compress.dequantize
  // DYNAMIC: compress.linear nk %[[X]]
  %w = compress.load @w : tensor<2x1xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Both branches of an If, where the activation comes from outside.
compress.weight private @t : tensor<2x1xf32> = dense<1.0>
compress.weight private @e : tensor<2x1xf32> = dense<2.0>
// CHECK-LABEL: func.func @branches
func.func @branches(%c: tensor<i1>, %x: tensor<3x1xf32>) -> tensor<3x2xf32> {
  // CHECK: compress.onnx "If"
  // CHECK: %[[X:.+]] = compress.fake_quantize {{.*}} as ui8
  // CHECK: compress.linear nk %[[X]]
  // CHECK: %[[E:.+]] = compress.fake_quantize {{.*}} as ui8
  // CHECK: compress.linear nk %[[E]]
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<3x2xf32> {
    %w = compress.load @t : tensor<2x1xf32>
    %0 = compress.linear nk %x, %w {name = "then"} : (tensor<3x1xf32>, tensor<2x1xf32>) -> tensor<3x2xf32>
    compress.yield %0 : tensor<3x2xf32>
  }, {
    %w = compress.load @e : tensor<2x1xf32>
    %0 = compress.linear nk %x, %w {name = "else"} : (tensor<3x1xf32>, tensor<2x1xf32>) -> tensor<3x2xf32>
    compress.yield %0 : tensor<3x2xf32>
  }
  return %y : tensor<3x2xf32>
}
