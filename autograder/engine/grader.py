"""Grades submissions of one assignment: conducts the player and the referee.

A submission is *performed* first: all its cells run in order, and a moment of it is parked before the tests of each
exercise. Then it is *judged*: the referee runs the instructor's tests against the parked moments. Further performances
follow only where they are needed: to ask a probe about a failed exercise, to judge again with the test's own objects
protected, or to grade an exercise with the reference in place of an earlier one that is wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autograder.engine import walls
from autograder.engine.performance import Conduct, Performance
from autograder.engine.zygotes import ENDED_WELL, Moment, Referee, Zygote
from autograder.errors import CourseError
from autograder.inside.messages import PROBE
from autograder.model import Assignment, Cell, Exercise, Notebook
from autograder.repair import RepairedCell, bound_names

HURRY = 5
"""Once a test of an exercise has timed out, each further one gets this part of its time; nearly all would time out."""

_REFEREE_MEMORY_MB = 4096
_NOT_RUN = {"status": "not_run", "message": "the notebook ended before this test"}

_RELIES_ON_OVERWRITING = {
    "status": "failed",
    "score": 0.0,
    "kind": "",
    "says": "",
    "message": "Your code changes something that was passed in, if only for a while, and does not pass where that is "
    "protected. Leave what you are given as it is, and make new arrays.",
}


@dataclass
class Judged:
    """What the referee found about one test, for staff. `answer` is the judge's document."""

    points: float
    answer: dict[str, Any]
    with_reference_for: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.answer["status"]

    @property
    def score(self) -> float:
        return float(self.answer.get("score", 0.0)) if self.status == "passed" else 0.0

    @property
    def full(self) -> bool:
        return self.status == "passed" and self.score == self.points


@dataclass
class Graded:
    """One notebook of one submission, performed and judged."""

    tests: dict[str, Judged] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by index of the cell
    ended: dict[int, str] = field(default_factory=dict)  # cells that ended their process: "crashed" or "timeout"
    probes: dict[str, Any] = field(default_factory=dict)  # by exercise: what its probe answered


class Grader:
    """A player zygote and a referee zygote, warm, for one assignment. Threads may share it.

    >>> with Grader(assignment) as grader:          # doctest: +SKIP
    ...     grader.learn()
    ...     grader.grade("optimizers", repaired.cells).tests["adam-hidden"].status
    'passed'
    """

    def __init__(
        self,
        assignment: Assignment,
        isolation: str = "namespaces",
        files: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        """files: the side files that the notebooks read, by relative path. Both sides see the instructor's own."""
        walls.check(isolation)
        self.assignment, self.isolation = assignment, isolation
        self._eager: set[str] = set()  # exercises whose tests do not bear to wait; found by learn
        self._learnt: dict[tuple[str, str], dict[str, Any]] = {}  # how the reference fared, by notebook and test
        self._player = Zygote(
            "autograder.inside.player_zygote",
            {
                "isolation": isolation,
                "sealed": assignment.sealed,
                "warm": [*_imports(assignment), "numpy.testing"],
                "memory_mb": assignment.limits.memory_mb,
            },
            isolation=isolation,
            packages=(*walls.BASE_PACKAGES, *assignment.packages),
            sealed=assignment.sealed,
            files=files,
        )
        self._referee = Zygote(
            "autograder.inside.referee_zygote",
            {
                "notebooks": {n.name: _court(assignment, n) for n in assignment.notebooks},
                "isolation": isolation,
                "memory_mb": _REFEREE_MEMORY_MB,
            },
            isolation=isolation,
            packages=(*walls.REFEREE_PACKAGES, *assignment.packages),
            files=files,
        )

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def wait_until_ready(self) -> None:
        self._player.wait_until_ready()
        (alone,) = self._referee.wait_until_ready()
        self._alone = {name: frozenset(tests) for name, tests in alone.items()}

    @property
    def has_ended(self) -> bool:
        return self._player.has_ended or self._referee.has_ended

    def close(self) -> None:
        self._player.close()
        self._referee.close()

    def learn(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Judge the reference solution: how it passes its tests is what submissions are held to. Call once, first."""
        self.wait_until_ready()
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for notebook in self.assignment.notebooks:
            exercises = {e.name: e for e in self.assignment.exercises if e.notebook == notebook.name}
            if not notebook.has_reference:
                self._eager |= exercises.keys()
                continue
            judged = self._learn(notebook)
            waited_in_vain = {n for n, e in exercises.items() if any(not judged[t].full for t in e.tests)}
            if waited_in_vain:
                self._eager |= waited_in_vain
                judged = self._learn(notebook)
            found[notebook.name] = {test: j.answer for test, j in judged.items()}
            self._learnt |= {(notebook.name, test): answer for test, answer in found[notebook.name].items()}
        return found

    def _learn(self, notebook: Notebook) -> dict[str, Judged]:
        with self._perform(notebook.name, reference(notebook)) as performance:
            return self._judge_all(notebook.name, performance, learn=True)

    def grade(
        self,
        name: str,
        cells: Sequence[RepairedCell],
        *,
        only: Collection[str] | None = None,
        probes: bool = True,
    ) -> Graded:
        """Perform and judge one notebook of a submission. `only`: the tests to judge, by grade_id; all if None."""
        exercises = [e for e in self.assignment.exercises if e.notebook == name]
        with self._perform(name, cells, parks=only) as performance:
            graded = Graded(self._judge_all(name, performance), performance.outputs, performance.ended)
            failed = {e.name: e for e in exercises if _is_wrong(e, graded)}
            on_wrong_ground = {e.name: wrong for e in failed.values() if (wrong := self._wrong_depends(e, failed))}
            if probes:
                asked = [e for e in failed.values() if e.name not in on_wrong_ground]
                graded.probes = self._probe(asked, performance, graded.tests)
        self._judge_protected(name, cells, graded.tests, graded.ended)
        for exercise, wrong in on_wrong_ground.items():
            self._grade_with_reference(name, cells, graded, failed[exercise], wrong)
        if self.has_ended:  # what was graded meanwhile is worth nothing
            raise CourseError("the sandbox ended while submissions were graded; grade again to go on")
        return graded

    def answer(self, exercise: Exercise, cells: Sequence[RepairedCell]) -> Any:
        """What the probe of an exercise answers for this submission, in canonical form; None if it cannot be asked."""
        with self._perform(exercise.notebook, cells, parks=exercise.tests) as performance:
            judged = self._judge_all(exercise.notebook, performance)
            return self._probe([exercise], performance, judged).get(exercise.name)

    def sabotage(self, name: str, tests: Collection[str] | None = None) -> dict[str, dict[str, dict[str, Any]]]:
        """Let every universal liar play the reference solution: {test: {liar: the judge's answer, with `lied`}}.

        Some answer without end; the reference, which does not, needs no more than a part of a test's time.
        """
        from autograder.inside.liars import KINDS  # brings numpy, which nothing else here needs

        notebook = self.assignment.notebook(name)
        found: dict[str, dict[str, dict[str, Any]]] = {}
        with self._perform(name, reference(notebook), parks=tests) as performance:
            for test, moment in performance.parked.items():
                referee = Referee(self._referee)
                found[test] = {}
                for liar in KINDS:
                    answer = self._judge(referee, name, test, moment.fork(), liar=liar, hurry=True)
                    if answer["status"] == "passed" and answer["wrote"]:
                        answer = self._judge(referee, name, test, moment.fork(), liar=liar, freeze=True, hurry=True)
                    found[test][liar] = answer
                referee.close()
        return found

    # -- one test -----------------------------------------------------------------------------------------------------

    def _perform(
        self,
        name: str,
        cells: Sequence[RepairedCell],
        *,
        parks: Collection[str] | None = None,
        skip: Collection[int] = (),
    ) -> Performance:
        conduct = Conduct(self._alone[name], frozenset(self._eager))
        return Performance(self._player, self.assignment, name, cells, conduct, parks=parks, skip=skip)

    def _is_hidden(self, name: str) -> Callable[[str], bool]:
        """By which to sort tests: the message of a visible test, which a student sees, must come before any hidden
        input has reached a process of this submission."""
        visible = {test.grade_id for test in self.assignment.notebook(name).tests if test.released == test.source}
        return lambda test: test not in visible

    def _judge_all(
        self, name: str, performance: Performance, *, learn: bool = False, freeze: bool = False
    ) -> dict[str, Judged]:
        """Judge the tests for which a moment is parked: visible ones first, then hidden ones."""
        points = {test.grade_id: test.points for test in self.assignment.notebook(name).tests}
        tests = sorted(performance.parked, key=self._is_hidden(name))
        parked: dict[str, Moment | None] = dict(performance.parked)
        judged: dict[str, Judged] = {}
        slow: set[str] = set()  # exercises that timed out once
        with ExitStack() as performances, closing(Referee(self._referee)) as referee:
            for number, test in enumerate(tests):
                moment = parked[test]
                if moment in performance.dead:  # another moment for it, and for the tests that were to share it
                    rest = {t for t in tests[number:] if parked[t] is moment}
                    once_more = performances.enter_context(performance.again(rest))
                    parked |= {t: once_more.parked.get(t) for t in rest}
                    moment = parked[test]
                exercise = self.assignment.exercise_of(name, test)
                hurry = exercise is not None and exercise.name in slow
                answer = self._judge(referee, name, test, moment, learn=learn, freeze=freeze, hurry=hurry)
                if answer["status"] not in ENDED_WELL and moment is not None:
                    performance.dead.add(moment)
                if answer["status"] == "timeout" and exercise:
                    slow.add(exercise.name)
                judged[test] = Judged(points[test], answer if learn else self._doubted(name, test, answer))
        return judged | {test: Judged(points[test], dict(_NOT_RUN)) for test in performance.not_reached}

    def _judge(
        self,
        referee: Referee,
        name: str,
        test: str,
        moment: Moment | None,
        *,
        liar: str | None = None,
        learn: bool = False,
        freeze: bool = False,
        hurry: bool = False,
    ) -> dict[str, Any]:
        if moment is None:
            return dict(_NOT_RUN)
        seconds = self.assignment.limits.test_seconds / (HURRY if hurry else 1)
        learnt = self._learnt.get((name, test), {})
        options = {
            "record": learnt.get("record"),
            "learn": learn or not learnt,
            "freeze": freeze,
            "seconds": seconds,
            "points": self.assignment.notebook(name).cell(test).points,
        }
        return referee.judge(moment, {"notebook": name, "test": test, "options": options}, seconds, liar)

    def _doubted(self, name: str, test: str, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, unless nobody can say what it is worth: such a test waits for a person, and is never scored 0."""
        learnt = self._learnt.get((name, test))
        if learnt is not None and learnt["status"] != "passed":
            why = f"the reference solution does not pass this test here: {learnt.get('message') or learnt['status']}"
        elif learnt is None and (answer.get("record") or {}).get("operators"):
            why = "an object of the submission decides in this test, and no reference solution shows whether it may"
        else:
            return answer
        return {"status": "needs_person", "message": why, "wrote": False}

    # -- a closer look ------------------------------------------------------------------------------------------------

    def _probe(
        self, exercises: Sequence[Exercise], performance: Performance, judged: Mapping[str, Judged]
    ) -> dict[str, Any]:
        """What their probes answer, by exercise. They are asked after the tests, of the same moments.

        A probe that does not come to an end answers with the way it ended. None is asked where a test timed out.
        """
        answers = {}
        with closing(Referee(self._referee)) as referee:
            for exercise in exercises:
                timed_out = any(judged[test].status == "timeout" for test in exercise.tests if test in judged)
                moment = performance.parked.get(exercise.tests[-1])
                if not exercise.probe or moment is None or timed_out:
                    continue
                if moment in performance.dead:
                    with performance.again(exercise.tests[:1]) as once_more:
                        answers[exercise.name] = self._ask(referee, exercise, once_more.parked.get(exercise.tests[0]))
                else:
                    answers[exercise.name] = self._ask(referee, exercise, moment)
        return answers

    def _ask(self, referee: Referee, exercise: Exercise, moment: Moment | None) -> Any:
        if moment is None:
            return dict(_NOT_RUN)
        seconds = self.assignment.limits.test_seconds
        request = {"notebook": exercise.notebook, "test": PROBE + exercise.name, "seconds": seconds}
        answer = referee.judge(moment, request, seconds)
        return answer["answer"] if answer["status"] == "answered" else answer["status"]

    def _judge_protected(
        self, name: str, cells: Sequence[RepairedCell], tests: Mapping[str, Judged], skip: Collection[int]
    ) -> None:
        """Where a submission wrote to a test's objects, the reference did not, and the test passed: judge once more
        with these objects protected. Zeroing an input would otherwise make many a comparison come true."""
        doubtful = {test for test, judged in tests.items() if judged.status == "passed" and judged.answer.get("wrote")}
        if not doubtful:
            return
        with self._perform(name, cells, parks=doubtful, skip=skip) as performance:
            for test, judged in self._judge_all(name, performance, freeze=True).items():
                if judged.status != "passed":
                    why = judged.answer.get("message", "")
                    tests[test].answer |= _RELIES_ON_OVERWRITING | {"detail": why}

    def _wrong_depends(self, exercise: Exercise, failed: Collection[str]) -> list[str]:
        return [name for name in _all_depends(exercise, self.assignment) if name in failed]

    def _grade_with_reference(
        self, name: str, cells: Sequence[RepairedCell], graded: Graded, exercise: Exercise, wrong: list[str]
    ) -> None:
        """Judge an exercise with the reference in place of wrong ones that it builds on: each mistake costs once."""
        mended = with_reference(self.assignment.notebook(name), cells, wrong)
        skip = graded.ended.keys() - _indices(cells, wrong)
        with self._perform(name, mended, parks=exercise.tests, skip=skip) as performance:
            judged = self._judge_all(name, performance)
            if any(not test.full for test in judged.values()):
                graded.probes |= self._probe([exercise], performance, judged)
        self._judge_protected(name, mended, judged, skip)
        for test, found in judged.items():
            if found.score > graded.tests[test].score:
                found.with_reference_for = wrong
                graded.tests[test] = found


def reference(notebook: Notebook) -> list[RepairedCell]:
    """The instructor's own notebook, as a submission."""
    return [_as_submitted(cell, cell.source) for cell in notebook.cells]


def with_reference(notebook: Notebook, cells: Sequence[RepairedCell], exercises: Collection[str]) -> list[RepairedCell]:
    """The submission with the reference in place of some solution cells; cell for cell, so that indices stay."""
    masters = [notebook.cell(name) for name in exercises]
    return [_mended(cell, masters) for cell in cells]


def _mended(cell: RepairedCell, masters: Sequence[Cell]) -> RepairedCell:
    for master in masters:
        if cell.grade_id == master.grade_id:
            return _as_submitted(master, master.source)
        if cell.role == "free" and bound_names(cell.source) & bound_names(master.released):
            cell = replace(cell, source=f"{cell.source}\n\n{master.source}")  # a second version must not win
    return cell


def with_source(notebook: Notebook, exercise: str, source: str) -> list[RepairedCell]:
    """The reference with another version of one solution cell."""
    return [_as_submitted(c, source if c.grade_id == exercise else c.source) for c in notebook.cells]


def _as_submitted(cell: Cell, source: str) -> RepairedCell:
    return RepairedCell(
        type=cell.type, source=source, released=cell.released, role=cell.role,
        grade_id=cell.grade_id, tags=cell.tags, metadata={},
    )  # fmt: skip


def _is_wrong(exercise: Exercise, graded: Graded) -> bool:
    judged = [graded.tests[test] for test in exercise.tests if test in graded.tests]
    return any(not j.full for j in judged) and all(j.status != "not_run" for j in judged)


def _indices(cells: Sequence[RepairedCell], exercises: Collection[str]) -> set[int]:
    return {i for i, cell in enumerate(cells) if cell.grade_id in exercises}


def _all_depends(exercise: Exercise, assignment: Assignment) -> list[str]:
    """All exercises that this one builds on, directly or not, in the order of the notebook."""
    by_name = {e.name: e for e in assignment.exercises if e.notebook == exercise.notebook}
    found: set[str] = set()
    todo = list(exercise.depends)
    while todo:
        name = todo.pop()
        if name not in by_name:
            raise CourseError(f"exercise {exercise.name!r} depends on {name!r}, which is no exercise of its notebook")
        if name not in found:
            found.add(name)
            todo += by_name[name].depends
    return [name for name in by_name if name in found]


def cells_to_run(assignment: Assignment, notebook: Notebook) -> list[dict[str, Any]]:
    """The instructor's code cells that are run when grading, as `autograder.wire.names` takes them."""
    return [
        {"role": c.role, "grade_id": c.grade_id, "source": c.source}
        for c in notebook.cells
        if c.type == "code" and (assignment.run_explore or "explore" not in c.tags)
    ]


def _court(assignment: Assignment, notebook: Notebook) -> dict[str, Any]:
    """What the referee's zygote needs of a notebook."""
    probes = {
        e.tests[0]: {PROBE + e.name: e.probe}
        for e in assignment.exercises
        if e.notebook == notebook.name and e.probe and e.tests
    }
    return {
        "cells": [{**c, "probes": probes.get(c["grade_id"], {})} for c in cells_to_run(assignment, notebook)],
        "shared": assignment.shared_tests,
    }


def _imports(assignment: Assignment) -> list[str]:
    """Modules that the notebooks import at the top of a cell, to have them warm; none of a cell that does not parse."""
    found: dict[str, None] = {}
    for notebook in assignment.notebooks:
        for cell in notebook.cells:
            if cell.type == "code" and "explore" not in cell.tags:
                for node in _parsed(cell.released).body:
                    if isinstance(node, ast.Import):
                        found |= dict.fromkeys(alias.name for alias in node.names)
                    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                        found |= dict.fromkeys([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return list(found)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])
