"""Whether torch sees the GPUs that the nodes of a cluster promise."""

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from physscale.records.errors import Unschedulable
from physscale.scheduling.gpus import visible_gpus, why_none

SHOW_ALL = {"env_vars": {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}}
"""A task that asks for no GPU, so that it never waits for one, sees those of its node."""


def check_nodes() -> None:
    """Asks torch on every node that promises GPUs. Where NCCL finds none, Ray Train would start its
    workers again and again.

    Raises:
        Unschedulable: for the first node where torch sees none.
    """
    promising = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU")]
    asked = [
        _look.options(
            num_cpus=0,
            runtime_env=SHOW_ALL,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        ).remote()
        for node in promising
    ]
    for node, reason in zip(promising, ray.get(asked), strict=True):
        if reason:
            raise Unschedulable(
                f"node {node['NodeManagerAddress']} promises {node['Resources']['GPU']:g} GPU and "
                f"torch sees none there: {reason}; repair that, or choose another --machine"
            )


@ray.remote  # type: ignore[untyped-decorator]  # Ray is untyped here
def _look() -> str:
    return "" if visible_gpus() else why_none()
