"""Chromium, and a Jupyter server in a folder of the test's own. Both listen to this machine only.

Pictures of what the tests saw are kept in build/screenshots, for people to look at.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
CHROMIUM = next(
    path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(path).exists()
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},  # all cells are there
}
SECONDS = 1000  # Playwright counts in milliseconds
expect.set_options(timeout=60 * SECONDS)  # the machine may be busy with other tests


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Open]:
    """Opens a page, `width` pixels wide. Errors that it writes to the console are in its attribute `complaints`."""
    contexts = []

    def open_page(width: int = 1200, height: int = 900) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60 * SECONDS)
        page.complaints = complaints = []  # type: ignore[attr-defined]
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for number, context in enumerate(contexts):
        PICTURES.mkdir(parents=True, exist_ok=True)
        context.pages[0].screenshot(path=PICTURES / f"last-{number}.png")
        context.close()


@pytest.fixture(scope="session")
def keep() -> Callable[[Page, str], None]:
    """Keeps a picture of a page."""
    PICTURES.mkdir(parents=True, exist_ok=True)

    def screenshot(page: Page, name: str) -> None:
        page.screenshot(path=PICTURES / f"{name}.png")

    return screenshot


@contextmanager
def jupyter_server(folder: Path, home: Path) -> Iterator[str]:
    """A Jupyter server on a free port with `folder` as its root and its working directory; yields its address."""
    settings = home / "settings"
    for name, values in SETTINGS.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(json.dumps(values), encoding="utf-8")
    own = {
        name: str(home / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    environment = (
        os.environ
        | own
        | {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    )
    environment.pop("MPLBACKEND", None)
    options = [
        "--no-browser",
        "--ServerApp.port=0",
        "--ServerApp.ip=127.0.0.1",
        "--IdentityProvider.token=",
        "--allow-root",
    ]
    options += [f"--ServerApp.root_dir={folder}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    address, said = "", []
    for line in server.stderr:
        said.append(line)
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab", line):
            address = found[1]
            break
    rest = threading.Thread(target=server.stderr.read)  # or it would block on a full pipe
    rest.start()
    try:
        assert address, f"the Jupyter server ended:\n{''.join(said)[-3000:]}"
        yield address
    finally:
        server.terminate()
        server.wait(30)
        rest.join()
        server.stderr.close()
