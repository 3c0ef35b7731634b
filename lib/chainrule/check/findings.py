"""What a student should know of a notebook before handing it in, from its cells, its release and a clean run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.check.manifest import Manifest, ReleasedCell, fingerprint
from chainrule.check.notebook import Cell, Notebook

if TYPE_CHECKING:
    from chainrule.check.cleanrun import Outcome, Run

MAX_BYTES = 20_000_000  # that the grader reads; a release may say otherwise
MAX_MESSAGE = 300  # characters of an exception's message

_SUFFIXES = (".ipynb", ".ipynb.txt", ".ipynb.json")  # as browsers save a notebook; all are collected
_FILE = re.compile(r" \((<[^<>]*>|[\w.]+), line \d+\)$")  # what a syntax error says of the cell: a name of no use
_TEST = re.compile(r"(?P<exercise>.+?)-(?P<kind>visible|hidden)(-\d+)?")


@dataclass(frozen=True)
class Exercise:
    """How one exercise does in its visible tests.

    passed, failed, empty (nothing is written yet), not_run (a test of it was not), untested (it has no visible test).
    """

    name: str
    title: str
    status: str
    cell: int | None = None  # where it failed
    line: int | None = None
    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class Problem:
    """Something that falls short: what, where, and what to do."""

    kind: str
    message: str
    advice: str
    cell: int | None = None
    heading: str = ""
    line: int | None = None
    code: str = ""


@dataclass
class Findings:
    exercises: list[Exercise]
    problems: list[Problem]
    notes: list[str] = field(default_factory=list)  # what is no fault of the student's


def find(notebook: Notebook, release: Manifest | None, run: Run | None) -> Findings:
    """Everything that the cells show; without a release, what the cells themselves say of it."""
    places = _places(notebook.cells, release)
    known = list(release.cells) if release else _derived(notebook.cells)
    outcomes = run.outcomes if run else {}
    exercises, told = _exercises(known, places, outcomes, ran=run is not None)
    problems = [
        *_problems_of_cells(notebook.cells, places, release),
        *_problems_of_run(notebook.cells, outcomes, told, release, ran=run is not None),
    ]
    return Findings(exercises, problems, list(_notes(places, release)))


def of_file(
    path: Path, data: bytes, notebook: Notebook, release: Manifest | None, assignment: str | None
) -> Iterator[Problem]:
    """What is wrong with the file as a whole."""
    limit = release.max_bytes if release else MAX_BYTES
    if len(data) > limit:
        yield Problem(
            "size",
            f"{path.name} has {len(data) / 1e6:,.1f} MB; the grader reads at most {limit / 1e6:,.0f} MB.",
            "Clear all outputs (in JupyterLab: Edit > Clear Outputs of All Cells; in Colab: Edit > Clear all outputs) "
            "and save.",
        )
    if not path.name.lower().endswith(_SUFFIXES):
        yield Problem("name", f"{path.name} does not end in .ipynb, so it is not collected.", "Rename it.")
    if ".ipynb_checkpoints" in path.resolve().parts:
        yield Problem("checkpoint", f"{path} is an older copy that Jupyter keeps.", "Check the notebook itself.")
    if not notebook.language.startswith(("python", "ipython")):
        yield Problem(
            "language",
            f"{path.name} is saved for the language {notebook.language}; the grader runs its cells as Python.",
            "Choose a Python kernel (in JupyterLab: Kernel > Change Kernel), run all cells, and save.",
        )
    if assignment and release and release.assignment != assignment:
        yield Problem(
            "assignment",
            f"{path.name} is a notebook of {release.assignment}, not of {assignment}.",
            f"Hand in the notebook of {assignment}.",
        )
    if _now(path) != data:
        yield Problem("changed", f"{path.name} was saved again while it was checked.", "Check it again.")


def _now(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


# ---- which cell is which


Places = dict[str, list[Cell]]
"""grade_id -> the cells that have it, in order; if there is none, the one whose text is as released."""


def _places(cells: Sequence[Cell], release: Manifest | None) -> Places:
    places: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.grade_id:
            places[cell.grade_id].append(cell)
    if release:
        nameless = {fingerprint(cell.source): cell for cell in cells if not cell.grade_id and cell.source.strip()}
        for known in release.cells:
            if known.grade_id not in places and known.text in nameless:
                places[known.grade_id].append(nameless.pop(known.text))
    return dict(places)


def _derived(cells: Sequence[Cell]) -> list[ReleasedCell]:
    """What the cells say of themselves; not what is missing, nor what was edited."""
    first = {cell.grade_id: cell for cell in reversed(cells) if cell.grade_id}
    return [ReleasedCell(name, cell.role, 0.0, "") for name, cell in reversed(first.items()) if name]


def _chosen(known: ReleasedCell, places: Places) -> Cell | None:
    """Of several cells with one id, the one that the grader takes: a filled solution, an unedited test."""
    cells = places.get(known.grade_id, [])
    as_released = [cell for cell in cells if fingerprint(cell.source) == known.text]
    filled = [cell for cell in cells if cell not in as_released and cell.source.strip()]
    preferred = filled if known.role in ("solution", "written") else as_released
    return next(iter([*preferred, *cells]), None)


# ---- exercises and their visible tests


def _exercises(
    known: Sequence[ReleasedCell], places: Places, outcomes: dict[int, Outcome], ran: bool
) -> tuple[list[Exercise], set[int]]:
    """Each exercise, and the numbers of the cells whose errors they tell."""
    names = [cell.grade_id for cell in known if cell.role == "solution"]
    tests: dict[str, list[ReleasedCell]] = {name: [] for name in names}
    current = None
    for cell in known:
        current = cell.grade_id if cell.role == "solution" else current
        if cell.role == "test" and (exercise := _tested(cell, current, names)) and _is_visible(cell, places):
            tests[exercise].append(cell)
    titles = _titles(names, tests, places)
    exercises, told = [], set()
    for solution in known:
        if solution.role == "solution":
            name = solution.grade_id
            chosen = [_chosen(cell, places) for cell in (solution, *tests[name])]
            told |= {cell.number for cell in chosen if cell}
            exercises.append(_exercise(solution, titles[name], chosen, outcomes, ran))
    return exercises, told


def _tested(test: ReleasedCell, current: str | None, names: Sequence[str]) -> str | None:
    """The exercise that a test belongs to: by its name, else the one before it."""
    match = _TEST.fullmatch(test.grade_id)
    return match["exercise"] if match and match["exercise"] in names else current


def _is_visible(test: ReleasedCell, places: Places) -> bool:
    match = _TEST.fullmatch(test.grade_id)
    return match["kind"] == "visible" if match else any(cell.has_code for cell in places.get(test.grade_id, []))


def _titles(names: Sequence[str], tests: dict[str, list[ReleasedCell]], places: Places) -> dict[str, str]:
    """The heading that an exercise stands under; its name as well where two stand under one."""
    headings = {}
    for name in names:
        cells = [cell for known in (name, *(test.grade_id for test in tests[name])) for cell in places.get(known, [])]
        headings[name] = cells[0].heading if cells else ""
    count = Counter(headings.values())
    return {
        name: heading if heading and count[heading] == 1 else f"{heading} ({name})" if heading else name
        for name, heading in headings.items()
    }


def _exercise(
    solution: ReleasedCell, title: str, chosen: Sequence[Cell | None], outcomes: dict[int, Outcome], ran: bool
) -> Exercise:
    """`chosen` are the solution cell and the visible tests; the first that did not end well decides."""
    name = solution.grade_id
    if chosen[0] and solution.text == fingerprint(chosen[0].source):
        return Exercise(name, title, "empty")
    for cell in filter(None, chosen):
        outcome = outcomes.get(cell.number)
        if outcome and outcome.status != "ok":
            if outcome.error == "NotImplementedError":
                return Exercise(name, title, "empty", cell.number, message=_said(outcome))
            return Exercise(name, title, "failed", cell.number, outcome.line, outcome.code, _said(outcome))
    tests = chosen[1:]
    if not tests:
        return Exercise(name, title, "untested")
    missing = None in tests or not ran or any(cell and cell.number not in outcomes for cell in tests)
    return Exercise(name, title, "not_run" if missing else "passed")


def _said(outcome: Outcome) -> str:
    if outcome.status == "timeout":
        return f"did not end within {outcome.seconds:.0f} seconds; a loop that never ends?"
    if outcome.status == "died":
        return "the kernel stopped: the code ended it, or it ran out of memory"
    message = _FILE.sub("", " ".join(outcome.message.split()))
    message = message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 3]}..."
    return f"{outcome.error}: {message}" if message else outcome.error


# ---- cells that are missing, doubled or changed


def _problems_of_cells(cells: Sequence[Cell], places: Places, release: Manifest | None) -> Iterator[Problem]:
    named = [cell for cell in cells if cell.grade_id]
    if not named:
        yield _without_ids(places, release)
    elif release and (foreign := _foreign(named, places, release)):
        yield foreign
    elif release:
        yield from _missing(places, release)
        yield from _edited(places, release)
    for name, found in places.items():
        written = [cell for cell in found if cell.source.strip()]
        if len(written) > 1:
            *first, last = (str(cell.number) for cell in written)
            yield Problem(
                "duplicate",
                f"{name}: cells {', '.join(first)} and {last} are copies of one cell.",
                "Keep the one with your answer and delete the others, or empty them.",
                written[1].number,
                written[1].heading,
            )


def _without_ids(places: Places, release: Manifest | None) -> Problem:
    if release is None:
        return Problem(
            "ids_lost",
            "No cell says which exercise it belongs to: this is no notebook of the course, or a program has removed "
            "its metadata.",
            "Copy your answers into a fresh copy of the assignment's notebook, and check that one.",
        )
    return Problem(
        "ids_lost",
        f"A program has removed the cells' metadata. {len(places)} of {len(release.cells)} cells are known by their "
        "text; whether an answer is missing cannot be told.",
        f"Copy your answers into a fresh copy of {release.notebook}.ipynb, and check that one.",
    )


def _foreign(named: Sequence[Cell], places: Places, release: Manifest) -> Problem | None:
    """Another notebook's cells under this one's metadata, in the measure in which the grader refuses them."""
    ids = {cell.grade_id for cell in release.cells}
    known, strangers = len(ids & places.keys()), sorted({str(cell.grade_id) for cell in named} - ids)
    if not strangers or (known and len(strangers) <= 2 * known):
        return None
    return Problem(
        "foreign",
        f"It has {known} of the {len(ids)} cells of {release.assignment}, and {len(strangers)} of another "
        f"notebook: {', '.join(strangers[:5])}{' and more' if len(strangers) > 5 else ''}.",
        f"Hand in {release.notebook}.ipynb of {release.assignment}.",
    )


_GONE = {
    "solution": "Without it the exercise may get no points. Copy the cell from a fresh copy of the notebook.",
    "written": "Without it the question may get no points. Copy the cell from a fresh copy of the notebook.",
    "test": "It is put back when graded. Copy it from a fresh copy of the notebook to see what it says.",
}


def _missing(places: Places, release: Manifest) -> Iterator[Problem]:
    for cell in release.cells:
        found = places.get(cell.grade_id)
        if not found:
            advice = _GONE.get(cell.role, "It is put back when graded; until then your code may need it.")
            yield Problem(
                "missing", f"{cell.grade_id}: no cell has this id any more; it was a {cell.role} cell.", advice
            )
        elif not found[0].grade_id:
            yield Problem(
                "id_lost",
                f"{cell.grade_id}: its cell has lost this id, and is known by its text.",
                "The grader does the same; to be sure, copy your answers into a fresh copy of the notebook.",
                found[0].number,
                found[0].heading,
            )


def _edited(places: Places, release: Manifest) -> Iterator[Problem]:
    for known in release.cells:
        cell = _chosen(known, places)
        if cell and known.role == "test" and fingerprint(cell.source) != known.text:
            yield Problem(
                "edited",
                f"{known.grade_id}: this test was edited, so that what it says here does not count.",
                "It is put back when graded. Copy it from a fresh copy of the notebook.",
                cell.number,
                cell.heading,
            )


# ---- cells that raise, hang or were not reached


def _problems_of_run(
    cells: Sequence[Cell], outcomes: dict[int, Outcome], told: set[int], release: Manifest | None, ran: bool
) -> Iterator[Problem]:
    for cell in cells:
        outcome = outcomes.get(cell.number)
        if outcome is None or cell.number in told:
            continue
        if outcome.status in ("timeout", "died"):
            advice = "Interrupt it in your own kernel, and find out where it hangs."
            if outcome.status == "died":
                advice = "Restart your kernel and run the cells one by one up to this one."
            yield Problem(outcome.status, _said(outcome), advice, cell.number, cell.heading)
        elif outcome.status == "error" and "raises-exception" not in cell.tags:
            yield Problem(
                "error",
                _said(outcome),
                "Run All stops at this cell. Restart the kernel, run all cells, and mend or delete it.",
                cell.number,
                cell.heading,
                outcome.line,
                outcome.code,
            )
    yield from _slow(cells, outcomes, release)
    code = [cell.number for cell in cells if cell.type == "code" and cell.source.strip()]
    if ran and (rest := [number for number in code if number not in outcomes]):
        which = f"Cell {rest[0]} was" if len(rest) == 1 else f"Cells {rest[0]} to {rest[-1]} were"
        yield Problem(
            "not_run", f"{which} not run: the kernel did not come back.", "Mend the cell before, and check again."
        )


def _slow(cells: Sequence[Cell], outcomes: dict[int, Outcome], release: Manifest | None) -> Iterator[Problem]:
    """Cells that ended here and may not where it is graded, which leaves out those for exploring."""
    for cell in cells:
        outcome = outcomes.get(cell.number)
        if not release or not outcome or outcome.status == "timeout" or "explore" in cell.tags:
            continue
        if outcome.seconds > release.cell_seconds:
            yield Problem(
                "slow",
                f"took {outcome.seconds:.0f} seconds; the grader gives a cell {release.cell_seconds:g}.",
                "Make it faster, or take out what is not asked for.",
                cell.number,
                cell.heading,
            )


# ---- what is no fault


_HIDDEN = "Hidden tests run when it is graded; they are not here, and may find more."


def _notes(places: Places, release: Manifest | None) -> Iterator[str]:
    if release is None:
        if places:
            yield (
                "The notebook does not say which release it is of, so missing and edited cells cannot be told. A "
                "release says it in its metadata; an older one did not."
            )
            yield _HIDDEN
        return
    for known in release.cells:
        cell = _chosen(known, places)
        if cell and known.role == "locked" and fingerprint(cell.source) != known.text:
            yield f"{known.grade_id}: this cell was edited; when graded, the original is used."
        if cell and known.role == "written" and fingerprint(cell.source) == known.text:
            yield f"{known.grade_id}: this written answer, {known.points:g} points given by a person, is not begun."
    visible = sum(cell.points for cell in release.cells if cell.role == "test" and _is_visible(cell, places))
    yield f"The visible tests carry {visible:g} of {sum(cell.points for cell in release.cells):g} points. {_HIDDEN}"
