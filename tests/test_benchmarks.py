"""The frame around the benchmarks: what it prints and with which status; nothing is measured here."""

from __future__ import annotations

import json
import sys
import types

import pytest

from benchmarks import Result, __main__

FAST = Result("typing", "keys a second", ratio=1.2, target=1.25, better="lower", against={"a peer": 2.4})
SLOW = Result("typing", "words a second", ratio=12.0, target=20.0, better="higher")


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """The results of the one group that there is; it keeps the size that it is asked for."""
    found: list[Result] = []
    module = types.ModuleType("benchmarks.typing")
    module.measure = lambda size: (setattr(module, "size", size), found)[1]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "benchmarks.typing", module)
    monkeypatch.setattr(__main__, "GROUPS", {"typing": "benchmarks.typing"})
    return found


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    return __main__.main()


@pytest.mark.parametrize(("found", "status"), [([FAST], 0), ([FAST, SLOW], 1)])
def test_the_status_says_whether_every_target_is_reached(
    results: list[Result], monkeypatch: pytest.MonkeyPatch, found: list[Result], status: int
) -> None:
    results += found
    assert run(monkeypatch) == status


def test_json_has_the_fields_that_scripts_rely_on(
    results: list[Result], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results.append(FAST)
    run(monkeypatch, "typing", "--json", "--size", "3")
    assert json.loads(capsys.readouterr().out) == [
        {
            "group": "typing", "name": "keys a second", "ratio": 1.2, "target": 1.25, "better": "lower",
            "against": {"a peer": 2.4},
        }
    ]  # fmt: skip
    assert sys.modules["benchmarks.typing"].size == 3


def test_text_names_ratio_target_and_peers(
    results: list[Result], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results += [FAST, SLOW]
    run(monkeypatch)
    assert capsys.readouterr().out.splitlines() == [
        "typing: keys a second: 1.2, a peer 2.4 (target at most 1.25: yes)",
        "typing: words a second: 12 (target at least 20: NO)",
    ]


def test_an_unknown_group_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "typping")
    assert "autograding" in capsys.readouterr().err


def test_shares_are_told_where_there_are_some(
    results: list[Result], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results.append(Result("typing", "keys a second", 1.2, 1.25, "lower", shares={"thinking": 0.75, "fingers": 0.25}))
    run(monkeypatch)
    assert capsys.readouterr().out.splitlines()[1:] == ["     75.0% thinking", "     25.0% fingers"]
    run(monkeypatch, "--json")
    assert json.loads(capsys.readouterr().out)[0]["shares"] == {"thinking": 0.75, "fingers": 0.25}
