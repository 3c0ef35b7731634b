# ruff: noqa
# %% [markdown]
# # Mutation
# What a function changes, keeps, shares or must leave alone.

# %% [markdown]
# ## in-place-array
# A function that changes its argument and returns nothing, also through a view.

# %% right
def sgd_(w, g, lr):
    w -= lr * g


# %% wrong
def sgd_(w, g, lr):
    w = w - lr * g


# %% test
w = np.ones(3)
assert sgd_(w, np.arange(3.0), 0.5) is None
np.testing.assert_allclose(w, [1, 0.5, 0])
W = np.zeros((4, 4))
sgd_(W[1], np.ones(4), 1.0)
sgd_(W[:, 2], np.ones(4), 1.0)
assert W[1].tolist() == [-1, -1, -2, -1]
assert W[0, 2] == -1
assert W[0, 0] == 0

# %% [markdown]
# ## in-place-containers
# Lists, dicts and sets changed at any depth, and the names that point into them.


# %% right
def update(params, grads, lr, log):
    for k in params:
        params[k] -= lr * grads[k]
    log.append(len(log))
    log[0:1] = ["first"]


def nested(d):
    d["a"]["b"].append({"c": 1})
    d["new"] = {1}
    d["s"].add(3)
    del d["gone"]


# %% wrong
def update(params, grads, lr, log):
    params = {k: params[k] - lr * grads[k] for k in params}
    log.append("first")


def nested(d):
    pass


# %% wrong
def update(params, grads, lr, log):
    for k in params:
        params[k] = params[k] - lr * grads[k]
    log.append("first")


def nested(d):
    d["a"]["b"].append({"c": 1})
    d["new"] = {1}
    d["s"].add(3)
    del d["gone"]


# %% test
params = {"W": np.ones((2, 2)), "b": np.zeros(2)}
W = params["W"]
log = []
update(params, {"W": np.ones((2, 2)), "b": np.ones(2)}, 0.5, log)
assert W is params["W"]
assert np.all(W == 0.5)
assert np.all(params["b"] == -0.5)
assert log == ["first"]
d = {"a": {"b": []}, "s": {1}, "gone": 0}
inner = d["a"]["b"]
nested(d)
assert inner == [{"c": 1}]
assert d["new"] == {1}
assert d["s"] == {1, 3}
assert "gone" not in d
assert list(d) == ["a", "s", "new"]

# %% [markdown]
# ## must-not-change-input
# A function that must leave its input alone.


# %% right
def normalise(x):
    return (x - x.mean()) / x.std()


def sorted_copy(items):
    return sorted(items)


# %% wrong
def normalise(x):
    x -= x.mean()
    x /= x.std()
    return x


def sorted_copy(items):
    items.sort()
    return items


# %% test
x = np.arange(5.0)
keep = x.copy()
normalise(x)
assert np.array_equal(x, keep), "input was changed"
items = [3, 1, 2]
assert sorted_copy(items) == [1, 2, 3] and items == [3, 1, 2]

# %% [markdown]
# ## read-only-input
# A read-only input says who writes to it.


# %% right
def double(x):
    return 2 * x


# %% wrong
def double(x):
    x *= 2
    return x


# %% test
x = np.arange(3.0)
x.flags.writeable = False
try:
    y = double(x)
except ValueError:
    raise AssertionError("writes to its input")
assert y.tolist() == [0, 2, 4]

# %% [markdown]
# ## returns-copy-not-view
# Copies, views and the same object, told apart by writing to them.


# %% right
def first_row(X):
    return X[0].copy()


def same(X):
    return X


def view(X):
    return X[1:, ::2]


# %% wrong
def first_row(X):
    return X[0]


def same(X):
    return X


def view(X):
    return X[1:, ::2]


# %% test
X = np.arange(6.0).reshape(2, 3)
r = first_row(X)
r[0] = 99
assert X[0, 0] == 0, "returns a view"
assert same(X) is X
v = view(X)
v[0, 0] = -1
assert X[1, 0] == -1
assert np.shares_memory(v, X)
assert not np.shares_memory(r, X)

# %% [markdown]
# ## optimiser-aliases-params
# An optimiser that keeps references to the arrays it was given.


# %% right
class SGD:
    def __init__(self, params, lr):
        self.params, self.lr = params, lr

    def step(self, grads):
        for p, g in zip(self.params, grads):
            p -= self.lr * g


# %% wrong
class SGD:
    def __init__(self, params, lr):
        self.params, self.lr = [p.copy() for p in params], lr

    def step(self, grads):
        for p, g in zip(self.params, grads):
            p -= self.lr * g


# %% test
w, b = np.ones((2, 2)), np.zeros(2)
opt = SGD([w, b], lr=0.1)
opt.step([np.ones((2, 2)), np.ones(2)])
opt.step([np.ones((2, 2)), np.ones(2)])
assert np.allclose(w, 0.8) and np.allclose(b, -0.2)
w[...] = 5.0
opt.step([np.ones((2, 2)), np.zeros(2)])
assert np.allclose(w, 4.9)
assert opt.params[0] is w

# %% [markdown]
# ## attribute-array-written-by-test
# The test sets the weights of a layer, in place and by assignment.


# %% right
class Linear:
    def __init__(self, i, o):
        self.W = np.zeros((i, o))
        self.b = np.zeros(o)
        self.p = {"W": self.W}

    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b


# %% wrong
class Linear:
    def __init__(self, i, o):
        self._W = np.zeros((i, o))
        self.b = np.zeros(o)
        self.p = {"W": self._W}

    W = property(lambda s: s._W.copy())

    def __call__(self, x):
        return x @ self._W + self.b


# %% test
layer = Linear(2, 3)
layer.W[...] = 1.0
layer.b += 2
assert np.all(layer(np.ones((1, 2))) == 4)
assert layer.p["W"] is layer.W
layer.W = np.eye(2, 3)
assert layer(np.array([[1.0, 2.0]])).tolist() == [[3, 4, 2]]
layer.p["W"][0, 0] = 7
assert layer.W[0, 0] == 1
assert np.all(layer.x == [[1, 2]])

# %% [markdown]
# ## numeric-gradient-perturbs-params
# A numeric gradient that perturbs the parameters of the student's network.


# %% right
class Net:
    def __init__(self):
        self.params = {"W1": np.linspace(-1, 1, 12).reshape(4, 3), "b1": np.zeros(3)}

    def loss(self, X, y):
        s = X @ self.params["W1"] + self.params["b1"]
        s -= s.max(1, keepdims=True)
        p = np.exp(s)
        p /= p.sum(1, keepdims=True)
        n = len(y)
        L = -np.log(p[np.arange(n), y]).mean()
        d = p.copy()
        d[np.arange(n), y] -= 1
        d /= n
        return L, {"W1": X.T @ d, "b1": d.sum(0)}


# %% wrong
class Net:
    def __init__(self):
        self.params = {"W1": np.linspace(-1, 1, 12).reshape(4, 3), "b1": np.zeros(3)}

    def loss(self, X, y):
        s = X @ self.params["W1"] + self.params["b1"]
        s -= s.max(1, keepdims=True)
        p = np.exp(s)
        p /= p.sum(1, keepdims=True)
        n = len(y)
        L = -np.log(p[np.arange(n), y]).mean()
        d = p.copy()
        d[np.arange(n), y] -= 1
        return L, {"W1": X.T @ d, "b1": d.sum(0)}


# %% test
def numgrad(f, x, h=1e-5):
    g = np.zeros_like(x)
    it = np.nditer(x, flags=["multi_index"])
    while not it.finished:
        i = it.multi_index
        old = x[i]
        x[i] = old + h
        a = f(x)
        x[i] = old - h
        b = f(x)
        x[i] = old
        g[i] = (a - b) / (2 * h)
        it.iternext()
    return g


net = Net()
X = np.random.RandomState(1).randn(5, 4)
y = np.array([0, 2, 1, 0, 1])
loss, grads = net.loss(X, y)
for name in sorted(grads):
    f = lambda W: net.loss(X, y)[0]
    n = numgrad(f, net.params[name])
    assert np.abs(n - grads[name]).max() < 1e-7, name

# %% [markdown]
# ## harmless-overwrite-is-allowed
# Overwriting an input that nobody reads again is no mistake.


# %% right
def softmax(x):
    return np.exp(x) / np.exp(x).sum()


# %% alternative
def softmax(x):
    x -= x.max()
    x[:] = np.exp(x)
    x /= x.sum()
    return x


# %% wrong
def softmax(x):
    return x


# %% test
assert np.allclose(softmax(np.zeros(4)), 0.25)
x = np.array([1.0, 2.0])
assert np.allclose(softmax(x), [0.26894142, 0.73105858])

# %% [markdown]
# ## bytearray-deque-generator-state
# A random generator is passed in, and goes on where the student left it.


# %% right
def fill(b, q):
    b[0] = 7
    q.append(3)
    q.popleft()


def draw(rng):
    return rng.normal(size=3)


# %% wrong
def fill(b, q):
    pass


def draw(rng):
    return np.random.default_rng(7).normal(size=3)


# %% test
from collections import deque

b, q = bytearray(3), deque([1, 2], maxlen=5)
fill(b, q)
assert b[0] == 7 and list(q) == [2, 3]
rng = np.random.default_rng(7)
ref = np.random.default_rng(7)
a = draw(rng)
e = ref.normal(size=3)
assert np.array_equal(a, e)
assert rng.integers(1000) == ref.integers(1000)
assert rng.random() == ref.random()

# %% [markdown]
# ## out-argument-and-resize
# An out= argument, a list that grows, a shape that changes in place.


# %% right
def grow(items):
    for i in range(3):
        items.append(i)
    items.reverse()
    return items


def relu_out(x, out):
    np.maximum(x, 0, out=out)
    return out


def as_column(x):
    x.shape = (-1, 1)
    return x


# %% wrong
def grow(items):
    return [2, 1, 0]


def relu_out(x, out):
    return np.maximum(x, 0)


def as_column(x):
    return x.reshape(-1, 1)


# %% test
items = []
r = grow(items)
assert r is items and items == [2, 1, 0]
o = np.empty(3)
assert relu_out(np.array([-1.0, 0, 1]), o) is o and o.tolist() == [0, 0, 1]
x = np.arange(3.0)
as_column(x)
assert x.shape == (3, 1)

# %% [markdown]
# ## optimiser-state-by-name
# Adam with a dict of parameter arrays, over several steps; large eps shows its place.


# %% right
class Adam:
    def __init__(self, params, lr=0.1, b1=0.9, b2=0.99, eps=1e-2):
        self.params, self.lr, self.b1, self.b2, self.eps, self.t = params, lr, b1, b2, eps, 0
        self.m = {k: np.zeros_like(p) for k, p in params.items()}
        self.v = {k: np.zeros_like(p) for k, p in params.items()}

    def step(self, grads):
        self.t += 1
        for k, g in grads.items():
            self.m[k] = self.b1 * self.m[k] + (1 - self.b1) * g
            self.v[k] = self.b2 * self.v[k] + (1 - self.b2) * g**2
            m = self.m[k] / (1 - self.b1**self.t)
            v = self.v[k] / (1 - self.b2**self.t)
            self.params[k] -= self.lr * m / (np.sqrt(v) + self.eps)


# %% wrong replace="(np.sqrt(v) + self.eps)" by="np.sqrt(v + self.eps)"

# %% wrong replace="self.t += 1" by="self.t = 1"

# %% wrong replace="self.params[k] -= self.lr" by="self.params[k] = self.params[k] - self.lr"

# %% test
import copy

rng = np.random.default_rng(4)
params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}
W, start, expected = params["W"], copy.deepcopy(params), copy.deepcopy(params)
adam = Adam(params)
m, v = {}, {}
for t in range(1, 5):
    grads = {k: rng.normal(size=p.shape) for k, p in params.items()}
    adam.step(copy.deepcopy(grads))
    for k, g in grads.items():
        m[k] = 0.9 * m.get(k, 0) + 0.1 * g
        v[k] = 0.99 * v.get(k, 0) + 0.01 * g * g
        expected[k] -= 0.1 * m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.99**t)) + 0.01)
        np.testing.assert_allclose(params[k], expected[k], err_msg=f"step {t}")
assert params["W"] is W, "change the arrays in place"
assert adam.t == 4 and set(adam.m) == {"W", "b"}
assert not np.allclose(W, start["W"])

# %% [markdown]
# ## results-that-share-a-buffer
# Each call must return an array of its own.


# %% right
class Tracker:
    def __init__(self, n):
        self.sum = np.zeros(n)

    def add(self, x):
        self.sum = self.sum + x
        return self.sum


# %% wrong
class Tracker:
    def __init__(self, n):
        self.sum = np.zeros(n)

    def add(self, x):
        self.sum += x
        return self.sum


# %% test
tracker = Tracker(2)
path = [tracker.add(np.array([1.0, 2.0])) for _ in range(3)]
assert [p.tolist() for p in path] == [[1, 2], [2, 4], [3, 6]]
assert path[0] is not path[1] and not np.shares_memory(path[0], path[1])
assert tracker.sum is path[-1]

# %% [markdown]
# ## mutable-default-argument
# A default list that survives the call.


# %% right
def record(x, log=None):
    log = [] if log is None else log
    log.append(x)
    return log


# %% wrong
def record(x, log=[]):
    log.append(x)
    return log


# %% test
assert record(1) == [1]
assert record(2) == [2]
mine = [0]
assert record(3, mine) is mine and mine == [0, 3]
first = record(4)
first.append(5)
assert record(6) == [6]

# %% [markdown]
# ## duplicate-indices
# Adding at repeated indices, in place.


# %% right
def scatter_add(out, index, values):
    np.add.at(out, index, values)


# %% alternative
def scatter_add(out, index, values):
    for i, v in zip(index, values):
        out[i] += v


# %% wrong
def scatter_add(out, index, values):
    out[index] += values


# %% test
out = np.zeros((4, 2))
scatter_add(out, np.array([0, 2, 0, 2, 2]), np.ones((5, 2)))
assert out[:, 0].tolist() == [2, 0, 3, 0]
half = np.zeros(6)
scatter_add(half[::2], np.array([0, 0, 1]), np.array([1.0, 1.0, 5.0]))
assert half.tolist() == [2, 0, 5, 0, 0, 0]

# %% [markdown]
# ## overlapping-views
# Two arguments that overlap, and rows swapped in place.


# %% right
def swap_rows(A, i, j):
    A[[i, j]] = A[[j, i]]


def shift(target, source):
    target[...] = source.copy()


# %% wrong
def swap_rows(A, i, j):
    A[i], A[j] = A[j], A[i]


def shift(target, source):
    target[...] = source.copy()


# %% wrong
def swap_rows(A, i, j):
    A[[i, j]] = A[[j, i]]


def shift(target, source):
    for k in range(len(target)):
        target[k] = source[k]


# %% test
A = np.arange(6.0).reshape(3, 2)
swap_rows(A, 0, 2)
assert A.tolist() == [[4, 5], [2, 3], [0, 1]]
x = np.arange(5.0)
shift(x[1:], x[:-1])
assert x.tolist() == [0, 0, 1, 2, 3]
swap_rows(A.T, 0, 1)
assert A[0].tolist() == [5, 4]

# %% [markdown]
# ## shuffled-in-place-by-a-generator
# X and y shuffled alike, in place, by a generator that is passed in.


# %% right
def shuffle(X, y, rng):
    order = rng.permutation(len(X))
    X[:], y[:] = X[order], y[order]


# %% wrong
def shuffle(X, y, rng):
    rng.shuffle(X)
    rng.shuffle(y)


# %% wrong
def shuffle(X, y, rng):
    X[:] = rng.permutation(X)


# %% test
X = np.arange(20.0).reshape(10, 2)
y = np.arange(10)
shuffle(X, y, np.random.default_rng(1))
assert sorted(y.tolist()) == list(range(10)) and y.tolist() != list(range(10))
np.testing.assert_array_equal(X[:, 0], 2 * y)
rng = np.random.default_rng(1)
again = np.arange(10)
shuffle(np.zeros((10, 2)), again, rng)
np.testing.assert_array_equal(again, y)

# %% [markdown]
# ## defaultdict-and-nested-counters
# Containers of the collections module, filled by the student.


# %% right
def count_bigrams(words, table):
    for a, b in zip(words, words[1:]):
        table[a][b] += 1


# %% wrong
def count_bigrams(words, table):
    for a, b in zip(words, words[1:]):
        table[a][b] = 1


# %% test
from collections import Counter, defaultdict

table = defaultdict(Counter)
count_bigrams("a b a b c".split(), table)
assert table["a"]["b"] == 2 and table["b"] == {"a": 1, "c": 1}
assert sorted(table) == ["a", "b"]
fixed = {"x": Counter(), "y": Counter()}
count_bigrams(["x", "y", "x", "y"], fixed)
assert fixed == {"x": {"y": 2}, "y": {"x": 1}}

# %% [markdown]
# ## dtype-changed-in-place
# A function that reinterprets its argument's bytes.


# %% right
def as_bits(x):
    x.dtype = np.int64


# %% wrong
def as_bits(x):
    pass


# %% test refused="view"
x = np.ones(2)
as_bits(x)
assert x.dtype == np.int64

# %% [markdown]
# ## rows-of-one-list
# A table whose rows must be lists of their own.


# %% right
def table(n):
    return [[0] * n for _ in range(n)]


# %% wrong
def table(n):
    return [[0] * n] * n


# %% test
t = table(3)
t[0][0] = 1
assert t == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
assert t[1] is not t[2]

# %% [markdown]
# ## internal-state-not-exposed
# What an object gives away must be a copy.


# %% right
class Model:
    def __init__(self):
        self._w, self._losses = np.zeros(3), []

    def weights(self):
        return self._w.copy()

    def losses(self):
        return list(self._losses)


# %% wrong replace="self._w.copy()" by="self._w"

# %% wrong replace="list(self._losses)" by="self._losses"

# %% test
model = Model()
model.weights()[0] = 5
assert model.weights().tolist() == [0, 0, 0]
model.losses().append(1)
assert model.losses() == []

# %% [markdown]
# ## views-of-an-attribute
# Writing through transposes, slices and out= into an array that the object holds.


# %% right
class Layer:
    def __init__(self):
        self.W, self.extra = np.zeros((2, 3)), {"b": np.zeros(2)}

    def total(self):
        return self.W.sum() + self.extra["b"].sum()


# %% wrong
class Layer:
    def __init__(self):
        self._W, self.extra = np.zeros((2, 3)), {"b": np.zeros(2)}

    @property
    def W(self):
        return self._W.copy()

    def total(self):
        return self._W.sum() + self.extra["b"].sum()


# %% test
layer = Layer()
layer.W.T[0] = 1
assert layer.total() == 2
layer.W[:, 1:][...] += 2
assert layer.total() == 10
layer.extra["b"][1] = 5
row = layer.W[0]
row *= 0
assert layer.total() == 10
np.copyto(layer.W, 1)
np.add(layer.W, 1, out=layer.W)
vars(layer)["extra"]["b"][:] = 0
assert layer.total() == 12
