// RUN: compress-opt %s --compress-fold-decode --split-input-file | FileCheck %s
// RUN: compress-opt %s --split-input-file --emit-bytecode --verify-roundtrip -o /dev/null

// Elements of three to six bits as literals and as blobs, which are packed low bits first.
// 1, -2, 3 in i3: 1 | 6 << 3 | 3 << 6 = 0xF1 0x00. -31, 5, 17 in i6: 0x61 0x11 0x01.
// 1.0, -6.0, 0.5 in f4E2M1FN: 2, 15, 1. 1.0, -28.0, 0.0625 in f6E3M2FN: 12, 63, 1.
// CHECK-DAG: @i3.dense : tensor<3xf32> = dense<[1.000000e+00, -2.000000e+00, 3.000000e+00]>
// CHECK-DAG: @i3_blob.dense : tensor<3xf32> = dense<[1.000000e+00, -2.000000e+00, 3.000000e+00]>
// CHECK-DAG: @i6.dense : tensor<3xf32> = dense<[-3.100000e+01, 5.000000e+00, 1.700000e+01]>
// CHECK-DAG: @i6_blob.dense : tensor<3xf32> = dense<[-3.100000e+01, 5.000000e+00, 1.700000e+01]>
// CHECK-DAG: @f4.dense : tensor<3xf32> = dense<[1.000000e+00, -6.000000e+00, 5.000000e-01]>
// CHECK-DAG: @f4_blob.dense : tensor<3xf32> = dense<[1.000000e+00, -6.000000e+00, 5.000000e-01]>
// CHECK-DAG: @f6.dense : tensor<3xf32> = dense<[1.000000e+00, -2.800000e+01, 6.250000e-02]>
// CHECK-DAG: @f6_blob.dense : tensor<3xf32> = dense<[1.000000e+00, -2.800000e+01, 6.250000e-02]>
compress.weight private @i3 : tensor<3xi3> = dense<[1, -2, 3]>
compress.weight private @i3_blob : tensor<3xi3> = dense_resource<i3>
compress.weight private @i6 : tensor<3xi6> = dense<[-31, 5, 17]>
compress.weight private @i6_blob : tensor<3xi6> = dense_resource<i6>
compress.weight private @f4 : tensor<3xf4E2M1FN> = dense<[1.0, -6.0, 0.5]>
compress.weight private @f4_blob : tensor<3xf4E2M1FN> = dense_resource<f4>
compress.weight private @f6 : tensor<3xf6E3M2FN> = dense<[1.0, -28.0, 0.0625]>
compress.weight private @f6_blob : tensor<3xf6E3M2FN> = dense_resource<f6>
// Single bits: 1, 0, 0, 1, 1, 0, 0, 0, 1 in ui1 are 0x19 0x01.
// CHECK-DAG: @u1.dense : tensor<9xf32> = dense<[5.000000e+00, 3.000000e+00, 3.000000e+00, 5.000000e+00, 5.000000e+00, 3.000000e+00, 3.000000e+00, 3.000000e+00, 5.000000e+00]>
// CHECK-DAG: @u1_blob.dense : tensor<9xf32> = dense<[5.000000e+00, 3.000000e+00, 3.000000e+00, 5.000000e+00, 5.000000e+00, 3.000000e+00, 3.000000e+00, 3.000000e+00, 5.000000e+00]>
compress.weight private @u1 : tensor<9xui1> = dense<[1, 0, 0, 1, 1, 0, 0, 0, 1]>
compress.weight private @u1_blob : tensor<9xui1> = dense_resource<u1>
compress.weight private @table : tensor<2xf32> = dense<[3.0, 5.0]>
compress.weight private @one : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @packed
func.func @packed() -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %s = compress.load @one : tensor<f32>
  %a = compress.load @i3 : tensor<3xi3>
  %0 = compress.dequantize %a, %s : (tensor<3xi3>, tensor<f32>) -> tensor<3xf32>
  %b = compress.load @i3_blob : tensor<3xi3>
  %1 = compress.dequantize %b, %s : (tensor<3xi3>, tensor<f32>) -> tensor<3xf32>
  %c = compress.load @i6 : tensor<3xi6>
  %2 = compress.dequantize %c, %s : (tensor<3xi6>, tensor<f32>) -> tensor<3xf32>
  %d = compress.load @i6_blob : tensor<3xi6>
  %3 = compress.dequantize %d, %s : (tensor<3xi6>, tensor<f32>) -> tensor<3xf32>
  %e = compress.load @f4 : tensor<3xf4E2M1FN>
  %4 = compress.dequantize %e, %s : (tensor<3xf4E2M1FN>, tensor<f32>) -> tensor<3xf32>
  %f = compress.load @f4_blob : tensor<3xf4E2M1FN>
  %5 = compress.dequantize %f, %s : (tensor<3xf4E2M1FN>, tensor<f32>) -> tensor<3xf32>
  %g = compress.load @f6 : tensor<3xf6E3M2FN>
  %6 = compress.dequantize %g, %s : (tensor<3xf6E3M2FN>, tensor<f32>) -> tensor<3xf32>
  %h = compress.load @f6_blob : tensor<3xf6E3M2FN>
  %7 = compress.dequantize %h, %s : (tensor<3xf6E3M2FN>, tensor<f32>) -> tensor<3xf32>
  return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

func.func @bits() -> (tensor<9xf32>, tensor<9xf32>) {
  %t = compress.load @table : tensor<2xf32>
  %a = compress.load @u1 : tensor<9xui1>
  %0 = compress.lookup %a, %t : (tensor<9xui1>, tensor<2xf32>) -> tensor<9xf32>
  %b = compress.load @u1_blob : tensor<9xui1>
  %1 = compress.lookup %b, %t : (tensor<9xui1>, tensor<2xf32>) -> tensor<9xf32>
  return %0, %1 : tensor<9xf32>, tensor<9xf32>
}

{-#
  dialect_resources: {
    builtin: {
      i3: "0x01000000F100",
      i6: "0x01000000611101",
      f4: "0x01000000F201",
      f6: "0x01000000CC1F00",
      u1: "0x010000001901"
    }
  }
#-}
