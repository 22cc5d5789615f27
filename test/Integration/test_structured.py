"""`compress-propagate-masks` and `compress-apply-slices`: a sliced model computes what the masked
one does, whatever units are masked, and its shapes fit at every ratio."""

from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
import pytest

from support import assets, native, runtime

# Outputs of a masked and of a sliced model, relative to the range of the output.
TOLERANCE = 1e-5
RECIPE = """\
- select: {{ op: [linear, matmul, conv, conv_transpose, embedding] }}
  prune: {{ pattern: "{pattern}", method: random }}
"""


@dataclass(frozen=True)
class Case:
    """A model, the shapes of its inputs by name, and what is masked: patterns without a ratio."""

    name: str
    file: str
    shapes: dict
    patterns: tuple = ("channel",)
    ratio: float = 0.3
    vocabulary: int = 0
    values: dict = field(default_factory=dict)

    def inputs(self, seed=0):
        random = np.random.default_rng(seed)
        result = {name: np.array(value) for name, value in self.values.items()}
        for name, shape in self.shapes.items():
            if self.vocabulary:
                result[name] = random.integers(0, self.vocabulary, shape, dtype=np.int64)
            else:
                result[name] = random.uniform(-1, 1, shape).astype(np.float32)
        return result


CASES = (
    Case("mnist_resdw", "mnist_resdw/mnist_resdw.onnx", {"input": (3, 1, 28, 28)}),
    Case(
        "shakespeare_llama",
        "shakespeare_llama/model.onnx",
        {"input_ids": (2, 40)},
        patterns=("channel", "head"),
        vocabulary=1024,
    ),
    Case(
        "shakespeare_llama_torchscript",
        "shakespeare_llama/model_torchscript.onnx",
        {"input_ids": (2, 40)},
        patterns=("channel", "head"),
        ratio=0.5,
        vocabulary=1024,
    ),
    Case(
        "shakespeare_moe",
        "shakespeare_moe/model.onnx",
        {"input_ids": (2, 40)},
        patterns=("channel", "head"),
        ratio=0.1,
        vocabulary=1024,
    ),
    Case(
        "stories260K",
        "stories260K/stories260K.onnx",
        {"input_ids": (2, 40)},
        patterns=("channel", "head"),
        vocabulary=512,
    ),
    Case(
        "vit_tiny",
        "vit_tiny_tinyimagenet/vit_tiny_tinyimagenet.onnx",
        {"pixel_values": (1, 3, 224, 224)},
        patterns=("channel", "head"),
        ratio=0.5,
    ),
    Case(
        "squeezenet",
        "squeezenet/squeezenet1.0_deepcompression_fp32.onnx",
        {"data": (1, 3, 227, 227)},
        ratio=0.1,
    ),
    Case("resnet20", "cifar10_resnet/resnet20.onnx", {"input": (3, 3, 32, 32)}),
    Case("resnet32", "cifar10_resnet/resnet32.onnx", {"input": (3, 3, 32, 32)}, ratio=0.5),
    Case("ultraface", "ultraface/version-RFB-320.onnx", {"input": (1, 3, 240, 320)}, ratio=0.5),
    Case(
        "silero_vad",
        "silero_vad/silero_vad_16k_op15.onnx",
        {"input": (2, 512), "state": (2, 2, 128)},
        values={"sr": np.int64(16000)},
        ratio=0.5,
    ),
    Case("magika", "magika_standard_v3_3/model.onnx", {"bytes": (2, 2048)}, ratio=0.5),
)
# Small enough to be compiled, and to be run at all ratios.
SMALL = ("mnist_resdw", "shakespeare_llama", "resnet20")


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    if assets.model_path(request.param.file) is None:
        pytest.skip(f"{request.param.file} is not here")
    return request.param


@pytest.fixture(scope="module")
def normalized(tools, tmp_path_factory):
    """A function from a case to its normalised module; each is made once."""
    folder = tmp_path_factory.mktemp("normalized")
    made = {}

    def make(case):
        if case.name not in made:
            made[case.name] = folder / f"{case.name}.mlirbc"
            passes = "--pass-pipeline=builtin.module(compress-normalize-pipeline)"
            tools.optimize(assets.model_path(case.file), made[case.name], passes)
        return made[case.name]

    return make


def mask(tools, source, output, patterns, ratio):
    """Masks units at random, and all that depends on them; returns the remarks."""
    steps = []
    for pattern in patterns:
        recipe = output.with_suffix(f".{pattern}.yaml")
        recipe.write_text(RECIPE.format(pattern=f"{pattern}:{ratio}"))
        steps += [f"compress-apply-recipe{{recipe={recipe}}}", "compress-mask-groups"]
    steps.append("compress-propagate-masks")
    pipeline = f"--pass-pipeline=builtin.module({','.join(steps)})"
    return tools.optimize(source, output, pipeline, "--remarks-filter=prune").stderr


def export(tools, source, output, *passes):
    pipeline = f"--pass-pipeline=builtin.module({','.join((*passes, 'compress-fold-masks'))})"
    return tools.optimize(source, output, pipeline, "--remarks-filter=prune").stderr


def run(path, inputs):
    """Outputs of onnxruntime, which must accept the model."""
    onnx.checker.check_model(str(path))
    session = runtime.session(path)
    known = {value.name for value in session.get_inputs()}
    assert set(inputs) >= known
    return session.run(None, {name: inputs[name] for name in known})


def fit_inputs(case):
    """The inputs under the names, and of the element types, that the model has."""
    path = assets.model_path(case.file)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs, values = case.inputs(), session.get_inputs()
    if len(values) == 1:
        inputs = {values[0].name: next(iter(inputs.values()))}
    if values[0].type == "tensor(int32)":
        inputs = {name: (np.abs(array) * 256).astype(np.int32) for name, array in inputs.items()}
    return inputs


def count_parameters(path):
    return sum(
        int(np.prod(tensor.dims)) for tensor in onnx.load(str(path)).graph.initializer
    )


def test_sliced_is_masked(tools, case, normalized, tmp_path):
    ratios = (0.1, 0.3, 0.5) if case.name in SMALL else (case.ratio,)
    inputs = fit_inputs(case)
    for ratio in ratios:
        masked = tmp_path / f"masked-{ratio}.mlirbc"
        mask(tools, normalized(case), masked, case.patterns, ratio)
        export(tools, masked, tmp_path / "masked.onnx")
        remarks = export(tools, masked, tmp_path / "sliced.onnx", "compress-apply-slices")
        assert "weights are smaller" in remarks and "only some of the weights" not in remarks
        expected = run(tmp_path / "masked.onnx", inputs)
        actual = run(tmp_path / "sliced.onnx", inputs)
        assert runtime.relative_difference(expected, actual) < TOLERANCE
        before, after = (count_parameters(tmp_path / f"{n}.onnx") for n in ("masked", "sliced"))
        assert after < before * (1 - ratio / 5)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in SMALL], indirect=True, ids=SMALL)
def test_native_code(tools, case, normalized, tmp_path):
    """The sliced module, compiled, computes what onnxruntime says of the masked one."""
    mask(tools, normalized(case), tmp_path / "masked.mlirbc", case.patterns, case.ratio)
    export(tools, tmp_path / "masked.mlirbc", tmp_path / "masked.onnx")
    export(tools, tmp_path / "masked.mlirbc", tmp_path / "sliced.mlirbc", "compress-apply-slices")
    inputs = fit_inputs(case)
    path = assets.model_path(case.file)
    actual = native.Session(tools, path, module=tmp_path / "sliced.mlirbc").run(None, inputs)
    assert runtime.relative_difference(run(tmp_path / "masked.onnx", inputs), actual) < TOLERANCE


def test_every_ratio(tools, case, normalized, tmp_path):
    """From nothing to 90 %: the module verifies, and onnxruntime accepts and runs the model."""
    inputs = fit_inputs(case)
    sizes = []
    for tenths in range(10):
        masked, sliced = tmp_path / "masked.mlirbc", tmp_path / "sliced.onnx"
        mask(tools, normalized(case), masked, case.patterns, tenths / 10)
        export(tools, masked, sliced, "compress-apply-slices")
        sizes.append(count_parameters(sliced))
        if case.name in SMALL or tenths == 9:
            run(sliced, inputs)
    # No smaller ratio makes a smaller model, and they do make smaller ones.
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[9] < 0.7 * sizes[0]
