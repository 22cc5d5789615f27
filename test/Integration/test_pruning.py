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
def case(request, tools, tmp_path_factory):
    """A model that is pruned on request, each way once: layer after layer, with its data."""
    folder = tmp_path_factory.mktemp(request.param)
    data = folder / "calibration.npz"
    np.savez(data, input_ids=calibration(request.param))
    model = assets.model_path(MODELS[request.param][0])
    made = {}

    def prune(spec, quantize=""):
        if (spec, quantize) not in made:
            recipe = f"prune={spec} calibrated=true" + (f" quantize={quantize}" if quantize else "")
            passes = (
                "compress-normalize-pipeline",
                f"compress-apply-recipe{{{recipe}}}",
                f"compress-weights-sequentially{{data={data}}}",
                "compress-verify-chains",
                "compress-remove-dead-weights",
            )
            output = folder / f"{len(made)}.mlirbc"
            tools.optimize(model, output, f"--pass-pipeline=builtin.module({','.join(passes)})")
            made[spec, quantize] = output
        return made[spec, quantize]

    return request.param, model, prune


def prune_at_once(tools, model, spec, output):
    """By magnitude, without data."""
    passes = f"compress-normalize-pipeline,compress-prune{{pattern={spec}}}"
    tools.optimize(model, output, f"--pass-pipeline=builtin.module({passes})")
    return output


def test_sparsegpt_beats_magnitude(tools, case, tmp_path):
    task, model, prune = case
    modules = {
        "magnitude": prune_at_once(tools, model, "2:4", tmp_path / "magnitude.mlirbc"),
        "wanda": prune("2:4,method=wanda"),
        "sparsegpt": prune("2:4,method=sparsegpt"),
    }
    perplexity = {}
    for method, module in modules.items():
        session = native.Session(tools, model, threads=2, module=module)
        perplexity[method] = protocols.evaluate(task, session, samples=16)
    assert perplexity["sparsegpt"] < perplexity["wanda"] < perplexity["magnitude"]
    assert perplexity["sparsegpt"] < 0.95 * perplexity["magnitude"]


@pytest.mark.parametrize(
    ("spec", "quantize"),
    (("2:4,method=sparsegpt", ""), ("2:4,method=sparsegpt", "int4,group=32,method=gptq")),
)
def test_onnxruntime_agrees(tools, case, spec, quantize, tmp_path):
    task, model, prune = case
    if quantize and task != "shakespeare_llama":
        pytest.skip("one model is enough for the slow combination")
    module = prune(spec, quantize)
    exported = tmp_path / "model.onnx"
    tools.optimize(module, exported)
    tokens = {"input_ids": calibration(task)[:2]}
    (ours,) = native.Session(tools, model, threads=2, module=module).run(None, tokens)
    (theirs,) = runtime.session(exported).run(None, tokens)
    assert np.abs(ours - theirs).max() <= 1e-5 * np.ptp(theirs)


@pytest.mark.parametrize("task", sorted(MODELS))
def test_zeros_are_not_stored(tools, task, tmp_path):
    """What is stored of the pruned weights is about half of them, and the same for both patterns."""
    model = assets.model_path(MODELS[task][0])
    size = {}
    for pattern in ("2:4", "unstructured:0.5", "unstructured:0"):
        module = prune_at_once(tools, model, pattern, tmp_path / f"{len(size)}.mlirbc")
        size[pattern] = module.with_suffix(".safetensors").stat().st_size
    before = size["unstructured:0"]
    assert size["2:4"] < 0.65 * before
    assert abs(size["2:4"] - size["unstructured:0.5"]) < 0.001 * before
