"""The package itself: what importing it costs, and what its docstrings promise."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import chainrule
import pytest

IN_DATA = [f"data.{module.name}" for module in pkgutil.iter_modules(chainrule.data.__path__) if module.name[0] != "_"]
MODULES = [*chainrule.__all__, *IN_DATA]


@pytest.mark.parametrize("module", ["matplotlib", "numpy", "torch", "ipywidgets", "IPython"])
def test_importing_the_package_imports_none_of_its_dependencies(module: str) -> None:
    code = f"import sys, chainrule; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_checks_need_numpy_only() -> None:
    code = "import sys\nfrom chainrule import checks\nsys.exit('matplotlib' in sys.modules or 'IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_modules_are_loaded_on_first_use() -> None:
    code = "import sys, chainrule\nchainrule.checks.close(1, 1)\nsys.exit('chainrule.plots' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert set(chainrule.__all__) <= set(dir(chainrule))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'optimisers'.*checks, data,.*plots"):
        _ = chainrule.optimisers


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"chainrule.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_documented(module: str) -> None:
    loaded = importlib.import_module(f"chainrule.{module}")
    for name in loaded.__all__:
        assert getattr(loaded, name).__doc__, f"{module}.{name} has no docstring"
