"""The main job: the simulated class holds every kind of student, and every verdict is the one known beforehand."""

from __future__ import annotations

import copy
import io
import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jsonschema import Draft202012Validator

from autograder import cli, demo, simulated, tables
from autograder.build import build_named
from autograder.errors import CourseError
from autograder.model import Assignment
from autograder.simulated import FULL, SHORT, Work

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "demo.schema.json"


@pytest.fixture(scope="module", params=demo.ASSIGNMENTS)
def assignment(request: pytest.FixtureRequest) -> Assignment:
    return build_named(request.param).assignment


def test_a_class_of_60_has_every_kind_and_every_misconception(assignment: Assignment) -> None:
    works = simulated.class_of(assignment, 60, random.Random(1))
    kinds = {kind(assignment, random.Random(1)).kind for kind in simulated.KINDS}
    assert kinds <= {work.kind for work in works}
    expected = {(e.name, wrong.slug) for e in assignment.exercises for wrong in e.misconceptions}
    assert expected <= {item for work in works for item in work.truth.items()}


def test_the_class_is_the_same_each_time(assignment: Assignment) -> None:
    first, again = (simulated.class_of(assignment, 60, random.Random(1)) for _ in range(2))
    assert [(w.kind, w.answers, w.truth) for w in first] == [(w.kind, w.answers, w.truth) for w in again]


def test_a_small_class_is_the_beginning_of_a_large_one(assignment: Assignment) -> None:
    small = simulated.class_of(assignment, 3, random.Random(1))
    assert [work.kind for work in small] == ["perfect", "right, written otherwise", "misconception"]


def test_every_gradable_work_has_a_truth_for_every_exercise(assignment: Assignment) -> None:
    for work in simulated.class_of(assignment, 60, random.Random(1)):
        assert work.truth.keys() == ({e.name for e in assignment.exercises} if work.gradable else set())


# What happens to a notebook on its way


@pytest.fixture
def notebook() -> dict[str, Any]:
    built = build_named("00-tour")
    (content,) = (c for name, c in built.released_files().items() if name.endswith(".ipynb"))
    return json.loads(content)


def graded_ids(notebook: dict[str, Any]) -> list[str]:
    facts = [cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"]]
    return [f["grade_id"] for f in facts if f.get("grade") or f.get("solution")]


def reshaped(kind: Any, notebook: dict[str, Any]) -> dict[str, Any]:
    assignment = build_named("00-tour").assignment
    changed = copy.deepcopy(notebook)
    kind(assignment, random.Random(1)).reshape(changed, random.Random(1))
    return changed


def test_colab_keeps_grade_ids_and_drops_cell_ids(notebook: dict[str, Any]) -> None:
    saved = reshaped(simulated.colab, notebook)
    assert saved["nbformat_minor"] == 0
    assert not any("id" in cell for cell in saved["cells"])
    assert graded_ids(saved) == graded_ids(notebook)
    nbformat.validate(nbformat.from_dict(saved))


def test_duplicated_cells_carry_their_grade_ids(notebook: dict[str, Any]) -> None:
    ids = graded_ids(reshaped(simulated.duplicated, notebook))
    assert len(ids) > len(set(ids)) == len(graded_ids(notebook))


def test_deleted_reordered_and_stripped_cells(notebook: dict[str, Any]) -> None:
    before = graded_ids(notebook)
    assert graded_ids(reshaped(simulated.deleted, notebook)) == ["standardise", "monte-carlo"]
    assert len(graded_ids(reshaped(simulated.answer_deleted, notebook))) == len(before) - 1
    shuffled = graded_ids(reshaped(simulated.reordered, notebook))
    assert shuffled != before and sorted(shuffled) == sorted(before)
    assert graded_ids(reshaped(simulated.stripped, notebook)) == []


@pytest.mark.parametrize("kind", [simulated.truncated, simulated.another_kind_of_file])
def test_files_that_are_no_notebook(kind: Any, notebook: dict[str, Any]) -> None:
    work = kind(build_named("00-tour").assignment, random.Random(1))
    with pytest.raises(ValueError):
        json.loads(work.encode(notebook))


# How a verdict is compared with the truth


def verdict(assignment: Assignment, work: Work) -> dict[str, Any]:
    """The verdict that the truth asks for."""
    tests = []
    for exercise in assignment.exercises:
        truth = work.truth[exercise.name]
        for name in exercise.tests:
            most = assignment.notebook(exercise.notebook).cell(name).points
            status, points = ("passed", most) if truth == FULL else ("failed", 0.0)
            slug = None if truth in (FULL, SHORT) else truth
            tests.append({"name": name, "points": points, "max_points": most, "status": status, "misconception": slug})
    score = sum(test["points"] for test in tests)
    return {"student": "ann", "status": "graded", "reason": "", "score": score, "tests": tests}


ASSIGNMENT = build_named("00-tour").assignment
WRONG = ASSIGNMENT.exercises[0].misconceptions[0]
MISTAKEN = Work("misconception", {}, {"standardise": WRONG.slug, "monte-carlo": FULL})
BLANK = Work("blank", {}, dict.fromkeys(["standardise", "monte-carlo"], SHORT))
UNREADABLE = Work("broken JSON", {}, {}, gradable=False)
REFUSED = {"student": "ann", "status": "ungradable", "reason": "the file is not JSON", "score": 0.0, "tests": []}


@pytest.mark.parametrize("work", [MISTAKEN, BLANK], ids=["misconception", "blank"])
def test_the_true_verdict_is_no_surprise(work: Work) -> None:
    assert demo.differences(ASSIGNMENT, work, verdict(ASSIGNMENT, work)) == []


def test_a_refused_file_is_no_surprise() -> None:
    assert demo.differences(ASSIGNMENT, UNREADABLE, REFUSED) == []


def doctored(work: Work, test: int | None = None, **changes: Any) -> dict[str, Any]:
    document = verdict(ASSIGNMENT, work)
    (document if test is None else document["tests"][test]).update(changes)
    document["score"] = changes.get("score", sum(t["points"] for t in document["tests"]))
    return document


@pytest.mark.parametrize(
    ("work", "submission", "what"),
    [
        (MISTAKEN, None, "no verdict"),
        (MISTAKEN, doctored(MISTAKEN, status="ungradable"), "expected graded"),
        (MISTAKEN, doctored(MISTAKEN, status="needs_person"), "expected graded"),
        (MISTAKEN, doctored(MISTAKEN, score=99.0), "not the sum"),
        (MISTAKEN, doctored(MISTAKEN, tests=[]), "0 of"),
        (MISTAKEN, doctored(MISTAKEN, 0, misconception="another"), f"expected {WRONG.slug}"),
        (MISTAKEN, doctored(MISTAKEN, -1, points=0.0), "monte-carlo: expected full points"),
        (MISTAKEN, doctored(MISTAKEN, -1, status="timeout", points=0.0), "timeout"),
        (BLANK, doctored(BLANK, 0, misconception=WRONG.slug), "expected less"),
        (BLANK, verdict(ASSIGNMENT, MISTAKEN), "monte-carlo"),
        (UNREADABLE, verdict(ASSIGNMENT, BLANK), "expected ungradable"),
        (UNREADABLE, REFUSED | {"reason": ""}, "with a reason"),
        (UNREADABLE, REFUSED | {"score": 1.0}, "expected ungradable"),
    ],
)
def test_every_other_verdict_is_a_surprise(work: Work, submission: dict[str, Any] | None, what: str) -> None:
    assert what in "; ".join(demo.differences(ASSIGNMENT, work, submission))


# The whole loop


@pytest.fixture(scope="module")
def outcome() -> Iterator[demo.Outcome]:
    outcome = demo.simulate(60)
    yield outcome
    shutil.rmtree(outcome.reports[0].parents[1])


def test_the_demo_ends_without_surprises(outcome: demo.Outcome) -> None:
    assert outcome.surprises == []
    assert sum(kind.submissions for kind in outcome.kinds) == 120
    assert all(kind.as_expected == kind.submissions for kind in outcome.kinds)


def test_its_document_follows_the_schema(outcome: demo.Outcome) -> None:
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(outcome.document)
    assert outcome.document["students"] == 60


def test_pages_for_people_stay_and_nothing_else(outcome: demo.Outcome) -> None:
    assert [path.name for path in outcome.reports] == [f"{name}.html" for name in demo.ASSIGNMENTS]
    assert all("<html" in path.read_text(encoding="utf-8") for path in outcome.reports)
    assert {path.name for path in outcome.reports[0].parents[1].iterdir()} == {"report", "feedback"}


def test_its_table_fits_80_columns(
    outcome: demo.Outcome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    tables.demo(outcome)
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines() if "/" not in line)
    assert all(kind.name in shown for kind in outcome.kinds)
    assert str(outcome.reports[-1]) in shown


def test_the_environment_is_as_before(outcome: demo.Outcome) -> None:
    assert not os.environ["AUTOGRADER_WORKSPACE"].startswith(str(outcome.reports[0].parents[1]))


@pytest.mark.parametrize("make", [lambda p: (p / "f").write_text(""), lambda p: (p.rmdir(), p.write_text(""))])
def test_nothing_is_overwritten(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "keep"
    folder.mkdir()
    make(folder)
    with pytest.raises(CourseError, match="not an empty folder"):
        demo.demo(2, keep=folder)
    monkeypatch.setattr(sys, "argv", ["autograder", "demo", "--keep", str(folder), "--json"])
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert "not an empty folder" in json.loads(out.getvalue())["error"]
