"""`compress-slice-gpt`: what is removed is what calibration says is not there, and sliced models run everywhere."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from support import assets, models, native, protocols, runtime

# Families of residual streams: rms_norm with a tied head, the same with other names, and layer_norm.
SLICEABLE = ("shakespeare_llama", "shakespeare_llama_torchscript", "stories260K", "vit_tiny")


def pipeline(*passes):
    return f"--pass-pipeline=builtin.module(compress-normalize-pipeline,{','.join(passes)})"


@pytest.fixture(scope="module")
def statistics(tools, tmp_path_factory):
    """Statistics of a model by name, collected once."""
    folder = tmp_path_factory.mktemp("statistics")

    def get(name, path=None, samples=None):
        model = models.BY_NAME[name]
        file = folder / f"{(path or model.path).stem}_{name}.safetensors"
        if not file.exists():
            data = calibration(model) if samples is None else samples
            np.savez(folder / f"{name}.npz", **data)
            collect = f"compress-collect-statistics{{data={folder / name}.npz collect=gram,moments output={file}}}"
            tools.optimize(path or model.path, folder / "same.onnx", pipeline(collect))
        return file

    return get


def calibration(model):
    """Samples of the task, else random ones."""
    name = runtime.session(model.path).get_inputs()[0].name
    tokens = assets.model_path(f"{model.task}/calib_tokens.u16")
    if tokens is not None:
        length = protocols.text_windows(model.task).shape[1]
        return {name: np.fromfile(tokens, "<u2").astype(np.int64)[: 32 * length].reshape(32, length)}
    if model.vocabulary:
        tokens = assets.model_path(f"{model.task}/selfgen_tokens.u16")
        return {name: np.fromfile(tokens, "<u2").astype(np.int64).reshape(96, 256)[:16]}
    return {name: np.concatenate([model.random_input(seed) for seed in range(8)])}


def cut(tools, source, output, file, prune, *more):
    """Slices a model into another file; returns the remarks."""
    passes = (f"compress-load-statistics{{file={file}}}", f"compress-slice-gpt{{prune={prune}}}", *more)
    return tools.optimize(source, output, pipeline(*passes), "--remarks-filter=prune").stderr


def count_parameters(path):
    """Elements of all float tensors but scalars."""
    return sum(
        int(np.prod(tensor.dims))
        for tensor in onnx.load(str(path)).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) > 1
    )


@pytest.fixture
def sliceable(model):
    if model.name not in SLICEABLE:
        pytest.skip("no residual stream")
    return model


@pytest.mark.parametrize("ratio", (0.1, 0.25, 0.3))
def test_runs_everywhere(tools, sliceable, statistics, ratio, tmp_path):
    """The exported model is valid and computes what native code does, with the shapes it had."""
    file = statistics(sliceable.name)
    remarks = cut(tools, sliceable.path, tmp_path / "sliced.onnx", file, f"slice:{ratio}")
    assert "is sliced to" in remarks and "is not sliced" not in remarks
    onnx.checker.check_model(str(tmp_path / "sliced.onnx"), full_check=True)
    before, after = (
        [(entry.name, entry.shape) for entry in runtime.session(path).get_outputs()]
        for path in (sliceable.path, tmp_path / "sliced.onnx")
    )
    assert before == after
    values = sliceable.random_input()
    exported = runtime.run(tmp_path / "sliced.onnx", values)
    assert np.isfinite(exported[0]).all()
    if ratio != 0.25:
        return
    cut(tools, sliceable.path, tmp_path / "sliced.mlirbc", file, f"slice:{ratio}")
    session = native.Session(tools, sliceable.path, module=tmp_path / "sliced.mlirbc")
    compiled = session.run(None, {session.get_inputs()[0].name: values})
    assert runtime.relative_difference(exported, compiled) < 1e-4


def test_mean_is_free(tools, statistics, tmp_path):
    """layer_norm does not see the mean of the channels: one direction goes without a change."""
    model = models.BY_NAME["vit_tiny"]
    if model.path is None:
        pytest.skip("vit_tiny is not here")
    remarks = cut(tools, model.path, tmp_path / "sliced.onnx", statistics("vit_tiny"), "slice:0.005")
    assert "residual stream of 192 channels is sliced to 191" in remarks
    values = model.random_input(seed=100)
    before, after = runtime.run(model.path, values), runtime.run(tmp_path / "sliced.onnx", values)
    assert runtime.relative_difference(before, after) < 1e-4


def remove_directions(source, path, keep, seed=3):
    """Writes a decoder whose residual stream has only `keep` of its 128 directions: everything that
    writes it is projected. Norms have other scales."""
    model = onnx.load(str(source))
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.standard_normal((128, 128)))[0][:, :keep]
    projection = basis @ basis.T
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in stored.items()}
    sums = {output for node in model.graph.node if node.op_type == "Add" for output in node.input}
    table = next(node.input[0] for node in model.graph.node if node.op_type == "Gather" and
                 node.input[0] in arrays and arrays[node.input[0]].shape == (1024, 128))
    written = {table: arrays[table] @ projection}
    for node in model.graph.node:
        if node.op_type != "MatMul" or node.output[0] not in sums:
            continue
        name = node.input[1]
        if name in arrays and arrays[name].shape[1] == 128:
            written[name] = arrays[name] @ projection
    assert len(written) >= 9
    for name, value in written.items():
        stored[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, str(path))


def test_missing_directions_are_free(tools, statistics, tmp_path):
    """A stream that lies in 96 of 128 directions is sliced to them without a change: rotation, scales
    of norms, shortcuts and the old number of channels in norms are right."""
    model = models.BY_NAME["shakespeare_llama"]
    source = tmp_path / "narrow.onnx"
    remove_directions(model.path, source, keep=96)
    file = statistics("shakespeare_llama", path=source)
    values = model.random_input(seed=7)
    before = runtime.run(source, values)
    remarks = cut(tools, source, tmp_path / "exact.onnx", file, "slice:0.25")
    assert "sliced to 96" in remarks and "have 100 % of the energy" in remarks
    assert runtime.relative_difference(before, runtime.run(tmp_path / "exact.onnx", values)) < 1e-4
    # One direction less is a loss.
    cut(tools, source, tmp_path / "less.onnx", file, "slice:0.258")
    assert runtime.relative_difference(before, runtime.run(tmp_path / "less.onnx", values)) > 1e-3


def test_perplexity_falls_slowly(tools, statistics, tmp_path):
    """The more is removed the worse, and principal directions beat the same number of any others by far:
    a model that forgets 10 % of them is still a model. Small models do not become smaller: each of
    their layers pays for two shortcuts."""
    model = models.BY_NAME["shakespeare_llama"]
    windows = protocols.text_windows("shakespeare_llama")[:24]
    file = statistics("shakespeare_llama")
    values = [protocols.perplexity(model.path, windows)]
    for ratio in (0.1, 0.3):
        path = tmp_path / f"{ratio}.onnx"
        remarks = cut(tools, model.path, path, file, f"slice:{ratio}")
        values.append(protocols.perplexity(path, windows))
        assert f"-> {count_parameters(path)}" in remarks
    assert values[0] < values[1] < values[2]
    assert values[1] < 1.5 * values[0], values


def test_by_recipe(tools, tmp_path):
    """`--prune` with statistics of all layers, then weights are quantized: shortcuts stay floats."""
    model = models.BY_NAME["shakespeare_llama"]
    np.savez(tmp_path / "data.npz", **calibration(model))
    passes = (
        "compress-apply-recipe{prune=slice:0.25 quantize=int8}",
        f"compress-collect-statistics{{data={tmp_path / 'data.npz'} collect=gram,moments ops=*}}",
        "compress-slice-gpt",
        "compress-weights",
        "compress-verify-chains",
    )
    remarks = tools.optimize(
        model.path, tmp_path / "small.onnx", pipeline(*passes), "--remarks-filter=prune"
    ).stderr
    assert "has weights that are not planned, but sliced with it" in remarks
    stored = {tensor.name: tensor for tensor in onnx.load(str(tmp_path / "small.onnx")).graph.initializer}
    shortcuts = [tensor for name, tensor in stored.items() if ".shortcut" in name]
    assert shortcuts and all(t.data_type == onnx.TensorProto.FLOAT for t in shortcuts)
    assert any(tensor.data_type == onnx.TensorProto.INT8 for tensor in stored.values())
    windows = protocols.text_windows("shakespeare_llama")[:8]
    assert protocols.perplexity(tmp_path / "small.onnx", windows) < 200
