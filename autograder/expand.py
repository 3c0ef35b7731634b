"""`# bank: NAME` in a hidden test becomes every version of exercise NAME, in two dicts: WRONG and RIGHT.

Where a student writes a test, the grade is which wrong versions it fails and whether it passes the right ones. Each
version runs inside a function of its own, so that nothing it defines reaches another version or the test:

    def _wrong_no_bias_correction():
        def adam(...): ...
        return adam
    WRONG = {"no-bias-correction": _wrong_no_bias_correction()}
    RIGHT = {"reference": _right_reference()}
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbformat import NotebookNode

from autograder.errors import CourseError
from autograder.model import REFERENCE, Exercise
from autograder.students_version import GIVEN

_BANK_LINE = re.compile(r"(?P<indent>[ \t]*)#\s*bank:\s*(?P<name>\S*)\s*")
_REGION_MARK = re.compile(r"\s*#+ (BEGIN|END) SOLUTION\s*")

Solutions = Mapping[str | None, tuple[str, str]]
"""grade_id -> the cell's source with the solution, and its released text."""


def check_versions(exercises: Sequence[Exercise], solutions: Solutions) -> None:
    """Every version must define what the stub defines, or it could not stand in for the whole solution cell."""
    for exercise in exercises:
        promised = _bound(solutions[exercise.name][1], f"the stub of {exercise.name}")
        versions = [("the solution", solutions[exercise.name][0])]
        versions += [(w.slug, w.source) for w in exercise.misconceptions]
        versions += [(r.slug, r.source) for r in exercise.alternatives]
        for slug, source in versions:
            what = f"{exercise.name}: {slug}"
            missing = sorted(promised - _bound(source, what))
            if missing:
                raise CourseError(
                    f"{what} does not define {', '.join(missing)}, as the stub does; "
                    "a version replaces the whole solution cell"
                )


def expand_banks(
    source: NotebookNode, released: NotebookNode, exercises: Sequence[Exercise], solutions: Solutions, path: Path
) -> None:
    """Expands the bank lines in the cells of `source`, in place; in `released` there may be none left."""
    known = {exercise.name: exercise for exercise in exercises}
    for cell, shown in zip(source.cells, released.cells, strict=True):
        where = f"{path.parent.name}/{path.name}, cell {cell.id!r}"
        if cell.cell_type != "code":
            continue
        if any(map(_BANK_LINE.fullmatch, shown.source.splitlines())):
            raise CourseError(f"{where}: a `# bank:` line outside a hidden test; students would see all versions")
        cell.source = _expand(cell.source, known, solutions, where)


def _expand(source: str, exercises: Mapping[str, Exercise], solutions: Solutions, where: str) -> str:
    lines = source.split("\n")
    matches = {i: match for i, line in enumerate(lines) if (match := _BANK_LINE.fullmatch(line))}
    if len(matches) > 1:
        raise CourseError(f"{where}: two `# bank:` lines in one cell; WRONG and RIGHT hold one exercise each")
    for i, match in matches.items():
        if match["name"] not in exercises:
            known = ", ".join(exercises)
            raise CourseError(f"{where}: `# bank: {match['name']}` names no exercise; the notebook has: {known}")
        exercise = exercises[match["name"]]
        lines[i] = indent(bank_code(exercise, *solutions[exercise.name]), match["indent"])
    return "\n".join(lines)


def bank_code(exercise: Exercise, solution: str, stub: str) -> str:
    """Python source that defines WRONG and RIGHT for one exercise."""
    name = _object_name(exercise.name, stub)
    wrong = {version.slug: version.source for version in exercise.misconceptions}
    right = {REFERENCE: without_marks(solution)} | {version.slug: version.source for version in exercise.alternatives}
    return "\n".join([*_dict("WRONG", "_wrong", wrong, name), "", *_dict("RIGHT", "_right", right, name)])


def indent(source: str, prefix: str) -> str:
    """`source` with every line indented, except those inside a string, whose value would change."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno is not None:
            inside.update(range(node.lineno + 1, node.end_lineno + 1))
    lines = source.split("\n")
    return "\n".join(prefix + line if line.strip() and i not in inside else line for i, line in enumerate(lines, 1))


def _dict(title: str, prefix: str, versions: Mapping[str, str], name: str) -> list[str]:
    lines, entries = [], []
    for slug, source in versions.items():
        function = f"{prefix}_{slug.replace('-', '_')}"
        lines += [f"def {function}():", indent(source, "    "), f"    return {name}", ""]
        entries.append(f'"{slug}": {function}()')
    return [*lines, f"{title} = {{{', '.join(entries)}}}"]


def _object_name(exercise: str, stub: str) -> str:
    """What a version stands for: the one public object that the stub defines, or the one named like the exercise."""
    public = sorted(name for name in _bound(stub, f"the stub of {exercise}") if not name.startswith("_"))
    own = exercise.replace("-", "_")
    if own in public:
        return own
    if len(public) != 1:
        raise CourseError(
            f"`# bank: {exercise}` needs one object, but its stub defines {', '.join(public) or 'nothing'}; "
            f"name the one that is meant {own}"
        )
    return public[0]


def _bound(source: str, what: str) -> set[str]:
    """The names that running `source` binds at top level."""
    try:
        table = symtable.symtable(source, what, "exec")
    except SyntaxError as error:
        raise CourseError(f"{what}, line {error.lineno}: {error.msg}; an exercise is plain Python") from error
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def without_marks(solution: str) -> str:
    """A solution cell's source without the lines that mark its region and those that are given to be mended."""
    marks = (_REGION_MARK, GIVEN)
    return "\n".join(x for x in solution.split("\n") if not any(m.fullmatch(x) for m in marks)).strip("\n")
