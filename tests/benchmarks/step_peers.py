"""Training steps to stand beside ours: the same widths, depths, tokens, batch and precision,
written as published code writes them.

diffusers: `DiTTransformer2DModel` with the video's frames laid out as one square picture (as many
latent pixels, so as many tokens). plain: the first DiT (arXiv 2212.09748) on a video: adaLN in
every block, fused attention of torch, GELU, fixed positions. Both are trained as example scripts
do: `torch.optim.AdamW`, `clip_grad_norm_`, an average parameter by parameter."""

import copy
import math
from collections.abc import Callable
from typing import Literal

import torch
from diffusers import DiTTransformer2DModel
from torch import Tensor, nn

from physscale.model.dit_spec import DiTSpec
from physscale.records.latent_shape import BackboneShape

Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
Precision = Literal["fp32", "bf16"]
CONDITION_FRAMES = 3


class PeerStep:
    """One optimiser step a call: noise, forward, backward, clip, AdamW, average."""

    def __init__(self, model: nn.Module, *, loss: Loss, precision: Precision, device: str) -> None:
        self.model, self.loss, self.precision = model.to(device), loss, precision
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=1e-4, betas=(0.9, 0.999), weight_decay=0.01
        )

    def __call__(self, x0: Tensor) -> None:
        t = torch.rand(len(x0), device=x0.device)
        with torch.autocast(x0.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.loss(self.model, x0, torch.randn_like(x0), t)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        with torch.no_grad():
            for average, parameter in zip(
                self.ema.parameters(), self.model.parameters(), strict=True
            ):
                average.mul_(0.999).add_(parameter, alpha=0.001)


def conditioned(x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Noisy latents, given frames and mask side by side [B, T, 2C + 1, H, W], on the rectified
    path."""
    mix = (1 - t).view(-1, 1, 1, 1, 1) * x0 + t.view(-1, 1, 1, 1, 1) * noise
    mask = torch.zeros_like(x0[:, :, :1])
    mask[:, :CONDITION_FRAMES] = 1
    given = mask * x0
    return torch.cat((torch.where(mask > 0, x0, mix), given, mask), dim=2)


def velocity_loss(output: Tensor, *, x0: Tensor, noise: Tensor) -> Tensor:
    return nn.functional.mse_loss(
        output[:, CONDITION_FRAMES:].float(), (noise - x0)[:, CONDITION_FRAMES:]
    )


def plain_step(
    spec: DiTSpec, *, shape: BackboneShape, precision: Precision, device: str
) -> PeerStep:
    def loss(model: nn.Module, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return velocity_loss(model(conditioned(x0, noise, t), t), x0=x0, noise=noise)

    return PeerStep(PlainDiT(spec, shape=shape), loss=loss, precision=precision, device=device)


def diffusers_step(
    spec: DiTSpec, *, shape: BackboneShape, precision: Precision, device: str
) -> PeerStep:
    side = math.isqrt(shape.frames * shape.height * shape.width)
    across = side // shape.width
    assert side * side == shape.frames * shape.height * shape.width, "the frames must fill a square"
    model = DiTTransformer2DModel(
        num_attention_heads=spec.heads,
        attention_head_dim=spec.head_width,
        in_channels=shape.inputs,
        out_channels=shape.channels,
        num_layers=spec.depth,
        sample_size=side,
        patch_size=spec.patch,
    )

    def loss(model: nn.Module, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        seen = conditioned(x0, noise, t)
        picture = (
            seen.unflatten(1, (-1, across))
            .permute(0, 3, 1, 4, 2, 5)
            .reshape(len(x0), -1, side, side)
        )
        labels = torch.zeros(len(x0), dtype=torch.long, device=x0.device)
        output = model(picture, timestep=(999 * t).long(), class_labels=labels).sample
        frames = output.view(
            len(x0), shape.channels, -1, shape.height, across, shape.width
        ).permute(0, 2, 4, 1, 3, 5)
        return velocity_loss(frames.reshape(x0.shape), x0=x0, noise=noise)

    return PeerStep(model, loss=loss, precision=precision, device=device)


class PlainDiT(nn.Module):
    """`forward` maps [B, T, 2C + 1, H, W] and t [B] to [B, T, C, H, W]."""

    def __init__(self, spec: DiTSpec, *, shape: BackboneShape) -> None:
        super().__init__()
        self.spec, self.shape = spec, shape
        d, p = spec.width, spec.patch
        self.embed = nn.Conv2d(shape.inputs, d, kernel_size=p, stride=p)
        self.positions = nn.Parameter(
            torch.randn(1, spec.tokens(shape), d) * 0.02, requires_grad=False
        )
        self.time = nn.Sequential(nn.Linear(256, d), nn.SiLU(), nn.Linear(d, d))
        self.blocks = nn.ModuleList([PlainBlock(spec) for _ in range(spec.depth)])
        self.norm = nn.LayerNorm(d, elementwise_affine=False, eps=1e-6)
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(d, 2 * d))
        self.head = nn.Linear(d, p * p * shape.channels)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        batch, frames = x.shape[:2]
        patches = self.embed(x.flatten(0, 1))
        rows, columns = patches.shape[2:]
        tokens = (
            patches.flatten(2).transpose(1, 2).reshape(batch, frames * rows * columns, -1)
            + self.positions
        )
        rates = torch.exp(torch.arange(128, device=t.device) * (-math.log(10_000) / 128))
        angle = 1000 * t[:, None] * rates
        c = self.time(torch.cat((angle.cos(), angle.sin()), dim=-1))
        for block in self.blocks:
            tokens = block(tokens, c)
        shift, scale = self.modulate(c).chunk(2, dim=1)
        out = self.head(modulated(self.norm(tokens), shift, scale))
        p, channels = self.spec.patch, self.shape.channels
        out = out.view(batch, frames, rows, columns, p, p, channels).permute(0, 1, 6, 2, 4, 3, 5)
        return out.reshape(batch, frames, channels, rows * p, columns * p)


class PlainBlock(nn.Module):
    def __init__(self, spec: DiTSpec) -> None:
        super().__init__()
        d, self.heads = spec.width, spec.heads
        self.norm1, self.norm2 = (
            nn.LayerNorm(d, elementwise_affine=False, eps=1e-6) for _ in range(2)
        )
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(
            nn.Linear(d, spec.mlp_ratio * d),
            nn.GELU(approximate="tanh"),
            nn.Linear(spec.mlp_ratio * d, d),
        )
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(d, 6 * d))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulate(c).chunk(6, dim=1)
        x = x + gate_a.unsqueeze(1) * self._attention(modulated(self.norm1(x), shift_a, scale_a))
        return x + gate_m.unsqueeze(1) * self.mlp(modulated(self.norm2(x), shift_m, scale_m))

    def _attention(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).reshape(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        return self.out(
            nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        )


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


def peers(
    spec: DiTSpec, *, shape: BackboneShape, precision: Precision, device: str = "cpu"
) -> dict[str, PeerStep]:
    return {
        make.__name__.removesuffix("_step"): make(
            spec, shape=shape, precision=precision, device=device
        )
        for make in (diffusers_step, plain_step)
    }
