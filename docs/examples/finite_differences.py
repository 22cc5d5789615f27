"""Gradient statistics for the pruning methods that need them, made by finite differences.

The methods `taylor`, `taylor2`, `taylor_mixed` and `taylor_vector` (docs/StructuredPruning.md) read
dL/dw from a statistics file. Whatever trains the model can write one; this script shows the form on
a small model, with nothing but the compiled model itself: its weights become inputs, so one
compilation serves all evaluations of the loss at w + h and w - h.

    python docs/examples/finite_differences.py tiny.onnx gradients.safetensors
    compress-opt tiny.onnx --statistics=gradients.safetensors --prune=neuron:0.5,method=taylor \
        -o small.onnx

Then it checks the conservation identities of products of weights: scaling what writes a unit up and
what reads it down changes nothing, so the sums of w * dL/dw on both sides are equal, per neuron of
a gated and of a ReLU layer and per attention head. A differentiator that breaks them is wrong.
"""

import argparse
import json
import struct

import compress_mlir
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES, TOKENS, DIM, HEADS, HIDDEN = 3, 4, 8, 2, 6
# The name of each weight's node, and the shape of the weight as it is stored.
SHAPES = {
    **dict.fromkeys(("q", "k", "v", "o"), (DIM, DIM)),
    **dict.fromkeys(("gate", "up"), (DIM, HIDDEN)),
    "down": (HIDDEN, DIM),
    "fc1": (DIM, HIDDEN),
    "fc2": (HIDDEN, DIM),
}


def make_model(seed=0):
    """Attention, SwiGLU and a ReLU layer with a bias, each with a residual connection."""
    random = np.random.default_rng(seed)
    node = helper.make_node
    nodes, constants = [], {
        name + ".w": random.normal(0, 0.5, shape) for name, shape in SHAPES.items()
    }
    constants["fc1.b"] = random.normal(0, 0.5, HIDDEN)
    constants["scale"] = np.array((DIM // HEADS) ** -0.5)
    constants["split"] = np.array([0, 0, HEADS, DIM // HEADS])
    constants["join"] = np.array([0, 0, DIM])

    def matmul(name, value):
        nodes.append(node("MatMul", [value, name + ".w"], [name], name=name))

    for name in "qkv":
        matmul(name, "x")
        nodes.append(node("Reshape", [name, "split"], [name + ".4"]))
        perm = [0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]
        nodes.append(node("Transpose", [name + ".4"], [name + ".t"], perm=perm))
    nodes += [
        node("MatMul", ["q.t", "k.t"], ["qk"]),
        node("Mul", ["qk", "scale"], ["scores"]),
        node("Softmax", ["scores"], ["p"], axis=-1),
        node("MatMul", ["p", "v.t"], ["pv"]),
        node("Transpose", ["pv"], ["pv.t"], perm=[0, 2, 1, 3]),
        node("Reshape", ["pv.t", "join"], ["heads"]),
    ]
    matmul("o", "heads")
    nodes.append(node("Add", ["x", "o"], ["x1"]))
    matmul("gate", "x1")
    matmul("up", "x1")
    nodes += [
        node("Sigmoid", ["gate"], ["sigmoid"]),
        node("Mul", ["gate", "sigmoid"], ["silu"]),
        node("Mul", ["silu", "up"], ["gated"]),
    ]
    matmul("down", "gated")
    nodes.append(node("Add", ["x1", "down"], ["x2"]))
    matmul("fc1", "x2")
    nodes += [node("Add", ["fc1", "fc1.b"], ["fc1.sum"]), node("Relu", ["fc1.sum"], ["relu"])]
    matmul("fc2", "relu")
    nodes.append(node("Add", ["x2", "fc2"], ["y"]))

    shape = ["samples", TOKENS, DIM]
    values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape) for name in "xy"]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def with_weights_as_inputs(model):
    """The same graph, whose float tensors with elements to differentiate by are inputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    weights = {}
    for tensor in list(copy.graph.initializer):
        if tensor.data_type == TensorProto.DOUBLE and tensor.dims:
            weights[tensor.name] = numpy_helper.to_array(tensor).copy()
            value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            copy.graph.input.append(value)
            copy.graph.initializer.remove(tensor)
    return copy, weights


def differentiate(model, inputs, target, step=1e-4):
    """dL/dw per sample, `[samples, *shape of w]`, of L = |y - target|^2 / 2 of each sample."""
    copy, weights = with_weights_as_inputs(model)
    session = compress_mlir.load(copy).compile(threads=1)

    def loss():
        y = session.run({"x": inputs, **weights})["y"]
        return 0.5 * np.square(y - target).sum(axis=(1, 2))

    gradients = {}
    for name, weight in weights.items():
        gradients[name] = np.empty((len(inputs), *weight.shape))
        for index in np.ndindex(*weight.shape):
            before = weight[index]
            weight[index] = before + step
            above = loss()
            weight[index] = before - step
            gradients[name][(slice(None), *index)] = (above - loss()) / (2 * step)
            weight[index] = before
    return weights, gradients


def write_statistics(path, gradients, samples):
    """A statistics file: safetensors with the mean and the mean square of the gradients.

    The entry of a weight is named after the op that uses it, "<op>:weight".
    """
    header = {
        "__metadata__": {
            "compress.statistics": "1",
            "compress.fingerprint": "0",
            "compress.samples": str(samples),
        }
    }
    data = b""
    for op, gradient in gradients.items():
        for name, value in (
            ("gradient", gradient.mean(axis=0)),
            ("gradient_squares", np.square(gradient).mean(axis=0)),
        ):
            start = len(data)
            data += value.astype("<f4").tobytes()
            header[f"{op}:weight/{name}"] = {
                "dtype": "F32",
                "shape": list(value.shape),
                "data_offsets": [start, len(data)],
            }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def check_identities(weights, gradients):
    """Returns the largest relative difference between what writes a unit and what reads it."""
    product = {name: weights[name] * gradients[name].mean(axis=0) for name in weights}

    def compare(what, written, read):
        scale = np.abs(written).max()
        difference = np.abs(written - read).max() / scale
        print(f"{what}: {written.round(6)} = {read.round(6)}, difference {difference:.1e}")
        return difference

    def per_head(values):
        return values.reshape(HEADS, -1).sum(axis=1)

    relu = product["fc1.w"].sum(axis=0) + product["fc1.b"]
    return max(
        compare("SwiGLU, up = down", product["up.w"].sum(axis=0), product["down.w"].sum(axis=1)),
        compare("ReLU, in + bias = out", relu, product["fc2.w"].sum(axis=1)),
        compare(
            "heads, v = o",
            per_head(product["v.w"].sum(axis=0)),
            per_head(product["o.w"].sum(axis=1)),
        ),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="ONNX file to write")
    parser.add_argument("statistics", help="statistics file to write")
    arguments = parser.parse_args()

    model = make_model()
    onnx.save(model, arguments.model)
    random = np.random.default_rng(1)
    inputs, target = random.normal(size=(2, SAMPLES, TOKENS, DIM))
    weights, gradients = differentiate(model, inputs, target)
    ops = {name.removesuffix(".w"): g for name, g in gradients.items() if name.endswith(".w")}
    write_statistics(arguments.statistics, ops, SAMPLES)
    difference = check_identities(weights, gradients)
    if difference > 1e-6:
        raise SystemExit(f"the gradients break the conservation identities by {difference:.1e}")


if __name__ == "__main__":
    main()
