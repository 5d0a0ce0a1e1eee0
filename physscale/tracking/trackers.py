"""Which tracker shows the runs: `PHYSSCALE_TRACKER` names it, `wandb` by default; `none` shows
nothing.

A plug-in adds a tracker by `TRACKERS.register(TrackerKind(...))`."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from physscale.records.errors import UserError
from physscale.records.registry import Registry
from physscale.tracking.display import Tracker
from physscale.tracking.weights_and_biases import WeightsAndBiases, project

__all__ = ["NONE", "TRACKERS", "TrackerKind", "chosen_tracker"]

NONE = "none"


@dataclass(frozen=True)
class TrackerKind:
    """A tracker that can be chosen.

    Attributes:
        name: the value of `PHYSSCALE_TRACKER`.
        open: makes the tracker, and imports its library.
        enabled: whether the environment lets it show anything.
    """

    name: str
    open: Callable[[], Tracker]
    enabled: Callable[[], bool] = lambda: True


TRACKERS: Registry[TrackerKind] = Registry(
    "tracker", name_of=lambda kind: kind.name, built_in="physscale.tracking.trackers"
)
"""Every tracker, by name."""


def chosen_tracker() -> str:
    """The name of the chosen tracker; `none` where it is disabled.

    Raises:
        UserError: for a name that nothing registered.
    """
    name = os.environ.get("PHYSSCALE_TRACKER", "wandb")
    if name == NONE:
        return NONE
    known = TRACKERS.entries()
    if name not in known:
        raise UserError(
            f"PHYSSCALE_TRACKER={name[:40]!r}: there are {', '.join([*known, NONE])}; "
            "PHYSSCALE_PLUGINS names the module of another one"
        )
    return name if known[name].enabled() else NONE


def _wandb() -> Tracker:
    return WeightsAndBiases(os.environ.get("WANDB_MODE", "offline"))


def _tensorboard() -> Tracker:
    from physscale.tracking.tensorboard import TensorBoard

    return TensorBoard()


def _wandb_enabled() -> bool:
    if os.environ.get("WANDB_MODE") == "disabled":
        return False
    project()  # refused before a run begins
    return True


TRACKERS.register(TrackerKind("wandb", open=_wandb, enabled=_wandb_enabled))
TRACKERS.register(TrackerKind("tensorboard", open=_tensorboard))
