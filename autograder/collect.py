"""Take submissions from folders and zip files into a course, whatever an LMS, a browser or a student made of them.

Understood are nbgrader's `<student>/<assignment>/x.ipynb` and its exchange, `<student>/anything.ipynb`, one zip file
for each student, plain `<student>.ipynb`, and what the LMS make: Canvas (`lastfirst_LATE_userid_fileid_x-1.ipynb`) and
Moodle (`Name_12345_assignsubmission_file_/x.ipynb`). A file that is no valid notebook is taken all the same: grading
says what is wrong with it. A resubmission takes the place of the former one, which is kept under
`collected/<assignment>/<student>/<time>/`.
"""

from __future__ import annotations

import itertools
import os
import re
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.utils import parse_utc

from autograder.course import Course, default_course, load_assignment
from autograder.errors import CourseError, Unreadable
from autograder.model import Assignment, Notebook
from autograder.sources import File, Refused, files_in, printable
from autograder.submission import read

MAX_STUDENT = 150
"""Longest student id, in bytes of UTF-8; it names folders."""

_TIMESTAMP = "timestamp.txt"


def collect(name: str, sources: Sequence[Path | str], *, course: Course | None = None) -> dict[str, Any]:
    """Take the submissions to one assignment; the document says which were taken, and which refused and why.

    `{"schema_version": 1, "assignment", "taken": [{"student", "from", "to", "timestamp", "notes"}], "refused":
    [{"from", "reason"}]}`; timestamps are ISO 8601, UTC. Nothing that is refused keeps another from being taken.
    Collecting the same files again changes nothing. Raises CourseError if a source does not exist, the course has no
    such assignment, or the course cannot be written to.
    """
    paths = [Path(source) for source in sources]
    for path in paths:
        if not path.exists():
            raise CourseError(f"There is no {path}. Name a folder, a zip file or an .ipynb file with submissions.")
    course = course or default_course()
    intake = _Intake(course, load_assignment(course, name))
    with ExitStack() as stack:
        for path in paths:
            intake.look_through(path, stack)
        try:
            taken = intake.take()
        except OSError as error:
            raise CourseError(f"{error.filename or course.root} cannot be written: {error.strerror}.") from error
    return {
        "schema_version": 1,
        "assignment": name,
        "taken": taken,
        "refused": [{"from": r.shown, "reason": f"{r.reason}."} for r in intake.refused],
    }


class _Intake:
    """What has been found for one assignment in all sources, and how it enters the course."""

    def __init__(self, course: Course, assignment: Assignment) -> None:
        self.course, self.assignment = course, assignment
        self.layout = _Layout(assignment, set(course.assignments()) - {assignment.name})
        self.handins: list[_Handin] = []
        self.refused: list[Refused] = []

    def look_through(self, source: Path, stack: ExitStack) -> None:
        files = []
        for found in files_in(source, stack):
            if isinstance(found, Refused):
                self.refused.append(found)
            else:
                files.append(found)
        owned: defaultdict[str, list[_Owned]] = defaultdict(list)
        for one in self.layout.owners(files, source):
            if isinstance(one, Refused):
                self.refused.append(one)
            else:
                owned[unicodedata.normalize("NFC", one.student)].append(one)
        for student, theirs in owned.items():
            try:
                self.handins.append(_handin(self.assignment, student, theirs))
            except Refused as refused:
                self.refused.append(refused)

    def take(self) -> list[dict[str, Any]]:
        taken = (self._take_latest(student, handins) for student, handins in sorted(self._by_student().items()))
        return [entry for entry in taken if entry]

    def _by_student(self) -> dict[str, list[_Handin]]:
        """By the id under which the work is kept. Of ids that would be kept as one, at most one is taken."""
        claims: defaultdict[str, list[_Handin]] = defaultdict(list)
        for handin in self.handins:
            if reason := _unsafe(handin.student):
                self.refused.append(Refused(handin.shown, reason))
            else:
                claims[_safe_id(handin.student).casefold()].append(handin)
        present = {student.casefold(): student for student in self.course.submissions(self.assignment.name)}
        students: dict[str, list[_Handin]] = {}
        for key, handins in claims.items():
            known, found = present.get(key), {handin.student for handin in handins}
            owner = _owner(found, known)
            ids = ", ".join(sorted(repr(printable(one, 40)) for one in found | {known or min(found)}))
            for handin in handins:
                if handin.student != owner:
                    reason = f"the student ids {ids} would be mixed up. Rename the folder or the file of one of them"
                    self.refused.append(Refused(handin.shown, reason))
                    continue
                student = _safe_id(owner)
                if student != owner:
                    handin.notes.append(f"the student id {printable(owner)!r} was changed to {student!r}")
                students.setdefault(student, []).append(handin)
        return students

    def _take_latest(self, student: str, handins: list[_Handin]) -> dict[str, Any] | None:
        """The newest that can be read becomes the submission; older ones are kept aside."""
        latest: tuple[_Handin, Contents] | None = None
        store = _Store(self.course, self.assignment.name, student)
        for handin in sorted(handins, key=lambda h: h.timestamp, reverse=True):
            try:
                contents = handin.contents()
            except Refused as refused:
                self.refused.append(refused)
                continue
            if latest is None:
                latest = handin, contents
            elif contents != latest[1]:
                place = store.keep(contents, handin.timestamp)
                latest[0].notes.append(f"an older submission ({handin.shown}) is kept in {place}")
        if latest is None:
            return None
        handin, contents = latest
        timestamp, notes = store.put(contents, handin.timestamp)
        return {
            "student": student,
            "from": handin.shown,
            "to": str(store.folder),
            "timestamp": timestamp.isoformat(),
            "notes": [*handin.notes, *notes],
        }


# Whose is it ---------------------------------------------------------------------------------------------------------

_NOTEBOOK = re.compile(r"(?P<stem>.+)\.ipynb(\.txt|\.json)?", re.IGNORECASE | re.DOTALL)  # as browsers save it
_MOODLE = re.compile(r"(?P<name>.*)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)", re.DOTALL)
_CANVAS = re.compile(r"(?P<name>.+?)(?P<late>_(?i:late))?_(?P<id>\d+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL)
_CANVAS_RESUBMITTED = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,4})(?P<suffix>\.\w+)?", re.DOTALL)
_EXCHANGE = re.compile(
    r"(?P<id>.+)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [^+]+)(?:\+[^+]*)?"
)
_NO_STUDENT = {"submitted", "submissions", "download", "downloads", "desktop", "tmp"}


@dataclass(frozen=True)
class _Owned:
    """A file of a student's. `path` is where it lies among the student's files.

    Where an LMS keeps several attempts, `attempt` says which of two is the later one, and `replaces` what it is an
    attempt at: one file, or () for all that the student handed in.
    """

    file: File
    student: str
    path: tuple[str, ...]
    note: str = ""
    attempt: tuple[float, int] = (0, 0)
    replaces: tuple[str, ...] | None = None
    timestamp: datetime | None = None

    @property
    def stem(self) -> str | None:
        """The name of a notebook without its suffix; None for any other file."""
        return _stem(self.path[-1])


class _Layout:
    """Tells from the paths of one source which file is whose."""

    def __init__(self, assignment: Assignment, others: set[str]) -> None:
        self.name, self.others = assignment.name, others
        self.notebooks = {notebook.name for notebook in assignment.notebooks}
        self.no_student = _NO_STUDENT | {assignment.name.casefold()}

    def owners(self, files: list[File], source: Path) -> Iterator[_Owned | Refused]:
        """The files with their owners. Where none says whose it is, all are of the student the source is named for."""
        files = self._without_wrapper(files)
        notebooks = [file for file in files if _stem(file.name) is not None]
        container = source.stem if source.suffix.lower() == ".zip" else source.name if source.is_dir() else ""
        named_for_student = container and container.casefold() not in self.no_student
        if notebooks and all(map(self._is_nobodys, notebooks)) and named_for_student:
            files = [replace(file, parts=(container, *file.parts)) for file in files]
        for file in files:
            if self._is_nobodys(file):
                yield Refused(file.shown, self._why_loose(file))
            elif owned := self._owned(file):
                yield owned

    def _is_nobodys(self, file: File) -> bool:
        """Whether a file lies in no folder and its name does not say whose it is."""
        if len(file.parts) > 1 or _MOODLE.fullmatch(file.name) or _CANVAS.fullmatch(file.name):
            return False
        stem = _stem(file.name)
        return stem is None or _undecorated(stem)[0] in self.notebooks

    def _why_loose(self, file: File) -> str:
        if _stem(file.name) is None:
            return "it is no notebook (.ipynb)"
        return "whose it is cannot be told: put it into a folder named after the student, or name it after the student"

    def _owned(self, file: File) -> _Owned | None:
        """The owner by the first name of the path; None for a file of another assignment."""
        first, *rest = file.parts
        path = tuple(rest)
        if match := _MOODLE.fullmatch(first):
            note = f"Moodle participant {match['id']}: {printable(match['name'])}"
            path = path or (match["rest"],)
            return _Owned(file, match["id"], path, note) if path[-1] else None
        if match := _CANVAS.fullmatch(first):
            late = ", late" if match["late"] else ""
            note = f"Canvas user {match['id']}: {printable(match['name'])}{late}"
            name, number = match["rest"], 0
            if again := _CANVAS_RESUBMITTED.fullmatch(name):
                name, number = again["stem"] + (again["suffix"] or ""), int(again["number"])
            attempt = (number, int(match["file"][:18]))
            return _Owned(file, match["id"], path or (name,), note, attempt, () if path else (name,))
        if path and (match := _EXCHANGE.fullmatch(first)):
            time = _parsed_timestamp(match["time"])
            if match["assignment"] != self.name or time is None:
                return None
            return _Owned(file, match["id"], path, "", (time.timestamp(), 0), (), time)
        if not path:
            student, number = _undecorated(_stem(first) or first)
            return _Owned(file, student, (f"{student}.ipynb",), "", (file.modified.timestamp(), number), (student,))
        if len(path) > 1 and path[0] == self.name:
            return _Owned(file, first, path[1:], timestamp=self._nbgrader_timestamp(file, path[1:]))
        return None if len(path) > 1 and path[0] in self.others else _Owned(file, first, path)

    def _nbgrader_timestamp(self, file: File, path: tuple[str, ...]) -> datetime | None:
        """The time that nbgrader recorded when it collected. One in a student's own zip file counts for nothing."""
        if path != (_TIMESTAMP,) or file.nested:
            return None
        with suppress(Refused, UnicodeDecodeError):
            return _parsed_timestamp(file.read()[:100].decode())
        return None

    def _without_wrapper(self, files: list[File]) -> list[File]:
        """The files less the folders around all of them, as many programs put them into a zip file."""
        while True:
            tops = {file.parts[0] for file in files if _stem(file.name) is not None and len(file.parts) > 1}
            below = [file.parts[1:] for file in files if _stem(file.name) is not None]
            if len(tops) != 1 or () in below or not self._is_wrapper(min(tops), below):
                return files
            files = [replace(f, parts=f.parts[1:]) if {f.parts[0]} == tops and f.parts[1:] else f for f in files]

    def _is_wrapper(self, top: str, below: list[tuple[str, ...]]) -> bool:
        """Whether a folder holds students rather than being one: by its name, or by two or more folders in it."""
        patterns = (_MOODLE, _CANVAS, _EXCHANGE)
        if any(pattern.fullmatch(top) for pattern in patterns):
            return False
        if top.casefold() in self.no_student:
            return True
        inside = {path[0] for path in below}
        if any(pattern.fullmatch(name) for pattern in patterns for name in inside):
            return True
        return len(inside) > 1 and self.name not in inside and all(len(path) > 1 for path in below)


def _stem(name: str) -> str | None:
    match = _NOTEBOOK.fullmatch(name)
    return match["stem"] if match else None


def _undecorated(stem: str) -> tuple[str, int]:
    """A name without what browsers, Jupyter and file managers add to that of a copy, and the number of the copy.

    >>> _undecorated("Copy of optimizers (2)"), _undecorated("optimizers-Copy1"), _undecorated("optimizers")
    (('optimizers', 2), ('optimizers', 1), ('optimizers', 0))
    """
    stem = re.sub(r"^(Copy of )+", "", stem.strip(), flags=re.IGNORECASE)
    copy = re.fullmatch(r"(?P<stem>.+?)(?:[ _]?\((?P<a>\d{1,6})\)|-Copy(?P<b>\d{0,6})| - Copy)", stem, re.DOTALL)
    return (copy["stem"], int(copy["a"] or copy["b"] or 1)) if copy else (stem, 0)


def _safe_id(found: str) -> str:
    """A student id that is one folder's name everywhere, and that nbgrader's paths and patterns leave alone."""
    return re.sub(r"[^\w.@-]|^[.-]|\.$", "_", found)


def _unsafe(found: str) -> str:
    """Why a student id cannot be kept even with its odd characters replaced; "" if it can."""
    if not any(character.isalnum() for character in found):
        problem = "has no letter and no digit"
    elif len(_safe_id(found).encode()) > MAX_STUDENT:
        problem = f"is longer than {MAX_STUDENT} bytes"
    else:
        return ""
    return f"the student id {printable(found, 40)!r} {problem}. Rename the folder or the file"


def _owner(found: set[str], known: str | None) -> str | None:
    """Whose work is taken if ids differ only in case or in odd characters: of who is known, or needs no change."""
    if known:
        found = {one for one in found if _safe_id(one) == known}
    if len(found) > 1:
        found = {one for one in found if _safe_id(one) == one}
    return min(found) if len(found) == 1 else None


# What is in it -------------------------------------------------------------------------------------------------------

Contents = dict[str, bytes]
"""The files of one submission: path below the submission's folder, with slashes -> content."""


@dataclass
class _Handin:
    """What one student handed in, from one source: which file is taken as which."""

    student: str  # as found
    files: dict[str, File]
    timestamp: datetime
    notes: list[str]

    @property
    def shown(self) -> str:
        return next(iter(self.files.values())).shown

    def contents(self) -> Contents:
        return {name: file.read() for name, file in self.files.items()}


def _handin(assignment: Assignment, student: str, owned: list[_Owned]) -> _Handin:
    """Raises Refused if there is no notebook that could be the assignment's."""
    current = _latest_attempts(owned)
    notebooks = [one for one in current if one.stem is not None]
    chosen = _chosen(assignment, notebooks)
    if not chosen:
        wanted = " or ".join(f"{notebook.name}.ipynb" for notebook in assignment.notebooks)
        found = ", ".join(printable(one.path[-1], 40) for one in current[:3])
        raise Refused(current[0].file.shown, f"{wanted} is not among what this student handed in ({found})")
    files = {f"{name}.ipynb": one.file for name, one in chosen.items()}
    files |= {"/".join(one.path): one.file for one in current if "/".join(one.path) in assignment.files}
    recorded = max((one.timestamp for one in current if one.timestamp), default=None)
    notes = list(dict.fromkeys(one.note for one in current if one.note))
    notes += _notes_on_choice(assignment, chosen, [one for one in owned if one.stem is not None])
    modified = max(one.file.modified for one in chosen.values())
    return _Handin(student, files, recorded or modified, notes)


def _latest_attempts(owned: list[_Owned]) -> list[_Owned]:
    latest: dict[tuple[str, ...], tuple[float, int]] = {}
    for one in owned:
        if one.replaces is not None:
            latest[one.replaces] = max(one.attempt, latest.get(one.replaces, one.attempt))
    return [one for one in owned if one.replaces is None or one.attempt == latest[one.replaces]]


def _chosen(assignment: Assignment, notebooks: list[_Owned]) -> dict[str, _Owned]:
    """Which file stands for which notebook: by name, else by most of its cells, else the newest.

    Where the assignment has several notebooks, a file with another name and none of a notebook's cells is not it.
    """
    alone = len(assignment.notebooks) == 1
    chosen: dict[str, _Owned] = {}
    for notebook in assignment.notebooks:
        if named := [one for one in notebooks if one.stem == notebook.name]:
            chosen[notebook.name] = _best(notebook, named)
    for notebook in assignment.notebooks:
        rest = [one for one in notebooks if one not in chosen.values()]
        fitting = [one for one in rest if alone or _is_copy(one, notebook.name) or _known_cells(notebook, one)]
        if fitting and notebook.name not in chosen:
            chosen[notebook.name] = _best(notebook, fitting)
    return chosen


def _best(notebook: Notebook, files: list[_Owned]) -> _Owned:
    if len(files) == 1:
        return files[0]
    return max(files, key=lambda one: (_known_cells(notebook, one), one.file.modified, -len(one.path)))


def _is_copy(one: _Owned, name: str) -> bool:
    return _undecorated(one.stem or "")[0] == name


def _known_cells(notebook: Notebook, one: _Owned) -> int:
    ids = {cell.grade_id for cell in notebook.cells if cell.grade_id}
    try:
        return len({cell.grade_id for cell in read(one.file.read()).cells} & ids)
    except (Unreadable, Refused):
        return 0


def _notes_on_choice(assignment: Assignment, chosen: dict[str, _Owned], notebooks: list[_Owned]) -> list[str]:
    notes = [f"{n.name}.ipynb is missing" for n in assignment.notebooks if n.name not in chosen]
    for name, one in chosen.items():
        if one.path[-1] not in (f"{name}.ipynb", f"{one.student}.ipynb"):
            notes.append(f"{printable(one.path[-1])} was taken as {name}.ipynb")
    unused = [one.file.shown for one in notebooks if one not in chosen.values()]
    more = f" and {len(unused) - 5} more" if len(unused) > 5 else ""
    return [*notes, f"not used: {', '.join(unused[:5])}{more}"] if unused else notes


# Into the course -----------------------------------------------------------------------------------------------------


class _Store:
    """One student's place in the course. A file is replaced in one step, so that a reader never sees half of one."""

    def __init__(self, course: Course, assignment: str, student: str) -> None:
        self.folder = course.folder("submitted", assignment, student)
        self.kept = course.root / "collected" / assignment / student

    def put(self, contents: Contents, timestamp: datetime) -> tuple[datetime, list[str]]:
        """Make this the submission and keep the former one; returns the time that stands, and notes."""
        notes = []
        former = _read_contents(self.folder)
        if former:
            former_time = _read_timestamp(self.folder)
            if former == contents:
                return former_time, ["unchanged"]
            notes.append(f"took the place of an earlier submission, now in {self.keep(former, former_time)}")
            if former_time > timestamp:
                notes.append("it is older than the one whose place it took")
        for name in former.keys() - contents.keys():
            (self.folder / name).unlink()
        # The notebooks last: until they are there, collecting again sees a difference and goes through to the end.
        files = {_TIMESTAMP: _format_timestamp(timestamp).encode(), **contents}
        for name in sorted(files, key=lambda name: name.endswith(".ipynb")):
            _write(self.folder / name, files[name])
        return timestamp, notes

    def keep(self, contents: Contents, timestamp: datetime) -> Path:
        """A folder with an older submission, named after its time; the same one is kept once."""
        name = timestamp.strftime("%Y-%m-%dT%H%M%SZ")
        for number in itertools.count(1):
            folder = self.kept / (name if number == 1 else f"{name}-{number}")
            if not folder.exists():
                break
            if _read_contents(folder) == contents:
                return folder
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=_made(self.kept)))
        for path, content in {**contents, _TIMESTAMP: _format_timestamp(timestamp).encode()}.items():
            _write(unfinished / path, content)
        unfinished.chmod(0o755)
        unfinished.rename(folder)
        return folder


_UNFINISHED = ".unfinished-"  # a leading dot: nbgrader's patterns do not see it


def _write(path: Path, content: bytes) -> None:
    handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=_made(path.parent))
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(unfinished, 0o644)
    os.replace(unfinished, path)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_contents(folder: Path) -> Contents:
    """All files of a submission but its timestamp and what an interrupted run left."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(_UNFINISHED))
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in named.items() if name != _TIMESTAMP}


def _read_timestamp(folder: Path) -> datetime:
    """The recorded time, else that of the newest file."""
    with suppress(OSError, UnicodeDecodeError):
        if recorded := _parsed_timestamp((folder / _TIMESTAMP).read_text(encoding="utf-8")):
            return recorded
    return datetime.fromtimestamp(max(path.stat().st_mtime for path in folder.rglob("*")), UTC)


def _parsed_timestamp(text: str) -> datetime | None:
    """nbgrader's own reading of a time; without a zone it is UTC."""
    try:
        return parse_utc(text.strip()).replace(tzinfo=UTC)
    except (ValueError, OverflowError, AttributeError, TypeError):
        return None


def _format_timestamp(timestamp: datetime) -> str:
    return timestamp.strftime("%Y-%m-%d %H:%M:%S.%f UTC")
