"""Handles on the processes inside: the zygotes, a submission's moments, a referee."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.engine import walls
from autograder.engine.outputs import MAX_CHARACTERS, clean, well_formed
from autograder.errors import CourseError
from autograder.inside import messages
from autograder.inside.messages import Closed

START_SECONDS = 60.0
ENDED_WELL = ("passed", "failed", "answered")
"""How a test or a probe ends that leaves player and referee sound."""

GRACE_SECONDS = 2.0  # what a process may take beyond its own clock before it is killed
_SPAWN_SECONDS = 30.0
_MAX_ANSWER = 8 << 20  # bytes of one answer from a player


class Zygote:
    """A warm process behind the outer wall. Several threads may use it; it starts while its maker goes on."""

    def __init__(
        self,
        module: str,
        settings: dict[str, Any],
        *,
        isolation: str,
        packages: Sequence[str],
        sealed: Sequence[str] = (),
        files: Mapping[str, Path],
    ) -> None:
        self._lock = threading.Lock()
        self._said: list[Any] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the zygote
        self._sock, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                walls.command(
                    module, theirs.fileno(), isolation=isolation, packages=packages, sealed=sealed, files=files
                ),
                pass_fds=[theirs.fileno()],
                env=walls.environment(isolation),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
            )
        self.send(settings)

    def wait_until_ready(self) -> list[Any]:
        """What the zygote has to say, once it is warm."""
        if self._said is not None:
            return self._said
        try:
            answer, _ = messages.receive(self._sock, time.monotonic() + START_SECONDS)
        except (Closed, TimeoutError) as error:
            self._process.kill()
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip().splitlines()
            self.close()
            raise CourseError(
                f"the sandbox did not start ({said[-1] if said else error}). Nothing was graded; "
                "`bwrap --unshare-all --ro-bind / / true` shows whether this machine allows it"
            ) from error
        if answer[0] != "ready":
            self.close()
            raise CourseError(f"the sandbox did not start: {answer[1]}. Nothing was graded; see docs/security.md")
        self._said = answer[1:]
        return self._said

    def send(self, document: Any, fds: Sequence[int] = ()) -> None:
        with self._lock, contextlib.suppress(Closed):  # whoever waits for an answer learns that it is gone
            messages.send(self._sock, document, fds)

    @property
    def has_ended(self) -> bool:
        if self._sock.fileno() < 0 or self._process.poll() is not None:
            return True
        poll = select.poll()  # it never sends anything once it is ready, so what can be read is the end
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._sock.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()


class Submission:
    """The processes of one submission, which end together."""

    def __init__(self, zygote: Zygote) -> None:
        self.life, their_life = socket.socketpair()
        self.moments: list[Moment] = []
        sock, theirs = socket.socketpair()
        with theirs, their_life:
            zygote.send(["spawn"], [theirs.fileno(), their_life.fileno()])
        self.first = Moment(self, sock, 0)
        try:
            answer, _ = messages.receive(sock, time.monotonic() + _SPAWN_SECONDS)
        except (Closed, TimeoutError) as error:
            self.end()
            raise CourseError("the sandbox ended while submissions were graded; grade again to go on") from error
        if answer[0] != "ready":
            self.end()
            raise CourseError(f"the inner wall could not be built: {answer[1]}. See docs/security.md")
        self.first.pid = answer[1]

    def end(self) -> None:
        self.life.close()
        for moment in self.moments:
            moment.sock.close()


class Moment:
    """A submission as it stands after some of its cells: see autograder.inside.player_zygote."""

    def __init__(self, submission: Submission, sock: socket.socket, pid: int) -> None:
        self.submission, self.sock, self.pid = submission, sock, pid
        submission.moments.append(self)

    def run(self, source: str, seconds: float, room: int = MAX_CHARACTERS) -> tuple[dict[str, Any], bool]:
        """Outputs of the cell, of `room` characters at most, and whether it came to its end in time.

        Closed when the process ended, TimeoutError when it had to be given up.
        """
        started = time.monotonic()
        messages.send(self.sock, ["run", source, seconds])
        deadline = time.monotonic() + seconds + GRACE_SECONDS
        answer, _ = messages.receive(self.sock, deadline, max_bytes=_MAX_ANSWER)
        match answer:
            case ["ran", list(outputs), int(count), bool(ok)]:
                in_time = ok or time.monotonic() - started < seconds
                return {"outputs": clean(outputs, room), "execution_count": count}, in_time
        raise Closed("no answer to run")

    def fork(self) -> Moment:
        sock, theirs = socket.socketpair()
        moment = Moment(self.submission, sock, 0)  # closed with the submission, whatever comes
        with theirs:
            messages.send(self.sock, ["fork"], [theirs.fileno()])
        answer, _ = messages.receive(self.sock, time.monotonic() + _SPAWN_SECONDS, max_bytes=_MAX_ANSWER)
        match answer:
            case ["forked", int(pid)] if 1 < pid < 1 << 31:
                moment.pid = pid
                return moment
        raise Closed("no answer to fork")

    def serve(self, wire: socket.socket, liar: str | None = None, lied: int | None = None) -> None:
        """Become the player on this socket."""
        fds = [wire.fileno()] if lied is None else [wire.fileno(), lied]
        with contextlib.suppress(Closed):  # the referee finds nobody there
            messages.send(self.sock, ["serve", liar], fds)

    def kill(self) -> None:
        if self.pid:
            with contextlib.suppress(OSError):
                self.submission.life.send(self.pid.to_bytes(4, "little"))


class Referee:
    """A referee process, for the tests of one submission; a fresh one after a test that did not end well."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._sock: socket.socket | None = None
        self._pid = 0

    def judge(self, moment: Moment, request: dict[str, Any], seconds: float, liar: str | None = None) -> dict[str, Any]:
        """The answer to one request (see autograder.inside.referee_zygote); with `lied` where a liar played."""
        sock = self._start()
        player_end, referee_end = socket.socketpair()
        lied_read, lied_write = os.pipe() if liar else (None, None)
        with player_end, referee_end:
            moment.serve(player_end, liar, lied_write)
            player_end.close()  # or the referee would never learn that the player has gone
            try:
                messages.send(sock, request, [referee_end.fileno()])
                referee_end.close()
                answer, _ = messages.receive(sock, time.monotonic() + seconds + GRACE_SECONDS)
                answer = well_formed(answer)
            except TimeoutError:
                answer = {"status": "timeout", "message": "the referee itself did not come to an end"}
            except Closed:
                answer = {"status": "crashed", "message": "the referee itself ended"}
        if answer["status"] not in ENDED_WELL:
            self.close()
            moment.kill()
        if lied_read is not None and lied_write is not None:
            answer["lied"] = bool(select.select([lied_read], [], [], 0)[0])
            os.close(lied_read)
            os.close(lied_write)
        return answer

    def _start(self) -> socket.socket:
        if self._sock is None:
            self._sock, theirs = socket.socketpair()
            with theirs:
                self._zygote.send(["hear", None], [theirs.fileno()])
            try:
                (_, self._pid), _ = messages.receive(self._sock, time.monotonic() + _SPAWN_SECONDS)
            except (Closed, TimeoutError) as error:
                raise CourseError("the referee's sandbox ended; grade again to go on") from error
        return self._sock

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            self._zygote.send(["kill", self._pid])
