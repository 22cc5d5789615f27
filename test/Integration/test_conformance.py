"""The ONNX backend conformance suite: every operator of the dialect, in every version it covers.

`support/conformance.py` says how a program that cannot run models is checked with it.
"""

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest

from support import conformance, old_forms
from support.conformance import KEPT, MISMATCH, PASS, SKIPPED

# Operators that normalisation turns into model ops; an If on a constant is its branch. A new model
# op adds its name here.
MODELLED = """
    Abs Acos Acosh Add And ArgMax Asin Asinh Atan Atanh Attention AveragePool
    BatchNormalization Cast CastLike Ceil Clip Concat Constant ConstantOfShape Conv
    ConvTranspose Cos Cosh CumSum DequantizeLinear Div Dropout DynamicQuantizeLinear Elu
    Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm
    GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity If
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min
    Mish Mul Neg Not Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization
    Range Reciprocal
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Relu Reshape RotaryEmbedding Round Scatter ScatterElements
    Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub
    Sum Swish Tan Tanh Tile TopK Transpose Unsqueeze Where Xor
""".split()

# Name patterns of the cases of these operators that must stay opaque, and why they do.
KEPT_CASES = {
    "attention_*_expanded": "has a Mod",
    "attention_*causal*": "is_causal is not modelled",
    "attention_*softcap*": "softcap is not modelled",
    "attention_*past_and_present*": "past keys are inputs",
    "attention_*bool*": "masks of bools are not modelled",
    "attention_4d_with_qk_matmu*[lsx]": "the products are an output",
    "attention_2[34]_fullymasked*": "the mask is of bools",
    "attention_*qk_matmul_output*": "the softmax has another precision",
    "attention_*padded_kv*": "lengths are an input",
    "attention_3d_local_window": "windows are not modelled",
    "attention_bidirectional_window": "windows are not modelled",
    "attention_local_window": "windows are not modelled",
    "attention_local_window_[egw]*": "windows are not modelled",
    "batchnorm_*_training_mode": "training is not modelled",
    "batchnorm_*_training_mode:first": "training is not modelled",
    "training_dropout*": "training is not modelled",
    "convtranspose_output_shape": "output_shape asks for more rows than the input gives",
    "equal_string*": "strings are opaque",
    "layer_normalization_default_axis": "mean and deviation are outputs",
    "layer_normalization_?d_axis[0-3]": "mean and deviation are outputs",
    "layer_normalization_?d_axis_negative_[1-4]": "mean and deviation are outputs",
    "layer_normalization_3d_axis*_epsilon": "mean and deviation are outputs",
    "maxpool_with_argmax_2d_precomputed_pads": "the indices are an output",
    "maxpool_with_argmax_2d_precomputed_strides": "the indices are an output",
    "pow_types_int??_float32": "an integer base with a float exponent",
    "range_*_expanded": "is a Loop",
    "rotary_embedding*interleaved": "neighbours as pairs are not modelled",
    "rotary_embedding*rotary_dim": "a part of each head is not modelled",
}

# Those that stay opaque, too, when a symbol stands for every dim.
KEPT_VARIABLE_CASES = {
    "qlinearconv": "the weight is an input of unknown codes",
}
KEPT_DYNAMIC_CASES = {
    "qlinearmatmul_*": "nobody knows whether there is one scale or one per row",
    "attention_*": "the number or size of heads is not known",
    "rotary_embedding*": "the size of a head is not known",
    "split_equal_parts_*": "the size of equal parts is not known",
    "split_?d_uneven_split_*": "the size of equal parts is not known",
    "averagepool_2d_precomputed_same_upper": "the padding depends on the size of the image",
    "maxpool_2d_precomputed_same_upper": "the padding depends on the size of the image",
    "conv_with_autopad_same": "the padding depends on the size of the image",
    "convtranspose_autopad_same": "the padding depends on the size of the image",
    "convtranspose_kernel_shape": "the padding depends on the size of the image",
}

# Name patterns of the cases whose export must fail, and why it does.
FAILING_EXPORTS = {
    "scan_sum*": "Scan-8 has another meaning in the opset that the ops of its body need",
}

# Name patterns of the cases that nothing runs as they are.
UNCHECKED_EXPORTS = {
    "bernoulli*": "random numbers",
    "gradient_of_*": "training operators",
    "range_*_expanded": "onnxruntime refuses the opset, and the reference is wrong",
}

# Kinds of the suite that are about versions and whole models, and forms that it does not have.
MODEL_KINDS = ("simple", "pytorch-operator", "pytorch-converted", "old-forms")


def matching(name, patterns):
    return next((pattern for pattern in patterns if fnmatchcase(name, pattern)), None)


@pytest.fixture(scope="session")
def cases():
    """Kind -> cases; those with more than one output also with only the first."""
    loaded = {kind: conformance.load(kind) for kind in ("node", *MODEL_KINDS[:-1])}
    loaded["old-forms"] = old_forms.load()
    several = [
        case
        for case in loaded["node"]
        if len(case.outputs) > 1
        and conformance.has_only_tensors(case)
        and not conformance.is_expanded(case)
    ]
    loaded["node"] += [conformance.with_first_output(case) for case in several]
    return loaded


@pytest.fixture(scope="session")
def runner(tools, tmp_path_factory):
    return conformance.Runner(tools, tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="session")
def folded(runner, cases):
    """Case name -> what constant folding made of it."""
    return runner.fold(cases["node"] + cases["old-forms"])


@pytest.fixture(scope="session", params=["given", "constant", "dynamic", "constant-dynamic"])
def exports(request, runner, cases):
    """Kind -> case name -> what became of the written model.

    constant: shapes, axes and the like are initializers, for the cases that have such inputs.
    dynamic: a symbol stands for every dim of the inputs.
    """
    outcomes = {}
    for kind, chosen in cases.items():
        if "constant" in request.param:
            tensors = filter(conformance.has_only_tensors, chosen)
            chosen = filter(None, map(conformance.with_constant_operands, tensors))
        if "dynamic" in request.param:
            chosen = map(conformance.with_dynamic_dims, chosen)
        outcomes[kind] = runner.export(list(chosen))
    return outcomes


def names_of(cases, operator):
    """Cases of an operator, which must exist."""
    names = [case.name for case in cases["node"] if case.op == operator]
    assert names, f"the suite has no case of {operator}"
    return names


def wrong_exports(outcomes, names):
    """Cases that did not become what the lists above say."""
    wrong = {}
    for name in outcomes.keys() & names:
        outcome = outcomes[name]
        may_skip = matching(name, UNCHECKED_EXPORTS)
        must_fail = matching(name, FAILING_EXPORTS)
        fails = outcome.status not in (PASS, SKIPPED)
        if fails != bool(must_fail) or (outcome.status == SKIPPED and not may_skip):
            wrong[name] = outcome
    return wrong


@pytest.mark.parametrize("operator", MODELLED)
def test_constant_folding_computes_what_the_suite_expects(operator, cases, folded):
    wrong = {}
    for name in names_of(cases, operator):
        expected = KEPT if matching(name, KEPT_CASES) else PASS
        if folded[name].status not in (expected, SKIPPED):
            wrong[name] = folded[name]
    assert not wrong
    assert any(folded[name].status == PASS for name in names_of(cases, operator))


def test_constant_folding_knows_old_forms(cases, folded):
    made = {case.name: folded[case.name] for case in cases["old-forms"]}
    assert {name: outcome for name, outcome in made.items() if outcome.status != PASS} == {}


@pytest.mark.parametrize("operator", MODELLED)
def test_written_model_computes_what_the_suite_expects(operator, cases, exports):
    assert not wrong_exports(exports["node"], names_of(cases, operator))


def test_operators_without_model_ops_are_written_unharmed(cases, exports):
    names = [case.name for case in cases["node"] if case.op not in MODELLED]
    assert not wrong_exports(exports["node"], names)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_written_models_compute_what_the_suite_expects(kind, exports):
    assert not wrong_exports(exports[kind], exports[kind].keys())


@pytest.mark.parametrize("is_dynamic", [False, True], ids=["static", "dynamic"])
def test_modelled_operators_are_normalised_where_data_are_not_constant(is_dynamic, runner, cases):
    chosen = [
        conformance.with_constant_operands(case) or case
        for case in cases["node"]
        if case.op in MODELLED
        and conformance.has_only_tensors(case)
        and not conformance.is_expanded(case)
    ]
    patterns = KEPT_CASES | KEPT_VARIABLE_CASES
    if is_dynamic:
        chosen = [conformance.with_dynamic_dims(case) for case in chosen]
        patterns = patterns | KEPT_DYNAMIC_CASES
    assert runner.kept(chosen) == {case.name for case in chosen if matching(case.name, patterns)}


def test_modelled_operators_are_those_listed(cases, folded):
    modelled, opaque = set(), set()
    for case in cases["node"]:
        if not conformance.is_expanded(case):
            (modelled if folded[case.name].status == PASS else opaque).add(case.op)
    print(f"{len(modelled)} operators modelled, opaque: {' '.join(sorted(opaque - modelled))}")
    assert modelled == set(MODELLED)


def test_folding_never_computes_something_else(cases, folded):
    """Also for the expanded forms of operators that are not modelled themselves."""
    mismatches = {name: made for name, made in folded.items() if made.status == MISMATCH}
    assert not mismatches
    tensors = [case.name for case in cases["node"] if conformance.has_only_tensors(case)]
    assert [name for name in tensors if folded[name].status == SKIPPED] == []


def test_every_pattern_of_an_exception_is_needed(cases):
    names = [case.name for group in cases.values() for case in group]
    for patterns in (KEPT_CASES, KEPT_VARIABLE_CASES, KEPT_DYNAMIC_CASES, FAILING_EXPORTS, UNCHECKED_EXPORTS):
        idle = [pattern for pattern in patterns if not any(fnmatchcase(n, pattern) for n in names)]
        assert not idle


def test_a_wrong_expectation_is_noticed(runner, cases):
    """The checks can fail: off by one, another type, another shape."""
    case = next(case for case in cases["node"] if case.name == "add")
    expected = case.outputs[0]
    off = expected.copy()
    off[-1] += 1
    for wrong in (off, expected.astype(np.float64), expected[None]):
        changed = replace(case, outputs=[wrong])
        assert runner.fold([changed])["add"].status == MISMATCH
        assert runner.export([changed])["add"].status == SKIPPED
