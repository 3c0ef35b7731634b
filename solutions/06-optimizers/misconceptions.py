# Known-wrong versions of each exercise, and what a student who has one is told. Read as text, never imported.

# %% batches: not-shuffled
"""This takes the examples in the order in which they lie, in every epoch. Shuffle them first: draw an order from `rng`."""
def epoch_batches(X, y, batch_size, rng):
    return [(X[i : i + batch_size].copy(), y[i : i + batch_size].copy()) for i in range(0, len(X), batch_size)]

# %% batches: with-replacement
"""This draws examples with replacement, so that some come twice in an epoch and others not at all. An epoch has every example once: use a permutation."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.integers(len(X), size=len(X))
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size)]

# %% batches: rest-dropped
"""This leaves out the examples that do not fill a whole batch. The last batch takes what is left, however few they are."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    starts = [k * batch_size for k in range(len(X) // batch_size)]
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in starts]

# %% batches: rest-filled-up
"""This fills the last batch up with examples that have been used already. It is to have what is left, and may be smaller."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    rows = [order[np.arange(i, i + batch_size) % len(X)] for i in range(0, len(X), batch_size)]
    return [(X[r], y[r]) for r in rows]

# %% batches: empty-batch
"""This makes one batch too many, an empty one, when the batch size divides the number of examples. Count the places where a batch begins: they lie below n."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    starts = [k * batch_size for k in range(len(X) // batch_size + 1)]
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in starts]

# %% batches: only-inputs-shuffled
"""This shuffles the inputs and leaves the targets where they are, so that they no longer belong together. Select both by the same rows."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    return [(X[order[i : i + batch_size]], y[i : i + batch_size].copy()) for i in range(0, len(X), batch_size)]

# %% batches: two-orders
"""This draws one order for the inputs and another for the targets, so that they no longer belong together. Draw one order, and use it for both."""
def epoch_batches(X, y, batch_size, rng):
    one, other = rng.permutation(len(X)), rng.permutation(len(X))
    return [(X[one[i : i + batch_size]], y[other[i : i + batch_size]]) for i in range(0, len(X), batch_size)]

# %% batches: own-seed
"""Every epoch has the same order, whatever generator is passed in: this makes one of its own, or keeps an order that it has drawn once. Draw from `rng` in each call: it goes on where it stopped."""
def epoch_batches(X, y, batch_size, rng):
    order = np.random.default_rng(0).permutation(len(X))
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size)]

# %% batches: pieces-of-similar-size
"""This cuts into pieces of similar size, as `np.array_split` does: 7 examples become 3, 2 and 2. Every batch but the last is to have `batch_size` examples."""
def epoch_batches(X, y, batch_size, rng):
    pieces = np.array_split(rng.permutation(len(X)), -(-len(X) // batch_size))
    return [(X[rows], y[rows]) for rows in pieces]

# %% batches: as-many-batches-as-the-size
"""This makes `batch_size` batches. It is the number of examples in a batch, not the number of batches."""
def epoch_batches(X, y, batch_size, rng):
    pieces = np.array_split(rng.permutation(len(X)), min(batch_size, len(X)))
    return [(X[rows], y[rows]) for rows in pieces]

# %% batches: copied-generator
"""This draws from a copy of `rng`, so that `rng` itself stays where it is and the next epoch has the same order. Draw from the generator that is passed in."""
def epoch_batches(X, y, batch_size, rng):
    import copy

    order = copy.deepcopy(rng).permutation(len(X))
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size)]

# %% batches: shared-array
"""All batches lie in one array, so that each of them holds what the last one does. Make new arrays for each batch."""
def epoch_batches(X, y, batch_size, rng):
    order, batches = rng.permutation(len(X)), []
    place = np.empty((batch_size, *X.shape[1:]), X.dtype), np.empty((batch_size, *y.shape[1:]), y.dtype)
    for i in range(0, len(X), batch_size):
        rows = order[i : i + batch_size]
        place[0][: len(rows)], place[1][: len(rows)] = X[rows], y[rows]
        batches.append((place[0][: len(rows)], place[1][: len(rows)]))
    return batches

# %% batches: yields
"""The batches are right, but they come from a generator, which can be gone through only once and has no length. Return a list of them."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    for i in range(0, len(X), batch_size):
        yield X[order[i : i + batch_size]], y[order[i : i + batch_size]]

# %% batches: turned
"""This begins at a random place and then goes on in the old order, so that the same neighbours meet in every epoch. Shuffle all examples."""
def epoch_batches(X, y, batch_size, rng):
    order = np.roll(np.arange(len(X)), rng.integers(1, len(X) + 1))
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size)]

# %% batches: shuffled-inside
"""This cuts first and then shuffles inside each batch, so that the same examples meet in every epoch. Shuffle the examples, then cut."""
def epoch_batches(X, y, batch_size, rng):
    pieces = [np.arange(i, min(i + batch_size, len(X))) for i in range(0, len(X), batch_size)]
    return [(X[rows], y[rows]) for rows in map(rng.permutation, pieces)]

# %% batches: sorted-inside
"""The examples of each batch are back in their old order, so that nothing is random if one batch holds all. Leave them in the order drawn."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    cuts = [np.sort(order[i : i + batch_size]) for i in range(0, len(X), batch_size)]
    return [(X[rows], y[rows]) for rows in cuts]

# %% batches: one-batch-as-it-is
"""With a batch size of n or more this returns X and y as they are: not shuffled, and not new arrays. It is no special case: shuffle, and cut."""
def epoch_batches(X, y, batch_size, rng):
    if batch_size >= len(X):
        return [(X, y)]
    order = rng.permutation(len(X))
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size)]

# %% batches: batches-shuffled
"""This cuts first and then shuffles the batches, so that the same neighbours meet in every epoch. Shuffle the examples, then cut."""
def epoch_batches(X, y, batch_size, rng):
    batches = [(X[i : i + batch_size].copy(), y[i : i + batch_size].copy()) for i in range(0, len(X), batch_size)]
    whole = len(X) // batch_size
    return [batches[k] for k in rng.permutation(whole)] + batches[whole:]

# %% batches: in-place
"""The batches are right, but X and y were shuffled where they are. Leave them as they are: select rows by an array of numbers, which makes a new array."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    X[...], y[...] = X[order], y[order]
    return [(X[i : i + batch_size].copy(), y[i : i + batch_size].copy()) for i in range(0, len(X), batch_size)]

# %% batches: probe
def probe():
    kinds = set()

    def once(n, batch_size, rng):
        X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n)
        result = epoch_batches(X, y, batch_size, rng)
        kinds.add(isinstance(result, (list, tuple)))
        batches = [(np.array(a), np.array(b)) for a, b in result]
        ids = [int(i) for _, b in batches for i in b]
        inputs = [float(row[0]) for a, _ in batches for row in a]
        changed = [int(i) for i in y] != list(range(n))
        return ids, inputs == [2.0 * i for i in ids], [len(b) for _, b in batches], changed

    def order_of(ids):
        batches = [ids[i : i + 4] for i in range(0, len(ids), 4)]
        if ids == list(range(40)):
            return "old"
        if all((b - a) % 40 == 1 for a, b in zip(ids, ids[1:])):
            return "turned"
        if all(batch == batches[0] for batch in batches):
            return "one batch again and again"
        if all(sorted(batch) == list(range(4 * k, 4 * k + 4)) for k, batch in enumerate(batches)):
            return "mixed inside"
        if all(batch == list(range(batch[0], batch[0] + len(batch))) for batch in batches):
            return "batches mixed"
        return "sorted inside" if all(batch == sorted(batch) for batch in batches) else "mixed"

    rng = np.random.default_rng(8)
    ids, belong, sizes, changed = once(40, 4, rng)
    order, sorted_ids = order_of(ids), sorted(ids) == list(range(40)) or order_of(ids)[:3] == "one"
    facts = [sizes, belong, changed, sorted_ids, order, once(40, 4, rng)[0] == ids]
    again = once(40, 4, np.random.default_rng(9))[0] == ids
    whole = once(12, 12, rng)[0] == list(range(12))
    return [*facts, again, whole, once(7, 3, rng)[2], once(3, 8, rng)[2], sorted(kinds)]

# %% regimes: half-the-gradient
"""This behaves as if the gradient of `a * x**2` were `a * x`. The derivative has a 2: a step multiplies x by `1 - 2 * lr * a`."""
def predictions():
    return {
        "factors": {"A": (0.6, 0.4), "B": (0.875, -0.25), "C": (0.996, 0.6)},
        "fate": {"A": "arrives", "B": "creeps", "C": "creeps"},
        "largest lr": 0.8,
        "steps": 1149,
        "best lr": 2 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: sizes-without-signs
"""The factors have the right size, but none is negative. A coordinate that jumps to the other side of the minimum has a negative factor."""
def predictions():
    return {
        "factors": {"A": (0.2, 0.2), "B": (0.75, 1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: first-coordinate-only
"""Case B does not creep: its second factor is -1.5. Both coordinates have to shrink, and one factor beyond 1 is enough to run away."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "creeps", "C": "creeps"},
        "largest lr": 4.0,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: other-order
"""The two factors of a case are exchanged. The first one belongs to x1, with the coefficient a1."""
def predictions():
    return {
        "factors": {"A": (-0.2, 0.2), "B": (-1.5, 0.75), "C": (0.2, 0.992)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: other-sign
"""The factors have the sign of `2 * lr * a - 1`. A step takes `2 * lr * a * x` away from x, so x is multiplied by `1 - 2 * lr * a`."""
def predictions():
    return {
        "factors": {"A": (-0.2, 0.2), "B": (-0.75, 1.5), "C": (-0.992, -0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: two-digits
"""A factor of 0.99 where it is 0.992: that is two digits. They matter: with 0.99 the slower coordinate would need 459 steps, not 574."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.99, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 459,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: creeping-taken-for-arriving
"""Case C does not arrive: its first factor is 0.992, and after 20 steps that coordinate still has 0.85 of its size. It creeps."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "arrives"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: limit-of-the-flat
"""The largest learning rate is that of the flattest direction, `1 / a1`. Both have to converge, and the steepest direction sets the limit."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 4.0,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: limit-two-over-a
"""The largest learning rate is `2 / a`. The limit is 2 divided by the second derivative, which is `2 * a`."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.8,
        "steps": 574,
        "best lr": 2 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: limit-without-jumps
"""At this learning rate the steep factor is 0. Up to there nothing changes sides; it still converges up to the double, where the factor is -1."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.2,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: not-rounded
"""The number of steps is not a whole number. After how many whole steps is a hundredth or less left? Round up."""
def predictions():
    steps = np.log(100) / -np.log([0.992, 99 / 101])
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": steps[0],
        "best lr": 1 / 1.01,
        "steps at best lr": steps[1],
    }

# %% regimes: best-two-over-the-sum
"""The best learning rate is twice as large as it should be, and beyond the limit: solve `1 - 2 * lr * a1 = -(1 - 2 * lr * a2)`, with both twos."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 2 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: the-best-factor
"""The best learning rate is given as the factor that it leads to, `(kappa - 1) / (kappa + 1)`. Asked is the rate."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 99 / 101,
        "steps at best lr": 231,
    }

# %% regimes: best-steps-rounded-down
"""The number of steps at the best learning rate is rounded down: after that many a little more than a hundredth is left. Round up."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 230,
    }

# %% regimes: best-factor-rounded
"""The number of steps at the best learning rate is that of the factor 0.98. It is `99 / 101`; round the result, not what goes into it."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 228,
    }

# %% regimes: steps-of-the-rounded-factor
"""The number of steps is that of the factor 0.99. It is 0.992, and far more than a digit of the steps depends on it."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 459,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: rounded-down
"""The number of steps is rounded down: after that many a little more than a hundredth is left. Round up."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 573,
        "best lr": 1 / 1.01,
        "steps at best lr": 230,
    }

# %% regimes: to-a-tenth
"""The number of steps is that until a tenth of the coordinate is left, which is when `f` has shrunk to a hundredth. Asked is a hundredth of the coordinate itself: that takes `ln 100`."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 287,
        "best lr": 1 / 1.01,
        "steps at best lr": 116,
    }

# %% regimes: faster-coordinate
"""The number of steps is that of the faster coordinate. The slower one, with the factor nearer to 1 in size, decides when the point is there."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 3,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: best-at-the-limit
"""This takes the largest learning rate for the best one. There the steep direction no longer shrinks at all; the best one lies where both factors have the same size."""
def predictions():
    return {
        "factors": {"A": (0.2, -0.2), "B": (0.75, -1.5), "C": (0.992, 0.2)},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1.0,
        "steps at best lr": 228,
    }

# %% regimes: uphill
"""This has the sign of the step wrong: a step multiplies x by `1 - 2 * lr * a`, not by `1 + 2 * lr * a`, with which everything would run away."""
def predictions():
    return {
        "factors": {"A": (1.8, 2.2), "B": (1.25, 3.5), "C": (1.008, 1.8)},
        "fate": {"A": "runs away", "B": "runs away", "C": "runs away"},
        "largest lr": 0.4,
        "steps": 574,
        "best lr": 1 / 1.01,
        "steps at best lr": 231,
    }

# %% regimes: probe
def probe():
    """What is told in the first place where it is wrong: later slips often follow from an earlier one."""
    told = predictions()
    factors = [float(r) for case in "ABC" for r in np.ravel(told["factors"][case])]
    if len(factors) != 6 or not np.allclose(factors, [0.2, -0.2, 0.75, -1.5, 0.992, 0.2], rtol=2e-3):
        return ["factors", [round(r, 2) if abs(r) < 0.98 else round(r, 3) for r in factors]]
    fates = [str(told["fate"][case]) for case in "ABC"]
    if fates != ["arrives", "runs away", "creeps"]:
        return ["fate", fates]
    for key, right, tolerance in [
        ("largest lr", 0.4, 2e-3), ("steps", 574, 0), ("best lr", 1 / 1.01, 2.5e-3), ("steps at best lr", 231, 0),
    ]:  # fmt: skip
        value = float(told[key])
        if abs(value - right) > tolerance * right:
            return "not whole" if "steps" in key and value != round(value) else [key, f"{value:.3g}"]
    return "right"

# %% heavy-ball: averaged
"""This behaves like a running mean, `v = mu*v + (1 - mu)*g`. In our form the gradient enters with weight 1, so that the velocity is a sum of faded gradients."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = mu * v + (1 - mu) * grad
    return theta - lr * v, v

# %% heavy-ball: lr-in-velocity
"""This behaves as if the learning rate were part of the velocity. It stays outside: the velocity collects plain gradients, and only the move of the point is multiplied by the current learning rate."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = mu * v + lr * grad
    return theta - v, v

# %% heavy-ball: old-velocity
"""This moves the point with the velocity from before the update. Update the velocity first, then move with the new one."""
def heavy_ball_step(theta, v, grad, lr, mu):
    return theta - lr * v, mu * v + grad

# %% heavy-ball: uphill
"""This moves along the velocity, which points uphill. The point moves against it: subtract `lr` times the velocity."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = mu * v + grad
    return theta + lr * v, v

# %% heavy-ball: keeps-one-minus-mu
"""This keeps the share `1 - mu` of the old velocity. `mu` itself is the share that is kept: with `mu` near 1 the ball rolls far."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = (1 - mu) * v + grad
    return theta - lr * v, v

# %% heavy-ball: no-memory
"""This behaves as if the velocity were the gradient alone. The old velocity, times `mu`, has to be part of the new one."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = grad + 0 * v
    return theta - lr * v, v

# %% heavy-ball: gradient-twice
"""This adds the gradient to the step once more, beside the velocity that already holds it: that is quasi-hyperbolic or Nesterov-like momentum. In heavy ball the point moves by `-lr` times the velocity and nothing else."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = mu * v + grad
    return theta - lr * (grad + mu * v), v

# %% heavy-ball: in-place
"""The numbers are right, but the arrays that were passed in have changed. `v *= mu` and `v += grad` write into the caller's array; compute a new one, `v = mu * v + grad`."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v *= mu
    v += grad
    theta -= lr * v
    return theta, v

# %% heavy-ball: probe
def probe():
    theta, v = np.array([1.0, -2.0, 0.5]), np.array([2.0, 4.0, -1.0])
    new_theta, new_v = heavy_ball_step(theta, v, np.array([0.5, -3.0, 8.0]), 0.1, 0.75)
    changed = not (np.array_equal(theta, [1.0, -2.0, 0.5]) and np.array_equal(v, [2.0, 4.0, -1.0]))
    return [[round(float(x), 6) for x in new_theta], [round(float(x), 6) for x in new_v], changed]

# %% rmsprop: weights-and-arrays-left
"""`eps` is where it belongs; two mistakes are left. The weights of the running mean are exchanged, and the caller's arrays are still written into."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s *= 1 - rho
    s += rho * grad**2
    theta -= lr * grad / (np.sqrt(s) + eps)
    return theta, s

# %% rmsprop: eps-and-arrays-left
"""The running mean is right; two mistakes are left. `eps` still stands inside the root, and the caller's arrays are still written into."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s *= rho
    s += (1 - rho) * grad**2
    theta -= lr * grad / np.sqrt(s + eps)
    return theta, s

# %% rmsprop: weights-and-eps-left
"""The arguments are left alone; two mistakes are left. The weights of the running mean are exchanged, and `eps` still stands inside the root."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = (1 - rho) * s + rho * grad**2
    return theta - lr * grad / np.sqrt(s + eps), s

# %% rmsprop: eps-inside-root
"""This behaves as if `eps` stood inside the root, `sqrt(s + eps)`. In our form it is added to the root: `sqrt(s) + eps`."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = rho * s + (1 - rho) * grad**2
    return theta - lr * grad / np.sqrt(s + eps), s

# %% rmsprop: sum-of-squares
"""This adds up squared gradients, as AdaGrad does, so `s` only grows. RMSProp forgets: the old `s` weighs `rho` and the new square weighs `1 - rho`."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = s + grad**2
    return theta - lr * grad / (np.sqrt(s) + eps), s

# %% rmsprop: square-with-weight-one
"""This adds the squared gradient with weight 1, as the velocity of heavy ball does with the gradient. In a running mean the weights add up to one: the new square weighs `1 - rho`."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = rho * s + grad**2
    return theta - lr * grad / (np.sqrt(s) + eps), s

# %% rmsprop: weights-exchanged
"""This gives `rho` to the new square and `1 - rho` to the old mean. It is the other way round: `rho` near 1 means a long memory."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = (1 - rho) * s + rho * grad**2
    return theta - lr * grad / (np.sqrt(s) + eps), s

# %% rmsprop: old-mean
"""This divides by the root of the old running mean. Update `s` first, then divide by the root of the new one."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    return theta - lr * grad / (np.sqrt(s) + eps), rho * s + (1 - rho) * grad**2

# %% rmsprop: no-root
"""This divides by `s` itself. `s` is the mean of squares; its root has the scale of a gradient."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = rho * s + (1 - rho) * grad**2
    return theta - lr * grad / (s + eps), s

# %% rmsprop: no-eps
"""This leaves `eps` out of the division. Where all gradients so far are zero it then divides zero by zero."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = rho * s + (1 - rho) * grad**2
    return theta - lr * grad / np.sqrt(s), s

# %% rmsprop: eps-as-a-floor
"""This takes the larger of the root and `eps`. In our form `eps` is added to the root, always."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = rho * s + (1 - rho) * grad**2
    return theta - lr * grad / np.maximum(np.sqrt(s), eps), s

# %% rmsprop: one-scale-for-all
"""This averages the squares over all coordinates, so that they share one scale. RMSProp works elementwise: each coordinate has a scale of its own."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s = rho * s + (1 - rho) * np.mean(grad**2)
    return theta - lr * grad / (np.sqrt(s) + eps), s

# %% rmsprop: in-place
"""The numbers are right, but the arrays that were passed in have changed. `s *= rho` and `theta -= ...` write into the caller's arrays; compute new ones, `s = rho * s + ...`."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    s *= rho
    s += (1 - rho) * grad**2
    theta -= lr * grad / (np.sqrt(s) + eps)
    return theta, s

# %% rmsprop: probe
def probe():
    theta, s = np.array([1.0, -2.0, 0.5]), np.array([2.0, 4.0, 0.25])
    new_theta, new_s = rmsprop_step(theta, s, np.array([0.5, -3.0, 2.0]), 0.1, 0.75, 0.5)
    changed = not (np.array_equal(theta, [1.0, -2.0, 0.5]) and np.array_equal(s, [2.0, 4.0, 0.25]))
    large_eps, _ = rmsprop_step(np.zeros(2), np.array([2.0, 4.0]), np.array([0.5, -3.0]), 0.1, 0.75, 8.0)
    lists = [[round(float(x), 6) for x in array] for array in (new_theta, new_s, large_eps)]
    return [*lists, changed]

# %% adam: no-bias-correction
"""This behaves like Adam without bias correction. Both means start at zero and are too small at first; divide each by `1 - beta**t`."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.state = None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.state[i] = m, v
            new.append(p - self.lr * m / (np.sqrt(v) + self.eps))
        return new

# %% adam: correction-without-power
"""This divides the means by `1 - beta` at every step, which is right at the first one only. The correction fades: it is `1 - beta**t` at step `t`."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.state = None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.state[i] = m, v
            new.append(p - self.lr * m / (1 - self.beta1) / (np.sqrt(v / (1 - self.beta2)) + self.eps))
        return new

# %% adam: counts-parameters
"""This counts `t` up for each parameter, not for each call of `step`, so with several parameters the correction fades too early. Count before the loop over the parameters."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            self.t += 1
            m, v = self.state[i]
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.state[i] = m, v
            mhat, vhat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
            new.append(p - self.lr * mhat / (np.sqrt(vhat) + self.eps))
        return new

# %% adam: eps-inside-root
"""This behaves as if `eps` stood inside the root, `sqrt(vhat + eps)`. In our form it is added to the root: `sqrt(vhat) + eps`."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.state[i] = m, v
            mhat, vhat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
            new.append(p - self.lr * mhat / np.sqrt(vhat + self.eps))
        return new

# %% adam: eps-before-correction
"""This adds `eps` to the root of `v` before the correction, which makes `eps` larger in the early steps. Correct `v` first, take the root, then add `eps`."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        rate = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.state[i] = m, v
            new.append(p - rate * m / (np.sqrt(v) + self.eps))
        return new

# %% adam: betas-exchanged
"""This uses `beta2` for the gradient and `beta1` for its square. `beta1` belongs to the mean of gradients, `beta2` to the mean of squares."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = self.beta2 * m + (1 - self.beta2) * g
            v = self.beta1 * v + (1 - self.beta1) * g**2
            self.state[i] = m, v
            mhat, vhat = m / (1 - self.beta2**self.t), v / (1 - self.beta1**self.t)
            new.append(p - self.lr * mhat / (np.sqrt(vhat) + self.eps))
        return new

# %% adam: stores-corrected
"""This keeps the corrected means for the next step, so they are corrected again and again. Remember `m` and `v` as they are; the corrected ones serve this step only."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = (self.beta1 * m + (1 - self.beta1) * g) / (1 - self.beta1**self.t)
            v = (self.beta2 * v + (1 - self.beta2) * g**2) / (1 - self.beta2**self.t)
            self.state[i] = m, v
            new.append(p - self.lr * m / (np.sqrt(v) + self.eps))
        return new

# %% adam: forgets
"""This starts every step from means of zero, so each step depends on the last gradient alone. Keep `m`, `v` and `t` on `self` between calls."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps

    def step(self, params, grads):
        new = []
        for p, g in zip(params, grads):
            m, v = (1 - self.beta1) * g, (1 - self.beta2) * g**2
            new.append(p - self.lr * m / (1 - self.beta1) / (np.sqrt(v / (1 - self.beta2)) + self.eps))
        return new

# %% adam: one-state-for-all
"""This keeps one pair of means for all parameters, so that they mix. Keep an `m` and a `v` for each parameter."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.m, self.v = 0, 0.0, 0.0

    def step(self, params, grads):
        self.t += 1
        new = []
        for p, g in zip(params, grads):
            self.m = self.beta1 * self.m + (1 - self.beta1) * g
            self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
            mhat, vhat = self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)
            new.append(p - self.lr * mhat / (np.sqrt(vhat) + self.eps))
        return new

# %% adam: state-on-the-class
"""This keeps the means on the class, so that all optimisers share them. Make them in `__init__`, on `self`."""
class Adam:
    t, state = 0, []

    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps

    def step(self, params, grads):
        self.t += 1
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            if i == len(self.state):
                self.state.append([0.0, 0.0])
            self.state[i][0] = self.beta1 * self.state[i][0] + (1 - self.beta1) * g
            self.state[i][1] = self.beta2 * self.state[i][1] + (1 - self.beta2) * g**2
            mhat, vhat = self.state[i][0] / (1 - self.beta1**self.t), self.state[i][1] / (1 - self.beta2**self.t)
            new.append(p - self.lr * mhat / (np.sqrt(vhat) + self.eps))
        return new

# %% adam: in-place
"""The numbers are right, but the parameters that were passed in have changed. `p -= ...` writes into the caller's array; return new arrays."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.state[i] = m, v
            mhat, vhat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
            p[...] = p - self.lr * mhat / (np.sqrt(vhat) + self.eps)
        return params

# %% adam: gradients-in-place
"""The numbers are right, but the gradients that were passed in have changed. `g *= ...` writes into the caller's array; compute a new one."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state = 0, None

    def step(self, params, grads):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state[i]
            v = self.beta2 * v + (1 - self.beta2) * g**2
            g *= 1 - self.beta1
            m = self.beta1 * m + g
            self.state[i] = m, v
            mhat, vhat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
            new.append(p - self.lr * mhat / (np.sqrt(vhat) + self.eps))
        return new

# %% adam: first-parameter-only
"""This remembers the means of the first parameter only; those of the others start at zero in every step. Keep an `m` and a `v` for each parameter."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.first = 0, (0.0, 0.0)

    def step(self, params, grads):
        self.t += 1
        new = []
        for i, (p, g) in enumerate(zip(params, grads)):
            (m, v), t = (self.first, self.t) if i == 0 else ((0.0, 0.0), 1)
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            if i == 0:
                self.first = m, v
            mhat, vhat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
            new.append(p - self.lr * mhat / (np.sqrt(vhat) + self.eps))
        return new

# %% adam: gradients-kept
"""This keeps the arrays of gradients themselves. The caller may overwrite them after the step, and then the means change. Keep copies, or the means."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps, self.past = lr, beta1, beta2, eps, []

    def step(self, params, grads):
        self.past.append(list(grads))
        ages, new = np.arange(len(self.past))[::-1], []
        for p, *past in zip(params, *self.past):
            mean = np.average(past, axis=0, weights=self.beta1**ages)
            square = np.average(np.square(past), axis=0, weights=self.beta2**ages)
            new.append(p - self.lr * mean / (np.sqrt(square) + self.eps))
        return new

# %% adam: probe
def probe():
    Adam(0.3, 0.5, 0.6, 0.1).step([np.ones(2), np.ones(2)], [np.array([1.0, 5.0]), np.array([-2.0, 0.5])])
    optimiser, params, path = Adam(0.3, 0.6, 0.8, 0.1), [np.array([1.0, -2.0]), np.array([0.5, 3.0])], []
    for k in range(3):
        given, slopes = [p.copy() for p in params], [np.array([2.0, -0.5]) * (3 - k), np.array([0.25, 1.0]) * (k + 1)]
        grads = [g.copy() for g in slopes]
        new = list(optimiser.step(params, grads))
        path.append([[np.shape(p), [round(float(x), 6) for x in np.ravel(p)]] for p in new])
        path.append(any(not np.array_equal(p, q) for p, q in zip(params, given)))
        path.append(any(not np.array_equal(g, h) for g, h in zip(grads, slopes)))
        params = [np.array(p) for p in new]
    optimiser, grad = Adam(0.3, 0.6, 0.8, 0.1), np.array([1.0])
    for slope in (1.0, -3.0):
        grad[...] = slope
        (last,) = optimiser.step([np.zeros(1)], [grad])
    return [*path, [round(float(x), 6) for x in np.ravel(last)]]

# %% adam-test: first-step-only
"""This checks the first step alone, where nothing is remembered yet and both betas cancel. Take a second step with another gradient."""
def check_adam(candidate):
    params, grads = [np.array([1.0, -2.0]), np.array([0.5])], [np.array([2.0, -1.0]), np.array([4.0])]
    before = [array.copy() for array in params + grads]
    new = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5).step(params, grads)
    for array, copy in zip(params + grads, before):
        assert np.array_equal(array, copy)
    for p, g, q in zip(before[:2], before[2:], new):
        assert np.allclose(q, p - 0.1 * g / (abs(g) + 0.5))

# %% adam-test: same-gradient-again
"""This takes two steps with the same gradient. The average of equal numbers does not depend on their weights, so versions that forget or that exchange the betas are accepted. Take another gradient for the second step."""
def check_adam(candidate):
    optimiser, grads = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5), [np.array([2.0, -1.0]), np.array([4.0])]
    for _ in range(2):
        params, given = [np.array([1.0, -2.0]), np.array([0.5])], [g.copy() for g in grads]
        new = optimiser.step(params, given)
        assert np.array_equal(params[0], [1.0, -2.0]) and params[1][0] == 0.5
        assert np.allclose(new[0], np.array([1.0, -2.0]) - 0.1 * grads[0] / (abs(grads[0]) + 0.5))
        assert np.allclose(new[1], 0.5 - 0.1 * 4 / 4.5)

# %% adam-test: one-parameter
"""This steps a single parameter, so that versions in which parameters disturb each other are accepted. Pass two arrays with different gradients, and compare both."""
def check_adam(candidate):
    optimiser, old, g1, g2 = candidate(0.1, 0.6, 0.8, 0.5), np.array([1.0, -2.0]), np.array([2.0, -1.0]), np.array([-0.5, 3.0])
    given = old.copy()
    (new,) = optimiser.step([given], [g1.copy()])
    assert np.array_equal(given, old)
    assert np.allclose(new, old - 0.1 * g1 / (abs(g1) + 0.5))
    (new,) = optimiser.step([old.copy()], [g2.copy()])
    assert np.allclose(new, old - 0.1 * (0.6 * g1 + g2) / 1.6 / (((0.8 * g1**2 + g2**2) / 1.8) ** 0.5 + 0.5))

# %% adam-test: tiny-eps
"""This checks with the default `eps`, which is far too small to be seen, so that versions with `eps` in the wrong place are accepted. Choose an `eps` of about the size of the gradients."""
def check_adam(candidate):
    optimiser, old = candidate(lr=0.1, beta1=0.6, beta2=0.8), [np.array([1.0, -2.0]), np.array([0.5])]
    grads = [[np.array([2.0, -1.0]), np.array([4.0])], [np.array([-0.5, 3.0]), np.array([1.0])]]
    given = [p.copy() for p in old]
    new = optimiser.step(given, [g.copy() for g in grads[0]])
    assert all(np.array_equal(p, q) for p, q in zip(given, old))
    for p, g, q in zip(old, grads[0], new):
        assert np.allclose(q, p - 0.1 * np.sign(g))
    new = optimiser.step([p.copy() for p in old], [g.copy() for g in grads[1]])
    for p, g1, g2, q in zip(old, *grads, new):
        assert np.allclose(q, p - 0.1 * (0.6 * g1 + g2) / 1.6 / ((0.8 * g1**2 + g2**2) / 1.8) ** 0.5)

# %% adam-test: equal-betas
"""This checks with `beta1` and `beta2` equal, so that a version that exchanges them is accepted. Choose two that differ."""
def check_adam(candidate):
    optimiser, old = candidate(lr=0.1, beta1=0.6, beta2=0.6, eps=0.5), [np.array([1.0, -2.0]), np.array([0.5])]
    grads = [[np.array([2.0, -1.0]), np.array([4.0])], [np.array([-0.5, 3.0]), np.array([1.0])]]
    given = [p.copy() for p in old]
    new = optimiser.step(given, [g.copy() for g in grads[0]])
    assert all(np.array_equal(p, q) for p, q in zip(given, old))
    for p, g, q in zip(old, grads[0], new):
        assert np.allclose(q, p - 0.1 * g / (abs(g) + 0.5))
    new = optimiser.step([p.copy() for p in old], [g.copy() for g in grads[1]])
    for p, g1, g2, q in zip(old, *grads, new):
        assert np.allclose(q, p - 0.1 * (0.6 * g1 + g2) / 1.6 / (((0.6 * g1**2 + g2**2) / 1.6) ** 0.5 + 0.5))

# %% adam-test: arguments-not-watched
"""This checks the new parameters, but not whether the arrays that were passed in are still what they were. Copy them before the call and compare afterwards."""
def check_adam(candidate):
    optimiser, old = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5), [np.array([1.0, -2.0]), np.array([0.5])]
    grads = [[np.array([2.0, -1.0]), np.array([4.0])], [np.array([-0.5, 3.0]), np.array([1.0])]]
    new = optimiser.step([p.copy() for p in old], [g.copy() for g in grads[0]])
    for p, g, q in zip(old, grads[0], new):
        assert np.allclose(q, p - 0.1 * g / (abs(g) + 0.5))
    new = optimiser.step([p.copy() for p in old], [g.copy() for g in grads[1]])
    for p, g1, g2, q in zip(old, *grads, new):
        assert np.allclose(q, p - 0.1 * (0.6 * g1 + g2) / 1.6 / (((0.8 * g1**2 + g2**2) / 1.8) ** 0.5 + 0.5))

# %% adam-test: exact
"""This compares with `==` or `array_equal`, so that a right version whose last digit is rounded differently is refused. Compare within a tolerance, with `np.allclose`."""
def check_adam(candidate):
    optimiser, m, v = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5), [0.0, 0.0], [0.0, 0.0]
    for t, grads in enumerate([[np.array([2.1, -1.3]), np.array([4.7])], [np.array([-0.5, 3.2]), np.array([1.1])]], 1):
        old = [np.array([1.1, -2.3]), np.array([0.7])]
        params = [p.copy() for p in old]
        new = optimiser.step(params, [g.copy() for g in grads])
        for i in range(2):
            assert np.array_equal(params[i], old[i])
            m[i] = 0.6 * m[i] + (1 - 0.6) * grads[i]
            v[i] = 0.8 * v[i] + (1 - 0.8) * grads[i] ** 2
            direction = m[i] / (1 - 0.6**t) / (np.sqrt(v[i] / (1 - 0.8**t)) + 0.5)
            assert np.array_equal(new[i], old[i] - 0.1 * direction)

# %% adam-test: rough-tolerance
"""This accepts results that are off by as much as the moves themselves. A tolerance is for rounding: leave `np.allclose` at its defaults."""
def check_adam(candidate):
    optimiser, old = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5), [np.array([1.0, -2.0]), np.array([0.5])]
    params = [p.copy() for p in old]
    new = optimiser.step(params, [np.array([2.0, -1.0]), np.array([4.0])])
    assert all(np.array_equal(p, q) for p, q in zip(params, old))
    assert np.allclose(new[0], [0.92, -1.93], atol=0.06) and np.allclose(new[1], [0.41], atol=0.06)

# %% adam-test: returns-a-truth-value
"""This returns `False` for a wrong version where it should raise `AssertionError`. Write `assert` in front of the comparison."""
def check_adam(candidate):
    old, g = np.array([1.0, -2.0]), np.array([2.0, -1.0])
    (new,) = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5).step([old.copy()], [g.copy()])
    return np.allclose(new, old - 0.1 * g / (abs(g) + 0.5))

# %% adam-test: accepts-everything
"""This never raises `AssertionError`, whatever it is given. Each comparison needs an `assert` of its own: one that is printed, one inside an `except AssertionError`, or a pair in brackets, `assert (condition, text)`, stops nothing."""
def check_adam(candidate):
    old, g = np.array([1.0, -2.0]), np.array([2.0, -1.0])
    try:
        (new,) = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5).step([old.copy()], [g.copy()])
        assert np.allclose(new, old - 0.1 * g / (abs(g) + 0.5))
    except (AssertionError, ValueError):
        pass

# %% adam-test: gradients-not-watched
"""A version that changes the gradients it is given is not noticed. They are arguments like the parameters: copy them before the call, too, and compare afterwards."""
def check_adam(candidate):
    optimiser, old = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5), [np.array([1.0, -2.0]), np.array([0.5])]
    grads = [[np.array([2.0, -1.0]), np.array([4.0])], [np.array([-0.5, 3.0]), np.array([1.0])]]
    given = [p.copy() for p in old]
    new = optimiser.step(given, [g.copy() for g in grads[0]])
    assert all(np.array_equal(p, q) for p, q in zip(given, old))
    for p, g, q in zip(old, grads[0], new):
        assert np.allclose(q, p - 0.1 * g / (abs(g) + 0.5))
    new = optimiser.step([p.copy() for p in old], [g.copy() for g in grads[1]])
    for p, g1, g2, q in zip(old, *grads, new):
        assert np.allclose(q, p - 0.1 * (0.6 * g1 + g2) / 1.6 / (((0.8 * g1**2 + g2**2) / 1.8) ** 0.5 + 0.5))

# %% adam-test: first-of-the-second-step
"""This compares only the first parameter after the second step, so that a version that remembers nothing for the others is accepted. Compare all of them; a `return` inside the loop ends it."""
def check_adam(candidate):
    optimiser, old = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5), [np.array([1.0, -2.0]), np.array([0.5])]
    grads = [[np.array([2.0, -1.0]), np.array([4.0])], [np.array([-0.5, 3.0]), np.array([1.0])]]
    given = [a.copy() for a in old + grads[0]]
    new = optimiser.step(given[:2], given[2:])
    assert all(np.array_equal(p, q) for p, q in zip(given, old + grads[0]))
    for p, g, q in zip(old, grads[0], new):
        assert np.allclose(q, p - 0.1 * g / (abs(g) + 0.5))
    new = optimiser.step([p.copy() for p in old], [g.copy() for g in grads[1]])
    for p, g1, g2, q in zip(old, *grads, new):
        assert np.allclose(q, p - 0.1 * (0.6 * g1 + g2) / 1.6 / (((0.8 * g1**2 + g2**2) / 1.8) ** 0.5 + 0.5))
        return

# %% adam-test: expects-no-correction
"""This expects means that are not corrected, and refuses right versions. In the first step the corrected means are the gradient and its square."""
def check_adam(candidate):
    old, g = np.array([1.0, -2.0]), np.array([2.0, -1.0])
    (new,) = candidate(lr=0.1, beta1=0.6, beta2=0.8, eps=0.5).step([old.copy()], [g.copy()])
    assert np.allclose(new, old - 0.1 * 0.4 * g / ((0.2 * g**2) ** 0.5 + 0.5))

# %% adam-test: probe
def probe():
    class Version:
        power, correct, inside, exchanged, remembers, shared, in_place, off = True, True, False, False, True, False, False, 1
        changes_grads, first_only = False, False

        def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
            self.lr, self.eps, self.t, self.state = lr, eps, 0, {}
            self.beta1, self.beta2 = (beta2, beta1) if self.exchanged else (beta1, beta2)

        def step(self, params, grads):
            self.t += 1
            return [self.moved(0 if self.shared else i, p, g) for i, (p, g) in enumerate(zip(params, grads))]

        def moved(self, i, p, g):
            m, v = self.state.get(i, (0.0, 0.0))
            m, v = self.beta1 * m + (1 - self.beta1) * g, self.beta2 * v + (1 - self.beta2) * g**2
            kept = self.remembers and not (self.first_only and i > 0)
            if kept:
                self.state[i] = m, v
            if self.changes_grads:
                g *= 1 - self.beta1
            t = (self.t if kept and self.power else 1) if self.correct else 10**6
            m, v = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
            new = p - self.lr * m / (np.sqrt(v + self.eps) if self.inside else np.sqrt(v) + self.eps)
            if self.in_place:
                p[...] = new
            return new * self.off

    def version(**changes):
        return type("Version", (Version,), changes)

    def answer(candidate):
        try:
            result = check_adam(candidate)
        except (AssertionError, ValueError):
            return "refused"
        return "False" if np.ndim(result) == 0 and str(result) == "False" else "accepted"

    right = [answer(version(**changes)) for changes in [{}, {"off": 1 + 1e-14}]]
    numbers = [{"correct": False}, {"power": False}, {"inside": True}, {"exchanged": True}, {"remembers": False}]
    numbers += [{"shared": True}, {"first_only": True}, {"off": 1.02}, {"off": -5.0}]
    told = [answer(version(**changes)) for changes in numbers]
    if "False" in told:
        return "returns False"
    if "refused" in right:
        return [right, told[0]]
    # whether it watches its arguments is asked only of a check that misses no wrong number
    return told if "accepted" in told else [answer(version(in_place=True)), answer(version(changes_grads=True))]

# %% cosine: not-clamped
"""This goes on along the cosine after `max_steps`, so the rate climbs again. Treat every later step like the last."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * step / max_steps))

# %% cosine: ends-one-early
"""This reaches `lr_min` one step before `max_steps`. The angle is `pi * step / max_steps`: the step index runs from 0 to `max_steps`."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    progress = min(step / max(max_steps - 1, 1), 1.0)
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))

# %% cosine: counts-from-one
"""This treats the first step as step 1, so step 0 is already below `lr_max`. Steps count from 0."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    progress = min(step + 1, max_steps) / max_steps
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))

# %% cosine: full-amplitude
"""This adds `lr_min` to a cosine of the full height `lr_max`, so the rate starts at `lr_max + lr_min`. The height is the difference `lr_max - lr_min`."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    return lr_min + 0.5 * lr_max * (1 + np.cos(np.pi * min(step, max_steps) / max_steps))

# %% cosine: cut-off-at-lr-min
"""This follows a cosine down to zero and cuts it off at `lr_min`. The whole curve is to lie between `lr_max` and `lr_min`, with no corner."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    return max(lr_min, 0.5 * lr_max * (1 + np.cos(np.pi * min(step, max_steps) / max_steps)))

# %% cosine: quarter-wave
"""This falls along a quarter of a wave, steepest at the end. The cosine schedule takes half a wave, from 1 to -1, and is level at both ends."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    return lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * min(step, max_steps) / max_steps)

# %% cosine: restarts
"""This starts again from `lr_max` after `max_steps`, as a schedule with warm restarts does. Ours stays at `lr_min`."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    progress = (step % max_steps) / max_steps if step != max_steps else 1.0
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))

# %% cosine: zero-after-the-end
"""This returns 0 after `max_steps`. The rate stays at `lr_min`, which need not be zero."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    if step > max_steps:
        return 0.0
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * step / max_steps))

# %% cosine: linear
"""This falls along a straight line. The cosine schedule falls slowly at both ends and quickly in between."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    return lr_max + (lr_min - lr_max) * min(step, max_steps) / max_steps

# %% cosine: probe
def probe():
    return [round(float(cosine_lr(step, 9, 0.8, 0.2)), 6) for step in (0, 2, 4, 8, 9, 10, 14, 25)]

# %% tune: diverges
"""With these settings the steepest direction diverges. Heavy ball is stable for learning rates below `(1 + mu) / a_max`, and here `a_max` is 1."""
def settings():
    return {"lr": 2.0, "mu": 0.8}

# %% tune: plain-descent
"""With `mu = 0` this is plain descent, and no learning rate takes it to the target: its best factor is 99/101 a step. Use momentum."""
def settings():
    return {"lr": 0.99, "mu": 0.0}

# %% tune: rolls-on
"""The momentum is too large for 100 steps. `f` shrinks by no less than a factor `mu` a step, so `mu` to the power 100 has to be below the target."""
def settings():
    return {"lr": 0.5, "mu": 0.95}

# %% tune: default-of-adam
"""The learning rate is far too small, of the size that suits Adam. Go up by factors of 3, and look at the figure."""
def settings():
    return {"lr": 0.001, "mu": 0.8}

# %% tune: flat-direction-creeps
"""The flattest direction creeps: the learning rate is too small for this momentum, or the momentum for this learning rate. Raise one of them, the learning rate up to about `1 + mu`."""
def settings():
    return {"lr": 0.2, "mu": 0.6}

# %% tune: steep-at-its-limit
"""The steepest direction is still on its way after 100 steps: the learning rate is near the limit `(1 + mu) / a_max`, where a direction jumps from side to side and hardly shrinks. Lower it a little, or raise `mu`."""
def settings():
    return {"lr": 1.56, "mu": 0.575}

# %% tune: no-room
"""In the long run these settings are fast enough, but they leave no room: `f` swings about that pace, and at step 100 or at a later one it is still above the target. A somewhat smaller `mu` forgets sooner."""
def settings():
    return {"lr": 1.23, "mu": 0.87}

# %% tune: out-of-range
"""The momentum has to be at least 0 and below 1, and the learning rate positive. With `mu = 1` nothing is ever forgotten, and the ball never comes to rest."""
def settings():
    return {"lr": 0.8, "mu": 1.0}

# %% tune: probe
def probe():
    chosen = settings()
    lr, mu = float(chosen["lr"]), float(chosen["mu"])
    if not (lr > 0 and 0 <= mu < 1):
        return "out of range"
    starts = np.array([[-8.0, 5.0, 1.5], [3.0, -3.0, 3.0], [10.0, 0.5, -0.1], [-0.2, 6.0, 1.0], [0.1, -0.1, -9.0]])
    if all((ravine_run(chosen, start, steps=300)[100:] <= 1e-6).all() for start in starts):
        return "reaches the target"
    if lr >= 1 + mu:
        return "diverges"
    if mu == 0:
        return "plain"
    if lr < 0.02:
        return "tiny"
    if mu**100 > 1e-6:
        return "rolls on"

    def is_slow(a):
        """Whether a direction neither swings nor reaches the target alone."""
        start = (RAVINE == a).astype(float)
        return (1 + mu - 2 * lr * a) ** 2 >= 4 * mu and (ravine_run(chosen, start, steps=300)[100:] > 1e-6).any()

    return "creeps" if is_slow(RAVINE.min()) else "steep" if is_slow(RAVINE.max()) else "no room"

# %% nesterov: at-the-current-point
"""This asks for the gradient at `theta` itself: that is heavy ball. Nesterov's method asks where the velocity is about to carry the point."""
def nesterov_step(theta, v, gradient, lr, mu):
    v = mu * v + gradient(theta)
    return theta - lr * v, v

# %% nesterov: looks-back
"""This looks in the wrong direction, at `theta + lr * mu * v`. The step goes along `-v`, so the look-ahead does too."""
def nesterov_step(theta, v, gradient, lr, mu):
    v = mu * v + gradient(theta + lr * mu * v)
    return theta - lr * v, v

# %% nesterov: without-lr
"""This looks ahead by `mu * v`. The velocity moves the point by `lr` times itself, so the look-ahead is `theta - lr * mu * v`."""
def nesterov_step(theta, v, gradient, lr, mu):
    v = mu * v + gradient(theta - mu * v)
    return theta - lr * v, v

# %% nesterov: without-mu
"""This looks ahead by `lr * v`. Only the share `mu` of the velocity is kept, so the look-ahead is `theta - lr * mu * v`."""
def nesterov_step(theta, v, gradient, lr, mu):
    v = mu * v + gradient(theta - lr * v)
    return theta - lr * v, v

# %% nesterov: notes-sign
"""This looks at `theta + mu * v`, as many notes print it: uphill, and without the learning rate. Look where the velocity carries the point, at `theta - lr * mu * v`."""
def nesterov_step(theta, v, gradient, lr, mu):
    v = mu * v + gradient(theta + mu * v)
    return theta - lr * v, v

# %% nesterov: lr-in-velocity
"""This keeps the learning rate inside the velocity, which is another method as soon as the rate changes. The velocity takes up the plain gradient."""
def nesterov_step(theta, v, gradient, lr, mu):
    v = mu * v + lr * gradient(theta - mu * v)
    return theta - v, v

# %% nesterov: returns-the-look-ahead
"""This steps from the look-ahead point, so that the old velocity counts twice. The look-ahead is only where the gradient is taken; the step starts from `theta`."""
def nesterov_step(theta, v, gradient, lr, mu):
    ahead = theta - lr * mu * v
    v = mu * v + gradient(ahead)
    return ahead - lr * v, v

# %% nesterov: old-velocity
"""This moves the point with the velocity from before the update. Update the velocity first, then move with the new one."""
def nesterov_step(theta, v, gradient, lr, mu):
    new = mu * v + gradient(theta - lr * mu * v)
    return theta - lr * v, new

# %% nesterov: asks-twice
"""The numbers are right, but `gradient` is called twice, and a gradient is the expensive part of a step. Keep what the first call returned."""
def nesterov_step(theta, v, gradient, lr, mu):
    new_theta = theta - lr * (mu * v + gradient(theta - lr * mu * v))
    return new_theta, mu * v + gradient(theta - lr * mu * v)

# %% nesterov: in-place
"""The numbers are right, but the arrays that were passed in have changed. `theta -= ...` and `v *= mu` write into the caller's arrays; compute new ones."""
def nesterov_step(theta, v, gradient, lr, mu):
    v *= mu
    v += gradient(theta - lr * v)
    theta -= lr * v
    return theta, v

# %% nesterov: probe
def probe():
    asked = []

    def gradient(x):
        asked.append([round(float(u), 6) for u in np.ravel(x)])
        return np.array([3.0, 0.5]) * np.asarray(x)

    theta, v = np.array([1.0, -2.0]), np.array([4.0, 0.5])
    new_theta, new_v = nesterov_step(theta, v, gradient, 0.25, 0.5)
    changed = not (np.array_equal(theta, [1.0, -2.0]) and np.array_equal(v, [4.0, 0.5]))
    return [asked, [round(float(u), 6) for u in new_theta], [round(float(u), 6) for u in new_v], changed]

# %% newton: multiplied
"""This multiplies the gradient by the Hessian. The step divides by it, so to speak: it is the solution d of `hessian @ d = grad`."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - (hessian + damping * np.eye(len(grad))) @ grad

# %% newton: uphill
"""This adds the solution where it should be subtracted, so that it runs away from the minimum."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta + np.linalg.solve(hessian + damping * np.eye(len(grad)), grad)

# %% newton: diagonal-only
"""This divides by the diagonal of the Hessian. The other entries count too: solve the whole system of equations."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - grad / (np.diag(hessian) + damping)

# %% newton: no-damping
"""This leaves the damping out. It is added to the diagonal of the Hessian before the system is solved."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - np.linalg.lstsq(hessian, grad, rcond=None)[0]

# %% newton: damped-everywhere
"""This adds the damping to every entry of the Hessian. It belongs on the diagonal: `damping * np.eye(n)`."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - np.linalg.lstsq(hessian + damping, grad, rcond=None)[0]

# %% newton: damping-subtracted
"""This subtracts the damping from the diagonal. Added it makes the step shorter; subtracted it makes it longer, and may turn it uphill."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - np.linalg.solve(hessian - damping * np.eye(len(grad)), grad)

# %% newton: shortened
"""This solves without damping and divides the step by `1 + damping`. Damping acts on the Hessian, so that the step turns towards the gradient as well, and a singular Hessian does no harm."""
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - np.linalg.lstsq(hessian, grad, rcond=None)[0] / (1 + damping)

# %% newton: in-place
"""The numbers are right, but the Hessian that was passed in has changed. `hessian += ...` writes into the caller's array; compute a new one."""
def newton_step(theta, grad, hessian, damping=0.0):
    hessian += np.asarray(damping * np.eye(len(grad)), dtype=hessian.dtype)
    return theta - np.linalg.solve(hessian, grad)

# %% newton: theta-in-place
"""The numbers are right, but the point that was passed in has changed. `theta -= ...` writes into the caller's array; return a new one, `theta - ...`."""
def newton_step(theta, grad, hessian, damping=0.0):
    theta -= np.asarray(np.linalg.solve(hessian + damping * np.eye(len(grad)), grad), dtype=theta.dtype)
    return theta

# %% newton: the-move-only
"""This returns the move, not the new point. Subtract it from `theta`."""
def newton_step(theta, grad, hessian, damping=0.0):
    return np.linalg.solve(hessian + damping * np.eye(len(grad)), grad)

# %% newton: probe
def probe():
    theta, grad, hessian = np.array([1.0, -2.0]), np.array([3.0, 1.0]), np.array([[4.0, 1.0], [1.0, 2.0]])
    answers, changed = [], [False, False, False]
    for damping in (0.5, 3.0):
        given = [array.copy() for array in (theta, grad, hessian)]
        answers.append([round(float(x), 6) for x in np.ravel(newton_step(*given, damping))])
        changed = [c or not np.array_equal(a, b) for c, a, b in zip(changed, given, (theta, grad, hessian))]
    try:
        move = theta - newton_step(theta.copy(), grad.copy(), np.ones((2, 2)), 0.5)
        singular = np.allclose((np.ones((2, 2)) + 0.5 * np.eye(2)) @ move, grad)
    except np.linalg.LinAlgError:
        singular = False
    return [answers, changed, bool(singular)]

# %% adamw: penalty-in-the-gradient
"""This adds the decay to the gradient, as a penalty would, so that it is divided by the root like everything else. AdamW keeps it outside: m and v see the plain gradient."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    grad = grad + weight_decay * theta
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * direction, m, v

# %% adamw: both-active
"""This decays twice, by a penalty in the gradient and outside it. It is one or the other: here, outside only."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    grad = grad + weight_decay * theta
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * (direction + weight_decay * theta), m, v

# %% adamw: decay-without-lr
"""This decays by `multiplier * weight_decay`, as some notes print it. In our form the decay is multiplied by the learning rate too."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * (lr * direction + weight_decay * theta), m, v

# %% adamw: decay-without-multiplier
"""This applies the multiplier to Adam's part and not to the decay. It scales the whole move: where the schedule is at zero, nothing decays."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * direction - lr * weight_decay * theta, m, v

# %% adamw: multiplier-ignored
"""This leaves the multiplier out. It scales the whole move, decay included."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - lr * (direction + weight_decay * theta), m, v

# %% adamw: no-decay
"""This is Adam without any decay. Add `weight_decay * theta` to the direction."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * direction, m, v

# %% adamw: decays-matrices-only
"""This leaves out the decay where theta has fewer than two axes, as some training code does with biases. Here every parameter decays."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    decay = weight_decay if np.ndim(theta) >= 2 else 0.0
    return theta - multiplier * lr * (direction + decay * theta), m, v

# %% adamw: zero-taken-for-nothing
"""A multiplier of zero is treated as if none were given. `multiplier or 1.0` is 1 when the multiplier is 0: use it as it is."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    multiplier = multiplier or 1.0
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * (direction + weight_decay * theta), m, v

# %% adamw: decays-the-new-point
"""This takes Adam's step first and decays the point that comes out of it. In the formula the old `theta` decays."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    theta = theta - multiplier * lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta * (1 - multiplier * lr * weight_decay), m, v

# %% adamw: grows
"""The decay has the wrong sign: it pushes the parameters away from zero."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - multiplier * lr * (direction - weight_decay * theta), m, v

# %% adamw: returns-corrected
"""This returns the corrected means, so that they are corrected again in the next step. Return m and v as they are; the corrected ones serve this step only."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = (beta1 * m + (1 - beta1) * grad) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * grad**2) / (1 - beta2**t)
    return theta - multiplier * lr * (m / (np.sqrt(v) + eps) + weight_decay * theta), m, v

# %% adamw: no-correction
"""This uses the means without correcting them for their start at zero. Divide m by `1 - beta1**t` and v by `1 - beta2**t`."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return theta - multiplier * lr * (m / (np.sqrt(v) + eps) + weight_decay * theta), m, v

# %% adamw: in-place
"""The numbers are right, but the arrays that were passed in have changed. Augmented assignments like `m *= beta1` write into the caller's arrays; compute new ones."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad**2
    direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    theta -= multiplier * lr * (direction + weight_decay * theta)
    return theta, m, v

# %% adamw: probe
def probe():
    given = [np.array([2.0, -1.0]), np.array([0.5, 0.25]), np.array([1.0, 2.0]), np.array([-3.0, 0.5])]
    kept = [a.copy() for a in given]
    result = adamw_step(given[0], given[1], given[2], 2, given[3], 0.1, 0.3, 0.5, 0.6, 0.8, 0.2)
    changed = not all(np.array_equal(a, b) for a, b in zip(given, kept))
    rounded = [[round(float(x), 6) for x in array] for array in result]
    matrices = [a[None].copy() for a in kept]
    decayed = adamw_step(matrices[0], matrices[1], matrices[2], 2, matrices[3], 0.1, 0.3, 0.5, 0.6, 0.8, 0.2)[0]
    still = adamw_step(*(a.copy() for a in kept[:3]), 2, kept[3].copy(), 0.1, 0.3, 0.0, 0.6, 0.8, 0.2)
    return [rounded, changed, *([round(float(x), 6) for x in np.ravel(a)] for a in (decayed, *still))]

# %% average: plain-mean
"""This takes the plain mean of the points. The rates are the weights: a point from which a long step was taken counts more."""
def average_and_bound(points, rates, R, L):
    return np.mean(points, axis=0), (R**2 + L**2 * np.sum(rates**2)) / (2 * np.sum(rates))

# %% average: last-point
"""This returns the last point. It still jumps about; the bound is about the weighted average of all of them."""
def average_and_bound(points, rates, R, L):
    return np.array(points[-1]), (R**2 + L**2 * np.sum(rates**2)) / (2 * np.sum(rates))

# %% average: weights-not-normalised
"""This does not divide by the sum of the rates. The weights of an average add up to one."""
def average_and_bound(points, rates, R, L):
    return np.tensordot(rates, points, 1), (R**2 + L**2 * np.sum(rates**2)) / (2 * np.sum(rates))

# %% average: divided-by-the-number
"""This divides the weighted sum by the number of points. Divide by the sum of the weights, the rates."""
def average_and_bound(points, rates, R, L):
    average = np.tensordot(rates, points, 1) / len(points)
    return average, (R**2 + L**2 * np.sum(rates**2)) / (2 * np.sum(rates))

# %% average: square-of-the-sum
"""The bound has the square of the sum of the rates where it should have the sum of their squares."""
def average_and_bound(points, rates, R, L):
    total = np.sum(rates)
    return np.tensordot(rates, points, 1) / total, (R**2 + L**2 * total**2) / (2 * total)

# %% average: without-the-two
"""The bound is twice what it should be: the denominator is 2 times the sum of the rates."""
def average_and_bound(points, rates, R, L):
    total = np.sum(rates)
    return np.tensordot(rates, points, 1) / total, (R**2 + L**2 * np.sum(rates**2)) / total

# %% average: half-the-bound
"""The bound is half of what it should be, as some notes print it; that one does not hold. The denominator is 2 times the sum of the rates, not 4 times."""
def average_and_bound(points, rates, R, L):
    total = np.sum(rates)
    return np.tensordot(rates, points, 1) / total, (R**2 + L**2 * np.sum(rates**2)) / (4 * total)

# %% average: not-squared
"""The bound has R and L where it should have their squares."""
def average_and_bound(points, rates, R, L):
    total = np.sum(rates)
    return np.tensordot(rates, points, 1) / total, (R + L * np.sum(rates**2)) / (2 * total)

# %% average: noise-term-dropped
"""The bound lacks the term with L. It does not vanish: with constant rates it decides how near SGD ever gets."""
def average_and_bound(points, rates, R, L):
    total = np.sum(rates)
    return np.tensordot(rates, points, 1) / total, R**2 / (2 * total)

# %% average: one-number
"""This averages over the coordinates as well, and returns one number for the average. Sum over the first axis only: the average is a point."""
def average_and_bound(points, rates, R, L):
    total = np.sum(rates)
    average = np.mean(np.tensordot(rates, points, 1)) / total
    return average, (R**2 + L**2 * np.sum(rates**2)) / (2 * total)

# %% average: probe
def probe():
    points, rates = np.array([[1.0, -2.0], [4.0, 0.5], [3.0, 8.0]]), np.array([0.5, 0.25, 1.0])
    average, bound = average_and_bound(points, rates, 3.0, 2.0)
    return [[round(float(x), 6) for x in np.ravel(average)], round(float(bound), 6)]
