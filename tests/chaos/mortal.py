"""An `execute` that is the real one until its process kills itself (`kill -9`): when the run has a
checkpoint more than at its start, or, if it is `STUCK`, before its first step."""

import os
import signal
from pathlib import Path
from typing import Any

from physscale.records.store import Store
from physscale.run.context import Context
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.train.checkpoint import folders

STUCK = 77
"""The seed of a run that never gets further."""

KILLS = 4


class Mortal:
    """A context that kills its process. `kills` has a file per kill."""

    def __init__(self, context: Context, *, checkpoints: Path, kills: Path, stuck: bool) -> None:
        self._context, self._stuck = context, stuck
        self._checkpoints, self._kills = checkpoints, kills
        self._before = folders(checkpoints)[-1:]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def stop_requested(self) -> bool:
        done = len(list(self._kills.iterdir()))
        further = folders(self._checkpoints)[-1:] != self._before
        if not self._context.rank and (self._stuck or (further and done < KILLS)):
            (self._kills / str(done)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._context.stop_requested()


def mortal_execute(run: RunSpec, *, store: Store, context: Context) -> None:
    kills = store.root / "kills" / run.fingerprint
    kills.mkdir(parents=True, exist_ok=True)
    mortal: Any = Mortal(
        context,
        checkpoints=store.run(run.fingerprint).checkpoints,
        kills=kills,
        stuck=run.seed == STUCK,
    )
    execute(run, store=store, context=mortal)
