#!/usr/bin/env python3
"""Speed and memory of the main job on a generated model (1 GiB of float32 weights by default).

Prints, for weights inline and in external data: M weights/s on one core, and peak resident memory,
of importing and of compressing. The limits that hold are printed beside each number; the exit code
is 1 if one is missed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test/Integration"), str(Path(__file__).parent)]

import make_linear_model  # noqa: E402
from support.tool import DONE, Tools  # noqa: E402

MIB = 1 << 20
IMPORT_PEAK = 250e6
INT4_RATE, INT4_PRUNED_RATE = 200e6, 100e6


def compress_peak_limit(output):
    """Bytes that compressing may hold: 1.3 times its output, and 300 MB."""
    return 1.3 * output.stat().st_size + 300e6


def measure(tools, name, arguments, cores):
    """Runs a tool twice, so that the second finds its input in the page cache; returns that one."""
    for _ in range(2):
        result = tools.run(name, *arguments, cores=cores, timeout=1800)
        if result.code != DONE:
            sys.exit(f"{' '.join(result.command)}: exit code {result.code}\n{result.stderr}")
    return result


def import_jobs(model, folder):
    """(what, tool, arguments) of importing with the weights kept outside of the module."""
    for weights in ("sidecar", "reference"):
        arguments = ["--import-onnx", f"--weights={weights}", model, "-o", folder / "out.mlir"]
        yield f"import, {weights}", "compress-translate", arguments


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="folder for 3 GB of temporary files")
    options = parser.parse_args()

    tools = Tools(options.build)
    missed = 0

    def line(storage, what, rate, rate_limit, peak, peak_limit):
        nonlocal missed
        ok = peak <= peak_limit and (not rate_limit or rate >= rate_limit)
        missed += not ok
        wanted = f"(>= {rate_limit / 1e6:3.0f})" if rate_limit else ""
        print(
            f"{storage:9} {what:18} {rate / 1e6:8.0f} M/s per core {wanted:9}"
            f" {peak / MIB:6.0f} MiB (<= {peak_limit / MIB:.0f})  {'ok' if ok else 'MISSED'}",
            flush=True,
        )

    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        folder = Path(name)
        for storage in ("inline", "external"):
            model, output = folder / f"{storage}.onnx", folder / "out.onnx"
            count = make_linear_model.make(
                model, options.layers, options.size, storage == "external"
            )
            for what, tool, arguments in import_jobs(model, folder):
                result = measure(tools, tool, arguments, options.cores)
                rate = count / result.seconds / options.cores
                line(storage, what, rate, 0, result.peak_bytes, IMPORT_PEAK)
            for what, flags, limit in (
                ("int4", ["--quantize=int4"], INT4_RATE),
                ("int4 + 2:4", ["--quantize=int4", "--prune=2:4"], INT4_PRUNED_RATE),
            ):
                arguments = [model, *flags, "-o", output]
                result = measure(tools, "compress-opt", arguments, options.cores)
                rate = count / result.seconds / options.cores
                peak = compress_peak_limit(output)
                line(storage, what, rate, limit, result.peak_bytes, peak)
            for path in folder.iterdir():
                path.unlink()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
