"""Palettes of channels and groups, product and additive codebooks: the own runtime and onnxruntime compute what the
codes stand for."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from support import runtime
from support.tool import DONE

# Layers with the shape of their weight, and which dim is contracted (a row's elements) and which one is the output's.
LAYERS = {
    "kn": ((24, 20), 0, 1),
    "nk": ((20, 24), 1, 0),
    "conv": ((12, 6, 3, 3), 1, 0),
    "embedding": ((30, 24), 1, 0),
}

ENCODINGS = ["channel", "group", "product", "subspaces", "additive"]

MLIR_TYPES = {"float32": "f32", "float16": "f16", "uint8": "ui8", "uint16": "ui16", "int64": "i64"}


def tensor_type(array, element=None):
    return f"tensor<{'x'.join(map(str, array.shape))}x{element or MLIR_TYPES[str(array.dtype)]}>"


class Module:
    """The text of a module, weight by weight."""

    def __init__(self):
        self.weights = []
        self.body = []

    def load(self, name, array, element=None):
        kind = tensor_type(array, element)
        value = array.tolist() if element else f'"0x{array.tobytes().hex().upper()}"'
        self.weights.append(f"compress.weight private @{name} : {kind} = dense<{value}>")
        self.body.append(f"%{name} = compress.load @{name} : {kind}")
        return f"%{name}", kind

    def add(self, line):
        self.body.append(line)

    def text(self, arguments, results):
        values, types = zip(*results)
        lines = [*self.weights, f"func.func @main({arguments}) -> ({', '.join(types)}) {{", *self.body]
        return "\n".join([*lines, f"return {', '.join(values)} : {', '.join(types)}", "}"])


def spread(parameters, shape, block):
    """A parameter for each element; `block` has a size (-1: all) for each dim."""
    for dim, (size, extent) in enumerate(zip(shape, block)):
        index = np.arange(size) // (size if extent == -1 else extent)
        parameters = np.take(parameters, index, axis=dim)
    return parameters


def grid(shape, block):
    return tuple(1 if extent == -1 else -(-size // extent) for size, extent in zip(shape, block))


def block_attribute(name, block):
    return f"{name} = array<i64: {', '.join(map(str, block))}>"


def add_palette(module, name, shape, block, random):
    """A weight of 4-bit codes with a table for each block; its SSA value, type and values."""
    codes = random.integers(0, 16, shape)
    table = random.standard_normal((*grid(shape, block), 16)).astype(np.float32)
    q, q_type = module.load(f"{name}.q", codes, "ui4")
    t, t_type = module.load(f"{name}.table", table)
    values = np.take_along_axis(spread(table, shape, block), codes[..., None], axis=-1)[..., 0]
    kind = tensor_type(values)
    module.add(
        f"%{name} = compress.lookup {q}, {t} {{{block_attribute('table_block', block)}}} : "
        f"({q_type}, {t_type}) -> {kind}"
    )
    return f"%{name}", kind, values


def decode_vectors(codes, tables, axis, length):
    """The sum of codebooks, in order, in f32."""
    spaces, books, _, dim = tables.shape
    result = None
    moved = np.moveaxis(codes, axis, -2)
    for book in range(books):
        space = np.arange(moved.shape[-2]) if spaces > 1 else np.zeros(moved.shape[-2], np.int64)
        part = tables[space, book, moved[..., book]].astype(np.float32)
        result = part if result is None else result + part
    rows = result.reshape(*result.shape[:-2], -1)[..., :length]
    return np.moveaxis(rows, -1, axis)


def add_vectors(module, name, shape, axis, books, code_type, random, subspaces=False, rows=None, type=np.float32):
    """A weight of vectors of 5 along `axis`, with a scale for each index of dim `rows`."""
    vectors = -(-shape[axis] // 5)
    entries = 256 if code_type == np.uint8 else 300
    code_shape = [*shape, books]
    code_shape[axis] = vectors
    codes = random.integers(0, entries, code_shape).astype(code_type)
    tables = random.standard_normal((vectors if subspaces else 1, books, entries, 5)).astype(type)
    values = decode_vectors(codes, tables, axis, shape[axis])
    q, q_type = module.load(f"{name}.q", codes)
    t, t_type = module.load(f"{name}.tables", tables)
    operands, types, attributes = [q, t], [q_type, t_type], [f"axis = {axis}"]
    if rows is not None:
        block = [1 if dim == rows else -1 for dim in range(len(shape))]
        scale = random.uniform(0.5, 2, grid(shape, block)).astype(type)
        s, s_type = module.load(f"{name}.scale", scale)
        values = values * scale.astype(np.float32)
        operands.append(s)
        types.append(s_type)
        attributes.append(block_attribute("block", block))
    values = values.astype(type)
    kind = tensor_type(values)
    module.add(
        f"%{name} = compress.lookup_vectors {', '.join(operands)} {{{', '.join(attributes)}}} : "
        f"({', '.join(types)}) -> {kind}"
    )
    return f"%{name}", kind, values


def add_weight(module, name, encoding, random):
    shape, contracted, output = LAYERS[name]
    if encoding in ("channel", "group"):
        rest = -1 if encoding == "channel" else 1
        block = [rest] * len(shape)
        block[output] = 1
        if encoding == "group":
            block[contracted] = 7 if len(shape) == 2 else 4
        return add_palette(module, name, shape, block, random)
    if encoding == "additive":
        return add_vectors(module, name, shape, contracted, 3, np.uint16, random, rows=output)
    return add_vectors(module, name, shape, contracted, 1, np.uint8, random, subspaces=encoding == "subspaces")


def compute_conv(image, weight):
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows.astype(np.float64), weight).astype(np.float32)


@pytest.fixture(params=ENCODINGS)
def model(request, tmp_path):
    """The file of a module with all layers, its inputs, and its outputs by numpy."""
    random = np.random.default_rng(11)
    inputs = {
        "x": random.standard_normal((3, 24)).astype(np.float32),
        "image": random.standard_normal((1, 6, 7, 7)).astype(np.float32),
        "ids": random.integers(0, 30, (2, 4)),
    }
    module = Module()
    weights = {name: add_weight(module, name, request.param, random) for name in LAYERS}
    kn, kn_type, kn_values = weights["kn"]
    nk, nk_type, nk_values = weights["nk"]
    conv, conv_type, conv_values = weights["conv"]
    rows, rows_type, row_values = weights["embedding"]
    x, image, ids = "tensor<?x24xf32>", "tensor<1x6x7x7xf32>", "tensor<?x4xi64>"
    matrix, pixels, found = "tensor<?x20xf32>", "tensor<1x12x5x5xf32>", "tensor<?x4x24xf32>"
    module.add(f"%a = compress.linear kn %x, {kn} : ({x}, {kn_type}) -> {matrix}")
    module.add(f"%b = compress.linear nk %x, {nk} : ({x}, {nk_type}) -> {matrix}")
    module.add(
        f"%c = compress.conv %image, {conv} {{strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, "
        f"dilations = array<i64: 1, 1>}} : ({image}, {conv_type}) -> {pixels}"
    )
    module.add(f"%d = compress.embedding {rows}, %ids : ({rows_type}, {ids}) -> {found}")
    path = tmp_path / "model.mlir"
    arguments = [("x", x), ("image", image), ("ids", ids)]
    path.write_text(
        module.text(
            ", ".join(f'%{name}: {kind} {{compress.name = "{name}"}}' for name, kind in arguments),
            [("%a", matrix), ("%b", matrix), ("%c", pixels), ("%d", found)],
        )
    )
    expected = [
        (inputs["x"].astype(np.float64) @ kn_values).astype(np.float32),
        (inputs["x"].astype(np.float64) @ nk_values.T).astype(np.float32),
        compute_conv(inputs["image"], conv_values),
        row_values[inputs["ids"]],
    ]
    return path, inputs, expected, request.param


def check(expected, found):
    assert runtime.relative_difference(expected, found) < 2e-6
    # Rows of a table are the decoded numbers themselves.
    np.testing.assert_array_equal(expected[3], found[3])


def run_onnx(path, inputs):
    return runtime.session(path).run(None, inputs)


def export(tools, path, output, *flags):
    result = tools.run("compress-translate", "--export-onnx", *flags, path, "-o", output)
    assert result.code == DONE, result.stderr[-3000:]
    onnx.checker.check_model(output, full_check=True)
    return onnx.load(output)


def test_compiled_code_computes_the_decoded_weights(tools, model, tmp_path):
    path, inputs, expected, _ = model
    np.savez(tmp_path / "in.npz", **inputs)
    result = tools.run(
        "compress-run", path, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz"
    )
    assert result.code == DONE, result.stderr[-3000:]
    with np.load(tmp_path / "out.npz") as archive:
        check(expected, list(archive.values()))


def test_onnx_file_computes_the_decoded_weights(tools, model, tmp_path):
    path, inputs, expected, encoding = model
    file = export(tools, path, tmp_path / "out.onnx")
    operators = [node.op_type for node in file.graph.node]
    # A Gather of the table; vectors need one for each codebook, and others for their codes.
    books = {"additive": 3, "product": 1, "subspaces": 1}.get(encoding)
    assert operators.count("Gather") == (1 + 4 * 2 * books if books else 5)
    # No weight is there as floats.
    shapes = {shape for shape, *_ in LAYERS.values()}
    floats = {tuple(t.dims) for t in file.graph.initializer if t.data_type == TensorProto.FLOAT}
    assert not floats & shapes
    check(expected, run_onnx(tmp_path / "out.onnx", inputs))


def test_dense_form_holds_the_decoded_weights(tools, model, tmp_path):
    path, inputs, expected, _ = model
    file = export(tools, path, tmp_path / "out.onnx", "--form=dense")
    assert [node.op_type for node in file.graph.node].count("Gather") == 1
    check(expected, run_onnx(tmp_path / "out.onnx", inputs))


def test_folding_gives_the_same(tools, model, tmp_path):
    path, inputs, expected, _ = model
    result = tools.run(
        "compress-opt", path, "--compress-verify-chains", "--compress-fold-decode", "-o", tmp_path / "m.mlir"
    )
    assert result.code == DONE, result.stderr[-3000:]
    assert "compress.lookup" not in (tmp_path / "m.mlir").read_text()
    export(tools, tmp_path / "m.mlir", tmp_path / "out.onnx")
    check(expected, run_onnx(tmp_path / "out.onnx", inputs))


@pytest.mark.parametrize("books", [1, 2, 4])
def test_short_floats_are_rounded_once(tools, tmp_path, books):
    random = np.random.default_rng(5)
    module = Module()
    value, kind, rows = add_vectors(
        module, "w", (30, 24), 1, books, np.uint16, random, rows=0, type=np.float16
    )
    module.add(f"%y = compress.embedding {value}, %ids : ({kind}, tensor<?xi64>) -> tensor<?x24xf16>")
    path = tmp_path / "model.mlir"
    path.write_text(
        module.text('%ids: tensor<?xi64> {compress.name = "ids"}', [("%y", "tensor<?x24xf16>")])
    )
    ids = np.arange(30)
    np.savez(tmp_path / "in.npz", ids=ids)
    result = tools.run(
        "compress-run", path, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz"
    )
    assert result.code == DONE, result.stderr[-3000:]
    with np.load(tmp_path / "out.npz") as archive:
        np.testing.assert_array_equal(list(archive.values())[0], rows)
    export(tools, path, tmp_path / "out.onnx")
    np.testing.assert_array_equal(run_onnx(tmp_path / "out.onnx", {"ids": ids})[0], rows)
