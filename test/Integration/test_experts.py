"""`compress-raise-moe` and `compress-prune-experts` on a real mixture of experts and on shapes."""

import itertools
import re

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from support import assets, native, protocols, runtime

EXPERTS, LAYERS = 8, 3
# The router of each layer, by the name of its node.
ROUTERS = tuple(f"node_linear_{5 * layer + 4}" for layer in range(LAYERS))


@pytest.fixture(scope="module")
def source():
    path = assets.model_path("shakespeare_moe/model.onnx")
    if path is None:
        pytest.skip("shakespeare_moe is not here")
    return path


@pytest.fixture(scope="module")
def tokens():
    """Eight windows of calibration text."""
    length = protocols.text_windows("shakespeare_moe").shape[1]
    values = np.fromfile(assets.model_path("shakespeare_moe/calib_tokens.u16"), "<u2")
    return values[: 8 * length].reshape(8, length).astype(np.int64)


@pytest.fixture(scope="module")
def calibration(tokens, tmp_path_factory):
    path = tmp_path_factory.mktemp("calibration") / "tokens.npz"
    np.savez(path, input_ids=tokens)
    return path


def pipeline(*passes):
    return f"--pass-pipeline=builtin.module(compress-normalize-pipeline,{','.join(passes)})"


def prune(tools, source, output, calibration, options):
    """Prunes experts; returns the remarks."""
    passes = ("compress-raise-moe", f"compress-prune-experts{{data={calibration} {options}}}")
    return tools.optimize(source, output, pipeline(*passes), "--remarks-filter=prune").stderr


def removed_experts(remarks):
    """What was removed of each layer, and the loss."""
    found = re.findall(r"removed expert ([\d, ]+) of 8 .*, loss ([\d.e+]+)", remarks)
    return [([int(n) for n in experts.split(",")], float(loss)) for experts, loss in found]


@pytest.fixture(scope="module")
def layers(source, tokens):
    """For each layer its input, [windows, tokens, d], and its weights."""
    model = onnx.load(source)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    inputs = {node.name: node.input[0] for node in model.graph.node if node.name in ROUTERS}
    del model.graph.output[:]
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(inputs[name], onnx.TensorProto.FLOAT, None)
        for name in ROUTERS
    )
    session = runtime.onnxruntime.InferenceSession(model.SerializeToString())
    found = [[] for _ in range(LAYERS)]
    for window in tokens:
        for layer, value in enumerate(session.run(None, {"input_ids": window[None]})):
            found[layer].append(value.reshape(-1, value.shape[-1]).astype(np.float64))
    parts = ("router.weight", "w1", "w3", "w2")
    return [
        (np.stack(values), *(np.float64(weights[f"m.blocks.{i}.moe.{part}"]) for part in parts))
        for i, values in enumerate(found)
    ]


def route(logits, kept, k=2):
    """Weights of all experts, [tokens, E]."""
    masked = np.where(np.isin(np.arange(logits.shape[-1]), kept), logits, -np.inf)
    order = np.argsort(-masked, axis=-1, kind="stable")[..., :k]
    best = np.take_along_axis(masked, order, -1)
    scores = np.exp(best - best[..., :1])
    weights = np.zeros_like(logits)
    np.put_along_axis(weights, order, scores / scores.sum(-1, keepdims=True), -1)
    return weights


def losses(layer, keep):
    """The loss of every subset: sum over windows of Frobenius norms."""
    x, router, w1, w3, w2 = layer
    logits = x @ router.T
    first = np.einsum("btd,edh->ebth", x, w1)
    second = np.einsum("btd,edh->ebth", x, w3)
    outputs = np.einsum("ebth,ehd->ebtd", first / (1 + np.exp(-first)) * second, w2)

    def compute(kept):
        return np.einsum("bte,ebtd->btd", route(logits, kept), outputs)

    target = compute(range(EXPERTS))
    return {
        kept: np.sqrt(np.square(target - compute(kept)).sum((1, 2))).sum()
        for kept in itertools.combinations(range(EXPERTS), keep)
    }


@pytest.mark.parametrize("count", (2, 4))
def test_the_best_subset_is_removed(tools, source, calibration, layers, count, tmp_path):
    remarks = prune(tools, source, tmp_path / "a.onnx", calibration, f"prune=expert:{count}")
    choices = removed_experts(remarks)
    assert len(choices) == LAYERS
    greedy = removed_experts(
        prune(tools, source, tmp_path / "b.onnx", calibration, f"prune=expert:{count},method=greedy")
    )
    for layer, (experts, loss), (_, greedy_loss) in zip(layers, choices, greedy):
        every = losses(layer, EXPERTS - count)
        best = min(every, key=every.get)
        assert tuple(e for e in range(EXPERTS) if e not in experts) == best
        assert loss == pytest.approx(every[best], rel=1e-3)
        assert greedy_loss >= loss * (1 - 1e-3)


def test_output_is_kept_by_raising(tools, source, tokens, tmp_path):
    expected = runtime.run(source, tokens[:1])
    for name, more in (("raised", ()), ("expanded", ("compress-expand-composites{ops=moe}",))):
        output = tmp_path / f"{name}.onnx"
        tools.optimize(source, output, pipeline("compress-raise-moe", *more))
        assert runtime.relative_difference(expected, runtime.run(output, tokens[:1])) < 1e-6
    tools.optimize(source, tmp_path / "raised.mlirbc", pipeline("compress-raise-moe"))
    session = native.Session(tools, source, module=tmp_path / "raised.mlirbc")
    assert runtime.relative_difference(expected, session.run(None, {"input_ids": tokens[:1]})) < 1e-5


def count_weights(path):
    return sum(numpy_helper.to_array(tensor).size for tensor in onnx.load(path).graph.initializer)


@pytest.mark.parametrize("options", ("", ",progressive", ",skip"))
def test_pruned_models_run_and_export(tools, source, calibration, tokens, options, tmp_path):
    options = f"prune=expert:2{options}"
    remarks = prune(tools, source, tmp_path / "pruned.onnx", calibration, options)
    prune(tools, source, tmp_path / "pruned.mlirbc", calibration, options)
    exported = runtime.run(tmp_path / "pruned.onnx", tokens[:1])
    session = native.Session(tools, source, module=tmp_path / "pruned.mlirbc")
    computed = session.run(None, {"input_ids": tokens[:1]})
    assert runtime.relative_difference(exported, computed) < 1e-5
    assert len(removed_experts(remarks)) == LAYERS
    # Slices of the router and of three weights per expert and layer.
    removed = count_weights(source) - count_weights(tmp_path / "pruned.onnx")
    assert abs(removed - 2 * LAYERS * (3 * 128 * 192 + 128)) < 100


def test_perplexity_falls_with_experts(tools, source, calibration, tmp_path):
    """The more experts are left, the better."""
    found = {}
    for count in (0, 2, 4):
        output = tmp_path / f"{count}.mlirbc"
        prune(tools, source, output, calibration, f"prune=expert:{count}")
        session = native.Session(tools, source, module=output)
        found[count] = protocols.evaluate("shakespeare_moe", session, samples=16)
    print(found)
    assert found[0] < found[2] < found[4] < 200


def test_skipping(tools, source, calibration, tokens, layers, tmp_path):
    """Half of the calibration tokens skip; a threshold of 0 changes nothing, 1 leaves one expert."""
    text = tmp_path / "skip.mlir"
    prune(tools, source, text, calibration, "skip")
    pattern = r"skip_threshold = ([\d.e+-]+) : f32"
    thresholds = [float(value) for value in re.findall(pattern, text.read_text())]
    assert len(thresholds) == LAYERS
    for (x, router, *_), threshold in zip(layers, thresholds):
        ordered = np.sort((x @ router.T).reshape(-1, EXPERTS), axis=1)
        ratios = np.exp(ordered[:, -2] - ordered[:, -1])
        assert abs((ratios < threshold).mean() - 0.5) < 2 / len(ratios)
    # 0 never skips, 1 always does.
    plain = runtime.run(source, tokens[:1])
    outputs = {}
    for value in ("0.0", "1.0", "none"):
        changed = tmp_path / "changed.mlir"
        lines = text.read_text()
        if value == "none":
            lines = re.sub(f", {pattern}", "", re.sub(f"{pattern}, ", "", lines))
            lines = lines.replace("k = 2 : i64", "k = 1 : i64")
        else:
            lines = re.sub(pattern, f"skip_threshold = {value} : f32", lines)
        changed.write_text(lines)
        tools.optimize(changed, tmp_path / "changed.onnx")
        outputs[value] = runtime.run(tmp_path / "changed.onnx", tokens[:1])
    assert runtime.relative_difference(plain, outputs["0.0"]) < 1e-6
    assert runtime.relative_difference(outputs["none"], outputs["1.0"]) < 1e-6
    assert runtime.relative_difference(plain, outputs["1.0"]) > 1e-3


# Mixtral-8x7B.
D, H, E, KV, VOCABULARY, DEPTH = 4096, 14336, 8, 1024, 32000, 32


def mixtral_layer():
    """One layer as exporters write it, with constant weights, and what comes before and after."""
    weights, lines = [], []

    def load(name, *shape):
        kind = f"tensor<{'x'.join(map(str, shape))}xf32>"
        weights.append(f"compress.weight private @{name} : {kind} = dense<0.01>")
        lines.append(f"%{name} = compress.load @{name} : {kind}")
        return kind

    x, rows = f"tensor<?x?x{D}xf32>", f"tensor<?x{D}xf32>"

    def linear(result, value, name, out, into=D, kind=x):
        weight = load(name, out, into)
        target = kind.replace(f"x{into}xf32", f"x{out}xf32") if out != into else kind
        operands = f'%{value}, %{name} {{name = "{name}"}} : ({kind}, {weight})'
        lines.append(f"%{result} = compress.linear nk {operands} -> {target}")
        return target

    table = load("embed", VOCABULARY, D)
    lines.append(f"%e = compress.embedding %embed, %ids : ({table}, tensor<?x?xi64>) -> {x}")
    norm = load("norm1", D)
    lines.append(f"%n1 = compress.rms_norm %e, %norm1 {{axis = 2 : i64}} : ({x}, {norm}) -> {x}")
    linear("q", "n1", "wq", D)
    kv = linear("kk", "n1", "wk", KV)
    linear("v", "n1", "wv", KV)
    # What happens between the projections has no parameters.
    lines.append(f"%kv = compress.concat %kk, %v, %kk, %v {{axis = 2 : i64}} : ({kv}, {kv}, {kv}, {kv}) -> {x}")
    lines.append(f"%att = compress.mul %q, %kv : ({x}, {x}) -> {x}")
    linear("o", "att", "wo", D)
    lines.append(f"%x1 = compress.add %e, %o : ({x}, {x}) -> {x}")
    norm = load("norm2", D)
    lines.append(f"%n2 = compress.rms_norm %x1, %norm2 {{axis = 2 : i64}} : ({x}, {norm}) -> {x}")
    lines.append(f"%flat = compress.constant dense<[-1, {D}]> : tensor<2xi64>")
    lines.append(f"%t = compress.reshape %n2, %flat : ({x}, tensor<2xi64>) -> {rows}")
    s, k, i = f"tensor<?x{E}xf32>", "tensor<?x2xf32>", "tensor<?x2xi64>"
    linear("logits", "t", "gate", E, kind=rows)
    hidden, out = f"tensor<{E}x?x{H}xf32>", f"tensor<{E}x?x{D}xf32>"
    up, down = load("w1", E, D, H), load("w2", E, H, D)
    load("w3", E, D, H)
    lines.extend(
        (
            f"%p = compress.softmax %logits {{axis = 1 : i64}} : ({s}) -> {s}",
            "%two = compress.constant dense<2> : tensor<1xi64>",
            f"%best, %i = compress.top_k %p, %two {{axis = 1 : i64}} : ({s}, tensor<1xi64>) -> ({k}, {i})",
            f"%sum = compress.reduce sum %best {{axes = array<i64: 1>}} : ({k}) -> tensor<?x1xf32>",
            f"%w = compress.div %best, %sum : ({k}, tensor<?x1xf32>) -> {k}",
            "%zero = compress.constant dense<0.0> : tensor<f32>",
            f"%shape = compress.shape %p {{start = 0 : i64, end = 2 : i64}} : ({s}) -> tensor<2xi64>",
            f"%zeros = compress.broadcast %zero, %shape : (tensor<f32>, tensor<2xi64>) -> {s}",
            f"%sc = compress.scatter_elements none %zeros, %i, %w {{axis = 1 : i64}} : ({s}, {i}, {k}) -> {s}",
            f"%t3 = compress.unsqueeze %t {{axes = array<i64: 0>}} : ({rows}) -> tensor<1x?x{D}xf32>",
            f'%h1 = compress.matmul %t3, %w1 {{name = "w1"}} : (tensor<1x?x{D}xf32>, {up}) -> {hidden}',
            f"%sg = compress.sigmoid %h1 : ({hidden}) -> {hidden}",
            f"%a = compress.mul %h1, %sg : ({hidden}, {hidden}) -> {hidden}",
            f'%h3 = compress.matmul %t3, %w3 {{name = "w3"}} : (tensor<1x?x{D}xf32>, {up}) -> {hidden}',
            f"%h = compress.mul %a, %h3 : ({hidden}, {hidden}) -> {hidden}",
            f'%out = compress.matmul %h, %w2 {{name = "w2"}} : ({hidden}, {down}) -> {out}',
            f"%tr = compress.transpose %sc {{perm = array<i64: 1, 0>}} : ({s}) -> tensor<{E}x?xf32>",
            f"%u = compress.unsqueeze %tr {{axes = array<i64: 2>}} : (tensor<{E}x?xf32>) -> tensor<{E}x?x1xf32>",
            f"%wo2 = compress.mul %out, %u : ({out}, tensor<{E}x?x1xf32>) -> {out}",
            f"%y = compress.reduce sum %wo2 {{axes = array<i64: 0>, keepdims = false}} : ({out}) -> {rows}",
            f"%three = compress.constant dense<[1, -1, {D}]> : tensor<3xi64>",
            f"%y3 = compress.reshape %y, %three : ({rows}, tensor<3xi64>) -> {x}",
            f"%x2 = compress.add %x1, %y3 : ({x}, {x}) -> {x}",
        )
    )
    norm = load("norm3", D)
    lines.append(f"%n3 = compress.rms_norm %x2, %norm3 {{axis = 2 : i64}} : ({x}, {norm}) -> {x}")
    logits = linear("head_out", "n3", "head", VOCABULARY)
    body = "\n".join(f"  {line}" for line in (*lines, f"return %head_out : {logits}"))
    return "\n".join(weights) + f"\nfunc.func @main(%ids: tensor<?x?xi64>) -> {logits} {{\n{body}\n}}\n"


def test_shapes_of_mixtral(tools, tmp_path):
    """Parameters before and after: those of the weights of one raised layer, 32 times.

    Experts are sliced where real models are pruned (above); here the slices are counted from the
    operands of the raised op, whose first dim is the experts.
    """
    (tmp_path / "mixtral.mlir").write_text(mixtral_layer())
    # Inline: constant weights stay one number each.
    tools.optimize(
        tmp_path / "mixtral.mlir", tmp_path / "raised.mlir", "--compress-raise-moe", "--weights=inline"
    )
    text = (tmp_path / "raised.mlir").read_text()
    sizes = {
        name: np.prod([int(size) for size in shape.split("x")], dtype=np.int64)
        for name, shape in re.findall(r"compress.weight private @(\w+) : tensor<([\dx]+)xf32>", text)
    }
    operands = re.search(r"compress.moe %.* : \((.*)\) ->", text).group(1)
    experts = 0
    for shape in re.findall(r"tensor<([\dx]+)xf32>", operands):
        dims = [int(size) for size in shape.split("x")]
        assert dims[0] == E
        experts += int(np.prod(dims))
    outside = {"embed", "norm3", "head"}
    layer = sum(int(size) for name, size in sizes.items() if name not in outside)
    total = DEPTH * layer + sum(int(sizes[name]) for name in outside)
    assert total == 46_702_792_704
    for kept, change in ((6, -24.14), (4, -48.28)):
        smaller = total - DEPTH * experts * (E - kept) // E
        assert round(100 * (smaller - total) / total, 2) == change
    weights = DEPTH * (experts - int(sizes["gate"]))
    assert round(100 * weights / total, 2) == 96.56
