"""Pictures of digits, as many and as large as one likes, in place of a data set that has to be downloaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from chainrule.data import _arguments as check

__all__ = ["FONTS", "glyphs"]

FONTS: tuple[str, ...] = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique",
    "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta",
    "cmr10", "cmb10", "cmss10", "cmti10", "cmtt10",
)  # fmt: skip
"""The fonts with digits that matplotlib brings along: DejaVu, STIX and Computer Modern."""

HEIGHT = 0.7  # of a digit, as a share of the image's side; 20 of 28 pixels in MNIST
GRID = 48  # rows and columns of points at which the distance from a digit's outline is known
SIDE = 1.7  # of that grid, in heights of the digit
BATCH = 128  # images warped at a time, so that the numbers between stay in the processor's cache


def glyphs(
    n: int,
    rng: np.random.Generator,
    *,
    size: int = 28,
    digits: Iterable[int] = range(10),
    fonts: Sequence[str] = FONTS,
    rotation: float = 15.0,
    scale: float = 0.15,
    shear: float = 0.2,
    shift: float = 0.08,
    stroke: float = 0.04,
    blur: float = 0.04,
    noise: float = 0.1,
    flat: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Images of printed digits, light on dark, each in a font and a place of its own.

    Every digit of every font is kept as the distance from its outline (Green, 2007), which any affine map of the plane
    carries along, and from which strokes of any width and sharpness are drawn. The same seed gives the same bytes, with
    the same versions of numpy and matplotlib. Images of 28 x 28 take 6 kB each.

    Args:
        n: number of images.
        rng: draws the digits, the fonts, the affine maps, the strokes, and the noise.
        size: height and width in pixels, at least 8.
        digits: which digits to draw, each equally likely.
        fonts: names from `FONTS`; train with some and test with others to see how far a model carries.
        rotation: in degrees; like the five that follow the most that is drawn, uniformly. To either side.
        scale: by which height and width, each for itself, differ from their usual size; 0.15 is 15 %.
        shear: horizontal move for each unit of height, to either side.
        shift: of the centre, as a share of the image's side, in each direction.
        stroke: by which strokes are thicker on either side, as a share of the digit's height, from 0 on.
        blur: width of an edge beyond one pixel, as a share of the image's side, from 0 on.
        noise: the standard deviation added to every pixel, before values are cut off at 0 and 1.
        flat: return each image as one row, (n, size * size), as a linear model takes it.

    Returns:
        The images, (n, size, size) with row 0 on top, values in [0, 1]; and the labels, (n,): the place of the digit in
        `digits`, which is the digit itself where all ten are drawn.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.
        ModuleNotFoundError: matplotlib is missing.

    >>> images, labels = glyphs(100, np.random.default_rng(0))
    >>> images.shape, labels.shape, bool(0 <= images.min() < images.max() <= 1)
    ((100, 28, 28), (100,), True)
    >>> X, y = glyphs(100, np.random.default_rng(0), flat=True)
    >>> X.shape, bool((X == images.reshape(100, -1)).all())
    ((100, 784), True)
    """
    n, size, rng = check.whole("n", n), check.whole("size", size, 8), check.generator(rng)
    angle = np.deg2rad(check.number("rotation", rotation, 0, 180))
    stretch, slant = check.number("scale", scale, 0, 0.5), check.number("shear", shear, 0, 1)
    reach, thicker = check.number("shift", shift, 0, 0.5), check.number("stroke", stroke, 0, 0.2)
    soft, sigma = check.number("blur", blur, 0, 0.5), check.number("noise", noise, 0)
    distances = _distances(_fonts(fonts), known := _digits(digits))

    labels, font = rng.integers(len(known), size=n), rng.integers(len(distances) // len(known), size=n)
    turn, slope = rng.uniform(-angle, angle, n), rng.uniform(-slant, slant, n)
    wide, tall = rng.uniform(1 - stretch, 1 + stretch, (2, n))
    right, down = rng.uniform(-reach, reach, (2, n))
    weight, edge = rng.uniform(0, thicker, n), 1 / size + rng.uniform(0, soft, n)

    inverse = _inverse(turn, slope, HEIGHT * wide, HEIGHT * tall)
    unit = HEIGHT * np.sqrt(wide * tall)  # side of the image by height of the digit: how distances come out
    images = np.empty((n, size, size))
    for start in range(0, n, BATCH):
        rows = slice(start, start + BATCH)
        v, u = _pixels(size, down[rows]), _pixels(size, right[rows])
        a, b, c, d = (entry[rows, np.newaxis, np.newaxis] for entry in inverse)
        x = a * u[:, np.newaxis, :] + b * v[:, :, np.newaxis]
        y = c * u[:, np.newaxis, :] + d * v[:, :, np.newaxis]
        distance = _sampled(distances, font[rows] * len(known) + labels[rows], x, y)
        distance += weight[rows, np.newaxis, np.newaxis]
        distance *= (unit[rows] / edge[rows])[:, np.newaxis, np.newaxis]
        distance += 0.5
        np.clip(distance, 0, 1, out=distance)
        if sigma:
            distance += sigma * rng.normal(size=distance.shape)
            np.clip(distance, 0, 1, out=distance)
        images[rows] = distance
    return images.reshape(n, size * size) if flat else images, labels


def _fonts(fonts: Sequence[str]) -> tuple[str, ...]:
    names = (fonts,) if isinstance(fonts, str) else tuple(fonts)
    unknown = [name for name in names if name not in FONTS]
    if unknown or not names:
        raise ValueError(f"fonts is {fonts!r}; expected one or more of {', '.join(FONTS)}")
    return names


def _digits(digits: Iterable[int]) -> tuple[int, ...]:
    known = tuple(digits)
    if not known or len(set(known)) < len(known) or any(digit not in range(10) for digit in known):
        raise ValueError(f"digits is {known}; expected one or more of 0 to 9, each once")
    return tuple(int(digit) for digit in known)


# ---- from an image back to the digit


def _inverse(turn: np.ndarray, slope: np.ndarray, wide: np.ndarray, tall: np.ndarray) -> tuple[np.ndarray, ...]:
    """The entries (a, b, c, d), (n,) each, of the inverse of rotation after shear after scaling, row by row.

    With y downwards a positive turn is clockwise, and a positive slope leans to the right.
    """
    cos, sin = np.cos(turn), np.sin(turn)
    return (cos - slope * sin) / wide, (sin + slope * cos) / wide, -sin / tall, cos / tall


def _pixels(size: int, shift: np.ndarray) -> np.ndarray:
    """(n, size), the middles of the pixels of one axis, from the centre of each digit, in sides of the image."""
    middles: np.ndarray = (np.arange(size) + 0.5) / size - 0.5 - shift[:, np.newaxis]
    return middles


def _sampled(distances: np.ndarray, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The distance of points (n, size, size) from outline number `which` (n,): between four of the grid's, bilinear."""
    for place in (x, y):  # heights of the digit from its centre, to rows and columns
        place *= (GRID - 1) / SIDE
        place += (GRID - 1) / 2
        np.clip(place, 0, GRID - 1 - 1e-9, out=place)
    column, row = x.astype(np.intp), y.astype(np.intp)
    x -= column
    y -= row
    at = row * GRID + column
    at += which[:, np.newaxis, np.newaxis] * GRID**2
    values = distances.reshape(-1)
    upper = values[at] * (1 - x) + values[at + 1] * x
    lower = values[at + GRID] * (1 - x) + values[at + GRID + 1] * x
    sampled: np.ndarray = upper + (lower - upper) * y
    return sampled


# ---- outlines


@cache
def _distances(fonts: tuple[str, ...], digits: tuple[int, ...]) -> np.ndarray:
    """(fonts * digits, GRID, GRID)."""
    return np.stack([_distance(font, digit) for font in fonts for digit in digits])


@cache
def _distance(font: str, digit: int) -> np.ndarray:
    """(GRID, GRID), the distance from the outline in heights of the digit, positive inside, row 0 on top."""
    start, end = _outline(font, digit)
    length = np.hypot(*(end - start).T)
    tangent = (end - start) / length[:, np.newaxis]
    axis = (np.arange(GRID) / (GRID - 1) - 0.5) * SIDE

    # Of each point of the grid from the start of each edge, (row, column, edge): the part along the edge, and across.
    x, y = axis[:, np.newaxis] - start[:, 0], axis[:, np.newaxis] - start[:, 1]
    along = (x * tangent[:, 0])[np.newaxis] + (y * tangent[:, 1])[:, np.newaxis]
    across = (y * tangent[:, 0])[:, np.newaxis] - (x * tangent[:, 1])[np.newaxis]
    beyond = along - np.clip(along, 0, length)
    nearest = np.sqrt((beyond**2 + across**2).min(axis=-1))

    # A point is inside where the outline winds around it: the edges that the ray to its right meets upwards and
    # downwards are not equally many.
    meets = (y > 0) != (axis[:, np.newaxis] > end[:, 1])
    upwards = np.where(meets, np.sign(tangent[:, 1]), 0.0)[:, np.newaxis]
    winding = np.where(upwards * across > 0, upwards, 0.0).sum(axis=-1)
    signed: np.ndarray = np.where(winding != 0, nearest, -nearest)
    return signed


def _outline(font: str, digit: int) -> tuple[np.ndarray, np.ndarray]:
    """The edges of a digit's outline, (edges, 2) their starts and ends: centred, of height 1, y downwards."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    path = TextPath((0, 0), str(digit), size=32, prop=FontProperties(fname=str(file)))
    loops = [np.asarray(loop) * [1, -1] for loop in path.to_polygons(closed_only=True)]
    points = np.concatenate(loops)
    low, high = points.min(axis=0), points.max(axis=0)
    loops = [(loop - (low + high) / 2) / (high - low)[1] for loop in loops]
    start = np.concatenate([loop[:-1] for loop in loops])
    end = np.concatenate([loop[1:] for loop in loops])
    proper = (start != end).any(axis=1)
    return start[proper], end[proper]
