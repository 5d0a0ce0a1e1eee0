"""Coverage-guided fuzzing of every reader: `make fuzz SECONDS=600 ONLY="ledger mp4"`.

Writes `build/fuzz/TARGET/`: the inputs that reached new code, and in `found` one for each kind of
failure, with its traceback. A failure is mended and its input becomes a file of `tests/fuzz/found`,
which the default tests read again."""

import argparse
import importlib
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.oracle import TARGETS
from tests.paths import ROOT

HANG_S, MOST_MB = 10, 3000


def main() -> int:
    given = argparse.ArgumentParser()
    given.add_argument("only", nargs="*", metavar="READER", help=" ".join(TARGETS))
    given.add_argument("--seconds", type=int, default=600)
    asked = given.parse_args()
    print("| reader | inputs tried | branches reached | kinds of failure |\n|---|---:|---:|---:|")
    failures = 0
    for name in asked.only or TARGETS:
        folder = ROOT / "build" / "fuzz" / name
        tried, reached = fuzz(name, folder=folder, seconds=asked.seconds)
        kinds = [path for path in (folder / "found").iterdir() if path.suffix != ".txt"]
        print(f"| {name} | {tried:,} | {reached:,} | {len(kinds)} |", flush=True)
        failures += len(kinds)
    return int(failures > 0)


def fuzz(name: str, *, folder: Path, seconds: int) -> tuple[int, int]:
    """Inputs tried and branches reached. A process that a hang has ended is started again."""
    corpus, found = folder / "corpus", folder / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    seeds = importlib.import_module(f"tests.fuzz.{name}").seeds()
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    tried, reached, end_s = 0, 0, time.monotonic() + seconds
    while (left_s := int(end_s - time.monotonic())) > 0:
        options = [
            *(f"-max_total_time={left_s}", f"-timeout={HANG_S}", f"-rss_limit_mb={MOST_MB}"),
            *(f"-artifact_prefix={found}/", "-print_final_stats=1", "-verbosity=1"),
            f"-max_len={2 * max(map(len, seeds))}",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.one", name, str(found), *options, str(corpus)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
        )
        (folder / "log.txt").write_text(done.stderr)
        tried += int(*re.findall(r"number_of_executed_units: (\d+)", done.stderr)[-1:] or [0])
        reached = max(reached, *map(int, re.findall(r"cov: (\d+)", done.stderr)), 0)
        assert tried, done.stderr[-2000:]
    return tried, reached


if __name__ == "__main__":
    sys.exit(main())
