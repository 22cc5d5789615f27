// RUN: compress-opt %s --compress-fold-constants=max-bytes=1000000000 --remarks-filter=fold-constants --verify-diagnostics | FileCheck %s

// Folded constants may not make a small model large, whatever a single result may take.
// CHECK-LABEL: func.func @grows
// CHECK:         compress.broadcast
func.func @grows() -> tensor<8388608xf32> {
  %c = compress.constant dense<1.0> : tensor<1xf32>
  %s = compress.constant dense<8388608> : tensor<1xi64>
  // expected-remark @+1 {{not folded: folded constants would make the model more than 16 MiB larger}}
  %y = compress.broadcast %c, %s : (tensor<1xf32>, tensor<1xi64>) -> tensor<8388608xf32>
  return %y : tensor<8388608xf32>
}
