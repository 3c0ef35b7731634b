# %% mean: numpy
"""One call."""
def mean(x):
    return np.mean(x, axis=0)

# %% check_mean: loop
def check_mean(candidate):
    for rows in ([[1.0, 2.0, 5.0]], [[0.0, 3.0, 1.0], [4.0, 1.0, 2.0], [5.0, 5.0, 6.0]]):
        result = candidate(np.array(rows))
        for j, column in enumerate(zip(*rows)):
            assert len(result) == 3 and abs(result[j] - sum(column) / len(rows)) < 1e-9
