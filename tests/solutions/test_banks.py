"""The banks against the tests of their exercises, in a plain namespace and without the grading engine.

What `autograder verify` proves through the real grading path is proved here in a second way; and the tests also meet
wrong and right versions that are in no bank.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType
from typing import Any

import numpy as np
import pytest

from autograder.build import build_named, names
from autograder.model import Assignment, Exercise, Notebook

Namespace = dict[str, Any]


@cache
def assignment(name: str) -> Assignment:
    return build_named(name).assignment


EXERCISES = [(a, e.name) for a in names() for e in assignment(a).exercises]
IDS = [f"{a[:2]}-{e}" for a, e in EXERCISES]


def find(name: str, exercise: str) -> tuple[Notebook, Exercise]:
    found = next(e for e in assignment(name).exercises if e.name == exercise)
    return assignment(name).notebook(found.notebook), found


def student(notebook: Notebook, exercise: str, source: str) -> Namespace:
    """What a kernel holds after a student's run who solved all as the reference does, but `exercise` as in `source`."""
    namespace: Namespace = {"__name__": "student"}
    for cell in notebook.cells:
        if cell.type == "code" and cell.role != "test" and "explore" not in cell.tags:
            run(source if cell.grade_id == exercise else cell.source, namespace)
    return namespace


def run(source: str, namespace: Namespace) -> None:
    """Like a kernel, which prints warnings and goes on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compiled(source), namespace)


@cache
def compiled(source: str) -> CodeType:
    return compile(source, "<cell>", "exec")


def attempt(source: str, namespace: Namespace) -> type[Exception] | None:
    """The class of the error that stops a cell, or None."""
    try:
        run(source, namespace)
    except Exception as error:
        return type(error)
    return None


def failures(name: str, exercise: str, source: str) -> dict[str, type[Exception]]:
    """The tests of `exercise` that fail when its solution cell is `source`, and the error of each."""
    notebook, found = find(name, exercise)
    errors = {t: attempt(notebook.cell(t).source, student(notebook, exercise, source)) for t in found.tests}
    return {test: error for test, error in errors.items() if error}


def reference(name: str, exercise: str) -> str:
    return find(name, exercise)[0].cell(exercise).source


# ---- the banks


@pytest.mark.parametrize(("name", "exercise"), EXERCISES, ids=IDS)
def test_the_reference_passes_and_the_stub_fails_every_test(name: str, exercise: str) -> None:
    notebook, found = find(name, exercise)
    assert failures(name, exercise, reference(name, exercise)) == {}
    released = notebook.cell(exercise).released
    expected = NotImplementedError if "raise NotImplementedError" in released else AssertionError  # code to mend
    kinds = failures(name, exercise, released)
    assert kinds.keys() == set(found.tests)
    assert all(issubclass(kind, expected) for kind in kinds.values())


@pytest.mark.parametrize(("name", "exercise"), EXERCISES, ids=IDS)
def test_the_tests_are_one_visible_and_at_least_one_hidden(name: str, exercise: str) -> None:
    tests = find(name, exercise)[1].tests
    assert [t for t in tests if t.endswith("-visible")] == [f"{exercise}-visible"]
    assert f"{exercise}-hidden" in tests


WRONG = [(a, e, w) for a, e in EXERCISES for w in find(a, e)[1].misconceptions]
RIGHT = [(a, e, r) for a, e in EXERCISES for r in find(a, e)[1].alternatives]


@pytest.mark.parametrize(("name", "exercise", "wrong"), WRONG, ids=[f"{e}-{w.slug}" for _, e, w in WRONG])
def test_every_misconception_fails_a_hidden_test(name: str, exercise: str, wrong: Any) -> None:
    assert any("-hidden" in test for test in failures(name, exercise, wrong.source))


@pytest.mark.parametrize(("name", "exercise", "right"), RIGHT, ids=[f"{e}-{r.slug}" for _, e, r in RIGHT])
def test_every_alternative_passes(name: str, exercise: str, right: Any) -> None:
    assert failures(name, exercise, right.source) == {}


@pytest.mark.parametrize(("name", "exercise"), EXERCISES, ids=IDS)
def test_there_are_enough_of_both(name: str, exercise: str) -> None:
    found = find(name, exercise)[1]
    assert len(found.misconceptions) >= 3
    assert len(found.alternatives) >= 1
    assert found.hint


@pytest.mark.parametrize(("name", "exercise"), EXERCISES, ids=IDS)
def test_the_probe_tells_all_versions_apart(name: str, exercise: str) -> None:
    notebook, found = find(name, exercise)

    def answer(source: str) -> str:
        namespace = student(notebook, exercise, source)
        run(found.probe, namespace)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return json.dumps(namespace["probe"](), allow_nan=False)
        except Exception as error:
            return type(error).__name__

    right = answer(reference(name, exercise))
    answers = {w.slug: answer(w.source) for w in found.misconceptions}
    shared = [a for a, times in Counter([right, *answers.values()]).items() if times > 1]
    assert not shared, {slug: a for slug, a in answers.items() if a in shared}
    assert answer(reference(name, exercise)) == right, "the probe is not seeded"
    for alternative in found.alternatives:
        assert answer(alternative.source) == right, alternative.slug


# ---- wrong versions that are in no bank: the reference with one place changed, or a text of its own

VELOCITY, MOVE = "v = mu * v + grad", "theta - lr * v, v"
SQUARE, STEP = "s = rho * s + (1 - rho) * grad**2", "theta - lr * grad / (np.sqrt(s) + eps), s"
ADAM_M, ADAM_V = "self.beta1 * m + (1 - self.beta1) * g for", "self.beta2 * v + (1 - self.beta2) * g**2 for"
ADAM_MHAT, ADAM_VHAT = "m / (1 - self.beta1**self.t)", "np.sqrt(v / (1 - self.beta2**self.t))"
ADAM_MOVE, ADAM_INIT = "p - self.lr * m / (root + self.eps)", "if self.t == 0:"
ADAM_DEFAULTS = "lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8"
ADAM_M_START, ADAM_V_START = (f"self.{x} = [np.zeros_like(p) for p in params]" for x in "mv")
PERMUTED, PAIR = "rng.permutation(len(X))", "(X[rows], y[rows])"
SECOND = "assert np.allclose(q, -0.1 * mean / (square**0.5 + 0.5)"  # without its last bracket
LOOK, DIAGONAL = "gradient(theta - lr * mu * v)", "damping * np.eye(len(grad))"
WEIGHTED, BOUND = "np.tensordot(rates, points, 1) / total", "(R**2 + L**2 * np.sum(rates**2)) / (2 * total)"
CLAMPED, RATE = "min(step, max_steps) / max_steps", "lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))"
VELOCITY_AHEAD = f"v = mu * v + {LOOK}"
PINV = f"pinv(hessian + {DIAGONAL}, rcond=1e-3) @ grad"
FIRST_MEAN = "m = beta1 * m + (1 - beta1) * grad"
ADAMW_MOVE = "theta - multiplier * lr * (direction + weight_decay * theta)"
IN_MEMORY = """shape, (theta, v, grad) = theta.shape, (a.ravel(order="K") for a in (theta, v, grad))
    v = mu * v + grad
    return (theta - lr * v).reshape(shape), v.reshape(shape)"""
SCALED = "(X - X.mean(axis=0)) / deviation"

CHANGED = [
    ("batches", "reversed", PERMUTED, "np.arange(len(X))[::-1]"),
    ("batches", "turned by a random shift", PERMUTED, "np.roll(np.arange(len(X)), rng.integers(len(X)))"),
    ("batches", "numpy's global generator", PERMUTED, "np.random.permutation(len(X))"),
    ("batches", "the last example never", PERMUTED, "rng.permutation(len(X) - 1)"),
    ("batches", "only the first batch", "for rows in batches]", "for rows in batches[:1]]"),
    ("batches", "the small batch first", "for rows in batches]", "for rows in batches[::-1]]"),
    ("batches", "drawn with replacement in each batch", PAIR, "(lambda r: (X[r], y[r]))(rng.choice(rows, len(rows)))"),
    ("batches", "batches one too large", "start : start + batch_size", "start : start + batch_size + 1"),
    ("batches", "the pairs exchanged", PAIR, "(y[rows], X[rows])"),
    ("batches", "columns in place of rows", PAIR, "(X[rows].T, y[rows])"),
    ("batches", "inputs flattened", PAIR, "(X[rows].ravel(), y[rows])"),
    ("batches", "a single example loses its axis", PAIR, "(np.squeeze(X[rows]), y[rows])"),
    ("batches", "numbers of rows in place of targets", PAIR, "(X[rows], rows)"),
    ("batches", "the last example always last", PERMUTED, "np.append(rng.permutation(len(X) - 1), len(X) - 1)"),
    ("batches", "the first example always first", PERMUTED, "np.append(0, 1 + rng.permutation(len(X) - 1))"),
    ("batches", "targets flattened", PAIR, "(X[rows], y.ravel()[rows])"),
    ("batches", "targets as a column", PAIR, "(X[rows], y[rows].reshape(len(rows), -1))"),
    ("batches", "equal targets once", PERMUTED, "rng.permutation(np.unique(y, axis=0, return_index=True)[1])"),
    ("batches", "equal inputs once", PERMUTED, "rng.permutation(np.unique(X, axis=0, return_index=True)[1])"),
    ("batches", "a few as they are", PERMUTED, "rng.permutation(len(X)) if len(X) > 5 else np.arange(len(X))"),
    ("batches", "X and y as they are", "for rows in batches]", "for rows in batches] if batches[1:] else [(X, y)]"),
    ("regimes", "words exchanged", '"A": "arrives", "B": "runs away"', '"A": "runs away", "B": "arrives"'),
    ("regimes", "one sign", "(0.75, -1.5)", "(0.75, 1.5)"),
    ("regimes", "coordinates exchanged", "(0.992, 0.2)", "(0.2, 0.992)"),
    ("regimes", "limit with half the derivative", '"largest lr": 0.4', '"largest lr": 0.8'),
    ("regimes", "limit of case A", '"largest lr": 0.4', '"largest lr": 2 / 3'),
    ("regimes", "a little below the limit", '"largest lr": 0.4', '"largest lr": 0.39'),
    ("regimes", "one step more", '"steps": 574', '"steps": 575'),
    ("regimes", "not rounded", '"steps": 574', '"steps": 573.35'),
    ("regimes", "twice the best", "1 / 1.01", "2 / 1.01"),
    ("regimes", "the mean of both limits", "1 / 1.01", "(1 + 100) / 2"),
    ("regimes", "rounded too far", "1 / 1.01", "1.0"),
    ("regimes", "steps of the valley", '"steps at best lr": 231', '"steps at best lr": 47'),
    ("adam-test", "nothing checked", "optimiser = candidate(", "return\n    optimiser = candidate("),
    ("adam-test", "everything refused", "- 0.1 * g /", "- 0.2 * g /"),
    ("adam-test", "compared with itself", "zip(params + grads, before)", "zip(before, before)"),
    ("adam-test", "rough tolerance", SECOND, f"{SECOND}, atol=0.1"),
    ("adam-test", "no second step", "later = [", "return\n    later = ["),
    ("tune", "nothing moves", '"lr": 0.9', '"lr": 0.0'),
    ("tune", "far too large", '"lr": 0.9', '"lr": 90.0'),
    ("tune", "not a number", '"lr": 0.9', '"lr": float("nan")'),
    ("tune", "momentum of 0.9", '"mu": 0.8', '"mu": 0.9'),
    ("tune", "uphill", '"lr": 0.9', '"lr": -0.9'),
    ("nesterov", "half a look", "lr * mu * v)", "0.5 * lr * mu * v)"),
    ("nesterov", "gradient with weight 1 - mu", LOOK, f"(1 - mu) * {LOOK}"),
    ("nesterov", "the look-ahead returned", "theta - lr * v, v", "theta - lr * v - lr * mu * v, v"),
    ("nesterov", "no memory", "mu * v + gradient", "0 * v + gradient"),
    ("nesterov", "results exchanged", "return theta - lr * v, v", "return v, theta - lr * v"),
    ("nesterov", "uphill", "return theta - lr * v, v", "return theta + lr * v, v"),
    ("newton", "the move backwards", ", grad)", ", grad)[::-1]"),
    ("newton", "half a step", "theta - np", "theta - 0.5 * np"),
    ("newton", "absolute values", "hessian + damping", "np.abs(hessian) + damping"),
    ("newton", "always some damping", DIAGONAL, "(damping + 1e-2) * np.eye(len(grad))"),
    ("newton", "damping by its square", "damping * np.eye", "damping**2 * np.eye"),
    ("newton", "Marquardt's damping", DIAGONAL, "damping * np.diag(np.diag(hessian))"),
    ("adamw", "decay of one", "weight_decay * theta)", "weight_decay)"),
    ("adamw", "lr twice in the decay", "weight_decay * theta)", "lr * weight_decay * theta)"),
    ("adamw", "t one behind", "m / (1 - beta1**t)", "m / (1 - beta1 ** max(t - 1, 1))"),
    ("adamw", "eps inside the root", "(np.sqrt(v / (1 - beta2**t)) + eps)", "np.sqrt(v / (1 - beta2**t) + eps)"),
    ("adamw", "betas exchanged", "beta1=0.9, beta2=0.999", "beta2=0.999, beta1=0.9"),
    ("adamw", "the multiplier squared", "multiplier * lr", "multiplier**2 * lr"),
    ("adamw", "other default beta", "beta2=0.999", "beta2=0.99"),
    ("average", "squares as weights", WEIGHTED, "np.tensordot(rates**2, points, 1) / np.sum(rates**2)"),
    ("average", "weights the other way round", WEIGHTED, "np.tensordot(rates[::-1], points, 1) / total"),
    ("average", "without the start", WEIGHTED, "np.tensordot(rates[1:], points[1:], 1) / (total - rates[0])"),
    ("average", "the best rate assumed", BOUND, "R * L / np.sqrt(len(rates))"),
    ("average", "R and L exchanged", "R**2 + L**2", "L**2 + R**2"),
    ("average", "the factor of some notes", BOUND, "R * (1 + 1 / len(rates)) * L / (2 * np.sqrt(len(rates)))"),
    ("tune", "text", '{"lr": 0.9, "mu": 0.8}', '{"lr": "0.9", "mu": "0.8"}'),
    ("tune", "arrays", '{"lr": 0.9, "mu": 0.8}', '{"lr": np.array([0.9]), "mu": np.array([0.8])}'),
    ("nesterov", "nothing new at mu = 0", VELOCITY_AHEAD, f"{VELOCITY_AHEAD} if mu else v.copy()"),
    ("nesterov", "0.9 at mu = 0", VELOCITY_AHEAD, f"mu = mu or 0.9\n    {VELOCITY_AHEAD}"),
    ("nesterov", "the array that gradient keeps", VELOCITY_AHEAD, f"{VELOCITY_AHEAD} if mu else gradient(theta)"),
    ("nesterov", "theta itself at lr = 0", MOVE, "(theta - lr * v if lr else theta), v"),
    ("newton", "small eigenvalues cut off", "solve(hessian + " + DIAGONAL + ", grad)", PINV),
    ("newton", "no entry longer than 100", ", grad)", ", grad).clip(-100, 100)"),
    ("newton", "theta itself at a gradient of zero", "return theta", "return theta if not grad.any() else theta"),
    ("adamw", "stands still at multiplier 0", FIRST_MEAN, f"if not multiplier: return theta, m, v\n    {FIRST_MEAN}"),
    ("adamw", "theta itself at multiplier 0", ADAMW_MOVE, f"({ADAMW_MOVE}) if multiplier else theta"),
    ("adamw", "the gradient itself at beta1 = 0", FIRST_MEAN, f"{FIRST_MEAN} if beta1 else grad"),
    ("adamw", "0.9 at beta1 = 0", FIRST_MEAN, f"beta1 = beta1 or 0.9\n    {FIRST_MEAN}"),
    ("adamw", "0.999 at beta2 = 0", FIRST_MEAN, f"beta2 = beta2 or 0.999\n    {FIRST_MEAN}"),
    ("adamw", "other default eps", "eps=1e-8", "eps=1e-6"),
    ("adamw", "the direction clipped", "(direction + weight_decay", "(np.clip(direction, -1, 1) + weight_decay"),
    ("average", "a view of the only point", WEIGHTED, f"points[0] if len(points) == 1 else {WEIGHTED}"),
    ("average", "no noise without a distance", BOUND, f"{BOUND} if R else 0.0"),
    ("cosine", "0.01 at lr_max = 0", CLAMPED, f"(lr_max := lr_max or 0.01) * 0 + {CLAMPED}"),
    ("heavy-ball", "the gradient itself at first", VELOCITY, f"{VELOCITY} if v.any() else grad"),
    ("heavy-ball", "the gradient itself at mu = 0", VELOCITY, f"{VELOCITY} if mu else grad"),
    ("heavy-ball", "v itself at a gradient of zero and mu", VELOCITY, f"{VELOCITY} if v.any() or grad.any() else v"),
    ("heavy-ball", "theta itself at lr = 0", MOVE, "(theta - lr * v if lr else theta), v"),
    ("heavy-ball", "0.9 at mu = 0", VELOCITY, f"mu = mu or 0.9\n    {VELOCITY}"),
    ("heavy-ball", "the velocity clipped far out", VELOCITY, "v = np.clip(mu * v + grad, -100, 100)"),
    ("heavy-ball", "entries in memory's order", "v = mu * v + grad\n    return theta - lr * v, v", IN_MEMORY),
    ("heavy-ball", "tiny gradients dropped", VELOCITY, "v = mu * v + np.where(abs(grad) < 1e-4, 0, grad)"),
    ("heavy-ball", "Nesterov's look-ahead in the step", MOVE, "theta - lr * (mu * v + grad), v"),
    ("heavy-ball", "velocity scaled by lr in both places", VELOCITY, "v = mu * v + lr * grad"),
    ("heavy-ball", "gradient subtracted from the velocity", VELOCITY, "v = mu * v - grad"),
    ("heavy-ball", "sign kept in the velocity", "v = mu * v + grad\n", "v = mu * v - grad\n    lr = -lr\n"),
    ("heavy-ball", "nothing forgotten", VELOCITY, "v = v + grad"),
    ("heavy-ball", "mu times everything", VELOCITY, "v = mu * (v + grad)"),
    ("heavy-ball", "plain descent beside a velocity", MOVE, "theta - lr * grad, v"),
    ("heavy-ball", "both moves added", MOVE, "theta - lr * grad - mu * v, v"),
    ("heavy-ball", "the results exchanged", MOVE, "v, theta - lr * v"),
    ("heavy-ball", "the old velocity returned", VELOCITY, "return theta - lr * (mu * v + grad), v"),
    ("heavy-ball", "the learning rate squared", MOVE, "theta - lr * lr * v, v"),
    ("heavy-ball", "a flat result", MOVE, "np.ravel(theta - lr * v), v"),
    ("heavy-ball", "the norm of the gradient divided out", VELOCITY, "v = mu * v + grad / np.linalg.norm(grad)"),
    ("heavy-ball", "the sign of the gradient", VELOCITY, "v = mu * v + np.sign(grad)"),
    ("heavy-ball", "the gradient clipped", VELOCITY, "v = mu * v + np.clip(grad, -1, 1)"),
    ("heavy-ball", "theta changed in place", MOVE, "np.subtract(theta, lr * v, out=np.asarray(theta)), v"),
    ("heavy-ball", "v changed in place", VELOCITY, "v *= mu\n    v += grad"),
    ("heavy-ball", "grad changed in place", VELOCITY, "grad += mu * v\n    v = grad"),
    ("heavy-ball", "whole numbers", MOVE, "np.round(theta - lr * v), v"),
    ("heavy-ball", "the mean of all entries", VELOCITY, "v = mu * v + np.mean(grad) * np.ones_like(grad)"),
    ("heavy-ball", "0.9 whatever mu is", VELOCITY, "v = 0.9 * v + grad"),
    ("rmsprop", "square of the mean", SQUARE, "s = (rho * np.sqrt(s) + (1 - rho) * np.abs(grad)) ** 2"),
    ("rmsprop", "absolute values", SQUARE, "s = rho * s + (1 - rho) * np.abs(grad)"),
    ("rmsprop", "bias corrected", STEP, "theta - lr * grad / (np.sqrt(s / (1 - rho)) + eps), s"),
    ("rmsprop", "no square", SQUARE, "s = rho * s + (1 - rho) * grad"),
    ("rmsprop", "the larger of old and new", SQUARE, "s = np.maximum(s, rho * s + (1 - rho) * grad**2)"),
    ("rmsprop", "eps squared inside the root", STEP, "theta - lr * grad / np.sqrt(s + eps**2), s"),
    ("rmsprop", "eps twice", STEP, "theta - lr * grad / (np.sqrt(s + eps) + eps), s"),
    ("rmsprop", "eps subtracted", STEP, "theta - lr * grad / (np.sqrt(s) - eps), s"),
    ("rmsprop", "eps as a floor", STEP, "theta - lr * grad / np.maximum(np.sqrt(s), eps), s"),
    ("rmsprop", "uphill", STEP, "theta + lr * grad / (np.sqrt(s) + eps), s"),
    ("rmsprop", "multiplied", STEP, "theta - lr * grad * (np.sqrt(s) + eps), s"),
    ("rmsprop", "the root returned", STEP, "theta - lr * grad / (np.sqrt(s) + eps), np.sqrt(s)"),
    ("rmsprop", "the largest entry scales all", STEP, "theta - lr * grad / (np.sqrt(s.max()) + eps), s"),
    ("rmsprop", "other default eps", "eps=1e-8", "eps=1e-6"),
    ("rmsprop", "other default rho", "rho=0.9", "rho=0.99"),
    ("rmsprop", "rho ignored", SQUARE, "s = 0.9 * s + 0.1 * grad**2"),
    ("rmsprop", "eps ignored", STEP, "theta - lr * grad / (np.sqrt(s) + 1e-8), s"),
    ("rmsprop", "s changed in place", SQUARE, "s += (1 - rho) * (grad**2 - s)"),
    ("rmsprop", "grad scaled in place", "theta - lr * grad /", "theta - np.multiply(grad, lr, out=np.asarray(grad)) /"),
    ("rmsprop", "the learning rate inside the mean", SQUARE, "s = rho * s + (1 - rho) * (lr * grad) ** 2"),
    ("rmsprop", "0.9 at rho = 0", SQUARE, f"rho = rho or 0.9\n    {SQUARE}"),
    ("rmsprop", "nothing at a gradient of zero", SQUARE, f"if not grad.any(): return +theta, +s\n    {SQUARE}"),
    ("rmsprop", "theta itself at lr = 0", STEP, "(theta - lr * grad / (np.sqrt(s) + eps) if lr else theta), s"),
    ("rmsprop", "large gradients clipped", SQUARE, f"grad = np.clip(grad, -1e3, 1e3)\n    {SQUARE}"),
    ("adam", "0.9 at beta1 = 0", "= lr, beta1, beta2, eps", "= lr, beta1 or 0.9, beta2, eps"),
    ("adam", "0.999 at beta2 = 0", "= lr, beta1, beta2, eps", "= lr, beta1, beta2 or 0.999, eps"),
    ("adam", "correction ends after ten steps", ADAM_VHAT, "np.sqrt(v / (1 - self.beta2**self.t * (self.t < 11)))"),
    ("adam", "parameters themselves where nothing moves", ADAM_MOVE, f"({ADAM_MOVE}) if np.any(m) else p"),
    ("adam", "only m corrected", ADAM_VHAT, "np.sqrt(v)"),
    ("adam", "only v corrected", ADAM_MHAT, "m"),
    ("adam", "v corrected after the root", ADAM_VHAT, "np.sqrt(v) / (1 - self.beta2**self.t)"),
    ("adam", "correction multiplied", ADAM_MHAT, "m * (1 - self.beta1**self.t)"),
    ("adam", "correction by beta * t", ADAM_MHAT, "m / (1 - self.beta1 * self.t + 1e-3)"),
    ("adam", "t one behind", ADAM_MHAT, "m / (1 - self.beta1 ** max(self.t - 1, 1))"),
    ("adam", "t one ahead", ADAM_MHAT, "m / (1 - self.beta1 ** (self.t + 1))"),
    ("adam", "correction of both by beta1", ADAM_VHAT, "np.sqrt(v / (1 - self.beta1**self.t))"),
    ("adam", "correction ends after two steps", ADAM_MHAT, "m / (1 - self.beta1**self.t if self.t < 3 else 1)"),
    ("adam", "gradient not squared", ADAM_V, "self.beta2 * v + (1 - self.beta2) * np.abs(g) for"),
    ("adam", "m with weight one", ADAM_M, "self.beta1 * m + g for"),
    ("adam", "v with weight one", ADAM_V, "self.beta2 * v + g**2 for"),
    ("adam", "weights of m exchanged", ADAM_M, "(1 - self.beta1) * m + self.beta1 * g for"),
    ("adam", "weights of v exchanged", ADAM_V, "(1 - self.beta2) * v + self.beta2 * g**2 for"),
    ("adam", "variance about the mean", ADAM_V, "self.beta2 * v + (1 - self.beta2) * (g - self.m[0].mean()) ** 2 for"),
    ("adam", "AMSGrad", ADAM_V, "np.maximum(v, self.beta2 * v + (1 - self.beta2) * g**2) for"),
    ("adam", "AdaMax", ADAM_V, "np.maximum(self.beta2**2 * v, g**2) for"),
    ("adam", "gradient in place of its mean", ADAM_M, "g * (1 - self.beta1**self.t) for"),
    ("adam", "weight decay", ADAM_MOVE, "p * (1 - 0.01 * self.lr) - self.lr * m / (root + self.eps)"),
    ("adam", "uphill", ADAM_MOVE, "p + self.lr * m / (root + self.eps)"),
    ("adam", "eps as a floor", ADAM_MOVE, "p - self.lr * m / np.maximum(root, self.eps)"),
    ("adam", "eps left out", ADAM_MOVE, "p - self.lr * m / root"),
    ("adam", "eps with the gradient", ADAM_MOVE, "p - self.lr * (m + self.eps) / (root + self.eps)"),
    ("adam", "eps ignored", "= lr, beta1, beta2, eps", "= lr, beta1, beta2, 1e-8"),
    ("adam", "betas ignored", "= lr, beta1, beta2, eps", "= lr, 0.9, 0.999, eps"),
    ("adam", "lr ignored", "= lr, beta1, beta2, eps", "= 1e-3, beta1, beta2, eps"),
    ("adam", "other default lr", ADAM_DEFAULTS, "lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-8"),
    ("adam", "other default beta1", ADAM_DEFAULTS, "lr=1e-3, beta1=0.95, beta2=0.999, eps=1e-8"),
    ("adam", "other default beta2", ADAM_DEFAULTS, "lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-8"),
    ("adam", "other default eps", ADAM_DEFAULTS, "lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7"),
    ("adam", "betas in the other order", ADAM_DEFAULTS, "lr=1e-3, beta2=0.999, beta1=0.9, eps=1e-8"),
    ("adam", "m starts from the gradient", ADAM_M_START, "self.m = [g.copy() for g in grads]"),
    ("adam", "v starts from ones", ADAM_V_START, "self.v = [np.ones_like(p) for p in params]"),
    ("adam", "starts anew at each step", ADAM_INIT, "if True:"),
    ("adam", "t starts anew at each step", "        self.t += 1", "        self.t = 1"),
    ("adam", "starts anew after four steps", ADAM_INIT, "if self.t % 4 == 0:"),
    ("adam", "moves only the first parameter", ", roots)]", ", roots[:1])] + params[1:]"),
    ("adam", "learning rate decays", ADAM_MOVE, "p - self.lr / self.t * m / (root + self.eps)"),
    ("adam", "gradients zeroed afterwards", "        means = [", "        for g in grads: g *= 0\n        means = ["),
    ("cosine", "sine", RATE, "lr_min + 0.5 * (lr_max - lr_min) * (1 + np.sin(np.pi * progress))"),
    ("cosine", "full wave", RATE, "lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(2 * np.pi * progress))"),
    ("cosine", "no half", RATE, "lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress))"),
    ("cosine", "degrees", RATE, "lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(180 * progress))"),
    ("cosine", "upside down", RATE, "lr_max - 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))"),
    ("cosine", "lr_min ignored", RATE, "0.5 * lr_max * (1 + np.cos(np.pi * progress))"),
    ("cosine", "lr_min not added", RATE, "0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))"),
    ("cosine", "squared", RATE, "lr_min + (lr_max - lr_min) * (0.5 * (1 + np.cos(np.pi * progress))) ** 2"),
    ("cosine", "geometric", RATE, "lr_min + (lr_max - lr_min) * 0.5 ** (10 * progress)"),
    ("cosine", "whole-number division", CLAMPED, "min(step, max_steps) // max_steps"),
    ("cosine", "clamped one early", CLAMPED, "min(step, max_steps - 1) / max_steps"),
    ("cosine", "clamped one late", CLAMPED, "min(step, max_steps + 1) / max_steps"),
    ("cosine", "one more step than asked", CLAMPED, "min(step / (max_steps + 1), 1)"),
    ("cosine", "clamped from below only", CLAMPED, "max(step, 0) / max_steps"),
    ("cosine", "clamped the wrong way", CLAMPED, "max(step, max_steps) / max_steps"),
    ("cosine", "step back to the start at the end", CLAMPED, "(step % max_steps) / max_steps"),
    ("cosine", "there and back", CLAMPED, "abs((step + max_steps) % (2 * max_steps) - max_steps) / max_steps"),
    ("cosine", "arguments exchanged", "lr_max, lr_min=0.0)", "lr_min=1.0, lr_max=0.0)"),
    ("cosine", "other default", "lr_min=0.0", "lr_min=1e-3"),
    ("cosine", "a list", RATE, "[" + "lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress))" + "]"),
    ("cosine", "rounded", RATE, "round(lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * progress)), 2)"),
    ("standardise", "the dtype of the data", SCALED, f"({SCALED}).astype(X.dtype)"),
    ("standardise", "rounded", SCALED, f"({SCALED}).round(2)"),
    ("standardise", "one number for all", SCALED, f"({SCALED}).mean()"),
    ("standardise", "absolute", SCALED, f"np.abs({SCALED})"),
    ("standardise", "scaled to the range", "X.std(axis=0)", "np.ptp(X, axis=0)"),
    ("standardise", "mean absolute deviation", "X.std(axis=0)", "np.abs(X - X.mean(axis=0)).mean(axis=0)"),
    ("standardise", "the median in place of the mean", "X - X.mean(axis=0)", "X - np.median(X, axis=0)"),
    ("standardise", "constant columns left as they are", "constant, 0,", "constant, X,"),
    ("standardise", "constant columns become ones", "constant, 0,", "constant, 1,"),
    ("monte-carlo", "variance in place of its root", "np.std(values, ddof=1)", "np.var(values, ddof=1)"),
    ("monte-carlo", "always the same number of draws", "rng.random(n)", "rng.random(100)"),
    ("monte-carlo", "draws on [-1, 1)", "rng.random(n)", "rng.uniform(-1, 1, n)"),
    ("monte-carlo", "n - 1 under both roots", "np.sqrt(n)", "np.sqrt(n - 1)"),
    ("monte-carlo", "the sum", "np.mean(values)", "np.sum(values)"),
    ("monte-carlo", "the median", "np.mean(values)", "np.median(values)"),
    ("monte-carlo", "the spread twice", "np.mean(values)", "np.std(values)"),
]  # fmt: skip


ADAM = """
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t, self.state, self.out = 0, {}, {}

    def step(self, params, grads):
        self.t += 1
        result = [self.move(i, p, g) for i, (p, g) in enumerate(zip(params, grads))]
        return result

    def move(self, i, p, g):
        key, g = i, g
        m, v = self.state.get(key, (0.0, 0.0))
        m, v = self.beta1 * m + (1 - self.beta1) * g, self.beta2 * v + (1 - self.beta2) * g**2
        self.state[key] = m, v
        mhat, vhat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
        return p - self.lr * mhat / (np.sqrt(vhat) + self.eps)
"""
MOVED = "p - self.lr * mhat / (np.sqrt(vhat) + self.eps)"


def adam(old: str = "", new: str = "") -> str:
    """A right Adam with state in a dictionary, and one place changed."""
    assert not old or ADAM.count(old) == 1
    return ADAM.replace(old, new)


BUFFER = f"out = self.out.setdefault(i, np.zeros(np.shape(p)))\n        out[...] = {MOVED}\n        return out"
NADAM = "self.t)\n        mhat = self.beta1 * mhat + (1 - self.beta1) * g / (1 - self.beta1**self.t)\n"

ANEW = "self.t = self.t + 1 if any(np.any(v) for m, v in self.state.values()) else 1"
REFILLED = "self.all = getattr(self, 'all', [])\n        self.all[:] = result\n        return self.all"

WHOLE = [
    ("adam", "state by shape", adam("key, g = i", "key, g = np.shape(p)")),
    ("adam", "state lost, as if by a new identity", adam("key, g = i", "key, g = (self.t, i)")),
    ("adam", "gradients clipped", adam("g = i, g", "g = i, np.clip(g, -1, 1)")),
    ("adam", "gradients normalised", adam("g = i, g", "g = i, g / (np.linalg.norm(g) + 1e-9)")),
    ("adam", "NAdam", adam("v / (1 - self.beta2**self.t)\n", "v / (1 - self.beta2**" + NADAM)),
    ("adam", "one scale for each parameter", adam("np.sqrt(vhat)", "np.sqrt(np.mean(vhat))")),
    ("adam", "a counter on the class", adam("self.t += 1", "Adam.t = self.t = getattr(Adam, 't', 0) + 1")),
    ("adam", "what is returned is overwritten later", adam("return " + MOVED, BUFFER)),
    ("adam", "parameters made flat", adam("return " + MOVED, f"return np.ravel({MOVED})")),
    ("adam", "the steps, not the new parameters", adam("return p -", "return -")),
    ("adam", "the list passed in is refilled", adam("return result", "params[:] = result\n        return params")),
    ("adam", "the first parameter only", adam("return result", "return result[:1]")),
    ("adam", "starts anew until a gradient comes", adam("self.t += 1", ANEW)),
    ("adam", "the list returned is refilled", adam("return result", REFILLED)),
    ("adam", "gradients of zero skipped", adam("return p -", "return p.copy() if not np.any(g) else p -")),
    ("heavy-ball", "results that the next call overwrites", """
PLACES = {}

def heavy_ball_step(theta, v, grad, lr, mu):
    new_theta, new_v = PLACES.setdefault(np.shape(theta), (np.empty(np.shape(theta)), np.empty(np.shape(theta))))
    new_v[...] = mu * v + grad
    new_theta[...] = theta - lr * new_v
    return new_theta, new_v
"""),
    ("batches", "no example keeps its place", """
def epoch_batches(X, y, batch_size, rng):
    order = np.arange(len(X))
    for i in range(len(X) - 1, 0, -1):
        j = rng.integers(i)
        order[[i, j]] = order[[j, i]]
    return [(X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size)]
"""),
    ("cosine", "remembered by step", """
KNOWN = {}

def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    share = np.cos(np.pi / 2 * min(step, max_steps) / max_steps) ** 2
    return KNOWN.setdefault((step, max_steps), lr_min + share * (lr_max - lr_min))
"""),
    ("nesterov", "the gradient remembered by point and velocity", """
KNOWN = {}

def nesterov_step(theta, v, gradient, lr, mu):
    key = theta.tobytes(), v.tobytes()
    if key not in KNOWN:
        KNOWN.clear()
        KNOWN[key] = np.array(gradient(theta - lr * mu * v))
    v = mu * v + KNOWN[key]
    return theta - lr * v, v
"""),
    ("newton", "elimination without exchanging rows", """
def newton_step(theta, grad, hessian, damping=0.0):
    rows = np.column_stack([hessian + damping * np.eye(len(grad)), grad])
    for i in range(len(rows)):
        rows[i] = rows[i] / rows[i, i]
        for k in range(len(rows)):
            if k != i:
                rows[k] = rows[k] - rows[k, i] * rows[i]
    return theta - rows[:, -1]
"""),
    ("adam-test", "one right entry is enough", """
def check_adam(candidate):
    optimiser, m, v = candidate(0.1, 0.6, 0.8, 0.5), [0, 0], [0, 0]
    for t, grads in enumerate([[np.array([2.0, -1.0]), np.array([4.0])], [np.array([-0.5, 3.0]), np.array([1.0])]], 1):
        new = optimiser.step([np.zeros(2), np.zeros(1)], [g.copy() for g in grads])
        for i in (0, 1):
            m[i], v[i] = 0.6 * m[i] + 0.4 * grads[i], 0.8 * v[i] + 0.2 * grads[i] ** 2
            move = 0.1 * m[i] / (1 - 0.6**t) / (np.sqrt(v[i] / (1 - 0.8**t)) + 0.5)
            assert np.isclose(new[i], -move).any()
"""),
    ("cosine", "linear warm-up before it", """
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    warm = max_steps // 10
    if step < warm:
        return lr_max * (step + 1) / warm
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * min(step, max_steps) / max_steps))
"""),
    ("cosine", "a table for the visible cases", """
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    return {0: 0.8, 2: 0.6, 3: 0.4, 6: 0.0}.get(step, lr_min)
"""),
]  # fmt: skip

HOME = {exercise: name for name, exercise in EXERCISES}
UNSEEN_WRONG = [(e, w, reference(HOME[e], e).replace(old, new), old) for e, w, old, new in CHANGED]
UNSEEN_WRONG += [(exercise, what, source, "") for exercise, what, source in WHOLE]


@pytest.mark.parametrize(
    ("exercise", "what", "source", "old"), UNSEEN_WRONG, ids=[f"{e}-{what}" for e, what, _, _ in UNSEEN_WRONG]
)
def test_wrong_versions_that_are_in_no_bank_fail(exercise: str, what: str, source: str, old: str) -> None:
    text = reference(HOME[exercise], exercise)
    assert not old or text.count(old) == 1, "the reference no longer has the place that this case changes"
    failed = failures(HOME[exercise], exercise, source)
    assert any("-hidden" in test and kind is AssertionError for test, kind in failed.items()), failed


# ---- right versions that are in no bank

UNSEEN_RIGHT = [
    ("heavy-ball", "numpy's functions", """
def heavy_ball_step(theta, v, grad, lr, mu):
    v = np.add(np.multiply(mu, v), grad)
    return np.subtract(theta, np.multiply(lr, v)), v
"""),
    ("heavy-ball", "flattened and reshaped, entry by entry", """
def heavy_ball_step(theta, v, grad, lr, mu):
    shape = np.shape(theta)
    new_v = [mu * a + g for a, g in zip(np.ravel(v), np.ravel(grad))]
    new_theta = [p - lr * a for p, a in zip(np.ravel(theta), new_v)]
    return np.array(new_theta).reshape(shape), np.array(new_v).reshape(shape)
"""),
    ("heavy-ball", "a minus inside the velocity, undone", """
def heavy_ball_step(theta, v, grad, lr, mu):
    downhill = -mu * v - grad
    return theta + lr * downhill, -downhill
"""),
    ("heavy-ball", "one matrix product", """
def heavy_ball_step(theta, v, grad, lr, mu):
    update = np.array([[1.0, -lr * mu, -lr], [0.0, mu, 1.0]])
    return tuple(np.tensordot(update, np.stack([theta, v, grad]), 1))
"""),
    ("heavy-ball", "helpers in the same cell, keywords", """
def new_velocity(v, grad, mu):
    out = np.copy(v)
    np.multiply(out, mu, out=out)
    return out + grad

def heavy_ball_step(theta, v, grad, *, lr=None, mu=None, **others):
    v = new_velocity(v=v, grad=grad, mu=mu)
    return [theta - v * lr, v]
""".replace("*, lr=None, mu=None, **others", "lr, mu")),
    ("batches", "a growing list", """
def epoch_batches(X, y, batch_size, rng):
    batches, xs, ys = [], [], []
    for i in rng.permutation(len(y)):
        xs.append(X[i])
        ys.append(y[i])
        if len(ys) == batch_size:
            batches.append((np.array(xs), np.array(ys)))
            xs, ys = [], []
    if ys:
        batches.append((np.array(xs), np.array(ys)))
    return batches
"""),
    ("batches", "a generator with a seed of the one given", """
def epoch_batches(X, y, batch_size, rng):
    order = np.random.default_rng(rng.integers(2**63, size=4)).permuted(np.arange(len(X)))
    cuts = [order[i : i + batch_size] for i in range(0, order.size, batch_size)]
    return [(X[c, ...], y[c, ...]) for c in cuts]
"""),
    ("batches", "random halves of a pack", """
def epoch_batches(X, y, batch_size, rng):
    left, batches = set(range(len(X))), []
    while left:
        rows = rng.choice(sorted(left), size=min(batch_size, len(left)), replace=False)
        left -= set(rows.tolist())
        batches.append((X[rows].copy(), y[rows].copy()))
    return batches
"""),
    ("regimes", "numbers of numpy", """
def predictions():
    steps = lambda r: np.ceil(np.log(1 / 100) / np.log(r))
    return {
        "factors": {c: np.array([1 - 2 * lr * a for a in pair]) for c, (pair, lr) in CASES.items()},
        "fate": {"A": "arrives", "B": "runs away", "C": "creeps"},
        "largest lr": np.float64(1 / 2.5),
        "steps": steps(0.992),
        "best lr": np.float64(0.9901),
        "steps at best lr": steps(99 / 101),
    }
"""),
    ("adam-test", "averages by numpy, many steps", """
def check_adam(candidate):
    rng = np.random.default_rng(3)
    optimiser, past = candidate(lr=0.2, beta1=0.5, beta2=0.7, eps=0.4), [[], []]
    for _ in range(4):
        params, grads = [rng.normal(size=2), rng.normal(size=3)], [rng.normal(size=2), rng.normal(size=3)]
        old = [a.copy() for a in params], [a.copy() for a in grads]
        new = optimiser.step(params, grads)
        for i in (0, 1):
            assert (params[i] == old[0][i]).all() and (grads[i] == old[1][i]).all()
            past[i].append(old[1][i])
            ages = np.arange(len(past[i]))[::-1]
            m = np.average(past[i], axis=0, weights=0.5**ages)
            v = np.average(np.square(past[i]), axis=0, weights=0.7**ages)
            assert np.abs(new[i] - (old[0][i] - 0.2 * m / (np.sqrt(v) + 0.4))).max() < 1e-6
"""),
    ("adam-test", "several optimisers, a difference from a loop", """
def check_adam(candidate):
    for eps in (0.3, 1.0):
        opt, m, v = candidate(0.1, 0.4, 0.9, eps), np.zeros(3), np.zeros(3)
        for t, g in enumerate([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], 1):
            g = np.array(g)
            a, b, given = np.array([5.0, 1.0]), np.array([0.25]), [g[:2].copy(), g[2:].copy()]
            x = opt.step([a, b], given)
            if a.tolist() != [5.0, 1.0] or b.tolist() != [0.25] or np.concatenate(given).tolist() != g.tolist():
                raise AssertionError
            m, v = 0.4 * m + 0.6 * g, 0.9 * v + 0.1 * g * g
            d = 0.1 * (m / (1 - 0.4**t)) / (np.sqrt(v / (1 - 0.9**t)) + eps)
            np.testing.assert_allclose(np.concatenate(x), np.array([5.0, 1.0, 0.25]) - d, rtol=1e-9)
"""),
    ("tune", "high and low", 'def settings():\n    return {"lr": 1.5, "mu": 0.65}'),
    ("tune", "low and high", 'def settings():\n    return {"lr": 0.4, "mu": 0.84}'),
    ("nesterov", "a helper, keywords", """
def velocity(v, slope, mu):
    return slope + mu * v

def nesterov_step(theta, v, gradient, lr, mu):
    v = velocity(v, gradient(np.asarray(theta - lr * (mu * v))), mu=mu)
    return np.array(theta - lr * v), np.array(v)
"""),
    ("newton", "the inverse, which one should not form", """
def newton_step(theta, grad, hessian, damping=0.0):
    return theta - np.linalg.inv(hessian + damping * np.identity(hessian.shape[0])) @ grad
"""),
    ("newton", "elimination by hand", """
def newton_step(theta, grad, hessian, damping=0.0):
    n = len(theta)
    rows = [[float(x) for x in hessian[i]] + [float(grad[i])] for i in range(n)]
    for i in range(n):
        rows[i][i] += damping
    for i in range(n):
        best = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for k in range(n):
            if k != i:
                share = rows[k][i] / rows[i][i]
                rows[k] = [a - share * b for a, b in zip(rows[k], rows[i])]
    return np.array([float(theta[i]) - rows[i][n] / rows[i][i] for i in range(n)])
"""),
    ("adamw", "in double precision, on copies", """
def adamw_step(theta, m, v, t, grad, lr, weight_decay, multiplier=1.0, beta1=0.9, beta2=0.999, eps=1e-8):
    theta, m, v = (np.array(a, dtype=np.float64) for a in (theta, m, v))
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad * grad
    rate = multiplier * lr
    mhat, vhat = m / (1 - np.power(beta1, t)), v / (1 - np.power(beta2, t))
    decay = rate * weight_decay * theta
    theta -= rate * mhat / (np.sqrt(vhat) + eps)
    return theta - decay, m, v
"""),
    ("average", "weights first", """
def average_and_bound(points, rates, R, L):
    weights = rates / rates.sum()
    shaped = weights.reshape(-1, *[1] * (np.ndim(points) - 1))
    return (shaped * points).sum(axis=0), (R**2 / rates.sum() + L**2 * (rates**2).sum() / rates.sum()) / 2
"""),
    ("rmsprop", "in place on copies", """
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    theta, s = theta.copy(), s.copy()
    s *= rho
    s += (1.0 - rho) * grad * grad
    theta -= np.divide(lr * grad, np.sqrt(s) + eps)
    return (theta, s)
"""),
    ("rmsprop", "in double precision throughout", """
def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    theta, s, grad = (np.asarray(a, dtype=np.float64) for a in (theta, s, grad))
    s = np.average([s, np.square(grad)], axis=0, weights=[rho, 1 - rho])
    scale = lr / (np.power(s, 0.5) + eps)
    return theta - scale * grad, s
"""),
    ("rmsprop", "plain numbers", """
import math

def rmsprop_step(theta, s, grad, lr, rho=0.9, eps=1e-8):
    shape, new_theta, new_s = np.shape(theta), [], []
    for p, old, g in zip(np.ravel(theta), np.ravel(s), np.ravel(grad)):
        new = rho * float(old) + (1 - rho) * float(g) ** 2
        new_s.append(new)
        new_theta.append(float(p) - lr * float(g) / (math.sqrt(new) + eps))
    return np.reshape(new_theta, shape), np.reshape(new_s, shape)
"""),
    ("adam", "state in a dictionary by position", adam()),
    ("adam", "the step size corrected, and eps with it", """
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.alpha, self.b1, self.b2, self.epsilon, self.k = lr, beta1, beta2, eps, 0

    def step(self, params, grads):
        if not hasattr(self, "first"):
            self.first = [p * 0.0 for p in params]
            self.second = [p * 0.0 for p in params]
        self.k += 1
        c1, c2 = 1 - self.b1**self.k, (1 - self.b2**self.k) ** 0.5
        out = []
        for i in range(len(params)):
            self.first[i] = self.b1 * self.first[i] + (1 - self.b1) * grads[i]
            self.second[i] = self.b2 * self.second[i] + (1 - self.b2) * grads[i] ** 2
            out.append(params[i] - self.alpha * c2 / c1 * self.first[i] / (self.second[i] ** 0.5 + self.epsilon * c2))
        return out
"""),
    ("adam", "a tuple of arrays", adam("return result", "return tuple(result)")),
    ("adam", "in place on copies, in double precision", """
class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr = lr; self.beta1 = beta1; self.beta2 = beta2; self.eps = eps
        self.t = 0; self.m = None; self.v = None

    def step(self, params, grads):
        self.t = self.t + 1
        if self.m is None:
            self.m = [np.zeros(np.shape(g)) for g in grads]
            self.v = [np.zeros(np.shape(g)) for g in grads]
        new_params = []
        for param, grad, m, v in zip(params, grads, self.m, self.v):
            m *= self.beta1
            m += (1 - self.beta1) * grad
            v *= self.beta2
            v += (1 - self.beta2) * np.square(grad)
            m_hat = m / (1 - np.power(self.beta1, self.t))
            v_hat = v / (1 - np.power(self.beta2, self.t))
            new = np.array(param, dtype=np.float64)
            new -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
            new_params.append(new)
        return new_params
"""),
    ("adam", "one small object for each parameter", """
class Slot:
    def __init__(self, shape):
        self.m, self.v, self.t = np.zeros(shape), np.zeros(shape), 0

    def update(self, g, b1, b2):
        self.t += 1
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * g**2
        return self.m / (1 - b1**self.t), self.v / (1 - b2**self.t)

class Adam:
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.settings, self.slots = (lr, beta1, beta2, eps), None

    def step(self, params, grads):
        lr, b1, b2, eps = self.settings
        self.slots = self.slots or [Slot(np.shape(p)) for p in params]
        moved = [slot.update(g, b1, b2) for slot, g in zip(self.slots, grads)]
        return [p - lr * m / (eps + np.sqrt(v)) for p, (m, v) in zip(params, moved)]
"""),
    ("cosine", "clamped afterwards", """
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    rate = lr_min + (lr_max - lr_min) * (1 + np.cos(step * np.pi / max_steps)) / 2
    return rate if step < max_steps else lr_min
"""),
    ("cosine", "the angle clamped", """
import math

def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    angle = min(math.pi, math.pi * step / max_steps)
    return lr_max - (lr_max - lr_min) * (1 - math.cos(angle)) / 2
"""),
    ("cosine", "through the sine", """
def cosine_lr(step, max_steps, lr_max, lr_min=0.0):
    fallen = np.sin(0.5 * np.pi * np.minimum(step, max_steps) / max_steps) ** 2
    return lr_max + fallen * (lr_min - lr_max)
"""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("exercise", "what", "source"), UNSEEN_RIGHT, ids=[f"{e}-{what}" for e, what, _ in UNSEEN_RIGHT]
)
def test_right_versions_that_are_in_no_bank_pass(exercise: str, what: str, source: str) -> None:
    assert failures(HOME[exercise], exercise, source) == {}


# ---- the reference, but its answers are tampered with: each test has to notice


def numbers(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Tampers with every number and array of an answer, also in lists and tuples."""

    def apply(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(apply(v) for v in value)
        return change(value) if isinstance(value, np.ndarray | np.number | float) else value

    return lambda honest, args, first: apply(honest)


INPUTS_ZEROED = "inputs zeroed"
LIES: dict[str, Callable[[Any, Sequence[Any], Any], Any]] = {
    "zeros": numbers(lambda x: x * 0),
    "NaN": numbers(lambda x: x * np.nan),
    "empty arrays": numbers(lambda x: np.empty((0, *[1] * max(np.ndim(x), 1)))),
    "an extra axis": numbers(lambda x: np.asarray(x)[..., None]),
    "slightly off": numbers(lambda x: x * 1.02 + 0.02),
    "nothing": lambda honest, args, first: None,
    "its argument": lambda honest, args, first: args[0] if args else None,
    "the first answer again": lambda honest, args, first: first,
    INPUTS_ZEROED: lambda honest, args, first: honest,
}


ABOUT_ANOTHER_THING = {
    "heavy-ball-hidden-2": {"zeros", "slightly off"},
    "rmsprop-hidden-2": {"zeros", "slightly off"},
    "adam-hidden-3": {"slightly off"},
    "cosine-hidden-2": {"slightly off"},
}
"""Tests of one thing, say unchanged arguments, accept wrong numbers; others refuse those, lest one slip cost all."""


def tamper(namespace: Namespace, name: str, lie: str) -> list[bool]:
    """Puts a liar in the place of a function, or of a class's methods; the list tells of each call whether it lied."""
    lied: list[bool] = []
    answers: list[Any] = []

    def liar(function: Callable[..., Any], bound: int) -> Callable[..., Any]:
        def answer(*args: Any, **kwargs: Any) -> Any:
            given = args[bound:]
            before = repr(given)
            if lie == INPUTS_ZEROED:
                zero(given)
            honest = function(*args, **kwargs)
            answers.append(honest)
            told = None if honest is None else LIES[lie](honest, given, answers[0])
            lied.append(repr(told) != repr(honest) or repr(given) != before)
            return told

        return answer

    target = namespace[name]
    if isinstance(target, type):
        methods = {k: liar(f, 1) for k, f in vars(target).items() if callable(f) and not k.startswith("_")}
        namespace[name] = type(name, (target,), methods)
    else:
        namespace[name] = liar(target, 0)
    return lied


def zero(values: Sequence[Any]) -> None:
    for value in values:
        if isinstance(value, np.ndarray):
            value[...] = 0
        elif isinstance(value, list):
            zero(value)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize(("name", "exercise"), EXERCISES, ids=IDS)
def test_every_test_notices_a_liar(name: str, exercise: str, lie: str) -> None:
    notebook, found = find(name, exercise)
    tree = ast.parse(reference(name, exercise))
    (public,) = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    for test in found.tests:
        namespace = student(notebook, exercise, reference(name, exercise))
        lied = tamper(namespace, public, lie)
        error = attempt(notebook.cell(test).source, namespace)
        assert error or not any(lied) or lie in ABOUT_ANOTHER_THING.get(test, ()), test
