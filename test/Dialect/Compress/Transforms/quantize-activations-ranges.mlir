// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"vectors": 1000, "min": [-4], "max": [64], "moving_range": [-2, 8], "histogram": [0, 10, 80, 100, 800, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "histogram_range": [-6, 66]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static' --remarks-filter=activations 2>&1 | FileCheck %s --check-prefix=MINMAX
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_range=moving_average' --remarks-filter=activations 2>&1 | FileCheck %s --check-prefix=AVERAGE
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_range=percentile;percentile=98' --remarks-filter=activations 2>&1 | FileCheck %s --check-prefix=PERCENTILE
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_range=mse;activation_bits=4' --remarks-filter=activations 2>&1 | FileCheck %s --check-prefix=MSE
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-quantize='format=int8 activations=static more=activation_range=entropy;activation_bits=4' --remarks-filter=activations 2>&1 | FileCheck %s --check-prefix=ENTROPY
// RUN: %python %S/Inputs/make-statistics.py %t.nan '{"fc:input": {"non_finite": 3, "min": [-4], "max": [64]}}'
// RUN: not compress-opt %s --compress-load-statistics=file=%t.nan --compress-quantize='format=int8 activations=static' 2>&1 | FileCheck %s --check-prefix=NAN

// MINMAX: "fc": ui8 static, minmax [-4, 64], scale 0.266667, zero point 15
// AVERAGE: "fc": ui8 static, moving_average [-2, 8], scale 0.0392157, zero point 51
// One percent at each end: the bin [-4, -2) has the first ten of 1000 values, the bin [2, 4) ends at
// 990.
// PERCENTILE: "fc": ui8 static, percentile [-2, 4], scale 0.0235294, zero point 85
// MSE: "fc": ui4 static, mse [-4, {{[0-9.]+}}], scale
// ENTROPY: "fc": ui4 static, entropy [-4, {{[0-9.]+}}], scale
// NAN: error: cannot quantize the activation of "fc": calibration saw 3 values that are not finite
compress.weight private @w : tensor<2x1xf32> = dense<1.0>
func.func @linear(%x: tensor<?x1xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x1xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
