"""Every pattern of test cell gives the same verdict in a kernel and over the wire, or release refuses it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.wire import names

from .patterns import CLASSES, Pattern, load
from .patterns.bench import Bench

PATTERNS = load()
RUN = [p for p in PATTERNS if not p.refused]
REFUSED = [p for p in PATTERNS if p.refused]
GUIDE = Path(__file__).parents[3] / "docs" / "test-patterns.md"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


@pytest.mark.parametrize("pattern", RUN, ids=str)
def test_kernel_and_wire_agree(bench: Bench, pattern: Pattern) -> None:
    learnt = bench.learn(pattern)
    assert learnt["status"] == "passed", learnt["message"]
    for version in pattern.versions:
        plain = bench.plain(pattern, version)
        wire = bench.judge(pattern, version, learnt)
        assert (plain["status"] == "passed", plain["score"]) == (wire["status"] == "passed", wire["score"]), (
            f"{version.kind}: {version.source}\nkernel: {plain}\nwire: {wire}"
        )
        full = plain["status"] == "passed" and plain["score"] == 1
        assert full == (version.kind != "wrong"), f"the kernel says of a {version.kind} version: {plain}"


@pytest.mark.parametrize("pattern", RUN, ids=str)
def test_release_accepts_what_agrees(pattern: Pattern) -> None:
    assert names.lint(pattern.cells(pattern.right)) == []


@pytest.mark.parametrize("pattern", REFUSED, ids=str)
def test_release_refuses_the_rest_with_advice(pattern: Pattern) -> None:
    refusals = names.lint(pattern.cells(pattern.right))
    assert refusals, "release accepts it"
    assert any(pattern.refused in f"{r.what} {r.instead}" for r in refusals), refusals
    for refusal in refusals:
        cell = next(c for c in pattern.cells(pattern.right) if c["grade_id"] == refusal.grade_id)
        assert 1 <= refusal.line <= len(cell["source"].splitlines())
        assert refusal.what and refusal.instead


def test_the_table_is_large_and_its_names_are_unique() -> None:
    assert len(RUN) >= 85
    assert len({p.name for p in PATTERNS}) == len(PATTERNS)
    assert {v.kind for p in PATTERNS for v in p.versions[:1]} == {"right"}
    assert all(any(v.kind == "wrong" for v in p.versions) for p in PATTERNS)


def test_the_guide_counts_and_names_them() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    counts = {row[1]: int(row[2]) for row in re.finditer(r"^\| \[(\w+)\]\(\S+\) \| (\d+) \|", guide, re.MULTILINE)}
    assert counts == Counter(p.group for p in RUN)
    assert list(counts) == list(CLASSES)
    refused = re.findall(r"^\| `([\w-]+)` \|", guide, re.MULTILINE)
    assert sorted(refused) == sorted(p.name for p in REFUSED)
