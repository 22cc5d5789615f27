"""Memory and speed on generated models.

Importing always runs on 1 GB (of zeros, in a sparse file); compressing on 64 MB, and on 1 GB with
--slow.
"""

import sys
from pathlib import Path

import pytest

from support import graph, quantization
from support.tool import DONE

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmark"))

import make_linear_model  # noqa: E402
import weights as benchmark  # noqa: E402

SIZES = [
    pytest.param((4, 2048), id="64MB"),
    pytest.param((16, 4096), id="1GB", marks=pytest.mark.slow),
]
# The small model is over before start-up no longer counts, and tests share their machine.
RATE_OF_SMALL = 0.1


@pytest.fixture(scope="module", params=SIZES)
def large(request, tmp_path_factory):
    """(folder, number of weights, whether limits of speed apply in full), with both variants."""
    layers, size = request.param
    folder = tmp_path_factory.mktemp("large")
    for external in (False, True):
        path = folder / f"{'external' if external else 'inline'}.onnx"
        count = make_linear_model.make(path, layers, size, external)
    yield folder, count, layers == 16
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("weights", ["sidecar", "reference"])
@pytest.mark.parametrize("storage", ["inline", "external"])
def test_importing_holds_no_weights(tools, tmp_path, storage, weights):
    model, output = tmp_path / "large.onnx", tmp_path / "large.mlir"
    make_linear_model.make(model, external=storage == "external", zeros=True)
    result = tools.run(
        "compress-translate", "--import-onnx", f"--weights={weights}", model, "-o", output
    )
    size = output.stat().st_size if output.exists() else 0
    for path in tmp_path.iterdir():
        path.unlink()
    assert result.code == DONE, result.stderr
    assert result.peak_bytes <= benchmark.IMPORT_PEAK
    assert 0 < size < 1_000_000


@pytest.mark.parametrize("flags", [("--quantize=int4",), ("--quantize=int4", "--prune=2:4")], ids=len)
@pytest.mark.parametrize("storage", ["inline", "external"])
def test_compressing_is_fast_and_small(tools, large, tmp_path, storage, flags):
    folder, count, full = large
    output = tmp_path / "out.onnx"
    model = folder / f"{storage}.onnx"
    tools.optimize(model, output, *flags)  # brings the model into the page cache
    result = tools.run("compress-opt", model, *flags, "-o", output, cores=1)
    assert result.code == DONE
    assert result.peak_bytes <= benchmark.compress_peak_limit(output)
    rate = benchmark.INT4_RATE if len(flags) == 1 else benchmark.INT4_PRUNED_RATE
    assert count / result.seconds >= rate * (1 if full else RATE_OF_SMALL)


@pytest.mark.parametrize("storage", ["inline", "external"])
def test_a_large_layer_equals_the_reference(tools, large, tmp_path, storage):
    folder = large[0]
    if large[2]:
        pytest.skip("the small model shows it")
    output = tmp_path / "out.onnx"
    tools.optimize(folder / f"{storage}.onnx", output, "--quantize=int4", "--prune=2:4")
    size = int((large[1] // 4) ** 0.5)
    expected = quantization.quantize_int(
        quantization.prune(make_linear_model.weight(3, size).T), False
    )
    actual = graph.Graph(output).weights()[3]
    assert (actual.codes == expected.codes).all()
    assert (actual.scales == expected.scales).all()
