"""What all data sets have in common: one generator, one convention, one wording for what they refuse."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chainrule import data
from chainrule.data import pictures
from hypothesis import given, settings
from hypothesis import strategies as st

Draw = Callable[..., tuple[np.ndarray, ...]]
DRAWN: dict[str, Draw] = {  # each called with n and rng
    "polynomial": data.polynomial,
    "sine": data.sine,
    "linear": data.linear,
    "blobs": data.blobs,
    "moons": data.moons,
    "spirals": data.spirals,
    "separable": data.separable,
    "noisy_xor": data.noisy_xor,
    "ar": lambda n, rng, **options: (data.ar(n, rng, **options),),
    "glyphs": lambda n, rng, **options: data.glyphs(n, rng, **{"fonts": data.FONTS[:2], "size": 8} | options),
}
CLASSES = {"blobs": 3, "moons": 2, "spirals": 2, "noisy_xor": 2, "glyphs": 10}


def arrays(name: str, n: int, seed: int, **options: Any) -> list[np.ndarray]:
    return [a for a in DRAWN[name](n, np.random.default_rng(seed), **options) if isinstance(a, np.ndarray)]


@pytest.mark.parametrize("name", DRAWN)
@given(n=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_any_number_of_examples(name: str, n: int, seed: int) -> None:
    X, *y = arrays(name, n, seed)
    assert len(X) == n and X.dtype == np.float64 and np.isfinite(X).all()
    assert all(a.shape == (n,) for a in y[:1])
    if name in CLASSES:
        assert y[0].dtype.kind == "i" and set(y[0].tolist()) <= set(range(CLASSES[name]))
    if name in CLASSES.keys() - {"glyphs", "noisy_xor"}:  # as equal as can be
        assert np.ptp(np.bincount(y[0], minlength=CLASSES[name])) <= 1


@pytest.mark.parametrize("name", DRAWN)
def test_the_seed_decides_and_nothing_else_is_touched(name: str) -> None:
    before = [np.random.get_state()[1].tolist(), random.getstate()]
    first, again, other = (arrays(name, 20, seed) for seed in (1, 1, 2))
    assert [a.tobytes() for a in first] == [a.tobytes() for a in again] != [a.tobytes() for a in other]
    assert [np.random.get_state()[1].tolist(), random.getstate()] == before


@pytest.mark.parametrize("name", DRAWN)
def test_the_generator_moves_on(name: str) -> None:
    rng = np.random.default_rng(0)
    first, second = (DRAWN[name](20, rng)[0] for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize(("n", "what"), [(0, "0"), (-3, "-3"), (2.0, "2.0"), ("5", "'5'"), (None, "None")])
def test_a_number_that_is_none_is_refused(name: str, n: Any, what: str) -> None:
    with pytest.raises(ValueError, match=f"^n is {re.escape(what)}; expected a whole number of at least 1$"):
        DRAWN[name](n, np.random.default_rng(0))


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize(
    "rng", [0, None, np.random, np.random.RandomState(0)], ids=["seed", "none", "module", "legacy"]
)
def test_what_is_no_generator_is_refused(name: str, rng: Any) -> None:
    with pytest.raises(TypeError, match=r"^rng is .*; expected a generator: np.random.default_rng\(seed\)$"):
        DRAWN[name](5, rng)


NOISE = {name: "scale" if name == "blobs" else "noise" for name in DRAWN if name != "separable"}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {key: bad}, f"{key} is {bad!r}; expected a number of at least 0")
      for name, key in NOISE.items() for bad in (-1, float("nan"), float("inf"), "a", None)),
    ("polynomial", {"coefficients": []}, "coefficients is []; expected one or more numbers, the constant first"),
    ("polynomial", {"coefficients": "abc"}, "coefficients is 'abc'; expected"),
    ("polynomial", {"coefficients": [1, np.nan]}, "coefficients is [1, nan]; expected"),
    ("sine", {"span": (1, 1)}, "span is (1, 1); expected two numbers, the lower first, as in (-1, 1)"),
    ("sine", {"span": (0, 1, 2)}, "span is (0, 1, 2); expected two numbers"),
    ("sine", {"frequency": "fast"}, "frequency is 'fast'; expected a number"),
    ("linear", {"d": 0}, "d is 0; expected a whole number of at least 1"),
    ("linear", {"d": 3, "weights": [1, 2]}, "weights is an array of shape (2,); expected a number, or 3 numbers"),
    ("linear", {"weights": "heavy"}, "weights is 'heavy'; expected a number, or 200 numbers"),
    ("blobs", {"centers": 0}, "centers is 0; expected a whole number of at least 1"),
    ("blobs", {"centers": [1, 2]}, "centers is [1, 2]; expected a whole number, or the points (K, d)"),
    ("spirals", {"classes": 1.5}, "classes is 1.5; expected a whole number of at least 1"),
    ("separable", {"margin": 0}, "margin is 0; expected a number above 0"),
    ("separable", {"radius": -1}, "radius is -1; expected a number above 0"),
    ("separable", {"margin": 0.6, "b": -0.4}, "margin is 0.6 and b is -0.4; expected |b| + margin below the radius, 1"),
    ("ar", {"coefficients": [1.0]}, "coefficients is [1.0], which is not stationary: a root of its characteristic "
     "polynomial has modulus 1; expected all below 1. To draw it all the same, say where it starts: start=[0.0]"),
    ("ar", {"coefficients": [0.5, 0.6]}, "modulus 1.064; expected all below 1. To draw it all the same, say where it "
     "starts: start=[0.0] * 2"),
    ("ar", {"coefficients": 0.5}, "coefficients is 0.5; expected one or more numbers, that of the last value first"),
    ("ar", {"coefficients": [0.5, 0.2], "start": [1]}, "start is [1.0]; expected 2 numbers or more"),
    ("ar", {"series": 0}, "series is 0; expected a whole number of at least 1"),
    ("glyphs", {"size": 7}, "size is 7; expected a whole number of at least 8"),
    ("glyphs", {"digits": [1, 1]}, "digits is (1, 1); expected one or more of 0 to 9, each once"),
    ("glyphs", {"digits": [10]}, "digits is (10,); expected one or more of 0 to 9"),
    ("glyphs", {"fonts": "Comic"}, "fonts is 'Comic'; expected one or more of DejaVuSans, DejaVuSans-Bold"),
    ("glyphs", {"fonts": []}, "fonts is []; expected one or more"),
    ("glyphs", {"rotation": 200}, "rotation is 200; expected a number of at least 0 and at most 180"),
    ("glyphs", {"scale": 1}, "scale is 1; expected a number of at least 0 and at most 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "message"), REFUSED)
def test_a_wrong_option_is_refused_by_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        DRAWN[name](5, np.random.default_rng(0), **options)


def test_the_target_asks_for_points_in_rows() -> None:
    for name, d in (("sine", 1), ("linear", 200)):
        f: Any = DRAWN[name](5, np.random.default_rng(0))[2]
        with pytest.raises(ValueError, match=rf"f was given an array of shape \(4,\); .* in rows, \(m, {d}\)"):
            f(np.zeros(4))


# ---- the package

MODULES = [f"chainrule.data.{module.name}" for module in pkgutil.iter_modules(data.__path__)]


def test_the_names_of_the_package_are_those_of_its_modules() -> None:
    public = {name for module in MODULES for name in getattr(importlib.import_module(module), "__all__", [])}
    assert public - set(pictures.__all__) == set(data.__all__)
    assert set(data.__all__) <= set(dir(data))
    with pytest.raises(AttributeError, match=r"no attribute 'mnist'; it has Alphabet, FONTS, .*xor"):
        _ = data.mnist


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_data_need_numpy_only_until_something_is_drawn() -> None:
    code = "import sys\nfrom chainrule.data import FONTS, moons, verses\nprint('matplotlib' in sys.modules)"
    assert python(code) == "False\n"


LEFT_OUT = """
import sys
class Sealed:
    def find_spec(self, name, path=None, target=None):
        if name == "chainrule.data.batches":
            raise ModuleNotFoundError("chainrule.data.batches is sealed", name=name)
sys.meta_path.insert(0, Sealed())
from chainrule import data
from chainrule.data import *
print(callable(blobs), "minibatches" in data.__all__, hasattr(data, "minibatches"))
try:
    data.minibatches
except AttributeError as error:
    print(error)
"""


def test_the_package_works_without_the_module_that_students_write() -> None:
    assert python(LEFT_OUT) == (
        "True False False\n"
        "chainrule.data.minibatches is not here: an assignment that is still open asks you to write it\n"
    )


# ---- the page that shows them

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_page_shows_every_data_set_and_every_picture() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in data.__all__ if not re.search(rf"`{name}\b", text)] == []
    shown = re.findall(r"!\[[^\]]{20,}\]\(data/([\w-]+\.svg)\)", text)
    files = {path.name: path.stat().st_size for path in (PAGE.parent / "data").glob("*.svg")}
    assert sorted(shown) == sorted(files)
    assert max(files.values()) < 100_000
