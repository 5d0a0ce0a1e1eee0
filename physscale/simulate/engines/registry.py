"""The engines that move bodies, by name. Each refuses, in one line, what it cannot move."""

from collections.abc import Callable
from dataclasses import dataclass

from physscale.records.registry import Registry
from physscale.simulate.batch import Trace


@dataclass(frozen=True)
class Engine:
    """One engine.

    Attributes:
        run: `run(batch, *, time_s)` gives the states at these times. It raises `UserError` for
            bodies that it cannot move.
    """

    name: str
    run: Callable[..., Trace]


def _name_of(engine: Engine) -> str:
    return engine.name


ENGINES: Registry[Engine] = Registry(
    "engine", name_of=_name_of, built_in="physscale.simulate.engines.built_in"
)
