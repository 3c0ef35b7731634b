"""How a class did: one self-contained page for each assignment, for the people who teach it.

A page can be shown in class: it holds no hidden test, no error text of one, and nothing of a submission but the
student's id and what the grader says. Whatever a student can influence is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from autograder import safe_html
from autograder.course import Course, default_course, load_assignment
from autograder.feedback import STATUS, hides
from autograder.files import write_atomically
from autograder.model import Assignment, Cell, Exercise, TestVerdict
from autograder.results import Result, read_results

MOST_BINS = 10


def report(names: Sequence[str] = (), *, course: Course | None = None) -> dict[str, Any]:
    """Write `course.report/NAME.html` for each named assignment, or for all that have a verdict or a submission.

    Returns {"schema_version": 1, "files": [path], "assignments": [{"assignment", "file", "submissions", "graded",
    "needs_person", "ungradable", "not_graded"}]}. Raises CourseError if there is no such assignment.
    """
    course = course or default_course()
    documents = [_write(course, load_assignment(course, name)) for name in names or _begun(course)]
    return {"schema_version": 1, "files": [d["file"] for d in documents], "assignments": documents}


def page(
    assignment: Assignment,
    results: Sequence[Result],
    *,
    waiting: Sequence[str] = (),
    link: Callable[[str], str | None] = lambda student: None,
) -> str:
    """The page of one assignment. `waiting`: students whose submission has no verdict yet; `link`: to their page."""
    gradable = [result for result in results if result.status != "ungradable"]
    scores, most = [result.score for result in gradable], _most(assignment, gradable)
    return safe_html.TEMPLATES.get_template("report.html.j2").render(
        assignment=assignment,
        csp=f"{safe_html.CONTENT_SECURITY_POLICY}; script-src '{_digest(_SORT)}'",
        sort_script=Markup(_SORT),
        counts=_counts(results, waiting),
        most=most,
        scores=_scores(scores),
        headline=_headline(scores, most),
        histogram=histogram(scores, most),
        ticks=_ticks(max((b.count for b in histogram(scores, most)), default=0)),
        labels=_labels(histogram(scores, most)),
        exercises=[_success(exercise, assignment, gradable) for exercise in assignment.exercises if exercise.tests],
        gradable=len(gradable),
        misconceptions=_misconceptions(assignment, gradable),
        unnamed=_unnamed(assignment, gradable),
        ungradable=[result for result in results if result.status == "ungradable"],
        by_person=_by_person(gradable),
        stopped=_stopped(gradable),
        waiting=waiting,
        students=[_student(assignment, result) for result in results],
        link=link,
    )


# ------------------------------------------------------------------------------------------------ files


def _begun(course: Course) -> list[str]:
    """Assignments that somebody handed in or that were graded."""
    graded = {path.name for path in course.verdicts.glob("*") if path.is_dir()}
    return [name for name in course.assignments() if name in graded or course.submissions(name)]


def _write(course: Course, assignment: Assignment) -> dict[str, Any]:
    results, skipped = read_results(course, assignment)
    judged = {result.student for result in results}
    unreadable = {entry["student"] for entry in skipped}
    waiting = sorted((set(course.submissions(assignment.name)) | unreadable) - judged)
    path = course.report / f"{assignment.name}.html"

    def link(student: str) -> str | None:
        folder = course.folder(course.feedback, assignment.name, student)
        pages = [folder / f"{notebook.name}.html" for notebook in assignment.notebooks]
        found = next((p for p in pages if p.is_file()), None)
        return quote(Path(os.path.relpath(found, path.parent)).as_posix()) if found else None

    write_atomically(path, page(assignment, results, waiting=waiting, link=link))
    return {"assignment": assignment.name, "file": str(path), **_counts(results, waiting)}


# ---------------------------------------------------------------------------------------------- numbers


def _counts(results: Sequence[Result], waiting: Sequence[str]) -> dict[str, int]:
    states = [result.status for result in results]
    return {
        "submissions": len(results) + len(waiting),
        "graded": states.count("graded"),
        "needs_person": states.count("needs_person"),
        "ungradable": states.count("ungradable"),
        "not_graded": len(waiting),
    }


def _scores(scores: Sequence[float]) -> dict[str, float]:
    if not scores:
        return {}
    return {"median": statistics.median(scores), "mean": statistics.fmean(scores)}


def _headline(scores: Sequence[float], most: float) -> str:
    """The message of the histogram."""
    if not scores:
        return ""
    full = sum(score >= most for score in scores)
    half = safe_html.points(statistics.median(scores))
    return f"Half of the class has {half} or more of {safe_html.points(most)} points; {full} of {len(scores)} have all."


def _most(assignment: Assignment, results: Sequence[Result]) -> float:
    """Full marks; the gradebook's, where it knows them."""
    return max((result.max_score for result in results), default=assignment.max_score) or assignment.max_score


@dataclass(frozen=True)
class Success:
    """How many submissions pass all visible and all hidden tests of an exercise; None where there are no such tests."""

    exercise: Exercise
    visible: int | None
    hidden: int | None
    mean: float
    max_score: float


def _success(exercise: Exercise, assignment: Assignment, results: Sequence[Result]) -> Success:
    notebook = assignment.notebook(exercise.notebook)
    tests = [notebook.cell(name) for name in exercise.tests]
    totals = [sum(result.grade(exercise.notebook, test).score for test in tests) for result in results]
    return Success(
        exercise,
        visible=_passing(exercise.notebook, [test for test in tests if not hides(test)], results),
        hidden=_passing(exercise.notebook, [test for test in tests if hides(test)], results),
        mean=statistics.fmean(totals) if totals else 0.0,
        max_score=sum(test.points for test in tests),
    )


def _passing(notebook: str, tests: Sequence[Cell], results: Sequence[Result]) -> int | None:
    if not tests:
        return None
    return sum(all(_passed(result.test(notebook, test.grade_id)) for test in tests) for result in results)


def _passed(test: TestVerdict | None) -> bool:
    return test is not None and test.status == "passed"


@dataclass(frozen=True)
class Found:
    """A misconception and who has it."""

    exercise: str
    slug: str
    message: str
    students: tuple[str, ...]


def _misconceptions(assignment: Assignment, results: Sequence[Result]) -> list[Found]:
    """Recognised misconceptions, the most frequent first. A student counts once for each, however many tests fail."""
    who: dict[tuple[str, str], dict[str, None]] = {}
    for result in results:
        for test in result.verdict.tests:
            if test.misconception:
                exercise = _exercise_of(assignment, test)
                who.setdefault((exercise.name if exercise else test.name, test.misconception), {})[result.student] = (
                    None
                )
    messages = {(e.name, wrong.slug): wrong.message for e in assignment.exercises for wrong in e.misconceptions}
    found = [Found(*key, messages.get(key, ""), tuple(students)) for key, students in who.items()]
    return sorted(found, key=lambda f: (-len(f.students), f.exercise, f.slug))


def _unnamed(assignment: Assignment, results: Sequence[Result]) -> list[tuple[str, list[str]]]:
    """Exercises with hidden tests that fail after the visible ones pass, where no misconception is recognised.

    These are worth reading: each may be a misconception that the bank does not have yet.
    """
    found = []
    for exercise in assignment.exercises:
        cells = [assignment.notebook(exercise.notebook).cell(name) for name in exercise.tests]
        students = [r.student for r in results if _fails_unnamed(r, exercise, cells)]
        if students:
            found.append((exercise.name, students))
    return found


def _fails_unnamed(result: Result, exercise: Exercise, cells: Sequence[Cell]) -> bool:
    tests = {cell.grade_id: result.test(exercise.notebook, cell.grade_id) for cell in cells}
    shown = [tests[cell.grade_id] for cell in cells if not hides(cell)]
    hidden = [tests[cell.grade_id] for cell in cells if hides(cell)]
    fails = any(test is not None and test.status == "failed" for test in hidden)
    named = any(test is not None and test.misconception for test in [*shown, *hidden])
    return fails and not named and all(_passed(test) for test in shown)


def _exercise_of(assignment: Assignment, test: TestVerdict) -> Exercise | None:
    for notebook in [test.notebook] if test.notebook else [n.name for n in assignment.notebooks]:
        if exercise := assignment.exercise_of(notebook, test.name):
            return exercise
    return None


def _by_person(results: Sequence[Result]) -> list[tuple[str, list[str]]]:
    """What a person has to do, and for whom: most of a class waits for the same."""
    who: dict[str, list[str]] = {}
    for result in results:
        if result.status == "needs_person":
            cells = [f"`{name}`" for (_, name), grade in result.grades.items() if grade.waiting]
            reason = result.verdict.reason or f"to grade by hand: {', '.join(cells)}"
            who.setdefault(reason, []).append(result.student)
    return sorted(who.items(), key=lambda entry: (-len(entry[1]), entry[0]))


def _stopped(results: Sequence[Result]) -> list[tuple[str, str, str]]:
    """Tests that ended in a crash or ran out of time: student, test, what happened."""
    return [
        (result.student, test.name, STATUS[test.status].words)
        for result in results
        for test in result.verdict.tests
        if test.status in {"crashed", "timeout"}
    ]


@dataclass(frozen=True)
class Student:
    """One line of the table."""

    id: str
    score: float
    max_score: float
    status: str
    kind: str
    symbol: str
    visible: tuple[int, int]  # tests passed, tests
    hidden: tuple[int, int]
    notes: list[str]


_STATES = {
    "graded": ("graded", "good", "✓"),
    "needs_person": ("needs a person", "wait", "…"),
    "ungradable": ("ungradable", "bad", "✗"),
}


def _student(assignment: Assignment, result: Result) -> Student:
    verdict = result.verdict
    status, kind, symbol = _STATES[result.status]
    tests = [(hides(c), _passed(result.test(n.name, c.grade_id))) for n in assignment.notebooks for c in n.tests]
    notes = [verdict.reason if result.status == verdict.status else "", *verdict.notes]
    notes += dict.fromkeys(f"`{test.misconception}`" for test in verdict.tests if test.misconception)
    if result.penalty:
        notes.append(f"late: −{safe_html.points(result.penalty)}")
    return Student(
        id=result.student,
        score=result.score,
        max_score=result.max_score,
        status=status,
        kind=kind,
        symbol=symbol,
        visible=(sum(ok for hidden, ok in tests if not hidden), sum(not hidden for hidden, _ in tests)),
        hidden=(sum(ok for hidden, ok in tests if hidden), sum(hidden for hidden, _ in tests)),
        notes=[note for note in notes if note],
    )


# ---------------------------------------------------------------------------------------------- figures


@dataclass(frozen=True)
class Bin:
    """Scores from `low` up to but not including `high`; the last bin includes full marks and what lies above."""

    place: int
    low: float
    high: float
    count: int
    label: str
    whole: bool  # one whole number of points, not a range


def histogram(scores: Sequence[float], most: float) -> list[Bin]:
    """At most ten bins of equal width from 0 to full marks. Whole points get a bin each where they fit."""
    if most <= 0:
        return []
    # One bin for each whole point, full marks included, where there are few; else ten bins and a closed last one.
    whole = float(most).is_integer() and most < MOST_BINS and all(float(s).is_integer() for s in scores)
    bins, width = (int(most) + 1, 1.0) if whole else (MOST_BINS, most / MOST_BINS)
    counts = [0] * bins
    for score in scores:
        counts[min(max(int(score / width + 1e-9), 0), bins - 1)] += 1
    edges = [i * width for i in range(bins + 1)]

    def label(i: int) -> str:
        low, high = safe_html.points(edges[i]), safe_html.points(edges[i + 1])
        return low if whole else f"{low} to {high}" if i == bins - 1 else f"{low} to under {high}"

    return [Bin(i, edges[i], edges[i + 1], counts[i], label(i), whole) for i in range(bins)]


def _ticks(tallest: int) -> list[int]:
    """Round values for an axis of counts: at most six, from 0 to no less than `tallest`."""
    step = next(s for s in (m * 10**e for e in range(9) for m in (1, 2, 5)) if tallest <= 5 * s)
    return list(range(0, max(tallest, 1) + step, step)) if tallest % step else list(range(0, max(tallest, 1) + 1, step))


def _labels(bins: Sequence[Bin]) -> list[tuple[float, str]]:
    """Where the horizontal axis is labelled, in bins from the left: below a whole number's bar, else at the edges."""
    if not bins:
        return []
    if bins[0].whole:
        return [(b.place + 0.5, safe_html.points(b.low)) for b in bins]
    return [(float(b.place), safe_html.points(b.low)) for b in bins[::2]] + [
        (float(len(bins)), safe_html.points(bins[-1].high))
    ]


# A click on a heading sorts the table; without scripts the table stays in order of ids.
_SORT = """
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    const heading = button.closest('th'), body = heading.closest('table').tBodies[0];
    const down = heading.getAttribute('aria-sort') === 'ascending';
    for (const other of heading.parentNode.children) other.removeAttribute('aria-sort');
    heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const key = row => row.cells[heading.cellIndex].dataset.key ?? row.cells[heading.cellIndex].textContent;
    const order = new Intl.Collator(undefined, {numeric: true}).compare;
    [...body.rows].sort((a, b) => (down ? -1 : 1) * order(key(a), key(b))).forEach(row => body.append(row));
  });
}
"""


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
