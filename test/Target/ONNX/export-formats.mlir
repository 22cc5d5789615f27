// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s
// RUN: compress-translate --export-onnx --form=dense %s -o %t.dense.onnx
// RUN: compress-translate --import-onnx %t.dense.onnx | FileCheck %s --check-prefix=DENSE

// Formats of weights that are not integers with scales.

// 2-bit codes: 25.
// CHECK: opset_import = {{\[\[}}"", 25]]
// DENSE-NOT: DequantizeLinear
// DENSE-NOT: Gather
// DENSE: return
module {
  compress.weight private @nf.q : tensor<4x6xui4> = dense<3>
  compress.weight private @nf.t : tensor<16xf32> = dense<0.5>
  compress.weight private @nf.s : tensor<2x6xf32> = dense<2.0>
  compress.weight private @other.q : tensor<4x6xui4> = dense<5>
  compress.weight private @other.t : tensor<16xf32> = dense<0.5>
  compress.weight private @other.s : tensor<f32> = dense<0.25>
  // Three bits in four, one in two.
  // CHECK-DAG: compress.weight private @palette.q : tensor<6x4xui4> = dense<7>
  // CHECK-DAG: compress.weight private @binary.q : tensor<6x4xui2> = dense<1>
  compress.weight private @palette.q : tensor<6x4xui3> = dense<7>
  compress.weight private @palette.t : tensor<8xf32> = dense<0.125>
  compress.weight private @binary.q : tensor<6x4xui1> = dense<1>
  compress.weight private @binary.t : tensor<2xf32> = dense<[-1.0, 1.0]>
  compress.weight private @binary.s : tensor<1x4xf32> = dense<0.5>
  compress.weight private @half : tensor<6x4xf16> = dense<0.5>
  // A row of 2-bit codes that does not end with a byte has 4-bit ones.
  // CHECK-DAG: compress.weight private @even.q : tensor<6x4xi2> = dense<-2>
  // CHECK-DAG: compress.weight private @ragged.q : tensor<6x3xi4> = dense<-2>
  compress.weight private @even.q : tensor<6x4xi2> = dense<-2>
  compress.weight private @even.s : tensor<1x4xf32> = dense<0.5>
  compress.weight private @ragged.q : tensor<6x3xi2> = dense<-2>
  compress.weight private @ragged.s : tensor<1x3xf32> = dense<0.5>
  // Powers of two are floats.
  // CHECK-DAG: compress.weight private @mx.s : tensor<2x4xf32> = dense<2.500000e-01>
  // CHECK-DAG: compress.weight private @mx.q : tensor<64x4xf8E4M3FN> = dense<1.500000e+00>
  compress.weight private @mx.q : tensor<64x4xf8E4M3FN> = dense<1.5>
  compress.weight private @mx.s : tensor<2x4xf8E8M0FNU> = dense<0.25>
  compress.weight private @one : tensor<f32> = dense<1.0>
  // CHECK-DAG: compress.weight private @nv.s : tensor<4x4xf8E4M3FN> = dense<2.500000e-01>
  // CHECK-DAG: compress.weight private @nv.q : tensor<64x4xf4E2M1FN> = dense<1.500000e+00>
  compress.weight private @nv.q : tensor<64x4xf4E2M1FN> = dense<1.5>
  compress.weight private @nv.s : tensor<4x4xf8E4M3FN> = dense<0.25>
  compress.weight private @nv.g : tensor<f32> = dense<3.0>

  // CHECK-LABEL: func.func @main
  func.func @main(%x: tensor<?x4xf32> {compress.name = "x"}, %l: tensor<?x64xf32> {compress.name = "l"})
      -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x3xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
    // CHECK: %[[C:.*]] = compress.onnx "Cast"(%{{.*}}) {node_name = "{{.*}}", onnx_attributes = {to = 6 : i64}
    // CHECK: %[[V:.*]] = compress.onnx "Gather"(%[[T:.*]], %[[C]])
    // Scales are repeated along the blocks.
    // CHECK: %[[S:.*]] = compress.onnx "Gather"(%{{.*}}, %{{.*}})
    // CHECK: %[[W:.*]] = compress.onnx "Mul"(%[[V]], %[[S]])
    // CHECK: compress.onnx "MatMul"(%{{.*}}, %[[W]])
    %0 = compress.load @nf.q : tensor<4x6xui4>
    %1 = compress.load @nf.t : tensor<16xf32>
    %2 = compress.load @nf.s : tensor<2x6xf32>
    %3 = compress.lookup %0, %1, %2 {block = array<i64: 2, 1>} : (tensor<4x6xui4>, tensor<16xf32>, tensor<2x6xf32>) -> tensor<4x6xf32>
    %4 = compress.linear kn %x, %3 : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
    // The table is the one that is there.
    // CHECK: compress.onnx "Gather"(%[[T]], %{{.*}})
    %5 = compress.load @other.q : tensor<4x6xui4>
    %6 = compress.load @other.t : tensor<16xf32>
    %7 = compress.load @other.s : tensor<f32>
    %8 = compress.lookup %5, %6, %7 : (tensor<4x6xui4>, tensor<16xf32>, tensor<f32>) -> tensor<4x6xf32>
    %9 = compress.linear kn %x, %8 : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
    %10 = compress.add %4, %9 : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
    // No scales, no product.
    // CHECK: %[[P:.*]] = compress.onnx "Gather"
    // CHECK-NEXT: compress.onnx "MatMul"(%{{.*}}, %[[P]])
    %11 = compress.load @palette.q : tensor<6x4xui3>
    %12 = compress.load @palette.t : tensor<8xf32>
    %13 = compress.lookup %11, %12 : (tensor<6x4xui3>, tensor<8xf32>) -> tensor<6x4xf32>
    %14 = compress.linear kn %10, %13 : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
    // CHECK: %[[B:.*]] = compress.onnx "Gather"
    // CHECK: compress.onnx "Mul"(%[[B]],
    %15 = compress.load @binary.q : tensor<6x4xui1>
    %16 = compress.load @binary.t : tensor<2xf32>
    %17 = compress.load @binary.s : tensor<1x4xf32>
    %18 = compress.lookup %15, %16, %17 {block = array<i64: -1, 1>} : (tensor<6x4xui1>, tensor<2xf32>, tensor<1x4xf32>) -> tensor<6x4xf32>
    %19 = compress.linear kn %10, %18 : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
    %20 = compress.add %14, %19 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: %[[H:.*]] = compress.onnx "Cast"(%half) {{.*}}to = 1 : i64
    // CHECK: compress.onnx "MatMul"(%{{.*}}, %[[H]])
    %21 = compress.load @half : tensor<6x4xf16>
    %22 = compress.cast %21 : (tensor<6x4xf16>) -> tensor<6x4xf32>
    %23 = compress.linear kn %10, %22 : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "DequantizeLinear"(%even.q,
    %24 = compress.load @even.q : tensor<6x4xi2>
    %25 = compress.load @even.s : tensor<1x4xf32>
    %26 = compress.dequantize %24, %25 {block = array<i64: -1, 1>} : (tensor<6x4xi2>, tensor<1x4xf32>) -> tensor<6x4xf32>
    %27 = compress.linear kn %10, %26 : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
    %28 = compress.add %23, %27 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "DequantizeLinear"(%ragged.q,
    %29 = compress.load @ragged.q : tensor<6x3xi2>
    %30 = compress.load @ragged.s : tensor<1x3xf32>
    %31 = compress.dequantize %29, %30 {block = array<i64: -1, 1>} : (tensor<6x3xi2>, tensor<1x3xf32>) -> tensor<6x3xf32>
    %32 = compress.linear kn %10, %31 : (tensor<?x6xf32>, tensor<6x3xf32>) -> tensor<?x3xf32>
    // CHECK: compress.onnx "DequantizeLinear"(%mx.q, %mx.s) {{.*}}axis = 0 : i64, block_size = 32 : i64
    %33 = compress.load @mx.q : tensor<64x4xf8E4M3FN>
    %34 = compress.load @mx.s : tensor<2x4xf8E8M0FNU>
    %35 = compress.load @one : tensor<f32>
    %36 = compress.dequantize %34, %35 : (tensor<2x4xf8E8M0FNU>, tensor<f32>) -> tensor<2x4xf32>
    %37 = compress.dequantize %33, %36 {block = array<i64: 32, 1>} : (tensor<64x4xf8E4M3FN>, tensor<2x4xf32>) -> tensor<64x4xf32>
    %38 = compress.linear kn %l, %37 : (tensor<?x64xf32>, tensor<64x4xf32>) -> tensor<?x4xf32>
    // Scales of scales.
    // CHECK: %[[N:.*]] = compress.onnx "DequantizeLinear"(%nv.s, %nv.g)
    // CHECK: compress.onnx "DequantizeLinear"(%nv.q, %[[N]]) {{.*}}axis = 0 : i64, block_size = 16 : i64
    %39 = compress.load @nv.q : tensor<64x4xf4E2M1FN>
    %40 = compress.load @nv.s : tensor<4x4xf8E4M3FN>
    %41 = compress.load @nv.g : tensor<f32>
    %42 = compress.dequantize %40, %41 : (tensor<4x4xf8E4M3FN>, tensor<f32>) -> tensor<4x4xf32>
    %43 = compress.dequantize %39, %42 {block = array<i64: 16, 1>} : (tensor<64x4xf4E2M1FN>, tensor<4x4xf32>) -> tensor<64x4xf32>
    %44 = compress.linear kn %l, %43 : (tensor<?x64xf32>, tensor<64x4xf32>) -> tensor<?x4xf32>
    return %20, %28, %32, %38, %44
      : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x3xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  }
}
