"""A small assignment of two exercises, and a grader that is warm for a whole module."""

import pytest

from autograder.engine.grader import Grader
from autograder.model import Assignment, Cell, Exercise, Limits, Notebook, Wrong

SETUP = "import numpy as np"
MEAN = '''def mean(x):
    """The mean of a one-dimensional array."""
    ### BEGIN SOLUTION
    return float(np.sum(x) / len(x))
    ### END SOLUTION
'''
SPREAD = '''def spread(x):
    """The standard deviation, through mean."""
    ### BEGIN SOLUTION
    return float(np.sqrt(mean((x - mean(x)) ** 2)))
    ### END SOLUTION
'''
STUB = "    raise NotImplementedError\n"
MEAN_VISIBLE = "assert mean(np.array([1.0, 2.0, 6.0])) == 3.0"
MEAN_HIDDEN = """x = np.array([0.5, -1.25, 7.0, 3.5])
assert np.isclose(mean(x), 2.4375), "the mean of four numbers is off: by what do you divide?"
assert np.isclose(mean(np.arange(5.0)), 2.0), "another size"
"""
SPREAD_HIDDEN = """assert np.isclose(spread(np.array([1.0, 3.0])), 1.0), "two numbers"
assert np.isclose(spread(np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])), 2.0), "eight numbers"
"""
PROBE = "def probe():\n    return [mean(np.array([1.0, 2.0, 4.0])), mean(np.array([3.0]))]"


def solution(name, source):
    stub = source.split("    ### BEGIN")[0] + STUB
    return Cell("code", source, stub, "solution", name)


def hidden(name, source, points):
    return Cell("code", source, "# hidden tests", "test", name, points)


@pytest.fixture(scope="session")
def assignment():
    cells = (
        Cell("markdown", "# Means", "# Means", "locked", "title"),
        Cell("code", SETUP, SETUP, "locked", "setup"),
        solution("mean", MEAN),
        Cell("code", MEAN_VISIBLE, MEAN_VISIBLE, "test", "mean-visible", 1.0, ("raises-exception",)),
        hidden("mean-hidden", MEAN_HIDDEN, 2.0),
        solution("spread", SPREAD),
        hidden("spread-hidden", SPREAD_HIDDEN, 3.0),
        Cell("code", "print(unknown)", "print(unknown)", "locked", "figure", tags=("explore",)),
    )
    wrong = (
        Wrong("mean", "unbiased", "def mean(x):\n    return float(np.sum(x) / max(len(x) - 1, 1))", "Divide by n."),
        Wrong("mean", "median", "def mean(x):\n    return float(np.median(x))", "This is the median."),
    )
    answers = {"reference": [7 / 3, 3.0], "unbiased": [3.5, 3.0], "median": [2.0, 3.0]}
    exercises = (
        Exercise(
            "mean", "means", ("mean-visible", "mean-hidden"),
            hint="Try other sizes.", probe=PROBE, misconceptions=wrong, answers=answers,
        ),
        Exercise("spread", "means", ("spread-hidden",), depends=("mean",), hint="Try eight numbers."),
    )  # fmt: skip
    limits = Limits(cell_seconds=1.0, test_seconds=1.5, total_seconds=20.0, memory_mb=2048)
    return Assignment(
        "means", "Means", (Notebook("means", cells),), exercises, sealed=("hypothesis", "chainrule"), limits=limits
    )


@pytest.fixture(scope="session")
def grader(assignment):
    with Grader(assignment) as grader:
        learnt = grader.learn()
        assert {test: answer["status"] for test, answer in learnt["means"].items()} == {
            "mean-visible": "passed", "mean-hidden": "passed", "spread-hidden": "passed",
        }  # fmt: skip
        yield grader
