"""Compress neural networks and run them.

>>> import compress_mlir
>>> model = compress_mlir.load("model.onnx").compress(quantize="int4")
>>> session = model.compile(threads=2)
>>> outputs = session.run({"ids": ids})
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _compress
from ._compress import CompressError, TensorSpec, UnsupportedError

if TYPE_CHECKING:
    import onnx
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CompressError",
    "Model",
    "Session",
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the compiled model to a file for `load_session`."""
        self._session.save(os.fspath(path))


class Model:
    """A model, as it was read or compressed. Immutable; made by `load`."""

    def __init__(self, model: _compress.Model) -> None:
        self._model = model

    def compress(
        self,
        quantize: str | None = None,
        prune: str | None = None,
        recipe: str | os.PathLike[str] | None = None,
    ) -> Model:
        """A compressed copy of the model; weights that stay as they are are shared.

        The arguments are those of the flags of `compress-opt`: `quantize="int4,group=32"`,
        `prune="2:4"`, and the path of a YAML recipe, whose rules come after them. With none, the
        model is only cleaned up.

        Raises `CompressError` for a bad argument and for what the passes report,
        `UnsupportedError` for a scheme that is known but not available.
        """
        path = os.fspath(recipe) if recipe is not None else ""
        return Model(self._model.compress(quantize or "", prune or "", path))

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

    def save(self, path: str | os.PathLike[str], form: str = "qdq") -> None:
        """Writes the model as `.onnx`, `.mlir` or `.mlirbc`, whole or not at all.

        form: how quantized weights are written to ONNX: `qdq`, `matmulnbits` or `dense`.
        """
        self._model.save(os.fspath(path), form)

    def report(self) -> dict[str, Any] | None:
        """What compression did to each layer (the JSON of `compress-opt --report`).

        None for a model that was not compressed.
        """
        text = self._model.report()
        return json.loads(text) if text else None


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
