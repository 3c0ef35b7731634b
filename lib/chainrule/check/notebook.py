"""Reading a notebook file as it is: nothing is run, nothing is written, and nothing but Python is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_READ = 200_000_000  # bytes: ten times what the grader takes; a larger file is not opened

SAVE_AGAIN = "Open it in JupyterLab or Colab, save it there, and check it again."


class Unreadable(Exception):
    """A file that is no notebook: what it is instead, and what to do."""


@dataclass(frozen=True)
class Cell:
    number: int  # from 1, all cells counted, as a person counts them
    type: str  # code, markdown or raw
    source: str
    heading: str = ""  # the nearest one, in this cell or before it
    tags: frozenset[str] = frozenset()
    nbgrader: dict[str, Any] = field(default_factory=dict)

    @property
    def grade_id(self) -> str | None:
        found = self.nbgrader.get("grade_id")
        return found if isinstance(found, str) and found else None

    @property
    def role(self) -> str:
        """What nbgrader's metadata make of it: solution, test, locked, written, task or free."""
        solution, grade = self.nbgrader.get("solution") is True, self.nbgrader.get("grade") is True
        if self.nbgrader.get("task") is True:
            return "task"
        if solution:
            return "written" if grade else "solution"
        if grade:
            return "test"
        return "locked" if self.nbgrader.get("locked") is True else "free"

    @property
    def has_code(self) -> bool:
        """Whether there is a line that is neither blank nor a comment; a released hidden test has none."""
        lines = (line.strip() for line in self.source.splitlines())
        return self.type == "code" and any(line and not line.startswith("#") for line in lines)


@dataclass(frozen=True)
class Notebook:
    cells: list[Cell]
    metadata: dict[str, Any]
    language: str  # lower case; "python" where the file says nothing


def content(path: Path) -> bytes:
    """The bytes of the file. Raises Unreadable if there is no such file, or none that can be opened."""
    try:
        if path.is_dir():
            raise Unreadable(f"{path} is a folder. Name the notebook in it: {_notebooks_in(path)}.")
        if not path.exists():
            raise Unreadable(_no_such_file(path))
        if not path.is_file():
            raise Unreadable(f"{path} is not an ordinary file. Name the .ipynb file itself.")
        if (size := path.stat().st_size) > MAX_READ:
            raise Unreadable(
                f"{path.name} has {size / 1e6:,.0f} MB. Clear all outputs (in JupyterLab: Edit > Clear Outputs of All "
                "Cells), save, and check it again."
            )
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be opened ({error.strerror or error}). Check its permissions.") from error


def parse(data: bytes, name: str) -> Notebook:
    """The notebook in the bytes of a file; messages call it `name`. Raises Unreadable."""
    document = _document(data, name)
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise Unreadable(_no_notebook(document, name))
    metadata = _dict(document.get("metadata"))
    return Notebook(list(_cells(document["cells"])), metadata, _language(metadata))


# ---- from file to JSON


def _no_such_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no {path}, nor the folder {folder}. Check the spelling."
    return (
        f"There is no {path.name} in {folder.resolve()}. Notebooks there: {_notebooks_in(folder)}. On Colab, download "
        "the notebook (File > Download) and upload it in the pane with the files: an open notebook is not a file there."
    )


def _notebooks_in(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*.ipynb"))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"


def _document(data: bytes, name: str) -> Any:
    if not data.strip(b" \t\r\n\0"):
        raise Unreadable(f"{name} is empty. {SAVE_AGAIN}")
    text = data.decode(json.detect_encoding(data), "replace")
    try:
        return json.loads(text, strict=False)
    except RecursionError:
        raise Unreadable(f"{name} is nested too deeply to be a notebook. {SAVE_AGAIN}") from None
    except ValueError as error:
        raise Unreadable(_not_json(text, name, error)) from None


_LOOKS_LIKE = [
    (r"PK\x03\x04", "a zip archive", "Unpack it and check the .ipynb file in it."),
    (r"%PDF", "a PDF document", "Check and hand in the .ipynb file, not an export of it."),
    (r"<(!doctype|html|head|\?xml)", "a web page", "Download the .ipynb file itself, not the page that shows it."),
    (r"\{\\rtf", "a text processor's document", "Check and hand in the .ipynb file."),
    (
        r"(# %%|# In\[|# ---|#!|\"\"\"|import |from \w+ import |def |class |%)",
        "Python code",
        "Check and hand in the .ipynb file, not a script.",
    ),
]


def _not_json(text: str, name: str, error: ValueError) -> str:
    start = text.lstrip()[:200]
    for pattern, found, instead in _LOOKS_LIKE:
        if re.match(pattern, start, re.IGNORECASE):
            return f"{name} is {found}, not a notebook. {instead}"
    if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
        return f"{name} holds an unresolved git merge (lines that start with <<<<<<<). Resolve it, and check it again."
    line, position = getattr(error, "lineno", 1), getattr(error, "pos", 0)
    if start.startswith("{") and (position >= len(text.rstrip()) or "Unterminated string" in str(error)):
        return f"{name} ends in the middle, after line {text.rstrip().count(chr(10)) + 1}: it is cut off. {SAVE_AGAIN}"
    return f"{name} is not a notebook: it is no valid JSON at line {line}. {SAVE_AGAIN}"


def _no_notebook(document: Any, name: str) -> str:
    if isinstance(document, dict) and isinstance(document.get("worksheets"), list):
        return f"{name} is in a notebook format from before 2015. {SAVE_AGAIN}"
    return f"{name} is JSON, but not a notebook: it has no list of cells. {SAVE_AGAIN}"


# ---- from JSON to cells


def _cells(raw_cells: list[Any]) -> Iterator[Cell]:
    heading = ""
    for number, raw in enumerate(raw_cells, 1):
        cell = _dict(raw)
        metadata = _dict(cell.get("metadata"))
        source, tags = _text(cell.get("source")), metadata.get("tags")
        if cell.get("cell_type") == "markdown":
            heading = _last_heading(source) or heading
        yield Cell(
            number=number,
            type=str(cell.get("cell_type")),
            source=source,
            heading=heading,
            tags=frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset(),
            nbgrader=_dict(metadata.get("nbgrader")),
        )


_FENCED = re.compile(r"^(```|~~~).*?(^\1|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def _last_heading(markdown: str) -> str:
    found = _HEADING.findall(_FENCED.sub("", markdown))
    return found[-1] if found else ""


def _language(metadata: dict[str, Any]) -> str:
    spec, info = _dict(metadata.get("kernelspec")), _dict(metadata.get("language_info"))
    named = (value for value in (spec.get("language"), info.get("name")) if isinstance(value, str) and value)
    return next(named, "python").lower()


def _text(value: Any) -> str:
    lines = value if isinstance(value, list) else [value]
    text = "".join(line for line in lines if isinstance(line, str))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half characters cannot be sent on


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
