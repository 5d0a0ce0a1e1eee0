"""Shapes of one video in latent space: the output of a codec, and the input and output of a
backbone (read without torch)."""

from dataclasses import dataclass

__all__ = ["BackboneShape", "LatentShape"]


@dataclass(frozen=True)
class LatentShape:
    """T frames of C channels on H x W latent pixels."""

    frames: int
    channels: int
    height: int = 1
    width: int = 1


@dataclass(frozen=True, kw_only=True)
class BackboneShape:
    """A backbone maps `inputs` channels to `channels`, on the same frames and latent pixels."""

    frames: int
    inputs: int
    channels: int
    height: int
    width: int

    @property
    def positions(self) -> int:
        """Latent pixels of all frames."""
        return self.frames * self.height * self.width
