"""Releasing: nbgrader's own generator, the same bytes each time, regrading after a change, and the students' bundle."""

from __future__ import annotations

import io
import logging
import os
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder import build, bundle, leaks
from autograder.build import REPOSITORY
from autograder.course import Course, default_course
from autograder.errors import CourseError
from autograder.gradebook import opened
from autograder.model import Assignment
from autograder.release import release

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own, in add_submission

SMALL = Path(__file__).parent / "small_course"
NAME = "01-small"
LIBRARY = {
    "pyproject.toml": '[project]\nname = "chainrule"\n',
    "chainrule/__init__.py": '"""A library."""\n',
    "chainrule/means.py": "def mean(x): ...\n",
    "chainrule/plots.py": "import chainrule\n",
    "chainrule/py.typed": "",
    "chainrule/__pycache__/plots.cpython-311.pyc": "compiled",
    "chainrule/.ipynb_checkpoints/plots.py": "older",
    "chainrule.egg-info/PKG-INFO": "made by pip",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = Path(shutil.copytree(SMALL / "solutions", tmp_path / "repository" / "solutions")).parent
    for name, text in LIBRARY.items():
        (root / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "lib" / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setenv("AUTOGRADER_WORKSPACE", str(tmp_path / "workspace"))
    return default_course()


@pytest.fixture
def gradebook(course: Course) -> Iterator[Gradebook]:
    with opened(course), Gradebook(course.db_url, course.course_id) as gradebook:
        yield gradebook


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# ---- the course directory


def test_everything_is_where_it_belongs(repository: Path, course: Course) -> None:
    document = release([NAME], repository=repository, check=False)
    built = build.build_named(NAME, repository)
    assert contents(course.folder("release", NAME)) == built.released_files()
    assert contents(repository / "assignments" / NAME) == built.released_files()
    assert contents(course.folder("source", NAME)).keys() == {"small.ipynb", "table.csv"}
    assert "### BEGIN SOLUTION" in (course.folder("source", NAME) / "small.ipynb").read_text(encoding="utf-8")
    assert Assignment.from_json(course.master(NAME).read_text(encoding="utf-8")) == built.assignment
    assert document["ok"] and document["assignments"] == [
        {"name": NAME, "ok": True, "files": document["files"], "problems": []}
    ]
    assert len(document["files"]) == 7 and all(Path(file).is_file() for file in document["files"])


def test_formgraders_generate_button_makes_the_same(repository: Path, course: Course) -> None:
    edit(
        repository / "solutions" / NAME / "small.py",
        "    ### END SOLUTION",
        "    #: return x.sum()\n    ### END SOLUTION",
    )
    release([NAME], repository=repository, check=False)
    released = contents(course.folder("release", NAME))
    shutil.rmtree(course.folder("release", NAME))
    directory = CourseDirectory(config=course.config, root=str(course.root))
    button = NbGraderAPI(directory, config=course.config, log=logging.getLogger("quiet"))
    assert button.generate_assignment(NAME)["success"]
    assert contents(course.folder("release", NAME)) == released
    assert b"return x.sum()" in released["small.ipynb"]


def test_another_course_leaves_the_committed_copy_alone(repository: Path, course: Course) -> None:
    release([NAME], repository=repository, course=course, check=False)
    assert not (repository / "assignments").exists()


def test_nbgraders_gradebook_knows_every_cell(repository: Path, course: Course, gradebook: Gradebook) -> None:
    edit(repository / "solutions" / NAME / "assignment.toml", "minutes = 10", "due = 2030-01-02T12:00:00+02:00")
    release([NAME], repository=repository, check=False)
    notebook = gradebook.find_notebook("small", NAME)
    assert {c.name: c.max_score for c in notebook.grade_cells} == {
        "mean-visible": 1, "mean-hidden": 3, "check_mean-visible": 1, "check_mean-hidden": 2,
    }  # fmt: skip
    sources = {c.name: c.source for c in notebook.source_cells}
    assert "hidden_rng" in sources["mean-hidden"] and "_wrong_last_axis" in sources["check_mean-hidden"]
    assert "row_of_x" not in sources["mean"]
    assert gradebook.find_assignment(NAME).duedate == datetime(2030, 1, 2, 10)


def test_releasing_twice_changes_nothing(repository: Path, course: Course) -> None:
    release([NAME], repository=repository, check=False)
    before = contents(repository / "assignments"), contents(course.release), contents(course.masters)
    for path in (repository / "solutions" / NAME).iterdir():
        os.utime(path, (1, 1))
    release([NAME], repository=repository, check=False)
    assert (contents(repository / "assignments"), contents(course.release), contents(course.masters)) == before


def test_files_that_are_gone_from_the_source_are_gone_from_the_release(repository: Path, course: Course) -> None:
    release([NAME], repository=repository, check=False)
    edit(repository / "solutions" / NAME / "assignment.toml", 'files = ["table.csv"]', "")
    release([NAME], repository=repository, check=False)
    for folder in (course.folder("release", NAME), course.folder("source", NAME), repository / "assignments" / NAME):
        assert contents(folder).keys() == {"small.ipynb"}


def test_a_changed_test_can_be_released_when_there_are_submissions(
    repository: Path, course: Course, gradebook: Gradebook
) -> None:
    """nbgrader alone refuses: "Cannot add or remove cells ... because there are submissions associated with it"."""
    release([NAME], repository=repository, check=False)
    gradebook.add_student("ann")
    gradebook.add_submission(NAME, "ann")
    grade = gradebook.find_grade("mean-hidden", "small", NAME, "ann")
    grade.manual_score = 2.5
    gradebook.db.commit()
    source = repository / "solutions" / NAME / "small.py"
    edit(source, '"grade_id": "check_mean-hidden"', '"grade_id": "check_mean-hidden-2"')
    edit(source, '"mean-hidden", "locked": true, "points": 3', '"mean-hidden", "locked": true, "points": 4')
    release([NAME], repository=repository, check=False)
    gradebook.db.expire_all()
    notebook = gradebook.find_notebook("small", NAME)
    assert {c.name: c.max_score for c in notebook.grade_cells} == {
        "mean-visible": 1, "mean-hidden": 4, "check_mean-visible": 1, "check_mean-hidden-2": 2,
    }  # fmt: skip
    assert {c.name for c in notebook.source_cells} >= {"check_mean-hidden-2"}
    assert gradebook.find_grade("mean-hidden", "small", NAME, "ann").manual_score == 2.5


def test_scores_that_people_gave_are_not_lost(repository: Path, course: Course, gradebook: Gradebook) -> None:
    release([NAME], repository=repository, check=False)
    gradebook.add_student("ann")
    gradebook.add_submission(NAME, "ann")
    gradebook.find_grade("check_mean-hidden", "small", NAME, "ann").manual_score = 1.0
    gradebook.db.commit()
    before = contents(course.root)
    edit(repository / "solutions" / NAME / "small.py", "check_mean-hidden", "check_mean-hidden-2")
    with pytest.raises(CourseError, match="no longer has check_mean-hidden, where people have given scores by hand"):
        release([NAME], repository=repository, check=False)
    assert contents(course.root) == before


def test_a_source_that_someone_wrote_is_not_replaced(repository: Path, course: Course) -> None:
    mine = course.folder("source", NAME) / "mine.ipynb"
    mine.parent.mkdir(parents=True)
    mine.write_text("{}", encoding="utf-8")
    with pytest.raises(CourseError, match=r"was not made by `autograder release`.* move it away first"):
        release([NAME], repository=repository, check=False)
    assert mine.read_text(encoding="utf-8") == "{}"


def test_a_course_whose_settings_change_the_release_is_refused(repository: Path, course: Course) -> None:
    header = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("the course's header")])
    nbformat.write(header, course.root / "header.ipynb")
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + '\nc.IncludeHeaderFooter.header = "header.ipynb"\n', "utf-8")
    with pytest.raises(CourseError, match=r"made another small\.ipynb of 01-small than was proven"):
        release([NAME], repository=repository, check=False)
    assert not course.folder("release", NAME).exists()


def test_a_leak_stops_one_assignment_and_not_the_others(repository: Path, course: Course) -> None:
    leaky = Path(shutil.copytree(repository / "solutions" / NAME, repository / "solutions" / "02-leaky"))
    text = (leaky / "small.py").read_text(encoding="utf-8")
    hidden = "hidden_x = hidden_rng.normal(loc=2.0, size=hidden_shape)"
    (leaky / "small.py").write_text(text.replace("# # Means", f"# # Means\n#\n#     {hidden}"), encoding="utf-8")
    document = release([], repository=repository, to=repository / "students", check=False)
    good, bad = document["assignments"]
    assert not document["ok"]
    assert (good["name"], good["ok"], bad["name"], bad["ok"], bad["files"]) == (NAME, True, "02-leaky", False, [])
    [problem] = bad["problems"]
    assert problem.startswith("leak in small.ipynb: hidden test mean-hidden in cell 1: hidden_x=hidden_rng.normal(")
    assert not course.folder("release", "02-leaky").exists() and not (repository / "students").exists()


# ---- what students get

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = {
    "README.md",
    "chainrule.zip",
    f"assignments/{NAME}/small.ipynb",
    f"assignments/{NAME}/table.csv",
    "lib/pyproject.toml",
    "lib/chainrule/__init__.py",
    "lib/chainrule/plots.py",
    "lib/chainrule/py.typed",
}


def test_students_get_this_and_nothing_else(repository: Path, course: Course, tmp_path: Path) -> None:
    document = release([NAME], to=tmp_path / "students", repository=repository, check=False)
    assert contents(tmp_path / "students").keys() == EVERYTHING
    assert {str(tmp_path / "students" / name) for name in EVERYTHING} <= set(document["files"])
    readme = (tmp_path / "students" / "README.md").read_text(encoding="utf-8")
    assert f"| [Means](assignments/{NAME}/small.ipynb) | 10 | 7 |" in readme


@pytest.mark.parametrize(
    ("due", "sealed"), [("", True), ("2026-01-01T00:00:01+00:00", True), ("2026-01-01T00:30:00+01:00", False)]
)
def test_a_sealed_module_comes_when_the_assignment_is_closed(repository: Path, due: str, sealed: bool) -> None:
    if due:
        edit(repository / "solutions" / NAME / "assignment.toml", "minutes = 10", f"due = {due}")
    files = bundle.contents([build.build_named(NAME, repository)], repository, NOW)
    assert ("lib/chainrule/means.py" not in files) is sealed


def test_assignments_not_yet_released_seal_as_well(repository: Path) -> None:
    """Whoever takes it next week must not find the answer in this week's library."""
    later = Path(shutil.copytree(repository / "solutions" / NAME, repository / "solutions" / "02-later"))
    edit(later / "assignment.toml", "chainrule.means", "chainrule.plots")
    files = bundle.contents([build.build_named(NAME, repository)], repository, NOW)
    assert not {"lib/chainrule/plots.py", "lib/chainrule/means.py"} & files.keys()


@pytest.mark.parametrize(
    ("file", "text", "refused"),
    [
        ("__init__.py", "from chainrule.means import mean", True),
        ("__init__.py", "from chainrule import plots, means", True),
        ("__init__.py", "from . import means", True),
        ("plots.py", "from .means import mean", True),
        ("plots.py", "import chainrule.means", True),
        ("plots.py", "try:\n    from . import means\nexcept ImportError:\n    means = None", False),
        ("plots.py", "def later():\n    from . import means", False),
        ("plots.py", "from . import plots", False),
    ],
)
def test_the_library_works_without_what_is_held_back(repository: Path, file: str, text: str, refused: bool) -> None:
    (repository / "lib" / "chainrule" / file).write_text(text, encoding="utf-8")
    builds = [build.build_named(NAME, repository)]
    if refused:
        with pytest.raises(CourseError, match=f"lib/chainrule/{file}, line 1: imports chainrule.means"):
            bundle.contents(builds, repository, NOW)
    else:
        assert f"lib/chainrule/{file}" in bundle.contents(builds, repository, NOW)


def test_a_solution_in_the_library_is_no_secret_after_the_due_date(repository: Path) -> None:
    builds = [build.build_named(NAME, repository)]
    solution = builds[0].assignment.notebooks[0].cell("mean").source
    (repository / "lib" / "chainrule" / "plots.py").write_text(solution, encoding="utf-8")
    with pytest.raises(CourseError, match=r"01-small would leak:\n  lib/chainrule/plots.py: solution of mean"):
        bundle.contents(builds, repository, NOW)
    edit(repository / "solutions" / NAME / "assignment.toml", "minutes = 10", "due = 2025-01-01T00:00:00Z")
    assert "lib/chainrule/plots.py" in bundle.contents([build.build_named(NAME, repository)], repository, NOW)


def test_a_zip_is_the_same_each_time(repository: Path, tmp_path: Path) -> None:
    builds = [build.build_named(NAME, repository)]
    for name in ("one.zip", "two.zip"):
        bundle.write(builds, tmp_path / name, repository, NOW)
        for path in repository.rglob("*"):
            os.utime(path, (5, 5))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(EVERYTHING)
        assert {name: archive.read(name) for name in EVERYTHING} == bundle.contents(builds, repository, NOW)


def test_an_earlier_bundle_is_replaced_and_git_kept(repository: Path, tmp_path: Path) -> None:
    to = tmp_path / "students"
    (to / ".git").mkdir(parents=True)
    (to / "assignments" / "00-old").mkdir(parents=True)
    (to / "assignments" / "00-old" / "old.ipynb").touch()
    bundle.write([build.build_named(NAME, repository)], to, repository, NOW)
    assert contents(to).keys() == EVERYTHING and (to / ".git").is_dir()
    assert {path.name for path in to.iterdir()} == {".git", "README.md", "assignments", "chainrule.zip", "lib"}


def test_a_folder_with_other_things_is_left_alone(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(CourseError, match=r"holds .*thesis\.tex.*; name a new folder"):
        bundle.write([build.build_named(NAME, repository)], tmp_path, repository, NOW)
    with pytest.raises(CourseError, match="is a file; name a folder"):
        bundle.write([build.build_named(NAME, repository)], tmp_path / "thesis.tex", repository, NOW)


# ---- the course's own content


@pytest.mark.parametrize("name", build.names())
def test_the_committed_assignments_are_what_a_release_would_make(name: str) -> None:
    assert contents(REPOSITORY / "assignments" / name) == build.build_named(name).released_files()


def test_the_courses_own_bundle_leaks_nothing() -> None:
    builds = [build.build_named(name) for name in build.names()]
    files = bundle.contents(builds, REPOSITORY, NOW)
    assert {path.split("/")[0] for path in files} == {"README.md", "assignments", "chainrule.zip", "lib"}
    everyone = [built.assignment for built in builds]
    assert [leak for a in everyone for leak in leaks.find(a, files, beside=everyone)] == []


def test_colab_installs_the_library_from_one_file(tmp_path: Path) -> None:
    """The setup cell of every notebook names this file; pip takes a zip with a pyproject.toml at its root."""
    files = bundle.contents([build.build_named(name) for name in build.names()], REPOSITORY, NOW)
    for path, content in files.items():
        if path.endswith(".ipynb"):
            assert f'"{bundle.LIBRARY_ZIP}'.encode() in content.replace(b"\\", b"")
    with zipfile.ZipFile(io.BytesIO(files[bundle.LIBRARY_ZIP])) as archive:
        inside = {f"lib/{name}": archive.read(name) for name in archive.namelist()}
    assert inside == {path: content for path, content in files.items() if path.startswith("lib/")}
    assert "lib/pyproject.toml" in inside
