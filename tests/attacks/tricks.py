"""Submissions that try to gain a point or to carry something out. Each is an ordinary notebook."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from .vault import WRONG

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trick:
    """name: also the student's. kind: class and number of the trick. exercise: whose solution cell holds `source`.

    It must earn no more than vault.WRONG[exercise] does in its place, with all else right, and what it `earns` fairly.
    A trick that spoils nothing of a right answer (`right`: it carries something out) may earn full marks.
    """

    name: str
    kind: str
    exercise: str
    source: str
    right: bool = False
    earns: float = 0.0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    decorated: tuple[str, ...] = ()  # other exercises, right, whose functions get the decorator `note`


_PRETENDER = """
class Pretender:
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __len__(self): return 3
    def __sub__(self, other): return self
    __rsub__ = __mul__ = __abs__ = __neg__ = __add__ = __sub__
    def __float__(self): return 0.0
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
    def __call__(self, *args, **keywords): return self
    def __getitem__(self, key): return self
    def __array_ufunc__(self, ufunc, method, *inputs, **keywords): return True
    __hash__ = object.__hash__
"""
_SPY = """
import builtins, inspect, sys
def spy(*args):
    seen = [repr(args)]
    frame = sys._getframe()
    while frame is not None:
        seen += [repr(frame.f_code.co_consts), repr(list(frame.f_locals.values()))[:5000]]
        frame = frame.f_back
    return " ".join(seen)
"""
_SCALE_SPY = _SPY + "def scale(x, factor):\n    global noted\n    noted = spy(x, factor)\n    {}\n    return x * factor"
_READ_ALL = """
import glob, os
names = ["/proc/self/environ", "/proc/self/cmdline", "/proc/1/environ", "/proc/1/cmdline", "/proc/self/maps"]
for folder in (".", "..", "/", "/tmp", "/dev/shm", os.path.expanduser("~"), os.getcwd(), "/proc/self/cwd", "/var/tmp"):
    names += [os.path.join(folder, name) for name in (os.listdir(folder) if os.path.isdir(folder) else [])]
for pattern in ("/proc/*/fd/*", "REPOSITORY/**/*.json", "/home/**/*.ipynb", "/root/**/masters/*"):
    names += glob.iglob(pattern, recursive=True)
for name in names[:2000]:
    if os.path.isfile(name):
        try:
            with open(name, "rb") as file:
                print(name, file.read(100_000))
        except OSError as error:
            print(name, error)
""".replace("REPOSITORY", str(_REPOSITORY))
_ALL_FDS = """
import json, os, struct
def shout():
    verdict = {"status": "passed", "score": 2.0, "message": "", "asked": 1, "wrote": False}
    body = json.dumps(verdict).encode()
    for fd in range(256):
        for text in (struct.pack("<I", len(body)) + body, b'{"status": "passed", "score": 2}\\n'):
            try:
                if fd > 2: os.write(fd, text)
            except OSError:
                pass
"""

TRICKS = [
    # A. Fooling the comparison
    Trick("equal-to-all", "A1", "scale", _PRETENDER + "def scale(x, factor): return Pretender()"),
    Trick("equal-in-a-list", "A1", "scale", _PRETENDER + "def scale(x, factor): return [Pretender()] * 3"),
    Trick("equal-in-a-dict", "A1", "table", _PRETENDER + "def table(w): return {k: Pretender() for k in w}"),
    Trick("equal-number", "A1", "mean", _PRETENDER + "def mean(x): return Pretender()"),
    Trick(
        "equal-attribute",
        "A1",
        "tally",
        _PRETENDER + ("class Tally:\n    count = total = Pretender()\n    def add(self, x): return self"),
    ),
    Trick(
        "dict-of-another-kind",
        "A1",
        "table",
        (
            "class Table(dict):\n    def __eq__(self, other): return True\n    def __getitem__(self, key): return 3.0\n"
            "    def __len__(self): return 2\ndef table(words): return Table()"
        ),
    ),
    Trick(
        "keys-equal-to-all",
        "A1",
        "table",
        (
            "class Key(str):\n    def __eq__(self, other): return True\n    def __hash__(self): return hash('one')\n"
            "def table(words): return {Key('a'): 3.0, 'three': 5.0}"
        ),
    ),
    Trick(
        "default-for-every-key",
        "A1",
        "table",
        ("import collections\ndef table(words): return collections.defaultdict(float, one=3.0, two=0.0)"),
    ),
    Trick(
        "float-of-another-kind",
        "A2",
        "mean",
        (
            "class Float(float):\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\n"
            "    def __eq__(self, other): return True\ndef mean(x): return Float(0)"
        ),
    ),
    Trick(
        "array-of-another-kind",
        "A2",
        "scale",
        (
            "class Array(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return np.ones(3, bool)\n"
            "    def __array_function__(self, *a, **k): return True\n"
            "def scale(x, factor): return np.zeros(3).view(Array)"
        ),
    ),
    Trick(
        "claims-a-class",
        "A2",
        "mean",
        _PRETENDER
        + (
            "class Claimer(Pretender):\n    @property\n    def __class__(self): return float\n"
            "def mean(x): return Claimer()"
        ),
    ),
    Trick(
        "reflected-operators",
        "A2",
        "fit",
        (
            "class Model:\n    pass\nclass Loss:\n    def __gt__(self, other): return True\n    __lt__ = __gt__\n"
            "    def __rsub__(self, other): return 0.0\n    __sub__ = __rsub__\ndef fit(x): return Model(), Loss()"
        ),
    ),
    Trick(
        "operators-as-members",
        "A2",
        "fit",
        (
            "from autograder.wire import player\nplayer._operators = lambda cls: []\nclass Model:\n    pass\n"
            "class Loss:\n    def __gt__(self, other): return True\n    __lt__ = __gt__\n"
            "    def __sub__(self, other): return 0.0\n    def __abs__(self): return 0.0\n"
            "def fit(x): return Loss(), Loss()"
        ),
    ),
    Trick(
        "patched-numpy",
        "A3",
        "scale",
        (
            "import unittest\nfor module in (np, np.testing):\n    for name in dir(module):\n"
            "        if name in ('allclose', 'isclose', 'array_equal', 'shape') or name.startswith('assert_'):\n"
            "            setattr(module, name, lambda *a, **k: True)\ndef scale(x, factor): return x"
        ),
    ),
    Trick(
        "patched-builtins",
        "A3",
        "scale",
        (
            "import builtins\nbuiltins.AssertionError = type('AssertionError', (Exception,), {})\n"
            "builtins.all = builtins.any = builtins.isinstance = lambda *a: True\n"
            "builtins.len = lambda x: 3\ndef scale(x, factor): return x"
        ),
    ),
    Trick(
        "patched-grader",
        "A3",
        "scale",
        (
            "import sys\nfor name, module in list(sys.modules.items()):\n    if name.startswith('autograder'):\n"
            "        for attribute in ('refuse', 'judge', '_failed', 'Fatal', 'is_plain_key'):\n"
            "            if hasattr(module, attribute):\n"
            "                setattr(module, attribute, lambda *a, **k: {'status': 'passed', 'score': 2.0})\n"
            "def scale(x, factor): return x"
        ),
    ),
    Trick("broadcast-in-a-helper", "A4", "grid", "def grid(x): return np.empty((0, 1))"),
    Trick("not-a-number", "A4", "mean", "def mean(x): return float('nan')"),
    Trick("infinite", "A4", "scale", "def scale(x, factor): return np.full(3, np.inf)"),
    Trick("broadcast", "A4", "scale", "def scale(x, factor): return np.empty((0, 1))"),
    Trick("empty-number", "A4", "mean", "def mean(x): return np.empty((0,))"),
    Trick(
        "objects-in-an-array",
        "A4",
        "scale",
        _PRETENDER + ("def scale(x, factor): return np.array([Pretender()] * 3, dtype=object)"),
    ),
    Trick(
        "a-tuple-with-a-shape",
        "A4",
        "mean",
        ("import collections\nShaped = collections.namedtuple('Shaped', 'shape')\ndef mean(x): return Shaped(())"),
    ),
    Trick(
        "knows-the-visible-case",
        "A5",
        "scale",
        ("def scale(x, factor):\n    return np.array([3.0, 6.0]) if len(x) == 2 else x"),
        earns=1.0,
    ),
    Trick("zeroes-its-input", "A1", "centre", "def centre(x):\n    x[...] = 0\n    return 0 * x"),
    Trick(
        "zeroes-through-a-view",
        "A1",
        "layer",
        (
            "def forward(x):\n    global kept\n    kept = x[:]\n    return kept\n"
            "def backward(x):\n    kept[...] = 0\n    return kept"
        ),
    ),
    Trick(
        "zeroes-and-draws",
        "A1",
        "noisy",
        ("def noisy(x, rng):\n    x[...] = 0\n    y = np.zeros(x.shape)\n    y[0] = 1e-9\n    return y"),
    ),
    Trick("writes-an-attribute", "A1", "rows", "def total(data):\n    data.rows = np.zeros(2)\n    return 0.0"),
    Trick(
        "sets-the-random-state",
        "A1",
        "twice",
        ("def twice(x):\n    np.random.set_state(('MT19937', np.zeros(624, 'uint32'), 624))\n    return 0 * x"),
    ),
    Trick(
        "rewinds-the-random-state",
        "A5",
        "twice",
        (
            "def twice(x):\n    np.random.seed(1)\n"
            "    return 2 * np.array([4.17022005e-01, 7.20324493e-01, 1.14374817e-04, 3.02332573e-01])"
        ),
    ),
    Trick("ends-the-loop", "C13", "firsts", "def first(items):\n    list(items)\n    return next(items)"),
    Trick("raises-stop-iteration", "C13", "firsts", "def first(items):\n    raise StopIteration"),
    Trick(
        "raises-its-own-stop",
        "C13",
        "firsts",
        ("class Stop(StopIteration): pass\ndef first(items):\n    raise Stop(12287.0)"),
    ),
    Trick(
        "forbidden-library",
        "A6",
        "scale",
        (
            f"import importlib, sys\nsys.path += ['/usr/lib/python3/dist-packages', {str(_REPOSITORY / 'lib')!r}]\n"
            "try:\n    from chainrule import checks\nexcept ImportError:\n    checks = None\n"
            "try:\n    checks = importlib.import_module('chainrule.checks')\nexcept ImportError:\n    pass\n"
            "def scale(x, factor): return x * factor if checks else x"
        ),
    ),
    # B. Learning the hidden tests
    Trick("reads-every-file", "B7", "scale", WRONG["scale"], before=(_READ_ALL,)),
    Trick("walks-the-stack", "B8", "scale", _SCALE_SPY.format("print(noted)"), right=True, after=("print(noted)",)),
    Trick("raises-the-stack", "B8", "scale", _SCALE_SPY.format("raise ValueError(noted)")),
    Trick(
        "searches-the-memory",
        "B8",
        "last",
        _SPY
        + (
            "import gc\ndef last(x):\n    texts = [o for o in gc.get_objects() if isinstance(o, (str, dict, list))]\n"
            "    raise KeyError(repr([t for t in texts if 'TOKEN' in repr(t)[:10_000]])[:100_000])"
        ),
    ),
    Trick(
        "registers-hooks",
        "B8",
        "scale",
        (
            "shell = get_ipython()\nfor event in ('pre_run_cell', 'post_run_cell', 'pre_execute', 'post_execute'):\n"
            "    shell.events.register(event, lambda *a: print(a, In[-1]))\ndef scale(x, factor): return x * factor"
        ),
        right=True,
        after=("print(In)",),
    ),
    Trick(
        "traces-everything",
        "B8",
        "scale",
        (
            "import sys, threading\nseen = []\ndef trace(frame, event, arg):\n"
            "    seen.append((frame.f_code.co_consts, repr(frame.f_locals)[:500]))\n"
            "    del seen[:-200]\n    return None\n"
            "sys.setprofile(lambda *a: None)\nsys.settrace(trace)\ndef scale(x, factor): return x"
        ),
        after=("import sys\nsys.settrace(None)\nprint(seen)",),
    ),
    Trick(
        "notes-in-a-file",
        "B9",
        "scale",
        (
            "def scale(x, factor):\n    for folder in ('/tmp', '/scratch', '/dev/shm'):\n"
            "        open(folder + '/noted', 'a').write(repr((x, factor)))\n    return x * factor"
        ),
        right=True,
        after=("import glob\nfor name in glob.glob('/*/noted') + glob.glob('/dev/shm/*'): print(open(name).read())",),
    ),
    Trick(
        "notes-for-a-visible-test",
        "B9",
        "last",
        ("noted = '/tmp/noted'\ndef last(x): raise ValueError(open(noted).read())"),
        before=(
            "def note(function):\n    def noting(*args):\n        open('/tmp/noted', 'a').write(repr(args))\n"
            "        return function(*args)\n    return noting",
        ),
        decorated=("scale", "mean"),
    ),
    Trick(
        "notes-for-a-second-look",
        "B9",
        "mean",
        "import os\ndef mean(x):\n    if os.path.exists('/tmp/noted'): raise ValueError(open('/tmp/noted').read())\n"
        "    result = float(np.sum(x) / len(x))\n    x[0] += 1\n    return result",
        right=True,
        before=(
            "def note(function):\n    def noting(x, *args):\n"
            "        if len(x) == 3: open('/tmp/noted', 'a').write(repr(x))\n"
            "        result = function(x, *args)\n        x[0] += 1\n        return result\n    return noting",
        ),
        decorated=("scale",),
    ),
    Trick(
        "prints-inputs",
        "B9",
        "scale",
        (
            "import sys, warnings\ndef scale(x, factor):\n    print(x, file=sys.stderr)\n    print(x)\n    display(x)\n"
            "    warnings.warn(str(x))\n    return x * factor"
        ),
        right=True,
    ),
    Trick("raises-inputs", "B9", "mean", "def mean(x): raise ValueError(repr(x.tolist()))"),
    Trick(
        "names-a-class-after-inputs",
        "B9",
        "mean",
        ("def mean(x): raise type('E' + repr(x.tolist()), (ValueError,), {})(repr(x.tolist()))"),
    ),
    Trick("raises-inputs-as-an-assertion", "B9", "mean", "def mean(x): raise AssertionError('of three numbers', x)"),
    Trick("exits-with-inputs", "B9", "mean", "def mean(x): raise SystemExit(repr(x.tolist()))"),
    Trick(
        "prints-later",
        "B9",
        "scale",
        (
            "import atexit, threading\nnoted = []\natexit.register(lambda: print(noted))\n"
            "def later():\n    while True:\n        if noted: print(noted)\n        threading.Event().wait(0.05)\n"
            "threading.Thread(target=later, daemon=True).start()\n"
            "def scale(x, factor):\n    noted.append(x)\n    return x * factor"
        ),
        right=True,
        after=("print(noted)",),
    ),
    Trick(
        "error-echo",
        "B10",
        "scale",
        (
            "import traceback\ndef scale(x, factor):\n"
            "    raise IndexError(''.join(traceback.format_stack()) + repr(traceback.walk_stack(None)) + str(x))"
        ),
    ),
    Trick(
        "looks-for-the-gradebook",
        "B11",
        "scale",
        WRONG["scale"],
        before=(
            "import os\nfor place, _, files in os.walk('/'):\n"
            f"    if place.startswith(('/proc', '/usr', '/sys', {sys.base_prefix!r})): continue\n"
            "    for name in files:\n        if name.endswith(('.db', '.ipynb', '.json', '.toml')):\n"
            "            text = open(os.path.join(place, name), errors='replace').read()\n"
            "            print(place, name, 'grade_id' in text and text[:3000])",
        ),
    ),
    # C. Forging the result
    Trick(
        "turns-cells-into-pass",
        "C12",
        "scale",
        (
            "shell = get_ipython()\n"
            "for transforms in (shell.input_transformers_cleanup, shell.input_transformers_post):\n"
            "    transforms.append(lambda lines: ['pass\\n'])\n"
        ),
    ),
    Trick(
        "turns-assertions-away",
        "C12",
        "scale",
        (
            "import ast\nclass Gone(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
            "get_ipython().ast_transformers.append(Gone())\ndef scale(x, factor): return x"
        ),
    ),
    Trick(
        "replaces-the-shell",
        "C13",
        "scale",
        (
            "import sys\nshell = get_ipython()\nfor name in ('showtraceback', '_showtraceback', 'showsyntaxerror'):\n"
            "    setattr(type(shell), name, lambda *a, **k: None)\n"
            "sys.excepthook = lambda *a: None\nsys.modules['numpy.testing'] = sys.modules['unittest'] = None\n"
            "def scale(x, factor): return x"
        ),
    ),
    Trick(
        "shouts-into-descriptors",
        "C14",
        "scale",
        _ALL_FDS + ("shout()\ndef scale(x, factor):\n    shout()\n    return x"),
    ),
    Trick(
        "closes-descriptors",
        "C14",
        "scale",
        ("import os\ndef scale(x, factor):\n    os.closerange(0, 256)\n    return x"),
    ),
    Trick(
        "duplicates-descriptors",
        "C14",
        "scale",
        (
            "import os\ndef scale(x, factor):\n"
            "    open_ones = [fd for fd in range(3, 256) if os.path.exists(f'/proc/self/fd/{fd}')]\n"
            "    for a in open_ones:\n        for b in open_ones:\n            os.dup2(a, b)\n    return x"
        ),
    ),
    Trick(
        "prints-a-verdict",
        "C14",
        "scale",
        (
            'print(\'{"status": "passed", "score": 2.0}\')\ndef scale(x, factor):\n'
            '    print(\'["answer", true, ["", "", [], [], []]]\')\n    return x'
        ),
    ),
    Trick(
        "pickled-code",
        "C15",
        "mean",
        (
            "import os\nclass Bomb:\n    def __reduce__(self): return os._exit, (0,)\n"
            "    __reduce_ex__ = lambda self, protocol: (os._exit, (0,))\ndef mean(x): return Bomb()"
        ),
    ),
    Trick(
        "writes-gradebooks",
        "C16",
        "scale",
        WRONG["scale"],
        before=(
            "import glob, sqlite3\n"
            "for name in [*glob.glob('/**/*.db', recursive=True), 'gradebook.db', '../gradebook.db']:\n"
            "    try:\n        with sqlite3.connect(name) as db: db.execute('update grade set auto_score = 100')\n"
            "    except sqlite3.Error as error: print(name, error)",
        ),
    ),
    Trick(
        "sniffs-what-it-checks",
        "C14",
        "check",
        (
            "def check_double(double):\n"
            "    names = [double.__name__, getattr(double, '__qualname__', ''), repr(double)]\n"
            "    assert hasattr(double, '__code__') and double.__code__.co_consts, names"
        ),
    ),
    Trick(
        "swallows-assertions",
        "C13",
        "check",
        (
            "def check_double(double):\n    try:\n        assert double(3) == 7\n"
            "    except AssertionError:\n        return True"
        ),
    ),
    # D. Leaving by another door
    Trick("exits", "D19", "scale", "import sys\ndef scale(x, factor): sys.exit(0)"),
    Trick("exits-at-once", "D19", "scale", "import sys\nsys.exit(0)"),
    Trick("ends-the-process", "D19", "scale", "import os\ndef scale(x, factor): os._exit(0)"),
    Trick("ends-the-process-at-once", "D19", "scale", "import os\nos._exit(0)"),
    Trick("aborts", "D19", "scale", "import os\ndef scale(x, factor): os.abort()"),
    Trick("segfaults", "D19", "scale", "import ctypes\ndef scale(x, factor): return ctypes.string_at(0)"),
    Trick("interrupts", "D19", "scale", "def scale(x, factor): raise KeyboardInterrupt"),
    Trick("leaves-as-a-generator", "D19", "scale", "def scale(x, factor): raise GeneratorExit"),
    Trick("kills-its-group", "D19", "scale", "import os\ndef scale(x, factor):\n    os.kill(0, 9)\n    return x"),
    Trick("kills-everything", "D19", "scale", "import os\ndef scale(x, factor):\n    os.kill(-1, 9)\n    return x"),
    Trick(
        "swallows-the-timeout",
        "D20",
        "scale",
        (
            "import signal, threading\nfor number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):\n"
            "    signal.signal(number, signal.SIG_IGN)\ndef scale(x, factor):\n    while True:\n        try:\n"
            "            threading.Event().wait(5)\n        except BaseException:\n            pass"
        ),
    ),
    Trick(
        "runs-on-at-exit",
        "D20",
        "scale",
        ("import atexit\natexit.register(lambda: [None for _ in iter(int, 1)])\ndef scale(x, factor): return x"),
    ),
    Trick(
        "takes-the-timer",
        "D20",
        "scale",
        (
            "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\n"
            "signal.setitimer = signal.alarm = lambda *a: None\ndef scale(x, factor): return x"
        ),
    ),
    Trick(
        "leaves-a-daemon",
        "D21",
        "scale",
        (
            "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            "        os.execvp('/bin/sleep', ['attack-daemon', '600'])\n    os._exit(0)\ndef scale(x, factor): return x"
        ),
    ),
    Trick(
        "leaves-daemons-from-a-test",
        "D21",
        "scale",
        (
            "import os\ndef scale(x, factor):\n    for _ in range(3):\n"
            "        if os.fork() == 0:\n            os.setsid()\n"
            "            os.execvp('/bin/sleep', ['attack-daemon', '600'])\n    return x"
        ),
    ),
    Trick(
        "floods-the-next-answer", "D19", "scale", ("def scale(x, factor):\n    print('x' * 3_000_000)\n    return x")
    ),
]
