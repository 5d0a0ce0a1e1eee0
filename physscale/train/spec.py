"""How a run is trained, in values (read without torch). What changes no result (logging, checkpoints) is in `TrainTask`, not here."""

from dataclasses import dataclass
from typing import Literal

from physscale.records.errors import UserError

__all__ = ["CHECKPOINTS_KEPT", "TrainSpec", "VaeTraining", "learning_rate_factor"]

CHECKPOINTS_KEPT = 2
"""The newest whole one, and the one before in case it is damaged."""


@dataclass(frozen=True)
class TrainSpec:
    """Steps, global batch and optimiser. With `muon`, the blocks' matrices take Muon at `muon_learning_rate` and all else AdamW at
    `learning_rate`; with `adamw`, everything takes AdamW. The rate warms up linearly, holds, and falls linearly to zero over the last
    `decay_fraction` of the steps."""

    steps: int = 1500
    batch: int = 32
    optimiser: Literal["muon", "adamw"] = "muon"
    learning_rate: float = 2e-3
    muon_learning_rate: float = 0.02
    weight_decay: float = 0.01
    warmup_steps: int = 50
    decay_fraction: float = 0.5
    clip_norm: float = 1.0
    ema_decay: float = 0.99

    def __post_init__(self) -> None:
        if self.optimiser not in ("muon", "adamw"):
            raise UserError(f"train optimiser={self.optimiser!r}: allowed are 'muon' and 'adamw'")
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"train {name}={getattr(self, name)}: must be at least 1")
        for name in ("learning_rate", "muon_learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise UserError(f"train {name}={getattr(self, name)}: must be above 0")
        if not 0 <= self.weight_decay < 1:
            raise UserError(f"train weight_decay={self.weight_decay}: must be at least 0 and below 1")
        if self.warmup_steps < 0:
            raise UserError(f"train warmup_steps={self.warmup_steps}: must be at least 0")
        if not 0 <= self.decay_fraction <= 1:
            raise UserError(f"train decay_fraction={self.decay_fraction}: must lie in 0..1")
        if not 0 <= self.ema_decay < 1:
            raise UserError(f"train ema_decay={self.ema_decay}: must be at least 0 and below 1")


def learning_rate_factor(spec: TrainSpec, *, step: int) -> float:
    """What the learning rates are multiplied by at this step (counted from 0)."""
    rise = (step + 1) / spec.warmup_steps if spec.warmup_steps else 1.0
    decay_steps = spec.decay_fraction * spec.steps
    fall = (spec.steps - step) / decay_steps if decay_steps else 1.0
    return min(rise, fall, 1.0)


@dataclass(frozen=True)
class VaeTraining:
    """How a VAE is trained (`train/vae.py`): steps of `batch` clips of `frames` stills; the weights of the parts of its loss; adversaries
    enter at step `adversary_from`."""

    steps: int = 2000
    batch: int = 4
    frames: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    clip_norm: float = 1.0
    kl_weight: float = 3e-4
    perceptual_weight: float = 0.0
    adversary_weight: float = 0.0
    adversary_from: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "frames"):
            if getattr(self, name) < 1:
                raise UserError(f"vae {name}={getattr(self, name)}: must be at least 1")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise UserError(f"vae {name}={getattr(self, name)}: must be above 0")
        for name in ("kl_weight", "perceptual_weight", "adversary_weight", "adversary_from", "warmup_steps", "seed"):
            if getattr(self, name) < 0:
                raise UserError(f"vae {name}={getattr(self, name)}: must be at least 0")
