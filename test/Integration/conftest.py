"""Fixtures of the integration tests: the tools of a build, the models, and cached exports."""

import os
from pathlib import Path

import pytest

from support import models, native
from support.tool import Tools

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--build", help="build folder (default: $COMPRESS_BUILD, else build/)")
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="needs --slow"))


@pytest.fixture(scope="session")
def tools(request):
    """The built tools. Their absence is a failure, not a reason to skip."""
    folder = request.config.getoption("--build") or os.environ.get("COMPRESS_BUILD", "build")
    found = Tools(ROOT / folder)
    assert found.path("compress-opt").is_file(), f"no compress-opt in {found.bin}; run make build"
    return found


@pytest.fixture(scope="session")
def package(tools):
    """The Python package of the build; skipped where it was not built."""
    found = native.package(tools)
    if found is None:
        pytest.skip("needs -DCOMPRESS_BUILD_PYTHON=ON")
    return found


@pytest.fixture(params=models.MODELS, ids=lambda model: model.name)
def model(request):
    """Each acceptance model; skipped where its file is not on this machine."""
    if request.param.path is None:
        pytest.skip(f"{request.param.file} is not here")
    return request.param


@pytest.fixture(scope="session")
def export(tools, tmp_path_factory):
    """A function (model, *flags) -> path of `compress-opt MODEL FLAGS -o …`; each is made once."""
    folder = tmp_path_factory.mktemp("exports")
    made = {}

    def make(chosen, *flags):
        key = (chosen.name, flags)
        if key not in made:
            path = folder / f"{chosen.name}-{len(made)}.onnx"
            tools.optimize(chosen.path, path, *flags)
            made[key] = path
        return made[key]

    return make
