"""Optimisers: rules that turn parameters and gradients into new parameters.

All are used in one way, so that one loop runs any of them:

>>> optimiser, theta = Momentum(lr=0.1, mu=0.5), np.array([1.0, -2.0])
>>> for _ in range(40):
...     (at,) = optimiser.look_ahead([theta])
...     (theta,) = optimiser.step([theta], [2 * at])  # the gradient of x1^2 + x2^2
>>> theta.round(4) + 0
array([0., 0.])

`look_ahead` says where the gradient is to be taken: at the parameters themselves, except for Nesterov's method. Where
no rule looks ahead, the call may be left out.

Every optimiser is one formula, its `rule`. The symbols are those of the course: theta a parameter, g its gradient, lr
the learning rate, t the number of this step, counted from 1. In the rules that divide by a root, eps stands outside
the root, as in Kingma and Ba (2015) and in PyTorch; `eps_inside=True` puts it inside, as some texts print it, where it
acts like its square root.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "IterateAverage",
    "MeanAdaGrad",
    "Momentum",
    "Nesterov",
    "Newton",
    "NormalisedDescent",
    "Optimiser",
    "RMSProp",
    "SignDescent",
    "WindowedAdaGrad",
]

Array = np.ndarray
State = dict[str, Any]
"""Numbers by name, and the arrays of the i-th parameter as "name.i"; `np.savez(file, **state)` stores it."""


class _Resumable:
    """What can be saved in the middle of a run: the numbers among the fields of a dataclass, and its memory.

    `memory[i]` holds the arrays that belong to the i-th parameter, in the order of `remembers`.
    """

    remembers: ClassVar[tuple[str, ...]] = ()
    memory: list[list[Array]]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ALLOWED:
            # A Python number leaves float32 parameters float32; a numpy number would not.
            value = _setting(name, value)
        super().__setattr__(name, value)

    def state(self) -> State:
        """Everything that decides the next steps, as a dict of numbers and arrays; the arrays are copies."""
        arrays = {
            f"{name}.{i}": array.copy()
            for i, memory in enumerate(self.memory)
            for name, array in zip(self.remembers, memory, strict=True)
        }
        return self._numbers() | arrays

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue where the object that returned `state` was; its settings are taken over as well.

        Args:
            state: what `state()` returned, or what `np.load` read of it. It is not changed, and not kept.

        Raises:
            ValueError: the state is of another kind of object; the message says what is missing or left over.
        """
        numbers = self._numbers()
        count = (len(state) - len(numbers)) // max(len(self.remembers), 1)
        names = [[f"{name}.{i}" for name in self.remembers] for i in range(count)]
        expected = {*numbers, *(name for row in names for name in row)}
        if expected != set(state):
            raise ValueError(
                f"the state does not fit {type(self).__name__}: missing {sorted(expected - set(state))}, "
                f"left over {sorted(set(state) - expected)}; load it into an object of the class that saved it"
            )
        for name, value in numbers.items():
            setattr(self, name, type(value)(state[name]))
        self.memory = [[np.array(state[name]) for name in row] for row in names]

    def _numbers(self) -> dict[str, Any]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]  # all are dataclasses
        return {name: value for name, value in values.items() if isinstance(value, int | float)}


@dataclass(eq=False)
class Optimiser(_Resumable):
    """What all optimisers share. A new one is a dataclass with a `rule`, and the names of what it remembers.

    Attributes:
        lr: the learning rate, a float of at least 0. It may be set anew before any step.
        t: how many steps have been taken, an int.

    >>> @dataclass(eq=False)
    ... class Cubed(Optimiser):
    ...     def rule(self, theta, g):
    ...         return (theta - self.lr * g**3,)
    >>> Cubed(lr=0.5).step([np.array([1.0, 2.0])], [np.array([1.0, -1.0])])
    [array([0.5, 2.5])]
    """

    lr: float
    t: int = field(default=0, init=False)
    memory: list[list[Array]] = field(default_factory=list, init=False, repr=False)

    def look_ahead(self, params: Sequence[ArrayLike]) -> list[Array]:
        """The point at which this method wants its gradient: the parameters themselves, unless a method says else."""
        return _arrays(params, "params")

    def step(self, params: Sequence[ArrayLike], grads: Sequence[ArrayLike]) -> list[Array]:
        """Take one step.

        Args:
            params: a list of float arrays of any shapes, also of that of a single number, ().
            grads: a list of as many arrays, grads[i] of the shape of params[i]: the gradient at `look_ahead(params)`.

        Returns:
            A list of new arrays, the i-th of the shape and the dtype of params[i]. The arguments, and what earlier
            calls returned, are not changed.

        Raises:
            TypeError: params or grads is not a list, or an array in it is not of floats.
            ValueError: the numbers of arrays or their shapes differ, between params and grads or from earlier steps.
        """
        thetas, gs = _matched(params, grads)
        memory = self._memory_of(thetas)
        self.t += 1
        moved = [
            [np.asarray(array) for array in self.rule(theta, g, *remembered)]
            for theta, g, remembered in zip(thetas, gs, memory, strict=True)
        ]
        self.memory = [remembered for _, *remembered in moved]
        return [theta for theta, *_ in moved]

    def rule(self, theta: Array, *g_and_memory: Any, **nothing: Any) -> tuple[Array, ...]:
        """The formula: from one parameter, its gradient and its memory to the new parameter and the new memory."""
        raise NotImplementedError(f"{type(self).__name__} has no rule; write rule(self, theta, g, ...)")

    def memory_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Shapes of the arrays that are remembered about a parameter of the given shape; they start as zeros."""
        return [shape for _ in self.remembers]

    def _memory_of(self, thetas: list[Array]) -> list[list[Array]]:
        """The memory of each parameter, zeros before the first step, or an error where these are other parameters."""
        wanted = [self.memory_shapes(theta.shape) for theta in thetas]
        if self.t == 0 or not self.remembers:
            return [[np.zeros(s, theta.dtype) for s in row] for theta, row in zip(thetas, wanted, strict=True)]
        if [[array.shape for array in row] for row in self.memory] != wanted:
            raise ValueError(
                f"params has shapes {[theta.shape for theta in thetas]}, and earlier steps had others; pass the same "
                f"parameters in the same order each time, or make a new {type(self).__name__}"
            )
        return self.memory


@dataclass(eq=False)
class SGD(Optimiser):
    """Gradient descent; stochastic where the gradient is one of a sample or a minibatch (Robbins and Monro, 1951).

    >>> SGD(lr=0.5).step([np.array([1.0, 2.0])], [np.array([2.0, -2.0])])
    [array([0., 3.])]
    """

    def rule(self, theta: Array, g: Array) -> tuple[Array, ...]:
        return (theta - self.lr * g,)


@dataclass(eq=False)
class Momentum(Optimiser):
    """Heavy ball (Polyak, 1964): the velocity v keeps the share mu of itself and takes up the gradient with weight 1.

    The learning rate stays outside v, so that a schedule acts at once. With a constant gradient g the velocity tends to
    g / (1 - mu).

    >>> Momentum(lr=0.5, mu=0.9).step([np.array([1.0, 2.0])], [np.array([2.0, -2.0])])
    [array([0., 3.])]
    """

    mu: float = 0.9
    remembers = ("v",)

    def rule(self, theta: Array, g: Array, v: Array) -> tuple[Array, ...]:
        v = self.mu * v + g
        return theta - self.lr * v, v


@dataclass(eq=False)
class Nesterov(Momentum):
    """Momentum whose gradient is taken where the velocity is about to carry the point (Nesterov, 1983).

    In the form of Sutskever et al. (2013): `v = mu v + grad(theta - lr mu v)`, then `theta = theta - lr v`. Take the
    gradient at `look_ahead(params)`, and set lr before that call. PyTorch's `nesterov=True` stores the look-ahead
    point in place of theta; at a constant lr, but not with a schedule, that is the same method.

    >>> nesterov, theta = Nesterov(lr=0.25, mu=0.5), np.array(8.0)
    >>> for _ in range(2):
    ...     (at,) = nesterov.look_ahead([theta])
    ...     (theta,) = nesterov.step([theta], [2 * at])  # the gradient of x^2
    ...     print(at, theta)
    8.0 4.0
    2.0 1.0
    """

    def look_ahead(self, params: Sequence[ArrayLike]) -> list[Array]:
        """Where the velocity alone would carry the parameters: `theta - lr mu v`."""
        thetas = _arrays(params, "params")
        velocities = [v for (v,) in self._memory_of(thetas)]
        return [np.asarray(theta - self.lr * self.mu * v) for theta, v in zip(thetas, velocities, strict=True)]


@dataclass(eq=False)
class SignDescent(Optimiser):
    """Every coordinate moves by lr against the sign of its gradient, whatever the gradient's size; 0 stays.

    Bernstein et al. (2018) study it as signSGD.

    >>> SignDescent(lr=0.5).step([np.zeros(3)], [np.array([1e-9, 0.0, -40.0])])
    [array([-0.5,  0. ,  0.5])]
    """

    def rule(self, theta: Array, g: Array) -> tuple[Array, ...]:
        return (theta - self.lr * np.sign(g),)


@dataclass(eq=False)
class NormalisedDescent(SGD):
    """A step of length lr against the gradient, whatever the gradient's length (Hazan, Levy and Shalev-Shwartz, 2015).

    The length is the Euclidean one over all parameters together. Where the gradient is 0 the point stays.

    >>> NormalisedDescent(lr=5.0).step([np.zeros(1), np.zeros(1)], [np.array([30.0]), np.array([-40.0])])
    [array([-3.]), array([4.])]
    """

    def step(self, params: Sequence[ArrayLike], grads: Sequence[ArrayLike]) -> list[Array]:
        _, gs = _matched(params, grads)
        length = np.linalg.norm(np.concatenate([g.ravel() for g in gs], dtype=float))
        return super().step(params, [g / length if length else g for g in gs])


@dataclass(eq=False)
class AdaGrad(Optimiser):
    """A learning rate per coordinate that falls with the sum s of all squared gradients (Duchi et al., 2011).

    >>> AdaGrad(lr=0.5).step([np.zeros(2)], [np.array([1e-3, 100.0])])[0].round(3)
    array([-0.5, -0.5])
    """

    eps: float = 1e-8
    eps_inside: bool = field(default=False, kw_only=True)
    remembers = ("s",)

    def rule(self, theta: Array, g: Array, s: Array) -> tuple[Array, ...]:
        s = s + g**2
        return theta - self.lr * g / _root(s, self.eps, self.eps_inside), s


@dataclass(eq=False)
class WindowedAdaGrad(Optimiser):
    """AdaGrad that forgets: it sums the last `window` squared gradients only (Zeiler, 2012, section 3.1).

    It remembers each of them. With `eps_inside=True`, eps is the offset K of `sqrt(K + sum)`.

    >>> windowed, theta = WindowedAdaGrad(lr=1.0, window=1), np.zeros(1)
    >>> for g in (100.0, 1.0):
    ...     (theta,) = windowed.step([theta], [np.array([g])])
    >>> theta.round(3)  # AdaGrad would hardly have moved at the second step
    array([-2.])
    """

    window: int
    eps: float = 1e-8
    eps_inside: bool = field(default=False, kw_only=True)
    remembers = ("squares",)

    def memory_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [(self.window, *shape)]

    def rule(self, theta: Array, g: Array, squares: Array) -> tuple[Array, ...]:
        squares = np.concatenate([squares[1:], g[np.newaxis] ** 2])
        return theta - self.lr * g / _root(squares.sum(axis=0), self.eps, self.eps_inside), squares


@dataclass(eq=False)
class MeanAdaGrad(Optimiser):
    """AdaGrad with the mean of all squared gradients so far in place of their sum: the rates do not fall.

    Some texts call it AdaGrad. It is AdaGrad when its learning rate at step t is lr / sqrt(t).

    >>> MeanAdaGrad(lr=0.5).step([np.zeros(2)], [np.array([1e-3, 100.0])])[0].round(3)
    array([-0.5, -0.5])
    """

    eps: float = 1e-8
    eps_inside: bool = field(default=False, kw_only=True)
    remembers = ("s",)

    def rule(self, theta: Array, g: Array, s: Array) -> tuple[Array, ...]:
        s = s + g**2
        return theta - self.lr * g / _root(s / self.t, self.eps, self.eps_inside), s


@dataclass(eq=False)
class RMSProp(Optimiser):
    """A learning rate per coordinate from the running mean s of squared gradients (Tieleman and Hinton, 2012).

    The mean starts at 0 and is not corrected: the first step is 1 / sqrt(1 - rho) times as long as lr.

    >>> RMSProp(lr=0.5, rho=0.75).step([np.zeros(2)], [np.array([1e-3, 100.0])])[0].round(3)
    array([-1., -1.])
    """

    rho: float = 0.9
    eps: float = 1e-8
    eps_inside: bool = field(default=False, kw_only=True)
    remembers = ("s",)

    def rule(self, theta: Array, g: Array, s: Array) -> tuple[Array, ...]:
        s = self.rho * s + (1 - self.rho) * g**2
        return theta - self.lr * g / _root(s, self.eps, self.eps_inside), s


@dataclass(eq=False)
class Adam(Optimiser):
    """Running means m of gradients and v of their squares, both corrected for their start at 0 (Kingma and Ba, 2015).

    >>> Adam(lr=0.5).step([np.zeros(2)], [np.array([1e-3, 100.0])])[0].round(3)
    array([-0.5, -0.5])
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    eps_inside: bool = field(default=False, kw_only=True)
    remembers = ("m", "v")

    def rule(self, theta: Array, g: Array, m: Array, v: Array) -> tuple[Array, ...]:
        direction, m, v = self._direction(g, m, v)
        return theta - self.lr * direction, m, v

    def _direction(self, g: Array, m: Array, v: Array) -> tuple[Array, Array, Array]:
        m = self.beta1 * m + (1 - self.beta1) * g
        v = self.beta2 * v + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**self.t)
        v_hat = v / (1 - self.beta2**self.t)
        return m_hat / _root(v_hat, self.eps, self.eps_inside), m, v


@dataclass(eq=False)
class AdamW(Adam):
    """Adam with weight decay beside the gradient and not in it (Loshchilov and Hutter, 2019).

    As in PyTorch, the decay is coupled to the learning rate: theta moves by -lr (a + weight_decay theta), where a is
    Adam's m_hat / (sqrt(v_hat) + eps). With `coupled=False`, as in algorithm 2 of the paper, it moves by
    -(lr a + weight_decay theta): the same as a coupled decay of weight_decay / lr. In both forms the whole move is
    multiplied by `multiplier`, the paper's eta_t, to be set from a schedule before any step.

    >>> AdamW(lr=0.5, weight_decay=0.1).step([np.array([2.0])], [np.array([3.0])])[0].round(3)
    array([1.4])
    >>> AdamW(lr=0.5, weight_decay=0.1, coupled=False).step([np.array([2.0])], [np.array([3.0])])[0].round(3)
    array([1.3])
    """

    weight_decay: float = 1e-2
    multiplier: float = 1.0
    coupled: bool = field(default=True, kw_only=True)

    def rule(self, theta: Array, g: Array, m: Array, v: Array) -> tuple[Array, ...]:
        direction, m, v = self._direction(g, m, v)
        decay = self.lr * self.weight_decay if self.coupled else self.weight_decay
        return theta - self.multiplier * (self.lr * direction + decay * theta), m, v


@dataclass(eq=False)
class Newton(SGD):
    """A step to where the second-order Taylor model has its critical point: minimum, saddle or maximum alike.

    With `damping` d the Hessian H becomes H + d I (Levenberg, 1944): the step is shorter and turns towards the
    gradient. See Nocedal and Wright (2006), chapter 3.

    Args:
        lr: 1 for the full step.
        damping: a float of at least 0.
        hessian: called with the arrays of params as its arguments; returns the (n, n) matrix of second derivatives
            in the n numbers of all parameters, or an array of as many entries that reshapes to it.

    >>> a = np.array([0.05, 1.0])  # a narrow valley
    >>> Newton(hessian=lambda theta: np.diag(2 * a)).step([np.array([-8.0, 1.5])], [2 * a * [-8.0, 1.5]])
    [array([0., 0.])]
    """

    lr: float = 1.0
    damping: float = 0.0
    hessian: Callable[..., ArrayLike] = field(kw_only=True, repr=False)

    def step(self, params: Sequence[ArrayLike], grads: Sequence[ArrayLike]) -> list[Array]:
        thetas, gs = _matched(params, grads)
        g = np.concatenate([g.ravel() for g in gs])
        direction = self._solve(np.asarray(self.hessian(*thetas), g.dtype), g)
        ends = np.cumsum([theta.size for theta in thetas])[:-1]
        parts = [part.reshape(theta.shape) for part, theta in zip(np.split(direction, ends), thetas, strict=True)]
        return super().step(thetas, parts)

    def _solve(self, hessian: Array, g: Array) -> Array:
        if hessian.size != g.size**2:
            raise ValueError(
                f"the Hessian has shape {hessian.shape}; expected {(g.size, g.size)}: a row and a column for each "
                "number in params"
            )
        try:
            return np.linalg.solve(hessian.reshape(g.size, g.size) + self.damping * np.eye(g.size, dtype=g.dtype), g)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"the Hessian plus damping {self.damping:g} is singular here, so that there is no Newton step; set "
                "damping to a small positive number"
            ) from None


@dataclass(eq=False)
class IterateAverage(_Resumable):
    """Running average of the points that an optimiser visits.

    With decay 1 and equal weights it is the plain mean (Polyak and Juditsky, 1992); with the learning rates as weights
    it is the average that the bound on SGD is about. With a decay below 1 it is the exponential average: k points
    later a point has decay^k of its weight. Weights are divided by their sum, which corrects for the start.

    Attributes:
        decay: how much of its weight a point keeps from one point to the next, a float in [0, 1].
        total: the sum of the weights so far, a float.

    >>> average = IterateAverage(decay=0.5)
    >>> for theta in (4.0, 1.0):  # weights 0.5 and 1
    ...     (mean,) = average.update([theta])
    >>> mean
    array(2.)
    """

    decay: float = 1.0
    total: float = field(default=0.0, init=False)
    memory: list[list[Array]] = field(default_factory=list, init=False, repr=False)
    remembers = ("mean",)

    def update(self, params: Sequence[ArrayLike], weight: float = 1.0) -> list[Array]:
        """Take in one more point.

        Args:
            params: a list of float arrays of any shapes.
            weight: the weight of this point, a float of at least 0.

        Returns:
            The averages so far, new arrays of the shapes and dtypes of params.

        Raises:
            TypeError, ValueError: as for `Optimiser.step`.
        """
        thetas, weight = _arrays(params, "params"), _setting("weight", weight)
        means = [mean for (mean,) in self.memory] or thetas
        _same_shapes(means, thetas, "the average", "params")
        self.total = self.decay * self.total + weight
        share = weight / self.total if self.total else 1.0
        means = [np.asarray(mean + share * (theta - mean)) for mean, theta in zip(means, thetas, strict=True)]
        self.memory = [[mean] for mean in means]
        return [mean.copy() for mean in means]


_AT_LEAST_0 = (float, "a number of at least 0", lambda x: 0 <= x < math.inf)
_SHARE = (float, "a number of at least 0 and below 1", lambda x: 0 <= x < 1)
_ALLOWED: dict[str, tuple[type, str, Callable[[float], bool]]] = {
    "lr": _AT_LEAST_0,
    "mu": _SHARE,
    "rho": _SHARE,
    "beta1": _SHARE,
    "beta2": _SHARE,
    "eps": (float, "a positive number", lambda x: 0 < x < math.inf),
    "weight_decay": _AT_LEAST_0,
    "multiplier": _AT_LEAST_0,
    "damping": _AT_LEAST_0,
    "window": (int, "a whole number of at least 1", lambda x: x >= 1 and x == x // 1),
    "decay": (float, "a number from 0 to 1", lambda x: 0 <= x <= 1),
    "weight": _AT_LEAST_0,
}


def _setting(name: str, value: Any) -> Any:
    kind, expected, allowed = _ALLOWED[name]
    if callable(value):
        raise TypeError(f"{name} is a function; expected {expected}: before each step, set {name} = schedule(step)")
    if not isinstance(value, Real) or not allowed(float(value)):
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return kind(value)


def _root(square: Array, eps: float, inside: bool) -> Array:
    return np.sqrt(square + eps) if inside else np.sqrt(square) + eps


def _matched(params: Sequence[ArrayLike], grads: Sequence[ArrayLike]) -> tuple[list[Array], list[Array]]:
    thetas, gs = _arrays(params, "params"), _arrays(grads, "grads")
    _same_shapes(gs, thetas, "grads", "params")
    return thetas, [g.astype(theta.dtype, copy=False) for g, theta in zip(gs, thetas, strict=True)]


def _arrays(given: Sequence[ArrayLike], what: str) -> list[Array]:
    if not isinstance(given, list | tuple):
        kind = f"one array of shape {given.shape}" if isinstance(given, np.ndarray) else f"a {type(given).__name__}"
        raise TypeError(f"{what} is {kind}; expected a list of arrays: put a single one into brackets, [theta]")
    if not given:
        raise ValueError(f"{what} is an empty list; expected an array for each parameter")
    arrays = [np.asarray(array) for array in given]
    for i, array in enumerate(arrays):
        if array.dtype.kind != "f":
            raise TypeError(f"{what}[{i}] is of dtype {array.dtype}; expected floats, as in np.array([1.0, 2.0])")
    return arrays


def _same_shapes(one: list[Array], other: list[Array], name: str, other_name: str) -> None:
    if len(one) != len(other):
        raise ValueError(f"{name} has {len(one)} arrays and {other_name} {len(other)}; expected one for each parameter")
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        if a.shape != b.shape:
            raise ValueError(f"{name}[{i}] has shape {a.shape} and {other_name}[{i}] {b.shape}; expected the same")
