"""Damaged ONNX files through the binary: a message and exit code 2, and no output file."""

import pytest

from support import models, mutate
from support.tool import BAD_INPUT, DONE, UNSUPPORTED

LIMIT = 512 << 20
SOURCE = models.BY_NAME["mnist_resdw"]


def compress(tools, folder, data):
    """Runs the whole main job on a file with these bytes; returns (result, output path)."""
    damaged, output = folder / "damaged.onnx", folder / "out.onnx"
    damaged.write_bytes(data)
    return tools.run("compress-opt", damaged, "--quantize=int4", "-o", output), output


def check_refusal(result, folder, allowed):
    """No signal, bounded memory, a message, and nothing but the input left in the folder."""
    assert result.code in allowed, f"exit code {result.code}\n{result.stderr[-2000:]}"
    assert result.peak_bytes <= LIMIT
    if result.code != DONE:
        assert "error" in result.stderr
        assert [path.name for path in folder.iterdir()] == ["damaged.onnx"]


@pytest.mark.parametrize("what", mutate.FIELD_DAMAGE)
def test_impossible_fields_are_refused(tools, tmp_path, what):
    damaged = dict(mutate.field_damage(SOURCE.path.read_bytes()))[what]
    result, _ = compress(tools, tmp_path, damaged)
    check_refusal(result, tmp_path, {BAD_INPUT})


def test_truncated_files_are_refused(tools, tmp_path):
    for data in mutate.truncations(SOURCE.path.read_bytes(), 10, seed=1):
        result, _ = compress(tools, tmp_path, data)
        check_refusal(result, tmp_path, {BAD_INPUT})


def test_files_with_flipped_bits_never_crash(tools, tmp_path):
    for data in mutate.bit_flips(SOURCE.path.read_bytes(), 15, seed=2):
        result, output = compress(tools, tmp_path, data)
        check_refusal(result, tmp_path, {DONE, BAD_INPUT, UNSUPPORTED})
        output.unlink(missing_ok=True)


@pytest.mark.parametrize("data", [b"", b"\0", b"not a model", b"\xff" * 64], ids=repr)
def test_what_is_no_model_is_refused(tools, tmp_path, data):
    result, _ = compress(tools, tmp_path, data)
    check_refusal(result, tmp_path, {BAD_INPUT})
