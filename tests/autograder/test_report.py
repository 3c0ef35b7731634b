"""The page for those who teach: its numbers are right, it stands alone, and nothing of a student acts in it."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import gradebook, model
from autograder.course import Course
from autograder.errors import CourseError
from autograder.model import Assignment, Cell, Exercise, Notebook, Verdict, Wrong
from autograder.report import histogram, report

NAME = "06-optimizers"
HIDDEN = "### BEGIN HIDDEN TESTS\nSECRETHIDDEN\n### END HIDDEN TESTS"

ASSIGNMENT = Assignment(
    name=NAME,
    title="Optimisers & <co>",
    notebooks=(
        Notebook(
            "optimizers",
            (
                Cell("code", "SECRETSOLUTION", "...", "solution", "adam"),
                Cell("code", "assert adam", "assert adam", "test", "adam-visible", 1.0),
                Cell("code", HIDDEN, "", "test", "adam-hidden", 3.0),
                Cell("code", "SECRETSOLUTION", "...", "solution", "cosine"),
                Cell("code", HIDDEN, "", "test", "cosine-hidden", 2.0),
                Cell("markdown", "", "Why?", "written", "why", 2.0),
            ),
        ),
    ),
    exercises=(
        Exercise(
            "adam",
            "optimizers",
            ("adam-visible", "adam-hidden"),
            misconceptions=(
                Wrong("adam", "no-bias-correction", "SECRETBANK", "Divide by `1 - beta1**t`."),
                Wrong("adam", "betas-swapped", "SECRETBANK", "The betas are swapped."),
            ),
        ),
        Exercise("cosine", "optimizers", ("cosine-hidden",), starred=True),
    ),
)


class Page(HTMLParser):
    """Text, elements and table rows of a page, and what its scripts and charts say."""

    def __init__(self, source: str):
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(source)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag in {"style", "script"}:
            self.inside = tag
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"} and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.inside = "" if tag == self.inside else self.inside
        if tag == "table":
            self.rows.append([])

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif not self.inside:
            self.words.append(data)
            if self.rows and self.rows[-1]:
                self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

    def row(self, start: str, cells: int = 0) -> list[str]:
        return next(row for row in self.rows if row and row[0].startswith(start) and len(row) >= cells)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    (tmp_path / "masters").mkdir()
    (tmp_path / "masters" / f"{NAME}.json").write_text(ASSIGNMENT.to_json())
    return Course(tmp_path)


def verdict(student: str, **tests: str | tuple[str, str]) -> Verdict:
    """All tests pass but those given: a status, or a misconception with `failed`."""
    found = []
    for cell in ASSIGNMENT.notebooks[0].tests:
        given = tests.get(cell.grade_id.replace("-", "_"), "passed")
        status, misconception = (given, None) if isinstance(given, str) else given
        points = cell.points if status == "passed" else 0.0
        found.append(
            model.TestVerdict(cell.grade_id, points, cell.points, status, "", misconception,
                              notebook="optimizers", detail="SECRETDETAIL")
        )  # fmt: skip
    return Verdict(NAME, student, "graded", sum(t.points for t in found), ASSIGNMENT.max_score, found)


def ungradable(student: str, reason: str) -> Verdict:
    return Verdict(NAME, student, "ungradable", 0.0, ASSIGNMENT.max_score, reason=reason)


def save(course: Course, *verdicts: Verdict) -> None:
    folder = course.verdicts / NAME
    folder.mkdir(parents=True, exist_ok=True)
    for found in verdicts:
        (folder / f"{found.student}.json").write_text(found.to_json())


def made(course: Course, *verdicts: Verdict) -> tuple[str, Page, dict]:
    save(course, *verdicts)
    document = report([NAME], course=course)
    source = (course.root / "report" / f"{NAME}.html").read_text(encoding="utf-8")
    return source, Page(source), document["assignments"][0]


def a_class() -> list[Verdict]:
    nobias = ("failed", "no-bias-correction")
    waits = verdict("grace")
    waits.status, waits.reason = "needs_person", "why: a written answer"
    return [
        verdict("ada"),
        verdict("bob", adam_hidden=nobias),
        verdict("cy", adam_visible=nobias, adam_hidden=nobias),
        verdict("dan", adam_hidden=("failed", "betas-swapped")),
        verdict("eve", adam_hidden="failed"),
        verdict("fay", cosine_hidden="timeout", adam_hidden="crashed"),
        waits,
        ungradable("hal", "The file is not JSON."),
    ]


def test_numbers_of_a_class(course):
    (course.submitted / "late" / NAME).mkdir(parents=True)
    source, page, document = made(course, *a_class())
    assert document == {
        "assignment": NAME,
        "file": str(course.report / f"{NAME}.html"),
        "submissions": 9,
        "graded": 6,
        "needs_person": 1,
        "ungradable": 1,
        "not_graded": 1,
    }
    for number in ("9 submissions", "6 ✓ graded", "1 … needs a person", "1 ✗ ungradable", "1 – not graded yet"):
        assert number in page.text
    assert "Not graded yet: late ." in page.text
    # scores 6, 3, 2, 3, 3, 1, 6: without the one that could not be graded
    assert "3 median of 8 points" in page.text
    assert "3.43 mean" in page.text
    assert "Half of the class has 3 or more of 8 points; 0 of 7 have all." in page.text
    assert page.row("adam", 4)[1:] == [
        "6 of 7 adam, visible tests: 6 of 7 pass",
        "2 of 7 adam, hidden tests: 2 of 7 pass",
        "1.71 / 4",
    ]
    assert page.row("cosine ★")[1:] == ["–", "6 of 7 cosine, hidden tests: 6 of 7 pass", "1.71 / 2"]
    assert re.findall("SECRET[A-Z]*", source) == []


def test_misconceptions_are_counted_by_student_and_explained(course):
    _, page, _ = made(course, *a_class())
    found = [row for row in page.rows if len(row) == 3 and row[0] == "adam"]
    assert found[0][1] == "no-bias-correction Divide by 1 - beta1**t ."
    assert found[0][2].startswith("2 of 7")
    assert found[0][2].endswith("who bob , cy")
    assert found[1][2].startswith("1 of 7")
    assert "visible tests pass and hidden ones fail in adam (1: eve )" in page.text


def test_who_needs_what(course):
    _, page, _ = made(course, *a_class())
    assert page.row("why: a written answer") == ["why: a written answer", "1: grace"]
    assert page.row("hal", 2)[1] == "The file is not JSON."
    stopped = [row for row in page.rows if len(row) == 3 and row[0] == "fay"]
    assert stopped == [["fay", "adam-hidden", "✗ crashed"], ["fay", "cosine-hidden", "✗ took too long"]]
    assert page.row("fay", 6) == ["fay", "1 / 8", "✓ graded", "1 of 1", "0 of 2", ""]
    assert page.row("hal", 6) == ["hal", "0 / 8", "✗ ungradable", "–", "–", "The file is not JSON."]
    assert page.row("bob", 6)[-1] == "no-bias-correction"


def test_a_person_decides_in_the_gradebook(course):
    waits = a_class()[6]
    save(course, waits)
    gradebook.record(course, ASSIGNMENT, [waits])
    assert made(course)[2]["needs_person"] == 1
    with gradebook.opened(course) as session:
        for grade in session.query(gradebook.api.Grade):
            grade.needs_manual_grade = False
            if grade.cell.name == "why":
                grade.manual_score = 1.5
        session.commit()
    _, page, document = made(course)
    assert (document["graded"], document["needs_person"]) == (1, 0)
    assert page.row("grace")[1:3] == ["7.5 / 8", "✓ graded"]


def test_nobody_has_handed_in(course):
    _, page, document = made(course)
    assert document["submissions"] == 0
    assert "Nobody has handed in this assignment yet." in page.text


def test_one_student(course):
    _, page, document = made(course, verdict("小林 ø"))
    assert document["graded"] == 1
    assert page.row("小林 ø")[1] == "6 / 8"


def test_only_ungradable_submissions(course):
    _, page, document = made(course, ungradable("a", "empty"), ungradable("b", "empty"))
    assert document["ungradable"] == 2
    assert "median" not in page.text


def test_all_assignments_that_have_begun(course):
    for name in ("01-idle", "02-begun"):
        text = Assignment(**{**vars(ASSIGNMENT), "name": name}).to_json()
        (course.masters / f"{name}.json").write_text(text)
    (course.submitted / "ada" / "02-begun").mkdir(parents=True)
    save(course, verdict("ada"))
    document = report(course=course)
    assert [Path(file).name for file in document["files"]] == ["02-begun.html", f"{NAME}.html"]
    assert document["schema_version"] == 1


def test_an_unknown_assignment_is_an_error(course):
    with pytest.raises(CourseError, match="07-nothing"):
        report(["07-nothing"], course=course)


def test_a_damaged_verdict_counts_as_not_graded(course):
    save(course, verdict("ada"))
    (course.verdicts / NAME / "bob.json").write_text("{")
    assert made(course)[2]["not_graded"] == 1


def test_students_are_linked_to_their_pages(course):
    for student in ("ada", "a b#?&<ü>"):
        page = course.folder(course.feedback, NAME, student) / "optimizers.html"
        page.parent.mkdir(parents=True)
        page.write_text("")
        save(course, verdict(student))
    _, page, _ = made(course, verdict("bob"))
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links == [
        f"../feedback/a%20b%23%3F%26%3C%C3%BC%3E/{NAME}/optimizers.html",
        f"../feedback/ada/{NAME}/optimizers.html",
    ]


BAD = "<script>alert(1)</script><img src=//evil.example onerror=alert(1)>\x1b[2J\u202e`<b>`"


def test_nothing_that_a_student_controls_acts(course):
    found = verdict("<script>alert(1)<&script>", adam_hidden=("failed", BAD))
    found.notes, found.trace = [BAD], "Traceback\nSECRETNOTE"
    waits = verdict("\u202egnp.<img src=x onerror=alert(1)>")
    waits.status, waits.reason = "needs_person", BAD
    source, page, _ = made(course, found, waits, ungradable("' onclick='alert(1)", BAD))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert {tag for tag, _ in page.elements} & {"img", "iframe", "form", "link", "object", "base"} == set()
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert not [a for _, a in page.elements if "src" in a or a.get("href", "../").split("/")[0] != ".."]
    assert "\u202e" not in source
    assert "\x1b" not in source
    assert "⟨U+202E⟩" in page.text
    assert "SECRET" not in source


def test_the_one_script_is_allowed_by_its_hash(course):
    _, page, _ = made(course, verdict("ada"))
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256("".join(page.scripts).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_charts_say_what_they_show(course):
    _, page, _ = made(course, *a_class())
    for tag, attributes in page.elements:
        if tag == "svg":
            described = attributes.get("role") == "img" and {"aria-label", "aria-labelledby"} & attributes.keys()
            assert described or attributes.get("aria-hidden") == "true"
    assert "Score (points of 8)" in page.text
    assert "3 points: 3 students" in page.text


@given(
    st.floats(0.5, 200),
    st.lists(st.floats(0, 1.5), max_size=30),
)
def test_every_score_is_in_one_bin(most, shares):
    scores = [share * most for share in shares]
    bins = histogram(scores, most)
    assert sum(b.count for b in bins) == len(scores)
    assert bins[0].low == 0
    assert all(a.high == b.low for a, b in pairwise(bins))
    for score in scores:
        if not any(abs(score - b.high) < 1e-6 * most for b in bins):
            (home,) = [b for b in bins if b.low <= score < b.high] or [bins[-1]]
            assert home.count


@pytest.mark.parametrize(
    ("scores", "most", "counts"),
    [
        ([], 4, [0, 0, 0, 0, 0]),
        ([0, 4, 4, 2], 4, [1, 0, 1, 0, 2]),
        ([-1, 9], 4, [1, 0, 0, 0, 1]),
        ([0, 9.99, 10, 100, 99], 100, [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]),
        ([0.3], 1, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ([1], 0, []),
    ],
)
def test_histogram(scores, most, counts):
    assert [b.count for b in histogram(scores, most)] == counts
