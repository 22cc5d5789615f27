"""Weight sharing on whole models: codebooks, what is stored twice, layers, and ALBERT's embedding."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import models, native, protocols, runtime


def need(name):
    model = models.BY_NAME[name]
    if model.path is None:
        pytest.skip("needs the shared assets")
    return model


def float_parameters(path):
    return sum(
        int(np.prod(tensor.dims))
        for tensor in onnx.load(str(path)).graph.initializer
        if tensor.data_type == TensorProto.FLOAT
    )


@pytest.mark.parametrize("entries, least", [(256, 63.7), (32, 50.0)])
def test_squeezenet_codebooks(tools, tmp_path, entries, least):
    """Top-1 (fp32: 63.74 %) of the compiled model; onnxruntime computes the same."""
    model = need("squeezenet")
    output, exported = tmp_path / "small.mlirbc", tmp_path / "small.onnx"
    tools.optimize(model.path, output, f"--share=codebook:{entries}")
    tools.optimize(model.path, exported, f"--share=codebook:{entries}")
    images, labels = protocols.images_of(model.task)
    session = native.Session(tools, model.path, module=output)
    assert protocols.top1(session, images, labels) >= least
    name = session.get_inputs()[0].name
    expected = runtime.session(exported).run(None, {name: images[:4]})
    assert runtime.relative_difference(expected, session.run(None, {name: images[:4]})) < 1e-5
    kinds = {node.op_type for node in onnx.load(str(exported)).graph.node}
    assert "Gather" in kinds


def test_deep_compression_is_smaller_than_the_published_model(tools, tmp_path):
    """Prune, share, Huffman: the archive, code and all, beside the published 8-bit codebook (676 kB)."""
    model = need("squeezenet")
    archive = tmp_path / "small.cmpr"
    result = native.compile_model(
        tools, model.path, archive, "--prune=unstructured,threshold=0", "--share=codebook:256", "--archive-encoding=huffman"
    )
    assert "ratio" in result.stdout + result.stderr
    assert archive.stat().st_size < 676_000
    package = native.package(tools)
    if package is None:
        return
    images, _ = protocols.images_of(model.task)
    name = native.input_names(model.path)[0]
    outputs = package.load_session(archive).run({name: images[:8]})
    expected = runtime.run(model.path, images[:8])
    # The model was pruned before, and no layer has more than 256 different weights.
    assert runtime.relative_difference(expected, list(outputs.values())) < 1e-4


@pytest.mark.parametrize("name", ["shakespeare_llama_torchscript", "stories260K_ts"])
def test_a_head_that_is_stored_twice_is_stored_once(tools, tmp_path, name):
    if name not in models.BY_NAME:
        pytest.skip("no such model")
    model = need(name)
    output, report = tmp_path / "small.onnx", tmp_path / "report.json"
    tools.optimize(model.path, output, "--share=duplicates", f"--report={report}")
    stored = json.loads(report.read_text())["totals"]
    vocabulary, width = 1024 if "shakespeare" in name else 512, 128 if "shakespeare" in name else 64
    # Folded constants may come on top.
    assert abs(stored["model_bytes_before"] - stored["model_bytes_after"] - 4 * vocabulary * width) < 4096
    inputs = model.random_input(0)
    assert runtime.relative_difference(runtime.run(model.path, inputs), runtime.run(output, inputs)) < 1e-5


def test_shared_layers_run_and_say_what_they_need(tools, tmp_path):
    model = need("shakespeare_llama")
    output, report = tmp_path / "small.onnx", tmp_path / "report.json"
    tools.optimize(model.path, output, "--share=layers:2", f"--report={report}")
    stored = json.loads(report.read_text())
    # 196 736 parameters per block: six blocks become two.
    block = (128 * 128 * 2 + 128 * 64 * 2 + 3 * 128 * 384 + 2 * 128) * 4
    totals = stored["totals"]
    assert abs(totals["model_bytes_before"] - totals["model_bytes_after"] - 4 * block) < 4096
    assert any("recovery training" in layer["action"] for layer in stored["layers"])
    outputs = runtime.run(output, model.random_input(0))
    assert np.isfinite(outputs[0]).all()


def test_albert_embedding(tools, tmp_path):
    """30000 x 768 with rank 128: 3 938 304 parameters; rows that occur often are kept better."""
    vocabulary, width, rank = 30000, 768, 128
    random = np.random.default_rng(0)
    table = random.standard_normal((vocabulary, 160), dtype=np.float32) @ random.standard_normal((160, width), dtype=np.float32)
    node = helper.make_node("Gather", ["table", "ids"], ["y"], name="/embedding")
    graph = helper.make_graph(
        [node],
        "embedding",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "length", width])],
        [numpy_helper.from_array(table, "table")],
    )
    source = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), source)
    plain = tmp_path / "plain.onnx"
    tools.optimize(source, plain, f"--share=embedding:{rank}")
    assert float_parameters(plain) == 3_938_304
    ids = random.integers(0, vocabulary, (2, 512))
    error = runtime.run(plain, ids)[0] - table[ids]
    assert 0.05 < np.linalg.norm(error) / np.linalg.norm(table[ids]) < 0.45


def test_rows_that_occur_often_are_kept_better(tools, tmp_path):
    """`method=fisher` weighs the rows of a table by the tokens of the samples."""
    vocabulary, width, rank = 400, 48, 12
    random = np.random.default_rng(0)
    weights = {
        "table": random.standard_normal((vocabulary, width), dtype=np.float32),
        "head": random.standard_normal((width, 8), dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["x"], name="/embedding"),
        helper.make_node("MatMul", ["x", "head"], ["y"], name="/head"),
    ]
    graph = helper.make_graph(
        nodes,
        "embedding",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "length", size]) for name, size in (("x", width), ("y", 8))],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    source = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), source)
    # Token k with a probability of about 1 / k.
    ids = np.minimum(np.exp(random.uniform(0, np.log(vocabulary), (16, 128))).astype(np.int64), vocabulary - 1)
    np.savez(tmp_path / "data.npz", ids=ids)
    errors = {}
    for method in ("svd", "fisher"):
        output = tmp_path / f"{method}.onnx"
        tools.optimize(source, output, f"--share=embedding:{rank},method={method}", f"--calibration={tmp_path / 'data.npz'}")
        errors[method] = np.square(runtime.run(output, ids)[0] - weights["table"][ids]).sum()
    # The weighted optimum, by Eckart and Young, and what the plain one loses.
    counts = np.bincount(ids.ravel(), minlength=vocabulary).astype(np.float64)
    scale = np.sqrt(np.maximum(counts, counts[counts > 0].min()))
    tail = np.linalg.svd(scale[:, None] * weights["table"].astype(np.float64), compute_uv=False)[rank:]
    assert errors["fisher"] < 0.8 * errors["svd"]
    assert errors["fisher"] <= 1.001 * np.square(tail).sum()
