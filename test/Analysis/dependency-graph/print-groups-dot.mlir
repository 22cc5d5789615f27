// RUN: compress-opt %s --compress-print-groups=format=dot -o /dev/null 2>&1 | FileCheck %s
// RUN: compress-opt %s --compress-print-groups='format=dot output=%t.dot' -o /dev/null
// RUN: FileCheck %s --input-file=%t.dot
// RUN: not compress-opt %s --compress-print-groups=format=svg -o /dev/null 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not compress-opt %s --compress-print-groups=output=%t.none/groups.txt -o /dev/null 2>&1 | FileCheck %s --check-prefix=OUTPUT

// Names are escaped.

compress.weight private @a : tensor<3x4xf32> = dense<0.5>
compress.weight private @b : tensor<4x2xf32> = dense<0.5>

func.func @main(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<3x4xf32>
  %b = compress.load @b : tensor<4x2xf32>
  %0 = compress.linear kn %x, %a {name = "a \"quoted\" \\ name\0A"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear kn %0, %b {name = "b"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK: digraph groups {
// CHECK-NEXT: rankdir=LR;
// CHECK-NEXT: node [shape=box];
// CHECK-NEXT: subgraph cluster_0 {
// CHECK-NEXT: label="group 0: channel, 3 units, blocked: an argument of the model (func.func \"main\"), 1 entry";
// CHECK-NEXT: color=red;
// CHECK-NEXT: g0_0 [label="input dim 0 of linear \"a \"quoted\" \\ name \" (weight @a, 1 index per unit)"];
// CHECK-NEXT: }
// CHECK-NEXT: subgraph cluster_1 {
// CHECK-NEXT: label="group 1: neuron, 4 units, prunable, 2 entries";
// CHECK-NEXT: color=green;
// CHECK-NEXT: g1_0 [label="output dim 1 of linear \"a \"quoted\" \\ name \" (weight @a, 1 index per unit)"];
// CHECK-NEXT: g1_1 [label="input dim 0 of linear \"b\" (weight @b, 1 index per unit)"];
// CHECK-NEXT: g1_0 -> g1_1;
// CHECK-NEXT: }
// CHECK-NEXT: subgraph cluster_2 {
// CHECK-NEXT: label="group 2: channel, 2 units, blocked: a result of the model (func.return), 1 entry";
// CHECK-NEXT: color=red;
// CHECK-NEXT: g2_0 [label="output dim 1 of linear \"b\" (weight @b, 1 index per unit)"];
// CHECK-NEXT: }
// CHECK-NEXT: }

// FORMAT: error: expects the format text, dot or json, got 'svg'
// OUTPUT: error: groups cannot be written: cannot open output file {{.*}}groups.txt
