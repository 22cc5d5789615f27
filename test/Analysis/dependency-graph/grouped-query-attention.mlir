// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// A head of keys and values goes with all heads of queries that share it.

compress.weight private @q : tensor<4x8xf32> = dense<0.5>
compress.weight private @k : tensor<4x4xf32> = dense<0.5>
compress.weight private @v : tensor<4x4xf32> = dense<0.5>
compress.weight private @o : tensor<8x4xf32> = dense<0.5>
compress.weight private @pq : tensor<4x8xf32> = dense<0.5>
compress.weight private @pk : tensor<4x4xf32> = dense<0.5>
compress.weight private @pv : tensor<4x4xf32> = dense<0.5>
compress.weight private @po : tensor<8x4xf32> = dense<0.5>
compress.weight private @q1 : tensor<4x8xf32> = dense<0.5>
compress.weight private @k1 : tensor<4x2xf32> = dense<0.5>
compress.weight private @v1 : tensor<4x2xf32> = dense<0.5>
compress.weight private @o1 : tensor<8x4xf32> = dense<0.5>

func.func @op(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %q = compress.load @q : tensor<4x8xf32>
  %k = compress.load @k : tensor<4x4xf32>
  %v = compress.load @v : tensor<4x4xf32>
  %o = compress.load @o : tensor<8x4xf32>
  %q0 = compress.linear kn %x, %q {name = "q"} : (tensor<?x?x4xf32>, tensor<4x8xf32>) -> tensor<?x?x8xf32>
  %k0 = compress.linear kn %x, %k {name = "k"} : (tensor<?x?x4xf32>, tensor<4x4xf32>) -> tensor<?x?x4xf32>
  %v0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x?x4xf32>, tensor<4x4xf32>) -> tensor<?x?x4xf32>
  %sq1 = compress.constant dense<[0, 0, 4, 2]> : tensor<4xi64>
  %q1 = compress.reshape %q0, %sq1 : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x4x2xf32>
  %sk1 = compress.constant dense<[0, 0, 2, 2]> : tensor<4xi64>
  %k1 = compress.reshape %k0, %sk1 : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %sv1 = compress.constant dense<[0, 0, 2, 2]> : tensor<4xi64>
  %v1 = compress.reshape %v0, %sv1 : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %a = compress.attention bshd %q1, %k1, %v1 {scale = 0.5 : f32} : (tensor<?x?x4x2xf32>, tensor<?x?x2x2xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x4x2xf32>
  %sf = compress.constant dense<[0, 0, 8]> : tensor<3xi64>
  %f = compress.reshape %a, %sf : (tensor<?x?x4x2xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %y = compress.linear kn %f, %o {name = "o"} : (tensor<?x?x8xf32>, tensor<8x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// Written in parts: keys are repeated by a broadcast and a reshape [2, 2] -> [4].
func.func @parts(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %q = compress.load @pq : tensor<4x8xf32>
  %k = compress.load @pk : tensor<4x4xf32>
  %v = compress.load @pv : tensor<4x4xf32>
  %o = compress.load @po : tensor<8x4xf32>
  %b = compress.constant dense<[2, 2, 2, 3, 2]> : tensor<5xi64>
  %q0 = compress.linear kn %x, %q {name = "pq"} : (tensor<2x3x4xf32>, tensor<4x8xf32>) -> tensor<2x3x8xf32>
  %k0 = compress.linear kn %x, %k {name = "pk"} : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %v0 = compress.linear kn %x, %v {name = "pv"} : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %sq1 = compress.constant dense<[2, 3, 4, 2]> : tensor<4xi64>
  %q1 = compress.reshape %q0, %sq1 : (tensor<2x3x8xf32>, tensor<4xi64>) -> tensor<2x3x4x2xf32>
  %q2 = compress.transpose %q1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x4x2xf32>) -> tensor<2x4x3x2xf32>
  %sk1 = compress.constant dense<[2, 3, 2, 2]> : tensor<4xi64>
  %k1 = compress.reshape %k0, %sk1 : (tensor<2x3x4xf32>, tensor<4xi64>) -> tensor<2x3x2x2xf32>
  %k2 = compress.transpose %k1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x2x2xf32>) -> tensor<2x2x3x2xf32>
  %k3 = compress.unsqueeze %k2 {axes = array<i64: 2>} : (tensor<2x2x3x2xf32>) -> tensor<2x2x1x3x2xf32>
  %k4 = compress.broadcast %k3, %b : (tensor<2x2x1x3x2xf32>, tensor<5xi64>) -> tensor<2x2x2x3x2xf32>
  %sk5 = compress.constant dense<[2, 4, 3, 2]> : tensor<4xi64>
  %k5 = compress.reshape %k4, %sk5 : (tensor<2x2x2x3x2xf32>, tensor<4xi64>) -> tensor<2x4x3x2xf32>
  %k6 = compress.transpose %k5 {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x3x2xf32>) -> tensor<2x4x2x3xf32>
  %sv1 = compress.constant dense<[2, 3, 2, 2]> : tensor<4xi64>
  %v1 = compress.reshape %v0, %sv1 : (tensor<2x3x4xf32>, tensor<4xi64>) -> tensor<2x3x2x2xf32>
  %v2 = compress.transpose %v1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x2x2xf32>) -> tensor<2x2x3x2xf32>
  %v3 = compress.unsqueeze %v2 {axes = array<i64: 2>} : (tensor<2x2x3x2xf32>) -> tensor<2x2x1x3x2xf32>
  %v4 = compress.broadcast %v3, %b : (tensor<2x2x1x3x2xf32>, tensor<5xi64>) -> tensor<2x2x2x3x2xf32>
  %sv5 = compress.constant dense<[2, 4, 3, 2]> : tensor<4xi64>
  %v5 = compress.reshape %v4, %sv5 : (tensor<2x2x2x3x2xf32>, tensor<4xi64>) -> tensor<2x4x3x2xf32>
  %a0 = compress.matmul %q2, %k6 : (tensor<2x4x3x2xf32>, tensor<2x4x2x3xf32>) -> tensor<2x4x3x3xf32>
  %a1 = compress.softmax %a0 {axis = 3 : i64} : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  %a2 = compress.matmul %a1, %v5 : (tensor<2x4x3x3xf32>, tensor<2x4x3x2xf32>) -> tensor<2x4x3x2xf32>
  %a3 = compress.transpose %a2 {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x4x3x2xf32>) -> tensor<2x3x4x2xf32>
  %sf = compress.constant dense<[2, 3, 8]> : tensor<3xi64>
  %f = compress.reshape %a3, %sf : (tensor<2x3x4x2xf32>, tensor<3xi64>) -> tensor<2x3x8xf32>
  %y = compress.linear kn %f, %o {name = "po"} : (tensor<2x3x8xf32>, tensor<8x4xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// One head of keys and values for all heads of queries.
func.func @multi_query(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %q = compress.load @q1 : tensor<4x8xf32>
  %k = compress.load @k1 : tensor<4x2xf32>
  %v = compress.load @v1 : tensor<4x2xf32>
  %o = compress.load @o1 : tensor<8x4xf32>
  %q0 = compress.linear kn %x, %q {name = "mq"} : (tensor<?x?x4xf32>, tensor<4x8xf32>) -> tensor<?x?x8xf32>
  %k0 = compress.linear kn %x, %k {name = "mk"} : (tensor<?x?x4xf32>, tensor<4x2xf32>) -> tensor<?x?x2xf32>
  %v0 = compress.linear kn %x, %v {name = "mv"} : (tensor<?x?x4xf32>, tensor<4x2xf32>) -> tensor<?x?x2xf32>
  %sq1 = compress.constant dense<[0, 0, 4, 2]> : tensor<4xi64>
  %q1 = compress.reshape %q0, %sq1 : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x?x4x2xf32>
  %sk1 = compress.constant dense<[0, 0, 1, 2]> : tensor<4xi64>
  %k1 = compress.reshape %k0, %sk1 : (tensor<?x?x2xf32>, tensor<4xi64>) -> tensor<?x?x1x2xf32>
  %sv1 = compress.constant dense<[0, 0, 1, 2]> : tensor<4xi64>
  %v1 = compress.reshape %v0, %sv1 : (tensor<?x?x2xf32>, tensor<4xi64>) -> tensor<?x?x1x2xf32>
  %a = compress.attention bshd %q1, %k1, %v1 {scale = 0.5 : f32} : (tensor<?x?x4x2xf32>, tensor<?x?x1x2xf32>, tensor<?x?x1x2xf32>) -> tensor<?x?x4x2xf32>
  %sf = compress.constant dense<[0, 0, 8]> : tensor<3xi64>
  %f = compress.reshape %a, %sf : (tensor<?x?x4x2xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %y = compress.linear kn %f, %o {name = "mo"} : (tensor<?x?x8xf32>, tensor<8x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// CHECK: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "op"), 3 entries
//  CHECK-NEXT:   input dim 0 of linear "q" (weight @q, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "k" (weight @k, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "v" (weight @v, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 2 units, prunable, 9 entries
//  CHECK-NEXT:   output dim 1 of linear "q" (weight @q, 4 indices per unit)
//  CHECK-NEXT:   output dim 1 of linear "k" (weight @k, 2 indices per unit)
//  CHECK-NEXT:   output dim 1 of linear "v" (weight @v, 2 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   attention
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "o" (weight @o, 4 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "o" (weight @o, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "parts"), 3 entries
//  CHECK-NEXT:   input dim 0 of linear "pq" (weight @pq, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "pk" (weight @pk, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "pv" (weight @pv, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 2 units, prunable, 22 entries
//  CHECK-NEXT:   output dim 1 of linear "pq" (weight @pq, 4 indices per unit)
//  CHECK-NEXT:   output dim 1 of linear "pk" (weight @pk, 2 indices per unit)
//  CHECK-NEXT:   output dim 1 of linear "pv" (weight @pv, 2 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   unsqueeze
//  CHECK-NEXT:   broadcast
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   unsqueeze
//  CHECK-NEXT:   broadcast
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   softmax
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "po" (weight @po, 4 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "po" (weight @po, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "multi_query"), 3 entries
//  CHECK-NEXT:   input dim 0 of linear "mq" (weight @q1, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "mk" (weight @k1, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "mv" (weight @v1, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 4 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 1 of linear "mq" (weight @q1, 2 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   attention
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "mo" (weight @o1, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a reshape splits this dim of 2 together with one of 4, whose indices are units (reshape), 4 entries
//  CHECK-NEXT:   output dim 1 of linear "mk" (weight @k1, 1 index per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   attention
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a reshape splits this dim of 2 together with one of 4, whose indices are units (reshape), 4 entries
//  CHECK-NEXT:   output dim 1 of linear "mv" (weight @v1, 1 index per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   attention
//  CHECK-NEXT:   reshape
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "mo" (weight @o1, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 3 of 11 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 256 of 272 (94.1 %)
