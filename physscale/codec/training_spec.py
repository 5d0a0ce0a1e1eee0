"""How a VAE is trained, as values (read without torch)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from physscale.records.errors import UserError
from physscale.records.limits import (
    BILLION,
    LARGEST_RATE,
    LARGEST_SEED,
    MILLION,
    Limits,
    Range,
    check_limits,
)
from physscale.records.spec import ANYTHING, is_sha256

__all__ = ["VaeTraining"]


@dataclass(frozen=True)
class VaeTraining:
    """How a VAE is trained (`codec/vae_training.py`).

    Attributes:
        batch, frames: a step sees `batch` clips of `frames` stills each.
        clip_norm: of the gradient.
        kl_weight, perceptual_weight, adversary_weight: of the parts of the loss.
        perceptual: the network that compares frames: `st_lpips`, which is installed with the
            package, or LPIPS on torchvision's AlexNet, VGG-16 or SqueezeNet, named by its file's
            SHA-256.
        adversary_from: the step at which the discriminators join.
        precision: of the VAE's products, float32 or bfloat16. Weights, norms, latents, loss and
            discriminators are float32 either way.
        recompute: whether each layer's activations are kept, or made again in the backward pass.
        accumulate: in how many parts a worker's share of the batch goes through the VAE.

    `recompute`, `accumulate` and the number of workers change rounding only, so they are no part of
    a fingerprint, and a training may go on with others.
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "perceptual": "st_lpips",
        "precision": "fp32",
        "recompute": ANYTHING,
        "accumulate": ANYTHING,
    }
    LIMITS: ClassVar[Limits] = {
        "steps": Range(1, BILLION),
        **dict.fromkeys(("batch", "accumulate"), Range(1, MILLION)),
        "frames": Range(1, 10_000),
        "learning_rate": Range(0, LARGEST_RATE, "low"),
        "clip_norm": Range(0, BILLION, "low"),
        **dict.fromkeys(("kl_weight", "perceptual_weight", "adversary_weight"), Range(0, MILLION)),
        **dict.fromkeys(("adversary_from", "warmup_steps"), Range(0, BILLION)),
        "seed": Range(0, LARGEST_SEED),
    }

    steps: int = 2000
    batch: int = 4
    frames: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    clip_norm: float = 1.0
    kl_weight: float = 3e-4
    perceptual_weight: float = 0.0
    perceptual: str = "st_lpips"
    adversary_weight: float = 0.0
    adversary_from: int = 0
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    recompute: Literal["none", "block"] = "none"
    accumulate: int = 1

    def __post_init__(self) -> None:
        for name, allowed in (("precision", ("fp32", "bf16")), ("recompute", ("none", "block"))):
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"vae {name}={getattr(self, name)!r}: allowed are "
                    f"{' and '.join(map(repr, allowed))}"
                )
        check_limits(self, self.LIMITS, what="vae")
        if self.accumulate > self.batch:
            raise UserError(
                f"vae accumulate={self.accumulate}: must be at most the {self.batch} clips of a "
                "batch"
            )
        if self.perceptual != "st_lpips" and not is_sha256(self.perceptual):
            raise UserError(
                f"vae perceptual={self.perceptual[:80]!r}: must be st_lpips, or the SHA-256 of "
                "torchvision's file"
            )
