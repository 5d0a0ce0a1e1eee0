"""Every number of a description has a range: what lies outside is refused by the plan, in one line,
and what the plan accepts can be carried out."""

import contextlib
import dataclasses
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.run.check import check
from physscale.run.context import PlainContext
from physscale.run.cost import cost
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.train.guard import Diverged
from tests.every_number import (
    BASES,
    neighbours,
    number_paths,
    scenario_bases,
    value_at,
    with_value,
)

EVERY = BASES | {f"scenario {name}": run for name, run in scenario_bases().items()}
PARTS = {
    "pca, dit, diffusion": [field.name for field in dataclasses.fields(RunSpec)],
    "vae": ["codec"],
    "pixels, unet": ["model"],
    "next frame": ["objective"],
    "text": ["model"],
}
"""Whose numbers are changed; of a scenario's run, those of the scenario."""
MOST = 64
"""Of steps, videos and videos of a batch, in a run that a test carries out."""


def accepted(base: str) -> list[RunSpec]:
    """The runs with one number changed that a plan accepts."""
    found = []
    for path in number_paths(EVERY[base]):
        if path[0] not in PARTS.get(base, ["data"]) or path[1:3] == ("corpus", "scenario"):
            continue
        for value in neighbours(value_at(EVERY[base], path)):
            try:
                run = with_value(EVERY[base], path, value)
                check(run)
            except UserError as error:
                said = str(error)
                assert "\n" not in said, (path, value, said)
                assert len(said) < 400, (path, value, said)
                continue
            assert run.fingerprint, (path, value)
            assert 0 <= cost(run).flops < float("inf"), (path, value)
            found.append(run)
    return found


@pytest.mark.parametrize("base", EVERY)
def test_any_number_is_planned_or_refused_in_one_line(base: str) -> None:
    assert accepted(base)


@pytest.mark.slow
@pytest.mark.parametrize("base", EVERY)
def test_what_a_plan_accepts_can_be_carried_out(base: str, tmp_path: Path) -> None:
    distinct = {run.fingerprint: run for run in accepted(base) if short(run)}
    for full, run in distinct.items():
        with contextlib.suppress(Diverged):
            execute(run, store=Store(tmp_path / full), context=PlainContext())


def short(run: RunSpec) -> bool:
    """Whether the run takes about a second."""
    training = run.codec.training
    counts = [run.train.steps, run.train.batch, run.data.videos]
    counts += [split.data.videos for split in run.test_splits]
    counts += [training.steps, training.batch] if training else []
    spent = cost(run)
    return (
        max(counts) <= MOST
        and run.codec.corpus.videos * run.codec.corpus.frames < 3000
        and run.workers == 1
        and spent.flops < 1e10
        and spent.parameters < 1e6
    )
