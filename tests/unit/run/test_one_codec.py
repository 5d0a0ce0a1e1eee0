"""The workers of a run have one codec: they train it together, and take the very folder that the
first one has, or none does."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest
import torch

from physscale.records.errors import Preempted
from physscale.records.store import Store
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from tests.encoded import VAE, run_of
from tests.paths import ROOT

JOBS: list[dict[str, Any]] = [
    {"name": "together"},
    {"name": "again", "folder": "together"},
    {"name": "stopped", "stopped": 1},
    {"name": "on", "folder": "stopped"},
    {"name": "apart", "apart": True, "patience_s": 0.5},
]
WORLD = 2


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("codec")
    command = [sys.executable, "-W", "error", "-m", "tests.unit.run.one_codec_worker", str(root)]
    workers = [
        subprocess.Popen([*command, str(rank), str(WORLD), json.dumps(JOBS)], cwd=ROOT)
        for rank in range(WORLD)
    ]
    assert [worker.wait(timeout=280) for worker in workers] == [0] * WORLD
    return root


def said(pair: Path, name: str) -> dict[str, Any]:
    """The same by all workers."""
    first, *others = (
        json.loads((pair / f"{name}.{rank}.json").read_text()) for rank in range(WORLD)
    )
    assert all(other == first for other in others)
    return dict(first)


def test_workers_train_what_one_trains(pair: Path, tmp_path: Path) -> None:
    """Their batch has one clip: the second worker has none, and all the same its codec."""
    frames = np.random.default_rng(0).integers(0, 255, (1, 2, 16, 16, 3), dtype=np.uint8)
    alone = codec_of(run_of(VAE), store=Store(tmp_path)).encode(frames).flatten()
    together = torch.tensor(said(pair, "together")["latents"])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    assert said(pair, "again") == said(pair, "together")
    left = {path.name for path in (pair / "together" / "codecs").iterdir()}
    assert not any(name.endswith(".training") for name in left)


def test_all_stop_when_one_is_asked_and_go_on_bit_for_bit(pair: Path) -> None:
    assert said(pair, "stopped")["refused"] == (
        "Preempted: codec training stopped after step 1 of 2; run again to go on"
    )
    assert said(pair, "on") == said(pair, "together")


def test_a_worker_that_does_not_see_it_is_named(pair: Path) -> None:
    told = said(pair, "apart")["refused"]
    assert told.startswith("DamagedData: /codecs/")
    assert "workers [1] of 2 did not see it whole with manifest SHA-256" in told


def test_one_that_waits_for_its_turn_hears_the_request_to_stop(tmp_path: Path) -> None:
    run, store = run_of(VAE), Store(tmp_path)
    lock = store.codec(run.codec_fingerprint).with_suffix(".lock")
    lock.parent.mkdir()
    asked = threading.Event()
    threading.Timer(0.2, asked.set).start()
    with (
        filelock.FileLock(lock),
        pytest.raises(Preempted, match="while it waited for its codec"),
    ):
        codec_of(run, store=store, context=PlainContext(stop_requested=asked.is_set))
