"""Shape of one video in latent space: what a codec gives and a backbone takes (read without
torch)."""

from dataclasses import dataclass

__all__ = ["LatentShape"]


@dataclass(frozen=True)
class LatentShape:
    """T frames of C channels on H x W latent pixels."""

    frames: int
    channels: int
    height: int = 1
    width: int = 1
