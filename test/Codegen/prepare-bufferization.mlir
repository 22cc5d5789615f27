// RUN: compress-opt %s --compress-prepare-bufferization | FileCheck %s
// RUN: compress-opt %s --compress-prepare-bufferization --compress-prepare-bufferization | FileCheck %s

// CHECK-LABEL: func.func @carried_in_place(
// CHECK-SAME: %[[X:.*]]: tensor<3xf32> {bufferization.writable = false}
func.func @carried_in_place(%x: tensor<3xf32>, %n: index) -> tensor<3xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for {{.*}} iter_args(%[[A:.*]] = %[[X]])
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> tensor<3xf32> {
    %e = tensor.empty() : tensor<3xf32>
    // CHECK: %[[NEXT:.*]] = linalg.exp
    %s = linalg.exp ins(%a : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
    // CHECK: %[[SAME:.*]] = bufferization.materialize_in_destination %[[NEXT]] in %[[A]]
    // CHECK-NEXT: scf.yield %[[SAME]]
    scf.yield %s : tensor<3xf32>
  }
  return %r : tensor<3xf32>
}

// CHECK-LABEL: func.func @no_carried_in_changing_size(
// CHECK-NOT: materialize_in_destination
func.func @no_carried_in_changing_size(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> tensor<?xf32> {
    %e = tensor.empty(%i) : tensor<?xf32>
    scf.yield %e : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}

// CHECK-LABEL: func.func @while_carries(
func.func @while_carries(%x: tensor<3xf32>, %c: i1) -> tensor<3xf32> {
  // CHECK: scf.while (%[[A:.*]] = %{{.*}})
  // CHECK: scf.condition(%{{.*}}) %[[A]]
  // CHECK: ^bb0(%[[B:.*]]: tensor<3xf32>):
  // CHECK: %[[SAME:.*]] = bufferization.materialize_in_destination %{{.*}} in %[[B]]
  // CHECK: scf.yield %[[SAME]]
  %r = scf.while (%a = %x) : (tensor<3xf32>) -> tensor<3xf32> {
    scf.condition(%c) %a : tensor<3xf32>
  } do {
  ^bb0(%b: tensor<3xf32>):
    %e = tensor.empty() : tensor<3xf32>
    %s = linalg.exp ins(%b : tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
    scf.yield %s : tensor<3xf32>
  }
  return %r : tensor<3xf32>
}

// CHECK-LABEL: func.func @concat(
// CHECK-NOT: tensor.concat
// CHECK-COUNT-2: tensor.insert_slice
func.func @concat(%x: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %y = tensor.concat dim(1) %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func private @no_private_function(
// CHECK-SAME: %{{.*}}: tensor<3xf32>) -> tensor<3xf32>
func.func private @no_private_function(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}

// CHECK-LABEL: func.func @no_update_of_carried(
// CHECK-NOT: materialize_in_destination
func.func @no_update_of_carried(%x: tensor<3xf32>, %v: f32) -> tensor<3xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %x) -> tensor<3xf32> {
    %s = scf.for %j = %c0 to %i step %c1 iter_args(%b = %a) -> tensor<3xf32> {
      %t = tensor.insert %v into %b[%j] : tensor<3xf32>
      scf.yield %t : tensor<3xf32>
    }
    scf.yield %s : tensor<3xf32>
  }
  return %r : tensor<3xf32>
}
