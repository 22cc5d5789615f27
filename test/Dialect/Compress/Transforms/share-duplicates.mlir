// RUN: compress-opt %s --compress-share-weights --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --compress-share-weights --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --split-input-file --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=duplicates})' --split-input-file | FileCheck %s

// Equal weights become one, whoever uses them: one plan is enough. What differs in type or bytes stays.
// CHECK: compress.weight private @a : tensor<2x2xf32>
// CHECK-NEXT: compress.weight private @other : tensor<2x2xf32>
// CHECK-NEXT: compress.weight private @half : tensor<2x2xf16>
// CHECK-LABEL: func.func @equal
// CHECK: %[[A:.+]] = compress.load @a : tensor<2x2xf32>
// CHECK: compress.linear nk %{{.+}}, %[[A]] {name = "first"}
// CHECK: %[[B:.+]] = compress.load @a : tensor<2x2xf32>
// CHECK: compress.linear nk %{{.+}}, %[[B]] {name = "second"}
// CHECK: %[[C:.+]] = compress.load @other
// CHECK: compress.linear nk %{{.+}}, %[[C]] {name = "third"}
// REMARK: remark: [Passed] compress-share-weights | Category:share | Remark="weight 'b' is stored once with 'a'{{.*}}bytes_saved=16
// REMARK-NOT: 'other'
compress.weight private @a : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
compress.weight private @b : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
compress.weight private @other : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 5.0]]>
compress.weight private @half : tensor<2x2xf16> = dense<[[1.0, 2.0], [3.0, 4.0]]>
func.func @equal(%x: tensor<?x2xf32>, %h: tensor<?x2xf16>) -> (tensor<?x2xf32>, tensor<?x2xf16>) {
  %a = compress.load @a : tensor<2x2xf32>
  %0 = compress.linear nk %x, %a {name = "first", compress.plan = #compress.plan<share = "duplicates">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x2xf32>
  %1 = compress.linear nk %0, %b {name = "second"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %c = compress.load @other : tensor<2x2xf32>
  %2 = compress.linear nk %1, %c {name = "third"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %d = compress.load @half : tensor<2x2xf16>
  %3 = compress.linear nk %h, %d {name = "fourth"} : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf16>
  return %2, %3 : tensor<?x2xf32>, tensor<?x2xf16>
}

// -----

// Public symbols stay; a private one becomes the public one. Biases and what is in branches count, too.
// CHECK: compress.weight @first : tensor<2xf32>
// CHECK-NEXT: compress.weight @second : tensor<2xf32>
// CHECK-NEXT: compress.weight private @w : tensor<2x2xf32>
// REMARK: remark: [Missed] {{.*}}weight 'second' equals 'first' and is stored beside it: its symbol is not private
// REMARK: remark: [Passed] {{.*}}weight 'third' is stored once with 'first'
compress.weight private @third : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight @first : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight @second : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight private @w : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 5.0]]>
// CHECK-LABEL: func.func @public
// CHECK: %[[T:.+]] = compress.load @first
// CHECK: compress.linear nk %{{.+}}, %{{.+}} bias %[[T]]
// CHECK: compress.load @first
// CHECK: compress.load @second
func.func @public(%x: tensor<?x2xf32>, %c: i1) -> tensor<?x2xf32> {
  %t = compress.load @third : tensor<2xf32>
  %w = compress.load @w : tensor<2x2xf32>
  %0 = compress.linear nk %x, %w bias %t {name = "fc", compress.plan = #compress.plan<share = "duplicates">} : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %1 = scf.if %c -> tensor<?x2xf32> {
    %f = compress.load @first : tensor<2xf32>
    %y = compress.add %0, %f : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
    scf.yield %y : tensor<?x2xf32>
  } else {
    %s = compress.load @second : tensor<2xf32>
    %y = compress.add %0, %s : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
    scf.yield %y : tensor<?x2xf32>
  }
  return %1 : tensor<?x2xf32>
}

// -----

// Codes are one weight only where all that decodes them is the same; scales always are.
// CHECK-NOT: @b
// CHECK: @a.q : tensor<1x2xi8>
// CHECK-NEXT: @c.q : tensor<1x2xi8>
// CHECK-NEXT: @a.scale : tensor<1x1xf32>
// CHECK-NEXT: @c.scale : tensor<1x1xf32>
// CHECK-NOT: @b
// REMARK: weight 'b.scale' is stored once with 'a.scale'
// REMARK: weight 'b.q' is stored once with 'a.q'
// REMARK-NOT: 'c.q'
compress.weight private @a.q : tensor<1x2xi8> = dense<[[1, 2]]>
compress.weight private @b.q : tensor<1x2xi8> = dense<[[1, 2]]>
compress.weight private @c.q : tensor<1x2xi8> = dense<[[1, 2]]>
compress.weight private @a.scale : tensor<1x1xf32> = dense<0.5>
compress.weight private @b.scale : tensor<1x1xf32> = dense<0.5>
compress.weight private @c.scale : tensor<1x1xf32> = dense<0.25>
// CHECK-LABEL: func.func @chains
// CHECK: compress.dequantize %a.q, %a.scale
// CHECK: compress.dequantize %a.q_{{.*}}, %a.scale
// CHECK: compress.dequantize %c.q, %c.scale
func.func @chains(%x: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %aq = compress.load @a.q : tensor<1x2xi8>
  %as = compress.load @a.scale : tensor<1x1xf32>
  %a = compress.dequantize %aq, %as {block = array<i64: 1, -1>} : (tensor<1x2xi8>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<share = "duplicates">} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %bq = compress.load @b.q : tensor<1x2xi8>
  %bs = compress.load @b.scale : tensor<1x1xf32>
  %b = compress.dequantize %bq, %bs {block = array<i64: 1, -1>} : (tensor<1x2xi8>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<share = "duplicates">} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %cq = compress.load @c.q : tensor<1x2xi8>
  %cs = compress.load @c.scale : tensor<1x1xf32>
  %c = compress.dequantize %cq, %cs {block = array<i64: 1, -1>} : (tensor<1x2xi8>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %2 = compress.linear nk %x, %c {name = "c", compress.plan = #compress.plan<share = "duplicates">} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %0, %1, %2 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// A head that is the table of the embedding transposed becomes that table in the other layout.
// CHECK: compress.weight private @table : tensor<3x2xf32>
// CHECK-NEXT: func.func @transposed
// CHECK: compress.embedding
// CHECK: %[[T:.+]] = compress.load @table : tensor<3x2xf32>
// CHECK: compress.linear nk %{{.+}}, %[[T]] {name = "head"}
// REMARK: weight 'head' is stored once with 'table', transposed
compress.weight private @table : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
compress.weight private @head : tensor<2x3xf32> = dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]>
func.func @transposed(%ids: tensor<?xi64>) -> tensor<?x3xf32> {
  %t = compress.load @table : tensor<3x2xf32>
  %e = compress.embedding %t, %ids {name = "embedding"} : (tensor<3x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
  %h = compress.load @head : tensor<2x3xf32>
  %y = compress.linear kn %e, %h {name = "head", compress.plan = #compress.plan<share = "duplicates">} : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// Not where one element differs, and not where anything else reads the matrix.
// CHECK-DAG: @table
// CHECK-DAG: @head
// CHECK-DAG: @odd
// CHECK-LABEL: func.func @not_transposed
// CHECK: compress.linear kn %{{.+}}, %head
// CHECK: compress.linear kn %{{.+}}, %odd
// CHECK: compress.add %{{.+}}, %head
// REMARK: remark: [Missed] {{.*}}no two stored tensors are equal
compress.weight private @table : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
compress.weight private @head : tensor<2x3xf32> = dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]>
compress.weight private @odd : tensor<2x3xf32> = dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.5]]>
func.func @not_transposed(%ids: tensor<2xi64>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %t = compress.load @table : tensor<3x2xf32>
  %e = compress.embedding %t, %ids {name = "embedding"} : (tensor<3x2xf32>, tensor<2xi64>) -> tensor<2x2xf32>
  %h = compress.load @head : tensor<2x3xf32>
  %y = compress.linear kn %e, %h {name = "head", compress.plan = #compress.plan<share = "duplicates">} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %o = compress.load @odd : tensor<2x3xf32>
  %z = compress.linear kn %e, %o {name = "odd"} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %s = compress.add %z, %h : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y, %s : tensor<2x3xf32>, tensor<2x3xf32>
}
