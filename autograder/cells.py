"""What nbgrader's metadata make of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils

from autograder.model import Cell, Role


def as_cell(cell: NotebookNode, released: str) -> Cell:
    """A cell of an instructor's notebook as data; `released` is what a student gets in its place."""
    role = role_of(cell)
    return Cell(
        type=cell.cell_type,
        source=cell.source,
        released=released,
        role=role,
        grade_id=None if role == "free" else grade_id(cell),
        points=float(cell.metadata.nbgrader.get("points", 0)) if role in ("test", "written", "task") else 0.0,
        tags=tuple(cell.metadata.get("tags", ())),
    )


def role_of(cell: NotebookNode) -> Role:
    if utils.is_task(cell):
        return "task"
    if utils.is_solution(cell):
        return "written" if utils.is_grade(cell) else "solution"
    if utils.is_grade(cell):
        return "test"
    return "locked" if utils.is_locked(cell) else "free"


def grade_id(cell: Mapping[str, Any]) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")
