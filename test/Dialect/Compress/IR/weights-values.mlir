// RUN: compress-opt %s --compress-fold-decode --split-input-file | FileCheck %s

// The same codes as a literal and as a blob: in a blob they are packed, low bits first, and over the end of
// a row. 1, -2, 3 in four bits are 0xE1 0x03.
// CHECK-DAG: @literal.dense : tensor<1x3xf32> = dense<{{\[\[}}1.000000e+00, -2.000000e+00, 3.000000e+00]]>
// CHECK-DAG: @blob.dense : tensor<1x3xf32> = dense<{{\[\[}}1.000000e+00, -2.000000e+00, 3.000000e+00]]>
// CHECK-DAG: @bools.dense : tensor<1x3xf32> = dense<{{\[\[}}1.000000e+00, 0.000000e+00, 3.000000e+00]]>
compress.weight private @literal : tensor<1x3xi4> = dense<[[1, -2, 3]]>
compress.weight private @blob : tensor<1x3xi4> = dense_resource<codes>
compress.weight private @scale : tensor<f32> = dense<1.0>
compress.weight private @mask : tensor<1x3xi1> = dense_resource<mask>
compress.weight private @bools : tensor<1x3xf32> = dense<[[1.0, 2.0, 3.0]]>
// CHECK-LABEL: func.func @packed
func.func @packed() -> (tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>) {
  %s = compress.load @scale : tensor<f32>
  %a = compress.load @literal : tensor<1x3xi4>
  %0 = compress.dequantize %a, %s : (tensor<1x3xi4>, tensor<f32>) -> tensor<1x3xf32>
  %b = compress.load @blob : tensor<1x3xi4>
  %1 = compress.dequantize %b, %s : (tensor<1x3xi4>, tensor<f32>) -> tensor<1x3xf32>
  // A bool takes a byte.
  %c = compress.load @bools : tensor<1x3xf32>
  %m = compress.load @mask : tensor<1x3xi1>
  %2 = compress.mask %c, %m : tensor<1x3xf32>, tensor<1x3xi1>
  return %0, %1, %2 : tensor<1x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>
}

{-#
  dialect_resources: {
    builtin: {
      codes: "0x01000000E103",
      mask: "0x01000000010001"
    }
  }
#-}
