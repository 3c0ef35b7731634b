"""The player works for honest students, whatever they did to the process that it shares with them."""

from __future__ import annotations

import pytest

TEST = """
assert f(np.arange(3.0)).tolist() == [0, 2, 4]
assert box.items == [1, 2] and Box([3]).items == [3]
try:
    f(None)
    raise AssertionError
except TypeError:
    pass
"""
STUDENT = """
def f(x): return x * 2
class Box:
    def __init__(self, items): self.items = items
box = Box([1, 2])
"""


@pytest.mark.parametrize(
    "before",
    [
        "",
        "sum = max = len = list = dict = type = isinstance = str = id = None",
        "import builtins\nfor n in 'len type isinstance id list dict tuple map zip sum any all next iter'.split():\n"
        "    setattr(builtins, n, None)",
        "np.ndarray = np.dtype = np.frombuffer = np.array_equal = np.asarray = None",
        "import sys\nsys.stdout = sys.stderr = None",
        "import sys\nsys.setrecursionlimit(400)",
        "import warnings\nwarnings.simplefilter('error')",
        "import warnings\nwarnings.warn = warnings.showwarning = None",
        "import struct, msgpack, socket\nstruct.Struct = struct.pack = msgpack.packb = msgpack.unpackb = None",
        "import traceback, inspect\ntraceback.format_exception = inspect.signature = None",
        "import gc\ngc.disable()",
        "import random, numpy\nrandom.getstate = numpy.random.get_state = None",
        "import threading\nthreading.Thread(target=__import__('time').sleep, args=(60,), daemon=True).start()",
        "__name__ = 'other'; __builtins__ = {}",
        "import operator\noperator.add = operator.mul = None",
    ],
    ids=lambda source: source.replace("\n", ";")[:40] or "nothing",
)
def test_honest_answers_after(wire, before):
    verdict = wire.grade(f"{before}\n{STUDENT}", TEST, STUDENT)
    assert verdict["status"] == "passed", verdict


@pytest.mark.parametrize(
    "source, why",
    [
        ("import os\ndef f(x): os._exit(0)", "ended"),
        ("import os\ndef f(x): os.abort()", "ended"),
        ("import os\ndef f(x): os.closerange(3, 1000)", "ended"),
        ("import ctypes\ndef f(x): ctypes.string_at(0)", "ended"),
        ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)", "ended"),
    ],
)
def test_death_is_a_crash_and_no_more(wire, source, why):
    verdict = wire.judge(source, "f(1)")
    assert (verdict["status"], verdict["score"]) == ("crashed", 0.0) and why in verdict["message"]


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "MemoryError", "RecursionError"])
def test_any_exception_of_a_student_is_an_answer(wire, error):
    verdict = wire.judge(f"def f(): raise {error}('x')\ndef g(): return 3", "import pytest\nassert g() == 3\nf()")
    assert verdict["status"] == "failed"
    assert verdict["kind"] == ("RuntimeError" if error == "GeneratorExit" else error)


@pytest.mark.parametrize(
    "body",
    [
        "class Bad(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\ndef f(): raise Bad(1)",
        "def f(): raise ValueError(memoryview(b''), lambda: 0, object())",
        "def f(): raise ValueError('x' * 10**7)",
        "def f(): raise type('E', (Exception,), {'__init__': lambda s, *, a: None})(a=1)",
        "class E(Exception): pass\ndef f():\n    e = E()\n    e.self = e\n    e.big = 10**5000\n    raise e from e",
        "def f(): return 10**5000",
        "def f(): return 'x' * 10**7",
        "def f(): return {object(): 1}['x']",
    ],
)
def test_exceptions_and_values_that_cannot_cross_fail_the_call_only(wire, body):
    test = "try:\n    f()\n    raise AssertionError\nexcept (Exception,):\n    pass\nassert g(2) == 2"
    assert wire.judge(f"{body}\ndef g(x): return x", test)["status"] == "passed"


def test_output_is_bounded_and_arrives_in_order(wire):
    student = "import sys\ndef f(n):\n    for i in range(n): print(i)\n    print('e', file=sys.stderr)\n    return n"
    verdict = wire.judge(student, "print('before')\nf(3)\nprint('after')\nassert f(10**6) == 10**6")
    assert verdict["status"] == "passed" and verdict["output"].startswith("before\n0\n1\n2\ne\nafter\n")
    assert len(verdict["output"]) <= 1 << 20
