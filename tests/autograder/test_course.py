"""Any nbgrader course as data. The oracle is what nbgrader's own generate_assignment makes of the same source."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from autograder import course as course_module
from autograder.course import Course, default_course, load_assignment
from autograder.errors import CourseError
from autograder.gradebook import opened
from autograder.model import Assignment, Notebook


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        course_module, "jupyter_config_path", lambda: [str(tmp_path / "user"), str(tmp_path / "machine")]
    )


def configured(root: Path, text: str = "") -> Course:
    root.mkdir(parents=True, exist_ok=True)
    (root / "nbgrader_config.py").write_text(f"c = get_config()\n{text}\n")
    return Course(root)


# -- settings ----------------------------------------------------------------------------------------------------------

SETTINGS = {
    "nothing set": ("", {"course_id": "", "source": "source", "submitted": "submitted"}),
    "other folders": (
        "c.CourseDirectory.source_directory = 'masters_here'; c.CourseDirectory.submitted_directory = 'in/box'",
        {"source": "masters_here", "submitted": "in/box", "feedback": "feedback"},
    ),
    "a root of its own": ("c.CourseDirectory.root = 'teaching'", {"root": "teaching", "source": "teaching/source"}),
    "course and database": (
        "c.CourseDirectory.course_id = 'cs1'; c.CourseDirectory.db_url = 'postgresql://host/grades'",
        {"course_id": "cs1", "db_url": "postgresql://host/grades"},
    ),
    "names from before 2018": (
        "c.NbGrader.course_id = 'old'; c.NbGrader.release_directory = 'out'",
        {"course_id": "old", "release": "out"},
    ),
}


@pytest.mark.parametrize(("text", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_settings_of_the_course_are_honoured(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    course = configured(tmp_path / "course", text)
    for name, value in expected.items():
        found = getattr(course, name)
        assert found == (tmp_path / "course" / value if isinstance(found, Path) else value), name


def test_the_default_database_lies_in_the_course(tmp_path: Path) -> None:
    assert configured(tmp_path).db_url == f"sqlite:///{tmp_path}/gradebook.db"


def test_settings_of_user_and_machine_give_way_to_the_course(tmp_path: Path) -> None:
    for who, code in {"machine": "a", "user": "b"}.items():
        settings = f"c.CourseDirectory.course_id = '{code}'\nc.CourseDirectory.feedback_directory = 'of_{who}'"
        configured(tmp_path / who, f"{settings}\nc.CourseDirectory.root = '/elsewhere'")
    course = configured(tmp_path / "course", "c.CourseDirectory.course_id = 'own'")
    assert course.course_id == "own"
    assert course.feedback == tmp_path / "course" / "of_user"


def test_reading_a_course_creates_nothing(tmp_path: Path) -> None:
    course = configured(tmp_path)
    with course.database() as session:
        assert session is None
    assert course.assignments() == []
    assert [path.name for path in tmp_path.iterdir()] == ["nbgrader_config.py"]


STRUCTURES = ["{nbgrader_step}/{student_id}/{assignment_id}", "{assignment_id}/{nbgrader_step}/{student_id}"]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_submissions_follow_the_directory_structure(tmp_path: Path, structure: str) -> None:
    course = configured(tmp_path / "a [course]", f"c.CourseDirectory.directory_structure = {structure!r}")
    for student, assignment in [("ann", "ps1"), ("b.o b", "ps1"), ("ann", "ps10")]:
        course.folder(course.submitted, assignment, student).mkdir(parents=True)
    folder = course.folder("submitted", "ps1", "ann")
    folder.with_name("a-file" if structure.endswith("{student_id}") else "ps2").write_text("not a submission")
    assert course.submissions("ps1") == {"ann": folder, "b.o b": course.folder("submitted", "ps1", "b.o b")}


def test_default_course_is_created_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_WORKSPACE", str(tmp_path / "workspace"))
    course = default_course()
    assert course.root == tmp_path / "workspace"
    assert course.db_url == f"sqlite:///{tmp_path}/workspace/gradebook.db"
    assert "NotImplementedError" in course.config.ClearSolutions.code_stub["python"]
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text().replace("deep-learning", "ours"))
    assert default_course().course_id == "ours"


# -- an assignment made with nbgrader alone ----------------------------------------------------------------------------


def cell(kind: str, source: str, **nbgrader: Any) -> nbformat.NotebookNode:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    if not nbgrader:
        return make(source)
    facts = {"grade": False, "solution": False, "locked": False, "schema_version": 3}
    return make(source, metadata={"nbgrader": facts | nbgrader})


SOURCE = [
    cell("markdown", "# Means"),
    cell("code", "import math", grade_id="setup", locked=True),
    cell("code", "### BEGIN SOLUTION\ndef mean(x):\n    return sum(x) / len(x)\n### END SOLUTION",
         grade_id="mean", solution=True),
    cell("code", "assert mean([1]) == 1\n### BEGIN HIDDEN TESTS\nassert mean([1, 2]) == 1.5\n### END HIDDEN TESTS",
         grade_id="mean-test", grade=True, points=2),
    cell("code", "def median(x):\n    return sorted(x)[len(x) // 2]", grade_id="median", solution=True),
    cell("code", "assert median([3, 1, 2]) == 2", grade_id="median-test", grade=True, points=1.5),
    cell("code", "assert median([1]) == 1", grade_id="median-more", grade=True, points=0),
    cell("markdown", "The mean moves, the median stays.", grade_id="why", grade=True, solution=True, points=3),
    cell("markdown", "Find data.\n### BEGIN MARK SCHEME\none point each\n### END MARK SCHEME",
         grade_id="find", task=True, points=4, locked=True),
]  # fmt: skip
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
ROLES = ["free", "locked", "solution", "test", "solution", "test", "test", "written", "task"]

Make = Callable[..., Course]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A course with one assignment `ps1` of one notebook `means`, after nbgrader's generate_assignment if wanted."""

    def make(cells: list[Any] = SOURCE, *, generate: bool = True, settings: str = "", **metadata: Any) -> Course:
        course = configured(tmp_path / "course", settings)
        write(course.folder(course.source, "ps1") / "means.ipynb", cells, **metadata)
        if generate:
            generate_assignment(course)
        return course

    return make


def write(path: Path, cells: list[Any], **metadata: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)


def generate_assignment(course: Course) -> None:
    with opened(course):  # else nbgrader calls `alembic`, which need not be on the path
        pass
    directory = CourseDirectory(config=course.config, root=str(course.root), assignment_id="ps1")
    GenerateAssignment(coursedir=directory, config=course.config, log=logging.getLogger("quiet")).start()


def only(assignment: Assignment) -> Notebook:
    (notebook,) = assignment.notebooks
    return notebook


def test_roles_points_and_sources(make: Make) -> None:
    assignment = load_assignment(make(generate=False), "ps1")
    notebook = only(assignment)
    assert [c.role for c in notebook.cells] == ROLES
    assert [c.source for c in notebook.cells] == [c.source for c in SOURCE]
    assert [c.points for c in notebook.cells] == [0, 0, 0, 2, 0, 1.5, 0, 3, 4]
    assert assignment.max_score == 10.5
    assert notebook.has_reference and assignment.shared_tests


def test_each_test_belongs_to_the_nearest_solution_above(make: Make) -> None:
    early = cell("code", "assert True", grade_id="early", grade=True, points=1)
    assignment = load_assignment(make([early, *SOURCE], generate=False), "ps1")
    assert {e.name: e.tests for e in assignment.exercises} == {
        "mean": ("mean-test",),
        "median": ("median-test", "median-more"),
    }
    assert assignment.exercise_of("means", "early") is None


STUBS = {
    "nbgrader's own": "",
    "the course's": "c.ClearSolutions.code_stub = {'python': 'pass'}; c.ClearSolutions.text_stub = 'Write here'",
    "other delimiters": "c.ClearHiddenTests.begin_test_delimeter = 'assert mean([1, 2])'",
}


@pytest.mark.parametrize("settings", STUBS.values(), ids=STUBS)
@pytest.mark.parametrize("generated", [False, True])
def test_released_cells_are_those_that_nbgrader_releases(make: Make, settings: str, generated: bool) -> None:
    course = make(settings=settings)
    released = nbformat.read(course.folder(course.release, "ps1") / "means.ipynb", as_version=4)
    if not generated:
        Path(course.db_url.removeprefix("sqlite:///")).unlink()
    notebook = only(load_assignment(course, "ps1"))
    assert [c.released for c in notebook.cells] == [c.source for c in released.cells]
    assert [c.released != c.source for c in notebook.cells][2:5] == [True, True, True]


def test_header_and_footer_are_part_of_the_notebook(make: Make, tmp_path: Path) -> None:
    write(tmp_path / "course" / "source" / "head.ipynb", [cell("markdown", "Read the rules.")])
    course = make(settings="c.IncludeHeaderFooter.header = 'source/head.ipynb'")
    released = nbformat.read(course.folder(course.release, "ps1") / "means.ipynb", as_version=4)
    assert [c.released for c in only(load_assignment(course, "ps1")).cells] == [c.source for c in released.cells]


def test_the_gradebook_wins_over_an_edited_source(make: Make) -> None:
    course = make()
    edited = [c.copy() for c in nbformat.from_dict(SOURCE)]
    edited[2].source = edited[2].source.replace("sum(x)", "math.fsum(x)")
    edited[3].source = "assert False"
    edited[3].metadata.nbgrader.points = 99
    del edited[6]  # a test that was given and is still counted
    write(course.folder(course.source, "ps1") / "means.ipynb", edited)
    notebook = only(load_assignment(course, "ps1"))
    assert "fsum" in notebook.cell("mean").source
    assert (notebook.cell("mean-test").source, notebook.cell("mean-test").points) == (SOURCE[3].source, 2)
    assert [c.grade_id for c in notebook.tests] == ["mean-test", "median-test", "median-more"]


def test_without_its_source_the_release_and_the_gradebook_serve(make: Make) -> None:
    course = make()
    shutil.rmtree(course.source)
    notebook = only(load_assignment(course, "ps1"))
    assert not notebook.has_reference
    assert notebook.cell("mean-test").source == SOURCE[3].source
    assert "hidden" not in notebook.cell("mean-test").released.lower()
    assert (
        notebook.cell("mean").source
        == notebook.cell("mean").released
        == "# YOUR CODE HERE\nraise NotImplementedError()"
    )
    assert [c.role for c in notebook.cells] == ROLES


def test_the_gradebook_alone_serves(make: Make) -> None:
    course = make()
    shutil.rmtree(course.source)
    shutil.rmtree(course.release)
    notebook = only(load_assignment(course, "ps1"))
    assert not notebook.has_reference
    assert {c.grade_id: (c.role, c.points) for c in notebook.cells} == {
        c.metadata.nbgrader.grade_id: (role, c.metadata.nbgrader.get("points", 0))
        for c, role in zip(SOURCE[1:], ROLES[1:], strict=True)
    }


def test_a_source_without_solutions_is_no_reference(make: Make) -> None:
    cells = [cell("code", STUB, grade_id="mean", solution=True), SOURCE[3]]
    assert not only(load_assignment(make(cells, generate=False), "ps1")).has_reference


def test_notebooks_that_were_never_generated_do_not_count(make: Make) -> None:
    course = make()
    write(course.folder(course.source, "ps1") / "scratch.ipynb", [cell("code", "1 + 1")])
    assert [n.name for n in load_assignment(course, "ps1").notebooks] == ["means"]


def test_side_files_due_date_and_time_limit(make: Make) -> None:
    course = make(settings="c.Execute.timeout = 7")
    folder = course.folder(course.source, "ps1")
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_text("1")
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2026-03-01 12:00:00 UTC")
    assignment = load_assignment(course, "ps1")
    assert assignment.files == ("data/table.csv",)
    assert assignment.due == "2026-03-01T12:00:00+00:00"
    assert (assignment.limits.cell_seconds, assignment.limits.test_seconds) == (7, 7)


def test_an_assignment_of_our_own_is_read_as_it_was_released(make: Make) -> None:
    course = make()
    assignment = load_assignment(course, "ps1")
    course.masters.mkdir()
    text = assignment.to_json().replace('"title": "ps1"', '"title": "Means"')
    course.master("ps1").write_text(text)
    assert load_assignment(course, "ps1").title == "Means"


# -- what people are told ----------------------------------------------------------------------------------------------


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no course directory .*nowhere.*nbgrader_config\.py"):
        Course(tmp_path / "nowhere")


def test_settings_that_are_no_python(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"nbgrader_config\.py cannot be read \(SyntaxError.*Mend it"):
        configured(tmp_path, "c.CourseDirectory.course_id =")


def test_a_damaged_master(make: Make) -> None:
    course = make(generate=False)
    course.masters.mkdir()
    course.master("ps1").write_text(json.dumps({"name": "ps1"}))
    with pytest.raises(CourseError, match=r"ps1\.json is damaged .*autograder release ps1"):
        load_assignment(course, "ps1")


@pytest.mark.parametrize(("name", "said"), [("ps2", "Did you mean 'ps1'"), ("final-exam", "It has: ps1")])
def test_an_assignment_that_does_not_exist(make: Make, name: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        load_assignment(make(generate=False), name)


BROKEN = {
    "unbalanced hidden tests": (
        [cell("code", "### BEGIN HIDDEN TESTS", grade_id="t", grade=True, points=1)],
        {},
        r"means\.ipynb: No end hidden tests.*generate_assignment ps1",
    ),
    "one id twice": ([SOURCE[2], cell("code", "", grade_id="mean", solution=True)], {}, r"Duplicate grade id: mean"),
    "another language": (
        [SOURCE[2]],
        {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}},
        r"means\.ipynb is written in R",
    ),
    "not instantiated": (
        [cell("code", "### AUTOTEST mean([1])", grade_id="t", grade=True, points=1)],
        {},
        r"'t' still has to be instantiated.*generate_assignment",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "metadata", "said"), BROKEN.values(), ids=BROKEN)
def test_notebooks_that_cannot_be_graded(make: Make, cells: list[Any], metadata: Any, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        load_assignment(make(cells, generate=False, **metadata), "ps1")


def test_a_source_that_is_no_notebook(make: Make) -> None:
    course = make(generate=False)
    (course.folder(course.source, "ps1") / "means.ipynb").write_text("{")
    with pytest.raises(CourseError, match=r"means\.ipynb is not a notebook"):
        load_assignment(course, "ps1")


def test_a_header_that_is_missing(make: Make) -> None:
    course = make(generate=False, settings="c.IncludeHeaderFooter.header = 'source/none.ipynb'")
    with pytest.raises(CourseError, match=r"none\.ipynb is missing.*IncludeHeaderFooter\.header"):
        load_assignment(course, "ps1")


def test_a_gradebook_that_cannot_be_read(make: Make) -> None:
    course = make(generate=False)
    Path(course.db_url.removeprefix("sqlite:///")).write_text("not a database, but long enough to be looked at" * 9)
    with pytest.raises(CourseError, match=r"gradebook sqlite:.* cannot be read.*db_url"):
        load_assignment(course, "ps1")
