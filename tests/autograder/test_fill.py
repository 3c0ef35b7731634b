"""fill: the release with some cells filled, as a student would hand it in."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from autograder import build
from autograder.errors import CourseError
from autograder.fill import fill

SMALL = Path(__file__).parent / "small_course" / "solutions" / "01-small"
ANSWER = "def mean(x):\n    return x.mean(axis=0)"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    folder = root / "assignments" / "01-small"
    folder.mkdir(parents=True)
    for name, content in build.build(SMALL).released_files().items():
        (folder / name).write_bytes(content)
    return root


def test_only_the_cells_named_differ_from_the_release(repository: Path, tmp_path: Path) -> None:
    document = fill("01-small", {"mean": ANSWER}, tmp_path, "ann", repository=repository)
    [file] = document["files"]
    assert document == {"schema_version": 1, "assignment": "01-small", "student": "ann", "files": [file]}
    assert Path(file) == tmp_path / "ann" / "01-small" / "small.ipynb"
    filled = nbformat.read(file, as_version=4)
    released = nbformat.read(repository / "assignments" / "01-small" / "small.ipynb", as_version=4)
    nbformat.validate(filled)
    differ = [(a, b) for a, b in zip(released.cells, filled.cells, strict=True) if a != b]
    assert [(a.id, b.source) for a, b in differ] == [("mean", ANSWER)]


def test_nothing_filled_gives_the_release(repository: Path, tmp_path: Path) -> None:
    [file] = fill("01-small", {}, tmp_path, repository=repository)["files"]
    released = repository / "assignments" / "01-small" / "small.ipynb"
    assert Path(file).read_bytes() == released.read_bytes()


def test_a_file_of_answers_is_the_same(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(json.dumps({"mean": ANSWER}), encoding="utf-8")
    [one] = fill("01-small", tmp_path / "answers.json", tmp_path / "a", repository=repository)["files"]
    [two] = fill("01-small", {"mean": ANSWER}, tmp_path / "b", repository=repository)["files"]
    assert Path(one).read_bytes() == Path(two).read_bytes()


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ('{"meen": "x = 1"}', "01-small has no cell 'meen'; cells that students fill: mean, check_mean"),
        ('{"": "x = 1"}', "has no cell ''"),
        ('{"mean": 1}', "expected {grade_id: source}"),
        ('["mean"]', "expected {grade_id: source}"),
        ('{"mean": ', "cannot be read as JSON"),
        (None, "cannot be read as JSON"),
    ],
)
def test_answers_that_fit_nothing(repository: Path, tmp_path: Path, answers: str | None, says: str) -> None:
    path = tmp_path / "answers.json"
    if answers is not None:
        path.write_text(answers, encoding="utf-8")
    with pytest.raises(CourseError) as error:
        fill("01-small", path, tmp_path / "out", repository=repository)
    assert says in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("student", ["", "..", "../ann", "a/b", "a\\b", "ann+bob", " "])
def test_ids_that_cannot_be_folders(repository: Path, tmp_path: Path, student: str) -> None:
    with pytest.raises(CourseError, match="cannot be a folder"):
        fill("01-small", {}, tmp_path / "out", student, repository=repository)
    assert not (tmp_path / "out").exists()


def test_what_is_not_released_cannot_be_filled(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="run `autograder release 02-big` first"):
        fill("02-big", {}, tmp_path, repository=repository)
