"""How nbgrader makes a student's version of a cell: for `autograder release`, and for formgrader's Generate button."""

from __future__ import annotations

import re

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

GIVEN = re.compile(r"\s*#: (?P<code>.*)")  # in a solution: a line of the code that students get to mend


class GiveCodeToMend(ClearSolutions):
    """nbgrader's, but where a solution holds lines `#: code`, students get these in place of the stub."""

    def _replace_solution_region(self, cell: NotebookNode, language: str) -> bool:
        given = [match["code"] for line in cell.source.split("\n") if (match := GIVEN.fullmatch(line))]
        stubs = self.code_stub  # type: ignore[has-type]
        if given:
            self.code_stub = stubs | {language: "\n".join(given)}
        try:
            return bool(super()._replace_solution_region(cell, language))
        finally:
            self.code_stub = stubs


PREPROCESSORS = [
    GiveCodeToMend if step is ClearSolutions else step for step in GenerateAssignment.preprocessors.default()
]
CONFIG = Config(
    ClearSolutions={
        "code_stub": {"python": 'raise NotImplementedError("Replace this line with your code.")'},
    },
    GenerateAssignment={"preprocessors": PREPROCESSORS},
)
