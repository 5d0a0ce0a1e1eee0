"""Tunes learning rates and batch of a few sizes of a study, before any law is fitted; size after
size: interrupted, it goes on."""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physscale.ray_jobs.apart import apart, say_lost
from physscale.records.errors import ClusterLost, Preempted, UserError
from physscale.records.leaving import Stopped
from physscale.records.scratch import scratch_folder, stop_mark
from physscale.records.store import Store
from physscale.run.cost import cost
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.scheduling.signals import stop_signals
from physscale.study.spec import Study
from physscale.study.tuned import Tuned, TunedSize, read_tuned, write_tuned

if TYPE_CHECKING:
    from physscale.ray_jobs.search import Found, Space

RATES = {"learning_rate": (1e-4, 3e-2), "muon_learning_rate": (1e-3, 2e-1)}
"""Where to look; widened to hold the recipe's own."""

_EDGE = 0.1
"""Share of the searched range, in logarithms, that counts as its edge."""


def to_tune(study: Study, *, sizes: int) -> list[RunSpec]:
    """One run a width, of at most so many widths, spread evenly over the study's: the one with the
    most videos, on one worker.

    Raises:
        UserError: if there is no run of one worker, or fewer than one size is asked for.
    """
    if sizes < 1:
        raise UserError(f"--sizes {sizes}: at least 1")
    alone = [run for run in study.runs.values() if run.workers == 1]
    if not alone:
        raise UserError(f"study {study.name}: no run of one worker to tune on")
    widths = sorted({run.model.width for run in alone})
    at = sorted(
        {round(place) for place in np.linspace(0, len(widths) - 1, min(sizes, len(widths)))}
    )
    return [
        max(
            (run for run in alone if run.model.width == widths[place]),
            key=lambda run: run.data.videos,
        )
        for place in at
    ]


def tuning_flops(runs: Sequence[RunSpec], *, trials: int) -> float:
    """What the tuning costs at most: ASHA stops about two of three trials early."""
    return trials * sum(cost(run).flops for run in runs)


def tune_study(
    study: Study,
    *,
    runs: Sequence[RunSpec],
    trials: int,
    store: Store,
    machine: Machine,
    out: Path,
    say: Callable[[str], None],
) -> Tuned:
    """Tunes what `out` does not hold yet, with so many trials each, and writes it after every size.

    Raises:
        Stopped: after a signal. Sizes whose trials have all ended are kept.
        UserError: for fewer than two trials, a trial that failed, or a place that cannot be
            written.
        ClusterLost: if Ray died again and again.
    """
    if trials < 2:
        raise UserError(f"--trials {trials}: at least 2, the first is the recipe's own")
    before = read_tuned(out) if out.exists() else Tuned(study.name, ())
    if before.study != study.name:
        raise UserError(
            f"--out {out}: it holds the rates of study {before.study[:40]!r}; name another file"
        )
    known = {size.run: size for size in before.sizes}
    sizes = {run.fingerprint: known.get(run.fingerprint) for run in runs}
    with (
        scratch_folder(store.root.absolute(), name="tune") as scratch,
        stop_signals(stop_mark(scratch).touch) as caught,
    ):
        for run in runs:
            size = sizes[run.fingerprint]
            if size is None or size.trials < trials:
                try:
                    found = _found(
                        run,
                        trials=trials,
                        store=store,
                        machine=machine,
                        scratch=scratch,
                        caught=caught,
                    )
                except (Preempted, ClusterLost) as error:
                    if caught:
                        raise Stopped(caught[0], f"{error}; the same command goes on") from None
                    raise
                size = sizes[run.fingerprint] = _best(run, found=found)
                write_tuned(out, Tuned(study.name, tuple(filter(None, sizes.values()))))
                if found.failed:
                    say(f"width {size.width}: {len(found.failed)} failed: {found.failed[0]}")
            say(summary(size))
            if caught:
                raise Stopped(caught[0])
    return Tuned(study.name, tuple(filter(None, sizes.values())))


def _found(
    run: RunSpec,
    *,
    trials: int,
    store: Store,
    machine: Machine,
    scratch: Path,
    caught: Sequence[int],
) -> "Found":
    """What the search finds, in a process that talks to Ray for this one. If Ray dies, the search
    begins again, unless a signal was `caught`."""
    log, width = store.root / "ray.log", run.model.width
    for losses in itertools.count(1):
        work = partial(
            _search,
            run,
            trials=trials,
            store=store,
            machine=machine,
            mark=stop_mark(scratch),
            place=scratch / f"search-{losses}",
        )
        try:
            return apart(work, log=log)
        except ClusterLost as lost:
            if caught:
                raise ClusterLost(f"width {width}: Ray has died ({lost}; see {log})") from lost
            say_lost(
                lost,
                losses=losses,
                log=log,
                unchanged=f"width {width} was not tuned",
                then=f"the search at width {width} begins again",
            )
    raise AssertionError("it ends by a return or by the last loss")


def _search(
    run: RunSpec, *, trials: int, store: Store, machine: Machine, mark: Path, place: Path
) -> "Found":
    """In the process that talks to Ray."""
    from physscale.ray_jobs.search import search  # starts in seconds

    return search(
        run,
        space=_space(run),
        trials=trials,
        store=store,
        machine=machine,
        mark=mark,
        place=place,
    )


def summary(size: TunedSize) -> str:
    """One line: what was found, and what it is worth."""
    edge = f"; at the edge of what was searched: {', '.join(size.at_edge)}" if size.at_edge else ""
    rates = (
        f"learning_rate {size.learning_rate:.3g}  "
        f"muon_learning_rate {size.muon_learning_rate:.3g}  batch {size.batch}"
    )
    losses = f"loss {size.loss:.4g}, the recipe's {size.recipe_loss:.4g}"
    return f"width {size.width}: {rates}  {losses} ({size.trials} trials{edge})"


def _space(run: RunSpec) -> "Space":
    from physscale.ray_jobs.search import Space

    names = [name for name in RATES if name == "learning_rate" or run.train.optimiser == "muon"]
    rates = {
        name: (
            min(RATES[name][0], getattr(run.train, name)),
            max(RATES[name][1], getattr(run.train, name)),
        )
        for name in names
    }
    batch = run.train.batch
    return Space(rates, batches=tuple(sorted({max(1, batch // 2), batch, 2 * batch})))


def _best(run: RunSpec, *, found: "Found") -> TunedSize:
    """The best of the whole trials; the first of them has the recipe's own values.

    Raises:
        UserError: if the recipe's own trial is not among them.
    """
    whole = [trial for trial in found.trials if trial.whole]
    if not whole or not math.isclose(
        whole[0].values["learning_rate"], run.train.learning_rate, rel_tol=1e-9
    ):
        why = found.failed[0] if found.failed else "it did not end"
        raise UserError(f"width {run.model.width}: the recipe's own trial failed: {why}")
    best = min(whole, key=lambda trial: trial.loss)
    values = best.values
    space = _space(run)
    edges = [
        name
        for name, (low, high) in space.rates.items()
        if not _EDGE < math.log(values[name] / low) / math.log(high / low) < 1 - _EDGE
    ]
    edges += ["batch"] * (
        values["batch"] in (space.batches[0], space.batches[-1]) and len(space.batches) > 1
    )
    return TunedSize(
        width=run.model.width,
        learning_rate=float(f"{values['learning_rate']:.4g}"),
        muon_learning_rate=float(
            f"{values.get('muon_learning_rate', run.train.muon_learning_rate):.4g}"
        ),
        batch=int(values["batch"]),
        loss=best.loss,
        recipe_loss=whole[0].loss,
        trials=len(found.trials) + len(found.failed),
        at_edge=tuple(edges),
        run=run.fingerprint,
    )
