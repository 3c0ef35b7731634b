"""The figures: what they draw and say, that nobody is left out, and that no student's code stops them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from chainrule import plots
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

PATH = np.array([[-8.0, 4.0], [-4.0, -0.5], [-2.0, 0.2], [-0.01, 0.0]])
CURVE = np.array([1.0, 0.8, 0.3, 0.0])
STEPS = np.array([0, 10, 20, 30])
SIZES = np.array([1, 4, 16])
BARS = np.array([[2.0, 0.2], [0.5, 0.05], [0.3, 0.01]])
BOUND = np.array([8.0, 4.0, 2.0, 1.0])
CASES = {"well conditioned": ((0.5, 1.0), 0.4), "diverging": ((0.05, 1.0), 1.1), "slow": ((0.01, 1.0), 0.4)}


def not_written() -> np.ndarray:
    raise NotImplementedError("Replace this line with your code.")


def descent(a: np.ndarray, lr: float) -> list[np.ndarray]:
    path = [np.array([-8.0, 4.0])]
    for _ in range(20):
        path.append(path[-1] - lr * 2 * a * path[-1])
    return path


def bowl(x: np.ndarray) -> float:
    return 0.05 * x[0] ** 2 + x[1] ** 2


# Each draws one attempt, in a figure that has an expected curve for it.


def quadratic(yours: plots.Attempt, plain: np.ndarray | None = None) -> plots.Picture:
    return plots.paths_on_quadratic([0.05, 1.0], PATH, yours, plain, name="Heavy ball")


def curve(yours: plots.Attempt) -> plots.Picture:
    return plots.curve_beside(STEPS, CURVE, yours, name="Cosine schedule", xlabel="step", ylabel="learning rate")


def bars(yours: plots.Attempt) -> plots.Picture:
    return plots.estimates([10, 100, 1000], yours, truth=0.5)


def variance(yours: plots.Attempt) -> plots.Picture:
    return plots.variance_by_batch_size(SIZES, yours, single=2.0)


def contours(yours: plots.Attempt) -> plots.Picture:
    return plots.paths_on_contours(bowl, {"Adam": yours}, PATH[0], (0, 0), expected={"Adam": PATH})


def objective(yours: plots.Attempt) -> plots.Picture:
    return plots.objective_by_step({"Adam": yours}, expected={"Adam": BOUND})


def rates(yours: plots.Attempt) -> plots.Picture:
    return plots.schedules(STEPS, {"cosine": yours}, name="Schedules", expected={"cosine": CURVE})


def bound(yours: plots.Attempt) -> plots.Picture:
    return plots.under_bound(STEPS + 1, BOUND, {"SGD": yours}, name="SGD")


def regimes(yours: plots.Attempt) -> plots.Row:
    return plots.regimes({"slow": ((0.01, 1.0), 0.4)}, lambda a, lr: yours() if callable(yours) else yours, steps=3)


SLOW = np.array([-8.0, 4.0]) * np.array([0.992, 0.2]) ** np.arange(4)[:, None]  # the closed form, for lr 0.4
ONE = [  # the figure, an attempt that is right, the number of figures that it makes
    (quadratic, PATH),
    (curve, CURVE),
    (bars, np.array([[0.5, 0.1]] * 3)),
    (variance, BARS),
    (contours, PATH),
    (objective, BOUND),
    (rates, CURVE),
    (bound, BOUND / 2),
    (regimes, SLOW),
]
Draw = Callable[..., plots.Picture | plots.Row]


def all_pictures(drawn: plots.Picture | plots.Row) -> tuple[plots.Picture, ...]:
    return drawn.pictures if isinstance(drawn, plots.Row) else (drawn,)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn from here on."""
    drawn: list[Figure] = []
    monkeypatch.setattr(plots, "Figure", lambda **settings: drawn.append(Figure(**settings)) or drawn[-1])
    return drawn


@pytest.fixture
def unsaved(figures: list[Figure], monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The same, without the time that it takes to write them as documents."""
    monkeypatch.setattr(Figure, "savefig", lambda *args, **settings: None)
    return figures


def title(figure: Figure) -> str:
    """Without the breaks between its lines."""
    return figure.get_suptitle().replace("\n", " ")


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def line(axes: Axes, label: str) -> Line2D:
    return next(line for line in axes.lines if str(line.get_label()).partition(":")[0] == label)


# ---- messages

TITLES: list[tuple[Draw, plots.Attempt, str]] = [
    (quadratic, None, "Heavy ball: yours appears here"),
    (quadratic, not_written, "Heavy ball: yours appears here"),
    (quadratic, PATH + 0.01, "Heavy ball: yours is as expected"),
    (quadratic, lambda: PATH.tolist(), "Heavy ball: yours is as expected"),
    (quadratic, PATH * [[1, 1], [1, 1], [1, -1], [1, 1]], "Heavy ball: yours departs at step 2"),
    (quadratic, PATH * np.array([[1], [np.nan], [1], [1]]), "Heavy ball: yours departs at step 1"),
    (quadratic, PATH * 10.0 ** np.arange(0, 400, 100)[:, None], "Heavy ball: yours departs at step 1"),
    (quadratic, np.array([PATH[0], *[[-np.inf, np.inf]] * 3]), "Heavy ball: yours departs at step 1"),
    (curve, not_written, "Cosine schedule: yours appears here"),
    (curve, CURVE, "Cosine schedule: yours is as expected"),
    (curve, CURVE[::-1], "Cosine schedule: yours departs at step 0"),
    (curve, [1.0, 0.8, 0.3, 0.5], "Cosine schedule: yours departs at step 30"),
    (bars, not_written, "Estimates: yours appear here"),
    (bars, [(0.45, 0.03), (0.52, 0.02), (0.6, 0.01)], "Estimates: 2 of 3 bars reach the truth"),
    (variance, not_written, "Variance: yours appear here"),
    (variance, BARS, "Variance: 2 of 3 bars reach 1/B"),
    (contours, not_written, "Adam appears here"),
    (contours, PATH, "Adam arrives, after 3 steps"),
    (contours, PATH * [[1, 1], [1, 2], [1, 1], [1, 1]], "Adam departs at step 1"),
    (objective, BOUND, "Adam ends at 1"),
    (objective, BOUND / 2, "Adam departs at step 0"),
    (rates, CURVE, "Schedules: yours are as expected"),
    (rates, CURVE[::-1], "Schedules: cosine departs at step 0"),
    (bound, not_written, "SGD: yours appear here"),
    (bound, BOUND / 2, "SGD: stays under the bound"),
    (bound, [4, 2, 3, 0.5], "SGD: SGD is not under the bound at step 21"),
    (bound, [4, 2, np.nan, 0.5], "SGD: SGD is not under the bound at step 21"),
    (regimes, SLOW, "Gradient descent: yours is as expected"),
    (regimes, SLOW * 0.9, "Gradient descent: yours departs at step 0"),
]


@pytest.mark.parametrize(("draw", "yours", "expected"), TITLES)
def test_the_title_carries_the_message(draw: Draw, yours: plots.Attempt, expected: str, unsaved: list[Figure]) -> None:
    drawn = draw(yours)
    assert (drawn.title if isinstance(drawn, plots.Row) else title(unsaved[0])) == expected
    message = expected.rpartition(": ")[2]
    assert message.lower() in repr(drawn).lower(), "the alternative text has the message as well"


RACES: list[tuple[dict[str, plots.Attempt], str, list[str]]] = [
    ({"A": PATH, "B": PATH[:2]}, "A arrives first, after 3 steps", ["A: 3", "B: > 1"]),
    ({"A": PATH, "B": PATH[[0, 3]]}, "B arrives first, after 1 step", ["A: 3", "B: 1"]),
    ({"A": PATH, "B": PATH}, "A and B arrive first, after 3 steps", ["A: 3", "B: 3"]),
    ({"A": PATH[:2], "B": PATH[:2]}, "None arrives", ["A: > 1", "B: > 1"]),
    ({"A": PATH[::-1]}, "A does not arrive", ["A: never"]),
    ({"A": PATH[[0, 3, 2]], "B": PATH}, "B arrives first, after 3 steps", ["A: > 2", "B: 3"]),  # A only passes by
    ({"A": PATH[[0, 3, 2, 3, 3]]}, "A arrives, after 3 steps", ["A: 3"]),
    ({"A": not_written, "B": PATH}, "B arrives, after 3 steps", ["A: not yet", "B: 3"]),
    ({"A": None, "B": PATH}, "B arrives, after 3 steps", ["B: 3"]),
    ({"A": lambda: 1 / 0, "B": PATH}, "B arrives, after 3 steps", ["A: error", "B: 3"]),
    ({"A": PATH * [[1, 1], [1, 1], [np.inf, 1], [np.nan, 1]]}, "A does not arrive", ["A: never"]),
    ({"A": None}, "Yours appear here", []),
]


@pytest.mark.parametrize(("methods", "expected", "entries"), RACES)
@pytest.mark.parametrize("window", [None, ((-10.0, 10.0), (-6.0, 6.0))])
def test_a_race_says_who_arrives_first(
    methods: dict[str, plots.Attempt],
    expected: str,
    entries: list[str],
    window: tuple[plots.Range, plots.Range] | None,
    unsaved: list[Figure],
) -> None:
    plots.paths_on_contours(bowl, methods, PATH[0], (0, 0), window=window)
    assert title(unsaved[0]) == expected
    assert legend(unsaved[0]) == [*entries, "start", "minimum"]


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ({"A": [9.0, 1.0], "B": [9.0, 0.5]}, "B ends lowest, at 0.5"),
        ({"A": [9.0, np.inf], "B": [9.0, 0.5]}, "B ends lowest, at 0.5"),
        ({"A": [9.0, np.nan]}, "None ends at a finite value"),
        ({"A": [9.0, 0.0], "B": [9.0, 1e-300]}, "A ends lowest, at 0"),
        ({"A": not_written}, "Yours appear here"),
    ],
)
def test_the_lowest_objective_is_named(methods: dict[str, plots.Attempt], expected: str, unsaved: list[Figure]) -> None:
    plots.objective_by_step(methods)
    assert title(unsaved[0]) == expected


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"a": BOUND, "b": BOUND / 2}, "both stay under the bound"),
        ({"a": BOUND, "b": BOUND / 2, "c": BOUND / 3}, "all 3 stay under the bound"),
        ({"a": BOUND, "b": not_written}, "1 of 2 stays under the bound"),
        ({"a": BOUND, "b": None}, "stays under the bound"),
        ({"a": BOUND, "b": BOUND * [1, 1, 1, 1.01]}, "b is not under the bound at step 31"),
    ],
)
def test_curves_under_a_bound_are_counted(
    measured: dict[str, plots.Attempt], expected: str, unsaved: list[Figure]
) -> None:
    plots.under_bound(STEPS + 1, BOUND, measured, name="SGD")
    assert title(unsaved[0]) == f"SGD: {expected}"


@pytest.mark.parametrize(
    ("yours", "expected"), [(0.2001, "yours are as expected"), (0.21, "constant departs at step 0")]
)
def test_a_constant_agrees_up_to_rounding(yours: float, expected: str, unsaved: list[Figure]) -> None:
    plots.schedules(STEPS, {"constant": np.full(4, yours)}, name="Rates", expected={"constant": np.full(4, 0.2)})
    assert title(unsaved[0]) == f"Rates: {expected}"


def test_each_regime_says_what_becomes_of_the_method(unsaved: list[Figure]) -> None:
    row = plots.regimes(CASES, descent)
    fates = ["arrives in 14 steps", "runs away", "creeps: 76% left after 20 steps"]
    assert [figure.get_suptitle().partition("\n")[2] for figure in unsaved] == fates
    assert row.title == "Gradient descent: yours is as expected"
    assert plots.regimes(CASES).title == "Gradient descent"
    slower = plots.regimes(CASES, lambda a, lr: descent(a, lr if lr > 1 else lr / 2))
    assert slower.title == "Gradient descent: yours departs at step 1 (well conditioned)"


@pytest.mark.parametrize("factors", [(0.5, -1.5), (-0.75, -1.5), (0.75, 0.75), (0.8, -1.5), (0.75, 1.5)])
def test_a_path_that_runs_away_hides_no_other_mistake(factors: tuple[float, float]) -> None:
    start = np.array([-8.0, 4.0])
    row = plots.regimes({"B": ((0.25, 2.5), 0.5)}, lambda a, lr: start * np.array(factors) ** np.arange(21)[:, None])
    assert row.title == "Gradient descent: yours departs at step 1"


# ---- contents


def test_a_figure_draws_the_numbers_it_was_given(figures: list[Figure]) -> None:
    plots.paths_on_contours(bowl, {"A": PATH, "B": PATH / 2}, PATH[0], (0, 0), expected={"B": PATH})
    plots.objective_by_step({"A": BOUND, "B": BOUND[:2]})
    plots.schedules(STEPS, {"A": CURVE}, name="Schedules")
    plots.under_bound(STEPS + 1, BOUND, {"A": BOUND / 2}, name="SGD")
    plots.variance_by_batch_size(SIZES, BARS, single=2.0)
    race, objectives, rates, bounded, bars = (figure.axes[0] for figure in figures)
    for axes, label, x, y in [
        (race, "A", *PATH.T),
        (race, "B", *PATH.T / 2),
        (race, "expected", *PATH.T),
        (race, "start", [-8], [4]),
        (race, "minimum", [0], [0]),
        (objectives, "A", range(4), BOUND),
        (objectives, "B", range(2), BOUND[:2]),
        (rates, "A", STEPS, CURVE),
        (bounded, "A", STEPS + 1, BOUND / 2),
        (bounded, "bound", STEPS + 1, BOUND),
        (bars, "2 / B", SIZES, 2 / SIZES),
    ]:
        assert np.array_equal(line(axes, label).get_xydata(), np.transpose([list(x), list(y)])), label
    (measured,) = bars.containers
    segments = measured[2][0].get_segments()
    assert np.allclose([[s[0][1], s[1][1]] for s in segments], BARS[:, :1] + [-2, 2] * BARS[:, 1:])


@pytest.mark.parametrize(("draw", "right"), ONE)
def test_axes_are_labelled_and_logarithmic_where_they_should_be(
    draw: Draw, right: np.ndarray, figures: list[Figure]
) -> None:
    draw(right)
    logarithmic = {
        bars: ("log", "linear"),
        variance: ("log", "log"),
        bound: ("log", "log"),
        objective: ("linear", "log"),
    }
    for figure in figures:
        (axes,) = figure.axes
        assert axes.get_xlabel() and axes.get_ylabel()
        assert (axes.get_xscale(), axes.get_yscale()) == logarithmic.get(draw, ("linear", "linear"))


def test_what_is_not_drawn_leaves_the_others_their_looks(unsaved: list[Figure]) -> None:
    for first in (PATH, None, not_written):
        plots.paths_on_contours(bowl, {"A": first, "B": PATH}, PATH[0], (0, 0))
    assert len({line(figure.axes[0], "B").get_color() for figure in unsaved}) == 1


def test_a_redrawn_figure_with_a_window_moves_nothing(unsaved: list[Figure]) -> None:
    window = (-10.0, 10.0), (-6.0, 6.0)
    for yours in (PATH, None, lambda: 1 / 0, PATH[::-1]):
        plots.paths_on_contours(bowl, {"gradient descent": yours, "B": PATH}, PATH[0], (0, 0), window=window)
    assert len({tuple(figure.get_size_inches()) for figure in unsaved}) == 1
    assert len({figure.axes[0].get_position().bounds for figure in unsaved}) == 1


def test_a_window_turns_a_place_in_the_picture_into_a_point(figures: list[Figure]) -> None:
    picture = plots.paths_on_contours(bowl, {"A": PATH}, PATH[0], (0, 0))
    assert picture.window is not None
    (figure,) = figures
    width, height = figure.bbox.width, figure.bbox.height
    for point in [*PATH, (-1.0, 3.0)]:
        x, y = figure.axes[0].transData.transform(point)
        assert np.allclose(picture.window.at(x / width, 1 - y / height), point, atol=1e-6)
    assert picture.window.at(-1, -1) == (round(picture.window.x[0], 6), round(picture.window.y[1], 6))
    assert plots.objective_by_step({"A": BOUND}).window is None


def test_the_frame_does_not_follow_a_path_that_runs_away() -> None:
    def largest_tick(yours: plots.Attempt) -> float:
        labels = re.findall(r"<!-- ([−\d.]+) -->", quadratic(yours).svg)  # matplotlib notes each text by its outline
        return max(abs(float(label.replace("−", "-"))) for label in labels)

    assert largest_tick(PATH) == 8
    assert largest_tick(PATH * 10.0 ** np.arange(4)[:, None]) <= 1.8 * 8


def test_a_path_is_drawn_until_it_leaves_the_frame_for_good(unsaved: list[Figure]) -> None:
    swing = np.array([[-8.0, 4.0], [-4.0, 90.0], [-2.0, 3.0], [-1.0, 1e9], [0.0, -1e12], [0.0, 1e15]])
    plots.paths_on_contours(bowl, {"A": swing}, (-8, 4), (0, 0), window=((-10, 10), (-5, 5)))
    assert line(unsaved[0].axes[0], "A").get_xydata().tolist() == [*swing[:3].tolist(), [-1.0, 105.0]]


def test_seven_curves_are_told_apart_and_eight_are_refused() -> None:
    plots.schedules(STEPS, {str(i): CURVE for i in range(7)}, name="Schedules")
    with pytest.raises(ValueError, match="8 curves: 7 can be told apart in one figure; draw two figures"):
        plots.schedules(STEPS, {str(i): CURVE for i in range(8)}, name="Schedules")


# ---- what a student's code does

Cause = tuple[str, Callable[[np.ndarray], plots.Attempt], str, bool]


def raising(_: np.ndarray) -> plots.Attempt:
    def momentum() -> np.ndarray:
        return np.ones(2) @ np.ones(3)

    return momentum


CAUSES: list[Cause] = [  # a name, the attempt made of the right one, the sentence, whether there is something to draw
    (
        "not written",
        lambda right: not_written,
        r"Not written yet: \w+\.|Yours is not written yet \(line \d+ of not_written\)\.",
        False,
    ),
    ("raises", raising, r".* raises ValueError \(line \d+ of momentum\): matmul: .*\.", False),
    ("says nothing", lambda right: lambda: [][1] and right, r".* raises IndexError \(line \d+\): .*\.", False),
    ("None", lambda right: lambda: None, r".* is None; does the function end with a return statement\?", False),
    ("shape", lambda right: np.zeros((7, 3)), r".* has shape \(7, 3\); expected shape \(.*\)\.", False),
    ("number", lambda right: 1.0, r".* has shape \(\); expected shape \(.*\)\.", False),
    ("empty", lambda right: right[:0], r".* has shape \(0,.*\); expected shape \(.*\)\.", False),
    ("text", lambda right: ["a"] * len(right), r".* is no array of real numbers; its type is list\.", False),
    ("ragged", lambda right: [[1.0], [1.0, 2.0]], r".* is no array of real numbers; its type is list\.", False),
    ("complex", lambda right: right + 1j, r".* is no array of real numbers; its type is ndarray\.", False),
    ("object", lambda right: object(), r".* is no array of real numbers; its type is object\.", False),
    ("nan", lambda right: right * np.nan, r".* has values that are not finite, first at index 0\.", True),
    ("infinite", lambda right: right + np.inf, r".* has values that are not finite, first at index 0\.", True),
    ("overflow", lambda right: lambda: right * np.float64(1e308) * 1e308, r".* not finite, first at index 0\.", True),
    ("huge", lambda right: right * 1e300, r"", True),
    ("negative", lambda right: -np.abs(right), r"", True),
    ("zero", lambda right: 0 * right, r"", True),
]


@pytest.mark.parametrize(("draw", "right"), ONE)
@pytest.mark.parametrize(("name", "attempt", "sentence", "drawable"), CAUSES, ids=[cause[0] for cause in CAUSES])
def test_whatever_goes_wrong_there_is_the_expected_curve_and_a_sentence(
    draw: Draw,
    right: np.ndarray,
    name: str,
    attempt: Callable[[np.ndarray], plots.Attempt],
    sentence: str,
    drawable: bool,
    figures: list[Figure],
    request: pytest.FixtureRequest,
) -> None:
    if not drawable:
        request.getfixturevalue("unsaved")  # what is drawn is the same in all these cases
    drawn = draw(attempt(right))
    assert re.fullmatch(sentence, drawn.note), drawn.note
    band = figures[0].axes[0].lines[0]
    assert band.get_color() == plots.EXPECTED
    assert np.isfinite(band.get_xydata()).all() and len(band.get_xydata()) > 1
    assert all(len(picture.svg) < 100_000 for picture in all_pictures(drawn))
    if name in ("raises", "None", "shape", "text"):
        assert "as expected" not in repr(drawn) and "under the bound" not in repr(drawn)


def test_the_sentence_names_the_line_of_the_students_own_code() -> None:
    here = not_written.__code__.co_firstlineno + 1
    assert curve(not_written).note == f"Yours is not written yet (line {here} of not_written)."

    def outer() -> Any:
        return np.linalg.inv(np.zeros((2, 2)))  # raised inside numpy, called here

    note = curve(outer).note
    assert note == f"Yours raises LinAlgError (line {outer.__code__.co_firstlineno + 1} of outer): Singular matrix."


@pytest.mark.parametrize(
    ("f", "note"),
    [
        (lambda x: 1 / 0, "There are no contour lines: f raises ZeroDivisionError (line"),
        (lambda x: x, "There are no contour lines: f raises TypeError"),
        (lambda x: None, "There are no contour lines: f raises TypeError"),
        (lambda x: np.nan, ""),
        (lambda x: np.inf, ""),
        (lambda x: 3.0, ""),
    ],
)
def test_a_function_that_fails_leaves_the_paths(
    f: Callable[[np.ndarray], Any], note: str, figures: list[Figure]
) -> None:
    picture = plots.paths_on_contours(f, {"A": PATH}, PATH[0], (0, 0))
    assert picture.note.startswith(note)
    assert np.array_equal(line(figures[0].axes[0], "A").get_xydata(), PATH)


def test_those_not_written_share_a_sentence_and_others_have_their_own() -> None:
    picture = plots.objective_by_step({"A": not_written, "B": lambda: None, "C": not_written, "D": BOUND})
    assert picture.note == "Not written yet: A, C. B is None; does the function end with a return statement?"


def test_an_interrupt_is_not_swallowed() -> None:
    def endless() -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curve(endless)


# ---- nobody is left out


def linear(colour: str) -> np.ndarray:
    """Linear RGB of a colour written #RRGGBB, as sRGB defines it."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB, with white D65."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = matrix @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


SIGHT = {  # Machado, Oliveira and Fernandes (2009), severity 1; applied to linear RGB
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
COLOURS = [look.colour for look in plots.LOOKS]


def test_looks_differ_by_each_of_colour_marker_and_dash() -> None:
    for values in zip(*[(look.colour, look.marker, look.dash) for look in plots.LOOKS], strict=True):
        assert len(set(values)) == len(plots.LOOKS) == 7


@pytest.mark.parametrize("colour", [*COLOURS, plots.YOURS, plots.EDGE, plots.PLAIN])
def test_lines_stand_out_from_the_paper(colour: str) -> None:
    assert contrast(colour, "#FFFFFF") >= 3  # WCAG 2.2, success criterion 1.4.11


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_are_told_apart(sight: str) -> None:
    seen = [lab(np.asarray(SIGHT[sight]) @ linear(colour)) for colour in [*COLOURS, plots.EXPECTED]]
    nearest = min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))
    assert nearest > 15  # 2.3 is what can just be noticed side by side


def test_colours_are_told_apart_in_greyscale() -> None:
    lightness = sorted(lab(linear(colour))[0] for colour in [*COLOURS, plots.EXPECTED])
    assert np.diff(lightness).min() > 6
    assert contrast(plots.EXPECTED, plots.YOURS) > 2
    assert contrast(plots.EXPECTED, plots.EDGE) > 2


LONG = ["gradient descent", "heavy ball", "Nesterov", "AdaGrad", "RMSProp", "Adam", "Newton"]
CROWDED: list[tuple[Draw, plots.Attempt]] = [
    *((draw, np.nan * right) for draw, right in ONE),
    *((draw, lambda: [][1]) for draw, _ in ONE),
    (quadratic, PATH * [[1, 1], [1, 1], [1, -1], [1, 1]]),
    (bound, [4, 2, 3, 0.5]),
    (lambda y: plots.paths_on_contours(bowl, dict.fromkeys(LONG, y), PATH[0], (0, 0), expected={"Adam": PATH}), PATH),
    (lambda y: plots.paths_on_contours(bowl, dict.fromkeys(LONG, y), PATH[0], (0, 0)), not_written),
    (
        lambda y: plots.paths_on_contours(
            bowl, dict.fromkeys(LONG, y), PATH[0], (0, 0), window=((-10.0, 10.0), (-6.0, 6.0))
        ),
        not_written,
    ),
    (lambda y: plots.objective_by_step(dict.fromkeys(LONG, y), window=((0.0, 3.0), (1e-9, 1e3))), BOUND),
    (lambda y: plots.schedules(STEPS, dict.fromkeys(LONG, y), name="Warm-up, then a long and steady decay"), CURVE),
    (lambda y: plots.regimes(CASES), None),
]


@pytest.mark.parametrize(("draw", "yours"), CROWDED)
def test_every_text_is_inside_the_figure_and_legible_on_a_phone(
    draw: Draw, yours: plots.Attempt, figures: list[Figure]
) -> None:
    draw(yours)
    for figure in figures:
        figure.draw_without_rendering()
        phone = min(350 / (96 * figure.get_figwidth()), 1.2)  # 390 pixels less margins; it may also be drawn larger
        for text in figure.findobj(Text):
            if text.get_text() and text.get_visible() and text.get_window_extent().width:
                assert text.get_fontsize() * 96 / 72 * phone >= 11, text.get_text()
        for part in (*figure.texts, figure.legends[0], figure.axes[0].xaxis.label, figure.axes[0].yaxis.label):
            box = part.get_window_extent()
            assert box.x0 >= 0 and box.y0 >= -1, part
            assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, part


def image(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", f"<body>{markup}</body>"))


@pytest.mark.parametrize(("draw", "right"), ONE)
@pytest.mark.parametrize("attempt", ["right", "wrong"])
def test_a_screen_reader_gets_the_figure(draw: Draw, right: np.ndarray, attempt: str) -> None:
    drawn = draw(right if attempt == "right" else lambda: None)
    page = image(drawn._repr_html_())
    pictures = all_pictures(drawn)
    assert [element.attrib["alt"] for element in page.iter("img")] == [picture.alt for picture in pictures]
    for element, picture in zip(page.iter("img"), pictures, strict=True):
        assert element.attrib["src"].startswith("data:image/svg+xml;base64,")
        assert ElementTree.fromstring(picture.svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert len(picture.alt) > 50
        assert picture.alt.endswith(".")
    assert [element.text for element in page.iter("p")][-1:] == ([drawn.note] if drawn.note else []) or isinstance(
        drawn, plots.Row
    )


def test_plain_descent_is_in_the_alternative_text() -> None:
    assert "plain descent is drawn for comparison" in quadratic(PATH, PATH * [[1, 0.1]]).alt


def test_texts_are_escaped() -> None:
    hostile = 'a "<b>" & more'
    for markup in (
        plots.Picture("<svg/>", hostile, hostile)._repr_html_(),
        plots.Row(hostile, (plots.Picture("<svg/>", hostile),), hostile)._repr_html_(),
    ):
        page = image(markup)
        assert next(page.iter("img")).attrib["alt"] == hostile
        assert not list(page.iter("b")) or next(page.iter("b")).text == hostile
        assert [p.text for p in page.iter("p") if p.text] == [hostile]


# ---- the world around


@pytest.mark.parametrize(("draw", "right"), ONE)
def test_the_same_data_give_the_same_document_in_any_style(draw: Draw, right: np.ndarray, fresh_style: None) -> None:
    usual = draw(right)
    mpl.rcParams.update({"axes.facecolor": "black", "font.size": 30, "svg.fonttype": "none", "lines.linewidth": 9})
    before = dict(mpl.rcParams)
    assert draw(right) == usual
    assert dict(mpl.rcParams) == before


@pytest.fixture
def fresh_style() -> Iterator[None]:
    with mpl.rc_context():
        yield


def test_figures_drawn_in_two_threads_at_once_are_as_if_drawn_in_one() -> None:
    """JupyterLab runs what a slider sets off beside the cell that is running."""
    before, alone, drawn = dict(mpl.rcParams), curve(CURVE), []
    threads = [threading.Thread(target=lambda: drawn.append(curve(CURVE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [alone] * 4
    assert dict(mpl.rcParams) == before


def test_a_figure_is_a_small_file() -> None:
    steps = np.linspace(0, 200, 201)
    spiral = np.transpose([np.cos(steps / 9), np.sin(steps / 9)]) * 8 * 0.98 ** steps[:, None]
    pictures: Sequence[plots.Picture] = [
        plots.paths_on_contours(bowl, dict.fromkeys(LONG, spiral), (8, 0), (0, 0)),
        plots.objective_by_step(dict.fromkeys(LONG, np.exp(-steps / 9))),
    ]
    assert max(len(picture.svg) for picture in pictures) < 120_000


# ---- the page that shows them

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"


def test_the_page_shows_every_figure_and_every_picture() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [name for name in plots.__all__ if name.islower() and name != "looks" and f"`{name}(" not in text]
    assert missing == []
    shown = re.findall(r"!\[[^\]]{20,}\]\(figures/([\w-]+\.(?:svg|png))\)", text)
    files = {
        path.name: path.stat().st_size
        for path in (PAGE.parent / "figures").iterdir()
        if path.suffix in (".svg", ".png")
    }
    assert sorted(shown) == sorted(files)
    assert max(files.values()) < 100_000
