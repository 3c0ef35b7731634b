# ruff: noqa
# %% [markdown]
# # Names
# Names of the notebook: variables, rebinding, deleting.

# %% [markdown]
# ## quickstart-del-squares
# Deleting a student's function shows who calls it (from nbgrader's quickstart).

# %% right
def squares(n):
    return [i**2 for i in range(1, n + 1)]


def sum_of_squares(n):
    return sum(squares(n))


# %% wrong
def squares(n):
    return [i**2 for i in range(1, n + 1)]


def sum_of_squares(n):
    return n * (n + 1) * (2 * n + 1) // 6


# %% test
orig_squares = squares
del squares
try:
    sum_of_squares(1)
except NameError:
    pass
else:
    raise AssertionError("sum_of_squares does not use squares")
finally:
    squares = orig_squares
assert sum_of_squares(3) == 14

# %% [markdown]
# ## rebind-with-counting-mock
# A test replaces a student's function by one that counts and calls it.


# %% right
def forward(x, W):
    return x @ W


def predict(X, W):
    return [int(np.argmax(forward(x, W))) for x in X]


# %% wrong
def forward(x, W):
    return x @ W


def predict(X, W):
    return [int(np.argmax(x @ W)) for x in X]


# %% test
calls = []
_orig = forward


def forward(x, W):
    calls.append(1)
    return _orig(x, W)


out = predict(np.eye(3), np.eye(3))
assert out == [0, 1, 2] and len(calls) == 3, "predict must call forward"
forward = _orig
n = len(calls)
predict(np.eye(2), np.eye(2))
assert len(calls) == n

# %% [markdown]
# ## rebind-with-Mock
# The same with unittest.mock.


# %% right
def load():
    return 3


def total():
    return load() + load()


# %% wrong
def load():
    return 3


def total():
    return 6


# %% test
from unittest.mock import Mock

keep = load
load = Mock(return_value=10)
assert total() == 20
assert load.call_count == 2
load = keep
assert total() == 6

# %% [markdown]
# ## global-statement-in-test
# A function of the test rebinds a student's name.


# %% right
def helper(x):
    return 2 * x


def main(x):
    return helper(x) + 1


# %% wrong
def helper(x):
    return 2 * x


def main(x):
    return 2 * x + 1


# %% test
def test_uses_helper():
    global helper
    old = helper
    helper = lambda x: 100
    try:
        return main(1) == 101
    finally:
        helper = old


assert test_uses_helper() and main(1) == 3

# %% [markdown]
# ## variables
# Answers that are variables.

# %% right
answer = 42
weights = np.arange(3.0)
names = ["a", "b"]
config = {"lr": 0.1}

# %% wrong
answer = 41
weights = np.arange(3)
names = ("a", "b")
config = {}

# %% test
assert answer == 42 and type(answer) is int
np.testing.assert_array_equal(weights, [0, 1, 2])
assert names == ["a", "b"] and config["lr"] == 0.1
assert "answer" in globals() and "nothing" not in globals()

# %% [markdown]
# ## variable-exists-check
# A variable that the student may have forgotten.

# %% right
model_accuracy = 0.93

# %% wrong
acc = 0.9

# %% test
try:
    model_accuracy
except NameError:
    raise AssertionError("define model_accuracy")
assert 0 <= model_accuracy <= 1

# %% [markdown]
# ## student-global-counter
# Global state that the student's function changes and the test resets.

# %% right
count = 0
history = []


def step(x):
    global count
    count += 1
    history.append(x)
    return x


# %% wrong
count = 0
history = []


def step(x):
    history.append(x)
    return x


# %% test
before = count
step(1)
step(2)
assert count == before + 2
assert history[-2:] == [1, 2]
assert len(history) >= 2
count = 10
step(5)
assert count == 11
history.clear()
step(7)
assert history == [7]

# %% [markdown]
# ## test-variable-same-as-student
# The test assigns to a student's variable, and the student's function sees it.

# %% right
x = 5


def f():
    return x


# %% wrong
x = 5


def f():
    return 5


# %% test
assert f() == 5
x = 7
assert f() == 7

# %% [markdown]
# ## builtin-redefined-by-exercise
# The exercise asks for a function with a builtin's name.


# %% right
def sum(xs):
    t = 0
    for v in xs:
        t += v * 1
    return ("mine", t)


def max(a, b):
    return a if a > b else b


# %% wrong
def max(a, b):
    return b


# %% test
assert sum([1, 2]) == ("mine", 3)
assert max(3, 4) == 4
assert min([1, 2]) == 1
assert len([1]) == 1

# %% [markdown]
# ## walrus-and-match
# Assignment expressions and structural matching on a student's result.


# %% right
def parse(text):
    head, *rest = text.split()
    return {"op": head, "args": [float(r) for r in rest]}


# %% wrong
def parse(text):
    head, *rest = text.split()
    return {"op": head, "args": rest}


# %% test
if (n := len((parsed := parse("add 1 2"))["args"])) != 2:
    raise AssertionError(f"{n} arguments")
match parsed:
    case {"op": "add", "args": [float(a), float(b)]}:
        total = a + b
    case _:
        raise AssertionError("not understood")
assert total == 3
match parse("neg 4"):
    case {"op": str() as op, "args": [x]} if x > 0:
        assert op == "neg"
    case other:
        raise AssertionError("one argument")

# %% [markdown]
# ## lambdas-that-capture
# Closures made in a loop, with and without a default that captures.


# %% right
def multipliers(ks):
    return [lambda x, k=k: k * x for k in ks]


# %% wrong
def multipliers(ks):
    return [lambda x: k * x for k in ks]


# %% test
assert [f(10) for f in multipliers([1, 2, 3])] == [10, 20, 30]
checks = [lambda f=f, k=k: f(k) == k * k for k, f in enumerate(multipliers(range(4)))]
assert all(check() for check in checks)

# %% [markdown]
# ## nonlocal-closures
# Two closures over one variable.


# %% right
def running_mean():
    total = count = 0

    def add(x):
        nonlocal total, count
        total += x
        count += 1
        return total / count

    def reset():
        nonlocal total, count
        total = count = 0

    return add, reset


# %% wrong
def running_mean():
    seen = []

    def add(x):
        seen.append(x)
        return sum(seen) / len(seen)

    def reset():
        seen = []

    return add, reset


# %% test
add, reset = running_mean()
other, _ = running_mean()
assert [add(2), add(4), other(10), add(6)] == [2, 3, 10, 4]
reset()
assert add(5) == 5


def outer():
    best = 0

    def watch(x):
        nonlocal best
        best = max(best, add(x))

    watch(7)
    watch(1)
    return best


assert outer() == 6

# %% [markdown]
# ## names-looked-up-by-text
# A loop over names that are looked up in globals().


# %% right
def relu(x):
    return np.maximum(x, 0)


def tanh(x):
    return np.tanh(x)


# %% wrong
def relu(x):
    return np.abs(x)


def tanh(x):
    return np.tanh(x)


# %% test
for name, expected in [("relu", [0.0, 1.0]), ("tanh", np.tanh([-1.0, 1.0]))]:
    assert name in globals(), f"define {name}"
    np.testing.assert_allclose(globals()[name](np.array([-1.0, 1.0])), expected)
    np.testing.assert_allclose(eval(name)(np.array([-1.0, 1.0])), expected)
assert callable(globals().get("relu")) and globals().get("sigmoid") is None

# %% [markdown]
# ## names-bound-by-statements
# Unpacking, annotations, augmented assignment, loops and conditions bind names too.

# %% right
W, (b, *rest) = np.ones((2, 2)), [1, 2, 3]
lr: float = 0.1
total = 0
for epoch in range(3):
    total += epoch
if total:
    mode = "train"
else:
    mode = "eval"
with np.errstate(all="ignore") as state:
    ratio = np.float64(1) / 0
try:
    import not_a_module_of_anyone as fast
except ImportError:
    fast = None

# %% wrong
W, b, rest = np.ones((2, 2)), 1, (2, 3)
lr, total, epoch, mode, ratio, fast = 0.1, 3, 2, "eval", np.inf, None

# %% test
assert W.shape == (2, 2) and b == 1 and rest == [2, 3]
assert lr == 0.1 and total == 3 and epoch == 2
assert mode == "train"
assert np.isinf(ratio) and fast is None
__annotations__

# %% [markdown]
# ## helpers-of-their-own
# A version with helpers that the reference does not have.


# %% right
def entropy(p):
    return float(-np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0)))


# %% alternative
EPS = 0


def _plogp(v):
    return v * np.log(v) if v > EPS else 0.0


class Sum:
    def __init__(self):
        self.total = 0.0

    def add(self, v):
        self.total += v


def entropy(p):
    s = Sum()
    for v in p:
        s.add(_plogp(v))
    return float(-s.total)


# %% wrong
def entropy(p):
    return float(-np.sum(p * np.log2(p + 1e-12)))


# %% test
assert abs(entropy(np.full(4, 0.25)) - np.log(4)) < 1e-12
assert entropy(np.array([1.0, 0.0])) == 0

# %% [markdown]
# ## parametrised-table
# Cases in a table, run by a function of the test.


# %% right
def schedule(step, total, peak=0.1, floor=0.0):
    progress = min(step, total) / total
    return floor + (peak - floor) * 0.5 * (1 + np.cos(np.pi * progress))


# %% alternative
def schedule(step, total, peak=0.1, floor=0.0):
    if step >= total:
        return floor
    return floor + (peak - floor) * np.cos(np.pi * step / total / 2) ** 2


# %% wrong replace="min(step, total) / total" by="step / total"

# %% wrong replace="floor + (peak - floor)" by="floor + peak"

# %% test
CASES = {
    "start": (dict(step=0, total=10), 0.1),
    "middle": (dict(step=5, total=10), 0.05),
    "end": (dict(step=10, total=10), 0.0),
    "clamped": (dict(step=25, total=10), 0.0),
    "floor": (dict(step=5, total=10, peak=1.0, floor=0.2), 0.6),
}


def run(case):
    arguments, expected = CASES[case]
    assert abs(schedule(**arguments) - expected) < 1e-12, "the schedule is off"


failed = {}
for case in CASES:
    try:
        run(case)
    except AssertionError as error:
        failed[case] = str(error)
assert not failed, sorted(failed)
