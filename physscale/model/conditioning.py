"""Conditioning beside the first frames, as layers (in values: `model/conditioning_spec.py`).

Numbers become tokens that join the video's tokens in every attention, without rotary positions. A
small transformer reads a sentence, and every block attends to the result:

    x + out(softmax(q(norm x) k(text)^T / sqrt(D / K)) v(text))

`out` starts at zero, so the model starts as the one without conditioning.

Cross-attention beside shared adaLN: PixArt-alpha, arXiv 2310.00426. Letters: B videos, N video
tokens, D width, P tokens of the conditioning, E their width."""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

from physscale.model.conditioning_spec import CHARACTERS, NUMBERS_A_BODY, TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.on_cpu import attend_by_torch

__all__ = ["CrossAttention", "reader_of", "reads_conditioning", "unturned"]

LONGEST_PERIOD = 1000.0
"""The slowest sine of the sentence's positions turns about one radian in this many characters."""


def reads_conditioning(name: str) -> bool:
    """Whether a parameter of this name belongs to the conditioning."""
    return name.startswith("reader.") or ".cross." in name


def unturned(cos: Tensor, sin: Tensor, *, tokens: int) -> tuple[Tensor, Tensor]:
    """Rotary angles [N, D/K], extended by tokens without rotation."""
    more = (tokens, cos.shape[1])
    return torch.cat((cos, cos.new_ones(more))), torch.cat((sin, sin.new_zeros(more)))


def reader_of(spec: DiTSpec) -> nn.Module | None:
    """The layers that read the conditioning."""
    if spec.conditioning == "none":
        return None
    return TextReader(spec.text) if spec.conditioning == "text" else NumberReader(spec)


class NumberReader(nn.Module):
    """Numbers [B, P, 19] of each body to tokens [B, P, D]."""

    def __init__(self, spec: DiTSpec) -> None:
        super().__init__()
        self.embed = nn.Linear(NUMBERS_A_BODY, spec.width)

    def forward(
        self, conditioning: Float[Tensor, "batch bodies numbers"]
    ) -> Float[Tensor, "batch bodies width"]:
        tokens: Tensor = self.embed(conditioning)
        return tokens


class TextReader(nn.Module):
    """Characters [B, P], or features [B, P, F] of another text encoder, to tokens [B, P, E]."""

    def __init__(self, spec: TextSpec) -> None:
        super().__init__()
        self.table = (
            nn.Embedding(CHARACTERS, spec.width)
            if spec.encoder == "characters"
            else nn.Linear(spec.features, spec.width)
        )
        self.layers = nn.ModuleList([TextLayer(spec) for _ in range(spec.depth)])
        self.register_buffer("places", places(spec), persistent=False)

    def forward(
        self, conditioning: Shaped[Tensor, "batch tokens *features"]
    ) -> Float[Tensor, "batch tokens width"]:
        x_BPE = self.table(conditioning) + self.places
        for layer in self.layers:
            x_BPE = layer(x_BPE)
        return layer_norm(x_BPE, x_BPE.shape[-1:])


class TextLayer(nn.Module):
    """x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self, spec: TextSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.qkv = nn.Linear(spec.width, 3 * spec.width)
        self.out = nn.Linear(spec.width, spec.width)
        self.up = nn.Linear(spec.width, 4 * spec.width)
        self.down = nn.Linear(4 * spec.width, spec.width)

    def forward(self, x_BPE: Tensor) -> Tensor:
        q, k, v = self.qkv(layer_norm(x_BPE, x_BPE.shape[-1:])).chunk(3, dim=-1)
        x_BPE = x_BPE + self.out(attended(q, k=k, v=v, heads=self.heads))
        moved: Tensor = x_BPE + self.down(gelu(self.up(layer_norm(x_BPE, x_BPE.shape[-1:]))))
        return moved


class CrossAttention(nn.Module):
    """Attention of video tokens [B, N, D] to a sentence's tokens [B, P, E]: [B, N, D]."""

    def __init__(self, spec: DiTSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.q = nn.Linear(spec.width, spec.width)
        self.k = nn.Linear(spec.text.width, spec.width)
        self.v = nn.Linear(spec.text.width, spec.width)
        self.out = nn.Linear(spec.width, spec.width)

    def forward(self, x_BND: Tensor, text_BPE: Tensor) -> Tensor:
        q = self.q(layer_norm(x_BND, x_BND.shape[-1:]))
        found: Tensor = self.out(
            attended(q, k=self.k(text_BPE), v=self.v(text_BPE), heads=self.heads)
        )
        return found


def attended(q: Tensor, *, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Attention of [B, N, D] to [B, P, D] with this number of heads."""
    q, k, v = (part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in (q, k, v))
    return attend_by_torch(q, k, v).transpose(1, 2).flatten(2)


def places(spec: TextSpec) -> Float[Tensor, "tokens width"]:
    """Sines and cosines of a character's position, scaled like the embedding table at first."""
    half = spec.width // 2
    rates = torch.exp(torch.arange(half) * (-math.log(LONGEST_PERIOD) / half))
    angle = torch.arange(spec.tokens).unsqueeze(1) * rates
    return torch.cat((angle.cos(), angle.sin()), dim=1) * (2 / spec.width) ** 0.5
