// RUN: split-file %s %t
// RUN: compress-opt %t/embedding.mlir --compress-attach-adapters=file=%S/Inputs/lora-embedding/adapter_model.safetensors | FileCheck %t/embedding.mlir
// RUN: compress-opt %t/conv.mlir --compress-attach-adapters=file=%S/Inputs/lora-conv/adapter_model.safetensors | FileCheck %t/conv.mlir
// RUN: compress-opt %t/embedding.mlir --compress-attach-adapters=file=%S/Inputs/lora-embedding/adapter_model.safetensors --compress-merge-adapters --compress-unmerge-adapters='file=%S/Inputs/lora-embedding/adapter_model.safetensors attach=false' | FileCheck %t/embedding.mlir --check-prefix=RESTORED
// RUN: compress-opt %t/conv.mlir --compress-attach-adapters=file=%S/Inputs/lora-conv/adapter_model.safetensors --compress-merge-adapters | FileCheck %t/conv.mlir --check-prefix=MERGED
// RUN: compress-opt %t/conv.mlir --compress-attach-adapters=file=%S/Inputs/lora-conv/adapter_model.safetensors --compress-merge-adapters --compress-unmerge-adapters='file=%S/Inputs/lora-conv/adapter_model.safetensors attach=false' | FileCheck %t/conv.mlir --check-prefix=RESTORED
// RUN: compress-opt %t/twice.mlir --compress-attach-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors | FileCheck %t/twice.mlir
// RUN: not compress-opt %t/ambiguous.mlir --compress-attach-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors 2>&1 | FileCheck %t/ambiguous.mlir
// RUN: not compress-opt %t/shape.mlir --compress-attach-adapters=file=%S/Inputs/lora-linear/adapter_model.safetensors 2>&1 | FileCheck %t/shape.mlir

//--- embedding.mlir
// The table of A has a row for each token. The tied head is no embedding.
// CHECK: @model.embed.lora_A.weight : tensor<4x1xf32> = dense<{{\[}}[1.000000e+00], [0.000000e+00], [2.000000e+00], [-1.000000e+00]]>
// CHECK: @model.embed.lora_B.weight : tensor<3x1xf32> = dense<{{\[}}[1.000000e+00], [5.000000e-01], [0.000000e+00]]>
// RESTORED: compress.weight private @model.embed.weight.dense : tensor<4x3xf32> = dense<1.000000e+00>
// RESTORED: compress.weight private @model.embed.weight : tensor<4x3xf32> = dense<1.000000e+00>
// RESTORED-LABEL: func.func @embedding
// RESTORED-NOT: compress.add
compress.weight private @model.embed.weight : tensor<4x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @embedding
// CHECK: %[[H:.+]] = compress.embedding %{{.+}}, %{{.+}} {name = "node_embedding/lora_A"} : (tensor<4x1xf32>, tensor<?xi64>) -> tensor<?x1xf32>
// CHECK: %[[D:.+]] = compress.linear nk %[[H]], %{{.+}} {name = "node_embedding/lora_B"} : (tensor<?x1xf32>, tensor<3x1xf32>) -> tensor<?x3xf32>
// CHECK: %[[X:.+]] = compress.add %{{.+}}, %[[D]]
// CHECK: compress.linear nk %[[X]]
// CHECK-NOT: compress.add
func.func @embedding(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @model.embed.weight : tensor<4x3xf32>
  %x = compress.embedding %w, %ids {name = "node_embedding"} : (tensor<4x3xf32>, tensor<?xi64>) -> tensor<?x3xf32>
  %y = compress.linear nk %x, %w {name = "node_linear"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

//--- conv.mlir
// lora_alpha = 4 with use_rslora and r = 1: B times 4. The weight is in f16.
// CHECK: @model.conv.lora_A.weight : tensor<1x2x1x2xf16> = dense<{{\[\[\[}}[1.000000e+00, 2.000000e+00]], {{\[}}[3.000000e+00, 4.000000e+00]]]]>
// CHECK: @model.conv.lora_B.weight : tensor<2x1x1x1xf16> = dense<{{\[\[\[}}[4.000000e+00]]], {{\[\[}}[-4.000000e+00]]]]>
// MERGED: @model.conv.weight.bn : tensor<2x2x1x2xf16> = dense<{{\[\[\[}}[5.000000e+00, 9.000000e+00]], {{\[}}[1.300000e+01, 1.700000e+01]]], {{\[\[}}[-3.000000e+00, -7.000000e+00]], {{\[}}[-1.100000e+01, -1.500000e+01]]]]>
// RESTORED: @model.conv.weight.bn : tensor<2x2x1x2xf16> = dense<1.000000e+00>
// RESTORED-NOT: compress.weight
compress.weight private @model.conv.weight.bn : tensor<2x2x1x2xf16> = dense<1.0>
// CHECK-LABEL: func.func @conv
// CHECK: %[[H:.+]] = compress.conv %[[X:.+]], %{{.+}} {dilations = array<i64: 1, 1>, name = "model.conv.weight.bn/lora_A", pads = array<i64: 0, 0, 0, 1>, strides = array<i64: 1, 2>} : (tensor<1x2x4x7xf16>, tensor<1x2x1x2xf16>) -> tensor<1x1x4x4xf16>
// CHECK: compress.conv %[[H]], %{{.+}} {dilations = array<i64: 1, 1>, name = "model.conv.weight.bn/lora_B", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x4x4xf16>, tensor<2x1x1x1xf16>) -> tensor<1x2x4x4xf16>
func.func @conv(%x: tensor<1x2x4x7xf16>) -> tensor<1x2x4x4xf16> {
  %w = compress.load @model.conv.weight.bn : tensor<2x2x1x2xf16>
  %y = compress.conv %x, %w {strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x7xf16>, tensor<2x2x1x2xf16>) -> tensor<1x2x4x4xf16>
  return %y : tensor<1x2x4x4xf16>
}

//--- twice.mlir
// A module that runs twice gets its adapter twice, with the same weights.
// CHECK-COUNT-3: compress.weight private
// CHECK-NOT: compress.weight
compress.weight private @model.fc.weight : tensor<2x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @twice
// CHECK-COUNT-2: compress.add
func.func @twice(%x: tensor<?x3xf32>, %z: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = compress.load @model.fc.weight : tensor<2x3xf32>
  %0 = compress.linear nk %x, %w {name = "node_linear"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  %1 = compress.linear nk %z, %w {name = "node_linear_1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
}

//--- ambiguous.mlir
// CHECK: adapter of 'model.fc' matches ops with several weights: "/a/model/fc/MatMul" (weight 'w1'), "/b/model/fc/MatMul" (weight 'w2')
compress.weight private @w1 : tensor<3x2xf32> = dense<1.0>
compress.weight private @w2 : tensor<3x2xf32> = dense<1.0>
func.func @ambiguous(%x: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w1 = compress.load @w1 : tensor<3x2xf32>
  %w2 = compress.load @w2 : tensor<3x2xf32>
  %0 = compress.linear kn %x, %w1 {name = "/a/model/fc/MatMul"} : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %1 = compress.linear kn %x, %w2 {name = "/b/model/fc/MatMul"} : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
}

//--- shape.mlir
// CHECK: adapter weight 'base_model.model.model.fc.lora_A.weight' expects the shape [1, 4], got [1, 3]
compress.weight private @w : tensor<4x2xf32> = dense<1.0>
func.func @shape(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<4x2xf32>
  %0 = compress.linear kn %x, %w {name = "/model/fc/MatMul"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
