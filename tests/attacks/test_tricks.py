"""Every trick, in one batch with honest work: no point more, nothing carried out, everyone graded, nothing survives."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.engine import autograde as batch
from autograder.feedback import feedback
from autograder.model import Verdict

from .tricks import TRICKS, Trick
from .vault import FULL, NAME, RIGHT, SECRETS, WRONG, notebook

HONEST = {"aaa-honest": {}, "zzz-honest": {}}
TWINS = {f"wrong-{exercise}": {exercise: source} for exercise, source in WRONG.items()}


@dataclass(frozen=True)
class Batch:
    root: Path
    submissions: dict[str, dict[str, Any]]  # by student, from the document of `autograde`
    before: frozenset[str]  # files beside the course that were there before


def submission(trick: Trick) -> nbformat.NotebookNode:
    answers = {exercise: f"@note\n{RIGHT[exercise]}" for exercise in trick.decorated}
    return notebook(answers | {trick.exercise: trick.source}, trick.before, trick.after)


@pytest.fixture(scope="module")
def graded(course) -> Batch:
    notebooks = {student: notebook(answers) for student, answers in (HONEST | TWINS).items()}
    notebooks |= {trick.name: submission(trick) for trick in TRICKS}
    root = course({student: nbformat.writes(nb) for student, nb in notebooks.items()})
    before = _files_around()
    document = batch.autograde(NAME, course=root)
    feedback(NAME, course=Course(root))
    return Batch(root, {s["student"]: s for s in document["submissions"]}, before)


def _files_around() -> frozenset[str]:
    return frozenset(name for folder in ("/tmp", "/dev/shm", "/var/tmp") for name in os.listdir(folder))


def test_the_table_is_sound():
    assert len({trick.name for trick in TRICKS}) == len(TRICKS) >= 60
    assert {trick.kind[0] for trick in TRICKS} == set("ABCD")
    for trick in TRICKS:
        assert not any(secret in trick.source for secret in SECRETS)


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_no_point_is_gained(graded, trick):
    found = graded.submissions[trick.name]
    most = FULL if trick.right else graded.submissions[f"wrong-{trick.exercise}"]["score"] + trick.earns
    assert found["status"] == "graded", found["reason"]
    assert found["score"] <= most, [(test["name"], test["points"]) for test in found["tests"]]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_nothing_is_carried_out(graded, trick):
    shown = {"document": json.dumps(graded.submissions[trick.name])}
    verdict = Verdict.from_json((graded.root / "verdicts" / NAME / f"{trick.name}.json").read_text())
    shown["outputs"] = json.dumps(verdict.outputs)
    shown |= {p.name: p.read_text() for p in (graded.root / "feedback" / trick.name).rglob("*") if p.is_file()}
    assert f"{NAME}.html" in shown
    leaks = [(where, secret) for where, text in shown.items() for secret in SECRETS if secret in text]
    assert leaks == []


def test_others_are_graded_as_ever(graded):
    for student in HONEST:
        assert graded.submissions[student]["score"] == FULL
    for student in TWINS:
        assert graded.submissions[student]["score"] < FULL


def test_the_gradebook_says_the_same(graded):
    with Gradebook(f"sqlite:///{graded.root}/gradebook.db") as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions(NAME)}
    assert scores == {student: found["score"] for student, found in graded.submissions.items()}


def test_nothing_survives(graded):
    assert not any("attack-daemon" in command for command in _commands())
    assert not {name for name in _files_around() - graded.before if "noted" in name or "attack" in name}


def _commands() -> list[str]:
    commands = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                commands.append((process / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return commands
