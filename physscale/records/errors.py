"""What can go wrong for a user, one class an exit code: a message is one line that names the key,
the value and what to do.

`Diverged` and `Preempted` are the two ways in which a training ends early without a fault of its
code."""


class UserError(Exception):
    """A wrong key, value, name or folder: nothing was started, nothing half-written."""

    exit_code = 2


class LeaseHeld(UserError):
    """Another living process works on the same run or study."""

    exit_code = 3


class Unschedulable(UserError):
    """The cluster can never hold what was asked for; the message carries the arithmetic."""

    exit_code = 4


class DamagedData(UserError):
    """A file is torn, altered or of a foreign format; no value of it was used."""

    exit_code = 5


class Diverged(Exception):
    """The loss or the gradient is no longer finite; the step was not taken."""


class Preempted(Exception):
    """Someone asked to stop; a checkpoint is written, and the same call goes on from it."""
