"""What structured pruning chooses: on shapes of well-known networks, and on real models.

The counts of parameters and multiply-accumulates are those of papers and of other toolkits; they
need no trained weights.
"""

import importlib.util
import math
import re
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import ROOT
from onnx import TensorProto, helper, numpy_helper
from support import assets, shapes
from support.tool import DONE

ANALYSIS = re.compile(
    r"(?P<share>[\d.]+)% of the parameters are in prunable groups; (?P<removed>\d+) of "
    r"(?P<units>\d+) selected units are removed .*; parameters (?P<parameters>\d+) -> "
    r"(?P<parameters_left>\d+) .*; multiply-accumulates (?P<macs>\d+) -> (?P<macs_left>\d+)"
)
GROUP = re.compile(r'removes (\d+) of (\d+) (\w+?)s? of \\?"([^"\\]+)\\?" \(scores (\S+) to (\S+)\)')


def mask_groups(tools, module, passes):
    """Runs passes; returns the numbers of the summary, the groups, and the result of the tool."""
    pipeline = f"--pass-pipeline=builtin.module({passes})"
    result = tools.run("compress-opt", module, pipeline, "--remarks-filter=prune")
    assert result.code == DONE, result.stderr[-2000:]
    summary = ANALYSIS.search(result.stderr)
    assert summary, result.stderr[-2000:]
    numbers = {name: float(value) for name, value in summary.groupdict().items()}
    return numbers, GROUP.findall(result.stderr), result


# ---------------------------------------------------------------------------
# Shapes
# ---------------------------------------------------------------------------


def count(text):
    """Parameters, multiply-accumulates, and what ptflops adds to these, of a module's types.

    ptflops counts 2 per element of a batch norm, 1 per element of a ReLU and per input element of a
    pool, and 1 per element of a bias of a linear layer.
    """

    def dims(found):
        return [int(size) for size in found.split("x")]

    parameters = 0
    for name, shape in re.findall(r"compress.weight private @(\S+) : tensor<([\dx]*)xf32>", text):
        # Means and variances of batch norms are no parameters.
        parameters += 0 if name.endswith((".m", ".v")) else math.prod(dims(shape))
    macs = others = 0
    operation = re.compile(r"= compress\.(\w+) .* : \((.*)\) -> tensor<([\dx]*)xf32>")
    for op, operands, result in operation.findall(text):
        inputs = [dims(shape) for shape in re.findall(r"tensor<([\dx]*)xf32>", operands)]
        size = math.prod(dims(result))
        if op == "conv":
            macs += size * math.prod(inputs[1][1:])
        elif op == "linear":
            macs += size * inputs[1][1]
            others += size
        elif op == "batch_norm":
            others += 2 * size
        elif op == "relu":
            others += size
        elif op in ("pool", "reduce"):
            others += math.prod(inputs[0])
    return parameters, macs, macs + others


def test_resnet18_at_half_the_channels(tools, tmp_path):
    """ResNet-18 at 50 % of the channels, in multiples of 8 (Torch-Pruning's published numbers)."""
    module = tmp_path / "resnet18.mlir"
    module.write_text(shapes.resnet18())
    assert count(module.read_text())[:2] == (11_689_512, 1_814_073_344)
    numbers, groups, result = mask_groups(
        tools,
        module,
        "compress-mask-groups{prune=channel:0.5,round_to=8},compress-propagate-masks,"
        "compress-apply-slices",
    )
    assert len(groups) == 12
    assert all(2 * int(removed) == int(units) for removed, units, *_ in groups)
    assert "compress.mask" not in result.stdout
    assert count(result.stdout) == (3_055_880, 483_149_824, 487_202_536)
    # What the pass said before anything was sliced.
    assert (numbers["parameters"], numbers["parameters_left"]) == (11_689_512, 3_055_880)
    assert (numbers["macs"], numbers["macs_left"]) == (1_814_073_344, 483_149_824)


@pytest.mark.parametrize("ranking", ["local", "global"])
@pytest.mark.parametrize("target", ["params", "macs"])
def test_resnet18_of_a_given_size(tools, tmp_path, target, ranking):
    """The size is reached, and not exceeded by more than a channel has."""
    module = tmp_path / "resnet18.mlir"
    module.write_text(shapes.resnet18())
    numbers, _, _ = mask_groups(
        tools, module, f"compress-mask-groups{{prune={target}:0.4,method=random,ranking={ranking}}}"
    )
    key = "parameters" if target == "params" else "macs"
    reduction = 1 - numbers[key + "_left"] / numbers[key]
    assert 0.4 <= reduction < 0.402


RECIPE = r"""
- select: {{ name: "re:layers\\.([4-9]|1[0-9]|2[0-9])\\.[qkvo]$" }}
  prune: {{ pattern: "head:0.25", method: random }}
- select: {{ name: "re:layers\\.([4-9]|1[0-9]|2[0-9])\\.(gate|up|down)$" }}
  prune: {{ pattern: "neuron:0.25", method: {method} }}
"""


@pytest.mark.parametrize("method", ["random", "l2"])
def test_llama_7b_as_llm_pruner(tools, tmp_path, method):
    """A quarter of the heads and of the neurons of 26 of 32 layers: LLM-Pruner's 5.42 B model.

    27 GB of weights that are never read, nor made.
    """
    module, recipe = tmp_path / "llama.mlir", tmp_path / "recipe.yaml"
    module.write_text(shapes.llama())
    recipe.write_text(RECIPE.format(method=method))
    numbers, groups, result = mask_groups(
        tools, module, f"compress-apply-recipe{{recipe={recipe}}},compress-mask-groups"
    )
    assert [kind for _, _, kind, *_ in groups].count("head") == 26
    assert {tuple(group[:3]) for group in groups} == {
        ("8", "32", "head"),
        ("2752", "11008", "neuron"),
    }
    assert (numbers["parameters"], numbers["parameters_left"]) == (6_738_415_616, 5_422_977_024)
    assert result.peak_bytes < 1 << 30
    assert result.seconds < 30


# ---------------------------------------------------------------------------
# Gradients
# ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example(package):
    """The documented example, as a module."""
    path = ROOT / "docs/examples/finite_differences.py"
    spec = importlib.util.spec_from_file_location("finite_differences", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def gradients(example, tmp_path_factory):
    """The model, its statistics file, weights, and gradients per sample."""
    folder = tmp_path_factory.mktemp("gradients")
    model = example.make_model()
    onnx.save(model, folder / "tiny.onnx")
    random = np.random.default_rng(1)
    inputs, target = random.normal(
        size=(2, example.SAMPLES, example.TOKENS, example.DIM)
    )
    weights, values = example.differentiate(model, inputs, target)
    ops = {name.removesuffix(".w"): g for name, g in values.items() if name.endswith(".w")}
    example.write_statistics(folder / "gradients.safetensors", ops, example.SAMPLES)
    return folder, weights, values


def test_conservation_identities(example, gradients):
    """LLM-Pruner's structures: what writes a unit and what reads it have the same sum of w g."""
    _, weights, values = gradients
    assert example.check_identities(weights, values) < 1e-6
    # They hold for products of the two only: the gate is not linear in its weight.
    product = {name: weights[name] * values[name].mean(axis=0) for name in weights}
    gate, down = product["gate.w"].sum(axis=0), product["down.w"].sum(axis=1)
    assert np.abs(gate - down).max() > 0.01 * np.abs(down).max()


def test_example_as_a_script(package, tools, tmp_path):
    """As the documentation says it is called."""
    result = subprocess.run(
        [sys.executable, ROOT / "docs/examples/finite_differences.py", "m.onnx", "g.safetensors"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tools.bin.resolve().parent / "python")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("difference") == 3
    assert (tmp_path / "m.onnx").is_file() and (tmp_path / "g.safetensors").is_file()


TAYLOR = {
    "taylor": lambda w, g: np.abs(w * g.mean(axis=0)),
    "taylor2": lambda w, g: w**2 * np.square(g).mean(axis=0),
    "taylor_mixed": lambda w, g: np.abs(
        w * g.mean(axis=0) - 0.5 * w**2 * np.square(g).mean(axis=0)
    ),
}


@pytest.mark.parametrize("method", TAYLOR)
def test_taylor_scores(example, gradients, tools, method):
    """The compiler's scores of heads and neurons are those of the formulas in numpy."""
    folder, weights, values = gradients
    _, groups, _ = mask_groups(
        tools,
        folder / "tiny.onnx",
        f"compress-normalize-pipeline,compress-load-statistics{{file={folder}/gradients."
        f"safetensors}},compress-mask-groups{{prune=params:0.1,method={method}}}",
    )
    element = {name: TAYLOR[method](weights[name], values[name]) for name in weights}

    def columns(*names):
        return sum(element[name + ".w"].sum(axis=0) for name in names)

    heads = columns("q", "k", "v") + element["o.w"].sum(axis=1)
    expected = {
        "head": heads.reshape(example.HEADS, -1).sum(axis=1),
        "gated": columns("gate", "up") + element["down.w"].sum(axis=1),
        "relu": columns("fc1") + element["fc2.w"].sum(axis=1),
    }
    names = {"q": "head", "gate": "gated", "fc1": "relu"}
    found = {names[name]: (float(low), float(high)) for *_, name, low, high in groups}
    assert set(found) == set(expected)
    for name, (low, high) in found.items():
        assert low == pytest.approx(expected[name].min(), rel=1e-3)
        assert high == pytest.approx(expected[name].max(), rel=1e-3)


def test_first_order_term_predicts_the_loss(example, gradients, package):
    """Shrinking a neuron a little changes the loss by minus its signed sum of w g, times that."""
    _, weights, values = gradients
    model = example.make_model()
    random = np.random.default_rng(1)
    inputs, target = random.normal(size=(2, example.SAMPLES, example.TOKENS, example.DIM))

    def loss(scale):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        for tensor in copy.graph.initializer:
            if tensor.name == "down.w":
                value = numpy_helper.to_array(tensor).copy()
                value[0] *= scale
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        y = package.load(copy).compile(threads=1).run({"x": inputs})["y"]
        return 0.5 * np.square(y - target).sum(axis=(1, 2)).mean()

    step = 1e-4
    taylor = (weights["down.w"] * values["down.w"].mean(axis=0))[0].sum()
    assert loss(1 - step) - loss(1) == pytest.approx(-step * taylor, rel=1e-2)


# ---------------------------------------------------------------------------
# Statistics
# ---------------------------------------------------------------------------


def make_biased_mlp(path, width=16, hidden=32):
    """An MLP whose hidden neurons have a large mean and a small variance."""
    random = np.random.default_rng(3)
    constants = {
        "w1": random.normal(0, 0.05, (width, hidden)),
        "b1": random.uniform(1, 2, hidden),
        "w2": random.normal(0, 1, (hidden, width)),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"], name="up"),
        helper.make_node("Add", ["h", "b1"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["y"], name="down"),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name in "xy"
    ]
    tensors = [
        numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "mlp", values[:1], values[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def test_bias_compensation(tools, tmp_path):
    """FLAP: half of the neurons are replaced by their mean; without that the output is far off."""
    model, data, statistics = (tmp_path / name for name in ("m.onnx", "data.npz", "s.safetensors"))
    make_biased_mlp(model)
    x = np.random.default_rng(4).normal(size=(256, 16)).astype(np.float32)
    np.savez(data, x=x)
    result = tools.run("compress-calibrate", model, "--data", data, "-o", statistics)
    assert result.code == DONE, result.stderr[-2000:]

    def run(path):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]

    expected = run(model)
    errors = {}
    for flag in ("true", "false"):
        pruned = tmp_path / f"{flag}.onnx"
        pipeline = (
            f"compress-normalize-pipeline,compress-load-statistics{{file={statistics}}},"
            f"compress-mask-groups{{prune=neuron:0.5,method=flap,bias_compensation={flag}}},"
            "compress-propagate-masks,compress-apply-slices"
        )
        tools.optimize(model, pruned, f"--pass-pipeline=builtin.module({pipeline})")
        sizes = {tuple(t.dims) for t in onnx.load(pruned).graph.initializer}
        assert (16, 16) in sizes and (16, 32) not in sizes and (32, 16) not in sizes
        errors[flag] = np.square(run(pruned) - expected).sum() / np.square(expected).sum()
    # What is left is half of the variance; without the mean most of the output is gone.
    assert errors["true"] < 0.02
    assert errors["false"] > 0.1


# ---------------------------------------------------------------------------
# Real models
# ---------------------------------------------------------------------------

# What at least is prunable, in percent of the parameters.
REAL = {
    "vit_tiny_tinyimagenet/vit_tiny_tinyimagenet.onnx": 60,
    "squeezenet/squeezenet1.0_deepcompression_fp32.onnx": 60,
    "cifar10_resnet/resnet20.onnx": 60,
    "cifar10_resnet/resnet32.onnx": 60,
    "mnist_resdw/mnist_resdw.onnx": 60,
    "ultraface/version-RFB-320.onnx": 60,
    "silero_vad/silero_vad_16k_op15.onnx": 50,
    "magika_standard_v3_3/model.onnx": 60,
    "shakespeare_llama/model.onnx": 60,
    "stories260K/stories260K.onnx": 60,
}


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("file", REAL, ids=lambda file: file.split("/")[0])
def test_real_models_lose_what_is_asked_for(tools, file, ratio):
    path = assets.model_path(file)
    if path is None:
        pytest.skip(f"{file} is not here")
    numbers, groups, _ = mask_groups(
        tools, path, f"compress-normalize-pipeline,compress-mask-groups{{prune=channel:{ratio}}}"
    )
    assert abs(numbers["removed"] / numbers["units"] - ratio) < 0.02
    assert numbers["share"] >= REAL[file]
    assert numbers["parameters_left"] < numbers["parameters"]
    # Never everything.
    assert all(int(removed) < int(units) for removed, units, *_ in groups)


def test_heads_of_small_layers_add_up(tools):
    """vit_tiny has 12 layers of 3 heads; a quarter of all heads is 9."""
    path = assets.model_path("vit_tiny_tinyimagenet/vit_tiny_tinyimagenet.onnx")
    if path is None:
        pytest.skip("vit_tiny is not here")
    numbers, groups, _ = mask_groups(
        tools, path, "compress-normalize-pipeline,compress-mask-groups{prune=head:0.25}"
    )
    assert (numbers["removed"], numbers["units"]) == (9, 36)
    assert {tuple(group[1:3]) for group in groups} == {("3", "head")}


def test_unreachable_target(tools):
    path = assets.model_path("cifar10_resnet/resnet20.onnx")
    if path is None:
        pytest.skip("resnet20 is not here")
    pipeline = "builtin.module(compress-normalize-pipeline,compress-mask-groups{prune=params:0.999})"
    result = tools.run("compress-opt", path, f"--pass-pipeline={pipeline}")
    assert result.code != DONE
    found = re.search(r"cannot remove 99.90% of the parameters .* at most ([\d.]+)%", result.stderr)
    assert found and 90 < float(found[1]) < 99.9
