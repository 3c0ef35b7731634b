"""What a student gets back: one page for each notebook, with scores, hints and their own work.

A page shows only what a student may know. Hidden tests appear as a line with their points, their status and a hint;
the text of every other cell of the instructor's is the released one. Outputs come from the verdict, where they were
collected before any hidden test met the student's code, and never from an executed notebook; so no hidden input,
expected value or traceback can be among them. Everything that the student wrote passes `safe_html`.

`configure` makes `nbgrader generate_feedback` and formgrader's button write the same pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import default
from traitlets.config import Config

from autograder import safe_html
from autograder.cells import grade_id
from autograder.course import Course, default_course, load_assignment
from autograder.files import write_atomically
from autograder.gradebook import NO_RESPONSE
from autograder.model import Assignment, Cell, Exercise, Notebook, TestStatus, TestVerdict, Verdict, has_code
from autograder.results import Grade, Result, read_gradebook, read_results

Progress = Callable[[str, int, int], None]

MAX_PAGE = 1_000_000
"""Characters of cell sources on one page; further cells are left out, with a note."""

RECEIPTS = ("timestamp.txt", "submission_secret.txt")
"""What nbgrader's release_feedback expects beside the pages."""


def feedback(
    name: str, *, course: Course | None = None, students: Sequence[str] = (), progress: Progress | None = None
) -> dict[str, Any]:
    """Write the pages of an assignment for the named students, or for all who have a verdict.

    Returns {"schema_version": 1, "assignment", "files": [path], "skipped": [{"student", "reason"}]}. Pages lie where
    nbgrader puts them, so its release_feedback finds them; pages of other students are left alone. Raises CourseError
    if there is no such assignment.
    """
    course = course or default_course()
    assignment = load_assignment(course, name)
    results, skipped = read_results(course, assignment, students)
    files: list[Path] = []
    for done, result in enumerate(results):
        if progress:
            progress(f"feedback for {result.student}", done, len(results))
        files += _write_pages(course, assignment, result)
    return {"schema_version": 1, "assignment": name, "files": [str(path) for path in files], "skipped": skipped}


def configure(c: Config) -> None:
    """Let nbgrader make these pages too, in a course whose nbgrader_config.py calls this."""
    c.GenerateFeedback.exporter_class = "autograder.feedback.FeedbackExporter"
    c.GenerateFeedback.preprocessors = []  # nbgrader's open the gradebook once per notebook; the exporter reads it


class FeedbackExporter(Exporter):
    """nbgrader's GenerateFeedback with our page in place of its template.

    nbgrader's own page prints hidden tests with their tracebacks, lets HTML of students through, and loads scripts
    from the network.
    """

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        where = resources["nbgrader"]
        converter: Any = self.parent
        course = Course.of(converter.coursedir)
        assignment = load_assignment(course, where["assignment"])
        results, _ = read_results(course, assignment, [where["student"]])
        result = results[0] if results else _without_verdict(course, assignment, where["student"])
        return page(assignment, where["notebook"], result, nb), resources


def page(assignment: Assignment, notebook: str, result: Result, nb: NotebookNode | None) -> str:
    """The page of one notebook. `nb`: the autograded notebook, None where there is none to show."""
    named, empty = titles(assignment.notebook(notebook)), _empty(assignment, notebook, result, nb)
    known = _Known(assignment, notebook, result, named, empty)
    rows = _rows(known)
    return safe_html.TEMPLATES.get_template("feedback.html.j2").render(
        assignment=assignment,
        notebook=notebook,
        result=result,
        verdict=result.verdict,
        rows=rows,
        summary=_summary(rows),
        others=[n.name for n in assignment.notebooks if n.name != notebook],
        handed_in=_to_the_minute(result.verdict.timestamp or ""),
        due=datetime.fromisoformat(assignment.due).strftime("%Y-%m-%d %H:%M %Z") if assignment.due else "",
        groups=_groups(_cells(known, nb)) if nb else [],
    )


def titles(notebook: Notebook) -> dict[str, str]:
    """What the notebook itself calls each answer, by grade_id: the nearest heading above that is above no other one."""
    heading, above = "", {}
    for cell in notebook.cells:
        if cell.type == "markdown":
            heading = next(reversed(_HEADING.findall(cell.released)), heading)
        if cell.grade_id and cell.role in _ANSWERS:
            above[cell.grade_id] = heading.strip("# \t")
    shared = Counter(above.values())
    return {name: title for name, title in above.items() if title and shared[title] == 1}


_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
_ANSWERS = frozenset({"solution", "written", "task"})


def _to_the_minute(timestamp: str) -> str:
    """
    >>> _to_the_minute("2026-09-30 12:05:59.123456 UTC")
    '2026-09-30 12:05 UTC'
    """
    return re.sub(r"^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:[\d.]+)?", r"\1 \2", timestamp)


# ------------------------------------------------------------------------------------------------ files


def _write_pages(course: Course, assignment: Assignment, result: Result) -> Iterator[Path]:
    folder = course.folder(course.feedback, assignment.name, result.student)
    _copy_receipts(course, assignment.name, result.student, folder)
    for notebook in assignment.notebooks:
        path = folder / f"{notebook.name}.html"
        shown = _autograded(course, assignment, result, notebook.name)
        write_atomically(path, page(assignment, notebook.name, result, shown))
        yield path


def _autograded(course: Course, assignment: Assignment, result: Result, notebook: str) -> NotebookNode | None:
    """The notebook as it was graded; None for what could not be graded, whatever an earlier submission left."""
    if result.verdict.status == "ungradable":
        return None
    path = course.folder(course.autograded, assignment.name, result.student) / f"{notebook}.ipynb"
    try:
        nb = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(nb)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError):  # the summary stands without it
        return None
    return nb


def _copy_receipts(course: Course, name: str, student: str, to: Path) -> None:
    for receipt in RECEIPTS:
        for step in (course.autograded, course.submitted):
            path = course.folder(step, name, student) / receipt
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 10_000:
                write_atomically(to / receipt, path.read_text(encoding="utf-8", errors="replace"))
                break


def _without_verdict(course: Course, assignment: Assignment, student: str) -> Result:
    """A submission that nbgrader alone has graded: its scores are known, its outputs are not to be trusted."""
    known = read_gradebook(course, assignment.name, [student])
    grades = known[student].grades if student in known else {}
    verdict = Verdict(assignment.name, student, "graded", 0.0, assignment.max_score)
    for (notebook, name), grade in grades.items():
        status: TestStatus = "passed" if grade.score >= grade.max_score else "failed"
        verdict.tests.append(TestVerdict(name, grade.score, grade.max_score, status, notebook=notebook))
    if student not in known:
        return Result(student, verdict)
    return Result(student, verdict, grades, known[student].comments, known[student].penalty)


# ---------------------------------------------------------------------------------------------- summary


@dataclass(frozen=True)
class _Known:
    """What a page is made of, beside the notebook itself."""

    assignment: Assignment
    notebook: str
    result: Result
    titles: Mapping[str, str]
    empty: Collection[str]  # exercises that were handed in as they were released, and have no points

    def title(self, name: str) -> str:
        return self.titles.get(name, name)


def _empty(assignment: Assignment, notebook: str, result: Result, nb: NotebookNode | None) -> set[str]:
    known = assignment.notebook(notebook)
    handed_in = {grade_id(cell): cell.source.strip() for cell in nb.cells} if nb else {}
    untouched = {cell.grade_id for cell in known.solutions if handed_in.get(cell.grade_id) == cell.released.strip()}
    return {
        exercise.name
        for exercise in assignment.exercises
        if exercise.notebook == notebook
        and exercise.name in untouched
        and not any(result.grade(notebook, known.cell(test)).score for test in exercise.tests)
    }


@dataclass(frozen=True)
class Status:
    """A state in words and as a symbol; `kind` chooses the colour, which never speaks alone."""

    kind: str  # good, part, bad, wait, none
    symbol: str
    words: str


STATUS = {
    "passed": Status("good", "✓", "passed"),
    "failed": Status("bad", "✗", "failed"),
    "crashed": Status("bad", "✗", "crashed"),
    "timeout": Status("bad", "✗", "took too long"),
    "missing": Status("bad", "✗", "missing"),
    "not_run": Status("none", "–", "not run"),
}
WAITING = Status("wait", "…", "waits for a person")
GRADED = Status("good", "✓", "graded by a person")
NO_TESTS = Status("none", "–", "none")
EMPTY = Status("none", "–", "not started")


@dataclass(frozen=True)
class Row:
    """One line of the summary: an exercise, or an answer that a person grades."""

    title: str
    anchor: str
    score: float
    max_score: float
    status: Status
    visible: Status
    hidden: Status
    advice: list[Markup]
    starred: bool = False


def hides(cell: Cell) -> bool:
    """Whether students do not see all of this test."""
    return cell.source.strip() != cell.released.strip()


def _rows(known: _Known) -> list[Row]:
    cells = known.assignment.notebook(known.notebook).cells
    exercises = [e for e in known.assignment.exercises if e.notebook == known.notebook and e.tests]
    claimed = {test for exercise in exercises for test in exercise.tests}
    exercises += [
        Exercise(c.grade_id, known.notebook, (c.grade_id,))
        for c in cells
        if c.role == "test" and c.grade_id and c.grade_id not in claimed
    ]
    rows = [_exercise_row(exercise, known) for exercise in exercises]
    rows += [_by_hand_row(cell, known) for cell in cells if cell.role in _ANSWERS and cell.points and cell.grade_id]
    order = {c.grade_id: i for i, c in enumerate(cells) if c.grade_id}
    return sorted(rows, key=lambda row: order.get(row.anchor, 0))


def _exercise_row(exercise: Exercise, known: _Known) -> Row:
    notebook, result = known.assignment.notebook(exercise.notebook), known.result
    cells = [notebook.cell(name) for name in exercise.tests]
    grades = [result.grade(exercise.notebook, cell) for cell in cells]
    score, most = sum(g.score for g in grades), sum(g.max_score for g in grades)
    shown = [result.test(exercise.notebook, c.grade_id) for c in cells if not hides(c)]
    hidden = [result.test(exercise.notebook, c.grade_id) for c in cells if hides(c)]
    empty = exercise.name in known.empty
    return Row(
        title=known.title(exercise.name),
        anchor=exercise.name if any(c.grade_id == exercise.name for c in notebook.cells) else exercise.tests[0],
        score=score,
        max_score=most,
        status=EMPTY if empty else _overall(score, most, [*shown, *hidden]),
        visible=_together(shown),
        hidden=_together(hidden),
        advice=list(_advice(exercise, [*shown, *hidden], empty, any(g.by_hand for g in grades))),
        starred=exercise.starred,
    )


def _by_hand_row(cell: Cell, known: _Known) -> Row:
    name, notebook, result = cell.grade_id or "", known.notebook, known.result
    grade = result.grade(notebook, cell)
    waiting = grade.waiting and result.status != "ungradable"
    comment = result.comments.get((notebook, name))
    advice = "A person will read this answer; its points are added then." if waiting else ""
    advice = "Read the comment at your answer." if comment not in {None, NO_RESPONSE} and not waiting else advice
    status = WAITING if waiting else STATUS["not_run"] if result.status == "ungradable" else GRADED
    told = [safe_html.prose(advice)] if advice else []
    beyond_the_core = "starred" in cell.tags
    return Row(known.title(name), name, grade.score, grade.max_score, status, NO_TESTS, NO_TESTS, told, beyond_the_core)


def _together(tests: Sequence[TestVerdict | None]) -> Status:
    """The status of several tests: the one that is worst, with a count where they differ."""
    if not tests:
        return NO_TESTS
    found = [STATUS[test.status] if test else STATUS["not_run"] for test in tests]
    bad = [status for status in found if status.kind != "good"]
    if not bad:
        return STATUS["passed"]
    if len(found) == 1:
        return bad[0]
    words = f"{len(found) - len(bad)} of {len(found)} passed"
    return Status("part" if len(bad) < len(found) else bad[0].kind, bad[0].symbol, words)


def _overall(score: float, most: float, tests: Sequence[TestVerdict | None]) -> Status:
    if score >= most and all(test and test.status == "passed" for test in tests):
        return Status("good", "✓", "complete")
    if score >= most > 0:  # a person gave the points
        return Status("good", "✓", "full marks")
    if score > 0:
        return Status("part", "◐", "partly")
    return Status("bad", "✗", "not yet")


def _advice(exercise: Exercise, tests: Iterable[TestVerdict | None], empty: bool, by_hand: bool) -> Iterator[Markup]:
    """What is known about the tests that did not pass, the visible ones first; nothing where all is well."""
    if empty:
        yield Markup("Not started: this cell came back as you got it.")
    else:
        yield from dict.fromkeys(line for test in tests for line in hints(exercise, test))
    if by_hand:
        yield Markup("A person set these points.")


_GENERAL = {
    "failed": "Try sizes, values and types that the visible tests do not use, and a second call after the first.",
    "crashed": "Your code ended Python itself, for example with `exit()` or by using up the memory.",
    "timeout": "Your code did not finish in time: look for a loop that never ends, or for work that grows too fast.",
    "missing": "The cell for this exercise was not in what you handed in.",
    "not_run": "This was not run, because something before it went wrong.",
}


def hints(exercise: Exercise | None, test: TestVerdict | None) -> list[Markup]:
    """What a student may know about a test that did not pass: the misconception, else the message, else a hint."""
    if test is None:
        return [safe_html.prose(_GENERAL["not_run"])]
    if test.status == "passed":
        return []
    lines = [test.message, _misconception(exercise, test)]
    if lines[0] and lines[1] in lines[0]:
        lines.pop()
    if not any(lines):
        own = exercise.hint if exercise and test.status == "failed" else ""
        lines = [own or _GENERAL[test.status]]
    if test.with_reference_for and "in place of yours" not in test.message:
        names = " and ".join(f"`{name}`" for name in test.with_reference_for)
        lines.append(f"Graded with a correct {names} in place of yours, so that each mistake costs points only once.")
    return [safe_html.prose(line) for line in lines if line]


def _misconception(exercise: Exercise | None, test: TestVerdict) -> str:
    known = exercise.misconceptions if exercise else ()
    return next((wrong.message for wrong in known if wrong.slug == test.misconception), "")


def _summary(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """How many exercises pass their visible and their hidden tests, told apart."""
    told = []
    for name, column in (("Visible tests", "visible"), ("Hidden tests", "hidden")):
        statuses = [getattr(row, column) for row in rows if getattr(row, column) != NO_TESTS]
        passed = sum(status.kind == "good" for status in statuses)
        if statuses:
            told.append((name, f"pass in {passed} of {len(statuses)} exercises"))
    return told


# ------------------------------------------------------------------------------------------------- cells


@dataclass(frozen=True)
class Block:
    """One cell on the page."""

    kind: str  # text, code, answer, tests
    given: bool = False  # as it was handed out, and it ran without an error: folded
    title: str = ""
    anchor: str = ""
    grade: Grade | None = None
    source: Markup | None = None
    rich: bool = False  # source is rendered Markdown, not code
    outputs: list[Markup] = field(default_factory=list)
    count: int | None = None
    status: Status | None = None
    hints: list[Markup] = field(default_factory=list)
    comment: Markup | None = None
    note: str = ""


def _groups(blocks: Iterable[Block]) -> list[tuple[bool, list[Block]]]:
    """Runs of cells that are as they were handed out, and of others."""
    return [(given, list(run)) for given, run in groupby(blocks, key=lambda block: block.given)]


def _cells(known: _Known, nb: NotebookNode) -> Iterator[Block]:
    cells = known.assignment.notebook(known.notebook).cells
    masters = {cell.grade_id: cell for cell in cells if cell.grade_id}
    unnamed = {cell.released.strip() for cell in cells if not cell.grade_id}
    outputs = known.result.verdict.outputs.get(known.notebook)
    outputs = outputs if isinstance(outputs, Mapping) else {}
    told: set[tuple[str, Markup]] = set()
    size = 0
    for index, cell in enumerate(nb.cells):
        size += len(cell.source)
        if size > MAX_PAGE:
            yield Block("text", note=f"The {len(nb.cells) - index} cells from here on are not shown: too much text.")
            return
        master = masters.get(grade_id(cell) or "")
        ran = outputs.get(str(index))
        ran = ran if isinstance(ran, Mapping) else {}
        if master and master.role == "test":
            yield _said_once(_test_block(known, master, ran), known, master, told)
        elif master and master.role in _ANSWERS:
            yield _answer_block(known, cell, master, ran)
        else:
            given = master is not None or cell.source.strip() in unnamed
            yield _other_block(known, cell, master, ran, given and not _has_error(ran))


def _said_once(block: Block, known: _Known, master: Cell, told: set[tuple[str, Markup]]) -> Block:
    """Without what another test of the same exercise has said already, further up on the page."""
    exercise = known.assignment.exercise_of(known.notebook, master.grade_id or "")
    name = exercise.name if exercise else ""
    fresh = [hint for hint in block.hints if (name, hint) not in told]
    told.update((name, hint) for hint in block.hints)
    return replace(block, hints=fresh)


def _answer_block(known: _Known, cell: NotebookNode, master: Cell, ran: Mapping) -> Block:
    name = master.grade_id or ""
    comment = known.result.comments.get((known.notebook, name), "")
    nothing = comment.strip() == NO_RESPONSE or name in known.empty
    text = master.released if master.role == "task" else cell.source
    what = "task" if master.role == "task" else "your answer"
    return Block(
        kind="answer",
        title=f"{known.titles[name]} · {what}" if name in known.titles else what.capitalize(),
        anchor=name,
        grade=known.result.grade(known.notebook, master),
        comment=safe_html.markdown(comment) if comment and comment.strip() != NO_RESPONSE else None,
        note="Nothing was written here." if nothing else "",
        **_content(cell, text, ran),
    )


def _other_block(known: _Known, cell: NotebookNode, master: Cell | None, ran: Mapping, given: bool) -> Block:
    if master is None and _by_instructor(cell):
        return Block("text", note="A cell of an earlier version of this assignment is not shown.")
    text = master.released if master and master.role != "free" else cell.source
    kind = "code" if cell.cell_type == "code" else "text"
    return Block(kind, given=given, note=_why_not_run(known.assignment, cell, ran), **_content(cell, text, ran))


def _content(cell: NotebookNode, text: str, ran: Mapping) -> dict[str, Any]:
    if cell.cell_type != "code":
        return {"source": safe_html.markdown(text, cell.get("attachments")), "rich": True}
    count = ran.get("execution_count")
    outputs = ran.get("outputs")
    return {
        "source": safe_html.code(text),
        "outputs": safe_html.outputs(outputs) if isinstance(outputs, list) else [],
        "count": count if isinstance(count, int) else None,
    }


def _test_block(known: _Known, master: Cell, ran: Mapping) -> Block:
    test = known.result.test(known.notebook, master.grade_id)
    exercise = known.assignment.exercise_of(known.notebook, master.grade_id or "")
    shown = not hides(master) or has_code(master.released)
    block = Block(
        kind="tests",
        title=_title_of_tests(known, exercise, master),
        anchor=master.grade_id or "",
        grade=known.result.grade(known.notebook, master),
        status=STATUS[test.status] if test else STATUS["not_run"],
        hints=[] if exercise and exercise.name in known.empty else hints(exercise, test),
        note="These tests have a hidden part, which is not shown." if shown and hides(master) else "",
    )
    if not shown:
        return replace(block, note=" ".join(line.lstrip("# ") for line in master.released.split("\n")).strip())
    cell = NotebookNode(cell_type="code", source=master.released)
    return replace(block, **_content(cell, master.released, ran))


def _title_of_tests(known: _Known, exercise: Exercise | None, master: Cell) -> str:
    """`Exercise 2: a check · hidden tests 1 of 2`"""
    if exercise is None:
        return _kind_of_tests(master).capitalize()
    cells = [known.assignment.notebook(known.notebook).cell(name) for name in exercise.tests]
    alike = [cell.grade_id for cell in cells if _kind_of_tests(cell) == _kind_of_tests(master)]
    number = f" {alike.index(master.grade_id) + 1} of {len(alike)}" if len(alike) > 1 else ""
    return f"{known.title(exercise.name)} · {_kind_of_tests(master)}{number}"


def _kind_of_tests(cell: Cell) -> str:
    if not hides(cell):
        return "visible tests"
    return "tests" if has_code(cell.released) else "hidden tests"


def _has_error(ran: Mapping) -> bool:
    outputs = ran.get("outputs")
    kinds = [o.get("output_type") for o in outputs if isinstance(o, Mapping)] if isinstance(outputs, list) else []
    return "error" in kinds


def _by_instructor(cell: NotebookNode) -> bool:
    marks = cell.metadata.get("nbgrader", {})
    return bool(marks.get("grade") or marks.get("locked")) and not marks.get("solution")


def _why_not_run(assignment: Assignment, cell: NotebookNode, ran: Mapping) -> str:
    if "explore" in cell.metadata.get("tags", []) and not assignment.run_explore and not ran:
        return "Not run when grading."
    return ""
