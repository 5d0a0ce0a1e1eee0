"""The exponential moving average of the parameters over the training steps. Samples are drawn from
it: ema <- d ema + (1 - d) values."""

__all__ = ["new_share"]


def new_share(step: int, *, decay: float) -> float:
    """1 - d at step s, with d = min(decay, (1 + s) / (10 + s)). Early steps forget faster, so the
    average does not keep the initial weights."""
    return 1 - min(decay, (1 + step) / (10 + step))
