// RUN: compress-opt %s --split-input-file --compress-prune --compress-verify-chains | FileCheck %s
// Pruning again changes nothing.
// RUN: compress-opt %s --split-input-file --compress-prune --compress-prune | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-prune --compress-prune --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The six smallest of twelve go: 1 to 3, -1, -2, 0.5. Bits of what stays, low ones first: 0001 1100 0110.
// REMARK: weight 'layer' of "fc": unstructured:0.5", bytes=26
// REMARK: weight 'layer.kept' of "fc": it has the zeros of unstructured:0.5 already
// CHECK: compress.weight private @layer.kept : tensor<6xf32> = dense<[4.000000e+00, 5.000000e+00, -6.000000e+00, -7.000000e+00, 3.500000e+00, 8.000000e+00]>
compress.weight private @layer : tensor<3x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, -6.0, -1.0, -2.0], [-7.0, 3.5, 0.5, 8.0]]>
// CHECK-LABEL: func.func @whole_layer
func.func @whole_layer(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
  // CHECK: %[[W:.+]] = compress.expand_bitmap %layer.kept, %{{.+}} : (tensor<6xf32>, tensor<2xi8>) -> tensor<3x4xf32>
  // CHECK: compress.linear nk %arg0, %[[W]]
  %w = compress.load @layer : tensor<3x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude">}
     : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// Two of each output channel, which are columns here.
// CHECK: compress.weight private @rows.kept : tensor<4xf32> = dense<[2.000000e+01, 3.000000e+00, 4.000000e+00, 1.000000e+01]>
compress.weight private @rows : tensor<4x2xf32> = dense<[[1.0, 20.0], [2.0, 1.0], [3.0, 2.0], [4.0, 10.0]]>
// CHECK-LABEL: func.func @each_output_channel
func.func @each_output_channel(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.expand_bitmap
  %w = compress.load @rows : tensor<4x2xf32>
  %y = compress.linear kn %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=row">}
     : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Magnitudes of at most the threshold go, and what was zero before.
// CHECK: compress.weight private @threshold.kept : tensor<2xf32> = dense<[-3.000000e+00, 4.000000e+00]>
compress.weight private @threshold : tensor<1x8xf32> = dense<[[1.0, 2.0, -3.0, 4.0, 0.0, -0.0, -2.0, 0.5]]>
// CHECK-LABEL: func.func @by_threshold
func.func @by_threshold(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.expand_bitmap
  %w = compress.load @threshold : tensor<1x8xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured,threshold=2,method=magnitude">}
     : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// One of 32 zeros saves no bytes: the values are stored as they are.
// REMARK: weight 'few' of "fc": stored dense: kept values and their bitmap take 64 bytes, dense values 64
// CHECK: compress.weight private @few{{.*}} : tensor<1x32xbf16> = dense<{{\[\[}}0.000000e+00, 2.000000e+00,
compress.weight private @few : tensor<1x32xbf16> = dense<[[1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]]>
// CHECK-LABEL: func.func @stored_dense
func.func @stored_dense(%x: tensor<?x32xbf16>) -> tensor<?x1xbf16> {
  // CHECK-NOT: compress.expand_bitmap
  // CHECK: compress.linear
  %w = compress.load @few : tensor<1x32xbf16>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.07,method=magnitude">}
     : (tensor<?x32xbf16>, tensor<1x32xbf16>) -> tensor<?x1xbf16>
  return %y : tensor<?x1xbf16>
}

// -----

// A share of 0 changes nothing.
// REMARK: weight 'all' of "fc": the share to prune is 0
// CHECK: compress.weight private @all : tensor<1x4xf32> = dense<0.000000e+00>
compress.weight private @all : tensor<1x4xf32> = dense<0.0>
// CHECK-LABEL: func.func @no_share
func.func @no_share(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK-NOT: compress.expand_bitmap
  // CHECK: compress.linear
  %w = compress.load @all : tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0,method=magnitude">}
     : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Codes are pruned by what they decode to: 1, 2, -32, 28, 0, 2, 4, -12.
// CHECK-DAG: compress.weight private @codes.q{{.*}} : tensor<4xi8> = dense<[-8, 7, 1, -3]>
// CHECK-DAG: compress.weight private @codes.scale : tensor<1x4xf32>
compress.weight private @codes.q : tensor<1x8xi8> = dense<[[1, 2, -8, 7, 0, 2, 1, -3]]>
compress.weight private @codes.scale : tensor<1x4xf32> = dense<[[1.0, 4.0, 1.0, 4.0]]>
// CHECK-LABEL: func.func @quantized
func.func @quantized(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[CODES:.+]] = compress.expand_bitmap {{.*}} : (tensor<4xi8>, tensor<1xi8>) -> tensor<1x8xi8>
  // CHECK: compress.dequantize %[[CODES]]
  %q = compress.load @codes.q : tensor<1x8xi8>
  %s = compress.load @codes.scale : tensor<1x4xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x8xi8>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude">}
     : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
