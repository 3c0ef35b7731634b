"""Known-wrong versions."""

# %% mean: sum
"""This behaves like a sum: it is never divided
by the number of rows."""
def mean(x):
    return x.sum(axis=0)

# %% mean: last-axis
"""This behaves like a mean over the last axis."""
def mean(x):
    return x.mean(axis=-1)

# %% mean: minus-one
"""This divides by n - 1, which is for variances."""
def mean(x):
    '''A docstring
of several lines.'''
    return x.sum(axis=0) / max(x.shape[0] - 1, 1)

# %% mean: probe
def probe():
    rng = np.random.default_rng(4)
    return [mean(rng.normal(size=shape)) for shape in [(4, 3), (2, 2)]]

# %% check_mean: nothing
"""This test checks nothing."""
def check_mean(candidate):
    candidate(np.ones((2, 2)))

# %% check_mean: shape-only
"""This test looks at the shape alone."""
def check_mean(candidate):
    assert candidate(np.ones((4, 3))).shape == (3,)

# %% check_mean: too-strict
"""This test refuses results that are right up to rounding."""
def check_mean(candidate):
    assert candidate(np.ones((3, 2))) is None

# %% check_mean: probe
def probe():
    answers = []
    for version in (lambda x: x.mean(axis=0), lambda x: x.sum(axis=0), lambda x: x.mean(axis=-1)):
        try:
            check_mean(version)
        except AssertionError:
            answers.append("refused")
        else:
            answers.append("passed")
    return answers
