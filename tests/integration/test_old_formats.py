"""What earlier formats left unfinished goes on, and what it wrote is read.

`unfinished_0.1` is of commit 92c8fbd: checkpoints of format 1. `unfinished_unsealed` is of commit
68b80a4: checkpoints of format 2, but ledger, histories, descriptions and draws without digests.
Each holds a run of 24 steps that was stopped after 9, its latents, its ledger, six videos and draws
of format 1."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.fit.draws import read_draws
from physscale.dataset.file import digest, with_frames
from physscale.dataset.folder import open_dataset
from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.run import latent_cache
from physscale.run.execute import execute
from physscale.run.latent_cache import caches_of, open_cache
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.study.plan import recorded_runs
from physscale.study.spec import Study
from physscale.train.checkpoint import load_model
from tests.paths import ROOT
from tests.sweep_doubles import drive_plainly
from tests.tiny import UNIFORM, tiny_run

RUN = tiny_run(steps=24, videos=10)


@pytest.fixture(params=["unfinished_0.1", "unfinished_unsealed"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(ROOT / "tests" / "golden" / "results" / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(old: Path, tmp_path: Path) -> None:
    store, fresh = Store(old / "tiny"), Store(tmp_path / "fresh")
    study = Study(name="tiny", question="Old?", groups={"seeds": [RUN]})
    assert recorded_runs(store) == [RUN.fingerprint]
    for each in (store, fresh):
        drive_plainly(study, store=each, execute=execute)
    entry = Ledger(store.ledger).entries()[RUN.fingerprint]
    assert (entry.state, entry.attempts) == (State.DONE, 2)
    ours, theirs = (read_metrics(each.run(RUN.fingerprint).metrics) for each in (store, fresh))
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    assert [line["loss"] for line in ours] == pytest.approx([line["loss"] for line in theirs])
    weights = [
        torch.cat(
            [
                values.flatten()
                for values in load_model(
                    each.run(RUN.fingerprint).checkpoints / "step_00000024"
                ).parameters()
            ]
        )
        for each in (store, fresh)
    ]
    # the first steps were taken on another machine, whose last digits differ
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-5)


def test_data_latents_and_draws_are_read(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_cache, "SHARD_VIDEOS", 8)
    drawn = simulate(DataSpec(scenario=UNIFORM, videos=6), indices=np.arange(6))
    again = with_frames(drawn, canvas=Canvas(size_px=16))
    assert digest(open_dataset(old / "data").rows(np.arange(6))) == digest(again)
    (cache,) = caches_of([RUN], store=Store(old / "tiny"))
    shards = open_cache(cache)
    assert shards is not None
    assert sum(len(shard) for shard in shards) == 10
    assert json.loads((old / "tiny" / "study.json").read_text()).keys().isdisjoint({"sha256"})
    draws = read_draws(old / "draws.parquet")
    assert draws[""].law.name == "power-zero"
