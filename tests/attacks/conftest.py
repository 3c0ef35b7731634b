"""A grader for a whole module, and a course directory to grade a batch in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import nbformat
import pytest

from autograder.engine.grader import Grader, Judged
from autograder.engine.verdicts import verdict
from autograder.model import Assignment, Verdict
from autograder.repair import repair
from autograder.submission import read

from .vault import NAME, notebook, vault

Course = Callable[[Mapping[str, str]], Path]


@pytest.fixture(scope="session")
def assignment() -> Assignment:
    return vault()


@pytest.fixture(scope="module")
def grader(assignment: Assignment) -> Iterator[Grader]:
    with Grader(assignment) as grader:
        assert {answer["status"] for answer in grader.learn()[NAME].values()} == {"passed"}
        yield grader


@pytest.fixture(scope="module")
def graded(grader: Grader, assignment: Assignment) -> Callable[[nbformat.NotebookNode], Verdict]:
    """The verdict on one notebook, without a course around it."""

    def grade(notebook: nbformat.NotebookNode) -> Verdict:
        repaired = repair(assignment, NAME, read(nbformat.writes(notebook).encode()))
        return verdict(assignment, "ann", {NAME: repaired}, {NAME: grader.grade(NAME, repaired.cells)})

    return grade


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, assignment: Assignment) -> Course:
    """Makes a course directory with these submissions: {student: text of the notebook}."""

    def make(submissions: Mapping[str, str]) -> Path:
        root = tmp_path_factory.mktemp("course")
        (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'attacks'\n")
        (root / "masters").mkdir()
        (root / "masters" / f"{NAME}.json").write_text(assignment.to_json())
        for student, text in submissions.items():
            hand_in(root, student, text)
        return root

    return make


def hand_in(root: Path, student: str, text: str) -> None:
    folder = root / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.ipynb").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def grade_only(grader: Grader, assignment: Assignment) -> Callable[..., dict[str, Judged]]:
    """What the referee found about some tests of a submission with these answers."""

    def grade(answers: Mapping[str, str], tests: set[str]) -> dict[str, Judged]:
        repaired = repair(assignment, NAME, read(nbformat.writes(notebook(answers)).encode()))
        return grader.grade(NAME, repaired.cells, only=tests, probes=False).tests

    return grade
