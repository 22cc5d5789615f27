"""Running models on the code that the compiler makes for them."""

import importlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from .tool import DONE


@dataclass(frozen=True)
class Value:
    """An input or output of a model, as onnxruntime describes it."""

    name: str


def package(tools):
    """The Python package `compress_mlir` of the build, or None where it was not built."""
    folder = tools.bin.resolve().parent / "python"
    if not (folder / "compress_mlir").is_dir():
        return None
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("compress_mlir")
    except ImportError:
        return None


def compile_model(tools, path, output, *flags):
    """Runs `compress-run MODEL FLAGS --save OUTPUT`, which must succeed; returns the result."""
    result = tools.run("compress-run", path, *flags, "--save", output)
    assert result.code == DONE, (
        f"exit code {result.code} of {' '.join(result.command)}\n{result.stderr[-4000:]}"
    )
    return result


def input_names(path):
    """Names of the inputs of an ONNX model, in order."""
    graph = onnx.load(str(path), load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    return [value.name for value in graph.input if value.name not in stored]


class Session:
    """A compiled model that is used like an onnxruntime session.

    It is compiled once, by `compress-run FLAGS --save`; `compilation` is what that left. Runs are
    calls of the Python package where the build has it, otherwise processes of `compress-run`. With
    `module` that file is compiled, whose inputs and outputs are those of the ONNX model `path`.
    """

    def __init__(self, tools, path, *flags, threads=2, module=None):
        self._folder = tempfile.TemporaryDirectory()
        self._tools = tools
        self._archive = Path(self._folder.name) / "model.cmpr"
        self.compilation = compile_model(tools, module or path, self._archive, *flags)
        self._inputs = [Value(name) for name in input_names(path)]
        graph = onnx.load(str(path), load_external_data=False).graph
        self._outputs = [Value(value.name) for value in graph.output]
        self._package = package(tools)
        self._loaded = {}
        self.threads = threads

    def get_inputs(self):
        return self._inputs

    def get_outputs(self):
        return self._outputs

    def run(self, names, values, threads=None, alone=False):
        """The outputs in `names` (None: all, in order) for arrays by name.

        With `alone` the run is a process of its own in any case.
        """
        run = self._call if self._package and not alone else self._start
        outputs = run(values, threads or self.threads)
        return [outputs[name] for name in names or [value.name for value in self._outputs]]

    def _call(self, values, threads):
        if threads not in self._loaded:
            self._loaded[threads] = self._package.load_session(self._archive, threads)
        return self._loaded[threads].run(values)

    def time(self, inputs, repeat, threads=None):
        """The line that `compress-run --repeat` prints for an .npz file of inputs."""
        return self._execute(threads or self.threads, "--inputs", inputs, "--repeat", repeat).stdout

    def _start(self, values, threads):
        folder = Path(self._folder.name)
        np.savez(folder / "in.npz", **values)
        files = ("--inputs", folder / "in.npz", "--outputs", folder / "out.npz")
        self._execute(threads, *files)
        with np.load(folder / "out.npz") as archive:
            return dict(archive)

    def _execute(self, threads, *flags):
        result = self._tools.run("compress-run", self._archive, "--threads", threads, *flags)
        assert result.code == DONE, (
            f"exit code {result.code} of {' '.join(result.command)}\n{result.stderr[-4000:]}"
        )
        return result
