#!/usr/bin/env python3
"""Writes an ONNX model of equal linear layers with random weights, without holding it in memory.

The default is 1 GiB of float32: 16 layers of 4096 x 4096. With --external the weights go to a
file beside the model, else they are inline (which protobuf limits to 2 GB).
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

MODEL_GRAPH, GRAPH_INITIALIZER, TENSOR_RAW_DATA = 7, 5, 9


def varint(value):
    """A protobuf variable-length integer."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def header(field, size):
    """Tag and length of a length-delimited protobuf field."""
    return varint(field << 3 | 2) + varint(size)


def weight(layer, size):
    """Normal random weights of one layer, scaled so that activations keep their size."""
    random = np.random.default_rng(layer)
    values = random.standard_normal((size, size), dtype=np.float32)
    values *= np.float32(size**-0.5)
    return values


def structure(layers, size):
    """The model without its weights."""
    nodes = [
        helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], name=f"layer{i}")
        for i in range(layers)
    ]
    value = lambda name: helper.make_tensor_value_info(  # noqa: E731
        name, TensorProto.FLOAT, ["batch", size]
    )
    graph = helper.make_graph(nodes, "linear layers", [value("x0")], [value(f"x{layers}")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def write_weight(file, layer, size, zeros):
    """Writes one weight; zeros are left as a hole, which takes neither time nor space."""
    if zeros:
        file.truncate(file.seek(4 * size * size, 1))
    else:
        file.write(weight(layer, size).data)


def write_external(path, model, layers, size, zeros):
    """Model file plus `<name>.data`, each weight at a multiple of 4096 bytes."""
    data = path.with_name(path.name + ".data")
    with open(data, "wb") as file:
        for layer in range(layers):
            file.seek(-(-file.tell() // 4096) * 4096)
            tensor = model.graph.initializer.add()
            tensor.name, tensor.data_type = f"w{layer}", TensorProto.FLOAT
            tensor.dims.extend([size, size])
            tensor.data_location = TensorProto.EXTERNAL
            keys = {"location": data.name, "offset": file.tell(), "length": 4 * size * size}
            for key, value in keys.items():
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
            write_weight(file, layer, size, zeros)
    onnx.save(model, path)


def write_inline(path, model, layers, size, zeros):
    """One file; the bytes are what protobuf would write, but go out weight by weight."""
    bytes_each = 4 * size * size
    heads = []
    for layer in range(layers):
        tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[size, size])
        head = tensor.SerializeToString() + header(TENSOR_RAW_DATA, bytes_each)
        heads.append(header(GRAPH_INITIALIZER, len(head) + bytes_each) + head)
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    length = len(graph) + sum(map(len, heads)) + layers * bytes_each
    with open(path, "wb") as file:
        file.write(model.SerializeToString() + header(MODEL_GRAPH, length) + graph)
        for layer, head in enumerate(heads):
            file.write(head)
            write_weight(file, layer, size, zeros)


def make(path, layers=16, size=4096, external=False, zeros=False):
    """Writes the model; returns the number of its weights."""
    write = write_external if external else write_inline
    write(Path(path), structure(layers, size), layers, size, zeros)
    return layers * size * size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--size", type=int, default=4096, help="rows and columns of each weight")
    parser.add_argument("--external", action="store_true")
    parser.add_argument("--zeros", action="store_true", help="all weights zero, in a sparse file")
    options = parser.parse_args()
    count = make(
        options.output, options.layers, options.size, options.external, options.zeros
    )
    print(f"{options.output}: {count / 1e6:.0f} M weights")


if __name__ == "__main__":
    main()
