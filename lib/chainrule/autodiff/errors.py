"""What can go wrong with derivatives, in words: what was given, what was expected, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def refused(fun: Callable[..., Any], values: Sequence[Any], error: Exception) -> Exception:
    """numpy's error with the operation, the shapes, and what they should be."""
    rule = (fun.__doc__ or "").strip().split("\n")[0]
    shapes = ", ".join(_shape(v) for v in values)
    name = _function(fun)
    return _same_kind(error)(f"{name}({shapes}): {error}" + (f"\n{name}: {rule}" if rule else ""))


def _same_kind(error: Exception) -> type[Exception]:
    return next(kind for kind in (IndexError, TypeError, ValueError) if isinstance(error, kind))


def _shape(x: Any) -> str:
    if isinstance(x, np.ndarray | np.generic):
        return f"{x.dtype}{list(x.shape)}"
    text = repr(x)
    return text if len(text) < 40 else f"{text[:37]}..."


def _name(t: Any, x: Any) -> str:
    i = next(i for i, a in enumerate(t.args) if a is x)
    return f"argument {i} of {_function(t.fun)}, of shape {x.shape},"


def another_shape(t: Any, array: np.ndarray) -> ValueError:
    return ValueError(
        f"new data of shape {array.shape} for a Tensor of shape {t.shape}; make a new Tensor for another shape"
    )


def cannot_write() -> TypeError:
    return TypeError(
        "a Tensor cannot be written into, because its derivative may need the old values. "
        "Build the result instead: np.where, np.concatenate, np.stack; or `w.data = new` for a parameter"
    )


def edited(t: Any, x: Any) -> RuntimeError:
    return RuntimeError(
        f"{_name(t, x)} was given new data after this result was computed. "
        "Go back first and update then: loss.backward(), then w.data = w.data - lr * w.grad"
    )


def leaves_the_graph(function: str) -> TypeError:
    return TypeError(
        f"{function}(tensor) would lose its derivative. Use numpy's functions (np.exp, not math.exp; np.stack, not "
        "np.array); for the plain number or array use tensor.item() or tensor.data, and value(x) inside a primitive"
    )


def no_attribute(name: str) -> AttributeError:
    instead = f"; use np.{name}(tensor, ...)" if hasattr(np.ndarray, name) and hasattr(np, name) else ""
    return AttributeError(f"a Tensor has no attribute {name!r}{instead}")


def no_derivative(t: Any, x: Any) -> TypeError:
    return TypeError(f"{_name(t, x)} has no derivative; pass the plain array there: tensor.data")


def no_floats(array: np.ndarray) -> TypeError:
    return TypeError(
        f"a Tensor holds real floats, and this is of dtype {array.dtype}; convert it first, or keep it an array"
    )


def no_out(function: Callable[..., Any], args: Sequence[Any]) -> TypeError:
    name = getattr(function, "__name__", str(function))
    shapes = ", ".join(f"{type(a).__name__}{list(np.shape(getattr(a, '_data', a)))}" for a in args)
    return TypeError(
        f"{name}({shapes}, out=...): an array cannot take up a Tensor, which would lose its derivative. "
        "Write `a = a + t` where you have `a += t`, and leave out= away"
    )


def no_scalar(out: Any) -> ValueError:
    return ValueError(
        f"a derivative starts from a single number, and this result has the shape {out.shape}. "
        "Reduce it first, as with .sum() or .mean(); or give its cotangent: backward(g), or use vjp or jacobian"
    )


def not_a_leaf(t: Any) -> TypeError:
    return TypeError(
        f"this Tensor is the result of {t.fun.__name__}; only one that you made, Tensor(array), takes new data"
    )


def unknown_function(function: Callable[..., Any], options: Any = None) -> TypeError:
    name = f"{getattr(function, '__module__', None) or 'numpy'}.{getattr(function, '__qualname__', function.__name__)}"
    if options:
        return TypeError(f"{name} of a Tensor does not take {', '.join(map(str, options))}")
    return TypeError(
        f"{name} has no derivative here. If it needs none, give it tensor.data; otherwise write it with functions that "
        "have one, or add it with @primitive"
    )


def used() -> RuntimeError:
    return RuntimeError(
        "this graph was used already, and freed on the way. Compute the result again, or go back with keep=True before"
    )


def wrong_cotangent(t: Any, x: Any, returned: tuple[int, ...]) -> ValueError:
    return ValueError(
        f"the pullback of {_name(t, x)} returned the shape {returned}; it has to be that of the argument, or, "
        f"if the argument was broadcast, of the result: {t.shape}"
    )


def wrong_cotangents(t: Any, returned: Any) -> TypeError:
    what = f"{len(returned)} cotangents" if isinstance(returned, tuple | list) else f"a {type(returned).__name__}"
    return TypeError(
        f"the pullback of {_function(t.fun)} for all arguments returned {what}; it has to return one for each of the "
        f"{len(t.args)}. If it was meant for a single argument, write (pullback,) with its comma"
    )


def wrong_seed(out: Any, g: np.ndarray) -> ValueError:
    return ValueError(f"the cotangent has the shape {g.shape}, and the result {out.shape}; they have to be the same")


def no_pullbacks(fun: Callable[..., Any]) -> TypeError:
    return TypeError(f"{_function(fun)} has to return a pair: its value, and its pullbacks")


def no_cotangent(t: Any, x: Any) -> TypeError:
    return TypeError(f"the pullback of {_name(t, x)} returned None; it has to return the argument's cotangent")


def wrong_pullbacks(fun: Callable[..., Any], pullbacks: Any, arguments: Sequence[Any]) -> TypeError:
    what = f"{len(pullbacks)} pullbacks" if isinstance(pullbacks, tuple) else f"a {type(pullbacks).__name__}"
    return TypeError(
        f"{_function(fun)} returned {what} for {len(arguments)} arguments; it has to return a tuple with one pullback "
        "for each, None where there is no derivative, or one function that gives all cotangents"
    )


def _function(fun: Callable[..., Any]) -> str:
    return fun.__name__.lstrip("_")
