"""The optimisers: against PyTorch where it has the method, against closed forms where it has not."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from chainrule import optim
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

STEPS = 60
RATES = 0.05 * (1.5 + np.sin(np.arange(STEPS)))  # a rate that goes up and down
TINY = 1e-200  # an eps that cannot be seen

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
PARAMS = st.lists(SHAPES.flatmap(lambda s: hnp.arrays(float, s, elements=st.floats(-3, 3))), min_size=1, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)

Path = list[list[np.ndarray]]


def forces(params: list[np.ndarray], seed: int) -> Path:
    """Something for each step and parameter, of sizes from 0.01 to 10, that makes a gradient of sin(theta) rough."""
    rng = np.random.default_rng(seed)
    sizes = 10 ** rng.uniform(-2, 1, STEPS)
    return [[np.asarray(size * rng.normal(size=p.shape)) for p in params] for size in sizes]


def our_path(optimiser: optim.Optimiser, params: list[np.ndarray], pushes: Path, rates: np.ndarray = RATES) -> Path:
    path = []
    for rate, push in zip(rates, pushes, strict=True):
        optimiser.lr = rate
        ahead = optimiser.look_ahead(params)
        params = optimiser.step(params, [np.sin(p) + f for p, f in zip(ahead, push, strict=True)])
        path.append(params)
    return path


class Theirs:
    """PyTorch's optimiser on a copy of our parameters, in float64."""

    def __init__(self, make: Callable[..., torch.optim.Optimizer], params: list[np.ndarray], **given: Any) -> None:
        self.params = [torch.tensor(p, dtype=torch.float64) for p in params]
        self.optimiser = make(self.params, lr=1.0, **given)

    def path(self, pushes: Path, group: Callable[[int, float], dict[str, float]] = lambda t, lr: {"lr": lr}) -> Path:
        return list(self.steps(pushes, group))

    def steps(self, pushes: Path, group: Callable[[int, float], dict[str, float]]) -> Iterator[list[np.ndarray]]:
        for t, (rate, push) in enumerate(zip(RATES, pushes, strict=True), start=1):
            self.optimiser.param_groups[0].update(group(t, float(rate)))
            for p, f in zip(self.params, push, strict=True):
                p.grad = torch.sin(p) + torch.tensor(f)
            self.optimiser.step()
            yield [p.numpy().copy() for p in self.params]


def agree(path: Path, other: Path, rtol: float = 1e-9) -> None:
    for t, (point, expected) in enumerate(zip(path, other, strict=True)):
        for a, b in zip(point, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-11, err_msg=f"step {t}")


T = torch.optim
SUM_STARTS_AT_EPS = {"initial_accumulator_value": 0.5, "eps": 0}
PYTORCH: list[tuple[str, optim.Optimiser, Callable[..., torch.optim.Optimizer], dict[str, Any]]] = [
    ("descent", optim.SGD(1), T.SGD, {}),
    ("heavy ball", optim.Momentum(1), T.SGD, {"momentum": 0.9}),
    ("heavy ball without memory", optim.Momentum(1, mu=0), T.SGD, {}),
    ("sign", optim.SignDescent(1), T.Adam, {"betas": (0.0, 0.0), "eps": 0.0}),
    ("AdaGrad", optim.AdaGrad(1), T.Adagrad, {"eps": 1e-8}),
    ("AdaGrad, large eps", optim.AdaGrad(1, 0.5), T.Adagrad, {"eps": 0.5}),
    ("AdaGrad, eps inside", optim.AdaGrad(1, 0.5, eps_inside=True), T.Adagrad, SUM_STARTS_AT_EPS),
    ("window over all", optim.WindowedAdaGrad(1, STEPS, 0.5), T.Adagrad, {"eps": 0.5}),
    ("window of one", optim.WindowedAdaGrad(1, 1, TINY), T.Adam, {"betas": (0.0, 0.0), "eps": 0.0}),
    ("RMSProp", optim.RMSProp(1), T.RMSprop, {"alpha": 0.9}),
    ("RMSProp, other settings", optim.RMSProp(1, 0.99, 0.5), T.RMSprop, {"alpha": 0.99, "eps": 0.5}),
    ("Adam", optim.Adam(), T.Adam, {}),
    ("Adam, other settings", optim.Adam(1, 0.5, 0.8, 0.5), T.Adam, {"betas": (0.5, 0.8), "eps": 0.5}),
    ("AdamW", optim.AdamW(), T.AdamW, {}),
    ("AdamW, other decay", optim.AdamW(weight_decay=0.3), T.AdamW, {"weight_decay": 0.3}),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "make", "given_to_theirs"), [c[1:] for c in PYTORCH], ids=[c[0] for c in PYTORCH])
@settings(max_examples=15)
@given(params=PARAMS, seed=SEEDS)
def test_path_is_that_of_pytorch(
    ours: optim.Optimiser, make: Any, given_to_theirs: dict[str, Any], params: list[np.ndarray], seed: int
) -> None:
    fresh = type(ours)(**{name: value for name, value in ours.state().items() if name != "t"})
    pushes = forces(params, seed)
    agree(our_path(fresh, params, pushes), Theirs(make, params, **given_to_theirs).path(pushes))


@settings(max_examples=15)
@given(PARAMS, SEEDS)
def test_root_mean_square_is_adagrad_whose_rate_grows_with_the_root_of_the_step(
    params: list[np.ndarray], seed: int
) -> None:
    pushes = forces(params, seed)
    adagrad = Theirs(T.Adagrad, params, eps=0).path(pushes, lambda t, lr: {"lr": lr * t**0.5})
    agree(our_path(optim.MeanAdaGrad(1, eps=TINY), params, pushes), adagrad)


@settings(max_examples=15)
@given(PARAMS, SEEDS)
def test_uncoupled_decay_is_pytorchs_decay_over_the_learning_rate(params: list[np.ndarray], seed: int) -> None:
    pushes = forces(params, seed)
    theirs = Theirs(T.AdamW, params).path(pushes, lambda t, lr: {"lr": lr, "weight_decay": 0.01 / lr})
    agree(our_path(optim.AdamW(weight_decay=0.01, coupled=False), params, pushes), theirs)


@pytest.mark.parametrize("coupled", [True, False])
def test_the_multiplier_is_a_schedule_for_step_and_decay_alike(coupled: bool) -> None:
    rng = np.random.default_rng(0)
    params, rate, decay = [rng.normal(size=4)], 0.2, 0.3
    ours, theirs = optim.AdamW(rate, weight_decay=decay, coupled=coupled), Theirs(T.AdamW, params)
    share = 1 if coupled else 1 / rate
    pushes, point = forces(params, 0), params
    path = theirs.path(pushes, lambda t, lr: {"lr": rate * lr, "weight_decay": share * decay})
    for t, push in enumerate(pushes):
        ours.multiplier = RATES[t]
        point = ours.step(point, [np.sin(point[0]) + push[0]])
        np.testing.assert_allclose(point[0], path[t][0], rtol=1e-10)


@settings(max_examples=15)
@given(PARAMS, SEEDS)
def test_normalised_descent_is_descent_on_pytorchs_normalised_gradient(params: list[np.ndarray], seed: int) -> None:
    assume(sum(p.size for p in params))
    point, pushes = [torch.tensor(p) for p in params], forces(params, seed)
    expected = []
    for rate, push in zip(RATES, pushes, strict=True):
        grads = torch.cat([(torch.sin(p) + torch.tensor(f)).ravel() for p, f in zip(point, push, strict=True)])
        direction = torch.nn.functional.normalize(grads, dim=0).split([p.numel() for p in point])
        point = [p - float(rate) * d.reshape(p.shape) for p, d in zip(point, direction, strict=True)]
        expected.append([p.numpy() for p in point])
    agree(our_path(optim.NormalisedDescent(1), params, pushes), expected)


@settings(max_examples=15)
@given(PARAMS, SEEDS)
def test_nesterovs_look_ahead_point_is_what_pytorch_stores_while_the_rate_is_constant(
    params: list[np.ndarray], seed: int
) -> None:
    ours, pushes = optim.Nesterov(0.1, mu=0.8), forces(params, seed)
    theirs = Theirs(T.SGD, params, momentum=0.8, nesterov=True).path(pushes, lambda t, lr: {"lr": 0.1})
    for push, expected in zip(pushes, theirs, strict=True):
        ahead = ours.look_ahead(params)
        params = ours.step(params, [np.sin(a) + f for a, f in zip(ahead, push, strict=True)])
        agree([ours.look_ahead(params)], [expected])


def test_with_a_schedule_nesterov_parts_from_pytorch_by_the_change_of_rate_times_the_velocity() -> None:
    params, mu = [np.array([1.0, -2.0])], 0.8
    ours, pushes = optim.Nesterov(1, mu), forces(params, 0)
    pytorch = Theirs(T.SGD, params, momentum=mu, nesterov=True)
    moved = Theirs(T.SGD, params, momentum=mu, nesterov=True)
    alike = True
    walks = (w.steps(pushes, lambda t, lr: {"lr": lr}) for w in (pytorch, moved))
    for t, _ in enumerate(zip(*walks, strict=True)):
        ours.lr = RATES[t]
        params = ours.step(params, [np.sin(a) + f for a, f in zip(ours.look_ahead(params), pushes[t], strict=True)])
        ours.lr = following = RATES[min(t + 1, STEPS - 1)]
        velocity = moved.optimiser.state[moved.params[0]]["momentum_buffer"]
        moved.params[0] += (RATES[t] - following) * mu * velocity
        (ahead,) = ours.look_ahead(params)
        np.testing.assert_allclose(ahead, moved.params[0].numpy(), rtol=1e-10)
        alike = alike and np.allclose(ahead, pytorch.params[0].numpy(), rtol=1e-3)
    assert not alike


def mean(values: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Corrected running means, each as the weighted average of all values so far."""
    return np.array([np.average(values[:t], axis=0, weights=beta ** np.arange(t)[::-1]) for t in range(1, STEPS + 1)])


def windowed(squares: np.ndarray, width: int) -> np.ndarray:
    """Sums over windows that end at each step, as a convolution."""
    return np.apply_along_axis(lambda column: np.convolve(column, np.ones(width))[:STEPS], 0, squares)


TIME = np.arange(1, STEPS + 1)[:, np.newaxis]
# From the gradients (STEPS, 3) to the directions: what is remembered depends on the gradients only.
CLOSED: list[tuple[str, optim.Optimiser, Callable[[np.ndarray], np.ndarray]]] = [
    ("window", optim.WindowedAdaGrad(1, 7, 0.5), lambda g: g / (windowed(g**2, 7) ** 0.5 + 0.5)),
    ("window, K", optim.WindowedAdaGrad(1, 7, 0.5, eps_inside=True), lambda g: g / (windowed(g**2, 7) + 0.5) ** 0.5),
    ("mean", optim.MeanAdaGrad(1, 0.5), lambda g: g / (mean(g**2) ** 0.5 + 0.5)),
    ("mean, eps inside", optim.MeanAdaGrad(1, 0.5, eps_inside=True), lambda g: g / (mean(g**2) + 0.5) ** 0.5),
    (
        "RMSProp, eps inside",
        optim.RMSProp(1, 0.8, 0.5, eps_inside=True),
        lambda g: g / ((1 - 0.8**TIME) * mean(g**2, 0.8) + 0.5) ** 0.5,
    ),
    (
        "Adam, eps inside",
        optim.Adam(1, 0.7, 0.8, 0.5, eps_inside=True),
        lambda g: mean(g, 0.7) / (mean(g**2, 0.8) + 0.5) ** 0.5,
    ),
    ("heavy ball, unrolled", optim.Momentum(1, mu=0.7), lambda g: (1 - 0.7**TIME) / 0.3 * mean(g, 0.7)),
]


@pytest.mark.parametrize(("optimiser", "directions"), [c[1:] for c in CLOSED], ids=[c[0] for c in CLOSED])
def test_path_is_that_of_the_closed_form(
    optimiser: optim.Optimiser, directions: Callable[[np.ndarray], np.ndarray]
) -> None:
    grads = np.concatenate([push[0][np.newaxis] for push in forces([np.zeros(3)], 1)])
    theta, path = np.array([1.0, -2.0, 0.5]), []
    expected = theta - np.cumsum(RATES[:, np.newaxis] * directions(grads), axis=0)
    for rate, g in zip(RATES, grads, strict=True):
        optimiser.lr = rate
        (theta,) = optimiser.step([theta], [g])
        path.append(theta)
    np.testing.assert_allclose(path, expected, rtol=1e-10)


def test_the_two_places_of_eps_part_where_the_mean_square_is_near_eps() -> None:
    def moved(gradient: float, inside: bool) -> float:
        adam = optim.Adam(lr=1.0, eps=1e-8, eps_inside=inside)
        return -float(adam.step([np.zeros(())], [np.array(gradient)])[0])

    np.testing.assert_allclose([moved(1.0, False), moved(1.0, True)], 1, rtol=1e-7)
    np.testing.assert_allclose([moved(1e-4, False), moved(1e-4, True)], [1 / 1.0001, 0.5**0.5], rtol=1e-12)
    np.testing.assert_allclose([moved(1e-8, False), moved(1e-8, True)], [0.5, 1e-4], rtol=1e-7)


# Newton


@pytest.mark.parametrize("damping", [0.0, 0.7])
def test_newton_is_pytorchs_solution_with_pytorchs_hessian(damping: float) -> None:
    def loss(x: torch.Tensor) -> torch.Tensor:
        return (torch.cosh(x - torch.arange(4)) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum() + x.prod() ** 2 / 100

    def gradient(x: torch.Tensor) -> torch.Tensor:
        return torch.autograd.functional.jacobian(loss, x)

    def hessian(x: torch.Tensor) -> torch.Tensor:
        return torch.autograd.functional.hessian(loss, x)

    ours = optim.Newton(hessian=lambda x: hessian(torch.tensor(x)).numpy(), damping=damping)
    theirs = torch.tensor([2.0, -1.0, 0.5, 1.0], dtype=torch.float64)
    theta = theirs.numpy().copy()
    for rate in RATES:
        ours.lr = rate
        (theta,) = ours.step([theta], [gradient(torch.tensor(theta)).numpy()])
        matrix = hessian(theirs) + damping * torch.eye(4, dtype=torch.float64)
        theirs = theirs - rate * torch.linalg.solve(matrix, gradient(theirs))
        np.testing.assert_allclose(theta, theirs.numpy(), rtol=1e-9)


def test_newton_sees_several_parameters_as_one_vector() -> None:
    rng = np.random.default_rng(3)
    factor, target = rng.normal(size=(8, 8)), rng.normal(size=8)
    matrix = factor @ factor.T + np.eye(8)
    split = [np.zeros((2, 3)), np.zeros(()), np.zeros(1)]
    gradient = matrix @ -target
    grads = [gradient[:6].reshape(2, 3), gradient[6], gradient[7:]]
    a, b, c = optim.Newton(hessian=lambda a, b, c: matrix).step(split, grads)
    assert (a.shape, b.shape, c.shape) == ((2, 3), (), (1,))
    np.testing.assert_allclose([*a.ravel(), b, *c], target, rtol=1e-10)


def test_newton_doubles_the_digits_of_a_square_root() -> None:
    newton, theta, errors = optim.Newton(hessian=lambda x: 2 * x), np.array(2.0), []
    for _ in range(5):  # of x^3 / 3 - 2 x, whose minimum is at the root of 2
        (theta,) = newton.step([theta], [theta**2 - 2])
        errors.append(abs(float(theta) - 2**0.5))
    for before, after in pairwise(errors):
        assert after <= before**2 / 2 + 1e-15  # e' = e^2 / (2 theta) for Heron's rule, and theta > 1


# Averages


@pytest.mark.parametrize("decay", [1.0, 0.9, 0.5])
def test_average_is_that_of_pytorch(decay: float) -> None:
    rng = np.random.default_rng(4)
    points = [[rng.normal(size=(2, 3)), np.asarray(rng.normal())] for _ in range(STEPS)]
    model = torch.nn.ParameterList([torch.tensor(p) for p in points[0]])
    ema = torch.optim.swa_utils.get_ema_avg_fn(decay) if decay < 1 else None
    theirs, ours = torch.optim.swa_utils.AveragedModel(model, avg_fn=ema), optim.IterateAverage(decay)
    for t, point in enumerate(points, start=1):
        for parameter, value in zip(model, point, strict=True):
            parameter.data = torch.tensor(value)
        theirs.update_parameters(model)
        # PyTorch's exponential average gives the first point the weight of all that might have come before it.
        excess = decay**t if decay < 1 else 0.0
        for mean, their_mean, first in zip(ours.update(point), theirs.module.parameters(), points[0], strict=True):
            np.testing.assert_allclose(mean * (1 - excess), their_mean.detach().numpy() - excess * first, rtol=1e-9)


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 20), st.just(2)), elements=st.floats(-100, 100)),
    st.floats(0.1, 1),
    st.data(),
)
def test_average_is_the_weighted_average(points: np.ndarray, decay: float, data: st.DataObject) -> None:
    weights = data.draw(hnp.arrays(float, len(points), elements=st.just(0.0) | st.floats(0.01, 10)))
    average = optim.IterateAverage(decay)
    for t, (point, weight) in enumerate(zip(points, weights, strict=True), start=1):
        (mean,) = average.update([point], weight)
        if weights[:t].any():
            faded = weights[:t] * decay ** np.arange(t)[::-1]
            np.testing.assert_allclose(mean, np.average(points[:t], axis=0, weights=faded), rtol=1e-8, atol=1e-8)
        mean.fill(np.nan)  # it is the caller's


# What holds for every optimiser

EVERY: dict[str, Callable[[], optim.Optimiser]] = {
    "SGD": lambda: optim.SGD(0.1),
    "Momentum": lambda: optim.Momentum(0.1),
    "Nesterov": lambda: optim.Nesterov(0.1),
    "SignDescent": lambda: optim.SignDescent(0.1),
    "NormalisedDescent": lambda: optim.NormalisedDescent(0.1),
    "AdaGrad": lambda: optim.AdaGrad(0.1),
    "WindowedAdaGrad": lambda: optim.WindowedAdaGrad(0.1, window=3),
    "MeanAdaGrad": lambda: optim.MeanAdaGrad(0.1),
    "RMSProp": lambda: optim.RMSProp(0.1),
    "Adam": lambda: optim.Adam(0.1, eps_inside=True),
    "AdamW": lambda: optim.AdamW(0.1, coupled=False, multiplier=0.5),
    "Newton": lambda: optim.Newton(hessian=well_conditioned, damping=0.1),
}


def every(but: str = "") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", [pytest.param(EVERY[name], id=name) for name in EVERY if name != but])


def well_conditioned(*params: np.ndarray) -> np.ndarray:
    """A made-up Hessian that changes with the parameters."""
    flat = np.concatenate([np.ravel(p) for p in params])
    return np.diag(2 + np.cos(flat))


def test_the_table_has_every_optimiser() -> None:
    assert set(EVERY) == set(optim.__all__) - {"Optimiser", "IterateAverage"}


@every()
@settings(max_examples=20)
@given(params=PARAMS, seed=SEEDS, dtype=st.sampled_from([np.float32, np.float64]))
def test_results_are_new_arrays_of_the_same_shape_and_dtype(
    make: Callable[[], optim.Optimiser], params: list[np.ndarray], seed: int, dtype: type
) -> None:
    optimiser = make()
    old: list[np.ndarray] = [np.asarray(p, dtype) for p in params]
    for grads in forces(params, seed)[:3]:
        optimiser.lr = np.float64(0.05)  # a numpy number, as a schedule may return it
        before = [p.copy() for p in old], [g.copy() for g in grads]
        for array in (*old, *grads):
            array.flags.writeable = False
        new = optimiser.step(old, grads)
        assert isinstance(new, list)
        assert [(p.shape, p.dtype) for p in new] == [(p.shape, p.dtype) for p in old]
        assert all(isinstance(p, np.ndarray) for p in new)
        assert not any(np.shares_memory(p, q) for p in new for q in (*old, *grads))
        for array, copy in zip([*old, *grads], [*before[0], *before[1]], strict=True):
            np.testing.assert_array_equal(array, copy)
        kept = [p.copy() for p in new]
        optimiser.step([p * 2 for p in new], grads)
        assert all(np.array_equal(p, q) for p, q in zip(new, kept, strict=True))
        old = new


def through_a_file(state: optim.State) -> dict[str, Any]:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    return dict(np.load(file))


@every()
@pytest.mark.parametrize("carried", [dict, through_a_file])
@pytest.mark.parametrize("steps", [0, 1, 20])
def test_a_run_continues_exactly_where_its_state_was_saved(
    make: Callable[[], optim.Optimiser], carried: Callable[[optim.State], dict[str, Any]], steps: int
) -> None:
    params = [np.array([[0.5, -1.0]]), np.array(2.0), np.zeros(2, np.float32)]
    pushes, optimiser = forces(params, 6), make()
    if steps:
        params = our_path(optimiser, params, pushes[:steps], RATES[:steps])[-1]
    state, fresh = optimiser.state(), make()
    loaded, fresh.lr = carried(state), 7.0
    fresh.load_state(loaded)
    assert repr(fresh) == repr(optimiser)
    for value in (*state.values(), *loaded.values()):  # what becomes of them is nobody's business
        if isinstance(value, np.ndarray):
            value.fill(0)

    rest = [our_path(o, params, pushes[steps:], RATES[steps:]) for o in (optimiser, fresh)]
    for point, expected in zip(*rest, strict=True):
        for a, b in zip(point, expected, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_an_average_continues_where_its_state_was_saved() -> None:
    points = np.random.default_rng(7).normal(size=(10, 3))
    average, fresh = optim.IterateAverage(0.9), optim.IterateAverage()
    for point in points[:5]:
        average.update([point])
    fresh.load_state(through_a_file(average.state()))
    for point in points[5:]:
        np.testing.assert_array_equal(average.update([point]), fresh.update([point]))


@every(but="NormalisedDescent")  # whose length is that of the whole gradient
def test_parameters_do_not_disturb_each_other(make: Callable[[], optim.Optimiser]) -> None:
    params = [np.array([1.0, 2.0]), np.array([[3.0]])]
    pushes = forces(params, 8)
    together = our_path(make(), params, pushes)
    for i in range(2):
        alone = our_path(make(), [params[i]], [[push[i]] for push in pushes])
        agree([[point[i]] for point in together], alone)


@every(but="AdamW")  # which decays
def test_a_minimum_is_left_alone(make: Callable[[], optim.Optimiser]) -> None:
    optimiser = make()
    for _ in range(3):
        (theta,) = optimiser.step([np.array([1.0, -2.0])], [np.zeros(2)])
        np.testing.assert_array_equal(theta, [1.0, -2.0])


def test_normalised_descent_sees_gradients_whose_squares_are_too_small_for_float32() -> None:
    (theta,) = optim.NormalisedDescent(5.0).step([np.zeros(2, np.float32)], [np.array([3e-30, -4e-30])])
    np.testing.assert_allclose(theta, [-3, 4], rtol=1e-6)


# What is refused

ONE = np.ones(2)


def step(params: Any, grads: Any) -> object:
    return optim.SGD(1).step(params, grads)


def newton_step(hessian: np.ndarray) -> object:
    return optim.Newton(hessian=lambda x: hessian).step([ONE], [ONE])


def average_of(*points: np.ndarray) -> None:
    average = optim.IterateAverage()
    for point in points:
        average.update([point])


def setting(make: Callable[..., object], **given: Any) -> Callable[[], object]:
    return lambda: make(**given)


REFUSED: list[tuple[str, Callable[[], object], type[Exception], str]] = [
    ("a negative rate", setting(optim.SGD, lr=-0.1), ValueError, "lr is -0.1; expected a number of at least 0"),
    ("a rate that is NaN", setting(optim.SGD, lr=np.nan), ValueError, "lr is nan; expected"),
    ("a rate as text", setting(optim.SGD, lr="0.1"), ValueError, "lr is '0.1'; expected"),
    ("a schedule", setting(optim.SGD, lr=abs), TypeError, r"lr is a function; .* each step, set lr = schedule\(step\)"),
    ("a later rate", lambda: setattr(optim.SGD(0.1), "lr", np.inf), ValueError, "lr is inf; expected"),
    ("mu", setting(optim.Momentum, lr=1, mu=1), ValueError, "mu is 1; expected a number of at least 0 and below 1"),
    ("beta1", setting(optim.Adam, beta1=1.5), ValueError, "beta1 is 1.5; expected"),
    ("beta2", setting(optim.Adam, beta2=1.0), ValueError, "beta2 is 1.0; expected"),
    ("rho", setting(optim.RMSProp, lr=1, rho=-1), ValueError, "rho is -1; expected"),
    ("eps", setting(optim.Adam, eps=0), ValueError, "eps is 0; expected a positive number"),
    ("window", setting(optim.WindowedAdaGrad, lr=1, window=2.5), ValueError, "window is 2.5; expected a whole number"),
    ("weight decay", setting(optim.AdamW, weight_decay=-1), ValueError, "weight_decay is -1; expected"),
    ("multiplier", setting(optim.AdamW, multiplier=-1), ValueError, "multiplier is -1; expected"),
    ("damping", setting(optim.Newton, hessian=abs, damping=-1), ValueError, "damping is -1; expected"),
    ("decay", setting(optim.IterateAverage, decay=1.1), ValueError, "decay is 1.1; expected a number from 0 to 1"),
    ("weight", lambda: optim.IterateAverage().update([ONE], -1), ValueError, "weight is -1; expected"),
    ("other points", lambda: average_of(ONE, np.ones(3)), ValueError, r"the average\[0\] has shape \(2,\) and params"),
    ("an array alone", lambda: step(ONE, ONE), TypeError, r"params is one array of shape \(2,\); .*\[theta\]"),
    ("a number alone", lambda: step(1.0, [ONE]), TypeError, "params is a float; expected a list of arrays"),
    ("nothing to move", lambda: step([], []), ValueError, "params is an empty list"),
    ("whole numbers", lambda: step([np.arange(2)], [ONE]), TypeError, r"params\[0\] is of dtype int64; .*1.0"),
    ("no gradient", lambda: step([ONE], [None]), TypeError, r"grads\[0\] is of dtype object; expected floats"),
    ("a gradient too few", lambda: step([ONE, ONE], [ONE]), ValueError, "grads has 1 arrays and params 2"),
    (
        "another shape",
        lambda: step([np.eye(2)], [ONE]),
        ValueError,
        r"grads\[0\] has shape \(2,\) and params\[0\] \(2, 2\)",
    ),
    ("another Hessian", lambda: newton_step(ONE), ValueError, r"Hessian has shape \(2,\); expected \(2, 2\)"),
    (
        "a singular one",
        lambda: newton_step(np.ones((2, 2))),
        ValueError,
        "singular here.*set damping to a small positive",
    ),
    (
        "the state of another",
        lambda: optim.Adam().load_state(optim.Momentum(0.1).state()),
        ValueError,
        r"does not fit Adam: missing \['beta1', .*left over \['mu'\]",
    ),
    ("too much state", lambda: optim.SGD(1).load_state({"lr": 1.0, "t": 1, "v.0": ONE}), ValueError, r"over \['v.0'\]"),
    ("no rule", lambda: optim.Optimiser(1).step([ONE], [ONE]), NotImplementedError, "Optimiser has no rule"),
]


@pytest.mark.parametrize(("call", "kind", "message"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused(call: Callable[[], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("later", [[np.ones(3)], [np.ones((2, 2))], [ONE, ONE]])
@pytest.mark.parametrize("name", ["Momentum", "WindowedAdaGrad", "Adam"])
def test_other_parameters_than_in_earlier_steps_are_refused(name: str, later: list[np.ndarray]) -> None:
    optimiser = EVERY[name]()
    optimiser.step([ONE], [ONE])
    with pytest.raises(ValueError, match=f"and earlier steps had others; .* make a new {name}"):
        optimiser.step(later, later)
    assert optimiser.t == 1
