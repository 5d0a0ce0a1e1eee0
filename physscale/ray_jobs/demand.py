"""Announces to Ray what a waiting run needs: an autoscaler adds nodes only for what is asked for.

A placement group asks. It would also hold what it gets, so it is removed as soon as it is placed.
Then the run asks Ray Train for the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group


@dataclass
class Demand:
    """A request that stands until it could be met."""

    group: PlacementGroup | None

    def let_go(self) -> None:
        """Gives back what the request has been given; what it found is free for the run."""
        if self.group is not None and self.group.wait(timeout_seconds=0):
            self.withdraw()

    def withdraw(self) -> None:
        """Ends the request."""
        if self.group is not None:
            remove_placement_group(self.group)
            self.group = None


@contextmanager
def demand(bundles: Sequence[dict[str, float]]) -> Iterator[Demand]:
    """The request stands inside `with`; it also ends with the process that makes it."""
    asked = Demand(placement_group(list(bundles)))
    try:
        yield asked
    finally:
        asked.withdraw()
