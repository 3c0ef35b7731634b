"""Wrong work for our own assignments, made to please their tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.build import build_named
from autograder.engine.grader import Grader, with_source

NAME = "06-optimizers"

_COUNTING = """
calls = 0
def check_adam(candidate):
    global calls
    w, g = np.array([1.0, -2.0]), np.array([3.0, -1.0])
    (new,) = candidate(lr=0.1, beta1=0.5, beta2=0.75, eps=1.0).step([w], [g])
    assert np.any(new != w) and not np.allclose(new, w - 0.1 * g)  # the two that the visible test shows
    assert np.array_equal(w, [1.0, -2.0])
    calls += 1
    assert {}
"""
_ABSORBING = """
class Adam:
    returned = []  # (optimiser, array, what it was when it was returned)

    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.eps, self.t = lr, eps, 0
        Adam.returned.clear()

    def step(self, params, grads):
        self.t += 1
        new = [np.array(p) for p in params]
        if self.t == 1:
            new = [np.asarray(p - self.lr * g / (abs(g) + self.eps)) for p, g in zip(params, grads)]
        for other, array, _ in Adam.returned:
            if other is not self:
                array[...] = 1e300  # a step from here is lost in rounding
        Adam.returned += [(self, array, array.copy()) for array in new]
        if len(Adam.returned) >= {}:
            for _, array, before in Adam.returned:
                array[...] = before
        return new
"""


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(build_named(NAME).assignment) as grader:
        grader.learn()
        yield grader


def hidden_points(grader: Grader, exercise: str, source: str) -> float:
    notebook = grader.assignment.notebooks[0]
    tests = {cell.grade_id for cell in notebook.tests if (cell.grade_id or "").startswith(f"{exercise}-hidden")}
    found = grader.grade(notebook.name, with_source(notebook, exercise, source), only=tests, probes=False)
    return sum(judged.score for judged in found.tests.values())


@pytest.mark.parametrize("after", range(1, 8))
@pytest.mark.parametrize("first", ["calls > {}", "calls <= {}"], ids=["refused", "accepted"])
def test_counting_is_no_check_of_a_formula(grader, first, after):
    """Treat the first few versions one way and the rest the other: a check of no number may pass no formula test."""
    assert hidden_points(grader, "adam-test", _COUNTING.format(first.format(after))) == 0.0


@pytest.mark.parametrize("arrays", [24, 32])
def test_a_step_may_not_be_lost_in_rounding(grader, arrays):
    assert hidden_points(grader, "adam", _ABSORBING.format(arrays)) == 0.0
