// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x3x16xf32>, %kn: tensor<16x32xf32>, %nk: tensor<32x16xf32>,
                  %b: tensor<32xf32>, %v: tensor<16xf32>) {
  // CHECK: compress.linear kn %{{.*}}, %{{.*}} {name = "fc1"} : (tensor<?x3x16xf32>, tensor<16x32xf32>) -> tensor<?x3x32xf32>
  %0 = compress.linear kn %x, %kn {name = "fc1"}
     : (tensor<?x3x16xf32>, tensor<16x32xf32>) -> tensor<?x3x32xf32>
  // CHECK: compress.linear nk %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<?x3x16xf32>, tensor<32x16xf32>, tensor<32xf32>) -> tensor<?x3x32xf32>
  %1 = compress.linear nk %x, %nk bias %b
     : (tensor<?x3x16xf32>, tensor<32x16xf32>, tensor<32xf32>) -> tensor<?x3x32xf32>
  // CHECK: compress.linear nk {{.*}} -> tensor<32xf32>
  %2 = compress.linear nk %v, %nk : (tensor<16xf32>, tensor<32x16xf32>) -> tensor<32xf32>
  return
}

// CHECK-LABEL: func.func @linear_bytes
func.func @linear_bytes(%x: tensor<2x4xui8>, %w: tensor<4x3xi8>, %b: tensor<3xi32>) {
  // CHECK: compress.linear kn {{.*}} : (tensor<2x4xui8>, tensor<4x3xi8>, tensor<3xi32>) -> tensor<2x3xi32>
  %0 = compress.linear kn %x, %w bias %b
     : (tensor<2x4xui8>, tensor<4x3xi8>, tensor<3xi32>) -> tensor<2x3xi32>
  return
}

// CHECK-LABEL: func.func @matmul
func.func @matmul(%a: tensor<?x1x2x4xf32>, %b: tensor<5x4x3xf32>, %v: tensor<4xf32>,
                  %p: tensor<2x4xui8>, %q: tensor<4x3xi8>) {
  // CHECK: compress.matmul {{.*}} {name = "experts"} : (tensor<?x1x2x4xf32>, tensor<5x4x3xf32>) -> tensor<?x5x2x3xf32>
  %0 = compress.matmul %a, %b {name = "experts"}
     : (tensor<?x1x2x4xf32>, tensor<5x4x3xf32>) -> tensor<?x5x2x3xf32>
  // CHECK: compress.matmul {{.*}} : (tensor<4xf32>, tensor<5x4x3xf32>) -> tensor<5x3xf32>
  %1 = compress.matmul %v, %b : (tensor<4xf32>, tensor<5x4x3xf32>) -> tensor<5x3xf32>
  // CHECK: compress.matmul {{.*}} : (tensor<?x1x2x4xf32>, tensor<4xf32>) -> tensor<?x1x2xf32>
  %2 = compress.matmul %a, %v : (tensor<?x1x2x4xf32>, tensor<4xf32>) -> tensor<?x1x2xf32>
  // CHECK: compress.matmul {{.*}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  %3 = compress.matmul %v, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  // CHECK: compress.matmul {{.*}} : (tensor<2x4xui8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  %4 = compress.matmul %p, %q : (tensor<2x4xui8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return
}

// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x4x9x?xf32>, %w: tensor<6x2x3x3xf32>, %b: tensor<6xf32>,
                %y: tensor<1x2x8xf32>, %k: tensor<3x2x2xf32>) {
  // CHECK: compress.conv %{{.*}}, %{{.*}} bias %{{.*}} {dilations = array<i64: 1, 1>, groups = 2 : i64, name = "c1", pads = array<i64: 1, 1, 0, 1>, strides = array<i64: 2, 1>} : (tensor<?x4x9x?xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x6x4x?xf32>
  %0 = compress.conv %x, %w bias %b {
    strides = array<i64: 2, 1>, pads = array<i64: 1, 1, 0, 1>, dilations = array<i64: 1, 1>,
    groups = 2 : i64, name = "c1"
  } : (tensor<?x4x9x?xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x6x4x?xf32>
  // CHECK: compress.conv {{.*}} : (tensor<1x2x8xf32>, tensor<3x2x2xf32>) -> tensor<1x3x5xf32>
  %1 = compress.conv %y, %k {
    strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 3>
  } : (tensor<1x2x8xf32>, tensor<3x2x2xf32>) -> tensor<1x3x5xf32>
  return
}

// CHECK-LABEL: func.func @conv_transpose
func.func @conv_transpose(%x: tensor<1x4x5x?xf32>, %w: tensor<4x3x3x3xf32>, %b: tensor<6xf32>) {
  // CHECK: compress.conv_transpose {{.*}} output_padding = array<i64: 1, 0>{{.*}} -> tensor<1x6x10x?xf32>
  %0 = compress.conv_transpose %x, %w bias %b {
    strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    output_padding = array<i64: 1, 0>, groups = 2 : i64
  } : (tensor<1x4x5x?xf32>, tensor<4x3x3x3xf32>, tensor<6xf32>) -> tensor<1x6x10x?xf32>
  return
}

// CHECK-LABEL: func.func @embedding
func.func @embedding(%t: tensor<100x16xf32>, %i: tensor<?x7xi64>) {
  // CHECK: compress.embedding {{.*}} {name = "tok"} : (tensor<100x16xf32>, tensor<?x7xi64>) -> tensor<?x7x16xf32>
  %0 = compress.embedding %t, %i {name = "tok"}
     : (tensor<100x16xf32>, tensor<?x7xi64>) -> tensor<?x7x16xf32>
  return
}

// CHECK-LABEL: func.func @pool
func.func @pool(%x: tensor<2x3x7x?xf32>) {
  // CHECK: compress.pool max %{{.*}} {{.*}} -> tensor<2x3x3x?xf32>
  %0 = compress.pool max %x {
    kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>
  } : (tensor<2x3x7x?xf32>) -> tensor<2x3x3x?xf32>
  // CHECK: compress.pool average %{{.*}} {ceil_mode = true, count_include_pad = true, {{.*}} -> tensor<2x3x4x?xf32>
  %1 = compress.pool average %x {
    kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, ceil_mode = true, count_include_pad = true
  } : (tensor<2x3x7x?xf32>) -> tensor<2x3x4x?xf32>
  return
}
