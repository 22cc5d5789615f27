#!/usr/bin/env python3
"""Perplexity of language models after quantization and pruning, ours and onnxruntime's.

Calibration text and evaluation text are disjoint. Models run on the code that the compiler makes;
`vs fp32` is the perplexity over that of the unchanged model. Peers are onnxruntime's quantizers
with the settings of the reference table (block 32, int4, asymmetric).
"""

import time

import numpy as np

import common
from support import assets, models, protocols

# (name, flags, whether it needs calibration data)
CASES = (
    ("fp32", (), False),
    ("w8", ("--quantize=w8",), False),
    ("int8 dynamic", ("--quantize=int8,activations=dynamic",), False),
    ("int8 static", ("--quantize=int8",), True),
    ("int8 static smooth", ("--quantize=int8,method=smoothquant",), True),
    *(
        (f"int{bits} g{group} {method}", (f"--quantize=int{bits},group={group},asymmetric,method={method}",), method not in ("rtn", "hqq"))
        for bits, groups in ((4, (128, 32)), (3, (32,)), (2, (32,)))
        for group in groups
        for method in ("rtn", "hqq", "awq", "gptq", "gptaq", "adaround")
    ),
    ("int4 g32 gptq act_order", ("--quantize=int4,group=32,asymmetric,method=gptq,act_order",), True),
    ("int4 g32 awq+gptq", ("--quantize=int4,group=32,asymmetric,method=gptq,transform=awq",), True),
    ("int4 g32 sym gptq", ("--quantize=int4,group=32,method=gptq",), True),
    ("nf4", ("--quantize=nf4,method=rtn",), False),
    ("nf4 double", ("--quantize=nf4,double_quant,method=rtn",), False),
    ("mxfp4", ("--quantize=mxfp4,method=rtn",), False),
    ("nvfp4", ("--quantize=nvfp4,method=rtn",), False),
    ("fp8", ("--quantize=fp8",), False),
    ("w4a4 rtn", ("--quantize=w4a4,group=32,activations=dynamic,method=rtn",), False),
    ("w4a4 quarot", ("--quantize=w4a4,group=32,activations=dynamic,method=quarot",), True),
    ("mixed 5.2 bits", ("--quantize=mixed:avg=5.2,formats=int4/int8/fp16",), True),
    *(
        (f"prune {pattern} {method}", (f"--prune={pattern},method={method}",), True)
        for pattern in ("2:4", "unstructured:0.5")
        for method in ("magnitude", "wanda", "ria", "sparsegpt", "isc", "alps")
    ),
    *(
        (f"low rank params={share} {method} {sensitivity}", (f"--low-rank=budget:params={share},method={method},sensitivity={sensitivity}",), True)
        for share in (0.8, 0.6)
        for sensitivity in ("output", "model")
        for method in ("svd", "asvd", "drone", "svd_llm")
    ),
    ("low rank ratio=0.6 svd_llm", ("--low-rank=ratio:0.6",), True),
    ("lqer rank 16 int3 g32", ("--low-rank=rank:16,residual=lqer", "--quantize=int3,group=32,method=rtn"), True),
    ("svdquant rank 16 int3 g32", ("--low-rank=rank:16,residual=svdquant", "--quantize=int3,group=32,method=rtn"), True),
    *((f"codebook {k}", (f"--share=codebook:{k}",), False) for k in (256, 16, 8)),
    ("codebook 16 channel", ("--share=codebook:16,scope=channel",), False),
    ("additive 2x8 bits, dim 8", ("--share=codebook:256,dim=8,codebooks=2",), True),
    ("layers 3", ("--share=layers:3",), False),
    ("prune 2:4 wanda, least squares", ("--prune=2:4,method=wanda,update=least_squares",), True),
    ("prune 2:4 sparsegpt + int4 g32 gptq", ("--prune=2:4,method=sparsegpt", "--quantize=int4,group=32,method=gptq"), True),
)


def calibration_windows(name, count=64):
    """Windows of calibration tokens: int64 [count, length]."""
    if name == "stories260K":
        path = assets.model_path("stories260K/selfgen_tokens.u16")
        return np.fromfile(path, "<u2").astype(np.int64).reshape(96, 256)[:32]
    path = assets.model_path(f"{name}/calib_tokens.u16")
    length = protocols.text_windows(name).shape[1]
    tokens = np.fromfile(path, "<u2").astype(np.int64)
    return tokens[: count * length].reshape(count, length)


def evaluate(compressor, model, name, flags, needs_data, base):
    """One line of the table; returns the perplexity."""
    if needs_data:
        data = calibration_windows(model.task)
        flags = (*flags, f"--calibration={compressor.calibration(model.name, {'input_ids': data})}")
    start = time.perf_counter()
    if flags:
        module, _ = compressor.compress(model.path, *flags)
    else:
        module, _ = compressor.compress(model.path, "--pass-pipeline=builtin.module()")
    seconds = time.perf_counter() - start
    value = protocols.evaluate(model.task, compressor.session(module, model.path))
    size = common.stored_bytes(module)
    ratio = f"{100 * (value / base - 1):+8.2f} %" if base else " " * 10
    print(f"{model.name:18} {name:26} {value:10.3f} {ratio} {size / 1e6:8.3f} MB {seconds:7.1f} s", flush=True)
    return value


def print_peers(model):
    """The peers' numbers of the shared reference table."""
    for name, value in assets.reference(model.name).items():
        if isinstance(value, dict) and "value" in value and value.get("metric") == "ppl":
            print(f"{model.name:18} peer {name:28} {value['value']:10.3f} {value['bytes'] / 1e6:19.3f} MB")


def main():
    options = common.parse(__doc__)
    compressor = common.Compressor(options.build)
    print(f"{'model':18} {'weights':26} {'perplexity':>10} {'vs fp32':>10} {'stored':>11} {'compress':>9}")
    for model in models.MODELS:
        if model.task not in ("shakespeare_llama", "stories260K") or model.path is None:
            continue
        if model.name.endswith("torchscript") or options.models and model.name not in options.models.split(","):
            continue
        base = None
        for name, flags, needs_data in CASES:
            if name != "fp32" and options.only not in name:
                continue
            try:
                value = evaluate(compressor, model, name, flags, needs_data, base)
            except AssertionError as error:
                print(f"{model.name:18} {name:26} failed: {str(error).strip().splitlines()[-1]}", flush=True)
                continue
            base = base or value
        if not options.no_peer:
            print_peers(model)


if __name__ == "__main__":
    main()
