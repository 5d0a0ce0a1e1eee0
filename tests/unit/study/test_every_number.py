"""Every number of a description has a range: what lies outside is refused by the plan, in one
line."""

import dataclasses

import pytest

from physscale.records.errors import UserError
from physscale.run.check import check
from physscale.run.cost import cost
from physscale.run.spec import RunSpec
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
