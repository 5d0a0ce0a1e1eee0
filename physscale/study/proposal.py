"""The file that `python -m analysis next --budget ... --out FILE` writes, as runs of a study:
the runs that would tell most.

The analysis speaks of N, D and C; a run has a model, videos and combinations. N becomes the width
of the study's own family of models that comes nearest, D the number of videos, C that many of the
study's combinations in its own order; everything else is that of the study's nearest run. A
configuration that is proposed again, or that the study has, takes the next seed. What a study has
run of a proposal stays part of it: `run` keeps the file in `results/STUDY/next/`."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from physscale.model.backbone_spec import BackboneSpec
from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.records.given_file import read_given
from physscale.records.json_value import parsed
from physscale.records.latent_shape import BackboneShape
from physscale.records.store import Store, write_atomic
from physscale.run.cost import backbone_shape, cost
from physscale.run.spec import RunSpec
from physscale.study.design import changed
from physscale.study.spec import Study

_AXES = ("N", "D", "C")
_WIDEST = 8192
_MOST_RUNS = 10_000
_LARGEST_BYTES = 4_000_000


@dataclass(frozen=True)
class Proposal:
    """Points to run, by axis, and the groups of the study that they extend (all, if none is
    named)."""

    parameter: str
    points: tuple[dict[str, float], ...]
    only: tuple[str, ...] = ()


def read_proposal(path: Path, *, only: Sequence[str] = ()) -> Proposal:
    """What the analysis proposes.

    Raises:
        UserError: for a file that is no such proposal, or proposes an axis that runs do not have.
    """
    try:
        content = parsed(read_given(path, what="--next", at_most=_LARGEST_BYTES))
        wrapped = content if "proposal" in content else {"proposal": content, "only": list(only)}
        parameter, runs = str(wrapped["proposal"]["parameter"]), wrapped["proposal"]["runs"]
        if not 0 < len(runs) <= _MOST_RUNS:
            raise UserError(f"--next {path}: {len(runs)} runs; 1 to {_MOST_RUNS} are taken")
        points = tuple(
            {str(axis): float(value) for axis, value in run.items() if axis != "flops"}
            for run in runs
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"--next {path}: not what `python -m analysis next --out FILE` writes "
            f"({type(error).__name__})"
        ) from error
    for point in points:
        for axis, value in point.items():
            if axis not in _AXES:
                raise UserError(
                    f"--next {path}: axis {axis[:20]!r}; runs of a study have {', '.join(_AXES)}"
                )
            if not (math.isfinite(value) and value >= 1):
                raise UserError(f"--next {path}: {axis}={value:g}, must be 1 or more")
    return Proposal(parameter=parameter, points=points, only=tuple(wrapped["only"]))


def with_proposals(
    study: Study, *, store: Store, given: Path | None, only: Sequence[str] = ()
) -> Study:
    """The study with what was proposed and begun before, and with the file `given` now, each as a
    group `next-1`, `next-2`, ..."""
    files = sorted((store.root / "next").glob("*.json"))
    proposals = [read_proposal(file) for file in files]
    if given is not None:
        new = read_proposal(given, only=only)
        proposals += [] if new in proposals else [new]
    for number, proposal in enumerate(proposals, start=1):
        name = f"next-{number}"
        study = replace(study, groups={**study.groups, name: list(_runs(study, proposal))})
    return study


def keep_proposal(given: Path, *, store: Store, only: Sequence[str] = ()) -> None:
    """Makes the proposal part of the study, once."""
    folder, new = store.root / "next", read_proposal(given, only=only)
    files = sorted(folder.glob("*.json"))
    if new not in [read_proposal(file) for file in files]:
        content = {
            "proposal": {"parameter": new.parameter, "runs": list(new.points)},
            "only": list(new.only),
        }
        write_atomic(folder / f"{len(files) + 1:04d}.json", json.dumps(content, indent=1).encode())


def group_of(proposal: Path, *, study: Study, store: Store, only: Sequence[str] = ()) -> str:
    """The name of the group that this file's runs got."""
    kept = [read_proposal(file) for file in sorted((store.root / "next").glob("*.json"))]
    new = read_proposal(proposal, only=only)
    return f"next-{kept.index(new) + 1 if new in kept else len(kept) + 1}"


def _runs(study: Study, proposal: Proposal) -> Iterator[RunSpec]:
    known = study.only(proposal.only) if proposal.only else study
    candidates = [run for run in known.runs.values() if run.workers == 1]
    if len({run.test_splits for run in candidates}) != 1:
        groups = ", ".join(known.groups)
        raise UserError(
            f"--next: the runs of study {study.name} have different test splits; say whose law "
            f"it is with --only ({groups})"
        )
    taken = set(study.runs)
    for point in proposal.points:
        like = min(candidates, key=lambda run: _distance(run, point))
        one = _at(like, point=point, pairs=_longest(candidates))
        fresh = next(
            run
            for seed in itertools.count()
            if (run := changed(one, seed=seed)).fingerprint not in taken
        )
        taken.add(fresh.fingerprint)
        yield fresh


def _at(run: RunSpec, *, point: dict[str, float], pairs: tuple[Any, ...]) -> RunSpec:
    """The run at these axes."""
    if "N" in point:
        run = replace(
            run,
            model=_model(run.model, count=point["N"], shape=backbone_shape(run)),
        )
    if "D" in point:
        run = changed(run, videos=round(point["D"]))
    if "C" in point:
        if not pairs:
            raise UserError(
                f"--next: axis C, but scenario {run.data.scenario.name!r} has no combinations"
            )
        run = changed(run, coverage=pairs[: max(1, min(round(point["C"]), len(pairs)))])
    return run


@lru_cache(maxsize=4096)
def _model(like: BackboneSpec, *, count: float, shape: BackboneShape) -> BackboneSpec:
    """The model of this kind whose number of parameters is nearest in ratio; one of the named sizes
    if that is it."""
    best, least = like, math.inf
    for width in range(2, _WIDEST + 1, 2):
        try:
            model = like.at_width(width)
        except UserError:
            continue
        away = math.log(model.parameters(shape) / count)
        if abs(away) < least:
            best, least = model, abs(away)
        if away > 1:
            break
    return next((size for size in SIZES.values() if size == best), best)


def _longest(runs: Sequence[RunSpec]) -> tuple[Any, ...]:
    """The most combinations that any run is trained on, in their order; fewer combinations are its
    first ones."""
    return max((run.data.scenario.coverage for run in runs), key=len, default=())


def _distance(run: RunSpec, point: dict[str, float]) -> float:
    here = {"N": cost(run).parameters, "D": run.data.videos, "C": max(1, run.combinations)}
    return math.hypot(*(math.log(here[axis] / value) for axis, value in point.items()))
