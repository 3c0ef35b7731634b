"""Unrolled steps: the same numbers as value_and_grad to the last bit, a text to read, and no wrong step in silence."""

from __future__ import annotations

import doctest
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from chainrule.autodiff import (
    Tensor,
    avg_pool2d,
    conv2d,
    cross_entropy,
    linear,
    log_softmax,
    logsumexp,
    lstm,
    max_pool2d,
    primitive,
    relu,
    sigmoid,
    softmax,
    softplus,
    spelling,
    unroll,
    unrolling,
    value_and_grad,
)

RNG = np.random.default_rng(7)


class Layer(NamedTuple):
    W: Any
    b: Any


def normal(*shape: int, dtype: Any = np.float64) -> np.ndarray:
    return RNG.normal(size=shape).astype(dtype)


def mlp(params: Any, X: Any, y: Any) -> Any:
    (W1, b1), (W2, b2) = params
    return cross_entropy(linear(np.tanh(linear(X, W1, b1)), W2, b2), y)


def penalised(params: Any, X: Any, y: Any, lam: Any) -> Any:
    z = relu(X @ params["W1"] + params["b1"]) @ params["W2"]
    return ((z - y) ** 2).mean() + lam * (params["W1"] ** 2).sum() + lam * abs(params["W2"]).sum()


def named(layers: Any, X: Any) -> Any:
    for layer in layers:
        X = sigmoid(X @ layer.W + layer.b)
    return X.sum()


def recurrent(params: Any, X: Any) -> Any:
    U, W, b = params
    h = np.zeros(len(b))
    for t in range(X.shape[1]):
        h = np.tanh(X[:, t] @ U + h @ W + b)
    return (h * h).sum()


def convolution(params: Any, X: Any, y: Any) -> Any:
    h = avg_pool2d(relu(conv2d(X, params["w"], params["c"], padding=1)), 2)
    return cross_entropy(h.reshape(len(X), -1) @ params["W"], y)


def normalised(params: Any, X: Any, y: Any) -> Any:
    z = X @ params["W"]
    z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) if isinstance(z, np.ndarray) else z / (1 + np.abs(z))
    return -log_softmax(z * params["scale"])[np.arange(len(X)), y].mean()


def parts(w: Any) -> Any:
    a, b = w[:3], w[2:]
    return (a * b).sum() + w[-1] * w[0] + (w[[0, 1, 1]] ** 3).sum()


def joined(w: Any, x: Any) -> Any:
    z = np.concatenate([w, x, np.stack([w[0], w[1] * 2])])
    return (z * z).sum()


def shared(w: Any) -> Any:
    z = w + w
    return (z * w).sum() + z.sum() + (z.T @ z).sum()


def solved(A: Any, b: Any) -> Any:
    return np.linalg.solve(A @ A.T + 3 * np.eye(3), b).sum() + np.einsum("ij,jk,ki->", A, A, A)


def mixed(w: Any, X: Any) -> Any:
    return (
        logsumexp(X * w, 1) + softplus(w).sum() + softmax(w)[0] + np.where(LABELS[:, None] > 0, X * w, w).max()
    ).sum()


X, Y, LABELS = normal(8, 5), normal(8, 3), RNG.integers(0, 3, 8)
W1, B1, W2, B2 = normal(5, 4), normal(4), normal(4, 3), normal(3)
SINGLE = [a.astype(np.float32) for a in (W1, B1, W2, B2, X)]
IMAGES = normal(3, 2, 6, 6)
KERNELS = {"w": normal(4, 2, 3, 3), "c": normal(4), "W": normal(36, 3)}

CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "layers": (mlp, ([(W1, B1), (W2, B2)], X, LABELS)),
    "single precision": (mlp, ([SINGLE[:2], SINGLE[2:4]], SINGLE[4], LABELS)),
    "single parameters, double data": (mlp, ([SINGLE[:2], SINGLE[2:4]], X, LABELS)),
    "dictionary and a number": (penalised, ({"W1": W1, "b1": B1, "W2": W2}, X, Y, 0.125)),
    "an array of one": (penalised, ({"W1": W1, "b1": B1, "W2": W2}, X, Y, np.float64(0.125))),
    "named tuples": (named, ((Layer(W1, B1), Layer(W2, B2)), X)),
    "recurrent": (recurrent, ([normal(5, 4), normal(4, 4), normal(4)], normal(2, 6, 5))),
    "lstm": (
        lambda p, X: (lstm(X, p["W"], p["U"], p["b"])[-1] ** 2).mean(),
        ({"W": normal(3, 8), "U": normal(2, 8), "b": normal(8)}, normal(4, 5, 3)),
    ),
    "convolution": (convolution, (KERNELS, IMAGES, RNG.integers(0, 3, 3))),
    "log-softmax and labels": (normalised, ({"W": normal(5, 3), "scale": 1.5}, X, LABELS)),
    "parts": (parts, (normal(5),)),
    "joined": (joined, (normal(4), normal(2))),
    "shared": (shared, (normal(3, 3),)),
    "sums": (lambda w: (w * 2).sum() + w.sum(), (normal(3),)),
    "solved": (solved, (normal(3, 3), normal(3))),
    "mixed": (mixed, (normal(5), X)),
    "a number": (lambda w: np.sin(w) * w, (0.5,)),
    "a whole number": (lambda w: w**3, (2,)),
    "unused": (lambda p: (p["w"] ** 2).sum(), ({"w": normal(2), "unused": normal(3), "one": 1.0},)),
    "itself": (lambda w: w, (0.5,)),
    "one element": (lambda w: w * 2, (np.ones((1, 1)),)),
    "broadcast": (lambda p, x: (p[0] * x + p[1] - p[2]).sum(), ([normal(1, 5), normal(8, 1), normal()], X)),
    "sum alone": (lambda w: w.sum(), (normal(3),)),
    "products of a vector": (lambda w, x: (x @ w) @ x[:, 0] + w @ w + np.outer(w, w).sum(), (normal(5), X)),
    "powers": (lambda w: (w**2 + w**0.5 + 2**w + w**w + w**-1.0).sum(), (np.abs(normal(4)),)),
    "many functions": (
        lambda w: (np.exp(w) + np.log(w) + np.sqrt(w) + np.clip(w, 0.5, 1) + np.hypot(w, 2) + np.cumsum(w)).sum(),
        (np.abs(normal(4)),),
    ),
    "order of axes": (lambda w, x: (np.moveaxis(w, 0, 1)[::-1] * x.T[:2, :3]).sum() + w.max(), (normal(3, 2), X)),
}


def leaves(x: Any) -> list[Any]:
    if isinstance(x, dict):
        return [leaf for part in x.values() for leaf in leaves(part)]
    if isinstance(x, list | tuple):
        return [leaf for part in x for leaf in leaves(part)]
    return [x]


def moved(x: Any) -> Any:
    """Other values of the same kind."""
    if isinstance(x, dict):
        return {key: moved(part) for key, part in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(moved, x))
    if isinstance(x, list | tuple):
        return type(x)(map(moved, x))
    if not isinstance(x, np.ndarray | np.generic):
        return x
    if x.dtype.kind == "i":
        return x[::-1].copy()
    return x.dtype.type(0.5) + x * x if x.ndim else x * x.dtype.type(2)


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_as_value_and_grad(case: str) -> None:
    f, args = CASES[case]
    step = unroll(f, *args)
    for given in (args, tuple(map(moved, args)), args):
        before = [np.array(leaf) for leaf in leaves(given)]
        loss, gradient = step(*given)
        expected_loss, expected = value_and_grad(f)(*given)
        assert type(loss) is type(expected_loss)
        np.testing.assert_array_equal(loss, expected_loss)
        assert type(gradient) is type(expected)
        for ours, theirs in zip(leaves(gradient), leaves(expected), strict=True):
            assert type(ours) is type(theirs)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        for was, leaf in zip(before, leaves(given), strict=True):
            np.testing.assert_array_equal(was, leaf)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_arrays_of_their_own(case: str) -> None:
    f, args = CASES[case]
    arrays = [a for a in leaves(unroll(f, *args)(*args)[1]) if a.ndim]
    for n, array in enumerate(arrays):
        assert array.flags.writeable
        assert not any(np.shares_memory(array, other) for other in [*arrays[:n], *map(np.asarray, leaves(args))])


@pytest.mark.parametrize("case", CASES)
def test_the_text_is_what_runs(case: str) -> None:
    """The step that runs differs by `del` only, so the text gives the same in the same namespace."""
    f, args = CASES[case]
    step = unroll(f, *args)
    namespace = dict(step.run.__globals__)
    exec(step.source, namespace)
    floats = [unrolling._fitted(i, arg) for i, arg in zip(step.inputs, args, strict=True)]
    for ours, theirs in zip(leaves(namespace["step"](*floats)), leaves(step(*args)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_text_of_a_network() -> None:
    assert unroll(mlp, [(W1, B1), (W2, B2)], X, LABELS).source.splitlines() == [
        "def step(params, X, y):",
        "    (W1, b1), (W2, b2) = params",
        "",
        "    # forward",
        "    z1 = _plus(X @ W1, b1)  # (8, 4) linear",
        "    z2 = np.tanh(z1)  # (8, 4) tanh",
        "    z3 = _plus(z2 @ W2, b2)  # (8, 3) linear",
        "    loss, loss_pulls = cross_entropy(z3, y)  # ()",
        "",
        "    # backward",
        "    d_loss = np.float64(1.0)",
        "    d_z3 = loss_pulls[0](d_loss)",
        "    d_z2 = d_z3 @ W2.T",
        "    d_W2 = z2.T @ d_z3",
        "    d_b2 = d_z3.sum(0)",
        "    d_z1 = d_z2 * (1 - z2 * z2)",
        "    d_W1 = X.T @ d_z1",
        "    d_b1 = d_z1.sum(0)",
        "    return loss, [(d_W1, d_b1), (d_W2, d_b2)]",
    ]


@pytest.mark.parametrize(
    "case, line",
    [
        ("dictionary and a number", "W1 = params['W1']"),
        ("dictionary and a number", "return loss, {'W1': d_W1, 'b1': d_b1, 'W2': d_W2}"),
        ("dictionary and a number", "d_W1 += _transposed(X) @ d_z"),
        ("sums", "d_w = d_w + d_z1 * 2"),
        ("recurrent", "d_W += _transposed("),
        ("recurrent", "U, W, b = params"),
        ("recurrent", "= X[:, 0]"),
        ("named tuples", "return loss, (Layer(d_layers_0_W, d_layers_0_b), "),
        ("broadcast", ".sum((0,), keepdims=True)"),
        ("broadcast", ".sum(0).sum(0)"),
        ("powers", "d_w += d_z1 * (2 * w)"),
        ("parts", "d_w[2:] += "),
        ("parts", "add_at(d_w, "),
        ("unused", "np.zeros((3,), np.float64)"),
    ],
)
def test_lines_of_the_text(case: str, line: str) -> None:
    f, args = CASES[case]
    assert line in unroll(f, *args).source


def test_an_operation_of_your_own() -> None:
    @primitive
    def halve(x: Any) -> Any:
        """Any shape."""
        z = x / 2
        return z, (lambda g: g / 2,)

    half = 0.5

    @primitive
    def halve_by(x: Any) -> Any:
        """Remembers a variable around it, so its text alone does not do."""
        return x * half, (lambda g: g * half,)

    step = unroll(lambda w: (halve(w) * halve_by(w)).sum(), np.array([2.0, 4.0]))
    assert "z1 = w / 2" in step.source
    assert "z2, z2_pulls = halve_by(w)" in step.source
    np.testing.assert_array_equal(step(np.array([2.0, 4.0]))[1], [1.0, 2.0])


def test_names_do_not_collide() -> None:
    def f(z1: Any, np: Any, loss: Any) -> Any:
        return ((z1 * 2) ** 2 * np).sum() + loss.sum() * z1[0]

    args = (np.ones(2), np.array([3.0, 5.0]), np.ones(2))
    step = unroll(f, *args)
    np.testing.assert_array_equal(step(*args)[1], value_and_grad(f)(*args)[1])


# ---- what is refused

DICT = ({"W1": W1, "b1": B1, "W2": W2}, X, Y, 0.125)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda p, X, y, lam: (p, X[:4], y, lam), r"X: float64\[4, 5\], and the step was unrolled for float64\[8, 5\]"),
        (lambda p, X, y, lam: (p, X.astype(np.float32), y, lam), r"X: float32\[8, 5\]"),
        (lambda p, X, y, lam: (p | {"b1": np.ones(3)}, X, y, lam), r"params\['b1'\]: float64\[3\]"),
        (lambda p, X, y, lam: (p | {"b1": Tensor(np.ones(4))}, X, y, lam), r"params\['b1'\]: a Tensor"),
        (lambda p, X, y, lam: (p, X, y, 0.25), r"lam: 0.25, and the step was unrolled for 0.125; unroll it again"),
        (lambda p, X, y, lam: (p, X.tolist(), y, lam), r"X: a list"),
        (lambda p, X, y, lam: ({"W1": p["W1"]}, X, y, lam), r"params: keys \['W1'\].*keys \['W1', 'b1', 'W2'\]"),
        (lambda p, X, y, lam: (list(p.values()), X, y, lam), r"params: a list.*keys"),
        (lambda p, X, y, lam: (p, X, y), r"the number of arguments: 3, and the step was unrolled for 4"),
    ],
)
def test_other_arguments_are_refused(change: Callable[..., Any], message: str) -> None:
    step = unroll(penalised, *DICT)
    with pytest.raises(ValueError, match=message):
        step(*change(*DICT))


def test_another_number_of_layers_is_refused() -> None:
    step = unroll(mlp, [(W1, B1), (W2, B2)], X, LABELS)
    with pytest.raises(ValueError, match="params: 1 parts, and the step was unrolled for 2 parts"):
        step([(W1, B1)], X, LABELS)


def test_numbers_and_lists_are_taken_for_parameters() -> None:
    step = unroll(lambda w: (w["a"] ** 2).sum() * w["b"], {"a": np.ones(2), "b": 2})
    assert step({"a": np.array([1, 2]), "b": 3})[0] == 15


def branching(w: Any) -> Any:
    return w.sum() if w.sum() > 2 else (w * w).sum()


def longer(w: Any) -> Any:
    return w.sum() if w.sum() > 2 else w.sum() * 2


def dropout(w: Any) -> Any:
    return (w * (RNG.uniform(size=5) < 0.5)).sum()


@pytest.mark.parametrize(
    "f, args, message",
    [
        (branching, (np.array([0.1, 3.0]),), r"operation 1 is another one \(multiply in place of _sum\)"),
        (longer, (np.array([0.1, 3.0]),), r"operation 2 is another one \(2 in all in place of 1 in all\)"),
        (dropout, (np.ones(5),), r"argument 1 of operation 1, multiply, depends on values or on chance \(bool\[5\]\)"),
        (lambda w, y: (w * np.eye(3)[y]).sum(), (W1[0, :3], LABELS), r"argument 1 of operation 1, multiply.*\[8, 3\]"),
        (lambda w: np.sort(w).sum(), (np.array([2.0, 1.0]),), "argument 1 of operation 1, getitem"),
        (lambda w: np.where(w > 0, w, 0).sum(), (W1[0],), r"argument 0 of operation 1, where"),
        (lambda w: max_pool2d(w, 2).sum(), (IMAGES,), "getitem, depends on values"),
        (lambda w, x: w.sum() * np.median(x), (np.ones(2), np.arange(3.0)), "argument 1 of operation 2, multiply"),
    ],
)
def test_what_depends_on_values_is_refused(f: Callable[..., Any], args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unroll(f, *args)


@pytest.mark.parametrize(
    "f, args, error, message",
    [
        (lambda w: w * 2, (np.ones(2),), ValueError, r"the shape \(2,\)"),
        (lambda w: 1.0, (np.ones(2),), ValueError, "not computed from its first argument"),
        (lambda w: w, (Tensor(1.0),), TypeError, r"w is a Tensor; unroll takes arrays: give it w\.data"),
        (lambda: 1.0, (), TypeError, "first of the args"),
    ],
)
def test_what_has_no_gradient_is_refused(f: Any, args: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        unroll(f, *args)


def test_a_step_says_what_it_takes() -> None:
    assert repr(unroll(penalised, *DICT)) == (
        "<unrolled step of params['W1'], params['b1'], params['W2'], X, y, lam; print(step.source) shows it>"
    )


@pytest.mark.parametrize("module", [unrolling, spelling])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_matplotlib_is_loaded_by_a_drawing_only() -> None:
    code = "import sys\nfrom chainrule.autodiff import unroll\nsys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
