import copy
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import Unreadable
from autograder.submission import MAX_CELLS, Submitted, SubmittedCell, read

FLAGS = {"grade": False, "grade_id": "adam", "locked": False, "schema_version": 3, "solution": True}
V4 = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    "cells": [
        {"id": "a", "cell_type": "markdown", "metadata": {}, "source": ["# Größe\n", "prose"]},
        {
            "id": "b",
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {"nbgrader": FLAGS, "tags": ["mine"]},
            "source": "def adam():\n    return 1",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "hello"}],
        },
    ],
}
CELLS = [
    SubmittedCell("markdown", "# Größe\nprose"),
    SubmittedCell("code", "def adam():\n    return 1", "adam", FLAGS, ("mine",)),
]


def dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def changed(cell: dict | None = None, **top: Any) -> bytes:
    document = copy.deepcopy(V4) | top
    document["cells"][1].update(cell or {})
    return dumped(document)


def as_colab(document: dict) -> dict:
    document = copy.deepcopy(document) | {"nbformat_minor": 0}
    document["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    for cell in document["cells"]:
        cell["metadata"] |= {"id": cell.pop("id"), "executionInfo": {"elapsed": 3, "user": {"displayName": "x"}}}
    return document


# Files that say the same in another way: all read as CELLS, without a note

SAME = {
    "as saved": dumped(V4),
    "indented": json.dumps(V4, indent=1).encode(),
    "ASCII": json.dumps(V4).encode(),
    "byte order mark": b"\xef\xbb\xbf" + dumped(V4),
    "UTF-16": dumped(V4).decode().encode("utf-16"),
    "UTF-16, no mark": dumped(V4).decode().encode("utf-16-be"),
    "UTF-32": dumped(V4).decode().encode("utf-32"),
    "Colab": dumped(as_colab(V4)),
    "Windows line ends": dumped(V4).replace(b"\\n", b"\\r\\n").replace(b" ", b" \r\n", 1),
    "NaN": dumped(V4).replace(b'"execution_count": 1', b'"execution_count": NaN, "x": -Infinity'),
    "huge integer": dumped(V4).replace(b'"execution_count": 1', b'"execution_count": 1' + b"0" * 10_000),
    "no outputs": changed({"outputs": None, "execution_count": "x"}),
    "malformed outputs": changed({"outputs": [1, {"output_type": "nothing"}]}),
    "no metadata": changed(metadata=None),
    "metadata of wrong type": changed(metadata=["x"]),
    "kernel of wrong type": changed(metadata={"kernelspec": [], "language_info": {"name": 3}}),
    "same cell ids": changed({"id": "a"}),
    "invalid cell id": changed({"id": {"x": 1}}),
    "nbgrader metadata with more": changed(
        {"metadata": {"nbgrader": FLAGS | {"deep": [[1]]}, "tags": ["mine", 3, ["x"], "mine", ""]}}
    ),
    "source in characters": changed({"source": list("def adam():\n    return 1")}),
    "control characters": dumped(V4).replace(b'"hello"', b'"hel\x01\tlo"'),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_the_same_notebook_in_another_shape(content: bytes):
    assert read(content) == Submitted(CELLS, [])


@pytest.mark.parametrize("major", [2, 3])
def test_old_formats_are_upgraded_as_nbformat_does(major: int):
    code = {
        "cell_type": "code",
        "language": "python",
        "collapsed": False,
        "input": "x = 1",
        "outputs": [],
        "metadata": {},
    }
    lines = ["a", "", "b"] if major == 2 else ["a\n", "\n", "b"]
    text = {"cell_type": "markdown", "source": lines, "metadata": {}}
    heading = {"cell_type": "heading", "level": 2, "source": "Title", "metadata": {"tags": ["t"], "nbgrader": FLAGS}}
    cells = [code, text] if major == 2 else [code, text, heading]
    old = {
        "nbformat": major,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    upgraded = nbformat.reads(json.dumps(old), as_version=4)
    result = read(dumped(old))
    assert [(c.type, c.source) for c in result.cells] == [(c.cell_type, c.source) for c in upgraded.cells]
    assert result.notes == ["The file is in a notebook format from before 2015; it was upgraded."]
    assert major == 2 or (result.cells[2].grade_id, result.cells[2].tags) == ("adam", ("t",))


def test_malformed_cells_of_an_old_format():
    cells = [{"cell_type": "code"}, {"cell_type": "heading", "level": "x", "metadata": 3, "source": None}, 5, {}]
    result = read(dumped({"nbformat": 3, "worksheets": [{"cells": cells}, 3, {"cells": None}]}))
    assert [(c.type, c.source) for c in result.cells] == [("code", ""), ("markdown", "# "), ("raw", "")]


# Files that had to be mended: the note, and the second cell if it changed

MENDED = [
    (changed({"source": "x\0 = 1"}), "Cell 2: NUL characters removed.", "x = 1"),
    (dumped(V4).replace(b"hello", b"hel\0lo"), "NUL characters were removed from the file.", None),
    (dumped(V4) + b"\0" * 512, "NUL characters were removed from the file.", None),
    (dumped(V4).replace("ö".encode(), b"\xf6"), "The file is not valid UTF-8", None),
    (changed({"cell_type": "sql"}), "Cell 2: of no known type: kept as plain text.", None),
    (dumped(V4 | {"cells": [None, V4["cells"][1]]}), "Cell 1: left out: not a cell.", None),
    (dumped({"cells": V4["cells"]}), "does not say which notebook format", None),
    (changed(nbformat_minor=99), "notebook format 4.99, newer than 4.5", None),
    (changed(nbformat=5, nbformat_minor=0), "notebook format 5.0, newer than 4.5", None),
    (changed(metadata={"kernelspec": {"name": "ir", "language": "R"}}), "saved for R;", None),
    (changed(metadata={"language_info": {"name": "julia"}}), "saved for julia;", None),
]


@pytest.mark.parametrize(("content", "note", "source"), MENDED, ids=[m[1] for m in MENDED])
def test_a_mended_file_is_read_with_a_note(content: bytes, note: str, source: str | None):
    result = read(content)
    assert len(result.notes) == 1
    assert note in result.notes[0]
    assert result.cells[-1].source == (source or CELLS[1].source)


def test_a_lone_half_of_a_character_can_be_written_again():
    cell = V4["cells"][1] | {"source": "x = '\ud83d' # \ud83d\ude00", "metadata": {"tags": ["\ud83d"]}}
    result = read(json.dumps(V4 | {"cells": [V4["cells"][0], cell]}).encode())
    assert result.cells[1].source == "x = '\N{REPLACEMENT CHARACTER}' # \N{GRINNING FACE}"
    assert result.cells[1].tags == ("\N{REPLACEMENT CHARACTER}",)


def test_attachments_are_kept_if_they_are_attachments():
    good = {"plot.png": {"image/png": "aGk="}}
    result = read(changed({"attachments": good | {"x": 3, "y": {"image/png": 3}}}))
    assert result.cells[1].attachments == good


# Files that are no notebook: what the reason says

UNREADABLE = {
    "empty": (b"", "The file is empty"),
    "blank": (b"  \n", "blank: 3 bytes"),
    "NULs": (b"\0" * 100, "blank: 100 bytes"),
    "truncated": (dumped(V4)[:-100], "ends in the middle, after line 1"),
    "truncated in a text": (json.dumps(V4, indent=1).encode()[:200], "ends in the middle"),
    "zip": (b"PK\x03\x04rest", "a zip archive"),
    "PDF": (b"%PDF-1.7\n\xe2", "a PDF document"),
    "page": (b"\n<!DOCTYPE html><html>", "a web page"),
    "XML": (b"<?xml version='1.0'?>", "a web page"),
    "script": (b"import numpy as np\n", "Python code"),
    "percent script": (b"# %% [markdown]\n", "Python code"),
    "rich text": (b"{\\rtf1\\ansi", "a text processor's document"),
    "merge": (dumped(V4) + b"\n<<<<<<< HEAD\n", "unresolved git merge"),
    "not JSON": (b'{"cells": [}', "no valid JSON at line 1"),
    "words": (b"I did not finish it", "no valid JSON at line 1"),
    "binary": (bytes(range(128, 256)), "no valid JSON"),
    "list": (b"[]", "it holds a list"),
    "number": (b"3", "it holds a number"),
    "null": (b"null", "it holds nothing"),
    "other JSON": (b'{"name": "x", "version": 1}', "no list of cells, but 'name', 'version'"),
    "empty object": (b"{}", "no list of cells, but nothing"),
    "cells of wrong type": (b'{"cells": {"a": 1}}', "no list of cells, but 'cells'"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 100_000, "nested too deeply"),
    "too many cells": (dumped({"cells": [{}] * (MAX_CELLS + 1)}), "It has 10,001 cells"),
    "too many old cells": (dumped({"worksheets": [{"cells": [{}] * 5_001}] * 2}), "It has 10,002 cells"),
}
NEXT_STEPS = ("hand it in again", "and hand in", "Hand in", "Download", "Delete", "Resolve")


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_notebook_is_named_with_the_next_step(content: bytes, reason: str):
    with pytest.raises(Unreadable) as caught:
        read(content)
    assert reason in caught.value.reason
    assert any(step in caught.value.reason for step in NEXT_STEPS)
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) < 300


def test_a_file_too_large_is_not_opened(tmp_path: Path):
    path = tmp_path / "optimizers.ipynb"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(Unreadable, match=r"has 100\.0 MB; at most 20 MB are read.*clear all outputs"):
        read(path)
    with pytest.raises(Unreadable, match="at most 0 MB"):
        read(dumped(V4), max_bytes=10)


def test_a_path_that_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    cases = [(".", "is a folder"), ("none.ipynb", "cannot be opened"), ("pipe.ipynb", "no.* ordinary file")]
    for name, reason in cases:
        with pytest.raises(Unreadable, match=reason):
            read(tmp_path / name)
    with pytest.raises(Unreadable, match="cannot be opened"):
        read("nul\0byte.ipynb")


def test_a_path_and_its_bytes_read_alike(tmp_path: Path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(dumped(V4))
    assert read(path) == read(str(path)) == read(path.read_bytes())


# Anything at all: read or refused in words, never anything else

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["code", "markdown", "raw", "heading", "html"])


def some(**keys: st.SearchStrategy) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional={key: JSON | strategy for key, strategy in keys.items()})


METADATA = some(nbgrader=some(grade_id=st.text(), points=JSON), tags=st.lists(JSON | st.text()))
A_CELL = some(
    cell_type=KINDS,
    source=st.lists(JSON | st.text()),
    input=st.text(),
    metadata=METADATA,
    level=st.integers(),
    attachments=st.dictionaries(st.text(), st.dictionaries(st.text(), JSON)),
)
A_NOTEBOOK = some(
    nbformat=st.sampled_from([2, 3, 4, 5]),
    nbformat_minor=st.integers(),
    metadata=some(kernelspec=some(language=st.text()), language_info=some(name=st.text())),
    cells=st.lists(JSON | A_CELL, max_size=3),
    worksheets=st.lists(JSON | some(cells=st.lists(JSON | A_CELL, max_size=3)), max_size=2),
)


@given(content=st.binary() | A_NOTEBOOK.map(lambda document: json.dumps(document).encode()))
def test_anything_is_read_or_refused_in_words(content: bytes):
    try:
        result = read(content)
    except Unreadable as error:
        assert error.reason.isprintable()
        return
    for cell in result.cells:
        assert cell.type in ("code", "markdown", "raw")
        assert all(isinstance(text, str) for text in (cell.source, *cell.tags))
        assert cell.grade_id is None or isinstance(cell.grade_id, str)
        json.dumps([cell.nbgrader, cell.attachments, cell.source, cell.tags], allow_nan=False).encode()
        cell.source.encode()
