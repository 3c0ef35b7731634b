"""The command: which function it calls with what, what it prints where, and with which status it leaves.

The functions behind the verbs are replaced by ones that answer with the examples of docs/schemas.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder import cli, tables
from autograder.errors import CourseError

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"

Run = Callable[..., tuple[int, str, str]]


def example(name: str, **changes: Any) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.example.json").read_text(encoding="utf-8")) | changes


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command as a shell would: (exit status, standard output, standard error)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code or 0, *capsys.readouterr()  # type: ignore[return-value]

    return run


class Stub:
    """Stands in for the function behind a verb: keeps what it is called with, answers or raises."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer, self.args, self.kwargs = answer, (), {}

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        print("a library's chatter")
        self.args, self.kwargs = args, {key: value for key, value in kwargs.items() if key != "progress"}
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


AUTOGRADE_DEFAULTS = {
    "course": None, "students": (), "workers": None, "isolation": "namespaces", "force": False, "dry_run": False,
}  # fmt: skip

CALLS = [
    # arguments, function, positional arguments, keyword arguments
    ("verify", "verify.verify", ((),), {}),
    ("verify 00-tour 06-optimizers", "verify.verify", (["00-tour", "06-optimizers"],), {}),
    ("release", "release.release", ((),), {"to": None, "course": None}),
    ("release 00-tour --to h.zip", "release.release", (["00-tour"],), {"to": Path("h.zip"), "course": None}),
    ("fill 00-tour --with a.json --to d", "fill.fill", ("00-tour", Path("a.json"), Path("d"), "student"), {}),
    (
        "fill 00-tour --with a.json --to d --student ann",
        "fill.fill", ("00-tour", Path("a.json"), Path("d"), "ann"), {},
    ),
    ("collect 00-tour a b.zip", "collect.collect", ("00-tour", [Path("a"), Path("b.zip")]), {"course": None}),
    ("autograde 00-tour", "engine.autograde.autograde", ("00-tour",), AUTOGRADE_DEFAULTS),
    (
        "autograde 00-tour --course d --student a --student b --workers 3 --isolation process --force --dry-run",
        "engine.autograde.autograde", ("00-tour",),
        {
            "course": Path("d"), "students": ["a", "b"], "workers": 3, "isolation": "process", "force": True,
            "dry_run": True,
        },
    ),
    ("feedback 00-tour --student a", "feedback.feedback", ("00-tour",), {"course": None, "students": ["a"]}),
    ("report", "report.report", ((),), {"course": None}),
    ("report 00-tour", "report.report", (["00-tour"],), {"course": None}),
    ("demo --json", "demo.simulate", (60, None), {}),
    ("demo --students 7 --keep d --json", "demo.simulate", (7, Path("d")), {}),
]  # fmt: skip


class Simulated:
    """What `demo.simulate` gives back, as far as `--json` needs it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document


@pytest.mark.parametrize(("line", "function", "args", "kwargs"), CALLS, ids=[call[0] for call in CALLS])
def test_options_reach_the_function(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    document = example(line.split()[0])
    stub = Stub(Simulated(document) if function.startswith("demo") else document)  # type: ignore[arg-type]
    monkeypatch.setattr(f"autograder.{function}", stub)
    run(*line.split())
    assert (stub.args, stub.kwargs) == (args, kwargs)


VERBS = {
    "verify": "verify 06-optimizers",
    "release": "release 06-optimizers",
    "fill": "fill 06-optimizers --with a.json --to d",
    "collect": "collect 06-optimizers a",
    "autograde": "autograde 06-optimizers",
    "feedback": "feedback 06-optimizers",
    "report": "report 06-optimizers",
}
FUNCTIONS = {verb: f"autograder.{verb}.{verb}" for verb in VERBS} | {
    "autograde": "autograder.engine.autograde.autograde"
}


@pytest.mark.parametrize("verb", VERBS)
def test_json_is_all_of_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setattr(FUNCTIONS[verb], Stub(example(verb)))
    _, out, err = run(*VERBS[verb].split(), "--json")
    assert json.loads(out) == example(verb)
    assert err == "a library's chatter\n"


@pytest.mark.parametrize("verb", VERBS)
def test_people_get_text_that_fits_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(FUNCTIONS[verb], Stub(example(verb)))
    _, out, _ = run(*VERBS[verb].split())
    assert out.strip()
    assert not out.lstrip().startswith("{")
    assert all(len(line) <= 80 for line in out.splitlines() if "/" not in line)  # a path stays in one piece


@pytest.mark.parametrize(
    ("verb", "changes", "status"),
    [
        ("verify", {"ok": True}, 0),
        ("verify", {"ok": False}, 1),
        ("collect", {"refused": []}, 0),
        ("collect", {}, 1),
        ("autograde", {"submissions": []}, 0),
        ("autograde", {}, 1),
        ("autograde", {"submissions": [example("autograde")["submissions"][0] | {"status": "needs_person"}]}, 0),
        ("feedback", {"skipped": []}, 0),
        ("feedback", {}, 1),
        ("report", {}, 0),
        ("release", {"ok": True}, 0),
        ("release", {}, 1),
    ],
)
@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
def test_the_status_says_whether_something_falls_short(
    run: Run, monkeypatch: pytest.MonkeyPatch, verb: str, changes: dict[str, Any], status: int, as_json: tuple[str, ...]
) -> None:
    monkeypatch.setattr(FUNCTIONS[verb], Stub(example(verb, **changes)))
    assert run(*VERBS[verb].split(), *as_json)[0] == status


ERRORS = [
    (CourseError("There is no course in /x. Give another one."), "There is no course in /x. Give another one."),
    (FileNotFoundError(2, "No such file or directory", "answers.json"), "answers.json"),
    (ZeroDivisionError("division by zero"), "please report it: ZeroDivisionError: division by zero"),
]


@pytest.mark.parametrize(("error", "message"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
def test_what_cannot_be_done_has_status_2(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str, as_json: tuple[str, ...]
) -> None:
    monkeypatch.setattr("autograder.report.report", Stub(error))
    status, out, err = run("report", *as_json)
    assert status == 2
    assert message in err
    assert ("Traceback" in err) == isinstance(error, ZeroDivisionError)
    if as_json:
        document = json.loads(out)
        assert document.keys() == {"schema_version", "error"} and message in document["error"]
    else:
        assert out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing command"),
        (("grade",), "grade"),
        (("autograde",), "Missing argument"),
        (("autograde", "x", "--speed", "9"), "--speed"),
        (("autograde", "x", "--workers", "0"), "--workers"),
        (("autograde", "x", "--workers", "many"), "--workers"),
        (("fill", "x", "--to", "d"), "--with"),
    ],
)
def test_wrong_usage_has_status_2_and_points_to_help(run: Run, arguments: tuple[str, ...], message: str) -> None:
    status, out, err = run(*arguments, *(["--json"] if arguments else []))
    assert status == 2
    assert message in err and "--help" in err
    assert not arguments or message in json.loads(out)["error"]


def test_control_sequences_of_others_do_not_reach_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202eipynb.\udce9[red]"
    refused = [{"from": hostile, "reason": "not a notebook"}]
    monkeypatch.setattr("autograder.collect.collect", Stub(example("collect", refused=refused)))
    _, out, _ = run("collect", "x", "a")
    assert not {"\x1b", "\x07", "\u202e", "\udce9"} & set(out)
    assert "[red]" in out
    _, out, _ = run("collect", "x", "a", "--json")
    assert json.loads(out)["refused"] == refused and out.isascii()


@pytest.mark.parametrize(("text", "shown"), [("a\tb", "a\\tb"), ("é ∑", "é ∑"), ("two\nlines", "two\nlines")])
def test_printable(text: str, shown: str) -> None:
    assert tables.printable(text) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(names: Any, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
        progress("liars against adam", 3, 9)
        return example("verify")

    monkeypatch.setattr("autograder.verify.verify", verify)
    _, _, err = run("verify", "--json")
    assert err == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    _, out, _ = run("verify", "--json")
    assert json.loads(out) == example("verify")
    assert "liars against adam" in terminal.getvalue()


def test_an_interrupt_has_the_status_that_shells_expect(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.report.report", interrupted)
    assert run("report")[0] == 130


def test_help_is_quick_because_heavy_modules_are_not_imported() -> None:
    check = "import sys, autograder.cli; print(*{'numpy', 'nbgrader', 'nbformat', 'jupytext'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_python_m_autograder_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "autograder", "--help"], capture_output=True, text=True, check=True)
    assert all(verb in done.stdout for verb in [*VERBS, "demo"])
