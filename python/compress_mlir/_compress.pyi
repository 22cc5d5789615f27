"""The compiler behind compress_mlir; use that."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

class CompressError(Exception):
    """A bad model, argument or input; the message says what was expected and what was found."""

class UnsupportedError(CompressError):
    """The input is fine, but this version cannot handle it."""

class TensorSpec:
    """An input or output of a model."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str:
        """Element type as MLIR calls it: 'f32', 'i64', 'ui8', 'i1'."""
    @property
    def shape(self) -> list[int]:
        """Sizes; -1 where only a run knows."""
    @property
    def dims(self) -> list[str]:
        """Name of each dim; '' for dims without a name."""

class ArchiveSizes:
    """Sizes of a saved session in bytes."""

    @property
    def raw(self) -> int:
        """All contents before they are encoded."""
    @property
    def stored(self) -> int:
        """All contents as they are stored."""
    @property
    def raw_weights(self) -> int:
        """Weights before they are encoded."""
    @property
    def stored_weights(self) -> int:
        """Weights as they are stored."""
    @property
    def file(self) -> int:
        """The file, with its table and padding."""

class Session:
    @property
    def inputs(self) -> list[TensorSpec]: ...
    @property
    def outputs(self) -> list[TensorSpec]: ...
    @property
    def threads(self) -> int: ...
    @property
    def plan(self) -> str: ...
    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]: ...
    def save(self, path: str, encoding: str) -> ArchiveSizes: ...

class Statistics:
    @property
    def samples(self) -> int: ...
    @property
    def warnings(self) -> list[str]: ...
    def keys(self) -> list[str]: ...
    def get(self, key: str) -> dict[str, Any] | None: ...
    def save(self, path: str) -> None: ...

class Model:
    def calibrate(
        self,
        samples: list[dict[str, NDArray[Any]]],
        path: str,
        collect: str,
        ops: Sequence[str],
        outputs: bool,
        count: int,
        threads: int,
        dims: Mapping[str, int],
    ) -> Statistics: ...
    def compress(
        self,
        quantize: str,
        prune: str,
        recipe: str,
        exclude: Sequence[str],
        calibration: str = "",
        statistics: str = "",
        resume: str = "",
        samples: int = 0,
        requantize: bool = False,
    ) -> Model: ...
    def compile(self, threads: int, target: str, dims: Mapping[str, int]) -> Session: ...
    def save(self, path: str, form: str) -> None: ...
    def groups(self) -> str: ...
    def report(self) -> str: ...

def load_model(path: str) -> Model: ...
def parse_model(bytes: bytes) -> Model: ...
def load_statistics(path: str) -> Statistics: ...
def run_accuracy_gate(
    max_drop: str,
    higher_is_better: bool,
    max_trials: int,
    measure_original: Callable[[], float],
    compress: Callable[[list[str]], list[str]],
    measure: Callable[[], float],
    save: Callable[[], None],
) -> dict[str, Any]: ...
def load_session(path: str, threads: int) -> Session: ...
