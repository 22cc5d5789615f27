// RUN: compress-opt %s --compress-quantize=format=w8 --split-input-file --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --compress-quantize=format=int5 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not compress-opt %s --split-input-file --compress-quantize=format=aqlm 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not compress-opt %s --split-input-file --compress-quantize='format=int4 method=spinquant' 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not compress-opt %s --split-input-file --compress-quantize='format=int4 group=-2' 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: not compress-opt %s --split-input-file --compress-quantize='format=int4 group=32 granularity=tensor' 2>&1 | FileCheck %s --check-prefix=GRANULARITY
// RUN: not compress-opt %s --split-input-file --compress-quantize='format=int4 asymmetric convention=sym_restricted' 2>&1 | FileCheck %s --check-prefix=CONVENTION
// RUN: not compress-opt %s --split-input-file --compress-quantize='format=w8 activations=dynamic' 2>&1 | FileCheck %s --check-prefix=ACTIVATIONS

// UNKNOWN: error: quantize=int5,method=rtn: unknown format 'int5', did you mean 'int
// FORMAT: error: quantize=aqlm,method=rtn: recognised but not supported yet: format 'aqlm' (supported: int8, int6, int4,
// METHOD: error: quantize=int4,method=spinquant: recognised but not supported yet: method 'spinquant' (supported: auto, rtn, gptq,
// GROUP: error: quantize=int4,method=rtn,group=-2: group is '-2', expected a positive number, or -1 or 'channel'
// GRANULARITY: error: {{.*}}: granularity=tensor contradicts group=32
// CONVENTION: error: {{.*}}: convention=sym_restricted contradicts asymmetric
// ACTIVATIONS: error: {{.*}}: activations=dynamic contradicts the name of the format, which means activations=none

compress.weight private @nan : tensor<2x2xf32> = dense<[[1.0, 2.0], [0x7FC00000, 4.0]]>
func.func @invalid_nan(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @nan : tensor<2x2xf32>
  // expected-error @+1 {{cannot quantize weight 'nan': element 2 is not finite}}
  %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// An infinity in f16; a weight before it does not matter.
compress.weight private @fine : tensor<1x2xf16> = dense<1.0>
compress.weight private @inf : tensor<1x2xf16> = dense<[[1.0, 0xFC00]]>
func.func @invalid_infinity(%x: tensor<?x2xf16>) -> (tensor<?x1xf16>, tensor<?x1xf16>) {
  %v = compress.load @fine : tensor<1x2xf16>
  %z = compress.linear nk %x, %v : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
  %w = compress.load @inf : tensor<1x2xf16>
  // expected-error @+1 {{cannot quantize weight 'inf': element 1 is not finite}}
  %y = compress.linear nk %x, %w : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
  return %z, %y : tensor<?x1xf16>, tensor<?x1xf16>
}

// -----

compress.weight private @w : tensor<1x2xf32> = dense<1.0>
func.func @invalid_plan(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x2xf32>
  // expected-error @+2 {{quantize=int4,gruop=32: unknown key 'gruop', did you mean 'group'?}}
  %y = compress.linear nk %x, %w
     {compress.plan = #compress.plan<quantize = "int4,gruop=32">} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
