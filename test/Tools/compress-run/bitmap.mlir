// A weight with a bitmap is stored dense for native code, which says so, and computes what the dense weight computes.
// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-run %s --inputs=%t.npz | FileCheck %s
// RUN: compress-run %s --inputs=%t.npz --kernels=false | FileCheck %s
// RUN: compress-opt %s --compress-fold-decode -o %t.dense.mlir
// RUN: compress-run %t.dense.mlir --inputs=%t.npz | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-linalg --remarks-filter=kernels 2>&1 | FileCheck %s --check-prefix=LINALG

// CHECK: {{^}}y: f32[2,2] min -28 max 21 mean 3.125{{$}}
// CHECK-NEXT: {{^}}r: f32[3,4] min 0 max 3 mean 0.5{{$}}
// CHECK-NOT: {{.}}

// One remark for the table of both embeddings.
// LINALG: remark: {{.*}}'w.q' is stored dense: no kernel reads bitmaps
// LINALG: remark: {{.*}}'e.kept' is stored dense: no kernel reads bitmaps
// LINALG-NOT: remark
// LINALG: compress.weight private @e.kept.expanded : tensor<4x4xf32>
// LINALG-NOT: compress.load @{{.*}}bitmap

compress.weight private @w.q : tensor<6xi4> = dense<[7, 1, -3, 2, -8, 5]>
compress.weight private @w.bitmap : tensor<2xi8> = dense<[-126, 30]>
compress.weight private @w.scale : tensor<2x1xf32> = dense<[[0.5], [2.0]]>
compress.weight private @e.kept : tensor<3xf32> = dense<[1.0, 2.0, 3.0]>
compress.weight private @e.bitmap : tensor<2xi8> = dense<[1, 6]>
func.func @main(%i: tensor<3xi64> {compress.name = "i"}, %x: tensor<?x8xf32> {compress.name = "x"})
    -> (tensor<?x2xf32> {compress.name = "y"}, tensor<3x4xf32> {compress.name = "r"}) {
  %q = compress.load @w.q : tensor<6xi4>
  %b = compress.load @w.bitmap : tensor<2xi8>
  %c = compress.expand_bitmap %q, %b : (tensor<6xi4>, tensor<2xi8>) -> tensor<2x8xi4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %w = compress.dequantize %c, %s {block = array<i64: 1, -1>} : (tensor<2x8xi4>, tensor<2x1xf32>) -> tensor<2x8xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  %ek = compress.load @e.kept : tensor<3xf32>
  %eb = compress.load @e.bitmap : tensor<2xi8>
  %e = compress.expand_bitmap %ek, %eb : (tensor<3xf32>, tensor<2xi8>) -> tensor<4x4xf32>
  %r0 = compress.embedding %e, %i {name = "one"} : (tensor<4x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %el = compress.load @e.kept : tensor<3xf32>
  %f = compress.expand_bitmap %el, %eb : (tensor<3xf32>, tensor<2xi8>) -> tensor<4x4xf32>
  %r1 = compress.embedding %f, %i {name = "two"} : (tensor<4x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %r = compress.max %r0, %r1 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y, %r : tensor<?x2xf32>, tensor<3x4xf32>
}

func.func private @make() -> (tensor<3xi64> {compress.name = "i"}, tensor<2x8xf32> {compress.name = "x"}) {
  %i = compress.constant dense<[0, 3, 2]> : tensor<3xi64>
  %x = compress.constant dense<[[1.0, 2.0, 3.0, -1.0, 0.5, 4.0, 2.0, 1.0], [0.0, 3.0, -1.0, 1.0, 1.0, 2.0, 9.0, 3.0]]> : tensor<2x8xf32>
  return %i, %x : tensor<3xi64>, tensor<2x8xf32>
}
