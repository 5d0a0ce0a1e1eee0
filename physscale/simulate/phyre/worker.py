"""A child process with the real PHYRE, seen from the parent: tasks go in, answers come out, and nothing gets lost.

The child may die, hang or lie. Each answer must come within a deadline of its own, must name the request that it answers, must carry the
digest of its own payload, and its first states must be where this side's arithmetic puts the bodies. Otherwise the child is killed, a new
one is started, the task at fault is asked once more (with a line in the log) and everything that was in flight behind it is sent again.
"""

import hashlib
import itertools
import json
import logging
import queue
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt8

from physscale.simulate.phyre.environment import installed
from physscale.simulate.phyre.parts import RedBall, Setting
from physscale.simulate.phyre.place import WALL, placed

LOG = logging.getLogger(__name__)
CHILD = Path(__file__).with_name("child.py")
PIPE_BYTES = 4 << 20
IN_FLIGHT = 4
RETRIES = 1
START_S, KILL_S = 120.0, 10.0
PLACE_TOLERANCE_PX = 1e-6

Want = Literal["images", "velocities"]


class PhyreFailed(RuntimeError):
    """A task failed twice: the message names it and what the child did last."""


class _Fault(Exception):
    """What was wrong with a child or its answer."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One simulation. Frame k is the state after step 1 + k·stride of 1/60 s.

    Attributes:
        want: "images" for palette bytes, "velocities" for velocities and unwrapped angles (a pass of its own); poses always come.
    """

    setting: Setting
    ball: RedBall
    frames: int = 32
    stride: int = 20
    want: tuple[Want, ...] = ("images",)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What PHYRE made of a task; bodies in the scene's order, the red ball last, lengths in px, y up.

    Attributes:
        pose: x, y, angle; without "velocities" the angle is taken modulo 2π.
        velocity: their rates over the last step, px/s and rad/s; None where not asked for.
        palette: zstd blob of palette bytes, None where not asked for; see `palette_frames`.
    """

    task: Task
    pose: Float[np.ndarray, "frames bodies 3"]
    velocity: Float[np.ndarray, "frames bodies 3"] | None
    palette: bytes | None


def palette_frames(answer: Answer) -> UInt8[np.ndarray, "frames height width"]:
    """The frames as palette indices 0 … 6 (`rows.PALETTE`), row 0 on top."""
    assert answer.palette is not None, "this task did not ask for images"
    side = answer.task.setting.size_px
    raw = pa.Codec("zstd").decompress(answer.palette, decompressed_size=answer.task.frames * side * side)
    return np.frombuffer(raw, np.uint8).reshape(answer.task.frames, side, side)[:, ::-1]


@dataclass
class _Pending:
    number: int
    task: Task
    line: bytes
    failures: int = 0


@dataclass
class PhyreWorker:
    """One child for one scene size, started at the first task; use as a context manager, or `close` it.

    Attributes:
        python: interpreter of the PHYRE environment; by default the one that `environment.setup` built.
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
        """Answers in the order of the tasks; a few tasks are in flight, so that child and parent work at the same time.

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
                    self._child = _Child(self.python or installed(), script=self.script, size_px=self.size_px)
                    for asked in pending:
                        self._child.send(asked.line)
                answer = checked(self._child.answer(within_s=self.deadline_s), asked=first)
            except _Fault as fault:
                self._recover(first, fault)
                continue
            pending.popleft()
            return answer

    def _recover(self, asked: _Pending, fault: _Fault) -> None:
        told = self._child.last_words() if self._child is not None else ""
        self.close()
        self.restarts += 1
        asked.failures += 1
        setting = asked.task.setting
        what = f"template {setting.template} scene {setting.number}: {fault}{told}"
        if asked.failures > RETRIES:
            raise PhyreFailed(what)
        LOG.warning("PHYRE child restarted, task asked again: %s", what)


class _Child:
    """The process, and a thread that reads its stream so that waiting has a deadline."""

    def __init__(self, python: Path, *, script: Path, size_px: int) -> None:
        self.words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in kill()
        self.process = subprocess.Popen(
            [str(python), str(script), str(size_px)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.words, bufsize=PIPE_BYTES
        )
        self.answers: queue.SimpleQueue[pa.RecordBatch | str] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, name="phyre-reader", daemon=True)
        self.reader.start()
        try:
            ready = self.answer(within_s=START_S)
        except _Fault:
            self.kill()
            raise
        assert ready.num_rows == 0, "the stream opens with an empty batch"

    def _read(self) -> None:
        """Every way in which a stream can end is a fault of the child, told to the waiting side."""
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
            raise _Fault(f"no answer within {within_s:g} s") from None
        if isinstance(got, str):
            raise _Fault(got)
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


def request_line(task: Task, *, number: int) -> bytes:
    """The request as one line of JSON."""
    ball = task.ball
    content: dict[str, Any] = {
        "task": number,
        "frames": task.frames,
        "stride": task.stride,
        "want": task.want,
        "parts": [asdict(part) for part in task.setting.parts],
        "ball": [ball.x_px, ball.y_px, ball.radius_px],
    }
    return json.dumps(content, separators=(",", ":")).encode()


def checked(batch: pa.RecordBatch, *, asked: _Pending) -> Answer:
    """The answer, once it is the one to this request, undamaged and about the right bodies.

    Raises:
        _Fault: saying what does not fit.
    """
    task = asked.task
    try:
        row = {name: batch.column(name) for name in batch.schema.names}
        start, pose, velocity = (np.asarray(row[name].flatten()) for name in ("start", "pose", "velocity"))
        palette = row["palette"][0].as_py()
        request, digest, occluded = (row[name][0].as_py() for name in ("request", "digest", "occluded"))
    except (KeyError, IndexError, pa.ArrowException) as error:
        raise _Fault(f"an answer of a foreign form ({type(error).__name__}: {error})") from error
    if request != hashlib.sha256(asked.line).hexdigest():
        raise _Fault("an answer to another request")
    if digest != hashlib.sha256(b"".join((start.tobytes(), pose.tobytes(), velocity.tobytes(), palette))).hexdigest():
        raise _Fault("a payload that does not have its own digest")
    bodies = len(task.setting.parts) + 1
    if occluded or start.size != bodies * 4 or pose.size != task.frames * bodies * 3:
        raise _Fault(f"shapes {start.size}, {pose.size} for {bodies} bodies and {task.frames} frames (occluded: {occluded})")
    if velocity.size != (pose.size if "velocities" in task.want else 0) or bool(palette) != ("images" in task.want):
        raise _Fault("not what was wanted")
    expected = [(body.x_px, body.y_px, body.angle_rad, body.outline.diameter_px) for body in placed(task.setting) if body.kind != WALL]
    if np.abs(start.reshape(bodies, 4)[:-1] - expected).max() > PLACE_TOLERANCE_PX:
        raise _Fault("bodies that start elsewhere")
    shape = (task.frames, bodies, 3)
    return Answer(
        task=task,
        pose=pose.reshape(shape),
        velocity=velocity.reshape(shape) if velocity.size else None,
        palette=palette or None,
    )
