"""What a release says of itself, in the metadata of its notebook: the cells that it has, and what the grader takes.

It lies in the notebook because on Colab there is nothing beside the notebook. `for_release` makes it when an assignment
is built; `read` gives it back from whatever a student's editor has left of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

KEY = "chainrule"
"""Where it stands in the notebook's metadata."""

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ReleasedCell:
    grade_id: str
    role: str  # solution, test, locked, written or task: what nbgrader's metadata make of it
    points: float
    text: str  # `fingerprint` of what students get


@dataclass(frozen=True)
class Manifest:
    assignment: str  # "06-optimizers"
    notebook: str  # "optimizers"
    version: str  # what instructors call it, "" for nothing
    digest: str  # of all that students read in the notebook: another digest, another release
    max_bytes: int  # of the file that the grader reads
    cell_seconds: float  # that the grader gives to a cell
    cells: tuple[ReleasedCell, ...]  # those with a grade_id, in order


class Released(Protocol):
    """A cell of an assignment, as `autograder.model.Cell` has it."""

    @property
    def type(self) -> str: ...
    @property
    def released(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def grade_id(self) -> str | None: ...
    @property
    def points(self) -> float: ...


def for_release(
    cells: Sequence[Released], *, assignment: str, notebook: str, version: str, max_bytes: int, cell_seconds: float
) -> dict[str, Any]:
    """The manifest of a notebook as JSON data, from all of its cells; it tells nothing that they do not tell."""
    texts = [[cell.type, cell.grade_id, cell.released] for cell in cells]
    return {
        "schema_version": SCHEMA_VERSION,
        "assignment": assignment,
        "notebook": notebook,
        "version": version,
        "digest": hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16],
        "max_bytes": max_bytes,
        "cell_seconds": cell_seconds,
        "cells": [
            {"grade_id": c.grade_id, "role": c.role, "points": c.points, "text": fingerprint(c.released)}
            for c in cells
            if c.grade_id
        ],
    }


def read(metadata: Mapping[str, Any]) -> Manifest | None:
    """The manifest in a notebook's metadata; None if there is none, or none that this version understands."""
    found = metadata.get(KEY)
    if not isinstance(found, dict) or found.get("schema_version") != SCHEMA_VERSION:
        return None
    try:
        cells = tuple(
            ReleasedCell(str(c["grade_id"]), str(c["role"]), float(c["points"]), str(c["text"])) for c in found["cells"]
        )
        return Manifest(
            assignment=str(found["assignment"]),
            notebook=str(found["notebook"]),
            version=str(found["version"]),
            digest=str(found["digest"]),
            max_bytes=int(found["max_bytes"]),
            cell_seconds=float(found["cell_seconds"]),
            cells=cells,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def fingerprint(text: str) -> str:
    """A digest of a cell's text without its blanks, which editors change.

    >>> fingerprint("x = 1") == fingerprint("x=1  ")
    True
    """
    return hashlib.sha256("".join(text.split()).encode("utf-8", "replace")).hexdigest()[:12]
