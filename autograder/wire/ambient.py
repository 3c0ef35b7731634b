"""State of the process that a call depends on without being told: it goes along with each request.

The referee's side pushes numpy's error state, both global random streams and what a test patched in library modules
(`mock.patch("builtins.input")`, `np.dot = None`); the player's side makes it so. Random streams come back, if they are
the referee's own, drawn further.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from autograder.wire import limits
from autograder.wire.limits import words
from autograder.wire.random_states import STREAMS, Twister, twister, twister_went_on

__builtins__ = limits.PRIVATE_BUILTINS

_setattr, _getattr = setattr, getattr

PATCHABLE = words(
    """numpy numpy.linalg numpy.fft numpy.random math time random itertools functools collections
    scipy.linalg scipy.optimize"""
)
ALWAYS_WATCHED = ("input", "print", "open")  # of builtins

_STREAM = re.compile(r"\brandom\.(?!default_rng|Generator|SeedSequence|PCG64)|\bimport random\b|\brandom import\b")

Change = list[Any]  # [what, value...]


def patches_modules(source: str) -> bool:
    """Whether a test may assign to attributes of modules, which makes each of its requests several times slower.

    It may if it says `patch` or `setattr` anywhere, or assigns to an attribute of something that it imports.
    """
    nodes = list(ast.walk(ast.parse(source)))
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    for node in nodes:
        name = getattr(node, "id", None) or getattr(node, "attr", None) or ""
        if "patch" in name or name in ("setattr", "delattr", "__dict__", "vars"):
            return True
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            owner: ast.expr = node
            while isinstance(owner, ast.Attribute):
                owner = owner.value
            if not isinstance(owner, ast.Name) or owner.id in imported:
                return True
    return False


def draws_from_a_global_stream(source: str) -> bool:
    """Whether a test may use numpy's or Python's global random numbers; generators of its own are no such thing."""
    return bool(_STREAM.search(source))


class Watch:
    """The referee's side. `random_too`: whether the test uses random numbers; `patches`: see `patches_modules`."""

    def __init__(self, random_too: bool, patches: bool) -> None:
        self._errors = np.geterr()
        self._streams: dict[str, Twister | None] = {n: s.get() for n, s in STREAMS.items()} if random_too else {}
        self._patched: dict[tuple[str, str], Any] = {}
        watched: dict[ModuleType, Any] = {builtins: ALWAYS_WATCHED}
        if patches:
            watched |= {sys.modules[m]: None for m in PATCHABLE if m in sys.modules}
        self._originals = {m: {n: vars(m)[n] for n in (names or vars(m))} for m, names in watched.items()}

    def changes(self, encode: Callable[[Any], Any]) -> list[Change]:
        """What changed since the last request."""
        return [*self._error_changes(), *self._stream_changes(), *self._patch_changes(encode)]

    def drawn(self, name: str, form: Any) -> None:
        """The player's stream is here now. Taken over if it is ours, drawn further; else ours goes out again."""
        mine, theirs = self._streams.get(name), twister(form)
        if mine is None or theirs is None:
            return
        self._streams[name] = None
        if twister_went_on(mine, theirs, STREAMS[name].second_normal):
            STREAMS[name].set(theirs)
            self._streams[name] = theirs

    def _error_changes(self) -> Iterator[Change]:
        errors = np.geterr()
        if errors != self._errors:
            self._errors = errors
            yield ["errors", *errors.items()]

    def _stream_changes(self) -> Iterator[Change]:
        for name, last in self._streams.items():
            state = STREAMS[name].get()
            if state != last and state is not None:
                self._streams[name] = state
                yield ["stream", name, *state]

    def _patch_changes(self, encode: Callable[[Any], Any]) -> Iterator[Change]:
        for module, originals in self._originals.items():
            now = vars(module)
            for name, original in originals.items():
                key, value = (module.__name__, name), now.get(name)
                if value is not original and self._patched.get(key) is not value:
                    yield ["patch", *key, encode(value)]
                    self._patched[key] = value
                elif value is original and key in self._patched:
                    del self._patched[key]
                    yield ["restore", *key]


class Applied:
    """The player's side."""

    def __init__(self) -> None:
        self._streams: dict[str, Twister] = {}
        self._own_streams: dict[str, Twister | None] = {}  # as they were before the test's own took their place
        self._originals: dict[tuple[str, str], Any] = {}

    def apply(self, changes: list[Change], decode: Callable[[Any], Any]) -> None:
        for what, *value in changes:
            if what == "errors":
                np.seterr(**dict(value))
            elif what == "stream":
                name, state = value[0], Twister(*value[1:])
                if name not in self._own_streams:
                    self._own_streams[name] = STREAMS[name].get()
                self._streams[name] = state
                STREAMS[name].set(state)
            elif what == "patch":
                module = importlib.import_module(value[0])
                self._originals.setdefault((value[0], value[1]), _getattr(module, value[1], None))
                _setattr(module, value[1], decode(value[2]))
            elif what == "restore":
                _setattr(sys.modules[value[0]], value[1], self._originals.pop((value[0], value[1])))

    def drawn(self) -> list[list]:
        """`[name, state...]` of each stream that was drawn from since the last message."""
        out = []
        for name, last in self._streams.items():
            state = STREAMS[name].get()
            if state is not None and state != last:
                self._streams[name] = state
                out.append([name, *state])
        return out

    def end(self) -> None:
        """The submission's own random streams go on where they were."""
        for name, state in self._own_streams.items():
            if state is not None:
                STREAMS[name].set(state)


@contextmanager
def restored(random_too: bool = False) -> Iterator[None]:
    """Leave the process as it was: the next test of this submission may run in it.

    random_too: the global random streams as well, which takes as long as all the rest together.
    """
    errors, streams, recursion = np.geterr(), (sys.stdout, sys.stderr), sys.getrecursionlimit()
    states = (np.random.get_state(legacy=False), random.getstate()) if random_too else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            yield
    finally:
        if states is not None:
            np.random.set_state(states[0])
            random.setstate(states[1])
        np.seterr(**errors)
        sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(recursion)
