"""What a tracked run costs: milliseconds a training step with W&B's offline files written beside
it, against the same run without.

Pairs of the same run, one after the other, in turn first; the median of the pairs' ratios. Ideal is
1: the follower is a process of its own at the lowest priority that reads files."""

import os
import statistics
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.study.spec import Study
from physscale.tracking.launch import following
from tests.sweep_doubles import drive_plainly
from tests.tiny import tiny_run

PAIRS, STEPS = 5, 2_000
TRACKED = {"WANDB_MODE": "offline", "PHYSSCALE_TRACKER": "wandb"}
ALONE = {"PHYSSCALE_TRACKER": "none"}


def run() -> dict[str, Any]:
    """Ratio: tracked ÷ alone."""
    tracked: list[float] = []
    alone: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(PAIRS):
            spec = tiny_run(seed=seed, steps=STEPS)
            order = [(TRACKED, tracked), (ALONE, alone)]
            for environment, times in order if seed % 2 else reversed(order):
                times.append(
                    milliseconds_a_step(
                        spec,
                        store=Store(Path(folder) / f"{seed}-{len(environment)}"),
                        environment=environment,
                    )
                )
    ratios = [one / other for one, other in zip(tracked, alone, strict=True)]
    note = f"median of {PAIRS} pairs; {min(ratios):.3f} to {max(ratios):.3f}"
    return {
        "name": "tracking",
        "ours": statistics.median(tracked),
        "peer": statistics.median(alone),
        "ratio": statistics.median(ratios),
        "unit": "ms/step, ours ÷ ideal",
        "note": note,
    }


def milliseconds_a_step(spec: RunSpec, *, store: Store, environment: dict[str, str]) -> float:
    """The median over the lines of the run's history."""
    with patch.dict(os.environ, environment), following(store):
        study = Study(name="tracked", question="?", groups={"all": [spec]})
        assert drive_plainly(study, store=store, execute=execute).exit_code == 0
    return statistics.median(
        line["ms_per_step"]
        for line in read_metrics(store.run(spec.fingerprint).metrics)
        if "ms_per_step" in line
    )
