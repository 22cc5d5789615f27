"""Output files are whole or absent, and a failed run changes nothing."""

import os
import stat

import pytest

from support import models
from support.tool import BAD_INPUT

SOURCE = models.BY_NAME["mnist_resdw"]


def test_an_existing_output_survives_a_failed_run(tools, tmp_path):
    damaged, output = tmp_path / "damaged.onnx", tmp_path / "out.onnx"
    damaged.write_bytes(SOURCE.path.read_bytes()[:100_000])
    output.write_bytes(b"precious")
    result = tools.run("compress-opt", damaged, "--quantize=int4", "-o", output)
    assert result.code == BAD_INPUT
    assert output.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.onnx", "out.onnx"]


def test_an_existing_output_survives_a_bad_flag(tools, tmp_path):
    output = tmp_path / "out.onnx"
    output.write_bytes(b"precious")
    result = tools.run("compress-opt", SOURCE.path, "--quantize=int5", "-o", output)
    assert result.code == BAD_INPUT
    assert "int5" in result.stderr
    assert output.read_bytes() == b"precious"


def test_a_missing_input_names_the_file(tools, tmp_path):
    result = tools.run("compress-opt", tmp_path / "absent.onnx", "-o", tmp_path / "out.onnx")
    assert result.code == BAD_INPUT
    assert "absent.onnx" in result.stderr
    assert not list(tmp_path.iterdir())


def test_output_over_the_input(tools, tmp_path):
    both, apart = tmp_path / "model.onnx", tmp_path / "apart.onnx"
    both.write_bytes(SOURCE.path.read_bytes())
    tools.optimize(both, apart, "--quantize=int4")
    tools.optimize(both, both, "--quantize=int4")
    assert both.read_bytes() == apart.read_bytes()


def test_output_keeps_the_permissions_of_the_file_it_replaces(tools, tmp_path):
    output = tmp_path / "out.onnx"
    output.write_bytes(b"old")
    output.chmod(0o600)
    tools.optimize(SOURCE.path, output)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_output_through_a_link_keeps_the_link(tools, tmp_path):
    target, link = tmp_path / "target.onnx", tmp_path / "link.onnx"
    target.write_bytes(b"old")
    link.symlink_to(target)
    tools.optimize(SOURCE.path, link)
    assert link.is_symlink() and target.stat().st_size > 1000


def test_output_into_a_missing_folder_names_it(tools, tmp_path):
    output = tmp_path / "absent" / "out.onnx"
    result = tools.run("compress-opt", SOURCE.path, "-o", output)
    assert result.code not in (0, None) and result.code > 0
    assert "absent" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_into_a_folder_without_permission(tools, tmp_path):
    tmp_path.chmod(0o500)
    try:
        result = tools.run("compress-opt", SOURCE.path, "-o", tmp_path / "out.onnx")
        assert result.code > 0
    finally:
        tmp_path.chmod(0o700)


def test_the_result_does_not_depend_on_the_number_of_threads(tools, tmp_path):
    one, many = tmp_path / "one.onnx", tmp_path / "many.onnx"
    flags = ("--quantize=int4,group=32", "--prune=2:4")
    tools.optimize(SOURCE.path, one, *flags, "--mlir-disable-threading")
    tools.optimize(SOURCE.path, many, *flags)
    assert one.read_bytes() == many.read_bytes()
