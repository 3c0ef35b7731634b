"""The command `chainrule`, also `python -m chainrule`.

chainrule check notebook.ipynb          before handing in; the exit status is 0 when it is ready
chainrule check notebook.ipynb --json   the same as one JSON document
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from chainrule import check
from chainrule.check import text


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    given = _parser().parse_args(arguments)
    _never_fail_to_print()
    if not given.json:
        print(f"Checking {given.notebook}; running all of its cells takes a while.\n", flush=True)
    try:
        document = check.check(Path(given.notebook), given.seconds, given.assignment)
    except KeyboardInterrupt:
        print("Stopped; nothing was checked.", file=sys.stderr)
        return check.EXIT_STATUS[check.UNCHECKED]
    print(json.dumps(document, indent=2) if given.json else text.render(document))
    return check.EXIT_STATUS[document["status"]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chainrule", description="The course's helper library.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser(
        "check",
        help="check a notebook before handing it in",
        description="Runs a copy of the notebook from top to bottom in a fresh kernel, and says what falls short. "
        "The file is not changed.",
        epilog="Exit status: 0 ready to hand in, 1 can be handed in but falls short, 2 could not be checked.",
    )
    command.add_argument("notebook", metavar="NOTEBOOK.ipynb")
    command.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    command.add_argument(
        "--seconds", type=_seconds, default=check.SECONDS, metavar="N", help="time limit of a cell (%(default)s)"
    )
    command.add_argument("--assignment", metavar="NAME", help="what it is handed in for, such as 06-optimizers")
    return parser


def _seconds(given: str) -> int:
    try:
        seconds = int(given)
    except ValueError:
        seconds = 0
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, and got {given!r}")
    return seconds


def _never_fail_to_print() -> None:
    """A console that lacks a character, as Windows' often does, gets a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
