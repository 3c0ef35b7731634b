"""Pictures of data, in the house style of `chainrule.plots`; docs/data.md shows one of each.

The title is the caller's, who knows what the picture shows. Classes differ by colour and marker, series by colour,
marker and dash; the noiseless target is the broad orange band that an expected curve is everywhere in the course.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from chainrule import plots
from chainrule.plots import Picture

__all__ = ["bars", "classes", "images", "matrix", "points", "series"]


def classes(
    X: ArrayLike,
    y: ArrayLike,
    *,
    title: str,
    line: tuple[ArrayLike, float] | None = None,
    margin: float = 0.0,
) -> Picture:
    """Points of the plane, a colour and a marker for each class.

    Args:
        X: (n, 2).
        y: (n,), integers; at most seven different ones.
        title: what the picture shows.
        line: (w, b), to draw the line `x @ w + b = 0`, w of length 1.
        margin: draw dashed lines at this distance on either side of it.

    Returns:
        The picture, with the same unit on both axes.

    >>> print(classes([[0, 0], [1, 1], [0, 1]], [0, 0, 1], title="Three points"))
    Three points: 3 points of the plane, 2 of class 0, 1 of class 1.
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    if X.shape != (len(y), 2):
        raise ValueError(f"X has shape {X.shape} and y {y.shape}; expected (n, 2) and (n,)")
    counts = {label: int((y == label).sum()) for label in np.unique(y).tolist()}

    def draw(axes: Axes) -> None:
        for (label, count), look in zip(counts.items(), plots.looks(map(str, counts)).values(), strict=True):
            style: Any = {"color": look.colour, "marker": look.marker, "markeredgecolor": "white", "linestyle": "none"}
            style |= {"markersize": 5 if len(y) > 20 else 9, "markeredgewidth": 0.4}
            axes.plot(*X[y == label].T, **style, label=f"class {label} ({count})".replace("-", "−"))
        axes.set(xlabel="$x_1$", ylabel="$x_2$")
        axes.set_aspect("equal", adjustable="datalim")
        if line is not None:
            _hyperplane(axes, np.asarray(line[0], dtype=float), line[1], margin)

    parts = [f"{count} of class {label}" for label, count in counts.items()]
    alt = f"{title}: {len(y)} points of the plane, {', '.join(parts)}"
    alt += "." if line is None else "; a line separates them" + (f" with margin {margin:g}." if margin else ".")
    return plots._picture(draw, title, alt)


def points(
    x: ArrayLike,
    y: ArrayLike,
    target: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    title: str,
    xlabel: str = "$x$",
    ylabel: str = "$y$",
) -> Picture:
    """A training set of one variable, and the curve that it is scattered around.

    Args:
        x: (n,).
        y: (n,).
        target: the curve, as two arrays (m,).
        title: what the picture shows.
        xlabel: with its unit, if it has one.
        ylabel: with its unit, if it has one.

    >>> print(points([0, 1], [0.1, 0.9], ([0, 1], [0, 1]), title="Near the diagonal"))
    Near the diagonal: 2 points, from 0 to 1 and from 0.1 to 0.9, around the noiseless target.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)

    def draw(axes: Axes) -> None:
        if target is not None:
            plots._band(axes, *target, label="noiseless target f")
        style: Any = {"color": plots.YOURS, "marker": "o", "markeredgecolor": "white"}
        axes.plot(x, y, linestyle="none", **style, label=f"{len(x)} examples", zorder=3)
        axes.set(xlabel=xlabel, ylabel=ylabel)

    alt = f"{title}: {len(x)} points, from {x.min():.3g} to {x.max():.3g} and from {y.min():.3g} to {y.max():.3g}"
    return plots._picture(draw, title, alt + ("." if target is None else ", around the noiseless target."))


def series(
    curves: Mapping[str, ArrayLike],
    *,
    title: str,
    forecast: tuple[ArrayLike, ArrayLike] | None = None,
    xlabel: str = "step $t$",
    ylabel: str = "$x_t$",
) -> Picture:
    """Series against time, at most seven, one above the other if they overlap: give them offsets of your own.

    Args:
        curves: (n,) by name.
        title: what the picture shows.
        forecast: means and standard deviations (k,) of the k values after the first series, drawn as a band of two
            standard deviations on either side.
        xlabel: with its unit, if it has one.
        ylabel: with its unit, if it has one.

    >>> print(series({"walk": [0, 1, 0]}, title="A walk", forecast=([0, 0], [1, 1.4])))
    A walk: walk has 3 values between 0 and 1. The next 2 are forecast.
    """
    arrays = {name: np.asarray(curve, dtype=float) for name, curve in curves.items()}

    def draw(axes: Axes) -> None:
        for name, look in plots.looks(arrays).items():
            every = max(1, len(arrays[name]) // 12)
            axes.plot(arrays[name], **{**plots._line(look), "linewidth": 1.2}, markevery=every, label=name)
        if forecast is not None:
            mean, deviation = (np.asarray(moment, dtype=float) for moment in forecast)
            last = next(iter(arrays.values()))
            time = np.arange(len(last) - 1, len(last) + len(mean))
            mean, deviation = np.append(last[-1], mean), np.append(0, deviation)
            spread: Any = {"facecolor": "#F6DCA8", "edgecolor": plots.EDGE, "linewidth": 0.6, "label": "± 2 deviations"}
            axes.fill_between(time, mean - 2 * deviation, mean + 2 * deviation, **spread)
            axes.plot(time, mean, **{**plots.BAND, "linewidth": 2.5}, label="best forecast")
        axes.set(xlabel=xlabel, ylabel=ylabel)

    parts = [f"{name} has {len(a)} values between {a.min():.3g} and {a.max():.3g}" for name, a in arrays.items()]
    alt = f"{title}: {'; '.join(parts)}."
    alt += "" if forecast is None else f" The next {np.size(forecast[0])} are forecast."
    return plots._picture(draw, title, alt)


def images(images: ArrayLike, labels: ArrayLike, *, title: str, columns: int = 8) -> Picture:
    """Images beside each other, each with its label.

    Args:
        images: (n, height, width), values in [0, 1], 1 drawn black.
        labels: (n,).
        title: what the picture shows.
        columns: how many stand in a row.

    >>> print(images(np.eye(8)[None], [7], title="A diagonal"))
    A diagonal: 1 image of 8 by 8 pixels, labelled 7.
    """
    pixels, labels = np.asarray(images, dtype=float), np.asarray(labels)
    n, height, width = pixels.shape
    columns = min(columns, n)
    rows = -(-n // columns)

    def draw(axes: Axes) -> None:
        for place, (image, label) in enumerate(zip(pixels, labels.tolist(), strict=True)):
            row, column = divmod(place, columns)
            box = (column, column + 0.94, 1.45 * row + 0.94, 1.45 * row)
            axes.imshow(image, extent=box, cmap="gray_r", vmin=0, vmax=1, interpolation="none")
            axes.text(column + 0.47, 1.45 * row + 0.98, str(label), ha="center", va="top", fontsize=9)
        axes.set(xlim=(0, columns), ylim=(1.45 * rows, 0), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)

    alt = f"{title}: {n} image{'s' * (n != 1)} of {height} by {width} pixels, labelled {', '.join(map(str, labels))}."
    return plots._picture(draw, title, alt, size=(plots.WIDTH, 1.45 * plots.WIDTH * rows / columns + 0.5))


def matrix(
    X: ArrayLike, names: Sequence[str], *, title: str, rows: Sequence[str] = (), ylabel: str = "example"
) -> Picture:
    """A small matrix with its numbers; a column of zeros and ones has its ones shaded.

    Args:
        X: (n, p).
        names: of the p columns.
        title: what the picture shows.
        rows: names of the n rows; their numbers, if empty.
        ylabel: what the rows are.

    >>> print(matrix([[1, 0], [1, 7]], ["one", "x"], title="A matrix"))
    A matrix: 2 rows; the columns are one, x.
    """
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] != len(names):
        raise ValueError(f"X has shape {X.shape} and there are {len(names)} names; expected a name for each column")
    n, p = X.shape
    binary: np.ndarray = ((X == 0) | (X == 1)).all(axis=0)

    def draw(axes: Axes) -> None:
        axes.imshow(np.where(binary, X, 0), cmap="Blues", vmin=0, vmax=1.25, aspect="auto", interpolation="none")
        for (row, column), value in np.ndenumerate(X):
            colour = "white" if binary[column] and value == 1 else "black"
            axes.text(column, row, f"{value:g}", ha="center", va="center", fontsize=9, color=colour)
        axes.set_xticks(range(p), list(names), rotation=90)
        axes.set_yticks(range(n), list(rows) or [str(row) for row in range(n)])
        axes.set_xticks(np.arange(1, p) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, n) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        axes.set_ylabel(ylabel)

    alt = f"{title}: {n} rows; the columns are {', '.join(names)}."
    return plots._picture(draw, title, alt, size=(plots.WIDTH, 0.9 + 0.21 * n + 0.075 * max(map(len, names))))


def bars(heights: Mapping[str, float], *, title: str, xlabel: str, ylabel: str) -> Picture:
    """A bar for each name.

    Args:
        heights: by name.
        title: what the picture shows.
        xlabel: what the names are.
        ylabel: what the heights are, with their unit.

    >>> print(bars({"a": 3, "b": 1}, title="Letters", xlabel="letter", ylabel="count"))
    Letters: count by letter; highest a with 3, lowest b with 1.
    """

    def draw(axes: Axes) -> None:
        axes.bar(range(len(heights)), list(heights.values()), color=plots.YOURS)
        axes.set_xticks(range(len(heights)), list(heights), fontsize=7 if len(heights) > 20 else 9)
        axes.tick_params(axis="x", length=0, pad=2)
        axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.7, len(heights) - 0.3))

    order = sorted(heights, key=lambda name: heights[name])
    alt = f"{title}: {ylabel} by {xlabel}; highest {order[-1]} with {heights[order[-1]]:g}"
    return plots._picture(draw, title, f"{alt}, lowest {order[0]} with {heights[order[0]]:g}.")


def _hyperplane(axes: Axes, w: np.ndarray, b: float, margin: float) -> None:
    """The points x with x @ w + b = 0, and those at the margin on either side."""
    along = np.array([-w[1], w[0]])
    for distance in (0.0, -margin, margin) if margin else (0.0,):
        point = (distance - b) * w
        style: Any = {"label": f"margin {margin:g}" if distance else "separator"}
        style["linestyle"] = (0, (4, 2)) if distance else "-"
        axes.axline(tuple(point), tuple(point + along), color="black", linewidth=1, **style)
