// RUN: compress-opt %s --compress-raise-composites --split-input-file --remarks-filter=raise --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// What looks like attention but is not is named, with the reason; other things just stay.

// CHECK-LABEL: func.func @scores_used
// CHECK-NOT: compress.attention
// CHECK: compress.softmax
func.func @scores_used(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>) -> (tensor<?x2x3x6xf32>, tensor<?x2x3x5xf32>) {
  %c2 = compress.constant dense<2.0> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: the scores have other users}}
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3, %1 : tensor<?x2x3x6xf32>, tensor<?x2x3x5xf32>
}

// -----

// CHECK-LABEL: func.func @weights_used
// CHECK-NOT: compress.attention
// CHECK: compress.softmax
func.func @weights_used(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>) -> (tensor<?x2x3x6xf32>, tensor<?x2x3x5xf32>) {
  %c2 = compress.constant dense<2.0> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: its weights have other users}}
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3, %2 : tensor<?x2x3x6xf32>, tensor<?x2x3x5xf32>
}

// -----

// CHECK-LABEL: func.func @other_axis
// CHECK-NOT: compress.attention
// CHECK: compress.softmax
func.func @other_axis(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32> {
  %c2 = compress.constant dense<2.0> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: its softmax is not along the last dim}}
  %2 = compress.softmax %1 {axis = 2 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>
}

// -----

// CHECK-LABEL: func.func @scaled_mask
// CHECK-NOT: compress.attention
// CHECK: compress.softmax
func.func @scaled_mask(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %m: tensor<3x5xf32>) -> tensor<?x2x3x6xf32> {
  %c2 = compress.constant dense<2.0> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %a = compress.add %1, %m : (tensor<?x2x3x5xf32>, tensor<3x5xf32>) -> tensor<?x2x3x5xf32>
  %b = compress.mul %a, %c2 : (tensor<?x2x3x5xf32>, tensor<f32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: the mask is scaled with the scores}}
  %2 = compress.softmax %b {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>
}

// -----

// CHECK-LABEL: func.func @small_fill
// CHECK-NOT: compress.attention
// CHECK: compress.softmax
func.func @small_fill(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %m: tensor<3x5xi1>) -> tensor<?x2x3x6xf32> {
  %c2 = compress.constant dense<2.0> : tensor<f32>
  %fill = compress.constant dense<-1.0e4> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %a = compress.where %m, %fill, %1 : (tensor<3x5xi1>, tensor<f32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: masked scores are not set to -1e8 or less}}
  %2 = compress.softmax %a {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>
}

// -----

// CHECK-LABEL: func.func @clamped
// CHECK-NOT: compress.attention
// CHECK: compress.softmax
func.func @clamped(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32> {
  %c2 = compress.constant dense<2.0> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %a = compress.max %1, %c2 : (tensor<?x2x3x5xf32>, tensor<f32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: the scores are clamped}}
  %2 = compress.softmax %a {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>
}

// -----

// The mask would make the scores larger.
// CHECK-LABEL: func.func @large_mask
// CHECK-NOT: compress.attention
func.func @large_mask(%q: tensor<1x2x3x4xf32>, %k: tensor<1x2x4x5xf32>, %v: tensor<7x2x5x6xf32>, %m: tensor<7x1x1x5xf32>) -> tensor<7x2x3x6xf32> {
  %1 = compress.matmul %q, %k : (tensor<1x2x3x4xf32>, tensor<1x2x4x5xf32>) -> tensor<1x2x3x5xf32>
  %a = compress.add %1, %m : (tensor<1x2x3x5xf32>, tensor<7x1x1x5xf32>) -> tensor<7x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: the batches of queries, keys and values differ}}
  %2 = compress.softmax %a {axis = 3 : i64} : (tensor<7x2x3x5xf32>) -> tensor<7x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<7x2x3x5xf32>, tensor<7x2x5x6xf32>) -> tensor<7x2x3x6xf32>
  return %3 : tensor<7x2x3x6xf32>
}

// -----

// CHECK-LABEL: func.func @unknown_heads
// CHECK-NOT: compress.attention
func.func @unknown_heads(%q: tensor<1x?x3x4xf32>, %k: tensor<1x?x4x5xf32>, %v: tensor<1x?x5x6xf32>) -> tensor<1x?x3x6xf32> {
  %1 = compress.matmul %q, %k : (tensor<1x?x3x4xf32>, tensor<1x?x4x5xf32>) -> tensor<1x?x3x5xf32>
  // expected-remark @+1 {{attention is left alone: the numbers of heads are not known}}
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<1x?x3x5xf32>) -> tensor<1x?x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<1x?x3x5xf32>, tensor<1x?x5x6xf32>) -> tensor<1x?x3x6xf32>
  return %3 : tensor<1x?x3x6xf32>
}

// -----

// CHECK-LABEL: func.func @half_precision
// CHECK-NOT: compress.attention
func.func @half_precision(%q: tensor<1x2x3x4xf16>, %k: tensor<1x2x4x5xf16>, %v: tensor<1x2x5x6xf16>) -> tensor<1x2x3x6xf16> {
  %1 = compress.matmul %q, %k : (tensor<1x2x3x4xf16>, tensor<1x2x4x5xf16>) -> tensor<1x2x3x5xf16>
  // expected-remark @+1 {{attention is left alone: it is not of f32}}
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<1x2x3x5xf16>) -> tensor<1x2x3x5xf16>
  %3 = compress.matmul %2, %v : (tensor<1x2x3x5xf16>, tensor<1x2x5x6xf16>) -> tensor<1x2x3x6xf16>
  return %3 : tensor<1x2x3x6xf16>
}

// -----

compress.weight private @keys : tensor<1x2x4x5xf32> = dense<1.0>
// CHECK-LABEL: func.func @constant_keys
// CHECK-NOT: compress.attention
func.func @constant_keys(%q: tensor<1x2x3x4xf32>, %v: tensor<1x2x5x6xf32>) -> tensor<1x2x3x6xf32> {
  %k = compress.load @keys : tensor<1x2x4x5xf32>
  %1 = compress.matmul %q, %k : (tensor<1x2x3x4xf32>, tensor<1x2x4x5xf32>) -> tensor<1x2x3x5xf32>
  // expected-remark @+1 {{attention is left alone: one of its products has a constant weight}}
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<1x2x3x5xf32>) -> tensor<1x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<1x2x3x5xf32>, tensor<1x2x5x6xf32>) -> tensor<1x2x3x6xf32>
  return %3 : tensor<1x2x3x6xf32>
}

// -----

// No attention at all: no remark.
// CHECK-LABEL: func.func @router
func.func @router(%x: tensor<?x4xf32>, %w: tensor<4x8xf32>, %e: tensor<8x4xf32>) -> tensor<?x4xf32> {
  // CHECK: compress.softmax
  %0 = compress.add %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = compress.softmax %0 {axis = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.matmul %1, %w : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  %3 = compress.matmul %2, %e : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// -----

// The variance is also a result.
// CHECK-LABEL: func.func @variance_used
// CHECK-NOT: compress.rms_norm
func.func @variance_used(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x1xf32>) {
  %eps = compress.constant dense<1.0e-3> : tensor<f32>
  %0 = compress.mul %x, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 1>} : (tensor<?x8xf32>) -> tensor<?x1xf32>
  %2 = compress.add %1, %eps : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = compress.sqrt %2 : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = compress.div %x, %3 : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  return %4, %1 : tensor<?x8xf32>, tensor<?x1xf32>
}

// -----

// Not over the last dims, not of this input, and not by a deviation.
// CHECK-LABEL: func.func @other_norms
// CHECK-NOT: compress.rms_norm
// CHECK-NOT: compress.layer_norm
func.func @other_norms(%x: tensor<8x8xf32>, %y: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %eps = compress.constant dense<1.0e-3> : tensor<f32>
  %0 = compress.mul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 0>} : (tensor<8x8xf32>) -> tensor<1x8xf32>
  %2 = compress.add %1, %eps : (tensor<1x8xf32>, tensor<f32>) -> tensor<1x8xf32>
  %3 = compress.sqrt %2 : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %4 = compress.div %x, %3 : (tensor<8x8xf32>, tensor<1x8xf32>) -> tensor<8x8xf32>
  %5 = compress.mul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %6 = compress.reduce mean %5 {axes = array<i64: 1>} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %7 = compress.add %6, %eps : (tensor<8x1xf32>, tensor<f32>) -> tensor<8x1xf32>
  %8 = compress.sqrt %7 : (tensor<8x1xf32>) -> tensor<8x1xf32>
  %9 = compress.div %y, %8 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  %10 = compress.mul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %11 = compress.reduce max %10 {axes = array<i64: 1>} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %12 = compress.add %11, %eps : (tensor<8x1xf32>, tensor<f32>) -> tensor<8x1xf32>
  %13 = compress.sqrt %12 : (tensor<8x1xf32>) -> tensor<8x1xf32>
  %14 = compress.div %x, %13 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  return %4, %9, %14 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// Another constant in each of them.
// CHECK-LABEL: func.func @other_activations
// CHECK-NOT: compress.gelu
func.func @other_activations(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %c = compress.constant dense<0.7> : tensor<f32>
  %one = compress.constant dense<1.0> : tensor<f32>
  %half = compress.constant dense<0.5> : tensor<f32>
  %sqrt2 = compress.constant dense<1.41421354> : tensor<f32>
  %0 = compress.mul %x, %c : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = compress.erf %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = compress.add %1, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = compress.mul %x, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = compress.mul %3, %half : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %5 = compress.div %x, %sqrt2 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %6 = compress.erf %5 : (tensor<8xf32>) -> tensor<8xf32>
  %7 = compress.add %6, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %8 = compress.mul %x, %7 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %4, %8 : tensor<8xf32>, tensor<8xf32>
}

// -----

// The halves are not exchanged; cos has rows that the input has not.
// CHECK-LABEL: func.func @other_rotations
// CHECK-NOT: compress.rotary_embedding
func.func @other_rotations(%x: tensor<1x8xf32>, %cos: tensor<1x8xf32>, %rows: tensor<5x8xf32>) -> (tensor<1x8xf32>, tensor<5x8xf32>) {
  %0, %1 = compress.split %x {axis = 1 : i64, sizes = array<i64: 4, 4>} : (tensor<1x8xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>)
  %2 = compress.neg %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %3 = compress.concat %2, %1 {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %4 = compress.mul %3, %cos : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %5 = compress.mul %x, %cos : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %6 = compress.add %5, %4 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %7, %8 = compress.split %x {axis = 1 : i64, sizes = array<i64: 4, 4>} : (tensor<1x8xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>)
  %9 = compress.neg %8 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %10 = compress.concat %9, %7 {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %11 = compress.mul %10, %cos : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %12 = compress.mul %x, %rows : (tensor<1x8xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
  %13 = compress.add %12, %11 : (tensor<5x8xf32>, tensor<1x8xf32>) -> tensor<5x8xf32>
  return %6, %13 : tensor<1x8xf32>, tensor<5x8xf32>
}
