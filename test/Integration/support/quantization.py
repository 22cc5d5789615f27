"""A numpy reference of weight pruning and quantization.

Every function takes a float32 array whose *last* axis is the contraction (`normal_form` in
`graph.py` brings weights there) and is written to be obviously right, not fast. Arithmetic is
float32 throughout, with true division and rounding half to even.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Quantized:
    """Integer codes and, for each element, the scale and zero point it is decoded with."""

    codes: np.ndarray
    scales: np.ndarray
    zero_points: np.ndarray

    def dense(self):
        """What DequantizeLinear computes: (code - zero point) * scale, in float32."""
        return (self.codes - self.zero_points).astype(np.float32) * self.scales


def _groups(size, group):
    """The slices that cut `size` elements into groups; the last may be short."""
    return [slice(start, min(start + group, size)) for start in range(0, size, group)]


def keep_n_of_m(weight, n=2, m=4):
    """Magnitude N:M pruning: of each m consecutive elements the n largest |w| are kept.

    Ties keep the lower index. A short last group keeps at most n.
    """
    kept = np.zeros(weight.shape, bool)
    for part in _groups(weight.shape[-1], m):
        order = np.argsort(-np.abs(weight[..., part]), axis=-1, kind="stable")
        mask = np.zeros(order.shape, bool)
        np.put_along_axis(mask, order[..., :n], True, axis=-1)
        kept[..., part] = mask
    return np.where(kept, weight, np.float32(0))


def symmetric_scale(block, bits):
    """Scale of one group over its last axis, by the convention of MatMulNBits.

    The element of largest magnitude, with its sign, divided by -2^(bits-1); of a tie in magnitude
    the negative element counts. An all-zero group has scale 1.
    """
    low, high = block.min(-1, keepdims=True), block.max(-1, keepdims=True)
    peak = np.where(np.abs(high) > np.abs(low), high, low)
    scale = peak / np.float32(-(2 ** (bits - 1)))
    return np.where(peak == 0, np.float32(1), scale).astype(np.float32)


def _encode(weight, scales, low, high):
    return np.clip(np.rint(weight / scales), low, high).astype(np.int32)


def quantize_symmetric(weight, bits, group):
    """Signed codes of `bits` bits with one scale per `group` elements of the contraction."""
    scales = np.empty_like(weight)
    for part in _groups(weight.shape[-1], group):
        scales[..., part] = symmetric_scale(weight[..., part], bits)
    half = 2 ** (bits - 1)
    codes = _encode(weight, scales, -half, half - 1)
    return Quantized(codes, scales, np.zeros_like(codes))


def quantize_per_channel(weight, bits):
    """As `quantize_symmetric`, with one scale for everything that makes one element of axis 0."""
    flat = weight.reshape(weight.shape[0], -1)
    result = quantize_symmetric(flat, bits, flat.shape[1])
    return Quantized(*(getattr(result, part).reshape(weight.shape) for part in _PARTS))


def quantize_asymmetric(weight, bits, group):
    """Codes -2^(bits-1) .. 2^(bits-1)-1 over the range of each group, which includes zero.

    An all-zero group has scale 1 and zero point 0.
    """
    scales, zeros = np.empty_like(weight), np.empty(weight.shape, np.int32)
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    for part in _groups(weight.shape[-1], group):
        block = weight[..., part]
        low = np.minimum(block.min(-1, keepdims=True), np.float32(0))
        high = np.maximum(block.max(-1, keepdims=True), np.float32(0))
        scale = (high - low) / np.float32(2**bits - 1)
        empty = scale == 0
        scale = np.where(empty, np.float32(1), scale).astype(np.float32)
        scales[..., part] = scale
        zero = lowest + np.clip(np.rint(-low / scale), 0, 2**bits - 1)
        zeros[..., part] = np.where(empty, 0, zero)
    codes = np.clip(np.rint(weight / scales) + zeros, lowest, highest).astype(np.int32)
    return Quantized(codes, scales, zeros)


def quantize_restricted(weight, axes):
    """int8 weights: scale max|w| / 127 over `axes`, codes -127 .. 127."""
    peak = np.abs(weight).max(axis=axes, keepdims=True)
    scale = np.where(peak == 0, np.float32(1), peak / np.float32(127)).astype(np.float32)
    scales = np.broadcast_to(scale, weight.shape)
    codes = _encode(weight, scales, -127, 127)
    return Quantized(codes, np.array(scales), np.zeros_like(codes))


_PARTS = ("codes", "scales", "zero_points")


def quantize_int(weight, is_conv, bits=4, group=128):
    """`--quantize=int4` (or int2): what the tool does with one weight in normal form.

    A convolution with fewer input channels per group than `group` gets one scale per output channel.
    """
    if is_conv and weight.shape[-1] < group:
        return quantize_per_channel(weight, bits)
    return quantize_symmetric(weight, bits, group)


def quantize_w8(weight, is_conv):
    """`--quantize=w8`: one scale per output channel (of each expert, for batched weights)."""
    return quantize_restricted(weight, tuple(range(1, weight.ndim)) if is_conv else (-1,))


def prune(weight, n=2, m=4):
    """`--prune=n:m`: weights with fewer than m elements along the contraction are left alone."""
    return weight if weight.shape[-1] < m else keep_n_of_m(weight, n, m)
