"""`compress-calibrate`: statistics against numpy on what onnxruntime computes, and bad data."""

import json
import struct

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import assets
from support.tool import BAD_INPUT, DONE

KINDS = {"F32": np.float32, "F64": np.float64, "U64": np.uint64, "I64": np.int64}
WEIGHTED = {"MatMul", "Gemm", "Conv"}


def read_statistics(path):
    """Entries of a statistics file by name, tensors by name; aliases resolved."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__")
    entries = {}
    for name, info in header.items():
        begin, end = info["data_offsets"]
        array = np.frombuffer(data[8 + size + begin : 8 + size + end], KINDS[info["dtype"]])
        entry, _, tensor = name.rpartition("/")
        entries.setdefault(entry, {})[tensor] = array.reshape(info["shape"])
    for key, target in metadata.items():
        if key.startswith("compress.alias."):
            entries[key.removeprefix("compress.alias.")] = entries[target]
    return entries


def calibrate(tools, model, data, folder, *flags):
    output = folder / "stats.safetensors"
    result = tools.run(
        "compress-calibrate", model, "--data", data, "-o", output, "--progress=off", *flags
    )
    assert result.code == DONE, result.stderr[-2000:]
    return read_statistics(output), result


def activations(path, runs):
    """For each weighted node: the node, and what its first input is in each run."""
    model = onnx.load(path)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    # A head that is tied to the embedding.
    for node in model.graph.node:
        if node.op_type == "Transpose" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    nodes = [
        node
        for node in model.graph.node
        if node.op_type in WEIGHTED and node.input[0] not in weights and node.input[1] in weights
    ]
    names = sorted({node.input[0] for node in nodes})
    inputs = {value.name for value in model.graph.input}
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in inputs)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = [name for name in names if name not in inputs]
    seen = {name: [] for name in names}
    for run in runs:
        for name, value in zip(wanted, session.run(wanted, run)):
            seen[name].append(value)
        for name in set(names) & inputs:
            seen[name].append(run[name])
    return [(node, weights[node.input[1]], seen[node.input[0]]) for node in nodes]


def windows(image, node, weight):
    """The windows of a convolution: [groups, windows, channels / groups * kernel]."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    kernel = list(weight.dims[2:])
    strides = attributes.get("strides", [1, 1])
    pads = attributes.get("pads", [0, 0, 0, 0])
    groups = attributes.get("group", 1)
    assert attributes.get("dilations", [1, 1]) == [1, 1]
    image = np.pad(image, [(0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])])
    view = np.lib.stride_tricks.sliding_window_view(image, kernel, axis=(2, 3))
    view = view[:, :, :: strides[0], :: strides[1]]
    n, channels, height, width = view.shape[:4]
    view = view.transpose(1, 0, 2, 3, 4, 5).reshape(groups, channels // groups, -1, np.prod(kernel))
    return view.transpose(0, 2, 1, 3).reshape(groups, n * height * width, -1)


def check_entry(entry, node, weight, values):
    if node.op_type == "Conv":
        rows = np.concatenate([np.moveaxis(v, 1, -1).reshape(-1, v.shape[1]) for v in values])
        contracted = np.concatenate([windows(v, node, weight) for v in values], axis=1)
    else:
        rows = np.concatenate([v.reshape(-1, v.shape[-1]) for v in values])
        contracted = rows[None]
    rows = rows.astype(np.float64)
    scale = np.abs(rows).max()
    close = {"rtol": 2e-4, "atol": 2e-4 * scale}
    vectors, runs, non_finite, channels, groups, features, gram_vectors = entry["counts"]
    assert (vectors, runs, non_finite, channels) == (len(rows), len(values), 0, rows.shape[1])
    np.testing.assert_allclose(entry["min"], rows.min(0), **close)
    np.testing.assert_allclose(entry["max"], rows.max(0), **close)
    loose = {"rtol": 1e-3, "atol": 1e-3 * scale * len(rows)}
    np.testing.assert_allclose(entry["sum"], rows.sum(0), **loose)
    np.testing.assert_allclose(entry["sum_abs"], np.abs(rows).sum(0), **loose)
    np.testing.assert_allclose(entry["sum_squares"], (rows**2).sum(0), rtol=2e-3, atol=1e-6)
    assert (groups, features) == (contracted.shape[0], contracted.shape[2])
    assert gram_vectors == contracted.shape[1]
    contracted = contracted.astype(np.float64)
    gram = contracted.transpose(0, 2, 1) @ contracted
    got = entry["gram"].reshape(gram.shape)
    np.testing.assert_allclose(got, gram, rtol=2e-3, atol=2e-3 * np.abs(gram).max())
    np.testing.assert_array_equal(got, got.transpose(0, 2, 1))


@pytest.fixture(scope="module")
def models(request):
    return request.config.rootpath / "test/models" if (
        request.config.rootpath / "test/models"
    ).is_dir() else request.config.rootpath.parents[1] / "test/models"


def test_transformer(tools, models, tmp_path):
    """Every activation of the LLaMA, over runs of one sequence."""
    path = models / "shakespeare_llama/model.onnx"
    tokens = np.fromfile(models / "shakespeare_llama/test_tokens.u16", np.uint16)[: 4 * 48]
    name = onnx.load(path, load_external_data=False).graph.input[0].name
    ids = tokens.reshape(4, 48).astype(np.int64)
    np.savez(tmp_path / "calib.npz", **{name: ids})
    entries, result = calibrate(
        tools, path, tmp_path / "calib.npz", tmp_path, "--collect=moments,gram", "--threads=2"
    )
    expected = activations(path, [{name: row[None]} for row in ids])
    assert set(entries) == {node.name + ":input" for node, _, _ in expected}
    for node, weight, values in expected:
        check_entry(entries[node.name + ":input"], node, weight, values)
    assert "4 samples" in result.stdout


def test_convolutions(tools, models, tmp_path):
    """Strided, padded and depthwise convolutions: Gram matrices of their windows."""
    path = models / "mnist_resdw/mnist_resdw.onnx"
    graph = onnx.load(path).graph
    value = graph.input[0]
    shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
    images = np.random.default_rng(0).random((5, *shape[1:]), np.float32)
    np.savez(tmp_path / "calib.npz", **{value.name: images})
    entries, _ = calibrate(
        tools, path, tmp_path / "calib.npz", tmp_path, "--collect=moments,gram"
    )
    expected = activations(path, [{value.name: image[None]} for image in images])
    assert set(entries) == {node.name + ":input" for node, _, _ in expected}
    assert any(node.op_type == "Conv" for node, _, _ in expected)
    for node, weight, values in expected:
        check_entry(entries[node.name + ":input"], node, weight, values)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("shakespeare_llama/model.onnx", "batch=2,sequence=7"), ("mnist_resdw/mnist_resdw.onnx", "batch=2")],
)  # fmt: skip
def test_observing_does_not_change_results(tools, models, tmp_path, name, sizes):
    """With observers that nobody listens to: the same numbers, up to what fusion rounds."""
    results = []
    for form, flags in ("plain", ()), ("observed", ("--compress-insert-observers=outputs",)):
        model, output = tmp_path / f"{form}.mlirbc", tmp_path / f"{form}.npz"
        tools.optimize(models / name, model, "--compress-normalize-pipeline", *flags)
        result = tools.run(
            "compress-run", model, f"--random-inputs={sizes}", "--outputs", output
        )
        assert result.code == DONE, result.stderr[-2000:]
        results.append(np.load(output))
    for key, expected in results[0].items():
        np.testing.assert_allclose(results[1][key], expected, rtol=1e-4, atol=1e-4)


@pytest.fixture
def linear(tmp_path):
    """y = x W, x is [batch, 8]; z = ids."""
    weight = np.random.default_rng(1).standard_normal((8, 4), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["y"], name="fc"),
            helper.make_node("Identity", ["ids"], ["z"]),
        ],
        "linear",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8]),
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4]),
            helper.make_tensor_value_info("z", TensorProto.INT64, ["batch"]),
        ],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "linear.onnx")
    return tmp_path / "linear.onnx"


X = np.random.default_rng(2).standard_normal((12, 8), dtype=np.float32)
IDS = np.arange(12)


def test_forms_of_data(tools, linear, tmp_path):
    """Rows of one array, runs of several rows, one more dim, a folder and a list: the same sums."""
    np.savez(tmp_path / "rows.npz", x=X, ids=IDS)
    np.savez(tmp_path / "samples.npz", x=X.reshape(3, 4, 8), ids=IDS.reshape(3, 4))
    folder = tmp_path / "folder"
    folder.mkdir()
    for i in range(3):
        np.savez(folder / f"{i}.npz", x=X[4 * i : 4 * i + 4], ids=IDS[4 * i : 4 * i + 4])
    (tmp_path / "list.txt").write_text("# three\nfolder/0.npz\n\nfolder/1.npz\nfolder/2.npz\n")
    sums = {"sum": X.sum(0, dtype=np.float64), "min": X.min(0), "max": X.max(0)}
    for data, flags, runs in [
        ("rows.npz", [], 12),
        ("rows.npz", ["--batch=4"], 3),
        ("samples.npz", [], 3),
        ("folder", [], 3),
        ("list.txt", [], 3),
    ]:
        entries, _ = calibrate(tools, linear, tmp_path / data, tmp_path, *flags)
        assert list(entries["fc:input"]["counts"][:2]) == [12, runs], data
        for name, expected in sums.items():
            np.testing.assert_allclose(entries["fc:input"][name], expected, rtol=1e-6, atol=1e-6)
    entries, _ = calibrate(tools, linear, tmp_path / "rows.npz", tmp_path, "--samples=5")
    np.testing.assert_array_equal(entries["fc:input"]["max"], X[:5].max(0))


def test_values_that_are_not_finite(tools, linear, tmp_path):
    """They are counted and left out, with a warning; a vector with one is in no Gram matrix."""
    x = X.copy()
    x[3, 2], x[7, 0] = np.nan, np.inf
    np.savez(tmp_path / "data.npz", x=x, ids=IDS)
    entries, result = calibrate(
        tools, linear, tmp_path / "data.npz", tmp_path, "--collect=moments,gram"
    )
    assert 'activation "fc:input": 2 values are NaN or infinite; they are left out' in result.stderr
    entry = entries["fc:input"]
    assert entry["counts"][2] == 2
    finite = np.where(np.isfinite(x), x, 0).astype(np.float64)
    np.testing.assert_allclose(entry["sum"], finite.sum(0), atol=1e-6)
    rows = np.delete(x, [3, 7], 0).astype(np.float64)
    np.testing.assert_allclose(entry["gram"].reshape(8, 8), rows.T @ rows, atol=1e-4)

    x[:] = np.nan
    np.savez(tmp_path / "data.npz", x=x, ids=IDS)
    result = tools.run("compress-calibrate", linear, "--data", tmp_path / "data.npz")
    assert result.code == BAD_INPUT
    assert 'activation "fc:input": all 96 values are NaN or infinite' in result.stderr


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "is empty: it has no arrays"),
        ({"x": X}, "input 'ids' is missing (expected i64[batch])"),
        ({"x": X, "ids": IDS, "y": X}, "the model has no input 'y'; its inputs are 'x', 'ids'"),
        ({"x": X.astype(np.float64), "ids": IDS}, "input 'x': expected f32, as the model has it, found f64"),
        ({"x": X, "ids": IDS.astype(np.int32)}, "input 'ids': expected i64, as the model has it, found i32"),
        ({"x": X[:, :7], "ids": IDS}, "input 'x': expected arrays of type f32[batch,8], or with one more leading dim, found f32[12,7]"),
        ({"x": X[None, None], "ids": IDS}, "input 'x': expected arrays of type f32[batch,8]"),
        ({"x": X[:0], "ids": IDS}, "input 'x' has no samples: it is f32[0,8]"),
        ({"x": X, "ids": IDS[:5]}, "input 'ids' has 5 samples, but input 'x' has 12"),
    ],
    ids=["empty", "missing", "unknown", "float", "integer", "size", "rank", "no rows", "count"],
)  # fmt: skip
def test_bad_arrays(tools, linear, tmp_path, arrays, message):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    result = tools.run("compress-calibrate", linear, "--data", path)
    assert result.code == BAD_INPUT
    assert f"calibration data '{path}': {message}" in result.stderr


def test_bad_files(tools, linear, tmp_path):
    def fails(data, message):
        result = tools.run("compress-calibrate", linear, "--data", data)
        assert result.code == BAD_INPUT, result.stdout
        assert message in result.stderr, result.stderr

    (tmp_path / "empty").mkdir()
    fails(tmp_path / "empty", "is empty: the folder has no .npz files")
    (tmp_path / "list.txt").write_text("# nothing\n")
    fails(tmp_path / "list.txt", "is empty: the list has no paths")
    (tmp_path / "list.txt").write_text("x.bin\n")
    fails(tmp_path / "list.txt", "expected a list with the path of a .npz file per line, found 'x.bin'")
    (tmp_path / "list.txt").write_text("absent.npz\n")
    fails(tmp_path / "list.txt", "absent.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK\3\4broken")
    fails(tmp_path / "broken.npz", "broken.npz")
    # Rows that do not go together are found when they are run.
    folder = tmp_path / "folder"
    folder.mkdir()
    np.savez(folder / "a.npz", x=X, ids=IDS[:5])
    fails(folder, f"sample 1 of 1 ('{folder / 'a.npz'}'): input 'x' has batch 12, but 'ids' has batch 5")
    np.savez(folder / "a.npz", x=X[0], ids=IDS)
    fails(folder, "a.npz': input 'x': expected f32[batch,8], found f32[8]")


class Reader:
    """Calibration data as onnxruntime's quantizer takes them."""

    def __init__(self, samples):
        self.samples = iter(samples)

    def get_next(self):
        return next(self.samples, None)


def test_python(package, linear, tmp_path):
    model = package.load(linear)
    samples = [{"x": X[i : i + 4], "ids": IDS[i : i + 4]} for i in (0, 4, 8)]
    statistics = model.calibrate(iter(samples), collect=["moments", "gram", "histogram"])
    assert list(statistics) == ["fc:input"]
    assert statistics.samples == 3
    entry = statistics["fc:input"]
    assert (entry.vectors, entry.runs, entry.channels, entry.non_finite) == (12, 3, 8, 0)
    np.testing.assert_array_equal(entry.min, X.min(0))
    np.testing.assert_allclose(entry.mean, X.mean(0, dtype=np.float64), atol=1e-7)
    np.testing.assert_allclose(entry.variance, X.var(0, dtype=np.float64), atol=1e-6)
    np.testing.assert_allclose(entry.mean_abs, np.abs(X).mean(0), atol=1e-6)
    np.testing.assert_array_equal(entry.abs_max, np.abs(X).max(0))
    np.testing.assert_allclose(entry.gram[0], X.T @ X, atol=1e-4)
    assert entry.histogram.sum() == X.size
    assert entry.moving_range is None
    with pytest.raises(ValueError, match="read-only"):
        entry.min[0] = 0
    with pytest.raises(KeyError):
        statistics["absent"]

    statistics.save(tmp_path / "s.safetensors")
    loaded = package.Statistics.load(tmp_path / "s.safetensors")
    np.testing.assert_array_equal(loaded["fc:input"].gram, entry.gram)
    np.savez(tmp_path / "data.npz", x=X, ids=IDS)
    for data in (Reader(samples), tmp_path / "data.npz", str(tmp_path / "data.npz")):
        again = model.calibrate(data, ops="f*", threads=1)
        np.testing.assert_array_equal(again["fc:input"].max, entry.max)
    assert model.calibrate(samples, samples=2)["fc:input"].vectors == 8


def test_python_errors(package, linear):
    model = package.load(linear)
    good = {"x": X, "ids": IDS}
    for data, message in [
        ([], "the calibration data have no samples"),
        ([{"x": X}], "sample 1 of 1: input 'ids' is missing"),
        ([good, {"x": X.astype(np.float64), "ids": IDS}], "sample 2 of 2: input 'x'"),
    ]:
        with pytest.raises(package.CompressError, match=message):
            model.calibrate(data)
    with pytest.raises(package.CompressError, match="cannot collect 'median'"):
        model.calibrate([good], collect="median")
    with pytest.raises(TypeError, match="expected a dict of arrays by input name, got list"):
        model.calibrate([[X]])
    x = X.copy()
    x[0, 0] = np.inf
    with pytest.warns(RuntimeWarning, match="1 values are NaN or infinite"):
        model.calibrate([{"x": x, "ids": IDS}])


def test_compress_with_calibration_in_python(package, tmp_path):
    """Samples as an iterable, as a file and as statistics; the calls do not influence each other."""
    path = assets.model_path("mnist_resdw/mnist_resdw.onnx")
    model = package.load(path)
    random = np.random.default_rng(0)
    runs = [{"input": random.uniform(0, 1, (4, 1, 28, 28)).astype(np.float32)} for _ in range(4)]
    name = model.compile().inputs[0].name
    runs = [{name: run["input"]} for run in runs]
    plain = model.compress("int4,group=32")
    sampled = model.compress("int4,group=32", calibration=runs)
    again = model.compress("int4,group=32")
    actions = [
        {layer["action"].split(" ")[-1] for layer in m.report()["layers"] if layer["action"]}
        for m in (plain, sampled, again)
    ]
    assert "gptq" in actions[1]
    assert "gptq" not in actions[0] and actions[0] == actions[2]
    statistics = model.calibrate(runs, collect="minmax")
    static = model.compress("int8", statistics=statistics)
    assert "activations: static" in static.report()["recipe"]
    with pytest.raises(package.CompressError, match="no samples"):
        model.compress("int4", calibration=[])
