"""Probes that look at generated videos: which attribute wins, what is a copy, how the error grows
with the distance from the training.

A `Case` is generated videos beside what they should have been and the training they are compared
with: of a finished run, or of any file. All that is compared with generated frames went through the
same codec and parser. Facts are such as JSON can hold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from physscale.evaluate.generated import Generated
from physscale.evaluate.mechanisms.attributes import Attribute
from physscale.evaluate.mechanisms.conflict import Conflict, conflict
from physscale.evaluate.mechanisms.copying import SPACES, memory, nearest_training
from physscale.evaluate.mechanisms.hull import Distances, rise, training_distances
from physscale.evaluate.mechanisms.ranking import Ranking, rank
from physscale.evaluate.metrics import METRICS
from physscale.evaluate.motion.track import parse
from physscale.finished.runs import Finished
from physscale.records.errors import UserError
from physscale.records.rate import wilson
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.simulate import simulate

PAPERS_ORDER = ("colour", "size", "velocity", "shape")
CALIBRATION = 400
"""More true videos, on which the limit for copies is set."""

LISTED_COPIES = 5
Record = dict[str, Any]
"""What a probe found, as JSON values."""

Frames = Callable[[Videos], np.ndarray]


@dataclass(frozen=True)
class ProbedVideos:
    """Generated videos of one split.

    Attributes:
        samples: true rows with generated frames.
        further: other true rows of the same kind.
        true_frames: rows to their true frames, gone the way of the generated ones.
        pair: the attributes that are crossed, where some are.
    """

    name: str
    kind: str
    samples: Videos
    training: Videos
    further: Videos
    true_frames: Frames
    condition_frames: int
    pair: tuple[Attribute, Attribute] | None = None

    @property
    def pixels(self) -> np.ndarray:
        assert self.samples.pixels is not None, "checked where a case is made"
        return self.samples.pixels


def probed_videos(one: Finished) -> Iterator[ProbedVideos]:
    """Every test split of a finished run."""
    training, codec, scenario = one.training(), one.codec(), one.run.data.scenario
    for split in one.run.test_splits:
        yield ProbedVideos(
            name=split.data.split,
            kind=split.kind,
            samples=one.samples(split),
            training=training,
            further=simulate(split.data, indices=split.data.videos + np.arange(CALIBRATION)),
            true_frames=lambda rows: one.true_frames(rows, codec=codec),
            condition_frames=one.run.objective.condition_frames,
            pair=None if split.kind == "id" else scenario.crossed,
        )


def probed_file(
    samples: Videos,
    *,
    name: str,
    training: Videos,
    condition_frames: int,
    pair: tuple[Attribute, Attribute] | None,
) -> ProbedVideos:
    """Any rows with frames; the true rows to compare with are their own.

    Raises:
        UserError: for rows without frames.
    """
    if samples.pixels is None:
        raise UserError(f"{name}: it holds states and no frames; probes look at generated frames")
    canvas, rows = Canvas(size_px=samples.pixels.shape[2]), samples.with_pixels(None)
    return ProbedVideos(
        name=name,
        kind="",
        samples=samples,
        training=training,
        further=rows,
        true_frames=lambda videos: render(videos, canvas=canvas),
        condition_frames=condition_frames,
        pair=pair,
    )


def attribute_record(cases: Sequence[ProbedVideos]) -> Record:
    """Outcomes of every case that crosses attributes, and the ranking of all together.

    Raises:
        UserError: where none does.
    """
    tables, duels = [], []
    for case in (one for one in cases if one.pair is not None):
        assert case.pair is not None
        made, true = (
            conflict(
                case.samples,
                pixels,
                training=case.training,
                pair=case.pair,
                condition_frames=case.condition_frames,
            )
            for pixels in (case.pixels, case.true_frames(case.samples))
        )
        duels.append(made.duel)
        tables.append({"name": case.name, **conflict_record(made), "true_frames": _rates(true)})
    if not duels:
        raise UserError(
            "attributes: no run was trained on crossed attributes (`physscale run attributes` "
            "trains six); of a file, give --pair"
        )
    return {"conflicts": tables, "ranking": ranking_record(rank(duels))}


def conflict_record(found: Conflict) -> Record:
    """Rates of the outcomes, who won the decided ones, and how far each attribute moved (medians of
    those seen)."""
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
    """Verdict, orders, and the share of the draws that have the paper's order."""
    return {
        "verdict": ranking.verdict,
        "order": list(ranking.order),
        "confidence": ranking.confidence,
        "cyclic": ranking.cyclic,
        "orders": {" > ".join(order): share for order, share in ranking.orders.items()},
        "papers_order": ranking.share_of(PAPERS_ORDER),
        "log_strength": {name: asdict(value) for name, value in ranking.log_strength.items()},
    }


def memory_record(cases: Sequence[ProbedVideos]) -> Record:
    """Copies, pull and reversals of every case."""
    splits = []
    for case in cases:
        row: Record = {"name": case.name, "kind": case.kind, "videos": len(case.samples)}
        looked = [
            (rows, parse(pixels, body=rows.body, start_m=rows.state[:, 0, :, :2]))
            for rows, pixels in (
                (case.samples, case.pixels),
                (case.samples, case.true_frames(case.samples)),
                (case.further, case.true_frames(case.further)),
            )
        ]
        for space in SPACES:
            made, own, true = (
                nearest_training(
                    rows,
                    tracks,
                    training=case.training,
                    condition_frames=case.condition_frames,
                    space=space,
                )
                for rows, tracks in looked
            )
            found = memory(made, own_truth=own, calibration_m=true.distance_m)
            copied = [
                {
                    "index": int(case.samples.index[at]),
                    "training_row": int(made.row[at]),
                    "distance_m": float(made.distance_m[at]),
                }
                for at in found.copied[:LISTED_COPIES].tolist()
            ]
            row[space] = {**asdict(replace(found, copied=found.copied[:0])), "copied": copied}
        turned = METRICS.named("reversal_rate").per_video(_generated(case))
        turned = turned[np.isfinite(turned)]
        splits.append(row | {"reversed": asdict(wilson(int((turned > 0).sum()), of=len(turned)))})
    return {"splits": splits}


def hull_record(cases: Sequence[ProbedVideos]) -> Record:
    """How the velocity error of all cases together rises with the distance from the training
    states."""
    found = [_error_at_distance(case) for case in cases]
    error = np.concatenate([one.error for one in found])
    record: Record = {"splits": [one.record for one in found]}
    for name in ("hull", "nearest"):
        distance = np.concatenate([getattr(one.distance, name) for one in found])
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


def _error_at_distance(case: ProbedVideos) -> _Errors:
    distance = training_distances(case.samples, training=case.training)
    error = METRICS.named("velocity_error").per_video(_generated(case))
    means = {
        "hull": distance.hull,
        "nearest": distance.nearest,
        "velocity_error": error[np.isfinite(error)],
    }
    return _Errors(
        error,
        distance,
        {"name": case.name}
        | {name: float(values.mean()) for name, values in means.items() if len(values)},
    )


def _generated(case: ProbedVideos) -> Generated:
    return Generated(
        truth=case.samples.with_pixels(None),
        canvas=Canvas(size_px=case.pixels.shape[2]),
        condition_frames=case.condition_frames,
        frames=case.pixels,
    )


def _rates(found: Conflict) -> Record:
    return {name: asdict(rate) for name, rate in found.rates.items()}
