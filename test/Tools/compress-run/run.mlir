// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-run %s --inputs=%t.npz | FileCheck %s
// RUN: compress-run %s --inputs=%t.npz --threads 2 --target=avx2 --kernels=false | FileCheck %s
// RUN: compress-run %s --inputs=%t.npz --dim rows=2 | FileCheck %s

// Compiled once, run from a file.
// RUN: compress-run %s --save=%t.cmpr | count 0
// RUN: compress-run %t.cmpr --inputs=%t.npz | FileCheck %s

// CHECK: {{^}}y: f32[2,3] min 2 max 12 mean 7{{$}}
// CHECK-NEXT: {{^}}positive: i1[2,3] min 1 max 1 mean 1{{$}}
// CHECK-NOT: {{.}}

// RUN: compress-run %s --inputs=%t.npz --repeat 3 --threads 1 | FileCheck %s --check-prefix=REPEAT
// REPEAT: {{^}}{"min_ms":{{[0-9.]+}},"median_ms":{{[0-9.]+}},"max_ms":{{[0-9.]+}},"repeat":3,"threads":1}{{$}}
// REPEAT-NOT: {{.}}

// RUN: compress-run %s --inputs=%t.npz --print-plan --target=avx2 --threads 1 | FileCheck %s --check-prefix=PLAN
// PLAN: target: avx2, 1 thread{{$}}
// PLAN-NEXT: weights: 1, 24 bytes (0 mapped)
// PLAN-NEXT: memory: arena 0 bytes, peak of live values 0
// PLAN: kernels: 0, 0 calls
// PLAN: compile: {{[0-9]+}} ms
// PLAN: y: f32[2,3]

compress.weight private @w : tensor<2x3xf32> = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]>

func.func @main(%x: tensor<?x3xf32> {compress.name = "x", compress.dims = ["rows", ""]})
    -> (tensor<?x3xf32> {compress.name = "y"}, tensor<?x3xi1> {compress.name = "positive"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %0 = compress.add %x, %w : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  %zero = compress.constant dense<0.0> : tensor<f32>
  %1 = compress.greater %0, %zero : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xi1>
  return %0, %1 : tensor<?x3xf32>, tensor<?x3xi1>
}

func.func private @make() -> (tensor<2x3xf32> {compress.name = "x"}) {
  %w = compress.load @w : tensor<2x3xf32>
  return %w : tensor<2x3xf32>
}
