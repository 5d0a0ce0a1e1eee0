"""Which tracker shows the runs: `PHYSSCALE_TRACKER` is `wandb` (the default), `tensorboard` or
`none`."""

import os

from physscale.records.errors import UserError
from physscale.tracking.display import Tracker

TRACKERS = ("wandb", "tensorboard", "none")


def chosen_tracker() -> str:
    """The tracker's name; `WANDB_MODE=disabled` is `none`.

    Raises:
        UserError: for a name that there is not.
    """
    name = os.environ.get("PHYSSCALE_TRACKER", "wandb")
    if name not in TRACKERS:
        raise UserError(f"PHYSSCALE_TRACKER={name[:40]!r}: there are {', '.join(TRACKERS)}")
    return "none" if name == "wandb" and os.environ.get("WANDB_MODE") == "disabled" else name


def tracker_named(name: str) -> Tracker:
    """The tracker itself; loads its library."""
    if name == "tensorboard":
        from physscale.tracking.tensorboard import TensorBoard

        return TensorBoard()
    from physscale.tracking.weights_and_biases import WeightsAndBiases

    return WeightsAndBiases(os.environ.get("WANDB_MODE", "offline"))
