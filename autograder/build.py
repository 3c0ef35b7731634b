"""From an instructor's text files to an assignment: `solutions/NN-topic/` becomes a notebook and an `Assignment`.

    topic.py            the notebook in jupytext's percent format, with solutions, hidden tests and nbgrader's metadata;
                        lines `#: code` in a solution are what students get in its place, code to mend
    misconceptions.py   known-wrong versions and probes, alternatives.py known-right ones (see `autograder.banks`)
    assignment.toml     title, due date, limits, what each exercise depends on (see `autograder.policy`)

Otherwise what a student gets of a cell is what nbgrader's own preprocessors leave of it. The same input gives the same
bytes.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import jupytext
import nbformat
from chainrule.check import manifest
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator, SchemaTooNewError, SchemaTooOldError, ValidationError
from nbgrader.preprocessors import SaveCells

from autograder import banks, expand, policy, submission
from autograder.cells import as_cell, grade_id, role_of
from autograder.errors import CourseError
from autograder.model import Assignment, Cell, Exercise, Notebook, Role
from autograder.students_version import CONFIG, PREPROCESSORS
from autograder.wire.names import parse

REPOSITORY = Path(__file__).resolve().parents[1]


_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_OWN_METADATA = ("nbgrader", "tags", "jupyter", "cellView")  # the last two fold a cell's code away: JupyterLab, Colab
_JUPYTEXT_METADATA = ("title", "lines_to_next_cell", "lines_to_end_of_cell_marker")
_TEST = re.compile(r"(?P<exercise>.+?)-(?P<kind>visible|hidden)(-\d+)?")
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what nbformat 4.5 allows as a cell's id


@dataclass(frozen=True)
class Built:
    """One assignment, built."""

    folder: Path
    assignment: Assignment
    source: NotebookNode  # the instructor's notebook: solutions, hidden tests
    released: NotebookNode  # what a student gets

    @property
    def notebook(self) -> str:
        """The notebook's name, as in `NAME.ipynb`."""
        return self.assignment.notebooks[0].name

    def side_files(self) -> dict[str, bytes]:
        """Path below the assignment's folder -> content."""
        return {name: (self.folder / name).read_bytes() for name in self.assignment.files}

    def released_files(self) -> dict[str, bytes]:
        """Everything that a student gets, as it is written to disk."""
        return {f"{self.notebook}.ipynb": text_of(self.released).encode(), **self.side_files()}


def names(repository: Path = REPOSITORY) -> list[str]:
    """The assignments that have a folder in solutions/, in order."""
    return sorted(p.parent.name for p in (repository / "solutions").glob(f"*/{policy.FILE}"))


def build_named(name: str, repository: Path = REPOSITORY) -> Built:
    """Builds `solutions/NAME`; CourseError names the assignments that exist."""
    if name not in names(repository):
        known = ", ".join(names(repository)) or "none"
        raise CourseError(f"unknown assignment {name!r}; {repository / 'solutions'} has: {known}")
    return build(repository / "solutions" / name)


def build(folder: Path) -> Built:
    """The assignment in `folder`. Raises CourseError, naming file and cell, for whatever could not be graded later."""
    path = _notebook_file(folder)
    rules = policy.read(folder)
    source = _read(path)
    _check_syntax(source, path)
    released = _release(source, path)
    roles = [role_of(cell) for cell in source.cells]
    exercises = _exercises(source, roles, folder, rules, path)
    solutions = {grade_id(c): (c.source, r.source) for c, r in zip(source.cells, released.cells, strict=True)}
    expand.check_versions(exercises, solutions)
    expand.expand_banks(source, released, exercises, solutions, path)
    assignment = Assignment(
        name=folder.name,
        title=rules.title,
        notebooks=(Notebook(path.stem, _cells(source, released)),),
        exercises=exercises,
        version=rules.version,
        minutes=rules.minutes,
        due=rules.due,
        sealed=rules.sealed,
        limits=rules.limits,
        run_explore=rules.run_explore,
        files=_side_files(folder, rules.files),
    )
    for notebook in (source, released):  # nbgrader makes the second from the first, and both have to agree
        notebook.metadata[manifest.KEY] = _manifest(assignment)
    return Built(folder, assignment, source, released)


def _manifest(assignment: Assignment) -> dict[str, Any]:
    """What `chainrule check` compares a student's notebook with; on Colab there is no other place for it."""
    notebook = assignment.notebooks[0]
    return manifest.for_release(
        notebook.cells,
        assignment=assignment.name,
        notebook=notebook.name,
        version=assignment.version,
        max_bytes=submission.MAX_BYTES,
        cell_seconds=assignment.limits.cell_seconds,
    )


def text_of(notebook: NotebookNode) -> str:
    """The notebook as nbconvert writes it to disk."""
    return nbformat.writes(notebook, version=4) + "\n"


# ---- reading the notebook


def _notebook_file(folder: Path) -> Path:
    found = sorted(p for p in folder.glob("*.py") if p.name not in (banks.MISCONCEPTIONS, banks.ALTERNATIVES))
    if len(found) != 1:
        has = ", ".join(p.name for p in found) or "none"
        raise CourseError(f"{folder}: expected one notebook as .py beside the banks, found {has}")
    return found[0]


def _read(path: Path) -> NotebookNode:
    """The instructor's notebook, with cell ids and metadata that depend on nothing but the file's text."""
    read = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    notebook = nbformat.v4.new_notebook(metadata=copy.deepcopy(_KERNEL), nbformat_minor=5)
    repeats: Counter[str] = Counter()
    for number, cell in enumerate(read.cells, 1):
        metadata = _metadata(dict(cell.metadata), f"{path.parent.name}/{path.name}, cell {number}")
        text = f"{cell.cell_type}\n{cell.source}"
        repeats[text] += 1
        digest = hashlib.sha256(f"{repeats[text]}\n{text}".encode()).hexdigest()[:16]
        new = getattr(nbformat.v4, f"new_{cell.cell_type}_cell")
        known = metadata.get("nbgrader", {}).get("grade_id")
        notebook.cells.append(new(cell.source, metadata=metadata, id=known or digest))
    return notebook


def _metadata(metadata: dict[str, Any], where: str) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in _JUPYTEXT_METADATA}
    for key in kept:
        if key not in _OWN_METADATA:
            raise CourseError(f"{where}: unknown metadata {key!r}; known: {', '.join(_OWN_METADATA)}")
    if "nbgrader" in kept:
        kept["nbgrader"] = _nbgrader_metadata(kept["nbgrader"], where)
    return kept


_NBGRADER_METADATA = {"grade": bool, "grade_id": str, "locked": bool, "schema_version": int, "solution": bool}


def _nbgrader_metadata(given: dict[str, Any], where: str) -> dict[str, Any]:
    for key, kind in _NBGRADER_METADATA.items():
        if type(given.get(key)) is not kind:
            raise CourseError(f"{where}: nbgrader's {key} is {given.get(key)!r}; expected {kind.__name__}")
    if not _GRADE_ID.fullmatch(given["grade_id"]):
        raise CourseError(
            f"{where}: grade_id {given['grade_id']!r}; expected at most 64 letters, digits, '-' and '_', "
            "because it is the cell's id too"
        )
    points = given.get("points", 0)
    if given["grade"] and not (type(points) in (int, float) and 0 < points < float("inf")):
        raise CourseError(f"{where}: {given['grade_id']!r} is graded with points {points!r}; expected a number above 0")
    return {**given, "task": given.get("task", False)}


def _check_syntax(notebook: NotebookNode, path: Path) -> None:
    for cell in notebook.cells:
        try:
            if cell.cell_type == "code":
                parse(cell.source)
        except SyntaxError as error:
            where = f"{path.parent.name}/{path.name}, cell {cell.id!r}, line {error.lineno}"
            raise CourseError(f"{where}: {error.msg}; a code cell is Python, with IPython's magics") from error


# ---- what a student gets


def _release(source: NotebookNode, path: Path) -> NotebookNode:
    try:
        MetadataValidator().validate_nb(source)
        return _preprocess(source)
    except _REFUSALS as error:
        raise CourseError(f"{path.parent.name}/{path.name}{_culprit(source)}: nbgrader says: {error}") from error


_REFUSALS = (RuntimeError, ValidationError, SchemaTooOldError, SchemaTooNewError)


def _preprocess(source: NotebookNode) -> NotebookNode:
    """What nbgrader's generate_assignment does to a notebook, without its database."""
    notebook: NotebookNode = copy.deepcopy(source)
    resources: dict[str, Any] = {}
    quiet = logging.Logger(
        "generate_assignment", logging.CRITICAL
    )  # the error says it; nbgrader would print it as well
    for preprocessor in PREPROCESSORS:
        if preprocessor is not SaveCells:
            notebook, resources = preprocessor(config=CONFIG, log=quiet)(notebook, resources)
    return notebook


def _culprit(source: NotebookNode) -> str:
    """Which cell nbgrader refuses, found by showing it one at a time; "" where it is none on its own."""
    for cell in source.cells:
        alone = nbformat.v4.new_notebook(metadata=source.metadata, nbformat_minor=5, cells=[cell])
        try:
            MetadataValidator().validate_nb(alone)
            _preprocess(alone)
        except _REFUSALS:
            return f", cell {cell.id!r}"
    return ""


# ---- what the cells are


def _cells(source: NotebookNode, released: NotebookNode) -> tuple[Cell, ...]:
    return tuple(as_cell(cell, shown.source) for cell, shown in zip(source.cells, released.cells, strict=True))


def _exercises(
    source: NotebookNode, roles: Sequence[Role], folder: Path, rules: policy.Policy, path: Path
) -> tuple[Exercise, ...]:
    known = [cell.id for cell, role in zip(source.cells, roles, strict=True) if role == "solution"]
    if not known:
        raise CourseError(
            f"{path.parent.name}/{path.name} has no exercise; expected a cell with nbgrader's solution true"
        )
    tests: dict[str, list[str]] = {name: [] for name in known}
    for cell, role in zip(source.cells, roles, strict=True):
        if role == "test":
            tests[_exercise_tested(cell, known, path)].append(cell.id)
    _check_rules(rules, known, folder)
    bank = banks.read(folder, known)
    return tuple(
        Exercise(
            name=name,
            notebook=path.stem,
            tests=tuple(tests[name]),
            probe=bank[name].probe,
            misconceptions=tuple(bank[name].misconceptions),
            alternatives=tuple(bank[name].alternatives),
            **vars(rules.exercises.get(name, policy.ExercisePolicy())),
        )
        for name in known
    )


def _exercise_tested(cell: NotebookNode, known: Sequence[str], path: Path) -> str:
    where = f"{path.parent.name}/{path.name}, test {cell.id!r}"
    match = _TEST.fullmatch(cell.id)
    if not match or match["exercise"] not in known:
        raise CourseError(
            f"{where} belongs to no exercise; call it EXERCISE-visible or EXERCISE-hidden, where EXERCISE is one of: "
            + (", ".join(known) or "none")
        )
    hides = "BEGIN HIDDEN TESTS" in cell.source
    if hides != (match["kind"] == "hidden"):
        advice = "call it a hidden test" if hides else "put its tests between ### BEGIN and ### END HIDDEN TESTS"
        raise CourseError(f"{where} {'hides tests' if hides else 'hides nothing'}, unlike its name; {advice}")
    if match["kind"] == "visible" and "raises-exception" not in cell.metadata.get("tags", ()):
        raise CourseError(
            f'{where} lacks tags=["raises-exception"], without which Run All stops at an unsolved exercise'
        )
    return match["exercise"]


def _check_rules(rules: policy.Policy, known: Sequence[str], folder: Path) -> None:
    for name, rule in rules.exercises.items():
        if name not in known:
            raise CourseError(
                f"{folder.name}/{policy.FILE}: unknown exercise {name!r}; the notebook has: {', '.join(known)}"
            )
        earlier = known[: known.index(name)]
        for needed in rule.depends:
            if needed not in earlier:
                raise CourseError(
                    f"{folder.name}/{policy.FILE}: exercises.{name}.depends has {needed!r}; "
                    f"expected exercises before it: {', '.join(earlier) or 'there is none'}"
                )


def _side_files(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    for file in files:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or path.suffix in (".py", ".ipynb", ".toml", ".pyc"):
            raise CourseError(f"{folder.name}/{policy.FILE}: files has {file!r}; expected a data file below the folder")
        if not (folder / file).is_file():
            raise CourseError(f"{folder.name}/{policy.FILE}: files has {file!r}, but {folder / file} does not exist")
    return tuple(files)
