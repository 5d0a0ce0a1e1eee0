"""Probes of generated videos: which attribute wins, which videos are copies, and how the error
grows with the distance from training.

`ProbedVideos` holds generated videos of a finished run or of a file, with their truth and the
training rows. True frames pass through the same codec and parser as generated ones before they are
compared."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np

from physscale.dataset.file import rows_at_once
from physscale.dataset.source import Source
from physscale.evaluate.generated import Generated
from physscale.evaluate.mechanisms.conflict import Conflict, conflict
from physscale.evaluate.mechanisms.copying import SPACES, memory, nearest_training
from physscale.evaluate.mechanisms.hull import Distances, rise, training_distances
from physscale.evaluate.mechanisms.ranking import Ranking, rank
from physscale.evaluate.metrics import METRICS
from physscale.evaluate.motion.track import Observed, parse
from physscale.finished.probe_words import Record
from physscale.finished.runs import Finished
from physscale.records.errors import UserError
from physscale.records.rate import wilson
from physscale.records.video import PLACE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.scheduling.gpus import Device
from physscale.simulate.scenario import Attribute
from physscale.simulate.simulate import simulate

PAPERS_ORDER = ("colour", "size", "velocity", "shape")
CALIBRATION = 400
"""Number of additional true videos that set the limit for copies."""

LISTED_COPIES = 5
Frames = Callable[[Videos], np.ndarray]


@dataclass(frozen=True)
class ProbedVideos:
    """Generated videos of one split.

    Attributes:
        samples: true rows with generated frames.
        calibration: other true rows of the same kind, which set the limit for copies.
        true_frames: maps rows to their true frames, after the codec of the generated ones.
        pair: the crossed attributes; None if none are crossed.
    """

    name: str
    kind: str
    samples: Source
    training: Videos
    calibration: Videos
    true_frames: Frames
    canvas: Canvas
    condition_frames: int
    pair: tuple[Attribute, Attribute] | None = None

    @cached_property
    def truth(self) -> Videos:
        """The true rows. A data set joins those of its shards each time it is asked."""
        return self.samples.states

    def made_some(self) -> Iterator[np.ndarray]:
        """The generated frames, some videos at a time."""
        return (part.frames for part in self.samples.parts())

    def true_some(self, rows: Videos) -> Iterator[np.ndarray]:
        """The true frames of these rows, some at a time."""
        video_bytes = rows.state.shape[1] * self.canvas.size_px**2 * 3
        at_once = rows_at_once(video_bytes)
        for start in range(0, len(rows), at_once):
            yield self.true_frames(rows.take(slice(start, start + at_once)))

    @cached_property
    def tracks(self) -> Observed:
        """Where the generated bodies are."""
        return tracks_of(self.truth, self.made_some())

    @property
    def generated(self) -> Generated:
        """For the metrics of motion."""
        return Generated(
            truth=self.truth,
            canvas=self.canvas,
            condition_frames=self.condition_frames,
            predicted=self.tracks,
        )


def tracks_of(rows: Videos, frames: Iterable[np.ndarray]) -> Observed:
    """The tracks of these rows' bodies in frames that come some videos at a time."""
    return Observed.joined(
        [
            parse(pixels, body=some.body, start_m=some.state[:, 0, :, PLACE])
            for some, pixels in rows.paired(frames)
        ]
    )


def probed_videos(one: Finished, *, device: Device) -> Iterator[ProbedVideos]:
    """The videos of every test split of a finished run."""
    training, codec, scenario = one.training(), one.codec(device=device), one.run.data.scenario
    for split in one.run.test_splits:
        yield ProbedVideos(
            name=split.data.split,
            kind=split.kind,
            samples=one.samples(split),
            training=training,
            calibration=simulate(split.data, indices=split.data.videos + np.arange(CALIBRATION)),
            true_frames=lambda rows: one.true_frames(rows, codec=codec),
            canvas=one.run.canvas,
            condition_frames=one.run.given_frames,
            pair=None if split.kind == "id" else scenario.crossed,
        )


def probed_file(
    samples: Source,
    *,
    name: str,
    training: Videos,
    condition_frames: int,
    pair: tuple[Attribute, Attribute] | None,
) -> ProbedVideos:
    """Any rows with frames, which are also their own calibration rows.

    Raises:
        UserError: if the rows have no frames.
    """
    if not samples.has_frames:
        raise UserError(f"{name}: it holds states and no frames; probes look at generated frames")
    canvas = Canvas(size_px=samples.take(np.arange(1)).frames.shape[2])
    return ProbedVideos(
        name=name,
        kind="",
        samples=samples,
        training=training,
        calibration=samples.states,
        true_frames=lambda videos: render(videos, canvas=canvas),
        canvas=canvas,
        condition_frames=condition_frames,
        pair=pair,
    )


def attribute_record(probed: Sequence[ProbedVideos]) -> Record:
    """The outcomes of every split that crosses attributes, and the ranking from all of them.

    Raises:
        UserError: if no split crosses attributes.
    """
    tables, duels = [], []
    for one in probed:
        if one.pair is None:
            continue
        made, true = (
            conflict(
                one.truth,
                frames,
                training=one.training,
                pair=one.pair,
                condition_frames=one.condition_frames,
            )
            for frames in (one.made_some(), one.true_some(one.truth))
        )
        duels.append(made.duel)
        tables.append({"name": one.name, **conflict_record(made), "true_frames": _rates(true)})
    if not duels:
        raise UserError(
            "attributes: no run was trained on crossed attributes (`physscale run attributes` "
            "trains six); of a file, give --pair"
        )
    return {"conflicts": tables, "ranking": ranking_record(rank(duels))}


def conflict_record(found: Conflict) -> Record:
    """Rates of the outcomes, the share that the first attribute wins, and the median movement of
    each attribute."""
    moved = dict(zip(found.pair, (found.first_moved, found.second_moved), strict=True))
    return {
        "pair": list(found.pair),
        "videos": len(found.outcome),
        "outcomes": _rates(found),
        "first_of_decided": asdict(found.duel.rate),
        "moved": {
            name: float(np.median(values[np.isfinite(values)]))
            if np.isfinite(values).any()
            else None
            for name, values in moved.items()
        },
    }


def ranking_record(ranking: Ranking) -> Record:
    """Verdict, orders, and the share of draws with the paper's order."""
    return {
        "verdict": ranking.verdict,
        "order": list(ranking.order),
        "confidence": ranking.confidence,
        "cyclic": ranking.cyclic,
        "orders": {" > ".join(order): share for order, share in ranking.orders.items()},
        "papers_order": ranking.share_of(PAPERS_ORDER),
        "log_strength": {name: asdict(value) for name, value in ranking.log_strength.items()},
    }


def memory_record(probed: Sequence[ProbedVideos]) -> Record:
    """Copies, pull and reversals of every split."""
    splits = []
    for one in probed:
        row: Record = {"name": one.name, "kind": one.kind, "videos": len(one.truth)}
        looked = [(one.truth, one.tracks)] + [
            (rows, tracks_of(rows, one.true_some(rows))) for rows in (one.truth, one.calibration)
        ]
        for space in SPACES:
            made, own, true = (
                nearest_training(
                    rows,
                    tracks,
                    training=one.training,
                    condition_frames=one.condition_frames,
                    space=space,
                )
                for rows, tracks in looked
            )
            found = memory(made, own_truth=own, calibration_m=true.distance_m)
            copied = [
                {
                    "index": int(one.truth.index[at]),
                    "training_row": int(made.row[at]),
                    "distance_m": float(made.distance_m[at]),
                }
                for at in found.copied[:LISTED_COPIES].tolist()
            ]
            row[space] = {**asdict(replace(found, copied=found.copied[:0])), "copied": copied}
        turned = METRICS.named("reversal_rate").per_video(one.generated)
        turned = turned[np.isfinite(turned)]
        splits.append(row | {"reversed": asdict(wilson(int((turned > 0).sum()), of=len(turned)))})
    return {"splits": splits}


def hull_record(probed: Sequence[ProbedVideos]) -> Record:
    """How the velocity error over all splits rises with the distance from the training states."""
    found = [_error_at_distance(one) for one in probed]
    error = np.concatenate([one.error for one in found])
    record: Record = {"splits": [one.record for one in found]}
    distances = {
        "hull": np.concatenate([one.distance.hull for one in found]),
        "nearest": np.concatenate([one.distance.nearest for one in found]),
    }
    for name, distance in distances.items():
        record[name] = None
        measured = distance[np.isfinite(error)]
        if len(measured) >= 3 and np.ptp(measured) > 0:
            rising = rise(error, distance=distance)
            record[name] = {**asdict(rising), "at": rising.at.tolist()}
    return record


@dataclass(frozen=True)
class _Errors:
    error: np.ndarray
    distance: Distances
    record: Record


def _error_at_distance(one: ProbedVideos) -> _Errors:
    distance = training_distances(one.truth, training=one.training)
    error = METRICS.named("velocity_error").per_video(one.generated)
    means = {
        "hull": distance.hull,
        "nearest": distance.nearest,
        "velocity_error": error[np.isfinite(error)],
    }
    return _Errors(
        error,
        distance,
        {"name": one.name}
        | {name: float(values.mean()) for name, values in means.items() if len(values)},
    )


def _rates(found: Conflict) -> Record:
    return {name: asdict(rate) for name, rate in found.rates.items()}
