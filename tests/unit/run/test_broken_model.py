"""A model whose last step broke it is not scored as if it were a bad one."""

from pathlib import Path

import pytest
import torch

from physscale.records.errors import Diverged
from physscale.records.store import Store
from physscale.run.codec import codec_of
from physscale.run.cost import backbone_shape
from physscale.run.inference import inference_of
from physscale.run.sampling import Part, Sampler
from tests.tiny import tiny_run


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e38])
def test_numbers_that_are_not_finite_end_the_run(tmp_path: Path, number: float) -> None:
    run = tiny_run()
    model = run.model.build(backbone_shape(run))
    with torch.no_grad():
        for weights in model.parameters():
            weights.fill_(number)
    sampler = Sampler(
        run=run,
        inference=inference_of(run, model.eval()),
        codec=codec_of(run, store=Store(tmp_path / "study")),
        folder=tmp_path,
    )
    with pytest.raises(Diverged, match="test split id: the trained model's numbers"):
        sampler.made(Part(run.test_splits[0], slice(0, 2)))
