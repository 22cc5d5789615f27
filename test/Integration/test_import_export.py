"""A model that is only read and written again, or only normalised, computes the same."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from support import runtime


def named_tensors(graph):
    """Name -> (element type, dims, bytes) of the initializers of a graph."""
    return {
        tensor.name: (tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes())
        for tensor in graph.initializer
    }


def attribute_value(attribute):
    """An attribute as something that compares equal when it means the same."""
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return (value.data_type, tuple(value.dims), numpy_helper.to_array(value).tobytes())
    if isinstance(value, onnx.GraphProto):
        return signature(value)
    return tuple(value) if isinstance(value, (list, tuple)) else value


def signature(graph):
    """What must survive of the nodes of a graph, in order."""
    return [
        (
            node.domain,
            node.op_type,
            node.name,
            len(node.input),
            len(node.output),
            sorted((item.name, item.type, attribute_value(item)) for item in node.attribute),
            sorted((item.key, item.value) for item in node.metadata_props),
        )
        for node in graph.node
    ]


def border(values):
    return [value.SerializeToString(deterministic=True) for value in values]


def test_unchanged_export_keeps_every_initializer(model, export):
    before = named_tensors(onnx.load(model.path).graph)
    after = named_tensors(onnx.load(export(model)).graph)
    assert list(before) == list(after)
    changed = [name for name in before if before[name] != after[name]]
    assert not changed


def test_unchanged_export_keeps_nodes_and_metadata(model, export):
    before, after = onnx.load(model.path), onnx.load(export(model))
    assert signature(before.graph) == signature(after.graph)
    assert border(before.graph.input) == border(after.graph.input)
    assert border(before.graph.output) == border(after.graph.output)
    imports = lambda loaded: {(entry.domain, entry.version) for entry in loaded.opset_import}  # noqa: E731
    assert imports(before) == imports(after)
    assert before.ir_version == after.ir_version
    assert before.graph.name == after.graph.name
    assert before.doc_string == after.doc_string
    kept = {entry.key: entry.value for entry in after.metadata_props}
    for entry in before.metadata_props:
        assert kept[entry.key] == entry.value


def test_unchanged_export_computes_the_same_bits(model, export):
    values = model.random_input()
    for expected, actual in zip(runtime.run(model.path, values), runtime.run(export(model), values)):
        np.testing.assert_array_equal(expected, actual)


def test_exported_file_is_valid_onnx(model, export):
    onnx.checker.check_model(str(export(model)), full_check=True)


def test_export_of_an_export_is_the_same_file(model, export, tools, tmp_path):
    again = tmp_path / "again.onnx"
    tools.optimize(export(model), again)
    assert again.read_bytes() == export(model).read_bytes()


def test_normalised_model_computes_the_same(model, export):
    values = model.random_input()
    expected = runtime.run(model.path, values)
    actual = runtime.run(export(model, "--compress-normalize-onnx"), values)
    assert runtime.relative_difference(expected, actual) <= 1e-5


def test_normalised_model_keeps_its_border(model, export):
    before = onnx.load(model.path).graph
    after = onnx.load(export(model, "--compress-normalize-onnx")).graph
    assert [value.name for value in before.input] == [value.name for value in after.input]
    assert [value.name for value in before.output] == [value.name for value in after.output]


@pytest.mark.parametrize("suffix", [".mlir", ".mlirbc"])
def test_a_model_survives_the_detour_through_mlir(model, export, tools, tmp_path, suffix):
    if suffix == ".mlir" and model.path.stat().st_size > 2_000_000:
        pytest.skip("text form of the larger models takes long and shows nothing new")
    detour, output = tmp_path / f"model{suffix}", tmp_path / "model.onnx"
    tools.optimize(model.path, detour)
    tools.optimize(detour, output)
    assert output.read_bytes() == export(model).read_bytes()
