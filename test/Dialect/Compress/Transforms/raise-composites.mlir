// RUN: compress-opt %s --compress-raise-composites --remarks-filter=raise --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// The values of all forms are compared by test/unit/IR/CompositeOpsTest.cpp.

compress.weight private @eps : tensor<f32> = dense<1.0e-5>
compress.weight private @gamma : tensor<8xf32> = dense<2.0>
compress.weight private @gamma.row : tensor<1x1x8xf32> = dense<2.0>
// CHECK-NOT: @eps
// CHECK: compress.weight private @gamma : tensor<8xf32>
// CHECK-NOT: @eps

// CHECK-LABEL: func.func @rms_norm
func.func @rms_norm(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // CHECK: %[[G:.+]] = compress.load @gamma : tensor<8xf32>
  // CHECK-NEXT: %[[Y:.+]] = compress.rms_norm %arg0, %[[G]] {axis = 2 : i64} : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  // CHECK-NEXT: return %[[Y]]
  %two = compress.constant dense<2.0> : tensor<f32>
  %eps = compress.load @eps : tensor<f32>
  %gamma = compress.load @gamma : tensor<8xf32>
  %0 = compress.pow %x, %two : (tensor<?x?x8xf32>, tensor<f32>) -> tensor<?x?x8xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 2>} : (tensor<?x?x8xf32>) -> tensor<?x?x1xf32>
  %2 = compress.add %1, %eps : (tensor<?x?x1xf32>, tensor<f32>) -> tensor<?x?x1xf32>
  %3 = compress.sqrt %2 : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %4 = compress.reciprocal %3 : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %5 = compress.mul %x, %4 : (tensor<?x?x8xf32>, tensor<?x?x1xf32>) -> tensor<?x?x8xf32>
  // expected-remark @+1 {{rms norm over 1 dim is one op}}
  %6 = compress.mul %gamma, %5 : (tensor<8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %6 : tensor<?x?x8xf32>
}

// Parameters lose dims of size 1 in front; without a scale there is one of ones.
// CHECK-LABEL: func.func @parameters
func.func @parameters(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %eps = compress.constant dense<1.0e-3> : tensor<f32>
  %gamma = compress.load @gamma.row : tensor<1x1x8xf32>
  // CHECK: %[[G:.+]] = compress.load @gamma.row_0 : tensor<8xf32>
  // CHECK: %[[A:.+]] = compress.layer_norm %arg0, %[[G]] {axis = 2 : i64, epsilon = 1.000000e-03 : f32}
  %0 = compress.reduce mean %x {axes = array<i64: 2>} : (tensor<?x?x8xf32>) -> tensor<?x?x1xf32>
  %1 = compress.sub %x, %0 : (tensor<?x?x8xf32>, tensor<?x?x1xf32>) -> tensor<?x?x8xf32>
  %2 = compress.mul %1, %1 : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %3 = compress.reduce mean %2 {axes = array<i64: 2>} : (tensor<?x?x8xf32>) -> tensor<?x?x1xf32>
  %4 = compress.add %eps, %3 : (tensor<f32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %5 = compress.sqrt %4 : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  %6 = compress.div %1, %5 : (tensor<?x?x8xf32>, tensor<?x?x1xf32>) -> tensor<?x?x8xf32>
  // expected-remark @+1 {{layer norm over 1 dim is one op}}
  %7 = compress.mul %6, %gamma : (tensor<?x?x8xf32>, tensor<1x1x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: %[[ONES:.+]] = compress.constant dense<1.000000e+00> : tensor<8xf32>
  // CHECK: %[[B:.+]] = compress.rms_norm %[[A]], %[[ONES]] {axis = 2 : i64, epsilon = 1.000000e-03 : f32}
  // CHECK: return %[[A]], %[[B]]
  %8 = compress.mul %7, %7 : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %9 = compress.reduce mean %8 {axes = array<i64: 2>} : (tensor<?x?x8xf32>) -> tensor<?x?x1xf32>
  %10 = compress.add %9, %eps : (tensor<?x?x1xf32>, tensor<f32>) -> tensor<?x?x1xf32>
  %11 = compress.sqrt %10 : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
  // expected-remark @+1 {{rms norm over 1 dim is one op}}
  %12 = compress.div %7, %11 : (tensor<?x?x8xf32>, tensor<?x?x1xf32>) -> tensor<?x?x8xf32>
  return %7, %12 : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @gelu
func.func @gelu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: %[[Y:.+]] = compress.gelu none %arg0
  // CHECK-NEXT: return %[[Y]]
  %sqrt2 = compress.constant dense<1.41421354> : tensor<f32>
  %one = compress.constant dense<1.0> : tensor<f32>
  %half = compress.constant dense<0.5> : tensor<f32>
  %0 = compress.div %x, %sqrt2 : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %1 = compress.erf %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = compress.add %1, %one : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %3 = compress.mul %x, %2 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{gelu with erf is one op}}
  %4 = compress.mul %3, %half : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  return %4 : tensor<?x8xf32>
}

// Transposes, rotary embeddings and shared heads around an attention: none of them is left.
// CHECK-LABEL: func.func @attention
// CHECK-SAME: %[[Q:[^:]+]]: tensor<?x?x4x8xf32>, %[[K:[^:]+]]: tensor<?x?x2x8xf32>, %[[V:[^:]+]]: tensor<?x?x2x8xf32>, %[[COS:[^:]+]]: tensor<1x?x8xf32>, %[[SIN:[^:]+]]: tensor<1x?x8xf32>, %[[M:[^:]+]]: tensor<?x1x?x?xf32>
func.func @attention(%q: tensor<?x?x4x8xf32>, %k: tensor<?x?x2x8xf32>, %v: tensor<?x?x2x8xf32>,
                     %c: tensor<1x?x8xf32>, %s: tensor<1x?x8xf32>, %m: tensor<?x1x?x?xf32>) -> tensor<?x?x4x8xf32> {
  // CHECK-DAG: %[[C:.+]] = compress.unsqueeze %[[COS]] {axes = array<i64: 2>} : (tensor<1x?x8xf32>) -> tensor<1x?x1x8xf32>
  // CHECK-DAG: %[[S:.+]] = compress.unsqueeze %[[SIN]] {axes = array<i64: 2>} : (tensor<1x?x8xf32>) -> tensor<1x?x1x8xf32>
  // CHECK-DAG: %[[QR:.+]] = compress.rotary_embedding %[[Q]], %[[C]], %[[S]]
  // CHECK-DAG: %[[KR:.+]] = compress.rotary_embedding %[[K]], %[[C]], %[[S]]
  // CHECK: %[[Y:.+]] = compress.attention bshd %[[QR]], %[[KR]], %[[V]] mask %[[M]] {scale = 3.535000e-01 : f32} : (tensor<?x?x4x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x1x?x?xf32>) -> tensor<?x?x4x8xf32>
  // CHECK-NEXT: return %[[Y]]
  %scale = compress.constant dense<0.3535> : tensor<f32>
  %at0 = compress.constant dense<0> : tensor<1xi64>
  %at4 = compress.constant dense<4> : tensor<1xi64>
  %end = compress.constant dense<9223372036854775807> : tensor<1xi64>
  %wide = compress.constant dense<[1, 2, 2, 1, 8]> : tensor<5xi64>
  %joined = compress.constant dense<[0, 4, -1, 8]> : tensor<4xi64>
  %cos = compress.unsqueeze %c {axes = array<i64: 1>} : (tensor<1x?x8xf32>) -> tensor<1x1x?x8xf32>
  %sin = compress.unsqueeze %s {axes = array<i64: 1>} : (tensor<1x?x8xf32>) -> tensor<1x1x?x8xf32>
  %qt = compress.transpose %q {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x4x8xf32>) -> tensor<?x4x?x8xf32>
  %q0 = compress.mul %qt, %cos : (tensor<?x4x?x8xf32>, tensor<1x1x?x8xf32>) -> tensor<?x4x?x8xf32>
  %q1 = compress.slice %qt, %at0, %at4 {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<?x4x?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4x?x4xf32>
  %q2 = compress.slice %qt, %at4, %end {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<?x4x?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4x?x4xf32>
  %q3 = compress.neg %q2 : (tensor<?x4x?x4xf32>) -> tensor<?x4x?x4xf32>
  %q4 = compress.concat %q3, %q1 {axis = 3 : i64} : (tensor<?x4x?x4xf32>, tensor<?x4x?x4xf32>) -> tensor<?x4x?x8xf32>
  %q5 = compress.mul %q4, %sin : (tensor<?x4x?x8xf32>, tensor<1x1x?x8xf32>) -> tensor<?x4x?x8xf32>
  // expected-remark @+1 {{rotary embedding of 8 dims is one op}}
  %q6 = compress.add %q0, %q5 : (tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>) -> tensor<?x4x?x8xf32>
  %kt = compress.transpose %k {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x2x?x8xf32>
  %k0 = compress.mul %kt, %cos : (tensor<?x2x?x8xf32>, tensor<1x1x?x8xf32>) -> tensor<?x2x?x8xf32>
  %k1 = compress.slice %kt, %at0, %at4 {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<?x2x?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2x?x4xf32>
  %k2 = compress.slice %kt, %at4, %end {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<?x2x?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2x?x4xf32>
  %k3 = compress.neg %k2 : (tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %k4 = compress.concat %k3, %k1 {axis = 3 : i64} : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x8xf32>
  %k5 = compress.mul %k4, %sin : (tensor<?x2x?x8xf32>, tensor<1x1x?x8xf32>) -> tensor<?x2x?x8xf32>
  // expected-remark @+1 {{rotary embedding of 8 dims is one op}}
  %k6 = compress.add %k0, %k5 : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  %k7 = compress.unsqueeze %k6 {axes = array<i64: 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x1x?x8xf32>
  %k8 = compress.broadcast %k7, %wide : (tensor<?x2x1x?x8xf32>, tensor<5xi64>) -> tensor<?x2x2x?x8xf32>
  %k9 = compress.reshape %k8, %joined : (tensor<?x2x2x?x8xf32>, tensor<4xi64>) -> tensor<?x4x?x8xf32>
  %ktt = compress.transpose %k9 {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x4x?x8xf32>) -> tensor<?x4x8x?xf32>
  %vt = compress.transpose %v {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x2x?x8xf32>
  %v7 = compress.unsqueeze %vt {axes = array<i64: 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x1x?x8xf32>
  %v8 = compress.broadcast %v7, %wide : (tensor<?x2x1x?x8xf32>, tensor<5xi64>) -> tensor<?x2x2x?x8xf32>
  %v9 = compress.reshape %v8, %joined : (tensor<?x2x2x?x8xf32>, tensor<4xi64>) -> tensor<?x4x?x8xf32>
  %0 = compress.matmul %q6, %ktt : (tensor<?x4x?x8xf32>, tensor<?x4x8x?xf32>) -> tensor<?x4x?x?xf32>
  %1 = compress.mul %0, %scale : (tensor<?x4x?x?xf32>, tensor<f32>) -> tensor<?x4x?x?xf32>
  %2 = compress.add %1, %m : (tensor<?x4x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x4x?x?xf32>
  %3 = compress.softmax %2 {axis = 3 : i64} : (tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %4 = compress.matmul %3, %v9 : (tensor<?x4x?x?xf32>, tensor<?x4x?x8xf32>) -> tensor<?x4x?x8xf32>
  // expected-remark @+1 {{attention of 4 heads (2 of keys and values) with a mask is one op in layout bshd}}
  %5 = compress.transpose %4 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x4x?x8xf32>) -> tensor<?x?x4x8xf32>
  return %5 : tensor<?x?x4x8xf32>
}

// Queries without a transpose: the layout stays. A condition becomes a mask.
// CHECK-LABEL: func.func @filled
func.func @filled(%q: tensor<?x2x3x4xf32>, %k: tensor<?x5x2x4xf32>, %v: tensor<?x2x5x6xf32>, %c: tensor<3x5xi1>) -> tensor<?x2x3x6xf32> {
  // CHECK-DAG: %[[ZERO:.+]] = compress.constant dense<0.000000e+00> : tensor<f32>
  // CHECK-DAG: %[[FILL:.+]] = compress.constant dense<-1.000000e+09> : tensor<f32>
  // CHECK-DAG: %[[K:.+]] = compress.transpose %arg1 {perm = array<i64: 0, 2, 1, 3>}
  // CHECK-DAG: %[[M:.+]] = compress.where %arg3, %[[FILL]], %[[ZERO]] : (tensor<3x5xi1>, tensor<f32>, tensor<f32>) -> tensor<3x5xf32>
  // CHECK: compress.attention bhsd %arg0, %[[K]], %arg2 mask %[[M]] {scale = 1.000000e+00 : f32}
  %fill = compress.constant dense<-1.0e9> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x5x2x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %w = compress.where %c, %fill, %1 : (tensor<3x5xi1>, tensor<f32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %w {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  // expected-remark @+1 {{attention of 2 heads (2 of keys and values) with a mask is one op in layout bhsd}}
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>
}

// CHECK-LABEL: func.func @one_head
func.func @one_head(%q: tensor<?x3x4xf32>, %k: tensor<?x5x4xf32>, %v: tensor<?x5x6xf32>) -> tensor<?x3x6xf32> {
  // CHECK: %[[Y:.+]] = compress.attention bhsd %{{.+}}, %{{.+}}, %{{.+}} {scale = 5.000000e-01 : f32} : (tensor<?x1x3x4xf32>, tensor<?x1x5x4xf32>, tensor<?x1x5x6xf32>) -> tensor<?x1x3x6xf32>
  // CHECK: compress.squeeze %[[Y]] {axes = array<i64: 1>}
  %half = compress.constant dense<0.5> : tensor<f32>
  %0 = compress.transpose %k {perm = array<i64: 0, 2, 1>} : (tensor<?x5x4xf32>) -> tensor<?x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x3x4xf32>, tensor<?x4x5xf32>) -> tensor<?x3x5xf32>
  %s = compress.mul %half, %1 : (tensor<f32>, tensor<?x3x5xf32>) -> tensor<?x3x5xf32>
  %2 = compress.softmax %s {axis = 2 : i64} : (tensor<?x3x5xf32>) -> tensor<?x3x5xf32>
  // expected-remark @+1 {{attention of 1 heads (1 of keys and values) is one op in layout bhsd}}
  %3 = compress.matmul %2, %v : (tensor<?x3x5xf32>, tensor<?x5x6xf32>) -> tensor<?x3x6xf32>
  return %3 : tensor<?x3x6xf32>
}

// One product for queries, keys and values, whose transpose separates them.
// CHECK-LABEL: func.func @packed
func.func @packed(%x: tensor<?x5x3x2x4xf32>) -> tensor<?x5x2x4xf32> {
  // CHECK-NOT: compress.transpose
  // CHECK-DAG: compress.slice %arg0, %{{.+}}, %{{.+}} {axes = array<i64: 2>, steps = array<i64: 1>} : (tensor<?x5x3x2x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x5x1x2x4xf32>
  // CHECK-DAG: %[[Q:.+]] = compress.squeeze %{{.+}} {axes = array<i64: 2>} : (tensor<?x5x1x2x4xf32>) -> tensor<?x5x2x4xf32>
  // CHECK: %[[Y:.+]] = compress.attention bshd %{{.+}}, %{{.+}}, %{{.+}} {scale = 1.000000e+00 : f32}
  // CHECK-NEXT: return %[[Y]]
  %i0 = compress.constant dense<0> : tensor<i64>
  %i1 = compress.constant dense<1> : tensor<i64>
  %i2 = compress.constant dense<2> : tensor<i64>
  %t = compress.transpose %x {perm = array<i64: 2, 0, 3, 1, 4>} : (tensor<?x5x3x2x4xf32>) -> tensor<3x?x2x5x4xf32>
  %q = compress.gather %t, %i0 {axis = 0 : i64} : (tensor<3x?x2x5x4xf32>, tensor<i64>) -> tensor<?x2x5x4xf32>
  %k = compress.gather %t, %i1 {axis = 0 : i64} : (tensor<3x?x2x5x4xf32>, tensor<i64>) -> tensor<?x2x5x4xf32>
  %v = compress.gather %t, %i2 {axis = 0 : i64} : (tensor<3x?x2x5x4xf32>, tensor<i64>) -> tensor<?x2x5x4xf32>
  %kt = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %kt : (tensor<?x2x5x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x5x5xf32>
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  // expected-remark @+1 {{attention of 2 heads (2 of keys and values) is one op in layout bshd}}
  %4 = compress.transpose %3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x5x4xf32>) -> tensor<?x5x2x4xf32>
  return %4 : tensor<?x5x2x4xf32>
}
