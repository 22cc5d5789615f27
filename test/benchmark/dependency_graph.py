#!/usr/bin/env python3
"""Time and memory of the dependency graph on a generated LLaMA.

    dependency_graph.py --compress-opt=build/bin/compress-opt [--layers=32 --hidden=4096 ...]

Writes a module of the shape of LLaMA-7B, whose weights are splats and need no bytes, runs
`compress-print-groups` on it and prints one JSON line: seconds and MiB of the whole process, groups
and prunable parameters. The exit code is 1 if a limit is missed (5 s and 1 GiB by default).
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time


class Module:
    """Text of a module: weights on top, one function."""

    def __init__(self):
        self.weights, self.body, self.count = [], [], 0

    def weight(self, name, *shape):
        kind = f"tensor<{'x'.join(map(str, shape))}xf32>"
        self.weights.append(f"compress.weight private @{name} : {kind} = dense<0.0>")
        return self.add(f"compress.load @{name} : {kind}"), kind

    def add(self, text):
        self.count += 1
        self.body.append(f"  %{self.count} = {text}")
        return f"%{self.count}"

    def linear(self, x, kind, name, outputs, inputs):
        w, weight_kind = self.weight(name, outputs, inputs)
        result = kind.rsplit("x", 2)[0] + f"x{outputs}xf32>"
        text = f'compress.linear nk {x}, {w} {{name = "{name}"}}'
        return self.add(f"{text} : ({kind}, {weight_kind}) -> {result}"), result


def make_llama(layers, hidden, inner, heads, vocabulary):
    m, size = Module(), hidden // heads
    stream, flat = f"tensor<?x?x{hidden}xf32>", f"tensor<?x?x{hidden}xf32>"
    split, cosine = f"tensor<?x?x{heads}x{size}xf32>", f"tensor<?x1x{size}xf32>"
    table, table_kind = m.weight("embed", vocabulary, hidden)
    to_heads = m.add(f"compress.constant dense<[0, 0, {heads}, {size}]> : tensor<4xi64>")
    to_flat = m.add(f"compress.constant dense<[0, 0, {hidden}]> : tensor<3xi64>")
    x = m.add(f'compress.embedding {table}, %ids {{name = "embed"}} : '
              f"({table_kind}, tensor<?x?xi64>) -> {stream}")

    def norm(x, name):
        scale, kind = m.weight(name, hidden)
        return m.add(f"compress.rms_norm {x}, {scale} {{axis = 2 : i64}} : "
                     f"({stream}, {kind}) -> {stream}")

    def project(x, name, rotate):
        y, _ = m.linear(x, flat, name, hidden, hidden)
        y = m.add(f"compress.reshape {y}, {to_heads} : ({flat}, tensor<4xi64>) -> {split}")
        if rotate:
            y = m.add(f"compress.rotary_embedding {y}, %cos, %sin : "
                      f"({split}, {cosine}, {cosine}) -> {split}")
        return y

    for i in range(layers):
        h = norm(x, f"l{i}.norm1")
        q, k, v = (project(h, f"l{i}.{p}", p != "v") for p in "qkv")
        a = m.add(f"compress.attention bshd {q}, {k}, {v} {{scale = 0.088 : f32}} : "
                  f"({split}, {split}, {split}) -> {split}")
        a = m.add(f"compress.reshape {a}, {to_flat} : ({split}, tensor<3xi64>) -> {flat}")
        a, _ = m.linear(a, flat, f"l{i}.o", hidden, hidden)
        x = m.add(f"compress.add {x}, {a} : ({stream}, {stream}) -> {stream}")
        h = norm(x, f"l{i}.norm2")
        g, wide = m.linear(h, stream, f"l{i}.gate", inner, hidden)
        u, _ = m.linear(h, stream, f"l{i}.up", inner, hidden)
        s = m.add(f"compress.sigmoid {g} : ({wide}) -> {wide}")
        g = m.add(f"compress.mul {g}, {s} : ({wide}, {wide}) -> {wide}")
        u = m.add(f"compress.mul {g}, {u} : ({wide}, {wide}) -> {wide}")
        d, _ = m.linear(u, wide, f"l{i}.down", hidden, inner)
        x = m.add(f"compress.add {x}, {d} : ({stream}, {stream}) -> {stream}")
    y, logits = m.linear(norm(x, "norm"), stream, "head", vocabulary, hidden)
    return "\n".join([
        *m.weights,
        f"func.func @main(%ids: tensor<?x?xi64>, %cos: {cosine}, %sin: {cosine}) -> {logits} {{",
        *m.body, f"  return {y} : {logits}", "}", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compress-opt", default="build/bin/compress-opt")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=4096)
    parser.add_argument("--inner", type=int, default=11008)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--vocabulary", type=int, default=32000)
    parser.add_argument("--max-seconds", type=float, default=5)
    parser.add_argument("--max-mib", type=float, default=1024)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, output = os.path.join(folder, "llama.mlir"), os.path.join(folder, "groups.txt")
        with open(path, "w") as file:
            file.write(make_llama(options.layers, options.hidden, options.inner, options.heads,
                                  options.vocabulary))
        start = time.perf_counter()
        process = subprocess.Popen([options.compress_opt, path, "-o", os.devnull,
                                    f"--compress-print-groups=output={output}"])
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status != 0:
            sys.exit("compress-opt failed")
        with open(output) as file:
            text = file.read()
    groups = re.search(r"(\d+) of (\d+) groups", text)
    parameters = re.search(r"prunable parameters: (\d+) of (\d+)", text)
    mib = usage.ru_maxrss / 1024
    print(json.dumps({
        "seconds": round(seconds, 3), "mib": round(mib, 1), "prunable_groups": int(groups[1]),
        "groups": int(groups[2]), "prunable_parameters": int(parameters[1]),
        "parameters": int(parameters[2])}))
    sys.exit(seconds > options.max_seconds or mib > options.max_mib)


if __name__ == "__main__":
    main()
