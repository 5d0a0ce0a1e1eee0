"""A stream that begins at any step is the rest of the stream that began at the first: its whole
state is the number of the step."""

from itertools import islice, product
from pathlib import Path

import pytest
import torch

from physscale.codec.kinds import PcaSpec
from physscale.records.store import Store
from physscale.run import latent_cache
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.training_data import StoredLatents, StreamedLatents, training_source
from physscale.train.latents import LatentSet, LatentSource
from physscale.train.parallel import Workers
from tests.encoded import encode, run_of

from .tasks import SmallConditioning
from .test_parallel import unconnected

BATCH, VIDEOS = 6, 180
BATCHES = 2 * VIDEOS // BATCH
"""Two epochs."""
SEEDS = [0, 1, 2**40]


def drawn(
    source: LatentSource, start: int, *, end: int, seed: int, workers: Workers
) -> torch.Tensor:
    batches = source.batches(start, seed=seed, batch=BATCH, workers=workers)
    return torch.stack(list(islice(batches, end - start)))


@pytest.mark.parametrize("workers", [Workers(), unconnected(rank=1, world=3)], ids=["one", "share"])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_epochs_resumed_before_every_batch_have_the_same_rest(
    seed: int, workers: Workers
) -> None:
    numbers = torch.arange(1.0, VIDEOS + 1).view(-1, 1, 1, 1, 1)
    source = LatentSet(numbers, -numbers)
    told = SmallConditioning(numbers.flatten())
    whole = drawn(source, 0, end=BATCHES, seed=seed, workers=workers)
    for start in range(BATCHES):
        rest = drawn(source, start, end=BATCHES, seed=seed, workers=workers)
        assert torch.equal(rest, whole[start:])
        facts = told.batch(start, seed=seed, batch=BATCH, workers=workers)
        assert torch.equal(facts, whole[start].flatten().abs()), "facts of the videos drawn"


def test_streams_from_disk_and_from_the_simulator_resume_before_every_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latent_cache, "SHARD_VIDEOS", 4)
    monkeypatch.setattr("physscale.run.training_data.STEPS_A_STREAM", 3)
    run = run_of(PcaSpec(8), videos=9)
    store = Store(tmp_path)
    codec = codec_of(run, store=store)
    made = training_source(run, codec=codec, context=PlainContext(), store=store, held_bytes=0)
    encode(run, root=tmp_path)
    stored = training_source(run, codec=codec, context=PlainContext(), store=store, held_bytes=0)
    assert (type(made), type(stored)) == (StreamedLatents, StoredLatents)
    for source, seed in product((made, stored), SEEDS):
        whole = drawn(source, 0, end=4, seed=seed, workers=Workers())
        for start in range(1, 4):
            rest = drawn(source, start, end=4, seed=seed, workers=Workers())
            assert torch.equal(rest, whole[start:])
