"""Every reader reads its own seeds, and what fuzzing once found is refused in one line."""

import importlib
from pathlib import Path

import pytest

from tests.fuzz.oracle import TARGETS, judge

FOUND = sorted((Path(__file__).parent / "found").glob("*/*"))


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_accepts_its_seeds(name: str, tmp_path: Path) -> None:
    target = importlib.import_module(f"tests.fuzz.{name}")
    for seed in target.seeds():
        judge(target, seed, folder=tmp_path)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_is_read_or_refused(path: Path, tmp_path: Path) -> None:
    target = importlib.import_module(f"tests.fuzz.{path.parent.name}")
    judge(target, path.read_bytes(), folder=tmp_path)
