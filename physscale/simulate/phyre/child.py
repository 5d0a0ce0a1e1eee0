"""The other side of the pipe: simulates with the real PHYRE 0.2.2, in a Python 3.8 or 3.9 of its
own. It imports nothing of physscale.

Run as `python child.py SIZE_PX`. Requests are JSON lines on stdin; answers are an Arrow IPC stream
on what was file descriptor 1, one record batch each. The descriptor is duplicated first and 1 is
pointed at stderr, so that a stray print cannot corrupt the stream. Each answer carries the SHA-256
of the request line as it was read and of its own payload, so that the parent can tell a damaged or
mixed-up answer."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import io
import json
import os
import sys
from typing import Any

STEPS_PER_SECOND = 60.0
ANGLE = 2
WALLS = 4
SCENES_KEPT = 2048


class SceneSize(importlib.abc.MetaPathFinder):
    """Sets PHYRE's scene size while its constants are being imported: other modules copy them."""

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:  # noqa: ANN401
        if fullname != "phyre.creator.constants":
            return None
        spec: Any = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:  # noqa: ANN401
            execute(module)
            module.SCENE_WIDTH = module.SCENE_HEIGHT = self.size_px

        spec.loader.exec_module = exec_module
        return spec


class Phyre:
    """Scenes built in memory by PHYRE's TaskCreator and run by its C++ simulator."""

    def __init__(self, size_px: int) -> None:
        sys.meta_path.insert(0, SceneSize(size_px))
        import numpy
        import phyre.creator.creator  # type: ignore[import-not-found]
        import phyre.simulator  # type: ignore[import-not-found]

        self.numpy, self.simulator, self.size_px = numpy, phyre.simulator, size_px
        self.creator = phyre.creator.creator.TaskCreator
        self.scenes: dict[str, tuple[bytes, list[tuple[float, ...]]]] = {}

    def scene(self, parts: list[dict[str, Any]]) -> tuple[bytes, list[tuple[float, ...]]]:
        """(serialised task, first states of its bodies: x, y, angle, diameter); kept, because a
        scene has a thousand trials."""
        key = json.dumps(parts)
        if key not in self.scenes:
            if len(self.scenes) >= SCENES_KEPT:
                self.scenes.clear()
            self.scenes[key] = self.build(parts)
        return self.scenes[key]

    def build(self, parts: list[dict[str, Any]]) -> tuple[bytes, list[tuple[float, ...]]]:
        creator = self.creator()
        for part in parts:
            body = creator.add(
                ("dynamic " if part["dynamic"] else "static ") + part["what"], scale=part["scale"]
            )
            for move, value in part["moves"]:
                getattr(body, "set_" + move)(value)
            if part["goal"]:
                body.set_color(part["goal"])
        creator.task.bodyId1, creator.task.bodyId2 = len(creator.body_list) - 1, 0
        assert creator.task.relationships == [creator.SpatialRelationship.NONE], (
            "a goal would end the simulation early"
        )
        bodies = creator.task.scene.bodies[WALLS:]
        return self.simulator.serialize(creator.task), [
            (body.position.x, body.position.y, body.angle, body.diameter) for body in bodies
        ]

    def answer(self, request: dict[str, Any]) -> tuple[Any, ...]:
        numpy = self.numpy
        task, start = self.scene(request["parts"])
        ball = request["ball"]
        start = numpy.array([*start, (ball[0], ball[1], 0.0, 2.0 * ball[2])])
        steps, stride = (request["frames"] - 1) * request["stride"] + 1, request["stride"]
        pose = velocity = numpy.zeros(0, numpy.float32)
        palette, occluded = b"", False
        if "velocities" in request["want"]:
            features, _, occluded = self.run(
                task, ball, steps=steps, stride=1, bodies=len(start), images=False
            )
            moving = numpy.concatenate(
                [start[None, :, :3], features[:, :, :3].astype(float) * self.units()]
            )
            moving[:, :, ANGLE] = numpy.unwrap(moving[:, :, ANGLE], axis=0)
            rates = (moving[1:] - moving[:-1]) * STEPS_PER_SECOND
            velocity = rates[::stride].astype(numpy.float32)
            pose = moving[1::stride].astype(numpy.float32)
        if "images" in request["want"] or not velocity.size:
            features, images, occluded = self.run(
                task,
                ball,
                steps=steps,
                stride=stride,
                bodies=len(start),
                images="images" in request["want"],
            )
            palette = images
            if not pose.size:
                pose = (features[:, :, :3] * self.units()).astype(numpy.float32)
        return start, pose, velocity, palette, occluded

    def units(self) -> Any:  # noqa: ANN401
        return self.numpy.array([self.size_px, self.size_px, 2.0 * self.numpy.pi])

    def run(
        self, task: bytes, ball: list[float], *, steps: int, stride: int, bodies: int, images: bool
    ) -> tuple[Any, Any, bool]:
        none = self.numpy.empty((0, 2), self.numpy.int32)
        _, occluded, pixels, features, count, _, _ = self.simulator.simulator_bindings.magic_ponies(
            task, none, [], ball, True, steps, stride, images, True
        )
        if count != bodies and not occluded:
            raise RuntimeError(f"PHYRE simulated {count} bodies of {bodies}")
        return features.reshape(-1, count, 14), pixels, occluded


def batch_of(pyarrow: Any, schema: Any, codec: Any, *, line: bytes, phyre: Phyre) -> Any:  # noqa: ANN401
    """One answer as a record batch of one row."""
    request = json.loads(line)
    start, pose, velocity, images, occluded = phyre.answer(request)
    palette = codec.compress(images, asbytes=True) if len(images) else b""
    payload = [start.tobytes(), pose.tobytes(), velocity.tobytes(), palette]
    columns = [
        pyarrow.array([request["task"]], pyarrow.int64()),
        pyarrow.array([hashlib.sha256(line).hexdigest()]),
        pyarrow.array([occluded]),
        *(listed(pyarrow, values) for values in (start, pose, velocity)),
        pyarrow.array([palette], pyarrow.binary()),
        pyarrow.array([hashlib.sha256(b"".join(payload)).hexdigest()]),
    ]
    return pyarrow.record_batch(columns, schema=schema)


def listed(pyarrow: Any, values: Any) -> Any:  # noqa: ANN401
    flat = values.ravel()
    return pyarrow.ListArray.from_arrays(
        pyarrow.array([0, flat.size], pyarrow.int32()), pyarrow.array(flat)
    )


def main(size_px: int) -> None:
    out = io.BufferedWriter(io.FileIO(os.dup(1), "wb"), 1 << 20)
    os.dup2(2, 1)
    import pyarrow

    phyre = Phyre(size_px)
    schema = pyarrow.schema(
        [
            ("task", pyarrow.int64()),
            ("request", pyarrow.string()),
            ("occluded", pyarrow.bool_()),
            ("start", pyarrow.list_(pyarrow.float64())),
            ("pose", pyarrow.list_(pyarrow.float32())),
            ("velocity", pyarrow.list_(pyarrow.float32())),
            ("palette", pyarrow.binary()),
            ("digest", pyarrow.string()),
        ],
        metadata={"size_px": str(size_px)},
    )
    codec = pyarrow.Codec("zstd", 1)
    with pyarrow.ipc.new_stream(out, schema) as stream:
        stream.write_batch(
            pyarrow.record_batch([pyarrow.array([], field.type) for field in schema], schema=schema)
        )  # ready
        out.flush()
        for line in sys.stdin.buffer:
            stream.write_batch(
                batch_of(pyarrow, schema, codec, line=line.rstrip(b"\n"), phyre=phyre)
            )
            out.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
