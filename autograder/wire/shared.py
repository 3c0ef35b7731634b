"""Mutable objects that both sides have: what they contain, and whether that changed since the last hand-over.

Such an object crosses as a token, a number that stands for it on both sides; its content goes along when it is new
and whenever it changed. So `x is y`, aliases and changes in place behave as they do in one process.

To add a kind of shared object, add a subclass of `Kind` and a line to `KINDS`.
"""

from __future__ import annotations

import collections
import random
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from numpy import array_equal, copyto, dtype, empty, frombuffer, ndarray, uint8, uint32, uint64
from numpy.lib.array_utils import byte_bounds
from numpy.random import Generator, RandomState

from autograder.wire import limits
from autograder.wire import random_states as states
from autograder.wire.limits import Fatal, refuse
from autograder.wire.values import DTYPES, is_plain_key

if TYPE_CHECKING:
    from autograder.wire.peer import Peer

__builtins__ = limits.PRIVATE_BUILTINS


class Kind:
    """One kind of shared object. `tag` names it on the wire, `type` is its exact type."""

    changes_by_use = False  # to use one is to change it, as drawing from a random generator does

    def __init__(self, tag: str, type: type) -> None:
        self.tag, self.type = tag, type

    def accepts(self, obj: Any) -> bool:
        """Whether this object can be shared. If not, it stays at home as a handle."""
        return True

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        """Its content in the form of the wire, and a snapshot that `changed` compares with."""
        raise NotImplementedError

    def changed(self, obj: Any, snapshot: Any) -> bool:
        raise NotImplementedError

    def credible(self, obj: Any, content: list, peer: Peer) -> bool:
        """Whether the untrusted side may have made this change."""
        return True

    def create(self, content: list, peer: Peer) -> Any:
        """A new object, perhaps still empty: `fill` follows when all new objects of the message exist."""
        raise NotImplementedError

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        """Change it in place. `mine`: the object was made on the side that runs this."""
        raise NotImplementedError


def _same_items(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


class Sequence(Kind):
    """list and deque. Content: [maximum length or None, item, ...]"""

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        return [getattr(obj, "maxlen", None), *map(peer.encode, obj)], list(obj)

    def changed(self, obj: Any, snapshot: Any) -> bool:
        return not _same_items(obj, snapshot)

    def create(self, content: list, peer: Peer) -> Any:
        return self.type(maxlen=content[0]) if self.type is collections.deque else self.type()

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        items = [peer.decode(item) for item in content[1:]]
        obj.clear()
        obj.extend(items)


class Mapping(Kind):
    """dict, OrderedDict and Counter. Content: [key, value, key, value, ...]"""

    def accepts(self, obj: Any) -> bool:
        return all(map(is_plain_key, obj))

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        content = [peer.encode(part) for key, value in obj.items() for part in (peer.key(key), value)]
        return content, [*obj, *obj.values()]

    def changed(self, obj: Any, snapshot: Any) -> bool:
        return not _same_items([*obj, *obj.values()], snapshot)

    def create(self, content: list, peer: Peer) -> Any:
        return self.type()

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        keys = [peer.key(peer.decode(key)) for key in content[::2]]
        items = [peer.decode(value) for value in content[1::2]]
        obj.clear()
        for key, item in zip(keys, items, strict=True):  # Counter.update would count
            obj[key] = item


class DefaultMapping(Mapping):
    """defaultdict. Content: [what makes a missing value, key, value, ...]"""

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        content, snapshot = super().describe(obj, peer)
        return [peer.encode(obj.default_factory), *content], snapshot

    def create(self, content: list, peer: Peer) -> Any:
        return collections.defaultdict(peer.decode(content[0]))

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        super().fill(obj, content[1:], peer, mine)


class Set(Kind):
    """Content: [element, ...]"""

    def accepts(self, obj: Any) -> bool:
        return all(map(is_plain_key, obj))

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        return [peer.encode(peer.key(item)) for item in obj], set(obj)

    def changed(self, obj: Any, snapshot: Any) -> bool:
        return obj != snapshot

    def create(self, content: list, peer: Peer) -> Any:
        return set()

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        items = [peer.key(peer.decode(item)) for item in content]
        obj.clear()
        obj.update(items)


class Bytes(Kind):
    """bytearray. Content: [bytes]"""

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        return [peer.encode_raw(bytes(obj))], bytes(obj)

    def changed(self, obj: Any, snapshot: Any) -> bool:
        return obj != snapshot

    def create(self, content: list, peer: Peer) -> Any:
        return bytearray()

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        obj[:] = peer.decode_raw(content[0])


class Array(Kind):
    """Arrays of numbers and of str. Content: [dtype, shape, whether it may be written, bytes in C order, and "F" for an
    array that lies in Fortran's order]"""

    def accepts(self, obj: Any) -> bool:
        return _is_carried(obj.dtype)

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        raw, look = obj.tobytes(), self._look(obj)
        order = ["F"] if obj.flags.fnc else []
        return [obj.dtype.str, list(obj.shape), obj.flags.writeable, peer.encode_raw(raw), *order], (look, raw)

    def _look(self, obj: Any) -> tuple:
        return obj.dtype, obj.shape, obj.flags.writeable

    def changed(self, obj: Any, snapshot: Any) -> bool:
        look, raw = snapshot
        if self._look(obj) != look or obj.nbytes != len(raw):
            return True
        if obj.nbytes <= 65536 or not obj.flags.c_contiguous:
            return obj.tobytes() != raw
        word = uint64 if obj.nbytes % 8 == 0 else uint8  # seven times faster than making bytes of 8 MB
        return not array_equal(obj.reshape(-1).view(word), frombuffer(raw, word))

    def create(self, content: list, peer: Peer) -> Any:
        given = self._given(content, peer)
        return empty(given.shape, given.dtype, order="F" if content[4:] == ["F"] else "C")

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        new = self._given(content, peer)
        if new.dtype != obj.dtype:
            raise Fatal("failed", "the dtype of an array was changed in place, which the wire does not carry")
        if new.size != obj.size:
            raise Fatal("failed", "an array was resized in place, which the wire does not carry")
        if mine and not obj.flags.writeable:
            if obj.shape != new.shape or obj.tobytes() != new.tobytes():
                raise Fatal("failed", "a read-only array was written to")
            return
        if not mine:
            obj.flags.writeable = True  # it owns its memory, or is a view of one that does
        if obj.shape != new.shape:
            obj.shape = new.shape
        copyto(obj, new)
        if not mine:
            obj.flags.writeable = bool(content[2])

    def _given(self, content: list, peer: Peer) -> ndarray:
        """The received array, on the memory it was received in."""
        element, shape, raw = content[0], content[1], peer.decode_raw(content[3])
        kind = DTYPES.get(element) or (dtype(element) if _is_text(element) else refuse("dtype"))
        if len(shape) > limits.DIMENSIONS or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            refuse("shape")
        if len(raw) != prod(shape) * kind.itemsize:
            refuse("array of another size than its shape")
        return _elements(raw, kind).reshape(shape)


class RandomGenerator(Kind):
    """Generator, RandomState and random.Random. Content: the parts of `random_states.generator_state`."""

    changes_by_use = True

    def accepts(self, obj: Any) -> bool:
        return bool(states.generator_state(obj))

    def describe(self, obj: Any, peer: Peer) -> tuple[list, Any]:
        state = states.generator_state(obj)
        return [peer.encode(part) for part in state], state

    def changed(self, obj: Any, snapshot: Any) -> bool:
        return states.generator_state(obj) != snapshot

    def create(self, content: list, peer: Peer) -> Any:
        return states.make_generator(self.type, self._state(content, peer))

    def fill(self, obj: Any, content: list, peer: Peer, mine: bool) -> None:
        states.set_generator_state(obj, self._state(content, peer))

    def credible(self, obj: Any, content: list, peer: Peer) -> bool:
        return states.generator_went_on(self.type, states.generator_state(obj), self._state(content, peer))

    def _state(self, content: list, peer: Peer) -> tuple:
        return tuple(peer.decode(part) for part in content)


KINDS: dict[type, Kind] = {
    kind.type: kind
    for kind in (
        Sequence("list", list),
        Sequence("deque", collections.deque),
        Mapping("dict", dict),
        Mapping("ordered", collections.OrderedDict),
        Mapping("counter", collections.Counter),
        DefaultMapping("defaultdict", collections.defaultdict),
        Set("set", set),
        Bytes("bytes", bytearray),
        Array("array", ndarray),
        RandomGenerator("generator", Generator),
        RandomGenerator("random state", RandomState),
        RandomGenerator("python random", random.Random),
    )
}
BY_TAG: dict[str, Kind] = {kind.tag: kind for kind in KINDS.values()}

VIEW = "view"
"""The tag of a new array that shares memory with one that both sides have: [token of that, shape, offset, strides]."""


def view_of(array: ndarray, candidates: Callable[[], Any]) -> list | None:
    """How `array` lies in a shared array: content for the tag VIEW; None if in none. `candidates`: (token, array)s."""
    if array.base is None:
        return None
    root, (low, high) = _root(array), byte_bounds(array)
    for token, base in candidates():
        if base is not array and _root(base) is root and base.flags.c_contiguous and base.dtype == array.dtype:
            start, end = byte_bounds(base)
            if start <= low and high <= end:
                offset = array.__array_interface__["data"][0] - start
                return [token, list(array.shape), offset, list(array.strides)]
    return None


def common_memory(arrays: list[ndarray]) -> list[ndarray]:
    """New arrays that cover each two of `arrays` that overlap without one being inside the other: `x[1:]`, `x[:-1]`.

    Sent along, they make such arguments overlap on the other side, too. They show no element that is in neither.
    """
    views = [a for a in arrays if a.base is not None and a.flags.c_contiguous and _root(a).flags.c_contiguous]
    out = []
    for i, a in enumerate(views):
        for b in views[:i]:
            (low, high), (low2, high2) = byte_bounds(a), byte_bounds(b)
            if _root(a) is _root(b) and a.dtype == b.dtype == _root(a).dtype and low < high2 and low2 < high:
                start, size = byte_bounds(_root(a))[0], a.dtype.itemsize
                first, last = (min(low, low2) - start) // size, (max(high, high2) - start) // size
                out.append(_root(a).reshape(-1)[first:last])
    return out


def make_view(base: ndarray, shape: list, offset: int, strides: list) -> ndarray:
    """numpy checks that the view lies inside `base`, and raises ValueError."""
    if len(shape) > limits.DIMENSIONS:
        refuse("shape")
    return ndarray(shape, base.dtype, buffer=base, offset=offset, strides=strides).view()


def _root(array: ndarray) -> ndarray:
    while isinstance(array.base, ndarray):
        array = array.base
    return array


def _is_text(element: Any) -> bool:
    return type(element) is str and element[:2] == "<U" and element[2:].isdecimal() and len(element) < 8


def _is_carried(element: dtype) -> bool:
    return element.str in DTYPES or _is_text(element.str)


def _elements(raw: Any, element: dtype) -> ndarray:
    if element.kind == "b":
        return frombuffer(raw, uint8) != 0  # a byte of 2 would be a third truth value
    if element.kind == "U" and (frombuffer(raw, uint32) > 0x10FFFF).any():
        refuse("text of an array")
    return frombuffer(raw, element) if len(raw) else empty(0, element)
