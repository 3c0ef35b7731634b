"""The batches in which a training loop takes its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["minibatches"]


@overload
def minibatches(
    data: int, batch_size: int, rng: np.random.Generator | None, *, drop_last: bool = False
) -> Iterator[np.ndarray]: ...
@overload
def minibatches(
    data: Sequence[ArrayLike], batch_size: int, rng: np.random.Generator | None, *, drop_last: bool = False
) -> Iterator[tuple[np.ndarray, ...]]: ...
def minibatches(
    data: int | Sequence[ArrayLike], batch_size: int, rng: np.random.Generator | None, *, drop_last: bool = False
) -> Iterator[Any]:
    """One epoch: all examples once, in random order, cut into consecutive batches.

    Within an epoch examples are drawn without replacement. The mean gradient over a batch of B of n examples is
    therefore unbiased for the mean over all, and its variance is `sigma^2 / B * (n - B) / (n - 1)`, with the variance
    sigma^2 of the gradient over the n examples (Cochran, 1977, chapter 2): about 1/B while B is far below n.

    Args:
        data: n, the number of examples, an int; or a tuple of arrays whose first axis has this length n, as (X, y).
        batch_size: B, an int of at least 1.
        rng: draws the order when `minibatches` is called, so that each epoch, one call, has an order of its own. None
            keeps the examples in their order, for evaluation.
        drop_last: leave out the last batch where it is smaller than the others.

    Returns:
        An iterator over the batches. For an int: arrays of indices, (B,). For arrays: tuples of their rows, copies,
        (B, ...) each, the same rows of every array. The last batch has n modulo B examples unless that is 0.

    Raises:
        TypeError: data is a single array, or rng is not a Generator.
        ValueError: batch_size or n is out of range, or the arrays differ in length.

    >>> rng = np.random.default_rng(0)
    >>> for epoch in range(2):
    ...     print([batch.tolist() for batch in minibatches(5, 2, rng)])
    [[2, 4], [3, 0], [1]]
    [[4, 1], [2, 0], [3]]
    >>> X, y = np.arange(8).reshape(4, 2), np.arange(4)
    >>> [y_batch.tolist() for _, y_batch in minibatches((X, y), 3, rng=None)]
    [[0, 1, 2], [3]]
    """
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; expected a whole number of at least 1")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; expected a generator: np.random.default_rng(seed), or None to keep the order")
    arrays = None if isinstance(data, Integral) else _arrays(data)
    n = int(data) if arrays is None else len(arrays[0])
    if n < 0:
        raise ValueError(f"data is {n}; expected the number of examples, at least 0")

    order = np.arange(n) if rng is None else rng.permutation(n)
    stop = n - n % batch_size if drop_last else n
    batches = (order[start : start + batch_size] for start in range(0, stop, batch_size))
    return batches if arrays is None else (tuple(array[rows] for array in arrays) for rows in batches)


def _arrays(data: Any) -> list[np.ndarray]:
    if not isinstance(data, tuple | list):
        raise TypeError(f"data is of type {type(data).__name__}; expected an int, or a tuple of arrays: (X,) for one")
    arrays = [np.asarray(array) for array in data]
    shapes = [array.shape for array in arrays]
    if not arrays or any(len(shape) == 0 for shape in shapes) or len({shape[0] for shape in shapes}) != 1:
        raise ValueError(
            f"data holds arrays of shapes {shapes}; expected one or more whose first axes are equally long"
        )
    return arrays
