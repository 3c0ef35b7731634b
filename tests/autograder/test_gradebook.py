"""Verdicts in nbgrader's gradebook. The oracles are nbgrader's own sums, its determine_grade and its SaveAutoGrades."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader import api
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import determine_grade
from sqlalchemy import Engine, create_engine, event, text

from autograder.answers import digests
from autograder.autograded import graded_notebook, write_autograded
from autograder.course import Course
from autograder.errors import CourseError
from autograder.gradebook import record
from autograder.model import Assignment, Cell, Notebook, Verdict
from autograder.model import TestVerdict as Judged  # pytest collects classes that are called Test...
from autograder.repair import RepairedCell

STUB = "raise NotImplementedError()"
HIDDEN = "assert mean([1]) == 1\n### BEGIN HIDDEN TESTS\nassert mean([1, 2]) == 1.5\n### END HIDDEN TESTS"
MEANS = Notebook(
    "means",
    (
        Cell("markdown", "# Means", "# Means", "free"),
        Cell("code", "import math", "import math", "locked", "setup"),
        Cell("code", "mean = sum", STUB, "solution", "mean"),
        Cell("code", "assert mean([1])", "assert mean([1])", "test", "mean-visible", 1, ("raises-exception",)),
        Cell("code", HIDDEN, "assert mean([1]) == 1", "test", "mean-hidden", 2),
        Cell("markdown", "It moves.", "YOUR ANSWER HERE", "written", "why", 3),
        Cell("markdown", "Find data.", "Find data.", "task", "find", 4),
    ),
)
MORE = Notebook(
    "more",
    (
        Cell("code", "mode = max", STUB, "solution", "mode"),
        Cell("code", "assert mode([1])", "assert mode([1])", "test", "mode-test", 0.5),
    ),
)
ASSIGNMENT = Assignment("ps1", "Means", (MEANS, MORE), ())
TESTS = {"mean-visible": 1.0, "mean-hidden": 2.0, "mode-test": 0.5}
ANSWERS = {"mean": "mean = sum", "why": "It moves.", "mode": "mode = max"}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return configured(tmp_path / "course")


def configured(root: Path, settings: str = "") -> Course:
    root.mkdir()
    (root / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.course_id = 'cs1'\n{settings}\n")
    return Course(root)


def repaired(answers: dict[str, str], notebook: Notebook) -> list[RepairedCell]:
    cells = []
    for c in notebook.cells:
        source = answers.get(c.grade_id or "", c.released if c.role in ("solution", "written") else c.source)
        cells.append(RepairedCell(c.type, source, c.released, c.role, c.grade_id, c.tags))
    return cells


def verdict(
    student: str = "ann", answers: dict[str, str] = ANSWERS, *, stamp: str | None = None, **points: float | str
) -> Verdict:
    """A test's points, or its status where it has none; full points where nothing is said. `mean_hidden=1.5`."""
    tests = []
    for notebook in ASSIGNMENT.notebooks:
        for cell in notebook.tests:
            given = points.get((cell.grade_id or "").replace("-", "_"), cell.points)
            score, status = (0.0, given) if isinstance(given, str) else (given, "passed" if given else "failed")
            tests.append(Judged(cell.grade_id or "", score, cell.points, status, notebook=notebook.name))
    status = "needs_person" if "not_run" in points.values() else "graded"
    score = sum(t.points for t in tests)
    known = {n.name: digests(repaired(answers, n)) for n in ASSIGNMENT.notebooks}
    return Verdict("ps1", student, status, score, 10.5, tests, timestamp=stamp, answers=known)


def ungradable(student: str = "ann", stamp: str | None = None) -> Verdict:
    tests = [Judged(c.grade_id or "", 0, c.points, "not_run", notebook=n.name)
             for n in ASSIGNMENT.notebooks for c in n.tests]  # fmt: skip
    return Verdict("ps1", student, "ungradable", 0, 10.5, tests, reason="It is a PDF document.", timestamp=stamp)


@contextlib.contextmanager
def gradebook(course: Course) -> Iterator[api.Gradebook]:
    with api.Gradebook(course.db_url, course.course_id) as book:
        yield book


def grades(course: Course, student: str = "ann") -> dict[str, tuple[float | None, float | None, bool]]:
    """By cell: the autograder's score, a person's, and whether a person has to look."""
    with gradebook(course) as book:
        rows = [grade for notebook in book.find_submission("ps1", student).notebooks for grade in notebook.grades]
        return {row.name: (row.auto_score, row.manual_score, row.needs_manual_grade) for row in rows}


def comments(course: Course, student: str = "ann") -> dict[str, str | None]:
    with gradebook(course) as book:
        notebooks = book.find_submission("ps1", student).notebooks
        return {row.name: row.comment for notebook in notebooks for row in notebook.comments}


def score(course: Course, student: str = "ann") -> float:
    with gradebook(course) as book:
        return book.find_submission("ps1", student).score


def grade_by_hand(course: Course, student: str, notebook: str, cell: str, **values: float) -> None:
    """What formgrader does when a person enters a score."""
    with gradebook(course) as book:
        grade = book.find_grade(cell, notebook, "ps1", student)
        for name, value in values.items():
            setattr(grade, name, value)
        grade.needs_manual_grade = grade.manual_score is None and grade.auto_score is None
        book.db.commit()


def dump(course: Course) -> dict[str, list[Any]]:
    engine = create_engine(course.db_url)
    try:
        with engine.connect() as connection:
            tables = sorted(api.Base.metadata.tables)
            return {t: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {t}"))), key=str) for t in tables}
    finally:
        engine.dispose()


# -- what is written ---------------------------------------------------------------------------------------------------


def test_scores_and_students(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict("ann"), verdict("bob", mean_hidden=0.5), verdict("cat", mode_test="crashed")])
    with gradebook(course) as book:
        assert [student.id for student in book.students] == ["ann", "bob", "cat"]
        found = {s.student.id: (s.score, s.max_score, s.code_score) for s in book.assignment_submissions("ps1")}
        assert book.find_assignment("ps1").course_id == "cs1"
    assert found == {"ann": (3.5, 10.5, 3.5), "bob": (2.0, 10.5, 2.0), "cat": (3.0, 10.5, 3.0)}
    assert grades(course, "bob") == {
        "mean-visible": (1, None, False),
        "mean-hidden": (0.5, None, False),
        "mode-test": (0.5, None, False),
        "why": (None, None, True),
        "find": (None, None, True),
    }


def test_untouched_answers_are_marked_as_nbgrader_marks_them(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict(answers={"mean": f"{STUB}\n", "mode": "mode = max"})])
    assert comments(course) == {"mean": "No response.", "why": "No response.", "mode": None, "find": None}
    assert grades(course)["why"] == (0, None, False)


CASES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "all right": (ANSWERS, {}),
    "partial": (ANSWERS, {"mean_hidden": 1.25, "mode_test": 0.25}),
    "all wrong": (ANSWERS, {"mean_visible": "failed", "mean_hidden": "timeout", "mode_test": "crashed"}),
    "untouched": ({}, {"mean_visible": "failed", "mean_hidden": "failed", "mode_test": "missing"}),
    "written only": ({"why": "Because."}, {"mean_visible": 0, "mean_hidden": 0, "mode_test": 0}),
    "blanks only": ({"why": "YOUR ANSWER HERE\n\n"}, {}),
}


@pytest.mark.parametrize(("answers", "points"), CASES.values(), ids=CASES)
def test_nbgrader_reads_the_same_from_the_notebooks_that_we_write(
    course: Course, tmp_path: Path, answers: dict[str, str], points: dict[str, Any]
) -> None:
    judged = verdict(answers=answers, **points)
    other = configured(tmp_path / "other")
    record(course, ASSIGNMENT, [judged])
    record(other, ASSIGNMENT, [verdict(answers=ANSWERS, mean_visible=0.125, mode_test=0.125)])  # to be overwritten
    cells = {n.name: repaired(answers, n) for n in ASSIGNMENT.notebooks}
    folder = write_autograded(other, ASSIGNMENT, "ann", cells, judged)
    for notebook in ASSIGNMENT.notebooks:
        where = {"notebook": notebook.name, "assignment": "ps1", "student": "ann", "db_url": other.db_url}
        written = nbformat.read(folder / f"{notebook.name}.ipynb", as_version=4)
        SaveAutoGrades().preprocess(written, {"nbgrader": where})
    assert grades(other) == grades(course)
    assert comments(other) == comments(course)


@pytest.mark.parametrize("judged", [verdict(), ungradable(), verdict(mean_hidden="not_run")], ids=lambda v: v.status)
def test_recording_again_changes_nothing(course: Course, judged: Verdict) -> None:
    record(course, ASSIGNMENT, [judged, verdict("bob")])
    before = dump(course)
    record(course, ASSIGNMENT, [judged])
    record(course, ASSIGNMENT, iter([judged, verdict("bob")]))
    assert dump(course) == before


def test_a_course_without_an_id_gets_nbgraders(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    record(Course(tmp_path / "bare"), ASSIGNMENT, [])
    with gradebook(Course(tmp_path / "bare")) as book:
        assert book.find_assignment("ps1").course_id == "default_course"


def test_a_write_that_fails_leaves_the_gradebook_as_it_was(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    record(course, ASSIGNMENT, [verdict()])
    before = dump(course)
    broken = verdict("bob", mean_visible=0.25)
    broken.tests[0].points = "many"
    with pytest.raises(ValueError, match="many"):
        record(course, ASSIGNMENT, [verdict(mean_hidden=0), broken])
    assert dump(course) == before


def test_a_database_that_refuses(tmp_path: Path) -> None:
    course = configured(tmp_path / "course", "c.CourseDirectory.db_url = 'sqlite:////no/such/folder/gradebook.db'")
    with pytest.raises(CourseError, match=r"sqlite:////no/such.* unable to open.*no verdict is lost.*db_url"):
        record(course, ASSIGNMENT, [verdict()])


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    course = configured(tmp_path / "course", "")
    (course.root / "gradebook.db").write_text("not a database, but long enough to be looked at" * 9)
    with pytest.raises(CourseError, match=r"sqlite:.* file is not a database.*no verdict is lost"):
        record(course, ASSIGNMENT, [verdict()])


@pytest.mark.parametrize("url", ["no address", "nosuchdatabase://host/grades", "sqlite+nosuchdriver:///grades.db"])
def test_an_address_of_the_gradebook_that_cannot_be_used(tmp_path: Path, url: str) -> None:
    course = configured(tmp_path / "course", f"c.CourseDirectory.db_url = {url!r}")
    with pytest.raises(CourseError, match=r"db_url in nbgrader_config.py cannot be used: .*Correct it"):
        record(course, ASSIGNMENT, [verdict()])


def test_the_number_of_statements_does_not_grow_with_the_class(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict()])
    counts = []
    for size in (3, 60):
        statements: list[str] = []

        def count(_c: Any, _u: Any, statement: str, *_rest: Any, seen: list[str] = statements) -> None:
            seen.append(statement)

        event.listen(Engine, "before_cursor_execute", count)
        try:
            record(course, ASSIGNMENT, [verdict(f"{size}-{i}") for i in range(size)])
        finally:
            event.remove(Engine, "before_cursor_execute", count)
        counts.append(len(statements))
    assert counts[0] == counts[1] < 60


# -- handed in again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (verdict(mean_hidden="failed"), 1.5),
        (verdict(mean_visible="missing", mean_hidden="missing", mode_test="not_run"), 0.0),
        (ungradable(), 0.0),
        (verdict(answers={}, mean_visible=0, mean_hidden=0, mode_test=0), 0.0),
    ],
    ids=["worse", "tests gone", "unreadable", "blank"],
)
def test_a_resubmission_replaces_the_old_score(course: Course, second: Verdict, expected: float) -> None:
    record(course, ASSIGNMENT, [verdict()])
    assert score(course) == 3.5
    record(course, ASSIGNMENT, [dataclasses.replace(second, timestamp="2026-01-02 00:00:00 UTC")])
    assert score(course) == expected


def test_a_persons_score_stays_with_the_answer_it_was_given_for(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict()])
    grade_by_hand(course, "ann", "means", "why", manual_score=2.5, extra_credit=0.5)
    improved = verdict(answers=ANSWERS | {"mode": "mode = min"}, stamp="2026-01-02 00:00:00 UTC", mode_test=0.25)
    record(course, ASSIGNMENT, [improved])
    assert grades(course)["why"] == (None, 2.5, False)
    assert score(course) == 1 + 2 + 0.25 + 2.5 + 0.5

    record(course, ASSIGNMENT, [verdict(answers=ANSWERS | {"why": "It does not."})])
    assert grades(course)["why"] == (None, None, True)
    assert score(course) == 3.5


def test_a_persons_score_of_a_test_stays_until_any_answer_changes(course: Course) -> None:
    wrong = verdict(mean_hidden="failed")
    record(course, ASSIGNMENT, [wrong])
    grade_by_hand(course, "ann", "means", "mean-hidden", manual_score=1.0)
    record(course, ASSIGNMENT, [wrong])
    assert grades(course)["mean-hidden"] == (0, 1, False)
    record(course, ASSIGNMENT, [verdict(mean_hidden=0.5)])  # the same work, judged otherwise: a person has to look
    assert grades(course)["mean-hidden"] == (0.5, 1, True)
    record(course, ASSIGNMENT, [verdict(answers=ANSWERS | {"mean": "mean = max"}, mean_hidden="failed")])
    assert grades(course)["mean-hidden"] == (0, None, False)


@pytest.mark.parametrize("history", [None, "{", "[]"], ids=["lost", "damaged", "strange"])
def test_without_its_history_a_persons_score_is_kept_and_shown_for_review(course: Course, history: str | None) -> None:
    record(course, ASSIGNMENT, [verdict()])
    grade_by_hand(course, "ann", "means", "why", manual_score=2.5)
    (path,) = course.verdicts.glob("*.json")
    path.unlink() if history is None else path.write_text(history)
    record(course, ASSIGNMENT, [verdict()])
    assert grades(course)["why"] == (None, 2.5, True)


# -- what a person has to see ------------------------------------------------------------------------------------------


def test_what_cannot_be_graded_scores_nothing_and_waits_for_a_person(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict(), verdict("bob")])
    grade_by_hand(course, "ann", "means", "why", manual_score=3)
    record(course, ASSIGNMENT, [ungradable(stamp="2026-01-02 00:00:00 UTC")])
    assert set(grades(course).values()) == {(0, None, True)}
    assert set(comments(course).values()) == {None}
    assert (score(course), score(course, "bob")) == (0, 3.5)

    grade_by_hand(course, "ann", "means", "mean-hidden", manual_score=2)  # a person looked at the file after all
    record(course, ASSIGNMENT, [ungradable(stamp="2026-01-02 00:00:00 UTC")])
    assert grades(course)["mean-hidden"] == (0, 2, False)
    record(course, ASSIGNMENT, [ungradable(stamp="2026-01-03 00:00:00 UTC")])
    assert grades(course)["mean-hidden"] == (0, None, True)


def test_a_test_that_only_a_person_can_judge_has_no_score_yet(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict(mean_hidden="not_run")])
    assert grades(course)["mean-hidden"] == (None, None, True)
    assert grades(course)["mean-visible"] == (1, None, False)


# -- when it was handed in ---------------------------------------------------------------------------------------------

STAMP = "2026-01-01 12:00:00.5 UTC"


@pytest.mark.parametrize(
    ("stamp", "stored"),
    [
        (STAMP, "2026-01-01T12:00:00.500000"),
        ("2026-01-01T13:00:00+01:00", "2026-01-01T12:00:00"),
        (None, None),
        ("yesterday", None),
    ],
)
def test_timestamps_are_stored_in_utc_and_replaced(course: Course, stamp: str | None, stored: str | None) -> None:
    record(course, ASSIGNMENT, [verdict(stamp="2025-12-24 00:00:00 UTC")])
    record(course, ASSIGNMENT, [verdict(stamp=stamp)])
    with gradebook(course) as book:
        found = book.find_submission("ps1", "ann").timestamp
    assert (found and found.isoformat()) == stored


ONE_POINT_AN_HOUR = """
from nbgrader.plugins import LateSubmissionPlugin

class OnePointAnHour(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 3600

c.AssignLatePenalties.plugin_class = OnePointAnHour
"""

LATE = {
    "none by default": ("", 2, None),
    "all of it": ("c.LateSubmissionPlugin.penalty_method = 'zero'", 1, 5.5),
    "a plugin of the course's own": (ONE_POINT_AN_HOUR, 2, 2),
    "never more than the score": (ONE_POINT_AN_HOUR, 200, 5.5),
    "not when in time": ("c.LateSubmissionPlugin.penalty_method = 'zero'", 0, None),
}


@pytest.mark.parametrize(("settings", "hours", "expected"), LATE.values(), ids=LATE)
def test_late_penalties(tmp_path: Path, settings: str, hours: int, expected: float | None) -> None:
    course = configured(tmp_path / "late", settings)
    due = dataclasses.replace(ASSIGNMENT, due="2026-01-01T10:00:00+00:00")
    record(course, due, [verdict(stamp="2026-01-01 10:00:00 UTC")])
    grade_by_hand(course, "ann", "means", "why", manual_score=2.5)
    record(course, due, [verdict(stamp=f"2026-01-{1 + (10 + hours) // 24:02} {(10 + hours) % 24:02}:00:00 UTC")])
    with gradebook(course) as book:
        assert book.find_submission_notebook("means", "ps1", "ann").late_submission_penalty == expected


def test_an_extension_is_granted(tmp_path: Path) -> None:
    course = configured(tmp_path / "late", "c.LateSubmissionPlugin.penalty_method = 'zero'")
    due = dataclasses.replace(ASSIGNMENT, due="2026-01-01T10:00:00+00:00")
    late = verdict(stamp="2026-01-01 12:00:00 UTC")
    for hours, expected in [(0, 3.0), (3, None)]:
        record(course, due, [late])
        with gradebook(course) as book:
            book.find_submission("ps1", "ann").extension = timedelta(hours=hours)
            book.db.commit()
        record(course, due, [late])
        with gradebook(course) as book:
            assert book.find_submission_notebook("means", "ps1", "ann").late_submission_penalty == expected


# -- an assignment that changes after submissions came in --------------------------------------------------------------

CHANGED = dataclasses.replace(
    ASSIGNMENT,
    notebooks=(
        Notebook(
            "means",
            (
                *MEANS.cells[:3],
                dataclasses.replace(MEANS.cells[3], points=5),
                Cell("code", "assert mean", "", "test", "mean-new", 1),
                *MEANS.cells[5:],
            ),
        ),
        MORE,
    ),
)


def test_a_course_of_our_own_follows_its_release(course: Course) -> None:
    course.masters.mkdir()
    course.master("ps1").write_text(ASSIGNMENT.to_json())
    record(course, ASSIGNMENT, [verdict(), verdict("bob")])
    regraded = verdict()
    regraded.tests = [Judged("mean-visible", 5, 5, "passed"), Judged("mean-new", 1, 1, "passed")]
    record(course, CHANGED, [regraded])
    assert grades(course).keys() == {"mean-visible", "mean-new", "mode-test", "why", "find"}
    with gradebook(course) as book:
        assert book.find_assignment("ps1").max_score == CHANGED.max_score
        assert {c.name for c in book.find_notebook("means", "ps1").source_cells} == {
            "setup", "mean", "mean-visible", "mean-new", "why", "find",
        }  # fmt: skip


def test_another_course_is_only_added_to(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict()])
    record(course, CHANGED, [])
    with gradebook(course) as book:
        points = {cell.name: cell.max_score for cell in book.find_notebook("means", "ps1").grade_cells}
    assert points == {"mean-visible": 1, "mean-hidden": 2, "mean-new": 1, "why": 3}


def test_part_of_an_assignment_leaves_the_rest(course: Course) -> None:
    record(course, ASSIGNMENT, [verdict()])
    record(course, ASSIGNMENT, [verdict(mean_hidden=0, mode_test=0)], notebooks=["more"])
    assert (grades(course)["mean-hidden"][0], grades(course)["mode-test"][0]) == (2, 0)


# -- graded notebooks --------------------------------------------------------------------------------------------------

STATUSES = ["passed", "failed", "crashed", "timeout", "missing", "not_run"]


@given(st.sampled_from(STATUSES), st.fractions(0, 2, max_denominator=64), st.text(max_size=20), st.text(max_size=40))
def test_nbgrader_scores_each_test_as_we_do(status: Any, points: Any, message: str, detail: str) -> None:
    points = float(points) if status in ("passed", "failed") else 0.0
    test = Judged("mean-hidden", points, 2, status, message, notebook="means", detail=detail)
    judged = Verdict("ps1", "ann", "graded", points, 10.5, [test])
    notebook = graded_notebook(MEANS, repaired(ANSWERS, MEANS), judged)
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "mean-hidden"]
    if status == "failed" and points == 2:
        return  # no verdict says so
    assert determine_grade(cell) == (points, 2)


def test_graded_notebooks_are_valid_and_complete(course: Course) -> None:
    figure = {"output_type": "display_data", "data": {"image/png": "aGk="}, "metadata": {}}
    judged = verdict(mean_hidden="failed", stamp=STAMP)
    judged.outputs = {"means": {"2": {"outputs": [figure], "execution_count": 3}}}
    judged.tests[1].message = "the mean is off"
    submitted = course.folder(course.submitted, "ps1", "ann")
    submitted.mkdir(parents=True)
    (submitted / "timestamp.txt").write_text(STAMP)
    cells = {n.name: repaired(ANSWERS, n) for n in ASSIGNMENT.notebooks}
    cells["means"].append(RepairedCell("raw", "mine", "mine", "free", metadata={"nbgrader": {}, "color": 1}))
    picture = {"a.png": {"image/png": "aGk="}}
    cells["means"].append(RepairedCell("markdown", "![](attachment:a.png)", "", "free", attachments=picture))

    folder = write_autograded(course, ASSIGNMENT, "ann", cells, judged)
    (folder / "means.ipynb").chmod(0o444)  # as nbgrader leaves it
    folder = write_autograded(course, ASSIGNMENT, "ann", cells, judged)

    assert sorted(path.name for path in folder.iterdir()) == ["means.ipynb", "more.ipynb", "timestamp.txt"]
    assert (folder / "timestamp.txt").read_text() == STAMP
    notebook = nbformat.read(folder / "means.ipynb", as_version=4)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.cells[2].outputs == [figure] and notebook.cells[2].execution_count == 3
    assert notebook.cells[3].metadata.tags == ["raises-exception"] and notebook.cells[3].outputs == []
    assert notebook.cells[4].source == HIDDEN
    (error,) = notebook.cells[4].outputs
    assert (error.output_type, error.ename, error.evalue) == ("error", "TestFailed", "the mean is off")
    assert notebook.cells[-2].metadata == {"color": 1}
    assert notebook.cells[-1].attachments == picture


STRANGE = [
    {"output_type": "evil"},
    {"output_type": "stream", "name": "stdout"},
    {"output_type": "display_data", "data": {"text/html": {"not": ["text"]}}, "metadata": 7},
    "text",
    None,
]


@pytest.mark.parametrize("output", STRANGE, ids=str)
def test_outputs_that_are_none_are_not_shown(output: Any) -> None:
    judged = verdict()
    judged.outputs = {"means": {"2": {"outputs": [output], "execution_count": 3}}}
    notebook = graded_notebook(MEANS, repaired(ANSWERS, MEANS), judged)
    nbformat.validate(notebook)
    assert notebook.cells[2].outputs == []


def test_what_cannot_be_graded_is_shown_as_released_with_the_reason(course: Course) -> None:
    folder = write_autograded(course, ASSIGNMENT, "ann", {}, ungradable())
    notebook = nbformat.read(folder / "means.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "It is a PDF document." in notebook.cells[0].source
    assert [c.source for c in notebook.cells[1:]] == [
        c.released if c.role in ("solution", "written") else c.source for c in MEANS.cells
    ]
    assert all(determine_grade(c)[0] == 0 for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade"))


def test_formgrader_lists_what_we_graded(course: Course) -> None:
    course.folder(course.source, "ps1").mkdir(parents=True)
    judged = [verdict("ann", stamp=STAMP), verdict("bob", mean_hidden=0.5), ungradable("cat", STAMP)]
    for found in judged:
        submitted = course.folder(course.submitted, "ps1", found.student)
        submitted.mkdir(parents=True)
        if found.timestamp:
            (submitted / "timestamp.txt").write_text(found.timestamp)
        cells = {n.name: repaired(ANSWERS, n) for n in ASSIGNMENT.notebooks} if found.status == "graded" else {}
        write_autograded(course, ASSIGNMENT, found.student, cells, found)
    course.folder(course.submitted, "ps1", "dan").mkdir(parents=True)
    record(course, ASSIGNMENT, judged)

    directory = CourseDirectory(config=course.config, root=str(course.root))
    formgrader = NbGraderAPI(directory, config=course.config, log=logging.getLogger("quiet"))
    submissions = formgrader.get_submissions("ps1")
    assert {s["student"]: (s["autograded"], s["score"], s["needs_manual_grade"]) for s in submissions} == {
        "ann": (True, 3.5, True),
        "bob": (True, 2.0, True),
        "cat": (True, 0.0, True),
        "dan": (False, 0.0, False),
    }
    assert {n["name"]: n["failed_tests"] for n in formgrader.get_student_notebook_submissions("bob", "ps1")} == {
        "means": True,
        "more": False,
    }
