"""The spec of the causal video VAE (`codec/vae.py`), read without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from physscale.codec.spec import CodecInputs, CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.limits import Limits, Range, check_limits

if TYPE_CHECKING:
    from physscale.codec.vae_codec import VaeCodec

__all__ = ["VaeSpec"]

MOST_CHANNELS = 100_000


@dataclass(frozen=True)
class VaeSpec(CodecSpec):
    """A causal video VAE: 1 + `time_factor` n frames become 1 + n latent frames.

    Attributes:
        widths: channels per level; each level has half the height and width of the one before.
        blocks: residual blocks per level.
        latent_channels: channels of a latent.
        groups: of the group norms.
        levels_back: how many of the deepest levels see earlier frames.
        time_factor: frames per latent frame, after the first frame.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    blocks: int = 1
    latent_channels: int = 4
    groups: int = 8
    levels_back: int = 1
    time_factor: Literal[1, 2, 4] = 1

    LIMITS: ClassVar[Limits] = {
        "blocks": Range(1, 1000),
        "latent_channels": Range(1, 10_000),
        "groups": Range(1, 10_000),
        "levels_back": Range(0, 10),
    }

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="vae")
        if len(self.widths) > 10 or any(width > MOST_CHANNELS for width in self.widths):
            raise UserError(
                f"vae widths={str(self.widths)[:80]}: at most 10 levels of {MOST_CHANNELS:,}"
            )
        if not self.widths or any(width < 1 or width % self.groups for width in self.widths):
            raise UserError(
                f"vae widths={self.widths}: one or more, each a multiple of groups={self.groups}"
            )
        if self.time_factor not in (1, 2, 4):
            raise UserError(f"vae time_factor={self.time_factor}: allowed are 1, 2, 4")
        if not self._halvings < self.levels_back <= len(self.widths):
            raise UserError(
                f"vae levels_back={self.levels_back}: must be above {self._halvings} and at most "
                f"{len(self.widths)} levels"
            )

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        if size_px % self.space_factor:
            raise UserError(
                f"vae: frames of {size_px} px must be a multiple of its factor {self.space_factor}"
            )
        if (frames - 1) % self.time_factor:
            raise UserError(
                f"vae time_factor={self.time_factor}: needs 1 + {self.time_factor} n frames, got "
                f"{frames}"
            )
        side = size_px // self.space_factor
        return LatentShape(
            frames=1 + (frames - 1) // self.time_factor,
            channels=self.latent_channels,
            height=side,
            width=side,
        )

    def video_frames(self, latent_frames: int) -> int:
        return 1 + (latent_frames - 1) * self.time_factor if latent_frames else 0

    def encoding_flops(self, *, frames: int, size_px: int) -> float:
        from physscale.codec.vae_flops import encode_flops

        return float(encode_flops(self, frames=frames, size_px=size_px))

    def training_flops(self, training: VaeTraining, *, size_px: int) -> float:
        from physscale.codec.vae_flops import training_flops

        return float(training_flops(self, training, size_px=size_px))

    def training_memory(self, training: VaeTraining, *, size_px: int, workers: int = 1) -> int:
        from physscale.codec.vae_memory import training_memory

        return training_memory(self, training, size_px=size_px, workers=workers)

    def trained_parameters(self) -> int:
        from physscale.codec.vae_flops import vae_parameters

        return vae_parameters(self)

    def build(self, inputs: CodecInputs) -> "VaeCodec":
        """Starts from the picture VAE's weights, or at random; trains, or leaves it as it is."""
        from physscale.codec.inflate import inflate
        from physscale.codec.vae_checkpoint import Saving
        from physscale.codec.vae_codec import normalised
        from physscale.codec.vae_training import fit_vae, fresh_vae

        training = inputs.training
        if inputs.weights is not None:
            vae = inflate(inputs.weights, spec=self)
        else:
            assert training is not None, "a recipe without weights has a training"
            vae = fresh_vae(self, seed=training.seed)
        vae = vae.to(inputs.device)
        if training is None:
            return normalised(vae, stills=inputs.stills)
        return fit_vae(
            vae,
            stills=inputs.stills,
            training=training,
            perceptual=inputs.perceptual,
            report=inputs.report,
            context=inputs.context,
            saving=None if inputs.checkpoints is None else Saving(inputs.checkpoints),
        )

    def load(self, folder: Path) -> "VaeCodec":
        from physscale.codec.vae import VideoVae
        from physscale.codec.vae_codec import load_vae

        return load_vae(VideoVae(self), folder)

    def check_recipe(self, *, training: VaeTraining | None, weights: str | None) -> None:
        """It needs a training, or weights, or both."""
        if training is None and weights is None:
            raise UserError("codec training: a VAE needs it, or weights to begin with, or both")
        if training is None and self.time_factor > 1:
            raise UserError(
                f"codec time_factor={self.time_factor}: weights of pictures know no time; "
                "give training too, or 1"
            )

    def check_weights(self, file: Path) -> None:
        """The file must hold a picture VAE of this layout."""
        from physscale.codec.inflate import check_picture

        check_picture(file, spec=self)

    @property
    def _halvings(self) -> int:
        return self.time_factor.bit_length() - 1

    @property
    def space_factor(self) -> int:
        """Pixels per latent pixel, along each side."""
        return 1 << (len(self.widths) - 1)

    def looks_back(self, level: int) -> bool:
        """Whether this level sees earlier frames."""
        return level >= len(self.widths) - self.levels_back

    def time_stride(self, level: int) -> int:
        """Frames in per frame out between this level and the next deeper one. The deepest steps
        halve the number of frames."""
        last = len(self.widths) - 2
        return 2 if last - self._halvings < level <= last else 1
