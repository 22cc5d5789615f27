// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"channels": 4, "vectors": 1, "sum_squares": [100, 1, 1, 4]}, "fc:weight": {"gradient": [[9, 1, 1, -3], [1, 1, 1, 3]], "gradient_squares": [[4, 1, 0, 1], [0, 1, 9, 4]]}, "two:input": {"channels": 2, "vectors": 4, "sum_squares": [2, 2], "groups": 1, "features": 2, "gram_vectors": 4, "gram": [[[2, 1], [1, 2]]]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune --compress-verify-chains | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// Pruning again changes nothing.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-prune --compress-prune | FileCheck %s

// REMARK: weight 'wanda' of "fc": 2:4 wanda
// REMARK: weight 'two.alps' of "two": 1:2 alps

// |w| times the norms 10, 1, 1, 2: 10, 4, 3, 4 and 80, 7, 6, 10.
// CHECK-DAG: @wanda.kept : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, -4.000000e+00], [8.000000e+00, 5.000000e+00]]>
compress.weight private @wanda : tensor<2x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0], [8.0, -7.0, 6.0, 5.0]]>
// Shares of rows (10, 26) and columns (9, 11, 9, 7), times roots of the norms: 0.67, 0.76, 0.63, 0.69 and 3.78, 0.91, 0.90, 1.28.
// CHECK-DAG: @ria.kept : tensor<2x2xf32> = dense<{{\[\[}}-4.000000e+00, 2.000000e+00], [8.000000e+00, 5.000000e+00]]>
compress.weight private @ria : tensor<2x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0], [8.0, -7.0, 6.0, 5.0]]>
// As wanda, with the whole layer in one: the two smallest of eight, 4 (the higher index) and 3.
// CHECK-DAG: @obd.kept : tensor<6xf32> = dense<[1.000000e+00, -4.000000e+00, 8.000000e+00, -7.000000e+00, 6.000000e+00, 5.000000e+00]>
compress.weight private @obd : tensor<2x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0], [8.0, -7.0, 6.0, 5.0]]>
// |w g|: 9, 4, 3, 6 and 8, 7, 6, 15.
// CHECK-DAG: @taylor.kept : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00], [8.000000e+00, 5.000000e+00]]>
compress.weight private @taylor : tensor<2x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0], [8.0, -7.0, 6.0, 5.0]]>
// w^2 times roots 2, 1, 0, 1, 0, 1, 3, 2 over 3: per row 0.67, 5.3, 0, 1.3 and 0, 16.3, 36, 16.7.
// CHECK-DAG: @zero.kept : tensor<4xf32> = dense<[-4.000000e+00, 2.000000e+00, 6.000000e+00, 5.000000e+00]>
compress.weight private @zero : tensor<2x4xf32> = dense<[[1.0, -4.0, 3.0, 2.0], [8.0, -7.0, 6.0, 5.0]]>

// H = [[2, 1], [1, 2]]: what takes the place of 1 in column 0 is 1/2 in column 1. The last column has nobody left to
// take its place when columns go in order; else 2 in column 1 becomes 1 in column 0.
// CHECK-DAG: @two.sparsegpt.kept : tensor<2x1xf32> = dense<{{\[\[}}3.500000e+00], [4.000000e+00]]>
compress.weight private @two.sparsegpt : tensor<2x2xf32> = dense<[[1.0, 3.0], [4.0, 2.0]]>
// CHECK-DAG: @two.isc.kept : tensor<2x1xf32> = dense<{{\[\[}}3.500000e+00], [4.000000e+00]]>
compress.weight private @two.isc : tensor<2x2xf32> = dense<[[1.0, 3.0], [4.0, 2.0]]>
// CHECK-DAG: @two.obs.kept : tensor<2x1xf32> = dense<{{\[\[}}3.500000e+00], [5.000000e+00]]>
compress.weight private @two.obs : tensor<2x2xf32> = dense<[[1.0, 3.0], [4.0, 2.0]]>
// CHECK-DAG: @two.squares.kept : tensor<2x1xf32> = dense<{{\[\[}}3.500000e+00], [5.000000e+00]]>
compress.weight private @two.squares : tensor<2x2xf32> = dense<[[1.0, 3.0], [4.0, 2.0]]>
// CHECK-DAG: @two.sequential.kept : tensor<2x1xf32> = dense<{{\[\[}}3.500000e+00], [4.000000e+00]]>
compress.weight private @two.sequential : tensor<2x2xf32> = dense<[[1.0, 3.0], [4.0, 2.0]]>
// CHECK-DAG: @two.alps.kept : tensor<2x1xf32> = dense<{{\[\[}}3.{{5|4999}}{{.*}}], [{{5.0|4.9999}}{{.*}}]]>
compress.weight private @two.alps : tensor<2x2xf32> = dense<[[1.0, 3.0], [4.0, 2.0]]>

// Values are rounded to the type of the weight, or of its storage.
// CHECK-DAG: @half.kept : tensor<2x1xf16> = dense<{{\[\[}}3.500000e+00], [4.000000e+00]]>
// CHECK-DAG: @stored.bf16{{.*}} : tensor<2x1xbf16> = dense<{{\[\[}}3.500000e+00], [4.000000e+00]]>
compress.weight private @half : tensor<2x2xf16> = dense<[[1.0, 3.0], [4.0, 2.0]]>
compress.weight private @stored : tensor<2x2xbf16> = dense<[[1.0, 3.0], [4.0, 2.0]]>

// CHECK-LABEL: func.func @scores
func.func @scores(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w0 = compress.load @wanda : tensor<2x4xf32>
  %0 = compress.linear nk %x, %w0 {name = "fc", compress.plan = #compress.plan<prune = "2:4,method=wanda">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %w1 = compress.load @ria : tensor<2x4xf32>
  %1 = compress.linear nk %x, %w1 {name = "fc", compress.plan = #compress.plan<prune = "2:4,method=ria">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %w2 = compress.load @obd : tensor<2x4xf32>
  %2 = compress.linear nk %x, %w2 {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.25,method=obd">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %w3 = compress.load @taylor : tensor<2x4xf32>
  %3 = compress.linear nk %x, %w3 {name = "fc", compress.plan = #compress.plan<prune = "2:4,method=taylor">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %w4 = compress.load @zero : tensor<2x4xf32>
  %4 = compress.linear nk %x, %w4 {name = "fc", compress.plan = #compress.plan<prune = "unstructured:0.5,method=pruner_zero">} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %0, %1, %2, %3, %4 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

func.func @new_values(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w0 = compress.load @two.sparsegpt : tensor<2x2xf32>
  %0 = compress.linear nk %x, %w0 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=sparsegpt,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w1 = compress.load @two.isc : tensor<2x2xf32>
  %1 = compress.linear nk %x, %w1 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=isc,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w2 = compress.load @two.obs : tensor<2x2xf32>
  %2 = compress.linear nk %x, %w2 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=obs,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w3 = compress.load @two.squares : tensor<2x2xf32>
  %3 = compress.linear nk %x, %w3 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=magnitude,update=least_squares,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w4 = compress.load @two.sequential : tensor<2x2xf32>
  %4 = compress.linear nk %x, %w4 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=wanda,update=obs,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w5 = compress.load @two.alps : tensor<2x2xf32>
  %5 = compress.linear nk %x, %w5 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=alps,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

func.func @half_precision(%x: tensor<?x2xf16>, %z: tensor<?x2xf32>) -> (tensor<?x2xf16>, tensor<?x2xf32>) {
  %w0 = compress.load @half : tensor<2x2xf16>
  %0 = compress.linear nk %x, %w0 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=sparsegpt,damping=0">} : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf16>
  %s = compress.load @stored : tensor<2x2xbf16>
  %w1 = compress.cast %s : (tensor<2x2xbf16>) -> tensor<2x2xf32>
  %1 = compress.linear nk %z, %w1 {name = "two", compress.plan = #compress.plan<prune = "1:2,method=sparsegpt,damping=0">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf16>, tensor<?x2xf32>
}
