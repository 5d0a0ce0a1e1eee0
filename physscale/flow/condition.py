"""How the first frames are given to the model: side by side on the channel axis, as in arXiv
2411.02385.

    noisy latents, the given frames kept clean    C channels
    given frames, zero elsewhere                  C
    mask, one on given frames                     1

In training, the given frames of some videos are dropped: such a video is noise from its first frame
on, and its condition and mask are zero. Its conditioning beside the frames
(`model/conditioning_spec.py`) is dropped too and becomes zero, which carries no information."""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

__all__ = ["dropped_out", "keep_given", "model_input"]


def keep_given(x: Tensor, *, clean: Tensor, condition_frames: int) -> Tensor:
    """x with its first frames replaced by the clean ones; `clean` may hold only these frames."""
    return torch.cat((clean[:, :condition_frames], x[:, condition_frames:]), dim=1)


def dropped_out(
    conditioning: Shaped[Tensor, "batch tokens *features"],
    *,
    dropped: Bool[Tensor, " batch"] | None,
) -> Shaped[Tensor, "batch tokens *features"]:
    """The conditioning, set to zero for the videos whose conditioning is dropped."""
    return (
        conditioning
        if dropped is None
        else conditioning.masked_fill(dropped.view(-1, *[1] * (conditioning.ndim - 1)), 0)
    )


def model_input(
    x_t: Float[Tensor, "batch time channels height width"],
    *,
    clean: Float[Tensor, "batch given channels height width"],
    condition_frames: int,
    dropped: Bool[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch time inputs height width"]:
    """The model's input: x_t with the first frames of `clean` as given frames. Videos in `dropped`
    are given none. inputs = 2C + 1."""
    channels, c = x_t.shape[2], condition_frames
    inputs = x_t.new_zeros((*x_t.shape[:2], 2 * channels + 1, *x_t.shape[3:]))
    inputs[:, c:, :channels] = x_t[:, c:]
    inputs[:, :c, :channels] = clean[:, :c]
    inputs[:, :c, channels : 2 * channels] = clean[:, :c]
    inputs[:, :c, 2 * channels] = 1
    if dropped is None:
        return inputs
    alone = torch.cat((x_t, torch.zeros_like(inputs[:, :, channels:])), dim=2)
    return torch.where(dropped.view(-1, 1, 1, 1, 1), alone, inputs)
