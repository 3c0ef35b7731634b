"""Where the workspace is, and our own assignments in it, without importing nbgrader, which takes a second."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.errors import CourseError
from autograder.model import Assignment

WORKSPACE_VARIABLE = "AUTOGRADER_WORKSPACE"
"""Environment variable that names another directory than the repository's `workspace/`."""


def workspace() -> Path:
    """The course directory that is used where none is named. It need not exist yet."""
    if chosen := os.environ.get(WORKSPACE_VARIABLE):
        return Path(chosen)
    repository = Path(__file__).resolve().parents[1]
    if not (repository / "pyproject.toml").is_file():
        raise CourseError(
            "autograder is installed outside its repository, so there is no workspace. Name a course directory with "
            f"--course, or set {WORKSPACE_VARIABLE}."
        )
    return repository / "workspace"


def side_files(folder: Path, assignment: Assignment) -> dict[str, Path]:
    """The files that the assignment's notebooks read, as far as they lie in this folder."""
    return {name: folder / name for name in assignment.files if (folder / name).is_file()}


def early_master(course: Path | None, name: str) -> Assignment | None:
    """The assignment, if it is one of our own and its file is whole; else None, and the course itself will say why."""
    try:
        text = ((course or workspace()) / "masters" / f"{name}.json").read_text(encoding="utf-8")
        return Assignment.from_json(text)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
