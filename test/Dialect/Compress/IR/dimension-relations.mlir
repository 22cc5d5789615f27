// RUN: compress-opt %s --compress-print-dimension-relations --verify-diagnostics -o /dev/null

// in0, in1, ... are operands, out0, ... results.

func.func @linear(%x: tensor<?x3x16xf32>, %w: tensor<32x16xf32>, %b: tensor<32xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = in1[1]; in1[0] = out0[2]; in2[0] = out0[2])}}
  %0 = compress.linear nk %x, %w bias %b
     : (tensor<?x3x16xf32>, tensor<32x16xf32>, tensor<32xf32>) -> tensor<?x3x32xf32>
  return
}

func.func @linear_kn(%x: tensor<4x16xf32>, %w: tensor<16x32xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = in1[0]; in1[1] = out0[1])}}
  %0 = compress.linear kn %x, %w : (tensor<4x16xf32>, tensor<16x32xf32>) -> tensor<4x32xf32>
  return
}

func.func @elementwise(%a: tensor<?x1x4xf32>, %b: tensor<3x4xf32>, %s: tensor<f32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] = out0[2]; in1[0] = out0[1]; in1[1] = out0[2])}}
  %0 = compress.add %a, %b : (tensor<?x1x4xf32>, tensor<3x4xf32>) -> tensor<?x3x4xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1])}}
  %1 = compress.relu %b : (tensor<3x4xf32>) -> tensor<3x4xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1])}}
  %2 = compress.clip %b min %s : (tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
  // expected-remark@+1 {{dimension relations ()}}
  %3 = compress.sqrt %s : (tensor<f32>) -> tensor<f32>
  return
}

func.func @matmul(%a: tensor<?x1x2x4xf32>, %b: tensor<5x4x3xf32>, %v: tensor<4xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in1[0] = out0[1]; in0[3] = in1[1]; in0[2] = out0[2]; in1[2] = out0[3])}}
  %0 = compress.matmul %a, %b : (tensor<?x1x2x4xf32>, tensor<5x4x3xf32>) -> tensor<?x5x2x3xf32>
  // expected-remark@+1 {{dimension relations (in1[0] = out0[0]; in0[0] = in1[1]; in1[2] = out0[1])}}
  %1 = compress.matmul %v, %b : (tensor<4xf32>, tensor<5x4x3xf32>) -> tensor<5x3xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[3] = in1[0]; in0[2] = out0[2])}}
  %2 = compress.matmul %a, %v : (tensor<?x1x2x4xf32>, tensor<4xf32>) -> tensor<?x1x2xf32>
  return
}

func.func @conv(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>, %b: tensor<6xf32>,
                %d: tensor<4x1x3xf32>, %g: tensor<6x2x3xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] fixed: a window slides over this dim; in1[2] fixed: positions of a convolution kernel; out0[2] fixed: a window slides over this dim; in2[0] = out0[1]; in0[1] = in1[1]; in1[0] = out0[1])}}
  %0 = compress.conv %x, %w bias %b {
    strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>
  }
     : (tensor<1x4x8xf32>, tensor<6x4x3xf32>, tensor<6xf32>) -> tensor<1x6x6xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] fixed: a window slides over this dim; in1[2] fixed: positions of a convolution kernel; out0[2] fixed: a window slides over this dim; in1[0] = out0[1]; in0[1] = out0[1])}}
  %1 = compress.conv %x, %d {
    strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 4 : i64
  }
     : (tensor<1x4x8xf32>, tensor<4x1x3xf32>) -> tensor<1x4x6xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] fixed: a window slides over this dim; in1[2] fixed: positions of a convolution kernel; out0[2] fixed: a window slides over this dim; in1[0] = out0[1]; in1[1] fixed: grouped convolution keeps its groups; in0[1] in blocks of 2 = out0[1] in blocks of 3)}}
  %2 = compress.conv %x, %g {
    strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 2 : i64
  }
     : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

func.func @conv_transpose(%x: tensor<1x4x8xf32>, %w: tensor<4x6x3xf32>, %b: tensor<6xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] fixed: a window slides over this dim; in1[2] fixed: positions of a convolution kernel; out0[2] fixed: a window slides over this dim; in2[0] = out0[1]; in0[1] = in1[0]; in1[1] = out0[1])}}
  %0 = compress.conv_transpose %x, %w bias %b {
    strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>
  }
     : (tensor<1x4x8xf32>, tensor<4x6x3xf32>, tensor<6xf32>) -> tensor<1x6x10xf32>
  return
}

func.func @embedding(%t: tensor<100x16xf32>, %i: tensor<?x7xi64>) {
  // expected-remark@+1 {{dimension relations (in1[0] = out0[0]; in1[1] = out0[1]; in0[0] fixed: rows are chosen by index; in0[1] = out0[2])}}
  %0 = compress.embedding %t, %i : (tensor<100x16xf32>, tensor<?x7xi64>) -> tensor<?x7x16xf32>
  return
}

func.func @pool(%x: tensor<1x4x8xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] fixed: a window slides over this dim; out0[2] fixed: a window slides over this dim)}}
  %0 = compress.pool max %x {
    kernel = array<i64: 2>, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>
  }
     : (tensor<1x4x8xf32>) -> tensor<1x4x4xf32>
  return
}

func.func @normalization(%x: tensor<?x4x8xf32>, %s: tensor<8xf32>, %c: tensor<4xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2]; in1[0] = out0[2])}}
  %0 = compress.layer_norm %x, %s {axis = 2 : i64}
     : (tensor<?x4x8xf32>, tensor<8xf32>) -> tensor<?x4x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2]; in1[0] = out0[1]; in1[0] = out0[1]; in1[0] = out0[1]; in1[0] = out0[1])}}
  %1 = compress.batch_norm %x, %c, %c, %c, %c
     : (tensor<?x4x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2]; in0[2] fixed: a softmax runs along this dim)}}
  %2 = compress.softmax %x {axis = 2 : i64} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] = out0[2])}}
  %3 = compress.reduce sum %x {axes = array<i64: 1>} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  // expected-remark@+1 {{dimension relations (in0[2] = out0[0])}}
  %4 = compress.reduce sum %x {axes = array<i64: 0, 1>, keepdims = false}
     : (tensor<?x4x8xf32>) -> tensor<8xf32>
  // expected-remark@+1 {{dimension relations (in0[1] fixed: positions along this dim are the result; in0[0] = out0[0]; in0[2] = out0[1])}}
  %5 = compress.argmax %x {axis = 1 : i64, keepdims = false}
     : (tensor<?x4x8xf32>) -> tensor<?x8xi64>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] = out0[2]; in0[1] fixed: a sum runs along this dim; out0[1] fixed: a sum runs along this dim)}}
  %6 = compress.cumsum %x {axis = 1 : i64} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return
}

func.func @top_k(%x: tensor<?x4xf32>, %k: tensor<1xi64>) {
  // expected-remark@+1 {{dimension relations (in0[1] fixed: positions along this dim are a result; in0[0] = out0[0]; out0[1] fixed: sorted by value; in0[0] = out1[0]; out1[1] fixed: sorted by value)}}
  %0, %1 = compress.top_k %x, %k {axis = 1 : i64}
     : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
  return
}

func.func @reshape_heads(%x: tensor<?x?x128xf32>, %y: tensor<?x4x?x32xf32>) {
  %s = compress.constant dense<[0, 0, 4, -1]> : tensor<4xi64>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: entries of a shape; in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2] * out0[3])}}
  %0 = compress.reshape %x, %s : (tensor<?x?x128xf32>, tensor<4xi64>) -> tensor<?x?x4x32xf32>
  return
}

func.func @reshape_groups(%x: tensor<4x6x5x1xf32>) {
  %s = compress.constant dense<[1, 8, 3, 5]> : tensor<4xi64>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: entries of a shape; in0[0] * in0[1] = out0[1] * out0[2]; in0[2] = out0[3])}}
  %0 = compress.reshape %x, %s : (tensor<4x6x5x1xf32>, tensor<4xi64>) -> tensor<1x8x3x5xf32>
  return
}

func.func @reshape_flatten(%x: tensor<?x16x?xf32>) {
  %s = compress.constant dense<[0, -1]> : tensor<2xi64>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: entries of a shape; in0[0] = out0[0]; in0[1] * in0[2] = out0[1])}}
  %0 = compress.reshape %x, %s : (tensor<?x16x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

func.func @reshape_unknown(%x: tensor<?x8x?x4x2xf32>, %s: tensor<4xi64>) {
  // expected-remark@+1 {{dimension relations (in1[0] fixed: entries of a shape; in0[3] * in0[4] = out0[2] * out0[3]; in0[0] fixed: reshape mixes this dim with others; in0[1] fixed: reshape mixes this dim with others; in0[2] fixed: reshape mixes this dim with others; out0[0] fixed: reshape mixes this dim with others; out0[1] fixed: reshape mixes this dim with others)}}
  %0 = compress.reshape %x, %s : (tensor<?x8x?x4x2xf32>, tensor<4xi64>) -> tensor<?x?x2x4xf32>
  return
}

func.func @shapes(%x: tensor<?x1x8xf32>) {
  %s = compress.constant dense<[3, 1]> : tensor<2xi64>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: entries of a shape; in0[0] = out0[0]; in0[2] = out0[2])}}
  %0 = compress.broadcast %x, %s : (tensor<?x1x8xf32>, tensor<2xi64>) -> tensor<?x3x8xf32>
  // expected-remark@+1 {{dimension relations (in0[2] = out0[0]; in0[0] = out0[1]; in0[1] = out0[2])}}
  %1 = compress.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<?x1x8xf32>) -> tensor<8x?x1xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] = out0[1])}}
  %2 = compress.squeeze %x {axes = array<i64: 1>} : (tensor<?x1x8xf32>) -> tensor<?x8xf32>
  // expected-remark@+1 {{dimension relations (out0[1] = in0[0]; out0[2] = in0[1]; out0[3] = in0[2])}}
  %3 = compress.unsqueeze %x {axes = array<i64: 0, 4>}
     : (tensor<?x1x8xf32>) -> tensor<1x?x1x8x1xf32>
  // expected-remark@+1 {{dimension relations (in0[2] fixed: its size is read; out0[0] fixed: entries of a shape)}}
  %4 = compress.shape %x {start = 2 : i64, end = 3 : i64} : (tensor<?x1x8xf32>) -> tensor<1xi64>
  return
}

func.func @concat(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>, %z: tensor<2x?xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] = out0[1] from 3 step 1)}}
  %0 = compress.concat %x, %y {axis = 1 : i64}
     : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] fixed: its offset in the concatenation is not known; out0[1] fixed: offsets in the concatenation are not known)}}
  %1 = compress.concat %z, %y {axis = 1 : i64}
     : (tensor<2x?xf32>, tensor<2x4xf32>) -> tensor<2x?xf32>
  return
}

func.func @split(%x: tensor<?x10xf32>) {
  // expected-remark@+1 {{dimension relations (out0[0] = in0[0]; out0[1] = in0[1]; out1[0] = in0[0]; out1[1] = in0[1] from 4 step 1)}}
  %p, %q = compress.split %x {axis = 1 : i64, sizes = array<i64: 4, 6>}
     : (tensor<?x10xf32>) -> (tensor<?x4xf32>, tensor<?x6xf32>)
  return
}

func.func @slice(%x: tensor<?x10x?xf32>, %i: tensor<1xi64>) {
  %start = compress.constant dense<[-2, 0]> : tensor<2xi64>
  %end = compress.constant dense<[-100, 9223372036854775807]> : tensor<2xi64>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: bounds of a slice; in2[0] fixed: bounds of a slice; in0[0] = out0[0]; out0[1] = in0[1] from 8 step -3; in0[2] = out0[2])}}
  %0 = compress.slice %x, %start, %end {axes = array<i64: 1, 2>, steps = array<i64: -3, 1>}
     : (tensor<?x10x?xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x3x?xf32>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: bounds of a slice; in1[0] fixed: bounds of a slice; in0[0] = out0[0]; in0[1] fixed: the bounds of its slice are not known; out0[1] fixed: the bounds of its slice are not known; in0[2] = out0[2])}}
  %1 = compress.slice %x, %i, %i {axes = array<i64: 1>, steps = array<i64: 1>}
     : (tensor<?x10x?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x?xf32>
  return
}

func.func @pad(%x: tensor<?x10xf32>) {
  %pads = compress.constant dense<[0, 2, 0, 1]> : tensor<4xi64>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: sizes of a padding; in0[0] = out0[0]; in0[1] = out0[1] from 2 step 1)}}
  %0 = compress.pad constant %x, %pads : (tensor<?x10xf32>, tensor<4xi64>) -> tensor<?x13xf32>
  return
}

func.func @indexing(%x: tensor<?x5x8xf32>, %i: tensor<2x3xi64>, %e: tensor<4x5x8xi32>,
                    %n: tensor<?x6x1xi64>, %u: tensor<4x5x8xf32>) {
  // expected-remark@+1 {{dimension relations (in0[1] fixed: elements of this dim are chosen by index; in0[0] = out0[0]; in0[2] = out0[3]; in1[0] = out0[1]; in1[1] = out0[2])}}
  %0 = compress.gather %x, %i {axis = 1 : i64}
     : (tensor<?x5x8xf32>, tensor<2x3xi64>) -> tensor<?x2x3x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] fixed: elements of this dim are chosen by index; in1[0] = out0[0]; in1[1] = out0[1]; in1[2] = out0[2]; out0[1] = in0[1]; out0[2] = in0[2])}}
  %1 = compress.gather_elements %x, %e {axis = 0 : i64}
     : (tensor<?x5x8xf32>, tensor<4x5x8xi32>) -> tensor<4x5x8xf32>
  // expected-remark@+1 {{dimension relations (in1[0] = out0[0]; in1[1] = out0[1]; in1[2] fixed: components of an index; in0[0] = out0[0]; in0[1] fixed: elements of this dim are chosen by index; in0[2] = out0[2])}}
  %2 = compress.gather_nd %x, %n {batch_dims = 1 : i64}
     : (tensor<?x5x8xf32>, tensor<?x6x1xi64>) -> tensor<?x6x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] fixed: elements of this dim are chosen by index; in0[1] fixed: elements of this dim are chosen by index; in0[2] fixed: elements of this dim are chosen by index; in1[0] fixed: elements of this dim are chosen by index; in1[1] fixed: elements of this dim are chosen by index; in1[2] fixed: elements of this dim are chosen by index; in2[0] fixed: elements of this dim are chosen by index; in2[1] fixed: elements of this dim are chosen by index; in2[2] fixed: elements of this dim are chosen by index; out0[0] fixed: elements of this dim are chosen by index; out0[1] fixed: elements of this dim are chosen by index; out0[2] fixed: elements of this dim are chosen by index)}}
  %3 = compress.scatter_elements add %x, %e, %u {axis = 0 : i64}
     : (tensor<?x5x8xf32>, tensor<4x5x8xi32>, tensor<4x5x8xf32>) -> tensor<?x5x8xf32>
  return
}

func.func @range(%n: tensor<i64>) {
  // expected-remark@+1 {{dimension relations (out0[0] fixed: its size is computed)}}
  %0 = compress.range %n, %n, %n : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}

func.func @quantization(%x: tensor<64x256xf32>, %s: tensor<64x2xf32>, %t: tensor<f32>,
                        %z: tensor<64x2xi4>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1])}}
  %0 = compress.quantize %x, %t : (tensor<64x256xf32>, tensor<f32>) -> tensor<64x256xi8>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] fixed: each entry belongs to a block of elements; in2[0] = out0[0]; in2[1] fixed: each entry belongs to a block of elements)}}
  %1 = compress.quantize %x, %s, %z {block = array<i64: 1, 128>}
     : (tensor<64x256xf32>, tensor<64x2xf32>, tensor<64x2xi4>) -> tensor<64x256xi4>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] fixed: each entry belongs to a block of elements)}}
  %2 = compress.dequantize %1, %s {block = array<i64: 1, 128>}
     : (tensor<64x256xi4>, tensor<64x2xf32>) -> tensor<64x256xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1])}}
  %3 = compress.fake_quantize %x, %t as i8 : (tensor<64x256xf32>, tensor<f32>) -> tensor<64x256xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; out1[0] = out0[0]; out2[0] = out0[0])}}
  %4, %5, %6 = compress.dynamic_quantize %x row
     : (tensor<64x256xf32>) -> (tensor<64x256xi8>, tensor<64x1xf32>, tensor<64x1xi8>)
  return
}

func.func @decoding(%w: tensor<64x256xf32>, %m: tensor<64x1xi1>, %c: tensor<64x64xui4>,
                    %t: tensor<16xf32>, %q: tensor<64x128xi4>, %p: tensor<64x32xi8>,
                    %k: tensor<7xui8>, %b: tensor<2xi8>, %s: tensor<64x2xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0])}}
  %0 = compress.mask %w, %m : tensor<64x256xf32>, tensor<64x1xi1>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] fixed: codes are indices of the table)}}
  %1 = compress.lookup %c, %t : (tensor<64x64xui4>, tensor<16xf32>) -> tensor<64x64xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] fixed: codes are indices of the table; in2[0] = out0[0]; in2[1] fixed: each entry belongs to a block of elements)}}
  %4 = compress.lookup %c, %t, %s {block = array<i64: 1, 32>}
     : (tensor<64x64xui4>, tensor<16xf32>, tensor<64x2xf32>) -> tensor<64x64xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] fixed: each entry belongs to a block of elements; in2[0] fixed: codes are indices of the table)}}
  %5 = compress.fake_quantize %w, %s as ui4 table %t {block = array<i64: 1, 128>}
     : (tensor<64x256xf32>, tensor<64x2xf32>, tensor<16xf32>) -> tensor<64x256xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in1[0] = out0[0]; in0[1] fixed: groups of the N:M pattern; out0[1] fixed: groups of the N:M pattern; in1[1] fixed: packed positions)}}
  %2 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64}
     : (tensor<64x128xi4>, tensor<64x32xi8>) -> tensor<64x256xi4>
  // expected-remark@+1 {{dimension relations (in0[0] fixed: an unstructured pattern of the flattened tensor; in1[0] fixed: an unstructured pattern of the flattened tensor; out0[0] fixed: an unstructured pattern of the flattened tensor; out0[1] fixed: an unstructured pattern of the flattened tensor)}}
  %3 = compress.expand_bitmap %k, %b : (tensor<7xui8>, tensor<2xi8>) -> tensor<3x5xui8>
  return
}

func.func @attention_grouped(%q: tensor<?x8x?x16xf32>, %k: tensor<?x2x?x16xf32>,
                             %m: tensor<1x8x?x?xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2]; in0[3] = in1[3]; in1[3] = out0[3]; in1[0] = in0[0]; in1[0] = in0[0]; in1[2] = in1[2]; in1[2] fixed: a softmax runs along this dim; in1[1] in blocks of 1 = in0[1] in blocks of 4; in1[1] in blocks of 1 = in0[1] in blocks of 4; in3[1] = in0[1]; in3[2] = in0[2]; in3[3] = in1[2])}}
  %0 = compress.attention bhsd %q, %k, %k mask %m {scale = 0.25 : f32}
     : (tensor<?x8x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<1x8x?x?xf32>) -> tensor<?x8x?x16xf32>
  return
}

func.func @conv_transpose_grouped(%x: tensor<1x4x8xf32>, %w: tensor<4x3x3xf32>, %n: tensor<1x?x8xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] fixed: a window slides over this dim; in1[2] fixed: positions of a convolution kernel; out0[2] fixed: a window slides over this dim; in1[0] = in0[1]; in1[1] fixed: grouped convolution keeps its groups; in0[1] in blocks of 2 = out0[1] in blocks of 3)}}
  %0 = compress.conv_transpose %x, %w {
    strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, groups = 2 : i64
  } : (tensor<1x4x8xf32>, tensor<4x3x3xf32>) -> tensor<1x6x17xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] fixed: a window slides over this dim; in1[2] fixed: positions of a convolution kernel; out0[2] fixed: a window slides over this dim; in1[0] = in0[1]; in1[1] fixed: grouped convolution keeps its groups; in0[1] fixed: grouped convolution keeps its groups; out0[1] fixed: grouped convolution keeps its groups)}}
  %1 = compress.conv_transpose %n, %w {
    strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, groups = 2 : i64
  } : (tensor<1x?x8xf32>, tensor<4x3x3xf32>) -> tensor<1x6x17xf32>
  return
}

func.func @gather_constant(%x: tensor<?x5x8xf32>, %d: tensor<?x?x8xf32>) {
  %i = compress.constant dense<[0, -1, 0]> : tensor<3xi64>
  // expected-remark@+1 {{dimension relations (out0[1] = in0[1] at 0, 4, 0; in0[0] = out0[0]; in0[2] = out0[2]; in1[0] = out0[1])}}
  %0 = compress.gather %x, %i {axis = 1 : i64} : (tensor<?x5x8xf32>, tensor<3xi64>) -> tensor<?x3x8xf32>
  // expected-remark@+1 {{dimension relations (in0[1] fixed: elements of this dim are chosen by index; in0[0] = out0[0]; in0[2] = out0[2]; in1[0] = out0[1])}}
  %1 = compress.gather %d, %i {axis = 1 : i64} : (tensor<?x?x8xf32>, tensor<3xi64>) -> tensor<?x3x8xf32>
  %j = compress.constant dense<2> : tensor<i64>
  // expected-remark@+1 {{dimension relations (in0[1] fixed: elements of this dim are chosen by index; in0[0] = out0[0]; in0[2] = out0[1])}}
  %2 = compress.gather %x, %j {axis = 1 : i64} : (tensor<?x5x8xf32>, tensor<i64>) -> tensor<?x8xf32>
  return
}

func.func @pad_kinds(%x: tensor<4x10xf32>) {
  %pads = compress.constant dense<[0, 2, 0, 1]> : tensor<4xi64>
  %crop = compress.constant dense<[0, -2, 0, -1]> : tensor<4xi64>
  %mixed = compress.constant dense<[0, -2, 0, 1]> : tensor<4xi64>
  %zero = compress.constant dense<0.0> : tensor<f32>
  %one = compress.constant dense<1.0> : tensor<f32>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: sizes of a padding; in0[0] = out0[0]; in0[1] = out0[1] from 2 step 1)}}
  %0 = compress.pad constant %x, %pads value %zero : (tensor<4x10xf32>, tensor<4xi64>, tensor<f32>) -> tensor<4x13xf32>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: sizes of a padding; in0[0] = out0[0]; in0[1] fixed: this dim is padded; out0[1] fixed: this dim is padded)}}
  %1 = compress.pad constant %x, %pads value %one : (tensor<4x10xf32>, tensor<4xi64>, tensor<f32>) -> tensor<4x13xf32>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: sizes of a padding; in0[0] = out0[0]; in0[1] fixed: this dim is padded; out0[1] fixed: this dim is padded)}}
  %2 = compress.pad edge %x, %pads : (tensor<4x10xf32>, tensor<4xi64>) -> tensor<4x13xf32>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: sizes of a padding; in0[0] = out0[0]; out0[1] = in0[1] from 2 step 1)}}
  %3 = compress.pad constant %x, %crop : (tensor<4x10xf32>, tensor<4xi64>) -> tensor<4x7xf32>
  // expected-remark@+1 {{dimension relations (in1[0] fixed: sizes of a padding; in0[0] = out0[0]; in0[1] fixed: this dim is padded; out0[1] fixed: this dim is padded)}}
  %4 = compress.pad constant %x, %mixed : (tensor<4x10xf32>, tensor<4xi64>) -> tensor<4x9xf32>
  return
}

func.func @reductions(%x: tensor<?x4x8xf32>) {
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] fixed: a max runs along this dim; in0[2] = out0[2])}}
  %0 = compress.reduce max %x {axes = array<i64: 1>} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[2] = out0[2])}}
  %1 = compress.reduce mean %x {axes = array<i64: 1>} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  // expected-remark@+1 {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2]; in0[1] fixed: a softmax runs along this dim)}}
  %2 = compress.log_softmax %x {axis = 1 : i64} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return
}

func.func @no_interface(%x: tensor<?xf32>) {
  // expected-remark@+1 {{no dimension relations are known}}
  compress.observe %x {id = ["x"]} : tensor<?xf32>
  return
}
