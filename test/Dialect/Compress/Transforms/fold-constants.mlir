// RUN: compress-opt %s --compress-fold-constants --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-fold-constants --compress-fold-constants --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-fold-constants=max-bytes=0 --split-input-file | FileCheck %s --check-prefix=ZERO

// CHECK-LABEL: func.func @sum
// ZERO-LABEL: func.func @sum
func.func @sum() -> tensor<2xi64> {
  // CHECK: %[[SUM:.+]] = compress.constant dense<[11, 22]> : tensor<2xi64>
  // CHECK: return %[[SUM]]
  // The result takes the room of an operand that dies.
  // ZERO: compress.constant dense<[11, 22]>
  %a = compress.constant dense<[1, 2]> : tensor<2xi64>
  %b = compress.constant dense<[10, 20]> : tensor<2xi64>
  %c = compress.add %a, %b : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %c : tensor<2xi64>
}

// -----

// Step by step, in one run: a chain of ops is one constant.
// CHECK-LABEL: func.func @chain
func.func @chain() -> tensor<2x1xf32> {
  // CHECK: compress.constant dense<{{\[\[}}3.000000e+00], [0.000000e+00]]> : tensor<2x1xf32>
  // CHECK-NOT: compress.relu
  %a = compress.constant dense<[[-3.0, 2.0]]> : tensor<1x2xf32>
  %n = compress.neg %a : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %r = compress.relu %n : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %t = compress.transpose %r {perm = array<i64: 1, 0>} : (tensor<1x2xf32>) -> tensor<2x1xf32>
  return %t : tensor<2x1xf32>
}

// -----

// An op on a weight gives a weight.
// CHECK: compress.weight private @w.folded : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]>
compress.weight private @w : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
// CHECK-LABEL: func.func @weight
func.func @weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.linear kn %{{.+}}, %w.folded
  %w = compress.load @w : tensor<2x2xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = compress.linear kn %x, %t : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Nothing grows here: each result takes the room of its operand.
// ZERO: @w.folded.folded : tensor<1x2xf32> = dense<{{\[\[}}-1.000000e+00, -2.000000e+00]]>
compress.weight private @w : tensor<2x1xf32> = dense<[[1.0], [2.0]]>
// ZERO-LABEL: func.func @weight_in_two_steps
func.func @weight_in_two_steps() -> tensor<1x2xf32> {
  // ZERO-NOT: compress.{{transpose|neg}}
  %w = compress.load @w : tensor<2x1xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<2x1xf32>) -> tensor<1x2xf32>
  %n = compress.neg %t : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %n : tensor<1x2xf32>
}

// -----

// A result whose type does not say its shape is left alone: users rely on the type.
// CHECK-LABEL: func.func @no_dynamic_result
func.func @no_dynamic_result() -> tensor<?xf32> {
  // CHECK: %[[R:.+]] = compress.relu
  // CHECK: return %[[R]] : tensor<?xf32>
  %a = compress.constant dense<[-3.0, 2.0]> : tensor<2xf32>
  %r = compress.relu %a : (tensor<2xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// A result that is larger than what dies with it and than max-bytes is not made: the weight is tied, its
// transpose would be a second one.
// CHECK: compress.weight private @tied :
compress.weight private @tied : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
// ZERO-LABEL: func.func @no_copy_of_a_tied_weight
func.func @no_copy_of_a_tied_weight(%i: tensor<?xi64>) -> tensor<?x2xf32> {
  // ZERO: compress.transpose
  %w = compress.load @tied : tensor<2x2xf32>
  %x = compress.embedding %w, %i : (tensor<2x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
  %v = compress.load @tied : tensor<2x2xf32>
  %t = compress.transpose %v {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = compress.linear kn %x, %t : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Decode chains stay, and so does what depends on an argument.
compress.weight private @q : tensor<2xi8> = dense<1>
compress.weight private @s : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @no_decode_chain_or_argument
func.func @no_decode_chain_or_argument(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK: %[[W:.+]] = compress.dequantize
  // CHECK: %[[N:.+]] = compress.neg %[[W]]
  // CHECK: compress.add %{{.+}}, %[[N]]
  %q = compress.load @q : tensor<2xi8>
  %s = compress.load @s : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %n = compress.neg %w : (tensor<2xf32>) -> tensor<2xf32>
  %y = compress.add %x, %n : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @empty_and_splat
func.func @empty_and_splat() -> (tensor<0x2xf32>, tensor<3xf32>) {
  // CHECK-DAG: compress.constant dense<> : tensor<0x2xf32>
  // CHECK-DAG: compress.constant dense<-1.500000e+00> : tensor<3xf32>
  %e = compress.constant dense<> : tensor<0x2xf32>
  %0 = compress.neg %e : (tensor<0x2xf32>) -> tensor<0x2xf32>
  %s = compress.constant dense<1.5> : tensor<3xf32>
  %1 = compress.neg %s : (tensor<3xf32>) -> tensor<3xf32>
  return %0, %1 : tensor<0x2xf32>, tensor<3xf32>
}

// -----

// Constants of a few bytes that would take hours stay.
// CHECK-LABEL: func.func @too_much_work
func.func @too_much_work() -> tensor<1x1x10001xf32> {
  // CHECK: compress.pool
  %x = compress.constant dense<1.0> : tensor<1x1x90000xf32>
  %y = compress.pool average %x {kernel = array<i64: 80000>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x1x90000xf32>) -> tensor<1x1x10001xf32>
  return %y : tensor<1x1x10001xf32>
}
