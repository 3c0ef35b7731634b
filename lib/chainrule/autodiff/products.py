"""Sums of products: matrices, tensors, and linear systems."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from chainrule.autodiff.engine import Pullbacks, implements, primitive, value


@primitive
def matmul(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """The last axis of x has to be as long as the last but one of y (the only one, if y is a vector)."""

    def to_x(g: Any) -> Any:
        if x.ndim > 1 < y.ndim:
            return g @ _transposed(y)
        if y.ndim == 1:
            return g * y if x.ndim == 1 else g[..., None] * y
        return _sum_front(g[..., None, :] @ _transposed(y), 2)[0]

    def to_y(g: Any) -> Any:
        if x.ndim > 1 < y.ndim:
            return _transposed(x) @ g
        if x.ndim == 1:
            return g * x if y.ndim == 1 else x[:, None] * g[..., None, :]
        return _sum_front(g[..., None] * x, 1)

    return x @ y, (to_x, to_y)


def _transposed(x: Any) -> Any:
    return x.T if x.ndim == 2 else np.swapaxes(x, -1, -2)


def _sum_front(x: Any, keep: int) -> Any:
    """The sum over all axes but the last `keep`."""
    return x.sum(tuple(range(x.ndim - keep))) if x.ndim > keep else x


@implements(np.dot)
def dot(x: Any, y: Any) -> Any:
    """As np.dot for arrays of one and two axes, and numbers; `@` and np.einsum do the rest."""
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return x * y
    if np.ndim(x) > 2 or np.ndim(y) > 2:
        raise ValueError(f"dot of shapes {np.shape(x)} and {np.shape(y)}: write x @ y, or np.einsum, beyond two axes")
    return matmul(x, y)


@implements(np.inner)
def inner(x: Any, y: Any) -> Any:
    return x * y if np.ndim(x) == 0 or np.ndim(y) == 0 else np.tensordot(x, y, (-1, -1))


@implements(np.vdot)
def vdot(x: Any, y: Any) -> Any:
    return matmul(np.ravel(x), np.ravel(y))


@implements(np.outer)
def outer(x: Any, y: Any) -> Any:
    return np.ravel(x)[:, None] * np.ravel(y)


@implements(np.kron)
def kron(x: Any, y: Any) -> Any:
    """The blocks x[i, j] * y, beside and below each other."""
    if np.ndim(x) != 2 or np.ndim(y) != 2:
        raise ValueError(f"kron of shapes {np.shape(x)} and {np.shape(y)}: both have to be matrices")
    (m, n), (p, q) = np.shape(x), np.shape(y)
    return np.einsum("ij,kl->ikjl", x, y).reshape((m * p, n * q))


@implements(np.tensordot)
def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """A matrix product, once the axes that are summed stand beside each other."""
    m, n = np.ndim(x), np.ndim(y)
    if np.ndim(axes) == 0:
        axes = range(m - int(axes), m), range(int(axes))
    of_x, of_y = (([a] if np.ndim(a) == 0 else list(a)) for a in axes)
    of_x, of_y = [a % m for a in of_x], [a % n for a in of_y]
    rest_x, rest_y = [i for i in range(m) if i not in of_x], [i for i in range(n) if i not in of_y]
    shape_x, shape_y = np.shape(x), np.shape(y)
    if [shape_x[a] for a in of_x] != [shape_y[a] for a in of_y]:
        raise ValueError(f"tensordot of shapes {shape_x} and {shape_y}: axes {of_x} and {of_y} have to be equally long")
    rows, columns = [shape_x[i] for i in rest_x], [shape_y[i] for i in rest_y]
    k = int(np.prod([shape_x[a] for a in of_x]))
    left = np.transpose(x, (*rest_x, *of_x)).reshape(int(np.prod(rows)), k)
    right = np.transpose(y, (*of_y, *rest_y)).reshape(k, int(np.prod(columns)))
    return (left @ right).reshape((*rows, *columns))


@implements(np.einsum)
def einsum(subscripts: str, *operands: Any, optimize: Any = None) -> Any:
    """As np.einsum, with subscripts as text: "ij,jk->ik". An ellipsis stands for the axes that have no letter.
    The order of three and more operands is optimized in any case."""
    if not isinstance(subscripts, str):
        raise TypeError('einsum: write the subscripts as text first, as in np.einsum("ij,jk->ik", x, y)')
    inputs, output = _spelt_out(subscripts.replace(" ", ""), [np.ndim(x) for x in operands])
    return _einsum(f"{','.join(inputs)}->{output}", *operands)


@primitive
def _einsum(subscripts: Any, *xs: Any) -> tuple[Any, Pullbacks]:
    """One letter for each axis of each operand; axes with the same letter have to be equally long, or 1."""
    terms, output = subscripts.split("->")
    inputs = terms.split(",")
    lengths: dict[str, int] = {}
    for term, x in zip(inputs, xs, strict=True):
        for letter, n in zip(term, np.shape(x), strict=True):
            lengths[letter] = n if lengths.get(letter, 1) == 1 else lengths[letter]

    def to(i: int) -> Any:
        return lambda g: _einsum_cotangent(g, i, inputs, output, xs, lengths)

    return np.einsum(subscripts, *xs, optimize=len(xs) > 2), (None, *(to(i) for i in range(len(xs))))


def _einsum_cotangent(g: Any, i: int, inputs: list[str], output: str, xs: Any, lengths: dict[str, int]) -> Any:
    """The same sum of products with `g` in the place of operand i: a letter that stands nowhere else is repeated, and
    of one that operand i has twice, as in the trace "ii->", only the diagonal gets anything."""
    terms, factors = [output], [g]
    for k, (term, x) in enumerate(zip(inputs, xs, strict=True)):
        if k != i:
            terms.append(term)
            factors.append(x)
    spare = iter(sorted(set(string.ascii_letters) - set(lengths)))
    wanted = ""
    for letter in inputs[i]:
        if letter not in wanted:
            wanted += letter
        else:
            wanted += (other := next(spare))
            terms.append(letter + other)
            factors.append(np.eye(lengths[letter], dtype=g.dtype))
    pairs = [pair for term, x in zip(terms, factors, strict=True) for pair in zip(term, np.shape(x), strict=True)]
    spanned = {letter for letter, n in pairs if n == lengths.get(letter)}
    for letter in inputs[i]:
        if letter not in spanned:
            terms.append(letter)
            factors.append(np.ones(lengths[letter], g.dtype))
    return np.einsum(f"{','.join(terms)}->{wanted}", *factors, optimize=len(factors) > 2)


def _spelt_out(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """Terms and output with a letter for each axis: what "..." stands for, and the output where it is left out."""
    terms, arrow, output = subscripts.partition("->")
    inputs = terms.split(",")
    if len(inputs) != len(ranks):
        raise ValueError(f"einsum {subscripts!r} names {len(inputs)} operands, and {len(ranks)} are given")
    spare = sorted(set(string.ascii_letters) - set(subscripts))
    extra = [rank - len(term.replace("...", "")) for term, rank in zip(inputs, ranks, strict=True)]
    for term, rank, n in zip(inputs, ranks, extra, strict=True):
        if n < 0 or (n and "..." not in term):
            raise ValueError(f"einsum {subscripts!r}: {term!r} does not fit an operand with {rank} axes")
    most = max((n for term, n in zip(inputs, extra, strict=True) if "..." in term), default=0)
    letters = "".join(spare[:most])
    spelt = [t.replace("...", letters[most - n :] if n else "") for t, n in zip(inputs, extra, strict=True)]
    if arrow:
        return spelt, output.replace("...", letters)
    named = "".join(spelt)
    return spelt, letters + "".join(sorted(c for c in set(named) - set(letters) if named.count(c) == 1))


@implements(np.linalg.inv)
def inv(x: Any) -> Any:
    return _inv(x)


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """x with a @ x = b, for a matrix or a stack of them. b is a vector if it has one axis."""
    return _solve(a, b[..., None])[..., 0] if np.ndim(b) == 1 else _solve(a, b)


@implements(np.linalg.det)
def det(x: Any) -> Any:
    return _det(x)


@implements(np.linalg.slogdet)
def slogdet(x: Any) -> Any:
    """The sign of the determinant, a plain array, and the logarithm of its absolute value."""
    return np.linalg.slogdet(value(x))._replace(logabsdet=_logabsdet(x))


@implements(np.linalg.cholesky)
def cholesky(x: Any) -> Any:
    """The lower triangular L with L @ L.T = x. The derivative is symmetric, as x is."""
    return _cholesky(x)


@primitive
def _inv(x: Any) -> tuple[Any, Pullbacks]:
    """x has to be square, (..., n, n), and not singular."""
    z = np.linalg.inv(x)
    return z, (lambda g: -(_transposed(z) @ g @ _transposed(z)),)


@primitive
def _solve(a: Any, b: Any) -> tuple[Any, Pullbacks]:
    """a has to be square, (..., n, n), and not singular; b (n,) or (..., n, k)."""
    z = np.linalg.solve(a, b)

    def pull(g: Any) -> tuple[Any, Any]:
        to_b = np.linalg.solve(_transposed(a), g)
        return -(to_b @ _transposed(z)), to_b

    return z, pull


@primitive
def _det(x: Any) -> tuple[Any, Pullbacks]:
    """x has to be square, (..., n, n), and not singular."""
    z = np.linalg.det(x)
    return z, (lambda g: (g * z)[..., None, None] * _transposed(np.linalg.inv(x)),)


@primitive
def _logabsdet(x: Any) -> tuple[Any, Pullbacks]:
    """x has to be square, (..., n, n), and not singular."""
    return np.linalg.slogdet(x)[1], (lambda g: g[..., None, None] * _transposed(np.linalg.inv(x)),)


@primitive
def _cholesky(x: Any) -> tuple[Any, Pullbacks]:
    """x has to be symmetric and positive definite, (..., n, n)."""
    z = np.linalg.cholesky(x)

    def pull(g: Any) -> Any:
        lower = np.tril(_transposed(z) @ g)
        middle = lower - lower * np.eye(x.shape[-1], dtype=g.dtype) / 2
        d = np.linalg.solve(_transposed(z), _transposed(np.linalg.solve(_transposed(z), _transposed(middle))))
        return (d + _transposed(d)) / 2

    return z, (pull,)
