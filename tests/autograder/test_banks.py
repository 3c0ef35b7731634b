"""Banks: what is read out of the two files, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import banks
from autograder.errors import CourseError

SMALL = Path(__file__).parent / "small_course" / "solutions" / "01-small"
WRONG = Path("01-small/misconceptions.py")
RIGHT = Path("01-small/alternatives.py")

ADAM = '# %% adam: no-eps\n"""Tell\n  them."""\ndef adam():\n    return 1\n'


def test_what_the_bank_of_an_exercise_holds() -> None:
    bank = banks.read(SMALL, ["mean", "check_mean"])
    assert [w.slug for w in bank["mean"].misconceptions] == ["sum", "last-axis", "minus-one"]
    first = bank["mean"].misconceptions[0]
    assert (first.exercise, first.source) == ("mean", "def mean(x):\n    return x.sum(axis=0)")
    assert first.message == "This behaves like a sum: it is never divided by the number of rows."
    assert bank["mean"].probe.startswith("def probe():\n    rng =")
    [numpy] = bank["mean"].alternatives
    assert (numpy.slug, numpy.source) == ("numpy", "def mean(x):\n    return np.mean(x, axis=0)")
    assert [r.slug for r in bank["check_mean"].alternatives] == ["loop"]


def test_without_files_the_banks_are_empty(tmp_path: Path) -> None:
    assert banks.read(tmp_path, ["mean"]) == {"mean": banks.Bank()}


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (ADAM, "def adam():\n    return 1"),
        ('"""For authors."""\nimport numpy as np\n\n' + ADAM, "def adam():\n    return 1"),
        ("# %% [markdown]\n# # Notes (1 < 2 and no ' closes)\n\n" + ADAM, "def adam():\n    return 1"),
        ('# %% adam: a\n# why\n\n"""Tell."""\n\n# kept\nx = 1', "# kept\nx = 1"),
    ],
    ids=["plain", "docstring and imports above", "notes between", "comments around"],
)
def test_what_may_stand_around_a_version(text: str, source: str) -> None:
    [version] = banks.parse(text, WRONG)["adam"].misconceptions
    assert version.source == source


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (
            ADAM.replace("adam:", "adma:"),
            WRONG,
            "misconceptions.py, line 1: unknown exercise 'adma'; the notebook has: adam",
        ),
        (ADAM + ADAM, WRONG, "line 6: adam: no-eps is already in line 1"),
        ("\n\n# %% adam: mute\ndef adam(): ...", WRONG, "line 3: adam: mute has no message"),
        ('# %% adam: a\n"""Only words."""', WRONG, "line 1: adam: a has no code"),
        ("# %% adam: a\n\ndef adam(:\n    pass", WRONG, "line 3: invalid syntax"),
        ('# %% adam: a\n"""x"""\n%matplotlib inline', WRONG, "line 3: invalid syntax"),
        ("x = 1\n" + ADAM, WRONG, "line 1: code outside a cell"),
        ("# %% adam\ndef adam(): ...", WRONG, "line 1: title 'adam' is not EXERCISE: VERSION"),
        ("# %% adam: No Eps\ndef adam(): ...", WRONG, "line 1: version 'No Eps' is not lower-case words"),
        ("# %% adam: probe\ndef prob(): ...", WRONG, "line 1: adam: probe does not define probe()"),
        ("# %% adam: probe\ndef probe(): ...", RIGHT, "alternatives.py, line 1: the name 'probe' stands for a probe"),
        ("# %% adam: reference\nx = 1", RIGHT, "line 1: the name 'reference' stands for the solution"),
    ],
)
def test_errors_name_file_and_line(text: str, path: Path, says: str) -> None:
    with pytest.raises(CourseError) as error:
        banks.parse(text, path, ["adam"])
    assert str(error.value).startswith("01-small/")
    assert says in str(error.value)
