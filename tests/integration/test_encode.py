"""`physscale encode`: latents on disk, the same bytes from one worker and two; trainings that read
them equal trainings that encode."""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch

from physscale.cli.main import main
from physscale.codec.kinds import PcaSpec, VaeSpec
from physscale.codec.spec import CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.model.dit_spec import DiTSpec
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.encode import encoded_by_actors
from physscale.records.errors import DamagedData, Unschedulable, UserError
from physscale.records.metrics import read_metrics
from physscale.records.spec import canonical
from physscale.records.store import Store
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.run import latent_cache
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.encode import encode_unit
from physscale.run.execute import execute
from physscale.run.latent_cache import Unit, caches_of
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.run.training_data import StoredLatents, StreamedLatents, training_source
from physscale.scheduling.resources import Machine, Node
from physscale.simulate.spec import DataSpec
from physscale.study.spec import Study
from physscale.train.checkpoint import latest
from physscale.train.latents import LatentSet
from physscale.train.parallel import Workers
from tests.tiny import tiny_run

VAE = VaeSpec(widths=(8, 8), groups=4, latent_channels=2)


def run_of(spec: CodecSpec = PcaSpec(8), *, videos: int = 10, steps: int = 6) -> RunSpec:  # noqa: B008 - frozen
    """Mirrored videos, files of four."""
    run = tiny_run(videos=videos, steps=steps)
    training = VaeTraining(steps=2, batch=1, frames=2) if isinstance(spec, VaeSpec) else None
    model = DiTSpec(width=8, depth=2, heads=1, patch=4) if isinstance(spec, VaeSpec) else run.model
    recipe = CodecRecipe(spec=spec, corpus=run.codec.corpus, training=training)
    return replace(run, codec=recipe, model=model, train=replace(run.train, flip="horizontal"))


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_cache, "SHARD_VIDEOS", 4)


def units_of(run: RunSpec, *, root: Path) -> list[Unit]:
    return [unit for cache in caches_of([run], store=Store(root)) for unit in cache.units]


def encode(run: RunSpec, *, root: Path) -> list[str]:
    return [encode_unit(unit).state for unit in units_of(run, root=root)]


class Blind(PlainContext):
    """Nobody draws a training video."""

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        raise AssertionError("the training drew videos of its own")


@pytest.mark.parametrize("spec", [PcaSpec(8), VAE], ids=["components", "vae"])
def test_a_training_that_reads_them_equals_one_that_encodes(
    spec: CodecSpec, tmp_path: Path
) -> None:
    run = run_of(spec)
    alone, cached = Store(tmp_path / "alone" / "study"), Store(tmp_path / "cached" / "study")
    execute(run, store=alone, context=PlainContext())
    assert encode(run, root=cached.root) == ["made"] * 6
    execute(run, store=cached, context=Blind())
    losses, tensors = [], []
    for store in (alone, cached):
        folder = store.run(run.fingerprint)
        losses.append([line["loss"] for line in read_metrics(folder.metrics)])
        newest = latest(folder.checkpoints)
        assert newest is not None
        tensors.append(safetensors.torch.load_file(newest / "model.safetensors"))
        assert folder.scores.exists()
    assert losses[0] == losses[1]
    assert all(torch.equal(tensor, tensors[1][name]) for name, tensor in tensors[0].items())
    assert (
        alone.run(run.fingerprint).scores.read_bytes()
        == cached.run(run.fingerprint).scores.read_bytes()
    )


@pytest.mark.parametrize("spec", [PcaSpec(8), VAE], ids=["components", "vae"])
def test_row_by_row_in_memory_and_as_a_stream_they_are_the_same(
    spec: CodecSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, store = run_of(spec), Store(tmp_path)
    codec = codec_of(run, store=store)
    streamed = training_source(run, codec=codec, context=PlainContext(), store=store, held_bytes=0)
    encode(run, root=tmp_path)
    held = training_source(run, codec=codec, context=Blind(), store=store)
    stored = training_source(run, codec=codec, context=Blind(), store=store, held_bytes=0)
    kinds = (type(streamed), type(held), type(stored))
    assert kinds == (StreamedLatents, LatentSet, StoredLatents)
    assert streamed.shape == held.shape == stored.shape
    for start in (0, 3):
        sources = [
            source.batches(start, seed=3, batch=7, workers=Workers())
            for source in (streamed, held, stored)
        ]
        for one, two, three in islice(zip(*sources, strict=False), 4):
            assert torch.equal(one, two)
            assert torch.equal(two, three)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    for source in (held, stored):
        shares = [
            next(source.batches(3, seed=3, batch=7, workers=Workers(rank, 2))) for rank in range(2)
        ]
        assert torch.equal(
            torch.cat(shares), next(held.batches(3, seed=3, batch=7, workers=Workers()))
        )


def test_what_is_there_is_kept_and_more_videos_change_only_the_last_file(tmp_path: Path) -> None:
    run = run_of(videos=10)
    assert encode(run, root=tmp_path) == ["made"] * 6
    units = units_of(run, root=tmp_path)
    before = {unit.path: unit.path.read_bytes() for unit in units}
    units[1].path.unlink()
    assert encode(run, root=tmp_path) == ["kept", "made", "kept", "kept", "kept", "kept"]
    assert {path: path.read_bytes() for path in before} == before
    assert encode(run_of(videos=13), root=tmp_path) == ["kept", "kept", "made", "made"] * 2
    assert [path for path, content in before.items() if path.read_bytes() != content] == [
        units[2].path,
        units[5].path,
    ]
    assert encode(run, root=tmp_path) == ["kept"] * 6, "the first ten of thirteen"


def test_a_cache_is_named_by_what_it_holds(tmp_path: Path) -> None:
    run = run_of()
    store = Store(tmp_path)

    def names(other: RunSpec) -> set[str]:
        return {cache.fingerprint for cache in caches_of([other], store=store)}

    mine = names(run)
    assert len(mine) == 2, "plain and mirrored"
    unchanged = [
        replace(run, seed=3),
        replace(run, model=replace(run.model, depth=3)),
        run_of(videos=99),
    ]
    assert all(names(other) == mine for other in unchanged)
    changed = [
        replace(run, canvas=Canvas(size_px=24)),
        replace(run, data=replace(run.data, seed=1)),
        run_of(PcaSpec(9)),
    ]
    assert not any(names(other) & mine for other in changed)
    together = caches_of(
        [run, run_of(videos=99), replace(run, train=replace(run.train, flip="none"))], store=store
    )
    assert sorted((cache.side, cache.videos) for cache in together) == [
        ("mirrored", 99),
        ("plain", 99),
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_workers_write_the_same_bytes(tmp_path: Path) -> None:
    run = run_of(VAE)
    with cluster() as nodes:
        units = units_of(run, root=tmp_path / "two")
        states = dict(encoded_by_actors(units, workers=2, machine=Machine(), nodes=nodes))
        shutil.copytree(tmp_path / "two" / "codecs", tmp_path / "blocked" / "codecs")
        (tmp_path / "blocked" / "latents").touch()
        with pytest.raises(UserError, match=r"^cannot write .*blocked.latents"):
            list(
                encoded_by_actors(
                    units_of(run, root=tmp_path / "blocked"),
                    workers=2,
                    machine=Machine(),
                    nodes=nodes,
                )
            )
    assert sorted(states, key=units.index) == units
    assert {one.state for one in states.values()} == {"made"}
    encode(run, root=tmp_path / "one")
    for ours, theirs in zip(units_of(run, root=tmp_path / "one"), units, strict=True):
        assert ours.path.read_bytes() == theirs.path.read_bytes()
        assert ours.path.stat().st_size == states[theirs].bytes


def test_a_codec_that_runs_away_is_one_line(tmp_path: Path) -> None:
    run = run_of(VAE)
    assert run.codec.training is not None
    wild = replace(run.codec.training, steps=9, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(UserError, match=r"vae step \d: loss .*learning_rate"):
        encode(replace(run, codec=replace(run.codec, training=wild)), root=tmp_path)


def test_more_workers_than_there_is_room_for_are_refused() -> None:
    for machine, nodes in ((Machine(), [Node(2.0)]), (Machine(run_gpus=0.5), [Node(16.0, 1.0)])):
        with pytest.raises(Unschedulable, match="at most 2"):
            next(encoded_by_actors([], workers=3, machine=machine, nodes=nodes))


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    run = run_of()
    encode(run, root=tmp_path)
    unit = units_of(run, root=tmp_path)[0]
    with pa.memory_map(str(unit.path)) as source, pa.ipc.open_file(source) as reader:
        table = reader.read_all()
    assert table.schema.metadata == {
        b"physscale_latents": b"1",
        b"physscale_fingerprint": unit.cache.fingerprint.encode(),
        b"physscale_canvas": canonical(run.canvas).encode(),
    }
    assert table["index"].to_pylist() == [0, 1, 2, 3]
    assert table.schema.field("latents").type == pa.fixed_shape_tensor(pa.float32(), (16, 8, 1, 1))


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> RunSpec:
    run = run_of()
    monkeypatch.setattr(
        "physscale.cli.options.load_study",
        lambda name: Study(name="tiny", question="?", groups={"all": [run]}),
    )
    return run


def tell(
    command: str, *more: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as ended:
        main([command, "tiny", "--results", str(results), *more])
    told = capsys.readouterr()
    code = int(str(ended.value.code))
    return code, told.err if code else json.loads(told.out)


def test_the_command(study: RunSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, dry = tell("encode", "--dry-run", "--json", results=tmp_path, capsys=capsys)
    assert (code, list(tmp_path.iterdir())) == (0, [])
    assert [(one["side"], one["files"], one["missing"], one["bytes"]) for one in dry["caches"]] == [
        ("plain", 3, 3, 10 * 16 * 8 * 4),
        ("mirrored", 3, 3, 10 * 16 * 8 * 4),
    ]
    assert tell("encode", "--json", results=tmp_path, capsys=capsys)[1]["files"] == {"made": 6}
    assert tell("encode", "--json", results=tmp_path, capsys=capsys)[1]["files"] == {"kept": 6}
    notes = tell("plan", "--json", results=tmp_path, capsys=capsys)[1]["notes"]
    assert sum("3 of 3 files, used" in note for note in notes) == 2
    units = units_of(study, root=tmp_path / "tiny")
    units[0].path.unlink()
    notes = tell("plan", "--json", results=tmp_path, capsys=capsys)[1]["notes"]
    assert any(
        "2 of 3 files, `physscale encode` makes the rest; not used until then" in note
        for note in notes
    )


def test_a_plan_says_what_encoding_takes_where_latents_are_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, store = run_of(steps=6), Store(tmp_path)
    assert latent_cache.cache_notes([run], store=store) == []
    monkeypatch.setattr(latent_cache, "HELD_BYTES", 100)
    video = 2 * 16 * 3 * 16**2 * 8
    (note,) = latent_cache.cache_notes([run], store=store)
    assert (
        f"{6 * 8 * video:.1e} FLOPs more; once by `physscale encode` {2 * 10 * video:.1e}" in note
    )
    encode(run, root=tmp_path)
    assert [
        note.endswith("3 of 3 files, used") for note in latent_cache.cache_notes([run], store=store)
    ] == [True, True]


def test_a_torn_file_stops_before_anything_is_spent_and_is_mended(
    study: RunSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell("encode", "--json", results=tmp_path, capsys=capsys)
    path = units_of(study, root=tmp_path / "tiny")[1].path
    whole = path.read_bytes()
    for torn in (whole[:-40], b"no arrow", whole.replace(b'"size_px":16', b'"size_px":17')):
        path.write_bytes(torn)
        code, said = tell("run", "--backend", "plain", "--json", results=tmp_path, capsys=capsys)
        assert code == 5
        assert str(path) in said
        assert len(said.splitlines()) == 1
        assert not (tmp_path / "tiny" / "runs").exists()
        assert tell("encode", "--json", results=tmp_path, capsys=capsys)[1]["files"] == {
            "kept": 5,
            "mended": 1,
        }
        assert path.read_bytes() == whole


def test_a_flipped_bit_is_noticed_by_whoever_reads_the_row(
    study: RunSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path = tmp_path / "tiny"
    encode(study, root=tmp_path)
    unit = units_of(study, root=tmp_path)[1]
    content = bytearray(unit.path.read_bytes())
    shard = unit.open()
    assert shard is not None
    place = content.index(shard.take(np.array([6]))[0].tobytes())
    content[place + 5] ^= 1
    unit.path.write_bytes(content)
    codec = codec_of(study, store=Store(tmp_path))
    with pytest.raises(
        DamagedData, match=r"shard_00000004\.arrow: video 6 is not what was written"
    ):
        training_source(study, codec=codec, context=Blind(), store=Store(tmp_path))
    stored = training_source(
        study, codec=codec, context=Blind(), store=Store(tmp_path), held_bytes=0
    )
    with pytest.raises(DamagedData, match="video 6"):
        list(islice(stored.batches(0, seed=0, batch=8, workers=Workers()), 4))
    code, said = tell("run", "--backend", "plain", "--json", results=tmp_path.parent, capsys=capsys)
    assert (code, "video 6 is not what was written" in said.splitlines()[-1]) == (5, True)
    assert not (tmp_path / "runs").exists(), "before any run begins"
    with pytest.raises(DamagedData, match="`physscale encode` mends it"):
        execute(study, store=Store(tmp_path), context=PlainContext())
    assert encode(study, root=tmp_path) == ["kept", "mended", "kept", "kept", "kept", "kept"]
