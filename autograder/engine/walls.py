"""The outer wall: a bubblewrap sandbox for each zygote, with nothing in it but Python and the allowed packages.

No network, no home, no submissions, no gradebook, no solutions; whatever is there cannot be written to. Where the wall
cannot be built, grading refuses, and says what to install or to allow.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from packaging.requirements import Requirement

from autograder.errors import CourseError
from autograder.inside.walls import FILES

ISOLATION_LEVELS = ("namespaces", "process")
"""namespaces: both walls. process: student code and tests in separate processes only, for a machine of one's own."""

BASE_PACKAGES = ("ipython", "matplotlib", "matplotlib-inline", "msgpack", "numpy", "ipywidgets")
PACKAGES = "/packages"
"""Where the allowed packages lie inside: not where they are on the machine, which nobody inside needs to know."""

REFEREE_PACKAGES = (*BASE_PACKAGES, "pytest")
EVERYTHING = "*"

_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/etc/fonts", "/etc/alternatives", "/etc/ld.so.cache")
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/scratch",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    # More than one thread in the warm process, and a matrix product hangs in the fork.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_PASSED_ON = ("OPENBLAS_CORETYPE",)


def command(
    module: str,
    fd: int,
    *,
    isolation: str,
    packages: Sequence[str],
    sealed: Sequence[str] = (),
    files: Mapping[str, Path] = MappingProxyType({}),
) -> list[str]:
    """The command that starts `python -m module FD` behind the outer wall. The descriptor is inherited.

    files: what the notebook reads, by the path that it reads it from.
    """
    if isolation == "process":
        return [sys.executable, "-B", "-m", module, str(fd)]
    view = _python_view(tuple(packages), tuple(sealed))
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment = _ENVIRONMENT | passed_on | {"PYTHONPATH": PACKAGES}
    return [
        _bubblewrap(), "--unshare-all", "--new-session", "--die-with-parent",
        "--uid", "0", "--gid", "0", "--cap-add", "ALL",  # to build the inner wall, which takes them away
        "--hostname", "grading", "--clearenv", *_flat("--setenv", environment.items()),
        *view, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--tmpfs", "/tmp", *_font_list(),
        *_flat("--ro-bind", ((str(path), f"{FILES}/{name}") for name, path in files.items())),
        "--tmpfs", "/scratch", "--chdir", "/scratch", "--remount-ro", "/",
        _interpreter(), "-S", "-s", "-m", module, str(fd),
    ]  # fmt: skip


def environment(isolation: str) -> dict[str, str] | None:
    """The environment of a zygote without an outer wall; bubblewrap makes its own."""
    if isolation != "process":
        return None
    return os.environ | {k: v for k, v in _ENVIRONMENT.items() if k.endswith("_THREADS") or k == "PYTHONHASHSEED"}


def check(isolation: str) -> None:
    """CourseError where this machine cannot build the wall that is asked for."""
    if isolation not in ISOLATION_LEVELS:
        raise CourseError(f"isolation {isolation!r} is unknown: choose one of {', '.join(ISOLATION_LEVELS)}")
    if isolation == "process":
        return
    probe = [_bubblewrap(), "--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
    done = subprocess.run(probe, capture_output=True, text=True)
    if done.returncode != 0:
        raise CourseError(
            f"bubblewrap cannot build a sandbox here ({done.stderr.strip() or 'no reason given'}). "
            "If this is Ubuntu 24.04 or newer, allow it to: see docs/security.md, 'AppArmor'. "
            "In a container, start it with user namespaces allowed. Nothing was graded."
        )


def _bubblewrap() -> str:
    path = shutil.which("bwrap")
    if path is None:
        raise CourseError(
            "bubblewrap is missing, and grading without it would run student code unprotected. "
            "Install it: apt-get install bubblewrap. Nothing was graded."
        )
    return path


@functools.cache
def _python_view(packages: tuple[str, ...], sealed: tuple[str, ...]) -> tuple[str, ...]:
    """bubblewrap's arguments that show Python, the packages, and of this project only what runs inside."""
    base = os.path.realpath(sys.base_prefix)
    arguments = [*_flat("--ro-bind-try", ((p, p) for p in _SYSTEM_FOLDERS))]
    if not base.startswith("/usr"):
        arguments += ["--ro-bind", base, base]
    for hidden in _system_packages(base):
        arguments += ["--tmpfs", hidden, "--remount-ro", hidden]
    for path in _entries(packages):
        arguments += ["--ro-bind", str(path), f"{PACKAGES}/{path.name}"]
    for name in ("__init__.py", "wire", "inside"):
        arguments += ["--ro-bind", str(Path(__file__).parents[1] / name), f"{PACKAGES}/autograder/{name}"]
    for folder in map(Path, _locations("chainrule")):
        # File by file: the compiled copies beside them would give a sealed module away, and more may appear later.
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.parent.name != "__pycache__"):
            arguments += ["--ro-bind", str(path), f"{PACKAGES}/chainrule/{path.relative_to(folder)}"]
    for name in sealed:
        arguments += _mask(name, packages)
    return tuple(arguments)


def _mask(module: str, packages: tuple[str, ...]) -> list[str]:
    """Hide one module that would be visible: a package under an empty folder, a file under /dev/null, and what is
    compiled of it."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return []
    if spec is None or not spec.origin or not _is_visible(module.split(".")[0], packages):
        return []
    inside = f"{PACKAGES}/{module.replace('.', '/')}"
    if spec.submodule_search_locations:
        return ["--tmpfs", inside, "--remount-ro", inside]
    masked = ["--ro-bind", "/dev/null", inside + Path(spec.origin).suffix]
    if spec.cached and Path(spec.cached).parent.is_dir():
        compiled = f"{Path(inside).parent}/__pycache__"
        masked += ["--tmpfs", compiled, "--remount-ro", compiled]
    return masked


def _is_visible(top: str, packages: tuple[str, ...]) -> bool:
    return top == "chainrule" or any(path.name.split(".")[0] == top for path in _entries(packages))


@functools.cache
def _entries(packages: tuple[str, ...]) -> tuple[Path, ...]:
    """Top-level files and folders of these distributions and of all that they require."""
    folder = Path(sysconfig.get_path("purelib"))
    if EVERYTHING in packages:
        ours = ("autograder", "chainrule", "__editable__", "__pycache__")
        return tuple(sorted(p for p in folder.iterdir() if not p.name.startswith(ours)))
    found: set[str] = set()
    for name in _with_requirements(packages):
        record = importlib.metadata.distribution(name).read_text("RECORD") or ""
        found |= {re.split("[/,]", line, maxsplit=1)[0] for line in record.splitlines()}
    found -= {"", "..", "__pycache__"}
    return tuple(sorted(folder / p for p in found if not p.endswith(".pth") and (folder / p).exists()))


def _with_requirements(packages: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    todo = list(packages)
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in seen:
            continue
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(name)
        for requirement in map(Requirement, requires):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return seen


def _locations(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


def _interpreter() -> str:
    """The interpreter itself, not the virtual environment's link to it."""
    return os.path.realpath(sys.executable)


def _system_packages(base: str) -> list[str]:
    """Package folders of the underlying Python, which nobody allowed."""
    folders = {f"{base}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"}
    folders |= {p for p in (*site.getsitepackages([base]), "/usr/lib/python3/dist-packages") if os.path.isdir(p)}
    return sorted(p for p in folders if os.path.isdir(p))


@functools.cache
def _font_list() -> tuple[str, ...]:
    """matplotlib's list of fonts, made once on this machine; inside it would be made anew at every start."""
    version = importlib.metadata.version("matplotlib")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autograder" / f"matplotlib-{version}"
    if not any(cache.glob("fontlist-*.json")):
        cache.mkdir(parents=True, exist_ok=True)
        make = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(make, env=os.environ | {"MPLCONFIGDIR": str(cache)}, capture_output=True)
    pairs = ((str(file), f"{_ENVIRONMENT['MPLCONFIGDIR']}/{file.name}") for file in cache.glob("fontlist-*.json"))
    return tuple(_flat("--ro-bind", pairs))


def _flat(option: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [part for pair in pairs for part in (option, *pair)]
