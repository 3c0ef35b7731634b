"""A clean run: the code cells from top to bottom in a fresh kernel, as graders and *Restart and Run All* do it.

Importing this module needs jupyter_client, which every Jupyter kernel brings, also that of Colab. The kernel is the
Python that runs this, whatever kernel the notebook names, so that no kernelspec has to be installed.

nbclient would be shorter, but a cell of it that times out leaves a task behind that eats messages of the next cells,
and their errors with them. A cell's reply alone tells all that is needed here.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from queue import Empty
from typing import IO, Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

from chainrule.check.notebook import Cell

START = 60  # seconds that a kernel has to start
GRACE = 5  # seconds that an interrupted cell has to end
LIBRARY = Path(os.path.abspath(__file__)).parents[2]  # a folder, or chainrule.zip


class CannotRun(Exception):
    """There is no kernel to run anything, and why."""


@dataclass(frozen=True)
class Outcome:
    """What became of one code cell."""

    status: str  # ok, error, timeout, died
    seconds: float
    error: str = ""  # the exception's name
    message: str = ""  # what the exception says
    line: int | None = None  # in the cell, from 1
    code: str = ""  # that line


@dataclass
class Run:
    outcomes: dict[int, Outcome] = field(default_factory=dict)  # by the cell's number; not those that were not run
    seconds: float = 0.0


def run(cells: Sequence[Cell], folder: Path, seconds: int) -> Run:
    """Runs the code cells in `folder`, each for at most `seconds`. Raises CannotRun if no kernel starts.

    A cell that raises stops nothing. One that takes too long is interrupted; if it does not end then, or if it takes
    the kernel down with it, the cells after it are not run.
    """
    if find_spec("ipykernel") is None:
        raise CannotRun("ipykernel is not installed")
    started, done = time.monotonic(), Run()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jupyter_client's own, which differ from version to version
        with _kernel(folder) as (manager, client):
            for cell in cells:
                if cell.type == "code" and cell.source.strip():
                    done.outcomes[cell.number], alive = _execute(manager, client, cell.source, seconds)
                    if not alive:
                        break
    done.seconds = time.monotonic() - started
    return done


# ---- the kernel


@contextmanager
def _kernel(folder: Path) -> Iterator[tuple[KernelManager, Any]]:
    manager = KernelManager(kernel_spec_manager=_ThisPython())
    client = manager.client()
    with tempfile.TemporaryFile() as said:
        try:
            try:
                manager.start_kernel(**_process(folder, said))
                client.load_connection_info(manager.get_connection_info())
                client.start_channels()
                client.wait_for_ready(timeout=START)
            except (RuntimeError, OSError) as error:
                raise CannotRun(f"the kernel does not start: {_last_line(said) or error}") from error
            yield manager, client
        finally:
            client.stop_channels()
            if manager.has_kernel:
                manager.shutdown_kernel(now=True)


class _ThisPython(KernelSpecManager):
    """Knows one kernel."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        started = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        not_in_my_history = "--HistoryManager.hist_file=:memory:"
        return KernelSpec(argv=[*started, not_in_my_history], display_name="Python 3", language="python")


def _process(folder: Path, said: IO[bytes]) -> dict[str, Any]:
    """How the kernel's process is started. What it writes past the notebook must not reach our own output."""
    env = dict(os.environ)
    if LIBRARY.name not in ("site-packages", "dist-packages"):  # there it is found anyway, and in its turn
        env["PYTHONPATH"] = os.pathsep.join([*filter(None, [env.get("PYTHONPATH")]), str(LIBRARY)])
    return {"cwd": str(folder), "env": env, "stdout": said, "stderr": said}


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


# ---- one cell


def _execute(manager: KernelManager, client: Any, source: str, seconds: int) -> tuple[Outcome, bool]:
    """What becomes of the cell, and whether the kernel can run another one after it."""
    started = time.monotonic()
    request = client.execute(source, allow_stdin=False, stop_on_error=False)
    reply = _reply(manager, client, request, seconds)
    took = time.monotonic() - started
    if reply is None and manager.is_alive():
        manager.interrupt_kernel()
        return Outcome("timeout", took), _reply(manager, client, request, GRACE) is not None
    if reply is None:
        return Outcome("died", took), False
    return (_failed(reply, source, took) if reply["status"] == "error" else Outcome("ok", took)), True


def _reply(manager: KernelManager, client: Any, request: str, seconds: float) -> dict[str, Any] | None:
    """The kernel's reply to a request; None if it does not come in time, or if the kernel is gone."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            message = client.get_shell_msg(timeout=min(left, 1))
        except Empty:
            if not manager.is_alive():
                return None
        else:
            if message["parent_header"].get("msg_id") == request:
                return dict(message["content"])
    return None


def _failed(reply: Mapping[str, Any], source: str, took: float) -> Outcome:
    line, code = _place("\n".join(reply.get("traceback", [])), source)
    return Outcome("error", took, str(reply["ename"]), str(reply["evalue"]), line, code)


_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ARROW = re.compile(r"^-+> +(\d+)\b", re.MULTILINE)  # IPython's mark; the first one is in the cell itself
_LINE = re.compile(r"\bline (\d+)")  # in a syntax error, and in what `chainrule.checks` shows


def _place(traceback: str, source: str) -> tuple[int | None, str]:
    """Where in the cell it was raised: the number of the line, and its text."""
    text = _COLOUR.sub("", traceback)
    if not (match := _ARROW.search(text) or _LINE.search(text)):
        return None, ""
    lines, number = source.split("\n"), int(match[1])
    return (number, lines[number - 1].strip()) if 0 < number <= len(lines) else (None, "")
