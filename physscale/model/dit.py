"""Diffusion transformer over video latents: one vector per frame (H = W = 1), or patches of latent
images.

Every space-time token attends to every other. Positions enter only by rotary angles in (t, y, x).
The diffusion time t enters by adaptive layer norm, from one projection shared by all blocks. DiT:
arXiv 2212.09748; shared adaLN: 2310.00426; model of the paper: 2411.02385. The model knows one
device and nothing of parallelism.

Letters: B videos, T frames, I input channels, C latent channels, H W latent pixels, N tokens,
D width, K heads.
"""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from physscale.model.backbone import Backbone
from physscale.model.conditioning import reader_of, reads_conditioning, unturned
from physscale.model.dit_block import Block, normalise
from physscale.model.dit_cost import time_features
from physscale.model.dit_spec import DiTSpec
from physscale.model.time_embedding import time_embedding
from physscale.records.latent_shape import BackboneShape

__all__ = ["DiT"]

ROTARY_BASE = 100.0
"""Slowest rotation: one radian in about 100 positions; videos here have 8 to 64 frames and
patches."""


class DiT(Backbone):
    """`forward` maps x_BTIHW (with the objective's input channels) and t to [B, T, C, H, W]. A
    model with `conditioning` reads that too (`model/conditioning.py`)."""

    def __init__(self, spec: DiTSpec, *, shape: BackboneShape) -> None:
        super().__init__()
        self.spec, self.shape = spec, shape
        self.grid = spec.grid(shape)
        width = spec.width
        self.embed = nn.Linear(shape.inputs * spec.cells, width)
        self.time = nn.Sequential(
            nn.Linear(time_features(spec), width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        if spec.adaln == "shared":
            self.modulate = nn.Linear(width, 6 * width)
            self.block_bias = nn.Parameter(torch.empty(spec.depth, 6, width))
        else:
            self.modulate = nn.Linear(width, (6 * spec.depth + 2) * width)
        self.blocks = nn.ModuleList([Block(spec) for _ in range(spec.depth)])
        if spec.adaln == "shared":
            self.head_bias = nn.Parameter(torch.empty(2, width))
        self.head = nn.Linear(width, shape.channels * spec.cells)
        self.reader = reader_of(spec)
        cos, sin = unturned(*rotary_angles(spec, shape=shape), tokens=spec.conditioning_tokens)
        self.register_buffer("rotary_cos", cos, persistent=False)
        self.register_buffer("rotary_sin", sin, persistent=False)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights: normal with variance 1 / fan-in, branches into the residual stream
        smaller by sqrt(2 depth). Scales and gates start at one for every t (their projection at
        zero), and the head at zero: the first prediction is zero. The layers that read
        conditioning are drawn last, so the other weights are those of the model without it."""
        for name, parameter in sorted(
            self.named_parameters(), key=lambda named: reads_conditioning(named[0])
        ):
            nn.init.zeros_(parameter)
            if (
                parameter.ndim == 2
                and name.endswith("weight")
                and not name.startswith(("modulate", "head"))
                and "cross.out" not in name
            ):
                branch = 2 * self.spec.depth if name.endswith(("out.weight", "down.weight")) else 1
                nn.init.normal_(
                    parameter, std=(branch * parameter.shape[1]) ** -0.5, generator=generator
                )
        depth, width = self.spec.depth, self.spec.width
        with torch.no_grad():
            own = self.modulate.bias.view(-1, width)
            blocks, head = (
                (self.block_bias, self.head_bias)
                if self.spec.adaln == "shared"
                else (own[:-2], own[-2:])
            )
            blocks.view(depth, 2, 3, width)[:, :, 1:] = 1
            head[1] = 1

    def forward(
        self,
        x_BTIHW: Float[Tensor, "batch time inputs height width"],
        t_B: Float[Tensor, " batch"],
        conditioning: Shaped[Tensor, "batch tokens *features"] | None = None,
    ) -> Float[Tensor, "batch time channels height width"]:
        x_BND, text = self._conditioned(self.embed(self._patchify(x_BTIHW)), conditioning)
        c_BD = self.time(time_embedding(t_B, features=time_features(self.spec)))
        parts, (shift, scale) = self._modulation(c_BD)
        for number, block in enumerate(self.blocks):
            x_BND = block(
                x_BND,
                parts[6 * number : 6 * number + 6],
                cos=self.rotary_cos,
                sin=self.rotary_sin,
                text=text,
            )
        if self.spec.conditioning_tokens:
            x_BND = x_BND[:, : -self.spec.conditioning_tokens]
        return self._unpatchify(self.head(normalise(x_BND, shift=shift, scale=scale)))

    def _conditioned(
        self, x_BND: Tensor, conditioning: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The tokens, followed by those of the bodies' numbers, and the text that the blocks attend
        to."""
        if self.reader is None:
            return x_BND, None
        assert conditioning is not None, (
            f"a model with conditioning={self.spec.conditioning!r} needs it"
        )
        read = self.reader(conditioning)
        return (
            (x_BND, read)
            if self.spec.conditioning == "text"
            else (torch.cat((x_BND, read), dim=1), None)
        )

    def _modulation(self, c_BD: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Six [B, 1, D] per block, and the head's shift and scale. They are float32 in any
        precision of the products, and so is the stream they act on."""
        if self.spec.adaln == "shared":
            blocks = self.modulate(c_BD).unsqueeze(1) + self.block_bias.flatten(1)
            head = c_BD.unsqueeze(1) + self.head_bias
            return blocks.view(len(c_BD), -1, 1, self.spec.width).unbind(1), head.unsqueeze(
                2
            ).unbind(1)
        parts = self.modulate(c_BD).float().view(len(c_BD), -1, 1, self.spec.width).unbind(1)
        return parts[:-2], parts[-2:]

    def _patchify(self, x_BTIHW: Tensor) -> Tensor:
        (frames, rows, columns), p, q = self.grid, self.spec.patch, self.spec.time_patch
        if p == q == 1:
            return (
                x_BTIHW.flatten(3)
                .transpose(2, 3)
                .reshape(len(x_BTIHW), frames * rows * columns, -1)
            )
        patches = x_BTIHW.reshape(len(x_BTIHW), frames, q, -1, rows, p, columns, p)
        return patches.permute(0, 1, 4, 6, 3, 2, 5, 7).reshape(
            len(x_BTIHW), frames * rows * columns, -1
        )

    def _unpatchify(self, x_BNO: Tensor) -> Tensor:
        (frames, rows, columns), p, q = self.grid, self.spec.patch, self.spec.time_patch
        patches = x_BNO.reshape(len(x_BNO), frames, rows, columns, self.shape.channels, q, p, p)
        return patches.permute(0, 1, 5, 4, 2, 6, 3, 7).reshape(len(x_BNO), *self.shape_of_video)

    def matrices(self) -> dict[str, tuple[int, int]]:
        """The matrices of the blocks. Query, key and value count as three, though one product makes
        them."""
        found = {}
        for name, parameter in self.named_parameters():
            if name.startswith("blocks.") and parameter.ndim == 2:
                rows, columns = parameter.shape
                found[name] = (rows // 3 if name.endswith("qkv.weight") else rows, columns)
        return found

    def fan_in(self) -> dict[str, int]:
        """Of all linear layers. The table of characters is not one."""
        return {
            f"{name}.weight": layer.in_features
            for name, layer in self.named_modules()
            if isinstance(layer, nn.Linear)
        }

    def layers(self) -> dict[str, nn.Module]:
        return {"embedding": self.embed} | super().layers()

    def frame_features(
        self, output: Tensor, *, frame: int
    ) -> Float[Tensor, "batch rows columns features"]:
        """The frame's tokens, without the tokens after the video's own."""
        own = output[:, : math.prod(self.grid)].reshape(len(output), *self.grid, -1)
        return own[:, frame // self.spec.time_patch]


def rotary_angles(spec: DiTSpec, *, shape: BackboneShape) -> tuple[Tensor, Tensor]:
    """cos and signed sin [N, head width] of 3-D rotary positions: the pairs of a head are dealt out
    over the axes t, y, x that are longer than one (the remainder goes to t)."""
    grid = spec.grid(shape)
    pairs = spec.head_width // 2
    axes = [axis for axis in (1, 2) if grid[axis] > 1]
    share = pairs // (len(axes) + 1)
    dealt = {0: pairs - share * len(axes)} | dict.fromkeys(axes, share)
    angles = []
    for axis, count in dealt.items():
        rate = ROTARY_BASE ** -(torch.arange(count) / max(count, 1))
        where = torch.arange(grid[axis]).view([-1 if other == axis else 1 for other in range(3)])
        angles.append((where.unsqueeze(-1) * rate).expand(*grid, count))
    angle = torch.cat(angles, dim=-1).reshape(-1, pairs)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
