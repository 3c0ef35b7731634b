"""The batch: every submission gets a verdict, nothing is lost or done twice, whatever dies."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.engine import autograde as batch
from autograder.engine.grader import reference
from autograder.errors import CourseError
from autograder.model import Verdict

RIGHT = "def mean(x):\n    return float(np.mean(x))"
WRONG = "def mean(x):\n    return float(np.sum(x) / max(len(x) - 1, 1))"
ENDLESS = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"


def submission(assignment, mean):
    """A notebook as a student hands it in, with this source in the cell `mean`."""
    cells = []
    for cell in reference(assignment.notebooks[0]):
        source = mean if cell.grade_id == "mean" else cell.source if cell.role == "solution" else cell.released
        new = nbformat.v4.new_code_cell if cell.type == "code" else nbformat.v4.new_markdown_cell
        facts = {"grade_id": cell.grade_id, "grade": cell.role == "test", "solution": cell.role == "solution"}
        facts |= {"locked": cell.role != "solution", "schema_version": 3, "task": False}
        cells.append(new(source, metadata={"nbgrader": facts}))
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


@pytest.fixture
def course(tmp_path, assignment):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'test'\n")
    (tmp_path / "masters").mkdir()
    (tmp_path / "masters" / "means.json").write_text(assignment.to_json())
    hand_in(tmp_path, assignment, {"ann": RIGHT, "bob": WRONG, "cem": ENDLESS, "eve": "import os\nos._exit(0)"})
    write(tmp_path, "dan", '{"cells": [')
    write(tmp_path, "fay", "")
    return tmp_path


def hand_in(course, assignment, sources):
    for student, source in sources.items():
        write(course, student, submission(assignment, source))


def write(course, student, text):
    folder = course / "submitted" / student / "means"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "means.ipynb").write_text(text)


def scores(document):
    return {s["student"]: (s["status"], s["score"]) for s in document["submissions"]}


EXPECTED = {
    "ann": ("graded", 6.0),
    "bob": ("graded", 3.0),
    "cem": ("graded", 3.0),
    "dan": ("ungradable", 0.0),
    "eve": ("graded", 3.0),
    "fay": ("ungradable", 0.0),
}


def in_gradebook(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions("means")}


def test_everyone_gets_a_verdict(course):
    found = batch.autograde("means", course=course)
    assert scores(found) == EXPECTED
    assert {s["isolation"] for s in found["submissions"]} == {"namespaces"}
    assert in_gradebook(course) == {student: score for student, (_, score) in EXPECTED.items()}
    assert {p.stem for p in (course / "verdicts" / "means").iterdir()} == EXPECTED.keys()
    assert all((course / "autograded" / student / "means" / "means.ipynb").exists() for student in EXPECTED)
    reasons = {s["student"]: s["reason"] for s in found["submissions"]}
    assert "cut off" in reasons["dan"]
    assert "empty" in reasons["fay"]
    assert "detail" not in json.dumps(found)


def test_what_has_a_verdict_is_not_graded_again(course, assignment, monkeypatch):
    first = batch.autograde("means", course=course, students=["ann", "bob"])
    monkeypatch.setattr(batch, "judge", lambda job, engine: pytest.fail(f"{job.student} was graded again"))
    assert batch.autograde("means", course=course, students=["ann", "bob"]) == first


def test_a_resubmission_is_graded_again_and_an_old_score_does_not_stay(course, assignment):
    batch.autograde("means", course=course, students=["ann"])
    write(course, "ann", '{"cells": [')
    found = batch.autograde("means", course=course, students=["ann"])
    assert scores(found) == {"ann": ("ungradable", 0.0)}
    assert in_gradebook(course)["ann"] == 0.0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"tests": 5}', '{"key": "x", "tests": []}'])
def test_a_damaged_verdict_is_made_again(course, damage):
    folder = course / "verdicts" / "means"
    folder.mkdir(parents=True)
    (folder / "ann.json").write_text(damage)
    assert scores(batch.autograde("means", course=course, students=["ann"])) == {"ann": EXPECTED["ann"]}
    assert Verdict.from_json((folder / "ann.json").read_text()).score == 6.0


def test_a_dry_run_writes_nothing(course):
    before = sorted(course.rglob("*"))
    assert scores(batch.autograde("means", course=course, students=["ann"], dry_run=True)) == {"ann": EXPECTED["ann"]}
    assert [p for p in sorted(course.rglob("*")) if p not in before] == []


def test_a_killed_run_goes_on_where_it_was(course):
    """The process is killed when the first verdict is on disk; the next run grades the rest, nothing twice."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from autograder.engine import autograde as batch\n"
        "write = batch.write_atomically\n"
        "def once(path, text):\n"
        "    write(path, text)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "batch.write_atomically = once\n"
        "batch.autograde('means', course=Path(sys.argv[1]), workers=1)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(course)], capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    verdicts = list((course / "verdicts" / "means").glob("*.json"))
    assert [p.stem for p in verdicts] == ["ann"]
    written = verdicts[0].stat().st_mtime_ns
    assert scores(batch.autograde("means", course=course)) == EXPECTED
    assert verdicts[0].stat().st_mtime_ns == written
    assert in_gradebook(course) == {student: score for student, (_, score) in EXPECTED.items()}


def test_a_dead_sandbox_is_started_again(course, assignment, monkeypatch):
    judged = []
    judge = batch.judge

    def kill_before_the_second(job, engine):
        judged.append(job.student)
        if len(judged) == 2:
            os.killpg(engine._grader._player._process.pid, signal.SIGKILL)
            engine._grader._player._process.wait()
        return judge(job, engine)

    monkeypatch.setattr(batch, "judge", kill_before_the_second)
    assert scores(batch.autograde("means", course=course, workers=1)) == EXPECTED


def test_a_fault_of_ours_costs_nobody_else(course, monkeypatch):
    repair, calls = batch.repair, []

    def faulty(*args):
        calls.append(args)
        if len(calls) == 1:
            raise RuntimeError("a fault")
        return repair(*args)

    monkeypatch.setattr(batch, "repair", faulty)
    found = scores(batch.autograde("means", course=course, students=["ann", "bob"], workers=1))
    assert found == {"ann": ("ungradable", 0.0), "bob": EXPECTED["bob"]}
    again = scores(batch.autograde("means", course=course, students=["ann", "bob"], workers=1))
    assert again == {"ann": EXPECTED["ann"], "bob": EXPECTED["bob"]}
    assert len(calls) == 3, "only what failed by our fault is graded again"


def test_a_sandbox_that_dies_in_a_test_costs_nobody_a_point(course, assignment, monkeypatch):
    from autograder.engine.zygotes import Referee

    judge, calls = Referee.judge, []

    def dying(self, *args, **kwargs):
        calls.append(args)
        if len(calls) == 5:  # after the three tests of the reference: in the middle of a submission
            os.killpg(self._zygote._process.pid, signal.SIGKILL)
            self._zygote._process.wait()
        return judge(self, *args, **kwargs)

    monkeypatch.setattr(Referee, "judge", dying)
    found = batch.autograde("means", course=course, students=["ann", "bob"], workers=2)
    assert scores(found) == {"ann": EXPECTED["ann"], "bob": EXPECTED["bob"]}


def test_a_sandbox_that_keeps_dying_ends_the_run_and_the_next_one_goes_on(course, monkeypatch):
    grade = batch.Engine.grade

    def failing(self, name, cells):
        if any("len(x) - 1" in cell.source for cell in cells):
            raise CourseError("the sandbox ended")
        return grade(self, name, cells)

    monkeypatch.setattr(batch.Engine, "grade", failing)
    with pytest.raises(CourseError, match="the sandbox ended"):
        batch.autograde("means", course=course, students=["ann", "bob"], workers=1)
    assert in_gradebook(course) == {"ann": 6.0}
    monkeypatch.undo()
    assert scores(batch.autograde("means", course=course, students=["ann", "bob"])) == {
        "ann": EXPECTED["ann"], "bob": EXPECTED["bob"],
    }  # fmt: skip


def test_what_cannot_be_written_as_it_is_costs_nobody_else(course, assignment):
    hand_in(course, assignment, {"ann": RIGHT + "\nprint('\\ud800')", "bob": "raise ValueError('\\ud800')"})
    found = scores(batch.autograde("means", course=course, students=["ann", "bob"]))
    assert found == {"ann": EXPECTED["ann"], "bob": ("graded", 3.0)}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "nothing"}, "nothing"),
        ({"students": ["zoe"]}, "no submission of means by zoe"),
        ({"course": Path("/nowhere")}, "/nowhere"),
        ({"isolation": "none"}, "choose one of"),
    ],
)
def test_what_cannot_be_graded_says_why(course, arguments, told):
    with pytest.raises(CourseError, match=told):
        batch.autograde(**{"name": "means", "course": course} | arguments)
