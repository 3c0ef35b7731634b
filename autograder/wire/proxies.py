"""What the submission's classes and objects look like in the referee.

For each class of the submission that a test meets, a class is made here with the same name, bases and special
methods (`mirror`); an object of it is an instance without content. Whatever is done with either becomes a request.
Where the reference solution gave plain data, an object is shown as an `Opaque` instead.

Each mirrored class knows the conversation it belongs to (`_exchange`), each object its number there (`_handle`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.wire.library import OFFERED, OPERATORS, REAL_TYPES, TRUSTED
from autograder.wire.limits import refuse, words

if TYPE_CHECKING:
    from autograder.wire.exchange import Exchange

NEVER = frozenset(
    words(
        """__array_interface__ __array_struct__ __array_priority__ __array_wrap__ __array_prepare__ __array_finalize__
        __array_function__ __buffer__ __dlpack__ __dlpack_device__ __cuda_array_interface__ __reduce__ __reduce_ex__
        __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __del__ __slots__ __weakref__ __set__ __get__
        __delete__ __getattr__ __getattribute__ __setattr__ __delattr__ __init_subclass__ __await__ __aiter__
        __anext__ __prepare__ __fspath__ __mro_entries__ __isabstractmethod__"""
    )
)
"""Attributes that are never asked for: memory protocols, pickle hooks, descriptors, and what would run by itself."""

_OF_THE_CLASS = frozenset(
    words(
        """__class__ __name__ __qualname__ __module__ __mro__ __bases__ __base__ __dict__ mro __subclasses__
        __instancecheck__ __subclasscheck__ __subclasshook__ __abstractmethods__ __flags__ __basicsize__ __set_name__
        __text_signature__ __weakrefoffset__ __orig_bases__ __copy__ __deepcopy__ __array_ufunc__ _abc_impl
        _exchange _class_id _real"""
    )
)
"""Attributes of a mirrored class that are its own, not requests."""

_OF_THE_OBJECT = frozenset({"_handle", "__array_ufunc__", "__deepcopy__"})

_NO_MEMBER = frozenset(words("mro _abc_impl _exchange _class_id _real _handle"))
_SPECIAL_MEMBERS = frozenset(words("__init__ __array__"))
"""Members with underscores that are methods in the class body. The special methods of operators are not among them:
as members they would be called without `Exchange` asking whether they may decide here."""

_LONGEST_NAME = 100


def exchange_of(proxy: Any) -> Exchange:
    """The conversation that a mirrored class, or an object of one, belongs to."""
    mirrored = proxy if issubclass(type(proxy), RemoteMeta) else type(proxy)
    return type.__getattribute__(mirrored, "_exchange")


def short(name: str) -> str:
    """The name of a class, which the submission may have made as long as it likes."""
    return name[:_LONGEST_NAME]


def is_remote(value: Any) -> bool:
    """Whether `value` is a mirrored object or class (Opaque ones are not)."""
    return isinstance(type(value), RemoteMeta) or issubclass(type(value), RemoteMeta)


def _ask(op: str, proxy: Any, *args: Any) -> Any:
    return exchange_of(proxy).request(op, [proxy, *args])


class RemoteMeta(type):
    """The class of mirrored classes."""

    def __new__(meta, name: str, bases: tuple, body: dict, mirrored: bool = False, **keywords: Any) -> Any:
        if mirrored:
            return type.__new__(meta, name, bases, body)
        remote = next(b for b in bases if isinstance(b, RemoteMeta))
        return exchange_of(remote).subclass(name, bases, body)  # a test's own subclass of a student's class

    def __init__(cls, name: str, bases: tuple, body: dict, **keywords: Any) -> None:
        type.__init__(cls, name, bases, body)

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        return exchange_of(cls).request("call", [cls, *args], keywords)

    def __getattribute__(cls, name: str) -> Any:
        if name in _OF_THE_CLASS:
            return type.__getattribute__(cls, name)
        if name == "__signature__":
            return exchange_of(cls).signature(cls)
        if name in NEVER:
            raise AttributeError(name)
        return _ask("getattr", cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in _OF_THE_CLASS or name.startswith("_abc_"):
            type.__setattr__(cls, name, value)
        else:
            _ask("setattr", cls, name, value)

    def __delattr__(cls, name: str) -> None:
        _ask("delattr", cls, name)

    def __dir__(cls) -> Any:
        return _ask("dir", cls)

    def __iter__(cls) -> Iterator[Any]:
        return exchange_of(cls).iterate(cls)

    def __len__(cls) -> int:
        return exchange_of(cls).expect(int, "len", cls)

    def __getitem__(cls, key: Any) -> Any:
        return _ask("getitem", cls, key)

    def __contains__(cls, item: Any) -> bool:
        return exchange_of(cls).expect(bool, "contains", cls, item)

    def __bool__(cls) -> bool:
        return True


class Remote(metaclass=RemoteMeta, mirrored=True):
    """The base of mirrored classes: what every object of the submission can do."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return type.__getattribute__(type(self), "_real") or type(self)
        if name in _OF_THE_OBJECT:
            return object.__getattribute__(self, name)
        if name == "__signature__":
            return exchange_of(self).signature(self)
        if name in NEVER or name == "__copy__":  # copy.copy asks the class; itertools.tee would copy a generator
            raise AttributeError(name)
        return _ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        _ask("delattr", self, name)

    def __dir__(self) -> Any:
        return _ask("dir", self)

    def __copy__(self) -> Any:
        return _ask("copy", self)

    def __deepcopy__(self, memo: dict) -> Any:
        return _ask("deepcopy", self)

    def __repr__(self) -> str:
        return exchange_of(self).expect(str, "repr", self)

    def __str__(self) -> str:
        return exchange_of(self).expect(str, "str", self)

    def __format__(self, spec: str) -> str:
        return exchange_of(self).expect(str, "format", self, spec)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        operator = _OPERATOR_OF_UFUNC.get(ufunc)
        if operator and method == "__call__" and not keywords and len(inputs) == 2:
            return exchange_of(self).request(operator, list(inputs))
        return exchange_of(self).request("ufunc", [ufunc, method, *inputs], keywords)


_OPERATOR_OF_UFUNC = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.true_divide: "truediv", np.floor_divide: "floordiv",
    np.power: "pow", np.matmul: "matmul", np.remainder: "mod", np.equal: "eq", np.not_equal: "ne", np.less: "lt",
    np.less_equal: "le", np.greater: "gt", np.greater_equal: "ge",
}  # fmt: skip


# -- special methods of mirrored classes: each only where the submission's class has it


def _forward(op: str) -> Callable[..., Any]:
    if op in _RESULT:
        return lambda o, *args: exchange_of(o).expect(_RESULT[op], op, o, *args)
    if op in _REFLECTED:
        return lambda o, other: exchange_of(o).request(_REFLECTED[op], [other, o])
    if op == "iter":
        return lambda o: exchange_of(o).iterate(o)
    if op == "call":
        return lambda o, *args, **keywords: exchange_of(o).request("call", [o, *args], keywords)
    if op == "exit":
        return _leave
    return lambda o, *args: _ask(op, o, *args)


def _leave(proxy: Any, *args: Any) -> bool:
    """`__exit__`: what it returns hides an exception only where the reference does so, else it would hide failures."""
    exchange = exchange_of(proxy)
    hides = _ask("exit", proxy, *(None if isinstance(a, TracebackType) else a for a in args))
    place = exchange.place
    return args[0] is not None and bool(hides) and exchange.allowed(exchange.record.operators, f"exit at {place}")


_RESULT = {"bool": bool, "contains": bool, "len": int, "index": int, "hash": int, "int": int, "float": float}
_REFLECTED = {"r" + op: op for op in OPERATORS if "r" + op in OPERATORS}
_FORWARDERS = {op: _forward(op) for op in OPERATORS if op not in ("repr", "str", "format")}


def _member(exchange: Exchange, class_id: int, name: str) -> Callable[..., Any]:
    """A method in the class body, for `super().forward(x)` in a test's subclass."""

    def method(*args: Any, **keywords: Any) -> Any:
        function = exchange.request("getattr", [exchange.classes_by_id[class_id], name])
        return exchange.request("call", [function, *args], keywords)

    method.__name__ = name
    vars(method)["_member"] = [class_id, name]
    return method


def mirror(exchange: Exchange, class_id: int, description: list) -> type:
    """The class for a description by `player.Player.describe`. Raises Fatal for a malformed one."""
    name, module, base_names, operators, members, is_exception, real = description
    if not all(type(x) is str for x in (name, module, *operators, *members)):
        refuse("class")
    name = short(name)
    bases = [exchange.classes_by_id[b] if type(b) is int else OFFERED.get(b, object) for b in base_names]
    body: dict[str, Any] = {"__module__": "__main__" if module == "__main__" else module}
    if is_exception:
        return _mirror_exception(name, bases, body, operators)
    body |= {"_exchange": exchange, "_class_id": class_id, "_real": REAL_TYPES.get(real)}
    body |= {f"__{op}__": _FORWARDERS[op] for op in operators if op in _FORWARDERS}
    if "eq" in operators and "hash" not in operators:
        body["__hash__"] = None
    for member in members:
        may_be = member in _SPECIAL_MEMBERS or not (member.startswith("__") or member in _NO_MEMBER)
        if may_be and member.isidentifier() and member not in body:
            body[member] = _member(exchange, class_id, member)
    bases = [b for b in bases if isinstance(b, RemoteMeta)]
    try:
        return type.__call__(RemoteMeta, name, (*bases,) or (Remote,), body, mirrored=True)
    except TypeError:  # bases in an order that Python refuses here: their special methods are in the body anyway
        return type.__call__(RemoteMeta, name, (Remote,), body, mirrored=True)


def _mirror_exception(name: str, bases: list[type], body: dict, operators: list[str]) -> type:
    bases = [b for b in bases if issubclass(b, BaseException)] or [Exception]
    if "str" in operators:
        body["__str__"] = lambda error: error.__dict__.get("_text", "")
    try:
        return type(name, tuple(bases), body)
    except TypeError:
        return type(name, (Exception,), body)


def trusted_exception(name: Any) -> type[BaseException]:
    kind = TRUSTED.get(name)
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else RuntimeError


# -- objects where plain data is expected


class Opaque:
    """What stands for an object where the reference solution gave plain data, or for an array without elements where
    it gave some. It can be held, iterated (not the array) and passed back, not used.

    form: how it goes back over the wire. what: how a message calls it. stands_for: keeps that alive.
    """

    def __init__(
        self, exchange: Exchange, form: list, what: str, iterable: bool = False, stands_for: Any = None
    ) -> None:
        self.__dict__.update(_exchange=exchange, _form=form, _what=what, _iterable=iterable, _stands_for=stands_for)

    def __iter__(self) -> Iterator[Any]:
        if not self._iterable:
            raise TypeError(f"{self._what} is given where something to iterate is expected")
        return self._exchange.iterate(self)

    def __repr__(self) -> str:
        return f"<{self._what}>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self._what} is given where plain data is expected: no attribute {name!r}")

    __hash__ = object.__hash__


def _unusable(self: Opaque, *args: Any, **keywords: Any) -> Any:
    raise TypeError(f"got {self._what} where plain data (numbers, arrays, lists, ...) is expected")


for _op in (*OPERATORS, "array_ufunc"):
    if _op not in ("iter", "repr", "str", "format", "hash", "contains"):  # `in` iterates
        setattr(Opaque, f"__{_op}__", _unusable)


# -- questions that the standard library would answer from the object itself


def signature(parameters: list[tuple]) -> inspect.Signature:
    """From `(name, kind, whether it has a default, the default)` for each parameter."""
    kinds = {int(k): k for k in (*inspect._ParameterKind,)}
    return inspect.Signature(
        [
            inspect.Parameter(name, kinds[kind], default=default if has_default else inspect.Parameter.empty)
            for name, kind, has_default, default in parameters
        ]
    )


_getsourcelines = inspect.getsourcelines


def getsourcelines(obj: Any) -> tuple[list[str], int]:
    """`inspect.getsourcelines`, which reads the file that a function names; a student's is in the player."""
    if not is_remote(obj):
        return _getsourcelines(obj)
    return exchange_of(obj).expect(str, "source", obj).splitlines(keepends=True), 1
