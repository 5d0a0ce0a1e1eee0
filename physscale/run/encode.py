"""One file of latents: its videos are drawn, rendered, encoded and written. `physscale encode` does
this for each file, in one process or many."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from physscale.codec.protocol import Codec
from physscale.records.errors import DamagedData, Diverged, UserError
from physscale.records.latents import write_latents
from physscale.records.spec import canonical, short
from physscale.records.store import Store
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext, never, stream
from physscale.run.latent_cache import VIDEOS_AT_ONCE, Unit, check_unit
from physscale.run.spec import RunSpec
from physscale.scheduling.gpus import Device, checked

__all__ = ["Encoded", "encode_unit", "mirror_image"]


@dataclass(frozen=True)
class Encoded:
    """What happened to a file: kept because it was whole, made, or mended because it was
    damaged."""

    state: Literal["kept", "made", "mended"]
    bytes: int


def encode_unit(
    unit: Unit, *, device: Device = "cpu", stop_requested: Callable[[], bool] = never
) -> Encoded:
    """Makes the file, unless it is there and every value in it is right.

    Raises:
        Preempted: when the training of the codec is asked to stop, after a checkpoint.
        Unschedulable: if torch cannot use the device.
        UserError: if there is no codec, or the file cannot be written.
    """
    state: Literal["made", "mended"] = "made"
    try:
        if check_unit(unit):
            return Encoded("kept", unit.path.stat().st_size)
    except DamagedData:
        state = "mended"
    cache = unit.cache
    codec = _codec(cache.run, root=cache.root, device=device, stop_requested=stop_requested)
    latents = np.empty((len(unit), *cache.dimensions), np.float32)
    batches = [
        np.arange(start, min(start + VIDEOS_AT_ONCE, unit.stop))
        for start in range(unit.start, unit.stop, VIDEOS_AT_ONCE)
    ]
    for indices, videos in zip(
        batches, stream(cache.run.data, canvas=cache.run.canvas, batches=batches), strict=True
    ):
        pixels = mirror_image(videos.frames) if cache.side == "mirrored" else videos.frames
        latents[indices - unit.start] = codec.encode(pixels).numpy()
    written = write_latents(
        unit.path,
        latents,
        first=unit.start,
        identity=cache.fingerprint,
        canvas=canonical(cache.run.canvas),
        precision=cache.run.latent_precision,
    )
    return Encoded(state, written)


def mirror_image(pixels: np.ndarray) -> np.ndarray:
    """Frames u8[B, T, H, W, 3], mirrored left to right."""
    return np.ascontiguousarray(pixels[:, :, :, ::-1])


@functools.lru_cache(maxsize=2)
def _codec(
    run: RunSpec, *, root: Path, device: Device, stop_requested: Callable[[], bool]
) -> Codec:
    context = PlainContext(stop_requested, device=checked(device))
    try:
        return codec_of(run, store=Store(root), context=context)
    except Diverged as error:
        raise UserError(
            f"codec {short(run.codec_fingerprint)}: {error}; a lower codec.training.learning_rate "
            "may help"
        ) from error
