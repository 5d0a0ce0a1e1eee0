"""Saving a training while it goes on.

At a save every worker copies its part to the host and goes on training; a thread of its own writes
the copy. The first worker completes the folder once all parts are written. The vote that all
workers hold before each step says so, and says when minutes have passed or a thread has failed, so
saving costs a step no message of its own."""

import json
import logging
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from physscale.records.errors import UserError, cannot_write
from physscale.records.parts import complete, unfinished, write_part
from physscale.records.store import remove_folder
from physscale.train.checkpoint import folder_of, folders, recipe
from physscale.train.parallel import Workers
from physscale.train.same_folder import SEEN_WITHIN_S
from physscale.train.snapshot import Snapshot
from physscale.train.spec import CHECKPOINTS_KEPT
from physscale.train.step import TrainState
from physscale.train.stored import FORMAT, Tensors, write_tensors
from physscale.train.task import TrainTask

__all__ = ["Asked", "Saving"]

_LAST_LOOK_S = 2.0
"""After an exception: how long the first worker waits for parts of others, which may be dead."""

_SAID_BYTES = 300


@dataclass(frozen=True)
class Asked:
    """What all workers were asked for, after one vote: the same on each."""

    stop: bool
    save: bool


class Saving:
    """The checkpoints of one training, from its first step here to its last. Every worker calls
    every method. Leaving it by an exception finishes what was begun, or says in the log that it is
    lost."""

    def __init__(
        self, state: TrainState, *, task: TrainTask, workers: Workers, resumed: bool
    ) -> None:
        """`resumed`: the state comes from a checkpoint."""
        self._task, self._workers = task, workers
        self._parts = state.weights.parts(workers)
        self._token = workers.gathered(os.urandom(4))[0].hex()
        self._snapshot = Snapshot()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._job: Future[None] | None = None
        self._incomplete: Path | None = None
        self._step, self._saved, self._time_s = state.step, resumed, time.monotonic()

    def asked(self, *, step: int, stop: bool) -> Asked:
        """One vote before a step. The first worker's clock decides when minutes have passed.

        Raises:
            UserError: on every worker, when one could not write.
        """
        passed_s = time.monotonic() - self._time_s
        stop, due, writing, failed = self._workers.votes(
            stop,
            self._workers.rank == 0 and passed_s >= 60 * self._task.checkpoint_minutes,
            self._job is not None and not self._job.done(),
            self._error() is not None,
        )
        if failed:
            self._settle()
        if not writing:
            self._complete(patience_s=SEEN_WITHIN_S)
        due |= step % self._task.checkpoint_every == 0
        return Asked(stop=stop, save=due and step > self._step)

    def save(self, state: TrainState) -> None:
        """Copy the state after `state.step` steps, unless that is saved already; a thread writes
        it. Waits first for the save before.

        Raises:
            UserError: on every worker, when one could not write that one.
        """
        if self._saved and state.step == self._step:
            return
        self.finish()
        self._step, self._saved, self._time_s = state.step, True, time.monotonic()
        self._incomplete = folder_of(self._task, step=state.step)
        if self._workers.rank < self._parts:
            self._job = self._thread.submit(
                self._write,
                unfinished(self._incomplete, token=self._token),
                tensors=self._snapshot.take(state.weights.tensors()),
                losses=state.losses[: state.step].detach().cpu().clone(),
            )

    def finish(self) -> None:
        """Wait until the last save is complete on the disk.

        Raises:
            UserError: on every worker, when one could not write.
        """
        if self._incomplete is not None:
            self._settle()
            self._complete(patience_s=SEEN_WITHIN_S)
        self._settle()

    def __enter__(self) -> "Saving":
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self._wait()
            if self._error() is None:
                self._complete(patience_s=_LAST_LOOK_S)
            self._wait()
            lost = self._error()
            if lost is not None and lost is not error:
                logging.getLogger(__name__).error("the last save is lost: %s", lost)
        self._thread.shutdown()

    def _write(self, temporary: Path, *, tensors: Tensors, losses: Tensor) -> None:
        """This worker's part; with the first one's, what is no tensor of the model."""
        self._snapshot.wait()
        part, parts = self._workers.rank, self._parts

        def files(folder: Path) -> list[Path]:
            written = write_tensors(folder, tensors, part=part, parts=parts)
            if part:
                return written
            described = {
                "format": FORMAT,
                "step": len(losses),
                "parts": parts,
                "recipe": recipe(self._task),
                "run": self._task.run,
            }
            state, history = folder / "state.json", folder / "losses.safetensors"
            state.write_text(json.dumps(described, indent=1))
            safetensors.torch.save_file({"losses": losses}, history)
            return [*written, state, history]

        with _said_plainly(temporary):
            write_part(temporary, part=part, write=files)

    def _complete(self, *, patience_s: float) -> None:
        """Every part is written: the first worker's thread makes the folder visible."""
        path, self._incomplete = self._incomplete, None
        if path is not None and self._workers.rank == 0:
            self._job = self._thread.submit(self._publish, path, patience_s=patience_s)

    def _publish(self, path: Path, *, patience_s: float) -> None:
        temporary = unfinished(path, token=self._token)
        with _said_plainly(path):
            complete(temporary, path=path, parts=self._parts, patience_s=patience_s)
            for old in folders(self._task.checkpoints)[:-CHECKPOINTS_KEPT]:
                remove_folder(old)

    def _wait(self) -> None:
        if self._job is not None:
            wait([self._job])

    def _error(self) -> BaseException | None:
        return self._job.exception() if self._job is not None and self._job.done() else None

    def _settle(self) -> None:
        """Wait for the threads of all workers. When one failed, its error is raised there and said
        by all others."""
        self._wait()
        error = self._error()
        said = "" if error is None else f"{type(error).__name__}: {error}"
        every = self._workers.gathered(said.encode()[:_SAID_BYTES].ljust(_SAID_BYTES))
        failed = [rank for rank, text in enumerate(every) if text.strip()]
        if not failed:
            return
        self._incomplete = None
        if error is not None:
            raise error
        said = every[failed[0]].decode(errors="replace").strip()
        raise UserError(f"worker {failed[0]}: {said}")


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    """A disk that is full or read-only, in one line."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise cannot_write(path, error) from error
