"""A course that is not ours, made by `nbgrader quickstart`: the scores are nbgrader's, wherever nbgrader is right."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader import api
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.course import Course, load_assignment
from autograder.engine.autograde import autograde
from autograder.gradebook import opened

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own

SQUARES = """
def squares(n):
    if n < 1:
        raise ValueError("n must be positive")
    return [i * i for i in range(1, n + 1)]
"""
RIGHT = {
    "squares": SQUARES,
    "sum_of_squares": "def sum_of_squares(n):\n    return sum(squares(n))",
    "sum_of_squares_equation": "$\\sum_i i^2$",
    "sum_of_squares_application": "print(sum_of_squares(3))",
    "part-a": "A list.",
    "part-b": "A dictionary.",
}
SUBMISSIONS: dict[str, dict[str, str]] = {
    "right": RIGHT,
    "wrong": {
        "squares": "def squares(n):\n    return [i for i in range(n)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return undefined",
        "part-a": "I do not know.",
    },
    "half": {  # no ValueError; does not use `squares`; one written answer; the second notebook untouched
        "squares": "def squares(n):\n    return [i ** 2 for i in range(1, n + 1)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(i ** 2 for i in range(1, n + 1))",
        "sum_of_squares_equation": "$\\sum_i i^2$",
    },
    "broken": {"squares": SQUARES + "\nimport os\ndef", "sum_of_squares": "1 / 0"},
    "warns": RIGHT
    | {"squares": SQUARES.replace("    return", "    import warnings\n    warnings.warn('slow')\n    return")},
}
NBGRADER_IS_WRONG = {"warns"}  # anything on stderr gives no points there


def nbgrader(*arguments: str, cwd: Path) -> str:
    """Run the real command with its environment active, and with no settings of this machine."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "JUPYTER_NO_CONFIG": "1"}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def formgrader(course: Course) -> NbGraderAPI:
    directory = CourseDirectory(config=course.config, root=str(course.root))
    return NbGraderAPI(directory, config=course.config, log=logging.getLogger("quiet"))


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, its assignment released, the submissions handed in, nothing graded."""
    place = tmp_path_factory.mktemp("quickstart")
    nbgrader("quickstart", "course101", cwd=place)
    course = Course(place / "course101")
    with opened(course):  # else nbgrader calls `alembic`, which need not be on the path
        pass
    assert formgrader(course).generate_assignment("ps1")["success"]
    for student, answers in SUBMISSIONS.items():
        hand_in(course, student, answers)
    return course.root


def hand_in(course: Course, student: str, answers: Mapping[str, str]) -> None:
    folder = course.folder("submitted", "ps1", student)
    shutil.copytree(course.folder("release", "ps1"), folder)
    (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    for path in folder.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(grade_id, cell.source)
        path.chmod(0o644)
        nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def by_nbgrader(quickstart: Path, tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = shutil.copytree(quickstart, tmp_path_factory.mktemp("plain") / "course101")
    nbgrader("autograde", "ps1", cwd=root)
    return Course(root)


@pytest.fixture(scope="module")
def ours(quickstart: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict[str, Any]]:
    root = shutil.copytree(quickstart, tmp_path_factory.mktemp("ours") / "course101")
    return Course(root), autograde("ps1", course=root)


@pytest.fixture(scope="module")
def below_nbgrader(quickstart: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, str]:
    """The course with our one line, graded by nbgrader's command; and what that said."""
    root = shutil.copytree(quickstart, tmp_path_factory.mktemp("plugin") / "course101")
    with (root / "nbgrader_config.py").open("a") as config:
        config.write("\nimport autograder.plugin; autograder.plugin.configure(c)\n")
    folder = Course(root).folder("submitted", "ps1", "half")
    shutil.copytree(folder, folder.parents[1] / "pdf" / "ps1")
    (folder.parents[1] / "pdf" / "ps1" / "problem1.ipynb").write_bytes(b"%PDF-1.7")
    return Course(root), nbgrader("autograde", "ps1", cwd=root)


def grades(course: Course, student: str) -> dict[tuple[str, str], Any]:
    """Every cell's score and whether it waits for a person, and the comment on every answer."""
    with api.Gradebook(course.db_url, course.course_id) as gradebook:
        notebooks = gradebook.find_submission("ps1", student).notebooks
        scores = {(n.name, g.name): (g.auto_score, g.needs_manual_grade) for n in notebooks for g in n.grades}
        comments = {(n.name, f"comment on {c.name}"): c.comment for n in notebooks for c in n.comments}
    return scores | comments


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_scores_are_nbgraders(by_nbgrader: Course, ours: tuple[Course, Any], student: str) -> None:
    expected = grades(by_nbgrader, student)
    assert len(expected) == 16
    if student in NBGRADER_IS_WRONG:
        assert expected[("problem1", "correct_squares")] == (0, False)
        expected = grades(by_nbgrader, "right")
    assert grades(ours[0], student) == expected


def test_the_document_says_the_same(ours: tuple[Course, dict[str, Any]]) -> None:
    _, document = ours
    found = {s["student"]: (s["status"], s["score"], s["max_score"]) for s in document["submissions"]}
    assert found == {
        "right": ("needs_person", 3, 13),  # written answers are for people
        "wrong": ("needs_person", 0.5, 13),
        "half": ("needs_person", 1.5, 13),
        "broken": ("needs_person", 0, 13),  # a task is done outside the notebook
        "warns": ("needs_person", 3, 13),
    }


def test_formgrader_shows_what_we_graded(ours: tuple[Course, Any]) -> None:
    course, document = ours
    submissions = formgrader(course).get_submissions("ps1")
    listed = {s["student"]: (s["autograded"], s["score"], s["max_score"]) for s in submissions}
    assert listed == {s["student"]: (True, s["score"], s["max_score"]) for s in document["submissions"]}
    assert len(formgrader(course).get_notebook_submissions("ps1", "problem1")) == len(SUBMISSIONS)


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_one_line_lets_nbgrader_grade_the_same(
    ours: tuple[Course, Any], below_nbgrader: tuple[Course, str], student: str
) -> None:
    assert grades(below_nbgrader[0], student) == grades(ours[0], student)


def test_one_unreadable_file_stops_nobody(below_nbgrader: tuple[Course, str]) -> None:
    course, said = below_nbgrader
    scores = grades(course, "pdf")
    assert scores[("problem1", "correct_squares")] == (0, True)
    assert scores[("problem2", "part-a")] == (0, False)
    assert "Traceback" not in said


def test_the_notebooks_of_the_course_are_understood(quickstart: Path) -> None:
    assignment = load_assignment(Course(quickstart), "ps1")
    assert {e.name: e.tests for e in assignment.exercises} == {
        "squares": ("correct_squares", "squares_invalid_input"),
        "sum_of_squares": ("correct_sum_of_squares", "sum_of_squares_uses_squares"),
    }
    assert all(notebook.has_reference for notebook in assignment.notebooks)
    assert assignment.max_score == 13
