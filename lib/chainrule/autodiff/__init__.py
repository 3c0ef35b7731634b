"""Automatic differentiation in reverse: derivatives of what you write in numpy.

>>> import numpy as np
>>> from chainrule.autodiff import grad
>>> grad(lambda w: np.log(1 + np.exp(-w)))(0.0)
np.float64(-0.5)

`engine` is the idea, in one file. `elementwise`, `reductions`, `shapes`, `products`, `windows`, `network` and
`recurrent` hold the operations: each states its value and its derivative side by side. `derivatives` makes functions
of it. `drawing` shows the graph, and `unrolling` writes it out as straight-line Python; both are loaded when they are
first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from chainrule.autodiff.derivatives import grad, hessian, hvp, jacobian, value_and_grad, vjp
from chainrule.autodiff.elementwise import relu, sigmoid, silu, softplus
from chainrule.autodiff.engine import Tensor, implements, primitive
from chainrule.autodiff.network import cross_entropy, linear
from chainrule.autodiff.recurrent import lstm
from chainrule.autodiff.reductions import log_softmax, logsumexp, softmax
from chainrule.autodiff.windows import avg_pool2d, conv2d, max_pool2d

if TYPE_CHECKING:
    from chainrule.autodiff.drawing import draw, to_dot
    from chainrule.autodiff.unrolling import unroll

__all__ = [
    "Tensor",
    "avg_pool2d",
    "conv2d",
    "cross_entropy",
    "draw",
    "grad",
    "hessian",
    "hvp",
    "implements",
    "jacobian",
    "linear",
    "log_softmax",
    "logsumexp",
    "lstm",
    "max_pool2d",
    "primitive",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "to_dot",
    "unroll",
    "value_and_grad",
    "vjp",
]

_LATER = {"draw": "drawing", "to_dot": "drawing", "unroll": "unrolling"}  # name -> the module that has it


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
