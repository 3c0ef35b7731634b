"""Library objects that both sides have and that cross by name: `np.tanh`, `float`, `KeyError`.

`OFFERED` may be named by the referee: functions and classes that a test passes to student code. `TRUSTED`, a part of
it, may be named by the player: what is inert in a referee's hands (classes, exceptions, ufuncs, functions of math).
"""

from __future__ import annotations

import abc
import builtins
import collections
import collections.abc
import copy
import csv
import dataclasses
import decimal
import json
import math
import operator
import queue
import re
import statistics
import struct
import types
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np

from autograder.wire import limits, values
from autograder.wire.limits import words

__builtins__ = limits.PRIVATE_BUILTINS

OPERATORS = tuple(
    words(
        """add sub mul truediv floordiv mod pow matmul and or xor lshift rshift divmod
        radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul rand ror rxor rlshift rrshift rdivmod
        iadd isub imul itruediv ifloordiv imod ipow imatmul iand ior ixor ilshift irshift
        neg pos abs invert eq ne lt le gt ge len getitem setitem delitem contains iter next reversed
        bool int float complex index round trunc floor ceil repr str format bytes enter exit call hash"""
    )
)
"""Special methods that cross the wire, without their underscores. No others do."""

OFFERED: dict[str, Any] = {}
TRUSTED: dict[str, Any] = {}
MODULES = {m.__name__: m for m in (np, np.linalg, np.random, np.fft, math)}

PLAYER_MODULES = ("matplotlib",)
"""Modules whose objects live in the player: a test that imports one gets the player's."""

_REAL_TYPES: tuple[type, ...] = (
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.GeneratorType, types.ModuleType,
    types.CodeType, types.MappingProxyType, property, map, zip, filter, enumerate, reversed,
    type({}.keys()), type({}.values()), type({}.items()),
    list, dict, set, frozenset, tuple, str, bytes, int, float, complex,
    *map(type, map(iter, ([], (), {}, {}.values(), {}.items(), range(0), set(), ""))),
)  # fmt: skip
REAL_TYPES = {t.__name__: t for t in _REAL_TYPES}
"""What a proxy may claim as its `__class__`, so that `inspect.isfunction(adam)` is true of a student's adam, and
`isinstance(stack, list)` of an object whose class derives from list."""

_ACTS_ON_THE_PROCESS = frozenset(
    words(
        """exec eval compile open input __import__ breakpoint exit quit copyright credits license help globals locals
        vars dir print"""
    )
)
_MAKES_CLASSES = {"type", "super", "property", "classmethod", "staticmethod", "memoryview"}
_ENDS_A_PROGRAM = {"BaseException", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseExceptionGroup"}


def offered_name(value: Any) -> str | None:
    """The name by which the referee may hand `value` over."""
    return _OFFERED_BY_ID.get(id(value))


def trusted_name(value: Any) -> str | None:
    """The name by which the player may hand `value` over."""
    return _TRUSTED_BY_ID.get(id(value))


def is_exception(value: Any) -> TypeGuard[type[BaseException]]:
    return isinstance(value, type) and issubclass(value, BaseException)


def _admit(module: types.ModuleType, trusted: Callable[[Any], bool]) -> None:
    for name, value in sorted(vars(module).items()):  # not `dir`: numpy would import all that it can
        if not name.startswith("_") and callable(value):
            OFFERED.setdefault(f"{module.__name__}.{name}", value)
            if trusted(value):
                TRUSTED.setdefault(f"{module.__name__}.{name}", value)


def _fill() -> None:
    for name, value in vars(builtins).items():
        if name.startswith("_") or name in _ACTS_ON_THE_PROCESS or not callable(value):
            continue
        OFFERED[f"builtins.{name}"] = value
        ends = is_exception(value) and not issubclass(value, Exception)
        if isinstance(value, type) and name not in _MAKES_CLASSES and (not ends or name in _ENDS_A_PROGRAM):
            TRUSTED[f"builtins.{name}"] = value
    inert = (np.ndarray, np.dtype, np.random.Generator)
    _admit(np, lambda o: isinstance(o, np.ufunc) or (isinstance(o, type) and issubclass(o, (np.generic, *inert))))
    for module in _MODULES_WITH_EXCEPTIONS:
        _admit(module, is_exception)
    _admit(math, lambda o: not isinstance(o, type))
    _admit(operator, lambda o: False)
    _admit(collections.abc, lambda o: isinstance(o, type))
    OFFERED["abc.ABC"] = abc.ABC
    for kind in (*(form.kind for form in values.FORMS.values()), *_CONTAINERS):
        OFFERED[_full_name(kind)] = TRUSTED[_full_name(kind)] = kind


_CONTAINERS = (
    collections.OrderedDict, collections.Counter, collections.defaultdict, collections.deque,
    np.random.Generator, np.random.RandomState,
)  # fmt: skip


_MODULES_WITH_EXCEPTIONS = (
    np.linalg, np.exceptions, copy, csv, dataclasses, decimal, json, queue, re, statistics, struct
)  # fmt: skip


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_fill()
_OFFERED_BY_ID: dict[int, str] = {}
_TRUSTED_BY_ID: dict[int, str] = {}
for _name, _value in OFFERED.items():
    _OFFERED_BY_ID.setdefault(id(_value), _name)
for _name, _value in TRUSTED.items():
    _TRUSTED_BY_ID.setdefault(id(_value), _name)
