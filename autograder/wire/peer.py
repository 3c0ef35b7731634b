"""What both ends of the wire do: encode and decode values, hand shared objects over, keep both sides in step.

A message is `[what is said, definitions, drops, classes]`:

- what is said: see `exchange` (the referee's end) and `player`;
- definitions: `[token, kind, content...]` of every shared object that is new or changed since the last hand-over;
- drops: from the referee only: tokens, and handles as negative numbers, that nothing there refers to any more;
- classes: from the player only: descriptions of classes of the submission that are named for the first time.

Messages strictly alternate, so each side always knows what the other has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from numpy import ndarray

from autograder.wire import limits, shared, values
from autograder.wire.channel import Buffer, Channel
from autograder.wire.limits import Fatal, NotCarried, refuse

__builtins__ = limits.PRIVATE_BUILTINS

_INLINE = 2048  # bytes up to which data travel inside the tree
_STALE = object()  # a snapshot that equals nothing: the object is handed over again


class Entry:
    """A shared object. `mine`: its memory is this side's. `place`: where in the test it first crossed.

    A view has both from its base: who writes to the view writes to the base.
    """

    __slots__ = ("kind", "mine", "obj", "place", "snapshot")

    def __init__(self, obj: Any, kind: shared.Kind, mine: bool, place: str) -> None:
        self.obj, self.kind, self.mine, self.place = obj, kind, mine, place
        self.snapshot: Any = None


class Peer:
    """One end of the wire. Subclasses say what happens to objects that are neither values nor shared."""

    parity = 0  # of the tokens given out by this side
    trusting = False  # whether what comes in is taken as it is

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.place = ""  # where in the test cell the present request was made
        self.entries: dict[int, Entry] = {}
        self._tokens: dict[int, int] = {}  # id of a shared object -> its token
        self._next_token = 2 + self.parity
        self._stand_ins: dict[int, Any] = {}  # what a token means while its own object is protected
        self._fresh: list[int] = []
        self._defined: list[Entry] = []
        self._buffers: list[Buffer] = []
        self._received: list[bytearray] = []
        self._items = 0

    # -- out

    def send(self, build: Callable[[], list]) -> None:
        """Send the message that `build` makes with `encode`, and everything that changed.

        Where that raises (a value too large, an object with no form), nothing was sent and nothing is half known.
        """
        self._fresh, self._defined, self._buffers = [], [], []
        first = self._next_token
        try:
            said = build()
            changed = list(self._changes())
            drops = self.drops()  # after that: a test may change an object and let go of it at once
            definitions = [*changed, *self._new_ones()]
            self.channel.send([said, definitions, drops, self.classes()], self._buffers)
        except Exception:
            for token in [t for t in self.entries if t >= first and t % 2 == self.parity]:
                self.forget(token)
            for entry in self._defined:
                entry.snapshot = _STALE
            raise
        self.sent()

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The form of a value on the wire. Raises ValueError, RecursionError or NotCarried."""
        if depth > limits.DEPTH:
            raise RecursionError("a value is nested too deeply to hand over")
        kind = shared.KINDS.get(type(value))
        if kind is not None and kind.accepts(value):
            return ["shared", self._token(value, kind)]
        form = values.encode(value, lambda part: self.encode(part, depth + 1))
        return self.encode_object(value) if form is values.ABSENT else form

    def encode_raw(self, raw: bytes) -> bytes | int:
        """Bytes: in the tree if they are few, else the number of a buffer."""
        if len(raw) <= _INLINE:
            return raw
        self._buffers.append(raw)
        return len(self._buffers) - 1

    def key(self, value: Any) -> Any:
        """`value`, if it may be a key of a shared object: the other side compares keys without asking this one."""
        if values.is_plain_key(value):
            return value
        raise NotCarried(f"a dict or set that both sides have got a {type(value).__name__} object as key")

    def encode_object(self, value: Any) -> Any:
        raise NotImplementedError

    def drops(self) -> list[int]:
        return []

    def classes(self) -> list:
        return []

    def sent(self) -> None:
        """The message went out."""

    def _token(self, obj: Any, kind: shared.Kind) -> int:
        token = self._tokens.get(id(obj))
        if token is None:
            token = self._next_token
            self._next_token += 2
            self._admit(token, obj, kind, mine=True)
            self._fresh.append(token)
        return token

    def _changes(self) -> Iterator[list]:
        for token, entry in list(self.entries.items()):
            known = entry.snapshot
            if known is _STALE or (known is not None and entry.kind.changed(entry.obj, known)):
                yield self._define(token, entry)

    def _new_ones(self) -> Iterator[list]:
        fresh = [self.entries[token].obj for token in self._fresh]
        for base in shared.common_memory([obj for obj in fresh if type(obj) is ndarray]):
            token = self._token(base, shared.KINDS[ndarray])
            self._fresh.remove(token)
            yield self._define(token, self.entries[token])
        for token in self._fresh:  # grows while contents are encoded
            yield self._define(token, self.entries[token])

    def _define(self, token: int, entry: Entry) -> list:
        new = entry.snapshot is None
        self._defined.append(entry)
        self._stand_ins.pop(token, None)
        here, self.place = self.place, entry.place  # what an object contains belongs to where the object crossed
        content, entry.snapshot = entry.kind.describe(entry.obj, self)
        self.place = here
        if new and type(entry.obj) is ndarray:
            view = shared.view_of(entry.obj, self._known_arrays)
            if view is not None:
                base = self.entries[view[0]]
                entry.mine, entry.place = base.mine, base.place
                return [token, shared.VIEW, *view]
        return [token, entry.kind.tag, *content]

    def _known_arrays(self) -> Iterator[tuple[int, ndarray]]:
        return ((t, e.obj) for t, e in self.entries.items() if type(e.obj) is ndarray and e.snapshot is not None)

    # -- in

    def receive(self) -> Any:
        """What the other side says next, after its definitions were taken over. Raises Fatal and nothing else."""
        envelope, self._received = self.channel.receive()
        self._items = 0
        return self.checked(self._open, envelope)

    def checked(self, read: Callable[..., Any], *args: Any) -> Any:
        """`read(*args)`, where any error means that the message was malformed."""
        try:
            return read(*args)
        except Fatal:
            raise
        except Exception as problem:
            refuse(f"{type(problem).__name__}: {problem}")

    def _open(self, envelope: list) -> Any:
        said, definitions, drops, classes = envelope
        self.take_classes(classes)
        self._take(definitions)
        self.take_drops(drops)
        return said

    def decode(self, tree: Any, depth: int = 0) -> Any:
        kind = type(tree)
        if kind in values.ATOMS:
            return tree if kind not in (str, bytes) or len(tree) <= limits.TEXT else refuse("text")
        self._items += 1
        if kind is not list or depth > limits.DEPTH or self._items > limits.ITEMS:
            refuse("value")
        if tree[0] == "shared":
            token = tree[1]
            obj = self._stand_ins[token] if token in self._stand_ins else self.entries[token].obj
            return self.take_empty(token, obj) if type(obj) is ndarray and not obj.size else obj
        value = values.decode(tree, lambda part: self.decode(part, depth + 1))
        if value is values.ABSENT:
            return self.decode_object(tree)
        return self.take_record(value) if tree[0] == "record" else value

    def decode_raw(self, raw: Any) -> Any:
        return self._received[raw] if type(raw) is int else raw if type(raw) is bytes else refuse("bytes")

    def decode_object(self, tree: list) -> Any:
        raise NotImplementedError

    def take_drops(self, drops: list[int]) -> None:
        raise NotImplementedError

    def take_classes(self, classes: list) -> None:
        raise NotImplementedError

    def take_empty(self, token: int, array: ndarray) -> Any:
        """What stands here for an array without elements."""
        return array

    def take_record(self, value: NamedTuple) -> tuple:
        """What stands here for a namedtuple."""
        return value

    def may_write(self, entry: Entry) -> bool:
        """Asked before the other side's changes go into an object that exists here."""
        return True

    def forget(self, token: int) -> None:
        entry = self.entries.pop(token, None)
        if entry is not None and self._tokens.get(id(entry.obj)) == token:
            del self._tokens[id(entry.obj)]

    def _take(self, definitions: list) -> None:
        """New objects first, since contents refer to them, and stand-ins for those that may not be changed; views next,
        they need only memory; then contents."""
        if len(self.entries) + len(definitions) > limits.OBJECTS:
            refuse("too many objects")
        known = {d[0] for d in definitions if d[0] in self.entries}
        for token, tag, *content in definitions:
            if token in known:
                self._protect(token, tag, content)
            elif tag != shared.VIEW:
                kind = shared.BY_TAG[tag]
                self._admit_theirs(token, kind.create(content, self), kind)
        for token, tag, *content in definitions:
            if tag == shared.VIEW:
                base = self.entries[content[0]]
                view = shared.make_view(self._stand_ins.get(content[0], base.obj), *content[1:])
                self._admit_theirs(token, view, shared.KINDS[ndarray], base)
        for token, tag, *content in definitions:
            if tag != shared.VIEW:
                self._fill(token, content, token in known)
        for token, *_ in definitions:
            entry = self.entries[token]
            if entry.snapshot is not _STALE:
                entry.snapshot = entry.kind.describe(entry.obj, _SNAPSHOT)[1]

    def _protect(self, token: int, tag: str, content: list) -> None:
        """Make a stand-in for an object that the other side changed and may not change."""
        entry = self.entries[token]
        if entry.kind.tag != tag:
            refuse("an object changed its kind")
        if not entry.kind.changes_by_use and not self.may_write(entry):
            self._stand_ins[token] = entry.kind.create(content, self)

    def _fill(self, token: int, content: list, known: bool) -> None:
        entry = self.entries[token]
        here, self.place = self.place, entry.place
        self._items += len(content)
        if known and not self.trusting and not entry.kind.credible(entry.obj, content, self):
            entry.snapshot = _STALE  # ours is handed over again
        elif token in self._stand_ins:
            entry.kind.fill(self._stand_ins[token], content, self, mine=False)
            entry.snapshot = _STALE
        else:
            entry.kind.fill(entry.obj, content, self, entry.mine)
            entry.snapshot = None
        self.place = here

    def _admit_theirs(self, token: int, obj: Any, kind: shared.Kind, base: Entry | None = None) -> None:
        if type(token) is not int or token < 2 or token % 2 == self.parity or token in self.entries:
            refuse("token")
        self._admit(token, obj, kind, mine=False)
        if base is not None:
            self.entries[token].mine, self.entries[token].place = base.mine, base.place

    def _admit(self, token: int, obj: Any, kind: shared.Kind, mine: bool) -> None:
        self.entries[token] = Entry(obj, kind, mine, self.place)
        self._tokens[id(obj)] = token


class _Snapshot:
    """Stands in for a peer where only a snapshot is wanted: encodes nothing."""

    def encode(self, value: Any) -> None: ...

    def encode_raw(self, raw: bytes) -> None: ...

    def key(self, value: Any) -> Any:
        return value


_SNAPSHOT: Any = _Snapshot()
