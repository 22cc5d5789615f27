"""Running models in onnxruntime, and comparing what two models compute."""

import numpy as np
import onnxruntime


def session(path, optimize=True):
    """An onnxruntime session that computes weight-only models in float.

    onnxruntime's default for fused block weights is int8 activations (accuracy level 4); level 0
    is float, so that two forms of the same numbers can be compared.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "0")
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path, values, optimize=True):
    """All outputs of a one-input model."""
    loaded = session(path, optimize)
    return loaded.run(None, {loaded.get_inputs()[0].name: values})


def relative_difference(expected, actual):
    """Largest difference over all outputs, each divided by its output's range (max minus min)."""
    assert len(expected) == len(actual)
    worst = 0.0
    for want, got in zip(expected, actual):
        assert want.shape == got.shape and want.dtype == got.dtype
        assert np.isfinite(got).all()
        spread = float(want.max()) - float(want.min())
        worst = max(worst, float(np.abs(want.astype(np.float64) - got).max()) / (spread or 1.0))
    return worst
