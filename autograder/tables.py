"""How the documents of the commands look to a person: rich tables on standard output, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from autograder.demo import Outcome

Document = dict[str, Any]


def printable(value: object) -> str:
    """Text that a terminal may be given: a file's name or an error may carry control sequences or broken UTF-8."""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def verify(document: Document) -> None:
    for assignment in document["assignments"]:
        _line(
            f"{assignment['name']}: the solution gets {_points(assignment, 'solution_score')}, "
            f"the untouched stub {_points(assignment, 'stub_score')}"
        )
        _table(
            ["exercise", "points", "wrong failed", "named", "right passed", "liars stopped"],
            [
                [
                    e["name"] + (" *" if e["starred"] else ""),
                    f"{e['points']:g}",
                    f"{e['killed']}/{e['misconceptions']}",
                    f"{e['named']}/{e['misconceptions']}",
                    f"{e['accepted']}/{e['alternatives']}",
                    f"{e['stopped']}/{e['saboteurs']}",
                ]
                for e in assignment["exercises"]
            ],
        )
        for exercise in assignment["exercises"]:
            _lines(f"{exercise['name']}: {problem}" for problem in exercise["problems"])
        _lines(f"leak in {leak['file']}: {leak['what']}" for leak in assignment["leaks"])
    _line("Everything holds." if document["ok"] else "Not ready for release.")


def release(document: Document) -> None:
    _files(document)
    for assignment in document["assignments"]:
        _lines(f"{assignment['name']}: {problem}" for problem in assignment["problems"])
        _line(f"{assignment['name']}: {'released' if assignment['ok'] else 'NOT released'}")


def fill(document: Document) -> None:
    _files(document)


def collect(document: Document) -> None:
    _table(
        ["student", "from", "handed in", "notes"],
        [[t["student"], t["from"], t["timestamp"] or "", "; ".join(t["notes"])] for t in document["taken"]],
    )
    _lines(f"refused: {r['from']}: {r['reason']}" for r in document["refused"])
    _line(f"{document['assignment']}: {len(document['taken'])} taken, {len(document['refused'])} refused")


def autograde(document: Document) -> None:
    submissions = document["submissions"]
    _table(
        ["student", "score", "status", "what to know"],
        [[s["student"], _points(s, "score"), s["status"], _what_to_know(s)] for s in submissions],
    )
    counts = {status: sum(s["status"] == status for s in submissions) for status in ("needs_person", "ungradable")}
    _line(
        f"{document['assignment']}: {len(submissions)} submissions, {counts['needs_person']} for a person to look at, "
        f"{counts['ungradable']} ungradable"
    )


def feedback(document: Document) -> None:
    _files(document)
    _lines(f"skipped: {s['student']}: {s['reason']}" for s in document["skipped"])


def report(document: Document) -> None:
    _files(document)


def demo(outcome: Outcome) -> None:
    _table(
        ["kind of submission", "handed in", "expected", "as expected"],
        [[kind.name, str(kind.submissions), kind.expected, str(kind.as_expected)] for kind in outcome.kinds],
    )
    _line("")
    _table(["stage", "seconds"], [[stage, f"{seconds:.1f}"] for stage, seconds in outcome.stages.items()])
    _line("")
    _lines(f"surprise: {surprise}" for surprise in outcome.surprises)
    graded = sum(kind.submissions for kind in outcome.kinds)
    _line(f"{graded} submissions by {outcome.students} students, {len(outcome.surprises)} surprises")
    _line(f"graded {graded / outcome.stages['autograde']:.1f} submissions a second; {outcome.seconds:.0f} s in all")
    _lines(f"report: {path}" for path in outcome.reports)


def _what_to_know(submission: Document) -> str:
    if submission["reason"]:
        return submission["reason"]
    named = [f"{t['name']}: {t['misconception']}" for t in submission["tests"] if t["misconception"]]
    return "; ".join([*dict.fromkeys(named), *submission["notes"]])


def _points(document: Document, key: str) -> str:
    return f"{document[key]:g}/{document['max_score']:g}"


def _files(document: Document) -> None:
    _lines(document["files"])


def _table(headers: list[str], rows: Iterable[list[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if table.row_count:
        Console().print(table)


def _lines(lines: Iterable[object]) -> None:
    for line in lines:
        _line(line)


def _line(line: object) -> None:
    # Not wrapped: a path or a command must stay in one piece, to be copied.
    Console(soft_wrap=True).print(Text(printable(line)))
