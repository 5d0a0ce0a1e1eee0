"""Whether a node has to leave: a spot machine that is reclaimed, a pod that is deleted, a
cluster that shrinks.

`ray start --block` answers SIGTERM by marking its node as draining: nothing new is placed there,
and what is at work there has `RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S` (30 s) to end before it is
killed. The mark is known to the head alone, so somebody must ask."""

import threading
import time

import ray

_ASK_S = 1.0


def own_node() -> str:
    """The id of the node that this process is on."""
    return str(ray.get_runtime_context().get_node_id())


class NodeWatch:
    """Asks after some nodes again and again, in a thread of its own: training waits for no
    answer."""

    def __init__(self, *nodes: str) -> None:
        self._nodes = frozenset(nodes)
        self._leaving = threading.Event()
        threading.Thread(target=self._ask, name="node-watch", daemon=True).start()

    def leaving(self) -> bool:
        """Whether one of them must go."""
        return self._leaving.is_set()

    def _ask(self) -> None:
        while self._nodes.isdisjoint(ray._private.state.state.get_draining_nodes()):
            time.sleep(_ASK_S)
        self._leaving.set()
