// Methods that need statistics, on an MLP of 3 neurons whose weights are
//   up   | 1  0 |   down | 2 2 1 |
//        | 0  2 |        | 0 1 1 |
//        | 1 -1 |
// RUN: %python %S/Inputs/make-statistics.py %t.st '{"up:input": {"channels": 2, "sum": [0, 0], "sum_abs": [0, 0], "sum_squares": [100, 1]}, "down:input": {"channels": 3, "sum": [2, 4, 6], "sum_abs": [2, 4, 6], "sum_squares": [4, 10, 18]}, "up:weight": {"gradient": [[1, 1], [1, -1], [4, 1]], "gradient_squares": [[1, 1], [1, 1], [4, 4]]}, "down:weight": {"gradient": [[0.5, 2, -1], [0, -4, 1]], "gradient_squares": [[1, 1, 1], [1, 1, 1]]}}'

// wanda, |w| * norm of the input: rows of up 1*10, 2*1, 1*10 + 1*1; columns of down 2*2, 3*sqrt(10), 2*sqrt(18).
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=wanda --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,WANDA
// WANDA: removes 1 of 3 neurons of "up" (scores 11.49 to 19.49)
// WANDA: @up.mask : tensor<3x1xi1> = dense<{{\[}}[true], [false], [true]]>

// flap, Var(x) * norm of the column squared: variances 1, 1, 0 times 4, 5, 2. The bias takes in
// the mean of what is removed: column 2 times 3.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=flap,bias_compensation=true --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,FLAP
// FLAP: removes 1 of 3 neurons of "up" (scores 0 to 5)
// FLAP-DAG: @up.mask : tensor<3x1xi1> = dense<{{\[}}[true], [true], [false]]>
// FLAP-DAG: @down.bias.corrected : tensor<2xf32> = dense<3.000000e+00>

// taylor, |w g|: rows 1, 2, 4+1; columns 1, 4+4, 1+1.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,TAYLOR
// TAYLOR: removes 1 of 3 neurons of "up" (scores 2 to 10)
// TAYLOR: @up.mask : tensor<3x1xi1> = dense<{{\[}}[false], [true], [true]]>

// taylor_vector, |sum of w g|: rows 1, 2, 4-1; columns 1, |4-4|, |-1+1|.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor_vector --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,VECTOR
// VECTOR: removes 1 of 3 neurons of "up" (scores 2 to 3)
// VECTOR: @up.mask : tensor<3x1xi1> = dense<{{\[}}[true], [false], [true]]>

// taylor2, w^2 E[g^2]: rows 1, 4, 4+4; columns 4, 4+1, 1+1.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor2 --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,SECOND
// SECOND: removes 1 of 3 neurons of "up" (scores 5 to 10)

// taylor_mixed, |w g - w^2 E[g^2] / 2|: rows 0.5, |-2-2|, 2+|-1-2|; columns |1-2|, 2+|-4-0.5|,
// |-1-0.5|+0.5.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor_mixed --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,MIXED
// MIXED: removes 1 of 3 neurons of "up" (scores 1.5 to 10.5)

// Only the first weight, and the largest of the weights' scores.
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor,reduce=first --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,FIRST
// FIRST: removes 1 of 3 neurons of "up" (scores 1 to 5)
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor,reduce=max --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,MAX
// MAX: removes 1 of 3 neurons of "up" (scores 1 to 8)
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor,reduce=mean --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,MEAN
// MEAN: removes 1 of 3 neurons of "up" (scores 1 to 5)
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-mask-groups=prune=neuron:0.34,method=taylor,reduce=prod --remarks-filter=prune 2>&1 | FileCheck %s --check-prefixes=CHECK,PROD
// PROD: removes 1 of 3 neurons of "up" (scores 1 to 16)

// What a method needs and is not there.
// RUN: not compress-opt %s --compress-mask-groups=prune=neuron:0.34,method=taylor 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: cannot score "up": the gradient of its weight is not known: there are no statistics
// RUN: not compress-opt %s --compress-mask-groups=prune=neuron:0.34,method=wanda 2>&1 | FileCheck %s --check-prefix=NO-NORM
// NO-NORM: error: cannot score "up": the norm of its input channels is not known: there are no statistics
// RUN: %python %S/Inputs/make-statistics.py %t.part '{"up:weight": {"gradient": [[1, 1], [1, -1], [4, 1]]}, "down:input": {"channels": 2, "sum": [0, 0], "sum_squares": [1, 1]}}'
// RUN: not compress-opt %s --compress-load-statistics=file=%t.part --compress-mask-groups=prune=neuron:0.34,method=taylor2 2>&1 | FileCheck %s --check-prefix=NO-SQUARES
// NO-SQUARES: error: cannot score "up": the gradient of its weight is not known: entry 'up:weight' has no 'gradient_squares'
// RUN: not compress-opt %s --compress-load-statistics=file=%t.part --compress-mask-groups=prune=neuron:0.34,method=taylor 2>&1 | FileCheck %s --check-prefix=NO-ENTRY
// NO-ENTRY: error: cannot score "down": the gradient of its weight is not known: the statistics have no entry 'down:weight'
// RUN: not compress-opt %s --compress-load-statistics=file=%t.part --compress-mask-groups=prune=neuron:0.34,method=flap 2>&1 | FileCheck %s --check-prefix=CHANNELS
// CHANNELS: error: cannot score "down": the variance of its input channels is not known: entry 'down:input' has 2 channels instead of 3
// RUN: %python %S/Inputs/make-statistics.py %t.shape '{"up:weight": {"gradient": [[1, 1, 4], [1, -1, 1]]}}'
// RUN: not compress-opt %s --compress-load-statistics=file=%t.shape --compress-mask-groups=prune=neuron:0.34,method=taylor 2>&1 | FileCheck %s --check-prefix=SHAPE
// SHAPE: error: cannot score "up": the gradient of its weight is not known: entry 'up:weight' is 2x3 instead of 3x2

compress.weight private @up : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 2.0], [1.0, -1.0]]>
compress.weight private @down : tensor<2x3xf32> = dense<[[2.0, 2.0, 1.0], [0.0, 1.0, 1.0]]>
// CHECK-LABEL: func.func @mlp
func.func @mlp(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // FLAP: compress.linear nk %{{.+}}, %down bias %down.bias.corrected
  %w0 = compress.load @up : tensor<3x2xf32>
  %w1 = compress.load @down : tensor<2x3xf32>
  %0 = compress.linear nk %x, %w0 {name = "up"} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  %1 = compress.relu %0 : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %2 = compress.linear nk %1, %w1 {name = "down"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}
