"""The player's zygote: warm, and ignorant of every test. Each submission is a fork of it behind the inner wall.

A submission's processes are *moments* of its notebook. A moment obeys four verbs on its own socket:

    run SOURCE SECONDS   run one cell; answers its outputs
    fork (+socket)       a copy of this moment starts to listen on that socket; answers its process id
    serve (+socket)      be the player on the wire, until the referee hangs up
    (end of file)        end

The grader runs the cells in one moment and forks it before a cell that could change what a test sees. The fork is
parked, as the student's own code left it, until all cells have run; only then do tests begin to talk to it, one after
the other as in a kernel. A moment that dies takes nothing with it: the notebook goes on from a fork of the last one
that was parked.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from typing import Any

from autograder.inside import messages, walls
from autograder.inside.shell import Shell, make_shell, run_cell
from autograder.wire import player
from autograder.wire.ambient import restored

_fork, _exit, _close = os.fork, os._exit, os.close  # a student may replace these; the moment still needs them
_setitimer, _signal, _getpid = signal.setitimer, signal.signal, os.getpid


def main(zygote: socket.socket) -> None:
    settings, _ = messages.receive(zygote)
    try:
        shell = warm_up(settings)
        if settings["isolation"] == "namespaces":
            walls.prepare()
    except Exception as error:
        messages.send(zygote, ["failed", f"{type(error).__name__}: {error}"])
        return
    messages.send(zygote, ["ready"])
    fork = walls.fork_process_one if settings["isolation"] == "namespaces" else os.fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        try:
            _, (control, life) = messages.receive(zygote, max_fds=2)
        except messages.Closed:
            return
        try:
            if fork() == 0:
                zygote.close()
                start_submission(control, life, shell, settings)
        except OSError as error:
            with socket.socket(fileno=os.dup(control)) as sock:
                messages.send(sock, ["failed", str(error)])
        os.close(control)
        os.close(life)


def warm_up(settings: dict[str, Any]) -> Shell:
    """Import what the assignment imports, seal what it forbids; fail once and draw once, which imports the rest."""
    sys.meta_path.insert(0, _Sealed(settings["sealed"]))
    shell = make_shell()
    for module in settings["warm"]:
        with suppress(ImportError):  # the notebook's own cell will say so, in its own words
            importlib.import_module(module)
    run_cell(shell, "1 / 0")
    if "matplotlib" in sys.modules:
        run_cell(shell, "%matplotlib inline\n" + _FIRST_FIGURE)
        shell.user_ns.pop("_figure")
    shell.execution_count = 1
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page
    return shell


_FIRST_FIGURE = """
import matplotlib.pyplot
_figure, _ = matplotlib.pyplot.subplots(figsize=(1, 1))
_figure.axes[0].plot([1], label="a")
_figure.axes[0].legend()
matplotlib.pyplot.show()
del matplotlib
"""


class _Sealed(MetaPathFinder):
    """Says why a module is missing. It is missing anyway: the sandbox does not contain it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        for name in self._names:
            if fullname == name or fullname.startswith(name + "."):
                raise ModuleNotFoundError(f"{name} is sealed: this assignment is solved without it", name=fullname)


def start_submission(control: int, life: int, shell: Shell, settings: dict[str, Any]) -> None:
    sock = socket.socket(fileno=control)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        walls.enter(life, control, settings["memory_mb"], namespaces=settings["isolation"] == "namespaces")
        messages.send(sock, ["ready", os.getpid()])
    except Exception as error:
        messages.send(sock, ["failed", f"{type(error).__name__}: {error}"])
        _exit(1)
    moment(sock, shell)


def moment(control: socket.socket, shell: Shell) -> None:
    """Obey the grader until it hangs up. Never returns."""
    try:
        while True:
            (verb, *arguments), fds = messages.receive(control, max_fds=2)
            if verb == "run":
                messages.send(control, ["ran", *run(shell, *arguments)])
            elif verb == "fork":
                pid = _fork()
                if pid == 0:
                    control.close()
                    control = socket.socket(fileno=fds[0])
                else:
                    _close(fds[0])
                    messages.send(control, ["forked", pid])
            elif verb == "serve":
                liar, lied = arguments[0], fds[1] if len(fds) > 1 else None
                with restored(), socket.socket(fileno=fds[0]) as wire:
                    player.serve(wire, shell.user_ns, liar=liar, lied_fd=lied)
    except messages.Closed:
        pass
    finally:
        _exit(0)


def run(shell: Shell, source: str, seconds: float) -> tuple[list[dict[str, Any]], int, bool]:
    """Run a cell, and interrupt it as Jupyter's stop button does when its time is up. The grader has a clock too."""
    _signal(signal.SIGALRM, _time_is_up)
    _setitimer(signal.ITIMER_REAL, seconds)
    try:
        return run_cell(shell, source)
    finally:
        _setitimer(signal.ITIMER_REAL, 0)


def _time_is_up(signum: int, frame: object) -> None:
    raise KeyboardInterrupt("this cell ran longer than it may while the notebook is graded")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
