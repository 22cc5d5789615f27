// RUN: compress-opt %s --compress-apply-slices --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-apply-slices --compress-apply-slices --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-apply-slices --split-input-file --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Rows and columns that are masked go, with their bytes.
compress.weight private @up : tensor<4x3xf32> = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]]>
compress.weight private @up.b : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
compress.weight private @down : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]>
// REMARK: [Passed] compress-apply-slices {{.*}}weight 'up' of "up": 4x3 -> 2x3", bytes=24
// REMARK: [Passed] compress-apply-slices {{.*}}weight 'down' of "down": 2x4 -> 2x2", bytes=16
// REMARK: [Passed] compress-apply-slices {{.*}}2 weights are smaller: 80 -> 40 bytes
func.func @hidden_units(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %up = compress.load @up : tensor<4x3xf32>
  %b = compress.load @up.b : tensor<4xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %rows = compress.constant dense<[[true], [false], [false], [true]]> : tensor<4x1xi1>
  %entries = compress.constant dense<[true, false, false, true]> : tensor<4xi1>
  %columns = compress.constant dense<[[true, false, false, true]]> : tensor<1x4xi1>
  %up.masked = compress.mask %up, %rows : tensor<4x3xf32>, tensor<4x1xi1>
  %b.masked = compress.mask %b, %entries : tensor<4xf32>, tensor<4xi1>
  %down.masked = compress.mask %down, %columns : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %up.masked bias %b.masked {name = "up"} : (tensor<?x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %down.masked {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// CHECK-DAG: compress.weight private @up.b : tensor<2xf32> = dense<[1.000000e+00, 4.000000e+00]>
// CHECK-DAG: compress.weight private @up : tensor<2x3xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00, 3.000000e+00], [1.000000e+01, 1.100000e+01, 1.200000e+01]]>
// CHECK-DAG: compress.weight private @down : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 4.000000e+00], [5.000000e+00, 8.000000e+00]]>
// CHECK-LABEL: func.func @hidden_units
// CHECK-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// CHECK: compress.linear nk %{{.+}}, %up bias %up.b {name = "up"} : (tensor<?x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<?x2xf32>
// CHECK: compress.relu %{{.+}} : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK: compress.linear nk %{{.+}}, %down {name = "down"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>

// -----

// Masks of other dims and patterns are sliced. Equal biases that were stored once are told apart:
// the one that nobody masked stays as it is.
compress.weight private @a : tensor<4x4xf32> = dense<1.0>
compress.weight private @b : tensor<4x4xf32> = dense<1.0>
compress.weight private @bias : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
// REMARK: weight 'a' of "a": 4x4 -> 3x4
// REMARK: weight 'b' of "b": 4x4 -> 4x3
// REMARK: 2 weights are smaller: 128 -> 96 bytes
func.func @patterns(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %a = compress.load @a : tensor<4x4xf32>
  %b = compress.load @b : tensor<4x4xf32>
  %bias = compress.load @bias : tensor<4xf32>
  %ma = compress.constant dense<[[true, false, false, true], [false, false, false, false], [true, true, false, false], [true, true, false, false]]> : tensor<4x4xi1>
  %mb = compress.constant dense<[[true, false, false, true], [true, false, true, false], [true, false, true, true], [false, false, true, true]]> : tensor<4x4xi1>
  %mask = compress.constant dense<[true, false, true, true]> : tensor<4xi1>
  %a.masked = compress.mask %a, %ma : tensor<4x4xf32>, tensor<4x4xi1>
  %b.masked = compress.mask %b, %mb : tensor<4x4xf32>, tensor<4x4xi1>
  %bias.masked = compress.mask %bias, %mask : tensor<4xf32>, tensor<4xi1>
  %0 = compress.linear nk %x, %a.masked bias %bias.masked {name = "a"} : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %b.masked bias %bias {name = "b"} : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// CHECK-DAG: compress.weight private @bias_0 : tensor<3xf32> = dense<[1.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK-DAG: compress.weight private @a : tensor<3x4xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @b : tensor<4x3xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @bias : tensor<4xf32> = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK-LABEL: func.func @patterns
// CHECK-SAME: (%{{.+}}: tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK: compress.constant dense<{{\[\[}}true, false, false, true], [true, true, false, false], [true, true, false, false]]> : tensor<3x4xi1>
// CHECK: compress.constant dense<{{\[\[}}true, false, true], [true, true, false], [true, true, true], [false, true, true]]> : tensor<4x3xi1>
// CHECK: compress.mask %a, %{{.+}} : tensor<3x4xf32>, tensor<3x4xi1>
// CHECK: compress.mask %b, %{{.+}} : tensor<4x3xf32>, tensor<4x3xi1>
// CHECK: compress.linear nk %{{.+}}, %{{.+}} bias %bias_0 {name = "a"} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<?x3xf32>
// CHECK: compress.linear nk %{{.+}}, %{{.+}} bias %bias {name = "b"} : (tensor<?x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<?x4xf32>

// -----

// Bytes of any storage: f16, a blob, and a constant that is added.
compress.weight private @a : tensor<3x2xf16> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
compress.weight private @b : tensor<1x3xf16> = dense_resource<b>
// REMARK: 2 weights are smaller: 18 -> 12 bytes
func.func @storage(%x: tensor<?x2xf16>) -> tensor<?x1xf16> {
  %a = compress.load @a : tensor<3x2xf16>
  %b = compress.load @b : tensor<1x3xf16>
  %c = compress.constant dense<[7.0, 8.0, 9.0]> : tensor<3xf16>
  %rows = compress.constant dense<[[false], [true], [true]]> : tensor<3x1xi1>
  %entries = compress.constant dense<[false, true, true]> : tensor<3xi1>
  %columns = compress.constant dense<[[false, true, true]]> : tensor<1x3xi1>
  %a.masked = compress.mask %a, %rows : tensor<3x2xf16>, tensor<3x1xi1>
  %b.masked = compress.mask %b, %columns : tensor<1x3xf16>, tensor<1x3xi1>
  %c.masked = compress.mask %c, %entries : tensor<3xf16>, tensor<3xi1>
  %0 = compress.linear nk %x, %a.masked {name = "a"} : (tensor<?x2xf16>, tensor<3x2xf16>) -> tensor<?x3xf16>
  %1 = compress.add %0, %c.masked : (tensor<?x3xf16>, tensor<3xf16>) -> tensor<?x3xf16>
  %2 = compress.linear nk %1, %b.masked {name = "b"} : (tensor<?x3xf16>, tensor<1x3xf16>) -> tensor<?x1xf16>
  return %2 : tensor<?x1xf16>
}

// CHECK-DAG: compress.weight private @a : tensor<2x2xf16> = dense<{{\[\[}}3.000000e+00, 4.000000e+00], [5.000000e+00, 6.000000e+00]]>
// CHECK-DAG: compress.weight private @b : tensor<1x2xf16> = dense<{{\[\[}}1.200000e+01, 1.600000e+01]]>
// CHECK-LABEL: func.func @storage
// CHECK-SAME: (%{{.+}}: tensor<?x2xf16>) -> tensor<?x1xf16>
// CHECK: compress.constant dense<[8.000000e+00, 9.000000e+00]> : tensor<2xf16>
// CHECK: compress.linear nk %{{.+}}, %a {name = "a"} : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf16>
// CHECK: compress.add %{{.+}}, %{{.+}} : (tensor<?x2xf16>, tensor<2xf16>) -> tensor<?x2xf16>
// CHECK: compress.linear nk %{{.+}}, %b {name = "b"} : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>

{-#
  dialect_resources: {
    builtin: {
      b: "0x020000000048004a004c"
    }
  }
#-}

// -----

// Nothing is masked: nothing changes, dead weights included.
compress.weight private @dead : tensor<2xf32> = dense<1.0>
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
// REMARK-NOT: remark
func.func @unmasked(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %0 = compress.linear nk %x, %a {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %b {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-DAG: compress.weight private @dead : tensor<2xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @a : tensor<4x3xf32> = dense<1.000000e+00>
// CHECK-DAG: compress.weight private @b : tensor<2x4xf32> = dense<1.000000e+00>
// CHECK-LABEL: func.func @unmasked
// CHECK-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// CHECK: compress.linear nk %{{.+}}, %a {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
// CHECK: compress.linear nk %{{.+}}, %b {name = "b"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
