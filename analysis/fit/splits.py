"""A table of runs, split by split: fits, verdicts corrected over all splits, and predictions of
held-out levels."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.data.configurations import configurations
from analysis.data.table import Runs
from analysis.fit.fit import Fit, fit
from analysis.fit.paired import pair
from analysis.fit.selection import DRAWS, HoldOut, hold_out
from analysis.laws.law import Law
from analysis.verdict.verdict import Verdict, decide, holm


@dataclass(frozen=True)
class SplitFit:
    """One split: its runs and what is known of them."""

    name: str
    runs: Runs
    fit: Fit
    verdicts: list[Verdict]
    hold_outs: list[HoldOut]

    @property
    def scales(self) -> bool:
        """Whether the response falls along any axis. Without that, a surface and its frontier mean
        nothing."""
        return any(verdict.falls for verdict in self.verdicts)


def fit_splits(
    law: Law,
    *,
    runs: Runs,
    delta: float | None,
    floor: float | None,
    bootstrap: int,
    seed: int,
    with_profile: bool = True,
    with_hold_out: bool = True,
) -> list[SplitFit]:
    """Fits the law to each split alone, with resamples that all splits share. A ratio has neither
    verdicts nor hold-outs.

    Raises:
        UserError: if a split cannot determine the law.
    """
    parts = runs.splits()
    ratio = law.response == "ratio"
    decided = {name: [] for name in parts} if ratio else verdicts(parts)
    shared = pair(parts, draws=bootstrap, seed=seed) or {}
    found = []
    for name, part in parts.items():
        fitted = fit(
            law,
            columns=part.axes,
            response=part.response,
            delta=delta,
            floor=floor,
            bootstrap=bootstrap,
            seed=seed,
            with_profile=with_profile,
            count=part.count,
            resamples=shared.get(name),
        )
        held = (
            hold_outs(law, runs=part, delta=delta, floor=floor)
            if with_hold_out and not ratio
            else []
        )
        found.append(SplitFit(name, part, fitted, decided[name], held))
    return found


def verdicts(parts: Mapping[str, Runs], *, margin: float = 0.10) -> dict[str, list[Verdict]]:
    """Verdicts of every split and axis, corrected over all of them."""
    owners, single = [], []
    for name, part in parts.items():
        points = configurations(part.axes, part.response)
        for axis in part.axes:
            owners.append(name)
            single.append(decide(points, axis=axis, margin=margin))
    found: dict[str, list[Verdict]] = {name: [] for name in parts}
    for name, verdict in zip(owners, holm(single), strict=True):
        found[name].append(verdict)
    return found


def hold_outs(
    law: Law, *, runs: Runs, delta: float | None, floor: float | None, draws: int = DRAWS
) -> list[HoldOut]:
    """The largest levels of every axis of the law, predicted from the others."""
    found: list[HoldOut] = []
    for axis in law.axes:
        found += hold_out(
            law,
            columns=runs.axes,
            response=runs.response,
            axis=axis,
            draws=draws,
            delta=delta,
            floor=floor,
        )
    return found
