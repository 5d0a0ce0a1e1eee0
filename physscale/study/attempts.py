"""What happened to the runs of a study, one line per event; and putting runs that failed or
diverged back on the list."""

import enum
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physscale.records.errors import UserError
from physscale.records.json_lines import read_lines
from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from physscale.study.plan import Row


class Retried(enum.StrEnum):
    """What may be tried again."""

    FAILED = "failed"
    DIVERGED = "diverged"

    @property
    def state(self) -> State:
        return State[self.name]


@dataclass(frozen=True)
class Event:
    """One line of the ledger that changed something; heartbeats do not."""

    time_s: float
    run: str
    state: str
    owner: str
    details: dict[str, Any]

    def __str__(self) -> str:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.time_s))
        details = "  ".join(f"{key}={value}" for key, value in self.details.items())
        gap = "  " if self.owner and details else ""
        return f"{clock}  {self.state:9}  {self.run[:12]}  {self.owner}{gap}{details}".rstrip()


def all_runs(store: Store) -> list[str]:
    """The fingerprints that the ledger knows.

    Raises:
        UserError: if there is no ledger.
    """
    runs = list(Ledger(store.ledger).entries())
    if not runs:
        raise UserError(
            f"{store.root}: no ledger there; is it the right --results, and was the study run?"
        )
    return runs


def one_run(store: Store, *, beginning: str) -> str:
    """The full fingerprint of the one run of this ledger that begins so.

    Raises:
        UserError: if no run, or more than one, begins so.
    """
    runs = all_runs(store)
    found = [run for run in runs if run.startswith(beginning)]
    if len(found) != 1:
        raise UserError(f"run {beginning[:64]!r}: {len(found)} of the {len(runs)} runs begin so")
    return found[0]


def events(store: Store, *, run: str | None = None) -> list[Event]:
    """Who took which run, when, and how it ended, oldest first; for all runs or one."""
    lines = (
        line
        for line in read_lines(store.ledger)
        if line["state"] != State.RUNNING or "claim" in line
    )
    return [_event(line) for line in lines if run is None or line["run"] == run]


def error_text(store: Store, *, run: str) -> str:
    """The whole traceback of a run's last failure; empty if it has not failed since."""
    file = store.run(run).root / "error.txt"
    return file.read_text(errors="replace") if file.exists() else ""


def follow_events(
    store: Store, *, run: str | None, shown: int, look_s: float = 1.0
) -> Iterator[Event]:
    """Events as they happen, after the first `shown`, until interrupted."""
    while True:
        new = events(store, run=run)[shown:]
        yield from new
        shown += len(new)
        time.sleep(look_s)


def to_retry(rows: Sequence[Row], *, kinds: Sequence[Retried]) -> list[Row]:
    """The runs that failed or diverged, as asked for."""
    states = {kind.state for kind in kinds}
    return [row for row in rows if row.state in states]


def retry(store: Store, *, rows: Sequence[Row]) -> None:
    """Puts them back to PLANNED. A failed run continues from its checkpoint. A diverged run starts
    from the beginning, since it would only diverge again."""
    for row in rows:
        folder = store.run(row.fingerprint)
        if row.state == State.DIVERGED:
            _remove(folder.checkpoints)
            _remove(folder.metrics)
        Ledger(store.ledger).reopen(row.fingerprint)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _event(line: dict[str, Any]) -> Event:
    owner = line.get("owner")
    details = {
        key: value
        for key, value in line.items()
        if key not in {"run", "state", "time_s", "owner", "claim"}
    }
    return Event(
        line["time_s"],
        line["run"],
        line["state"],
        f"{owner['host']} process {owner['process']}" if owner else "",
        details,
    )
