# ruff: noqa
# %% [markdown]
# # Introspection
# Signatures, docstrings, source, decorators.

# %% [markdown]
# ## signature-defaults-doc
# Parameters, defaults, kinds and docstrings.

# %% right
def adam(theta, m, v, g, t, lr=1e-3, b1=0.9, *, eps=1e-8, **kw):
    """One step of Adam."""
    return theta - lr * g


class L:
    def __init__(self, n, act=None):
        pass

    def forward(self, x: int = 3) -> int:
        return x


# %% wrong
def adam(theta, m, v, g, t, lr=1e-2):
    return theta - lr * g


class L:
    pass


# %% test
import inspect

s = inspect.signature(adam)
assert list(s.parameters) == ["theta", "m", "v", "g", "t", "lr", "b1", "eps", "kw"]
assert s.parameters["lr"].default == 1e-3
assert s.parameters["eps"].kind is inspect.Parameter.KEYWORD_ONLY
assert len(inspect.signature(L.forward).parameters) == 2
assert list(inspect.signature(L).parameters) == ["n", "act"]
assert list(inspect.signature(L(1).forward).parameters) == ["x"]
assert adam.__name__ == "adam"
assert adam.__doc__.startswith("One step")
assert adam.__defaults__ == (1e-3, 0.9)
assert adam.__kwdefaults__ == {"eps": 1e-8}
assert adam.__code__.co_argcount == 7
assert inspect.isfunction(adam)
assert inspect.isclass(L)
assert callable(adam)
assert adam(np.ones(1), 0, 0, np.ones(1), 1, lr=0.5, other=3)[0] == 0.5
assert adam(*[np.ones(1)] * 5, **{"lr": 1.0})[0] == 0

# %% [markdown]
# ## getsource-no-loops
# A rule about how a function is written: no loops.


# %% right
def pairwise(X, Y):
    return ((X[:, None] - Y[None]) ** 2).sum(-1)


# %% wrong
def pairwise(X, Y):
    return np.array([[((x - y) ** 2).sum() for y in Y] for x in X])


# %% test
import inspect, ast

src = inspect.getsource(pairwise)
assert "for " not in src and "while " not in src
tree = ast.parse(src)
assert not any(isinstance(n, (ast.For, ast.While, ast.ListComp)) for n in ast.walk(tree))
assert pairwise(np.eye(2), np.eye(2))[0, 1] == 2
assert "sum" in pairwise.__code__.co_names

# %% [markdown]
# ## recursion
# Deep results, large integers, and the error of endless recursion.


# %% right
def fact(n):
    return 1 if n <= 1 else n * fact(n - 1)


def flatten(items):
    return [y for x in items for y in (flatten(x) if isinstance(x, list) else [x])]


# %% wrong
def fact(n):
    r = 1
    for i in range(2, min(n, 100) + 1):
        r *= i
    return r


def flatten(items):
    return items


# %% test
assert fact(30) == 265252859812191058636308480000000 and fact(5) == 120
assert flatten([1, [2, [3, [4]]]]) == [1, 2, 3, 4]
deep = []
for _ in range(50):
    deep = [deep]
assert flatten(deep) == []
try:
    fact(10**5)
    raise AssertionError("no recursion")
except RecursionError:
    pass

# %% [markdown]
# ## decorated-cached-wrapped
# Decorators: a cache, a timer, and the student's decorator on the test's function.

# %% right
import functools, time


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def timer(f):
    @functools.wraps(f)
    def g(*a, **k):
        g.calls += 1
        return f(*a, **k)

    g.calls = 0
    return g


@timer
def work(x):
    return x + 1


# %% wrong
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work(x):
    return x + 1


timer = lambda f: f

# %% test
fib.cache_clear()
assert fib(50) == 12586269025
assert fib.cache_info().misses == 51
assert fib.__wrapped__(1) == 1
work(1)
work(2)
assert work.calls == 2 and work.__name__ == "work"


@timer
def mine(x):
    return x * 2


assert mine(4) == 8 and mine.calls == 1

# %% [markdown]
# ## keyword-only-arguments
# Arguments that must be named, and calls that must fail.


# %% right
def clip(x, /, low, *, high=1.0):
    return np.minimum(np.maximum(x, low), high)


# %% wrong
def clip(x, low, high=1.0):
    return np.minimum(np.maximum(x, low), high)


# %% test
import inspect

x = np.array([-2.0, 0.5, 3.0])
assert clip(x, 0.0).tolist() == [0, 0.5, 1]
assert clip(x, high=2.0, low=-1.0).tolist() == [-1, 0.5, 2]
for call in (lambda: clip(x, 0.0, 2.0), lambda: clip(x=x, low=0.0), lambda: clip(x)):
    try:
        call()
    except TypeError:
        continue
    raise AssertionError("the call should have been refused")
bound = inspect.signature(clip).bind(x, 0.0)
assert list(bound.arguments) == ["x", "low"]

# %% [markdown]
# ## annotations-and-doctest-examples
# Type hints, a docstring, and the examples that it contains.


# %% right
def add(a: int, b: int = 2) -> int:
    """Add two numbers.

    >>> add(1, 3)
    4
    """
    return a + b


# %% wrong
def add(a, b=2):
    return a + b


# %% test
import doctest
import inspect
import typing

assert add.__annotations__ == {"a": int, "b": int, "return": int}
assert typing.get_type_hints(add)["return"] is int
assert inspect.getdoc(add).splitlines()[0] == "Add two numbers."
examples = doctest.DocTestParser().get_examples(add.__doc__)
assert len(examples) == 1
for example in examples:
    assert repr(eval(example.source, {"add": add})) == example.want.strip()

# %% [markdown]
# ## kinds-of-functions
# Generator functions, methods, members and docstrings of a class.


# %% right
class Model:
    """A model."""

    depth = 2

    def fit(self, X):
        return self

    def batches(self):
        yield 1

    @staticmethod
    def version():
        return "1"


def stream():
    yield 1


# %% wrong
class Model:
    def fit(self, X):
        return None

    def batches(self):
        return [1]


def stream():
    return iter([1])


# %% test
import inspect

model = Model()
assert inspect.isgeneratorfunction(stream) and not inspect.isgeneratorfunction(model.fit)
assert inspect.ismethod(model.fit) and not inspect.ismethod(stream)
public = [name for name, _ in inspect.getmembers(Model) if not name.startswith("_")]
assert public == ["batches", "depth", "fit", "version"]
assert Model.__doc__ == "A model." and Model.fit.__qualname__ == "Model.fit"
assert model.fit(1).fit(2) is model and Model.version() == "1"
assert all(callable(getattr(model, name)) for name in ("fit", "batches", "version"))

# %% [markdown]
# ## source-of-a-method
# The source of a method: names used and imported. (A kernel has no source of a class.)


# %% right
class Network:
    def forward(self, x):
        hidden = np.tanh(x)
        return hidden.sum()


# %% wrong
class Network:
    def forward(self, x):
        import math

        return sum(math.tanh(v) for v in x)


# %% test
import ast
import inspect
import textwrap

method = ast.parse(textwrap.dedent(inspect.getsource(Network.forward)))
used = {n.attr for n in ast.walk(method) if isinstance(n, ast.Attribute)}
assert {"tanh", "sum"} <= used
assert not any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.walk(method))
assert len(inspect.getsourcelines(Network.forward)[0]) <= 5
assert abs(Network().forward(np.ones(2)) - 2 * np.tanh(1)) < 1e-12
