"""A training step through `chainrule.autodiff` in units of the same step written out by hand in numpy.

PyTorch, autograd and MyGrad stand beside it where they have the operation. All compute in float32 with one thread, from
the same parameters, and have to find the same loss and gradients before they are timed.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from chainrule.autodiff import conv2d, cross_entropy, linear, lstm, relu, unroll, value_and_grad
from chainrule.autodiff.derivatives import vjp

from benchmarks import Result
from benchmarks.optim import keep_memory

SECONDS, ROUNDS = 0.02, 31  # a round of one contender, and how many: they take turns, and the median of ratios counts
LR = np.float32(1e-3)
Arrays = list[np.ndarray]
Gradients = Callable[[Arrays], tuple[Any, Sequence[Any]]]  # of the parameters: the loss or output, and its derivatives


def measure(size: int | None = None) -> list[Result]:
    """One result for each row of the table in docs/benchmarks.md. `size`: rounds."""
    keep_memory()
    rounds = size or ROUNDS
    return [
        *_perceptron([64, 64, 64, 10], 64, rounds, targets=(1.25, 1.10)),
        *_perceptron([784, 256, 128, 10], 128, rounds, targets=(1.05, 1.05)),
        _lstm(rounds),
        _convolution(rounds),
    ]


def _ratios(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each over seconds of the first: the median over rounds in which all took their turn."""
    repeats = {name: max(1, int(SECONDS / _seconds(run, 3))) for name, run in contenders.items()}
    names = list(contenders)
    found: dict[str, list[float]] = {name: [] for name in names}
    gc.disable()
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(_seconds(contenders[name], repeats[name]))
        gc.collect()
    gc.enable()
    base = found[names[0]]
    return {n: statistics.median(a / b for a, b in zip(found[n], base, strict=True)) for n in names[1:]}


def _seconds(run: Callable[[], object], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - started) / repeats


def _agree(contenders: dict[str, Gradients], params: Arrays) -> None:
    """Raises AssertionError where one finds another loss or other gradients than the first."""
    (_, (loss, gradients)), *others = ((n, find([p.copy() for p in params])) for n, find in contenders.items())
    for name, (other_loss, other_gradients) in others:
        assert np.allclose(np.asarray(loss), np.asarray(other_loss), rtol=1e-3, atol=1e-4), f"{name}: another loss"
        for g, other in zip(gradients, other_gradients, strict=True):
            assert np.allclose(g, np.asarray(other), rtol=1e-2, atol=2e-3 * np.abs(g).max()), f"{name}: other gradients"


# ---- a perceptron with ReLU and softmax, one step of gradient descent


def _perceptron(sizes: list[int], batch: int, rounds: int, targets: tuple[float, float]) -> list[Result]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(batch, sizes[0])).astype(np.float32), rng.integers(0, sizes[-1], batch)
    params = []
    for d, k in itertools.pairwise(sizes):
        params += [(rng.normal(size=(d, k)) * np.sqrt(2 / d)).astype(np.float32), np.zeros(k, np.float32)]

    def loss(params: Any, X: Any, y: Any) -> Any:
        W1, b1, W2, b2, W3, b3 = params
        return cross_entropy(linear(relu(linear(relu(linear(X, W1, b1)), W2, b2)), W3, b3), y)

    eager, straight = value_and_grad(loss), unroll(loss, params, X, y)
    finders: dict[str, Gradients] = {
        "by hand": lambda params: _perceptron_by_hand(params, X, y),
        "ours": lambda params: eager(params, X, y),
        "unrolled": lambda params: straight(params, X, y),
        "autograd": _autograd(X, y),
    }
    _agree(finders, params)
    steps = {name: _descending(find, params) for name, find in finders.items()}
    steps |= {"torch": _torch_descending(params, X, y), "MyGrad": _mygrad_descending(params, X, y)}
    ratios = _ratios(steps, rounds)
    name = f"step of a perceptron {'-'.join(map(str, sizes))}, batch {batch}"
    ours, unrolled = ratios.pop("ours"), ratios.pop("unrolled")
    return [
        Result("autodiff", name, ours, targets[0], "lower", ratios),
        Result("autodiff", f"{name}, unrolled", unrolled, targets[1], "lower"),
    ]


def _descending(find: Gradients, params: Arrays) -> Callable[[], object]:
    params = [p.copy() for p in params]

    def step() -> object:
        loss, gradients = find(params)
        for p, g in zip(params, gradients, strict=True):
            p -= LR * g
        return loss

    return step


def _perceptron_by_hand(params: Arrays, X: np.ndarray, y: np.ndarray) -> tuple[Any, Arrays]:
    W1, b1, W2, b2, W3, b3 = params
    n = len(y)
    rows = np.arange(n)
    h1 = X @ W1
    h1 += b1
    h1 = np.maximum(h1, 0)
    h2 = h1 @ W2
    h2 += b2
    h2 = np.maximum(h2, 0)
    z = h2 @ W3
    z += b3
    z -= z.max(1, keepdims=True)
    p = np.exp(z)
    s = p.sum(1, keepdims=True)
    loss = (np.log(s).sum() - z[rows, y].sum()) / n
    d = p / s
    d[rows, y] -= 1
    d /= n
    gW3, gb3 = h2.T @ d, d.sum(0)
    d = d @ W3.T
    d *= h2 > 0
    gW2, gb2 = h1.T @ d, d.sum(0)
    d = d @ W2.T
    d *= h1 > 0
    return loss, [X.T @ d, d.sum(0), gW2, gb2, gW3, gb3]


def _autograd(X: np.ndarray, y: np.ndarray) -> Gradients:
    import autograd
    import autograd.numpy as anp

    rows, n = np.arange(len(y)), np.float32(len(y))

    def loss(params: Any) -> Any:
        W1, b1, W2, b2, W3, b3 = params
        h = anp.maximum(anp.dot(X, W1) + b1, 0)
        z = anp.dot(anp.maximum(anp.dot(h, W2) + b2, 0), W3) + b3
        z = z - anp.max(z, 1, keepdims=True)
        return -anp.sum((z - anp.log(anp.sum(anp.exp(z), 1, keepdims=True)))[rows, y]) / n

    found: Gradients = autograd.value_and_grad(loss)
    return found


def _mygrad_descending(params: Arrays, X: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    import mygrad
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    tensors: list[Any] = [mygrad.tensor(p.copy()) for p in params]
    W1, b1, W2, b2, W3, b3 = tensors

    def step() -> object:
        loss = softmax_crossentropy(relu(relu(mygrad.matmul(X, W1) + b1) @ W2 + b2) @ W3 + b3, y)
        loss.backward()
        for tensor in tensors:
            tensor.data -= LR * tensor.grad
        return loss

    return step


def _torch_descending(params: Arrays, X: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    functional = torch.nn.functional
    tensors: list[Any] = [torch.tensor(p.T if p.ndim == 2 else p).requires_grad_() for p in params]
    inputs, labels = torch.tensor(X), torch.tensor(y)
    W1, b1, W2, b2, W3, b3 = tensors

    def step() -> object:
        h = functional.relu(functional.linear(inputs, W1, b1))
        h = functional.relu(functional.linear(h, W2, b2))
        loss = functional.cross_entropy(functional.linear(h, W3, b3), labels)
        loss.backward()
        with torch.no_grad():
            for tensor in tensors:
                tensor -= float(LR) * tensor.grad
                tensor.grad = None
        return loss

    return step


# ---- an LSTM layer, forward and backward


def _lstm(rounds: int, T: int = 32, N: int = 32, D: int = 64, H: int = 64) -> Result:
    rng = np.random.default_rng(0)
    X, g = (rng.normal(size=(T, N, k)).astype(np.float32) for k in (D, H))
    shapes = [(D, 4 * H), (H, 4 * H), (4 * H,)]
    params = [rng.uniform(-1 / 8, 1 / 8, size=shape).astype(np.float32) for shape in shapes]

    def ours(params: Arrays) -> tuple[Any, Any]:
        hs, pull = vjp(lambda params: lstm(X, *params), params)
        return hs, pull(g)

    finders: dict[str, Gradients] = {"by hand": lambda params: _lstm_by_hand(X, g, *params), "ours": ours}
    _agree(finders, params)
    contenders = {name: (lambda find=find: find(params)) for name, find in finders.items()}
    ratios = _ratios({**contenders, "torch": _torch_lstm(X, g, params)}, rounds)
    what = f"LSTM, {T} steps, batch {N}, width {H}, forward and backward"
    return Result("autodiff", what, ratios.pop("ours"), 1.05, "lower", ratios)


def _lstm_by_hand(X: np.ndarray, g: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> tuple[Any, Arrays]:
    """One tanh for four gates, and all that does not wait for the step before done at once."""
    (T, N, D), H = X.shape, len(U)
    scale = np.full(4 * H, 0.5, np.float32)
    scale[2 * H : 3 * H] = 1
    shift = 1 - scale
    a = X.reshape(-1, D) @ W
    a += b
    a = a.reshape(T, N, 4 * H)
    hs, cs = np.zeros((T + 1, N, H), np.float32), np.zeros((T + 1, N, H), np.float32)
    tc, tmp = np.empty((T, N, H), np.float32), np.empty((N, H), np.float32)
    for t in range(T):
        z = a[t]
        z += hs[t] @ U
        z *= scale
        np.tanh(z, out=z)
        z *= scale
        z += shift
        c = np.multiply(z[:, H : 2 * H], cs[t], out=cs[t + 1])
        c += np.multiply(z[:, :H], z[:, 2 * H : 3 * H], out=tmp)
        np.tanh(c, out=tc[t])
        np.multiply(z[:, 3 * H :], tc[t], out=hs[t + 1])
    slopes = a * (1 - a)
    slopes[..., 2 * H : 3 * H] = 1 - a[..., 2 * H : 3 * H] ** 2
    through = a[..., 3 * H :] * (1 - tc * tc)
    da = np.empty_like(a)
    dh, dc, UT = np.zeros((N, H), np.float32), np.zeros((N, H), np.float32), np.ascontiguousarray(U.T)
    for t in reversed(range(T)):
        z, d = a[t], da[t]
        dh += g[t]
        dc += np.multiply(dh, through[t], out=tmp)
        np.multiply(dc, z[:, 2 * H : 3 * H], out=d[:, :H])
        np.multiply(dc, cs[t], out=d[:, H : 2 * H])
        np.multiply(dc, z[:, :H], out=d[:, 2 * H : 3 * H])
        np.multiply(dh, tc[t], out=d[:, 3 * H :])
        d *= slopes[t]
        dc *= z[:, H : 2 * H]
        np.matmul(d, UT, out=dh)
    flat = da.reshape(-1, 4 * H)
    return hs[1:], [X.reshape(-1, D).T @ flat, hs[:-1].reshape(-1, H).T @ flat, flat.sum(0)]


def _torch_lstm(X: np.ndarray, g: np.ndarray, params: Arrays) -> Callable[[], object]:
    import torch

    layer: Any = torch.nn.LSTM(X.shape[2], g.shape[2])
    inputs, cotangent = torch.tensor(X), torch.tensor(g)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(params[0].T))
        layer.weight_hh_l0.copy_(torch.tensor(params[1].T))

    def run() -> object:
        hs, _ = layer(inputs)
        return torch.autograd.grad(hs, list(layer.parameters()), cotangent)

    return run


# ---- a convolution, forward and backward


def _convolution(rounds: int, N: int = 32, C: int = 8, K: int = 16, size: int = 16) -> Result:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, C, size, size)).astype(np.float32)
    w = (rng.normal(size=(K, C, 3, 3)) * 0.1).astype(np.float32)
    b, g = np.zeros(K, np.float32), rng.normal(size=(N, K, size, size)).astype(np.float32)

    def ours(params: Arrays) -> tuple[Any, Any]:
        z, pull = vjp(lambda params: conv2d(*params, padding=1), params)
        return z, pull(g)

    finders: dict[str, Gradients] = {"by hand": lambda params: _convolution_by_hand(params, g), "ours": ours}
    _agree(finders, [x, w, b])
    contenders = {name: (lambda find=find: find([x, w, b])) for name, find in finders.items()}
    ratios = _ratios({**contenders, "torch": _torch_convolution(x, w, b, g)}, rounds)
    what = f"convolution 3x3, {N}x{C}x{size}x{size} to {K} channels, forward and backward"
    return Result("autodiff", what, ratios.pop("ours"), 1.10, "lower", ratios)


def _convolution_by_hand(params: Arrays, g: np.ndarray) -> tuple[Any, Arrays]:
    """The fastest of seven ways tried: on flattened padded rows every place in the kernel is one contiguous slice. The
    columns in which a window would reach around the end of a row are cut off at the end."""
    x, w, b = params
    (N, C, H, _), K, P = x.shape, len(w), x.shape[3] + 2
    L = (H - 1) * P + H
    padded = np.zeros((N, C, P, P), np.float32)
    padded[:, :, 1:-1, 1:-1] = x
    padded = padded.reshape(N, C, P * P)
    columns = np.empty((N, C, 9, L), np.float32)
    starts = [k // 3 * P + k % 3 for k in range(9)]
    for k, start in enumerate(starts):
        columns[:, :, k] = padded[:, :, start : start + L]
    columns = columns.reshape(N, C * 9, L)
    matrix = w.reshape(K, -1)
    z = np.empty((N, K, H * P), np.float32)
    np.matmul(matrix, columns, out=z[:, :, :L])
    z = z.reshape(N, K, H, P)[..., :H] + b[:, None, None]
    wide = np.zeros((N, K, H, P), np.float32)
    wide[..., :H] = g
    wide = wide.reshape(N, K, H * P)[:, :, :L]
    dw = (wide @ columns.transpose(0, 2, 1)).sum(0).reshape(w.shape)
    d = (matrix.T @ wide).reshape(N, C, 9, L)
    dx = np.zeros((N, C, P * P), np.float32)
    for k, start in enumerate(starts):
        dx[:, :, start : start + L] += d[:, :, k]
    return z, [dx.reshape(N, C, P, P)[:, :, 1:-1, 1:-1], dw, g.sum((0, 2, 3))]


def _torch_convolution(x: np.ndarray, w: np.ndarray, b: np.ndarray, g: np.ndarray) -> Callable[[], object]:
    import torch

    tensors: list[Any] = [torch.tensor(array).requires_grad_() for array in (x, w, b)]
    cotangent = torch.tensor(g)

    def run() -> object:
        z = torch.nn.functional.conv2d(tensors[0], tensors[1], tensors[2], padding=1)
        return torch.autograd.grad(z, tensors, cotangent)

    return run
