// RUN: rm -rf %t && mkdir -p %t
// RUN: compress-opt %s --weights=sidecar -o %t/a.mlir
// RUN: FileCheck %s --check-prefix=SIDECAR < %t/a.mlir
// RUN: compress-opt %t/a.mlir --weights=inline -o %t/b.mlir
// RUN: FileCheck %s --check-prefix=INLINE < %t/b.mlir
// RUN: compress-opt %t/b.mlir --weights=sidecar -o %t/c.mlir
// RUN: cmp %t/a.safetensors %t/c.safetensors
// RUN: not compress-opt %t/b.mlir --weights=reference -o %t/d.mlir 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not compress-opt %t/a.mlir --weights=reference -o %t.mlir 2>&1 | FileCheck %s --check-prefix=ELSEWHERE
// RUN: not compress-opt %t/a.mlir --weights=sidecar 2>&1 | FileCheck %s --check-prefix=STREAM

// Bytecode, beside the weights: nothing is copied.
// RUN: compress-opt %t/a.mlir -o %t/e.mlirbc
// RUN: compress-opt %t/e.mlirbc --weights=inline -o %t/f.mlir
// RUN: cmp %t/b.mlir %t/f.mlir

// In another folder the weights come along.
// RUN: mkdir %t/other
// RUN: compress-opt %t/a.mlir -o %t/other/g.mlir
// RUN: cmp %t/a.safetensors %t/other/g.safetensors

// Large weights go to a safetensors file, small ones stay.
// SIDECAR: compress.weight private @large : tensor<64x32xf32> = #compress.file<"a.safetensors", {{[0-9]+}}, 8192, {{[0-9]+}}>
// SIDECAR: compress.weight private @small : tensor<2xf32> = dense<1.000000e+00>
// INLINE: compress.weight private @large : tensor<64x32xf32> = dense_resource<large>
// NOFILE: is not in a file that could be referred to; use --weights=sidecar or --weights=inline
// ELSEWHERE: cannot refer to weights in another folder
// STREAM: a sidecar file needs an output file; use -o
compress.weight private @large : tensor<64x32xf32> = dense<0.5>
compress.weight private @small : tensor<2xf32> = dense<1.0>
func.func @main() -> (tensor<64x32xf32>, tensor<2xf32>) {
  %l = compress.load @large : tensor<64x32xf32>
  %s = compress.load @small : tensor<2xf32>
  return %l, %s : tensor<64x32xf32>, tensor<2xf32>
}
