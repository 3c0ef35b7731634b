"""assignment.toml: the policy by which an assignment is released and graded. A typo in it is an error.

title = "Optimisers"
version = "1.0"
minutes = 90
due = 2026-10-01T23:59:00+02:00       # optional
sealed = ["chainrule.optim"]          # modules that a submission may not import
files = ["losses.csv"]                # side files that the notebook reads, in the same folder

[limits]                              # fields of model.Limits
cell_seconds = 20

[exercises.adam]
depends = ["momentum"]
hint = "Compare your first two steps with the formula by hand."
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from autograder.errors import CourseError
from autograder.model import Limits

FILE = "assignment.toml"


@dataclass(frozen=True)
class ExercisePolicy:
    depends: tuple[str, ...] = ()
    starred: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Policy:
    title: str
    version: str = ""
    minutes: int = 0
    due: str | None = None  # ISO 8601 with offset
    sealed: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    run_explore: bool = False
    limits: Limits = field(default_factory=Limits)
    exercises: Mapping[str, ExercisePolicy] = field(default_factory=dict)


def read(folder: Path) -> Policy:
    """The policy in `folder`; CourseError names the file, the key and what was expected there."""
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f'{folder} has no {FILE}; write one with at least `title = "..."`') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{_name(path)} is not TOML: {error}") from error
    values = _checked(table, _POLICY, path)
    if "title" not in values:
        raise CourseError(f'{_name(path)} has no title; add `title = "..."`')
    if "due" in values:
        values["due"] = values["due"].isoformat()
    if "limits" in values:
        values["limits"] = Limits(**_checked(values["limits"], _LIMITS, path, "limits."))
    values["exercises"] = {
        name: ExercisePolicy(**_checked(entry, _EXERCISE, path, f"exercises.{name}."))
        for name, entry in values.get("exercises", {}).items()
    }
    return Policy(**values)


class _Kind(NamedTuple):
    expected: str
    accepts: Callable[[Any], bool]


_TEXT = _Kind('a string, such as "Optimisers"', lambda v: isinstance(v, str))
_TRUTH = _Kind("true or false", lambda v: isinstance(v, bool))
_WHOLE = _Kind("a whole number of at least 0", lambda v: type(v) is int and v >= 0)
_AMOUNT = _Kind("a number above 0", lambda v: type(v) in (int, float) and 0 < v < float("inf"))
_NAMES = _Kind(
    'a list of strings, such as ["momentum"]', lambda v: isinstance(v, list) and all(isinstance(x, str) for x in v)
)
_MOMENT = _Kind(
    "a date and time with its offset, such as 2026-10-01T23:59:00+02:00",
    lambda v: isinstance(v, datetime) and v.tzinfo is not None,
)
_TABLE = _Kind("a table", lambda v: isinstance(v, dict))
_TABLES = _Kind(
    "a table for each exercise, such as [exercises.adam]",
    lambda v: isinstance(v, dict) and all(isinstance(x, dict) for x in v.values()),
)

_POLICY = {
    "title": _TEXT, "version": _TEXT, "minutes": _WHOLE, "due": _MOMENT, "sealed": _NAMES, "files": _NAMES,
    "run_explore": _TRUTH, "limits": _TABLE, "exercises": _TABLES,
}  # fmt: skip
_EXERCISE = {"depends": _NAMES, "starred": _TRUTH, "hint": _TEXT}
_LIMITS = {f.name: _WHOLE if f.type == "int" else _AMOUNT for f in fields(Limits)}


def _checked(table: dict[str, Any], kinds: dict[str, _Kind], path: Path, where: str = "") -> dict[str, Any]:
    for key, value in table.items():
        if key not in kinds:
            raise CourseError(f"{_name(path)}: unknown key {where + key!r}; known here: {', '.join(kinds)}")
        if not kinds[key].accepts(value):
            raise CourseError(f"{_name(path)}: {where}{key} is {value!r}; expected {kinds[key].expected}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
