// RUN: compress-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'compress.weight' op expects a static shape whose size fits into 63 bits, got 'tensor<?xf32>'}}
compress.weight private @invalid_c1_dynamic : tensor<?xf32> = dense_resource<blob>

// -----

// expected-error @+1 {{expects a static shape whose size fits into 63 bits, got 'tensor<99999999999x99999999999xf32>'}}
compress.weight private @invalid_c1_overflow : tensor<99999999999x99999999999xf32> = dense_resource<blob>

// -----

// expected-error @+1 {{'compress.weight' op expects a dense, dense_resource or #compress.file value, got 1}}
"compress.weight"() <{sym_name = "invalid_c2_kind", type = tensor<2xf32>, value = 1 : i64}> : () -> ()

// -----

// expected-error @+1 {{expects a value of type 'tensor<2xf32>', got 'tensor<3xf32>'}}
"compress.weight"() <{sym_name = "invalid_c2_type", type = tensor<2xf32>, value = dense<1.0> : tensor<3xf32>}> : () -> ()

// -----

// expected-error @+1 {{expects a blob of 8 bytes, but resource 'missing' has none}}
compress.weight private @invalid_c3_missing : tensor<2xf32> = dense_resource<missing>

// -----

// Four bits each: five codes need three bytes.
// expected-error @+1 {{expects a blob of 3 bytes for 'tensor<5xi4>', got one of 2}}
compress.weight private @invalid_c3_size : tensor<5xi4> = dense_resource<short>
{-#
  dialect_resources: {
    builtin: {
      short: "0x010000000102"
    }
  }
#-}

// -----

// A bool takes a byte.
// expected-error @+1 {{expects 9 bytes of file 'w.bin' for 'tensor<9xi1>', got 2}}
compress.weight private @invalid_c4 : tensor<9xi1> = #compress.file<"w.bin", 0, 2, 0>

// -----

// expected-error @+1 {{expected a non-negative 64-bit integer}}
compress.weight private @invalid_file_offset : tensor<1xi8> = #compress.file<"w.bin", -1, 1, 0>

// -----

// expected-error @+1 {{expects offset + length to fit into 64 bits}}
compress.weight private @invalid_file_range : tensor<1xi8> = #compress.file<"w.bin", 18446744073709551615, 1, 0>

// -----

// expected-error @+1 {{expects a file path}}
compress.weight private @invalid_file_path : tensor<1xi8> = #compress.file<"", 0, 1, 0>

// -----

func.func @invalid_load_c1() {
  // expected-error @+1 {{'compress.load' op expects the symbol of a compress.weight, got @missing}}
  %0 = compress.load @missing : tensor<2xf32>
  return
}

// -----

func.func @invalid_load_c1_kind() {
  // expected-error @+1 {{expects the symbol of a compress.weight, got @invalid_load_c1_kind}}
  %0 = compress.load @invalid_load_c1_kind : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{the weight is here}}
compress.weight private @w : tensor<2xf32> = dense<1.0>
func.func @invalid_load_c2() {
  // expected-error @+1 {{expects the weight's type 'tensor<2xf32>', got 'tensor<2xf64>'}}
  %0 = compress.load @w : tensor<2xf64>
  return
}

// -----

func.func @invalid_onnx_c1(%x: tensor<2xf32>) {
  // expected-error @+1 {{'compress.onnx' op expects one result name per result, got 0 names for 1 results}}
  %0 = compress.onnx "Relu"(%x) {result_names = [], version = 17 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid_onnx_c2() {
  // expected-error @+1 {{expects one body name per region, got 0 names for 1 regions}}
  compress.onnx "Loop"() {result_names = [], version = 17 : i64} : () -> () {
    compress.yield
  }
  return
}

// -----

func.func @invalid_onnx_c2_pair() {
  // expected-error @+1 {{expects body names to be two strings and maybe a dictionary, got ["body"]}}
  compress.onnx "Loop"() {result_names = [], body_names = [["body"]], version = 17 : i64} : () -> () {
    compress.yield
  }
  return
}

// -----

func.func @invalid_onnx_c2_info() {
  // expected-error @+1 {{expects body names to be two strings and maybe a dictionary, got ["body", "b", {inputs = ["x"]}]}}
  compress.onnx "Loop"() {result_names = [], body_names = [["body", "b", {inputs = ["x"]}]], version = 17 : i64} : () -> () {
    compress.yield
  }
  return
}

// -----

func.func @invalid_onnx_c3() {
  // expected-error @+1 {{expects each region to end in compress.yield}}
  compress.onnx "Loop"() {result_names = [], body_names = [["body", "b"]], version = 17 : i64} : () -> () {
    %0 = compress.none
  }
  return
}

// -----

func.func @invalid_onnx_c3_empty() {
  // expected-error @+1 {{expects each region to end in compress.yield}}
  compress.onnx "Loop"() {result_names = [], body_names = [["body", "b"]], version = 17 : i64} : () -> () {
  ^bb0(%i: tensor<i64>):
  }
  return
}

// -----

// expected-error @+1 {{quantize=int5: unknown format 'int5'}}
func.func private @invalid_plan() attributes {x = #compress.plan<quantize = "int5">}

// -----

// expected-error @+1 {{prune=wanda: pattern is 'wanda', expected N:M}}
func.func private @invalid_plan_prune() attributes {x = #compress.plan<prune = "wanda">}
