"""When a moment is parked: what comes later in the notebook must not reach the tests of an earlier exercise."""

from dataclasses import replace

import pytest

from autograder.engine.grader import reference
from autograder.engine.performance import _bound, _names, _only_defines
from autograder.repair import RepairedCell

HELPED = "def mean(x):\n    return total(x) / len(x)\n\ndef total(x):\n    return float(np.sum(x)) * factor"


def notebook(assignment, mean, later, at="spread"):
    """The reference with this `mean`, and these extra cells right before another cell."""
    cells = [replace(c, source=mean) if c.grade_id == "mean" else c for c in reference(assignment.notebooks[0])]
    index = next(i for i, cell in enumerate(cells) if cell.grade_id == at)
    extra = [RepairedCell("code", source, source, "free") for source in ("factor = 1", *later)]
    return cells[:2] + extra[:1] + cells[2:index] + extra[1:] + cells[index:]


@pytest.mark.parametrize(
    "later",
    [
        ["factor = 2"],
        ["def total(x):\n    return 0.0"],
        ["for factor in range(3): pass"],
        ["globals()['total'] = None"],
        ["exec('factor = 3')"],
        ["mean.__code__ = (lambda x: 5.0).__code__"],
        ["np.sum = lambda x: 0.0"],
        ["del total"],
        ["%run -i nothing.py\nfactor = 7"],
        ["import math as total"],
        ["class total: pass"],
        ["factor: int = 4"],
        ["(factor := 4)"],
        ["print('nothing')", "factor = 2", "print('nothing either')"],
    ],
)
def test_what_comes_later_changes_nothing(grader, assignment, later):
    cells = notebook(assignment, HELPED, later)
    found = grader.grade("means", cells, only={"mean-visible", "mean-hidden"})
    # `only` ends the performance at the last test that is asked for: the whole notebook has to be performed as well
    everything = grader.grade("means", cells)
    for graded in (found, everything):
        assert {t: graded.tests[t].status for t in ("mean-visible", "mean-hidden")} == {
            "mean-visible": "passed", "mean-hidden": "passed",
        }  # fmt: skip


def test_what_a_helper_of_a_helper_uses_counts_too(grader, assignment):
    helped = "def mean(x):\n    return total(x) / len(x)"
    helpers = ["def total(x):\n    return scaled(float(np.sum(x)))", "def scaled(x):\n    return x * factor"]
    cells = notebook(assignment, helped, ["factor = 2", "def scaled(x):\n    return 0.0"])
    at = next(i for i, cell in enumerate(cells) if cell.grade_id == "mean")
    cells[at:at] = [RepairedCell("code", source, source, "free") for source in helpers]
    assert grader.grade("means", cells).tests["mean-hidden"].status == "passed"


def test_a_name_that_comes_too_late_is_missing(grader, assignment):
    cells = notebook(assignment, HELPED.split("\n\n")[0], ["def total(x):\n    return float(np.sum(x))"])
    assert grader.grade("means", cells).tests["mean-hidden"].status == "failed"


def test_an_exercise_survives_that_the_rest_is_given_up(grader, assignment):
    cells = notebook(assignment, HELPED, ["import os\nos._exit(0)"] * 8)
    found = grader.grade("means", cells)
    assert found.tests["mean-hidden"].status == "passed"
    assert found.tests["spread-hidden"].status == "not_run"


@pytest.mark.parametrize(
    ("source", "plain", "bound", "names"),
    [
        ("import a.b\nfrom c import d as e", True, {"a", "e"}, {"a", "e"}),
        ("def f(x):\n    y = x + g\n    return y", True, {"f"}, {"f", "g"}),
        ("class A:\n    def m(self):\n        return helper(self)", True, {"A"}, {"A", "helper"}),
        ("def f():\n    global count\n    count += 1", True, {"f"}, {"f", "count"}),
        ("def f():\n    def g():\n        return h\n    return g", True, {"f"}, {"f", "h"}),
        ("'''text'''\ndef f(): pass", True, {"f"}, {"f"}),
        ("@decorated\ndef f(): pass", False, {"f"}, {"f", "decorated"}),
        ("x = 1", False, {"x"}, {"x"}),
        ("f()", False, set(), {"f"}),
        ("!ls", False, {"*"}, {"*"}),
        ("def f(:", False, {"*"}, {"*"}),
        ("x = 1  # " + "-" * 100_000, False, {"*"}, {"*"}),
    ],
)
def test_what_the_text_shows(source, plain, bound, names):
    assert (_only_defines(source), _bound(source), _names(source)) == (plain, bound, names)
