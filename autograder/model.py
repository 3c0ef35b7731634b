"""What an assignment, a submission and a verdict are. Plain data that every other module of the package shares.

An `Assignment` is the instructor's side: one or more notebooks (nbgrader allows several), with solutions and hidden
tests, and the policy by which it is graded. It travels as JSON (`to_json`, `from_json`), so that a worker anywhere
can grade with nothing else at hand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Role = Literal["solution", "test", "locked", "written", "task", "free"]
"""What nbgrader's metadata make of a cell.

solution: code that the student writes. test: autograded code with points. locked: read-only text or code.
written: an answer that a person grades. task: nbgrader's manually graded task. free: everything else.
"""


@dataclass(frozen=True)
class Cell:
    """One cell of an instructor's notebook."""

    type: Literal["code", "markdown", "raw"]
    source: str  # with solutions and hidden tests
    released: str  # what a student gets in its place
    role: Role
    grade_id: str | None = None
    points: float = 0.0
    tags: tuple[str, ...] = ()


REFERENCE = "reference"
"""The name of the solution itself, where it stands among other versions of an exercise and their answers."""


def has_code(source: str) -> bool:
    """Whether there is a line that is neither blank nor a comment; a released hidden test has none."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in source.splitlines())


@dataclass(frozen=True)
class Notebook:
    name: str  # the file's stem: "optimizers"
    cells: tuple[Cell, ...]
    has_reference: bool = True  # False: only the released text is known, no solution to learn from

    def cell(self, grade_id: str) -> Cell:
        return next(c for c in self.cells if c.grade_id == grade_id)

    @property
    def tests(self) -> list[Cell]:
        return [c for c in self.cells if c.role == "test"]

    @property
    def solutions(self) -> list[Cell]:
        return [c for c in self.cells if c.role == "solution" and c.type == "code"]


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds and memory; a submission that exceeds one loses the cell or test concerned."""

    cell_seconds: float = 20.0  # one student cell
    test_seconds: float = 10.0  # one test cell
    total_seconds: float = 120.0  # all cells of one notebook, each time that it is run
    memory_mb: int = 4096


@dataclass(frozen=True)
class Wrong:
    """A misconception: a known-wrong version of one solution cell, and what to tell a student who has it."""

    exercise: str
    slug: str
    source: str
    message: str


@dataclass(frozen=True)
class Right:
    """An alternative: a correct but different version of one solution cell."""

    exercise: str
    slug: str
    source: str


@dataclass(frozen=True)
class Exercise:
    """One solution cell and what belongs to it."""

    name: str  # the solution cell's grade_id
    notebook: str
    tests: tuple[str, ...]  # grade_ids of its test cells
    depends: tuple[str, ...] = ()  # exercises whose functions its solution or its tests call
    starred: bool = False
    hint: str = ""  # what a failed hidden test says when nothing more precise is known
    probe: str = ""  # source that defines probe(), run like a test cell; "" for none
    misconceptions: tuple[Wrong, ...] = ()
    alternatives: tuple[Right, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)  # what the probe answers: by slug, and for "reference"

    @property
    def slugs(self) -> tuple[str, ...]:
        return tuple(w.slug for w in self.misconceptions)


@dataclass(frozen=True)
class Assignment:
    name: str
    title: str
    notebooks: tuple[Notebook, ...]
    exercises: tuple[Exercise, ...]
    version: str = ""
    minutes: int = 0
    due: str | None = None
    sealed: tuple[str, ...] = ()  # modules that a submission may not import
    limits: Limits = field(default_factory=Limits)
    run_explore: bool = False  # run cells tagged `explore` when grading
    shared_tests: bool = False  # test cells share one namespace (a foreign course's notebooks expect it)
    files: tuple[str, ...] = ()  # side files that the notebook reads
    packages: tuple[str, ...] = ()  # distributions that a submission may import beside the usual ones; "*" for all

    def notebook(self, name: str) -> Notebook:
        return next(n for n in self.notebooks if n.name == name)

    def exercise_of(self, notebook: str, test: str) -> Exercise | None:
        return next((e for e in self.exercises if e.notebook == notebook and test in e.tests), None)

    @property
    def max_score(self) -> float:
        return sum(c.points for n in self.notebooks for c in n.cells)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Assignment:
        return _build(cls, json.loads(text))

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()


_NESTED: dict[str, type] = {
    "notebooks": Notebook, "cells": Cell, "exercises": Exercise,
    "misconceptions": Wrong, "alternatives": Right, "limits": Limits,
}  # fmt: skip


def _build(cls: type, data: dict[str, Any]) -> Any:
    values = {}
    for key, value in data.items():
        if key in _NESTED:
            nested = _NESTED[key]
            value = tuple(_build(nested, v) for v in value) if isinstance(value, list) else _build(nested, value)
        elif isinstance(value, list):
            value = tuple(value)
        values[key] = value
    return cls(**values)


TestStatus = Literal["passed", "failed", "crashed", "timeout", "missing", "not_run"]


@dataclass
class TestVerdict:
    name: str
    points: float
    max_points: float
    status: TestStatus
    message: str = ""  # for the student: never a hidden input, value or source line
    misconception: str | None = None
    with_reference_for: list[str] = field(default_factory=list)
    notebook: str = ""
    detail: str = ""  # for the teaching staff: the error as it was


@dataclass
class Verdict:
    """How one submission was judged: the document on disk from which everything else is made."""

    assignment: str
    student: str
    status: Literal["graded", "needs_person", "ungradable"]
    score: float
    max_score: float
    tests: list[TestVerdict] = field(default_factory=list)
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    trace: str = ""  # where the grader itself failed, for the staff
    isolation: str = ""
    seconds: float = 0.0
    key: str = ""  # digest of assignment, submission and environment: the same key need not be graded again
    timestamp: str | None = None
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)  # see autograder.engine.grader.Performance
    answers: dict[str, dict[str, str]] = field(default_factory=dict)  # by notebook: see autograder.answers.digests

    schema_version: int = 1

    def to_json(self) -> str:
        return json.dumps(vars(self) | {"tests": [vars(test) for test in self.tests]}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        data = json.loads(text)
        data["tests"] = [TestVerdict(**t) for t in data["tests"]]
        return cls(**data)
