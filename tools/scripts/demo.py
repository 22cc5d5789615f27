#!/usr/bin/env python3
"""Compresses a small language model and prints what is left of it.

One table: float32, int8, int4, and int4 with 2:4 sparsity, each with the size of the file and of
the weights of its linear layers, perplexity on held-out text, and a line of generated text.
Everything is run by onnxruntime.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/Integration"))

from support import graph, protocols, runtime  # noqa: E402

FOLDER = ROOT / "test/models/shakespeare_llama"
MODEL = FOLDER / "model.onnx"
PROMPT = "ROMEO:\n"
TOKENS = 24

VARIANTS = (
    ("fp32", None),
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


def generate(path):
    """What the model continues the prompt with, always taking the likeliest token, on one line."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    loaded = runtime.session(path)
    tokens = tokenizer.encode(PROMPT).ids
    start = len(tokens)
    for _ in range(TOKENS):
        logits = loaded.run(None, {"input_ids": np.array([tokens], np.int64)})[0]
        tokens.append(int(logits[0, -1].argmax()))
    return " ".join(tokenizer.decode(tokens[start:]).split())


def size(count):
    """A number of bytes for people."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--output", type=Path, help="keep the compressed models in this folder")
    options = parser.parse_args()
    tool = options.build.resolve() / "bin/compress-opt"

    original = graph.Graph(MODEL)
    selected = {weight.node.name for weight in graph.selected_weights(original)}
    before = linear_bytes(MODEL, selected)
    windows = protocols.text_windows("shakespeare_llama")
    commands = []

    print("A LLaMA of 1.3 M parameters, trained on Shakespeare (RoPE, RMSNorm, SwiGLU, GQA):\n")
    header = f"{'':12}{'file':>10}{'linear weights':>18}{'perplexity':>12}   after \"ROMEO:\""
    print(header + "\n" + "-" * (len(header) + 46))
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.output or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name, flags in VARIANTS:
            path = MODEL
            if flags is not None:
                path = folder / f"{name.replace(' + ', '-').replace(':', 'of')}.onnx"
                command = compress(tool, flags, path)
                commands.append(command.replace(f"{folder}/", ""))
            weights = linear_bytes(path, selected)
            linear = f"{size(weights)} ({before / weights:.1f}x)"
            value = protocols.perplexity(path, windows)
            print(
                f"{name:12}{size(path.stat().st_size):>10}{linear:>18}{value:>12.2f}"
                f"   {generate(path)}",
                flush=True,
            )
    print("\nMade by:")
    for command in commands:
        print(f"  {command}")
    print(
        "\nLinear weights: all but the embedding table, which the output head shares. In ONNX the zeros\n"
        "of 2:4 are stored like other codes; the pattern pays in kernels that know it."
    )


if __name__ == "__main__":
    main()
