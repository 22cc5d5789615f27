"""`compress-collect-streams` and `compress-prune-layers` on language models."""

import re

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from support import assets, native, protocols, runtime

# File and number of blocks of each model.
MODELS = {"shakespeare_llama": ("model.onnx", 6), "stories260K": ("stories260K.onnx", 5)}


def pipeline(*passes):
    return f"--pass-pipeline=builtin.module(compress-normalize-pipeline,{','.join(passes)})"


@pytest.fixture(params=MODELS)
def language(request, tmp_path):
    """Name, path, number of blocks, and a file with calibration tokens."""
    name = request.param
    file, blocks = MODELS[name]
    source = assets.model_path(f"{name}/{file}")
    if source is None:
        pytest.skip(f"{name} is not here")
    if name == "stories260K":
        values = np.fromfile(assets.model_path(f"{name}/selfgen_tokens.u16"), "<u2")
        tokens = values.reshape(96, 256)[:8].astype(np.int64)
    else:
        length = protocols.text_windows(name).shape[1]
        values = np.fromfile(assets.model_path(f"{name}/calib_tokens.u16"), "<u2")
        tokens = values[: 8 * length].reshape(8, length).astype(np.int64)
    path = tmp_path / "tokens.npz"
    np.savez(path, input_ids=tokens)
    return name, source, blocks, path


def prune(tools, source, output, calibration, spec):
    """Removes blocks; returns the remarks."""
    collect = f"compress-collect-streams{{data={calibration}}}"
    passes = pipeline(collect, f"compress-prune-layers{{prune={spec}}}")
    return tools.optimize(source, output, passes, "--remarks-filter=prune").stderr


def removed(remarks):
    return re.findall(r'block "(\w+)" is removed', remarks)


def test_removed_layers(tools, language, tmp_path):
    """Models run and export; influences are in range and the lowest ones go."""
    name, source, blocks, calibration = language
    count = 2 if name == "stories260K" else 1
    perplexities = {"all": protocols.evaluate(name, native.Session(tools, source), samples=8)}
    tokens = np.load(calibration)["input_ids"][:1]
    for method in ("block_influence", "angular", "last"):
        spec = f"layer:{count},method={method}"
        remarks = prune(tools, source, tmp_path / "pruned.mlirbc", calibration, spec)
        tools.optimize(tmp_path / "pruned.mlirbc", tmp_path / "pruned.onnx")
        gone = removed(remarks)
        assert len(gone) == count
        found = re.findall(r'block "(\w+)": influence ([\d.e-]+)', remarks)
        scores = {block: float(score) for block, score in found}
        if method == "block_influence":
            assert len(scores) == blocks and all(0 <= score <= 2 for score in scores.values())
            assert sorted(gone) == sorted(sorted(scores, key=scores.get)[:count])
        session = native.Session(tools, source, module=tmp_path / "pruned.mlirbc")
        exported = runtime.run(tmp_path / "pruned.onnx", tokens)
        inputs = {session.get_inputs()[0].name: tokens}
        assert runtime.relative_difference(exported, session.run(None, inputs)) < 1e-4
        perplexities[method] = protocols.evaluate(name, session, samples=8)
    print(name, count, perplexities)
    base = perplexities.pop("all")
    assert all(base < value < 1000 for value in perplexities.values())


def test_layers_are_gone_from_the_file(tools, language, tmp_path):
    name, source, blocks, calibration = language
    sizes = []
    for count in (0, 1, 2):
        prune(tools, source, tmp_path / "pruned.onnx", calibration, f"layer:{count},method=last")
        model = onnx.load(tmp_path / "pruned.onnx")
        sizes.append(sum(numpy_helper.to_array(tensor).size for tensor in model.graph.initializer))
    # All blocks have as many parameters.
    assert sizes[0] - sizes[1] == sizes[1] - sizes[2] > 0


def test_too_many(tools, language, tmp_path):
    name, source, blocks, calibration = language
    passes = pipeline(f"compress-prune-layers{{prune=layer:{blocks},method=last}}")
    result = tools.run("compress-opt", source, passes, "-o", tmp_path / "x.onnx")
    assert result.code != 0
    assert f"which has {blocks} blocks, of which {blocks} can be removed" in result.stderr
    assert not (tmp_path / "x.onnx").exists()


def test_a_layer_that_does_nothing(tools, tmp_path):
    """Its influence is 0, and the model is the same without it, bit for bit."""
    source = assets.model_path("shakespeare_llama/model.onnx")
    if source is None:
        pytest.skip("shakespeare_llama is not here")
    model = onnx.load(source)
    # What the third block adds: its fourth and its last linear op.
    nodes = {node.name: node for node in model.graph.node}
    idle = {nodes[name].input[1] for name in ("node_linear_17", "node_linear_20")}
    for tensor in model.graph.initializer:
        if tensor.name in idle:
            idle.remove(tensor.name)
            tensor.CopyFrom(numpy_helper.from_array(np.zeros(tensor.dims, np.float32), tensor.name))
    assert not idle
    onnx.save(model, tmp_path / "idle.onnx")
    tokens = np.arange(256, dtype=np.int64).reshape(2, 128) * 7 % 1000
    np.savez(tmp_path / "tokens.npz", input_ids=tokens)
    source, output = tmp_path / "idle.onnx", tmp_path / "pruned.onnx"
    remarks = prune(tools, source, output, tmp_path / "tokens.npz", "layer:1")
    assert removed(remarks) == ["node_linear_14"]
    assert 'block "node_linear_14": influence 0"' in remarks
    before, after = runtime.run(source, tokens), runtime.run(output, tokens)
    assert (before[0] == after[0]).all()
