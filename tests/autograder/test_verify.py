"""verify: a sound assignment passes through the real grading path; each kind of fault in it is said, and where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from autograder import build
from autograder.engine.probes import name_misconception
from autograder.model import REFERENCE
from autograder.release import release
from autograder.verify import Proof, prove, verify

SMALL = Path(__file__).parent / "small_course" / "solutions"
NAME = "01-small"

Edits = dict[str, list[tuple[str, str]]]
"""File -> (old, new) texts in it."""


def edited(folder: Path, edits: Edits) -> Path:
    """A copy of the small assignment below `folder` with pieces of its files replaced."""
    copy = Path(shutil.copytree(SMALL / NAME, folder / "solutions" / NAME))
    for file, replacements in edits.items():
        text = (copy / file).read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (copy / file).write_text(text, encoding="utf-8")
    return copy


# ---- a sound assignment


@pytest.fixture(scope="module")
def proof() -> Proof:
    return prove(build.build(SMALL / NAME))


def test_a_sound_assignment_is_proven(proof: Proof) -> None:
    document = proof.document
    saboteurs = [exercise.pop("saboteurs") for exercise in (dict(e) for e in document["exercises"])]
    assert {k: v for k, v in document.items() if k != "exercises"} == {
        "name": NAME, "max_score": 7, "solution_score": 7, "stub_score": 0, "leaks": [],
    }  # fmt: skip
    for exercise, name, points, lies in zip(
        document["exercises"], ("mean", "check_mean"), (4, 3), saboteurs, strict=True
    ):
        assert exercise == {
            "name": name, "starred": False, "points": points, "misconceptions": 3, "killed": 3, "named": 3,
            "alternatives": 1, "accepted": 1, "saboteurs": lies, "stopped": lies, "problems": [],
        }  # fmt: skip
    assert saboteurs[0] > 5
    assert proof.ok


def test_the_probes_answers_come_with_the_proof(proof: Proof) -> None:
    for exercise in proof.assignment.exercises:
        assert list(exercise.answers) == [REFERENCE, *exercise.slugs]
        assert name_misconception(exercise, exercise.answers[REFERENCE]) is None
        for slug in exercise.slugs:
            assert name_misconception(exercise, exercise.answers[slug]) == slug
    json.dumps([exercise.answers for exercise in proof.assignment.exercises])


def test_verify_and_release_go_through_the_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_WORKSPACE", str(tmp_path / "workspace"))
    edited(tmp_path, {})
    seen: list[tuple[str, int, int]] = []
    released = release(repository=tmp_path)
    master = json.loads((tmp_path / "workspace" / "masters" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert released["ok"] and master["exercises"][0]["answers"]["sum"] != master["exercises"][0]["answers"][REFERENCE]
    committed = tmp_path / "assignments" / NAME / "small.ipynb"
    text = committed.read_text(encoding="utf-8")
    committed.write_text(
        text.replace("Two exercises about", "for hidden_shape in [(5, 3), (1, 4), (7, 2, 3)]:"), "utf-8"
    )
    document = verify(repository=tmp_path, progress=lambda *step: seen.append(step))
    [leak] = document["assignments"][0]["leaks"]
    assert leak["file"] == f"assignments/{NAME}/small.ipynb" and "hidden test mean-hidden in cell 1" in leak["what"]
    assert not document["ok"]
    assert seen == [(f"{NAME}: mean", 0, 2), (f"{NAME}: check_mean", 1, 2)]


# ---- faults

HIDDEN_VALUES = "assert np.allclose(mean(hidden_x), hidden_x.sum(axis=0) / hidden_shape[0]),"
HIDDEN_SHAPE = "assert mean(hidden_x).shape == hidden_shape[1:],"
VISIBLE_VALUES = "assert np.allclose(mean(x), [2.0, 4.0])"
VISIBLE_CHECK = "check_mean(lambda x: x.mean(axis=0))"
PROBE_ANSWER = "[mean(rng.normal(size=shape)) for shape in [(4, 3), (2, 2)]]"
GUARD = "    if candidate is None:\n        ### BEGIN SOLUTION\n        pass\n        ### END SOLUTION\n"
LAST = "    assert np.allclose(found, [2.0, 4.0, 7.0])\n"
TITLE = '# %% nbgrader={"grade": false, "grade_id": "check_mean"'
MORE = TITLE.replace("check_mean", "more") + ', "locked": false, "schema_version": 3, "solution": true}\nmore = 1\n\n'

FAULTS: dict[str, tuple[Edits, dict[str, list[str]]]] = {
    "weak tests": (
        {
            "small.py": [(VISIBLE_CHECK, "check_mean(lambda y: y.mean(axis=0) * hidden_shape[0] / 7)")],
            "misconceptions.py": [("return x.sum(axis=0)\n\n", "return x.sum(axis=0) / len(x)\n\n")],
            "alternatives.py": [
                ("np.mean(x, axis=0)", "np.mean(x, axis=0).astype(int)"),
            ],
        },
        {
            "mean": [
                "misconception sum passes every test; add a case in which it differs",
                "alternative numpy is refused by mean-hidden (",
            ],
            "check_mean": ["check_mean-visible: line 1: "],
        },
    ),
    "weak banks": (
        {
            "misconceptions.py": [
                (PROBE_ANSWER, "mean(rng.normal(size=(2, 1)))"),
                ("answers = []", "answers = [np.random.default_rng().normal()]"),
            ],
            "alternatives.py": [("# %% check_mean", "# %% [markdown]")],
        },
        {
            "mean": [
                "misconception sum is not named: the probe answers as for minus-one; let it try an input where",
                "misconception minus-one is not named: the probe answers as for sum; let it try an input where",
            ],
            "check_mean": [
                "the probe does not answer twice alike; seed what it draws",
                "no alternative; add another correct version to alternatives.py",
            ],
        },
    ),
    "tests that prove nothing": (
        {
            "small.py": [
                (HIDDEN_VALUES, "assert len(mean(hidden_x)) >= 0,"),
                (HIDDEN_SHAPE, "assert True,"),
                (VISIBLE_VALUES, "assert len(mean(x)) >= 0"),
                ("    ### BEGIN SOLUTION\n    probe_input", f"{GUARD}    probe_input"),
                (f"{LAST}    ### END SOLUTION", LAST),
            ],
            "misconceptions.py": [("# %% mean: probe", "# %% [markdown]"), ("# %% mean: minus-one", "# %% [markdown]")],
        },
        {
            "mean": [
                "the solution behind a liar (zeros) passes every test",
                "2 misconceptions; add at least 1 to misconceptions.py",
                "no probe, so no mistake can be named; add `# %% mean: probe`",
            ],
            "check_mean": ["the untouched stub gets points from check_mean-hidden; let the test need the solution"],
        },
    ),
    "a wrong version that never ends": (
        {
            "misconceptions.py": [("    candidate(np.ones((2, 2)))", "    while True: pass")],
            "assignment.toml": [("cell_seconds = 5", "cell_seconds = 5\ntest_seconds = 2")],
        },
        {"mean": [], "check_mean": ["misconception nothing is not named: where a test runs out of time the probe is"]},
    ),
    "no solution": (
        {"small.py": [("return total / x.shape[0]", "return total / 2"), (TITLE, MORE + TITLE)]},
        {
            "mean": ["the solution fails mean-hidden ("],
            "more": ["no test belongs to it; add more-visible and more-hidden"],
            "check_mean": [],
        },
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_said_where_they_are(tmp_path: Path, fault: str) -> None:
    edits, expected = FAULTS[fault]
    proof = prove(build.build(edited(tmp_path, edits)))
    problems: dict[str, list[str]] = {e["name"]: e["problems"] for e in proof.document["exercises"]}
    assert problems.keys() == expected.keys()
    for name, texts in expected.items():
        for says in texts:
            assert any(problem.startswith(says) for problem in problems[name]), problems[name]
    assert not proof.ok


def test_a_leak_alone_is_a_fault(tmp_path: Path) -> None:
    shown = "hidden_x = hidden_rng.normal(loc=2.0, size=hidden_shape)"
    edited(tmp_path, {"small.py": [("# # Means", f"# # Means\n#\n#     {shown}")]})
    library = tmp_path / "lib" / "chainrule" / "other.py"
    library.parent.mkdir(parents=True)
    library.write_text("def mean(x):\n    return x.sum(axis=0) / max(x.shape[0] - 1, 1)\n", encoding="utf-8")
    document: dict[str, Any] = verify([NAME], repository=tmp_path)
    [assignment] = document["assignments"]
    assert [e["problems"] for e in assignment["exercises"]] == [[], []]
    assert [leak["file"] for leak in assignment["leaks"]] == ["small.ipynb", "lib/chainrule/other.py"]
    assert not document["ok"]
