"""An `execute` that leaves a finished run's files and counts how often it was called.

Scheduling is tested with it, so that a test of leases, kills and actors costs no training; tests of
the whole job use the real one."""

import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from physscale.records.errors import Diverged, Preempted
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.store import Store, write_atomic
from physscale.run.context import Context
from physscale.run.spec import RunSpec
from physscale.scheduling.attempt import Execute
from physscale.scheduling.resources import Machine
from physscale.study.drive import Ending, drive
from physscale.study.spec import Study
from tests.tiny import tiny_run

STEP_S = "PHYSSCALE_TEST_STEP_S"
"""Seconds a step of the counting execute."""

FAILING_SEED, DIVERGING_SEED = 13, 14


def tiny_study(*, seeds: range = range(3), steps: int = 4) -> Study:
    return Study(
        name="tiny",
        question="Does it run?",
        groups={"seeds": tuple(tiny_run(seed=seed, steps=steps) for seed in seeds)},
    )


def counting_execute(run: RunSpec, *, store: Store, context: Context) -> None:
    """Leaves one `calls/FINGERPRINT-...` file a call, and the files of a finished run; some seeds
    end otherwise."""
    calls = store.root / "calls"
    calls.mkdir(parents=True, exist_ok=True)
    (calls / f"{run.fingerprint}-{uuid.uuid4().hex}").write_text(str(os.getpid()))
    log = MetricLog(store.run(run.fingerprint).metrics)
    for step in range(1, run.train.steps + 1):
        if context.stop_requested():
            raise Preempted(f"stopped after step {step}")
        if run.seed == FAILING_SEED:
            raise RuntimeError("this seed fails,\non two lines")
        if run.seed == DIVERGING_SEED:
            raise Diverged("the loss is not finite")
        log.append(step=step, loss=1.0 / step)
        time.sleep(float(os.environ.get(STEP_S, "0.01")))
    leave_finished(run, store=store)


def leave_finished(run: RunSpec, *, store: Store) -> None:
    """The files of a finished run, with one score row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from physscale.run.execute import run_record

    folder = store.run(run.fingerprint)
    write_atomic(folder.spec, json.dumps(run_record(run)).encode())
    row = {
        "study": "",
        "run": run.fingerprint,
        "group": "",
        "split": "id",
        "kind": "id",
        "source": "model",
        "metric": "loss",
        "value": 1.0 / run.train.steps,
        "low": None,
        "high": None,
        "count": 8,
        "parameters": 1,
        "videos": run.data.videos,
        "combinations": 0,
        "steps": run.train.steps,
        "flops": 1.0,
        "seed": run.seed,
    }
    pq.write_table(pa.Table.from_pylist([row], schema=SCORES), folder.scores)
    pq.write_table(OUTCOMES.empty_table(), folder.outcomes)


def calls_of(store: Store) -> dict[str, int]:
    """How often each run was executed."""
    counts: dict[str, int] = {}
    for file in sorted((store.root / "calls").glob("*")):
        full = file.name.partition("-")[0]
        counts[full] = counts.get(full, 0) + 1
    return counts


def no_watch() -> None:
    """Nobody looks on."""


def drive_plainly(study: Study, *, store: Store, execute: Execute) -> Ending:
    """The plain back end of this machine, and nobody looks on."""
    return drive(
        study, store=store, backend="plain", machine=Machine(), execute=execute, watch=no_watch
    )


def finish(store: Store, *, runs: Mapping[str, RunSpec]) -> None:
    """Files and ledger as if these runs were done."""
    owner = Owner()
    for full, run in runs.items():
        Ledger(store.ledger).claim(full, owner=owner)
        leave_finished(run, store=store)
        store.run(full).metrics.write_text('{"step": 1, "loss": 1.0}\n')
        Ledger(store.ledger).finish(full, State.DONE, owner=owner, seconds=1.0)


@dataclass
class Stopper:
    """Asks to stop at the n-th question, and whenever it is asked again."""

    left: int

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0
