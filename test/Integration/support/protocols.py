"""How well a model does: perplexity of decoders, top-1 accuracy of classifiers.

A model is a path, which onnxruntime runs, or a session: an object with the `get_inputs` and `run` of
onnxruntime's.
"""

import json

import numpy as np

from . import assets, images, runtime


def _session(model):
    return model if hasattr(model, "run") else runtime.session(model)


def perplexity(model, windows, batch=16):
    """Exponential of the mean negative log likelihood of every token but a window's first.

    `windows` is an int64 array [count, length].
    """
    loaded = _session(model)
    name = loaded.get_inputs()[0].name
    total = 0.0
    for start in range(0, len(windows), batch):
        tokens = windows[start : start + batch]
        logits = loaded.run(None, {name: tokens})[0][:, :-1].astype(np.float64)
        peak = logits.max(-1, keepdims=True)
        log_sum = np.log(np.exp(logits - peak).sum(-1)) + peak[..., 0]
        chosen = np.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
        total += float((log_sum - chosen).sum())
    return float(np.exp(total / (windows.shape[0] * (windows.shape[1] - 1))))


def top1(model, inputs, labels, batch=16):
    """Percentage of samples whose largest output is the label."""
    loaded = _session(model)
    name = loaded.get_inputs()[0].name
    right = 0
    for start in range(0, len(inputs), batch):
        part = slice(start, start + batch)
        right += int((loaded.run(None, {name: inputs[part]})[0].argmax(-1) == labels[part]).sum())
    return 100.0 * right / len(inputs)


def text_windows(folder):
    """Disjoint windows over the held-out tokens of a decoder of ours, or None when absent."""
    path = assets.model_path(f"{folder}/test_tokens.u16")
    if path is None:
        return None
    length = json.loads((path.parent / "info.json").read_text())["seq"]
    tokens = np.fromfile(path, "<u2").astype(np.int64)
    count = len(tokens) // length
    return tokens[: count * length].reshape(count, length)


def story_windows():
    """Rows 32 to 95 of the text that stories260K wrote itself, or None when absent."""
    path = assets.model_path("stories260K/selfgen_tokens.u16")
    if path is None:
        return None
    return np.fromfile(path, "<u2").astype(np.int64).reshape(96, 256)[32:]


def _mnist():
    folder = assets.data_path("images/mnist")
    return folder and images.mnist(folder, slice(8000, 10000))


def _cifar10():
    path = assets.data_path("images/cifar10_242_lossless.pt")
    return path and images.cifar10(path)


def _imagenet(prepare, column):
    folder = assets.data_path("images/imagenet_sample")
    return folder and images.imagenet(folder, prepare, column)


_TEXT = {
    "shakespeare_llama": lambda: text_windows("shakespeare_llama"),
    "shakespeare_moe": lambda: text_windows("shakespeare_moe"),
    "stories260K": story_windows,
}
_IMAGES = {
    "mnist": _mnist,
    "cifar10": _cifar10,
    "squeezenet": lambda: _imagenet(images.prepare_squeezenet, "imagenet1k_index"),
    "vit_tiny": lambda: _imagenet(images.prepare_vit_tiny, "tiny_imagenet_200_index"),
}
_loaded = {}


def is_perplexity(task):
    return task in _TEXT


def images_of(task):
    """(inputs, labels) of a task with images, or None when absent."""
    if task not in _loaded:
        _loaded[task] = _IMAGES[task]()
    return _loaded[task]


def evaluate(task, model, samples=None):
    """Perplexity (lower is better) or top-1 in percent, or None when the data are absent.

    With `samples`, only so many windows or images are used, spread evenly.
    """
    if task not in _loaded:
        _loaded[task] = (_TEXT if task in _TEXT else _IMAGES)[task]()
    data = _loaded[task]
    if data is None:
        return None
    parts = (data,) if task in _TEXT else data
    if samples is not None and samples < len(parts[0]):
        chosen = np.linspace(0, len(parts[0]) - 1, samples).astype(int)
        parts = tuple(part[chosen] for part in parts)
    return (perplexity if task in _TEXT else top1)(model, *parts)
