"""The player's end of the wire: holds the student's objects and answers.

It runs in the student's process, so the referee believes nothing of it. It only has to work for honest students,
whatever they did to builtins, numpy or sys: hence the private builtins and the names bound at import.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import io
import linecache
import math
import operator
import socket
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from autograder.wire import library, limits
from autograder.wire.ambient import Applied
from autograder.wire.channel import Channel
from autograder.wire.limits import Fatal, words
from autograder.wire.peer import Peer

__builtins__ = limits.PRIVATE_BUILTINS

_MISSING = object()
_RLock = threading.RLock
_simplefilter = warnings.simplefilter
_signature, _getsource = inspect.signature, inspect.getsource
_format_exception, _walk_tb, _getline = traceback.format_exception, traceback.walk_tb, linecache.getline


def serve(
    sock: socket.socket, namespace: dict[str, Any], *, liar: str | None = None, lied_fd: int | None = None
) -> None:
    """Answer a referee on `sock` until it hangs up. `namespace`: the student's global names.

    `liar`: answer wrongly, in one of the ways of `autograder.inside.liars.KINDS`; a byte is written to `lied_fd` at
    the first lie that changed something.
    """
    player = Player(Channel(sock), namespace)
    if liar is not None:
        from autograder.inside import liars

        player.perform = liars.lying(liar, player.perform, lied_fd)  # type: ignore[method-assign, assignment]
    player.run()


class Printed(io.TextIOBase):
    """Standard output or error while a test asks: kept for the next answer, up to a bound."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = limits.OUTPUT

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text = str(text)
        self._parts.append(text[: self._room])
        self._room -= min(self._room, len(text))
        return len(text)

    def take(self) -> str:
        text, self._parts, self._room = "".join(self._parts), [], limits.OUTPUT
        return text


class Player(Peer):
    parity = 1
    trusting = True

    def __init__(self, channel: Channel, namespace: dict[str, Any]) -> None:
        super().__init__(channel)
        self._namespace = namespace
        self._watched: dict[str, Any] = {}  # names that the test uses, and what it knows them to be
        self._objects: dict[int, Any] = {}
        self._handles: dict[int, int] = {}  # id of an object -> its handle
        self._next_handle = 1
        self._described: set[int] = set()
        self._members: dict[tuple[int, str], Any] = {}  # methods as they were when their class was described
        self._new_classes: list[list] = []
        self._theirs: dict[int, Any] = {}  # objects of the test, by their number
        self._their_numbers: dict[int, int] = {}
        self._their_classes: dict[tuple, type] = {}
        self._their_errors: dict[int, tuple[BaseException, int]] = {}
        self._turn = _RLock()  # threads of the student's code use objects of the test one after the other
        self._warned: list[list[str]] = []
        self._printed, self._errors = Printed(), Printed()
        self._ambient = Applied()

    def run(self) -> None:
        sys.stdout, sys.stderr = self._printed, self._errors
        _attempt(lambda: _simplefilter("always"), None)  # the test's own filters decide what becomes of them
        warnings.showwarning = self._show_warning  # type: ignore[assignment]
        try:
            with suppress(Fatal):
                self._serve()
        finally:
            self._ambient.end()

    # -- what the test asks

    def perform(self, op: str, args: list, keywords: dict) -> Any:
        """Do one operation of a request. What it raises is the answer, too."""
        if op in _OPERATIONS:
            return _OPERATIONS[op](*args, **keywords)
        if op == "bind":
            self._watched |= dict.fromkeys(args[0], _MISSING)
            return None  # the tail of the answer tells the names, by way of the next
        if op == "name":
            return args[0]
        raise ValueError(op)

    def _serve(self) -> Any:
        """Answer requests until one of ours is answered; the referee is in the middle of one of its own meanwhile."""
        while True:
            kind, *message = self.receive()
            if kind == "ask":
                self._answer(*message)
                continue
            self._ambient.apply(message[1], self.decode)
            result = self.decode(message[0])
            if kind == "raise":
                raise result
            return result

    def _answer(self, op: str, args: list, keywords: list, names: list, changes: list) -> None:
        try:
            self._ambient.apply(changes, self.decode)
            self._assign(names)
            result = self.perform(op, [self.decode(a) for a in args], {k: self.decode(v) for k, v in keywords})
            self.send(lambda: ["answer", self.encode(result), self._tail()])
        except Fatal:
            raise
        except BaseException as error:
            self._report(error)

    def _assign(self, names: list) -> None:
        for name, *value in names:
            if value:
                self._namespace[name] = self._watched[name] = self.decode(value[0])
            else:
                self._namespace.pop(name, None)
                self._watched[name] = _MISSING

    def _report(self, error: BaseException) -> None:
        trace = _attempt(lambda: "".join(_trace(error))[-4000:], "")
        _, thrown = self._their_errors.get(id(error), (None, None))
        try:
            self.send(lambda: ["error", self._exception(error, True), thrown, trace, self._tail()])
        except Exception:  # something in the exception cannot cross
            self.send(lambda: ["error", self._exception(error, False), thrown, trace, self._tail()])

    def _exception(self, error: BaseException, whole: bool, depth: int = 0) -> list:
        text = _attempt(lambda: str(error)[:4000], "")
        args, attributes, cause = [text], [], None
        if whole:
            args = [self.encode(a) for a in error.args]
            public = [(n, v) for n, v in getattr(error, "__dict__", {}).items() if type(n) is str and n[:1] != "_"]
            attributes = [[n, self.encode(v)] for n, v in public[:50]]
            if error.__cause__ is not None and depth < 5:
                cause = self._exception(error.__cause__, whole, depth + 1)
        return [self._exception_class(type(error)), args, text, attributes, cause]

    def _exception_class(self, kind: type) -> list:
        """A class that the referee has, or one of the student's; a library's own class counts as its nearest base."""
        for base in kind.__mro__:
            name = library.trusted_name(base)
            if name is not None:
                return ["global", name]
            if base.__module__.partition(".")[0] not in ("numpy", "scipy"):
                return ["class", self.describe(base)]
        return ["global", "builtins.Exception"]

    def _tail(self) -> list:
        names = [
            [n] if v is _MISSING else [n, self.encode(self.perform("name", [v, n], {}))]
            for n, v in self._changed_names()
        ]
        warned, self._warned = self._warned, []
        return [self._printed.take(), self._errors.take(), warned, names, self._ambient.drawn()]

    def _changed_names(self) -> list[tuple[str, Any]]:
        out = []
        for name, known in self._watched.items():
            value = self._namespace.get(name, _MISSING)
            if value is not known:
                self._watched[name] = value
                out.append((name, value))
        return out

    def _show_warning(self, message: Any, category: type, *rest: Any) -> None:
        name = next((n for n in map(library.trusted_name, category.__mro__) if n), "builtins.UserWarning")
        if len(self._warned) < 100:
            self._warned.append([str(message)[:2000], name])

    # -- objects that go out

    def encode_object(self, value: Any) -> list:
        number = self._their_numbers.get(id(value))
        if number is not None:
            return ["callback", number]
        name = library.trusted_name(value)
        if name is not None:
            return ["global", name]
        if isinstance(value, type):
            return ["class", self.describe(value)]
        return ["object", self._handle(value), self.describe(type(value))]

    def describe(self, cls: type) -> int:
        """The handle of a class. The first time, its description goes along: see `proxies.mirror`."""
        handle = self._handle(cls)
        if handle not in self._described:
            self._described.add(handle)
            bases = [self._base(b) for b in cls.__bases__ if b is not object]
            members = [n for n, v in cls.__dict__.items() if type(n) is str and _is_method(v)]
            real = next((b.__name__ for b in cls.__mro__ if library.REAL_TYPES.get(b.__name__) is b), None)
            self._members |= {(handle, name): cls.__dict__[name] for name in members}
            description = [cls.__name__, str(cls.__module__), bases, _operators(cls), members, _is_exception(cls), real]
            self._new_classes.append([handle, *description])
        return handle

    def classes(self) -> list:
        return self._new_classes

    def sent(self) -> None:
        self._new_classes = []

    def _base(self, base: type) -> int | str:
        name = library.offered_name(base)
        return name if name and (base.__module__ == "builtins" or _is_exception(base)) else self.describe(base)

    def _handle(self, value: Any) -> int:
        handle = self._handles.get(id(value))
        if handle is None:
            handle = self._handles[id(value)] = self._next_handle
            self._objects[handle] = value
            self._next_handle += 1
        return handle

    # -- objects that come in

    def decode_object(self, tree: list) -> Any:
        tag, *rest = tree
        if tag in ("object", "class"):
            return self._objects[rest[0]]
        if tag == "global":
            return library.OFFERED[rest[0]]
        if tag == "module":
            return library.MODULES[rest[0]]
        if tag == "member":
            return self._members[tuple(rest)]
        if tag == "callback":
            return self._their_object(*rest)
        if tag == "exception":
            return self._their_exception(*rest)
        raise ValueError(tag)

    def take_classes(self, classes: list) -> None: ...

    def take_drops(self, drops: list[int]) -> None:
        for drop in drops:
            if drop > 0:
                self.forget(drop)
            else:
                value = self._objects.pop(-drop, _MISSING)
                self._handles.pop(id(value), None)

    def _their_object(self, number: int, kind: str, name: str, operators: list[str]) -> Any:
        if number not in self._theirs:
            made = self._their_function(number, name) if kind in ("function", "class") else None
            if made is None:
                cls = self._their_class(name, tuple(operators))
                made = object.__new__(cls)
                made.__dict__["_number"] = number
            self._theirs[number] = made
            self._their_numbers[id(made)] = number
        return self._theirs[number]

    def _their_function(self, number: int, name: str) -> Callable[..., Any]:
        def function(*args: Any, **keywords: Any) -> Any:
            return self._use(number, "call", args, keywords)

        function.__name__ = function.__qualname__ = name
        return function

    def _their_class(self, name: str, operators: tuple[str, ...]) -> type:
        """A class for objects of a test's own class: whatever is done with one is asked for."""
        if (name, operators) not in self._their_classes:
            body: dict[str, Any] = {f"__{op}__": self._their_method(op) for op in operators if op != "hash"}
            body |= {"__module__": "__main__", "__hash__": object.__hash__}
            body |= {"__getattr__": self._their_attribute("getattr"), "__setattr__": self._their_attribute("setattr")}
            self._their_classes[name, operators] = type(name, (), body)
        return self._their_classes[name, operators]

    def _their_method(self, op: str) -> Callable[..., Any]:
        return lambda obj, *args, **keywords: self._use(obj.__dict__["_number"], op, args, keywords)

    def _their_attribute(self, op: str) -> Callable[..., Any]:
        def attribute(obj: Any, name: str, *value: Any) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return self._use(obj.__dict__["_number"], op, (name, *value), {})

        return attribute

    def _use(self, number: int, op: str, args: tuple, keywords: dict) -> Any:
        """A callback: have the referee use an object of the test."""
        with self._turn:
            self.send(
                lambda: [
                    "call",
                    number,
                    op,
                    [self.encode(a) for a in args],
                    [[k, self.encode(v)] for k, v in keywords.items()],
                    self._tail(),
                ]
            )
            return self._serve()

    def _their_exception(self, number: int, form: list, args: list, text: str) -> BaseException:
        kind = self._their_exception_class(*form)
        try:
            error = kind(*[self.decode(a) for a in args])
        except Exception:
            error = RuntimeError(text)
        self._their_errors[id(error)] = error, number
        return error

    def _their_exception_class(self, tag: str, name: Any, base: str = "") -> type:
        if tag == "class":
            return self._objects[name]
        known = library.OFFERED[base]
        return type(name, (known,), {"__module__": "__main__"}) if name else known


def _attempt(function: Callable[[], Any], default: Any) -> Any:
    try:
        return function()
    except Exception:
        return default


def _trace(error: BaseException) -> Iterator[str]:
    """What Python would print, without the marks below the lines: finding their columns takes longer than the call."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _format_exception(before)
        yield "\nwhich led to:\n\n"
    for frame, line in _walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        yield f'  File "{file}", line {line}, in {frame.f_code.co_name}\n    {_getline(file, line).strip()}\n'
    yield f"{type(error).__name__}: {error}\n"


def _is_exception(cls: type) -> bool:
    return issubclass(cls, BaseException)


def _is_method(value: Any) -> bool:
    return callable(value) or isinstance(value, (staticmethod, classmethod))


def _operators(cls: type) -> list[str]:
    own = [k.__dict__ for k in cls.__mro__ if k not in (object, type, BaseException, Exception)]
    hashable = cls.__hash__ is not None
    return [op for op in library.OPERATORS if any(f"__{op}__" in d for d in own) and (op != "hash" or hashable)]


# -- operations


def _import(name: str) -> types.ModuleType:
    importlib.import_module(name)
    return sys.modules[name]


def _parameters(function: Any) -> list[tuple]:
    """What `proxies.signature` makes a signature of. A default that is an object of the student's goes as one."""
    return [
        (p.name, int(p.kind), p.default is not p.empty, None if p.default is p.empty else p.default)
        for p in _signature(function).parameters.values()
    ]


def _subclass(name: str, bases: list[type], body: dict[str, Any]) -> type:
    return types.new_class(name, tuple(bases), exec_body=lambda namespace: namespace.update(body))


def _special(op: str) -> Callable[..., Any]:
    return lambda obj, *args: getattr(type(obj), f"__{op}__")(obj, *args)


def _of_operator(op: str) -> Callable[..., Any]:
    return getattr(operator, op + "_" if op in ("and", "or") else op)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda function, *args, **keywords: function(*args, **keywords),
    "ufunc": lambda ufunc, method, *args, **keywords: getattr(ufunc, method)(*args, **keywords),
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "dir": dir,
    "next": next,
    "iter": iter,
    "len": len,
    "reversed": reversed,
    "divmod": divmod,
    "bool": bool,
    "int": int,
    "float": float,
    "complex": complex,
    "bytes": bytes,
    "round": round,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "hash": hash,
    "repr": repr,
    "str": str,
    "format": format,
    "enter": _special("enter"),
    "exit": _special("exit"),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "signature": _parameters,
    "source": _getsource,
    "module": _import,
    "subclass": _subclass,
    "property": property,
    "staticmethod": staticmethod,
    "classmethod": classmethod,
    **{
        op: _of_operator(op)
        for op in words(
            """add sub mul truediv floordiv mod pow matmul and or xor lshift rshift neg pos abs invert
            iadd isub imul itruediv ifloordiv imod ipow imatmul iand ior ixor ilshift irshift
            eq ne lt le gt ge getitem setitem delitem contains index"""
        )
    },
}
