"""From what the referee found to what a student, an assistant and the gradebook are told.

A student learns how the work behaves, never what a hidden test feeds it: a message is the misconception's own text,
or words that stand literally in the test, or the exercise's hint. Nothing that the submission could have chosen, not
even the name of an exception class of its own, travels from a hidden test into a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from autograder.answers import digests
from autograder.engine.grader import Graded, Judged
from autograder.engine.probes import name_misconception
from autograder.model import Assignment, Cell, Notebook, TestStatus, TestVerdict, Verdict
from autograder.repair import Repaired

TELLABLE_ERRORS = frozenset({
    "AttributeError", "IndexError", "KeyError", "NameError", "NotImplementedError", "RecursionError", "TypeError",
    "UnboundLocalError", "ValueError", "ZeroDivisionError",
})  # fmt: skip
"""Exception classes that a student is told when a hidden test meets one."""

GENERIC_HINT = "A hidden test found a case that your code gets wrong. Try other shapes and sizes, and several steps."


def verdict(
    assignment: Assignment,
    student: str,
    repaired: Mapping[str, Repaired],
    graded: Mapping[str, Graded],
    unreadable: Mapping[str, str] = MappingProxyType({}),
) -> Verdict:
    """unreadable: why a notebook that was handed in could not be graded, by notebook. A person looks at that."""
    tests: list[TestVerdict] = []
    notes: list[str] = []
    reasons: list[str] = []
    for notebook in assignment.notebooks:
        if notebook.name not in repaired:
            tests += [_absent(notebook, test) for test in notebook.tests]
            if notebook.name in unreadable:
                reasons.append(f"{notebook.name}.ipynb: {unreadable[notebook.name]}")
            else:
                notes.append(f"{notebook.name}.ipynb was not handed in")
            continue
        mended, found = repaired[notebook.name], graded[notebook.name]
        notes += mended.notes
        reasons += _for_a_person(notebook, mended)
        for test in notebook.tests:
            told = _test_verdict(assignment, notebook, test, mended, found)
            tests.append(told)
            if found.tests[told.name].status == "needs_person":
                reasons.append(f"{told.name}: {found.tests[told.name].answer['message']}")
    return Verdict(
        assignment=assignment.name,
        student=student,
        status="needs_person" if reasons else "graded",
        score=sum(t.points for t in tests),
        max_score=assignment.max_score,
        tests=tests,
        reason="; ".join(reasons),
        notes=notes,
        outputs={name: found.outputs for name, found in graded.items()},
        answers={name: digests(mended.cells) for name, mended in repaired.items()},
    )


def ungradable(assignment: Assignment, student: str, reason: str) -> Verdict:
    tests = [_absent(notebook, test) for notebook in assignment.notebooks for test in notebook.tests]
    return Verdict(assignment.name, student, "ungradable", 0.0, assignment.max_score, tests, reason=reason)


def _absent(notebook: Notebook, test: Cell) -> TestVerdict:
    return TestVerdict(
        test.grade_id or "", 0.0, test.points, "not_run", "This test was not run.", notebook=notebook.name
    )


def _for_a_person(notebook: Notebook, repaired: Repaired) -> list[str]:
    """Written answers that a student gave, and tasks, which are done elsewhere. An untouched answer needs nobody."""
    masters = {c.grade_id: c for c in notebook.cells if c.role in ("written", "task")}
    found = []
    for cell in repaired.cells:
        master = masters.get(cell.grade_id)
        if master and master.role == "task":
            found.append(f"{master.grade_id}: a task")
        elif master and cell.source.strip() != master.released.strip():
            found.append(f"{master.grade_id}: a written answer")
    return found


def _test_verdict(
    assignment: Assignment, notebook: Notebook, test: Cell, repaired: Repaired, graded: Graded
) -> TestVerdict:
    name = test.grade_id or ""
    judged = graded.tests[name]
    exercise = assignment.exercise_of(notebook.name, name)
    misconception = None
    # What came back as it was handed out is nobody's misunderstanding, also where that was code to mend.
    if exercise and not judged.full and exercise.name in graded.probes and not repaired.untouched(exercise.name):
        misconception = name_misconception(exercise, graded.probes[exercise.name])
    status = _status(judged, exercise.name if exercise else None, repaired, graded)
    found = TestVerdict(
        name=name,
        points=judged.score,
        max_points=test.points,
        status=status,
        misconception=misconception,
        with_reference_for=list(judged.with_reference_for),
        notebook=notebook.name,
        detail="\n".join(filter(None, (judged.answer.get("message"), judged.answer.get("detail")))),
    )
    if not judged.full:
        told = next((w.message for w in exercise.misconceptions if w.slug == misconception), "") if exercise else ""
        told = told or (_why_nothing_works(exercise.name, repaired, graded) if exercise and status == "failed" else "")
        found.message = told or _message(test, judged, status, exercise.hint if exercise else "")
    if judged.with_reference_for:
        mended = ", ".join(judged.with_reference_for)
        found.message = f"{found.message} (Judged with a correct {mended} in place of yours.)".strip()
    return found


def _status(judged: Judged, exercise: str | None, repaired: Repaired, graded: Graded) -> TestStatus:
    """A failed test says why the exercise could not pass, where that is known."""
    if judged.status == "needs_person":
        return "not_run"
    status = cast(TestStatus, judged.status)
    if status != "failed" or exercise is None:
        return status
    if exercise in repaired.missing:
        return "missing"
    index = next((i for i, cell in enumerate(repaired.cells) if cell.grade_id == exercise), -1)
    return cast(TestStatus, graded.ended.get(index, "failed"))


def _why_nothing_works(exercise: str, repaired: Repaired, graded: Graded) -> str:
    """What the cell of the exercise itself said, before any test: nothing hidden can be in that."""
    index = next((i for i, cell in enumerate(repaired.cells) if cell.grade_id == exercise), None)
    if index is None:
        return ""
    if repaired.untouched(exercise):
        return "This exercise is not written yet."
    for output in graded.outputs.get(str(index), {}).get("outputs", ()):
        if output["output_type"] == "error":
            what = f"{output['ename']}: {output['evalue']}".rstrip(": ")
            return f"The cell of this exercise does not run to its end. It stops with {what[:300]}"
    return ""


def _message(test: Cell, judged: Judged, status: TestStatus, hint: str) -> str:
    answer = judged.answer
    match status:
        case "missing":
            return "The cell of this exercise is not in the notebook that was handed in."
        case "timeout":
            return "Your code did not come to an end in the time that it has."
        case "crashed":
            return "Your code ended the process that it ran in (os._exit, out of memory, or a crash in compiled code)."
        case "not_run":
            return (
                "This test waits for a person."
                if judged.status == "needs_person"
                else "The notebook ended before this test."
            )
        case "passed":
            return "Part of the points."
    if test.released == test.source:  # a visible test: the student sees all of it anyway
        return answer.get("message", "")
    kind = answer.get("kind", "")
    if kind == "NotImplementedError":
        return "A part of this exercise is not written yet: your code raises NotImplementedError."
    if answer.get("says"):
        return answer["says"]
    if kind in TELLABLE_ERRORS:
        return f"Your code raised {kind} on an input of the hidden test. {hint}".strip()
    return hint or GENERIC_HINT
