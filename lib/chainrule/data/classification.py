"""Classification problems in the plane, and one with a known margin.

The classes are as equal in number as n allows, in random order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from chainrule.data import _arguments as check

__all__ = ["Separable", "blobs", "moons", "noisy_xor", "separable", "spirals", "xor"]

Labelled = tuple[np.ndarray, np.ndarray]


def blobs(
    n: int, rng: np.random.Generator, *, centers: int | ArrayLike = 3, scale: float = 1.0, radius: float = 3.0
) -> Labelled:
    """Gaussian clouds of equal width. With two of them at distance D the best classifier errs with P(Z > D / 2 scale).

    Args:
        n: number of examples.
        rng: draws the order of the labels, then the points.
        centers: (K, d), the means of the classes; or K, that many evenly on a circle in the plane.
        scale: the standard deviation of every coordinate.
        radius: of that circle.

    Returns:
        X (n, d), and y (n,) with the integers 0..K-1.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y = blobs(3, np.random.default_rng(0), centers=[[1, 1], [9, 9]], scale=0.1)
    >>> X.round().tolist(), y.tolist()
    ([[1.0, 1.0], [1.0, 1.0], [9.0, 9.0]], [0, 0, 1])
    """
    n, rng, width = check.whole("n", n), check.generator(rng), check.number("scale", scale, 0)
    if np.ndim(centers) == 0:
        angles = 2 * np.pi * (np.arange(K := check.whole("centers", centers)) / K + 0.25)
        means = check.number("radius", radius, 0) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        means = check.numbers("centers", centers, "a whole number, or the points (K, d), as in [[0, 0], [3, 0]]", 2)
    y = _labels(n, len(means), rng)
    return means[y] + width * rng.normal(size=(n, means.shape[1])), y


def moons(n: int, rng: np.random.Generator, *, noise: float = 0.1) -> Labelled:
    """Two half circles of radius 1 that reach into each other, class 1 the lower one: no line separates them.

    The circles are around (0, 0) and (1, 0.5), as in scikit-learn's `make_moons`; here the angles are drawn as well.

    Args:
        n: number of examples.
        rng: draws the order of the labels, the angles, and the noise.
        noise: the standard deviation by which each coordinate is off the half circle.

    Returns:
        X (n, 2), and y (n,) of 0 and 1.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y = moons(200, np.random.default_rng(0), noise=0)
    >>> bool((X[y == 0, 1] >= 0).all() and (X[y == 1, 1] <= 0.5).all())
    True
    """
    n, rng, sigma = check.whole("n", n), check.generator(rng), check.number("noise", noise, 0)
    y, angle = _labels(n, 2, rng), rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.array([1.0, 0.5]) - upper
    return np.where(y[:, np.newaxis] == 0, upper, lower) + sigma * rng.normal(size=(n, 2)), y


def spirals(
    n: int, rng: np.random.Generator, *, classes: int = 2, turns: float = 1.25, noise: float = 0.03
) -> Labelled:
    """Arms of Archimedes' spiral, one for each class, wound around each other.

    The arms start at radius 0.1 and end at 1. Points are as dense at the end of an arm as near its start.

    Args:
        n: number of examples.
        rng: draws the order of the labels, the places along the arms, and the noise.
        classes: K, the number of arms.
        turns: by which an arm winds around the origin.
        noise: the standard deviation by which each coordinate is off the arm.

    Returns:
        X (n, 2), and y (n,) with the integers 0..K-1.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y = spirals(300, np.random.default_rng(0), classes=3, noise=0)
    >>> np.bincount(y), bool(np.hypot(*X.T).max() <= 1)
    (array([100, 100, 100]), True)
    """
    n, rng, K = check.whole("n", n), check.generator(rng), check.whole("classes", classes)
    sigma, turns = check.number("noise", noise, 0), check.number("turns", turns, 0)
    y = _labels(n, K, rng)
    radius = np.sqrt(rng.uniform(0.1**2, 1, n))
    angle = 2 * np.pi * (turns * radius + y / K)
    return radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + sigma * rng.normal(size=(n, 2)), y


class Separable(NamedTuple):
    """Points that a hyperplane separates with a known margin: `y * (X @ w + b) >= margin` and `||x|| <= radius`.

    Args:
        X: (n, d).
        y: (n,), the integers -1 and +1.
        w: (d,), of length 1.
        b: the offset.
        margin: rho. No point is nearer to the hyperplane, and the nearest of each class are as near, up to rounding.
            Another hyperplane may have a larger margin.
        radius: r.
    """

    X: np.ndarray
    y: np.ndarray
    w: np.ndarray
    b: float
    margin: float
    radius: float


def separable(
    n: int, rng: np.random.Generator, *, d: int = 2, margin: float = 0.1, radius: float = 1.0, b: float = 0.0
) -> Separable:
    """Two classes, labelled -1 and +1 as the perceptron has them, and the hyperplane that separates them.

    They are what the bound on the perceptron's mistakes speaks of, `(b^2 + 1) (r^2 + 1) / rho^2` (Novikoff, 1962).
    `(y + 1) // 2` makes the labels 0 and 1.

    Args:
        n: number of examples.
        rng: draws w, the order of the labels, the distances from the hyperplane, and the places beside it.
        d: number of columns.
        margin: rho, the distance of the nearest points from the hyperplane.
        radius: r, of the ball around the origin that holds all points.
        b: the hyperplane's offset. Both classes fit into the ball if |b| + rho < r.

    Returns:
        A Separable: X, y, w, b, margin, radius.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y, w, b, rho, r = separable(50, np.random.default_rng(0), margin=0.2)
    >>> round(float((y * (X @ w + b)).min()), 12), sorted(set(y.tolist()))
    (0.2, [-1, 1])
    """
    n, rng, d = check.whole("n", n), check.generator(rng), check.whole("d", d)
    r, b = check.number("radius", radius, 0, above=True), check.number("b", b)
    rho = check.number("margin", margin, 0, above=True)
    if not abs(b) + rho < r:
        raise ValueError(f"margin is {margin!r} and b is {b!r}; expected |b| + margin below the radius, {r:g}")

    w = _directions(1, d, rng)[0]
    y = 2 * _labels(n, 2, rng) - 1
    distance = rng.uniform(rho, r + y * b)  # no point of the ball is farther than r + y b
    for label in (-1, 1):
        distance[np.flatnonzero(y == label)[:1]] = rho
    along = y * distance - b
    aside = rng.normal(size=(n, d))
    aside -= np.outer(aside @ w, w)
    length = np.linalg.norm(aside, axis=1, keepdims=True)
    aside = np.divide(aside, length, out=np.zeros_like(aside), where=length > 1e-9)  # in one dimension there is none
    room = np.sqrt(np.maximum(r**2 - along**2, 0)) * (1 - 1e-12)  # lest rounding carry a point out of the ball
    reach = room * rng.uniform(size=n) ** (1 / max(d - 1, 1))  # uniform in the slice of the ball
    X = np.outer(along, w) + reach[:, np.newaxis] * aside
    return Separable(X, y, w, b, rho, r)


def xor() -> Labelled:
    """The four points of exclusive or, which no line separates.

    Returns:
        X (4, 2), of 0 and 1, and y (4,): 1 where the two differ.

    >>> X, y = xor()
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return X, (X[:, 0] != X[:, 1]).astype(int)


def noisy_xor(n: int, rng: np.random.Generator, *, noise: float = 0.15) -> Labelled:
    """Clouds around the four points of `xor`, each with as many points as n allows.

    Args:
        n: number of examples.
        rng: draws which of the four each is around, and the noise.
        noise: the standard deviation of every coordinate.

    Returns:
        X (n, 2), and y (n,): 1 around the corners whose coordinates differ.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y = noisy_xor(400, np.random.default_rng(0))
    >>> X.shape, np.bincount(y)
    ((400, 2), array([200, 200]))
    """
    n, rng, sigma = check.whole("n", n), check.generator(rng), check.number("noise", noise, 0)
    corners, classes = xor()
    which = _labels(n, 4, rng)
    return corners[which] + sigma * rng.normal(size=(n, 2)), classes[which]


def _labels(n: int, K: int, rng: np.random.Generator) -> np.ndarray:
    """(n,), the integers 0..K-1 in random order, each as often as the others or once more."""
    return rng.permutation(np.arange(n) % K)


def _directions(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """(n, d), unit vectors, all directions equally likely."""
    v = rng.normal(size=(n, d))
    unit: np.ndarray = v / np.linalg.norm(v, axis=1, keepdims=True)
    return unit
