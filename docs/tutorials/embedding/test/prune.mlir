// RUN: foo-opt %s --pass-pipeline='builtin.module(compress-mask-groups{prune=channel:0.5,method=l1},compress-propagate-masks,compress-apply-slices)' | FileCheck %s

// Half of the hidden neurons go, those of least magnitude: 1 and 2.
// CHECK-LABEL: func.func @mlp
// CHECK-DAG: foo.parameter "up{{.*}}" dense<{{\[\[}}4.000000e+00, 4.000000e+00], [3.000000e+00, 3.000000e+00]]> : tensor<2x2xf32>
// CHECK-DAG: foo.parameter "up.bias{{.*}}" dense<[4.000000e-01, 3.000000e-01]> : tensor<2xf32>
// CHECK-DAG: foo.parameter "down{{.*}}" dense<{{\[\[}}1.000000e+00, 4.000000e+00]]> : tensor<1x2xf32>
// CHECK-DAG: foo.swish %{{.+}} : (tensor<?x2xf32>) -> tensor<?x2xf32>
func.func @mlp(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %up = foo.parameter "up" dense<[[4.0, 4.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]> : tensor<4x2xf32>
  %up_bias = foo.parameter "up.bias" dense<[0.4, 0.1, 0.2, 0.3]> : tensor<4xf32>
  %h = foo.dense %x, %up, %up_bias : (tensor<?x2xf32>, tensor<4x2xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %a = foo.swish %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %down = foo.parameter "down" dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %down_bias = foo.parameter "down.bias" dense<[0.0]> : tensor<1xf32>
  %y = foo.dense %a, %down, %down_bias : (tensor<?x4xf32>, tensor<1x4xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
