"""`chainrule check`: what a student reads before handing in, on notebooks in every state that students leave them.

Most cases run no kernel: what became of the cells is given. A real kernel is asked on a few notebooks only.
"""

from __future__ import annotations

import copy
import doctest
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from chainrule import __main__ as command
from chainrule import check
from chainrule.check import cleanrun, findings, manifest, notebook
from chainrule.check.cleanrun import Outcome, Run
from nbformat import NotebookNode, v4

from autograder import submission
from autograder.build import REPOSITORY, Built, build_named, text_of
from autograder.cells import grade_id
from autograder.fill import filled
from autograder.repair import repair

NAME = "06-optimizers"
EXERCISES = [exercise.name for exercise in build_named(NAME).assignment.exercises]
Change = Callable[[NotebookNode], object]


@cache
def built() -> Built:
    return build_named(NAME)


def released() -> NotebookNode:
    """The assignment as students get it, with its manifest."""
    node = copy.deepcopy(built().released)
    node.metadata[manifest.KEY] = describe()
    return node


def describe() -> dict[str, Any]:
    assignment = built().assignment
    return manifest.for_release(
        assignment.notebooks[0].cells,
        assignment=NAME,
        notebook="optimizers",
        version=assignment.version,
        max_bytes=submission.MAX_BYTES,
        cell_seconds=assignment.limits.cell_seconds,
    )


def solved() -> NotebookNode:
    notebook = built().assignment.notebooks[0]
    return filled(released(), {cell.grade_id: cell.source for cell in notebook.solutions if cell.grade_id})


def cell_of(node: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in node.cells if grade_id(cell) == name)


def write(node: NotebookNode, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(node), encoding="utf-8")
    return path


def all_well(read: notebook.Notebook, *_: object) -> tuple[Run, str]:
    """Every cell ends well at once."""
    return Run({cell.number: Outcome("ok", 0.1) for cell in read.cells if cell.type == "code"}), ""


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_run", all_well)


def kinds(document: dict[str, Any]) -> list[str]:
    return [problem["kind"] for problem in document["problems"]]


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {exercise["name"]: exercise["status"] for exercise in document["exercises"]}


# ---- the cells and the file, without a kernel


def duplicate(node: NotebookNode, name: str, **changes: Any) -> None:
    cell = cell_of(node, name)
    node.cells.insert(node.cells.index(cell) + 1, NotebookNode({**copy.deepcopy(cell), "id": "copy", **changes}))


def delete(node: NotebookNode, *names: str) -> None:
    node.cells = [cell for cell in node.cells if grade_id(cell) not in names]


def edit(node: NotebookNode, name: str, text: str) -> None:
    cell_of(node, name).source += text


def strip_cells(node: NotebookNode) -> None:
    for cell in node.cells:
        cell.metadata = NotebookNode()


def strip_all(node: NotebookNode) -> None:
    strip_cells(node)
    node.metadata = NotebookNode()


def rename_ids(node: NotebookNode) -> None:
    for cell in node.cells:
        if grade_id(cell):
            cell.metadata.nbgrader.grade_id = f"other-{grade_id(cell)}"


def as_from_windows(node: NotebookNode) -> None:
    for cell in node.cells:
        cell.source = cell.source.replace("\n", "\r\n") + "  \r\n"


CELLS: list[tuple[str, Change, list[str]]] = [
    ("nothing", lambda n: None, []),
    ("an own cell", lambda n: n.cells.append(v4.new_code_cell("print(1)")), []),
    ("other blanks and line ends", as_from_windows, []),
    ("a solution twice", lambda n: duplicate(n, "adam"), ["duplicate"]),
    ("a solution twice, once empty", lambda n: duplicate(n, "adam", source=" \n"), []),
    ("a test twice", lambda n: duplicate(n, "adam-visible"), ["duplicate"]),
    ("no solution", lambda n: delete(n, "adam"), ["missing"]),
    ("no visible test", lambda n: delete(n, "adam-visible"), ["missing"]),
    ("no hidden test, no locked cell", lambda n: delete(n, "adam-hidden", "valley"), ["missing", "missing"]),
    ("a changed test", lambda n: edit(n, "adam-visible", "\npass"), ["edited"]),
    ("a changed locked cell", lambda n: edit(n, "setup", "\nLIBRARY = 1"), []),
    ("a test without metadata", lambda n: cell_of(n, "adam-visible").metadata.clear(), ["id_lost"]),
    ("cells without metadata", strip_cells, ["ids_lost"]),
    ("nothing but text", strip_all, ["ids_lost"]),
    ("another release's metadata", rename_ids, ["foreign"]),
]


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CELLS], ids=[case[0] for case in CELLS])
def test_cells(change: Change, expected: list[str], tmp_path: Path) -> None:
    node = solved()
    change(node)
    document = check.check(write(node, tmp_path / "optimizers.ipynb"))
    assert kinds(document) == expected
    assert document["status"] == ("falls_short" if expected else "ready")
    assert all(problem["message"] and problem["advice"] for problem in document["problems"])


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("change", [case[1] for case in CELLS[:-2]], ids=[case[0] for case in CELLS[:-2]])
def test_what_the_grader_misses_is_missed_here(change: Change, tmp_path: Path) -> None:
    node = solved()
    change(node)
    path = write(node, tmp_path / "optimizers.ipynb")
    missing = repair(built().assignment, "optimizers", submission.read(path)).missing
    told = [problem["message"] for problem in check.check(path)["problems"]]
    assert [name for name in missing if not any(message.startswith(f"{name}:") for message in told)] == []


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda n: None, dict.fromkeys(EXERCISES, "passed")),
        (lambda n: delete(n, "rmsprop-visible"), dict.fromkeys(EXERCISES, "passed") | {"rmsprop": "not_run"}),
        (strip_cells, dict.fromkeys(EXERCISES, "passed")),
        (lambda n: n.metadata.pop(manifest.KEY), dict.fromkeys(EXERCISES, "passed")),
        (strip_all, {}),
    ],
)
def test_exercises_are_known_by_what_is_left(change: Change, expected: dict[str, str], tmp_path: Path) -> None:
    node = solved()
    change(node)
    document = check.check(write(node, tmp_path / "optimizers.ipynb"))
    assert statuses(document) == expected
    assert all(re.match(r"Exercise \d+: ", exercise["title"]) for exercise in document["exercises"])


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("given", [None, [], {"schema_version": 2}, {**describe(), "cells": [{}]}])
def test_without_a_manifest_the_cells_speak_for_themselves(given: Any, tmp_path: Path) -> None:
    node = released()
    node.metadata[manifest.KEY] = given
    duplicate(node, "adam", source="class Adam: ...")
    document = check.check(write(node, tmp_path / "optimizers.ipynb"))
    assert document["assignment"] is None and kinds(document) == ["duplicate"]
    assert "does not say which release it is of" in document["notes"][0]


@pytest.mark.usefixtures("no_kernel")
def test_stubs_are_empty_whatever_runs(tmp_path: Path) -> None:
    document = check.check(write(released(), tmp_path / "optimizers.ipynb"))
    assert statuses(document) == dict.fromkeys(EXERCISES, "empty")
    assert document["summary"] == (
        f"can be handed in, but falls short: 0 of {len(EXERCISES)} exercises pass their visible tests "
        f"({len(EXERCISES)} empty)"
    )


@pytest.mark.usefixtures("no_kernel")
def test_of_two_copies_the_filled_one_counts(tmp_path: Path) -> None:
    node = solved()
    duplicate(node, "adam")
    cell_of(node, "adam").source = cell_of(released(), "adam").source
    document = check.check(write(node, tmp_path / "optimizers.ipynb"))
    assert (statuses(document)["adam"], kinds(document)) == ("passed", ["duplicate"])


@pytest.mark.usefixtures("no_kernel")
def test_an_edited_locked_cell_is_no_fault(tmp_path: Path) -> None:
    node = solved()
    edit(node, "setup", "\nLIBRARY = 'https://example.org/chainrule.zip'")
    document = check.check(write(node, tmp_path / "optimizers.ipynb"))
    assert document["status"] == "ready"
    assert document["notes"][0] == "setup: this cell was edited; when graded, the original is used."


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(("answer", "noted"), [(None, True), ("Momentum is faster: 49 steps against 84.", False)])
def test_a_written_answer_that_is_not_begun_is_noted(answer: str | None, noted: bool, tmp_path: Path) -> None:
    node = solved()
    cell_of(node, "claim").source = answer or cell_of(released(), "claim").source
    document = check.check(write(node, tmp_path / "optimizers.ipynb"))
    note = "claim: this written answer, 4 points given by a person, is not begun."
    assert (note in document["notes"]) is noted


def colab(node: NotebookNode) -> str:
    """As Colab saves it: format 4.0, lists of lines, ids in the metadata, and outputs."""
    cells = [
        {
            "cell_type": cell.cell_type,
            "metadata": {**cell.metadata, "id": "aBcD", "outputId": "xYz", "executionInfo": {"status": "ok"}},
            "source": cell.source.splitlines(keepends=True),
            **({"execution_count": 3, "outputs": []} if cell.cell_type == "code" else {}),
        }
        for cell in node.cells
    ]
    metadata = {**node.metadata, "colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "x"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": cells})


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_colabs_shape(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "Copy of optimizers.ipynb"
    path.write_bytes(colab(solved()).encode(encoding))
    document = check.check(path)
    assert (document["status"], kinds(document)) == ("ready", [])


def in_r(node: NotebookNode) -> None:
    node.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}


def of_few_bytes(node: NotebookNode) -> None:
    node.metadata[manifest.KEY]["max_bytes"] = 1000


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("name", "change", "assignment", "expected"),
    [
        ("optimizers.ipynb", None, NAME, []),
        ("optimizers (1).ipynb", None, None, []),
        ("optimizers.ipynb.txt", None, None, []),
        ("optimizers.json", None, None, ["name"]),
        (".ipynb_checkpoints/optimizers-checkpoint.ipynb", None, None, ["checkpoint"]),
        ("optimizers.ipynb", in_r, None, ["language"]),
        ("optimizers.ipynb", of_few_bytes, None, ["size"]),
        ("optimizers.ipynb", None, "07-landscapes", ["assignment"]),
    ],
)
def test_files(name: str, change: Change | None, assignment: str | None, expected: list[str], tmp_path: Path) -> None:
    node = solved()
    if change:
        change(node)
    document = check.check(write(node, tmp_path / name), assignment=assignment)
    assert kinds(document) == expected
    assert all(problem["message"] and problem["advice"] for problem in document["problems"])


def test_the_limit_is_the_graders() -> None:
    assert findings.MAX_BYTES == submission.MAX_BYTES


@pytest.mark.usefixtures("no_kernel")
def test_a_file_of_outputs_is_too_large(tmp_path: Path) -> None:
    node = solved()
    node.cells[1].outputs = [v4.new_output("stream", text="x" * submission.MAX_BYTES)]
    [problem] = check.check(write(node, tmp_path / "optimizers.ipynb"))["problems"]
    assert problem["message"] == "optimizers.ipynb has 20.1 MB; the grader reads at most 20 MB."
    assert "Clear all outputs" in problem["advice"]


def test_a_file_that_is_saved_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(solved(), tmp_path / "optimizers.ipynb")

    def save(*given: Any) -> tuple[Run, str]:
        write(released(), path)
        return all_well(*given)

    monkeypatch.setattr(check, "_run", save)
    assert kinds(check.check(path)) == ["changed"]


NOTEBOOK = '{"cells": [], "metadata": {}}'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "x.ipynb is empty"),
        ("\n\0\0", "x.ipynb is empty"),
        ('{"cells": [{"cell_type": "co', "x.ipynb ends in the middle, after line 1: it is cut off"),
        ('{"cells": [],,}', "no valid JSON at line 1"),
        (f"<<<<<<< HEAD\n{NOTEBOOK}", "unresolved git merge"),
        ("[1, 2]", "x.ipynb is JSON, but not a notebook"),
        ('{"a": 1}', "it has no list of cells"),
        ('{"worksheets": [], "nbformat": 3}', "format from before 2015"),
        ("[" * 100_000, "nested too deeply"),
        ("<!DOCTYPE html><p>", "x.ipynb is a web page"),
        ("import numpy as np", "x.ipynb is Python code, not a notebook"),
        ("# %%\nx = 1", "Python code"),
        ("%PDF-1.7", "a PDF document"),
        ("PK\x03\x04", "a zip archive"),
        (None, "There is no x.ipynb in"),
    ],
)
def test_what_is_no_notebook(content: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content.encode("utf-8"))
    document = check.check(path)
    assert document["status"] == "unchecked" and document["run"] is None
    assert says in document["summary"]
    assert re.search(r"(?:[Cc]heck|Resolve|save|upload|Download|Unpack)", document["summary"]), "the next step"


def test_a_folder_and_a_missing_folder(tmp_path: Path) -> None:
    write(released(), tmp_path / "optimizers.ipynb")
    assert "Name the notebook in it: optimizers.ipynb" in check.check(tmp_path)["summary"]
    assert "nor the folder" in check.check(tmp_path / "a" / "b.ipynb")["summary"]


def test_a_file_too_large_to_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MAX_READ", 1000)
    assert "Clear all outputs" in check.check(write(released(), tmp_path / "x.ipynb"))["summary"]


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    "cells",
    [
        [None, 1, "x"],
        [{}],
        [{"cell_type": "code"}],
        [{"cell_type": 3, "source": {"a": 1}, "metadata": []}],
        [{"cell_type": "code", "source": ["\ud800", 1, "x"], "metadata": {"tags": "a", "nbgrader": {"grade_id": 3}}}],
    ],
)
def test_cells_of_no_shape_are_read_all_the_same(cells: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": 3}), encoding="utf-8")
    assert kinds(check.check(path)) == ["ids_lost"]


def test_a_heading_is_the_nearest_one_that_is_shown() -> None:
    texts = ["# One\ntext\n## Two ##\n", "```\n# a comment\n```", "text", "### Three"]
    cells = [{"cell_type": "markdown", "source": text} for text in texts]
    read = notebook.parse(json.dumps({"cells": cells}).encode(), "x.ipynb")
    assert [cell.heading for cell in read.cells] == ["Two", "Two", "Two", "Three"]


# ---- what became of the cells


def with_outcomes(monkeypatch: pytest.MonkeyPatch, outcomes: dict[str, Outcome | None]) -> None:
    """Cells by grade_id; None for one that was not run."""

    def run(read: notebook.Notebook, *_: object) -> tuple[Run, str]:
        done = all_well(read)[0]
        for cell in read.cells:
            if cell.grade_id in outcomes:
                del done.outcomes[cell.number]
                if (outcome := outcomes[cell.grade_id]) is not None:
                    done.outcomes[cell.number] = outcome
        return done, ""

    monkeypatch.setattr(check, "_run", run)


@pytest.mark.parametrize(
    ("outcomes", "status", "problems"),
    [
        ({"adam-visible": Outcome("error", 0.1, "CheckFailed", "wrong", 4, "close(1)")}, "failed", []),
        ({"adam": Outcome("error", 0.1, "SyntaxError", "invalid syntax (x.py, line 1)", 1, "class")}, "failed", []),
        ({"adam-visible": Outcome("error", 0.1, "NotImplementedError", "Replace")}, "empty", []),
        ({"adam-visible": Outcome("timeout", 60.0)}, "failed", []),
        ({"adam-visible": Outcome("died", 1.0)}, "failed", []),
        ({"adam-visible": None}, "not_run", ["not_run"]),
        ({"adam-hidden": Outcome("error", 0.1, "NameError", "x")}, "passed", ["error"]),
        ({"setup": Outcome("error", 0.1, "ModuleNotFoundError", "Install it")}, "passed", ["error"]),
        ({"setup": Outcome("timeout", 60.0)}, "passed", ["timeout"]),
        ({"valley": Outcome("died", 1.0)}, "passed", ["died"]),
        ({"adam": Outcome("ok", 21.0)}, "passed", ["slow"]),
        ({"progress": Outcome("ok", 21.0)}, "passed", []),
    ],
)
def test_what_is_made_of_a_run(
    outcomes: dict[str, Outcome | None],
    status: str,
    problems: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_outcomes(monkeypatch, outcomes)
    document = check.check(write(solved(), tmp_path / "optimizers.ipynb"))
    assert statuses(document)["adam"] == status
    assert kinds(document) == problems
    assert document["status"] == ("ready" if (status, problems) == ("passed", []) else "falls_short")


def test_a_long_message_is_cut_and_made_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_outcomes(
        monkeypatch, {"adam-visible": Outcome("error", 0.1, "AssertionError", "\nmany\n\nlines " + "x" * 999)}
    )
    document = check.check(write(solved(), tmp_path / "optimizers.ipynb"))
    message = next(exercise["message"] for exercise in document["exercises"] if exercise["name"] == "adam")
    assert message.startswith("AssertionError: many lines xxx") and message.endswith("...") and len(message) < 330


# ---- a real kernel


def outcomes(sources: list[str], folder: Path, seconds: int = 30) -> dict[int, Outcome]:
    cells = [notebook.Cell(number, "code", source) for number, source in enumerate(sources, 1)]
    return cleanrun.run(cells, folder, seconds).outcomes


def test_a_kernel_tells_each_cells_fate(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 3", encoding="utf-8")
    cases = [
        ("import sys, os, beside; assert beside.VALUE == 3", ("ok", "", None, "")),
        (f"assert os.path.samefile(sys.executable, {sys.executable!r})", ("ok", "", None, "")),
        ("x = 1\n1 / 0  # here", ("error", "ZeroDivisionError", 2, "1 / 0  # here")),
        ("def f():\n    raise NotImplementedError('later')", ("ok", "", None, "")),
        ("# call it\nf()", ("error", "NotImplementedError", 2, "f()")),
        ("x = 1\nclass A(:", ("error", "SyntaxError", 2, "class A(:")),
        ("from chainrule import checks\n\nchecks.close(1, 2)", ("error", "CheckFailed", 3, "checks.close(1, 2)")),
        ("input()", ("error", "StdinNotImplementedError", 1, "input()")),
        ("%%time\nx", ("ok", "", None, "")),
        ("sys.exit(3)", ("error", "SystemExit", None, "")),
        ("while True:\n    x += 1", ("timeout", "", None, "")),
        ("x / 0", ("error", "ZeroDivisionError", 1, "x / 0")),
        ("print('it goes on')", ("ok", "", None, "")),
    ]
    found = outcomes([source for source, _ in cases], tmp_path, seconds=2)
    assert [(o.status, o.error, o.line, o.code) for o in found.values()] == [expected for _, expected in cases]
    assert list(found) == list(range(1, len(cases) + 1))


@pytest.mark.parametrize(
    ("traceback", "expected"),
    [
        (
            "\x1b[0;32m<ipython-input-3-ab>\x1b[0m in <module>\n\x1b[0;32m----> 2\x1b[0;31m f()\x1b[0m\n",
            2,
        ),
        ("Cell In[3], line 2\n      1 x = 1\n----> 2 f()\n\nCell In[1], line 1, in f()\n----> 1 def f(): 1 / 0", 2),
        ('  File "<ipython-input-3-ab>", line 2\n    f(\n     ^\nSyntaxError: unexpected EOF', 2),
        ("line 2:  f()\n\nAssertionError: f() is 1", 2),
        ("File lib.py:9\n----> 9 raise", None),
        ("", None),
    ],
)
def test_the_place_in_a_traceback(traceback: str, expected: int | None) -> None:
    """IPython 7, which Colab has, 8 and newer, and what chainrule.checks shows."""
    assert cleanrun._place(traceback, "x = 1\nf()") == (expected, "f()" if expected else "")


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ("while True:\n    try:\n        sum(range(1000))\n    except KeyboardInterrupt:\n        pass", "timeout"),
        ("import os\nos._exit(3)", "died"),
    ],
)
def test_a_kernel_that_does_not_come_back(
    last: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanrun, "GRACE", 0.5)
    found = outcomes(["x = 1", last, "x = 2"], tmp_path, seconds=2)
    assert {number: outcome.status for number, outcome in found.items()} == {1: "ok", 2: status}


def test_a_kernel_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('no kernel today')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(cleanrun.CannotRun, match="the kernel does not start: no kernel today"):
        outcomes(["x = 1"], tmp_path)


@pytest.mark.parametrize("module", ["jupyter_client.manager", "ipykernel"])
def test_without_a_kernel_the_rest_is_still_checked(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "chainrule.check.cleanrun")
    monkeypatch.delattr(check, "cleanrun")
    monkeypatch.setitem(sys.modules, module, None)
    if module == "ipykernel":
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    node = solved()
    delete(node, "adam")
    status = command.main(["check", str(write(node, tmp_path / "optimizers.ipynb"))])
    said = capsys.readouterr().out
    assert status == 2
    assert f"{module} is not installed" in said and "-m pip install ipykernel" in said
    assert "adam: no cell has this id any more" in said and "sha256" in said


# ---- the command

CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AUTOGRADER"))}


def test_a_right_notebook_is_ready_and_untouched(tmp_path: Path) -> None:
    """In a folder whose name is no ASCII, with a kernel that is not installed, and with output past the notebook."""
    node = solved()
    node.metadata.kernelspec = {"name": "my-env", "display_name": "My Environment"}
    past_the_notebook = "os.write(getattr(sys.stdout, '_original_stdstream_copy', 1), b'NOISE')"  # ipykernel moves it
    node.cells.append(v4.new_code_cell(f"import os, sys\nos.system('echo NOISE')\n{past_the_notebook}"))
    path = write(node, tmp_path / "Überblick 最 è" / "meine Lösung.ipynb")
    before = path.read_bytes()
    arguments = [sys.executable, "-m", "chainrule", "check", str(path), "--json", "--assignment", NAME]
    ran = subprocess.run(arguments, env=CLEAN, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]
    assert statuses(document) == dict.fromkeys(EXERCISES, "passed")
    assert document["problems"] == []
    assert document["file"]["sha256"] == sha256(before).hexdigest() and document["file"]["bytes"] == len(before)
    assert document["assignment"] == {
        "name": NAME, "notebook": "optimizers", "version": built().assignment.version, "digest": describe()["digest"],
    }  # fmt: skip
    count = len(EXERCISES)
    assert document["summary"] == f"ready to hand in: {count} of {count} exercises pass their visible tests"
    assert document["run"]["done"] and document["run"]["cells"] == sum(c.cell_type == "code" for c in node.cells)
    for moment in (document["checked"], document["file"]["saved"]):
        assert datetime.fromisoformat(moment).tzinfo is not None


def test_it_runs_from_the_bundles_zip_alone(tmp_path: Path) -> None:
    """Nothing of the library is installed for it: no current folder, no PYTHONPATH, only the zip file on the path."""
    archive = tmp_path / "bundle" / "chainrule.zip"
    node = released()
    node.cells.insert(2, v4.new_code_cell("import chainrule\nassert 'chainrule.zip' in chainrule.__file__"))
    cell_of(node, "cosine").source = "def cosine_lr(step, max_steps, lr_max, lr_min=0.0):\n    return lr_max"
    path = write(node, tmp_path / "bundle" / "assignments" / NAME / "optimizers.ipynb")
    with zipfile.ZipFile(archive, "w") as bundle:
        for file in (REPOSITORY / "lib" / "chainrule").rglob("*.py"):
            bundle.write(file, file.relative_to(REPOSITORY / "lib"))
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from chainrule.__main__ import main; sys.exit(main())"
    arguments = [sys.executable, "-I", "-c", start, str(archive), "check", str(path)]
    ran = subprocess.run(arguments, env=CLEAN, capture_output=True, encoding="utf-8", check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    said = " ".join(ran.stdout.split())
    number = 1 + node.cells.index(cell_of(node, "cosine-visible"))
    assert "empty Exercise 5: Adam empty Exercise 6: a check for Adam" in said
    failed = f"FAILED Exercise 7: the learning rate at a step cell {number}, line 3: checks.close(cosine_lr(2, 6, 0.8)"
    assert failed in said
    assert "CheckFailed: cosine_lr(2, 6, 0.8) is 0.8 and should be 0.6" in said
    assert "To look at" not in said
    points = built().assignment.max_score
    assert f"The visible tests carry {len(EXERCISES)} of {points:g} points. Hidden tests run when it is graded" in said
    assert f"result can be handed in, but falls short: 0 of {len(EXERCISES)} exercises" in said


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(("node", "status"), [(solved, 0), (released, 1), (None, 2)])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_exit_statuses(
    node: Callable[[], NotebookNode] | None,
    status: int,
    form: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "optimizers.ipynb"
    if node:
        write(node(), path)
    assert command.main(["check", str(path), *form]) == status
    said = capsys.readouterr()
    assert said.err == ""
    if form:
        document = json.loads(said.out)
        assert document["schema_version"] == 1
        assert document.keys() == json.loads(json.dumps(check.check(path))).keys()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required"),
        (["grade", "x.ipynb"], "invalid choice"),
        (["check"], "NOTEBOOK.ipynb"),
        (["check", "x.ipynb", "--seconds", "0"], "expected a whole number of at least 1, and got '0'"),
        (["check", "x.ipynb", "--seconds", "soon"], "got 'soon'"),
    ],
)
def test_what_the_command_does_not_understand(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "_run", interrupted)
    assert command.main(["check", str(write(released(), tmp_path / "x.ipynb")), "--json"]) == 2
    assert capsys.readouterr() == ("", "Stopped; nothing was checked.\n")


@pytest.mark.usefixtures("no_kernel")
def test_a_console_that_lacks_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = solved()
    title = next(cell for cell in node.cells if "# Exercise 5: Adam" in cell.source)
    title.source = title.source.replace("Exercise 5: Adam", "Exercise 5: Adam → \x1b[31m最")
    path = write(node, tmp_path / "最.ipynb")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    assert command.main(["check", str(path)]) == 0
    console.flush()
    said = console.buffer.getvalue().decode("cp1252")  # type: ignore[attr-defined]
    assert "Exercise 5: Adam ? ?[31m?" in said and "ready to hand in" in said
    assert all(character.isprintable() or character == "\n" for character in said)


@pytest.mark.usefixtures("no_kernel")
def test_it_never_speaks_for_the_hidden_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["check", str(write(solved(), tmp_path / "optimizers.ipynb"))])
    said = " ".join(capsys.readouterr().out.split())
    assert "Hidden tests run when it is graded; they are not here, and may find more." in said
    assert "full points" not in said and "all tests" not in said.lower()


# ---- the manifest and the package


def test_a_manifest_tells_nothing_that_the_cells_do_not_tell() -> None:
    told = describe()
    cells = {grade_id(cell): cell for cell in built().released.cells if grade_id(cell)}
    assert [cell["grade_id"] for cell in told["cells"]] == list(cells)
    for cell in told["cells"]:
        assert cell["points"] == cells[cell["grade_id"]].metadata.nbgrader.get("points", 0)
        assert cell["text"] == manifest.fingerprint(cells[cell["grade_id"]].source)
    assert told.keys() == {
        "schema_version", "assignment", "notebook", "version", "digest", "max_bytes", "cell_seconds", "cells",
    }  # fmt: skip


def test_another_text_is_another_release() -> None:
    cells = list(built().assignment.notebooks[0].cells)
    given: dict[str, Any] = {"assignment": "", "notebook": "", "version": "", "max_bytes": 1, "cell_seconds": 1}
    digests = {manifest.for_release(some, **given)["digest"] for some in (cells, cells[1:], cells[::-1])}
    assert len(digests) == 3 and describe()["digest"] in digests


def test_importing_it_needs_nothing_but_python() -> None:
    code = "import sys, chainrule.__main__; sys.exit(not {'numpy', 'jupyter_client'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(manifest) == (0, 1)
