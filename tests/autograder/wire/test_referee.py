"""Verdicts: what passes, what a score is, what a student may be told, and what no one can swallow."""

# ruff: noqa: E501 (a case of a table stands on one line)

from __future__ import annotations

import json
import math
import socket
import sys
import warnings

import numpy as np
import pytest

from autograder.wire import exchange, names, referee

F = "def f(x=0): return x"


def test_a_verdict_has_these_parts_and_is_json(wire):
    verdict = wire.judge(F, "print('hello')\nassert f(1) == 1", points=2.5)
    assert json.loads(json.dumps(verdict)) == verdict
    record = verdict.pop("record")
    assert verdict.pop("seconds") < 5
    assert verdict == {
        "status": "passed", "score": 2.5, "kind": "", "message": "", "says": "", "asked": 1, "wrote": False,
        "suppressed": False, "output": "hello\n", "detail": "",
    }  # fmt: skip
    assert record.keys() == {"objects", "operators", "empties", "broadcasts", "writes", "number"}
    assert record["objects"] == ["name f"]


@pytest.mark.parametrize(
    "last, status, score",
    [
        ("0.5", "passed", 0.5), ("1", "passed", 1.0), ("0", "passed", 0.0), ("2.0", "passed", 2.0),
        ("np.float64(1.5)", "passed", 1.5), ("np.float32(0.5)", "passed", 0.5), ("np.int64(1)", "passed", 1.0),
        ("None", "passed", 2.0), ("'text'", "passed", 2.0), ("[1]", "passed", 2.0), ("x = 0.5", "passed", 2.0),
        ("np.array(0.5)", "passed", 2.0),
        ("float('nan')", "failed", 0.0), ("-0.1", "failed", 0.0), ("2.1", "failed", 0.0), ("10**400", "failed", 0.0),
        ("float('inf')", "failed", 0.0), ("True", "failed", 0.0), ("False", "failed", 0.0), ("np.bool_(1)", "passed", 2.0),
        ("1j", "failed", 0.0), ("np.float64('nan')", "failed", 0.0), ("assert False", "failed", 0.0),
    ],
)  # fmt: skip
def test_the_last_line_is_the_score_if_it_is_a_number(wire, last, status, score):
    verdict = wire.judge(F, f"f(1)\n{last}", points=2.0)
    assert (verdict["status"], verdict["score"]) == (status, score), verdict
    assert type(verdict["score"]) is float and math.isfinite(verdict["score"])


@pytest.mark.parametrize(
    "reference, student, status, score",
    [("0.5", "0.25", "passed", 0.25), ("0.5", "None", "failed", 0.0), ("0.5", "'1'", "failed", 0.0),
     ("0.5", "{'a': 1}", "failed", 0.0), ("None", "0.25", "passed", 1.0), ("[0.5]", "-3", "passed", 1.0)],
)  # fmt: skip
def test_a_last_line_that_calls_the_student_is_a_score_only_if_the_reference_gives_one(
    wire, reference, student, status, score
):
    verdict = wire.grade(f"def f(): return {student}", "f()", f"def f(): return {reference}")
    assert (verdict["status"], verdict["score"]) == (status, score)


def test_a_score_that_the_student_returns_as_an_object_fails(wire):
    student = "class Score(float):\n    def __le__(s, o): return True\n    __ge__ = __le__\ndef f(): return Score(1)"
    verdict = wire.grade(student, "f()", "def f(): return 1.0")
    assert verdict["status"] == "failed" and verdict["score"] == 0


@pytest.mark.parametrize(
    "test", ["assert True", "def g(): return f(1)", "x = f", "f is f", "np.zeros(3).sum() == 0", "import os"]
)
def test_a_test_that_asks_nothing_is_not_passed(wire, test):
    verdict = wire.judge(F, test)
    assert verdict["asked"] == 0 and verdict["status"] == "failed" and "asked nothing" in verdict["message"]


@pytest.mark.parametrize("test", ["assert answer == 42", "assert f(1) == 1", "for x in 1, 2: f(x)", "f.__name__"])
def test_a_call_or_a_variable_is_asked(wire, test):
    assert wire.judge(f"{F}\nanswer = 42", test)["status"] == "passed"


# -- what a student is told


@pytest.mark.parametrize(
    "test, says",
    [
        ('assert f(1) == 2, "look at the sign"', "look at the sign"),
        ('assert f(1) == 2, ("one text "\n    "in two parts")', "one text in two parts"),
        ('raise AssertionError("from a raise")\nf', "from a raise"),
        ('def check(v):\n    assert v == 2, "in a helper"\ncheck(f(1))', "in a helper"),
        ('for k in range(3):\n    assert f(k) == 0, "in a loop"', "in a loop"),
        ('try:\n    f(1) / 0\nexcept ZeroDivisionError:\n    assert False, "in a handler"', "in a handler"),
        ('assert f(1) == 2, f"got {f(1)}"', ""),
        ('assert f(1) == 2, f"no value"', ""),
        ("assert f(1) == 2, f('chosen by the student')", ""),
        ("assert f(1) == 2", ""),
        ('message = "a variable"\nassert f(1) == 2, message', ""),
        ('assert f(1) == 2, "a" + "b"', ""),
        ("assert fails('says the student')", ""),
        ('assert fails("same text"), "same text"', ""),
        ('raise ValueError("no assertion")\nf', ""),
        ("import numpy.testing as t; t.assert_equal(f(1), 2, err_msg='by numpy')", ""),
        ("import unittest; unittest.TestCase().assertEqual(f(1), 2, 'by unittest')", ""),
        ('def g():\n    assert fails("x"), "outer"\nuse(g)', ""),
        ('def g():\n    assert False, "in a callback"\nuse(g)', "in a callback"),
    ],
)
def test_only_literal_messages_of_the_test_reach_the_student(wire, test, says):
    student = f"{F}\ndef fails(text): raise AssertionError(text)\ndef use(g): g()"
    verdict = wire.judge(student, test)
    assert verdict["status"] == "failed" and verdict["says"] == says, verdict


def test_the_staff_sees_where_it_failed_and_what_the_student_raised(wire):
    verdict = wire.judge("def f(x): return secret(x)\ndef secret(x): return [][x]", "y = 3\nassert f(y) == 1")
    assert verdict["kind"] == "IndexError" and verdict["message"].startswith("IndexError: list index")
    assert "assert f(y) == 1" in verdict["detail"] and "in secret" in verdict["detail"]


# -- what cannot be swallowed

SWALLOWING = [
    "try:\n    {}\nexcept:\n    pass",
    "try:\n    {}\nexcept BaseException:\n    pass\nassert True",
    "import contextlib\nwith contextlib.suppress(BaseException):\n    {}",
    "try:\n    {}\nfinally:\n    pass\n",
    "import pytest\nwith pytest.raises(BaseException):\n    {}",
    "for _ in range(3):\n    try:\n        {}\n    except:\n        continue",
    "def g():\n    try:\n        return {}\n    except:\n        return 1\nassert g() == 1",
]


@pytest.mark.parametrize("swallow", SWALLOWING)
@pytest.mark.parametrize(
    "body, status",
    [("import os; os._exit(0)", "crashed"), ("while True: pass", "timeout"), ("garbage()", "crashed")],
    ids=["death", "timeout", "garbage"],
)
def test_the_end_cannot_be_swallowed(wire, swallow, body, status):
    garbage = (
        "def garbage():\n    import gc, socket\n    s = [o for o in gc.get_objects() if type(o) is socket.socket]\n"
    )
    garbage += "    [o.sendall(b'x' * 100) for o in s if o.fileno() >= 0]"
    student = f"def ok(): return 1\n{garbage}\ndef f():\n    {body}"
    verdict = wire.judge(student, "ok()\n" + swallow.format("f()"), seconds=0.3 if status == "timeout" else 20.0)
    assert (verdict["status"], verdict["score"]) == (status, 0.0), verdict


@pytest.mark.parametrize(
    "loop",
    ["while True: pass", "for _ in range(10**f(12)): pass",
     "for _ in range(3):\n    try:\n        while True: f()\n    except: pass"],
)  # fmt: skip
def test_loops_of_the_test_itself_are_bounded(wire, loop):
    verdict = wire.judge(F, f"f()\n{loop}", seconds=0.3)
    assert verdict["status"] == "timeout" and verdict["seconds"] < 5, verdict


def test_an_assertion_in_a_callback_cannot_be_swallowed(wire):
    student = "def run(g):\n    try: g(1)\n    except BaseException: pass\n    return 'fine'"
    verdict = wire.judge(student, "def g(x): assert x == 2, 'called with two'\nassert run(g) == 'fine'")
    assert verdict["status"] == "failed" and verdict["says"] == "called with two"
    assert wire.judge(student, "def g(x): raise ValueError\nassert run(g) == 'fine'")["status"] == "passed"


@pytest.mark.parametrize(
    "raised, caught",
    [("StopIteration", "RuntimeError"), ("GeneratorExit", "RuntimeError"), ("StopAsyncIteration", "RuntimeError"),
     ("unittest.SkipTest('x')", "SkipTest")],
)  # fmt: skip
def test_exceptions_that_mean_something_to_a_test_runner_lose_it(wire, raised, caught):
    student = f"import unittest\ndef f(): raise {raised}\ndef g(): return 1"
    test = "import unittest\nassert g() == 1\nlist(map(lambda x: f(), [1, 2]))"
    verdict = wire.judge(student, test)
    assert verdict["status"] == "failed" and verdict["kind"] == caught
    test = "import unittest\ng()\ntry:\n    f()\nexcept unittest.SkipTest:\n    raise AssertionError('real')\nexcept BaseException as e:\n    assert 1"
    assert wire.judge(student, test)["status"] == "passed"


# -- the process afterwards


def test_judging_leaves_the_process_as_it_was(wire):
    def state():
        filters, errors = list(warnings.filters), np.geterr()
        return filters, errors, sys.stdout, sys.getrecursionlimit(), np.allclose, np.random.get_state()[2]

    before = state()
    test = (
        "import warnings, sys\nwarnings.simplefilter('ignore'); np.seterr(all='ignore'); sys.setrecursionlimit(300)\n"
    )
    assert wire.judge(F, test + "np.random.rand(7); sys.stdout = None; f(1)")["status"] == "passed"
    assert state() == before


def test_plain_variables_are_left_for_the_next_test_of_a_shared_namespace(wire):
    left = {}

    def judge(sock, prepared, namespace, **options):
        namespace = {"given": [1]}
        verdict = referee.judge(sock, prepared, namespace, **options)
        left.update(namespace)
        return verdict

    wire.judge(
        f"{F}\nclass A: pass", "a = f(3)\nb = {'x': [a]}\nc = A()\nd = [c]\ng = f\nh = A", judge=judge, learn=True
    )
    assert left == {"given": [1], "a": 3, "b": {"x": [3]}}


def test_judge_never_raises():
    ours, theirs = socket.socketpair()
    theirs.close()
    resolved = names.Resolved("t", "f(1)", frozenset({"f"}), (), (), ())
    with ours:
        assert referee.judge(ours, referee.prepare(resolved), {})["status"] == "crashed"
    assert referee.judge(ours, referee.prepare(resolved), {})["status"] == "crashed"
    assert referee.ask(ours, referee.prepare(resolved), {}) == {"status": "crashed", "answer": None}


# -- probes


@pytest.mark.parametrize(
    "student, status, answer",
    [
        (F, "answered", [1, {"shape": [2], "kind": "f", "values": [1.0, 2.0]}]),
        ("def f(x): return x + 1e-15", "answered", [1.0, {"shape": [2], "kind": "f", "values": [1.0, 2.0]}]),
        ("def f(x): raise KeyError(x)", "answered", {"raised": "KeyError"}),
        ("class E(Exception): pass\ndef f(x): raise E", "answered", {"raised": "E"}),
        ("class A: pass\ndef f(x): return A()", "answered", [{"object": "A"}, {"object": "A"}]),
        ("def f(x): return float('nan')", "answered", ["nan", "nan"]),
        ("import os\ndef f(x): os._exit(1)", "crashed", None),
        ("def f(x):\n    while True: pass", "timeout", None),
    ],
)
def test_a_probe_answers_plain_data(wire, student, status, answer):
    probe = "def probe():\n    return f(1), f(np.array([1.0, 2.0]))"
    seconds = 0.5 if status == "timeout" else 20.0
    assert wire.judge(student, probe, judge=referee.ask, seconds=seconds) == {"status": status, "answer": answer}


# -- kinds: objects where the reference gives data

PRETENDER = """
class P:
    def __getattr__(self, n):
        if n.startswith('__'): raise AttributeError(n)
        return P()
    def __call__(self, *a, **k): return P()
    def __getitem__(self, i): return P()
    def __array__(self, *a, **k): import numpy; return numpy.array([1., 2.])
    def __array_ufunc__(self, *a, **k): return P()
    def __len__(self): return 2
    def __float__(self): return 1.0
    __int__ = __index__ = lambda s: 1
    def __hash__(self): return 0
for n in 'eq ne lt le gt ge bool contains'.split(): setattr(P, f'__{n}__', lambda *a: True)
for n in 'add sub mul truediv radd rsub abs neg pow round'.split(): setattr(P, f'__{n}__', lambda *a: P())
def f(x): return P()
"""


@pytest.mark.parametrize(
    "test",
    [
        "assert f(1) == 1", "assert 1 == f(1)", "assert not f(1) != 1", "assert f(1) < 2", "assert abs(f(1) - 1) < 1e-9",
        "assert abs(1 - f(1)) < 1e-9", "assert f(1)", "assert not not f(1)", "assert np.allclose(f(1), 1)",
        "assert np.isclose(1, f(1))", "assert (f(np.ones(2)) == np.ones(2)).all()", "assert f(1) in [1, 2]",
        "assert f(1) in {1}", "assert 1 in [f(1)]", "np.testing.assert_allclose(f(1), 1)", "assert round(f(1), 3) == 1",
        "np.testing.assert_equal(f(1), 1)", "np.testing.assert_array_equal(f(np.ones(2)), np.ones(2))",
        "assert float(f(1)) == 1", "assert int(f(1)) == 1", "assert [0, 1][f(1)] == 1", "assert max(f(1), 0) == 1",
        "assert f(1) + 1 == 2", "assert np.ones(2) @ f(np.ones(2)) == 2", "assert sum([f(1)]) == 1",
        "assert {1: True}[f(1)]", "assert np.abs(f(np.ones(2)) - 1).max() < 1e-9", "assert str(f(1)) == '1'",
        "assert isinstance(f(1), int)", "assert type(f(1)) is int", "assert f(np.ones(2)).shape == (2,)",
        "import math\nassert math.isclose(f(1), 1)", "import pytest\nassert f(1) == pytest.approx(1)",
        "import pytest\nassert pytest.approx(1) == f(1)", "import unittest\nunittest.TestCase().assertEqual(f(1), 1)",
        "import unittest\nunittest.TestCase().assertAlmostEqual(f(1), 1)", "assert np.sum(f(np.ones(2))) == 2",
        "match f(1):\n    case 1: pass\n    case _: assert False", "assert all(v == 1 for v in [f(1)])",
        "assert np.array_equal(f(np.ones(2)), np.ones(2))", "assert f'{f(1)}' == '1'", "assert sorted([f(2), f(1)]) == [1, 2]",
    ],
)  # fmt: skip
def test_an_object_that_pretends_to_be_data_decides_nothing(wire, test):
    verdict = wire.grade(PRETENDER, test, F)
    assert verdict["status"] == "failed", verdict


def test_the_error_names_the_class(wire):
    verdict = wire.grade(
        "class Loss:\n    def __eq__(s, o): return True\ndef f(x): return Loss()", "assert f(1) == 1", F
    )
    assert verdict["kind"] == "TypeError" and "'Loss' object where plain data" in verdict["message"]


@pytest.mark.parametrize(
    "student", ["def f(n): return (i for i in range(n))", "def f(n): return {0: 0, 1: 1}.keys()",
                "class It:\n    def __iter__(s): return iter([0, 1])\ndef f(n): return It()", "def f(n): yield from [0, 1]"],
)  # fmt: skip
def test_an_object_can_be_iterated_held_and_passed_back(wire, student):
    test = "assert list(f(2)) == [0, 1]\nkept = f(2)\nassert g(kept) is kept\nassert 1 in f(2) and [a for a in f(2)] == [0, 1]"
    assert (
        wire.grade(f"{student}\ndef g(x): return x", test, "def f(n): return [*range(n)]\ndef g(x): return x")["status"]
        == "passed"
    )


def test_a_place_is_a_position_also_inside_helpers(wire):
    """A helper's two callers are told apart: an object for the one is not allowed for the other."""
    setup = "def first(g): return g(0)"
    test = "a = first(make)\nb = first(number)\nassert a.v == 1 and b == 7"
    reference = (
        "class A:\n    v = 1\n    def __eq__(s, o): return True\ndef make(x): return A()\ndef number(x): return 7"
    )
    assert wire.grade(reference, test, reference, setup=setup)["status"] == "passed"
    wrong = reference.replace("return 7", "return A()")
    assert wire.grade(wrong, test, reference, setup=setup)["status"] == "failed"


def test_operators_that_the_reference_does_not_use_there_do_not_act(wire):
    reference = (
        "class A:\n    def __init__(s, v): s.v = v\n    def __add__(s, o): return A(s.v + o.v)\ndef f(x): return A(x)"
    )
    test = "assert (f(1) + f(2)).v == 3\nassert f(1).v == 1\nassert f(1).v != f(2).v"
    assert wire.grade(reference, test, reference)["status"] == "passed"
    liar = (
        reference
        + "\nA.__add__ = lambda s, o: A(3)\nA.__eq__ = lambda s, o: True\nclass V:\n    __eq__ = lambda s, o: True"
    )
    liar += "\n    __ne__ = lambda s, o: True\ndef f(x):\n    a = A(x); a.v = V(); return a"
    assert wire.grade(liar, test, reference)["kind"] == "TypeError"


def test_what_a_list_holds_belongs_to_where_the_list_came_from(wire):
    """The reference fills it at once, the student later: the same objects in the same list."""
    layer = "class Layer:\n    k = 3\n"
    reference = layer + "class Net:\n    def __init__(s): s.layers = [Layer()]\n    def build(s): pass"
    lazy = layer + "class Net:\n    def __init__(s): s.layers = []\n    def build(s): s.layers.append(Layer())"
    test = "net = Net()\nlayers = net.layers\nnet.build()\nassert layers[0].k == 3"
    assert wire.grade(lazy, test, reference)["status"] == "passed"


def test_protocols_that_python_or_numpy_would_follow_by_themselves_are_never_asked_for(wire):
    names = "__array_interface__ __array_struct__ __array_priority__ __reduce_ex__ __getstate__ __del__ __fspath__ __await__"
    student = f"class A:\n    def __getattr__(s, n): return 1\nfor n in '{names}'.split(): setattr(A, n, 1)\na = A()"
    test = f"assert a.other == 1 and not [n for n in '{names}'.split() if hasattr(a, n)]"
    assert wire.judge(student, test)["status"] == "passed"


# -- shapes

COMPARISONS = [
    "np.allclose({}, want)", "np.isclose({}, want).all()", "np.array_equiv({}, want)", "np.array_equal({}, want)",
    "np.testing.assert_allclose({}, want) is None", "np.testing.assert_array_equal({}, want) is None",
    "np.testing.assert_almost_equal({}, want) is None",
]  # fmt: skip


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize(
    "body", ["np.empty((0, 1))", "np.empty(0)", "np.ones((2, 1))", "np.ones((1, 2))", "1.0", "np.ones(())", "[[1.0]]"]
)
def test_a_wrong_shape_that_broadcasts_does_not_pass(wire, compare, body):
    test = f"want = np.ones((2, 2))\nassert {compare.format('f()')}"
    assert wire.grade(f"def f(): return {body}", test, "def f(): return np.ones((2, 2))")["status"] == "failed"


@pytest.mark.parametrize("importing", ["", "from numpy import allclose as close\n"])
def test_the_guard_holds_for_functions_imported_before(wire, importing):
    setup = f"import numpy as np\n{importing}"
    test = f"assert {'close' if importing else 'np.allclose'}(f(), np.ones((2, 2)))"
    for body, status in [("np.ones((2, 2))", "passed"), ("1.0", "failed")]:
        verdict = wire.grade(f"def f(): return {body}", test, "def f(): return np.ones((2, 2))", setup=setup)
        assert verdict["status"] == status


def test_broadcasting_is_allowed_where_the_reference_does(wire):
    test = "assert np.allclose(f(), 1.0)\nnp.testing.assert_array_equal(f(), 1)"
    for body in ("np.ones(3)", "np.ones((2, 2))", "np.ones(4)"):
        verdict = wire.grade(f"def f(): return {body}", test, "def f(): return np.ones(3)")
        assert verdict["status"] == "passed"


# -- random streams


@pytest.mark.parametrize(
    "reseed, status",
    [
        ("", "passed"),
        ("np.random.set_state(('MT19937', np.zeros(624, 'u4'), 0))", "failed"),
        ("np.random.seed(0)", "failed"),
        ("s = np.random.get_state(legacy=False); s.update(has_gauss=1, gauss=0.0); np.random.set_state(s)", "failed"),
    ],
)
def test_the_global_stream_is_ours_drawn_further(wire, reseed, status):
    """Whatever the student makes of the stream, the test draws what it would have drawn."""
    student = f"def f():\n    out = np.random.randn(3)\n    {reseed or 'pass'}\n    return out"
    test = """
np.random.seed(5)
got, after = f(), np.random.randn(2)
np.random.seed(5)
assert np.array_equal(got, np.random.randn(3))
expected = np.random.randn(2)
assert np.array_equal(after, expected), "another stream"
"""
    verdict = wire.judge(student, test)
    assert verdict["status"] == status
    zeros = "assert np.ptp(after) > 0 and np.ptp(np.random.randn(50)) > 1"
    assert wire.judge(student, test.split("np.random.seed(5)\nassert")[0] + zeros)["status"] == "passed"


def test_a_generator_argument_is_ours_drawn_further(wire):
    forge = "def f(rng):\n    s = rng.bit_generator.state; s['state']['state'] = 0; rng.bit_generator.state = s"
    test = "rng = np.random.default_rng(1)\nf(rng)\nassert rng.random() == np.random.default_rng(1).random()"
    assert wire.judge(forge, test)["status"] == "passed"
    test = "rng, same = np.random.default_rng(1), np.random.default_rng(1)\nassert f(rng) == same.normal()\nassert rng.random() == same.random()"
    assert wire.judge("def f(rng): return rng.normal()", test)["status"] == "passed"


# -- callbacks


@pytest.mark.parametrize(
    "student",
    [
        "def f(g): return g.__globals__", "def f(g): return g.__code__.co_consts", "def f(g): return g.__closure__[0]",
        "def f(g): return g.__defaults__[0]", "def f(g): import inspect; return inspect.getsource(g)",
        "def f(g): return g.secret", "def f(g): return g.__self__.secret",
    ],
)  # fmt: skip
def test_a_function_of_the_test_can_be_called_and_nothing_else(wire, student):
    test = "secret = 'SECRET'\ndef g(x=secret): return secret\ng.secret = secret\nout = ''\n"
    test += "try: out = repr(f(g))\nexcept Exception as e: out = repr(e)\nassert 'SECRET' not in out, out\nassert k(g) == secret"
    assert wire.judge(f"{student}\ndef k(g): return g()", test)["status"] == "passed"


def test_objects_of_a_test_show_public_attributes_only(wire):
    student = """
def f(a):
    out = []
    for name in ("public", "_private", "__dict__", "__class__", "method", "missing"):
        try: out.append(type(getattr(a, name)).__name__)
        except AttributeError: out.append("none")
    try: a._private = 5
    except AttributeError: out.append("refused")
    a.public = 7
    return out
"""
    test = """
class A:
    def __init__(self): self.public, self._private = 1, 2
    def method(self): return 3
a = A()
got = f(a)
assert got[0] == "int" and got[1] == "none" and got[4] == "function" and got[5:] == ["none", "refused"], got
assert a.public == 7 and a._private == 2
"""
    verdict = wire.judge(student, test)
    assert verdict["status"] == "passed", verdict


def test_callbacks_are_bounded_in_depth(wire):
    verdict = wire.judge("def f(g): return g(f)", "def g(h): return h(g)\nf(g)", seconds=5)
    assert verdict["status"] in ("crashed", "failed")
    assert "nested too deeply" in verdict["message"] or verdict["kind"] == "RecursionError"


def test_names_of_helper_files_begin_as_the_exchange_expects():
    resolved = names.Resolved("t", "f(1)", frozenset({"f"}), (), ("def g(): f()",), ())
    prepared = referee.prepare(resolved)
    assert prepared.body.co_filename.startswith(exchange.TEST_FILE)
    assert prepared.late[0].co_filename.startswith(exchange.SETUP_FILE)


@pytest.mark.parametrize("check", ["parts", "pair", "close"])
def test_a_check_calls_a_students_object_by_its_kind(wire, check):
    test = "checks.close(f(), [1.0, 2.0], 'f()')" if check == "close" else f"checks.{check}(f(), 'f()')"
    setup = "import numpy as np\nfrom chainrule import checks"
    student, reference = "def f():\n    yield 1.0", "def f():\n    return [1.0, 2.0]"
    verdict = wire.grade(student, test, reference, setup=setup)
    assert verdict["status"] == "failed"
    assert "f() is a 'generator' object; expected" in verdict["message"]
