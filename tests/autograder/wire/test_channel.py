"""Frames: whatever bytes arrive, the answer is a message or Fatal, in bounded time and memory."""

from __future__ import annotations

import socket
import struct
import threading
import time
import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.wire import limits
from autograder.wire.channel import Channel
from autograder.wire.limits import Fatal

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


def received(raw: bytes, seconds: float = 5.0):
    """What a channel makes of `raw` followed by the end of the stream."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw)
        theirs.shutdown(socket.SHUT_WR)
        return Channel(ours, time.monotonic() + seconds).receive()


def frame(body: bytes, buffers: list[bytes] = ()) -> bytes:
    head = struct.pack(f"<IH{len(buffers)}Q", len(body), len(buffers), *map(len, buffers))
    return head + body + b"".join(buffers)


@given(TREES, st.lists(st.binary(max_size=5000), max_size=3))
def test_what_is_sent_arrives(tree, buffers):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(ours).send(tree, buffers)
        assert Channel(theirs).receive() == (tree, [bytearray(b) for b in buffers])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_the_end(raw):
    try:
        received(raw)
    except Fatal as fatal:
        assert fatal.status == "crashed"


@given(st.binary(max_size=300))
def test_any_body_is_a_tree_or_the_end(body):
    try:
        tree, _ = received(frame(body))
    except Fatal as fatal:
        assert fatal.status == "crashed"
    else:
        assert not isinstance(tree, (dict, msgpack.ExtType, msgpack.Timestamp))


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack("<IH", limits.BODY + 1, 0),
        struct.pack("<IH", 10, limits.BUFFER_COUNT + 1),
        struct.pack("<IHQ", 10, 1, limits.BUFFERS + 1),
        struct.pack("<IHQ", 10, 1, 2**64 - 1),
        struct.pack("<IHQQ", 10, 2, limits.BUFFERS // 2 + 1, limits.BUFFERS // 2 + 1),
    ],
    ids=["body", "buffer count", "one buffer", "a huge buffer", "buffers together"],
)
def test_announced_sizes_are_checked_before_memory_is_taken(raw):
    tracemalloc.start()
    with pytest.raises(Fatal, match="too large"):
        received(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    "body",
    [
        msgpack.packb({}),
        msgpack.packb([{"a": 1}]),
        msgpack.packb(msgpack.ExtType(5, b"x")),
        msgpack.packb(msgpack.Timestamp(1)),
        b"\x91" * 5000 + b"\xc0",
        msgpack.packb("a")[:-1] + b"\xff",
        msgpack.packb(1) + msgpack.packb(2),
        b"",
        b"\xc1",
    ],
    ids=["map", "inner map", "extension", "timestamp", "deep", "no utf-8", "two values", "nothing", "no msgpack"],
)
def test_bodies_that_are_refused(body):
    with pytest.raises(Fatal, match="unreadable"):
        received(frame(body))


def test_the_end_of_the_stream_is_a_crash():
    for raw in (b"", frame(b"\xc0")[:-1], frame(b"\xc0", [b"12345"])[:-1]):
        with pytest.raises(Fatal, match="ended") as info:
            received(raw)
        assert info.value.status == "crashed"


def test_one_deadline_for_a_slow_drip():
    """Each byte comes in time, all of them together do not."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip():
        while not stop.wait(0.01):
            theirs.send(b"\0")

    theirs.sendall(struct.pack("<IH", 1000, 0))
    thread = threading.Thread(target=drip)
    thread.start()
    begin = time.monotonic()
    with pytest.raises(Fatal) as info:
        Channel(ours, begin + 0.15).receive()
    stop.set()
    thread.join()
    ours.close(), theirs.close()
    assert info.value.status == "timeout"
    assert 0.1 < time.monotonic() - begin < 2


def test_sending_to_a_player_that_does_not_read_ends_too():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Fatal) as info:
        Channel(ours, time.monotonic() + 0.1).send(None, [bytes(50 << 20)])
    assert info.value.status == "timeout"


def test_the_total_of_all_messages_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "TOTAL", 1000)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel, other = Channel(ours), Channel(theirs)
        with pytest.raises(Fatal, match="too large"):
            for _ in range(20):
                other.send(bytes(100))
                channel.receive()


def test_what_is_too_large_to_send_is_said_before_anything_is_sent():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ValueError, match="too large to hand over"):
            Channel(ours).send(bytes(limits.BODY + 1))
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
