"""Public measurements beside the repository; tests skip where they are absent. Nothing of them is
copied into the project."""

import csv
import json
from typing import Any

import numpy as np
import pytest

from tests.paths import ROOT

FOLDER = ROOT.parent / "shared" / "data"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one CSV file, or a skip."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"reference data {name} are not beside the repository (../shared/data)")
    with path.open() as file:
        return list(csv.DictReader(file))


def column(table: list[dict[str, str]], name: str) -> np.ndarray:
    """A column as numbers."""
    return np.array([float(row[name]) for row in table])


def expected(name: str) -> dict[str, Any]:
    """The published and the recomputed answers for one file, or a skip."""
    path = FOLDER / "expected_fits.json"
    if not path.is_file():
        pytest.skip("expected_fits.json is not beside the repository (../shared/data)")
    return dict(json.loads(path.read_text())[name])
