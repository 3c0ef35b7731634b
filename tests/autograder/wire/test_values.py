"""Values by copy, and objects by identity: what goes over arrives with its exact type and content."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import math
import pathlib
import random
import socket
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.wire import limits, random_states, values
from autograder.wire.ambient import Watch
from autograder.wire.channel import Channel
from autograder.wire.exchange import Exchange, Record
from autograder.wire.limits import Fatal, NotCarried
from autograder.wire.player import Player

Point = collections.namedtuple("Point", "x y")


class Ends:
    """Both ends in one process. `over(v)` is `v` as the player sees it, `back(v)` as the referee then does."""

    def __init__(self):
        a, b = socket.socketpair()
        self.sockets = a, b
        self.referee = Exchange(Channel(a), Watch(False, False), Record(), learn=True)
        self.player = Player(Channel(b), {})

    def over(self, value):
        self.referee.send(lambda: self.referee.encode(value))
        return self.player.decode(self.player.receive())

    def back(self, value):
        self.player.send(lambda: self.player.encode(value))
        return self.referee.checked(self.referee.decode, self.referee.receive())

    def close(self):
        for sock in self.sockets:
            sock.close()


@pytest.fixture
def ends():
    ends = Ends()
    yield ends
    ends.close()


def same(a, b) -> bool:
    """Equal in type and content, all the way down; nan equals nan, and -0.0 does not equal 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


ATOMS = (
    st.none() | st.booleans() | st.integers(-(2**900), 2**900) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())) | st.binary() | st.complex_numbers(allow_nan=False)
)  # fmt: skip
ARRAYS = hnp.arrays(
    st.sampled_from([*values.DTYPES.values()]), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
)
TEXTS = hnp.arrays("U5", hnp.array_shapes(min_side=0), elements=st.text(max_size=5).map(lambda t: t.rstrip("\0")))
PLAIN = st.recursive(
    ATOMS | ARRAYS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(ATOMS, inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(collections.deque)
    ),
    max_leaves=15,
)


@given(PLAIN)
def test_plain_data_arrives_as_it_was_and_comes_back_as_itself(value):
    ends = Ends()
    try:
        there = ends.over(value)
        assert same(value, there)
        back = ends.back(there)
        assert same(value, back)
        if type(value) in (list, dict, np.ndarray, collections.deque):
            assert back is value
    finally:
        ends.close()


@pytest.mark.parametrize(
    "value",
    [
        slice(1, None, -2), range(0, 10, 3), ..., frozenset({1, (2, "a")}), {1, 2.5, "x", None},
        fractions.Fraction(-1, 3), decimal.Decimal("1.10"), datetime.date(2024, 2, 29),
        datetime.datetime(2024, 1, 1, 12, 30, 1, 5), datetime.timedelta(-1, 5, 7),
        pathlib.PurePosixPath("a/b"), pathlib.Path("/tmp/x"), np.dtype("f4"), np.float32(0.1), np.int8(-3),
        np.bool_(True), np.complex64(1j), float("nan"), -0.0, math.inf, 2**63, -(2**63) - 1, "\ud800", "",
        bytearray(b"abc"), collections.Counter("abca"), collections.OrderedDict(b=1, a=2),
        collections.deque([1, 2], maxlen=3), collections.defaultdict(list, a=[1]), Point(1, [2]), Point,
        np.tanh, float, KeyError, np.linalg.LinAlgError, collections.abc.Sized, math.sqrt,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_each_kind_of_value(ends, value):
    there = ends.over(value)
    back = ends.back(there)
    if type(value).__name__ == "Point" or value is Point:  # the class is made anew on the other side, once
        assert isinstance(back, ends.back(ends.over(Point))) if value is not Point else back._fields == ("x", "y")
        assert tuple(back) == tuple(value) if value is not Point else back(1, y=2) == (1, 2)
        return
    assert same(value, there) and same(value, back)
    if isinstance(value, collections.deque):
        assert back.maxlen == there.maxlen == 3


def test_a_namedtuple_of_the_submission_is_an_instance_of_its_class_here(ends):
    record = ends.back(Point(1, 2))
    assert isinstance(record, ends.back(Point)) and record == (1, 2) and record.y == 2


@pytest.mark.parametrize(
    "value",
    [
        type("Float", (float,), {})(0.0), type("Array", (np.ndarray,), {})((2,)), type("Int", (int,), {})(3),
        type("Text", (str,), {})("x"), type("Tuple", (tuple,), {})((1,)), type("Dict", (dict,), {})(), object(),
        type("Record", (Point,), {"__slots__": (), "norm": lambda self: 0})(1, 2),
        np.array([None]), np.array([(1, 2.0)], dtype="i4,f8"), np.longdouble(1), {object(): 1},
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_anything_else_of_the_submission_stays_there(ends, value):
    """A subclass of a plain type is not plain: none of its methods ever runs in the referee."""
    there = ends.back(value)
    assert type(type(there)).__name__ == "RemoteMeta"
    assert type(there).__name__ == type(value).__name__
    assert ends.over(there) is value


@pytest.mark.parametrize("what", ["module", "object", "generic alias"])
def test_what_a_test_cannot_hand_over_is_said(ends, what):
    value = {"module": random_states, "object": object(), "generic alias": list[int]}[what]
    with pytest.raises(NotCarried, match="cannot be handed to the submission"):
        ends.over(value)


@pytest.mark.parametrize(
    "value, why",
    [(1 << 8 * limits.INTEGER, "int"), ("x" * (limits.TEXT + 1), "str"), (bytes(limits.BODY + 1), "too large")],
    ids=["int", "str", "bytes"],
)
def test_values_that_are_too_large_are_not_sent(ends, value, why):
    with pytest.raises(ValueError, match=why):
        ends.over(value)
    assert ends.over([1]) == [1]


def test_nothing_is_half_known_after_a_message_that_failed(ends):
    known, new = [1], [2]
    ends.over(known)
    known.append(3)
    with pytest.raises(NotCarried):
        ends.over([known, new, object()])
    assert ends.over([known, new]) == [[1, 3], [2]]


def test_nesting_is_bounded(ends):
    deep = ()
    for _ in range(limits.DEPTH + 2):
        deep = (deep,)
    with pytest.raises(RecursionError):
        ends.over(deep)
    shared = []
    for _ in range(1000):
        shared = [shared]
    there, depth = ends.over(shared), 0
    while there:
        there, depth = there[0], depth + 1
    assert depth == 1000


def test_cycles_arrive_as_cycles(ends):
    value = [1, {}]
    value[1]["self"] = value
    there = ends.over(value)
    assert there[1]["self"] is there


# -- malformed values: the referee's end reads them


def read(tree, definitions=(), drops=(), classes=(), buffers=()):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send([tree, list(definitions), list(drops), list(classes)], buffers)
        exchange = Exchange(Channel(ours), Watch(False, False), Record(), learn=True)
        return exchange.checked(exchange.decode, exchange.receive())


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=4) | st.binary()
    | st.sampled_from([*values.FORMS, "int", "text", "scalar", "dtype", "record", "record class", "shared", "object",
                       "class", "global", "callback", "<f8", "<U3"]),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
DEFINITIONS = st.lists(
    st.tuples(st.sampled_from([2, 3, 5, 7]), st.sampled_from(["list", "dict", "array", "view", "set", "generator"]))
    .flatmap(lambda head: st.lists(TREES, max_size=5).map(lambda rest: [*head, *rest])),
    max_size=3,
)  # fmt: skip


@given(TREES, DEFINITIONS, st.lists(TREES, max_size=2), st.lists(TREES, max_size=2))
def test_any_message_is_read_or_refused(tree, definitions, drops, classes):
    try:
        read(tree, definitions, drops, classes)
    except Fatal as fatal:
        assert fatal.status in ("crashed", "failed")


ARRAY = ["<f8", [2], True, bytes(16)]


@pytest.mark.parametrize(
    "tree, definitions",
    [
        (["shared", 3], []),
        (["shared", 2], [[2, "list", None]]),
        (["shared", 1], [[1, "list", None]]),
        (["shared", 3], [[3, "list", None], [3, "dict"]]),
        (["shared", 3], [[3, "nothing"]]),
        (["shared", 3], [[3, "array", "<f8", [3], True, bytes(16)]]),
        (["shared", 3], [[3, "array", "<f8", [-1], True, bytes(8)]]),
        (["shared", 3], [[3, "array", "<f8", [2**50, 0], True, b""]]),
        (["shared", 3], [[3, "array", "<f8", [1] * 65, True, bytes(8)]]),
        (["shared", 3], [[3, "array", "|O", [1], True, bytes(8)]]),
        (["shared", 3], [[3, "array", "<M8[s]", [1], True, bytes(8)]]),
        (["shared", 3], [[3, "array", "<U1", [1], True, b"\xff" * 4]]),
        (["shared", 3], [[3, "array", "<f8", [1], True, 7]]),
        (["shared", 5], [[3, "array", *ARRAY], [5, "view", 3, [3], 0, [8]]]),
        (["shared", 5], [[3, "array", *ARRAY], [5, "view", 3, [2], -8, [8]]]),
        (["shared", 5], [[3, "array", *ARRAY], [5, "view", 3, [2], 0, [1 << 40]]]),
        (["shared", 3], [[3, "dict", ["shared", 5], 1], [5, "list", None]]),
        (["shared", 3], [[3, "set", ["tuple", ["shared", 5]]], [5, "list", None]]),
        (["shared", 3], [[3, "generator", "PCG64", 1]]),
        (["shared", 3], [[3, "generator", "MT19937", bytes(10), 0, None]]),
        (["frozenset", ["object", 1, 1]], []),
        (["object", 1, 99], []),
        (["class", 99], []),
        (["callback", 1], []),
        (["global", "builtins.eval"], []),
        (["global", "builtins.type"], []),
        (["global", "os.system"], []),
        (["global", "numpy.load"], []),
        (["int", bytes(limits.INTEGER + 1)], []),
        (["range", 1.5, 2, 3], []),
        (["decimal", "1" * 5000], []),
        (["fraction", 1, 0], []),
        (["scalar", "<f8", bytes(7)], []),
        (["record", "class", ["x"], 1], []),
        (["record", "A", ["x", "__class__"], 1, 2], []),
        (["record", "A", ["x; import os"], 1], []),
        (["unknown"], []),
        ([], []),
        ([["list"]], []),
    ],
    ids=str,
)
def test_forged_values_are_refused(tree, definitions):
    with pytest.raises(Fatal) as info:
        read(tree, definitions)
    assert info.value.status == "crashed"


def test_a_bool_has_two_values_only():
    made = read(["shared", 3], [[3, "array", "|b1", [3], True, b"\x00\x01\x02"]])
    assert made.tobytes() == b"\x00\x01\x01" and read(["scalar", "|b1", b"\x07"]).tobytes() == b"\x01"


@pytest.mark.parametrize("limit, value", [("ITEMS", 100), ("OBJECTS", 10), ("TEXT", 100)])
def test_counts_are_bounded(monkeypatch, limit, value):
    monkeypatch.setattr(limits, limit, value)
    content = {"ITEMS": [["tuple"]] * 200, "OBJECTS": [], "TEXT": ["x" * 200]}[limit]
    with pytest.raises(Fatal):
        read(["shared", 3], [[3, "list", None, *content], *([2 * i + 5, "list", None] for i in range(20))])


# -- random states: only our own, drawn further


def drawn(generator, draw):
    draw(generator)
    return random_states.generator_state(generator)


GENERATORS = {
    "default_rng": (lambda: np.random.default_rng(1), ["random", "normal", "standard_exponential"]),
    "Generator(MT19937)": (lambda: np.random.Generator(np.random.MT19937(1)), ["random", "normal"]),
    "RandomState": (lambda: np.random.RandomState(1), ["rand", "randn", "standard_gamma"]),
    "Random": (lambda: random.Random(1), ["random", "gauss"]),
}
DRAWS = {"standard_gamma": (2.0,), "gauss": (0.0, 1.0)}


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 700, 2001])
def test_honest_draws_are_believed(name, count):
    make, methods = GENERATORS[name]
    for method in methods:
        before = random_states.generator_state(make())
        after = drawn(make(), lambda g: [getattr(g, method)(*DRAWS.get(method, ())) for _ in range(count)])  # noqa: B023
        assert random_states.generator_went_on(type(make()), before, after)
        if count > 0:
            assert not random_states.generator_went_on(type(make()), after, before)


def test_halves_of_draws_are_believed_if_they_are_real():
    rng = np.random.default_rng(3)
    before = random_states.generator_state(rng)
    after = drawn(rng, lambda g: [g.integers(10, dtype=np.uint32) for _ in range(5)])
    assert after[3] == 1 and random_states.generator_went_on(np.random.Generator, before, after)
    forged = (*after[:4], 0, after[5])
    assert not random_states.generator_went_on(np.random.Generator, before, forged)


@pytest.mark.parametrize("kind", [np.random.RandomState, random.Random])
def test_a_kept_normal_must_be_one_of_the_stream(kind):
    draw = {np.random.RandomState: lambda g: g.randn(), random.Random: lambda g: g.gauss(0, 1)}[kind]
    before, after = random_states.generator_state(kind(5)), drawn(kind(5), draw)
    assert after[3] is not None and random_states.generator_went_on(kind, before, after)
    for forged in (0.0, after[3] + 1e-6, 1e9):
        assert not random_states.generator_went_on(kind, before, (*after[:3], forged))


SEEDS = {"one number": 7, "many": [3, 2**60, 5], "an array": np.array([1, 2]), "none": None}


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937])
@pytest.mark.parametrize("entropy", SEEDS.values(), ids=SEEDS)
def test_a_generator_made_from_a_state_has_the_same_children(bits, entropy):
    rng = np.random.Generator(bits(entropy)).spawn(3)[1]
    rng.spawn(2)
    state = random_states.generator_state(rng)
    other = random_states.make_generator(np.random.Generator, state)
    assert random_states.generator_state(other) == state
    ours, theirs = rng.spawn(2), other.spawn(2)
    assert [g.random() for g in ours] == [g.random() for g in theirs]
    assert ours[0].random() != ours[1].random()


def test_children_are_counted_on_both_sides():
    rng = np.random.default_rng(4)
    before, twin = random_states.generator_state(rng), np.random.default_rng(4)
    after = drawn(rng, lambda g: g.spawn(3))
    assert random_states.generator_went_on(np.random.Generator, before, after)
    assert not random_states.generator_went_on(np.random.Generator, after, before)
    random_states.set_generator_state(twin, after)
    assert twin.spawn(1)[0].random() == rng.spawn(1)[0].random()


def test_only_the_count_of_children_may_change():
    *rest, (entropy, key, pool, children) = random_states.generator_state(np.random.default_rng(4))
    for seed in [(5, key, pool, children), (entropy, (1,), pool, children), (entropy, key, 8, children), None]:
        assert not random_states.generator_went_on(np.random.Generator, (*rest, (entropy, key, pool, 0)), (*rest, seed))
    for seed in [
        (entropy, key, pool, 10**6), (entropy, key, pool, -1), (entropy, key, 2**40, 0), (-1, key, pool, 0), "seed", 3,
        (entropy, [0], pool, 0), (entropy, (2**10_000,), pool, 0), ((1,) * 10_000, key, pool, 0), ("1", key, pool, 0),
    ]:  # fmt: skip
        assert not random_states.generator_went_on(np.random.Generator, (*rest, (entropy, key, pool, 0)), (*rest, seed))
        with pytest.raises((TypeError, ValueError)):
            random_states.set_generator_state(np.random.default_rng(4), (*rest, seed))


def test_a_seed_of_another_kind_is_not_carried():
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(["0x10", "12"])))
    state = random_states.generator_state(rng)
    assert state[-1] is None
    assert random_states.make_generator(np.random.Generator, state).random() == rng.random()


@pytest.mark.parametrize("name", GENERATORS)
def test_another_stream_is_not_believed(name):
    make, _ = GENERATORS[name]
    mine = random_states.generator_state(make())
    other = {
        "default_rng": lambda: np.random.default_rng(2),
        "Generator(MT19937)": lambda: np.random.Generator(np.random.MT19937(2)),
        "RandomState": lambda: np.random.RandomState(2),
        "Random": lambda: random.Random(2),
    }[name]()
    assert not random_states.generator_went_on(type(other), mine, random_states.generator_state(other))
    zeros = ("PCG64", 0, mine[2], 0, 0, mine[5]) if mine[0] == "PCG64" else ("MT19937", bytes(2496), 0, None, *mine[4:])
    assert not random_states.generator_went_on(type(other), mine, zeros)
