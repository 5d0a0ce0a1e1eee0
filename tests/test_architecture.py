"""The shape of the house: what no linter checks."""

from pathlib import Path

import pytest

from tests.paths import ROOT

LINES_AT_MOST = 300
SOURCES = sorted(
    path
    for room in ("physscale", "analysis", "experiments", "tests")
    for path in (ROOT / room).rglob("*.py")
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_fits_one_look(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LINES_AT_MOST, f"{name(path)} has {lines} lines: is there a second noun in it?"


EMPTY = [
    path
    for path in SOURCES
    if path.name == "__init__.py" and path != ROOT / "physscale" / "__init__.py"
]
"""All but the one that offers the public names, each imported when it is used."""


@pytest.mark.parametrize("path", EMPTY, ids=name)
def test_init_files_are_empty(path: Path) -> None:
    assert not path.read_text().strip(), (
        "a re-export here would pull torch and ray into every import"
    )


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "__init__.py"], ids=name)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert path.read_text().lstrip().startswith('"""'), f"{name(path)} opens without a docstring"


def test_nothing_unpickles_in_the_library() -> None:
    for path in SOURCES:
        if path.is_relative_to(ROOT / "physscale"):
            text = path.read_text()
            loads = [
                line
                for line in text.splitlines()
                if "torch.load(" in line and "weights_only=True" not in line
            ]
            assert not loads, (
                f"{name(path)}: checkpoints are safetensors and JSON, foreign weights plain "
                "tensors alone"
            )
            assert "import pickle" not in text, f"{name(path)}: no pickle on disk"
