// RUN: compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=14' | FileCheck %s --check-prefixes=CHECK,WEIGHTS
// RUN: compress-opt %s --compress-allocate-bits='formats=int4/int8 bytes=20 metric=weights' | FileCheck %s --check-prefixes=CHECK,WEIGHTS
// Afterwards there is nothing left to decide.
// RUN: compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=14' --compress-allocate-bits | FileCheck %s --check-prefixes=CHECK,WEIGHTS
// RUN: compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=14' --compress-quantize --compress-verify-chains | FileCheck %s --check-prefix=CODES
// Little and much room.
// RUN: compress-opt %s --compress-allocate-bits='formats=int8/int4 avg=13.2' | FileCheck %s --check-prefix=ALL4
// RUN: compress-opt %s --compress-allocate-bits='formats=int8/int4/fp16 avg=32' | FileCheck %s --check-prefix=BEST
// The same as a recipe says it.
// RUN: compress-opt %s --compress-apply-recipe='quantize=mixed:avg=14,formats=int4/int8' --compress-allocate-bits | FileCheck %s --check-prefixes=CHECK,WEIGHTS

// With statistics the error of the output counts: of fc1 only the first input is ever used.
// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc1:input": {"min": [0, 0, 0, 0], "max": [1, 0, 0, 0], "features": 4, "groups": 1, "gram_vectors": 2, "gram": [[[2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]}, "fc2:input": {"min": [0, 0, 0, 0], "max": [1, 1, 1, 1], "features": 4, "groups": 1, "gram_vectors": 2, "gram": [[[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]]}, "fc3:input": "fc1:input"}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-allocate-bits='formats=int4/int8 avg=14' | FileCheck %s --check-prefixes=CHECK,OUTPUT
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-allocate-bits='formats=int4/int8 avg=14 metric=weights' | FileCheck %s --check-prefixes=CHECK,WEIGHTS

// 4 weights with a scale take 6 bytes with 4 bits and 8 bytes with 8 bits; 14 bits of 12 weights are 21 bytes, so one
// of the layers can have 8 bits. With 4 bits, 8.0 is a code in all of them, 0.4 and 0.3 become 0 and 1.0 and 2.0 stay.
compress.weight private @a : tensor<1x4xf32> = dense<[[8.0, 0.4, 0.4, 0.4]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[8.0, 0.3, 0.3, 0.3]]>
compress.weight private @c : tensor<1x4xf32> = dense<[[8.0, 1.0, 2.0, 1.0]]>

// CODES-DAG: @a.q : tensor<1x4xi8>
// CODES-DAG: @b.q : tensor<1x4xi4>
// CODES-DAG: @c.q : tensor<1x4xi4>
// CHECK-LABEL: func.func @three_layers
func.func @three_layers(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %a = compress.load @a : tensor<1x4xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %c = compress.load @c : tensor<1x4xf32>
  // WEIGHTS: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int8,{{.*}}">, name = "fc1"}
  // OUTPUT: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc1"}
  // ALL4: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc1"}
  // BEST: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "fp16,{{.*}}">, name = "fc1"}
  %y = compress.linear nk %x, %a {name = "fc1"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // WEIGHTS: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc2"}
  // OUTPUT: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int8,{{.*}}">, name = "fc2"}
  // ALL4: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc2"}
  // BEST: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "fp16,{{.*}}">, name = "fc2"}
  %z = compress.linear nk %x, %b {name = "fc2"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // Without an error in 4 bits it has no use for more.
  // CHECK: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc3"}
  // ALL4: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc3"}
  // BEST: compress.linear {{.*}} {compress.plan = #compress.plan<quantize = "int4,{{.*}}">, name = "fc3"}
  %w = compress.linear nk %x, %c {name = "fc3"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %z, %w : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}
