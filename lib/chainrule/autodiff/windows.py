"""Convolution and pooling: every window of an image becomes a column, and the rest is a matrix product or a maximum.

Images are (N, C, H, W): N examples, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.autodiff.engine import Pullbacks, primitive, value


def conv2d(x: Any, w: Any, b: Any = None, *, stride: int = 1, padding: int = 0) -> Any:
    """Convolution as networks have it, that is cross-correlation:

        z[n, k, i, j] = b[k] + sum over c, p, q of x[n, c, i * stride + p, j * stride + q] * w[k, c, p, q]

    Args:
        x: (N, C, H, W).
        w: (K, C, P, Q), a kernel of P rows and Q columns for each channel out and in.
        b: (K,), or None for zeros.
        stride: how far the window moves, at least 1.
        padding: so many rows and columns of zeros are put around each image, at least 0.

    Returns:
        (N, K, (H + 2 * padding - P) // stride + 1, (W + 2 * padding - Q) // stride + 1).

    Raises:
        ValueError: the shapes do not fit, or the kernel is larger than the padded image.
    """
    if np.ndim(x) != 4 or np.ndim(w) != 4 or x.shape[1] != w.shape[1]:
        raise ValueError(
            f"conv2d of shapes {np.shape(x)} and {np.shape(w)}: expected (N, C, H, W) and (K, C, P, Q) with one C"
        )
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = _windows(x, w.shape[2:], stride)
    matrix = w.reshape(len(w), -1)
    if stride == 1:
        z = _as_rows(matrix @ _flat_windows(x, w.shape[2:]), rows, columns)
    else:
        z = (matrix @ _unfold(x, w.shape[2:], stride).reshape(len(x), matrix.shape[1], -1)).reshape(
            len(x), len(w), rows, columns
        )
    return z if b is None else z + b.reshape(-1, 1, 1)


def max_pool2d(x: Any, size: int, *, stride: int | None = None) -> Any:
    """The largest entry of each window; where several are, the derivative goes to the first.

    Args:
        x: (N, C, H, W).
        size: rows and columns of a window.
        stride: how far it moves; as far as it is long, if None.

    Returns:
        (N, C, (H - size) // stride + 1, (W - size) // stride + 1).
    """
    windows = _flat(unfold(x, (size, size), stride or size))
    first = np.argmax(value(windows), 2)[:, :, None]
    return np.take_along_axis(windows, first, 2)[:, :, 0]


def avg_pool2d(x: Any, size: int, *, stride: int | None = None) -> Any:
    """The mean of each window. Arguments and result as for max_pool2d."""
    return _flat(unfold(x, (size, size), stride or size)).mean(2)


def _flat(windows: Any) -> Any:
    n, c, p, q, rows, cols = windows.shape
    return windows.reshape(n, c, p * q, rows, cols)


def unfold(x: Any, size: tuple[int, int], stride: int = 1) -> Any:
    """All windows of (P, Q) pixels: (N, C, P, Q, rows, columns), where the last two axes say which window."""
    _windows(x, size, stride)
    return _unfold(x, size, stride)


def _windows(x: Any, size: tuple[int, int], stride: int) -> tuple[int, int]:
    """How many windows fit below each other, and beside each other."""
    (p, q), (h, w) = size, np.shape(x)[-2:]
    if stride < 1 or not 1 <= p <= h or not 1 <= q <= w:
        raise ValueError(f"windows of {p} x {q} pixels, {stride} apart, do not fit an image of shape {np.shape(x)}")
    return (h - p) // stride + 1, (w - q) // stride + 1


@primitive
def _unfold(x: Any, size: Any, stride: Any) -> tuple[Any, Pullbacks]:
    (n, c, h, w), (p, q) = x.shape, size
    z = np.empty((n, c, p, q, (h - p) // stride + 1, (w - q) // stride + 1), x.dtype)
    for i, j, pixels in _offsets(z.shape, stride):
        z[:, :, i, j] = value(x)[pixels]
    return z, (lambda g: _fold(g, x.shape, stride), None, None)


@primitive
def _fold(z: Any, shape: Any, stride: Any) -> tuple[Any, Pullbacks]:
    """The transpose of _unfold: every window is added to the pixels that it was taken from."""
    x = np.zeros(shape, z.dtype)
    for i, j, pixels in _offsets(z.shape, stride):
        x[pixels] += value(z)[:, :, i, j]
    return x, (lambda g: _unfold(g, z.shape[2:4], stride), None, None)


def _offsets(shape: Any, stride: int) -> Iterator[tuple[int, int, Any]]:
    """Each place in a window, and the pixels that all windows have there."""
    _, _, p, q, rows, cols = shape
    for i in range(p):
        for j in range(q):
            yield i, j, np.s_[:, :, i : i + (rows - 1) * stride + 1 : stride, j : j + (cols - 1) * stride + 1 : stride]


# A window that moves by single pixels: in an image whose rows lie one behind the other, each place of the kernel sees
# one contiguous slice, which is copied faster than rows are. Where a row ends, windows reach around into the next one;
# these are computed as well, and cut off afterwards.


@primitive
def _flat_windows(x: Any, size: Any) -> tuple[Any, Pullbacks]:
    (n, c, h, w), (p, q) = x.shape, size
    length = (h - p) * w + w - q + 1
    flat = value(x).reshape(n, c, h * w)
    z = np.empty((n, c, p * q, length), x.dtype)
    for k in range(p * q):
        start = k // q * w + k % q
        z[:, :, k] = flat[:, :, start : start + length]
    return z.reshape(n, c * p * q, length), (lambda g: _flat_fold(g, x.shape, size), None)


@primitive
def _flat_fold(z: Any, shape: Any, size: Any) -> tuple[Any, Pullbacks]:
    """The transpose of _flat_windows."""
    (n, c, h, w), (p, q) = shape, size
    windows = value(z).reshape(n, c, p * q, -1)
    length = windows.shape[-1]
    x = np.zeros((n, c, h * w), z.dtype)
    for k in range(p * q):
        start = k // q * w + k % q
        x[:, :, start : start + length] += windows[:, :, k]
    return x.reshape(shape), (lambda g: _flat_windows(g, size), None, None)


@primitive
def _as_rows(z: Any, rows: Any, columns: Any) -> tuple[Any, Pullbacks]:
    """(N, K, length) to (N, K, rows, columns), without the windows that reach around."""
    length = z.shape[-1]
    width = (length - columns) // (rows - 1) if rows > 1 else columns
    kept = _strided(value(z), rows, columns, width)
    return kept, (lambda g: _from_rows(g, length, width), None, None)


@primitive
def _from_rows(g: Any, length: Any, width: Any) -> tuple[Any, Pullbacks]:
    """The transpose of _as_rows."""
    n, k, rows, columns = g.shape
    z = np.zeros((n, k, length), g.dtype)
    _strided(z, rows, columns, width)[...] = value(g)
    return z, (lambda h: _as_rows(h, rows, columns), None, None)


def _strided(z: np.ndarray, rows: int, columns: int, width: int) -> np.ndarray:
    """A view of (N, K, length) as rows of which each begins `width` after the one before."""
    step = z.strides[-1]
    shape = (*z.shape[:-1], rows, columns)
    return np.lib.stride_tricks.as_strided(z, shape, (*z.strides[:-1], width * step, step))
