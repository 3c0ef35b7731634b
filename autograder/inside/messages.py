"""Control messages between the grader and its processes: a length, a JSON document, and perhaps file descriptors.

Only the grader hands out descriptors. A receiver that does not ask for any gets none, whatever the sender attaches,
so that a player cannot fill the grader's descriptor table.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import time
from collections.abc import Iterable
from typing import Any

PROBE = "probe:"
"""A probe is judged like a test cell of this name, followed by its exercise's; no grade_id can be that."""

MAX_MESSAGE = 64 << 20
_LENGTH = struct.Struct("<I")


class Closed(Exception):
    """The other side has gone, or what it sends is no message."""


def send(sock: socket.socket, document: Any, fds: Iterable[int] = ()) -> None:
    body = json.dumps(document).encode()
    frame = _LENGTH.pack(len(body)) + body
    fds = array.array("i", fds)
    try:
        sock.settimeout(None)  # the last receive may have left one
        sent = 0
        if fds:  # descriptors travel with the first byte
            sent = sock.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        sock.sendall(frame[sent:])
    except OSError as error:
        raise Closed(str(error)) from error


def receive(
    sock: socket.socket, deadline: float | None = None, *, max_fds: int = 0, max_bytes: int = MAX_MESSAGE
) -> tuple[Any, list[int]]:
    """One message and its descriptors. `deadline` is absolute, in time.monotonic(); TimeoutError when it has passed.

    JSON takes up to thirty times its size in memory once it is read: give a bound where the sender is not trusted.
    """
    head, fds = _first(sock, deadline, max_fds)
    try:
        (length,) = _LENGTH.unpack(head + _exactly(sock, _LENGTH.size - len(head), deadline))
        if length > max_bytes:
            raise Closed(f"a message of {length} bytes")
        return json.loads(_exactly(sock, length, deadline)), fds
    except BaseException as error:
        for fd in fds:
            os.close(fd)
        if isinstance(error, (ValueError, RecursionError)):
            raise Closed(f"no JSON: {error}") from error
        raise


def _first(sock: socket.socket, deadline: float | None, max_fds: int) -> tuple[bytes, list[int]]:
    fds = array.array("i")
    _arm(sock, deadline)
    try:
        if not max_fds:
            head = sock.recv(_LENGTH.size)
        else:
            head, ancillary, _, _ = sock.recvmsg(_LENGTH.size, socket.CMSG_SPACE(max_fds * fds.itemsize))
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    except TimeoutError:
        raise
    except OSError as error:
        raise Closed(str(error)) from error
    if not head:
        raise Closed("end of file")
    return head, list(fds)


def _exactly(sock: socket.socket, length: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < length:
        _arm(sock, deadline)
        try:
            chunk = sock.recv(min(1 << 20, length - len(data)))
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from error
        if not chunk:
            raise Closed("end of file inside a message")
        data += chunk
    return bytes(data)


def _arm(sock: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        sock.settimeout(None)
    else:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        sock.settimeout(left)
