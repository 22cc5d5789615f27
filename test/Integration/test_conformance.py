"""The ONNX backend conformance suite: every operator of the dialect, in every version it covers.

`support/conformance.py` says how a program that cannot run models is checked with it.
"""

from fnmatch import fnmatchcase

import pytest

from support import conformance
from support.conformance import ERROR, KEPT, MISMATCH, PASS, SKIPPED

# Operators that normalisation turns into model ops. A new model op adds its name here.
MODELLED = """
    Abs Acos Acosh Add And ArgMax Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike
    Ceil Clip Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DequantizeLinear Div
    Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND
    Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MatMulInteger Max MaxPool Mean
    Min Mish Mul Neg Not Or PRelu Pad Pow QuantizeLinear Range Reciprocal ReduceL1 ReduceL2
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
    Relu Reshape Round Scatter ScatterElements Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus
    Softsign Split Sqrt Squeeze Sub Sum Swish Tan Tanh Tile TopK Transpose Unsqueeze Where Xor
""".split()

# Cases of modelled operators that stay as they are, by name pattern, with the reason.
KEPT_CASES = {}

# Cases that do not compute what the suite expects, by name pattern, with the reason.
DIFFERENT_CASES = {}


def reason_for(name, patterns):
    return next((why for pattern, why in patterns.items() if fnmatchcase(name, pattern)), None)


@pytest.fixture(scope="session")
def cases():
    """Kind -> cases."""
    kinds = ("node", "simple", "pytorch-operator", "pytorch-converted")
    return {kind: conformance.load(kind) for kind in kinds}


@pytest.fixture(scope="session")
def runner(tools, tmp_path_factory):
    return conformance.Runner(tools, tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="session")
def folded(runner, cases):
    return runner.fold(cases["node"])


@pytest.fixture(scope="session")
def exported(runner, cases):
    return {kind: runner.export(cases[kind]) for kind in cases}
