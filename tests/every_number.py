"""Every number of a run's description, and runs with another value in its place."""

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from physscale.codec.kinds import PixelSpec
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_spec import VaeSpec
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.model.conditioning_spec import TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.unet_spec import UNetSpec
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.spec import SCENARIOS
from tests.tiny import tiny_run

Path = tuple[str | int, ...]

_RUN = tiny_run(steps=2, videos=4)
_VAE = VaeSpec(widths=(8, 8), latent_channels=2)
BASES: dict[str, RunSpec] = {
    "pca, dit, diffusion": _RUN,
    "vae": replace(
        _RUN,
        codec=replace(
            _RUN.codec, spec=_VAE, training=VaeTraining(steps=2, batch=2, frames=2, warmup_steps=1)
        ),
    ),
    "pixels, unet": replace(
        _RUN,
        codec=replace(_RUN.codec, spec=PixelSpec()),
        model=UNetSpec(width=4, levels=2),
    ),
    "next frame": replace(_RUN, objective=AutoregressiveSpec()),
    "text": replace(
        _RUN,
        model=DiTSpec(
            width=8,
            depth=1,
            heads=1,
            conditioning="text",
            text=TextSpec(tokens=96, width=8, depth=1, heads=1),
        ),
    ),
}


def scenario_bases() -> dict[str, RunSpec]:
    """A run of every scenario that has default values."""
    kinds = [kind for kind in SCENARIOS.entries().values() if kind.by_name]
    found = {}
    for kind in kinds:
        scenario: Any = kind()
        data = replace(_RUN.data, scenario=scenario, engine="")
        held = replace(data, draw="held_out", split="held")
        splits = (TestSplit(kind="id", data=held),)
        found[scenario.name] = replace(_RUN, data=data, test_splits=splits)
    return found


def number_paths(owner: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all numbers below a dataclass or tuple, but those chosen from a list."""
    if dataclasses.is_dataclass(owner):
        hints = typing.get_type_hints(type(owner))
        for field in dataclasses.fields(owner):
            if typing.get_origin(hints[field.name]) is typing.Literal:
                continue
            yield from number_paths(getattr(owner, field.name), (*path, field.name))
    elif isinstance(owner, tuple):
        for place, item in enumerate(owner):
            yield from number_paths(item, (*path, place))
    elif isinstance(owner, (int, float)) and not isinstance(owner, bool):
        yield path


def beyond(number: int | float) -> tuple[int | float, ...]:
    """Values that no field of this type can mean."""
    if isinstance(number, int):
        return (10**20, -(10**20))
    return (1e300, -1e300, float("inf"), float("nan"))


def value_at(owner: Any, path: Path) -> Any:
    """The value in this place."""
    for key in path:
        owner = owner[key] if isinstance(key, int) else getattr(owner, key)
    return owner


def with_value(owner: Any, path: Path, value: int | float) -> Any:
    """The same description with another number in this place."""
    if not path:
        return value
    key, *rest = path
    if isinstance(key, int):
        return (*owner[:key], with_value(owner[key], tuple(rest), value), *owner[key + 1 :])
    return replace(owner, **{key: with_value(getattr(owner, key), tuple(rest), value)})


def neighbours(number: int | float) -> tuple[int | float, ...]:
    """Values that a person may write in its place, by mistake or on purpose."""
    if isinstance(number, int):
        return (0, 1, 2, 3, -1, 10**9, 10**20)
    nan, inf = float("nan"), float("inf")
    return (0.0, 1.0, -1.0, 1e-300, 1e6, 1e300, inf, -inf, nan)
