"""Next-frame prediction: what the network sees, what is trained, and how a sample rolls out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from physscale.flow.autoregressive import windows
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.noise import Stream, normal
from physscale.flow.objective import Part
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.train.latents import LatentSet
from physscale.train.loop import train
from tests.unit.train.tasks import PlainContext, small_latents, small_task

SPEC = AutoregressiveSpec(condition_frames=2, context_frames=3)
VIDEOS = normal(0, stream=Stream.SAMPLE, counter=4, shape=(5, 8, 3, 1, 1))
SHARE = Part(step=3, seed=1, batch=5, rows=slice(0, 5))


def straight_on(seen: Tensor, _t: Tensor) -> Tensor:
    """A network that knows uniform motion: the last frame and as much again."""
    latents = seen[:, :, :-1]
    return torch.cat((latents[:, :-1], 2 * latents[:, -2:-1] - latents[:, -3:-2]), dim=1)


def stands_still(seen: Tensor, _t: Tensor) -> Tensor:
    latents = seen[:, :, :-1]
    return torch.cat((latents[:, :-1], latents[:, -2:-1]), dim=1)


def test_a_window_holds_the_frames_before_and_masks_what_is_not_there() -> None:
    seen = windows(VIDEOS, context_frames=3, first=2)
    assert seen.shape == (5, 7, 4, 4, 1, 1)
    assert torch.equal(seen[:, 2, :3, :3], VIDEOS[:, 1:4]), "of frame 4: frames 1, 2, 3"
    assert torch.equal(seen[:, 0, 1:3, :3], VIDEOS[:, :2])
    assert not seen[:, 0, 0].any(), "nothing comes before the first frame"
    assert not seen[:, :, 3].any(), "the predicted frame is empty"
    assert torch.equal(seen[0, :2, :, 3, 0, 0], torch.tensor([[0.0, 1, 1, 0], [1, 1, 1, 0]]))


def test_a_network_that_knows_the_law_has_no_error_and_rolls_out_straight_lines() -> None:
    lines, objective = small_latents(videos=5), SPEC.build()
    errors = objective.held_out(straight_on, lines, indices=range(5))
    assert errors.from_given.max() < 1e-9
    assert errors.as_trained.max() < 1e-9
    drawn = objective.sample(straight_on, given=lines[:, :2], frames=8, indices=range(5), seed=0)
    torch.testing.assert_close(drawn, lines, atol=1e-5, rtol=1e-5)
    assert objective.draw(lines, part=SHARE).loss(straight_on, rows=slice(0, 5)) < 1e-9


def test_errors_of_a_frame_that_repeats_grow_along_the_roll_out_and_not_one_frame_ahead() -> None:
    lines = small_latents(videos=5)
    errors = SPEC.build().held_out(stands_still, lines, indices=range(5))
    slope = (lines[:, 1] - lines[:, 0]).square().flatten(1).mean(dim=1)
    steps = torch.arange(1, 7).float()
    torch.testing.assert_close(errors.as_trained, slope, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(errors.from_given, slope * steps.square().mean())


@pytest.mark.parametrize("given_frames", [2, 5])
def test_given_frames_are_kept_and_no_later_one_is_looked_at(given_frames: int) -> None:
    objective = SPEC.build()
    drawn = objective.sample(
        stands_still, given=VIDEOS[:, :given_frames], frames=8, indices=range(5), seed=0
    )
    assert torch.equal(drawn[:, :2], VIDEOS[:, :2])
    assert torch.equal(drawn[:, 2:], VIDEOS[:, 1:2].expand(-1, 6, -1, -1, -1))
    with pytest.raises(UserError, match="condition_frames=2: only 1 frames were given"):
        objective.sample(stands_still, given=VIDEOS[:, :1], frames=8, indices=range(5), seed=0)


def test_parts_of_a_share_add_up_and_noise_is_that_of_the_place_in_the_batch() -> None:
    noisy = replace(SPEC, context_noise=0.3).build()
    whole = noisy.draw(VIDEOS, part=SHARE)
    assert not torch.equal(whole.loss(stands_still, rows=slice(0, 5)), torch.zeros(()))
    pieces = [whole.loss(stands_still, rows=rows) for rows in (slice(0, 2), slice(2, 5))]
    torch.testing.assert_close(pieces[0] + pieces[1], whole.loss(stands_still, rows=slice(0, 5)))
    second = noisy.draw(VIDEOS[2:], part=replace(SHARE, rows=slice(2, 5), world=2, whole=False))
    assert torch.equal(second.context, whole.context[2:])
    assert (whole.context - VIDEOS).std() == pytest.approx(0.3, rel=0.2)
    torch.testing.assert_close(second.loss(stands_still, rows=slice(0, 3)) / 2, pieces[1])


def test_learns_uniform_motion_better_than_a_frame_that_repeats(tmp_path: Path) -> None:
    """On lines that were not trained on, from the given frames alone."""
    lines, objective = small_latents(videos=440), SPEC.build()
    task = small_task(tmp_path, steps=400, width=32)
    task = replace(task, objective=SPEC, latents=LatentSet(lines[40:]))
    model = train(task, context=PlainContext()).model
    lines = lines[:40]
    learned = objective.held_out(model, lines, indices=range(40))
    repeats = objective.held_out(stands_still, lines, indices=range(40))
    assert learned.as_trained.mean() < 0.5 * repeats.as_trained.mean()
    assert learned.from_given.mean() < 0.5 * repeats.from_given.mean()


def test_what_cannot_be_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="autoregressive context_frames=0: must be at least 1"):
        replace(SPEC, context_frames=0)
    with pytest.raises(UserError, match=r"autoregressive context_noise=-1.0: must be at least 0"):
        replace(SPEC, context_noise=-1.0)
    with pytest.raises(UserError, match="context_frames=3: must be below the videos' 3 frames"):
        SPEC.backbone_shape(LatentShape(frames=3, channels=2))
