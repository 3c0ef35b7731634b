"""Measured against peers on the same machine in the same run: `python -m benchmarks [GROUP ...] [--json]`.

A group is a module with a function `measure(size: int | None) -> list[Result]`, named in `__main__.GROUPS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Result:
    """One measured ratio, the target that it should reach, and the same ratio of each peer."""

    group: str
    name: str
    ratio: float
    target: float
    better: Literal["lower", "higher"]
    against: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)  # what the time goes to; they add up to 1

    @property
    def reached(self) -> bool:
        return self.ratio <= self.target if self.better == "lower" else self.ratio >= self.target
