// RUN: compress-translate --export-onnx %s -o %t.qdq.onnx
// RUN: compress-translate --import-onnx %t.qdq.onnx | FileCheck %s --check-prefixes=CHECK,QDQ
// RUN: compress-translate --export-onnx --form=matmulnbits %s -o %t.nbits.onnx
// RUN: compress-translate --import-onnx %t.nbits.onnx | FileCheck %s --check-prefixes=CHECK,NBITS
// RUN: compress-translate --export-onnx --form=dense %s -o %t.dense.onnx
// RUN: compress-translate --import-onnx %t.dense.onnx | FileCheck %s --check-prefixes=CHECK,DENSE

// The opset is what the forms need: 4-bit and blocked codes 21, floats nothing new.
// QDQ: ir_version = 10 : i64, metadata_props = {{\[\[}}"compress.sparsity.pruned.q", "2:4 axis=0"]], opset_import = {{\[\[}}"", 21]]
// NBITS: ir_version = 10 : i64, metadata_props = {{\[\[}}"compress.sparsity.pruned.q", "2:4 axis=1"]], opset_import = {{\[\[}}"", 21], ["com.microsoft", 1]]
// DENSE: ir_version = 8 : i64, opset_import = {{\[\[}}"", 17]]

module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 17]]}} {
  // Codes [N, K] are stored as [K, N], which onnxruntime fuses; 17 is one block of 16 and one of 1.
  // QDQ: compress.weight private @nk.q : tensor<17x2xi4> = dense<{{\[\[}}0, -1], [1, -2], [2, -3], [3, -4],
  // QDQ: compress.weight private @nk.s : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 5.000000e-01], [2.000000e+00, 2.500000e-01]]>
  // As MatMulNBits: [N, blocks, bytes], codes plus 8, first in the low nibble.
  // NBITS: compress.weight private @nk.q : tensor<2x2x8xui8> = dense<{{\[\[\[}}152, 186, 136, 136, 136, 136, 136, 136], [143, 136,
  // NBITS: compress.weight private @nk.s : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00], [5.000000e-01, 2.500000e-01]]>
  // DENSE: compress.weight private @nk : tensor<2x17xf32> = dense<{{\[\[}}0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00,
  compress.weight private @nk.q : tensor<2x17xi4> = dense<[
    [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
    [-1, -2, -3, -4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -8]]>
  compress.weight private @nk.s : tensor<2x2xf32> = dense<[[1.0, 2.0], [0.5, 0.25]]>

  // One scale per output channel: a vector and an axis.
  // QDQ: compress.weight private @channel.s : tensor<2xf32> = dense<[5.000000e-01, 2.500000e-01]>
  // QDQ: compress.weight private @channel.z : tensor<2xi8> = dense<[1, -1]>
  // NBITS: compress.weight private @channel.q : tensor<2x1x16xui8>
  // NBITS: compress.weight private @channel.z : tensor<2x1xui8> = dense<{{\[\[}}129], [127]]>
  // DENSE: compress.weight private @channel : tensor<3x2xf32> = dense<{{\[\[}}0.000000e+00, 7.500000e-01], [1.000000e+00, 1.250000e+00], [2.000000e+00, 1.750000e+00]]>
  compress.weight private @channel.q : tensor<3x2xi8> = dense<[[1, 2], [3, 4], [5, 6]]>
  compress.weight private @channel.s : tensor<1x2xf32> = dense<[[0.5, 0.25]]>
  compress.weight private @channel.z : tensor<1x2xi8> = dense<[[1, -1]]>

  // Kept codes come out dense.
  // QDQ: compress.weight private @pruned.q : tensor<8x1xi8> = dense<{{\[\[}}0], [1], [2], [0], [3], [0], [0], [4]]>
  // DENSE: compress.weight private @pruned : tensor<1x8xf32> = dense<{{\[\[}}0.000000e+00, 5.000000e-01, 1.000000e+00, 0.000000e+00, 1.500000e+00, 0.000000e+00, 0.000000e+00, 2.000000e+00]]>
  compress.weight private @pruned.q : tensor<1x4xi8> = dense<[[1, 2, 3, 4]]>
  compress.weight private @pruned.p : tensor<1x1xi8> = dense<0xC9>
  compress.weight private @pruned.s : tensor<1x1xf32> = dense<0.5>

  // Groups of two input channels of a convolution, with scales for each kernel position.
  // QDQ: compress.weight private @conv.s : tensor<1x2x1x2xf32> = dense<{{\[\[\[\[}}1.000000e+00, 1.000000e+00]], {{\[\[}}2.000000e+00, 2.000000e+00]]]]>
  // DENSE: compress.weight private @conv : tensor<1x4x1x2xf32>
  compress.weight private @conv.q : tensor<1x4x1x2xi8> = dense<3>
  compress.weight private @conv.s : tensor<1x2x1x1xf32> = dense<[[[[1.0]], [[2.0]]]]>

  // CHECK-LABEL: func.func @main
  func.func @main(%x: tensor<?x17xf32> {compress.name = "x"}, %y: tensor<?x3xf32> {compress.name = "y"},
                  %z: tensor<?x8xf32> {compress.name = "z"}, %i: tensor<1x4x5x5xf32> {compress.name = "i"})
      -> (tensor<?x2xf32> {compress.name = "a"}, tensor<?x2xf32> {compress.name = "b"},
          tensor<?x1xf32> {compress.name = "c"}, tensor<1x1x5x4xf32> {compress.name = "d"}) {
    // QDQ: compress.onnx "DequantizeLinear"
    // QDQ-SAME: axis = 0 : i64, block_size = 16 : i64
    // QDQ: compress.onnx "MatMul"
    // QDQ-SAME: node_name = "first"
    // NBITS: compress.onnx "MatMulNBits"
    // NBITS-SAME: node_name = "first", onnx_attributes = {K = 17 : i64, N = 2 : i64, accuracy_level = 0 : i64, bits = 4 : i64, block_size = 16 : i64}
    // DENSE: compress.onnx "Gemm"
    // DENSE-SAME: transB = 1
    %nq = compress.load @nk.q : tensor<2x17xi4>
    %ns = compress.load @nk.s : tensor<2x2xf32>
    %n = compress.dequantize %nq, %ns {block = array<i64: 1, 16>}
      : (tensor<2x17xi4>, tensor<2x2xf32>) -> tensor<2x17xf32>
    %a = compress.linear nk %x, %n {name = "first"}
      : (tensor<?x17xf32>, tensor<2x17xf32>) -> tensor<?x2xf32>

    // QDQ: compress.onnx "DequantizeLinear"
    // QDQ-SAME: axis = 1 : i64}
    // NBITS: compress.onnx "MatMulNBits"
    // NBITS-SAME: bits = 8 : i64, block_size = 16 : i64
    %cq = compress.load @channel.q : tensor<3x2xi8>
    %cs = compress.load @channel.s : tensor<1x2xf32>
    %cz = compress.load @channel.z : tensor<1x2xi8>
    %c = compress.dequantize %cq, %cs, %cz {block = array<i64: -1, 1>}
      : (tensor<3x2xi8>, tensor<1x2xf32>, tensor<1x2xi8>) -> tensor<3x2xf32>
    %b = compress.linear kn %y, %c {name = "second"}
      : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>

    %pq = compress.load @pruned.q : tensor<1x4xi8>
    %pp = compress.load @pruned.p : tensor<1x1xi8>
    %ps = compress.load @pruned.s : tensor<1x1xf32>
    %pd = compress.expand_nm %pq, %pp {n = 2, m = 4, axis = 1}
      : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x8xi8>
    %p = compress.dequantize %pd, %ps {block = array<i64: -1, -1>}
      : (tensor<1x8xi8>, tensor<1x1xf32>) -> tensor<1x8xf32>
    %e = compress.linear nk %z, %p {name = "third"}
      : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>

    // QDQ: compress.onnx "DequantizeLinear"
    // QDQ: compress.onnx "DequantizeLinear"
    // QDQ-SAME: axis = 1 : i64, block_size = 2 : i64
    // CHECK: compress.onnx "Conv"
    %kq = compress.load @conv.q : tensor<1x4x1x2xi8>
    %ks = compress.load @conv.s : tensor<1x2x1x1xf32>
    %k = compress.dequantize %kq, %ks {block = array<i64: -1, 2, -1, -1>}
      : (tensor<1x4x1x2xi8>, tensor<1x2x1x1xf32>) -> tensor<1x4x1x2xf32>
    %d = compress.conv %i, %k {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
                               dilations = array<i64: 1, 1>, name = "conv"}
      : (tensor<1x4x5x5xf32>, tensor<1x4x1x2xf32>) -> tensor<1x1x5x4xf32>
    return %a, %b, %e, %d
      : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x1xf32>, tensor<1x1x5x4xf32>
  }
}
