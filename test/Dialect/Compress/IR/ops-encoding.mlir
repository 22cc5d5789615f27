// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @quantize
func.func @quantize(%x: tensor<?x8xf32>, %s: tensor<f32>, %z: tensor<ui8>, %b: tensor<?x3xf16>) {
  // CHECK: compress.quantize %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x8xui8>
  %0 = compress.quantize %x, %s, %z
     : (tensor<?x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x8xui8>
  // The last block of three is short.
  // CHECK: compress.quantize %{{.*}}, %{{.*}} {block = array<i64: 1, 3>} : (tensor<?x8xf32>, tensor<?x3xf16>) -> tensor<?x8xi4>
  %1 = compress.quantize %x, %b {block = array<i64: 1, 3>}
     : (tensor<?x8xf32>, tensor<?x3xf16>) -> tensor<?x8xi4>
  return
}

// CHECK-LABEL: func.func @dequantize
func.func @dequantize(%q: tensor<64x256xi4>, %s: tensor<64x2xf32>, %z: tensor<64x2xi4>,
                      %f: tensor<8x16xf8E4M3FN>, %t: tensor<8x1xbf16>) {
  // CHECK: compress.dequantize %{{.*}}, %{{.*}} {block = array<i64: 1, 128>} : (tensor<64x256xi4>, tensor<64x2xf32>) -> tensor<64x256xf32>
  %0 = compress.dequantize %q, %s {block = array<i64: 1, 128>}
     : (tensor<64x256xi4>, tensor<64x2xf32>) -> tensor<64x256xf32>
  // CHECK: compress.dequantize %{{.*}}, %{{.*}}, %{{.*}} {block
  %1 = compress.dequantize %q, %s, %z {block = array<i64: 1, 128>}
     : (tensor<64x256xi4>, tensor<64x2xf32>, tensor<64x2xi4>) -> tensor<64x256xf32>
  // CHECK: compress.dequantize {{.*}} {block = array<i64: 1, -1>} : (tensor<8x16xf8E4M3FN>, tensor<8x1xbf16>) -> tensor<8x16xbf16>
  %2 = compress.dequantize %f, %t {block = array<i64: 1, -1>}
     : (tensor<8x16xf8E4M3FN>, tensor<8x1xbf16>) -> tensor<8x16xbf16>
  return
}

// CHECK-LABEL: func.func @dynamic_quantize
func.func @dynamic_quantize(%x: tensor<?x3x8xf32>) {
  // CHECK: compress.dynamic_quantize %{{.*}} tensor : (tensor<?x3x8xf32>) -> (tensor<?x3x8xui8>, tensor<f32>, tensor<ui8>)
  %q, %s, %z = compress.dynamic_quantize %x tensor
     : (tensor<?x3x8xf32>) -> (tensor<?x3x8xui8>, tensor<f32>, tensor<ui8>)
  // CHECK: compress.dynamic_quantize %{{.*}} row : (tensor<?x3x8xf32>) -> (tensor<?x3x8xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>)
  %r, %t, %y = compress.dynamic_quantize %x row
     : (tensor<?x3x8xf32>) -> (tensor<?x3x8xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>)
  // CHECK: compress.dynamic_quantize %{{.*}} row : (tensor<?x3x8xf32>) -> (tensor<?x3x8xi4>, tensor<?x3x1xf32>, tensor<?x3x1xi4>)
  %r4, %t4, %y4 = compress.dynamic_quantize %x row
     : (tensor<?x3x8xf32>) -> (tensor<?x3x8xi4>, tensor<?x3x1xf32>, tensor<?x3x1xi4>)
  // CHECK: compress.dynamic_quantize %{{.*}} tensor : (tensor<?x3x8xf32>) -> (tensor<?x3x8xui4>, tensor<f32>, tensor<ui4>)
  %q4, %s4, %z4 = compress.dynamic_quantize %x tensor
     : (tensor<?x3x8xf32>) -> (tensor<?x3x8xui4>, tensor<f32>, tensor<ui4>)
  return
}

// CHECK-LABEL: func.func @fake_quantize
func.func @fake_quantize(%x: tensor<64x256xf32>, %s: tensor<64x8xf32>, %z: tensor<64x8xui4>) {
  // CHECK: compress.fake_quantize %{{.*}}, %{{.*}} as i4 {block = array<i64: 1, 32>} : (tensor<64x256xf32>, tensor<64x8xf32>) -> tensor<64x256xf32>
  %0 = compress.fake_quantize %x, %s as i4 {block = array<i64: 1, 32>}
     : (tensor<64x256xf32>, tensor<64x8xf32>) -> tensor<64x256xf32>
  // CHECK: compress.fake_quantize %{{.*}}, %{{.*}}, %{{.*}} as ui4 {block
  %1 = compress.fake_quantize %x, %s, %z as ui4 {block = array<i64: 1, 32>}
     : (tensor<64x256xf32>, tensor<64x8xf32>, tensor<64x8xui4>) -> tensor<64x256xf32>
  return
}

// CHECK-LABEL: func.func @fake_quantize_formats
func.func @fake_quantize_formats(%x: tensor<?x256xf32>, %s: tensor<?x8xf32>, %t: tensor<16xf32>) {
  // CHECK: compress.fake_quantize %{{.*}}, %{{.*}} as f4E2M1FN {block = array<i64: 1, 32>} : (tensor<?x256xf32>, tensor<?x8xf32>) -> tensor<?x256xf32>
  %0 = compress.fake_quantize %x, %s as f4E2M1FN {block = array<i64: 1, 32>}
     : (tensor<?x256xf32>, tensor<?x8xf32>) -> tensor<?x256xf32>
  // CHECK: compress.fake_quantize %{{.*}}, %{{.*}} as ui4 table %{{.*}} {block = array<i64: 1, 32>} : (tensor<?x256xf32>, tensor<?x8xf32>, tensor<16xf32>) -> tensor<?x256xf32>
  %1 = compress.fake_quantize %x, %s as ui4 table %t {block = array<i64: 1, 32>}
     : (tensor<?x256xf32>, tensor<?x8xf32>, tensor<16xf32>) -> tensor<?x256xf32>
  return
}

// CHECK-LABEL: func.func @mask
func.func @mask(%w: tensor<64x256xf32>, %m: tensor<64x256xi1>, %c: tensor<64x1xi1>) {
  // CHECK: compress.mask %{{.*}}, %{{.*}} : tensor<64x256xf32>, tensor<64x256xi1>
  %0 = compress.mask %w, %m : tensor<64x256xf32>, tensor<64x256xi1>
  // CHECK: compress.mask %{{.*}}, %{{.*}} : tensor<64x256xf32>, tensor<64x1xi1>
  %1 = compress.mask %w, %c : tensor<64x256xf32>, tensor<64x1xi1>
  return
}

// CHECK-LABEL: func.func @lookup
func.func @lookup(%c: tensor<64x64xui4>, %t: tensor<16xf32>, %b: tensor<8xi1>, %u: tensor<2xf16>) {
  // CHECK: compress.lookup %{{.*}}, %{{.*}} : (tensor<64x64xui4>, tensor<16xf32>) -> tensor<64x64xf32>
  %0 = compress.lookup %c, %t : (tensor<64x64xui4>, tensor<16xf32>) -> tensor<64x64xf32>
  // CHECK: compress.lookup %{{.*}}, %{{.*}} : (tensor<8xi1>, tensor<2xf16>) -> tensor<8xf16>
  %1 = compress.lookup %b, %u : (tensor<8xi1>, tensor<2xf16>) -> tensor<8xf16>
  return
}

// CHECK-LABEL: func.func @lookup_scaled
func.func @lookup_scaled(%c: tensor<?x64xui4>, %t: tensor<16xf32>, %s: tensor<?x2xf32>, %u: tensor<f32>) {
  // CHECK: compress.lookup %{{.*}}, %{{.*}}, %{{.*}} {block = array<i64: 1, 32>} : (tensor<?x64xui4>, tensor<16xf32>, tensor<?x2xf32>) -> tensor<?x64xf32>
  %0 = compress.lookup %c, %t, %s {block = array<i64: 1, 32>}
     : (tensor<?x64xui4>, tensor<16xf32>, tensor<?x2xf32>) -> tensor<?x64xf32>
  // CHECK: compress.lookup %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x64xui4>, tensor<16xf32>, tensor<f32>) -> tensor<?x64xf32>
  %1 = compress.lookup %c, %t, %u : (tensor<?x64xui4>, tensor<16xf32>, tensor<f32>) -> tensor<?x64xf32>
  return
}

// CHECK-LABEL: func.func @expand_nm
func.func @expand_nm(%q: tensor<64x128xi4>, %p: tensor<64x32xi8>, %r: tensor<5x3xi8>, %s: tensor<5x2xi8>) {
  // CHECK: compress.expand_nm %{{.*}}, %{{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64} : (tensor<64x128xi4>, tensor<64x32xi8>) -> tensor<64x256xi4>
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64}
     : (tensor<64x128xi4>, tensor<64x32xi8>) -> tensor<64x256xi4>
  // Ten rows in groups of eight keep three and two; three positions of three bits take two bytes.
  // CHECK: compress.expand_nm {{.*}} {axis = 0 : i64, fill = -3 : i64, m = 8 : i64, n = 3 : i64} : (tensor<5x3xi8>, tensor<5x2xi8>) -> tensor<10x3xi8>
  %1 = compress.expand_nm %r, %s {n = 3 : i64, m = 8 : i64, axis = 0 : i64, fill = -3 : i64}
     : (tensor<5x3xi8>, tensor<5x2xi8>) -> tensor<10x3xi8>
  return
}

// CHECK-LABEL: func.func @expand_bitmap
func.func @expand_bitmap(%c: tensor<7xui8>, %b: tensor<2xi8>) {
  // CHECK: compress.expand_bitmap %{{.*}}, %{{.*}} {fill = 255 : i64} : (tensor<7xui8>, tensor<2xi8>) -> tensor<3x5xui8>
  %0 = compress.expand_bitmap %c, %b {fill = 255 : i64}
     : (tensor<7xui8>, tensor<2xi8>) -> tensor<3x5xui8>
  return
}
