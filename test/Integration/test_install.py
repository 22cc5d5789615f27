"""An installed package can be found and linked by another compiler, shared and static."""

import shutil
import subprocess
from pathlib import Path

CONSUMER = Path(__file__).parent / "Inputs/consumer"

MODULE = """
func.func @main(%x: tensor<2x8xf32>) -> tensor<2x2xf32> {
  %w = arith.constant dense<[[1.0, 8.0], [2.0, 7.0], [3.0, 6.0], [4.0, 5.0],
                             [5.0, 4.0], [6.0, 3.0], [7.0, 2.0], [8.0, 1.0]]> : tensor<8x2xf32>
  %z = arith.constant dense<0.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x8xf32>, tensor<8x2xf32>)
                     outs(%z : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
"""


def run(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=600, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_consumer_of_an_installed_package(tools, tmp_path):
    prefix, build = tmp_path / "prefix", tmp_path / "consumer"
    run("cmake", "--install", tools.bin.parent, "--prefix", prefix)
    compiler = [
        f"-DCMAKE_{language}_COMPILER={name}"
        for language, name in (("C", "clang-22"), ("CXX", "clang++-22"))
    ]
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run(
        "cmake", "-G", "Ninja", "-S", CONSUMER, "-B", build, "-DCMAKE_BUILD_TYPE=Debug",
        f"-DCMAKE_PREFIX_PATH={prefix}", "-DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir",
        "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld", *compiler, *launcher,
    )  # fmt: skip
    run("cmake", "--build", build)
    module = tmp_path / "model.mlir"
    module.write_text(MODULE)
    for library in ("CompressCore", "CompressCoreStatic"):
        output = run(build / f"consumer-{library}", module)
        assert "compress.expand_nm" in output and "tensor<4x2xi4>" in output, output
        assert "compress.weight" not in output, "a foreign module got weights of another kind"
