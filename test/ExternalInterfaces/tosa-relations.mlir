// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-print-dimension-relations))' --verify-diagnostics -o /dev/null

func.func @conv(%x: tensor<1x8x8x3xf32>, %w: tensor<4x3x3x3xf32>, %b: tensor<4xf32>) -> tensor<1x6x6x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[3] = in1[3]; in1[0] = out0[3]; in2[0] = out0[3]; in0[1] fixed: windows move over it; in1[1] fixed: windows move over it; out0[1] fixed: windows move over it; in0[2] fixed: windows move over it; in1[2] fixed: windows move over it; out0[2] fixed: windows move over it)}}
  %y = tosa.conv2d %x, %w, %b, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x6x6x4xf32>
  return %y : tensor<1x6x6x4xf32>
}

func.func @depthwise(%x: tensor<1x8x8x3xf32>, %w: tensor<3x3x3x2xf32>, %b: tensor<6xf32>) -> tensor<1x6x6x6xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  // expected-remark @below {{in0[3] = in1[2]; in1[2] * in1[3] = out0[3]; in2[0] = out0[3]}}
  %y = tosa.depthwise_conv2d %x, %w, %b, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<3x3x3x2xf32>, tensor<6xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x6x6x6xf32>
  return %y : tensor<1x6x6x6xf32>
}

func.func @movement(%x: tensor<1x4x8xf32>, %b: tensor<1x1x8xf32>) -> tensor<1x3x6xf32> {
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[1] = out0[1]; in0[2] = out0[2]; in1[0] = out0[0]; in1[2] = out0[2])}}
  %0 = tosa.add %x, %b : (tensor<1x4x8xf32>, tensor<1x1x8xf32>) -> tensor<1x4x8xf32>
  %shape = tosa.const_shape {values = dense<[1, 4, 2, 4]> : tensor<4xindex>} : () -> !tosa.shape<4>
  // expected-remark @below {{in0[2] = out0[2] * out0[3]}}
  %1 = tosa.reshape %0, %shape : (tensor<1x4x8xf32>, !tosa.shape<4>) -> tensor<1x4x2x4xf32>
  // expected-remark @below {{dimension relations (in0[0] = out0[0]; in0[2] = out0[1]; in0[1] = out0[2]; in0[3] = out0[3])}}
  %2 = tosa.transpose %1 {perms = array<i32: 0, 2, 1, 3>} : (tensor<1x4x2x4xf32>) -> tensor<1x2x4x4xf32>
  // expected-remark @below {{in0[3] fixed: what is reduced along it is not zero where a weight is}}
  %3 = tosa.reduce_sum %2 {axis = 3 : i32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x1xf32>
  // expected-remark @below {{in0[2] fixed: what is reduced along it is not zero where a weight is}}
  %4 = tosa.reduce_max %3 {axis = 2 : i32} : (tensor<1x2x4x1xf32>) -> tensor<1x2x1x1xf32>
  // expected-remark @below {{in1[2] = out0[2] from 8 step 1}}
  %5 = tosa.concat %x, %0 {axis = 2 : i32} : (tensor<1x4x8xf32>, tensor<1x4x8xf32>) -> tensor<1x4x16xf32>
  %start = tosa.const_shape {values = dense<[0, 1, 8]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %size = tosa.const_shape {values = dense<[1, 3, 6]> : tensor<3xindex>} : () -> !tosa.shape<3>
  // expected-remark @below {{dimension relations (out0[0] = in0[0]; out0[1] = in0[1] from 1 step 1; out0[2] = in0[2] from 8 step 1)}}
  %6 = tosa.slice %5, %start, %size : (tensor<1x4x16xf32>, !tosa.shape<3>, !tosa.shape<3>) -> tensor<1x3x6xf32>
  return %6 : tensor<1x3x6xf32>
}
