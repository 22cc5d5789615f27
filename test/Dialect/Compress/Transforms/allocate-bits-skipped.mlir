// RUN: compress-opt %s --compress-allocate-bits --split-input-file --verify-diagnostics --remarks-filter=quantize -o /dev/null
// RUN: compress-opt %s --compress-allocate-bits --split-input-file | FileCheck %s

// A tied weight is decided once and counted once: 8 bytes are enough for two users.
compress.weight private @w : tensor<1x4xf32> = dense<[[8.0, 0.4, 0.4, 0.4]]>
// CHECK-LABEL: func.func @tied
func.func @tied(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %a = compress.load @w : tensor<1x4xf32>
  %b = compress.load @w : tensor<1x4xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int8,{{.*}}">, name = "fc1"}
  // expected-remark @+1 {{weight 'w' of "fc1" gets int8}}
  %y = compress.linear nk %x, %a {name = "fc1", compress.plan = #compress.plan<quantize = "mixed,bytes=8,formats=int4/int8">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int8,{{.*}}">, name = "fc2"}
  %z = compress.linear nk %x, %b {name = "fc2", compress.plan = #compress.plan<quantize = "mixed,bytes=8,formats=int4/int8">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Users that do not agree, and plans with budgets of their own. Pruning stays planned and makes room.
compress.weight private @w : tensor<1x4xf32> = dense<[[8.0, 0.4, 0.4, 0.4]]>
compress.weight private @v : tensor<1x8xf32> = dense<[[8.0, 0.4, 6.6, 0.4, 0.4, 5.4, 0.4, 4.3]]>
// CHECK-LABEL: func.func @budgets
func.func @budgets(%x: tensor<?x4xf32>, %x2: tensor<?x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %a = compress.load @w : tensor<1x4xf32>
  %b = compress.load @w : tensor<1x4xf32>
  %c = compress.load @v : tensor<1x8xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "mixed,bytes=8,formats=int4/int8{{.*}}">, name = "fc1"}
  // expected-remark @+1 {{weight 'w' of "fc1" gets no format: "fc2" shares it and has another plan}}
  %y = compress.linear nk %x, %a {name = "fc1", compress.plan = #compress.plan<quantize = "mixed,bytes=8,formats=int4/int8">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %z = compress.linear nk %x, %b {name = "fc2", compress.plan = #compress.plan<quantize = "int4">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // 4 codes of 8 bits, 4 positions of 2 bits and a scale are 9 bytes.
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int8,{{.*}}", prune = "2:4">, name = "fc3"}
  // expected-remark @+1 {{weight 'v' of "fc3" gets int8}}
  %u = compress.linear nk %x2, %c {name = "fc3", compress.plan = #compress.plan<quantize = "mixed,bytes=9,formats=int4/int8", prune = "2:4">} : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y, %z, %u : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Nothing is mixed.
compress.weight private @w : tensor<1x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @not_mixed
func.func @not_mixed(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %a = compress.load @w : tensor<1x4xf32>
  // CHECK: #compress.plan<quantize = "w8">
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<quantize = "w8">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
