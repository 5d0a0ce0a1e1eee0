"""Starts the follower beside a driver and ends it with the driver; later sends runs that could not
be sent."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.tracking.follow import mark, waiting_for_display
from physscale.tracking.trackers import NONE, chosen_tracker

_QUIET_S = 45.0
"""Time that the follower has for each run after the driver has ended."""


@contextmanager
def following(store: Store) -> Iterator[None]:
    """Runs a follower beside the block; at the end of the block it shows the remaining runs. The
    runs continue whatever happens to the follower.

    Raises:
        UserError: for an unknown tracker.
    """
    tracker = chosen_tracker()
    if tracker == NONE:
        yield
        return
    process = _started(store, tracker=tracker, environment=os.environ)
    try:
        yield
    finally:
        code = _ended(process, store=store, tracker=tracker)
        if code:
            log = _log(store)
            print(
                f"{tracker}: the follower ended with code {code}; the runs are not affected, see "
                f"{log}",
                file=sys.stderr,
            )
        left = waiting_for_display(store, tracker=tracker, among=frozenset({"online"}))
        if tracker == "wandb" and os.environ.get("WANDB_MODE") == "online" and left:
            print(
                f"W&B: {len(left)} runs were not sent; `physscale sync {store.root.name}` sends "
                f"them, {_log(store)} says why",
                file=sys.stderr,
            )


@dataclass(frozen=True)
class Sent:
    """Fingerprints of the runs that were sent to W&B now, and of those that could not be sent."""

    sent: list[str]
    left: list[str]


def send(store: Store) -> Sent:
    """Sends the runs that have ended to W&B, except those that are there already.

    Raises:
        UserError: if there is no study.
    """
    if not store.ledger.exists():
        raise UserError(
            f"{store.root}: no ledger there; is it the right --results, and was the study run?"
        )
    unsent = waiting_for_display(store, tracker="wandb", among=frozenset({"online"}))
    for full in unsent:
        mark(store, full, tracker="wandb").unlink(missing_ok=True)
    if unsent:
        process = _started(
            store, tracker="wandb", environment=os.environ | {"WANDB_MODE": "online"}
        )
        _ended(process, store=store, tracker="wandb")
    left = waiting_for_display(store, tracker="wandb", among=frozenset({"online"}))
    return Sent([full for full in unsent if full not in left], left)


def _started(
    store: Store, *, tracker: str, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    _log(store).parent.mkdir(parents=True, exist_ok=True)
    with _log(store).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "physscale.tracking", str(store.root), tracker],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            preexec_fn=_step_back,
        )


def _ended(process: subprocess.Popen[bytes], *, store: Store, tracker: str) -> int:
    """The follower's exit code; it is killed if it shows no run for `_QUIET_S`."""
    assert process.stdin is not None
    process.stdin.close()
    left, since_s = len(waiting_for_display(store, tracker=tracker)), time.monotonic()
    while time.monotonic() - since_s < _QUIET_S:
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            now = len(waiting_for_display(store, tracker=tracker))
            if now != left:
                left, since_s = now, time.monotonic()
    process.kill()
    return process.wait()


def _log(store: Store) -> Path:
    return store.root / "tracking" / "follower.log"


def _step_back() -> None:
    """Takes the lowest priority: training comes first."""
    os.nice(19)
