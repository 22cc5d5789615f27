// RUN: compress-opt %s --compress-attach-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors --remarks-filter=adapters --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-attach-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors --compress-merge-adapters | FileCheck %s --check-prefix=MERGED
// RUN: compress-opt %s --compress-attach-adapters='file=%S/Inputs/lora-linear/adapter_model.safetensors alpha=8' | FileCheck %s --check-prefix=ALPHA
// RUN: not compress-opt %s --compress-attach-adapters=file=%S/Inputs/lora-alone/plain.safetensors 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not compress-opt %s --compress-attach-adapters 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not compress-opt %s --compress-attach-adapters=file=%S/Inputs/absent.safetensors 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not compress-opt %s --compress-attach-adapters=file=%S/Inputs/lora-conv/adapter_model.safetensors 2>&1 | FileCheck %s --check-prefix=UNMATCHED
// RUN: compress-opt %s --compress-attach-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors --compress-attach-adapters='file=%S/Inputs/lora-linear/adapter_model.safetensors alpha=8' | FileCheck %s --check-prefix=TWICE
// UNKNOWN: plain.safetensors': lora_alpha is not known: give it as the option alpha, or in adapter_config.json beside the file
// NOFILE: compress-attach-adapters: expects the option 'file'
// ABSENT: absent.safetensors
// UNMATCHED: adapter of 'model.conv' matches no linear op or convolution; there are "/model/fc/MatMul" (weight 'onnx::MatMul_7'), "other" (weight 'onnx::MatMul_7')

// The module path is model.fc; lora_alpha is 2 and r is 1, so B is stored times 2.
// CHECK: compress.weight private @model.fc.lora_A.weight : tensor<1x3xf32> = dense<{{\[}}[1.000000e+00, 2.000000e+00, 3.000000e+00]]>
// CHECK: compress.weight private @model.fc.lora_B.weight : tensor<2x1xf32> = dense<{{\[}}[1.000000e+00], [-2.000000e+00]]>
// ALPHA: compress.weight private @model.fc.lora_B.weight : tensor<2x1xf32> = dense<{{\[}}[4.000000e+00], [-8.000000e+00]]>
// MERGED: compress.weight private @"onnx::MatMul_7.dense" : tensor<3x2xf32> = dense<{{\[}}[2.000000e+00, -1.000000e+00], [3.000000e+00, -3.000000e+00], [4.000000e+00, -5.000000e+00]]>
// MERGED: compress.weight private @"onnx::MatMul_7" : tensor<3x2xf32> = dense<1.000000e+00>
compress.weight private @"onnx::MatMul_7" : tensor<3x2xf32> = dense<1.0>
// TWICE: {name = "/model/fc/MatMul"}
// TWICE-DAG: {name = "/model/fc/MatMul/lora_A"}
// TWICE-DAG: {name = "/model/fc/MatMul/lora_B"}
// TWICE-DAG: {name = "/model/fc/MatMul/lora_A_1"}
// TWICE-DAG: {name = "/model/fc/MatMul/lora_B_1"}
// CHECK-LABEL: func.func @attaches
// CHECK-SAME: %[[X:.+]]: tensor<?x?x3xf32>
// CHECK: %[[Y:.+]] = compress.linear kn %[[X]], %{{.+}} {name = "/model/fc/MatMul"}
// CHECK-NEXT: %[[A:.+]] = compress.load @model.fc.lora_A.weight
// CHECK-NEXT: %[[B:.+]] = compress.load @model.fc.lora_B.weight
// CHECK-NEXT: %[[H:.+]] = compress.linear nk %[[X]], %[[A]] {name = "/model/fc/MatMul/lora_A"} : (tensor<?x?x3xf32>, tensor<1x3xf32>) -> tensor<?x?x1xf32>
// CHECK-NEXT: %[[D:.+]] = compress.linear nk %[[H]], %[[B]] {name = "/model/fc/MatMul/lora_B"} : (tensor<?x?x1xf32>, tensor<2x1xf32>) -> tensor<?x?x2xf32>
// CHECK-NEXT: %[[Z:.+]] = compress.add %[[Y]], %[[D]] : (tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
// CHECK-NEXT: %[[O:.+]] = compress.linear kn %[[X]], %{{.+}} {name = "other"}
// CHECK-NEXT: return %[[Z]], %[[O]]
func.func @attaches(%x: tensor<?x?x3xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
  %w = compress.load @"onnx::MatMul_7" : tensor<3x2xf32>
  // expected-remark@below {{adapter of 'model.fc' is added to "/model/fc/MatMul"}}
  %y = compress.linear kn %x, %w {name = "/model/fc/MatMul"} : (tensor<?x?x3xf32>, tensor<3x2xf32>) -> tensor<?x?x2xf32>
  %o = compress.linear kn %x, %w {name = "other"} : (tensor<?x?x3xf32>, tensor<3x2xf32>) -> tensor<?x?x2xf32>
  return %y, %o : tensor<?x?x2xf32>, tensor<?x?x2xf32>
}
