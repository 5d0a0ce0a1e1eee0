"""The data set that a name stands for: a scenario or one of the paper's sets, with its default
engine and length."""

from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.spec import DataSpec


def named_data(
    name: str,
    *,
    videos: int | None = None,
    frames: int | None = None,
    seed: int = 0,
    engine: str | None = None,
) -> DataSpec:
    """The data set of this name. By default it has the scenario's own engine, clock and number of
    videos.

    Raises:
        UserError: for an unknown scenario or engine, or more rows than a list has.
    """
    scenario, data_seed = scenario_named(name).seeded(seed)
    clock = scenario.clock
    return DataSpec(
        scenario=scenario,
        videos=scenario.default_videos if videos is None else videos,
        frames=clock.frames if frames is None else frames,
        interval_s=clock.interval_s,
        start_s=clock.start_s,
        seed=data_seed,
        engine=engine or "",
    )
