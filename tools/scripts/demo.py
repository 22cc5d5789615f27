#!/usr/bin/env python3
"""Compresses a small language model, compiles it to machine code and runs it.

One table: float32, int8, int4, and int4 with 2:4 sparsity, each with the size of the file and of
the weights of its linear layers, perplexity on held-out text, speed on one core, and a line of
generated text. The first line is onnxruntime with the float32 model; the others run the code that
compress-run makes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/Integration"))

from support import graph, native, protocols  # noqa: E402
from support.tool import Tools  # noqa: E402

FOLDER = ROOT / "test/models/shakespeare_llama"
MODEL = FOLDER / "model.onnx"
PROMPT = "ROMEO:\n"
TOKENS = 24
# Tokens given at a time, and how often a process runs them.
LENGTHS = {256: 20, 1: 300}
ROUNDS = 3

VARIANTS = (
    ("fp32", []),
    ("int8", ["--quantize=w8"]),
    ("int4", ["--quantize=int4,group=32"]),
    ("int4 + 2:4", ["--quantize=int4,group=32", "--prune=2:4"]),
)


def shorten(path):
    """A path as a user in the root of the tree would write it."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def compress(tool, flags, output):
    """Runs compress-opt; returns the command as text, or ends the demo with the tool's message."""
    command = [tool, MODEL, *flags, "-o", output]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nfailed ({done.returncode}):\n{done.stderr}")
    return " ".join(shorten(part) if isinstance(part, Path) else part for part in command)


def linear_bytes(path, selected):
    """Stored bytes of the weights, with their scales, of the nodes named in `selected`."""
    loaded = graph.Graph(path)
    weights = [weight for weight in loaded.weights() if weight.node.name in selected]
    return loaded.bytes_of(name for weight in weights for name in weight.stored)


def generate(session):
    """What the model continues the prompt with, always taking the likeliest token, on one line."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokens = tokenizer.encode(PROMPT).ids
    start = len(tokens)
    for _ in range(TOKENS):
        logits = session.run(None, {"input_ids": np.array([tokens], np.int64)})[0]
        tokens.append(int(logits[0, -1].argmax()))
    return " ".join(tokenizer.decode(tokens[start:]).split())


class Peer:
    """onnxruntime on one core."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(MODEL), options, providers=["CPUExecutionProvider"]
        )

    def time(self, inputs, repeat):
        with np.load(inputs) as archive:
            values = dict(archive)
        times = []
        for _ in range(repeat + 1):
            begin = time.perf_counter()
            self.session.run(None, values)
            times.append(time.perf_counter() - begin)
        return 1e3 * min(times)


class Native:
    """Code that compress-run made, on one core."""

    def __init__(self, tools, flags):
        self.session = native.Session(tools, MODEL, *flags, threads=1)

    def time(self, inputs, repeat):
        return json.loads(self.session.time(inputs, repeat))["min_ms"]


def fastest(contenders, windows, folder):
    """Least milliseconds by contender and length; all take turns, so that all have equal chances."""
    times = {}
    for length, repeat in LENGTHS.items():
        inputs = folder / f"{length}.npz"
        np.savez(inputs, input_ids=windows[:1, :length])
        for index in range(ROUNDS):
            for name in list(contenders)[:: 1 if index % 2 == 0 else -1]:
                now = contenders[name].time(inputs, repeat)
                times[name, length] = min(now, times.get((name, length), now))
    return times


def size(count):
    """A number of bytes for people."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--output", type=Path, help="keep the compressed models in this folder")
    options = parser.parse_args()
    tools = Tools(options.build.resolve())

    original = graph.Graph(MODEL)
    selected = {weight.node.name for weight in graph.selected_weights(original)}
    before = linear_bytes(MODEL, selected)
    windows = protocols.text_windows("shakespeare_llama")

    with tempfile.TemporaryDirectory() as scratch:
        folder = options.output or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        contenders = {"onnxruntime": Peer()}
        files, commands = {"onnxruntime": MODEL}, []
        for name, flags in VARIANTS:
            files[name] = MODEL
            if flags:
                files[name] = folder / f"{name.replace(' + ', '-').replace(':', 'of')}.onnx"
                command = compress(tools.path("compress-opt"), flags, files[name])
                commands.append(command.replace(f"{folder}/", ""))
            contenders[name] = Native(tools, flags)
        times = fastest(contenders, windows, Path(scratch))

        print("A LLaMA of 1.3 M parameters, trained on Shakespeare (RoPE, RMSNorm, SwiGLU, GQA):\n")
        print(f"{'':52}{'-- 256 tokens --':>20}{'--- 1 token ---':>19}")
        header = (
            f"{'':12}{'file':>9}{'linear weights':>18}{'perplexity':>12}"
            f"{'ms':>9}{'tokens/s':>10}{'ms':>9}{'tokens/s':>10}   after \"ROMEO:\""
        )
        print(header + "\n" + "-" * (len(header) + 38))
        for name, contender in contenders.items():
            weights = linear_bytes(files[name], selected)
            linear = f"{size(weights)} ({before / weights:.1f}x)"
            speed = "".join(
                f"{times[name, length]:9.3g}{1e3 * length / times[name, length]:10,.0f}"
                for length in LENGTHS
            )
            print(
                f"{name:12}{size(files[name].stat().st_size):>9}{linear:>18}"
                f"{protocols.perplexity(contender.session, windows):12.2f}{speed}"
                f"   {generate(contender.session)}",
                flush=True,
            )
    print("\nThe files are made by:")
    for command in commands:
        print(f"  {command}")
    print(
        "\nThe first line is onnxruntime with the fp32 model, the others are native code, compiled by\n"
        "compress-run with the same flags; all on one core. One token is a run without a cache of\n"
        "earlier ones. Linear weights: all but the embedding table, which the output head shares. In\n"
        "ONNX the zeros of 2:4 are stored like other codes; the compiled code leaves them out."
    )


if __name__ == "__main__":
    main()
