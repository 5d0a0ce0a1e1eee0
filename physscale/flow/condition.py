"""How the first frames are given to the model: side by side on the channel axis, as in arXiv 2411.02385.

[noisy latents with the given frames kept clean | given frames, zero elsewhere | mask, one on given frames]   (2 C + 1 channels)

Where the frames are withheld (`given` false), the video is noise from its first frame on, and condition and mask are zero. Facts that a
model is told beside the frames (`model/conditioning_spec.py`) are withheld with them: all zero, they say nothing.
"""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

__all__ = ["keep_given", "model_input", "told"]


def keep_given(x: Tensor, *, clean: Tensor, condition_frames: int) -> Tensor:
    """x with its first frames replaced by the clean ones; `clean` may hold only these frames."""
    return torch.cat((clean[:, :condition_frames], x[:, condition_frames:]), dim=1)


def told(
    facts: Shaped[Tensor, "batch told *features"], *, withheld: Bool[Tensor, " batch"] | None
) -> Shaped[Tensor, "batch told *features"]:
    """What the model is told of each video: nothing where it is withheld."""
    return facts if withheld is None else facts.masked_fill(withheld.view(-1, *[1] * (facts.ndim - 1)), 0)


def model_input(
    x_t: Float[Tensor, "batch time channels height width"],
    *,
    clean: Float[Tensor, "batch given channels height width"],
    condition_frames: int,
    withheld: Bool[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch time inputs height width"]:
    """What the model sees of x_t [B, T, C, H, W] when the first frames of `clean` are given, but to the videos they are withheld from:
    [B, T, 2C + 1, H, W]."""
    channels, c = x_t.shape[2], condition_frames
    inputs = x_t.new_zeros((*x_t.shape[:2], 2 * channels + 1, *x_t.shape[3:]))
    inputs[:, c:, :channels] = x_t[:, c:]
    inputs[:, :c, :channels] = clean[:, :c]
    inputs[:, :c, channels : 2 * channels] = clean[:, :c]
    inputs[:, :c, 2 * channels] = 1
    if withheld is None:
        return inputs
    alone = torch.cat((x_t, torch.zeros_like(inputs[:, :, channels:])), dim=2)
    return torch.where(withheld.view(-1, 1, 1, 1, 1), alone, inputs)
