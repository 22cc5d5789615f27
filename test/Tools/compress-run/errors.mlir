// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: not compress-run %s 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: compress-run: input 'a' is missing (expected f32[rows,3])

// RUN: not compress-run %s --inputs=%t.npz --input c=%t.npz 2>&1 | FileCheck %s --check-prefix=EXTENSION
// EXTENSION: compress-run: '{{.*}}.npz': expected a file .npy or .pb

// RUN: not compress-run %s --inputs=%t.npz 2>&1 | FileCheck %s --check-prefix=DIMS
// DIMS: compress-run: input 'a' has rows 2, but 'b' has rows 1

// RUN: compress-run %s --function=unknown --outputs=%t.unknown.npz | count 0
// RUN: not compress-run %s --inputs=%t.unknown.npz 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: compress-run: there is no input 'z'; the model has 'a', 'b'

// RUN: not compress-run %s --inputs=%s 2>&1 | FileCheck %s --check-prefix=NPZ
// NPZ: compress-run: '{{.*}}errors.mlir': no .npz file

// RUN: not compress-run %s --function=none 2>&1 | FileCheck %s --check-prefix=FUNCTION
// FUNCTION: compress-run: the module has no function 'none'

// RUN: not compress-run %s --function=opaque 2>&1 | FileCheck %s --check-prefix=OPAQUE
// OPAQUE: compress-run: node 'node_7' (my.domain.Nonsense) cannot be compiled: Nonsense: there is no model op for it

// RUN: not compress-run %s --dim rows=0 2>&1 | FileCheck %s --check-prefix=DIM
// DIM: --dim: expects name=size with a positive size, got 'rows=0'
// RUN: not compress-run %s --dim cols=2 2>&1 | FileCheck %s --check-prefix=DIMNAME
// DIMNAME: no input has a dim named 'cols'
// RUN: not compress-run %s --random-inputs=cols=2 2>&1 | FileCheck %s --check-prefix=RANDOM
// RANDOM: --random-inputs: no input has a dim 'cols'
// RUN: not compress-run %s --input a 2>&1 | FileCheck %s --check-prefix=INPUT
// INPUT: --input: expects name=file, got 'a'
// RUN: not compress-run %s --target=z80 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: expects a target of host, avx2, avx512 or avx512vnni, got 'z80'
// RUN: not compress-run %s --quantize=int5 2>&1 | FileCheck %s --check-prefix=QUANTIZE
// QUANTIZE: compress-run: {{.*}}int5
// RUN: not compress-run %s --threads=-1 2>&1 | FileCheck %s --check-prefix=THREADS
// THREADS: --threads: expects a number from 0 to 1024
// RUN: not compress-run %t.none.onnx 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: none.onnx

compress.weight private @w : tensor<2x3xf32> = dense<1.0>
compress.weight private @v : tensor<1x3xf32> = dense<1.0>

func.func @main(%a: tensor<?x3xf32> {compress.name = "a", compress.dims = ["rows", ""]},
                %b: tensor<?x3xf32> {compress.name = "b", compress.dims = ["rows", ""]})
    -> (tensor<?x3xf32> {compress.name = "y"}) {
  %0 = compress.add %a, %b : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

func.func private @make()
    -> (tensor<2x3xf32> {compress.name = "a"}, tensor<1x3xf32> {compress.name = "b"}) {
  %w = compress.load @w : tensor<2x3xf32>
  %v = compress.load @v : tensor<1x3xf32>
  return %w, %v : tensor<2x3xf32>, tensor<1x3xf32>
}

func.func private @unknown() -> (tensor<2x3xf32> {compress.name = "z"}) {
  %w = compress.load @w : tensor<2x3xf32>
  return %w : tensor<2x3xf32>
}

func.func private @opaque(%a: tensor<1xf32>) -> tensor<1xf32> {
  %0 = compress.onnx "Nonsense"(%a) {domain = "my.domain", version = 1 : i64, result_names = ["y"]}
      : (tensor<1xf32>) -> tensor<1xf32> loc("node_7")
  return %0 : tensor<1xf32>
}
