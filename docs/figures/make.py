"""Makes the pictures of docs/figures.md: `.venv/bin/python docs/figures/make.py`, half a minute.

The drawings come from `chainrule.plots`, with the library's own optimisers in place of a student's. The screenshots
come from JupyterLab in Chromium: the race is run, its slider moved and its figure clicked, and the script stops if
nothing changes or the browser complains. `make.py drawings` leaves the screenshots out.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
import nbformat
import numpy as np
from chainrule import autodiff, functions, gradcheck, optim, plots, schedules
from matplotlib.figure import Figure
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

HERE = Path(__file__).parent
START = np.array([-8.0, 4.0])
OPTIMISERS: dict[str, Callable[[], optim.Optimiser]] = {
    "gradient descent": lambda: optim.SGD(lr=0.4),
    "heavy ball": lambda: optim.Momentum(lr=0.4, mu=0.7),
    "AdaGrad": lambda: optim.AdaGrad(lr=1.0),
    "RMSProp": lambda: optim.RMSProp(lr=0.4),
    "Adam": lambda: optim.Adam(lr=0.4),
}


# ---- drawings


def path(optimiser: optim.Optimiser, f: functions.Function, start: np.ndarray = START, steps: int = 60) -> np.ndarray:
    points = [start]
    for _ in range(steps):
        (at,) = optimiser.look_ahead([points[-1]])
        points.append(optimiser.step([points[-1]], [f.gradient(at)])[0])
    return np.array(points)


def unfinished() -> np.ndarray:
    raise NotImplementedError("Replace this line with your code.")


def mistaken() -> np.ndarray:
    return np.zeros(3) @ np.zeros(2)


def descend(a: np.ndarray, lr: float) -> np.ndarray:
    return path(optim.SGD(lr), functions.quadratic(a), steps=20)


def drawings() -> dict[str, plots.Picture | plots.Row]:
    valley = functions.quadratic([0.05, 1.0])
    paths = {name: path(make(), valley) for name, make in OPTIMISERS.items()}
    slow = path(optim.Momentum(lr=0.4, mu=0.6), valley, steps=25)
    plain = path(optim.SGD(lr=0.4), valley, steps=25)
    ball = path(optim.Momentum(lr=0.4, mu=0.7), valley, steps=25)
    steps = np.arange(101)
    rates = {
        "constant": schedules.constant(0.2),
        "piecewise": schedules.piecewise([30, 60], [0.4, 0.2, 0.1]),
        "linear": schedules.linear(80, 0.4),
        "cosine": schedules.cosine(80, 0.4),
        "polynomial": schedules.polynomial(0.4, 1.0, 0.5),
        "exponential": schedules.exponential(0.4, 0.95),
        "warm-up": schedules.warm_up(schedules.cosine(80, 0.3), 20),
    }
    curves = {name: np.array([rate(int(step)) for step in steps]) for name, rate in rates.items()}
    counts = np.unique(np.geomspace(1, 3000, 30).astype(int))
    return {
        "paths": plots.paths_on_contours(valley.value, paths, START, (0, 0)),
        "paths-unfinished": plots.paths_on_contours(
            valley.value,
            paths | {"AdaGrad": unfinished, "RMSProp": mistaken, "Adam": path(optim.SGD(lr=1.02), valley)},
            START,
            (0, 0),
        ),
        "objective": plots.objective_by_step({name: valley.value(points) for name, points in paths.items()}),
        "regimes": plots.regimes(
            {"well conditioned": ((0.5, 1), 0.4), "diverging": ((0.05, 1), 1.03), "slow": ((0.01, 1), 0.4)}, descend
        ),
        "schedules": plots.schedules(steps, curves, name="Seven ways to end small"),
        "variance": variance(),
        "bound": plots.under_bound(counts, 1.5 / np.sqrt(counts), suboptimality(counts), name="SGD"),
        "paths-quadratic": plots.paths_on_quadratic([0.05, 1.0], ball, slow, plain, name="Heavy ball"),
        "curve": plots.curve_beside(
            steps, curves["cosine"], curves["linear"], name="Cosine schedule", xlabel="step", ylabel="learning rate"
        ),
        "estimates": plots.estimates(draws := [10, 30, 100, 300, 1000, 3000], means(draws), truth=1 / 3),
        "graph": neuron(),
        "graph-network": network(),
        "steps": gradcheck.step_picture(gradcheck.step_study(lambda x: np.sum(x * np.sin(x)), [1.0, 2.0, -0.5])),
    }


def neuron() -> plots.Picture:
    """The squared error of one neuron, and its derivative by everything on the way."""
    w, b = autodiff.Tensor(0.5), autodiff.Tensor(-1.0)
    z = w * 2.0 + b
    loss = (autodiff.sigmoid(z) - 1.0) ** 2
    return autodiff.draw(loss, w=w, b=b, z=z, loss=loss, cotangents=True)


def network() -> plots.Picture:
    """A network of two layers with weight decay: W1 and W2 are used twice."""
    rng = np.random.default_rng(0)
    W1, b1, W2, b2 = (autodiff.Tensor(rng.normal(size=shape)) for shape in ((2, 4), (4,), (4, 3), (3,)))
    X, y = rng.normal(size=(8, 2)), rng.integers(0, 3, 8)
    h = np.tanh(X @ W1 + b1)
    loss = autodiff.cross_entropy(h @ W2 + b2, y) + 0.01 * ((W1**2).sum() + (W2**2).sum())
    names = {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "X": X, "y": y, "h": h, "loss": loss}
    return autodiff.draw(loss, names, cotangents=True)


def means(draws: list[int]) -> np.ndarray:
    rng = np.random.default_rng(5)
    squares = [rng.uniform(size=n) ** 2 for n in draws]
    return np.array([(s.mean(), s.std(ddof=1) / np.sqrt(len(s))) for s in squares])


def variance() -> plots.Picture:
    """Minibatch means of numbers with variance 3, 200 of each size."""
    rng, sizes = np.random.default_rng(2), 2 ** np.arange(9)
    measured = [rng.normal(0, np.sqrt(3), (200, size)).mean(axis=1).var(ddof=1) for size in sizes]
    return plots.variance_by_batch_size(sizes, [(v, v * np.sqrt(2 / 199)) for v in measured], single=3.0)


def suboptimality(counts: np.ndarray) -> dict[str, np.ndarray]:
    """SGD on |x| with noisy gradients, from x = 1: the average and the last point, averaged over 200 runs."""
    rng, average, last = np.random.default_rng(3), [], []
    for count in counts:
        x, total = np.ones(200), np.zeros(200)
        for _ in range(count):
            total += x
            x = x - (np.sign(x) + rng.normal(0, 0.5, 200)) / np.sqrt(1.25 * count)
        average.append(np.abs(total / count).mean())
        last.append(np.abs(x).mean())
    return {"average point": np.array(average), "last point": np.array(last)}


def palette() -> str:
    """The looks, one below the other, with the contrast of each colour on white."""
    with matplotlib.style.context(["default", plots.STYLE]):
        figure = Figure(figsize=(plots.WIDTH, 2.6), layout="constrained")
        axes = figure.add_subplot()
        figure.suptitle("Seven looks, and yours on the expected one", x=0.02, ha="left")
        x = np.linspace(0, 1, 5)
        for row, look in enumerate(plots.LOOKS):
            axes.plot(x, np.full(5, -row), **plots._line(look))
            axes.text(1.08, -row, f"{look.colour}   {contrast(look.colour):.1f}", va="center")
        plots._band(axes, x, np.full(5, -7.0))
        axes.plot(x, np.full(5, -7.0), **plots.MINE)
        axes.text(1.08, -7, f"{plots.YOURS} on {plots.EXPECTED}", va="center")
        axes.set(xlim=(-0.05, 2.3))
        axes.axis("off")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


# ---- other eyes


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(colour: str) -> float:
    return 1.05 / (float(linear(colour) @ GREY[0]) + 0.05)


GREY = np.tile([0.2126, 0.7152, 0.0722], (3, 1))
NO_GREEN_CONES = np.array(  # Machado, Oliveira and Fernandes (2009), severity 1
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def seen_with(matrix: np.ndarray, svg: str) -> str:
    """The document in the colours that a linear map of linear RGB makes of its own."""

    def seen(match: re.Match[str]) -> str:
        rgb = np.clip(matrix @ linear(match[0]), 0, 1)
        srgb = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
        return "#{:02x}{:02x}{:02x}".format(*(int(channel) for channel in np.round(255 * srgb)))

    return re.sub(r"#[0-9a-fA-F]{6}\b", seen, svg)


# ---- screenshots

CELLS = [
    "from chainrule import optim, widgets",
    """widgets.race({
    "gradient descent": optim.SGD,
    "heavy ball": optim.Momentum,
    "Nesterov": optim.Nesterov,
    "RMSProp": optim.RMSProp,
    "Adam": optim.Adam,
})""",
]
SETTINGS = {"@jupyterlab/apputils-extension/notification.jupyterlab-settings": '{"fetchNews": "false"}'}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


@contextmanager
def jupyterlab(home: Path) -> Iterator[str]:
    """A server on a free port with home/work as its root; yields its address."""
    for name, text in SETTINGS.items():
        (home / "settings" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "settings" / name).write_text(text, encoding="utf-8")
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(home / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    options = ["--no-browser", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="]
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", *options, f"--ServerApp.root_dir={home / 'work'}"]
    with (home / "log").open("w+") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
        try:
            address = None
            while address is None and server.poll() is None:
                address = re.search(r"http://127\.0\.0\.1:\d+", (home / "log").read_text())
            yield address[0] if address else sys.exit(f"JupyterLab did not start:\n{(home / 'log').read_text()}")
        finally:
            server.terminate()
            server.wait(30)


def screenshots() -> None:
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        (home / "work").mkdir()
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, home / "work" / "race.ipynb")
        browser = playwright.chromium.launch(
            executable_path=next(path for path in BROWSERS if Path(path).exists()), args=FLAGS
        )
        with jupyterlab(home) as address:
            for name, width in [("race", 1280), ("race-phone", 390)]:
                page = browser.new_page(viewport={"width": width, "height": 900}, device_scale_factor=1.5)
                complaints = listen(page)
                page.goto(f"{address}/lab/tree/race.ipynb?reset")
                use(page)
                picture = page.locator(".chainrule").screenshot()
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert not complaints, complaints
                page.close()
                Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(HERE / f"{name}.png", optimize=True)
        browser.close()


def listen(page: Page) -> list[str]:
    """The errors that the page reports from here on."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def use(page: Page) -> None:
    """Run the cells, move a slider, click in the figure; each has to change it."""
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells).to_have_count(2)
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_attached(timeout=60_000)
    page.keyboard.press("Control+b")  # hides the list of files
    for cell in cells.all():
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
    figure = page.locator(".chainrule svg[role=img]")
    expect(figure).to_be_visible(timeout=60_000)
    expect(page.locator("[class^=chainrule-still]")).to_be_hidden()
    expect(page.get_by_text("Click or tap in the figure to start there.")).to_be_visible()
    for act in (lambda: page.locator(".chainrule .noUi-handle").first.press("ArrowLeft"), lambda: click(page)):
        before = figure.get_attribute("aria-label")
        act()
        expect(figure).not_to_have_attribute("aria-label", before or "")
    page.wait_for_timeout(500)
    page.mouse.move(0, 0)


def click(page: Page) -> None:
    box = page.locator(".chainrule svg[role=img]").bounding_box()
    assert box is not None
    page.locator(".chainrule svg[role=img]").click(position={"x": 0.28 * box["width"], "y": 0.18 * box["height"]})


def main() -> None:
    for name, drawn in drawings().items():
        pictures = drawn.pictures if isinstance(drawn, plots.Row) else (drawn,)
        for number, picture in enumerate(pictures, start=1):
            (HERE / f"{name}{f'-{number}' * (len(pictures) > 1)}.svg").write_text(picture.svg, encoding="utf-8")
        print(f"{name}: {drawn}")
    (HERE / "palette.svg").write_text(palette(), encoding="utf-8")
    for name in ("palette", "paths", "graph"):
        svg = (HERE / f"{name}.svg").read_text(encoding="utf-8")
        (HERE / f"{name}-grey.svg").write_text(seen_with(GREY, svg), encoding="utf-8")
        (HERE / f"{name}-no-green.svg").write_text(seen_with(NO_GREEN_CONES, svg), encoding="utf-8")
    if sys.argv[1:] != ["drawings"]:
        screenshots()


if __name__ == "__main__":
    main()
