// RUN: compress-opt %s --compress-apply-recipe='quantize=int4,group=32 prune=2:4' | FileCheck %s
// RUN: compress-opt %s --compress-apply-recipe='quantize=int8' --compress-apply-recipe='quantize=int4,group=32 prune=2:4' | FileCheck %s
// RUN: compress-opt %s --compress-apply-recipe=recipe=%S/Inputs/head-in-int8.yaml | FileCheck %s --check-prefix=FILE
// RUN: compress-opt %s --compress-apply-recipe='recipe=%S/Inputs/head-in-int8.yaml prune=1:4' | FileCheck %s --check-prefix=BOTH
// RUN: compress-opt %s --compress-apply-recipe='quantize=none' | FileCheck %s --check-prefix=NONE

compress.weight private @tok : tensor<8x4xf32> = dense<1.0>
compress.weight private @fc1 : tensor<4x4xf32> = dense<1.0>
compress.weight private @head : tensor<8x4xf32> = dense<1.0>

// The embedding is left alone by flags; plans are spelled out.
// CHECK-LABEL: func.func @two_layers
// FILE-LABEL: func.func @two_layers
// BOTH-LABEL: func.func @two_layers
// NONE-LABEL: func.func @two_layers
func.func @two_layers(%i: tensor<?xi64>) -> tensor<?x8xf32> {
  // CHECK: compress.embedding %{{.+}}, %{{.+}} {name = "tok"}
  // FILE: compress.embedding {{.*}} {compress.plan = #compress.plan<quantize = "int8,granularity=channel,symmetric,convention=sym_restricted,method=rtn,activations=none">, name = "tok"}
  %t = compress.load @tok : tensor<8x4xf32>
  %x = compress.embedding %t, %i {name = "tok"} : (tensor<8x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  // CHECK: compress.linear kn {{.*}} {compress.plan = #compress.plan<quantize = "int4,group=32,symmetric,convention=sym_signed_max,method=rtn,activations=none", prune = "2:4,method=magnitude">, name = "fc1"}
  // FILE: compress.linear kn {{.*}} {compress.plan = #compress.plan<quantize = "int2,group=16,asymmetric,convention=asym_zero_in,method=rtn,activations=none">, name = "fc1"}
  // The file speaks of no pruning for this layer; the flag does.
  // BOTH: compress.linear kn {{.*}} {compress.plan = #compress.plan<quantize = "int2,{{.*}}, prune = "1:4,method=magnitude">, name = "fc1"}
  // NONE-NOT: compress.plan
  %w = compress.load @fc1 : tensor<4x4xf32>
  %h = compress.linear kn %x, %w {name = "fc1"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // The head of a language model, whose weight has the shape of the table.
  // CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "head"}
  // The last rule that selects a layer wins: int8, and no pruning although the flag says so.
  // FILE: compress.linear nk {{.*}} {compress.plan = #compress.plan<quantize = "int8,granularity=channel,symmetric,convention=sym_restricted,method=rtn,activations=dynamic">, name = "head"}
  // BOTH: compress.linear nk {{.*}} {compress.plan = #compress.plan<quantize = "int8,granularity=channel,symmetric,convention=sym_restricted,method=rtn,activations=dynamic">, name = "head"}
  %v = compress.load @head : tensor<8x4xf32>
  %y = compress.linear nk %h, %v {name = "head"} : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A matmul of two activations is no weighted op: no rule can select it.
// CHECK-LABEL: func.func @no_activations
// NONE-LABEL: func.func @no_activations
func.func @no_activations(%a: tensor<?x4xf32>, %b: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: compress.plan
  // CHECK: compress.matmul
  %y = compress.matmul %a, %b : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
