"""Comparing what a probe found with what it finds in the known-wrong versions."""

from __future__ import annotations

import math
from typing import Any

from autograder.model import REFERENCE, Exercise

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9


def same(a: Any, b: Any) -> bool:
    """Do two canonical answers agree? Numbers up to rounding, NaN with NaN, all else exactly."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def name_misconception(exercise: Exercise, answer: Any) -> str | None:
    """The one misconception whose probe answers like this; None where there is none or more than one.

    An exception names none, nor does a crash: what is wrong in quite other ways ends in the same.
    """
    if answer in ("crashed", "timeout") or (isinstance(answer, dict) and answer.keys() == {"raised"}):
        return None
    if REFERENCE in exercise.answers and same(answer, exercise.answers[REFERENCE]):
        return None
    found = [slug for slug in exercise.slugs if slug in exercise.answers and same(answer, exercise.answers[slug])]
    return found[0] if len(found) == 1 else None
