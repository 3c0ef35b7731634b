"""Simulated students: what each hands in, and the verdict that must come of it.

A student's work on an assignment has a kind (`KINDS`: perfect, blank, saved by Colab, an endless loop, ...). The kind
says which source fills which solution cell, what happens to the notebook's file on its way, and the truth: for every
exercise whether its tests must give full points, and where not, which misconception must be named.
"""

from __future__ import annotations

import ast
import copy
import itertools
import json
import random
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.cells import grade_id
from autograder.expand import without_marks
from autograder.model import Assignment, Exercise, Wrong

FULL, SHORT = "full points", "less than full points"

NotebookJSON = dict[str, Any]
Reshape = Callable[[NotebookJSON, random.Random], None]
Encode = Callable[[NotebookJSON], bytes]


@dataclass
class Work:
    """What one student hands in for one assignment, and what must come of it."""

    kind: str
    answers: dict[str, str]  # exercise -> source of its solution cell; an exercise that is not named keeps its stub
    truth: dict[str, str]  # exercise -> FULL, SHORT, or the slug of the misconception that must be named
    gradable: bool = True
    filename: str = "{notebook}.ipynb"
    reshape: Reshape = lambda notebook, rng: None  # in place, as if by an editor or by the student's mouse
    encode: Encode = field(default=lambda notebook: json.dumps(notebook).encode())


def class_of(assignment: Assignment, students: int, rng: random.Random) -> list[Work]:
    """Works for a class: every kind and every misconception once if there are students enough, then a random mix.

    To find room for every misconception, a student may have several, in different exercises.
    """
    works = _every_kind_and_misconception(assignment, students, rng)
    ordinary = (perfect, alternatives, misconception, two_misconceptions, partly_done)
    return [next(works, None) or rng.choice(ordinary)(assignment, rng) for _ in range(students)]


def _every_kind_and_misconception(assignment: Assignment, students: int, rng: random.Random) -> Iterator[Work]:
    for kind in KINDS:
        yield kind(assignment, rng)
    by_exercise = itertools.zip_longest(*(exercise.misconceptions for exercise in assignment.exercises))
    wrongs = [wrong for nth_of_each in by_exercise for wrong in nth_of_each if wrong]
    each = max(2, -(-len(wrongs) // max(students - len(KINDS), 1)))
    while wrongs:
        chosen: dict[str, Wrong] = {}  # by exercise
        for wrong in wrongs:
            if len(chosen) < each:
                chosen.setdefault(wrong.exercise, wrong)
        yield _with_misconceptions(assignment, list(chosen.values()))
        wrongs = [wrong for wrong in wrongs if wrong not in chosen.values()]


# Work as students do it


def perfect(assignment: Assignment, rng: random.Random) -> Work:
    return Work("perfect", solutions(assignment), _all_full(assignment))


def alternatives(assignment: Assignment, rng: random.Random) -> Work:
    chosen = {e.name: rng.choice(e.alternatives).source for e in assignment.exercises if e.alternatives}
    return Work("right, written otherwise", solutions(assignment) | chosen, _all_full(assignment))


def misconception(assignment: Assignment, rng: random.Random) -> Work:
    return _with_misconceptions(assignment, [rng.choice(_misconceptions(assignment))])


def two_misconceptions(assignment: Assignment, rng: random.Random) -> Work:
    exercises = rng.sample([e for e in assignment.exercises if e.misconceptions], k=2)
    return _with_misconceptions(assignment, [rng.choice(e.misconceptions) for e in exercises])


def blank(assignment: Assignment, rng: random.Random) -> Work:
    return Work("blank", {}, dict.fromkeys(_names(assignment), SHORT))


def partly_done(assignment: Assignment, rng: random.Random) -> Work:
    done = _names(assignment)[: rng.randint(1, len(assignment.exercises) - 1)]
    answers = {name: source for name, source in solutions(assignment).items() if name in done}
    return Work("partly done", answers, {name: FULL if name in done else SHORT for name in _names(assignment)})


# Work that goes wrong when it runs


def imports_what_nobody_has(assignment: Assignment, rng: random.Random) -> Work:
    name = rng.choice(_names(assignment))
    broken = "import a_module_that_nobody_has\n\n" + solutions(assignment)[name]
    return _with_broken("crashes at import", assignment, name, broken)


def raises_at_top_level(assignment: Assignment, rng: random.Random) -> Work:
    return _decorated("raises at top level", assignment, rng, after='raise RuntimeError("left over from trying")')


def segmentation_fault(assignment: Assignment, rng: random.Random) -> Work:
    return _with_function(
        "segmentation fault", assignment, rng.choice(_functions(assignment)), "import ctypes\nctypes.string_at(0)"
    )


def leaves_the_process(assignment: Assignment, rng: random.Random) -> Work:
    return _with_function(
        "os._exit when called", assignment, rng.choice(_functions(assignment)), "import os\nos._exit(0)"
    )


def leaves_at_top_level(assignment: Assignment, rng: random.Random) -> Work:
    """In the last exercise: a process that dies costs the exercises after it as well."""
    last = _names(assignment)[-1]
    return _with_broken("os._exit in a cell", assignment, last, "import os\n\nos._exit(0)")


def endless_loop(assignment: Assignment, rng: random.Random) -> Work:
    """In the exercise with the fewest tests, because each of them waits for its time to be over."""
    fewest = min(_functions(assignment), key=lambda answer: len(answer[0].tests))
    return _with_function("endless loop when called", assignment, fewest, "while True:\n    pass")


def endless_cell(assignment: Assignment, rng: random.Random) -> Work:
    last = _names(assignment)[-1]
    return _with_broken("endless loop in a cell", assignment, last, "while True:\n    pass")


def prints_a_flood(assignment: Assignment, rng: random.Random) -> Work:
    flood = 'for _ in range(100_000):\n    print("still training, still training, still training")'
    return _decorated("prints a flood", assignment, rng, after=flood)


def warns_on_stderr(assignment: Assignment, rng: random.Random) -> Work:
    noise = 'import sys\nimport warnings\n\nprint("deprecated", file=sys.stderr)\nwarnings.warn("an old habit")'
    work = _decorated("warns on stderr", assignment, rng, before=noise)
    work.answers |= {
        name: _warning_when_called(source) for name, source in work.answers.items() if _function_name(source)
    }
    return work


# Right work whose notebook is not as it was released


def colab(assignment: Assignment, rng: random.Random) -> Work:
    return _reshaped("saved by Colab", assignment, _as_colab_saves)


def colab_misconception(assignment: Assignment, rng: random.Random) -> Work:
    work = misconception(assignment, rng)
    work.kind, work.reshape = "misconception, saved by Colab", _as_colab_saves
    return work


def renamed(assignment: Assignment, rng: random.Random) -> Work:
    work = perfect(assignment, rng)
    work.kind, work.filename = "renamed", "Copy of {notebook} (1).ipynb"
    return work


def duplicated(assignment: Assignment, rng: random.Random) -> Work:
    return _reshaped("cells duplicated", assignment, _duplicate_cells)


def deleted(assignment: Assignment, rng: random.Random) -> Work:
    return _reshaped("test cells deleted", assignment, _delete_test_cells)


def answer_deleted(assignment: Assignment, rng: random.Random) -> Work:
    name = rng.choice(_names(assignment))
    work = _with_broken("a solution cell deleted", assignment, name, "")
    work.reshape = lambda notebook, rng: _keep_cells(notebook, lambda cell: grade_id(cell) != name)
    return work


def reordered(assignment: Assignment, rng: random.Random) -> Work:
    return _reshaped("cells reordered", assignment, lambda notebook, rng: rng.shuffle(notebook["cells"]))


def stripped(assignment: Assignment, rng: random.Random) -> Work:
    return _reshaped("metadata stripped", assignment, _strip_metadata)


# Files that are no notebook


def truncated(assignment: Assignment, rng: random.Random) -> Work:
    return _unreadable("broken JSON", assignment, lambda notebook: json.dumps(notebook).encode()[:-200])


def another_kind_of_file(assignment: Assignment, rng: random.Random) -> Work:
    return _unreadable("not a notebook", assignment, lambda notebook: b"%PDF-1.4 my homework")


KINDS: tuple[Callable[[Assignment, random.Random], Work], ...] = (
    perfect, alternatives, misconception, blank, partly_done, endless_loop, segmentation_fault, colab, truncated,
    renamed, duplicated, deleted, answer_deleted, reordered, stripped, colab_misconception,
    imports_what_nobody_has, raises_at_top_level, leaves_the_process, leaves_at_top_level, endless_cell,
    prints_a_flood, warns_on_stderr, another_kind_of_file,
)  # fmt: skip


# What the kinds are made of


def solutions(assignment: Assignment) -> dict[str, str]:
    """The instructor's source of every exercise's solution cell, without the lines that mark its region."""
    return {e.name: without_marks(assignment.notebook(e.notebook).cell(e.name).source) for e in assignment.exercises}


def _names(assignment: Assignment) -> list[str]:
    return [exercise.name for exercise in assignment.exercises]


def _misconceptions(assignment: Assignment) -> list[Wrong]:
    return [wrong for exercise in assignment.exercises for wrong in exercise.misconceptions]


def _all_full(assignment: Assignment) -> dict[str, str]:
    return dict.fromkeys(_names(assignment), FULL)


def _with_misconceptions(assignment: Assignment, wrongs: list[Wrong]) -> Work:
    kind = {1: "misconception", 2: "two misconceptions"}.get(len(wrongs), "several misconceptions")
    answers = solutions(assignment) | {wrong.exercise: wrong.source for wrong in wrongs}
    return Work(kind, answers, _all_full(assignment) | {wrong.exercise: wrong.slug for wrong in wrongs})


def _with_broken(kind: str, assignment: Assignment, exercise: str, source: str) -> Work:
    answers = solutions(assignment) | {exercise: source}
    return Work(kind, answers, _all_full(assignment) | {exercise: SHORT})


def _with_function(kind: str, assignment: Assignment, answer: tuple[Exercise, str], body: str) -> Work:
    """An exercise answered by a function, of the name that is asked for, with this body."""
    exercise, name = answer
    source = f"def {name}(*args, **kwargs):\n{textwrap.indent(body, '    ')}"
    return _with_broken(kind, assignment, exercise.name, source)


def _decorated(kind: str, assignment: Assignment, rng: random.Random, before: str = "", after: str = "") -> Work:
    """Right work with something around the solution of one exercise that must not matter."""
    name = rng.choice(_names(assignment))
    answers = solutions(assignment)
    answers[name] = "\n\n".join(part for part in (before, answers[name], after) if part)
    return Work(kind, answers, _all_full(assignment))


def _functions(assignment: Assignment) -> list[tuple[Exercise, str]]:
    """The exercises that ask for one function, with its name."""
    names = {exercise: _function_name(source) for exercise, source in solutions(assignment).items()}
    return [(exercise, name) for exercise in assignment.exercises if (name := names[exercise.name])]


def _function_name(source: str) -> str | None:
    defined = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return defined[0].name if len(defined) == 1 and isinstance(defined[0], ast.FunctionDef) else None


def _warning_when_called(source: str) -> str:
    name = _function_name(source)
    wrapper = f"""
        import functools, sys, warnings

        def noisily(function):
            @functools.wraps(function)
            def noisy(*args, **kwargs):
                print("deprecated", file=sys.stderr)
                warnings.warn("an old habit")
                return function(*args, **kwargs)

            return noisy

        {name} = noisily({name})
    """
    return f"{source}\n\n{textwrap.dedent(wrapper).strip()}"


def _reshaped(kind: str, assignment: Assignment, reshape: Reshape) -> Work:
    return Work(kind, solutions(assignment), _all_full(assignment), reshape=reshape)


def _unreadable(kind: str, assignment: Assignment, encode: Encode) -> Work:
    return Work(kind, solutions(assignment), {}, gradable=False, encode=encode)


# What editors and mice do to a notebook


def _as_colab_saves(notebook: NotebookJSON, rng: random.Random) -> None:
    """Colab keeps `metadata.nbgrader`, drops nbformat's cell ids, and adds keys of its own."""
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"]["id"] = f"{rng.getrandbits(48):012x}"
        if cell["cell_type"] == "code":
            cell["metadata"]["executionInfo"] = {"status": "ok", "elapsed": 3, "user": {"displayName": "A student"}}
            cell["execution_count"] = rng.randint(1, 99)


def _duplicate_cells(notebook: NotebookJSON, rng: random.Random) -> None:
    """Every third cell pasted a second time, with everything that it carries, below the original."""
    cells = notebook["cells"]
    for index in reversed(range(0, len(cells), 3)):
        cells.insert(index + 1, copy.deepcopy(cells[index]))


def _delete_test_cells(notebook: NotebookJSON, rng: random.Random) -> None:
    def is_test(facts: dict[str, Any]) -> bool:
        return bool(facts.get("grade")) and not facts.get("solution")  # both: a written answer

    _keep_cells(notebook, lambda cell: not is_test(cell["metadata"].get("nbgrader", {})))


def _strip_metadata(notebook: NotebookJSON, rng: random.Random) -> None:
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def _keep_cells(notebook: NotebookJSON, wanted: Callable[[dict[str, Any]], bool]) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if wanted(cell)]
