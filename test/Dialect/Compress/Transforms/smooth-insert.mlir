// RUN: %python %S/Inputs/make-statistics.py %t.st '{"down:input": {"channels": 2, "min": [-4, -1], "max": [16, 1]}, "float:input": {"channels": 2, "min": [-4, -1], "max": [16, 1]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-smooth=insert=true --remarks-filter=smooth 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.err
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-smooth=insert=true --compress-smooth=insert=true | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-smooth | FileCheck %s --check-prefix=FOLDED

// A scale does not go through gelu: it gets an op of its own, but only where activations become
// integers. s = sqrt(16 / 1) = 4 and sqrt(1 / 1) = 1.
// CHECK-DAG: compress.weight private @down.smooth.scaled : tensor<2xf32> = dense<[2.500000e-01, 1.000000e+00]>
// CHECK-DAG: compress.weight private @w.scaled : tensor<2x2xf32> = dense<{{\[\[}}4.000000e+00, 1.000000e+00], [2.000000e+00, 5.000000e-01]]>
// CHECK-NOT: @float.smooth
// REMARK-DAG: the activation of "down" is not scaled:
// REMARK-DAG: the activation of "down" is scaled
// REMARK-DAG: a multiplication is inserted before "down"
// FOLDED-NOT: compress.mul
// FOLDED-NOT: .scaled
compress.weight private @w : tensor<2x2xf32> = dense<[[1.0, 1.0], [0.5, 0.5]]>
compress.weight private @v : tensor<2x2xf32> = dense<[[1.0, 1.0], [0.5, 0.5]]>
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = compress.load @w : tensor<2x2xf32>
  %v = compress.load @v : tensor<2x2xf32>
  // CHECK: %[[G:.*]] = compress.gelu
  // CHECK: %[[S:.*]] = compress.load @down.smooth.scaled
  // CHECK: %[[M:.*]] = compress.mul %[[G]], %[[S]]
  // CHECK: compress.linear nk %[[M]]
  %g = compress.gelu none %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = compress.linear nk %g, %w {name = "down", compress.plan = #compress.plan<quantize = "int8,method=smoothquant,activations=static">}
     : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.gelu none %y : (tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: compress.linear nk %{{.*}}name = "float"
  %z = compress.linear nk %h, %v {name = "float", compress.plan = #compress.plan<quantize = "w8,method=smoothquant">}
     : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
