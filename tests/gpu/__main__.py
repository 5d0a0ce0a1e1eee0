"""`make gpu [ONLY="name name"]`: what only a GPU can prove, row by row, as a table and as
`build/gpu.json`. `python -m tests.gpu --tiny` runs the code of every row on any device within a
minute, and proves no figure.

On a machine without a GPU nothing is measured: every row says so, and the exit code is 4. A row
whose package is not installed says which one it needs. Exit code 1: a row failed."""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console
from rich.table import Table

from tests.gpu.row import Bench, NotHere, Reading, Row
from tests.gpu.rows import ROWS
from tests.paths import ROOT

OUT = ROOT / "build" / "gpu.json"
State = Literal["passed", "failed", "not run"]


@dataclass(frozen=True)
class Result:
    """What a row showed: its readings, or in `why` what ended it."""

    name: str
    state: State
    readings: tuple[Reading, ...]
    why: str
    seconds: float

    @property
    def said(self) -> str:
        return self.why or "; ".join(map(str, self.readings))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("only", nargs="*", help="rows to run; default: all")
    parser.add_argument("--tiny", action="store_true", help="run the code of the rows, on a CPU")
    asked = parser.parse_args(arguments)
    unknown = set(asked.only) - {row.name for row in ROWS}
    if unknown:
        print(f"{min(unknown)!r}: no such row; there are {names()}", file=sys.stderr)
        return 2
    chosen = [row for row in ROWS if row.name in asked.only or not asked.only]
    cuda = torch.cuda.is_available()
    if not cuda and not asked.tiny:
        show(chosen, [Result(row.name, "not run", (), "no GPU yet", 0.0) for row in chosen])
        print("make gpu: torch sees no CUDA device; nothing was measured", file=sys.stderr)
        return 4
    results = []
    for row in chosen:
        result = run(row, device="cuda" if cuda else "cpu", tiny=asked.tiny)
        results.append(result)
        print(f"{row.name:14} {result.state:8} {result.seconds:5.0f} s  {result.said}", flush=True)
        if not asked.tiny:
            write(results)
    show(chosen, results)
    return 1 if any(result.state == "failed" for result in results) else 0


def names() -> str:
    return ", ".join(row.name for row in ROWS)


def run(row: Row, *, device: Literal["cpu", "cuda"], tiny: bool) -> Result:
    """One row. What goes wrong in it is its result; the other rows still run."""
    begun_s = time.perf_counter()
    readings: list[Reading] = []
    state: State = "failed"
    why = ""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(device, "tiny" if tiny else "full", Path(folder))
        try:
            for reading in row.measure(bench):
                readings.append(reading)
            if all(reading.passed for reading in readings):
                state = "passed"
        except NotHere as error:
            state, why = "not run", str(error)
        except ModuleNotFoundError as error:
            state, why = "not run", f"needs the package {error.name}"
        except Exception as error:
            traceback.print_exc()
            why = f"{type(error).__name__}: {str(error)[:200]}"
    if device == "cuda":
        torch.cuda.empty_cache()
    return Result(row.name, state, tuple(readings), why, time.perf_counter() - begun_s)


def write(results: Sequence[Result]) -> None:
    OUT.parent.mkdir(exist_ok=True)
    card = torch.cuda.get_device_properties(0)
    machine = {
        "card": card.name,
        "bytes": card.total_memory,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }
    rows = [asdict(result) for result in results]
    OUT.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


def show(rows: Sequence[Row], results: Sequence[Result]) -> None:
    table = Table("row", "item", "passes", "result", "figures")
    for row, result in zip(rows, results, strict=True):
        table.add_row(row.name, row.item, row.passes, result.state, result.said)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
