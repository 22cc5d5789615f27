// RUN: compress-opt %s --split-input-file --compress-split-low-rank=low-rank=rank:1 | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-split-low-rank=low-rank=rank:1 --compress-split-low-rank=low-rank=rank:1 | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-split-low-rank=low-rank=rank:1 --mlir-disable-threading | FileCheck %s

// 4 is the largest singular value; each factor gets its root. The bias stays with the second op.
// CHECK-DAG: compress.weight private @"w/v" : tensor<1x4xf32> = dense<{{\[\[}}2.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<4x1xf32> = dense<{{\[\[}}2.000000e+00], [0.000000e+00], [0.000000e+00], [0.000000e+00]]>
// CHECK-NOT: @w :
compress.weight private @w : tensor<4x4xf32> = dense<[[4.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]>
compress.weight private @b : tensor<4xf32> = dense<1.0>
// CHECK-LABEL: func.func @largest_singular_value
func.func @largest_singular_value(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[V:.+]] = compress.load @"w/v"
  // CHECK: %[[U:.+]] = compress.load @"w/u"
  // CHECK: %[[Z:.+]] = compress.linear nk %arg0, %[[V]] {name = "fc/v"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  // CHECK: compress.linear nk %[[Z]], %[[U]] bias %{{.+}} {name = "fc/u"}
  %w = compress.load @w : tensor<4x4xf32>
  %b = compress.load @b : tensor<4xf32>
  %y = compress.linear nk %x, %w bias %b {name = "fc"} : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// The other layout: V is [in, k], U is [k, out].
// CHECK-DAG: compress.weight private @"w/v" : tensor<3x1xf32> = dense<{{\[\[}}3.000000e+00], [0.000000e+00], [0.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<1x4xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00, 3.000000e+00, 0.000000e+00]]>
compress.weight private @w : tensor<3x4xf32> = dense<[[0.0, 0.0, 9.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]>
// CHECK-LABEL: func.func @inputs_first
func.func @inputs_first(%x: tensor<2x?x3xf32>) -> tensor<2x?x4xf32> {
  // CHECK: %[[Z:.+]] = compress.linear kn %arg0, %{{.+}} {name = "fc/v"} : (tensor<2x?x3xf32>, tensor<3x1xf32>) -> tensor<2x?x1xf32>
  // CHECK: compress.linear kn %[[Z]], %{{.+}} {name = "fc/u"} : (tensor<2x?x1xf32>, tensor<1x4xf32>) -> tensor<2x?x4xf32>
  %w = compress.load @w : tensor<3x4xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<2x?x3xf32>, tensor<3x4xf32>) -> tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}

// -----

// A transposed weight gives factors of the shapes that the op uses, without a transpose.
// CHECK-DAG: compress.weight private @"w/v" : tensor<1x3xf32> = dense<{{\[\[}}3.000000e+00, 0.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<4x1xf32> = dense<{{\[\[}}0.000000e+00], [0.000000e+00], [3.000000e+00], [0.000000e+00]]>
compress.weight private @w : tensor<3x4xf32> = dense<[[0.0, 0.0, 9.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]>
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<?x3xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: compress.transpose
  // CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "fc/v"} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %w = compress.load @w : tensor<3x4xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %y = compress.linear nk %x, %t {name = "fc"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Stacked experts are decomposed one by one.
// CHECK-DAG: compress.weight private @"w/v" : tensor<2x3x1xf32> = dense<{{\[\[\[}}2.000000e+00], [0.000000e+00], [0.000000e+00]], {{\[\[}}0.000000e+00], [3.000000e+00], [0.000000e+00]]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<2x1x3xf32> = dense<{{\[\[\[}}2.000000e+00, 0.000000e+00, 0.000000e+00]], {{\[\[}}0.000000e+00, 0.000000e+00, 3.000000e+00]]]>
compress.weight private @w : tensor<2x3x3xf32> = dense<[[[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 9.0], [0.0, 0.0, 0.0]]]>
// CHECK-LABEL: func.func @stacked
func.func @stacked(%x: tensor<2x?x3xf32>) -> tensor<2x?x3xf32> {
  // CHECK: %[[Z:.+]] = compress.matmul %arg0, %{{.+}} {name = "experts/v"} : (tensor<2x?x3xf32>, tensor<2x3x1xf32>) -> tensor<2x?x1xf32>
  // CHECK: compress.matmul %[[Z]], %{{.+}} {name = "experts/u"} : (tensor<2x?x1xf32>, tensor<2x1x3xf32>) -> tensor<2x?x3xf32>
  %w = compress.load @w : tensor<2x3x3xf32>
  %y = compress.matmul %x, %w {name = "experts"} : (tensor<2x?x3xf32>, tensor<2x3x3xf32>) -> tensor<2x?x3xf32>
  return %y : tensor<2x?x3xf32>
}

// -----

// Weights of other dialects stay of their kind, also in branches, and ops without names get none.
// CHECK-LABEL: func.func @constant_in_a_branch
func.func @constant_in_a_branch(%c: i1, %x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK-DAG: %[[V:.+]] = arith.constant dense<{{\[\[}}2.000000e+00], [0.000000e+00], [0.000000e+00]]> : tensor<3x1xf32>
  // CHECK-DAG: %[[U:.+]] = arith.constant dense<{{\[\[}}2.000000e+00, 0.000000e+00, 0.000000e+00]]> : tensor<1x3xf32>
  // CHECK: scf.if
  %w = arith.constant dense<[[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>
  %r = scf.if %c -> tensor<?x3xf32> {
    // CHECK-NEXT: %[[Z:.+]] = compress.matmul %arg1, %[[V]] : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
    // CHECK-NEXT: %[[Y:.+]] = compress.matmul %[[Z]], %[[U]] : (tensor<?x1xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
    // CHECK-NEXT: scf.yield %[[Y]]
    %y = compress.matmul %x, %w : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    scf.yield %y : tensor<?x3xf32>
  } else {
    scf.yield %x : tensor<?x3xf32>
  }
  return %r : tensor<?x3xf32>
}

// -----

// A product of a low rank is found whatever the budget of ranks, and half precision stays.
// CHECK-DAG: compress.weight private @"w/v" : tensor<1x3xf16> = dense<{{\[\[}}2.000000e+00, 0.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/u" : tensor<3x1xf16>
compress.weight private @w : tensor<3x3xf16> = dense<[[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]>
// CHECK-LABEL: func.func @half
func.func @half(%x: tensor<?x3xf16>) -> tensor<?x3xf16> {
  %w = compress.load @w : tensor<3x3xf16>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x3xf16>, tensor<3x3xf16>) -> tensor<?x3xf16>
  return %y : tensor<?x3xf16>
}

// -----

// Floats in half precision storage give factors in half precision storage.
// CHECK-DAG: compress.weight private @"w/v{{.*}}" : tensor<1x3xf16> = dense<{{\[\[}}2.000000e+00, 0.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @"w/u{{.*}}" : tensor<3x1xf16>
compress.weight private @w : tensor<3x3xf16> = dense<[[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]>
// CHECK-LABEL: func.func @half_storage
func.func @half_storage(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK: compress.cast %{{.+}} : (tensor<1x3xf16>) -> tensor<1x3xf32>
  // CHECK: compress.cast %{{.+}} : (tensor<3x1xf16>) -> tensor<3x1xf32>
  // CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "fc/v"} : (tensor<?x3xf32>, tensor<1x3xf32>)
  %h = compress.load @w : tensor<3x3xf16>
  %w = compress.cast %h : (tensor<3x3xf16>) -> tensor<3x3xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// All zeros, and one row: factors of rank 1 of zeros; nothing to win.
// CHECK-DAG: compress.weight private @"zeros/v" : tensor<1x3xf32> = dense<0.000000e+00>
// CHECK-DAG: compress.weight private @row : tensor<1x3xf32>
compress.weight private @zeros : tensor<3x3xf32> = dense<0.0>
compress.weight private @row : tensor<1x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @zeros_and_a_row
func.func @zeros_and_a_row(%x: tensor<?x3xf32>) -> tensor<?x1xf32> {
  %zeros = compress.load @zeros : tensor<3x3xf32>
  %row = compress.load @row : tensor<1x3xf32>
  %y = compress.linear nk %x, %zeros {name = "fc"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  // CHECK: compress.linear nk %{{.+}}, %row {name = "head"}
  %z = compress.linear nk %y, %row {name = "head"} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  return %z : tensor<?x1xf32>
}

// -----

// An embedding is not split by the option, nor is its head then, which shares its table.
// CHECK: compress.weight private @table
compress.weight private @table : tensor<6x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_table
func.func @no_table(%i: tensor<?xi64>) -> tensor<?x6xf32> {
  // CHECK: compress.embedding
  // CHECK: compress.linear nk %{{.+}}, %{{.+}} {name = "head"}
  %t = compress.load @table : tensor<6x4xf32>
  %x = compress.embedding %t, %i {name = "emb"} : (tensor<6x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %y = compress.linear nk %x, %t {name = "head"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
