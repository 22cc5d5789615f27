// RUN: compress-opt %s --compress-print-dimension-relations --verify-diagnostics -o /dev/null

// in0, in1, ... are operands, out0, ... results.

func.func @tables(%c: tensor<4x8xui4>, %t: tensor<4x1x16xf32>, %g: tensor<4x2x16xf32>, %s: tensor<4x1xf32>,
                  %v: tensor<4x2x2xui8>, %u: tensor<1x2x256x4xf32>) {
  // A table goes with its channel.
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[2] fixed: codes are indices of the table)}}
  %0 = compress.lookup %c, %t {table_block = array<i64: 1, -1>} : (tensor<4x8xui4>, tensor<4x1x16xf32>) -> tensor<4x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] fixed: each entry belongs to a block of elements; in1[2] fixed: codes are indices of the table; in2[0] = out0[0])}}
  %1 = compress.lookup %c, %g, %s {block = array<i64: 1, -1>, table_block = array<i64: 1, 4>}
     : (tensor<4x8xui4>, tensor<4x2x16xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] fixed: each code stands for a vector of elements; out0[1] fixed: each code stands for a vector of elements; in0[2] fixed: each code belongs to a codebook; in1[0] fixed: codes are indices of the tables; in1[1] fixed: codes are indices of the tables; in1[2] fixed: codes are indices of the tables; in1[3] fixed: codes are indices of the tables; in2[0] = out0[0])}}
  %2 = compress.lookup_vectors %v, %u, %s {axis = 1, block = array<i64: 1, -1>}
     : (tensor<4x2x2xui8>, tensor<1x2x256x4xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return
}
