// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s
// RUN: compress-translate --export-onnx --form=dense %s -o %t.dense.onnx
// RUN: compress-translate --import-onnx %t.dense.onnx | FileCheck %s --check-prefix=DENSE

// Tables of blocks, and codes of vectors. Tables lie one after the other; where that of an element begins is added to
// its code.

// DENSE-NOT: "Gather"
// DENSE: return
module {
  compress.weight private @row.q : tensor<4x6xui4> = dense<3>
  compress.weight private @row.t : tensor<4x1x16xf32> = dense<0.5>
  compress.weight private @group.q : tensor<6x4xui4> = dense<3>
  compress.weight private @group.t : tensor<2x4x16xf32> = dense<0.25>
  compress.weight private @group.s : tensor<1x4xf32> = dense<2.0>
  compress.weight private @product.q : tensor<4x2x1xui8> = dense<3>
  compress.weight private @product.t : tensor<2x1x256x2xf32> = dense<0.5>
  compress.weight private @sum.q : tensor<2x4x2xui16> = dense<3>
  compress.weight private @sum.t : tensor<1x2x5x4xf32> = dense<0.5>
  compress.weight private @sum.s : tensor<1x4xf32> = dense<0.5>
  // CHECK-DAG: compress.weight private @row.t : tensor<64xf32>
  // CHECK-DAG: compress.weight private @row.q : tensor<4x6xui4>
  // Rows of the table are 16 entries apart.
  // CHECK-DAG: compress.weight private @offsets_of_1_in_4_by_16_1 : tensor<4x1xi32> = dense<{{\[\[}}0], [16], [32], [48]]>
  // Four groups of columns, and two of three rows.
  // CHECK-DAG: compress.weight private @group.t : tensor<128xf32>
  // CHECK-DAG: compress.weight private @offsets_of_1_in_4_by_16 : tensor<4xi32> = dense<[0, 16, 32, 48]>
  // CHECK-DAG: compress.weight private @offsets_of_3_in_6_by_64_1 : tensor<6x1xi32> = dense<{{\[\[}}0], [0], [0], [64], [64], [64]]>
  // CHECK-DAG: compress.weight private @product.t : tensor<512x2xf32>
  // CHECK-DAG: compress.weight private @offsets_of_1_in_2_by_256_1 : tensor<2x1xi32> = dense<{{\[\[}}0], [256]]>
  // CHECK-DAG: compress.weight private @sum.t : tensor<10x4xf32>
  // CHECK-DAG: compress.weight private @sum.q : tensor<2x4x2xui16>
  // CHECK-DAG: compress.weight private @offsets_of_1_in_2_by_5 : tensor<2xi32> = dense<[0, 5]>

  // CHECK-LABEL: func.func @main
  func.func @main(%x: tensor<?x4xf32> {compress.name = "x"}) -> tensor<?x4xf32> {
    // CHECK: %[[C:.*]] = compress.onnx "Cast"
    // CHECK: %[[I:.*]] = compress.onnx "Add"(%[[C]], %{{.*}})
    // CHECK: %[[W:.*]] = compress.onnx "Gather"(%{{.*}}, %[[I]])
    // CHECK: compress.onnx "MatMul"(%{{.*}}, %[[W]])
    %0 = compress.load @row.q : tensor<4x6xui4>
    %1 = compress.load @row.t : tensor<4x1x16xf32>
    %2 = compress.lookup %0, %1 {table_block = array<i64: 1, -1>} : (tensor<4x6xui4>, tensor<4x1x16xf32>) -> tensor<4x6xf32>
    %3 = compress.linear kn %x, %2 : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
    // CHECK: %[[C1:.*]] = compress.onnx "Cast"
    // CHECK: %[[I1:.*]] = compress.onnx "Add"(%[[C1]], %{{.*}})
    // CHECK: %[[I2:.*]] = compress.onnx "Add"(%[[I1]], %{{.*}})
    // CHECK: %[[V1:.*]] = compress.onnx "Gather"(%{{.*}}, %[[I2]])
    // CHECK: %[[W1:.*]] = compress.onnx "Mul"(%[[V1]], %{{.*}})
    // CHECK: compress.onnx "MatMul"(%{{.*}}, %[[W1]])
    %4 = compress.load @group.q : tensor<6x4xui4>
    %5 = compress.load @group.t : tensor<2x4x16xf32>
    %6 = compress.load @group.s : tensor<1x4xf32>
    %7 = compress.lookup %4, %5, %6 {block = array<i64: -1, 1>, table_block = array<i64: 3, 1>} : (tensor<6x4xui4>, tensor<2x4x16xf32>, tensor<1x4xf32>) -> tensor<6x4xf32>
    %8 = compress.linear kn %3, %7 : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
    // Vectors of two along the last dim, which a Reshape makes rows of.
    // CHECK: %[[C2:.*]] = compress.onnx "Cast"
    // CHECK: %[[I3:.*]] = compress.onnx "Add"(%[[C2]], %{{.*}})
    // CHECK: %[[B:.*]] = compress.onnx "Gather"(%[[I3]], %{{.*}})
    // CHECK: %[[V2:.*]] = compress.onnx "Gather"(%{{.*}}, %[[B]])
    // CHECK: %[[W2:.*]] = compress.onnx "Reshape"(%[[V2]], %{{.*}})
    // CHECK: compress.onnx "{{MatMul|Gemm|Transpose}}"({{.*}}%[[W2]]
    %9 = compress.load @product.q : tensor<4x2x1xui8>
    %10 = compress.load @product.t : tensor<2x1x256x2xf32>
    %11 = compress.lookup_vectors %9, %10 {axis = 1} : (tensor<4x2x1xui8>, tensor<2x1x256x2xf32>) -> tensor<4x4xf32>
    %12 = compress.linear nk %8, %11 : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    // Vectors of four along the first dim, and a sum of two codebooks.
    // CHECK: %[[I4:.*]] = compress.onnx "Add"
    // CHECK: %[[B0:.*]] = compress.onnx "Gather"(%[[I4]], %{{.*}})
    // CHECK: %[[V3:.*]] = compress.onnx "Gather"(%{{.*}}, %[[B0]])
    // CHECK: %[[B1:.*]] = compress.onnx "Gather"(%[[I4]], %{{.*}})
    // CHECK: %[[V4:.*]] = compress.onnx "Gather"(%{{.*}}, %[[B1]])
    // CHECK: %[[S:.*]] = compress.onnx "Add"(%[[V3]], %[[V4]])
    // CHECK: %[[M:.*]] = compress.onnx "Transpose"(%[[S]])
    // CHECK: %[[R:.*]] = compress.onnx "Reshape"(%[[M]], %{{.*}})
    // CHECK: compress.onnx "Mul"(%[[R]], %{{.*}})
    %13 = compress.load @sum.q : tensor<2x4x2xui16>
    %14 = compress.load @sum.t : tensor<1x2x5x4xf32>
    %15 = compress.load @sum.s : tensor<1x4xf32>
    %16 = compress.lookup_vectors %13, %14, %15 {axis = 0, block = array<i64: -1, 1>} : (tensor<2x4x2xui16>, tensor<1x2x5x4xf32>, tensor<1x4xf32>) -> tensor<8x4xf32>
    %17 = compress.concat %12, %12 {axis = 1} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
    %18 = compress.linear kn %17, %16 : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
    return %18 : tensor<?x4xf32>
  }
}
