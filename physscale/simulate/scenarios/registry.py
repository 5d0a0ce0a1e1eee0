"""Scenarios by name, for command lines and tests that run over all of them."""

from physscale.records.errors import UserError
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.composition import Composition
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.spec import Scenario

SCENARIOS: dict[str, type] = {kind.name: kind for kind in (UniformMotion, Collision, Parabola, Composition)}


def scenario_named(name: str) -> Scenario:
    """The scenario of this name at its default values.

    Raises:
        UserError: for a name that is none.
    """
    if name not in SCENARIOS:
        raise UserError(f"scenario {name[:80]!r} is unknown; there are {', '.join(sorted(SCENARIOS))}")
    chosen: Scenario = SCENARIOS[name]()
    return chosen
