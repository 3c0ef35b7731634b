"""Building: a folder of text becomes a notebook and an assignment, always the same, and errors say where and what."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import build, expand
from autograder.build import Built
from autograder.errors import CourseError
from autograder.model import Assignment, Limits

SMALL = Path(__file__).parent / "small_course" / "solutions" / "01-small"


@pytest.fixture(scope="module")
def built() -> Built:
    return build.build(SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SMALL, tmp_path / "01-small"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# ---- what is built


def test_roles_points_and_exercises(built: Built) -> None:
    cells = built.assignment.notebooks[0].cells
    assert [(c.grade_id, c.role, c.points) for c in cells if c.grade_id] == [
        ("setup", "locked", 0),
        ("mean", "solution", 0),
        ("mean-visible", "test", 1),
        ("mean-hidden", "test", 3),
        ("check_mean", "solution", 0),
        ("check_mean-visible", "test", 1),
        ("check_mean-hidden", "test", 2),
    ]
    mean, check_mean = built.assignment.exercises
    assert mean.tests == ("mean-visible", "mean-hidden")
    assert (check_mean.depends, check_mean.hint) == (("mean",), "Try a table whose rows differ.")
    assert len(mean.misconceptions) == 3 and len(mean.alternatives) == 1 and "def probe" in mean.probe


def test_policy_is_taken_over(built: Built) -> None:
    a = built.assignment
    assert (a.name, a.title, a.version, a.minutes) == ("01-small", "Means", "1.0", 10)
    assert (a.sealed, a.files, a.limits) == (("chainrule.means",), ("table.csv",), Limits(cell_seconds=5))
    assert built.released_files()["table.csv"] == b"a,b\n1,2\n"


def test_what_students_get_of_each_cell(built: Built) -> None:
    notebook = built.assignment.notebooks[0]
    assert notebook.cell("mean").released.endswith('    raise NotImplementedError("Replace this line with your code.")')
    assert notebook.cell("mean-visible").released == notebook.cell("mean-visible").source
    assert notebook.cell("mean-hidden").released == "# Hidden tests: other shapes."
    assert notebook.cell("check_mean-hidden").released == ""


def test_code_to_mend_stands_in_place_of_the_stub(folder: Path) -> None:
    edit(
        folder / "small.py",
        "    return total / x.shape[0]\n",
        "    return total / x.shape[0]\n    #: return (\n    #:     x.sum()\n    #: )\n",
    )
    mended = build.build(folder)
    cell = mended.assignment.notebooks[0].cell("mean")
    assert cell.released.endswith('-> (...)."""\n    return (\n        x.sum()\n    )')
    assert "#:" in cell.source and "#:" not in expand.without_marks(cell.source)
    assert mended.assignment.notebooks[0].cell("check_mean").released.endswith('your code.")')
    nbformat.validate(mended.released)


def test_the_notebooks_are_valid_and_bare(built: Built) -> None:
    for notebook in (built.source, built.released):
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
        assert set(notebook.metadata) == {"chainrule", "kernelspec", "language_info"}
        for cell in notebook.cells:
            assert set(cell.metadata) <= {"nbgrader", "tags", "deletable", "editable"}
            assert not cell.get("outputs") and cell.get("execution_count") is None


def test_an_assignment_survives_json(built: Built) -> None:
    assert Assignment.from_json(built.assignment.to_json()) == built.assignment


def test_the_same_text_gives_the_same_bytes(folder: Path, built: Built) -> None:
    """In another folder, with other file times, in another process with another hash seed."""
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    code = (
        "import sys, pathlib, autograder.build as b; x = b.build(pathlib.Path(sys.argv[1])); "
        "sys.stdout.write(b.text_of(x.source) + b.text_of(x.released) + x.assignment.to_json())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONUTF8": "1"}
    again = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, env=environment
    )
    assert again.stdout == build.text_of(built.source) + build.text_of(built.released) + built.assignment.to_json()


def test_ids_stay_where_text_stays(folder: Path, built: Built) -> None:
    edit(
        folder / "small.py",
        "# %% [markdown]\n# ## 2.",
        "# %% [markdown]\n# New.\n\n" * 2 + "# %% [markdown]\n# ## 2.",
    )
    now = {cell.id: cell.source for cell in build.build(folder).released.cells}
    before = {cell.id: cell.source for cell in built.released.cells}
    assert now.items() >= before.items()
    assert list(now.values()).count("New.") == 2


# ---- banks in tests


def test_a_bank_line_becomes_all_versions(built: Built) -> None:
    numpy = pytest.importorskip("numpy")
    source = built.assignment.notebooks[0].cell("check_mean-hidden").source
    seen: list[object] = []
    namespace = {"np": numpy, "check_mean": seen.append}
    with pytest.raises(AssertionError, match="a wrong version passes your test"):
        exec(source, namespace)
    assert list(namespace["WRONG"]) == ["sum", "last-axis", "minus-one"]
    assert list(namespace["RIGHT"]) == ["reference", "numpy"]
    x = numpy.array([[1.0, 2.0], [3.0, 6.0], [5.0, 7.0]])
    answers = {slug: list(version(x)) for slug, version in (namespace["WRONG"] | namespace["RIGHT"]).items()}
    assert answers == {
        "sum": [9, 15], "last-axis": [1.5, 4.5, 6], "minus-one": [4.5, 7.5], "reference": [3, 5], "numpy": [3, 5],
    }  # fmt: skip
    assert "mean" not in namespace
    assert namespace["WRONG"]["minus-one"].__doc__ == "A docstring\nof several lines."


LINES = st.lists(
    st.sampled_from(["x = 1", "", '"""a', "b", 'c"""', "f'''{x}", "'''", "y = (", ")", "    z = 2", "if x:"])
)


@given(LINES)
def test_indenting_changes_no_value(lines: list[str]) -> None:
    """Wrapped into `if True:`, whatever parses has the same statements as before."""
    source = "\n".join(lines)
    try:
        expected = ast.dump(ast.parse(source))
    except SyntaxError:
        return
    wrapped = ast.parse("if True:\n    pass\n" + expand.indent(source, "    "))
    assert ast.dump(ast.Module(wrapped.body[0].body[1:], [])) == expected


# ---- what is refused

TEST = '"grade_id": "mean-hidden", "locked": true, "points": 3'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("### END SOLUTION\n\n\n# %% nb", "\n\n\n# %% nb", "cell 'mean': nbgrader says: no end solution statement"),
        ("### END HIDDEN TESTS\n\n# %% tags", "\n\n# %% tags", "cell 'mean-hidden': nbgrader says: No end hidden"),
        ('"grade_id": "setup"', '"grade_id": "mean"', "Duplicate grade id: mean"),
        (TEST, TEST.replace("mean-hidden", "meen-hidden"), "test 'meen-hidden' belongs to no exercise; call it"),
        (TEST, TEST.replace("mean-hidden", "mean-visible-2"), "test 'mean-visible-2' hides tests, unlike its name"),
        (TEST, TEST.replace("3", "-3"), "'mean-hidden' is graded with points -3; expected a number above 0"),
        (TEST, TEST.replace("3", "true"), "points True; expected a number above 0"),
        (TEST, TEST.replace("mean-hidden", "mean hidden"), "grade_id 'mean hidden'; expected at most 64 letters"),
        ('"locked": true, "points": 3', '"locked": "yes", "points": 3', "nbgrader's locked is 'yes'; expected bool"),
        ('tags=["raises-exception"]\nx =', "\nx =", 'mean-visible\' lacks tags=["raises-exception"]'),
        ("# bank: mean\n", "# bank: meen\n", "`# bank: meen` names no exercise; the notebook has: mean, check_mean"),
        ("# bank: mean\n", "# bank: mean\n# bank: mean\n", "two `# bank:` lines in one cell"),
        ("import numpy as np\n", "import numpy as np\n# bank: mean\n", "a `# bank:` line outside a hidden test"),
        ('# %% tags=["explore"]', '# %% tag=["explore"]', "unknown metadata 'tag'; known: nbgrader, tags"),
        ("return total / x.shape[0]", "return total // ", "cell 'mean', line 7: invalid syntax"),
        ("return total / x.shape[0]", "%time total", "the solution, line 7: invalid syntax; an exercise"),
        ("assert mean(hidden_x).shape", "assert mean(hidden_x.shape", "cell 'mean-hidden', line 6: "),
    ],
)  # fmt: skip
def test_a_notebook_that_could_not_be_graded(folder: Path, old: str, new: str, says: str) -> None:
    edit(folder / "small.py", old, new)
    with pytest.raises(CourseError) as error:
        build.build(folder)
    assert says in str(error.value)


def test_a_version_must_stand_in_for_the_whole_cell(folder: Path) -> None:
    edit(folder / "alternatives.py", "def mean(x)", "def mittel(x)")
    with pytest.raises(CourseError, match="mean: numpy does not define mean, as the stub does"):
        build.build(folder)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "Means"', "", "has no title"),
        ('title = "Means"', "title = 3", "title is 3; expected a string"),
        ("minutes = 10", "minuets = 10", "unknown key 'minuets'; known here: title, version, minutes"),
        ("minutes = 10", "minutes = -1", "minutes is -1; expected a whole number"),
        ("minutes = 10", "minutes = true", "minutes is True; expected a whole number"),
        ("minutes = 10", "due = 2026-10-01T12:00:00", "expected a date and time with its offset"),
        ("minutes = 10", 'run_explore = "no"', "run_explore is 'no'; expected true or false"),
        ("minutes = 10", "minutes = ", "01-small/assignment.toml is not TOML"),
        ("cell_seconds = 5", "cell_seconds = 0", "limits.cell_seconds is 0; expected a number above 0"),
        ("cell_seconds = 5", "seconds = 5", "unknown key 'limits.seconds'"),
        ('"table.csv"', '"tabel.csv"', "files has 'tabel.csv', but"),
        ('"table.csv"', '"../table.csv"', "expected a data file below the folder"),
        ('"table.csv"', '"misconceptions.py"', "expected a data file below the folder"),
        ('["mean"]', '"mean"', "exercises.check_mean.depends is 'mean'; expected a list of strings"),
        (
            '["mean"]',
            '["check_mean"]',
            "exercises.check_mean.depends has 'check_mean'; expected exercises before it: mean",
        ),
        ("[exercises.check_mean]", "[exercises.chek]", "unknown exercise 'chek'; the notebook has: mean, check_mean"),
    ],
)
def test_a_policy_that_is_not_understood(folder: Path, old: str, new: str, says: str) -> None:
    edit(folder / "assignment.toml", old, new)
    with pytest.raises(CourseError) as error:
        build.build(folder)
    assert "assignment.toml" in str(error.value)
    assert says in str(error.value)


def test_an_unknown_assignment_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CourseError, match=r"unknown assignment '02-big'; .* has: 01-small"):
        build.build_named("02-big", SMALL.parents[1])


def test_a_folder_needs_one_notebook(folder: Path) -> None:
    (folder / "other.py").touch()
    with pytest.raises(CourseError, match=r"expected one notebook as \.py .* found other\.py, small\.py"):
        build.build(folder)
