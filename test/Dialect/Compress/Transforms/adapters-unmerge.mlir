// RUN: compress-opt %s --split-input-file --compress-unmerge-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors --remarks-filter=adapters --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-unmerge-adapters='file=%S/Inputs/lora-linear/adapter_model.safetensors attach=false' | FileCheck %s --check-prefix=ALONE
// RUN: compress-opt %s --split-input-file --compress-unmerge-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors --compress-merge-adapters | FileCheck %s --check-prefix=AGAIN
// RUN: not compress-opt %s --split-input-file --compress-unmerge-adapters 2>&1 | FileCheck %s --check-prefix=NOFILE
// NOFILE: compress-unmerge-adapters: expects the option 'file'

// W - 2 B A, and the branch.
// CHECK-DAG: @model.fc.weight : tensor<3x2xf32> = dense<1.000000e+00>
// CHECK-DAG: @model.fc.lora_A.weight : tensor<1x3xf32> = dense<{{\[}}[1.000000e+00, 2.000000e+00, 3.000000e+00]]>
// CHECK-DAG: @model.fc.lora_B.weight : tensor<2x1xf32> = dense<{{\[}}[1.000000e+00], [-2.000000e+00]]>
// ALONE: @model.fc.weight : tensor<3x2xf32> = dense<1.000000e+00>
// ALONE-NOT: compress.weight
// AGAIN: @model.fc.weight : tensor<3x2xf32> = dense<{{\[}}[2.000000e+00, -1.000000e+00], [3.000000e+00, -3.000000e+00], [4.000000e+00, -5.000000e+00]]>
compress.weight private @model.fc.weight : tensor<3x2xf32> = dense<[[2.0, -1.0], [3.0, -3.0], [4.0, -5.0]]>
// CHECK-LABEL: func.func @unmerges
// CHECK: compress.linear kn %{{.+}}, %{{.+}} {name = "fc"}
// CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "fc/lora_A"}
// CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "fc/lora_B"}
// CHECK: compress.add
// ALONE-LABEL: func.func @unmerges
// ALONE-COUNT-1: compress.linear
// ALONE-NOT: compress.add
// ALONE: func.func @unmerges_int8
// AGAIN-LABEL: func.func @unmerges
// AGAIN-COUNT-1: compress.linear
// AGAIN-NOT: compress.linear
// AGAIN: func.func @unmerges_int8
func.func @unmerges(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %w = compress.load @model.fc.weight : tensor<3x2xf32>
  // expected-remark@below {{weight 'model.fc.weight' of "fc": adapter of rank 1 is taken out and added as a branch}}
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Codes are quantized again; a palette stays, and gets no branch.
// CHECK: compress.weight private @q : tensor<2x3xi8> = dense<{{\[}}[127, 85, 42], [-127, -64, 0]]>
compress.weight private @q : tensor<2x3xi8> = dense<[[127, 127, 127], [-127, -127, -127]]>
compress.weight private @s : tensor<2x1xf32> = dense<[[0.03149606299], [0.04724409449]]>
// CHECK-LABEL: func.func @unmerges_int8
func.func @unmerges_int8(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %q = compress.load @q : tensor<2x3xi8>
  %s = compress.load @s : tensor<2x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<2x3xi8>, tensor<2x1xf32>) -> tensor<2x3xf32>
  // expected-remark@below {{adapter of rank 1 is taken out and added as a branch, quantized again with the relative error}}
  %y = compress.linear nk %x, %w {name = "/model/fc/Gemm"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @q : tensor<2x3xui2> = dense<1>
compress.weight private @t : tensor<4xf32> = dense<[-1.0, 0.0, 1.0, 5.0]>
// CHECK-LABEL: func.func @no_palette
// CHECK-COUNT-1: compress.linear
// CHECK-NOT: compress.linear
func.func @no_palette(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %q = compress.load @q : tensor<2x3xui2>
  %t = compress.load @t : tensor<4xf32>
  %w = compress.lookup %q, %t : (tensor<2x3xui2>, tensor<4xf32>) -> tensor<2x3xf32>
  // expected-remark@below {{weight 'q' of "model.fc": the adapter is not taken out: its table was made for it}}
  %y = compress.linear nk %x, %w {name = "model.fc"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
