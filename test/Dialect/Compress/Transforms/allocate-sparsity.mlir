// RUN: %python %S/Inputs/make-statistics.py %t.st '{"a:input": {"channels": 4, "vectors": 4, "sum_squares": [4, 4, 4, 4]}, "b:input": {"channels": 4, "vectors": 4, "sum_squares": [40, 40, 40, 40]}, "c:input": {"channels": 4, "vectors": 4, "sum_squares": [0.4, 0.4, 0.4, 0.4]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-allocate-sparsity | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-allocate-sparsity --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// Nothing is left to share the second time.
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-allocate-sparsity --compress-allocate-sparsity | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-allocate-sparsity --compress-prune --remarks-filter-passed=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=PRUNED

// The 8 smallest of 16 weights of both: 1 to 5 and 0.1, 0.2, 0.3. Weights that no plan selects do not count.
// REMARK: Category:prune | Remark="8 of 16 weights in 2 tensors go, shares from 0.375 to 0.625, by one threshold for the scores of magnitude"
// PRUNED-DAG: weight 'a' of "a": unstructured:0.625
// PRUNED-DAG: weight 'b' of "b": unstructured:0.375
compress.weight private @a : tensor<2x4xf32> = dense<[[1.0, -8.0, 3.0, 7.0], [-5.0, 6.0, 4.0, 2.0]]>
compress.weight private @b : tensor<2x4xf32> = dense<[[0.1, 10.0, -11.0, 12.0], [0.2, -0.3, 13.0, 14.0]]>
compress.weight private @c : tensor<1x4xf32> = dense<0.01>
// CHECK-LABEL: func.func @one_threshold
func.func @one_threshold(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x1xf32>) {
  // CHECK: compress.linear {{.*}}#compress.plan<prune = "unstructured:0.625,method=magnitude,scope=layer">, name = "a"
  // CHECK: compress.linear {{.*}}#compress.plan<quantize = "int8", prune = "unstructured:0.375,method=magnitude,scope=layer">, name = "b"
  // CHECK: compress.linear {{.*}}#compress.plan<prune = "unstructured:0.5,method=magnitude">, name = "c"
  %a = compress.load @a : tensor<2x4xf32>
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=global">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<quantize = "int8", prune = "unstructured:0.5,method=magnitude,scope=global">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %c = compress.load @c : tensor<1x4xf32>
  %2 = compress.linear nk %x, %c {name = "c", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x1xf32>
}

// -----

// With the norms of the inputs, 1 for a and sqrt(10) for b, those of b win.
// REMARK: 8 of 16 weights in 2 tensors go, shares from 0.125 to 0.875, by one threshold for the scores of wanda
compress.weight private @a : tensor<2x4xf32> = dense<[[2.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]>
compress.weight private @b : tensor<2x4xf32> = dense<[[0.1, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]>
// CHECK-LABEL: func.func @scores_with_activations
func.func @scores_with_activations(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: prune = "unstructured:0.875,method=wanda,scope=layer">, name = "a"
  // CHECK: prune = "unstructured:0.125,method=wanda,scope=layer">, name = "b"
  %a = compress.load @a : tensor<2x4xf32>
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=wanda,scope=global">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<prune = "unstructured:0.5,method=wanda,scope=global">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// ISC: the most sensitive weight, b, keeps 0.75 of its weights, c keeps 0.25.
// REMARK: weight 'a' of "a": 4 of 8 weights go, sensitivity 1.000e+00
// REMARK: weight 'b' of "b": 2 of 8 weights go, sensitivity 1.000e+01
// REMARK: weight 'c' of "c": 6 of 8 weights go, sensitivity 1.000e-01
// REMARK: 12 of 24 weights in 3 tensors go, shares from 0.25 to 0.75, by mean squares of the inputs, since there are neither Hessian traces nor gradients
compress.weight private @a : tensor<2x4xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<0.5>
compress.weight private @c : tensor<2x4xf32> = dense<0.5>
// CHECK-LABEL: func.func @sensitivity
func.func @sensitivity(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: prune = "unstructured:0.5,method=magnitude,scope=row">, name = "a"
  // CHECK: prune = "unstructured:0.25,method=magnitude,scope=row">, name = "b"
  // CHECK: prune = "unstructured:0.75,method=magnitude,scope=row">, name = "c"
  %a = compress.load @a : tensor<2x4xf32>
  %0 = compress.linear nk %x, %a {name = "a", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=row,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  %1 = compress.linear nk %x, %b {name = "b", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=row,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %c = compress.load @c : tensor<2x4xf32>
  %2 = compress.linear nk %x, %c {name = "c", compress.plan = #compress.plan<prune = "unstructured:0.5,method=magnitude,scope=row,allocation=sensitivity,alpha=0.25">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
