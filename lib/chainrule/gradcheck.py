"""Derivatives by differences, and whether a gradient agrees with them.

Steps are chosen as in Press, Teukolsky, Vetterling and Flannery, Numerical Recipes (3rd ed., 2007), section 5.7: a
central difference errs by about h^2 from what it leaves out and by eps / h from rounding, which together are least near
h = eps^(1/3), times the size of x where that is above 1; second differences err by h^2 and eps / h^2, least near
eps^(1/4). `step_study` measures it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule import autodiff
from chainrule.checks import CheckFailed

if TYPE_CHECKING:
    from chainrule.plots import Picture

__all__ = [
    "StepStudy",
    "check_gradient",
    "check_grads",
    "numerical_gradient",
    "numerical_hessian",
    "numerical_jacobian",
    "relative_error",
    "step_picture",
    "step_study",
]

FLOOR = 1e-8  # below this size, errors are not relative


# ---- differences


def numerical_gradient(f: Callable[[Any], Any], x: ArrayLike, h: float | None = None) -> Any:
    """The gradient of a scalar function by central differences, `(f(x + h e_i) - f(x - h e_i)) / 2h` for each i.

    Args:
        f: returns one number, given an array of x's shape. It gets a copy each time.
        x: an array of any shape, or a number. Whole numbers become float64.
        h: the step; by default eps^(1/3) of x's dtype, times |x_i| where that is above 1.

    Returns:
        An array of x's shape and dtype. It takes 2 calls of f for each element.

    Raises:
        ValueError: f returns more than one number, or h is not positive.

    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, 2.0])).round(6)
    array([2., 4.])
    """
    x = _point(x)
    if np.size(f(x.copy())) != 1:
        raise ValueError(
            f"f returns the shape {np.shape(f(x.copy()))}; a gradient is of one number. "
            "Reduce it, as with .sum(), or use numerical_jacobian"
        )
    return numerical_jacobian(lambda z: np.reshape(f(z), ()), x, h)


def numerical_jacobian(f: Callable[[Any], Any], x: ArrayLike, h: float | None = None) -> Any:
    """All first derivatives of f by central differences, in the course's layout: `J[i, j]` is that of output j by
    input i, so that x of shape (n,) and f(x) of shape (m,) give (n, m).

    Args:
        f: returns an array or number, given an array of x's shape. It gets a copy each time.
        x, h: as for numerical_gradient.

    Returns:
        An array of shape (*x.shape, *f(x).shape).

    >>> A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> numerical_jacobian(lambda x: A @ x, np.ones(3)).round(6)
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])
    """
    x = _point(x)
    steps = _steps(x, h, 1 / 3)
    rows = []
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += steps[i]
        down[i] -= steps[i]
        width = up[i] - down[i]  # what the step became by rounding
        rows.append((np.asarray(f(up)) - np.asarray(f(down))) / width)
    if not rows:
        return np.zeros((*x.shape, *np.shape(f(x.copy()))), x.dtype)
    return np.stack(rows).reshape((*x.shape, *rows[0].shape))[()]


def numerical_hessian(f: Callable[[Any], Any], x: ArrayLike, h: float | None = None) -> Any:
    """All second derivatives of a scalar function by central differences of central differences.

    Args:
        f, x: as for numerical_gradient.
        h: the step; by default eps^(1/4) of x's dtype, times |x_i| where that is above 1.

    Returns:
        An array of shape (*x.shape, *x.shape), symmetric: (n, n) for x of shape (n,). It takes 2 n (n + 1) calls of f.

    >>> numerical_hessian(lambda x: x[0] ** 2 * x[1], np.array([3.0, 5.0])).round(4)
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    x = _point(x)
    steps, flat = _steps(x, h, 1 / 4).reshape(-1), x.reshape(-1)
    hessian = np.zeros((x.size, x.size), x.dtype)

    def at(i: int, a: int, j: int, b: int) -> Any:
        moved = flat.copy()
        moved[i] += a * steps[i]
        moved[j] += b * steps[j]
        return np.reshape(f(moved.reshape(x.shape)), ())

    for i in range(x.size):
        for j in range(i + 1):
            corners = at(i, 1, j, 1) - at(i, 1, j, -1) - at(i, -1, j, 1) + at(i, -1, j, -1)
            hessian[i, j] = hessian[j, i] = corners / (4 * steps[i] * steps[j])
    return hessian.reshape((*x.shape, *x.shape))[()]


def relative_error(a: ArrayLike, b: ArrayLike, floor: float = FLOOR) -> float:
    """How far two arrays are apart: `max|a - b| / max(max|a|, max|b|, floor)`.

    The largest difference, in parts of the largest element: small elements beside large ones are not asked for digits
    that differences do not have. 0 for empty arrays, NaN if there is one in them.

    Raises:
        ValueError: the shapes differ.

    >>> relative_error([1.0, 100.0], [1.0, 101.0])
    0.009900990099009901
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"arrays of shapes {a.shape} and {b.shape}; they have to be equal")
    if not a.size:
        return 0.0
    return float(np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max(), floor))


# ---- checks


def check_gradient(
    f: Callable[[Any], Any],
    df: Callable[[Any], Any],
    x: ArrayLike,
    *,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Assert that df, written by hand, is the gradient of f at x.

    Args:
        f: a scalar function of an array.
        df: its gradient, of the shape of x.
        x: where they are compared; an array or number.
        rtol, atol: entries agree if they differ by at most `atol + rtol * |difference quotient|`. By default both are
            100 sqrt(eps): 1.5e-6 for float64, 0.035 for float32.

    Raises:
        AssertionError: the message has the entry that is farthest off, both values, and what to look at.

    >>> check_gradient(lambda x: (x**2).sum(), lambda x: 2 * x, np.array([1.0, 2.0]))
    >>> check_gradient(lambda x: x**2, lambda x: x, 1.5)
    Traceback (most recent call last):
        ...
    chainrule.checks.CheckFailed: the gradient differs; it is 1.5 and central differences give 3. A factor 2 is missing
    """
    x = _point(x)
    got = np.asarray(df(x.copy()))
    if got.shape != x.shape:
        raise CheckFailed(f"the gradient has shape {got.shape}; expected that of x, {x.shape}")
    _compare(f, got, x, "the gradient", "", *_tolerances(x.dtype, rtol, atol))


def check_grads(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    rng: np.random.Generator | None = None,
) -> None:
    """Assert that reverse mode and differences agree on f, in each argument that holds floats, along random directions.

    Derivatives of higher order are differences of those one lower, which have been checked before. If f returns an
    array, a random combination of its elements is differentiated.

    Args:
        f: a function of arrays and numbers, written for chainrule.autodiff.
        args: where it is checked; whole numbers and anything but arrays and floats are constant.
        order: how often it is differentiated, at least 1.
        rtol, atol: as for check_gradient.
        rng: draws the directions; by default one that draws the same each time.

    Raises:
        AssertionError: the message names the argument, the order and the element that is farthest off, with both
            values. If f has a kink within a step of the point, it says so.
        ValueError: no argument holds floats, or order is below 1.

    >>> check_grads(lambda x, y: np.sin(x) * y, np.array([1.0, 2.0]), 3.0)
    """
    floats = [i for i, a in enumerate(args) if _is_float(a)]
    if not floats or order < 1:
        raise ValueError(f"nothing to check: {len(floats)} of {len(args)} arguments hold floats, and order is {order}")
    rng = np.random.default_rng(0) if rng is None else rng
    points = [_point(a) if i in floats else a for i, a in enumerate(args)]
    z = np.asarray(f(*points))
    weights = rng.normal(size=z.shape).astype(z.dtype)
    scalar: Callable[..., Any] = f if z.ndim == 0 else lambda *xs: (f(*xs) * weights).sum()
    names = _names(f, len(args))
    for n in range(1, order + 1):
        for i in floats:
            at, g = points[i], autodiff.grad(scalar, i)(*points)
            limits = _tolerances(at.dtype, rtol, atol)

            def along(x: Any, i: int = i, scalar: Callable[..., Any] = scalar) -> Any:
                return scalar(*points[:i], x, *points[i + 1 :])

            what = f"the derivative of order {n} by {names[i]}"
            if not all(_agree_along(along, g, at, rng, *limits) for _ in range(2)):
                combined = " of a random combination of the results" if z.ndim and n == 1 else ""
                combined = f" of the gradient of order {n - 1} along random directions" if n > 1 else combined
                _compare(along, np.asarray(g), at, what, combined, *limits)
                _compare(along, np.asarray(g), at, what, combined, 0.0, 0.0)  # no element alone is that far off
        directions = {i: _direction(points[i], rng) for i in floats}
        scalar = _slope(scalar, directions)


def _slope(f: Callable[..., Any], directions: dict[int, Any]) -> Callable[..., Any]:
    """The derivative of f along directions in several arguments."""

    def slope(*xs: Any) -> Any:
        return sum((autodiff.grad(f, i)(*xs) * v).sum() for i, v in directions.items())

    return slope


def _agree_along(
    f: Callable[[Any], Any], g: Any, x: np.ndarray, rng: np.random.Generator, rtol: float, atol: float
) -> bool:
    v = _direction(x, rng)
    expected = _along(f, x, v, _step(x))
    return bool(abs((g * v).sum() - expected) <= atol + rtol * abs(expected))


def _compare(
    f: Callable[[Any], Any], got: np.ndarray, x: np.ndarray, what: str, of: str, rtol: float, atol: float
) -> None:
    """Entry by entry."""
    expected = np.asarray(numerical_gradient(f, x))
    off = np.abs(got - expected)
    wrong = ~(off <= atol + rtol * np.abs(expected))
    if not wrong.any():
        return
    worst = np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off * wrong)), off.shape)
    place = f"the worst, at [{', '.join(map(str, worst))}], is" if x.ndim else "it is"
    count = f" in {np.count_nonzero(wrong)} of {off.size} entries" if x.ndim else ""
    raise CheckFailed(
        f"{what}{of} differs{count}; {place} {got[worst]:.6g} and central differences give {expected[worst]:.6g}. "
        + _advice(f, x, worst, float(got[worst]), float(expected[worst]))
    )


def _advice(f: Callable[[Any], Any], x: np.ndarray, i: Any, got: float, expected: float) -> str:
    e = np.zeros_like(x)
    e[i] = 1
    if not np.isfinite(got) or not np.isfinite(expected):
        return "One is not finite: is the point at the edge of where f is defined? Move it"
    if _kinked(f, x, e, abs(got - expected)):
        return (
            f"f has a kink within {float(_step(x)):.1g} of this point, where differences mean nothing: "
            "move the point away from it"
        )
    if expected and abs(got / expected - round(got / expected)) < 1e-3 and 2 <= abs(round(got / expected)) <= 1000:
        return f"A factor {round(got / expected)} is too much; is a mean meant?"
    if got and abs(expected / got - round(expected / got)) < 1e-3 and abs(round(expected / got)) >= 2:
        return f"A factor {round(expected / got)} is missing"
    if expected and abs(got / expected + 1) < 1e-3:
        return "It has the other sign"
    return "Check that term of the derivative alone, with the others set to zero"


def _kinked(f: Callable[[Any], Any], x: np.ndarray, v: np.ndarray, deviation: float) -> bool:
    """Whether a kink near x explains the deviation.

    The slopes to both sides differ by h f'' where f is smooth, which doubles with h. Across a kink they differ by its
    jump, or part of it, and by at least twice what any slope between them is off.
    """
    h = _step(x)
    gaps = [abs(_one_sided(f, x, v, k * h) + _one_sided(f, x, -v, k * h)) for k in (1, 2, 4)]
    smooth = abs(gaps[1] - 2 * gaps[0]) <= 0.2 * gaps[1] and abs(gaps[2] - 4 * gaps[0]) <= 0.2 * gaps[2]
    return bool(not smooth and max(gaps) >= 0.9 * deviation)


def _one_sided(f: Callable[[Any], Any], x: np.ndarray, v: np.ndarray, h: Any) -> Any:
    return (np.reshape(f(x + h * v), ()) - np.reshape(f(x.copy()), ())) / h


def _along(f: Callable[[Any], Any], x: np.ndarray, v: np.ndarray, h: Any) -> Any:
    """The central difference along v."""
    return (np.reshape(f(x + h * v), ()) - np.reshape(f(x - h * v), ())) / (2 * h)


def _direction(x: np.ndarray, rng: np.random.Generator) -> Any:
    """Of length 1."""
    v = np.asarray(rng.normal(size=x.shape)).astype(x.dtype)
    return v / (np.sqrt((v * v).sum()) or 1)


# ---- steps


@dataclass(frozen=True)
class StepStudy:
    """Errors of difference quotients.

    Args:
        steps: (k,), step sizes h, in the unit of x.
        dtypes: names of the d dtypes.
        errors: (d, 2, k), relative errors for each dtype, of forward and of central differences, at each step.
    """

    steps: np.ndarray
    dtypes: tuple[str, ...]
    errors: np.ndarray

    def curves(self) -> dict[str, np.ndarray]:
        """The errors by name: "central, float64"."""
        kinds = ("forward", "central")
        return {f"{k}, {d}": self.errors[i, j] for i, d in enumerate(self.dtypes) for j, k in enumerate(kinds)}

    def best(self) -> dict[str, tuple[float, float]]:
        """The step with the smallest error, and that error, for each curve."""
        return {n: (float(self.steps[i]), float(e[i])) for n, e in self.curves().items() for i in [int(np.argmin(e))]}


def step_study(
    f: Callable[[Any], Any],
    x: ArrayLike,
    steps: ArrayLike | None = None,
    dtypes: Sequence[Any] = (np.float32, np.float64),
    *,
    gradient: Callable[[Any], Any] | None = None,
) -> StepStudy:
    """How wrong forward and central differences are, for each step and dtype.

    Large steps leave out too much: the error falls like h, or h^2 for central differences. Small ones lose digits, and
    the error grows like eps / h. Between them lies the best step.

    Args:
        f: a scalar function of an array that computes in the dtype of its argument.
        x: the point; an array or number.
        steps: (k,), positive step sizes; by default four in each decade from 1e-13 to 0.1.
        dtypes: in which f is computed.
        gradient: the exact gradient; by default reverse mode's, in float64.

    Returns:
        The errors, as relative_error defines them, against the exact gradient at the rounded point.

    >>> study = step_study(np.exp, 1.0, [1e-1, 1e-3, 1e-5], [np.float64])
    >>> study.errors[0, 1].round(8)  # of central differences: h^2 / 6
    array([1.66472e-03, 1.70000e-07, 0.00000e+00])
    """
    h = np.geomspace(1e-13, 1e-1, 49) if steps is None else np.asarray(steps, float)
    if h.ndim != 1 or not (h > 0).all():
        raise ValueError("steps are positive numbers, in an array of one axis")
    exact = autodiff.grad(f) if gradient is None else gradient
    errors = np.zeros((len(dtypes), 2, len(h)))
    for i, dtype in enumerate(dtypes):
        at = _point(x).astype(dtype)
        truth = np.asarray(exact(at.astype(np.float64)))
        for k, step in enumerate(h):
            for j, quotient in enumerate((_forward, _central)):
                errors[i, j, k] = relative_error(quotient(f, at, at.dtype.type(step)), truth)
    return StepStudy(h, tuple(np.dtype(d).name for d in dtypes), errors)


def _forward(f: Callable[[Any], Any], x: np.ndarray, h: Any) -> np.ndarray:
    here = np.reshape(f(x.copy()), ())
    return np.array([(np.reshape(f(z), ()) - here) / h for z in _moved(x, h)]).reshape(x.shape)


def _central(f: Callable[[Any], Any], x: np.ndarray, h: Any) -> np.ndarray:
    pairs = zip(_moved(x, h), _moved(x, -h), strict=True)
    return np.array([(np.reshape(f(a), ()) - np.reshape(f(b), ())) / (2 * h) for a, b in pairs]).reshape(x.shape)


def _moved(x: np.ndarray, h: Any) -> list[np.ndarray]:
    """x with each of its elements moved by h, one after the other."""
    moved = []
    for i in np.ndindex(x.shape):
        z = x.copy()
        z[i] += h
        moved.append(z)
    return moved


def step_picture(study: StepStudy, name: str = "") -> Picture:
    """The errors against the step, both axes logarithmic, with the best steps marked and the slopes named.

    Args:
        study: what step_study returns.
        name: of the function, for the title.

    >>> step_picture(step_study(np.exp, 1.0, [1e-2, 1e-1])).alt.split(": ")[0]
    'Relative errors of difference quotients against the step h. Best'
    """
    from chainrule import plots

    curves, best = study.curves(), study.best()
    seen = study.errors[study.errors > 0]
    least = float(seen.min()) / 10 if seen.size else 1e-16  # stands for 0 on the logarithmic axis
    shown = {n: np.clip(np.nan_to_num(e, nan=10), least, 10) for n, e in curves.items()}

    def draw(axes: Any) -> None:
        axes.set(xscale="log", yscale="log", xlabel="step h", ylabel="relative error")
        plots._several(axes, shown, {n: plots._Result(e) for n, e in shown.items()}, study.steps)
        for h, e in best.values():
            axes.plot(h, max(e, least), linestyle="none", color="black", zorder=4, label="best step", **_STAR)
        for text, h, e, offset in _slopes(study, shown):
            axes.annotate(text, (h, e), offset, textcoords="offset points", size=9, ha="center", va="center")

    step, error = min(best.values(), key=lambda pair: pair[1])
    message = f"least error {error:.0e}, at h = {step:.0e}"
    said = "; ".join(f"{n}: {e:.1e} at h = {h:.1e}" for n, (h, e) in best.items())
    alt = f"Relative errors of difference quotients against the step h. Best: {said}. Right of its best step the error "
    alt += "grows like h (forward) or h² (central), left of it like 1/h."
    return plots._picture(draw, f"{name}: {message}" if name else plots._capital(message), alt)


_STAR: dict[str, Any] = {"marker": "*", "markersize": 11, "markeredgecolor": "white"}


def _slopes(study: StepStudy, shown: dict[str, np.ndarray]) -> list[tuple[str, float, float, tuple[int, int]]]:
    """What to write beside the curves of the last dtype, at which step and error, and how far from there: the power of
    h, where the error is measured to grow by it."""
    found: list[tuple[str, float, float, tuple[int, int]]] = []
    if len(study.steps) < 8:
        return found
    for kind, power, text, offset in (("forward", 1, "∝ h", (-14, 6)), ("central", 2, "∝ h²", (16, -6))):
        errors = shown[f"{kind}, {study.dtypes[-1]}"]
        slope, low = np.gradient(np.log(errors), np.log(study.steps)), int(np.argmin(errors))
        if right := [i for i in range(low + 1, len(errors)) if abs(slope[i] - power) < 0.1]:
            i = right[len(right) // 3]
            found.append((text, study.steps[i], errors[i], offset))
        if kind == "central" and low > 4:
            found.append(("∝ 1/h", study.steps[low // 2], errors[low // 2], (-14, -12)))
    return found


# ---- points


def _point(x: ArrayLike) -> np.ndarray:
    """A copy as an array of floats."""
    array = np.array(x)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"x holds real numbers, and this is of dtype {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _is_float(a: Any) -> bool:
    return isinstance(a, float) or (isinstance(a, np.ndarray | np.generic) and a.dtype.kind == "f")


def _steps(x: np.ndarray, h: float | None, power: float) -> np.ndarray:
    """The step of each element."""
    if h is not None and not h > 0:
        raise ValueError(f"the step h is {h}; it has to be positive")
    size = np.finfo(x.dtype).eps ** power * np.maximum(1, np.abs(x)) if h is None else np.full(x.shape, h)
    return np.asarray(size, x.dtype)


def _step(x: np.ndarray) -> Any:
    """One step for all directions."""
    return x.dtype.type(_steps(x, None, 1 / 3).max(initial=0))


def _tolerances(dtype: Any, rtol: float | None, atol: float | None) -> tuple[float, float]:
    usual = 100 * float(np.sqrt(np.finfo(dtype).eps))
    return usual if rtol is None else rtol, usual if atol is None else atol


def _names(f: Callable[..., Any], n: int) -> list[str]:
    """What f calls its arguments."""
    try:
        known = [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        known = []
    return [f"argument {i}" + (f" ({known[i]})" if i < len(known) else "") for i in range(n)]
