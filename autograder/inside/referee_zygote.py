"""The referee's zygote: warm, holds every test, never runs student code. Each submission is judged in a fork of it."""

from __future__ import annotations

import gc
import io
import os
import resource
import signal
import socket
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any

from autograder.inside import messages, walls
from autograder.inside.messages import PROBE
from autograder.wire import names, referee


class Court:
    """The tests and probes of one notebook, compiled, each with the namespace that it starts from."""

    def __init__(self, cells: list[dict[str, Any]], shared: bool) -> None:
        tests = names.resolve(cells, shared)
        self.prepared = {key: referee.prepare(test) for key, test in tests.items()}
        self._spaces = dict(zip(tests, _spaces([test.trusted for test in tests.values()]), strict=True))
        self.shared: dict[str, Any] | None = {} if shared else None

    def alone(self) -> list[str]:
        """Tests that leave the submission other than they found it: they rebind its names, or patch a module."""
        return [key for key, test in self.prepared.items() if test.patches or test.owned & test.binds]

    def namespace(self, key: str) -> dict[str, Any]:
        """Where a test runs: fresh, or in a foreign course the one that its earlier tests left behind."""
        if self.shared is None or key.startswith(PROBE):
            return dict(self._spaces[key])
        for name, value in self._spaces[key].items():
            self.shared.setdefault(name, value)
        return self.shared


def _spaces(trusted: list[tuple[str, ...]]) -> list[dict[str, Any]]:
    """What the trusted sources of each test make. A test whose sources begin as the one before goes on from there."""
    spaces: list[dict[str, Any]] = []
    done: tuple[str, ...] = ()
    space: dict[str, Any] = {"__name__": "__main__"}
    for sources in trusted:
        if sources[: len(done)] != done:
            done, space = (), {"__name__": "__main__"}
        for source in sources[len(done) :]:
            # One that fails does so for the student too; a test that needs it will say so.
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(Exception):
                exec(compile(source, f"{referee.SETUP_FILE}>", "exec"), space)
        done = sources
        spaces.append({name: value for name, value in space.items() if name != "__builtins__"})
    return spaces


def main(zygote: socket.socket) -> None:
    settings, _ = messages.receive(zygote)
    try:
        if settings["isolation"] == "namespaces":
            walls.link_files()
        courts = {name: Court(**notebook) for name, notebook in settings["notebooks"].items()}
        if settings["isolation"] == "namespaces":
            walls.prepare()
    except Exception as error:
        messages.send(zygote, ["failed", f"{type(error).__name__}: {error}"])
        return
    gc.collect()
    gc.freeze()
    messages.send(zygote, ["ready", {name: court.alone() for name, court in courts.items()}])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        try:
            (verb, argument), fds = messages.receive(zygote, max_fds=1)
        except messages.Closed:
            return
        if verb == "kill":  # process ids are this namespace's: only the zygote can use them
            _kill(argument)
        elif os.fork() == 0:
            zygote.close()
            hear(socket.socket(fileno=fds[0]), courts, settings["memory_mb"])
        for fd in fds:
            os.close(fd)


def hear(grader: socket.socket, courts: dict[str, Court], memory_mb: int) -> None:
    """Judge tests and run probes, until the grader hangs up. Never returns."""
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
        messages.send(grader, ["ready", os.getpid()])
        while True:
            request, fds = messages.receive(grader, max_fds=1)
            court, key = courts[request["notebook"]], request["test"]
            with socket.socket(fileno=fds[0]) as wire:
                if key.startswith(PROBE):
                    answer = referee.ask(wire, court.prepared[key], court.namespace(key), seconds=request["seconds"])
                else:
                    answer = referee.judge(wire, court.prepared[key], court.namespace(key), **request["options"])
            messages.send(grader, answer)
    except messages.Closed:
        pass
    finally:
        os._exit(0)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
