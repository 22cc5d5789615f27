"""A calibrated run that is killed goes on where it stopped, with the same bytes as an unbroken one."""

import signal
import subprocess
import time

import numpy as np
import pytest
from support import assets
from support.tool import BAD_INPUT, DONE

FLAGS = ("--quantize=int4,group=32,method=gptq", "--progress=off")


@pytest.fixture(scope="module")
def model():
    return assets.model_path("shakespeare_llama/model.onnx")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "calibration.npz"
    tokens = np.random.default_rng(0).integers(0, 1024, (4, 24), dtype=np.int64)
    np.savez(path, input_ids=tokens)
    return path


def contents(path):
    return path.read_bytes(), path.with_suffix(".safetensors").read_bytes()


def test_killed_runs_go_on(tools, model, data, tmp_path):
    flags = (*FLAGS, f"--calibration={data}")
    whole = tmp_path / "a" / "model.mlirbc"
    whole.parent.mkdir()
    start = time.monotonic()
    tools.optimize(model, whole, *flags)
    seconds = time.monotonic() - start

    state, output = tmp_path / "state", tmp_path / "b" / "model.mlirbc"
    output.parent.mkdir()
    flags = (*flags, f"--resume={state}")
    for part in (0.4, 0.3, 0.5):
        process = subprocess.Popen(
            [str(tools.path("compress-opt")), str(model), *flags, "-o", str(output)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(part * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if output.exists():
            break
    result = tools.run("compress-opt", model, *flags, "-o", output)
    assert result.code == DONE, result.stderr[-2000:]
    assert contents(output) == contents(whole)


def test_another_recipe_is_refused(tools, model, data, tmp_path):
    flags = ("--progress=off", f"--calibration={data}", "--samples=1", f"--resume={tmp_path / 'state'}")
    first = tools.run("compress-opt", model, "--quantize=int4,method=gptq", *flags, "-o", tmp_path / "a.mlirbc")
    assert first.code == DONE, first.stderr[-2000:]
    other = tools.run("compress-opt", model, "--quantize=int3,method=gptq", *flags, "-o", tmp_path / "b.mlirbc")
    assert other.code == BAD_INPUT
    assert not (tmp_path / "b.mlirbc").exists()
