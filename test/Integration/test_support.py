"""The helpers themselves: the numpy reference against plain loops, and the graph reader.

These need no tool: they show that a failure elsewhere is the tool's.
"""

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import graph, models, mutate, protocols, quantization, runtime


def rows(seed, *shape):
    """Random weights with zeros, ties and an all-zero row."""
    random = np.random.default_rng(seed)
    weight = random.standard_normal(shape).astype(np.float32)
    weight[random.random(shape) < 0.2] = 0
    weight[0, :] = 0
    weight[1, :4] = [0.5, -0.5, 0.5, -0.5]
    return weight


def plain_symmetric(row, bits, group):
    """(codes, scales) of one row by Python loops."""
    codes, scales = [], []
    half = 2 ** (bits - 1)
    for start in range(0, len(row), group):
        part = row[start : start + group]
        peak = np.float32(0)
        for value in part:
            if abs(value) > abs(peak) or (abs(value) == abs(peak) and value < peak):
                peak = value
        scale = np.float32(peak / np.float32(-half)) if peak else np.float32(1)
        for value in part:
            quotient = float(np.float32(value / scale))
            codes.append(max(-half, min(half - 1, round(quotient))))
            scales.append(scale)
    return codes, scales


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("group", [5, 8, 64])
def test_symmetric_reference_is_the_plain_loop(bits, group):
    weight = rows(bits * group, 6, 21)
    result = quantization.quantize_symmetric(weight, bits, group)
    for i, row in enumerate(weight):
        codes, scales = plain_symmetric(row, bits, group)
        assert result.codes[i].tolist() == codes
        assert result.scales[i].tolist() == scales


def test_symmetric_scale_has_the_sign_of_the_largest_element():
    scale = lambda *values: quantization.symmetric_scale(np.float32(values), 4)[0]  # noqa: E731
    assert scale(1, -2, 0.5) == np.float32(0.25)
    assert scale(1, 2, -0.5) == np.float32(-0.25)
    assert scale(2, -2) == np.float32(0.25)
    assert scale(0, 0) == np.float32(1)


def test_asymmetric_reference_is_the_plain_loop():
    weight = rows(3, 5, 20)
    weight[2] = np.abs(weight[2]) + 1
    result = quantization.quantize_asymmetric(weight, 4, 8)
    for i, row in enumerate(weight):
        for start in range(0, 20, 8):
            part = row[start : start + 8]
            low, high = min(0, part.min()), max(0, part.max())
            scale = np.float32(np.float32(high - low) / np.float32(15)) or np.float32(1)
            zero = round(float(np.float32(-low) / scale)) - 8 if high > low else 0
            for k, value in enumerate(part):
                code = max(-8, min(7, round(float(np.float32(value / scale))) + zero))
                assert result.codes[i, start + k] == code
                assert result.zero_points[i, start + k] == zero
                assert result.scales[i, start + k] == scale


def test_n_of_m_keeps_the_largest_and_breaks_ties_low():
    weight = np.float32([[1, -3, 2, 0.5, 1, 1, 1, 1, 4, 3]])
    kept = quantization.keep_n_of_m(weight)
    assert kept.tolist() == [[0, -3, 2, 0, 1, 1, 0, 0, 4, 3]]
    assert quantization.keep_n_of_m(np.float32([[3, 1, 2]]), 2, 4).tolist() == [[3, 0, 2]]
    assert quantization.keep_n_of_m(weight[:, :4], 1, 4).tolist() == [[0, -3, 0, 0]]


def test_int8_weights_are_restricted():
    weight = np.float32([[1.27, -0.635, 0.005, 0.015], [0, 0, 0, 0]])
    result = quantization.quantize_w8(weight, False)
    assert result.codes[0, 0] == 127 and result.codes.min() >= -127
    assert (result.codes[1] == 0).all() and result.scales[1, 0] == 1


def save(path, node, initializers, shape_in, shape_out):
    value = helper.make_tensor_value_info
    built = helper.make_graph(
        [*node],
        "test",
        [value("x", TensorProto.FLOAT, shape_in)],
        [value("y", TensorProto.FLOAT, shape_out)],
        initializers,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(built, opset_imports=opsets, ir_version=10), path)


def int4_tensor(name, codes):
    return helper.make_tensor(name, TensorProto.INT4, codes.shape, codes.flatten())


def test_block_dequantization_is_read_as_onnxruntime_computes_it(tmp_path):
    random = np.random.default_rng(0)
    codes = random.integers(-8, 8, (40, 6))
    scales = random.uniform(-1, 1, (3, 6)).astype(np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=0, block_size=16),
        helper.make_node("MatMul", ["x", "w"], ["y"], name="fc"),
    ]
    tensors = [int4_tensor("q", codes), numpy_helper.from_array(scales, "s")]
    save(tmp_path / "m.onnx", nodes, tensors, [40, 40], [40, 6])
    (weight,) = graph.Graph(tmp_path / "m.onnx").weights()
    assert weight.codes.shape == (6, 40)
    computed = runtime.run(tmp_path / "m.onnx", np.eye(40, dtype=np.float32), optimize=False)[0]
    np.testing.assert_array_equal(weight.values.T, computed)
    assert graph.Graph(tmp_path / "m.onnx").bytes_of(weight.stored) == 120 + 72


def test_matmulnbits_is_read_as_onnxruntime_computes_it(tmp_path):
    random = np.random.default_rng(1)
    packed = random.integers(0, 256, (6, 3, 8), dtype=np.uint8)
    scales = random.uniform(-1, 1, (6, 3)).astype(np.float32)
    zeros = random.integers(0, 256, (6, 2), dtype=np.uint8)
    options = {"K": 40, "N": 6, "bits": 4, "block_size": 16, "domain": "com.microsoft"}
    for names in (["x", "q", "s"], ["x", "q", "s", "z"]):
        nodes = [helper.make_node("MatMulNBits", names, ["y"], name="fc", **options)]
        arrays = {"q": packed, "s": scales, "z": zeros}
        tensors = [numpy_helper.from_array(arrays[name], name) for name in names[1:]]
        save(tmp_path / "m.onnx", nodes, tensors, [40, 40], [40, 6])
        (weight,) = graph.Graph(tmp_path / "m.onnx").weights()
        computed = runtime.run(tmp_path / "m.onnx", np.eye(40, dtype=np.float32))[0]
        np.testing.assert_allclose(weight.values.T, computed, rtol=1e-6, atol=1e-6)


def test_weights_are_found_through_views_and_per_axis_scales(tmp_path):
    codes = np.arange(-8, 8).reshape(2, 8)
    scales = np.float32([0.5, -2])
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["d"], axis=0),
        helper.make_node("Transpose", ["d"], ["w"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "w"], ["y"], name="fc"),
    ]
    tensors = [int4_tensor("q", codes), numpy_helper.from_array(scales, "s")]
    save(tmp_path / "m.onnx", nodes, tensors, [1, 8], [1, 2])
    (weight,) = graph.Graph(tmp_path / "m.onnx").weights()
    np.testing.assert_array_equal(weight.codes, codes)
    np.testing.assert_array_equal(weight.scales, np.repeat(scales[:, None], 8, axis=1))


SELECTED = {
    "shakespeare_llama": (42, 1),
    "shakespeare_llama_torchscript": (42, 1),
    "shakespeare_moe": (24, 1),
    "mnist_resdw": (18, 0),
    "squeezenet": (26, 0),
    "vit_tiny": (74, 0),
    "stories260K": (35, 1),
    "resnet20": (20, 0),
}


def test_selected_weights_of_the_models(model):
    """So many weights are selected, and so many are output heads and left alone."""
    loaded = graph.Graph(model.path)
    selected, total = len(graph.selected_weights(loaded)), len(loaded.weights())
    assert (selected, total - selected) == SELECTED[model.name]


def test_protocols_reproduce_the_known_values(model):
    value = protocols.evaluate(model.task, model.path)
    if value is None:
        pytest.skip("the evaluation data are not here")
    assert math.isclose(value, model.fp32, abs_tol=0.005)


def test_folded_batch_norm_computes_the_same(tmp_path):
    """W' from fold_batch_norm gives what Conv and BatchNormalization give together."""
    model = models.BY_NAME["mnist_resdw"]
    loaded = graph.Graph(model.path)
    weight = next(w for w in loaded.weights() if graph.batch_norm_of(loaded, w) is not None)
    norm = graph.batch_norm_of(loaded, weight)
    gamma, beta, mean, variance = (loaded.array(name).astype(np.float64) for name in norm.input[1:5])
    factor = gamma / np.sqrt(variance + graph.attributes(norm).get("epsilon", 1e-5))
    folded = graph.fold_batch_norm(loaded, weight)
    ratio = folded.astype(np.float64) / weight.values
    np.testing.assert_allclose(
        ratio, np.broadcast_to(factor.reshape(-1, 1, 1, 1), ratio.shape), rtol=1e-6
    )


def test_field_damage_is_all_different():
    data = models.BY_NAME["mnist_resdw"].path.read_bytes()
    damaged = dict(mutate.field_damage(data))
    assert len(set(damaged.values()) | {data}) == len(mutate.FIELD_DAMAGE) + 1
