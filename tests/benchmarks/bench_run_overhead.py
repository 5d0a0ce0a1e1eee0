"""Seconds that a run costs beyond its own work, on a warm local cluster: our reused trials against
a trainer nested in every trial.

The peer is what Ray's documentation shows: a Tune function that builds a `TorchTrainer` of one
worker. Both execute the very same run; its own work is timed in this process."""

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import ray.train
import ray.train.torch
from ray import tune

from physscale.ray_jobs.cluster import cluster
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.spec import Study
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

OURS, PEERS = 8, 3


def run() -> dict[str, Any]:
    """Ratio: nested ÷ ours."""
    with tempfile.TemporaryDirectory() as folder, cluster(dashboard="yes"):
        own_s = statistics.median(
            timed(tiny_run(seed=seed), store=Store(Path(folder) / "plain")) for seed in range(4)
        )
        ours_s = (
            per_run([tiny_run(seed=seed) for seed in range(OURS)], root=Path(folder) / "ours")
            - own_s
        )
        nested_s = (
            per_nested_run(
                [tiny_run(seed=seed) for seed in range(PEERS)], root=Path(folder) / "peer"
            )
            - own_s
        )
    note = f"one run at a time; the run itself takes {own_s:.2f} s"
    return {
        "name": "run_overhead",
        "ours": ours_s,
        "peer": nested_s,
        "ratio": nested_s / max(ours_s, 0.01),
        "unit": "s/run",
        "note": note,
    }


def timed(spec: RunSpec, *, store: Store) -> float:
    begun_s = time.perf_counter()
    execute(spec, store=store, context=PlainContext())
    return time.perf_counter() - begun_s


def per_run(runs: list[RunSpec], *, root: Path) -> float:
    """Our sweep: seconds per run, between the ends of the first and the last run."""
    study = Study(name="ours", question="?", groups={"all": runs})
    ending = drive(
        study,
        store=Store(root),
        backend="ray",
        machine=Machine(concurrency=1),
        execute=execute,
        watch=no_watch,
    )
    assert ending.exit_code == 0
    return between_ends([Store(root).run(spec.fingerprint).scores for spec in runs])


def per_nested_run(runs: list[RunSpec], *, root: Path) -> float:
    """The plain nesting, timed in the same way."""
    trial = tune.with_resources(partial(nested, runs=runs, root=str(root)), {"cpu": 0.01})
    space = {"position": tune.grid_search(list(range(len(runs))))}
    only_one = tune.TuneConfig(max_concurrent_trials=1)
    results = tune.Tuner(
        trial,
        param_space=space,
        tune_config=only_one,
        run_config=tune.RunConfig(name="nested", storage_path=str(root), verbose=0),
    ).fit()
    assert not results.errors
    return between_ends([Store(root).run(spec.fingerprint).scores for spec in runs])


def nested(config: dict[str, Any], *, runs: list[RunSpec], root: str) -> None:
    spec = runs[config["position"]]
    scaling = ray.train.ScalingConfig(num_workers=1, resources_per_worker={"CPU": 0.5})
    storage = ray.train.RunConfig(name=spec.fingerprint[:12], storage_path=f"{root}/train")
    ray.train.torch.TorchTrainer(
        work,
        train_loop_config={"spec": spec, "root": root},
        scaling_config=scaling,
        run_config=storage,
    ).fit()
    tune.report({"done": 1})


def work(config: dict[str, Any]) -> None:
    execute(config["spec"], store=Store(Path(config["root"])), context=PlainContext())


def between_ends(files: list[Path]) -> float:
    ends_s = sorted(file.stat().st_mtime for file in files)
    return (ends_s[-1] - ends_s[0]) / (len(ends_s) - 1)
