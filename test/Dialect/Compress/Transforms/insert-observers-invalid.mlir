// RUN: not compress-opt %s --compress-insert-observers='ops=re:(' 2>&1 | FileCheck %s --check-prefix=GLOB
// RUN: not compress-opt %s --compress-insert-observers='statistics=median' 2>&1 | FileCheck %s --check-prefix=NAME
// GLOB: option 'ops':
// NAME: expects statistics out of minmax, moving_average, moments, histogram, gram, got "median"
compress.weight private @w : tensor<2x4xf32> = dense<1.0>
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x4xf32>
  %1 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}
