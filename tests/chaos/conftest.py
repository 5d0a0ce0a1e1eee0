"""The seeds of a chaos run, and the table of what was injected and what became of it."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

SEEDS = [int(seed) for seed in os.environ.get("PHYSSCALE_CHAOS_SEEDS", "1 2 3").split()]
COLUMNS = ("injected", "data lost", "wrong results", "hangs", "uncaught tracebacks")
PAGE = Path(__file__).with_name("README.md")
_MARK = "<!-- written by make chaos -->\n"


class Figures:
    """Counts by fault. A test counts what it injects; what it finds wrong fails it, and is counted
    with it."""

    def __init__(self) -> None:
        self.rows: dict[str, Counter[str]] = {}

    def count(self, fault: str, **counts: int) -> None:
        """`injected=3`, `wrong_results=1` ..."""
        self.rows.setdefault(fault, Counter()).update(
            {name.replace("_", " "): count for name, count in counts.items()}
        )

    def table(self) -> str:
        """Markdown."""
        total = sum(self.rows.values(), Counter[str]())
        lines = [f"| fault | {' | '.join(COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
        for fault, counts in [*sorted(self.rows.items()), ("**all**", total)]:
            lines.append(f"| {fault} | " + " | ".join(str(counts[name]) for name in COLUMNS) + " |")
        return "\n".join(lines) + "\n"


def pytest_report_header() -> str:
    return f"chaos: PHYSSCALE_CHAOS_SEEDS={' '.join(map(str, SEEDS))}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """Written into the README when `make chaos` has asked for it."""
    counted = Figures()
    yield counted
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "chaos.json").write_text(json.dumps(counted.rows, indent=1))
    if os.environ.get("PHYSSCALE_CHAOS_TABLE"):
        before, _, _ = PAGE.read_text().partition(_MARK)
        seeds = ", ".join(map(str, SEEDS))
        PAGE.write_text(f"{before}{_MARK}\nSeeds {seeds}.\n\n{counted.table()}")
