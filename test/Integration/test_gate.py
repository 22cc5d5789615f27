"""Accuracy gate and mixed precision through the Python package."""

import os
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

LAYERS = 6


@pytest.fixture(scope="module")
def proto():
    """A chain of layers: fc2 and fc4 have random weights, four bits hold all others exactly."""
    random = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for i in range(LAYERS):
        weight = random.integers(-7, 8, (128, 128)).astype(np.float32) / 64
        weight[0] = -8 / 64
        if i in (2, 4):
            weight = random.standard_normal((128, 128), dtype=np.float32) / 8
        weights.append(numpy_helper.from_array(weight, f"w{i}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{i}"], [f"m{i}"], name=f"fc{i}"))
        nodes.append(helper.make_node("Tanh", [f"m{i}"], [f"h{i}"]))
        value = f"h{i}"
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 128])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["n", 128])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def metric(package, proto):
    """SQNR of the output in dB, at most 60."""
    x = np.random.default_rng(1).standard_normal((32, 128), dtype=np.float32)
    name = proto.graph.output[0].name
    exact = package.load(proto).compile(threads=1).run({"x": x})[name]

    def measure(model):
        error = model.compile(threads=1).run({"x": x})[name] - exact
        noise = float(np.sum(error.astype(np.float64) ** 2))
        signal = float(np.sum(exact.astype(np.float64) ** 2))
        return min(60.0, 10 * np.log10(signal / noise)) if noise else 60.0

    return measure


def test_gate_excludes_the_worst_layers(package, proto, metric):
    model = package.load(proto)
    everything = model.compress(quantize="int4,method=rtn")
    alone = metric(everything)
    culprits = [layer["name"] for layer in everything.report()["culprits"]]
    assert sorted(culprits[:2]) == ["fc2", "fc4"] and len(culprits) == LAYERS
    calls = []

    def counted(candidate):
        calls.append(candidate)
        return metric(candidate)

    kept = model.compress(quantize="int4,method=rtn", metric=counted, max_drop=60 - alone - 1)
    gate = kept.report()["accuracy_gate"]
    assert calls[0] is model
    assert gate["passed"] and gate["original_metric"] == 60
    assert metric(kept) >= alone + 1
    assert gate["trials"][0] == {
        "excluded": [], "metric": alone, "drop": 60 - alone, "passed": False,
    }  # fmt: skip
    best = gate["trials"][gate["best"]]
    assert best["excluded"] == culprits[: len(best["excluded"])]
    left = [layer["name"] for layer in kept.report()["layers"] if not layer["action"]]
    assert sorted(left) == sorted(best["excluded"])
    assert len(calls) == 1 + len(gate["trials"])


def test_gate_that_is_missed_returns_the_best(package, proto):
    model = package.load(proto)
    with pytest.warns(RuntimeWarning, match="max_drop=1% is missed: the best of 2 models"):
        best = model.compress(
            quantize="int4,method=rtn",
            metric=lambda m: 1.0 if m is model else 0.5,
            max_drop="1%",
            max_trials=2,
        )
    gate = best.report()["accuracy_gate"]
    assert not gate["passed"]
    # The first of equal ones.
    assert gate["best"] == 0 and len(gate["trials"]) == 2


def test_gate_errors(package, proto):
    model = package.load(proto)

    def broken(candidate):
        raise KeyError("no such dataset")

    with pytest.raises(KeyError, match="no such dataset"):
        model.compress(quantize="int4", metric=broken, max_drop=1)
    with pytest.raises(package.CompressError, match="not finite"):
        model.compress(quantize="int4", metric=lambda m: float("nan"), max_drop=1)
    with pytest.raises(package.CompressError, match="max_drop expects a number"):
        model.compress(quantize="int4", metric=lambda m: 1, max_drop="much")
    with pytest.raises(package.CompressError, match="need each other"):
        model.compress(quantize="int4", max_drop="1%")
    with pytest.raises(package.CompressError, match="metric_direction"):
        model.compress(quantize="int4", metric=len, max_drop=1, metric_direction="up")
    with pytest.raises(package.CompressError, match="int5"):
        model.compress(quantize="int5", metric=lambda m: 1, max_drop=1)
    with pytest.raises(ValueError, match="high"):
        model.compress(quantize="int4", metric=lambda m: "high", max_drop=1)


def test_exclude(package, proto):
    small = package.load(proto).compress(quantize="int4", exclude=["fc0", "fc5"])
    left = [layer["name"] for layer in small.report()["layers"] if not layer["action"]]
    assert left == ["fc0", "fc5"]


def test_mixed_precision(package, proto, metric):
    model = package.load(proto)
    mixed = model.compress(quantize="mixed:avg=6,formats=int4/int8,method=rtn")
    report = mixed.report()
    assert report["totals"]["bytes_after"] * 8 <= 6 * report["totals"]["weights"]
    [allocation] = report["mixed_precision"]
    assert allocation["exact"] and allocation["metric"] == "weights"
    chosen = {layer["name"]: layer["chosen"] for layer in allocation["layers"]}
    assert chosen["fc2"] == chosen["fc4"] == "int8"
    assert metric(mixed) > metric(model.compress(quantize="int4,method=rtn"))


@pytest.mark.parametrize("suffix", ["onnx", "mlir"])
def test_tool_with_command(request, tmp_path, proto, suffix):
    """compress-opt: the model that is kept, with the files beside it."""
    build = request.config.getoption("--build") or os.environ.get("COMPRESS_BUILD", "build")
    root = request.config.rootpath
    tools = [folder / build / "bin" / "compress-opt" for folder in (root, root.parents[1])]
    tool = next(path for path in tools if path.exists())
    onnx.save(proto, tmp_path / "m.onnx")
    output = tmp_path / f"small.{suffix}"
    # The size of the model's files: a metric that every layer left alone makes worse.
    command = "cat $(dirname {model})/*" + (".onnx" if suffix == "onnx" else ".[ms]*")
    run = subprocess.run(
        [tool, tmp_path / "m.onnx", "--quantize=int4,method=rtn", "--max-drop=0%",
         "--metric-direction=lower", f"--metric={command} | wc -c", "-o", output],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    names = {path.name for path in tmp_path.iterdir()}
    expected = {"m.onnx", output.name} | ({"small.safetensors"} if suffix == "mlir" else set())
    assert names == expected
    again = subprocess.run([tool, output, "-o", os.devnull], capture_output=True, check=False)
    assert again.returncode == 0


def test_tool_leaves_layers_whole(request, tmp_path, proto):
    """Layers that were split are left alone by the name that they had."""
    build = request.config.getoption("--build") or os.environ.get("COMPRESS_BUILD", "build")
    root = request.config.rootpath
    tools = [folder / build / "bin" / "compress-opt" for folder in (root, root.parents[1])]
    tool = next(path for path in tools if path.exists())
    onnx.save(proto, tmp_path / "m.onnx")
    output = tmp_path / "small.onnx"
    # Bytes that are missing: only with all layers whole are there none.
    run = subprocess.run(
        [tool, tmp_path / "m.onnx", "--low-rank=rank:8", "--max-drop=200000",
         "--metric-direction=higher", "--metric=wc -c < {model}", "-o", output],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    # Split, a layer has 8 kB instead of 64 kB: at most three of the six may be.
    sizes = [max(t.dims) * min(t.dims) for t in onnx.load(output).graph.initializer]
    assert sorted(sizes)[-3:] == [128 * 128] * 3
    assert sorted(sizes)[:6] == [128 * 8] * 6
    assert len(sizes) == 9
