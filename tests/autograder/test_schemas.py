"""docs/schemas says what the commands print: every example, and what they really print, is held against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json"))
COMMANDS = ("verify", "release", "fill", "collect", "autograde", "feedback", "report", "demo")

Documents = dict[str, Any]

STANDARDISE = """
def standardise(X):
    spread = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(spread == 0, 1, spread)
"""


def complaints(name: str, document: Any) -> list[str]:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]


def test_every_document_has_a_schema_and_an_example() -> None:
    examples = {path.name.removesuffix(".example.json") for path in SCHEMAS.glob("*.example.json")}
    assert set(NAMES) == examples == {*COMMANDS, "verdict", "error"}


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas_and_examples_follow_them(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")))
    example = json.loads((SCHEMAS / f"{name}.example.json").read_text(encoding="utf-8"))
    assert complaints(name, example) == []
    assert complaints(name, example | {"schema_version": 2})
    assert complaints(name, example | {"surprise": True})


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    """What each command prints, on a course with one assignment and three submissions."""
    course = tmp_path_factory.mktemp("course")
    answers, handed_in = course / "answers.json", course / "handed-in"
    answers.write_text(json.dumps({"standardise": STANDARDISE}))

    def run(*arguments: object, status: int = 0) -> Any:
        command = [sys.executable, "-m", "autograder", *map(str, arguments), "--json"]
        environment = os.environ | {"AUTOGRADER_WORKSPACE": str(course)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    found = {"release": run("release", "00-tour", "--course", course)}
    found["fill"] = run("fill", "00-tour", "--with", answers, "--to", handed_in, "--student", "ann")
    (handed_in / "bob").mkdir()
    (handed_in / "bob" / "tour.ipynb").write_text("{")
    (handed_in / "eve").mkdir()
    (handed_in / "eve" / "essay.pdf").write_bytes(b"%PDF-1.4")
    found["collect"] = run("collect", "00-tour", handed_in, status=1)
    found["autograde"] = run("autograde", "00-tour", status=1)
    found["feedback"] = run("feedback", "00-tour")
    found["report"] = run("report", "00-tour")
    found["error"] = run("report", "no-such-assignment", status=2)
    found["verify"] = run("verify", "00-tour")
    found["verdicts"] = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((course / "verdicts" / "00-tour").glob("*.json"))
    ]
    return found


@pytest.mark.parametrize("name", sorted({*COMMANDS, "error"} - {"demo"}))  # the demo's is looked at in test_demo
def test_real_output_follows_its_schema(documents: Documents, name: str) -> None:
    assert complaints(name, documents[name]) == []


def test_real_verdicts_follow_their_schema(documents: Documents) -> None:
    verdicts = documents["verdicts"]
    assert {verdict["student"]: verdict["status"] for verdict in verdicts} == {"ann": "graded", "bob": "ungradable"}
    for verdict in verdicts:
        assert complaints("verdict", verdict) == []


def test_the_documents_tell_one_story(documents: Documents) -> None:
    judged = {submission["student"]: submission for submission in documents["autograde"]["submissions"]}
    assert 0 < judged["ann"]["score"] < judged["ann"]["max_score"]
    assert (judged["bob"]["status"], judged["bob"]["score"]) == ("ungradable", 0)
    assert judged["bob"]["reason"]
    assert documents["report"]["assignments"][0]["submissions"] == len(judged) == 2
    files = [*documents["release"]["files"], *documents["feedback"]["files"], *documents["report"]["files"]]
    assert all(Path(file).is_file() for file in files)
