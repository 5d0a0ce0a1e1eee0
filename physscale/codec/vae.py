"""A causal 3-D VAE. Each level but the last halves height and width, and 1 + k n frames become
1 + n latent frames (k: time factor).

The picture part is the AutoencoderKL of Stable Diffusion 1.5, with the same parameter names (arXiv
2112.10752). The deepest levels look back in time, as arXiv 2411.02385 describes. The same code is
the paper's encoder, inflated from Stable Diffusion's weights (`inflate.py`), and a small VAE
trained on motion-free scenes (`vae_training.py`). Letters: B videos, T frames, C channels, H W
pixels."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from physscale.codec.spec import CodecSpec
from physscale.codec.vae_blocks import (
    Attention,
    Downsample,
    Norm,
    ResBlock,
    Upsample,
    per_frame,
)
from physscale.codec.vae_spec import VaeSpec

__all__ = ["Posterior", "Vae", "VideoVae"]

LOG_VARIANCE = (-30.0, 20.0)


@dataclass(frozen=True)
class Posterior:
    """A normal distribution of latents: mean and log variance [B, T, C, h, w]."""

    mean: Float[Tensor, "batch time channels rows columns"]
    log_variance: Float[Tensor, "batch time channels rows columns"]

    def draw(
        self, noise: Float[Tensor, "batch time channels rows columns"]
    ) -> Float[Tensor, "batch time channels rows columns"]:
        """A sample; `noise` is standard normal."""
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def divergence(self) -> Float[Tensor, ""]:
        """Kullback-Leibler divergence from the standard normal, mean over all latents."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance).mean()


class Vae(nn.Module, ABC):
    """A VAE that `codec/vae_codec.py` makes a codec of; `spec` gives its latents' shape."""

    def __init__(self, spec: CodecSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def encode(self, frames: Float[Tensor, "batch time 3 height width"]) -> Posterior:
        """Frames f32[B, T, 3, H, W] in -1..1 to the posterior of their latents."""

    @abstractmethod
    def decode(
        self, latents: Float[Tensor, "batch time channels rows columns"]
    ) -> Float[Tensor, "batch frames 3 height width"]:
        """Latents f32[B, t, C, h, w] to frames."""


class VideoVae(Vae):
    """The VAE that a `VaeSpec` describes."""

    def __init__(self, spec: VaeSpec) -> None:
        super().__init__(spec)
        latent = spec.latent_channels
        self.encoder = _Encoder(spec)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)
        self.decoder = _Decoder(spec)

    def encode(self, frames: Float[Tensor, "batch time 3 height width"]) -> Posterior:
        numbers = per_frame(self.quant_conv, self.encoder(frames)).float()
        mean, log_variance = numbers.chunk(2, dim=2)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE))

    def decode(
        self, latents: Float[Tensor, "batch time channels rows columns"]
    ) -> Float[Tensor, "batch frames 3 height width"]:
        return self.decoder(per_frame(self.post_quant_conv, latents)).float()


class _Middle(nn.Module):
    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(
            [ResBlock(channels, channels, groups=groups, looks_back=True) for _ in range(2)]
        )
        self.attentions = nn.ModuleList([Attention(channels, groups=groups)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class _DownLevel(nn.Module):
    def __init__(self, spec: VaeSpec, *, level: int) -> None:
        super().__init__()
        inputs, outputs = spec.widths[max(level - 1, 0)], spec.widths[level]
        back = spec.looks_back(level)
        widths = [inputs] + [outputs] * spec.blocks
        self.resnets = nn.ModuleList(
            [ResBlock(a, outputs, groups=spec.groups, looks_back=back) for a in widths[:-1]]
        )
        last = level == len(spec.widths) - 1
        downsamplers = (
            []
            if last
            else [Downsample(outputs, looks_back=back, time_stride=spec.time_stride(level))]
        )
        self.downsamplers = nn.ModuleList(downsamplers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class _UpLevel(nn.Module):
    def __init__(self, spec: VaeSpec, *, level: int) -> None:
        super().__init__()
        inputs, outputs = spec.widths[min(level + 1, len(spec.widths) - 1)], spec.widths[level]
        back = spec.looks_back(level)
        widths = [inputs] + [outputs] * (spec.blocks + 1)
        self.resnets = nn.ModuleList(
            [ResBlock(a, outputs, groups=spec.groups, looks_back=back) for a in widths[:-1]]
        )
        upsamplers = [Upsample(outputs, time_stride=spec.time_stride(level - 1))] if level else []
        self.upsamplers = nn.ModuleList(upsamplers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class _Encoder(nn.Module):
    def __init__(self, spec: VaeSpec) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, spec.widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            [_DownLevel(spec, level=level) for level in range(len(spec.widths))]
        )
        self.mid_block = _Middle(spec.widths[-1], groups=spec.groups)
        self.conv_norm_out = Norm(spec.widths[-1], groups=spec.groups)
        self.conv_out = nn.Conv2d(spec.widths[-1], 2 * spec.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = per_frame(self.conv_in, x)
        for level in self.down_blocks:
            x = level(x)
        return per_frame(
            lambda frames: self.conv_out(silu(self.conv_norm_out(frames))), self.mid_block(x)
        )


class _Decoder(nn.Module):
    def __init__(self, spec: VaeSpec) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(spec.latent_channels, spec.widths[-1], 3, padding=1)
        self.mid_block = _Middle(spec.widths[-1], groups=spec.groups)
        self.up_blocks = nn.ModuleList(
            [_UpLevel(spec, level=level) for level in reversed(range(len(spec.widths)))]
        )
        self.conv_norm_out = Norm(spec.widths[0], groups=spec.groups)
        self.conv_out = nn.Conv2d(spec.widths[0], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(per_frame(self.conv_in, x))
        for level in self.up_blocks:
            x = level(x)
        return per_frame(lambda frames: self.conv_out(silu(self.conv_norm_out(frames))), x)
