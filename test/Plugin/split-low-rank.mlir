// Weights of rank 1 in the stock tool: the two ops are of its own dialects, and compute what the one computed: sums of all
// elements of the results times 1, 2, 3, ...
// RUN: %mlir-opt %s --pass-pipeline='builtin.module(func.func(tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith),one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},buffer-deallocation-pipeline,convert-bufferization-to-memref,convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)' -o %t.llvm.mlir
// RUN: mlir-runner %t.llvm.mlir -e matmul -entry-point-result=i32 | FileCheck %s --check-prefix=MATMUL
// RUN: mlir-runner %t.llvm.mlir -e generic -entry-point-result=i32 | FileCheck %s --check-prefix=GENERIC
// RUN: mlir-runner %t.llvm.mlir -e conv -entry-point-result=i32 | FileCheck %s --check-prefix=CONV
// RUN: mlir-runner %t.llvm.mlir -e tosa_matmul -entry-point-result=i32 | FileCheck %s --check-prefix=TOSA-MATMUL
// RUN: mlir-runner %t.llvm.mlir -e tosa_conv -entry-point-result=i32 | FileCheck %s --check-prefix=TOSA-CONV
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-split-low-rank{low-rank=rank:1,method=svd,form=channel})' -o %t.mlir
// RUN: FileCheck %s --check-prefixes=CHECK,CHANNEL --input-file=%t.mlir
// RUN: %mlir-opt %t.mlir --pass-pipeline='builtin.module(func.func(tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith),one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},buffer-deallocation-pipeline,convert-bufferization-to-memref,convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)' -o %t.llvm.mlir
// RUN: mlir-runner %t.llvm.mlir -e matmul -entry-point-result=i32 | FileCheck %s --check-prefix=MATMUL
// RUN: mlir-runner %t.llvm.mlir -e generic -entry-point-result=i32 | FileCheck %s --check-prefix=GENERIC
// RUN: mlir-runner %t.llvm.mlir -e conv -entry-point-result=i32 | FileCheck %s --check-prefix=CONV
// RUN: mlir-runner %t.llvm.mlir -e tosa_matmul -entry-point-result=i32 | FileCheck %s --check-prefix=TOSA-MATMUL
// RUN: mlir-runner %t.llvm.mlir -e tosa_conv -entry-point-result=i32 | FileCheck %s --check-prefix=TOSA-CONV
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-split-low-rank{low-rank=rank:1,method=svd,form=spatial})' -o %t.mlir
// RUN: FileCheck %s --check-prefixes=CHECK,SPATIAL --input-file=%t.mlir
// RUN: %mlir-opt %t.mlir --pass-pipeline='builtin.module(func.func(tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith),one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},buffer-deallocation-pipeline,convert-bufferization-to-memref,convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)' -o %t.llvm.mlir
// RUN: mlir-runner %t.llvm.mlir -e matmul -entry-point-result=i32 | FileCheck %s --check-prefix=MATMUL
// RUN: mlir-runner %t.llvm.mlir -e generic -entry-point-result=i32 | FileCheck %s --check-prefix=GENERIC
// RUN: mlir-runner %t.llvm.mlir -e conv -entry-point-result=i32 | FileCheck %s --check-prefix=CONV
// RUN: mlir-runner %t.llvm.mlir -e tosa_matmul -entry-point-result=i32 | FileCheck %s --check-prefix=TOSA-MATMUL
// RUN: mlir-runner %t.llvm.mlir -e tosa_conv -entry-point-result=i32 | FileCheck %s --check-prefix=TOSA-CONV
// MATMUL: {{^}}-397{{$}}
// GENERIC: {{^}}-49{{$}}
// CONV: {{^}}13320{{$}}
// TOSA-MATMUL: {{^}}-432{{$}}
// TOSA-CONV: {{^}}60{{$}}
// CHECK-NOT: = compress.

func.func @yes() -> i1 attributes {no_inline} {
  %true = arith.constant true
  return %true : i1
}

func.func @checksum(%x: tensor<?xf32>) -> i32 {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %sum = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<?xf32>) outs(%zero : tensor<f32>) {
  ^bb0(%a: f32, %s: f32):
    %i = linalg.index 0 : index
    %one = arith.constant 1 : index
    %j = arith.addi %i, %one : index
    %k = arith.index_cast %j : index to i32
    %f = arith.sitofp %k : i32 to f32
    %p = arith.mulf %a, %f : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  %value = tensor.extract %sum[] : tensor<f32>
  %rounded = math.round %value : f32
  %result = arith.fptosi %rounded : f32 to i32
  return %result : i32
}

// Accumulates into a constant, in a branch.
// CHECK-LABEL: func.func @matmul
// CHECK: scf.if
// CHECK: linalg.matmul {node_name = "fc/v"} {{.*}} outs(%{{.*}} : tensor<2x1xf32>)
// CHECK: linalg.matmul {node_name = "fc/u"} {{.*}} outs(%{{.*}} : tensor<2x5xf32>)
func.func @matmul() -> i32 {
  %x = arith.constant dense<[[3.0, -3.0, -1.0, 3.0, 2.0, -2.0], [2.0, 1.0, 3.0, 1.0, -1.0, 2.0]]> : tensor<2x6xf32>
  %w = arith.constant dense<[[-4.0, 6.0, -6.0, -6.0, 2.0], [6.0, -9.0, 9.0, 9.0, -3.0], [-4.0, 6.0, -6.0, -6.0, 2.0], [2.0, -3.0, 3.0, 3.0, -1.0], [6.0, -9.0, 9.0, 9.0, -3.0], [-4.0, 6.0, -6.0, -6.0, 2.0]]> : tensor<6x5xf32> loc("fc")
  %c = arith.constant dense<[[1.0, 2.0, -1.0, -1.0, 3.0], [1.0, 1.0, -1.0, -1.0, 1.0]]> : tensor<2x5xf32>
  %true = func.call @yes() : () -> i1
  %y = scf.if %true -> tensor<2x5xf32> {
    %m = linalg.matmul ins(%x, %w : tensor<2x6xf32>, tensor<6x5xf32>) outs(%c : tensor<2x5xf32>) -> tensor<2x5xf32>
    scf.yield %m : tensor<2x5xf32>
  } else {
    scf.yield %c : tensor<2x5xf32>
  }
  %flat = tensor.collapse_shape %y [[0, 1]] : tensor<2x5xf32> into tensor<10xf32>
  %any = tensor.cast %flat : tensor<10xf32> to tensor<?xf32>
  %sum = func.call @checksum(%any) : (tensor<?xf32>) -> i32
  return %sum : i32
}

// A matrix for each index of a batch, what is between the two having another layout than the activation.
// CHECK-LABEL: func.func @generic
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x3x6xf32>, tensor<2x1x6xf32>) outs(%{{.*}} : tensor<3x2x1xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<3x2x1xf32>, tensor<2x4x1xf32>) outs(%{{.*}} : tensor<3x2x4xf32>)
func.func @generic() -> i32 {
  %x = arith.constant dense<[[[3.0, -3.0, -1.0, 3.0, -3.0, 2.0], [2.0, 3.0, 3.0, 3.0, 2.0, -1.0], [3.0, 1.0, 2.0, 3.0, 1.0, 1.0]], [[-3.0, 1.0, -3.0, 3.0, 3.0, 2.0], [2.0, -3.0, 1.0, -2.0, 2.0, -2.0], [1.0, -1.0, 3.0, 3.0, -2.0, 3.0]]]> : tensor<2x3x6xf32>
  %w = arith.constant dense<[[[-4.0, -4.0, 4.0, 2.0, 2.0, 6.0], [6.0, 6.0, -6.0, -3.0, -3.0, -9.0], [-2.0, -2.0, 2.0, 1.0, 1.0, 3.0], [4.0, 4.0, -4.0, -2.0, -2.0, -6.0]], [[-3.0, 3.0, 3.0, 2.0, 2.0, 1.0], [3.0, -3.0, -3.0, -2.0, -2.0, -1.0], [-9.0, 9.0, 9.0, 6.0, 6.0, 3.0], [6.0, -6.0, -6.0, -4.0, -4.0, -2.0]]]> : tensor<2x4x6xf32>
  %c = arith.constant dense<[[[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]> : tensor<3x2x4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (m, b, n)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x3x6xf32>, tensor<2x4x6xf32>) outs(%c : tensor<3x2x4xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %t = arith.mulf %p, %q : f32
    %u = arith.addf %s, %t : f32
    linalg.yield %u : f32
  } -> tensor<3x2x4xf32>
  %flat = tensor.collapse_shape %y [[0, 1, 2]] : tensor<3x2x4xf32> into tensor<24xf32>
  %any = tensor.cast %flat : tensor<24xf32> to tensor<?xf32>
  %sum = func.call @checksum(%any) : (tensor<?xf32>) -> i32
  return %sum : i32
}

// CHECK-LABEL: func.func @conv
// CHANNEL: linalg.conv_2d_nchw_fchw {dilations = dense<[1, 2]> : tensor<2xi64>{{.*}}strides = dense<[2, 1]> : tensor<2xi64>}
// CHANNEL: linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>{{.*}}strides = dense<1> : tensor<2xi64>}
// SPATIAL: linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>{{.*}}strides = dense<[2, 1]> : tensor<2xi64>}
// SPATIAL: linalg.conv_2d_nchw_fchw {dilations = dense<[1, 2]> : tensor<2xi64>{{.*}}strides = dense<1> : tensor<2xi64>}
func.func @conv() -> i32 {
  %x = arith.constant dense<[[[[1.0, -3.0, 2.0, -3.0, 1.0, 2.0, -2.0, -3.0], [-1.0, -1.0, -1.0, -3.0, 2.0, 2.0, -2.0, -1.0], [3.0, -3.0, -1.0, 2.0, -2.0, 2.0, 2.0, -3.0], [-2.0, 2.0, 3.0, -3.0, 2.0, -3.0, 2.0, 2.0], [-2.0, 2.0, -2.0, 3.0, 1.0, 2.0, -2.0, -2.0], [3.0, -3.0, 1.0, 1.0, -3.0, 2.0, -3.0, -3.0]], [[3.0, 1.0, 1.0, 3.0, 2.0, 2.0, -1.0, -1.0], [1.0, 3.0, 1.0, -1.0, 1.0, 1.0, 3.0, 1.0], [-1.0, 2.0, -3.0, -2.0, 1.0, -1.0, 1.0, -2.0], [1.0, 2.0, 3.0, -2.0, 2.0, -1.0, -2.0, -1.0], [-2.0, -1.0, -1.0, 2.0, -2.0, 1.0, -3.0, -2.0], [-1.0, 1.0, 3.0, -2.0, 1.0, -2.0, -1.0, 1.0]], [[-1.0, 3.0, -1.0, 2.0, 3.0, -2.0, 2.0, 2.0], [1.0, -3.0, 1.0, 2.0, 1.0, 1.0, -1.0, -3.0], [2.0, -2.0, 2.0, -1.0, -3.0, 2.0, 3.0, -3.0], [1.0, 1.0, 2.0, 3.0, -3.0, 2.0, 1.0, -3.0], [3.0, 3.0, 2.0, 1.0, -3.0, -1.0, 1.0, -3.0], [-2.0, -1.0, -2.0, 2.0, -1.0, -1.0, -3.0, -2.0]]]]> : tensor<1x3x6x8xf32>
  %w = arith.constant dense<[[[[3.0, 9.0, 6.0], [-6.0, -18.0, -12.0]], [[9.0, 27.0, 18.0], [-18.0, -54.0, -36.0]], [[6.0, 18.0, 12.0], [-12.0, -36.0, -24.0]]], [[[1.0, 3.0, 2.0], [-2.0, -6.0, -4.0]], [[3.0, 9.0, 6.0], [-6.0, -18.0, -12.0]], [[2.0, 6.0, 4.0], [-4.0, -12.0, -8.0]]], [[[-1.0, -3.0, -2.0], [2.0, 6.0, 4.0]], [[-3.0, -9.0, -6.0], [6.0, 18.0, 12.0]], [[-2.0, -6.0, -4.0], [4.0, 12.0, 8.0]]], [[[-3.0, -9.0, -6.0], [6.0, 18.0, 12.0]], [[-9.0, -27.0, -18.0], [18.0, 54.0, 36.0]], [[-6.0, -18.0, -12.0], [12.0, 36.0, 24.0]]]]> : tensor<4x3x2x3xf32>
  %c = arith.constant dense<[[[[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]> : tensor<1x4x3x4xf32>
  %y = linalg.conv_2d_nchw_fchw {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<[1, 2]> : tensor<2xi64>}
      ins(%x, %w : tensor<1x3x6x8xf32>, tensor<4x3x2x3xf32>) outs(%c : tensor<1x4x3x4xf32>) -> tensor<1x4x3x4xf32>
  %flat = tensor.collapse_shape %y [[0, 1, 2, 3]] : tensor<1x4x3x4xf32> into tensor<48xf32>
  %any = tensor.cast %flat : tensor<48xf32> to tensor<?xf32>
  %sum = func.call @checksum(%any) : (tensor<?xf32>) -> i32
  return %sum : i32
}

// The weight on the left.
// CHECK-LABEL: func.func @tosa_matmul
// CHECK: tosa.matmul {{.*}} -> tensor<1x1x3xf32>
// CHECK: tosa.matmul {{.*}} -> tensor<1x5x3xf32>
func.func @tosa_matmul() -> i32 {
  %stored = arith.constant dense<[[[3.0, 2.0, 3.0], [-3.0, 3.0, 1.0], [-3.0, -2.0, 2.0], [1.0, 1.0, -3.0], [-2.0, 2.0, 2.0], [2.0, 2.0, 1.0]]]> : tensor<1x6x3xf32>
  %c0 = arith.constant 0 : index
  %f = tensor.extract %stored[%c0, %c0, %c0] : tensor<1x6x3xf32>
  %x = tensor.insert %f into %stored[%c0, %c0, %c0] : tensor<1x6x3xf32>
  %w = "tosa.const"() <{values = dense<[[[6.0, 3.0, -6.0, 6.0, -6.0, -3.0], [2.0, 1.0, -2.0, 2.0, -2.0, -1.0], [-2.0, -1.0, 2.0, -2.0, 2.0, 1.0], [-2.0, -1.0, 2.0, -2.0, 2.0, 1.0], [-4.0, -2.0, 4.0, -4.0, 4.0, 2.0]]]> : tensor<1x5x6xf32>}> : () -> tensor<1x5x6xf32>
  %z = "tosa.const"() <{values = dense<[0.0]> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.matmul %w, %x, %z, %z : (tensor<1x5x6xf32>, tensor<1x6x3xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x5x3xf32>
  %flat = tensor.collapse_shape %y [[0, 1, 2]] : tensor<1x5x3xf32> into tensor<15xf32>
  %any = tensor.cast %flat : tensor<15xf32> to tensor<?xf32>
  %sum = func.call @checksum(%any) : (tensor<?xf32>) -> i32
  return %sum : i32
}

// Strides and dilations are divided; the bias stays with the second.
// CHECK-LABEL: func.func @tosa_conv
// CHANNEL: tosa.conv2d {{.*}}dilation = array<i64: 1, 2>{{.*}}pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 1>
// CHANNEL: tosa.conv2d {{.*}}dilation = array<i64: 1, 1>{{.*}}pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>
// SPATIAL: tosa.conv2d {{.*}}dilation = array<i64: 1, 1>{{.*}}pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 1>
// SPATIAL: tosa.conv2d {{.*}}dilation = array<i64: 1, 2>{{.*}}pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>
func.func @tosa_conv() -> i32 {
  %x = "tosa.const"() <{values = dense<[[[[2.0, 2.0, -1.0], [3.0, -1.0, -1.0], [1.0, -3.0, 2.0], [1.0, 2.0, 3.0], [-1.0, 2.0, 2.0], [3.0, 3.0, 1.0], [-3.0, 1.0, 3.0], [-2.0, 3.0, 2.0]], [[3.0, -1.0, -2.0], [-2.0, 2.0, 3.0], [-2.0, 3.0, 3.0], [-3.0, 2.0, -1.0], [2.0, -2.0, 1.0], [1.0, 3.0, 2.0], [-2.0, 1.0, 2.0], [1.0, -1.0, -3.0]], [[-2.0, 1.0, 1.0], [1.0, -1.0, -2.0], [1.0, 2.0, -1.0], [2.0, 3.0, -3.0], [2.0, -3.0, -1.0], [-1.0, 2.0, 2.0], [2.0, 1.0, 3.0], [1.0, 3.0, -3.0]], [[-1.0, 2.0, 1.0], [-3.0, -2.0, -2.0], [2.0, -3.0, 3.0], [-2.0, 1.0, 3.0], [-3.0, -2.0, 3.0], [2.0, -2.0, 1.0], [-3.0, 1.0, 2.0], [1.0, 2.0, -2.0]], [[2.0, -3.0, 1.0], [2.0, -1.0, -1.0], [1.0, -3.0, 3.0], [-3.0, -2.0, -2.0], [3.0, -3.0, -3.0], [1.0, 3.0, -2.0], [2.0, 3.0, 3.0], [-3.0, -1.0, -1.0]], [[-1.0, 2.0, 3.0], [3.0, 1.0, -2.0], [1.0, 3.0, -3.0], [-2.0, 1.0, 3.0], [-2.0, -1.0, 2.0], [-2.0, 3.0, 2.0], [1.0, 2.0, 1.0], [2.0, 3.0, 1.0]]]]> : tensor<1x6x8x3xf32>}> : () -> tensor<1x6x8x3xf32>
  %w = "tosa.const"() <{values = dense<[[[[12.0, -12.0, -12.0], [-4.0, 4.0, 4.0], [-8.0, 8.0, 8.0]], [[12.0, -12.0, -12.0], [-4.0, 4.0, 4.0], [-8.0, 8.0, 8.0]]], [[[-12.0, 12.0, 12.0], [4.0, -4.0, -4.0], [8.0, -8.0, -8.0]], [[-12.0, 12.0, 12.0], [4.0, -4.0, -4.0], [8.0, -8.0, -8.0]]], [[[-12.0, 12.0, 12.0], [4.0, -4.0, -4.0], [8.0, -8.0, -8.0]], [[-12.0, 12.0, 12.0], [4.0, -4.0, -4.0], [8.0, -8.0, -8.0]]], [[[12.0, -12.0, -12.0], [-4.0, 4.0, 4.0], [-8.0, 8.0, 8.0]], [[12.0, -12.0, -12.0], [-4.0, 4.0, 4.0], [-8.0, 8.0, 8.0]]]]> : tensor<4x2x3x3xf32>}> : () -> tensor<4x2x3x3xf32>
  %b = "tosa.const"() <{values = dense<[-1.0, -2.0, 2.0, 1.0]> : tensor<4xf32>}> : () -> tensor<4xf32>
  %z = "tosa.const"() <{values = dense<[0.0]> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.conv2d %x, %w, %b, %z, %z {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 1>, dilation = array<i64: 1, 2>}
     : (tensor<1x6x8x3xf32>, tensor<4x2x3x3xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x4x4xf32>
  %flat = tensor.collapse_shape %y [[0, 1, 2, 3]] : tensor<1x3x4x4xf32> into tensor<48xf32>
  %any = tensor.cast %flat : tensor<48xf32> to tensor<?xf32>
  %sum = func.call @checksum(%any) : (tensor<?xf32>) -> i32
  return %sum : i32
}
