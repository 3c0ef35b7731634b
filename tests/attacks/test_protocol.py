"""A player that speaks the wire's protocol itself, and lies: student code may replace all of it in its own process.

Whatever arrives at the referee, the wrong answer stays wrong, and the grader goes on.
"""

from __future__ import annotations

import pytest

from .vault import FULL, WRONG, notebook

_ENVELOPE = """
import threading
from autograder.wire import player

def send(self, build):
    said = build()
    asks = said[0] == "answer" and said[1] is not None
    envelope, buffers = forged(self) if asks else ([said, [], [], self.classes()], [])
    self.channel.send(envelope, buffers)
    self.sent()

player.Player.send = send
TAIL = ["", "", [], [], []]
NEW = 101  # a token of the player's own

def says(*said):
    return [list(said), [], [], []], []

def answers(value, *definitions, classes=(), buffers=(), tail=TAIL, drops=()):
    return [["answer", value, tail], list(definitions), list(drops), list(classes)], list(buffers)

def raises(name, args=(), thrown=None, cause=None):
    return says("error", [["global", name], list(args), "", [], cause], thrown, "", TAIL)

def an_object(number=5, name="C", bases=(), operators=(), members=(), exception=False, real=None, times=1):
    made = [1, name, "m", list(bases), list(operators), list(members), exception, real]
    return answers(["object", number, 1], classes=[made] * times)

def an_array(kind, shape, raw, token=NEW):
    return answers(["shared", token], [token, "array", kind, shape, True, raw])

def a_view(self, *how):
    return answers(["shared", NEW], [NEW, "view", given(self), *how])

def given(self):  # the array that the test passed in
    return max(token for token in self.entries if token % 2 == 0)

def nested(value, wrap, times):
    for _ in range(times):
        value = wrap(value)
    return value

def raw(self, data, wait=0):
    self.channel.sock.sendall(data)
    threading.Event().wait(wait)
    return answers(1.0)
"""

FORGED: dict[str, str] = {
    "nothing at all": "None, []",
    "no message": "([None, [], [], []], [])",
    "an empty message": "says()",
    "an unknown kind": "says('passed', 2.0)",
    "a verdict": "says('verdict', 'passed', 2.0, TAIL)",
    "half an answer": "says('answer')",
    "half an error": "says('error', ['global', 'builtins.ValueError'])",
    "an error of no class": "raises('os.system', ['true'])",
    "an error thrown by nobody": "raises('builtins.ValueError', thrown=[1])",
    "an end of iteration": "raises('builtins.StopIteration')",
    "an exit": "raises('builtins.SystemExit', [0])",
    "causes without end": (
        "raises('builtins.ValueError', cause=nested(None, lambda c: [['global', 'x'], [], '', [], c], 90))"
    ),
    "the function open": "answers(['global', 'builtins.open'])",
    "the function eval": "answers(['global', 'builtins.eval'])",
    "a class of numpy": "answers(['global', 'numpy.ndarray'])",
    "a module": "answers(['module', 'os'])",
    "a callback that is none": "answers(['callback', 7])",
    "a use of a callback": "says('call', 7, 'call', [], [], TAIL)",
    "an object of no class": "answers(['object', 5, 99])",
    "an object with a negative number": "an_object(-5)",
    "an object that claims to be a float": "an_object(operators=['eq', 'sub', 'rsub', 'abs', 'float'], real='float')",
    "a class of odd bases": "an_object(bases=['builtins.len', 'builtins.type'], members=['__eq__', '__classcell__'])",
    "a class that is an exception": "an_object(bases=['builtins.StopIteration'], exception=True)",
    "a class with operators as members": "an_object(members=['__sub__', '__rsub__', '__abs__', '__lt__', '__array__'])",
    "a class of a long name": "an_object(name='C' * 10_000_000)",
    "a class given twice": "an_object(times=2)",
    "a token of nothing": "answers(['shared', 99])",
    "a token of the test's": "answers(['shared', NEW], [100, 'list', None])",
    "the test's array filled anew": "an_array('<f8', [3], bytes(24), given(self))",
    "the test's array as a list": "answers(1.0, [given(self), 'list', None, 1.0])",
    "the test's array shrunk": "an_array('<f8', [0], b'', given(self))",
    "a view beyond its array": "a_view(self, [3], 8, [8])",
    "a view with strides into the void": "a_view(self, [3], 16, [-4096])",
    "an array of objects": "an_array('|O', [3], bytes(24))",
    "an array larger than its bytes": "an_array('<f8', [3, 2**39], bytes(24))",
    "an array of a negative shape": "an_array('<f8', [-1, -3], bytes(24))",
    "an array of empty texts": "an_array('<U0', [2**39, 2**39], b'')",
    "an array of strange text": "an_array('<U1', [3], b'\\xff' * 12)",
    "a buffer that is not there": "an_array('<f8', [3], 9)",
    "too many buffers": "answers(1.0, buffers=[b''] * 4000)",
    "a list that holds itself": "answers(['shared', NEW], [NEW, 'list', None, *[['shared', NEW]] * 3])",
    "too many objects": "answers(1.0, *([2 * i + 1001, 'list', None] for i in range(100_001)))",
    "keys that are objects": "answers(['shared', NEW], [NEW, 'dict', ['global', 'numpy.ndarray'], 1.0])",
    "values nested deeply": "answers(nested(1.0, lambda v: ['tuple', v], 300))",
    "an integer of a megabyte": "answers(['int', bytes(1 << 20)])",
    "a date that is none": "answers(['date', 'x' * 4000])",
    "a decimal of a billion digits": "answers(['decimal', '1e999999999'])",
    "a record with the fields of an array": "answers(['record', 'R', ['shape', 'size'], ['tuple', 3], 3])",
    "half of a pair of surrogates": "raises('builtins.ValueError', [['text', b'\\xed\\xa0\\x80']])",
    "a name of the test's": "answers(1.0, tail=['', '', [], [['wanted', 1.0], ['x', 1.0], ['np', 1.0]], []])",
    "no name any more": "answers(1.0, tail=['', '', [], [['scale']], []])",
    "a warning of no class": "answers(1.0, tail=['', '', [['w', 'os.system']] * 300, [], []])",
    "a random state of zeros": "answers(1.0, tail=['', '', [], [], [['numpy', bytes(2496), 624, None]]])",
    "drops": "answers(1.0, drops=[given(self)])",
    "two answers at once": "self.channel.send(answers(1.0)[0]) or answers(1.0)",
    "a frame that is cut": "raw(self, b'\\xff\\x00\\x00\\x00') and self.channel.sock.close()",
    "a frame that never ends": "raw(self, b'\\x00\\x01\\x00\\x00\\x00\\x00', wait=30)",
    "a frame of four gigabytes": "raw(self, b'\\xff' * 6)",
    "no MessagePack": "raw(self, b'\\x04\\x00\\x00\\x00\\x00\\x00\\xc1\\xc1\\xc1\\xc1')",
    "maps and extensions": "raw(self, b'\\x03\\x00\\x00\\x00\\x00\\x00\\x81\\xa1a')",
}
"""What the player sends in place of the result of `scale`: an expression for its message and its buffers."""

_TESTS = {"scale-visible", "scale-hidden"}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_message_proves_nothing(grade_only, name):
    found = grade_only({"scale": f"{_ENVELOPE}\ndef forged(self): return {FORGED[name]}\n{WRONG['scale']}"}, _TESTS)
    assert {test: judged.score for test, judged in found.items()} == dict.fromkeys(_TESTS, 0.0)
    assert {judged.status for judged in found.values()} <= {"failed", "crashed", "timeout"}


def test_the_grader_goes_on(grade_only):
    found = grade_only({}, _TESTS)
    assert {judged.status for judged in found.values()} == {"passed"}


CONTROL: dict[str, str] = {
    "an answer of another kind": "reply = ['forked', 2]",
    "outputs that are none": "reply = ['ran', 5, 'x', None]",
    "outputs of no kind": "reply = ['ran', [{'output_type': 'verdict', 'passed': True}, 7, None], 1, True]",
    "half a pair of surrogates": "reply = ['ran', [{**STREAM, 'text': '\\ud800'}], 1, True]",
    "a count without end": "reply = ['ran', [], 10**4000, True]",
    "a number that is none": "reply = ['ran', [{**DISPLAY, 'metadata': {'n': float('nan')}}], 1, True]",
    "nested metadata": (
        "deep = {}\nfor _ in range(700): deep = {'a': deep}\nreply = ['ran', [{**DISPLAY, 'metadata': deep}], 1, True]"
    ),
}
"""What a moment answers to `run`, to the grader itself, in place of a cell's outputs."""


@pytest.mark.parametrize("name", CONTROL)
def test_a_forged_answer_to_the_grader_spoils_only_its_own(graded, name):
    source = f"""
STREAM = {{"output_type": "stream", "name": "stdout"}}
DISPLAY = {{"output_type": "display_data", "data": {{}}}}
{CONTROL[name]}
from autograder.inside import messages
send = messages.send
def forged(sock, document, fds=()):
    send(sock, reply if document[0] == "ran" else document, fds)
messages.send = forged
"""
    found = graded(notebook({"last": WRONG["last"]}, before=(source,)))
    assert found.score <= FULL - 3.0
    found.to_json().encode()
    assert graded(notebook({})).score == found.max_score


@pytest.mark.parametrize("pid", [1, 2, 1 << 20, "x"])
def test_a_forged_process_id_harms_nobody_else(graded, pid):
    """Of its own copies a submission may say what it likes: what is killed is in its own namespace."""
    source = (
        "from autograder.inside import messages\nsend = messages.send\nmessages.send = lambda sock, document, fds=(): "
        f"send(sock, ['forked', {pid!r}] if document[0] == 'forked' else document, fds)"
    )
    assert graded(notebook({"scale": WRONG["scale"]}, before=(source,))).score < FULL
    assert graded(notebook({})).score == FULL
