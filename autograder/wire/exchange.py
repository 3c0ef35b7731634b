"""The referee's end of the wire: asks for what it lacks, serves callbacks, and believes nothing.

    ["ask", operation, arguments, keywords, names, ambient]      -> player    a request
    ["answer", value, tail]                                      <- player    its result
    ["error", exception, thrown, traceback, tail] <- player      what it raised instead
    ["call", callback, operation, arguments, keywords, tail]     <- player    meanwhile: use an object of the test
    ["return", value, ambient] or ["raise", exception, ambient]  -> player    the result of that

An exception from the player is `[class, arguments, text, attributes, its cause or None]`; `thrown` is the number of
one that a callback raised. A tail tells what else changed in the player: `[printed, printed to stderr, warnings, names,
random streams]`.

**The record.** A place is a position in the test cell's source. A run of the reference solution records what happens
where; afterwards nothing else is granted (`allowed`):

- `objects`: objects of the submission arrive. At any other place one is `Opaque`;
- `operators`: operators of such objects act, `__exit__` hides an exception, a function lets the StopIteration of a
  test's iterator through, which may end a loop of the test;
- `empties`: arrays without elements arrive. Elsewhere one is `Opaque`, since a comparison of no elements is true;
- `broadcasts`: arrays of different shapes are compared (guards.py);
- `writes`: objects of the test that crossed there are changed. Changes of others are counted, or suppressed.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import threading
import types
import unittest.mock
import warnings
import weakref
from collections.abc import Iterable, Iterator
from io import BytesIO, StringIO
from typing import Any, NamedTuple

import numpy as np

from autograder.wire import library, limits, proxies, values
from autograder.wire.ambient import Watch
from autograder.wire.channel import Channel
from autograder.wire.limits import Fatal, NotCarried, refuse, words
from autograder.wire.peer import Entry, Peer
from autograder.wire.proxies import Opaque, RemoteMeta

TEST_FILE, SETUP_FILE = "<test", "<setup"  # how the names of files with the instructor's code begin

_MISSING = object()
_BINARY = words("add sub mul truediv floordiv mod pow matmul and or xor lshift rshift")
_DECIDING = {
    **{op: op for op in (*_BINARY, *words("divmod neg pos abs invert contains bool round"))},
    **{"i" + op: op for op in _BINARY},
    **dict.fromkeys(words("eq ne"), "eq"),
    **dict.fromkeys(words("lt le gt ge"), "order"),
}
"""Operators that may stand in a comparison or a tolerance, and the name under which they are recorded."""


_positions: dict[int, tuple[types.CodeType, list[str]]] = {}  # by the id of the code


def positions(code: types.CodeType) -> list[str]:
    """Where in its source each instruction comes from, as `line:column-line:column`."""
    known = _positions.get(id(code))
    if known is None:
        texts = [f"{a or 0}:{c or 0}-{b or 0}:{d or 0}" for a, b, c, d in code.co_positions()]
        known = _positions[id(code)] = code, texts  # with the code, whose id would be given to another one
    return known[1]


class Record:
    """What a run of the reference solution did at each place of a test cell. JSON-able by `as_json`."""

    def __init__(self, json: dict | None = None) -> None:
        json = json or {}
        self.objects: set[str] = set(json.get("objects", ()))
        self.operators: set[str] = set(json.get("operators", ()))
        self.empties: set[str] = set(json.get("empties", ()))
        self.broadcasts: set[str] = set(json.get("broadcasts", ()))
        self.writes: set[str] = set(json.get("writes", ()))
        self.number: bool | None = json.get("number")  # whether the last line gave a number

    def as_json(self) -> dict:
        return {
            "objects": sorted(self.objects),
            "operators": sorted(self.operators),
            "empties": sorted(self.empties),
            "broadcasts": sorted(self.broadcasts),
            "writes": sorted(self.writes),
            "number": self.number,
        }


class Exchange(Peer):
    """One conversation: the judgement of one test cell.

    `record`: of the reference solution. `learn`: fill it, and allow everything. `freeze`: the player cannot change
    objects of the test that the reference leaves alone.
    """

    parity = 0

    def __init__(
        self, channel: Channel, watch: Watch, record: Record, *, learn: bool = False, freeze: bool = False
    ) -> None:
        super().__init__(channel)
        self.watch, self.record, self.learn, self.freeze = watch, record, learn, freeze
        self.namespace: dict[str, Any] = {}
        self.asked = 0  # answers that the submission gave
        self.wrote = False  # whether it changed an object of the test that the reference leaves alone
        self.suppressed = False  # whether it was kept from that
        self.fatal: Fatal | None = None
        self.remote_traceback = ""
        self.classes_by_id: dict[int, type] = {}
        self._class_ids: dict[type, int] = {}
        self._class_facts: dict[int, tuple[str, bool]] = {}  # what its objects are called, whether one can be iterated
        self._handles: dict[tuple[int, bool], weakref.ref] = {}  # (number, whether opaque) -> proxy
        self._empties: dict[int, Opaque] = {}  # by token
        self._unused: set[int] = set()  # numbers of handles whose proxies are gone
        self._pending_drops: list[int] = []
        self._own: dict[int, tuple[Any, str, str, list[str]]] = {}  # callbacks: object, kind, name, special methods
        self._own_ids: dict[int, int] = {}
        self._thrown: dict[int, BaseException] = {}  # raised by callbacks
        self._failed_assertion: BaseException | None = None
        self._owned: frozenset[str] = frozenset()
        self._bound: set[str] = set()
        self._last: dict[str, Any] = {}
        self._requests = self._depth = 0
        self._lock = threading.RLock()  # for a foreign course's test that calls student code from threads

    # -- requests

    def bind(self, names: Iterable[str], owned: frozenset[str]) -> None:
        """Get the player's values of `names` into the namespace, and keep those in `owned` the same on both sides."""
        self._bound = set(names)
        self._owned = owned & self._bound
        if self._bound:
            self.request("bind", [sorted(self._bound)])
            self.asked = sum(not self._is_object(self.namespace[n]) for n in self._owned & self.namespace.keys())

    def request(self, op: str, args: Iterable[Any] = (), keywords: dict[str, Any] | None = None) -> Any:
        """Have the player do `op`; its result, or what it raised. Once the conversation is over, Fatal for ever."""
        with self._lock:
            if self.fatal is not None:
                raise self.fatal
            try:
                return self._request(op, list(args), keywords or {})
            except Fatal as fatal:
                self.fatal = fatal
                raise

    def expect(self, kind: type, op: str, *args: Any) -> Any:
        """A request whose result Python takes on trust: it must have exactly this type."""
        result = self.request(op, args)
        if type(result) is not kind:
            raise TypeError(f"__{op}__ returned no {kind.__name__}")
        return result

    def iterate(self, obj: Any) -> Iterator[Any]:
        iterator = self.request("iter", [obj])
        return iterator if isinstance(type(iterator), RemoteMeta) else self._items_of(iterator)

    def signature(self, obj: Any) -> inspect.Signature:
        return self.checked(proxies.signature, self.request("signature", [obj]))

    def module(self, name: str) -> Any:
        """A module of the player, whose objects live there."""
        self.asked -= 1
        return self.request("module", [name])

    def import_(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        """`__import__` for a test cell."""
        package = name.partition(".")[0]
        if level or package not in library.PLAYER_MODULES:
            return __import__(name, globals, locals, fromlist, level)
        module = self.module(name)
        return module if fromlist else self.module(package)

    def subclass(self, name: str, bases: tuple, body: dict[str, Any]) -> Any:
        """A test's own class with a base from the submission is made in the player, of functions of the test."""
        there = {k: self._member(v) for k, v in body.items() if k not in _MADE_BY_PYTHON}
        made = self.request("subclass", [name, list(bases), there])
        if "__classcell__" in body:
            body["__classcell__"].cell_contents = made
        return made

    def place_here(self) -> str:
        """Where in the test cell the present call is made: `line:column-line:column`.

        In a helper function of the setup or of an earlier cell: the place in the test, and the place there.
        """
        frame: types.FrameType | None = sys._getframe(1)
        inner = ""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(TEST_FILE):
                return inner + self._position(frame)
            if file.startswith(SETUP_FILE) and not inner:
                inner = f"{self._position(frame)} of {frame.f_code.co_name} from "
            frame = frame.f_back
        return inner

    def allowed(self, noted: set[str], key: str) -> bool:
        """Whether the reference did this too; while learning, note that it does."""
        if self.learn:
            noted.add(key)
        return key in noted

    def _request(self, op: str, args: list[Any], keywords: dict[str, Any]) -> Any:
        self._count()
        place = self.place = "module" if op == "module" else self.place_here()
        self._check_operator(op, args, place)
        self.send(
            lambda: [
                "ask",
                op,
                [self._encode_at(f"{place} argument {i}", a) for i, a in enumerate(args)],
                [[k, self._encode_at(f"{place} argument {k}", v)] for k, v in keywords.items()],
                self._changed_names(),
                self.watch.changes(self.encode),
            ]
        )
        while True:
            self.place = place
            kind, *message = self.checked(_parts, self.receive())
            if kind == "answer":
                return self._answer(message)
            if kind == "error":
                raise self._error(message, op)
            if kind != "call":
                refuse("kind of message")
            self._callback(message)

    def _check_operator(self, op: str, args: list[Any], place: str) -> None:
        name = _DECIDING.get(op) or (f"ufunc {args[0].__name__}" if op == "ufunc" else None)
        if name is not None and not self.allowed(self.record.operators, f"{name} at {place}"):
            raise TypeError(
                f"an object of the submission would decide with its own {name!r} where plain data is expected"
            )

    def _encode_at(self, place: str, value: Any) -> Any:
        """The form of a value; a shared object that crosses for the first time gets this place."""
        self.place = place
        return self.encode(value)

    def _answer(self, message: list) -> Any:
        value, warned = self.checked(self._read_answer, *message)
        self.asked += 1
        self._raise_failed_assertion()
        self._warn(warned)
        return value

    def _read_answer(self, form: Any, tail: list) -> tuple[Any, list]:
        value = self.decode(form)
        if self.learn and type(value) in (list, tuple) and not value:
            self.record.empties.add(self.place)  # where a list may be empty, so may an array
        return value, self._tail(tail)

    def _count(self) -> None:
        self._requests += 1
        if self._requests > limits.REQUESTS:
            raise Fatal("timeout", "too many requests")

    def _items_of(self, iterator: Any) -> Iterator[Any]:
        while True:
            try:
                item = self.request("next", [iterator])
            except StopIteration:
                return
            yield item

    def _changed_names(self) -> list:
        """Assignments and deletions of names that live in the player, since the last request."""
        out = []
        for name in self._owned:
            now = self.namespace.get(name, _MISSING)
            if now is not self._last.get(name, _MISSING):
                out.append([name] if now is _MISSING else [name, self._encode_at(f"name {name}", now)])
                self._last[name] = now
        return out

    def _position(self, frame: types.FrameType) -> str:
        return positions(frame.f_code)[frame.f_lasti // 2]

    # -- what else comes with an answer

    def _tail(self, tail: list) -> list:
        printed, errors, warned, names, streams = tail
        for text, stream in ((printed, sys.stdout), (errors, sys.stderr)):
            if text:
                stream.write(str(text)[: limits.OUTPUT])
        place = self.place
        for name, *value in names:
            if name not in self._bound:
                refuse("name")
            self.place = f"name {name}"
            if value:
                self.namespace[name] = self._last[name] = self.decode(value[0])
            else:
                self.namespace.pop(name, None)
                self._last.pop(name, None)
        self.place = place
        for name, *state in streams:
            self.watch.drawn(name, state)
        return [[str(text), proxies.trusted_exception(category)] for text, category in warned[:100]]

    def _warn(self, warned: list) -> None:
        """May raise, where the test turned warnings into errors."""
        for text, category in warned:
            warnings.warn(text, category if issubclass(category, Warning) else UserWarning, stacklevel=6)

    def _error(self, message: list, op: str) -> BaseException:
        error, is_ours, warned = self.checked(self._read_error, *message)
        self.asked += 1
        self._raise_failed_assertion()
        self._warn(warned)
        if op == "next" or not isinstance(error, (StopIteration, StopAsyncIteration, GeneratorExit)):
            return error
        if is_ours and self.allowed(self.record.operators, f"stop at {self.place}"):
            return error
        return RuntimeError(f"the submission raised {type(error).__name__}")

    def _read_error(self, form: list, thrown: Any, traceback: Any, tail: list) -> tuple[BaseException, bool, list]:
        """The exception, whether a callback raised it, and warnings."""
        self.remote_traceback = str(traceback)[-4000:]
        warned = self._tail(tail)
        is_ours = thrown in self._thrown
        return self._thrown[thrown] if is_ours else self._make_error(*form), is_ours, warned

    def _make_error(self, kind: Any, args: list, text: str, attributes: list, cause: list | None) -> BaseException:
        tag, name = kind
        cls = self.classes_by_id[name] if tag == "class" else proxies.trusted_exception(name)
        if not library.is_exception(cls):
            cls = RuntimeError
        values = [self.decode(a) for a in args]
        try:
            error = cls(*values)
        except Exception:
            error = cls.__new__(cls)
            error.args = (str(text),)
        for name, value in attributes:
            if name.isidentifier() and not name.startswith("_"):
                error.__dict__[name] = self.decode(value)
        error.__dict__["_text"] = str(text)
        error.__cause__ = self._make_error(*cause) if cause is not None else None
        return error

    def _raise_failed_assertion(self) -> None:
        """An assertion that failed in a callback fails the test, whatever the submission made of it."""
        error, self._failed_assertion = self._failed_assertion, None
        if error is not None:
            raise error

    # -- callbacks

    def _callback(self, message: list) -> None:
        self._count()
        if self._depth >= limits.CALLBACK_DEPTH:
            raise Fatal("crashed", "callbacks are nested too deeply")
        number, op, args, keywords, place = self.checked(self._read_callback, *message)
        self._depth += 1
        try:
            result = self._serve(self._own[number], op, args, keywords, place)
            self.send(lambda: ["return", self._encode_at(place, result), self.watch.changes(self.encode)])
        except Fatal:
            raise
        except BaseException as error:
            if isinstance(error, AssertionError):
                self._failed_assertion = error
            thrown = error
            self.send(lambda: ["raise", self._exception(thrown), self.watch.changes(self.encode)])
        finally:
            self._depth -= 1

    def _read_callback(self, number: int, op: str, args: list, keywords: list, tail: list) -> tuple:
        """All that `_serve` needs. The place of an attribute is the attribute: it may be bound or changed in place."""
        obj, _, name, _ = self._own[number]
        place = self.place = f"{args[0] if op in _ATTRIBUTE else op} of {_where(obj) or name}"
        self._tail(tail)
        if not all(type(keyword) is str for keyword, _ in keywords):
            refuse("keyword")
        return number, op, [self.decode(a) for a in args], {k: self.decode(v) for k, v in keywords}, place

    def _serve(self, own: tuple, op: str, args: list, keywords: dict, place: str) -> Any:
        """Functions and classes can be called, iterators iterated; other objects show public attributes too."""
        obj, kind, _, operators = own
        if op == "call" and kind != "iterator":
            return obj(*args, **keywords)
        if op in _CHANGING and kind == "object" and not self._may_change(place):
            return obj
        if op in _ATTRIBUTE and kind == "object" and type(args[0]) is str and not args[0].startswith("_"):
            return _ATTRIBUTE[op](obj, *args)
        if op in operators:
            return _special(obj, op, args)
        raise NotCarried(f"a test's {type(obj).__name__} object does not offer this to a submission: {op!r}")

    def _exception(self, error: BaseException) -> list:
        """The form of an exception: [number, class, arguments, text]; the class as [a name in the library, or in the
        test, and then the library's name of its base], or a class of the submission."""
        number = len(self._thrown) + 1
        self._thrown[number] = error
        kind = type(error)
        if kind in self._class_ids:
            form: list = ["class", self._class_ids[kind]]
        else:
            known = next(k for k in kind.__mro__ if library.offered_name(k))
            form = ["own", kind.__name__ if known is not kind else "", library.offered_name(known)]
        try:
            args = [self.encode(a) for a in error.args]
        except (TypeError, ValueError, RecursionError):
            args = [str(error)]
        return ["exception", number, form, args, str(error)]

    # -- objects that go out

    def encode_object(self, value: Any) -> Any:
        kind = type(value)
        if kind is Opaque:
            return vars(value)["_form"]
        if isinstance(kind, RemoteMeta):
            return ["object", object.__getattribute__(value, "_handle")]
        if isinstance(value, type) and value in self._class_ids:
            return ["class", self._class_ids[value]]
        name = library.offered_name(value)
        if name is not None:
            return ["global", name]
        if isinstance(value, types.ModuleType):
            if library.MODULES.get(value.__name__) is not value:
                raise NotCarried(f"the module {value.__name__} cannot be handed to the submission")
            return ["module", value.__name__]
        if isinstance(value, BaseException):
            return self._exception(value)
        if type(value) is types.FunctionType and "_member" in vars(value):
            return ["member", *vars(value)["_member"]]
        plain = _as_plain(value)
        return self._own_object(value) if plain is None else self.encode(plain)

    def _own_object(self, value: Any) -> list:
        number = self._own_ids.get(id(value))
        if number is None:
            kind, operators = _classify(value)
            number = len(self._own) + 1
            named = value if kind in ("function", "class") else type(value)
            self._own[number] = value, kind, str(getattr(named, "__name__", "function")), operators
            self._own_ids[id(value)] = number
        return ["callback", number, *self._own[number][1:]]

    def _member(self, value: Any) -> Any:
        if isinstance(value, (staticmethod, classmethod)):
            return self.request(type(value).__name__, [value.__func__])
        if isinstance(value, property):
            return self.request("property", [value.fget, value.fset, value.fdel])
        return value

    # -- objects that come in

    def take_classes(self, classes: list) -> None:
        for class_id, *description in classes:
            if type(class_id) is not int or class_id in self.classes_by_id or len(self.classes_by_id) > limits.CLASSES:
                refuse("class")
            made = proxies.mirror(self, class_id, description)
            self.classes_by_id[class_id] = made
            self._class_ids[made] = class_id
            iterable = "iter" in description[3] or "getitem" in description[3]
            self._class_facts[class_id] = f"a {proxies.short(description[0])!r} object", iterable

    def decode_object(self, tree: list) -> Any:
        tag, *rest = tree
        if tag == "object":
            return self._proxy(*rest)
        if tag == "class":
            return self._class(*rest)
        if tag == "global":
            return library.TRUSTED[rest[0]]
        if tag == "callback":
            return self._own[rest[0]][0]
        return refuse("tag")

    def _class(self, class_id: int) -> Any:
        cls = self.classes_by_id[class_id]
        return cls if self.allowed(self.record.objects, self.place) else Opaque(self, ["class", class_id], "a class")

    def _proxy(self, handle: int, class_id: int) -> Any:
        cls = self.classes_by_id[class_id]
        if type(handle) is not int or handle < 1:
            refuse("handle")
        opaque = not self.allowed(self.record.objects, self.place)
        known = self._handles.get((handle, opaque))
        proxy = known() if known is not None else None
        if proxy is None:
            if len(self._handles) > limits.OBJECTS:
                refuse("too many objects")
            if opaque:
                proxy = Opaque(self, ["object", handle], *self._class_facts[class_id])
            else:
                proxy = object.__new__(cls)
                object.__setattr__(proxy, "_handle", handle)
            self._handles[handle, opaque] = weakref.ref(proxy, lambda _: self._unused.add(handle))
            self._unused.discard(handle)
        elif not opaque and type(proxy) is not cls:
            refuse("an object changed its class")
        return proxy

    def take_empty(self, token: int, array: np.ndarray) -> Any:
        if self.allowed(self.record.empties, self.place):
            return array
        if token not in self._empties:
            self._empties[token] = Opaque(self, ["shared", token], "an empty array", stands_for=array)
        return self._empties[token]

    def take_record(self, value: NamedTuple) -> tuple:
        """One that numpy could take for an array is a plain tuple where the reference gives nothing like it."""
        kind, place = type(value), self.place
        if not values.resembles_an_array(kind) or (place in self.record.objects and not self.learn):
            return value
        return value if self.allowed(self.record.objects, f"{kind._fields} at {place}") else tuple(value)

    # -- policy

    def may_write(self, entry: Entry) -> bool:
        return not entry.mine or self._may_change(entry.place)

    def _may_change(self, place: str) -> bool:
        """Whether an object of the test that crossed at `place` may be changed. It may where the reference does so;
        elsewhere the attempt is noted."""
        if self.learn:
            self.record.writes.add(place)
        elif place in self.record.writes:
            return True
        self.wrote = True
        self.suppressed |= self.freeze
        return not self.freeze

    def drops(self) -> list[int]:
        for token, entry in list(self.entries.items()):
            if entry.snapshot is not None and sys.getrefcount(entry.obj) <= 2:
                self._pending_drops.append(token)
                self.forget(token)
        for handle in self._unused:
            for opaque in (False, True):
                known = self._handles.get((handle, opaque))
                if known is not None and known() is None:
                    del self._handles[handle, opaque]
            if not {(handle, False), (handle, True)} & self._handles.keys():
                self._pending_drops.append(-handle)
        self._unused.clear()
        return self._pending_drops

    def sent(self) -> None:
        self._pending_drops = []

    def take_drops(self, drops: list[int]) -> None:
        if drops:
            refuse("only the referee drops")

    def _is_object(self, value: Any) -> bool:
        return type(value) is Opaque or proxies.is_remote(value)


_MADE_BY_PYTHON = frozenset(
    words(
        """__module__ __qualname__ __classcell__ __doc__ __dict__ __weakref__ __firstlineno__ __static_attributes__
        __annotations__"""
    )
)
_ATTRIBUTE = {"getattr": getattr, "setattr": setattr}
_CHANGING = frozenset({"setattr", "setitem", "delitem", *("i" + op for op in _BINARY)})
_VIEWS = (collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView)
_FUNCTIONS = (
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType, functools.partial,
    type(functools.lru_cache(len)), np.vectorize, type(np.mean),
)  # fmt: skip
_MOCK_OPERATORS = words("call iter len getitem setitem contains enter exit")


def _parts(message: Any) -> list:
    """The parts of a message, of which there is at least its kind."""
    return message if type(message) is list and message else refuse("message")


def _as_plain(value: Any) -> Any:
    """The plain value that stands for some objects of a test, or None."""
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        return np.asarray(value)
    if isinstance(value, tuple):
        return tuple(value)
    if isinstance(value, _VIEWS):
        return list(value)
    return dict(value) if isinstance(value, dict) and type(value) is not dict else None


def _classify(value: Any) -> tuple[str, list[str]]:
    """How an object of the test may be used by student code, and with which special methods."""
    kind = type(value)
    if isinstance(value, _FUNCTIONS):
        return "function", []
    if isinstance(value, type):
        return "class", []
    if isinstance(value, unittest.mock.NonCallableMock):
        return "object", [op for op in _MOCK_OPERATORS if _defines(kind, op)]
    if isinstance(value, collections.abc.Iterator) and not isinstance(value, (StringIO, BytesIO)):
        return "iterator", ["iter", "next"]
    if kind.__module__ == "__main__" or isinstance(value, (StringIO, BytesIO)):
        return "object", [op for op in library.OPERATORS if _defines(kind, op)]
    raise NotCarried(f"an object of type {kind.__name__} cannot be handed to the submission")


def _defines(kind: type, op: str) -> bool:
    return any(f"__{op}__" in base.__dict__ for base in kind.__mro__ if base is not object)


def _special(obj: Any, op: str, args: list) -> Any:
    result = getattr(type(obj), f"__{op}__")(obj, *args)
    if result is NotImplemented:
        raise TypeError(f"a {type(obj).__name__} object does not support {op!r} with these operands")
    return result


def _where(function: Any) -> str:
    """The position of a function's source, if it has any."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if not isinstance(code, types.CodeType):
        return ""
    column = next((p[2] for p in code.co_positions() if p[2] is not None), 0)
    return f"{code.co_filename} {code.co_firstlineno}:{column}"
