"""The command `autograder`: one function for each verb, a document as its answer.

Every verb calls one function of the package, which returns a document (a dict with "schema_version"). With `--json`
the document is all that standard output gets; without, `tables` shows it to a person. Progress goes to standard error
when that is a terminal. Exit status: 0 done and clean, 1 done but something falls short, 2 could not be done.

The functions behind the verbs are imported when their verb is called, so that `autograder --help` needs neither numpy
nor nbgrader.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder import tables
from autograder.errors import CourseError

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.demo import Outcome

Document = dict[str, Any]
Progress = Callable[[str, int, int], None]

CLEAN, FALLS_SHORT, NOT_DONE = 0, 1, 2

app = typer.Typer(
    name="autograder",
    help="Write, prove, release, collect and grade notebook assignments.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(help="The assignment, for example 06-optimizers.", show_default=False)]
Names = Annotated[list[str] | None, typer.Argument(help="Assignments; all of them by default.", show_default=False)]
CourseDir = Annotated[
    Path | None, typer.Option("--course", help="An nbgrader course directory; workspace/ by default.", metavar="DIR")
]
Students = Annotated[
    list[str] | None, typer.Option("--student", help="Only this student; may be repeated.", metavar="ID")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def verify(names: Names = None, as_json: AsJson = False) -> None:
    """Prove that the tests of an assignment fail wrong work and pass right work."""

    def work(progress: Progress) -> Document:
        from autograder.verify import verify

        return verify(names or (), progress=progress)

    _answer(work, tables.verify, as_json, clean=lambda document: document["ok"])


@app.command()
def release(
    names: Names = None,
    to: Annotated[
        Path | None, typer.Option(help="Also write what students get into a folder or a .zip.", metavar="DIR|ZIP")
    ] = None,
    course: CourseDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the students' notebooks from solutions/, after proving that nothing leaks."""

    def work(progress: Progress) -> Document:
        from autograder.release import release

        return release(names or (), to=to, course=_course(course), progress=progress)

    _answer(work, tables.release, as_json, clean=lambda document: document["ok"])


@app.command()
def fill(
    name: Name,
    with_: Annotated[Path, typer.Option("--with", help="JSON: {grade_id: source of that cell, ...}.", metavar="FILE")],
    to: Annotated[Path, typer.Option(help="The folder that gets the submission.", metavar="DIR")],
    student: Annotated[str, typer.Option(help="Who hands it in.", metavar="ID")] = "student",
    as_json: AsJson = False,
) -> None:
    """Make a submission from the release, as a student would hand it in."""

    def work(progress: Progress) -> Document:
        from autograder.fill import fill

        return fill(name, with_, to, student)

    _answer(work, tables.fill, as_json)


@app.command()
def collect(
    name: Name,
    sources: Annotated[list[Path], typer.Argument(help="Folders or zip files with submissions.", metavar="SOURCE...")],
    course: CourseDir = None,
    as_json: AsJson = False,
) -> None:
    """Take submissions from folders and zip files into the course."""

    def work(progress: Progress) -> Document:
        from autograder.collect import collect

        return collect(name, sources, course=_course(course))

    _answer(work, tables.collect, as_json, clean=lambda document: not document["refused"])


@app.command()
def autograde(
    name: Name,
    course: CourseDir = None,
    students: Students = None,
    workers: Annotated[
        int | None, typer.Option(help="How many submissions at once; one more than there are cores by default.", min=1)
    ] = None,
    isolation: Annotated[
        str,
        typer.Option(
            help="How submissions are walled in: namespaces, or process (weaker, for trusted work).", metavar="LEVEL"
        ),
    ] = "namespaces",
    force: Annotated[bool, typer.Option("--force", help="Grade again what is graded already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Grade, but write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Grade the collected submissions: verdicts, gradebook, autograded notebooks."""

    def work(progress: Progress) -> Document:
        from autograder.engine.autograde import autograde

        return autograde(
            name,
            course=course,
            students=students or (),
            workers=workers,
            isolation=isolation,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )

    def clean(document: Document) -> bool:
        return all(submission["status"] != "ungradable" for submission in document["submissions"])

    _answer(work, tables.autograde, as_json, clean)


@app.command()
def feedback(name: Name, course: CourseDir = None, students: Students = None, as_json: AsJson = False) -> None:
    """Make a page for each student: scores, hints, recognised misconceptions."""

    def work(progress: Progress) -> Document:
        from autograder.feedback import feedback

        return feedback(name, course=_course(course), students=students or (), progress=progress)

    _answer(work, tables.feedback, as_json, clean=lambda document: not document["skipped"])


@app.command()
def report(names: Names = None, course: CourseDir = None, as_json: AsJson = False) -> None:
    """Make a page for the class: scores, exercises, misconceptions, what needs a person."""

    def work(progress: Progress) -> Document:
        from autograder.report import report

        return report(names or (), course=_course(course))

    _answer(work, tables.report, as_json)


@app.command()
def demo(
    students: Annotated[int, typer.Option(help="How many students to simulate.", min=1, max=999)] = 60,
    keep: Annotated[Path | None, typer.Option(help="Work in this new folder and keep it.", metavar="DIR")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole loop on a simulated class and compare every verdict with the known truth."""

    outcomes: list[Outcome] = []

    def work(progress: Progress) -> Document:
        from autograder.demo import simulate

        outcomes.append(simulate(students, keep, progress=progress))
        return outcomes[0].document

    def show(document: Document) -> None:
        tables.demo(outcomes[0])

    _answer(work, show, as_json, clean=lambda document: not document["surprises"])


def main() -> None:
    """The entry point: like `app()`, but every failure has status 2, and with --json a document of its own."""
    as_json = "--json" in sys.argv
    gc.set_threshold(100_000)  # nbgrader brings a million objects that stay: to look through them takes 0.2 s
    atexit.register(gc.freeze)  # and as much again when everything ends
    try:
        sys.exit(app(standalone_mode=False))  # a status after --help or an interrupt, else _answer has left already
    except typer.TyperException as error:  # usage: an unknown option, a missing argument
        _give_up(f"{error.format_message()} See `autograder --help`.", as_json)
    except (CourseError, OSError) as error:
        _give_up(str(error), as_json)
    except Exception as error:
        traceback.print_exc()
        _give_up(f"This is a mistake in autograder, please report it: {type(error).__name__}: {error}", as_json)


def _answer(
    work: Callable[[Progress], Document],
    show: Callable[[Document], None],
    as_json: bool,
    clean: Callable[[Document], bool] = lambda document: True,
) -> None:
    """Do the work, print its document, leave with the status that the document deserves."""
    # Whatever a library prints on the way would spoil the document: it goes where progress goes.
    with contextlib.redirect_stdout(sys.stderr), _progress() as progress:
        document = work(progress)
    if as_json:
        _print_json(document)
    else:
        show(document)
    sys.exit(CLEAN if clean(document) else FALLS_SHORT)


def _give_up(message: str, as_json: bool) -> None:
    if as_json:
        _print_json({"schema_version": 1, "error": message})
    print(f"autograder: {tables.printable(message)}", file=sys.stderr)
    sys.exit(NOT_DONE)


def _print_json(document: Document) -> None:
    # ASCII, because a submitted file's name need not be text that a terminal's encoding can say.
    print(json.dumps(document, indent=2, allow_nan=False))


def _course(root: Path | None) -> Course | None:
    from autograder.course import Course

    return None if root is None else Course(root)


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on standard error while the work goes on, and afterwards nothing; without a terminal, nothing at all."""
    if not sys.stderr.isatty():
        yield lambda doing, done, total: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda doing, done, total: bar.update(
            task, description=tables.printable(doing), completed=done, total=total
        )
