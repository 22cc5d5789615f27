// RUN: compress-opt %s --compress-apply-recipe='quantize=int8' --verify-diagnostics
// RUN: not compress-opt %s --compress-apply-recipe=recipe=%S/Inputs/unknown-key.yaml 2>&1 | FileCheck %s --check-prefix=KEY
// RUN: not compress-opt %s --compress-apply-recipe=recipe=%S/Inputs/unsupported-method.yaml 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not compress-opt %s --compress-apply-recipe=recipe=%S/Inputs/missing.yaml 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not compress-opt %s --compress-apply-recipe=quantize=int4,grup=32 2>&1 | FileCheck %s --check-prefix=FLAG
// RUN: not compress-opt %s --compress-apply-recipe=prune=2 2>&1 | FileCheck %s --check-prefix=PATTERN

// KEY: error: {{.*}}unknown-key.yaml:2:3: unknown key 'quantise', did you mean 'quantize'?
// METHOD: error: {{.*}}unsupported-method.yaml:2:{{[0-9]+}}: recognised but not supported yet: method 'spinquant' (supported: auto, rtn
// MISSING: error: {{.*}}missing.yaml
// FLAG: error: --quantize=int4,grup=32: unknown key 'grup', did you mean 'group'?
// PATTERN: error: --prune=2: pattern is '2', expected N:M

// expected-warning @below {{rule 1 of the recipe selects nothing: the module has 1 weighted ops}}
module {
  compress.weight private @tok : tensor<8x4xf32> = dense<1.0>
  func.func @nothing_selected(%i: tensor<?xi64>) -> tensor<?x4xf32> {
    %t = compress.load @tok : tensor<8x4xf32>
    %x = compress.embedding %t, %i {name = "tok"} : (tensor<8x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
    return %x : tensor<?x4xf32>
  }
}
