// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @conv_c1_rank(%x: tensor<1x2xf32>, %w: tensor<3x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects input and weight of one rank of at least 3, got [1, 2] and [3, 2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c1_ranks(%x: tensor<1x2x4x4xf32>, %w: tensor<3x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects input and weight of one rank of at least 3, got [1, 2, 4, 4] and [3, 2, 2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c2_strides(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects 1 positive strides, got [0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 0>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c2_pads(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects 2 non-negative pads, got [0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0>, dilations = array<i64: 1>} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c2_negative_pads(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects 2 non-negative pads, got [0, -1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, -1>, dilations = array<i64: 1>} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c2_dilations(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects 1 positive dilations, got [1, 1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c3_groups(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects a positive number of groups, got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 0 : i64} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c3_channels(%x: tensor<1x3x4xf32>, %w: tensor<4x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects an input with 2 * 2 channels, got 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 2 : i64} : (tensor<1x3x4xf32>, tensor<4x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c3_outputs(%x: tensor<1x4x4xf32>, %w: tensor<5x2x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects output channels to be a multiple of the 2 groups, got 5}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 2 : i64} : (tensor<1x4x4xf32>, tensor<5x2x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c3_overflow(%x: tensor<1x?x4xf32>, %w: tensor<4x4294967296x2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects a number of channels of less than 2^63, got 4294967296 groups of 4294967296}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 4294967296 : i64} : (tensor<1x?x4xf32>, tensor<4x4294967296x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c4_kernel(%x: tensor<1x2x4xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error@+2 {{'compress.conv' op expects a dilated kernel that fits into the padded input size 4, got 5}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 2>} : (tensor<1x2x4xf32>, tensor<3x2x3xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c4_huge_dilation(%x: tensor<1x2x4xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error@+2 {{'compress.conv' op expects a dilated kernel of less than 2^63, got kernel 3 and dilation 9223372036854775807}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 9223372036854775807>} : (tensor<1x2x4xf32>, tensor<3x2x3xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c4_huge_pads(%x: tensor<1x2x4xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error@+2 {{'compress.conv' op expects sizes of less than 2^63, got 4 and 9223372036854775807}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 9223372036854775807, 0>, dilations = array<i64: 1>} : (tensor<1x2x4xf32>, tensor<3x2x3xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c5_bias(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf32>, %b: tensor<2xf32>) {
  // expected-error@+2 {{'compress.conv' op expects a bias of shape [3], got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w bias %b {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x4xf32>, tensor<3x2x2xf32>, tensor<2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_c6_element_types(%x: tensor<1x2x4xf32>, %w: tensor<3x2x2xf16>) {
  // expected-error@+2 {{'compress.conv' op expects operands of one element type, a float or an integer of at least 32 bits, or of 8-bit integers, got f32 and f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x4xf32>, tensor<3x2x2xf16>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c1_rank(%x: tensor<1x2xf32>, %w: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects input and weight of one rank of at least 3, got [1, 2] and [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c2_strides(%x: tensor<1x2x4xf32>, %w: tensor<2x3x2xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects 1 positive strides, got [1, 1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<1x2x4xf32>, tensor<2x3x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c3_channels(%x: tensor<1x2x4xf32>, %w: tensor<3x3x2xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects an input with 3 channels, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<1x2x4xf32>, tensor<3x3x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c3_groups(%x: tensor<1x3x4xf32>, %w: tensor<3x3x2xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects input channels to be a multiple of the 2 groups, got 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, groups = 2 : i64} : (tensor<1x3x4xf32>, tensor<3x3x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c4_output_padding(%x: tensor<1x2x4xf32>, %w: tensor<2x3x2xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects 1 non-negative output paddings, got [-1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: -1>} : (tensor<1x2x4xf32>, tensor<2x3x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c5_bias(%x: tensor<1x2x4xf32>, %w: tensor<2x3x2xf32>, %b: tensor<3xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects a bias of shape [6], got [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w bias %b {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, groups = 2 : i64} : (tensor<1x2x4xf32>, tensor<2x3x2xf32>, tensor<3xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c6_element_types(%x: tensor<1x2x4xf32>, %w: tensor<2x3x2xf16>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects operands of one element type, a float or an integer of at least 32 bits, or of 8-bit integers, got f32 and f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<1x2x4xf32>, tensor<2x3x2xf16>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @conv_transpose_c7_size(%x: tensor<1x2x1xf32>, %w: tensor<2x3x2xf32>) {
  // expected-error@+2 {{'compress.conv_transpose' op expects positive result sizes of less than 2^63, got input size 1, stride 1, dilated kernel 2, pads 1 and 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<1x2x1xf32>, tensor<2x3x2xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @pool_c1_rank(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.pool' op expects an input of rank 3 or more, got [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pool max %x {kernel = array<i64: 2>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @pool_c2_kernel(%x: tensor<2x3x4xf32>) {
  // expected-error@+2 {{'compress.pool' op expects 1 positive kernel sizes, got [0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pool max %x {kernel = array<i64: 0>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x3x4xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @pool_c2_strides(%x: tensor<2x3x4xf32>) {
  // expected-error@+2 {{'compress.pool' op expects 1 positive strides, got [-1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pool max %x {kernel = array<i64: 2>, strides = array<i64: -1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x3x4xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @pool_c3_kernel(%x: tensor<2x3x4xf32>) {
  // expected-error@+2 {{'compress.pool' op expects a dilated kernel that fits into the padded input size 4, got 5}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pool max %x {kernel = array<i64: 5>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x3x4xf32>) -> tensor<?x?x?xf32>
  return
}
