# Right versions written otherwise: the tests must accept each. Read as text, never imported.

# %% batches: children
"""A child of the generator for each epoch, and np.split at the cuts."""
def epoch_batches(X, y, batch_size, rng):
    order = np.arange(len(y))
    rng.spawn(1)[0].shuffle(order)
    cuts = np.split(order, range(batch_size, len(order), batch_size))
    return [(np.take(X, rows, axis=0), np.take(y, rows, axis=0)) for rows in cuts]

# %% batches: pack-of-cards
"""Cards drawn one after the other by hand, and a generator inside."""
def epoch_batches(X, y, batch_size, rng):
    def hands(left, hand):
        while left:
            hand.append(left.pop(int(rng.integers(len(left)))))
            if not left or len(hand) == batch_size:
                yield X[hand], y[hand]
                hand = []

    return [*hands(list(range(X.shape[0])), [])]

# %% batches: sorted-keys
"""The order by sorting random keys, examples collected one by one, batches as lists of two."""
def epoch_batches(X, y, batch_size, rng):
    waiting = [int(i) for i in np.argsort(rng.random(len(X)))]
    batches = []
    while waiting:
        rows, waiting = waiting[:batch_size], waiting[batch_size:]
        batches.append([np.stack([X[i] for i in rows]), np.array([y[i] for i in rows])])
    return batches

# %% batches: shuffled-copies
"""Shuffled copies of both, then slices of them."""
def epoch_batches(X, y, batch_size, rng):
    order = rng.choice(len(X), size=len(X), replace=False)
    X, y = X[order], y[order]
    count = (len(X) + batch_size - 1) // batch_size
    return tuple((X[k * batch_size : (k + 1) * batch_size], y[k * batch_size : (k + 1) * batch_size]) for k in range(count))

# %% regimes: computed
"""Everything computed, by numpy."""
def predictions():
    def steps(factor):
        return int(np.ceil(np.log(0.01) / np.log(abs(factor))))

    factors = {case: 1 - 2 * lr * np.array(a) for case, (a, lr) in CASES.items()}
    fate = {}
    for case, r in factors.items():
        far = np.hypot(*(np.array([-8.0, 4.0]) * r**20)) / np.hypot(8, 4)
        fate[case] = "arrives" if far < 1e-3 else "runs away" if far > 1 else "creeps"
    (flat, steep), lr = CASES["C"]
    best = 1 / (flat + steep)
    return {
        "factors": factors,
        "fate": fate,
        "largest lr": 1 / max(CASES["B"][0]),
        "steps": steps(1 - 2 * lr * flat),
        "best lr": best,
        "steps at best lr": steps(1 - 2 * best * flat),
    }

# %% regimes: rounded
"""Lists in place of tuples, and three correct digits."""
def predictions():
    return dict(
        [
            ("factors", {"A": [0.2, -0.2], "B": [0.75, -1.5], "C": [0.992, 0.2]}),
            ("fate", {"C": "creeps", "B": "runs away", "A": "arrives"}),
            ("steps at best lr", 231.0),
            ("best lr", 0.99),
            ("steps", 574.0),
            ("largest lr", 0.4),
        ]
    )

# %% heavy-ball: without-new-velocity
"""Other order of operations, so other roundings."""
def heavy_ball_step(theta, v, grad, lr, mu):
    return theta - lr * mu * v - lr * grad, grad + v * mu

# %% heavy-ball: in-place-on-copies
"""Augmented assignment, on copies."""
def heavy_ball_step(theta, v, grad, lr, mu):
    theta, v = np.array(theta, dtype=float), np.array(v, dtype=float)
    v *= mu
    v += grad
    theta -= lr * v
    return theta, v

# %% heavy-ball: in-thirds
"""Other roundings still: 0.7 * 2 + 3 is one digit off what it is in one piece."""
def heavy_ball_step(theta, v, grad, lr, mu):
    v = (mu * (3 * v) + 3 * grad) / 3
    return (3 * theta - 3 * lr * v) / 3, v

# %% heavy-ball: element-by-element
"""A loop over the entries."""
def heavy_ball_step(theta, v, grad, lr, mu):
    theta, v, grad = np.asarray(theta), np.asarray(v), np.asarray(grad)
    new_theta, new_v = np.zeros(theta.shape), np.zeros(theta.shape)
    for index in np.ndindex(theta.shape):
        new_v[index] = mu * v[index] + grad[index]
        new_theta[index] = theta[index] - lr * new_v[index]
    return new_theta, new_v

# %% rmsprop: moves-towards
"""The running mean as a step towards the new square; multiplication by a reciprocal."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    new = s + (1 - rho) * (np.square(grad) - s)
    return theta - grad * (lr / (eps + new**0.5)), new

# %% rmsprop: element-by-element
"""A loop over the entries; a list in place of a tuple."""
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    theta, s, grad = np.asarray(theta), np.asarray(s), np.asarray(grad)
    new_theta, new_s = np.empty(theta.shape), np.empty(theta.shape)
    for i in np.ndindex(theta.shape):
        new_s[i] = rho * s[i] + (1 - rho) * grad[i] * grad[i]
        new_theta[i] = theta[i] - lr * grad[i] / (float(new_s[i]) ** 0.5 + eps)
    return [new_theta, new_s]

# %% adam: flat-vector
"""All parameters as one long vector; the means kept as plain sums of faded gradients."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.betas, self.eps = lr, np.array([[beta1], [beta2]]), eps
        self.sums, self.weights = 0.0, 0.0

    def step(self, params, grads):
        flat = np.concatenate([np.ravel(g) for g in grads])
        self.sums = self.betas * self.sums + np.stack([flat, flat**2])
        self.weights = self.betas * self.weights + 1
        mean, square = self.sums / self.weights
        move, new, at = self.lr * mean / (np.sqrt(square) + self.eps), [], 0
        for p in params:
            size = np.size(p)
            new.append(p - move[at : at + size].reshape(np.shape(p)))
            at += size
        return new

# %% adam: dictionaries-in-place
"""State in dictionaries by position, means updated in place, powers of beta kept as products."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m, self.v, self.left1, self.left2 = {}, {}, 1.0, 1.0

    def step(self, params, grads):
        self.left1 *= self.beta1
        self.left2 *= self.beta2
        return [self._move(i, params[i], grads[i]) for i in range(len(params))]

    def _move(self, i, p, g):
        m = self.m.setdefault(i, np.zeros(np.shape(p)))
        v = self.v.setdefault(i, np.zeros(np.shape(p)))
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        root = np.sqrt(v) / np.sqrt(1 - self.left2)
        return p - self.lr / (1 - self.left1) * m / (root + self.eps)

# %% adam: whole-history
"""Keeps every gradient and averages anew at each step."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.history = []

    def step(self, params, grads):
        self.history.append([np.array(g, dtype=float) for g in grads])
        ages = np.arange(len(self.history))[::-1]
        new = []
        for p, *past in zip(params, *self.history):
            past = np.stack(past)
            m = np.average(past, axis=0, weights=self.beta1**ages)
            v = np.average(past**2, axis=0, weights=self.beta2**ages)
            new.append(p - self.lr * m / (np.sqrt(v) + self.eps))
        return new

# %% adam: rate-factored-out
"""Steps in units near the learning rate, so that last digits are rounded otherwise."""
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.unit, self.weights, self.eps, self.means = lr + 1e-3, (beta1, beta2), eps, {}
        self.share = lr / self.unit

    def step(self, params, grads):
        return [(p / self.unit - self.share * self.direction(i, g)) * self.unit for i, (p, g) in enumerate(zip(params, grads))]

    def direction(self, i, g):
        mean, square, t = self.means.get(i, (g * 0.0, g * 0.0, 0))
        b1, b2 = self.weights
        mean, square, t = mean * b1 + g * (1 - b1), square * b2 + g * g * (1 - b2), t + 1
        self.means[i] = mean, square, t
        return mean / (1 - b1**t) / (self.eps + (square / (1 - b2**t)) ** 0.5)

# %% adam-test: recomputed
"""Random numbers, three steps, and an Adam of its own to compare with."""
def check_adam(candidate):
    rng = np.random.default_rng(0)
    optimiser = candidate(0.3, 0.7, 0.9, 0.2)
    params = [rng.normal(size=(2, 2)), rng.normal(size=3)]
    means, squares = [0.0, 0.0], [0.0, 0.0]
    for t in (1, 2, 3):
        grads = [rng.normal(size=p.shape) for p in params]
        copies = [a.copy() for a in params + grads]
        new = optimiser.step(params, grads)
        for array, copy in zip(params + grads, copies):
            np.testing.assert_array_equal(array, copy)
        for i in range(2):
            means[i] = 0.7 * means[i] + 0.3 * grads[i]
            squares[i] = 0.9 * squares[i] + 0.1 * grads[i] ** 2
            move = 0.3 * means[i] / (1 - 0.7**t) / (np.sqrt(squares[i] / (1 - 0.9**t)) + 0.2)
            np.testing.assert_allclose(new[i], params[i] - move)
        params = [np.array(p) for p in new]

# %% adam-test: by-hand
"""Plain numbers worked out by hand, arrays of one entry; raises by itself, and returns something."""
def check_adam(candidate):
    optimiser = candidate(lr=1.0, beta1=0.5, beta2=0.25, eps=1.0)
    w, b, gw, gb = np.array([0.0]), np.array([10.0]), np.array([1.0]), np.array([-3.0])
    first = optimiser.step([w, b], [gw, gb])
    if abs(first[0][0] + 0.5) > 1e-9 or abs(first[1][0] - 10.75) > 1e-9:
        raise AssertionError("first step")
    if (w[0], b[0], gw[0], gb[0]) != (0.0, 10.0, 1.0, -3.0):
        raise AssertionError("changes its arguments")
    second = optimiser.step([np.array([0.0]), np.array([0.0])], [np.array([2.5]), np.array([0.0])])
    if abs(second[0][0] + 2.0 / (5.2**0.5 + 1)) > 1e-9 or abs(second[1][0] - 1.0 / (1.8**0.5 + 1)) > 1e-9:
        raise AssertionError("second step")
    return "fine"

# %% cosine: half-angle
"""The half-angle form, and an early return for the clamp."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    if step >= max_steps:
        return float(lr_min)
    share = np.cos(np.pi * step / (2 * max_steps)) ** 2
    return float(share * lr_max + (1 - share) * lr_min)

# %% cosine: middle-and-swing
"""The mean of both rates plus a swing around it, with the standard library's cosine."""
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    import math

    middle, swing = (lr_max + lr_min) / 2, (lr_max - lr_min) / 2
    return middle + swing * math.cos(math.pi * np.clip(step / max_steps, 0, 1))

# %% tune: by-theory
"""The settings that theory calls best for this condition number."""
def settings():
    steep, flat = np.sqrt(2 * RAVINE.max()), np.sqrt(2 * RAVINE.min())
    return {"lr": (2 / (steep + flat)) ** 2, "mu": ((steep - flat) / (steep + flat)) ** 2}

# %% tune: larger-momentum
"""A small learning rate with more momentum."""
def settings():
    return {"mu": 0.85, "lr": 0.5}

# %% tune: smaller-momentum
"""Less momentum, and as numpy numbers."""
def settings():
    return {"lr": np.float64(1.2), "mu": np.float64(0.7)}

# %% nesterov: look-ahead-named
"""The look-ahead point named, and the move written out."""
def nesterov_step(theta, v, gradient, lr, mu):
    kept = v * mu
    ahead = theta - kept * lr
    slope = np.array(gradient(ahead), dtype=float)
    return ahead - lr * slope, slope + kept

# %% nesterov: in-place-on-copies
"""Augmented assignment, on copies; a list in place of a tuple."""
def nesterov_step(theta, v, gradient, lr, mu):
    theta, v = np.array(theta, dtype=float), np.array(v, dtype=float)
    v *= mu
    v += gradient(theta - lr * v)
    theta -= lr * v
    return [theta, v]

# %% newton: least-squares
"""By least squares."""
def newton_step(theta, grad, hessian, damping=0.0):
    n = theta.size
    return theta - np.linalg.lstsq(hessian + np.diag([damping] * n), grad, rcond=None)[0]

# %% newton: eigenvectors
"""In the basis of the Hessian's eigenvectors, where damping is added to each eigenvalue."""
def newton_step(theta, grad, hessian, damping=0.0):
    values, vectors = np.linalg.eigh(hessian)
    return theta - vectors @ ((vectors.T @ grad) / (values + damping))

# %% newton: copy-and-fill
"""The diagonal of a copy, and a column for the right-hand side."""
def newton_step(theta, grad, hessian, damping=0.0):
    damped = np.array(hessian, dtype=float)
    for i in range(len(damped)):
        damped[i, i] += damping
    return theta - np.linalg.solve(damped, np.reshape(grad, (-1, 1)))[:, 0]

# %% adamw: shrinks-first
"""The old theta shrinks, then Adam's move is subtracted; the correction in the step size."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (np.square(grad) - v)
    shrunk = theta * (1 - multiplier * lr * weight_decay)
    scale = np.sqrt(1 - beta2**t)
    return shrunk - multiplier * lr * scale / (1 - beta1**t) * m / (np.sqrt(v) + eps * scale), m, v

# %% adamw: element-by-element
"""A loop over the entries; a list in place of a tuple."""
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    shape, rows = np.shape(theta), []
    for p, a, b, g in zip(np.ravel(theta), np.ravel(m), np.ravel(v), np.ravel(grad)):
        a, b = beta1 * a + (1 - beta1) * g, beta2 * b + (1 - beta2) * g * g
        u = (a / (1 - beta1**t)) / ((b / (1 - beta2**t)) ** 0.5 + eps)
        rows.append((p - multiplier * lr * u - multiplier * lr * weight_decay * p, a, b))
    return [np.reshape(column, shape) for column in zip(*rows)]

# %% average: numpy-average
"""numpy's own weighted average, and a dot product for the squares."""
def average_and_bound(points, rates, R, L):
    bound = (R * R + L * L * np.dot(rates, rates)) / rates.sum() / 2
    return np.average(points, axis=0, weights=rates), float(bound)

# %% average: running
"""A loop with running sums."""
def average_and_bound(points, rates, R, L):
    weighted, total, squares = np.zeros(np.shape(points)[1:]), 0.0, 0.0
    for point, rate in zip(points, rates):
        weighted = weighted + rate * point
        total += float(rate)
        squares += float(rate) ** 2
    return weighted / total, 0.5 * (R**2 / total + L**2 * squares / total)
