"""`physscale encode`: what it says, what a plan says of it, and latents that were damaged."""

import json
import os
import signal
import threading
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from physscale.cli.main import main
from physscale.records.errors import DamagedData
from physscale.records.store import Store
from physscale.run import latent_cache
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.run.training_data import training_source
from physscale.study.spec import Study
from physscale.train.parallel import Workers
from tests.encoded import VAE, Blind, encode, run_of, units_of


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_cache, "SHARD_VIDEOS", 4)


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
    printed = capsys.readouterr()
    code = int(str(ended.value.code))
    return code, printed.err if code else json.loads(printed.out)


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
    with pytest.raises(DamagedData, match="`physscale encode` again, which mends"):
        execute(study, store=Store(tmp_path), context=PlainContext())
    assert encode(study, root=tmp_path) == ["kept", "mended", "kept", "kept", "kept", "kept"]


def test_a_signal_saves_the_training_of_the_codec(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(VAE)
    assert run.codec.training is not None
    endless = replace(run.codec.training, steps=10**6)
    run = replace(run, codec=replace(run.codec, training=endless))
    monkeypatch.setattr(
        "physscale.cli.options.load_study",
        lambda name: Study(name="tiny", question="?", groups={"all": [run]}),
    )
    store = Store(tmp_path / "tiny")
    history = store.run(run.fingerprint).codec_fit

    def stop() -> None:
        while not history.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    code, said = tell("encode", results=tmp_path, capsys=capsys)
    assert code == 128 + signal.SIGTERM
    assert "codec training stopped after step" in said.splitlines()[-1]
    folder = store.codec_training(run.codec_fingerprint)
    assert [path.name[:5] for path in folder.iterdir()] == ["step_"]
    assert not store.codec(run.codec_fingerprint).exists()
