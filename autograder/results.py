"""What became of the submissions to an assignment: verdicts from disk, scores and comments from the gradebook.

The gradebook decides every score, because a person may have changed one there, graded a written answer or granted
extra credit. Where it does not know a submission yet, the verdict's own points stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbgrader import api
from sqlalchemy import Select, select

from autograder.course import Course
from autograder.model import Assignment, Cell, TestVerdict, Verdict

CellKey = tuple[str, str]
"""Notebook and grade_id: what names a cell within an assignment."""


@dataclass(frozen=True)
class Grade:
    """Points of one cell. `by_hand`: a person set them. `waiting`: a person still has to."""

    score: float
    max_score: float
    by_hand: bool = False
    waiting: bool = False


@dataclass(frozen=True)
class Result:
    """One student's verdict, with the scores as the gradebook has them."""

    student: str
    verdict: Verdict
    grades: Mapping[CellKey, Grade] = field(default_factory=dict)
    comments: Mapping[CellKey, str] = field(default_factory=dict)
    penalty: float = 0.0  # points taken for a late submission

    @property
    def status(self) -> str:
        """The verdict's, until a person has done in the gradebook what the verdict asks of one."""
        if self.verdict.status == "ungradable":
            return "ungradable"
        return "needs_person" if self.waiting else "graded"

    @property
    def score(self) -> float:
        """Points after the late penalty, as nbgrader exports them."""
        return max(0.0, sum(grade.score for grade in self.grades.values()) - self.penalty)

    @property
    def max_score(self) -> float:
        return sum(grade.max_score for grade in self.grades.values())

    @property
    def waiting(self) -> bool:
        """Whether a person still has to grade a part."""
        return any(grade.waiting for grade in self.grades.values())

    @property
    def grader_failed(self) -> bool:
        """Whether the fault is the grader's, not the submission's."""
        return bool(self.verdict.trace)

    def grade(self, notebook: str, cell: Cell) -> Grade:
        return self.grades.get((notebook, cell.grade_id or ""), Grade(0.0, cell.points))

    def test(self, notebook: str, name: str | None) -> TestVerdict | None:
        return next((t for t in self.verdict.tests if t.name == name and t.notebook in {notebook, ""}), None)


def read_results(
    course: Course, assignment: Assignment, students: Iterable[str] = ()
) -> tuple[list[Result], list[dict[str, str]]]:
    """Results of the named students, or of all who have a verdict, by student; and who is left out, with the reason."""
    verdicts, skipped = _read_verdicts(course, assignment.name, students)
    recorded = read_gradebook(course, assignment.name, verdicts)
    return [_result(assignment, student, verdict, recorded) for student, verdict in verdicts.items()], skipped


def _read_verdicts(
    course: Course, name: str, students: Iterable[str]
) -> tuple[dict[str, Verdict], list[dict[str, str]]]:
    folder = course.verdicts / name
    verdicts, skipped = {}, []
    for student in sorted(set(students) or {path.stem for path in folder.glob("*.json")}):
        path = folder / f"{student}.json"
        try:
            verdicts[student] = Verdict.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            reason = f"is not graded yet: run `autograder autograde {name} --student {student}`"
            skipped.append({"student": student, "reason": reason})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"{path} is damaged ({error}): run `autograder autograde {name} --student {student} --force`"
            skipped.append({"student": student, "reason": reason})
    return verdicts, skipped


@dataclass
class Recorded:
    """What the gradebook knows of one submission."""

    grades: dict[CellKey, Grade] = field(default_factory=dict)
    comments: dict[CellKey, str] = field(default_factory=dict)
    penalty: float = 0.0


def read_gradebook(course: Course, name: str, students: Iterable[str]) -> dict[str, Recorded]:
    """What the gradebook knows of these students' submissions, by student. Three queries, however many they are."""
    wanted = set(students)
    recorded: dict[str, Recorded] = {}
    with course.database() as session:
        if session is None:
            return recorded
        columns = api.Grade.score, api.Grade.max_score, api.Grade.manual_score, api.Grade.needs_manual_grade
        for student, notebook, cell, score, most, manual, waiting in session.execute(_cells(api.Grade, name, *columns)):
            if student in wanted:
                grade = Grade(float(score), float(most), manual is not None, bool(waiting))
                recorded.setdefault(student, Recorded()).grades[notebook, cell] = grade
        for student, notebook, cell, comment in session.execute(_cells(api.Comment, name, api.Comment.comment)):
            if student in recorded and comment:
                recorded[student].comments[notebook, cell] = comment
        for student, penalty in session.execute(_penalties(name)):
            if student in recorded:
                recorded[student].penalty += float(penalty or 0.0)
    return recorded


def _cells(table: Any, name: str, *columns: object) -> Select:
    """Student, notebook, cell and `columns` of every row of `table` (Grade or Comment) of the assignment."""
    return (
        select(api.SubmittedAssignment.student_id, api.Notebook.name, api.BaseCell.name, *columns)
        .select_from(table)
        .join(api.BaseCell, table.cell_id == api.BaseCell.id)
        .join(api.SubmittedNotebook, table.notebook_id == api.SubmittedNotebook.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .where(api.Assignment.name == name)
    )


def _penalties(name: str) -> Select:
    return (
        select(api.SubmittedAssignment.student_id, api.SubmittedNotebook.late_submission_penalty)
        .select_from(api.SubmittedNotebook)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .where(api.Assignment.name == name)
    )


def _result(assignment: Assignment, student: str, verdict: Verdict, recorded: Mapping[str, Recorded]) -> Result:
    if known := recorded.get(student):
        return Result(student, verdict, known.grades, known.comments, known.penalty)
    return Result(student, verdict, _grades_of_verdict(assignment, verdict))


def _grades_of_verdict(assignment: Assignment, verdict: Verdict) -> dict[CellKey, Grade]:
    """Every cell with points; where the verdict asks for a person, what was not judged waits for one."""
    tests = {(test.notebook, test.name): test for test in verdict.tests}
    grades = {}
    for notebook in assignment.notebooks:
        for cell in notebook.cells:
            if cell.grade_id and (cell.points or cell.role == "test"):
                test = tests.get((notebook.name, cell.grade_id)) or tests.get(("", cell.grade_id))
                unjudged = test is None or test.status == "not_run"
                waiting = verdict.status == "needs_person" and unjudged
                grades[notebook.name, cell.grade_id] = Grade(test.points if test else 0.0, cell.points, waiting=waiting)
    return grades
