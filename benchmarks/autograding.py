"""Throughput of `autograder autograde` in units of plain `nbgrader autograde`, on submissions to 06-optimizers.

Both are started as a user starts them, so both pay for their start and for the gradebook. The submissions are
collected beforehand. nbgrader takes a second or two for each, so it gets a few of the same submissions, and its time
for all of them follows from its times for one and for those few. Scores must be equal. nbgrader grades one submission
after the other and has no option to do otherwise; we use the cores that are there.
"""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import nbgrader
from nbgrader.api import Gradebook

from autograder import gradebook, simulated
from autograder.collect import collect
from autograder.course import Course, load_assignment
from autograder.demo import workspace
from autograder.engine import zygotes
from autograder.engine.autograde import Engine, autograde
from autograder.fill import fill
from autograder.masters import WORKSPACE_VARIABLE
from autograder.release import release
from benchmarks import Result

ASSIGNMENT = "06-optimizers"
SUBMISSIONS, FOR_NBGRADER = 40, 6
SEED = 40

ORDINARY = (simulated.perfect, simulated.alternatives, simulated.misconception, simulated.partly_done)
"""Work that nbgrader scores rightly: without crashes, floods, or warnings on stderr."""

_PLAIN_CONFIG = """\
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.db_url = {db_url!r}
"""


def measure(size: int | None = None) -> list[Result]:
    """One result: how many times nbgrader's throughput ours is, on `size` submissions (40 by default)."""
    submissions = max(size or SUBMISSIONS, 2)
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as folder:
        with workspace(Path(folder) / "ours") as course:
            _hand_in(course, submissions)
        theirs = _plain_copy(course, Path(folder) / "nbgrader", keep=min(FOR_NBGRADER, submissions))
        ours = [_autograder(course)]
        their_seconds, their_scores = _nbgrader(theirs, submissions)
        ours += [_autograder(course) for _ in range(2)]  # before and after: the machine may be busy for a while
        seconds, scores = statistics.median(seconds for seconds, _ in ours), ours[0][1]
        shares = _shares(course)
    if unequal := {s: (scores[s], score) for s, score in their_scores.items() if abs(scores[s] - score) > 1e-9}:
        raise AssertionError(f"autograder and nbgrader must agree, but scored (ours, nbgrader's): {unequal}")
    _tell(f"autograder: {seconds / submissions * 1000:.0f} ms a submission, {seconds:.1f} s for {submissions}")
    _tell(
        f"nbgrader: {their_seconds / submissions * 1000:.0f} ms a submission, {their_seconds:.1f} s for {submissions}"
    )
    name = f"throughput on {submissions} submissions of {ASSIGNMENT}"
    peer = {f"nbgrader {nbgrader.__version__}": 1.0}
    return [Result("autograding", name, their_seconds / seconds, 20.0, "higher", against=peer, shares=shares)]


def _hand_in(course: Course, submissions: int) -> None:
    rng = random.Random(SEED)
    release([ASSIGNMENT], course=course)
    assignment = load_assignment(course, ASSIGNMENT)
    for number in range(submissions):
        student = f"student-{number:03d}"
        work = ORDINARY[number % len(ORDINARY)](assignment, rng)
        fill(ASSIGNMENT, work.answers, course.root / "handed-in", student, course=course)
    collect(ASSIGNMENT, [course.root / "handed-in"], course=course)


def _plain_copy(course: Course, root: Path, keep: int) -> Course:
    """The same course without our engine: nbgrader's own preprocessors, the same masters, the first few students."""
    shutil.copytree(course.root, root)
    shutil.rmtree(root / "handed-in")
    database = f"sqlite:///{root / 'gradebook.db'}"
    config = _PLAIN_CONFIG.format(root=str(root), course_id=course.course_id, db_url=database)
    (root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for student in sorted((root / "submitted").iterdir())[keep:]:
        shutil.rmtree(student)
    return Course(root)


def _autograder(course: Course) -> tuple[float, dict[str, float]]:
    """Seconds, and the score of each student."""
    command = [sys.executable, "-m", "autograder", "autograde", ASSIGNMENT, "--force", "--json"]
    seconds, document = _timed(command, course)
    submissions: list[dict[str, Any]] = json.loads(document)["submissions"]
    return seconds, {submission["student"]: submission["score"] for submission in submissions}


def _nbgrader(course: Course, submissions: int) -> tuple[float, dict[str, float]]:
    """Seconds for `submissions`, reckoned from the times for one student and for all in `course`; and their scores."""
    students = sorted(path.name for path in (course.root / "submitted").iterdir())
    command = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
    for_one, _ = _timed([*command, "--student", students[0]], course)
    for_all, _ = _timed([*command, "--force"], course)
    for_each_further = (for_all - for_one) / (len(students) - 1)
    with Gradebook(course.db_url, course_id=course.course_id) as gradebook:
        scores = {student: gradebook.find_submission(ASSIGNMENT, student).score for student in students}
    return for_one + (submissions - 1) * for_each_further, scores


STAGES: dict[str, list[tuple[type | ModuleType, str]]] = {
    "start: zygotes, reference solution": [(Engine, "start")],
    "namespaces: a submission's processes, a referee's": [
        (zygotes.Submission, "__init__"), (zygotes.Moment, "fork"), (zygotes.Referee, "_start"),
    ],
    "student code: the notebook's cells": [(zygotes.Moment, "run")],
    "wire: tests and probes, with what they call": [(zygotes.Referee, "judge")],
    "gradebook: graded notebooks, database": [(gradebook, "record"), (gradebook, "write_autograded")],
}  # fmt: skip
"""What is timed, on one worker; a call inside another one counts for itself only."""


def _shares(course: Course) -> dict[str, float]:
    """Shares of the wall time of `autograde` with one worker, in this process."""
    spent = dict.fromkeys(STAGES, 0.0)
    inside: list[float] = [0.0]  # time that calls within the present one have taken, innermost last

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **keywords: Any) -> Any:
            if threading.current_thread().name.startswith("learn"):
                return function(*args, **keywords)
            inside.append(0.0)
            started = time.perf_counter()
            try:
                return function(*args, **keywords)
            finally:
                whole = time.perf_counter() - started
                spent[stage] += whole - inside.pop()
                inside[-1] += whole

        return wrapper

    with ExitStack() as patches:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                patches.enter_context(mock.patch.object(owner, name, timed(stage, getattr(owner, name))))
        started = time.perf_counter()
        autograde(ASSIGNMENT, course=course.root, workers=1, force=True)
        whole = time.perf_counter() - started
    spent["the rest: reading, repair, verdicts"] = whole - sum(spent.values())
    return {stage: seconds / whole for stage, seconds in spent.items()}


def _timed(command: list[str], course: Course) -> tuple[float, str]:
    """Seconds, and what the command printed."""
    environment = os.environ | {WORKSPACE_VARIABLE: str(course.root)}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=course.root, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds, done.stdout


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
