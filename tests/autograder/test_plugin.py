"""nbgrader's own commands with this package's engine below them; the engine itself is a stand-in here."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader import api, preprocessors
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, LimitOutput, OverwriteCells, SaveAutoGrades
from traitlets.config import Config

from autograder import plugin
from autograder.course import Course, load_assignment
from autograder.engine import autograde as engine
from autograder.engine import verdicts
from autograder.errors import Mismatch, Unreadable
from autograder.gradebook import opened
from autograder.model import TestVerdict as Judged
from autograder.model import Verdict
from autograder.repair import repair
from autograder.submission import read

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own, when a student is new

# -- configure ---------------------------------------------------------------------------------------------------------

OURS = ["autograder.plugin.Execute", "autograder.plugin.SaveVerdict"]


class Extra(preprocessors.LimitOutput):
    """A step of a course's own."""


def appended() -> Config:
    c = Config()
    c.Autograde.autograde_preprocessors.append(Extra)
    return c


STEPS = {
    "nbgrader's": (Config(), "autograde_preprocessors", {*OURS, LimitOutput, CheckCellMetadata}),
    "sanitising": (Config(), "sanitize_preprocessors", {CheckCellMetadata}),
    "by dotted names": (
        Config({"Autograde": {"autograde_preprocessors": [
            "nbgrader.preprocessors.Execute", f"{SaveAutoGrades.__module__}.SaveAutoGrades", "my.Step"]}}),
        "autograde_preprocessors", {*OURS, "my.Step"},
    ),
    "one more": (appended(), "autograde_preprocessors", {*OURS, Extra, LimitOutput}),
    "one more sanitising": (
        Config({"Autograde": {"sanitize_preprocessors": [ClearOutput, OverwriteCells, Extra]}}),
        "sanitize_preprocessors", {Extra},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("c", "name", "expected"), STEPS.values(), ids=STEPS)
def test_the_courses_own_steps_stay(c: Config, name: str, expected: set[Any]) -> None:
    plugin.configure(c)
    assert expected <= set(c.Autograde[name])
    replaced = {preprocessors.Execute, preprocessors.OverwriteCells, preprocessors.DeduplicateIds, SaveAutoGrades}
    assert not replaced & set(c.Autograde[name])


def test_configuring_twice_is_configuring_once() -> None:
    once, twice = Config(), Config()
    plugin.configure(once)
    plugin.configure(twice)
    plugin.configure(twice)
    assert once == twice


# -- below nbgrader ----------------------------------------------------------------------------------------------------

HIDDEN = "assert double(1) == 2\n### BEGIN HIDDEN TESTS\nassert double(2) == 4\n### END HIDDEN TESTS"


def cell(source: str, **nbgrader: Any) -> nbformat.NotebookNode:
    facts = {"grade": False, "solution": False, "locked": False, "schema_version": 3}
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": facts | nbgrader})


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two notebooks, `one` and `two`, each with an exercise `double` and a test of two points."""
    root = tmp_path_factory.mktemp("released")
    line = "import autograder.plugin; autograder.plugin.configure(c)"
    (root / "nbgrader_config.py").write_text(f"c = get_config()\n{line}\n")
    course = Course(root)
    for name in ("one", "two"):
        write(course.folder("source", "ps1") / f"{name}.ipynb", [
            cell("### BEGIN SOLUTION\ndouble = lambda x: 2 * x\n### END SOLUTION", grade_id="double", solution=True),
            cell(HIDDEN, grade_id="test", grade=True, points=2),
        ])  # fmt: skip
    with opened(course):
        pass
    assert nbgrader(course).generate_assignment("ps1")["success"]
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Course:
    return Course(shutil.copytree(released, tmp_path / "course"))


def write(path: Path, cells: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def nbgrader(course: Course) -> NbGraderAPI:
    directory = CourseDirectory(config=course.config, root=str(course.root))
    return NbGraderAPI(directory, config=course.config, log=logging.getLogger("quiet"))


def hand_in(
    course: Course, answers: dict[str, str], student: str = "ann", stamp: str = "2026-01-01 10:00:00 UTC"
) -> Path:
    """A submission in which some notebooks are filled in; the others are not there."""
    folder = course.folder("submitted", "ps1", student)
    folder.mkdir(parents=True, exist_ok=True)
    for name, answer in answers.items():
        notebook = nbformat.read(course.folder("release", "ps1") / f"{name}.ipynb", as_version=4)
        notebook.cells[0].source = answer
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "timestamp.txt").write_text(stamp)
    return folder


class StandIn:
    """In place of the sandbox: a test passes where the answer contains the text "2 * x"."""

    started: list[str]

    def __init__(self, isolation: str) -> None:
        self.isolation, self.started, self.closed = isolation, [], 0

    def start(self, assignment: Any, files: Any) -> None:
        self.started.append(assignment.digest)

    def __exit__(self, *exception: object) -> None:
        self.closed += 1


def judge(job: Any, _engine: StandIn) -> tuple[Verdict, dict[str, Any]]:
    try:
        repaired = {name: repair(job.assignment, name, read(data)) for name, data in job.files.items()}
    except (Unreadable, Mismatch) as error:
        return verdicts.ungradable(job.assignment, job.student, error.reason), {}
    tests = []
    for notebook in job.assignment.notebooks:
        for test in notebook.tests:
            mended = repaired.get(notebook.name)
            right = mended is not None and "2 * x" in mended.cell("double").source
            status = "passed" if right else "failed" if mended else "missing"
            tests.append(Judged(test.grade_id or "", 2.0 * right, 2, status, notebook=notebook.name))
    score = sum(test.points for test in tests)
    output = nbformat.v4.new_output("stream", name="stderr", text="a warning")
    outputs = {name: {"0": {"outputs": [output], "execution_count": 1}} for name in repaired}
    found = Verdict("ps1", job.student, "graded", score, job.assignment.max_score, tests, outputs=outputs)
    return found, repaired


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> list[StandIn]:
    made: list[StandIn] = []

    def make(isolation: str) -> StandIn:
        made.append(StandIn(isolation))
        return made[-1]

    monkeypatch.setattr(plugin, "_engines", {})
    monkeypatch.setattr(engine, "Engine", make)
    monkeypatch.setattr(engine, "judge", judge)
    return made


def grade(course: Course) -> float:
    result = nbgrader(course).autograde("ps1", "ann")
    assert result["success"], result["log"]
    with api.Gradebook(course.db_url) as gradebook:
        return gradebook.find_submission("ps1", "ann").score


def saved(course: Course) -> Verdict:
    return Verdict.from_json((course.verdicts / "ps1" / "ann.json").read_text())


RIGHT, WRONG = "double = lambda x: 2 * x", "double = lambda x: x"
SUBMISSIONS = {
    "right": ({"one": RIGHT, "two": RIGHT}, 4),
    "half": ({"one": RIGHT, "two": WRONG}, 2),
    "wrong": ({"one": WRONG, "two": WRONG}, 0),
    "one missing": ({"two": RIGHT}, 2),
}


@pytest.mark.parametrize(("answers", "expected"), SUBMISSIONS.values(), ids=SUBMISSIONS)
def test_formgraders_button(course: Course, answers: dict[str, str], expected: float) -> None:
    hand_in(course, answers)
    assert grade(course) == expected
    (listed,) = nbgrader(course).get_submissions("ps1")
    assert (listed["student"], listed["autograded"], listed["score"], listed["max_score"]) == ("ann", True, expected, 4)
    assert (saved(course).score, saved(course).max_score, len(saved(course).tests)) == (expected, 4, 2)
    assert saved(course).answers.keys() == answers.keys()


def test_warnings_cost_nothing(course: Course) -> None:
    hand_in(course, {"one": RIGHT, "two": RIGHT})
    assert grade(course) == 4
    graded = nbformat.read(course.folder("autograded", "ps1", "ann") / "one.ipynb", as_version=4)
    nbformat.validate(graded)
    assert [output.text for output in graded.cells[0].outputs] == ["a warning"]
    assert graded.cells[1].source == HIDDEN and graded.cells[1].outputs == []


UNREADABLE = {"cut off": b'{"cells": [', "empty": b"", "not a notebook": b"%PDF-1.7", "not text": b"\xff\xfe\x00\xd8"}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_file_scores_nothing_and_waits_for_a_person(course: Course, content: bytes) -> None:
    folder = hand_in(course, {"one": RIGHT, "two": RIGHT})
    assert grade(course) == 4
    (folder / "one.ipynb").write_bytes(content)
    assert grade(course) == 2
    with api.Gradebook(course.db_url) as gradebook:
        assert gradebook.find_submission_notebook("one", "ps1", "ann").needs_manual_grade
        assert not gradebook.find_submission_notebook("two", "ps1", "ann").needs_manual_grade
    shown = nbformat.read(course.folder("autograded", "ps1", "ann") / "one.ipynb", as_version=4)
    assert "could not be graded" in shown.cells[0].source


def damaged(name: str, notebook: nbformat.NotebookNode) -> None:
    """What students and editors do to a notebook; each of these stops or misleads nbgrader alone."""
    solution, test = notebook.cells
    match name:
        case "tests deleted":
            notebook.cells = [solution]
        case "cells duplicated":
            notebook.cells = [solution, test, nbformat.from_dict(test), nbformat.from_dict(solution)]
        case "metadata stripped":
            for one in notebook.cells:
                one.metadata = nbformat.from_dict({})
        case "points raised":
            test.metadata.nbgrader.points = 1000
        case "metadata broken":
            test.metadata.nbgrader = nbformat.from_dict({"schema_version": 99, "grade_id": ["test"], "grade": "yes"})
        case "skipped":
            test.metadata.tags = ["skip-execution"]


DAMAGES = ["tests deleted", "cells duplicated", "metadata stripped", "points raised", "metadata broken", "skipped"]


@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize(("answer", "expected"), [(RIGHT, 4), (WRONG, 2)])
def test_damaged_notebooks_are_graded_as_whole_ones(course: Course, name: str, answer: str, expected: float) -> None:
    folder = hand_in(course, {"one": answer, "two": RIGHT})
    notebook = nbformat.read(folder / "one.ipynb", as_version=4)
    damaged(name, notebook)
    (folder / "one.ipynb").write_text(nbformat.writes(notebook))
    assert grade(course) == expected


def test_a_resubmission_replaces_everything(course: Course) -> None:
    hand_in(course, {"one": RIGHT, "two": RIGHT})
    assert grade(course) == 4
    folder = hand_in(course, {"one": WRONG}, stamp="2026-01-02 10:00:00 UTC")
    (folder / "two.ipynb").unlink()
    assert grade(course) == 0
    assert {test.notebook: test.status for test in saved(course).tests} == {"one": "failed", "two": "missing"}
    assert saved(course).timestamp == "2026-01-02 10:00:00 UTC"


def test_the_saved_verdict_is_on_the_submission_as_it_is(course: Course) -> None:
    folder = hand_in(course, {"one": RIGHT, "two": RIGHT})
    (folder / "one.ipynb").write_text("{")
    grade(course)
    assert (saved(course).status, saved(course).score) == ("ungradable", 2)
    hand_in(course, {"one": RIGHT})  # mended by a person, with the time it was handed in
    grade(course)
    assert (saved(course).status, saved(course).score, saved(course).reason) == ("graded", 4, "")

    hand_in(course, {"one": WRONG, "two": WRONG}, stamp="2026-01-02 10:00:00 UTC")
    only_two = nbgrader(course)
    only_two.coursedir.notebook_id = "two"
    assert only_two.autograde("ps1", "ann")["success"]
    assert {test.notebook: test.points for test in saved(course).tests} == {"two": 0}


def test_graders_stay_warm_until_the_assignment_changes(course: Course, engines: list[StandIn]) -> None:
    hand_in(course, {"one": RIGHT, "two": RIGHT})
    grade(course)
    grade(course)
    assert [len(one.started) for one in engines] == [1]
    source = course.folder("source", "ps1") / "one.ipynb"
    source.write_text(source.read_text().replace("2 * x", "x + x"))
    grade(course)
    assert [len(one.started) for one in engines] == [2]
    assert engines[0].started[-1] == load_assignment(course, "ps1").digest
    plugin.close()
    assert [one.closed for one in engines] == [1]


def test_isolation_is_a_setting(course: Course, engines: list[StandIn]) -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.Execute.isolation = 'process'\n")
    hand_in(course, {"one": RIGHT, "two": RIGHT})
    grade(Course(course.root))
    assert [one.isolation for one in engines] == ["process"]
