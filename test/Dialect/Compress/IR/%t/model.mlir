// A file is read from the folder of the module; hash 0 means unchecked.
// RUN: rm -rf %t && mkdir -p %t/sub && cp %s %t/model.mlir && printf abcdefgh > %t/sub/w.bin
// RUN: compress-opt %t/model.mlir --compress-fold-decode --split-input-file --verify-diagnostics | FileCheck %s

// "cdef" is 0x63 0x64 0x65 0x66.
// CHECK: compress.weight private @w.dense : tensor<2x2xf32> = dense<{{\[\[}}9.900000e+01, 1.000000e+02], [1.010000e+02, 1.020000e+02]]>
compress.weight private @w : tensor<2x2xi8> = #compress.file<"sub/w.bin", 2, 4, 0>
compress.weight private @s : tensor<f32> = dense<1.0>
func.func @read() -> tensor<2x2xf32> {
  %q = compress.load @w : tensor<2x2xi8>
  %s = compress.load @s : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  return %w : tensor<2x2xf32>
}

// -----

compress.weight private @w : tensor<2x2xi8> = #compress.file<"sub/w.bin", 5, 4, 0>
compress.weight private @s : tensor<f32> = dense<1.0>
func.func @invalid_range() -> tensor<2x2xf32> {
  %q = compress.load @w : tensor<2x2xi8>
  %s = compress.load @s : tensor<f32>
  // expected-error @+1 {{weight file is too short: }}
  %w = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  return %w : tensor<2x2xf32>
}

// -----

compress.weight private @w : tensor<2x2xi8> = #compress.file<"sub/w.bin", 0, 4, 12345>
compress.weight private @s : tensor<f32> = dense<1.0>
func.func @invalid_hash() -> tensor<2x2xf32> {
  %q = compress.load @w : tensor<2x2xi8>
  %s = compress.load @s : tensor<f32>
  // expected-error @+1 {{bytes 0 to 4 of file 'sub/w.bin' have changed: expects content hash 12345, got }}
  %w = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  return %w : tensor<2x2xf32>
}

// -----

compress.weight private @w : tensor<1xi8> = #compress.file<"../w.bin", 0, 1, 0>
compress.weight private @s : tensor<f32> = dense<1.0>
func.func @invalid_folder() -> tensor<1xf32> {
  %q = compress.load @w : tensor<1xi8>
  %s = compress.load @s : tensor<f32>
  // expected-error @+1 {{cannot read weight file: }}
  %w = compress.dequantize %q, %s : (tensor<1xi8>, tensor<f32>) -> tensor<1xf32>
  return %w : tensor<1xf32>
}

// -----

compress.weight private @w : tensor<1xi8> = #compress.file<"missing.bin", 0, 1, 0>
compress.weight private @s : tensor<f32> = dense<1.0>
func.func @invalid_missing() -> tensor<1xf32> {
  %q = compress.load @w : tensor<1xi8>
  %s = compress.load @s : tensor<f32>
  // expected-error @+1 {{cannot read weight file: }}
  %w = compress.dequantize %q, %s : (tensor<1xi8>, tensor<f32>) -> tensor<1xf32>
  return %w : tensor<1xf32>
}
