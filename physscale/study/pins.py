"""The versions that a job was submitted with. The cluster must have them too; otherwise the job
ends before it begins.

`physscale submit` writes them into the job's environment. Another torch rounds losses differently,
and another Ray may not be able to talk to the head: both are reported in one line at the start."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from physscale.records.errors import UserError
from physscale.records.json_value import parsed

VARIABLE = "PHYSSCALE_PINS"
PACKAGES = ("ray", "torch", "numpy", "pyarrow")


def present() -> dict[str, str]:
    """What this Python has; Python itself by its minor version, which is what Ray's workers must
    share."""
    return {"python": ".".join(platform.python_version_tuple()[:2])} | {
        name: _version(name) for name in PACKAGES
    }


def check_pins() -> None:
    """Compares with the versions that the job was submitted with, if it was.

    Raises:
        UserError: naming the first that differ.
    """
    if VARIABLE not in os.environ:
        return
    wanted, here = parsed(os.environ[VARIABLE]), present()
    other = [
        f"{name} {here[name]} instead of {wanted[name]}"
        for name in here
        if wanted.get(name, here[name]) != here[name]
    ]
    if other:
        raise UserError(
            f"this cluster has {', '.join(other)}: install requirements.lock there, or submit "
            "with --any-versions"
        )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
