// RUN: compress-opt %s --split-input-file --convert-compress-to-linalg="target=avx2" --remarks-filter=kernels --verify-diagnostics | FileCheck %s

// No kernel reads tables of blocks or codes of vectors: weights are decoded at compile time.

compress.weight private @q : tensor<16x8xui4> = dense<1>
compress.weight private @t : tensor<1x8x16xf32> = dense<0.5>
compress.weight private @s : tensor<16x1xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q.{{.*}}xf32>
// CHECK-LABEL: func.func @tables(
// CHECK-NOT: tensor.extract
// CHECK: compress.kernel_call @linear_f32{{.*}}
func.func @tables(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %q = compress.load @q : tensor<16x8xui4>
  %t = compress.load @t : tensor<1x8x16xf32>
  %s = compress.load @s : tensor<16x1xf32>
  %w = compress.lookup %q, %t, %s {block = array<i64: 1, -1>, table_block = array<i64: -1, 1>} : (tensor<16x8xui4>, tensor<1x8x16xf32>, tensor<16x1xf32>) -> tensor<16x8xf32>
  // expected-remark @+1 {{[Missed] dense-weight | Category:kernels | Remark="'q' is decoded at compile time: it has a table for each block"}}
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Codes of eight bits with a scale are no quantized weight.

compress.weight private @q : tensor<8x4x1xui8> = dense<1>
compress.weight private @t : tensor<1x1x256x4xf32> = dense<0.5>
compress.weight private @s : tensor<8x1xf32> = dense<0.5>

// CHECK-LABEL: func.func @vectors(
// CHECK-NOT: tensor.extract
// CHECK: compress.kernel_call @linear_f32{{.*}}
func.func @vectors(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %q = compress.load @q : tensor<8x4x1xui8>
  %t = compress.load @t : tensor<1x1x256x4xf32>
  %s = compress.load @s : tensor<8x1xf32>
  %w = compress.lookup_vectors %q, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<8x4x1xui8>, tensor<1x1x256x4xf32>, tensor<8x1xf32>) -> tensor<8x16xf32>
  // expected-remark @+1 {{[Missed] dense-weight | Category:kernels | Remark="'q' is decoded at compile time: its codes stand for vectors"}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x16xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

compress.weight private @q : tensor<8x8x1x1xui4> = dense<1>
compress.weight private @t : tensor<8x1x1x1x16xf32> = dense<0.5>
compress.weight private @v : tensor<8x2x1x1x2xui8> = dense<1>
compress.weight private @u : tensor<1x2x256x4xf32> = dense<0.5>

// CHECK-LABEL: func.func @conv(
// CHECK-NOT: tensor.extract
// CHECK-COUNT-2: compress.kernel_call
func.func @conv(%x: tensor<1x8x6x6xf32>) -> tensor<1x8x6x6xf32> {
  %q = compress.load @q : tensor<8x8x1x1xui4>
  %t = compress.load @t : tensor<8x1x1x1x16xf32>
  %w = compress.lookup %q, %t {table_block = array<i64: 1, -1, -1, -1>} : (tensor<8x8x1x1xui4>, tensor<8x1x1x1x16xf32>) -> tensor<8x8x1x1xf32>
  // expected-remark @+1 {{[Missed] dense-weight | Category:kernels | Remark="'q' is decoded at compile time: its codes are entries of a table"}}
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x6x6xf32>, tensor<8x8x1x1xf32>) -> tensor<1x8x6x6xf32>
  %v = compress.load @v : tensor<8x2x1x1x2xui8>
  %u = compress.load @u : tensor<1x2x256x4xf32>
  %z = compress.lookup_vectors %v, %u {axis = 1} : (tensor<8x2x1x1x2xui8>, tensor<1x2x256x4xf32>) -> tensor<8x8x1x1xf32>
  // expected-remark @+1 {{[Missed] dense-weight | Category:kernels | Remark="'v' is decoded at compile time: its codes stand for vectors"}}
  %r = compress.conv %y, %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x6x6xf32>, tensor<8x8x1x1xf32>) -> tensor<1x8x6x6xf32>
  return %r : tensor<1x8x6x6xf32>
}
