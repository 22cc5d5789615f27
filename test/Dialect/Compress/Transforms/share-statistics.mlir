// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"channels": 4, "groups": 1, "features": 4, "gram_vectors": 4, "gram": [[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]]}, "last:input": {"channels": 4, "sum_squares": [1, 1, 1, 1]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-share-weights --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s

// Vector codebooks are fitted to the outputs where there is a Gram matrix, and say so where not.
// CHECK: remark: [Passed] {{.*}}weight 'w' of "fc": codebook 1x2x2, additive
// CHECK-NOT: weight 'w'
// CHECK: remark: [Passed] {{.*}}weight 'v' of "last": codebook 1x2x2, additive
// CHECK: remark: [Missed] {{.*}}weight 'v' of "last": the codebook is fitted to the weights, not to the outputs: the statistics have no Gram matrix
compress.weight private @w : tensor<16x4xf32> = dense<[[1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, -1.0]]>
compress.weight private @v : tensor<16x4xf32> = dense<3.0>
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %w = compress.load @w : tensor<16x4xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:2,dim=2">} : (tensor<?x4xf32>, tensor<16x4xf32>) -> tensor<?x16xf32>
  %v = compress.load @v : tensor<16x4xf32>
  %z = compress.linear nk %x, %v {name = "last", compress.plan = #compress.plan<share = "codebook:2,dim=2">} : (tensor<?x4xf32>, tensor<16x4xf32>) -> tensor<?x16xf32>
  return %y, %z : tensor<?x16xf32>, tensor<?x16xf32>
}
