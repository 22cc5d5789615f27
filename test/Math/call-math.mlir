// RUN: compress-opt %s --compress-expand-math --compress-call-math | FileCheck %s

// CHECK-DAG: func.func private @erf(f64) -> f64
// CHECK-DAG: func.func private @asinhf(f32) -> f32

// CHECK-LABEL: func.func @f64
// CHECK: call @erf
// CHECK: math.exp {{.*}} : f64
func.func @f64(%x: f64) -> f64 {
  %y = math.erf %x : f64
  %z = math.exp %y : f64
  return %z : f64
}

// CHECK-LABEL: func.func @f32
// CHECK: call @asinhf
// CHECK-NOT: call @erff
func.func @f32(%x: f32) -> f32 {
  %y = math.asinh %x : f32
  %z = math.erf %y : f32
  return %z : f32
}
