"""Runs a pattern in a plain kernel and over the wire.

A `Bench` is one warm process with IPython, numpy and matplotlib imported. It forks itself for every run, so that
nothing leaks from one run into the next, nor into the process of the tests.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import Pattern, Version

Verdict = dict[str, Any]  # at least status, score, kind and message
TEST = "exercise-hidden"
SECONDS = 10.0
ENDLESS_SECONDS = 0.5
_WARM = (
    "autograder.wire.player", "autograder.wire.referee", "matplotlib.pyplot", "numpy.testing", "pytest",
    "unittest.mock",
)  # fmt: skip


class Bench:
    """Asks the warm process; one request at a time."""

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="patterns-")
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._socket.close()
            _serve(theirs, self._directory)
        theirs.close()
        self._answers = self._socket.makefile("r", encoding="utf-8")

    def plain(self, pattern: Pattern, version: Version) -> Verdict:
        """What a kernel makes of the test: an error fails it, and a number in its last line is the score."""
        return self._ask("plain", pattern, version)

    def learn(self, pattern: Pattern) -> Verdict:
        """Judge the right version over the wire; the verdict has the record that `judge` takes."""
        return self._ask("wire", pattern, pattern.right, learn=True)

    def judge(self, pattern: Pattern, version: Version, learnt: Verdict, liar: str | None = None) -> Verdict:
        """Judge a version over the wire as grading does: if it passes and overwrote what the right version leaves
        alone, it must pass a second time with write-back suppressed. `lied` says whether a liar changed something."""
        options = {"record": learnt["record"], "liar": liar}
        verdict = self._ask("wire", pattern, version, **options)
        if verdict["status"] == "passed" and verdict["wrote"]:
            again = self._ask("wire", pattern, version, freeze=True, **options)
            if again["status"] != "passed":
                return again | {"lied": verdict["lied"]}
        return verdict

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        os.waitpid(self._pid, 0)
        shutil.rmtree(self._directory)

    def _ask(self, how: str, pattern: Pattern, version: Version, **options: Any) -> Verdict:
        seconds = ENDLESS_SECONDS if version.endless else SECONDS
        request = {"how": how, "cells": pattern.cells(version), "original": pattern.cells(pattern.right)}
        self._socket.sendall((json.dumps(request | options | {"seconds": seconds}) + "\n").encode())
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError(f"the warm process ended at {pattern}, {version.kind}")
        return json.loads(answer)


def _serve(sock: socket.socket, directory: str) -> None:
    """The warm process: a run for each request, until the other side hangs up."""
    try:
        shell = _warm(directory)
        for line in sock.makefile("r", encoding="utf-8"):
            request = json.loads(line)
            run = {"plain": _plain, "wire": _over_the_wire}[request.pop("how")]
            sock.sendall((json.dumps(run(shell, **request)) + "\n").encode())
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(1)
    os._exit(0)


def _warm(directory: str) -> Any:
    """An IPython shell as a kernel has it, with the warning filters of a fresh Python."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui: str | None = None) -> None:  # `%matplotlib inline` asks for it
            pass

        def showtraceback(self, *args: Any, **kwargs: Any) -> None:  # nobody reads it, and it takes 10 ms
            pass

    warnings.resetwarnings()
    warnings.simplefilter("default")
    sys.stdout = sys.stderr = io.StringIO()
    os.chdir(directory)
    os.environ["MPLBACKEND"] = "agg"
    for module in _WARM:
        importlib.import_module(module)
    config = Config()
    config.HistoryManager.enabled = False  # it starts a thread and a database
    shell = Shell.instance(config=config, colors="nocolor")
    shell.cache_size = 0
    gc.freeze()  # a collection in a fork would copy every page
    return shell


def _plain(shell: Any, cells: list[dict[str, Any]], original: object, seconds: float) -> Verdict:
    return _forked(lambda: _in_a_kernel(shell, cells), seconds)


def _in_a_kernel(shell: Any, cells: list[dict[str, Any]]) -> Verdict:
    *above, test = cells
    for cell in above:
        shell.run_cell(cell["source"])
    result = shell.run_cell(test["source"])
    error = result.error_before_exec or result.error_in_exec
    if error is not None:
        return {"status": "failed", "score": 0.0, "kind": type(error).__name__, "message": str(error)}
    is_score = isinstance(result.result, int | float) and not isinstance(result.result, bool)
    return {"status": "passed", "score": float(result.result) if is_score else 1.0, "kind": "", "message": ""}


def _over_the_wire(
    shell: Any, cells: list[dict[str, Any]], original: list[dict[str, Any]], seconds: float, **options: Any
) -> Verdict:
    ours, theirs = socket.socketpair()
    lied, lied_fd = os.pipe()
    liar = options.pop("liar", None)
    player = os.fork()
    if player == 0:
        ours.close()
        _play(shell, cells, theirs, liar, lied_fd)
    theirs.close()
    os.close(lied_fd)
    prepared = _prepared(json.dumps(original))
    verdict = _forked(lambda: _referee(*prepared, ours, seconds=seconds, **options), seconds + 5)
    ours.close()
    os.kill(player, signal.SIGKILL)
    os.waitpid(player, 0)
    with os.fdopen(lied, "rb") as pipe:
        return {"wrote": False} | verdict | {"lied": bool(pipe.read())}


def _play(shell: Any, cells: list[dict[str, Any]], sock: socket.socket, liar: str | None, lied_fd: int) -> None:
    """A process that runs the student's cells, never sees a test, and answers."""
    from autograder.wire import player

    try:
        _fresh_directory()
        for cell in cells:
            if cell["role"] != "test":
                shell.run_cell(cell["source"])
        player.serve(sock, shell.user_ns, liar=liar, lied_fd=lied_fd)
    finally:
        os._exit(0)


@lru_cache(maxsize=1)  # the versions of one pattern come one after the other
def _prepared(original: str) -> tuple[Any, tuple[str, ...]]:
    """The test, compiled, and the sources that its namespace is made of. Runs nothing of either."""
    from autograder.wire import names, referee

    test = names.resolve(json.loads(original))[TEST]
    return referee.prepare(test), test.trusted


def _referee(prepared: Any, trusted: tuple[str, ...], sock: socket.socket, **options: Any) -> Verdict:
    from autograder.wire import referee

    return referee.judge(sock, prepared, referee.build_namespace(trusted), **options)


def _forked(work: Callable[[], Verdict], seconds: float) -> Verdict:
    """What `work` returns in a fork of this process, which is killed when its time is up."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            _fresh_directory()
            result = work()
        except BaseException:
            result = {"status": "broken", "score": 0.0, "kind": "", "message": traceback.format_exc()}
        with os.fdopen(send, "w") as pipe:
            json.dump(result, pipe)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(answer) if answer else {"status": "timeout", "score": 0.0, "kind": "", "message": ""}


def _fresh_directory() -> None:
    os.chdir(tempfile.mkdtemp(dir=Path.cwd()))
