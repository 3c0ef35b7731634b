"""Changes in place, aliases and views: as in one process, in both directions."""

# ruff: noqa: E501 (a case of a table stands on one line)

from __future__ import annotations

import pytest

CASES = [
    # what the student does, what the test sees
    ("list append", "def f(x): x.append(3)", "x = [1]; f(x); assert x == [1, 3]"),
    ("list slice", "def f(x): x[1:] = [9]", "x = [1, 2, 3]; y = x; f(x); assert y == [1, 9]"),
    ("list sort", "def f(x): x.sort()", "x = [3, 1]; f(x); assert x == [1, 3]"),
    ("dict", "def f(d): d['b'] = d.pop('a')", "d = {'a': 1}; f(d); assert d == {'b': 1}"),
    ("dict order", "def f(d): d['a'] = d.pop('a')", "d = {'a': 1, 'b': 2}; f(d); assert list(d) == ['b', 'a']"),
    ("set", "def f(s): s.discard(1); s.add(5)", "s = {1, 2}; f(s); assert s == {2, 5}"),
    ("deque", "def f(q): q.rotate(1)", "from collections import deque; q = deque([1, 2, 3]); f(q); assert q[0] == 3"),
    ("bytearray", "def f(b): b[0] = 7; b.append(1)", "b = bytearray(2); f(b); assert b == b'\\x07\\x00\\x01'"),
    ("counter", "def f(c): c['a'] += 1", "from collections import Counter; c = Counter('ab'); f(c); assert c['a'] == 2"),
    ("nested", "def f(d): d['x'][0].append(1)", "i = []; d = {'x': [i]}; f(d); assert i == [1] and d['x'][0] is i"),
    ("new inside", "def f(x): x.append([1]); x[0].append(2)", "x = []; f(x); assert x == [[1, 2]]"),
    ("array", "def f(a): a *= 2", "a = np.ones(3); f(a); assert a.tolist() == [2, 2, 2]"),
    ("array of bool", "def f(a): a[0] = True", "a = np.zeros(2, bool); f(a); assert a.tolist() == [True, False]"),
    ("array of text", "def f(a): a[0] = 'z'", "a = np.array(['a', 'b']); f(a); assert a.tolist() == ['z', 'b']"),
    ("large array", "def f(a): a[-1] = 5", "a = np.zeros(100_001); f(a); assert a[-1] == 5 and a[0] == 0"),
    ("odd size", "def f(a): a[-1] = 5", "a = np.zeros(100_001, 'u1'); f(a); assert a[-1] == 5"),
    ("0-d array", "def f(a): a[...] = 4", "a = np.array(1.0); f(a); assert a == 4"),
    ("column", "def f(a): a += 1", "a = np.zeros((2, 2)); f(a[:, 1]); assert a.tolist() == [[0, 1], [0, 1]]"),
    ("transpose", "def f(a): a[0] = 1", "a = np.zeros((2, 2)); f(a.T); assert a.tolist() == [[1, 0], [1, 0]]"),
    ("reversed", "def f(a): a[0] = 1", "a = np.zeros(3); f(a[::-1]); assert a.tolist() == [0, 0, 1]"),
    ("fortran", "def f(a): a[0, 1] = 1", "a = np.zeros((2, 3), order='F'); f(a); assert a[0, 1] == 1"),
    ("shape", "def f(a): a.shape = (2, 2)", "a = np.arange(4); f(a); assert a.shape == (2, 2)"),
    ("two views that overlap", "def f(a, b): a += 1; b += 1", "x = np.zeros(3); f(x[1:], x[:-1]); assert list(x) == [1, 2, 1]"),
    ("whole and view", "def f(a, b): b[0] = 9; return a[1]", "x = np.zeros(3); assert f(x, x[1:]) == 9 and x[1] == 9"),
    ("same object", "def f(a): return a", "x = [1]; assert f(x) is x\na = np.ones(2); assert f(a) is a"),
    ("a view back", "def f(a): return a[1:]", "a = np.zeros(3); v = f(a); v[0] = 5; assert a[1] == 5 and np.shares_memory(v, a)"),
    ("a copy back", "def f(a): return a[1:].copy()", "a = np.zeros(3); v = f(a); v[0] = 5; assert a[1] == 0"),
    ("two times the same", "def f(): x = []; return x, x", "a, b = f(); assert a is b; a.append(1); assert b == [1]"),
    ("kept by the student", "kept = []\ndef f(x): kept.append(x)\ndef g(): return kept[0][0]",
     "x = [1]; f(x); x[0] = 2; assert g() == 2"),
    ("kept after the test let go", "k = []\ndef f(x): k.append(x)\ndef g(): return k[0].sum()", "f(np.ones(3)); assert g() == 3"),
    ("changed and let go", "state = {'w': [1]}\ndef f(): return state['w']\ndef g(): return state['w'][0]",
     "f()[0] = 5; assert g() == 5"),
    ("student's array written", "w = np.zeros(2)\ndef f(): return w\ndef g(): return w.sum()", "f()[:] = 3; assert g() == 6"),
    ("optimiser", "class O:\n    def __init__(s, p): s.p = p\n    def step(s):\n        for q in s.p: q -= 1",
     "a, b = np.ones(2), np.ones(1); o = O([a, b]); o.step(); o.step(); assert a[0] == -1 and b[0] == -1 and o.p[0] is a"),
    ("variable", "x = [1]\ndef f(): return x", "x.append(2); assert f() == [1, 2] and f() is x\nx = [7]; assert f() == [7]"),
    ("deleted", "def h(): return 1\ndef f(): return h()",
     "del h\ntry: f()\nexcept NameError: pass\nelse: raise AssertionError"),
    ("in a callback", "def f(g):\n    x = [1]; g(x); return x", "def g(x): x.append(2)\nassert f(g) == [1, 2]"),
    ("during a callback", "def f(x, g): x.append(1); return g()", "x = []\nassert f(x, lambda: len(x)) == 1"),
    ("callback writes", "def f(x, g): g(); return x[0]", "x = np.zeros(1)\ndef g(): x[0] = 3\nassert f(x, g) == 3"),
    ("after an error", "def f(x): x.append(1); raise ValueError", "x = []\ntry: f(x)\nexcept ValueError: pass\nassert x == [1]"),
    ("read-only stays", "def f(a): a[0] = 1", "a = np.zeros(2); a.flags.writeable = False\ntry: f(a)\nexcept ValueError: pass\nassert a[0] == 0"),
    ("read-only result", "def f():\n    a = np.ones(2); a.flags.writeable = False; return a",
     "a = f()\ntry: a[0] = 2\nexcept ValueError: pass\nelse: raise AssertionError"),
    ("made read-only later", "def f(a): return a.flags.writeable", "a = np.ones(2); assert f(a)\na.flags.writeable = False; assert not f(a)"),
    ("the same length, other items", "def f(x): x[:] = [2, 1]", "x = [1, 2]; f(x); assert x == [2, 1]"),
    ("nan", "def f(a): return a", "a = np.array([np.nan]); assert f(a) is a and np.isnan(a[0])"),
    ("negative zero", "def f(a): a *= -1", "a = np.zeros(1); f(a); assert np.signbit(a[0])"),
    ("cycle", "def f(x): x.append(x)", "x = []; f(x); assert x[0] is x"),
    ("a hundred objects", "def f(xs):\n    for x in xs: x += 1", "xs = [np.zeros(1) for _ in range(100)]; f(xs); assert all(x[0] == 1 for x in xs)"),
]  # fmt: skip


@pytest.mark.parametrize("student, test", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_as_in_one_process(wire, student, test):
    space = {}
    exec(f"import numpy as np\n{student}\n{test}", space)  # the oracle: Python itself
    verdict = wire.grade(student, test, student)
    assert verdict["status"] == "passed", verdict


@pytest.mark.parametrize(
    "student, test, why",
    [
        ("def f(a): a.dtype = 'i8'", "a = np.ones(2)\nf(a)", "dtype"),
        ("def f(a): a.resize(4, refcheck=False)", "a = np.ones(2)\nf(a)", "resized"),
        (
            "def f(a): a.flags.writeable = True; a[0] = 5",
            "a = np.ones(2); a.flags.writeable = False\nf(a)",
            "read-only",
        ),
    ],
)
def test_what_the_wire_does_not_carry_is_refused_and_cannot_be_swallowed(wire, student, test, why):
    verdict = wire.judge(student, f"try:\n    {test.replace(chr(10), chr(10) + '    ')}\nexcept BaseException: pass")
    assert verdict["status"] == "failed" and why in verdict["message"]


# -- write-back as an attack, and `freeze`

RIGHT = "def f(x): return x * 2"


@pytest.mark.parametrize(
    "student, status",
    [
        (RIGHT, "passed"),
        ("def f(x):\n    y = x * 2; x[:] = 0; return y", "failed"),
        ("def f(x): x[:] = 0; return x", "failed"),
        ("def f(x): x[:] = 0; return x.copy()", "failed"),
        ("def f(x):\n    y = x.copy(); y += x; x -= 1; x += 1; return y", "passed"),
    ],
)
def test_a_student_that_overwrites_its_input_is_held_to_what_it_was(wire, student, status):
    test = "x = np.arange(1.0, 4.0)\ngot = f(x)\nassert np.allclose(got, 2 * x)"
    assert wire.grade(student, test, RIGHT)["status"] == status


def test_harmless_overwriting_passes_twice(wire):
    test = "x = np.arange(3.0)\nassert np.allclose(f(x), [0, 2, 4])"
    student = "def f(x): x *= 2; return x"
    record = wire.learn(RIGHT, test)
    plain = wire.judge(student, test, record=record)
    frozen = wire.judge(student, test, record=record, freeze=True)
    assert (plain["status"], plain["wrote"], plain["suppressed"]) == ("passed", True, False)
    assert (frozen["status"], frozen["wrote"], frozen["suppressed"]) == ("passed", True, True)


@pytest.mark.parametrize(
    "make, change, look",
    [
        ("np.zeros(2)", "x[0] = 1", "x.tolist() == [0, 0]"), ("[0]", "x.append(1)", "x == [0]"), ("{}", "x['a'] = 1", "x == {}"),
        ("set()", "x.add(1)", "x == set()"), ("bytearray(1)", "x[0] = 1", "x == b'\\0'"),
        ("[[0]]", "x[0].append(1)", "x == [[0]]"), ("np.zeros((2, 2))", "x.T[0] = 1", "x.sum() == 0"),
    ],
)  # fmt: skip
def test_frozen_objects_are_restored_on_both_sides(wire, make, change, look):
    student = f"kept = []\ndef f(x):\n    {change}\n    kept.append(x)\n    return x\ndef again(x): return repr(x) == repr(kept[0])"
    test = f"x = {make}\ny = f(x)\nassert {look}\nassert again(x)"
    verdict = wire.judge(student, test, freeze=True)
    assert verdict["status"] == "passed" and verdict["suppressed"], verdict


def test_a_student_may_change_what_is_its_own_while_frozen(wire):
    student = "class C:\n    def __init__(s): s.n = np.zeros(1)\n    def step(s): s.n += 1\nc = C()"
    verdict = wire.judge(student, "n = c.n\nc.step()\nassert n[0] == 1 and c.n is n", freeze=True)
    assert verdict["status"] == "passed" and not verdict["wrote"]
