"""The page that a student gets back: it tells what a student may know, all of that, and nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbgrader import api
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeReleaseFeedback
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from autograder import feedback as module
from autograder import gradebook, model
from autograder.course import Course
from autograder.errors import CourseError
from autograder.feedback import feedback
from autograder.model import Assignment, Cell, Exercise, Notebook, Verdict, Wrong
from autograder.repair import RepairedCell

NAME = "06-optimizers"
STUB = 'raise NotImplementedError("Replace this line with your code.")'
VISIBLE = "assert adam(1) == 1, 'VISIBLETEXT'"
HIDDEN = "### BEGIN HIDDEN TESTS\nassert adam(SECRETINPUT) == SECRETVALUE\n### END HIDDEN TESTS"
HINT = "This behaves like Adam without bias correction: divide by `1 - beta1**t`."

ASSIGNMENT = Assignment(
    name=NAME,
    title="Optimisers & <co>",
    version="1.2",
    notebooks=(
        Notebook(
            "optimizers",
            (
                Cell("markdown", "# Hello $\\beta_1$", "# Hello $\\beta_1$", "locked", "intro"),
                Cell("code", "import numpy", "import numpy", "locked", "setup"),
                Cell("code", "def adam(x): SECRETSOLUTION", STUB, "solution", "adam"),
                Cell("code", VISIBLE, VISIBLE, "test", "adam-visible", 1.0),
                Cell("code", HIDDEN, "", "test", "adam-hidden", 3.0),
                Cell("code", f"x = 1 # MIXEDTEXT\n{HIDDEN}", "x = 1 # MIXEDTEXT\n", "test", "adam-hidden-2", 1.0),
                Cell("code", "plot(SECRETPLOT)", "plot()", "locked", "figure", tags=("explore",)),
                Cell("markdown", "SECRETANSWER", "Why?", "written", "why", 2.0),
                Cell("markdown", "Do this. SECRETSCHEME", "Do this.", "task", "chore", 1.0, ("starred",)),
            ),
        ),
    ),
    exercises=(
        Exercise(
            name="adam",
            notebook="optimizers",
            tests=("adam-visible", "adam-hidden", "adam-hidden-2"),
            hint="Take two steps by hand.",
            probe="SECRETPROBE",
            misconceptions=(Wrong("adam", "no-bias-correction", "SECRETBANK", HINT),),
        ),
    ),
)
"""Eight points: five by tests, three by a person."""


TESTS_OF_ADAM = ["adam_visible", "adam_hidden", "adam_hidden_2"]


class Page(HTMLParser):
    """The text, the elements and the table rows of a page."""

    def __init__(self, source: str):
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.silent = ""
        self.feed(source)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        self.silent = tag if tag == "style" else self.silent
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"} and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.silent = "" if tag == self.silent else self.silent

    def handle_data(self, data):
        if not self.silent:
            self.words.append(data)
            if self.rows and self.rows[-1]:
                self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

    def row(self, start: str) -> list[str]:
        return next(row for row in self.rows if row and row[0].startswith(start))


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "nbgrader_config.py").write_text(
        "import autograder.feedback\n"
        "c = get_config()\n"
        "c.CourseDirectory.course_id = 'deep'\n"
        "autograder.feedback.configure(c)\n"
    )
    (tmp_path / "masters").mkdir()
    (tmp_path / "masters" / f"{NAME}.json").write_text(ASSIGNMENT.to_json())
    return Course(tmp_path)


def verdict(student: str = "ada", **statuses: model.TestVerdict) -> Verdict:
    """Everything passed but the tests given, `adam_hidden` for `adam-hidden`."""
    tests = []
    for cell in ASSIGNMENT.notebook("optimizers").tests:
        test = statuses.get(cell.grade_id.replace("-", "_")) or passed(cell.grade_id, cell.points)
        test.notebook, test.max_points, test.detail = "optimizers", cell.points, "SECRETDETAIL"
        tests.append(test)
    return Verdict(NAME, student, "graded", sum(t.points for t in tests), ASSIGNMENT.max_score, tests)


def passed(name: str, points: float) -> model.TestVerdict:
    return model.TestVerdict(name, points, points, "passed")


def failed(name: str, message: str = "", **more: object) -> model.TestVerdict:
    return model.TestVerdict(name, 0.0, 0.0, more.pop("status", "failed"), message, **more)


def repaired(**sources: str) -> list[RepairedCell]:
    cells = ASSIGNMENT.notebook("optimizers").cells
    own = {"solution", "written"}
    return [
        RepairedCell(c.type, sources.get(c.grade_id, c.released if c.role in own else c.source), c.released, c.role,
                     grade_id=c.grade_id, tags=c.tags)
        for c in cells
    ]  # fmt: skip


def store(course: Course, found: Verdict, cells: list[RepairedCell] | None = None) -> None:
    folder = course.verdicts / NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{found.student}.json").write_text(found.to_json())
    gradebook.write_autograded(course, ASSIGNMENT, found.student, {"optimizers": cells or repaired()}, found)


def read(course: Course, student: str = "ada") -> tuple[str, Page]:
    source = (course.root / "feedback" / student / NAME / "optimizers.html").read_text(encoding="utf-8")
    return source, Page(source)


def save(course: Course, found: Verdict) -> None:
    """The verdict alone, over the one that is there."""
    (course.verdicts / NAME / f"{found.student}.json").write_text(found.to_json())


def made(course: Course, found: Verdict, cells: list[RepairedCell] | None = None) -> tuple[str, Page]:
    store(course, found, cells)
    feedback(NAME, course=course)
    return read(course, found.student)


def test_files_lie_where_nbgrader_looks(course):
    for student in ("ada", "Ødegård 小林", "غادة"):
        store(course, verdict(student))
    stale = course.feedback / "gone" / NAME / "optimizers.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    document = feedback(NAME, course=course)
    paths = [course.feedback / s / NAME / "optimizers.html" for s in sorted(("ada", "Ødegård 小林", "غادة"))]
    assert document == {"schema_version": 1, "assignment": NAME, "files": [str(p) for p in paths], "skipped": []}
    assert all(path.is_file() for path in paths)
    assert stale.read_text() == "old"
    assert "Ødegård 小林" in read(course, "Ødegård 小林")[1].text


def test_only_the_named_students_and_progress(course):
    for student in ("ada", "bob"):
        store(course, verdict(student))
    steps = []
    document = feedback(NAME, course=course, students=["bob"], progress=lambda *step: steps.append(step))
    assert [Path(f).parts[-3] for f in document["files"]] == ["bob"]
    assert steps == [("feedback for bob", 0, 1)]


@pytest.mark.parametrize("everything_fails", [False, True])
def test_nothing_hidden_is_on_the_page(course, everything_fails):
    failures = {
        name.replace("-", "_"): failed(name, misconception="no-bias-correction")
        for name in ("adam-visible", "adam-hidden", "adam-hidden-2")
    }
    found = verdict(**(failures if everything_fails else {}))
    found.trace = "Traceback (most recent call last):\n  SECRETTRACE"
    source, page = made(course, found)
    assert re.findall("SECRET[A-Z]*", source) == []
    assert "VISIBLETEXT" in page.text
    assert "MIXEDTEXT" in page.text
    assert "BEGIN HIDDEN" not in source


def test_outputs_come_from_the_verdict_not_from_the_graded_notebook(course):
    found = verdict()
    found.outputs = {
        "optimizers": {"2": {"outputs": [{"output_type": "stream", "text": "MINE"}], "execution_count": 7}}
    }
    store(course, found)
    path = course.autograded / "ada" / NAME / "optimizers.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="SECRETOUTPUT")]
    nbformat.write(notebook, path)
    feedback(NAME, course=course)
    source, page = read(course)
    assert "SECRETOUTPUT" not in source
    assert "Output [7] MINE" in page.text


@pytest.mark.parametrize(
    ("test", "status", "told"),
    [
        (failed("adam-hidden", "is t counted from 1?"), "✗ failed", "is t counted from 1?"),
        (failed("adam-hidden", misconception="no-bias-correction"), "✗ failed", "divide by 1 - beta1**t ."),
        (failed("adam-hidden", HINT, misconception="no-bias-correction"), "✗ failed", "divide by 1 - beta1**t ."),
        (failed("adam-hidden", misconception="unheard-of"), "✗ failed", "Take two steps by hand."),
        (failed("adam-hidden"), "✗ failed", "Take two steps by hand."),
        (failed("adam-hidden", status="timeout"), "✗ took too long", "did not finish in time"),
        (failed("adam-hidden", status="crashed"), "✗ crashed", "ended Python itself"),
        (failed("adam-hidden", status="missing"), "✗ missing", "was not in what you handed in"),
        (failed("adam-hidden", status="not_run"), "– not run", "something before it went wrong"),
        (failed("adam-hidden", "m", with_reference_for=["momentum"]), "✗ failed", "correct momentum in place of yours"),
        (failed("adam-hidden", "<b>not bold</b>"), "✗ failed", "<b>not bold</b>"),
    ],
)
def test_a_failed_hidden_test_is_a_line_with_a_hint(course, test, status, told):
    _, page = made(course, verdict(adam_hidden=test))
    row = page.row("adam")
    assert told in row[4]
    assert row[4].count(told) == 1
    assert f"adam · hidden tests {status} · 0 / 3 points" in page.text


@pytest.mark.parametrize(
    ("failures", "cells", "advice"),
    [
        ({}, ["adam ✓ complete", "5 / 5", "✓ passed", "✓ passed"], ""),
        (
            {"adam_hidden": failed("adam-hidden")},
            ["adam ◐ partly", "2 / 5", "✓ passed", "✗ 1 of 2 passed"],
            "Take two steps by hand.",
        ),
        (
            {"adam_hidden": failed("adam-hidden"), "adam_hidden_2": failed("adam-hidden-2")},
            ["adam ◐ partly", "1 / 5", "✓ passed", "✗ 0 of 2 passed"],
            "Take two steps by hand.",
        ),
        (
            {"adam_visible": failed("adam-visible", "VISIBLETEXT")},
            ["adam ◐ partly", "4 / 5", "✗ failed", "✓ passed"],
            "VISIBLETEXT",
        ),
    ],
)
def test_the_summary_tells_visible_from_hidden_tests(course, failures, cells, advice):
    _, page = made(course, verdict(**failures))
    row = page.row("adam")
    assert row[:4] == cells
    assert row[4] == advice
    hidden = int(not {"adam_hidden", "adam_hidden_2"} & set(failures))
    assert f"Hidden tests pass in {hidden} of 1 exercises" in page.text


def test_what_two_tests_say_is_said_once_on_the_way_down(course):
    both = {name: failed(name.replace("_", "-"), misconception="no-bias-correction") for name in TESTS_OF_ADAM[1:]}
    _, page = made(course, verdict(**both))
    assert page.text.count("behaves like Adam without bias correction") == 2  # in the summary and at the first test


def test_an_exercise_that_came_back_empty_is_not_started(course):
    everything = {name: failed(name.replace("_", "-"), "SOMETHING FAILED") for name in TESTS_OF_ADAM}
    found = verdict(**everything)
    _, page = made(course, found)
    assert page.row("adam") == [
        "adam – not started", "0 / 5", "✗ failed", "✗ 0 of 2 passed", "Not started: this cell came back as you got it."
    ]  # fmt: skip
    assert "Nothing was written here." in page.text
    assert "SOMETHING FAILED" not in page.text
    _, page = made(course, found, repaired(adam="def adam(x):\n    return 2"))
    assert page.row("adam")[0] == "adam ✗ not yet"
    assert "SOMETHING FAILED" in page.text


def test_nbgraders_comment_on_an_untouched_answer_is_not_shown_as_one(course):
    found = verdict(**{name: failed(name.replace("_", "-")) for name in TESTS_OF_ADAM})
    store(course, found)
    gradebook.record(course, ASSIGNMENT, [found])
    feedback(NAME, course=course)
    _, page = read(course)
    assert "No response." not in page.text
    assert "Comment of your instructors" not in page.text


HEADINGS = [
    (["## Exercise 1: Adam"], ["Exercise 1: Adam", "why"]),
    (["# Title\n\ntext\n\n### Adam  \n\nmore", "text", "# Another", "## Why?"], ["Adam", "Why?"]),
    (["no heading", "#hashtag"], ["adam", "why"]),
    (["#\tTab ##"], ["Tab", "why"]),
]


@pytest.mark.parametrize(("texts", "names"), HEADINGS)
def test_an_answer_is_called_by_the_heading_above_it_unless_others_share_it(texts, names):
    cells = [Cell("markdown", text, text, "free") for text in texts]
    adam, why = Cell("code", "", STUB, "solution", "adam"), Cell("markdown", "", "", "written", "why", 2.0)
    alone = module.titles(Notebook("n", (*cells[:1], adam, *cells[1:], *([why] if names[1] != "why" else []))))
    assert [alone.get(name, name) for name in ("adam", "why")] == names
    assert module.titles(Notebook("n", (*cells, adam, why))) == {}


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        ("2026-11-20 09:49:02.811024 UTC", "handed in 2026-11-20 09:49 UTC"),
        ("2026-11-20T09:49:02+02:00", "handed in 2026-11-20 09:49+02:00"),
        ("yesterday", "handed in yesterday"),
        (None, "version 1.2 of the assignment 5 / 8"),
    ],
)
def test_the_time_of_handing_in_is_told_to_the_minute(course, timestamp, shown):
    found = verdict()
    found.timestamp = timestamp
    _, page = made(course, found)
    assert shown in page.text


def test_a_due_date_says_until_when_to_hand_in_again(course):
    _, page = made(course, verdict())
    assert "Due" not in page.text
    due = Assignment(**{**vars(ASSIGNMENT), "due": "2026-12-01T23:59:00+01:00"})
    (course.masters / f"{NAME}.json").write_text(due.to_json())
    feedback(NAME, course=course)
    _, page = read(course)
    assert "Due 2026-12-01 23:59 UTC+01:00. What you hand in until then takes the place of this" in page.text


def test_cells_as_they_were_handed_out_are_folded(course):
    found = verdict()
    source, page = made(course, found)
    assert page.text.count("2 cells as you got them") == 1  # the heading and the setup cell
    assert page.text.count("1 cell as you got it") == 1  # the figure
    found.outputs = {"optimizers": {"1": {"outputs": [{"output_type": "error", "traceback": ["NOLIBRARY"]}]}}}
    source, page = made(course, found)
    assert "2 cells as you got them" not in page.text
    assert source.index("NOLIBRARY") > source.index("</details>")  # what stopped is in sight


def test_scores_and_comments_are_the_gradebooks(course):
    found = verdict(adam_hidden=failed("adam-hidden"))
    found.status, found.reason = "needs_person", "why: a written answer"
    store(course, found, repaired(why="Because."))
    gradebook.record(course, ASSIGNMENT, [found])
    with Session(create_engine(course.db_url)) as session:
        grades = {grade.cell.name: grade for grade in session.scalars(select(api.Grade))}
        grades["adam-hidden"].manual_score = 1.5
        grades["why"].manual_score, grades["why"].extra_credit = 2.0, 0.25
        for name in ("adam-hidden", "why"):
            grades[name].needs_manual_grade = False
        for comment in session.scalars(select(api.Comment)):
            if comment.cell.name == "why":
                comment.manual_comment = "Well *said*. <script>alert(1)</script>"
        session.scalars(select(api.SubmittedNotebook)).one().late_submission_penalty = 0.5
        session.commit()
        expected = session.scalars(select(api.SubmittedAssignment)).one()
        score, most = expected.score - expected.late_submission_penalty, expected.max_score
    feedback(NAME, course=course)
    source, page = read(course)
    assert (score, most) == (5.25, 8.0)
    assert page.row("Total")[1] == "5.25 / 8"
    assert page.row("Handed in late")[1] == "−0.5"
    assert page.row("adam")[1] == "3.5 / 5"
    assert "A person set these points." in page.row("adam")[4]
    assert page.row("why")[:2] == ["why ✓ graded by a person", "2.25 / 2"]
    assert "<em>said</em>" in source
    assert "<script" not in source


def test_answers_that_wait_for_a_person_are_not_final(course):
    found = verdict()
    found.status = "needs_person"
    found.reason = "chore: SECRETREASON"
    source, page = made(course, found)
    assert "These points are not final." in page.text
    assert page.row("why")[0] == "why … waits for a person"
    assert page.row("chore ★")[0] == "chore ★ … waits for a person"
    assert "SECRETREASON" not in source


def test_an_ungradable_submission_says_why_and_what_to_do(course):
    store(course, verdict())  # an earlier submission that could be graded
    found = Verdict(NAME, "ada", "ungradable", 0.0, 8.0, reason="The file is not JSON: <b>it ends</b> at byte 10.")
    save(course, found)
    feedback(NAME, course=course)
    _, page = read(course)
    assert "could not be graded. The file is not JSON: <b>it ends</b> at byte 10." in page.text
    assert "hand it in again" in page.text
    assert "VISIBLETEXT" not in page.text


def test_a_fault_of_the_grader_is_not_blamed_on_the_student(course):
    found = Verdict(NAME, "ada", "ungradable", 0.0, 8.0, reason="the grader failed (KeyError: SECRETVALUE)")
    found.trace = "Traceback (most recent call last):\nSECRETDETAIL"
    source, page = made(course, found)
    assert "not your fault" in page.text
    assert "SECRET" not in source


BAD = [
    "<script>alert(1)</script>",
    "<img src=https://evil.example/x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<svg onload=alert(1)></svg>",
    "</section></main><style>*{display:none}</style>",
    "<form action=//evil.example><input></form><iframe src=//evil.example></iframe>",
]


def test_what_a_student_wrote_cannot_act(course):
    bad = "\n\n".join(BAD)
    store(course, verdict(), repaired(adam=bad, why=bad))
    found = verdict()
    found.timestamp, found.notes = bad, [bad.replace("\n", " ")]
    data = {"text/html": bad, "image/svg+xml": bad, "text/plain": bad}
    found.outputs = {"optimizers": {str(i): {"execution_count": bad, "outputs": [
        {"output_type": "stream", "text": bad}, {"output_type": "display_data", "data": data},
        {"output_type": "error", "traceback": [bad]}, bad, None]} for i in range(9)}}  # fmt: skip
    save(course, found)
    feedback(NAME, course=course)
    source, page = read(course)
    assert {tag for tag, _ in page.elements} & {"script", "iframe", "form", "input", "svg", "link", "base"} == set()
    assert [tag for tag, _ in page.elements].count("style") == 1
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert attributes.get("href", "#").startswith(("#", "https:")), (tag, attributes)
    first = next(attributes for tag, attributes in page.elements if attributes.get("http-equiv"))
    assert first["content"].startswith("default-src 'none';")
    assert source.index("Content-Security-Policy") < source.index("<title>")


@pytest.mark.parametrize(
    "outputs", [{"optimizers": 3}, {"optimizers": {"2": []}}, {"optimizers": {"2": {"outputs": 1}}}]
)
def test_outputs_of_a_wrong_shape_are_left_out(course, outputs):
    store(course, verdict())
    found = verdict()
    found.outputs = outputs
    save(course, found)
    feedback(NAME, course=course)
    assert "Your answer" in read(course)[1].text


def test_cells_of_an_earlier_version_are_not_shown(course):
    store(course, verdict())
    path = course.autograded / "ada" / NAME / "optimizers.ipynb"
    path.write_text(path.read_text().replace('"grade_id": "adam-hidden"', '"grade_id": "renamed"'))
    feedback(NAME, course=course)
    source, page = read(course)
    assert "SECRET" not in source
    assert "earlier version" in page.text


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"nbformat": 4}'])
def test_a_damaged_notebook_leaves_the_summary(course, damage):
    store(course, verdict())
    (course.autograded / "ada" / NAME / "optimizers.ipynb").write_text(damage)
    feedback(NAME, course=course)
    assert read(course)[1].row("Total")[1] == "5 / 8"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"tests": [3]}', "\0"])
def test_a_damaged_verdict_stops_nobody_else(course, damage):
    store(course, verdict("ada"))
    (course.verdicts / NAME / "bob.json").write_text(damage)
    document = feedback(NAME, course=course)
    assert len(document["files"]) == 1
    (skipped,) = document["skipped"]
    assert skipped["student"] == "bob"
    assert "--force" in skipped["reason"]


def test_a_student_without_a_verdict_is_skipped_with_the_next_step(course):
    (skipped,) = feedback(NAME, course=course, students=["nobody"])["skipped"]
    assert f"autograder autograde {NAME} --student nobody" in skipped["reason"]


def test_an_empty_class_has_no_pages(course):
    assert feedback(NAME, course=course) == {"schema_version": 1, "assignment": NAME, "files": [], "skipped": []}


def test_an_unknown_assignment_is_an_error(course):
    with pytest.raises(CourseError, match="07-nothing"):
        feedback("07-nothing", course=course)


def test_too_long_a_notebook_is_cut(course, monkeypatch):
    monkeypatch.setattr(module, "MAX_PAGE", 100)
    assert "cells from here on are not shown" in made(course, verdict())[1].text


def test_nbgrader_makes_the_same_page(course):
    found = verdict(adam_hidden=failed("adam-hidden", "is t counted from 1?"))
    source, _ = made(course, found)
    gradebook.record(course, ASSIGNMENT, [found])
    path = course.feedback / "ada" / NAME / "optimizers.html"
    path.unlink()
    answer = NbGraderAPI(CourseDirectory(config=course.config, root=str(course.root)), config=course.config)
    answer = answer.generate_feedback(NAME, "ada", force=True)
    assert answer["success"], answer.get("log")
    theirs = path.read_text(encoding="utf-8")
    feedback(NAME, course=course)
    assert theirs == read(course)[0]
    assert "SECRET" not in theirs
    assert source.count("is t counted from 1?") == theirs.count("is t counted from 1?")


def test_nbgrader_without_a_verdict_shows_scores_and_no_outputs(course):
    found = verdict(adam_hidden=failed("adam-hidden"))
    found.outputs = {"optimizers": {"2": {"outputs": [{"output_type": "stream", "text": "SECRETOUTPUT"}]}}}
    store(course, found)
    gradebook.record(course, ASSIGNMENT, [found])
    (course.verdicts / NAME / "ada.json").unlink()
    api_ = NbGraderAPI(CourseDirectory(config=course.config, root=str(course.root)), config=course.config)
    assert api_.generate_feedback(NAME, "ada", force=True)["success"]
    source, page = read(course)
    assert "SECRET" not in source
    assert page.row("adam")[1:4] == ["2 / 5", "✓ passed", "✗ 1 of 2 passed"]


@pytest.mark.filterwarnings("ignore:.*timestamp.txt:pytest.PytestUnraisableExceptionWarning")  # nbgrader's open()
def test_nbgrader_releases_the_pages(course, tmp_path):
    store(course, verdict())
    submitted = course.submitted / "ada" / NAME
    submitted.mkdir(parents=True)
    (submitted / "timestamp.txt").write_text("2026-09-30 12:00:00 UTC")
    (submitted / "submission_secret.txt").write_text("s3cret")
    feedback(NAME, course=course)
    config = course.config
    config.CourseDirectory.assignment_id = NAME
    config.Exchange.root = str(tmp_path / "exchange")
    (tmp_path / "exchange" / "deep").mkdir(parents=True)
    directory = CourseDirectory(config=config, root=str(course.root))
    exchange = ExchangeReleaseFeedback(coursedir=directory, config=config)
    exchange.init_src(), exchange.init_dest(), exchange.copy_files()
    (released,) = (tmp_path / "exchange" / "deep" / "feedback").glob("*.html")
    assert released.read_text(encoding="utf-8") == read(course)[0]


def test_several_notebooks_have_a_page_each(course):
    first = ASSIGNMENT.notebooks[0]
    second = Notebook("more", (Cell("code", "assert True", "assert True", "test", "extra", 2.0),))
    both = Assignment(**{**vars(ASSIGNMENT), "notebooks": (first, second)})
    (course.masters / f"{NAME}.json").write_text(both.to_json())
    found = verdict()
    found.tests.append(model.TestVerdict("extra", 2.0, 2.0, "passed", notebook="more"))
    store(course, found)
    document = feedback(NAME, course=course)
    assert [Path(f).name for f in document["files"]] == ["optimizers.html", "more.html"]
    page = Page(Path(document["files"][1]).read_text(encoding="utf-8"))
    assert page.row("extra")[1] == "2 / 2"
    assert page.row("Total of all notebooks")[1] == "7 / 10"


def test_the_document_is_json(course):
    store(course, verdict())
    assert json.loads(json.dumps(feedback(NAME, course=course)))["schema_version"] == 1
