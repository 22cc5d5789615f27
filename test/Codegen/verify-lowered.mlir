// RUN: compress-opt %s --compress-verify-lowered --split-input-file --verify-diagnostics

compress.weight @w : tensor<2xf32> = dense<0.0>
llvm.func @lowered(%x: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}

// -----

// expected-error @+1 {{'func.func' op was not lowered to the LLVM dialect}}
func.func private @invalid_function()

// -----

llvm.func @invalid_op(%x: i64) -> i64 {
  // expected-error @+1 {{was not lowered to the LLVM dialect}}
  %0 = builtin.unrealized_conversion_cast %x : i64 to index
  %1 = builtin.unrealized_conversion_cast %0 : index to i64
  llvm.return %1 : i64
}
