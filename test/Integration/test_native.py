"""Native code of whole models: outputs, quality, threads, targets, memory and errors.

References are onnxruntime and the published numbers of the models. Models of the repository are
tested fully; of the others, some combinations need --slow.
"""

import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from support import models, native, protocols, runtime
from support.tool import BAD_INPUT, DONE, UNSUPPORTED

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmark"))

import make_linear_model  # noqa: E402

# Largest difference of an output to onnxruntime's, relative to the range of the output.
TOLERANCE = 1e-4
W8, INT8 = ("--quantize=w8",), ("--quantize=int8",)
INT4 = ("--quantize=int4,group=32",)
INT4_PRUNED = (*INT4, "--prune=2:4")

IN_REPOSITORY = ("shakespeare_llama", "mnist_resdw")
# The others repeat what these show; some tests add a model that has more kinds of layers.
EXPERTS = (*IN_REPOSITORY, "shakespeare_moe")


def select(*quick):
    """Parametrises a test over the acceptance models; all but those in `quick` need --slow."""
    return pytest.mark.parametrize(
        "model",
        [
            pytest.param(each, id=each.name, marks=[] if each.name in quick else pytest.mark.slow)
            for each in models.MODELS
        ],
        indirect=True,
    )


@pytest.fixture(scope="module")
def compiled(tools):
    """A function (model, *flags) -> native session; each is compiled once."""
    made = {}

    def get(model, *flags):
        key = (model.name, flags)
        if key not in made:
            made[key] = native.Session(tools, model.path, *flags)
        return made[key]

    return get


def feed(session, values):
    return {session.get_inputs()[0].name: values}


def difference(session, expected, values):
    """Between a native session and a model in onnxruntime, on one input."""
    expected = runtime.run(expected, values)
    return runtime.relative_difference(expected, session.run(None, feed(session, values)))


def assert_same_bits(expected, actual):
    for want, got in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(got.view(np.uint8), want.view(np.uint8))


# ---- Outputs -------------------------------------------------------------------------------------


def test_outputs_are_those_of_onnxruntime(model, compiled):
    """The code is for all sizes: batches of one and more, and any number of tokens."""
    session, values = compiled(model), model.random_input()
    assert difference(session, model.path, values) <= TOLERANCE
    assert difference(session, model.path, values[:1]) <= TOLERANCE
    for length in (1, 7, 64) if model.vocabulary else ():
        tokens = np.resize(values, (2, length))
        assert difference(session, model.path, tokens[:1]) <= TOLERANCE
        assert difference(session, model.path, tokens) <= TOLERANCE


@select(*IN_REPOSITORY, "vit_tiny")
def test_code_for_fixed_sizes(model, compiled):
    values = model.random_input()
    shape = onnx.load(model.path).graph.input[0].type.tensor_type.shape.dim
    flags = [f"--dim={dim.dim_param}={n}" for dim, n in zip(shape, values.shape) if dim.dim_param]
    if not flags:
        pytest.skip("all sizes are fixed")
    assert difference(compiled(model, *flags), model.path, values) <= TOLERANCE


def test_thread_counts_give_the_same_bits(model, compiled):
    session, values = compiled(model), model.random_input()
    alone = session.run(None, feed(session, values), threads=1)
    for threads in (2, 3):
        assert_same_bits(alone, session.run(None, feed(session, values), threads=threads))


@select(*IN_REPOSITORY)
@pytest.mark.parametrize("flags", [INT4_PRUNED, INT8], ids=["int4-pruned", "int8"])
def test_thread_counts_give_the_same_bits_when_compressed(model, compiled, flags):
    session, values = compiled(model, *flags), model.random_input()
    alone = session.run(None, feed(session, values), threads=1)
    for threads in (2, 3):
        assert_same_bits(alone, session.run(None, feed(session, values), threads=threads))


@select(*IN_REPOSITORY)
@pytest.mark.parametrize("target", ["avx2", "avx512", "avx512vnni"])
def test_targets_give_the_same_bits(tools, model, compiled, add, target):
    flag = f"--target={target}"
    probe = tools.run("compress-run", add, flag, "--random-inputs")
    if probe.code == BAD_INPUT and "this CPU" in probe.stderr:
        pytest.skip(f"this CPU has no {target}")
    session, values = compiled(model, flag, "--print-plan"), model.random_input()
    assert f"target: {target}," in session.compilation.stdout
    host = compiled(model)
    assert_same_bits(host.run(None, feed(host, values)), session.run(None, feed(session, values)))


@select(*IN_REPOSITORY)
def test_ways_to_run_agree(tools, model, compiled):
    """A compiled model gives the same bits in Python and in the tool."""
    if native.package(tools) is None:
        pytest.skip("the build has no Python package")
    session, values = compiled(model), model.random_input()
    alone = session.run(None, feed(session, values), alone=True)
    assert_same_bits(alone, session.run(None, feed(session, values)))


# ---- Compressed models ---------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [W8, INT4], ids=["w8", "int4"])
@select(*IN_REPOSITORY)
def test_compressed_weights_compute_what_the_export_does(model, compiled, export, flags):
    """The export runs in onnxruntime with float activations (accuracy level 0)."""
    session = compiled(model, *flags)
    assert difference(session, export(model, *flags), model.random_input()) <= TOLERANCE


@select(*EXPERTS, "squeezenet")
def test_pruned_weights_compute_what_the_export_does(model, compiled, export):
    session = compiled(model, *INT4_PRUNED)
    assert difference(session, export(model, *INT4_PRUNED), model.random_input()) <= TOLERANCE


@select(*IN_REPOSITORY)
def test_an_export_runs_as_its_source_does(tools, model, compiled, export):
    """QDQ nodes are read back as the weights that they were written for."""
    values = model.random_input()
    session = compiled(model, *INT4)
    again = native.Session(tools, export(model, *INT4))
    expected = session.run(None, feed(session, values))
    actual = again.run(None, feed(again, values))
    assert runtime.relative_difference(expected, actual) <= 1e-6


@select(*EXPERTS)
def test_dynamic_int8_is_close_to_the_export(model, compiled, export):
    """Not closer: where a value lies between two codes, rounding decides, and the code spreads."""
    session = compiled(model, *INT8)
    assert difference(session, export(model, *INT8), model.random_input()) <= 0.03


def save_linear(path, size, outputs):
    """y = x W + b with x [batch, size]."""
    random = np.random.default_rng(size)
    weight = random.standard_normal((size, outputs), dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="fc"),
        helper.make_node("Add", ["m", "b"], ["y"]),
    ]
    value = lambda name, width: helper.make_tensor_value_info(  # noqa: E731
        name, TensorProto.FLOAT, ["batch", width]
    )
    tensors = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(weight[0].copy(), "b")]
    graph = helper.make_graph(nodes, "g", [value("x", size)], [value("y", outputs)], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


@pytest.mark.parametrize("size, outputs", [(64, 16), (50, 33), (640, 70)])
def test_integer_products_are_exact(tools, tmp_path, size, outputs):
    """One layer, so that both sides have the same codes: only scaling rounds."""
    save_linear(tmp_path / "m.onnx", size, outputs)
    tools.optimize(tmp_path / "m.onnx", tmp_path / "q.onnx", *INT8)
    session = native.Session(tools, tmp_path / "m.onnx", *INT8)
    random = np.random.default_rng(0)
    for rows in (1, 5, 33):
        x = random.standard_normal((rows, size), dtype=np.float32)
        # onnx's evaluator: onnxruntime's 8-bit products saturate on some CPUs.
        expected = ReferenceEvaluator(str(tmp_path / "q.onnx")).run(None, {"x": x})
        assert runtime.relative_difference(expected, session.run(None, {"x": x})) <= 1e-6


@pytest.mark.parametrize("shape", [(16, 32, 5), (16, 32, 5, 1), (16, 32, 1, 5), (32, 1, 3, 3)], ids=str)
def test_integer_convolutions_are_exact(tools, tmp_path, shape):
    random = np.random.default_rng(0)
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="cv", group=32 // shape[1])
    value = lambda name, sizes: helper.make_tensor_value_info(  # noqa: E731
        name, TensorProto.FLOAT, sizes
    )
    sizes = (3, 32, *(1 if size == 1 else 12 for size in shape[2:]))
    tensors = [numpy_helper.from_array(random.standard_normal(shape, dtype=np.float32), "w")]
    graph = helper.make_graph(
        [node], "g", [value("x", ["n", *sizes[1:]])], [value("y", None)], tensors
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, tmp_path / "m.onnx")
    tools.optimize(tmp_path / "m.onnx", tmp_path / "q.onnx", *INT8)
    session = native.Session(tools, tmp_path / "m.onnx", *INT8)
    x = random.standard_normal(sizes, dtype=np.float32)
    expected = ReferenceEvaluator(str(tmp_path / "q.onnx")).run(None, {"x": x})
    assert runtime.relative_difference(expected, session.run(None, {"x": x})) <= 1e-6


# ---- Quality -------------------------------------------------------------------------------------


def quality(model, session, samples=None):
    value = protocols.evaluate(model.task, session, samples)
    if value is None:
        pytest.skip("the evaluation data are not here")
    return value


@select(*EXPERTS)
def test_quality_is_that_of_onnxruntime(model, compiled):
    """On a part of the data; --slow has all of it."""
    expected = quality(model, model.path, 24)
    assert quality(model, compiled(model), 24) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_quality_is_that_of_the_reference(model, compiled):
    """To the printed digits of the table of assets: of perplexity three, of percentages two."""
    value = quality(model, compiled(model))
    assert value == pytest.approx(quality(model, model.path), rel=1e-5)
    digits = 0.005 if protocols.is_perplexity(model.task) else 0.006
    assert value == pytest.approx(model.fp32, abs=digits)


def assert_close_quality(model, ours, peer, samples):
    """0.2 %. One of the few images may cross a border."""
    slack = 0 if protocols.is_perplexity(model.task) else 100.0 / samples
    assert ours == pytest.approx(peer, abs=0.002 * peer + slack)


@select(*EXPERTS)
def test_quality_of_dynamic_int8(model, compiled, export):
    ours = quality(model, compiled(model, *INT8), 24)
    assert_close_quality(model, ours, quality(model, export(model, *INT8), 24), 24)


@pytest.mark.slow
def test_quality_of_dynamic_int8_on_all_data(model, compiled, export):
    ours = quality(model, compiled(model, *INT8))
    assert_close_quality(model, ours, quality(model, export(model, *INT8)), 182)


# ---- Plan and memory -----------------------------------------------------------------------------


def test_the_plan_names_kernels_memory_and_times(tools):
    model = models.BY_NAME["shakespeare_llama"]
    sizes = ["--dim=batch=1", "--dim=sequence=32"]
    result = tools.run(
        "compress-run", model.path, *sizes, "--threads=1", "--print-plan", "--random-inputs"
    )
    assert result.code == DONE, result.stderr
    plan = result.stdout
    total = float(re.search(r"^compile: ([\d.]+) ms$", plan, re.M)[1])
    phases = [float(each) for each in re.findall(r"^ +([\d.]+) ms ", plan, re.M)]
    assert len(phases) >= 5
    assert 0 < total <= result.seconds * 1000
    assert sum(phases) == pytest.approx(total, rel=0.02, abs=1)
    kernels = re.findall(r"^ +(\d+) x (\w+): (\w+)", plan, re.M)
    count, calls = re.search(r"^kernels: (\d+), (\d+) calls$", plan, re.M).groups()
    assert len(kernels) == int(count) and sum(int(each[0]) for each in kernels) == int(calls)
    assert {"attention", "linear", "rotary", "RMS"} <= {each[2] for each in kernels}
    # Six equal blocks call the same code.
    assert any(int(each[0]) >= 6 for each in kernels)
    memory = re.search(r"arena (\d+) bytes, peak of live values (\d+), without sharing (\d+)", plan)
    arena, peak, unshared = map(int, memory.groups())
    assert 0 < peak <= arena < unshared


# (layers of 4096 x 4096, largest resident memory). A process that compiles anything takes 145 MB,
# mostly pages of LLVM.
SIZES = [
    pytest.param(4, 200_000_000, id="256MB"),
    pytest.param(16, 250_000_000, id="1GB", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("layers, limit", SIZES)
def test_compressed_weights_stay_compressed_in_memory(tools, tmp_path, layers, limit):
    big, small, compiled = (tmp_path / name for name in ("big.onnx", "small.onnx", "m.cmpr"))
    make_linear_model.make(big, layers)
    tools.optimize(big, small, "--quantize=int4")
    big.unlink()
    run = ("--random-inputs", "--threads", "1")
    result = tools.run("compress-run", small, *run, "--save", compiled)
    assert result.code == DONE, result.stderr[-2000:]
    assert result.peak_bytes < limit
    result = tools.run("compress-run", compiled, *run)
    assert result.code == DONE, result.stderr[-2000:]
    assert result.peak_bytes < limit


# ---- Errors --------------------------------------------------------------------------------------


def save(path, nodes, inputs, outputs, opsets=(("", 17),), tensors=()):
    """A model of a few nodes; inputs and outputs are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(array, name) for name, array in tensors],
    )
    imports = [helper.make_opsetid(*each) for each in opsets]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)


def run(tools, path, values, *flags):
    np.savez(path.with_suffix(".npz"), **values)
    return tools.run("compress-run", path, "--inputs", path.with_suffix(".npz"), *flags)


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
ONES = np.ones((2, 4), np.float32)


@pytest.fixture
def add(tmp_path):
    path = tmp_path / "add.onnx"
    nodes = [helper.make_node("Add", ["a", "b"], ["y"], name="sum")]
    values = [(name, FLOAT, ["rows", 4]) for name in "aby"]
    save(path, nodes, values[:2], values[2:])
    return path


@pytest.mark.parametrize(
    "values, flags, message",
    [
        ({"a": ONES}, (), "input 'b' is missing (expected f32[rows,4])"),
        ({"a": ONES, "b": ONES, "c": ONES}, (), "there is no input 'c'"),
        ({"a": ONES, "b": ONES.astype(np.int64)}, (), "input 'b': expected type f32, got i64"),
        ({"a": ONES, "b": ONES[0]}, (), "input 'b': expected rank 2, got 1"),
        ({"a": ONES, "b": ONES[:, :3]}, (), "input 'b': expected size 4 of dim 1, got 3"),
        ({"a": ONES, "b": ONES[:1]}, (), "input 'a' has rows 2, but 'b' has rows 1"),
        ({"a": ONES, "b": ONES}, ("--dim=rows=3",), "input 'a': expected size 3 of dim 0, got 2"),
        ({"a": ONES, "b": ONES}, ("--dim=columns=3",), "no input has a dim named 'columns'"),
        ({"a": ONES, "b": ONES}, ("--dim=rows=0",), "--dim: expects"),
        ({"a": ONES, "b": ONES}, ("--target=z80",), "'z80'"),
        ({"a": ONES, "b": ONES}, ("--quantize=int5",), "int5"),
        ({"a": ONES, "b": ONES}, ("--function=other",), "no function 'other'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_requests_are_explained(tools, add, values, flags, message):
    result = run(tools, add, values, *flags)
    assert result.code == BAD_INPUT
    assert message in result.stderr


@pytest.mark.parametrize(
    "node, inputs, values, message",
    [
        (("Gather", ["t", "i"], {}), [("i", INT64, ["n"])], {"i": [0, 10]}, "out of range"),
        (("Gather", ["t", "i"], {}), [("i", INT64, ["n"])], {"i": [-11]}, "out of range"),
        (("Div", ["i", "j"], {}), [("i", INT64, ["n"]), ("j", INT64, ["n"])], {"i": [1], "j": [0]}, "zero"),
        (("Reshape", ["t", "i"], {}), [("i", INT64, [2])], {"i": [7, 6]}, "number of elements"),
        (("Expand", ["j", "i"], {}), [("i", INT64, [1]), ("j", INT64, ["n"])], {"i": [3], "j": [1, 2]}, "broadcast"),
        (("TopK", ["t", "i"], {}), [("i", INT64, [1])], {"i": [5]}, "top_k"),
        (("Add", ["i", "j"], {}), [("i", INT64, ["n"]), ("j", INT64, ["m"])], {"i": [1, 2], "j": [1, 2, 3]}, "broadcast"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_bad_values_are_found_while_running(tools, tmp_path, node, inputs, values, message):
    operator, operands, attributes = node
    results = ["y", "index"] if operator == "TopK" else ["y"]
    kind = FLOAT if "t" in operands else INT64
    outputs = [(name, INT64 if name == "index" else kind, None) for name in results]
    nodes = [helper.make_node(operator, operands, results, name="the_node", **attributes)]
    tensors = [("t", np.ones((10, 4), np.float32))] if "t" in operands else ()
    save(tmp_path / "m.onnx", nodes, inputs, outputs, tensors=tensors)
    arrays = {name: np.array(value, np.int64) for name, value in values.items()}
    result = run(tools, tmp_path / "m.onnx", arrays)
    assert result.code == BAD_INPUT, result.stdout + result.stderr
    assert message in result.stderr


def test_outputs_too_large_for_memory(tools, tmp_path):
    nodes = [helper.make_node("Expand", ["x", "s"], ["y"])]
    inputs = [("x", FLOAT, [1, 1]), ("s", INT64, [2])]
    save(tmp_path / "m.onnx", nodes, inputs, [("y", FLOAT, None)])
    one = np.ones((1, 1), np.float32)
    for size in (1 << 24, 1 << 40):
        result = run(tools, tmp_path / "m.onnx", {"x": one, "s": np.array([size, size])})
        assert result.code == BAD_INPUT
        assert "out of memory" in result.stderr or "too large" in result.stderr


@pytest.mark.parametrize(
    "operator, domain, kind, names",
    [
        ("Mystery", "my.domain", FLOAT, ("node 'the_node'", "my.domain.Mystery")),
        ("NonZero", "", FLOAT, ("node 'the_node'", "NonZero", "no model op")),
        ("Identity", "", TensorProto.STRING, ("input 'x'", "string")),
    ],
)
def test_what_cannot_be_compiled_is_named(tools, tmp_path, operator, domain, kind, names):
    nodes = [helper.make_node(operator, ["x"], ["y"], name="the_node", domain=domain)]
    opsets = [("", 17), ("my.domain", 1)]
    save(tmp_path / "m.onnx", nodes, [("x", kind, ["n"])], [("y", kind, None)], opsets)
    result = tools.run("compress-run", tmp_path / "m.onnx", "--random-inputs")
    assert result.code == UNSUPPORTED, result.stderr
    for name in names:
        assert name in result.stderr


def test_damaged_files_never_crash(tools, add, tmp_path):
    """Of models and of compiled models. A byte may be one that does not matter, as in a name."""
    compiled = tmp_path / "good.cmpr"
    native.compile_model(tools, add, compiled)
    random = np.random.default_rng(0)
    for good, count in ((add, 20), (compiled, 10)):
        data = np.frombuffer(good.read_bytes(), np.uint8)
        for index in range(count):
            bad = data.copy()
            chosen = random.integers(0, len(bad), random.integers(1, 6))
            bad[chosen] = random.integers(0, 256, len(chosen))
            if index % 3 == 0:
                bad = bad[: random.integers(0, len(bad))]
            path = tmp_path / f"bad{good.suffix}"
            path.write_bytes(bad.tobytes())
            result = tools.run("compress-run", path, "--random-inputs")
            assert result.code in (DONE, BAD_INPUT, UNSUPPORTED), result.stderr[-2000:]
            assert result.code == DONE or result.stderr.strip()
    assert tools.run("compress-run", compiled, "--random-inputs").code == DONE
