"""Assertions that say in one line what is wrong with a result; the visible tests of the notebooks use them.

Each raises CheckFailed, an AssertionError whose message is for the person who wrote the code under test. A notebook
shows it as two lines, the line of the test and the message, and not as a traceback through this library.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["CheckFailed", "close", "pair", "parts", "progress", "unchanged"]

RTOL = 1e-5


class CheckFailed(AssertionError):
    """A result is not what a visible test expects."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints: the last line outside this library, and the message."""
        frames = [f for f in traceback.extract_tb(self.__traceback__) if f.filename != __file__]
        place = [f"line {frames[-1].lineno}:  {frames[-1].line}", ""] if frames else []
        return [*place, f"AssertionError: {self}"]


def close(actual: Any, expected: ArrayLike, what: str = "the result", rtol: float = RTOL, atol: float = 1e-8) -> None:
    """Assert that `actual` has the shape of `expected` and agrees with it elementwise.

    Two numbers agree when `|actual - expected| <= atol + rtol * |expected|`, as in `numpy.allclose`; unlike there,
    shapes must be equal and nothing is broadcast. A NaN agrees with a NaN only.

    Args:
        actual: what the code under test returned; a number or an array of any shape.
        expected: a number or an array.
        what: names `actual` in the message.
        rtol: relative tolerance; one other than the default is part of the message.
        atol: absolute tolerance, in the unit of the numbers.

    Raises:
        CheckFailed: the message names the first thing that differs: the type, the shape, or the worst entry.

    >>> close(np.array([1.0, 2.0]), [1.0, 2.0])
    >>> close(np.array([1.0, 2.5]), [1.0, 2.0], "theta")
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: theta: 1 of 2 entries differ; the worst, at [1], is 2.5 and should be 2
    >>> close(None, 1.0, "cosine_lr(0, 10, 1.0)")
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: cosine_lr(0, 10, 1.0) is None; does the function end with a return statement?
    """
    got, want = _numbers(actual, what), np.asarray(expected)
    if got.shape != want.shape:
        raise CheckFailed(f"{what} has shape {got.shape}; expected {want.shape}")
    wrong = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return
    within = "" if rtol == RTOL else f", to within {100 * rtol:g} %"
    if got.ndim == 0:
        raise CheckFailed(f"{what} is {_short(got)} and should be {_short(want)}{within}")
    with np.errstate(invalid="ignore"):
        distance = np.where(wrong, np.abs(got - want), -1.0)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(distance), np.inf, distance)), got.shape)
    place = ", ".join(map(str, worst))
    raise CheckFailed(
        f"{what}: {np.count_nonzero(wrong)} of {got.size} entries differ; the worst, at [{place}], "
        f"is {_short(got[worst])} and should be {_short(want[worst])}{within}"
    )


def pair(actual: Any, what: str) -> tuple[Any, Any]:
    """The two things that a function returned, or a message that says what it returned in place of two.

    Args:
        actual: what the code under test returned; a tuple or a list of two.
        what: names it in the message: "estimate_mean(...)".

    Raises:
        CheckFailed: it is one thing, or another number of things.

    >>> pair((1.5, 0.1), "estimate_mean(...)")
    (1.5, 0.1)
    >>> pair(1.5, "estimate_mean(...)")
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: estimate_mean(...) returns one number; expected two results, return a, b
    """
    if isinstance(actual, tuple | list) and len(actual) == 2:
        return actual[0], actual[1]
    if isinstance(actual, tuple | list):
        returned = f"{len(actual)} results"
    else:
        array = _numbers(actual, what)
        returned = f"one array of shape {array.shape}" if array.ndim else "one number"
    raise CheckFailed(f"{what} returns {returned}; expected two results, return a, b")


def parts(actual: Any, what: str) -> list[Any]:
    """The things in the list that a function returned, or a message that says what it returned in place of a list.

    Args:
        actual: what the code under test returned; a list, a tuple or an array.
        what: names it in the message: "epoch_batches(...)".

    Raises:
        CheckFailed: it is none of these, a generator for example.

    >>> parts((1, 2), "batches(...)")
    [1, 2]
    >>> parts(iter([1, 2]), "batches(...)")
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: batches(...) is a list_iterator; expected a list
    >>> parts(None, "batches(...)")
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: batches(...) is None; does the function end with a return statement?
    """
    if actual is None:
        raise CheckFailed(f"{what} is None; does the function end with a return statement?")
    is_array = isinstance(actual, np.ndarray) and actual.ndim > 0
    if not is_array and not isinstance(actual, list | tuple):
        raise CheckFailed(f"{what} is {_a(actual)}; expected a list")
    return list(actual)


def unchanged(actual: Any, before: ArrayLike, what: str) -> None:
    """Assert that an array that was passed to the code under test still holds what it held before.

    Args:
        actual: the array that was passed.
        before: a copy of it, made before the call; the same shape.
        what: names the array in the message.

    Raises:
        CheckFailed: an entry or the shape has changed.

    >>> x = np.ones(3)
    >>> x += 1
    >>> unchanged(x, np.ones(3), "x")
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: x was changed by the call; compute a new array (x + y) in place of x += y
    """
    if not np.array_equal(_numbers(actual, what), before, equal_nan=True):
        raise CheckFailed(f"{what} was changed by the call; compute a new array (x + y) in place of x += y")


def progress(exercises: dict[str, Callable[[], object]]) -> None:
    """Print how far each exercise is: to do, written, or stopping with an error.

    It tells what is still empty before you hand in. It does not tell whether an answer is right: tests do that.

    Args:
        exercises: a call without arguments for each exercise, by its name.

    >>> progress({"square": lambda: 3**2, "root": lambda: [][0]})
    square  written (see its test)
    root    raises IndexError
    """
    width = max(map(len, exercises), default=0)
    for name, call in exercises.items():
        print(f"{name:<{width}}  {_state(call)}")


def _state(call: Callable[[], object]) -> str:
    try:
        call()
    except NotImplementedError:
        return "to do"
    except AssertionError:  # the answer of an exercise that is itself a check
        pass
    except Exception as error:
        return f"raises {type(error).__name__}"
    return "written (see its test)"


def _numbers(value: Any, what: str) -> np.ndarray:
    """`value` as an array of numbers, or a CheckFailed that says what it is instead."""
    if value is None:
        raise CheckFailed(f"{what} is None; does the function end with a return statement?")
    try:
        array = np.asarray(value)
    except ValueError:
        raise CheckFailed(f"{what} mixes shapes: its parts do not form one array") from None
    if array.dtype.kind in "biufc":
        return array
    if isinstance(value, tuple | list):
        odd = next((part for part in value if np.asarray(part).dtype.kind not in "biufc"), value)
        raise CheckFailed(f"{what} holds {'...' if odd is ... else _a(odd)}; expected numbers")
    raise CheckFailed(f"{what} is {_a(value)}; expected numbers")


def _a(value: Any) -> str:
    """What something is, in words."""
    if value is ...:
        return "still ..."
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype}"
    if isinstance(stands_for := getattr(value, "_what", None), str):  # when graded: an object that stayed elsewhere
        return stands_for
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def _short(number: Any) -> str:
    """Six significant digits; more where six would hide what differs is the reader's to print."""
    return f"{np.asarray(number).item():.6g}"
