"""State that goes along with a request: which tests need it, and that it is put back."""

import random
import socket

import numpy as np
import pytest

from autograder.wire import player
from autograder.wire.ambient import Applied, Watch, patches_modules, restored
from autograder.wire.channel import Channel


@pytest.mark.parametrize(
    "source, patches",
    [
        ("x = 1", False),
        ("START.flags.writeable = False", False),
        ("class A:\n    def __init__(self):\n        self.x = 1", False),
        ("f.calls = 0", False),
        ("import numpy as np\nx = np.ones(3)\nx.shape = (3, 1)", False),
        ("import numpy as np\nnp.dot = None", True),
        ("import numpy as np\ndel np.dot", True),
        ("import numpy\nnumpy.linalg.norm = None", True),
        ("from numpy import linalg\nlinalg.norm = None", True),
        ("import sys\nsys.modules['math'].pi = 3", True),
        ("module().pi = 3", True),
        ("from unittest import mock\nwith mock.patch('builtins.input'): f()", True),
        ("monkeypatch.setitem(d, 1, 2)", True),
        ("setattr(math, 'pi', 3)", True),
        ("math.__dict__['pi'] = 3", True),
        ("vars(math)['pi'] = 3", True),
    ],
)
def test_only_a_test_that_may_patch_modules_is_watched_for_it(source: str, patches: bool) -> None:
    assert patches_modules(source) == patches


@pytest.mark.parametrize(
    "name, seed, draw",
    [("numpy", np.random.seed, np.random.random), ("python", random.seed, random.random)],
)
def test_the_streams_of_a_submission_go_on_where_they_were(name, seed, draw) -> None:
    with restored(random_too=True):
        watch = Watch(random_too=True, patches=False)
        seed(1)  # by the test, on the referee's side
        changes = watch.changes(lambda value: value)
        expected = [draw(), draw()]
        assert [change[:2] for change in changes] == [["stream", name]]
        seed(2)
        own = [draw(), draw(), draw()]
        seed(2)
        applied = Applied()
        assert draw() == own[0]
        applied.apply(changes, lambda form: form)
        assert [draw(), draw()] == expected
        applied.apply(changes, lambda form: form)
        assert draw() == expected[0]
        applied.end()
        assert [draw(), draw()] == own[1:]


def test_the_process_is_left_as_it_was() -> None:
    with restored(random_too=True):
        np.random.seed(3)
        random.seed(3)
        expected = np.random.random(), random.random()
        np.random.seed(3)
        random.seed(3)
        with restored(random_too=True):
            np.random.seed(4)
            random.seed(4)
            np.seterr(all="raise")
        assert (np.random.random(), random.random()) == expected
        assert np.geterr()["divide"] != "raise"


def test_a_conversation_leaves_the_submissions_streams_alone() -> None:
    referee, mine = socket.socketpair()
    with referee, mine, restored(random_too=True):
        watch = Watch(random_too=True, patches=False)
        np.random.seed(1)
        changes = watch.changes(lambda value: value)
        np.random.seed(2)
        expected = np.random.random()
        np.random.seed(2)
        channel = Channel(referee)
        channel.send([["ask", "name", [1], [], [], changes], [], [], []])
        referee.shutdown(socket.SHUT_WR)
        player.serve(mine, {})
        (kind, *_), *_ = channel.receive()[0]
        assert kind == "answer"
        assert np.random.random() == expected
