"""Frame metrics of a test split's samples, measured a few videos at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from physscale.codec.protocol import Codec
from physscale.dataset.file import VideoFile
from physscale.evaluate.abnormal.detector import Detections, detect
from physscale.evaluate.abnormal.rules import covers
from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.state_frechet import Motions, motions
from physscale.records.scores import Source
from physscale.records.video import Videos
from physscale.run.spec import RunSpec, TestSplit

__all__ = ["COMPARED", "FrameValues", "frame_values"]

COMPARED: tuple[Source, Source] = ("truth", "model")
"""The true set and the generated one of a Fréchet distance."""


@dataclass(frozen=True)
class FrameValues:
    """What was measured of some videos. Their frames are no longer needed.

    Attributes:
        index: the videos' row numbers.
        values: of the model's videos, by metric; NaN where a video has no value.
        detections, motions: by source; empty if the detector has no rules for the scenario.
    """

    index: Int[np.ndarray, " videos"]
    values: dict[str, Float[np.ndarray, " videos"]]
    detections: dict[Source, Detections]
    motions: dict[Source, Motions]

    @staticmethod
    def joined(parts: Sequence["FrameValues"]) -> "FrameValues":
        """The parts of one split, one after the other."""
        first = parts[0]
        return FrameValues(
            np.concatenate([part.index for part in parts]),
            {name: np.concatenate([part.values[name] for part in parts]) for name in first.values},
            {
                source: Detections.joined([part.detections[source] for part in parts])
                for source in first.detections
            },
            {
                source: Motions.joined([part.motions[source] for part in parts])
                for source in first.motions
            },
        )


def frame_values(
    samples: VideoFile, *, run: RunSpec, scored: TestSplit, codec: Codec
) -> FrameValues:
    """Measures the samples of one split, the true videos, and the true videos after the codec (the
    result of a perfect model)."""
    # asked once for the whole split: of some rows alone the rules may cover more
    ruled = covers(samples.states, size_px=run.canvas.size_px)
    return FrameValues.joined(
        [
            _measured(part, run=run, scored=scored, codec=codec, ruled=ruled)
            for part in samples.parts()
        ]
    )


def _measured(
    samples: Videos, *, run: RunSpec, scored: TestSplit, codec: Codec, ruled: bool
) -> FrameValues:
    generated = Generated(
        truth=samples.with_pixels(None),
        canvas=run.canvas,
        condition_frames=run.given_frames,
        frames=samples.frames,
        run=run.fingerprint,
    )
    values = {
        metric.name: metric.per_video(generated)
        for metric in metrics_of("evaluate")
        if metric.defined_on(generated, scenario=scored.data.scenario)
    }
    if not ruled:
        return FrameValues(samples.index, values, {}, {})
    pixels = generated.true_pixels
    sources: dict[Source, Videos] = {
        "model": samples,
        "truth": samples.with_pixels(pixels),
        "codec": samples.with_pixels(codec.decode(codec.encode(pixels))),
    }
    detections = {source: detect(videos) for source, videos in sources.items()}
    moved = {
        source: motions(sources[source], scores=detections[source].scores) for source in COMPARED
    }
    return FrameValues(samples.index, values, detections, moved)
