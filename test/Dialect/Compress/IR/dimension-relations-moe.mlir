// RUN: compress-opt %s --compress-print-dimension-relations --verify-diagnostics -o /dev/null

// Hidden units of all experts go together, and so do channels of the tokens. Experts stay.
func.func @moe(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %b: tensor<3xf32>, %w1: tensor<3x4x8xf32>, %w3: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = in1[1]; in0[1] = in3[1]; in5[2] = out0[1]; in3[2] = in5[1]; in0[1] = in4[1]; in3[2] = in4[2]; in4[0] fixed: experts are removed by compress-prune-experts; in1[0] fixed: experts are removed by compress-prune-experts; in3[0] fixed: experts are removed by compress-prune-experts; in5[0] fixed: experts are removed by compress-prune-experts; in2[0] fixed: experts are removed by compress-prune-experts)}}
  %0 = compress.moe %x router %r bias %b experts %w1 times %w3, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3xf32>, tensor<3x4x8xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}
