// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-print-dimension-relations))' --verify-diagnostics -o /dev/null

// A loop ties the dims that it walks over. Fresh outputs tie nothing.
func.func @matmul(%x: tensor<?x8xf32>, %init: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<1.0> : tensor<8x4xf32>
  // expected-remark @below {{dimension relations (in2[0] = out0[0]; in2[1] = out0[1]; in0[0] = out0[0]; in1[1] = out0[1]; in0[1] = in1[0])}}
  %y = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x4xf32>) outs(%init : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

func.func @fresh_output(%x: tensor<2x8xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<1.0> : tensor<8x4xf32>
  %zero = arith.constant 0.0 : f32
  // expected-remark @below {{dimension relations ()}}
  %empty = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{dimension relations ()}}
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x4xf32>) -> tensor<2x4xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in1[1] = out0[1]; in0[1] = in1[0])}}
  %y = linalg.matmul ins(%x, %w : tensor<2x8xf32>, tensor<8x4xf32>) outs(%init : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// Where neither side is a weight, what is contracted need not be zero where a channel is masked.
func.func @activations(%x: tensor<2x8xf32>, %y: tensor<8x4xf32>, %init: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // expected-remark @below {{in0[1] = in1[0]; in0[1] fixed: what is reduced along it is not zero where a weight is}}
  %z = linalg.matmul ins(%x, %y : tensor<2x8xf32>, tensor<8x4xf32>) outs(%init : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}

// Windows move over the image: only channels and the batch are free.
func.func @conv(%x: tensor<1x8x8x3xf32>, %w: tensor<3x3x3x4xf32>, %init: tensor<1x6x6x4xf32>) -> tensor<1x6x6x4xf32> {
  // expected-remark @below {{in0[1] fixed: it is read in windows or at a constant index}}
  %y = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) outs(%init : tensor<1x6x6x4xf32>) -> tensor<1x6x6x4xf32>
  return %y : tensor<1x6x6x4xf32>
}

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// A sum, a maximum and a sum of exponentials of activations.
func.func @reductions(%x: tensor<2x8xf32>, %init: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  // expected-remark @below {{in0[1] fixed: what is reduced along it is not zero where a weight is}}
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x8xf32>) outs(%init : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  // expected-remark @below {{in0[1] fixed: what is reduced along it is not zero where a weight is}}
  %max = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x8xf32>) outs(%init : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.maximumf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  // expected-remark @below {{in0[1] fixed: what is reduced along it is not zero where a weight is}}
  %exps = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x8xf32>) outs(%init : tensor<2xf32>) {
  ^bb0(%a: f32, %b: f32):
    %e = math.exp %a : f32
    %s = arith.addf %e, %b : f32
    linalg.yield %s : f32
  } -> tensor<2xf32>
  return %sum, %max, %exps : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// A body that computes with an index needs it to stay.
func.func @index(%x: tensor<2x8xf32>, %init: tensor<2x8xf32>) -> tensor<2x8xf32> {
  // expected-remark @below {{out0[1] fixed: the body computes with its index}}
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x8xf32>) outs(%init : tensor<2x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %i = linalg.index 1 : index
    %c = arith.index_cast %i : index to i32
    %f = arith.sitofp %c : i32 to f32
    %s = arith.mulf %a, %f : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
