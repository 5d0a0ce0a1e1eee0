"""A training whose number of workers changes again and again loses no sample and doubles none."""

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.paths import ROOT

STEPS, BATCH, VIDEOS = 33, 8, 20


def trained(root: Path, worlds: Sequence[int]) -> tuple[dict[str, torch.Tensor], list[int]]:
    """Losses and weights after equal parts of so many workers each, and the videos in the order of
    the steps."""
    root.mkdir()
    steps, rows = STEPS // len(worlds), []
    for number, world in enumerate(worlds):
        job = {
            "name": str(number),
            "folder": "training",
            "fields": {"steps": STEPS, "batch": BATCH, "optimiser": "adamw"},
            "stops_after": None if number == len(worlds) - 1 else steps,
        }
        command = [sys.executable, "-m", "tests.unit.train.one_worker", str(root)]
        workers = [
            subprocess.Popen([*command, str(rank), str(world), json.dumps([job])], cwd=ROOT)
            for rank in range(world)
        ]
        assert [worker.wait(timeout=120) for worker in workers] == [0] * world
        (root / "meeting").unlink(missing_ok=True)
        ends = [json.loads((root / f"{number}.{rank}.json").read_text()) for rank in range(world)]
        shares = zip(*(end["rows"] for end in ends), strict=False)  # one may read further ahead
        rows += list(chain.from_iterable(chain.from_iterable(shares)))[: steps * BATCH]
    return {name: torch.tensor(ends[0][name]) for name in ("losses", "weights")}, rows


@pytest.mark.slow
def test_ten_changes_of_size_lose_no_sample_and_keep_the_losses(tmp_path: Path) -> None:
    one, videos = trained(tmp_path / "one", [1])
    epochs = np.array(videos[: STEPS * BATCH // VIDEOS * VIDEOS]).reshape(-1, VIDEOS)
    assert (np.sort(epochs) == np.arange(VIDEOS)).all()
    resized, resized_videos = trained(tmp_path / "resized", [1, 2] * 5 + [1])
    assert resized_videos == videos
    torch.testing.assert_close(resized["losses"], one["losses"], rtol=1e-6, atol=0)
    torch.testing.assert_close(resized["weights"], one["weights"], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_stops_without_a_change_of_size_change_no_bit(tmp_path: Path) -> None:
    whole, videos = trained(tmp_path / "whole", [2])
    stopped, stopped_videos = trained(tmp_path / "stopped", [2, 2, 2])
    assert stopped_videos == videos
    assert all(torch.equal(stopped[name], whole[name]) for name in whole)
