// RUN: compress-opt %s --compress-outline-blocks | FileCheck %s
// RUN: compress-opt %s --compress-outline-blocks='granularity=block' | FileCheck %s --check-prefix=BLOCK
// RUN: compress-opt %s --compress-outline-blocks='granularity=block share=false' | FileCheck %s --check-prefix=OWN
// RUN: compress-opt %s --compress-outline-blocks='granularity=block' --compress-outline-blocks --remarks-filter=outline 2>&1 >/dev/null | FileCheck %s --check-prefix=TWICE
// RUN: not compress-opt %s --compress-outline-blocks='granularity=op' 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not compress-opt %s --compress-outline-blocks='function=other' 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: compress-opt %s --compress-outline-blocks='function=single' --remarks-filter=outline 2>&1 >/dev/null | FileCheck %s --check-prefix=SINGLE

// Put together again, the functions compute what the whole does.
// RUN: compress-run %s --random-inputs=batch=5 --outputs=%t.whole.npz
// RUN: compress-opt %s --compress-outline-blocks --inline -o %t.layer.mlir
// RUN: compress-run %t.layer.mlir --random-inputs=batch=5 --outputs=%t.layer.npz
// RUN: cmp %t.whole.npz %t.layer.npz
// RUN: compress-opt %s --compress-outline-blocks='granularity=block' --inline -o %t.block.mlir
// RUN: compress-run %t.block.mlir --random-inputs=batch=5 --outputs=%t.block.npz
// RUN: cmp %t.whole.npz %t.block.npz

// WRONG: error: compress-outline-blocks: expected layer or block as the option 'granularity', found 'op'
// OTHER: error: compress-outline-blocks: the module has no function 'other'
// TWICE: function 'main' is 4 calls of 3 functions
// TWICE: function 'main' stays whole: it has been outlined before
// SINGLE: function 'single' stays whole: there is nothing to cut

compress.weight private @w1 : tensor<4x4xf32> = dense<[[0.5, 0.25, 0.0, 1.0], [0.0, -0.5, 1.0, 0.0], [0.25, 0.0, 0.5, 0.0], [1.0, 0.0, 0.0, -1.0]]>
compress.weight private @w2 : tensor<4x4xf32> = dense<0.25>
compress.weight private @h : tensor<2x4xf32> = dense<[[1.0, -1.0, 0.5, 0.0], [0.0, 1.0, 1.0, 2.0]]>

// A cut before each weighted op; the sum needs the input of the linear op before.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.+]]: tensor<?x4xf32>
// CHECK-NEXT: %[[E:.+]] = call @main_block_0(%[[X]])
// CHECK-NEXT: %[[A:.+]] = call @main_block_1(%[[E]])
// CHECK-NEXT: %[[B:.+]] = call @main_block_2(%[[A]])
// CHECK-NEXT: %[[Y:.+]] = call @main_block_3(%[[B]])
// CHECK-NEXT: return %[[Y]]
// CHECK-LABEL: func.func private @main_block_0
// CHECK-NEXT: compress.neg
// CHECK-NEXT: return
// CHECK-LABEL: func.func private @main_block_1
// CHECK-NEXT: %[[W:.+]] = compress.load @w1
// CHECK-NEXT: %[[L:.+]] = compress.linear nk %arg0, %[[W]] {name = "fc1"}
// CHECK-NEXT: %[[R:.+]] = compress.relu %[[L]]
// CHECK-NEXT: compress.add %[[R]], %arg0
// CHECK-LABEL: func.func private @main_block_2
// CHECK: name = "fc2"
// CHECK-LABEL: func.func private @main_block_3
// CHECK: name = "head"

// Two equal blocks are one function.
// BLOCK-LABEL: func.func @main
// BLOCK-DAG: %[[W1:.+]] = compress.load @w1
// BLOCK-DAG: %[[W2:.+]] = compress.load @w2
// BLOCK: %[[E:.+]] = call @main_block_0(%{{.+}})
// BLOCK-NEXT: %[[A:.+]] = call @main_block_1(%[[E]], %[[W1]])
// BLOCK-NEXT: %[[B:.+]] = call @main_block_1(%[[A]], %[[W2]])
// BLOCK-NEXT: %[[Y:.+]] = call @main_block_2(%[[B]])
// BLOCK-NEXT: return %[[Y]]
// BLOCK-LABEL: func.func private @main_block_1
// BLOCK-SAME: (%[[X:.+]]: tensor<?x4xf32>, %[[W:.+]]: tensor<4x4xf32>) -> tensor<?x4xf32> attributes {compress.block}
// BLOCK-NEXT: compress.linear nk %[[X]], %[[W]] {name = "fc1"}
// BLOCK-LABEL: func.func private @main_block_2
// BLOCK-NEXT: compress.load @h
// BLOCK-NOT: @main_block_3

// OWN-LABEL: func.func @main
// OWN: call @main_block_1
// OWN-NEXT: call @main_block_2
// OWN-NEXT: call @main_block_3
// OWN-LABEL: func.func private @main_block_2
// OWN-NEXT: compress.load @w2
func.func @main(%x: tensor<?x4xf32> {compress.name = "x", compress.dims = ["batch", ""]}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %w1 = compress.load @w1 : tensor<4x4xf32>
  %w2 = compress.load @w2 : tensor<4x4xf32>
  %h = compress.load @h : tensor<2x4xf32>
  %0 = compress.neg %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %w1 {name = "fc1"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %2 = compress.relu %1 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = compress.add %2, %0 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %4 = compress.linear nk %3, %w2 {name = "fc2"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %5 = compress.relu %4 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %6 = compress.add %5, %3 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %7 = compress.linear nk %6, %h {name = "head"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %7 : tensor<?x2xf32>
}

func.func private @single(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %h = compress.load @h : tensor<2x4xf32>
  %0 = compress.linear nk %x, %h {name = "only"} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}
