// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=0.5' | FileCheck %s --check-prefixes=CHECK,HALF
// Afterwards there is nothing left to decide, nor is there when the same is asked for again.
// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=0.5' --compress-allocate-ranks | FileCheck %s --check-prefixes=CHECK,HALF
// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=0.5' --compress-allocate-ranks='low-rank=budget:params=0.5' | FileCheck %s --check-prefixes=CHECK,HALF
// The same as a recipe says it.
// RUN: compress-opt %s --compress-apply-recipe='low-rank=budget:params=0.5' --compress-allocate-ranks | FileCheck %s --check-prefixes=CHECK,HALF
// Parts of what was split are not split again.
// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=0.5' --compress-split-low-rank --compress-allocate-ranks='low-rank=budget:params=0.5' --compress-split-low-rank | FileCheck %s --check-prefix=SPLIT
// Much room: the whole of fc2 is worth more than that of fc1.
// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=0.8,method=svd,seed=3' | FileCheck %s --check-prefix=MUCH
// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=1' | FileCheck %s --check-prefix=WHOLE
// Ranks are 1, or multiples of 2.
// RUN: compress-opt %s --compress-allocate-ranks='low-rank=budget:params=0.6,round_to=2' | FileCheck %s --check-prefix=EVEN

// Of [8, 8], 16 parameters per rank, at most rank 3. Relative squared errors with ranks 1, 2 and 3: 6/22, 2/22, 1/22.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
// 3/4, 2/4, 1/4.
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// CHECK-LABEL: func.func @two_layers
// MUCH-LABEL: func.func @two_layers
// WHOLE-LABEL: func.func @two_layers
// EVEN-LABEL: func.func @two_layers
// SPLIT-LABEL: func.func @two_layers
func.func @two_layers(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  // 64 parameters are four ranks: 6/22 + 1/4 is less than 2/22 + 2/4.
  // HALF: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:1,method={{auto|svd}}">, name = "fc1"}
  // HALF: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:3,method={{auto|svd}}">, name = "fc2"}
  // MUCH: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:2,method=svd,seed=3">, name = "fc1"}
  // MUCH: compress.linear {{.*}} {name = "fc2"}
  // WHOLE: compress.linear {{.*}} {name = "fc1"}
  // WHOLE: compress.linear {{.*}} {name = "fc2"}
  // EVEN: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:2,method=auto,round_to=2">, name = "fc1"}
  // EVEN: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:2,method=auto,round_to=2">, name = "fc2"}
  // SPLIT: compress.linear {{.*}} {name = "fc1/v"} : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  // SPLIT: compress.linear {{.*}} {name = "fc1/u"} : (tensor<?x1xf32>, tensor<8x1xf32>) -> tensor<?x8xf32>
  // SPLIT: compress.linear {{.*}} {name = "fc2/v"} : (tensor<?x8xf32>, tensor<3x8xf32>) -> tensor<?x3xf32>
  // SPLIT: compress.linear {{.*}} {name = "fc2/u"} : (tensor<?x3xf32>, tensor<8x3xf32>) -> tensor<?x8xf32>
  %y = compress.linear nk %x, %a {name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %y, %b {name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}
