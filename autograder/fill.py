"""A submission made from a release, as a student would hand it in: some cells filled, the others as they were."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

from autograder.build import REPOSITORY, text_of
from autograder.cells import grade_id
from autograder.course import Course
from autograder.errors import CourseError

_STUDENT = re.compile(r"[^\s/\\+][^/\\+\0]*")  # one path component; nbgrader joins ids with '+'


def fill(
    name: str,
    with_: Path | Mapping[str, str],
    to: Path,
    student: str = "student",
    *,
    course: Course | None = None,
    repository: Path = REPOSITORY,
) -> dict[str, Any]:
    """Writes `to/STUDENT/NAME/*.ipynb`: the released notebooks with the sources in `with_` in place of their stubs.

    `with_` maps grade_ids to sources, or is the path of a JSON file that does. The release is assignments/NAME in the
    repository, or the release folder of `course`. Raises CourseError if a grade_id is unknown.
    """
    released = _released(course.folder("release", name) if course else repository / "assignments" / name, name)
    answers = _answers(with_)
    _check_known(answers, released.values(), name)
    if not _STUDENT.fullmatch(student) or student in (".", ".."):
        raise CourseError(f"student {student!r} cannot be a folder; expected an id without '/', '\\' and '+'")
    files = []
    for file, notebook in released.items():
        path = to / student / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(filled(notebook, answers)), encoding="utf-8")
        files.append(str(path))
    return {"schema_version": 1, "assignment": name, "student": student, "files": files}


def filled(notebook: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """A copy of a released notebook in which the cells that `answers` names, by grade_id, have another source."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        cell.source = answers.get(grade_id(cell) or "", cell.source)
    return notebook


def _released(folder: Path, name: str) -> dict[str, NotebookNode]:
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise CourseError(f"{folder} holds no notebook; run `autograder release {name}` first, or check the name")
    return {path.name: nbformat.read(path, as_version=4) for path in paths}


def _answers(given: Path | Mapping[str, str]) -> dict[str, str]:
    where, answers = "the answers", given
    if not isinstance(given, Mapping):
        where = str(given)
        try:
            answers = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CourseError(f"{where} cannot be read as JSON: {error}") from error
    if not isinstance(answers, Mapping) or not all(isinstance(v, str) for v in answers.values()):
        raise CourseError(f'{where}: expected {{grade_id: source}}, such as {{"adam": "def adam(...): ..."}}')
    return dict(answers)


def _check_known(answers: Mapping[str, str], released: Any, name: str) -> None:
    cells = {known: cell for notebook in released for cell in notebook.cells if (known := grade_id(cell))}
    students = [known for known, cell in cells.items() if utils.is_solution(cell)]
    for named in answers:
        if named not in cells:
            raise CourseError(f"{name} has no cell {named!r}; cells that students fill: {', '.join(students)}")
