"""A small run whose test splits are scored in several parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from torch import Tensor

from physscale.records.store import Store
from physscale.run import inference_memory
from physscale.run.codec import codec_of
from physscale.run.sampling import Part, Sampler
from physscale.run.validation import Watch
from physscale.train.checkpoint import latest, load_model
from physscale.train.parallel import Workers
from tests.tiny import tiny_run

_TINY = tiny_run(steps=4)
AT_ONCE = 4
RUN = replace(
    _TINY,
    train=replace(_TINY.train, validate_every=4, sample_every=4),
    test_splits=tuple(
        replace(split, data=replace(split.data, videos=videos))
        for split, videos in zip(_TINY.test_splits, (10, 7), strict=True)
    ),
)
PARTS = 3 + 2
"""Of 10 and of 7 videos."""


def validated(store: Store, *, workers: Workers) -> dict[str, float]:
    """What this worker's validation of the trained model says."""
    folder = store.run(RUN.fingerprint)
    newest = latest(folder.checkpoints)
    assert newest is not None
    watch = Watch(RUN, codec_of(RUN, store=store), folder, workers)
    return dict(watch.validate(load_model(newest), RUN.train.steps))


@contextmanager
def counted_parts() -> Iterator[list[Part]]:
    """A few videos pass at once; the parts that this process makes are listed."""
    made: list[Part] = []
    real = Sampler.made

    def counting(sampler: Sampler, part: Part) -> tuple[Tensor, ...]:
        made.append(part)
        return real(sampler, part)

    with (
        patch.object(inference_memory, "VIDEOS_AT_ONCE", AT_ONCE),
        patch.object(Sampler, "made", counting),
    ):
        yield made
