"""Runs on Weights & Biases: online if `WANDB_MODE=online` and the server answers, else as offline
files.

The W&B id is the run's fingerprint, so a run that continues or is sent again is the same W&B run. A
new offline session replaces an unfinished one. Online, W&B reports the last step it has, and only
later steps are sent."""

import os
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from physscale.records.errors import UserError, one_line
from physscale.records.spec import short
from physscale.tracking.display import Session, ShownRun

PROJECT = "physscale"
_LONGEST = 128
_ANSWER_S = 15.0
"""Time that a server has to answer before the run stays offline."""


def project() -> str:
    """The W&B project: `WANDB_PROJECT`, else `physscale`.

    Raises:
        UserError: for a name that W&B would refuse when the runs are under way.
    """
    name = os.environ.get("WANDB_PROJECT") or PROJECT
    if len(name) > _LONGEST or not name.isprintable() or set(name) & set("/\\#?%:"):
        raise UserError(
            f"WANDB_PROJECT={name[:80]!r}: at most {_LONGEST} letters, none of / \\ # ? % :"
        )
    return name


class WeightsAndBiases:
    """The tracker `wandb`."""

    name = "wandb"

    def __init__(self, mode: str) -> None:
        self._mode = mode

    def open(self, run: ShownRun) -> Session:
        import wandb

        if self._mode == "online":
            reason = _why_not(wandb.setup().settings.base_url)
            try:
                if reason is None:
                    return _Session(_begin(run, mode="online"), where="online")
            except wandb.errors.UsageError as error:
                reason = one_line(error)
            print(
                f"not online: {reason}; the runs stay offline from now on",
                file=sys.stderr,
                flush=True,
            )
            self._mode = "offline"
        for stale in run.root.glob(f"wandb/offline-run-*-{short(run.fingerprint)}"):
            shutil.rmtree(stale)
        return _Session(_begin(run, mode="offline"), where="offline")


def _why_not(server: str) -> str | None:
    """Why the server cannot be used; None if it answers. W&B itself would retry for minutes."""
    asked = urllib.request.Request(
        f"{server}/graphql",
        data=b'{"query": "query { viewer { id } }"}',
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=_ANSWER_S):
            return None
    except OSError as error:  # HTTP errors, refusals, time-outs
        return f"{server}: {type(error).__name__}: {error}"


class _Session:
    def __init__(self, session: Any, *, where: str) -> None:  # noqa: ANN401 - a wandb.Run
        self._session = session
        self._where = where

    @property
    def first_step(self) -> int:
        return int(self._session.starting_step)

    def log(self, values: Mapping[str, float | str], *, step: int) -> None:
        self._session.log(dict(values), step=step)

    def finish(self, summary: Mapping[str, float], *, videos: Mapping[str, Path]) -> str:
        import wandb

        if videos:
            self._session.log(
                {
                    f"videos/{split}": wandb.Video(str(file), format="mp4")
                    for split, file in videos.items()
                }
            )
        self._session.summary.update(dict(summary))
        return self._where if self._ended() else "offline"

    def leave(self) -> None:
        self._ended(exit_code=1)

    def _ended(self, **how: int) -> bool:
        """Whether everything has arrived. What has not is still in the run's files."""
        try:
            self._session.finish(**how)
        except TimeoutError:
            return False
        return True


def _begin(run: ShownRun, *, mode: Literal["online", "offline"]) -> Any:  # noqa: ANN401 - a wandb.Run
    import wandb

    return wandb.init(
        project=project(),
        id=short(run.fingerprint),
        name=run.label,
        group=run.study,
        job_type=run.group or None,
        config=run.config,
        dir=str(run.root),
        mode=mode,
        resume="allow" if mode == "online" else None,
        reinit="create_new",
        settings=wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            x_disable_meta=True,
            disable_git=True,
            save_code=False,
            init_timeout=_ANSWER_S,
            login_timeout=_ANSWER_S,
            finish_timeout=_ANSWER_S,
            finish_timeout_raises=True,
            x_graphql_timeout_seconds=_ANSWER_S,
            x_file_stream_timeout_seconds=_ANSWER_S,
            x_file_transfer_timeout_seconds=_ANSWER_S,
        ),
    )
