// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<?x?x128xf32>, %n: tensor<2xi64>, %y: tensor<0x3xf32>) {
  // 0 copies a dim, dynamic or not; -1 is what remains after equal dims are divided out.
  %heads = compress.constant dense<[0, 0, 4, -1]> : tensor<4xi64>
  // CHECK: compress.reshape %{{.*}}, %{{.*}} : (tensor<?x?x128xf32>, tensor<4xi64>) -> tensor<?x?x4x32xf32>
  %0 = compress.reshape %x, %heads : (tensor<?x?x128xf32>, tensor<4xi64>) -> tensor<?x?x4x32xf32>
  // CHECK: compress.reshape {{.*}} -> tensor<?x?xf32>
  %1 = compress.reshape %x, %n : (tensor<?x?x128xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %zero = compress.constant dense<[3, 0]> : tensor<2xi64>
  // CHECK: compress.reshape {{.*}} {allowzero = true} : (tensor<0x3xf32>, tensor<2xi64>) -> tensor<3x0xf32>
  %2 = compress.reshape %y, %zero {allowzero = true}
     : (tensor<0x3xf32>, tensor<2xi64>) -> tensor<3x0xf32>
  return
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%x: tensor<?x1x8xf32>, %n: tensor<4xi64>) {
  %c = compress.constant dense<[3, 1]> : tensor<2xi64>
  // CHECK: compress.broadcast {{.*}} : (tensor<?x1x8xf32>, tensor<2xi64>) -> tensor<?x3x8xf32>
  %0 = compress.broadcast %x, %c : (tensor<?x1x8xf32>, tensor<2xi64>) -> tensor<?x3x8xf32>
  // CHECK: compress.broadcast {{.*}} : (tensor<?x1x8xf32>, tensor<4xi64>) -> tensor<?x?x?x8xf32>
  %1 = compress.broadcast %x, %n : (tensor<?x1x8xf32>, tensor<4xi64>) -> tensor<?x?x?x8xf32>
  // CHECK: compress.transpose %{{.*}} {perm = array<i64: 2, 0, 1>} : (tensor<?x1x8xf32>) -> tensor<8x?x1xf32>
  %2 = compress.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<?x1x8xf32>) -> tensor<8x?x1xf32>
  // CHECK: compress.squeeze %{{.*}} {axes = array<i64: 0, 1>} : (tensor<?x1x8xf32>) -> tensor<8xf32>
  %3 = compress.squeeze %x {axes = array<i64: 0, 1>} : (tensor<?x1x8xf32>) -> tensor<8xf32>
  // CHECK: compress.unsqueeze %{{.*}} {axes = array<i64: 0, 4>} : (tensor<?x1x8xf32>) -> tensor<1x?x1x8x1xf32>
  %4 = compress.unsqueeze %x {axes = array<i64: 0, 4>} : (tensor<?x1x8xf32>) -> tensor<1x?x1x8x1xf32>
  // CHECK: compress.shape %{{.*}} {end = 3 : i64, start = 1 : i64} : (tensor<?x1x8xf32>) -> tensor<2xi64>
  %5 = compress.shape %x {start = 1 : i64, end = 3 : i64} : (tensor<?x1x8xf32>) -> tensor<2xi64>
  return
}

// CHECK-LABEL: func.func @slices
func.func @slices(%x: tensor<?x10xf32>, %y: tensor<2x3xf32>, %z: tensor<?x3xf32>, %i: tensor<1xi64>) {
  // CHECK: compress.concat %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<2x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %0 = compress.concat %y, %z {axis = 0 : i64} : (tensor<2x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  // CHECK: compress.concat {{.*}} {axis = 1 : i64} : (tensor<2x3xf32>, tensor<?x3xf32>) -> tensor<2x6xf32>
  %1 = compress.concat %y, %z {axis = 1 : i64} : (tensor<2x3xf32>, tensor<?x3xf32>) -> tensor<2x6xf32>
  // CHECK: compress.split %{{.*}} {axis = 1 : i64, sizes = array<i64: 4, 6>} : (tensor<?x10xf32>) -> (tensor<?x4xf32>, tensor<?x6xf32>)
  %p, %q = compress.split %x {axis = 1 : i64, sizes = array<i64: 4, 6>}
     : (tensor<?x10xf32>) -> (tensor<?x4xf32>, tensor<?x6xf32>)
  %start = compress.constant dense<[-2]> : tensor<1xi64>
  %end = compress.constant dense<[-9223372036854775808]> : tensor<1xi64>
  // From element 8 down to element 0 in steps of 3: 8, 5, 2.
  // CHECK: compress.slice {{.*}} {axes = array<i64: 1>, steps = array<i64: -3>} : (tensor<?x10xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x3xf32>
  %2 = compress.slice %x, %start, %end {axes = array<i64: 1>, steps = array<i64: -3>}
     : (tensor<?x10xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x3xf32>
  // CHECK: compress.slice {{.*}} -> tensor<?x?xf32>
  %3 = compress.slice %x, %i, %end {axes = array<i64: 1>, steps = array<i64: 1>}
     : (tensor<?x10xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?xf32>
  return
}

// CHECK-LABEL: func.func @pad
func.func @pad(%x: tensor<?x10xf32>, %v: tensor<f32>, %n: tensor<4xi64>) {
  %pads = compress.constant dense<[0, 2, 0, -1]> : tensor<4xi64>
  // CHECK: compress.pad constant %{{.*}}, %{{.*}} value %{{.*}} : (tensor<?x10xf32>, tensor<4xi64>, tensor<f32>) -> tensor<?x11xf32>
  %0 = compress.pad constant %x, %pads value %v
     : (tensor<?x10xf32>, tensor<4xi64>, tensor<f32>) -> tensor<?x11xf32>
  // CHECK: compress.pad reflect %{{.*}}, %{{.*}} : (tensor<?x10xf32>, tensor<4xi64>) -> tensor<?x?xf32>
  %1 = compress.pad reflect %x, %n : (tensor<?x10xf32>, tensor<4xi64>) -> tensor<?x?xf32>
  return
}

// CHECK-LABEL: func.func @indexing
func.func @indexing(%x: tensor<?x5x8xf32>, %i: tensor<2x3xi64>, %e: tensor<4x5x8xi32>,
                    %n: tensor<?x6x1xi64>, %u: tensor<4x5x8xf32>) {
  // CHECK: compress.gather %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<?x5x8xf32>, tensor<2x3xi64>) -> tensor<?x2x3x8xf32>
  %0 = compress.gather %x, %i {axis = 1 : i64}
     : (tensor<?x5x8xf32>, tensor<2x3xi64>) -> tensor<?x2x3x8xf32>
  // CHECK: compress.gather_elements {{.*}} {axis = 0 : i64} {{.*}} -> tensor<4x5x8xf32>
  %1 = compress.gather_elements %x, %e {axis = 0 : i64}
     : (tensor<?x5x8xf32>, tensor<4x5x8xi32>) -> tensor<4x5x8xf32>
  // CHECK: compress.gather_nd {{.*}} {batch_dims = 1 : i64} {{.*}} -> tensor<?x6x8xf32>
  %2 = compress.gather_nd %x, %n {batch_dims = 1 : i64}
     : (tensor<?x5x8xf32>, tensor<?x6x1xi64>) -> tensor<?x6x8xf32>
  // CHECK: compress.scatter_elements add %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64} {{.*}} -> tensor<?x5x8xf32>
  %3 = compress.scatter_elements add %x, %e, %u {axis = 0 : i64}
     : (tensor<?x5x8xf32>, tensor<4x5x8xi32>, tensor<4x5x8xf32>) -> tensor<?x5x8xf32>
  return
}

// CHECK-LABEL: func.func @range
func.func @range(%n: tensor<i64>) {
  %zero = compress.constant dense<0> : tensor<i64>
  %seven = compress.constant dense<7> : tensor<i64>
  %two = compress.constant dense<2> : tensor<i64>
  // CHECK: compress.range {{.*}} : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<4xi64>
  %0 = compress.range %zero, %seven, %two : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<4xi64>
  // CHECK: compress.range {{.*}} -> tensor<?xi64>
  %1 = compress.range %zero, %n, %two : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}
