"""One run: everything that decides its result, and nothing else.

A run is: draw the training videos, encode them, train one model, sample the videos of the test
splits, score them. Its fingerprint is that of this description, so two studies that ask for the
same run share it, and running it again continues it."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

from physscale.codec.spec import CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import UserError
from physscale.records.limits import LARGEST_SEED, Limits, Range, check_limits, check_numbers
from physscale.records.scores import SplitKind
from physscale.records.spec import fingerprint, is_sha256
from physscale.render.canvas import Canvas
from physscale.simulate.spec import DataSpec
from physscale.train.spec import TrainSpec


@dataclass(frozen=True, kw_only=True)
class TestSplit:
    """A held-out data set that a run is scored on; its name is the data's `split`."""

    WRITTEN_AS: ClassVar[str] = "Judge"

    kind: SplitKind
    data: DataSpec

    def __post_init__(self) -> None:
        if self.data.draw != "held_out":
            raise UserError(
                f"test split {self.data.split!r} draws with the key of training data: set "
                "draw='held_out'"
            )


@dataclass(frozen=True, kw_only=True)
class CodecRecipe:
    """A codec and how it is made.

    Attributes:
        spec: the kind of codec and its sizes.
        corpus: the videos it is fitted on. They show every look and no motion, so the codec
            cannot favour trained speeds.
        training: how it is trained on the corpus, if its kind is trained.
        weights: the SHA-256 of the file it starts from, if it starts from one. A `VaeSpec` takes a
            picture VAE (the safetensors file of diffusers' AutoencoderKL). Where the file lies is
            no part of the recipe (`run/weights.py`).
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {"training": None, "weights": None}

    spec: CodecSpec
    corpus: DataSpec
    training: VaeTraining | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        self.spec.check_recipe(training=self.training, weights=self.weights)
        if self.weights is not None and not is_sha256(self.weights):
            raise UserError(
                f"codec weights={self.weights[:80]!r}: must be a file's SHA-256, 64 digits of 0-9 "
                "a-f, as sha256sum prints it"
            )


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What one training is and what it is scored on.

    Attributes:
        score_precision: of the products while the trained model is scored (held-out loss, samples,
            validation): float32 or bfloat16. The training's own is `train.precision`.
        latent_precision: of the latents that the model learns from, wherever they come from;
            bfloat16 takes half the bytes on disk.
    """

    RECIPE: ClassVar[int] = 1
    """Raised by hand when the code that makes a result of this description changes its meaning."""

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "workers": 1,
        "score_precision": "fp32",
        "latent_precision": "fp32",
    }
    WRITTEN_FIELDS: ClassVar[dict[str, str]] = {"test_splits": "judges", "objective": "flow"}
    LIMITS: ClassVar[Limits] = {"seed": Range(0, LARGEST_SEED), "workers": Range(1, 100_000)}

    data: DataSpec
    canvas: Canvas
    codec: CodecRecipe
    model: BackboneSpec
    objective: ObjectiveSpec
    train: TrainSpec
    test_splits: tuple[TestSplit, ...]
    seed: int = 0
    workers: int = 1
    score_precision: Literal["fp32", "bf16"] = "fp32"
    latent_precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="run")
        check_numbers(self, what="")
        for name in ("score_precision", "latent_precision"):
            if getattr(self, name) not in ("fp32", "bf16"):
                raise UserError(f"{name}={getattr(self, name)!r}: allowed are 'fp32' and 'bf16'")

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self, self.RECIPE)

    @property
    def packs_with(self) -> Hashable:
        """Equal for runs whose trainings differ in data, seed, steps and rates only, and so can be
        one program (`train/pack.py`); None for one that must train alone."""
        train = self.train
        if self.workers > 1 or train.accumulate > 1 or train.recompute != "none":
            return None
        if not self.objective.packs:
            return None
        size_px, frames = self.canvas.size_px, self.data.frames
        latents = self.codec.spec.latents(frames=frames, size_px=size_px)
        alike = replace(train, steps=1, learning_rate=1.0, muon_learning_rate=1.0)
        return self.model, self.objective, alike, latents

    @property
    def given_frames(self) -> int:
        """Frames of a video, not of its latents, that the model is given and not scored on."""
        return self.codec.spec.video_frames(self.objective.condition_frames)

    @property
    def codec_fingerprint(self) -> str:
        return fingerprint(self.codec, self.canvas)

    @property
    def combinations(self) -> int:
        """C: trained combinations, 0 where the scenario has none."""
        return len(self.data.scenario.coverage)
