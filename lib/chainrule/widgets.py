"""Figures with controls: sliders and check boxes where moving them teaches more than a sentence.

`interactive` puts controls on any function that draws a picture; `race` is the one of optimisers on a valley. Both give
a still picture first, which stays in the saved notebook, and hide it as long as the live one is there. The controls
need ipywidgets, 7 or 8; without it there is the still picture and a sentence. Nothing is imported before it is shown.
"""

from __future__ import annotations

import html
import inspect
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule import plots

__all__ = ["Choice", "Interactive", "Point", "Slider", "Ticks", "interactive", "race"]


@dataclass(frozen=True)
class Slider:
    """A number between two others.

    Args:
        low: the smallest value.
        high: the largest.
        value: the first.
        label: what is shown beside it, with the unit; without one, the name of the argument.
        log: equal distances are equal ratios.
        step: between two values, or on a logarithmic slider between their decimal logarithms; without one, a power of
            ten that makes at least 100 of them.
    """

    low: float
    high: float
    value: float
    label: str = ""
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    options: Sequence[str]
    value: str
    label: str = ""


@dataclass(frozen=True)
class Ticks:
    """Any of several names, each with a check box; `draw` gets a tuple of those that are ticked, in their order."""

    names: Sequence[str]
    value: Sequence[str]
    label: str = ""


@dataclass(frozen=True)
class Point:
    """A point of the plane, (x, y): two sliders, and a click or tap in the figure where the front end passes it on.

    Args:
        x: (low, high).
        y: (low, high).
        value: the first point.
        labels: of the two sliders.
    """

    x: plots.Range
    y: plots.Range
    value: tuple[float, float]
    labels: tuple[str, str] = ("x", "y")


Control = Slider | Choice | Ticks | Point
Drawing = plots.Picture | plots.Row


def interactive(draw: Callable[..., Drawing], /, **controls: Control) -> Interactive:
    """A figure that is drawn again when a control is moved.

    Args:
        draw: called with a value for each control, by name; returns a Picture or a Row.
        controls: by the name of the argument of `draw`.

    Returns:
        What a notebook shows as the figure and its controls, if it is the value of the cell's last line.

    >>> def line(slope):
    ...     x = np.linspace(0, 1, 5)
    ...     return plots.curve_beside(x, slope * x, name="A line", xlabel="x", ylabel="y")
    >>> figure = interactive(line, slope=Slider(-2, 2, value=1))
    >>> figure.move(slope=2)
    >>> print(figure.picture)
    y against x; the expected curve goes from 0 to 2. Yours appears here.
    """
    return Interactive(draw, controls)


class Interactive:
    """A figure with controls; `interactive` makes one.

    Attributes:
        values: the value of each control, by name.
        picture: what `draw` made of them.
        widgets: the widgets of each control, by name; empty until a notebook shows the figure.
    """

    def __init__(self, draw: Callable[..., Drawing], controls: Mapping[str, Control]) -> None:
        self.values: dict[str, Any] = {name: control.value for name, control in controls.items()}
        self.widgets: dict[str, tuple[Any, ...]] = {}
        self.picture: Drawing = plots.Picture('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>', "")
        self._draw, self._controls = draw, dict(controls)
        self._screen: Any = None  # the widget that shows the picture
        self._panel: Any = None  # and the one that holds it and the controls
        self._moving = False
        self._one_by_one = threading.RLock()  # cells and sliders may live in different threads
        self.move()

    def move(self, **values: Any) -> None:
        """Give controls other values, and draw once.

        Args:
            values: by the names of the controls.

        Raises:
            TypeError: there is no control of that name.
        """
        unknown = values.keys() - self._controls.keys()
        if unknown:
            known = ", ".join(self._controls)
            raise TypeError(f"no control is called {', '.join(sorted(unknown))}; there are {known}")
        with self._one_by_one:
            self.values.update(values)
            self._moving = True  # what the widgets report now is no news
            for name in self.widgets.keys() & values.keys():
                self._show(name)
            self._moving = False
            try:
                self.picture = self._draw(**self.values)
            except Exception as error:
                self.picture = replace(self.picture, note=f"This could not be drawn: {plots.what_happened(error)}.")
            if self._screen is not None:
                self._screen.value = self._live()

    def __repr__(self) -> str:
        return repr(self.picture)

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        try:
            self._panel = self._panel or self._widgets()
        except ImportError:
            need = "The controls need ipywidgets: `%pip install ipywidgets`, then restart the kernel."
            display(HTML(self._still("", need)))
        else:
            display(HTML(self._still(self._panel.model_id, "Run the cell to move the controls.")))
            view = {"model_id": self._panel.model_id, "version_major": 2, "version_minor": 0}
            # What ipywidgets displays, but for the text, which a notebook may show that is opened without a kernel.
            display({"application/vnd.jupyter.widget-view+json": view, "text/plain": "(controls)"}, raw=True)

    def _still(self, identity: str, sentence: str) -> str:
        """The figure without a kernel."""
        settings = []
        for name, control in self._controls.items():
            value = self.values[name]
            if isinstance(control, Point):
                settings += [f"{label} = {number:g}" for label, number in zip(control.labels, value, strict=True)]
            elif isinstance(control, Slider):
                settings.append(f"{control.label or name} = {value:g}")
        drawn = f"Drawn for {', '.join(settings)}. " if settings else ""
        note = " ".join(filter(None, [self.picture.note, drawn + sentence]))
        return f'<div class="chainrule-still-{identity}">{replace(self.picture, note=note)._repr_html_()}</div>'

    def _live(self) -> str:
        """The figure as part of the page: an image element would vanish for a moment whenever it is replaced."""
        pictures = self.picture.pictures if isinstance(self.picture, plots.Row) else (self.picture,)
        title = f"<p><b>{html.escape(self.picture.title)}</b></p>" if isinstance(self.picture, plots.Row) else ""
        width = "flex: 1 1 250px; min-width: 0; max-width: 440px"
        drawings = "".join(f'<div style="{width}">{self._inline(picture)}</div>' for picture in pictures)
        note = f'<p role="status" style="margin: 0">{html.escape(self.picture.note)}</p>' if self.picture.note else ""
        return f'{title}<div style="display: flex; flex-wrap: wrap; gap: 8px">{drawings}</div>{note}'

    def _inline(self, picture: plots.Picture) -> str:
        svg = picture.svg[picture.svg.index("<svg") :]
        svg = svg.replace(MATPLOTLIB_STYLE, "")  # as part of a page it would hold for every other drawing of the page
        pointing = picture.window is not None and any(isinstance(c, Point) for c in self._controls.values())
        on_click = f' onclick="{html.escape(ON_CLICK)}"' if pointing else ""
        style = f"{SVG_STYLE}; cursor: crosshair" if pointing else SVG_STYLE
        return svg.replace(
            "<svg", f'<svg role="img" aria-label="{html.escape(picture.alt)}" style="{style}"{on_click}', 1
        )

    def _widgets(self) -> Any:
        """The figure and its controls: beside each other, or one above the other where the screen is narrow."""
        import ipywidgets

        half = {"flex": "1 1 280px", "min_width": "0", "max_width": "440px", "margin": "0 8px 0 0"}
        self._screen = ipywidgets.HTML(self._live(), layout=half)
        sheet, click = ipywidgets.HTML(), ipywidgets.Text(layout={"display": "none"})
        click.add_class("chainrule-click")
        click.observe(self._clicked, "value")
        rows = [row for name, control in self._controls.items() for row in self._rows(name, control)]
        column = ipywidgets.VBox([sheet, *rows, click], layout=half)
        panel = ipywidgets.Box(
            [self._screen, column], layout={"display": "flex", "flex_flow": "row wrap", "max_width": "900px"}
        )
        panel.add_class("chainrule")
        hint = HINT if any(isinstance(control, Point) for control in self._controls.values()) else ""
        sheet.value = f"<style>{SHEET}\n.chainrule-still-{panel.model_id} {{ display: none }}</style>{hint}"
        return panel

    def _rows(self, name: str, control: Control) -> list[Any]:
        """The widgets of one control, one for each line of the screen."""
        import ipywidgets

        if isinstance(control, Slider):
            rows = parts = [_slider(control, self.values[name], control.label or name)]
        elif isinstance(control, Point):
            ends = zip((control.x, control.y), self.values[name], control.labels, strict=True)
            rows = parts = [_slider(Slider(low, high, at), at, label) for (low, high), at, label in ends]
        elif isinstance(control, Choice):
            options = {"options": list(control.options), "value": self.values[name]}
            rows = parts = [ipywidgets.ToggleButtons(**options, style={"button_width": "auto"})]
        else:
            parts = [
                ipywidgets.Checkbox(key in self.values[name], description=key, indent=False, layout={"width": "auto"})
                for key in control.names
            ]
            rows = [ipywidgets.Box(parts, layout={"display": "flex", "flex_flow": "row wrap"})]
        label = "" if isinstance(control, Slider | Point) else control.label
        self.widgets[name] = tuple(parts)
        for part in parts:
            part.observe(lambda _: self._moved(name), "value")
        return [ipywidgets.Label(label), *rows] if label else rows

    def _moved(self, name: str) -> None:
        """A person has moved a control."""
        if self._moving:
            return
        control, values = self._controls[name], [part.value for part in self.widgets[name]]
        if isinstance(control, Ticks):
            self.move(**{name: tuple(key for key, ticked in zip(control.names, values, strict=True) if ticked)})
        else:
            self.move(**{name: tuple(values) if isinstance(control, Point) else values[0]})

    def _show(self, name: str) -> None:
        """Set the widgets of a control to its value."""
        control, values = self._controls[name], self.values[name]
        if isinstance(control, Ticks):
            values = [key in values for key in control.names]
        elif not isinstance(control, Point):
            values = [values]
        for part, value in zip(self.widgets[name], values, strict=True):
            part.value = value

    def _clicked(self, change: Any) -> None:
        """Points move to where the picture was clicked: fractions of its width and height, from the upper left."""
        window = getattr(self.picture, "window", None)
        if window is None:
            return
        x, y = window.at(*map(float, change["new"].split()[:2]))
        points = {name: control for name, control in self._controls.items() if isinstance(control, Point)}
        self.move(**{name: (_clip(x, control.x), _clip(y, control.y)) for name, control in points.items()})


def _clip(value: float, ends: plots.Range) -> float:
    return min(max(value, ends[0]), ends[1])


def _slider(control: Slider, value: float, label: str) -> Any:
    import ipywidgets

    low, high = (math.log10(control.low), math.log10(control.high)) if control.log else (control.low, control.high)
    kind = ipywidgets.FloatLogSlider if control.log else ipywidgets.FloatSlider
    return kind(
        value,
        min=low,
        max=high,
        step=control.step or 10.0 ** math.floor(math.log10((high - low) / 100)),
        description=label,
        readout_format=".3g",
        layout={"width": "auto", "margin": "0 8px 0 0"},
    )


MATPLOTLIB_STYLE = '<style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style>'
SVG_STYLE = "display: block; width: 100%; height: auto; stroke-linejoin: round; stroke-linecap: butt"

# A front end that passes clicks on to no widget leaves the sliders of a Point. It also leaves the hint hidden, because
# what reveals it is the same kind of attribute.
ON_CLICK = (
    "const box = this.getBoundingClientRect();"
    "const field = this.closest('.chainrule').querySelector('.chainrule-click input');"
    "field.value = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event.timeStamp]"
    ".join(' ');"
    "field.dispatchEvent(new Event('change', {bubbles: true}))"
)
HINT = (
    '<p hidden style="margin: 0 0 4px">Click or tap in the figure to start there.'
    '<img alt="" width="0" height="0" onload="this.parentNode.hidden = false" '
    'src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="></p>'
)
SHEET = """
.chainrule .widget-html-content { line-height: 1.4 }
.chainrule .widget-hslider { height: 40px }
.chainrule .widget-hslider .widget-label { width: 10em !important; text-align: left }
.chainrule .noUi-handle, .chainrule .ui-slider .ui-slider-handle {
  width: 26px !important; height: 26px !important; top: -12px !important; border: 2px solid #595959 !important }
.chainrule .noUi-handle { right: -13px !important }
.chainrule .ui-slider .ui-slider-handle { margin: 0 0 0 -13px !important }
.chainrule .widget-checkbox { height: 40px; margin-right: 14px }
.chainrule .widget-checkbox label { display: flex; align-items: center; gap: 4px }
.chainrule input[type="checkbox"] { width: 20px; height: 20px; margin: 0 }
.chainrule .widget-toggle-buttons button { height: 40px; padding: 0 16px }
@media (max-width: 600px) {
  .chainrule .widget-hslider { flex-wrap: wrap; height: auto }
  .chainrule .widget-hslider .widget-label { width: 100% !important; height: 22px }
}
"""


# ---- optimisers

Method = Callable[..., Any]
"""An update rule to race: a step function, or what makes an optimiser. `race` says how each is called."""

WINDOW = (-10.0, 10.0), (-6.0, 6.0)


def race(
    methods: Mapping[str, Method],
    *,
    lr: float = 0.4,
    momentum: float = 0.8,
    condition: float = 20.0,
    start: tuple[float, float] = (-8.0, 4.0),
    steps: int = 60,
) -> Interactive:
    """Optimisers raced down the valley `f = x1^2 / condition + x2^2`, with controls for what decides the race.

    A method is called by the names of its parameters:

    - With a parameter `grad` it is a step function, `step(theta, ..., grad, lr, mu)`. Parameters between the first and
      `grad` are its memory, which starts as zeros; it returns the new theta, or a tuple of it and the new memory.
    - Without, it makes an optimiser, as the classes of `chainrule.optim` do: `Adam(lr)`, whose `step([theta], [grad])`
      returns the new parameters as a list. If it has `look_ahead`, its gradient is taken there.

    A parameter called `lr`, `mu` or `momentum` gets the slider's value, one called `hessian` the function that Newton's
    method needs, and all others keep their defaults: `lambda lr, mu: Adam(lr, beta1=mu)` has Adam follow both sliders.

    Args:
        methods: by name, at most seven. One that raises is shown as such, and the others race on.
        lr: the learning rate at first.
        momentum: at first, in [0, 1).
        condition: the condition number at first: how much more the valley curves across than along.
        start: the first point, (2,), in [-10, 10] x [-6, 6].
        steps: of each method.

    Returns:
        The figure with its controls.

    >>> def descend(theta, grad, lr):
    ...     return theta - lr * grad
    >>> figure = race({"gradient descent": descend}, lr=0.5, condition=1.0)
    >>> figure.move(lr=0.1)
    >>> print(figure.picture.alt[-48:])
    steps. Gradient descent arrives, after 16 steps.
    """
    plots.looks(methods)  # refuses more than can be told apart
    controls: dict[str, Control] = {
        "lr": Slider(0.01, 2.0, lr, "learning rate", log=True),
        "momentum": Slider(0.0, 0.99, momentum, "momentum", step=0.01),
        "condition": Slider(1.0, 100.0, condition, "condition number", log=True),
        "start": Point(*WINDOW, start, ("start x1", "start x2")),
        "racing": Ticks(tuple(methods), tuple(methods)),
        "show": Choice(("paths", "objective"), "paths"),
    }

    def draw(
        lr: float, momentum: float, condition: float, start: Sequence[float], racing: Sequence[str], show: str
    ) -> plots.Picture:
        curvature = np.array([1 / condition, 1.0])

        def path(name: str) -> np.ndarray:
            return _path(methods[name], start, curvature, lr, momentum, steps)

        def values(name: str) -> np.ndarray:
            return path(name) ** 2 @ curvature

        results = {
            name: partial(path if show == "paths" else values, name) if name in racing else None for name in methods
        }
        if show == "paths":
            return plots.paths_on_contours(lambda x: curvature @ x**2, results, start, (0, 0), window=WINDOW)
        return plots.objective_by_step(results, window=((0, steps), (1e-9, 1e3)))

    return interactive(draw, **controls)


def _path(
    method: Method, start: Sequence[float], curvature: np.ndarray, lr: float, momentum: float, steps: int
) -> np.ndarray:
    """The points that a method visits, (at most steps + 1, 2); it ends early where it runs away."""
    hessian = np.diag(2 * curvature)
    settings = {"lr": lr, "mu": momentum, "momentum": momentum, "hessian": lambda _: hessian}
    names = list(inspect.signature(method).parameters)
    wanted = {name: value for name, value in settings.items() if name in names}
    if "grad" in names:
        step = _step_function(partial(method, **wanted), names[: names.index("grad")], curvature)
    else:
        step = _optimiser(method(**wanted), curvature)
    path = [np.array(start, dtype=float)]
    while len(path) <= steps and np.abs(path[-1]).max() < 1e6:
        theta = np.array(step(path[-1].copy()), dtype=float)
        if theta.shape != (2,):
            raise ValueError(f"theta has shape {theta.shape} after step {len(path)}; expected (2,)")
        path.append(theta)
    return np.array(path)


def _step_function(method: Method, names: Sequence[str], curvature: np.ndarray) -> Callable[[np.ndarray], Any]:
    """theta -> theta, for a step function whose first parameters are theta and what it remembers."""
    memory: list[Any] = [np.zeros(2) for _ in names[1:]]

    def step(theta: np.ndarray) -> Any:
        result = method(theta, *memory, 2 * curvature * theta)
        if not memory:
            return result
        if not isinstance(result, tuple | list) or len(result) != len(names):
            raise TypeError(f"it returned {type(result).__name__}; expected ({', '.join(names)})")
        memory[:] = result[1:]
        return result[0]

    return step


def _optimiser(optimiser: Any, curvature: np.ndarray) -> Callable[[np.ndarray], Any]:
    """theta -> theta, for an object with a method `step`, and with `look_ahead` if it takes its gradient elsewhere."""

    def step(theta: np.ndarray) -> Any:
        at = optimiser.look_ahead([theta])[0] if hasattr(optimiser, "look_ahead") else theta
        return optimiser.step([theta], [2 * curvature * at])[0]

    return step
