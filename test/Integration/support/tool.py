"""Running the tools of a build."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 300

# Exit codes of every tool of the project.
DONE, INTERNAL_ERROR, BAD_INPUT, UNSUPPORTED, GATE_MISSED = range(5)


@dataclass
class Result:
    """What a run left. A negative code is a signal; `peak_bytes` is the largest resident memory."""

    command: list
    code: int
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Tools:
    """The tools in the `bin` folder of a build."""

    def __init__(self, build):
        self.bin = Path(build) / "bin"

    def path(self, name):
        return self.bin / name

    def run(self, name, *arguments, cores=0, timeout=TIMEOUT):
        """Runs a tool on so many cores (0: all) and measures it, whatever its exit code is."""
        command = [str(self.path(name)), *map(str, arguments)]
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.json"
            helper = [sys.executable, "-I", "-S", str(Path(__file__).with_name("measure.py"))]
            done = subprocess.run(
                [*helper, str(report), str(cores), *command],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
            )
            measured = json.loads(report.read_text())
        return Result(command, stdout=done.stdout, stderr=done.stderr, **measured)

    def optimize(self, model, output, *flags):
        """Runs `compress-opt MODEL FLAGS -o OUTPUT`, which must succeed; returns the result."""
        result = self.run("compress-opt", model, *flags, "-o", output)
        assert result.code == DONE, (
            f"exit code {result.code} of {' '.join(result.command)}\n{result.stderr[-4000:]}"
        )
        assert Path(output).is_file(), "the tool says it is done, but wrote nothing"
        return result
