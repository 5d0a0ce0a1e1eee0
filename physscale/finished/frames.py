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

from physscale.dataset.mp4 import mp4_bytes
from physscale.evaluate.abnormal.detector import Detections, abnormal_rates, detect
from physscale.evaluate.abnormal.rules import THRESHOLDS, covers, rules_of
from physscale.evaluate.generated import Generated
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.state_frechet import motions, state_frechet
from physscale.evaluate.scores import RunColumns, score_table
from physscale.finished.runs import Finished, read_run
from physscale.finished.tables import FRAME_SCORES, FRAME_TABLE
from physscale.records.scores import FRAMES, SCORES, Source
from physscale.records.store import RunFolder, Store, write_atomic
from physscale.records.tables import parquet_bytes
from physscale.records.video import Videos
from physscale.run.pictures import FRAMES_PER_S, beside
from physscale.run.scored_split import run_columns
from physscale.run.spec import RunSpec, TestSplit
from physscale.scheduling.gpus import Device

RECIPE = 2
KEY = b"physscale.frames"
FILM_VIDEOS = 3
_COMPARED: tuple[Source, Source] = ("truth", "model")
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
    what = hashlib.sha256(unit.folder.samples(unit.split).read_bytes())
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
    samples, codec = finished.samples(scored), finished.codec(device=device)
    assert samples.pixels is not None, "samples have frames"
    generated = Generated(
        truth=samples.with_pixels(None),
        canvas=run.canvas,
        condition_frames=run.given_frames,
        frames=samples.pixels,
        run=run.fingerprint,
    )
    values = {
        metric.name: metric.per_video(generated)
        for metric in metrics_of("evaluate")
        if metric.defined_on(generated, scenario=scored.data.scenario)
    }
    pixels = generated.true_pixels
    sources: dict[Source, Videos] = {
        "model": samples,
        "truth": samples.with_pixels(pixels),
        "codec": samples.with_pixels(codec.decode(codec.encode(pixels))),
    }
    detections = _detected(sources)
    rows = _rows(sources, values=values, detections=detections, run=run, scored=scored)
    columns = run_columns(run, study=Path(unit.root).resolve().name)
    numbers = _numbers(
        sources, values=values, detections=detections, columns=columns, scored=scored
    )
    mark = {KEY: mark_of(unit)}

    def name_of(suffix: str) -> str:
        return unit.folder.frames(unit.split, suffix=suffix).name

    return UnitFiles(
        {
            FRAME_TABLE: parquet_bytes(rows, name=name_of(FRAME_TABLE)),
            **_films(rows, samples=samples, truth=sources["truth"]),
            FRAME_SCORES: parquet_bytes(
                numbers.replace_schema_metadata(mark), name=name_of(FRAME_SCORES)
            ),
        }
    )


def write(unit: Unit, result: UnitFiles) -> None:
    """Writes the unit's files, each atomically."""
    for suffix, content in result.files.items():
        write_atomic(unit.folder.frames(unit.split, suffix=suffix), content)


def _detected(sources: dict[Source, Videos]) -> dict[Source, Detections]:
    """The detections in each source; empty if the detector has no rules for the scenario."""
    if not _has_rules(sources["model"]):
        return {}
    return {source: detect(videos) for source, videos in sources.items()}


def _rows(
    sources: dict[Source, Videos],
    *,
    values: dict[str, np.ndarray],
    detections: dict[Source, Detections],
    run: RunSpec,
    scored: TestSplit,
) -> pa.Table:
    """Rows of the model's videos with their similarity to the truth, of the true videos, and of the
    true videos after the codec (the result of a perfect model)."""
    rows = []
    for source, videos in sources.items():
        for place, index in enumerate(videos.index.tolist()):
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
                    for name, column in values.items()
                    if name in FRAMES.names and np.isfinite(column[place])
                }
            rows.append(row | _detection(detections.get(source), place=place))
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


def _numbers(
    sources: dict[Source, Videos],
    *,
    values: dict[str, np.ndarray],
    detections: dict[Source, Detections],
    columns: RunColumns,
    scored: TestSplit,
) -> pa.Table:
    split, kind = scored.data.split, scored.kind
    tables = [score_table(values, columns=columns, split=split, kind=kind, source="model")]
    if not detections:
        return tables[0]
    real, fake = (
        motions(sources[source], scores=detections[source].scores) for source in _COMPARED
    )
    found = state_frechet(real, fake=fake)
    sets = {"state_frechet": found.state.value, "violation_frechet": found.violations.value}
    count = len(sources["model"])
    fixed = {**columns, "split": split, "kind": kind, "source": "model", "count": count}
    tables.append(
        pa.Table.from_pylist(
            [{**fixed, "metric": name, "value": value} for name, value in sets.items()],
            schema=SCORES,
        )
    )
    tables += [
        abnormal_rates(found, columns=columns, split=split, kind=kind, source=source)
        for source, found in detections.items()
    ]
    return pa.concat_tables(tables)


def _films(rows: pa.Table, *, samples: Videos, truth: Videos) -> dict[str, bytes]:
    """The model's worst and best videos as mp4: the most and the least abnormal, with ties broken
    by PSNR."""
    assert samples.pixels is not None, "samples have frames"
    assert truth.pixels is not None, "rendered before"
    model = rows.slice(0, len(samples)).to_pylist()
    order = sorted(
        range(len(model)),
        key=lambda place: (-(model[place]["excess"] or 0.0), model[place]["psnr_db"]),
    )
    chosen = {WORST: order[:FILM_VIDEOS], BEST: order[::-1][:FILM_VIDEOS]}
    return {
        suffix: mp4_bytes(
            beside(truth.pixels[places], samples.pixels[places]), frames_per_s=FRAMES_PER_S
        )
        for suffix, places in chosen.items()
    }


def _has_rules(videos: Videos) -> bool:
    assert videos.pixels is not None, "samples have frames"
    return covers(videos) and videos.pixels.shape[2] >= rules_of(videos).least_px
