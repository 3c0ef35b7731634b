"""The assertions of visible tests: what they accept, and what they say otherwise."""

from __future__ import annotations

import linecache
import re

import numpy as np
import pytest
from chainrule import checks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ACCEPTED = [
    ("a number", 0.1 + 0.2, 0.3),
    ("a numpy scalar", np.float32(0.5), 0.5),
    ("a 0-d array", np.array(2.0), 2),
    ("a list for an array", [1, 2], np.array([1.0, 2.0])),
    ("whole numbers", np.array([1, 2]), [1.0, 2.0]),
    ("float32", np.float32([0.1, 0.2]), [0.1, 0.2]),
    ("nothing at all, where nothing is expected", np.empty((0, 3)), np.empty((0, 3))),
    ("NaN where NaN is expected", [np.nan, 1.0], [np.nan, 1.0]),
    ("infinity where it is expected", np.inf, np.inf),
    ("complex numbers", 1j, 1j),
]


@pytest.mark.parametrize(("actual", "expected"), [c[1:] for c in ACCEPTED], ids=[c[0] for c in ACCEPTED])
def test_close_accepts(actual: object, expected: object) -> None:
    checks.close(actual, expected)


class Impostor:
    """Claims to be equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


REFUSED = [
    ("nothing returned", None, 1.0, "x is None; does the function end with a return statement?"),
    ("a place left open", ..., 1.0, "x is still ...; expected numbers"),
    ("a place left open in a pair", (..., 1.0), [1.0, 1.0], "x holds ...; expected numbers"),
    ("another number", 1.5, 1.0, "x is 1.5 and should be 1"),
    ("one entry of several", [1.0, 2.0, 4.0], [1.0, 2.0, 3.0], "1 of 3 entries differ; the worst, at [2], is 4 and"),
    ("the worst of several", [[9.0, 2.5]], [[1.0, 2.0]], "2 of 2 entries differ; the worst, at [0, 0], is 9 and"),
    ("NaN is the worst", [1e9, np.nan], [0.0, 0.0], "2 of 2 entries differ; the worst, at [1], is nan and should be 0"),
    ("NaN alone", np.nan, 0.0, "x is nan and should be 0"),
    ("infinity of the other sign", [-np.inf], [np.inf], "is -inf and should be inf"),
    ("an axis too many", np.ones((2, 1)), np.ones(2), "x has shape (2, 1); expected (2,)"),
    ("a number that would broadcast", 1.0, np.ones(3), "x has shape (); expected (3,)"),
    ("an empty array", np.empty((0, 1, 1)), np.ones(3), "x has shape (0, 1, 1); expected (3,)"),
    (
        "parts of several shapes",
        [np.ones(2), np.ones(3)],
        np.ones(5),
        "x mixes shapes: its parts do not form one array",
    ),
    ("a text", "3", 3.0, "x is a str; expected numbers"),
    ("an object", Impostor(), 1.0, "x is an Impostor; expected numbers"),
    ("an array of objects", np.array([Impostor()]), [1.0], "x is an array of dtype object; expected numbers"),
    ("a function", np.sqrt, 1.0, "x is a ufunc; expected numbers"),
]


@pytest.mark.parametrize(("actual", "expected", "message"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_close_says_what_differs(actual: object, expected: object, message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        checks.close(actual, expected, "x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = hnp.arrays(np.float64, SHAPES, elements=st.floats(-1e6, 1e6))


@given(ARRAYS, ARRAYS)
def test_close_agrees_with_allclose_where_shapes_agree(a: np.ndarray, b: np.ndarray) -> None:
    try:
        checks.close(a, b)
        accepted = True
    except AssertionError:
        accepted = False
    assert accepted == (a.shape == b.shape and np.allclose(a, b))


@given(ARRAYS, st.floats(1.1, 10))
def test_close_honours_the_tolerance(a: np.ndarray, factor: float) -> None:
    checks.close(a + 0.5, a, rtol=0, atol=0.6)
    if a.size:
        with pytest.raises(AssertionError):
            checks.close(a + 0.5, a, rtol=0, atol=0.5 / factor)


@pytest.mark.parametrize(
    ("rtol", "message"), [(1e-5, "x is 2 and should be 3"), (0.1, "x is 2 and should be 3, to within 10 %")]
)
def test_close_tells_a_tolerance_of_its_own(rtol: float, message: str) -> None:
    with pytest.raises(checks.CheckFailed) as caught:
        checks.close(2.0, 3.0, "x", rtol=rtol)
    assert str(caught.value) == message


@pytest.mark.parametrize("two", [(1.0, [2.0]), [1.0, [2.0]]])
def test_pair_gives_both(two: tuple | list) -> None:
    assert checks.pair(two, "x") == (1.0, [2.0])


NO_PAIR = [
    (0.25, "x returns one number; expected two results, return a, b"),
    (np.float64(0.25), "x returns one number; expected two results"),
    (np.ones(2), "x returns one array of shape (2,); expected two results"),
    ((1.0, 2.0, 3.0), "x returns 3 results; expected two results"),
    ([], "x returns 0 results; expected two results"),
    (None, "x is None; does the function end with a return statement?"),
    ("ab", "x is a str; expected numbers"),
]


@pytest.mark.parametrize(("returned", "message"), NO_PAIR)
def test_pair_says_what_was_returned_instead(returned: object, message: str) -> None:
    with pytest.raises(checks.CheckFailed) as caught:
        checks.pair(returned, "x")
    assert message in str(caught.value)


@pytest.mark.parametrize("several", [[1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0])])
def test_parts_gives_a_list(several: object) -> None:
    assert checks.parts(several, "x") == [1.0, 2.0]


class StandIn:
    """Like what stands for an object of another process, where a submission is graded."""

    def __init__(self, what: str) -> None:
        self._what = what


NO_LIST = [
    (None, "x is None; does the function end with a return statement?"),
    ((i for i in range(2)), "x is a generator; expected a list"),
    (zip([1], [2], strict=True), "x is a zip; expected a list"),
    (1.5, "x is a float; expected a list"),
    (np.array(1.5), "x is an array of dtype float64; expected a list"),
    (StandIn("a 'generator' object"), "x is a 'generator' object; expected a list"),
]


@pytest.mark.parametrize(("returned", "message"), NO_LIST)
def test_parts_says_what_was_returned_instead(returned: object, message: str) -> None:
    with pytest.raises(checks.CheckFailed, match=re.escape(message)):
        checks.parts(returned, "x")


def test_unchanged() -> None:
    x = np.array([1.0, np.nan])
    checks.unchanged(x, x.copy(), "x")
    for changed in (np.array([1.0, 2.0]), np.array([[1.0, np.nan]]), np.array([1.0])):
        with pytest.raises(AssertionError, match="x was changed by the call; compute a new array"):
            checks.unchanged(changed, x, "x")


@pytest.mark.parametrize(
    "call", ["checks.close(None, 1)", "checks.close(1, 2)", "checks.pair(1, 'x')", "checks.unchanged(1, 2, 'x')"]
)
def test_a_notebook_shows_the_line_of_the_test_and_the_message(call: str) -> None:
    linecache.cache["<cell>"] = (0, None, ["# a test\n", call + "\n"], "<cell>")
    with pytest.raises(checks.CheckFailed) as caught:
        exec(compile(f"# a test\n{call}", "<cell>", "exec"), {"checks": checks})
    shown = caught.value._render_traceback_()
    assert shown == [f"line 2:  {call}", "", f"AssertionError: {caught.value}"]


def test_a_failure_can_be_shown_before_it_was_raised() -> None:
    assert checks.CheckFailed("why")._render_traceback_() == ["AssertionError: why"]


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    def stub() -> None:
        raise NotImplementedError("Replace this line with your code.")

    def refuses() -> None:
        raise AssertionError("a check that does its work")

    checks.progress({"one": lambda: 1, "second": stub, "third": lambda: {}["x"], "check": refuses})
    assert capsys.readouterr().out.splitlines() == [
        "one     written (see its test)",
        "second  to do",
        "third   raises KeyError",
        "check   written (see its test)",
    ]
    checks.progress({})
    assert capsys.readouterr().out == ""
