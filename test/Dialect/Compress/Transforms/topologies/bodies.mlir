// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Values of the outside that a body uses, and what both of its branches yield, are one space.
compress.weight private @in : tensor<4x3xf32> = dense<1.0>
compress.weight private @then : tensor<4x4xf32> = dense<1.0>
compress.weight private @else : tensor<4x4xf32> = dense<1.0>
compress.weight private @out : tensor<2x4xf32> = dense<1.0>
func.func @bodies(%x: tensor<?x3xf32>, %c: tensor<i1>) -> tensor<?x2xf32> {
  %in = compress.load @in : tensor<4x3xf32>
  %out = compress.load @out : tensor<2x4xf32>
  %out.m = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %out.masked = compress.mask %out, %out.m : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %in {name = "in"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.onnx "If"(%c) {body_names = [["then_branch", "then"], ["else_branch", "else"]], node_name = "if", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<?x4xf32> {
    %then = compress.load @then : tensor<4x4xf32>
    %2 = compress.linear nk %0, %then {name = "then"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    compress.yield %2 : tensor<?x4xf32>
  }, {
    %else = compress.load @else : tensor<4x4xf32>
    %2 = compress.linear nk %0, %else {name = "else"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    compress.yield %2 : tensor<?x4xf32>
  }
  %5 = compress.linear nk %1, %out.masked {name = "out"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %5 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @then.mask : tensor<4x1xi1> = dense<{{\[\[}}true], [false], [true], [true]]>
// MASKED-DAG: compress.weight private @else.mask : tensor<4x1xi1> = dense<{{\[\[}}true], [false], [true], [true]]>
// MASKED-LABEL: func.func @bodies(
// MASKED: compress.mask %out, %{{.+}} : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED: compress.mask %then, %then.mask : tensor<4x4xf32>, tensor<4x1xi1>
// MASKED: compress.mask %else, %else.mask : tensor<4x4xf32>, tensor<4x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @out : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @then : tensor<3x4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @else : tensor<3x4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @in : tensor<4x3xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @bodies
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>, %{{.+}}: tensor<i1>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
// SLICED: compress.onnx "If"(%{{.+}}) {{.*}} : (tensor<i1>) -> tensor<?x3xf32> {
// SLICED: compress.linear nk %{{.+}}, %then {name = "then"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
// SLICED: compress.yield %{{.+}} : tensor<?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %else {name = "else"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
// SLICED: compress.yield %{{.+}} : tensor<?x3xf32>
// SLICED: compress.linear nk %y, %out {name = "out"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
