"""Notebooks whose tests, points or identities were edited, and work handed in again: only the work counts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.engine import autograde as batch

from .conftest import hand_in
from .vault import FULL, NAME, WRONG, notebook

Cells = list[dict[str, Any]]


def _facts(cell: dict[str, Any]) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def _tests(cells: Cells) -> Cells:
    return [cell for cell in cells if _facts(cell).get("grade")]


def _own(source: str, **facts: Any) -> dict[str, Any]:
    cell = nbformat.v4.new_code_cell(source)
    if facts:
        cell["metadata"]["nbgrader"] = {"schema_version": 3, "locked": False, "task": False, "solution": False} | facts
    return cell


def emptied_tests(cells: Cells) -> None:
    for test in _tests(cells):
        test["source"] = "pass"


def deleted_tests(cells: Cells) -> None:
    cells[:] = [cell for cell in cells if cell not in _tests(cells)]


def moved_tests(cells: Cells) -> None:
    cells.sort(key=lambda cell: not _facts(cell).get("grade"))


def reversed_order(cells: Cells) -> None:
    cells.reverse()


def doubled_tests(cells: Cells) -> None:
    for test in _tests(cells):
        cells.insert(0, test | {"source": "pass", "id": f"x{len(cells)}"})


def more_points(cells: Cells) -> None:
    for test in _tests(cells):
        _facts(test)["points"] = 100


def a_test_of_ones_own(cells: Cells) -> None:
    cells.append(_own("pass", grade=True, points=50, grade_id="bonus"))
    cells.append(_own("100", grade=True, points=50, grade_id="bonus-hidden"))


def the_id_of_a_test_on_ones_own_cell(cells: Cells) -> None:
    cells.insert(0, _own("pass", grade=True, points=2, grade_id="scale-hidden"))
    cells.insert(0, _own("pass", grade=True, points=2, grade_id="scale-visible"))


def the_id_of_an_exercise_on_many_cells(cells: Cells) -> None:
    for _ in range(5):
        cells.insert(0, _own("raise SystemExit", grade=False, solution=True, grade_id="scale"))


def turned_into_markdown(cells: Cells) -> None:
    for test in _tests(cells):
        test["cell_type"] = "markdown"
        test.pop("outputs"), test.pop("execution_count")


def turned_into_solutions(cells: Cells) -> None:
    for test in _tests(cells):
        _facts(test).update(grade=False, solution=True, locked=False)
        test["source"] = "pass"


def no_metadata(cells: Cells) -> None:
    for cell in cells:
        cell["metadata"] = {}


def written_scores(cells: Cells) -> None:
    for test in _tests(cells):
        result = nbformat.v4.new_output("execute_result", {"text/plain": "2.0"}, execution_count=1)
        test["outputs"] = [result]
        test["metadata"] |= {"score": 2.0, "status": "passed", "tags": ["skip-execution", "explore"]}
        _facts(test).update(score=100, max_score=100, checksum="0" * 32, auto_score=100)


def setup_that_patches(cells: Cells) -> None:
    setup = next(cell for cell in cells if _facts(cell).get("grade_id") == "setup")
    setup["source"] = "import numpy as np\nnp.allclose = np.isclose = lambda *a, **k: True"


def everything_in_one_cell(cells: Cells) -> None:
    sources = [cell["source"] for cell in cells if not _facts(cell).get("grade")]
    cells[:] = [_own("\n\n".join(sources)), *(c for c in cells if _facts(c).get("grade"))]


def the_work_of_another_cell(cells: Cells) -> None:
    """The right text of `mean` claims to be `scale`, too."""
    mean = next(cell for cell in cells if _facts(cell).get("grade_id") == "mean")
    twin = copy.deepcopy(mean)
    _facts(twin)["grade_id"], twin["id"] = "scale", "twin"
    cells.insert(0, twin)


EDITS: list[Callable[[Cells], None]] = [
    emptied_tests, deleted_tests, moved_tests, reversed_order, doubled_tests, more_points, a_test_of_ones_own,
    the_id_of_a_test_on_ones_own_cell, the_id_of_an_exercise_on_many_cells, turned_into_markdown, turned_into_solutions,
    no_metadata, written_scores, setup_that_patches, everything_in_one_cell, the_work_of_another_cell,
]  # fmt: skip
MISTAKES = {"scale": WRONG["scale"]}
EARNED = FULL - 3.0


def edited(edit: Callable[[Cells], None]) -> str:
    cells = [dict(cell) for cell in copy.deepcopy(notebook(MISTAKES)).cells]
    edit(cells)
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    document["metadata"] = {"nbgrader": {"student": "zoe", "assignment": "other", "score": 100}}
    return json.dumps(document)


@pytest.fixture(scope="module")
def scores(course) -> dict[str, float]:
    submissions = {"honest": nbformat.writes(notebook({})), "wrong": nbformat.writes(notebook(MISTAKES))}
    submissions |= {edit.__name__: edited(edit) for edit in EDITS}
    document = batch.autograde(NAME, course=course(submissions))
    assert {s["student"]: s["max_score"] for s in document["submissions"]} == dict.fromkeys(submissions, FULL)
    return {s["student"]: s["score"] for s in document["submissions"]}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_earns_nothing(scores, edit):
    assert scores[edit.__name__] <= EARNED


def test_the_others_in_the_batch(scores):
    assert (scores["honest"], scores["wrong"]) == (FULL, EARNED)


RESUBMITTED = {
    "worse work": nbformat.writes(notebook(WRONG)),
    "a broken file": '{"cells": [',
    "another notebook": nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])),
}


@pytest.mark.parametrize("again", RESUBMITTED)
def test_an_old_score_does_not_stay(course, again):
    root = course({"ann": nbformat.writes(notebook({})), "bob": nbformat.writes(notebook({}))})
    assert _graded(root) == {"ann": FULL, "bob": FULL}
    old_verdict = (root / "verdicts" / NAME / "ann.json").read_text()
    hand_in(root, "ann", RESUBMITTED[again])
    planted = root / "submitted" / "ann" / NAME
    for name in ("ann.json", "verdict.json", "gradebook.db", "nbgrader_config.py", "conftest.py", "sitecustomize.py"):
        (planted / name).write_text(old_verdict if name.endswith(".json") else "raise SystemExit(100)")
    found = _graded(root)
    assert found["ann"] < FULL / 2
    assert found["bob"] == FULL
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        assert {s.student.id: s.score for s in gradebook.assignment_submissions(NAME)} == found


def _graded(root) -> dict[str, float]:
    return {s["student"]: s["score"] for s in batch.autograde(NAME, course=root)["submissions"]}
