"""Starts the W&B follower beside a driver and ends it with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from physscale.records.store import Store

_LAST_RUNS_S = 120.0


@contextmanager
def following(store: Store) -> Iterator[None]:
    """A follower is at work inside; on leaving it logs what is left. Whatever happens to it, the runs go on.

    `WANDB_MODE=disabled` starts none.
    """
    if os.environ.get("WANDB_MODE") == "disabled":
        yield
        return
    folder = store.root / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "follower.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "physscale.tracking.follow", str(store.root)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_step_back,
        )
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            code = process.wait(_LAST_RUNS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code:
            print(f"W&B: the follower ended with code {code}; the runs are not affected, see {folder / 'follower.log'}", file=sys.stderr)


def _step_back() -> None:
    """Lowest priority: training goes first."""
    os.nice(19)
