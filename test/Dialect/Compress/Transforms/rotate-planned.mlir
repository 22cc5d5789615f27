// RUN: compress-opt %s --compress-rotate --split-input-file --verify-diagnostics --remarks-filter=rotate | FileCheck %s

// The plan of one op is enough, since a stream rotates as a whole; with activations of 4 bits before what writes it,
// they go through a Hadamard product.
// CHECK-DAG: compress.weight private @hadamard.8 : tensor<8x8xf32>
// CHECK-DAG: compress.weight private @down.rot
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @up : tensor<4x8xf32> = dense<1.0>
compress.weight private @down : tensor<8x4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
// CHECK-LABEL: func.func @four_bits
func.func @four_bits(%ids: tensor<?xi64>) -> tensor<?x8xf32> {
  // CHECK: compress.linear kn %{{.+}}, %hadamard.8 {name = "down.hadamard"} : (tensor<?x1x8xf32>, tensor<8x8xf32>)
  // CHECK: compress.linear kn %{{.+}}, %down.rot {{.*}}name = "down"
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %s = compress.load @scale : tensor<4xf32>
  // expected-remark @below {{residual stream of 4 channels is rotated by a randomized Hadamard matrix (writers: 2, readers: 2, norms: 2)}}
  %n = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %up = compress.load @up : tensor<4x8xf32>
  %h = compress.linear kn %n, %up {name = "up"} : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  %down = compress.load @down : tensor<8x4xf32>
  // expected-remark @below {{online Hadamard product of 8 channels before "down"}}
  %d = compress.linear kn %h, %down {name = "down", compress.plan = #compress.plan<quantize = "int4,transform=rotate,activations=dynamic,activation_bits=4">} : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %s {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %head = compress.load @up : tensor<4x8xf32>
  %l = compress.linear kn %m, %head {name = "head"} : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  return %l : tensor<?x8xf32>
}

// -----

// Another plan, or none: nothing happens.
// CHECK-LABEL: func.func @not_planned
// CHECK-NOT: .rot
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
func.func @not_planned(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %s = compress.load @scale : tensor<4xf32>
  %n = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %d = compress.linear kn %n, %w {compress.plan = #compress.plan<quantize = "int4">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %s {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %l = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %l : tensor<?x4xf32>
}

// -----

// No residual stream.
// CHECK-LABEL: func.func @in_vain
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @in_vain(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: compress.linear kn %{{.+}}, %w {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-remark @below {{"fc" is not rotated: it neither reads nor writes a rotated stream}}
  %y = compress.linear kn %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "int4,transform=rotate">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
