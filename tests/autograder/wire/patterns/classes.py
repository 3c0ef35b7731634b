# ruff: noqa
# %% [markdown]
# # Classes
# Classes of the student: state, operators, inheritance.

# %% tensor
class Tensor:
    __array_priority__ = 1000
    count = 0

    def __init__(self, data, parents=(), back=None):
        self.data = np.asarray(data, dtype=float)
        self.grad = None
        self.parents = parents
        self.back = back
        Tensor.count += 1

    def __add__(self, o):
        o = o if isinstance(o, Tensor) else Tensor(o)
        return Tensor(self.data + o.data, (self, o), lambda g: (g, g))

    def __mul__(self, o):
        o = o if isinstance(o, Tensor) else Tensor(o)
        return Tensor(self.data * o.data, (self, o), lambda g: (g * o.data, g * self.data))

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, o):
        return self + (-1 * o if not isinstance(o, Tensor) else o * -1)

    def __rsub__(self, o):
        return (self * -1) + o

    def __neg__(self):
        return self * -1

    def __matmul__(self, o):
        return Tensor(self.data @ o.data, (self, o), lambda g: (g @ o.data.T, self.data.T @ g))

    def __pow__(self, k):
        return Tensor(self.data**k, (self,), lambda g: (g * k * self.data ** (k - 1),))

    def __getitem__(self, i):
        return Tensor(self.data[i])

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        return f"Tensor({self.data.tolist()})"

    def __float__(self):
        return float(self.data)

    def __array__(self, dtype=None, copy=None):
        return self.data if dtype is None else self.data.astype(dtype)

    def sum(self):
        return Tensor(self.data.sum(), (self,), lambda g: (g * np.ones_like(self.data),))

    @property
    def shape(self):
        return self.data.shape

    @property
    def T(self):
        return Tensor(self.data.T)

    @staticmethod
    def zeros(*s):
        return Tensor(np.zeros(s))

    @classmethod
    def ones(cls, *s):
        return cls(np.ones(s))

    def backward(self):
        order, seen = [], set()

        def walk(t):
            if id(t) in seen:
                return
            seen.add(id(t))
            [walk(p) for p in t.parents]
            order.append(t)

        walk(self)
        self.grad = np.ones_like(self.data)
        for t in reversed(order):
            if t.back:
                for p, g in zip(t.parents, t.back(t.grad)):
                    while g.ndim > p.data.ndim:
                        g = g.sum(0)
                    p.grad = g if p.grad is None else p.grad + g


# %% module
class Module:
    def __init__(self):
        self.training = True

    def parameters(self):
        out = []
        for v in vars(self).values():
            if isinstance(v, Parameter):
                out.append(v)
            elif isinstance(v, Module):
                out += v.parameters()
            elif isinstance(v, (list, tuple)):
                out += [q for m in v if isinstance(m, Module) for q in m.parameters()]
        return out

    def __call__(self, *a, **k):
        return self.forward(*a, **k)

    def train(self):
        self.training = True
        return self

    def eval(self):
        self.training = False
        for v in vars(self).values():
            if isinstance(v, Module):
                v.eval()
        return self


class Parameter:
    def __init__(self, d):
        self.data = np.asarray(d)
        self.grad = None


class Linear(Module):
    def __init__(self, i, o, bias=True):
        super().__init__()
        self.weight = Parameter(np.ones((i, o)))
        if bias:
            self.bias = Parameter(np.zeros(o))

    def forward(self, x):
        return x @ self.weight.data + (self.bias.data if hasattr(self, "bias") else 0)


# %% [markdown]
# ## tensor-operators-and-numpy-either-side
# A tensor class with operators, numpy on either side, and a gradient.

# %% right of="tensor"

# %% wrong replace="(g * o.data, g * self.data)" by="(g, g)"

# %% wrong replace="return (self * -1) + o" by="return self - o"

# %% test
a = Tensor([1.0, 2.0, 3.0])
b = np.ones(3) * a + 2 * a - a * np.float64(0.5) + np.arange(3)
assert isinstance(b, Tensor)
assert type(b) is Tensor
assert type(b).__name__ == "Tensor"
assert np.allclose(b.data, [2.5, 6.0, 9.5])
s = (a * a).sum()
s.backward()
assert np.allclose(a.grad, [2, 4, 6]) and float(s) == 14.0
c = 1 - a
d = np.array([1.0, 1.0, 1.0]) - a
e = -a
assert np.allclose(c.data, [0, -1, -2])
assert np.allclose(d.data, [0, -1, -2]) and np.allclose(e.data, [-1, -2, -3])
assert np.allclose(np.asarray(a), [1, 2, 3])
assert np.array(a).sum() == 6
assert np.allclose(a, [1, 2, 3])
np.testing.assert_allclose(a, np.array([1, 2, 3]))
assert (a**2).data.tolist() == [1, 4, 9]
assert a[1].data == 2
assert len(a) == 3
assert a.shape == (3,)
assert repr(a) == "Tensor([1.0, 2.0, 3.0])"
assert str(a).startswith("Tensor")
assert f"{a}" == str(a)
assert (Tensor(np.eye(2)) @ Tensor(np.ones((2, 1)))).shape == (2, 1)

# %% [markdown]
# ## class-attributes-static-introspection
# Class attributes, static methods, identity, and attributes added by the test.


# %% right of="tensor"

# %% wrong replace="Tensor.count += 1" by="pass"

# %% test
n = Tensor.count
t = Tensor.zeros(2, 2)
u = Tensor.ones(3)
assert Tensor.count == n + 2
assert t.shape == (2, 2)
assert u.data.sum() == 3
assert callable(Tensor)
assert callable(t.backward)
assert not callable(t)
assert hasattr(t, "grad")
assert not hasattr(t, "nothing")
assert getattr(t, "nothing", 5) == 5
assert Tensor.__name__ == "Tensor"
assert t.__class__.__name__ == "Tensor"
assert t.__class__ is Tensor
assert issubclass(Tensor, object)
assert not isinstance(3, Tensor)
assert isinstance(t, (int, Tensor))
assert isinstance(Tensor, type)
assert t is t
assert t == t
assert t != u
assert t in [u, t]
assert t not in [u]
assert len({t, u, t}) == 2
assert [u, t].index(t) == 1
t.extra = 5
assert t.extra == 5
assert "extra" in vars(t)
assert "extra" in t.__dict__
del t.extra
assert not hasattr(t, "extra")
assert "backward" in dir(t)
assert "backward" in dir(Tensor)
assert isinstance(getattr(Tensor, "shape"), property)
setattr(Tensor, "scale", 3)
assert t.scale == 3
assert t.parents == () and t.back is None

# %% [markdown]
# ## eq-hash-order-bool
# Comparison, hashing, truth, formatting and in-place operators of a student's class.

# %% right
import functools


@functools.total_ordering
class Frac:
    def __init__(self, n, d=1):
        self.n, self.d = n, d

    def __eq__(self, o):
        o = o if isinstance(o, Frac) else Frac(o)
        return self.n * o.d == o.n * self.d

    def __lt__(self, o):
        o = o if isinstance(o, Frac) else Frac(o)
        return self.n * o.d < o.n * self.d

    def __hash__(self):
        return hash(self.n / self.d)

    def __bool__(self):
        return self.n != 0

    def __abs__(self):
        return Frac(abs(self.n), self.d)

    def __int__(self):
        return self.n // self.d

    def __index__(self):
        return self.n // self.d

    def __round__(self, k=0):
        return round(self.n / self.d, k)

    def __contains__(self, x):
        return x == self.n

    def __call__(self, x):
        return x * self.n / self.d

    def __format__(self, s):
        return format(self.n / self.d, s)

    def __iadd__(self, o):
        self.n += o * self.d
        return self


# %% wrong
class Frac:
    def __init__(self, n, d=1):
        self.n, self.d = n, d


# %% test
a, b = Frac(1, 2), Frac(2, 4)
assert a == b
assert not (a != b)
assert a is not b
assert hash(a) == hash(b)
assert len({a, b}) == 1
assert a == 0.5
assert sorted([Frac(3), Frac(1), Frac(2)])[0] == Frac(1)
assert max(Frac(1), Frac(5)).n == 5
assert a < 1
assert 1 > a
assert a <= b
assert a
assert not Frac(0)
assert bool(a) is True
assert abs(Frac(-1, 2)) == a
assert int(Frac(7, 2)) == 3
assert [10, 20, 30][Frac(2)] == 30
assert round(Frac(1, 3), 2) == 0.33
assert 1 in a
assert 5 not in a
assert a(4) == 2
assert f"{a:.3f}" == "0.500"
c = a
a += 1
assert c is a and a == Frac(3, 2)
assert {Frac(1): "one"}[Frac(2, 2)] == "one"

# %% [markdown]
# ## subclass-student-class-in-test
# The test derives its own network from the student's Module.


# %% right of="module"


# %% wrong replace="elif isinstance(v, Module):" by="elif False:"


# %% wrong replace="v.eval()" by="pass"


# %% test
class Net(Module):
    def __init__(self, h):
        super().__init__()
        self.a = Linear(2, h)
        self.b = Linear(h, 1, bias=False)
        self.scale = 2

    def forward(self, x, k=1):
        return self.b(self.a(x)) * self.scale * k

    @property
    def size(self):
        return sum(p.data.size for p in self.parameters())


net = Net(3)
assert isinstance(net, Net)
assert isinstance(net, Module)
assert issubclass(Net, Module)
assert net(np.ones((1, 2))).tolist() == [[12.0]]
assert net(np.ones((1, 2)), k=2).tolist() == [[24.0]]
assert len(net.parameters()) == 3 and net.size == 6 + 3 + 3
assert net.training
assert net.eval() is net
assert not net.training
assert not net.a.training


class Twice(Linear):
    def forward(self, x):
        return 2 * super().forward(x)


assert Twice(2, 1)(np.ones((1, 2))).tolist() == [[4.0]]


class Box(Module):
    def __init__(self):
        super().__init__()
        self.layers = [Linear(1, 1), Linear(1, 1)]
        self.w = Parameter(np.ones(2))


assert len(Box().parameters()) == 5

# %% [markdown]
# ## inheritance-abc-dataclass-enum
# Abstract classes, dataclasses and enumerations.

# %% right
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum


class Opt(ABC):
    @abstractmethod
    def step(self): ...


class Mom(Opt):
    def __init__(self, mu=0.9):
        self.mu = mu

    def step(self):
        return self.mu


@dataclass
class Config:
    lr: float = 0.1
    layers: list = field(default_factory=list)


class Mode(Enum):
    TRAIN = 1
    EVAL = 2


# %% wrong
class Opt:
    pass


class Mom(Opt):
    def step(self):
        return 0.9


class Config:
    pass


class Mode:
    pass


# %% test
assert issubclass(Mom, Opt)
assert isinstance(Mom(), Opt)
assert Mom().step() == 0.9
assert Mom(mu=0.5).step() == 0.5
try:
    Opt()
    raise AssertionError("abstract")
except TypeError:
    pass
c = Config()
c.layers.append(3)
assert c == Config(0.1, [3])
assert c != Config()
assert c.lr == 0.1
assert c.layers == [3]
assert "lr=0.1" in repr(c)
import dataclasses

assert Mode.TRAIN.value == 1
assert Mode["EVAL"] is Mode.EVAL
assert Mode(2) == Mode.EVAL
assert [m.name for m in Mode] == ["TRAIN", "EVAL"]
assert Mode.TRAIN is not Mode.EVAL

# %% [markdown]
# ## namedtuple-dataclass-results
# Results as namedtuple, Counter, defaultdict, OrderedDict.

# %% right
from collections import namedtuple, OrderedDict, defaultdict, Counter

Result = namedtuple("Result", "loss acc")


def evaluate(x):
    return Result(loss=float(x), acc=np.float64(0.5))


def count(s):
    return Counter(s)


def group(pairs):
    d = defaultdict(list)
    for a, b in pairs:
        d[a].append(b)
    return d


def ordered():
    return OrderedDict([("b", 1), ("a", 2)])


# %% wrong
def evaluate(x):
    return (float(x), 0.5)


def count(s):
    return {"a": 2}


def group(pairs):
    return {}


def ordered():
    return {}


# %% test
r = evaluate(3)
assert r.loss == 3.0
assert r[1] == 0.5
assert r == (3.0, 0.5)
assert len(r) == 2
assert isinstance(r, tuple)
assert r._asdict() == {"loss": 3.0, "acc": 0.5}
loss, acc = r
assert acc == 0.5
assert count("aab") == {"a": 2, "b": 1}
assert count("aab").most_common(1) == [("a", 2)]
assert count("aab")["z"] == 0
assert group([(1, 2), (1, 3)]) == {1: [2, 3]} and dict(group([])) == {}
assert list(ordered()) == ["b", "a"]

# %% [markdown]
# ## deepcopy-copy
# Copies of a student's object.


# %% right of="module"

# %% wrong replace="np.ones((i, o))" by="np.zeros((i, o))"

# %% test
import copy

layer = Linear(2, 1)
m = copy.deepcopy(layer)
n = copy.copy(layer)
m.weight.data[...] = 9
assert layer.weight.data[0, 0] == 1
assert m.weight.data[0, 0] == 9
assert n.weight is layer.weight
assert m is not layer
assert isinstance(m, Linear)

# %% [markdown]
# ## numpy-functions-on-tensor
# numpy functions on objects that offer __array__.


# %% right of="tensor"

# %% wrong replace="return self.data if dtype" by="return self.data * 2 if dtype"

# %% test
a = Tensor([1.0, 4.0, 9.0])
assert np.allclose(np.sqrt(a), [1, 2, 3]) and np.square(a)[1] == 16
assert np.array([a, a]).shape == (2, 3)
assert np.stack([a.data, a.data]).shape == (2, 3)
assert np.concatenate([a, a]).shape == (6,)
assert np.maximum(a, 2).tolist() == [2, 4, 9]
assert np.mean(a.data) > 4
assert np.exp(Tensor([0.0]))[0] == 1
assert np.multiply(2, Tensor([1.0])) is not None
assert np.isfinite(np.asarray(a)).all()
z = np.zeros(3)
z += np.asarray(a)
z[1:] = a[1:]
assert z.tolist() == [1, 4, 9]

# %% [markdown]
# ## list-of-objects-edited-by-test
# Lists and dicts of a student's object, edited by the test.


# %% right
class Layer:
    def __init__(self, k):
        self.k = k
        self.act = lambda v: v

    def __call__(self, x):
        return self.act(x * self.k)


class Net:
    def __init__(self):
        self.layers = [Layer(2)]
        self.cache = {}

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        self.cache["out"] = x
        return x


# %% wrong
class Layer:
    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        return x * self.k


class Net:
    def __init__(self):
        self.layers = (Layer(2),)
        self.cache = {}

    def __call__(self, x):
        return x


# %% test
n = Net()
n.layers.append(Layer(5))
assert n(1) == 10
assert len(n.layers) == 2
assert n.layers[0].k == 2
n.layers[1].act = lambda v: -v
assert n(1) == -10
n.layers.insert(0, n.layers.pop())
assert [layer.k for layer in n.layers] == [5, 2] and n.cache["out"] == -10
n.cache.clear()
assert n.cache == {}
n.layers[:] = []
assert n(7) == 7

# %% [markdown]
# ## dict-keyed-by-objects-sets-of-objects
# A student's objects as keys and in sets.


# %% right
class Node:
    def __init__(self, v):
        self.v = v


def grads(nodes):
    return {n: n.v * 2 for n in nodes}


def uniq(nodes):
    return set(nodes)


# %% wrong
class Node:
    def __init__(self, v):
        self.v = v


def grads(nodes):
    return {n: n.v for n in nodes}


def uniq(nodes):
    return nodes


# %% test
a, b = Node(1), Node(2)
g = grads([a, b])
assert g[a] == 2
assert g[b] == 4
assert len(g) == 2
assert a in g
assert set(k.v for k in g) == {1, 2}
assert sorted(g.values()) == [2, 4]
for k, v in g.items():
    assert v == 2 * k.v
assert len(uniq([a, a, b])) == 2 and a in uniq([a])

# %% [markdown]
# ## slots-property-setter-dynamic-getattr
# Slots, a property that refuses, attributes made on demand.


# %% right
class P:
    __slots__ = ("_x",)

    def __init__(self):
        self._x = 0

    @property
    def x(self):
        return self._x

    @x.setter
    def x(self, v):
        if v < 0:
            raise ValueError("negative")
        self._x = v


class D:
    def __getattr__(self, n):
        if n.startswith("get_"):
            return lambda: n[4:]
        raise AttributeError(n)


# %% wrong
class P:
    x = 0


class D:
    pass


# %% test
p = P()
p.x = 3
assert p.x == 3
try:
    p.x = -1
    raise AssertionError
except ValueError:
    pass
try:
    p.y = 1
    raise AssertionError("slots")
except AttributeError:
    pass
assert D().get_lr() == "lr" and not hasattr(D(), "other")

# %% [markdown]
# ## scalar-autodiff-graph
# A scalar with a graph behind it, checked against numeric slopes.


# %% right
class Value:
    def __init__(self, data, children=()):
        self.data, self.grad, self._prev, self._backward = data, 0.0, children, lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    __radd__, __rmul__ = __add__, __mul__

    def tanh(self):
        out = Value(np.tanh(self.data), (self,))

        def _backward():
            self.grad += (1 - out.data**2) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v._prev:
                    visit(child)
                order.append(v)

        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()


# %% wrong replace="self.grad += other.data * out.grad" by="self.grad = other.data * out.grad"

# %% wrong replace="(1 - out.data**2)" by="(1 - out.data)"

# %% wrong replace="reversed(order)" by="order"


# %% test
def f(a, b):
    return (a * b + 2 * a) * a + (b * b).tanh()


a, b = Value(0.7), Value(-0.4)
out = f(a, b)
assert isinstance(out, Value) and abs(out.data - f(Value(0.7), Value(-0.4)).data) < 1e-15
out.backward()
h = 1e-6
slopes = [
    (f(Value(0.7 + h), Value(-0.4)).data - f(Value(0.7 - h), Value(-0.4)).data) / (2 * h),
    (f(Value(0.7), Value(-0.4 + h)).data - f(Value(0.7), Value(-0.4 - h)).data) / (2 * h),
]
np.testing.assert_allclose([a.grad, b.grad], slopes, rtol=1e-6)
assert b in (a * b)._prev and out.grad == 1.0

# %% [markdown]
# ## layer-gradient-check
# Forward and backward of a layer, against a numeric gradient for input and parameters.


# %% right
class LayerNorm:
    def __init__(self, d, eps=1e-5):
        self.params = {"gain": np.ones(d), "shift": np.zeros(d)}
        self.grads, self.eps = {}, eps

    def forward(self, x):
        mean = x.mean(axis=-1, keepdims=True)
        self.std = np.sqrt(x.var(axis=-1, keepdims=True) + self.eps)
        self.z = (x - mean) / self.std
        return self.params["gain"] * self.z + self.params["shift"]

    def backward(self, g):
        self.grads = {"gain": (g * self.z).sum(0), "shift": g.sum(0)}
        g = g * self.params["gain"]
        along = (g * self.z).mean(axis=-1, keepdims=True)
        return (g - g.mean(axis=-1, keepdims=True) - self.z * along) / self.std


# %% wrong replace="(g - g.mean(axis=-1, keepdims=True) - self.z * along)" by="(g - self.z * along)"

# %% wrong replace="(g * self.z).sum(0), " by="(g * self.z).mean(0), "

# %% wrong replace="x.var(axis=-1, keepdims=True) + self.eps)" by="x.var(axis=-1, keepdims=True)) + self.eps"


# %% test
def numeric(f, x, h=1e-6):
    grad = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        old = x[i]
        x[i] = old + h
        up = f()
        x[i] = old - h
        down = f()
        x[i] = old
        grad[i] = (up - down) / (2 * h)
    return grad


rng = np.random.default_rng(2)
layer = LayerNorm(4, eps=0.1)
layer.params["gain"][:] = rng.normal(size=4)
layer.params["shift"] += rng.normal(size=4)
x, g = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
layer.forward(x)
dx = layer.backward(g)
loss = lambda: float((layer.forward(x) * g).sum())
np.testing.assert_allclose(dx, numeric(loss, x), atol=1e-7)
for name in layer.params:
    np.testing.assert_allclose(layer.grads[name], numeric(loss, layer.params[name]), atol=1e-7)
flat = (layer.forward(np.full((1, 4), 3.0)) - layer.params["shift"]) * 1e3
np.testing.assert_allclose(flat, 0, atol=1e-9)
np.testing.assert_allclose(LayerNorm(2, 3.0).forward(np.array([[-1.0, 1.0]])), [[-0.5, 0.5]])

# %% [markdown]
# ## training-and-evaluation-state
# Batch norm: running statistics in training, frozen in evaluation; reset between tests.


# %% right
class BatchNorm:
    def __init__(self, d, momentum=0.1):
        self.d, self.momentum, self.training = d, momentum, True
        self.reset()

    def reset(self):
        self.mean, self.var = np.zeros(self.d), np.ones(self.d)

    def __call__(self, x):
        if not self.training:
            return (x - self.mean) / np.sqrt(self.var + 1e-5)
        mean, var = x.mean(0), x.var(0)
        m, n = self.momentum, len(x)
        self.mean = (1 - m) * self.mean + m * mean
        self.var = (1 - m) * self.var + m * var * n / (n - 1)
        return (x - mean) / np.sqrt(var + 1e-5)


# %% wrong replace="m * var * n / (n - 1)" by="m * var"

# %% wrong replace="if not self.training:" by="if False:"

# %% wrong replace="(1 - m) * self.mean + m * mean" by="m * self.mean + (1 - m) * mean"

# %% test
rng = np.random.default_rng(0)
norm = BatchNorm(3)
mean, var = np.zeros(3), np.ones(3)
for _ in range(3):
    x = rng.normal(3, 2, size=(7, 3))
    y = norm(x)
    mean, var = 0.9 * mean + 0.1 * x.mean(0), 0.9 * var + 0.1 * x.var(0, ddof=1)
np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
np.testing.assert_allclose(norm.mean, mean)
np.testing.assert_allclose(norm.var, var)
norm.training = False
once, twice = norm(x), norm(x)
np.testing.assert_array_equal(once, twice)
np.testing.assert_allclose(norm.mean, mean)
norm.reset()
np.testing.assert_allclose(norm(x), x, rtol=1e-4)
norm.training = True
norm(x)
np.testing.assert_allclose(norm.mean, 0.1 * x.mean(0))

# %% [markdown]
# ## family-of-optimisers
# A table of student classes with one interface, made and compared in a loop.


# %% right
class Optimiser:
    def __init__(self, lr):
        self.lr = lr

    def update(self, w, g):
        raise NotImplementedError

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class SGD(Optimiser):
    def update(self, w, g):
        return w - self.lr * g


class Momentum(Optimiser):
    def __init__(self, lr, mu=0.9):
        super().__init__(lr)
        self.mu, self.v = mu, 0.0

    def update(self, w, g):
        self.v = self.mu * self.v + g
        return w - self.lr * self.v


REGISTRY = {"sgd": SGD, "momentum": Momentum}

# %% wrong replace="self.mu * self.v + g" by="self.mu * self.v + (1 - self.mu) * g"

# %% wrong replace="class SGD(Optimiser):" by="class SGD(Optimiser):\n    shared = []\n    lr = property(lambda s: 0.1, lambda s, v: None)\n"

# %% test
expected = {"sgd": [0.8, 0.64, 0.512], "momentum": [0.8, 0.46, 0.062]}
configs = {"sgd": {"lr": 0.2}, "momentum": {"lr": 0.2, "mu": 0.9}}
for name, cls in REGISTRY.items():
    assert issubclass(cls, Optimiser) and cls is not Optimiser
    optimiser = cls.from_config(configs[name])
    assert isinstance(optimiser, cls) and optimiser.lr == 0.2
    w, path = np.ones(1), []
    for _ in range(3):
        w = optimiser.update(w, w)
        path.append(float(w[0]))
    np.testing.assert_allclose(path, expected[name], err_msg=name)
    fresh = type(optimiser)(lr=0.1)
    assert fresh.update(1.0, 1.0) == 0.9
try:
    Optimiser(0.1).update(1.0, 1.0)
    raise AssertionError("the base class has no rule")
except NotImplementedError:
    pass
assert [c.__name__ for c in Momentum.__mro__[:2]] == ["Momentum", "Optimiser"]
assert Momentum.__bases__ == (Optimiser,)

# %% [markdown]
# ## method-replaced-by-the-test
# A method of a student's class or object is patched and watched.


# %% right
class Trainer:
    def __init__(self):
        self.losses = []

    def step(self, x):
        return x / 2

    def fit(self, x, n):
        for _ in range(n):
            x = self.step(x)
            self.losses.append(x)
        return x


# %% wrong
class Trainer:
    def __init__(self):
        self.losses = []

    def step(self, x):
        return x / 2

    def fit(self, x, n):
        self.losses = [x / 2 ** (i + 1) for i in range(n)]
        return self.losses[-1]


# %% test
from unittest import mock

trainer = Trainer()
with mock.patch.object(trainer, "step", wraps=trainer.step) as step:
    assert trainer.fit(8.0, 3) == 1.0
assert step.call_count == 3 and step.call_args_list[0] == mock.call(8.0)
with mock.patch.object(Trainer, "step", lambda self, x: x + 1):
    assert Trainer().fit(0, 5) == 5
assert Trainer().fit(8.0, 1) == 4.0
trainer.step = lambda x: -x
assert trainer.fit(3, 1) == -3

# %% [markdown]
# ## linked-structures
# Trees and lists of student objects, walked by the test.


# %% right
class Node:
    def __init__(self, key, left=None, right=None):
        self.key, self.left, self.right = key, left, right


def insert(root, key):
    if root is None:
        return Node(key)
    if key < root.key:
        root.left = insert(root.left, key)
    else:
        root.right = insert(root.right, key)
    return root


def depth(root):
    return 0 if root is None else 1 + max(depth(root.left), depth(root.right))


# %% wrong replace="root.left = insert(root.left, key)" by="root.left = Node(key)"

# %% wrong replace="1 + max(" by="1 + min("


# %% test
def in_order(node):
    if node is None:
        return []
    return in_order(node.left) + [node.key] + in_order(node.right)


root = None
for key in [5, 2, 8, 1, 9, 3]:
    root = insert(root, key)
assert in_order(root) == [1, 2, 3, 5, 8, 9] and depth(root) == 3
node, path = root, []
while node:
    path.append(node.key)
    node = node.right
assert path == [5, 8, 9]
assert isinstance(root.left, Node) and root.left.left.left is None
root.right = Node(7, left=root.left)
assert root.right.left is root.left and in_order(root.right) == [1, 2, 3, 7]

# %% [markdown]
# ## ordered-frozen-and-cached
# Ordered and frozen dataclasses, mixed-in enumerations, cached properties.

# %% right
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from functools import cached_property


@dataclass(order=True, frozen=True)
class Version:
    major: int
    minor: int = 0

    def bump(self):
        return replace(self, minor=self.minor + 1)


class Mode(str, Enum):
    TRAIN = "train"
    EVAL = "eval"


class Level(IntEnum):
    LOW = 1
    HIGH = 3


class Data:
    reads = 0

    @cached_property
    def values(self):
        Data.reads += 1
        return np.arange(3)


# %% wrong replace="order=True, frozen=True" by="order=True"

# %% wrong replace="@cached_property" by="@property"

# %% test
import dataclasses

a, b = Version(1, 2), Version(1, 10)
assert a < b and max(a, b) == b and sorted([b, a]) == [a, b] and a.bump() == Version(1, 3)
assert hash(a) == hash(Version(1, 2)) and len({a, Version(1, 2)}) == 1
try:
    a.minor = 5
    raise AssertionError("frozen")
except dataclasses.FrozenInstanceError:
    pass
assert Mode("eval") is Mode.EVAL and Mode.TRAIN == "train" and Mode.TRAIN.value == "train"
assert Level.HIGH > Level.LOW and Level.HIGH + 1 == 4 and Level(1).name == "LOW"
data = Data()
assert data.values is data.values and data.values.sum() == 3 and Data.reads == 1

# %% [markdown]
# ## callable-objects-with-state
# Objects that are called, keep state, and start afresh in each test.


# %% right
class EMA:
    """Exponential moving average, corrected for its start at zero."""

    def __init__(self, beta):
        self.beta, self.value, self.t = beta, 0.0, 0

    def __call__(self, x):
        self.t += 1
        self.value = self.beta * self.value + (1 - self.beta) * x
        return self.value / (1 - self.beta**self.t)

    def reset(self):
        self.value, self.t = 0.0, 0
        return self


# %% wrong replace="(1 - self.beta**self.t)" by="(1 - self.beta)"

# %% wrong replace="self.value, self.t = 0.0, 0\n        return" by="self.t = 0\n        return"


# %% test
def run(ema, xs):
    ema.reset()
    return [ema(x) for x in xs]


ema = EMA(0.9)
np.testing.assert_allclose(run(ema, [1.0, 1.0, 1.0]), 1.0)
np.testing.assert_allclose(run(ema, [2.0, 4.0]), [2.0, (0.18 + 0.4) / 0.19])
assert run(ema, [3.0]) == [3.0] or abs(run(ema, [3.0])[0] - 3) < 1e-12
assert ema.t == 1 and callable(ema) and EMA(0.5) is not EMA(0.5)
smooth = list(map(EMA(0.0), [1, 5, 2]))
assert smooth == [1, 5, 2]
a, b = EMA(0.9), EMA(0.9)
a(100.0)
assert abs(b(1.0) - 1) < 1e-12, "each object has a state of its own"

# %% [markdown]
# ## object-arrays-and-sums
# A student's scalars in sum(), in arrays of objects, formatted and sorted.


# %% right
class Value:
    def __init__(self, data):
        self.data = data

    def __add__(self, other):
        return Value(self.data + (other.data if isinstance(other, Value) else other))

    def __mul__(self, other):
        return Value(self.data * (other.data if isinstance(other, Value) else other))

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other):
        return self.data < other.data

    def __format__(self, spec):
        return format(self.data, spec)


# %% wrong replace="Value(self.data * (" by="Value(self.data + ("

# %% wrong replace="__radd__, __rmul__ = __add__, __mul__" by="__rmul__ = __mul__"

# %% test
import operator

values = [Value(1.0), Value(3.0), Value(2.0)]
assert sum(values).data == 6 and sum(values, Value(1)).data == 7
array = np.array(values, dtype=object)
assert array.sum().data == 6 and (2 * array)[1].data == 6
assert (array @ np.array([1, 2, 3])).data == 13 and np.dot(array, array).data == 14
assert sorted(values)[-1] is values[1] and min(values).data == 1
assert f"{values[1]:.2f}" == "3.00"
assert max(values, key=operator.attrgetter("data")) is values[1]
