"""One run of a submission's cells, with a moment of it kept for every test.

A moment costs a fork, and what is written after it is copied. So the tests of an exercise wait, and a moment is parked
for all that wait when a cell comes up that could change what they see. Definitions and the instructor's own cells
cannot, unless they bind a name that a waiting exercise uses. Where nothing of the kind comes, all tests find the
notebook as its last cell left it.
"""

from __future__ import annotations

import ast
import functools
import symtable
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from autograder.engine.outputs import MAX_ALTOGETHER, MAX_CHARACTERS
from autograder.engine.zygotes import Moment, Submission, Zygote
from autograder.inside.messages import Closed
from autograder.model import Assignment, has_code
from autograder.repair import RepairedCell

MAX_DEATHS = 5
"""So many cells of one notebook may end their process before the rest is given up."""

_MAX_PARSED = 100_000  # characters; a longer cell counts as one that could change anything
_HARMLESS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Conduct:
    """What the grader knows about the tests of a notebook, beside their text."""

    alone: frozenset[str]  # tests that leave the submission other than they found it: a moment for each
    eager: frozenset[str]  # exercises whose tests do not bear to wait: a moment before each of their tests


class Performance:
    """A context manager: the cells have run when the block begins, and all processes end with it.

    parks: the tests that will be judged, by grade_id; all if None. skip: indices of cells not to run.
    """

    def __init__(
        self,
        player: Zygote,
        assignment: Assignment,
        name: str,
        cells: Sequence[RepairedCell],
        conduct: Conduct,
        *,
        parks: Collection[str] | None = None,
        skip: Collection[int] = (),
    ) -> None:
        self._player, self._assignment, self._name, self._cells = player, assignment, name, cells
        self._conduct, self._skip, self._limits = conduct, skip, assignment.limits
        self._given = {c.source for c in assignment.notebook(name).cells if c.role == "free"}
        self._parks = _tests(cells) if parks is None else set(parks)
        self.parked: dict[str, Moment] = {}
        self.dead: set[Moment] = set()  # ended by a test: those that come after it need another one
        self.outputs: dict[str, dict] = {}  # by index of the cell
        self.ended: dict[int, str] = {}  # cells that ended their process: "crashed" or "timeout"
        self._waiting: dict[str, frozenset[str]] = {}  # tests without a moment, and the names that their exercise uses
        self._since_parked: list[RepairedCell] = []
        self._ran: list[str] = []  # the student's own cells so far
        self._room = MAX_ALTOGETHER
        self._submissions: list[Submission] = []

    def __enter__(self) -> Performance:
        self._deadline = time.monotonic() + self._limits.total_seconds
        try:
            self._runner = self._spawn()
            whole = self._play()
            self.parked |= dict.fromkeys(self._waiting, self._runner)
            if not whole:  # the runner has gone: what waits has to be performed again, without what ended it
                self.dead.add(self._runner)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for submission in self._submissions:
            submission.end()

    def again(self, tests: Collection[str]) -> Performance:
        """The same once more for some of the tests, without the cells that ended their process."""
        skip = {*self._skip, *self.ended}
        return Performance(
            self._player, self._assignment, self._name, self._cells, self._conduct, parks=tests, skip=skip
        )

    @property
    def not_reached(self) -> set[str]:
        return (self._parks & _tests(self._cells)) - self.parked.keys()

    # -- playing ------------------------------------------------------------------------------------------------------

    def _play(self) -> bool:
        """Run the cells, up to the last test that is asked for; False when the rest has to be given up."""
        last = max((i for i, c in enumerate(self._cells) if c.grade_id in self._parks), default=-1)
        everything = self._parks >= _tests(self._cells)
        for index, cell in enumerate(self._cells if everything else self._cells[: last + 1]):
            test = cell.grade_id if cell.role == "test" else None
            if test is not None and test in self._parks and not self._await(test):
                return False
            if self._is_run(index, cell):
                if self._waiting and self._could_change(cell) and not self._park():
                    return False
                if not self._run(index, cell):
                    return False
        return True

    def _await(self, test: str) -> bool:
        """Have this test wait for a moment; a test that has to be alone gets one at once."""
        exercise = self._assignment.exercise_of(self._name, test)
        if exercise is None or exercise.name in self._conduct.eager or test in self._conduct.alone:
            if not self._park():
                return False
            self._waiting = {test: frozenset()}
            return self._park()
        solution = next((c.source for c in self._cells if c.grade_id == exercise.name), "")
        self._waiting[test] = self._reached_from(_names(solution))
        return True

    def _reached_from(self, names: set[str]) -> frozenset[str]:
        """These names, and what the cells that bind one of them use, and so on."""
        reached, cells = set(names), list(self._ran)
        while more := [cell for cell in cells if not reached.isdisjoint(_bound(cell)) or "*" in _bound(cell)]:
            reached = reached.union(*map(_names, more))
            cells = [cell for cell in cells if cell not in more]
        return frozenset(reached)

    def _park(self) -> bool:
        """Fork the notebook as it stands, for all tests that wait."""
        if not self._waiting:
            return True
        for attempt in (1, 2):
            try:
                moment = self._runner.fork()
                break
            except (Closed, TimeoutError):  # it ended between two cells: a thread of its own, or a signal
                if attempt == 2 or not self._recover():
                    return False
        self.parked |= dict.fromkeys(self._waiting, moment)
        self._waiting, self._since_parked = {}, []
        return True

    def _could_change(self, cell: RepairedCell) -> bool:
        """Could running this cell change what a waiting test sees?"""
        used = frozenset[str]().union(*self._waiting.values())
        source = cell.released if cell.role == "test" else cell.source
        if source not in self._given and cell.role not in ("test", "locked") and not _only_defines(source):
            return True
        bound = _bound(source)
        return "*" in used or "*" in bound or not used.isdisjoint(bound)

    def _run(self, index: int, cell: RepairedCell) -> bool:
        """Run one cell; False when the rest of the notebook has to be given up."""
        seconds = min(self._limits.cell_seconds, self._deadline - time.monotonic())
        if seconds <= 0:
            self.ended[index] = "timeout"
            return False
        source = cell.released if cell.role == "test" else cell.source
        try:
            outputs, in_time = self._runner.run(source, seconds, min(MAX_CHARACTERS, self._room))
        except (Closed, TimeoutError) as error:
            self.ended[index] = "timeout" if isinstance(error, TimeoutError) else "crashed"
            return self._recover()
        self.outputs[str(index)] = outputs
        if cell.role in ("solution", "free"):
            self._ran.append(source)
        self._room -= len(str(outputs))
        if in_time:
            self._since_parked.append(cell)
        else:
            self.ended[index] = "timeout"
        return True

    def _recover(self) -> bool:
        """Go on without the cell that ended its process: from the last parked moment, or from the start."""
        self._runner.kill()
        if len(self.ended) > MAX_DEATHS:
            return False
        try:
            latest = next(reversed(self.parked.values()), None)
            self._runner = latest.fork() if latest else self._spawn()
            for cell in self._since_parked:
                self._runner.run(cell.released if cell.role == "test" else cell.source, self._limits.cell_seconds)
        except (Closed, TimeoutError):
            return False
        return True

    def _spawn(self) -> Moment:
        self._submissions.append(Submission(self._player))
        return self._submissions[-1].first

    def _is_run(self, index: int, cell: RepairedCell) -> bool:
        if cell.type != "code" or index in self._skip or ("explore" in cell.tags and not self._assignment.run_explore):
            return False
        return cell.role != "test" or has_code(cell.released)


def _tests(cells: Sequence[RepairedCell]) -> set[str]:
    return {cell.grade_id for cell in cells if cell.role == "test" and cell.grade_id}


# -- what a cell does to names, as far as its text shows; what is no plain Python counts as doing anything -------------


def _only_defines(source: str) -> bool:
    """Nothing but imports, functions and classes, as the cell of an exercise mostly is."""
    try:
        body = ast.parse(source).body if len(source) <= _MAX_PARSED else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return body is not None and all(
        (isinstance(node, _HARMLESS) and not getattr(node, "decorator_list", ()))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


@functools.lru_cache(4096)
def _bound(source: str) -> set[str]:
    """Names that the cell binds at its top level."""
    table = _table(source)
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()} if table else {"*"}


@functools.lru_cache(4096)
def _names(source: str) -> set[str]:
    """Names at the notebook's top level that the cell binds or uses, in its functions too; and "*", if it cannot be
    told which."""
    table = _table(source)
    if table is None:
        return {"*"}
    top = {symbol.get_name() for symbol in table.get_symbols()}
    return top | {s.get_name() for inner in _inner(table) for s in inner.get_symbols() if s.is_global()}


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _table(source: str) -> symtable.SymbolTable | None:
    if len(source) > _MAX_PARSED:
        return None
    try:
        return symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
