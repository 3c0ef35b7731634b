"""The engine: graphs that are deep, shared, used twice or changed; memory; and what is refused, in which words."""

from __future__ import annotations

import gc
import math
import operator
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from chainrule import autodiff
from chainrule.autodiff import (
    Tensor,
    cross_entropy,
    engine,
    grad,
    jacobian,
    linear,
    primitive,
    relu,
    value_and_grad,
    vjp,
)

from .oracle import given_away

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# ---- depth, memory, threads


def test_a_long_chain_goes_back_and_is_freed_without_recursion() -> None:
    x = Tensor(1.0)
    z = x
    for _ in range(100_000):
        z = z + 1.0
    z.backward()
    assert x.grad == 1
    del z


def test_a_long_chain_is_differentiated_twice() -> None:
    def chain(x: Any) -> Any:
        for _ in range(3000):
            x = x * 1.0001
        return x * x

    assert grad(grad(chain))(1.0) == pytest.approx(2 * 1.0001**6000)


def test_a_chain_that_is_kept_by_its_second_derivatives_is_freed() -> None:
    x = Tensor(0.5)

    def f(y: Any) -> Any:
        for _ in range(5000):
            y = np.sin(y)
        return y

    slope = grad(f)(x)
    assert isinstance(slope, Tensor)
    del slope
    assert gc.collect() == 0


def small_network(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    params = {"W": rng.normal(size=(4, 8)), "b": np.zeros(8), "V": rng.normal(size=(8, 3)), "c": np.zeros(3)}
    return params, rng.normal(size=(16, 4)), rng.integers(3, size=16)


def loss(p: Any, x: Any, labels: Any) -> Any:
    return cross_entropy(linear(relu(linear(x, p["W"], p["b"])), p["V"], p["c"]), labels)


def by_functions(p: Any, x: Any, labels: Any) -> None:
    d = value_and_grad(loss)(p, x, labels)[1]
    for name in p:
        p[name] = p[name] - 0.1 * d[name]


def by_tensors(p: Any, x: Any, labels: Any) -> None:
    loss(p, x, labels).backward()
    for t in p.values():
        t.data, t.grad = t.data - 0.1 * t.grad, None


@pytest.mark.parametrize("step", [by_functions, by_tensors])
def test_training_takes_no_more_memory_the_longer_it_lasts_and_leaves_no_cycles(step: Callable[..., None]) -> None:
    params, x, labels = small_network()
    p: Any = params if step is by_functions else {name: Tensor(a) for name, a in params.items()}
    first = loss(params, x, labels)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        used = []
        for _ in range(2):
            for _ in range(500):
                step(p, x, labels)
            used.append(tracemalloc.get_traced_memory()[0])
        assert gc.collect() == 0
    finally:
        tracemalloc.stop()
        gc.enable()
    assert used[1] - used[0] < 4096
    assert engine.value(loss(p, x, labels)) < first / 2


def test_errors_and_second_derivatives_leave_no_cycles() -> None:
    f = grad(grad(lambda x: np.exp(x) * autodiff.sigmoid(x) * np.linalg.norm(np.stack([x, x]))))
    f(1.0)
    gc.collect()
    f(1.0)
    assert gc.collect() == 0


def test_threads_share_results() -> None:
    x = Tensor(np.arange(5.0))
    shared = np.exp(x * 0.1)
    wrong: list[Any] = []

    def work(k: int) -> None:
        for _ in range(50):
            local = Tensor(np.full(5, float(k)))
            (shared.data * local * local).sum().backward()
            if not np.array_equal(local.grad, shared.data * 2 * k):
                wrong.append(local.grad)
            (shared * k).sum().backward(keep=True)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    np.testing.assert_allclose(x.grad, 50 * sum(range(8)) * 0.1 * shared.data)


def test_slices_of_a_sequence_are_added_into_the_same_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def zeros(shape: Any, *args: Any, **options: Any) -> np.ndarray:
        made.append(shape)
        return np.empty(shape, *args, **options) * 0

    n = 200
    x = Tensor(np.arange(2.0 * n).reshape(n, 2))
    z = sum(k * x[k].sum() for k in range(n)) + x.sum()
    monkeypatch.setattr(np, "zeros", zeros)
    z.backward()
    assert sum(shape == (n, 2) for shape in made) <= 1
    np.testing.assert_array_equal(x.grad, np.arange(n)[:, None] + np.ones((n, 2)))


# ---- the same graph again, and new data


def test_a_graph_is_used_once_unless_it_is_kept() -> None:
    x = Tensor([1.0, 2.0])
    z = (x * x).sum()
    z.backward(keep=True)
    z.backward()
    np.testing.assert_array_equal(x.grad, [4, 8])
    with pytest.raises(RuntimeError, match=r"used already.*keep=True"):
        z.backward()


def test_a_part_that_was_used_is_refused_in_another_graph() -> None:
    x = Tensor(2.0)
    shared = x * x
    (shared + 1).backward()
    with pytest.raises(RuntimeError, match="used already"):
        (shared * 3).backward()


def test_a_derivative_is_added_to_what_is_there() -> None:
    x = Tensor([1.0, 2.0])
    for _ in range(3):
        x.sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3])


def test_new_data_between_forward_and_backward_is_noticed() -> None:
    x = Tensor([1.0, 2.0])
    z = (x * x).sum()
    x.data = [5.0, 6.0]
    with pytest.raises(RuntimeError, match=r"argument 0 of multiply, of shape \(2,\), was given new data"):
        z.backward()
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [10, 12])


def test_arrays_that_are_changed_later_change_nothing() -> None:
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    t = Tensor(a)
    _, pull = vjp(lambda x: x * x, b)
    a[:] = b[:] = 0
    (t * t).sum().backward()
    np.testing.assert_array_equal(t.grad, [2, 4])
    np.testing.assert_array_equal(pull(np.ones(2)), [6, 8])


def test_results_of_several_arguments_that_are_one_tensor() -> None:
    x = Tensor([1.0, 2.0])
    (x * x + np.stack([x, x])[0] @ x).sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 12])


def test_gradients_own_their_memory() -> None:
    x, y = Tensor(X), Tensor(X)
    (x + y).sum().backward()
    given_away([x.grad, y.grad], x.data, y.data)
    g = np.ones((2, 3))
    _, pull = vjp(lambda xy: xy[0] + xy[1], (X, X))
    given_away(pull(g), X, g)
    given_away([grad(lambda a: a.T.reshape(-1).sum())(X)], X)
    given_away([grad(lambda a: 0.0)(X)], X)
    _, pull = vjp(lambda a: a, X)
    given_away([pull(g)], X, g)


def test_numbers() -> None:
    assert grad(lambda x: x * x)(3) == 6
    assert grad(lambda x: 2.0)(3.0) == 0
    t = Tensor(3)
    (np.float64(2) * t * np.float32(1) + 1).backward()
    assert (t.grad, t.dtype) == (2, np.float64)
    assert isinstance(t.grad, np.float64)


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_whole_numbers_become_float64(dtype: Any) -> None:
    d = grad(lambda x: (x * x).sum())(np.array([0, 1], dtype))
    assert d.dtype == float
    np.testing.assert_array_equal(d, [0, 2])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_precision(dtype: Any) -> None:
    x = np.array([1, 2], dtype)
    z, d = value_and_grad(lambda x: (2 * x * x + 1.5).mean())(x)
    assert (z.dtype, d.dtype) == (dtype, dtype)


def test_operators_with_what_numpy_takes() -> None:
    x = Tensor([1.0, 2.0])
    results = [
        operator.add([1.0, 2.0], x), x - [1, 2], np.array([1, 2]) * x, np.float64(2) / x, 2**x, x**2, np.eye(2) @ x,
        x @ np.eye(2), abs(-x), +x, x[::-1], sum(x), *x,
    ]  # fmt: skip
    assert all(isinstance(z, Tensor) for z in results)
    assert [t.item() for t in x] == [1, 2]
    assert len(x) == 2
    assert (x > 1).tolist() == [False, True]
    assert (x == x.data).all()
    assert max(x[0], x[1]).item() == 2
    assert f"{x[0]:.2f}" == "1.00"
    assert repr(x * 2) == "Tensor([2., 4.], from multiply)"


# ---- what is refused

T = Tensor([1.0, 2.0])
M = Tensor(X)
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "float": (lambda: float(T[0]), TypeError, r"float\(tensor\) would lose its derivative.*tensor\.item"),
    "int": (lambda: int(T[0]), TypeError, r"int\(tensor\) would lose"),
    "asarray": (lambda: np.asarray(T), TypeError, r"np\.asarray\(tensor\) would lose.*np\.stack, not np\.array"),
    "array of Tensors": (lambda: np.array([T[0], T[1]]), TypeError, "would lose its derivative"),
    "math": (lambda: math.exp(T[0]), TypeError, r"np\.exp, not math\.exp"),
    "in place": (
        lambda: operator.iadd(np.ones(2), T),
        TypeError,
        r"add\(ndarray\[2\], Tensor\[2\], out=\.\.\.\).*a = a \+ t",
    ),
    "out of a ufunc": (lambda: np.exp(T, out=np.ones(2)), TypeError, "leave out= away"),
    "out of a function": (lambda: np.sum(T, out=np.ones(())), TypeError, "leave out= away"),
    "writing": (lambda: operator.setitem(T, 0, 1.0), TypeError, r"cannot be written into.*np\.where.*w\.data = new"),
    "writing into data": (lambda: operator.setitem(T.data, 0, 1.0), ValueError, "read-only"),
    "writing into an array": (lambda: operator.setitem(np.ones(2), 0, T[0]), ValueError, "setting an array element"),
    "unknown ufunc": (lambda: np.spacing(T), TypeError, r"numpy\.spacing has no derivative here.*@primitive"),
    "unknown function": (lambda: np.fft.fft(T), TypeError, r"numpy\.fft\.fft has no derivative here"),
    "method of a ufunc": (lambda: np.add.reduce(T), TypeError, r"reduce has no derivative here"),
    "option of a ufunc": (
        lambda: np.exp(T, where=np.array([True, False])),
        TypeError,
        "exp of a Tensor does not take where",
    ),
    "complex": (lambda: Tensor([1j]), TypeError, "real floats, and this is of dtype complex128"),
    "text": (lambda: Tensor(["a"]), TypeError, "real floats"),
    "objects": (lambda: Tensor([None]), TypeError, "real floats"),
    "complex parameter": (lambda: grad(lambda z: z)(1j), TypeError, "real floats"),
    "no scalar": (lambda: T.backward(), ValueError, r"single number, and this result has the shape \(2,\)"),
    "no scalar to grad": (lambda: grad(lambda x: x)(np.ones(3)), ValueError, r"the shape \(3,\)\. Reduce it first"),
    "shape of a cotangent": (lambda: T.backward([1.0]), ValueError, r"the shape \(1,\), and the result \(2,\)"),
    "new data of another shape": (
        lambda: setattr(T, "data", [1.0]),
        ValueError,
        r"shape \(1,\) for a Tensor of shape \(2,\)",
    ),
    "new data of a result": (
        lambda: setattr(T * 1, "data", [1.0, 2.0]),
        TypeError,
        "the result of multiply; only one that you made",
    ),
    "condition": (lambda: np.where(T, 1.0, T).sum().backward(), TypeError, "argument 0 of where.*has no derivative"),
    "shapes of add": (
        lambda: M + T,
        ValueError,
        r"add\(float64\[2, 3\], float64\[2\]\).*\nadd: Shapes have to be equal, or be broadcast",
    ),
    "shapes of matmul": (
        lambda: M @ M,
        ValueError,
        r"matmul\(float64\[2, 3\], float64\[2, 3\]\).*\nmatmul: The last axis of x has to be",
    ),
    "shapes of concatenate": (
        lambda: np.concatenate([M, M.T]),
        ValueError,
        r"concatenate\(0, float64\[2, 3\], float64\[3, 2\]\)",
    ),
    "shapes of stack": (lambda: np.stack([M, T]), ValueError, "stack: Shapes have to be equal"),
    "reshape": (lambda: M.reshape(4), ValueError, r"reshape\(float64\[2, 3\], 4\).*\n.*as many elements"),
    "axis": (lambda: M.sum(2), IndexError, r"^sum\(float64\[2, 3\], 2, False\): axis 2 is out of bounds"),
    "index": (lambda: M[5], IndexError, r"getitem\(float64\[2, 3\], 5\): index 5 is out of bounds"),
    "linear": (lambda: linear(M, M, T), ValueError, r"linear: x @ W \+ b with x \(n, d\)"),
    "labels": (lambda: cross_entropy(M, np.array([0, 3])), IndexError, r"labels \(n,\) whole numbers from 0 to K - 1"),
    "conv2d": (lambda: autodiff.conv2d(M, M), ValueError, r"expected \(N, C, H, W\) and \(K, C, P, Q\)"),
    "window": (
        lambda: autodiff.max_pool2d(M[None, None], 3),
        ValueError,
        "windows of 3 x 3 pixels, 3 apart, do not fit",
    ),
    "singular": (lambda: np.linalg.inv(M @ M.T * 0), ValueError, "Singular matrix"),
    "dot": (lambda: np.dot(M[None], M), ValueError, "beyond two axes"),
    "tensordot": (lambda: np.tensordot(M, M, 1), ValueError, "have to be equally long"),
    "einsum operands": (lambda: np.einsum("ij,jk", M), ValueError, "names 2 operands, and 1 are given"),
    "einsum axes": (lambda: np.einsum("i->i", M), ValueError, "'i' does not fit an operand with 2 axes"),
    "einsum in lists": (lambda: np.einsum(M, [0, 1]), TypeError, "write the subscripts as text"),
    "norm": (lambda: np.linalg.norm(M, 2), ValueError, "norm of order 2 of a matrix has no derivative here"),
    "norm of a matrix by axes": (lambda: np.linalg.norm(M, 2, (0, 1)), ValueError, "norm of order 2 of a matrix"),
    "pad": (lambda: np.pad(M, 1, "edge"), ValueError, "pad in mode 'edge' has no derivative here"),
    "negative pad": (lambda: np.pad(M, -1), ValueError, "a width is at least 0"),
}


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_why_and_what_to_do(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"(?s){message}"):
        call()


def test_a_pullback_of_the_wrong_shape_is_named() -> None:
    @primitive
    def flattened(x: Any) -> Any:
        return x.ravel(), (lambda g: g[:-1],)

    with pytest.raises(ValueError, match=r"argument 0 of flattened, of shape \(2, 3\), returned the shape \(5,\)"):
        flattened(Tensor(X)).sum().backward()


def test_a_primitive_of_ones_own() -> None:
    @primitive
    def cube(x: Any) -> Any:
        return x**3, (lambda g: g * 3 * x**2,)

    assert cube(2.0) == 8
    assert [f(2.0) for f in (grad(cube), grad(grad(cube)), grad(grad(grad(cube))))] == [12, 12, 6]


def test_the_argument_stays_as_it_was() -> None:
    x = X.copy()
    z = jacobian(lambda a: (a * a).sum(0))(x)
    assert z.shape == (2, 3, 3)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize(
    ("name", "told"), [("var", r"'var'; use np.var\(tensor, ...\)"), ("grads", "no attribute 'grads'$")]
)
def test_an_attribute_that_numpy_has_is_named_with_its_function(name: str, told: str) -> None:
    with pytest.raises(AttributeError, match=told):
        getattr(Tensor([1.0]), name)


def test_lists_are_taken_for_arrays() -> None:
    assert autodiff.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert np.allclose(autodiff.log_softmax([0.0, 0.0]), -np.log(2)) and np.isclose(
        autodiff.logsumexp([0, 0]), np.log(2)
    )


def _value_alone(x: Any) -> Any:
    return x * 2


def _one_too_few(x: Any, y: Any) -> Any:
    return x * y, (lambda g: g * y,)


def _a_list(x: Any) -> Any:
    return x * 2, [lambda g: g * 2]


def _no_comma(x: Any) -> Any:
    return x * 2, (lambda g: g * 2)


def _returns_none(x: Any) -> Any:
    return x * 2, (lambda g: None,)


def _too_long(x: Any) -> Any:
    return x * 2, (lambda g: np.ones((5, 3)),)


@pytest.mark.parametrize(
    ("fun", "told"),
    [
        (_value_alone, "value_alone has to return a pair: its value, and its pullbacks"),
        (_one_too_few, "one_too_few returned 1 pullbacks for 2 arguments"),
        (_a_list, "a_list returned a list for 1 arguments; it has to return a tuple with one pullback for each"),
        (_no_comma, r"no_comma for all arguments returned a ndarray.*write \(pullback,\) with its comma"),
        (_returns_none, "argument 0 of returns_none, of shape .* returned None"),
        (_too_long, r"argument 0 of too_long, of shape \(3,\), returned the shape \(5, 3\)"),
    ],
)
def test_a_primitive_that_is_written_wrong_says_what_is_missing(fun: Callable[..., Any], told: str) -> None:
    made = autodiff.primitive(fun)
    arguments = [Tensor([1.0, 2.0, 3.0]), 2.0][: fun.__code__.co_argcount]
    with pytest.raises((TypeError, ValueError), match=told):
        made(*arguments).sum().backward()
