"""A student's way through a notebook: JupyterLab opens it, runs it from top to bottom and saves it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from autograder import simulated
from autograder.build import build_named
from autograder.fill import fill

from .conftest import SECONDS, Open, jupyter_server

NAME, NOTEBOOK = "06-optimizers", "optimizers"


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released notebook with the solutions filled in, as a student would have written them."""
    answers = simulated.perfect(build_named(NAME).assignment, random.Random(0)).answers
    folder = tmp_path_factory.mktemp("student")
    fill(NAME, answers, folder)
    return folder / "student" / NAME / f"{NOTEBOOK}.ipynb"


@pytest.fixture(scope="module")
def server(solved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jupyter_server(solved.parent, tmp_path_factory.mktemp("home")) as address:
        yield address


def test_a_solved_notebook_runs_from_top_to_bottom(
    solved: Path, server: str, new_page: Open, keep: Callable[[Page, str], None]
) -> None:
    page = new_page()
    page.goto(f"{server}/lab/tree/{NOTEBOOK}.ipynb?reset")
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(nbformat.read(solved, 4).cells))
    expect(page.locator("#jp-main-statusbar").get_by_text("Idle")).to_be_visible()  # the kernel answers
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = page.locator(".jp-CodeCell").last.locator(".jp-InputPrompt")
    expect(last).to_have_text("[{}]:".format(page.locator(".jp-CodeCell").count()), timeout=120 * SECONDS)
    keep(page, "notebook-run")
    _race(page, keep)
    figures = page.locator(".jp-OutputArea img:visible, .jp-OutputArea .widget-html svg:visible")
    assert figures.count() >= 4
    for number in range(figures.count()):
        figures.nth(number).scroll_into_view_if_needed()
        keep(page, f"notebook-figure-{number + 1}")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-current .jp-DirtyIndicator, .jp-mod-dirty")).to_have_count(0)
    outputs = [o for cell in nbformat.read(solved, 4).cells if cell.cell_type == "code" for o in cell.outputs]
    assert outputs
    assert [o.evalue for o in outputs if o.output_type == "error"] == []


def _race(page: Page, keep: Callable[[Page, str], None]) -> None:
    """A slider of the interactive race is moved, and the figure is another one."""
    area = page.locator(".jp-OutputArea-child", has=page.locator(".widget-slider"))
    picture = area.locator("svg:visible, img:visible").first
    picture.scroll_into_view_if_needed()
    before = picture.evaluate("picture => picture.outerHTML")
    keep(page, "race-before")
    shown = picture.element_handle()
    handle = area.locator(".noUi-handle").first
    handle.focus()
    for _ in range(10):
        handle.press("ArrowRight")
    page.wait_for_function(
        "([picture, before]) => !picture.isConnected || picture.outerHTML !== before",
        arg=[shown, before],
    )
    assert area.locator("svg:visible, img:visible").first.evaluate("picture => picture.outerHTML") != before
    keep(page, "race-after")
