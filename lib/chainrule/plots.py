"""The course's figures, in one style: a person looks at their own result beside the expected one.

Each function returns a `Picture`, which a notebook shows as vector graphics with alternative text; nothing here changes
matplotlib's global state. Curves that share a figure differ by colour, marker and dash, so that nothing is lost without
colour. What a student's code does wrong never stops a figure: it shows the rest, and one sentence says what happened.
docs/figures.md shows one of each and says how to add one.
"""

from __future__ import annotations

import base64
import html
import io
import os
import sysconfig
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.textpath import TextPath
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike

__all__ = [
    "LOOKS",
    "Look",
    "Picture",
    "Row",
    "Window",
    "curve_beside",
    "estimates",
    "looks",
    "objective_by_step",
    "paths_on_contours",
    "paths_on_quadratic",
    "regimes",
    "schedules",
    "under_bound",
    "variance_by_batch_size",
]

YOURS, EXPECTED, PLAIN = "#0072B2", "#E69F00", "#666666"  # blue and orange of Okabe and Ito, and a grey
EDGE = "#7A5200"  # around the orange band, which alone would be too pale on white
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "legend.columnspacing": 1.3,
    "legend.handletextpad": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 5.5,
    "lines.markeredgewidth": 0.6,
    "svg.fonttype": "path",  # looks the same where our font is missing
    "svg.hashsalt": "chainrule",  # the same data give the same bytes
}
# The style is the whole process's while we draw, and JupyterLab has sliders act in a thread of their own.
DRAWING = threading.RLock()

# A figure is made for a phone, 3.8 inches or 365 pixels wide, and vector graphics let it grow on a larger screen: made
# for the larger one, its text would shrink on the phone.
WIDTH, HEIGHT = 3.8, 2.9
PANEL = 3.1, 2.7  # of small multiples, three beside each other in a notebook and one above the other on a phone
SHOWN = "width: 440px; max-width: 100%"
LINE = 0.185  # height of a line of the legend, in inches
GRID = 36, 48  # rows and columns on which contour lines are computed
HUGE = 1e100  # from here on matplotlib's own arithmetic would overflow
ARRIVED = 1e-3  # a method has arrived when it stays where at most this share of the way down is left

Attempt = ArrayLike | Callable[[], ArrayLike] | None
"""Someone's result: an array, or a call that computes it, or None where there is none yet."""
Range = tuple[float, float]


@dataclass(frozen=True)
class Look:
    """How a curve is drawn; any one of the three tells it from the others.

    Args:
        colour: `#RRGGBB`.
        marker: of matplotlib.
        dash: of matplotlib, "-" or (offset, (on, off, ...)) in units of the line's width.
    """

    colour: str
    marker: str
    dash: Any


# The hues are those of Okabe and Ito. Their lightness is spread, so that greyscale keeps them apart, and low enough
# for a contrast of 3 on white, which WCAG asks of graphics; tests/lib/test_plots.py computes both.
LOOKS = (
    Look("#0072B2", "o", "-"),  # blue
    Look("#D05C00", "s", (0, (5, 1.5))),  # vermillion
    Look("#22A56B", "^", (0, (1, 1.2))),  # green
    Look("#8C3B80", "D", (0, (6, 1.5, 1, 1.5))),  # purple
    Look("#000000", "v", (0, (10, 2))),  # black
    Look("#51400F", "P", (0, (3, 1.2, 1, 1.2, 1, 1.2))),  # brown
    Look("#2E0F73", "X", (0, (2, 2))),  # indigo
)


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A look for each name, by its place: whoever lists them in the same order gets the same looks.

    Args:
        names: of curves, at most seven.

    Raises:
        ValueError: there are more names than looks.

    >>> looks(["gradient descent", "Adam"])["Adam"].colour
    '#D05C00'
    """
    names = list(names)
    if len(names) > len(LOOKS):
        raise ValueError(f"{len(names)} curves: {len(LOOKS)} can be told apart in one figure; draw two figures")
    return dict(zip(names, LOOKS, strict=False))


class Window(NamedTuple):
    """Where the axes are in a picture, and which part of the plane they show.

    Args:
        box: (left, top, right, bottom), as fractions of the picture's width and height from its upper left corner.
        x: (low, high), the values at the left and right edge, in the unit of the axis.
        y: (low, high), the values at the lower and upper edge.
    """

    box: tuple[float, float, float, float]
    x: Range
    y: Range

    def at(self, right: float, down: float) -> tuple[float, float]:
        """The point of the plane, (x, y), at fractions of the picture's width and height; at the edge if outside.

        >>> Window((0.1, 0.1, 0.9, 0.9), (-10, 10), (0, 4)).at(0.3, 0.9)
        (-5.0, 0.0)
        """
        left, top, far, bottom = self.box
        across = min(max((right - left) / (far - left), 0.0), 1.0)
        up = min(max((bottom - down) / (bottom - top), 0.0), 1.0)
        return (
            round(self.x[0] + across * (self.x[1] - self.x[0]), 6),
            round(self.y[0] + up * (self.y[1] - self.y[0]), 6),
        )


@dataclass(frozen=True)
class Picture:
    """A finished figure: an SVG document and the text that stands in for it where it cannot be seen.

    Args:
        svg: the document.
        alt: what it shows, for a screen reader; `print(picture)` prints it.
        note: a sentence to show below it as text, or "": what went wrong in the code whose result it shows.
        window: where its axes are, if both are linear.

    >>> Picture("<svg/>", "A line that rises.")._repr_html_()
    '<img alt="A line that rises." style="width: 440px; max-width: 100%" src="data:image/svg+xml;base64,PHN2Zy8+">'
    """

    svg: str
    alt: str
    note: str = ""
    window: Window | None = None

    def image(self, style: str = SHOWN, attributes: str = "") -> str:
        """The HTML element that shows it, without the note; `attributes` is more HTML for it."""
        data = base64.b64encode(self.svg.encode()).decode()
        return f'<img alt="{html.escape(self.alt)}" style="{style}"{attributes} src="data:image/svg+xml;base64,{data}">'

    def _repr_html_(self) -> str:
        return self.image() + _paragraph(self.note)

    def __repr__(self) -> str:
        return " ".join(filter(None, [self.alt, self.note]))


@dataclass(frozen=True)
class Row:
    """Small multiples: pictures beside each other, or one above the other where the screen is narrow.

    Args:
        title: the message of all of them together, shown above them as text.
        pictures: from left to right.
        note: as in a Picture.

    >>> print(Row("Two lines.", (Picture("<svg/>", "One rises."), Picture("<svg/>", "One falls."))))
    Two lines. One rises. One falls.
    """

    title: str
    pictures: tuple[Picture, ...]
    note: str = ""

    def _repr_html_(self) -> str:
        style = "flex: 1 1 250px; min-width: 0; max-width: 400px"
        images = "".join(picture.image(style) for picture in self.pictures)
        row = f'<div style="display: flex; flex-wrap: wrap; align-items: flex-start; gap: 8px">{images}</div>'
        return f"<p><b>{html.escape(self.title)}</b></p>{row}{_paragraph(self.note)}"

    def __repr__(self) -> str:
        return " ".join(
            filter(None, [self.title.rstrip(".") + ".", *(picture.alt for picture in self.pictures), self.note])
        )


# ---- yours over the expected one


def paths_on_quadratic(
    curvature: ArrayLike, expected: ArrayLike, yours: Attempt = None, plain: ArrayLike | None = None, name: str = ""
) -> Picture:
    """Descent paths over the contours of `a1 x1^2 + a2 x2^2`, yours on top of the expected one.

    Args:
        curvature: the positive coefficients (a1, a2).
        expected: (steps + 1, 2), the points that the method visits, the start first.
        yours: (steps + 1, 2), or a call that computes it.
        plain: (any, 2), the path of plain gradient descent, for comparison.
        name: of the method, for the title: "Heavy ball".

    Returns:
        The picture. Its title says whether the two paths agree, and where they part if they do not.
    """
    curvature, expected = np.asarray(curvature, dtype=float), np.asarray(expected, dtype=float)
    mine = _attempt(yours, expected.shape)
    agreement = _agreement(mine, expected, "step")
    x, y = _frame([expected, [[0, 0]]], [path for path in (plain, mine.numbers) if path is not None])

    def draw(axes: Axes) -> None:
        _contours(axes, _heights(lambda point: curvature @ point**2, x, y), x, y)
        if plain is not None:
            way = _near(np.asarray(plain, dtype=float), x, y)
            axes.plot(way[:, 0], way[:, 1], ":", color=PLAIN, marker=".", markersize=4, label="plain descent")
        _band(axes, expected[:, 0], expected[:, 1], dots=True)
        if mine.numbers is not None:
            axes.plot(*_near(mine.numbers, x, y).T, **MINE)
        _landmarks(axes, {"minimum": [0, 0]})

    alt = f"A valley with its minimum at the origin; the expected path takes {_steps(len(expected) - 1)}"
    alt += f" to {_point(expected[-1])}"
    alt += "." if plain is None else ", plain descent is drawn for comparison."
    return _picture(draw, f"{name}: {agreement}", f"{alt} {_capital(agreement)}.", mine.sentence)


def curve_beside(
    x: ArrayLike, expected: ArrayLike, yours: Attempt = None, *, name: str, xlabel: str, ylabel: str
) -> Picture:
    """One curve, yours on top of the expected one.

    Args:
        x: (n,), the points on the horizontal axis.
        expected: (n,), the value at each.
        yours: (n,), or a call that computes it.
        name: of the curve, for the title: "Cosine schedule".
        xlabel: label of the horizontal axis, with its unit.
        ylabel: label of the vertical axis, with its unit.

    Returns:
        The picture. Its title says whether the two curves agree, and where they part if they do not.
    """
    x, expected = np.asarray(x), np.asarray(expected, dtype=float)
    mine = _attempt(yours, expected.shape)
    agreement = _agreement(mine, expected, xlabel, x)

    def draw(axes: Axes) -> None:
        _band(axes, x, expected)
        if mine.numbers is not None:
            axes.plot(x, mine.numbers, **MINE, markevery=max(1, len(x) // 16))
        _limit(axes, [expected], [] if mine.numbers is None else [mine.numbers])
        axes.set(xlabel=xlabel, ylabel=ylabel)

    alt = f"{ylabel} against {xlabel}; the expected curve goes from {expected[0]:.3g} to {expected[-1]:.3g}."
    return _picture(draw, f"{name}: {agreement}", f"{alt} {_capital(agreement)}.", mine.sentence)


def estimates(n: ArrayLike, yours: Attempt, truth: float) -> Picture:
    """Estimates with error bars against the number of draws that each is made of.

    Args:
        n: (k,), numbers of draws, increasing.
        yours: (k, 2), an estimate and its standard error in each row, or a call that computes them.
        truth: the expectation that is estimated.

    Returns:
        The picture. Its title counts how many of the error bars, of two standard errors, reach the truth.
    """
    n = np.asarray(n)
    mine = _attempt(yours, (len(n), 2))
    agreement = _reached(mine, np.full(len(n), truth), "the truth")

    def draw(axes: Axes) -> None:
        _band(axes, [n[0] / 2, n[-1] * 2], [truth, truth], label=f"truth, {truth:.3f}")
        if mine.numbers is not None:
            _bars(axes, n, mine.numbers)
        axes.set(xscale="log", xlim=(n[0] / 2, n[-1] * 2), xlabel="number of draws n", ylabel="estimate")

    alt = f"Estimates from {n[0]} to {n[-1]} draws around the truth {truth:.3f}; more draws, shorter error bars."
    return _picture(draw, f"Estimates: {agreement}", f"{alt} {_capital(agreement)}.", mine.sentence)


def variance_by_batch_size(sizes: ArrayLike, yours: Attempt, single: float, name: str = "Variance") -> Picture:
    """Measured variances of a minibatch gradient beside the line `single / B`, both axes logarithmic.

    Args:
        sizes: (k,), batch sizes B, increasing.
        yours: (k, 2), a variance and its standard error in each row, or a call that computes them.
        single: the variance of the gradient of one sample, in the unit of the gradient squared.
        name: of what is measured, for the title.

    Returns:
        The picture. Its title counts how many of the error bars, of two standard errors, reach the line.
    """
    sizes = np.asarray(sizes)
    line = single / sizes
    mine = _attempt(yours, (len(sizes), 2))
    agreement = _reached(mine, line, "1/B")

    def draw(axes: Axes) -> None:
        axes.set(xscale="log", yscale="log", ylim=(line.min() / 4, line.max() * 4))
        _band(axes, sizes, line, label=f"{single:.3g} / B")
        if mine.numbers is not None:
            _bars(axes, sizes, mine.numbers)
        axes.set_xticks(sizes[:: -(-len(sizes) // 8)], [f"{size:g}" for size in sizes[:: -(-len(sizes) // 8)]])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="batch size B", ylabel="variance of the gradient")

    alt = f"Variance against batch size from {sizes[0]} to {sizes[-1]}, which falls like 1/B from {single:.3g}."
    return _picture(draw, f"{name}: {agreement}", f"{alt} {_capital(agreement)}.", mine.sentence)


# ---- several methods in one figure

Methods = Mapping[str, Attempt]
"""Results by name, at most seven. One that is None is not drawn, and keeps its look and its room in the legend."""


def paths_on_contours(
    f: Callable[[np.ndarray], float],
    methods: Methods,
    start: ArrayLike,
    minimum: ArrayLike,
    *,
    expected: Mapping[str, ArrayLike] | None = None,
    name: str = "",
    window: tuple[Range, Range] | None = None,
) -> Picture:
    """A race: the paths of several methods over the contours of a function of two variables.

    A method has arrived when it has gone 99.9 % of the way from `f(start)` down to `f(minimum)`, and stays there.

    Args:
        f: the function at one point, of shape (2,).
        methods: (steps + 1, 2) for each name, the points visited, the start first, or a call that computes it. Numbers
            of steps may differ; no more than seven methods.
        start: (2,), the point from which they start.
        minimum: (2,).
        expected: (steps + 1, 2) for some of the names, drawn as broad bands below.
        name: a word before the title's message.
        window: ((low, high), (low, high)) of both axes. With one, the layout is fixed as well: when a figure is drawn
            again, nothing in it moves, and it takes half the time.

    Returns:
        The picture. Its title says which method arrives first, its legend after how many steps each does.
    """
    targets = _targets(expected)
    results = _attempts(methods, (None, 2))
    paths = {key: result.numbers for key, result in results.items() if result.numbers is not None}
    first, lowest = np.asarray(start, dtype=float), np.asarray(minimum, dtype=float)
    x, y = window or _frame([*targets.values(), [first, lowest]], paths.values())
    heights, values, trouble = _values(f, x, y, paths, lowest)
    arrivals = {key: _arrival(way) for key, way in values.items()}
    counts = {key: result.word or arrivals.get(key, "") for key, result in results.items()}
    message = _departure(results, targets) or _first(arrivals)
    every = max([1, *(len(path) // 12 for path in paths.values())])

    def draw(axes: Axes) -> None:
        _contours(axes, heights, x, y)
        for path in targets.values():
            _band(axes, *_near(path, x, y).T)
        for key, look in looks(methods).items():
            if methods[key] is not None:
                path = _near(paths.get(key, np.empty((0, 2))), x, y)
                label = f"{key}: {counts[key]}" if counts[key] else key
                axes.plot(*path.T, **_line(look), markevery=every, label=label)
        _landmarks(axes, {"start": first, "minimum": lowest})

    ends = [f"{key} ends at {_point(path[-1])} after {_steps(len(path) - 1)}" for key, path in paths.items()]
    alt = f"Contour lines with the minimum at {_point(lowest)}; paths start at {_point(first)}"
    return _picture(
        draw,
        f"{name}: {message}" if name else _capital(message),
        f"{'; '.join([alt, *ends])}. {_capital(message)}.",
        _join(trouble, *_sentences(results)),
        legend="steps until 99.9 % of the way down for good",
        room=[f"{key}: not yet" for key in methods] + ["start", "minimum"] if window else (),
        fixed=window is not None,
    )


def objective_by_step(
    methods: Methods,
    *,
    expected: Mapping[str, ArrayLike] | None = None,
    name: str = "",
    ylabel: str = "objective f",
    window: tuple[Range, Range] | None = None,
) -> Picture:
    """The objective of several methods against the step, on a logarithmic axis.

    Args:
        methods: (steps + 1,) for each name, the objective at the start and after each step, or a call that computes it.
            Numbers of steps may differ; no more than seven methods. A value that is not positive is below the axis.
        expected: (steps + 1,) for some of the names, drawn as broad bands below.
        name: a word before the title's message.
        ylabel: label of the vertical axis, with its unit.
        window: ((low, high), (low, high)) of both axes; with one, the layout is fixed as well.

    Returns:
        The picture. Its title says which method ends lowest.
    """
    targets = _targets(expected)
    results = _attempts(methods, (None,))
    curves = {key: r.numbers for key, r in results.items() if r.numbers is not None}
    message = _departure(results, targets) or _lowest(curves)

    def draw(axes: Axes) -> None:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_minor_locator(NullLocator())
        for curve in targets.values():
            _band(axes, np.arange(len(curve)), curve)
        _several(axes, methods, results)
        axes.set(xlabel="step", ylabel=ylabel)
        if window is not None:
            axes.set(xlim=window[0], ylim=window[1])
        else:
            axes.set_ylim(_decades([*targets.values(), *(curve[:1] for curve in curves.values())], curves.values()))

    ends = [f"{key} goes from {c[0]:.2g} to {c[-1]:.2g} in {_steps(len(c) - 1)}" for key, c in curves.items()]
    return _picture(
        draw,
        f"{name}: {message}" if name else _capital(message),
        f"{'; '.join([f'{ylabel} against step, logarithmic', *ends])}. {_capital(message)}.",
        _join(*_sentences(results)),
        room=[f"{key}: not yet" for key in methods] if window else (),
        fixed=window is not None,
    )


def schedules(
    steps: ArrayLike, rates: Methods, *, name: str, expected: Mapping[str, ArrayLike] | None = None
) -> Picture:
    """The learning rate against the step, for several schedules.

    Args:
        steps: (n,), the steps.
        rates: (n,) for each name, the learning rate at each step, or a call that computes it; no more than seven.
        name: what the figure tells, for the title: "Warm-up, then decay".
        expected: (n,) for some of the names, drawn as broad bands below.

    Returns:
        The picture. With expected curves its title says whether yours agree, and where they part if they do not.
    """
    steps = np.asarray(steps)
    targets = _targets(expected)
    results = _attempts(rates, steps.shape)
    agreement = _departure(results, targets, steps) or ("yours are as expected" if targets else "")
    title = f"{name}: {agreement}" if agreement else name

    def draw(axes: Axes) -> None:
        for curve in targets.values():
            _band(axes, steps, curve)
        _several(axes, rates, results, steps)
        drawn = [result.numbers for result in results.values() if result.numbers is not None]
        _limit(axes, [[0], *(targets.values() or drawn)], drawn)
        axes.set(xlabel="step", ylabel="learning rate")

    drawn = {**targets, **{key: r.numbers for key, r in results.items() if r.numbers is not None}}
    ends = [f"{key} goes from {c[0]:.3g} to {c[-1]:.3g}, largest {np.fmax.reduce(c):.3g}" for key, c in drawn.items()]
    alt = "; ".join([f"Learning rate against step, from {steps[0]} to {steps[-1]}", *ends])
    return _picture(draw, title, f"{alt}. {_capital(title)}.", _join(*_sentences(results)))


def under_bound(
    steps: ArrayLike, bound: ArrayLike, measured: Methods, *, name: str, ylabel: str = "suboptimality F − F*"
) -> Picture:
    """Measured curves and the bound that theory gives for them, both axes logarithmic.

    Args:
        steps: (n,), numbers of steps, positive and increasing.
        bound: (n,), positive.
        measured: (n,) for each name, averaged over as many runs as the bound's expectation asks for, or a call that
            computes it; no more than seven.
        name: of the method, for the title: "SGD with the step R / (L √T)".
        ylabel: label of the vertical axis, with its unit.

    Returns:
        The picture. Its title says whether the curves stay under the bound, and where one crosses it if one does.
    """
    steps, bound = np.asarray(steps), np.asarray(bound, dtype=float)
    results = _attempts(measured, steps.shape)
    message = _crossing(results, steps, bound)

    def draw(axes: Axes) -> None:
        axes.set(xscale="log", yscale="log")
        _band(axes, steps, bound, label="bound")
        _several(axes, measured, results, steps)
        low, high = _decades([bound], [r.numbers for r in results.values() if r.numbers is not None])
        axes.fill_between(steps, bound, high, facecolor="none", edgecolor="#CCCCCC", hatch="//", linewidth=0)
        axes.set(xlabel="number of steps", ylabel=ylabel, ylim=(low, high), xlim=(steps[0] / 1.15, steps[-1] * 1.15))

    alt = f"{ylabel} against the number of steps; the bound goes from {bound[0]:.2g} to {bound[-1]:.2g}"
    ends = [f"{key} to {r.numbers[-1]:.2g}" for key, r in results.items() if r.numbers is not None]
    return _picture(
        draw,
        f"{name}: {message}",
        f"{', '.join([alt, *ends])}. {_capital(message)}.",
        _join(*_sentences(results)),
    )


# ---- small multiples


def regimes(
    cases: Mapping[str, tuple[ArrayLike, float]],
    yours: Callable[[np.ndarray, float], ArrayLike] | None = None,
    *,
    start: ArrayLike = (-8.0, 4.0),
    steps: int = 20,
    name: str = "Gradient descent",
) -> Row:
    """Gradient descent on quadratics `a1 x1^2 + a2 x2^2`, one small picture for each case.

    The expected path is the closed form `x_i(t) = (1 - 2 lr a_i)^t x_i(0)`.

    Args:
        cases: the coefficients (a1, a2) and the learning rate of each, by the name of the regime: `{"slow": ((0.01, 1),
            0.4), ...}`.
        yours: called with the coefficients, (2,), and the learning rate of a case; returns the path, (steps + 1, 2).
        start: (2,), the first point of every path.
        steps: of each path.
        name: of the method, for the title.

    Returns:
        The pictures in a row. The title says whether your paths agree with the expected ones, and in which case not;
        the title of each picture says what becomes of the method there: it arrives, with less than a thousandth of the
        distance to the minimum left, runs away, or creeps.
    """
    start = np.asarray(start, dtype=float)
    pictures, agreements, sentences = [], {}, []
    for case, (coefficients, lr) in cases.items():
        a = np.asarray(coefficients, dtype=float)
        with np.errstate(over="ignore"):
            expected = start * (1 - 2 * lr * a) ** np.arange(steps + 1)[:, None]
            left = np.linalg.norm(expected, axis=1) / np.linalg.norm(start)
        fate = _fate(left)
        mine = _attempt(None if yours is None else _call(yours, a.copy(), lr), expected.shape)
        # A path that runs away must not hide what happens in its other coordinate, or before.
        agreements[case] = _agreement(mine, expected, "step", scale=np.maximum(np.abs(expected), np.abs(start) / 2))
        sentences.append(mine.sentence)
        alt = f"{_capital(case)}: on {a[0]:g} x1² + {a[1]:g} x2², learning rate {lr:g}, the path {fate}."
        alt += "" if yours is None else f" {_capital(agreements[case])}."
        head = f"{_capital(case)}, $\\eta$ = {lr:g}:\n{fate}"
        pictures.append(_picture(_descent(a, expected, mine), head, alt, size=PANEL))
    odd = {case: text for case, text in agreements.items() if text != "yours is as expected"}
    message = next(iter(odd.values()), "yours is as expected")
    if 0 < len(odd) < len(cases):
        message += f" ({next(iter(odd))})"
    return Row(name if yours is None else f"{name}: {message}", tuple(pictures), _join(*dict.fromkeys(sentences)))


def _descent(a: np.ndarray, expected: np.ndarray, mine: _Result) -> Callable[[Axes], None]:
    """Draws one path on the quadratic with these coefficients, in the frame of a path that does not run away."""
    reach = 1.25 * np.abs(expected[0])
    across, up = np.maximum(reach, 0.6 * reach.max())
    x, y = (-across, across), (-up, up)

    def draw(axes: Axes) -> None:
        _contours(axes, _heights(lambda point: a @ point**2, x, y), x, y)
        path = _near(expected, x, y)
        _band(axes, path[:, 0], path[:, 1], dots=True)
        if mine.numbers is not None:
            axes.plot(*_near(mine.numbers, x, y).T, **MINE)
        _landmarks(axes, {"minimum": [0, 0]})

    return draw


# ---- what a person's code did


@dataclass(frozen=True)
class _Result:
    """What came of an attempt: numbers to draw, or why there are none."""

    numbers: np.ndarray | None = None
    trouble: str = ""  # after a name in a title: "raises TypeError"
    word: str = ""  # after a name in a legend: "error", or "not yet"
    sentence: str = ""  # below the figure

    @property
    def awaited(self) -> bool:
        return self.numbers is None and self.word != "error"


def _attempt(yours: Attempt, shape: tuple[int | None, ...], who: str = "yours") -> _Result:
    """The numbers to draw, of a shape in which None stands for any length."""
    if yours is None:
        return _Result()
    name = _capital(who)
    try:
        with np.errstate(all="ignore"):  # a sentence below the figure says what numpy would warn of
            result = yours() if callable(yours) else yours
    except NotImplementedError as error:
        return _Result(None, "is not written", "not yet", f"{name} is not written yet{_place(error)}.")
    except Exception as error:
        return _Result(None, f"raises {type(error).__name__}", "error", f"{name} raises {what_happened(error)}.")
    if result is None:
        return _Result(None, "is None", "error", f"{name} is None; does the function end with a return statement?")
    try:
        numbers = np.asarray(result)
        numbers = numbers.astype(float, casting="unsafe" if numbers.dtype == object else "same_kind")
    except Exception:
        kind = type(result).__name__
        return _Result(None, "is not numbers", "error", f"{name} is no array of real numbers; its type is {kind}.")
    if len(numbers.shape) != len(shape) or not all(
        n == wanted or (wanted is None and n > 0) for n, wanted in zip(numbers.shape, shape, strict=True)
    ):
        needed = str(shape).replace("None", "any")
        sentence = f"{name} has shape {numbers.shape}; expected shape {needed}."
        return _Result(None, f"has shape {numbers.shape}", "error", sentence)
    bad = np.flatnonzero(~np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1))
    if bad.size:
        return _Result(numbers, sentence=f"{name} has values that are not finite, first at index {bad[0]}.")
    return _Result(numbers)


def _attempts(methods: Methods, shape: tuple[int | None, ...]) -> dict[str, _Result]:
    return {name: _attempt(yours, shape, name) for name, yours in methods.items()}


def what_happened(error: Exception) -> str:
    """An error in a few words, with the line of the person's own code where it was raised, without a full stop."""
    text = textwrap.shorten(str(error).rstrip(" ."), 120, placeholder=" …")
    return f"{type(error).__name__}{_place(error)}{f': {text}' if text else ''}"


def _place(error: Exception) -> str:
    """Where an error was raised: the innermost line that belongs to no library."""
    libraries = (os.path.dirname(__file__), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(libraries)]
    if not frames:
        return ""
    function = "" if frames[-1].name.startswith("<") else f" of {frames[-1].name}"
    return f" (line {frames[-1].lineno}{function})"


def _call(function: Callable[..., ArrayLike], *args: Any) -> Callable[[], ArrayLike]:
    return lambda: function(*args)


def _targets(expected: Mapping[str, ArrayLike] | None) -> dict[str, np.ndarray]:
    return {name: np.asarray(values, dtype=float) for name, values in (expected or {}).items()}


def _sentences(results: Mapping[str, _Result]) -> list[str]:
    """What to say of each; those that are not written yet share one sentence."""
    empty = [name for name, result in results.items() if result.word == "not yet"]
    waiting = [f"Not written yet: {', '.join(empty)}."] if empty else []
    return waiting + [result.sentence for name, result in results.items() if name not in empty]


# ---- messages


def _agreement(
    mine: _Result, expected: np.ndarray, step: str, x: np.ndarray | None = None, scale: np.ndarray | None = None
) -> str:
    """One clause for the title. The expected values are rounded, so agreement is to a hundredth of their range, or of
    the scale."""
    if mine.numbers is None:
        return "yours appears here" if mine.awaited else f"yours {mine.trouble}"
    first = _parting(mine.numbers, expected, scale)
    return "yours is as expected" if first is None else f"yours departs at {step} {first if x is None else x[first]}"


def _parting(mine: np.ndarray, expected: np.ndarray, scale: np.ndarray | None = None) -> int | None:
    """The first row in which one is not the other up to a hundredth of the expected range, or of the scale, if any."""
    with np.errstate(all="ignore"):
        unit = (np.ptp(expected) or np.abs(expected).max()) if scale is None else scale
        near = np.abs(mine - expected) <= 0.01 * unit
    rows = np.flatnonzero(~near.reshape(len(expected), -1).all(axis=1))
    return int(rows[0]) if rows.size else None


def _departure(results: Mapping[str, _Result], expected: Mapping[str, np.ndarray], x: np.ndarray | None = None) -> str:
    """Which of the methods with an expected curve is the first to leave it, or "" if none does."""
    for name, target in expected.items():
        mine = results.get(name, _Result())
        if mine.numbers is None:
            return f"{name} {'appears here' if mine.awaited else mine.trouble}"
        length = min(len(mine.numbers), len(target))
        first = _parting(mine.numbers[:length], target[:length])
        if first is not None:
            return f"{name} departs at step {first if x is None else x[first]}"
    return ""


def _reached(mine: _Result, target: np.ndarray, what: str) -> str:
    """How many bars of two standard errors reach their target."""
    if mine.numbers is None:
        return "yours appear here" if mine.awaited else f"yours {mine.trouble}"
    with np.errstate(all="ignore"):
        reached = np.count_nonzero(np.abs(mine.numbers[:, 0] - target) <= 2 * mine.numbers[:, 1])
    return f"{reached} of {len(target)} bars reach {what}"


def _values(
    f: Callable[[np.ndarray], float], x: Range, y: Range, paths: Mapping[str, np.ndarray], minimum: np.ndarray
) -> tuple[np.ndarray | None, dict[str, np.ndarray], str]:
    """f on a grid, f - f(minimum) along each path, and ""; or nothing, and a sentence on why there is nothing."""
    try:
        with np.errstate(all="ignore"):
            least = float(f(minimum))
            values = {key: np.array([float(f(point)) for point in path]) - least for key, path in paths.items()}
            return _heights(f, x, y), values, ""
    except Exception as error:
        return None, {}, f"There are no contour lines: f raises {what_happened(error)}."


def _arrival(values: np.ndarray) -> str:
    """From which step on 99.9 % of the way down are done, once and for all; "never" if it only got farther away."""
    above = np.flatnonzero(~(values <= ARRIVED * values[0]))
    if not above.size or above[-1] + 1 < len(values):
        return str(above[-1] + 1 if above.size else 0)
    return f"> {len(values) - 1}" if values[-1] <= values[0] else "never"


def _fate(left: np.ndarray) -> str:
    """What becomes of a path of which this share of the distance is left after each step."""
    if not left[-1] <= 1:
        return "runs away"
    above = np.flatnonzero(left >= ARRIVED)
    if above.size < len(left):
        return f"arrives in {_steps(int(above[-1]) + 1)}"
    return f"creeps: {left[-1]:.0%} left after {_steps(len(left) - 1)}"


def _first(arrivals: Mapping[str, str]) -> str:
    """Which methods arrive first."""
    steps = {name: int(text) for name, text in arrivals.items() if text.isdigit()}
    if not arrivals:
        return "yours appear here"
    if not steps:
        return "none arrives" if len(arrivals) > 1 else f"{next(iter(arrivals))} does not arrive"
    least = min(steps.values())
    names = [name for name, n in steps.items() if n == least]
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{who} arrive{'s' * (len(names) == 1)}{' first' * (len(arrivals) > 1)}, after {_steps(least)}"


def _lowest(curves: Mapping[str, np.ndarray]) -> str:
    ends = {name: curve[-1] for name, curve in curves.items() if np.isfinite(curve[-1])}
    if not ends:
        return "none ends at a finite value" if curves else "yours appear here"
    best = min(ends, key=lambda name: ends[name])
    return f"{best} ends{' lowest,' * (len(curves) > 1)} at {ends[best]:.2g}"


def _crossing(results: Mapping[str, _Result], steps: np.ndarray, bound: np.ndarray) -> str:
    measured = {name: result.numbers for name, result in results.items() if result.numbers is not None}
    for name, curve in measured.items():
        above = np.flatnonzero(~(curve <= bound * (1 + 1e-9)))
        if above.size:
            return f"{name} is not under the bound at step {steps[above[0]]:g}"
    if not measured:
        return "yours appear here"
    drawn, asked = len(measured), sum(bool(result.word) for result in results.values()) + len(measured)
    if asked == 1:
        return "stays under the bound"
    if drawn < asked:
        return f"{drawn} of {asked} {'stays' if drawn == 1 else 'stay'} under the bound"
    return f"{'both' if asked == 2 else f'all {asked}'} stay under the bound"


def _point(point: ArrayLike) -> str:
    return "({}, {})".format(*(f"{value + 0.0:.3g}" for value in np.round(np.asarray(point, dtype=float), 2)))


def _steps(number: int) -> str:
    return f"{number} step{'' if number == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _join(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _paragraph(note: str) -> str:
    return f'<p style="max-width: 40em; margin: 4px 0">{html.escape(note)}</p>' if note else ""


# ---- drawing

BAND: dict[str, Any] = {
    "color": EXPECTED,
    "linewidth": 4.5,
    "path_effects": [Stroke(linewidth=5.7, foreground=EDGE), Normal()],
    "solid_capstyle": "round",
}
MINE: dict[str, Any] = {
    "color": YOURS,
    "linewidth": 1.3,
    "marker": "x",
    "markersize": 5,
    "markeredgewidth": 1.3,
    "label": "yours",
}


def _band(axes: Axes, x: ArrayLike, y: ArrayLike, label: str = "expected", dots: bool = False) -> None:
    """The expected curve, with a dot at each of its points if `dots`."""
    axes.plot(x, y, **BAND, label=label)
    if dots:
        axes.plot(x, y, linestyle="none", color=EDGE, marker="o", markersize=2.6)


def _line(look: Look) -> dict[str, Any]:
    return {"color": look.colour, "marker": look.marker, "linestyle": look.dash, "markeredgecolor": "white"}


def _several(
    axes: Axes,
    methods: Methods,
    results: Mapping[str, _Result],
    x: np.ndarray | None = None,
) -> None:
    """A curve for each method, with some eight markers that are not where those of the others are."""
    for index, (name, look) in enumerate(looks(methods).items()):
        if methods[name] is None:
            continue
        result = results[name]
        curve = np.empty(0) if result.numbers is None else result.numbers
        every = max(1, len(curve) // 8)
        label = f"{name}: {result.word}" if result.word else name
        place = np.arange(len(curve)) if x is None else x[: len(curve)]
        axes.plot(
            place,
            np.clip(curve, -HUGE, HUGE),
            **_line(look),
            markevery=(index * every // len(methods), every),
            label=label,
        )


def _bars(axes: Axes, x: np.ndarray, mine: np.ndarray) -> None:
    """Error bars of two standard errors; what is not finite, or as good as, is left out."""
    seen = (np.abs(mine) < HUGE).all(axis=1)
    value, error = mine[seen].T
    bars: dict[str, Any] = {"color": YOURS, "fmt": "o", "markersize": 4, "capsize": 4, "label": "yours"}
    axes.errorbar(x[seen], value, 2 * np.maximum(error, 0), **bars)


LANDMARKS: dict[str, dict[str, Any]] = {
    "start": {"marker": "o", "markersize": 11, "fillstyle": "none", "markeredgecolor": "black"},
    "minimum": {"marker": "*", "markersize": 12, "markeredgecolor": "white"},
}


def _landmarks(axes: Axes, points: Mapping[str, ArrayLike]) -> None:
    for name, point in points.items():
        axes.plot(*np.asarray(point), linestyle="none", color="black", zorder=3, label=name, **LANDMARKS[name])


def _frame(inside: Sequence[ArrayLike], others: Iterable[ArrayLike]) -> tuple[Range, Range]:
    """The ranges of both axes that hold the first points, and the others unless they run away.

    One that runs away leaves the frame, lest it shrink everything to a dot: the frame goes at most half as far again.
    """
    points = np.concatenate([np.asarray(path, dtype=float) for path in inside])
    points = points[np.isfinite(points).all(axis=1)]
    low, high = points.min(axis=0), points.max(axis=0)
    reach = np.maximum(high - low, 0.6 * (float(np.max(high - low)) or 1.0))
    near = [np.clip(np.nan_to_num(np.asarray(p, dtype=float)), low - reach / 2, high + reach / 2) for p in others]
    points = np.concatenate([points, *near])
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.12 * np.maximum(high - low, reach)
    return (low[0] - room[0], high[0] + room[0]), (low[1] - room[1], high[1] + room[1])


def _near(path: np.ndarray, x: Range, y: Range) -> np.ndarray:
    """A path up to where it leaves the frame for good, and on to a point that is at most ten frames away."""
    (left, right), (bottom, top) = x, y
    low, high = np.array([left, bottom]), np.array([right, top])
    with np.errstate(invalid="ignore"):
        inside = np.flatnonzero(((path >= low) & (path <= high)).all(axis=1))
    path = path[: inside[-1] + 2] if inside.size else path[:1]
    near: np.ndarray = np.clip(path, low - 10 * (high - low), high + 10 * (high - low))
    return near


def _limit(axes: Axes, inside: Iterable[ArrayLike], others: Iterable[np.ndarray]) -> None:
    """The vertical range that holds the first curves, and the others as far as they do not run away."""
    known = np.concatenate([np.asarray(curve, dtype=float) for curve in inside])
    known = known[np.abs(known) < HUGE]
    low, high = float(known.min()), float(known.max())
    reach = (high - low) or abs(high) or 1.0
    near = [np.clip(curve[np.isfinite(curve)], low - reach, high + reach) for curve in others]
    known = np.concatenate([known, *near])
    room = 0.06 * max(float(np.ptp(known)), reach)
    axes.set_ylim(known.min() - room, known.max() + room)


def _decades(inside: Iterable[np.ndarray], others: Iterable[np.ndarray]) -> Range:
    """Limits of a logarithmic axis that holds the first values, and of the others what lies within sense."""
    first, others = [_positive(curve) for curve in inside], [_positive(curve) for curve in others]
    most = 30 * max((curve.max() for curve in first if curve.size), default=1 / 3)
    near = np.concatenate([*first, *(np.clip(curve, 1e-16 * most, most) for curve in others)] or [np.zeros(0)])
    return (near.min() / 2, near.max() * 2) if near.size else (most / 100, most)


def _positive(curve: np.ndarray) -> np.ndarray:
    return curve[(curve > 0) & (curve < HUGE)]


def _heights(f: Callable[[np.ndarray], float], x: Range, y: Range) -> np.ndarray:
    """f on a grid over this frame, (rows, columns); contour lines need no finer one."""
    with np.errstate(all="ignore"):
        columns, rows = np.linspace(*x, GRID[1]), np.linspace(*y, GRID[0])
        return np.array([[float(f(np.array([u, v]))) for u in columns] for v in rows])


def _contours(axes: Axes, heights: np.ndarray | None, x: Range, y: Range) -> None:
    """Contour lines in this frame, with about as much area between any two of them, denser around the minimum."""
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=x, ylim=y, autoscale_on=False)
    known = np.zeros(0) if heights is None else heights[np.isfinite(heights)]
    if not known.size:
        return
    levels = np.unique(np.quantile(known, np.linspace(0, 1, 10)[1:-1] ** 1.5))
    columns, rows = np.linspace(*x, GRID[1]), np.linspace(*y, GRID[0])
    axes.contour(columns, rows, heights, levels=levels, colors="#B4B4B4", linewidths=0.7)


def _picture(
    draw: Callable[[Axes], None],
    title: str,
    alt: str,
    note: str = "",
    *,
    legend: str | None = None,
    room: Sequence[str] = (),
    size: tuple[float, float] | None = None,
    fixed: bool = False,
) -> Picture:
    """What `draw` puts on a pair of axes, in the house style, with the legend below.

    Args:
        legend: its title.
        room: labels that the legend would have room for, so that it stays where it is when they come.
        size: (width, height) in inches, without the legend.
        fixed: place the axes where they are in every such figure, rather than around the labels of their ticks.
    """
    with DRAWING, matplotlib.style.context(["default", STYLE]):
        width, height = size or (WIDTH, HEIGHT)
        figure = Figure(layout=None if fixed else "constrained")
        axes = figure.add_subplot()
        lines = [line for part in title.split("\n") for line in textwrap.wrap(part, round(11.2 * width))]
        at = {"x": 0.02, "ha": "left"} | ({"y": 0.98} if fixed else {})
        figure.suptitle("\n".join(lines), **at)
        draw(axes)
        handles = {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        columns = _columns(room or list(handles), width)
        rows = -(-max(len(handles), len(room)) // columns) + (legend is not None)
        tall = height + LINE * rows
        figure.set_size_inches(width, tall)
        place: Any = "lower left" if fixed else "outside lower left"
        figure.legend(list(handles.values()), list(handles), loc=place, ncols=columns, title=legend, alignment="left")
        if fixed:
            figure.subplots_adjust(0.68 / width, (0.62 + LINE * rows) / tall, 1 - 0.18 / width, 1 - 0.47 / tall)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": title, "Description": alt})
        (left, bottom), (right, top) = axes.get_position().get_points().tolist()
        low, high = np.transpose([axes.get_xlim(), axes.get_ylim()]).tolist()
        window = Window((left, 1 - top, right, 1 - bottom), (low[0], high[0]), (low[1], high[1]))
        linear = axes.get_xscale() == axes.get_yscale() == "linear"
    return Picture(file.getvalue(), alt, note, window if linear else None)


def _columns(labels: Sequence[str], width: float) -> int:
    """How many columns a legend may have in a figure of this width in inches."""
    widths = [_text_width(label, STYLE["legend.fontsize"]) + 0.45 for label in labels]  # inches, the line included
    for columns in (3, 2):
        rows = max(-(-len(labels) // columns), 1)
        if sum(max(widths[i : i + rows]) for i in range(0, len(labels), rows)) <= width - 0.1:
            return columns
    return 1


@cache
def _text_width(text: str, size: float) -> float:
    """In inches."""
    return float(TextPath((0, 0), text, size=size).get_extents().width) / 72
