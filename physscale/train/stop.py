"""The two ways in which a training ends early without a fault of its code (read without torch)."""

__all__ = ["Diverged", "Preempted"]


class Diverged(Exception):
    """The loss or the gradient is no longer finite; the step was not taken."""


class Preempted(Exception):
    """Someone asked to stop; a checkpoint is written, and the same call goes on from it."""
