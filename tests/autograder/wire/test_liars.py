"""The universal liars: noticed when they lie, passed by weak tests, stopped by strong ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.inside.liars import KINDS

from .patterns import NUMPY, Pattern, Version, load
from .patterns.bench import Bench, Verdict

STRONG = [
    "einsum-oracle",
    "empty-single-and-odd-shapes",
    "partial-of-a-students-function",
    "eq-hash-order-bool",
    "layer-gradient-check",
    "training-and-evaluation-state",
    "family-of-optimisers",
    "unittest-with-subtests",
]
PATTERNS = {p.name: p for p in load() if p.name in STRONG}

SCALE = """
def scale(x):
    return x / np.abs(x).max()
"""
DOUBLE = """
def double(x):
    return 2 * x
"""
ROOT = """
def root(x):
    if x < 0:
        raise ValueError("negative")
    return float(np.sqrt(x))
"""
POINT = """
class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other.x
"""
WEAK_AND_STRONG = [
    ("zeros", SCALE, "assert scale(np.ones(2)).shape == (2,)", "assert scale(np.ones(2)).tolist() == [1, 1]"),
    ("nan", SCALE, "assert not (scale(np.ones(2)) > 1).any()", "assert (scale(np.ones(2)) <= 1).all()"),
    (
        "empty arrays",
        DOUBLE,
        "for n in (0, 2): assert (double(np.ones(n)) == 2).all()",
        "assert (double(np.ones(2)) == 2).all()",
    ),
    ("extra axis", SCALE, "assert (scale(np.ones(2)) == 1).all()", "assert scale(np.ones(2)).shape == (2,)"),
    ("object equal to all", ROOT, "y = root(4)", "assert root(4) == 2"),
    ("zeroes its inputs", SCALE, "x = np.ones(2)\nscale(x)", "x = np.ones(2)\nscale(x)\nassert x.tolist() == [1, 1]"),
    (
        "zeroes its earlier results",
        DOUBLE,
        "x = double(np.ones(2))\ny = double(x)\nassert (y == 2 * x).all()",
        "x = double(np.ones(2))\nkeep = x.copy()\ny = double(x)\nassert (y == 2 * keep).all()",
    ),
    ("raises ValueError", ROOT, "try:\n    root(-1)\nexcept ValueError:\n    pass", "assert root(4) == 2"),
    ("raises StopIteration", ROOT, "try:\n    root(-1)\nexcept Exception:\n    pass", "assert root(4) == 2"),
    ("always true", POINT, "assert (Point(1) == Point(2)) in (True, False)", "assert not Point(1) == Point(2)"),
    ("same as the first time", ROOT, "assert root(4) <= root(9)", "assert root(4) < root(9)"),
    ("returns None", ROOT, "y = root(4)", "assert root(4) is not None"),
    ("returns its argument", SCALE, "assert scale(np.arange(3)).size == 3", "assert scale(np.arange(3)).max() == 1"),
]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def verdicts(bench: Bench) -> dict[tuple[str, str], Verdict]:
    """Every liar against every strong test."""
    out = {}
    for name, pattern in PATTERNS.items():
        learnt = bench.learn(pattern)
        for kind in KINDS:
            out[name, kind] = bench.judge(pattern, pattern.right, learnt, liar=kind)
    return out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STRONG)
def test_a_strong_test_stops_whoever_lies(verdicts: dict[tuple[str, str], Verdict], name: str, kind: str) -> None:
    verdict = verdicts[name, kind]
    assert verdict["status"] == ("failed" if verdict["lied"] else "passed"), verdict


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_finds_something_to_lie_about(verdicts: dict[tuple[str, str], Verdict], kind: str) -> None:
    assert any(verdicts[name, kind]["lied"] for name in STRONG)


def test_the_honest_are_not_said_to_lie(bench: Bench) -> None:
    pattern = PATTERNS["einsum-oracle"]
    verdict = bench.judge(pattern, pattern.right, bench.learn(pattern))
    assert verdict["status"] == "passed" and not verdict["lied"]


@pytest.mark.parametrize(("kind", "right", "weak", "strong"), WEAK_AND_STRONG, ids=[row[0] for row in WEAK_AND_STRONG])
def test_a_weak_test_passes_a_liar(bench: Bench, kind: str, right: str, weak: str, strong: str) -> None:
    for test, status in [(weak, "passed"), (strong, "failed")]:
        pattern = Pattern("liars", kind, "", above=[NUMPY], versions=[Version("right", right)], test=test)
        verdict = bench.judge(pattern, pattern.right, bench.learn(pattern), liar=kind)
        assert (verdict["lied"], verdict["status"]) == (True, status), f"{test}: {verdict}"


def test_every_kind_is_in_the_table() -> None:
    assert [row[0] for row in WEAK_AND_STRONG] == list(KINDS)


def test_zeroed_inputs_do_not_help(bench: Bench) -> None:
    """An expected value computed after the call passes for who zeroes the inputs: in a kernel, but not when graded."""
    right, zeroing = "def double(x):\n    return 2 * x", "def double(x):\n    x[:] = 0\n    return 2 * x"
    test = "x = np.arange(3.0)\ny = double(x)\nassert np.allclose(y, 2 * x)"
    pattern = Pattern(
        "liars", "zeroing", "", above=[NUMPY], versions=[Version("right", right), Version("wrong", zeroing)], test=test
    )
    learnt = bench.learn(pattern)
    assert bench.plain(pattern, pattern.versions[1])["status"] == "passed"
    assert bench.judge(pattern, pattern.versions[1], learnt)["status"] == "failed"
    assert bench.judge(pattern, pattern.right, learnt)["status"] == "passed"
