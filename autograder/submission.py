"""Read a submitted notebook, in any shape that a browser, Colab, an LMS or a text editor leaves it.

Nothing in the file is run or trusted: its size, its number of cells and the type of every value are checked, and what
grading does not need (outputs, cell ids, other metadata) is dropped unread. What can be read is read, with a note for
people; what cannot raises Unreadable, which says what was found and what to do.
"""

from __future__ import annotations

import json
import math
import re
import stat
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import nbformat

from autograder.errors import Unreadable

CellType = Literal["code", "markdown", "raw"]
_TYPES: tuple[CellType, ...] = get_args(CellType)
MAX_BYTES = 20_000_000
MAX_CELLS = 10_000
MAX_NAME = 200
"""Longest grade_id or tag, in characters, that is taken for one."""

_SAVE_AGAIN = "Open it in JupyterLab or Colab, save it there and hand it in again."


@dataclass(frozen=True)
class SubmittedCell:
    """One cell as the student left it; every field has the type it says, whatever the file held."""

    type: CellType
    source: str
    grade_id: str | None = None
    nbgrader: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)  # file name -> media type -> base64


@dataclass(frozen=True)
class Submitted:
    cells: list[SubmittedCell]
    notes: list[str] = field(default_factory=list)


def read(path_or_bytes: Path | str | bytes, *, max_bytes: int = MAX_BYTES) -> Submitted:
    """The cells of a submitted notebook, with notes on what had to be mended.

    Takes a path or the bytes of the file. Reads nbformat 2 and newer, UTF-8, UTF-16 and UTF-32 with or without a byte
    order mark. Raises Unreadable if the file is no notebook, is cut off, or exceeds `max_bytes` or MAX_CELLS.
    """
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else _bytes(Path(path_or_bytes), max_bytes)
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    notes: list[str] = []
    document = _parse(_decode(data, notes))
    raw_cells = _raw_cells(document, notes)
    _note_kernel(document, notes)
    return Submitted(_cells(raw_cells, notes), notes)


# From file to JSON ---------------------------------------------------------------------------------------------------


def _bytes(path: Path, max_bytes: int) -> bytes:
    """The file's content. A device or a pipe is never opened: reading one may block for ever."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Unreadable(f"{path.name} is a folder, not a notebook. Hand in the .ipynb file itself.")
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"{path.name} is not an ordinary file. Hand in the .ipynb file itself.")
        if status.st_size > max_bytes:
            raise _too_large(status.st_size, max_bytes)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unreadable(f"{path.name} cannot be opened ({why}). Check its name and its permissions.") from error


def _too_large(size: int, max_bytes: int) -> Unreadable:
    return Unreadable(
        f"The file has {size / 1e6:,.1f} MB; at most {max_bytes / 1e6:,.0f} MB are read. Outputs are the usual cause: "
        "clear all outputs (Edit > Clear Outputs of All Cells), save and hand in again."
    )


def _decode(data: bytes, notes: list[str]) -> str:
    if not data.strip(b" \t\r\n\0"):
        found = "empty" if not data else f"blank: {len(data):,} bytes and no text"
        raise Unreadable(f"The file is {found}. {_SAVE_AGAIN}")
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", "replace")
        notes.append("The file is not valid UTF-8; what could not be read is shown as \N{REPLACEMENT CHARACTER}.")
    if "\0" in text:
        text = text.replace("\0", "")
        notes.append("NUL characters were removed from the file.")
    return text


def _parse(text: str) -> Any:
    """The JSON document. Numbers are never needed exactly, so an integer of a million digits costs nothing."""
    try:
        return json.loads(text, strict=False, parse_int=_integer)
    except RecursionError as error:
        raise Unreadable(f"The file is nested too deeply to be a notebook. {_SAVE_AGAIN}") from error
    except json.JSONDecodeError as error:
        raise Unreadable(_not_json(text, error)) from error


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 18 else float(digits)


_LOOKS_LIKE = [
    (r"PK\x03\x04", "a zip archive", "Unpack it and hand in the .ipynb file."),
    (r"%PDF", "a PDF document", "Hand in the .ipynb file, not an export of it."),
    (r"<(!doctype|html|head|\?xml)", "a web page", "Download the .ipynb file itself, not the page that shows it."),
    (r"\{\\rtf", "a text processor's document", "Hand in the .ipynb file."),
    (r"(# %%|# In\[|#!|import |from \w+ import |def |class |%)", "Python code", "Hand in the .ipynb, not a script."),
]


def _not_json(text: str, error: json.JSONDecodeError) -> str:
    text = text.rstrip()
    start = text.lstrip()[:200].lower()
    for pattern, found, instead in _LOOKS_LIKE:
        if re.match(pattern, start, re.IGNORECASE):
            return f"This is {found}, not a notebook. {instead}"
    if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
        return "The file holds an unresolved git merge (lines that start with <<<<<<<). Resolve it and hand in again."
    if start.startswith("{") and (error.pos >= len(text) or error.msg.startswith("Unterminated string")):
        return f"The file ends in the middle, after line {text.count(chr(10)) + 1}: it is cut off. {_SAVE_AGAIN}"
    return f"The file is not a notebook: it is no valid JSON at line {error.lineno} ({error.msg}). {_SAVE_AGAIN}"


# From JSON to cells --------------------------------------------------------------------------------------------------


def _raw_cells(document: Any, notes: list[str]) -> list[Any]:
    """The cells as nbformat 4 has them, still unchecked. The shape decides, not the version that the file claims."""
    if not isinstance(document, dict):
        raise Unreadable(f"The file is JSON but no notebook: it holds {_kind(document)}. {_SAVE_AGAIN}")
    cells, worksheets = document.get("cells"), document.get("worksheets")
    if isinstance(cells, list):
        _note_version(document, notes)
        return _limited(cells)
    if isinstance(worksheets, list):
        notes.append("The file is in a notebook format from before 2015; it was upgraded.")
        return _upgraded(document, worksheets)
    keys = ", ".join(repr(str(key)[:30]) for key in list(document)[:5]) or "nothing"
    raise Unreadable(f"The file is JSON but no notebook: it has no list of cells, but {keys}. {_SAVE_AGAIN}")


def _limited(cells: list[Any]) -> list[Any]:
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"It has {len(cells):,} cells; at most {MAX_CELLS:,} are read. Delete those not needed.")
    return cells


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return kinds.get(type(value), "nothing")


def _note_version(document: dict, notes: list[str]) -> None:
    major, minor = document.get("nbformat"), document.get("nbformat_minor", 0)
    newest = (nbformat.current_nbformat, nbformat.current_nbformat_minor)
    if not isinstance(major, int) or isinstance(major, bool):
        notes.append("The file does not say which notebook format it has; it was read as format 4.")
    elif isinstance(minor, int) and (major, minor) > newest:
        notes.append(f"The file has notebook format {major}.{minor}, newer than {newest[0]}.{newest[1]} known here.")


def _upgraded(document: dict, worksheets: list[Any]) -> list[Any]:
    """Cells of format 2 or 3, upgraded by nbformat's own converters, which are given nothing that could be invalid."""
    sheets = [
        sheet["cells"] for sheet in worksheets if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
    ]
    cells = _limited([cell for sheet in sheets for cell in sheet if isinstance(cell, dict)])
    major = 2 if document.get("nbformat") == 2 else 3
    old = {
        "nbformat": major,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [_old_cell(cell, major) for cell in cells], "metadata": {}}],
    }
    return nbformat.convert(nbformat.from_dict(old), 4).cells


def _old_cell(cell: dict, major: int) -> dict:
    line_end = "\n" if major == 2 else ""  # format 2 keeps lines without their ends
    kind = cell.get("cell_type")
    found = _dict(cell.get("metadata"))
    metadata = {"nbgrader": _plain(_dict(found.get("nbgrader"))), "tags": list(_tags(found.get("tags")))}
    if kind == "code":
        common = {"outputs": [], "language": "python", "collapsed": False}
        return common | {"cell_type": "code", "metadata": metadata, "input": _source(cell.get("input"), line_end)}
    kind = kind if kind in ("markdown", "raw", "html", "heading") else "raw"
    old = {"cell_type": kind, "metadata": metadata, "source": _source(cell.get("source"), line_end)}
    if kind == "heading":
        level = cell.get("level")
        old["level"] = level if isinstance(level, int) and 1 <= level <= 6 else 1
    return old


def _cells(raw_cells: list[Any], notes: list[str]) -> list[SubmittedCell]:
    cells = []
    mended: defaultdict[str, list[int]] = defaultdict(list)  # what was done -> numbers of the cells concerned
    for number, raw in enumerate(raw_cells, 1):
        if not isinstance(raw, dict):
            mended["left out: not a cell"].append(number)
            continue
        cell = _cell(raw)
        if "\0" in cell.source:
            cell = replace(cell, source=cell.source.replace("\0", ""))
            mended["NUL characters removed"].append(number)
        if raw.get("cell_type") not in _TYPES:
            mended["of no known type: kept as plain text"].append(number)
        cells.append(cell)
    notes += [f"{_numbers(numbers)} {done}." for done, numbers in mended.items()]
    return cells


def _cell(raw: dict) -> SubmittedCell:
    metadata = _dict(raw.get("metadata"))
    nbgrader = _plain(_dict(metadata.get("nbgrader")))
    return SubmittedCell(
        type=next((kind for kind in _TYPES if kind == raw.get("cell_type")), "raw"),
        source=_source(raw.get("source", raw.get("input"))),
        grade_id=_name(nbgrader.get("grade_id")),
        nbgrader=nbgrader,
        tags=_tags(metadata.get("tags")),
        attachments=_attachments(raw.get("attachments")),
    )


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"Cell {shown}:" if len(numbers) == 1 else f"Cells {shown} ({len(numbers):,} in all):"


def _source(value: Any, line_end: str = "") -> str:
    """A cell's text from a string or a list of strings, with line ends and characters that can be written again."""
    lines = value if isinstance(value, list) else [value]
    try:
        text = line_end.join(lines)
    except TypeError:
        text = line_end.join(line for line in lines if isinstance(line, str))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs are joined, lone halves go


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _plain(values: dict) -> dict[str, str | int | float | bool | None]:
    """The entries that are scalars and can be written as JSON again."""
    return {
        _source(key): _source(value) if isinstance(value, str) else value
        for key, value in values.items()
        if isinstance(value, str | bool | int | None) or (isinstance(value, float) and math.isfinite(value))
    }


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_NAME else None


def _tags(value: Any) -> tuple[str, ...]:
    names = [_source(tag) for tag in value if _name(tag)] if isinstance(value, list) else []
    return tuple(dict.fromkeys(names))


def _attachments(value: Any) -> dict[str, dict[str, str]]:
    files = {_source(name): _dict(media) for name, media in _dict(value).items()}
    plain = {
        name: {_source(kind): _source(data) for kind, data in media.items() if isinstance(data, str | list)}
        for name, media in files.items()
    }
    return {name: media for name, media in plain.items() if media}


def _note_kernel(document: dict, notes: list[str]) -> None:
    metadata = _dict(document.get("metadata"))
    spec, info = _dict(metadata.get("kernelspec")), _dict(metadata.get("language_info"))
    language = next((v for v in (spec.get("language"), info.get("name")) if isinstance(v, str) and v), "python")
    if not language.lower().startswith(("python", "ipython")):
        notes.append(f"The notebook was saved for {_source(language)[:40]}; its code cells are run as Python.")
