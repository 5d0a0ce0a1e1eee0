"""A step that is not finite changes nothing, although the host asks later, as on a GPU."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
import torch.distributed as dist

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective import Network, Share
from physscale.records.errors import Diverged
from physscale.records.latent_shape import LatentShape
from physscale.train.guard import Guard
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import TrainState, begin, learn, part_of

from .tasks import small_latents, small_model

FLOW = FlowSpec(condition_frames=2)
VIDEOS = small_latents(videos=4)
SHAPE = FLOW.backbone_shape(LatentShape(*VIDEOS.shape[1:]))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of one worker, which shards need."""
    meeting = tmp_path_factory.mktemp("meeting") / "file"
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def started(train: TrainSpec, *, sharded: bool = False) -> TrainState:
    state = begin(small_model(), train=train, shape=SHAPE, seed=0, device="cpu")
    state.guard = Guard("cpu", reads="when asked")
    if sharded:
        from physscale.train.sharded import ShardedWeights

        model = small_model().build(SHAPE)
        model.load_state_dict(state.model.state_dict())
        state.model = model
        state.weights = ShardedWeights.of(
            model, spec=train, rates=None, workers=Workers(), device="cpu"
        )
    return state


@dataclass(frozen=True)
class Factor:
    """A share whose loss is multiplied."""

    share: Share
    by: float

    @property
    def x0(self) -> torch.Tensor:
        return self.share.x0

    def loss(self, model: Network, *, rows: slice) -> torch.Tensor:
        return self.by * self.share.loss(model, rows=rows)


def take(state: TrainState, *, train: TrainSpec, loss_times: float = 1) -> None:
    part = part_of(step=state.step, seed=0, train=train, workers=Workers())
    share = FLOW.build().draw(VIDEOS, part=part)
    learn(state, Factor(share, by=loss_times), train=train, workers=Workers())


def everything(state: TrainState) -> list[torch.Tensor]:
    kinds = state.weights.tensors().values()
    return [tensor.clone() for named in kinds for tensor in named.values()]


def spec(optimiser: str) -> TrainSpec:
    return TrainSpec(steps=20, batch=4, optimiser=optimiser, warmup_steps=2, weight_decay=0.1)


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30], ids=str)
@pytest.mark.parametrize("sharded", [False, True], ids=["whole", "sharded"])
@pytest.mark.usefixtures("alone")
def test_the_state_stays_that_of_the_last_finite_step(
    optimiser: str, bad: float, sharded: bool
) -> None:
    """1e30: the loss is finite, its gradient's norm is not."""
    train = spec(optimiser)
    state = started(train, sharded=sharded)
    for _ in range(3):
        take(state, train=train)
    before = everything(state)
    take(state, train=train, loss_times=bad)
    for _ in range(3):
        take(state, train=train)
    assert bool(state.losses[3].isfinite()) == (bad == 1e30)
    assert all(map(torch.equal, everything(state), before))
    with pytest.raises(Diverged, match="step 3: loss"):
        state.guard.check()


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_asked_later_a_training_has_the_same_bits(optimiser: str) -> None:
    train = spec(optimiser)
    later, at_once = started(train), started(train)
    at_once.guard = Guard.on("cpu")
    for state in (later, at_once):
        for _ in range(6):
            take(state, train=train)
    later.guard.check()
    assert torch.equal(later.losses, at_once.losses)
    assert all(map(torch.equal, everything(later), everything(at_once)))


def test_asked_at_every_step_nothing_of_a_bad_one_is_written() -> None:
    train = spec("adamw")
    state = started(train)
    state.guard = Guard.on("cpu")
    with pytest.raises(Diverged, match="step 0: loss nan"):
        take(state, train=train, loss_times=float("nan"))
    assert state.step == 0
