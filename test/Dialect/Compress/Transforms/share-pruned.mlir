// RUN: compress-opt %s --compress-weights --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-prune --compress-share-weights --compress-quantize --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-weights --split-input-file --remarks-filter=compress --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Pruned to 2:4, then a codebook: what is pruned is the first entry, zero, which is not stored. Weights
// with a codebook are not quantized any more.
// CHECK-DAG: @w.q : tensor<2x4xui2> = dense<{{\[\[}}1, 2, 1, 2], [1, 2, 1, 2]]>
// CHECK-DAG: @w.meta{{.*}} : tensor<2x1xi8>
// CHECK-DAG: @w.table{{.*}} : tensor<4xf32> = dense<[0.000000e+00, -4.000000e+00, 3.000000e+00, 3.000000e+00]>
// CHECK-LABEL: func.func @pattern
// CHECK: %[[C:.+]] = compress.expand_nm %w.q, %w.meta{{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64} : (tensor<2x4xui2>, tensor<2x1xi8>) -> tensor<2x8xui2>
// CHECK: compress.lookup %[[C]], %w.table
// REMARK: remark: [Passed] {{.*}}weight 'w' of "fc": 2:4, codebook 3, exact", bytes=20
// REMARK: remark: [Missed] {{.*}}weight 'w' of "fc": stored as a codebook of 3 values already
compress.weight private @w : tensor<2x8xf32> = dense<[[1.0, -4.0, 3.0, 2.0, 1.0, -4.0, 3.0, 2.0], [1.0, -4.0, 3.0, 2.0, 1.0, -4.0, 3.0, 2.0]]>
func.func @pattern(%x: tensor<?x8xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x8xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "int4", prune = "2:4", share = "codebook:4">} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Single zeros: a bitmap, or dense codes where these are smaller. A table for each channel.
// CHECK-DAG: @w.q : tensor<2x16xui1>
// CHECK-DAG: @w.table{{.*}} : tensor<2x1x2xf32> = dense<{{\[\[\[}}0.000000e+00, 5.000000e+00]], {{\[\[}}0.000000e+00, -7.000000e+00]]]>
// CHECK-LABEL: func.func @single
// CHECK: compress.lookup %w.q, %w.table{{.*}} {table_block = array<i64: 1, -1>}
// REMARK: remark: [Passed] {{.*}}weight 'w' of "fc": unstructured:0.75, codebook 2, exact, per channel
// REMARK: remark: [Missed] {{.*}}weight 'w' of "fc": codes are stored dense: kept values and their bitmap take 5 bytes, dense values 4
compress.weight private @w : tensor<2x16xf32> = dense<[[1.0, 4.0, 1.0, 6.0, 1.0, 4.0, 1.0, 6.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, -8.0, 1.0, -6.0, 1.0, -8.0, 1.0, -6.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]>
func.func @single(%x: tensor<?x16xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x16xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.75", share = "codebook:2,scope=channel">} : (tensor<?x16xf32>, tensor<2x16xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A weight for which a codebook is no gain is quantized; so is one without a plan for codebooks.
// CHECK-DAG: @w.q : tensor<1x4xi8>
// CHECK-LABEL: func.func @no_gain
// CHECK: compress.dequantize %w.q
// REMARK: remark: [Passed] {{.*}}weight 'w' of "fc": int8 per channel
// REMARK: remark: [Missed] {{.*}}weight 'w' of "fc": no codebook of 16 values: codes and tables take 17 bytes, its values 16
compress.weight private @w : tensor<1x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0]]>
func.func @no_gain(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "w8", share = "codebook:16">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
