"""Comparisons that a wrong shape must not pass.

`np.allclose(np.empty((0, 1)), anything)` is true, and so is a comparison of a scalar with the matrix that was asked
for. While a test is judged, these functions demand equal shapes, unless the reference broadcast at the same place.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograder.wire import proxies
from autograder.wire.exchange import Exchange
from autograder.wire.limits import words

_GUARDED: list[tuple[Any, str]] = [
    *((np, n) for n in ("allclose", "isclose", "array_equiv")),
    *(
        (np.testing, f"assert_{n}")
        for n in words(
            """allclose equal array_equal almost_equal approx_equal array_almost_equal array_almost_equal_nulp
            array_max_ulp"""
        )
    ),
]


@contextmanager
def installed(exchange: Exchange) -> Iterator[dict[int, Callable[..., Any]]]:
    """Put the guarded functions in place of the real ones. Gives {id of the real one: guarded}, for names of a test
    that were imported before."""
    replaced = [(module, name, _guarded(exchange, getattr(module, name))) for module, name in _GUARDED]
    replaced.append((inspect, "getsourcelines", proxies.getsourcelines))  # getsource uses it
    originals = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    for module, name, function in replaced:
        setattr(module, name, function)
    try:
        yield {id(real): new for (_, _, real), (_, _, new) in zip(originals, replaced, strict=True)}
    finally:
        for module, name, function in originals:
            setattr(module, name, function)


def _guarded(exchange: Exchange, compare: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compare)
    def guarded(*args: Any, **keywords: Any) -> Any:
        if len(args) >= 2:
            args = (_data(args[0]), _data(args[1]), *args[2:])
            shapes: list[Any] = [_shape(a) for a in args[:2]]
            if shapes[0] != shapes[1] and None not in shapes:
                one_is_empty = (0 in shapes[0]) != (0 in shapes[1])
                place = f"{exchange.place_here()}{' empty' if one_is_empty else ''}"
                if not exchange.allowed(exchange.record.broadcasts, place):
                    return _disagreement(compare.__name__, *shapes)
        return compare(*args, **keywords)

    return guarded


def _data(value: Any) -> Any:
    return np.asarray(value) if proxies.is_remote(value) and hasattr(value, "__array__") else value


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape that numpy sees; None for what is no array, such as ragged lists."""
    try:
        return np.shape(value) if proxies.is_remote(value) else np.asarray(value).shape
    except (ValueError, TypeError):
        return None


def _disagreement(name: str, first: tuple, second: tuple) -> Any:
    if name.startswith("assert_"):
        raise AssertionError(f"arrays of different shapes: {first} and {second}")
    return np.False_ if name == "isclose" else False
