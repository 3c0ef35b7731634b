"""Where the names of a test cell live, and what is refused at release."""

from __future__ import annotations

import pytest

from autograder.wire import names, referee


def cells(*rows):
    """("solution", source) or ("test", source), ... Test cells are named test-0, test-1, ..."""
    return [
        {"role": role, "grade_id": f"{role}-{sum(r == role for r, _ in rows[:i])}", "source": source}
        for i, (role, source) in enumerate(rows)
    ]


SETUP = ("locked", "import numpy as np\nRATE = 0.5\ndef half(x): return x * RATE")


@pytest.mark.parametrize(
    "solution, owned",
    [
        ("def f(): pass", {"f"}),
        ("class A:\n    x = 1\n    def g(self): y = 2", {"A"}),
        ("x = 1\ny: int = 2\nz += 1", {"x", "y", "z"}),
        ("a, (b, *c) = 1, (2, 3)", {"a", "b", "c"}),
        ("for i in range(3): k = i", {"i", "k"}),
        ("with open('x') as f: pass", {"f"}),
        ("try:\n    pass\nexcept OSError as e:\n    pass", {"e"}),
        ("if (n := 10) > 5: pass", {"n"}),
        ("[w := v for v in range(3)]", {"w"}),
        ("def f():\n    global count\n    count = 1", {"f", "count"}),
        ("del x", {"x"}),
        ("match 1:\n    case [a, *b] as c: pass", {"a", "b", "c"}),
        ("import math\nfrom math import sqrt as root", set()),
        ("import math\nmath = None", set()),
        ("from math import exp\ndef exp(x): return 1", {"exp"}),
        ("import matplotlib.pyplot as plt", {"plt"}),
        ("x = [y for y in range(3)]\nf = lambda z: z", {"x", "f"}),
        ("%matplotlib inline\nx = 1", {"x"}),
        ("async def f(): pass", {"f"}),
    ],
)
def test_names_of_a_solution_cell_live_in_the_player(solution, owned):
    assert names.resolve(cells(("solution", solution), ("test", "pass")))["test-0"].owned == owned


@pytest.mark.parametrize(
    "setup, owned, trusted, late",
    [
        ("import os", set(), {"os"}, set()),
        ("k = 1\ndef g(x): return k", set(), {"k", "g"}, set()),
        ("def g(x): return f(x)", set(), set(), {"g"}),
        ("class Sub(f): pass", set(), set(), {"Sub"}),
        ("def g(): return h()\ndef h(): return f()", set(), {"g"}, {"h"}),
        ("def h(): return f()\ndef g(): return h()", set(), set(), {"h", "g"}),
        ("y = f(1)", {"y"}, set(), set()),
        ("k = 1\ny = f(k)\nz = y + 1", {"y", "z"}, {"k"}, set()),
        ("y = f(1)\ndef g(): return y", {"y"}, set(), {"g"}),
        ("import matplotlib.pyplot as plt\ndef draw(): plt.plot([1])", {"plt"}, set(), {"draw"}),
        ("%matplotlib inline\nk = 1", set(), {"k"}, set()),
        ("!pip install x\nimport os", set(), {"os"}, set()),
        ("data = [1, 2]", set(), {"data"}, set()),
    ],
)
def test_a_setup_statement_that_uses_the_students_names_is_not_the_referees(setup, owned, trusted, late):
    needs = f"f; {'; '.join(late)}"
    test = names.resolve(cells(("solution", "def f(x=0): return 0"), ("locked", setup), ("test", needs)))["test-0"]
    assert test.owned == {"f"} | owned
    space = referee.build_namespace(test.trusted, pytest.fail)
    assert space.keys() - {"__name__"} == trusted
    assert {s.split("(")[0].split()[1].rstrip(":") for s in test.late} == late


def test_a_container_for_the_student_to_fill_lives_in_the_player():
    setup = "TABLE = {}\nGIVEN = []\nGIVEN.append(1)\nUNUSED = {}\ndef register(f): TABLE[f.__name__] = f; return f"
    rows = cells(("locked", setup), ("solution", "@register\ndef f(): return GIVEN"), ("test", "TABLE, GIVEN, UNUSED"))
    assert names.resolve(rows)["test-0"].owned == {"f", "TABLE"}


def test_a_test_sees_what_stands_above_it():
    rows = cells(
        SETUP, ("solution", "def f(x): return x"), ("test", "a = half(f(2))"), ("locked", "LATER = 1"),
        ("test", "import math\ndef check(x): assert f(x)\ndef plain(x): return x\nb = 1"), ("test", "check(plain(1))"),
    )  # fmt: skip
    tests = names.resolve(rows)
    spaces = {k: referee.build_namespace(t.trusted).keys() - {"__name__"} for k, t in tests.items()}
    assert spaces["test-0"] == {"np", "RATE", "half"}
    assert spaces["test-1"] == {"np", "RATE", "half", "LATER"}
    assert spaces["test-2"] == {"np", "RATE", "half", "LATER", "math", "plain"}
    assert [s.split("(")[0] for s in tests["test-2"].late] == ["def check"]


def test_only_needed_definitions_are_late():
    rows = cells(("solution", "def f(): 0"), ("locked", "def a(): f()\ndef b(): f()\ndef c(): a()"), ("test", "c()"))
    assert [s.split("(")[0] for s in names.resolve(rows)["test-0"].late] == ["def a", "def c"]


@pytest.mark.parametrize(
    "test, strange",
    [
        ("f(1)", []),
        ("unknown(f)", ["unknown"]),
        ("len(f(x)) if (x := 1) else print(half)", []),
        ("def g(p, *q, r=1, **s): return p, q, r, s\ng(f)", []),
        ("[i for i in f(1)]; import os; os.sep", []),
        ("%timeit f(1)", ["get_ipython"]),
        ("try:\n    f()\nexcept ValueError as e:\n    str(e)", []),
        ("(lambda z: z)(f)", []),
    ],
)
def test_unknown_names_are_warned_of(test, strange):
    resolved = names.resolve(cells(SETUP, ("solution", "def f(x): 0"), ("test", test)))["test-0"]
    assert [w.split("'")[1] for w in resolved.warnings] == strange


def test_shared_namespaces_know_the_variables_of_earlier_tests():
    rows = cells(("solution", "def f(): 0"), ("test", "a = f()"), ("test", "a, f"))
    assert len(names.resolve(rows)["test-1"].warnings) == 1 and not names.resolve(rows, shared=True)["test-1"].warnings
    assert len(names.lint(rows)) == 1 and not names.lint(rows, shared=True)


SOLUTION = ("solution", "def f(x): return x")
GIVEN = ("locked", "import numpy as np\ndata = np.zeros(3)\nrng = np.random.default_rng(0)\ntodo = []")


@pytest.mark.parametrize(
    "rows, line, what, instead",
    [
        ([("solution", "async def f(): pass"), ("test", "f")], 1, "asynchronous", "ordinary function"),
        ([SOLUTION, ("test", "x = 1\nawait f(1)")], 2, "awaits", "ordinary function"),
        ([SOLUTION, ("test", "assert True")], 1, "names nothing", "call a function"),
        ([SOLUTION, ("test", "\n\nf(1)\nimport pandas as pd\npd.DataFrame()")], 5, "pandas", "to_numpy"),
        ([("locked", "from scipy import sparse as s"), SOLUTION, ("test", "f(s.eye(3))")], 1, "scipy.sparse", "arrays"),
        ([SOLUTION, ("test", "%%bash\necho f")], 1, "cell magic", "take the magic away"),
        ([SOLUTION, ("test", "f(1) +")], 1, "no Python", "correct"),
        ([SOLUTION, ("test", "y = f(1)"), ("test", "assert f(2) and y")], 1, "variable of the earlier", "this cell"),
        ([SOLUTION, ("test", "import os\nos.environ['A'] = '1'; f(1)")], 2, "os.environ", "argument"),
        ([SOLUTION, ("test", "from os import environ\nenviron['A'] = '1'; f(1)")], 2, "os.environ", "argument"),
        ([SOLUTION, ("test", "from unittest import mock\nmock.patch('sys.argv', []); f(1)")], 2, "sys.argv", "list"),
        ([SOLUTION, ("test", "f(open('x'))")], 1, "open", "StringIO"),
        ([("solution", "def f(x): x.dtype = 'i8'"), ("test", "f(1)")], 1, "dtype", "view"),
        *(
            ([GIVEN, ("solution", f"def f(x): 0\n{change}"), ("test", "f(1)")], 2, "'data'", "data = data.copy()")
            for change in (
                "data[0] = 1", "data[0] += 1", "del data[0]", "data.label = 'a'", "data.rows[2].x = 1", "data.sort()",
                "for i in range(3): data[i] = 0", "data.rows.append(1)", "np.random.shuffle(data)", "rng.shuffle(data)",
            )
        ),
    ],
)  # fmt: skip
def test_refusals(rows, line, what, instead):
    (refusal,) = names.lint(cells(*rows))
    assert what in refusal.what and instead in refusal.instead
    assert refusal.line == line
    assert refusal.grade_id in {c["grade_id"] for c in cells(*rows)}


@pytest.mark.parametrize(
    "rows",
    [
        [SETUP, SOLUTION, ("test", "assert f(half(2)) == 1\nx = 1"), ("test", "x = 2\nassert f(x) == x")],
        [SOLUTION, ("test", "def helper(x): return f(x)"), ("test", "assert helper(1) == 1")],
        [SOLUTION, ("locked", "def helper(x): return f(x)"), ("test", "assert helper(1) == 1")],
        [SOLUTION, ("test", "%%time\nassert f(1) == 1")],
        [SOLUTION, ("test", "%timeit -n 1 -r 1 f(1)\nassert f(1) == 1")],
        [SOLUTION, ("test", "import time\nt = time.perf_counter(); f(1)")],
        [SOLUTION, ("test", "import io\nf(io.StringIO('x').open if False else 1)")],
        [("locked", "import pandas as pd"), SOLUTION, ("test", "f(1)")],
        [SOLUTION, ("test", 'assert f("logging") == "logging", "message"')],
        [SOLUTION, ("test", 'assert f("signal.wav") == "signal.wav" != "logging.txt"')],
        [SOLUTION, ("test", "w = f(1); assert w.signal.shape == (3,)")],
        *(
            [GIVEN, ("solution", f"def f(x): return x\n{unchanged}"), ("test", "f(1)")]
            for unchanged in (
                "data = data * 2",
                "data -= 1",
                "data = data.copy(); data[0] = 1",
                "x = data[0]",
                "np.append(data, 1)",
                "def g():\n    data[0] = 1",
                "x = {}; x['a'] = data",
                "x = []; x.append(data)",
                "todo.append(1)",
            )
        ),
    ],
)
def test_what_is_accepted(rows):
    refusals = names.lint(cells(*rows))
    assert refusals == []


def test_magics_that_only_watch_are_taken_off():
    assert names.to_python("%%time\nx = 1\n") == "x = 1\n"
    assert "run_cell_magic" in names.to_python("%%bash\nls\n")
