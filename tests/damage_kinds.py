"""Every kind of file that physscale writes, and the reader of each."""

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.data.study import read_study
from analysis.fit.draws import read_draws, write_draws
from analysis.fit.fit import fit
from analysis.laws.registry import law_named
from physscale.dataset import folder as dataset_folder
from physscale.dataset.file import digest, read_videos
from physscale.dataset.folder import Layout, open_dataset, write_dataset
from physscale.finished.frames import Unit, evaluated, write
from physscale.finished.runs import Finished, finished_runs
from physscale.finished.tables import planned_groups, write_frame_tables, write_study_tables
from physscale.records.json_lines import read_lines
from physscale.records.scores import FRAMES
from physscale.records.spec import canonical
from physscale.records.store import Store
from physscale.records.tables import read_parquet, read_scores
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.codec import FitProgress
from physscale.run.execute import execute
from physscale.run.latent_cache import caches_of, open_cache
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.study.plan import plan, recorded_rows, write_study
from physscale.study.spec import Study
from physscale.study.speed import Speed
from tests.damage import Kind
from tests.encoded import encode
from tests.sweep_doubles import drive_plainly
from tests.tiny import tiny_run

ROWS, PER_SHARD = 12, 4
RUNS = [replace(tiny_run(steps=4, videos=10, seed=seed), seed=0) for seed in (0, 1)]
"""Two trainings that differ in their videos alone."""


KINDS = (
    "checkpoint",
    "codec",
    "codec fit",
    "data with frames",
    "data with palette",
    "data with states",
    "draws",
    "frames of runs",
    "frames of studies",
    "history",
    "latents",
    "ledger",
    "run.json",
    "samples",
    "scores of runs",
    "scores of studies",
    "study.json",
)


def build(root: Path) -> dict[str, Kind]:
    """A study of two finished runs with latents, and two data sets."""
    store = Store(root / "study")
    for run in RUNS:
        encode(run, root=store.root)
    drive_again(store)
    for run in RUNS:
        unit = Unit(str(store.root), store.run(run.fingerprint).root.name, "id")
        write(unit, evaluated(unit, device="cpu"))
    write_frame_tables(store)
    log = FitProgress(store.run(RUNS[0].fingerprint).codec_fit)
    for at in (0.5, 0.25):  # as the codec of a VAE leaves it
        log(done=8, steps=8, parts={"loss": at})
    kinds = _kinds(store) | _frames(store) | {"draws": _draws(root / "draws.parquet")}
    return kinds | {
        f"data with {name}": _data_set(root / name, encoding=encoding)
        for name, encoding in (("states", None), ("frames", "rgb"), ("palette", "palette"))
    }


def drive_again(store: Store) -> None:
    """Runs what the study lacks, and writes its tables."""
    study = Study(name="damaged", question="Is it found?", groups={"seeds": RUNS})
    drive_plainly(study, store=store, execute=execute)
    write_study(study, store=store, rows=plan(study, store=store, flops_per_s=1e9))
    write_study_tables(store, groups=planned_groups(store))


def tables_of(root: Path) -> object:
    """Everything that the analysis reads of a study but its history."""
    seen = read_study(root)
    runs = [(run.fingerprint, canonical(dict(run.spec))) for run in seen.runs.values()]
    return (seen.rows, seen.outcomes.to_pylist(), runs, canonical(dict(seen.record)))


def _frames(store: Store) -> dict[str, Kind]:
    """What `physscale evaluate STUDY` writes."""

    def of_study() -> object:
        tables = (read_parquet(store.frames, FRAMES), read_scores(store.frame_scores))
        return [table.to_pylist() for table in tables]

    def of_runs() -> object:
        write_frame_tables(store)
        return of_study()

    tables = tuple(sorted(store.root.glob("runs/*/frames/*.parquet")))
    return {
        "frames of runs": Kind(tables, of_runs),
        "frames of studies": Kind((store.frames, store.frame_scores), of_study),
    }


def _draws(path: Path) -> Kind:
    sizes = np.geomspace(1e3, 1e6, 6)
    noise = np.exp(0.02 * np.random.default_rng(0).standard_normal(6))
    found = fit(
        law_named("power-zero"),
        columns={"x": sizes},
        response=3 * sizes**-0.3 * noise,
        bootstrap=20,
        with_profile=False,
    )
    write_draws(path, {"": found}, seed=0)

    def look() -> object:
        read = read_draws(path)
        return [
            (
                name,
                one.law.name,
                one.estimate,
                one.opened,
                one.built.frozen,
                hashed(one.theta),
                hashed(one.objective),
                {key: hashed(values) for key, values in one.readable.items()},
            )
            for name, one in read.items()
        ]

    return Kind((path,), look)


def _data_set(path: Path, *, encoding: Any) -> Kind:
    data = DataSpec(scenario=RUNS[0].data.scenario, videos=ROWS)
    canvas = Canvas(size_px=16, style="hard") if encoding == "palette" else Canvas(size_px=16)
    layout = Layout(
        identity=canonical(data), videos=ROWS, rows_per_shard=PER_SHARD, encoding=encoding
    )
    write_dataset(
        path,
        layout,
        make=lambda indices: simulate(data, indices=indices),
        canvas=canvas if encoding else None,
    )

    def look() -> object:
        dataset_folder._read_shard.cache_clear()
        return digest(open_dataset(path).rows(np.arange(ROWS)))

    return Kind(tuple(sorted(path.iterdir())), look)


def _kinds(store: Store) -> dict[str, Kind]:
    finished = [Finished(run, store) for run in RUNS]
    still = render(simulate(RUNS[0].data, indices=np.arange(1)), canvas=RUNS[0].canvas)

    def files(pattern: str) -> tuple[Path, ...]:
        return tuple(path for path in sorted(store.root.glob(pattern)) if path.is_file())

    def codec() -> object:
        return [hashed(one.codec(device="cpu").encode(still).numpy()) for one in finished]

    def model() -> object:
        weights = [one.model(device="cpu").state_dict() for one in finished]
        return [{name: hashed(tensor.numpy()) for name, tensor in each.items()} for each in weights]

    def latents() -> object:
        return [
            hashed(shard.take(shard.first + np.arange(len(shard))))
            for cache in caches_of(RUNS, store=store)
            for shard in open_cache(cache) or []
        ]

    def tables() -> object:
        write_study_tables(store, groups=planned_groups(store))
        return whole_study()

    def whole_study() -> object:
        return tables_of(store.root)

    def histories() -> object:
        return [
            (line["step"], line["loss"], line["time_s"])
            for run in read_study(store.root).runs.values()
            for line in run.metrics()
        ]

    return {
        "checkpoint": Kind(files("runs/*/checkpoints/step_00000004/*"), model),
        "codec": Kind(files("codecs/*/*"), codec),
        "codec fit": Kind(
            files("runs/*/codec_fit.jsonl"),
            lambda: [line for file in files("runs/*/codec_fit.jsonl") for line in read_lines(file)],
            prefix_is_whole=True,
        ),
        "history": Kind(files("runs/*/metrics.jsonl"), histories),
        "latents": Kind(files("latents/*/*"), latents),
        "ledger": Kind(
            files("ledger.jsonl"), lambda: read_lines(store.ledger), prefix_is_whole=True
        ),
        "run.json": Kind(
            files("runs/*/run.json"),
            lambda: (
                [one.run.fingerprint for one in finished_runs(store, beginnings=[])],
                whole_study(),
            ),
        ),
        "samples": Kind(
            files("runs/*/samples/*"),
            lambda: [
                digest(read_videos(one.samples(split).path))
                for one in finished
                for split in one.run.test_splits
            ],
        ),
        "scores of runs": Kind(files("runs/*/*.parquet"), tables),
        "scores of studies": Kind(files("*.parquet"), whole_study),
        "study.json": Kind(
            files("study.json"),
            lambda: (
                [asdict(row) for row in recorded_rows(store, speed=Speed(1e9, ""))],
                planned_groups(store),
                whole_study(),
            ),
        ),
    }


def hashed(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()
