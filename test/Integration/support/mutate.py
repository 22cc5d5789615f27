"""Seeded damage to ONNX files: truncation, bit flips, and fields with impossible values."""

import random

import onnx
from onnx import TensorProto, helper


def truncations(data, count, seed):
    """Prefixes of a file; none is a model, since the graph's length is stated before the graph."""
    picks = random.Random(seed)
    return [data[: picks.randrange(1, len(data) - 1)] for _ in range(count)]


def bit_flips(data, count, seed):
    """Copies with 8 flipped bits; a flip inside a weight leaves a valid model."""
    picks = random.Random(seed)
    copies = []
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(8):
            copy[picks.randrange(len(copy))] ^= 1 << picks.randrange(8)
        copies.append(bytes(copy))
    return copies


def _tensor(model):
    return max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))


def _set_opset(model, version):
    model.opset_import[0].version = version


def _external(model, location, **keys):
    tensor = _tensor(model)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **keys}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)


def _add_both_storages(model):
    _tensor(model).float_data.append(1.0)


def _duplicate(model):
    model.graph.initializer.add().CopyFrom(_tensor(model))


def _huge_dims(model):
    tensor = _tensor(model)
    del tensor.dims[:]
    tensor.dims.extend([2**40, 2**40])


def _rename_input(model):
    model.graph.node[-1].input[0] = "no such value"


def _two_producers(model):
    model.graph.node[1].output[0] = model.graph.node[0].output[0]


def _two_attributes(model):
    node = next(node for node in model.graph.node if node.attribute)
    node.attribute.add().CopyFrom(node.attribute[0])


def _bad_conv_group(model):
    node = next(node for node in model.graph.node if node.op_type == "Conv")
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("group", 0))


FIELD_DAMAGE = {
    "no graph": lambda model: model.ClearField("graph"),
    "ir_version 0": lambda model: setattr(model, "ir_version", 0),
    "ir_version -1": lambda model: setattr(model, "ir_version", -1),
    "ir_version 9999": lambda model: setattr(model, "ir_version", 9999),
    "no opset": lambda model: model.ClearField("opset_import"),
    "opset 0": lambda model: _set_opset(model, 0),
    "opset -1": lambda model: _set_opset(model, -1),
    "opset 9999": lambda model: _set_opset(model, 9999),
    "negative dim": lambda model: _tensor(model).dims.append(-1),
    "dims overflow": _huge_dims,
    "data_type 0": lambda model: setattr(_tensor(model), "data_type", 0),
    "data_type 99": lambda model: setattr(_tensor(model), "data_type", 99),
    "short raw_data": lambda m: setattr(_tensor(m), "raw_data", _tensor(m).raw_data[:-1]),
    "long raw_data": lambda m: setattr(_tensor(m), "raw_data", _tensor(m).raw_data + b"\0"),
    "two storages": _add_both_storages,
    "external above": lambda model: _external(model, "../x.bin"),
    "external absolute": lambda model: _external(model, "/etc/passwd"),
    "external missing": lambda model: _external(model, "missing.bin"),
    "external negative": lambda model: _external(model, "x.bin", offset=-1),
    "duplicate initializer": _duplicate,
    "unknown input": _rename_input,
    "two producers": _two_producers,
    "two attributes": _two_attributes,
    "Conv of group 0": _bad_conv_group,
    "unknown output": lambda model: setattr(model.graph.output[0], "name", "no such value"),
}


def field_damage(data):
    """(what is wrong, damaged file) for every entry of FIELD_DAMAGE; none of them is a valid model."""
    for what, damage in FIELD_DAMAGE.items():
        model = onnx.load_from_string(data)
        damage(model)
        yield what, model.SerializeToString()
