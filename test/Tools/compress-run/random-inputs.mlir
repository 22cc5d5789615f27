// The same seed makes the same inputs.
// RUN: compress-run %s --random-inputs=n=1000 > %t.1
// RUN: compress-run %s --random-inputs=n=1000 --seed 0 > %t.2
// RUN: compress-run %s --random-inputs=n=1000 --seed 7 > %t.3
// RUN: diff %t.1 %t.2
// RUN: not diff %t.1 %t.3
// RUN: FileCheck %s < %t.1
// RUN: FileCheck %s < %t.3

// CHECK: floats: f32[1000] min -0.99{{[0-9]+}} max 0.99{{[0-9]+}} mean
// CHECK-NEXT: integers: i64[1000] min 0 max 3 mean 1.{{[45]}}
// CHECK-NEXT: small: i8[4] min {{[0-3]}} max {{[0-3]}} mean

// Sizes that nobody gives are 1.
// RUN: compress-run %s --random-inputs | FileCheck %s --check-prefix=ONE
// ONE: floats: f32[1] min

func.func @main(%a: tensor<?xf32> {compress.name = "a", compress.dims = ["n"]},
                %b: tensor<?xi64> {compress.name = "b", compress.dims = ["n"]},
                %c: tensor<4xi8> {compress.name = "c"})
    -> (tensor<?xf32> {compress.name = "floats"}, tensor<?xi64> {compress.name = "integers"},
        tensor<4xi8> {compress.name = "small"}) {
  return %a, %b, %c : tensor<?xf32>, tensor<?xi64>, tensor<4xi8>
}
