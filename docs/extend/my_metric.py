"""A metric of your own: how far the length of a body's path is from the true length.

    path_length_error = | Σ |x̂(t+1) - x̂(t)| - Σ |x(t+1) - x(t)| |

Both sums run over the neighbouring frames after the given ones in which the body is seen twice, so
that a body which vanishes has no short path. The metric is the mean over a video's bodies, in
metres. A ball that trembles on its way has a small velocity error and a large path length error."""

import numpy as np

from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import METRICS, VideoMetric
from physscale.records.metric_table import Metric


def path_length_error(generated: Generated) -> np.ndarray:
    """Float[videos] in metres; NaN where no body is seen in two neighbouring frames."""
    after = slice(generated.condition_frames, None)
    tracks, true = generated.tracks, generated.truth.state[..., :2].astype(np.float64)
    made = np.stack([tracks.x_m, tracks.y_m], axis=-1)
    seen = tracks.seen[:, after]
    both = seen[:, 1:] & seen[:, :-1]
    lengths = [
        np.where(both, np.linalg.norm(np.diff(places[:, after], axis=1), axis=-1), 0.0).sum(1)
        for places in (made, true)
    ]
    measured = both.any(1)
    error = np.where(measured, np.abs(lengths[0] - lengths[1]), 0.0).sum(1)
    return error / np.where(measured.any(1), measured.sum(1), np.nan)


METRICS.register(
    VideoMetric(
        metric=Metric(
            name="path_length_error",
            words="path length error",
            unit="m",
            direction="lower",
            shown=("command line", "dashboard", "report"),
        ),
        values=path_length_error,
    )
)
