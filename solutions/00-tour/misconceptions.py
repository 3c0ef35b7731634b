# Known-wrong versions of each exercise, and what a student who has one is told. Read as text, never imported.

# %% standardise: rows
"""This standardises each row. Rows are examples and columns are features: the mean of a column runs over axis 0."""
def standardise(X):
    centred = X - X.mean(axis=1, keepdims=True)
    constant = X.max(axis=1, keepdims=True) == X.min(axis=1, keepdims=True)
    return centred / np.where(constant, 1, X.std(axis=1, keepdims=True))

# %% standardise: whole-matrix
"""This uses one mean and one deviation for the whole matrix. Each column has its own: say which axis to reduce."""
def standardise(X):
    deviation = X.std()
    return (X - X.mean()) / (deviation if deviation > 0 else 1)

# %% standardise: sample-deviation
"""This divides by the deviation with `n - 1`. Here it is the one with `1/n` under the root, which is numpy's default."""
def standardise(X):
    constant = X.max(axis=0) == X.min(axis=0)
    deviation = X.std(axis=0, ddof=1) if len(X) > 1 else 1
    return np.where(constant, 0, (X - X.mean(axis=0)) / np.where(constant, 1, deviation))

# %% standardise: variance
"""This divides by the variance. The standard deviation is its root, and has the unit of the column."""
def standardise(X):
    constant = X.max(axis=0) == X.min(axis=0)
    return np.where(constant, 0, (X - X.mean(axis=0)) / np.where(constant, 1, X.var(axis=0)))

# %% standardise: not-centred
"""This scales the columns but does not move them to mean 0. Subtract each column's mean first."""
def standardise(X):
    constant = X.max(axis=0) == X.min(axis=0)
    return np.where(constant, 0, X / np.where(constant, 1, X.std(axis=0)))

# %% standardise: constant-column
"""This divides by zero, or by a rounding error, where all values of a column are equal. By our rule such a column becomes zeros."""
def standardise(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)

# %% standardise: deviation-equal-to-zero
"""This asks whether the deviation is zero. Where all values are equal it may be a rounding error, such as 1e-17, and dividing by that gives ones or minus ones in place of zeros. Ask whether the values are equal: `X.max(axis=0) == X.min(axis=0)`."""
def standardise(X):
    deviation = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(deviation == 0, 1, deviation)

# %% standardise: small-deviation
"""This takes a column for constant if its deviation is below some small number. In other units it would not be: a column of nanometres, given in metres, varies all the same. Ask whether the values are equal: `X.max(axis=0) == X.min(axis=0)`."""
def standardise(X):
    deviation = X.std(axis=0)
    constant = deviation < 1e-10
    return np.where(constant, 0, (X - X.mean(axis=0)) / np.where(constant, 1, deviation))

# %% standardise: whole-numbers
"""This writes the result into an array of integers, which keeps whole numbers only: an integer `X` loses the digits after the point. Compute all columns at once, or write them into a new array of floats, `np.zeros(X.shape)`."""
def standardise(X):
    Z = X.copy()
    for j in range(X.shape[1]):
        column = X[:, j]
        constant = column.max() == column.min()
        Z[:, j] = 0 if constant else (column - column.mean()) / column.std()
    return Z

# %% standardise: adds-a-small-number
"""This adds a small number to the deviation. That avoids the division by zero, but columns with a small unit then come out too small. Treat the constant column as a case of its own."""
def standardise(X):
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-8)

# %% standardise: in-place
"""The numbers are right, but the data that were passed in have changed. `X -= ...` writes into the caller's array; compute a new one, `Z = X - ...`."""
def standardise(X):
    constant = X.max(axis=0) == X.min(axis=0)
    Z = np.where(constant, 0, (X - X.mean(axis=0)) / np.where(constant, 1, X.std(axis=0)))
    X[...] = Z
    return Z

# %% standardise: probe
def probe():
    X = np.array([[1.0, 2e-12, 5.0, 30.0, 0.1], [4.0, 4e-12, 5.0, 10.0, 0.1], [7.0, 9e-12, 5.0, 80.0, 0.1]])
    floats = standardise(X)
    integers = standardise(np.array([[1, 5], [2, 10], [4, 60]]))
    changed = bool(X[0, 0] != 1.0)
    rows = [["nan" if z != z else round(float(z), 6) for z in row] for Z in (floats, integers) for row in Z]
    return [*rows, changed]

# %% monte-carlo: deviation
"""This returns the standard deviation of the draws. The error of their mean is smaller: divide by the square root of n."""
def estimate_mean(f, n, rng):
    values = f(rng.random(n))
    return np.mean(values), np.std(values, ddof=1)

# %% monte-carlo: divides-by-n
"""This divides the standard deviation by n. Variances are divided by n, so deviations are divided by its root."""
def estimate_mean(f, n, rng):
    values = f(rng.random(n))
    return np.mean(values), np.std(values, ddof=1) / n

# %% monte-carlo: one-over-n
"""This takes the standard deviation with 1/n. The mean was estimated from the same draws, so the sum is divided by n - 1: `ddof=1` in numpy."""
def estimate_mean(f, n, rng):
    values = f(rng.random(n))
    return np.mean(values), np.std(values) / np.sqrt(n)

# %% monte-carlo: function-of-the-mean
"""This applies `f` to the mean of the draws. The expectation of f(U) is the mean of the values of `f`: apply `f` first, then average."""
def estimate_mean(f, n, rng):
    draws = rng.random(n)
    return float(f(np.array([np.mean(draws)]))[0]), np.std(f(draws), ddof=1) / np.sqrt(n)

# %% monte-carlo: own-generator
"""This makes a generator of its own with a fixed seed, so every call gives the same draws. Draw from the generator that is passed in."""
def estimate_mean(f, n, rng):
    values = f(np.random.default_rng(0).random(n))
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(n)

# %% monte-carlo: global-generator
"""This draws from numpy's global generator, so the result cannot be repeated with the generator that is passed in. Draw from `rng`."""
def estimate_mean(f, n, rng):
    values = f(np.random.random(n))
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(n)

# %% monte-carlo: normal-draws
"""These draws are not uniform on [0, 1): some are negative. `rng.normal` is another distribution than `rng.random`."""
def estimate_mean(f, n, rng):
    values = f(rng.normal(0.5, 12**-0.5, size=n))
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(n)

# %% monte-carlo: probe
def probe():
    def half(u):
        return np.where(np.asarray(u) < 0.5, 1.0, 0.0)

    def outside(u):
        return np.where((np.asarray(u) < 0) | (np.asarray(u) >= 1), 1.0, 0.0)

    ratios, multiples = set(), True
    for seed in range(20):
        mean, error = estimate_mean(half, 5, np.random.default_rng(seed))
        multiples = multiples and abs(float(mean) * 5 - round(float(mean) * 5)) < 1e-9
        if 0 < mean < 1:
            ratios.add(round(float(error) / (float(mean) * (1 - float(mean)) / 4) ** 0.5, 6))
    curved = float(estimate_mean(np.exp, 4000, np.random.default_rng(1))[0])
    same = [float(estimate_mean(np.sqrt, 9, np.random.default_rng(seed))[0]) for seed in (1, 1, 2)]
    return [
        sorted(ratios),
        multiples,
        abs(curved - 1.71828) < 0.05,  # six standard errors: also of draws from a generator that nobody seeded
        same[0] == same[1],
        same[0] == same[2],
        float(estimate_mean(outside, 200, np.random.default_rng(2))[0]) > 0,
    ]
