"""Any nbgrader course directory: where its folders and its database are, and its assignments as data.

A course of our own carries its assignments ready made in `masters/NAME.json`. In any other nbgrader course they are
put together from what nbgrader left there. Its database holds the test cells as they were released, hidden tests
included, but the solutions cleared; its source folder holds the solutions. So the source folder gives the reference,
and where the database knows a test cell or its points, the database wins, as it does under `nbgrader autograde`.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import glob
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from jsonschema import ValidationError
from jupyter_core.paths import jupyter_config_path
from nbformat import NotebookNode
from nbgrader import api, utils
from nbgrader.apps import NbGrader
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearSolutions,
    Execute,
    IncludeHeaderFooter,
    InstantiateTests,
)
from sqlalchemy import Engine, create_engine, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from autograder.cells import as_cell, grade_id
from autograder.errors import CourseError
from autograder.masters import workspace
from autograder.model import Assignment, Cell, Exercise, Limits, Notebook

_CONFIG_NAME = "nbgrader_config"

_WORKSPACE_CONFIG = '''\
"""nbgrader's settings for this course: read by nbgrader, by formgrader and by `autograder`."""

from pathlib import Path

import autograder.plugin
import autograder.students_version

c = get_config()  # noqa: F821 (nbgrader provides it)
root = Path(__file__).resolve().parent

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "deep-learning"
# A PostgreSQL gradebook works as well: "postgresql+psycopg://user@host/gradebook".
c.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"

autograder.plugin.configure(c)
c.merge(autograder.students_version.CONFIG)  # what students get in place of a solution
'''


class Course:
    """An nbgrader course directory.

    `root` is the directory that holds `nbgrader_config.py`; a root that this file sets itself is honoured, as are all
    traits of nbgrader's CourseDirectory. Raises CourseError if there is no such directory or its settings cannot be
    read.
    """

    def __init__(self, root: Path | str) -> None:
        given = Path(root).expanduser().resolve()
        if not given.is_dir():
            raise CourseError(
                f"There is no course directory {given}. Give the directory that holds nbgrader_config.py."
            )
        self.config = _read_config(given)
        self.root = (given / self.config.CourseDirectory.get("root", "")).resolve()
        self.directory = CourseDirectory(config=self.config, root=str(self.root))

    @classmethod
    def of(cls, directory: CourseDirectory) -> Course:
        """The course that nbgrader is at work on, with the settings given on its command line."""
        course = cls.__new__(cls)
        course.config, course.directory = directory.config, directory
        course.root = Path(directory.root)
        return course

    def __repr__(self) -> str:
        return f"Course({str(self.root)!r})"

    @property
    def course_id(self) -> str:
        return self.directory.course_id

    @property
    def db_url(self) -> str:
        return self.directory.db_url

    @property
    def source(self) -> Path:
        return self.root / self.directory.source_directory

    @property
    def release(self) -> Path:
        return self.root / self.directory.release_directory

    @property
    def submitted(self) -> Path:
        return self.root / self.directory.submitted_directory

    @property
    def autograded(self) -> Path:
        return self.root / self.directory.autograded_directory

    @property
    def feedback(self) -> Path:
        return self.root / self.directory.feedback_directory

    @property
    def masters(self) -> Path:
        return self.root / "masters"

    @property
    def verdicts(self) -> Path:
        return self.root / "verdicts"

    @property
    def report(self) -> Path:
        return self.root / "report"

    def master(self, name: str) -> Path:
        """The assignment of our own as data: there is no such file for an assignment made with nbgrader alone."""
        return self.masters / f"{name}.json"

    def folder(self, step: Path | str, name: str, student: str = ".") -> Path:
        """Where one assignment lies in one step (`course.submitted`, or "submitted"), for one student or none.

        Follows the course's `directory_structure`, which need not be step/student/assignment.
        """
        return Path(os.path.normpath(self.directory.format_path(self._step(step), student, name)))

    def submissions(self, name: str) -> dict[str, Path]:
        """The folder of each student who handed in the assignment, by student."""
        step = self._step(self.submitted)
        pattern = re.compile(self.directory.format_path(step, "(?P<student>[^/]+)", re.escape(name), escape=True))
        places = {"nbgrader_step": step, "student_id": "*", "assignment_id": glob.escape(name)}
        structure = self.directory.directory_structure.format(**places)
        found = {}
        for path in glob.iglob(os.path.join(glob.escape(str(self.root)), structure)):
            match = pattern.fullmatch(path)
            if match and os.path.isdir(path):
                found[match["student"]] = Path(path)
        return dict(sorted(found.items()))

    def assignments(self) -> list[str]:
        """The names of all assignments that this course can grade."""
        ours = {path.stem for path in self.masters.glob("*.json")}
        sources = {path.name for path in self.source.glob("*") if path.is_dir()}
        with self.database() as session:
            stored = set(session.scalars(select(api.Assignment.name))) if session else set()
        return sorted(ours | sources | stored)

    def engine(self) -> Engine:
        """SQLAlchemy's way to the gradebook; not yet connected."""
        try:
            return create_engine(self.db_url)
        except (ImportError, SQLAlchemyError) as error:
            raise CourseError(
                f"c.CourseDirectory.db_url in nbgrader_config.py cannot be used: {error}. "
                "Correct it, or install the driver that it names."
            ) from error

    @contextlib.contextmanager
    def database(self) -> Iterator[Session | None]:
        """A session on the gradebook for reading; None where there is no gradebook yet. Creates nothing."""
        engine = self.engine()
        url = engine.url
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            yield None
            return
        try:
            with Session(engine) as session:
                yield session if _has_tables(engine) else None
        except SQLAlchemyError as error:
            raise CourseError(
                f"The gradebook {url.render_as_string()} cannot be read ({getattr(error, 'orig', None) or error}). "
                "Check c.CourseDirectory.db_url in nbgrader_config.py; after an upgrade of nbgrader, "
                "back up the gradebook and run `nbgrader db upgrade`."
            ) from error
        finally:
            engine.dispose()

    def _step(self, step: Path | str) -> str:
        path = self.root / getattr(self.directory, f"{step}_directory") if isinstance(step, str) else step
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    @cached_property
    def limits(self) -> Limits:
        """What one cell of an assignment of another course may take: nbgrader's own timeout, and ten times for all."""
        seconds = float(Execute(config=self.config).timeout or 0)
        if seconds <= 0:  # nbgrader: no limit at all
            seconds = 600.0
        return Limits(cell_seconds=seconds, test_seconds=seconds, total_seconds=10 * seconds)


def default_course() -> Course:
    """The course in AUTOGRADER_WORKSPACE, else in the repository's `workspace/`; created on first use."""
    root = workspace()
    root.mkdir(parents=True, exist_ok=True)
    config = root / f"{_CONFIG_NAME}.py"
    if not config.exists():
        config.write_text(_WORKSPACE_CONFIG, encoding="utf-8")
    return Course(root)


def load_assignment(course: Course, name: str) -> Assignment:
    """The assignment as data, for grading. Raises CourseError if there is none or it cannot be graded."""
    master = course.master(name)
    if master.is_file():
        try:
            return Assignment.from_json(master.read_text(encoding="utf-8"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CourseError(f"{master} is damaged ({error}). Run `autograder release {name}` again.") from error
    return _foreign(course, name)


def _has_tables(engine: Engine) -> bool:
    return inspect(engine).has_table(api.SourceCell.__tablename__)


# Settings ------------------------------------------------------------------------------------------------------------


def _read_config(root: Path) -> Config:
    """The settings that nbgrader would see in this directory: the user's and the machine's, then the course's own."""
    config = Config()
    for folder in reversed(jupyter_config_path()):
        config.merge(_read_config_files(Path(folder)))
    config.CourseDirectory.pop("root", None)  # the directory that was asked for, not the one formgrader shows
    config.merge(_read_config_files(root))
    return NbGrader(config=config).config  # renames outdated settings


def _read_config_files(folder: Path) -> Config:
    config = Config()
    for loader in (JSONFileConfigLoader, PyFileConfigLoader):
        suffix = "json" if loader is JSONFileConfigLoader else "py"
        try:
            config.merge(loader(f"{_CONFIG_NAME}.{suffix}", path=str(folder)).load_config())
        except ConfigFileNotFound:
            continue
        except Exception as error:  # a settings file is a program: anything may come
            raise CourseError(
                f"{folder / _CONFIG_NAME}.{suffix} cannot be read ({type(error).__name__}: {error}). "
                "Mend it; `nbgrader autograde --debug` shows the same error at length."
            ) from error
    return config


# An assignment made with nbgrader alone ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stored:
    """What the gradebook knows of one cell of the instructor's notebook."""

    grade_id: str
    type: str
    source: str  # hidden tests included, solutions cleared
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float | None


def _foreign(course: Course, name: str) -> Assignment:
    with course.database() as session:
        stored, due = _stored_cells(session, name) if session else ({}, None)
    known = list(stored) or _notebook_names(course, name)
    if not known:
        raise CourseError(_no_such_assignment(course, name))
    notebooks = tuple(_notebook(course, name, notebook, stored.get(notebook, {})) for notebook in sorted(known))
    return Assignment(
        name=name,
        title=name,
        notebooks=notebooks,
        exercises=tuple(exercise for notebook in notebooks for exercise in _exercises(notebook)),
        due=due,
        limits=course.limits,
        run_explore=True,
        shared_tests=True,
        files=_side_files(course, name),
        packages=("*",),
    )


def _stored_cells(session: Session, name: str) -> tuple[dict[str, dict[str, _Stored]], str | None]:
    """By notebook and grade_id, in nbgrader's order; and when the assignment is due."""
    assignment = session.scalar(select(api.Assignment).where(api.Assignment.name == name))
    if assignment is None:
        return {}, None
    due = f"{assignment.duedate.isoformat()}+00:00" if assignment.duedate else None
    return {notebook.name: _stored_notebook(notebook) for notebook in assignment.notebooks}, due


def _stored_notebook(notebook: api.Notebook) -> dict[str, _Stored]:
    graded = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
    tasks = {cell.name: float(cell.max_score) for cell in notebook.task_cells}
    solutions = {cell.name for cell in notebook.solution_cells}
    return {
        cell.name: _Stored(
            grade_id=cell.name,
            type=cell.cell_type,
            source=cell.source or "",
            locked=cell.locked,
            grade=cell.name in graded,
            solution=cell.name in solutions,
            task=cell.name in tasks,
            points=(graded | tasks).get(cell.name),
        )
        for cell in notebook.source_cells
    }


def _notebook_names(course: Course, name: str) -> list[str]:
    for step in (course.source, course.release):
        if names := [path.stem for path in course.folder(step, name).glob("*.ipynb")]:
            return names
    return []


def _no_such_assignment(course: Course, name: str) -> str:
    known = course.assignments()
    if near := difflib.get_close_matches(name, known, n=1):
        return f"{course.root} has no assignment {name!r}. Did you mean {near[0]!r}?"
    have = f"It has: {', '.join(known)}." if known else f"Notebooks were expected below {course.source / name}."
    return f"{course.root} has no assignment {name!r}. {have}"


def _side_files(course: Course, name: str) -> tuple[str, ...]:
    folder = course.folder(course.source, name)
    paths = utils.find_all_files(str(folder), [*course.directory.ignore, "*.ipynb"])
    return tuple(sorted(Path(path).relative_to(folder).as_posix() for path in paths))


def _notebook(course: Course, assignment: str, name: str, stored: dict[str, _Stored]) -> Notebook:
    source = course.folder(course.source, assignment) / f"{name}.ipynb"
    release = course.folder(course.release, assignment) / f"{name}.ipynb"
    if source.is_file():
        path, full = source, _with_header_and_footer(course, _read_notebook(source))
    elif release.is_file():
        path, full = release, _read_notebook(release)
    else:
        path, full = Path(f"{name}.ipynb (in the gradebook)"), nbformat.v4.new_notebook()
    try:
        full = _overlay(full, stored)
        MetadataValidator().validate_nb(full)
        _check_gradable(course, path, full, stored)
        released = _released(course, full, solutions=path == source)
    except (RuntimeError, ValidationError, ValueError) as error:
        raise CourseError(f"{path}: {error}. Mend it and run `nbgrader generate_assignment {assignment}`.") from error
    cells = tuple(as_cell(cell, text) for cell, text in zip(full.cells, released, strict=True))
    return Notebook(name=name, cells=cells, has_reference=path == source and _is_solved(cells))


def _read_notebook(path: Path) -> NotebookNode:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing cell ids, which nbformat mends
            notebook = nbformat.read(path, as_version=4)
        return MetadataValidator().upgrade_notebook_metadata(notebook)
    except Exception as error:  # nbformat raises many kinds
        raise CourseError(f"{path} is not a notebook ({type(error).__name__}: {error}).") from error


def _with_header_and_footer(course: Course, notebook: NotebookNode) -> NotebookNode:
    include = IncludeHeaderFooter(config=course.config)
    for part in ("header", "footer"):
        if getattr(include, part):
            path = course.root / getattr(include, part)
            if not path.is_file():
                raise CourseError(f"{path} is missing; nbgrader_config.py names it in IncludeHeaderFooter.{part}.")
            setattr(include, part, str(path))
    return include.preprocess(notebook, {})[0]


def _overlay(notebook: NotebookNode, stored: dict[str, _Stored]) -> NotebookNode:
    """The notebook with the gradebook's tests, locked cells and points; cells that only the gradebook has are added."""
    present = {grade_id(cell): cell for cell in notebook.cells if grade_id(cell)}
    previous = None
    for known in stored.values():
        cell = present.get(known.grade_id)
        if cell is None:
            cell = _new_cell(known)
            notebook.cells.insert(_after(notebook, previous), cell)
        elif not known.solution:
            cell.source = known.source
        if known.points is not None:
            cell.metadata.nbgrader["points"] = known.points
        previous = cell
    return notebook


def _after(notebook: NotebookNode, cell: NotebookNode | None) -> int:
    return next((i + 1 for i, c in enumerate(notebook.cells) if c is cell), 0)


def _new_cell(known: _Stored) -> NotebookNode:
    make = nbformat.v4.new_code_cell if known.type == "code" else nbformat.v4.new_markdown_cell
    facts = {
        "schema_version": 3,
        "grade_id": known.grade_id,
        "grade": known.grade,
        "solution": known.solution,
        "locked": known.locked,
    }
    if known.task:
        facts["task"] = True
    if known.points is not None:
        facts["points"] = known.points
    return make(known.source, metadata={"nbgrader": facts})


def _check_gradable(course: Course, path: Path, notebook: NotebookNode, stored: dict[str, _Stored]) -> None:
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if not language.lower().startswith(("python", "ipython")):
        raise CourseError(f"{path} is written in {language}. Only Python notebooks can be graded here.")
    autotest = InstantiateTests(config=course.config).autotest_delimiter
    for cell in notebook.cells:
        if utils.is_grade(cell) and grade_id(cell) not in stored and autotest in cell.source:
            raise CourseError(
                f"{path}: the test cell {grade_id(cell)!r} still has to be instantiated from its {autotest} line. "
                "Run `nbgrader generate_assignment` first."
            )


def _released(course: Course, notebook: NotebookNode, solutions: bool) -> list[str]:
    """What students get of each cell, by nbgrader's own steps and the course's delimiters and stubs."""
    clear = [ClearHiddenTests, ClearMarkScheme]
    if solutions:
        clear.insert(0, ClearSolutions)
    released = copy.deepcopy(notebook)
    for step in clear:
        released, _ = step(config=course.config).preprocess(released, {})
    return [cell.source for cell in released.cells]


def _is_solved(cells: tuple[Cell, ...]) -> bool:
    """Whether the solution cells say more than the stub: some courses keep their solutions elsewhere."""
    solutions = [cell for cell in cells if cell.role == "solution" and cell.type == "code"]
    return not solutions or any(cell.source.strip() != cell.released.strip() for cell in solutions)


def _exercises(notebook: Notebook) -> list[Exercise]:
    """Each test belongs to the nearest solution above it; tests above all solutions belong to no exercise."""
    tests: dict[str, list[str]] = {}
    current = None
    for cell in notebook.cells:
        if cell.role == "solution" and cell.type == "code":
            current = cell.grade_id
        elif cell.role == "test" and current is not None:
            tests.setdefault(current, []).append(cell.grade_id or "")
    return [Exercise(name=name, notebook=notebook.name, tests=tuple(ids)) for name, ids in tests.items()]
