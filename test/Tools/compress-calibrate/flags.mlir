// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-calibrate %s --data %t.npz --progress=off --samples 1 --dim rows=1 --collect=minmax --ops='fc*' --outputs --threads 1 -o %t.stats | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.stats -o /dev/null
// RUN: compress-calibrate --help | FileCheck %s --check-prefix=HELP
// HELP: USAGE: compress-calibrate [options] <model .mlir, .mlirbc or .onnx>
// HELP-DAG: --data=<file.npz|folder|list>
// HELP-DAG: --collect=<names>
// HELP-DAG: --samples=<N>
// HELP-DAG: --progress=<string>

// CHECK: fc1:input           1          3            2            2            -            -          0
// CHECK-NEXT: fc1:output          1          2            6            6            -            -          0
// CHECK-NEXT: {{^}}1 sample{{$}}
// CHECK-NOT: {{.}}

// RUN: not compress-calibrate %s --data %t.npz --collect=median 2>&1 | FileCheck %s --check-prefix=COLLECT
// COLLECT: compress-calibrate: --collect: cannot collect 'median'; known are
// RUN: not compress-calibrate %s --data %t.npz --dim rows=x 2>&1 | FileCheck %s --check-prefix=DIM
// DIM: compress-calibrate: --dim: expects name=size with a positive size, got 'rows=x'
// RUN: not compress-calibrate %s --data %t.npz --progress=loud 2>&1 | FileCheck %s --check-prefix=PROGRESS
// PROGRESS: compress-calibrate: --progress: expects plain, json or off, got 'loud'
// RUN: not compress-calibrate %s --data %t.npz --threads 5000 2>&1 | FileCheck %s --check-prefix=THREADS
// THREADS: compress-calibrate: --threads: expects a number from 0 to 1024, got '5000'
// RUN: not compress-calibrate %s --data %t.npz --ops='re:(' 2>&1 | FileCheck %s --check-prefix=OPS
// OPS: compress-calibrate: --ops:
// RUN: not compress-calibrate %s 2>&1 | FileCheck %s --check-prefix=DATA
// DATA: compress-calibrate: for the --data option: must be specified at least once!

compress.weight private @w : tensor<2x3xf32> = dense<1.0>
compress.weight private @x : tensor<4x3xf32> = dense<2.0>
func.func @main(%x: tensor<?x3xf32> {compress.name = "x", compress.dims = ["rows", ""]}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %0 = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
func.func private @make() -> (tensor<4x3xf32> {compress.name = "x"}) {
  %x = compress.load @x : tensor<4x3xf32>
  return %x : tensor<4x3xf32>
}
