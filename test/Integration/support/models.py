"""The acceptance models: where each is, what its inputs look like, and how well it does."""

from dataclasses import dataclass

import numpy as np

from . import assets


@dataclass(frozen=True)
class Model:
    """One acceptance model.

    `shape` is the shape of a small random input. `vocabulary` is set for decoders, whose input is
    int64 token ids below it; images are float32 in `low` to `high`. `task` names its protocol in
    `protocols.py`, and `fp32` is the value of that protocol for the unchanged model.
    """

    name: str
    file: str
    shape: tuple
    task: str
    fp32: float
    vocabulary: int = 0
    low: float = 0.0
    high: float = 1.0

    @property
    def path(self):
        return assets.model_path(self.file)

    def random_input(self, seed=0):
        """A seeded input of the right shape and type."""
        random = np.random.default_rng(seed)
        if self.vocabulary:
            return random.integers(0, self.vocabulary, self.shape, dtype=np.int64)
        return random.uniform(self.low, self.high, self.shape).astype(np.float32)


MODELS = (
    Model(
        "shakespeare_llama",
        "shakespeare_llama/model.onnx",
        (2, 40),
        "shakespeare_llama",
        22.972,
        vocabulary=1024,
    ),
    Model(
        "shakespeare_llama_torchscript",
        "shakespeare_llama/model_torchscript.onnx",
        (2, 40),
        "shakespeare_llama",
        22.972,
        vocabulary=1024,
    ),
    Model(
        "shakespeare_moe",
        "shakespeare_moe/model.onnx",
        (2, 40),
        "shakespeare_moe",
        28.462,
        vocabulary=1024,
    ),
    Model("mnist_resdw", "mnist_resdw/mnist_resdw.onnx", (3, 1, 28, 28), "mnist", 99.30),
    Model(
        "squeezenet",
        "squeezenet/squeezenet1.0_deepcompression_fp32.onnx",
        (2, 3, 227, 227),
        "squeezenet",
        63.74,
        low=-120.0,
        high=140.0,
    ),
    Model(
        "vit_tiny",
        "vit_tiny_tinyimagenet/vit_tiny_tinyimagenet.onnx",
        (2, 3, 224, 224),
        "vit_tiny",
        65.38,
        low=-1.0,
    ),
    Model(
        "stories260K",
        "stories260K/stories260K.onnx",
        (2, 40),
        "stories260K",
        3.661,
        vocabulary=512,
    ),
    Model(
        "resnet20",
        "cifar10_resnet/resnet20.onnx",
        (3, 3, 32, 32),
        "cifar10",
        92.56,
        low=-2.0,
        high=2.0,
    ),
)

BY_NAME = {model.name: model for model in MODELS}
