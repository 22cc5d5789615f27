"""`--quantize` and `--prune` on real models: stored numbers against the numpy reference."""

import json

import numpy as np
import pytest

from support import graph, protocols, quantization, runtime

INT4_PRUNED = ("--quantize=int4", "--prune=2:4")


def source_weight(original, weight):
    """The weight before compression: batch normalization is folded into it first."""
    return graph.fold_batch_norm(original, weight)


def selected_pairs(model, path):
    """(weight before, weight after) of everything that must have been compressed."""
    original, compressed = graph.Graph(model.path), graph.Graph(path)
    chosen = {id(weight.node) for weight in graph.selected_weights(original)}
    pairs = graph.match(original, compressed)
    assert chosen
    return original, [(old, new) for old, new in pairs if id(old.node) in chosen], pairs


def assert_same_numbers(expected, actual, name):
    """Codes and scales must agree bit for bit, element by element."""
    assert actual.codes is not None, f"{name} was not quantized ({actual.form})"
    np.testing.assert_array_equal(actual.codes, expected.codes, f"codes of {name}")
    np.testing.assert_array_equal(
        np.ascontiguousarray(actual.scales, np.float32).view(np.uint32),
        np.ascontiguousarray(expected.scales, np.float32).view(np.uint32),
        f"scales of {name}",
    )
    np.testing.assert_array_equal(
        actual.zero_points, expected.zero_points, f"zero points of {name}"
    )


SCHEMES = {
    "int4-2:4": (
        INT4_PRUNED,
        lambda weight, conv: quantization.quantize_int(quantization.prune(weight), conv),
    ),
    "int4": (("--quantize=int4",), quantization.quantize_int),
    "int4-group32": (
        ("--quantize=int4,group=32",),
        lambda weight, conv: quantization.quantize_int(weight, conv, 4, 32),
    ),
    "int2-group32": (
        ("--quantize=int2,group=32",),
        lambda weight, conv: quantization.quantize_int(weight, conv, 2, 32),
    ),
    "w8": (("--quantize=w8",), quantization.quantize_w8),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_codes_and_scales_equal_the_reference(model, export, scheme):
    flags, reference = SCHEMES[scheme]
    original, pairs, _ = selected_pairs(model, export(model, *flags))
    for old, new in pairs:
        expected = reference(source_weight(original, old), old.is_conv)
        assert_same_numbers(expected, new, old.node.name or f"{old.node.op_type} {old.stored}")


def test_embedding_tables_and_tied_weights_are_left_alone(model, export):
    original, selected, pairs = selected_pairs(model, export(model, *INT4_PRUNED))
    compressed = {id(old.node) for old, _ in selected}
    rest = [(old, new) for old, new in pairs if id(old.node) not in compressed]
    for old, new in rest:
        np.testing.assert_array_equal(old.values, new.dense)
    tables = original.lookup_tables()
    kept = graph.Graph(export(model, *INT4_PRUNED)).lookup_tables()
    assert len(tables) == len(kept)


def test_every_selected_weight_is_2_of_4(model, export):
    _, pairs, _ = selected_pairs(model, export(model, *INT4_PRUNED))
    checked = 0
    for old, new in pairs:
        size = new.codes.shape[-1]
        if size < 4:
            continue
        whole = new.codes[..., : size // 4 * 4]
        zero = new.zero_points[..., : size // 4 * 4]
        kept = (whole != zero).reshape(*whole.shape[:-1], -1, 4).sum(-1)
        assert kept.max() <= 2, old.node.name
        checked += 1
    assert checked


def test_dense_form_holds_the_decoded_weights(model, export):
    """The dense export is what onnxruntime's DequantizeLinear computes, bit for bit."""
    quantized = graph.Graph(export(model, *INT4_PRUNED))
    dense = graph.Graph(export(model, *INT4_PRUNED, "--form=dense"))
    pairs = graph.match(quantized, dense)
    assert any(old.codes is not None for old, _ in pairs)
    for old, new in pairs:
        assert new.dense is not None, f"{old.node.name} is not dense"
        np.testing.assert_array_equal(new.dense, old.values, old.node.name)


def test_quantized_model_computes_what_the_dense_form_does(model, export):
    values = model.random_input()
    expected = runtime.run(export(model, *INT4_PRUNED, "--form=dense"), values)
    actual = runtime.run(export(model, *INT4_PRUNED), values)
    assert runtime.relative_difference(expected, actual) <= 1e-5


def test_matmulnbits_form_computes_what_the_qdq_form_does(model, export):
    flags = ("--quantize=int4,group=32",)
    path = export(model, *flags, "--form=matmulnbits")
    values = model.random_input()
    expected = runtime.run(export(model, *flags), values)
    assert runtime.relative_difference(expected, runtime.run(path, values)) <= 1e-5
    plain = [
        old
        for old, _ in selected_pairs(model, path)[1]
        if old.node.op_type == "MatMul" and old.values.ndim == 2
    ]
    written = [node for node in graph.Graph(path).nodes if node.op_type == "MatMulNBits"]
    assert len(written) >= len(plain)


def test_codes_survive_reading_what_was_written(model, export, tools, tmp_path):
    for flags in (("--quantize=int4,group=32",), ("--quantize=int4,group=32", "--form=matmulnbits")):
        again = tmp_path / "again.onnx"
        tools.optimize(export(model, *flags), again)
        before, after = graph.Graph(export(model, *flags)), graph.Graph(again)
        for old, new in graph.match(before, after):
            np.testing.assert_array_equal(old.values, new.values)


def test_int4_weights_are_five_times_smaller(model, export):
    original, pairs, _ = selected_pairs(model, export(model, "--quantize=int4,group=32"))
    compressed = graph.Graph(export(model, "--quantize=int4,group=32"))
    grouped = [
        (old, new) for old, new in pairs if not old.is_conv or old.values[0].size >= 64
    ]
    before = original.bytes_of(name for old, _ in grouped for name in old.stored)
    after = compressed.bytes_of(name for _, new in grouped for name in new.stored)
    assert before >= 5 * after


# Round-to-nearest int4 of onnxruntime, blocks of 32, measured on the same data, as perplexity or
# top-1 percent. The TorchScript export unties the output head, so that it is quantized too: 23.695
# with one symmetric scale per block, against 23.693 with onnxruntime's scale and zero point.
RTN_INT4 = {
    "shakespeare_llama": 23.693,
    "shakespeare_llama_torchscript": 23.70,
    "shakespeare_moe": 28.831,
    "stories260K": 4.124,
    "vit_tiny": 61.54,
}


def test_int4_is_as_good_as_plain_rounding(model, export):
    value = protocols.evaluate(model.task, export(model, "--quantize=int4,group=32"))
    if value is None:
        pytest.skip("the evaluation data are not here")
    limit = RTN_INT4.get(model.name)
    if limit is None:
        # No int4 reference exists for convolutional models: the floor is what the numpy reference
        # reaches, less one sample in a hundred.
        limit = {"mnist_resdw": 99.40, "squeezenet": 36.81, "resnet20": 92.15}[model.name] - 1.0
    if protocols.is_perplexity(model.task):
        assert value <= limit
    else:
        assert value >= limit


# Dynamic int8 of onnxruntime on the same data (assets README).
DYNAMIC_INT8 = {
    "shakespeare_llama": 23.114,
    "shakespeare_llama_torchscript": 23.114,
    "shakespeare_moe": 28.536,
    "stories260K": 3.714,
    "squeezenet": 60.99,
    "resnet20": 92.98,
    "vit_tiny": 64.84,
    "mnist_resdw": 99.30,
}


def test_dynamic_int8_is_as_good_as_onnxruntimes(model, export):
    path = export(model, "--quantize=int8")
    names = [node.name for node in graph.Graph(path).nodes if node.name]
    assert len(names) == len(set(names)), "onnxruntime refuses two nodes of one name"
    quantizers = {"DynamicQuantizeLinear", "Round"}
    assert quantizers & {node.op_type for node in graph.Graph(path).nodes}
    value = protocols.evaluate(model.task, path)
    if value is None:
        pytest.skip("the evaluation data are not here")
    peer = DYNAMIC_INT8[model.name]
    if protocols.is_perplexity(model.task):
        assert value <= peer
    else:
        # One of 182 to 2000 samples is 0.05 to 0.6 points; resnet20 is two samples of 242 below.
        assert value >= peer - 1.0


def test_int8_weights_lose_almost_nothing(model, export):
    value = protocols.evaluate(model.task, export(model, "--quantize=w8"))
    if value is None:
        pytest.skip("the evaluation data are not here")
    if protocols.is_perplexity(model.task):
        assert value <= model.fp32 * 1.005
    else:
        assert value >= model.fp32 - 1.5


def test_report_has_a_line_for_every_weight(model, export, tools, tmp_path):
    report, output = tmp_path / "report.json", tmp_path / "out.onnx"
    result = tools.optimize(model.path, output, *INT4_PRUNED, f"--report={report}")
    assert isinstance(json.loads(report.read_text()), dict)
    original = graph.Graph(model.path)
    for weight in graph.selected_weights(original):
        if weight.node.name:
            assert weight.node.name in report.read_text()
    assert "int4" in result.stderr
