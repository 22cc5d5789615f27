// RUN: compress-opt %s --compress-insert-fake-quant=format=int4 --split-input-file --verify-diagnostics --remarks-filter=fake-quant | FileCheck %s
// RUN: not compress-opt %s --compress-insert-fake-quant='format=int4 method=nope' --split-input-file 2>&1 | FileCheck %s --check-prefix=METHOD
// METHOD: error: {{.*}}unknown method 'nope'

compress.weight private @q : tensor<1x4xi8> = dense<3>
compress.weight private @s : tensor<1x1xf32> = dense<0.5>
compress.weight private @empty : tensor<0x4xf32> = dense<>
compress.weight private @table : tensor<4x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_quantized_or_empty_weight_or_embedding
func.func @no_quantized_or_empty_weight_or_embedding(%x: tensor<?x4xf32>, %i: tensor<?xi64>) -> (tensor<?x1xf32>, tensor<?x0xf32>, tensor<?x4xf32>) {
  // CHECK-NOT: compress.fake_quantize
  %q = compress.load @q : tensor<1x4xi8>
  %s = compress.load @s : tensor<1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<1x4xi8>, tensor<1x1xf32>) -> tensor<1x4xf32>
  // expected-remark @+1 {{weight of "fc" is left alone: it is quantized already}}
  %0 = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %e = compress.load @empty : tensor<0x4xf32>
  // expected-remark @+1 {{weight of "none" is left alone: it is empty}}
  %1 = compress.linear nk %x, %e {name = "none"} : (tensor<?x4xf32>, tensor<0x4xf32>) -> tensor<?x0xf32>
  %t = compress.load @table : tensor<4x4xf32>
  %2 = compress.embedding %t, %i : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  return %0, %1, %2 : tensor<?x1xf32>, tensor<?x0xf32>, tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<1x4xf32> = dense<3.0>
// CHECK-LABEL: func.func @once_for_two_users
func.func @once_for_two_users(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  // CHECK: %[[FAKE:.+]] = compress.fake_quantize
  // CHECK-NOT: compress.fake_quantize
  // CHECK: compress.linear nk %{{.+}}, %[[FAKE]]
  // CHECK: compress.linear nk %{{.+}}, %[[FAKE]]
  %w = compress.load @w : tensor<1x4xf32>
  // expected-remark @+1 {{weight of "a" is fake-quantized: int4,group=128,symmetric,convention=sym_signed_max,method=rtn,activations=none}}
  %0 = compress.linear nk %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // expected-remark @+1 {{weight of "b" is left alone: it is fake-quantized already}}
  %1 = compress.linear nk %x, %w {name = "b"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

compress.weight private @tied : tensor<2x4xf32> = dense<3.0>
// CHECK-LABEL: func.func @no_tied_head
func.func @no_tied_head(%i: tensor<?xi64>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.fake_quantize
  %w = compress.load @tied : tensor<2x4xf32>
  %x = compress.embedding %w, %i {name = "tok"} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  // expected-remark @+1 {{weight of "head" is left alone: it is also used by 'compress.embedding', which does not get the same fake quantization}}
  %y = compress.linear nk %x, %w {name = "head"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @nan : tensor<1x4xf32> = dense<0x7FC00000>
func.func @invalid_nan(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @nan : tensor<1x4xf32>
  // expected-error @+1 {{cannot quantize weight 'nan': element 0 is not finite}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
