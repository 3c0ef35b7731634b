"""Errors that are meant for people: each names what was given, what was expected and the next step."""

from __future__ import annotations


class CourseError(Exception):
    """What was asked cannot be done; the command line prints the message and exits with status 2."""


class Unreadable(CourseError):
    """A submitted file is no notebook that can be read. One submission is ungradable; the others go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mismatch(CourseError):
    """A submitted notebook belongs to something else than the assignment. One submission is ungradable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
