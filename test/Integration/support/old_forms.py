"""Forms of operators in old opsets, which the conformance suite does not exercise.

Every case is one node of the given opset, with an expectation that is computed with numpy.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .conformance import Case

_RANDOM = np.random.default_rng(7)
_X = _RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
_Y = _RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
_ROW = _RANDOM.uniform(0.5, 2, size=4).astype(np.float32)
_COLUMN = _RANDOM.uniform(0.5, 2, size=3).astype(np.float32)
_IMAGE = _RANDOM.normal(size=(1, 2, 5, 6)).astype(np.float32)
_KERNEL = _RANDOM.normal(size=(3, 2, 3, 3)).astype(np.float32)
_I64 = np.int64


def _softmax(values):
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _windows(padded, kernel, stride):
    """[N, C, oh, ow, kh, kw]"""
    views = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(2, 3))
    return views[:, :, :: stride[0], :: stride[1]]


def _pad(image, pads, value):
    top, left, bottom, right = pads
    return np.pad(image, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def _average(image, kernel, stride, pads, count_pads):
    total = _windows(_pad(image, pads, 0), kernel, stride).sum(axis=(4, 5))
    ones = np.ones_like(image)
    inside = _windows(_pad(ones, pads, 1 if count_pads else 0), kernel, stride).sum(axis=(4, 5))
    return (total / inside).astype(np.float32)


def _convolve(image, weight, pads, stride=(1, 1)):
    views = _windows(_pad(image, pads, 0), weight.shape[2:], stride)
    return np.einsum("nchwij,ocij->nohw", views, weight).astype(np.float32)


def _batch_norm(values, scale, bias, mean, variance):
    shape = (1, -1, 1)
    parts = [part.reshape(shape) for part in (scale, bias, mean, variance)]
    return (values - parts[2]) / np.sqrt(parts[3] + 1e-5) * parts[0] + parts[1]


def _forms():
    """(opset, operator, inputs, expected outputs, attributes)"""
    column = _COLUMN[:, None]
    for name, compute in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply)):
        yield 6, name, [_X, _COLUMN], [compute(_X, column)], {"broadcast": 1, "axis": 1}
        yield 6, name, [_X, _ROW], [compute(_X, _ROW)], {"broadcast": 1}
        yield 6, name, [_X, _Y], [compute(_X, _Y)], {}
        yield 1, name, [_X, _X[:, :, 0]], [compute(_X, _X[:, :, :1])], {"broadcast": 1, "axis": 0}
    yield 6, "Div", [_X, _COLUMN], [_X / column], {"broadcast": 1, "axis": -2}
    yield 1, "Pow", [np.abs(_X), _COLUMN], [np.abs(_X) ** column], {"broadcast": 1, "axis": 1}
    yield 1, "Greater", [_X, _COLUMN], [_X > column], {"broadcast": 1, "axis": 1}
    yield 1, "Less", [_X, _ROW], [_X < _ROW], {"broadcast": 1}
    numbers = _RANDOM.integers(0, 3, size=(2, 3, 4)).astype(np.int32)
    yield 1, "Equal", [numbers, numbers[0, :, 0]], [numbers == numbers[0, :, :1]], {
        "broadcast": 1,
        "axis": 1,
    }
    for name, compute in (("And", np.logical_and), ("Or", np.logical_or), ("Xor", np.logical_xor)):
        bits, few = _X > 0, _Y[0, :, 0] > 0
        yield 1, name, [bits, few], [compute(bits, few[:, None])], {"broadcast": 1, "axis": 1}
    matrix = _X[0]
    yield 6, "Gemm", [matrix, matrix.T.copy(), _COLUMN], [matrix @ matrix.T + _COLUMN], {
        "broadcast": 1
    }
    yield 6, "PRelu", [_X, _COLUMN], [np.where(_X < 0, _X * column, _X)], {}
    yield 7, "PRelu", [_X, _ROW], [np.where(_X < 0, _X * _ROW, _X)], {}
    for name, compute in (("Max", np.maximum), ("Min", np.minimum), ("Sum", np.add)):
        for opset, operands in ((1, (_X, _Y, _X)), (6, (_X, _Y)), (8, (_X, _ROW, _Y))):
            expected = operands[0]
            for operand in operands[1:]:
                expected = compute(expected, operand)
            yield opset, name, list(operands), [expected], {}
    yield 6, "Mean", [_X, _Y], [(_X + _Y) / 2], {}

    # Axes and other operands that were attributes.
    flat = _X[:, :1]
    yield 1, "Squeeze", [flat], [flat[:, 0]], {"axes": [1]}
    yield 1, "Squeeze", [flat], [flat[:, 0]], {}
    yield 11, "Squeeze", [flat], [flat[:, 0]], {"axes": [-2]}
    yield 1, "Unsqueeze", [_X], [_X[:, None, :, None]], {"axes": [1, 3]}
    yield 11, "Unsqueeze", [_X], [_X[..., None]], {"axes": [-1]}
    for opset, axes in ((1, (1,)), (11, (-1, 0))):
        attributes = {"axes": list(axes), "keepdims": 0}
        yield opset, "ReduceSum", [_X], [_X.sum(axis=axes)], attributes
        yield opset, "ReduceMean", [_X], [_X.mean(axis=axes)], attributes
        yield opset, "ReduceMax", [_X], [_X.max(axis=axes)], attributes
        yield opset, "ReduceProd", [_X], [_X.prod(axis=axes)], attributes
        yield opset, "ReduceL2", [_X], [np.sqrt((_X**2).sum(axis=axes))], attributes
    yield 1, "ReduceMin", [_X], [_X.min(keepdims=True)], {}
    yield 6, "Clip", [_X], [_X.clip(-0.5, 0.25)], {"min": -0.5, "max": 0.25}
    yield 6, "Clip", [_X], [_X.clip(0, None)], {"min": 0.0}
    yield 1, "Clip", [_X], [_X.clip(None, 0.5)], {"max": 0.5}
    yield 11, "Clip", [_X, np.float32(-0.5)], [_X.clip(-0.5, None)], {}
    attributes = {"axes": [1, 2], "starts": [1, -3], "ends": [3, -1]}
    yield 1, "Slice", [_X], [_X[:, 1:3, -3:-1]], attributes
    yield 1, "Slice", [_X], [_X[:1, 1:]], {"starts": [0, 1], "ends": [1, 1 << 40]}
    bounds = [np.array([value], _I64) for value in (3, -(1 << 40), 2, -2)]
    yield 10, "Slice", [_X, *bounds], [_X[..., 3::-2]], {}
    yield 2, "Split", [_X], [_X[..., :1], _X[..., 1:]], {"axis": 2, "split": [1, 3]}
    yield 2, "Split", [_X], [_X[..., :2], _X[..., 2:]], {"axis": 2}
    yield 11, "Split", [_X], [_X[..., :3], _X[..., 3:]], {"axis": -1, "split": [3, 1]}
    padded = np.pad(_X, ((0, 0), (1, 0), (2, 3)), constant_values=1.5)
    pads = [0, 1, 2, 0, 0, 3]
    yield 1, "Pad", [_X], [padded], {"paddings": pads, "value": 1.5}
    yield 2, "Pad", [_X], [padded], {"pads": pads, "value": 1.5, "mode": "constant"}
    yield 2, "Pad", [_X], [np.pad(_X, ((0, 0), (1, 1), (2, 3)), "reflect")], {
        "pads": [0, 1, 2, 0, 1, 3],
        "mode": "reflect",
    }
    yield 11, "Pad", [_X, np.array(pads, _I64), np.float32(1.5)], [padded], {}
    yield 2, "Pad", [_X], [_X[:, 1:, :-1]], {"pads": [0, -1, 0, 0, 0, -1]}
    yield 1, "Reshape", [_X], [_X.reshape(2, -1)], {"shape": [0, -1]}
    yield 5, "Reshape", [_X, np.array([4, -1], _I64)], [_X.reshape(4, 6)], {}
    yield 1, "Concat", [_X, _Y], [np.concatenate([_X, _Y], axis=1)], {}
    yield 4, "Concat", [_X, _Y], [np.concatenate([_X, _Y], axis=2)], {"axis": 2}
    order = np.argsort(-_X, axis=-1, kind="stable")[..., :2]
    best = np.take_along_axis(_X, order, -1)
    yield 1, "TopK", [_X], [best, order], {"k": 2}
    yield 10, "TopK", [_X, np.array([2], _I64)], [best, order], {}
    yield 1, "Cast", [_X], [_X.astype(np.int32)], {"to": "INT32"}
    yield 6, "Cast", [_X], [_X.astype(np.float64)], {"to": onnx.TensorProto.DOUBLE}
    yield 1, "Flatten", [_X], [_X.reshape(6, 4)], {"axis": 2}
    yield 1, "Transpose", [_X], [_X.transpose()], {}
    yield 1, "ArgMax", [_X], [_X.argmax(axis=1, keepdims=True)], {"axis": 1}
    yield 11, "ArgMax", [_X], [_X.argmax(axis=-1)], {"axis": -1, "keepdims": 0}
    yield 1, "Gather", [_X, np.array([[2, 0]], _I64)], [_X[:, [[2, 0]]]], {"axis": 1}
    yield 1, "Shape", [_X], [np.array(_X.shape, _I64)], {}
    yield 1, "Size", [_X], [np.array(_X.size, _I64)], {}
    yield 6, "Tile", [_X, np.array([1, 2, 3], _I64)], [np.tile(_X, (1, 2, 3))], {}
    yield 8, "Expand", [_ROW, np.array([3, 1], _I64)], [np.broadcast_to(_ROW, (3, 4))], {}

    # Changed meanings.
    for opset, name, finish in ((1, "Softmax", np.copy), (11, "LogSoftmax", np.log)):
        whole = finish(_softmax(_X.reshape(2, 12)).reshape(_X.shape))
        yield opset, name, [_X], [whole], {}
        yield opset, name, [_X], [finish(_softmax(_X.reshape(-1)).reshape(_X.shape))], {"axis": 0}
        yield opset, name, [_X], [finish(_softmax(_X))], {"axis": 2}
    yield 13, "Softmax", [_X], [_softmax(_X)], {}
    norm = [_COLUMN, _COLUMN + 1, _COLUMN - 1, _COLUMN * 2]
    for opset, attributes in ((6, {"is_test": 1}), (7, {}), (9, {}), (14, {})):
        yield opset, "BatchNormalization", [_X, *norm], [_batch_norm(_X, *norm)], attributes
    yield 6, "Dropout", [_X], [_X], {"is_test": 1}
    yield 7, "Dropout", [_X], [_X], {}
    yield 10, "Dropout", [_X], [_X, np.ones(_X.shape, bool)], {}
    yield 12, "Dropout", [_X], [_X, np.ones(_X.shape, bool)], {}
    for opset in (1, 8, 10, 11):
        views = _windows(_pad(_IMAGE, (1, 1, 0, 0), -np.inf), (2, 3), (2, 1))
        attributes = {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [1, 1, 0, 0]}
        yield opset, "MaxPool", [_IMAGE], [views.max(axis=(4, 5))], attributes
    for opset, extra in ((1, {}), (7, {}), (7, {"count_include_pad": 1}), (10, {})):
        expected = _average(_IMAGE, (2, 3), (2, 1), (1, 1, 0, 0), bool(extra))
        attributes = {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [1, 1, 0, 0], **extra}
        yield opset, "AveragePool", [_IMAGE], [expected], attributes
    for mode, around in (("SAME_UPPER", (0, 0, 1, 1)), ("SAME_LOWER", (1, 1, 0, 0))):
        views = _windows(_pad(_IMAGE, around, -np.inf), (2, 2), (1, 1))
        attributes = {"kernel_shape": [2, 2], "auto_pad": mode}
        yield 1, "MaxPool", [_IMAGE], [views.max(axis=(4, 5))], attributes
    for opset in (1, 11):
        same = _convolve(_IMAGE, _KERNEL, (1, 0, 1, 1), (1, 2))
        attributes = {"auto_pad": "SAME_UPPER", "strides": [1, 2]}
        yield opset, "Conv", [_IMAGE, _KERNEL], [same], attributes
        valid = _convolve(_IMAGE, _KERNEL, (0, 0, 0, 0))
        yield opset, "Conv", [_IMAGE, _KERNEL], [valid], {"auto_pad": "VALID"}
    target = np.zeros((2, 3), np.float32)
    where, updates = np.array([[1, 0, 1]], _I64), np.array([[1, 2, 3]], np.float32)
    expected = target.copy()
    np.put_along_axis(expected, where, updates, axis=0)
    yield 9, "Scatter", [target, where, updates], [expected], {"axis": 0}
    yield 11, "ScatterElements", [target, where, updates], [expected], {"axis": 0}
    scale, zero = np.float32(0.05), np.uint8(130)
    codes = np.clip(np.rint(_X / scale) + 130, 0, 255).astype(np.uint8)
    yield 10, "QuantizeLinear", [_X, scale, zero], [codes], {}
    yield 10, "DequantizeLinear", [codes, scale, zero], [
        (codes.astype(np.float32) - 130) * scale
    ], {}
    small = _COLUMN / 20
    codes = np.clip(np.rint(_X / small[:, None]), -128, 127).astype(np.int8)
    yield 13, "QuantizeLinear", [_X, small, np.zeros(3, np.int8)], [codes], {}
    yield 13, "DequantizeLinear", [codes, small], [codes * small[:, None]], {"axis": -2}
    yield 1, "Constant", [], [_ROW], {"value": numpy_helper.from_array(_ROW)}
    yield 12, "Constant", [], [np.array([3, -1], _I64)], {"value_ints": [3, -1]}
    yield 12, "Constant", [], [np.array(2.5, np.float32)], {"value_float": 2.5}
    yield 1, "HardSigmoid", [_X], [np.clip(0.2 * _X + 0.5, 0, 1)], {}
    yield 1, "Elu", [_X], [np.where(_X < 0, 0.5 * np.expm1(_X), _X)], {"alpha": 0.5}
    yield 1, "LeakyRelu", [_X], [np.where(_X < 0, 0.01 * _X, _X)], {}
    yield 1, "Relu", [_X], [_X.clip(0, None)], {"consumed_inputs": [0]}
    yield 1, "GlobalAveragePool", [_IMAGE], [_IMAGE.mean(axis=(2, 3), keepdims=True)], {}


def load():
    """The cases, kind `old-forms`; names tell operator, opset and number."""
    cases = []
    for number, (opset, op, inputs, outputs, attributes) in enumerate(_forms()):
        inputs = {f"x{i}": np.asarray(data) for i, data in enumerate(inputs)}
        outputs = [np.asarray(data) for data in outputs]
        if op != "Cast":  # numpy computes some of them in double.
            outputs = [_narrow(data) for data in outputs]
        names = [f"y{i}" for i in range(len(outputs))]
        graph = helper.make_graph(
            [helper.make_node(op, list(inputs), names, **attributes)],
            op,
            [_value(name, data) for name, data in inputs.items()],
            [_value(name, data) for name, data in zip(names, outputs)],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 4
        name = f"old_{op.lower()}_{opset}_{number}"
        cases.append(Case(name, "old-forms", op, model, inputs, outputs, 1e-5, 1e-6))
    return cases


def _narrow(data):
    return data.astype(np.float32) if data.dtype == np.float64 else data


def _value(name, data):
    kind = helper.np_dtype_to_tensor_dtype(data.dtype)
    return helper.make_tensor_value_info(name, kind, data.shape)
