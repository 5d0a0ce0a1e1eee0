"""`make bench [ONLY="name name"]`: every benchmark here, ours beside its peer in one run, as a
table and as `build/bench.json`.

A benchmark is a file `bench_NAME.py` with `run() -> {"name", "ours", "peer", "ratio", "unit",
"note"}`; `ratio` says how many times better ours is (for an overhead: ours ÷ ideal). Peers are
written in the benchmark itself. Run it on a quiet machine."""

import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.paths import ROOT

FOLDER = Path(__file__).parent
OUT = ROOT / "build" / "bench.json"
KEYS = {"name", "ours", "peer", "ratio", "unit", "note"}


def main(only: list[str]) -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = set(only) - set(names)
    if unknown:
        print(
            f"ONLY={min(unknown)!r}: no such benchmark; there are {' '.join(names)}",
            file=sys.stderr,
        )
        return 2
    OUT.parent.mkdir(exist_ok=True)
    before = json.loads(OUT.read_text()) if OUT.exists() and only else []
    results = {row["name"]: row for row in before}
    for name in only or names:
        row = importlib.import_module(f"tests.benchmarks.bench_{name}").run()
        assert set(row) == KEYS, f"bench_{name} returned {sorted(row)}"
        assert row["name"] == name
        results[name] = row
        OUT.write_text(json.dumps(list(results.values()), indent=1))
    table = Table("benchmark", "ours", "peer", "ratio", "unit", "note")
    for row in results.values():
        table.add_row(
            row["name"],
            f"{row['ours']:.4g}",
            f"{row['peer']:.4g}",
            f"{row['ratio']:.3g}",
            row["unit"],
            row["note"],
        )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
