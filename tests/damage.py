"""Every kind of file that physscale writes, the reader of each, and ways to damage a file.

After damage a reader may refuse in one line, or give what it gave before. Anything else is a wrong
result."""

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.data.study import read_study
from physscale.dataset import folder as dataset_folder
from physscale.dataset.file import digest
from physscale.dataset.folder import Layout, open_dataset, write_dataset
from physscale.finished.runs import Finished, finished_runs
from physscale.finished.tables import planned_groups, write_study_tables
from physscale.records.errors import UserError
from physscale.records.ledger import Ledger
from physscale.records.metrics import read_metrics
from physscale.records.spec import canonical
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.execute import execute
from physscale.run.latent_cache import open_cache
from physscale.scheduling.resources import Machine
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.study.drive import drive
from physscale.study.plan import plan, recorded_rows, write_study
from physscale.study.spec import Study
from physscale.study.speed import Speed
from tests.encoded import encode, units_of
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

Ending = Literal["found", "harmless", "wrong", "not one line", "traceback"]
ROWS, PER_SHARD = 12, 4
RUNS = [replace(tiny_run(steps=4, videos=10, seed=seed), seed=0) for seed in (0, 1)]
"""Two trainings that differ in their videos alone."""


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and everything that a reader makes of them."""

    files: tuple[Path, ...]
    look: Callable[[], object]


def build(root: Path) -> dict[str, Kind]:
    """A study of two finished runs with latents, and two data sets."""
    store = Store(root / "study")
    study = Study(name="damaged", question="Is it found?", groups={"seeds": RUNS})
    for run in RUNS:
        encode(run, root=store.root)
    drive(
        study,
        store=store,
        backend="plain",
        machine=Machine(),
        execute=execute,
        watch=no_watch,
    )
    write_study(study, store=store, rows=plan(study, store=store, flops_per_s=1e9))
    write_study_tables(store, groups=planned_groups(store))
    return _kinds(store) | {
        f"data with {name}": _data_set(root / name, encoding=encoding)
        for name, encoding in (("states", None), ("frames", "rgb"), ("palette", "palette"))
    }


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
            for unit in {unit.cache.fingerprint: unit for run in RUNS for unit in units_of(run, root=store.root)}.values()
            for shard in open_cache(unit.cache) or []
        ]

    def tables() -> object:
        write_study_tables(store, groups=planned_groups(store))
        return whole_study()

    def whole_study() -> object:
        seen = read_study(store.root)
        runs = [(run.fingerprint, canonical(dict(run.spec))) for run in seen.runs.values()]
        return (seen.rows, seen.outcomes.to_pylist(), runs, canonical(dict(seen.record)))

    def histories() -> object:
        return [
            (line["step"], line["loss"], line["time_s"])
            for run in RUNS
            for line in read_metrics(store.run(run.fingerprint).metrics, run=run.fingerprint)
        ]

    def entries() -> object:
        found = Ledger(store.ledger).entries()
        return [
            (run, one.state, one.time_s, one.owner, one.attempts, one.details.get("seconds"))
            for run, one in found.items()
        ]

    return {
        "checkpoint": Kind(files("runs/*/checkpoints/step_00000004/*"), model),
        "codec": Kind(files("codecs/*/*"), codec),
        "history": Kind(files("runs/*/metrics.jsonl"), histories),
        "latents": Kind(files("latents/*/*"), latents),
        "ledger": Kind(files("ledger.jsonl"), entries),
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
                digest(one.samples(split)) for one in finished for split in one.run.test_splits
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


@contextmanager
def restored(*paths: Path) -> Iterator[None]:
    """Every file is as it was, afterwards."""
    before = {path: path.read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


def truncated(content: bytes, *, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, *, chance: random.Random) -> bytes:
    bit = chance.randrange(8 * len(content))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def ending(kind: Kind, *, before: object) -> tuple[Ending, str]:
    """What the reader makes of the files now, and what it said."""
    try:
        after = kind.look()
    except UserError as refused:
        said = str(refused)
        return ("found" if "\n" not in said and len(said) < 500 else "not one line"), said
    except Exception as error:  # what a user would see as a traceback
        return "traceback", f"{type(error).__name__}: {error}"
    return ("harmless" if after == before else "wrong"), ""
