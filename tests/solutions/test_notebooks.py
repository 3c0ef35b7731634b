"""The notebooks themselves: what they promise about time and points, and the curves that they carry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from chainrule import plots

from autograder.build import build_named, names
from autograder.model import Assignment, Cell, Exercise

NAMES = names()


@cache
def assignment(name: str) -> Assignment:
    return build_named(name).assignment


def cells(name: str) -> list[Cell]:
    return [cell for notebook in assignment(name).notebooks for cell in notebook.cells]


def prose(name: str) -> str:
    return "\n\n".join(cell.source for cell in cells(name) if cell.type == "markdown")


def run_all(name: str, text: Callable[[Cell], str]) -> list[tuple[Cell, Exception]]:
    """Runs every code cell as *Run all* does; what stopped where."""
    namespace: dict[str, Any] = {"__name__": "student"}
    stopped = []
    for cell in cells(name):
        if cell.type == "code":
            try:
                exec(compile(text(cell), cell.grade_id or "<cell>", "exec"), namespace)
            except Exception as error:
                stopped.append((cell, error))
    return stopped


def to_mend(name: str) -> set[str]:
    """Exercises that give code to mend, which runs, in place of a stub."""
    solutions = [cell for cell in cells(name) if cell.role == "solution"]
    return {cell.grade_id or "" for cell in solutions if "raise NotImplementedError" not in cell.released}


@pytest.mark.parametrize("name", NAMES)
def test_the_solved_notebook_runs_through(name: str) -> None:
    assert run_all(name, lambda cell: cell.source) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_released_notebook_stops_only_where_an_exercise_is_empty(name: str) -> None:
    stopped = run_all(name, lambda cell: cell.released)
    assert stopped
    mend = {f"{e}-visible" for e in to_mend(name)}
    for cell, error in stopped:
        assert isinstance(error, AssertionError if cell.grade_id in mend else NotImplementedError)
        assert "raises-exception" in cell.tags, "Run All would stop here"


@pytest.mark.parametrize("name", NAMES)
def test_the_setup_cell_can_be_run_twice(name: str) -> None:
    setup = next(cell for cell in cells(name) if cell.grade_id == "setup")
    namespace: dict[str, Any] = {}
    for _ in range(2):
        exec(setup.source, namespace)
    assert cells(name).index(setup) == 1, "the setup cell follows the title"


@pytest.mark.parametrize("name", NAMES)
def test_the_title_states_minutes_and_points(name: str) -> None:
    first = cells(name)[0].source
    assert f"| time | about {assignment(name).minutes} minutes |" in first
    beyond = sum(points(name, e) for e in assignment(name).exercises if e.starred)
    beyond += sum(cell.points for cell in cells(name) if cell.role == "written")
    core = f"{assignment(name).max_score - beyond:g}"
    assert f"| points | {core}, and {beyond:g} beyond the core |" in first or (
        not beyond and f"| points | {core} |" in first
    )
    assert "| you need |" in first
    assert "**At the end**" in first


CARD = re.compile(
    r"### Exercise (?P<number>\d+): .+\n\n(?P<star>★ )?[●○]{3} · (?P<minutes>\d+) minutes · (?P<points>\d+) points\n"
    r"(?P<text>(?:.|\n)+?)(?=\n##|\Z)"
)


def points(name: str, exercise: Exercise) -> float:
    return sum(assignment(name).notebook(exercise.notebook).cell(test).points for test in exercise.tests)


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_has_a_card_that_tells_the_truth(name: str) -> None:
    cards = list(CARD.finditer(prose(name)))
    assert [int(card["number"]) for card in cards] == list(range(1, len(assignment(name).exercises) + 1))
    core = sum(int(card["minutes"]) for card in cards if not card["star"])
    assert core <= assignment(name).minutes <= 150
    for card, exercise in zip(cards, assignment(name).exercises, strict=True):
        text = card["text"]
        assert bool(card["star"]) == exercise.starred
        assert int(card["points"]) == points(name, exercise)
        solution = assignment(name).notebook(exercise.notebook).cell(exercise.name)
        defined = re.search(r"^(?:def|class) (\w+)", solution.source, re.MULTILINE)
        assert defined, "a solution cell defines the function or class of its exercise"
        assert f"`{defined[1]}(" in text, "the card shows the signature"
        assert "<details><summary>Hint" in text
        assert '"""' in solution.released, "the stub says what it is to do"


@pytest.mark.parametrize("name", NAMES)
def test_prose_is_markdown_but_for_folded_hints(name: str) -> None:
    tags = set(re.findall(r"</?([a-z]+)[ >]", prose(name)))
    assert tags <= {"details", "summary", "code"}


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_never_told_in_another_cell(name: str) -> None:
    """No line of a solution occurs in the prose, in a figure or in a visible test."""
    released = "\n".join(cell.released for cell in cells(name))
    for cell in cells(name):
        if cell.role == "solution":
            kept = {line.strip() for line in cell.released.splitlines()}
            for line in {line.strip() for line in cell.source.splitlines()} - kept:
                assert line.startswith("###") or line not in released, line


# ---- expected curves: data in the notebook, recomputed here from the reference

DECIMALS = {"paths_on_quadratic": 2, "curve_beside": 3, "paths_on_contours": 3}  # that the notebook keeps


def figures(name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Each figure that compares: the plotting function, the curve in the notebook, and that of the reference."""
    drawn: list[tuple[str, np.ndarray, np.ndarray]] = []

    def record(function: str) -> Callable[..., None]:
        def draw(x: Any, *args: Any, expected: Any = None, **kwargs: Any) -> None:
            if function == "paths_on_contours":
                curves = (expected or {}).items()  # a race without them compares nothing
                drawn.extend((function, curve, np.asarray(args[0][name]())) for name, curve in curves)
            else:
                expected, yours, *_ = args
                drawn.append((function, expected, np.asarray(yours())))

        return draw

    for function in DECIMALS:
        monkeypatch.setattr(plots, function, record(function))
    assert run_all(name, lambda cell: cell.source) == []
    return drawn


def test_expected_curves_are_those_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = figures("06-optimizers", monkeypatch)
    assert Counter(function for function, _, _ in drawn) == {
        "paths_on_quadratic": 4, "curve_beside": 2, "paths_on_contours": 1
    }  # fmt: skip
    for function, embedded, computed in drawn:
        decimals = DECIMALS[function]
        literal = " ".join(f"{x:.{decimals}f}" for x in computed.ravel())
        assert embedded.shape == computed.shape
        assert np.allclose(embedded, computed, rtol=0, atol=0.501 * 10.0**-decimals), f"write instead: {literal}"


def test_expected_paths_reach_where_theory_says() -> None:
    """The steep and the flat direction of heavy ball are two linear recurrences with known solutions."""
    source = next(cell.source for cell in cells("06-optimizers") if "def heavy_ball_path" in cell.source)
    numbers = re.search(r'PATH = """([^"]+)"""', source)
    assert numbers
    path = np.array(numbers[1].split(), dtype=float).reshape(-1, 2)
    for coordinate, slope in enumerate([0.1, 2.0]):  # the second derivatives of the valley
        step = np.array([[0.7, slope], [-0.4 * 0.7, 1 - 0.4 * slope]])  # (v, x) -> (v, x) with mu = 0.7, lr = 0.4
        values, vectors = np.linalg.eig(step)
        weights = np.linalg.solve(vectors, np.array([0.0, path[0, coordinate]]))
        exact = [(vectors[1] * values**t * weights).sum().real for t in range(len(path))]
        assert np.allclose(path[:, coordinate], exact, atol=0.006)
