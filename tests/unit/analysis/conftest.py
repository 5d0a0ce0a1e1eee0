"""A results folder with planted laws, written once a session."""

from pathlib import Path

import pytest

from tests.synthetic_study import write_study


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("results") / "planted")
