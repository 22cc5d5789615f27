"""What the accuracy tables share: compressing, running, comparing."""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "test/Integration"))

from support import native  # noqa: E402
from support.tool import Tools  # noqa: E402


def parse(description):
    """Command line of a table."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", default=str(ROOT / "build"), help="build folder")
    parser.add_argument("--models", default="", help="only these, separated by commas")
    parser.add_argument("--only", default="", help="only lines whose name contains this")
    parser.add_argument("--no-peer", action="store_true", help="leave out the peers")
    return parser.parse_args()


class Compiled(native.Session):
    """A compressed module (.mlirbc), compiled; input and output names are those of `original`."""

    def __init__(self, tools, module, original, threads=2):
        super().__init__(tools, original, threads=threads, module=module)


class Compressor:
    """Compresses ONNX models in a scratch folder."""

    def __init__(self, build):
        self.tools = Tools(build)
        self._scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self._scratch.name)
        self._count = 0

    def calibration(self, name, values):
        """A calibration file for the one input of a model: every row of `values` is a sample."""
        path = self.folder / f"{name}_calibration.npz"
        if not path.exists():
            np.savez(path, **values)
        return path

    def compress(self, model, *flags, suffix="mlirbc"):
        """The compressed model's path, and what the tool left."""
        self._count += 1
        output = self.folder / f"{self._count}.{suffix}"
        return output, self.tools.optimize(model, output, *flags)

    def session(self, module, original):
        return Compiled(self.tools, module, original)


def stored_bytes(path):
    """Bytes of a module with its sidecar file, or of an ONNX model."""
    path = Path(path)
    sidecar = path.with_suffix(".safetensors")
    return path.stat().st_size + (sidecar.stat().st_size if sidecar.exists() else 0)


def signal_to_noise(reference, actual):
    """20 log10 of the root mean squares of `reference` and of the difference, in dB."""
    reference, actual = np.float64(reference), np.float64(actual)
    noise = np.square(reference - actual).mean()
    return 10 * np.log10(np.square(reference).mean() / noise) if noise > 0 else np.inf


def run_all(session, inputs, batch=16):
    """The first output for all rows of `inputs`."""
    name = session.get_inputs()[0].name
    parts = [
        session.run(None, {name: inputs[start : start + batch]})[0]
        for start in range(0, len(inputs), batch)
    ]
    return np.concatenate(parts)
