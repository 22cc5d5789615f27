// RUN: not compress-opt %s --quantize=int5 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: compress-opt: --quantize=int5: unknown format 'int5', did you mean 'int8'?

// RUN: not compress-opt %s --quantize=aqlm 2>&1 | FileCheck %s --check-prefix=LATER
// LATER: compress-opt: --quantize=aqlm: recognised but not supported yet: format 'aqlm'

// RUN: not compress-opt %s --quantize=int4,method=gptq 2>&1 | FileCheck %s --check-prefix=DATA
// DATA: compress-opt: method=gptq needs calibration data or statistics; use --calibration=DATA or --statistics=FILE

// RUN: not compress-opt %s --prune=4:2 2>&1 | FileCheck %s --check-prefix=PATTERN
// PATTERN: expected N:M with 1 <= N < M

// RUN: not compress-opt %s --quantize=int4 --cse 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not compress-opt %s --prune=2:4 --pass-pipeline='builtin.module(cse)' 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: --quantize, --prune, --low-rank, --share and --recipe cannot be combined with passes

// RUN: not compress-opt %s --report=%t.json 2>&1 | FileCheck %s --check-prefix=REPORT
// REPORT: --report needs --quantize, --prune, --low-rank, --share or --recipe

// RUN: not compress-opt %s --dim=batch=1 2>&1 | FileCheck %s --check-prefix=DIM
// DIM: --dim needs an .onnx input

// RUN: not compress-opt %s --form=int4 -o %t.onnx 2>&1 | FileCheck %s --check-prefix=FORM
// FORM: --form: expects qdq, matmulnbits or dense, got 'int4'

// RUN: not compress-opt %s --memory-limit=lots 2>&1 | FileCheck %s --check-prefix=LIMIT
// LIMIT: --memory-limit: expects a size such as 4GB, got 'lots'

// RUN: not compress-opt %s --low-rank=rank:4,method=drone 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: low rank with method=drone needs calibration data or statistics; use --calibration=DATA

// RUN: not compress-opt %s --share=codebok:4 2>&1 | FileCheck %s --check-prefix=SHARE
// SHARE: --share=codebok:4: unknown kind 'codebok', did you mean 'codebook'?

// A recipe that selects nothing is a warning, and the file is written.
// RUN: compress-opt %s --quantize=int4 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: warning: rule 1 of the recipe selects nothing: the module has 0 weighted ops

func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  return %x : tensor<2x4xf32>
}
