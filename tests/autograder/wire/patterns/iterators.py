# ruff: noqa
# %% [markdown]
# # Iterators
# Generators, iterators, data loaders, context managers.

# %% [markdown]
# ## generator-batches
# Minibatches from a generator.

# %% right
def minibatches(X, y, size):
    for i in range(0, len(X), size):
        yield X[i : i + size], y[i : i + size]


# %% wrong
def minibatches(X, y, size):
    for i in range(0, len(X) - size + 1, size):
        yield X[i : i + size], y[i : i + size]


# %% test
import types

X, y = np.arange(10.0).reshape(5, 2), np.arange(5)
g = minibatches(X, y, 2)
assert iter(g) is g and isinstance(g, types.GeneratorType)
xb, yb = next(g)
assert xb.shape == (2, 2) and yb.tolist() == [0, 1]
rest = list(g)
assert len(rest) == 2 and rest[1][0].shape == (1, 2)
assert sum(len(b) for _, b in minibatches(X, y, 3)) == 5
try:
    next(g)
    raise AssertionError
except StopIteration:
    pass
for i, (a, b) in enumerate(minibatches(X, y, 4)):
    pass
assert i == 1

# %% [markdown]
# ## list-or-iterator-alternatives
# The exercise accepts a list or anything that can be iterated.


# %% right
def pairs(items):
    return [(a, b) for a, b in zip(items, items[1:])]


# %% alternative
def pairs(items):
    return zip(items, items[1:])


# %% alternative
def pairs(items):
    for i in range(len(items) - 1):
        yield items[i], items[i + 1]


# %% alternative
class It:
    def __init__(s, items):
        s.items = items

    def __iter__(s):
        return iter([(a, b) for a, b in zip(s.items, s.items[1:])])


def pairs(items):
    return It(items)


# %% wrong
def pairs(items):
    return []


# %% test
assert list(pairs([1, 2, 3])) == [(1, 2), (2, 3)]
for a, b in pairs([1, 2]):
    assert b == a + 1

# %% [markdown]
# ## dataset-len-getitem-iter
# A data set and a loader, by protocol.


# %% right
class Dataset:
    def __init__(self, X):
        self.X = X

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return self.X[i]
        if i >= len(self):
            raise IndexError(i)
        return self.X[i], i


class Loader:
    def __init__(self, ds, b):
        self.ds, self.b = ds, b

    def __iter__(self):
        self.i = 0
        return self

    def __next__(self):
        if self.i >= len(self.ds):
            raise StopIteration
        self.i += self.b
        return self.ds[self.i - self.b : self.i]


# %% wrong
class Dataset:
    def __init__(self, X):
        self.X = X

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.X[i]


class Loader:
    def __init__(self, ds, b):
        self.ds, self.b = ds, b

    def __iter__(self):
        return iter(self.ds.X)


# %% test
d = Dataset(np.arange(5))
assert len(d) == 5
assert d[1] == (1, 1)
assert d[0:2].tolist() == [0, 1]
assert [i for _, i in d] == [0, 1, 2, 3, 4]
loader = Loader(d, 2)
assert [b.tolist() for b in loader] == [[0, 1], [2, 3], [4]]
assert [len(b) for b in loader] == [2, 2, 1]
assert hasattr(d, "__len__")
assert not hasattr(d, "__call__")
assert not callable(d)
import collections.abc as abc

assert isinstance(loader, abc.Iterator) and isinstance(d, abc.Sized)

# %% [markdown]
# ## context-manager
# A context manager as a class and as a generator.


# %% right
class no_grad:
    depth = 0

    def __enter__(self):
        no_grad.depth += 1
        return self

    def __exit__(self, *exc):
        no_grad.depth -= 1
        return False


from contextlib import contextmanager


@contextmanager
def seed(n):
    s = np.random.get_state()
    np.random.seed(n)
    try:
        yield n
    finally:
        np.random.set_state(s)


def draw():
    return np.random.rand()


# %% wrong
class no_grad:
    depth = 0

    def __enter__(self):
        no_grad.depth += 1
        return self

    def __exit__(self, t, v, tb):
        if t is None:
            no_grad.depth -= 1


from contextlib import contextmanager


@contextmanager
def seed(n):
    yield n


def draw():
    return np.random.rand()


# %% test
with no_grad() as g:
    assert no_grad.depth == 1
    with no_grad():
        assert no_grad.depth == 2
assert no_grad.depth == 0
try:
    with no_grad():
        raise KeyError("x")
except KeyError:
    pass
assert no_grad.depth == 0
with seed(3) as n:
    a = draw()
with seed(3):
    b = draw()
assert a == b and n == 3

# %% [markdown]
# ## generator-send-close
# A generator with send() and close().


# %% right
def running():
    t = 0
    while True:
        v = yield t
        if v is None:
            continue
        t += v


# %% wrong
def running():
    yield 0


# %% test
g = running()
next(g)
assert g.send(3) == 3 and g.send(4) == 7
g.close()
try:
    next(g)
    raise AssertionError
except StopIteration:
    pass

# %% [markdown]
# ## next-with-default
# The iterator protocol by hand: iter, next with a default, exhaustion.


# %% right
class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n + 1


# %% wrong replace="self.n + 1" by="self.n"


# %% wrong
class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n, 0, -1))


# %% test
it = iter(Countdown(2))
assert next(it, None) == 2 and next(it, None) == 1
assert next(it, None) is None and next(it, "end") == "end"
assert next(Countdown(5)) == 5
assert iter(it) is it
assert list(Countdown(3)) == [3, 2, 1] and list(it) == []
first, *rest = Countdown(4)
assert (first, rest) == (4, [3, 2, 1])
assert 2 in Countdown(3) and 9 not in Countdown(3)
assert sum(Countdown(4)) == 10 and max(Countdown(4)) == 4
assert dict(zip("ab", Countdown(2), strict=True)) == {"a": 2, "b": 1}

# %% [markdown]
# ## endless-generator-and-itertools
# A stream without end, cut by itertools; two streams do not disturb each other.


# %% right
def powers(base):
    value = 1
    while True:
        yield value
        value *= base


def pairwise(it):
    it = iter(it)
    a = next(it)
    for b in it:
        yield a, b
        a = b


# %% wrong replace="value = 1\n" by="value = base\n"


# %% wrong
def powers(base):
    return [base**i for i in range(10)]


def pairwise(it):
    it = list(it)
    yield from zip(it, it[1:])


# %% test
import itertools

assert list(itertools.islice(powers(2), 5)) == [1, 2, 4, 8, 16]
a, b = powers(3), powers(3)
assert [next(a), next(a), next(b)] == [1, 3, 1]
assert list(itertools.takewhile(lambda v: v < 100, powers(5))) == [1, 5, 25]
assert next(v for v in powers(2) if v > 1000) == 1024
assert next(pairwise(powers(2))) == (1, 2)
assert list(itertools.islice(pairwise(itertools.count()), 2)) == [(0, 1), (1, 2)]
left, right = itertools.tee(powers(2))
assert next(left) == next(right) == 1
assert list(zip(range(2), powers(7))) == [(0, 1), (1, 7)]

# %% [markdown]
# ## generator-throw-and-yield-from
# A generator that is thrown into, delegates, and returns a value.


# %% right
def resilient(n):
    done = 0
    for i in range(n):
        try:
            yield i
            done += 1
        except ValueError:
            yield -1
    return done


def chain(*parts):
    for part in parts:
        yield from part


# %% wrong
def resilient(n):
    yield from range(n)


def chain(*parts):
    for part in parts:
        yield part


# %% test
g = resilient(3)
assert next(g) == 0
assert g.throw(ValueError("skip")) == -1
assert [next(g), next(g)] == [1, 2]
try:
    next(g)
    raise AssertionError("three steps only")
except StopIteration as end:
    assert end.value == 2
assert list(chain([1], (2, 3), resilient(2))) == [1, 2, 3, 0, 1]

# %% [markdown]
# ## loader-epochs
# Every epoch visits every example once, in a new order, and the last batch is short.


# %% right
class Loader:
    def __init__(self, X, size, rng):
        self.X, self.size, self.rng = X, size, rng

    def __len__(self):
        return -(-len(self.X) // self.size)

    def __iter__(self):
        order = self.rng.permutation(len(self.X))
        for i in range(0, len(order), self.size):
            yield self.X[order[i : i + self.size]]


# %% wrong replace="-(-len(self.X) // self.size)" by="len(self.X) // self.size"

# %% wrong replace="self.rng.permutation(len(self.X))" by="np.arange(len(self.X))"

# %% wrong replace="self.rng.permutation(len(self.X))" by="self.rng.integers(len(self.X), size=len(self.X))"

# %% test
loader = Loader(np.arange(10), 4, np.random.default_rng(0))
assert len(loader) == 3
epochs = [np.concatenate(list(loader)) for _ in range(3)]
assert [len(b) for b in loader] == [4, 4, 2]
for epoch in epochs:
    assert sorted(epoch.tolist()) == list(range(10))
assert any(not np.array_equal(epochs[0], epoch) for epoch in epochs[1:])
inside = [(len(a), len(b)) for a, b in zip(loader, loader)]
assert inside == [(4, 4), (4, 4), (2, 2)]

# %% [markdown]
# ## subclasses-of-list-and-dict
# A list and a dict of the student's own making.


# %% right
class Stack(list):
    def push(self, x):
        self.append(x)

    @property
    def top(self):
        return self[-1]


class Config(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


# %% wrong
class Stack(list):
    def push(self, x):
        self.insert(0, x)

    @property
    def top(self):
        return self[0]


class Config(dict):
    lr = 0


# %% test
stack = Stack()
stack.push(1)
stack.push(2)
assert stack.top == 2 and len(stack) == 2 and stack[0] == 1
assert list(stack) == [1, 2] and stack == [1, 2] and isinstance(stack, list)
assert stack.pop() == 2 and stack[:] == [1]
config = Config(lr=0.1, layers=[2, 3])
assert config.lr == 0.1 and config["layers"] == [2, 3] and sorted(config) == ["layers", "lr"]
assert config == {"lr": 0.1, "layers": [2, 3]} and config.get("mu", 0) == 0
assert not hasattr(config, "momentum") and isinstance(config, dict)
config["lr"] = 1
assert config.lr == 1 and dict(config)["lr"] == 1

# %% [markdown]
# ## sequence-and-mapping-protocols
# Indexing, slicing, reversing and item assignment by protocol.

# %% right
from collections.abc import Mapping


class Vocabulary(Mapping):
    def __init__(self, words):
        self.index = {w: i for i, w in enumerate(dict.fromkeys(words))}

    def __getitem__(self, word):
        return self.index[word]

    def __iter__(self):
        return iter(self.index)

    def __len__(self):
        return len(self.index)


class Ring:
    def __init__(self, n):
        self.data = [0] * n

    def __getitem__(self, i):
        if isinstance(i, slice):
            return self.data[i]
        return self.data[i % len(self.data)]

    def __setitem__(self, i, value):
        self.data[i % len(self.data)] = value

    def __delitem__(self, i):
        del self.data[i]

    def __len__(self):
        return len(self.data)

    def __reversed__(self):
        return reversed(self.data)


# %% wrong replace="enumerate(dict.fromkeys(words))" by="enumerate(words)"

# %% wrong replace="self.data[i % len(self.data)] = value" by="self.data[i] = value"

# %% test
v = Vocabulary("the cat the dog".split())
assert v["dog"] == 2 and "cat" in v and v.get("bird", -1) == -1 and len(v) == 3
assert list(v.items()) == [("the", 0), ("cat", 1), ("dog", 2)]
assert {**v} == {"the": 0, "cat": 1, "dog": 2} and dict(v) == {**v}
ring = Ring(3)
ring[4] = 5
ring[-1] += 2
assert ring[1] == 5 and ring[0:2] == [0, 5] and ring[2] == 2 and ring[5] == 2
assert list(reversed(ring)) == [2, 5, 0] and len(ring) == 3
del ring[0]
assert len(ring) == 2 and ring[0] == 5

# %% [markdown]
# ## async-functions
# A coroutine of the student, run by the test.


# %% right
async def fetch(n):
    return n * 2


# %% wrong
async def fetch(n):
    return n


# %% test refused="async"
import asyncio

assert asyncio.run(fetch(4)) == 8

# %% [markdown]
# ## buffer-reused-by-a-generator
# A generator that yields the same array each time.


# %% right
def walk(n):
    x = np.zeros(2)
    for _ in range(n):
        x = x + 1
        yield x


# %% wrong replace="x = x + 1" by="x += 1"

# %% test
path = list(walk(3))
assert [p[0] for p in path] == [1, 2, 3]
assert path[0] is not path[1]
