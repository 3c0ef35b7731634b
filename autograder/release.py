"""Release: proven assignments become what students get, and what grading needs in the course directory.

    course/source/NAME/           the instructor's notebook and its side files
    course/masters/NAME.json      the assignment as data, with its banks and policy
    course/release/NAME/          what nbgrader's generate_assignment makes of it; its gradebook knows every cell
    assignments/NAME/             the same bytes, committed; written where no other course is asked for

An assignment that `verify` finds fault with, or that leaks, is not released; the others are.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from nbgrader import api
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import create_engine, select
from traitlets.config import Config

from autograder import bundle, gradebook, leaks
from autograder.build import REPOSITORY, Built, build_named, text_of
from autograder.build import names as all_names
from autograder.course import Course, default_course
from autograder.errors import CourseError
from autograder.model import Assignment
from autograder.students_version import CONFIG
from autograder.verify import prove

Progress = Callable[[str, int, int], None]


def release(
    names: Iterable[str] = (),
    *,
    to: Path | None = None,
    course: Course | None = None,
    progress: Progress | None = None,
    check: bool = True,
    repository: Path = REPOSITORY,
) -> dict[str, Any]:
    """Releases the assignments in `names` (none: all) and returns the document of `autograder release --json`.

    `to` is a folder or a .zip that gets what students get, and nothing else. Without `check` the proofs by grading are
    left out, and with them the probes' answers by which a misconception is named; nothing is released that leaks.
    """
    names = list(names) or all_names(repository)
    builds = [build_named(name, repository) for name in names]
    committed = repository / "assignments" if course is None else None
    course = course or default_course()
    report = progress or (lambda doing, done, total: None)
    outcomes: list[dict[str, Any]] = []
    written: list[str] = []
    for done, built in enumerate(builds):
        report(f"release {built.assignment.name}", done, len(builds))
        assignment, problems = _checked(built, report) if check else (built.assignment, [])
        problems += [f"leak in {x['file']}: {x['what']}" for x in leaks.find(assignment, built.released_files())]
        files = [] if problems else _release(dataclasses.replace(built, assignment=assignment), course, committed)
        outcomes.append({"name": assignment.name, "ok": not problems, "files": files, "problems": problems})
        written += files
    ok = all(outcome["ok"] for outcome in outcomes)
    if to is not None and ok:
        written += bundle.write(builds, to, repository)
    return {"schema_version": 1, "ok": ok, "files": written, "assignments": outcomes}


def _checked(built: Built, report: Progress) -> tuple[Assignment, list[str]]:
    proof = prove(built, report)
    return proof.assignment, [f"{e['name']}: {p}" for e in proof.document["exercises"] for p in e["problems"]]


def _release(built: Built, course: Course, committed: Path | None) -> list[str]:
    """Writes one assignment everywhere it belongs; returns the files written."""
    name = built.assignment.name
    source, master, released = course.folder("source", name), course.master(name), course.folder("release", name)
    if source.exists() and not master.exists():
        raise CourseError(f"{source} was not made by `autograder release`, which would replace it; move it away first")
    _refuse_to_lose_scores(course, built.assignment)
    instructors = {f"{built.notebook}.ipynb": text_of(built.source).encode(), **built.side_files()}
    generated = _generated(course, name, instructors)  # before anything is written: it may refuse
    _check_generated(generated, built)
    # The master first: it marks the source as ours, also where this ends before the source is there.
    files = _replace_file(master, built.assignment.to_json().encode())
    files += _replace(source, instructors)
    gradebook.record(course, built.assignment, [])  # nbgrader adds and removes no cell once there are submissions
    files += _replace(released, generated)
    if committed is not None:
        files += _replace(committed / name, built.released_files())
    return files


def _refuse_to_lose_scores(course: Course, assignment: Assignment) -> None:
    """A cell that is gone takes its scores with it; those that a person gave cannot be had again."""
    kept = {cell.grade_id for notebook in assignment.notebooks for cell in notebook.cells}
    with course.database() as session:
        if session is None:
            return
        scored = session.scalars(
            select(api.BaseCell.name)
            .join(api.Grade, api.Grade.cell_id == api.BaseCell.id)
            .join(api.Notebook, api.Notebook.id == api.BaseCell.notebook_id)
            .join(api.Assignment, api.Assignment.id == api.Notebook.assignment_id)
            .where(api.Assignment.name == assignment.name, api.Grade.manual_score.is_not(None))
        )
        if lost := sorted(set(scored) - kept):
            raise CourseError(
                f"{assignment.name} no longer has {', '.join(lost)}, where people have given scores by hand; "
                "keep the cell, or clear those scores in formgrader first"
            )


def _generated(course: Course, name: str, instructors: Mapping[str, bytes]) -> dict[str, bytes]:
    """What nbgrader's generate_assignment makes under the course's own settings; silent unless it fails."""
    said = io.StringIO()
    log = logging.Logger("generate_assignment", logging.ERROR)
    log.addHandler(logging.StreamHandler(said))
    config = Config(course.config)
    config.merge(CONFIG)
    with tempfile.TemporaryDirectory(prefix="autograder-release-") as scratch:
        directory = CourseDirectory(
            config=config,
            log=log,
            root=str(course.root),
            assignment_id=name,
            source_directory=f"{scratch}/source",
            release_directory=f"{scratch}/release",
            db_url=f"sqlite:///{scratch}/gradebook.db",
        )
        source, release = (
            Path(directory.format_path(f"{scratch}/{step}", ".", name)) for step in ("source", "release")
        )
        _replace(source, instructors)
        gradebook.create_tables(create_engine(directory.db_url))
        try:
            GenerateAssignment(coursedir=directory, config=config, force=True, log=log).start()
        except NbGraderException as error:
            raise CourseError(
                f"nbgrader cannot generate {name} in {course.root}: {error}\n{said.getvalue()}"
            ) from error
        return {str(p.relative_to(release)): p.read_bytes() for p in sorted(release.rglob("*")) if p.is_file()}


def _check_generated(found: Mapping[str, bytes], built: Built) -> None:
    """It must be what was proven."""
    if found == built.released_files():
        return
    wrong = sorted(k for k in found.keys() | built.released_files() if found.get(k) != built.released_files().get(k))
    raise CourseError(
        f"nbgrader made another {', '.join(wrong)} of {built.assignment.name} than was proven, so it is not released; "
        "a setting in nbgrader_config.py changes it, such as a header, a footer or another delimiter"
    )


def _replace(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Makes `folder` hold these files and no others."""
    if folder.exists():
        shutil.rmtree(folder)
    return [path for name, content in files.items() for path in _replace_file(folder / name, content)]


def _replace_file(path: Path, content: bytes) -> list[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return [str(path)]
