"""What the workers of a given cluster get of this shell's environment: where plug-ins and weights
are. A cluster of our own inherits it."""

import os
from typing import Any

from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS, load_plugins
from physscale.run import weights

__all__ = ["FORWARDED", "check_plugins", "forwarded"]

FORWARDED = (weights.VARIABLE, PLUGINS)
"""Variables that a job gets; their paths are the cluster's."""

_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Ray's, inside `ray job submit`: the job has its environment already, and takes no second one."""

_ANSWER_S = 60.0


def forwarded() -> dict[str, Any]:
    """For `ray.init`."""
    given = {name: os.environ[name] for name in FORWARDED if os.environ.get(name)}
    return {"runtime_env": {"env_vars": given}} if given and _JOB not in os.environ else {}


def check_plugins(address: str) -> None:
    """Asks a worker whether it can import the plug-ins of this shell.

    Raises:
        UserError: if it cannot, or has others.
    """
    own = os.environ.get(PLUGINS, "")
    if not own:
        return
    import ray

    task = ray.remote(num_cpus=0, max_retries=0)(_plugins)
    try:
        theirs, fault = ray.get(task.remote(), timeout=_ANSWER_S)
    except ray.exceptions.GetTimeoutError as error:
        raise UserError(
            f"RAY_ADDRESS={address}: no worker answered in {_ANSWER_S:g} s whether it has {PLUGINS}"
        ) from error
    if theirs != own:
        fault = f"the job was submitted with {PLUGINS}={theirs!r}"
    if fault:
        raise UserError(
            f"RAY_ADDRESS={address}: its workers lack a plug-in of this shell ({fault}); install "
            "it on every node, or put its folder into PYTHONPATH before `ray start` there"
        )


def _plugins() -> tuple[str, str]:
    """What this worker was told to import, and why it cannot."""
    try:
        load_plugins()
    except UserError as error:
        return os.environ.get(PLUGINS, ""), str(error)
    return os.environ.get(PLUGINS, ""), ""
