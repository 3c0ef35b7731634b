"""What a student runs before handing in: `chainrule check notebook.ipynb`.

The notebook is run from top to bottom in a fresh kernel, its cells are compared with those of its release, and the file
with what the grader takes. The file itself is only read. Hidden tests are not here, and nothing is said about them.

    manifest   what a release says of itself, in the notebook's metadata
    notebook   from a file to cells
    cleanrun   from cells to what became of each; the only module that needs more than Python, namely ipykernel
    findings   from both to what a student should know
    text       that, for a person to read
"""

from __future__ import annotations

import hashlib
import platform
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.check import findings, manifest, notebook

if TYPE_CHECKING:
    from chainrule.check.cleanrun import Run

SCHEMA_VERSION = 1
SECONDS = 60
"""Time limit of one cell. Three times the grader's: a first import is slow on a laptop."""

READY, FALLS_SHORT, UNCHECKED = "ready", "falls_short", "unchecked"
EXIT_STATUS = {READY: 0, FALLS_SHORT: 1, UNCHECKED: 2}


def check(path: Path, seconds: int = SECONDS, assignment: str | None = None) -> dict[str, Any]:
    """The document of `chainrule check --json`.

    Args:
        path: the notebook.
        seconds: time limit of one cell, at least 1.
        assignment: the name of the assignment that it is meant for; None to leave that open.

    Returns:
        JSON data. Its `status` is ready, falls_short (it can be handed in, but) or unchecked.
    """
    document = _blank(path)
    try:
        data = notebook.content(path)
        document["file"] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        document["file"]["saved"] = _iso(path.stat().st_mtime)
        read = notebook.parse(data, path.name)
    except notebook.Unreadable as error:
        return document | {"summary": f"could not be checked: {error}"}
    release = manifest.read(read.metadata)
    done, why_not = _run(read, path, seconds)
    found = findings.find(read, release, done)
    found.problems[:0] = findings.of_file(path, data, read, release, assignment)  # these concern the most
    return document | {
        "assignment": _assignment(release),
        "status": _status(found, why_not),
        "summary": _summary(found, why_not),
        "run": _run_document(done, why_not),
        "exercises": [vars(exercise) for exercise in found.exercises],
        "problems": [vars(problem) for problem in found.problems],
        "notes": found.notes,
    }


def _blank(path: Path) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "status": UNCHECKED,
        "summary": "",
        "file": {"name": path.name, "bytes": None, "sha256": None, "saved": None},
        "checked": _iso(),
        "assignment": None,
        "run": None,
        "exercises": [],
        "problems": [],
        "notes": [],
    }


def _iso(timestamp: float | None = None) -> str:
    moment = datetime.now() if timestamp is None else datetime.fromtimestamp(timestamp)
    return moment.astimezone().isoformat(timespec="seconds")


def _run(read: notebook.Notebook, path: Path, seconds: int) -> tuple[Run | None, str]:
    """What became of the cells; None, and why, where there is nothing to run them with."""
    try:
        from chainrule.check import cleanrun
    except ImportError as error:
        return None, f"{error.name} is not installed"
    try:
        return cleanrun.run(read.cells, path.resolve().parent, seconds), ""
    except cleanrun.CannotRun as error:
        return None, str(error)


# ---- what it comes to


def _status(found: findings.Findings, why_not: str) -> str:
    if why_not:
        return UNCHECKED
    passed = all(exercise.status in ("passed", "untested") for exercise in found.exercises)
    return READY if passed and not found.problems else FALLS_SHORT


def _summary(found: findings.Findings, why_not: str) -> str:
    if why_not:
        return f"could not be checked: {why_not}"
    parts = [_tests(found.exercises), _things(len(found.problems))]
    verdict = "ready to hand in" if _status(found, why_not) == READY else "can be handed in, but falls short"
    return f"{verdict}: {', '.join(filter(None, parts))}"


def _tests(exercises: list[findings.Exercise]) -> str:
    tested = [exercise.status for exercise in exercises if exercise.status != "untested"]
    if not tested:
        return "no visible tests were found"
    others = [f"{tested.count(s)} {s.replace('_', ' ')}" for s in ("failed", "empty", "not_run") if s in tested]
    passed = f"{tested.count('passed')} of {len(tested)} exercises pass their visible tests"
    return passed + (f" ({', '.join(others)})" if others else "")


def _things(problems: int) -> str:
    return f"{problems} thing{'s' if problems > 1 else ''} to look at" if problems else ""


def _assignment(release: manifest.Manifest | None) -> dict[str, Any] | None:
    if release is None:
        return None
    return {
        "name": release.assignment,
        "notebook": release.notebook,
        "version": release.version,
        "digest": release.digest,
    }


def _run_document(done: Run | None, why_not: str) -> dict[str, Any]:
    return {
        "done": done is not None,
        "why_not": why_not,
        "cells": len(done.outcomes) if done else 0,
        "seconds": round(done.seconds, 1) if done else 0.0,
        "python": platform.python_version(),
    }
