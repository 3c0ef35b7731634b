"""Banks: the known-wrong and the known-right versions of each exercise, and the probes that tell them apart.

A bank is a Python file in percent cells, read as text and never imported:

    # %% adam: no-bias-correction
    \"\"\"This behaves like Adam without bias correction: ...\"\"\"
    def adam(...): ...

The title names the exercise and the version. The leading string of a misconception is what a student who has it is
told, that of an alternative is a note for authors. The rest stands in for the whole solution cell. A cell of
misconceptions.py with the title `adam: probe` defines `probe()`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from autograder.errors import CourseError
from autograder.model import REFERENCE, Right, Wrong

MISCONCEPTIONS, ALTERNATIVES = "misconceptions.py", "alternatives.py"
PROBE = "probe"

_CELL = re.compile(r"# %%(?P<title>.*)")
_TITLE = re.compile(r"(?P<exercise>[\w-]+):\s*(?P<slug>\S.*)")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EXAMPLE = "`# %% adam: no-bias-correction`"


@dataclass
class Bank:
    """What the two files say about one exercise."""

    misconceptions: list[Wrong] = field(default_factory=list)
    alternatives: list[Right] = field(default_factory=list)
    probe: str = ""


def read(folder: Path, exercises: Collection[str]) -> dict[str, Bank]:
    """The banks of the assignment in `folder`, one for each exercise; a file that does not exist is an empty bank."""
    banks = {name: Bank() for name in exercises}
    for file in (MISCONCEPTIONS, ALTERNATIVES):
        path = folder / file
        if not path.exists():
            continue
        for name, bank in parse(path.read_text(encoding="utf-8"), path, exercises).items():
            banks[name].misconceptions += bank.misconceptions
            banks[name].alternatives += bank.alternatives
            banks[name].probe += bank.probe
    return banks


def parse(text: str, path: Path, exercises: Collection[str] | None = None) -> dict[str, Bank]:
    """The entries of one bank file by exercise; `path` says which bank it is.

    Raises CourseError, naming file and line, for an exercise that is not among `exercises` (None: any will do), a
    misconception that tells the student nothing, a slug used twice, or code that does not parse.
    """
    banks: dict[str, Bank] = {}
    seen: dict[tuple[str, str], int] = {}
    for cell in _cells(text, path):
        exercise, slug = _identity(cell, path, exercises)
        if (exercise, slug) in seen:
            raise _error(path, cell.line, f"{exercise}: {slug} is already in line {seen[exercise, slug]}; rename one")
        seen[exercise, slug] = cell.line
        _add(banks.setdefault(exercise, Bank()), exercise, slug, cell, path)
    return banks


class _BankCell(NamedTuple):
    title: str
    line: int  # of the title, counted from 1
    source: str


def _cells(text: str, path: Path) -> Iterator[_BankCell]:
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if _CELL.match(line)]
    _refuse_stray_code("\n".join(lines[: starts[0] if starts else None]), path)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        title = lines[start].removeprefix("# %%").strip()
        if not title.startswith("[markdown]"):
            yield _BankCell(title, start + 1, "\n".join(lines[start + 1 : end]))


def _refuse_stray_code(preamble: str, path: Path) -> None:
    """Above the first cell there may be comments, a docstring and imports, which help an editor; nothing else."""
    for node in _syntax(preamble, path, 0).body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and not isinstance(node, ast.Import | ast.ImportFrom):
            raise _error(path, node.lineno, f"code outside a cell; begin it with a title such as {_EXAMPLE}")


def _identity(cell: _BankCell, path: Path, exercises: Collection[str] | None) -> tuple[str, str]:
    match = _TITLE.fullmatch(cell.title)
    if not match:
        raise _error(path, cell.line, f"title {cell.title!r} is not EXERCISE: VERSION, such as {_EXAMPLE}")
    exercise, slug = match["exercise"], match["slug"]
    if exercises is not None and exercise not in exercises:
        known = ", ".join(sorted(exercises)) or "none"
        raise _error(path, cell.line, f"unknown exercise {exercise!r}; the notebook has: {known}")
    if not _SLUG.fullmatch(slug):
        raise _error(path, cell.line, f"version {slug!r} is not lower-case words joined by '-', such as {_EXAMPLE}")
    if slug == REFERENCE or (slug == PROBE and path.name == ALTERNATIVES):
        reason = "the solution itself" if slug == REFERENCE else f"a probe, which belongs in {MISCONCEPTIONS}"
        raise _error(path, cell.line, f"the name {slug!r} stands for {reason}; choose another")
    return exercise, slug


def _add(bank: Bank, exercise: str, slug: str, cell: _BankCell, path: Path) -> None:
    message, source = _split(cell, path)
    if slug == PROBE:
        _check_probe(source, cell, path)
        bank.probe = source
    elif path.name == ALTERNATIVES:
        bank.alternatives.append(Right(exercise, slug, source))
    elif not message:
        raise _error(
            path,
            cell.line,
            f"{exercise}: {slug} has no message; begin it with a string that says what to tell a student",
        )
    else:
        bank.misconceptions.append(Wrong(exercise, slug, source, message))


def _split(cell: _BankCell, path: Path) -> tuple[str, str]:
    """The leading string, its line breaks folded away, and the code after it."""
    body = _syntax(cell.source, path, cell.line).body
    message, lines = "", cell.source.splitlines()
    first = body[0].value if body and isinstance(body[0], ast.Expr) else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        message = " ".join(first.value.split())
        lines = lines[first.end_lineno :]
        body = body[1:]
    if not body:
        raise _error(path, cell.line, f"{cell.title} has no code; write the whole solution cell as this version has it")
    return message, "\n".join(lines).strip("\n")


def _check_probe(source: str, cell: _BankCell, path: Path) -> None:
    body = _syntax(source, path, cell.line).body
    if not any(isinstance(node, ast.FunctionDef) and node.name == PROBE for node in body):
        raise _error(
            path, cell.line, f"{cell.title} does not define probe(); write `def probe():` that returns plain data"
        )


def _syntax(source: str, path: Path, offset: int) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise _error(path, offset + (error.lineno or 1), f"{error.msg}; a bank is plain Python") from error


def _error(path: Path, line: int, what: str) -> CourseError:
    return CourseError(f"{path.parent.name}/{path.name}, line {line}: {what}")
