"""Universal wrong submissions: a right solution behind a player that lies.

A good hidden test fails each of them, and no author writes anything for it. A liar changes what student code gives
(results of calls; values of variables, attributes and items), what it does to its arguments and to what it returned
before, or the answers of its operators.

To add one, add a function to `_LIES` that takes the true `perform` and returns a lying one. It calls `tell(lie, truth)`
for what it says instead of the truth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

Perform = Callable[[str, list, dict], Any]
Tell = Callable[[Any, Any], Any]  # (lie, truth) -> lie, noting whether it differs

_CONTAINER_DEPTH = 4
_PLAIN = (int, float, str, list, tuple, dict)


def lying(kind: str, perform: Perform, lied_fd: int | None = None) -> Perform:
    """`perform`, lying in the way of `kind`. One byte goes to `lied_fd` at the first lie that changed something."""
    told = False

    def tell(lie: Any, truth: Any) -> Any:
        nonlocal told
        if not told and not _alike(lie, truth):
            told = True
            if lied_fd is not None:
                os.write(lied_fd, b"!")
        return lie

    return _LIES[kind](perform, tell)


def _about_results(change: Callable[[Any], Any]) -> Callable[[Perform, Tell], Perform]:
    """A liar that changes every value that student code gives."""

    def liar(perform: Perform, tell: Tell) -> Perform:
        def lie(op: str, args: list, keywords: dict) -> Any:
            truth = perform(op, args, keywords)
            return tell(change(truth), truth) if _gives_a_value(op, args) else truth

        return lie

    return liar


def _raising(error: type[Exception]) -> Callable[[Perform, Tell], Perform]:
    def liar(perform: Perform, tell: Tell) -> Perform:
        def lie(op: str, args: list, keywords: dict) -> Any:
            if op == "call" and _gives_a_value(op, args):
                tell(error, None)
                raise error("no")
            return perform(op, args, keywords)

        return lie

    return liar


def _always_true(perform: Perform, tell: Tell) -> Perform:
    def lie(op: str, args: list, keywords: dict) -> Any:
        truth = perform(op, args, keywords)
        return tell(True, truth) if op in ("eq", "bool", "contains", "lt", "le", "gt", "ge") else truth

    return lie


def _as_the_first_time(perform: Perform, tell: Tell) -> Perform:
    first: dict[Any, Any] = {}

    def lie(op: str, args: list, keywords: dict) -> Any:
        truth = perform(op, args, keywords)
        if not _gives_a_value(op, args) or not _is_plain(truth):
            return truth
        return tell(first.setdefault(_asked(op, args), truth), truth)

    return lie


def _asked(op: str, args: list) -> tuple:
    """What a value was asked from: a function or method, an attribute or variable of that name, a container."""
    if op == "call":
        return op, getattr(args[0], "__qualname__", id(args[0]))
    return (op, args[1]) if op in ("getattr", "name") else (op, id(args[0]))


def _zeroing_inputs(perform: Perform, tell: Tell) -> Perform:
    def lie(op: str, args: list, keywords: dict) -> Any:
        if op == "call":
            before = repr(args[1:])
            for arg in args[1:]:
                _zero_in_place(arg)
            tell(repr(args[1:]), before)
        return perform(op, args, keywords)

    return lie


def _zeroing_results(perform: Perform, tell: Tell) -> Perform:
    """From the first time that a test takes an input from an earlier result: it may compute what it wants from that."""
    given: list[np.ndarray] = []
    came_back = False

    def lie(op: str, args: list, keywords: dict) -> Any:
        nonlocal came_back
        if op != "call":
            return perform(op, args, keywords)
        taken = _arrays_in([args[1:], keywords])
        came_back = came_back or _overlap(taken, given)
        if came_back:
            before = repr(given)
            for array in given:
                _zero_in_place(array)
            tell(repr(given), before)
        truth = perform(op, args, keywords)
        given.extend(array for array in _arrays_in(truth) if not _overlap([array], taken))
        return truth

    return lie


def _argument_back(perform: Perform, tell: Tell) -> Perform:
    def lie(op: str, args: list, keywords: dict) -> Any:
        truth = perform(op, args, keywords)
        lies = op == "call" and len(args) > 1 and _gives_a_value(op, args) and _is_plain(truth)
        return tell(args[1], truth) if lies else truth

    return lie


def _gives_a_value(op: str, args: list) -> bool:
    """Whether an operation gives something that student code made, and not just a new object of a class."""
    return op in ("name", "getattr", "getitem", "next", "len") or (op == "call" and not isinstance(args[0], type))


# -- changes of one value


def _deep(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The change applied to each item of tuples, lists and dicts; where none changes, it stays the same object."""

    def apply(value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if kind not in (list, tuple, dict) or depth == _CONTAINER_DEPTH:
            return change(value)
        items = list(value.values()) if kind is dict else list(value)
        changed = [apply(item, depth + 1) for item in items]
        if all(new is old for new, old in zip(changed, items, strict=True)):
            return value
        return dict(zip(value, changed, strict=True)) if kind is dict else kind(changed)

    return apply


def _zero(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.zeros_like(value) if value.dtype.kind in "iufc" else value
    return type(value)(0) if _is_number(value) else value


def _nan(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.full_like(value, np.nan) if value.dtype.kind in "fc" else value
    return type(value)(np.nan) if _is_number(value) and not isinstance(value, (int, np.integer)) else value


def _empty(value: Any) -> Any:
    return np.empty((0,) + (1,) * max(value.ndim, 1), value.dtype) if isinstance(value, np.ndarray) else value


def _extra_axis(value: Any) -> Any:
    return value[..., None] if isinstance(value, np.ndarray) else value


def _pretender(value: Any) -> Any:
    return Pretender() if _is_plain(value) else value


def _nothing(value: Any) -> Any:
    return None if _is_plain(value) else value


class Pretender:
    """An object that equals everything and agrees to every comparison."""

    def __getattr__(self, name: str) -> Pretender:
        if name.startswith("__"):
            raise AttributeError(name)
        return Pretender()

    def __call__(self, *args: Any, **keywords: Any) -> Pretender:
        return Pretender()

    def __getitem__(self, key: Any) -> Pretender:
        return Pretender()

    def __len__(self) -> int:
        return 3

    def __hash__(self) -> int:
        return 0

    def __ne__(self, other: object) -> bool:
        return False


for _op in ["eq", "lt", "le", "gt", "ge", "bool", "contains"]:
    setattr(Pretender, f"__{_op}__", lambda *args: True)
for _op in ["sub", "rsub", "abs", "float"]:
    setattr(Pretender, f"__{_op}__", lambda *args: 0.0)


def _zero_in_place(value: Any, depth: int = 0) -> None:
    if isinstance(value, np.ndarray):
        if value.flags.writeable and value.dtype.kind in "iufc":
            value[...] = 0
    elif type(value) in (list, dict) and depth < _CONTAINER_DEPTH:
        items = list(value.values()) if type(value) is dict else value
        if type(value) is list and value and all(map(_is_number, value)):
            value[:] = [0] * len(value)
        for item in items:
            _zero_in_place(item, depth + 1)


def _arrays_in(value: Any, depth: int = 0) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    if type(value) not in (list, tuple, dict) or depth == _CONTAINER_DEPTH:
        return []
    items = value.values() if type(value) is dict else value
    return [array for item in items for array in _arrays_in(item, depth + 1)]


def _overlap(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return any(np.may_share_memory(a, b) for a in some for b in others)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float, complex) or isinstance(value, np.number)


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or isinstance(value, (np.ndarray, np.generic))


def _alike(a: Any, b: Any) -> bool:
    return type(a) is type(b) and repr(a) == repr(b)


_LIES: dict[str, Callable[[Perform, Tell], Perform]] = {
    "zeros": _about_results(_deep(_zero)),
    "nan": _about_results(_deep(_nan)),
    "empty arrays": _about_results(_deep(_empty)),
    "extra axis": _about_results(_deep(_extra_axis)),
    "object equal to all": _about_results(_pretender),
    "zeroes its inputs": _zeroing_inputs,
    "zeroes its earlier results": _zeroing_results,
    "raises ValueError": _raising(ValueError),
    "raises StopIteration": _raising(StopIteration),
    "always true": _always_true,
    "same as the first time": _as_the_first_time,
    "returns None": _about_results(_nothing),
    "returns its argument": _argument_back,
}

KINDS: tuple[str, ...] = tuple(_LIES)
