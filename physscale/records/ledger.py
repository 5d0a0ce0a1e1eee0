"""Which runs of a study are planned, running and done: an append-only file that several drivers
share.

States: PLANNED → RUNNING (held by a lease) → DONE | FAILED | DIVERGED | PREEMPTED. Exactly one DONE
per fingerprint. A lease belongs to an owner. It lapses when its process is known to be gone, or its
heartbeat is older than `STALE_S`. Times are those of the file system that all hosts share, so that
a host whose clock is wrong neither takes a living lease nor keeps a dead one."""

import enum
import functools
import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from physscale.records.errors import LeaseHeld
from physscale.records.json_lines import Folded, shared_time_s
from physscale.records.process import Process

STALE_S = 90.0
"""A lease without a heartbeat for this long is free. Heartbeats come three times as often."""


_OLD_OWNER = {"boot": None, "namespace": None}
"""What older ledgers do not say of an owner: its heartbeat alone decides."""


class State(enum.StrEnum):
    """Where a run stands."""

    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    DIVERGED = "DIVERGED"
    PREEMPTED = "PREEMPTED"


FINAL = frozenset({State.DONE, State.DIVERGED})
"""States that running again does not change: a diverged run is a result."""


@dataclass(frozen=True)
class Owner(Process):
    """Who holds a lease."""

    token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])


@dataclass(frozen=True)
class Entry:
    """The present standing of one run."""

    state: State
    time_s: float
    owner: Owner | None
    attempts: int
    details: dict[str, Any]

    def held(self, *, now_s: float) -> bool:
        """Whether a living owner works on it."""
        silent = self.state is not State.RUNNING or now_s - self.time_s > STALE_S
        return not silent and self.owner is not None and not self.owner.gone()


@dataclass(frozen=True)
class Ledger:
    """The ledger of one study."""

    path: Path

    def plan(self, runs: list[str]) -> None:
        """Record new fingerprints as PLANNED."""

        def new(entries: dict[str, Entry]) -> list[dict[str, Any]]:
            now_s = shared_time_s(self.path)
            return [_line(run, State.PLANNED, now_s=now_s) for run in runs if run not in entries]

        self._folded.append_after(new)

    def claim(self, run: str, *, owner: Owner) -> bool:
        """Take the lease of a run; False if the run is in a final state or another living owner
        holds it."""

        def decide(entries: dict[str, Entry]) -> list[dict[str, Any]]:
            entry, now_s = entries.get(run), shared_time_s(self.path)
            if entry and (
                entry.state in FINAL or (entry.held(now_s=now_s) and entry.owner != owner)
            ):
                return []
            return [_line(run, State.RUNNING, now_s=now_s, owner=owner, claim=True)]

        return bool(self._folded.append_after(decide))

    def heartbeat(self, run: str, *, owner: Owner) -> None:
        """Keeps a lease alive.

        Raises:
            LeaseHeld: if somebody else took it meanwhile.
        """
        self._append_as_owner(run, State.RUNNING, owner=owner, details={"owner": owner})

    def finish(self, run: str, state: State, *, owner: Owner, **details: Any) -> None:  # noqa: ANN401
        """End a lease in `state`, with details such as seconds or the kind of failure.

        Raises:
            LeaseHeld: if another owner took the lease meanwhile. Their result counts, not this one.
        """
        self._append_as_owner(run, state, owner=owner, details=details)

    def reopen(self, run: str) -> None:
        """Put a run back to PLANNED, whatever its state (`retry`)."""

        def anew(_: dict[str, Entry]) -> list[dict[str, Any]]:
            return [_line(run, State.PLANNED, now_s=shared_time_s(self.path), reopened=True)]

        self._folded.append_after(anew)

    def adopt(self, event: dict[str, Any]) -> None:
        """Record how a run ended in another ledger, unless it is running or has ended here."""

        def decide(entries: dict[str, Entry]) -> list[dict[str, Any]]:
            entry, now_s = entries.get(event["run"]), shared_time_s(self.path)
            settled = entry and (entry.state in FINAL or entry.held(now_s=now_s))
            return [] if settled else [event]

        self._folded.append_after(decide)

    def entries(self) -> dict[str, Entry]:
        """The present standing of every run, in the order in which they were planned. A run whose
        lease has lapsed is PREEMPTED."""
        entries = self._folded.ask(dict)
        running = [run for run, entry in entries.items() if entry.state is State.RUNNING]
        if running:
            now_s = self._now_s()
            lapsed = [run for run in running if not entries[run].held(now_s=now_s)]
            entries |= {run: replace(entries[run], state=State.PREEMPTED) for run in lapsed}
        return entries

    def _now_s(self) -> float:
        """Now, by the clock of the file system, or of this host where nothing can be written."""
        try:
            return shared_time_s(self.path)
        except OSError:
            return time.time()

    @property
    def _folded(self) -> Folded[dict[str, Entry]]:
        return _folded(self.path.absolute())

    def _append_as_owner(
        self, run: str, state: State, *, owner: Owner, details: dict[str, Any]
    ) -> None:
        def decide(entries: dict[str, Entry]) -> list[dict[str, Any]]:
            entry = entries.get(run)
            mine = entry and entry.state is State.RUNNING and entry.owner == owner
            return [_line(run, state, now_s=shared_time_s(self.path), **details)] if mine else []

        if not self._folded.append_after(decide):
            raise LeaseHeld(
                f"run {run[:12]}: the lease of process {owner.process} on {owner.host} was taken "
                "over or is closed"
            )


def _line(
    run: str,
    state: State,
    *,
    now_s: float,
    owner: Owner | None = None,
    **details: Any,  # noqa: ANN401
) -> dict[str, Any]:
    return (
        {"run": run, "state": state.value, "time_s": now_s}
        | ({"owner": asdict(owner)} if owner else {})
        | details
    )


@functools.lru_cache(maxsize=32)
def _folded(path: Path) -> Folded[dict[str, Entry]]:
    """One fold per file and process: thousands of claims read the ledger once, not once each."""
    return Folded(path, empty=dict, add=_add)


def _add(entries: dict[str, Entry], line: dict[str, Any]) -> None:
    """The last line of each run counts, with the number of claims so far."""
    details = {
        key: value
        for key, value in line.items()
        if key not in {"run", "state", "time_s", "owner", "claim"}
    }
    before = entries.get(line["run"])
    entries[line["run"]] = Entry(
        state=State(line["state"]),
        time_s=line["time_s"],
        owner=Owner(**(_OLD_OWNER | line["owner"])) if "owner" in line else None,
        attempts=(before.attempts if before else 0) + int("claim" in line),
        details=details,
    )
