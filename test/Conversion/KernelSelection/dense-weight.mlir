// RUN: compress-opt %s --convert-compress-to-linalg=target=avx512vnni | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-linalg=target=avx512vnni --remarks-filter=kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Scales in blocks along both dims have no kernel: the weight is decoded now, and a remark says so.

compress.weight private @c : tensor<16x8xi8> = dense<1>
compress.weight private @s : tensor<8x4xf32> = dense<0.5>

// REMARK: remark: {{.*}}dense-weight{{.*}}'c' is decoded at compile time: its scales are blocked along several dims
// CHECK-LABEL: func.func @no_kernel(
// CHECK: compress.kernel_call @linear_f32_16x8_avx512vnni
func.func @no_kernel(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %c = compress.load @c : tensor<16x8xi8>
  %s = compress.load @s : tensor<8x4xf32>
  %w = compress.dequantize %c, %s {block = array<i64: 2, 2>} : (tensor<16x8xi8>, tensor<8x4xf32>) -> tensor<16x8xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
