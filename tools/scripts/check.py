#!/usr/bin/env python3
"""Runs every test suite of a build and prints `N passed, N failed` as the last line.

One count per lit test, per GoogleTest case, per pytest test, and one each for the tree linter and
the drift check of the generated documentation. Two suites run at a time, and all of them even if one
fails; a suite that crashes, finds no test or takes too long counts as one failure. Failing output is
shown.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LLVM_BIN = Path("/usr/lib/llvm-22/bin")
# The integration tests are the longest: they are run in so many parts, each of which is a suite.
SHARDS = 4


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def run(command, timeout, env=None):
    """Runs a command from the root of the tree; returns (exit code, output of both streams)."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        partial = late.stdout or b""
        text = partial.decode(errors="replace") if isinstance(partial, bytes) else partial
        return -1, f"{text}\nstopped after {timeout} s"
    except OSError as error:
        return -1, str(error)


def read_junit(path, code):
    """Counts the test cases of a JUnit file, as lit, GoogleTest and pytest write it.

    A missing or empty file is one failure, and so is a bad exit code (crash) without a failed case.
    """
    counts = Counts()
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    for case in cases:
        children = {child.tag for child in case}
        if children & {"failure", "error"}:
            counts.failed += 1
        elif "skipped" in children or case.get("status") == "notrun":
            counts.skipped += 1
        else:
            counts.passed += 1
    if not cases or (code != 0 and counts.failed == 0):
        counts.failed += 1
    return counts


def run_suite(command, report, timeout):
    """Runs a command that writes the JUnit file `report`; returns its counts and output."""
    code, output = run(command, timeout)
    return read_junit(report, code), output


def run_tool(command, timeout):
    """Runs a check that is one pass or one failure by its exit code."""
    code, output = run(command, timeout)
    return Counts(passed=int(code == 0), failed=int(code != 0)), output


def suites(build, jobs, scratch):
    """Yields (name, function that runs it and returns counts and output)."""
    python = sys.executable
    scripts = ROOT / "tools/scripts"
    yield "tree linter", lambda: run_tool([python, scripts / "check-tree.py"], 60)
    yield "docs drift", lambda: run_tool(
        [python, scripts / "gen-docs.py", "--build", build, "--check"], 300
    )

    lit = [LLVM_BIN / "lit", "-sv", "-j", jobs, build / "test"]
    yield "lit", lambda: run_suite(
        [*lit, "--xunit-xml-output", scratch / "lit.xml"], scratch / "lit.xml", 900
    )

    binaries = sorted(
        path
        for path in (build / "test/unit").glob("**/*Tests")
        if path.is_file() and os.access(path, os.X_OK)
    )
    if not binaries:
        yield "unit", lambda: (Counts(failed=1), f"no unit test binary below {build}/test/unit")
    for binary in binaries:
        report = scratch / f"{binary.name}.xml"
        yield f"unit {binary.name}", lambda binary=binary, report=report: run_suite(
            [binary, "--gtest_brief=1", f"--gtest_output=xml:{report}"], report, 900
        )

    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--build", build]
    files = sorted((ROOT / "test/Integration").glob("test_*.py"))
    if not files:
        yield "integration", lambda: (Counts(failed=1), "no test in test/Integration")
    for part in range(min(SHARDS, len(files))):
        report = scratch / f"pytest{part}.xml"
        command = [*pytest, f"--junitxml={report}", *files[part::SHARDS]]
        yield f"integration {part + 1}/{SHARDS}", lambda command=command, report=report: run_suite(
            command, report, 1800
        )


def timed(name, runner):
    """Runs a suite: (name, counts, output, seconds)."""
    start = time.monotonic()
    counts, output = runner()
    return name, counts, output, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--jobs", type=int, default=2, help="lit tests run at once")
    parser.add_argument("--only", help="run only suites whose name contains this")
    options = parser.parse_args()

    total = Counts()
    with tempfile.TemporaryDirectory() as scratch:
        chosen = [
            suite
            for suite in suites(options.build.resolve(), options.jobs, Path(scratch))
            if not options.only or options.only in suite[0]
        ]
        # The longest ones first, beside the others.
        chosen.sort(key=lambda suite: not suite[0].startswith("integration"))
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in as_completed([pool.submit(timed, *suite) for suite in chosen]):
                name, counts, output, seconds = done.result()
                if counts.failed:
                    print(f"---- {name} ----\n{output.rstrip()}\n----")
                skipped = f", {counts.skipped} skipped" if counts.skipped else ""
                print(
                    f"{name}: {counts.passed} passed, {counts.failed} failed{skipped} "
                    f"({seconds:.1f} s)",
                    flush=True,
                )
                total.passed += counts.passed
                total.failed += counts.failed
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
