"""The exponential moving average of the parameters over the training steps. Samples are drawn from
it."""

from torch import Tensor

__all__ = ["average", "decay_at"]


def decay_at(step: int, *, decay: float) -> float:
    """The decay at step s: min(decay, (1 + s) / (10 + s)). Early steps forget faster, so the
    average does not keep the initial weights."""
    return min(decay, (1 + step) / (10 + step))


def average(ema: Tensor, *, values: Tensor, step: int, decay: float) -> None:
    """ema <- d ema + (1 - d) values, in place."""
    ema.lerp_(values, 1 - decay_at(step, decay=decay))
