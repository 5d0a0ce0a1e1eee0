"""Latents on disk: the same bytes from one worker and two; trainings that read them equal trainings
that encode."""

import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch

from physscale.codec.kinds import PcaSpec
from physscale.codec.spec import CodecSpec
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.encode import encoded_by_actors
from physscale.records.errors import Preempted, Unschedulable, UserError
from physscale.records.metrics import read_metrics
from physscale.records.spec import canonical
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.run import latent_cache
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.latent_cache import caches_of
from physscale.run.spec import RunSpec
from physscale.run.training_data import StoredLatents, StreamedLatents, training_source
from physscale.scheduling.resources import Machine, Node
from physscale.train.checkpoint import latest
from physscale.train.latents import LatentSet
from physscale.train.parallel import Workers
from tests.encoded import VAE, Blind, encode, run_of, units_of


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_cache, "SHARD_VIDEOS", 4)


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


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("spec", [PcaSpec(8), VAE], ids=["components", "vae"])
def test_row_by_row_in_memory_and_as_a_stream_they_are_the_same(
    spec: CodecSpec, precision: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, store = replace(run_of(spec), latent_precision=precision), Store(tmp_path)
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


def test_bfloat16_takes_half_the_bytes_under_another_name(tmp_path: Path) -> None:
    run = run_of(VAE)
    rounded = replace(run, latent_precision="bf16")
    encode(run, root=tmp_path)
    encode(rounded, root=tmp_path)
    plain, half = units_of(run, root=tmp_path)[0], units_of(rounded, root=tmp_path)[0]
    assert half.cache.video_bytes * 2 == plain.cache.video_bytes
    assert half.path.parent != plain.path.parent
    one, other = plain.open(), half.open()
    assert one is not None
    assert other is not None
    assert other.latents.nbytes * 2 == one.latents.nbytes
    numbers = torch.from_numpy(one.take(np.arange(4)))
    assert torch.equal(torch.from_numpy(other.take(np.arange(4))), numbers.bfloat16().float())


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
    run, mark = run_of(VAE), tmp_path / "stop"
    with cluster() as nodes:
        units = units_of(run, root=tmp_path / "two")
        states = dict(
            encoded_by_actors(units, workers=2, machine=Machine(), nodes=nodes, mark=mark)
        )
        shutil.copytree(tmp_path / "two" / "codecs", tmp_path / "blocked" / "codecs")
        (tmp_path / "blocked" / "latents").touch()
        with pytest.raises(UserError, match=r"^cannot write .*blocked.latents"):
            list(
                encoded_by_actors(
                    units_of(run, root=tmp_path / "blocked"),
                    workers=2,
                    machine=Machine(),
                    nodes=nodes,
                    mark=mark,
                )
            )
        mark.touch()
        with pytest.raises(Preempted, match="run again"):
            list(encoded_by_actors(units, workers=2, machine=Machine(), nodes=nodes, mark=mark))
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


def test_more_workers_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    for machine, nodes in ((Machine(), [Node(2.0)]), (Machine(run_gpus=0.5), [Node(16.0, 1.0)])):
        with pytest.raises(Unschedulable, match="at most 2"):
            next(
                encoded_by_actors(
                    [], workers=3, machine=machine, nodes=nodes, mark=tmp_path / "stop"
                )
            )


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
