"""Graphs that are attributes of nodes come out of import and export as they were."""

import onnx
import pytest
from onnx import TensorProto, helper

FLOAT = TensorProto.FLOAT


def floats(name, dims):
    return helper.make_tensor_value_info(name, FLOAT, dims)


def weight(name, *numbers):
    return helper.make_tensor(name, FLOAT, [len(numbers)], numbers)


def sequence_of(name, dims):
    return helper.make_value_info(
        name, helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, dims))
    )


def loop_body():
    """An output that is an input, one that is an initializer, one of unknown type; a weight that
    nothing uses; an inner body with a weight of the same name as one of a later branch."""
    inner = helper.make_graph(
        [helper.make_node("Add", ["v", "w"], ["t"], name="inner add")],
        "then",
        [],
        [floats("t", ["N"])],
        [weight("w", 1.0, 2.0)],
    )
    other = helper.make_graph(
        [helper.make_node("Mul", ["v", "w"], ["e"])],
        "else",
        [],
        [onnx.ValueInfoProto(name="e")],
        [weight("unused", 7.0), weight("w", 3.0, 4.0)],
    )
    return helper.make_graph(
        [
            helper.make_node("If", ["cond"], ["u"], then_branch=inner, else_branch=other),
            helper.make_node("Identity", ["list"], ["list out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("cond", TensorProto.BOOL, []),
            floats("v", ["N"]),
            sequence_of("list", ["A", None]),
        ],
        [
            helper.make_tensor_value_info("cond", TensorProto.BOOL, []),
            onnx.ValueInfoProto(name="u"),
            sequence_of("list out", ["B", 2]),
            floats("stacked", [1]),
        ],
        [weight("stacked", 5.0)],
        doc_string="the body",
    )


def custom(name, *graphs):
    node = helper.make_node("Custom", ["x"], [name], name=name, domain="test")
    node.attribute.append(helper.make_attribute("graphs", list(graphs)))
    node.attribute.append(helper.make_attribute("text", ""))
    node.attribute.append(helper.make_attribute("value", weight("a name", 1.0)))
    return node


def plain_graph(name):
    return helper.make_graph(
        [helper.make_node("Add", ["p", "k"], ["q"])],
        name,
        [floats("p", ["P"])],
        [floats("q", ["P"])],
        [weight("k", 1.5)],
    )


@pytest.fixture
def source():
    graph = helper.make_graph(
        [
            helper.make_node("Loop", ["n", "go", "x", "s"], ["y", "sy", "z"], body=loop_body()),
            custom("two", plain_graph("first"), plain_graph("second")),
        ],
        "main",
        [
            helper.make_tensor_value_info("n", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            floats("x", ["N"]),
            sequence_of("s", ["S", "T"]),
        ],
        [
            floats("y", ["N"]),
            sequence_of("sy", ["S", None]),
            floats("z", None),
            floats("two", ["M"]),
        ],
        [weight("main weight", 9.0)],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("test", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def in_one_form(model):
    """Attributes by name, contents of tensors as bytes, no empty fields."""

    def visit(graph):
        tensors = list(graph.initializer)
        for node in graph.node:
            ordered = sorted(node.attribute, key=lambda item: item.name)
            ordered = [onnx.AttributeProto.FromString(a.SerializeToString()) for a in ordered]
            del node.attribute[:]
            node.attribute.extend(ordered)
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    tensors.append(attribute.t)
                for body in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                    visit(body)
        for tensor in tensors:
            numbers = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))
        for node in graph.node:
            if not node.domain:
                node.ClearField("domain")

    result = onnx.ModelProto()
    result.CopyFrom(model)
    visit(result.graph)
    for entry in result.opset_import:
        if not entry.domain:
            entry.ClearField("domain")
    return result


@pytest.mark.parametrize("detour", [None, "model.mlir", "model.mlirbc"])
def test_bodies_are_unchanged(source, detour, tools, tmp_path):
    first, output = tmp_path / "model.onnx", tmp_path / "out.onnx"
    onnx.save(source, str(first))
    if detour:
        tools.optimize(first, tmp_path / detour)
        first = tmp_path / detour
    tools.optimize(first, output)
    assert in_one_form(onnx.load(str(output))) == in_one_form(source)


def test_normalised_bodies_keep_their_borders_and_weights(source, tools, tmp_path):
    first, output = tmp_path / "model.onnx", tmp_path / "out.onnx"
    onnx.save(source, str(first))
    tools.optimize(first, output, "--compress-normalize-onnx")
    loop = onnx.load(str(output)).graph.node[0]
    before, after = loop_body(), loop.attribute[0].g
    assert list(before.input) == list(after.input)
    assert [value.name for value in after.output] == ["cond", "u", "list out", "stacked"]
    assert [tensor.name for tensor in after.initializer] == ["stacked"]
    branches = {item.name: item.g for item in after.node[0].attribute}
    assert [t.name for t in branches["then_branch"].initializer] == ["w"]
    assert [t.name for t in branches["else_branch"].initializer] == ["w"]
    assert branches["then_branch"].output[0] == floats("t", ["N"])
