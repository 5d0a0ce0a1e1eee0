"""What evaluation writes and analysis reads: a table of numbers and two of single videos.

A *score* is one number of one run on one split: from the model, or from a floor or baseline that
gives the number its meaning (`source`). An *outcome* is one body of one generated video: what it
should have done, and what it did. A row of *frames* is a whole video: how like the true one it
looks, and which rules the judge of abnormal videos finds broken."""

import pyarrow as pa

SCORES = pa.schema(
    [
        pa.field("study", pa.string(), nullable=False),
        pa.field("run", pa.string(), nullable=False),  # fingerprint
        pa.field(
            "group", pa.string(), nullable=False
        ),  # which figure of the study the run was planned for
        pa.field(
            "split", pa.string(), nullable=False
        ),  # name of the judge: id, speed_high, pairs_held, ...
        pa.field("kind", pa.string(), nullable=False),  # id | ood | combinatorial
        pa.field(
            "source", pa.string(), nullable=False
        ),  # model | truth | codec | clamp | mean_speed | extrapolate | nearest
        pa.field("metric", pa.string(), nullable=False),  # loss, velocity_error, ...
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),  # 95 % bootstrap interval over the videos
        pa.field("high", pa.float64()),
        pa.field("count", pa.int64(), nullable=False),  # how many videos the number is the mean of
        pa.field("parameters", pa.int64(), nullable=False),  # N
        pa.field("videos", pa.int64(), nullable=False),  # D: unique training videos
        pa.field(
            "combinations", pa.int64(), nullable=False
        ),  # C: trained combinations, 0 where the scenario has none
        pa.field("steps", pa.int64(), nullable=False),
        pa.field(
            "flops", pa.float64(), nullable=False
        ),  # of the whole training, by our own formula
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
        pa.field(
            "speed_m_s", pa.float64()
        ),  # along the true direction: negative is reversed; null where it cannot be measured
        pa.field("velocity_error_m_s", pa.float64()),  # least-squares slope over the judged frames
        pa.field(
            "frame_velocity_error_m_s", pa.float64()
        ),  # the paper's per-frame formula (arXiv 2411.02385, section 3)
        pa.field("position_error_m", pa.float64()),
        pa.field("radius_error_m", pa.float64()),
        pa.field(
            "vanished", pa.float64(), nullable=False
        ),  # fraction of the judged frames without the body
        pa.field("reversed", pa.bool_(), nullable=False),
        pa.field(
            "teleported", pa.bool_()
        ),  # it jumps; null in tables of older versions, as are those below
        pa.field("radius_drift_m", pa.float64()),  # largest - smallest radius
        pa.field("shape_change", pa.float64()),  # relative change of the second moments
        pa.field("colour_change", pa.float64()),  # 1: black to white
        pa.field(
            "duplicated", pa.float64()
        ),  # fraction of the judged frames with more pieces than bodies
        pa.field("merged", pa.float64()),  # … in one piece with another body of its colour
        pa.field("momentum_error", pa.float64()),  # of the video, relative
        pa.field("energy_error", pa.float64()),
    ]
)

FRAMES = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field(
            "source", pa.string(), nullable=False
        ),  # model | truth (true frames: the false alarms) | codec (true frames after it)
        pa.field("index", pa.int64(), nullable=False),
        pa.field(
            "ssim", pa.float64()
        ),  # null for the truth, and where frames are smaller than the metric needs
        pa.field("psnr_db", pa.float64()),
        pa.field("st_lpips", pa.float64()),
        pa.field("abnormal", pa.bool_()),  # null where the judge has no rules for the scenario
        pa.field("rules", pa.list_(pa.string()), nullable=False),  # those that fired
        pa.field("excess", pa.float64()),  # largest score over its threshold: above 1 is abnormal
    ]
)
"""One video of a run as frames, whatever its bodies did."""
