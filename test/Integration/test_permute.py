"""`compress-permute-channels`: models compute what they did, and lose less when they are pruned 2:4."""

import re

import numpy as np
import pytest

from support import assets, native, protocols, runtime

GATHER = ("true", "false")
# How many activations are reordered at least, with gathers and without.
REORDERED = {
    "shakespeare_llama": (24, 13),
    "shakespeare_llama_torchscript": (24, 13),
    "stories260K": (20, 11),
    "vit_tiny": (12, 6),
    "mnist_resdw": (6, 4),
    "resnet20": (18, 9),
}


def pipeline(*passes):
    first = ("compress-normalize-pipeline", "compress-raise-composites")
    return f"--pass-pipeline=builtin.module({','.join((*first, *passes))})"


def permute(gather, more=""):
    return f"compress-permute-channels{{prune=2:4{more} gather={gather}}}"


def get_scores(remarks):
    """(before, after, bound) of every order that was found."""
    found = re.findall(
        r"\[Passed\] compress-permute-channels.*?after=([^,\s]+), before=([^,\s]+), bound=([^,\s]+)",
        remarks,
    )
    return [(float(before), float(after), float(bound)) for after, before, bound in found]


@pytest.mark.parametrize("gather", GATHER)
def test_output_is_kept(tools, model, gather, tmp_path):
    values = model.random_input()
    output = tmp_path / "permuted.onnx"
    remarks = tools.optimize(
        model.path, output, pipeline(permute(gather)), "--remarks-filter=prune"
    ).stderr
    scores = get_scores(remarks)
    assert len(scores) >= REORDERED.get(model.name, (0, 0))[GATHER.index(gather)]
    for before, after, bound in scores:
        assert before < after <= bound * (1 + 1e-6)
    assert gather == "true" or "gather at run time" not in remarks
    difference = runtime.relative_difference(
        runtime.run(model.path, values), runtime.run(output, values)
    )
    assert difference < 1e-5


@pytest.mark.parametrize("gather", GATHER)
def test_output_is_kept_natively(tools, gather, tmp_path):
    source = assets.model_path("shakespeare_llama/model.onnx")
    values = protocols.text_windows("shakespeare_llama")[:2].astype(np.int64)
    module = tmp_path / "permuted.mlirbc"
    tools.optimize(source, module, pipeline(permute(gather)))
    session = native.Session(tools, source, module=module)
    after = session.run(None, {session.get_inputs()[0].name: values})
    assert runtime.relative_difference(runtime.run(source, values), after) < 1e-5


def test_second_run_changes_nothing(tools, tmp_path):
    source = assets.model_path("shakespeare_llama/model.onnx")
    tools.optimize(source, tmp_path / "once.onnx", pipeline(permute("true")))
    tools.optimize(
        source,
        tmp_path / "twice.onnx",
        pipeline(permute("true"), "compress-permute-channels"),
    )
    assert (tmp_path / "once.onnx").read_bytes() == (tmp_path / "twice.onnx").read_bytes()


@pytest.mark.parametrize("method", ("wanda", "sparsegpt"))
def test_pruned_models_lose_less(tools, method, tmp_path):
    """Statistics go along with the channels, or the methods would not gain from them."""
    source = assets.model_path("shakespeare_llama/model.onnx")
    windows = protocols.text_windows("shakespeare_llama")
    data = tmp_path / "samples.npz"
    np.savez(data, **{runtime.session(source).get_inputs()[0].name: windows[-16:].astype(np.int64)})
    collect = f"compress-collect-statistics{{data={data} collect=minmax,moments,gram}}"
    prune = f"compress-prune{{pattern=2:4 method={method}}}"
    exact = protocols.perplexity(source, windows[:24])

    def get_loss(*passes):
        output = tmp_path / "pruned.onnx"
        tools.optimize(source, output, pipeline(collect, *passes, prune))
        return np.log(protocols.perplexity(output, windows[:24]) / exact)

    plain = get_loss()
    assert get_loss(permute("true", f",method={method}")) < 0.95 * plain
    assert get_loss(permute("false", f",method={method}")) < plain
