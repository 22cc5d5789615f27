#!/usr/bin/env python3
"""Time of a linear layer as two factors, beside the whole layer and beside its parts.

Rows are the number of tokens and the share of the parameters that the factors have. `ideal` is the
whole layer's time times that share, which a kernel that only waits for weights (one token) or for
multiply-adds (many) would reach. `parts` is the time of the two factors as models of their own: a
ratio near 1 says that the small vector between the two costs nothing, because it stays in the
cache. `peer` is onnxruntime on the same factors.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/Integration"))

from support.tool import DONE, Tools  # noqa: E402


def write_model(path, sizes):
    """MatMul after MatMul: `sizes` are the channels in between, ends included."""
    random = np.random.default_rng(0)
    nodes, weights = [], []
    for i, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        values = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(rows**-0.5)
        weights.append(numpy_helper.from_array(values, f"w{i}"))
        nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], name=f"layer{i}"))
    value = lambda name, size: helper.make_tensor_value_info(  # noqa: E731
        name, onnx.TensorProto.FLOAT, ["batch", size]
    )
    graph = helper.make_graph(
        nodes, "factors", [value("x0", sizes[0])], [value(f"x{len(nodes)}", sizes[-1])], weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def time_ours(tools, path, tokens, threads, repeat):
    """Least time of a run in milliseconds."""
    result = tools.run(
        "compress-run", path, f"--random-inputs=batch={tokens}", f"--threads={threads}",
        f"--repeat={repeat}",
    )
    assert result.code == DONE, result.stderr
    return json.loads(result.stdout.strip().splitlines()[-1])["min_ms"]


def time_peer(path, size, tokens, threads, repeat):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).random((tokens, size), dtype=np.float32)
    best = np.inf
    for _ in range(repeat + 1):
        start = time.perf_counter()
        session.run(None, {"x0": x})
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--size", type=int, default=4096, help="channels of the layer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=30)
    options = parser.parse_args()
    tools = Tools(options.build)
    n = options.size
    print(f"{'tokens':>6} {'share':>6} {'rank':>5} {'whole ms':>9} {'factors':>9} {'ideal':>6} {'parts':>6} {'peer':>6}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_model(folder / "whole.onnx", (n, n))
        for tokens in (1, 16, 256):
            measure = lambda path: time_ours(tools, path, tokens, options.threads, options.repeat)  # noqa: E731
            whole = measure(folder / "whole.onnx")
            for share in (0.5, 0.25, 0.125):
                rank = int(share * n / 2)
                for name, sizes in (("both", (n, rank, n)), ("first", (n, rank)), ("second", (rank, n))):
                    write_model(folder / f"{name}.onnx", sizes)
                both = measure(folder / "both.onnx")
                parts = measure(folder / "first.onnx") + measure(folder / "second.onnx")
                peer = time_peer(folder / "both.onnx", n, tokens, options.threads, options.repeat)
                print(
                    f"{tokens:6} {share:6} {rank:5} {whole:9.3f} {both:9.3f} {both / (share * whole):6.2f} "
                    f"{both / parts:6.2f} {both / peer:6.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
