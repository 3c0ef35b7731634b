"""Automatic differentiation in reverse: derivatives of what you write in numpy.

>>> import numpy as np
>>> from chainrule.autodiff import grad
>>> grad(lambda w: np.log(1 + np.exp(-w)))(0.0)
np.float64(-0.5)

`engine` is the idea, in one file. `elementwise`, `reductions`, `shapes`, `products`, `windows`, `network` and
`recurrent` hold the operations: each states its value and its derivative side by side. `derivatives` makes functions
of it.
"""

from chainrule.autodiff.derivatives import grad, hessian, hvp, jacobian, value_and_grad, vjp
from chainrule.autodiff.elementwise import relu, sigmoid, softplus
from chainrule.autodiff.engine import Tensor, implements, primitive
from chainrule.autodiff.network import cross_entropy, linear
from chainrule.autodiff.recurrent import lstm
from chainrule.autodiff.reductions import log_softmax, logsumexp, softmax
from chainrule.autodiff.windows import avg_pool2d, conv2d, max_pool2d

__all__ = [
    "Tensor",
    "avg_pool2d",
    "conv2d",
    "cross_entropy",
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
    "softmax",
    "softplus",
    "value_and_grad",
    "vjp",
]
