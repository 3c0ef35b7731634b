"""The main job: a whole class goes through the whole loop, and every verdict is compared with the known truth.

Released, handed in by simulated students, collected from a folder and a zip, graded, returned, reported: by the same
functions as the commands, in a workspace of its own. A verdict that is not the one known beforehand is a surprise.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.collect import collect
from autograder.course import Course, default_course, load_assignment
from autograder.engine.autograde import autograde
from autograder.errors import CourseError
from autograder.feedback import feedback
from autograder.fill import fill
from autograder.masters import WORKSPACE_VARIABLE
from autograder.model import Assignment, Limits
from autograder.release import release
from autograder.report import report
from autograder.simulated import FULL, SHORT, Work, class_of

Document = dict[str, Any]
Progress = Callable[[str, int, int], None]

ASSIGNMENTS = ("00-tour", "06-optimizers")
SEED = 6

LIMITS = Limits(cell_seconds=3.0, test_seconds=5.0, total_seconds=30.0)
"""Shorter than in a course, because two students in every assignment loop for ever; still ample for all others."""


@dataclass
class Kind:
    """The submissions of one kind: how many there were, and how many were judged as they had to be."""

    name: str
    expected: str
    submissions: int = 0
    as_expected: int = 0


@dataclass
class Outcome:
    """What happened to the class. `document` is what `autograder demo --json` prints."""

    students: int
    assignments: list[str]
    kinds: list[Kind] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)  # seconds
    surprises: list[str] = field(default_factory=list)
    reports: list[Path] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def document(self) -> Document:
        return {
            "schema_version": 1,
            "students": self.students,
            "assignments": self.assignments,
            "surprises": self.surprises,
            "seconds": round(self.seconds, 1),
            "report": str(self.reports[-1]),
        }


def demo(students: int = 60, keep: Path | None = None, progress: Progress | None = None) -> Document:
    """Run the loop; see `simulate`. Returns the document of `autograder demo --json`."""
    return simulate(students, keep, progress).document


def simulate(students: int = 60, keep: Path | None = None, progress: Progress | None = None) -> Outcome:
    """Run the loop on a class of `students`, in the folder `keep` or in a temporary one of which only the pages stay.

    The same number of students gives the same class. Raises CourseError if `keep` is not empty.
    """
    started = time.perf_counter()
    with _folder(keep) as root, workspace(root) as course:
        outcome = _Loop(course, students, progress or (lambda doing, done, total: None)).run()
    outcome.seconds = time.perf_counter() - started
    return outcome


class _Loop:
    """One run: the course, the class in it, and the outcome as far as it is known."""

    def __init__(self, course: Course, students: int, progress: Progress) -> None:
        self.course = course
        self.students = [f"student-{number:03d}" for number in range(1, students + 1)]
        self.progress = progress
        self.outcome = Outcome(students, list(ASSIGNMENTS))
        self.rng = random.Random(SEED)

    def run(self) -> Outcome:
        with self._stage("release"):
            released = release(ASSIGNMENTS, course=self.course, progress=self._reporting("release"))
            if not released["ok"]:
                problems = "; ".join(problem for a in released["assignments"] for problem in a["problems"])
                raise CourseError(f"The assignments are not fit for release: {problems}")
        classes = {}
        with self._stage("hand in"):
            for name in ASSIGNMENTS:
                self._lower_limits(name)
                classes[name] = self._hand_in(load_assignment(self.course, name))
        verdicts = {name: self._grade(name) for name in ASSIGNMENTS}
        with self._stage("feedback"):
            for name in ASSIGNMENTS:
                feedback(name, course=self.course, progress=self._reporting(f"feedback {name}"))
        with self._stage("report"):
            self.outcome.reports = [Path(file) for file in report(ASSIGNMENTS, course=self.course)["files"]]
        for name in ASSIGNMENTS:
            self._compare(name, classes[name], verdicts[name])
        return self.outcome

    def _lower_limits(self, name: str) -> None:
        assignment = dataclasses.replace(load_assignment(self.course, name), limits=LIMITS)
        self.course.master(name).write_text(assignment.to_json(), encoding="utf-8")

    def _hand_in(self, assignment: Assignment) -> dict[str, Work]:
        """Each student's work on disk: one half of the class in a folder, the other half in a zip file."""
        works = dict(zip(self.students, class_of(assignment, len(self.students), self.rng), strict=True))
        desk, folder = self._desk(assignment.name) / "filled", self._desk(assignment.name) / "folder"
        with zipfile.ZipFile(self._desk(assignment.name, create=True) / "download.zip", "w") as archive:
            for number, (student, work) in enumerate(works.items()):
                self.progress(f"hand in {assignment.name}", number, len(works))
                for name, content in _files(self.course, assignment, student, work, desk, self.rng):
                    if number % 2:
                        archive.writestr(zipfile.ZipInfo(f"{student}/{name}", (2026, 1, 1, 12, 0, 0)), content)
                    else:
                        (folder / student).mkdir(parents=True, exist_ok=True)
                        (folder / student / name).write_bytes(content)
        shutil.rmtree(desk)
        return works

    def _grade(self, name: str) -> Document:
        with self._stage("collect"):
            handed_in = self._desk(name)
            sources = [path for path in (handed_in / "folder", handed_in / "download.zip") if path.exists()]
            refused = collect(name, sources, course=self.course)["refused"]
            self.outcome.surprises += [f"{name}: not collected: {r['from']}: {r['reason']}" for r in refused]
        with self._stage("autograde"):
            return autograde(name, course=self.course.root, progress=self._reporting(f"autograde {name}"))

    def _compare(self, name: str, works: dict[str, Work], verdicts: Document) -> None:
        judged = {submission["student"]: submission for submission in verdicts["submissions"]}
        assignment = load_assignment(self.course, name)
        for student, work in works.items():
            found = differences(assignment, work, judged.get(student))
            if work.gradable and not any(self.course.folder("feedback", name, student).glob("*.html")):
                found.append("no feedback page")
            self.outcome.surprises += [f"{student}, {name} ({work.kind}): {what}" for what in found]
            kind = self._kind(work)
            kind.submissions += 1
            kind.as_expected += not found

    def _kind(self, work: Work) -> Kind:
        for kind in self.outcome.kinds:
            if kind.name == work.kind:
                return kind
        self.outcome.kinds.append(Kind(work.kind, _expectation(work)))
        return self.outcome.kinds[-1]

    def _desk(self, name: str, create: bool = False) -> Path:
        folder = self.course.root / "handed-in" / name
        if create:
            folder.mkdir(parents=True)
        return folder

    @contextlib.contextmanager
    def _stage(self, stage: str) -> Iterator[None]:
        self.progress(stage, 0, 1)
        started = time.perf_counter()
        yield
        self.outcome.stages[stage] = self.outcome.stages.get(stage, 0.0) + time.perf_counter() - started

    def _reporting(self, stage: str) -> Progress:
        return lambda doing, done, total: self.progress(f"{stage}: {doing}", done, total)


@contextlib.contextmanager
def workspace(root: Path) -> Iterator[Course]:
    """A new course in `root`, which is what every command works in by default meanwhile."""
    before = os.environ.get(WORKSPACE_VARIABLE)
    os.environ[WORKSPACE_VARIABLE] = str(root)
    try:
        yield default_course()
    finally:
        if before is None:
            del os.environ[WORKSPACE_VARIABLE]
        else:
            os.environ[WORKSPACE_VARIABLE] = before


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the demo works: `keep`, or a temporary folder that loses everything but the pages for people."""
    if keep is not None:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise CourseError(f"{keep} is not an empty folder. Give --keep one that is empty or does not exist yet.")
        yield keep.resolve()
        return
    root = Path(tempfile.mkdtemp(prefix="autograder-demo-"))
    try:
        yield root
    finally:
        _remove_all_but_pages(root)


def _remove_all_but_pages(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir() and path.name not in ("report", "feedback"):
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def _files(
    course: Course, assignment: Assignment, student: str, work: Work, desk: Path, rng: random.Random
) -> Iterator[tuple[str, bytes]]:
    """The notebooks that one student hands in: filled by `fill`, then reshaped and renamed as on their way to us."""
    fill(assignment.name, work.answers, desk, student, course=course)
    for path in sorted((desk / student / assignment.name).glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        work.reshape(notebook, rng)
        yield work.filename.format(notebook=path.stem), work.encode(notebook)


def differences(assignment: Assignment, work: Work, submission: Document | None) -> list[str]:
    """What of a verdict is not as it had to be, in words."""
    if submission is None:
        return ["no verdict"]
    if not work.gradable:
        refused = submission["status"] == "ungradable" and submission["score"] == 0 and submission["reason"]
        return [] if refused else [f"expected ungradable with a reason, got {submission['status']}"]
    if submission["status"] != "graded":
        return [f"expected graded, got {submission['status']}: {submission['reason']}"]
    tests = {test["name"]: test for test in submission["tests"]}
    found = []
    for exercise in assignment.exercises:
        judged = [tests[name] for name in exercise.tests if name in tests]
        if len(judged) != len(exercise.tests):
            found.append(f"{exercise.name}: {len(judged)} of {len(exercise.tests)} tests judged")
        elif not _as_known(work.truth[exercise.name], judged):
            found.append(f"{exercise.name}: expected {work.truth[exercise.name]}, got {_described(judged)}")
    if submission["score"] != sum(test["points"] for test in submission["tests"]):
        found.append("the score is not the sum of the tests' points")
    return found


def _as_known(truth: str, tests: list[Document]) -> bool:
    full = all(test["status"] == "passed" and test["points"] == test["max_points"] for test in tests)
    named = {test["misconception"] for test in tests} - {None}
    if truth == FULL:
        return full
    return not full and named == (set() if truth == SHORT else {truth})


def _described(tests: list[Document]) -> str:
    return ", ".join(
        f"{t['name']} {t['status']} {t['points']:g}/{t['max_points']:g}"
        + (f" named {t['misconception']}" if t["misconception"] else "")
        for t in tests
    )


def _expectation(work: Work) -> str:
    if not work.gradable:
        return "ungradable, and why"
    named = [truth for truth in work.truth.values() if truth not in (FULL, SHORT)]
    short = list(work.truth.values()).count(SHORT)
    if named:
        several = {1: "the misconception named", 2: "both misconceptions named"}
        return several.get(len(named), "every misconception named")
    if short == len(work.truth):
        return "no exercise right"
    return "points for what works" if short else "all points"
