"""An installed package can be found and linked by other compilers; the plug-in knows its host."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONSUMER = Path(__file__).parent / "Inputs/consumer"
TUTORIAL = Path(__file__).parents[2] / "docs/tutorials/embedding"

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


@pytest.fixture(scope="module")
def prefix(tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", tools.bin.parent, "--prefix", folder)
    return folder


def configure(source, build, prefix):
    compiler = [
        f"-DCMAKE_{language}_COMPILER={name}"
        for language, name in (("C", "clang-22"), ("CXX", "clang++-22"))
    ]
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run(
        "cmake", "-G", "Ninja", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Debug",
        f"-DCMAKE_PREFIX_PATH={prefix}", "-DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir",
        "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld", *compiler, *launcher,
    )  # fmt: skip


def test_consumer_of_an_installed_package(prefix, tmp_path):
    build = tmp_path / "consumer"
    configure(CONSUMER, build, prefix)
    run("cmake", "--build", build)
    module = tmp_path / "model.mlir"
    module.write_text(MODULE)
    for library in ("CompressCore", "CompressCoreStatic"):
        output = run(build / f"consumer-{library}", module)
        assert "compress.expand_nm" in output and "tensor<4x2xi4>" in output, output
        assert "compress.weight" not in output, "a foreign module got weights of another kind"


def test_tutorial_of_embedding(prefix, tmp_path):
    """The small compiler of docs/tutorials/embedding builds, and its own tests pass."""
    configure(TUTORIAL, tmp_path / "foo", prefix)
    output = run("cmake", "--build", tmp_path / "foo", "--target", "check-foo")
    found = re.search(r"Passed\s*:\s*(\d+)", output)
    assert found and int(found[1]) == len(list((TUTORIAL / "test").glob("*.mlir"))), output


def test_other_versions_are_refused_when_configuring(prefix, tmp_path):
    """A package that says it is MLIR 21 does not satisfy find_package(Compress)."""
    fake = tmp_path / "mlir"
    fake.mkdir()
    (fake / "MLIRConfig.cmake").write_text("set(MLIR_FOUND TRUE)\n")
    (fake / "MLIRConfigVersion.cmake").write_text(
        'set(PACKAGE_VERSION "21.1.0")\nset(PACKAGE_VERSION_COMPATIBLE FALSE)\n'
    )
    done = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", CONSUMER, "-B", tmp_path / "build",
         f"-DCMAKE_PREFIX_PATH={prefix}", f"-DMLIR_DIR={fake}", "-DCMAKE_CXX_COMPILER=clang++-22",
         "-DCMAKE_C_COMPILER=clang-22"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert "22.1" in done.stderr and "21.1.0" in done.stderr, done.stderr


LOAD = """
import ctypes, sys
class Info(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("llvm", ctypes.c_char_p), ("register", ctypes.c_void_p)]
for name in sys.argv[2:]:
    ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL(sys.argv[1])
function = library.mlirGetPassPluginInfo
function.restype = Info
print(function().version)
"""


def test_plugin_refuses_a_host_without_our_mlir(tools):
    plugin = tools.bin.parent / "lib/CompressPlugin.so"
    if not plugin.exists():
        plugin = next(tools.bin.parent.rglob("CompressPlugin.so"))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, plugin], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "0", done.stdout + done.stderr
    assert "the plug-in Compress cannot be used here: it was built for MLIR 22.1" in done.stderr
    assert "is not linked to that version's shared library libMLIR.so.22.1" in done.stderr
    # The same process with the shared library of this version is a host that fits.
    done = subprocess.run(
        [sys.executable, "-c", LOAD, plugin, "/usr/lib/llvm-22/lib/libMLIR.so.22.1"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert int(done.stdout) > 0, done.stdout + done.stderr
