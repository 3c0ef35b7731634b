"""A step of an optimiser in units of the same formula written out by hand in numpy; PyTorch beside it.

The parameters are those of a multilayer perceptron 784-256-128-10 in float32. All make new arrays or, PyTorch, change
them in place, as each is made to be used.
"""

from __future__ import annotations

import contextlib
import ctypes
import statistics
import time
from collections.abc import Callable, Generator

import numpy as np
from chainrule import optim

from benchmarks import Result

SHAPES = [(784, 256), (256,), (256, 128), (128,), (128, 10), (10,)]
STEPS, ROUNDS = 20, 9
Arrays = list[np.ndarray]
Step = Callable[[Arrays, Arrays], Arrays]


def measure(size: int | None = None) -> list[Result]:
    """One result for each optimiser: seconds of ours over seconds by hand. `size`: steps in each of the rounds."""
    keep_memory()
    return [_measured(name, size or STEPS) for name in _BY_HAND]


def keep_memory() -> None:
    """Have the C library keep freed memory. Whether it hands some back between two steps, and fetches it again, hangs
    on the order in which temporary arrays end; the same formula then takes once or twice the time, by luck."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than in glibc
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def _measured(name: str, steps: int) -> Result:
    rng = np.random.default_rng(0)
    params = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    grads = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    seconds: dict[str, list[float]] = {"by hand": [], "ours": [], "torch": []}
    for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine is shared
        seconds["by hand"].append(_time(_stepping(_BY_HAND[name]()), params, grads, steps))
        seconds["ours"].append(_time(_OURS[name]().step, params, grads, steps))
        seconds["torch"].append(_time_torch(name, params, grads, steps))
    hand, ours, torch = (statistics.median(seconds[who]) for who in ("by hand", "ours", "torch"))
    what = f"{name} step, perceptron 784-256-128-10"
    return Result("optim", what, ours / hand, target=1.25, better="lower", against={"torch": torch / hand})


def _time(step: Step, params: Arrays, grads: Arrays, steps: int) -> float:
    params = step(params, grads)  # the first step makes the memory
    started = time.perf_counter()
    for _ in range(steps):
        params = step(params, grads)
    return time.perf_counter() - started


def _time_torch(name: str, params: Arrays, grads: Arrays, steps: int) -> float:
    import torch

    torch.set_num_threads(1)
    tensors = [torch.nn.Parameter(torch.tensor(p)) for p in params]
    for tensor, g in zip(tensors, grads, strict=True):
        tensor.grad = torch.tensor(g)
    made = {
        "Momentum": lambda: torch.optim.SGD(tensors, lr=1e-3, momentum=0.9),
        "RMSProp": lambda: torch.optim.RMSprop(tensors, lr=1e-3, alpha=0.9),
        "Adam": lambda: torch.optim.Adam(tensors, lr=1e-3),
        "AdamW": lambda: torch.optim.AdamW(tensors, lr=1e-3),
    }[name]()
    made.step()
    started = time.perf_counter()
    for _ in range(steps):
        made.step()
    return time.perf_counter() - started


_OURS: dict[str, Callable[[], optim.Optimiser]] = {
    "Momentum": lambda: optim.Momentum(lr=1e-3, mu=0.9),
    "RMSProp": lambda: optim.RMSProp(lr=1e-3, rho=0.9),
    "Adam": lambda: optim.Adam(lr=1e-3),
    "AdamW": lambda: optim.AdamW(lr=1e-3),
}


# By hand, as one would write a training loop: a generator keeps the memory between steps. ---------------------------

Loop = Generator[Arrays, tuple[Arrays, Arrays], None]


def _momentum() -> Loop:
    params, grads = yield []
    v = [np.zeros_like(p) for p in params]
    while True:
        v = [0.9 * a + g for a, g in zip(v, grads, strict=True)]
        params, grads = yield [p - 1e-3 * a for p, a in zip(params, v, strict=True)]


def _rmsprop() -> Loop:
    params, grads = yield []
    s = [np.zeros_like(p) for p in params]
    while True:
        s = [0.9 * a + 0.1 * g**2 for a, g in zip(s, grads, strict=True)]
        params, grads = yield [p - 1e-3 * g / (np.sqrt(a) + 1e-8) for p, g, a in zip(params, grads, s, strict=True)]


def _adam(decay: float = 0.0) -> Loop:
    params, grads = yield []
    m, v, t = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params], 0
    while True:
        t += 1
        m = [0.9 * a + 0.1 * g for a, g in zip(m, grads, strict=True)]
        v = [0.999 * b + 0.001 * g**2 for b, g in zip(v, grads, strict=True)]
        moves = [(a / (1 - 0.9**t)) / (np.sqrt(b / (1 - 0.999**t)) + 1e-8) for a, b in zip(m, v, strict=True)]
        if decay:
            moves = [move + decay * p for move, p in zip(moves, params, strict=True)]
        params, grads = yield [p - 1e-3 * move for p, move in zip(params, moves, strict=True)]


_BY_HAND: dict[str, Callable[[], Loop]] = {
    "Momentum": _momentum,
    "RMSProp": _rmsprop,
    "Adam": _adam,
    "AdamW": lambda: _adam(1e-2),
}


def _stepping(loop: Loop) -> Step:
    next(loop)
    return lambda params, grads: loop.send((params, grads))
