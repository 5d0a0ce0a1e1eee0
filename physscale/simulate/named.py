"""The data set that a name means: a scenario, or one of the paper's sets, with the engine and the
length that it has by default."""

from dataclasses import replace
from typing import Any

from physscale.records.errors import UserError
from physscale.simulate.paper.listed_files import PaperFile
from physscale.simulate.paper.sets import PaperSet, listed_data
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.phyre.simulate import phyre_data
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import ENGINES
from physscale.simulate.spec import DataSpec

__all__ = ["named_data"]


def named_data(
    name: str, *, videos: int | None, frames: int = 16, seed: int = 0, engine: str | None = None
) -> DataSpec:
    """The data set of a scenario's name; a listed set of the paper and PHYRE's have their own
    frames, times and end.

    Raises:
        UserError: for an unknown scenario or engine, or more rows than a list has.
    """
    scenario = scenario_named(name)
    engines = ("box2d", "phyre") if isinstance(scenario, Phyre) else tuple(ENGINES)
    chosen: Any = engine or engines[0]
    if chosen not in engines:
        raise UserError(f"engine {chosen[:40]!r}: scenario {name!r} runs on {', '.join(engines)}")
    if isinstance(scenario, Phyre):
        return phyre_data(
            replace(scenario, seed=seed),
            videos=min(scenario.count, 1000) if videos is None else videos,
            engine=chosen,
        )
    settings: dict[str, Any] = {"engine": chosen}
    if isinstance(scenario, (PaperSet, PaperFile)):
        whole = listed_data(scenario, split="train")
        settings |= {
            "frames": whole.frames,
            "start_s": whole.start_s,
            "videos": whole.videos if videos is None else videos,
        }
    else:
        settings |= {"frames": frames, "seed": seed, "videos": 1000 if videos is None else videos}
    return DataSpec(scenario=scenario, **settings)
