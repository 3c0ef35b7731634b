"""What holds for every test: no display, the same examples each time, and never the repository's own workspace."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.load_profile("same-each-time")


@pytest.fixture(scope="session", autouse=True)
def _workspace_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["AUTOGRADER_WORKSPACE"] = str(tmp_path_factory.mktemp("workspace"))
