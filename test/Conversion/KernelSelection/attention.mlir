// RUN: compress-opt %s --convert-compress-to-linalg=target=avx2 | FileCheck %s

// The kernel takes batch and lengths at run time; sizes that do not follow from each other are
// checked.
// CHECK-LABEL: func.func @bshd_with_mask
// CHECK-SAME: (%[[Q:.*]]: tensor<?x?x4x16xf32>, %[[K:.*]]: tensor<?x?x2x16xf32>, %[[V:.*]]: tensor<?x?x2x16xf32>, %[[M:.*]]: tensor<?x1x?x?xf32>)
// CHECK-DAG: cf.assert %{{.*}}, "attention: numbers of batches of queries and keys differ"
// CHECK-DAG: cf.assert %{{.*}}, "attention: numbers of keys and values differ"
// CHECK-DAG: cf.assert %{{.*}}, "attention: numbers of queries of scores and mask differ"
// CHECK-DAG: cf.assert %{{.*}}, "attention: numbers of keys of scores and mask differ"
// CHECK: %[[E:.*]] = tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?x4x16xf32>
// CHECK: %[[Y:.*]] = compress.kernel_call @attention_f32_bshd_h4_kv2_d16_v16_s3e800000_mask_avx2 ins(%[[Q]], %[[K]], %[[V]], %[[M]] :
// CHECK-SAME: outs(%[[E]] : tensor<?x?x4x16xf32>)
// CHECK: return %[[Y]]
func.func @bshd_with_mask(%q: tensor<?x?x4x16xf32>, %k: tensor<?x?x2x16xf32>,
                          %v: tensor<?x?x2x16xf32>, %m: tensor<?x1x?x?xf32>)
    -> tensor<?x?x4x16xf32> {
  %y = compress.attention bshd %q, %k, %v mask %m {scale = 0.25 : f32}
     : (tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x1x?x?xf32>)
    -> tensor<?x?x4x16xf32>
  return %y : tensor<?x?x4x16xf32>
}

// Known sizes need no checks; a mask of lower rank gets unit dims.
// CHECK-LABEL: func.func @mask_of_rank_two
// CHECK-NOT: cf.assert
// CHECK: %[[M:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0, 1, 2], [3]] output_shape [1, 1, 7, 9]
// CHECK: compress.kernel_call @attention_f32_bhsd_h3_kv3_d64_v32_s3e000000_mask_avx2 ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[M]] :
func.func @mask_of_rank_two(%q: tensor<1x3x7x64xf32>, %k: tensor<1x3x9x64xf32>,
                            %v: tensor<1x3x9x32xf32>, %m: tensor<7x9xf32>)
    -> tensor<1x3x7x32xf32> {
  %y = compress.attention bhsd %q, %k, %v mask %m {scale = 0.125 : f32}
     : (tensor<1x3x7x64xf32>, tensor<1x3x9x64xf32>, tensor<1x3x9x32xf32>, tensor<7x9xf32>)
    -> tensor<1x3x7x32xf32>
  return %y : tensor<1x3x7x32xf32>
}

// Layers of one shape share their kernel.
// CHECK-LABEL: func.func @two_layers
// CHECK-COUNT-2: compress.kernel_call @attention_f32_bhsd_h1_kv1_d8_v8_s3f800000_avx2
func.func @two_layers(%x: tensor<1x1x?x8xf32>) -> tensor<1x1x?x8xf32> {
  %y = compress.attention bhsd %x, %x, %x {scale = 1.0 : f32}
     : (tensor<1x1x?x8xf32>, tensor<1x1x?x8xf32>, tensor<1x1x?x8xf32>) -> tensor<1x1x?x8xf32>
  %z = compress.attention bhsd %y, %y, %y {scale = 1.0 : f32}
     : (tensor<1x1x?x8xf32>, tensor<1x1x?x8xf32>, tensor<1x1x?x8xf32>) -> tensor<1x1x?x8xf32>
  return %z : tensor<1x1x?x8xf32>
}

// Transposes between the layouts are another order of indices.
// CHECK-LABEL: func.func @transposed
// CHECK-SAME: (%[[Q:.*]]: tensor<2x?x4x16xf32>, %[[K:.*]]: tensor<2x4x?x16xf32>)
// CHECK-NOT: transpose
// CHECK: compress.kernel_call @attention_f32_shhs_h4_kv4_d16_v16_s3e800000_avx2 ins(%[[Q]], %[[K]], %[[K]] :
// CHECK-SAME: outs(%{{.*}} : tensor<2x?x4x16xf32>)
// CHECK-NOT: transpose
// CHECK: return
func.func @transposed(%q: tensor<2x?x4x16xf32>, %k: tensor<2x4x?x16xf32>)
    -> tensor<2x?x4x16xf32> {
  %t = compress.transpose %q {perm = array<i64: 0, 2, 1, 3>}
     : (tensor<2x?x4x16xf32>) -> tensor<2x4x?x16xf32>
  %y = compress.attention bhsd %t, %k, %k {scale = 0.25 : f32}
     : (tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  %z = compress.transpose %y {perm = array<i64: 0, 2, 1, 3>}
     : (tensor<2x4x?x16xf32>) -> tensor<2x?x4x16xf32>
  return %z : tensor<2x?x4x16xf32>
}

// CHECK: func.func private @attention_f32_bshd_h4_kv2_d16_v16_s3e800000_mask_avx2
// CHECK-SAME: compress.kernel = "attention of 4 heads, 2 of keys and values, dim 16, f32"
