"""Makes the pictures of docs/data.md: `.venv/bin/python docs/data/make.py`, ten seconds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from chainrule import data
from chainrule.data import pictures
from chainrule.plots import Picture

HERE = Path(__file__).parent


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def table() -> Picture:
    columns, defaulted = data.loans()
    X, names = data.one_hot(columns)
    title = f"Seven columns of rank {np.linalg.matrix_rank(X)}: the levels of each word add up to the intercept"
    words = [f"{row}, {'yes' if y else 'no'}" for row, y in enumerate(defaulted, start=1)]
    return pictures.matrix(X, names, title=title, rows=words, ylabel="applicant, defaulted")


def curve(drawn: data.Regression, title: str) -> Picture:
    X, y, f = drawn
    x = np.linspace(X.min(), X.max(), 200)
    return pictures.points(X[:, 0], y, (x, f(x[:, np.newaxis])), title=title)


def high_dimensional() -> Picture:
    X, y, f = data.linear(20, seeded())
    total = X.sum(axis=1)
    ends = np.array([total.min(), total.max()])
    target = f(np.repeat(ends[:, np.newaxis] / 200, 200, axis=1))
    title = "200 columns, 20 rows: y hangs on the sum of the columns alone"
    return pictures.points(total, y, (ends, target), title=title, xlabel="sum of the 200 columns of x")


def margin() -> Picture:
    X, y, w, b, rho, _ = data.separable(120, seeded(), margin=0.15, b=0.2)
    return pictures.classes(X, y, title="No point is nearer to the line than the margin", line=(w, b), margin=rho)


def processes() -> Picture:
    slow = data.ar(120, seeded(), coefficients=[0.9])
    swinging = data.ar(120, np.random.default_rng(1), coefficients=[1.5, -0.8]) + 14
    return pictures.series(
        {"AR(1): 0.9": slow, "AR(2): 1.5, −0.8, raised by 14": swinging}, title="One process drifts, the other swings"
    )


def forecast() -> Picture:
    a = [1.5, -0.8]
    past = data.ar(60, np.random.default_rng(1), coefficients=a)
    ahead = data.ar_forecast(past, 30, coefficients=a)
    title = "The best forecast falls back to the mean, and its spread grows to that of the process"
    return pictures.series({"AR(2)": past}, title=title, forecast=ahead)


def letters() -> Picture:
    counts = Counter(character for character in data.verses().lower() if character.isalpha())
    title = f"{len(data.verses())} characters of Lewis Carroll: e is the most frequent letter, as in most English"
    return pictures.bars(dict(sorted(counts.items())), title=title, xlabel="letter", ylabel="count")


def digits() -> Picture:
    images, labels = data.glyphs(24, seeded())
    return pictures.images(images, labels, title="Digits in 21 fonts, moved, turned, slanted, blurred, and noisy")


def drawings() -> dict[str, Picture]:
    return {
        "loans": table(),
        "polynomial": curve(data.polynomial(40, seeded()), "A cubic and 40 noisy examples of it"),
        "sine": curve(data.sine(40, seeded()), "A sine and 40 noisy examples of it"),
        "linear": high_dimensional(),
        "blobs": pictures.classes(*data.blobs(150, seeded()), title="Three clouds that overlap a little"),
        "moons": pictures.classes(*data.moons(200, seeded()), title="Two moons, which no line separates"),
        "spirals": pictures.classes(*data.spirals(300, seeded()), title="Two spirals, wound around each other"),
        "separable": margin(),
        "xor": pictures.classes(*data.xor(), title="Exclusive or: no line separates the classes"),
        "noisy-xor": pictures.classes(*data.noisy_xor(200, seeded()), title="Exclusive or, with noise"),
        "ar": processes(),
        "forecast": forecast(),
        "verses": letters(),
        "glyphs": digits(),
    }


def main() -> None:
    for name, picture in drawings().items():
        (HERE / f"{name}.svg").write_text(picture.svg, encoding="utf-8")
        print(f"{name}: {picture}")


if __name__ == "__main__":
    main()
