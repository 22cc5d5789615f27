#!/usr/bin/env python3
"""Linter of the tree: what the compiler, clang-format and FileCheck do not see.

Prints one line per finding and exits 1 if there is any. The rules are the functions below; each
takes a `Source` and yields (line number, message).
"""

import argparse
import difflib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 800

CORE_TIER = ("Dialect", "Analysis", "Algorithms", "Recipe", "Reference", "ExternalInterfaces", "Support")
TOOL_TIER = ("Conversion", "Codegen", "Calibration", "ExecutionEngine", "Pipelines", "Target")

CODE = (".h", ".cpp", ".td")
TEXT = CODE + (".py", ".mlir", ".test", ".md", ".sh", ".txt", ".cmake", ".yaml", ".json", ".in", "")
LICENSE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"

DIRECTIVES = re.compile(r"LABEL|NEXT|SAME|DAG|NOT|EMPTY|COUNT-\d+")
EXPECTED = {"error", "warning", "note", "remark"}
CHECKING = re.compile(
    r"FileCheck|verify-diagnostics|verify-roundtrip|dump-pass-pipeline|%python|"
    r"(^|[|;&]\s*)(not|diff|cmp|test|count|grep)\s"
)
PREPARING = re.compile(r"\s-o[\s=]|--?(o|outputs|save)=|>|^(rm|mkdir|cp|mv|ln|cd|echo|printf|split-file|touch|head|chmod)\s")


class Source:
    """One text file of the tree: its path below the root, its text and its lines."""

    def __init__(self, path):
        self.path = path
        self.name = path.as_posix()
        self.text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.suffix = path.suffix

    def is_lit_test(self):
        parts = self.path.parts
        skipped = {"Inputs", "models", "unit", "Integration", "benchmark"}
        return parts[0] == "test" and self.suffix in (".mlir", ".test") and not skipped & set(parts)


def matches(source, pattern):
    """(line number, match) of every match of a pattern, line by line."""
    for number, line in enumerate(source.lines, 1):
        for match in pattern.finditer(line):
            yield number, match


def check_size(source):
    if source.suffix in CODE + (".py", ".mlir") and len(source.lines) > MAX_LINES:
        yield MAX_LINES, f"{len(source.lines)} lines, {MAX_LINES} at most; split by idea"


def check_license(source):
    if source.suffix not in CODE:
        return
    if not any(LICENSE in line for line in source.lines[:10]):
        yield 1, "the license header is missing"
        return
    title = re.match(r"//===-+ (\S+) ", source.lines[0])
    if title and title[1] != source.path.name:
        yield 1, f"the header names {title[1]}, the file is {source.path.name}"


def check_guard(source):
    """Guard of include/compress/A/B.h: COMPRESS_A_B_H; of lib/A/B.h: COMPRESS_LIB_A_B_H."""
    parts = source.path.parts
    # A tutorial is a project of its own.
    if source.suffix not in (".h", ".td") or parts[:2] == ("docs", "tutorials"):
        return
    below = parts[2:] if parts[:2] == ("include", "compress") else parts
    wanted = "COMPRESS_" + "_".join(re.sub(r"[^A-Za-z0-9]", "_", part).upper() for part in below)
    found = re.search(r"^#ifndef (\w+)\s*\n#define (\w+)", source.text, re.M)
    if not found:
        yield 1, f"no header guard; expected {wanted}"
    elif found[1] != wanted or found[2] != wanted:
        line = source.text[: found.start()].count("\n") + 1
        yield line, f"header guard {found[1]}, expected {wanted}"


USING = re.compile(r"^\s*using namespace\b")


def check_using(source):
    if source.suffix == ".h":
        for number, _ in matches(source, USING):
            yield number, "`using namespace` in a header"


INCLUDE = re.compile(r'^\s*#?include\s+[<"]compress/(\w+)/')


def check_tiers(source):
    """The core, which hosts load or link, never includes the tool tier."""
    parts = source.path.parts
    below = parts[2:] if parts[:2] == ("include", "compress") else parts[1:]
    if parts[0] not in ("include", "lib") or below[0] not in CORE_TIER:
        return
    for number, match in matches(source, INCLUDE):
        if match[1] in TOOL_TIER:
            yield number, f"core tier ({below[0]}) includes tool tier ({match[1]})"


MARKS = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")


def check_marks(source):
    if source.suffix in TEXT:
        for number, match in matches(source, MARKS):
            yield number, f"unfinished mark {match[1]}"


MACHINE_PATHS = re.compile(r"(?<![\w./$}%-])/(?:work|home|root|Users)/[\w.-]+")


def check_paths(source):
    for number, match in matches(source, MACHINE_PATHS):
        yield number, f"absolute path of one machine: {match[0]}"


def run_lines(source):
    """(line number, command) of the RUN lines, with continued ones joined."""
    command, start = "", 0
    for number, line in enumerate(source.lines, 1):
        found = re.search(r"\bRUN:\s*(.*)$", line)
        if not found:
            continue
        start = start or number
        text = found[1].rstrip()
        if text.endswith("\\"):
            command += text[:-1] + " "
            continue
        yield start, (command + text).strip()
        command, start = "", 0


def check_runs(source):
    """Every RUN line checks something, or makes a file for one that does."""
    if not source.is_lit_test():
        return
    commands = list(run_lines(source))
    if not commands:
        yield 1, "no RUN line"
    elif not any(CHECKING.search(command) for _, command in commands):
        yield commands[0][0], "no RUN line checks anything"
    for number, command in commands:
        if not CHECKING.search(command) and not PREPARING.search(command):
            yield number, "this RUN line checks nothing"


def check_prefixes(commands):
    """FileCheck prefixes that the RUN lines of a file use."""
    found = set()
    for _, command in commands:
        for call in re.findall(r"FileCheck[^|;&]*", command):
            given = re.findall(r"--?check-prefix(?:es)?[ =]([\w,-]+)", call)
            found.update(name for names in given for name in names.split(",") if name)
            if not given:
                found.add("CHECK")
    return found


def check_directives(source):
    """Misspelt directives, which FileCheck passes over in silence."""
    if not source.is_lit_test():
        return
    commands = list(run_lines(source))
    prefixes = check_prefixes(commands)
    text = " ".join(command for _, command in commands)
    for number, line in enumerate(source.lines, 1):
        for word in re.findall(r"expected-(\w+)", line):
            if word not in EXPECTED and re.search(r"expected-\w+\s*(@|re@|\{\{)", line):
                yield number, f"unknown directive expected-{word}"
            elif "verify-diagnostics" not in text and re.search(r"//\s*expected-\w+", line):
                yield number, "an expected diagnostic, but no RUN line has --verify-diagnostics"
        if prefixes and "RUN:" not in line:
            yield from ((number, message) for message in line_directives(line, prefixes))


def line_directives(line, prefixes):
    """Messages for the FileCheck directives in one line."""
    comment = re.match(r"\s*(?://|#|;)\s*([A-Z][A-Z0-9_-]*)(\{LITERAL\})?(:?)(\s|$|[^\w])", line)
    words = re.findall(r"(?<![\w-])([A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*)(?:\{LITERAL\})?:", line)
    if comment and not comment[3]:
        word = comment[1]
        if is_directive(word, prefixes):
            yield f"{word} without a colon"
    for word in words:
        if is_directive(word, prefixes):
            continue
        known = [p for p in prefixes if word.startswith(p + "-")]
        if known:
            yield f"unknown directive {word}"
        elif comment and comment[1] == word:
            stem = word.split("-")[0]
            near = difflib.get_close_matches(stem, prefixes | {"CHECK"}, 1, 0.79)
            if near and stem not in prefixes:
                yield f"{word} is no directive of the prefixes in use; did you mean {near[0]}?"


def is_directive(word, prefixes):
    """Whether a word is a prefix, alone or with a suffix that FileCheck knows."""
    if word in prefixes:
        return True
    return any(
        word.startswith(prefix + "-") and DIRECTIVES.fullmatch(word[len(prefix) + 1 :])
        for prefix in prefixes
    )


PASS = re.compile(r'^def (\w+)\s*:\s*\w*Pass<\s*"([\w-]+)".*?^}', re.M | re.S)
EXAMPLE = re.compile(r"\(\* example filepath=(\S+) function=(@\S+) \*\)")


def check_pass_docs(source):
    """Every pass has a description with an example, which is a lit test."""
    if source.suffix != ".td":
        return
    for found in PASS.finditer(source.text):
        line = source.text[: found.start()].count("\n") + 1
        if not re.search(r"let description = \[\{\s*\S", found[0]):
            yield line, f"pass {found[2]} has no description"
        examples = EXAMPLE.findall(found[0])
        if not examples:
            yield line, f"pass {found[2]} has no `(* example filepath=… function=@… *)`"
        for path, function in examples:
            if not (ROOT / path).is_file():
                yield line, f"example of {found[2]}: no file {path}"
            elif not re.search(re.escape(function) + r"\b", (ROOT / path).read_text()):
                yield line, f"example of {found[2]}: no {function} in {path}"


RULES = (
    check_size,
    check_license,
    check_guard,
    check_using,
    check_tiers,
    check_marks,
    check_paths,
    check_runs,
    check_directives,
    check_pass_docs,
)


def tree_files():
    """Files of the tree that git would track; without git, all of the usual folders."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if listed.returncode == 0:
            names = set(listed.stdout.split("\0")) - {""}
            return sorted(Path(name) for name in names if (ROOT / name).is_file())
    folders = [ROOT / name for name in ("include", "lib", "tools", "test", "docs", "python")]
    found = [*ROOT.glob("*"), *(path for folder in folders for path in folder.rglob("*"))]
    return sorted(path.relative_to(ROOT) for path in found if path.is_file())


def is_checked(path):
    if path.parts[:2] in (("test", "models"), ("docs", "generated")) or path.name == "LICENSE":
        return False
    return path.suffix in TEXT


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="check only these (default: the tree)")
    options = parser.parse_args()
    paths = [path.resolve().relative_to(ROOT) for path in options.files] or tree_files()
    findings = 0
    for path in paths:
        if not is_checked(path):
            continue
        source = Source(path)
        for rule in RULES:
            for number, message in rule(source):
                print(f"{source.name}:{number}: {message}")
                findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
