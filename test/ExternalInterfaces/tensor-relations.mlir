// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-print-dimension-relations))' --verify-diagnostics -o /dev/null

func.func @shapes(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant 0 : index
  // expected-remark @below {{dimension relations ()}}
  %n = tensor.dim %x, %zero : tensor<?x8xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1] * out0[2])}}
  %heads = tensor.expand_shape %x [[0], [1, 2]] output_shape [%n, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[1] * in0[2] = out0[1])}}
  %flat = tensor.collapse_shape %heads [[0], [1, 2]] : tensor<?x2x4xf32> into tensor<?x8xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1])}}
  %y = math.tanh %flat : tensor<?x8xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] = out0[1])}}
  %z = arith.addf %x, %y : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

func.func @parts(%a: tensor<2x4xf32>, %b: tensor<2x3xf32>) -> tensor<2x5xf32> {
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in1[0] = out0[0]; in1[1] = out0[1] from 4 step 1)}}
  %c = tensor.concat dim(1) %a, %b : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
  // expected-remark @below {{dimension relations (out0[0] = in0[0]; out0[1] = in0[1] from 2 step 1)}}
  %s = tensor.extract_slice %c[0, 2] [2, 5] [1, 1] : tensor<2x7xf32> to tensor<2x5xf32>
  return %s : tensor<2x5xf32>
}

func.func @picks_one(%a: tensor<3x4xf32>, %i: index) -> (tensor<4xf32>, tensor<3x2xf32>) {
  // expected-remark @below {{dimension relations (in0[0] fixed: a slice picks one of its indices; out0[0] = in0[1])}}
  %row = tensor.extract_slice %a[1, 0] [1, 4] [1, 1] : tensor<3x4xf32> to tensor<4xf32>
  // expected-remark @below {{dimension relations (out0[0] = in0[0]; out0[1] fixed: the bounds of the slice are not known; in0[1] fixed: the bounds of the slice are not known)}}
  %part = tensor.extract_slice %a[0, %i] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  return %row, %part : tensor<4xf32>, tensor<3x2xf32>
}
