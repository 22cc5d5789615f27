// RUN: compress-opt %s --compress-insert-fake-quant='format=nf4 group=4' | FileCheck %s --check-prefix=NF4
// RUN: compress-opt %s --compress-insert-fake-quant='format=fp8_e4m3' | FileCheck %s --check-prefix=FP8
// RUN: compress-opt %s --compress-insert-fake-quant='format=mxfp4' | FileCheck %s --check-prefix=MXFP4
// RUN: compress-opt %s --compress-insert-fake-quant='format=binary' | FileCheck %s --check-prefix=BINARY
// RUN: compress-opt %s --compress-insert-fake-quant='format=palette more=bits=2' | FileCheck %s --check-prefix=PALETTE
// RUN: compress-opt %s --compress-insert-fake-quant='format=fp16' --remarks-filter=fake-quant 2>&1 | FileCheck %s --check-prefix=FP16

compress.weight private @w : tensor<2x4xf32> = dense<[[1.0, -2.0, 3.0, -6.0], [0.5, 0.25, -0.5, 1.0]]>
func.func @linear(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // NF4: compress.fake_quantize %{{.+}}, %{{.+}} as ui4 table %{{.+}} {block = array<i64: 1, 4>} : (tensor<2x4xf32>, tensor<2x1xf32>, tensor<16xf32>) -> tensor<2x4xf32>
  // FP8: compress.fake_quantize %{{.+}}, %{{.+}} as f8E4M3FN {block = array<i64: 1, -1>}
  // MXFP4: compress.fake_quantize %{{.+}}, %{{.+}} as f4E2M1FN
  // BINARY: compress.fake_quantize %{{.+}}, %{{.+}} as {{u?}}i1 table %{{.+}}
  // PALETTE: compress.fake_quantize %{{.+}}, %{{.+}} as ui2 table %{{.+}} : (tensor<2x4xf32>, tensor<f32>, tensor<4xf32>) -> tensor<2x4xf32>
  // FP16: weight of "fc" is left alone: the format fp16 has no fake quantization
  // FP16-NOT: fake_quantize
  %w = compress.load @w : tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
