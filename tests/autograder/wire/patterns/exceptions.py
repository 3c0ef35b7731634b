# ruff: noqa
# %% [markdown]
# # Exceptions
# Errors: which, when, and with what message.

# %% [markdown]
# ## try-except-else
# What nbgrader's own example does to ask for an error.

# %% right
def squares(n):
    if n < 1:
        raise ValueError("n must be greater than or equal to 1")
    return [i**2 for i in range(1, n + 1)]


# %% wrong
def squares(n):
    return [i**2 for i in range(1, n + 1)]


# %% test
assert squares(3) == [1, 4, 9]
try:
    squares(0)
except ValueError:
    pass
else:
    raise AssertionError("did not raise")

# %% [markdown]
# ## pytest-raises-match
# The type and the text of an error.


# %% right
def check(x):
    if x.ndim != 2:
        raise ValueError(f"expected 2 dimensions, got {x.ndim}")
    return x.sum()


# %% wrong
def check(x):
    if x.ndim != 2:
        raise TypeError("got 1")
    return x.sum()


# %% test
import pytest

with pytest.raises(ValueError, match="got 1") as info:
    check(np.ones(3))
assert "2 dimensions" in str(info.value)
assert info.type is ValueError
assert info.value.args[0].startswith("expected")
assert check(np.ones((2, 2))) == 4

# %% [markdown]
# ## user-defined
# An exception class of the student, its bases and its attributes.


# %% right
class ShapeError(ValueError):
    def __init__(self, shape):
        super().__init__(f"bad shape {shape}")
        self.shape = shape


class GradError(Exception):
    pass


def check(x):
    if x.ndim != 2:
        raise ShapeError(x.shape)
    if x.size == 0:
        raise GradError("empty")


# %% wrong
class ShapeError(Exception):
    pass


class GradError(Exception):
    pass


def check(x):
    raise ShapeError("bad shape")


# %% test
try:
    check(np.ones(3))
    assert False, "no error"
except ShapeError as e:
    assert e.shape == (3,)
    assert "bad shape" in str(e)
    assert isinstance(e, ValueError)
assert issubclass(ShapeError, ValueError)
assert not issubclass(GradError, ValueError)
import pytest

with pytest.raises(GradError):
    check(np.ones((0, 2)))
try:
    check(np.ones(3))
except ValueError as e:
    assert type(e).__name__ == "ShapeError" and type(e) is ShapeError

# %% [markdown]
# ## library-exceptions
# Errors that numpy and builtin types raise inside the student's function.


# %% right
def solve(A, b):
    return np.linalg.solve(A, b)


def get(d, k):
    return d[k]


# %% wrong
def solve(A, b):
    return np.linalg.lstsq(A, b)[0]


def get(d, k):
    return d.get(k)


# %% test
try:
    solve(np.zeros((2, 2)), np.ones(2))
    raise AssertionError
except np.linalg.LinAlgError as e:
    assert "Singular" in str(e)
try:
    get({}, "k")
    raise AssertionError("no KeyError")
except KeyError as e:
    assert e.args == ("k",)
with np.testing.assert_raises(IndexError):
    get([1], 5)
try:
    solve(np.ones((2, 3)), np.ones(2))
    raise AssertionError
except np.linalg.LinAlgError:
    pass

# %% [markdown]
# ## not-implemented-stub
# An untouched stub fails with a message of the test.


# %% right
def f(x):
    return x + 1


# %% wrong
def f(x):
    raise NotImplementedError()


# %% test
try:
    r = f(1)
except NotImplementedError:
    raise AssertionError("not implemented yet")
assert r == 2

# %% [markdown]
# ## error-inside-comprehension
# Errors caught by a helper of the test, many times.


# %% right
def safe_log(x):
    if x <= 0:
        raise ValueError("no log")
    return float(np.log(x))


# %% wrong
def safe_log(x):
    return float(np.log(max(x, 1e-9)))


# %% test
def attempt(x):
    try:
        return safe_log(x)
    except Exception as e:
        return type(e).__name__


assert [attempt(v) for v in (1, 0, -1)] == [0.0, "ValueError", "ValueError"]
assert all(abs(safe_log(v) - np.log(v)) < 1e-12 for v in np.linspace(0.1, 3, 7))

# %% [markdown]
# ## try-finally-and-cleanup
# A test that cleans up in finally, and a student's function that must as well.


# %% right
class Lock:
    held = False


def guarded(lock, work):
    lock.held = True
    try:
        return work()
    finally:
        lock.held = False


# %% wrong
class Lock:
    held = False


def guarded(lock, work):
    lock.held = True
    result = work()
    lock.held = False
    return result


# %% test
lock, log = Lock(), []
try:
    assert guarded(lock, lambda: lock.held) is True
    guarded(lock, lambda: 1 / 0)
    log.append("not reached")
except ZeroDivisionError:
    log.append("caught")
finally:
    log.append("finally")
assert log == ["caught", "finally"]
assert lock.held is False

# %% [markdown]
# ## error-table
# A table of bad inputs and the error that each must raise.


# %% right
def learning_rate(step, total, peak=1.0):
    if not isinstance(step, int):
        raise TypeError("step must be an int")
    if total <= 0:
        raise ValueError("total must be positive")
    if step < 0:
        raise IndexError("step must not be negative")
    return peak * (1 - step / total)


# %% wrong replace="raise IndexError" by="raise LookupError"

# %% wrong replace="if total <= 0" by="if total < 0"

# %% test
import contextlib
import re

cases = [
    ((1.5, 10), TypeError, r"^step must be"),
    ((1, 0), ValueError, r"positive$"),
    ((-1, 10), IndexError, r"negative"),
]
for args, expected, pattern in cases:
    try:
        learning_rate(*args)
    except expected as error:
        assert re.search(pattern, str(error)), f"message for {args}"
    else:
        raise AssertionError(f"{args} did not raise {expected.__name__}")
with contextlib.suppress(ValueError):
    learning_rate(1, -1)
    raise AssertionError("no error")
np.testing.assert_raises_regex(ValueError, "positive", learning_rate, 1, 0)
assert learning_rate(5, 10) == 0.5

# %% [markdown]
# ## error-chained-from-another
# raise ... from ..., and the arguments of an error.


# %% right
class ConfigError(Exception):
    pass


def read(config, key):
    try:
        return config[key]
    except KeyError as error:
        raise ConfigError(key, sorted(config)) from error


# %% wrong
class ConfigError(Exception):
    pass


def read(config, key):
    if key in config:
        return config[key]
    raise ConfigError(key, sorted(config))


# %% test
try:
    read({"lr": 1, "beta": 2}, "momentum")
    raise AssertionError("no error")
except ConfigError as error:
    assert error.args == ("momentum", ["beta", "lr"])
    assert isinstance(error.__cause__, KeyError)
assert read({"lr": 1}, "lr") == 1

# %% [markdown]
# ## students-assertion
# The student's function asserts on its input.


# %% right
def normalise(p):
    assert np.all(p >= 0), "probabilities are not negative"
    return p / p.sum()


# %% wrong
def normalise(p):
    return p / p.sum()


# %% test
try:
    normalise(np.array([-1.0, 2.0]))
except AssertionError as error:
    assert "not negative" in str(error)
else:
    raise RuntimeError("negative input was accepted")
assert normalise(np.array([1.0, 3.0])).tolist() == [0.25, 0.75]

# %% [markdown]
# ## stop-iteration-out-of-a-function
# A function that calls next() and lets StopIteration out.


# %% right
def advance(it):
    return next(it) + 1


# %% wrong
def advance(it):
    return next(it, 0) + 1


# %% test
import pytest

it = iter([1, 2])
assert [advance(it), advance(it)] == [2, 3]
with pytest.raises(StopIteration):
    advance(it)

# %% [markdown]
# ## system-exit
# A command-line entry point that ends with a status.

# %% right
import sys


def main(args):
    if not args:
        sys.exit(2)
    return len(args)


# %% wrong
def main(args):
    return len(args)


# %% test
import pytest

with pytest.raises(SystemExit) as info:
    main([])
assert info.value.code == 2
assert main(["a"]) == 1

# %% [markdown]
# ## errors-in-special-methods
# Errors out of constructors, properties, operators and protocols.


# %% right
class Rate:
    def __init__(self, x):
        if x < 0:
            raise ValueError("negative")
        self.x = x

    @property
    def inverse(self):
        return 1 / self.x

    def __eq__(self, other):
        if not isinstance(other, Rate):
            raise TypeError("rates only")
        return self.x == other.x

    def __bool__(self):
        raise RuntimeError("ambiguous")

    def __getitem__(self, i):
        raise IndexError(i)


# %% wrong replace="if not isinstance(other, Rate):" by="if False:"

# %% wrong replace="return 1 / self.x" by="return 1 / (self.x + 1e-9)"

# %% test
import pytest

with pytest.raises(ValueError, match="negative"):
    Rate(-1)
with pytest.raises(ZeroDivisionError):
    Rate(0).inverse
with pytest.raises(TypeError, match="rates"):
    Rate(1) == 3
with pytest.raises(RuntimeError, match="ambiguous"):
    if Rate(1):
        pass
with pytest.raises(IndexError):
    Rate(1)[3]
with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
    Rate()
assert Rate(2) == Rate(2)
