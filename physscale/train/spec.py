"""How a run is trained, in values (read without torch). What changes no result (logging,
checkpoints) is in `TrainTask`, not here."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape
from physscale.records.limits import BILLION, LARGEST_RATE, MILLION, Limits, Range, check_limits
from physscale.records.spec import ANYTHING

__all__ = [
    "CHECKPOINTS_KEPT",
    "CHECKPOINT_MINUTES",
    "TrainSpec",
    "check_optimiser",
    "computed_plainly",
    "learning_rate_factor",
]

CHECKPOINTS_KEPT = 2
"""The newest whole one, and the one before in case it is damaged. While one is written, it lies on
the disk beside them."""

CHECKPOINT_MINUTES = 10.0
"""What a crash costs at most, unless a study says otherwise."""

_CHECKPOINTS_PER_RUN = 4
"""Where steps alone would decide."""


@dataclass(frozen=True)
class TrainSpec:
    """Steps, global batch and optimiser. With `muon`, the backbone's matrices take Muon at
    `muon_learning_rate` and all else AdamW at `learning_rate`; with `adamw`, everything takes
    AdamW. The rate warms up linearly, holds, and falls to zero over the last `decay_fraction` of
    the steps, linearly or along half a cosine (`schedule`).

    How a step is computed, each with one result up to rounding (`train/README.md` says what is
    proved where): `parallel`: every device holds the whole model, or a shard of it (FSDP2);
    `precision`: products in float32 or bfloat16 (the weights are float32 either way); `accumulate`:
    in how many parts a worker's share of the batch goes through the model; `recompute`: whether
    the blocks' activations are kept or made again in the backward pass, all or (`selective`) all
    but the results of products and attention; `compile`: torch.compile of
    each block.

    What is learned: `noise` names its generator: NumPy's on the host, or one whose numbers have the
    same bits on every device and are drawn there (`flow/device_noise.py`); `flip` mirrors each
    video left to right, or not, by a coin of (seed, step, place in the batch); `parametrisation`:
    with `mup`, AdamW's rate of every matrix falls with its fan-in, so that a rate found at
    `base_width` holds at other widths.

    What is looked at on the way and changes no result: every `validate_every` and `sample_every`
    steps (0: never), the loss on held-out videos and a few sampled ones. A checkpoint is saved
    every `checkpoint_every` steps (0: a quarter of the steps) or `checkpoint_minutes`, whichever
    comes first."""

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "schedule": "linear",
        "adam_beta_2": 0.95,
        "parallel": "ddp",
        "precision": "fp32",
        "accumulate": 1,
        "recompute": "none",
        "compile": "none",
        "noise": "host",
        "flip": "none",
        "parametrisation": "standard",
        "base_width": 64,
        "validate_every": ANYTHING,
        "sample_every": ANYTHING,
        "checkpoint_every": ANYTHING,
        "checkpoint_minutes": ANYTHING,
    }
    LIMITS: ClassVar[Limits] = {
        "steps": Range(1, BILLION),
        **dict.fromkeys(("batch", "accumulate", "base_width"), Range(1, MILLION)),
        **dict.fromkeys(("learning_rate", "muon_learning_rate"), Range(0, LARGEST_RATE, "low")),
        **dict.fromkeys(("clip_norm", "checkpoint_minutes"), Range(0, BILLION, "low")),
        **dict.fromkeys(("weight_decay", "ema_decay", "adam_beta_2"), Range(0, 1, "high")),
        **dict.fromkeys(
            ("warmup_steps", "validate_every", "sample_every", "checkpoint_every"),
            Range(0, BILLION),
        ),
        "decay_fraction": Range(0, 1),
    }

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
    schedule: Literal["linear", "cosine"] = "linear"
    adam_beta_2: float = 0.95
    parallel: Literal["ddp", "fsdp"] = "ddp"
    precision: Literal["fp32", "bf16"] = "fp32"
    accumulate: int = 1
    recompute: Literal["none", "selective", "block"] = "none"
    compile: Literal["none", "block"] = "none"
    noise: Literal["host", "device"] = "host"
    flip: Literal["none", "horizontal"] = "none"
    parametrisation: Literal["standard", "mup"] = "standard"
    base_width: int = 64
    validate_every: int = 0
    sample_every: int = 0
    checkpoint_every: int = 0
    checkpoint_minutes: float = CHECKPOINT_MINUTES

    def __post_init__(self) -> None:
        for name, allowed in _WORDS.items():
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"train {name}={getattr(self, name)!r}: allowed are "
                    f"{' and '.join(map(repr, allowed))}"
                )
        check_limits(self, self.LIMITS, what="train")

    @property
    def steps_between_checkpoints(self) -> int:
        """At most; minutes may bring one earlier."""
        return self.checkpoint_every or max(1, self.steps // _CHECKPOINTS_PER_RUN)


_WORDS: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(TrainSpec).items()
    if get_origin(hint) is Literal
}


def check_optimiser(train: TrainSpec, *, backbone: BackboneSpec, shape: BackboneShape) -> None:
    """Raises UserError for Muon on a backbone that names no matrices for it."""
    if train.optimiser != "muon":
        return
    blocks = backbone.memory(shape, videos=1, autocast="none").blocks
    if not any(block.matrices for block in blocks):
        raise UserError(
            f"train optimiser='muon': backbone {backbone.description} names no matrices for Muon; "
            "use train.optimiser=adamw"
        )


def computed_plainly(spec: TrainSpec) -> TrainSpec:
    """The same training on one device, all at once: what differs changes rounding only, so that a
    checkpoint of one resumes the other. (The precision is more than rounding.)"""
    return replace(spec, parallel="ddp", accumulate=1, recompute="none", compile="none")


def learning_rate_factor(spec: TrainSpec, *, step: int) -> float:
    """What the learning rates are multiplied by at this step (counted from 0)."""
    rise = (step + 1) / spec.warmup_steps if spec.warmup_steps else 1.0
    decay_steps = spec.decay_fraction * spec.steps
    fall = (spec.steps - step) / decay_steps if decay_steps else 1.0
    if spec.schedule == "cosine":
        fall = 0.5 - 0.5 * math.cos(math.pi * min(fall, 1.0))
    return min(rise, fall, 1.0)
