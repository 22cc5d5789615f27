// RUN: compress-opt %s --compress-weights --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-prune --compress-quantize --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-weights --compress-weights --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-weights --split-input-file --remarks-filter=compress -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-weights --split-input-file --mlir-disable-threading | FileCheck %s

// Pruned to 2:4, then quantized: kept are -4 and 3 at positions 1 and 2, with one scale of 0.5.
// CHECK-DAG: compress.weight private @w.q : tensor<1x2xi4> = dense<{{\[\[}}-8, 6]]>
// CHECK-DAG: compress.weight private @w.meta{{.*}} : tensor<1x1xi8> = dense<9>
// CHECK-DAG: compress.weight private @w.scale : tensor<1x1xf32> = dense<5.000000e-01>
// REMARK: remark: {{.*}}weight 'w' of "fc": 2:4, int4 per channel{{.*}}bytes=6
compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0]]>
// CHECK-LABEL: func.func @both
func.func @both(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[CODES:.+]] = compress.expand_nm %w.q, %w.meta{{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // CHECK: %[[W:.+]] = compress.dequantize %[[CODES]], %w.scale {block = array<i64: 1, -1>}
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  %w = compress.load @w : tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "int4", prune = "2:4">}
     : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Each op by its own plan, the activation included.
// CHECK-DAG: compress.weight private @a.kept : tensor<1x2xf32>
// CHECK-DAG: compress.weight private @b.q : tensor<1x4xi8>
// CHECK-DAG: compress.weight private @c : tensor<1x4xf32>
// REMARK: remark: {{.*}}weight 'a' of "a": 2:4
// REMARK: remark: {{.*}}weight 'b' of "b": int8 per channel
// REMARK-NOT: of "c"
compress.weight private @a : tensor<1x4xf32> = dense<1.0>
compress.weight private @b : tensor<1x4xf32> = dense<1.0>
compress.weight private @c : tensor<1x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @one_of_both
func.func @one_of_both(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  // CHECK: %[[A:.+]] = compress.expand_nm
  // CHECK: compress.linear nk %arg0, %[[A]]
  // CHECK: %[[B:.+]] = compress.dequantize %b.q
  // CHECK: compress.dynamic_quantize %arg0 row
  // CHECK: %[[X:.+]] = compress.dequantize
  // CHECK: compress.linear nk %[[X]], %[[B]]
  // CHECK: compress.linear nk %arg0, %c :
  %a = compress.load @a : tensor<1x4xf32>
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "2:4">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<quantize = "int8">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %c = compress.load @c : tensor<1x4xf32>
  %2 = compress.linear nk %x, %c : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1, %2 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// No code of a binary weight is zero: what is pruned is in a mask.
// REMARK: weight 'w' of "fc": 2:4, binary per channel
// REMARK: weight 'w' of "fc": codes are stored dense: no entry of the table is zero
// CHECK-DAG: compress.weight private @w.mask{{.*}} : tensor<1x4xi1> = dense<{{\[\[}}false, true, true, false]]>
compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0]]>
// CHECK-LABEL: func.func @no_code_of_zero
func.func @no_code_of_zero(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[V:.+]] = compress.lookup
  // CHECK: %[[W:.+]] = compress.mask %[[V]]
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  %w = compress.load @w : tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "binary", prune = "2:4">}
     : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
