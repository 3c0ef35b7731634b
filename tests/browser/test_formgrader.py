"""A teaching assistant's way: formgrader lists what was graded, and takes the points for a written answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from playwright.sync_api import Page, expect

from autograder.collect import collect
from autograder.course import Course
from autograder.demo import workspace
from autograder.engine.autograde import autograde
from autograder.fill import fill
from autograder.release import release
from autograder.report import report

from .conftest import Open, jupyter_server

NAME, NOTEBOOK = "01-small", "small"
SMALL_COURSE = Path(__file__).parents[1] / "autograder" / "small_course"
WRITTEN = """

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# Say in your own words why the mean of an empty list is not defined.
"""  # noqa: E501
ANSWERS = {
    "ada": {"mean": "def mean(values):\n    return sum(values) / len(values)", "why": "There is nothing to divide by."},
    "bob": {"why": "Because it raises an error."},
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    repository = tmp_path_factory.mktemp("repository")
    shutil.copytree(SMALL_COURSE / "solutions", repository / "solutions")
    with open(repository / "solutions" / NAME / f"{NOTEBOOK}.py", "a", encoding="utf-8") as notebook:
        notebook.write(WRITTEN)
    with workspace(tmp_path_factory.mktemp("course")) as course:
        assert release([NAME], course=course, repository=repository, check=False)["ok"]
        for student, answers in ANSWERS.items():
            fill(NAME, answers, course.root / "handed-in", student, course=course)
        collect(NAME, [course.root / "handed-in"], course=course)
        graded = autograde(NAME, course=course.root)["submissions"]
        assert [submission["status"] for submission in graded] == ["needs_person", "needs_person"]
        yield course


@pytest.fixture(scope="module")
def server(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jupyter_server(course.root, tmp_path_factory.mktemp("home")) as address:
        yield address


def test_formgrader_lists_submissions_and_takes_points(
    course: Course, server: str, new_page: Open, keep: Callable[[Page, str], None]
) -> None:
    page = new_page()
    page.goto(f"{server}/formgrader/gradebook/{NAME}/{NOTEBOOK}")
    rows = page.locator("table tbody tr")
    expect(rows).to_have_count(len(ANSWERS))
    expect(rows.first).to_contain_text("Submission #1")
    keep(page, "formgrader-submissions")
    with Gradebook(course.db_url, course_id=course.course_id) as gradebook:
        submission = gradebook.find_submission_notebook(NOTEBOOK, NAME, "ada").id
    page.goto(f"{server}/formgrader/submissions/{submission}")
    expect(page.get_by_text("There is nothing to divide by.")).to_be_visible()
    points = page.locator("input.score").last
    expect(points).to_have_value("")
    points.fill("3")
    with page.expect_response(
        lambda response: "/api/grade/" in response.url and response.request.method == "PUT"
    ) as saved:
        points.blur()
    assert saved.value.ok
    points.scroll_into_view_if_needed()
    keep(page, "formgrader-written-answer")
    with Gradebook(course.db_url, course_id=course.course_id) as gradebook:
        assert gradebook.find_grade("why", NOTEBOOK, NAME, "ada").manual_score == 3


@pytest.mark.parametrize("width", [1200, 390])
def test_the_report_opens_without_a_complaint(
    course: Course, width: int, new_page: Open, keep: Callable[[Page, str], None]
) -> None:
    report([NAME], course=course)
    (path,) = course.root.glob("report/*.html")
    page = new_page(width)
    page.goto(path.as_uri())
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    keep(page, f"report-{width}")
    assert page.complaints == []  # type: ignore[attr-defined]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
