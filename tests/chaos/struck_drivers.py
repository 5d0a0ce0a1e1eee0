"""Drivers of four real runs, struck at their fault points: `python -m tests.chaos.struck_drivers
FOLDER STRIKES SEED STRIKE`."""

from collections import Counter
from pathlib import Path

import torch

from physscale.finished.tables import write_study_tables
from physscale.records.json_lines import read_lines
from physscale.records.ledger import Ledger
from physscale.records.metrics import read_metrics
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.store import Store
from physscale.records.tables import read_parquet
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.spec import Study
from tests.struck import Work, tell
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

RUNS = [tiny_run(seed=seed, steps=8, videos=8) for seed in range(4)]
STUDY = Study(name="struck", question="Is it equal?", groups={"seeds": RUNS})


def work(folder: Path) -> None:
    drive(
        STUDY,
        store=Store(folder / "study"),
        backend="plain",
        machine=Machine(),
        execute=execute,
        watch=no_watch,
    )
    write_study_tables(Store(folder / "study"), groups=dict.fromkeys(STUDY.runs, "seeds"))


def seen(store: Store) -> object:
    """Losses, tables and ends."""
    losses = {
        run: [(line["step"], line["loss"].hex()) for line in read_metrics(store.run(run).metrics)]
        for run in sorted(Ledger(store.ledger).entries())
    }
    done = Counter(line["run"] for line in read_lines(store.ledger) if line["state"] == "DONE")
    scores, outcomes = read_parquet(store.scores, SCORES), read_parquet(store.outcomes, OUTCOMES)
    half = list(store.root.glob("runs/*/checkpoints/.*"))
    drivers = list(store.root.glob(".driver-*"))
    return losses, scores.to_pylist(), outcomes.to_pylist(), sorted(done.items()), half, drivers


if __name__ == "__main__":
    torch.set_num_threads(1)
    tell(Work(work, lambda folder: seen(Store(folder / "study")), points=120))
