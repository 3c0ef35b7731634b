"""Players that cheat: forged messages, forged objects, and universal liars. None of them gains a point."""

# ruff: noqa: E501 (a case of a table stands on one line)

from __future__ import annotations

import os
import struct
from contextlib import suppress

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.inside import liars
from autograder.wire import limits, player, referee
from autograder.wire.channel import Channel
from autograder.wire.player import Player

RIGHT = "def f(x): return x * 2"
TEST = "assert f(3) == 6\nassert np.allclose(f(np.arange(3.0)), [0, 2, 4])"
TAIL = ["", "", [], [], []]


def cheating(answer):
    """A player that answers each request after the first with what `answer(player, op, args)` makes: an envelope.

    The first, which asks for the names, is answered honestly.
    """

    def play(sock, namespace):
        cheat = Player(Channel(sock), namespace)
        _, op, args, keywords, names, changes = cheat.receive()
        cheat._answer(op, args, keywords, names, changes)
        while True:
            _, op, args, *_ = cheat.receive()
            cheat.channel.send(*answer(cheat, op, args))

    return play


def envelope(said, definitions=(), drops=(), classes=(), buffers=()):
    return [said, list(definitions), list(drops), list(classes)], buffers


FORGERIES = {
    "no envelope": lambda p, op, a: (1, ()),
    "short envelope": lambda p, op, a: ([["answer", 6, TAIL]], ()),
    "unknown kind": lambda p, op, a: envelope(["passed", 1]),
    "no tail": lambda p, op, a: envelope(["answer", 6]),
    "a longer tail": lambda p, op, a: envelope(["answer", 6, [*TAIL, 1]]),
    "a name that was not asked for": lambda p, op, a: envelope(["answer", 6, ["", "", [], [["np", 1]], []]]),
    "builtins": lambda p, op, a: envelope(["answer", 6, ["", "", [], [["__builtins__", ["dict"]]], []]]),
    "an unknown handle's class": lambda p, op, a: envelope(["answer", ["object", 5, 77], TAIL]),
    "a token of the referee": lambda p, op, a: envelope(["answer", 6, TAIL], [[2, "list", None, 1]]),
    "token nought": lambda p, op, a: envelope(["answer", 6, TAIL], [[0, "list", None]]),
    "a text for a token": lambda p, op, a: envelope(["answer", 6, TAIL], [["3", "list", None]]),
    "drops": lambda p, op, a: envelope(["answer", 6, TAIL], drops=[2, -1]),
    "a class that changes": lambda p, op, a: envelope(
        ["answer", 6, TAIL], classes=[[1, "A", "m", [], [], [], False, None], [1, "B", "m", [], [], [], False, None]]
    ),
    "a class with odd parts": lambda p, op, a: envelope(["answer", 6, TAIL], classes=[[50, 1, 2, 3, 4, 5, 6, 7]]),
    "a class of no bases": lambda p, op, a: envelope(["answer", 6, TAIL], classes=[[50, "A", "m", [99], [], [], False, None]]),
    "an unknown callback": lambda p, op, a: envelope(["call", 1, "call", [], [], TAIL]),
    "a global that is not offered": lambda p, op, a: envelope(["answer", ["global", "os.system"], TAIL]),
    "a self-made exception": lambda p, op, a: envelope(["error", [["global", "os.system"], [], ""], None, "", TAIL]),
    "an exception with odd parts": lambda p, op, a: envelope(["error", [1, 2, 3, 4, 5], None, "", TAIL]),
    "a kept error that is none": lambda p, op, a: envelope(["error", [[], [], "", [], None], [1], "", TAIL]),
    "a deep tree": lambda p, op, a: envelope(["answer", _deep(500), TAIL]),
    "a buffer that is not there": lambda p, op, a: envelope(
        ["answer", ["shared", 3], TAIL], [[3, "array", "<f8", [1000], True, 4]]
    ),
}  # fmt: skip


def _deep(depth):
    tree = 1
    for _ in range(depth):
        tree = ["tuple", tree]
    return tree


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("learn", [False, True])
def test_forged_messages_end_the_test(wire, forgery, learn):
    record = wire.learn(RIGHT, TEST)
    for test in (TEST, f"try:\n    f(3)\nexcept BaseException: pass\n{TEST.splitlines()[0]} or True"):
        options = {"learn": True} if learn else {"record": record}
        verdict = wire.judge(RIGHT, test, play=cheating(forgery), seconds=2, **options)
        assert verdict["status"] in ("crashed", "failed") and verdict["score"] == 0, verdict
        assert verdict["says"] == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\0" * 5, b"\0" * 6, b"\0" * 1000, b"\xff" * 1000, b'{"status": "passed", "score": 1.0}\n' * 50,
        struct.pack("<IH", limits.BODY + 1, 0), struct.pack("<IHQ", 1, 1, limits.BUFFERS + 1),
        struct.pack("<IH", 3, 0) + b"\x93\x01\x02",
    ],
    ids=lambda raw: f"{len(raw)} bytes {raw[:4]!r}",
)  # fmt: skip
def test_noise_on_the_socket_ends_the_test(wire, raw):
    verdict = wire.judge(RIGHT, TEST, play=lambda sock, namespace: sock.sendall(raw), seconds=20)
    assert (verdict["status"], verdict["score"]) == ("crashed", 0.0)


def test_a_slow_drip_gains_no_time(wire):
    def play(sock, namespace):
        sock.sendall(struct.pack("<IH", 10_000, 0))
        while True:
            sock.sendall(b"\xc0")
            sock.settimeout(0.01)
            with suppress(TimeoutError):
                sock.recv(1 << 16)

    verdict = wire.judge(RIGHT, TEST, play=play, seconds=0.3)
    assert verdict["status"] == "timeout" and 0.25 < verdict["seconds"] < 3


# Time may be up inside a callback of the collector: Python reports that and drops it, and the alarm rings again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "student, status",
    [
        ("def f(x): return [0] * 3_000_000", ("crashed", "failed", "timeout")),
        ("def f(x): return list(map(list, [()] * 200_000))", ("crashed", "failed", "timeout")),
        ("def f(x): return np.zeros(300 << 20, 'u1')", ("failed",)),
        ("def f(x):\n    d = []\n    for _ in range(50_000): d = [d]\n    return d", ("failed", "timeout")),
        ("def f(x):\n    while True: yield 1", ("failed", "timeout")),
        ("def f(x): return 10 ** 10 ** 6", ("failed",)),
        ("def f(x):\n    while True: print('x' * 10 ** 6)", ("timeout",)),
        ("def f(x): return f(x)", ("failed",)),
        ("class A:\n    def __getattr__(s, n): return A()\n    def __iter__(s): return s\n    def __next__(s): return A()\ndef f(x): return A()", ("failed", "timeout")),
    ],
    ids=range(9),
)  # fmt: skip
def test_huge_and_endless_answers(wire, student, status):
    verdict = wire.grade(student, TEST, RIGHT, seconds=3)
    assert verdict["status"] in status and verdict["score"] == 0, verdict


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_answer_that_is_not_right_does_not_pass(wire, data):
    """Whatever tree comes as the answer: only a 6 that is an int or a float passes `== 6`."""
    leaves = (
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.sampled_from(["tuple", "shared", "object"])
    )
    tree = data.draw(st.recursive(leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=6))
    play = cheating(lambda p, op, a: envelope(["answer", tree, TAIL]))
    verdict = wire.judge(RIGHT, "assert f(3) == 6", play=play, seconds=2, record={"objects": ["name f"]})
    assert (verdict["status"] == "passed") == (type(tree) in (int, float) and tree == 6)


# -- tricks of ordinary student code

TRICKS = {
    "equal to everything": "class E:\n    def __eq__(s, o): return True\n    __ne__ = lambda s, o: False\ndef f(x): return E()",
    "a float that is close": "class F(float):\n    def __sub__(s, o): return 0.0\n    __rsub__ = __sub__\n    __eq__ = lambda s, o: True\n    __hash__ = float.__hash__\ndef f(x): return F(0)",
    "an array subclass": "class A(np.ndarray):\n    def __array_ufunc__(s, *a, **k): return True\n    def __eq__(s, o): return True\ndef f(x): return np.zeros(3).view(A)",
    "an object array": "class E:\n    def __eq__(s, o): return True\n    def __sub__(s, o): return 0\n    __rsub__ = __sub__\ndef f(x): return np.array([E(), E(), E()])",
    "patched numpy": "np.allclose = np.array_equal = lambda *a, **k: True\nnp.testing.assert_allclose = lambda *a, **k: None\ndef f(x): return 0",
    "patched builtins": "import builtins\nbuiltins.AssertionError = type('N', (Exception,), {})\nbuiltins.all = lambda x: True\ndef f(x): return 0",
    "stops the iteration": "def f(x): raise StopIteration",
    "skips": "import unittest\ndef f(x): raise unittest.SkipTest",
    "exits cleanly": "import os, sys\ndef f(x): sys.exit(0)",
    "exits hard": "import os\ndef f(x): os._exit(0)",
    "zeroes its input": "def f(x):\n    if hasattr(x, 'fill'): x.fill(0)\n    return x",
    "an empty array": "def f(x): return np.empty((0, 1, 1))",
    "nan": "def f(x): return float('nan')",
    "true": "def f(x): return True",
    "an exception as value": "def f(x): return AssertionError()",
    "a class": "class M(type):\n    def __eq__(c, o): return True\n    __hash__ = type.__hash__\nclass C(metaclass=M): pass\ndef f(x): return C",
    "a module": "import sys\ndef f(x): return sys",
    "a mock": "from unittest.mock import MagicMock\ndef f(x):\n    m = MagicMock(); m.__eq__ = lambda s, o: True; return m",
    "looks for the referee": "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if type(o).__name__ in ('Exchange', 'PreparedTest'): return 6\n    return 0",
    "walks the stack": "import sys\ndef f(x):\n    fr = sys._getframe()\n    while fr:\n        if 'assert' in str(fr.f_locals)[:0] or fr.f_code.co_filename.startswith('<test'): return 6\n        fr = fr.f_back\n    return 0",
    "takes over the class table": "import gc\nfrom autograder.wire.player import Player\nPlayer.perform = lambda s, op, a, k: True\ndef f(x): return 0",
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_tricks_gain_nothing(wire, trick):
    verdict = wire.grade(trick, TEST, RIGHT, seconds=3)
    assert verdict["status"] != "passed" and verdict["score"] == 0, verdict
    assert verdict["says"] == ""


def test_hidden_text_does_not_reach_the_player(wire):
    """What a player can see of a test: the values it is called with, and the names of functions. No source, no text."""

    class Recorder:
        def __init__(self, sock):
            self.sock = sock

        def __getattr__(self, name):
            return getattr(self.sock, name)

        def recv(self, size):
            got = self.sock.recv(size)
            os.write(writer, got)
            return got

    reader, writer = os.pipe()
    test = """
SECRET = 987654321
wanted = "a_hidden_string"
def check(value, other=SECRET): assert value == 6, "hidden message"
check(f(3))
assert use(check, 6) is None
"""
    student = f"{RIGHT}\ndef use(g, v): return g(v)"
    verdict = wire.judge(student, test, play=lambda sock, ns: player.serve(Recorder(sock), ns))
    os.close(writer)
    with open(reader, "rb") as stream:
        seen = stream.read()
    assert verdict["status"] == "passed" and b"check" in seen
    for hidden in (b"hidden", b"SECRET", b"wanted", msgpack.packb(987654321), b"assert"):
        assert hidden not in seen, hidden


# -- universal liars

GOOD = """
rng = np.random.default_rng(0)
for shape in ((3,), (2, 5)):
    x = rng.normal(size=shape)
    keep = x.copy()
    got = scale(x, 3.0)
    assert type(got) is np.ndarray and got.shape == shape
    np.testing.assert_allclose(got, 3 * keep)
    assert np.array_equal(x, keep)
model = Model(2.0)
assert model.k == 2.0 and model.predict([1.0, 4.0]) == [2.0, 8.0]
assert Model(5.0).predict([0.5]) == [2.5]
try:
    scale(None, 1.0)
    raise AssertionError("no error")
except TypeError:
    pass
"""
STUDENT = """
def scale(x, k):
    if x is None: raise TypeError("x")
    return x * k
class Model:
    def __init__(self, k): self.k = k
    def predict(self, xs): return [self.k * x for x in xs]
"""


@pytest.mark.parametrize("kind", liars.KINDS)
def test_a_good_test_fails_every_liar(wire, kind):
    reader, writer = os.pipe()
    record = wire.learn(STUDENT, GOOD)

    def play(sock, namespace):
        player.serve(sock, namespace, liar=kind, lied_fd=writer)

    verdict = wire.judge(STUDENT, GOOD, play=play, record=record)
    if verdict["status"] == "passed" and verdict["wrote"]:
        verdict = wire.judge(STUDENT, GOOD, play=play, record=record, freeze=True)
    os.close(writer)
    lied = os.read(reader, 10)
    os.close(reader)
    if kind in ("always true", "zeroes its earlier results"):  # there is nothing of that kind to lie about
        assert lied == b"" and verdict["status"] == "passed"
    else:
        assert lied in (b"!", b"!!") and verdict["status"] == "failed", verdict


@pytest.mark.parametrize(
    "kind, weak",
    [
        ("zeros", "assert scale(np.ones(2), 1.0).shape == (2,)"),
        ("nan", "assert not (abs(scale(np.ones(2), 2.0) - 2) > 1e-6).any()"),
        ("empty arrays", "for n in (0, 2): assert (scale(np.ones(n), 2.0) == 2).all()"),
        ("extra axis", "assert (scale(np.ones(2), 2.0) == 2).all()"),
        ("same as the first time", "assert scale(np.ones(2), 2.0)[0] == 2"),
        ("returns None", "scale(np.ones(2), 2.0)"),
        ("raises ValueError", "try: scale(np.ones(2), 2.0)\nexcept ValueError: pass"),
        ("returns its argument", "assert scale(np.ones(2), 1.0)[0] == 1"),
        ("object equal to all", "assert scale(np.ones(2), 1.0) is not None"),
    ],
)  # fmt: skip
def test_a_weak_test_is_found_by_a_liar(wire, kind, weak):
    record = wire.learn(STUDENT, weak)
    reader, writer = os.pipe()
    verdict = wire.judge(
        STUDENT, weak, play=lambda sock, ns: player.serve(sock, ns, liar=kind, lied_fd=writer), record=record
    )
    os.close(writer)
    lied = os.read(reader, 1)
    os.close(reader)
    assert verdict["status"] == "passed", verdict
    assert lied == (b"" if kind in ("same as the first time", "returns its argument") else b"!")


def test_a_liar_tells_of_its_first_lie_only_if_it_changed_something():
    reader, writer = os.pipe()
    zero = liars.lying("zeros", lambda op, args, keywords: args[0], writer)
    assert zero("call", [0, 1], {}) == 0 and zero("setattr", [5], {}) == 5
    assert zero("call", [[1, 2.0, np.ones(2)]], {})[:2] == [0, 0.0]
    assert zero("call", [3], {}) == 0
    os.close(writer)
    assert os.read(reader, 10) == b"!"
    os.close(reader)


def test_the_record_of_the_reference_is_needed(wire):
    """Without a record nothing but plain data is taken: no object of a submission, not even its functions."""
    verdict = wire.judge(RIGHT, TEST, record=None)
    assert verdict["status"] == "failed" and verdict["kind"] == "TypeError"
    assert referee.judge.__kwdefaults__["record"] is None
