// With Gram matrices of the inputs a report has the error of outputs, and ranks the layers by it.
// RUN: %python %S/../../Dialect/Compress/Transforms/Inputs/make-statistics.py %t.st '{"fc1:input": {"min": [0, 0, 0, 0], "max": [1, 1, 1, 1], "features": 4, "groups": 1, "gram_vectors": 2, "gram": [[[2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2]]]}, "fc2:input": {"min": [0, 0, 0, 0], "max": [1, 1, 1, 1], "features": 4, "groups": 1, "gram_vectors": 2, "gram": [[[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]]}}'
// RUN: compress-opt %s --quantize=int4,method=rtn --statistics=%t.st --report=%t.json -o /dev/null 2>&1 | FileCheck %s
// RUN: FileCheck %s --check-prefix=JSON < %t.json
// RUN: compress-opt %s --quantize=mixed:bytes=26,formats=int4/int8,method=rtn --statistics=%t.st --report=%t.mixed.json -o /dev/null 2>&1 | FileCheck %s --check-prefix=MIXED
// RUN: FileCheck %s --check-prefix=MIXED-JSON < %t.mixed.json

// 10 log10(64.16 / 0.16) for fc1, of which two inputs count; 10 log10(64.27 / 0.27) for fc2; fc3 has no statistics.
// CHECK: layer op shape before after bits zeros error sqnr done
// CHECK: fc1 linear 1x4 16 B 6 B 12.00 - {{.*}} 26.0dB int4 per channel
// CHECK: fc2 linear 1x4 16 B 6 B 12.00 - {{.*}} 23.8dB int4 per channel
// CHECK: fc3 linear 1x4 16 B 6 B 12.00 - {{.*}} - int4 per channel
// CHECK: largest errors: fc3 21.9dB (weight), fc2 23.8dB, fc1 26.0dB

// JSON: "output_sqnr_db": 26.031
// JSON: "output_sqnr_db": 23.766
// JSON: "output_sqnr_db": null
// JSON: "culprits": [
// JSON: "name": "fc3",
// JSON-NEXT: "sqnr_db": 21.93
// JSON-NEXT: "of": "weight"
// JSON: "name": "fc2",
// JSON-NEXT: "sqnr_db": 23.766
// JSON-NEXT: "of": "output"

// What the formats cost, worst layer first. 4 bits take 18 bytes with the scales, 8 bits take 24.
// MIXED: mixed precision: 16.000 bits per weight, 24 B of 26 B
// MIXED-NEXT: most sensitive layers (output error by format; the chosen one in brackets):
// MIXED-NEXT: fc3 int4 {{.*}} [int8 {{.*}}]
// MIXED-NEXT: fc2 int4 4.201e-03 [int8 {{.*}}]
// MIXED-NEXT: fc1 int4 2.494e-03 [int8 {{.*}}]
// MIXED-JSON: "mixed_precision": [
// MIXED-JSON: "budget": 26,
// MIXED-JSON: "exact": true,
// MIXED-JSON: "name": "fc3",
// MIXED-JSON-NEXT: "chosen": "int8",

compress.weight private @a : tensor<1x4xf32> = dense<[[8.0, 0.4, 0.4, 0.4]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[8.0, 0.3, 0.3, 0.3]]>
compress.weight private @c : tensor<1x4xf32> = dense<[[2.0, 0.6, 0.4, 0.4]]>
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %a = compress.load @a : tensor<1x4xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %c = compress.load @c : tensor<1x4xf32>
  %y = compress.linear nk %x, %a {name = "fc1"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %z = compress.linear nk %x, %b {name = "fc2"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %w = compress.linear nk %x, %c {name = "fc3"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %z, %w : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}
