"""Ways out of the sandbox: to the next submission, to the machine, past the end; outputs that choke the grader."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course
from autograder.engine import autograde as batch
from autograder.feedback import feedback

from .vault import FULL, NAME, RIGHT, notebook

_SYSTEM_CALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    args = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return libc.syscall(number, *args)
ARM = os.uname().machine == "aarch64"
"""
_KEYS = (
    _SYSTEM_CALLS
    + """
ADD, KEYCTL = (217, 219) if ARM else (248, 250)
RINGS = (-3, -4, -5)  # of the session, of the user, of the user's session
def put(text):
    return [call(ADD, b"user", b"note", text, len(text), ring) for ring in RINGS]
def get():
    found = []
    for ring in RINGS:
        key = call(KEYCTL, 10, ring, b"user", b"note", 0)
        space = ctypes.create_string_buffer(100)
        found.append(space.raw[: call(KEYCTL, 11, key, space, 100)] if key > 0 else b"")
    return found
"""
)
_HOLD_THE_FIRST = (
    _SYSTEM_CALLS
    + """
import threading
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        call(117 if ARM else 101, 16, 1, 0, 0)  # PTRACE_ATTACH to process 1
        libc.prctl(15, b"attack-held", 0, 0, 0)
        os.kill(1, 19)
        threading.Event().wait(30)
    os._exit(0)
"""
)


def printed(found) -> str:
    cells = found.outputs[NAME].values()
    return "".join(output.get("text", "") for cell in cells for output in cell["outputs"])


def test_a_note_in_the_kernels_keys_is_not_found_by_the_next(graded):
    graded(notebook({"scale": f"{_KEYS}\n{RIGHT['scale']}\nput(b'a note of the last one')"}))
    assert "a note of the last one" not in printed(graded(notebook({}, before=(f"{_KEYS}\nprint(get())",))))


def test_terminals_are_not_shared(graded):
    source = "import os\ntry:\n    os.openpty()\n    print('opened')\nexcept OSError:\n    print('refused')"
    assert printed(graded(notebook({}, before=(source, "print(os.listdir('/dev/pts'))")))) == "refused\n[]\n"


@pytest.mark.parametrize("change", ["os.chmod(name, 0o666)", "os.utime(name)", "os.chown(name, 0, 0)"])
def test_the_machines_devices_cannot_be_changed(graded, change):
    """They are the machine's own: `chmod 000 /dev/null` would outlive everything. (This one is harmless.)"""
    source = (
        "import os\nfor name in ('/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty'):\n"
        f"    try:\n        {change}\n        print('changed', name)\n    except OSError:\n        pass\n"
        "open('/dev/null', 'w').write('x')\nprint(len(open('/dev/urandom', 'rb').read(8)))"
    )
    assert printed(graded(notebook({}, before=(source,)))) == "8\n"


def test_the_first_process_cannot_be_held(graded):
    """It ends the namespace; who stops it would live on after the submission."""
    assert graded(notebook({}, before=(_HOLD_THE_FIRST,))).score == FULL
    for _ in range(20):  # the kernel ends a namespace in its own time; there is work to do meanwhile
        if "attack-held" not in _running():
            return
        graded(notebook({}))
    pytest.fail("a process that held process 1 survived its submission")


def _running() -> set[str]:
    names = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                names.add((process / "comm").read_text().strip())
            except OSError:
                continue
    return names


def test_other_processes_cannot_be_read(graded):
    source = (
        "import os\nfor name in ('mem', 'environ', 'maps', 'root', 'cwd', 'exe', 'fd/0', 'fd/4'):\n"
        "    for look in (os.listdir, os.readlink, lambda path: open(path, 'rb').read(10)):\n"
        "        try:\n            print(name, look('/proc/1/' + name))\n        except OSError:\n            pass"
    )
    assert printed(graded(notebook({}, before=(source,)))) == ""


_CHOKING = {
    "half a pair of surrogates": "print(chr(0xD800))",
    "surrogates in an error": "raise ValueError(chr(0xDFFF))",
    "surrogates in a display": "display({'text/plain': chr(0xD800), 'text/html': chr(0xDC00)}, raw=True)",
    "surrogates as a media type": "display({'text/' + chr(0xD800): 'x', 'text/plain': ''}, raw=True)",
    "nested JSON": (
        "deep = []\nfor _ in range(600): deep = [deep]\n"
        "display({'application/json': deep, 'text/plain': 'x'}, raw=True)"
    ),
    "nested metadata": (
        "deep = {}\nfor _ in range(700): deep = {'a': deep}\ndisplay({'text/plain': ''}, raw=True, metadata=deep)"
    ),
    "numbers that are none": "display({'text/plain': ''}, raw=True, metadata={'n': float('nan'), 'm': 10**300})",
    "control characters": "print(''.join(map(chr, range(32))) + chr(0x9B) + chr(0x202E))",
    "a long line": "print('x' * 3_000_000)",
    "a long name": "raise type('X' * 2_000_000, (Exception,), {})('Y' * 2_000_000)",
}


@pytest.fixture(scope="module")
def choked(course):
    """One batch with all of them; each raises once in a cell of its own, and from a function that a test calls."""
    submissions = {"aaa-honest": nbformat.writes(notebook({})), "zzz-honest": nbformat.writes(notebook({}))}
    for name, source in _CHOKING.items():
        answers = {"last": "def last(x):\n" + "\n".join(f"    {line}" for line in source.splitlines())}
        submissions[name.replace(" ", "-")] = nbformat.writes(notebook(answers, before=(source,)))
    root = course(submissions)
    document = batch.autograde(NAME, course=root)
    feedback(NAME, course=Course(root))
    return root, {s["student"]: s for s in document["submissions"]}


@pytest.mark.parametrize("name", ["aaa honest", "zzz honest", *_CHOKING])
def test_an_output_does_not_stop_the_batch(choked, name):
    root, submissions = choked
    found = submissions[name.replace(" ", "-")]
    assert found["status"] == "graded", found["reason"]
    assert found["score"] == (FULL if "honest" in name else FULL - 3.0)
    page = (root / "feedback" / found["student"] / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert len(page) < 6_000_000
    assert all(len(test["message"]) < 2_000 for test in found["tests"])


def test_many_outputs_have_one_bound(graded):
    """Each cell may print a megabyte; ten thousand cells may not print ten gigabytes."""
    found = graded(notebook({}, before=("print('x' * 1_000_000)",) * 30))
    assert len(found.to_json()) < 20_000_000


def test_there_are_no_processes_left():
    assert not {name for name in _running() if name.startswith("attack")}
    assert os.access("/dev/null", os.W_OK)
