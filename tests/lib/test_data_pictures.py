"""The pictures of data: same bytes for the same data, text in place of what cannot be seen, wrong shapes refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chainrule.data import pictures
from chainrule.plots import Picture

FOLDER = Path(__file__).parents[2] / "docs" / "data"
X, LABELS = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2] * 2)
DRAW: dict[str, Callable[[], Picture]] = {
    "bars": lambda: pictures.bars({"a": 1, "b": 2}, title="Bars", xlabel="name", ylabel="count"),
    "classes": lambda: pictures.classes(X, LABELS, title="Classes", line=([0.6, 0.8], -1), margin=0.5),
    "images": lambda: pictures.images(np.zeros((3, 8, 8)), [1, 2, 3], title="Images", columns=2),
    "matrix": lambda: pictures.matrix(X, ["a", "b"], title="Matrix"),
    "points": lambda: pictures.points(X[:, 0], X[:, 1], (X[:, 0], X[:, 1]), title="Points"),
    "series": lambda: pictures.series({"a": [1, 2]}, title="Series", forecast=([2], [1])),
}


def test_each_is_tried() -> None:
    assert sorted(DRAW) == pictures.__all__


@pytest.mark.parametrize("name", DRAW)
def test_the_same_data_give_the_same_bytes_and_a_text(name: str) -> None:
    first, second = DRAW[name](), DRAW[name]()
    assert first == second
    assert first.alt.startswith(f"{name.capitalize()}: ") and first.alt.endswith(".")
    assert f"<dc:title>{name.capitalize()}</dc:title>" in first.svg


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"X has shape \(6, 2\) and y \(5,\); expected \(n, 2\) and \(n,\)"):
        pictures.classes(X, LABELS[:5], title="")
    with pytest.raises(ValueError, match=r"X has shape \(6, 2\) and there are 1 names; expected a name for each"):
        pictures.matrix(X, ["a"], title="")
    with pytest.raises(ValueError, match="8 curves: 7 can be told apart"):
        pictures.classes(np.zeros((8, 2)), range(8), title="")


def test_the_committed_pictures_are_of_the_data_as_they_are_now() -> None:
    spec = importlib.util.spec_from_file_location("make_data_pictures", FOLDER / "make.py")
    assert spec is not None and spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    for name, picture in make.drawings().items():
        committed = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert picture.alt.replace("<", "&lt;") in committed, f"{name}: run docs/data/make.py"
