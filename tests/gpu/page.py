"""The GPU table as a page of the documents: `python -m tests.gpu.page` writes it anew. Figures come
from `experiments/gpu.json`, a copy of the `build/gpu.json` that `make gpu` wrote on a GPU."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.gpu.rows import ROWS
from tests.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "gpu.md"
MEASURED = ROOT / "experiments" / "gpu.json"
HEAD = """# What only a GPU can prove

<!-- Made by `python -m tests.gpu.page`: change the rows in tests/gpu, not this page. -->

`make gpu` measures every row of this table on one card and writes `build/gpu.json`. It is made to
take at most nine minutes on a card of the H200 class with 16 cores, and needs no network.
`make gpu ONLY="memory host_gap"` runs single rows. Exit code 1 means that a row failed, 4 that
torch sees no GPU.

Without a GPU, `python -m tests.gpu --tiny` runs the code of every row at a tiny scale. That shows
that the rows work; it proves no figure.

A machine that has Python, torch and CUDA, and no network, needs the wheels of the lock file's
other packages. `pip download -r requirements.lock -d wheels` fetches them elsewhere. A row whose
package is missing says which one it needs, and the others still run."""


def page(measured: dict[str, Any] | None) -> str:
    """The page, with the figures of a measured table or without any."""
    rows = {row["name"]: row for row in measured["rows"]} if measured else {}
    machine = measured["machine"] if measured else None
    where = (
        f"Measured on one {machine['card']} with torch {machine['torch']}, CUDA {machine['cuda']}."
        if machine
        else "No row has been measured yet: no GPU was at hand."
    )
    table = ["| item | passes | result | command |", "|---|---|---|---|"]
    for row in ROWS:
        found = rows.get(row.name)
        result = f"{found['state']}: {figures(found)}" if found else "not run: no GPU yet"
        table.append(f"| {row.item} | {row.passes} | {result} | `make gpu ONLY={row.name}` |")
    return "\n\n".join([HEAD, where, "\n".join(table)]) + "\n"


def figures(found: dict[str, Any]) -> str:
    """What a measured row showed."""
    shown = [
        f"{reading['name']} {reading['value']:.3g} {reading['unit']}".strip()
        for reading in found["readings"]
    ]
    return found["why"] or "; ".join(shown)


def measured() -> dict[str, Any] | None:
    return json.loads(MEASURED.read_text()) if MEASURED.exists() else None


def main(path: Path = PAGE) -> int:
    path.write_text(page(measured()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
