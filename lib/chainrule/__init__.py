"""The course's helper library: what a student's notebook imports, on a laptop or in Colab.

`checks` holds the assertions that visible tests use, `gradcheck` those for gradients, `plots` the figures, `widgets`
those with controls, `data` the data sets; `autodiff`, `optim`, `schedules` and `functions` are what the notebooks
build, written out. Each is loaded when it is first used, so that `import chainrule` costs nothing and needs neither
matplotlib nor anything else.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "autodiff",
    "checks",
    "data",
    "functions",
    "gradcheck",
    "optim",
    "plots",
    "schedules",
    "widgets",
]  # modules, loaded by __getattr__


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
