"""Grades all submissions of an assignment: verdicts on disk first, then one write into the gradebook.

A verdict is keyed by the hashes of the assignment, the submission and the environment. A run that was killed at any
instant is simply run again: what has a verdict under its key is not graded twice, and nothing enters the gradebook
twice. One submission that fails in whatever way never stops the others.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autograder
from autograder.engine import verdicts
from autograder.engine.grader import Graded, Grader
from autograder.engine.walls import EVERYTHING
from autograder.errors import CourseError, Mismatch, Unreadable
from autograder.files import write_atomically
from autograder.masters import early_master, side_files
from autograder.model import Assignment, Verdict
from autograder.repair import Repaired, RepairedCell, repair
from autograder.submission import MAX_BYTES, read

if TYPE_CHECKING:
    from autograder.course import Course

Progress = Callable[[str, int, int], None]


def autograde(
    name: str,
    *,
    course: Path | None = None,
    students: Sequence[str] = (),
    workers: int | None = None,
    isolation: str = "namespaces",
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Grade the assignment in a course directory (default: the repository's workspace); the document of `autograde`.

    students: only these. force: grade again what has a verdict. dry_run: grade, and write nothing.
    Raises CourseError where nothing can be graded: no such assignment or student, no sandbox.
    """
    with Engine(isolation) as engine:
        engine.start_early(course, name)  # the zygotes warm up while nbgrader is imported, which takes as long
        from autograder import gradebook
        from autograder.course import Course, default_course, load_assignment

        place = Course(course) if course else default_course()
        assignment = load_assignment(place, name)
        files = side_files(place.folder("source", assignment.name), assignment)
        material = " ".join(f"{name}:{_digest(path)}" for name, path in sorted(files.items()))
        jobs = _jobs(place, assignment, students, isolation, material, force)
        if any(job.known is None for job in jobs):
            engine.start(assignment, files)

        def one(job: Job) -> Verdict:
            return job.known or _grade(job, place, engine, write=not dry_run)

        found: list[Verdict] = []
        try:
            with _executor(workers) as executor:
                for verdict in executor.map(one, jobs):
                    found.append(verdict)
                    if progress:
                        progress("grading", len(found), len(jobs))
        finally:  # what is graded is graded, also when a dead sandbox or a full disk ends the run
            if found and not dry_run:
                gradebook.record(place, assignment, found)
        return document(assignment, found)


def document(assignment: Assignment, found: Sequence[Verdict]) -> dict[str, Any]:
    submissions = []
    for verdict in found:
        tests = [asdict(test) for test in verdict.tests]
        for test in tests:
            del test["detail"]  # for staff: it stays in the verdict on disk
        kept = ("student", "status", "reason", "score", "max_score", "isolation", "seconds", "notes")
        submissions.append({key: getattr(verdict, key) for key in kept} | {"tests": tests})
    return {"schema_version": 1, "assignment": assignment.name, "submissions": submissions}


@dataclass(frozen=True)
class Job:
    """One submission to grade. `known` is its verdict from an earlier run, if that still holds."""

    assignment: Assignment
    student: str
    files: Mapping[str, Path | bytes]  # by notebook: where it is, or what is in it
    notes: tuple[str, ...]
    timestamp: str | None
    isolation: str
    material: str = ""  # digest of the side files that the notebooks read
    known: Verdict | None = None

    @functools.cached_property
    def key(self) -> str:
        environment = environment_digest(self.isolation, EVERYTHING in self.assignment.packages)
        parts = [self.assignment.digest, environment, self.material, self.timestamp or ""]
        parts += [f"{name}:{_digest(file)}" for name, file in sorted(self.files.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _digest(file: Path | bytes) -> str:
    if isinstance(file, bytes):
        return hashlib.sha256(file).hexdigest()
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


@functools.cache
def environment_digest(isolation: str, everything: bool = False) -> str:
    """What a verdict depends on beside the assignment and the submission. everything: all that is installed."""
    packages = {"chainrule", "numpy", "ipython", "matplotlib", "msgpack"}
    if everything:
        packages |= {distribution.metadata["Name"] for distribution in distributions()}
    parts = [autograder.__version__, platform.python_version(), isolation]
    parts += [f"{name} {version(name)}" for name in sorted(packages)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _jobs(
    course: Course, assignment: Assignment, students: Sequence[str], isolation: str, material: str, force: bool
) -> list[Job]:
    folders = course.submissions(assignment.name)
    if unknown := sorted(set(students) - folders.keys()):
        raise CourseError(
            f"no submission of {assignment.name} by {', '.join(unknown)}: "
            f"`autograder collect {assignment.name} SOURCE` brings submissions in"
        )
    jobs = []
    for student in sorted(set(students) or folders):
        files, notes = _find_files(folders[student], assignment)
        job = Job(assignment, student, files, notes, _timestamp(folders[student]), isolation, material)
        jobs.append(job if force else replace(job, known=_known(course, job)))
    return jobs


def _find_files(folder: Path, assignment: Assignment) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Where each notebook of the submission is, also if its file was renamed on a way other than `collect`."""
    files: dict[str, Path] = {}
    notes: list[str] = []
    present = {path.stem: path for path in sorted(folder.glob("*.ipynb")) if path.is_file()}
    for notebook in assignment.notebooks:
        if notebook.name in present:
            files[notebook.name] = present.pop(notebook.name)
    for notebook in assignment.notebooks:
        if notebook.name not in files and present:
            ids = [cell.grade_id.encode() for cell in notebook.cells if cell.grade_id]
            known = {stem: _count(path, ids) for stem, path in present.items()}
            stem = max(known, key=known.__getitem__)
            files[notebook.name] = present.pop(stem)
            notes.append(f"{stem}.ipynb was taken for {notebook.name}.ipynb")
    return files, tuple(notes)


def _count(path: Path, ids: Sequence[bytes]) -> int:
    """How many of the ids occur in the file."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES)
    except OSError:
        return 0
    return sum(id in data for id in ids)


def _timestamp(folder: Path) -> str | None:
    try:
        return (folder / "timestamp.txt").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _path(course: Course, job: Job) -> Path:
    return course.verdicts / job.assignment.name / f"{job.student}.json"


def _known(course: Course, job: Job) -> Verdict | None:
    try:
        verdict = Verdict.from_json(_path(course, job).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return verdict if verdict.key == job.key else None


def _grade(job: Job, course: Course, engine: Engine, *, write: bool) -> Verdict:
    """Grade one submission; the autograded notebook and the verdict are on disk when this returns."""
    from autograder import gradebook

    started = time.monotonic()
    verdict, repaired = judge(job, engine)
    verdict.notes = [*job.notes, *verdict.notes]
    verdict.isolation, verdict.timestamp = job.isolation, job.timestamp
    verdict.key = "" if verdict.trace else job.key  # what failed by a fault of ours is tried again
    verdict.seconds = round(time.monotonic() - started, 3)
    if not write:
        return verdict
    cells = {name: mended.cells for name, mended in repaired.items()}
    try:
        gradebook.write_autograded(course, job.assignment, job.student, cells, verdict)
        write_atomically(_path(course, job), verdict.to_json())
    except OSError:  # a full disk, a folder that is read-only: that concerns all
        raise
    except Exception as error:  # something in this submission that cannot be written
        verdict = replace(_our_fault(job, error), isolation=job.isolation, timestamp=job.timestamp)
        gradebook.write_autograded(course, job.assignment, job.student, {}, verdict)
        write_atomically(_path(course, job), verdict.to_json())
    return verdict


def judge(job: Job, engine: Engine) -> tuple[Verdict, dict[str, Repaired]]:
    """The verdict on one submission, and its repaired notebooks. Never raises for what a submission contains;
    CourseError when the sandbox has died twice."""
    if not job.files:
        return verdicts.ungradable(job.assignment, job.student, "no notebook was handed in"), {}
    repaired: dict[str, Repaired] = {}
    unreadable: dict[str, str] = {}
    try:
        for name, file in job.files.items():
            try:
                repaired[name] = repair(job.assignment, name, read(file))
            except (Unreadable, Mismatch) as error:
                unreadable[name] = error.reason
        if not repaired:
            return verdicts.ungradable(job.assignment, job.student, "; ".join(unreadable.values())), {}
        graded = {name: engine.grade(name, mended.cells) for name, mended in repaired.items()}
        return verdicts.verdict(job.assignment, job.student, repaired, graded, unreadable), repaired
    except CourseError:  # not this submission's fault: the run ends, and the next one goes on here
        raise
    except Exception as error:  # a fault of ours must not cost the others their grades
        return _our_fault(job, error), {}


def _our_fault(job: Job, error: Exception) -> Verdict:
    """To be called while the error is handled."""
    reason = f"the grader itself failed ({type(error).__name__}); the verdict's file says where"
    return replace(verdicts.ungradable(job.assignment, job.student, reason), trace=traceback.format_exc())


class Engine:
    """A grader that learns in the background, and is started again when its sandbox dies."""

    def __init__(self, isolation: str) -> None:
        self._isolation, self._lock = isolation, threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="learn")
        self._grader: Grader | None = None
        self._learning: Future[None] | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._grader:
            self._grader.close()
        self._background.shutdown()

    def start_early(self, course: Path | None, name: str) -> None:
        """If the assignment is one of our own, all that the zygotes need is in one file."""
        if (assignment := early_master(course, name)) and not assignment.files:
            self._start(assignment, {})

    def start(self, assignment: Assignment, files: Mapping[str, Path]) -> None:
        """Ready to grade when this returns. Raises CourseError if the reference does not pass its own tests."""
        if self._grader is None or self._grader.assignment.digest != assignment.digest:
            self._start(assignment, files)
        self._wait()

    def grade(self, name: str, cells: Sequence[RepairedCell]) -> Graded:
        """What `Grader.grade` finds. To be called after `start`."""
        grader = self._wait()
        try:
            return grader.grade(name, cells)
        except Exception:  # also what comes of sockets that another thread has closed
            if not grader.has_ended:
                raise
        with self._lock:
            if self._grader is grader:
                self._start(grader.assignment, self._files)
        return self._wait().grade(name, cells)

    def _wait(self) -> Grader:
        assert self._grader is not None
        assert self._learning is not None
        self._learning.result()
        return self._grader

    def _start(self, assignment: Assignment, files: Mapping[str, Path]) -> None:
        if self._grader:
            self._grader.close()
        self._files = files
        self._grader = Grader(assignment, self._isolation, files)
        self._learning = self._background.submit(_learn, self._grader)


def _learn(grader: Grader) -> None:
    for notebook, tests in grader.learn().items():
        for test, answer in tests.items():
            if answer["status"] != "passed" and not grader.assignment.shared_tests:
                raise CourseError(
                    f"the reference solution does not pass {test} of {notebook} on this machine "
                    f"({answer['status']}: {answer.get('message', '')}). Nothing was graded; "
                    f"`autograder verify {grader.assignment.name}` says more"
                )


def _executor(workers: int | None) -> Executor:
    """Threads: each waits for processes that do the work. One more than there are cores, as two take turns waiting."""
    return ThreadPoolExecutor(workers or len(os.sched_getaffinity(0)) + 1)
