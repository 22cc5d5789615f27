// RUN: rm -rf %t && mkdir -p %t
// RUN: compress-opt %s --weights=sidecar -o %t/a.mlir
// RUN: FileCheck %s --check-prefix=SIDECAR < %t/a.mlir
// RUN: compress-opt %t/a.mlir --weights=inline -o %t/b.mlir
// RUN: FileCheck %s --check-prefix=INLINE < %t/b.mlir
// RUN: compress-opt %t/b.mlir --weights=sidecar -o %t/c.mlir
// RUN: cmp %t/a.safetensors %t/c.safetensors

// Elements of less than a byte are packed low bits first in every kind of storage.
// SIDECAR: @i3 : tensor<40960xi3> = #compress.file<"a.safetensors", {{[0-9]+}}, 15360, {{[0-9]+}}>
// SIDECAR: @i6 : tensor<20480xi6> = #compress.file<"a.safetensors", {{[0-9]+}}, 15360, {{[0-9]+}}>
// SIDECAR: @f4 : tensor<40960xf4E2M1FN> = #compress.file<"a.safetensors", {{[0-9]+}}, 20480, {{[0-9]+}}>
// SIDECAR: @f6 : tensor<20480xf6E3M2FN> = #compress.file<"a.safetensors", {{[0-9]+}}, 15360, {{[0-9]+}}>
// SIDECAR: @e8 : tensor<20480xf8E8M0FNU> = #compress.file<"a.safetensors", {{[0-9]+}}, 20480, {{[0-9]+}}>
// Codes 101, 111011, 0111, 001100 and 10000000, over and over.
// INLINE-DAG: i3: "0x{{........}}6DDBB66DDBB6
// INLINE-DAG: i6: "0x{{........}}FBBEEFFBBEEF
// INLINE-DAG: f4: "0x{{........}}777777777777
// INLINE-DAG: f6: "0x{{........}}0CC3300CC330
// INLINE-DAG: e8: "0x{{........}}808080808080
compress.weight private @i3 : tensor<40960xi3> = dense<-3>
compress.weight private @i6 : tensor<20480xi6> = dense<-5>
compress.weight private @f4 : tensor<40960xf4E2M1FN> = dense<6.0>
compress.weight private @f6 : tensor<20480xf6E3M2FN> = dense<1.0>
compress.weight private @e8 : tensor<20480xf8E8M0FNU> = dense<2.0>
func.func @main() -> (tensor<40960xi3>, tensor<20480xi6>, tensor<40960xf4E2M1FN>, tensor<20480xf6E3M2FN>, tensor<20480xf8E8M0FNU>) {
  %0 = compress.load @i3 : tensor<40960xi3>
  %1 = compress.load @i6 : tensor<20480xi6>
  %2 = compress.load @f4 : tensor<40960xf4E2M1FN>
  %3 = compress.load @f6 : tensor<20480xf6E3M2FN>
  %4 = compress.load @e8 : tensor<20480xf8E8M0FNU>
  return %0, %1, %2, %3, %4 : tensor<40960xi3>, tensor<20480xi6>, tensor<40960xf4E2M1FN>, tensor<20480xf6E3M2FN>, tensor<20480xf8E8M0FNU>
}
