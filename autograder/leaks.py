"""The leak gate: nothing that students must not see stands in what they get.

Secret are the lines of hidden tests, solutions, misconceptions, alternatives and probes, and what a misconception
tells a student. They are looked for in every cell, in outputs, metadata and attachments, in side files and library
files, and inside base64, hexadecimal, compressed and zipped data; compiled code and digests of secret text are refused
wherever they are.

A line is no secret if it is short, generic (an import, a seed), or also stands in a stub or a visible test. Prose and
figures may show a line of a solution, since a formula is followed by its line of code, but not most of its lines.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import hashlib
import importlib.util
import io
import json
import lzma
import marshal
import re
import types
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import nbformat
from nbgrader.utils import compute_checksum

from autograder.model import Assignment

Leak = dict[str, str]
"""{"file": path of the released file, "what": what was found and where}."""

_SHORT = 16  # characters without blanks: `g=2*(w-target)` says nothing that the formula does not
_GENERIC = re.compile(r"import |from |def |class |@|#\s*$|else:|try:|return( \w+)?$|.*default_rng\([\d, ]*\)$")
_HEADER = re.compile(r"(for|while|if|elif|with|except)\b")
_LONG_HEADER = 32  # a loop over `range(1, steps + 1)` is generic, a loop over a list of hidden inputs is not
_ASSERTION = re.compile(r"assert (.*), (f?[\"'].*)")
_LARGEST = 1 << 24  # bytes: data that unpacks to more is looked at up to here
_DEEPEST = 4  # base64 of gzip of a zip of text is 4 deep


def find(assignment: Assignment, files: Mapping[str, bytes], beside: Iterable[Assignment] = ()) -> list[Leak]:
    """What of `assignment` leaks into the released `files`: path -> content, library files as `lib/...`.

    `beside` are the other assignments whose notebooks are among the files.
    """
    gate = _Gate(
        secrets=_secrets(assignment),
        digests=_digests(assignment),
        authored={_squeeze(c.released) for a in (assignment, *beside) for n in a.notebooks for c in n.cells},
    )
    leaks = []
    for path, content in sorted(files.items()):
        what = [*_sealed(path, assignment), *gate.inspect(path, content)]
        leaks += [{"file": path, "what": text} for text in dict.fromkeys(what)]
    return leaks


@dataclass(frozen=True)
class _Gate:
    secrets: list[_Secret]
    digests: Mapping[bytes, str]
    authored: set[str]  # what cells say to students, without blanks

    def inspect(self, path: str, content: bytes) -> Iterator[str]:
        if not path.endswith(".ipynb"):
            yield from self._matches("the file", _text(content), authored=path.endswith(".py"))
            yield from _compiled(path, content)
            yield from self._packed("the file", (b for b in _unpack(content, _DEEPEST) if b is not content))
            return
        yield from _irregular(content)
        for place, text, is_source in _texts(json.loads(content)):
            yield from self._matches(place, text, authored=is_source and _squeeze(text) in self.authored)
            yield from self._packed(place, _unpack_text(text, _DEEPEST))

    def _matches(self, place: str, text: str, authored: bool = False) -> Iterator[str]:
        """`authored`: someone wrote it for students to read, so that a single line of a solution may be meant."""
        squeezed = _squeeze(text)
        for secret in self.secrets:
            hits = [line for line in secret.lines if line in squeezed]
            if hits and (secret.strict or not authored or _is_most(len(hits), len(secret.lines))):
                more = f" and {len(hits) - 1} more" if len(hits) > 1 else ""
                yield f"{secret.what} in {place}: {hits[0]}{more}"

    def _packed(self, place: str, blobs: Iterable[bytes]) -> Iterator[str]:
        for blob in blobs:
            if blob in self.digests:
                yield f"digest of {self.digests[blob]} in {place}"
            yield from _compiled(f"data in {place}", blob)
            yield from self._matches(f"data packed in {place}", _text(blob))


def _is_most(found: int, lines: int) -> bool:
    return found == lines or (found >= 2 and 2 * found >= lines)


# ---- what is secret


@dataclass(frozen=True)
class _Secret:
    what: str
    lines: tuple[str, ...]  # without blanks
    strict: bool  # one line is too much, even in prose


def _secrets(assignment: Assignment) -> list[_Secret]:
    cells = [c for n in assignment.notebooks for c in n.cells]
    public = [c.released for c in cells if c.role in ("test", "locked")]
    stubs = {c.grade_id: c for c in cells if c.role in ("solution", "written")}
    versions = [w.source for e in assignment.exercises for w in e.misconceptions]
    versions += [r.source for e in assignment.exercises for r in e.alternatives]
    elsewhere = [*public, *versions, *(c.source for c in stubs.values())]  # a bank in a test is judged as a bank
    found = [_secret(f"hidden test {c.grade_id}", c.source, elsewhere, strict=True) for c in cells if c.role == "test"]
    found += [_secret(f"solution of {name}", c.source, [c.released, *public]) for name, c in stubs.items()]
    for exercise in assignment.exercises:
        own = [stubs[exercise.name].released, *public]
        found.append(_secret(f"probe of {exercise.name}", exercise.probe, own, strict=True))
        for wrong in exercise.misconceptions:
            what = f"misconception {exercise.name}: {wrong.slug}"
            found.append(_secret(what, wrong.source, own))
            found.append(_secret(f"message of {what}", re.sub(r"(?<=[.!?]) ", "\n", wrong.message), [], strict=True))
        for right in exercise.alternatives:
            found.append(_secret(f"alternative {exercise.name}: {right.slug}", right.source, own))
    return [secret for secret in found if secret.lines]


def _secret(what: str, text: str, visible: Iterable[str], strict: bool = False) -> _Secret:
    shown = [_squeeze(v) for v in visible]
    lines = [_squeeze(line) for line in _pieces(text) if _is_telling(line)]
    return _Secret(what, tuple(dict.fromkeys(x for x in lines if not any(x in v for v in shown))), strict)


def _pieces(text: str) -> Iterator[str]:
    """The lines, an assertion's condition and its message apart: either tells something without the other."""
    for line in text.splitlines():
        match = _ASSERTION.fullmatch(line.strip())
        yield from match.groups() if match else [line]


def _is_telling(line: str) -> bool:
    text = line.strip()
    if len(_squeeze(text)) < _SHORT or _GENERIC.match(text) or " SOLUTION" in text or " HIDDEN TESTS" in text:
        return False
    return not _HEADER.match(text) or len(_squeeze(text)) >= _LONG_HEADER


def _digests(assignment: Assignment) -> dict[bytes, str]:
    """Digests of every secret text as a whole: an oracle by which a guess could be checked."""
    texts = {
        f"{c.role} {c.grade_id}": c.source for n in assignment.notebooks for c in n.cells if c.source != c.released
    }
    for exercise in assignment.exercises:
        texts[f"probe of {exercise.name}"] = exercise.probe
        texts |= {f"{exercise.name}: {wrong.slug}": wrong.source for wrong in exercise.misconceptions}
        texts |= {f"{exercise.name}: {right.slug}": right.source for right in exercise.alternatives}
    return {
        hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest(): what
        for what, text in texts.items()
        for algorithm in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
        if text
    }


# ---- where it may stand


def _texts(notebook: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Every text in a notebook: its place, the text, and whether it is the source of a cell."""
    for number, cell in enumerate(notebook.pop("cells"), 1):
        place = f"cell {cell.get('metadata', {}).get('nbgrader', {}).get('grade_id') or number}"
        yield place, "".join(cell.pop("source")), True
        yield from ((f"{where} of {place}", text, False) for where, text in _strings(cell))
    yield from ((f"{where} of the notebook", text, False) for where, text in _strings(notebook))


def _strings(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every string in JSON data, with the key it stands under; keys are strings too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield "a key", key
            yield from _strings(inner, key)
    elif isinstance(value, list) and all(isinstance(x, str) for x in value):
        yield where, "".join(value)  # nbformat keeps a text as a list of its lines
        yield where, "\n".join(value)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, where)
    elif isinstance(value, str):
        yield where, value


# ---- packed and compiled data

_PACKED = (
    (re.compile(r"(?:[0-9a-fA-F]{2}){16,}"), bytes.fromhex),
    (re.compile(r"[A-Za-z0-9+/]{16,}={0,2}"), lambda text: base64.b64decode(text + "=" * (-len(text) % 4))),
    (re.compile(r"[A-Za-z0-9_-]{16,}={0,2}"), lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))),
    (re.compile(r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{24,}"), base64.b85decode),
)


def _unpack_text(text: str, depth: int) -> Iterator[bytes]:
    joined = re.sub(r"\s*\n\s*", "", text)  # encoders wrap their lines
    for written in dict.fromkeys((text, joined)):
        for pattern, decode in _PACKED:
            for match in pattern.finditer(written):
                with suppress(ValueError, binascii.Error):
                    yield from _unpack(decode(match[0]), depth)


def _unpack(blob: bytes, depth: int) -> Iterator[bytes]:
    """The data itself, and all that it decompresses to."""
    yield blob
    if depth == 0:
        return
    for inner in _decompressed(blob):
        yield from _unpack(inner, depth - 1)
    if blob.isascii():
        yield from _unpack_text(blob.decode("ascii"), depth - 1)


def _decompressed(blob: bytes) -> Iterator[bytes]:
    for decompressor in (
        zlib.decompressobj(47),
        zlib.decompressobj(-15),
        bz2.BZ2Decompressor(),
        lzma.LZMADecompressor(),
    ):
        with suppress(zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
            if text := decompressor.decompress(blob, _LARGEST):
                yield text
    if zipfile.is_zipfile(io.BytesIO(blob)):
        with (
            suppress(zipfile.BadZipFile, RuntimeError, NotImplementedError),
            zipfile.ZipFile(io.BytesIO(blob)) as archive,
        ):
            for member in archive.infolist():
                with archive.open(member) as file:
                    yield file.read(_LARGEST)


def _compiled(path: str, content: bytes) -> list[str]:
    """Compiled Python: a student could read it back as source."""
    if PurePosixPath(path).suffix in (".pyc", ".pyo") or content.startswith(importlib.util.MAGIC_NUMBER):
        return [f"compiled code: {path}"]
    if content[:1] in (b"\xe3", b"\x63"):  # how marshal begins a code object
        with suppress(ValueError, EOFError, TypeError):
            if isinstance(marshal.loads(content), types.CodeType):
                return [f"compiled code: {path}"]
    return []


# ---- rules for what is released


def _irregular(content: bytes) -> Iterator[str]:
    """What a released notebook has only if nbgrader's own cleaning was not done last."""
    for number, cell in enumerate(nbformat.reads(content.decode(), as_version=4).cells, 1):
        known = cell.metadata.get("nbgrader", {})
        place = f"cell {known.get('grade_id') or number}"
        if cell.get("outputs") or cell.get("execution_count"):
            yield f"{place} has been run: its outputs may show solutions"
        if "checksum" in known and known["checksum"] != compute_checksum(cell):
            yield f"the checksum of {place} is of another text than the released one"


def _sealed(path: str, assignment: Assignment) -> Iterator[str]:
    """A module that this assignment asks students to write."""
    if path.startswith("lib/") and (sealed := sealed_by(module_at(path), assignment.sealed)):
        yield f"module {sealed} is sealed by {assignment.name}"


def module_at(path: str) -> str:
    """The module of a library file.

    >>> module_at("lib/chainrule/optim/__init__.py")
    'chainrule.optim'
    """
    return ".".join(PurePosixPath(path).parts[1:]).removesuffix(".py").removesuffix(".__init__")


def sealed_by(module: str, sealed: Iterable[str]) -> str | None:
    """The sealed module that this one is or lies in."""
    return next((m for m in sealed if module == m or module.startswith(f"{m}.")), None)


def _text(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "replace")


def _squeeze(text: str) -> str:
    return "".join(text.split())
