"""A run's samples as frames: how like the true ones they look, which are abnormal, and the worst
and the best of them as pictures.

A unit of work is one split of one run. What it gives depends on the samples (their run's codec
stands behind them), the judge's thresholds and `RECIPE` alone; their fingerprint stands in the
table, so that a unit that was done is never done again, and one whose samples or judge changed is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physscale.dataset.file import read_videos
from physscale.dataset.mp4 import mp4_bytes
from physscale.evaluate.abnormal.detector import Detections, abnormal_rates, detect
from physscale.evaluate.abnormal.rules import THRESHOLDS, rules_of
from physscale.evaluate.frames.perceptual import SMALLEST_PX, st_lpips
from physscale.evaluate.frames.pixels import WINDOW, psnr, ssim
from physscale.evaluate.motion.state_frechet import state_frechet
from physscale.evaluate.scores import RunColumns, Source, score_table
from physscale.finished.runs import Finished, read_run
from physscale.records.errors import UserError
from physscale.records.scores import FRAMES, SCORES
from physscale.records.store import RunFolder, Store, write_atomic
from physscale.records.tables import parquet_bytes, write_parquet
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.cost import cost
from physscale.run.score import FRAMES_PER_S, beside, run_columns
from physscale.run.spec import RunSpec, TestSplit

RECIPE = 2
KEY = b"physscale.frames"
SSIM_VIDEOS, LPIPS_VIDEOS, LPIPS_EVERY = 12, 4, 8
"""The slow metrics look at the first videos of a split, LPIPS at every eighth frame of them; rows
of the others have none."""

SHOWN = 3
TABLE, NUMBERS, WORST, BEST = ".parquet", ".scores.parquet", ".worst.mp4", ".best.mp4"


@dataclass(frozen=True)
class Unit:
    """One split of one finished run; `run` is the folder's name."""

    root: str
    run: str
    split: str

    @property
    def folder(self) -> RunFolder:
        return Store(Path(self.root)).run(self.run)


@dataclass(frozen=True)
class Found:
    """The files of a unit, by their suffix; written in this order, so that the last one's presence
    means all are there."""

    files: dict[str, bytes]


def units_of(runs: Iterable[Finished]) -> list[Unit]:
    """Every split of these runs."""
    return [
        Unit(str(run.store.root), run.name, split.data.split)
        for run in runs
        for split in run.run.test_splits
    ]


def is_done(unit: Unit) -> bool:
    """Whether its tables are there, of these samples by this judge."""
    path = unit.folder.frames(unit.split, suffix=NUMBERS)
    if not path.exists():
        return False
    stored = (pq.read_schema(path).metadata or {}).get(KEY, b"")
    return bool(stored == mark_of(unit))


def mark_of(unit: Unit) -> bytes:
    """What the unit's result depends on."""
    what = hashlib.sha256(unit.folder.samples(unit.split).read_bytes())
    what.update(THRESHOLDS.read_bytes())
    what.update(str(RECIPE).encode())
    return what.hexdigest()[:24].encode()


def evaluated(unit: Unit) -> Found:
    """Everything about one unit."""
    run = read_run(unit.folder)
    found = next(one for one in run.test_splits if one.data.split == unit.split)
    samples = read_videos(unit.folder.samples(unit.split))
    pixels, codec = (
        render(samples.with_pixels(None), canvas=run.canvas),
        Finished(run, Store(Path(unit.root))).codec(),
    )
    truth, coded = (
        samples.with_pixels(frames) for frames in (pixels, codec.decode(codec.encode(pixels)))
    )
    rows, detections = _rows(samples, truth=truth, coded=coded, run=run, scored=found)
    columns = run_columns(run, study=Path(unit.root).resolve().name)
    numbers = _numbers(
        rows, samples=samples, truth=truth, detections=detections, columns=columns, scored=found
    )
    mark = {KEY: mark_of(unit)}
    files = {TABLE: parquet_bytes(rows), **_pictures(rows, samples=samples, truth=truth)}
    return Found(files | {NUMBERS: parquet_bytes(numbers.replace_schema_metadata(mark))})


def write(unit: Unit, found: Found) -> None:
    """Its files, each whole or not at all."""
    for suffix, content in found.files.items():
        write_atomic(unit.folder.frames(unit.split, suffix=suffix), content)


def gather_frames(store: Store) -> int:
    """The tables of the whole study from those of its runs; how many videos of models they hold."""
    groups = _groups(store)
    tables = {TABLE: [FRAMES.empty_table()], NUMBERS: [SCORES.empty_table()]}
    for path in sorted(store.root.glob(f"runs/*/frames/*{NUMBERS}")):
        video_path = path.with_name(path.name.removesuffix(NUMBERS) + TABLE)
        tables[TABLE].append(pq.read_table(video_path, schema=FRAMES).replace_schema_metadata(None))
        numbers = pq.read_table(path, schema=SCORES).replace_schema_metadata(None)
        group = groups.get(numbers["run"][0].as_py(), "") if numbers.num_rows else ""
        column = SCORES.get_field_index("group")
        tables[NUMBERS].append(
            numbers.set_column(
                column, SCORES.field("group"), pa.array([group] * numbers.num_rows, pa.string())
            )
        )
    videos = pa.concat_tables(tables[TABLE])
    write_parquet(store.frames, videos)
    write_parquet(store.frame_scores, pa.concat_tables(tables[NUMBERS]))
    return sum(source == "model" for source in videos["source"].to_pylist())


def largest(runs: Sequence[Finished]) -> list[Finished]:
    """Of every scenario the run with the most parameters, videos, steps and combinations, the first
    seed of several."""
    best: dict[str, Finished] = {}
    for one in sorted(runs, key=lambda one: one.run.seed):
        name = one.run.data.scenario.name
        if name not in best or _extent(one.run) > _extent(best[name].run):
            best[name] = one
    return list(best.values())


def _extent(run: RunSpec) -> tuple[int, ...]:
    return (cost(run).parameters, run.data.videos, run.train.steps, run.combinations)


def _groups(store: Store) -> dict[str, str]:
    if not store.scores.exists():
        return {}
    table = pq.read_table(store.scores, columns=["run", "group"])
    return dict(zip(table["run"].to_pylist(), table["group"].to_pylist(), strict=True))


def _rows(
    samples: Videos, *, truth: Videos, coded: Videos, run: RunSpec, scored: TestSplit
) -> tuple[pa.Table, dict[Source, Detections]]:
    """Rows and detections of the model's videos, of true ones, and of true ones after the codec:
    what a perfect model would give."""
    assert samples.pixels is not None, "samples have frames"
    assert truth.pixels is not None, "rendered before"
    given, size_px = run.objective.condition_frames, samples.pixels.shape[2]
    made, right = samples.pixels[:, given:], truth.pixels[:, given:]
    values: dict[str, np.ndarray] = {"psnr_db": psnr(made, truth=right)}
    if size_px >= WINDOW:
        values["ssim"] = ssim(made[:SSIM_VIDEOS], truth=right[:SSIM_VIDEOS])
    if size_px >= SMALLEST_PX:
        few = slice(0, LPIPS_VIDEOS)
        values["st_lpips"] = st_lpips()(made[few, ::LPIPS_EVERY], truth=right[few, ::LPIPS_EVERY])
    sources: dict[Source, Videos] = {"model": samples, "truth": truth, "codec": coded}
    detections = (
        {source: detect(videos) for source, videos in sources.items()}
        if _has_rules(samples)
        else {}
    )
    rows = []
    for source in sources:
        for place, index in enumerate(samples.index.tolist()):
            numbers = {
                name: float(column[place])
                for name, column in values.items()
                if source == "model" and place < len(column)
            }
            fixed = {
                "run": run.fingerprint,
                "split": scored.data.split,
                "kind": scored.kind,
                "source": source,
                "index": index,
            }
            rows.append({**fixed, **numbers, **_verdict(detections.get(source), place=place)})
    return pa.Table.from_pylist(rows, schema=FRAMES), detections


def _verdict(detections: Detections | None, *, place: int) -> dict[str, object]:
    if detections is None:
        return {"rules": []}
    excess = max(
        float(scores[place]) / detections.thresholds[rule]
        for rule, scores in detections.scores.items()
    )
    fired = [rule for rule, flags in detections.fired.items() if flags[place]]
    return {"abnormal": bool(fired), "rules": fired, "excess": excess}


def _numbers(
    rows: pa.Table,
    *,
    samples: Videos,
    truth: Videos,
    detections: dict[Source, Detections],
    columns: RunColumns,
    scored: TestSplit,
) -> pa.Table:
    split, kind = scored.data.split, scored.kind
    model = rows.slice(0, len(samples))
    per_video = {
        name: model[name].to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("ssim", "psnr_db", "st_lpips")
    }
    tables = [score_table(per_video, columns=columns, split=split, kind=kind, source="model")]
    if not detections:
        return tables[0]
    found = state_frechet(
        truth, fake=samples, scores=[detections[source].scores for source in ("truth", "model")]
    )
    sets = {"state_frechet": found.state.value, "violation_frechet": found.violations.value}
    fixed = {**columns, "split": split, "kind": kind, "source": "model", "count": len(samples)}
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


def _pictures(rows: pa.Table, *, samples: Videos, truth: Videos) -> dict[str, bytes]:
    """Moving pictures of the worst and the best videos of the model: most and least abnormal, of
    equals the less and the more like."""
    assert samples.pixels is not None, "samples have frames"
    assert truth.pixels is not None, "rendered before"
    model = rows.slice(0, len(samples)).to_pylist()
    order = sorted(
        range(len(model)),
        key=lambda place: (-(model[place]["excess"] or 0.0), model[place]["psnr_db"]),
    )
    chosen = {WORST: order[:SHOWN], BEST: order[::-1][:SHOWN]}
    return {
        suffix: mp4_bytes(
            beside(truth.pixels[places], samples.pixels[places]), frames_per_s=FRAMES_PER_S
        )
        for suffix, places in chosen.items()
    }


def _has_rules(videos: Videos) -> bool:
    assert videos.pixels is not None, "samples have frames"
    try:
        rules = rules_of(videos)
    except UserError:
        return False
    return videos.pixels.shape[2] >= rules.least_px
