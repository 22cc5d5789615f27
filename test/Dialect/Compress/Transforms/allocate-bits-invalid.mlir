// RUN: not compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=11.9' 2>&1 | FileCheck %s --check-prefix=SMALL
// SMALL: error: no choice of formats fits into 5 bytes (10.000 bits per weight): the smallest take 6 bytes (12.000 bits per weight)

// RUN: not compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=16 metric=output' 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: the metric output needs statistics, of which there are none

// RUN: not compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=16 metric=size' 2>&1 | FileCheck %s --check-prefix=METRIC
// METRIC: error: unknown metric 'size', expects auto, output or weights

// RUN: not compress-opt %s --compress-allocate-bits='formats=int4/int8' 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not compress-opt %s --compress-allocate-bits='formats=int4/int8 avg=16 bytes=20' 2>&1 | FileCheck %s --check-prefix=BUDGET
// BUDGET: error: expects avg (bits per weight) or bytes beside formats

// RUN: not compress-opt %s --compress-allocate-bits='avg=16' 2>&1 | FileCheck %s --check-prefix=FORMATS
// FORMATS: error: avg and bytes need formats, such as formats=int4/int8/fp16

// RUN: not compress-opt %s --compress-allocate-bits='formats=int4/int5 avg=16' 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: unknown format 'int5'

// RUN: not compress-opt %s --compress-quantize=format=mixed 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: mixed expects one of 'avg' (bits per weight) and 'bytes'

compress.weight private @w : tensor<1x4xf32> = dense<[[8.0, 0.4, 0.4, 0.4]]>
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %a = compress.load @w : tensor<1x4xf32>
  %y = compress.linear nk %x, %a {name = "fc1"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
