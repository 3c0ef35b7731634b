"""Derivatives of functions. They are functions again, and can be differentiated again.

Where a function takes parameters, these may be one array or number, or a list, tuple or dict of them, also nested; a
derivative has the same structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.autodiff import elementwise, engine, errors
from chainrule.autodiff.engine import Tensor, value


def grad(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The gradient of a scalar function in one of its arguments, of the shape of that argument.

    Args:
        f: returns a number, given arrays or numbers. It computes with numpy's functions and operators.
        argnum: which of its arguments, counted from 0, is differentiated; the others are constant.

    Returns:
        A function of the same arguments.

    Raises:
        ValueError: when called, if f returns more than one number.

    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> float(grad(grad(np.sin))(0.5) + np.sin(0.5))
    0.0
    """

    def gradient(*args: Any, **options: Any) -> Any:
        return value_and_grad(f, argnum)(*args, **options)[1]

    return gradient


def value_and_grad(f: Callable[..., Any], argnum: int = 0) -> Callable[..., tuple[Any, Any]]:
    """As grad, but the function returns the pair of f's value and the gradient, for the cost of one.

    >>> value_and_grad(lambda w, x: w["a"] * x + w["b"])({"a": 2.0, "b": 1.0}, 3.0)
    (np.float64(7.0), {'a': np.float64(3.0), 'b': np.float64(1.0)})
    """

    def both(*args: Any, **options: Any) -> tuple[Any, Any]:
        leaves, build = _boxed(args[argnum], engine.leaf)
        z = f(*args[:argnum], build(leaves), *args[argnum + 1 :], **options)
        if getattr(z, "size", 1) != 1:
            raise errors.no_scalar(z)
        seen, pull = _pulled(z, leaves, keep=False)
        return seen, build(pull(None))

    return both


def vjp(f: Callable[[Any], Any], x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The value of f at x, and the function from a cotangent of the value to that of x (a vector-Jacobian product).

    >>> z, pull = vjp(np.exp, np.array([0.0, 1.0]))
    >>> pull(np.array([1.0, 0.0]))
    array([1., 0.])
    """
    leaves, build = _boxed(x, Tensor)  # of copies: the caller may write into x and pull later
    seen, pull = _pulled(f(build(leaves)), leaves, keep=True)
    return seen, lambda g: build(pull(g))


def jacobian(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """All first derivatives of f: `J[i, j]` is that of output j by input i.

    For x of shape (n,) and f(x) of shape (m,) the Jacobian is (n, m): the transpose of much of the literature, but a
    gradient is its special case m = 1, and the chain rule reads from left to right, dz/dx = (dy/dx) @ (dz/dy).

    Returns:
        A function from x to the array of shape (*x.shape, *f(x).shape). It goes back once for each output.

    >>> A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> jacobian(lambda x: A @ x)(np.ones(3))
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])
    """

    def all_derivatives(x: Any) -> Any:
        z, pull = vjp(f, x)
        outputs = np.eye(np.size(z), dtype=np.asarray(value(z)).dtype).reshape(np.size(z), *np.shape(z))
        rows = [pull(e) for e in outputs]
        if not rows:
            return np.zeros((*np.shape(x), *np.shape(z)))
        return np.stack(rows, -1).reshape((*np.shape(x), *np.shape(z)))

    return all_derivatives


def hessian(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """All second derivatives of a scalar function: (n, n) for x of shape (n,), (*x.shape, *x.shape) in general.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f))


def hvp(f: Callable[[Any], Any], x: Any, v: Any) -> Any:
    """The Hessian of a scalar function at x times v, for about the cost of two gradients: the Hessian is not formed.

    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([3.0, 5.0]), np.array([1.0, 0.0]))
    array([10.,  6.])
    """
    return grad(lambda x: _inner(grad(f)(x), v))(x)


# ---- boxes: Tensors in the place of the parameters

Build = Callable[[Iterable[Any]], Any]


def _boxed(x: Any, make: Callable[[Any], Tensor]) -> tuple[list[Tensor], Build]:
    """The parameters as Tensors of their own, and the function that puts such a list into their structure."""
    if x.__class__ is list and set(map(type, x)) == {np.ndarray}:  # as a network's parameters mostly are
        return [make(part) for part in x], list
    parts, build = _taken_apart(x)
    leaves = [elementwise.identity(part) if part.__class__ is Tensor else make(part) for part in parts]
    return leaves, lambda parts: build(iter(parts))


def _taken_apart(x: Any) -> tuple[list[Any], Callable[[Iterator[Any]], Any]]:
    """The parts of a structure in order, and the function that builds one like it from others, one after the other."""
    if not isinstance(x, dict | list | tuple):
        return [x], next
    parts, builds = [], []
    for child in x.values() if isinstance(x, dict) else x:
        own, build = _taken_apart(child)
        parts += own
        builds.append(build)
    if isinstance(x, dict):
        return parts, lambda rest: {key: build(rest) for key, build in zip(x, builds, strict=True)}
    if hasattr(x, "_fields"):  # a named tuple
        return parts, lambda rest: type(x)(*[build(rest) for build in builds])
    return parts, lambda rest: type(x)([build(rest) for build in builds])


def _pulled(z: Any, leaves: list[Tensor], keep: bool) -> tuple[Any, Callable[[Any], list[Any]]]:
    """The value for the caller, and the function from its cotangent to those of the leaves."""
    if z.__class__ is not Tensor or not leaves or z.born < leaves[0].born:  # it does not depend on them
        return z, lambda g: [_zeros(leaf) for leaf in leaves]
    order, older = engine.history(z, leaves[0].born)
    graph = older or any(leaf.args for leaf in leaves)  # the caller differentiates as well

    def pull(g: Any) -> list[Any]:
        recorded = graph or g.__class__ is Tensor
        start = g if g.__class__ is Tensor else engine.seed(z, g)
        found = engine.pull_back(z, start, set(leaves), order=order, graph=recorded, keep=keep)
        cotangents = [found[leaf] if leaf in found else _zeros(leaf) for leaf in leaves]
        return cotangents if recorded else engine.own(leaves, cotangents, start)

    return z if graph else z.data if z.ndim else z._data[()], pull


def _zeros(leaf: Tensor) -> Any:
    return np.zeros(leaf.shape, leaf.dtype) if leaf.shape else leaf.dtype.type(0)


def _inner(x: Any, v: Any) -> Any:
    """The sum of products over all parameters."""
    if isinstance(x, dict):
        return sum(_inner(part, v[key]) for key, part in x.items())
    if isinstance(x, list | tuple):
        return sum(_inner(a, b) for a, b in zip(x, v, strict=True))
    return (x * v).sum()
