// RUN: compress-opt %s --compress-fold-decode --split-input-file --verify-diagnostics

compress.weight private @w.q : tensor<1x2x1xui16> = dense<[[[0], [700]]]>
compress.weight private @w.tables : tensor<1x1x3x2xf32> = dense<1.0>
func.func @code_without_an_entry() -> tensor<1x4xf32> {
  %q = compress.load @w.q : tensor<1x2x1xui16>
  %t = compress.load @w.tables : tensor<1x1x3x2xf32>
  // expected-error @+1 {{code 1 is outside tables of 3 entries}}
  %w = compress.lookup_vectors %q, %t {axis = 1} : (tensor<1x2x1xui16>, tensor<1x1x3x2xf32>) -> tensor<1x4xf32>
  return %w : tensor<1x4xf32>
}
