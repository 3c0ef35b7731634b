"""What student code finds behind the walls. Each case is a cell of a submission; what it prints is compared."""

import dataclasses
import os
import py_compile
from pathlib import Path

import pytest

from autograder.engine import walls
from autograder.engine.grader import Grader, reference
from autograder.errors import CourseError
from autograder.repair import RepairedCell

ADD_KEY = """import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(248, b"user", b"k", b"secret", 6, -4), ctypes.get_errno())"""
ATTACH = """import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.ptrace(16, 1, None, None), ctypes.get_errno())"""
REPOSITORY = Path(__file__).parents[3]


def run(grader, assignment, *sources):
    """What these cells print, run behind the walls one after the other."""
    cells = [RepairedCell("code", source, source, "free") for source in sources]
    found = grader.grade("means", [*cells, *reference(assignment.notebooks[0])], only={"spread-hidden"}, probes=False)
    texts = []
    for index in range(len(sources)):
        outputs = found.outputs.get(str(index), {"outputs": []})["outputs"]
        texts.append("".join(o.get("text", o.get("ename", "")) for o in outputs))
    return texts


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        (f"import os; print(os.path.exists({str(REPOSITORY / 'solutions')!r}))", "False\n"),
        (f"import os; print(os.path.exists({str(REPOSITORY / 'autograder' / 'verify.py')!r}))", "False\n"),
        ("import os; print(os.path.exists('/etc/passwd'))", "False\n"),
        ("import os; print(os.listdir('/home') if os.path.exists('/home') else [])", "[]\n"),
        ("import os; print(os.getpid() < 20, sum(p.isdigit() for p in os.listdir('/proc')) < 10)", "True True\n"),
        ("import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:3])", "[0, 1, 2]\n"),
        ("open('/x', 'w')", "OSError"),
        ("open('/dev/x', 'w')", "OSError"),
        ("open('/usr/x', 'w')", "OSError"),
        ("open('/proc/sys/user/max_user_namespaces', 'w')", "OSError|FileNotFoundError"),
        ("open('/proc/sys/kernel/core_pattern', 'w')", "OSError|FileNotFoundError"),
        ("import os; os.chmod('/dev/null', 0o666)", "OSError"),
        ("import os; os.utime('/dev/zero')", "OSError"),
        ("import os; os.openpty()", "OSError|FileNotFoundError"),
        ("print(open('/dev/zero', 'rb').read(2), open('/dev/null', 'w').write('x'))", "b'\\x00\\x00' 1\n"),
        (ADD_KEY, "-1 1\n"),
        ("import fcntl; fcntl.flock(open('/usr/bin/env'), fcntl.LOCK_EX)", "PermissionError"),
        (ATTACH, "-1 1\n"),
        ("open('/proc/sysrq-trigger', 'w')", "OSError|FileNotFoundError"),
        ("import socket; socket.create_connection(('127.0.0.1', 22), 1)", "ConnectionRefusedError|OSError"),
        ("import socket; print(socket.if_nameindex())", "[(1, 'lo')]\n"),
        ("import os; os.mkdir('/tmp/m'); print(os.system('mount -t tmpfs n /tmp/m 2>/dev/null') == 0)", "False\n"),
        ("import os; print(os.system('unshare -U true 2>/dev/null') == 0)", "False\n"),
        ("import os; print(os.system('unshare -m true 2>/dev/null') == 0)", "False\n"),
        ("print(*(l for l in open('/proc/self/status') if l[:6] == 'CapEff'))", "CapEff:\t0000000000000000\n\n"),
        ("print(*(l for l in open('/proc/self/status') if l[:6] == 'CapBnd'))", "CapBnd:\t0000000000000000\n\n"),
        ("print(*(l for l in open('/proc/self/status') if l[:9] == 'NoNewPriv'))", "NoNewPrivs:\t1\n\n"),
        ("import nbgrader", "ModuleNotFoundError"),
        ("import hypothesis", "ModuleNotFoundError"),
        ("import chainrule", "ModuleNotFoundError"),
        ("import autograder.verify", "ModuleNotFoundError"),
        ("bytearray(8 << 30)", "MemoryError"),
        ("open('big', 'wb').write(bytes(40 << 20))", "OSError"),
        ("import os; os.kill(1, 9); print('alive')", "alive\n"),
    ],
)  # fmt: skip
def test_behind_the_walls(grader, assignment, source, printed):
    (text,) = run(grader, assignment, source)
    assert text in printed.split("|") or text == printed


def test_the_environment_is_ours(grader, assignment):
    (text,) = run(grader, assignment, "import os; print(sorted(os.environ))")
    assert set(eval(text)) <= {*walls._ENVIRONMENT, *walls._PASSED_ON, "PYTHONPATH", "PWD", "LC_CTYPE"}


def test_nothing_is_left_for_the_next_submission(grader, assignment):
    leave = "import os\nfor d in ('/tmp', '/scratch', '/dev/shm'): open(d + '/left', 'w').write('x')\nprint('left')"
    assert run(grader, assignment, leave) == ["left\n"]
    look = "import glob\nprint(glob.glob('/tmp/*') + glob.glob('/scratch/*') + glob.glob('/dev/shm/*'))"
    assert run(grader, assignment, look) == ["[]\n"]


def test_what_a_submission_starts_ends_with_it(grader, assignment):
    marker = f"autograder-test-{os.getpid()}"
    daemon = (
        f"import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        os.execvp('/bin/sleep', ['{marker}', '1000'])\n    os._exit(0)\nprint('started')"
    )
    assert run(grader, assignment, daemon) == ["started\n"]
    for _ in range(50):  # the kernel ends a namespace in its own time; there is work to do meanwhile
        if not _running(marker):
            return
        grader.grade("means", reference(assignment.notebooks[0]), only={"mean-visible"})
    pytest.fail("a daemon survived its submission")


def _running(marker):
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if Path("/proc", name, "cmdline").read_bytes().startswith(marker.encode()):
                    return True
            except OSError:
                continue
    return False


def test_side_files_are_there_and_stay_as_they_are(assignment, tmp_path):
    (tmp_path / "numbers.csv").write_text("1,2\n")
    files = {"numbers.csv": tmp_path / "numbers.csv", "data/more.txt": tmp_path / "numbers.csv"}
    with Grader(assignment, files=files) as grader:
        grader.learn()
        look = "print(open('numbers.csv').read() + open('data/more.txt').read(), end='')"
        remove = "import os; os.remove('numbers.csv'); print(os.listdir('/files'))"
        texts = run(grader, assignment, look, "open('numbers.csv', 'w')", remove)
    assert texts[:2] == ["1,2\n1,2\n", "OSError"]
    assert "numbers.csv" in texts[2]
    assert (tmp_path / "numbers.csv").read_text() == "1,2\n"


def test_the_sealed_say_why(grader, assignment):
    (text,) = run(grader, assignment, "try:\n    import chainrule\nexcept ImportError as error:\n    print(error)")
    assert text == "chainrule is sealed: this assignment is solved without it\n"


def test_a_sealed_module_leaves_the_rest_of_its_package(assignment):
    look = """import numpy as np
from chainrule import data
from chainrule.data import *
print(moons(5, np.random.default_rng(0))[0].shape, glyphs(2, np.random.default_rng(0), fonts=FONTS[:1])[0].shape)
print(hasattr(data, "minibatches"))
import chainrule.data.batches"""
    limits = dataclasses.replace(assignment.limits, cell_seconds=30.0, total_seconds=60.0)
    with Grader(dataclasses.replace(assignment, sealed=("chainrule.data.batches",), limits=limits)) as grader:
        grader.learn()
        (text,) = run(grader, assignment, look)
    assert text == "(5, 2) (2, 28, 28)\nFalse\nModuleNotFoundError"


def test_of_a_sealed_module_nothing_compiled_is_seen(assignment):
    import chainrule.data

    py_compile.compile(str(Path(chainrule.data.__file__).with_name("batches.py")))  # beside it, as an import would
    look = """import os, chainrule
for folder, _, files in os.walk(os.path.dirname(chainrule.__file__)):
    for name in files:
        if "batches" in name or name.endswith(".pyc"):
            print(name, os.path.getsize(os.path.join(folder, name)))"""
    with Grader(dataclasses.replace(assignment, sealed=("chainrule.data.batches",))) as grader:
        grader.learn()
        (text,) = run(grader, assignment, look)
    assert text == "batches.py 0\n"


def test_of_a_sealed_module_of_another_package_nothing_compiled_is_seen(assignment):
    import numpy.testing.print_coercion_tables as sealed

    py_compile.compile(sealed.__file__)
    look = """import os, numpy.testing
folder = os.path.dirname(numpy.testing.__file__)
print(os.path.getsize(f"{folder}/print_coercion_tables.py"), os.listdir(f"{folder}/__pycache__"))"""
    with Grader(dataclasses.replace(assignment, sealed=(sealed.__name__,))) as grader:
        grader.learn()
        (text,) = run(grader, assignment, look)
    assert text == "0 []\n"


@pytest.mark.parametrize(
    ("setup", "told"),
    [
        (lambda patch: patch.setattr("shutil.which", lambda name: None), "apt-get install bubblewrap"),
        (lambda patch: patch.setattr("shutil.which", lambda name: "/bin/false"), "cannot build a sandbox here"),
    ],
)
def test_without_a_wall_nothing_is_graded(monkeypatch, setup, told):
    setup(monkeypatch)
    with pytest.raises(CourseError, match=told):
        walls.check("namespaces")


def test_an_unknown_level():
    with pytest.raises(CourseError, match="choose one of namespaces, process"):
        walls.check("none")
