"""Every weight format as an ONNX file: valid, small, and what the own runtime computes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from support import models, runtime
from support.tool import BAD_INPUT, DONE

SMALL = [model for model in models.MODELS if model.name in ("shakespeare_llama", "mnist_resdw")]

# Bits per weight in the file: codes in a width that ONNX has, and an f32 for each scale of a group.
FORMATS = {
    "int6": 8.25,
    "int3": 4.25,
    "int2": 2.25,
    "int2,group=32,asymmetric": 3.06,
    "ternary": 2,
    "twn": 2,
    "binary": 2,
    "fp16": 16,
    "bf16": 16,
    "fp8": 8,
    "fp8_e5m2": 8,
    "mxfp8": 9,
    "mxfp4": 5,
    "nvfp4": 4.5,
    "nf4": 4.5,
    "nf4,double_quant": 4.13,
    "fp4": 4.5,
    "pow2": 4,
    "palette": 4,
    "palette,bits=5": 8,
}

# What stays float, as a part of the original file.
FLOAT_PART = {"shakespeare_llama": 0.114, "mnist_resdw": 0.055}

# No kernel of onnxruntime's CPU takes E2M1 codes.
NOT_IN_ONNXRUNTIME = {"mxfp4", "nvfp4"}


def model_input(model):
    """Token ids for a decoder."""
    return np.random.default_rng(7).integers(0, model.vocabulary, (1, 9), dtype=np.int64)


def run_tool(tools, path, name, values, folder, *flags):
    """The outputs of `compress-run`, in order."""
    np.savez(folder / "in.npz", **{name: values})
    result = tools.run(
        "compress-run", path, "--inputs", folder / "in.npz", "--outputs", folder / "out.npz", *flags
    )
    assert result.code == DONE, result.stderr[-2000:]
    with np.load(folder / "out.npz") as archive:
        return list(archive.values())


def run_onnx(path, values, in_onnxruntime):
    if in_onnxruntime:
        return runtime.run(path, values)
    loaded = onnx.load(path)
    return ReferenceEvaluator(loaded).run(None, {loaded.graph.input[0].name: values})


def save_model(path, nodes, shapes, weights):
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes[0])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes[1])],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """A model with every kind of weighted layer, and an input."""
    random = np.random.default_rng(3)
    shapes = {
        "dense": (16, 4, 3, 3),
        "depthwise": (16, 1, 3, 3),
        "pointwise": (64, 16, 1, 1),
        "product": (64, 256),
        "head": (256, 10),
    }
    weights = {
        name: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for name, shape in shapes.items()
    }
    weights["bias"] = random.standard_normal(10).astype(np.float32)
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "dense"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "depthwise"], ["c"], pads=[1, 1, 1, 1], group=16),
        node("Conv", ["c", "pointwise"], ["d"]),
        node("Relu", ["d"], ["e"]),
        node("GlobalAveragePool", ["e"], ["f"]),
        node("Flatten", ["f"], ["g"]),
        node("MatMul", ["g", "product"], ["h"]),
        node("Relu", ["h"], ["i"]),
        node("Gemm", ["i", "head", "bias"], ["y"]),
    ]
    path = tmp_path_factory.mktemp("layers") / "layers.onnx"
    save_model(path, nodes, (["n", 4, 8, 8], ["n", 10]), weights)
    return path, random.standard_normal((2, 4, 8, 8)).astype(np.float32)


def check_outputs(tools, folder, source, path, values, format):
    """The file in `path` computes what the tool does with the model `source`."""
    name = onnx.load(path).graph.input[0].name
    own = run_tool(tools, source, name, values, folder, f"--quantize={format}")
    other = run_onnx(path, values, format not in NOT_IN_ONNXRUNTIME)
    assert runtime.relative_difference(own, other) < 1e-5


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("model", SMALL, ids=lambda model: model.name)
def test_file_is_valid_and_small(tools, tmp_path, model, format):
    path = tmp_path / "model.onnx"
    tools.optimize(model.path, path, f"--quantize={format}")
    onnx.checker.check_model(path, full_check=True)
    ratio = path.stat().st_size / model.path.stat().st_size
    floats = FLOAT_PART[model.name]
    expected = floats + (1 - floats) * FORMATS[format] / 32
    # Tables, names and nodes weigh something in files as small as these.
    assert 0.9 * expected - 0.01 < ratio < expected + 0.05


@pytest.mark.parametrize("format", FORMATS)
def test_layers_compute_the_same(tools, layers, tmp_path, format):
    source, values = layers
    path = tmp_path / "out.onnx"
    tools.optimize(source, path, f"--quantize={format}")
    check_outputs(tools, tmp_path, source, path, values, format)


@pytest.mark.parametrize("format", ["int3", "mxfp8", "nvfp4", "nf4,double_quant"])
def test_decoder_computes_the_same(tools, tmp_path, format):
    model = models.BY_NAME["shakespeare_llama"]
    path = tmp_path / "model.onnx"
    tools.optimize(model.path, path, f"--quantize={format}")
    check_outputs(tools, tmp_path, model.path, path, model_input(model), format)


@pytest.mark.parametrize("format", ["mxfp6", "mxfp6_e2m3"])
def test_mxfp6_names_the_nearest_format(tools, layers, tmp_path, format):
    source, values = layers
    path = tmp_path / "out.onnx"
    result = tools.run("compress-opt", source, f"--quantize={format}", "-o", path)
    assert result.code == BAD_INPUT
    assert f"the format {format};" in result.stderr
    assert "mxfp8" in result.stderr and "--form=dense" in result.stderr
    assert not path.exists()
    tools.optimize(source, path, f"--quantize={format}", "--form=dense")
    check_outputs(tools, tmp_path, source, path, values, format)


@pytest.mark.parametrize("format", ["int2", "int3", "int6", "fp8", "mxfp4", "nf4", "palette"])
def test_matmulnbits_where_it_can_hold_the_format(tools, layers, tmp_path, format):
    source, values = layers
    path = tmp_path / "out.onnx"
    result = tools.optimize(
        source, path, f"--quantize={format}", "--form=matmulnbits", "--remarks-filter=export"
    )
    has_operator = any(node.op_type == "MatMulNBits" for node in onnx.load(path).graph.node)
    assert has_operator == (format in ("int2", "int3", "int6"))
    assert ("MatMulNBits: the" in result.stderr) == (not has_operator)
    check_outputs(tools, tmp_path, source, path, values, format)


@pytest.mark.parametrize("outputs", [8, 10, 9])
def test_two_bit_codes_in_rows_of_any_length(tools, tmp_path, outputs):
    """onnxruntime 1.31 misreads rows of 2-bit codes that do not end with a byte."""
    random = np.random.default_rng(1)
    weight = random.standard_normal((64, outputs)).astype(np.float32)
    save_model(
        tmp_path / "small.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        (["n", 64], ["n", outputs]),
        {"w": weight},
    )
    values = random.standard_normal((3, 64)).astype(np.float32)
    path = tmp_path / "out.onnx"
    flag = "--quantize=int2,group=32"
    tools.optimize(tmp_path / "small.onnx", path, flag)
    own = run_tool(tools, tmp_path / "small.onnx", "x", values, tmp_path, flag)
    assert runtime.relative_difference(own, runtime.run(path, values)) < 1e-6


@pytest.mark.parametrize("kind", ["rows", "tensor"])
def test_dynamic_activations_of_four_bits(tools, tmp_path, kind):
    """Codes are -7 to 7 per row of a matrix product, 0 to 15 per tensor of a convolution."""
    random = np.random.default_rng(2)
    path, out = tmp_path / "small.onnx", tmp_path / "out.onnx"
    # Weights that 8 bits hold exactly.
    weight = random.integers(-126, 127, (64, 32) if kind == "rows" else (8, 4)).astype(np.float32)
    if kind == "rows":
        weight[0] = 127
        node = helper.make_node("MatMul", ["x", "w"], ["y"])
        save_model(path, [node], (["n", 64], ["n", 32]), {"w": weight})
        values = random.standard_normal((5, 64)).astype(np.float32)
        scale = np.abs(values).max(-1, keepdims=True) / np.float32(7)
        expected = np.rint(values / scale) * scale @ weight
    else:
        weight[:, 0] = 127
        node = helper.make_node("Conv", ["x", "w"], ["y"])
        stored = weight[:, :, None, None]
        save_model(path, [node], (["n", 4, 6, 6], ["n", 8, 6, 6]), {"w": stored})
        values = random.standard_normal((2, 4, 6, 6)).astype(np.float32)
        scale = (values.max() - values.min()) / np.float32(15)
        zero = np.rint(-values.min() / scale)
        rounded = (np.clip(np.rint(values / scale) + zero, 0, 15) - zero) * scale
        expected = np.einsum("nchw,oc->nohw", rounded, weight)
    flag = "--quantize=int8,activations=dynamic,activation_bits=4"
    tools.optimize(path, out, flag)
    assert (TensorProto.INT4 if kind == "rows" else TensorProto.UINT4) in cast_types(out)
    own = run_tool(tools, path, "x", values, tmp_path, flag)
    assert runtime.relative_difference([expected], own) < 1e-6
    assert runtime.relative_difference([expected], runtime.run(out, values)) < 1e-6


def cast_types(path):
    """What the casts of a model make."""
    nodes = onnx.load(path).graph.node
    return {a.i for node in nodes if node.op_type == "Cast" for a in node.attribute}


def test_w4a4_of_a_model(tools, tmp_path):
    model = models.BY_NAME["shakespeare_llama"]
    path = tmp_path / "model.onnx"
    tools.optimize(model.path, path, "--quantize=W4A4")
    onnx.checker.check_model(path, full_check=True)
    assert TensorProto.INT4 in cast_types(path) and TensorProto.INT8 not in cast_types(path)
    values = model_input(model)
    name = onnx.load(path).graph.input[0].name
    own = run_tool(tools, model.path, name, values, tmp_path, "--quantize=W4A4")
    # A value on the border of two codes may fall on either side.
    assert runtime.relative_difference(own, runtime.run(path, values)) < 0.02
