// RUN: compress-opt %s --compress-lower-decode --split-input-file --verify-diagnostics

func.func @unknown_length(%q: tensor<?x1xui8>, %t: tensor<1x1x256x4xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{'compress.lookup_vectors' op cannot be lowered: the length of dim 0 is not known}}
  %w = compress.lookup_vectors %q, %t {axis = 0} : (tensor<?x1xui8>, tensor<1x1x256x4xf32>) -> tensor<?xf32>
  return %w : tensor<?xf32>
}

// -----

func.func @unknown_tables(%q: tensor<2x1xui8>, %t: tensor<1x1x?x4xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'compress.lookup_vectors' op cannot be lowered: the shape of its tables is not known}}
  %w = compress.lookup_vectors %q, %t {axis = 0} : (tensor<2x1xui8>, tensor<1x1x?x4xf32>) -> tensor<8xf32>
  return %w : tensor<8xf32>
}

// -----

func.func @wide_codes(%q: tensor<2x1xui64>, %t: tensor<1x1x2x4xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'compress.lookup_vectors' op cannot be lowered: codes of type 'ui64'}}
  %w = compress.lookup_vectors %q, %t {axis = 0} : (tensor<2x1xui64>, tensor<1x1x2x4xf32>) -> tensor<8xf32>
  return %w : tensor<8xf32>
}
