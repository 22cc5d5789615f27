// RUN: compress-opt %s --compress-apply-slices --split-input-file --verify-diagnostics

compress.weight private @up : tensor<4x3xf32> = dense<1.0>
compress.weight private @down : tensor<2x4xf32> = dense<1.0>
func.func @everything(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %up = compress.load @up : tensor<4x3xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %m = compress.constant dense<false> : tensor<4x1xi1>
  %n = compress.constant dense<false> : tensor<1x4xi1>
  %up.m = compress.mask %up, %m : tensor<4x3xf32>, tensor<4x1xi1>
  %down.m = compress.mask %down, %n : tensor<2x4xf32>, tensor<1x4xi1>
  // expected-error @+1 {{"up": its masks would remove all 4 neurons of the group}}
  %0 = compress.linear nk %x, %up.m {name = "up"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %down.m {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}
