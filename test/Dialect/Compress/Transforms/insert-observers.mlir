// RUN: compress-opt %s --compress-insert-observers='statistics=minmax,gram' --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-insert-observers='statistics=minmax,gram' --compress-insert-observers='statistics=minmax,gram' --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-insert-observers='ops=fc2,body* outputs' --split-input-file | FileCheck %s --check-prefix=OPS
// RUN: compress-opt %s --compress-insert-observers --split-input-file -o /dev/null --remarks-filter=calibration 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --compress-insert-observers --split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=WARN

compress.weight private @w : tensor<2x4xf32> = dense<1.0>
// Ops that contract the same value share an observer, before the first of them.
// CHECK-LABEL: func.func @tied
// OPS-LABEL: func.func @tied
// REMARK: the activation of "fc1" is observed
// REMARK: the activation of "fc2" is observed
// REMARK: the activation of "fc3" is observed
func.func @tied(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: %[[R:.+]] = compress.relu %[[X:.+]] :
  // CHECK: compress.observe %[[X]] {id = ["fc1:input", "fc2:input"], statistics = ["minmax", "gram"]} : tensor<?x4xf32>
  // CHECK-NEXT: compress.linear nk %[[X]]
  // CHECK-NEXT: compress.linear nk %[[X]]
  // CHECK-NEXT: compress.observe %[[R]] {id = ["fc3:input"], statistics = ["minmax", "gram"]} : tensor<?x4xf32>
  // CHECK-NEXT: compress.linear nk %[[R]]
  // CHECK-NOT: compress.observe
  // OPS-NOT: fc1:
  // OPS: compress.observe %{{.+}} {id = ["fc2:input"], statistics = ["minmax"]} : tensor<?x4xf32>
  // OPS-NEXT: %[[Y:.+]] = compress.linear nk %{{.+}} {name = "fc2"}
  // OPS-NEXT: compress.observe %[[Y]] {id = ["fc2:output"], statistics = ["minmax"]} : tensor<?x2xf32>
  // OPS-NOT: compress.observe
  %w = compress.load @w : tensor<2x4xf32>
  %r = compress.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %2 = compress.linear nk %x, %w {name = "fc2"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %3 = compress.linear nk %r, %w {name = "fc3"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %1, %2, %3 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @w : tensor<2x4xf32> = dense<1.0>
// What a branch uses is observed in the branch: it may never be taken.
// CHECK-LABEL: func.func @branch
// OPS-LABEL: func.func @branch
func.func @branch(%c: tensor<i1>, %x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  // CHECK-NOT: compress.observe
  // CHECK: compress.onnx "If"
  // CHECK-NEXT: compress.observe %[[X:.+]] {id = ["body1:input"], statistics = ["minmax", "gram"]}
  // CHECK-NEXT: compress.linear nk %[[X]], %{{.+}} {name = "body1"}
  // CHECK: }, {
  // CHECK: compress.observe %[[X]] {id = ["body2:input"], statistics = ["minmax", "gram"]}
  // CHECK: compress.linear nk %[[X]], %{{.+}} {name = "body2"}
  // OPS-COUNT-2: :output
  %w = compress.load @w : tensor<2x4xf32>
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<3x2xf32> {
    %a = compress.linear nk %x, %w {name = "body1"} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
    compress.yield %a : tensor<3x2xf32>
  }, {
    %a = compress.linear nk %x, %w {name = "body2"} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
    compress.yield %a : tensor<3x2xf32>
  }
  return %y : tensor<3x2xf32>
}

// -----

compress.weight private @w : tensor<2x4xf32> = dense<1.0>
// With plans, only planned ops.
// CHECK-LABEL: func.func @planned
func.func @planned(%x: tensor<1x4xf32>, %r: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  // CHECK-NOT: fc1:input
  // CHECK: compress.observe %{{.+}} {id = ["fc2:input"]
  %w = compress.load @w : tensor<2x4xf32>
  %1 = compress.linear nk %x, %w {name = "fc1"} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %2 = compress.linear nk %r, %w {name = "fc2", compress.plan = #compress.plan<quantize = "w8">} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return %1, %2 : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

compress.weight private @table : tensor<8x4xf32> = dense<1.0>
// No activation, or no weight: nothing changes.
// CHECK-LABEL: func.func @nothing
// CHECK-NOT: compress.observe
func.func @nothing(%ids: tensor<3xi64>, %x: tensor<4x4xf32>) -> (tensor<3x4xf32>, tensor<4x4xf32>) {
  %t = compress.load @table : tensor<8x4xf32>
  %1 = compress.embedding %t, %ids {name = "embed"} : (tensor<8x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %2 = compress.matmul %x, %x {name = "scores"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %2 : tensor<3x4xf32>, tensor<4x4xf32>
}

// -----

compress.weight private @w1 : tensor<2x4xf32> = dense<1.0>
compress.weight private @w2 : tensor<2x4xf32> = dense<2.0>
// Two layers of one name cannot be told apart; two uses of one weight may have its name.
// CHECK-LABEL: func.func @ambiguous
// WARN: warning: several ops are called "fc"; their activations are not observed
// WARN: warning: several ops are called "fc"; their activations are not observed
// WARN-NOT: warning
func.func @ambiguous(%x: tensor<1x4xf32>, %r: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  // CHECK-NOT: "fc:input"
  // CHECK: compress.observe %[[X:.+]] {id = ["w1:input"]
  // CHECK: compress.observe %[[R:.+]] {id = ["w1:input"]
  // CHECK-NOT: compress.observe
  %w1 = compress.load @w1 : tensor<2x4xf32>
  %w2 = compress.load @w2 : tensor<2x4xf32>
  %1 = compress.linear nk %x, %w1 {name = "fc"} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %2 = compress.linear nk %x, %w2 {name = "fc"} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %3 = compress.linear nk %x, %w1 : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %4 = compress.linear nk %r, %w1 : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return %1, %2, %3, %4 : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}
