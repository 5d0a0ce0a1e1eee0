"""What can go wrong for a user, one class per exit code. A message is one line that names the key,
the value and what to do.

`Diverged` and `Preempted` end a training early without a bug in the code."""


class UserError(Exception):
    """A wrong key, value, name or folder: nothing was started, nothing half-written."""

    exit_code = 2


class LeaseHeld(UserError):
    """Another living process works on the same run or study."""

    exit_code = 3


class Unschedulable(UserError):
    """The cluster can never provide what was asked for; the message gives the arithmetic."""

    exit_code = 4


class DamagedData(UserError):
    """A file is torn, altered or of a foreign format; no value of it was used."""

    exit_code = 5


def cannot_write(path: object, error: OSError) -> UserError:
    """The refusal for a file that the system would not write."""
    return UserError(
        f"cannot write {path}: {error.strerror}; choose another place with --results, or make this "
        "one writable"
    )


def one_line(error: BaseException) -> str:
    """The message on one line, at most 300 characters of it."""
    return " ".join(str(error).split())[:300]


class Diverged(Exception):
    """The loss or the gradient is no longer finite; the step was not taken."""


class Preempted(Exception):
    """Someone asked to stop. A checkpoint is written, and the same call continues from it."""
