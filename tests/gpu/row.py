"""A row of the GPU table: what only a GPU can prove, and when it passes.

A row runs the project's own code on a `Bench`. At full scale it measures; at the tiny scale it runs
the same code within seconds on any device, so that a row is known to work before a GPU meets it.
Speeds and memory have no meaning there and are left out."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import torch

__all__ = ["Bench", "Measure", "NotHere", "Reading", "Row"]

Scale = Literal["full", "tiny"]


class NotHere(Exception):
    """This machine lacks what the row needs."""


@dataclass(frozen=True)
class Bench:
    """Where a row is measured, and a folder that is its own."""

    device: Literal["cpu", "cuda"]
    scale: Scale
    folder: Path

    @property
    def tiny(self) -> bool:
        return self.scale == "tiny"

    def settle(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object], *, times: int) -> float:
        """The median wall time of one call, each until the device is done; the first two are not
        counted."""
        taken = []
        for _ in range(times + 2):
            self.settle()
            begun_s = time.perf_counter()
            work()
            self.settle()
            taken.append(time.perf_counter() - begun_s)
        return median(taken[2:])

    def peak_bytes(self, work: Callable[[], object]) -> float:
        """The most bytes that torch holds on the card during the call; NaN on a CPU."""
        if self.device == "cpu":
            work()
            return float("nan")
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        work()
        torch.cuda.synchronize()
        return float(torch.cuda.max_memory_allocated())


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One figure, and the limits that it must keep to; without limits it only informs."""

    name: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    @property
    def passed(self) -> bool:
        """A value that is not a number passes no limit."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        mark = "" if self.passed else " (!)"
        return f"{self.name} {self.value:.3g}{' ' + self.unit if self.unit else ''}{mark}"


Measure = Callable[[Bench], Iterable[Reading]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """`item` says what is compared, `passes` when the row passes."""

    name: str
    item: str
    passes: str
    measure: Measure
