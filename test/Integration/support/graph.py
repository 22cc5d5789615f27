"""Finding the weights of an ONNX graph, as the model computes with them.

Weights are found by walking the graph from each contraction (MatMul, Gemm, Conv, MatMulNBits)
back to stored tensors. Initializer names are not relied on.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

CONTRACTIONS = ("MatMul", "Gemm", "Conv", "MatMulNBits")
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


@dataclass
class Weight:
    """The weight of one contraction, in normal form: the contraction is the last axis.

    MatMul and Gemm weights are [..., N, K], convolutions [O, kh, kw, I / groups]. For a quantized
    weight `codes`, `scales` and `zero_points` have the full shape and `dense` is None; for a dense
    one it is the other way round. `stored` names the initializers it is read from.
    """

    node: onnx.NodeProto
    form: str
    stored: tuple
    is_conv: bool = False
    dense: np.ndarray = None
    codes: np.ndarray = None
    scales: np.ndarray = None
    zero_points: np.ndarray = None

    @property
    def values(self):
        """The float32 weight the model computes with."""
        if self.dense is not None:
            return self.dense
        return (self.codes - self.zero_points).astype(np.float32) * self.scales


class Graph:
    """Producers, consumers and constants of a loaded model."""

    def __init__(self, path):
        self.model = onnx.load(str(path))
        self.nodes = list(self.model.graph.node)
        self.initializers = {tensor.name: tensor for tensor in self.model.graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.initializers[node.output[0]] = node.attribute[0].t
        self.producer = {out: node for node in self.nodes for out in node.output}

    def array(self, name):
        return numpy_helper.to_array(self.initializers[name])

    def bytes_of(self, names):
        """Stored bytes of initializers; sub-byte elements are packed."""
        total = 0
        for name in set(names):
            tensor = self.initializers[name]
            bits = {"INT4": 4, "UINT4": 4, "INT2": 2, "UINT2": 2}.get(
                onnx.TensorProto.DataType.Name(tensor.data_type)
            )
            if bits is None:
                bits = 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            total += (int(np.prod(tensor.dims)) * bits + 7) // 8
        return total

    def lookup_tables(self):
        """Initializers that a Gather reads rows of (possibly through DequantizeLinear)."""
        tables = set()
        for node in self.nodes:
            if node.op_type != "Gather" or len(node.input) < 2 or node.input[1] in self.initializers:
                continue
            name = node.input[0]
            while name in self.producer and self.producer[name].op_type in _VIEWS:
                name = self.producer[name].input[0]
            if name in self.initializers and len(self.initializers[name].dims) == 2:
                tables.add(name)
        return tables

    def weights(self):
        """The weights of all contractions with a stored operand, in the order of the nodes."""
        found = []
        for node in self.nodes:
            if node.op_type == "MatMulNBits":
                found.append(self._read_nbits(node))
            elif node.op_type in CONTRACTIONS:
                weight = self._read_operand(node)
                if weight is not None:
                    found.append(weight)
        return found

    def _read_operand(self, node):
        source = self._follow(node.input[1])
        if source is None:
            return None
        form, parts, stored = source
        is_conv = node.op_type == "Conv"
        parts = {
            key: None if value is None else _normal_form(value, node)
            for key, value in parts.items()
        }
        return Weight(node, form, stored, is_conv, **parts)

    def _follow(self, name):
        """(form, arrays in the layout of value `name`, initializers read) or None if not stored."""
        if name in self.initializers:
            if self.initializers[name].data_type not in _FLOATS:
                return None
            return "dense", {"dense": self.array(name)}, (name,)
        node = self.producer.get(name)
        if node is None:
            return None
        if node.op_type == "DequantizeLinear":
            return self._dequantize(node)
        if node.op_type not in _VIEWS:
            return None
        source = self._follow(node.input[0])
        if source is None:
            return None
        form, parts, stored = source
        if node.op_type == "Transpose":
            order = attributes(node).get("perm")
            parts = {key: np.transpose(value, order) for key, value in parts.items()}
        elif node.op_type == "Reshape":
            shape = self.array(node.input[1])
            parts = {key: value.reshape(shape) for key, value in parts.items()}
        return form, parts, stored

    def _dequantize(self, node):
        source = self._integers(node.input[0])
        if source is None or node.input[1] not in self.initializers:
            return None
        codes, stored = source
        scale = self.array(node.input[1])
        zero = None
        if len(node.input) > 2 and node.input[2]:
            zero = self.array(node.input[2]).astype(np.int32)
        options = attributes(node)
        spread = lambda part: spread_blocks(  # noqa: E731
            part, codes.shape, options.get("axis", 1), options.get("block_size", 0)
        )
        parts = {
            "codes": codes,
            "scales": spread(scale),
            "zero_points": np.zeros_like(codes) if zero is None else spread(zero),
        }
        return "qdq", parts, stored + tuple(part for part in node.input[1:] if part)

    def _integers(self, name):
        """Codes as int32 through views of an integer initializer."""
        if name in self.initializers:
            return self.array(name).astype(np.int32), (name,)
        node = self.producer.get(name)
        if node is None or node.op_type not in _VIEWS or node.op_type == "Cast":
            return None
        source = self._integers(node.input[0])
        if source is None:
            return None
        codes, stored = source
        if node.op_type == "Transpose":
            codes = np.transpose(codes, attributes(node).get("perm"))
        elif node.op_type == "Reshape":
            codes = codes.reshape(self.array(node.input[1]))
        return codes, stored

    def _read_nbits(self, node):
        options = attributes(node)
        size, rows = options["K"], options["N"]
        bits, block = options.get("bits", 4), options["block_size"]
        blocks = -(-size // block)
        codes = unpack(self.array(node.input[1]).reshape(rows, -1), bits)[:, : blocks * block]
        scale = self.array(node.input[2]).reshape(rows, blocks)
        if len(node.input) > 3 and node.input[3]:
            stored = self.array(node.input[3])
            zero = stored.reshape(rows, -1)
            zero = unpack(zero, bits)[:, :blocks] if stored.dtype == np.uint8 else zero
        else:
            zero = np.full((rows, blocks), 2 ** (bits - 1), np.int32)
        half = 2 ** (bits - 1)
        repeat = lambda part: np.repeat(part, block, axis=1)[:, :size]  # noqa: E731
        return Weight(
            node,
            "nbits",
            tuple(name for name in node.input[1:4] if name),
            codes=codes[:, :size] - half,
            scales=repeat(scale),
            zero_points=repeat(zero.astype(np.int32)) - half,
        )


_VIEWS = ("Transpose", "Reshape", "Identity", "Cast", "DequantizeLinear")


def attributes(node):
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def unpack(packed, bits):
    """Unsigned codes of `bits` bits from the rows of a uint8 array, low bits first."""
    per_byte = 8 // bits
    shifts = np.arange(per_byte) * bits
    codes = (packed[..., None].astype(np.int32) >> shifts) & (2**bits - 1)
    return codes.reshape(*packed.shape[:-1], -1)


def spread_blocks(part, shape, axis, block):
    """Scales or zero points of DequantizeLinear, repeated to the full shape of the codes."""
    if block:
        repeated = np.repeat(part, block, axis=axis)
        return np.take(repeated, np.arange(shape[axis]), axis=axis)
    if part.size == 1:
        return np.full(shape, part.reshape(()))
    view = [1] * len(shape)
    view[axis] = shape[axis]
    return np.broadcast_to(part.reshape(view), shape)


def _normal_form(array, node):
    """A weight as its node holds it, with the contraction as the last axis."""
    if node.op_type == "Conv":
        return np.moveaxis(array, 1, -1)
    if node.op_type == "Gemm" and attributes(node).get("transB", 0):
        return array
    return np.swapaxes(array, -1, -2) if array.ndim > 1 else array


def selected_weights(graph):
    """The weights that `--quantize` and `--prune` select in an uncompressed model.

    All of the contractions except those tied to a table that an embedding looks rows up in, and
    output heads, which have the shape of such a table.
    """
    tables = graph.lookup_tables()
    shapes = {tuple(graph.initializers[name].dims) for name in tables}
    return [
        weight
        for weight in graph.weights()
        if not tables.intersection(weight.stored)
        and (weight.values.shape not in shapes or weight.values.shape[0] == weight.values.shape[1])
    ]


def match(original, compressed):
    """Pairs the weights of two graphs: by node name, else by position among all weights."""
    before, after = original.weights(), compressed.weights()
    if all(weight.node.name for weight in before):
        by_name = {weight.node.name: weight for weight in after}
        missing = [weight.node.name for weight in before if weight.node.name not in by_name]
        assert not missing, f"nodes lost their name or their weight: {missing}"
        return [(weight, by_name[weight.node.name]) for weight in before]
    assert len(before) == len(after), "weights were lost or added, and the nodes have no names"
    return list(zip(before, after))


def batch_norm_of(graph, weight):
    """The BatchNormalization that alone consumes a contraction's result, or None."""
    result = weight.node.output[0]
    users = [node for node in graph.nodes if result in node.input]
    if len(users) == 1 and users[0].op_type == "BatchNormalization":
        return users[0]
    return None


def fold_batch_norm(graph, weight):
    """A weight in normal form after a following BatchNormalization is folded into it.

    Each output channel is multiplied by scale / sqrt(variance + epsilon): computed in float64 and
    rounded to float32 once.
    """
    norm = batch_norm_of(graph, weight)
    if norm is None:
        return weight.values
    gamma, variance = (graph.array(norm.input[i]).astype(np.float64) for i in (1, 4))
    factor = gamma / np.sqrt(variance + attributes(norm).get("epsilon", 1e-5))
    shape = (-1,) + (1,) * (weight.values.ndim - 1)
    return (weight.values.astype(np.float64) * factor.reshape(shape)).astype(np.float32)
