# Right versions written otherwise: the tests must accept each. Read as text, never imported.

# %% standardise: column-by-column
"""A loop over the columns, into a new array."""
def standardise(X):
    n, d = X.shape
    Z = np.zeros((n, d))
    for j in range(d):
        column = X[:, j].astype(float)
        gaps = column - column.sum() / n
        if any(column != column[0]):
            Z[:, j] = gaps / np.sqrt((gaps**2).sum() / n)
    return Z

# %% standardise: divides-then-mends
"""Divides by zero and replaces what comes of it; the first row is subtracted before the mean, so equal values become exact zeros."""
def standardise(X):
    X = np.array(X, dtype=float)
    X -= X[0]
    X -= X.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        X /= np.sqrt(np.mean(X**2, axis=0))
    return np.nan_to_num(X)

# %% monte-carlo: draw-by-draw
"""A loop over the draws, sums in plain Python."""
def estimate_mean(f, n, rng):
    values = [float(f(np.array([rng.random()]))[0]) for _ in range(n)]
    mean = sum(values) / n
    variance = sum((y - mean) ** 2 for y in values) / (n - 1)
    return mean, (variance / n) ** 0.5

# %% monte-carlo: uniform
"""Another method of the generator, f applied twice, a list in place of a tuple."""
def estimate_mean(f, n, rng):
    u = rng.uniform(size=n)
    return [f(u).sum() / n, float(np.sqrt(np.var(f(u), ddof=1) / n))]
