"""Statistics of activations, and where the samples for them come from."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _compress

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Activation:
    """What calibration saw of one activation.

    Arrays are along its channels and read-only; what was not collected is None.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.vectors: int = values["vectors"]
        """Vectors of channels that were seen; 0 if the value was never computed."""
        self.runs: int = values["runs"]
        self.non_finite: int = values["non_finite"]
        """Values that were NaN or infinite; they are left out of everything else."""
        self.channels: int = values["channels"]
        self.features: int = values["features"]
        self.groups: int = values["groups"]
        self.gram_vectors: int = values["gram_vectors"]
        self.histogram_range: tuple[float, float] = values["histogram_range"]
        for name in _ARRAYS:
            array = values.get(name)
            if array is not None:
                array.flags.writeable = False
            setattr(self, name, array)

    min: NDArray[np.float32] | None
    max: NDArray[np.float32] | None
    moving_range: NDArray[np.float32] | None
    sum: NDArray[np.float64] | None
    sum_abs: NDArray[np.float64] | None
    sum_squares: NDArray[np.float64] | None
    histogram: NDArray[np.uint64] | None
    """Counts in equal bins over `histogram_range`."""
    gram: NDArray[np.float32] | None
    """Sum of x x^T over the vectors that the op contracts, [groups, features, features]."""
    cross: NDArray[np.float32] | None

    @property
    def abs_max(self) -> NDArray[np.float32]:
        """Largest magnitude of each channel."""
        return np.maximum(np.abs(self.min), np.abs(self.max))

    @property
    def mean(self) -> NDArray[np.float64] | None:
        return None if self.sum is None else self.sum / max(self.vectors, 1)

    @property
    def mean_abs(self) -> NDArray[np.float64] | None:
        return None if self.sum_abs is None else self.sum_abs / max(self.vectors, 1)

    @property
    def variance(self) -> NDArray[np.float64] | None:
        if self.sum_squares is None:
            return None
        return np.maximum(self.sum_squares / max(self.vectors, 1) - self.mean**2, 0)

    def __repr__(self) -> str:
        seen = "never computed"
        if self.vectors:
            seen = f"{self.vectors} vectors in [{self.min.min():.6g}, {self.max.max():.6g}]"
        return f"<Activation: {self.channels} channels, {seen}>"


_ARRAYS = (
    "min",
    "max",
    "moving_range",
    "sum",
    "sum_abs",
    "sum_squares",
    "histogram",
    "gram",
    "cross",
    "index_counts",
)


class Statistics(Mapping[str, Activation]):
    """Statistics of a model's activations, by name: `"<op>:input"` or `"<op>:output"`.

    Made by `Model.calibrate` or `Statistics.load`.
    """

    def __init__(self, statistics: _compress.Statistics) -> None:
        self._statistics = statistics
        self._keys = statistics.keys()

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Statistics:
        """Reads a statistics file."""
        return Statistics(_compress.load_statistics(os.fspath(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a statistics file, whole or not at all."""
        self._statistics.save(os.fspath(path))

    @property
    def samples(self) -> int:
        """How many runs there were."""
        return self._statistics.samples

    def __getitem__(self, key: str) -> Activation:
        values = self._statistics.get(key)
        if values is None:
            raise KeyError(key)
        return Activation(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<Statistics: {len(self)} activations, {self.samples} samples>"


def collect_samples(data: Any, limit: int) -> list[dict[str, NDArray[Any]]]:
    """The runs of `data`, an iterable of dicts or a reader with `get_next`; at most `limit`."""
    if hasattr(data, "get_next"):
        data = iter(data.get_next, None)
    samples = []
    for sample in data:
        if not isinstance(sample, Mapping):
            raise TypeError(f"expected a dict of arrays by input name, got {type(sample).__name__}")
        samples.append({name: np.asarray(value) for name, value in sample.items()})
        if limit and len(samples) >= limit:
            break
    return samples


def as_path(data: Any, stack: contextlib.ExitStack) -> str:
    """The path of samples: `data` itself, or a temporary folder, which `stack` removes, with a file
    for each run of an iterable. Nothing for None."""
    if data is None:
        return ""
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    count = 0
    for sample in iter(data.get_next, None) if hasattr(data, "get_next") else data:
        if not isinstance(sample, Mapping):
            raise TypeError(f"expected a dict of arrays by input name, got {type(sample).__name__}")
        np.savez(os.path.join(folder, f"{count:08}.npz"), **sample)
        count += 1
    if count == 0:
        raise _compress.CompressError("calibration: there are no samples")
    return folder


def statistics_path(statistics: Any, stack: contextlib.ExitStack) -> str:
    """The path of a statistics file, which may be a temporary one; nothing for None."""
    if not isinstance(statistics, Statistics):
        return os.fspath(statistics) if statistics is not None else ""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    path = os.path.join(folder, "statistics.safetensors")
    statistics.save(path)
    return path
