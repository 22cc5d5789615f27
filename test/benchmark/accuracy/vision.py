#!/usr/bin/env python3
"""Top-1 accuracy and signal-to-noise ratio of image models after quantization, ours and peers'.

64 evenly spaced images calibrate, the others are evaluated. `SNR` compares the outputs with those of
the unchanged model, in dB; `agree` counts equal top-1. The peer is onnxruntime's static quantizer
(QDQ, uint8 activations, int8 weights per channel) with the same operator types and its own
pre-processing.
"""

import time

import numpy as np

import common
from support import models, protocols, runtime

STATIC = "--quantize=int8,activations=static"
CASES = (
    ("W8A8 static min-max", (STATIC,), True),
    ("W8A8 static min-max, bias", (STATIC + ",bias_correction",), True),
    ("W8A8 static min-max, smooth 0.8", (STATIC + ",method=smoothquant,alpha=0.8",), True),
    ("W8A8 static gptq", (STATIC + ",method=gptq",), True),
    ("W8A8 static percentile", (STATIC + ",activation_range=percentile",), True),
    ("W8A8 static mse", (STATIC + ",activation_range=mse",), True),
    ("W8A8 static mse, bias", (STATIC + ",activation_range=mse,bias_correction",), True),
    ("W8A8 static mse, smooth", (STATIC + ",activation_range=mse,method=smoothquant",), True),
    ("W8A8 static entropy", (STATIC + ",activation_range=entropy",), True),
    ("W8A8 dynamic", ("--quantize=int8,activations=dynamic",), False),
    ("w8", ("--quantize=w8",), False),
    ("int4 rtn", ("--quantize=int4,method=rtn",), False),
    ("int4 gptq", ("--quantize=int4,method=gptq",), True),
    ("int4 g32 asym gptq", ("--quantize=int4,group=32,asymmetric,method=gptq",), True),
    ("W4A4 rtn", ("--quantize=w4a4,activations=static,activation_range=mse,method=rtn",), True),
    ("W4A4 adaround", ("--quantize=w4a4,activations=static,activation_range=mse,method=adaround,bias_correction",), True),
    *(
        (f"low rank params={share} {method} {sensitivity}", (f"--low-rank=budget:params={share},method={method},sensitivity={sensitivity}",), True)
        for share in (0.8, 0.6)
        for sensitivity in ("output", "model")
        for method in ("svd", "asvd", "drone", "svd_llm")
    ),
    *(
        (f"codebook {k} {method}", (f"--share=codebook:{k},method={method}",), False)
        for k in (256, 32, 16)
        for method in ("exact", "lloyd")
    ),
    ("codebook 16 channel", ("--share=codebook:16,scope=channel",), False),
    *(
        (f"prune {pattern} {method}", (f"--prune={pattern},method={method}",), True)
        for pattern in ("2:4", "unstructured:0.5")
        for method in ("magnitude", "wanda", "sparsegpt", "alps")
    ),
)
PEERS = {
    "squeezenet": [["Conv"], None],
    "resnet20": [["Conv", "Gemm"], None],
    "vit_tiny": [["MatMul", "Gemm", "Conv"], ["MatMul"]],
}


def split(model, count=64):
    """(calibration images, evaluation images, their labels)."""
    inputs, labels = protocols.images_of(model.task)
    chosen = np.linspace(0, len(inputs) - 1, count).astype(int)
    rest = np.setdiff1d(np.arange(len(inputs)), chosen)
    return inputs[chosen], inputs[rest], labels[rest]


def report(model, name, outputs, reference, labels, size, seconds):
    predicted = outputs.argmax(-1)
    print(
        f"{model.name:12} {name:36} {100 * (predicted == labels).mean():6.2f} % "
        f"{100 * (predicted == reference.argmax(-1)).mean():6.1f} % "
        f"{common.signal_to_noise(reference, outputs):6.1f} dB {size / 1e6:8.3f} MB {seconds:6.1f} s",
        flush=True,
    )


class Reader:
    """Calibration data for onnxruntime."""

    def __init__(self, name, images):
        self._samples = iter([{name: image[None]} for image in images])

    def get_next(self):
        return next(self._samples, None)


def quantize_with_peer(compressor, model, images, op_types):
    """The path of what onnxruntime's static quantizer makes."""
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = compressor.folder / f"{model.name}_prepared.onnx"
    if not prepared.exists():
        quant_pre_process(str(model.path), str(prepared), skip_symbolic_shape=True)
    output = compressor.folder / f"{model.name}_peer.onnx"
    name = onnx.load(str(model.path), load_external_data=False).graph.input[0].name
    quantization.quantize_static(
        str(prepared),
        str(output),
        Reader(name, images),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=op_types,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    return output


def main():
    options = common.parse(__doc__)
    compressor = common.Compressor(options.build)
    print(f"{'model':12} {'weights':36} {'top-1':>8} {'agree':>8} {'SNR':>9} {'stored':>11} {'compress':>8}")
    for model in models.MODELS:
        if model.name not in PEERS or model.path is None:
            continue
        if options.models and model.name not in options.models.split(","):
            continue
        calibration, inputs, labels = split(model)
        session = runtime.session(model.path)
        reference = common.run_all(session, inputs)
        report(model, "fp32", reference, reference, labels, model.path.stat().st_size, 0)
        data = compressor.calibration(model.name, {session.get_inputs()[0].name: calibration})
        for name, flags, needs_data in CASES:
            if options.only not in name:
                continue
            flags = (*flags, f"--calibration={data}") if needs_data else flags
            start = time.perf_counter()
            try:
                module, _ = compressor.compress(model.path, *flags)
                seconds = time.perf_counter() - start
                outputs = common.run_all(compressor.session(module, model.path), inputs)
            except AssertionError as error:
                print(f"{model.name:12} {name:36} failed: {str(error).strip().splitlines()[-1]}", flush=True)
                continue
            report(model, name, outputs, reference, labels, common.stored_bytes(module), seconds)
        for op_types in [] if options.no_peer else PEERS[model.name]:
            start = time.perf_counter()
            path = quantize_with_peer(compressor, model, calibration, op_types)
            seconds = time.perf_counter() - start
            outputs = common.run_all(runtime.session(path), inputs)
            name = "onnxruntime " + ("all ops" if op_types is None else "/".join(op_types))
            report(model, name, outputs, reference, labels, path.stat().st_size, seconds)


if __name__ == "__main__":
    main()
