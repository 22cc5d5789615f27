// RUN: compress-opt %s --convert-compress-to-linalg=target=avx512vnni --split-input-file | FileCheck %s

// Codes stay codes: eight of them in a lane of 32 bits.

compress.weight private @q : tensor<64x70xi4> = dense<1>
compress.weight private @s : tensor<2x70xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q.panels64 : tensor<2x8x64xi32>
// CHECK-DAG: compress.weight private @q.panels64.scale : tensor<2x2x64xf32>
// CHECK-LABEL: func.func @int4(
// CHECK: compress.kernel_call @linear_i4m8g32_64x70_avx512vnni
// CHECK-NOT: tensor<64x70xf32>
// CHECK: return
func.func @int4(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<64x70xi4>
  %s = compress.load @s : tensor<2x70xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 32, 1>} : (tensor<64x70xi4>, tensor<2x70xf32>) -> tensor<64x70xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x64xf32>, tensor<64x70xf32>) -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// -----

// 2:4 along the contraction: codes and positions of what is kept.

compress.weight private @q : tensor<70x32xi4> = dense<1>
compress.weight private @p : tensor<70x8xi8> = dense<4>
compress.weight private @s : tensor<70x2xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q.panels64.t : tensor<2x4x64xi32>
// CHECK-DAG: compress.weight private @q.panels64.t.positions : tensor<2x2x64xi32>
// CHECK-LABEL: func.func @sparse(
// CHECK: compress.kernel_call @linear_i4m8g32_2of4_64x70_avx512vnni
func.func @sparse(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<70x32xi4>
  %p = compress.load @p : tensor<70x8xi8>
  %s = compress.load @s : tensor<70x2xf32>
  %d = compress.expand_nm %q, %p {n = 2, m = 4, axis = 1} : (tensor<70x32xi4>, tensor<70x8xi8>) -> tensor<70x64xi4>
  %w = compress.dequantize %d, %s {block = array<i64: 1, 32>} : (tensor<70x64xi4>, tensor<70x2xf32>) -> tensor<70x64xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x64xf32>, tensor<70x64xf32>) -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// -----

// 4-bit activations are bytes in memory: the kernel of 8-bit ones takes them.

compress.weight private @q : tensor<64x70xi8> = dense<1>
compress.weight private @s : tensor<1x70xf32> = dense<0.5>

// CHECK-LABEL: func.func @dynamic_four_bits(
// CHECK: compress.kernel_call @dynamic_quantize_i4_row_64
// CHECK: compress.kernel_call @linear_s8row_s8_64x70_avx512vnni
// CHECK-SAME: tensor<?x64xi8>, tensor<?x1xf32>, tensor<2x16x256xi8>, tensor<2x64xf32>
// CHECK-NOT: unrealized
func.func @dynamic_four_bits(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<64x70xi8>
  %s = compress.load @s : tensor<1x70xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<64x70xi8>, tensor<1x70xf32>) -> tensor<64x70xf32>
  %c, %cs, %cz = compress.dynamic_quantize %x row : (tensor<?x64xf32>) -> (tensor<?x64xi4>, tensor<?x1xf32>, tensor<?x1xi4>)
  %d = compress.dequantize %c, %cs {block = array<i64: 1, -1>} : (tensor<?x64xi4>, tensor<?x1xf32>) -> tensor<?x64xf32>
  %y = compress.linear kn %d, %w {name = "fc"} : (tensor<?x64xf32>, tensor<64x70xf32>) -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// -----

// 8-bit activations with an 8-bit weight per output channel are summed as integers.

compress.weight private @q : tensor<64x70xi8> = dense<1>
compress.weight private @s : tensor<1x70xf32> = dense<0.5>

// CHECK-LABEL: func.func @dynamic(
// CHECK: compress.kernel_call @linear_s8row_s8_64x70_avx512vnni
// CHECK-SAME: tensor<?x64xi8>, tensor<?x1xf32>, tensor<2x16x256xi8>, tensor<2x64xf32>
func.func @dynamic(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<64x70xi8>
  %s = compress.load @s : tensor<1x70xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<64x70xi8>, tensor<1x70xf32>) -> tensor<64x70xf32>
  %c, %cs, %cz = compress.dynamic_quantize %x row : (tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi8>)
  %d = compress.dequantize %c, %cs {block = array<i64: 1, -1>} : (tensor<?x64xi8>, tensor<?x1xf32>) -> tensor<?x64xf32>
  %y = compress.linear kn %d, %w {name = "fc"} : (tensor<?x64xf32>, tensor<64x70xf32>) -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// -----

// A palette is a table of values.

compress.weight private @c : tensor<16x8xui4> = dense<1>
compress.weight private @t : tensor<16xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @c.panels64 : tensor<1x2x64xi32>
// CHECK-DAG: compress.weight private @c.panels64.table : tensor<16xf32>
// CHECK-LABEL: func.func @palette(
// CHECK: compress.kernel_call @linear_i4g16t_16x8_avx512vnni
func.func @palette(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %c = compress.load @c : tensor<16x8xui4>
  %t = compress.load @t : tensor<16xf32>
  %w = compress.lookup %c, %t : (tensor<16x8xui4>, tensor<16xf32>) -> tensor<16x8xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// A stack of matrices, as the experts of a mixture, is one kernel.

compress.weight private @q : tensor<4x64x8xi4> = dense<1>
compress.weight private @s : tensor<4x2x8xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q.panels64 : tensor<4x8x64xi32>
// CHECK-DAG: compress.weight private @q.panels64.scale : tensor<4x2x64xf32>
// CHECK-LABEL: func.func @experts(
// CHECK: compress.kernel_call @stack4s_linear_i4m8g32_64x8_avx512vnni
// CHECK: compress.kernel_call @stack4_linear_i4m8g32_64x8_avx512vnni
func.func @experts(%x: tensor<?x64xf32>, %each: tensor<4x?x64xf32>) -> (tensor<4x?x8xf32>, tensor<4x?x8xf32>) {
  %q = compress.load @q : tensor<4x64x8xi4>
  %s = compress.load @s : tensor<4x2x8xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 32, 1>} : (tensor<4x64x8xi4>, tensor<4x2x8xf32>) -> tensor<4x64x8xf32>
  %y = compress.matmul %x, %w {name = "shared"} : (tensor<?x64xf32>, tensor<4x64x8xf32>) -> tensor<4x?x8xf32>
  %z = compress.matmul %each, %w {name = "own"} : (tensor<4x?x64xf32>, tensor<4x64x8xf32>) -> tensor<4x?x8xf32>
  return %y, %z : tensor<4x?x8xf32>, tensor<4x?x8xf32>
}
