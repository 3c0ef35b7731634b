"""Repair a submitted notebook from the instructor's: every cell of the assignment once and in order, no work lost.

Students and their editors duplicate, delete, reorder, split and merge cells, change their type and strip their
metadata. The instructor's notebook is the skeleton. Test and locked cells are always the instructor's; solution cells
carry the student's text; what the student added stays, as cells of its own, after the cell that it followed. A cell is
recognised by its grade_id, else by its text and by the names that it defines, and never stands in two places.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.errors import Mismatch
from autograder.model import Assignment, Cell, Notebook, Role
from autograder.submission import CellType, Submitted, SubmittedCell

ALIKE = 0.6
"""Similarity, between 0 and 1, from which a cell counts as an edited version of another (difflib's ratio)."""

_IGNORED_TAGS = {"skip-execution"}
_ANSWERS: tuple[Role, ...] = ("solution", "written")  # the student's text stands
_GRADED: tuple[Role, ...] = ("solution", "test", "written", "task")
_COMPARED_CELLS, _COMPARED_TOKENS, _PARSED_CHARACTERS = 200, 200, 200_000  # bound the work on a hostile file


@dataclass(frozen=True)
class RepairedCell:
    """One cell to execute, show and store. The student's own cells have the role `free` and no grade_id."""

    type: CellType
    source: str  # what is executed: for test and locked cells the instructor's full text
    released: str  # what the student was given in its place; for the student's own cells the same as `source`
    role: Role
    grade_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Repaired:
    cells: list[RepairedCell]
    notes: list[str]
    missing: list[str]  # grade_ids of solution cells that are gone and whose names nothing else defines

    def cell(self, grade_id: str) -> RepairedCell:
        return next(c for c in self.cells if c.grade_id == grade_id)

    def untouched(self, grade_id: str) -> bool:
        """Whether a solution cell is as it was released, up to whitespace, and nothing else defines its names."""
        cell = self.cell(grade_id)
        if _squeezed(cell.source) != _squeezed(cell.released):
            return False
        return not bound_names(cell.released) & _defined_by_student(c for c in self.cells if c is not cell)


def repair(assignment: Assignment, notebook_name: str, submitted: Submitted) -> Repaired:
    """The submitted cells in the shape of the assignment's notebook, with notes for people.

    Raises Mismatch if the submission is another notebook: none or next to none of its cells is known.
    """
    master = assignment.notebook(notebook_name)
    places = _match_by_id(master, submitted.cells)
    _match_same_text(master, submitted.cells, places)
    _match_similar_text(master, submitted.cells, places)
    _check_belongs(master, submitted.cells, places)
    _match_by_position(master, submitted.cells, places)
    return _Repair(master, submitted, places).run()


def bound_names(source: str) -> frozenset[str]:
    """Names that the text defines at its top level: functions, classes, variables.

    Read line by line, so that a cell with a syntax error or a magic still says what it is about.
    """
    names = set(_DEFINED.findall(source))
    for targets in _ASSIGNED.findall(source):
        names.update(re.findall(r"\w+", targets))
    return frozenset(names)


_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


# Which submitted cell stands for which of the assignment's ------------------------------------------------------------

Places = dict[int, int]
"""Index of the assignment's cell -> index of the submitted cell that stands for it."""


def _match_by_id(master: Notebook, cells: Sequence[SubmittedCell]) -> Places:
    candidates = defaultdict(list)
    for j, cell in enumerate(cells):
        candidates[cell.grade_id].append(j)
    return {
        i: min(candidates[wanted.grade_id], key=lambda j: _unlikeliness(wanted, cells[j]))
        for i, wanted in enumerate(master.cells)
        if wanted.grade_id and wanted.grade_id in candidates
    }


def _unlikeliness(wanted: Cell, found: SubmittedCell) -> tuple[bool, ...]:
    """Smallest for the best of several cells with one grade_id; of equals, the first is taken."""
    untouched = _squeezed(found.source) == _squeezed(wanted.released)
    if wanted.role not in _ANSWERS:
        return (not untouched,)
    defines = bound_names(wanted.released) <= bound_names(found.source)
    return found.type != wanted.type, untouched or not found.source.strip(), not defines


def _match_same_text(master: Notebook, cells: Sequence[SubmittedCell], places: Places) -> None:
    """Cells whose text is as released. Solution cells wait: an edited one is wanted before an untouched copy."""
    free = defaultdict(list)
    for j in reversed(_unplaced(cells, places)):
        free[_squeezed(cells[j].source)].append(j)
    for i, wanted in enumerate(master.cells):
        text = _squeezed(wanted.released)
        if i not in places and wanted.role != "solution" and text and free[text]:
            places[i] = free[text].pop()


def _match_similar_text(master: Notebook, cells: Sequence[SubmittedCell], places: Places) -> None:
    """The most alike first; of equals, in order."""
    free = _unplaced(cells, places)[:_COMPARED_CELLS]
    pairs = []
    for i, wanted in enumerate(master.cells):
        if i not in places:
            likeness = _Likeness(wanted)
            scored = ((likeness(cells[j]), j) for j in free)
            pairs += [(-score, i, j) for score, j in scored if score >= ALIKE]
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in places and j not in taken:
            places[i] = j
            taken.add(j)


def _match_by_position(master: Notebook, cells: Sequence[SubmittedCell], places: Places) -> None:
    """Answers that nothing else can tell (prose, code whose stub names nothing): the first one at the right place."""
    for i, wanted in enumerate(master.cells):
        if i in places or wanted.role not in _ANSWERS or (wanted.type == "code" and bound_names(wanted.released)):
            continue
        start = max((places[k] + 1 for k in places if k < i), default=0)
        end = min((places[k] for k in places if k > i), default=len(cells))
        free = (j for j in _unplaced(cells, places) if start <= j < end and cells[j].grade_id is None)
        fitting = (j for j in free if cells[j].type == wanted.type and cells[j].source.strip())
        if (found := next(fitting, None)) is not None:
            places[i] = found


def _unplaced(cells: Sequence[SubmittedCell], places: Places) -> list[int]:
    placed = set(places.values())
    return [j for j in range(len(cells)) if j not in placed]


class _Likeness:
    """How much a submitted cell looks like an edited version of one cell of the assignment, between 0 and 1."""

    def __init__(self, wanted: Cell) -> None:
        self.wanted = wanted
        self.released = _squeezed(wanted.released)
        self.names = bound_names(wanted.released) if wanted.role == "solution" else frozenset()
        self.matcher = difflib.SequenceMatcher(autojunk=False)
        self.matcher.set_seq2(_tokens(wanted.released))

    def __call__(self, found: SubmittedCell) -> float:
        """An edited solution that defines the stub's names goes before an untouched copy of the stub."""
        if self.wanted.role == "solution" and _squeezed(found.source) == self.released:
            return ALIKE
        if self.names:
            defined = self.names & bound_names(found.source)
            return 0.7 + 0.3 * len(defined) / len(self.names) if defined and _is_code(found) else 0.0
        return self._ratio(found.source) if found.type == self.wanted.type else 0.0

    def _ratio(self, source: str) -> float:
        self.matcher.set_seq1(_tokens(source))
        if self.matcher.real_quick_ratio() < ALIKE or self.matcher.quick_ratio() < ALIKE:
            return 0.0
        return self.matcher.ratio()


def _check_belongs(master: Notebook, cells: Sequence[SubmittedCell], places: Places) -> None:
    """At least one exercise or test is known, or, where answers replaced all of their text, half of all cells."""
    graded = [i for i, cell in enumerate(master.cells) if cell.role in _GRADED]
    known = sum(i in places for i in graded)
    strangers = sorted({cells[j].grade_id or "" for j in _unplaced(cells, places)} - {""} - _ids(master))
    enough = known > 0 or not graded or 2 * len(places) >= len(master.cells)
    if not enough or len(strangers) > 2 * max(known, 1):
        instead = f" It has other ones: {_listed(strangers)}." if strangers else ""
        raise Mismatch(
            f"this is not {master.name}: it has {known} of its {len(graded)} exercise and test cells.{instead} "
            f"Hand in {master.name}.ipynb."
        )


def _ids(master: Notebook) -> set[str]:
    return {cell.grade_id for cell in master.cells if cell.grade_id}


# The notebook put together again -------------------------------------------------------------------------------------


class _Repair:
    """One submission on its way: what has been decided about each cell, and the notes on it."""

    def __init__(self, master: Notebook, submitted: Submitted, places: Places) -> None:
        self.master, self.submitted, self.places = master, submitted.cells, places
        self.notes = list(submitted.notes)
        self.kept: dict[int, RepairedCell] = {}  # what stands in the place of the assignment's cell i
        self.own: defaultdict[int, list[RepairedCell]] = defaultdict(list)  # the student's own cells that follow it
        self.versions: dict[int, str] = {}  # the latest text kept for the assignment's cell i
        self.index = {c.grade_id: i for i, c in enumerate(master.cells) if c.grade_id}
        self.index_by_text = {
            text: self.index[c.grade_id] for c in master.cells if (text := _squeezed(c.released)) and c.grade_id
        }
        self.tests = [(test.grade_id, block) for test in master.tests if (block := _trimmed(test.released))]

    def run(self) -> Repaired:
        self._note_recognised_by_text()
        self._note_order()
        stands_for = {j: i for i, j in self.places.items()}
        after = -1
        for j, cell in enumerate(self.submitted):
            if j in stands_for:
                after = stands_for[j]
                self._place(cell, after)
            else:
                self._keep_own(j, cell, after)
        missing = self._missing()
        cells = [*self.own[-1]]
        for i, wanted in enumerate(self.master.cells):
            cells += [self.kept.get(i) or _without_student(wanted), *self.own[i]]
        return Repaired(cells, self.notes, missing)

    def _note(self, grade_id: str | None, text: str) -> None:
        self.notes.append(f"{grade_id}: {text}." if grade_id else f"{text}.")

    # A cell of the assignment

    def _place(self, cell: SubmittedCell, i: int) -> None:
        wanted = self.master.cells[i]
        self._note_changed_metadata(wanted, cell)
        if wanted.role in ("test", "locked", "task"):
            self._restore(cell, i)
        elif wanted.type == "code" and not _is_code(cell):
            self._note(wanted.grade_id, f"its cell was turned into {cell.type} and is not Python")
            self.own[i].append(_own(cell, cell.source))
        else:
            if cell.type != wanted.type:
                self._note(wanted.grade_id, f"its cell was turned into {cell.type}; it is taken as {wanted.type}")
            source = self._without_tests(cell.source) if wanted.type == "code" else cell.source
            self.kept[i] = _repaired(wanted, source, cell.attachments)
            self.versions[i] = _squeezed(cell.source)

    def _restore(self, cell: SubmittedCell, i: int) -> None:
        """A test or locked cell: the instructor's text stands, what the student added to it follows."""
        wanted = self.master.cells[i]
        self.kept[i] = _without_student(wanted)
        added = _added(cell, wanted.released)
        if cell.type == "code":
            added = self._without_tests(added)
        if added.strip():
            self._note(wanted.grade_id, "was edited; the original is used, and what was added follows it")
            self.own[i].append(_own(cell, added))
        elif _squeezed(cell.source) != _squeezed(wanted.released) or cell.type != wanted.type:
            self._note(wanted.grade_id, "was edited; the original is used")

    def _without_tests(self, source: str) -> str:
        """The text less any test that was merged into it: the test runs in its own place."""
        text = _trimmed(source)
        for grade_id, block in self.tests:
            if block in text and (shorter := _without_block(text, block)) is not None:
                self._note(grade_id, "its text was in another cell; it was taken out, the test runs in its own place")
                source = text = shorter
        return source

    # Any other cell

    def _keep_own(self, j: int, cell: SubmittedCell, after: int) -> None:
        copied = self.index.get(cell.grade_id or "", self.index_by_text.get(_squeezed(cell.source), -1))
        if copied >= 0:
            grade_id = self.master.cells[copied].grade_id
            if self._is_spare(cell, copied):
                self._note(grade_id, f"a copy with nothing new in it (cell {j + 1}) was dropped")
                return
            self._note(grade_id, f"a further cell has its id (cell {j + 1}); it is kept as an extra cell")
            self.versions[copied] = _squeezed(cell.source)
        source = self._without_tests(cell.source) if cell.type == "code" else cell.source
        if source.strip() or not cell.source.strip():
            self.own[after].append(_own(cell, source))

    def _is_spare(self, cell: SubmittedCell, i: int) -> bool:
        """Whether a copy of the assignment's cell i holds nothing that is not in its place already."""
        wanted = self.master.cells[i]
        if _squeezed(cell.source) in ("", _squeezed(wanted.released), self.versions.get(i)):
            return True
        return wanted.role not in _ANSWERS and not _lines_beyond(cell.source, wanted.released)

    # What is missing, and what to say

    def _missing(self) -> list[str]:
        missing = []
        defined = _defined_by_student(c for cells in (self.kept.values(), *self.own.values()) for c in cells)
        for i, wanted in enumerate(self.master.cells):
            if i in self.kept or wanted.grade_id is None:
                continue
            names = bound_names(wanted.released) & defined if wanted.type == "code" else frozenset()
            if wanted.role not in _ANSWERS:
                self._note(wanted.grade_id, "was deleted; it is put back")
            elif names:
                self._note(
                    wanted.grade_id, f"has no cell of its own, but another cell defines {_listed(sorted(names))}"
                )
            else:
                self._note(wanted.grade_id, "there is no answer to it")
                missing.append(wanted.grade_id)
        return missing

    def _note_recognised_by_text(self) -> None:
        placed = ((self.master.cells[i].grade_id, self.submitted[j].grade_id) for i, j in sorted(self.places.items()))
        by_text = [wanted for wanted, found in placed if wanted and found != wanted]
        if by_text and not any(cell.grade_id for cell in self.submitted):
            self._note(None, f"The cells have lost their nbgrader ids; {len(by_text)} were recognised by their text")
        else:
            for grade_id in by_text:
                self._note(grade_id, "its cell has lost this id; it was recognised by its text or its place")

    def _note_order(self) -> None:
        order = [j for _, j in sorted(self.places.items())]
        if order != sorted(order):
            self._note(None, "The cells were in another order; they are back in that of the assignment")

    def _note_changed_metadata(self, wanted: Cell, cell: SubmittedCell) -> None:
        expected = _nbgrader_metadata(wanted)
        stated = [key for key in ("points", "grade", "solution", "task") if key in cell.nbgrader]
        changed = [key for key in stated if cell.nbgrader[key] != expected.get(key, False)]
        if changed and cell.grade_id == wanted.grade_id:
            self._note(wanted.grade_id, f"{_listed(changed)} changed in its metadata; the original holds")


def _repaired(wanted: Cell, source: str, attachments: dict[str, dict[str, str]] | None = None) -> RepairedCell:
    metadata: dict[str, Any] = {"nbgrader": _nbgrader_metadata(wanted)} if wanted.grade_id else {}
    if wanted.tags:
        metadata["tags"] = list(wanted.tags)
    return RepairedCell(
        type=wanted.type,
        source=source,
        released=wanted.released,
        role=wanted.role,
        grade_id=wanted.grade_id,
        tags=wanted.tags,
        metadata=metadata,
        attachments=attachments or {},
    )


def _without_student(wanted: Cell) -> RepairedCell:
    """The assignment's cell with nothing of the student's in it. No stub: it could hide a definition made elsewhere."""
    return _repaired(wanted, "" if wanted.role in _ANSWERS else wanted.source)


def _own(cell: SubmittedCell, source: str) -> RepairedCell:
    tags = tuple(tag for tag in cell.tags if tag not in _IGNORED_TAGS)
    metadata = {"tags": list(tags)} if tags else {}
    return RepairedCell(cell.type, source, source, "free", None, tags, metadata, cell.attachments)


def _nbgrader_metadata(wanted: Cell) -> dict[str, Any]:
    """What nbgrader's release writes into the cell (schema version 3)."""
    metadata: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": wanted.grade_id,
        "grade": wanted.role in ("test", "written"),
        "solution": wanted.role in _ANSWERS,
        "locked": wanted.role in ("test", "locked", "task"),
        "task": wanted.role == "task",
    }
    if wanted.role in ("test", "written", "task"):
        metadata["points"] = wanted.points
    return metadata


# Text ----------------------------------------------------------------------------------------------------------------


def _defined_by_student(cells: Iterable[RepairedCell]) -> frozenset[str]:
    written = (c for c in cells if c.type == "code" and c.role in ("solution", "written", "free"))
    return frozenset(name for c in written for name in bound_names(c.source))


def _squeezed(source: str) -> str:
    return "".join(source.split())


def _trimmed(source: str) -> str:
    """Without trailing blanks and blank lines around, so that texts can be compared line by line."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip("\n")


def _tokens(source: str) -> list[str]:
    return re.findall(r"\w+|\S", source[: 20 * _COMPARED_TOKENS])[:_COMPARED_TOKENS]


def _without_block(source: str, block: str) -> str | None:
    """The text without the lines of `block`, both trimmed; None if they do not stand in it one after another."""
    framed, lines = f"\n{source}\n", f"\n{block}\n"
    return framed.replace(lines, "\n").strip("\n") if block and lines in framed else None


def _added(cell: SubmittedCell, released: str) -> str:
    """What an edited copy of the released text has beyond it. Of code, whole statements: a part may not parse."""
    rest = _without_block(_trimmed(cell.source), _trimmed(released))
    if rest is not None:
        return rest
    beyond = _lines_beyond(cell.source, released)
    if cell.type == "code":
        beyond |= _lines_of_statements(cell.source, beyond)
    return "\n".join(line for n, line in enumerate(cell.source.split("\n")) if n in beyond)


def _lines_beyond(source: str, released: str) -> set[int]:
    """Indices of the lines that the released text does not have, or has fewer times."""
    expected = Counter(line.rstrip() for line in released.split("\n"))
    beyond = set()
    for n, line in enumerate(source.split("\n")):
        expected[line.rstrip()] -= 1
        if line.strip() and expected[line.rstrip()] < 0:
            beyond.add(n)
    return beyond


def _lines_of_statements(source: str, lines: set[int]) -> set[int]:
    """Indices of all lines of the top-level statements that any of the given lines belongs to."""
    whole: set[int] = set()
    for statement in _parsed(source) or ():
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))])
        span = range(first - 1, statement.end_lineno or first)
        if not lines.isdisjoint(span):
            whole.update(span)
    return whole


def _is_code(cell: SubmittedCell) -> bool:
    return cell.type == "code" or bool(_parsed(cell.source))


def _parsed(source: str) -> list[ast.stmt] | None:
    """The top-level statements, magics and shell lines counted as such; None if the text is not Python."""
    if len(source) > _PARSED_CHARACTERS:
        return None
    without_magics = _MAGIC_VALUE.sub("= None", _MAGIC_LINE.sub(r"\1pass", source))
    for python in (source, without_magics):
        with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            warnings.simplefilter("ignore")  # an invalid escape in a student's string is none of our warnings
            return ast.parse(python).body
    return None


_MAGIC_LINE = re.compile(r"^([ \t]*)(?:[%!].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_MAGIC_VALUE = re.compile(r"=[ \t]*[%!](?!=).*$", re.MULTILINE)


def _listed(names: Sequence[str]) -> str:
    """At most five names, safe to print."""
    shown = ["".join(c if c.isprintable() else "?" for c in name) for name in names[:5]]
    return ", ".join(shown) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
