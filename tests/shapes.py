"""Shapes of backbones in tests."""

from physscale.flow.flow_spec import FlowSpec
from physscale.records.latent_shape import BackboneShape, LatentShape

__all__ = ["denoiser_shape"]


def denoiser_shape(frames: int, channels: int, height: int = 1, width: int = 1) -> BackboneShape:
    """What a backbone maps that denoises such latents."""
    shape = LatentShape(frames, channels, height, width)
    return FlowSpec(condition_frames=0).backbone_shape(shape)
