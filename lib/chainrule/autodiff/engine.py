"""Reverse-mode automatic differentiation: what is remembered in the forward pass, and how it is pulled back.

A Tensor is an array that remembers the function and the arguments that made it. What is a Tensor is differentiated;
what is a plain array or number is constant. A *primitive* states its value and its pullbacks side by side, in numpy's
own notation:

    @primitive
    def multiply(x, y):
        return x * y, (lambda g: g * y, lambda g: g * x)

A pullback takes the cotangent g of the result (the derivative of the final scalar by the result, of its shape) to the
cotangent of one argument. Called with arrays, the text above is the forward and the backward pass. Called with Tensors,
the same text records a graph, and that is all that higher derivatives need.

There is no tape. A result holds its arguments, nothing holds the result but you: when you drop it, its graph is gone.
The order of the backward pass follows from ages: every Tensor is younger than its arguments.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from chainrule.autodiff import errors

Pullback: TypeAlias = Callable[[Any], Any]
Pullbacks: TypeAlias = tuple[Pullback | None, ...] | Pullback
"""One function for each argument, None for one that is never differentiated; or one function that returns the
cotangents of all arguments at once, where they share most of the work."""

_tick = itertools.count(1).__next__
_age = attrgetter("born")
_adding = threading.Lock()


class Tensor:
    """An array that remembers how it was made.

    Args:
        data: a float array or number of any shape, which is copied. Whole numbers become float64.

    A Tensor that you make is a *leaf*: `backward` leaves derivatives in its `grad`. Results of computations with it are
    Tensors too. They work as numpy arrays do: operators, indexing, methods such as `sum`, and numpy's functions.

    Raises:
        TypeError: data is complex, text, or objects.

    >>> w = Tensor([1.0, 2.0])
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    array([2., 4.])
    """

    __slots__ = ("__weakref__", "_data", "args", "born", "fun", "grad", "pulls")
    __hash__ = object.__hash__

    _data: Any  # an array that nobody writes into, or a number
    fun: Callable[..., tuple[Any, Pullbacks]] | None
    args: tuple[Any, ...]
    pulls: Any  # pulls[i]: cotangent of self -> cotangent of args[i]
    born: int
    grad: Any

    def __init__(self, data: ArrayLike) -> None:
        self._data = _floats(data)
        self.fun, self.args, self.pulls, self.grad, self.born = None, (), (), None, _tick()

    @property
    def data(self) -> np.ndarray:
        """The array, read-only: what was computed from it may need it. Assign another: `w.data = w.data - step`."""
        view = np.asarray(self._data).view()
        view.setflags(write=False)
        return view

    @data.setter
    def data(self, new: ArrayLike) -> None:
        if self.args:
            raise errors.not_a_leaf(self)
        array = _floats(new).astype(self._data.dtype, copy=False)
        if array.shape != self._data.shape:
            raise errors.another_shape(self, array)
        self._data = array
        self.born = _tick()  # younger than what was computed from it: by that the backward pass notices

    def backward(self, cotangent: ArrayLike | None = None, *, keep: bool = False) -> None:
        """Add the derivative of this scalar to the `grad` of every leaf that it was computed from.

        Args:
            cotangent: for a result that is no scalar, the derivative of the final scalar by it, of its shape.
            keep: keep the graph, to go back through it again. Otherwise it is freed on the way.

        Raises:
            ValueError: the result is no scalar and cotangent is missing, or of another shape.
            RuntimeError: the graph was used already, or a leaf was given new data since.
        """
        g = seed(self, cotangent)
        found = pull_back(self, g, keep=keep)
        leaves = list(found)
        for leaf, d in zip(leaves, own(leaves, found.values(), g), strict=True):
            with _adding:
                leaf.grad = d if leaf.grad is None else leaf.grad + d

    def item(self) -> float:
        """The number in a Tensor of one element, for printing and lists; a constant for every derivative."""
        return float(self._data.item())

    shape = property(lambda self: self._data.shape)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    dtype = property(lambda self: self._data.dtype)
    T = property(lambda self: shapes.transpose(self))

    # fmt: off
    def __neg__(self) -> Any:                       return elementwise.negative(self)
    def __pos__(self) -> Any:                       return self
    def __abs__(self) -> Any:                       return elementwise.absolute(self)
    def __add__(self, other: Any) -> Any:           return elementwise.add(self, other)
    def __radd__(self, other: Any) -> Any:          return elementwise.add(other, self)
    def __sub__(self, other: Any) -> Any:           return elementwise.subtract(self, other)
    def __rsub__(self, other: Any) -> Any:          return elementwise.subtract(other, self)
    def __mul__(self, other: Any) -> Any:           return elementwise.multiply(self, other)
    def __rmul__(self, other: Any) -> Any:          return elementwise.multiply(other, self)
    def __truediv__(self, other: Any) -> Any:       return elementwise.divide(self, other)
    def __rtruediv__(self, other: Any) -> Any:      return elementwise.divide(other, self)
    def __pow__(self, other: Any) -> Any:           return elementwise.power(self, other)
    def __rpow__(self, other: Any) -> Any:          return elementwise.power(other, self)
    def __matmul__(self, other: Any) -> Any:        return products.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Any:       return products.matmul(other, self)
    def __getitem__(self, index: Any) -> Any:       return shapes.getitem(self, index)
    def __eq__(self, other: object) -> Any:         return self._data == value(other)
    def __ne__(self, other: object) -> Any:         return self._data != value(other)
    def __lt__(self, other: Any) -> Any:            return self._data < value(other)
    def __le__(self, other: Any) -> Any:            return self._data <= value(other)
    def __gt__(self, other: Any) -> Any:            return self._data > value(other)
    def __ge__(self, other: Any) -> Any:            return self._data >= value(other)
    def __bool__(self) -> bool:                     return bool(self._data)
    def __len__(self) -> int:                       return len(self._data)
    def __iter__(self) -> Iterator[Any]:            return (self[i] for i in range(len(self._data)))
    def __format__(self, spec: str) -> str:         return format(self._data, spec)
    # fmt: on

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """As np.sum."""
        return reductions.sum(self, axis, keepdims=keepdims)

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """As np.mean."""
        return reductions.mean(self, axis, keepdims=keepdims)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """As np.max; where several are largest, they share the derivative evenly."""
        return reductions.max(self, axis, keepdims=keepdims)

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """As np.min; where several are smallest, they share the derivative evenly."""
        return reductions.min(self, axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None) -> Any:
        """As np.argmax: plain indices."""
        return self._data.argmax(axis)

    def reshape(self, *shape: Any) -> Any:
        """As ndarray.reshape."""
        return shapes.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """As ndarray.transpose."""
        return shapes.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def __repr__(self) -> str:
        made = f", from {self.fun.__name__.lstrip('_')}" if self.fun else ""
        return f"Tensor({np.array2string(np.asarray(self._data), separator=', ', prefix='Tensor(')}{made})"

    def __getattr__(self, name: str) -> Any:
        raise errors.no_attribute(name)

    def __setitem__(self, index: Any, new: Any) -> None:
        raise errors.cannot_write()

    def __float__(self) -> float:
        raise errors.leaves_the_graph("float")

    def __int__(self) -> int:
        raise errors.leaves_the_graph("int")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise errors.leaves_the_graph("np.asarray")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **options: Any) -> Any:
        if options.get("out") is not None:
            raise errors.no_out(ufunc, args)
        if method == "__call__" and not options:
            if ufunc in UFUNCS:
                return UFUNCS[ufunc](*args)
            if ufunc in CONSTANT:
                return ufunc(*map(value, args))
        raise errors.unknown_function(ufunc if method == "__call__" else getattr(ufunc, method), options)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, options: Any) -> Any:
        if options.get("out") is not None:
            raise errors.no_out(function, args)
        if function in FUNCTIONS:
            return FUNCTIONS[function](*args, **options)
        if function in CONSTANT:
            return function(*map(value, args), **{key: value(option) for key, option in options.items()})
        raise errors.unknown_function(function)


UFUNCS: dict[Any, Callable[..., Any]] = {}  # numpy's ufunc -> the primitive of its name
FUNCTIONS: dict[Any, Callable[..., Any]] = {}  # numpy's function -> ours
CONSTANT: set[Any] = set()  # numpy's functions with a derivative of zero, or none: they are given the plain arrays


def value(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x._data if x.__class__ is Tensor else x


def primitive(fun: Callable[..., tuple[Any, Pullbacks]]) -> Callable[..., Any]:
    """Make `fun(*arrays) -> (value, pullbacks)` a function of arrays and Tensors that remembers its calls.

    If numpy has a ufunc of this name, `np.NAME` calls it for Tensors too. Arguments are positional. The first line of
    the docstring stands in error messages, so let it say what shapes fit. To be differentiated twice, the text must
    work when its arguments are Tensors; where it writes into arrays of its own, take `value(x)` there.
    """

    @functools.wraps(fun)
    def call(*args: Any) -> Any:
        values, constant = [], True
        for a in args:
            if a.__class__ is Tensor:
                a, constant = a._data, False
            values.append(a)
        try:
            made = fun(*values)
        except (ValueError, TypeError, IndexError) as error:
            raise errors.refused(fun, values, error) from error
        if made.__class__ is not tuple or len(made) != 2:
            raise errors.no_pullbacks(fun)
        z, pulls = made
        if constant:
            return z
        if len(pulls) != len(args) if pulls.__class__ is tuple else not callable(pulls):
            raise errors.wrong_pullbacks(fun, pulls, args)
        return _result(z, fun, args, pulls)

    if isinstance(ufunc := getattr(np, fun.__name__, None), np.ufunc):
        UFUNCS[ufunc] = call
    return call


def implements(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have numpy's functions call this one for Tensors. Its signature is numpy's, as far as it goes."""

    def register(ours: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, ours))
        return ours

    return register


# ---- the backward pass


class Part(NamedTuple):
    """What a pullback may return in place of an array that is zero but at `index`: it is added where it belongs."""

    index: Any
    values: Any


def history(out: Tensor, since: int = 0) -> tuple[list[Tensor], bool]:
    """The results that `out` was computed from, itself included and none older than `since`, youngest first; and
    whether an older Tensor went into one of them, so that cotangents depend on that one too."""
    seen, todo, older = {out}, [out], False
    while todo:
        for x in todo.pop().args:
            if x.__class__ is Tensor:
                if x.born < since:
                    older = True
                elif x.args and x not in seen:
                    seen.add(x)
                    todo.append(x)
    return sorted(seen, key=_age, reverse=True), older


def pull_back(
    out: Tensor,
    g: Any,
    starts: Collection[Tensor] = (),
    *,
    order: Sequence[Tensor] | None = None,
    graph: bool = False,
    keep: bool = False,
) -> dict[Tensor, Any]:
    """Pull the cotangent `g` of `out` back to where the graph begins; return {start or leaf: its cotangent}.

    Args:
        out: a Tensor.
        g: its cotangent, of its shape; an array, or a Tensor if graph is true.
        starts: where to stop, as a set. Empty: at the leaves.
        order: the history of out since the oldest start, if it is known already.
        graph: record the backward pass too, so that the cotangents are Tensors that can be differentiated again.
        keep: keep the graph for another pass; otherwise it is freed on the way.
    """
    since = min(map(_age, starts), default=0)
    cotangents: dict[Tensor, Any] = {out: g}
    ours: set[Tensor] = set()  # those whose cotangent was made here, and can be added to in place
    for t in history(out, since)[0] if order is None else order:
        if t in starts or not t.args:
            continue
        g = cotangents.pop(t)
        pulls: Any = t.fun(*t.args)[1] if graph else t.pulls  # type: ignore[misc]
        if pulls.__class__ is not tuple:
            pulls = _shared_out(pulls(g), t)
        if not keep and not graph:
            t.pulls = _used
        for x, pull in zip(t.args, pulls, strict=True):
            if x.__class__ is not Tensor or x.born < since:
                continue
            if pull is None or x.born > t.born:
                raise errors.no_derivative(t, x) if pull is None else errors.edited(t, x)
            d = pull(g)
            if d is None:
                raise errors.no_cotangent(t, x)
            if d.__class__ is Part:
                if not graph:
                    _add_part(cotangents, ours, x, d)
                    continue
                d = shapes.scatter(d.values, d.index, x.shape)
            elif d.shape != x._data.shape:
                d = unbroadcast(d, t, x)
            c = cotangents.get(x)
            if c is None:
                cotangents[x] = d
            elif x in ours:
                c += d
                cotangents[x] = c  # a number is not changed in place
            else:
                cotangents[x] = c + d
                if not graph:
                    ours.add(x)
    return cotangents


def _shared_out(cotangents: Any, t: Tensor) -> list[Pullback]:
    """Pullbacks that give what one function has returned for all arguments."""
    if not isinstance(cotangents, tuple | list) or len(cotangents) != len(t.args):
        raise errors.wrong_cotangents(t, cotangents)
    return [functools.partial(_given, d) for d in cotangents]


def _given(d: Any, g: Any) -> Any:
    return d


def _add_part(cotangents: dict[Tensor, Any], ours: set[Tensor], x: Tensor, part: Part) -> None:
    """Many parts of one array, such as the steps of a sequence, go into the same zeros."""
    if x not in ours:
        c = cotangents.get(x)
        cotangents[x] = np.zeros(x.shape, part.values.dtype) if c is None else np.array(c)
        ours.add(x)
    shapes.add_at(cotangents[x], part.index, part.values)


def unbroadcast(g: Any, t: Tensor, x: Tensor) -> Any:
    """Sum the cotangent `g` of the argument x of `t` over the axes along which numpy repeated that argument."""
    shape, returned = x._data.shape, g.shape
    extra = g.ndim - len(shape)
    if extra < 0 or returned[:extra] != t._data.shape[:extra]:
        raise errors.wrong_cotangent(t, x, returned)
    for _ in range(extra):
        g = g.sum(0)
    if g.shape != shape:
        if any(n not in (1, m) for n, m in zip(shape, g.shape, strict=True)):
            raise errors.wrong_cotangent(t, x, returned)
        g = g.sum(tuple(k for k, (n, m) in enumerate(zip(shape, g.shape, strict=True)) if n != m), keepdims=True)
    return g


def seed(out: Tensor, cotangent: ArrayLike | None = None) -> Any:
    """The cotangent with which a backward pass begins: 1 for a scalar."""
    if cotangent is None:
        if out.size != 1:
            raise errors.no_scalar(out)
        return np.ones(out.shape, out.dtype) if out.shape else out.dtype.type(1)
    g = np.asarray(cotangent, out.dtype)
    if g.shape != out.shape:
        raise errors.wrong_seed(out, g)
    return g


def own(xs: Sequence[Tensor], cotangents: Iterable[Any], *taken: Any) -> list[Any]:
    """The cotangents as arrays to give away: of their Tensor's dtype, and none a part of another or of `taken`."""
    seen, given = set(map(id, taken)), []
    for x, g in zip(xs, cotangents, strict=True):
        if g.__class__ is not np.ndarray or g.base is not None or id(g) in seen or g.dtype != x._data.dtype:
            g = np.array(g, x._data.dtype) if np.ndim(g) else x._data.dtype.type(g)
        seen.add(id(g))
        given.append(g)
    return given


def leaf(array: Any) -> Tensor:
    """A Tensor of this very array, if it holds floats: for as long as nobody else can write into it."""
    t = Tensor.__new__(Tensor)
    t._data = array if array.__class__ is np.ndarray and array.dtype.kind == "f" else _floats(array)
    t.fun, t.args, t.pulls, t.grad, t.born = None, (), (), None, _tick()
    return t


def _used(g: Any) -> Any:
    raise errors.used()


def _result(data: Any, fun: Callable[..., Any], args: tuple[Any, ...], pulls: Pullbacks) -> Tensor:
    t = Tensor.__new__(Tensor)
    t._data, t.fun, t.args, t.pulls, t.grad, t.born = data, fun, args, pulls, None, _tick()
    return t


def _floats(data: Any) -> np.ndarray:
    array = np.array(value(data))
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        raise errors.no_floats(array)
    return array


# At the end, because they are made with what stands above, and the operators above call them.
from chainrule.autodiff import elementwise, products, reductions, shapes  # noqa: E402
