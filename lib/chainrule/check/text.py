"""The document of a check, for a person: plain text that a Windows console and a Colab cell can show."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

WIDTH = 88
_LABELS = {"passed": "passed", "failed": "FAILED", "empty": "empty", "not_run": "not run", "untested": "no test"}


def render(document: dict[str, Any]) -> str:
    """The whole page, without control characters."""
    parts = [_exercises, _problems, _notes, _receipt] if document["run"] else [_unread]
    lines = [line for part in parts for line in part(document)]
    return "\n".join("".join(map(_printable, line)) for line in lines)


def _printable(character: str) -> str:
    return character if character.isprintable() else " " if character.isspace() else "?"


def _unread(document: dict[str, Any]) -> Iterator[str]:
    """Of a file that is no notebook there is nothing else to say."""
    yield from _wrapped("", document["summary"])


def _exercises(document: dict[str, Any]) -> Iterator[str]:
    if document["exercises"]:
        yield "Visible tests"
        for exercise in document["exercises"]:
            yield f"  {_LABELS[exercise['status']]:<8} {exercise['title']}"
            if exercise["status"] == "failed":
                yield from _where("           ", exercise)
                yield from _wrapped("           ", exercise["message"])
        yield ""


def _problems(document: dict[str, Any]) -> Iterator[str]:
    if document["problems"]:
        yield "To look at"
        for problem in document["problems"]:
            place = f"Cell {problem['cell']}" if problem["cell"] else ""
            under = f' under "{problem["heading"]}"' if problem["heading"] else ""
            yield from _wrapped("  - ", f"{place}{under}: {problem['message']}" if place else problem["message"])
            if problem["code"]:
                yield f"      line {problem['line']}: {problem['code']}"
            yield from _wrapped("    ", problem["advice"])
        yield ""


def _where(indent: str, found: dict[str, Any]) -> Iterator[str]:
    line = f", line {found['line']}: {found['code']}" if found["code"] else ""
    yield f"{indent}cell {found['cell']}{line}"


def _notes(document: dict[str, Any]) -> Iterator[str]:
    for note in document["notes"]:
        yield from _wrapped("", note)
    if why_not := document["run"]["why_not"]:
        yield from _wrapped("", f"The notebook was not run: {why_not}. Running it needs ipykernel. To install it:")
        yield f'    "{sys.executable}" -m pip install ipykernel'
    yield ""


def _receipt(document: dict[str, Any]) -> Iterator[str]:
    file, assignment = document["file"], document["assignment"]
    yield "Receipt"
    yield f"  file        {file['name']}, {file['bytes']:,} bytes, saved {file['saved']}"
    yield f"  sha256      {file['sha256']}"
    yield f"  checked     {document['checked']}"
    if assignment:
        version = f", version {assignment['version']}" if assignment["version"] else ""
        yield f"  assignment  {assignment['name']}{version}, release {assignment['digest']}"
    else:
        yield "  assignment  unknown: the notebook does not say"
    yield from _wrapped("  result      ", document["summary"])


def _wrapped(indent: str, text: str) -> list[str]:
    blank = " " * len(indent)
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=blank,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [indent]
