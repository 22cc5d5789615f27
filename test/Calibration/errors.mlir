// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-run %s --function=make_infinite --outputs=%t.inf.npz | count 0
// RUN: not compress-opt %s --compress-collect-statistics 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not compress-opt %s --compress-collect-statistics=data=%t.none.npz 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not compress-opt %s --compress-collect-statistics='data=%t.npz collect=median' 2>&1 | FileCheck %s --check-prefix=COLLECT
// RUN: not compress-opt %s --compress-collect-statistics='data=%t.npz ops=conv*' 2>&1 | FileCheck %s --check-prefix=OPS
// RUN: not compress-opt %s --compress-collect-statistics=data=%t.inf.npz 2>&1 | FileCheck %s --check-prefix=INF
// NODATA: compress-collect-statistics: expects the option 'data'
// NOFILE: calibration data '{{.*}}.none.npz': {{[Nn]}}o such file
// COLLECT: cannot collect 'median'; known are minmax, moving_average, moments, histogram, gram
// OPS: no weighted op with an activation is called 'conv*'
// INF: activation "fc1:input": all 3 values are NaN or infinite

// A statistics file of another graph.
// RUN: compress-opt %s --compress-collect-statistics='data=%t.npz output=%t.stats' -o /dev/null
// RUN: compress-opt %s --compress-load-statistics=file=%t.stats -o /dev/null
// RUN: sed 's/name = "fc1"/name = "fc2"/' %s > %t.other.mlir
// RUN: not compress-opt %t.other.mlir --compress-load-statistics=file=%t.stats 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: statistics '{{.*}}.stats' are of another graph: their fingerprint is [[A:[0-9a-f]+]], the module's is {{[0-9a-f]+}}; collect them again with compress-calibrate
// RUN: not compress-opt %s --compress-load-statistics 2>&1 | FileCheck %s --check-prefix=NOOPTION
// NOOPTION: compress-load-statistics: expects the option 'file'
// RUN: not compress-opt %s --compress-load-statistics=file=%s 2>&1 | FileCheck %s --check-prefix=NOSTATS
// NOSTATS: errors.mlir

// Bytes of weights do not count.
// RUN: sed 's/dense<1.0>/dense<2.0>/' %s > %t.weights.mlir
// RUN: compress-opt %t.weights.mlir --compress-load-statistics=file=%t.stats -o /dev/null

compress.weight private @w : tensor<2x3xf32> = dense<1.0>
compress.weight private @x : tensor<1x3xf32> = dense<2.0>
compress.weight private @inf : tensor<1x3xf32> = dense<0x7F800000>
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
func.func private @make() -> (tensor<1x3xf32> {compress.name = "x"}) {
  %x = compress.load @x : tensor<1x3xf32>
  return %x : tensor<1x3xf32>
}
func.func private @make_infinite() -> (tensor<1x3xf32> {compress.name = "x"}) {
  %x = compress.load @inf : tensor<1x3xf32>
  return %x : tensor<1x3xf32>
}
