// RUN: compress-opt %s --split-input-file --compress-merge-adapters --remarks-filter=adapters --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-merge-adapters | compress-opt --split-input-file --compress-merge-adapters | FileCheck %s

// W + 2 B A with a factor of rank 1, in all the layouts that exporters write.
// CHECK: compress.weight private @w : tensor<3x2xf32> = dense<{{\[}}[2.000000e+00, -1.000000e+00], [3.000000e+00, -3.000000e+00], [4.000000e+00, -5.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @w : tensor<3x2xf32> = dense<1.0>
compress.weight private @a : tensor<3x1xf32> = dense<[[1.0], [2.0], [3.0]]>
compress.weight private @b : tensor<1x2xf32> = dense<[[0.5, -1.0]]>
compress.weight private @s : tensor<f32> = dense<2.0>
// CHECK-LABEL: func.func @merges
// CHECK-SAME: %[[X:.+]]: tensor<?x5x3xf32>
// CHECK-NEXT: %[[W:.+]] = compress.load @w : tensor<3x2xf32>
// CHECK-NEXT: %[[Y:.+]] = compress.linear kn %[[X]], %[[W]] {name = "fc"}
// CHECK-NEXT: return %[[Y]]
func.func @merges(%x: tensor<?x5x3xf32>) -> tensor<?x5x2xf32> {
  %w = compress.load @w : tensor<3x2xf32>
  // expected-remark@below {{weight 'w' of "fc": adapter of rank 1 is merged}}
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x5x3xf32>, tensor<3x2xf32>) -> tensor<?x5x2xf32>
  %a = compress.load @a : tensor<3x1xf32>
  %h = compress.linear kn %x, %a {name = "fc/lora_A"} : (tensor<?x5x3xf32>, tensor<3x1xf32>) -> tensor<?x5x1xf32>
  %b = compress.load @b : tensor<1x2xf32>
  %d = compress.linear kn %h, %b {name = "fc/lora_B"} : (tensor<?x5x1xf32>, tensor<1x2xf32>) -> tensor<?x5x2xf32>
  %s = compress.load @s : tensor<f32>
  %m = compress.mul %d, %s : (tensor<?x5x2xf32>, tensor<f32>) -> tensor<?x5x2xf32>
  %r = compress.add %y, %m : (tensor<?x5x2xf32>, tensor<?x5x2xf32>) -> tensor<?x5x2xf32>
  return %r : tensor<?x5x2xf32>
}

// -----

// Weights [out, in] as Gemm has them, a bias added on the way, constants before A (as a divisor), between the factors and behind them, the branch on the left.
// CHECK: compress.weight private @w : tensor<2x3xf32> = dense<{{\[}}[2.000000e+00, 3.000000e+00, 4.000000e+00], [-1.000000e+00, -3.000000e+00, -5.000000e+00]]>
compress.weight private @w : tensor<2x3xf32> = dense<1.0>
compress.weight private @a : tensor<1x3xf32> = dense<[[1.0, 2.0, 3.0]]>
compress.weight private @b : tensor<2x1xf32> = dense<[[0.5], [-1.0]]>
compress.weight private @bias : tensor<2xf32> = dense<[1.0, 2.0]>
// CHECK-LABEL: func.func @merges_scales
// CHECK-SAME: %[[X:.+]]: tensor<?x3xf32>
// CHECK: %[[Y:.+]] = compress.linear nk %[[X]], %{{.+}} {name = "fc"}
// CHECK: %[[Z:.+]] = compress.add %[[Y]], %{{.+}} : (tensor<?x2xf32>, tensor<2xf32>)
// CHECK-NEXT: return %[[Z]]
func.func @merges_scales(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x3xf32>
  // expected-remark@below {{weight 'w' of "fc": adapter of rank 1 is merged}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  %two = compress.constant dense<2.0> : tensor<f32>
  %half = compress.constant dense<0.5> : tensor<1xf32>
  %x2 = compress.div %x, %half : (tensor<?x3xf32>, tensor<1xf32>) -> tensor<?x3xf32>
  %a = compress.load @a : tensor<1x3xf32>
  %h = compress.linear nk %x2, %a {name = "a"} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %h2 = compress.mul %two, %h : (tensor<f32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %d = compress.linear nk %h2, %b {name = "b"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %d2 = compress.mul %d, %half : (tensor<?x2xf32>, tensor<1xf32>) -> tensor<?x2xf32>
  %bias = compress.load @bias : tensor<2xf32>
  %z = compress.add %y, %bias : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %r = compress.add %d2, %z : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// -----

// Two adapters of one op; a branch in f32 beside a model in f16 (the sum, 1 + 0.25 ulp + 0.41 ulp, is rounded once).
// CHECK: compress.weight private @w : tensor<2x2xf16> = dense<{{\[}}[1.000980e+00, 5.000000e+00], [1.001950e+00, 3.500000e+00]]>
compress.weight private @w : tensor<2x2xf16> = dense<[[1.0, 3.0], [1.0, 2.0]]>
compress.weight private @a : tensor<1x2xf32> = dense<[[0.000244140625, 1.0]]>
compress.weight private @b : tensor<2x1xf32> = dense<[[1.0], [0.5]]>
compress.weight private @c : tensor<1x2xf16> = dense<[[0.001953125, 1.0]]>
compress.weight private @d : tensor<2x1xf16> = dense<[[0.0], [1.0]]>
compress.weight private @e : tensor<2x1xf16> = dense<[[1.0], [0.0]]>
compress.weight private @f : tensor<1x2xf16> = dense<[[0.0004, 1.0]]>
// CHECK-LABEL: func.func @merges_two
// CHECK-COUNT-1: compress.linear nk
// CHECK-NOT: compress.linear
func.func @merges_two(%x: tensor<?x2xf16>) -> tensor<?x2xf16> {
  %w = compress.load @w : tensor<2x2xf16>
  // expected-remark@below {{weight 'w' of "fc": adapter of rank 3 is merged}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf16>
  %xf = compress.cast %x : (tensor<?x2xf16>) -> tensor<?x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %h = compress.linear nk %xf, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %k = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %k16 = compress.cast %k : (tensor<?x2xf32>) -> tensor<?x2xf16>
  %r = compress.add %y, %k16 : (tensor<?x2xf16>, tensor<?x2xf16>) -> tensor<?x2xf16>
  %c = compress.load @c : tensor<1x2xf16>
  %d = compress.load @d : tensor<2x1xf16>
  %l = compress.linear nk %x, %c : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
  %m = compress.linear nk %l, %d : (tensor<?x1xf16>, tensor<2x1xf16>) -> tensor<?x2xf16>
  %r2 = compress.add %r, %m : (tensor<?x2xf16>, tensor<?x2xf16>) -> tensor<?x2xf16>
  %e = compress.load @e : tensor<2x1xf16>
  %f = compress.load @f : tensor<1x2xf16>
  %o = compress.linear nk %x, %f : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
  %p = compress.linear nk %o, %e : (tensor<?x1xf16>, tensor<2x1xf16>) -> tensor<?x2xf16>
  %r3 = compress.add %r2, %p : (tensor<?x2xf16>, tensor<?x2xf16>) -> tensor<?x2xf16>
  return %r3 : tensor<?x2xf16>
}

// -----

// A factor of zeros, as training starts with: the weight keeps its bits, also those of -0.
// CHECK: compress.weight private @w : tensor<2x2xf32> = dense<{{\[}}[-0.000000e+00, 1.000000e-01], [2.000000e+00, 3.000000e+00]]>
compress.weight private @w : tensor<2x2xf32> = dense<[[-0.0, 0.1], [2.0, 3.0]]>
compress.weight private @a : tensor<1x2xf32> = dense<[[0.3, -1.0]]>
compress.weight private @b : tensor<2x1xf32> = dense<0.0>
// CHECK-LABEL: func.func @identity_at_init
// CHECK-COUNT-1: compress.linear nk
// CHECK-NOT: compress.linear
func.func @identity_at_init(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  // expected-remark@below {{weight 'w' of "fc": adapter of rank 1 is merged, which changes nothing}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %k = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %k : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
