"""phyre_stream: simulations a CPU-second at 256 px with 32 frames, from the real PHYRE, through our
pipe and through the paper's pipeline.

Ours: requests out, palette frames (zstd) and poses of all bodies back, all checked. Peer: the same
simulations in the same kind of child, then what the paper's generator does: palette to RGB by fancy
indexing and one H.264 mp4 a video (its recipe; PyAV instead of imageio)."""

import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from physscale.simulate.phyre.environment import setup
from physscale.simulate.phyre.exchange import Answer, Task, palette_frames
from physscale.simulate.phyre.rows import PALETTE
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.phyre.templates import SIX
from physscale.simulate.phyre.worker import PhyreWorker

SIMULATIONS, PEER_SIMULATIONS, WARM_UP = 480, 48, 12
SCENES, SIZE_PX = 8, 256
PAPER_FPS = 5


@dataclass(frozen=True)
class Spent:
    """CPU seconds of both processes."""

    parent_s: float
    child_s: float

    @property
    def total_s(self) -> float:
        return self.parent_s + self.child_s


def run() -> dict[str, object]:
    with PhyreWorker(size_px=SIZE_PX, python=setup()) as worker:
        list(worker.run(_tasks(WARM_UP)))
        ours = _spent(worker, lambda: sum(1 for _ in worker.run(_tasks(SIMULATIONS))))
        peer = _spent(
            worker,
            lambda: sum(
                len(_as_the_paper(answer)) for answer in worker.run(_tasks(PEER_SIMULATIONS))
            ),
        )
    ours_a_s, peer_a_s = SIMULATIONS / ours.total_s, PEER_SIMULATIONS / peer.total_s
    child_ms, parent_ms = (1e3 * s / SIMULATIONS for s in (ours.child_s, ours.parent_s))
    note = f"real PHYRE, 32 frames of 256 px; child {child_ms:.1f} + parent {parent_ms:.1f} ms"
    return {
        "name": "phyre_stream",
        "ours": ours_a_s,
        "peer": peer_a_s,
        "ratio": ours_a_s / peer_a_s,
        "unit": "simulations / CPU-s",
        "note": note,
    }


def _tasks(count: int) -> list[Task]:
    """Rows in a data set's own order: trial by trial over the scenes of the six templates that
    cover all pairs."""
    rows = Phyre(templates=SIX, scenes=(0, SCENES), scene_px=SIZE_PX)
    return [Task(setting=case.setting, ball=case.ball) for case in map(rows.case, range(count))]


def _as_the_paper(answer: Answer) -> bytes:
    frames = np.array(PALETTE, np.uint8)[palette_frames(answer)]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=PAPER_FPS)
        stream.width = stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def _spent(worker: PhyreWorker, work: Callable[[], object]) -> Spent:
    child, parent = _child_cpu_s(worker), time.process_time()
    work()
    return Spent(parent_s=time.process_time() - parent, child_s=_child_cpu_s(worker) - child)


def _child_cpu_s(worker: PhyreWorker) -> float:
    """User and system time of the running child (Linux)."""
    assert worker._child is not None
    fields = Path(f"/proc/{worker._child.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
