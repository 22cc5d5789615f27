#!/usr/bin/env python3
"""Times of native code beside onnxruntime's, on the acceptance models.

Each line is a model, an input and a form of its weights. Both sides run the same numbers: for the
compressed forms onnxruntime runs the ONNX file that compress-opt writes with the same flags, with
its default options. A round starts one process for each side, in turn (ABBA ...); every process
runs the model once more and then for about --seconds, and reports its least and median time. The
table has the least and the median over the rounds of these, onnxruntime's least time over ours,
the same against onnxruntime's fp32, and the time to compile.
"""

import argparse
import dataclasses
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/Integration"))

from support import models, native  # noqa: E402
from support.tool import DONE, Tools  # noqa: E402

# (model, shape of the input)
CASES = (
    ("shakespeare_llama", (1, 256)),
    ("shakespeare_llama", (1, 1)),
    ("shakespeare_llama_torchscript", (1, 256)),
    ("shakespeare_moe", (1, 192)),
    ("shakespeare_moe", (1, 1)),
    ("stories260K", (1, 256)),
    ("stories260K", (1, 1)),
    ("vit_tiny", (1, 3, 224, 224)),
    ("squeezenet", (1, 3, 227, 227)),
    ("resnet20", (1, 3, 32, 32)),
    ("mnist_resdw", (1, 1, 28, 28)),
)
VARIANTS = {
    "fp32": (),
    "w8": ("--quantize=w8",),
    "int4": ("--quantize=int4,group=32",),
    "int8": ("--quantize=int8",),
}


def run_peer(path, inputs, threads, repeat):
    """Times of onnxruntime; what a process of this script with --peer prints."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    with np.load(inputs) as archive:
        values = dict(archive)
    session.run(None, values)
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        session.run(None, values)
        times.append(1e3 * (time.perf_counter() - begin))
    print(json.dumps({"min_ms": min(times), "median_ms": statistics.median(times)}))


def measure(command):
    """The line of JSON that a process prints."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != DONE:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


@dataclasses.dataclass
class Times:
    """Milliseconds over the rounds."""

    least: float
    median: float

    @staticmethod
    def of(lines):
        return Times(
            min(line["min_ms"] for line in lines),
            statistics.median(line["median_ms"] for line in lines),
        )


def compare(ours, peer, rounds, seconds):
    """Times of two commands, which take a number of repetitions last."""
    commands = (ours, peer)
    repeats = []
    for command in commands:
        once = measure([*command, 3])["min_ms"] / 1e3
        repeats.append(int(min(max(seconds / once, 3), 2000)))
    lines = ([], [])
    for index in range(rounds):
        for side in (0, 1) if index % 2 == 0 else (1, 0):
            lines[side].append(measure([*commands[side], repeats[side]]))
    return Times.of(lines[0]), Times.of(lines[1])


def compile_times(compilation):
    """Milliseconds of compiling, as the plan says."""
    return float(re.search(r"^compile: ([\d.]+) ms$", compilation.stdout, re.M)[1])


def main():
    names = [model.name for model in models.MODELS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--models", help=f"comma-separated, of: {', '.join(names)}")
    parser.add_argument("--variants", help=f"comma-separated, of: {', '.join(VARIANTS)}")
    parser.add_argument("--threads", default="1,2", help="comma-separated (default: 1,2)")
    parser.add_argument("--repeat", type=int, default=4, help="rounds of each comparison")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each process")
    parser.add_argument("--target", default="host", help="as for compress-run")
    parser.add_argument("--peer", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        path, inputs, threads, repeat = options.peer
        return run_peer(path, inputs, int(threads), int(repeat))

    chosen = options.models.split(",") if options.models else names
    variants = options.variants.split(",") if options.variants else list(VARIANTS)
    for name in {*chosen} - {*names} | {*variants} - {*VARIANTS}:
        parser.error(f"there is no model or variant '{name}'")
    tools = Tools(options.build.resolve())

    print(
        f"{'model':30}{'input':>14} {'weights':8}{'threads':>7}"
        f"{'ours: min':>11}{'median':>9}{'onnxruntime: min':>18}{'median':>9}"
        f"{'ratio':>7}{'of fp32':>9}{'compile':>10}   (ms)"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiled = {}
        for model_name, shape in CASES:
            model = dataclasses.replace(models.BY_NAME[model_name], shape=shape)
            if model_name not in chosen or model.path is None:
                continue
            for threads in map(int, options.threads.split(",")):
                plain = None
                for variant in variants:
                    flags = VARIANTS[variant]
                    archive = folder / f"{model_name}-{variant}.cmpr"
                    export = model.path if not flags else archive.with_suffix(".onnx")
                    if archive not in compiled:
                        target = f"--target={options.target}"
                        compiled[archive] = compile_times(
                            native.compile_model(
                                tools, model.path, archive, *flags, target, "--print-plan"
                            )
                        )
                        if flags:
                            tools.optimize(model.path, export, *flags)
                    inputs = folder / "in.npz"
                    np.savez(inputs, **{native.input_names(model.path)[0]: model.random_input()})
                    tool = [tools.path("compress-run"), archive, "--inputs", inputs]
                    ours, peer = compare(
                        [*tool, "--threads", threads, "--repeat"],
                        [sys.executable, __file__, "--peer", export, inputs, threads],
                        options.repeat,
                        options.seconds,
                    )
                    plain = peer.least if variant == "fp32" else plain
                    against = f"{plain / ours.least:9.2f}" if plain else f"{'':9}"
                    print(
                        f"{model_name:30}{'x'.join(map(str, shape)):>14} {variant:8}{threads:7}"
                        f"{ours.least:11.3f}{ours.median:9.3f}{peer.least:18.3f}{peer.median:9.3f}"
                        f"{peer.least / ours.least:7.2f}{against}{compiled[archive]:10.0f}",
                        flush=True,
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
