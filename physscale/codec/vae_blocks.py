"""Parts of the video VAE. Most layers work frame by frame; a few look back in time.

Each layer that looks back (`CausalConv`, `TimeMix`) can start as the identity in time, so that an
inflated picture VAE treats each frame as before until it is trained further (arXiv 2411.02385,
appendix on the VAE). Parameters are named as in diffusers' AutoencoderKL, so that its checkpoints
load as they are. Letters: B videos, T frames, C channels, H W pixels."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention, silu

__all__ = [
    "Attention",
    "CausalConv",
    "Downsample",
    "Norm",
    "ResBlock",
    "TimeMix",
    "Upsample",
    "per_frame",
]

NORM_EPSILON = 1e-6
TIME_TAPS = 3


def per_frame(layer: Callable[[Tensor], Tensor], x_BTCHW: Tensor) -> Tensor:
    """Applies a layer for pictures [n, C, H, W] to every frame."""
    flat = layer(x_BTCHW.flatten(0, 1))
    return flat.view(*x_BTCHW.shape[:2], *flat.shape[1:])


class Norm(nn.GroupNorm):
    """A group norm in float32, also where products are in bfloat16 (CUDA's autocast does so by
    itself, the CPU's does not)."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__(groups, channels, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class CausalConv(nn.Conv3d):
    """A convolution over this frame and the two before it; kernel [out, in, 3, k, k], the last tap
    for the frame itself.

    The first frame is repeated in front. So nothing looks ahead, and a picture is a video of one
    frame."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, time_stride: int = 1
    ) -> None:
        super().__init__(
            inputs, outputs, (TIME_TAPS, kernel, kernel), stride=(time_stride, stride, stride)
        )

    def begin_as(self, weight: Tensor, bias: Tensor | None) -> None:
        """Start as a layer for pictures with this weight [out, in, k, k] and bias [out], applied
        to each frame."""
        with torch.no_grad():
            self.weight.zero_()
            self.weight[:, :, -1] = weight
            if self.bias is not None:
                self.bias.copy_(bias if bias is not None else torch.zeros_like(self.bias))

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        past = x_BTCHW[:, :1].expand(-1, TIME_TAPS - 1, -1, -1, -1)
        return super().forward(torch.cat((past, x_BTCHW), dim=1).transpose(1, 2)).transpose(1, 2)


class TimeMix(nn.Module):
    """x + a causal convolution over time at each pixel; the convolution starts at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = CausalConv(channels, channels)
        self.conv.begin_as(torch.zeros(channels, channels, 1, 1), None)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        return x_BTCHW + self.conv(x_BTCHW)


class ResBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), then a time mix at levels that look back."""

    def __init__(self, inputs: int, outputs: int, *, groups: int, looks_back: bool) -> None:
        super().__init__()
        self.norm1 = Norm(inputs, groups=groups)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = Norm(outputs, groups=groups)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.time_mix = TimeMix(outputs) if looks_back else nn.Identity()

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        return self.time_mix(per_frame(self._picture, x_BTCHW))

    def _picture(self, x: Tensor) -> Tensor:
        hidden = self.conv1(silu(self.norm1(x)))
        return self.conv_shortcut(x) + self.conv2(silu(self.norm2(hidden)))


class Attention(nn.Module):
    """x + attention over the pixels of each frame, with one head."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.group_norm = Norm(channels, groups=groups)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        return x_BTCHW + per_frame(self._picture, x_BTCHW)

    def _picture(self, x: Tensor) -> Tensor:
        pixels = self.group_norm(x).flatten(2).mT.unsqueeze(1)  # n 1 HW C
        mixed = scaled_dot_product_attention(
            self.to_q(pixels), self.to_k(pixels), self.to_v(pixels)
        )
        return self.to_out[0](mixed).squeeze(1).mT.unflatten(2, x.shape[2:])


class Downsample(nn.Module):
    """A convolution of stride 2 that halves height and width; with `time_stride` 2 it also takes
    1 + 2 n frames to 1 + n."""

    def __init__(self, channels: int, *, looks_back: bool, time_stride: int) -> None:
        super().__init__()
        self.conv: nn.Conv2d | CausalConv
        if looks_back:
            self.conv = CausalConv(channels, channels, kernel=3, stride=2, time_stride=time_stride)
        else:
            self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        padded = pad(x_BTCHW, (0, 1, 0, 1))
        return (
            self.conv(padded) if isinstance(self.conv, CausalConv) else per_frame(self.conv, padded)
        )


class Upsample(nn.Module):
    """Doubles height and width by a convolution to four times the channels and a pixel shuffle;
    with `time_stride` 2 it also takes 1 + n frames to 1 + 2 n in the same way. Both start as
    nearest neighbour. The convolution of the picture VAE follows."""

    def __init__(self, channels: int, *, time_stride: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, 4 * channels, 1)
        self.expand_time = CausalConv(channels, 2 * channels) if time_stride == 2 else None
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.begin_as_nearest()

    def begin_as_nearest(self) -> None:
        channels = self.expand.in_channels
        same = torch.eye(channels, device=self.expand.weight.device)[..., None, None]
        with torch.no_grad():
            self.expand.weight.copy_(same.repeat_interleave(4, dim=0))
            nn.init.zeros_(self.expand.bias) if self.expand.bias is not None else None
        if self.expand_time is not None:
            self.expand_time.begin_as(same.repeat(2, 1, 1, 1), None)

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        if self.expand_time is not None:
            pairs = self.expand_time(x_BTCHW).unflatten(2, (2, -1))  # B T 2 C H W
            x_BTCHW = pairs.flatten(1, 2)[:, 1:]
        return per_frame(lambda x: self.conv(torch.pixel_shuffle(self.expand(x), 2)), x_BTCHW)
