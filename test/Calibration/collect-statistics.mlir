// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-collect-statistics{data=%t.npz collect=moments,gram,histogram,moving_average output=%t.stats},compress-load-statistics{file=%t.stats})' 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARN < %t.err
// RUN: compress-calibrate %s --data=%t.npz --progress=off 2>/dev/null | FileCheck %s --check-prefix=TABLE

// The module stays as it is.
// CHECK-NOT: compress.observe
// CHECK: compress.linear nk %{{.*}} {name = "fc1"}
// CHECK-NOT: compress.observe
// WARN: warning: activation "unseen:input" was never computed: no sample reached it

// TABLE: activation      vectors   channels          min          max     mean |x|          std non-finite
// TABLE-NEXT: fc1:input           4          3           -5            6          3.5       3.4359          0
// TABLE-NEXT: fc2:input           4          2            0            9            5       3.2404          0
// TABLE-NEXT: never run: unseen:input
// TABLE-NEXT: 2 samples

compress.weight private @w : tensor<2x3xf32> = dense<[[1.0, 1.0, 1.0], [1.0, -1.0, 0.0]]>
compress.weight private @v : tensor<1x2xf32> = dense<1.0>
// Two samples of two rows.
compress.weight private @x : tensor<2x2x3xf32> = dense<[[[1.0, 2.0, 3.0], [4.0, -5.0, 6.0]], [[1.0, 2.0, 3.0], [4.0, -5.0, 6.0]]]>
compress.weight private @c : tensor<2xi1> = dense<true>

func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}, %c: tensor<i1> {compress.name = "c"})
    -> (tensor<?x1xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %v = compress.load @v : tensor<1x2xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  %1 = compress.relu %0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<?x1xf32> {
    %a = compress.linear nk %1, %v {name = "fc2"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    compress.yield %a : tensor<?x1xf32>
  }, {
    %a = compress.linear nk %0, %v {name = "unseen"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    compress.yield %a : tensor<?x1xf32>
  }
  return %2 : tensor<?x1xf32>
}

func.func private @make() -> (tensor<2x2x3xf32> {compress.name = "x"}, tensor<2xi1> {compress.name = "c"}) {
  %x = compress.load @x : tensor<2x2x3xf32>
  %c = compress.load @c : tensor<2xi1>
  return %x, %c : tensor<2x2x3xf32>, tensor<2xi1>
}
