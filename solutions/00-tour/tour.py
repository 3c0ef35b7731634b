# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tour: notebooks, tests, handing in
#
# **At the end** you know how every notebook of this course works, because you have been through all of it once: run,
# write, test, look, hand in. On the way you write two small tools that return in later notebooks, one that puts the
# columns of a data matrix on a common scale and one that estimates an expectation and says how far off it may be.
#
# | | |
# |---|---|
# | time | about 55 minutes |
# | points | 6 |
# | you need | Python; a first acquaintance with numpy; mean and variance from school, the rest is in part 4 |
#
# Run the next cell first (Shift+Enter). Every notebook has one like it: on your machine it loads what the notebook
# needs; in Colab it installs the course's library as well. To run it twice does no harm.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import subprocess
import sys
from importlib.util import find_spec

LIBRARY = "chainrule.zip"  # Colab: upload this file of the course's bundle first, or put its address here

if "google.colab" in sys.modules and find_spec("chainrule") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", LIBRARY], check=True)
if find_spec("chainrule") is None:
    raise ModuleNotFoundError("Install the course's library first: `pip install ./lib` in the folder of the bundle.")

import numpy as np
from chainrule import checks

# %% [markdown]
# ## 1 How a notebook runs
#
# A notebook is a document whose cells share one memory, the *kernel*. Cells act in the order in which you **run** them,
# not in the order in which they stand. Run this pair a few times, the second cell more often than the first:

# %%
count = 0

# %%
count = count + 1
print("this cell has run", count, "times since count was set to 0")

# %% [markdown]
# The page alone does not tell which number you see; that depends on what you ran. So a notebook can work for you and
# fail for everyone else, for example if it needs a cell that you have deleted. The remedy is one menu entry, in
# JupyterLab *Run ▸ Restart Kernel and Run All Cells…*, in Colab *Runtime ▸ Restart session and run all*. Do it before
# you hand in. The grader does the same: it runs your cells once, from top to bottom, in a fresh kernel.
#
# A second thing to know about memory: an assignment does not copy an array, and `+=` writes into the one that is
# there.

# %%
a = np.array([1.0, 2.0])
b = a
b += 10
print("a has changed too:", a)

c = a + 1  # a new array
print("a is as before:   ", a)

# %% [markdown]
# When an exercise says that *the arguments are not changed*, this is what it means, and the tests look.

# %% [markdown]
# ## 2 How an exercise works
#
# Each exercise has the same four parts.
#
# 1. A **card** in the text: number, difficulty (●○○ to ●●●), minutes, points, what goes in and what comes out, and
#    hints, folded away until you want them.
# 2. A **stub**: a function with its description, and a line that raises `NotImplementedError`. Replace that line. Keep
#    the name and the arguments; you may add helper functions in the same cell.
# 3. A **visible test**, the cell after the stub. Run it as often as you like. It prints `passed`, or says in one line
#    what differs.
# 4. **Hidden tests** that run after you hand in, with other inputs: other sizes, unusual cases that the description
#    mentions. In your notebook their cells hold a comment only. You are told which behaviour was wrong, and often
#    which misunderstanding leads to it.
#
# The messages of visible tests look like this; the function here was meant to return the squares.

# %%
try:
    checks.close([1.0, 4.0, 6.0], [1.0, 4.0, 9.0], "squares([1, 2, 3])")
except AssertionError as message:
    print("AssertionError:", message)

# %% [markdown]
# ## 3 Arrays: a refresher
#
# Data comes as a matrix $X$ of shape $(n, d)$: **one row for each example**, one column for each feature. Most mistakes
# with arrays are mistakes with shapes, so look at shapes first.

# %%
X = np.array([[170.0, 65.0, 31.0], [182.0, 90.0, 45.0], [158.0, 52.0, 22.0], [175.0, 77.0, 60.0]])
w = np.array([0.5, -1.0, 2.0])
print("X", X.shape, " w", w.shape, " X.T", X.T.shape)

# %% [markdown]
# **Matrix product.** A matrix $A$ of shape $(n, d)$ times a matrix $B$ of shape $(d, k)$ has shape $(n, k)$: the inner
# sizes must agree and vanish. Entry $(i, j)$ of the product is $\sum_{l=1}^{d} A_{il} B_{lj}$. With a vector of shape
# $(d,)$ in place of $B$ the result has shape $(n,)$: one number for each example. Shape `()` is that of a single number.

# %%
print("X @ w  ", (X @ w).shape)
print("X.T @ X", (X.T @ X).shape)
print("w @ w  ", np.shape(w @ w), "  the sum of squares of w")

# %% [markdown]
# **Reductions** remove an axis. `axis=0` runs down the rows and leaves one number for each *column*.

# %%
print("mean of each column ", X.mean(axis=0))
print("mean of each example", X.mean(axis=1).round(1))

# %% [markdown]
# **Broadcasting.** Shapes are compared from the right; an axis of size 1, or one that is missing, is stretched. So a
# vector of shape $(d,)$ combines with every row of an $(n, d)$ matrix. It also means that a forgotten axis gives no
# error but a matrix where you wanted a vector:

# %%
print("(4, 3) - (3,)   ->", (X - X.mean(axis=0)).shape)
print("(4, 1) - (4,)   ->", (np.ones((4, 1)) - np.ones(4)).shape, "and not (4,)")

# %% [markdown]
# **Norms** measure length: $\|w\|_2 = \sqrt{\sum_j w_j^2}$ and $\|w\|_1 = \sum_j |w_j|$. The first is the default.

# %%
print(np.linalg.norm(w).round(3), np.sqrt(w @ w).round(3), " and the other:", np.linalg.norm(w, 1))

# %% [markdown]
# ### Exercise 1: columns on a common scale
#
# ●○○ · 15 minutes · 3 points
#
# Heights in centimetres and incomes in euros do not compare. *Standardising* moves each column to mean 0 and scales
# it to standard deviation 1:
#
# $$\begin{aligned} z_{ij} &= \frac{x_{ij} - \bar x_j}{s_j}, \qquad \bar x_j = \frac1n \sum_i x_{ij}, \\
# s_j &= \sqrt{\frac1n \sum_i (x_{ij} - \bar x_j)^2}. \end{aligned}$$
#
# The deviation has $1/n$ under the root, not $1/(n-1)$, and nothing is added to it. A column in which all values are
# equal cannot be scaled; by our rule it becomes a column of zeros. On paper its $s_j$ is 0. On the computer the mean of
# equal numbers may be off in the last digit, and $s_j$ is then tiny but not 0: `np.full(3, 0.1).std()` is about
# $10^{-17}$.
#
# `standardise(X)` takes $X$ of shape $(n, d)$ and returns $Z$ of shape $(n, d)$. $X$ may hold integers; $Z$ never does.
#
# <details><summary>Hint: which axis?</summary>
# The mean of a column runs over the examples: look at the two reductions above.
# </details>
#
# <details><summary>Hint: the constant column</summary>
# Ask whether its values are equal, not whether s is zero: <code>X.max(axis=0) == X.min(axis=0)</code> is an array of
# truth values, one for each column, and <code>np.where</code> chooses by such an array.
# </details>


# %% nbgrader={"grade": false, "grade_id": "standardise", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def standardise(X):
    """Columns with mean 0 and standard deviation 1.

    Args:
        X: data, an array of shape (n, d), of floats or integers; n and d are at least 1.

    Returns:
        A float array of shape (n, d). Each column has its mean subtracted and is divided by its standard deviation,
        the one with 1/n under the root. A column whose values are all equal becomes zeros. X is not changed.
    """
    ### BEGIN SOLUTION
    constant = X.max(axis=0) == X.min(axis=0)
    deviation = np.where(constant, 1, X.std(axis=0))
    return np.where(constant, 0, (X - X.mean(axis=0)) / deviation)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "standardise-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Column means 3 and 50, deviations 1 and 20; the third column is constant.
table = np.array([[2, 30, 7], [4, 70, 7], [2, 70, 7], [4, 30, 7]])
before = table.copy()
Z = standardise(table)
checks.close(Z, [[-1, -1, 0], [1, 1, 0], [-1, 1, 0], [1, -1, 0]], "standardise(table)")
checks.unchanged(table, before, "table")

# Equal values whose mean is off in the last digit.
checks.close(standardise(np.full((3, 1), 0.1)), np.zeros((3, 1)), "standardise of a column of three times 0.1")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "standardise-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: other sizes, integers and floats, values far from zero, columns that hardly vary.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1)
for n, d in [(7, 3), (3, 8), (5, 5), (2, 1), (50, 4)]:
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-4, 4, size=d) + rng.normal(size=d) * 100
    columns = []
    for column in X.T:
        gaps = column - sum(column) / n
        columns.append(gaps / (sum(gaps**2) / n) ** 0.5)
    Z = standardise(X.copy())
    assert np.shape(Z) == (n, d), "the result has another shape than X"
    assert np.allclose(np.mean(Z, axis=0), 0, atol=1e-6), "a column of the result does not have mean 0"
    assert np.allclose(np.mean(np.square(Z), axis=0), 1, rtol=1e-3), "a column does not have standard deviation 1"
    assert np.allclose(Z, np.transpose(columns), rtol=1e-3, atol=1e-6), "a column is not shifted and scaled as stated"

Z = standardise(np.array([[1, 50], [2, 10], [4, 90]]))
assert np.shape(Z) == (3, 2) and np.allclose(Z[:, 0] * 14**0.5, [-4, -1, 5]), (
    "data of integers are standardised wrongly: is the result cut to whole numbers?"
)

Z = standardise(np.array([[1e-13, 4e6], [3e-13, 8e6]]))
assert np.shape(Z) == (2, 2) and np.allclose(Z, [[-1, -1], [1, 1]]), "the result depends on the unit of a column"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "standardise-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: columns whose values are all equal, a single example, and X is not changed.
### BEGIN HIDDEN TESTS
for X in (np.array([[5.0, 1.0, 0.1], [5.0, 3.0, 0.1], [5.0, 8.0, 0.1]]), np.array([[7, 0], [7, 1], [7, 5], [7, 2]])):
    before = X.copy()
    constant = [0, 2] if len(X) == 3 else [0]
    Z = standardise(X)
    assert np.array_equal(X, before), "X was changed in place"
    assert np.shape(Z) == X.shape, "the result has another shape than X"
    assert np.ptp(Z[:, 1]) > 0, "a column that varies becomes constant"
    assert np.allclose(Z[:, constant], 0), "a column whose values are all equal does not become zeros"

Z = standardise(np.array([[3.0, -1.0]]))
assert np.shape(Z) == (1, 2) and np.allclose(Z, 0), "with a single example every column is constant"
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Chance: a refresher
#
# A random variable $U$ has an **expectation** $\mathbb E[U]$, its average over all outcomes weighted by their
# probability, and a **variance**, its average squared distance from there:
#
# $$\operatorname{Var}[U] = \mathbb E\big[(U - \mathbb E[U])^2\big].$$
#
# Two rules are used all the time. In the first, $a$ and $b$ are numbers; in the second, $U_1, \dots, U_n$ are
# independent draws of $U$:
#
# $$\mathbb E[aU + bV] = a\,\mathbb E[U] + b\,\mathbb E[V],$$
#
# $$\operatorname{Var}\Big[\frac1n \sum_{i=1}^n U_i\Big] = \frac{\operatorname{Var}[U]}{n}.$$
#
# So the mean of $n$ draws varies around the expectation with standard deviation $\sigma / \sqrt n$, where
# $\sigma = \sqrt{\operatorname{Var}[U]}$ is that of one draw. This is why the **law of large numbers** holds, that the
# mean of more and more draws tends to the expectation, and it says how fast: four times the draws, half the error.
#
# In this course every random draw comes from a *generator* that you are handed. The same seed gives the same draws,
# so a result can be repeated; a second call goes on where the first one stopped.

# %%
rng = np.random.default_rng(seed=0)
print("first draws:", rng.random(3).round(3), " next draws:", rng.random(3).round(3))
print("same seed:  ", np.random.default_rng(seed=0).random(3).round(3))

# %% [markdown]
# In general $\mathbb E[f(U)]$ is not $f(\mathbb E[U])$. For a fair die and $f(u) = u^2$:

# %%
die = np.arange(1, 7)
print("mean of the squares", np.mean(die**2).round(2), " square of the mean", np.mean(die) ** 2)

# %% [markdown]
# ### Exercise 2: an estimate and its error
#
# ●●○ · 15 minutes · 3 points
#
# Let $U$ be uniform on $[0, 1)$: every number between 0 and 1 is equally likely. Then $\mathbb E[f(U)]$ is the area under
# $f$, $\int_0^1 f(u)\,du$. To estimate it, draw $u_1, \dots, u_n$ and average $y_i = f(u_i)$. An estimate without an
# error is worth little, so also return its *standard error*: $\sigma / \sqrt n$, with the $\sigma$ of $f(U)$ estimated
# from the same draws. Here the sum is divided by $n - 1$, because the mean was estimated too:
#
# $$\begin{aligned} \bar y &= \frac1n \sum_i y_i, \\
# \mathrm{SE} &= \frac{1}{\sqrt n} \sqrt{\frac{1}{n-1} \sum_i (y_i - \bar y)^2}. \end{aligned}$$
#
# `estimate_mean(f, n, rng)` returns `(mean, standard_error)`.
#
# <details><summary>Hint: the draws</summary>
# The generator has a method that returns n uniform numbers at once, and the cells above use it. Take all n draws from
# the generator you are given: that is what makes the result repeatable.
# </details>
#
# <details><summary>Hint: n - 1</summary>
# Look up the argument ddof of np.std.
# </details>


# %% nbgrader={"grade": false, "grade_id": "monte-carlo", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def estimate_mean(f, n, rng):
    """Monte Carlo estimate of the expectation of f(U), with U uniform on [0, 1).

    Args:
        f: a function that works elementwise: an array of shape (k,) in, an array of shape (k,) out.
        n: the number of draws, an int of at least 2.
        rng: a numpy.random.Generator. All randomness comes from it, and each call draws anew.

    Returns:
        (mean, standard_error), two floats: the mean of f over n draws, and the sample standard deviation (the one
        with n - 1) divided by the square root of n.
    """
    ### BEGIN SOLUTION
    values = f(rng.random(n))
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(n)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "monte-carlo-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# The expectation of U squared is the area under u squared, 1/3; its standard deviation is the root of 4/45.
mean, error = checks.pair(estimate_mean(np.square, 2000, np.random.default_rng(7)), "estimate_mean(...)")
checks.close(mean, 1 / 3, "the estimate with 2,000 draws", rtol=0.1)
checks.close(error, np.sqrt(4 / 45 / 2000), "the standard error with 2,000 draws", rtol=0.1)
print("passed")

# %% nbgrader={"grade": true, "grade_id": "monte-carlo-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the mean of few and of many draws, and draws that can be repeated.
### BEGIN HIDDEN TESTS
for seed, n in enumerate([2, 3, 4, 5, 7]):
    mean, _ = estimate_mean(lambda u: np.where(np.asarray(u) < 0.5, 1.0, 0.0), n, np.random.default_rng(seed))
    assert np.ndim(mean) == 0, "the mean is not a single number"
    assert np.isclose(mean * n, np.round(mean * n)), "with n draws of 0 or 1 the mean should be a multiple of 1/n"

mean, _ = estimate_mean(lambda u: 10 + 4 * np.asarray(u), 400, np.random.default_rng(11))
assert np.isclose(mean, 12, atol=0.3), "the mean of many draws is far from the expectation of a linear function"

mean, _ = estimate_mean(lambda u: np.exp(3 * np.asarray(u)), 400, np.random.default_rng(12))
assert np.isclose(mean, (np.exp(3) - 1) / 3, rtol=0.15), "the mean is wrong for a curved function: is f applied first?"

rng = np.random.default_rng(13)
outside, _ = estimate_mean(lambda u: np.where((np.asarray(u) < 0) | (np.asarray(u) >= 1), 1.0, 0.0), 200, rng)
assert outside == 0, "some draws lie outside [0, 1)"

one, again, other = (estimate_mean(np.sqrt, 50, np.random.default_rng(seed))[0] for seed in (3, 3, 4))
assert one == again, "two generators with the same seed give different estimates: is there another source of draws?"
assert one != other, "two generators with different seeds give the same estimate: is the one given used?"
rng = np.random.default_rng(3)
first, second = estimate_mean(np.sqrt, 50, rng)[0], estimate_mean(np.sqrt, 50, rng)[0]
assert first != second, "a second call with the same generator does not draw anew"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "monte-carlo-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the standard error of few and of many draws.
### BEGIN HIDDEN TESTS
# If k of n draws are 1 and the others 0, the standard error follows from k: no particular draws are asked for.
errors = []
for seed in range(12):
    n = 2 + seed % 6
    _, error = estimate_mean(lambda u: np.where(np.asarray(u) < 0.5, 1.0, 0.0), n, np.random.default_rng(seed))
    assert np.ndim(error) == 0, "the standard error is not a single number"
    possible = np.array([k * (n - k) / (n**2 * (n - 1)) for k in range(n + 1)]) ** 0.5
    assert np.isclose(error, possible).any(), "the standard error fits no draws: what is divided by n, what by n - 1?"
    errors.append(float(error))
assert max(errors) > 0.1, "the standard error is zero although the draws differ"

for n in (100, 400):
    _, error = estimate_mean(lambda u: 10 + 4 * np.asarray(u), n, np.random.default_rng(n))
    assert np.isclose(error, (16 / 12 / n) ** 0.5, rtol=0.2), "the standard error of many draws is wrong"
### END HIDDEN TESTS

# %% [markdown]
# The figure uses your function with more and more draws. A bar reaches two standard errors to each side; about one in
# twenty misses the truth, and that is as it should be.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

draws = [10, 30, 100, 300, 1000, 3000, 10_000]


def my_estimates():
    rng = np.random.default_rng(5)
    return [estimate_mean(np.square, n, rng) for n in draws]


plots.estimates(draws, my_estimates, truth=1 / 3)

# %% [markdown]
# ## 5 Handing in
#
# 1. Restart the kernel and run all cells (menu *Run*; in Colab menu *Runtime*), so that what you see is what the grader
#    will see. JupyterLab goes on after an exercise that is empty or wrong. It stops at an error in a cell of your own, and
#    some other programs stop at every error: mend the cell, or go on with *Run Selected Cell and All Below*.
# 2. Look at the line for each exercise below. It tells what is still empty; whether an answer is right, its tests tell.
# 3. Save, and hand in this one file, the `.ipynb`.
#
# You cannot break the grading by accident. Test cells are replaced by the originals before they run, exercises that
# you leave empty cost only their own points, and in the grader a cell that fails or runs too long does not stop the
# rest. An exercise has several tests, each with points of its own, so part of the points is possible. Libraries that
# contain the answer are not available when an assignment is graded; here these are SciPy and scikit-learn.

# %% nbgrader={"grade": false, "grade_id": "progress", "locked": true, "schema_version": 3, "solution": false} tags=["explore"]
checks.progress(
    {
        "1 columns on a common scale": lambda: standardise(np.eye(3)),
        "2 an estimate and its error": lambda: estimate_mean(np.square, 10, np.random.default_rng(0)),
    }
)

# %% [markdown]
# ## What to keep
#
# - Cells share one memory and act in the order in which you run them. Restart and run all before you hand in.
# - Rows are examples, `axis=0` gives one number for each column, and shapes are compared from the right.
# - `x += y` writes into an array that others may hold; `x = x + y` makes a new one.
# - The mean of $n$ draws is off by about $\sigma/\sqrt n$. Estimates come with that number.
# - Randomness comes from a generator that is passed in.
