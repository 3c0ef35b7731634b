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
# # Optimisers: from minibatches to Adam
#
# **At the end** you have written the parts with which most networks are trained: minibatches, three update rules and a
# schedule. You have watched your own versions run down a narrow valley, tuned one of them to a target, and written a
# test that catches other people's mistakes.
#
# | | |
# |---|---|
# | time | about 150 minutes |
# | points | 30, and 18 beyond the core |
# | you need | numpy arrays, means and variances, gradients; Python classes for exercise 5; the notebook *00-tour* |
#
# Parts 1 to 8 are the core, about 115 minutes of exercises and 35 of reading and looking. Parts 9 to 13, marked ★, go
# beyond it and take another hour or more; choose what you like.
#
# Run the cells from top to bottom. An exercise that you have not written yet stops with its own message; JupyterLab
# then goes on with the cells after it. Everything is numpy; PyTorch and its relatives, which have these methods
# ready-made, are not available when your notebook is graded.

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
# ## 1 Batches
#
# Training makes an average small. Let $\theta$ stand for all parameters and $f_i(\theta)$ for the loss on example $i$
# of $n$. The objective is the mean loss $F$. Its gradient $\nabla F$, the vector of its partial derivatives, is the
# mean of the examples' gradients:
#
# $$F(\theta) = \frac1n \sum_{i=1}^n f_i(\theta), \qquad \nabla F(\theta) = \frac1n \sum_{i=1}^n \nabla f_i(\theta).$$
#
# Every method of this notebook grows out of one step, $\theta \leftarrow \theta - \eta\, g$. Here $g$ is the gradient
# or an estimate of it, and $\eta$ is the learning rate, `lr` in the code. Begin with $g$. Count the work in gradients
# of single examples; an *epoch* is one pass over all $n$ of them:
#
# | method | $g$ | work for one step | steps in an epoch |
# |---|---|---|---|
# | gradient descent | $\nabla F$, the mean over all examples | $n$ | 1 |
# | stochastic gradient descent (SGD) | $\nabla f_i$ of one random example | 1 | $n$ |
# | minibatch SGD | the mean of $\nabla f_i$ over a batch of $B$ examples | $B$ | $n / B$ |
#
# The same holds for losses: one $f_i$ costs 1, and $F$ costs $n$. An epoch costs $n$ in each row. The rows differ in
# how many steps you get for it, and in how well each step knows its direction.
#
# **Is the direction right?** On average, yes: if every example has the same chance to be in the batch, the expectation
# of $g$ is $\nabla F$. The batch gradient is *unbiased*. Many notes define $F$ as the sum of the $f_i$ and say the
# same; but the mean over a batch is then unbiased for $\nabla F / n$. We take means everywhere.
#
# **How far off is it?** Let $\sigma^2$ be the variance of one example's gradient,
# $\sigma^2 = \frac1n \sum_i \|\nabla f_i - \nabla F\|^2$. The variance rule of *00-tour*, for the mean of $B$
# independent draws, gives
#
# $$\mathbb E\,\|g - \nabla F\|^2 = \frac{\sigma^2}{B}.$$
#
# In code, for $f_i(w) = (x_i \cdot w - y_i)^2$ with inputs $x_i$ and targets $y_i$, whose gradient is
# $2\,(x_i \cdot w - y_i)\, x_i$:

# %% tags=["explore"]
rng = np.random.default_rng(0)
inputs = rng.uniform(-1, 1, size=(1000, 3))
targets = inputs @ [1.0, -2.0, 0.5] + rng.uniform(-1, 1, size=1000)


def example_gradients(X, y, w):
    """The gradient of each example's loss: (B, 3) for X of shape (B, 3), y of shape (B,) and w of shape (3,)."""
    return 2 * (X @ w - y)[:, None] * X


single = example_gradients(inputs, targets, np.zeros(3))
full = single.mean(axis=0)
sigma2 = ((single - full) ** 2).sum(axis=1).mean()
print("gradient of F:                         ", full.round(3))
print("mean over 100 batches of 10 examples:  ", single.reshape(100, 10, 3).mean(axis=1).mean(axis=0).round(3))
print("variance of one example's gradient:    ", sigma2.round(3))

# %% [markdown]
# So four times the batch costs four times the work and halves the typical error, the root of this mean square. Early in
# a run, when every rough direction is good enough, many cheap steps win. Large batches win where a machine computes 64 examples about as fast as one.
#
# **The linear rule.** If you multiply the batch size by $k$, multiply the learning rate by $k$. The reason: $k$ small
# steps from almost the same point move it by $-\eta\,(g_1 + \dots + g_k)$, which is one step with $k\eta$ along their
# mean. The rule ends where $k\eta$ is no longer stable (part 2), and it needs care in the first steps (warm-up, part
# 7).
#
# **How batches are made.** Nobody draws each batch anew. You shuffle the examples, cut the shuffled list into
# *consecutive* batches, and use each once; then you shuffle again. So every example counts once in each epoch. Within
# an epoch no example is drawn twice, which makes the variance a little smaller still:
# $\frac{\sigma^2}{B} \cdot \frac{n - B}{n - 1}$, and zero for $B = n$.

# %% [markdown]
# ### Exercise 1: the batches of one epoch
#
# ●○○ · 12 minutes · 4 points
#
# `epoch_batches(X, y, batch_size, rng)` returns a list of pairs `(X_batch, y_batch)`. With 7 examples and a batch size
# of 3 the batches have 3, 3 and 1 examples: the last one takes what is left.
#
# <details><summary>Hint: how to shuffle</summary>
# <code>rng.permutation(n)</code> is an array with the numbers from 0 to n - 1 in random order. An array of numbers
# selects rows: <code>X[[4, 0, 2]]</code> is rows 4, 0 and 2 of X, as a new array.
# </details>
#
# <details><summary>Hint: where to cut</summary>
# <code>range(0, n, batch_size)</code> counts through the places where a batch begins. A slice that reaches beyond the
# end just ends there.
# </details>


# %% nbgrader={"grade": false, "grade_id": "batches", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def epoch_batches(X, y, batch_size, rng):
    """The minibatches of one epoch: every example once, in random order. Every order is equally likely.

    Args:
        X: inputs, an array whose first axis counts the n examples; n is at least 1. Examples may be equal.
        y: targets, an array whose first axis is as long; it may have more axes.
        batch_size: how many examples make a batch, an int of at least 1; it may be larger than n.
        rng: a numpy.random.Generator. All randomness comes from it, and each call draws a new order.

    Returns:
        A list of pairs (X_batch, y_batch) of new arrays: the same rows of X and of y, in the same order. Every batch
        has batch_size examples, except that the last one has what is left; no batch is empty. X and y are not changed.
    """
    ### BEGIN SOLUTION
    order = rng.permutation(len(X))
    batches = [order[start : start + batch_size] for start in range(0, len(X), batch_size)]
    return [(X[rows], y[rows]) for rows in batches]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batches-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Seven examples in batches of three. Each target is ten times the first number of its input.
X = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [5.0, 0.0], [6.0, 0.0], [7.0, 0.0]])
y = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
X_before, y_before = X.copy(), y.copy()
batches = checks.parts(epoch_batches(X, y, 3, np.random.default_rng(1)), "epoch_batches(...)")
batches = [checks.pair(batch, "a batch") for batch in batches]
checks.close([len(y_batch) for X_batch, y_batch in batches], [3, 3, 1], "the sizes of the batches")
for X_batch, y_batch in batches:
    checks.close(y_batch, 10 * np.asarray(X_batch)[:, 0], "the targets beside their inputs")
checks.close(np.sort(np.concatenate([y_batch for _, y_batch in batches])), y_before, "all targets, sorted")
checks.unchanged(X, X_before, "X")
checks.unchanged(y, y_before, "y")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "batches-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: other sizes and shapes; what the batches hold.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(71)
for n, batch_size, shape, more in [
    (11, 4, (3,), ()), (12, 4, (2, 2), ()), (5, 8, (1,), ()), (1, 1, (2,), ()), (9, 1, (), ()), (10, 10, (4,), ()),
    (21, 5, (2,), ()), (7, 3, (2,), (1,)), (8, 3, (3,), (2,)), (4, 9, (2, 1), (2, 3)),
]:  # fmt: skip
    X = rng.normal(size=(n, *shape))
    y = (100.0 + np.arange(n)).reshape(n, *[1] * len(more)) + np.zeros(more)
    batches = epoch_batches(X.copy(), y.copy(), batch_size, rng)
    assert isinstance(batches, (list, tuple)), "epoch_batches does not return a list"
    assert all(len(batch) == 2 for batch in batches), "a batch is not a pair of inputs and targets"
    inputs_of, targets_of = [b[0] for b in batches], [b[1] for b in batches]
    wanted = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    assert [len(t) for t in targets_of] == wanted, (
        "the batches have other sizes than stated: batch_size each, what is left in the last, and none is empty"
    )
    assert [np.shape(x) for x in inputs_of] == [(size, *shape) for size in wanted], (
        "the inputs of a batch have another shape: one row of X for each example of the batch"
    )
    assert [np.shape(t) for t in targets_of] == [(size, *more) for size in wanted], (
        "the targets of a batch have another shape: one row of y for each example of the batch"
    )
    ids = np.concatenate(targets_of).reshape(n, -1)[:, 0] - 100
    assert sorted(ids.tolist()) == list(range(n)), "in one epoch an example is missing or comes twice"
    assert np.array_equal(np.concatenate(targets_of), y[ids.astype(int)]), "the rows of y are mixed up"
    assert np.array_equal(np.concatenate(inputs_of), X[ids.astype(int)]), (
        "the targets of a batch do not belong to its inputs: are both selected by the same rows?"
    )

batches = epoch_batches(np.ones((7, 2)), np.array([1, 0, 1, 0, 1, 1, 0]), 3, rng)
assert np.array_equal(np.sort(np.concatenate([b[1] for b in batches])), [0, 0, 0, 1, 1, 1, 1]), (
    "examples that are equal count as often as they occur"
)
for batch_size in (3, 4, 6):
    X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    batches = epoch_batches(X, y, batch_size, rng)
    kept = [(np.array(a), np.array(b)) for a, b in batches]
    X[...], y[...] = -1, -1
    assert all(np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(batches, kept)), (
        "a batch changes when X or y does: the batches are to be new arrays"
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "batches-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: a new random order in each epoch, from the generator given; X and y are not changed.
### BEGIN HIDDEN TESTS
X, y = np.linspace(0.0, 1.0, 80), np.arange(80)
kept = X.copy(), y.copy()


def epoch(rng):
    """The targets of one epoch, batch after batch."""
    return np.concatenate([np.asarray(batch[1]) for batch in epoch_batches(X, y, 8, rng)])


rng = np.random.default_rng(5)
first, second = epoch(rng), epoch(rng)
again, other = epoch(np.random.default_rng(5)), epoch(np.random.default_rng(6))
assert np.array_equal(X, kept[0]) and np.array_equal(y, kept[1]), "X or y was changed in place"
assert first.shape == (80,) and np.isin(first, y).all(), "an epoch of 80 examples does not have 80 of their targets"
assert not np.array_equal(first, y), "the examples come in their old order"
assert not all(np.ptp(first.reshape(10, 8), axis=1) == 7), (
    "each batch holds neighbours: shuffle the examples first, then cut"
)
assert np.mean(np.abs(np.diff(first)) == 1) < 0.5, "most examples still follow their old neighbour"
assert not (np.diff(first.reshape(10, 8), axis=1) > 0).all(), "the examples of each batch come in their old order"
assert not np.array_equal(first, second), "a second epoch repeats the order of the first: does each call draw anew?"
assert np.array_equal(first, again), (
    "two generators with the same seed give different orders: is there another source of draws?"
)
assert not np.array_equal(first, other), (
    "two generators with different seeds give the same order: is the one given used?"
)
for size in (1, 5):
    firsts = {int(epoch_batches(X[:2], y[:2], size, rng)[0][1][0]) for _ in range(30)}
    assert len(firsts) == 2, (
        "in 30 epochs of two examples the same one always comes first: is every order possible, also if both are in one "
        "batch?"
    )

# Six examples come at each of six places: in 150 epochs one is missing by chance less than once in ten
# thousand million.
rng, places = np.random.default_rng(7), set()
for _ in range(150):
    ((_, came),) = epoch_batches(X[:6], y[:6], 6, rng)
    places |= set(enumerate(np.asarray(came).tolist()))
assert len(places) == 36, (
    "in many epochs some example never comes at some place: is every order possible, or are examples shuffled within a "
    "part only?"
)
### END HIDDEN TESTS

# %% [markdown]
# The figure takes the first batch of many of your epochs and measures how far its gradient is from $\nabla F$. The line
# is $\sigma^2 / B$. A bar reaches two standard errors to each side, so that about one in twenty misses.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

sizes = np.array([1, 2, 4, 8, 16, 32, 64])


def measured_variance(epochs=200):
    rows = []
    for size in sizes:
        rng = np.random.default_rng(100 + size)
        batches = [epoch_batches(inputs, targets, int(size), rng)[0] for _ in range(epochs)]
        gradients = [example_gradients(X, y, np.zeros(3)).mean(axis=0) for X, y in batches]
        distances = ((np.array(gradients) - full) ** 2).sum(axis=1)
        rows.append((distances.mean(), distances.std(ddof=1) / np.sqrt(epochs)))
    return rows


plots.variance_by_batch_size(sizes, measured_variance, single=sigma2, name="Your batches")

# %% [markdown]
# **Look.** The line falls by half for each doubling of $B$. What would you see if your batches were not shuffled? Each
# epoch would begin with the same batch, and the bars would shrink to points beside the line: nothing random, and an
# error that never averages out.

# %% [markdown]
# ## 2 A valley, and three things that happen in it
#
# From here on $g$ is exact; what is hard is the shape of the function. The simplest hard shape is a valley that curves
# much more across than along:
#
# $$\begin{aligned} f(x_1, x_2) &= a_1 x_1^2 + a_2 x_2^2, \\
# \nabla f(x_1, x_2) &= (2 a_1 x_1,\ 2 a_2 x_2). \end{aligned}$$
#
# Our valley has the coefficients $a = (0.05,\ 1)$. The point $\theta$ is $(x_1, x_2)$ here.

# %% nbgrader={"grade": false, "grade_id": "valley", "locked": true, "schema_version": 3, "solution": false}
CURVATURE = np.array([0.05, 1.0])
START = np.array([-8.0, 1.5])
START.flags.writeable = False  # every figure starts here


def valley_gradient(theta):
    """Gradient of the valley at theta; both are of shape (2,)."""
    return 2 * CURVATURE * theta


# %% [markdown]
# Put the gradient into the step $\theta \leftarrow \theta - \eta\, g$, and each coordinate goes its own way:
#
# $$x_i \leftarrow x_i - \eta \cdot 2 a_i x_i = r_i\, x_i \qquad \text{with} \qquad r_i = 1 - 2 \eta a_i.$$
#
# After $t$ steps coordinate $i$ has been multiplied by $r_i^t$. So everything that plain descent can do here is in the
# two factors $r_1$ and $r_2$:
#
# - It converges only if $|r_i| < 1$ for **both**, that is, $\eta < 1 / a_i$. The steepest direction sets the limit. (In
#   terms of the second derivative $h = 2a$ the limit is $2 / h$.)
# - A negative factor means that the point jumps to the other side at every step. That is harmless as long as
#   $|r_i| < 1$.
# - To shrink to a hundredth takes the smallest whole $t$ with $|r_i|^t \le 1/100$. Take logarithms, and round up:
#   $t \ge \ln 100 \,/\, (-\ln |r_i|)$.
#
# In code, for our valley and $\eta = 0.4$:

# %% tags=["explore"]
factors = 1 - 2 * 0.4 * CURVATURE
steps = np.log(100) / -np.log(np.abs(factors))
print("factors:", factors, " steps to a hundredth, before rounding up:", steps.round(2))

# %% [markdown]
# Across the valley 3 steps are enough; along it, 113. A larger $\eta$ helps along the valley and costs across it. The
# two are in balance where both factors have the same size, $r_1 = -r_2$. At that $\eta$ the factor is
# $(\kappa - 1) / (\kappa + 1)$ in size, with the *condition number* $\kappa = a_2 / a_1$ for $a_2 \ge a_1$. No constant
# learning rate does better. For our valley $\kappa = 20$ and the factor is 0.905: still 47 steps.

# %% [markdown]
# ### Exercise 2: predict, then run
#
# ●●○ · 14 minutes · 3 points
#
# Here are three valleys, each with a learning rate. Plain descent starts at $(-8,\ 4)$ and takes 20 steps. Work out on
# paper what will happen, **before** you run the figures further down.

# %% nbgrader={"grade": false, "grade_id": "cases", "locked": true, "schema_version": 3, "solution": false}
CASES = {"A": ((1.0, 1.5), 0.4), "B": ((0.25, 2.5), 0.5), "C": ((0.01, 1.0), 0.4)}  # name: ((a1, a2), lr)

# %% [markdown]
# `predictions()` returns a dict with these keys. Numbers are ints or floats. Three correct digits are enough, and you may
# compute: `"best lr": 2 / 3` is fine.
#
# - `"factors"`: for each case the pair $(r_1, r_2)$, with signs;
# - `"fate"`: for each case one of the words `"arrives"` (after 20 steps less than a thousandth of the distance to the
#   minimum is left), `"runs away"` (the distance is larger than at the start), `"creeps"` (anything between);
# - `"largest lr"`: the limit below which plain descent converges with the coefficients of B;
# - `"steps"`: after how many steps of case C its slower coordinate has shrunk to a hundredth or less;
# - `"best lr"`: the learning rate at which both factors have the same size, with the coefficients of C;
# - `"steps at best lr"`: as `"steps"`, with this learning rate.
#
# <details><summary>Hint: best lr</summary>
# Write down r1 = -r2 with the definition of the factors, and solve for the learning rate.
# </details>
#
# <details><summary>Hint: steps</summary>
# A step and a half is no number of steps: after how many whole steps is it done?
# </details>


# %% nbgrader={"grade": false, "grade_id": "regimes", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def predictions():
    """What plain descent will do in cases A, B and C.

    Returns:
        A dict with the keys "factors", "fate", "largest lr", "steps", "best lr" and "steps at best lr", as listed
        above: numbers (ints or floats), pairs of numbers, and words.
    """
    ### BEGIN SOLUTION
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }
    #: raise NotImplementedError("Fill in your predictions below, and delete this line.")
    #: return {
    #:     "factors": {"A": (..., ...), "B": (..., ...), "C": (..., ...)},
    #:     "fate": {"A": "...", "B": "...", "C": "..."},
    #:     "largest lr": ...,
    #:     "steps": ...,
    #:     "best lr": ...,
    #:     "steps at best lr": ...,
    #: }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "regimes-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# The form of your answers, and case A by one step of plain descent.
told = predictions()
asked = ["factors", "fate", "largest lr", "steps", "best lr", "steps at best lr"]
words = ("arrives", "runs away", "creeps")
if not isinstance(told, dict) or sorted(told) != sorted(asked):
    raise checks.CheckFailed(f"predictions() should return a dict with the keys {asked}")
for key in asked[2:]:
    checks.close(told[key], told[key], repr(key))  # a number at all?
    checks.close(np.sign(told[key]), 1, f"the sign of {key!r}")
for key in asked[:2]:
    if not isinstance(told[key], dict) or sorted(told[key]) != sorted(CASES):
        raise checks.CheckFailed(f"{key!r} should be a dict with an entry for each of {', '.join(CASES)}")
for case in CASES:
    checks.close(told["factors"][case], told["factors"][case], f"the pair of factors of {case}")
    checks.close(len(told["factors"][case]), 2, f"the number of factors of {case}")
    if told["fate"][case] not in words:
        raise checks.CheckFailed(f"the fate of {case} should be one of the words {words}")

(a1, a2), lr = CASES["A"]
x1, x2 = 10.0, 10.0
moved = x1 - lr * 2 * a1 * x1, x2 - lr * 2 * a2 * x2
checks.close(10 * np.array(told["factors"]["A"]), moved, "(10, 10) after one step of A, by your factors", rtol=2e-3)
print("passed")

# %% nbgrader={"grade": true, "grade_id": "regimes-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the factors and fates of all cases.
### BEGIN HIDDEN TESTS
told = predictions()
for case in "BCA":
    (a1, a2), lr = CASES[case]
    ends = []
    for a in (a1, a2):
        x = 1.0
        for _ in range(20):
            x -= lr * (2 * a * x)
        ends.append(abs(x))
    one_step = np.array([1 - 2 * lr * a1, 1 - 2 * lr * a2])
    pair = np.asarray(told["factors"][case], dtype=float)
    assert np.shape(pair) == (2,), "the factors of a case are not two numbers"
    assert case == "A" or not np.allclose(pair[::-1], one_step, rtol=2e-3), (
        "the two factors of a case are exchanged: the first belongs to x1"
    )
    assert np.allclose(np.abs(pair), np.abs(one_step), rtol=2e-3), (
        "a factor is wrong in size. What is the derivative of a * x**2, and by what does one step multiply x?"
    )
    assert np.allclose(pair, one_step, rtol=2e-3), "a factor has the wrong sign: does the point change sides?"
    far = np.hypot(8 * ends[0], 4 * ends[1]) / np.hypot(8, 4)
    assert told["fate"][case] == ("arrives" if far < 1e-3 else "runs away" if far > 1 else "creeps"), (
        "the fate of a case is wrong: raise both factors to the power 20, and see which coordinate decides"
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "regimes-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the numbers for B and C.
### BEGIN HIDDEN TESTS
told = predictions()
steep = max(CASES["B"][0])
limit = float(told["largest lr"])
assert abs(1 - 2 * 0.995 * limit * steep) < 1, "with a learning rate just below your largest one, B still diverges"
assert abs(1 - 2 * 1.005 * limit * steep) > 1, "B converges with a learning rate above your largest one, too"


def steps_to_a_hundredth(factor):
    t = 0
    while factor**t > 0.01:
        t += 1
    return t


(flat, steep), lr = CASES["C"]
assert float(told["steps"]) == steps_to_a_hundredth(1 - 2 * lr * flat), (
    "the number of steps of case C is wrong: which factor decides, to what share, and is it rounded up?"
)
best = float(told["best lr"])
assert abs((1 - 2 * best * flat) + (1 - 2 * best * steep)) < 5e-3, (
    "at your best learning rate the two factors of C differ in size: solve r1 = -r2"
)
assert float(told["steps at best lr"]) == steps_to_a_hundredth((steep - flat) / (steep + flat)), (
    "the number of steps at the best learning rate is wrong: put it into the factor, and count again"
)
### END HIDDEN TESTS

# %% [markdown]
# Now run it. The broad bands are what plain descent does. The thin lines are drawn from **your** factors.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

told = predictions()  # nothing is drawn before you have predicted


def predicted_path(a, lr):
    (case,) = [name for name, (b, rate) in CASES.items() if tuple(b) == tuple(a) and rate == lr]
    return np.array([-8.0, 4.0]) * np.array(told["factors"][case]) ** np.arange(21)[:, None]


plots.regimes(CASES, predicted_path)


# %% tags=["explore", "raises-exception"]
def count_steps(a, lr):
    x, steps = 1.0, 0
    while abs(x) > 0.01:
        x, steps = x - lr * 2 * a * x, steps + 1
    return steps


told = predictions()
print("case C:          predicted", told["steps"], "steps; counted", count_steps(0.01, 0.4))
best = told["best lr"]
print("at your best lr: predicted", told["steps at best lr"], "steps; counted", count_steps(0.01, best))
print("                 factors", round(1 - 2 * best * 0.01, 4), "and", round(1 - 2 * best * 1.0, 4), "equal in size?")

# %% [markdown]
# **Look.** The three cases are the three things that can happen. A is *well conditioned*: the coefficients are similar,
# and one learning rate suits both directions. B *diverges*, though its flat direction shrinks nicely: one factor beyond
# 1 is enough. C is *slow*: no single learning rate suits both directions. The rest of this notebook is about C.

# %% [markdown]
# ## 3 Heavy ball
#
# Plain descent is caught between two directions: the steep one limits $\eta$, and the flat one creeps. A ball that
# rolls would do better. It does not stop when the slope does, but keeps most of its velocity. Steps that point the same
# way add up, steps that alternate cancel. The velocity $v$ starts at zero and $0 \le \mu < 1$ says how much of it is
# kept:
#
# $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta\, v.$$
#
# In the code $g$ is `grad`. It is given to you: these methods never ask where a gradient comes from.
#
# Unrolled, the velocity is the sum of all gradients so far, each faded by $\mu$ once for each step that has passed:
#
# $$v_t = \sum_{i=1}^{t} \mu^{\,t-i} g_i.$$
#
# The oldest gradient, $g_1$, has faded $t - 1$ times. Some notes print $\mu^t$ for it, one too many. In code, for
# gradients `g[0]`, ..., `g[t - 1]`:

# %% tags=["explore"]
mu, t, g = 0.9, 50, np.ones(50)
print("velocity after", t, "equal gradients:", sum(mu ** (t - 1 - i) * g[i] for i in range(t)).round(2))

# %% [markdown]
# Under a constant gradient the velocity settles at $g / (1 - \mu)$: with $\mu = 0.9$ the ball runs ten times as fast
# as plain descent.
#
# **Our convention.** The gradient enters with weight 1, and the learning rate stays outside the velocity. PyTorch's
# SGD does the same.
#
# <details><summary>Other forms, for the day you meet one</summary>
#
# - The averaged form $m \leftarrow \mu\, m + (1 - \mu)\, g$, $\theta \leftarrow \theta - \eta'\, m$ takes the same path
#   as ours with $\eta = (1 - \mu)\, \eta'$, also when the learning rate changes.
# - With the learning rate in the velocity, $v \leftarrow \mu v + \eta\, g$, $\theta \leftarrow \theta - v$, the path is
#   the same only while $\eta$ is constant: with a schedule the two part.
# - Some notes print a step with two terms, $\theta \leftarrow \theta - \eta\, g - \eta_2\, m$. That is another method,
#   *quasi-hyperbolic* momentum. Heavy ball has one term.
#
# </details>

# %% [markdown]
# ### Exercise 3: one heavy-ball step
#
# ●○○ · 8 minutes · 4 points
#
# `heavy_ball_step(theta, v, grad, lr, mu)` returns `(theta, v)`: new arrays, all of one shape. New means that nobody
# else holds them: they stay what they are whatever becomes of the arrays passed in, and in later calls.
#
# <details><summary>Hint: in which order?</summary>
# The velocity takes up the gradient first. The point then moves with the velocity it has just got.
# </details>
#
# <details><summary>Hint: new arrays</summary>
# <code>x += y</code> writes into the caller's array; <code>x = x + y</code> makes a new one.
# </details>


# %% nbgrader={"grade": false, "grade_id": "heavy-ball", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def heavy_ball_step(theta, v, grad, lr, mu):
    """One step of gradient descent with heavy-ball momentum.

    The velocity becomes mu times itself plus the gradient; the point then moves by -lr times the new velocity.

    Args:
        theta: the current point, a float array of any shape, also of that of a single number, ().
        v: the velocity so far, of the same shape.
        grad: the gradient at theta, of the same shape.
        lr: the learning rate, a float. It may differ from step to step.
        mu: how much of the velocity is kept, a float in [0, 1).

    Returns:
        (theta, v): the new point and the new velocity, new arrays of the same shape. The arguments, and what earlier
        calls returned, are not changed.
    """
    ### BEGIN SOLUTION
    v = mu * v + grad
    return theta - lr * v, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "heavy-ball-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Two steps that you can follow by hand.
theta, v, grad = np.array([1.0, 2.0]), np.zeros(2), np.array([10.0, -20.0])
new_theta, new_v = checks.pair(heavy_ball_step(theta, v, grad, lr=0.1, mu=0.5), "heavy_ball_step(...)")
checks.close(new_v, [10.0, -20.0], "v after the first step")
checks.close(new_theta, [0.0, 4.0], "theta after the first step")

old_theta, old_v = np.array([0.0, 4.0]), np.array([10.0, -20.0])
new_theta, new_v = heavy_ball_step(old_theta, old_v, np.array([10.0, 10.0]), lr=0.2, mu=0.5)
checks.close(new_v, [15.0, 0.0], "v after the second step")
checks.close(new_theta, [-3.0, 4.0], "theta after the second step")

# The first step has left its arguments as they were.
checks.unchanged(theta, [1.0, 2.0], "theta")
checks.unchanged(v, [0.0, 0.0], "v")
checks.unchanged(grad, [10.0, -20.0], "grad")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "heavy-ball-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: more steps, other shapes, a velocity that does not start at zero.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(61)
rates, mu = [0.3, 0.05, 0.7, 0.2, 0.4], 0.8
for shape, steps, scale in [((2, 1, 3), 5, 1), ((4,), 3, 1e6), ((1,), 2, 1), ((), 2, 1e-6), ((300,), 2, 1)]:
    grads = rng.normal(size=(steps, *shape)) * scale
    start, push = (np.asarray(rng.normal(size=shape) * scale) for _ in range(2))
    times = range(1, steps + 1)
    velocities = [mu**t * push + sum(mu ** (t - i) * grads[i - 1] for i in range(1, t + 1)) for t in times]
    points = [start - sum(lr * u for lr, u in zip(rates, velocities[:t])) for t in times]
    theta, v = start.copy(), push.copy()
    for t in range(steps):
        theta, v = heavy_ball_step(theta, v, grads[t].copy(), rates[t], mu)
        assert np.shape(v) == shape, "the new velocity has another shape than the old one"
        assert np.shape(theta) == shape, "the new point has another shape than the old one"
        assert np.allclose(v, velocities[t], atol=1e-6 * scale), (
            "the velocity is not mu times the old velocity plus the gradient"
        )
        assert np.allclose(theta, points[t], atol=1e-6 * scale), "the point does not move by -lr times the new velocity"

theta, v = heavy_ball_step(np.float32([3.0, -1.0]), np.float32([0.5, 2.0]), np.float32([1.0, 4.0]), lr=0.5, mu=0.25)
assert np.allclose(v, [1.125, 4.5]) and np.allclose(theta, [2.4375, -3.25]), "a float32 step is wrong"

for old, slope, lr, mu in [(2, 3, 0.5, 0.0), (2, 3, 0.0, 0.5), (2, 0, 0.5, 0.5), (0, 0, 0.5, 0.0), (0, 3, 0.5, 0.5)]:
    theta, v = heavy_ball_step(np.ones(2), np.full(2, float(old)), np.full(2, float(slope)), lr, mu)
    assert np.allclose(v, mu * old + slope) and np.allclose(theta, 1 - lr * (mu * old + slope)), (
        "a step is wrong in which lr, mu, the velocity or the gradient is zero"
    )

theta, v = heavy_ball_step(np.array([1.0, 2.0]), np.array([5.0, -3.0]), np.array([0.5, 0.25]), lr=2.0, mu=0.0)
assert np.allclose(v, [0.5, 0.25]) and np.allclose(theta, [0.0, 1.5]), "with mu = 0 it should be plain gradient descent"

grid, column = np.arange(6.0).reshape(2, 3), np.array([[1.0], [3.0]])
theta, v = heavy_ball_step(np.asfortranarray(grid), np.ones((3, 2)).T, np.tile(column, 3), lr=0.5, mu=2**-2)
assert np.shape(theta) == np.shape(v) == (2, 3), "the new point or velocity has another shape than the old one"
assert np.allclose(v, 0.25 + column + 0 * grid) and np.allclose(theta, grid - 0.125 - 0.5 * column), (
    "entries are mixed up where arrays lie in another order in memory, as transposed ones do"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "heavy-ball-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the arguments are not changed.
### BEGIN HIDDEN TESTS
given = [np.array([[1.0, -2.0, 3.0]]), np.array([[0.5, 0.25, -1.0]]), np.array([[2.0, 4.0, -8.0]])]
before = [array.copy() for array in given]
theta, v = heavy_ball_step(*given, lr=0.1, mu=0.5)
assert np.array_equal(given[0], before[0]), "the array passed as theta was changed in place"
assert np.array_equal(given[1], before[1]), "the array passed as v was changed in place"
assert np.array_equal(given[2], before[2]), "the array passed as grad was changed in place"
assert np.shape(theta) == np.shape(v) == (1, 3), "the new point or the new velocity has another shape than the old one"
assert np.all(np.abs(theta - before[0]) > 0), "the point does not move"
assert np.all(np.abs(v - before[1]) > 0), "the velocity does not change"

# New arrays, also where a result has the values of an argument; and each call makes its own.
results = []
for old_v, slope, lr, mu in [(0, 3, 0.5, 0.5), (2, 3, 0.5, 0.0), (2, 3, 0.0, 0.5), (2, 0, 0.5, 0.5), (0, 0, 0.5, 0.0)]:
    given = [np.full(2, 1.0), np.full(2, float(old_v)), np.full(2, float(slope))]
    theta, v = heavy_ball_step(*given, lr, mu)
    results.append((theta, np.array(theta), v, np.array(v)))
    for array in given:
        array[...] = 77.0
for theta, point, v, velocity in results:
    assert np.shape(theta) == np.shape(v) == (2,), "the new point or velocity has another shape than the old one"
    assert np.array_equal(theta, point, equal_nan=True) and np.array_equal(v, velocity, equal_nan=True), (
        "a result changes when an array that was passed in is overwritten, or in a later call: it is no new array. Look "
        "at lr = 0, at mu = 0 and at a velocity or a gradient of zero as well"
    )
### END HIDDEN TESTS

# %% [markdown]
# The figure shows the expected path as a broad band; yours is drawn over it, and the dots are plain descent with the
# same learning rate and the same number of steps. A figure cannot see everything: it has one learning rate and one
# start. If the test above and the figure disagree, believe the test. That holds for the figures further down as well.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

PATH = """
    -8.00 1.50 -7.68 0.30 -7.15 -0.78 -6.49 -0.91 -5.77 -0.27 -5.04 0.39 -4.32 0.54 -3.65 0.22
    -3.03 -0.19 -2.48 -0.32 -1.99 -0.16 -1.57 0.08 -1.21 0.18 -0.91 0.11 -0.67 -0.03 -0.47 -0.10
    -0.31 -0.07 -0.19 0.01 -0.10 0.06 -0.03 0.05 0.02 0.00 0.06 -0.03 0.08 -0.03 0.09 0.00
    0.09 0.02 0.09 0.02
"""  # x1 and x2 of each point
expected = np.array(PATH.split(), dtype=float).reshape(-1, 2)


def heavy_ball_path(steps=25):
    theta, v, path = START.copy(), np.zeros(2), [START]
    for _ in range(steps):
        theta, v = heavy_ball_step(theta, v, valley_gradient(theta), lr=0.4, mu=0.7)
        path.append(np.copy(theta))
    return np.array(path)


plain = START * (1 - 2 * 0.4 * CURVATURE) ** np.arange(26)[:, None]
plots.paths_on_quadratic(CURVATURE, expected, heavy_ball_path, plain, name="Heavy ball")

# %% [markdown]
# **Look.** The ball swings from side to side, but along the valley it arrives while plain descent is still under way.
# What would $\mu = 0.95$ do? Guess, change it in `heavy_ball_path`, and run the cell again; the band stays where it
# was.

# %% [markdown]
# ## 4 A scale for each coordinate
#
# Momentum treats both directions alike. The methods of this part give each coordinate a scale of its own.
#
# **Only the direction.** The most radical way is to throw the size of the gradient away. *Sign descent* keeps the sign
# of each coordinate, $\theta \leftarrow \theta - \eta\, \operatorname{sign}(g)$; *normalised descent* keeps the
# direction, $\theta \leftarrow \theta - \eta\, g / \|g\|$:

# %% tags=["explore"]
g = valley_gradient(START)
print("gradient", g, " sign", np.sign(g), " normalised", (g / np.linalg.norm(g)).round(2))

# %% [markdown]
# Sign descent is as fast along the valley as across it. But neither method slows down near the minimum, so with a
# constant $\eta$ neither settles; and in sign descent a coordinate whose gradient is nothing but noise counts as much
# as a sure one.
#
# **AdaGrad** divides each coordinate by the size its gradients *usually* have. Everything is elementwise, $g_t$ is the
# gradient of step $t$, and $\varepsilon > 0$ is a small number that guards against division by zero:
#
# $$s \leftarrow s + g^2, \qquad \theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{s} + \varepsilon}.$$
#
# You will meet it in three forms, which differ in $s$ after $t$ steps:
#
# | form | $s$ | what happens |
# |---|---|---|
# | sum over all steps | $\sum_{i=1}^{t} g_i^2$ | every coordinate's rate only ever falls |
# | sum over a window of the last $w$ steps, with an offset inside the root | $K + \sum_{i=t-w+1}^{t} g_i^2$ | old gradients are forgotten; $w$ squares have to be kept |
# | mean over all steps | $\frac1t \sum_{i=1}^{t} g_i^2$ | the rates do not fall |
#
# The first is AdaGrad proper. Its sum runs over steps, not over the examples of a batch, and it is plain: some notes
# put a factor $\beta$ into it, which makes it another method. The third is often called AdaGrad too. It takes the same
# path, up to $\varepsilon$, only if its $\eta$ is replaced by $\eta / \sqrt t$:

# %% tags=["explore"]
past = np.array([3.0, 1.0, 2.0, 2.0])  # four gradients of one coordinate
t = len(past)
print("with the sum:              ", (past[-1] / np.sqrt((past**2).sum())).round(4))
print("with the mean, / sqrt(t):  ", (past[-1] / np.sqrt((past**2).mean()) / np.sqrt(t)).round(4))

# %% [markdown]
# **RMSProp** keeps what is good in the second form, forgetting, without keeping the squares: $s$ becomes a running
# mean. With $0 \le \rho < 1$ and $s$ starting at zero:
#
# $$s \leftarrow \rho\, s + (1 - \rho)\, g^2,$$
#
# $$\theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{s} + \varepsilon}.$$
#
# With $\rho = 0$ it is sign descent, up to $\varepsilon$. The weights of a running mean fade like those of a velocity,
# but they add up to (nearly) one:

# %% tags=["explore"]
rho, t = 0.9, 50
weights = (1 - rho) * rho ** np.arange(t)
print("newest first:", weights[:4].round(3), " sum:", weights.sum().round(3))

# %% [markdown]
# **Our convention.** $\varepsilon$ stands outside the root, as in PyTorch. It only guards against division by zero and
# counts where $\sqrt{s}$ is near $\varepsilon$. Some notes put it inside, $\sqrt{s + \varepsilon}$, and that is not the
# same small number: with $\varepsilon = 10^{-8}$ the denominator cannot fall below $10^{-4}$, so the two rules part as
# soon as $s$, not $\sqrt{s}$, is near $\varepsilon$. The tests use a large $\varepsilon$, so that its place shows.

# %% [markdown]
# ### Exercise 4: repair an RMSProp step
#
# ●●○ · 12 minutes · 4 points
#
# Somebody has copied `rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8)` from lecture notes. The description is
# right. The four lines below it run, and they are wrong: there are **three** mistakes, one of them about the arrays
# that the function is given. Run the visible test, compare each line with the formulas above, and mend them.
#
# <details><summary>Hint: the first message</summary>
# Work out s of the test's first step by hand: 0.75 times zero, plus 0.25 times the squares. Which line gives something
# else, and why?
# </details>
#
# <details><summary>Hint: arrays</summary>
# <code>s += x</code> writes into the array that the caller still holds; <code>s = s + x</code> makes a new one.
# </details>


# %% nbgrader={"grade": false, "grade_id": "rmsprop", "locked": false, "schema_version": 3, "solution": true}
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    """One step of RMSProp, with eps outside the root.

    The running mean s moves towards the squared gradient; the point then moves by -lr * grad / (sqrt(s) + eps) with
    the new s, elementwise.

    Args:
        theta: the current point, a float array of any shape, also of that of a single number, ().
        s: the running mean of squared gradients so far, of the same shape, not negative.
        grad: the gradient at theta, of the same shape.
        lr: the learning rate, a float. It may differ from step to step.
        rho: the weight of the old mean, a float in [0, 1).
        eps: a positive float, added to the root.

    Returns:
        (theta, s): the new point and the new running mean, new arrays of the same shape. The arguments, and what
        earlier calls returned, are not changed.
    """
    ### BEGIN SOLUTION
    s = rho * s + (1 - rho) * grad**2
    return theta - lr * grad / (np.sqrt(s) + eps), s
    #: s *= 1 - rho
    #: s += rho * grad**2
    #: theta -= lr * grad / np.sqrt(s + eps)
    #: return theta, s
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rmsprop-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Two steps that you can follow by hand; eps is as large as 1, so that its place shows.
theta, s, grad = np.array([1.0, 1.0]), np.zeros(2), np.array([4.0, -2.0])
new_theta, new_s = checks.pair(rmsprop_step(theta, s, grad, lr=0.3, rho=0.75, eps=1.0), "rmsprop_step(...)")
checks.close(new_s, [4.0, 1.0], "s after the first step")
checks.close(new_theta, [0.6, 1.3], "theta after the first step")

old_theta, old_s = np.array([0.6, 1.3]), np.array([4.0, 5.0])
new_theta, new_s = rmsprop_step(old_theta, old_s, np.array([2.0, 1.0]), lr=0.5, rho=0.75, eps=1.0)
checks.close(new_s, [4.0, 4.0], "s after the second step")
checks.close(new_theta, [0.6 - 1 / 3, 1.3 - 1 / 6], "theta after the second step")

# The first step has left its arguments as they were.
checks.unchanged(theta, [1.0, 1.0], "theta")
checks.unchanged(s, [0.0, 0.0], "s")
checks.unchanged(grad, [4.0, -2.0], "grad")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "rmsprop-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: more steps, other shapes, large and small eps, the defaults.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(62)
rates = [0.3, 0.05, 0.7, 0.2, 0.4]
sizes = np.array([3.0, 1.0, 0.2, 2.0, 0.1])
for shape, steps, rho, eps in [((2, 1, 3), 5, 0.8, 0.01), ((4,), 3, 0.3, 0.5), ((1,), 2, 0.9, 0.1), ((), 2, 0.6, 0.02)]:
    grads = rng.normal(size=(steps, *shape)) * sizes[:steps].reshape(steps, *[1] * len(shape))
    start, first = np.asarray(rng.normal(size=shape)), np.asarray(rng.uniform(0.1, 2.0, size=shape))
    means = [
        rho**t * first + (1 - rho) * sum(rho ** (t - i) * np.square(grads[i - 1]) for i in range(1, t + 1))
        for t in range(1, steps + 1)
    ]
    moves = [lr * g / (eps + mean**0.5) for lr, g, mean in zip(rates, grads, means)]
    theta, s = start.copy(), first.copy()
    for t in range(steps):
        theta, s = rmsprop_step(theta, s, grads[t].copy(), rates[t], rho, eps)
        assert np.shape(s) == shape, "the new running mean has another shape than the old one"
        assert np.shape(theta) == shape, "the new point has another shape than the old one"
        assert np.allclose(s, means[t]), "s is not rho times the old s plus (1 - rho) times the squared gradient"
        assert np.allclose(theta, start - sum(moves[: t + 1])), (
            "the point does not move by -lr * grad / (sqrt(s) + eps)"
        )

theta, s = rmsprop_step(np.array([2.0, -1.0]), np.array([4.0, 1.0]), np.array([0.0, 3.0]), lr=0.1)
assert np.allclose(s, [3.6, 1.8]), "without rho, the old mean should weigh 0.9"
assert np.allclose(theta, [2.0, -1.0 - 0.3 / 1.8**0.5]), "the step with the default rho and eps is wrong"

theta, s = rmsprop_step(np.zeros(3), np.zeros(3), np.array([1e-8, 0.0, -2e-8]), lr=1.0)
assert np.allclose(theta, [-1 / (1 + 0.1**0.5), 0.0, 2 / (1 + 2 * 0.1**0.5)]), (
    "for tiny or zero gradients eps decides: outside the root, 1e-8 unless stated otherwise"
)

theta, s = rmsprop_step(np.array([1.0, 2.0]), np.array([4.0, 9.0]), np.array([-3.0, 0.5]), 0.5, rho=0.0, eps=1.0)
assert np.allclose(s, [9.0, 0.25]) and np.allclose(theta, [1 + 1.5 / 4, 2 - 0.25 / 1.5]), "a step with rho = 0 is wrong"

theta, s = rmsprop_step(np.ones(2), np.array([4.0, 9.0]), np.zeros(2), 0.5, rho=0.5, eps=1.0)
assert np.allclose(s, [2.0, 4.5]) and np.allclose(theta, 1), "with a gradient of zero s is not rho times the old s"

theta, s = rmsprop_step(np.zeros(2), np.array([1e8, 0.0]), np.array([2e4, -3e6]), 10.0, rho=0.5)
assert np.allclose(s, [2.5e8, 4.5e12]) and np.allclose(theta, [-2e5 / 2.5e8**0.5, 10 * 2**0.5]), (
    "a step with large gradients is wrong"
)

grid, row = np.arange(6.0).reshape(2, 3), np.array([[1.0, 2.0, 4.0]])
theta, s = rmsprop_step(np.asfortranarray(grid), np.zeros((3, 2)).T, np.tile(row, (2, 1)), 0.5, rho=0.75, eps=1.0)
assert np.shape(theta) == np.shape(s) == (2, 3), "the new point or the new running mean has another shape"
assert np.allclose(s, row**2 / 4 + 0 * grid) and np.allclose(theta, grid - 0.5 * row / (row / 2 + 1)), (
    "entries are mixed up where arrays lie in another order in memory, as transposed ones do"
)

theta, s = rmsprop_step(np.float32([3.0, -1.0]), np.float32([1.0, 0.0]), np.float32([1.0, 4.0]), 0.5, rho=0.5, eps=1.0)
assert np.allclose(s, [1.0, 8.0]) and np.allclose(theta, [2.75, -1 - 2 / (1 + 8**0.5)]), "a float32 step is wrong"

for old, slope, lr, rho in [(0, 3, 0.5, 0.5), (4, 3, 0.5, 0.0), (4, 3, 0.0, 0.5), (0, 0, 0.5, 0.5), (4, 0, 0.5, 0.5)]:
    theta, s = rmsprop_step(np.ones(2), np.full(2, float(old)), np.full(2, float(slope)), lr, rho, 1.0)
    wanted = rho * old + (1 - rho) * slope**2
    assert np.allclose(s, wanted) and np.allclose(theta, 1 - lr * slope / (wanted**0.5 + 1)), (
        "a step is wrong in which lr, rho, the running mean or the gradient is zero"
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "rmsprop-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the arguments are not changed.
### BEGIN HIDDEN TESTS
given = [np.array([[1.0, -2.0, 3.0]]), np.array([[4.0, 16.0, 0.0]]), np.array([[3.0, -3.0, 8.0]])]
before = [array.copy() for array in given]
theta, s = rmsprop_step(*given, lr=0.6, rho=0.75, eps=1.0)
assert np.array_equal(given[0], before[0]), "the array passed as theta was changed in place"
assert np.array_equal(given[1], before[1]), "the array passed as s was changed in place"
assert np.array_equal(given[2], before[2]), "the array passed as grad was changed in place"
assert np.shape(theta) == np.shape(s) == (1, 3), "the new point or the new running mean has another shape than the old"
assert np.all(np.abs(theta - before[0]) > 0), "the point does not move"
assert np.all(np.abs(s - before[1]) > 0), "the running mean does not change"

# New arrays, also where a result has the values of an argument; and each call makes its own.
results = []
for old, slope, lr, rho in [(0, 3, 0.5, 0.5), (4, 3, 0.5, 0.0), (4, 2, 0.5, 0.5), (4, 3, 0.0, 0.5), (0, 0, 0.5, 0.5)]:
    given = [np.full(2, 1.0), np.full(2, float(old)), np.full(2, float(slope))]
    theta, s = rmsprop_step(*given, lr, rho, 1.0)
    results.append((theta, np.array(theta), s, np.array(s)))
    for array in given:
        array[...] = 77.0
for theta, point, s, mean in results:
    assert np.shape(theta) == np.shape(s) == (2,), "the new point or the new running mean has another shape"
    assert np.array_equal(theta, point, equal_nan=True) and np.array_equal(s, mean, equal_nan=True), (
        "a result changes when an array that was passed in is overwritten, or in a later call: it is no new array. Look "
        "at lr = 0, at rho = 0 and at a gradient of zero as well"
    )
### END HIDDEN TESTS

# %% tags=["explore", "raises-exception"]
from chainrule import plots

PATH = """
    -8.00 1.50 -5.47 -1.03 -3.99 0.45 -2.95 -0.21 -2.18 0.11 -1.60 -0.07 -1.15 0.05 -0.82 -0.04
    -0.57 0.03 -0.39 -0.03 -0.26 0.04 -0.17 -0.04 -0.10 0.06 -0.06 -0.08 -0.04 0.13 -0.02 -0.21
    -0.01 0.37 -0.01 -0.62 0.00 0.81
"""  # x1 and x2 of each point
expected = np.array(PATH.split(), dtype=float).reshape(-1, 2)


def rmsprop_path(steps=18):
    theta, s, path = START.copy(), np.zeros(2), [START]
    for _ in range(steps):
        theta, s = rmsprop_step(theta, s, valley_gradient(theta), lr=0.8)
        path.append(np.copy(theta))
    return np.array(path)


plots.paths_on_quadratic(CURVATURE, expected, rmsprop_path, name="RMSProp")

# %% [markdown]
# **Look.** The first step is equally long in both coordinates, 2.5 to the right and 2.5 down (the two axes have
# different scales), although one gradient is nearly four times the other. It is three times as long as $\eta = 0.8$,
# because $s$ starts at zero and is too small at first: Adam repairs that. At the bottom the path does not settle. When
# gradients have been small for a while, $s$ is small too, and the steps grow again: $x_2$ swings out to 0.8. Set
# `steps=200`, and both coordinates end up jumping by $\eta$ from side to side. That is one reason for the schedules of
# part 7.

# %% [markdown]
# ## 5 Adam
#
# Adam joins the two ideas: a running mean $m$ of the gradient in the numerator, a running mean $v$ of its square in
# the denominator. At step $t = 1, 2, \dots$, elementwise:
#
# $$\begin{aligned} m &\leftarrow \beta_1 m + (1 - \beta_1)\, g, \\
# v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2. \end{aligned}$$
#
# Both start at zero, and that pulls them down: after $t$ steps the weights of a running mean add up to $1 - \beta^t$,
# not to 1. Dividing by that sum makes them proper means again, of the gradients seen so far:
#
# $$\hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat v = \frac{v}{1 - \beta_2^t},$$
#
# $$\theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}.$$
#
# In code, for one weight and its gradients so far: the corrected mean is the weighted average of the list.

# %% tags=["explore"]
beta, g = 0.9, np.array([5.0, 1.0, 3.0])
running = 0.0
for value in g:
    running = beta * running + (1 - beta) * value
print("running mean:", round(running, 3), " corrected:", round(running / (1 - beta ** len(g)), 3))
print("weighted average of the gradients:", np.average(g, weights=beta ** np.arange(len(g))[::-1]).round(3))

# %% [markdown]
# How much does the correction matter? Without it the first step is $(1 - \beta_1) / \sqrt{1 - \beta_2}$ times as long
# as it should be; with the usual 0.9 and 0.999 that is 3.2 times too long, in every coordinate.
#
# **Our convention**, that of the Adam paper and of PyTorch: $\beta_1$ belongs to the gradient, $\beta_2$ to its square
# (some notes swap the names, and leave out the correction); $\varepsilon$ stands outside the root and is added after
# the correction; $t$ counts from 1, and one step moves all parameters. The letter $v$ now means the mean square, which
# RMSProp calls $s$; it is $m$ that corresponds to the velocity of part 3.

# %% [markdown]
# ### Exercise 5: Adam
#
# ●●● · 28 minutes · 5 points
#
# A network has many parameter arrays, and Adam remembers something about each, so this one is a class. What you store
# on `self` in `__init__`, as the stub stores `self.lr`, is there again in each call of `step`. Both lines with `raise`
# have to go.
#
# - `Adam(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)` makes an optimiser that has not taken a step.
# - `.step(params, grads)` takes two lists of arrays, `grads[i]` of the shape of `params[i]`, and returns a list of new
#   arrays. Call it with the same number of arrays, in the same order and of the same shapes, each time.
#
# <details><summary>Hint: what to remember</summary>
# One m and one v for each parameter, and how many steps there have been. The shapes are known when the first
# gradients arrive; a list that is empty until then will do.
# </details>
#
# <details><summary>Hint: t</summary>
# One call of step is one step, however many arrays it moves.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adam", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
class Adam:
    """The Adam optimiser with bias correction, and eps outside the root.

    Args:
        lr: the learning rate, a float.
        beta1: the weight of the old mean in the running mean of gradients, a float in [0, 1).
        beta2: the weight of the old mean in the running mean of squared gradients, a float in [0, 1).
        eps: a positive float, added to the root of the corrected second mean.
    """

    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        # what the optimiser remembers from step to step
        ### BEGIN SOLUTION
        self.t = 0
        self.m, self.v = [], []
        ### END SOLUTION

    def step(self, params, grads):
        """Take one step and remember the running means for the next.

        Args:
            params: a list of float arrays of any shapes, also of that of a single number, ().
            grads: a list of as many arrays, grads[i] of the shape of params[i].

        Returns:
            A new list of new arrays, the i-th of the shape of params[i]. The arguments, and what earlier calls
            returned, are not changed. Nothing of the arguments is kept: the caller may overwrite them afterwards.
        """
        ### BEGIN SOLUTION
        if self.t == 0:
            self.m = [np.zeros_like(p) for p in params]
            self.v = [np.zeros_like(p) for p in params]
        self.t += 1
        self.m = [self.beta1 * m + (1 - self.beta1) * g for m, g in zip(self.m, grads)]
        self.v = [self.beta2 * v + (1 - self.beta2) * g**2 for v, g in zip(self.v, grads)]
        means = [m / (1 - self.beta1**self.t) for m in self.m]
        roots = [np.sqrt(v / (1 - self.beta2**self.t)) for v in self.v]
        return [p - self.lr * m / (root + self.eps) for p, m, root in zip(params, means, roots)]
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adam-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Two steps with two parameters; eps is as large as 1, so that its place shows.
adam = Adam(lr=0.2, beta1=0.5, beta2=0.75, eps=1.0)
params, grads = [np.ones((1, 2)), np.array([0.0])], [np.array([[3.0, -1.0]]), np.array([4.0])]
weights, bias = checks.pair(adam.step(params, grads), "adam.step(params, grads)")
checks.close(weights, [[0.85, 1.1]], "weights after the first step")
checks.close(bias, [-0.16], "bias after the first step")

# Both corrected means of the weights' gradients are 1 now; those of their squares are 6.75 / 1.75 and 4.75 / 1.75.
roots = [(6.75 / 1.75) ** 0.5, (4.75 / 1.75) ** 0.5]
weights, bias = adam.step([np.ones((1, 2)), np.array([0.0])], [np.array([[0.0, 2.0]]), np.array([4.0])])
checks.close(weights, [[1 - 0.2 / (roots[0] + 1), 1 - 0.2 / (roots[1] + 1)]], "weights after the second step")
checks.close(bias, [-0.16], "bias after the second step: the same gradient again, so the same move")

# The first step has left its arguments as they were.
checks.unchanged(params[0], [[1.0, 1.0]], "params[0]")
checks.unchanged(params[1], [0.0], "params[1]")
checks.unchanged(grads[0], [[3.0, -1.0]], "grads[0]")
checks.unchanged(grads[1], [4.0], "grads[1]")
print("passed")


# %% nbgrader={"grade": true, "grade_id": "adam-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: many steps with changing gradients, other shapes, large and small eps, the defaults.
### BEGIN HIDDEN TESTS
def corrected(values, beta):
    """The weighted mean that a bias-corrected running mean is, of values[0] (oldest) to values[-1]."""
    fade = beta ** np.arange(len(values))[::-1]
    return np.tensordot(fade / fade.sum(), values, 1)


rng = np.random.default_rng(63)
sizes = np.array([4.0, 1.0, 0.3, 2.0, 0.05, 0.6])
for shape, steps, lr, beta1, beta2, eps in [
    ((2, 1, 3), 6, 0.05, 0.9, 0.95, 0.3),
    ((3,), 3, 0.2, 0.6, 0.8, 0.01),
    ((1,), 2, 0.5, 0.3, 0.99, 0.1),
    ((), 3, 0.1, 0.8, 0.5, 0.02),
    ((2,), 3, 0.1, 0.0, 0.7, 0.3),
    ((2,), 3, 0.1, 0.7, 0.0, 0.3),
    ((2,), 2, 0.0, 0.7, 0.8, 0.3),
    ((2,), 15, 0.1, 0.95, 0.999, 0.01),
]:
    grads = rng.normal(size=(steps, *shape)) * np.resize(sizes, steps).reshape(steps, *[1] * len(shape))
    point = np.asarray(rng.normal(size=shape))
    step = Adam(lr, beta1, beta2, eps).step
    for t in range(1, steps + 1):
        mean, square = corrected(grads[:t], beta1), corrected(grads[:t] ** 2, beta2)
        wanted = point - lr * mean / (eps + square**0.5)
        (new,) = step([point.copy()], [grads[t - 1].copy()])
        assert np.shape(new) == shape, "a new parameter has another shape than the old one"
        assert t > 1 or np.allclose(new, wanted), "the first step is wrong: are both means corrected, is eps outside?"
        assert t > 2 or np.allclose(new, wanted), "the second step is wrong: are the means and t remembered?"
        assert np.allclose(new, wanted), "a later step is wrong: does t count every step, is each mean a running mean?"
        point = np.asarray(wanted)

# A gradient of zero is a gradient like any other, also at the first step; large ones and small ones are, too.
for grads in [[2.0, 0.0, 1.0], [0.0, 0.0, 3.0, -1.0], [1e6, -3e7, 1e5], [1e-6, 3e-6, -1e-6]]:
    step, grads = Adam(lr=0.5, beta1=0.6, beta2=0.8).step, np.array(grads)
    for t in range(1, len(grads) + 1):
        wanted = -0.5 * corrected(grads[:t], 0.6) / (corrected(grads[:t] ** 2, 0.8) ** 0.5 + 1e-8)
        (new,) = step([np.zeros((1, 1))], [np.full((1, 1), grads[t - 1])])
        assert np.shape(new) == (1, 1) and np.allclose(new, wanted), (
            "a step is wrong when a gradient is zero, very large or very small: it belongs to both means, and to t, too"
        )

step = Adam().step
grads = np.array([[2.0, -1.0], [-0.5, 3.0], [0.25, 0.125]])
for t in (1, 2, 3):
    wanted = np.array([1e-3, 1e-3]) * corrected(grads[:t], 0.9) / (corrected(grads[:t] ** 2, 0.999) ** 0.5 + 1e-8)
    (new,) = step([np.zeros(2)], [grads[t - 1].copy()])
    assert np.shape(new) == (2,) and np.allclose(new, -wanted, atol=0), "a step with the default settings is wrong"

(new,) = Adam(lr=1.0).step([np.zeros(3)], [np.array([1e-8, 0.0, -3e-8])])
assert np.shape(new) == (3,) and np.allclose(new, [-0.5, 0.0, 0.75]), (
    "for tiny or zero gradients eps decides: outside the root, after the correction, 1e-8 unless stated otherwise"
)

(new,) = Adam(eps=1.0, lr=0.5).step([np.float32([3.0, -1.0])], [np.float32([1.0, -4.0])])
assert np.shape(new) == (2,) and np.allclose(new, [2.75, -0.6]), "a float32 step is wrong"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "adam-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: several parameters and several optimisers do not disturb each other.
### BEGIN HIDDEN TESTS
# The moves of a parameter are the same beside others and alone, and in proportion to the learning rate.
rng = np.random.default_rng(64)
shapes = [(2, 3), (3,), (), (2, 3)]
together = Adam(lr=0.1, beta1=0.7, beta2=0.9, eps=0.05).step
alone = {0: Adam(lr=0.1, beta1=0.7, beta2=0.9, eps=0.05).step, 3: Adam(lr=0.3, beta1=0.7, beta2=0.9, eps=0.05).step}
share = {0: 1, 3: 3}
params = [np.asarray(rng.normal(size=shape)) for shape in shapes]
for _ in range(3):
    grads = [np.asarray(rng.normal(size=shape) * (i + 1)) for i, shape in enumerate(shapes)]
    new = list(together([p.copy() for p in params], [g.copy() for g in grads]))
    assert len(new) == 4, "step does not return one array for each parameter"
    assert [np.shape(p) for p in new] == shapes, "the arrays returned have other shapes than the parameters"
    assert not any(np.allclose(p, q) for p, q in zip(new, params)), "one of several parameters does not move"
    for i, step in alone.items():
        elsewhere = params[i] + 1
        (moved,) = step([elsewhere.copy()], [grads[i].copy()])
        assert np.shape(moved) == shapes[i] and np.allclose(moved - elsewhere, share[i] * (new[i] - params[i])), (
            "several parameters or several optimisers disturb each other: does each parameter of each optimiser have "
            "means of its own, and does t count calls of step?"
        )
    params = [np.array(p) for p in new]
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "adam-hidden-3", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the arguments, and what earlier calls returned, are not changed.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(66)
step = Adam(lr=0.3, beta1=0.5, beta2=0.6, eps=0.2).step
params, returned = [np.array([[1.0, -2.0]]), np.array([0.5])], []
for _ in range(3):
    grads = [rng.normal(size=(1, 2)), rng.normal(size=1)]
    old, slopes = [p.copy() for p in params], [g.copy() for g in grads]
    new = step(params, grads)
    assert isinstance(new, (list, tuple)), "step does not return a list"
    assert len(params) == 2 and len(grads) == 2, "the list passed to step was changed"
    assert all(np.array_equal(p, q) for p, q in zip(params, old)), "a parameter was changed in place"
    assert all(np.array_equal(g, h) for g, h in zip(grads, slopes)), "a gradient was changed in place"
    assert [np.shape(p) for p in new] == [(1, 2), (1,)], "the arrays returned have other shapes than the parameters"
    assert all(np.isfinite(p).all() for p in new), "a new parameter is not a finite number"
    assert not np.allclose(new[0], old[0]) and not np.allclose(new[1], old[1]), "a parameter does not move"
    copies = [np.array(p) for p in new]
    returned.append((new, copies))
    params = [p.copy() for p in copies]
for new, copies in returned:
    assert len(new) == 2 and all(np.array_equal(p, q) for p, q in zip(new, copies)), (
        "a later step changed what an earlier one returned, the list or an array in it"
    )

# Parameters that do not move are new arrays, too.
params = [np.ones(2)]
new = [Adam(lr=lr).step(params, [np.full(2, slope)])[0] for lr, slope in ((0.0, 1.0), (0.1, 0.0))]
params[0][...] = 77.0
assert all(np.shape(p) == (2,) and np.allclose(p, 1) for p in new), (
    "a parameter that does not move, with lr = 0 or a gradient of zero, is returned itself and not as a new array"
)

# The same arrays and lists again at each step, overwritten in between.
step, kind = (Adam(lr=0.3, beta1=0.5, beta2=0.6, eps=0.2).step for _ in range(2))
params, grads, values = [np.zeros((1, 2)), np.zeros(1)], [np.zeros((1, 2)), np.zeros(1)], rng.normal(size=(4, 6))
values[0, 3:] = 0  # the first gradients
for row in values:
    for array, part in zip(params + grads, (row[:2], row[2:3], row[3:5], row[5:])):
        array[...] = part
    wanted = [np.array(p) for p in kind([p.copy() for p in params], [g.copy() for g in grads])]
    new = step(params, grads)
    for array in params + grads:
        array[...] = 77.0
    assert all(np.shape(p) == np.shape(q) and np.allclose(p, q) for p, q in zip(new, wanted)), (
        "a step is wrong when the arrays passed to it, or to an earlier step, are overwritten afterwards: copy what you "
        "keep, and return new arrays"
    )
### END HIDDEN TESTS

# %% tags=["explore", "raises-exception"]
from chainrule import plots

PATH = """
    -8.00 1.50 -7.60 1.10 -7.20 0.71 -6.80 0.33 -6.41 -0.01 -6.01 -0.29 -5.62 -0.51 -5.23 -0.64
    -4.85 -0.70 -4.47 -0.68 -4.10 -0.62 -3.73 -0.51 -3.37 -0.38 -3.02 -0.23 -2.68 -0.08 -2.35 0.06
    -2.03 0.18 -1.73 0.28 -1.43 0.35 -1.15 0.38 -0.89 0.38 -0.64 0.35 -0.41 0.30 -0.19 0.23
    0.01 0.14 0.19 0.06 0.35 -0.03 0.49 -0.10 0.62 -0.16 0.73 -0.20 0.82 -0.22 0.90 -0.22
    0.95 -0.20 1.00 -0.17 1.02 -0.12 1.04 -0.07 1.04 -0.01 1.03 0.04 1.01 0.08 0.98 0.11
    0.94 0.13
"""  # x1 and x2 of each point
expected = np.array(PATH.split(), dtype=float).reshape(-1, 2)


def adam_path(steps=40):
    optimiser, theta, path = Adam(lr=0.4), START.copy(), [START]
    for _ in range(steps):
        (theta,) = optimiser.step([theta], [valley_gradient(theta)])
        path.append(np.copy(theta))
    return np.array(path)


plots.paths_on_quadratic(CURVATURE, expected, adam_path, name="Adam")

# %% [markdown]
# **Look.** The path leaves the start equally fast in both coordinates (the two axes have different scales): that is
# RMSProp's part. It rolls past the bottom of the valley, and past the minimum: that is the part of momentum.

# %% [markdown]
# ## 6 A test that catches mistakes
#
# A test is good if it fails what is wrong and passes what is right, however that is written. Both halves are easy to
# miss: a test that takes a single step never sees whether anything is remembered.
#
# In this exercise the roles are exchanged. **You** write the test, and it is run on other people's `Adam`.
#
# ### Exercise 6: a check for Adam
#
# ●●● · 20 minutes · 4 points
#
# `check_adam(candidate)` gets a class like that of exercise 5. It returns nothing if the class is right and raises
# `AssertionError` if it is wrong. Python's `assert condition, "what is wrong"` does both: it raises `AssertionError`
# with that text if the condition is false, and otherwise does nothing.
#
# The wrong classes make mistakes that people really make: in the correction, in the place of $\varepsilon$, in the
# roles of $\beta_1$ and $\beta_2$, in what is kept from step to step and for which parameter. Some have the right numbers
# but change the arrays they were given, parameters or gradients. The right ones are written in several ways, so their
# last digits differ.
#
# Two steps of one optimiser with two parameters can be enough, if you choose the numbers well. You know what to expect:
# after step 1 the corrected means are $g_1$ and $g_1^2$; after step 2 they are the weighted averages
#
# $$\hat m = \frac{\beta_1 g_1 + g_2}{\beta_1 + 1}, \qquad \hat v = \frac{\beta_2 g_1^2 + g_2^2}{\beta_2 + 1}.$$
#
# <details><summary>Hint: how to begin</summary>
# Make an optimiser, <code>candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5)</code>, call its <code>step</code> with a list
# of small arrays, and assert what each array that it returns has to be.
# </details>
#
# <details><summary>Hint: which numbers?</summary>
# Choose them so that no two formulas agree by accident: a second gradient that differs from the first, beta1 and beta2
# that differ, and an eps large enough to be seen. Parameters with different gradients show whether they share something.
# </details>
#
# <details><summary>Hint: changed arguments</summary>
# Keep a copy of each array, <code>w.copy()</code>, before the call, and compare afterwards with
# <code>np.array_equal</code>.
# </details>
#
# <details><summary>Hint: last digits</summary>
# <code>np.allclose</code> compares within a tolerance; <code>==</code> does not.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adam-test", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def check_adam(candidate):
    """Raise AssertionError unless `candidate` is a right Adam.

    Work out what to expect yourself; do not call your own Adam.

    Args:
        candidate: a class with the interface of exercise 5: candidate(lr, beta1, beta2, eps) makes an optimiser, and
            its .step(params, grads) returns the list of new arrays. Use float arrays, and as few steps as you need.

    Returns:
        None, if the new parameters are right up to rounding and neither params nor grads were changed.

    Raises:
        AssertionError: if one of them is not.
    """
    ### BEGIN SOLUTION
    optimiser = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5)
    params, grads = [np.array([1.0, -2.0]), np.array([0.5])], [np.array([2.0, -1.0]), np.array([4.0])]
    before = [array.copy() for array in params + grads]
    new = optimiser.step(params, grads)
    for array, copy in zip(params + grads, before):
        assert np.array_equal(array, copy), "an argument was changed"
    for p, g, q in zip(before[:2], before[2:], new):
        assert np.allclose(q, p - 0.1 * g / (abs(g) + 0.5)), "the first step"

    later = [np.array([-0.5, 3.0]), np.array([1.0])]
    new = optimiser.step([np.zeros(2), np.zeros(1)], [g.copy() for g in later])
    for g1, g2, q in zip(before[2:], later, new):
        mean, square = (0.6 * g1 + g2) / 1.6, (0.8 * g1**2 + g2**2) / 1.8
        assert np.allclose(q, -0.1 * mean / (square**0.5 + 0.5)), "the second step"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adam-test-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Two classes that are plainly wrong. Your check has to refuse both.
class StandsStill:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr = lr

    def step(self, params, grads):
        return [p.copy() for p in params]


class PlainDescent(StandsStill):
    def step(self, params, grads):
        return [p - self.lr * g for p, g in zip(params, grads)]


for wrong in (StandsStill, PlainDescent):
    try:
        result = check_adam(wrong)
    except AssertionError:
        continue
    raise checks.CheckFailed(f"your check accepts {wrong.__name__}: expected AssertionError, it returned {result!r}")
print("passed")


# %% nbgrader={"grade": true, "grade_id": "adam-test-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: your check meets right versions and wrong formulas.
### BEGIN HIDDEN TESTS
# bank: adam
def accepts(version):
    try:
        check_adam(version)
    except AssertionError:
        return False
    return True


assert not accepts(WRONG["eps-inside-root"]), (
    "Your check accepts a version with eps in the wrong place: choose an eps that is not small beside the gradients."
)
assert accepts(RIGHT["reference"]), (
    "Your check refuses a version that is right. Work out both steps by hand, and allow for rounding."
)
assert not accepts(WRONG["betas-exchanged"]), (
    "Your check accepts a version that exchanges beta1 and beta2: choose two that differ, and take a second step with "
    "another gradient."
)
assert accepts(RIGHT["whole-history"]), (
    "Your check refuses a version that is right but rounds differently. Compare within a tolerance."
)
assert not accepts(WRONG["no-bias-correction"]), "Your check accepts a version without bias correction."
assert not accepts(WRONG["correction-without-power"]), (
    "Your check accepts a version whose correction is right in the first step only: look at a second one."
)
assert accepts(RIGHT["rate-factored-out"]), (
    "Your check refuses a version that is right but rounds differently. Compare within a tolerance."
)
assert not accepts(WRONG["eps-before-correction"]), (
    "Your check accepts a version that adds eps before the correction: choose an eps that is not small."
)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "adam-test-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: your check meets versions that forget, that share, and that change their arguments, and right ones.
### BEGIN HIDDEN TESTS
# bank: adam
def refuses(version):
    try:
        check_adam(version)
    except (AssertionError, ValueError):  # two parameters of different shapes do not mix without a ValueError
        return True
    return False


assert refuses(WRONG["in-place"]), (
    "Your check accepts a version that changes its arguments. Copy them before the call and compare afterwards, with "
    "`np.array_equal`."
)
assert refuses(WRONG["gradients-in-place"]), (
    "Your check accepts a version that changes the gradients it is given. Copy them, too, before the call."
)
assert not refuses(RIGHT["flat-vector"]), "Your check refuses a version that is right."
assert refuses(WRONG["forgets"]), (
    "Your check accepts a version that remembers nothing: take a second step with another gradient."
)
assert refuses(WRONG["stores-corrected"]), (
    "Your check accepts a version that remembers the corrected means: take a second step, and compare it too."
)
assert not refuses(RIGHT["reference"]), "Your check refuses a version that is right."
assert refuses(WRONG["one-state-for-all"]) and refuses(WRONG["counts-parameters"]), (
    "Your check accepts a version in which one parameter disturbs another: step two parameters with different "
    "gradients, and compare both."
)
assert refuses(WRONG["first-parameter-only"]), (
    "Your check accepts a version that remembers the means of the first parameter only: compare all parameters in the "
    "second step."
)
### END HIDDEN TESTS

# %% [markdown]
# Does your check accept your own class? If not, one of the two is wrong. That it does says nothing about what it
# refuses: change a sign in a copy of your class, and see.

# %% tags=["explore", "raises-exception"]
check_adam(Adam)
print("your check accepts your Adam")

# %% [markdown]
# ## 7 Schedules
#
# Large steps at the beginning cover ground; small ones at the end let the path settle. A *schedule* says which learning
# rate to use at step $k$. These are the common ones. $\eta_0$ is the first rate, $\eta_{\max}$ and $\eta_{\min}$ are
# the largest and the smallest, $T$ is the number of steps planned, and $0 < \gamma < 1$ is a factor:
#
# | schedule | the rate at step $k$ |
# |---|---|
# | constant | $\eta_0$ |
# | piecewise | $\eta_0\, \gamma^{\,j}$ when $j$ of some steps chosen beforehand have passed |
# | plateau | times $\gamma$ whenever the loss on data kept aside has not improved for a while |
# | linear | a straight line from $\eta_{\max}$ to $\eta_{\min}$ at step $T$ |
# | cosine | half a cosine wave from $\eta_{\max}$ to $\eta_{\min}$ at step $T$ |
# | polynomial | $a / (b + k)^p$ with $a, b, p > 0$ |
# | exponential | $\eta_0\, \gamma^{\,k}$, with $\gamma$ slightly below 1 |
# | warm-up | rises in a straight line for the first steps, then another schedule begins |
#
# Two of them deserve a warning.
#
# - *Exponential.* All rates together add up to $\eta_0 / (1 - \gamma)$. Further than that, times the size of the
#   gradient, the point never gets, however long you train.
# - *Polynomial.* The power matters. Many notes print $a / (b + k)$ for everything. That is $p = 1$, and right for
#   *strongly convex* losses, which curve upwards everywhere at least as much as some parabola. For losses that are
#   convex only, which never curve downwards but may be flat, $p = 1/2$ is right. With $p = 1$ and $b = 1$ the rates
#   fall so fast that a million steps with a gradient of size 1 carry you no further than $14.4\, a$:

# %% tags=["explore"]
k = np.arange(1_000_000)
print("sum of 1/(1 + k):", (1 / (1 + k)).sum().round(1), "  sum of 1/sqrt(1 + k):", (1 / np.sqrt(1 + k)).sum().round())

# %% [markdown]
# *Warm-up* is for the first steps, in which Adam's means rest on a handful of gradients and a large batch's large rate
# (part 1) meets the steepest part of the loss.
#
# The *cosine* falls slowly, then quickly, then slowly again:
#
# $$\eta(k) = \eta_{\min} + \frac{\eta_{\max} - \eta_{\min}}{2} \left(1 + \cos\frac{\pi k}{T}\right).$$
#
# In the code $k$ is `step` and $T$ is `max_steps`. The cosine alone runs from 1 to -1, and after that it would climb
# again, here with $T = 10$:

# %% tags=["explore"]
print(np.cos(np.pi * np.array([0, 5, 10, 20]) / 10).round(2))

# %% [markdown]
# **Our convention.** Steps count from 0, and the schedule is *clamped*: a run that goes on after step $T$ stays at
# $\eta_{\min}$.

# %% [markdown]
# ### Exercise 7: the learning rate at a step
#
# ●○○ · 8 minutes · 3 points
#
# `cosine_lr(step, max_steps, lr_max, lr_min=0.0)` returns a float.
#
# <details><summary>Hint: clamp</summary>
# What happens to the formula if a step beyond the last is treated like the last?
# </details>


# %% nbgrader={"grade": false, "grade_id": "cosine", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    """Learning rate of the cosine schedule.

    Args:
        step: index of the step, an int that counts from 0.
        max_steps: the step from which on the rate is lr_min, an int of at least 1.
        lr_max: the rate at step 0, a float.
        lr_min: the rate at max_steps and at every later step, a float of at most lr_max.

    Returns:
        The rate at this step, a float between lr_min and lr_max.
    """
    ### BEGIN SOLUTION
    progress = min(step, max_steps) / max_steps
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cosine-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# At a third of the way the cosine is 1/2, at half of it 0.
checks.close(cosine_lr(0, 6, 0.8), 0.8, "cosine_lr(0, 6, 0.8)")
checks.close(cosine_lr(2, 6, 0.8), 0.6, "cosine_lr(2, 6, 0.8)")
checks.close(cosine_lr(3, 6, 0.8), 0.4, "cosine_lr(3, 6, 0.8)")
checks.close(cosine_lr(6, 6, 0.8), 0.0, "cosine_lr(6, 6, 0.8)")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "cosine-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: from step 0 to max_steps, with other lengths and a smallest rate above zero.
### BEGIN HIDDEN TESTS
for max_steps, lr_max, lr_min, between in [
    (7, 0.3, 0.1, (1, 3, 6)), (12, 3, 1, (5,)), (1000, 0.02, 0.001, (30, 500, 999)), (1, 0.5, 0.25, ()),
    (7, 0.9, 0.1, (1, 3, 6)), (7, 0.9, 0.0, (1, 3)), (12, 0.4, 0.4, (5,)), (1, 2e6, 1e-7, ()), (9, 0.0, 0.0, (2,)),
]:  # fmt: skip
    first, last = cosine_lr(0, max_steps, lr_max, lr_min), cosine_lr(max_steps, max_steps, lr_max, lr_min)
    assert np.ndim(first) == 0 and np.ndim(last) == 0, "the rate is not a single number"
    assert np.isclose(first, lr_max), "the rate at step 0 is not lr_max"
    assert np.isclose(last, lr_min), "the rate at max_steps is not lr_min"
    for step in between:
        share = np.cos(np.pi / 2 * step / max_steps) ** 2
        assert np.isclose(cosine_lr(step, max_steps, lr_max, lr_min), share * lr_max + (1 - share) * lr_min), (
            "The rate between step 0 and max_steps is wrong. Half way it is (lr_max + lr_min) / 2: try that with lr_min "
            "above zero."
        )

assert np.isclose(cosine_lr(8, 12, lr_max=0.8, lr_min=0.4), 0.5), "two thirds down the rate is not 1/4 of the way up"
assert np.isclose(cosine_lr(step=5, max_steps=10, lr_max=0.9), 0.45), "half way down the rate is not the mean of both"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cosine-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: steps beyond the last.
### BEGIN HIDDEN TESTS
for max_steps, lr_max, lr_min in [(7, 0.3, 0.1), (10, 1.0, 0.25)]:
    last = cosine_lr(max_steps, max_steps, lr_max, lr_min)
    assert not np.isclose(cosine_lr(0, max_steps, lr_max, lr_min), last), "the rate does not change from first to last"
    for step in (max_steps + 1, 2 * max_steps, 3 * max_steps + 2, 100_000):
        rate = cosine_lr(step, max_steps, lr_max, lr_min)
        assert np.ndim(rate) == 0 and np.isclose(rate, last), "after max_steps the rate does not stay what it was there"
### END HIDDEN TESTS

# %% tags=["explore", "raises-exception"]
from chainrule import plots

steps = np.arange(0, 61, 2)
RATES = """
    0.400 0.398 0.391 0.379 0.364 0.344 0.322 0.296 0.269 0.240 0.210 0.180 0.151 0.124 0.098 0.076
    0.056 0.041 0.029 0.022 0.020 0.020 0.020 0.020 0.020 0.020 0.020 0.020 0.020 0.020 0.020
"""
expected = np.array(RATES.split(), dtype=float)
plots.curve_beside(
    steps,
    expected,
    lambda: [cosine_lr(int(step), 40, 0.4, 0.02) for step in steps],
    name="Cosine schedule",
    xlabel="step",
    ylabel="learning rate",
)

# %% [markdown]
# And the whole family, yours among them. The plateau sees a loss that improves until step 20 and never again, and waits
# for 10 steps each time.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

steps, rate = np.arange(61), 0.4
family = {
    "piecewise": rate * 0.3 ** ((steps >= 20).astype(int) + (steps >= 40)),
    "plateau": rate * 0.5 ** (np.maximum(steps - 20, 0) // 10),
    "linear": rate * (1 - np.minimum(steps, 40) / 40),
    "cosine, yours": lambda: [cosine_lr(int(step), 40, rate) for step in steps],
    "polynomial, p = 1/2": rate / np.sqrt(1 + steps),
    "exponential": rate * 0.95**steps,
    "warm-up, constant": rate * np.minimum(steps / 10, 1),
}
plots.schedules(steps, family, name="Seven schedules")

# %% [markdown]
# ## 8 Tuning
#
# Now all methods race. Move the sliders: learning rate, momentum ($\mu$, and Adam's $\beta_1$), condition number
# $\kappa$, and the start. Which methods suffer when $\kappa$ grows? Which ones do not care?

# %% tags=["explore", "raises-exception"]
from chainrule import widgets


def plain_step(theta, grad, lr):
    return theta - lr * grad


widgets.race(
    {
        "plain descent": plain_step,
        "heavy ball": heavy_ball_step,
        "RMSProp": rmsprop_step,
        "Adam": lambda lr, mu: Adam(lr=lr, beta1=mu),
    }
)

# %% [markdown]
# RMSProp and Adam visit the same points whatever $\kappa$ is, because they rescale each coordinate; that works so well
# because this valley lies along the axes. "For good" means up to the last step of the race: at a constant rate RMSProp
# starts to jump later on, as in part 4.
#
# **On a saddle.** Not only valleys are slow. At a *saddle* the gradient is zero, but the function rises in one direction
# and falls in another. $f(x) = \frac12 x_1^2 - \frac12 x_2^2 + \frac14 x_2^4$ has one at the origin, and its minima at
# $(0, 1)$ and $(0, -1)$. The race starts almost on the line that leads straight into the saddle, with $x_2 = 0.001$:

# %% tags=["explore", "raises-exception"]
from chainrule import plots


def saddle(x):
    return x[0] ** 2 / 2 - x[1] ** 2 / 2 + x[1] ** 4 / 4


def saddle_gradient(x):
    return np.array([x[0], x[1] ** 3 - x[1]])


def saddle_path(step, memory, steps=100):
    x, path = np.array([-1.5, 0.001]), [[-1.5, 0.001]]
    for _ in range(steps):
        x, memory = step(x, memory, saddle_gradient(x))
        path.append(x)
    return np.array(path)


def adam_on_the_saddle():
    optimiser = Adam(lr=0.05)
    return saddle_path(lambda x, _, g: (optimiser.step([x], [g])[0], None), None)


paths = {
    "plain descent": saddle_path(lambda x, _, g: (plain_step(x, g, lr=0.1), None), None),
    "heavy ball": lambda: saddle_path(lambda x, v, g: heavy_ball_step(x, v, g, lr=0.1, mu=0.8), np.zeros(2)),
    "RMSProp": lambda: saddle_path(lambda x, s, g: rmsprop_step(x, s, g, lr=0.02), np.zeros(2)),
    "Adam": adam_on_the_saddle,
}
plots.paths_on_contours(saddle, paths, (-1.5, 0.001), (0, 1))

# %% [markdown]
# **Look.** Plain descent and heavy ball run into the saddle and wait there until $x_2$ has grown large enough to be felt.
# Momentum shortens the wait. RMSProp and Adam leave sideways from the first step: they divide by the gradient's size,
# so a small gradient is no reason for a small step.
#
# But every method is only as good as its settings. Where to begin, and which way to go:
#
# | setting | begin with | then |
# |---|---|---|
# | learning rate, plain descent and heavy ball | 0.1 | times 3 until it diverges, then back by 3 |
# | learning rate, Adam | 0.001 | the same |
# | momentum $\mu$ | 0.9 | up where the path is long and calm, down where it overshoots |
# | $\beta_1,\ \beta_2,\ \varepsilon$ | 0.9, 0.999, $10^{-8}$ | as a rule not at all |
# | batch size | what the machine computes at once | with the linear rule for the rate |
# | schedule | a short warm-up, then cosine | none while you look for the learning rate |
#
# - Tune the learning rate first, and on a logarithmic scale: 0.1, 0.3, 1, not 0.1, 0.2, 0.3.
# - Change one setting at a time. Compare at the same number of steps, and from more than one start or seed.
# - What is best depends on the budget: a setting that wins after 50 steps may lose after 500.
#
# For heavy ball on a quadratic, theory says where to look. With the largest coefficient $a_{\max}$:
#
# - It is stable for $\eta < (1 + \mu) / a_{\max}$.
# - However you choose $\eta$, a step multiplies the distance to the minimum in the long run by $\sqrt{\mu}$ at best,
#   and so $f$ by $\mu$ at best. A ball with a large $\mu$ rolls on for long.
# - With too small an $\eta$ the flattest direction creeps, as if by plain descent with the rate $\eta / (1 - \mu)$.
#
# So $\mu$ has an upper limit that follows from the budget. For $f$ to fall to $10^{-4}$ of its start in 50 steps,
# $\mu^{50}$ must not be larger than $10^{-4}$:

# %% tags=["explore"]
print("largest momentum:", np.round(1e-4 ** (1 / 50), 3))

# %% [markdown]
# ### Exercise 8: tune to a target
#
# ●●○ · 12 minutes · 3 points
#
# The ravine has three directions, $f(x) = 0.01\, x_1^2 + 0.1\, x_2^2 + x_3^2$. Its condition number is 100. The
# course's own heavy ball runs down it, with the settings that you choose. **The target:** from any start, after 100
# steps and for as long as the run goes on, $f$ is at most $10^{-6}$ times what it was at the start. From the start of
# the visible test, plain descent at its best is still above $10^{-3}$.
#
# `settings()` returns a dict with your `"lr"` and `"mu"`.
#
# <details><summary>Hint: what limits what?</summary>
# Work out the largest momentum that the budget allows. Stay a little below it, and look for a learning rate with the
# figure further down.
# </details>

# %% nbgrader={"grade": false, "grade_id": "ravine", "locked": true, "schema_version": 3, "solution": false}
RAVINE = np.array([0.01, 0.1, 1.0])


def ravine_run(settings, start, steps=100):
    """f at the start and after each step, divided by f at the start: an array of shape (steps + 1,)."""
    lr, mu = float(settings["lr"]), float(settings["mu"])
    x, v, values = np.array(start, dtype=float), np.zeros(3), []
    with np.errstate(all="ignore"):
        for _ in range(steps + 1):
            values.append(RAVINE @ x**2)
            v = mu * v + 2 * RAVINE * x
            x = x - lr * v
        return np.array(values) / values[0]


# %% nbgrader={"grade": false, "grade_id": "tune", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def settings():
    """Settings with which heavy ball reaches the target.

    Returns:
        A dict with the keys "lr", a positive float, and "mu", a float in [0, 1).
    """
    ### BEGIN SOLUTION
    return {"lr": 0.9, "mu": 0.8}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "tune-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# One start. The message says how far your settings come.
chosen = settings()
if not isinstance(chosen, dict) or sorted(chosen) != ["lr", "mu"]:
    raise checks.CheckFailed('settings() should return a dict with the keys "lr" and "mu"')
for name in chosen:
    checks.close(chosen[name], chosen[name], f"settings()[{name!r}]")  # a number at all?
reached = ravine_run(chosen, [-8.0, 5.0, 1.5])[100]
if not reached <= 1e-6:
    raise checks.CheckFailed(f"after 100 steps f is {reached:.1e} times its start; the target is 1e-06")
print(f"passed: {reached:.1e}")

# %% nbgrader={"grade": true, "grade_id": "tune-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: other starts.
### BEGIN HIDDEN TESTS
chosen = settings()
assert all(np.ndim(x) == 0 and np.asarray(x).dtype.kind in "fiu" for x in chosen.values()), (
    "the learning rate or the momentum is no number"
)
assert float(chosen["lr"]) > 0 and 0 <= float(chosen["mu"]) < 1, "the learning rate or the momentum is out of range"
for start in ([3.0, -3.0, 3.0], [10.0, 0.5, -0.1], [-0.2, 6.0, 1.0], [0.1, -0.1, -9.0]):
    assert ravine_run(chosen, start)[100] <= 1e-6, "from another start the target is not reached: leave some room"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "tune-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: longer runs.
### BEGIN HIDDEN TESTS
chosen = settings()
for start in ([-8.0, 5.0, 1.5], [2.0, 1.0, -4.0]):
    values = ravine_run(chosen, start, steps=600)
    assert (values[100:] <= 1e-6).all(), "f is not below the target at every step from 100 on: does it swing or grow?"
    assert values[600] < 1e-20, "in the long run f does not tend to zero"
### END HIDDEN TESTS

# %% tags=["explore", "raises-exception"]
from chainrule import plots

ravine_start = [-8.0, 5.0, 1.5]
plots.objective_by_step(
    {
        "plain descent, at its best": ravine_run({"lr": 0.99, "mu": 0.0}, ravine_start),
        "heavy ball, first guess": ravine_run({"lr": 0.1, "mu": 0.9}, ravine_start),
        "heavy ball, yours": lambda: ravine_run(settings(), ravine_start),
    },
    ylabel="f / f at the start",
)

# %% [markdown]
# **Look.** The first guess, 0.1 and 0.9, ends seven times lower than plain descent at its best, and a thousand times
# above the target: along the flattest direction it creeps as if by plain descent with the rate $0.1 / (1 - 0.9) = 1$.
# Yours falls in a line that is straight but for ripples. On this logarithmic axis that is a constant factor a step.
#
# That was the core. Parts 9 to 13 go beyond it; the last cells of the notebook, from *Before you hand in*, are for all.

# %% [markdown]
# ## 9 ★ Nesterov: look ahead
#
# Heavy ball takes the gradient where it stands, although it knows that the velocity is about to carry it away.
# Nesterov's method asks for the gradient where the velocity alone would carry the point, at $\theta - \eta\,\mu\, v$:
#
# $$v \leftarrow \mu v + \nabla f(\theta - \eta\,\mu\, v), \qquad \theta \leftarrow \theta - \eta\, v.$$
#
# If the slope ahead turns up, the ball brakes before it is there. In code, the look-ahead point:

# %% tags=["explore"]
theta, v, lr, mu = np.array([2.0, 1.0]), np.array([10.0, -5.0]), 0.1, 0.5
print("heavy ball asks at", theta, " Nesterov asks at", theta - lr * mu * v)

# %% [markdown]
# **Our convention, and what you may read elsewhere.** The step goes along $-v$ and is as long as $\eta v$, so the
# look-ahead goes along $-v$ too, and has $\eta$ in it. Many notes print $\nabla f(\theta + \mu v)$ or
# $\nabla f(\theta + \mu g)$; that looks uphill, or without regard to the length of the step. Others keep $\eta$ inside
# $v$, which is the same only while $\eta$ is constant. PyTorch's `nesterov=True` stores the look-ahead point in place
# of $\theta$. After this change of variables it is the same method, again while $\eta$ is constant.

# %% [markdown]
# ### Exercise 9: one Nesterov step
#
# ★ ●●○ · 10 minutes · 3 points
#
# `nesterov_step(theta, v, gradient, lr, mu)` gets the *function* `gradient` and returns `(theta, v)`.
#
# <details><summary>Hint: how often?</summary>
# A gradient is the expensive part of a step. Call the function once, at the right point.
# </details>


# %% nbgrader={"grade": false, "grade_id": "nesterov", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def nesterov_step(theta, v, gradient, lr, mu):
    """One step of Nesterov's method, with the gradient at the look-ahead point.

    Args:
        theta: the current point, a float array of any shape.
        v: the velocity so far, of the same shape.
        gradient: a function from a point to the gradient there, arrays of the shape of theta. It is called once.
        lr: the learning rate, a float. It may differ from step to step.
        mu: how much of the velocity is kept, a float in [0, 1).

    Returns:
        (theta, v): the new point and the new velocity, new arrays of the same shape. The arguments, and what earlier
        calls returned, are not changed.
    """
    ### BEGIN SOLUTION
    v = mu * v + gradient(theta - lr * mu * v)
    return theta - lr * v, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "nesterov-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Two steps down x**2, whose gradient is 2 * x. The second one looks ahead to 4 - 0.25 * 0.5 * 16 = 2.
theta, v = np.array([8.0]), np.array([0.0])
new_theta, new_v = checks.pair(nesterov_step(theta, v, lambda x: 2 * x, lr=0.25, mu=0.5), "nesterov_step(...)")
checks.close(new_v, [16.0], "v after the first step")
checks.close(new_theta, [4.0], "theta after the first step")

new_theta, new_v = nesterov_step(np.array([4.0]), np.array([16.0]), lambda x: 2 * x, lr=0.25, mu=0.5)
checks.close(new_v, [12.0], "v after the second step")
checks.close(new_theta, [1.0], "theta after the second step")

checks.unchanged(theta, [8.0], "theta")
checks.unchanged(v, [0.0], "v")
print("passed")


# %% nbgrader={"grade": true, "grade_id": "nesterov-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: where the gradient is asked for, other shapes, a learning rate that changes.
### BEGIN HIDDEN TESTS
class Recorder:
    """A gradient that is the same everywhere, and keeps the points at which it is asked for."""

    def __init__(self, asked, slope):
        self.asked, self.slope = asked, slope

    def at(self, point):
        self.asked.append(np.array(point))
        return self.slope.copy()


rng = np.random.default_rng(72)
rates = [0.05, 0.2, 0.1, 0.0]
for shape, mu in [((3,), 0.8), ((2, 2), 0.5), ((), 0.8), ((1,), 0.9)]:
    theta, v = np.asarray(rng.normal(size=shape)), np.asarray(rng.normal(size=shape))
    for lr in rates:
        asked, slope = [], np.asarray(rng.normal(size=shape))
        gradient = Recorder(asked, slope)
        new_theta, new_v = nesterov_step(theta.copy(), v.copy(), gradient.at, lr, mu)
        assert len(asked) == 1, "a step asks for the gradient more than once, or not at all"
        assert np.shape(asked[0]) == shape, "the gradient is asked for at something of another shape than theta"
        assert np.allclose(asked[0], theta - lr * (mu * v)), (
            "the gradient is asked for at another point: where would the velocity alone carry theta?"
        )
        assert np.shape(new_v) == shape and np.allclose(new_v, mu * v + slope), (
            "the velocity is not mu times the old one plus the gradient"
        )
        assert np.shape(new_theta) == shape and np.allclose(new_theta, theta - lr * (mu * v + slope)), (
            "the point does not move by -lr times the new velocity"
        )
        theta, v = np.array(new_theta), np.array(new_v)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "nesterov-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: a run on a curved function against the same method in other variables; arguments are not changed.
### BEGIN HIDDEN TESTS
def slope(x):
    return np.asarray(x) ** 3 + np.array([0.5, 2.0]) * np.asarray(x)


# At a constant learning rate the look-ahead points are those of the form that PyTorch uses.
lr, mu = 0.1, 0.7
ahead, buffer = np.array([1.5, -1.0]), np.zeros(2)
theta, v = ahead.copy(), np.zeros(2)
for _ in range(6):
    start, push = theta.copy(), v.copy()
    g = slope(ahead)
    buffer = mu * buffer + g
    ahead = ahead - lr * (g + mu * buffer)
    new_theta, new_v = nesterov_step(start, push, slope, lr, mu)
    assert np.array_equal(start, theta) and np.array_equal(push, v), "theta or v was changed in place"
    assert np.shape(new_theta) == np.shape(new_v) == (2,), "the new point or velocity has another shape"
    theta, v = np.array(new_theta), np.array(new_v)
    assert np.allclose(theta - lr * mu * v, ahead), "over several steps the path is not that of Nesterov's method"

# The same point and velocity with other settings; results are new arrays, whatever becomes of the ones that went in.
buffer, results = np.zeros(2), []


def kept_slope(x):
    buffer[...] = 2 * np.asarray(x)
    return buffer


for old_v, lr, mu in [(4, 0.25, 0.5), (4, 0.25, 0.75), (4, 0.5, 0.75), (4, 0.25, 0.0), (4, 0.0, 0.5), (0, 0.25, 0.0)]:
    given = [np.full(2, 3.0), np.full(2, float(old_v))]
    theta, v = nesterov_step(*given, kept_slope, lr, mu)
    wanted = mu * old_v + 2 * (3 - lr * mu * old_v)
    results.append((theta, 3 - lr * wanted, v, wanted))
    buffer[...], given[0][...], given[1][...] = 77.0, 77.0, 77.0
for theta, point, v, velocity in results:
    assert np.shape(theta) == np.shape(v) == (2,), "the new point or velocity has another shape"
    assert np.allclose(theta, point) and np.allclose(v, velocity), (
        "with another lr or mu (zero is one, too) a step is wrong, or a result is no new array: it changes in a later "
        "call, or when the arrays passed in or returned by gradient are overwritten"
    )
### END HIDDEN TESTS

# %% tags=["explore", "raises-exception"]
from chainrule import plots

PATH = """
    -8.00 1.50 -7.68 0.30 -7.16 -0.11 -6.52 -0.08 -5.83 -0.01 -5.14 0.01 -4.46 0.00
    -3.83 0.00 -3.25 0.00 -2.74 0.00 -2.28 0.00 -1.88 0.00 -1.54 0.00 -1.24 0.00
    -1.00 0.00 -0.79 0.00 -0.62 0.00 -0.48 0.00 -0.37 0.00 -0.28 0.00 -0.21 0.00
    -0.15 0.00 -0.11 0.00 -0.07 0.00 -0.05 0.00 -0.03 0.00
"""  # x1 and x2 of each point
expected = np.array(PATH.split(), dtype=float).reshape(-1, 2)


def nesterov_path(steps=25):
    theta, v, path = START.copy(), np.zeros(2), [START]
    for _ in range(steps):
        theta, v = nesterov_step(theta, v, valley_gradient, lr=0.4, mu=0.7)
        path.append(np.copy(theta))
    return np.array(path)


plots.paths_on_quadratic(CURVATURE, expected, nesterov_path, name="Nesterov")

# %% [markdown]
# **Look.** The settings are those of heavy ball in part 3. Across the valley the swinging is almost gone.

# %% [markdown]
# ## 10 ★ Newton: use the curvature
#
# Gradient descent knows the slope. Newton's method also knows how the slope changes, from the Hessian $H$, the matrix
# of second derivatives, of shape $(n, n)$ for $n$ parameters. It goes to where the second-order model of $f$ is flat:
#
# $$\theta \leftarrow \theta - H^{-1} g.$$
#
# On a quadratic with a minimum that is the minimum itself, in one step, whatever the condition number. Elsewhere three
# things need care:
#
# - **Never form the inverse.** $H^{-1} g$ is the solution $d$ of $H d = g$. Solving is faster and more exact.
# - **The full step may be too long**, or $H$ may be singular. *Damping* adds $\delta \ge 0$ to the diagonal: the step
#   becomes $\theta \leftarrow \theta - (H + \delta I)^{-1} g$, where $I$ is the identity matrix. If $H$ is positive
#   definite, as at the bottom of a valley, or $\delta$ is large, the step gets shorter and turns towards the gradient.
# - **Where the model is flat need not be a minimum.** Near a saddle or a maximum, Newton's method runs right into it.
#
# For a network with a million parameters $H$ has $10^{12}$ entries. That is why the rest of this notebook lives
# without. In code, one system of equations:

# %% tags=["explore"]
H, g = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([5.0, 10.0])
print("d =", np.linalg.solve(H, g), "  damped:", np.linalg.solve(H + 5 * np.eye(2), g).round(2))

# %% [markdown]
# ### Exercise 10: one damped Newton step
#
# ★ ●○○ · 8 minutes · 3 points
#
# `newton_step(theta, grad, hessian, damping=0.0)` returns the new point.
#
# <details><summary>Hint: only the diagonal</summary>
# A number added to a matrix is added to each of its entries. <code>np.eye(n)</code> is the identity matrix.
# </details>


# %% nbgrader={"grade": false, "grade_id": "newton", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def newton_step(theta, grad, hessian, damping=0.0):
    """One Newton step, damped.

    Args:
        theta: the current point, a float array of shape (n,).
        grad: the gradient at theta, of shape (n,).
        hessian: the second derivatives at theta, a symmetric array of shape (n, n); with the damping on its diagonal
            it can be solved.
        damping: a float of at least 0, added to the diagonal of the Hessian.

    Returns:
        The new point, a new array of shape (n,), however far away. The arguments are not changed.
    """
    ### BEGIN SOLUTION
    return theta - np.linalg.solve(hessian + damping * np.eye(len(grad)), grad)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "newton-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# d = (1, 3) solves the equations 2 d1 + d2 = 5 and d1 + 3 d2 = 10.
theta, grad, hessian = np.array([4.0, 4.0]), np.array([5.0, 10.0]), np.array([[2.0, 1.0], [1.0, 3.0]])
checks.close(newton_step(theta, grad, hessian), [3.0, 1.0], "the step without damping")
# With 1 more on the diagonal: 3 d1 + d2 = 5 and d1 + 4 d2 = 10.
checks.close(newton_step(theta, grad, hessian, damping=1.0), [4 - 10 / 11, 4 - 25 / 11], "the damped step")
checks.unchanged(theta, [4.0, 4.0], "theta")
checks.unchanged(grad, [5.0, 10.0], "grad")
checks.unchanged(hessian, [[2.0, 1.0], [1.0, 3.0]], "hessian")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "newton-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: other sizes, Hessians of minima and of saddles, no damping.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(73)
for n in (1, 2, 3, 6):
    square = rng.normal(size=(n, n))
    for hessian in (square @ square.T + np.eye(n), square + square.T + 0.1 * np.eye(n)):
        theta, grad = rng.normal(size=n), rng.normal(size=n)
        new = newton_step(theta.copy(), grad.copy(), hessian.copy())
        assert np.shape(new) == (n,), "the new point has another shape than theta"
        assert np.allclose(hessian @ (theta - new), grad), (
            "the move times the Hessian is not the gradient: is the whole Hessian used, and the sign right?"
        )
for hessian, move in [
    ([[0.0, 1.0], [1.0, 0.0]], [3.0, -1.0]), ([[0.0, 0.0, 2.0], [0.0, 1.0, 1.0], [2.0, 1.0, 0.0]], [1.0, 2.0, -3.0]),
    ([[1.0, 0.0], [0.0, 1e-4]], [1.0, -2.0]), ([[1e6, 0.0], [0.0, -1e-3]], [0.5, 2.0]), ([[1e-9]], [3.0]),
    ([[2.0, 1.0], [1.0, 2.0]], [4e5, -1e6]), ([[2.0, 1.0], [1.0, 2.0]], [0.0, 0.0]),
]:  # fmt: skip
    theta, grad = np.ones(len(move)), np.array(hessian) @ move
    new = newton_step(theta, grad, np.array(hessian))
    theta[...], grad[...] = 77.0, 77.0
    assert np.shape(new) == np.shape(move) and np.allclose(new, 1 - np.array(move)), (
        "the step is wrong for a Hessian with zeros on the diagonal, for curvatures of very different size, for a long "
        "step, or for a gradient of zero; or the new point is no new array"
    )
new = newton_step(np.float32([1.0, -1.0]), np.float32([4.0, 3.0]), np.float32([[2.0, 0.0], [0.0, 0.5]]))
assert np.shape(new) == (2,) and np.allclose(new, [-1.0, -7.0]), "a float32 step is wrong"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "newton-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: damping, also of a singular Hessian; the arguments are not changed.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(74)
for n, damping, ridge in ((1, 0.5, 0.0), (3, 2.0, 0.0), (4, 0.1, 0.0), (3, 2.0, 1.5), (4, 0.7, -0.3), (2, 0.5, 3.0)):
    column = rng.normal(size=(n, 1))
    theta, grad, hessian = rng.normal(size=n), rng.normal(size=n), column @ column.T + ridge * np.eye(n)
    given = [array.copy() for array in (theta, grad, hessian)]
    new = newton_step(*given, damping)
    assert np.array_equal(given[0], theta) and np.array_equal(given[1], grad), "theta or grad was changed in place"
    assert np.array_equal(given[2], hessian), "the Hessian was changed in place"
    assert np.shape(new) == (n,), "the new point has another shape than theta"
    move = theta - new
    assert np.allclose(hessian @ move + damping * move, grad), (
        "the damped step is wrong: damping is added to the diagonal of the Hessian, and nowhere else"
    )
far = newton_step(np.zeros(2), np.array([3.0, -4.0]), np.eye(2), damping=1e6)
assert np.shape(far) == (2,) and np.allclose(far * 1e6, [-3.0, 4.0], rtol=1e-3), (
    "with much damping the step should be a short one against the gradient"
)
### END HIDDEN TESTS

# %% [markdown]
# The figure runs your damped step down a valley that is bent, $f(x) = (1 - x_1)^2 + 100\, (x_2 - x_1^2)^2$. Plain
# descent needs thousands of steps here.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

PATH = """
    -1.500 2.000 -1.449 2.096 -1.059 0.976 -0.992 0.980 -0.535 0.081 -0.496 0.244
    0.116 -0.359 0.127 0.014 0.579 0.131 0.586 0.343 0.758 0.544 0.783 0.612
    0.857 0.729 0.890 0.791 0.923 0.850 0.945 0.891 0.961 0.922 0.972 0.945
    0.980 0.960 0.986 0.972 0.990 0.980
"""  # x1 and x2 of each point
expected = np.array(PATH.split(), dtype=float).reshape(-1, 2)


def bent(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def newton_path(steps=20, damping=1.0):
    x = np.array([-1.5, 2.0])
    path = [x]
    for _ in range(steps):
        grad = np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])
        hessian = np.array([[2 + 1200 * x[0] ** 2 - 400 * x[1], -400 * x[0]], [-400 * x[0], 200.0]])
        x = newton_step(x, grad, hessian, damping)
        path.append(x)
    return np.array(path)


plots.paths_on_contours(
    bent, {"Newton, yours": newton_path}, (-1.5, 2.0), (1.0, 1.0), expected={"Newton, yours": expected}
)

# %% [markdown]
# **Look.** Each second step takes the bend, the next one falls back to the bottom. Set `damping=0`: the path leaves the
# frame, $f$ is sixty times as large as at the start after two steps, and it arrives after five. Damping makes a step
# safe, not always fast.

# %% [markdown]
# ## 11 ★ AdamW: weight decay outside the gradient
#
# Weight decay pulls all parameters towards zero, a little at every step. There are four ways to write it, and they are
# not the same. Let $\lambda \ge 0$ be its strength:
#
# | way | what is done |
# |---|---|
# | penalty | the loss gets $\frac{\lambda}{2} \|\theta\|^2$, so the gradient becomes $g + \lambda \theta$ |
# | decay with the learning rate | beside the step, $\theta \leftarrow (1 - \eta \lambda)\, \theta$ |
# | bare decay | $\theta \leftarrow (1 - \lambda)\, \theta$, before or after the step |
# | a form in notes | $\theta \leftarrow \theta - c\,(\eta\, u + \lambda\, \theta)$, with $u$ and $c$ as below |
#
# For plain SGD the first two are the same, and many notes leave it at that. With momentum or with Adam they are not. In
# Adam a penalty inside the gradient is divided by
# $\sqrt{\hat v}$ with everything else, so that exactly the weights with large gradients hardly decay. *AdamW* keeps the
# decay outside. With Adam's direction $u = \hat m / (\sqrt{\hat v} + \varepsilon)$ and a schedule's multiplier
# $c \ge 0$, which scales the whole move:
#
# $$\theta \leftarrow \theta - c\, \eta\, (u + \lambda\, \theta).$$
#
# On the right is the **old** $\theta$. **Our convention** is that of PyTorch: the decay is multiplied by $\eta$. The
# last form in the table lacks that $\eta$; it is ours with $\lambda / \eta$ in place of $\lambda$. You may also see the
# penalty and the decay printed one below the other, as if both were active. It is one or the other.
#
# In code, what one step does to a weight whose gradient is zero:

# %% tags=["explore"]
theta, lr, weight_decay = 1.0, 0.01, 0.1
print("with the learning rate:", theta * (1 - lr * weight_decay), "  bare:", theta * (1 - weight_decay))

# %% [markdown]
# ### Exercise 11: one AdamW step
#
# ★ ●●○ · 12 minutes · 4 points
#
# `adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8)` returns
# `(theta, m, v)` for a single parameter array. You pass in what is remembered; `t` is the number of this step, from 1
# on.
#
# <details><summary>Hint: what to return</summary>
# The m and v of the formula in part 5, not the corrected ones: those serve this step only.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adamw", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step of AdamW: Adam with weight decay beside the gradient, and a schedule's multiplier.

    Args:
        theta: the parameter, a float array of any shape.
        m: the running mean of gradients so far, of the same shape.
        v: the running mean of squared gradients so far, of the same shape.
        t: the number of this step, an int that counts from 1.
        grad: the gradient at theta, of the same shape, without any penalty.
        lr: the learning rate, a float.
        weight_decay: the strength of the decay, a float of at least 0. It is multiplied by lr, as in PyTorch.
        multiplier: a float of at least 0, from a schedule; it scales the whole move, decay included.
        beta1: the weight of the old mean in m, a float in [0, 1).
        beta2: the weight of the old mean in v, a float in [0, 1).
        eps: a positive float, added to the root of the corrected v.

    Returns:
        (theta, m, v): new arrays of the same shape, also where the multiplier or a beta is zero. The arguments, and
        what earlier calls returned, are not changed.
    """
    ### BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * (direction + weight_decay * theta), m, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adamw-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# One step by hand: the corrected means are 3 and 9, so the direction is 3 / (3 + 1), and the decay is 0.5 * 2.
theta, m, v, grad = np.array([2.0]), np.zeros(1), np.zeros(1), np.array([3.0])
settings_of_the_test = {"lr": 0.1, "weight_decay": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 1.0}
result = adamw_step(theta, m, v, 1, grad, **settings_of_the_test)
checks.close(len(result), 3, "the number of results")
checks.close(result[1], [1.5], "m after the first step")
checks.close(result[2], [2.25], "v after the first step")
checks.close(result[0], [2 - 0.1 * (0.75 + 1.0)], "theta after the first step")

# Half the move with half the multiplier; the old means and t = 2 are as after a step with the same gradient.
result = adamw_step(theta, np.array([1.5]), np.array([2.25]), 2, grad, multiplier=0.5, **settings_of_the_test)
checks.close(result[0], [2 - 0.05 * (0.75 + 1.0)], "theta with multiplier=0.5, in the second step")

for array, before, name in [(theta, [2.0], "theta"), (m, [0.0], "m"), (v, [0.0], "v"), (grad, [3.0], "grad")]:
    checks.unchanged(array, before, name)
print("passed")

# %% nbgrader={"grade": true, "grade_id": "adamw-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: several steps with decay and a schedule, other shapes.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(75)
multipliers = np.array([1.0, 0.5, 0.0, 2.0, 0.25])
for shape, steps, lr, decay, beta1, beta2, eps in [
    ((2, 3), 4, 0.05, 0.3, 0.9, 0.95, 0.3), ((3,), 3, 0.2, 1.5, 0.6, 0.8, 0.01), ((), 3, 0.1, 0.2, 0.3, 0.7, 0.1),
    ((2,), 4, 0.1, 0.5, 0.0, 0.9, 0.1), ((2,), 4, 0.1, 0.5, 0.5, 0.0, 0.1), ((2,), 10, 0.1, 0.0, 0.5, 0.99, 1e-3),
    ((2,), 3, 0.0, 0.5, 0.5, 0.9, 0.1),
]:  # fmt: skip
    sizes = np.resize([3.0, 1.0, 0.3, 2.0, 30.0], steps).reshape(steps, *[1] * len(shape))
    grads, factors = rng.normal(size=(steps, *shape)) * sizes, np.resize(multipliers, steps).tolist()
    theta, m, v = np.asarray(rng.normal(size=shape) + 2), np.zeros(shape), np.zeros(shape)
    for t in range(1, steps + 1):
        fades = [beta ** np.arange(t)[::-1] for beta in (beta1, beta2)]
        mean = np.tensordot(fades[0], grads[:t], 1) / fades[0].sum()
        square = np.tensordot(fades[1], grads[:t] ** 2, 1) / fades[1].sum()
        moved = theta - factors[t - 1] * lr * mean / (eps + square**0.5)
        decayed = factors[t - 1] * lr * decay * theta
        new, m, v = adamw_step(theta.copy(), m, v, t, grads[t - 1].copy(), lr, decay, factors[t - 1], beta1, beta2, eps)
        assert np.shape(new) == np.shape(m) == np.shape(v) == shape, "a result has another shape than theta"
        assert np.allclose(m, mean * (1 - beta1**t)), "m is not the running mean of the gradients alone"
        assert np.allclose(v, square * (1 - beta2**t)), "v is not the running mean of the squared gradients alone"
        assert np.allclose(new, moved - decayed), (
            "theta does not move by -multiplier * lr * (direction + weight_decay * theta): look at what the decay is "
            "multiplied by, and which theta decays"
        )
        theta = np.array(new)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "adamw-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: decay alone, no decay, the defaults; the arguments are not changed.
### BEGIN HIDDEN TESTS
given = [np.array([4.0, -1.0]), np.array([0.3, 0.1]), np.array([0.2, 0.4]), np.array([1.0, -2.0])]
before = [array.copy() for array in given]
theta, m, v = adamw_step(given[0], given[1], given[2], 3, given[3], 0.1, 0.2)
assert all(np.array_equal(a, b) for a, b in zip(given, before)), "an argument was changed in place"
assert np.shape(theta) == np.shape(m) == np.shape(v) == (2,), "a result has another shape than theta"
assert np.allclose(m, [0.37, -0.11]) and np.allclose(v, [0.2008, 0.4036]), "with the default betas m or v is wrong"

zero = np.zeros(2)
theta, m, v = adamw_step(np.array([4.0, -1.0]), zero, zero.copy(), 1, np.zeros(2), 0.5, 0.1, 0.5)
assert np.shape(theta) == (2,) and np.allclose(theta, [3.9, -0.975]), (
    "with a gradient of zero theta does not shrink by multiplier * lr * weight_decay of itself"
)
theta, m, v = adamw_step(np.array([4.0, -1.0]), zero, zero.copy(), 1, np.array([5.0, -0.1]), 0.5, 0.0)
assert np.shape(theta) == (2,) and np.allclose(theta, [3.5, -0.5]), "without decay the first step is not Adam's"
theta, m, v = adamw_step(zero.copy(), zero, zero.copy(), 1, np.array([1e-8, -3e-8]), 1.0, 0.1)
assert np.shape(theta) == (2,) and np.allclose(theta, [-0.5, 0.75]), (
    "for tiny gradients eps decides: it is added to the root after the correction, 1e-8 unless stated otherwise"
)
theta, m, v = adamw_step(np.ones(2), zero, zero.copy(), 7, np.array([50.0, -40.0]), 0.1, 0.0, 1.0, 0.9, 0.999)
u = np.array([5.0, -4.0]) / (1 - 0.9**7) / (np.array([2.5, 1.6]) / (1 - 0.999**7)) ** 0.5
assert np.shape(theta) == (2,) and np.allclose(theta, 1 - 0.1 * u), "a direction longer than 1 is wrong"

# New arrays, also where a result has the values of an argument; and each call makes its own.
results = []
for factor, lr, decay, beta1, beta2, slope in [
    (0.0, 0.5, 0.1, 0.5, 0.5, 2.0), (1.0, 0.0, 0.1, 0.5, 0.5, 2.0), (1.0, 0.5, 0.0, 0.0, 0.5, 2.0),
    (1.0, 0.5, 0.1, 0.5, 0.0, 1.0), (1.0, 0.5, 0.0, 0.5, 0.5, 0.0), (0.0, 0.5, 0.0, 0.0, 0.0, 0.0),
]:  # fmt: skip
    given = [np.full(2, x) for x in (1.0, 0.5, 0.25, slope)]
    result = adamw_step(given[0], given[1], given[2], 2, given[3], lr, decay, factor, beta1, beta2, 1.0)
    mean, square = beta1 * 0.5 + (1 - beta1) * slope, beta2 * 0.25 + (1 - beta2) * slope**2
    direction = mean / (1 - beta1**2) / ((square / (1 - beta2**2)) ** 0.5 + 1)
    results.append((result, [1 - factor * lr * (direction + decay), mean, square]))
    for array in given:
        array[...] = 77.0
for result, wanted in results:
    assert [np.shape(array) for array in result] == [(2,)] * 3, "a result has another shape than theta"
    assert all(np.allclose(array, x) for array, x in zip(result, wanted)), (
        "a step is wrong where the multiplier, lr, a beta or a gradient is zero; or a result is no new array, and "
        "changes when an array that was passed in is overwritten, or in a later call"
    )
### END HIDDEN TESTS

# %% [markdown]
# The figure shows a weight that gets no gradient at all, under a decay of 0.1 with a learning rate of 0.5 and a
# multiplier that falls in a straight line to zero after 40 steps.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

steps = np.arange(61)
WEIGHTS = """
    1.000 0.950 0.904 0.861 0.821 0.784 0.750 0.718 0.688 0.661 0.635 0.611 0.589 0.569 0.549 0.531
    0.515 0.499 0.485 0.472 0.459 0.448 0.437 0.427 0.418 0.410 0.402 0.395 0.389 0.383 0.378 0.373
    0.369 0.365 0.362 0.359 0.357 0.355 0.354 0.353 0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352
    0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352 0.352
"""
expected = np.array(WEIGHTS.split(), dtype=float)


def decaying_weight():
    theta, m, v, path = np.array([1.0]), np.zeros(1), np.zeros(1), [1.0]
    for t in steps[1:]:
        multiplier = max(0.0, 1 - (t - 1) / 40)
        theta, m, v = adamw_step(theta, m, v, int(t), np.zeros(1), 0.5, 0.1, multiplier)
        path.append(float(theta[0]))
    return path


plots.curve_beside(steps, expected, decaying_weight, name="Weight decay", xlabel="step", ylabel="weight")

# %% [markdown]
# ## 12 ★ What theory promises of SGD
#
# Let $F$ be convex with its minimum at $\theta^*$, let the start $\theta_0$ be at most $R$ away from it, and let the
# stochastic gradients $g_t$ be unbiased, as in part 1, and none of them longer than $L$. SGD takes $T$ steps, the step
# from $\theta_t$ with the rate $\eta_t$, $t = 0, \dots, T - 1$. The last point jumps about; the *weighted average* of
# all points where a gradient was taken does not:
#
# $$\bar\theta = \frac{\sum_t \eta_t\, \theta_t}{\sum_t \eta_t}, \qquad
# \mathbb E\, F(\bar\theta) - F(\theta^*) \le \frac{R^2 + L^2 \sum_t \eta_t^2}{2 \sum_t \eta_t}.$$
#
# The proof is three lines. One step changes the squared distance to $\theta^*$ by
# $-2 \eta_t\, g_t \cdot (\theta_t - \theta^*) + \eta_t^2 \|g_t\|^2$. In expectation the first term is at most
# $-2 \eta_t\, (F(\theta_t) - F(\theta^*))$, because a convex function lies above its tangents, and the second is at
# most $\eta_t^2 L^2$. Sum over all steps, use that the last distance is not negative, and that $F$ of an average is at
# most the average of $F$.
#
# What follows from it:
#
# - **A constant rate.** $\eta = R / (L \sqrt T)$ makes the bound smallest. It is then $R L / \sqrt T$. (Some notes
#   print about half of that; it does not hold.) Four times the steps, half the error.
# - **No $T$ known.** $\eta_t = R / (L \sqrt{t + 1})$ is nearly as good: it loses a factor that grows like $\ln T$.
# - **A promise for one run.** The bound is about the average over many runs. A single run is worse than four times the
#   bound with probability at most 1/4. Take the *median* of the losses of several runs: it is that bad only if half of
#   them are, which quickly becomes improbable.
# - **Strong convexity.** If $F$ curves upwards at least like $\frac{\alpha}{2} \|\theta\|^2$, the first line of the proof
#   says more: one step multiplies the expected squared distance by at most $1 - 2 \alpha \eta$, and adds the noise,
#   $\eta^2 L^2$. Some notes drop the noise; with it, a constant rate does not converge. Rates $\eta_t \propto 1 / t$ then give an error of about $1 / T$. Old points should count
#   less, for example in an average whose weights decay exponentially.
#
# In code, the constant rate and its bound:

# %% tags=["explore"]
R, L, T = 2.0, 1.0, 100
rates = np.full(T, R / (L * np.sqrt(T)))
bound = (R**2 + L**2 * (rates**2).sum()) / (2 * rates.sum())
print("bound:", bound.round(4), "  R L / sqrt(T):", R * L / np.sqrt(T))

# %% [markdown]
# ### Exercise 12: the average and its bound
#
# ★ ●●○ · 12 minutes · 4 points
#
# `average_and_bound(points, rates, R, L)` returns `(average, bound)`.
#
# <details><summary>Hint: weights along the first axis</summary>
# <code>np.tensordot(weights, points, 1)</code> is the sum of weights[t] * points[t], whatever the shape of a point. A loop
# does it as well.
# </details>


# %% nbgrader={"grade": false, "grade_id": "average", "locked": false, "schema_version": 3, "solution": true} tags=["raises-exception"]
def average_and_bound(points, rates, R, L):
    """The weighted average of SGD's points, and the bound on its expected error.

    Args:
        points: the points at which the T gradients were taken, a float array of shape (T, ...); T is at least 1, and
            points[0] is the start.
        rates: the learning rates, positive floats, an array of shape (T,).
        R: the distance from the start to the minimum, a float.
        L: the largest length of a stochastic gradient, a float.

    Returns:
        (average, bound): the average of the points with the rates as weights, of the shape of one point; and
        (R^2 + L^2 * sum of squared rates) / (2 * sum of rates), a float. The average is a new array; the arguments
        are not changed.
    """
    ### BEGIN SOLUTION
    total = np.sum(rates)
    average = np.tensordot(rates, points, 1) / total
    return average, (R**2 + L**2 * np.sum(rates**2)) / (2 * total)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "average-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
# Weights 1, 1 and 2; the bound is (9 + 4 * (1 + 1 + 4)) / (2 * 4).
points, rates = np.array([[0.0, 8.0], [4.0, 0.0], [2.0, 2.0]]), np.array([1.0, 1.0, 2.0])
average, bound = checks.pair(average_and_bound(points, rates, R=3.0, L=2.0), "average_and_bound(...)")
checks.close(average, [2.0, 3.0], "the average")
checks.close(bound, 33 / 8, "the bound")
checks.unchanged(points, [[0.0, 8.0], [4.0, 0.0], [2.0, 2.0]], "points")
checks.unchanged(rates, [1.0, 1.0, 2.0], "rates")
print("passed")

# %% nbgrader={"grade": true, "grade_id": "average-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
# Hidden tests: the average of points of other shapes, of one point, with other rates.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(76)
for T, shape in [(5, (3,)), (4, (2, 2)), (1, (2,)), (7, ()), (50, (1,))]:
    points, rates = rng.normal(size=(T, *shape)) + 3, rng.uniform(0.05, 2.0, size=T)
    wanted = np.average(points, axis=0, weights=rates)
    average, _ = average_and_bound(points.copy(), rates.copy(), 1.0, 1.0)
    assert np.shape(average) == shape, "the average has another shape than one point"
    assert np.allclose(average, wanted), "the average is wrong: the rates are the weights, and are divided by their sum"
average, _ = average_and_bound(np.array([[1.0], [5.0], [3.0]]), np.array([0.01, 0.01, 0.01]), 1.0, 1.0)
assert np.shape(average) == (1,) and np.allclose(average, 3), "with equal rates the average is not the plain mean"
for T, rate in [(1, 1.0), (2, 0.5)]:
    points = np.full((T, 3, 2), 1e7)
    average, _ = average_and_bound(np.asfortranarray(points), np.full(T, rate), 1.0, 1.0)
    assert np.shape(average) == (3, 2) and np.allclose(average, 1e7), "the average of equal points is another point"
    average, _ = average_and_bound(points, np.full(T, rate), 1.0, 1.0)
    points[...] = 0
    assert np.allclose(average, 1e7), "the average changes when the points are overwritten: it is to be a new array"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "average-hidden-2", "locked": true, "points": 1, "schema_version": 3, "solution": false}
# Hidden tests: the bound, constant and falling rates; the arguments are not changed.
### BEGIN HIDDEN TESTS
for R, L, T in [(2.0, 3.0, 16), (0.5, 7.0, 1), (4.0, 1.0, 100)]:
    points, rates = np.zeros((T, 2)), np.full(T, R / (L * T**0.5))
    kept = points.copy(), rates.copy()
    _, bound = average_and_bound(points, rates, R, L)
    assert np.array_equal(points, kept[0]) and np.array_equal(rates, kept[1]), "an argument was changed in place"
    assert np.ndim(bound) == 0 and np.isclose(bound, R * L / T**0.5), (
        "at the best constant rate the bound is not R * L / sqrt(T)"
    )
rates = np.array([1.0, 0.5, 0.25, 0.25])
_, bound = average_and_bound(np.ones((4, 1)), rates, 3.0, 2.0)
assert np.ndim(bound) == 0 and np.isclose(bound, (9 + 4 * 1.375) / 4), (
    "the bound is wrong for rates that differ: the squares of the rates are summed, not the sum squared"
)
for R, L in [(0.0, 2.0), (3.0, 0.0), (0.0, 0.0), (1e4, 1e-3)]:
    _, bound = average_and_bound(np.ones((4, 1)), rates, R, L)
    assert np.ndim(bound) == 0 and np.isclose(bound, (R**2 + 1.375 * L**2) / 4), "the bound is wrong if R or L is zero"
### END HIDDEN TESTS

# %% [markdown]
# The figure puts theory to the test. The loss is $F(\theta) = \frac1n \sum_i |\theta - y_i|$ over 21 numbers $y_i$; its
# minimum is their median. A stochastic gradient is the sign of $\theta - y_i$, so $L = 1$. Each point of a curve is the
# mean over 400 runs of $T$ steps, at the best constant rate for that $T$.

# %% tags=["explore", "raises-exception"]
from chainrule import plots

numbers = np.random.default_rng(3).exponential(2.0, size=21)
best = np.median(numbers)
horizons = np.array([1, 3, 10, 30, 100, 300, 1000])


def error(theta):
    return np.abs(theta[..., None] - numbers).mean(axis=-1) - np.abs(best - numbers).mean()


def errors_after(T, what, runs=400):
    rng, theta, points = np.random.default_rng(T), np.zeros(runs), []
    rates = np.full(T, best / np.sqrt(T))  # the start is 0, so R is the median itself
    for rate in rates:
        points.append(theta)
        theta = theta - rate * np.sign(theta - rng.choice(numbers, size=runs))
    return error(points[-1] if what == "last" else average_and_bound(np.array(points), rates, best, 1.0)[0]).mean()


plots.under_bound(
    horizons,
    [best / np.sqrt(T) for T in horizons],
    {
        "average, yours": lambda: [errors_after(T, "average") for T in horizons],
        "last point": [errors_after(T, "last") for T in horizons],
    },
    name="SGD at a constant rate",
)

# %% [markdown]
# **Look.** Both axes are logarithmic, so $1/\sqrt T$ is a straight line. The average lies well below the bound, which
# has to hold for the worst of all problems. It also falls faster than the last point, which keeps jumping by $\eta$.

# %% [markdown]
# ## 13 ★ A claim, put to the test
#
# Of momentum you hear three claims: its path is *smoother* than that of plain descent, it is *faster*, and it *escapes*
# from local minima. Choose one, and put it to the test with your own functions.
#
# For "escapes" here is a function with two wells, $h(x) = (x^2 - 1)^2 + 0.3\, x$. The well on the left is the deeper
# one. For the other two the valley of part 2 will do, or the ravine of part 8.


# %% nbgrader={"grade": false, "grade_id": "wells", "locked": true, "schema_version": 3, "solution": false}
def wells_gradient(x):
    """Gradient of (x^2 - 1)^2 + 0.3 x, elementwise."""
    return 4 * x * (x**2 - 1) + 0.3


# %% [markdown]
# Make your experiment in the next cell. It is run when your notebook is graded, so keep it short. A starting point:

# %%
x, v = np.array([1.5]), np.zeros(1)
for _ in range(500):
    x = x - 0.02 * wells_gradient(x)
print("plain descent from 1.5 ends at", x.round(2))

# %% [markdown]
# ### A written answer: claim, experiment, verdict
#
# ★ ●●○ · 20 minutes · 4 points, given by a person
#
# Write your answer in the cell below, in 100 to 200 words:
#
# 1. **The claim as something that can be measured**: what would you count, and what outcome would speak against it?
# 2. **The experiment**: the function, starts, settings and number of steps. Say why the comparison is fair.
# 3. **What you found**, in numbers.
# 4. **What follows, and what does not.**

# %% [markdown] nbgrader={"grade": true, "grade_id": "claim", "locked": false, "points": 4, "schema_version": 3, "solution": true} tags=["starred"]
# ### BEGIN SOLUTION
# *Model answer.* Claim: momentum escapes from local minima. Measured as: of 21 starts between 1 and 2, in the shallow right
# well, how many end in the deeper left one? If momentum escapes, more than with plain descent. But if it only makes the point
# leave wells, starts in the left well would leave it too; so the same is counted from -2 to -1. Learning rate 0.02, which is
# stable for both, 2,000 steps, momentum 0, 0.5 and 0.9.
#
# | momentum | left well reached from the right | left well lost from the left |
# |---|---|---|
# | 0 | 0 of 21 | 0 of 21 |
# | 0.5 | 0 of 21 | 0 of 21 |
# | 0.9 | 10 of 21 | 6 of 21 |
#
# So with much momentum the ball rolls out of a well, but it does not know which one is better: it leaves the deep well
# in 6 of 21 cases. "Escapes" is true of the way out, not of the way to something better. One function of one variable,
# without noise, one learning rate: of networks this says little.
#
# *Marks.* One point for each of the four parts: 1. a count or a number is named, and an outcome that would refute the
# claim; 2. both methods have settings that work for them, same budget, more than one start; a single run is half a
# point; 3. numbers from the student's own experiment, which its code cell reproduces; 4. the conclusion goes no further
# than the experiment. A finding that contradicts the claim, or the model answer, is worth as much as any other.
# ### END SOLUTION

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run all cells, so that nothing depends on a cell you have deleted. The next cell tells what is
# still empty; whether an answer is right, the visible tests say in part, and the hidden ones after you hand in. The
# written answer of part 13 is not in the list.


# %% nbgrader={"grade": false, "grade_id": "progress", "locked": true, "schema_version": 3, "solution": false} tags=["explore"]
def mended():
    """Exercise 4 is given, not empty: it counts as written when something has changed."""
    if rmsprop_step(np.zeros(1), np.zeros(1), np.ones(1), 0.1, rho=0.75, eps=1.0)[1] == [0.75]:
        raise NotImplementedError
    return "mended"


class Nothing:
    """An optimiser that does nothing, for your check to look at."""

    def __init__(self, *args, **kwargs):
        pass

    def step(self, params, grads):
        return list(params)


checks.progress(
    {
        "1 batches": lambda: list(epoch_batches(np.ones((3, 1)), np.ones(3), 2, np.random.default_rng(0))),
        "2 predictions": lambda: predictions(),
        "3 heavy ball": lambda: heavy_ball_step(np.ones(2), np.ones(2), np.ones(2), 0.1, 0.9),
        "4 RMSProp": mended,
        "5 Adam": lambda: Adam().step([np.ones(2)], [np.ones(2)]),
        "6 check": lambda: check_adam(Nothing),
        "7 cosine": lambda: cosine_lr(1, 10, 0.1),
        "8 tuning": lambda: settings(),
        "9 ★ Nesterov": lambda: nesterov_step(np.ones(2), np.ones(2), lambda x: 2 * x, 0.1, 0.9),
        "10 ★ Newton": lambda: newton_step(np.ones(2), np.ones(2), np.eye(2)),
        "11 ★ AdamW": lambda: adamw_step(np.ones(2), np.ones(2), np.ones(2), 1, np.ones(2), 0.1, 0.1),
        "12 ★ average": lambda: average_and_bound(np.ones((3, 2)), np.ones(3), 1.0, 1.0),
    }
)

# %% [markdown]
# ## What to keep
#
# | method | remembers | one step |
# |---|---|---|
# | heavy ball | velocity $v$ | $v \leftarrow \mu v + g$, then $\theta \leftarrow \theta - \eta v$ |
# | RMSProp | mean square $s$ | $s \leftarrow \rho s + (1 - \rho) g^2$, then $\theta \leftarrow \theta - \eta\, g / (\sqrt{s} + \varepsilon)$ |
# | Adam | means $m$ and $v$, and $t$ | both means, both corrected, then $\theta \leftarrow \theta - \eta\, \hat m / (\sqrt{\hat v} + \varepsilon)$ |
# | cosine | nothing | $\eta$ falls from $\eta_{\max}$ to $\eta_{\min}$ and stays |
#
# - A batch gradient is right on average; its variance falls like $1/B$. Larger batch, proportionally larger rate.
# - On a quadratic each direction has its own factor. The steepest limits the learning rate, the flattest decides the
#   time.
# - Momentum adds up what gradients agree on. Division by the root of their mean square evens out their scales.
# - A running mean that starts at zero is too small until it is divided by the sum of its weights.
# - Where a small constant stands matters: inside the root it acts at its square root.
# - Tune the learning rate first, by factors of 3. The budget limits the momentum.
# - A test is worth the wrong versions it fails.
