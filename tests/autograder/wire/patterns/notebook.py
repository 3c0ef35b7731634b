# ruff: noqa
# %% [markdown]
# # Notebook
# More than one cell: setup cells, given code, imports.

# %% [markdown]
# ## helper-shared-with-student
# A helper of the setup cell that the student and the test both use.

# %% setup
import numpy as np


def rel_error(x, y):
    return np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)))


# %% right
def forward(x):
    return rel_error(x, x + 1)


# %% wrong
def forward(x):
    return 0.0


# %% test
def check(a, b):
    assert rel_error(a, b) < 1e-6


check(forward(1.0), rel_error(1.0, 2.0))
assert forward(1.0) > 0

# %% [markdown]
# ## given-data-made-by-student-code
# A given cell below the exercise makes data with the student's function.


# %% right
def make(n):
    return np.ones((n, n))


# %% wrong
def make(n):
    return np.zeros((n, n))


# %% setup
DATA = make(3)

# %% test
assert DATA.shape == (3, 3)
assert np.all(DATA == 1)

# %% [markdown]
# ## student-imports-in-cell
# Modules that the student's cell imports.

# %% right
import math
from math import sqrt
import numpy.linalg as la


def norm(x):
    return math.sqrt((x**2).sum())


# %% wrong
def norm(x):
    return 0


# %% test
assert abs(norm(np.array([3.0, 4.0])) - 5) < 1e-12
assert math.pi > 3
assert sqrt(4) == 2
assert la.norm([3, 4]) == 5

# %% [markdown]
# ## setup-helper-calls-the-student
# A helper of the setup cell calls the student's function by its name.

# %% setup
import numpy as np


def error_of(n):
    xs = np.linspace(0, 1, n)
    return max(abs(square(x) - x * x) for x in xs)


# %% right
def square(x):
    return x * x


# %% wrong
def square(x):
    return 2 * x


# %% test
assert error_of(5) < 1e-12
assert error_of(9) < 1e-12

# %% [markdown]
# ## given-class-derives-from-the-students
# A given cell below the exercise derives a network from the student's Module.


# %% right
class Module:
    def __call__(self, x):
        return self.forward(x)


# %% wrong
class Module:
    def __call__(self, x):
        return x


# %% setup
class Doubler(Module):
    def forward(self, x):
        return 2 * x


# %% test
double = Doubler()
assert isinstance(double, Module)
assert double(4) == 8

# %% [markdown]
# ## given-data-rebound-by-the-student
# The exercise standardises the data of the setup cell, under the same name.

# %% setup
import numpy as np

X = np.random.default_rng(3).normal(5, 2, size=(50, 3))

# %% right
X = (X - X.mean(axis=0)) / X.std(axis=0)

# %% alternative
X -= X.mean(axis=0)
X /= X.std(axis=0)

# %% wrong
X = (X - X.mean()) / X.std()

# %% test
np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-12)

# %% [markdown]
# ## given-dict-filled-by-the-student
# A registry of the setup cell that the student's cell fills.

# %% setup
import numpy as np

ACTIVATIONS = {}


def register(name):
    def add(function):
        ACTIVATIONS[name] = function
        return function

    return add


# %% right
@register("relu")
def relu(x):
    return np.maximum(x, 0)


@register("leaky")
def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


# %% wrong
def relu(x):
    return np.maximum(x, 0)


# %% test
assert sorted(ACTIVATIONS) == ["leaky", "relu"]
np.testing.assert_allclose(ACTIVATIONS["leaky"](np.array([-1.0, 2.0])), [-0.1, 2.0])
assert ACTIVATIONS["relu"] is relu

# %% [markdown]
# ## star-import-and-given-constants
# A setup cell with a star import and constants.

# %% setup
from math import *

import numpy as np

LIMIT = 1e-6


# %% right
def area(r):
    return pi * r**2


# %% wrong
def area(r):
    return 3.14 * r**2


# %% test
assert abs(area(2) - 4 * pi) < LIMIT
assert sqrt(area(1) / pi) == 1

# %% [markdown]
# ## two-exercises-one-calls-the-other
# The second function calls the first; both are in reach of the test.


# %% right
def loss(w, X, y):
    return float(np.mean((X @ w - y) ** 2))


def gradient(w, X, y):
    return 2 * X.T @ (X @ w - y) / len(y)


def descend(w, X, y, lr, steps):
    losses = [loss(w, X, y)]
    for _ in range(steps):
        w = w - lr * gradient(w, X, y)
        losses.append(loss(w, X, y))
    return w, losses


# %% wrong replace="2 * X.T" by="X.T"

# %% wrong replace="losses = [loss(w, X, y)]" by="losses = []"

# %% test
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
truth = np.array([1.0, -2.0, 0.5])
y = X @ truth
w, losses = descend(np.zeros(3), X, y, 0.1, 200)
np.testing.assert_allclose(w, truth, atol=1e-6)
assert len(losses) == 201
assert all(b <= a for a, b in zip(losses, losses[1:]))
eps = 1e-6
for i in range(3):
    step = eps * np.eye(3)[i]
    slope = (loss(w + step, X, y + 1) - loss(w - step, X, y + 1)) / (2 * eps)
    assert abs(gradient(w, X, y + 1)[i] - slope) < 1e-5

# %% [markdown]
# ## magics-and-shell-in-the-students-cell
# Magics and help requests in a student's cell do no harm.


# %% right
# %matplotlib inline
def f(x):
    return x + 1


# %time f(1)


# %% wrong
# %matplotlib inline
def f(x):
    return x - 1


# %% test
assert f(1) == 2

# %% [markdown]
# ## variable-of-an-earlier-test
# A test cell that uses what an earlier test cell computed.


# %% right
def f(x):
    return 2 * x


# %% wrong
def f(x):
    return x


# %% earlier
expected = f(3)
assert expected == 6

# %% test refused="expected"
assert f(3) == expected

# %% [markdown]
# ## setup-data-changed-in-place
# A solution cell that writes into what a setup cell made.

# %% setup
data = [1, 2, 3]


# %% right
def total():
    return sum(data)


data.append(4)


# %% wrong
def total():
    return sum(data)


# %% test refused="data = data.copy()"
assert total() == 10 and len(data) == 4

# %% [markdown]
# ## never-asks-the-student
# A test that would pass for everyone.


# %% right
def f(x):
    return 2 * x


# %% wrong
def f(x):
    return x


# %% test refused="a function of a solution cell"
x = np.arange(3)
assert x.sum() == 3
