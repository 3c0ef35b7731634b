"""Graded notebooks as `nbgrader autograde` leaves them, where formgrader and feedback look for them.

Test cells hold the instructor's full text. Their outputs tell the verdict in such a way that nbgrader's own
`determine_grade` reads the same score from them: no output means full marks, a number as the result partial marks, an
error none.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.validator import ValidationError, validate
from nbgrader.utils import compute_checksum

from autograder.answers import digest
from autograder.cells import grade_id
from autograder.course import Course
from autograder.files import write_atomically
from autograder.model import Assignment, Cell, Notebook, TestVerdict, Verdict
from autograder.repair import RepairedCell

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}

_ERRORS = {
    "failed": "TestFailed",
    "crashed": "SubmissionCrashed",
    "timeout": "TimedOut",
    "missing": "NotFound",
    "not_run": "NotRun",
    "ungradable": "Ungradable",
}


def write_autograded(
    course: Course,
    assignment: Assignment,
    student: str,
    repaired: Mapping[str, Sequence[RepairedCell]],
    verdict: Verdict,
) -> Path:
    """Write the graded notebooks of one submission and return their folder.

    A notebook that is not in `repaired` is shown as it was released.
    """
    folder = course.folder(course.autograded, assignment.name, student)
    for notebook in assignment.notebooks:
        graded = graded_notebook(notebook, repaired.get(notebook.name), verdict)
        write_atomically(folder / f"{notebook.name}.ipynb", json.dumps(graded, ensure_ascii=False) + "\n")
    stamp = course.folder(course.submitted, assignment.name, student) / "timestamp.txt"
    if stamp.is_file():
        write_atomically(folder / stamp.name, stamp.read_text(encoding="utf-8"))
    else:
        (folder / stamp.name).unlink(missing_ok=True)
    return folder


def clean_notebook(notebook: Notebook, repaired: Sequence[RepairedCell] | None) -> NotebookNode:
    """One notebook of a submission in nbgrader's shape, valid nbformat 4.5, without outputs; None: as released."""
    masters = {cell.grade_id: cell for cell in notebook.cells if cell.grade_id}
    shown = _as_released(notebook) if repaired is None else repaired
    cells = [_notebook_cell(index, cell, masters.get(cell.grade_id or "")) for index, cell in enumerate(shown)]
    metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    # nbformat's own constructors validate cell by cell, which takes four times as long as all the rest.
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def graded_notebook(notebook: Notebook, repaired: Sequence[RepairedCell] | None, verdict: Verdict) -> NotebookNode:
    """The same with the student's own outputs, and the verdict as the output of each test."""
    tests = {test.name: test for test in verdict.tests if test.notebook in ("", notebook.name)}
    outputs = verdict.outputs.get(notebook.name, {})
    masters = {cell.grade_id: cell for cell in notebook.tests if cell.grade_id}
    graded = clean_notebook(notebook, repaired)
    for index, cell in enumerate(graded.cells):
        master = masters.get(grade_id(cell) or "")
        if master is not None:
            cell.outputs = _verdict_outputs(master, verdict, tests.get(master.grade_id or ""))
        elif cell.cell_type == "code":
            performed = outputs.get(str(index), {})
            cell.outputs = nbformat.from_dict(performed.get("outputs", []))
            cell.execution_count = performed.get("execution_count")
    if verdict.status == "ungradable":
        graded.cells.insert(0, _notice(verdict))
    if outputs and not _is_valid(graded):  # what came out of the sandbox is not to be trusted
        return graded_notebook(notebook, repaired, dataclasses.replace(verdict, outputs={}))
    return graded


def _is_valid(notebook: NotebookNode) -> bool:
    """What nbformat's `isvalid` says, which spends as long again on a copy to see that it changes nothing."""
    try:
        validate(notebook)
    except ValidationError:
        return False
    return True


def _as_released(notebook: Notebook) -> list[RepairedCell]:
    return [
        RepairedCell(c.type, master_source(c), c.released, c.role, grade_id=c.grade_id, tags=c.tags)
        for c in notebook.cells
    ]


def _notebook_cell(index: int, shown: RepairedCell, master: Cell | None) -> dict[str, Any]:
    metadata = {key: value for key, value in shown.metadata.items() if key != "nbgrader"}
    source = shown.source
    if shown.tags:
        metadata["tags"] = list(shown.tags)
    if master is not None:
        metadata["nbgrader"] = nbgrader_facts(master)
        if master.role == "written" and digest(source) == digest(master.released):
            source = master.released  # so that nbgrader's checksum, which counts blanks, calls it untouched too
    cell: dict[str, Any] = {"cell_type": shown.type, "id": f"cell-{index}", "metadata": metadata, "source": source}
    if shown.type == "code":
        cell |= {"outputs": [], "execution_count": None}
    elif shown.attachments:
        cell["attachments"] = shown.attachments
    return cell


def master_source(cell: Cell) -> str:
    """What the gradebook keeps of a cell: hidden tests and mark schemes, never a solution."""
    return cell.released if cell.role in ("solution", "written") else cell.source


@functools.lru_cache(4096)
def _checksum(cell: Cell) -> str:
    facts = NotebookNode(nbgrader=NotebookNode(_facts(cell)))
    return str(compute_checksum(NotebookNode(cell_type=cell.type, source=master_source(cell), metadata=facts)))


def nbgrader_facts(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata of a cell, with the checksum by which it knows an untouched answer."""
    return _facts(cell) | {"checksum": _checksum(cell)}


def _facts(cell: Cell) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": cell.grade_id,
        "grade": cell.role in ("test", "written"),
        "solution": cell.role in ("solution", "written"),
        "locked": cell.role in ("test", "locked", "task"),
        "task": cell.role == "task",
        "cell_type": cell.type,
    }
    if cell.role in ("test", "written", "task"):
        facts["points"] = cell.points
    return facts


def _verdict_outputs(cell: Cell, verdict: Verdict, test: TestVerdict | None) -> list[NotebookNode]:
    if verdict.status == "ungradable" or test is None:
        return [_error("ungradable", verdict.reason or "this test was not judged", "")]
    if test.points >= cell.points and test.status == "passed":
        return []
    if test.points > 0:
        partial = nbformat.v4.new_output("execute_result", {"text/plain": repr(float(test.points))}, execution_count=1)
        said = [nbformat.v4.new_output("stream", name="stdout", text=test.message + "\n")] if test.message else []
        return [*said, partial]
    return [_error(test.status, test.message, test.detail)]


def _error(status: str, message: str, detail: str) -> NotebookNode:
    name = _ERRORS.get(status, "TestFailed")
    lines = [line for line in (f"{name}: {message}" if message else name, *detail.splitlines()) if line]
    return nbformat.v4.new_output("error", ename=name, evalue=message, traceback=lines)


def _notice(verdict: Verdict) -> NotebookNode:
    said = f"**This submission could not be graded:** {verdict.reason} A person has to look at the submitted file."
    return nbformat.v4.new_markdown_cell(said, id="notice")
