"""Frame metrics of a run's samples: similarity to the true frames, abnormal videos, and mp4 files
of the worst and best samples.

One unit of work is one split of one run. Its result depends on the samples (and so on the run's
codec), the detector's thresholds, `RECIPE`, and the metrics of plug-ins. The unit's table holds a
fingerprint of them. A finished unit is skipped unless its fingerprint has changed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physscale.dataset.file import VideoFile
from physscale.dataset.mp4 import mp4_bytes
from physscale.evaluate.abnormal.detector import Detections, abnormal_rates
from physscale.evaluate.abnormal.rules import THRESHOLDS
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.state_frechet import state_frechet
from physscale.evaluate.scores import RunColumns, score_table
from physscale.finished.frame_parts import COMPARED, FrameValues, frame_values
from physscale.finished.runs import Finished, read_run
from physscale.finished.tables import FRAME_SCORES, FRAME_TABLE
from physscale.records.scores import FRAMES, SCORES, Source
from physscale.records.store import RunFolder, Store, write_atomic
from physscale.records.tables import parquet_bytes
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.pictures import FRAMES_PER_S, beside
from physscale.run.scored_split import run_columns
from physscale.run.spec import RunSpec, TestSplit
from physscale.scheduling.gpus import Device

RECIPE = 2
KEY = b"physscale.frames"
FILM_VIDEOS = 3
_SOURCES: tuple[Source, ...] = ("model", "truth", "codec")
WORST, BEST = ".worst.mp4", ".best.mp4"


@dataclass(frozen=True)
class Unit:
    """One split of one finished run. `run` is the folder's name."""

    root: str
    run: str
    split: str

    @property
    def folder(self) -> RunFolder:
        return Store(Path(self.root)).run(self.run)


@dataclass(frozen=True)
class UnitFiles:
    """The files of a unit by suffix, in the order of writing: if the last exists, all do."""

    files: dict[str, bytes]


def units_of(runs: Iterable[Finished]) -> list[Unit]:
    """Every split of these runs."""
    return [
        Unit(str(run.store.root), run.name, split.data.split)
        for run in runs
        for split in run.run.test_splits
    ]


def is_done(unit: Unit) -> bool:
    """Whether its tables exist, can be read and have the current fingerprint."""
    path = unit.folder.frames(unit.split, suffix=FRAME_SCORES)
    if not path.exists():
        return False
    try:
        stored = (pq.read_schema(path).metadata or {}).get(KEY, b"")
    except pa.ArrowInvalid:  # damaged: it is made again
        return False
    return bool(stored == mark_of(unit))


def mark_of(unit: Unit) -> bytes:
    """The fingerprint of everything that the unit's result depends on."""
    with unit.folder.samples(unit.split).open("rb") as samples:
        what = hashlib.file_digest(samples, "sha256")
    what.update(THRESHOLDS.read_bytes())
    what.update(str(RECIPE).encode())
    added = [metric.name for metric in metrics_of("evaluate") if metric.name not in FRAMES.names]
    what.update(" ".join(added).encode())
    return what.hexdigest()[:24].encode()


def evaluated(unit: Unit, *, device: Device) -> UnitFiles:
    """Measures one unit; its codec computes on this device."""
    run = read_run(unit.folder)
    scored = next(one for one in run.test_splits if one.data.split == unit.split)
    finished = Finished(run, Store(Path(unit.root)))
    samples = finished.samples(scored)
    found = frame_values(samples, run=run, scored=scored, codec=finished.codec(device=device))
    rows = _rows(found, run=run, scored=scored)
    columns = run_columns(run, study=Path(unit.root).resolve().name)
    numbers = _numbers(found, columns=columns, scored=scored)
    mark = {KEY: mark_of(unit)}

    def name_of(suffix: str) -> str:
        return unit.folder.frames(unit.split, suffix=suffix).name

    return UnitFiles(
        {
            FRAME_TABLE: parquet_bytes(rows, name=name_of(FRAME_TABLE)),
            **_films(rows, samples=samples, run=run),
            FRAME_SCORES: parquet_bytes(
                numbers.replace_schema_metadata(mark), name=name_of(FRAME_SCORES)
            ),
        }
    )


def write(unit: Unit, result: UnitFiles) -> None:
    """Writes the unit's files, each atomically."""
    for suffix, content in result.files.items():
        write_atomic(unit.folder.frames(unit.split, suffix=suffix), content)


def _rows(found: FrameValues, *, run: RunSpec, scored: TestSplit) -> pa.Table:
    """Rows of the model's videos with their similarity to the truth, of the true videos, and of the
    true videos after the codec."""
    rows = []
    for source in _SOURCES:
        for place, index in enumerate(found.index.tolist()):
            row = {
                "run": run.fingerprint,
                "split": scored.data.split,
                "kind": scored.kind,
                "source": source,
                "index": index,
            }
            if source == "model":
                row |= {
                    name: float(column[place])
                    for name, column in found.values.items()
                    if name in FRAMES.names and np.isfinite(column[place])
                }
            rows.append(row | _detection(found.detections.get(source), place=place))
    return pa.Table.from_pylist(rows, schema=FRAMES)


def _detection(detections: Detections | None, *, place: int) -> dict[str, object]:
    if detections is None:
        return {"rules": []}
    excess = max(
        float(scores[place]) / detections.thresholds[rule]
        for rule, scores in detections.scores.items()
    )
    fired = [rule for rule, flags in detections.fired.items() if flags[place]]
    return {"abnormal": bool(fired), "rules": fired, "excess": excess}


def _numbers(found: FrameValues, *, columns: RunColumns, scored: TestSplit) -> pa.Table:
    split, kind = scored.data.split, scored.kind
    values = score_table(found.values, columns=columns, split=split, kind=kind, source="model")
    if not found.detections:
        return values
    real, fake = (found.motions[source] for source in COMPARED)
    apart = state_frechet(real, fake=fake)
    sets = {"state_frechet": apart.state.value, "violation_frechet": apart.violations.value}
    fixed = {**columns, "split": split, "kind": kind, "source": "model", "count": len(found.index)}
    distances = pa.Table.from_pylist(
        [{**fixed, "metric": name, "value": value} for name, value in sets.items()],
        schema=SCORES,
    )
    rates = [
        abnormal_rates(detections, columns=columns, split=split, kind=kind, source=source)
        for source, detections in found.detections.items()
    ]
    return pa.concat_tables([values, distances, *rates])


def _films(rows: pa.Table, *, samples: VideoFile, run: RunSpec) -> dict[str, bytes]:
    """The model's worst and best videos as mp4: the most and the least abnormal, with ties broken
    by PSNR."""
    model = rows.slice(0, len(samples.states)).to_pylist()
    order = sorted(
        range(len(model)),
        key=lambda place: (-(model[place]["excess"] or 0.0), model[place]["psnr_db"]),
    )
    chosen = {WORST: order[:FILM_VIDEOS], BEST: order[::-1][:FILM_VIDEOS]}
    return {
        suffix: _film(samples.take(np.array(places)), run=run) for suffix, places in chosen.items()
    }


def _film(samples: Videos, *, run: RunSpec) -> bytes:
    truth = render(samples.with_pixels(None), canvas=run.canvas)
    return mp4_bytes(beside(truth, samples.frames), frames_per_s=FRAMES_PER_S)
