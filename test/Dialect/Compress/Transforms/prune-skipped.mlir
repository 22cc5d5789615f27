// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file --verify-diagnostics --remarks-filter=prune | FileCheck %s

// Embedding tables are left alone by a pattern for all.
// CHECK: compress.weight private @table : tensor<2x4xf32>
compress.weight private @table : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]>
// CHECK-LABEL: func.func @no_embedding
func.func @no_embedding(%i: tensor<?xi64>) -> tensor<?x4xf32> {
  // CHECK: %[[W:.+]] = compress.load @table
  // CHECK-NEXT: compress.embedding %[[W]]
  %w = compress.load @table : tensor<2x4xf32>
  %y = compress.embedding %w, %i : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// A table that is also the head of the model is left alone: only one of the two users asks.
// CHECK: compress.weight private @tied : tensor<2x4xf32>
compress.weight private @tied : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]>
// CHECK-LABEL: func.func @no_tied_head
func.func @no_tied_head(%i: tensor<?xi64>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.expand_nm
  // CHECK: compress.linear nk
  %e = compress.load @tied : tensor<2x4xf32>
  // expected-remark @+1 {{weight 'tied' of "tok" is left alone: 'compress.embedding' "tok" shares its weight with 'compress.linear' "head", which has another plan}}
  %x = compress.embedding %e, %i {name = "tok"} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %w = compress.load @tied : tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "head"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Two users that agree: the weight is rewritten once, and stays one.
// CHECK: compress.weight private @shared.kept
// CHECK: compress.weight private @shared.meta
// CHECK-NOT: compress.weight
compress.weight private @shared : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
// CHECK-LABEL: func.func @tied_with_one_plan
func.func @tied_with_one_plan(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  // CHECK: compress.load @shared.kept
  // CHECK: %[[A:.+]] = compress.expand_nm
  // CHECK: compress.linear nk %{{.+}}, %[[A]]
  // CHECK: compress.load @shared.kept
  // CHECK: %[[B:.+]] = compress.expand_nm
  // CHECK: compress.linear nk %{{.+}}, %[[B]]
  %a = compress.load @shared : tensor<1x4xf32>
  // expected-remark @+1 {{weight 'shared' of "first": 2:4}}
  %y = compress.linear nk %x, %a {name = "first"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %b = compress.load @shared : tensor<1x4xf32>
  %z = compress.linear nk %x, %b {name = "second"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// The same bytes contracted along different dims cannot have one pattern.
// CHECK: compress.weight private @square
compress.weight private @square : tensor<4x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_tied_across_layouts
func.func @no_tied_across_layouts(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: compress.expand_nm
  %w = compress.load @square : tensor<4x4xf32>
  // expected-remark @+1 {{which contracts another dim of it}}
  %y = compress.linear nk %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %w {name = "b"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

// Another kind of op uses the weight as well.
// CHECK: compress.weight private @w
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_other_user
func.func @no_other_user(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<4x4xf32>) {
  // CHECK-NOT: compress.expand_nm
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @+1 {{weight 'w' of "fc" is left alone: it is also used by 'func.return', which is not a weighted op}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y, %w : tensor<?x4xf32>, tensor<4x4xf32>
}

// -----

// CHECK: compress.weight private @short
compress.weight private @short : tensor<2x3xf32> = dense<1.0>
// CHECK: compress.weight private @empty
compress.weight private @empty : tensor<0x4xf32> = dense<>
// CHECK-LABEL: func.func @no_short_contraction
func.func @no_short_contraction(%x: tensor<?x3xf32>, %z: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x0xf32>) {
  // CHECK-NOT: compress.expand_nm
  %w = compress.load @short : tensor<2x3xf32>
  // expected-remark @+1 {{weight 'short' of "short": not pruned to 2:4: the contraction has only 3 elements}}
  %y = compress.linear nk %x, %w : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  %e = compress.load @empty : tensor<0x4xf32>
  // expected-remark @+1 {{weight 'empty' of "empty": it is empty}}
  %n = compress.linear nk %z, %e : (tensor<?x4xf32>, tensor<0x4xf32>) -> tensor<?x0xf32>
  return %y, %n : tensor<?x2xf32>, tensor<?x0xf32>
}

// -----

// A matmul of two activations has no weight, and neither has a linear op whose weight is an argument.
// CHECK-LABEL: func.func @no_weight
func.func @no_weight(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NEXT: compress.matmul %{{.+}}, %{{.+}} : (
  // CHECK-NEXT: compress.linear kn %{{.+}}, %{{.+}} : (
  %y = compress.matmul %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

// It is pruned to this pattern already.
// CHECK: compress.weight private @w.kept
compress.weight private @w.kept : tensor<1x2xf32> = dense<[[3.0, 4.0]]>
compress.weight private @w.meta : tensor<1x1xi8> = dense<14>
// CHECK-LABEL: func.func @no_pattern_twice
func.func @no_pattern_twice(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %k = compress.load @w.kept : tensor<1x2xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  // expected-remark @+1 {{weight 'w.kept' of "fc": it is 2:4 already}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// CHECK: compress.weight private @floats
compress.weight private @floats : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
compress.weight private @scale : tensor<f32> = dense<0.5>
// CHECK-LABEL: func.func @no_fake_quantize
func.func @no_fake_quantize(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK-NOT: compress.expand_nm
  %c = compress.load @floats : tensor<1x4xf32>
  %s = compress.load @scale : tensor<f32>
  %w = compress.fake_quantize %c, %s as i4 : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xf32>
  // expected-remark @+1 {{weight 'floats' of "fc" is left alone: it is decoded by compress.fake_quantize}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// CHECK: compress.weight private @small : tensor<1x4xf8E4M3FN>
compress.weight private @small : tensor<1x4xf8E4M3FN> = dense<1.0>
// CHECK-LABEL: func.func @no_f8
func.func @no_f8(%x: tensor<?x4xf8E4M3FN>) -> tensor<?x1xf8E4M3FN> {
  // CHECK-NOT: compress.expand_nm
  %w = compress.load @small : tensor<1x4xf8E4M3FN>
  // expected-remark @+1 {{weight 'small' of "fc": its elements are f8E4M3FN, not f64, f32, f16 or bf16}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf8E4M3FN>, tensor<1x4xf8E4M3FN>) -> tensor<?x1xf8E4M3FN>
  return %y : tensor<?x1xf8E4M3FN>
}

// -----

// One function uses the weight as it is, the other one a part of it.
// CHECK: compress.weight private @w : tensor<1x4xf32>
compress.weight private @w : tensor<1x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_two_decodings
func.func @no_two_decodings(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x4xf32>
  // expected-remark @+1 {{weight 'w' of "a" is left alone: 'compress.linear' "a" shares its weight with 'compress.linear' "b", which decodes it in another way}}
  %y = compress.linear nk %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
func.func @other(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.mask
  // CHECK-NOT: compress.expand_nm
  %w = compress.load @w : tensor<1x4xf32>
  %m = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %p = compress.mask %w, %m : tensor<1x4xf32>, tensor<1x4xi1>
  %y = compress.linear nk %x, %p {name = "b"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// What is sparser already keeps its pattern.
// CHECK: compress.weight private @w.kept : tensor<1x1xf32>
compress.weight private @w.kept : tensor<1x1xf32> = dense<3.0>
compress.weight private @w.meta : tensor<1x1xi8> = dense<2>
// CHECK-LABEL: func.func @no_denser_pattern
func.func @no_denser_pattern(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 1 : i64}
  %k = compress.load @w.kept : tensor<1x1xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 1 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x1xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  // expected-remark @+1 {{weight 'w.kept' of "fc": it has the zeros of 2:4 already}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
