"""A player in a process of its own, and the referee here."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from autograder.wire import names, player, referee

NUMPY = "import numpy as np"
Play = Callable[[socket.socket, dict], None]


class Wire:
    """Judges a test cell against student code, or against any other player."""

    def judge(
        self,
        student: str,
        test: str,
        *,
        play: Play = player.serve,
        reference: str | None = None,
        setup: str = NUMPY,
        judge: Callable[..., dict[str, Any]] = referee.judge,
        **options: Any,
    ) -> dict[str, Any]:
        """One judgement. `reference`: what the notebook's solution cell says, if not the same as `student`.

        Without a record, everything is allowed, as when the reference is judged.
        """
        if judge is referee.judge and "record" not in options:
            options["learn"] = True
        resolved = names.resolve(
            [
                {"role": "locked", "grade_id": "setup", "source": setup},
                {"role": "solution", "grade_id": "exercise", "source": reference or student},
                {"role": "test", "grade_id": "test", "source": test},
            ]
        )["test"]
        namespace = referee.build_namespace(resolved.trusted)
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _play(theirs, ours, f"{setup}\n{student}", play)
        theirs.close()
        with ours:
            verdict = judge(ours, referee.prepare(resolved), namespace, **{"seconds": 10.0} | options)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return verdict

    def learn(self, reference: str, test: str, **options: Any) -> dict[str, Any]:
        verdict = self.judge(reference, test, learn=True, **options)
        assert verdict["status"] == "passed", verdict
        return verdict["record"]

    def grade(self, student: str, test: str, reference: str, **options: Any) -> dict[str, Any]:
        """As in grading: with the record of the reference, and once more with the test's objects protected."""
        setup = {k: options[k] for k in options.keys() & {"setup"}}
        record = self.learn(reference, test, **setup)
        verdict = self.judge(student, test, reference=reference, record=record, **options)
        if verdict["status"] == "passed" and verdict["wrote"]:
            return self.judge(student, test, reference=reference, record=record, freeze=True, **options)
        return verdict


def _play(sock: socket.socket, other: socket.socket, source: str, play: Play) -> None:
    try:
        faulthandler.disable()  # some die on purpose
        other.close()
        namespace: dict[str, Any] = {"__name__": "__main__"}
        with suppress(Exception):  # a cell that fails leaves what it had bound
            exec(source, namespace)
        play(sock, namespace)
    except BaseException:
        os._exit(1)
    os._exit(0)


@pytest.fixture
def wire() -> Wire:
    return Wire()
