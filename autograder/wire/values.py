"""Values that cross by copy: immutable ones, of exact types only.

A bool, a float, an int of 64 bits, a str, bytes and None are themselves in the body of a message. Everything else is
an array whose first item says what it is: `["tuple", 1, 2]`. A subclass of a type in here is not a value: it stays at
home as an object, so that no method of it is ever run in place of the real one.

To add a type, add a line to `FORMS`.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeGuard

from numpy import dtype, frombuffer, ndarray

from autograder.wire import limits
from autograder.wire.limits import refuse, words

__builtins__ = limits.PRIVATE_BUILTINS

ABSENT = object()
"""What `encode` and `decode` give for something that has no form by copy."""

DTYPES = {dtype(c).str: dtype(c) for c in words("? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16")}
"""Element types of arrays and numpy scalars, by numpy's own name for them ("<f8")."""

SCALARS = {d.type: d for d in DTYPES.values()}
ATOMS = frozenset({type(None), bool, int, float, str, bytes})
_SMALL = range(-(2**63), 2**63)


class Form(NamedTuple):
    """How to take a value of `kind` apart and put it together; `parts`: exact types of its parts, () for any."""

    kind: type
    take: Callable[[Any], Iterable[Any]]
    make: Callable[..., Any]
    parts: tuple[type, ...] = ()


FORMS: dict[str, Form] = {
    "tuple": Form(tuple, iter, lambda *p: p),
    "slice": Form(slice, lambda s: (s.start, s.stop, s.step), slice),
    "frozenset": Form(frozenset, iter, lambda *p: frozenset(map(checked_key, p))),
    "range": Form(range, lambda r: (r.start, r.stop, r.step), range, (int,)),
    "complex": Form(complex, lambda c: (c.real, c.imag), complex, (float,)),
    "fraction": Form(fractions.Fraction, lambda f: (f.numerator, f.denominator), fractions.Fraction, (int,)),
    "decimal": Form(decimal.Decimal, lambda d: (str(d),), decimal.Decimal, (str,)),
    "date": Form(datetime.date, lambda d: (d.isoformat(),), datetime.date.fromisoformat, (str,)),
    "time": Form(datetime.datetime, lambda d: (d.isoformat(),), datetime.datetime.fromisoformat, (str,)),
    "span": Form(datetime.timedelta, lambda d: (d.days, d.seconds, d.microseconds), datetime.timedelta, (int,)),
    "pure path": Form(pathlib.PurePosixPath, lambda p: (str(p),), pathlib.PurePosixPath, (str,)),
    "path": Form(pathlib.PosixPath, lambda p: (str(p),), pathlib.PosixPath, (str,)),
}
_BY_TYPE = {form.kind: (tag, form) for tag, form in FORMS.items()}


def encode(value: Any, part: Callable[[Any], Any]) -> Any:
    """The tree for `value`, or ABSENT; `part` encodes what is inside it. Raises ValueError for what is too large."""
    kind = type(value)
    if kind is int:
        return value if value in _SMALL else ["int", _integer_bytes(value)]
    if kind is str:
        return _encode_text(value)
    if kind in ATOMS:
        return value
    if kind in _BY_TYPE:
        tag, form = _BY_TYPE[kind]
        return [tag, *map(part, form.take(value))]
    if kind in SCALARS:
        return ["scalar", SCALARS[kind].str, value.tobytes()]
    if value is Ellipsis:
        return ["ellipsis"]
    if isinstance(value, dtype) and value.str in DTYPES:
        return ["dtype", value.str]
    if isinstance(value, tuple) and is_record(kind):
        return ["record", kind.__name__, list(kind._fields), *map(part, tuple(value))]
    if isinstance(value, type) and is_record(value):
        return ["record class", value.__name__, list(value._fields), *map(part, value._field_defaults.values())]
    return ABSENT


def decode(tree: list, part: Callable[[Any], Any]) -> Any:
    """The value of a tree made by `encode`, or ABSENT; `part` decodes what is inside it."""
    tag = tree[0]
    form = FORMS.get(tag)
    if form is not None:
        parts = [part(p) for p in tree[1:]]
        if form.parts and not all(type(p) in form.parts and _is_short(p) for p in parts):
            refuse(f"part of a {tag}")
        return form.make(*parts)
    if tag == "int":
        return int.from_bytes(tree[1], "little", signed=True) if len(tree[1]) <= limits.INTEGER else refuse("int")
    if tag == "text":
        return bytes(tree[1]).decode("utf-8", "surrogatepass")
    if tag == "scalar":
        return frombuffer(tree[2], DTYPES[tree[1]])[0]
    if tag == "ellipsis":
        return ...
    if tag == "dtype":
        return DTYPES[tree[1]]
    if tag == "record":
        return record(tree[1], tree[2])(*map(part, tree[3:]))
    if tag == "record class":
        return record(tree[1], tree[2], tuple(map(part, tree[3:])))
    return ABSENT


def is_plain_key(value: Any) -> bool:
    """Whether `value` may be a key of a shared dict or in a shared set: its hash and equality are Python's own."""
    kind = type(value)
    if kind in (tuple, frozenset):
        return all(map(is_plain_key, value))
    return kind in ATOMS or kind in SCALARS or kind in _BY_TYPE or value is Ellipsis or _is_plain_class(value)


def checked_key(value: Any) -> Any:
    return value if is_plain_key(value) else refuse("key")


def is_record(kind: type) -> TypeGuard[type[NamedTuple]]:
    """Whether `kind` is a namedtuple and nothing more: no methods or properties of its own."""
    return (
        type(kind) is type
        and kind.__bases__ == (tuple,)
        and type(vars(kind).get("_fields")) is tuple
        and not any(callable(v) or isinstance(v, property) for k, v in vars(kind).items() if not k.startswith("_"))
    )


def resembles_an_array(kind: type[NamedTuple]) -> bool:
    """Whether numpy's functions, or a test, could take a namedtuple's field for an array's or a tuple's own attribute:
    `np.shape(result)` reads `result.shape`, and `np.all(result)` calls `result.all`."""
    return not _OF_ARRAYS.isdisjoint(kind._fields)


_OF_ARRAYS = frozenset(dir(ndarray)) | frozenset(dir(tuple))
_records: dict[tuple, Any] = {}


def record(name: str, fields: list[str], defaults: tuple = ()) -> type[NamedTuple]:
    """The namedtuple class of that name and those fields: one for each, so that `isinstance` holds."""
    key = (name, tuple(fields))
    if key not in _records:
        if len(_records) >= limits.RECORDS or len(fields) > 256 or any(len(f) > 100 for f in key[1]):
            refuse("record")
        _records[key] = collections.namedtuple(name, fields)  # checks that all are identifiers
    kind = _records[key]
    if defaults:
        kind.__new__.__defaults__ = defaults
        kind._field_defaults = dict(zip(fields[-len(defaults) :], defaults, strict=True))
    return kind


def _is_plain_class(value: Any) -> bool:
    return isinstance(value, type) and type(value) is type and value.__module__ in ("builtins", "numpy")


def _is_short(part: Any) -> bool:
    return type(part) is not str or len(part) <= 4096


def _encode_text(text: str) -> Any:
    if len(text) > limits.TEXT:
        raise ValueError("a str is too long to hand over")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return ["text", text.encode("utf-8", "surrogatepass")]
    return text


def _integer_bytes(value: int) -> bytes:
    size = (value.bit_length() + 8) // 8
    if size > limits.INTEGER:
        raise ValueError(f"an int of {size} bytes is too large to hand over")
    return value.to_bytes(size, "little", signed=True)
