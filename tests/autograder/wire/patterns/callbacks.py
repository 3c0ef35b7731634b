# ruff: noqa
# %% [markdown]
# # Callbacks
# Functions and objects that the test passes in.

# %% [markdown]
# ## lambda-closure-method-ufunc-class
# Every kind of callable is passed in.

# %% right
def gd(f, df, x, lr, n):
    for _ in range(n):
        x = x - lr * df(x)
    return x, f(x)


def apply(fs, x):
    return [f(x) for f in fs]


# %% wrong
def gd(f, df, x, lr, n):
    return x - lr * df(x), f(x)


def apply(fs, x):
    return [f(x) for f in reversed(fs)]


# %% test
x, fx = gd(lambda x: (x**2).sum(), lambda x: 2 * x, np.ones(4), 0.1, 50)
assert np.allclose(x, 0.8**50)
k = 3


def close(x):
    return k * x


class A:
    def __init__(self):
        self.n = 0

    def m(self, x):
        self.n += 1
        return x + self.n

    def __call__(self, x):
        return -x


a = A()
functions = [close, a.m, a.m, np.sqrt, float, a, abs, str, np.float32, lambda v, w=2: v * w]
assert apply(functions, 4) == [12, 5, 6, 2.0, 4.0, -4, 4, "4", 4.0, 8]
assert a.n == 2
import functools, math

assert apply([functools.partial(pow, 2), math.sqrt, np.mean], 4) == [16, 2.0, 4.0]

# %% [markdown]
# ## stored-and-called-later
# Hooks that the student's object keeps and calls later.


# %% right
class Layer:
    def __init__(self, act):
        self.act = act
        self.hooks = []

    def on(self, h):
        self.hooks.append(h)
        return h

    def forward(self, x):
        y = self.act(x)
        for h in self.hooks:
            h(y)
        return y


# %% wrong
class Layer:
    def __init__(self, act):
        self.act = act
        self.hooks = []

    def on(self, h):
        self.hooks.append(h)
        return h

    def forward(self, x):
        return self.act(x)


# %% test
seen = []
layer = Layer(np.tanh)


@layer.on
def hook(y):
    seen.append(float(y.sum()))


assert np.allclose(layer.forward(np.zeros(3)), 0)
layer.forward(np.ones(3))
assert len(seen) == 2 and abs(seen[1] - 3 * np.tanh(1)) < 1e-12
assert layer.hooks[0] is hook and layer.act is np.tanh
l2 = Layer(lambda x: x * 2)
assert l2.forward(4) == 8 and l2.act(1) == 2

# %% [markdown]
# ## callback-raises
# An error raised by the test's function passes through the student's code, or is caught there.


# %% right
class Stop(Exception):
    pass


def train(step, n, on_error=None):
    done = 0
    for i in range(n):
        try:
            step(i)
        except ValueError:
            continue
        done += 1
    return done


# %% wrong
def train(step, n, on_error=None):
    done = 0
    for i in range(n):
        try:
            step(i)
            done += 1
        except Exception:
            pass
    return done


# %% test
def bad(i):
    if i % 2:
        raise ValueError("odd")


assert train(bad, 5) == 3


class Halt(Exception):
    pass


def halt(i):
    raise Halt("now", i)


try:
    train(halt, 5)
    raise AssertionError("swallowed")
except Halt as e:
    assert e.args == ("now", 0)


def halt2(i):
    raise KeyError(i)


try:
    train(halt2, 5)
    raise AssertionError("swallowed")
except KeyError as e:
    assert e.args == (0,)

# %% [markdown]
# ## callback-mutates-and-recurses
# Callbacks that change what they get, and callbacks within callbacks.


# %% right
def visit(tree, f):
    f(tree)
    for c in tree["children"]:
        visit(c, f)


def bisect(f, a, b):
    for _ in range(60):
        m = (a + b) / 2
        a, b = (m, b) if f(a) * f(m) > 0 else (a, m)
    return m


# %% wrong
def visit(tree, f):
    f(tree)


def bisect(f, a, b):
    return a


# %% test
t = {"v": 1, "children": [{"v": 2, "children": []}, {"v": 3, "children": []}]}
order = []


def f(n):
    order.append(n["v"])
    n["seen"] = True


visit(t, f)
assert order == [1, 2, 3] and t["children"][1]["seen"]
g = lambda x: bisect(lambda y: y * y - x, 0, x) if x > 1 else x
assert abs(bisect(lambda z: g(z) - 1.5, 1, 4) - 2.25) < 1e-6

# %% [markdown]
# ## test-class-instance-passed
# Objects of a class that the test defines.


# %% right
class Sequential:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, g):
        for layer in reversed(self.layers):
            g = layer.backward(g)
        return g

    def params(self):
        return [layer.w for layer in self.layers if hasattr(layer, "w")]


def run(model, data):
    return [model.predict(d) for d in data]


# %% wrong
class Sequential:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, g):
        for layer in self.layers:
            g = layer.backward(g)
        return g / 1

    def params(self):
        return []


def run(model, data):
    return [model.predict(d) for d in data]


# %% test
class Fake:
    def __init__(self, k):
        self.k, self.log, self.w = k, [], np.full(2, float(k))

    def forward(self, x):
        self.log.append("f")
        return x + self.k

    def backward(self, g):
        self.log.append("b")
        return g * self.k


a, b = Fake(2), Fake(3)
s = Sequential(a, b)
assert s.forward(np.zeros(2)).tolist() == [5, 5] and s.backward(1) == 6
assert a.log == ["f", "b"] and b.log == ["f", "b"]
assert s.params()[1] is b.w and s.layers[0] is a


class M:
    def predict(self, x):
        return x * 10


assert run(M(), [1, 2]) == [10, 20]

# %% [markdown]
# ## iterables-passed-in
# Generators, iterators and views of the test, one of them without end.


# %% right
def mean(it):
    n = t = 0
    for v in it:
        t += v
        n += 1
    return t / n


def total(d):
    return sum(v for k, v in d)


def batches(it, n):
    out = []
    for v in it:
        out.append(v)
        if len(out) == n:
            yield out
            out = []


# %% wrong
def mean(it):
    return sum(it) / len(it)


def total(d):
    return 3


def batches(it, n):
    yield list(it)[:n]


# %% test
assert mean(x * x for x in range(4)) == 3.5
assert mean(iter([1, 2])) == 1.5
assert mean({1: 0, 3: 0}.keys()) == 2
assert mean(map(abs, [-1, -3])) == 2
assert total({"a": 1, "b": 2}.items()) == 3
assert total(enumerate([5, 6])) == 11
assert total(zip("ab", [1, 2])) == 3
import itertools

assert next(batches(itertools.count(), 3)) == [0, 1, 2]

# %% [markdown]
# ## partial-of-a-students-function
# functools.partial over a student's function, used by the test and passed back.


# %% right
def loss(w, X, y, lam=0.0):
    return float(np.mean((X @ w - y) ** 2) + lam * w @ w)


def slope(f, w, h=1e-6):
    return np.array([(f(w + h * e) - f(w - h * e)) / (2 * h) for e in np.eye(len(w))])


# %% wrong replace="+ lam * w @ w" by="+ lam * np.abs(w).sum()"

# %% wrong replace="(2 * h)" by="h"

# %% test
from functools import partial

X, y = np.array([[1.0, 2.0], [0.0, 1.0], [2.0, 1.0]]), np.array([1.0, 0.0, 2.0])
ridge = partial(loss, X=X, y=y, lam=0.5)
w = np.array([0.3, -0.2])
assert abs(ridge(w) - loss(w, X, y) - 0.5 * w @ w) < 1e-12
expected = 2 * X.T @ (X @ w - y) / 3 + w
np.testing.assert_allclose(slope(ridge, w), expected, rtol=1e-6)
np.testing.assert_allclose(slope(partial(ridge, lam=0.0), w), expected - w, rtol=1e-6)

# %% [markdown]
# ## as-a-key-and-in-map-filter-reduce
# A student's function as key=, in map, filter, reduce, groupby, accumulate and bisect.


# %% right
def norm(v):
    return float(np.hypot(*v))


def is_long(v):
    return norm(v) > 2


def add(a, b):
    return (a[0] + b[0], a[1] + b[1])


# %% wrong replace="np.hypot(*v)" by="abs(v[0])"

# %% wrong replace="> 2" by=">= 1"

# %% test
import bisect
import functools
import heapq
import itertools

points = [(3, 4), (1, 0), (0, 2), (-2, 2)]
assert sorted(points, key=norm) == [(1, 0), (0, 2), (-2, 2), (3, 4)]
assert max(points, key=norm) == (3, 4) and min(points, key=norm) == (1, 0)
assert list(map(norm, points)) == [5, 1, 2, np.sqrt(8)]
assert list(filter(is_long, points)) == [(3, 4), (-2, 2)]
assert functools.reduce(add, points) == (2, 8)
assert list(itertools.accumulate(points, add))[-1] == (2, 8)
assert heapq.nsmallest(1, points, key=norm) == [(1, 0)]
ordered = sorted(points, key=norm)
assert bisect.bisect_left(ordered, 2.5, key=norm) == 2
groups = {k: list(g) for k, g in itertools.groupby(ordered, key=is_long)}
assert len(groups[False]) == 2
points.sort(key=lambda v: -norm(v))
assert points[0] == (3, 4)

# %% [markdown]
# ## bisection-over-the-student
# The test finds a root of the student's function.


# %% right
def derivative(x):
    return 3 * x**2 - 4


# %% wrong
def derivative(x):
    return 3 * x**2 + 4


# %% test
low, high = 0.0, 4.0
assert derivative(low) * derivative(high) < 0, "no change of sign"
while high - low > 1e-10:
    middle = (low + high) / 2
    if derivative(low) * derivative(middle) <= 0:
        high = middle
    else:
        low = middle
assert abs(low - np.sqrt(4 / 3)) < 1e-9

# %% [markdown]
# ## vectorised-by-numpy
# np.vectorize, np.apply_along_axis, np.frompyfunc and np.fromfunction over a student's function.


# %% right
def huber(r, delta=1.0):
    return 0.5 * r**2 if abs(r) <= delta else delta * (abs(r) - 0.5 * delta)


def spread(row):
    return row.max() - row.min()


# %% wrong replace="0.5 * delta)" by="delta)"

# %% wrong replace="row.max() - row.min()" by="row.max()"

# %% test
r = np.array([[-3.0, -0.5], [0.0, 2.0]])
np.testing.assert_allclose(np.vectorize(huber)(r), [[2.5, 0.125], [0, 1.5]])
np.testing.assert_allclose(np.vectorize(huber, excluded=["delta"])(r, delta=2.0)[0, 0], 4.0)
np.testing.assert_allclose(np.apply_along_axis(spread, 1, r), [2.5, 2.0])
np.testing.assert_allclose(np.frompyfunc(huber, 1, 1)(r[0]).astype(float), [2.5, 0.125])
np.testing.assert_allclose(np.fromfunction(lambda i, j: i + j, (2, 2)).sum(), 4)
np.testing.assert_allclose([huber(v) for v in r.ravel()], [2.5, 0.125, 0, 1.5])

# %% [markdown]
# ## student-writes-the-test
# The student's test must pass right versions and fail planted wrong ones.


# %% right
def check_softmax(softmax):
    x = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    p = softmax(x)
    assert p.shape == x.shape
    assert np.allclose(p.sum(axis=1), 1), "rows sum to one"
    assert np.all(p[0, 1:] > p[0, :-1]), "larger scores, larger probabilities"
    assert np.allclose(softmax(x + 1000), p), "a shift changes nothing"


# %% alternative
def check_softmax(softmax):
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(3, 4)) + 800
        e = np.exp(x - x.max(1, keepdims=True))
        np.testing.assert_allclose(softmax(x), e / e.sum(1, keepdims=True))


# %% wrong
def check_softmax(softmax):
    assert np.isclose(softmax(np.array([[1.0, 2.0]])).sum(), 1)


# %% wrong
def check_softmax(softmax):
    assert False


# %% test
def shifted(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_loops(x):
    return np.array([np.exp(r - max(r)) / sum(np.exp(r - max(r))) for r in x])


def unstable(x):
    with np.errstate(all="ignore"):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def wrong_axis(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=0, keepdims=True)


RIGHT = {"shifted": shifted, "by loops": by_loops}
WRONG = {
    "unstable": unstable,
    "wrong axis": wrong_axis,
    "of the negative": lambda x: shifted(-x),
    "uniform": lambda x: np.full_like(x, 1 / x.shape[1]),
}
for name, version in RIGHT.items():
    try:
        check_softmax(version)
    except AssertionError:
        raise AssertionError("your test fails a correct softmax") from None
for name, version in WRONG.items():
    try:
        check_softmax(version)
    except AssertionError:
        continue
    raise AssertionError("your test passes a wrong softmax")

# %% [markdown]
# ## student-writes-the-test-partial-credit
# One point for each planted wrong version that the student's test catches.


# %% right
def check_mean(mean):
    assert mean([2.0]) == 2
    assert mean([1, 2, 6]) == 3
    assert mean([-1.0, -3.0]) == -2


# %% wrong
def check_mean(mean):
    assert mean([2.0]) == 2


# %% wrong
def check_mean(mean):
    assert mean([1, 2, 6]) == 3


# %% test
def caught(version):
    try:
        check_mean(version)
    except AssertionError:
        return True
    return False


assert not caught(lambda v: sum(v) / len(v)), "your test fails a correct mean"
planted = [
    lambda v: sorted(v)[len(v) // 2],
    lambda v: sum(v),
    lambda v: abs(sum(v)) / len(v),
    lambda v: sum(v) / (len(v) - 1) if len(v) > 1 else v[0],
]
sum(caught(version) for version in planted) / len(planted)

# %% [markdown]
# ## gradient-check-by-the-student
# The student writes the checker; the test passes layers of its own, right and wrong.


# %% right
def grad_check(forward, backward, x, h=1e-5):
    y = forward(x)
    g = np.cos(np.arange(y.size)).reshape(y.shape)
    analytic = backward(g)
    numeric = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = (forward(x) * g).sum()
        x[i] = old - h
        down = (forward(x) * g).sum()
        x[i] = old
        numeric[i] = (up - down) / (2 * h)
    forward(x)
    return float(np.abs(numeric - analytic).max())


# %% wrong replace="g = np.cos(np.arange(y.size)).reshape(y.shape)" by="g = np.zeros_like(y)"

# %% wrong replace="        x[i] = old\n" by=""


# %% test
class Tanh:
    calls = 0

    def forward(self, x):
        self.calls += 1
        self.y = np.tanh(x)
        return self.y

    def backward(self, g):
        return g * (1 - self.y**2)


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p

    def backward(self, g):
        return self.p * (g - (g * self.p).sum(axis=-1, keepdims=True))


class Wrong(Softmax):
    def backward(self, g):
        return self.p * (1 - self.p) * g


x = np.random.default_rng(0).normal(size=(2, 3))
keep = x.copy()
tanh = Tanh()
assert grad_check(tanh.forward, tanh.backward, x) < 1e-8
assert tanh.calls >= 12
np.testing.assert_array_equal(x, keep, err_msg="put x back")
right, wrong = Softmax(), Wrong()
assert grad_check(right.forward, right.backward, x) < 1e-8
assert grad_check(wrong.forward, wrong.backward, x) > 1e-3

# %% [markdown]
# ## builtin-methods-as-callbacks
# Methods of builtin objects, operators and classes are passed as functions.


# %% right
def train(steps, log, combine, make):
    state = make()
    for i in range(steps):
        state = combine(state, i)
        log(state)
    return state


# %% wrong
def train(steps, log, combine, make):
    state = make()
    for i in range(steps):
        log(state)
        state = combine(state, i)
    return state


# %% test
import operator

losses, seen, best = [], set(), {}
assert train(4, losses.append, operator.add, int) == 6
assert losses == [0, 1, 3, 6]
train(3, seen.add, max, int)
assert seen == {0, 1, 2}
train(3, lambda v: best.update(last=v), np.add, np.float64)
assert best == {"last": 3.0}
assert train(2, print, "{}{}".format, str) == "01"

# %% [markdown]
# ## class-of-the-test-instantiated-by-the-student
# A class of the test is passed, and the student makes objects of it.


# %% right
def stack(layer, sizes):
    layers = [layer(a, b) for a, b in zip(sizes, sizes[1:])]

    def forward(x):
        for one in layers:
            x = one.forward(x)
        return x

    return layers, forward


# %% wrong
def stack(layer, sizes):
    layers = [layer(a, b) for a, b in zip(sizes, sizes[1:])]
    return layers, layers[0].forward


# %% test
class Dense:
    made = []

    def __init__(self, n_in, n_out):
        self.W = np.ones((n_in, n_out))
        Dense.made.append(self)

    def forward(self, x):
        return x @ self.W


layers, forward = stack(Dense, [2, 3, 4])
assert len(layers) == 2 and all(isinstance(one, Dense) for one in layers)
assert Dense.made[0] is layers[0] and layers[1].W.shape == (3, 4)
assert forward(np.ones((1, 2))).tolist() == [[6, 6, 6, 6]]

# %% [markdown]
# ## dict-of-functions
# A student's function returns functions, in a dict and composed.


# %% right
def layer(k):
    cache = {}

    def forward(x):
        cache["x"] = x
        return k * x**2

    def backward(g):
        return g * 2 * k * cache["x"]

    return {"forward": forward, "backward": backward, "cache": cache}


def compose(*fs):
    def composed(x):
        for f in fs:
            x = f(x)
        return x

    return composed


# %% wrong replace="g * 2 * k" by="2 * k"

# %% wrong replace="for f in fs" by="for f in reversed(fs)"

# %% test
a, b = layer(3), layer(2)
f = compose(a["forward"], b["forward"], lambda x: x + 1)
assert f(2.0) == 2 * 12.0**2 + 1
assert b["backward"](1.0) == 48 and a["backward"](b["backward"](1.0)) == 48 * 12
assert a["cache"] == {"x": 2.0}
assert compose()(5) == 5

# %% [markdown]
# ## early-stopping-callback
# A callback whose answer ends the loop, and a stream that is read no further than needed.


# %% right
def fit(stream, step, stop):
    losses = []
    for batch in stream:
        losses.append(step(batch))
        if stop(losses):
            break
    return losses


# %% wrong
def fit(stream, step, stop):
    losses = []
    for batch in list(stream)[:100]:
        if stop(losses):
            break
        losses.append(step(batch))
    return losses


# %% test
drawn = []


def stream():
    for i in range(1000):
        drawn.append(i)
        yield np.full(2, 1.0 / (i + 1))


def patience(losses, n=3):
    return len(losses) > n and min(losses[-n:]) > 0.9 * losses[-n - 1]


losses = fit(stream(), lambda batch: float(batch.sum()), patience)
assert losses[:3] == [2.0, 1.0, 2 / 3]
assert len(losses) == len(drawn) == 31, "stop at the first time that stop() is true"

# %% [markdown]
# ## random-state-objects-passed-in
# np.random.RandomState and random.Random are passed in and drawn from.


# %% right
def noisy(x, rng):
    return x + rng.randn(*x.shape)


def pick(items, rng):
    return rng.choice(items)


# %% wrong
def noisy(x, rng):
    return x + np.random.RandomState(0).randn(*x.shape)


def pick(items, rng):
    return items[0]


# %% test
import random

rng, same = np.random.RandomState(0), np.random.RandomState(0)
for _ in range(2):
    np.testing.assert_array_equal(noisy(np.zeros(3), rng), same.randn(3))
assert rng.randint(1000) == same.randint(1000)
a, b = random.Random(5), random.Random(5)
assert [pick("abcdef", a) for _ in range(5)] == [b.choice("abcdef") for _ in range(5)]

# %% [markdown]
# ## children-of-a-generator
# A generator is passed in, and `spawn` makes its children: others from each seed and in each call, counted on both sides.


# %% right
def noisy(x, rng):
    (child,) = rng.spawn(1)
    return x + child.normal(size=np.shape(x))


# %% alternative
def noisy(x, rng):
    return x + np.random.default_rng(rng.bit_generator.seed_seq.spawn(1)[0]).normal(size=np.shape(x))


# %% wrong
def noisy(x, rng):
    (child,) = np.random.default_rng(0).spawn(1)
    return x + child.normal(size=np.shape(x))


# %% wrong
def noisy(x, rng):
    first, second = rng.spawn(2)
    return x + first.normal(size=np.shape(x))


# %% test
rng, same = np.random.default_rng(5), np.random.default_rng(5)
for _ in range(2):
    np.testing.assert_array_equal(noisy(np.zeros(3), rng), same.spawn(1)[0].normal(size=3))
assert rng.random() == same.random(), "the stream itself has not moved"
assert rng.spawn(1)[0].random() == same.spawn(1)[0].random()
other = np.random.Generator(np.random.MT19937([7, 8])).spawn(4)[2]
assert not np.array_equal(noisy(np.zeros(3), other), noisy(np.zeros(3), other))
assert not np.array_equal(noisy(np.zeros(3), np.random.default_rng(1)), noisy(np.zeros(3), np.random.default_rng(2)))

# %% [markdown]
# ## file-like-objects
# Text files without a file: io.StringIO goes in.


# %% right
def read_rows(file):
    header = file.readline().strip().split(",")
    return [dict(zip(header, map(float, line.split(",")))) for line in file]


def write_rows(rows, file):
    for row in rows:
        file.write(",".join(str(v) for v in row) + "\n")


# %% wrong
def read_rows(file):
    return [dict(a=float(line.split(",")[0])) for line in file.read().splitlines()[1:]]


def write_rows(rows, file):
    file.write(str(rows))


# %% test
import io

assert read_rows(io.StringIO("a,b\n1,2\n3,4\n")) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
out = io.StringIO()
write_rows([(1, 2), (3, 4)], out)
assert out.getvalue() == "1,2\n3,4\n"

# %% [markdown]
# ## function-called-from-threads
# A student's thread pool calls a function of the test.


# %% right
from concurrent.futures import ThreadPoolExecutor


def parallel_map(function, items):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(function, items))


# %% wrong replace="list(pool.map(function, items))" by="list(pool.map(function, items[:-1]))"

# %% test
seen = []


def square(x):
    seen.append(x)
    return x * x


assert parallel_map(square, list(range(50))) == [x * x for x in range(50)]
assert sorted(seen) == list(range(50))

# %% [markdown]
# ## functions-as-keys-and-bound-methods
# A student's functions as keys, compared by identity; bound methods that are kept.


# %% right
def relu(x):
    return np.maximum(x, 0)


def tanh(x):
    return np.tanh(x)


DERIVATIVES = {relu: lambda x: (x > 0) * 1.0, tanh: lambda x: 1 - np.tanh(x) ** 2}


class Counter:
    def __init__(self, n=0):
        self.n = n

    def up(self):
        self.n += 1
        return self.n


# %% wrong replace="1 - np.tanh(x) ** 2" by="1 - x**2"

# %% wrong replace="self.n += 1\n        return self.n" by="return self.n + 1"

# %% test
names = {relu: "relu", tanh: "tanh"}
assert names[relu] == "relu" and relu is not tanh and tanh in DERIVATIVES
for function, derivative in DERIVATIVES.items():
    x = np.array([-1.0, 0.5])
    slope = (function(x + 1e-6) - function(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(derivative(x), slope, atol=1e-6, err_msg=names[function])
counter = Counter()
up = counter.up
assert [up(), up()] == [1, 2] and up.__self__ is counter and up == counter.up
counter.n = 7
assert up() == 8 and Counter.up(counter) == 9
