"""Ten applicants for a loan, and the numbers that a nominal column becomes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["loans", "one_hot"]

_LOANS = """
yes single   125 no
no  married  100 no
no  single    70 no
yes married  120 no
no  divorced  95 yes
no  married   60 no
yes divorced 220 no
no  single    85 yes
no  married   75 no
no  single    90 yes
"""  # Tan, Steinbach and Kumar, Introduction to Data Mining (2005), figure 4.6


def loans() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Ten applicants for a loan (Tan, Steinbach and Kumar, Introduction to Data Mining, 2005).

    Returns:
        The columns by name, each (10,): "home owner" is "yes" or "no", "marital status" is "single", "married" or
        "divorced", "income" is a year's in thousands, float64. And whether each defaulted, (10,), 1 for yes.

    >>> columns, defaulted = loans()
    >>> columns["marital status"][:3].tolist(), columns["income"][:3].tolist(), defaulted.tolist()
    (['single', 'married', 'single'], [125.0, 100.0, 70.0], [0, 0, 0, 0, 1, 0, 0, 1, 0, 1])
    """
    owner, status, income, defaulted = np.array([line.split() for line in _LOANS.strip().splitlines()]).T
    columns = {"home owner": owner, "marital status": status, "income": income.astype(float)}
    return columns, (defaulted == "yes").astype(int)


def one_hot(
    columns: Mapping[str, ArrayLike], *, intercept: bool = True, drop_first: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Columns of words and of numbers as one matrix: a column of words becomes a 0/1 column for each level.

    The levels of one column add up to a column of ones. Together with an intercept each of k nominal columns thus makes
    the matrix lose one of its rank, k in all; without the first level of each it has full rank.

    Args:
        columns: (n,) by name, words or numbers. The levels of a column of words are sorted.
        intercept: begin with a column of ones.
        drop_first: leave out the first level of each column of words.

    Returns:
        The matrix, (n, p), float64, and the p names of its columns.

    Raises:
        ValueError: there is no column, or the columns are not all (n,), or one holds neither words nor numbers.

    >>> X, names = one_hot({"pet": ["cat", "dog", "cat"], "age": [3, 5, 8]})
    >>> names
    ['intercept', 'pet = cat', 'pet = dog', 'age']
    >>> X[0]
    array([1., 1., 0., 3.])
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if not arrays or len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise ValueError(f"columns have the shapes {shapes}; expected one or more, all (n,) with the same n")
    named = {"intercept": np.ones(next(iter(shapes.values())))} if intercept else {}
    for name, array in arrays.items():
        if array.dtype.kind in "US":
            levels = np.unique(array)[int(drop_first) :]
            named |= {f"{name} = {level}": array == level for level in levels.tolist()}
        elif array.dtype.kind in "biuf":
            named[name] = array
        else:
            raise ValueError(f"columns[{name!r}] is of dtype {array.dtype}; expected words or numbers")
    return np.stack(list(named.values()), axis=1).astype(float), list(named)
