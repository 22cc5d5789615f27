"""The scripts of the tree: the linter finds what it is for, the pass generator makes clean files."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tools/scripts"


def load(name):
    """A script as a module, although its name has a dash."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """A function (path, text) -> messages of the linter for a file of that content."""
    linter = load("check-tree")
    monkeypatch.setattr(linter, "ROOT", tmp_path)

    def run(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        source = linter.Source(Path(path))
        return [message for rule in linter.RULES for _, message in rule(source)]

    return run


HEAD = """\
//===- {name} - something -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

"""
GUARD = "#ifndef {guard}\n#define {guard}\n\n{body}\n#endif // {guard}\n"


def header(guard, body=""):
    return HEAD.format(name="A.h") + GUARD.format(guard=guard, body=body)


def test_linter_accepts_a_clean_header(lint):
    assert lint("include/compress/Support/A.h", header("COMPRESS_SUPPORT_A_H")) == []
    assert lint("lib/Support/A.h", header("COMPRESS_LIB_SUPPORT_A_H")) == []


def test_linter_finds_bad_headers(lint):
    (message,) = lint("include/compress/Support/A.h", header("COMPRESS_A_H"))
    assert "COMPRESS_SUPPORT_A_H" in message
    (message,) = lint("lib/Support/B.cpp", "int b;\n")
    assert "license" in message
    (message,) = lint("lib/Support/B.cpp", HEAD.format(name="A.cpp"))
    assert "names A.cpp" in message
    using = header("COMPRESS_SUPPORT_A_H", "using namespace llvm;")
    assert lint("include/compress/Support/A.h", using) == ["`using namespace` in a header"]


def test_linter_finds_long_files(lint):
    text = HEAD.format(name="B.cpp")
    assert lint("lib/Support/B.cpp", text + "\n" * (800 - 6)) == []
    (message,) = lint("lib/Support/B.cpp", text + "\n" * (801 - 6))
    assert "801 lines" in message


def test_linter_finds_the_core_including_the_tools(lint):
    text = HEAD.format(name="B.cpp") + '#include "compress/Target/ONNX/Import.h"\n'
    (message,) = lint("lib/Analysis/B.cpp", text)
    assert "core tier (Analysis) includes tool tier (Target)" in message
    assert lint("lib/Pipelines/B.cpp", text) == []


def test_linter_finds_marks_and_machine_paths(lint):
    mark = "TO" + "DO"
    assert lint("docs/A.md", f"{mark}: write\n") == [f"unfinished mark {mark}"]
    (message,) = lint("docs/A.md", "see /ho" + "me/me/file\n")
    assert "absolute path" in message
    assert lint("docs/A.md", "include/compress and /usr/lib/llvm-22 and frame/work/a\n") == []


RUN = "// RUN: compress-opt %s | FileCheck %s\n"


@pytest.mark.parametrize(
    "line, finding",
    [
        ("// CHECK-LABEL: @f", None),
        ("// CHECK-COUNT-3: load", None),
        ("// CHECK-DAG{LITERAL}: [[1]]", None),
        ("// CHECKED by hand", None),
        ("// Note: prose with a colon", None),
        ("// CHECK-LABLE: @f", "unknown directive CHECK-LABLE"),
        ("// CHECK-NEXTS: @f", "unknown directive CHECK-NEXTS"),
        ("// CHECK @f", "CHECK without a colon"),
        ("// CHECK-NOT load", "CHECK-NOT without a colon"),
        ("// CHEKC: @f", "did you mean CHECK"),
    ],
)
def test_linter_finds_misspelt_directives(lint, line, finding):
    messages = lint("test/a.mlir", f"{RUN}{line}\n")
    assert bool(messages) == bool(finding)
    if finding:
        assert finding in messages[0]


def test_linter_knows_the_prefixes_of_the_run_lines(lint):
    run = "// RUN: compress-opt %s | FileCheck %s --check-prefixes=A,ONNX-FORM\n"
    assert lint("test/a.mlir", f"{run}// A-NEXT: f\n// ONNX-FORM: f\n") == []
    (message,) = lint("test/a.mlir", f"{run}// ONNX-FORM-NXT: f\n")
    assert message == "unknown directive ONNX-FORM-NXT"


def test_linter_finds_tests_that_check_nothing(lint):
    assert "no RUN line" in lint("test/a.mlir", "func.func @f()\n")
    messages = lint("test/a.mlir", "// RUN: compress-opt %s\n")
    assert "no RUN line checks anything" in messages
    chained = "// RUN: compress-opt %s -o %t\n// RUN: FileCheck %s < %t\n// CHECK: f\n"
    assert lint("test/a.mlir", chained) == []
    continued = "// RUN: compress-opt %s \\\n// RUN:   | FileCheck %s\n// CHECK: f\n"
    assert lint("test/a.mlir", continued) == []


def test_linter_finds_misspelt_diagnostics(lint):
    run = "// RUN: compress-opt %s --verify-diagnostics\n"
    assert lint("test/a.mlir", f"{run}// expected-error @+1 {{{{x}}}}\n") == []
    (message,) = lint("test/a.mlir", f"{run}// expected-eror @+1 {{{{x}}}}\n")
    assert message == "unknown directive expected-eror"
    (message,) = lint("test/a.mlir", f"{RUN}// CHECK: f\n// expected-error @+1 {{{{x}}}}\n")
    assert "no RUN line has --verify-diagnostics" in message


def declaration(body):
    text = header("COMPRESS_A_TD", f'def P : Pass<"compress-p"> {{\n{body}\n}}\n')
    return text.replace("A.h", "Passes.td").replace("COMPRESS_A_TD", "COMPRESS_SUPPORT_PASSES_TD")


def test_linter_wants_a_tested_example_of_every_pass(lint):
    path = "include/compress/Support/Passes.td"
    assert any("no description" in message for message in lint(path, declaration("")))
    tag = "(* example filepath=test/a.mlir function=@f *)"
    described = declaration(f"  let description = [{{\n    Text.\n    {tag}\n  }}];")
    assert any("no file test/a.mlir" in message for message in lint(path, described))
    lint("test/a.mlir", f"{RUN}// CHECK-LABEL: @g\n")
    assert any("no @f" in message for message in lint(path, described))
    lint("test/a.mlir", f"{RUN}// CHECK-LABEL: @f\n")
    assert lint(path, described) == []


def make_pass(folder, name="PruneWanda", summary="Prune weights by the score of Wanda"):
    script = [sys.executable, SCRIPTS / "new-pass.py", name, "--summary", summary, "--root", folder]
    return subprocess.run(script, capture_output=True, text=True)


def test_new_pass_makes_files_without_findings(tmp_path, lint):
    path = "include/compress/Dialect/Compress/Transforms/Passes.td"
    lint(path, (ROOT / path).read_text())
    before = (tmp_path / path).read_text()
    assert make_pass(tmp_path).returncode == 0

    declared = (tmp_path / path).read_text()
    assert 'def PruneWanda : Pass<"compress-prune-wanda", "::mlir::ModuleOp">' in declared
    place = before.rfind("#endif")
    assert declared.startswith(before[:place]) and declared.endswith(before[place:])
    base = "Dialect/Compress/Transforms"
    for made in (f"lib/{base}/PruneWanda.cpp", f"test/{base}/prune-wanda.mlir"):
        assert lint(made, (tmp_path / made).read_text()) == []
    assert "GEN_PASS_DEF_PRUNEWANDA" in (tmp_path / f"lib/{base}/PruneWanda.cpp").read_text()


def test_new_pass_refuses_what_is_there_and_bad_names(tmp_path):
    path = tmp_path / "include/compress/Dialect/Compress/Transforms/Passes.td"
    path.parent.mkdir(parents=True)
    path.write_text("#endif\n")
    assert make_pass(tmp_path).returncode == 0
    again = make_pass(tmp_path)
    assert again.returncode != 0 and "already" in again.stderr
    assert "CamelCase" in make_pass(tmp_path, name="prune-wanda").stderr
    assert "quotes" in make_pass(tmp_path, name="Other", summary='a "b"').stderr


EXAMPLE = """\
// RUN: compress-opt %s --some-pass --split-input-file \\
// RUN:   | FileCheck %s

#map = affine_map<(d0) -> (d0)>
compress.weight private @a.w : tensor<2xf32> = <dense<1.0>>
compress.weight private @b.w : tensor<2xf32> = <dense<2.0>>

// CHECK-LABEL: @f
func.func @f() {
  // CHECK: load
  %0 = compress.load @a.w : tensor<2xf32>
  return
}

func.func @g() { return }

// -----

func.func @h() { return }
"""


def test_docs_cut_an_example_out_of_a_test():
    docs = load("gen-docs")
    assert docs.run_command(EXAMPLE, "test/x") == ([], ["--some-pass"])
    cut = docs.cut_out(EXAMPLE, "@f")
    assert cut.splitlines() == [
        "#map = affine_map<(d0) -> (d0)>",
        "compress.weight private @a.w : tensor<2xf32> = <dense<1.0>>",
        "func.func @f() {",
        "  %0 = compress.load @a.w : tensor<2xf32>",
        "  return",
        "}",
    ]
    assert docs.cut_out(EXAMPLE, "@h") == "func.func @h() { return }"
    with pytest.raises(docs.DocError):
        docs.cut_out(EXAMPLE, "@absent")


def test_docs_show_ir_without_the_module_around_it():
    docs = load("gen-docs")
    printed = 'module {\n  func.func @f() {\n    return\n  }\n}\n\n{-#\n  a: "0x"\n#-}\n'
    assert docs.tidy(printed) == "func.func @f() {\n  return\n}"


def test_counts_of_junit_files(tmp_path):
    check = load("check")
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite><testcase name='a'/><testcase name='b'><failure/></testcase>"
        "<testcase name='c'><skipped/></testcase></testsuite></testsuites>"
    )
    counts = check.read_junit(report, 1)
    assert (counts.passed, counts.failed, counts.skipped) == (1, 1, 1)
    report.write_text("<testsuites><testsuite><testcase name='a'/></testsuite></testsuites>")
    assert check.read_junit(report, 0).failed == 0
    assert check.read_junit(report, -11).failed == 1
    assert check.read_junit(tmp_path / "absent.xml", 0).failed == 1
    assert check.run_tool([sys.executable, "-c", "raise SystemExit(3)"], 60)[0].failed == 1
