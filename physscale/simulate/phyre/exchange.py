"""The messages between parent and child: a task, its request line, and the checked answer.

An answer must name the request that it answers, carry the digest of its own payload, have the
shapes that were asked for, and its bodies must start where this side's arithmetic puts them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt8

from physscale.simulate.phyre.parts import RedBall, Setting
from physscale.simulate.phyre.place import WALL, placed

PLACE_TOLERANCE_PX = 1e-6
ANSWER = pa.schema(
    [
        ("task", pa.int64()),
        ("request", pa.string()),
        ("occluded", pa.bool_()),
        ("start", pa.list_(pa.float64())),
        ("pose", pa.list_(pa.float32())),
        ("velocity", pa.list_(pa.float32())),
        ("palette", pa.binary()),
        ("digest", pa.string()),
    ]
)
"""One row per answer, as `child.py` writes it."""

Want = Literal["images", "velocities"]


class Fault(Exception):
    """A child or its answer is wrong; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One simulation. Frame k is the state after step 1 + k·stride of 1/60 s.

    Attributes:
        want: "images" for palette bytes, "velocities" for velocities and unwrapped angles (a pass
            of its own); poses always come.
    """

    setting: Setting
    ball: RedBall
    frames: int = 32
    stride: int = 20
    want: tuple[Want, ...] = ("images",)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """PHYRE's result of a task: bodies in the scene's order, the red ball last; lengths in px, y
    up.

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
    raw = pa.Codec("zstd").decompress(
        answer.palette, decompressed_size=answer.task.frames * side * side
    )
    return np.frombuffer(raw, np.uint8).reshape(answer.task.frames, side, side)[:, ::-1]


def request_line(task: Task, *, number: int) -> bytes:
    """The request as one line of JSON."""
    ball = task.ball
    content: dict[str, Any] = {
        "task": number,
        "frames": task.frames,
        "stride": task.stride,
        "want": task.want,
        "ball": [ball.x_px, ball.y_px, ball.radius_px],
    }
    return f'{json.dumps(content)[:-1]}, "parts": {_parts_json(task.setting)}}}'.encode()


@lru_cache(maxsize=256)
def _parts_json(setting: Setting) -> str:
    """The part of a request that all trials of a scene share."""
    return json.dumps([asdict(part) for part in setting.parts])


def checked(batch: pa.RecordBatch, *, task: Task, line: bytes) -> Answer:
    """The answer, if it belongs to this request, is undamaged and is about the right bodies.

    Raises:
        Fault: naming what does not fit.
    """
    if (
        not batch.schema.equals(ANSWER)
        or batch.num_rows != 1
        or any(column.null_count for column in batch.columns)
    ):
        raise Fault(
            f"an answer of a foreign form ({batch.num_rows} rows of "
            f"{', '.join(batch.schema.names)})"
        )
    row = dict(zip(batch.schema.names, batch.columns, strict=True))
    start, pose, velocity = (
        np.asarray(row[name].flatten()) for name in ("start", "pose", "velocity")
    )
    palette, request, digest, occluded = (
        row[name][0].as_py() for name in ("palette", "request", "digest", "occluded")
    )
    if request != hashlib.sha256(line).hexdigest():
        raise Fault("an answer to another request")
    if (
        digest
        != hashlib.sha256(
            b"".join((start.tobytes(), pose.tobytes(), velocity.tobytes(), palette))
        ).hexdigest()
    ):
        raise Fault("a payload that does not have its own digest")
    bodies = len(task.setting.parts) + 1
    if occluded or start.size != bodies * 4 or pose.size != task.frames * bodies * 3:
        raise Fault(
            f"shapes {start.size}, {pose.size} for {bodies} bodies and {task.frames} frames "
            f"(occluded: {occluded})"
        )
    if velocity.size != (pose.size if "velocities" in task.want else 0) or bool(palette) != (
        "images" in task.want
    ):
        raise Fault("not what was wanted")
    expected = [
        (body.x_px, body.y_px, body.angle_rad, body.outline.diameter_px)
        for body in placed(task.setting)
        if body.kind != WALL
    ]
    if np.abs(start.reshape(bodies, 4)[:-1] - expected).max() > PLACE_TOLERANCE_PX:
        raise Fault("bodies that start elsewhere")
    shape = (task.frames, bodies, 3)
    return Answer(
        task=task,
        pose=pose.reshape(shape),
        velocity=velocity.reshape(shape) if velocity.size else None,
        palette=palette or None,
    )
