"""Runs on TensorBoard, which needs no account: `tensorboard --logdir results/STUDY/tensorboard`
shows them live.

The files are written by tensorboardX, a dependency of Ray Tune. A new session writes the run again
from its files."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from physscale.records.spec import short
from physscale.tracking.display import Session, ShownRun


class TensorBoard:
    """The tracker `tensorboard`."""

    name = "tensorboard"

    def open(self, run: ShownRun) -> Session:
        folder = (
            run.root / "tensorboard" / "-".join(filter(None, (run.group, short(run.fingerprint))))
        )
        shutil.rmtree(folder, ignore_errors=True)
        writer = SummaryWriter(str(folder), flush_secs=5)
        writer.add_text(
            "run", f"{run.label}\n\n```json\n{json.dumps(run.config, indent=1)}\n```", 0
        )
        return _Session(writer)


class _Session:
    first_step = 0

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer
        self._step = 0

    def log(self, values: Mapping[str, float | str], *, step: int) -> None:
        self._step = step
        for key, value in values.items():
            if isinstance(value, (int, float)) and key != "time_s":
                self._writer.add_scalar(
                    f"train/{key}", value, step, walltime=float(values.get("time_s", 0.0)) or None
                )

    def finish(self, summary: Mapping[str, float], *, videos: Mapping[str, Path]) -> str:
        for key, value in summary.items():
            self._writer.add_scalar(key, value, self._step)
        if videos:
            self._writer.add_text(
                "videos",
                "\n\n".join(f"{split}: {file}" for split, file in videos.items()),
                self._step,
            )
        self._writer.close()
        return "offline"

    def leave(self) -> None:
        self._writer.close()
