"""The same engine below `nbgrader autograde` and formgrader's button.

One line in a course's nbgrader_config.py is all it takes:

    import autograder.plugin; autograder.plugin.configure(c)

nbgrader converts a submission twice. The first time, `TolerantExporter` reads it in whatever state it is and repairs it
from the instructor's notebook. The second time, `Execute` has it performed and judged by player and referee in their
sandbox, and `SaveVerdict` writes what they found into the gradebook. All else is nbgrader's own.
"""

from __future__ import annotations

import atexit
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader import preprocessors
from nbgrader.converters import Autograde
from traitlets import Enum
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from autograder.files import write_atomically
from autograder.masters import side_files
from autograder.model import Assignment, Verdict

_SANITIZE = {
    preprocessors.ClearOutput: None,  # these four: the exporter has done it already
    preprocessors.DeduplicateIds: None,
    preprocessors.OverwriteKernelspec: None,
    preprocessors.OverwriteCells: None,
}
_GRADE = {
    preprocessors.Execute: "autograder.plugin.Execute",
    preprocessors.SaveAutoGrades: "autograder.plugin.SaveVerdict",
    preprocessors.AssignLatePenalties: None,  # SaveVerdict asks the course's plugin for late submissions
}


def configure(c: Config) -> None:
    """Make a course grade and give feedback through this package. Other steps that the course configured stay."""
    from autograder import feedback

    c.Autograde.exporter_class = "autograder.plugin.TolerantExporter"
    for name, replaced in (("sanitize_preprocessors", _SANITIZE), ("autograde_preprocessors", _GRADE)):
        steps = (replaced.get(_class(step), step) for step in _configured(c, name))
        c.Autograde[name] = [step for step in steps if step is not None]
    feedback.configure(c)


def _configured(c: Config, name: str) -> list[Any]:
    default = list(getattr(Autograde, name).default_args[0])
    value = c.Autograde.get(name, default)
    return value.get_value(default) if isinstance(value, LazyConfigValue) else list(value)


def _class(step: Any) -> Any:
    """nbgrader's class behind a step given by its dotted name."""
    known = {f"{cls.__module__}.{cls.__name__}": cls for cls in (*_SANITIZE, *_GRADE)}
    short = {f"nbgrader.preprocessors.{cls.__name__}": cls for cls in (*_SANITIZE, *_GRADE)}
    return (known | short).get(step, step) if isinstance(step, str) else step


class TolerantExporter(NotebookExporter):
    """Reads a submission in any state and repairs it; what cannot be read is shown as it was released."""

    def from_file(self, file_stream: IO, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        converter: Any = self.parent
        if not converter._sanitizing:  # the second time it is our own notebook
            return super().from_file(file_stream, resources=resources, **kw)
        return self.from_notebook_node(_Submission(self, resources).cleaned(), resources=resources, **kw)


class Execute(preprocessors.Execute):
    """Has a notebook performed and judged in the sandbox. No kernel is started."""

    isolation = Enum(
        ("namespaces", "process"),
        default_value="namespaces",
        help="How far player and referee are walled off: see autograder's documentation on security.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        submission = _Submission(self.parent, resources)
        verdict, graded = submission.judged(self.isolation)
        resources["autograder"] = verdict
        nb.cells, nb.metadata = graded.cells, graded.metadata
        nb.nbformat, nb.nbformat_minor = graded.nbformat, graded.nbformat_minor
        return nb, resources


class SaveVerdict(preprocessors.SaveAutoGrades):
    """Writes the verdict beside the course's others and into the gradebook."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        _Submission(self.parent, resources).save(resources["autograder"])
        return nb, resources


class _Submission:
    """One notebook of a submission that nbgrader has in its hands."""

    def __init__(self, exporter: Any, resources: Any) -> None:
        from autograder.course import Course, load_assignment

        where = resources["nbgrader"]
        self.course = Course.of(exporter.parent.coursedir)
        self.assignment = load_assignment(self.course, where["assignment"])
        self.student, self.name = where["student"], where["notebook"]
        self.folder = self.course.folder(self.course.submitted, self.assignment.name, self.student)

    def cleaned(self) -> NotebookNode:
        from autograder.autograded import clean_notebook
        from autograder.errors import Mismatch, Unreadable
        from autograder.repair import repair
        from autograder.submission import read

        try:
            cells = repair(self.assignment, self.name, read(self._path(self.name))).cells
        except (Unreadable, Mismatch):
            cells = None
        return clean_notebook(self.assignment.notebook(self.name), cells)

    def judged(self, isolation: str) -> tuple[Verdict, NotebookNode]:
        from autograder.answers import digests
        from autograder.autograded import graded_notebook
        from autograder.engine.autograde import Job, judge

        files = side_files(self.course.folder("source", self.assignment.name), self.assignment)
        engine = _engine(self.assignment, self.course.root, isolation, files)
        data = self._path(self.name).read_bytes()
        job = Job(self._part(), self.student, {self.name: data}, (), self._timestamp(), isolation)
        verdict, repaired = judge(job, engine)
        verdict.isolation, verdict.timestamp = isolation, job.timestamp
        verdict.answers = {name: digests(mended.cells) for name, mended in repaired.items()}
        cells = repaired[self.name].cells if self.name in repaired else None
        return verdict, graded_notebook(self.assignment.notebook(self.name), cells, verdict)

    def save(self, verdict: Verdict) -> None:
        from autograder import gradebook

        names = [notebook.name for notebook in self._part().notebooks]
        path = self.course.verdicts / self.assignment.name / f"{self.student}.json"
        handed_in = [n.name for n in self.assignment.notebooks if self._path(n.name).is_file()]
        earlier = None if self.name == min(handed_in) else _earlier(path)  # nbgrader takes them in this order
        write_atomically(path, _merged(earlier, verdict, names, self.assignment).to_json())
        gradebook.record(self.course, self.assignment, [verdict], notebooks=names)

    def _part(self) -> Assignment:
        """The assignment reduced to this notebook, and to those that were not handed in and have no other turn."""
        notebooks = [n for n in self.assignment.notebooks if n.name == self.name or not self._path(n.name).is_file()]
        names = {notebook.name for notebook in notebooks}
        exercises = [exercise for exercise in self.assignment.exercises if exercise.notebook in names]
        return dataclasses.replace(self.assignment, notebooks=tuple(notebooks), exercises=tuple(exercises))

    def _path(self, notebook: str) -> Path:
        return self.folder / f"{notebook}.ipynb"

    def _timestamp(self) -> str | None:
        path = self.folder / "timestamp.txt"
        return path.read_text(encoding="utf-8").strip() or None if path.is_file() else None


def _earlier(path: Path) -> Verdict | None:
    try:
        return Verdict.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _merged(earlier: Verdict | None, verdict: Verdict, names: list[str], assignment: Assignment) -> Verdict:
    """The verdict on all notebooks: the new one, and of the same submission's others what is known already."""
    if earlier is None or earlier.timestamp != verdict.timestamp:
        return verdict
    tests = [test for test in earlier.tests if test.notebook not in names] + verdict.tests
    worst = max(earlier.status, verdict.status, key=("graded", "needs_person", "ungradable").index)
    return dataclasses.replace(
        verdict,
        status=worst,
        tests=tests,
        score=sum(test.points for test in tests),
        max_score=assignment.max_score,
        reason="; ".join(filter(None, dict.fromkeys((earlier.reason, verdict.reason)))),
        notes=list(dict.fromkeys(earlier.notes + verdict.notes)),
        outputs=earlier.outputs | verdict.outputs,
        answers=earlier.answers | verdict.answers,
    )


# Warm graders ---------------------------------------------------------------------------------------------------------

_engines: dict[tuple[Path, str, str], tuple[str, Any]] = {}
"""By course, assignment and isolation: the assignment's digest, and a grader that has learnt it."""


def _engine(assignment: Assignment, root: Path, isolation: str, files: Mapping[str, Path]) -> Any:
    """The grader of this assignment, kept warm until the process ends or the assignment changes."""
    from autograder.engine.autograde import Engine

    key = (root, assignment.name, isolation)
    digest, engine = _engines.get(key) or ("", Engine(isolation))
    if digest != assignment.digest:
        _engines[key] = ("", engine)
        engine.start(assignment, files)
        _engines[key] = (assignment.digest, engine)
    return engine


@atexit.register
def close() -> None:
    """End all warm graders."""
    while _engines:
        _, (_, engine) = _engines.popitem()
        engine.__exit__()
