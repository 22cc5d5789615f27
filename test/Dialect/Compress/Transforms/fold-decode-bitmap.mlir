// RUN: compress-opt %s --compress-fold-decode --split-input-file | FileCheck %s
// RUN: compress-opt %s --canonicalize --cse --compress-fold-constants --split-input-file | FileCheck %s --check-prefix=KEPT

// Codes of a bitmap that are filled with the zero point.
// CHECK: @w.dense : tensor<2x4xf32> = dense<{{\[\[}}0.000000e+00, 1.000000e+00, 0.000000e+00, 0.000000e+00], [0.000000e+00, 0.000000e+00, 0.000000e+00, -8.000000e+00]]>
compress.weight private @w.q : tensor<2xui4> = dense<[7, 1]>
compress.weight private @w.bitmap : tensor<1xi8> = dense<-126>
compress.weight private @w.scale : tensor<2x1xf32> = dense<[[0.5], [2.0]]>
compress.weight private @w.zp : tensor<2x1xui4> = dense<5>
// CHECK-LABEL: func.func @quantized
// KEPT-LABEL: func.func @quantized
func.func @quantized(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.+]] = compress.load @w.dense
  // CHECK-NEXT: compress.linear nk %{{.+}}, %[[W]]
  // KEPT: compress.expand_bitmap %{{.+}}, %{{.+}} {fill = 5 : i64}
  %q = compress.load @w.q : tensor<2xui4>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %c = compress.expand_bitmap %q, %b {fill = 5 : i64} : (tensor<2xui4>, tensor<1xi8>) -> tensor<2x4xui4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %z = compress.load @w.zp : tensor<2x1xui4>
  %w = compress.dequantize %c, %s, %z {block = array<i64: 1, -1>} : (tensor<2x4xui4>, tensor<2x1xf32>, tensor<2x1xui4>) -> tensor<2x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK: @w.dense : tensor<2x4xf32> = dense<{{\[\[}}-1.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00], [0.000000e+00, 0.000000e+00, 0.000000e+00, 5.000000e-01]]>
compress.weight private @w.q : tensor<2xui2> = dense<[3, 0]>
compress.weight private @w.bitmap : tensor<1xi8> = dense<-127>
compress.weight private @w.table : tensor<4xf32> = dense<[0.5, 2.0, 0.0, -1.0]>
func.func @table(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2xui2>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %c = compress.expand_bitmap %q, %b {fill = 2 : i64} : (tensor<2xui2>, tensor<1xi8>) -> tensor<2x4xui2>
  %t = compress.load @w.table : tensor<4xf32>
  %w = compress.lookup %c, %t : (tensor<2x4xui2>, tensor<4xf32>) -> tensor<2x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK: @w.dense : tensor<2x4xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00], [0.000000e+00, 3.000000e+00, 0.000000e+00, 0.000000e+00]]>
compress.weight private @w.f16 : tensor<2xf16> = dense<[1.5, 3.0]>
compress.weight private @w.bitmap : tensor<1xi8> = dense<34>
func.func @cast_and_mask(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.f16 : tensor<2xf16>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %c = compress.expand_bitmap %q, %b : (tensor<2xf16>, tensor<1xi8>) -> tensor<2x4xf16>
  %d = compress.cast %c : (tensor<2x4xf16>) -> tensor<2x4xf32>
  %m = compress.constant dense<[[false], [true]]> : tensor<2x1xi1>
  %w = compress.mask %d, %m : tensor<2x4xf32>, tensor<2x1xi1>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
