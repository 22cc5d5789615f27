// RUN: compress-opt %s --split-input-file --compress-split-low-rank | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-split-low-rank --compress-split-low-rank | FileCheck %s

// The op keeps what U V leaves over, the bias and the plan of quantization.
// CHECK-DAG: compress.weight private @w.dense : tensor<3x3xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00, 0.000000e+00], [0.000000e+00, 2.000000e+00, 0.000000e+00], [0.000000e+00, 0.000000e+00, 1.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}2.000000e+00, 0.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<3x1xf32> = dense<{{\[\[}}2.000000e+00], [0.000000e+00], [0.000000e+00]]>
// CHECK-NOT: compress.weight private @w :
compress.weight private @w : tensor<3x3xf32> = dense<[[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]>
compress.weight private @b : tensor<3xf32> = dense<1.0>
// CHECK-LABEL: func.func @svdquant
func.func @svdquant(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK: %[[R:.+]] = compress.linear nk %arg0, %w.dense bias %b {compress.plan = #compress.plan<quantize = "int4,method=rtn">, name = "fc"}
  // CHECK: %[[Z:.+]] = compress.linear nk %arg0, %{{.+}} {name = "fc/v"}
  // CHECK: %[[U:.+]] = compress.linear nk %[[Z]], %{{.+}} {name = "fc/u"}
  // CHECK: %[[S:.+]] = compress.add %[[U]], %[[R]]
  // CHECK: compress.relu %[[S]]
  %w = compress.load @w : tensor<3x3xf32>
  %b = compress.load @b : tensor<3xf32>
  %y = compress.linear nk %x, %w bias %b {name = "fc", compress.plan = #compress.plan<quantize = "int4,method=rtn", low_rank = "rank:1,method=svd,residual=svdquant">} : (tensor<?x3xf32>, tensor<3x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %r = compress.relu %y : (tensor<?x3xf32>) -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
}

// -----

// The op gets the codes, the factors what rounding left over: only 1 / 0.0314960629 = 31.75 is no
// code. Nothing is left to be done for the weight.
// CHECK-DAG: compress.weight private @w.q : tensor<2x3xi8> = dense<{{\[\[}}127, 0, 32], [0, 127, 0]]>
// CHECK-DAG: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00, {{-?}}0.0887356{{[0-9]+}}]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<2x1xf32> = dense<{{\[\[-?}}0.0887356{{[0-9]+}}], [{{-?}}0.000000e+00]]>
compress.weight private @w : tensor<2x3xf32> = dense<[[4.0, 0.0, 1.0], [0.0, 2.0, 0.0]]>
// CHECK-LABEL: func.func @lqer
func.func @lqer(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.+]] = compress.dequantize %w.q, %w.scale
  // CHECK: %[[R:.+]] = compress.linear nk %arg0, %[[W]] {name = "fc"}
  // CHECK: %[[U:.+]] = compress.linear nk %{{.+}}, %{{.+}} {name = "fc/u"}
  // CHECK: compress.add %[[U]], %[[R]]
  %w = compress.load @w : tensor<2x3xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "w8,method=rtn", low_rank = "rank:1,method=svd,residual=lqer">} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Activations are still to be quantized.
compress.weight private @w : tensor<2x3xf32> = dense<[[4.0, 0.0, 1.0], [0.0, 2.0, 0.0]]>
// CHECK-LABEL: func.func @lqer_with_activations
func.func @lqer_with_activations(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.linear nk %arg0, %{{.+}} {compress.plan = #compress.plan<quantize = "int8,method=rtn,activations=dynamic">, name = "fc"}
  // CHECK: compress.linear nk %arg0, %{{.+}} {name = "fc/v"}
  %w = compress.load @w : tensor<2x3xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "int8,method=rtn,activations=dynamic", prune = "2:4", low_rank = "rank:1,method=svd,residual=lqer">} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The second op accumulates into the result of the one that stays.
// CHECK-LABEL: func.func @foreign
func.func @foreign(%x: tensor<?x3xf32>, %init: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK: %[[R:.+]] = linalg.matmul {{.*}}outs(%arg1 : tensor<?x3xf32>)
  // CHECK: linalg.matmul {name = "fc/v"}
  // CHECK: %[[S:.+]] = linalg.matmul {name = "fc/u"} {{.*}}outs(%[[R]] : tensor<?x3xf32>)
  // CHECK: return %[[S]]
  %w = arith.constant dense<[[4.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]> : tensor<3x3xf32>
  %y = linalg.matmul {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd,residual=svdquant">} ins(%x, %w : tensor<?x3xf32>, tensor<3x3xf32>) outs(%init : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
