"""What students get, as a folder or a zip file: assignments, the library, a short README, and nothing else.

The library is there twice: as a folder, and as `chainrule.zip`, the one file that a notebook on Colab installs.

A module of the library that an assignment asks students to write is held back while that assignment is open: until its
due date, or for good where it has none.
"""

from __future__ import annotations

import ast
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from autograder import leaks, policy
from autograder.build import REPOSITORY, Built, names
from autograder.errors import CourseError

LIBRARY = "chainrule"
LIBRARY_ZIP = "chainrule.zip"  # the name that the notebooks' setup cell installs on Colab
README = "README.md"

_README = """\
# Assignments

| assignment | minutes | points | due |
|---|---|---|---|
{rows}

Open a notebook in JupyterLab or in Colab, work through it from top to bottom, and hand in the notebook itself.
Visible tests tell you at once whether you are on the right way; hidden tests, run when it is graded, try more cases.

On your own machine, with Python 3.11 or newer:

    python3 -m venv .venv
    .venv/bin/pip install jupyterlab ./lib
    .venv/bin/jupyter lab assignments

On Colab, upload the notebook and, in the pane with the files, `chainrule.zip`; the notebook's first cell installs it.

Before you hand in, save the notebook and have it checked: it is run once from top to bottom, and you get a receipt.

    .venv/bin/chainrule check assignments/NAME/NOTEBOOK.ipynb

On Colab, download the notebook, upload it beside `chainrule.zip`, and run `!python -m chainrule check NOTEBOOK.ipynb`
in a cell.
"""


def write(builds: Sequence[Built], to: Path, repository: Path = REPOSITORY, now: datetime | None = None) -> list[str]:
    """Writes the bundle to a folder or a .zip, in place of an earlier one; returns the files written.

    Raises CourseError if the folder holds anything else, or if something in the bundle would leak.
    """
    files = contents(builds, repository, now or datetime.now(UTC))
    if to.suffix == ".zip":
        return _write_zip(files, to)
    return _write_folder(files, to)


def contents(builds: Sequence[Built], repository: Path, now: datetime) -> dict[str, bytes]:
    """Path -> content, in sorted order."""
    files = {README: _readme(builds).encode()}
    for built in builds:
        files |= {f"assignments/{built.assignment.name}/{k}": v for k, v in built.released_files().items()}
    shared = library(repository, now)
    _check_imports(shared, _sealed_modules(repository, now))
    _check_leaks(builds, files, shared, now)
    files[LIBRARY_ZIP] = _zip({path.removeprefix("lib/"): content for path, content in shared.items()})
    return dict(sorted((files | shared).items()))


def library(repository: Path, now: datetime) -> dict[str, bytes]:
    """The library as students get it: `lib/...` -> content, without what open assignments ask them to write."""
    sealed = _sealed_modules(repository, now)
    return {
        path: content for path, content in _library(repository) if not leaks.sealed_by(leaks.module_at(path), sealed)
    }


def is_open(due: str | None, now: datetime) -> bool:
    """Whether students may still hand it in; `due` is ISO 8601 with offset, None for no due date."""
    return due is None or datetime.fromisoformat(due) > now


def _readme(builds: Sequence[Built]) -> str:
    rows = []
    for built in builds:
        a = built.assignment
        due = datetime.fromisoformat(a.due).strftime("%Y-%m-%d %H:%M %Z") if a.due else ""
        rows.append(
            f"| [{a.title}](assignments/{a.name}/{built.notebook}.ipynb) | {a.minutes} | {a.max_score:g} | {due} |"
        )
    return _README.format(rows="\n".join(rows))


def _library(repository: Path) -> Iterator[tuple[str, bytes]]:
    lib = repository / "lib"
    for path in sorted([*lib.glob("pyproject.toml"), *(lib / LIBRARY).rglob("*")]):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(lib).parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield f"lib/{path.relative_to(lib).as_posix()}", path.read_bytes()


# ---- what is held back


def _sealed_modules(repository: Path, now: datetime) -> dict[str, str]:
    """Sealed module of the library -> an open assignment that seals it; released or not, its students come yet."""
    sealed: dict[str, str] = {}
    for name in names(repository):
        rules = policy.read(repository / "solutions" / name)
        if is_open(rules.due, now):
            sealed |= {module: name for module in rules.sealed if module.split(".")[0] == LIBRARY}
    return sealed


def _check_imports(shared: Mapping[str, bytes], sealed: Mapping[str, str]) -> None:
    """What stays must work without what is held back."""
    for path, content in shared.items():
        if not path.endswith(".py"):
            continue
        package = leaks.module_at(path) if path.endswith("/__init__.py") else leaks.module_at(path).rpartition(".")[0]
        for node in ast.parse(content).body:
            for module in _imported(node, package):
                if held := leaks.sealed_by(module, sealed):
                    raise CourseError(
                        f"{path}, line {node.lineno}: imports {held}, which students do not get while {sealed[held]} "
                        "is open; import it where it is used, or inside `try: ... except ImportError: ...`"
                    )


def _imported(node: ast.stmt, package: str) -> list[str]:
    """Every module that one statement may import: `from a import b` may mean a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        parent = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parent, *filter(None, [base])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def _check_leaks(
    builds: Sequence[Built], files: Mapping[str, bytes], shared: Mapping[str, bytes], now: datetime
) -> None:
    everyone = [built.assignment for built in builds]
    for assignment in everyone:
        shown = {**files, **shared} if is_open(assignment.due, now) else files
        if found := leaks.find(assignment, shown, beside=everyone):
            what = "\n".join(f"  {leak['file']}: {leak['what']}" for leak in found)
            raise CourseError(f"nothing is written, because {assignment.name} would leak:\n{what}")


# ---- writing


def _write_folder(files: Mapping[str, bytes], to: Path) -> list[str]:
    ours = {README, LIBRARY_ZIP, "assignments", "lib"}
    if to.exists():
        if not to.is_dir():
            raise CourseError(f"{to} is a file; name a folder, or a file that ends in .zip")
        other = sorted(p.name for p in to.iterdir() if p.name not in ours and not p.name.startswith("."))
        if other:
            raise CourseError(f"{to} holds {', '.join(other[:5])}; name a new folder, or one with an earlier release")
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to, prefix=".release-") as fresh:
        for path, content in files.items():
            target = Path(fresh) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        for name in sorted(ours):
            _remove(to / name)
            if (Path(fresh) / name).exists():
                (Path(fresh) / name).rename(to / name)
    return [str(to / path) for path in files]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_zip(files: Mapping[str, bytes], to: Path) -> list[str]:
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.with_name(f".{to.name}.part")
    unfinished.write_bytes(_zip(files))
    unfinished.replace(to)
    return [str(to)]


def _zip(files: Mapping[str, bytes]) -> bytes:
    """The same files give the same bytes: sorted, one date, one mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in sorted(files.items()):
            member = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # Unix, wherever it is made
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content)
    return buffer.getvalue()
