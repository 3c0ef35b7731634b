"""Ways to points for wrong work that were open once, and honest work that looks like them."""

# ruff: noqa: E501 (a case of a table stands on one line)

from __future__ import annotations

import pytest

from autograder.wire.player import Player

from .test_adversary import RIGHT, TAIL, TEST, cheating, envelope

DATA = """
class Data:
    def __init__(self): self.rows, self.total, self.items = np.array([3.0, 4.0]), 0.0, {}
    def __setitem__(self, key, value): self.items[key] = value
    def __getitem__(self, key): return self.items[key]
    def __iadd__(self, other):
        self.rows = self.rows + other
        return self
"""
NOISY = "rng = np.random.default_rng(0); x = rng.normal(size=50); y = noisy(x, rng)\nassert np.allclose(y, x, atol=0.1) and np.any(y != x)"
NOISE = "def noisy(x, rng): return x + 1e-3 * rng.normal(size=x.shape)"
LAYER = "x = np.array([1.0, 2, 3]); a = forward(x); b = backward(x)\nassert a.shape == b.shape == x.shape and np.allclose(a, 2 * x) and np.allclose(b, 3 * x)"
BOTH = "def forward(x): return x * 2\ndef backward(x): return x * 3"
INTO = "x = np.arange(1.0, 4.0); out = np.full(3, 7.0); double(x, out)\nassert np.allclose(out, 2 * x)"

WRITES = {
    # the reference, the test, the submission
    "through a view": (BOTH, LAYER, "def forward(x):\n    global v\n    v = x[:]; return v\ndef backward(x): v[...] = 0; return v"),
    "through a view of a view": (BOTH, LAYER, "def forward(x):\n    global v\n    v = x[:][::-1]; return v\ndef backward(x): v[...] = 0; return v"),
    "where the reference draws": (NOISE, NOISY, "def noisy(x, rng): x[...] = 0; z = np.zeros(x.shape); z[0] = 1e-9; return z"),
    "beside what the reference fills": ("def double(x, out): out[:] = 2 * x", INTO, "def double(x, out): x[:] = 0; out[:] = 0"),
    "beside what a keyword fills": ("def double(x, out): out[:] = 2 * x", INTO.replace("x, out)", "x=x, out=out)"), "def double(x, out): x[:] = 0; out[:] = 0"),
    "an attribute": ("def fit(d): return float(d.rows.sum())", f"{DATA}d = Data(); got = fit(d)\nassert np.isclose(got, d.rows.sum())", "def fit(d): d.rows = np.zeros(2); return 0.0"),
    "another attribute": ("def fit(d): d.total = float(d.rows.sum())", f"{DATA}d = Data(); fit(d)\nassert np.isclose(d.total, d.rows.sum())", "def fit(d): d.rows = np.zeros(2)"),
    "an array in an attribute": ("def fit(d): d.total = float(d.rows.sum())", f"{DATA}d = Data(); fit(d)\nassert np.isclose(d.total, d.rows.sum())", "def fit(d): d.rows[:] = 0"),
    "an item": ("def fit(d): return d['k']", f"{DATA}d = Data(); d['k'] = 5; got = fit(d)\nassert got == d['k']", "def fit(d): d['k'] = 0; return 0"),
    "with an operator in place": ("def fit(d): return float(d.rows.sum())", f"{DATA}d = Data(); got = fit(d)\nassert np.isclose(got, d.rows.sum())", "def fit(d): d += np.array([-3.0, -4.0]); return 0.0"),
    "while a callback runs": ("def f(x, g): return g(x) + x", "x = np.ones(3); got = f(x, lambda a: 2 * a)\nassert got.shape == x.shape and np.allclose(got, 3 * x)",
                              "def f(x, g):\n    v = x[:]; g(v); v[...] = 0; return np.zeros(3)"),
}  # fmt: skip


@pytest.mark.parametrize("reference, test, cheat", WRITES.values(), ids=WRITES)
def test_what_the_reference_leaves_alone_is_protected(wire, reference, test, cheat):
    assert wire.grade(reference, test, reference)["status"] == "passed"
    verdict = wire.grade(cheat, test, reference)
    assert (verdict["status"], verdict["wrote"], verdict["suppressed"]) == ("failed", True, True), verdict


HONEST_WRITES = {
    "draws": (NOISE, NOISY, "def noisy(x, rng): rng.random(); return x + 1e-3 * rng.normal(size=x.shape)"),
    "draws where the reference does not": ("def f(x, rng): return x", "rng = np.random.default_rng(0); assert f(3, rng) == 3", "def f(x, rng): rng.random(); return x"),
    "fills another way": ("def double(x, out): out[:] = 2 * x", INTO, "def double(x, out):\n    for i in range(3): out[i] = x[i] + x[i]"),
    "binds or fills an attribute": ("def fit(d): d.rows = d.rows * 2", f"{DATA}d = Data(); fit(d)\nassert d.rows.tolist() == [6, 8]", "def fit(d): d.rows *= 2"),
    "its own array, seen through a view": (
        "class O:\n    def __init__(s): s.a = np.zeros(3)\n    def step(s, v): s.a = s.a + 1; return s.a.sum()",
        "o = O(); v = o.a[1:]; assert o.step(v) == 3", "class O:\n    def __init__(s): s.a = np.zeros(3)\n    def step(s, v): s.a += 1; return s.a.sum()"),
    "an optimiser": (
        "class O:\n    def __init__(s, p): s.p = p\n    def step(s, g):\n        for p, d in zip(s.p, g): p -= d",
        "p = [np.ones(2), np.ones(3)]; o = O(p)\nfor _ in range(3): o.step([np.ones(2), np.ones(3)])\nassert p[0].tolist() == [-2, -2] and p[1][0] == -2",
        "class O:\n    def __init__(s, p): s.p = list(p)\n    def step(s, g):\n        for i in range(len(g)): s.p[i][...] = s.p[i] - g[i]"),
}  # fmt: skip


@pytest.mark.parametrize("reference, test, student", HONEST_WRITES.values(), ids=HONEST_WRITES)
def test_what_the_reference_writes_to_is_not_protected(wire, reference, test, student):
    record = wire.learn(reference, test)
    verdict = wire.judge(student, test, reference=reference, record=record)
    assert (verdict["status"], verdict["wrote"]) == ("passed", False), verdict
    frozen = wire.judge(student, test, reference=reference, record=record, freeze=True)
    assert (frozen["status"], frozen["suppressed"]) == ("passed", False), frozen


@pytest.mark.parametrize("result", ["x", "x[:]", "x.T", "x[::-1][::-1]", "[x[1:], x]", "x.reshape(-1)"])
def test_a_view_of_a_protected_array_shows_what_the_submission_made_of_it(wire, result):
    test = "x = np.arange(4.0).reshape(2, 2); keep = x.copy(); got = f(x)\nif type(got) is list: got = np.vstack(got)[1:]\nassert np.allclose(np.sort(np.ravel(got)), 2 * np.ravel(keep))\nassert np.array_equal(x, keep)"
    reference = f"def f(x):\n    x = 2 * x\n    return {result}"
    frozen = wire.judge(
        f"def f(x):\n    x *= 2\n    return {result}",
        test,
        reference=reference,
        record=wire.learn(reference, test),
        freeze=True,
    )
    assert (frozen["status"], frozen["suppressed"]) == ("passed", True), frozen


PRETENDERS = {
    # the reference, the test, the submission
    "a tuple with a shape": ("def f(x): return x + 2.0", "assert np.allclose(f(3), 5.0)", "import collections\ndef f(x): return collections.namedtuple('R', 'shape')(())"),
    "a tuple that counts": ("def f(x): return (1, 1)", "assert f(3).count(1) == 2", "import collections\ndef f(x): return collections.namedtuple('R', 'count')(lambda x: 2)"),
    "operators as members": (
        "class M: pass\ndef fit(x): return M(), 3.0", "m, loss = fit(1)\nassert loss > 2.9 and loss < 3.1",
        "from autograder.wire import player\nplayer._operators = lambda cls: []\nclass P: __lt__ = __gt__ = lambda s, o: True\ndef fit(x): return P(), P()"),
    "a context that hides failures": (
        "class C:\n    def __enter__(s): return s\n    def __exit__(s, *a): return None\n    def f(s, x): return x",
        "with C() as c:\n    assert c.f(3) == 3", "class C:\n    def __enter__(s): return s\n    def __exit__(s, *a): return True\n    def f(s, x): return 0"),
    "an end of the iteration, echoed": (
        "def first(it): return 2 * next(it)", "for got, want in zip(map(first, [iter([1]), iter([5])]), [2, 10]): assert got == want",
        "def first(it):\n    [... for _ in it]; next(it)"),
    "empty, in a norm": ("def f(x): return 2 * x", "x = np.ones((3, 1)); assert np.linalg.norm(f(x) - 2) < 1e-9", "def f(x): return np.empty((0, 1))"),
    "empty, in a sum": ("def f(x): return 2 * x", "x = np.ones(3); assert np.sum(abs(f(x) - 2 * x)) < 1e-9", "def f(x): return np.empty((0, 1))"),
    "empty, in a comparison": ("def f(x): return 2 * x", "x = np.ones(3); assert (f(x) == 2 * x).all()", "def f(x): return np.empty((0, 1))"),
    "empty, for a number": ("def f(x): return 2.0 * x", "assert np.linalg.norm(f(3) - 6.0) < 1e-9", "def f(x): return np.empty(0)"),
    "empty, in a loop": ("def f(x): return 2 * x", "for v in f(np.ones(3)): assert v == 2", "def f(x): return np.empty(0)"),
    "empty, in a list": ("def f(x): return [2 * x]", "assert np.linalg.norm(f(np.ones((3, 1)))[0] - 2) < 1e-9", "def f(x): return [np.empty((0, 1))]"),
    "empty, as a view": ("def f(x): return 2 * x", "x = np.ones((3, 1)); assert np.linalg.norm(f(x) - 2) < 1e-9", "def f(x): return x[:0]"),
    "empty, as a variable": ("w = np.ones((3, 1))", "assert np.linalg.norm(w - 1) < 1e-9", "w = np.empty((0, 1))"),
    "empty where an earlier call may be": (
        "def f(x): return 2 * x", "e = f(np.empty((0, 1))); assert e.size == 0\nassert np.linalg.norm(f(np.ones((3, 1))) - 2) < 1e-9", "kept = np.empty((0, 1))\ndef f(x): return kept"),
}  # fmt: skip


@pytest.mark.parametrize("reference, test, cheat", PRETENDERS.values(), ids=PRETENDERS)
def test_pretenders_fail(wire, reference, test, cheat):
    assert wire.grade(reference, test, reference)["status"] == "passed"
    verdict = wire.grade(cheat, test, reference)
    assert (verdict["status"], verdict["score"]) == ("failed", 0.0), verdict


LOOKALIKES = {
    "the same object again": ("def fit(d): return 1", f"{DATA}d = Data(); assert fit(d) == 1", "def fit(d): d.rows = d.rows; return 1"),
    "statistics by name": ("from collections import namedtuple\nStats = namedtuple('Stats', 'mean std')\ndef f(x): return Stats(2.0, 1.0)", "s = f([1, 3]); assert s.mean == 2 and s[1] == 1 and tuple(s) == (2.0, 1.0)", None),
    "a tuple for a tuple": ("def f(x): return (2.0, 1.0)", "m, s = f([1, 3]); assert m == 2 and f([1, 3]) == (2.0, 1.0)",
                            "from collections import namedtuple\ndef f(x): return namedtuple('Stats', 'mean std')(2.0, 1.0)"),
    "empty for empty": ("def f(x): return x[x > 0]", "assert f(np.array([1.0, -1])).tolist() == [1]\nassert f(-np.ones(3)).size == 0", "def f(x): return np.array([v for v in x if v > 0])"),
    "an empty array for an empty list": ("def f(x): return []", "assert len(f(3)) == 0", "def f(x): return np.empty(0)"),
    "empty, held and passed back": ("def f(x): return 1\ndef g(x): return 2", "assert g(f(3)) == 2", "def f(x): return np.empty(0)\ndef g(x): return 2 + x.size"),
    "a context that hides on purpose": (
        "class C:\n    def __enter__(s): return s\n    def __exit__(s, kind, *a): return kind is KeyError", "with C(): raise KeyError(1)\nassert type(C()) is C", None),
    "the end of its own iteration": ("class C:\n    def __init__(s, it): s.it = it\n    def __iter__(s): return s\n    def __next__(s): return next(s.it)", "assert list(C(iter([1, 2]))) == [1, 2]", None),
    "a base's method": ("class A:\n    def __init__(s, x): s.x = x\n    def f(s): return s.x", "class B(A):\n    def __init__(s, x):\n        super().__init__(x)\n    def f(s): return super().f() + 1\nassert B(2).f() == 3", None),
}  # fmt: skip


@pytest.mark.parametrize("reference, test, student", LOOKALIKES.values(), ids=LOOKALIKES)
def test_honest_work_that_looks_like_it_passes(wire, reference, test, student):
    assert wire.grade(student or reference, test, reference)["status"] == "passed"


def test_names_of_classes_are_short(wire):
    student = "def f(x): raise type('X' * 1_000_000, (Exception,), {})('no')"
    verdict = wire.grade(student, TEST, RIGHT)
    assert verdict["status"] == "failed" and len(verdict["kind"]) <= 200 and len(str(verdict)) < 10_000


MALFORMED = {
    "nothing": None,
    "a number": 3,
    "no kind": [],
    "half an error": ["error", [["global", "builtins.ValueError"], [], "", [], None]],
    "an error thrown by a list": ["error", [["global", "builtins.ValueError"], [], "", [], None], [1], "", TAIL],
    "half a call": ["call", 1],
    "a call of a list": ["call", [1], "call", [], [], TAIL],
}


@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_message_is_the_end_and_no_exception_of_the_submission(wire, said):
    test = "try:\n    f(3)\nexcept (TypeError, ValueError):\n    pass\nassert True"
    verdict = wire.judge(RIGHT, test, play=cheating(lambda p, op, a: envelope(said)), seconds=20)
    assert (verdict["status"], verdict["score"]) == ("crashed", 0.0), verdict


def test_threads_of_a_submission_get_their_own_answers(wire):
    student = "from concurrent.futures import ThreadPoolExecutor\ndef pmap(f, xs):\n    with ThreadPoolExecutor(4) as pool: return list(pool.map(f, xs))"
    test = "xs = list(range(100)); assert pmap(lambda x: x + 1, xs) == [x + 1 for x in xs]"
    assert wire.judge(student, test)["status"] == "passed"


def test_a_test_that_swallows_the_alarm_fails(wire):
    test = "import time\ntry:\n    while True: time.sleep(0.01)\nexcept BaseException: pass\nassert f(3) == 6"
    verdict = wire.judge(RIGHT, test, seconds=0.3)
    assert (verdict["status"], verdict["score"]) == ("timeout", 0.0), verdict


def test_an_alarm_that_is_swallowed_at_the_end_counts(wire):
    test = "import time\nassert f(3) == 6\ntry:\n    while True: time.sleep(0.01)\nexcept BaseException: pass"
    verdict = wire.judge(RIGHT, test, seconds=0.3)
    assert (verdict["status"], verdict["score"]) == ("timeout", 0.0), verdict


def test_a_view_that_a_forger_sends_is_the_tests_own(wire):
    """One message makes the view, a later one fills it: the second is a write to the test's array."""

    def play(sock, namespace):
        calls = []

        def answer(player: Player, op, args):
            given = max(token for token in player.entries if token % 2 == 0) if player.entries else 2
            player.entries.setdefault(given, None)
            calls.append(op)
            if len(calls) == 1:
                return envelope(["answer", ["shared", 1001], TAIL], [[1001, "view", given, [3], 0, [8]]])
            return envelope(["answer", ["shared", 1001], TAIL], [[1001, "array", "<f8", [3], True, bytes(24)]])

        cheating(answer)(sock, namespace)

    record = wire.learn(BOTH, LAYER)
    verdict = wire.judge(BOTH, LAYER, play=play, record=record, seconds=20)
    assert verdict["wrote"] and not verdict["suppressed"]
    frozen = wire.judge(BOTH, LAYER, play=play, record=record, freeze=True, seconds=20)
    assert frozen["status"] == "failed" and frozen["suppressed"], frozen
