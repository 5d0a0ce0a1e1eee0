"""Every number of a description has a range: what lies outside is refused by the plan, in one
line."""

import dataclasses
from dataclasses import dataclass, replace

import pytest

from physscale.flow.flow_spec import FlowSpec
from physscale.records.errors import UserError
from physscale.run.check import check
from physscale.run.cost import cost
from physscale.run.spec import RunSpec
from physscale.simulate.phyre.scenario import Phyre, phyre_data
from physscale.simulate.scenarios.composition import Composition
from physscale.simulate.spec import DataSpec
from tests.every_number import (
    BASES,
    beyond,
    neighbours,
    number_paths,
    scenario_bases,
    value_at,
    with_value,
)


@dataclass(frozen=True)
class Unbounded(FlowSpec):
    """An objective of a user's own, which declares no ranges for its numbers."""

    sharpness: float = 1.0
    stages: tuple[int, ...] = (1, 2)


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


@pytest.mark.parametrize("base", [*EVERY, "plug-in", "phyre", "still"])
def test_every_number_of_a_list_or_a_plug_in_has_a_range_too(base: str) -> None:
    """Colours took 10^20, and a plug-in's NaN ended the plan in a traceback."""
    plain = BASES["pca, dit, diffusion"]
    still = DataSpec(scenario=Composition().still(), videos=4)
    others = {
        "plug-in": replace(plain, objective=Unbounded()),
        "phyre": replace(plain, data=phyre_data(Phyre(), videos=4)),
        "still": replace(plain, codec=replace(plain.codec, corpus=still)),
    }
    run = others.get(base) or EVERY[base]
    for path in number_paths(run):
        for value in beyond(value_at(run, path)):
            with pytest.raises(UserError) as refused:
                with_value(run, path, value)
            assert "\n" not in str(refused.value), (path, value)
            assert len(str(refused.value)) < 400, (path, value)


@pytest.mark.parametrize("base", EVERY)
def test_any_number_is_planned_or_refused_in_one_line(base: str) -> None:
    assert accepted(base)
