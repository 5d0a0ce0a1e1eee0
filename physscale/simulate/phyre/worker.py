"""A child process with the real PHYRE, as its parent sees it: tasks go in, answers come out, and
nothing is lost.

The child may die, hang or lie (`exchange.checked`). Each answer has a deadline of its own. When it
is missed, or the answer is wrong, the child is killed, a new one is started, the task at fault is
asked once more (with a line in the log) and everything that was in flight behind it is sent again.
"""

import itertools
import logging
import queue
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from physscale.simulate.phyre.environment import installed
from physscale.simulate.phyre.exchange import Answer, Fault, Task, checked, request_line

LOG = logging.getLogger(__name__)
CHILD = Path(__file__).with_name("child.py")
PIPE_BYTES = 4 << 20
IN_FLIGHT = 4
RETRIES = 1
START_S, KILL_S = 120.0, 10.0


class PhyreFailed(RuntimeError):
    """A task failed twice: the message names it and what the child did last."""


@dataclass
class _Pending:
    number: int
    task: Task
    line: bytes
    failures: int = 0


@dataclass
class PhyreWorker:
    """One child for one scene size, started at the first task; use as a context manager, or `close`
    it.

    Attributes:
        python: interpreter of the PHYRE environment; by default the one that `environment.setup`
            built.
        deadline_s: for each answer, from the previous one (or from its sending).
        script: what the child runs.
    """

    size_px: int
    python: Path | None = None
    deadline_s: float = 30.0
    script: Path = CHILD
    restarts: int = 0
    _child: "_Child | None" = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __enter__(self) -> "PhyreWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def run(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """Answers in the order of the tasks; a few tasks are in flight, so that child and parent
        work at the same time.

        Raises:
            PhyreFailed: for a task that failed twice.
        """
        pending: deque[_Pending] = deque()
        coming = iter(tasks)
        try:
            while True:
                for task in itertools.islice(coming, IN_FLIGHT - len(pending)):
                    assert task.setting.size_px == self.size_px, "one worker has one scene size"
                    pending.append(self._ask(task))
                if not pending:
                    return
                yield self._next(pending)
        finally:
            if pending:  # the caller stopped in the middle: what is in flight belongs to nobody
                self.close()

    def _ask(self, task: Task) -> _Pending:
        number = next(self._numbers)
        asked = _Pending(number, task, request_line(task, number=number))
        if self._child is not None:
            self._child.send(asked.line)
        return asked

    def _next(self, pending: deque[_Pending]) -> Answer:
        while True:
            first = pending[0]
            try:
                if self._child is None:
                    self._child = _Child(
                        self.python or installed(), script=self.script, size_px=self.size_px
                    )
                    for asked in pending:
                        self._child.send(asked.line)
                answer = checked(
                    self._child.answer(within_s=self.deadline_s), task=first.task, line=first.line
                )
            except Fault as fault:
                self._recover(first, fault)
                continue
            pending.popleft()
            return answer

    def _recover(self, asked: _Pending, fault: Fault) -> None:
        words = self._child.last_words() if self._child is not None else ""
        self.close()
        self.restarts += 1
        asked.failures += 1
        setting = asked.task.setting
        what = f"template {setting.template} scene {setting.number}: {fault}{words}"
        if asked.failures > RETRIES:
            raise PhyreFailed(what)
        LOG.warning("PHYRE child restarted, task asked again: %s", what)


class _Child:
    """The process, and a thread that reads its stream so that waiting has a deadline."""

    def __init__(self, python: Path, *, script: Path, size_px: int) -> None:
        self.words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in kill()
        self.process = subprocess.Popen(
            [str(python), str(script), str(size_px)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words,
            bufsize=PIPE_BYTES,
        )
        self.answers: queue.SimpleQueue[pa.RecordBatch | str] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, name="phyre-reader", daemon=True)
        self.reader.start()
        try:
            ready = self.answer(within_s=START_S)
        except Fault as fault:
            words = self.last_words()
            self.kill()
            raise Fault(f"{fault} at its start{words}") from None
        if ready.num_rows:
            self.kill()
            raise Fault("the stream does not open with an empty batch")

    def _read(self) -> None:
        """Every end of the stream is a fault of the child, and the waiting side learns of it."""
        try:
            with pa.ipc.open_stream(self.process.stdout) as stream:
                for batch in stream:
                    self.answers.put(batch)
            self.answers.put("the stream ended")
        except (pa.ArrowException, OSError, EOFError, ValueError) as error:
            self.answers.put(f"the stream broke ({type(error).__name__})")

    def send(self, line: bytes) -> None:
        """A child that no longer reads is noticed by its missing answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            LOG.debug("PHYRE child %d closed its input", self.process.pid)

    def answer(self, *, within_s: float) -> pa.RecordBatch:
        try:
            got = self.answers.get(timeout=within_s)
        except queue.Empty:
            raise Fault(f"no answer within {within_s:g} s") from None
        if isinstance(got, str):
            raise Fault(got)
        return got

    def last_words(self) -> str:
        self.words.seek(0)
        lines = self.words.read().decode(errors="replace").strip().splitlines()
        return f"; it said: {lines[-1][:200]}" if lines else ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(KILL_S)
        self.reader.join(KILL_S)
        for pipe in (self.process.stdin, self.process.stdout, self.words):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    LOG.debug("a request was lost with its child")
