// RUN: compress-opt %s --compress-expand-math | FileCheck %s

// No call, no branch; the same operations for scalars and vectors.
// CHECK-LABEL: func.func @exp
// CHECK-NOT: math.exp
// CHECK: math.fma {{.*}} : f32
// CHECK-NOT: math.exp
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK-NOT: math.exp
// CHECK: return
func.func @exp(%x: f32, %v: vector<16xf32>) -> (f32, vector<16xf32>) {
  %y = math.exp %x : f32
  %w = math.exp %v : vector<16xf32>
  return %y, %w : f32, vector<16xf32>
}

// CHECK-LABEL: func.func @square
// CHECK-SAME: %[[X:.*]]: vector<8xf32>
// CHECK: %[[Y:.*]] = arith.mulf %[[X]], %[[X]] : vector<8xf32>
// CHECK: return %[[Y]]
func.func @square(%x: vector<8xf32>) -> vector<8xf32> {
  %two = arith.constant dense<2.0> : vector<8xf32>
  %y = math.powf %x, %two : vector<8xf32>
  return %y : vector<8xf32>
}

// CHECK-LABEL: func.func @root
// CHECK: math.sqrt
// CHECK-NOT: math.fma
func.func @root(%x: f32) -> f32 {
  %half = arith.constant 0.5 : f32
  %y = math.powf %x, %half : f32
  return %y : f32
}

// CHECK-LABEL: func.func @no_f64_and_no_scalable_vectors
// CHECK: math.exp {{.*}} : f64
// CHECK: math.tanh {{.*}} : vector<[4]xf32>
func.func @no_f64_and_no_scalable_vectors(%x: f64, %v: vector<[4]xf32>) -> (f64, vector<[4]xf32>) {
  %y = math.exp %x : f64
  %w = math.tanh %v : vector<[4]xf32>
  return %y, %w : f64, vector<[4]xf32>
}

// CHECK-LABEL: func.func @no_single_instructions
// CHECK: math.sqrt
// CHECK: math.floor
func.func @no_single_instructions(%x: f32) -> f32 {
  %y = math.sqrt %x : f32
  %z = math.floor %y : f32
  return %z : f32
}
