"""Scenarios by name, for command lines and tests that run over all of them."""

from physscale.records.errors import UserError
from physscale.simulate.paper.listed_files import PaperFile
from physscale.simulate.paper.presets import PRESETS
from physscale.simulate.paper.sets import PaperSet
from physscale.simulate.phyre.ambiguity import PhyreAmbiguity
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.phyre.sets import PHYRE_SETS
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.attributes import Attributes
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.composition import Composition
from physscale.simulate.scenarios.gap import AmbiguousGap
from physscale.simulate.scenarios.holes import CollisionHoles
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.still import StillDiscs
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.scenarios.wall import SpatialComposition, TemporalComposition
from physscale.simulate.spec import SCENARIOS

for _kind in (
    UniformMotion,
    Collision,
    Parabola,
    Composition,
    Attributes,
    CollisionHoles,
    SpatialComposition,
    TemporalComposition,
    AmbiguousGap,
    PaperSet,
    PaperFile,
    StillDiscs,
    Phyre,
    PhyreAmbiguity,
):
    SCENARIOS.register(_kind)


def scenario_names() -> tuple[str, ...]:
    """The scenarios whose name alone means a data set."""
    return tuple(_by_name())


def _by_name() -> dict[str, type[Scenario]]:
    return {kind.name: kind for kind in SCENARIOS.entries().values() if kind.by_name}


def scenario_named(name: str) -> Scenario:
    """The scenario of this name at its default values, or the paper's data set of this name
    (`presets.PRESETS`, `phyre.sets.PHYRE_SETS`).

    Raises:
        UserError: for a name that is none.
    """
    if name in PRESETS:
        return PRESETS[name]
    if name in PHYRE_SETS:
        return PHYRE_SETS[name]
    drawn = _by_name()
    if name not in drawn:
        named = ", ".join(sorted((*drawn, *PHYRE_SETS)))
        raise UserError(
            f"scenario {name[:80]!r} is unknown; there are {named}, and {len(PRESETS)} named sets "
            f"as {', '.join(list(PRESETS)[:4])}"
        )
    return drawn[name]()
