# ruff: noqa
# %% [markdown]
# # Ambient
# What surrounds a call: output, warnings, randomness, time, files, patches.

# %% [markdown]
# ## redirect-stdout
# What a function prints, on both streams.

# %% right
def hello(n):
    for i in range(n):
        print("hello", i)
    import sys

    print("err", file=sys.stderr)


# %% wrong
def hello(n):
    print("hello")


# %% test
import io, contextlib

buf = io.StringIO()
with contextlib.redirect_stdout(buf):
    hello(2)
assert buf.getvalue() == "hello 0\nhello 1\n"
from IPython.utils.capture import capture_output

with capture_output() as cap:
    hello(1)
assert cap.stdout.strip() == "hello 0" and "err" in cap.stderr

# %% [markdown]
# ## mock-input-print
# input() and print() replaced by the test.


# %% right
def ask():
    return int(input("n? ")) + 1


def say(x):
    print("value", x)


# %% wrong
def ask():
    return 42


def say(x):
    print(x)


# %% test
from unittest import mock

with mock.patch("builtins.input", lambda *a: "41"):
    assert ask() == 42
with mock.patch("builtins.print") as p:
    say(3)
p.assert_called_once_with("value", 3)
import builtins

old = builtins.input
builtins.input = lambda prompt="": "1"
try:
    assert ask() == 2
finally:
    builtins.input = old

# %% [markdown]
# ## warnings
# Warnings recorded, expected, and turned into errors.

# %% right
import warnings


def risky(x):
    if x < 0:
        warnings.warn("negative", UserWarning)
    return np.sqrt(abs(x))


def old():
    warnings.warn("use new", DeprecationWarning)
    return 1


# %% wrong
def risky(x):
    return np.sqrt(abs(x))


def old():
    return 1


# %% test
import warnings, pytest

with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always")
    risky(-1)
    old()
assert len(w) == 2
assert issubclass(w[0].category, UserWarning)
assert "negative" in str(w[0].message)
with pytest.warns(DeprecationWarning):
    old()
with warnings.catch_warnings():
    warnings.simplefilter("error")
    assert risky(4) == 2

# %% [markdown]
# ## errstate-stability
# Overflow becomes an error under np.errstate.


# %% right
def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


# %% wrong
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# %% test
with np.errstate(over="raise", invalid="raise", divide="raise"):
    assert np.allclose(sigmoid(np.array([-1000.0, 0, 1000.0])), [0, 0.5, 1])
old = np.seterr(all="raise")
try:
    sigmoid(np.array([-800.0]))
except FloatingPointError:
    raise AssertionError("overflow")
finally:
    np.seterr(**old)

# %% [markdown]
# ## np-random-seed
# numpy's global generator, seeded by the test and drawn from on both sides.


# %% right
def init(n, m):
    return np.random.randn(n, m) * 0.01


def dropout(x, p):
    mask = (np.random.rand(*x.shape) >= p) / (1 - p)
    return x * mask, mask


# %% wrong
def init(n, m):
    return np.random.default_rng().normal(size=(n, m)) * 0.01


def dropout(x, p):
    return x, x


# %% test
np.random.seed(231)
W = init(2, 3)
X = np.random.randn(4, 2)
k = np.random.randint(10)
np.random.seed(231)
assert np.array_equal(W, np.random.randn(2, 3) * 0.01)
assert np.array_equal(X, np.random.randn(4, 2))
assert k == np.random.randint(10)
np.random.seed(0)
out, mask = dropout(np.ones((500, 20)), 0.3)
assert abs(out.mean() - 1) < 0.05 and set(np.unique(mask)) == {0.0, 1 / 0.7}
np.random.seed(5)
a = init(3, 3)
np.random.seed(5)
assert np.array_equal(a, init(3, 3))

# %% [markdown]
# ## python-random-seed
# The same for the random module.

# %% right
import random


def shuffle(items):
    items = list(items)
    random.shuffle(items)
    return items


# %% wrong
def shuffle(items):
    return list(items)


# %% test
import random

random.seed(3)
a = shuffle(range(10))
random.seed(3)
b = list(range(10))
random.shuffle(b)
assert a == b

# %% [markdown]
# ## timing-vectorised
# A vectorised function is faster than a loop.


# %% right
def dot(a, b):
    return float(a @ b)


# %% wrong
def dot(a, b):
    s = 0.0
    for x, y in zip(a, b):
        for _ in range(3):
            s += x * y / 3
    return s


# %% test
import time

a = np.random.rand(200_000)
t = time.perf_counter()
r = dot(a, a)
fast = time.perf_counter() - t
t = time.perf_counter()
s = 0.0
for v in a:
    s += v * v
slow = time.perf_counter() - t
assert abs(r - s) < 1e-6 * s
assert fast < slow, "use a vectorised product"

# %% [markdown]
# ## partial-credit-float
# The last expression is the score.


# %% right
def a():
    return 1


def b():
    return 2


# %% wrong
def a():
    return 1


def b():
    return 3


# %% test
score = 0.0
for f, want in ((a, 1), (b, 2)):
    try:
        assert f() == want
        score += 0.5
    except Exception:
        pass
score

# %% [markdown]
# ## unittest-testcase
# A unittest class, run by its own runner.


# %% right
def add(a, b):
    return a + b


# %% wrong
def add(a, b):
    return a - b


# %% test
import unittest


class T(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)
        self.assertAlmostEqual(add(0.1, 0.2), 0.3)

    def test_err(self):
        with self.assertRaises(TypeError):
            add(1, "a")


r = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
assert r.wasSuccessful() and r.testsRun == 2

# %% [markdown]
# ## time-limit-of-student-loop
# A loop that does not end.


# %% right
def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


# %% wrong endless=true
def fib(n):
    while True:
        pass


# %% test
assert [fib(i) for i in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
assert fib(90) == 2880067194370816120

# %% [markdown]
# ## magics-in-test
# A magic in a test cell.


# %% right
def f():
    print("x")
    return 3


# %% wrong
def f():
    return 4


# %% test
# %timeit -n 1 -r 1 f()
assert f() == 3

# %% [markdown]
# ## mock-library-function
# A forbidden numpy function is patched and counted.


# %% right
def det(A):
    return float(A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0])


def lsq(A, b):
    return np.linalg.lstsq(A, b, rcond=None)[0]


# %% wrong
def det(A):
    return round(float(np.linalg.det(A)), 9)


def lsq(A, b):
    return b


# %% test
from unittest import mock

with mock.patch("numpy.linalg.det", side_effect=AssertionError("np.linalg.det is not allowed")):
    assert det(np.array([[1.0, 2.0], [3.0, 4.0]])) == -2
with mock.patch.object(np.linalg, "lstsq", wraps=np.linalg.lstsq) as m:
    lsq(np.eye(2), np.ones(2))
assert m.call_count == 1
old, np.dot = np.dot, None
try:
    assert det(np.eye(2)) == 1
finally:
    np.dot = old

# %% [markdown]
# ## time-and-sleep-mock
# Clock and sleep replaced by the test.

# %% right
import time


def wait():
    time.sleep(0.01)
    return time.time()


# %% wrong
import time


def wait():
    return time.time()


# %% test
import time
from unittest import mock

with mock.patch("time.sleep") as s, mock.patch("time.time", return_value=5.0):
    assert wait() == 5.0
s.assert_called_once_with(0.01)

# %% [markdown]
# ## files-between-test-and-student
# A file that the test writes and the student reads: they have no directory in common.


# %% right
def load(path):
    with open(path) as file:
        return [float(line) for line in file]


# %% wrong
def load(path):
    return []


# %% test refused="StringIO"
import os
import tempfile

path = os.path.join(tempfile.mkdtemp(), "x.txt")
with open(path, "w") as file:
    file.write("1\n2\n")
assert load(path) == [1.0, 2.0]

# %% [markdown]
# ## stdout-replaced-by-hand
# sys.stdout replaced by hand.


# %% right
def show():
    print("shown")
    return 3


# %% wrong
def show():
    return 3


# %% test
import io, sys

old, sys.stdout = sys.stdout, io.StringIO()
try:
    show()
    got = sys.stdout.getvalue()
finally:
    sys.stdout = old
assert "shown" in got

# %% [markdown]
# ## unittest-with-subtests
# setUp, subtests and assertion methods of unittest.


# %% right
def one_hot(y, k):
    return np.eye(k)[y]


# %% alternative
def one_hot(y, k):
    out = np.zeros((len(y), k))
    out[np.arange(len(y)), y] = 1
    return out


# %% wrong
def one_hot(y, k):
    return np.eye(k)[np.asarray(y) - 1]


# %% wrong
def one_hot(y, k):
    return np.eye(max(y) + 1)[y]


# %% test
import unittest


class OneHot(unittest.TestCase):
    def setUp(self):
        self.y = np.array([0, 2, 1])

    def test_rows(self):
        for k in (3, 4, 7):
            with self.subTest(k=k):
                self.assertTupleEqual(one_hot(self.y, k).shape, (3, k))
                self.assertListEqual(one_hot(self.y, k).argmax(1).tolist(), self.y.tolist())

    def test_sum(self):
        self.assertAlmostEqual(one_hot(self.y, 3).sum(), 3.0)
        self.assertCountEqual(np.unique(one_hot(self.y, 3)).tolist(), [0.0, 1.0])

    def test_out_of_range(self):
        with self.assertRaisesRegex(IndexError, "out of bounds"):
            one_hot(self.y, 2)


result = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromTestCase(OneHot).run(result)
assert result.wasSuccessful(), "see the subtests"
assert result.testsRun == 3

# %% [markdown]
# ## partial-credit-weighted
# Credit by weight, as a numpy float, from a table of checks.


# %% right
def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


# %% wrong
def sigmoid(x):
    with np.errstate(over="ignore"):
        return np.exp(x) / (1 + np.exp(x))


# %% wrong
def sigmoid(x):
    return np.clip(x, 0, 1)


# %% test
import warnings


def attempt(check):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(check())
    except Exception:
        return False


checks = [
    (2, lambda: np.isclose(sigmoid(np.zeros(1))[0], 0.5)),
    (1, lambda: np.isclose(sigmoid(np.array([2.0]))[0], 0.8807970779778823)),
    (1, lambda: sigmoid(np.array([1000.0]))[0] == 1.0),
    (1, lambda: sigmoid(np.array([-2.0, 1.0])).shape == (2,)),
]
np.sum([w for w, check in checks if attempt(check)]) / np.sum([w for w, _ in checks])

# %% [markdown]
# ## generator-passed-in
# np.random.default_rng goes in, and how much was drawn can be told.


# %% right
def dropout(x, p, rng):
    mask = rng.random(x.shape) >= p
    return x * mask / (1 - p)


# %% wrong replace="rng.random(x.shape)" by="np.random.default_rng(0).random(x.shape)"

# %% wrong replace="/ (1 - p)" by=""

# %% test
rng, same = np.random.default_rng(11), np.random.default_rng(11)
x = np.ones((4, 5))
first, second = dropout(x, 0.4, rng), dropout(x, 0.4, rng)
assert not np.array_equal(first, second), "draw from the generator that you are given"
for out in (first, second):
    assert out.shape == x.shape
    assert set(np.round(np.unique(out), 9)) == {0.0, round(1 / 0.6, 9)}
large = dropout(np.ones(20_000), 0.4, rng)
assert abs(large.mean() - 1) < 0.05
same.random((4, 5))
same.random((4, 5))
same.random(20_000)
assert rng.integers(10**9) == same.integers(10**9)
child, twin = rng.spawn(1)[0], same.spawn(1)[0]
assert dropout(np.ones(3), 0.0, child).tolist() == [1, 1, 1] and twin is not None

# %% [markdown]
# ## cell-magics-in-a-test
# A whole test cell under %%capture or %%time.


# %% right
def f(x):
    print("working")
    return x + 1


# %% wrong
def f(x):
    return x - 1


# %% test
# %%time
result = f(1)
assert result == 2

# %% [markdown]
# ## files-of-the-student
# A file that the student's code writes and reads again; the test sees only the result.


# %% right
def save(name, arrays):
    np.savez(name, **arrays)


def load(name):
    with np.load(name) as archive:
        return {k: archive[k] for k in archive.files}


# %% wrong
def save(name, arrays):
    pass


def load(name):
    return {"W": np.zeros((2, 2)), "b": np.ones(2)}


# %% test
arrays = {"W": np.arange(4.0).reshape(2, 2), "b": np.ones(2)}
save("weights-of-the-test.npz", arrays)
back = load("weights-of-the-test.npz")
assert sorted(back) == ["W", "b"] and back["W"] is not arrays["W"]
np.testing.assert_array_equal(back["W"], arrays["W"])
try:
    load("no-such-file.npz")
    raise AssertionError("no error")
except FileNotFoundError:
    pass

# %% [markdown]
# ## cpu-time
# A clock that counts only the work of its own process.


# %% right
def total(x):
    return float(x.sum())


# %% wrong
def total(x):
    s = 0.0
    for v in x:
        for _ in range(50):
            s += v / 50
    return s


# %% test refused="perf_counter"
import time

x = np.ones(20_000)
start = time.process_time()
assert abs(total(x) - 20_000) < 1e-6
assert time.process_time() - start < 0.01

# %% [markdown]
# ## memory-measured
# Memory counted in the test's own process.


# %% right
def pairs(n):
    for i in range(n):
        yield i, i + 1


# %% wrong
def pairs(n):
    return [(i, i + 1) for i in range(n)]


# %% test refused="tracemalloc"
import tracemalloc

tracemalloc.start()
for pair in pairs(10_000):
    pass
assert tracemalloc.get_traced_memory()[1] < 100_000

# %% [markdown]
# ## environment-variables
# An environment variable that the test sets for the student's function.

# %% right
import os


def device():
    return os.environ.get("COURSE_DEVICE", "cpu")


# %% wrong
def device():
    return "cpu"


# %% test refused="argument"
import os

os.environ["COURSE_DEVICE"] = "gpu"
assert device() == "gpu"

# %% [markdown]
# ## command-line-arguments
# sys.argv patched for a student's parser.

# %% right
import argparse


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    return parser.parse_args().lr


# %% wrong
def options():
    return 0.1


# %% test refused="argument"
from unittest import mock

with mock.patch("sys.argv", ["train", "--lr", "0.5"]):
    assert options() == 0.5

# %% [markdown]
# ## log-records
# Log records caught by a handler of the test.

# %% right
import logging


def train(n):
    for i in range(n):
        logging.getLogger("train").warning("step %d", i)


# %% wrong
def train(n):
    pass


# %% test refused="print"
import logging
import unittest

with unittest.TestCase().assertLogs("train", level="WARNING") as logs:
    train(2)
assert logs.output == ["WARNING:train:step 0", "WARNING:train:step 1"]

# %% [markdown]
# ## threads-of-the-test
# A student's function called from several threads at once.

# %% right
import threading


class Counter:
    def __init__(self):
        self.n, self.lock = 0, threading.Lock()

    def add(self):
        with self.lock:
            self.n += 1


# %% wrong
class Counter:
    n = 0

    def add(self):
        pass


# %% test refused="thread"
from concurrent.futures import ThreadPoolExecutor

counter = Counter()
with ThreadPoolExecutor(4) as pool:
    for _ in range(100):
        pool.submit(counter.add)
assert counter.n == 100

# %% [markdown]
# ## alarm-in-the-test
# A time limit by signal; grading has one of its own.


# %% right
def fast(n):
    return n * (n + 1) // 2


# %% wrong
def fast(n):
    return -1


# %% test refused="time limit"
import signal


def late(signum, frame):
    raise TimeoutError


signal.signal(signal.SIGALRM, late)
signal.alarm(5)
try:
    assert fast(10**6) == 500000500000
finally:
    signal.alarm(0)

# %% [markdown]
# ## pickled-objects
# A student's object through pickle and back.


# %% right
class Point:
    def __init__(self, x):
        self.x = x


# %% wrong
class Point:
    x = 0

    def __init__(self, x):
        pass


# %% test refused="copy.deepcopy"
import pickle

assert pickle.loads(pickle.dumps(Point(3))).x == 3
