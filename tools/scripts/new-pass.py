#!/usr/bin/env python3
"""Makes the files of a new pass on weighted ops.

    tools/scripts/new-pass.py PruneWanda --summary "Prune weights by the score of Wanda"

writes the implementation and a lit test, and adds the declaration to Passes.td. The pass as made
fails with "not written": docs/NewPass.md says what to fill in.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("Dialect/Compress/Transforms")

LICENSE = """\
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
"""

DECLARATION = """\
def @NAME@ : Pass<"@FLAG@", "::mlir::ModuleOp"> {
  let summary = "@SUMMARY@";
  let description = [{
    Say what is rewritten to what, in which order, how ties break, and what is skipped.

    (* example filepath=test/@FOLDER@/@FILE@.mlir function=@rewrites_a_weight *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

"""

IMPLEMENTATION = """\
//
// Formula, paper, rounding and tie-breaking of the method.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "compress/Dialect/Compress/IR/CompressInterfaces.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::compress {

#define GEN_PASS_DEF_@MACRO@
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"

namespace {

struct @NAME@ : impl::@NAME@Base<@NAME@> {
  using Base::Base;

  void runOnOperation() override {
    // Gather the weighted ops in program order, work on their weights in parallel, commit serially.
    SmallVector<WeightedOpInterface> ops;
    getOperation().walk([&](WeightedOpInterface op) { ops.push_back(op); });
    if (ops.empty())
      return markAllAnalysesPreserved();
    ops.front().emitError("@FLAG@ is not written");
    signalPassFailure();
  }
};

} // namespace

} // namespace mlir::compress
"""

TEST = """\
// RUN: compress-opt %s --@FLAG@ --split-input-file | FileCheck %s

// What the pass is for.
// CHECK-LABEL: func.func @rewrites_a_weight
// CHECK: compress.linear
compress.weight private @fc.w : tensor<4x2xf32> = <dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]>>

func.func @rewrites_a_weight(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = compress.load @fc.w : tensor<4x2xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Two activations: there is no weight, so nothing changes.
// CHECK-LABEL: func.func @no_weight
// CHECK-NEXT: compress.matmul
// CHECK-NEXT: return
func.func @no_weight(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %y = compress.matmul %a, %b : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
"""


def title(name, summary):
    """First line of a C++ file: its name, what it is, and the mode line, 80 columns at least."""
    start, end = f"//===- {name} - {summary[0].lower()}{summary[1:]} ", "*- C++ -*-===//"
    return start + "-" * max(1, 80 - len(start) - len(end)) + end + "\n"


def fill(template, values):
    """A template with @KEY@ replaced; other @names, such as symbols, stay."""
    for key, value in values.items():
        template = template.replace(f"@{key}@", value)
    return template


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="in CamelCase, for example PruneWanda")
    parser.add_argument("--summary", required=True, help="one line, without a full stop")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args()

    if not re.fullmatch(r"(?:[A-Z][a-z0-9]+)+", options.name):
        parser.error(f"expected a name in CamelCase, got {options.name!r}")
    if '"' in options.summary or "\\" in options.summary or not options.summary.strip():
        parser.error("the summary is written into a .td string: not empty, no quotes or backslashes")
    file = re.sub(r"(?<!^)(?=[A-Z])", "-", options.name).lower()
    values = {
        "NAME": options.name,
        "MACRO": options.name.upper(),
        "FILE": file,
        "FLAG": f"compress-{file}",
        "FOLDER": FOLDER.as_posix(),
        "SUMMARY": options.summary.strip().rstrip("."),
    }

    declarations = options.root / "include/compress" / FOLDER / "Passes.td"
    source = options.root / "lib" / FOLDER / f"{options.name}.cpp"
    test = options.root / "test" / FOLDER / f"{file}.mlir"
    text = declarations.read_text()
    for path in (source, test):
        if path.exists():
            sys.exit(f"{path} is there already")
    if f'"{values["FLAG"]}"' in text or re.search(rf"^def {options.name}\b", text, re.M):
        sys.exit(f"{declarations} declares {options.name} already")
    place = text.rfind("#endif")
    if place < 0:
        sys.exit(f"{declarations} has no #endif to put the declaration before")

    for path in (source, test):
        path.parent.mkdir(parents=True, exist_ok=True)
    declarations.write_text(text[:place] + fill(DECLARATION, values) + text[place:])
    head = title(source.name, values["SUMMARY"]) + LICENSE
    source.write_text(head + fill(IMPLEMENTATION, values))
    test.write_text(fill(TEST, values))
    for path in (declarations, source, test):
        print(path.relative_to(options.root))
    print("Now follow docs/NewPass.md; afterwards run tools/scripts/gen-docs.py.")


if __name__ == "__main__":
    main()
