"""The ONNX backend conformance cases, many of them in one model and one run of the tool.

The tool cannot run models, so a case is checked in two ways. *Folding*: the inputs of the case
become initializers, and constant folding must compute the expected outputs. *Export*: the inputs
stay, the model is normalised and written again; what was written must be valid and must compute the
expected outputs in onnxruntime (in onnx's reference evaluator where onnxruntime does not run the
case).
"""

import copy
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from onnx.reference import ReferenceEvaluator

from .tool import DONE

PASS = "pass"
MISMATCH = "mismatch"
KEPT = "kept"
ERROR = "error"
SKIPPED = "skipped"

# Largest constant that folding may make; all tensors of the node cases are smaller.
MAX_BYTES = 1 << 24


@dataclass
class Case:
    """A model with inputs and expected outputs; `op` is the operator that it is about."""

    name: str
    kind: str
    op: str
    model: onnx.ModelProto
    inputs: dict
    outputs: list
    rtol: float
    atol: float

    @property
    def imports(self):
        return tuple(sorted((entry.domain, entry.version) for entry in self.model.opset_import))


@dataclass
class Outcome:
    """What became of a case: one of the constants above, and why it is not PASS."""

    status: str
    detail: str = ""


# ---- Cases ---------------------------------------------------------------------------------------


def load(kind):
    """All cases of a kind. A further data set of a case is a case of its own, `name#1`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind=kind)
    about = {}
    cases = []
    for test in tests:
        model = test.model or onnx.load(str(Path(test.model_dir) / "model.onnx"))
        # The expanded forms of a case follow it.
        base = test.name.split("_expanded")[0]
        about.setdefault(base, model.graph.node[0].op_type if model.graph.node else "")
        given = {tensor.name for tensor in model.graph.initializer}
        values = [value for value in model.graph.input if value.name not in given]
        sets = test.data_sets or _stored_data(Path(test.model_dir), values, model.graph.output)
        for number, (inputs, outputs) in enumerate(sets):
            name = test.name.removeprefix("test_") + (f"#{number}" if number else "")
            data = {value.name: _plain(given) for value, given in zip(values, inputs)}
            outputs = [_plain(value) for value in outputs]
            cases.append(Case(name, kind, about[base], model, data, outputs, test.rtol, test.atol))
    return cases


def _plain(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _stored_data(folder, inputs, outputs):
    """The data sets of a case: a file for each value."""
    sets = []
    for data in sorted(folder.glob("test_data_set_*")):
        read = lambda prefix, values: [  # noqa: E731
            _read(data / f"{prefix}_{number}.pb", value) for number, value in enumerate(values)
        ]
        sets.append((read("input", inputs), read("output", outputs)))
    return sets


def _read(path, value):
    form = value.type.WhichOneof("value")
    if form == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(path.read_bytes()))
    if form == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(path.read_bytes()))
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def has_only_tensors(case):
    """Sequences, optionals and absent inputs cannot be initializers."""
    values = [*case.model.graph.input, *case.model.graph.output]
    return all(value.type.WhichOneof("value") == "tensor_type" for value in values) and not any(
        data is None or isinstance(data, list) for data in [*case.inputs.values(), *case.outputs]
    )


def is_expanded(case):
    """Whether the case spells the operator it is about as a graph of simpler ones."""
    return "_expanded" in case.name


def with_first_output(case):
    """The case without the optional outputs that many operators have, `name:first`."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    del model.graph.output[1:]
    return replace(case, name=f"{case.name}:first", model=model, outputs=case.outputs[:1])


# Inputs that say what to do with the data: models hold them as constants, the cases do not.
STEERING = {
    **dict.fromkeys(("Squeeze", "Unsqueeze", "CumSum", "Tile", "Split", "Reshape", "Expand"), (1,)),
    **dict.fromkeys(("TopK", "ArgMax", "GatherND", "DequantizeLinear", "QuantizeLinear"), (1, 2)),
    **dict.fromkeys(("Gather", "GatherElements", "ScatterElements"), (1,)),
    **{f"Reduce{kind}": (1,) for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min")},
    **{f"Reduce{kind}": (1,) for kind in ("Prod", "Sum", "SumSquare")},
    "Slice": (1, 2, 3, 4),
    "Pad": (1, 2, 3),
    "Clip": (1, 2),
    "ConstantOfShape": (0,),
    "Range": (0, 1, 2),
    "If": (0,),
}


def with_constant_operands(case):
    """The case with the inputs that steer its nodes as initializers; None if there are none."""
    steering = {
        name
        for node in case.model.graph.node
        for position, name in enumerate(node.input)
        if name in case.inputs and position in STEERING.get(node.op_type, ())
    }
    if not steering:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    model.ir_version = max(4, model.ir_version)
    values = list(model.graph.input)
    del model.graph.input[:]
    for value in values:
        if value.name in steering:
            model.graph.initializer.append(_to_tensor(case.inputs[value.name], value))
        else:
            model.graph.input.append(value)
    inputs = {name: data for name, data in case.inputs.items() if name not in steering}
    return replace(case, model=model, inputs=inputs)


def with_dynamic_dims(case):
    """The case with a symbol of its own for every dim of its inputs, and no other shapes."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    del model.graph.value_info[:]
    for value in model.graph.input:
        if value.name in case.inputs and value.type.WhichOneof("value") == "tensor_type":
            for number, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.dim_param = f"{value.name}_{number}"
    for value in model.graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.ClearField("shape")
    return replace(case, model=model)


# ---- Merging and splitting -----------------------------------------------------------------------


def _rename(graph, prefix):
    """Prepends `prefix` to every name of a graph and of the graphs in it, dims included."""
    for value in [*graph.input, *graph.output, *graph.value_info]:
        value.name = prefix + value.name
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = prefix + dim.dim_param
    for tensor in graph.initializer:
        tensor.name = prefix + tensor.name
    for tensor in graph.sparse_initializer:
        tensor.values.name = prefix + tensor.values.name
    for node in graph.node:
        node.name = prefix + node.name if node.name else ""
        for names in (node.input, node.output):
            names[:] = [prefix + name if name else "" for name in names]
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
                    _rename(inner, prefix)


def merge(cases, fold):
    """One model of many cases with the same opset imports; names of case i start with `c<i>/`.

    With `fold` the inputs are initializers that hold the data of the case.
    """
    merged = onnx.ModelProto()
    merged.ir_version = max(4, *(case.model.ir_version for case in cases))
    merged.opset_import.extend(cases[0].model.opset_import)
    merged.graph.name = "cases"
    functions = {}
    for index, case in enumerate(cases):
        graph = onnx.GraphProto()
        graph.CopyFrom(case.model.graph)
        for function in case.model.functions:
            functions[function.domain, function.name, function.overload] = function
        if fold:
            kept = [value for value in graph.input if value.name not in case.inputs]
            for value in graph.input:
                if value.name in case.inputs:
                    graph.initializer.append(_to_tensor(case.inputs[value.name], value))
            del graph.input[:]
            graph.input.extend(kept)
        _rename(graph, f"c{index}/")
        for field in ("node", "initializer", "sparse_initializer", "input", "output", "value_info"):
            getattr(merged.graph, field).extend(getattr(graph, field))
    merged.functions.extend(functions.values())
    return merged


def _to_tensor(data, value):
    kind = value.type.tensor_type.elem_type
    array = np.asarray(data)
    if kind == onnx.TensorProto.STRING:
        return onnx.helper.make_tensor(value.name, kind, array.shape, array.reshape(-1).tolist())
    tensor = numpy_helper.from_array(array, value.name)
    assert tensor.data_type == kind, f"{value.name}: data of type {tensor.data_type}, not {kind}"
    return tensor


def _names_read(node):
    """Names that a node reads, also from inside its bodies."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for body in [attribute.g, *attribute.graphs]:
            for inner in body.node:
                names |= _names_read(inner)
            names |= {value.name for value in body.output}
    return names


class Split:
    """The parts of an exported merged model."""

    def __init__(self, model):
        self.model = model
        self.nodes = list(model.graph.node)
        self.producer = {out: i for i, node in enumerate(self.nodes) for out in node.output if out}
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self.reads = [_names_read(node) for node in self.nodes]
        self.outputs = defaultdict(list)
        for value in model.graph.output:
            self.outputs[value.name.split("/")[0]].append(value)
        self.inputs = defaultdict(list)
        for value in model.graph.input:
            self.inputs[value.name.split("/")[0]].append(value)

    def constant(self, name):
        """The array that a value always is, or None."""
        if name in self.tensors:
            return numpy_helper.to_array(self.tensors[name])
        if name not in self.producer:
            return None
        node = self.nodes[self.producer[name]]
        if node.op_type == "Identity":
            return self.constant(node.input[0])
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            return numpy_helper.to_array(node.attribute[0].t)
        return None

    def needed(self, index):
        """Positions of the nodes and names of the initializers that the outputs of a case need."""
        todo = [value.name for value in self.outputs[f"c{index}"]]
        nodes, tensors = set(), set()
        while todo:
            name = todo.pop()
            if name in self.tensors:
                tensors.add(name)
            position = self.producer.get(name)
            if position is not None and position not in nodes:
                nodes.add(position)
                todo.extend(self.reads[position])
        return sorted(nodes), sorted(tensors)

    def part(self, index):
        """The model of one case alone."""
        nodes, tensors = self.needed(index)
        model = onnx.ModelProto()
        model.ir_version = self.model.ir_version
        model.opset_import.extend(self.model.opset_import)
        model.functions.extend(self.model.functions)
        model.graph.name = f"c{index}"
        model.graph.node.extend(self.nodes[i] for i in nodes)
        model.graph.initializer.extend(self.tensors[name] for name in tensors)
        model.graph.input.extend(self.inputs[f"c{index}"])
        model.graph.output.extend(self.outputs[f"c{index}"])
        return model


# ---- Comparing -----------------------------------------------------------------------------------


def difference(expected, actual, rtol, atol):
    """Why two values are not the same by the rules of the suite, or "". Only floats may be off."""
    if isinstance(expected, list) or expected is None:
        if expected is None or actual is None or len(expected) != len(actual):
            return "" if expected is actual else "another sequence"
        found = [difference(want, got, rtol, atol) for want, got in zip(expected, actual)]
        return next(filter(None, found), "")
    expected, actual = np.asarray(expected), np.asarray(actual)
    if expected.shape != actual.shape:
        return f"shape {actual.shape}, expected {expected.shape}"
    if expected.dtype.kind in "OUS":
        same = [_text(value) for value in expected.flat] == [_text(value) for value in actual.flat]
        return "" if same else "other strings"
    if expected.dtype != actual.dtype:
        return f"type {actual.dtype}, expected {expected.dtype}"
    if expected.dtype.kind in "iub" or np.issubdtype(expected.dtype, np.integer):
        wrong = expected != actual
    elif expected.dtype.kind == "c":
        wrong = ~np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    else:
        if expected.dtype.name == "bfloat16":
            rtol = max(rtol, 2**-6)
        want, got = expected.astype(np.float64), actual.astype(np.float64)
        wrong = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return ""
    where = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
    return (
        f"{int(wrong.sum())} of {wrong.size} elements differ, first at {where}: "
        f"{actual[where]}, expected {expected[where]}"
    )


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _compare(case, actual):
    for number, (want, got) in enumerate(zip(case.outputs, actual, strict=True)):
        wrong = difference(want, got, case.rtol, case.atol)
        if wrong:
            return Outcome(MISMATCH, f"output {number}: {wrong}")
    return Outcome(PASS)


# ---- Running -------------------------------------------------------------------------------------

NORMALIZE = ("--compress-normalize-onnx",)
# Decode chains are only made dense by a pass of their own, and feed ops that fold after it.
FOLD = (
    *NORMALIZE,
    f"--compress-fold-constants=max-bytes={MAX_BYTES}",
    "--compress-fold-decode",
    f"--compress-fold-constants=max-bytes={MAX_BYTES}",
)


class Runner:
    """Runs cases through `compress-opt`; the files it makes are in `folder`."""

    def __init__(self, tools, folder):
        self.tools = tools
        self.folder = Path(folder)
        self.runs = 0

    def fold(self, cases):
        """Case name -> Outcome; KEPT names the operators that are left in the way of a constant."""
        return self._run(cases, FOLD, self._check_folded, has_only_tensors, fold=True)

    def export(self, cases):
        """Case name -> Outcome of the model as written; SKIPPED if nothing runs the original."""
        return self._run(cases, NORMALIZE, self._check_exported, lambda case: True, fold=False)

    def kept(self, cases):
        """Names of the cases of which normalisation leaves a node as it is."""
        names = set()
        for group in _by_opset(cases):
            source = self.folder / "kept.onnx"
            onnx.save(merge(group, fold=False), str(source))
            result = self.tools.run("compress-opt", source, *NORMALIZE)
            assert result.code == DONE, result.stderr[:2000]
            for line in result.stdout.splitlines():
                if 'compress.onnx "' in line:
                    found = re.findall(r'result_names = \["c(\d+)/', line)
                    names |= {group[int(number)].name for number in found}
        return names

    def _run(self, cases, flags, check, can_run, fold):
        outcomes = {
            case.name: Outcome(SKIPPED, "not only tensors") for case in cases if not can_run(case)
        }
        for group in _by_opset(filter(can_run, cases)):
            self._run_group(group, flags, check, fold, outcomes)
        return outcomes

    def _run_group(self, cases, flags, check, fold, outcomes):
        """One run of all; if it fails, of parts, down to the case that is to blame."""
        self.runs += 1
        source = self.folder / f"{self.runs}.onnx"
        output = self.folder / f"{self.runs}-out.onnx"
        onnx.save(merge(cases, fold), str(source))
        result = self.tools.run("compress-opt", source, *flags, "-o", output)
        if result.code == DONE:
            split = Split(onnx.load(str(output)))
            for index, case in enumerate(cases):
                outcomes[case.name] = check(case, index, split)
        elif len(cases) == 1:
            message = result.stderr.strip()[:600]
            outcomes[cases[0].name] = Outcome(ERROR, f"exit code {result.code}: {message}")
        else:
            for part in _divide(cases, result.stderr):
                self._run_group(part, flags, check, fold, outcomes)

    @staticmethod
    def _check_folded(case, index, split):
        names = [value.name for value in split.outputs[f"c{index}"]]
        actual = [split.constant(name) for name in names]
        if all(value is not None for value in actual):
            return _compare(case, actual)
        nodes, _ = split.needed(index)
        return Outcome(KEPT, " ".join(sorted({split.nodes[i].op_type for i in nodes})))

    @staticmethod
    def _check_exported(case, index, split):
        ours = split.part(index)
        complaint = _complaint(ours)
        if complaint and not _complaint(case.model):
            return Outcome(ERROR, f"not valid: {complaint}")
        outcome = _compute(_run_onnxruntime, case, ours, f"c{index}/")
        if outcome.status == PASS:
            return outcome
        if _compute(_run_onnxruntime, case, case.model).status == PASS:
            return outcome
        if _compute(_run_reference, case, case.model).status == PASS:
            return _compute(_run_reference, case, ours, f"c{index}/")
        return Outcome(SKIPPED, "neither onnxruntime nor the reference computes it as it is")


def _by_opset(cases):
    """Lists of the cases that can be in one model."""
    groups = defaultdict(list)
    for case in cases:
        groups[case.imports].append(case)
    return groups.values()


def _divide(cases, message):
    """The case that an error message is about and the others; two halves if it does not say."""
    named = [int(number) for number in re.findall(r'"c(\d+)/', message)]
    if named and named[0] < len(cases):
        return [cases[named[0]]], cases[: named[0]] + cases[named[0] + 1 :]
    half = len(cases) // 2
    return cases[:half], cases[half:]


def _complaint(model):
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # the checker and shape inference have several classes of them
        return str(error)[:300]
    return ""


def _compute(run, case, model, prefix=""):
    """What `run` makes of a model with the inputs of a case, whose names it has with a prefix."""
    # Copies: onnxruntime writes the new mean and variance of BatchNormalization over the old ones.
    inputs = {prefix + name: copy.deepcopy(data) for name, data in case.inputs.items()}
    try:
        actual = run(model, inputs)
    except Exception as error:  # whatever it is, the model does not run
        return Outcome(ERROR, f"{run.__name__}: {error}"[:600])
    return _compare(case, actual)


onnxruntime.set_default_logger_severity(4)


def _run_onnxruntime(model, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


def _run_reference(model, inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ReferenceEvaluator(model).run(None, inputs)
