"""Model.groups(): what structured pruning removes together."""

import re

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import assets
from support.tool import DONE


def weights(group):
    keys = ("op", "weight", "dim", "role", "indices_per_unit")
    return [tuple(weight[key] for key in keys) for weight in group["weights"]]


@pytest.fixture(scope="module")
def proto():
    """y = relu(x A + a) B, x is [batch, 4], 6 hidden neurons, 3 results."""
    random = np.random.default_rng(0)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "A", "a"], ["h"], name="up"),
            helper.make_node("Relu", ["h"], ["r"], name="relu"),
            helper.make_node("MatMul", ["r", "B"], ["y"], name="down"),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [
            numpy_helper.from_array(random.standard_normal(shape, dtype=np.float32), name)
            for name, shape in (("A", (4, 6)), ("a", (6,)), ("B", (6, 3)))
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_groups_of_a_model(package, proto):
    inputs, hidden, outputs = package.load(proto).groups()
    assert (hidden["kind"], hidden["units"], hidden["prunable"]) == ("neuron", 6, True)
    assert (hidden["reason"], hidden["blocked_by"]) == ("", "")
    assert weights(hidden) == [("up", "A", 1, "output", 1), ("down", "B", 0, "input", 1)]
    (bias,) = hidden["parameters"]
    assert (bias["parameter"], bias["dim"], bias["indices_per_unit"]) == ("a", 0, 1)
    assert (inputs["prunable"], inputs["reason"]) == (False, "an argument of the model")
    assert weights(inputs) == [("up", "A", 0, "input", 1)]
    assert (outputs["prunable"], outputs["reason"]) == (False, "a result of the model")
    assert outputs["blocked_by"] == "func.return"
    assert weights(outputs) == [("down", "B", 1, "output", 1)]


def test_groups_of_a_compressed_model_are_blocked(package, proto):
    groups = package.load(proto).compress(quantize="int8").groups()
    assert groups and not any(group["prunable"] for group in groups)
    assert "compressed already" in " ".join(group["reason"] for group in groups)


def test_unknown_operators_are_named(package, proto):
    changed = type(proto)()
    changed.CopyFrom(proto)
    proto = changed
    proto.graph.node.insert(2, helper.make_node("Custom", ["r"], ["c"], domain="acme", name="custom"))
    proto.graph.node[3].input[0] = "c"
    proto.opset_import.append(helper.make_opsetid("acme", 1))
    hidden = next(
        group for group in package.load(proto).groups() if weights(group)[0][:2] == ("up", "A")
        and weights(group)[0][3] == "output"
    )
    assert not hidden["prunable"]
    assert "ONNX Custom" in hidden["reason"] and hidden["blocked_by"] == 'Custom "custom"'


def test_groups_of_models(package, model):
    groups = package.load(model.path).groups()
    assert [group["number"] for group in groups] == sorted(group["number"] for group in groups)
    for group in groups:
        assert group["kind"] in ("head", "neuron", "channel")
        assert group["units"] >= 1 and group["weights"]
        assert group["prunable"] == (not group["reason"])
        assert not group["prunable"] or group["units"] >= 2


@pytest.mark.parametrize(
    "file",
    [
        "vit_tiny_tinyimagenet/vit_tiny_tinyimagenet.onnx",
        "squeezenet/squeezenet1.0_deepcompression_fp32.onnx",
        "mnist_resdw/mnist_resdw.onnx",
        "cifar10_resnet/resnet20.onnx",
        "shakespeare_llama/model.onnx",
        "stories260K/stories260K.onnx",
    ],
)
def test_most_parameters_are_prunable(tools, tmp_path, file):
    path = assets.model_path(file)
    if path is None:
        pytest.skip(f"{file} is not here")
    text = tmp_path / "groups.txt"
    passes = f"compress-normalize-pipeline,compress-print-groups{{output={text}}}"
    result = tools.run(
        "compress-opt", path, f"--pass-pipeline=builtin.module({passes})", "-o", tmp_path / "m.mlirbc"
    )
    assert result.code == DONE, result.stderr
    prunable, total = re.search(r"prunable parameters: (\d+) of (\d+)", text.read_text()).groups()
    assert int(prunable) >= 0.6 * int(total)
