"""`compress-run`: its flags, its files, and what may be wrong with them."""

import json
import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import assets
from support.tool import BAD_INPUT, DONE, UNSUPPORTED


def run(tools, path, values, folder, *flags):
    """The outputs of `compress-run` for named inputs."""
    np.savez(folder / "in.npz", **values)
    output = folder / "out.npz"
    result = tools.run(
        "compress-run", path, "--inputs", folder / "in.npz", "--outputs", output, *flags
    )
    assert result.code == DONE, result.stderr[-2000:]
    with np.load(output) as archive:
        return dict(archive)


@pytest.fixture
def linear(tmp_path):
    """A small model: y = x W + b, x is [batch, 8], batch symbolic."""
    weight = np.arange(32, dtype=np.float32).reshape(8, 4) / 32
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(weight[0], "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "linear.onnx"
    onnx.save(model, path)
    return path, weight


@pytest.mark.parametrize("flags", [(), ("--dim", "batch=3"), ("--kernels=false",)], ids=str)
def test_linear_is_computed(tools, linear, tmp_path, flags):
    path, weight = linear
    x = np.random.default_rng(0).standard_normal((3, 8), dtype=np.float32)
    outputs = run(tools, path, {"x": x}, tmp_path, *flags)
    np.testing.assert_allclose(outputs["y"], x @ weight + weight[0], rtol=1e-5, atol=1e-6)


def test_input_files_of_all_kinds(tools, linear, tmp_path):
    """.npy in both orders, .pb, .npz compressed and not: the same outputs."""
    path, weight = linear
    x = np.random.default_rng(1).standard_normal((3, 8), dtype=np.float32)
    np.save(tmp_path / "c.npy", x)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(x))
    (tmp_path / "x.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    np.savez_compressed(tmp_path / "packed.npz", x=x)
    expected = run(tools, path, {"x": x}, tmp_path)["y"]
    for flag in (
        f"--input=x={tmp_path}/c.npy",
        f"--input=x={tmp_path}/fortran.npy",
        f"--input=x={tmp_path}/x.pb",
        f"--inputs={tmp_path}/packed.npz",
    ):
        result = tools.run("compress-run", path, flag, "--outputs", tmp_path / "o.npz")
        assert result.code == DONE, result.stderr
        with np.load(tmp_path / "o.npz") as archive:
            np.testing.assert_array_equal(archive["y"], expected)


def test_quantized_before_it_runs(tools, linear, tmp_path):
    path, weight = linear
    x = np.eye(8, dtype=np.float32)
    outputs = run(tools, path, {"x": x}, tmp_path, "--quantize=w8")
    difference = np.abs(outputs["y"] - (weight + weight[0])).max()
    assert 0 < difference < 0.01


def test_saved_models_run(tools, linear, tmp_path):
    path, weight = linear
    x = np.ones((2, 8), np.float32)
    saved = tmp_path / "model.cmpr"
    assert tools.run("compress-run", path, "--save", saved).code == DONE
    outputs = run(tools, saved, {"x": x}, tmp_path)
    np.testing.assert_array_equal(outputs["y"], run(tools, path, {"x": x}, tmp_path)["y"])


# Bytes of a file. The published 8-bit codebook model of this network has 676 kB, without code.
@pytest.mark.parametrize(
    "flags, limit",
    [((), 676_000), (("--quantize=palette,bits=5",), 510_000)],
    ids=["fp32", "5 bits"],
)
def test_deep_compression_of_squeezenet(tools, tmp_path, flags, limit):
    path = assets.model_path("squeezenet/squeezenet1.0_deepcompression_fp32.onnx")
    image = np.random.default_rng(1).standard_normal((1, 3, 227, 227), np.float32)
    outputs = {}
    for encoding in ("raw", "huffman"):
        saved = tmp_path / encoding
        result = tools.run(
            "compress-run", path, *flags, "--save", saved, f"--archive-encoding={encoding}"
        )
        assert result.code == DONE, result.stderr
        assert f"file {saved.stat().st_size} bytes" in result.stdout
        outputs[encoding] = run(tools, saved, {"data": image}, tmp_path)
    for name, value in outputs["raw"].items():
        np.testing.assert_array_equal(value, outputs["huffman"][name])
    assert (tmp_path / "raw").stat().st_size > 5_000_000
    assert (tmp_path / "huffman").stat().st_size < limit


def test_repeat_prints_one_line_of_json(tools, linear):
    path, _ = linear
    result = tools.run(
        "compress-run", path, "--random-inputs=batch=4", "--repeat", "5", "--threads", "2"
    )
    assert result.code == DONE, result.stderr
    line = json.loads(result.stdout)
    assert line["repeat"] == 5 and line["threads"] == 2
    assert 0 < line["min_ms"] <= line["median_ms"] <= line["max_ms"]


def test_wrong_inputs(tools, linear, tmp_path):
    """Exit code 2 and a message that names the input."""
    path, _ = linear
    cases = [
        ({}, "input 'x' is missing (expected f32[batch,8])"),
        ({"z": np.zeros(1, np.float32)}, "there is no input 'z'; the model has 'x'"),
        ({"x": np.zeros((2, 8))}, "input 'x': expected type f32, got f64"),
        ({"x": np.zeros((2, 7), np.float32)}, "input 'x': expected size 8 of dim 1, got 7"),
        ({"x": np.zeros((2, 8, 1), np.float32)}, "input 'x': expected rank 2, got 3"),
    ]
    for values, message in cases:
        np.savez(tmp_path / "in.npz", **values)
        result = tools.run("compress-run", path, "--inputs", tmp_path / "in.npz")
        assert result.code == BAD_INPUT
        assert message in result.stderr


def test_exit_codes(tools, linear, tmp_path):
    path, _ = linear
    assert tools.run("compress-run", tmp_path / "none.onnx").code == BAD_INPUT
    assert tools.run("compress-run", path, "--no-such-flag").code == BAD_INPUT
    assert tools.run("compress-run").code == BAD_INPUT
    (tmp_path / "bad.mlir").write_text("func.func @main(")
    assert tools.run("compress-run", tmp_path / "bad.mlir").code == BAD_INPUT
    graph = helper.make_graph(
        [helper.make_node("Nonsense", ["x"], ["y"], name="node_7", domain="my")],
        "opaque",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "op.onnx")
    result = tools.run("compress-run", tmp_path / "op.onnx", "--random-inputs")
    assert result.code == UNSUPPORTED
    assert "node_7" in result.stderr and "Nonsense" in result.stderr


def test_damaged_input_files(tools, linear, tmp_path):
    """Never a crash: done (a byte that does not matter) or bad input."""
    path, _ = linear
    np.savez(tmp_path / "in.npz", x=np.ones((2, 8), np.float32))
    np.save(tmp_path / "x.npy", np.ones((2, 8), np.float32))
    chance = random.Random(0)
    for name, flag in (("in.npz", "--inputs="), ("x.npy", "--input=x=")):
        good = (tmp_path / name).read_bytes()
        for index in range(25):
            data = bytearray(good)
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(min(len(data), 300))] = chance.randrange(256)
            bad = tmp_path / f"bad{index}{(tmp_path / name).suffix}"
            bad.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
            result = tools.run("compress-run", path, f"{flag}{bad}")
            assert result.code in (DONE, BAD_INPUT), result.stderr
            assert result.code == DONE or result.stderr.strip()


def test_constants_of_a_fixed_size_are_stored(tools, tmp_path):
    """A class token that is broadcast along the batch is a constant once the batch is known."""
    token = np.arange(32, dtype=np.float32).reshape(1, 1, 32)
    nodes = [
        onnx.helper.make_node("Shape", ["x"], ["batch"], start=0, end=1),
        onnx.helper.make_node("Concat", ["batch", "rest"], ["shape"], axis=0),
        onnx.helper.make_node("Expand", ["token", "shape"], ["tokens"], name="/tokens"),
        onnx.helper.make_node("Concat", ["tokens", "x"], ["y"], axis=1),
    ]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "token",
        [value("x", onnx.TensorProto.FLOAT, ["batch", 3, 32])],
        [value("y", onnx.TensorProto.FLOAT, ["batch", 4, 32])],
        [
            onnx.numpy_helper.from_array(token, "token"),
            onnx.numpy_helper.from_array(np.array([1, 32], np.int64), "rest"),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    x = np.random.default_rng(0).random((1, 3, 32), dtype=np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    result = tools.run(
        "compress-run", tmp_path / "model.onnx", "--dim=batch=1", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz"
    )
    assert result.code == 0, result.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["y"], np.concatenate([token, x], axis=1))
