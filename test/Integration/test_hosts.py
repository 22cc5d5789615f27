"""The passes in the stock mlir-opt: what is compressed there, lowered with compress-lower-decode and compiled with
upstream's passes only computes what our own decoding and ONNX's formulas say, bit for bit."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

LLVM = Path("/usr/lib/llvm-22")
TO_LLVM = ",".join(
    [
        "one-shot-bufferize{bufferize-function-boundaries}",
        "buffer-deallocation-pipeline",
        "convert-bufferization-to-memref",
        "convert-linalg-to-loops",
        "convert-scf-to-cf",
        "expand-strided-metadata",
        "lower-affine",
        "convert-math-to-llvm",
        "convert-arith-to-llvm",
        "finalize-memref-to-llvm",
        "convert-func-to-llvm",
        "convert-cf-to-llvm",
        "reconcile-unrealized-casts",
    ]
)

pytestmark = pytest.mark.skipif(
    not (LLVM / "bin" / "mlir-runner").is_file(), reason="needs mlir-opt and mlir-runner"
)


def call(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr[-4000:]}"
    return done.stdout


def run(tools, folder, text, passes, front=""):
    """The integers that @main prints of `text` after `passes`, everything else being upstream's.

    `front` is what upstream has to do before the module is one of linalg."""
    plugin = tools.bin.parent / "lib" / "CompressPlugin.so"
    (folder / "in.mlir").write_text(text)
    lowered, native = folder / "lowered.mlir", folder / "native.mlir"
    call(
        LLVM / "bin" / "mlir-opt",
        f"--load-dialect-plugin={plugin}",
        f"--load-pass-plugin={plugin}",
        folder / "in.mlir",
        f"--pass-pipeline=builtin.module({passes})",
        "-o",
        lowered,
    )
    # Without the plug-in, which the module needs no more.
    call(
        LLVM / "bin" / "mlir-opt",
        lowered,
        f"--pass-pipeline=builtin.module({front}{TO_LLVM})",
        "-o",
        native,
    )
    libraries = [LLVM / "lib" / f"libmlir_{name}.so" for name in ("runner_utils", "c_runner_utils")]
    printed = call(
        LLVM / "bin" / "mlir-runner",
        native,
        "-e",
        "main",
        "-entry-point-result=void",
        "--shared-libs=" + ",".join(map(str, libraries)),
    )
    body = printed[printed.index("data =") + len("data =") :]
    return np.array([int(word) for word in body.replace("[", " ").replace("]", " ").replace(",", " ").split()])


def blob(array, key):
    """The text of a dense_resource with the bytes of `array`."""
    return f'{key}: "0x04000000{array.tobytes().hex()}"'


PRINT_BITS = """
  %e = tensor.empty() : tensor<{shape}xi32>
  %bits = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}} ins({value} : tensor<{shape}x{type}>) outs(%e : tensor<{shape}xi32>) {{
  ^bb0(%a: {type}, %o: i32):
    %b = {cast} %a : {type} to i32
    linalg.yield %b : i32
  }} -> tensor<{shape}xi32>
  %any = tensor.cast %bits : tensor<{shape}xi32> to tensor<*xi32>
  func.call @printMemrefI32(%any) : (tensor<*xi32>) -> ()
  return
"""

MATMUL = """
func.func private @printMemrefI32(tensor<*xi32>)
func.func @main() {{
  %x = arith.constant dense_resource<x> : tensor<4x96xf32>
  %w = arith.constant dense_resource<w> : tensor<96x40xf32>
  %init = arith.constant dense<0.0> : tensor<4x40xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x96xf32>, tensor<96x40xf32>) outs(%init : tensor<4x40xf32>) -> tensor<4x40xf32>
  {print}
}}
{{-# dialect_resources: {{ builtin: {{ {x}, {w} }} }} #-}}
"""

FORMATS = [
    "quantize=int8",
    "quantize=w8",
    "quantize=int4,group=32",
    "quantize=int4,group=20,asymmetric",
    "quantize=int2,group=32",
    "quantize=palette,bits=3",
    "quantize=nf4",
    "quantize=nf4,double_quant",
    "quantize=fp8",
    "quantize=mxfp4",
    "quantize=nvfp4",
    "quantize=ternary",
    "quantize=binary",
    "quantize=fp16",
    "quantize=bf16",
    "quantize=palette",
    "prune=2:4",
    "prune=3:5",
    "prune=2:4 quantize=int4,group=32",
    "prune=2:4 quantize=nf4",
    "prune=unstructured:0.7",
    "prune=unstructured:0.7 quantize=int8",
]


@pytest.mark.parametrize("recipe", FORMATS)
def test_weights_decode_the_same(tools, tmp_path, recipe):
    random = np.random.default_rng(7)
    x = random.standard_normal((4, 96)).astype(np.float32)
    w = random.standard_normal((96, 40)).astype(np.float32)
    shown = PRINT_BITS.format(shape="4x40", type="f32", value="%y", cast="arith.bitcast")
    text = MATMUL.format(print=shown, x=blob(x, "x"), w=blob(w, "w"))
    compress = f"compress-apply-recipe{{{recipe}}},compress-weights,compress-verify-chains"
    lowered = run(tools, tmp_path, text, f"{compress},compress-lower-decode,canonicalize,cse")
    decoded = run(tools, tmp_path, text, f"{compress},compress-fold-decode,compress-lower-decode")
    np.testing.assert_array_equal(lowered, decoded)
    plain = run(tools, tmp_path, text, "canonicalize")
    assert not np.array_equal(plain, lowered), "the weight was not compressed"


ACTIVATION = """
func.func private @printMemrefI32(tensor<*xi32>)
func.func @main() {{
  %x = arith.constant dense_resource<x> : tensor<6x10xf32>
  %d = tensor.cast %x : tensor<6x10xf32> to tensor<?x10xf32>
  {body}
  {print}
}}
{{-# dialect_resources: {{ builtin: {{ {x} }} }} #-}}
"""


def activations():
    """Ties, values out of range, zeros of both signs, infinities."""
    x = np.random.default_rng(3).standard_normal((6, 10)).astype(np.float32) * 20
    x[0] = [0.125, -0.125, 0.375, 0.625, -0.625, 0.0, -0.0, 1e30, -1e30, 3.125]
    x[1, :2] = [np.inf, -np.inf]
    return x


def quantized(x, scale, zero, low, high):
    with np.errstate(over="ignore"):
        codes = np.rint(x / np.float32(scale)) + np.float32(zero)
    return np.clip(codes, low, high).astype(np.int32)


@pytest.mark.parametrize(
    "codes, zero, low, high",
    [("ui8", 131, 0, 255), ("i8", -3, -128, 127), ("i4", 0, -8, 7), ("ui4", 9, 0, 15)],
)
def test_quantize(tools, tmp_path, codes, zero, low, high):
    x = activations()
    body = f"""%s = arith.constant dense<0.25> : tensor<f32>
  %z = compress.constant dense<{zero}> : tensor<{codes}>
  %q = compress.quantize %d, %s, %z : (tensor<?x10xf32>, tensor<f32>, tensor<{codes}>) -> tensor<?x10x{codes}>
  %f = compress.dequantize %q, %s, %z : (tensor<?x10x{codes}>, tensor<f32>, tensor<{codes}>) -> tensor<?x10xf32>
  %v = tensor.cast %f : tensor<?x10xf32> to tensor<6x10xf32>"""
    shown = PRINT_BITS.format(shape="6x10", type="f32", value="%v", cast="arith.bitcast")
    text = ACTIVATION.format(body=body, print=shown, x=blob(x, "x"))
    expected = ((quantized(x, 0.25, zero, low, high) - zero) * np.float32(0.25)).astype(np.float32)
    found = run(tools, tmp_path, text, "compress-lower-decode,canonicalize").astype(np.int32).view(np.float32)
    np.testing.assert_array_equal(found.reshape(6, 10), expected)
    # The same in one op.
    body = body[: body.index("%q =")] + f"""%f = compress.fake_quantize %d, %s, %z as {codes}
     : (tensor<?x10xf32>, tensor<f32>, tensor<{codes}>) -> tensor<?x10xf32>
  %v = tensor.cast %f : tensor<?x10xf32> to tensor<6x10xf32>"""
    text = ACTIVATION.format(body=body, print=shown, x=blob(x, "x"))
    found = run(tools, tmp_path, text, "compress-lower-decode,canonicalize").astype(np.int32).view(np.float32)
    np.testing.assert_array_equal(found.reshape(6, 10), expected)


def test_dynamic_quantize_rows(tools, tmp_path):
    """Codes of ONNX's DynamicQuantizeLinear, for each row."""
    x = activations()[2:]
    body = """%q, %s, %z = compress.dynamic_quantize %d row : (tensor<?x10xf32>) -> (tensor<?x10xui8>, tensor<?x1xf32>, tensor<?x1xui8>)
  %f = compress.dequantize %q, %s, %z {block = array<i64: 1, -1>} : (tensor<?x10xui8>, tensor<?x1xf32>, tensor<?x1xui8>) -> tensor<?x10xf32>
  %v = tensor.cast %f : tensor<?x10xf32> to tensor<4x10xf32>"""
    shown = PRINT_BITS.format(shape="4x10", type="f32", value="%v", cast="arith.bitcast")
    text = ACTIVATION.format(body=body, print=shown, x=blob(x, "x")).replace("6x10", "4x10")
    low = np.minimum(x.min(axis=1, keepdims=True), np.float32(0))
    high = np.maximum(x.max(axis=1, keepdims=True), np.float32(0))
    scale = (high - low) / np.float32(255)
    zero = np.clip(np.rint(-low / scale), 0, 255)
    expected = (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale
    found = run(tools, tmp_path, text, "compress-lower-decode,canonicalize").astype(np.int32).view(np.float32)
    np.testing.assert_array_equal(found.reshape(4, 10), expected.astype(np.float32))


MLP = """
#id = affine_map<(i, j) -> (i, j)>
#last = affine_map<(i, j) -> (j)>
func.func private @printMemrefI32(tensor<*xi32>)
// A function that others may call: its argument and result stay as they are.
func.func @model(%x: tensor<4x24xf32>) -> tensor<4x8xf32> {{
  %up = arith.constant dense_resource<up> : tensor<24x32xf32>
  %bias = arith.constant dense_resource<bias> : tensor<32xf32>
  %down = arith.constant dense_resource<down> : tensor<32x8xf32>
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<4x32xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<4x32xf32>) -> tensor<4x32xf32>
  %h = linalg.matmul ins(%x, %up : tensor<4x24xf32>, tensor<24x32xf32>) outs(%i0 : tensor<4x32xf32>) -> tensor<4x32xf32>
  %act = linalg.generic {{indexing_maps = [#id, #last, #id], iterator_types = ["parallel", "parallel"]}}
      ins(%h, %bias : tensor<4x32xf32>, tensor<32xf32>) outs(%e0 : tensor<4x32xf32>) {{
  ^bb0(%p: f32, %q: f32, %r: f32):
    %s = arith.addf %p, %q : f32
    %m = arith.maximumf %s, %zero : f32
    linalg.yield %m : f32
  }} -> tensor<4x32xf32>
  %e1 = tensor.empty() : tensor<4x8xf32>
  %i1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = linalg.matmul ins(%act, %down : tensor<4x32xf32>, tensor<32x8xf32>) outs(%i1 : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}}
func.func @main() {{
  %x = arith.constant dense_resource<x> : tensor<4x24xf32>
  %y = call @model(%x) : (tensor<4x24xf32>) -> tensor<4x8xf32>
  {print}
}}
{{-# dialect_resources: {{ builtin: {{ {blobs} }} }} #-}}
"""

STRUCTURED = "compress-mask-groups{prune=channel:0.5,method=l1},compress-propagate-masks"


def test_structured_linalg(tools, tmp_path):
    """Half of the hidden neurons are gone from a linalg module, which computes what numpy says."""
    random = np.random.default_rng(3)
    shapes = {"x": (4, 24), "up": (24, 32), "bias": (32,), "down": (32, 8)}
    values = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    shown = PRINT_BITS.format(shape="4x8", type="f32", value="%y", cast="arith.bitcast")
    blobs = ", ".join(blob(value, name) for name, value in values.items())
    text = MLP.format(print=shown, blobs=blobs)
    bits = run(tools, tmp_path, text, f"{STRUCTURED},compress-apply-slices,compress-lower-decode")
    assert "tensor<4x16xf32>" in (tmp_path / "lowered.mlir").read_text()
    score = np.abs(values["up"]).sum(0) + np.abs(values["down"]).sum(1)
    kept = np.sort(np.argsort(-score, kind="stable")[:16])
    hidden = np.maximum(values["x"] @ values["up"][:, kept] + values["bias"][kept], 0)
    expected = hidden @ values["down"][kept]
    sliced = bits.astype(np.int64).astype(np.int32).view(np.float32).reshape(4, 8)
    np.testing.assert_allclose(sliced, expected, rtol=1e-5, atol=1e-5)
    # With masks only, the same neurons are zero.
    bits = run(tools, tmp_path, text, f"{STRUCTURED},compress-lower-decode")
    masked = bits.astype(np.int64).astype(np.int32).view(np.float32).reshape(4, 8)
    np.testing.assert_allclose(sliced, masked, rtol=1e-5, atol=1e-5)


TOSA = """
func.func private @printMemrefI32(tensor<*xi32>)
func.func @model(%x: tensor<1x4x24xf32>) -> tensor<1x4x8xf32> {{
  %up = "tosa.const"() <{{values = dense_resource<up> : tensor<1x24x32xf32>}}> : () -> tensor<1x24x32xf32>
  %down = "tosa.const"() <{{values = dense_resource<down> : tensor<1x32x8xf32>}}> : () -> tensor<1x32x8xf32>
  %zp = "tosa.const"() <{{values = dense<0.0> : tensor<1xf32>}}> : () -> tensor<1xf32>
  %h = tosa.matmul %x, %up, %zp, %zp : (tensor<1x4x24xf32>, tensor<1x24x32xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x32xf32>
  %act = tosa.clamp %h {{max_val = 3.4e38 : f32, min_val = 0.0 : f32}} : (tensor<1x4x32xf32>) -> tensor<1x4x32xf32>
  %prod = tosa.matmul %act, %down, %zp, %zp : (tensor<1x4x32xf32>, tensor<1x32x8xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x8xf32>
  return %prod : tensor<1x4x8xf32>
}}
func.func @main() {{
  %x = "tosa.const"() <{{values = dense_resource<x> : tensor<1x4x24xf32>}}> : () -> tensor<1x4x24xf32>
  %prod = call @model(%x) : (tensor<1x4x24xf32>) -> tensor<1x4x8xf32>
  %y = tensor.collapse_shape %prod [[0, 1], [2]] : tensor<1x4x8xf32> into tensor<4x8xf32>
  {print}
}}
{{-# dialect_resources: {{ builtin: {{ {blobs} }} }} #-}}
"""
FROM_TOSA = "func.func(tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith,tosa-to-tensor),"


@pytest.mark.parametrize("recipe", ("prune=2:4", "quantize=int4,group=8", "prune=channel:0.5"))
def test_tosa(tools, tmp_path, recipe):
    """The same on a tosa module, through upstream's lowering of tosa."""
    random = np.random.default_rng(5)
    shapes = {"x": (1, 4, 24), "up": (1, 24, 32), "down": (1, 32, 8)}
    values = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    shown = PRINT_BITS.format(shape="4x8", type="f32", value="%y", cast="arith.bitcast")
    blobs = ", ".join(blob(value, name) for name, value in values.items())
    text = TOSA.format(print=shown, blobs=blobs)
    plain = run(tools, tmp_path, text, "canonicalize", FROM_TOSA)
    if "channel" in recipe:
        lowered = run(
            tools, tmp_path, text, f"{STRUCTURED},compress-apply-slices,compress-lower-decode", FROM_TOSA
        )
        assert "tensor<1x4x16xf32>" in (tmp_path / "lowered.mlir").read_text()
        up, down = values["up"][0], values["down"][0]
        score = np.abs(up).sum(0) + np.abs(down).sum(1)
        kept = np.sort(np.argsort(-score, kind="stable")[:16])
        expected = np.maximum(values["x"][0] @ up[:, kept], 0) @ down[kept]
        sliced = lowered.astype(np.int64).astype(np.int32).view(np.float32).reshape(4, 8)
        np.testing.assert_allclose(sliced, expected, rtol=1e-5, atol=1e-5)
    else:
        compress = f"compress-apply-recipe{{{recipe}}},compress-weights,compress-verify-chains"
        lowered = run(tools, tmp_path, text, f"{compress},compress-lower-decode", FROM_TOSA)
        decoded = run(
            tools, tmp_path, text, f"{compress},compress-fold-decode,compress-lower-decode", FROM_TOSA
        )
        np.testing.assert_array_equal(lowered, decoded)
    assert not np.array_equal(plain, lowered), "nothing was compressed"
