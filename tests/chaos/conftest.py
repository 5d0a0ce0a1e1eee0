"""The seeds of a chaos run, and the table of what was injected and what became of it."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

SEEDS = [int(seed) for seed in os.environ.get("PHYSSCALE_CHAOS_SEEDS", "1 2 3").split()]
COLUMNS = ("injected", "data lost", "wrong results", "hangs", "uncaught tracebacks")
PAGE = Path(__file__).with_name("README.md")
_MARK = "<!-- written by make chaos -->\n"
_TOO_LONG = re.compile(r"Timeout \(>|TimeoutExpired|assert .*monotonic\(\) <")
"""What a report of a failed test says where something did not end in time."""

os.environ.setdefault("RAY_worker_niceness", "0")
"""Ray's usual 15 starves its workers beside the other tests, and a wait seems to be a hang."""

Rows = dict[str, Counter[str]]
_rows: Rows = {}
_ends: Counter[str] = Counter()


@dataclass(frozen=True)
class Figures:
    """Counts by fault, of one test. It counts what it injects; what it finds wrong fails it, and is
    counted with it."""

    properties: list[tuple[str, object]]
    """Of the test's report, which pytest-xdist carries to the process that writes the table."""

    def count(self, fault: str, **counts: int) -> None:
        """`injected=3`, `wrong_results=1` ..."""
        named = {name.replace("_", " "): count for name, count in counts.items()}
        assert set(named) <= set(COLUMNS)
        self.properties.append((fault, named))


def share(total: int, *, seed: int) -> int:
    """What falls to this seed of so many in one `make chaos`."""
    place = SEEDS.index(seed)
    return total // len(SEEDS) + (place < total % len(SEEDS))


def table(rows: Rows) -> str:
    """Markdown."""
    total = sum(rows.values(), Counter[str]())
    lines = [f"| fault | {' | '.join(COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
    for fault, counts in [*sorted(rows.items()), ("**all**", total)]:
        lines.append(f"| {fault} | " + " | ".join(str(counts[name]) for name in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """What this test injects and finds."""
    return Figures(request.node.user_properties)


def pytest_report_header() -> str:
    return f"chaos: PHYSSCALE_CHAOS_SEEDS={' '.join(map(str, SEEDS))}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Adds up the reports of all processes."""
    if report.when == "call" or not report.passed:
        _ends[report.outcome] += 1
    if report.failed and _TOO_LONG.search(report.longreprtext):
        _rows.setdefault(report.nodeid.split("::")[-1], Counter())["hangs"] += 1
    if report.when == "teardown":
        for fault, counts in report.user_properties:
            _rows.setdefault(fault, Counter()).update(counts)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The README gets the table when `make chaos` has asked for it."""
    worker = hasattr(session.config, "workerinput")  # the process that started it writes
    if os.environ.get("PHYSSCALE_CHAOS_TABLE") and not worker:
        before, _, _ = PAGE.read_text().partition(_MARK)
        tests = ", ".join(f"{count} {end}" for end, count in sorted(_ends.items()))
        seeds = ", ".join(map(str, SEEDS))
        PAGE.write_text(f"{before}{_MARK}\nSeeds {seeds}. Tests: {tests}.\n\n{table(_rows)}")
