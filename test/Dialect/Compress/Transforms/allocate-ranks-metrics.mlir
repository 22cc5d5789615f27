// What the errors and the sizes of ranks are; allocate-ranks.mlir explains the two weights.
// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc1:input": {"min": [0, 0, 0, 0, 0, 0, 0, 0], "max": [1, 1, 1, 1, 1, 1, 1, 1], "features": 8, "groups": 1, "gram_vectors": 2, "gram": [[[1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0, 1]]]}, "fc2:input": {"min": [0, 0, 0, 0, 0, 0, 0, 0], "max": [1, 1, 1, 1, 1, 1, 1, 1], "features": 8, "groups": 1, "gram_vectors": 2, "gram": [[[1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0, 1]]]}, "fc1:weight": {"output_sensitivity": [1.0]}, "fc2:weight": {"output_sensitivity": [0.01]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-allocate-ranks --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-allocate-ranks --split-input-file --remarks-filter=low-rank -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARKS

// With statistics the error of the output counts: of fc2, only two singular values are ever used.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// REMARKS: weight 'a' of "fc1" gets rank 2{{.*}} error=9.091e-02, parameters=32, sensitivity=1.000e+00
// REMARKS: the model will have 64 of 128 parameters{{.*}} budget=64
// CHECK-LABEL: func.func @output
func.func @output(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:2,method=auto">, name = "fc1"}
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:2,method=auto">, name = "fc2"}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.5,sensitivity=output">, name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %y, %b {compress.plan = #compress.plan<low_rank = "budget:params=0.5,sensitivity=output">, name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// Methods that do not look at them have the error of the weight.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// REMARKS: weight 'a' of "fc1" gets rank 1{{.*}} error=2.727e-01, parameters=16, sensitivity=1.000e+00
// REMARKS: weight 'b' of "fc2" gets rank 3{{.*}} error=2.500e-01, parameters=48, sensitivity=1.000e+00
// CHECK-LABEL: func.func @weights
func.func @weights(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:1,method=svd">, name = "fc1"}
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:3,method=svd">, name = "fc2"}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd,sensitivity=output">, name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %y, %b {compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd,sensitivity=output">, name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// The model's output suffers a hundredth of an error of fc2.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// REMARKS: weight 'b' of "fc2" gets rank 1{{.*}} error=7.500e-01, parameters=16, sensitivity=1.000e-02
// CHECK-LABEL: func.func @model
func.func @model(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:3,method=svd">, name = "fc1"}
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:1,method=svd">, name = "fc2"}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd,sensitivity=model">, name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %y, %b {compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd,sensitivity=model">, name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// A weight of two ops counts once, its multiplications twice.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// CHECK-LABEL: func.func @multiplications
func.func @multiplications(%x: tensor<3x8xf32>, %s: tensor<1x8xf32>) -> (tensor<3x8xf32>, tensor<1x8xf32>) {
  // 2 * 3 * 64 + 64 multiplications, of which there may be 224. A rank of fc1 costs 96, one of fc2 16: fc1 with rank 1
  // and the whole of fc2 (160) are better than rank 2 of both (224).
  // REMARKS: weight 'a' of "fc1" gets rank 1{{.*}} error=2.727e-01, multiply-accumulates=96
  // REMARKS: weight 'b' of "fc2" stays whole: other weights suffer less
  // REMARKS: the model will have 160 of 448 multiply-accumulates
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:1,method=svd">, name = "fc1"}
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:1,method=svd">, name = "fc1b"}
  // CHECK: compress.linear {{.*}} {name = "fc2"}
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:macs=0.5,method=svd,sensitivity=output">, name = "fc1"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %z = compress.linear nk %y, %a {compress.plan = #compress.plan<low_rank = "budget:macs=0.5,method=svd,sensitivity=output">, name = "fc1b"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %t = compress.linear nk %s, %b {compress.plan = #compress.plan<low_rank = "budget:macs=0.5,method=svd,sensitivity=output">, name = "fc2"} : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
  return %z, %t : tensor<3x8xf32>, tensor<1x8xf32>
}

// -----

// What is not split counts, too: 136 of 200 parameters are 64 for the two weights. Other plans stay.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @table : tensor<8x8xf32> = dense<1.0>
compress.weight private @bias : tensor<8xf32> = dense<1.0>

// REMARKS: the model will have 136 of 200 parameters
// CHECK-LABEL: func.func @others
func.func @others(%i: tensor<?xi64>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  %c = compress.load @bias : tensor<8xf32>
  %t = compress.load @table : tensor<8x8xf32>
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int8", low_rank = "rank:1,method=svd">, name = "fc1"}
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:3,method=svd">, name = "fc2"}
  %x = compress.embedding %t, %i {name = "table"} : (tensor<8x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<quantize = "int8", low_rank = "budget:params=0.68,method=svd,sensitivity=output">, name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %y, %b bias %c {compress.plan = #compress.plan<low_rank = "budget:params=0.68,method=svd,sensitivity=output">, name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// Two requests have budgets of their own: of the model with the other weight as it is.
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<8x8xf32> = dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>

// CHECK-LABEL: func.func @two_budgets
func.func @two_budgets(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:2,method=svd">, name = "fc1"}
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<low_rank = "rank:3,method=svd">, name = "fc2"}
  %a = compress.load @a : tensor<8x8xf32>
  %b = compress.load @b : tensor<8x8xf32>
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.75,method=svd,sensitivity=output">, name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %y, %b {compress.plan = #compress.plan<low_rank = "budget:params=0.9,method=svd,sensitivity=output">, name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// Of rank 1 in the form spatial (48 parameters) and in the form channel (80).
compress.weight private @spatial : tensor<8x8x3x3xf32> = dense<[[[[-2.0, -1.0, 0.0], [6.0, 3.0, 0.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, 0.0], [4.0, 2.0, 0.0], [4.0, 2.0, 0.0]], [[4.0, 2.0, 0.0], [-4.0, -2.0, 0.0], [-6.0, -3.0, 0.0]], [[6.0, 3.0, 0.0], [-6.0, -3.0, 0.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, 0.0], [-2.0, -1.0, 0.0], [0.0, 0.0, 0.0]], [[-2.0, -1.0, 0.0], [-2.0, -1.0, 0.0], [-6.0, -3.0, 0.0]], [[-6.0, -3.0, 0.0], [-6.0, -3.0, 0.0], [-6.0, -3.0, 0.0]], [[2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, 1.0, 0.0]]], [[[2.0, 1.0, 3.0], [-6.0, -3.0, -9.0], [0.0, 0.0, 0.0]], [[6.0, 3.0, 9.0], [-4.0, -2.0, -6.0], [-4.0, -2.0, -6.0]], [[-4.0, -2.0, -6.0], [4.0, 2.0, 6.0], [6.0, 3.0, 9.0]], [[-6.0, -3.0, -9.0], [6.0, 3.0, 9.0], [0.0, 0.0, 0.0]], [[6.0, 3.0, 9.0], [2.0, 1.0, 3.0], [0.0, 0.0, 0.0]], [[2.0, 1.0, 3.0], [2.0, 1.0, 3.0], [6.0, 3.0, 9.0]], [[6.0, 3.0, 9.0], [6.0, 3.0, 9.0], [6.0, 3.0, 9.0]], [[-2.0, -1.0, -3.0], [0.0, 0.0, 0.0], [-2.0, -1.0, -3.0]]], [[[3.0, 3.0, 2.0], [-9.0, -9.0, -6.0], [0.0, 0.0, 0.0]], [[9.0, 9.0, 6.0], [-6.0, -6.0, -4.0], [-6.0, -6.0, -4.0]], [[-6.0, -6.0, -4.0], [6.0, 6.0, 4.0], [9.0, 9.0, 6.0]], [[-9.0, -9.0, -6.0], [9.0, 9.0, 6.0], [0.0, 0.0, 0.0]], [[9.0, 9.0, 6.0], [3.0, 3.0, 2.0], [0.0, 0.0, 0.0]], [[3.0, 3.0, 2.0], [3.0, 3.0, 2.0], [9.0, 9.0, 6.0]], [[9.0, 9.0, 6.0], [9.0, 9.0, 6.0], [9.0, 9.0, 6.0]], [[-3.0, -3.0, -2.0], [0.0, 0.0, 0.0], [-3.0, -3.0, -2.0]]], [[[-2.0, -1.0, -3.0], [6.0, 3.0, 9.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, -9.0], [4.0, 2.0, 6.0], [4.0, 2.0, 6.0]], [[4.0, 2.0, 6.0], [-4.0, -2.0, -6.0], [-6.0, -3.0, -9.0]], [[6.0, 3.0, 9.0], [-6.0, -3.0, -9.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, -9.0], [-2.0, -1.0, -3.0], [0.0, 0.0, 0.0]], [[-2.0, -1.0, -3.0], [-2.0, -1.0, -3.0], [-6.0, -3.0, -9.0]], [[-6.0, -3.0, -9.0], [-6.0, -3.0, -9.0], [-6.0, -3.0, -9.0]], [[2.0, 1.0, 3.0], [0.0, 0.0, 0.0], [2.0, 1.0, 3.0]]], [[[0.0, -1.0, -3.0], [0.0, 3.0, 9.0], [0.0, 0.0, 0.0]], [[0.0, -3.0, -9.0], [0.0, 2.0, 6.0], [0.0, 2.0, 6.0]], [[0.0, 2.0, 6.0], [0.0, -2.0, -6.0], [0.0, -3.0, -9.0]], [[0.0, 3.0, 9.0], [0.0, -3.0, -9.0], [0.0, 0.0, 0.0]], [[0.0, -3.0, -9.0], [0.0, -1.0, -3.0], [0.0, 0.0, 0.0]], [[0.0, -1.0, -3.0], [0.0, -1.0, -3.0], [0.0, -3.0, -9.0]], [[0.0, -3.0, -9.0], [0.0, -3.0, -9.0], [0.0, -3.0, -9.0]], [[0.0, 1.0, 3.0], [0.0, 0.0, 0.0], [0.0, 1.0, 3.0]]], [[[-2.0, -1.0, 0.0], [6.0, 3.0, 0.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, 0.0], [4.0, 2.0, 0.0], [4.0, 2.0, 0.0]], [[4.0, 2.0, 0.0], [-4.0, -2.0, 0.0], [-6.0, -3.0, 0.0]], [[6.0, 3.0, 0.0], [-6.0, -3.0, 0.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, 0.0], [-2.0, -1.0, 0.0], [0.0, 0.0, 0.0]], [[-2.0, -1.0, 0.0], [-2.0, -1.0, 0.0], [-6.0, -3.0, 0.0]], [[-6.0, -3.0, 0.0], [-6.0, -3.0, 0.0], [-6.0, -3.0, 0.0]], [[2.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, 1.0, 0.0]]], [[[0.0, -3.0, 2.0], [0.0, 9.0, -6.0], [0.0, 0.0, 0.0]], [[0.0, -9.0, 6.0], [0.0, 6.0, -4.0], [0.0, 6.0, -4.0]], [[0.0, 6.0, -4.0], [0.0, -6.0, 4.0], [0.0, -9.0, 6.0]], [[0.0, 9.0, -6.0], [0.0, -9.0, 6.0], [0.0, 0.0, 0.0]], [[0.0, -9.0, 6.0], [0.0, -3.0, 2.0], [0.0, 0.0, 0.0]], [[0.0, -3.0, 2.0], [0.0, -3.0, 2.0], [0.0, -9.0, 6.0]], [[0.0, -9.0, 6.0], [0.0, -9.0, 6.0], [0.0, -9.0, 6.0]], [[0.0, 3.0, -2.0], [0.0, 0.0, 0.0], [0.0, 3.0, -2.0]]], [[[-2.0, -1.0, 3.0], [6.0, 3.0, -9.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, 9.0], [4.0, 2.0, -6.0], [4.0, 2.0, -6.0]], [[4.0, 2.0, -6.0], [-4.0, -2.0, 6.0], [-6.0, -3.0, 9.0]], [[6.0, 3.0, -9.0], [-6.0, -3.0, 9.0], [0.0, 0.0, 0.0]], [[-6.0, -3.0, 9.0], [-2.0, -1.0, 3.0], [0.0, 0.0, 0.0]], [[-2.0, -1.0, 3.0], [-2.0, -1.0, 3.0], [-6.0, -3.0, 9.0]], [[-6.0, -3.0, 9.0], [-6.0, -3.0, 9.0], [-6.0, -3.0, 9.0]], [[2.0, 1.0, -3.0], [0.0, 0.0, 0.0], [2.0, 1.0, -3.0]]]]>
compress.weight private @channel : tensor<8x8x3x3xf32> = dense<[[[[-1.0, 1.0, 3.0], [1.0, 2.0, 1.0], [1.0, -1.0, 3.0]], [[-3.0, 1.0, 2.0], [2.0, 0.0, -1.0], [-1.0, -1.0, 0.0]], [[2.0, 3.0, -3.0], [3.0, 0.0, -1.0], [1.0, 1.0, -2.0]], [[-1.0, 2.0, 1.0], [0.0, -1.0, 2.0], [-1.0, -1.0, 3.0]], [[-2.0, -2.0, 1.0], [1.0, -3.0, -3.0], [-1.0, 2.0, -1.0]], [[2.0, -1.0, -2.0], [2.0, 3.0, -3.0], [-3.0, 1.0, -1.0]], [[1.0, -2.0, 3.0], [0.0, 3.0, 2.0], [1.0, -2.0, 2.0]], [[-3.0, 0.0, -1.0], [3.0, -2.0, 3.0], [-3.0, 1.0, 1.0]]], [[[-2.0, 2.0, 6.0], [2.0, 4.0, 2.0], [2.0, -2.0, 6.0]], [[-6.0, 2.0, 4.0], [4.0, 0.0, -2.0], [-2.0, -2.0, 0.0]], [[4.0, 6.0, -6.0], [6.0, 0.0, -2.0], [2.0, 2.0, -4.0]], [[-2.0, 4.0, 2.0], [0.0, -2.0, 4.0], [-2.0, -2.0, 6.0]], [[-4.0, -4.0, 2.0], [2.0, -6.0, -6.0], [-2.0, 4.0, -2.0]], [[4.0, -2.0, -4.0], [4.0, 6.0, -6.0], [-6.0, 2.0, -2.0]], [[2.0, -4.0, 6.0], [0.0, 6.0, 4.0], [2.0, -4.0, 4.0]], [[-6.0, 0.0, -2.0], [6.0, -4.0, 6.0], [-6.0, 2.0, 2.0]]], [[[-3.0, 3.0, 9.0], [3.0, 6.0, 3.0], [3.0, -3.0, 9.0]], [[-9.0, 3.0, 6.0], [6.0, 0.0, -3.0], [-3.0, -3.0, 0.0]], [[6.0, 9.0, -9.0], [9.0, 0.0, -3.0], [3.0, 3.0, -6.0]], [[-3.0, 6.0, 3.0], [0.0, -3.0, 6.0], [-3.0, -3.0, 9.0]], [[-6.0, -6.0, 3.0], [3.0, -9.0, -9.0], [-3.0, 6.0, -3.0]], [[6.0, -3.0, -6.0], [6.0, 9.0, -9.0], [-9.0, 3.0, -3.0]], [[3.0, -6.0, 9.0], [0.0, 9.0, 6.0], [3.0, -6.0, 6.0]], [[-9.0, 0.0, -3.0], [9.0, -6.0, 9.0], [-9.0, 3.0, 3.0]]], [[[-2.0, 2.0, 6.0], [2.0, 4.0, 2.0], [2.0, -2.0, 6.0]], [[-6.0, 2.0, 4.0], [4.0, 0.0, -2.0], [-2.0, -2.0, 0.0]], [[4.0, 6.0, -6.0], [6.0, 0.0, -2.0], [2.0, 2.0, -4.0]], [[-2.0, 4.0, 2.0], [0.0, -2.0, 4.0], [-2.0, -2.0, 6.0]], [[-4.0, -4.0, 2.0], [2.0, -6.0, -6.0], [-2.0, 4.0, -2.0]], [[4.0, -2.0, -4.0], [4.0, 6.0, -6.0], [-6.0, 2.0, -2.0]], [[2.0, -4.0, 6.0], [0.0, 6.0, 4.0], [2.0, -4.0, 4.0]], [[-6.0, 0.0, -2.0], [6.0, -4.0, 6.0], [-6.0, 2.0, 2.0]]], [[[-2.0, 2.0, 6.0], [2.0, 4.0, 2.0], [2.0, -2.0, 6.0]], [[-6.0, 2.0, 4.0], [4.0, 0.0, -2.0], [-2.0, -2.0, 0.0]], [[4.0, 6.0, -6.0], [6.0, 0.0, -2.0], [2.0, 2.0, -4.0]], [[-2.0, 4.0, 2.0], [0.0, -2.0, 4.0], [-2.0, -2.0, 6.0]], [[-4.0, -4.0, 2.0], [2.0, -6.0, -6.0], [-2.0, 4.0, -2.0]], [[4.0, -2.0, -4.0], [4.0, 6.0, -6.0], [-6.0, 2.0, -2.0]], [[2.0, -4.0, 6.0], [0.0, 6.0, 4.0], [2.0, -4.0, 4.0]], [[-6.0, 0.0, -2.0], [6.0, -4.0, 6.0], [-6.0, 2.0, 2.0]]], [[[-3.0, 3.0, 9.0], [3.0, 6.0, 3.0], [3.0, -3.0, 9.0]], [[-9.0, 3.0, 6.0], [6.0, 0.0, -3.0], [-3.0, -3.0, 0.0]], [[6.0, 9.0, -9.0], [9.0, 0.0, -3.0], [3.0, 3.0, -6.0]], [[-3.0, 6.0, 3.0], [0.0, -3.0, 6.0], [-3.0, -3.0, 9.0]], [[-6.0, -6.0, 3.0], [3.0, -9.0, -9.0], [-3.0, 6.0, -3.0]], [[6.0, -3.0, -6.0], [6.0, 9.0, -9.0], [-9.0, 3.0, -3.0]], [[3.0, -6.0, 9.0], [0.0, 9.0, 6.0], [3.0, -6.0, 6.0]], [[-9.0, 0.0, -3.0], [9.0, -6.0, 9.0], [-9.0, 3.0, 3.0]]], [[[-3.0, 3.0, 9.0], [3.0, 6.0, 3.0], [3.0, -3.0, 9.0]], [[-9.0, 3.0, 6.0], [6.0, 0.0, -3.0], [-3.0, -3.0, 0.0]], [[6.0, 9.0, -9.0], [9.0, 0.0, -3.0], [3.0, 3.0, -6.0]], [[-3.0, 6.0, 3.0], [0.0, -3.0, 6.0], [-3.0, -3.0, 9.0]], [[-6.0, -6.0, 3.0], [3.0, -9.0, -9.0], [-3.0, 6.0, -3.0]], [[6.0, -3.0, -6.0], [6.0, 9.0, -9.0], [-9.0, 3.0, -3.0]], [[3.0, -6.0, 9.0], [0.0, 9.0, 6.0], [3.0, -6.0, 6.0]], [[-9.0, 0.0, -3.0], [9.0, -6.0, 9.0], [-9.0, 3.0, 3.0]]], [[[-3.0, 3.0, 9.0], [3.0, 6.0, 3.0], [3.0, -3.0, 9.0]], [[-9.0, 3.0, 6.0], [6.0, 0.0, -3.0], [-3.0, -3.0, 0.0]], [[6.0, 9.0, -9.0], [9.0, 0.0, -3.0], [3.0, 3.0, -6.0]], [[-3.0, 6.0, 3.0], [0.0, -3.0, 6.0], [-3.0, -3.0, 9.0]], [[-6.0, -6.0, 3.0], [3.0, -9.0, -9.0], [-3.0, 6.0, -3.0]], [[6.0, -3.0, -6.0], [6.0, 9.0, -9.0], [-9.0, 3.0, -3.0]], [[3.0, -6.0, 9.0], [0.0, 9.0, 6.0], [3.0, -6.0, 6.0]], [[-9.0, 0.0, -3.0], [9.0, -6.0, 9.0], [-9.0, 3.0, 3.0]]]]>

// REMARKS: weight 'spatial' of "conv1" gets rank 1 (spatial){{.*}} parameters=48
// REMARKS: weight 'channel' of "conv2" gets rank 1 (channel){{.*}} parameters=80
// CHECK-LABEL: func.func @forms
func.func @forms(%x: tensor<1x8x9x9xf32>) -> tensor<1x8x5x5xf32> {
  %s = compress.load @spatial : tensor<8x8x3x3xf32>
  %c = compress.load @channel : tensor<8x8x3x3xf32>
  // CHECK: compress.conv {{.*}}low_rank = "rank:1,method=svd,form=spatial"
  // CHECK: compress.conv {{.*}}low_rank = "rank:1,method=svd,form=channel"
  %y = compress.conv %x, %s {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, compress.plan = #compress.plan<low_rank = "budget:params=0.12,method=svd,sensitivity=output">, name = "conv1"} : (tensor<1x8x9x9xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x7x7xf32>
  %z = compress.conv %y, %c {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, compress.plan = #compress.plan<low_rank = "budget:params=0.12,method=svd,sensitivity=output">, name = "conv2"} : (tensor<1x8x7x7xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x5x5xf32>
  return %z : tensor<1x8x5x5xf32>
}

// -----

// Ops of other dialects.
// CHECK-LABEL: func.func @foreign
func.func @foreign(%x: tensor<?x8xf32>, %i: tensor<?x8xf32>, %c: i1) -> tensor<?x8xf32> {
  // CHECK: linalg.matmul {compress.plan = #compress.plan<low_rank = "rank:1,method=svd">}
  // CHECK: linalg.matmul {compress.plan = #compress.plan<low_rank = "rank:3,method=svd">}
  %a = arith.constant dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<8x8xf32>
  %b = arith.constant dense<[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<8x8xf32>
  %y = linalg.matmul {compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd,sensitivity=output">} ins(%x, %a : tensor<?x8xf32>, tensor<8x8xf32>) outs(%i : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = scf.if %c -> tensor<?x8xf32> {
    %t = linalg.matmul {compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd,sensitivity=output">} ins(%y, %b : tensor<?x8xf32>, tensor<8x8xf32>) outs(%i : tensor<?x8xf32>) -> tensor<?x8xf32>
    scf.yield %t : tensor<?x8xf32>
  } else {
    scf.yield %y : tensor<?x8xf32>
  }
  return %z : tensor<?x8xf32>
}
