"""The coming steps' batches, made by a thread while the device computes.

Reading, encoding, drawing noise and copying depend on no weight. The thread makes them in the order
of the steps, `AHEAD` of the training at most, so it changes no bit. On a GPU it has a stream of its
own: its copies and kernels run beside those of the step."""

import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from queue import Full, Queue
from types import TracebackType

import torch
from torch import Tensor

from physscale.flow.objective import Share
from physscale.train.parallel import Workers
from physscale.train.step import part_of
from physscale.train.task import TrainTask

__all__ = ["Prefetch", "moved"]

AHEAD = 2
"""Batches that wait. One hides a step's host work; the second, a slow read."""

_LOOK_S = 0.1


class Prefetch(AbstractContextManager["Prefetch"]):
    """This worker's shares of the steps from `start` on; `next` takes them one by one. What the
    thread raises is raised there, in place of the share that it was making."""

    def __init__(self, task: TrainTask, *, start: int, workers: Workers) -> None:
        self._shares = _shares(task, start=start, workers=workers)
        self._lane = _Lane() if task.device == "cuda" else None
        self._ready: Queue[Share | BaseException] = Queue(AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)

    def __enter__(self) -> "Prefetch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def __next__(self) -> Share:
        made = self._ready.get()
        if isinstance(made, BaseException):
            raise made
        if self._lane is not None:
            self._lane.taken(made)
        return made

    def _work(self) -> None:
        with ExitStack() as stack:
            stack.enter_context(nullcontext() if self._lane is None else self._lane)
            stack.callback(self._shares.close)  # a stream of Ray's must be left before its cluster
            while not self._ended.is_set():
                try:
                    made: Share | BaseException = next(self._shares)
                    if self._lane is not None:
                        self._lane.made()
                except StopIteration:
                    return
                except BaseException as error:  # raised in the training
                    made = error
                self._hand_over(made)
                if isinstance(made, BaseException):
                    return

    def _hand_over(self, made: Share | BaseException) -> None:
        while not self._ended.is_set():
            try:
                self._ready.put(made, timeout=_LOOK_S)
            except Full:
                continue
            return


class _Lane:
    """The thread's stream on the GPU of the thread that makes this.

    A share's memory belongs to this stream, and the step that reads it runs on another. So a share
    that was taken is kept until this stream waits for its step; only then may its memory become
    another's."""

    def __init__(self) -> None:
        self._number = torch.cuda.current_device()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._training = torch.cuda.current_stream()
        self._stream.wait_stream(self._training)
        self._last: Share | None = None
        self._read: Queue[tuple[torch.cuda.Event, Share]] = Queue()
        self._within = ExitStack()

    def __enter__(self) -> None:
        self._within.enter_context(torch.cuda.device(self._number))
        self._within.enter_context(torch.cuda.stream(self._stream))

    def __exit__(self, *_: object) -> None:
        self._within.close()

    def made(self) -> None:
        """The thread has made a share: wait until it is there, and for the steps that are launched,
        before their shares are let go."""
        self._stream.synchronize()
        while not self._read.empty():
            event, share = self._read.get()
            self._stream.wait_event(event)
            del share

    def taken(self, share: Share) -> None:
        """The training takes a share; the launched steps have read the one before."""
        if self._last is not None:
            self._read.put((self._training.record_event(), self._last))
        self._last = share


def _shares(task: TrainTask, *, start: int, workers: Workers) -> Generator[Share, None, None]:
    """What each step learns from, up to the last."""
    train, objective = task.train, task.objective.build()
    batches = task.latents.batches(start, seed=task.seed, batch=train.batch, workers=workers)
    for step in range(start, train.steps):
        x0 = moved(next(batches), device=task.device)
        read = None
        if task.conditioning is not None:
            told = task.conditioning.batch(step, seed=task.seed, batch=train.batch, workers=workers)
            read = moved(told, device=task.device)
        part = part_of(step=step, seed=task.seed, train=train, workers=workers)
        yield objective.draw(x0, part=part, conditioning=read)


def moved(tensor: Tensor, *, device: str) -> Tensor:
    """On the device, by way of pinned memory, which it reads by itself."""
    if device != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
