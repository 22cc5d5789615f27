// The metric is the part of the weights that are not stored in 4 bits: it drops by one half for every layer that is.
// RUN: rm -rf %t && mkdir %t
// RUN: compress-opt %s --quantize=int4,method=rtn --max-drop=60% --metric='%python %S/Inputs/count-floats.py {model}' -o %t/one.mlir --report=%t/one.json 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: FileCheck %s --check-prefix=MODEL < %t/one.mlir
// RUN: FileCheck %s --check-prefix=JSON < %t/one.json
// RUN: compress-opt %t/one.mlir -o /dev/null
// Nothing else is left in the folder.
// RUN: ls %t | count 2

// Of both, fc2 has the larger error.
// ONE: trial 1: 0 layers left alone, metric 0, drop 100.000%: too much
// ONE: trial 2: 1 layers left alone, metric 0.5, drop 50.000%: holds
// ONE: largest errors: fc1
// ONE: left alone for accuracy: fc2
// MODEL-DAG: compress.weight private @a.q : tensor<1x4xi4>
// MODEL-DAG: compress.weight private @b : tensor<1x4xf32>
// JSON: "accuracy_gate": {
// JSON: "max_drop": "60%",
// JSON: "original_metric": 1,
// JSON: "passed": true,
// JSON: "best": 1,
// JSON: "excluded": [{{$}}
// JSON-NEXT: "fc2"

// Enough at once.
// RUN: compress-opt %s --quantize=int4,method=rtn --max-drop=1 --metric='%python %S/Inputs/count-floats.py {model}' -o %t/all.mlir 2>&1 | FileCheck %s --check-prefix=ALL
// ALL: trial 1: 0 layers left alone, metric 0, drop 1: holds
// ALL-NOT: trial

// Missed after one trial: exit code 4, and the model is there.
// RUN: sh -c 'compress-opt %s --quantize=int4,method=rtn --max-drop=0.1 --max-trials=1 --metric="%python %S/Inputs/count-floats.py {model}" -o %t/missed.mlir 2> %t/missed.txt; test $? = 4'
// RUN: FileCheck %s --check-prefix=MISSED < %t/missed.txt
// RUN: test -f %t/missed.mlir
// MISSED: compress-opt: --max-drop=0.1 is missed: the best of 1 trials drops by 1; it is in '{{.*}}missed.mlir'

// Lower is better: everything is an improvement.
// RUN: compress-opt %s --quantize=int4,method=rtn --max-drop=0% --metric-direction=lower --metric='%python %S/Inputs/count-floats.py {model}' -o %t/lower.mlirbc 2>&1 | FileCheck %s --check-prefix=LOWER
// LOWER: trial 1: 0 layers left alone, metric 0, drop -100.000%: holds

// A command that fails for the compressed model: nothing is written.
// RUN: not compress-opt %s --quantize=int4 --max-drop=1 --metric='grep -q "@a.q" {model} && exit 7; echo 1' -o %t/failed.mlir 2>&1 | FileCheck %s --check-prefix=FAILED
// RUN: not test -e %t/failed.mlir
// FAILED: compress-opt: metric command {{.*}} failed with exit code 7

// RUN: not compress-opt %s --quantize=int4 --max-drop=1% --metric='echo high # {model}' -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=NUMBER
// NUMBER: must print the metric, a finite number, on its last line, got 'high'
// RUN: not compress-opt %s --quantize=int4 --max-drop=1% --metric='echo 0 # {model}' -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: a drop in percent has no meaning: the metric of the original model is 0
// RUN: not compress-opt %s --quantize=int4 --max-drop=1% --metric='sleep 100; echo {model}' --metric-timeout=1 -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=SLOW
// SLOW: took more than 1 seconds (--metric-timeout)
// RUN: not compress-opt %s --quantize=int4 --max-drop=-1 --metric='echo {model}' -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=DROP
// DROP: --max-drop: expects a number that is not negative, such as 0.5% (of the original's metric) or 0.01, got '-1'
// RUN: not compress-opt %s --quantize=int4 --max-drop=1 -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: --max-drop and --metric need each other
// RUN: not compress-opt %s --quantize=int4 --max-drop=1 --metric='echo {model}' 2>&1 | FileCheck %s --check-prefix=OUTPUT
// OUTPUT: --max-drop needs -o with a file
// RUN: not compress-opt %s --max-drop=1 --metric='echo {model}' -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=RECIPE
// RECIPE: --max-drop needs --quantize, --prune, --low-rank, --share or --recipe
// RUN: not compress-opt %s --quantize=int4 --max-drop=1 --metric='echo {model}' --metric-direction=up -o %t/x.mlir 2>&1 | FileCheck %s --check-prefix=DIRECTION
// DIRECTION: --metric-direction: expects higher or lower, got 'up'

compress.weight private @a : tensor<1x4xf32> = dense<[[8.0, 0.2, 0.2, 0.2]]>
compress.weight private @b : tensor<1x4xf32> = dense<[[8.0, 0.4, 0.4, 0.4]]>
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %a = compress.load @a : tensor<1x4xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %y = compress.linear nk %x, %a {name = "fc1"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %z = compress.linear nk %x, %b {name = "fc2"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}
