"""Digests by which one answer is told from another, also after the submission itself is out of reach."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.repair import RepairedCell

ALL_CELLS = "*"


def digests(cells: Sequence[RepairedCell]) -> dict[str, str]:
    """A digest of each answer in one notebook by grade_id, and under "*" of all that the student wrote.

    What `Verdict.answers` holds for each notebook.
    """
    answers = {c.grade_id: digest(c.source) for c in cells if c.grade_id and c.role in ("solution", "written")}
    everything = [c.source.strip() for c in cells if c.role in ("solution", "written", "free")]
    return answers | {ALL_CELLS: digest("\0".join(everything))}


def digest(source: str) -> str:
    """Sixteen hexadecimal digits, the same for sources that differ in leading or trailing blanks only.

    >>> digest("x = 1\\n") == digest("x = 1") != digest("x = 2")
    True
    """
    return hashlib.sha256(source.strip().encode("utf-8", "surrogatepass")).hexdigest()[:16]
