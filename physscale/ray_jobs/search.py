"""Optuna through Ray Tune with ASHA (arXiv 1810.05934): the learning rates and batch size with
the least held-out loss.

Trials are compared at equal compute: twice the batch takes half the steps. After a ninth and a
third of its videos a trial goes on only if it is among the best third so far. The recipe's own
values are the first trial and are never stopped, so that what is found is no worse."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch

from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.watchdog import StopMark
from physscale.records.errors import Preempted, one_line
from physscale.records.spec import short
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.spec import RunSpec
from physscale.scheduling.arithmetic import Arithmetic, prepare
from physscale.scheduling.gpus import HIDDEN, Device
from physscale.scheduling.resources import Machine, slots

NINTHS = (1, 3, 9)
DIVERGED_LOSS = 1e6
"""The loss that stands for one that is not finite."""


@dataclass(frozen=True)
class Space:
    """Where to search: rates between two ends, batch sizes from a list."""

    rates: Mapping[str, tuple[float, float]]
    batches: tuple[int, ...]


@dataclass(frozen=True)
class Trial:
    """One finished trial; `whole`: trained to its end."""

    values: dict[str, float]
    loss: float
    whole: bool


@dataclass(frozen=True)
class Found:
    """What a search leaves: the trials that ended, those at the recipe's values first, and why the
    others failed."""

    trials: list[Trial]
    failed: list[str]


def candidate(run: RunSpec, values: Mapping[str, float]) -> RunSpec:
    """The run at these values, for as many videos as before."""
    batch = int(values["batch"])
    steps = max(1, round(run.train.steps * run.train.batch / batch))
    rates: dict[str, Any] = {name: value for name, value in values.items() if name != "batch"}
    return replace(run, train=replace(run.train, batch=batch, steps=steps, **rates))


def search(
    run: RunSpec,
    *,
    space: Space,
    trials: int,
    store: Store,
    machine: Machine,
    mark: Path,
    place: Path,
    seed: int = 0,
) -> Found:
    """Tries `trials` candidates, the run itself first. Tune's files go to `place`.

    Raises:
        Preempted: if the file `mark` appeared, which asks to end.
        Unschedulable: if not even one fits.
    """
    recipe = {name: float(getattr(run.train, name)) for name in space.rates} | {
        "batch": run.train.batch
    }
    domains = {name: tune.loguniform(*ends) for name, ends in space.rates.items()} | {
        "batch": tune.choice(list(space.batches))
    }
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(4, trials // 3))
    with cluster(machine) as nodes:
        schedule = slots(machine, nodes=nodes)
        optuna_search = OptunaSearch(
            domains, metric="loss", mode="min", points_to_evaluate=[recipe], sampler=sampler
        )
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(
                    _trial,
                    run=run,
                    recipe=recipe,
                    root=store.root.absolute(),
                    threads=machine.threads,
                    arithmetic=machine.arithmetic,
                    device=machine.device(),
                ),
                {"cpu": schedule.run_cpus}
                | ({"gpu": machine.run_gpus} if machine.run_gpus else {}),
            ),
            tune_config=tune.TuneConfig(
                search_alg=ConcurrencyLimiter(
                    optuna_search, max_concurrent=min(schedule.concurrency, trials)
                ),
                scheduler=ASHAScheduler(
                    time_attr="ninths",
                    metric="loss",
                    mode="min",
                    max_t=9,
                    grace_period=1,
                    reduction_factor=3,
                ),
                num_samples=trials,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=short(run.fingerprint),
                storage_path=str(place),
                verbose=0,
                stop=StopMark(mark),
            ),
        )
        results = tuner.fit()
    found = [
        _candidate_trial(result, names=[*space.rates, "batch"])
        for result in results
        if result.metrics and "loss" in result.metrics
    ]
    if mark.exists():
        whole = sum(trial.whole for trial in found)
        raise Preempted(f"width {run.model.width}: stopped, {whole} of {trials} trials were whole")
    return Found(
        sorted(found, key=lambda trial: not same(trial.values, recipe)),
        failed=[one_line(error)[-200:] for error in results.errors],
    )


def same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two points of the space are the same."""
    return all(math.isclose(one[name], other[name], rel_tol=1e-9) for name in other)


def _candidate_trial(result: Any, *, names: list[str]) -> Trial:  # noqa: ANN401 - Ray is untyped here
    return Trial(
        {name: result.config[name] for name in names},
        result.metrics["loss"],
        whole=result.metrics["ninths"] == max(NINTHS),
    )


def _trial(
    config: dict[str, Any],
    *,
    run: RunSpec,
    recipe: dict[str, float],
    root: Path,
    threads: int,
    arithmetic: Arithmetic,
    device: Device,
) -> None:
    """Trains one candidate, in a process of Tune."""
    if device == "cpu":
        os.environ.update(HIDDEN)
    from physscale.records.errors import Diverged
    from physscale.run.trial import rungs

    prepare(threads=threads, arithmetic=arithmetic)
    ninths = (max(NINTHS),) if same(config, recipe) else NINTHS
    try:
        for rung in rungs(
            candidate(run, config),
            store=Store(root),
            context=PlainContext(device=device),
            shares=[count / 9 for count in ninths],
        ):
            loss = rung.loss if math.isfinite(rung.loss) else DIVERGED_LOSS
            tune.report({"loss": loss, "ninths": round(9 * rung.share)})
    except Diverged:
        tune.report({"loss": DIVERGED_LOSS, "ninths": max(NINTHS)})
