"""A small real `RunSpec`, and an `execute` that leaves a finished run's files and counts how often it was called.

The scheduling is tested with these, so that a test of leases, kills and actors costs no training; tests of the whole job use the real one.
"""

import json
import os
import time
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

from physscale.flow.spec import FlowSpec
from physscale.model.spec import CodecSpec, DiTSpec
from physscale.records.metrics import MetricLog
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.spec import canonical
from physscale.records.store import Store, write_atomic
from physscale.render.canvas import Canvas
from physscale.run.context import Context
from physscale.run.spec import CodecRecipe, Judge, RunSpec
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.spec import DataSpec
from physscale.study.spec import Study
from physscale.train.spec import TrainSpec


def tiny_run(*, seed: int = 0, steps: int = 4, workers: int = 1, videos: int = 64) -> RunSpec:
    """A run of seconds."""
    scenario = UniformMotion()
    return RunSpec(
        data=DataSpec(scenario=scenario, videos=videos),
        canvas=Canvas(size_px=16),
        codec=CodecRecipe(spec=CodecSpec(components=8), corpus=DataSpec(scenario=scenario.still(), videos=64, frames=1, split="still")),
        model=DiTSpec(width=16, depth=1, heads=1),
        flow=FlowSpec(),
        train=TrainSpec(steps=steps, batch=8),
        judges=(Judge(kind="id", data=DataSpec(scenario=scenario, videos=8, draw="held_out", split="id")),),
        seed=seed,
        workers=workers,
    )


def tiny_study(*, runs: int = 3, steps: int = 4) -> Study:
    return Study(name="tiny", question="Does it run?", groups={"seeds": tuple(tiny_run(seed=seed, steps=steps) for seed in range(runs))})


def counting_execute(run: RunSpec, *, store: Store, context: Context) -> None:
    """Leaves one `calls/FINGERPRINT-…` file a call, and the files of a finished run."""
    calls = store.root / "calls"
    calls.mkdir(parents=True, exist_ok=True)
    (calls / f"{run.fingerprint}-{uuid.uuid4().hex}").write_text(str(os.getpid()))
    log = MetricLog(store.run(run.fingerprint).metrics)
    for step in range(1, run.train.steps + 1):
        if context.stop_requested():
            from physscale.train.stop import Preempted

            raise Preempted(f"stopped after step {step}")
        log.append(step=step, loss=1.0 / step)
        time.sleep(float(os.environ.get("PHYSSCALE_TEST_STEP_S", "0.01")))
    leave_finished(run, store=store)


def leave_finished(run: RunSpec, *, store: Store) -> None:
    """The files of a finished run, with one score row."""
    folder = store.run(run.fingerprint)
    write_atomic(folder.spec, canonical(run).encode())
    row = {
        "study": "", "run": run.fingerprint, "group": "", "split": "id", "kind": "id", "source": "model", "metric": "loss",
        "value": 1.0 / run.train.steps, "low": None, "high": None, "count": 8, "parameters": 1, "videos": run.data.videos,
        "combinations": 0, "steps": run.train.steps, "flops": 1.0, "seed": run.seed,
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row], schema=SCORES), folder.scores)
    pq.write_table(OUTCOMES.empty_table(), folder.outcomes)


def calls_of(store: Store) -> dict[str, int]:
    """How often each run was executed."""
    counts: dict[str, int] = {}
    for file in sorted((store.root / "calls").glob("*")):
        full = file.name.partition("-")[0]
        counts[full] = counts.get(full, 0) + 1
    return counts


def spec_as_json(run: RunSpec) -> object:
    return json.loads(canonical(run))
