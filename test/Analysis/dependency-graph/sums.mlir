// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Channels that are summed up by something else than a weight must be zero where they are masked.

compress.weight private @i_exp : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_exp : tensor<4x2xf32> = dense<0.5>
compress.weight private @i_sigmoid : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_sigmoid : tensor<4x2xf32> = dense<0.5>
compress.weight private @i_layer_norm : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_layer_norm : tensor<4x2xf32> = dense<0.5>
compress.weight private @i_rms_norm : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_rms_norm : tensor<4x2xf32> = dense<0.5>
compress.weight private @i_norm_of_cos : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_norm_of_cos : tensor<4x2xf32> = dense<0.5>
compress.weight private @i_product : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_product : tensor<4x2xf32> = dense<0.5>
compress.weight private @i_product_of_cos : tensor<3x4xf32> = dense<0.5>
compress.weight private @o_product_of_cos : tensor<4x2xf32> = dense<0.5>

// A softmax in parts: exp(0) is 1, and counts in the sum.
func.func @exp(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_exp : tensor<3x4xf32>
  %o = compress.load @o_exp : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "exp"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %e = compress.exp %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %s = compress.reduce sum %e {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %y = compress.div %e, %s : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "exp_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// A gate is not zero itself, but what it gates is.
func.func @sigmoid(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_sigmoid : tensor<3x4xf32>
  %o = compress.load @o_sigmoid : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "sigmoid"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %g = compress.sigmoid %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %p = compress.mul %h, %g : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %s = compress.reduce mean %p {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %y = compress.mul %p, %s : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "sigmoid_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// A layer norm in parts: the difference to the mean is not zero.
func.func @layer_norm(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_layer_norm : tensor<3x4xf32>
  %o = compress.load @o_layer_norm : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "layer_norm"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %m = compress.reduce mean %h {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %d = compress.sub %h, %m : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %q = compress.mul %d, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %v = compress.reduce mean %q {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %y = compress.div %d, %v : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "layer_norm_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// A root mean square norm in parts.
func.func @rms_norm(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_rms_norm : tensor<3x4xf32>
  %o = compress.load @o_rms_norm : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "rms_norm"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %two = compress.constant dense<2.0> : tensor<f32>
  %q = compress.pow %h, %two : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %v = compress.reduce mean %q {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %y = compress.div %h, %v : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "rms_norm_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// A norm of what is not zero.
func.func @norm_of_cos(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_norm_of_cos : tensor<3x4xf32>
  %o = compress.load @o_norm_of_cos : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "norm_of_cos"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %c = compress.cos %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %s = compress.constant dense<1.0> : tensor<4xf32>
  %y = compress.rms_norm %c, %s {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "norm_of_cos_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// A product of two activations sums over the channels of both: one of them being zero is enough.
func.func @product(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_product : tensor<3x4xf32>
  %o = compress.load @o_product : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "product"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %c = compress.cos %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %t = compress.transpose %h {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %p = compress.matmul %c, %t : (tensor<?x4xf32>, tensor<4x?xf32>) -> tensor<?x?xf32>
  %y = compress.matmul %p, %h : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "product_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// Here neither is.
func.func @product_of_cos(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %i = compress.load @i_product_of_cos : tensor<3x4xf32>
  %o = compress.load @o_product_of_cos : tensor<4x2xf32>
  %h = compress.linear kn %x, %i {name = "product_of_cos"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %c = compress.cos %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %t = compress.transpose %c {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %p = compress.matmul %c, %t : (tensor<?x4xf32>, tensor<4x?xf32>) -> tensor<?x?xf32>
  %y = compress.matmul %p, %h : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %z = compress.linear kn %y, %o {name = "product_of_cos_out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "exp"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "exp" (weight @i_exp, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, blocked: its masked values are not zero where they are summed up (reduce), 5 entries
//  CHECK-NEXT:   output dim 1 of linear "exp" (weight @i_exp, 1 index per unit)
//  CHECK-NEXT:   exp
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   div
//  CHECK-NEXT:   input dim 0 of linear "exp_out" (weight @o_exp, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "exp_out" (weight @o_exp, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "sigmoid"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "sigmoid" (weight @i_sigmoid, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 6 entries
//  CHECK-NEXT:   output dim 1 of linear "sigmoid" (weight @i_sigmoid, 1 index per unit)
//  CHECK-NEXT:   sigmoid
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   input dim 0 of linear "sigmoid_out" (weight @o_sigmoid, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "sigmoid_out" (weight @o_sigmoid, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "layer_norm"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "layer_norm" (weight @i_layer_norm, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, blocked: its masked values are not zero where they are summed up (reduce), 7 entries
//  CHECK-NEXT:   output dim 1 of linear "layer_norm" (weight @i_layer_norm, 1 index per unit)
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   sub
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   div
//  CHECK-NEXT:   input dim 0 of linear "layer_norm_out" (weight @o_layer_norm, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "layer_norm_out" (weight @o_layer_norm, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "rms_norm"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "rms_norm" (weight @i_rms_norm, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 1 of linear "rms_norm" (weight @i_rms_norm, 1 index per unit)
//  CHECK-NEXT:   pow
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   div
//  CHECK-NEXT:   input dim 0 of linear "rms_norm_out" (weight @o_rms_norm, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "rms_norm_out" (weight @o_rms_norm, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "norm_of_cos"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "norm_of_cos" (weight @i_norm_of_cos, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, blocked: its masked values are not zero where they are summed up (rms_norm), 4 entries
//  CHECK-NEXT:   output dim 1 of linear "norm_of_cos" (weight @i_norm_of_cos, 1 index per unit)
//  CHECK-NEXT:   cos
//  CHECK-NEXT:   rms_norm (parameters constant dim 0)
//  CHECK-NEXT:   input dim 0 of linear "norm_of_cos_out" (weight @o_norm_of_cos, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "norm_of_cos_out" (weight @o_norm_of_cos, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "product"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "product" (weight @i_product, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 6 entries
//  CHECK-NEXT:   output dim 1 of linear "product" (weight @i_product, 1 index per unit)
//  CHECK-NEXT:   cos
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   input dim 0 of linear "product_out" (weight @o_product, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "product_out" (weight @o_product, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "product_of_cos"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "product_of_cos" (weight @i_product_of_cos, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, blocked: its masked values are not zero where they are summed up (matmul), 6 entries
//  CHECK-NEXT:   output dim 1 of linear "product_of_cos" (weight @i_product_of_cos, 1 index per unit)
//  CHECK-NEXT:   cos
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   input dim 0 of linear "product_of_cos_out" (weight @o_product_of_cos, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "product_of_cos_out" (weight @o_product_of_cos, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 3 of 21 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 60 of 140 (42.9 %)
