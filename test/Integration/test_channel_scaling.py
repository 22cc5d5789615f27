"""`compress-smooth`, `compress-awq`, `compress-equalize`: models compute what they did, and rounding
to nearest loses less afterwards."""

import numpy as np
import onnx
import pytest
from test_rotation import inject_outliers

from support import assets, native, protocols, runtime

PASSES = ("compress-smooth", "compress-awq{format=int4,group=32 clip=false}", "compress-equalize")
# How many activations are scaled at least, of those of all passes.
SCALED = {
    "shakespeare_llama": 12,
    "shakespeare_llama_torchscript": 12,
    "shakespeare_moe": 3,
    "stories260K": 10,
    "vit_tiny": 12,
    "mnist_resdw": 9,
    "resnet20": 9,
    "squeezenet": 17,
}


def pipeline(data, *passes):
    collect = f"compress-collect-statistics{{data={data} collect=minmax,moments,gram}}"
    first = ("compress-normalize-pipeline", "compress-raise-composites", collect)
    return f"--pass-pipeline=builtin.module({','.join((*first, *passes))})"


def save_samples(path, model_path, values):
    name = runtime.session(model_path).get_inputs()[0].name
    np.savez(path, **{name: values})
    return path


@pytest.mark.parametrize("name", PASSES, ids=("smooth", "awq", "equalize"))
def test_output_is_kept(tools, model, name, tmp_path):
    values = model.random_input()
    data = save_samples(tmp_path / "samples.npz", model.path, values)
    remarks = tools.optimize(
        model.path, tmp_path / "scaled.onnx", pipeline(data, name), "--remarks-filter=smooth|awq|equalize"
    ).stderr
    assert remarks.count("[Passed]") >= SCALED.get(model.name, 0)
    before = runtime.run(model.path, values)
    assert runtime.relative_difference(before, runtime.run(tmp_path / "scaled.onnx", values)) < 1e-4


def test_output_is_kept_natively(tools, tmp_path):
    source = assets.model_path("shakespeare_llama/model.onnx")
    values = protocols.text_windows("shakespeare_llama")[:2].astype(np.int64)
    data = save_samples(tmp_path / "samples.npz", source, values)
    module = tmp_path / "scaled.mlirbc"
    tools.optimize(source, module, pipeline(data, *PASSES))
    session = native.Session(tools, source, module=module)
    after = session.run(None, {session.get_inputs()[0].name: values})
    assert runtime.relative_difference(runtime.run(source, values), after) < 1e-4


def test_second_run_changes_nothing(tools, tmp_path):
    source = assets.model_path("shakespeare_llama/model.onnx")
    values = protocols.text_windows("shakespeare_llama")[:2].astype(np.int64)
    data = save_samples(tmp_path / "samples.npz", source, values)
    for name in ("compress-smooth", "compress-equalize"):
        tools.optimize(source, tmp_path / "once.onnx", pipeline(data, name))
        tools.optimize(source, tmp_path / "twice.onnx", pipeline(data, name, name))
        assert (tmp_path / "once.onnx").read_bytes() == (tmp_path / "twice.onnx").read_bytes()


@pytest.fixture(scope="module")
def outliers(tmp_path_factory):
    """The model with outlier channels, samples to calibrate with, and other text to evaluate."""
    folder = tmp_path_factory.mktemp("outliers")
    source = assets.model_path("shakespeare_llama/model.onnx")
    path = folder / "outliers.onnx"
    onnx.save(inject_outliers(onnx.load(str(source))), str(path))
    windows = protocols.text_windows("shakespeare_llama")
    data = save_samples(folder / "samples.npz", path, windows[-16:].astype(np.int64))
    return path, data, windows[:16], protocols.perplexity(path, windows[:16])


def get_loss(tools, outliers, quantize, folder):
    """Increase of the mean loss per token by quantization."""
    path, data, windows, exact = outliers
    output = folder / "quantized.onnx"
    tools.optimize(path, output, f"--quantize={quantize},method=rtn", f"--calibration={data}")
    return np.log(protocols.perplexity(output, windows) / exact)


def test_smoothing_helps_static_int8(tools, outliers, tmp_path):
    plain = get_loss(tools, outliers, "int8,activations=static", tmp_path)
    smooth = get_loss(tools, outliers, "int8,activations=static,transform=smoothquant", tmp_path)
    assert smooth < 0.5 * plain


@pytest.mark.parametrize("quantize", ("int3,group=64,asymmetric", "int4,group=128"))
def test_awq_helps_few_bits(tools, outliers, quantize, tmp_path):
    plain = get_loss(tools, outliers, quantize, tmp_path)
    awq = get_loss(tools, outliers, quantize + ",transform=awq", tmp_path)
    assert awq < 0.8 * plain
