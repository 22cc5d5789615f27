"""Models that come quantized: QLinear ops, and `compress-clean-quantization` on QDQ models."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.tool import DONE


def make_model(nodes, inputs, outputs, constants, path):
    """Saves a model of opset 13 with the ops of com.microsoft."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def run_peer(path, values):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, values), strict=True))


def run_ours(tools, path, values, folder):
    np.savez(folder / "in.npz", **values)
    result = tools.run(
        "compress-run", path, "--inputs", folder / "in.npz", "--outputs", folder / "out.npz"
    )
    assert result.code == DONE, result.stderr[-2000:]
    return dict(np.load(folder / "out.npz"))


def optimize(tools, path, output, *flags):
    result = tools.run("compress-opt", path, "-o", output, *flags)
    assert result.code == DONE, result.stderr[-2000:]
    return output


def test_qlinear_ops_agree_with_onnxruntime(tools, tmp_path):
    """Convolution, pooling, sum and products of codes, in one model."""
    random = np.random.default_rng(0)
    constants = {
        "xs": np.float32(0.02),
        "xz": np.uint8(120),
        "w": random.integers(-127, 128, (8, 3, 3, 3), dtype=np.int8),
        "ws": random.uniform(0.001, 0.01, 8).astype(np.float32),
        "wz": np.zeros(8, np.int8),
        "ys": np.float32(0.05),
        "yz": np.uint8(100),
        "b": random.integers(-500, 500, 8, dtype=np.int32),
        "m": random.integers(0, 256, (8, 5), dtype=np.uint8),
        "ms": np.float32(0.01),
        "mz": np.uint8(128),
        "os": np.float32(0.1),
        "oz": np.uint8(90),
    }
    ms = {"domain": "com.microsoft"}
    node = helper.make_node
    nodes = [
        node("QLinearConv", "x xs xz w ws wz ys yz b".split(), ["y"], "c", pads=[1, 1, 1, 1]),
        node("QLinearAdd", "y ys yz y ys yz os oz".split(), ["a"], "a", **ms),
        node("QLinearGlobalAveragePool", "a os oz ys yz".split(), ["p"], "p", **ms),
        node("Flatten", ["p"], ["f"], "f"),
        node("QLinearMatMul", "f ys yz m ms mz os oz".split(), ["o"], "m"),
    ]
    info = helper.make_tensor_value_info
    path = make_model(
        nodes,
        [info("x", TensorProto.UINT8, [2, 3, 8, 8])],
        [info("y", TensorProto.UINT8, None), info("o", TensorProto.UINT8, None)],
        constants,
        tmp_path / "qlinear.onnx",
    )
    values = {"x": random.integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)}
    expected, found = run_peer(path, values), run_ours(tools, path, values, tmp_path)
    np.testing.assert_array_equal(found["y"], expected["y"])
    # Sums of two roundings may be in the middle between two codes.
    difference = np.abs(found["o"].astype(int) - expected["o"].astype(int))
    assert difference.max() <= 1


def make_float_model(path):
    random = np.random.default_rng(1)
    constants = {
        "w1": random.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "b1": random.normal(0, 0.1, 8).astype(np.float32),
        "w2": random.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32),
        "w3": random.normal(0, 0.2, (8 * 16, 10)).astype(np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], "relu1"),
        node("MaxPool", ["r1"], ["p1"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p1", "w2"], ["c2"], "conv2", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "p1"], ["a"], "add"),
        node("Relu", ["a"], ["r2"], "relu2"),
        node("Flatten", ["r2"], ["f"], "flatten"),
        node("MatMul", ["f", "w3"], ["y"], "head"),
    ]
    info = helper.make_tensor_value_info
    return make_model(
        nodes,
        [info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [info("y", TensorProto.FLOAT, ["n", 10])],
        constants,
        path,
    )


def sqnr(expected, found):
    """Signal to noise in dB."""
    return 10 * np.log10(np.sum(expected**2) / np.sum((expected - found) ** 2))


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_models_of_onnxruntime_are_cleaned_and_stripped(tools, tmp_path, form):
    quantization = pytest.importorskip("onnxruntime.quantization")
    source = make_float_model(tmp_path / "float.onnx")
    samples = np.random.default_rng(2).normal(size=(16, 3, 8, 8)).astype(np.float32)

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = [{"x": sample[None]} for sample in samples]

        def get_next(self):
            return self.left.pop() if self.left else None

    path = tmp_path / "quantized.onnx"
    quantization.quantize_static(
        source,
        path,
        Reader(),
        quant_format=getattr(quantization.QuantFormat, form),
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    values = {"x": samples}
    expected = run_peer(source, values)["y"]
    normalized = optimize(tools, path, tmp_path / "n.mlir", "--compress-normalize-onnx")
    cleaned = optimize(tools, normalized, tmp_path / "c.mlir", "--compress-clean-quantization")
    stripped = optimize(tools, normalized, tmp_path / "s.mlir", "--compress-clean-quantization=strip")
    quantized = run_ours(tools, normalized, values, tmp_path)["y"]
    assert sqnr(expected, quantized) > 20
    # Every bit stays; strip leaves only the rounding of the weights.
    np.testing.assert_array_equal(run_ours(tools, cleaned, values, tmp_path)["y"], quantized)
    assert sqnr(expected, run_ours(tools, stripped, values, tmp_path)["y"]) > 35
    body = stripped.read_text()
    assert "compress.quantize " not in body
    assert "compress.dequantize " not in body
    again = optimize(tools, stripped, tmp_path / "again.mlir", "--compress-quantize=format=w8")
    assert "compress.dequantize " in again.read_text()
