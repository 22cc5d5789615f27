"""Compress neural networks and run them.

>>> import compress_mlir
>>> model = compress_mlir.load("model.onnx").compress(quantize="int4")
>>> session = model.compile(threads=2)
>>> outputs = session.run({"ids": ids})
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _calibration, _compress
from ._calibration import Activation, Statistics, collect_samples
from ._compress import ArchiveSizes, CompressError, TensorSpec, UnsupportedError

if TYPE_CHECKING:
    import onnx
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Activation",
    "ArchiveSizes",
    "CompressError",
    "Model",
    "Session",
    "Statistics",
    "TensorSpec",
    "UnsupportedError",
    "load",
    "load_session",
]


class Session:
    """A model compiled for this process.

    Made by `Model.compile` or `load_session`. It may be used from several threads; runs of one
    session wait for each other.
    """

    def __init__(self, session: _compress.Session) -> None:
        self._session = session

    @property
    def inputs(self) -> list[TensorSpec]:
        """The inputs, in order."""
        return self._session.inputs

    @property
    def outputs(self) -> list[TensorSpec]:
        """The outputs, in order."""
        return self._session.outputs

    @property
    def threads(self) -> int:
        """How many threads a run uses."""
        return self._session.threads

    @property
    def plan(self) -> str:
        """Kernels, memory and times of compilation, as text."""
        return self._session.plan

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
        """Runs the model on arrays by name and returns its outputs by name.

        Arrays that are dense and row-major are not copied; outputs are never copied. Types must be
        those of the model. Float types that NumPy lacks go in and out as float32. Other threads of
        Python run meanwhile.

        Raises `CompressError`, which names the input, for a missing or unknown name, a wrong type,
        rank or size, and for what the model itself reports.
        """
        return self._session.run({name: np.asarray(value) for name, value in inputs.items()})

    def save(self, path: str | os.PathLike[str], encoding: str = "raw") -> ArchiveSizes:
        """Writes the compiled model to a file for `load_session`; gives its sizes in bytes.

        `encoding` is "raw", which is mapped when it is loaded, or "huffman", which is smaller
        (much smaller for pruned weights and palettes) and decoded when it is loaded.
        """
        return self._session.save(os.fspath(path), encoding)


class _Trials:
    """Models that an accuracy gate makes."""

    def __init__(
        self,
        model: _compress.Model,
        arguments: tuple[str, str, str, str, str],
        exclude: list[str],
        more: tuple[str, str, str, int, bool],
    ) -> None:
        self.model, self.arguments, self.exclude, self.more = model, arguments, exclude, more
        self.current = self.best = model
        self.layers: list[dict[str, Any]] = []

    def compress(self, excluded: list[str]) -> list[str]:
        """Compresses without these layers and those that share their weights; worst layers first."""
        weights = {layer["weight"] for layer in self.layers if layer["name"] in excluded}
        names = [layer["name"] for layer in self.layers if layer["weight"] in weights]
        self.current = self.model.compress(*self.arguments, self.exclude + names, *self.more)
        report = json.loads(self.current.report())
        self.layers = self.layers or report["layers"]
        return [culprit["name"] for culprit in report["culprits"]]

    def save(self) -> None:
        """The last model is the best so far."""
        self.best = self.current


class Model:
    """A model, as it was read or compressed. Immutable; made by `load`."""

    def __init__(self, model: _compress.Model, gate: dict[str, Any] | None = None) -> None:
        self._model = model
        self._gate = gate

    def compress(
        self,
        quantize: str | None = None,
        prune: str | None = None,
        low_rank: str | None = None,
        share: str | None = None,
        recipe: str | os.PathLike[str] | None = None,
        exclude: Sequence[str] = (),
        metric: Callable[[Model], float] | None = None,
        max_drop: str | float | None = None,
        metric_direction: str = "higher",
        max_trials: int = 20,
        calibration: str | os.PathLike[str] | Iterable[Mapping[str, ArrayLike]] | None = None,
        statistics: str | os.PathLike[str] | Statistics | None = None,
        samples: int = 0,
        resume: str | os.PathLike[str] | None = None,
        requantize: bool = False,
    ) -> Model:
        """A compressed copy of the model; weights that stay as they are are shared.

        The arguments are those of the flags of `compress-opt`: `quantize="int4,group=32"`,
        `prune="2:4"` or `prune="head:0.25+neuron:0.25"`, `low_rank="ratio:0.5"`,
        `share="codebook:16"`, and the path of a YAML recipe, whose rules
        come after them. With none, the model is only cleaned up. `exclude` names layers that are left alone, whatever they say.

        With `metric`, a function that is given a model and returns a number, and `max_drop` (`"0.5%"`
        of the original's metric, or a number), the layers that suffer most are left alone until the
        metric drops by no more than that. At most `max_trials` compressed models are measured. If
        none holds, the best one is returned, with a RuntimeWarning; `report()["accuracy_gate"]`
        tells of all. `metric_direction` is `higher` or `lower`: what is better.

        `calibration` are samples for methods that look at activations: a path as `compress-opt
        --calibration` takes it, or an iterable of inputs by name (they are kept in a temporary
        folder); at most `samples` of them are used if that is not 0. `resume` is a folder from which
        a run that was stopped goes on. `statistics`, from `calibrate` or a file, are for methods that
        need no samples. `requantize` takes out the quantization that the model has, first.

        Raises `CompressError` for a bad argument and for what the passes report,
        `UnsupportedError` for a scheme that is known but not available.
        """
        path = os.fspath(recipe) if recipe is not None else ""
        arguments = (quantize or "", prune or "", low_rank or "", share or "", path)
        with contextlib.ExitStack() as stack:
            data = _calibration.as_path(calibration, stack)
            known = _calibration.statistics_path(statistics, stack)
            more = (data, known, os.fspath(resume) if resume is not None else "", samples, requantize)
            return self._compress(
                arguments, list(exclude), more, metric, max_drop, metric_direction, max_trials
            )

    def _compress(
        self,
        arguments: tuple[str, str, str, str, str],
        exclude: list[str],
        more: tuple[str, str, str, int, bool],
        metric: Callable[[Model], float] | None,
        max_drop: str | float | None,
        metric_direction: str,
        max_trials: int,
    ) -> Model:
        if metric is None and max_drop is None:
            return Model(self._model.compress(*arguments, exclude, *more))
        if metric is None or max_drop is None:
            raise CompressError("metric and max_drop need each other")
        if metric_direction not in ("higher", "lower"):
            raise CompressError(
                f"metric_direction: expects 'higher' or 'lower', got {metric_direction!r}"
            )
        trials = _Trials(self._model, arguments, exclude, more)
        gate = _compress.run_accuracy_gate(
            str(max_drop),
            metric_direction == "higher",
            max_trials,
            lambda: float(metric(self)),
            trials.compress,
            lambda: float(metric(Model(trials.current))),
            trials.save,
        )
        if not gate["passed"]:
            warnings.warn(
                f"max_drop={max_drop} is missed: the best of {len(gate['trials'])} models drops "
                f"by {gate['trials'][gate['best']]['drop']:g}",
                RuntimeWarning,
                stacklevel=2,
            )
        return Model(trials.best, gate)

    def compile(
        self,
        threads: int = 0,
        target: str = "host",
        dims: Mapping[str, int] | None = None,
    ) -> Session:
        """Compiles the model for this process.

        threads: how many a run uses; 0 is one per core.
        target: `host`, `avx2`, `avx512` or `avx512vnni`.
        dims: sizes of symbolic dims to compile for, by name.

        Raises `UnsupportedError` if a node or type cannot be compiled; the message names it.
        """
        return Session(self._model.compile(threads, target, dict(dims or {})))

    def calibrate(
        self,
        data: str | os.PathLike[str] | Iterable[Mapping[str, ArrayLike]],
        collect: str | Sequence[str] = ("minmax", "moments"),
        samples: int = 0,
        ops: str | Sequence[str] = (),
        outputs: bool = False,
        threads: int = 0,
        dims: Mapping[str, int] | None = None,
    ) -> Statistics:
        """Runs the model over samples and gives statistics of the activations of its weighted ops.

        data: the path of a `.npz` file, of a folder of them or of a list of paths; or dicts of
            arrays by input name, one run each: any iterable, or an object whose `get_next` returns
            them and None at the end, as calibration readers of onnxruntime do.
        collect: out of `minmax` (always), `moving_average`, `moments`, `histogram`, `gram`.
        samples: at most so many runs; 0 is all.
        ops: names (globs) of the ops to observe; default: all.
        outputs: whether their results are observed, too.
        dims: sizes of symbolic dims to compile for, by name.

        Values that are NaN or infinite and ops that no sample reaches are warnings. Raises
        `CompressError` for data that do not fit the model, which names input, expected and found.
        """
        names = collect if isinstance(collect, str) else ",".join(collect)
        globs = [ops] if isinstance(ops, str) else list(ops)
        path = os.fspath(data) if isinstance(data, (str, os.PathLike)) else ""
        arrays = [] if path else collect_samples(data, samples)
        collected = self._model.calibrate(
            arrays, path, names, globs, outputs, samples, threads, dict(dims or {})
        )
        for warning in collected.warnings:
            warnings.warn(warning, RuntimeWarning, stacklevel=2)
        return Statistics(collected)

    def save(self, path: str | os.PathLike[str], form: str = "qdq") -> None:
        """Writes the model as `.onnx`, `.mlir` or `.mlirbc`, whole or not at all.

        form: how quantized weights are written to ONNX: `qdq`, `matmulnbits` or `dense`.
        """
        self._model.save(os.fspath(path), form)

    def groups(self) -> list[dict[str, Any]]:
        """What structured pruning removes together: the groups of the dependency graph.

        A dict for each group that has weights: `number`, `kind` (`head`, `neuron` or `channel`),
        `units` (how many there are), `prunable`, `reason` and `blocked_by` (why not, and the op that
        is in the way; empty if it is), `weights` (dicts of `op`, `weight`, `dim`, `role`: `output`
        or `input`, and `indices_per_unit`: how many indices of the dim go with a unit, at most) and
        `parameters` (`op`, `parameter`, `dim`, `indices_per_unit`): biases, scales of norms. Ops and
        weights are those of the model after it was cleaned up, as `compress` sees it.
        """
        groups: list[dict[str, Any]] = json.loads(self._model.groups())
        return groups

    def report(self) -> dict[str, Any] | None:
        """What compression did to each layer (the JSON of `compress-opt --report`).

        None for a model that was not compressed.
        """
        text = self._model.report()
        if not text:
            return None
        report: dict[str, Any] = json.loads(text)
        if self._gate:
            report["accuracy_gate"] = self._gate
        return report


def load(source: str | os.PathLike[str] | bytes | onnx.ModelProto) -> Model:
    """Reads a model: the path of a file `.onnx`, `.mlir` or `.mlirbc`, an `onnx.ModelProto`, or one
    as bytes.

    Weights of a file stay in it until they are needed; do not change it while the model is used.
    Raises `CompressError` if the model is not valid.
    """
    if isinstance(source, bytes):
        return Model(_compress.parse_model(source))
    if hasattr(source, "SerializeToString"):
        return Model(_compress.parse_model(source.SerializeToString()))
    return Model(_compress.load_model(os.fspath(source)))


def load_session(path: str | os.PathLike[str], threads: int = 0) -> Session:
    """Loads what `Session.save` wrote, without compiling. The file is run: it must be trusted."""
    return Session(_compress.load_session(os.fspath(path), threads))
