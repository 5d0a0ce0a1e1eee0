"""An average of the parameters over the training steps, exponentially forgetting: what is sampled
from."""

from torch import Tensor

__all__ = ["average", "decay_at"]


def decay_at(step: int, *, decay: float) -> float:
    """Ramped: early steps forget faster, so that the start is not remembered. min(decay, (1 + s) /
    (10 + s))."""
    return min(decay, (1 + step) / (10 + step))


def average(ema: Tensor, *, values: Tensor, step: int, decay: float) -> None:
    """ema <- d ema + (1 - d) values, in place."""
    ema.lerp_(values, 1 - decay_at(step, decay=decay))
