"""LoRA adapters: exported branches are merged, files are attached, merged and taken out again."""

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support import assets, native, runtime

PREFIX = "base_model.model."


def write_adapter(folder, tensors, **config):
    """An adapter as PEFT writes it: {key: array}, and adapter_config.json. Returns the file."""
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array, np.float32).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "adapter_model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    return path


def pipeline(*passes):
    return f"--pass-pipeline=builtin.module({','.join(('compress-normalize-pipeline', *passes))})"


def optimize(tools, source, output, *passes):
    """Runs passes on the normalised model; returns the remarks."""
    return tools.optimize(source, output, pipeline(*passes), "--remarks-filter=adapters").stderr


def count(path, *operators):
    return sum(node.op_type in operators for node in onnx.load(path).graph.node)


# Exported branches ---------------------------------------------------------------------------


class Builder:
    """A small model with seeded initializers."""

    def __init__(self, path, input_shape, output_shape):
        self.path, self.shapes = path, (input_shape, output_shape)
        self.nodes, self.initializers = [], []
        self.random = np.random.default_rng(3)

    def weight(self, name, *shape, scale=0.3):
        values = (self.random.standard_normal(shape) * scale).astype(np.float32)
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def save(self):
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(("x", "y"), self.shapes)
        ]
        body = helper.make_graph(self.nodes, "g", infos[:1], infos[1:], self.initializers)
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(body, opset_imports=opsets, ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, self.path)
        return self.path


def torchscript(path):
    """MatMul and Add, Dropout of inference, MatMul, MatMul, Mul by alpha / r, Add."""
    model = Builder(path, ["n", 5, 16], ["n", 5, 24])
    base = model.node("MatMul", ["x", model.weight("w", 16, 24)], "base", name="/fc/base_layer/MatMul")
    base = model.node("Add", [model.weight("bias", 24), base], "biased")
    x = model.node("Dropout", ["x"], "dropped")
    down = model.node("MatMul", [x, model.weight("a", 16, 4)], "down", name="/fc/lora_A/MatMul")
    up = model.node("MatMul", [down, model.weight("b", 4, 24)], "up", name="/fc/lora_B/MatMul")
    model.node("Add", [base, model.node("Mul", [up, model.constant("s", 2.0)], "scaled")], "y")
    return model.save()


def transposed(path):
    """Weights [out, in] behind Transpose; scales before A and between the factors."""
    model = Builder(path, ["n", 5, 16], ["n", 5, 24])

    def linear(x, name, rows, columns):
        weight = model.weight(name, rows, columns)
        turned = model.node("Transpose", [weight], name + "T", perm=[1, 0])
        return model.node("MatMul", [x, turned], "of_" + name)

    base = linear("x", "w", 24, 16)
    x = model.node("Mul", [model.constant("s", [2.0]), "x"], "scaled")
    half = model.node("Mul", [linear(x, "a", 4, 16), model.constant("t", 0.25)], "half")
    both = model.node("Add", [linear(half, "b", 24, 4), base], "both")
    model.node("Add", [both, model.weight("bias", 24)], "y")
    return model.save()


def gemm(path):
    """Gemm with a bias, and Gemm with alpha for the scale."""
    model = Builder(path, ["n", 16], ["n", 24])
    inputs = ["x", model.weight("w", 24, 16), model.weight("bias", 24)]
    base = model.node("Gemm", inputs, "base", transB=1)
    down = model.node("Gemm", ["x", model.weight("a", 4, 16)], "down", transB=1)
    up = model.node("Gemm", [down, model.weight("b", 24, 4)], "up", transB=1, alpha=0.5)
    model.node("Add", [base, up], "y")
    return model.save()


def gemm_accumulating(path):
    """The base is the third operand of the last Gemm; the scale is a division."""
    model = Builder(path, ["n", 16], ["n", 24])
    base = model.node("MatMul", ["x", model.weight("w", 16, 24)], "base")
    down = model.node("MatMul", ["x", model.weight("a", 16, 4)], "down")
    down = model.node("Div", [down, model.constant("s", 4.0)], "divided")
    model.node("Gemm", [down, model.weight("b", 4, 24), base], "y", alpha=3.0)
    return model.save()


def conv(path):
    """A strided convolution; the second factor is a 1x1 convolution."""
    model = Builder(path, ["n", 6, 8, 8], ["n", 8, 4, 4])
    window = {"pads": [1, 1, 1, 1], "strides": [2, 2], "kernel_shape": [3, 3]}
    inputs = ["x", model.weight("w", 8, 6, 3, 3), model.weight("bias", 8)]
    base = model.node("Conv", inputs, "base", **window)
    down = model.node("Conv", ["x", model.weight("a", 2, 6, 3, 3)], "down", **window)
    up = model.node("Conv", [down, model.weight("b", 8, 2, 1, 1)], "up", kernel_shape=[1, 1])
    model.node("Add", [base, model.node("Mul", [up, model.constant("s", 2.0)], "scaled")], "y")
    return model.save()


def two_adapters(path):
    """Two adapters of one layer."""
    model = Builder(path, ["n", 16], ["n", 24])
    y = model.node("MatMul", ["x", model.weight("w", 16, 24)], "base")
    for i, name in enumerate(("one", "y")):
        down = model.node("MatMul", ["x", model.weight(f"a{i}", 16, 2 + i)], f"down{i}")
        up = model.node("MatMul", [down, model.weight(f"b{i}", 2 + i, 24)], f"up{i}")
        y = model.node("Add", [y, up], name)
    return model.save()


EXPORTERS = (torchscript, transposed, gemm, gemm_accumulating, conv, two_adapters)


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda exporter: exporter.__name__)
def test_exported_branches_are_merged(tools, tmp_path, exporter):
    source = exporter(tmp_path / "lora.onnx")
    remarks = optimize(tools, source, tmp_path / "merged.onnx", "compress-merge-adapters")
    assert "is merged" in remarks and "not merged" not in remarks
    assert count(tmp_path / "merged.onnx", "MatMul", "Gemm", "Conv") == 1
    # The weight keeps its name, and A and B are gone.
    names = {tensor.name for tensor in onnx.load(tmp_path / "merged.onnx").graph.initializer}
    assert "w" in names and not names & {"a", "b", "a0", "b0"}
    shape = [2 if dim == "n" else dim for dim in input_shape(source)]
    values = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    before, after = runtime.run(source, values), runtime.run(tmp_path / "merged.onnx", values)
    assert runtime.relative_difference(before, after) < 1e-6


def input_shape(path):
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    return [dim.dim_param or dim.dim_value for dim in dims]


# Files ---------------------------------------------------------------------------------------

# The dynamo exporter keeps no names of modules, so modules are named as its nodes.
MODELS = {
    "dynamo": (
        "shakespeare_llama/model.onnx",
        [f"node_linear_{i}" for i in range(1, 42)] + ["node_linear"],
    ),
    "torchscript": (
        "shakespeare_llama/model_torchscript.onnx",
        [
            f"model.layers.{i}.{name}"
            for i in range(6)
            for name in ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
        ],
    ),
}


def make_adapter(folder, source, modules, rank=4, alpha=8, scale=0.02):
    """Random factors for the MatMuls of these modules."""
    model = onnx.load(source)
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    random = np.random.default_rng(1)
    tensors = {}
    for module in modules:
        path = module.replace(".", "/").replace("layers/", "layers.")
        nodes = [
            node
            for node in model.graph.node
            if node.name == module or node.name.endswith(f"/{path}/MatMul")
        ]
        assert len(nodes) == 1, module
        inputs, outputs = shapes[nodes[0].input[1]]
        factors = {"A": (rank, inputs), "B": (outputs, rank)}
        for letter, shape in factors.items():
            values = random.standard_normal(shape) * scale
            tensors[f"{PREFIX}{module}.lora_{letter}.weight"] = values.astype(np.float32)
    return write_adapter(folder, tensors, r=rank, lora_alpha=alpha), tensors


@pytest.fixture(scope="module", params=MODELS)
def adapted(request, tools, tmp_path_factory):
    """(source, adapter file, model with branches, model with merged branches, remarks)."""
    file, modules = MODELS[request.param]
    folder = tmp_path_factory.mktemp("adapted")
    source = assets.model_path(file)
    path, _ = make_adapter(folder / "adapter", source, modules)
    attach = f"compress-attach-adapters{{file={path}}}"
    remarks = optimize(tools, source, folder / "attached.onnx", attach)
    assert remarks.count("is added to") == len(modules)
    merge = (attach, "compress-merge-adapters")
    assert optimize(tools, source, folder / "merged.onnx", *merge).count("is merged") == len(modules)
    return source, path, folder / "attached.onnx", folder / "merged.onnx", len(modules)


def tokens():
    return np.random.default_rng(0).integers(0, 1024, (2, 40), dtype=np.int64)


def test_attached_equals_merged(adapted):
    source, _, attached, merged, modules = adapted
    assert count(attached, "MatMul") == count(source, "MatMul") + 2 * modules
    assert count(merged, "MatMul") == count(source, "MatMul")
    before, with_branches = runtime.run(source, tokens()), runtime.run(attached, tokens())
    assert runtime.relative_difference(before, with_branches) > 1e-3
    assert runtime.relative_difference(with_branches, runtime.run(merged, tokens())) < 2e-6


def test_branches_compute_what_they_should(tools, tmp_path):
    """One adapter against numpy: the weight of the merged model is W + alpha / r (B A)^T."""
    source = assets.model_path("shakespeare_llama/model.onnx")
    path, tensors = make_adapter(tmp_path / "adapter", source, ["node_linear_3"], rank=3, alpha=7)
    passes = (f"compress-attach-adapters{{file={path}}}", "compress-merge-adapters")
    optimize(tools, source, tmp_path / "merged.onnx", *passes)

    def weight(file):
        model = onnx.load(file)
        node = next(node for node in model.graph.node if node.name == "node_linear_3")
        return numpy_helper.to_array(
            next(tensor for tensor in model.graph.initializer if tensor.name == node.input[1])
        )

    a, b = (tensors[f"{PREFIX}node_linear_3.lora_{letter}.weight"] for letter in "AB")
    scaled = (b.astype(np.float64) * (7 / 3)).astype(np.float32).astype(np.float64)
    old, new = weight(source), weight(tmp_path / "merged.onnx")
    expected = (old + (scaled @ a.astype(np.float64)).T).astype(np.float32)
    np.testing.assert_allclose(new, expected, rtol=0, atol=np.spacing(np.abs(expected).max()))
    # A change of rank 3, but for the rounding of the sum.
    values = np.linalg.svd(new.astype(np.float64) - old, compute_uv=False)
    assert values[2] > 1e3 * values[3]


def test_unmerging_restores(tools, adapted, tmp_path):
    source, path, attached, merged, modules = adapted
    unmerge = f"compress-unmerge-adapters{{file={path} attach=false}}"
    remarks = optimize(tools, merged, tmp_path / "restored.onnx", unmerge)
    assert remarks.count("is taken out") == modules
    before = runtime.run(source, tokens())
    restored = runtime.run(tmp_path / "restored.onnx", tokens())
    assert runtime.relative_difference(before, restored) < 1e-6
    unmerge = f"compress-unmerge-adapters{{file={path}}}"
    optimize(tools, merged, tmp_path / "unmerged.onnx", unmerge)
    assert count(tmp_path / "unmerged.onnx", "MatMul") == count(attached, "MatMul")
    with_branches = runtime.run(attached, tokens())
    unmerged = runtime.run(tmp_path / "unmerged.onnx", tokens())
    assert runtime.relative_difference(with_branches, unmerged) < 2e-6


def test_identity_at_init(tools, tmp_path):
    """B = 0, as training starts: the merged model has the old initializers, bit for bit."""
    source = assets.model_path("shakespeare_llama/model.onnx")
    path, tensors = make_adapter(tmp_path / "random", source, ["node_linear_3", "node_linear_5"])
    zeros = {key: array * 0 if ".lora_B." in key else array for key, array in tensors.items()}
    path = write_adapter(tmp_path / "init", zeros, r=4, lora_alpha=8)
    optimize(tools, source, tmp_path / "plain.onnx")
    passes = (f"compress-attach-adapters{{file={path}}}", "compress-merge-adapters")
    remarks = optimize(tools, source, tmp_path / "merged.onnx", *passes)
    assert remarks.count("which changes nothing") == 2

    def values(file):
        tensors = onnx.load(file).graph.initializer
        return {tensor.name: numpy_helper.to_array(tensor).tobytes() for tensor in tensors}

    assert values(tmp_path / "plain.onnx") == values(tmp_path / "merged.onnx")


def test_merging_into_int4_tells_the_error(tools, tmp_path):
    """Decoded, added, quantized again with the same groups: MatMulNBits stay what they are."""
    source = assets.model_path("shakespeare_llama/model.onnx")
    quantize = "compress-quantize{format=int4 group=32 method=rtn}"
    path, _ = make_adapter(tmp_path / "adapter", source, ["node_linear_3", "node_linear_5"])
    passes = (quantize, f"compress-attach-adapters{{file={path}}}", "compress-merge-adapters")
    remarks = optimize(tools, source, tmp_path / "merged.onnx", *passes)
    optimize(tools, source, tmp_path / "attached.onnx", *passes[:2])
    optimize(tools, source, tmp_path / "int4.onnx", quantize)
    errors = [
        float(line.split("relative error ")[1].split('"')[0])
        for line in remarks.splitlines()
        if "quantized again with the relative error" in line
    ]
    assert len(errors) == 2 and all(0.01 < error < 0.15 for error in errors), remarks

    def stored(file):
        return sorted(
            (tensor.data_type, tuple(tensor.dims)) for tensor in onnx.load(file).graph.initializer
        )

    assert stored(tmp_path / "merged.onnx") == stored(tmp_path / "int4.onnx")
    exact = runtime.run(tmp_path / "attached.onnx", tokens())
    merged = runtime.run(tmp_path / "merged.onnx", tokens())
    assert 1e-5 < runtime.relative_difference(exact, merged) < 0.1


def test_merged_and_attached_models_run_natively(tools, adapted, tmp_path):
    source, path, attached, _, _ = adapted
    attach = f"compress-attach-adapters{{file={path}}}"
    optimize(tools, source, tmp_path / "attached.mlirbc", attach)
    session = native.Session(tools, source, module=tmp_path / "attached.mlirbc")
    got = session.run(None, {session.get_inputs()[0].name: tokens()})
    assert runtime.relative_difference(runtime.run(attached, tokens()), got) < 1e-4


@pytest.mark.parametrize(
    "change, message",
    (
        (lambda tensors: tensors.pop(f"{PREFIX}fc.lora_B.weight"), "no factor B"),
        (lambda tensors: tensors.update({"fc.bias": np.zeros(3)}), "'fc.bias' is not a factor"),
        (
            lambda tensors: tensors.update({f"{PREFIX}fc.lora_A.weight": np.zeros((2, 9))}),
            "matches no linear op",
        ),
    ),
)
def test_broken_files_are_refused(tools, tmp_path, change, message):
    tensors = {
        f"{PREFIX}fc.lora_A.weight": np.ones((2, 16)),
        f"{PREFIX}fc.lora_B.weight": np.ones((24, 2)),
    }
    change(tensors)
    path = write_adapter(tmp_path / "adapter", tensors, r=2, lora_alpha=2)
    source = gemm(tmp_path / "model.onnx")
    flag = pipeline(f"compress-attach-adapters{{file={path}}}")
    result = tools.run("compress-opt", source, flag, "-o", tmp_path / "out.onnx")
    assert result.code != 0 and message in result.stderr, result.stderr
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_do_no_harm(tools, tmp_path, seed):
    """Bytes of an adapter and of its configuration changed at random: an error, or other numbers."""
    random = np.random.default_rng(seed)
    tensors = {"w.lora_A.weight": np.ones((2, 16)), "w.lora_B.weight": np.ones((24, 2))}
    path = write_adapter(tmp_path / "adapter", tensors, r=2, lora_alpha=2)
    for file in (path, path.parent / "adapter_config.json"):
        data = bytearray(file.read_bytes())
        for _ in range(random.integers(1, 4)):
            data[random.integers(0, min(len(data), 200))] = random.integers(0, 256)
        file.write_bytes(data[: random.integers(1, len(data) + 1)] if seed % 3 == 0 else data)
    source = gemm(tmp_path / "model.onnx")
    flag = pipeline(f"compress-attach-adapters{{file={path}}}")
    result = tools.run("compress-opt", source, flag, "-o", tmp_path / "out.onnx")
    assert result.code in (0, 1, 2, 3) and (result.code == 0 or "error" in result.stderr)


def test_documented_commands(tools, tmp_path, monkeypatch):
    """What docs/Adapters.md says to type."""
    text = (Path(__file__).resolve().parents[2] / "docs/Adapters.md").read_text()
    commands = re.search(r"```sh\n(.*?)```", text, re.S)[1]
    source = assets.model_path("shakespeare_llama/model.onnx")
    make_adapter(tmp_path / "adapter", source, ["node_linear_3"])
    shutil.copy(source, tmp_path / "model.onnx")
    gemm(tmp_path / "lora.onnx")
    path = f"{tools.bin.resolve()}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "quantized again with the relative error" in done.stderr
    for name in ("merged", "attached", "base", "merged4"):
        assert (tmp_path / f"{name}.onnx").is_file()
