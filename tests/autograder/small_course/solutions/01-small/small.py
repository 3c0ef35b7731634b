# %% [markdown]
# # Means
#
# Two exercises about one function.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import numpy as np

# %% [markdown]
# ## 1. A mean
#
# $\bar x_j = \frac{1}{n} \sum_i x_{ij}$

# %% nbgrader={"grade": false, "grade_id": "mean", "locked": false, "schema_version": 3, "solution": true}
def mean(x):
    """The mean over the first axis: (n, ...) -> (...)."""
    ### BEGIN SOLUTION
    total = np.zeros(x.shape[1:])
    for row_of_x in x:
        total = total + row_of_x
    return total / x.shape[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mean-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
x = np.array([[1.0, 2.0], [3.0, 6.0]])
assert np.allclose(mean(x), [2.0, 4.0])

# %% nbgrader={"grade": true, "grade_id": "mean-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false}
# Hidden tests: other shapes.
### BEGIN HIDDEN TESTS
hidden_rng = np.random.default_rng(20)
for hidden_shape in [(5, 3), (1, 4), (7, 2, 3)]:
    hidden_x = hidden_rng.normal(loc=2.0, size=hidden_shape)
    assert mean(hidden_x).shape == hidden_shape[1:], "the result has another shape: is the first axis the one that goes?"
    assert np.allclose(mean(hidden_x), hidden_x.sum(axis=0) / hidden_shape[0]), "the values differ: what is divided by what?"
### END HIDDEN TESTS

# %% tags=["explore"]
print("your mean is drawn here")

# %% [markdown]
# ## 2. A test for a mean

# %% nbgrader={"grade": false, "grade_id": "check_mean", "locked": false, "schema_version": 3, "solution": true}
def check_mean(candidate):
    """Fails with an AssertionError unless `candidate` is a mean over the first axis."""
    ### BEGIN SOLUTION
    probe_input = np.array([[1.0, 2.0, 6.0], [3.0, 6.0, 8.0]])
    found = candidate(probe_input)
    assert found.shape == (3,)
    assert np.allclose(found, [2.0, 4.0, 7.0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_mean-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_mean(lambda x: x.mean(axis=0))

# %% nbgrader={"grade": true, "grade_id": "check_mean-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false}
### BEGIN HIDDEN TESTS
# bank: mean
for right_version in RIGHT.values():
    check_mean(right_version)
for wrong_version in WRONG.values():
    try:
        check_mean(wrong_version)
    except AssertionError:
        continue
    raise AssertionError("a wrong version passes your test: which inputs would show it?")
### END HIDDEN TESTS
