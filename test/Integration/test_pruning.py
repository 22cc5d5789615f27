"""Pruned language models: what methods are worth, that both runtimes agree, what is stored."""

import numpy as np
import pytest
from support import assets, native, protocols, runtime

MODELS = {
    "shakespeare_llama": ("shakespeare_llama/model.onnx", 1024),
    "stories260K": ("stories260K/stories260K.onnx", 512),
}


def calibration(task):
    """Windows of the text that the model is calibrated on."""
    if task == "stories260K":
        path = assets.model_path("stories260K/selfgen_tokens.u16")
        return np.fromfile(path, "<u2").astype(np.int64).reshape(96, 256)[:8]
    tokens = np.fromfile(assets.model_path(f"{task}/calib_tokens.u16"), "<u2").astype(np.int64)
    length = protocols.text_windows(task).shape[1]
    return tokens[: 8 * length].reshape(8, length)


@pytest.fixture(scope="module", params=sorted(MODELS))
def case(request, tmp_path_factory):
    """Name and file of a model, with its calibration data."""
    data = tmp_path_factory.mktemp(request.param) / "calibration.npz"
    np.savez(data, input_ids=calibration(request.param))
    return request.param, assets.model_path(MODELS[request.param][0]), data


def prune(tools, model, data, spec, output, quantize=""):
    recipe = f"prune={spec} calibrated=true" + (f" quantize={quantize}" if quantize else "")
    passes = (
        "compress-normalize-pipeline",
        f"compress-apply-recipe{{{recipe}}}",
        f"compress-weights-sequentially{{data={data}}}",
        "compress-verify-chains",
        "compress-remove-dead-weights",
    )
    tools.optimize(model, output, f"--pass-pipeline=builtin.module({','.join(passes)})")
    return output


@pytest.mark.parametrize("pattern", ("2:4", "unstructured:0.5"))
def test_sparsegpt_beats_magnitude(tools, case, pattern, tmp_path):
    task, model, data = case
    perplexity = {}
    for method in ("magnitude", "wanda", "sparsegpt"):
        module = prune(tools, model, data, f"{pattern},method={method}", tmp_path / f"{method}.mlirbc")
        session = native.Session(tools, model, threads=2, module=module)
        perplexity[method] = protocols.evaluate(task, session, samples=32)
    assert perplexity["sparsegpt"] < perplexity["wanda"] < perplexity["magnitude"]
    assert perplexity["sparsegpt"] < 0.95 * perplexity["magnitude"]


@pytest.mark.parametrize(
    ("spec", "quantize"),
    (
        ("2:4,method=sparsegpt", ""),
        ("unstructured:0.5,method=ria", ""),
        ("2:4,method=sparsegpt", "int4,group=32,method=gptq"),
    ),
)
def test_onnxruntime_agrees(tools, case, spec, quantize, tmp_path):
    task, model, data = case
    module = prune(tools, model, data, spec, tmp_path / "model.mlirbc", quantize)
    exported = prune(tools, model, data, spec, tmp_path / "model.onnx", quantize)
    tokens = {"input_ids": calibration(task)[:2]}
    (ours,) = native.Session(tools, model, threads=2, module=module).run(None, tokens)
    (theirs,) = runtime.session(exported).run(None, tokens)
    assert np.abs(ours - theirs).max() <= 1e-5 * np.ptp(theirs)


def test_zeros_are_not_stored(tools, case, tmp_path):
    """What is stored of the pruned weights is about half of them, and the same for both patterns."""
    _, model, data = case
    size = {}
    for pattern in ("2:4", "unstructured:0.5"):
        module = prune(tools, model, data, f"{pattern},method=magnitude", tmp_path / "model.mlirbc")
        size[pattern] = module.with_suffix(".safetensors").stat().st_size
    dense = prune(tools, model, data, "unstructured:0,method=magnitude", tmp_path / "dense.mlirbc")
    before = dense.with_suffix(".safetensors").stat().st_size
    assert size["2:4"] < 0.65 * before
    assert abs(size["2:4"] - size["unstructured:0.5"]) < 0.001 * before
