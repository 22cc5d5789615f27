// RUN: compress-opt %s --cse | FileCheck %s --check-prefix=CSE
// RUN: compress-opt %s --canonicalize | FileCheck %s --check-prefix=CANON
// RUN: compress-opt %s --symbol-dce | FileCheck %s --check-prefix=DCE
// RUN: compress-opt %s --inline --cse | FileCheck %s --check-prefix=INLINE

// Weights that nobody loads are removed if they are private.
// DCE: compress.weight private @w
// DCE: compress.weight @public
// DCE-NOT: @unused
compress.weight private @w : tensor<2xf32> = dense<1.0>
compress.weight @public : tensor<2xf32> = dense<1.0>
compress.weight private @unused : tensor<2xf32> = dense<1.0>

// Two loads of a weight are one value, which no folder replaces by a constant.
// CSE-LABEL: func.func @two_loads
// CANON-LABEL: func.func @two_loads
func.func @two_loads() -> (tensor<2xf32>, tensor<2xf32>) {
  // CSE: %[[W:.+]] = compress.load @w
  // CSE-NEXT: %[[R:.+]] = compress.relu %[[W]]
  // CSE-NEXT: return %[[R]], %[[R]]
  // CANON: compress.load @w
  // CANON: compress.relu
  // CANON-NOT: compress.constant
  %0 = compress.load @w : tensor<2xf32>
  %1 = compress.load @w : tensor<2xf32>
  %2 = compress.relu %0 : (tensor<2xf32>) -> tensor<2xf32>
  %3 = compress.relu %1 : (tensor<2xf32>) -> tensor<2xf32>
  return %2, %3 : tensor<2xf32>, tensor<2xf32>
}

// Dead loads and chains go; nodes that nobody knows stay.
// CANON-LABEL: func.func @dead
func.func @dead() {
  // CANON-NEXT: compress.onnx "Print"()
  // CANON-NEXT: return
  %0 = compress.load @w : tensor<2xf32>
  %1 = compress.relu %0 : (tensor<2xf32>) -> tensor<2xf32>
  %2 = compress.constant dense<1> : tensor<2xi64>
  %3 = compress.none
  compress.onnx "Print"() {result_names = [], version = 17 : i64} : () -> ()
  return
}

// Constants are uniqued.
// CSE-LABEL: func.func @constants
func.func @constants() -> (tensor<2xi64>, tensor<2xi64>, none, none) {
  // CSE-DAG: %[[C:.+]] = compress.constant dense<1>
  // CSE-DAG: %[[N:.+]] = compress.none
  // CSE-NEXT: return %[[C]], %[[C]], %[[N]], %[[N]]
  %0 = compress.constant dense<1> : tensor<2xi64>
  %1 = compress.none
  %2 = compress.constant dense<1> : tensor<2xi64>
  %3 = compress.none
  return %0, %2, %1, %3 : tensor<2xi64>, tensor<2xi64>, none, none
}

func.func private @callee(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = compress.load @w : tensor<2xf32>
  %1 = compress.add %x, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// Two calls, one weight.
// INLINE-LABEL: func.func @caller
func.func @caller(%x: tensor<2xf32>) -> tensor<2xf32> {
  // INLINE-NEXT: %[[W:.+]] = compress.load @w
  // INLINE-NEXT: %[[Y:.+]] = compress.add %{{.+}}, %[[W]]
  // INLINE-NEXT: %[[Z:.+]] = compress.add %[[Y]], %[[W]]
  // INLINE-NEXT: return %[[Z]]
  %0 = call @callee(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = call @callee(%0) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
