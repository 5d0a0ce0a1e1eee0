"""Every kind of file that physscale writes, the reader of each, and ways to damage a file.

After damage a reader may refuse in one line, or give what it gave before. Anything else is a wrong
result."""

import hashlib
import random
from collections import Counter
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
from physscale.records.json_lines import read_lines
from physscale.records.spec import canonical
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.execute import execute
from physscale.run.latent_cache import caches_of, open_cache
from physscale.scheduling.resources import Machine
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.study.drive import drive
from physscale.study.plan import plan, recorded_rows, write_study
from physscale.study.spec import Study
from physscale.study.speed import Speed
from tests.encoded import encode
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

Ending = Literal["found", "harmless", "wrong", "not one line", "traceback"]
Harm = Callable[..., dict[Path, bytes]]
ROWS, PER_SHARD = 12, 4
RUNS = [replace(tiny_run(steps=4, videos=10, seed=seed), seed=0) for seed in (0, 1)]
"""Two trainings that differ in their videos alone."""


KINDS = (
    "checkpoint",
    "codec",
    "data with frames",
    "data with palette",
    "data with states",
    "history",
    "latents",
    "ledger",
    "run.json",
    "samples",
    "scores of runs",
    "scores of studies",
    "study.json",
)


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and everything that a reader makes of them."""

    files: tuple[Path, ...]
    look: Callable[[], Any]
    prefix_is_whole: bool = False
    """A ledger that is cut short is the ledger of a moment before: work is done again."""


def build(root: Path) -> dict[str, Kind]:
    """A study of two finished runs with latents, and two data sets."""
    store = Store(root / "study")
    for run in RUNS:
        encode(run, root=store.root)
    drive_again(store)
    return _kinds(store) | {
        f"data with {name}": _data_set(root / name, encoding=encoding)
        for name, encoding in (("states", None), ("frames", "rgb"), ("palette", "palette"))
    }


def drive_again(store: Store) -> None:
    """Runs what the study lacks, and writes its tables."""
    study = Study(name="damaged", question="Is it found?", groups={"seeds": RUNS})
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


def tables_of(root: Path) -> object:
    """Everything that the analysis reads of a study but its history."""
    seen = read_study(root)
    runs = [(run.fingerprint, canonical(dict(run.spec))) for run in seen.runs.values()]
    return (seen.rows, seen.outcomes.to_pylist(), runs, canonical(dict(seen.record)))


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


def truncated(kind: Kind, *, chance: random.Random) -> dict[Path, bytes]:
    """One file cut short."""
    file = chance.choice(kind.files)
    content = file.read_bytes()
    return {file: content[: chance.randrange(len(content))]}


def flipped(kind: Kind, *, chance: random.Random) -> dict[Path, bytes]:
    """One bit of one file flipped."""
    file = chance.choice(kind.files)
    changed = bytearray(file.read_bytes())
    bit = chance.randrange(8 * len(changed))
    changed[bit // 8] ^= 1 << bit % 8
    return {file: bytes(changed)}


def swapped(kind: Kind, *, chance: random.Random) -> dict[Path, bytes]:
    """Two different files of the kind, each in the other's place; none where there is one."""
    pairs = [
        (one, other)
        for one in kind.files
        for other in kind.files
        if one < other and one.read_bytes() != other.read_bytes()
    ]
    if not pairs:
        return {}
    one, other = chance.choice(pairs)
    return {one: other.read_bytes(), other: one.read_bytes()}


HARMS = (truncated, flipped, swapped)


def damaged(kind: Kind, *, harm: Harm, times: int, seed: str) -> Counter[Ending]:
    """How often the reader ended in which way.

    Raises:
        AssertionError: with the seed and the file, for a wrong result or a traceback.
    """
    chance, before, endings = random.Random(seed), kind.look(), Counter[Ending]()
    for number in range(times):
        changes = harm(kind, chance=chance)
        with restored(*changes):
            for file, content in changes.items():
                file.write_bytes(content)
            how, said = ending(kind, before=before)
        assert how in ("found", "harmless"), f"{seed} {number} {list(changes)}: {how}: {said}"
        endings[how] += bool(changes)
    return endings


def ending(kind: Kind, *, before: Any) -> tuple[Ending, str]:
    """What the reader makes of the files now, and what it said."""
    try:
        after = kind.look()
    except UserError as refused:
        said = str(refused)
        return ("found" if "\n" not in said and len(said) < 500 else "not one line"), said
    except Exception as error:  # what a user would see as a traceback
        return "traceback", f"{type(error).__name__}: {error}"
    if kind.prefix_is_whole:
        before = before[: len(after)]
    return ("harmless" if after == before else "wrong"), ""
