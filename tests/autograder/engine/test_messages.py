"""Control messages: framing, descriptors, deadlines, and what a hostile sender can do (nothing)."""

import os
import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.inside import messages

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(JSON)
def test_a_document_arrives_as_it_was_sent(document):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        messages.send(ours, document)
        assert messages.receive(theirs) == (document, [])


def test_descriptors_arrive_where_they_are_asked_for(pair, tmp_path):
    ours, theirs = pair
    with open(tmp_path / "file", "w+b") as file:
        file.write(b"text")
        file.flush()
        messages.send(ours, "take", [file.fileno()])
        document, (fd,) = messages.receive(theirs, max_fds=2)
    assert document == "take"
    assert os.pread(fd, 10, 0) == b"text"
    os.close(fd)


def test_unasked_descriptors_are_dropped(pair, tmp_path):
    ours, theirs = pair
    before = len(os.listdir("/proc/self/fd"))
    with open(tmp_path / "file", "wb") as file:
        messages.send(ours, "take", [file.fileno()])
    assert messages.receive(theirs) == ("take", [])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x01",
        struct.pack("<I", 10) + b"short",
        struct.pack("<I", 0xFFFFFFFF),
        struct.pack("<I", 4) + b"nope",
        struct.pack("<I", 2) + b"\xff\xfe",
        struct.pack("<I", 200_000) + b"[" * 200_000,
    ],
    ids=["nothing", "half a length", "cut", "too long", "no JSON", "no UTF-8", "too deep"],
)
def test_what_is_no_message_closes_the_conversation(pair, raw):
    ours, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    ours.sendall(raw)
    ours.close()
    with pytest.raises(messages.Closed):
        messages.receive(theirs)


def test_a_slow_drip_does_not_move_the_deadline(pair):
    ours, theirs = pair
    ours.sendall(struct.pack("<I", 100) + b"[1")
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        messages.receive(theirs, start + 0.05)
    assert time.monotonic() - start < 5


def test_sending_to_nobody(pair):
    ours, theirs = pair
    theirs.close()
    with pytest.raises(messages.Closed):
        messages.send(ours, "anyone?")
