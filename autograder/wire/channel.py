"""Frames on a stream socket.

    frame = length of the body (u32), number of buffers (u16), their lengths (u64 each), body, buffers

The body is msgpack made of arrays, numbers, text and bytes only: no maps and no extension types, so there is nothing
in it that could be mistaken for something else. Every length is checked before anything is allocated for it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from struct import Struct, pack, unpack
from typing import Any

from msgpack import packb, unpackb

from autograder.wire import limits
from autograder.wire.limits import Fatal, refuse

__builtins__ = limits.PRIVATE_BUILTINS

Buffer = bytes | bytearray | memoryview
_HEAD = Struct("<IH")
_AHEAD = 1 << 16
_PIECE = 4 << 20  # bytes asked for at a time


class Channel:
    """One end of the connection. `deadline` is a time of `time.monotonic`, for all frames together, or None.

    All frames count against one absolute time, so an answer that drips in byte by byte gains nothing.
    """

    def __init__(self, sock: socket.socket, deadline: float | None = None) -> None:
        self.sock, self.deadline, self.received = sock, deadline, 0
        self._ahead = bytearray()  # what was received with the frame before

    def send(self, tree: Any, buffers: Sequence[Buffer] = ()) -> None:
        """Raises Fatal("timeout") or Fatal("crashed"), and ValueError for a message that is too large to send."""
        body = packb(tree)
        if len(body) > limits.BODY or sum(map(len, buffers)) > limits.BUFFERS or len(buffers) > limits.BUFFER_COUNT:
            raise ValueError("the values of one call are too large to hand over")
        head = _HEAD.pack(len(body), len(buffers)) + pack(f"<{len(buffers)}Q", *map(len, buffers))
        for piece in (head + body, *buffers):
            self._wait(self.sock.sendall, piece)

    def receive(self) -> tuple[Any, list[bytearray]]:
        """The tree and the buffers of the next frame. Raises Fatal and nothing else."""
        size, count = _HEAD.unpack(self._read(_HEAD.size))
        if size > limits.BODY or count > limits.BUFFER_COUNT:
            refuse("too large")
        sizes = unpack(f"<{count}Q", self._read(8 * count))
        self.received += size + sum(sizes)
        if sum(sizes) > limits.BUFFERS or self.received > limits.TOTAL:
            refuse("too large")
        body = self._read(size)
        buffers = [self._read(n) for n in sizes]
        try:
            return unpackb(body, object_hook=_no_map, max_map_len=0, max_ext_len=0), buffers
        except Fatal:
            raise
        except Exception as problem:
            refuse(f"unreadable ({type(problem).__name__})")

    def _read(self, size: int) -> bytearray:
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        while (missing := size - len(data)) > 0:
            if missing < _AHEAD:  # small frames: all that is there, in one system call
                piece = self._received(self.sock.recv, _AHEAD)
                data += piece[:missing]
                self._ahead = bytearray(piece[missing:])
            else:
                got = len(data)
                data += bytes(missing)
                view = memoryview(data)
                while got < size:
                    got += self._received(self.sock.recv_into, view[got:], min(size - got, _PIECE))
        return data

    def _received(self, transfer: Any, *args: Any) -> Any:
        received = self._wait(transfer, *args)
        if not received:
            raise Fatal("crashed", "the process of the submission ended")
        return received

    def _wait(self, transfer: Any, *args: Any) -> Any:
        try:
            if self.deadline is not None:
                left = self.deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.sock.settimeout(left)
            return transfer(*args)
        except TimeoutError:
            raise Fatal("timeout", "time is up") from None
        except OSError:
            raise Fatal("crashed", "the process of the submission ended") from None


def _no_map(entries: dict) -> Any:
    refuse("unreadable (a map)")
