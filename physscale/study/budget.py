"""Keeps a plan inside a budget of FLOPs or hours, and says what was left out.

Additional seeds go first: the most expensive, from the configurations with the most seeds. When
every configuration has one seed left, runs go by price ÷ worth. A run is worth Σ over its axes 1 /
(runs left on its level), so the last run of a level is the last to go. Any budget left then buys
seeds back, the cheapest first. Finished runs cost nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from physscale.records.errors import UserError
from physscale.records.ledger import FINAL
from physscale.study.axes import configuration, levels
from physscale.study.plan import Row
from physscale.study.spec import Study


@dataclass(frozen=True)
class Kept:
    """What of a study stays inside the budget.

    Attributes:
        said: one line: the limit, what stays and what was left out.
    """

    study: Study
    left_out: tuple[str, ...]
    said: str


def within_flops(study: Study, *, rows: Sequence[Row], flops: float) -> Kept:
    """The runs whose FLOPs together stay within `flops`.

    Raises:
        UserError: if not even the cheapest missing run does.
    """
    _check(flops, option="--budget")
    kept = _kept(study, rows=rows, prices=[row.flops for row in rows], limit=flops)
    spent = sum(row.flops for row in rows if row.state not in FINAL and row.fingerprint in kept)
    return _within(study, rows=rows, kept=kept, begins=f"--budget {flops:g}: {spent:.3g} FLOPs")


def within_hours(
    study: Study, *, rows: Sequence[Row], hours: float, at_a_time: Mapping[int, int]
) -> Kept:
    """The runs that end within `hours` when `at_a_time[workers]` runs of that many workers run in
    parallel.

    Raises:
        UserError: if not even the shortest missing run does.
    """
    _check(hours, option="--hours")
    limit_s = 3600 * hours
    prices = [
        row.estimated_s / at_a_time[row.workers] if row.estimated_s <= limit_s else np.inf
        for row in rows
    ]
    kept = _kept(study, rows=rows, prices=prices, limit=limit_s)
    spent_s = sum(
        price
        for row, price in zip(rows, prices, strict=True)
        if row.state not in FINAL and row.fingerprint in kept
    )
    return _within(
        study, rows=rows, kept=kept, begins=f"--hours {hours:g}: about {spent_s / 3600:.3g} h"
    )


def _check(amount: float, *, option: str) -> None:
    if not (amount > 0 and np.isfinite(amount)):
        raise UserError(f"{option} {amount}: give a positive number")


def _within(study: Study, *, rows: Sequence[Row], kept: set[str], begins: str) -> Kept:
    out = [row for row in rows if row.fingerprint not in kept]
    missing = [row for row in rows if row.state not in FINAL]
    if missing and len(out) == len(missing):
        cheapest = min(missing, key=lambda row: row.flops)
        raise UserError(
            f"{begins.partition(':')[0]}: not even {cheapest.label} fits ({cheapest.flops:.3g} "
            f"FLOPs, {cheapest.estimated_s:g} s)"
        )
    names = {full: configuration(run) for full, run in study.runs.items()}
    stay = {names[full] for full in kept}
    seeds = sum(names[row.fingerprint] in stay for row in out)
    gone = {names[row.fingerprint] for row in out} - stay
    words = f"{begins} of {len(kept)} of {len(rows)} runs"
    if out:
        words += (
            f"; left out {len(out)}: {seeds} further seeds of kept configurations, {len(gone)} "
            "configurations whole"
        )
    groups = {
        name: [run for run in runs if run.fingerprint in kept]
        for name, runs in study.groups.items()
    }
    return Kept(
        study=study.with_groups({name: runs for name, runs in groups.items() if runs}),
        left_out=tuple(row.fingerprint for row in out),
        said=words,
    )


def _kept(study: Study, *, rows: Sequence[Row], prices: Sequence[float], limit: float) -> set[str]:
    """The fingerprints that stay."""
    free = np.array([row.state in FINAL for row in rows])
    price = np.where(free, 0.0, np.array(prices))
    table = [
        {
            "configuration": configuration(study.runs[row.fingerprint]),
            **levels(study.runs[row.fingerprint]),
        }
        for row in rows
    ]
    codes = {
        axis: np.unique([str(entry[axis]) for entry in table], return_inverse=True)[1]
        for axis in table[0]
    }
    same = codes.pop("configuration")
    kept = ~np.isinf(price)
    while price[kept].sum() > limit:
        paid = kept & (price > 0)
        replicates = np.bincount(same, weights=kept)[same]
        most = replicates[paid].max()
        if most > 1:
            order = np.where(paid & (replicates == most), price, -1.0)
        else:
            worth = sum(
                1.0 / np.maximum(np.bincount(code, weights=kept)[code], 1)
                for code in codes.values()
            )
            order = np.where(paid, price / worth, -1.0)
        # among equals the last goes: seeds and sizes are listed in ascending order
        kept[len(order) - 1 - int(np.argmax(order[::-1]))] = False
    _fill(kept, price=price, same=same, left=limit - float(price[kept].sum()))
    return {row.fingerprint for row, stays in zip(rows, kept, strict=True) if stays}


def _fill(kept: np.ndarray, *, price: np.ndarray, same: np.ndarray, left: float) -> None:
    """Adds back the runs that still fit, the cheapest first, while the numbers of seeds of the kept
    configurations differ by at most one."""
    while True:
        replicates = np.bincount(same, weights=kept)
        waiting = np.bincount(same, weights=~kept) > 0
        fewest = replicates[(replicates > 0) & waiting].min(initial=np.inf)
        fits = ~kept & (price <= left) & (replicates[same] <= fewest)
        if not fits.any():
            return
        cheapest = int(np.argmin(np.where(fits, price, np.inf)))
        kept[cheapest] = True
        left -= float(price[cheapest])
