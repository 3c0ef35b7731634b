"""A long short-term memory (LSTM) over a whole sequence, as one operation.

Written out step by step it would be a dozen small operations for each step and a dozen more on the way back. Here one
tanh serves all four gates, and what does not depend on the step before is done for all steps at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.autodiff.derivatives import vjp
from chainrule.autodiff.elementwise import sigmoid
from chainrule.autodiff.engine import Pullbacks, Tensor, primitive
from chainrule.autodiff.network import linear


def lstm(x: Any, W: Any, U: Any, b: Any, h: Any = None, c: Any = None) -> Any:
    """The outputs of an LSTM layer (Hochreiter and Schmidhuber, 1997, with the forget gate of Gers and others, 2000):

        i, f, g, o = split(x[t] @ W + h @ U + b);   i, f, o = sigmoid(i), sigmoid(f), sigmoid(o);   g = tanh(g)
        c = f * c + i * g;   h = o * tanh(c)

    Args:
        x: (T, N, D), T steps of N sequences with D numbers at each step.
        W: (D, 4 * H), the weights of the input, gate after gate in the order i, f, g, o.
        U: (H, 4 * H), the weights of the output of the step before.
        b: (4 * H,).
        h, c: (N, H), output and cell before the first step; zeros if None.

    Returns:
        (T, N, H), the output h after each step.

    Raises:
        ValueError: the shapes do not fit.
    """
    if np.ndim(x) != 3 or np.ndim(W) != 2 or np.shape(W)[1] != 4 * len(U) or np.shape(U)[1] != 4 * len(U):
        raise ValueError(
            f"lstm of shapes {np.shape(x)}, {np.shape(W)}, {np.shape(U)}: expected (T, N, D), (D, 4 * H), (H, 4 * H)"
        )
    steps, n, d = x.shape
    start = np.zeros((n, len(U)), x.dtype)
    projected = linear(x.reshape(steps * n, d), W, b).reshape(steps, n, -1)
    return _recurrence(projected, U, start if h is None else h, start if c is None else c)


@primitive
def _recurrence(projected: Any, U: Any, h: Any, c: Any) -> tuple[Any, Pullbacks]:
    """projected is (T, N, 4 * H), U (H, 4 * H), h and c (N, H)."""
    if any(a.__class__ is Tensor for a in (projected, U, h, c)):  # differentiated twice
        return vjp(lambda args: _step_by_step(*args), (projected, U, h, c))
    steps, n, width = projected.shape
    H, dtype = width // 4, np.result_type(projected, U, h, c)
    half = np.full(width, 0.5, dtype)
    half[2 * H : 3 * H] = 1  # sigmoid(a) = tanh(a / 2) / 2 + 1/2
    shift = 1 - half
    gates = np.empty(projected.shape, dtype)
    hs, cs = (np.empty((steps + 1, n, H), dtype) for _ in "hc")
    hs[0], cs[0] = h, c
    tanh_c, room = np.empty((steps, n, H), dtype), np.empty((n, H), dtype)
    for t in range(steps):
        a = gates[t]
        np.matmul(hs[t], U, out=a)
        a += projected[t]
        a *= half
        np.tanh(a, out=a)
        a *= half
        a += shift
        i, f, g, o = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
        np.multiply(f, cs[t], out=cs[t + 1])
        cs[t + 1] += np.multiply(i, g, out=room)
        np.tanh(cs[t + 1], out=tanh_c[t])
        np.multiply(o, tanh_c[t], out=hs[t + 1])

    def pull(d_hs: Any) -> Any:
        slopes = gates * (1 - gates)
        slopes[..., 2 * H : 3 * H] = 1 - gates[..., 2 * H : 3 * H] ** 2
        through_c = gates[..., 3 * H :] * (1 - tanh_c * tanh_c)
        d_gates = np.empty_like(gates)
        dh, dc, room = np.zeros((n, H), gates.dtype), np.zeros((n, H), gates.dtype), np.empty((n, H), gates.dtype)
        U_T = np.ascontiguousarray(U.T)
        for t in reversed(range(steps)):
            a, d = gates[t], d_gates[t]
            dh += d_hs[t]
            dc += np.multiply(dh, through_c[t], out=room)
            np.multiply(dc, a[:, 2 * H : 3 * H], out=d[:, :H])
            np.multiply(dc, cs[t], out=d[:, H : 2 * H])
            np.multiply(dc, a[:, :H], out=d[:, 2 * H : 3 * H])
            np.multiply(dh, tanh_c[t], out=d[:, 3 * H :])
            d *= slopes[t]
            dc *= a[:, H : 2 * H]
            np.matmul(d, U_T, out=dh)
        d_U = hs[:-1].reshape(-1, H).T @ d_gates.reshape(-1, width)
        return d_gates, d_U, dh, dc

    return hs[1:], pull


def _step_by_step(projected: Any, U: Any, h: Any, c: Any) -> Any:
    """The same in operations that can be differentiated again."""
    outputs = []
    H = len(U)
    for t in range(len(projected)):
        a = projected[t] + h @ U
        i, f, g, o = (a[:, k * H : (k + 1) * H] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)
