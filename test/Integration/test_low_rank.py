"""Low-rank splitting on whole models: what is exact, what data is good for, and what adds up."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import assets, models, native, protocols, runtime

TOKENS, CHANNELS, HEADS, SIZE = 10, 24, 3, 8


def attention_model(path, rank, biased=True, layout="nk"):
    """Self-attention whose products of queries and keys have the rank `rank` in every head."""
    random = np.random.default_rng(0)
    weights, nodes = {}, []

    def add(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=f"/{output}", **attributes))
        return output

    def project(name, size_rank):
        rows = [random.standard_normal((SIZE, size_rank)) @ random.standard_normal((size_rank, CHANNELS + 1)) for _ in range(HEADS)]
        rows = np.concatenate(rows).astype(np.float32) * np.float32(0.1)
        weights[f"{name}.weight"] = np.ascontiguousarray(rows[:, :-1].T)
        value = add("MatMul", ["x", f"{name}.weight"], f"{name}_mm")
        if biased:
            weights[f"{name}.bias"] = rows[:, -1]
            value = add("Add", [value, f"{name}.bias"], f"{name}_add")
        value = add("Reshape", [value, "split"], f"{name}_heads")
        return value

    weights["split"] = np.array([0, TOKENS, HEADS, SIZE], np.int64)
    weights["join"] = np.array([0, TOKENS, HEADS * SIZE], np.int64)
    weights["scale"] = np.array(SIZE**-0.5, np.float32)
    query = add("Transpose", [project("query", rank)], "q", perm=[0, 2, 1, 3])
    key = add("Transpose", [project("key", SIZE)], "k", perm=[0, 2, 3, 1])
    value = add("Transpose", [project("value", SIZE)], "v", perm=[0, 2, 1, 3])
    scores = add("Mul", [add("MatMul", [query, key], "scores"), "scale"], "scaled")
    mixed = add("MatMul", [add("Softmax", [scores], "attention", axis=-1), value], "mixed")
    add("Reshape", [add("Transpose", [mixed], "back", perm=[0, 2, 1, 3]), "join"], "y")
    shape = ["batch", TOKENS, CHANNELS]
    graph = helper.make_graph(
        nodes,
        "attention",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def query_key(tools, source, output, *options):
    passes = (
        "compress-normalize-pipeline,compress-raise-composites,"
        f"{''.join(f'{o},' for o in options)}compress-factor-query-key{{low-rank=rank:3}}"
    )
    return tools.optimize(
        source, output, f"--pass-pipeline=builtin.module({passes})", "--remarks-filter=low-rank"
    ).stderr


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("calibrated", [False, True])
def test_query_and_key_of_a_low_rank_are_exact(tools, tmp_path, biased, calibrated):
    source, output = tmp_path / "model.onnx", tmp_path / "small.onnx"
    attention_model(source, rank=3, biased=biased)
    x = np.random.default_rng(1).standard_normal((4, TOKENS, CHANNELS)).astype(np.float32)
    options = []
    if calibrated:
        np.savez(tmp_path / "x.npz", x=np.concatenate([x] * 8))
        options.append(f"compress-collect-statistics{{data={tmp_path / 'x.npz'} collect=gram,moments}}")
    remarks = query_key(tools, source, output, *options)
    assert f"heads of 8 get 3 channels ({'drone' if calibrated else 'svd'})" in remarks
    difference = runtime.relative_difference(runtime.run(source, x), runtime.run(output, x))
    assert difference < 2e-5, difference
    sizes = sorted(t.dims[1] for t in onnx.load(output).graph.initializer if len(t.dims) == 2)
    assert sizes == [HEADS * 3, HEADS * 3, HEADS * SIZE]


def test_query_and_key_with_rotary_positions_stay(tools, tmp_path):
    model = models.BY_NAME["shakespeare_llama"]
    if model.path is None:
        pytest.skip("needs the shared assets")
    remarks = query_key(tools, model.path, tmp_path / "same.onnx")
    assert remarks.count("rotary positions, norms or several users are in between") == 6


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """shakespeare_llama with calibration data and a part of its evaluation text."""
    model = models.BY_NAME["shakespeare_llama"]
    if model.path is None:
        pytest.skip("needs the shared assets")
    tokens = np.fromfile(assets.model_path("shakespeare_llama/calib_tokens.u16"), "<u2")
    data = tmp_path_factory.mktemp("llama") / "data.npz"
    np.savez(data, input_ids=tokens[: 16 * 256].astype(np.int64).reshape(16, 256))
    return model.path, data, protocols.text_windows("shakespeare_llama")[:24]


def test_data_help_and_budgets_are_met(tools, llama, tmp_path):
    path, data, windows = llama
    perplexity = {}
    for method in ("svd", "asvd", "svd_llm"):
        output, report = tmp_path / f"{method}.mlirbc", tmp_path / "report.json"
        tools.optimize(
            path, output, f"--low-rank=budget:params=0.8,sensitivity=output,method={method}", f"--calibration={data}", f"--report={report}"
        )
        perplexity[method] = protocols.perplexity(native.Session(tools, path, module=output), windows)
        stored = json.loads(report.read_text())["totals"]
        after, before = stored["model_bytes_after"], stored["model_bytes_before"]
        assert 0.785 < after / before <= 0.8001, (method, after / before)
    assert perplexity["svd_llm"] < perplexity["asvd"] < perplexity["svd"], perplexity


def test_everything_in_one_command(tools, llama, tmp_path):
    """Split, shared, pruned and quantized: runs natively and in onnxruntime, and the report adds up."""
    path, _, windows = llama
    output, exported, report = tmp_path / "small.mlirbc", tmp_path / "small.onnx", tmp_path / "report.json"
    flags = ("--low-rank=ratio:0.9", "--prune=2:4", "--quantize=int4,group=32", "--share=duplicates")
    tools.optimize(path, output, *flags, f"--report={report}")
    tools.optimize(path, exported, *flags)
    ours = native.Session(tools, path, module=output).run(None, {"input_ids": windows[:2]})
    theirs = runtime.session(exported).run(None, {"input_ids": windows[:2]})
    assert runtime.relative_difference(theirs, ours) < 1e-4
    stored = json.loads(report.read_text())
    after = stored["totals"]["model_bytes_after"]
    files = sum(file.stat().st_size for file in tmp_path.glob("small*") if file.suffix != ".onnx")
    # The code of the graph and alignment come on top of the weights.
    assert 0 <= files - after < 0.1 * files, (files, after)
    assert any("svd" in layer["action"] and "int4" in layer["action"] for layer in stored["layers"])
    # Norm scales and the like have no line.
    lines = sum(layer["bytes_after"] for layer in stored["layers"] if not layer["shared"])
    assert 0 <= after - lines < 0.05 * after, (lines, after)


def test_what_is_left_after_a_split_may_have_no_activation(tools, tmp_path):
    """Data for vector codebooks are collected once more after the split: here for an embedding only."""
    model = models.BY_NAME["stories260K"]
    if model.path is None:
        pytest.skip("needs the shared assets")
    np.savez(tmp_path / "x.npz", **{native.input_names(model.path)[0]: model.random_input(0)})
    (tmp_path / "recipe.yaml").write_text(
        "version: 1\n"
        "rules:\n"
        "- select: { op: linear }\n"
        "  low_rank: { target: 'ratio:0.7', method: svd_llm }\n"
        "- select: { op: embedding }\n"
        "  share: [ { kind: duplicates }, { kind: 'codebook:64', dim: 4 } ]\n"
    )
    output, report = tmp_path / "small.onnx", tmp_path / "report.json"
    tools.optimize(
        model.path, output, f"--recipe={tmp_path / 'recipe.yaml'}", f"--calibration={tmp_path / 'x.npz'}", f"--report={report}"
    )
    layers = json.loads(report.read_text())["layers"]
    assert any("svd_llm" in layer["action"] for layer in layers)
    assert np.isfinite(runtime.run(output, model.random_input(1))[0]).all()


def test_few_samples_do_not_make_weights_grow(tools, tmp_path):
    """The second factor sees few directions on two samples; its codebooks stay near the weights in all others."""
    random = np.random.default_rng(0)
    weights = [numpy_helper.from_array(random.standard_normal((64, 64), dtype=np.float32) / 8, f"w{i}") for i in range(2)]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["m"], name="/first"),
        helper.make_node("Relu", ["m"], ["h"]),
        helper.make_node("MatMul", ["h", "w1"], ["y"], name="/second"),
    ]
    shape = ["batch", 64]
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        weights,
    )
    source, output, report = tmp_path / "model.onnx", tmp_path / "small.onnx", tmp_path / "report.json"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), source)
    np.savez(tmp_path / "x.npz", x=random.standard_normal((2, 64)).astype(np.float32))
    flags = ("--low-rank=ratio:0.7", "--share=codebook:16,dim=4", f"--calibration={tmp_path / 'x.npz'}")
    tools.optimize(source, output, *flags, f"--report={report}")
    layers = json.loads(report.read_text())["layers"]
    assert len(layers) == 4
    assert all(layer["relative_error"] < 1.5 for layer in layers), layers
    x = random.standard_normal((8, 64)).astype(np.float32)
    ours = native.Session(tools, output).run(None, {"x": x})
    assert runtime.relative_difference(runtime.run(output, x), ours) < 1e-5
