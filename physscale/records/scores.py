"""What evaluation writes and analysis reads: one table of scores and two tables of single videos.

A *score* is one number of one run on one test split. Its `source` is the model, or a floor or
baseline that gives the number its meaning. An *outcome* is one body of one generated video: what it
should have done, and what it did. A row of *frames* is a whole video: how closely it resembles the
true one, and which rules the detector of abnormal videos finds broken."""

from typing import Literal

import pyarrow as pa

SplitKind = Literal["id", "ood", "combinatorial"]
"""What a test split asks for: the training distribution, another one, or new combinations."""

Source = Literal["model", "truth", "codec", "clamp", "mean_speed", "extrapolate", "nearest"]
"""Whose number a score is: the model's, a floor's (`truth`, `codec`) or a baseline's."""

SCORES = pa.schema(
    [
        pa.field("study", pa.string(), nullable=False),
        pa.field("run", pa.string(), nullable=False),  # fingerprint
        # the figure of the study that the run was planned for
        pa.field("group", pa.string(), nullable=False),
        # the test split's name: id, speed_high, pairs_held, ...
        pa.field("split", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # a `SplitKind`
        pa.field("source", pa.string(), nullable=False),  # a `Source`
        pa.field("metric", pa.string(), nullable=False),  # loss, velocity_error, ...
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),  # 95 % bootstrap interval over the videos
        pa.field("high", pa.float64()),
        pa.field("count", pa.int64(), nullable=False),  # videos that the number is the mean of
        pa.field("parameters", pa.int64(), nullable=False),  # N
        pa.field("videos", pa.int64(), nullable=False),  # D: unique training videos
        # C: trained combinations, 0 where the scenario has none
        pa.field("combinations", pa.int64(), nullable=False),
        pa.field("steps", pa.int64(), nullable=False),
        # of the whole training, by our own formula
        pa.field("flops", pa.float64(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
    ]
)

OUTCOMES = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("index", pa.int64(), nullable=False),
        pa.field("body", pa.int64(), nullable=False),
        pa.field("kind", pa.int64(), nullable=False),
        pa.field("radius_m", pa.float64(), nullable=False),
        pa.field("true_speed_m_s", pa.float64(), nullable=False),
        # along the true direction: negative is reversed; null where it cannot be measured
        pa.field("speed_m_s", pa.float64()),
        pa.field("velocity_error_m_s", pa.float64()),  # least-squares slope over the scored frames
        # the paper's per-frame formula (arXiv 2411.02385, section 3)
        pa.field("frame_velocity_error_m_s", pa.float64()),
        pa.field("position_error_m", pa.float64()),
        pa.field("radius_error_m", pa.float64()),
        # fraction of the scored frames without the body
        pa.field("vanished", pa.float64(), nullable=False),
        pa.field("reversed", pa.bool_(), nullable=False),
        # it jumps; null in tables of older versions, like the columns below
        pa.field("teleported", pa.bool_()),
        pa.field("radius_drift_m", pa.float64()),  # largest - smallest radius
        pa.field("shape_change", pa.float64()),  # relative change of the second moments
        pa.field("colour_change", pa.float64()),  # 1: black to white
        # fraction of the scored frames with more connected components than bodies
        pa.field("duplicated", pa.float64()),
        # fraction of the scored frames in one component with another body of its colour
        pa.field("merged", pa.float64()),
        pa.field("momentum_error", pa.float64()),  # of the video, relative
        pa.field("energy_error", pa.float64()),
    ]
)

FRAMES = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        # model | truth (true frames: the false alarms) | codec (true frames after the codec)
        pa.field("source", pa.string(), nullable=False),
        pa.field("index", pa.int64(), nullable=False),
        # null for the truth, and where frames are smaller than the metric needs
        pa.field("ssim", pa.float64()),
        pa.field("psnr_db", pa.float64()),
        pa.field("st_lpips", pa.float64()),
        pa.field("abnormal", pa.bool_()),  # null where no detector has rules for the scenario
        pa.field("rules", pa.list_(pa.string()), nullable=False),  # those that fired
        pa.field("excess", pa.float64()),  # largest score ÷ its threshold; abnormal above 1
    ]
)
"""One video of a run, looked at as frames."""
