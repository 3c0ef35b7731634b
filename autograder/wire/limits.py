"""Bounds on what one side takes from the other, and the ways in which a conversation ends.

Bounds are read at each use (`limits.TEXT`), so that a test can lower one.
"""

from __future__ import annotations

import builtins
from typing import Any, NoReturn

BODY = 16 << 20  # bytes of the tree of one message
BUFFERS = 256 << 20  # bytes of array data of one message
BUFFER_COUNT = 4096  # arrays of one message that travel outside its tree
TOTAL = 4 << 30  # bytes that a side receives during one test cell
DEPTH = 100  # nesting of one value
ITEMS = 2_000_000  # values in one message
TEXT = 4 << 20  # characters of one str, bytes of one bytes
INTEGER = 128  # bytes of one int
DIMENSIONS = 32  # of one array
OBJECTS = 100_000  # shared objects, and likewise handles
CLASSES = 2_000  # classes of the submission that a test meets
RECORDS = 200  # namedtuple classes
REQUESTS = 2_000_000  # requests and callbacks of one test cell
CALLBACK_DEPTH = 150  # callbacks inside callbacks
OUTPUT = 1 << 20  # characters that one answer, and one test cell, may print

PRIVATE_BUILTINS: Any = dict(vars(builtins))
"""Builtins as they were before any student code ran.

The modules that run beside student code bind this to their `__builtins__`: functions defined after that look names up
here (CPython stores the mapping in each function), so a student who assigns `builtins.len` breaks only their own code.
"""


class Fatal(BaseException):
    """The conversation is over. `status` is a verdict: "crashed", "timeout" or "failed"; `why` is for the staff.

    No `Exception`, and remembered by the referee's end: a test that swallows it fails all the same.
    """

    def __init__(self, status: str, why: str) -> None:
        super().__init__(status, why)
        self.status, self.why = status, why


class NotCarried(TypeError):
    """The wire has no form for an object; the message says which and what to do instead."""


def words(text: str) -> list[str]:
    """For tables of names that are read as prose."""
    return text.split()


def refuse(what: str) -> NoReturn:
    """End the conversation: the other side sent something that no honest side sends."""
    raise Fatal("crashed", f"the player's message was refused: {what}")
