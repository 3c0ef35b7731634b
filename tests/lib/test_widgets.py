"""Figures with controls: moving one draws anew, whatever is installed and whatever a student's optimiser does."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import IPython.display
import numpy as np
import pytest
import torch
from chainrule import optim, plots, widgets
from chainrule.widgets import Choice, Interactive, Point, Slider, Ticks

SVG = "{http://www.w3.org/2000/svg}svg"
METHODS: dict[str, widgets.Method] = {"descent": optim.SGD, "ball": optim.Momentum, "Adam": optim.Adam}


@pytest.fixture
def calls() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def figure(calls: list[dict[str, Any]]) -> Interactive:
    """A figure with a control of each kind, which keeps what it is drawn with."""

    def draw(**values: Any) -> plots.Picture:
        calls.append(values)
        return plots.paths_on_contours(lambda x: x @ x, {}, values["at"], (0, 0), window=((-10, 10), (-6, 6)))

    return widgets.interactive(
        draw,
        rate=Slider(0.01, 1.0, 0.1, "learning rate", log=True),
        mu=Slider(0.0, 1.0, 0.5),
        at=Point((-8.0, 8.0), (-6.0, 6.0), (1.0, 2.0), ("x1", "x2")),
        who=Ticks(("A", "B", "C"), ("A", "C"), "methods"),
        show=Choice(("paths", "values"), "paths"),
    )


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[Interactive], list[Any]]:
    """Shows a figure as a notebook does; returns what it displays: a still picture and the panel with the live one."""

    def show(figure: Interactive) -> list[Any]:
        displayed: list[Any] = []
        monkeypatch.setattr(IPython.display, "display", lambda shown, raw=False: displayed.append(shown))
        figure._ipython_display_()
        if len(displayed) == 2:
            view = displayed.pop()["application/vnd.jupyter.widget-view+json"]
            assert view["model_id"] == figure._panel.model_id
            displayed.append(figure._panel)
        return displayed

    return show


def screen(displayed: list[Any]) -> str:
    """The HTML of the live figure."""
    return displayed[-1].children[0].value


# ---- any figure


def test_the_first_values_are_drawn_before_anything_is_shown(figure: Interactive, calls: list[dict[str, Any]]) -> None:
    assert calls == [{"rate": 0.1, "mu": 0.5, "at": (1.0, 2.0), "who": ("A", "C"), "show": "paths"}]
    assert "start at (1, 2)" in repr(figure)
    assert figure.widgets == {}


MOVES: list[tuple[str, int, Any, Any]] = [  # a control, which of its widgets, what it is set to, what is drawn with
    ("rate", 0, 0.5, 0.5),
    ("mu", 0, 0.25, 0.25),
    ("at", 0, -3.0, (-3.0, 2.0)),
    ("at", 1, 5.5, (1.0, 5.5)),
    ("who", 1, True, ("A", "B", "C")),
    ("who", 0, False, ("C",)),
    ("show", 0, "values", "values"),
]


@pytest.mark.parametrize(("name", "which", "value", "drawn"), MOVES)
def test_moving_a_control_draws_once_with_its_value(
    name: str, which: int, value: Any, drawn: Any, figure: Interactive, calls: list[dict[str, Any]], shown: Any
) -> None:
    shown(figure)
    before = figure.values.copy()
    calls.clear()
    figure.widgets[name][which].value = value
    assert calls == [before | {name: drawn}]


@pytest.mark.parametrize(
    ("values", "in_widgets"),
    [
        ({"rate": 0.02}, {"rate": [0.02]}),
        ({"at": (3.0, -4.0), "mu": 0.75}, {"at": [3.0, -4.0], "mu": [0.75]}),
        ({"who": ("B",)}, {"who": [False, True, False]}),
        ({"show": "values"}, {"show": ["values"]}),
    ],
)
def test_a_move_from_code_draws_once_and_takes_the_widgets_along(
    values: dict[str, Any], in_widgets: dict[str, Any], figure: Interactive, calls: list[dict[str, Any]], shown: Any
) -> None:
    displayed = shown(figure)
    old = screen(displayed)
    calls.clear()
    figure.move(**values)
    assert len(calls) == 1
    assert {name: [part.value for part in figure.widgets[name]] for name in values} == in_widgets
    assert ("at" in values) == (screen(displayed) != old)


def test_a_click_in_the_figure_moves_the_point(figure: Interactive, calls: list[dict[str, Any]], shown: Any) -> None:
    displayed = shown(figure)
    (click,) = (child for child in displayed[-1].children[1].children if "chainrule-click" in child._dom_classes)
    window = figure.picture.window
    assert window is not None
    left, top, right, bottom = window.box
    calls.clear()
    for across, down, point in [(0.5, 0.5, (0.0, 0.0)), (0.75, 0.25, (5.0, 3.0)), (1.0, 0.0, (8.0, 6.0))]:
        place = left + across * (right - left), top + down * (bottom - top)
        click.value = f"{place[0]} {place[1]} {across}"
        assert np.allclose(figure.values["at"], point, atol=1e-6)
        assert np.allclose([slider.value for slider in figure.widgets["at"]], point, atol=1e-6)
    assert len(calls) == 3
    handler = next(ElementTree.fromstring(screen(displayed)).iter(SVG)).attrib["onclick"]
    assert "chainrule-click" in handler


def test_a_click_where_axes_are_not_linear_moves_nothing(shown: Any) -> None:
    def draw(at: tuple[float, float]) -> plots.Picture:
        return plots.objective_by_step({"A": [1.0, 0.1]})

    figure = widgets.interactive(draw, at=Point((0, 1), (0, 1), (0.5, 0.5)))
    displayed = shown(figure)
    displayed[-1].children[1].children[-1].value = "0.1 0.1 0"
    assert figure.values["at"] == (0.5, 0.5)
    assert "onclick" not in screen(displayed)


def test_the_live_figure_is_read_aloud_and_leaks_no_style(figure: Interactive, shown: Any) -> None:
    (svg,) = ElementTree.fromstring(screen(shown(figure))).iter(SVG)
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == figure.picture.alt
    assert "width: 100%" in svg.attrib["style"]
    assert not list(svg.iter("{http://www.w3.org/2000/svg}style"))


def test_small_multiples_have_controls_too(shown: Any) -> None:
    def draw(lr: float) -> plots.Row:
        return plots.regimes({"a < b": ((0.5, 1.0), lr), "slow": ((0.01, 1.0), lr)}, name="One & another")

    figure = widgets.interactive(draw, lr=Slider(0.1, 1.0, 0.4))
    displayed = shown(figure)
    figure.widgets["lr"][0].value = 0.9
    page = ElementTree.fromstring(f"<div>{screen(displayed)}</div>")
    assert [svg.attrib["aria-label"] for svg in page.iter(SVG)] == [p.alt for p in figure.picture.pictures]
    assert next(page.iter("b")).text == "One & another"


def test_an_unknown_control_is_refused_with_the_known_ones(figure: Interactive) -> None:
    with pytest.raises(TypeError, match="no control is called lr; there are rate, mu, at, who, show"):
        figure.move(lr=1)


def test_a_drawing_that_fails_keeps_the_last_one_and_says_why(shown: Any) -> None:
    def draw(x: float) -> plots.Picture:
        return plots.curve_beside([0, 1], [0, 1 / x], name="A line", xlabel="x", ylabel="y")

    figure = widgets.interactive(draw, x=Slider(0, 1, 1))
    displayed = shown(figure)
    svg = figure.picture.svg
    figure.widgets["x"][0].value = 0
    assert figure.picture.svg == svg
    line = draw.__code__.co_firstlineno + 1
    sentence = f"This could not be drawn: ZeroDivisionError (line {line} of draw): float division by zero."
    assert figure.picture.note == sentence
    assert sentence in screen(displayed)
    figure.widgets["x"][0].value = 0.5
    assert figure.picture.note == ""


def test_a_first_drawing_that_fails_is_a_sentence(shown: Any) -> None:
    figure = widgets.interactive(lambda x: 1 / x, x=Slider(0, 1, 0))
    assert re.fullmatch(r"This could not be drawn: ZeroDivisionError \(line \d+\): .*\.", figure.picture.note)
    still, _ = shown(figure)
    assert "ZeroDivisionError" in still.data


def test_a_second_move_waits_for_the_first() -> None:
    second = threading.Thread(target=lambda: figure.move(x=2))
    waited = []

    def draw(x: float) -> plots.Picture:
        if x == 1:
            second.start()
            second.join(0.2)
            waited.append(second.is_alive())
        return plots.curve_beside([0, 1], [0, x], name="A line", xlabel="x", ylabel="y")

    figure = widgets.interactive(draw, x=Slider(0, 2, 0))
    figure.move(x=1)
    second.join()
    assert waited == [True]
    assert figure.values == {"x": 2} and "from 0 to 2" in repr(figure)


def test_sliders_moved_in_several_threads_leave_the_picture_of_the_last_values(shown: Any) -> None:
    figure = widgets.race(METHODS)
    shown(figure)
    threads = [threading.Thread(target=figure.move, kwargs={"lr": lr}) for lr in (0.1, 0.2, 0.3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert figure.picture == widgets.race(METHODS, lr=figure.values["lr"]).picture
    assert figure.widgets["lr"][0].value == figure.values["lr"]


# ---- the saved notebook, and other machines


def test_a_still_picture_comes_first_and_hides_while_the_live_one_is_there(figure: Interactive, shown: Any) -> None:
    still, panel = shown(figure)
    (name,) = re.findall(r'<div class="(chainrule-still-\w+)">', still.data)
    sheet = panel.children[1].children[0].value
    assert re.search(rf"\.{name} {{\s*display: none\s*}}", sheet)
    assert f'<img alt="{figure.picture.alt}"' in still.data
    assert "Drawn for learning rate = 0.1, mu = 0.5, x1 = 1, x2 = 2. Run the cell to move the controls." in still.data
    again, same = shown(figure)
    assert same is panel and again.data == still.data


def test_without_ipywidgets_there_is_the_still_picture_and_a_sentence(
    figure: Interactive, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # makes `import ipywidgets` raise ImportError
    (still,) = shown(figure)
    assert f'<img alt="{figure.picture.alt}"' in still.data
    assert "The controls need ipywidgets: `%pip install ipywidgets`, then restart the kernel." in still.data
    figure.move(mu=0.25)
    (still,) = shown(figure)
    assert "mu = 0.25" in still.data


def test_nothing_is_imported_before_a_figure_is_shown() -> None:
    code = (
        "import sys, chainrule\n"
        "assert not {'matplotlib', 'ipywidgets', 'IPython'} & set(sys.modules)\n"
        "from chainrule import optim, widgets\n"
        "widgets.race({'descent': optim.SGD})\n"
        "sys.exit(bool({'ipywidgets', 'IPython', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples_in_docstrings() -> None:
    result = doctest.testmod(widgets)
    assert (result.attempted > 0, result.failed) == (True, 0)
    for name in widgets.__all__:
        assert getattr(widgets, name).__doc__


# ---- the race


def descend(theta: np.ndarray, grad: np.ndarray, lr: float) -> np.ndarray:
    return theta - lr * grad


def heavy_ball(theta: np.ndarray, v: np.ndarray, grad: np.ndarray, lr: float, mu: float) -> tuple[np.ndarray, ...]:
    v = mu * v + grad
    return theta - lr * v, v


def in_place(theta: np.ndarray, v: np.ndarray, grad: np.ndarray, lr: float, momentum: float) -> list[np.ndarray]:
    v *= momentum
    v += grad
    theta -= lr * v
    return [theta, v]


def adam(theta, m, v, t, grad, lr, beta1=0.9, beta2=0.999):
    t = t + 1
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    return theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + 1e-8), m, v, t


class HandIn:
    """What a student hands in: an optimiser that keeps its array and changes it in place."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def step(self, params: list[np.ndarray], grads: list[np.ndarray]) -> list[np.ndarray]:
        for param, grad in zip(params, grads, strict=True):
            param -= self.lr * grad
        return params


def by_torch(make: Callable[..., torch.optim.Optimizer], steps: int = 30, **settings: float) -> np.ndarray:
    theta = torch.tensor([-8.0, 4.0], dtype=torch.float64, requires_grad=True)
    optimiser, path = make([theta], **settings), [theta.detach().numpy().copy()]
    for _ in range(steps):
        optimiser.zero_grad()
        (theta[0] ** 2 / 20 + theta[1] ** 2).backward()
        optimiser.step()
        path.append(theta.detach().numpy().copy())
    return np.array(path)


WAYS: list[tuple[widgets.Method, Callable[..., torch.optim.Optimizer], dict[str, float]]] = [
    (descend, torch.optim.SGD, {}),
    (lambda theta, grad, lr: descend(theta, grad, lr), torch.optim.SGD, {}),
    (optim.SGD, torch.optim.SGD, {}),
    (HandIn, torch.optim.SGD, {}),
    (heavy_ball, torch.optim.SGD, {"momentum": 0.7}),
    (in_place, torch.optim.SGD, {"momentum": 0.7}),
    (optim.Momentum, torch.optim.SGD, {"momentum": 0.7}),
    (adam, torch.optim.Adam, {}),
    (optim.Adam, torch.optim.Adam, {}),
    (lambda lr, mu: optim.Adam(lr, beta1=mu), torch.optim.Adam, {"betas": (0.7, 0.999)}),
]


@pytest.mark.parametrize(("method", "make", "settings"), WAYS)
def test_step_functions_and_optimisers_race_as_they_would_alone(
    method: widgets.Method, make: Callable[..., torch.optim.Optimizer], settings: dict[str, float]
) -> None:
    path = widgets._path(method, (-8.0, 4.0), np.array([1 / 20, 1.0]), 0.3, 0.7, 30)
    assert np.allclose(path, by_torch(make, lr=0.3, **settings))


def test_methods_that_look_ahead_or_want_the_hessian_get_it() -> None:
    curvature, start = np.array([1 / 20, 1.0]), (-8.0, 4.0)
    newton = widgets._path(lambda hessian: optim.Newton(hessian=hessian), start, curvature, 0.3, 0.7, 2)
    assert np.allclose(newton, [start, (0, 0), (0, 0)])
    nesterov = widgets._path(optim.Nesterov, start, curvature, 0.3, 0.7, 2)
    x = np.array(start)
    v = 2 * curvature * x
    second = x - 0.3 * v
    v = 0.7 * v + 2 * curvature * (second - 0.3 * 0.7 * v)
    assert np.allclose(nesterov, [x, second, second - 0.3 * v])


def test_a_method_that_runs_away_is_stopped_before_its_numbers_overflow() -> None:
    path = widgets._path(descend, (-8.0, 4.0), np.array([1 / 20, 1.0]), 1e30, 0.7, 60)
    assert len(path) == 2
    assert len(widgets._path(descend, (-8.0, 4.0), np.array([1 / 20, 1.0]), 0.3, 0.7, 60)) == 61


FAILURES: list[tuple[str, widgets.Method, str]] = [
    ("not written", lambda theta, grad: not_written(), "Not written yet: wrong."),
    ("raises", lambda theta, grad, lr: grad / missing, r"Wrong raises NameError \(line \d+\): name 'missing' .*"),  # noqa: F821
    (
        "None",
        lambda theta, grad: None,
        r"Wrong raises ValueError: theta has shape \(\) after step 1; expected \(2,\)\.",
    ),
    (
        "no memory",
        lambda theta, v, grad: theta,
        r"Wrong raises TypeError: it returned ndarray; expected \(theta, v\)\.",
    ),
    ("three", lambda theta, v, grad: (theta, v, v), r"Wrong raises TypeError: it returned tuple; .*"),
    ("shape", lambda theta, grad: theta[:1], r"Wrong raises ValueError: theta has shape \(1,\) after step 1; .*"),
    ("factory", lambda lr: None, r"Wrong raises AttributeError.*: 'NoneType' object has no attribute 'step'\."),
    ("argument", lambda theta, grad, rate: theta, r"Wrong raises TypeError.*: .*missing 1 required .*'rate'\."),
    ("builtin", int, r".*Wrong raises .*"),
    ("nothing", None, r"Wrong raises TypeError: None is not a callable object\."),
    ("nan", lambda theta, grad: theta * np.nan, "Wrong has values that are not finite, first at index 1."),
    ("runs away", lambda theta, grad: theta + 10 * grad, ""),
]


def not_written() -> None:
    raise NotImplementedError


@pytest.mark.parametrize(("name", "method", "sentence"), FAILURES, ids=[failure[0] for failure in FAILURES])
def test_a_method_that_fails_is_shown_as_such_and_the_others_race_on(
    name: str, method: widgets.Method, sentence: str
) -> None:
    figure = widgets.race(METHODS | {"wrong": method})
    assert re.fullmatch(sentence, figure.picture.note), figure.picture.note
    assert "Ball arrives first" in repr(figure)
    labels = dict(re.findall(r"<!-- (\w+): ([^>]+) -->", figure.picture.svg))
    assert labels["wrong"] == {"not written": "not yet", "nan": "never", "runs away": "never"}.get(name, "error")


def test_it_is_shown_as_such_among_the_objectives_too() -> None:
    figure = widgets.race(METHODS | {"wrong": lambda theta, grad: None})
    figure.move(show="objective")
    assert "Wrong raises ValueError" in figure.picture.note
    assert "Ball ends lowest" in repr(figure)
    assert "<!-- wrong: error -->" in figure.picture.svg


RACE: list[tuple[str, int, Any]] = [
    ("lr", 0, 0.1),
    ("momentum", 0, 0.5),
    ("condition", 0, 5.0),
    ("start", 0, 6.0),
    ("start", 1, -3.0),
    ("racing", 0, False),
    ("show", 0, "objective"),
]


@pytest.mark.parametrize(("name", "which", "value"), RACE)
def test_every_control_of_the_race_changes_the_figure(name: str, which: int, value: Any, shown: Any) -> None:
    figure = widgets.race(METHODS)
    displayed = shown(figure)
    before = screen(displayed)
    figure.widgets[name][which].value = value
    assert screen(displayed) != before
    assert figure.picture == widgets_alone(figure).picture


def widgets_alone(figure: Interactive) -> Interactive:
    """The same race, made with these values from the start."""
    values = {name: figure.values[name] for name in ("lr", "momentum", "condition", "start")}
    fresh = widgets.race(METHODS, **values)
    fresh.move(racing=figure.values["racing"], show=figure.values["show"])
    return fresh


def test_a_method_that_is_not_ticked_is_not_run_and_leaves_the_others_their_looks(shown: Any) -> None:
    ran: list[str] = []

    def spy(theta: np.ndarray, grad: np.ndarray) -> np.ndarray:
        ran.append("spy")
        return theta

    figure = widgets.race({"spy": spy, "descent": optim.SGD}, steps=3)
    shown(figure)
    colour = plots.looks(["spy", "descent"])["descent"].colour.lower()
    assert ran == ["spy"] * 3 and colour in figure.picture.svg.lower()
    figure.widgets["racing"][0].value = False
    assert ran == ["spy"] * 3 and colour in figure.picture.svg.lower()
    assert "spy" not in repr(figure)


def test_more_methods_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="8 curves: 7 can be told apart"):
        widgets.race({str(i): descend for i in range(8)})


def test_a_redraw_is_quick_enough_to_follow_a_finger() -> None:
    """It takes some 70 ms; the bound is for a machine that is busy with something else."""
    import time

    figure = widgets.race(dict.fromkeys("ABCDEFG", optim.Adam))
    times = []
    for lr in (0.1, 0.2, 0.3, 0.4, 0.5):
        start = time.thread_time()
        figure.move(lr=lr)
        times.append(time.thread_time() - start)
    assert min(times) < 0.25
