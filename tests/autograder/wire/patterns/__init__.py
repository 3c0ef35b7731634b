"""Patterns of test cells: what authors write, with right and wrong student versions.

Each file beside this one is a table of one class of patterns, in jupytext's percent format. A heading starts a pattern;
the titled cells below it are

    setup         given cells, in notebook order: above the exercise, or below it if they follow the versions
    right         a student's cell that the test passes; the referee learns from it
    alternative   another one that it passes
    wrong         one that it fails
    earlier       a test cell that stands above the one in question
    test          the test cell

`right` and `wrong` may be made from a text that stands above the first pattern, or from the right version:
`# %% wrong of="tensor" replace="old" by="new"`. `# %% wrong endless=true` never returns. A test that release refuses
says which words the advice contains: `# %% test refused="a plain function"`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext

CLASSES = (
    "arrays", "exceptions", "names", "mutation", "callbacks", "iterators", "classes", "introspection", "ambient",
    "figures", "notebook",
)  # fmt: skip
NUMPY = "import numpy as np"


@dataclass(frozen=True)
class Version:
    """A student's cell. `kind` is right, alternative or wrong; an endless one never returns."""

    kind: str
    source: str
    endless: bool = False


@dataclass
class Pattern:
    group: str
    name: str
    summary: str
    above: list[str] = field(default_factory=list)  # given cells before the exercise
    below: list[str] = field(default_factory=list)  # and after it
    versions: list[Version] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    test: str = ""
    refused: str = ""  # words of the advice; "" for a pattern that runs

    def __str__(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def right(self) -> Version:
        return self.versions[0]

    def cells(self, version: Version) -> list[dict[str, Any]]:
        """The code cells of the notebook, as `autograder.wire.names` takes them."""
        rows = [
            *(("locked", f"above-{i}", source) for i, source in enumerate(self.above)),
            ("solution", "exercise", version.source),
            *(("locked", f"below-{i}", source) for i, source in enumerate(self.below)),
            *(("test", f"exercise-visible-{i}", source) for i, source in enumerate(self.earlier)),
            ("test", "exercise-hidden", self.test),
        ]
        return [{"role": role, "grade_id": grade_id, "source": source} for role, grade_id, source in rows]


def load() -> list[Pattern]:
    return [pattern for group in CLASSES for pattern in _read(group)]


def _read(group: str) -> list[Pattern]:
    shared: dict[str, str] = {}
    patterns: list[Pattern] = []
    for cell in jupytext.read(Path(__file__).with_name(f"{group}.py"), fmt="py:percent").cells:
        title = cell.metadata.get("title")
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            name, _, summary = cell.source[3:].partition("\n")
            patterns.append(Pattern(group, name.strip(), " ".join(summary.split())))
        elif cell.cell_type == "code" and title and patterns:
            _add(patterns[-1], title, cell, shared)
        elif cell.cell_type == "code" and title:
            shared[title] = cell.source
    for pattern in patterns:
        pattern.above = pattern.above or [NUMPY]
    return patterns


def _add(pattern: Pattern, title: str, cell: Any, shared: dict[str, str]) -> None:
    if title in ("right", "alternative", "wrong"):
        pattern.versions.append(Version(title, _derived(pattern, cell, shared), cell.metadata.get("endless", False)))
    elif title == "setup":
        (pattern.below if pattern.versions else pattern.above).append(cell.source)
    elif title == "earlier":
        pattern.earlier.append(cell.source)
    elif title == "test":
        pattern.test, pattern.refused = cell.source, cell.metadata.get("refused", "")
    else:
        raise ValueError(f"{pattern}: unknown cell title {title!r}")


def _derived(pattern: Pattern, cell: Any, shared: dict[str, str]) -> str:
    """The cell's own text, or another one with a replacement."""
    options = cell.metadata
    if "of" not in options and "replace" not in options:
        return cell.source
    source = shared[options["of"]] if "of" in options else pattern.right.source
    if "replace" in options:
        if source.count(options["replace"]) != 1:
            raise ValueError(f"{pattern}: {options['replace']!r} does not occur exactly once")
        source = source.replace(options["replace"], options["by"])
    return source + ("\n\n" + cell.source if cell.source.strip() else "")
