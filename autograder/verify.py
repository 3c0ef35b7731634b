"""Proves an assignment before students see it, by grading known submissions through the same path as theirs.

The solution must get full marks and the untouched stub none; every alternative full marks on its exercise; every
misconception must fail a test of its exercise and be named to the student; a player that lies about the solution's
results must be stopped by the tests of each exercise taken together; and nothing secret may be in what is released.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograder import bundle, leaks
from autograder.build import REPOSITORY, Built, build_named, text_of
from autograder.build import names as all_names
from autograder.engine.grader import Graded, Grader, Judged, cells_to_run
from autograder.engine.probes import name_misconception, same
from autograder.fill import filled
from autograder.model import REFERENCE, Assignment, Exercise, Notebook, Right, Wrong
from autograder.repair import RepairedCell, repair
from autograder.submission import read
from autograder.wire import names as wire_names

Progress = Callable[[str, int, int], None]

MIN_MISCONCEPTIONS, MIN_ALTERNATIVES = 3, 1


@dataclass(frozen=True)
class Proof:
    """What was found about one assignment, and the assignment with its probes' answers, by which to name mistakes."""

    document: dict[str, Any]  # one entry of "assignments" in the document of `autograder verify --json`
    assignment: Assignment

    @property
    def ok(self) -> bool:
        return not self.document["leaks"] and not any(e["problems"] for e in self.document["exercises"])


def verify(
    names: Iterable[str] = (), *, progress: Progress | None = None, repository: Path = REPOSITORY
) -> dict[str, Any]:
    """Proves the assignments in `names` (none: all); returns the document of `autograder verify --json`."""
    proofs = []
    for built in [build_named(name, repository) for name in list(names) or all_names(repository)]:
        proof = prove(built, progress)
        proof.document["leaks"] += _leaks_elsewhere(built, repository)
        proofs.append(proof)
    return {
        "schema_version": 1,
        "ok": all(proof.ok for proof in proofs),
        "assignments": [proof.document for proof in proofs],
    }


def prove(built: Built, progress: Progress | None = None) -> Proof:
    """Everything that `verify` says about one assignment as it stands in solutions/."""
    with Grader(built.assignment) as grader:
        return _Prover(built, grader, progress or (lambda doing, done, total: None)).run()


def _leaks_elsewhere(built: Built, repository: Path) -> list[leaks.Leak]:
    """Leaks in the library, and in the copy that was released last where it is not what a release would make now."""
    now = datetime.now(UTC)
    folder = repository / "assignments" / built.assignment.name
    files = bundle.library(repository, now) if bundle.is_open(built.assignment.due, now) else {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.read_bytes() != built.released_files().get(path.relative_to(folder).as_posix()):
            files[path.relative_to(repository).as_posix()] = path.read_bytes()
    return leaks.find(built.assignment, files)


@dataclass
class _Found:
    """What is known about one exercise so far."""

    exercise: Exercise
    points: float
    killed: int = 0
    named: int = 0
    accepted: int = 0
    saboteurs: int = 0
    stopped: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "name": self.exercise.name,
            "starred": self.exercise.starred,
            "points": self.points,
            "misconceptions": len(self.exercise.misconceptions),
            "killed": self.killed,
            "named": self.named,
            "alternatives": len(self.exercise.alternatives),
            "accepted": self.accepted,
            "saboteurs": self.saboteurs,
            "stopped": self.stopped,
            "problems": self.problems,
        }


class _Prover:
    """Grades what is known about one assignment, and keeps what it finds by exercise."""

    def __init__(self, built: Built, grader: Grader, progress: Progress) -> None:
        self.built, self.grader, self.progress = built, grader, progress
        self.assignment = built.assignment
        self.notebook: Notebook = built.assignment.notebooks[0]
        self.solutions = {c.grade_id: c.source for c in self.notebook.solutions if c.grade_id}
        self.found = {e.name: _Found(e, self._points(e)) for e in built.assignment.exercises}

    def run(self) -> Proof:
        self.grader.learn()
        self._lint()
        exercises = self.assignment.exercises
        solution, stub = self._grade(self.solutions), self._grade({})
        self._check_solution(solution)
        self._check_stub(stub)
        # Tests that the solution itself fails prove nothing about other versions.
        sound = [e for e in exercises if e.tests and all(solution.tests[test].full for test in e.tests)]
        answered = {e.name: e for e in exercises}
        # One exercise for each processor at a time; the work is done in the sandbox, a thread only waits for it.
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            proven = threads.map(self._prove, sound)
            for done, exercise in enumerate(sound):
                self.progress(f"{self.assignment.name}: {exercise.name}", done, len(sound))
                answered[exercise.name] = next(proven)
        document = {
            "name": self.assignment.name,
            "max_score": sum(test.points for test in self.notebook.tests),  # a person grades the rest
            "solution_score": _score(solution),
            "stub_score": _score(stub),
            "leaks": leaks.find(self.assignment, self.built.released_files()),
            "exercises": [found.document for found in self.found.values()],
        }
        return Proof(document, replace(self.assignment, exercises=tuple(answered.values())))

    def _prove(self, exercise: Exercise) -> Exercise:
        """Proves one exercise; returns it with its probe's answers."""
        found = self.found[exercise.name]
        self._check_bank_size(found)
        self._check_alternatives(found)
        self._check_saboteurs(found)
        return self._check_misconceptions(found)

    # ---- one check each

    def _lint(self) -> None:
        """Tests that the wire between player and referee cannot carry."""
        cells = cells_to_run(self.assignment, self.notebook)
        for refusal in wire_names.lint(cells):
            self._blame(refusal.grade_id, f"line {refusal.line}: {refusal.what}; {refusal.instead}")
        for test, resolved in wire_names.resolve(cells).items():
            for warning in resolved.warnings:
                self._blame(test, warning)

    def _blame(self, grade_id: str | None, what: str) -> None:
        """What concerns a setup cell concerns every exercise; it is said once, at the first."""
        exercise = self.assignment.exercise_of(self.notebook.name, grade_id or "")
        name = exercise.name if exercise else grade_id if grade_id in self.found else next(iter(self.found))
        self.found[name].problems.append(f"{grade_id or 'setup'}: {what}")

    def _check_solution(self, graded: Graded) -> None:
        for found in self.found.values():
            if not found.exercise.tests:
                name = found.exercise.name
                found.problems.append(f"no test belongs to it; add {name}-visible and {name}-hidden")
            for test in found.exercise.tests:
                if not graded.tests[test].full:
                    found.problems.append(
                        f"the solution fails {test} ({_why(graded.tests[test])}); mend the one or the other"
                    )

    def _check_stub(self, graded: Graded) -> None:
        for found in self.found.values():
            for test in found.exercise.tests:
                if graded.tests[test].score > 0:
                    found.problems.append(f"the untouched stub gets points from {test}; let the test need the solution")

    def _check_bank_size(self, found: _Found) -> None:
        exercise = found.exercise
        if len(exercise.misconceptions) < MIN_MISCONCEPTIONS:
            has = len(exercise.misconceptions)
            found.problems.append(f"{has} misconceptions; add at least {MIN_MISCONCEPTIONS - has} to misconceptions.py")
        if len(exercise.alternatives) < MIN_ALTERNATIVES:
            found.problems.append("no alternative; add another correct version to alternatives.py")
        if exercise.misconceptions and not exercise.probe:
            found.problems.append(f"no probe, so no mistake can be named; add `# %% {exercise.name}: probe`")

    def _check_misconceptions(self, found: _Found) -> Exercise:
        """Returns the exercise with what its probe answered for each version that failed, as it will for students."""
        exercise = found.exercise
        judged = dict(zip(exercise.slugs, self._grade_versions(exercise, exercise.misconceptions), strict=True))
        survivors = [s for s, graded in judged.items() if all(graded.tests[test].full for test in exercise.tests)]
        found.killed = len(judged) - len(survivors)
        found.problems += [
            f"misconception {slug} passes every test; add a case in which it differs" for slug in survivors
        ]
        if not exercise.probe:
            return exercise
        killed = {slug: graded.probes for slug, graded in judged.items() if slug not in survivors}
        answers = {slug: probes[exercise.name] for slug, probes in killed.items() if exercise.name in probes}
        found.problems += [
            f"misconception {slug} is not named: where a test runs out of time the probe is not asked; let it end"
            for slug in killed
            if slug not in answers
        ]
        reference, again = self._ask_reference(exercise), self._ask_reference(exercise)
        if not same(reference, again):
            found.problems.append("the probe does not answer twice alike; seed what it draws")
            return exercise
        exercise = replace(exercise, answers={REFERENCE: reference, **answers})
        named = [slug for slug in answers if name_misconception(exercise, answers[slug]) == slug]
        found.named = len(named)
        found.problems += [
            f"misconception {slug} is not named: the probe answers as for {', '.join(_alike(exercise, slug))}; "
            "let it try an input where they differ"
            for slug in answers
            if slug not in named
        ]
        return exercise

    def _check_alternatives(self, found: _Found) -> None:
        exercise = found.exercise
        for right, graded in zip(
            exercise.alternatives, self._grade_versions(exercise, exercise.alternatives), strict=True
        ):
            failed = [test for test in exercise.tests if not graded.tests[test].full]
            found.accepted += not failed
            found.problems += [
                f"alternative {right.slug} is refused by {test} ({_why(graded.tests[test])}); let the test allow it"
                for test in failed
            ]

    def _check_saboteurs(self, found: _Found) -> None:
        """A saboteur counts where it had something to lie about."""
        judged = self.grader.sabotage(self.notebook.name, found.exercise.tests)
        for liar in next(iter(judged.values()), {}):
            answers = {test: by_liar[liar] for test, by_liar in judged.items()}
            if not any(answer["lied"] for answer in answers.values()):
                continue
            found.saboteurs += 1
            if all(Judged(self.notebook.cell(test).points, answer).full for test, answer in answers.items()):
                found.problems.append(
                    f"the solution behind a liar ({liar}) passes every test; check shapes and values more closely"
                )
            else:
                found.stopped += 1

    # ---- grading

    def _grade(self, answers: Mapping[str, str]) -> Graded:
        return self.grader.grade(self.notebook.name, self._submission(answers))

    def _grade_versions(self, exercise: Exercise, versions: Sequence[Wrong | Right]) -> list[Graded]:
        """Each version in place of the solution of one exercise, whose tests alone are judged."""
        return [
            self.grader.grade(self.notebook.name, self._with(exercise, version.source), only=exercise.tests)
            for version in versions
        ]

    def _ask_reference(self, exercise: Exercise) -> Any:
        return self.grader.answer(exercise, self._submission(self.solutions))

    def _with(self, exercise: Exercise, source: str) -> list[RepairedCell]:
        return self._submission(self.solutions | {exercise.name: source})

    def _submission(self, answers: Mapping[str, str]) -> list[RepairedCell]:
        """The released notebook with these answers, saved and read as what a student hands in."""
        handed_in = text_of(filled(self.built.released, answers)).encode()
        return repair(self.assignment, self.notebook.name, read(handed_in)).cells

    def _points(self, exercise: Exercise) -> float:
        return sum(self.notebook.cell(test).points for test in exercise.tests)


def _score(graded: Graded) -> float:
    return sum(judged.score for judged in graded.tests.values())


def _why(judged: Judged) -> str:
    return judged.answer.get("message") or judged.status


def _alike(exercise: Exercise, slug: str) -> list[str]:
    """The other versions for which the probe answers as for this one."""
    answers = exercise.answers
    return [other for other in answers if other != slug and same(answers[other], answers[slug])]
