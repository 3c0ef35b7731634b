# ruff: noqa
# %% [markdown]
# # Arrays
# Values and arrays: what a function returns.

# %% [markdown]
# ## softmax-allclose
# Shapes, sums and a large shift decide whether softmax is stable.

# %% right
def softmax(x):
    z = x - x.max(axis=-1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


# %% alternative
def softmax(x):
    x = x.copy()
    x -= x.max(-1)[..., None]
    return np.exp(x) / np.exp(x).sum(-1)[..., None]


# %% wrong
def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


# %% test
x = np.random.RandomState(0).randn(4, 5)
p = softmax(x)
assert p.shape == (4, 5)
np.testing.assert_allclose(p.sum(axis=1), np.ones(4), rtol=1e-6)
assert np.allclose(softmax(x + 1000), p), "not stable"

# %% [markdown]
# ## dtype-float32
# The dtype of the answer follows the dtype of the input.


# %% right
def relu(x):
    return np.maximum(x, 0)


# %% wrong
def relu(x):
    return np.array([max(v, 0.0) for v in np.atleast_1d(x)])


# %% test
x = np.array([-1, 0, 2], dtype=np.float32)
assert relu(x).dtype == np.float32 and relu(x).dtype == "float32"
assert relu(np.array([-1, 2])).dtype.kind == "i"
assert isinstance(relu(x), np.ndarray) and type(relu(x)) is np.ndarray
assert relu(np.float64(-3.0)) == 0
np.testing.assert_array_equal(relu(x), np.array([0, 0, 2]))

# %% [markdown]
# ## zero-d-and-scalars
# A loss may be a float or a numpy scalar, never an array.


# %% right
def mse(a, b):
    return np.mean((a - b) ** 2)


# %% alternative
def mse(a, b):
    d = a - b
    return np.float32(1) * 0 if np.ndim(d) == 0 else float(np.dot(d, d) / len(d))


# %% wrong
def mse(a, b):
    return (a - b) ** 2


# %% test
loss = mse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
assert np.isscalar(loss) or loss.ndim == 0
assert isinstance(loss, (float, np.floating))
assert loss == 2.0
assert float(loss) == 2.0
assert round(float(loss), 3) == 2
assert mse(np.float32(1), np.float32(1)).dtype == np.float32

# %% [markdown]
# ## exact-rows-and-tuple
# A tuple is a tuple, and its arrays are compared as lists.


# %% right
def minmax(X):
    return X.min(0), X.max(0), X.shape


# %% wrong
def minmax(X):
    return [X.min(0), X.max(0), list(X.shape)]


# %% test
lo, hi, shape = minmax(np.arange(6).reshape(3, 2))
assert type(shape) is tuple and shape == (3, 2)
assert lo.tolist() == [0, 1] and hi.tolist() == [4, 5]
assert isinstance(minmax(np.eye(2)), tuple) and len(minmax(np.eye(2))) == 3

# %% [markdown]
# ## bool-none-str-dict
# Plain values keep their exact type, also as keys and inside a dict.


# %% right
def describe(x):
    return {
        "n": len(x),
        "name": "array",
        "sorted": bool(np.all(np.diff(x) >= 0)),
        "extra": None,
        (0, 1): "tuple key",
        3: [1, 2],
    }


def is_even(n):
    return n % 2 == 0


# %% wrong
def describe(x):
    return {"n": len(x), "name": "array", "sorted": True, "extra": 0, "01": "", 3: [1]}


def is_even(n):
    return 1 - n % 2


# %% test
d = describe(np.array([1, 2, 3]))
assert d["sorted"] is True
assert d["extra"] is None
assert d[(0, 1)] == "tuple key"
assert d[3] == [1, 2]
assert set(d) == {"n", "name", "sorted", "extra", (0, 1), 3}
assert "n" in d
assert list(d)[0] == "n"
assert is_even(4) is True
assert is_even(3) is False
assert not is_even(5)

# %% [markdown]
# ## nan-inf-complex-bigint
# Numbers at the edge of float and int, and the rarer builtin types.


# %% right
def f(x):
    return [
        float("nan"),
        float("inf"),
        1j * x,
        2**100,
        b"ab",
        slice(1, 2),
        range(3),
        frozenset({1}),
        {1, 2},
    ]


# %% wrong
def f(x):
    return [0.0] * 9


# %% test
r = f(2)
assert np.isnan(r[0])
assert r[1] == float("inf")
assert r[2] == 2j
assert r[3] == 2**100
assert r[4] == b"ab"
assert r[5] == slice(1, 2)
assert list(r[6]) == [0, 1, 2]
assert r[7] == frozenset([1])
assert r[8] == {2, 1}

# %% [markdown]
# ## strings-array
# An array of text.


# %% right
def labels(p):
    return np.array(["cat", "dog"])[p.argmax(1)]


# %% wrong
def labels(p):
    return np.array(["dog", "cat"])[p.argmax(1)]


# %% test
assert (labels(np.eye(2)) == np.array(["cat", "dog"])).all()
assert labels(np.eye(2)).dtype.kind == "U"

# %% [markdown]
# ## fractions-decimals-dates-paths
# Values of the standard library.

# %% right
from fractions import Fraction
from decimal import Decimal
import datetime, pathlib


def half():
    return Fraction(1, 2)


def price():
    return Decimal("1.10")


def when():
    return datetime.date(2026, 1, 2)


def where():
    return pathlib.PurePosixPath("a") / "b"


# %% wrong
def half():
    return 0.25


def price():
    return 1


def when():
    return None


def where():
    return "ab"


# %% test
from fractions import Fraction

assert half() == Fraction(1, 2)
assert half() + 1 == 1.5
assert half().denominator == 2
from decimal import Decimal
import datetime, pathlib

assert price() * 2 == Decimal("2.20")
assert when() == datetime.date(2026, 1, 2)
assert when().year == 2026
assert str(where()) == "a/b"

# %% [markdown]
# ## masked-structured-object-datetime-arrays
# Arrays of unusual kinds.


# %% right
def mask(x):
    return np.ma.masked_less(x, 0)


def rec():
    return np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])


def objs():
    return np.array([1, "a", None], dtype=object)


def days():
    return np.array(["2026-01-01"], dtype="datetime64[D]") + 1


def long():
    return np.longdouble(1) / 3


# %% wrong
def mask(x):
    return x


def rec():
    return 0


def objs():
    return []


def days():
    return []


def long():
    return 0


# %% test
assert mask(np.array([-1.0, 2.0])).sum() == 2
assert rec()["a"][0] == 1
assert rec().dtype.names == ("a", "b")
assert objs()[1] == "a"
assert len(objs()) == 3
assert str(days()[0]) == "2026-01-02"
assert abs(float(long()) - 1 / 3) < 1e-9

# %% [markdown]
# ## einsum-oracle
# Attention, checked against one einsum per line of the formula.


# %% right
def attention(Q, K, V):
    scores = Q @ K.transpose(0, 2, 1) / np.sqrt(Q.shape[-1])
    scores -= scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ V, weights


# %% alternative
def attention(Q, K, V):
    scores = np.einsum("bqd,bkd->bqk", Q, K) * Q.shape[-1] ** -0.5
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return np.einsum("bqk,bkd->bqd", weights, V), weights


# %% wrong replace="np.sqrt(Q.shape[-1])" by="np.sqrt(K.shape[-2])"

# %% wrong replace="weights.sum(axis=-1, keepdims=True)" by="weights.sum(axis=-2, keepdims=True)"

# %% test
rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 5, 6))
out, weights = attention(Q, K, V)
scores = np.exp(np.einsum("bqd,bkd->bqk", Q, K) / 2)
expected = np.einsum("bqk,bkd,bq->bqd", scores, V, 1 / scores.sum(-1))
assert out.shape == (2, 3, 6) and weights.shape == (2, 3, 5)
np.testing.assert_allclose(np.einsum("bqk->bq", weights), 1)
np.testing.assert_allclose(out, expected)

# %% [markdown]
# ## ulp-and-decimal-comparison
# Comparison in units in the last place, in decimals, and with pytest.approx.


# %% right
def mean(x):
    return x.sum(dtype=np.float64) / x.size


# %% wrong
def mean(x):
    return x.sum(dtype=np.float32) / x.size


# %% test
import math
import pytest

x = np.full(100_001, 0.1)
np.testing.assert_array_almost_equal_nulp(np.array([mean(x)]), np.array([0.1]), nulp=200)
np.testing.assert_array_max_ulp(np.asarray(mean(x)), np.asarray(0.1), maxulp=200)
np.testing.assert_almost_equal(mean(x), 0.1, decimal=12)
assert mean(x) == pytest.approx(0.1, rel=1e-12)
assert math.isclose(mean(x), 0.1, rel_tol=1e-12)
assert {"mean": mean(x), "n": 1} == pytest.approx({"mean": 0.1, "n": 1})

# %% [markdown]
# ## structured-comparison
# np.testing.assert_equal on nested results.


# %% right
def summary(x):
    return {"shape": x.shape, "rows": [row.copy() for row in x], "range": (x.min(), x.max())}


# %% wrong replace="x.max())" by="x.mean())"

# %% wrong replace="x.shape" by="x.shape[::-1]"

# %% test
x = np.arange(6).reshape(2, 3)
expected = {"shape": (2, 3), "rows": [np.array([0, 1, 2]), np.array([3, 4, 5])], "range": (0, 5)}
np.testing.assert_equal(summary(x), expected)
np.testing.assert_array_less(summary(x)["range"][0], summary(x)["range"][1])
assert summary(x).keys() == expected.keys()

# %% [markdown]
# ## column-against-row
# A result of shape (n, 1) where (n,) is asked would broadcast to a match.


# %% right
def predict(X, w):
    return X @ w


# %% wrong
def predict(X, w):
    return (X @ w)[:, None]


# %% wrong
def predict(X, w):
    return np.full((1, 1), 2.0)


# %% test
X, w = np.ones((4, 2)), np.ones(2)
assert np.allclose(predict(X, w), np.full(4, 2.0))
assert predict(X, w).shape == (4,)
assert (predict(X, w) == 2).sum() == 4

# %% [markdown]
# ## property-over-seeds
# A property that holds for every seed and odd size; the generator is passed in.


# %% right
def whiten(X, rng):
    X = X + 1e-9 * rng.normal(size=X.shape)
    X = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(X.T @ X / len(X))
    return X @ vectors / np.sqrt(values)


# %% wrong replace="np.sqrt(values)" by="values"

# %% wrong replace="/ len(X))" by="/ (len(X) - 1))"

# %% test
for seed in range(8):
    rng = np.random.default_rng(seed)
    n, d = rng.integers(11, 40), rng.integers(1, 6)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    Z = whiten(X, rng)
    np.testing.assert_allclose(Z.T @ Z / n, np.eye(d), atol=1e-6, err_msg=f"seed {seed}")
    assert rng.random() < 1

# %% [markdown]
# ## empty-single-and-odd-shapes
# Size one, empty batches, and inputs that are not contiguous.


# %% right
def pool(x):
    return x[:, : x.shape[1] // 2 * 2].reshape(len(x), x.shape[1] // 2, 2).max(axis=-1)


# %% wrong
def pool(x):
    return np.array([[max(pair) for pair in zip(row[::2], row[1::2])] for row in x])


# %% wrong
def pool(x):
    return np.ascontiguousarray(x).ravel()[: x.size // 2 * 2].reshape(len(x), -1, 2).min(axis=-1)


# %% test
assert pool(np.ones((0, 4))).shape == (0, 2)
assert pool(np.ones((1, 2))).tolist() == [[1.0]]
x = np.arange(15.0).reshape(3, 5)
np.testing.assert_array_equal(pool(x), [[1, 3], [6, 8], [11, 13]])
np.testing.assert_array_equal(pool(x[::-1]), [[11, 13], [6, 8], [1, 3]])
np.testing.assert_array_equal(pool(x.T), [[5], [6], [7], [8], [9]])
np.testing.assert_array_equal(pool(np.asfortranarray(x)), pool(x))
np.testing.assert_array_equal(pool(x[:, ::2]), [[2], [7], [12]])

# %% [markdown]
# ## order-in-memory
# Transposed and Fortran arrays lie in memory as they do in a kernel: who reads them in that order mixes them up.


# %% right
def blend(a, b, share):
    return share * a + (1 - share) * b


# %% alternative
def blend(a, b, share):
    flat = share * np.ravel(a) + (1 - share) * np.ravel(b)
    return np.asfortranarray(flat.reshape(a.shape))


# %% wrong
def blend(a, b, share):
    return (share * a.ravel(order="K") + (1 - share) * b.ravel(order="K")).reshape(a.shape)


# %% wrong
def blend(a, b, share):
    assert a.flags.c_contiguous or a.flags.f_contiguous, "a copy in C order was asked for"
    return share * a.reshape(-1, order="A").reshape(a.shape) + (1 - share) * b


# %% test
a, b = np.arange(6.0).reshape(2, 3), np.full((2, 3), 4.0)
wanted = [[2, 2.5, 3], [3.5, 4, 4.5]]
np.testing.assert_array_equal(blend(a, b, 0.5), wanted)
np.testing.assert_array_equal(blend(np.asfortranarray(a), b, 0.5), wanted)
np.testing.assert_array_equal(blend(b, np.array(a.T, order="C").T, 0.5), wanted)

# %% [markdown]
# ## integer-and-half-precision
# Wrap-around, rounding and promotion of small dtypes.


# %% right
def brighten(image, k):
    return np.clip(image.astype(np.int32) + k, 0, 255).astype(np.uint8)


def halve(x):
    return x * x.dtype.type(0.5)


# %% wrong replace="image.astype(np.int32) + k" by="image + np.uint8(k)"

# %% wrong replace="x * x.dtype.type(0.5)" by="x * np.float64(0.5)"

# %% test
image = np.array([[0, 100, 250]], dtype=np.uint8)
assert brighten(image, 10).tolist() == [[10, 110, 255]]
assert brighten(image, 10).dtype == np.uint8
for dtype in (np.float16, np.float32, np.float64, np.complex64):
    assert halve(np.ones(3, dtype)).dtype == dtype
assert halve(np.array([1], np.float16)).itemsize == 2
assert np.issubdtype(halve(np.ones(1)).dtype, np.floating)

# %% [markdown]
# ## memory-layout
# A result that must be contiguous, and its strides.


# %% right
def columns(x):
    return np.ascontiguousarray(x.T)


# %% wrong
def columns(x):
    return x.T


# %% test
c = columns(np.arange(6.0).reshape(2, 3))
assert c.tolist() == [[0, 3], [1, 4], [2, 5]]
assert c.flags["C_CONTIGUOUS"] and c.flags.c_contiguous
assert c.strides == (16, 8)

# %% [markdown]
# ## text-and-f-strings
# Text put together by the student and by the test.


# %% right
def report(name, loss, steps):
    return f"{name:<8}|{loss:.3e}|{steps:>5,}"


# %% wrong replace=":.3e" by=":.3f"

# %% test
name, loss = "adam", 0.012345
line = report(name, loss, 12000)
assert line == f"{name:<8}|{loss:.3e}|{12000:>5,}"
assert f"{report('sgd', 1.0, 1).split('|')[0].strip()!r:>6}" == " 'sgd'"
assert "{0[1]}".format(line.split("|")) == "%.3e" % loss
assert len(line.encode()) == len(line) == 25

# %% [markdown]
# ## pandas-values
# A data frame goes in, another comes back.

# %% setup
import pandas as pd


# %% right
def clean(df):
    return df.dropna().reset_index(drop=True)


# %% wrong
def clean(df):
    return df


# %% test refused="lists, dicts or arrays"
df = pd.DataFrame({"k": list("aab"), "v": [1.0, 2.0, None]})
assert clean(df).shape == (2, 2)

# %% [markdown]
# ## sparse-matrices
# A sparse matrix comes back.

# %% setup
import scipy.sparse as sp


# %% right
def eye(n):
    return sp.eye(n).tocsr()


# %% wrong
def eye(n):
    return sp.csr_matrix((n, n))


# %% test refused="lists, dicts or arrays"
assert isinstance(eye(3), sp.csr_matrix)
assert eye(3).toarray().trace() == 3
