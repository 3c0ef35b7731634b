"""A small assignment with something to steal, and notebooks as students hand them in.

Every hidden test holds unique numbers and words. None of them may reach a student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import nbformat

from autograder.model import Assignment, Cell, Exercise, Limits, Notebook, Wrong

NAME = "vault"
SETUP = "import numpy as np\nfrom collections import namedtuple"

SECRETS = (
    *("918.27", "40271", "2295.68", "100678", "77310", "6143.5"),
    *("9.18273", "4.02715", "2.29568", "1.00678", "7.731", "6.1435"),
    *("SOURCE_TOKEN", "EXPECTED_TOKEN", "PROBE_TOKEN"),
)
"""Parts of hidden inputs, expected values and source lines, as they look when they are printed."""

RIGHT: dict[str, str] = {
    "scale": "def scale(x, factor):\n    return x * factor",
    "mean": "def mean(x):\n    return float(np.sum(x) / len(x))",
    "table": "def table(words):\n    return {word: float(len(word)) for word in words}",
    "tally": (
        "class Tally:\n    def __init__(self):\n        self.count, self.total = 0, 0.0\n"
        "    def add(self, x):\n        self.count, self.total = self.count + 1, self.total + x\n        return self"
    ),
    "centre": "def centre(x):\n    return x - x.mean()",
    "layer": "def forward(x):\n    return 2 * x\n\n\ndef backward(x):\n    return 3 * x",
    "noisy": "def noisy(x, rng):\n    return x + 1e-3 * rng.normal(size=x.shape)",
    "fit": "class Model:\n    pass\n\n\ndef fit(x):\n    return Model(), float(x.sum())",
    "firsts": "def first(items):\n    return 2 * next(items)",
    "rows": "def total(data):\n    return float(data.rows.sum())",
    "check": "def check_double(double):\n    assert double(3) == 6 and double(-1.5) == -3.0",
    "twice": "def twice(x):\n    return 2 * x",
    "grid": "def grid(x):\n    return 2 * x",
    "last": "def last(x):\n    return x[-1]",
}
"""The solutions, by exercise."""

WRONG: dict[str, str] = {
    "scale": "def scale(x, factor):\n    return x",
    "mean": "def mean(x):\n    return 1.0",
    "table": "def table(words):\n    return {}",
    "tally": "class Tally:\n    def add(self, x):\n        return self",
    "centre": "def centre(x):\n    return 0 * x",
    "layer": "def forward(x):\n    return 0 * x\n\n\ndef backward(x):\n    return 0 * x",
    "noisy": "def noisy(x, rng):\n    return 1e-9 * rng.normal(size=x.shape)",
    "fit": "class Model:\n    pass\n\n\ndef fit(x):\n    return Model(), 0.0",
    "firsts": "def first(items):\n    return 0",
    "rows": "def total(data):\n    return 0.0",
    "check": "def check_double(double):\n    pass",
    "twice": "def twice(x):\n    return 0 * x",
    "grid": "def grid(x):\n    return 0 * x",
    "last": "def last(x):\n    return 0",
}
"""The same work without any trick: what a submission that cheats in an exercise may earn there at most."""

_VISIBLE: dict[str, str] = {
    "scale": "assert np.allclose(scale(np.array([1.0, 2.0]), 3.0), [3.0, 6.0])",
    "mean": "assert mean(np.array([1.0, 2.0, 6.0])) == 3.0",
    "last": "assert last([1, 2, 3]) == 3",
}

_HIDDEN: dict[str, str] = {
    "scale": """
# SOURCE_TOKEN
x = np.array([918.2734655, -40271.5, 3.0])
wanted = np.array([2295.68366375, -100678.75, 7.5])
got = scale(x, 2.5)
assert np.shape(got) == (3,), "the result has another shape"
assert np.allclose(got, wanted), f"EXPECTED_TOKEN {wanted}"
""",
    "mean": "assert np.allclose(mean(np.array([918.2734655, -40271.5])), -19676.61326725)\n"
    "assert np.allclose(mean(np.array([77310.0, 4.0, 4.0])), 25772.666666666668), 'of three numbers'",
    "table": "got = table(['one', 'three'])\n"
    "assert isinstance(got, dict) and len(got) == 2, 'two words'\n"
    "assert got == {'one': 3.0, 'three': 5.0} and got['three'] == 5.0\n"
    "assert [got[k] for k in ('one', 'three')] == [3.0, 5.0]",
    "tally": "t = Tally()\nassert t.add(6143.5) is t and t.count == 1\n"
    "t.add(0.25)\nassert t.count == 2 and np.isclose(t.total, 6143.75)\nassert Tally().count == 0",
    "centre": "x = np.array([918.2734655, 2.0, -4.0])\ngot = centre(x)\n"
    "assert got.shape == x.shape and np.allclose(got, x - x.mean())",
    "layer": "x = np.array([918.2734655, 2.0, -4.0])\na = forward(x)\nb = backward(x)\n"
    "assert a.shape == b.shape == x.shape\nassert np.allclose(a, 2 * x) and np.allclose(b, 3 * x)",
    "noisy": "rng = np.random.default_rng(3)\nx = rng.normal(size=50)\ny = noisy(x, rng)\n"
    "assert y.shape == x.shape and np.allclose(y, x, atol=0.1) and np.any(y != x)",
    "fit": "model, loss = fit(np.array([918.2734655, 2.0]))\nassert model is not None\n"
    "assert 920 < loss and loss < 921 and abs(loss - 920.2734655) < 1e-6",
    "firsts": "given = [iter([6143.5]), iter([5])]\n"
    "for got, wanted in zip(map(first, given), [12287.0, 10]):\n    assert got == wanted",
    "rows": "class Data:\n    def __init__(self):\n        self.rows = np.array([918.2734655, 2.0])\n\n\n"
    "data = Data()\ngot = total(data)\nassert np.isclose(got, data.rows.sum())",
    "check": "def accepts(double):\n    try:\n        check_double(double)\n    except AssertionError:\n"
    "        return False\n    return True\n\n\n"
    "assert accepts(lambda x: 2 * x) and not accepts(lambda x: x) and accepts(lambda x: x + x)\n"
    "assert not accepts(lambda x: 2 * abs(x)), 'a version that is wrong for negative numbers'",
    "twice": "np.random.seed(40271)\nx = np.random.random(4)\nfirst = twice(x)\ny = np.random.random(4)\n"
    "assert np.allclose(first, 2 * x) or np.allclose(twice(y), 2 * y)",
    "grid": "def same(a, b):\n    return np.allclose(a, b)\n\n\n"
    "assert same(grid(np.zeros(3)), 0.0)\nassert same(grid(np.array([77310.0, 1.0, 2.0])), [154620.0, 2.0, 4.0])",
    "last": "assert last([77310, 12]) == 12",
}

FULL = 2.0 * len(_HIDDEN) + len(_VISIBLE)

_PROBE = (
    "def probe():\n    return [mean(np.array([1.0, 2.0, 4.0])), mean(np.array([40271.5, 918.2734655]))]  # PROBE_TOKEN"
)


def vault() -> Assignment:
    """The assignment: one point for a visible test, two for a hidden one."""
    cells = [Cell("code", SETUP, SETUP, "locked", "setup")]
    exercises = []
    for name, source in RIGHT.items():
        cells.append(Cell("code", source, "raise NotImplementedError", "solution", name))
        tests = []
        if visible := _VISIBLE.get(name):
            tests.append(f"{name}-visible")
            cells.append(Cell("code", visible, visible, "test", tests[-1], 1.0, ("raises-exception",)))
        tests.append(f"{name}-hidden")
        cells.append(Cell("code", _HIDDEN[name].strip(), "# hidden tests", "test", tests[-1], 2.0))
        probe = {"probe": _PROBE, "misconceptions": _MISTAKES, "answers": _ANSWERS} if name == "mean" else {}
        exercises.append(Exercise(name, NAME, tuple(tests), hint=f"Think about {name} again.", **probe))
    limits = Limits(cell_seconds=1.0, test_seconds=1.0, total_seconds=15.0, memory_mb=2048)
    return Assignment(
        NAME, "Vault", (Notebook(NAME, tuple(cells)),), tuple(exercises), sealed=("chainrule",), limits=limits
    )


_MISTAKES = (
    Wrong("mean", "sum", "def mean(x):\n    return float(np.sum(x))", "This is the sum."),
    Wrong("mean", "first", "def mean(x):\n    return float(x[0])", "This is the first number."),
)
_ANSWERS = {"reference": [2.33333333, 20594.8867], "sum": [7.0, 41189.7735], "first": [1.0, 40271.5]}


def notebook(
    answers: Mapping[str, str], before: Sequence[str] = (), after: Sequence[str] = ()
) -> nbformat.NotebookNode:
    """A notebook as a student hands it in: `answers` in place of the solutions, cells of their own around them."""
    cells = [nbformat.v4.new_code_cell(source) for source in before]
    for cell in vault().notebooks[0].cells:
        source = answers.get(cell.grade_id or "", RIGHT[cell.grade_id] if cell.role == "solution" else cell.released)
        facts = {"grade_id": cell.grade_id, "grade": cell.role == "test", "solution": cell.role == "solution"}
        facts |= {"locked": cell.role != "solution", "schema_version": 3, "task": False}
        facts |= {"points": cell.points} if cell.role == "test" else {}
        cells.append(nbformat.v4.new_code_cell(source, metadata={"nbgrader": facts}))
    cells += [nbformat.v4.new_code_cell(source) for source in after]
    return nbformat.v4.new_notebook(cells=cells)
