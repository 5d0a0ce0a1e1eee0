"""How a VAE is trained changes no more than it says: killed and gone on, recomputed, in parts, in
bfloat16, by workers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_checkpoint import Saving
from physscale.codec.vae_codec import VaeCodec
from physscale.codec.vae_training import fit_vae, fresh_vae
from physscale.records.errors import Preempted, UserError
from physscale.records.spec import fingerprint
from tests.unit.codec.test_pca import discs
from tests.unit.codec.test_vae import SPECS

SPEC = SPECS["half"]
STEPS = 6
PLAIN = VaeTraining(
    steps=STEPS,
    batch=3,
    frames=5,
    perceptual_weight=0.5,
    adversary_weight=0.1,
    adversary_from=2,
)


@dataclass
class Counted:
    """Asks to stop before a step."""

    stops_at: int
    asked: int = 0
    rank: int = 0
    world: int = 1
    seat: None = None

    def stop_requested(self) -> bool:
        self.asked += 1
        return self.asked > self.stops_at


def distance(drawn: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    return (drawn - real).square().mean()


def fitted(
    training: VaeTraining = PLAIN,
    *,
    saving: Saving | None = None,
    stops_at: int = 99,
    report: Callable[..., None] | None = None,
) -> VaeCodec:
    return fit_vae(
        fresh_vae(SPEC, seed=training.seed),
        stills=discs(32),
        training=training,
        perceptual=distance,
        report=report,
        context=Counted(stops_at),
        saving=saving,
    )


@pytest.fixture(scope="module")
def undisturbed() -> VaeCodec:
    return fitted()


def assert_same(one: VaeCodec, other: VaeCodec) -> None:
    """Bit for bit."""
    tensors = other.vae.state_dict()
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in one.vae.state_dict().items())
    assert torch.equal(one.shift, other.shift)
    assert torch.equal(one.scale, other.scale)


def assert_close(one: VaeCodec, other: VaeCodec, *, atol: float) -> None:
    tensors = other.vae.state_dict()
    for name, tensor in one.vae.state_dict().items():
        torch.testing.assert_close(tensor, tensors[name], atol=atol, rtol=0)


@pytest.mark.parametrize("stops_at", [1, 2, 4])
def test_one_that_is_stopped_goes_on_bit_for_bit(
    stops_at: int, tmp_path: Path, undisturbed: VaeCodec
) -> None:
    saving = Saving(tmp_path)
    with pytest.raises(Preempted, match=f"after step {stops_at} of {STEPS}"):
        fitted(saving=saving, stops_at=stops_at)
    steps: list[int] = []
    assert_same(fitted(saving=saving, report=lambda done, *_: steps.append(done)), undisturbed)
    assert steps == list(range(stops_at + 1, STEPS + 1))


def test_one_that_dies_goes_on_from_its_newest_whole_checkpoint(
    tmp_path: Path, undisturbed: VaeCodec
) -> None:
    """Saved before steps 2 and 4; it dies after step 5, and the newest file is torn."""

    def die(done: int, *_: object) -> None:
        if done == 5:
            raise KeyboardInterrupt

    saving = Saving(tmp_path, every_steps=2)
    with pytest.raises(KeyboardInterrupt):
        fitted(saving=saving, report=die)
    newest = tmp_path / "step_00000004"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "step_00000002", newest]
    torn = newest / "tensors.safetensors"
    torn.write_bytes(torn.read_bytes()[:-4])
    steps: list[int] = []
    assert_same(fitted(saving=saving, report=lambda done, *_: steps.append(done)), undisturbed)
    assert steps == [3, 4, 5, 6]


def test_it_is_saved_by_the_clock_too(tmp_path: Path) -> None:
    fitted(saving=Saving(tmp_path, every_steps=99, every_s=0.0))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step_00000004", "step_00000005"]


def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    saving = Saving(tmp_path)
    with pytest.raises(Preempted):
        fitted(saving=saving, stops_at=1)
    with pytest.raises(UserError, match="another training; choose another --results"):
        fitted(replace(PLAIN, kl_weight=1.0), saving=saving)


def test_recomputation_changes_no_bit(undisturbed: VaeCodec) -> None:
    assert_same(fitted(replace(PLAIN, recompute="block")), undisturbed)


@pytest.mark.parametrize("parts", [2, 3])
def test_parts_of_a_batch_equal_the_batch_to_rounding(parts: int, undisturbed: VaeCodec) -> None:
    """Adam divides by the root of a gradient's square, so rounding is seen in units of the rate."""
    assert_close(fitted(replace(PLAIN, accumulate=parts)), undisturbed, atol=2e-4)


def test_a_training_goes_on_in_parts(tmp_path: Path, undisturbed: VaeCodec) -> None:
    saving, parts = Saving(tmp_path), replace(PLAIN, accumulate=3, recompute="block")
    with pytest.raises(Preempted):
        fitted(saving=saving, stops_at=3)
    assert_close(fitted(parts, saving=saving), undisturbed, atol=2e-4)


def test_bfloat16_loses_little_and_leaves_float32(undisturbed: VaeCodec) -> None:
    losses: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for precision in losses:
        codec = fitted(
            replace(PLAIN, precision=precision),
            report=lambda *told, seen=losses[precision]: seen.append(told[2]["reconstruction"]),
        )
        assert {tensor.dtype for tensor in codec.vae.state_dict().values()} == {torch.float32}
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=2e-2)


def test_what_changes_rounding_only_is_no_part_of_a_name() -> None:
    assert fingerprint(replace(PLAIN, recompute="block", accumulate=2)) == fingerprint(PLAIN)
    assert fingerprint(replace(PLAIN, precision="bf16")) != fingerprint(PLAIN)


def test_wrong_values_say_what_is_allowed() -> None:
    with pytest.raises(UserError, match="accumulate=5: must be at most the 4 clips"):
        VaeTraining(accumulate=5)
