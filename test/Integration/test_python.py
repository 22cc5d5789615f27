"""The Python package compress_mlir, from an installation or from `<build>/python`."""

import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.random.default_rng(0).standard_normal((64, 16), dtype=np.float32)
BIAS = np.arange(16, dtype=np.float32)


@pytest.fixture(scope="module")
def proto():
    """y = x W + b, x is [batch, 64], batch symbolic; and z = not flag."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["m"], name="fc"),
            helper.make_node("Add", ["m", "b"], ["y"]),
            helper.make_node("Not", ["flag"], ["z"]),
        ],
        "linear",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 64]),
            helper.make_tensor_value_info("flag", TensorProto.BOOL, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 16]),
            helper.make_tensor_value_info("z", TensorProto.BOOL, ["batch"]),
        ],
        [numpy_helper.from_array(WEIGHT, "w"), numpy_helper.from_array(BIAS, "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def session(package, proto):
    return package.load(proto).compile(threads=2)


def make_inputs(batch=3):
    random = np.random.default_rng(1)
    return {"x": random.standard_normal((batch, 64), dtype=np.float32),
            "flag": random.integers(0, 2, batch).astype(bool)}  # fmt: skip


def expect(outputs, inputs, tolerance=1e-4):
    np.testing.assert_allclose(outputs["y"], inputs["x"] @ WEIGHT + BIAS, atol=tolerance)
    np.testing.assert_array_equal(outputs["z"], ~inputs["flag"])


def test_load_from_all_sources(package, proto, tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(proto, path)
    inputs = make_inputs()
    for source in (proto, proto.SerializeToString(), path, str(path)):
        expect(package.load(source).compile(threads=1).run(inputs), inputs)


def test_specs(session):
    assert [spec.name for spec in session.inputs] == ["x", "flag"]
    spec = session.inputs[0]
    assert (spec.dtype, spec.shape, spec.dims) == ("f32", [-1, 64], ["batch", ""])
    assert [spec.name for spec in session.outputs] == ["y", "z"]
    assert session.threads == 2
    assert "target: " in session.plan


def test_arrays_of_any_layout(session):
    inputs = make_inputs(8)
    outputs = session.run(inputs)
    assert outputs["y"].dtype == np.float32 and outputs["z"].dtype == bool
    expect(outputs, inputs)
    strided = {"x": np.asfortranarray(inputs["x"]), "flag": inputs["flag"][::-1][::-1]}
    np.testing.assert_array_equal(session.run(strided)["y"], outputs["y"])
    every_second = {"x": inputs["x"][::-2], "flag": inputs["flag"][::-2]}
    np.testing.assert_array_equal(session.run(every_second)["y"], outputs["y"][::-2])
    read_only = inputs["x"].copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(session.run({**inputs, "x": read_only})["y"], outputs["y"])
    assert session.run(make_inputs(0))["y"].shape == (0, 16)


def test_outputs_live_on_their_own(package, proto):
    session = package.load(proto).compile(threads=1)
    inputs = make_inputs()
    first = session.run(inputs)
    copy = first["y"].copy()
    session.run(make_inputs(5))
    del session
    np.testing.assert_array_equal(first["y"], copy)
    first["y"][:] = 0  # an array of the caller


def test_errors(package, session):
    inputs = make_inputs()
    cases = [
        ({"x": inputs["x"]}, "input 'flag' is missing"),
        ({**inputs, "z": inputs["x"]}, "there is no input 'z'"),
        ({**inputs, "x": inputs["x"].astype(np.float64)}, "expected type f32, got f64"),
        ({**inputs, "x": inputs["x"][:2]}, "input 'x' has batch 2, but 'flag' has batch 3"),
    ]
    for values, message in cases:
        with pytest.raises(package.CompressError, match=message):
            session.run(values)
    with pytest.raises(package.CompressError, match="none.onnx"):
        package.load("none.onnx")
    with pytest.raises(package.CompressError):
        package.load(b"nonsense")


def test_unsupported_nodes_are_named(package):
    graph = helper.make_graph(
        [helper.make_node("Nonsense", ["x"], ["y"], name="node_7", domain="my")],
        "opaque",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    model = package.load(helper.make_model(graph, opset_imports=opsets, ir_version=8))
    with pytest.raises(package.UnsupportedError, match="node_7.*Nonsense"):
        model.compile()


def test_compress_leaves_the_original_alone(package, proto, tmp_path):
    model = package.load(proto)
    small = model.compress(quantize="w8")
    assert model.report() is None
    report = small.report()
    assert len(report["layers"]) == 1
    inputs = make_inputs()
    expect(model.compile(threads=1).run(inputs), inputs)
    outputs = small.compile(threads=1).run(inputs)
    exact = inputs["x"] @ WEIGHT + BIAS
    assert 0 < np.abs(outputs["y"] - exact).max() < 0.2
    # The other way round: the original goes first.
    del model
    np.testing.assert_array_equal(small.compile(threads=1).run(inputs)["y"], outputs["y"])
    for name in ("s.onnx", "s.mlir", "s.mlirbc"):
        small.save(tmp_path / name)
        again = package.load(tmp_path / name).compile(threads=1).run(inputs)
        np.testing.assert_allclose(again["y"], outputs["y"], atol=1e-4)
    with pytest.raises(package.CompressError, match="int5"):
        small.compress(quantize="int5")
    with pytest.raises(package.CompressError, match="s.txt"):
        small.save(tmp_path / "s.txt")


def test_fixed_dims_and_saved_sessions(package, proto, tmp_path):
    session = package.load(proto).compile(threads=1, dims={"batch": 3})
    assert session.inputs[0].shape == [3, 64]
    session.save(tmp_path / "m.cmpr")
    inputs = make_inputs()
    loaded = package.load_session(tmp_path / "m.cmpr", threads=2)
    np.testing.assert_array_equal(loaded.run(inputs)["y"], session.run(inputs)["y"])


def test_encoded_sessions(package, proto, tmp_path):
    session = package.load(proto).compress(quantize="palette,bits=2").compile(threads=1)
    raw = session.save(tmp_path / "raw.cmpr")
    small = session.save(tmp_path / "small.cmpr", encoding="huffman")
    assert raw.raw == raw.stored == small.raw
    assert small.stored < small.raw and small.stored_weights <= small.raw_weights
    for name, sizes in (("raw.cmpr", raw), ("small.cmpr", small)):
        assert (tmp_path / name).stat().st_size == sizes.file
    inputs = make_inputs()
    loaded = package.load_session(tmp_path / "small.cmpr", threads=2)
    np.testing.assert_array_equal(loaded.run(inputs)["y"], session.run(inputs)["y"])
    with pytest.raises(package.CompressError, match="expects raw or huffman, got 'zip'"):
        session.save(tmp_path / "x.cmpr", encoding="zip")


def test_threads_share_a_session_and_a_model(package, proto):
    """Nothing holds the interpreter lock while it works; runs and compilations may overlap."""
    model = package.load(proto)
    session = model.compile(threads=2)
    inputs = make_inputs()
    expected = session.run(inputs)["y"]
    failures = []

    def work(index):
        try:
            own = model.compress(quantize="w8").compile(threads=1) if index % 2 else session
            for _ in range(20):
                got = own.run(inputs)["y"]
                if not index % 2:
                    np.testing.assert_array_equal(got, expected)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
